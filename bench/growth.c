/* growth.c - does it stay as fast: with more rows in the file, with more producers, with more rows
 * waiting in the journal? Each figure is the slowest of a row of sizes over the fastest. */
#include <pthread.h>
#include <sys/statvfs.h>

#include "backlog.h"

enum { ROUNDS = 5, STEPS_MAX = 8, FLAT_PERCENT = 90 };

typedef struct growth {
    const char *name, *part, *axis;
    size_t steps, rounds;
    uint64_t size[STEPS_MAX];
    double rate[STEPS_MAX][ROUNDS]; /* rows a second */
} growth;

static void add_step(growth *g, uint64_t size) { g->size[g->steps++] = size; }

/* ---- rows in the file ------------------------------------------------------------------------ */

static double add_rows(weir *w, weir_table *table, uint64_t from, uint64_t rows) {
    uint64_t start = now_ns();
    int status = append_rows(table, &AGENT_ROWS, from, rows);
    if (status != WEIR_OK) give_up("appending", status);
    sync_or_give_up(w, WEIR_APPLIED);
    return (double)rows / seconds_since(start);
}

/* One file that grows; at each size as many rounds, which make it grow by little. */
static void measure_rows(const bench_run *run, growth *g) {
    uint64_t sample = run->quick ? 300000 : 3000000, there = 0;
    for (uint64_t size = run->quick ? 100000 : 1000000, i = 0; i < (run->quick ? 2 : 3);
         i++, size *= 10)
        add_step(g, size);
    weir *w = open_weir(scratch(run, "growth.db"), NULL);
    weir_table *table = declare_workload(w, &AGENT_ROWS);
    for (size_t step = 0; step < g->steps; step++) {
        progress("growth: %llu rows in the file", (unsigned long long)g->size[step]);
        if (g->size[step] > there) (void)add_rows(w, table, there, g->size[step] - there);
        there = g->size[step];
        for (size_t i = 0; i < g->rounds; i++, there += sample) {
            settle_in_memory(run);
            g->rate[step][i] = add_rows(w, table, there, sample);
        }
    }
    close_weir(w);
    scratch_remove(run, "growth.db");
}

/* ---- producers ------------------------------------------------------------------------------- */

typedef struct producer {
    weir_table *table;
    pthread_t thread;
    uint64_t first, rows;
    int status;
} producer;

static void *produce(void *context) {
    producer *p = context;
    p->status = append_rows(p->table, &AGENT_ROWS, p->first, p->rows);
    return NULL;
}

static void produce_all(weir_table *table, unsigned producers, uint64_t rows) {
    enum { PRODUCERS_MAX = 64 };
    producer p[PRODUCERS_MAX];
    for (unsigned i = 0; i < producers; i++) {
        p[i] = (producer){.table = table, .first = rows / producers * i, .rows = rows / producers};
        if (pthread_create(&p[i].thread, NULL, produce, &p[i])) give_up("a thread", WEIR_NO_MEMORY);
    }
    for (unsigned i = 0; i < producers; i++) {
        pthread_join(p[i].thread, NULL);
        if (p[i].status != WEIR_OK) give_up("appending", p[i].status);
    }
}

static double by_producers(const bench_run *run, unsigned producers, uint64_t rows) {
    settle_in_memory(run);
    weir *w = open_weir(scratch(run, "growth.db"), &(weir_options){.lanes_max = 128});
    weir_table *table = declare_workload(w, &AGENT_ROWS);
    produce_all(table, producers, producers); /* each gets its lane: once, whatever comes after */
    sync_or_give_up(w, WEIR_APPLIED);
    uint64_t start = now_ns();
    produce_all(table, producers, rows);
    sync_or_give_up(w, WEIR_APPLIED);
    double seconds = seconds_since(start);
    close_weir(w);
    scratch_remove(run, "growth.db");
    return (double)rows / seconds;
}

static void measure_producers(const bench_run *run, growth *g) {
    for (unsigned producers = 1; producers <= 64; producers *= 2)
        add_step(g, producers);
    for (size_t i = 0; i < g->rounds; i++)
        for (size_t step = 0; step < g->steps; step++) {
            progress("growth: %llu producers", (unsigned long long)g->size[step]);
            g->rate[step][i] =
                by_producers(run, (unsigned)g->size[step], run->quick ? 320000 : 3200000);
        }
}

/* ---- backlog --------------------------------------------------------------------------------- */

/* A backlog stands in the journal and then in the database too; twice its rows is more than both
 * take. */
static bool has_room(const bench_run *run, uint64_t bytes) {
    struct statvfs s;
    return statvfs(run->directory, &s) == 0 &&
           (double)s.f_bavail * (double)s.f_frsize > 2 * (double)bytes + 1e9;
}

/* From when the handle is there: what opening costs is the same for any size. Memory is used before
 * the backlog is left, since using it empties the processor's caches, which a small one feels. */
static bool backlog_rate(const bench_run *run, uint64_t bytes, double *rate) {
    const char *path = scratch(run, "growth.db");
    backlog left;
    replay replayed;
    settle_in_memory(run);
    bool well = leave_backlog(path, rows_of_bytes(bytes), &left);
    settle(run);
    well = well && replay_backlog(path, &replayed) && replayed.rows == left.rows;
    scratch_remove(run, "growth.db");
    if (well) *rate = replayed.rows / (replayed.seconds - replayed.opening);
    return well;
}

static void choose_backlogs(const bench_run *run, growth *g) {
    static const uint64_t quick[] = {1, 8, 64}, full[] = {1, 16, 256, 4096, 16384};
    const uint64_t *sizes = run->quick ? quick : full;
    size_t count = run->quick ? sizeof quick / sizeof *quick : sizeof full / sizeof *full;
    for (size_t i = 0; i < count; i++)
        if (has_room(run, sizes[i] << 20))
            add_step(g, sizes[i] << 20);
        else
            fprintf(stderr, "weir-bench: growth: no room for a backlog of %llu MiB\n",
                    (unsigned long long)sizes[i]);
}

/* The large ones are measured once: they are long enough to be even. */
static bool measure_backlog(const bench_run *run, growth *g) {
    const uint64_t large = (uint64_t)2 << 30;
    choose_backlogs(run, g);
    for (size_t step = 0; step < g->steps; step++)
        for (size_t i = 0; i < g->rounds; i++) {
            progress("growth: a backlog of %llu MiB", (unsigned long long)g->size[step] >> 20);
            if (i && g->size[step] > large)
                g->rate[step][i] = g->rate[step][0];
            else if (!backlog_rate(run, g->size[step], &g->rate[step][i]))
                return false;
        }
    return true;
}

/* ---- reporting ------------------------------------------------------------------------------- */

typedef struct ends {
    size_t slowest, fastest;
} ends;

static double rate_at(const growth *g, size_t step) {
    return spread_of(g->rate[step], g->rounds).median;
}

static ends ends_of(const growth *g) {
    ends e = {0, 0};
    for (size_t i = 1; i < g->steps; i++) {
        if (rate_at(g, i) < rate_at(g, e.slowest)) e.slowest = i;
        if (rate_at(g, i) > rate_at(g, e.fastest)) e.fastest = i;
    }
    return e;
}

static spread flatness(const growth *g) {
    ends e = ends_of(g);
    return spread_of_ratio(g->rate[e.slowest], g->rate[e.fastest], g->rounds);
}

static void report_growth(bench_run *run, const growth *g) {
    ends e = ends_of(g);
    char slow[100], fast[100], name[64];
    snprintf(slow, sizeof slow, "slowest: %s at %s", amount(rate_at(g, e.slowest), "rows/s"),
             amount((double)g->size[e.slowest], g->axis));
    snprintf(fast, sizeof fast, "fastest: %s at %s", amount(rate_at(g, e.fastest), "rows/s"),
             amount((double)g->size[e.fastest], g->axis));
    report_figure(&run->report, &(figure){.name = g->name,
                                          .part = g->part,
                                          .unit = "×",
                                          .ours = slow,
                                          .theirs = fast,
                                          .value = flatness(g),
                                          .goal = {GOAL_AT_LEAST, FLAT_PERCENT / 100.0}});
    for (size_t i = 0; i < g->steps; i++) {
        snprintf(name, sizeof name, "rows_per_s_%s_%llu", g->name + sizeof "ratio",
                 (unsigned long long)g->size[i]);
        report_field(&run->report, name, rate_at(g, i));
    }
}

static void plot(const bench_run *run, const growth *g) {
    FILE *table = plot_begin(run, g->name);
    if (!table) return;
    for (size_t i = 0; i < g->steps; i++) {
        spread s = spread_of(g->rate[i], g->rounds);
        fprintf(table, "%llu %g %g %g\n", (unsigned long long)g->size[i], s.median, s.least,
                s.most);
    }
    plot_end(run, g->name, table);
}

int bench_growth(bench_run *run) {
    enum { KINDS = 3 };
    growth kinds[KINDS] = {{.name = "ratio_file", .part = "rows in the file", .axis = "rows"},
                           {.name = "ratio_producers", .part = "producers", .axis = "producers"},
                           {.name = "ratio_backlog", .part = "backlog", .axis = "B"}};
    int worst = 0;
    for (int i = 0; i < KINDS; i++)
        kinds[i].rounds = run->quick ? 1 : ROUNDS;
    measure_rows(run, &kinds[0]);
    measure_producers(run, &kinds[1]);
    if (!measure_backlog(run, &kinds[2])) return 1;

    report_begin(&run->report, "growth", APPLIED_DURABILITY, APPLIED_DURABILITY);
    for (int i = 0; i < KINDS; i++) {
        report_growth(run, &kinds[i]);
        if (flatness(&kinds[i]).median < flatness(&kinds[worst]).median) worst = i;
    }
    report_spread(&run->report, flatness(&kinds[worst]));
    report_end(&run->report);
    for (int i = 0; i < KINDS; i++)
        plot(run, &kinds[i]);
    return 0;
}
