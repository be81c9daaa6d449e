/* demo.c - the main job, on the output of a simulation: three ways into an SQLite file, what each
 * costs, and what each loses when the process is killed. */
#include <ftw.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compare.h"
#include "grouped.h"
#include "kill.h"
#include "ways.h"
#ifdef WEIR_DEMO_POSTGRES
#include "postgres/demo.h"
#endif

typedef struct options {
    uint64_t seed;
    int kills;
    double limit; /* seconds for the first way; half of it for the second */
    const char *directory;
    bool keep;
    bool postgres;
} options;

typedef struct way {
    const char *name, *file;
    int (*run)(job *j);
    double seconds;    /* of the undisturbed run */
    int rows;          /* that it brought in; fewer than ROWS when its time was over */
    comparison after;  /* the undisturbed run */
    comparison killed; /* all kills together */
    int told;          /* in all kills: rows of which the program had been told that they were in */
} way;

enum { UNBUFFERED, BUFFERED, WEIR, WAYS };

/* ---- progress: a line that changes on a terminal, else one for each step ------------------- */

static void show_progress(void *context, int rows) {
    const way *w = context;
    if (rows % 100 == 0 || rows == ROWS)
        fprintf(stderr, "\r\033[K%s: %s of %s rows", w->name, grouped(rows), grouped(ROWS));
}

static void show_nothing(void *context, int rows) {
    (void)context;
    (void)rows;
}

static void begin_step(const char *name, const char *what) {
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K%s: %s", name, what);
    else
        fprintf(stderr, "demo: %s: %s\n", name, what);
}

static void end_steps(void) {
    if (isatty(STDERR_FILENO)) fprintf(stderr, "\r\033[K");
}

/* ---- the runs ------------------------------------------------------------------------------ */

static const char *path_in(const char *directory, const char *file, int number) {
    static char path[4200];
    snprintf(path, sizeof path, "%s/%s-%d.db", directory, file, number);
    return path;
}

/* Progress would cost weir more than its rows do, and it is over in no time. */
static int run_undisturbed(way *w, const options *o, neighbour *other) {
    job j = {.path = path_in(o->directory, w->file, 0),
             .seed = o->seed,
             .limit = w->run == run_unbuffered ? o->limit : o->limit / 2,
             .context = w};
    begin_step(w->name, "inserting its rows");
    j.told = isatty(STDERR_FILENO) && w->run == run_unbuffered ? show_progress : show_nothing;
    double start = now();
    int failed = w->run(&j);
    w->seconds = now() - start;
    w->rows = j.rows;
    neighbour_stop(&j.other);
    *other = j.other;
    return failed || compare(j.path, o->seed, j.rows, &w->after);
}

static int run_killed(way *w, const options *o, uint64_t *random) {
    if (o->kills && !isatty(STDERR_FILENO)) begin_step(w->name, "killing it at random moments");
    for (int i = 1; i <= o->kills; i++) {
        const char *path = path_in(o->directory, w->file, i);
        char what[32];
        comparison c;
        int told;

        snprintf(what, sizeof what, "kill %d of %d", i, o->kills);
        if (isatty(STDERR_FILENO)) begin_step(w->name, what);
        if (kill_way(w->run, path, o->seed, random, &told)) return 1;
        if (w->run == run_weir && recover(path)) return 1;
        if (compare(path, o->seed, told, &c)) return 1;
        w->told += told;
        w->killed.found += c.found;
        w->killed.lost += c.lost;
        w->killed.doubled += c.doubled;
        w->killed.wrong += c.wrong;
        w->killed.runs += c.runs;
    }
    return 0;
}

/* ---- the report ---------------------------------------------------------------------------- */

/* Seconds for all rows, at the rate of those that were brought in. */
static double whole(const way *w) { return w->rows ? w->seconds * ROWS / w->rows : w->seconds; }

static const char *kills_in_words(int kills) {
    static char text[24];
    snprintf(text, sizeof text, "%d kill%s", kills, kills == 1 ? "" : "s");
    return text;
}

/* "about": at the rate of the rows before it was stopped. In one of 4 buffers, used in turn. */
static const char *time_of(const way *w) {
    static char texts[4][32];
    static unsigned turn;
    char *text = texts[turn++ % 4];
    snprintf(text, sizeof texts[0], "%s%.*f s", w->rows < ROWS ? "about " : "",
             whole(w) < 10 ? 3 : 1, whole(w));
    return text;
}

static void print_line(const char *name, const char *seconds, const char *less, const char *lost,
                       const char *twice) {
    printf("%-28s %14s %18s %20s %13s\n", name, seconds, less, lost, twice);
}

static void print_row(const way *w, const way *slowest, int kills) {
    char less[24] = "-", lost[48] = "not killed";
    if (w != slowest) snprintf(less, sizeof less, "%.2f %%", 100 * (1 - whole(w) / whole(slowest)));
    if (w != slowest && kills)
        snprintf(lost, sizeof lost, "%s of %s", grouped(w->killed.lost), grouped(w->told));
    print_line(w->name, time_of(w), less, lost, grouped(w->after.doubled + w->killed.doubled));
}

static void print_table(const way *ways, int kills) {
    char rows[24], lost[40];
    snprintf(rows, sizeof rows, "%s rows", grouped(ROWS));
    snprintf(lost, sizeof lost, "lost in %s", kills_in_words(kills));
    printf("\n");
    print_line("", "time for all", "less than with a", "acknowledged rows", "rows that");
    print_line("way into the file", rows, "commit a row", lost, "came twice");
    printf("\n");
    for (int i = 0; i < WAYS; i++)
        print_row(&ways[i], &ways[UNBUFFERED], kills);
    printf("\nAcknowledged: the call that takes the row had returned before the program was killed "
           "(SIGKILL).\nLost: such a row is not in the file after the kill and the recovery.\n");
    for (int i = 0; i < WAYS; i++)
        if (ways[i].rows < ROWS)
            printf("Stopped early: %s, with %s of %s rows in %.1f s; at this rate %.1f s.\n",
                   ways[i].name, grouped(ways[i].rows), grouped(ROWS), ways[i].seconds,
                   whole(&ways[i]));
}

/* What it comes to. */
static void print_verdict(const way *ways, int kills) {
    const way *w = &ways[WEIR], *b = &ways[BUFFERED];
    printf("\nweir: ");
    if (kills)
        printf("%s of %s acknowledged rows lost in %s, %s doubled; buffered in memory: %s of %s "
               "lost; ",
               grouped(w->killed.lost), grouped(w->told), kills_in_words(kills),
               grouped(w->after.doubled + w->killed.doubled), grouped(b->killed.lost),
               grouped(b->told));
    printf("time %s, with a commit for each row %s.\n", time_of(w), time_of(&ways[UNBUFFERED]));
}

static int judge(const way *w, const neighbour *other, int kills) {
    const comparison *a = &w->after, *k = &w->killed;
    int bad = 0;

    if (a->lost || a->doubled || a->wrong || a->runs != 1) {
        printf("\nFAILED: weir, undisturbed: %d rows lost, %d doubled, %d wrong, %d runs\n",
               a->lost, a->doubled, a->wrong, a->runs);
        bad = 1;
    }
    if (k->lost || k->doubled || k->wrong || k->runs != kills) {
        printf("\nFAILED: weir, killed: %d rows lost, %d doubled, %d wrong, %d of %d runs\n",
               k->lost, k->doubled, k->wrong, k->runs, kills);
        bad = 1;
    }
    if (*other->error || other->read != other->written) {
        printf("\nFAILED: the second connection wrote %d rows and read %d: %s\n", other->written,
               other->read, other->error);
        bad = 1;
    }
    return bad;
}

static int run_all(way *ways, const options *o) {
    neighbour other = {0};
    uint64_t random = o->seed;

    for (int i = 0; i < WAYS; i++)
        if (run_undisturbed(&ways[i], o, &other)) return 1;
    for (int i = BUFFERED; i < WAYS; i++)
        if (run_killed(&ways[i], o, &random)) return 1;
    end_steps();
    print_table(ways, o->kills);
    printf("Meanwhile a second connection wrote %d rows of its own into weir's file and read %d.\n",
           other.written, other.read);
    print_verdict(ways, o->kills);
    return judge(&ways[WEIR], &other, o->kills);
}

/* ---- the command line ---------------------------------------------------------------------- */

static void usage(FILE *to) {
    fprintf(
        to,
        "usage: weir-demo [--postgres] [--seed N] [--kills N] [--seconds N] [--dir DIRECTORY] "
        "[--keep]\n"
        "  --postgres     another demo: one journal into SQLite and a PostgreSQL server of its "
        "own,\n"
        "                 while the program is killed and the server stopped; status 77: no "
        "server\n"
        "  --seed N       of the workload and of the moments to kill; default 1\n"
        "  --kills N      how often ways 2 and 3, or the program, are killed; default 5\n"
        "  --seconds N    after which way 1 is stopped, and way 2 after half of it: the time said\n"
        "                 is that of all rows at the same rate; 0: never; default 6\n"
        "  --dir DIR      where the databases go: a real disk; default $TMPDIR or /var/tmp\n"
        "  --keep         leave the databases there and say where\n");
}

static uint64_t number(const char *text, uint64_t limit) {
    char *end;
    unsigned long long value = strtoull(text, &end, 10);
    if (*text && *text != '-' && !*end && value <= limit) return value;
    fprintf(stderr, "weir-demo: %s: not a number up to %llu\n", text, (unsigned long long)limit);
    exit(16);
}

static options read_options(int argc, char **argv) {
    static const struct option names[] = {
        {"seed", required_argument, NULL, 's'}, {"kills", required_argument, NULL, 'k'},
        {"dir", required_argument, NULL, 'd'},  {"keep", no_argument, NULL, 'K'},
        {"postgres", no_argument, NULL, 'p'},   {"seconds", required_argument, NULL, 't'},
        {"help", no_argument, NULL, 'h'},       {0}};
    const char *base = getenv("TMPDIR");
    options o = {.seed = 1, .kills = 5, .limit = 6, .directory = base && *base ? base : "/var/tmp"};

    for (int c; (c = getopt_long(argc, argv, "h", names, NULL)) != -1;) {
        switch (c) {
        case 's': o.seed = number(optarg, INT64_MAX); break;
        case 'k': o.kills = (int)number(optarg, 1000); break;
        case 't': o.limit = (double)number(optarg, 100000); break;
        case 'd': o.directory = optarg; break;
        case 'K': o.keep = true; break;
        case 'p': o.postgres = true; break;
        case 'h': usage(stdout); exit(0);
        default: usage(stderr); exit(16);
        }
    }
    if (optind != argc) {
        usage(stderr);
        exit(16);
    }
    return o;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *at) {
    (void)info;
    (void)kind;
    (void)at;
    return remove(path);
}

static void remove_all(const char *directory) {
    if (nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS))
        fprintf(stderr, "weir-demo: could not remove %s\n", directory);
}

static int run_with_server(const options *o) {
#ifdef WEIR_DEMO_POSTGRES
    return demo_postgres(o->seed, o->kills, o->directory);
#else
    (void)o;
    printf("skipped: this demo was built without WEIR_POSTGRES\n");
    return 77;
#endif
}

static int run_three_ways(const options *o) {
    way ways[WAYS] = {
        [UNBUFFERED] = {.name = "a commit for each row",
                        .file = "unbuffered",
                        .run = run_unbuffered},
        [BUFFERED] = {.name = "500 rows buffered in memory",
                      .file = "buffered",
                      .run = run_buffered},
        [WEIR] = {.name = "weir", .file = "weir", .run = run_weir},
    };
    printf("%s rows of a simulation (%d ticks x %d agents) into two tables of an SQLite file, in "
           "three "
           "ways; seed %llu\n",
           grouped(ROWS), TICKS, AGENTS, (unsigned long long)o->seed);
    fflush(stdout); /* before the steps, which are told on stderr */
    return run_all(ways, o);
}

int main(int argc, char **argv) {
    options o = read_options(argc, argv);
    char directory[4096];

    if (snprintf(directory, sizeof directory, "%s/weir-demo-XXXXXX", o.directory) >=
            (int)sizeof directory ||
        !mkdtemp(directory)) {
        fprintf(stderr, "weir-demo: cannot make a directory in %s\n", o.directory);
        return 8;
    }
    o.directory = directory;
    int failed = o.postgres ? run_with_server(&o) : run_three_ways(&o);
    if (o.keep)
        printf("The databases are in %s\n", directory);
    else
        remove_all(directory);
    return failed;
}
