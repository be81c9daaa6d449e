/* machine.c - the os table of the simulated machine. */
#include "machine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { CALL_NS = 700 };

#define HOUR_NS 3600000000000
#define DAY_NS (24 * HOUR_NS)

sim_machine *sim_now;

/* ---- faults, crash points, chance ------------------------------------------------------- */

static uint64_t below(void *self, uint64_t limit) { return weir_rng_below(self, limit); }

static bool concerns(const sim_fault *f, sim_call call, const char *path) {
    if (f->call != call || f->countdown == 0) return false;
    return !f->below || strncmp(path, f->below, strlen(f->below)) == 0;
}

static bool moves_bytes(sim_call call) { return call == SIM_PREAD || call == SIM_PWRITE; }

static bool takes_room(sim_call call) {
    return call == SIM_OPEN || call == SIM_PWRITE || call == SIM_ALLOCATE || call == SIM_RENAME ||
           call == SIM_MAKE_DIRECTORY;
}

bool sim_machine_may(sim_call call, sim_trouble trouble) {
    if (trouble == SIM_SHORT) return moves_bytes(call);
    if (trouble == SIM_NO_SPACE || trouble == SIM_FULL) return takes_room(call);
    return true;
}

/* The call of this number is here: the error that it shall answer, or 0. */
static int strike(sim_machine *m, sim_call call) {
    if (m->trouble != SIM_FULL) m->struck++;
    switch (m->trouble) {
    case SIM_FAILS: m->failed++; return -EIO;
    case SIM_FAILS_EVER: sim_machine_arm(m, call, 1, UINT32_MAX, -EIO); return 0;
    case SIM_NO_SPACE: m->failed++; return -ENOSPC;
    case SIM_FULL: m->capacity = sim_disk_bytes(m->disk); return 0;
    case SIM_CLOCK_BACK: m->wall_ns -= DAY_NS; return 0;
    case SIM_CLOCK_AHEAD: m->clock_ns += HOUR_NS; return 0;
    default: return 0; /* SIM_SHORT: see shortened */
    }
}

/* The error that this call shall answer, or 0. */
static int fault(sim_call call, const char *path) {
    sim_machine *m = sim_now;
    m->clock_ns += CALL_NS;
    if (m->dead) return -EIO;
    if (m->log && m->calls < m->log_limit) m->log[m->calls] = (uint8_t)call;
    int struck = ++m->calls == m->strike_at ? strike(m, call) : 0;
    if (struck) return struck;
    for (int i = 0; i < SIM_FAULTS; i++) {
        sim_fault *f = &m->faults[i];
        if (!concerns(f, call, path)) continue;
        if (f->countdown > 1) {
            f->countdown--;
            continue;
        }
        if (--f->times == 0) f->countdown = 0;
        m->failed++;
        m->struck++;
        return f->error;
    }
    return 0;
}

/* The lock is opened while the process holds the list of its handles: no place for a hook that
 * opens a handle of its own. A crash there leaves what a crash one call later leaves. */
static bool is_lock(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash && strcmp(slash, "/lock") == 0;
}

static void crash_point(const char *call, const char *path) {
    if (!sim_now->crash_point || sim_now->dead || is_lock(path)) return;
    (void)snprintf(sim_now->place, sizeof sim_now->place, "%s %s", call, path);
    sim_now->crash_point(sim_now->context);
}

static void changed(const char *path) {
    sim_machine *m = sim_now;
    if (m->trickle_one_in && weir_rng_below(&m->chance, m->trickle_one_in) == 0) {
        sim_choice choice = {&m->chance, NULL, below};
        sim_disk_trickle(m->disk, &choice);
    }
    crash_point("after a change of", path);
}

static size_t shortened(size_t bytes) {
    sim_machine *m = sim_now;
    bool now = m->trouble == SIM_SHORT && m->calls == m->strike_at;
    if (bytes < 2) return bytes;
    if (!now && (!m->short_one_in || weir_rng_below(&m->chance, m->short_one_in))) return bytes;
    m->struck++;
    return 1 + (size_t)weir_rng_below(&m->chance, bytes - 1);
}

static bool no_room(uint64_t more) {
    sim_machine *m = sim_now;
    if (!m->capacity || sim_disk_bytes(m->disk) + more <= m->capacity) return false;
    m->struck++;
    return true;
}

/* ---- files ------------------------------------------------------------------------------ */

static int free_descriptor(void) {
    for (int i = 3; i < SIM_DESCRIPTORS; i++)
        if (!sim_now->open[i].used) return i;
    return -EMFILE;
}

static int find_or_create(const char *path, int flags) {
    int file = sim_disk_find(sim_now->disk, path);
    if (file >= 0 && (flags & WEIR_OS_EXCLUSIVE)) return -EEXIST;
    if (file != -ENOENT || !(flags & WEIR_OS_CREATE)) return file;
    crash_point("create", path);
    return sim_disk_create(sim_now->disk, path);
}

static int os_open(void *self, int dirfd, const char *path, int flags) {
    (void)self, (void)dirfd;
    int error = fault(SIM_OPEN, path);
    int descriptor = error ? error : free_descriptor();
    if (descriptor < 0) return descriptor;
    int file = find_or_create(path, flags);
    if (file < 0) return file;
    sim_disk_hold(sim_now->disk, file, 1);
    sim_now->open[descriptor].used = true;
    sim_now->open[descriptor].file = file;
    sim_now->open[descriptor].flags = flags;
    (void)snprintf(sim_now->open[descriptor].path, SIM_PATH, "%s", path);
    return descriptor;
}

/* Nobody renames a directory here or changes it, so a path means the same with one held. */
static int os_open_directory(void *self, int dirfd, const char *path) {
    (void)self, (void)dirfd;
    int error = fault(SIM_OPEN, path);
    int descriptor = error ? error : free_descriptor();
    if (descriptor < 0) return descriptor;
    if (!sim_disk_is_directory(sim_now->disk, path))
        return sim_disk_find(sim_now->disk, path) >= 0 ? -ENOTDIR : -ENOENT;
    sim_now->open[descriptor].used = true;
    sim_now->open[descriptor].file = -1;
    (void)snprintf(sim_now->open[descriptor].path, SIM_PATH, "%s", path);
    return descriptor;
}

static int os_close(void *self, int descriptor) {
    (void)self;
    if (descriptor < 0 || descriptor >= SIM_DESCRIPTORS || !sim_now->open[descriptor].used)
        return -EBADF;
    sim_now->open[descriptor].used = false;
    int file = sim_now->open[descriptor].file;
    if (file >= 0) sim_disk_hold(sim_now->disk, file, -1);
    return 0;
}

static const char *path_of(int descriptor) { return sim_now->open[descriptor].path; }
static int file_of(int descriptor) { return sim_now->open[descriptor].file; }

static int64_t os_pread(void *self, int descriptor, void *into, size_t bytes, uint64_t offset) {
    (void)self;
    int error = fault(SIM_PREAD, path_of(descriptor));
    if (error) return error;
    return (int64_t)sim_disk_read(sim_now->disk, file_of(descriptor), into, shortened(bytes),
                                  offset);
}

static int64_t os_pwrite(void *self, int descriptor, const void *from, size_t bytes,
                         uint64_t offset) {
    (void)self;
    crash_point("pwrite", path_of(descriptor));
    int error = fault(SIM_PWRITE, path_of(descriptor));
    uint64_t size = sim_disk_size(sim_now->disk, file_of(descriptor));
    if (!error && offset + bytes > size && no_room(offset + bytes - size)) error = -ENOSPC;
    if (error) return error;
    bytes = shortened(bytes);
    sim_disk_write(sim_now->disk, file_of(descriptor), from, bytes, offset);
    changed(path_of(descriptor));
    return (int64_t)bytes;
}

/* Some of what a failed sync was about may have gone down before it failed. */
static void lose(int file) {
    sim_machine *m = sim_now;
    sim_choice choice = {&m->chance, NULL, below};
    for (uint64_t n = weir_rng_below(&m->chance, 3); n; n--)
        sim_disk_trickle(m->disk, &choice);
    sim_disk_lose(m->disk, file);
}

static int os_datasync(void *self, int descriptor) {
    (void)self;
    crash_point("datasync", path_of(descriptor));
    int error = fault(SIM_DATASYNC, path_of(descriptor));
    if (error && !sim_now->dead) lose(file_of(descriptor));
    if (!error) sim_disk_sync(sim_now->disk, file_of(descriptor));
    crash_point("after datasync", path_of(descriptor));
    return error;
}

static int os_allocate(void *self, int descriptor, uint64_t offset, uint64_t bytes) {
    (void)self;
    crash_point("allocate", path_of(descriptor));
    int error = fault(SIM_ALLOCATE, path_of(descriptor));
    uint64_t size = sim_disk_size(sim_now->disk, file_of(descriptor));
    if (error) return error;
    if (offset + bytes <= size) return 0;
    if (no_room(offset + bytes - size)) return -ENOSPC;
    sim_disk_resize(sim_now->disk, file_of(descriptor), offset + bytes);
    changed(path_of(descriptor));
    return 0;
}

static int os_truncate(void *self, int descriptor, uint64_t bytes) {
    (void)self;
    crash_point("truncate", path_of(descriptor));
    int error = fault(SIM_TRUNCATE, path_of(descriptor));
    if (error) return error;
    sim_disk_resize(sim_now->disk, file_of(descriptor), bytes);
    changed(path_of(descriptor));
    return 0;
}

static void describe(int file, weir_os_info *out) {
    *out = (weir_os_info){.bytes = sim_disk_size(sim_now->disk, file),
                          .device = 1,
                          .inode = (uint64_t)file + 2,
                          .block_bytes = SIM_PAGE,
                          .is_file = 1};
}

static const weir_os_info a_directory = {.device = 1, .inode = 1, .is_directory = 1};

static int os_info(void *self, int dirfd, const char *path, weir_os_info *out) {
    (void)self, (void)dirfd;
    sim_now->clock_ns += CALL_NS;
    int file = sim_disk_find(sim_now->disk, path);
    if (file == -EISDIR) *out = a_directory;
    if (file >= 0) describe(file, out);
    return file >= 0 || file == -EISDIR ? 0 : file;
}

static int os_info_file(void *self, int descriptor, weir_os_info *out) {
    (void)self;
    if (file_of(descriptor) < 0)
        *out = a_directory;
    else
        describe(file_of(descriptor), out);
    return 0;
}

static int os_read_only(void *self, const char *path) {
    (void)self, (void)path;
    return 0;
}

static int64_t os_mount(void *self, const char *path) {
    (void)self, (void)path;
    return 1;
}

/* ---- names ------------------------------------------------------------------------------ */

static int finish(int result, const char *path) {
    if (result >= 0) changed(path);
    return result;
}

static int os_rename(void *self, int from_dirfd, const char *from, int to_dirfd, const char *to) {
    (void)self, (void)from_dirfd, (void)to_dirfd;
    crash_point("rename", from);
    int error = fault(SIM_RENAME, from);
    return error ? error : finish(sim_disk_rename(sim_now->disk, from, to), from);
}

static int os_unlink(void *self, int dirfd, const char *path) {
    (void)self, (void)dirfd;
    crash_point("unlink", path);
    int error = fault(SIM_UNLINK, path);
    return error ? error : finish(sim_disk_unlink(sim_now->disk, path), path);
}

static int os_make_directory(void *self, int dirfd, const char *path) {
    (void)self, (void)dirfd;
    crash_point("make_directory", path);
    int error = fault(SIM_MAKE_DIRECTORY, path);
    return error ? error : finish(sim_disk_make_directory(sim_now->disk, path), path);
}

static int os_sync_directory(void *self, int dirfd, const char *path) {
    (void)self, (void)dirfd;
    crash_point("sync_directory", path);
    int error = fault(SIM_SYNC_DIRECTORY, path);
    return error ? error : finish(sim_disk_sync_directory(sim_now->disk, path), path);
}

static int os_list(void *self, int dirfd, const char *path,
                   int (*each)(void *context, const char *name), void *context) {
    (void)self, (void)dirfd;
    return sim_now->dead ? -EIO : sim_disk_list(sim_now->disk, path, each, context);
}

/* One process on each machine, so nobody else can have it. */
static int os_lock(void *self, int descriptor, int64_t *holder) {
    (void)self, (void)descriptor;
    *holder = 0;
    return 0;
}

/* Its own files are not SQLite's. */
static int os_find_file(void *self, uint64_t device, uint64_t inode) {
    (void)self, (void)device, (void)inode;
    return -ENOENT;
}

static int os_unlock(void *self, int descriptor) {
    (void)self, (void)descriptor;
    return 0;
}

static int os_locked(void *self, int descriptor, int64_t *holder) {
    (void)self, (void)descriptor;
    *holder = 0;
    return 0;
}

/* ---- memory ----------------------------------------------------------------------------- */

static void *os_reserve(void *self, size_t bytes) {
    (void)self;
    void *at = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

static int os_map(void *self, void *at, int descriptor, uint64_t offset, size_t bytes,
                  int writable) {
    (void)self;
    if (sim_now->dead) return -ENOMEM;
    return sim_disk_map(sim_now->disk, file_of(descriptor), at, offset, bytes, writable);
}

/* What the disk does unasked is all that a crash can make of this. */
static int os_write_back(void *self, int descriptor, uint64_t offset, uint64_t bytes) {
    (void)self, (void)descriptor, (void)offset, (void)bytes;
    return 0;
}

static int os_populate(void *self, void *at, size_t bytes) {
    (void)self, (void)at, (void)bytes;
    return 0;
}

static int os_unmap(void *self, void *at, size_t bytes) {
    (void)self;
    return munmap(at, bytes) < 0 ? -errno : 0;
}

/* Nobody forks here. */
static _Atomic uint32_t *os_fork_word(void *self) {
    (void)self;
    _Atomic uint32_t *word = malloc(sizeof *word);
    if (word) atomic_init(word, 1);
    return word;
}

static void os_free_fork_word(void *self, _Atomic uint32_t *word) {
    (void)self;
    free((void *)word);
}

/* ---- time, threads, identity ------------------------------------------------------------ */

static uint64_t os_now(void *self) {
    (void)self;
    return sim_now->clock_ns += CALL_NS;
}

static int64_t os_wall(void *self) {
    (void)self;
    if (sim_now->jumped) sim_now->struck++;
    sim_now->jumped = false;
    return (int64_t)sim_now->clock_ns + sim_now->wall_ns;
}

static uint64_t os_ticks(void *self) {
    (void)self;
    return 0;
}

/* Waiting is where the others have their turn. Time passes even if they have nothing to do. */
static int os_wait(void *self, _Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns) {
    (void)self;
    enum { TICK_NS = 1000000 };
    uint64_t began = sim_now->clock_ns;
    while (atomic_load(word) == expected) {
        if (sim_now->clock_ns - began >= timeout_ns) return -ETIMEDOUT;
        sim_now->clock_ns += timeout_ns < TICK_NS ? timeout_ns : TICK_NS;
        if (sim_now->idle) sim_now->idle(sim_now->context);
    }
    return 0;
}

static void os_wake(void *self, _Atomic uint32_t *word) { (void)self, (void)word; }

/* Nobody polls here. */
static int os_make_event(void *self) {
    (void)self;
    return -EMFILE;
}

static void os_raise_event(void *self, int event) { (void)self, (void)event; }

static int os_barrier(void *self) {
    (void)self;
    return 0;
}

static uint32_t os_thread_id(void *self) {
    (void)self;
    return sim_now->thread;
}

static uint64_t os_thread_number(void *self) { return os_thread_id(self); }

static weir_os_life os_thread_life(void *self, uint32_t thread) {
    (void)self, (void)thread;
    return WEIR_OS_ALIVE;
}

static int64_t os_process_id(void *self) {
    (void)self;
    return sim_now->process;
}

static int64_t os_user_id(void *self) {
    (void)self;
    return 0;
}

/* Nobody else is there to have rights. */
static void os_take_after(void *self, int dirfd, const weir_os_info *like) {
    (void)self, (void)dirfd, (void)like;
}

static int os_random(void *self, void *into, size_t bytes) {
    (void)self;
    weir_rng_fill(&sim_now->rng, into, bytes);
    return 0;
}

static int os_boot_id(void *self, uint8_t id[16]) {
    (void)self;
    memcpy(id, sim_now->boot, 16);
    return 0;
}

static int os_working_directory(void *self, char *path, size_t bytes) {
    (void)self, (void)bytes;
    memcpy(path, "/", 2);
    return 0;
}

const weir_os *sim_os(void) {
    static const weir_os table = {
        .open = os_open,
        .open_directory = os_open_directory,
        .close = os_close,
        .pread = os_pread,
        .pwrite = os_pwrite,
        .datasync = os_datasync,
        .allocate = os_allocate,
        .truncate = os_truncate,
        .info = os_info,
        .info_file = os_info_file,
        .mount = os_mount,
        .read_only = os_read_only,
        .rename = os_rename,
        .unlink = os_unlink,
        .make_directory = os_make_directory,
        .sync_directory = os_sync_directory,
        .list = os_list,
        .lock = os_lock,
        .find_file = os_find_file,
        .unlock = os_unlock,
        .locked = os_locked,
        .reserve = os_reserve,
        .map = os_map,
        .populate = os_populate,
        .write_back = os_write_back,
        .unmap = os_unmap,
        .fork_word = os_fork_word,
        .free_fork_word = os_free_fork_word,
        .now = os_now,
        .wall = os_wall,
        .ticks = os_ticks,
        .wait = os_wait,
        .wake = os_wake,
        .barrier = os_barrier,
        .make_event = os_make_event,
        .raise_event = os_raise_event,
        .thread_id = os_thread_id,
        .thread_number = os_thread_number,
        .thread_life = os_thread_life,
        .process_id = os_process_id,
        .user_id = os_user_id,
        .take_after = os_take_after,
        .random = os_random,
        .boot_id = os_boot_id,
        .working_directory = os_working_directory,
    };
    return &table;
}

/* ---- machines --------------------------------------------------------------------------- */

void sim_machine_make(sim_machine *m, sim_disk *disk, uint64_t seed) {
    memset(m, 0, sizeof *m);
    m->disk = disk;
    m->rng = (weir_rng){seed};
    m->chance = (weir_rng){~seed};
    m->clock_ns = 1000000000;
    m->wall_ns = 1700000000000000000;
    m->process = (int64_t)(weir_rng_next(&m->rng) >> 2); /* no two share one, or as good as none */
    m->thread = 1;
    weir_rng_fill(&m->rng, m->boot, sizeof m->boot);
}

void sim_machine_free(sim_machine *m) {
    sim_disk_free(m->disk);
    m->disk = NULL;
}

void sim_machine_arm(sim_machine *m, sim_call call, uint32_t countdown, uint32_t times, int error) {
    for (int i = 0; i < SIM_FAULTS; i++)
        if (m->faults[i].countdown == 0) {
            m->faults[i] = (sim_fault){call, countdown, times, error, NULL};
            return;
        }
}

void sim_machine_disarm(sim_machine *m) { memset(m->faults, 0, sizeof m->faults); }
