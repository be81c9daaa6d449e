/* pending.c - weir_pending: rows of any table that are durable and not applied. */
#include <stdlib.h>
#include <string.h>

#include "function.h"
#include "modules.h"
#include "result.h"
#include "scan.h"

enum { ROW, BLOCK, TABLE_NAME, VALUES, TIME_NS, DATABASE, WANTED, DIRECTORY };

typedef struct pending_cursor {
    sqlite3_vtab_cursor base; /* first: SQLite sees only this */
    weir_sql_place place;
    char *wanted; /* NULL: any table */
    weir_sql_scan *scan;
    bool at_end;
} pending_cursor;

static int open_pending(sqlite3_vtab *table, sqlite3_vtab_cursor **out) {
    (void)table;
    pending_cursor *c = calloc(1, sizeof *c);
    if (!c) return SQLITE_NOMEM;
    *out = &c->base;
    return SQLITE_OK;
}

static void forget_pending(pending_cursor *c) {
    weir_sql_scan_free(c->scan);
    weir_sql_place_free(&c->place);
    free(c->wanted);
    c->scan = NULL;
    c->wanted = NULL;
}

static int close_pending(sqlite3_vtab_cursor *base) {
    forget_pending((pending_cursor *)base);
    free(base);
    return SQLITE_OK;
}

static int next_pending(sqlite3_vtab_cursor *base) {
    pending_cursor *c = (pending_cursor *)base;
    weir_error error = {0};
    int status = weir_sql_scan_next(c->scan, c->wanted, &error);
    c->at_end = status != WEIR_OK;
    if (status == WEIR_OK || status == WEIR_PENDING) return SQLITE_OK;
    return weir_sql_failed(base->pVtab, status, &error);
}

/* No rows of it may be waiting, but then it is declared, or the database has it. */
static int check_wanted(const pending_cursor *c, weir_error *error) {
    if (!c->wanted || weir_sql_snapshot_has(&c->scan->look.snapshot, c->wanted)) return WEIR_OK;
    for (size_t i = 0; i < c->scan->tables.count; i++)
        if (sqlite3_stricmp(c->scan->tables.list[i]->name, c->wanted) == 0) return WEIR_OK;
    return weir_fail(error, WEIR_NOT_FOUND,
                     "no table %s: the database has none, and none was declared in the journal %s",
                     c->wanted, c->place.directory);
}

static int filter_pending(sqlite3_vtab_cursor *base, int plan, const char *text, int argc,
                          sqlite3_value **argv) {
    (void)text, (void)argc; /* the plan says how many there are */
    pending_cursor *c = (pending_cursor *)base;
    const weir_sql_function_table *t = (const weir_sql_function_table *)base->pVtab;
    weir_error error = {0};
    forget_pending(c);
    const char *wanted = weir_sql_function_argument(plan, 1, argv);
    if (wanted && !(c->wanted = strdup(wanted))) return SQLITE_NOMEM;
    int status = weir_sql_function_place(t, plan, argv, &c->place, &error);
    if (status == WEIR_OK) status = weir_sql_scan_make(t->db, &c->place, &c->scan, &error);
    if (status == WEIR_OK) status = check_wanted(c, &error);
    if (status != WEIR_OK) return weir_sql_failed(base->pVtab, status, &error);
    return next_pending(base);
}

static int is_past_pending(sqlite3_vtab_cursor *base) { return ((pending_cursor *)base)->at_end; }

static int column_of_pending(sqlite3_vtab_cursor *base, sqlite3_context *context, int column) {
    const pending_cursor *c = (const pending_cursor *)base;
    const weir_row *row = &c->scan->row;
    switch (column) {
    case ROW: weir_sql_result_number(context, row->number); break;
    case BLOCK: weir_sql_result_number(context, c->scan->block); break;
    case TABLE_NAME:
        weir_sql_result_text(context, row->declaration ? row->declaration->name : NULL);
        break;
    case VALUES: weir_sql_result_row(context, row); break;
    case TIME_NS: sqlite3_result_int64(context, row->wall_ns); break;
    case DATABASE: weir_sql_result_text(context, c->place.path); break;
    case WANTED: weir_sql_result_text(context, c->wanted); break;
    case DIRECTORY: weir_sql_result_text(context, c->place.directory); break;
    default: sqlite3_result_null(context);
    }
    return SQLITE_OK;
}

static int number_of_pending(sqlite3_vtab_cursor *base, sqlite3_int64 *out) {
    *out = (sqlite3_int64)((const pending_cursor *)base)->scan->row.number;
    return SQLITE_OK;
}

int weir_sql_register_pending(sqlite3 *db) {
    static const weir_sql_function function = {
        "CREATE TABLE x(\"row\" INTEGER, block INTEGER, table_name TEXT, \"values\" TEXT, "
        "time_ns INTEGER, database HIDDEN, only_table HIDDEN, journal HIDDEN)",
        DATABASE, 3};
    static const sqlite3_module module = {
        .xConnect = weir_sql_function_connect,
        .xDisconnect = weir_sql_function_disconnect,
        .xBestIndex = weir_sql_function_plan,
        .xOpen = open_pending,
        .xClose = close_pending,
        .xFilter = filter_pending,
        .xNext = next_pending,
        .xEof = is_past_pending,
        .xColumn = column_of_pending,
        .xRowid = number_of_pending,
    };
    return sqlite3_create_module_v2(db, "weir_pending", &module, (void *)&function, NULL);
}
