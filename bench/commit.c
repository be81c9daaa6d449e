/* commit.c - append one row and wait until it is durable, by 1, 4, 16 and 64 threads, against a
 * synced commit of one row in RocksDB, LMDB and SQLite; and by one thread against the least that
 * any program pays for that promise: pwrite of 4 KiB and fdatasync on a file of zeros. */
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "bare.h"
#include "hammer.h"
#include "ways.h"

enum { ROUNDS = 5, STEPS = 4, SIDES = 4 };
static const unsigned thread_counts[STEPS] = {1, 4, 16, 64};

/* ---- the sides: rows a second, 0 when it failed ---------------------------------------------- */

typedef double commit_side(const bench_run *run, unsigned threads, double seconds);

typedef struct our_side {
    weir *w;
    weir_table *table;
} our_side;

static bool append_durably(void *context, unsigned thread, uint64_t turn) {
    our_side *s = context;
    weir_value values[WORKLOAD_COLUMNS_MAX];
    weir_ticket ticket;
    AGENT_ROWS.fill(turn * HAMMERS_MAX + thread, values);
    int status = weir_append_row(s->table, values, AGENT_ROWS.count, &ticket);
    if (status == WEIR_OK) status = weir_wait(s->w, ticket, WEIR_DURABLE, 10000);
    return status == WEIR_OK;
}

static double commit_weir(const bench_run *run, unsigned threads, double seconds) {
    our_side s = {
        .w = open_weir(scratch(run, "commit.db"), &(weir_options){.lanes_max = 2 * HAMMERS_MAX})};
    s.table = declare_workload(s.w, &AGENT_ROWS);
    double rate = hammer(threads, seconds, append_durably, &s);
    close_weir(s.w);
    scratch_remove(run, "commit.db");
    return rate;
}

typedef struct sqlite_side {
    sqlite3 *db;
    sqlite3_stmt *insert;
    pthread_mutex_t lock; /* SQLite has one writer; a queue in front of it beats its busy handler */
} sqlite_side;

static bool insert_alone(void *context, unsigned thread, uint64_t turn) {
    sqlite_side *s = context;
    weir_value values[WORKLOAD_COLUMNS_MAX];
    AGENT_ROWS.fill(turn * HAMMERS_MAX + thread, values);
    pthread_mutex_lock(&s->lock);
    insert_values(s->insert, values, AGENT_ROWS.count);
    pthread_mutex_unlock(&s->lock);
    return true;
}

static double commit_sqlite(const bench_run *run, unsigned threads, double seconds) {
    sqlite_side s = {.db = open_by_hand(scratch(run, "commit.db"), &AGENT_ROWS),
                     .lock = PTHREAD_MUTEX_INITIALIZER};
    s.insert = prepare_insert(s.db, &AGENT_ROWS);
    double rate = hammer(threads, seconds, insert_alone, &s);
    sqlite3_finalize(s.insert);
    sqlite3_close(s.db);
    scratch_remove(run, "commit.db");
    return rate;
}

static double commit_program(const bench_run *run, const char *program, unsigned threads,
                             double seconds) {
    char count[16], time[16];
    double rate = 0;
    const char *directory = scratch(run, "commit");
    const char *arguments[] = {program, directory, count, time, NULL};
    snprintf(count, sizeof count, "%u", threads);
    snprintf(time, sizeof time, "%.3f", seconds);
    if (mkdir(directory, 0700) || !ask_program(arguments, &rate, 1)) rate = 0;
    remove_tree(directory);
    return rate;
}

static double commit_rocksdb(const bench_run *run, unsigned threads, double seconds) {
    return commit_program(run, WEIR_BENCH_ROCKSDB, threads, seconds);
}

static double commit_lmdb(const bench_run *run, unsigned threads, double seconds) {
    return commit_program(run, WEIR_BENCH_LMDB, threads, seconds);
}

static const struct {
    const char *name, *program; /* NULL: no program apart; "": it was not there to build */
    commit_side *commit;
    const char *durability;
} sides[SIDES] = {
    {"weir", NULL, commit_weir, "durable (fdatasync)"},
    {"rocksdb", WEIR_BENCH_ROCKSDB, commit_rocksdb, "durable (WriteOptions::sync)"},
    {"lmdb", WEIR_BENCH_LMDB, commit_lmdb, "durable (its default)"},
    {"sqlite", NULL, commit_sqlite, BY_HAND_DURABILITY},
};

static bool is_there(int side) { return !sides[side].program || *sides[side].program; }

/* ---- measuring ------------------------------------------------------------------------------- */

typedef struct measured {
    size_t rounds;
    double rate[STEPS][SIDES][ROUNDS]; /* rows a second */
    double bare_ns[ROUNDS], weir_ns[ROUNDS];
} measured;

static bool measure_step(const bench_run *run, measured *m, int step, size_t round) {
    double seconds = run->quick ? 0.1 : 0.8;
    for (int side = 0; side < SIDES; side++) {
        if (!is_there(side)) continue;
        progress("commit: round %zu of %zu, %u threads, %s", round + 1, m->rounds,
                 thread_counts[step], sides[side].name);
        settle(run);
        double rate = sides[side].commit(run, thread_counts[step], seconds);
        if (rate <= 0) return false;
        m->rate[step][side][round] = rate;
    }
    return true;
}

static bool measure_all(const bench_run *run, measured *m) {
    for (size_t round = 0; round < m->rounds; round++) {
        settle(run);
        if (!measure_bare(run, &m->bare_ns[round], &m->weir_ns[round])) return false;
        for (int step = 0; step < STEPS; step++)
            if (!measure_step(run, m, step, round)) return false;
    }
    return true;
}

/* ---- reporting ------------------------------------------------------------------------------- */

static goal goal_of(int step, int side) {
    bool wanted = thread_counts[step] == 16 && strcmp(sides[side].name, "rocksdb") == 0;
    return wanted ? (goal){GOAL_AT_LEAST, 5} : (goal){GOAL_NONE, 0};
}

static void report_side(bench_run *run, const measured *m, int step, int side) {
    char name[64], part[64], other[80];
    snprintf(name, sizeof name, "ratio_%s_%u", sides[side].name, thread_counts[step]);
    snprintf(part, sizeof part, "%u thread%s", thread_counts[step], step ? "s" : "");
    const double *ours = m->rate[step][0], *theirs = m->rate[step][side];
    snprintf(other, sizeof other, "%s %s", sides[side].name,
             amount(spread_of(theirs, m->rounds).median, "rows/s"));
    report_figure(&run->report,
                  &(figure){.name = name,
                            .part = part,
                            .unit = "×",
                            .ours = amount(spread_of(ours, m->rounds).median, "rows/s"),
                            .theirs = other,
                            .value = spread_of_ratio(ours, theirs, m->rounds),
                            .goal = goal_of(step, side),
                            .theirs_durability = sides[side].durability});
}

static void report_bare(bench_run *run, const measured *m) {
    char other[80];
    snprintf(other, sizeof other, "pwrite of 4 KiB and fdatasync %s",
             duration(spread_of(m->bare_ns, m->rounds).median));
    report_figure(&run->report,
                  &(figure){.name = "ratio_fdatasync_1",
                            .part = "1 thread",
                            .unit = "× the time",
                            .ours = duration(spread_of(m->weir_ns, m->rounds).median),
                            .theirs = other,
                            .value = spread_of_ratio(m->weir_ns, m->bare_ns, m->rounds),
                            .goal = {GOAL_AT_MOST, 1.15},
                            .theirs_durability = "durable (fdatasync)"});
    report_field(&run->report, "weir_p50_ns", spread_of(m->weir_ns, m->rounds).median);
    report_field(&run->report, "bare_p50_ns", spread_of(m->bare_ns, m->rounds).median);
}

static void report_rates(bench_run *run, const measured *m, int step) {
    char name[64];
    for (int side = 0; side < SIDES; side++) {
        if (!is_there(side)) continue;
        snprintf(name, sizeof name, "%s_rows_per_s_%u", sides[side].name, thread_counts[step]);
        report_field(&run->report, name, spread_of(m->rate[step][side], m->rounds).median);
    }
}

static void plot(const bench_run *run, const measured *m) {
    FILE *table = plot_begin(run, "commit");
    if (!table) return;
    fprintf(table, "threads");
    for (int side = 0; side < SIDES; side++)
        fprintf(table, " %s", sides[side].name);
    for (int step = 0; step < STEPS; step++) {
        fprintf(table, "\n%u", thread_counts[step]);
        for (int side = 0; side < SIDES; side++)
            if (is_there(side))
                fprintf(table, " %g", spread_of(m->rate[step][side], m->rounds).median);
            else
                fprintf(table, " ?");
    }
    fprintf(table, "\n");
    plot_end(run, "commit", table);
}

int bench_commit(bench_run *run) {
    measured m = {.rounds = run->quick ? 2 : ROUNDS};
    if (!measure_all(run, &m)) return 1;
    report_begin(&run->report, "commit", "durable (fdatasync)",
                 "durable (WriteOptions::sync, LMDB's default, synchronous=FULL, fdatasync)");
    report_bare(run, &m);
    for (int side = 1; side < SIDES; side++)
        if (!is_there(side)) report_missing(&run->report, sides[side].name, NOT_BUILT);
    for (int step = 0; step < STEPS; step++) {
        for (int side = 1; side < SIDES; side++)
            if (is_there(side)) report_side(run, &m, step, side);
        report_rates(run, &m, step);
    }
    report_end(&run->report);
    plot(run, &m);
    return 0;
}
