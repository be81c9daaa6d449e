/* locks.h - SQLite's locks on the database and its -shm file, protected from the rest of the
 * process.
 *
 * Record locks (fcntl(2)) belong to the process. When it closes any descriptor of a file, whoever
 * opened it, it loses all its record locks on that file. Another process that then opens the
 * database takes itself for the only one, and removes -wal and -shm when it closes.
 *
 * So the two shared locks that say "in use" are held twice: also by SQLite's own open file
 * description (F_OFD_SETLK), which a close of another descriptor does not affect. The exclusive
 * locks cannot be held twice; it is checked that they are still held before each piece that is
 * written or checkpointed. If the files have gone all the same, that is noticed before a
 * transaction begins, and after its commit before anybody is told of it. One thread at a time. */
#ifndef WEIR_LOCKS_H
#define WEIR_LOCKS_H

#include <sqlite3.h>
#include <stdbool.h>

#include "../../lib/base/status.h"
#include "proc_fd.h"

typedef struct weir_locks {
    weir_proc_fd database, shm, wal; /* inode 0: there is no such file */
    char *shm_path, *wal_path;       /* sqlite3_free() them */
} weir_locks;

/* Bytes of the -shm file, as SQLite's wal.c and os_unix.c lay it out. */
typedef enum weir_locks_slot {
    WEIR_LOCKS_WRITER = 120,
    WEIR_LOCKS_CHECKPOINTER = 121,
} weir_locks_slot;

/* Protect the locks of db's main database, which must have been read. Where no descriptor of a file
 * is found, its locks are only as safe as SQLite makes them. */
int weir_locks_begin(weir_locks *out, const weir_os *os, sqlite3 *db, weir_error *error);

/* Before db is closed: give back the second locks. SQLite's own remain. */
void weir_locks_end(weir_locks *l);

/* Take again what was lost. False: another process has the database to itself, or our -wal and -shm
 * are no longer the files with these names. Then no other connection sees what is written into
 * ours, and to checkpoint them would put old pages over newer ones. */
bool weir_locks_look(weir_locks *l);

/* Does this process hold that lock? True also when that cannot be found out. */
bool weir_locks_has(weir_locks *l, weir_locks_slot slot);

#endif
