/* shape.h - the columns of a table as weir_table and weir_pending_table show it. */
#ifndef WEIR_SQL_SHAPE_H
#define WEIR_SQL_SHAPE_H

#include "../recovery/columns.h"
#include "scan.h"

typedef struct weir_sql_shape {
    weir_columns columns;
    char **types; /* as the database's table declares each; NULL: it does not */
} weir_sql_shape;

/* Columns of the database's table, if with_database and it has one, then those that only the
 * journal declares. WEIR_NOT_FOUND: nobody knows such a table. On an error there is nothing to
 * free. */
int weir_sql_shape_take(const weir_sql_scan *scan, const char *table, bool with_database,
                        weir_sql_shape *out, weir_error *error);
void weir_sql_shape_free(weir_sql_shape *shape);

/* CREATE TABLE for sqlite3_declare_vtab: these columns and the hidden weir_row. From
 * sqlite3_malloc; NULL: no memory. */
char *weir_sql_shape_declaration(sqlite3 *db, const weir_sql_shape *shape);

/* The database's rows of these columns, in the scan's snapshot; NULL for those that it lacks.
 * *out is NULL when it has no such table. */
int weir_sql_shape_applied(const weir_sql_scan *scan, const char *table,
                           const weir_sql_shape *shape, sqlite3_stmt **out, weir_error *error);

#endif
