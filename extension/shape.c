/* shape.c - the columns of a table as weir_table and weir_pending_table show it. */
#include "shape.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool has(const weir_columns *columns, const char *name) {
    for (size_t i = 0; i < columns->count; i++)
        if (sqlite3_stricmp(columns->name[i], name) == 0) return true;
    return false;
}

static int add(weir_sql_shape *shape, const char *name, const char *type) {
    weir_columns *c = &shape->columns;
    if (!name) return WEIR_NO_MEMORY;
    if (has(c, name)) return WEIR_OK;
    char **names = realloc(c->name, (c->count + 1) * sizeof *names);
    if (names) c->name = names;
    char **types = realloc(shape->types, (c->count + 1) * sizeof *types);
    if (types) shape->types = types;
    if (!names || !types || !(names[c->count] = strdup(name))) return WEIR_NO_MEMORY;
    types[c->count] = type ? strdup(type) : NULL;
    c->count++;
    return type && !types[c->count - 1] ? WEIR_NO_MEMORY : WEIR_OK;
}

static int add_of_journal(weir_sql_shape *shape, const weir_tables *tables, const char *table) {
    weir_columns declared;
    int status = weir_columns_of(tables, table, &declared);
    if (status == WEIR_NOT_FOUND) return WEIR_OK;
    if (status != WEIR_OK) return status;
    for (size_t i = 0; status == WEIR_OK && i < declared.count; i++)
        status = add(shape, declared.name[i], NULL);
    weir_columns_free(&declared);
    return status;
}

/* A type whose words say that its column is hidden would hide it here. */
static const char *plain_type(sqlite3_stmt *s, int column) {
    const char *type = sqlite3_column_decltype(s, column);
    return type && strcasestr(type, "hidden") ? NULL : type;
}

/* In its words only as far as they are needed here: which columns there are, in their order. */
static int select_all_of(const weir_sql_scan *scan, const char *table, sqlite3_stmt **out) {
    const weir_sql_snapshot *s = &scan->look.snapshot;
    return weir_sql_prepare(s, out, "SELECT * FROM \"%w\".\"%w\"", s->schema, table);
}

static int add_of_database(weir_sql_shape *shape, const weir_sql_scan *scan, const char *table,
                           weir_error *error) {
    sqlite3_stmt *all;
    if (!weir_sql_snapshot_has(&scan->look.snapshot, table)) return WEIR_OK;
    int code = select_all_of(scan, table, &all);
    if (code != SQLITE_OK) return weir_sql_snapshot_failed(&scan->look.snapshot, code, error);
    int status = WEIR_OK;
    for (int i = 0; status == WEIR_OK && i < sqlite3_column_count(all); i++)
        status = add(shape, sqlite3_column_name(all, i), plain_type(all, i));
    (void)sqlite3_finalize(all); /* it was not stepped */
    return status;
}

int weir_sql_shape_take(const weir_sql_scan *scan, const char *table, bool with_database,
                        weir_sql_shape *out, weir_error *error) {
    *out = (weir_sql_shape){0};
    int status = with_database ? add_of_database(out, scan, table, error) : WEIR_OK;
    if (status == WEIR_OK) status = add_of_journal(out, &scan->tables, table);
    if (status == WEIR_NO_MEMORY) (void)weir_fail(error, status, "no memory for column names");
    if (status == WEIR_OK && out->columns.count == 0)
        status =
            weir_fail(error, WEIR_NOT_FOUND, "no table %s: none was declared in the journal %s%s",
                      table, scan->directory, with_database ? ", and the database has none" : "");
    if (status != WEIR_OK) weir_sql_shape_free(out);
    return status;
}

void weir_sql_shape_free(weir_sql_shape *shape) {
    for (size_t i = 0; i < shape->columns.count; i++)
        free(shape->types[i]);
    free(shape->types);
    weir_columns_free(&shape->columns);
    *shape = (weir_sql_shape){0};
}

char *weir_sql_shape_declaration(sqlite3 *db, const weir_sql_shape *shape) {
    sqlite3_str *sql = sqlite3_str_new(db);
    sqlite3_str_appendall(sql, "CREATE TABLE x(");
    for (size_t i = 0; i < shape->columns.count; i++)
        sqlite3_str_appendf(sql, "\"%w\" %s,", shape->columns.name[i],
                            shape->types[i] ? shape->types[i] : "");
    sqlite3_str_appendall(sql, "weir_row INTEGER HIDDEN)");
    return sqlite3_str_finish(sql);
}

int weir_sql_shape_applied(const weir_sql_scan *scan, const char *table,
                           const weir_sql_shape *shape, sqlite3_stmt **out, weir_error *error) {
    const weir_sql_snapshot *s = &scan->look.snapshot;
    weir_sql_shape now = {0}; /* columns may have come or gone since the shape was taken */
    *out = NULL;
    if (!weir_sql_snapshot_has(s, table)) return WEIR_OK;
    int status = add_of_database(&now, scan, table, error);
    sqlite3_str *sql = sqlite3_str_new(s->db);
    for (size_t i = 0; i < shape->columns.count; i++) {
        const char *name = shape->columns.name[i];
        if (has(&now.columns, name))
            sqlite3_str_appendf(sql, "%st.\"%w\"", i ? "," : "", name);
        else
            sqlite3_str_appendf(sql, "%sNULL", i ? "," : "");
    }
    char *columns = sqlite3_str_finish(sql);
    if (status == WEIR_OK && columns) {
        int code = weir_sql_prepare(s, out, "SELECT %s FROM \"%w\".\"%w\" AS t", columns, s->schema,
                                    table);
        if (code != SQLITE_OK) status = weir_sql_snapshot_failed(s, code, error);
    } else if (status == WEIR_OK) {
        status = weir_fail(error, WEIR_NO_MEMORY, "no memory to read the database");
    }
    sqlite3_free(columns);
    weir_sql_shape_free(&now);
    return status;
}
