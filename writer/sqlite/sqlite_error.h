/* sqlite_error.h - SQLite's result codes in weir's words. */
#ifndef WEIR_SQLITE_ERROR_H
#define WEIR_SQLITE_ERROR_H

#include <sqlite3.h>
#include <stdbool.h>

#include "../../lib/base/status.h"

/* How every connection is opened. Only one thread at a time uses it. With a shared cache
 * (sqlite3_enable_shared_cache) the program's own connections would share transactions and locks
 * with ours, and our hooks and files. */
#define WEIR_SQLITE_OPEN (SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE)

/* WEIR_BUSY, IO, NO_SPACE and NO_MEMORY may pass by themselves; DATABASE and SCHEMA need somebody
 * to act. */
int weir_sqlite_status(int code);

/* Fill error with what was being done and SQLite's own message; returns the status. */
int weir_sqlite_fail(sqlite3 *db, const char *doing, weir_error *error);

/* When db is closed its -wal file stays as it is, even if db is the last connection. */
void weir_sqlite_leave_wal(sqlite3 *db);

/* Run SQL without results. */
int weir_sqlite_run(sqlite3 *db, const char *sql, weir_error *error);

/* Prepare a statement that is to be kept for long. */
int weir_sqlite_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out, weir_error *error);

/* Has a table of the main database this column? No view has one. */
bool weir_sqlite_has_column(sqlite3 *db, const char *table, const char *column);

/* The one integer that a query about a name yields; name may be NULL. fallback: when there is no
 * row. */
int weir_sqlite_ask(sqlite3 *db, const char *sql, const char *name, int64_t fallback, int64_t *out,
                    weir_error *error);

#endif
