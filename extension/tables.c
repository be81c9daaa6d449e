/* tables.c - weir_pending_table and weir_table: a table with its own columns; its rows that are not
 * applied yet, or all of them. */
#include <stdlib.h>
#include <string.h>

#include "modules.h"
#include "result.h"
#include "shape.h"

typedef struct weir_sql_table {
    sqlite3_vtab base; /* first: SQLite sees only this */
    sqlite3 *db;
    bool with_applied;
    weir_sql_place place;
    char *name;
    weir_sql_shape shape;
} weir_sql_table;

typedef struct table_cursor {
    sqlite3_vtab_cursor base; /* first: SQLite sees only this */
    weir_sql_scan *scan;
    sqlite3_stmt *applied; /* NULL: they are read, or not wanted; then come those that wait */
    sqlite3_int64 count;   /* rows before the one at hand */
    bool at_end;
} table_cursor;

/* ---- making one ---- */

/* An argument comes as it was written: 'run.db', "run.db" or run.db. */
static char *unquoted(const char *argument) {
    size_t length = strlen(argument);
    char quote = argument[0];
    char *text = malloc(length + 1), *at = text;
    if (!text) return NULL;
    bool quoted = length >= 2 && (quote == '\'' || quote == '"') && argument[length - 1] == quote;
    for (size_t i = quoted; i < length - quoted; i++) {
        *at++ = argument[i];
        if (quoted && argument[i] == quote && argument[i + 1] == quote) i++; /* doubled */
    }
    *at = 0;
    return text;
}

static int find_place(weir_sql_table *t, const char *database, const char *journal,
                      weir_error *error) {
    char *path = unquoted(database), *directory = journal ? unquoted(journal) : NULL;
    int status = path && (!journal || directory)
                     ? weir_sql_place_find(t->db, path, directory, &t->place, error)
                     : weir_fail(error, WEIR_NO_MEMORY, "no memory for a path");
    free(path);
    free(directory);
    return status;
}

/* It would stand in the schema of every connection to that database, weir's too, and few of them
 * have this extension. */
static int check_schema(const weir_sql_table *t, const char *schema, weir_error *error) {
    const char *file = sqlite3_db_filename(t->db, schema);
    if (!file || !*file || !weir_sql_is_same_file(file, t->place.path)) return WEIR_OK;
    return weir_fail(error, WEIR_MISUSE,
                     "a virtual table of this kind may not be part of the database that it "
                     "shows: CREATE VIRTUAL TABLE temp.NAME USING …");
}

static int take_shape(weir_sql_table *t, weir_error *error) {
    weir_sql_scan *scan;
    int status = weir_sql_scan_make(t->db, &t->place, &scan, error);
    if (status == WEIR_OK)
        status = weir_sql_shape_take(scan, t->name, t->with_applied, &t->shape, error);
    weir_sql_scan_free(scan);
    return status;
}

static int make(weir_sql_table *t, int argc, const char *const *argv, weir_error *error) {
    if (argc < 5 || argc > 6)
        return weir_fail(error, WEIR_MISUSE,
                         "CREATE VIRTUAL TABLE temp.NAME USING %s('run.db', 'table'[, 'journal "
                         "directory'])",
                         argv[0]);
    int status = find_place(t, argv[3], argc > 5 ? argv[5] : NULL, error);
    if (status == WEIR_OK) status = check_schema(t, argv[1], error);
    if (status != WEIR_OK) return status;
    t->name = unquoted(argv[4]);
    if (!t->name) return weir_fail(error, WEIR_NO_MEMORY, "no memory for a name");
    return take_shape(t, error);
}

static int disconnect_typed(sqlite3_vtab *base) {
    weir_sql_table *t = (weir_sql_table *)base;
    weir_sql_shape_free(&t->shape);
    weir_sql_place_free(&t->place);
    free(t->name);
    free(t);
    return SQLITE_OK;
}

static int connect_typed(sqlite3 *db, void *context, int argc, const char *const *argv,
                         sqlite3_vtab **out, char **message) {
    weir_error error = {0};
    weir_sql_table *t = calloc(1, sizeof *t);
    if (!t) return SQLITE_NOMEM;
    t->db = db;
    t->with_applied = context;
    int code = SQLITE_ERROR;
    if (make(t, argc, argv, &error) == WEIR_OK) {
        char *sql = weir_sql_shape_declaration(db, &t->shape);
        code = sql ? sqlite3_declare_vtab(db, sql) : SQLITE_NOMEM;
        sqlite3_free(sql);
        if (code != SQLITE_OK) *message = sqlite3_mprintf("%s", sqlite3_errmsg(db));
    } else {
        *message = sqlite3_mprintf("%s", error.text);
    }
    if (code == SQLITE_OK)
        *out = &t->base;
    else
        (void)disconnect_typed(&t->base); /* which cannot fail */
    return code;
}

/* There is one way to read it: all rows, in the order in which they came. */
static int plan_table(sqlite3_vtab *base, sqlite3_index_info *info) {
    (void)base;
    info->estimatedCost = 1e7;
    info->estimatedRows = 1000000;
    return SQLITE_OK;
}

/* ---- reading it ---- */

static int open_typed(sqlite3_vtab *base, sqlite3_vtab_cursor **out) {
    (void)base;
    table_cursor *c = calloc(1, sizeof *c);
    if (!c) return SQLITE_NOMEM;
    *out = &c->base;
    return SQLITE_OK;
}

static void forget_typed(table_cursor *c) {
    (void)sqlite3_finalize(c->applied); /* it only read */
    weir_sql_scan_free(c->scan);
    *c = (table_cursor){.base = c->base};
}

static int close_typed(sqlite3_vtab_cursor *base) {
    forget_typed((table_cursor *)base);
    free(base);
    return SQLITE_OK;
}

/* The next row of the database; WEIR_PENDING: there is none left. */
static int step_applied(table_cursor *c, weir_error *error) {
    if (!c->applied) return WEIR_PENDING;
    int code = sqlite3_step(c->applied);
    if (code == SQLITE_ROW) return WEIR_OK;
    int status = code == SQLITE_DONE
                     ? WEIR_PENDING
                     : weir_sql_snapshot_failed(&c->scan->look.snapshot, code, error);
    (void)sqlite3_finalize(c->applied); /* repeats what step has said */
    c->applied = NULL;
    return status;
}

static int step_typed(table_cursor *c, weir_error *error) {
    const weir_sql_table *t = (const weir_sql_table *)c->base.pVtab;
    int status = step_applied(c, error);
    if (status == WEIR_PENDING) status = weir_sql_scan_next(c->scan, t->name, error);
    c->at_end = status != WEIR_OK;
    return status;
}

static int answer_typed(table_cursor *c, int status, const weir_error *error) {
    bool good = status == WEIR_OK || status == WEIR_PENDING;
    return good ? SQLITE_OK : weir_sql_failed(c->base.pVtab, status, error);
}

static int next_of_table(sqlite3_vtab_cursor *base) {
    table_cursor *c = (table_cursor *)base;
    weir_error error = {0};
    c->count++;
    int status = step_typed(c, &error); /* before error is looked at */
    return answer_typed(c, status, &error);
}

static int filter_table(sqlite3_vtab_cursor *base, int plan, const char *text, int argc,
                        sqlite3_value **argv) {
    (void)plan, (void)text, (void)argc, (void)argv; /* there is one plan */
    table_cursor *c = (table_cursor *)base;
    const weir_sql_table *t = (const weir_sql_table *)base->pVtab;
    weir_error error = {0};
    forget_typed(c);
    int status = weir_sql_scan_make(t->db, &t->place, &c->scan, &error);
    if (status == WEIR_OK && t->with_applied)
        status = weir_sql_shape_applied(c->scan, t->name, &t->shape, &c->applied, &error);
    if (status == WEIR_OK) status = step_typed(c, &error);
    return answer_typed(c, status, &error);
}

static int is_past_typed(sqlite3_vtab_cursor *base) { return ((table_cursor *)base)->at_end; }

/* The hidden column is the journal's number, which an applied row does not have any more. */
static int column_of_table(sqlite3_vtab_cursor *base, sqlite3_context *context, int column) {
    const table_cursor *c = (const table_cursor *)base;
    const weir_sql_shape *shape = &((const weir_sql_table *)base->pVtab)->shape;
    const weir_row *row = &c->scan->row;
    size_t at = (size_t)column;
    bool hidden = at >= shape->columns.count;
    if (c->applied && !hidden)
        sqlite3_result_value(context, sqlite3_column_value(c->applied, column));
    else if (!c->applied && hidden)
        weir_sql_result_number(context, row->number);
    else if (!c->applied)
        weir_sql_result_value(context, weir_row_value(row, at, shape->columns.name[at]));
    return SQLITE_OK;
}

static int number_of_typed(sqlite3_vtab_cursor *base, sqlite3_int64 *out) {
    *out = ((const table_cursor *)base)->count + 1;
    return SQLITE_OK;
}

int weir_sql_register_tables(sqlite3 *db) {
    static const sqlite3_module module = {
        .xCreate = connect_typed,
        .xConnect = connect_typed,
        .xDestroy = disconnect_typed,
        .xDisconnect = disconnect_typed,
        .xBestIndex = plan_table,
        .xOpen = open_typed,
        .xClose = close_typed,
        .xFilter = filter_table,
        .xNext = next_of_table,
        .xEof = is_past_typed,
        .xColumn = column_of_table,
        .xRowid = number_of_typed,
    };
    static char with_applied; /* any address: the module's context says which of the two it is */
    int code = sqlite3_create_module_v2(db, "weir_pending_table", &module, NULL, NULL);
    if (code != SQLITE_OK) return code;
    return sqlite3_create_module_v2(db, "weir_table", &module, &with_applied, NULL);
}
