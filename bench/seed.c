/* seed.c - the workload that weir was made for: 60 ticks of 200 agents, two tables, opening and
 * closing included, against a commit per row. */
#include "../demo/workload.h"
#include "ways.h"

enum { ROUNDS = 5, PATIENCE_MS = 60000 };

static const weir_column run_columns[] = {
    {"id", WEIR_KEY}, {"name", WEIR_TEXT}, {"seed", WEIR_INTEGER}};
static const weir_column agent_columns[] = {
    {"run_id", WEIR_INTEGER},  {"tick", WEIR_INTEGER}, {"agent_id", WEIR_INTEGER},
    {"agent_type", WEIR_TEXT}, {"assets", WEIR_REAL},  {"is_active", WEIR_INTEGER}};
static const weir_column deal_columns[] = {{"run_id", WEIR_INTEGER},   {"tick", WEIR_INTEGER},
                                           {"buyer_id", WEIR_INTEGER}, {"seller_id", WEIR_INTEGER},
                                           {"item", WEIR_TEXT},        {"quantity", WEIR_REAL},
                                           {"price", WEIR_REAL},       {"kind", WEIR_TEXT}};

/* Row number at as values; answers whether it is a transaction, with 8 of them, or an agent, with
 * 6. */
static bool fill(int at, weir_value v[8]) {
    row r;
    workload_row(1, at, &r);
    v[0] = weir_int(1);
    if (!r.is_transaction) {
        const agent_state *a = &r.as.agent;
        v[1] = weir_int(a->tick);
        v[2] = weir_int(a->agent);
        v[3] = weir_text(a->type);
        v[4] = weir_real(a->assets);
        v[5] = weir_int(a->active);
        return false;
    }
    const market_transaction *d = &r.as.deal;
    v[1] = weir_int(d->tick);
    v[2] = weir_int(d->buyer);
    v[3] = weir_int(d->seller);
    v[4] = weir_text(d->item);
    v[5] = weir_real(d->quantity);
    v[6] = weir_real(d->price);
    v[7] = weir_text(d->kind);
    return true;
}

/* ---- the two sides: seconds ------------------------------------------------------------------ */

static const workload agents = {.table = "agent_state", .columns = agent_columns, .count = 6};
static const workload deals = {.table = "market_transaction", .columns = deal_columns, .count = 8};

static double commit_each(const bench_run *run, const char *pragma, int rows) {
    sqlite3 *db = NULL;
    uint64_t start = now_ns();
    check_sqlite(db, sqlite3_open(scratch(run, "seed.db"), &db));
    check_sqlite(db, sqlite3_exec(db, pragma, NULL, NULL, NULL));
    check_sqlite(db, sqlite3_exec(db, WORKLOAD_SCHEMA, NULL, NULL, NULL));
    check_sqlite(db, sqlite3_exec(db, "INSERT INTO simulation_run VALUES(1, 'bench', 1)", 0, 0, 0));
    sqlite3_stmt *agent = prepare_insert(db, &agents), *deal = prepare_insert(db, &deals);
    for (int at = 0; at < rows; at++) {
        weir_value values[8];
        bool is_deal = fill(at, values);
        insert_values(is_deal ? deal : agent, values, is_deal ? 8 : 6);
        if (at % 100 == 0) progress("seed: a commit per row: %d of %d", at, rows);
    }
    sqlite3_finalize(agent);
    sqlite3_finalize(deal);
    sqlite3_close(db);
    double seconds = seconds_since(start);
    scratch_remove(run, "seed.db");
    return seconds;
}

static int append_all(weir *w) {
    weir_table *runs = NULL, *agent = NULL, *deal = NULL;
    int64_t key;
    int status = weir_declare(w, "simulation_run", run_columns, 3, &runs);
    if (status == WEIR_OK) status = weir_declare(w, agents.table, agents.columns, 6, &agent);
    if (status == WEIR_OK) status = weir_declare(w, deals.table, deals.columns, 8, &deal);
    const weir_value run[] = {weir_null(), weir_text("bench"), weir_int(1)};
    if (status == WEIR_OK) status = weir_insert_now(runs, run, 3, PATIENCE_MS, &key, NULL);
    for (int at = 0; status == WEIR_OK && at < ROWS; at++) {
        weir_value values[8];
        bool is_deal = fill(at, values);
        status = weir_append_row(is_deal ? deal : agent, values, is_deal ? 8 : 6, NULL);
    }
    return status == WEIR_OK ? weir_sync(w, WEIR_APPLIED, PATIENCE_MS) : status;
}

static double through_weir(const bench_run *run) {
    uint64_t start = now_ns();
    weir *w = open_weir(scratch(run, "seed.db"), NULL);
    int status = append_all(w);
    if (status != WEIR_OK) give_up("the seed's workload", status);
    close_weir(w);
    double seconds = seconds_since(start);
    scratch_remove(run, "seed.db");
    return seconds;
}

/* ---- reporting ------------------------------------------------------------------------------- */

static void report_against(bench_run *run, const char *name, const char *mode, const double *theirs,
                           const double *ours, size_t rounds, goal wanted) {
    char other[80];
    snprintf(other, sizeof other, "a commit per row (%s) %s", mode,
             duration(1e9 * spread_of(theirs, rounds).median));
    report_figure(&run->report, &(figure){.name = name,
                                          .part = mode,
                                          .unit = "× faster",
                                          .ours = duration(1e9 * spread_of(ours, rounds).median),
                                          .theirs = other,
                                          .value = spread_of_ratio(theirs, ours, rounds),
                                          .goal = wanted});
}

/* 99.9 % less time is a thousandth of it. In a quick run a commit per row is measured over a
 * twentieth of the rows, as each costs the same, and taken twenty times. */
int bench_seed(bench_run *run) {
    static const char rollback[] = "PRAGMA synchronous=FULL";
    static const char wal[] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL";
    double each[ROUNDS], each_wal[ROUNDS], ours[ROUNDS];
    size_t rounds = run->quick ? 1 : ROUNDS;
    int part = run->quick ? 20 : 1;

    for (size_t i = 0; i < rounds; i++) {
        settle(run);
        each[i] = commit_each(run, rollback, ROWS / part) * part;
        settle(run);
        each_wal[i] = commit_each(run, wal, ROWS / part) * part;
        settle(run);
        ours[i] = through_weir(run);
    }
    double saved = spread_of_ratio(ours, each, rounds).median;
    report_begin(&run->report, "seed", APPLIED_DURABILITY, "synced, row by row (FULL)");
    report_against(run, "ratio", "rollback journal", each, ours, rounds,
                   (goal){GOAL_AT_LEAST, 1000});
    report_against(run, "ratio_wal", "WAL", each_wal, ours, rounds, (goal){GOAL_NONE, 0});
    report_field(&run->report, "less_time_percent", 100 * (1 - saved));
    report_field(&run->report, "weir_seconds", spread_of(ours, rounds).median);
    report_field(&run->report, "commit_per_row_seconds", spread_of(each, rounds).median);
    report_end(&run->report);
    return 0;
}
