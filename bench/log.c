/* log.c - what a message costs the thread that logs it: bursts of 20 messages with four arguments,
 * beside the same values appended, the same message formatted in the caller, and other loggers; and
 * how fast, and how small, messages come to where they can be selected. */
#include <string.h>
#include <sys/mman.h>

#include "log_sides.h"
#include "ways.h"

enum { BURSTS = 20000, PAUSE_NS = 200000, ROUNDS = 5, DRAINED = 1000000 };

/* ---- who takes part --------------------------------------------------------------------------- */

typedef struct contestant {
    const char *name, *words, *durability;
    log_way way;          /* where it is weir's */
    const char *program;  /* of a peer; NULL: weir; "": it was not there to build */
    const char *mode;     /* its first argument */
    double at_least;      /* goal: its p50 over that of weir_log */
    double at_most_of_it; /* goal: p50 of weir_log over its own */
} contestant;

#define PUBLISHED "published (survives the process)"
#define IN_MEMORY "none (in memory)"
#define BUFFERED "none (in the file's buffer)"

static const contestant all[] = {
    {"log", "weir_log", PUBLISHED, BY_LOG, NULL, NULL, 0, 0},
    {"append", "weir_append of the values", PUBLISHED, BY_APPEND, NULL, NULL, 0, 1.15},
    {"formatted", "formatted in the caller", PUBLISHED, BY_FORMATTED, NULL, NULL, 0, 0},
    {"spdlog_async", "spdlog, asynchronous", IN_MEMORY, 0, WEIR_BENCH_LOG_SPDLOG, "async", 25, 0},
    {"spdlog_sync", "spdlog, synchronous", BUFFERED, 0, WEIR_BENCH_LOG_SPDLOG, "sync", 0, 0},
    {"boost_async", "Boost.Log, asynchronous", IN_MEMORY, 0, WEIR_BENCH_LOG_BOOST, "async", 0, 0},
    {"log4cplus_async", "log4cplus, asynchronous", IN_MEMORY, 0, WEIR_BENCH_LOG_LOG4CPLUS, "async",
     0, 0},
    {"log4cplus_sync", "log4cplus, synchronous", BUFFERED, 0, WEIR_BENCH_LOG_LOG4CPLUS, "sync", 0,
     0},
    {"lttng", "LTTng-UST", "none (in shared memory)", 0, WEIR_BENCH_LOG_LTTNG, NULL, 0, 0},
};
enum { LOG, APPEND, LTTNG = sizeof all / sizeof *all - 1, CONTESTANTS };

/* ---- measuring -------------------------------------------------------------------------------- */

typedef struct measured {
    size_t rounds;
    double at[CONTESTANTS][PARTS][ROUNDS];
    double filtered[ROUNDS];
    double machine_tail[ROUNDS]; /* p99.9 over p50 of bursts that do nothing but compute */
    double stores_tail[ROUNDS];  /* and store to a mapped file */
    double drained[2][DRAIN_FIGURES][ROUNDS]; /* of weir_log, of what is formatted in the caller */
    bool missing[CONTESTANTS], fails[CONTESTANTS]; /* fails: built, but LTTng does not run here */
} measured;

static bool ask_peer(const bench_run *run, const contestant *c, const pace *p, double *figures) {
    char bursts[24], pause[24];
    const char *file = scratch(run, "peer.log");
    snprintf(bursts, sizeof bursts, "%zu", p->bursts);
    snprintf(pause, sizeof pause, "%llu", (unsigned long long)p->pause_ns);
    const char *logger[] = {c->program, c->mode, file, bursts, pause, NULL};
    const char *lttng[] = {WEIR_BENCH_LTTNG_SESSION, c->program, file, bursts, pause, NULL};
    settle(run);
    return ask_program(c->mode ? logger : lttng, figures, PARTS);
}

static bool measure_one(const bench_run *run, measured *m, int number, const pace *p,
                        size_t round) {
    const contestant *c = &all[number];
    double figures[PARTS];
    progress("log: round %zu of %zu, %s", round + 1, m->rounds, c->words);
    bool done =
        c->program ? ask_peer(run, c, p, figures) : measure_messages(run, c->way, p, figures);
    for (int i = 0; done && i < PARTS; i++)
        m->at[number][i][round] = figures[i];
    return done;
}

/* LTTng needs a daemon, which may not run here, and may lose events: then it is left out. */
static bool measure_contestants(const bench_run *run, measured *m, const pace *p, size_t round) {
    for (int i = 0; i < CONTESTANTS; i++) {
        if (m->missing[i] || m->fails[i] || measure_one(run, m, i, p, round)) continue;
        if (i != LTTNG) return false;
        m->fails[i] = true;
    }
    return true;
}

/* ---- the machine's own tail ------------------------------------------------------------------- */

/* A file of a lane's default size, mapped as the ring is, and what a burst of messages puts there. */
enum { FLOOR_BYTES = 8 << 20, FLOOR_BURST = BURST * 64 };

typedef struct machine {
    uint8_t *mapped;
    unsigned turns;
} machine;

static volatile uint64_t computed; /* or the compiler would leave it out */

static void store_and_compute(void *context, size_t number) {
    const machine *o = context;
    uint64_t x = number;
    if (o->mapped)
        memset(o->mapped + number * FLOOR_BURST % FLOOR_BYTES, (int)(number & 0xFF), FLOOR_BURST);
    for (unsigned i = o->turns; i > 0; i--)
        x = x * x + 3;
    computed = x;
}

/* Bursts of arithmetic that take as long as those of messages, without and with stores into the file:
 * no other thread, no call, nothing of ours. What is slow among them is the machine's. */
static bool measure_machine(const bench_run *run, measured *m, const pace *p, size_t round) {
    enum { TRIED = 100000 };
    const pace once = {1, 1, 0};
    machine o = {.turns = TRIED};
    double figures[PARTS], each;
    time_bursts(&once, store_and_compute, &o, &each);
    double wanted = m->at[LOG][0][round] * p->calls / each * TRIED;
    o.turns = wanted < 1 ? 1 : (unsigned)wanted;
    if (!measure_bursts(p, store_and_compute, &o, figures)) return false;
    m->machine_tail[round] = figures[2] / figures[0];
    o.mapped = map_scratch(run, "floor.bin", FLOOR_BYTES + FLOOR_BURST);
    if (o.mapped) memset(o.mapped, 1, FLOOR_BYTES + FLOOR_BURST); /* its pages are there */
    bool done = o.mapped && measure_bursts(p, store_and_compute, &o, figures);
    m->stores_tail[round] = figures[2] / figures[0];
    if (o.mapped) (void)munmap(o.mapped, FLOOR_BYTES + FLOOR_BURST); /* it is ours: cannot fail */
    scratch_remove(run, "floor.bin");
    return done;
}

static bool measure_drains(const bench_run *run, measured *m, size_t messages, size_t round) {
    static const log_way ways[2] = {BY_LOG, BY_FORMATTED};
    double figures[DRAIN_FIGURES];
    progress("log: round %zu of %zu, draining", round + 1, m->rounds);
    for (int way = 0; way < 2; way++) {
        if (!measure_drain(run, ways[way], messages, figures)) return false;
        for (int i = 0; i < DRAIN_FIGURES; i++)
            m->drained[way][i][round] = figures[i];
    }
    return true;
}

static bool measure_all(const bench_run *run, measured *m) {
    pace p = {run->quick ? BURSTS / 10 : BURSTS, BURST, PAUSE_NS};
    for (int i = 0; i < CONTESTANTS; i++)
        m->missing[i] = all[i].program && !*all[i].program;
    for (size_t i = 0; i < m->rounds; i++)
        if (!measure_contestants(run, m, &p, i) || !measure_machine(run, m, &p, i) ||
            !measure_filtered(run, &m->filtered[i]) ||
            !measure_drains(run, m, run->quick ? DRAINED / 10 : DRAINED, i))
            return false;
    return true;
}

/* ---- reporting -------------------------------------------------------------------------------- */

static spread part_of(const measured *m, int number, int part) {
    return spread_of(m->at[number][part], m->rounds);
}

static void report_parts(bench_run *run, const measured *m) {
    for (int i = 0; i < PARTS; i++) {
        char part[80];
        snprintf(part, sizeof part, "weir_log, %s", part_words[i]);
        report_figure(&run->report, &(figure){.name = part_names[i],
                                              .part = part,
                                              .unit = "ns",
                                              .value = part_of(m, LOG, i)});
    }
    report_figure(&run->report,
                  &(figure){.name = "tail",
                            .part = "weir_log, p99.9 over p50",
                            .unit = "×",
                            .value = spread_of_ratio(m->at[LOG][2], m->at[LOG][0], m->rounds),
                            .goal = {GOAL_AT_MOST, 3}});
    report_figure(&run->report, &(figure){.name = "machine_tail",
                                          .part = "arithmetic for as long, p99.9 over p50",
                                          .unit = "×",
                                          .value = spread_of(m->machine_tail, m->rounds)});
    report_figure(&run->report,
                  &(figure){.name = "stores_tail",
                            .part = "arithmetic and stores to a mapped file, p99.9 over p50",
                            .unit = "×",
                            .value = spread_of(m->stores_tail, m->rounds)});
    report_figure(&run->report, &(figure){.name = "filtered_ns",
                                          .part = "weir_log below the threshold, p50",
                                          .unit = "ns",
                                          .value = spread_of(m->filtered, m->rounds),
                                          .goal = {GOAL_AT_MOST, 2}});
}

/* A ratio to weir's own append is how much slower the message is; to all others, how much faster. */
static void report_against(bench_run *run, const measured *m, int number) {
    const contestant *c = &all[number];
    bool slower = c->at_most_of_it > 0;
    const double *ours = m->at[LOG][0], *theirs = m->at[number][0];
    char name[48], part[80], other[160];
    snprintf(name, sizeof name, "ratio_%s", c->name);
    snprintf(part, sizeof part, "weir_log against %s, p50", c->words);
    snprintf(other, sizeof other, "p50 %s, p99 %s, p99.9 %s",
             duration(part_of(m, number, 0).median), duration(part_of(m, number, 1).median),
             duration(part_of(m, number, 2).median));
    report_figure(&run->report,
                  &(figure){.name = name,
                            .part = part,
                            .unit = slower ? "× the time" : "× faster",
                            .ours = duration(part_of(m, LOG, 0).median),
                            .theirs = other,
                            .value = slower ? spread_of_ratio(ours, theirs, m->rounds)
                                            : spread_of_ratio(theirs, ours, m->rounds),
                            .goal = slower            ? (goal){GOAL_AT_MOST, c->at_most_of_it}
                                    : c->at_least > 0 ? (goal){GOAL_AT_LEAST, c->at_least}
                                                      : (goal){GOAL_NONE, 0},
                            .theirs_durability = c->durability});
    for (int i = 0; i < PARTS; i++) {
        snprintf(name, sizeof name, "%s_%s", c->name, part_names[i]);
        report_field(&run->report, name, part_of(m, number, i).median);
    }
}

static void report_contestants(bench_run *run, const measured *m) {
    for (int i = APPEND; i < CONTESTANTS; i++) {
        if (m->missing[i])
            report_missing(&run->report, all[i].name, NOT_BUILT);
        else if (m->fails[i])
            report_missing(&run->report, all[i].name, "it does not run here");
        else
            report_against(run, m, i);
    }
}

static void report_rate(bench_run *run, const measured *m) {
    char other[80];
    spread theirs = spread_of(m->drained[1][PER_S], m->rounds);
    snprintf(other, sizeof other, "formatted in the caller %s",
             amount(theirs.median, "messages/s"));
    report_figure(&run->report, &(figure){.name = "drain_per_s",
                                          .part = "first message → all selectable",
                                          .unit = "messages/s",
                                          .theirs = other,
                                          .value = spread_of(m->drained[0][PER_S], m->rounds),
                                          .goal = {GOAL_AT_LEAST, 1.5e6}});
    report_field(&run->report, "formatted_drain_per_s", theirs.median);
}

static void report_bytes(bench_run *run, const measured *m) {
    static const char *const names[2][2] = {{"journal_bytes", "formatted_journal_bytes"},
                                            {"ring_bytes", "formatted_ring_bytes"}};
    static const int kinds[2] = {JOURNAL_BYTES, RING_BYTES};
    double bytes[2][2]; /* journal, ring; ours, theirs */
    char other[80];
    for (int kind = 0; kind < 2; kind++)
        for (int way = 0; way < 2; way++)
            bytes[kind][way] = spread_of(m->drained[way][kinds[kind]], m->rounds).median;
    snprintf(other, sizeof other, "formatted in the caller %s", amount(bytes[0][1], "B"));
    report_figure(&run->report,
                  &(figure){.name = "journal_bytes_ratio",
                            .part = "journal, a message",
                            .unit = "× the bytes",
                            .ours = amount(bytes[0][0], "B"),
                            .theirs = other,
                            .value = spread_of_ratio(m->drained[0][JOURNAL_BYTES],
                                                     m->drained[1][JOURNAL_BYTES], m->rounds),
                            .goal = {GOAL_AT_MOST, 0.5}});
    for (int kind = 0; kind < 2; kind++)
        for (int way = 0; way < 2; way++)
            report_field(&run->report, names[kind][way], bytes[kind][way]);
}

static void report_timer(bench_run *run) {
    double ns = clock_cost();
    report_figure(&run->report, &(figure){.name = "timer_ns",
                                          .part = "reading the clock, in each burst's time once",
                                          .unit = "ns",
                                          .value = {ns, ns, ns}});
}

static void plot(const bench_run *run, const measured *m) {
    FILE *table = plot_begin(run, "log");
    if (!table) return;
    fprintf(table, "logger p50 p99 p99.9");
    for (int i = 0; i < CONTESTANTS; i++) {
        if (m->missing[i] || m->fails[i]) continue;
        fprintf(table, "\n\"%s\"", all[i].words);
        for (int part = 0; part < 3; part++)
            fprintf(table, " %g", part_of(m, i, part).median);
    }
    fprintf(table, "\n");
    plot_end(run, "log", table);
}

int bench_log(bench_run *run) {
    static measured m;
    m.rounds = run->quick ? 3 : ROUNDS;
    if (!measure_all(run, &m)) return 1;
    report_begin(&run->report, "log", PUBLISHED, IN_MEMORY);
    report_parts(run, &m);
    report_contestants(run, &m);
    report_timer(run);
    report_end(&run->report);
    report_begin(&run->report, "log drain", APPLIED_DURABILITY, APPLIED_DURABILITY);
    report_rate(run, &m);
    report_bytes(run, &m);
    report_end(&run->report);
    plot(run, &m);
    return 0;
}
