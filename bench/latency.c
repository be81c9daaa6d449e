/* latency.c - a row appended to an idle journal, until another connection can SELECT it: with a
 * thread that waits for it, and unasked; against a row committed by hand. */
#include "ways.h"

enum { SAMPLES = 20, POLL_NS = 200000 };

static void nap(uint64_t ns) {
    (void)nanosleep(&(struct timespec){(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)}, NULL);
}

/* ---- the other connection -------------------------------------------------------------------- */

typedef struct looker {
    sqlite3 *db;
    sqlite3_stmt *last;
} looker;

static looker open_looker(const char *path) {
    looker l = {0};
    check_sqlite(l.db, sqlite3_open(path, &l.db));
    check_sqlite(
        l.db, sqlite3_prepare_v2(l.db, "SELECT tick FROM agent_state ORDER BY rowid DESC LIMIT 1",
                                 -1, &l.last, NULL));
    return l;
}

static void close_looker(looker *l) {
    sqlite3_finalize(l->last);
    sqlite3_close(l->db);
}

static int64_t look(looker *l) {
    int64_t tick = sqlite3_step(l->last) == SQLITE_ROW ? sqlite3_column_int64(l->last, 0) : -1;
    (void)sqlite3_reset(l->last); /* a busy file is looked at again */
    return tick;
}

static double until_seen(looker *l, int64_t tick, uint64_t start, uint64_t poll_ns) {
    while (look(l) != tick) {
        if (seconds_since(start) > 60) give_up("a row that never came", WEIR_PENDING);
        if (poll_ns) nap(poll_ns);
    }
    return (double)(now_ns() - start);
}

/* ---- the ways: nanoseconds of a row ---------------------------------------------------------- */

typedef struct latency {
    weir *w;
    weir_table *table;
    sqlite3 *hand;
    sqlite3_stmt *insert;
    looker ours, theirs;
    int64_t tick;
} latency;

static double by_weir_seen(latency *l, bool wait) {
    weir_value values[WORKLOAD_COLUMNS_MAX];
    AGENT_ROWS.fill(0, values);
    values[1] = weir_int(++l->tick);
    uint64_t start = now_ns();
    int status = weir_append_row(l->table, values, AGENT_ROWS.count, NULL);
    if (status != WEIR_OK) give_up("appending", status);
    if (wait) sync_or_give_up(l->w, WEIR_APPLIED);
    return until_seen(&l->ours, l->tick, start, wait ? 0 : POLL_NS);
}

static double by_hand_seen(latency *l) {
    weir_value values[WORKLOAD_COLUMNS_MAX];
    AGENT_ROWS.fill(0, values);
    values[1] = weir_int(++l->tick);
    uint64_t start = now_ns();
    insert_values(l->insert, values, AGENT_ROWS.count);
    return until_seen(&l->theirs, l->tick, start, 0);
}

static void open_all(const bench_run *run, latency *l) {
    l->w = open_weir(scratch(run, "latency.db"), NULL);
    l->table = declare_workload(l->w, &AGENT_ROWS);
    l->ours = open_looker(scratch(run, "latency.db"));
    l->hand = open_by_hand(scratch(run, "hand.db"), &AGENT_ROWS);
    l->insert = prepare_insert(l->hand, &AGENT_ROWS);
    l->theirs = open_looker(scratch(run, "hand.db"));
}

static void close_all(const bench_run *run, latency *l) {
    close_looker(&l->ours);
    close_looker(&l->theirs);
    sqlite3_finalize(l->insert);
    sqlite3_close(l->hand);
    close_weir(l->w);
    scratch_remove(run, "latency.db");
    scratch_remove(run, "hand.db");
}

/* ---- reporting ------------------------------------------------------------------------------- */

static spread in_ms(const double *ns, size_t count) {
    spread s = spread_of(ns, count);
    return (spread){s.median / 1e6, s.least / 1e6, s.most / 1e6};
}

typedef struct measured {
    size_t count;
    double waiter[SAMPLES], unasked[SAMPLES], hand[SAMPLES];
} measured;

static void report_all(bench_run *run, const measured *m) {
    char other[80];
    snprintf(other, sizeof other, "INSERT by hand %s",
             duration(spread_of(m->hand, m->count).median));
    report_begin(&run->report, "latency", APPLIED_DURABILITY, BY_HAND_DURABILITY);
    report_figure(&run->report, &(figure){.name = "ratio",
                                          .part = "with a waiter",
                                          .unit = "× the time",
                                          .ours = duration(spread_of(m->waiter, m->count).median),
                                          .theirs = other,
                                          .value = spread_of_ratio(m->waiter, m->hand, m->count)});
    report_figure(&run->report, &(figure){.name = "waiter_p50_ms",
                                          .part = "with a waiter, p50",
                                          .unit = "ms",
                                          .value = in_ms(m->waiter, m->count),
                                          .goal = {GOAL_AT_MOST, 5}});
    report_figure(&run->report, &(figure){.name = "default_p50_ms",
                                          .part = "unasked, p50",
                                          .unit = "ms",
                                          .value = in_ms(m->unasked, m->count),
                                          .goal = {GOAL_AT_MOST, 100}});
    report_field(&run->report, "by_hand_p50_ms", in_ms(m->hand, m->count).median);
    report_end(&run->report);
}

/* Idle is what the journal is once its thread sleeps and the checkpoint behind a commit is over: a
 * second and a half later. */
int bench_latency(bench_run *run) {
    measured m = {.count = run->quick ? 5 : SAMPLES};
    latency l = {0};
    open_all(run, &l);
    for (size_t i = 0; i < m.count; i++) {
        progress("latency: %zu of %zu", i + 1, m.count);
        nap(1500000000u);
        m.waiter[i] = by_weir_seen(&l, true);
        m.hand[i] = by_hand_seen(&l);
        nap(1500000000u);
        m.unasked[i] = by_weir_seen(&l, false);
    }
    close_all(run, &l);
    report_all(run, &m);
    return 0;
}
