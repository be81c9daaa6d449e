/* locks.h - SQLite's locks on the database and its -shm file, kept from what the process around them
 * does.
 *
 * Record locks (fcntl(2)) belong to the process, and all that it has on a file go when it closes any
 * descriptor of that file, whoever opened it. Another process that then opens the database takes
 * itself for the only one, and removes -wal and -shm when it closes. So the two locks that say
 * "in use" are held twice: also by an open file description (F_OFD_SETLK), SQLite's own, where no
 * other close reaches them. Of the exclusive ones it can only be asked whether they still stand,
 * which is done before each piece that is written or checkpointed. And should the files be gone all
 * the same, that is seen before a transaction and before it is told to anybody. One thread at a
 * time. */
#ifndef WEIR_LOCKS_H
#define WEIR_LOCKS_H

#include <sqlite3.h>
#include <stdbool.h>

#include "../../lib/base/status.h"
#include "borrowed.h"

typedef struct weir_locks {
    weir_borrowed database, shm, wal; /* inode 0: there is no such file */
    char *shm_path, *wal_path;        /* sqlite3_free */
} weir_locks;

typedef enum weir_locks_slot { /* bytes of the -shm file, as SQLite's wal.c and os_unix.c lay it out */
                               WEIR_LOCKS_WRITER = 120,
                               WEIR_LOCKS_CHECKPOINTER = 121,
} weir_locks_slot;

/* Of db's main database, which has been read. Where no descriptor of a file is found, its locks are
 * as safe as SQLite makes them. */
int weir_locks_begin(weir_locks *out, const weir_os *os, sqlite3 *db, weir_error *error);

/* Before db is closed: from now on its own locks alone count. */
void weir_locks_end(weir_locks *l);

/* Take again what was lost. False: another process has the database for itself, or -wal and -shm are
 * not those any more that bear the names. What is written into them from now on is seen by nobody,
 * and to checkpoint them would put old pages over newer ones. */
bool weir_locks_look(weir_locks *l);

/* Has this process that lock? True also when it cannot be told. */
bool weir_locks_has(weir_locks *l, weir_locks_slot slot);

#endif
