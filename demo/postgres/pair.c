#include "pair.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

static int complain_of_server(PGconn *server) {
    fprintf(stderr, "the server: %s", PQerrorMessage(server));
    return 1;
}

/* The server's text of a double names just that double. */
static bool same_value(sqlite3_stmt *s, const PGresult *r, int row, int column) {
    const char *there = PQgetvalue(r, row, column);
    if (PQgetisnull(r, row, column)) return sqlite3_column_type(s, column) == SQLITE_NULL;
    switch (sqlite3_column_type(s, column)) {
    case SQLITE_INTEGER: return strtoll(there, NULL, 10) == sqlite3_column_int64(s, column);
    case SQLITE_FLOAT: return strtod(there, NULL) == sqlite3_column_double(s, column);
    case SQLITE_TEXT: return strcmp(there, (const char *)sqlite3_column_text(s, column)) == 0;
    default: return false;
    }
}

static bool same_row(sqlite3_stmt *s, const PGresult *r, int row) {
    bool same = sqlite3_column_count(s) == PQnfields(r);
    for (int i = 0; same && i < PQnfields(r); i++)
        same = same_value(s, r, row, i);
    return same;
}

/* Both in the order of the same columns, the server's own order of texts being left out. */
static int compare_tables(sqlite3 *db, PGconn *server, const char *sql, pair *out) {
    sqlite3_stmt *s;
    int row = 0, status = sqlite3_prepare_v2(db, sql, -1, &s, NULL);
    if (status) return status;
    PGresult *r = PQexec(server, sql);
    int failed = PQresultStatus(r) == PGRES_TUPLES_OK ? 0 : complain_of_server(server);
    for (; !failed && (status = sqlite3_step(s)) == SQLITE_ROW; row++)
        out->different += row >= PQntuples(r) || !same_row(s, r, row);
    if (PQntuples(r) > row) out->different += PQntuples(r) - row;
    out->sqlite += row;
    out->server += PQntuples(r);
    PQclear(r);
    sqlite3_finalize(s);
    return failed || status != SQLITE_DONE;
}

int compare_pair(const char *path, PGconn *server, pair *out) {
    sqlite3 *db;
    *out = (pair){0};
    int failed =
        sqlite3_open(path, &db) ||
        compare_tables(db, server, "SELECT * FROM agent_state ORDER BY tick, agent_id", out) ||
        compare_tables(db, server, "SELECT * FROM market_transaction ORDER BY tick, buyer_id", out);
    PGresult *r = PQexec(server, "SELECT count(*) FROM weir_reject");
    if (PQresultStatus(r) != PGRES_TUPLES_OK)
        failed = complain_of_server(server);
    else
        out->rejected = (int)strtol(PQgetvalue(r, 0, 0), NULL, 10);
    if (failed) fprintf(stderr, "%s: %s\n", path, sqlite3_errmsg(db));
    PQclear(r);
    sqlite3_close(db);
    return failed;
}
