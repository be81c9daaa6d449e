/* columns.h - the columns of a dump of one table.
 *
 * A table may have been declared several times, with columns added, and each declaration has a
 * number of its own in the journal. The header of a CSV file has the columns of all of them. */
#ifndef WEIR_COLUMNS_H
#define WEIR_COLUMNS_H

#include "../lib/format/tables.h"
#include "../lib/verify/reader.h"

/* All declarations in the journal that can be read. A row whose declaration cannot be read is still
 * dumped, but without names. */
void weir_tables_read(weir_tables *tables, const weir_inventory *inventory, weir_reader *reader);

typedef struct weir_columns {
    char **name;
    size_t count;
} weir_columns;

/* In the order in which they were first declared. WEIR_NOT_FOUND when no declaration has that name;
 * WEIR_NO_MEMORY. Names are compared as SQLite does: without case for ASCII letters. */
int weir_columns_of(const weir_tables *tables, const char *table, weir_columns *out);
void weir_columns_free(weir_columns *columns);

#endif
