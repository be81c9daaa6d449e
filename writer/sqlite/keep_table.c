/* keep_table.c - what retention must know of a table, as the schema is now. */
#include "keep_table.h"

#include "sqlite_error.h"

static const char *const rowid_names[] = {"rowid", "_rowid_", "oid"};
enum { ROWID_NAMES = 3 };

/* Is it an ordinary table? Absent: it is not there. */
enum { KIND_ABSENT = -1, KIND_ORDINARY, KIND_WITHOUT_ROWID, KIND_OTHER };
static const char kind_of[] = "SELECT CASE WHEN type <> 'table' THEN 2 ELSE wr END"
                              " FROM pragma_table_list(?1) WHERE schema = 'main'";
static const char free_rowid_name[] =
    "SELECT coalesce(min(n.i), 3)"
    " FROM (SELECT 0 AS i, 'rowid' AS name UNION ALL SELECT 1, '_rowid_' UNION ALL SELECT 2, 'oid')"
    " AS n WHERE NOT EXISTS (SELECT 1 FROM pragma_table_xinfo(?1, 'main') AS c"
    " WHERE c.name = n.name COLLATE NOCASE)";
static const char is_keyed[] = "SELECT EXISTS (SELECT 1 FROM pragma_table_xinfo(?1, 'main')"
                               " WHERE pk AND upper(type) = 'INTEGER')";
static const char is_steady[] =
    "SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'trigger'"
    "  OR (type = 'table' AND name = ?1 COLLATE NOCASE AND sql LIKE '%replace%'))"
    " AND NOT EXISTS (SELECT 1 FROM pragma_foreign_key_list(?1, 'main'))";

static int check_kept_kind(int64_t kind, const char *table, weir_error *error) {
    if (kind == KIND_WITHOUT_ROWID)
        return weir_fail(error, WEIR_SCHEMA,
                         "table %s: it is WITHOUT ROWID, so nothing tells which of its rows are "
                         "the oldest; only a table with rowids can be kept within limits",
                         table);
    if (kind == KIND_OTHER)
        return weir_fail(error, WEIR_SCHEMA,
                         "table %s: it is a view or a virtual table; only an ordinary table can be "
                         "kept within limits",
                         table);
    return WEIR_OK;
}

static int name_rowid(sqlite3 *db, const char *table, weir_keep_table *out, weir_error *error) {
    int64_t which;
    int status = weir_sqlite_ask(db, free_rowid_name, table, ROWID_NAMES, &which, error);
    if (status != WEIR_OK) return status;
    if (which < 0 || which >= ROWID_NAMES)
        return weir_fail(error, WEIR_SCHEMA,
                         "table %s: columns of it have all names of the rowid (rowid, _rowid_, "
                         "oid), so that its oldest rows cannot be found; rename one of them",
                         table);
    out->rowid = rowid_names[which];
    return WEIR_OK;
}

static int check_time_column(sqlite3 *db, const char *table, const char *column,
                             weir_error *error) {
    int64_t there;
    char *sql = sqlite3_mprintf("SELECT count(*) FROM pragma_table_xinfo(%Q, 'main')"
                                " WHERE name = ?1 COLLATE NOCASE",
                                table);
    if (!sql) return weir_fail(error, WEIR_NO_MEMORY, "table %s: no memory to look at it", table);
    int status = weir_sqlite_ask(db, sql, column, 0, &there, error);
    sqlite3_free(sql);
    if (status != WEIR_OK || there) return status;
    return weir_fail(error, WEIR_NOT_FOUND,
                     "table %s: it has no column %s, by which the age of its rows would go", table,
                     column);
}

int weir_keep_look(sqlite3 *db, const char *table, const char *time_column, weir_keep_table *out,
                   weir_error *error) {
    int64_t kind, keyed = 0, steady = 0;
    *out = (weir_keep_table){0};
    int status = weir_sqlite_ask(db, kind_of, table, KIND_ABSENT, &kind, error);
    if (status != WEIR_OK || kind == KIND_ABSENT) return status;
    status = check_kept_kind(kind, table, error);
    if (status == WEIR_OK) status = name_rowid(db, table, out, error);
    if (status == WEIR_OK && time_column) status = check_time_column(db, table, time_column, error);
    if (status == WEIR_OK) status = weir_sqlite_ask(db, is_keyed, table, 0, &keyed, error);
    if (status == WEIR_OK) status = weir_sqlite_ask(db, is_steady, table, 0, &steady, error);
    out->exists = status == WEIR_OK;
    out->keyed = keyed != 0;
    out->steady = steady != 0;
    return status;
}
