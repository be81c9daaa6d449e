/* record_copy.h - rows into tables by SQLite's copy of whole records, for tables that allow it: as the
 * rows come, some thousands at a time, or all of a transaction at its end (see image_vfs.h).
 *
 * A table takes part when SQLite itself would copy records into it without taking them apart: it
 * has no index, trigger, check, default or foreign key, and its columns are as declared. SQLite
 * says so in its EXPLAIN. The caller inserts the other rows in another way (load.h), and when a
 * copy fails it begins the transaction again in that way. Rows are judged there, never here. */
#ifndef WEIR_RECORD_COPY_H
#define WEIR_RECORD_COPY_H

#include <sqlite3.h>

#include "../../lib/format/row.h"

typedef struct weir_record_copy weir_record_copy;

/* Outside a transaction. When no other database can be attached to the connection (UTF-16, no URI),
 * the transfer takes no rows, and that is no error. WEIR_OK or WEIR_NO_MEMORY; *out is to be freed
 * in both cases. */
int weir_record_copy_make(sqlite3 *db, weir_record_copy **out);
void weir_record_copy_close(
    weir_record_copy *t); /* before the connection is closed; NULL is allowed */
void weir_record_copy_free(weir_record_copy *t); /* after it is closed; NULL is allowed */

/* Between transactions: can rows of the table be copied, as the schema is now? The slot that they
 * go to, or -1, also when there is no room for another table. Only once for each table: with two
 * slots its rows would not keep their order. */
int weir_record_copy_offer(weir_record_copy *t, const weir_declaration *d);
void weir_record_copy_forget(
    weir_record_copy *t); /* no table is offered any more, and no row taken */

/* Before a transaction begins: no row is taken yet. */
void weir_record_copy_begin(weir_record_copy *t);
/* The transaction was rolled back, or is about to be: forget the rows that were taken. */
void weir_record_copy_drop(weir_record_copy *t);

/* False: the row is not taken, and nothing has changed; or the rows taken so far were copied, and
 * that failed: weir_record_copy_run, called next, returns why. */
bool weir_record_copy_take(weir_record_copy *t, int slot, const uint8_t *row, size_t length);

/* Copy what was taken and is not copied yet. After that this transaction takes nothing more.
 * Returns SQLite's code for this copy, or for an earlier one that failed; SQLITE_CONSTRAINT also
 * when fewer rows arrived than were taken. */
int weir_record_copy_run(weir_record_copy *t);

#endif
