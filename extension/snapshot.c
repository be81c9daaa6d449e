/* snapshot.c - one state of a database, held for as long as it is read. */
#include "snapshot.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/base/os.h"
#include "place.h"

enum { PATIENCE_MS = 2000 }; /* a database is locked for reading during its recovery only */

int weir_sql_snapshot_failed(const weir_sql_snapshot *s, int code, weir_error *error) {
    const char *text = s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(code);
    switch (code & 0xff) {
    case SQLITE_NOMEM: return weir_fail(error, WEIR_NO_MEMORY, "no memory to read the database");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return weir_fail(error, WEIR_BUSY, "the database is locked (%s); try again", text);
    default: return weir_fail(error, WEIR_DATABASE, "the database cannot be read: %s", text);
    }
}

int weir_sql_prepare(const weir_sql_snapshot *s, sqlite3_stmt **out, const char *format, ...) {
    va_list list;
    va_start(list, format);
    char *sql = sqlite3_vmprintf(format, list);
    va_end(list);
    *out = NULL;
    int code = sql ? sqlite3_prepare_v2(s->db, sql, -1, out, NULL) : SQLITE_NOMEM;
    sqlite3_free(sql);
    return code;
}

bool weir_sql_snapshot_has(const weir_sql_snapshot *s, const char *table) {
    sqlite3_stmt *look;
    if (!s->anchor) return false;
    int code = weir_sql_prepare(s, &look, "SELECT 1 FROM \"%w\".\"%w\"", s->schema, table);
    (void)sqlite3_finalize(look); /* it was not stepped */
    return code == SQLITE_OK;
}

/* ---- the connection ---- */

/* The caller's, where it has this file: what it has written itself is seen then. */
static int find_schema(sqlite3 *db, const char *path, weir_sql_snapshot *s) {
    sqlite3_stmt *list;
    int code = sqlite3_prepare_v2(db, "PRAGMA database_list", -1, &list, NULL);
    while (code == SQLITE_OK && !s->schema && sqlite3_step(list) == SQLITE_ROW) {
        const char *file = (const char *)sqlite3_column_text(list, 2);
        if (!file || !*file || !weir_sql_is_same_file(file, path)) continue;
        const char *name = (const char *)sqlite3_column_text(list, 1);
        s->schema = name ? strdup(name) : NULL;
        s->db = db;
        if (!s->schema) code = SQLITE_NOMEM;
    }
    (void)sqlite3_finalize(list); /* a list that ends early names no such file */
    return code;
}

/* Reads only, and leaves the -wal file as it is. */
static int open_own(const char *path, weir_sql_snapshot *s) {
    int code = sqlite3_open_v2(path, &s->own, SQLITE_OPEN_READONLY, NULL);
    s->db = s->own;
    if (code == SQLITE_OK) code = sqlite3_busy_timeout(s->own, PATIENCE_MS);
    if (code == SQLITE_OK)
        code = sqlite3_db_config(s->own, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    if (code == SQLITE_OK && !(s->schema = strdup("main"))) code = SQLITE_NOMEM;
    return code;
}

/* ---- what is read at once ---- */

static int drop_anchor(weir_sql_snapshot *s) {
    int code =
        weir_sql_prepare(s, &s->anchor, "SELECT count(*) FROM \"%w\".sqlite_schema", s->schema);
    if (code != SQLITE_OK) return code;
    code = sqlite3_step(s->anchor);
    return code == SQLITE_ROW ? SQLITE_OK : code;
}

/* A row that is no journal's is not weir's. A doubtful number counts as SQLite converts it: the
 * inventory judges whether it fits. */
static int take_position_row(weir_sql_snapshot *s, sqlite3_stmt *row) {
    weir_position p;
    if (sqlite3_column_bytes(row, 0) != sizeof p.journal) return SQLITE_OK;
    weir_position *grown = realloc(s->positions, (s->count + 1) * sizeof *grown);
    const void *journal = sqlite3_column_blob(row, 0);
    if (grown) s->positions = grown;
    if (!grown || !journal) return SQLITE_NOMEM;
    memcpy(p.journal, journal, sizeof p.journal);
    p.block = (uint64_t)sqlite3_column_int64(row, 1);
    p.row = (uint64_t)sqlite3_column_int64(row, 2);
    p.hash = (uint64_t)sqlite3_column_int64(row, 3);
    grown[s->count++] = p;
    return SQLITE_OK;
}

static int read_positions(weir_sql_snapshot *s) {
    sqlite3_stmt *rows;
    if (!weir_sql_snapshot_has(s, "weir_position")) return SQLITE_OK;
    int code = weir_sql_prepare(
        s, &rows, "SELECT journal, block, row, hash FROM \"%w\".weir_position", s->schema);
    if (code != SQLITE_OK) return code;
    while ((code = sqlite3_step(rows)) == SQLITE_ROW)
        if ((code = take_position_row(s, rows)) != SQLITE_OK) break;
    (void)sqlite3_finalize(rows); /* repeats what step has said */
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

/* Whoever reads a database in WAL mode maps its -shm file, and makes it if nobody has it open. */
static int fail_for_rights(const weir_sql_snapshot *s, const char *path, weir_error *error) {
    return weir_fail(
        error, WEIR_DATABASE,
        "%s: SQLite cannot open the database, or not its -wal and -shm files (%s); this "
        "user needs the right to read them, and to make them if the program does not "
        "run; weir status and dump do not need them",
        path, s->db ? sqlite3_errmsg(s->db) : "no reason given");
}

int weir_sql_snapshot_take(sqlite3 *db, const char *path, weir_sql_snapshot *out,
                           weir_error *error) {
    const weir_os *os = weir_os_posix();
    weir_os_info info;
    *out = (weir_sql_snapshot){0};
    if (os->info(os->self, WEIR_OS_CWD, path, &info) < 0) return WEIR_OK;
    out->is_there = true;
    int code = find_schema(db, path, out);
    if (code == SQLITE_OK && !out->schema) code = open_own(path, out);
    if (code == SQLITE_OK) code = drop_anchor(out);
    if (code == SQLITE_OK) code = read_positions(out);
    if (code == SQLITE_OK) return WEIR_OK;
    if ((code & 0xff) == SQLITE_READONLY || (code & 0xff) == SQLITE_CANTOPEN)
        return fail_for_rights(out, path, error);
    int status = weir_sql_snapshot_failed(out, code, error);
    if (status != WEIR_DATABASE) return status;
    (void)snprintf(out->why, sizeof out->why, "%s",
                   out->db ? sqlite3_errmsg(out->db)
                           : sqlite3_errstr(code)); /* cut: still a text */
    return WEIR_OK;
}

void weir_sql_snapshot_release(weir_sql_snapshot *s) {
    (void)sqlite3_finalize(s->anchor); /* it only read */
    (void)sqlite3_close(s->own);       /* every statement is finalized */
    free(s->schema);
    free(s->positions);
    *s = (weir_sql_snapshot){0};
}
