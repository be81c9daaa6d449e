#include "compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "workload.h"

static bool same_text(sqlite3_stmt *s, int column, const char *wanted) {
    const char *text = (const char *)sqlite3_column_text(s, column);
    return text && strcmp(text, wanted) == 0;
}

static bool same_real(sqlite3_stmt *s, int column, double wanted) {
    return sqlite3_column_double(s, column) == wanted; /* to the last bit: no sum, a copy */
}

/* Columns as in the schema; the first must be the id of the one run. */
static bool same_row(sqlite3_stmt *s, const row *r) {
    if (sqlite3_column_int64(s, 0) != 1) return false;
    if (r->is_transaction) {
        const market_transaction *d = &r->as.deal;
        return sqlite3_column_int64(s, 3) == d->seller && same_text(s, 4, d->item) &&
               same_real(s, 5, d->quantity) && same_real(s, 6, d->price) &&
               same_text(s, 7, d->kind);
    }
    const agent_state *a = &r->as.agent;
    return same_text(s, 3, a->type) && same_real(s, 4, a->assets) &&
           sqlite3_column_int(s, 5) == a->active;
}

static void take_row(sqlite3_stmt *s, bool is_transaction, uint64_t seed, int *times,
                     comparison *out) {
    row sent;
    int place =
        workload_place(is_transaction, sqlite3_column_int64(s, 1), sqlite3_column_int64(s, 2));
    if (place < 0) {
        out->wrong++;
        return;
    }
    workload_row(seed, place, &sent);
    if (!same_row(s, &sent)) out->wrong++;
    if (times[place]++) out->doubled++;
}

static int take_table(sqlite3 *db, bool is_transaction, uint64_t seed, int *times,
                      comparison *out) {
    sqlite3_stmt *s;
    const char *sql =
        is_transaction ? "SELECT * FROM market_transaction" : "SELECT * FROM agent_state";
    int status = sqlite3_prepare_v2(db, sql, -1, &s, NULL);
    if (status) return status;
    while ((status = sqlite3_step(s)) == SQLITE_ROW)
        take_row(s, is_transaction, seed, times, out);
    sqlite3_finalize(s);
    return status != SQLITE_DONE;
}

static int count_runs(sqlite3 *db, int *runs) {
    sqlite3_stmt *s;
    int status = sqlite3_prepare_v2(db, "SELECT count(*) FROM simulation_run", -1, &s, NULL);
    if (status) return status;
    status = sqlite3_step(s) != SQLITE_ROW;
    *runs = sqlite3_column_int(s, 0);
    sqlite3_finalize(s);
    return status;
}

int compare(const char *path, uint64_t seed, int told, comparison *out) {
    sqlite3 *db;
    int *times = calloc(ROWS, sizeof *times);

    *out = (comparison){0};
    if (!times) return 1;
    int failed = sqlite3_open(path, &db) || take_table(db, false, seed, times, out) ||
                 take_table(db, true, seed, times, out) || count_runs(db, &out->runs);
    if (failed) fprintf(stderr, "%s: %s\n", path, sqlite3_errmsg(db));
    for (int place = 0; place < ROWS; place++) {
        out->found += times[place] > 0;
        out->lost += place < told && times[place] == 0;
    }
    free(times);
    sqlite3_close(db);
    return failed;
}
