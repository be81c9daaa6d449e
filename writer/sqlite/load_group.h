/* load_group.h - rows of one table by one INSERT, and the search for the row that it refuses.
 * Private to this folder.
 *
 * A group is one statement. While a table takes all that it is fed, that is all there is to it.
 * Should it refuse a row, the transaction is rolled back, and from then on each of its groups is
 * fed in a savepoint, for which SQLite copies every page that changes. There all rows of a group
 * go in, or the group is undone and halved, down to the row that is refused. What a statement
 * leaves in the table when it fails (ON CONFLICT FAIL keeps the rows before) is undone with it, so
 * halving never doubles a row. Rows that the table itself drops (IGNORE) show as changes that are
 * missing. */
#ifndef WEIR_LOAD_GROUP_H
#define WEIR_LOAD_GROUP_H

#include "load_tables.h"

/* Rows of the ready table t, in order, into it or into the reject table. WEIR_SINK_AGAIN: the
 * transaction has to begin anew. */
int weir_load_group(weir_load *l, weir_load_table *t, const weir_row_vtab_row *rows, size_t count,
                    weir_error *error);

#endif
