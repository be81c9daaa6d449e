/* by_hand.c - the best that people write by hand: prepared statements, 50,000 rows a transaction,
 * WAL, synchronous=FULL. */
#include <stdlib.h>

#include "ways.h"

enum { TRANSACTION_ROWS = 50000, TRANSACTION_BYTES = 16 << 20 };

void check_sqlite(sqlite3 *db, int status) {
    if (status == SQLITE_OK || status == SQLITE_DONE) return;
    fprintf(stderr, "weir-bench: SQLite: %s\n", sqlite3_errmsg(db));
    exit(1);
}

static void run_sql(sqlite3 *db, const char *sql) {
    check_sqlite(db, sqlite3_exec(db, sql, NULL, NULL, NULL));
}

sqlite3 *open_by_hand(const char *path, const workload *load) {
    sqlite3 *db = NULL;
    char schema[2048];
    check_sqlite(db, sqlite3_open(path, &db));
    run_sql(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL");
    run_sql(db, load->indexes ? "PRAGMA cache_size=-64000" : "PRAGMA cache_size=-16000");
    workload_schema(load, schema, sizeof schema);
    run_sql(db, schema);
    return db;
}

sqlite3_stmt *prepare_insert(sqlite3 *db, const workload *load) {
    char sql[256];
    sqlite3_stmt *s = NULL;
    int at = snprintf(sql, sizeof sql, "INSERT INTO %s VALUES(?", load->table);
    for (size_t i = 1; i < load->count; i++)
        at += snprintf(sql + at, sizeof sql - (size_t)at, ",?");
    snprintf(sql + at, sizeof sql - (size_t)at, ")");
    check_sqlite(db, sqlite3_prepare_v2(db, sql, -1, &s, NULL));
    return s;
}

static int bind(sqlite3_stmt *s, int at, const weir_value *v) {
    switch (v->type) {
    case WEIR_INTEGER: return sqlite3_bind_int64(s, at, v->as.integer);
    case WEIR_REAL: return sqlite3_bind_double(s, at, v->as.real);
    case WEIR_TEXT: return sqlite3_bind_text(s, at, v->as.bytes, (int)v->length, SQLITE_STATIC);
    case WEIR_BLOB: return sqlite3_bind_blob(s, at, v->as.bytes, (int)v->length, SQLITE_STATIC);
    default: return sqlite3_bind_null(s, at);
    }
}

void insert_values(sqlite3_stmt *s, const weir_value *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        (void)bind(s, (int)i + 1, &values[i]); /* what fails is told by the step */
    check_sqlite(sqlite3_db_handle(s), sqlite3_step(s));
    (void)sqlite3_reset(s); /* the step went well */
}

static uint64_t rows_a_transaction(const workload *load) {
    uint64_t rows = TRANSACTION_BYTES / load->row_bytes;
    return rows < TRANSACTION_ROWS ? rows : TRANSACTION_ROWS;
}

void insert_by_hand(sqlite3 *db, const workload *load, uint64_t first, uint64_t rows) {
    weir_value values[WORKLOAD_COLUMNS_MAX];
    uint64_t transaction = rows_a_transaction(load);
    sqlite3_stmt *s = prepare_insert(db, load);
    for (uint64_t row = 0; row < rows; row++) {
        if (row % transaction == 0) run_sql(db, "BEGIN");
        load->fill(first + row, values);
        insert_values(s, values, load->count);
        if (row % transaction == transaction - 1 || row == rows - 1) run_sql(db, "COMMIT");
    }
    sqlite3_finalize(s);
}

double by_hand(const bench_run *run, const workload *load, uint64_t rows) {
    sqlite3 *db = open_by_hand(scratch(run, "hand.db"), load);
    uint64_t start = now_ns();
    insert_by_hand(db, load, 0, rows);
    double seconds = seconds_since(start);
    sqlite3_close(db);
    scratch_remove(run, "hand.db");
    return (double)rows / seconds;
}
