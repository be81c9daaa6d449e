/* ingest.c - rows a second from the first append until all is applied and synced, against the best
 * that people write by hand: prepared statements, 50,000 rows a transaction, WAL, synchronous=FULL. */
#include <stdio.h>
#include <stdlib.h>

#include <sqlite3.h>

#include "bench.h"

enum { ROWS = 3000000, TRANSACTION = 50000, ROUNDS = 3 };

static void check(sqlite3 *db, int status) {
    if (status == SQLITE_OK || status == SQLITE_DONE) return;
    fprintf(stderr, "weir-bench: %s\n", sqlite3_errmsg(db));
    exit(1);
}

static void insert(sqlite3 *db, sqlite3_stmt *s, const agent *a) {
    sqlite3_bind_int64(s, 1, 1);
    sqlite3_bind_int64(s, 2, a->tick);
    sqlite3_bind_int64(s, 3, a->id);
    sqlite3_bind_text(s, 4, a->type, -1, SQLITE_STATIC);
    sqlite3_bind_double(s, 5, a->assets);
    sqlite3_bind_int(s, 6, a->active);
    check(db, sqlite3_step(s));
    sqlite3_reset(s);
}

static double by_hand(bench_run *run, uint64_t rows) {
    sqlite3 *db;
    sqlite3_stmt *s;
    check(NULL, sqlite3_open(scratch(run, "hand.db"), &db));
    check(db, sqlite3_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL", 0, 0, 0));
    check(db, sqlite3_exec(db, AGENT_SCHEMA, 0, 0, 0));
    check(db, sqlite3_prepare_v2(db, "INSERT INTO agent_state VALUES(?,?,?,?,?,?)", -1, &s, NULL));
    uint64_t start = now_ns();
    for (uint64_t row = 0; row < rows; row++) {
        agent a = agent_at(row);
        if (row % TRANSACTION == 0) check(db, sqlite3_exec(db, "BEGIN", 0, 0, 0));
        insert(db, s, &a);
        if (row % TRANSACTION == TRANSACTION - 1 || row == rows - 1)
            check(db, sqlite3_exec(db, "COMMIT", 0, 0, 0));
    }
    double seconds = (double)(now_ns() - start) / 1e9;
    sqlite3_finalize(s);
    sqlite3_close(db);
    scratch_remove(run, "hand.db");
    return (double)rows / seconds;
}

static double by_weir(bench_run *run, uint64_t rows) {
    weir *w = open_weir(scratch(run, "weir.db"), NULL);
    weir_table *table = declare_agents(w);
    uint64_t start = now_ns();
    int status = WEIR_OK;
    for (uint64_t row = 0; status == WEIR_OK && row < rows; row++) {
        agent a = agent_at(row);
        status = append_agent(table, &a);
    }
    if (status == WEIR_OK) status = weir_sync(w, WEIR_APPLIED, 600000);
    double seconds = (double)(now_ns() - start) / 1e9;
    if (status != WEIR_OK) give_up("ingest", status);
    weir_close(w);
    scratch_remove(run, "weir.db");
    return (double)rows / seconds;
}

int bench_ingest(bench_run *run) {
    uint64_t rows = run->quick ? ROWS / 10 : ROWS;
    double hand[ROUNDS], ours[ROUNDS];

    for (int i = 0; i < ROUNDS; i++) {
        hand[i] = by_hand(run, rows);
        ours[i] = by_weir(run, rows);
    }
    double theirs = median(hand, ROUNDS), mine = median(ours, ROUNDS);
    report_begin(run, "ingest", "rows a second, applied and synced (durable on both sides)");
    report_field(run, "ratio", mine / theirs);
    report_field(run, "weir_rows_per_s", mine);
    report_field(run, "prepared_rows_per_s", theirs);
    report_field(run, "weir_spread", ours[ROUNDS - 1] / ours[0]);
    report_field(run, "prepared_spread", hand[ROUNDS - 1] / hand[0]);
    report_end(run);
    return 0;
}
