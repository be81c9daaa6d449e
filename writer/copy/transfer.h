/* transfer.h - rows into tables by SQLite's copy of whole records, for tables that allow it: as the
 * rows come, some thousands at a time, or all of a transaction at its end (see image_file.h).
 *
 * A table takes part when SQLite itself would copy records into it without taking them apart: it
 * has no index, trigger, check, default or foreign key, and its columns are as declared. SQLite
 * says so in its EXPLAIN. The caller inserts the other rows in another way (load.h), and when a
 * copy fails it begins the transaction again in that way. Rows are judged there, never here. */
#ifndef WEIR_TRANSFER_H
#define WEIR_TRANSFER_H

#include <sqlite3.h>

#include "../../lib/format/row.h"

typedef struct weir_transfer weir_transfer;

/* Outside a transaction. When no other database can be attached to the connection (UTF-16, no URI),
 * the transfer takes no rows, and that is no error. WEIR_OK or WEIR_NO_MEMORY; *out is to be freed
 * in both cases. */
int weir_transfer_make(sqlite3 *db, weir_transfer **out);
void weir_transfer_close(weir_transfer *t); /* before the connection is closed; NULL is allowed */
void weir_transfer_free(weir_transfer *t);  /* after it is closed; NULL is allowed */

/* Between transactions: can rows of the table be copied, as the schema is now? The slot that they
 * go to, or -1, also when there is no room for another table. Only once for each table: with two
 * slots its rows would not keep their order. */
int weir_transfer_offer(weir_transfer *t, const weir_declaration *d);
void weir_transfer_forget(weir_transfer *t); /* no table is offered any more, and no row taken */

/* Before a transaction begins: no row is taken yet. */
void weir_transfer_begin(weir_transfer *t);
/* The transaction was rolled back, or is about to be: forget the rows that were taken. */
void weir_transfer_drop(weir_transfer *t);

/* False: the row is not taken, and nothing has changed; or the rows taken so far were copied, and
 * that failed: weir_transfer_run, called next, returns why. */
bool weir_transfer_take(weir_transfer *t, int slot, const uint8_t *row, size_t length);

/* Copy what was taken and is not copied yet. After that this transaction takes nothing more.
 * Returns SQLite's code for this copy, or for an earlier one that failed; SQLITE_CONSTRAINT also
 * when fewer rows arrived than were taken. */
int weir_transfer_run(weir_transfer *t);

#endif
