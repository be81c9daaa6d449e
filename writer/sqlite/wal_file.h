/* wal_file.h - the -wal file of the writer's connection, written and read in large pieces.
 *
 * SQLite writes the header of a frame and its page with a system call each, and a checkpoint reads
 * every page with another. Here frames wait in memory until SQLite asks for them to be on the disk.
 * With synchronous=FULL each commit does, before it tells others of its frames (sqlite3WalFrames in
 * SQLite's wal.c), if the file system has powersafe overwrite, as SQLite takes for granted unless it
 * is told otherwise; until then nobody but the writer itself may read them. One thread at a time. */
#ifndef WEIR_WAL_FILE_H
#define WEIR_WAL_FILE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "locks.h"

typedef struct weir_wal_file {
    sqlite3_io_methods methods; /* what SQLite calls; first, since a file is known by its methods */
    const weir_os *os;
    const sqlite3_io_methods *usual; /* what does the work */
    sqlite3_file *file;              /* NULL: it was not taken over */
    uint8_t *piece;                  /* frames that wait, or that were read ahead */
    int used;                        /* bytes of it */
    sqlite3_int64 at;                /* where it begins in the file */
    int failed; /* why a piece could not be written; it is not to be committed */

    weir_locks *locks; /* to be asked before each piece; NULL: nobody is asked */
    bool unlocked;     /* they were gone */

    int descriptor;                      /* of the file once more, for advice; negative: none */
    sqlite3_int64 written_from, written; /* in one piece, and not yet given to the disk */

    bool reading;       /* a checkpoint runs, so nothing waits */
    sqlite3_int64 end;  /* of the file when it began */
    sqlite3_int64 next; /* behind its last read */

    sqlite3 *db;
    weir_borrowed database; /* inode 0: not looked for yet */
    int copied;             /* bytes that a checkpoint has read for it since the last advice */
} weir_wal_file;

/* Take over the -wal file of db's main database, which has been read. It stays as it is when
 * there is none, no memory, or no powersafe overwrite. out stays where it is until db is closed. */
void weir_wal_file_take_over(weir_wal_file *out, const weir_os *os, sqlite3 *db);
void weir_wal_file_free(weir_wal_file *w); /* behind db */

/* For SQLite's rollback hook. What waited must not be written any more: its place in the file is
 * free for the frames of others. */
void weir_wal_file_forget(void *wal_file);

/* Around a checkpoint by db. No frame that it reads can change before it ends. */
void weir_wal_file_begin_reading(weir_wal_file *w);
void weir_wal_file_end_reading(weir_wal_file *w);

#endif
