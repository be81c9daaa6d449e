/* copy_rows.h - the rows of one table that can be read, from a damaged database into another. */
#ifndef WEIR_COPY_ROWS_H
#define WEIR_COPY_ROWS_H

#include "unread.h"

struct sqlite3;

/* The table is there in both. Rows keep their rowids. What cannot be read is added to unread, as
 * ranges of rowids where the table has any. file: the damaged database, for that list. Returns how
 * many rows were copied. */
uint64_t weir_copy_rows(struct sqlite3 *from, struct sqlite3 *to, const char *table,
                        const char *file, weir_unread *unread);

#endif
