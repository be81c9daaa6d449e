/* connection.h - the writer's two connections to the database: one writes, one guards the -wal
 * file. */
#ifndef WEIR_CONNECTION_H
#define WEIR_CONNECTION_H

#include "sqlite_config.h"
#include "wal_file.h"

/* Of the -wal file, by its index. */
typedef struct weir_wal_extent {
    uint32_t frames, copied; /* into the database */
    uint32_t salt;           /* another one each time the file begins anew */
} weir_wal_extent;

typedef struct weir_connection {
    sqlite3 *db, *guard;
    uint64_t frames; /* in the -wal file after the last commit */
    uint64_t page_bytes;
    bool large_cache;
    bool in_memory; /* temporary files */
    bool lost;      /* what is in its -wal file is seen by nobody: it must not be checkpointed */
    weir_wal_file wal;
    weir_wal_extent synced; /* what was copied when weir_connection_make_way last synced it */
    weir_locks locks;
    struct {
        uint64_t frames, block; /* where the last hardening stood that a reader kept from its end */
    } begun;
} weir_connection;

/* config->os is not NULL. On failure nothing is left open. out stays where it is until it is closed: SQLite knows its
 * address. */
int weir_connection_open(const weir_sqlite_config *config, weir_connection *out, weir_error *error);
void weir_connection_close(weir_connection *c);

/* How much of the database to keep in memory; it is taken only as pages are used. large: rows change
 * pages all over the file. */
int weir_connection_cache(weir_connection *c, bool large, weir_error *error);

/* Between transactions: what a statement may have to undo is kept in a temporary file, or in memory
 * where there is no directory for one now. */
int weir_connection_temporary(weir_connection *c, weir_error *error);

/* The guard's read transaction, which is there from the opening on, but for our own checkpoints: begin
 * it again, if one of these could not. */
int weir_connection_guard(weir_connection *c, weir_error *error);

/* While the database is busy. A RESTART or TRUNCATE checkpoint of another connection has the write
 * lock while it waits for every reader of the -wal file, and so for the guard: let it pass, step by
 * step, without letting anything go that stands nowhere else. */
void weir_connection_make_way(weir_connection *c);

/* Is the file still where it was opened? SQLite commits happily into one that was renamed or
 * removed. WEIR_IO and lost: the database is there, but without our -wal file. */
int weir_connection_stays(weir_connection *c, weir_error *error);
/* The same behind a commit, which of the database itself has been asked before. */
int weir_connection_kept(weir_connection *c, weir_error *error);

/* Before a commit: nobody else can be writing. WEIR_IO, which weir_connection_explain explains. */
int weir_connection_writes(weir_connection *c);

/* Behind a failure: whether it was want of a lock, which SQLite calls an I/O error. The status, with
 * error filled anew. */
int weir_connection_explain(weir_connection *c, int status, weir_error *error);

/* See weir_sink. */
int weir_connection_harden(weir_connection *c, uint64_t applied, uint64_t *safe, weir_error *error);

uint64_t weir_connection_wal_bytes(const weir_connection *c);

#endif
