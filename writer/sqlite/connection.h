/* connection.h - the writer's two connections to the database: one writes, and one guards the -wal
 * file. */
#ifndef WEIR_CONNECTION_H
#define WEIR_CONNECTION_H

#include "sqlite_config.h"
#include "wal_io.h"

/* How far the -wal file goes, as its index says. */
typedef struct weir_wal_extent {
    uint32_t frames, copied; /* copied: into the database */
    uint32_t salt;           /* changes each time the file begins anew */
} weir_wal_extent;

typedef struct weir_connection {
    sqlite3 *db, *guard;
    uint64_t frames; /* in the -wal file after the last commit */
    uint64_t page_bytes;
    bool large_cache;
    bool in_memory; /* what SQLite would keep in temporary files */
    bool lost;      /* no other connection sees its -wal file, which must not be checkpointed */
    weir_wal_io wal;
    weir_wal_extent synced; /* what was copied when weir_connection_make_way last synced it */
    weir_locks locks;
    struct {
        uint64_t frames, block; /* what the last incomplete hardening had to copy; block 0: none */
    } begun;
} weir_connection;

/* config->os is not NULL. On failure nothing is left open. out may not be moved until it is closed:
 * SQLite knows its address. */
int weir_connection_open(const weir_sqlite_config *config, weir_connection *out, weir_error *error);
void weir_connection_close(weir_connection *c);

/* How much of the database to keep in memory; the memory is only taken as pages are used. large:
 * for rows that change pages all over the file. */
int weir_connection_cache(weir_connection *c, bool large, weir_error *error);

/* Between transactions: keep what a statement may have to undo in a temporary file, or in memory
 * where there is no directory for such a file. */
int weir_connection_temporary(weir_connection *c, weir_error *error);

/* The guard's read transaction is there from the opening on, except during our own checkpoints.
 * Begin it again, in case a checkpoint could not. */
int weir_connection_guard(weir_connection *c, weir_error *error);

/* Call while the database is busy. A RESTART or TRUNCATE checkpoint of another connection holds the
 * write lock while it waits for every reader of the -wal file, the guard among them. Let it pass,
 * step by step, but never let go of anything that is not synced elsewhere. */
void weir_connection_make_way(weir_connection *c);

/* Is the file still where it was opened? SQLite commits without complaint into one that was renamed
 * or removed. WEIR_IO, and c->lost: the database is there, but without our -wal file. */
int weir_connection_stays(weir_connection *c, weir_error *error);
/* The same after a commit, for the -wal and -shm files only: the database itself was looked at
 * before. */
int weir_connection_kept(weir_connection *c, weir_error *error);

/* Before a commit: do we still hold the write lock? If not, WEIR_IO, which weir_connection_explain
 * explains. */
int weir_connection_writes(weir_connection *c);

/* After a failure: if the cause was a lost lock, which SQLite reports as an I/O error, error says
 * so. Returns status. */
int weir_connection_explain(weir_connection *c, int status, weir_error *error);

/* As weir_sink's harden. */
int weir_connection_checkpoint(weir_connection *c, uint64_t applied, uint64_t *safe,
                               weir_error *error);

uint64_t weir_connection_wal_bytes(const weir_connection *c);

#endif
