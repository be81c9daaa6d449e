/* columns.h - the columns that a dump of one table has.
 *
 * A table may have been declared several times, with columns added, and each declaration has its
 * own number in the journal: the columns of all of them, together, make the header of a
 * CSV file. */
#ifndef WEIR_COLUMNS_H
#define WEIR_COLUMNS_H

#include "../lib/format/tables.h"
#include "../lib/verify/reader.h"

/* The declaration that a row's table number means; NULL when it is lost. */
const weir_declaration *weir_tables_find(const weir_tables *tables, uint16_t number);

/* All that the journal declares, as far as it can be read: what cannot costs names, not rows. */
void weir_tables_read(weir_tables *tables, const weir_inventory *inventory, weir_reader *reader);

typedef struct weir_columns {
    char **name;
    size_t count;
} weir_columns;

/* In the order of their first appearance. NOT_FOUND when no declaration has that name; NO_MEMORY.
 * Names compare as SQLite does it: ASCII letters without case. */
int weir_columns_of(const weir_tables *tables, const char *table, weir_columns *out);
void weir_columns_free(weir_columns *columns);

#endif
