/* weir/sqlite.h - open a weir in front of an SQLite database file.
 *
 * weir_open_sqlite() recovers first: it drains what a dead process left in the ring, makes it
 * durable, and starts replaying the journal into the database where the last transaction ended.
 * There is no separate recovery path.
 *
 * THE DATABASE WHILE A WEIR IS OPEN
 *
 * weir keeps one connection that writes, in WAL mode; it is the only writer and the only
 * checkpointer of its tables. Other connections, of this program or others, may read everything
 * and write tables of their own at any time. weir keeps two tables of its own:
 *
 *   weir_position  (journal, block, row, hash): how far each journal is applied. It changes in
 *                  the same transaction as the rows, which is what makes every row come once.
 *   weir_reject    (id, journal, row, time_ns, table_name, code, message, "values", record): rows
 *                  that SQLite refused. "values" reads as SQL literals; record is the row as it
 *                  is in the journal (docs/FORMAT.md), or NULL for a row that is too large to be
 *                  kept: then "values" has the beginnings and the message the length.
 *
 * Let only SQLite open the database, its -wal and its -shm: a program that opens one of them itself
 * drops SQLite's locks on it when it closes the descriptor (docs/OPERATING.md). The locks of weir
 * itself survive that.
 *
 * A process that was forked while its parent had a handle open cannot open one (weir.h, FORKS).
 *
 * Do not delete the journal directory (the database's path + "-weir") while rows wait in it: like
 * SQLite's -wal file it holds the newest rows. Copy or move the two together. A journal that is not
 * beside its database is listed in a third table, weir_journal, so that rows in it are not
 * overlooked.
 */
#ifndef WEIR_SQLITE_H
#define WEIR_SQLITE_H

#include <weir/weir.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Open path, and the journal beside it; create what is missing.
 *
 * path: the database file; the journal follows the real file, not the name of a link to it.
 * options: NULL, or copied. out: the handle, to be given to weir_close(); NULL on failure. The
 * call waits until the ring of a dead process is drained and synced, but not for the replay.
 * While another process has the journal open, or a handle of this process is being closed, it
 * waits up to open_timeout_ms; when this process has the journal open and is not closing it, it
 * answers at once. A relative path, of the database or in options.journal_directory, is looked
 * up once: a later chdir() changes nothing. Not to be called from a signal handler. Errors:
 * WEIR_DATABASE, WEIR_BUSY, WEIR_LOCKED (weir_last_error() names the process, as far as it can
 * be known), WEIR_DAMAGED (promised rows are damaged: see weir-recover), WEIR_FOREIGN,
 * WEIR_VERSION, WEIR_IO, WEIR_NO_SPACE, WEIR_NO_MEMORY, WEIR_MISUSE, WEIR_UNSUPPORTED (also for
 * an SQLite without threads). */
WEIR_API int weir_open_sqlite(const char *path, const weir_options *options, weir **out);

/* Append one row and wait until it is applied: for a row whose key other rows need at once.
 *
 * The table must have been declared with a WEIR_KEY column, and values must hold NULL there (a
 * key is chosen) or an integer. The key is part of the journaled row, so a rebuild gives the
 * same one. key, ticket: filled when not NULL, also when the answer is WEIR_PENDING. Returns
 * WEIR_OK (applied: SQLite inserted it, whatever a trigger did with it afterwards), WEIR_PENDING
 * (timeout_ms is over; the row is published and will be applied), WEIR_REJECTED (SQLite refused
 * it, and it is in weir_reject; or the table itself dropped it by ON CONFLICT IGNORE or a BEFORE
 * trigger's RAISE(IGNORE), and it is not: weir_last_error() says which), or any error of
 * weir_append_row() and weir_wait(). */
WEIR_API int weir_insert_now(weir_table *table, const weir_value *values, size_t count,
                             uint32_t timeout_ms, int64_t *key, weir_ticket *ticket);

#ifdef __cplusplus
}
#endif
#endif
