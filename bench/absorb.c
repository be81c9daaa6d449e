/* absorb.c - 2 M rows while another writer has SQLite locked: how fast do ring and journal take
 * them, and does a producer ever wait? */
#include "backlog.h"

enum { ROWS = 2000000, ROUNDS = 5, BURST = 500 };
#define PACE_ROWS_PER_S 5e6

/* As fast as it goes, until all is durable: rows a second. */
static double flat_out(weir *w, weir_table *table, uint64_t rows) {
    uint64_t start = now_ns();
    int status = append_rows(table, &AGENT_ROWS, 0, rows);
    if (status != WEIR_OK) give_up("absorbing", status);
    sync_or_give_up(w, WEIR_DURABLE);
    return (double)rows / seconds_since(start);
}

typedef struct paced {
    double refused;  /* rows that would have waited for room */
    double worst_ns; /* longest burst, per row */
} paced;

/* At the pace that is asked for, and with a handle that refuses instead of waiting. */
static paced at_pace(weir *w, weir_table *table, uint64_t rows) {
    double worst = 0;
    struct weir_stats stats;
    uint64_t start = now_ns();
    for (uint64_t row = 0; row < rows; row += BURST) {
        uint64_t due = start + (uint64_t)((double)row / PACE_ROWS_PER_S * 1e9);
        while (now_ns() < due) {
        }
        uint64_t begun = now_ns();
        for (uint64_t i = 0; i < BURST; i++) {
            int status = append_rows(table, &AGENT_ROWS, row + i, 1);
            if (status != WEIR_OK && status != WEIR_FULL) give_up("absorbing", status);
        }
        double each = (double)(now_ns() - begun) / BURST;
        if (each > worst) worst = each;
    }
    int status = weir_stats(w, &stats);
    if (status != WEIR_OK) give_up("absorbing", status);
    return (paced){(double)stats.rows_refused, worst};
}

static weir *open_locked(const bench_run *run, const weir_options *options, weir_table **table,
                         sqlite3 **lock) {
    const char *path = scratch(run, "absorb.db");
    weir *w = open_weir(path, options);
    *table = declare_workload(w, &AGENT_ROWS);
    *lock = lock_database(path);
    return w;
}

static void close_locked(const bench_run *run, weir *w, sqlite3 *lock) {
    unlock_database(lock);
    close_weir(w);
    scratch_remove(run, "absorb.db");
}

typedef struct measured {
    size_t rounds;
    double hand[ROUNDS], ours[ROUNDS], refused[ROUNDS], worst_ns[ROUNDS];
} measured;

static void measure_round(const bench_run *run, uint64_t rows, measured *m, size_t i) {
    weir_table *table;
    sqlite3 *lock;
    settle(run);
    m->hand[i] = by_hand(run, &AGENT_ROWS, rows);
    settle(run);
    weir *w = open_locked(run, NULL, &table, &lock);
    m->ours[i] = flat_out(w, table, rows);
    close_locked(run, w, lock);
    settle(run);
    w = open_locked(run, &(weir_options){.full = WEIR_FULL_FAIL}, &table, &lock);
    paced p = at_pace(w, table, rows);
    m->refused[i] = p.refused;
    m->worst_ns[i] = p.worst_ns;
    close_locked(run, w, lock);
}

int bench_absorb(bench_run *run) {
    measured m = {.rounds = run->quick ? 3 : ROUNDS};
    for (size_t i = 0; i < m.rounds; i++) {
        progress("absorb: round %zu of %zu", i + 1, m.rounds);
        measure_round(run, run->quick ? ROWS / 10 : ROWS, &m, i);
    }
    spread ours = spread_of(m.ours, m.rounds);
    double theirs = spread_of(m.hand, m.rounds).median;
    char other[100];
    snprintf(other, sizeof other, "%s, nothing locked, %s", BY_HAND, amount(theirs, "rows/s"));
    report_begin(&run->report, "absorb", "durable (fdatasync)", BY_HAND_DURABILITY);
    report_figure(&run->report, &(figure){.name = "ratio",
                                          .part = "database locked",
                                          .unit = "×",
                                          .ours = amount(ours.median, "rows/s"),
                                          .theirs = other,
                                          .value = spread_of_ratio(m.ours, m.hand, m.rounds)});
    report_figure(&run->report, &(figure){.name = "rows_per_s",
                                          .part = "database locked",
                                          .unit = "rows/s",
                                          .value = ours,
                                          .goal = {GOAL_AT_LEAST, PACE_ROWS_PER_S}});
    report_figure(&run->report, &(figure){.name = "waited_rows",
                                          .part = "rows that had to wait, at 5 M rows/s",
                                          .unit = "",
                                          .value = spread_of(m.refused, m.rounds),
                                          .goal = {GOAL_AT_MOST, 0}});
    report_field(&run->report, "worst_ns", spread_of(m.worst_ns, m.rounds).most);
    report_end(&run->report);
    return 0;
}
