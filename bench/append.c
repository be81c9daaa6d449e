/* append.c - what one append costs the thread that makes it: bursts of 20 rows of three numbers, up
 * to 400,000 rows a second of each producer, journal thread and writer running; and single calls.
 * spdlog's asynchronous logger does the same in peers/spdlog.cc. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "ways.h"

enum { BURST = 20, BURSTS = 20000, PAUSE_NS = 50000, ROUNDS = 5, PRODUCERS_MAX = 2 };

typedef struct producer {
    weir_table *table;
    double *each; /* ns per append, of every burst */
    size_t bursts;
    unsigned burst;  /* rows in one */
    double clock_ns; /* what asking the time takes, in each burst */
    int status;
} producer;

static int append_burst(weir_table *table, int64_t at, unsigned rows) {
    int status = WEIR_OK;
    for (unsigned i = 0; i < rows; i++)
        status |= weir_append(table, weir_int(at), weir_int(i), weir_real((double)at / 3));
    return status;
}

static void *produce(void *context) {
    producer *p = context;
    for (size_t i = 0; i < p->bursts; i++) {
        uint64_t start = now_ns();
        p->status |= append_burst(p->table, (int64_t)i, p->burst);
        uint64_t end = now_ns();
        p->each[i] = ((double)(end - start) - p->clock_ns) / p->burst;
        while (now_ns() - end < PAUSE_NS) {
        }
    }
    return NULL;
}

static double clock_cost(void) {
    enum { TRIES = 1001 };
    double each[TRIES];
    for (int i = 0; i < TRIES; i++) {
        uint64_t start = now_ns();
        each[i] = (double)(now_ns() - start);
    }
    sort_figures(each, TRIES);
    return quantile(each, TRIES, 0.5);
}

/* ---- one round: all producers at once -------------------------------------------------------- */

static void run_producers(producer *p, unsigned count) {
    pthread_t threads[PRODUCERS_MAX];
    for (unsigned i = 1; i < count; i++)
        if (pthread_create(&threads[i], NULL, produce, &p[i])) give_up("a thread", WEIR_NO_MEMORY);
    (void)produce(&p[0]);
    for (unsigned i = 0; i < count; i++) {
        if (i) pthread_join(threads[i], NULL);
        if (p[i].status != WEIR_OK) give_up("appending", WEIR_STOPPED);
    }
}

typedef struct sample { /* of every burst of all producers, ns per append */
    double *each;
    size_t bursts; /* of one producer */
} sample;

/* A tenth of the bursts warms up: pages are touched, threads awake. */
static void measure(const bench_run *run, unsigned producers, unsigned burst, const sample *s) {
    producer p[PRODUCERS_MAX];
    settle(run);
    weir *w = open_weir(scratch(run, "append.db"), NULL);
    weir_table *table = declare_workload(w, &NUMBER_ROWS);
    for (unsigned i = 0; i < producers; i++)
        p[i] = (producer){table, s->each + i * s->bursts, s->bursts / 10, burst, 0, WEIR_OK};
    run_producers(p, producers);
    for (unsigned i = 0; i < producers; i++) {
        p[i].bursts = s->bursts;
        p[i].clock_ns = burst == 1 ? clock_cost() : 0; /* of twenty rows' time it is nothing */
    }
    run_producers(p, producers);
    close_weir(w);
    scratch_remove(run, "append.db");
}

/* ---- a series of rounds ---------------------------------------------------------------------- */

static const double parts[] = {0.5, 0.99, 0.999, 1};
enum { PARTS = 4 };

typedef struct series { /* each quantile, of each round */
    double at[PARTS][ROUNDS];
} series;

static void note_round(series *s, size_t round, double *each, size_t count) {
    sort_figures(each, count);
    for (int i = 0; i < PARTS; i++)
        s->at[i][round] = quantile(each, count, parts[i]);
}

static bool ask_spdlog(const bench_run *run, size_t bursts, series *s, size_t round) {
    char count[24];
    double figures[PARTS];
    snprintf(count, sizeof count, "%zu", bursts);
    const char *arguments[] = {WEIR_BENCH_SPDLOG, scratch(run, "spdlog.log"), count, NULL};
    settle(run);
    if (!ask_program(arguments, figures, PARTS)) return false;
    for (int i = 0; i < PARTS; i++)
        s->at[i][round] = figures[i];
    return true;
}

typedef struct measured {
    size_t rounds;
    series one, two, single, spdlog;
} measured;

static int measure_all(const bench_run *run, measured *m) {
    size_t bursts = run->quick ? BURSTS / 10 : BURSTS;
    sample s = {calloc(bursts * PRODUCERS_MAX, sizeof(double)), bursts};
    if (!s.each) give_up("append", WEIR_NO_MEMORY);
    int failed = 0;
    for (size_t i = 0; i < m->rounds && !failed; i++) {
        progress("append: round %zu of %zu", i + 1, m->rounds);
        if (*WEIR_BENCH_SPDLOG) failed = !ask_spdlog(run, bursts, &m->spdlog, i);
        measure(run, 1, BURST, &s);
        note_round(&m->one, i, s.each, bursts);
        measure(run, 2, BURST, &s);
        note_round(&m->two, i, s.each, 2 * bursts);
        measure(run, 1, 1, &s);
        note_round(&m->single, i, s.each, bursts);
    }
    free(s.each);
    return failed;
}

/* ---- reporting ------------------------------------------------------------------------------- */

static const char *const quantile_names[PARTS] = {"p50_ns", "p99_ns", "p999_ns", "worst_ns"};
static const char *const quantile_words[PARTS] = {"p50", "p99", "p99.9", "worst"};

static goal goal_of(int part) {
    static const double limits[PARTS] = {25, 0, 300, 0};
    return limits[part] > 0 ? (goal){GOAL_AT_MOST, limits[part]} : (goal){GOAL_NONE, 0};
}

static void report_series(bench_run *run, const measured *m, const series *s, const char *prefix,
                          const char *what, bool wanted) {
    for (int i = 0; i < PARTS; i++) {
        char name[48], part[80];
        snprintf(name, sizeof name, "%s%s", prefix, quantile_names[i]);
        snprintf(part, sizeof part, "%s, %s", what, quantile_words[i]);
        report_figure(&run->report, &(figure){.name = name,
                                              .part = part,
                                              .unit = "ns",
                                              .value = spread_of(s->at[i], m->rounds),
                                              .goal = wanted ? goal_of(i) : (goal){GOAL_NONE, 0}});
    }
}

static void report_ratio(bench_run *run, const measured *m) {
    double theirs = spread_of(m->spdlog.at[0], m->rounds).median;
    char other[80];
    snprintf(other, sizeof other, "spdlog's asynchronous logger, p50 %s", duration(theirs));
    report_figure(&run->report,
                  &(figure){.name = "ratio",
                            .part = "20 rows, one producer",
                            .unit = "× faster",
                            .ours = duration(spread_of(m->one.at[0], m->rounds).median),
                            .theirs = other,
                            .value = spread_of_ratio(m->spdlog.at[0], m->one.at[0], m->rounds),
                            .goal = {GOAL_AT_LEAST, 30}});
    for (int i = 0; i < PARTS; i++) {
        char name[48];
        snprintf(name, sizeof name, "spdlog_%s", quantile_names[i]);
        report_field(&run->report, name, spread_of(m->spdlog.at[i], m->rounds).median);
    }
}

static void plot(const bench_run *run, const measured *m) {
    FILE *table = plot_begin(run, "append");
    if (!table) return;
    fprintf(table, "quantile \"one producer\" \"two producers\" \"single calls\" spdlog");
    for (int i = 0; i < PARTS; i++) {
        fprintf(table, "\n%s", quantile_words[i]);
        const series *all[] = {&m->one, &m->two, &m->single, &m->spdlog};
        for (int k = 0; k < 4; k++) {
            double value = spread_of(all[k]->at[i], m->rounds).median;
            fprintf(table, value > 0 ? " %g" : " ?", value);
        }
    }
    fprintf(table, "\n");
    plot_end(run, "append", table);
}

int bench_append(bench_run *run) {
    measured m = {.rounds = run->quick ? 3 : ROUNDS};
    if (measure_all(run, &m)) return 1;
    report_begin(&run->report, "append", "published (survives the process)", "none (in memory)");
    if (*WEIR_BENCH_SPDLOG)
        report_ratio(run, &m);
    else
        report_missing(&run->report, "spdlog");
    report_series(run, &m, &m.one, "", "20 rows, one producer", true);
    report_series(run, &m, &m.two, "two_", "20 rows, two producers", true);
    report_series(run, &m, &m.single, "single_", "one row", false);
    report_end(&run->report);
    plot(run, &m);
    return 0;
}
