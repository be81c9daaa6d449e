/* append.c - what one append costs the thread that makes it: bursts of 20 rows of three numbers, up
 * to 400,000 rows a second of each producer, journal thread and writer running; and single calls.
 * spdlog's asynchronous logger does the same in peers/spdlog.cc. Rows of three numbers and a text
 * are appended by peers/four.c, of this build and, if asked, of another. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "bursts.h"
#include "ways.h"

enum { BURSTS = 20000, PAUSE_NS = 50000, ROUNDS = 5, PRODUCERS_MAX = 2 };

typedef struct producer {
    weir_table *table;
    double *each; /* ns per append, of every burst */
    pace pace;
    int status;
} producer;

static void append_burst(void *context, size_t number) {
    producer *p = context;
    for (unsigned i = 0; i < p->pace.calls; i++)
        p->status |= weir_append(p->table, weir_int((int64_t)number), weir_int(i),
                                 weir_real((double)number / 3));
}

static void *produce(void *context) {
    producer *p = context;
    time_bursts(&p->pace, append_burst, p, p->each);
    return NULL;
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

/* A tenth of the bursts warms up: pages are touched, threads awake. What reading the clock takes is
 * taken off single calls; of twenty rows' time it is nothing. */
static void measure(const bench_run *run, unsigned producers, unsigned burst, const sample *s) {
    producer p[PRODUCERS_MAX];
    settle(run);
    weir *w = open_weir(scratch(run, "append.db"), NULL);
    weir_table *table = declare_workload(w, &NUMBER_ROWS);
    for (unsigned i = 0; i < producers; i++)
        p[i] =
            (producer){table, s->each + i * s->bursts, {s->bursts / 10, burst, PAUSE_NS}, WEIR_OK};
    run_producers(p, producers);
    for (unsigned i = 0; i < producers; i++)
        p[i].pace.bursts = s->bursts;
    run_producers(p, producers);
    double clock_ns = burst == 1 ? clock_cost() : 0;
    for (size_t i = 0; i < producers * s->bursts; i++)
        s->each[i] -= clock_ns / burst;
    close_weir(w);
    scratch_remove(run, "append.db");
}

/* ---- a series of rounds ---------------------------------------------------------------------- */

typedef struct series { /* each quantile, of each round */
    double at[PARTS][ROUNDS];
} series;

static void note_round(series *s, size_t round, const double figures[PARTS]) {
    for (int i = 0; i < PARTS; i++)
        s->at[i][round] = figures[i];
}

static void note_bursts(series *s, size_t round, double *each, size_t count) {
    double figures[PARTS];
    note_parts(each, count, figures);
    note_round(s, round, figures);
}

/* spdlog's program, and weir-bench-four. */
static bool ask_other(const bench_run *run, const char *program, const char *name, size_t bursts,
                      series *s, size_t round) {
    char count[24], pause[24];
    double figures[PARTS];
    snprintf(count, sizeof count, "%zu", bursts);
    snprintf(pause, sizeof pause, "%d", PAUSE_NS);
    const char *arguments[] = {program, scratch(run, name), count, pause, NULL};
    settle(run);
    bool done = ask_program(arguments, figures, PARTS);
    if (done) note_round(s, round, figures);
    scratch_remove(run, name);
    return done;
}

/* Four values: this build's program, and another's in turn. */
static bool ask_four(const bench_run *run, size_t bursts, series *ours, series *theirs,
                     size_t round) {
    return ask_other(run, WEIR_BENCH_FOUR, "four.db", bursts, ours, round) &&
           (!run->against || ask_other(run, run->against, "four.db", bursts, theirs, round));
}

typedef struct measured {
    size_t rounds;
    series one, two, single, spdlog, four, against;
} measured;

static int measure_all(const bench_run *run, measured *m) {
    size_t bursts = run->quick ? BURSTS / 10 : BURSTS;
    sample s = {calloc(bursts * PRODUCERS_MAX, sizeof(double)), bursts};
    if (!s.each) give_up("append", WEIR_NO_MEMORY);
    int failed = 0;
    for (size_t i = 0; i < m->rounds && !failed; i++) {
        progress("append: round %zu of %zu", i + 1, m->rounds);
        if (*WEIR_BENCH_SPDLOG)
            failed = !ask_other(run, WEIR_BENCH_SPDLOG, "spdlog.log", bursts, &m->spdlog, i);
        failed |= !ask_four(run, bursts, &m->four, &m->against, i);
        measure(run, 1, BURST, &s);
        note_bursts(&m->one, i, s.each, bursts);
        measure(run, 2, BURST, &s);
        note_bursts(&m->two, i, s.each, 2 * bursts);
        measure(run, 1, 1, &s);
        note_bursts(&m->single, i, s.each, bursts);
    }
    free(s.each);
    return failed;
}

/* ---- reporting ------------------------------------------------------------------------------- */

static goal goal_of(int part) {
    static const double limits[PARTS] = {25, 0, 300, 0};
    return limits[part] > 0 ? (goal){GOAL_AT_MOST, limits[part]} : (goal){GOAL_NONE, 0};
}

static void report_series(bench_run *run, const measured *m, const series *s, const char *prefix,
                          const char *what, bool wanted) {
    for (int i = 0; i < PARTS; i++) {
        char name[48], part[80];
        snprintf(name, sizeof name, "%s%s", prefix, part_names[i]);
        snprintf(part, sizeof part, "%s, %s", what, part_words[i]);
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
        snprintf(name, sizeof name, "spdlog_%s", part_names[i]);
        report_field(&run->report, name, spread_of(m->spdlog.at[i], m->rounds).median);
    }
}

static void report_against(bench_run *run, const measured *m) {
    char other[80];
    snprintf(other, sizeof other, "the other build, p50 %s",
             duration(spread_of(m->against.at[0], m->rounds).median));
    report_figure(&run->report,
                  &(figure){.name = "four_ratio",
                            .part = "20 rows of four values, p50 against another build's",
                            .unit = "× the time",
                            .ours = duration(spread_of(m->four.at[0], m->rounds).median),
                            .theirs = other,
                            .value = spread_of_ratio(m->four.at[0], m->against.at[0], m->rounds),
                            .theirs_durability = run->report.ours});
}

static void plot(const bench_run *run, const measured *m) {
    FILE *table = plot_begin(run, "append");
    if (!table) return;
    fprintf(table, "quantile \"one producer\" \"two producers\" \"single calls\" spdlog");
    for (int i = 0; i < PARTS; i++) {
        fprintf(table, "\n%s", part_words[i]);
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
        report_missing(&run->report, "spdlog", NOT_BUILT);
    report_series(run, &m, &m.one, "", "20 rows, one producer", true);
    report_series(run, &m, &m.two, "two_", "20 rows, two producers", true);
    report_series(run, &m, &m.single, "single_", "one row", false);
    report_series(run, &m, &m.four, "four_", "20 rows of four values, one producer", false);
    if (run->against) report_against(run, &m);
    report_end(&run->report);
    plot(run, &m);
    return 0;
}
