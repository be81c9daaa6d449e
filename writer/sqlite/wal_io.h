/* wal_io.h - the -wal file of the writer's connection, written and read in large pieces.
 *
 * SQLite makes a system call for the header of each frame and another for its page, and a
 * checkpoint makes one for every page that it reads. Here frames wait in memory until SQLite asks
 * for them to be on the disk. With synchronous=FULL each commit asks for that before it makes its
 * frames visible to other connections (sqlite3WalFrames in SQLite's wal.c), provided that the file
 * system has powersafe overwrite, which SQLite assumes unless it is told otherwise. Until then only
 * the writer itself may read them. One thread at a time. */
#ifndef WEIR_WAL_IO_H
#define WEIR_WAL_IO_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "locks.h"

typedef struct weir_wal_io {
    sqlite3_io_methods methods; /* what SQLite calls; first, since a file is known by its methods */
    const weir_os *os;
    const sqlite3_io_methods *usual; /* the file's own, which do the work */
    sqlite3_file *file;              /* NULL: it was not taken over */
    uint8_t *piece;                  /* frames that wait, or that were read ahead */
    int used;                        /* bytes of it */
    sqlite3_int64 at;                /* where it begins in the file */
    int failed; /* SQLite's code for a piece that could not be written: no commit may succeed */

    weir_locks *locks; /* checked before each piece; NULL: there is no check */
    bool unlocked;     /* a lock was found to be lost */

    int descriptor; /* a second one of the file, for advice to the kernel; negative: none */
    sqlite3_int64 written_from, written; /* a range that was written, and not yet advised of */

    bool reading;       /* a checkpoint runs; so no frames wait to be written */
    sqlite3_int64 end;  /* of the file, when the checkpoint began */
    sqlite3_int64 next; /* where its last read ended */

    sqlite3 *db;
    weir_proc_fd database; /* inode 0: not looked for yet */
    int copied;            /* bytes that a checkpoint has read for it since the last advice */
} weir_wal_io;

/* Take over the -wal file of db's main database, which must have been read. Nothing changes when
 * there is no such file, no memory, or no powersafe overwrite. out may not be moved until db is
 * closed. */
void weir_wal_io_take_over(weir_wal_io *out, const weir_os *os, sqlite3 *db);
void weir_wal_io_free(weir_wal_io *w); /* after db is closed */

/* For SQLite's rollback hook. Frames that wait must not be written any more: other connections may
 * now write theirs in the same place. */
void weir_wal_io_forget(void *wal_file);

/* Call these around a checkpoint by db: no frame that it reads can change before it ends. */
void weir_wal_io_begin_reading(weir_wal_io *w);
void weir_wal_io_end_reading(weir_wal_io *w);

#endif
