/* watched_vfs.h - SQLite's own file system, which knows of database and -wal file whether all that
 * was written to them has been synced, and can refuse a read or a write. For tests that have one
 * database open. */
#ifndef WEIR_TESTS_WATCHED_VFS_H
#define WEIR_TESTS_WATCHED_VFS_H

#include <sqlite3.h>
#include <stdint.h>

#include "support.h"

typedef struct watched {
    sqlite3_io_methods methods; /* first: a file points to it */
    const sqlite3_io_methods *real;
    unsigned writes, unsynced; /* unsynced: since the last sync */
    sqlite3_int64 bad_page_at; /* the next read there fails; 0: none will */
    bool full;                 /* the next write finds no room */
} watched;

static watched watched_database, watched_wal;
static void (*watched_after_sync)(void *context); /* of the -wal file; NULL: nobody cares */
static void *watched_context;
static sqlite3_vfs watched_vfs, *watched_real;

static watched *watched_of(const sqlite3_file *file) {
    return (watched *)(uintptr_t)file->pMethods;
}

static int watched_read(sqlite3_file *file, void *into, int bytes, sqlite3_int64 offset) {
    watched *w = watched_of(file);
    if (!w->bad_page_at || offset != w->bad_page_at)
        return w->real->xRead(file, into, bytes, offset);
    w->bad_page_at = 0;
    return SQLITE_IOERR_READ;
}

static int watched_write(sqlite3_file *file, const void *from, int bytes, sqlite3_int64 offset) {
    watched *w = watched_of(file);
    if (w->full) {
        w->full = false;
        return SQLITE_FULL;
    }
    w->writes++;
    w->unsynced++;
    return w->real->xWrite(file, from, bytes, offset);
}

static int watched_sync(sqlite3_file *file, int flags) {
    watched *w = watched_of(file);
    w->unsynced = 0;
    int code = w->real->xSync(file, flags);
    void (*after)(void *) = watched_after_sync;
    if (!after || w != &watched_wal) return code;
    watched_after_sync = NULL; /* it may open databases itself */
    after(watched_context);
    watched_after_sync = after;
    return code;
}

/* The file stays the real one; only its table of functions is exchanged for a copy. */
static int watched_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                        int *flags_out) {
    (void)vfs;
    int code = watched_real->xOpen(watched_real, name, file, flags, flags_out);
    watched *w = flags & SQLITE_OPEN_MAIN_DB ? &watched_database
                 : flags & SQLITE_OPEN_WAL   ? &watched_wal
                                             : NULL;
    if (code != SQLITE_OK || !w) return code;
    w->real = file->pMethods;
    w->methods = *file->pMethods;
    w->methods.xRead = watched_read;
    w->methods.xWrite = watched_write;
    w->methods.xSync = watched_sync;
    file->pMethods = &w->methods;
    return code;
}

static inline void watched_begin(void) {
    watched_database = watched_wal = (watched){.writes = 0};
    watched_real = sqlite3_vfs_find(NULL);
    watched_vfs = *watched_real;
    watched_vfs.zName = "watched";
    watched_vfs.xOpen = watched_open;
    assert_int_equal(sqlite3_vfs_register(&watched_vfs, 1), SQLITE_OK);
}

/* After the last close; a fixture's tear-down may call it whether or not the test has. */
static inline void watched_end(void) {
    if (!watched_real) return;
    watched_after_sync = NULL;
    assert_int_equal(sqlite3_vfs_unregister(&watched_vfs), SQLITE_OK);
    assert_int_equal(sqlite3_vfs_register(watched_real, 1), SQLITE_OK);
    watched_real = NULL;
}

#endif
