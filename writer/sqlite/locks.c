/* locks.c - SQLite's locks, protected from the rest of the process. */
#include "locks.h"

#include <errno.h>

enum {
    SHARED_FIRST = 0x40000002, /* of the database: SHARED_FIRST in SQLite's os.h */
    SHARED_BYTES = 510,
    IN_USE = 128, /* of the -shm file: UNIX_SHM_DMS in SQLite's os_unix.c */
};

/* ---- in use ---------------------------------------------------------------------------------- */

static bool keep_lock(weir_proc_fd *b, uint64_t offset, uint64_t bytes) {
    if (!weir_proc_fd_is_there(b)) return true;
    return b->os->share(b->os->self, b->descriptor, offset, bytes) != -EAGAIN;
}

static bool keep_both(weir_locks *l) {
    bool database = keep_lock(&l->database, SHARED_FIRST, SHARED_BYTES);
    return keep_lock(&l->shm, IN_USE, 1) && database;
}

static void give_back_lock(weir_proc_fd *b, uint64_t offset, uint64_t bytes) {
    if (!weir_proc_fd_is_there(b)) return;
    (void)b->os->unshare(b->os->self, b->descriptor, offset, bytes); /* or it goes with its file */
}

/* ---- names ----------------------------------------------------------------------------------- */

/* When the path cannot be looked up (after chroot, for example), nothing is known against the
 * file. */
static bool bears_its_name(const weir_proc_fd *b, const char *path) {
    weir_os_info info;
    if (!b->inode) return true;
    int result = b->os->info(b->os->self, WEIR_OS_CWD, path, &info);
    return result < 0 ? result != -ENOENT : info.device == b->device && info.inode == b->inode;
}

bool weir_locks_look(weir_locks *l) {
    return keep_both(l) && bears_its_name(&l->wal, l->wal_path) &&
           bears_its_name(&l->shm, l->shm_path);
}

/* ---- exclusive ------------------------------------------------------------------------------- */

bool weir_locks_has(weir_locks *l, weir_locks_slot slot) {
    if (!weir_proc_fd_is_there(&l->shm)) return true;
    return l->shm.os->has_locked(l->shm.os->self, l->shm.descriptor, slot) != 0;
}

/* ---- beginning ------------------------------------------------------------------------------- */

int weir_locks_begin(weir_locks *out, const weir_os *os, sqlite3 *db, weir_error *error) {
    const char *path = sqlite3_db_filename(db, "main");
    out->wal_path = sqlite3_mprintf("%s", sqlite3_filename_wal(path));
    out->shm_path = sqlite3_mprintf("%s-shm", path);
    if (!out->wal_path || !out->shm_path)
        return weir_fail(error, WEIR_NO_MEMORY, "%s: no memory for a connection", path);
    weir_proc_fd_find(&out->database, os, path);
    weir_proc_fd_find(&out->wal, os, out->wal_path);
    weir_proc_fd_find(&out->shm, os, out->shm_path);
    (void)keep_both(out); /* weir_locks_look, before the first transaction, tries again */
    return WEIR_OK;
}

void weir_locks_end(weir_locks *l) {
    give_back_lock(&l->database, SHARED_FIRST, SHARED_BYTES);
    give_back_lock(&l->shm, IN_USE, 1);
    sqlite3_free(l->wal_path);
    sqlite3_free(l->shm_path);
    *l = (weir_locks){0};
}
