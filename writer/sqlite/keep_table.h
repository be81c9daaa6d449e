/* keep_table.h - what retention must know of a table, as the schema is now. */
#ifndef WEIR_KEEP_TABLE_H
#define WEIR_KEEP_TABLE_H

#include <sqlite3.h>

#include "../../lib/base/status.h"

typedef struct weir_keep_table {
    bool exists;
    const char *rowid; /* a name of the rowid that no column has; static */
    bool keyed;        /* its rowid is a column, so that rows may come below rows that are there */
    /* Only an INSERT changes how many rows it has, as far as weir's own connection goes: there are
     * no triggers, and the table has neither foreign keys nor a REPLACE. */
    bool steady;
} weir_keep_table;

/* On any connection, changing nothing. A table that is not there is no error. time_column: NULL, or
 * the column that must be there. WEIR_SCHEMA: the table has no rowid that can be named, or is a view
 * or virtual; WEIR_NOT_FOUND: it has no such column. */
int weir_keep_look(sqlite3 *db, const char *table, const char *time_column, weir_keep_table *out,
                   weir_error *error);

#endif
