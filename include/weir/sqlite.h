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

WEIR_API int weir_open_sqlite_sized(const char *path, const weir_options *options,
                                    size_t options_bytes, weir **out);

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
static inline int weir_open_sqlite(const char *path, const weir_options *options, weir **out) {
    return weir_open_sqlite_sized(path, options, sizeof *options, out);
}

struct sqlite3;

/* Zero in every field is weir_open_sqlite(): start from weir_sqlite_options s = {0}. */
typedef struct weir_sqlite_options {
    /* Called for each connection that weir opens to the database (it has three), before it is used:
     * for functions, collations, modules and keys of the program. Returns an SQLite code; anything
     * but SQLITE_OK (0) refuses the opening, and SQLITE_BUSY and SQLITE_NOMEM may be tried again. */
    int (*connected)(void *context, struct sqlite3 *db);
    void *context; /* must live until weir_close() has returned */
} weir_sqlite_options;

WEIR_API int weir_open_sqlite_with_sized(const char *path, const weir_options *options,
                                         size_t options_bytes, const weir_sqlite_options *sqlite,
                                         size_t sqlite_bytes, weir **out);

/* As weir_open_sqlite(), but the program prepares each connection. sqlite: NULL, or copied.
 *
 * connected() is called in the opening, and later whenever weir opens the database again: on the
 * thread that calls weir_declare() or weir_keep(), and on the writer thread after a -wal file was
 * lost. Calls for one handle may come from two threads at once. It may call SQLite with db, and no
 * function of weir. What it registers is used on the writer thread. db stays weir's: it is not
 * closed, not given to another thread, and not used after connected() has returned, except by the
 * functions that were registered. So tables whose schema uses the program's functions (CHECK,
 * indexes, generated columns, defaults, triggers), collations or modules can be appended to, and
 * weir-recover needs them too: --load.
 *
 * It may register what it likes, except in place of SQLite's own functions; set limits and pragmas
 * other than these; read, and write in transactions that it ends. These weir keeps as it needs them,
 * so that setting them has no effect and is no error: journal_mode, synchronous, locking_mode,
 * wal_autocheckpoint, wal_checkpoint, mmap_size, cache_size, foreign_keys (on), query_only,
 * ignore_check_constraints, recursive_triggers (off), writable_schema, count_changes, the busy
 * timeout and handler, whether triggers fire. An authorizer, a progress handler, and hooks for
 * commit, rollback, update and -wal are taken out again. A transaction that is left open, a statement
 * that is left under way, a temporary table, view or trigger, and exclusive mode when SQLite cannot
 * leave it, are refused. Every statement must be finalized.
 *
 * Errors: as weir_open_sqlite(). WEIR_DATABASE also when connected() refuses, or leaves what is
 * refused: weir_last_error() says which, with the code. When that comes later, it is the answer of
 * that call; on the writer thread it is WEIR_EVENT_APPLY_STOPPED, and it is tried again. */
static inline int weir_open_sqlite_with(const char *path, const weir_options *options,
                                        const weir_sqlite_options *sqlite, weir **out) {
    return weir_open_sqlite_with_sized(path, options, sizeof *options, sqlite, sizeof *sqlite, out);
}

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

/* ---- retention -------------------------------------------------------------------------- */

/* Zero is no limit, in every field: start from weir_keep_limits l = {0}. */
typedef struct weir_keep_limits {
    uint64_t rows; /* that the table may have */
    /* That its rows may have in all: 8 for each row, 8 for each number, and the length in bytes of
     * each text (in UTF-8) and blob. The file takes somewhat more or less, and indexes are not
     * counted. */
    uint64_t bytes;
    uint64_t age_ns; /* that a row may have, by the wall clock; at most 2^63 - 1 */
    /* With age_ns: the column with the time of a row, in nanoseconds since 1970 ("time_ns" in the
     * log). It need not be declared. A row without a number there is never too old. */
    const char *time_column;
} weir_keep_limits;

WEIR_API int weir_keep_sized(weir_table *table, const weir_keep_limits *limits,
                             size_t limits_bytes);

/* Keep a table within limits: the writer thread deletes its oldest rows, in transactions of its
 * own, so that the table does not grow for ever.
 *
 * The limits are those of this opening, not of the database: set them after each. They hold for the
 * table, however often it is declared, and for rows that it had before. limits: copied; NULL or
 * all zeros: delete no more. Each call replaces the limits of the last one.
 *
 * What is deleted. The oldest row is the one with the lowest rowid (in a table with a WEIR_KEY: the
 * lowest key). Rows are deleted from the oldest on, up to the first that no limit wants gone. So no
 * row is deleted before one with a lower rowid; and a row that is too old stays while one with a
 * lower rowid is young enough. The row with the greatest rowid always stays (that with 2^63 - 1 too,
 * beside the greatest below it), so that no rowid and no key is given twice.
 *
 * When. Each table is looked at once a second, also while nothing is appended. Deleting begins when
 * a limit is exceeded by more than a sixteenth of it, or the age by more than a minute if that is
 * less, and goes on until no limit is exceeded. A transaction deletes 4,096 rows, or twice as
 * many as the last one inserted, and rows that wait are applied in between; a large table is
 * brought down to its limits little by little. rows and bytes are first counted, which reads
 * the table once, a part at a time; a table with triggers, with foreign keys or with REPLACE in its
 * SQL, and any while other connections write, is counted again before rows are deleted. Until that
 * is done, rows and bytes delete nothing.
 *
 * What is not promised. The table may exceed its limits, as said, and for as long as the database
 * is locked; nothing is deleted while a handle is closing, nor by weir-recover. What other
 * connections delete while rows are counted or deleted may be taken for rows that are there, so that
 * fewer than rows stay. In a table with an INTEGER PRIMARY KEY, rows that come below those counted
 * count after an hour or more. A clock that is set forward makes rows old. The file does not shrink:
 * SQLite uses the pages again (VACUUM gives them back). Rows that are deleted remain in the journal
 * for as long as they would have, and a rebuild (weir replay) brings them back.
 *
 * Deleting fires triggers and obeys foreign keys. When the table does not let a row go (an error
 * other than a lack of space, memory or a lock), nothing is deleted, and rows are applied as before:
 * WEIR_EVENT_KEEP_FAILS says why, keeps_suspended counts it, and no row of the table is deleted
 * until weir_keep() is called again for it. What may pass is tried again every second, and told once
 * it has failed 30 times in a row.
 *
 * Any thread, at any time; not from a signal handler. Errors, which change nothing: WEIR_MISUSE,
 * WEIR_NOT_FOUND (no such column), WEIR_SCHEMA (the table is WITHOUT ROWID, a view or virtual, or
 * columns of it have all three names of the rowid), WEIR_BUSY, WEIR_DATABASE, WEIR_IO,
 * WEIR_NO_MEMORY, WEIR_CLOSED (the table belongs to a handle that is closed), WEIR_FORKED. */
static inline int weir_keep(weir_table *table, const weir_keep_limits *limits) {
    return weir_keep_sized(table, limits, sizeof *limits);
}

#ifdef __cplusplus
}
#endif
#endif
