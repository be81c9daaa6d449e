/* vfs.c - SQLite's files on the simulated disk. */
#include "vfs.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"

enum { REGIONS = 4 };

typedef struct sim_node sim_node;

typedef struct handle {
    sqlite3_file base;
    int descriptor, file;
    sim_node *node;
    int level;                        /* SQLITE_LOCK_… */
    uint16_t shared_slots, own_slots; /* of the -shm: locks that this connection holds */
    bool sync_name; /* the first sync syncs the directory too, as SQLite's own VFS does */
    bool temporary;
    char path[SIM_PATH];
} handle;

/* What the connections of one process share of one file. */
struct sim_node {
    sim_node *next;
    char path[SIM_PATH];
    unsigned references, shared;
    const handle *reserved, *exclusive; /* exclusive: pending or exclusive */
    void *region[REGIONS];
    unsigned shared_slot[SQLITE_SHM_NLOCK];
    const handle *own_slot[SQLITE_SHM_NLOCK];
};

static handle *of(sqlite3_file *file) { return (handle *)(void *)file; }

/* ---- nodes ------------------------------------------------------------------------------ */

static sim_node *node_take(const char *path) {
    sim_node *n = sim_now->nodes;
    while (n && strcmp(n->path, path) != 0)
        n = n->next;
    if (!n && (n = calloc(1, sizeof *n))) {
        (void)snprintf(n->path, sizeof n->path, "%s", path);
        n->next = sim_now->nodes;
        sim_now->nodes = n;
    }
    if (n) n->references++;
    return n;
}

static void node_drop(sim_node *node) {
    if (--node->references) return;
    sim_node **at = &sim_now->nodes;
    while (*at != node)
        at = &(*at)->next;
    *at = node->next;
    for (int i = 0; i < REGIONS; i++)
        free(node->region[i]);
    free(node);
}

/* ---- bytes ------------------------------------------------------------------------------ */

static int failed(int64_t result, int otherwise) {
    return result == -ENOSPC ? SQLITE_FULL : otherwise;
}

static int x_read(sqlite3_file *file, void *into, int bytes, sqlite3_int64 offset) {
    const weir_os *os = sim_os();
    uint8_t *at = into;
    size_t left = (size_t)bytes;
    while (left) {
        int64_t n = os->pread(os->self, of(file)->descriptor, at, left, (uint64_t)offset);
        if (n < 0) return SQLITE_IOERR_READ;
        if (n == 0) {
            memset(at, 0, left);
            return SQLITE_IOERR_SHORT_READ;
        }
        at += n;
        offset += n;
        left -= (size_t)n;
    }
    return SQLITE_OK;
}

static int x_write(sqlite3_file *file, const void *from, int bytes, sqlite3_int64 offset) {
    int done =
        weir_write_full(sim_os(), of(file)->descriptor, from, (size_t)bytes, (uint64_t)offset);
    return done < 0 ? failed(done, SQLITE_IOERR_WRITE) : SQLITE_OK;
}

static int x_truncate(sqlite3_file *file, sqlite3_int64 bytes) {
    const weir_os *os = sim_os();
    int done = os->truncate(os->self, of(file)->descriptor, (uint64_t)bytes);
    return done < 0 ? failed(done, SQLITE_IOERR_TRUNCATE) : SQLITE_OK;
}

static int x_sync(sqlite3_file *file, int flags) {
    const weir_os *os = sim_os();
    (void)flags; /* one kind of sync is all there is */
    if (os->datasync(os->self, of(file)->descriptor) < 0) return SQLITE_IOERR_FSYNC;
    if (!of(file)->sync_name) return SQLITE_OK;
    if (os->sync_directory(os->self, WEIR_OS_CWD, "/") < 0) return SQLITE_IOERR_DIR_FSYNC;
    of(file)->sync_name = false;
    return SQLITE_OK;
}

static int x_size(sqlite3_file *file, sqlite3_int64 *size) {
    const weir_os *os = sim_os();
    weir_os_info info;
    if (os->info_file(os->self, of(file)->descriptor, &info) < 0) return SQLITE_IOERR_FSTAT;
    *size = (sqlite3_int64)info.bytes;
    return SQLITE_OK;
}

/* ---- locks ------------------------------------------------------------------------------ */

static int x_unlock(sqlite3_file *file, int level) {
    handle *h = of(file);
    if (h->level <= level) return SQLITE_OK;
    if (h->node->exclusive == h) h->node->exclusive = NULL;
    if (h->node->reserved == h) h->node->reserved = NULL;
    if (level == SQLITE_LOCK_NONE) h->node->shared--;
    h->level = level;
    return SQLITE_OK;
}

static int x_lock(sqlite3_file *file, int level) {
    handle *h = of(file);
    sim_node *n = h->node;
    if (h->level >= level) return SQLITE_OK;
    if (n->exclusive && n->exclusive != h) return SQLITE_BUSY;
    if (h->level == SQLITE_LOCK_NONE) {
        n->shared++;
        h->level = SQLITE_LOCK_SHARED;
    }
    if (level == SQLITE_LOCK_SHARED) return SQLITE_OK;
    if (n->reserved && n->reserved != h) return SQLITE_BUSY;
    n->reserved = h;
    h->level = SQLITE_LOCK_RESERVED;
    if (level == SQLITE_LOCK_RESERVED) return SQLITE_OK;
    n->exclusive = h;
    h->level = SQLITE_LOCK_PENDING;
    if (n->shared > 1) return SQLITE_BUSY;
    h->level = SQLITE_LOCK_EXCLUSIVE;
    return SQLITE_OK;
}

static int x_check_reserved(sqlite3_file *file, int *reserved) {
    *reserved = of(file)->node->reserved != NULL;
    return SQLITE_OK;
}

/* ---- the -shm --------------------------------------------------------------------------- */

static int x_shm_map(sqlite3_file *file, int region, int bytes, int extend, void volatile **out) {
    sim_node *n = of(file)->node;
    *out = NULL;
    if (region >= REGIONS) return SQLITE_IOERR_SHMSIZE; /* more than any workload needs */
    if (!n->region[region] && extend) n->region[region] = calloc(1, (size_t)bytes);
    *out = n->region[region];
    return SQLITE_OK;
}

static int lock_slots(handle *h, uint16_t mask, bool own) {
    sim_node *n = h->node;
    for (int i = 0; i < SQLITE_SHM_NLOCK; i++) {
        if (!(mask >> i & 1)) continue;
        bool held = h->shared_slots >> i & 1;
        if (n->own_slot[i] && n->own_slot[i] != h) return SQLITE_BUSY;
        if (own && n->shared_slot[i] > (held ? 1u : 0u)) return SQLITE_BUSY;
    }
    for (int i = 0; i < SQLITE_SHM_NLOCK; i++) {
        if (!(mask >> i & 1)) continue;
        if (own)
            n->own_slot[i] = h;
        else if (!(h->shared_slots >> i & 1))
            n->shared_slot[i]++;
    }
    if (own)
        h->own_slots |= mask;
    else
        h->shared_slots |= mask;
    return SQLITE_OK;
}

static void unlock_slots(handle *h, uint16_t mask) {
    for (int i = 0; i < SQLITE_SHM_NLOCK; i++) {
        if ((mask & h->shared_slots) >> i & 1) h->node->shared_slot[i]--;
        if ((mask & h->own_slots) >> i & 1) h->node->own_slot[i] = NULL;
    }
    h->shared_slots &= (uint16_t)~mask;
    h->own_slots &= (uint16_t)~mask;
}

static int x_shm_lock(sqlite3_file *file, int first, int count, int flags) {
    uint16_t mask = (uint16_t)(((1u << count) - 1) << first);
    if (flags & SQLITE_SHM_LOCK) return lock_slots(of(file), mask, flags & SQLITE_SHM_EXCLUSIVE);
    unlock_slots(of(file), mask);
    return SQLITE_OK;
}

static void x_shm_barrier(sqlite3_file *file) { (void)file; }

/* The memory stays with the node: other connections may map it. */
static int x_shm_unmap(sqlite3_file *file, int delete_it) {
    (void)delete_it;
    unlock_slots(of(file), UINT16_MAX);
    return SQLITE_OK;
}

/* ---- the rest of a file ----------------------------------------------------------------- */

static int x_control(sqlite3_file *file, int code, void *argument) {
    if (code != SQLITE_FCNTL_HAS_MOVED) return SQLITE_NOTFOUND;
    *(int *)argument = sim_disk_find(sim_now->disk, of(file)->path) != of(file)->file;
    return SQLITE_OK;
}

static int x_sector(sqlite3_file *file) {
    (void)file;
    return SIM_PAGE;
}

static int x_traits(sqlite3_file *file) {
    (void)file;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE; /* as SQLite assumes on Linux */
}

static int x_close(sqlite3_file *file) {
    const weir_os *os = sim_os();
    handle *h = of(file);
    (void)x_unlock(file, SQLITE_LOCK_NONE); /* cannot fail */
    unlock_slots(h, UINT16_MAX);
    (void)os->close(os->self, h->descriptor); /* what counts has been synced */
    if (h->temporary) (void)os->unlink(os->self, WEIR_OS_CWD, h->path); /* nobody looks for it */
    node_drop(h->node);
    return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = x_close,
    .xRead = x_read,
    .xWrite = x_write,
    .xTruncate = x_truncate,
    .xSync = x_sync,
    .xFileSize = x_size,
    .xLock = x_lock,
    .xUnlock = x_unlock,
    .xCheckReservedLock = x_check_reserved,
    .xFileControl = x_control,
    .xSectorSize = x_sector,
    .xDeviceCharacteristics = x_traits,
    .xShmMap = x_shm_map,
    .xShmLock = x_shm_lock,
    .xShmBarrier = x_shm_barrier,
    .xShmUnmap = x_shm_unmap,
};

/* ---- the file system -------------------------------------------------------------------- */

static int x_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out) {
    const weir_os *os = sim_os();
    handle *h = of(file);
    (void)vfs;
    *h = (handle){.temporary = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0};
    (void)snprintf(h->path, sizeof h->path, "%s", path ? path : "/temporary");
    int how = WEIR_OS_READ;
    if (flags & SQLITE_OPEN_READWRITE) how |= WEIR_OS_WRITE;
    if (flags & SQLITE_OPEN_CREATE) how |= WEIR_OS_CREATE;
    h->descriptor = os->open(os->self, WEIR_OS_CWD, h->path, how);
    if (h->descriptor < 0) return SQLITE_CANTOPEN;
    h->node = node_take(h->path);
    if (!h->node) return SQLITE_NOMEM;
    h->file = sim_disk_find(sim_now->disk, h->path);
    h->sync_name =
        (flags & SQLITE_OPEN_CREATE) && (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL));
    h->base.pMethods = &methods;
    if (out) *out = flags;
    return SQLITE_OK;
}

static int x_delete(sqlite3_vfs *vfs, const char *path, int sync) {
    const weir_os *os = sim_os();
    (void)vfs;
    int done = os->unlink(os->self, WEIR_OS_CWD, path);
    if (done == -ENOENT) return SQLITE_IOERR_DELETE_NOENT;
    if (done >= 0 && sync && os->sync_directory(os->self, WEIR_OS_CWD, "/") < 0)
        return SQLITE_IOERR_DIR_FSYNC;
    return done < 0 ? SQLITE_IOERR_DELETE : SQLITE_OK;
}

static int x_access(sqlite3_vfs *vfs, const char *path, int flags, int *out) {
    const weir_os *os = sim_os();
    weir_os_info info;
    (void)vfs;
    *out = os->info(os->self, WEIR_OS_CWD, path, &info) >= 0 &&
           (flags != SQLITE_ACCESS_EXISTS || info.bytes);
    return SQLITE_OK;
}

static int x_full_path(sqlite3_vfs *vfs, const char *path, int room, char *out) {
    (void)vfs;
    (void)snprintf(out, (size_t)room, "%s", path); /* all paths here are full and short */
    return SQLITE_OK;
}

static int x_random(sqlite3_vfs *vfs, int bytes, char *out) {
    (void)vfs;
    memset(out, 7, (size_t)bytes); /* the same in every process, so that runs can be replayed */
    return bytes;
}

static int x_sleep(sqlite3_vfs *vfs, int microseconds) {
    (void)vfs;
    sim_now->clock_ns += (uint64_t)microseconds * 1000;
    return microseconds;
}

static int x_time(sqlite3_vfs *vfs, sqlite3_int64 *out) {
    const weir_os *os = sim_os();
    (void)vfs;
    *out = 210866760000000 + os->wall(os->self) / 1000000; /* ms since noon of a day in 4714 BC */
    return SQLITE_OK;
}

static int x_last_error(sqlite3_vfs *vfs, int bytes, char *text) {
    (void)vfs, (void)bytes, (void)text;
    return 0;
}

void sim_vfs_register(void) {
    static sqlite3_vfs vfs = {
        .iVersion = 2,
        .szOsFile = sizeof(handle),
        .mxPathname = SIM_PATH,
        .zName = "simulated",
        .xOpen = x_open,
        .xDelete = x_delete,
        .xAccess = x_access,
        .xFullPathname = x_full_path,
        .xRandomness = x_random,
        .xSleep = x_sleep,
        .xGetLastError = x_last_error,
        .xCurrentTimeInt64 = x_time,
    };
    if (sqlite3_vfs_register(&vfs, 1) != SQLITE_OK) abort(); /* fails only without memory */
}
