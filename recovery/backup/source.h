/* source.h - the database of a backup: one state of it, held while it is copied. */
#ifndef WEIR_BACKUP_SOURCE_H
#define WEIR_BACKUP_SOURCE_H

#include <sqlite3.h>
#include <sys/stat.h>

#include "../database.h"

typedef struct weir_backup_source {
    const char *path; /* the caller's */
    sqlite3 *db;      /* within a read transaction */
    weir_database_view view;
    uint64_t bytes; /* of the database in that state */
    bool unlocked;  /* this user cannot have SQLite's locks: nothing keeps others from writing */
    struct stat before, wal_before;
} weir_backup_source;

/* Begin to read one state of the database, and read from it what weir keeps there. Changes
 * nothing; beside a -wal file that a dead process left, an -shm file may be made, as by every
 * connection. wait_s: how long another's lock is waited for. WEIR_BUSY, WEIR_DATABASE,
 * WEIR_NO_MEMORY. */
int weir_backup_source_open(const char *path, uint32_t wait_s, weir_backup_source *out,
                            weir_error *error);
/* Was everything read so far of that state? WEIR_BUSY when it was read without locks, and somebody
 * has written meanwhile. */
int weir_backup_source_check(const weir_backup_source *source, weir_error *error);
void weir_backup_source_close(weir_backup_source *source);

#endif
