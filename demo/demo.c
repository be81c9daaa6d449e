/* demo.c - the main job, on the output of a simulation: three ways into an SQLite file, what each
 * costs, and what each loses when the process is killed. */
#include <ftw.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "compare.h"
#include "kill.h"
#include "ways.h"

typedef struct options {
    uint64_t seed;
    int kills;
    const char *directory;
    bool keep;
} options;

typedef struct way {
    const char *name, *file;
    int (*run)(job *j);
    double seconds;
    comparison after;  /* the undisturbed run */
    comparison killed; /* all kills together */
} way;

enum { UNBUFFERED, BUFFERED, WEIR, WAYS };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- progress: on a terminal only ---------------------------------------------------------- */

static void show_progress(void *context, int rows) {
    const way *w = context;
    if (rows % 100 == 0 || rows == ROWS)
        fprintf(stderr, "\r\033[K%s: %d of %d rows", w->name, rows, ROWS);
}

static void show_nothing(void *context, int rows) {
    (void)context;
    (void)rows;
}

static void clear_progress(void) {
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
    job j = {.path = path_in(o->directory, w->file, 0), .seed = o->seed, .context = w};
    j.told = isatty(STDERR_FILENO) && w->run == run_unbuffered ? show_progress : show_nothing;
    double start = now();
    int failed = w->run(&j);
    w->seconds = now() - start;
    neighbour_stop(&j.other);
    clear_progress();
    *other = j.other;
    return failed || compare(j.path, o->seed, ROWS, &w->after);
}

static int run_killed(way *w, const options *o, uint64_t *random) {
    for (int i = 1; i <= o->kills; i++) {
        const char *path = path_in(o->directory, w->file, i);
        comparison c;
        int told;

        if (isatty(STDERR_FILENO)) fprintf(stderr, "\r\033[Kkilling %s: %d", w->name, i);
        if (kill_way(w->run, path, o->seed, random, &told)) return 1;
        if (w->run == run_weir && recover(path)) return 1;
        if (compare(path, o->seed, told, &c)) return 1;
        w->killed.found += c.found;
        w->killed.lost += c.lost;
        w->killed.doubled += c.doubled;
        w->killed.wrong += c.wrong;
        w->killed.runs += c.runs;
    }
    clear_progress();
    return 0;
}

/* ---- the report ---------------------------------------------------------------------------- */

static void print_table(const way *ways, int kills) {
    printf("\n%-20s %9s %11s %11s %12s %12s\n", "", "seconds", "less than", "rows found",
           "rows lost at", "rows doubled");
    printf("%-20s %9s %11s %11s %12s %12s\n", "", "", "unbuffered", "", "the kill", "");
    for (int i = 0; i < WAYS; i++) {
        const way *w = &ways[i];
        char less[16] = "–";
        if (i != UNBUFFERED)
            snprintf(less, sizeof less, "%.2f %%", 100 * (1 - w->seconds / ways[0].seconds));
        /* The dash is three bytes of one column: printf counts bytes. */
        printf("%-20s %9.3f %*s %11d %12s %12d\n", w->name, w->seconds, i == UNBUFFERED ? 13 : 11,
               less, w->after.found, "", w->after.doubled);
    }
    for (int i = BUFFERED; kills && i < WAYS; i++) {
        char name[40];
        snprintf(name, sizeof name, "%s, %d kills", i == WEIR ? "weir" : "buffered", kills);
        printf("%-20s %9s %11s %11d %12d %12d\n", name, "", "", ways[i].killed.found,
               ways[i].killed.lost, ways[i].killed.doubled);
    }
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
    print_table(ways, o->kills);
    printf(
        "\nMeanwhile a second connection wrote %d rows of its own into weir's file and read %d.\n",
        other.written, other.read);
    return judge(&ways[WEIR], &other, o->kills);
}

/* ---- the command line ---------------------------------------------------------------------- */

static void usage(FILE *to) {
    fprintf(to,
            "usage: weir-demo [--seed N] [--kills N] [--dir DIRECTORY] [--keep]\n"
            "  --seed N       of the workload and of the moments to kill; default 1\n"
            "  --kills N      how often ways 2 and 3 are killed; default 5\n"
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
        {"help", no_argument, NULL, 'h'},       {0}};
    const char *base = getenv("TMPDIR");
    options o = {.seed = 1, .kills = 5, .directory = base && *base ? base : "/var/tmp"};

    for (int c; (c = getopt_long(argc, argv, "h", names, NULL)) != -1;) {
        switch (c) {
        case 's': o.seed = number(optarg, INT64_MAX); break;
        case 'k': o.kills = (int)number(optarg, 1000); break;
        case 'd': o.directory = optarg; break;
        case 'K': o.keep = true; break;
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

int main(int argc, char **argv) {
    way ways[WAYS] = {
        [UNBUFFERED] = {.name = "unbuffered", .file = "unbuffered", .run = run_unbuffered},
        [BUFFERED] = {.name = "buffered in memory", .file = "buffered", .run = run_buffered},
        [WEIR] = {.name = "weir", .file = "weir", .run = run_weir},
    };
    options o = read_options(argc, argv);
    char directory[4096];

    if (snprintf(directory, sizeof directory, "%s/weir-demo-XXXXXX", o.directory) >=
            (int)sizeof directory ||
        !mkdtemp(directory)) {
        fprintf(stderr, "weir-demo: cannot make a directory in %s\n", o.directory);
        return 8;
    }
    o.directory = directory;
    printf("%d rows: %d ticks x %d agents, two tables; seed %llu\n", ROWS, TICKS, AGENTS,
           (unsigned long long)o.seed);
    int failed = run_all(ways, &o);
    if (o.keep)
        printf("The databases are in %s\n", directory);
    else
        remove_all(directory);
    return failed;
}
