/* transfer.h - rows into tables by SQLite's record copy, where it is allowed: as they come, some
 * thousands at a time, or all of a transaction at its end (see image_file.h).
 *
 * A table takes part when SQLite itself would copy records into it without taking them apart: no
 * index, trigger, check, default or foreign key, and columns as declared; SQLite says so in its
 * EXPLAIN. What does not fit is the caller's to feed in another way (load.h), and when the copy
 * fails the caller begins the transaction again in that way: rows are judged there, never here. */
#ifndef WEIR_TRANSFER_H
#define WEIR_TRANSFER_H

#include <sqlite3.h>

#include "../../lib/format/row.h"

typedef struct weir_transfer weir_transfer;

/* Outside a transaction. The connection outlives what is not freed. A connection that cannot have
 * another database beside it (UTF-16, no URI) makes one that takes nothing; WEIR_NO_MEMORY. */
int weir_transfer_make(sqlite3 *db, weir_transfer **out);
void weir_transfer_close(weir_transfer *t); /* its statements, before the connection is closed */
void weir_transfer_free(weir_transfer *t);  /* and the rest, behind it; NULL is allowed */

/* Between transactions: may rows of the table be taken while it stands as it does now? The slot
 * that they go to, or -1, also when there is no more room for tables. Once for a table: two slots
 * would not keep the order of its rows. */
int weir_transfer_offer(weir_transfer *t, const weir_declaration *d);
void weir_transfer_forget(weir_transfer *t); /* no table is offered any more, and no row taken */

/* A transaction is about to begin: nothing is taken. */
void weir_transfer_begin(weir_transfer *t);
/* The transaction was rolled back, or is about to be: what was taken goes with it. */
void weir_transfer_drop(weir_transfer *t);

/* False: the row is not taken, and nothing has changed; or rows were copied, which failed, and
 * weir_transfer_run, called next, tells why. */
bool weir_transfer_take(weir_transfer *t, int slot, const uint8_t *row, size_t length);

/* Copy what was taken and is not copied yet; from then on this transaction takes nothing more. What
 * SQLite answered to this copy or to one before; SQLITE_CONSTRAINT also when fewer rows arrived than
 * were taken. */
int weir_transfer_run(weir_transfer *t);

#endif
