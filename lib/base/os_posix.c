/* os_posix.c - the operating system table of production: Linux. */
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "os_posix.h"
#include "ticks.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14; an older kernel answers EINVAL, which is ignored */
#endif

/* ---- memory ---- */

static void *posix_reserve(void *self, size_t bytes) {
    (void)self;
    void *at = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

static int posix_map(void *self, void *at, int file, uint64_t offset, size_t bytes, int writable) {
    (void)self;
    if (!weir_posix_fits_offset(offset, bytes)) return -EOVERFLOW;
    int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
    void *got = mmap(at, bytes, protection, MAP_SHARED | MAP_FIXED, file, (off_t)offset);
    if (got == MAP_FAILED) return -errno;
    if (!writable) return 0;
    /* A writable mapping is of a new file: to read around each fault, as is usual for files,
     * would zero up to megabytes of it in one go. This is advice. */
    (void)madvise(at, bytes, MADV_RANDOM);
    return weir_posix_result(madvise(at, bytes, MADV_DONTFORK));
}

static size_t page_bytes(void) { return (size_t)sysconf(_SC_PAGESIZE); }

static int posix_populate(void *self, void *at, size_t bytes) {
    (void)self;
    size_t before = (uintptr_t)at % page_bytes(); /* of the first page */
    int result;
    do
        result = madvise((uint8_t *)at - before, before + bytes, MADV_POPULATE_WRITE);
    while (result < 0 && errno == EINTR);
    return result < 0 && errno != EINVAL ? -errno : 0;
}

static int posix_cover(void *self, void *at, size_t bytes) {
    (void)self;
    int saved = errno;
    void *got = mmap(at, bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    int result = got == MAP_FAILED ? -errno : 0;
    errno = saved;
    return result;
}

static int posix_unmap(void *self, void *at, size_t bytes) {
    (void)self;
    return weir_posix_result(munmap(at, bytes));
}

static _Atomic uint32_t *posix_fork_word(void *self) {
    (void)self;
    void *at = mmap(NULL, page_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) return NULL;
    if (madvise(at, page_bytes(), MADV_WIPEONFORK) < 0) {
        (void)munmap(at, page_bytes()); /* ours, whole, and given up */
        return NULL;
    }
    _Atomic uint32_t *word = at;
    atomic_store_explicit(word, 1, memory_order_relaxed); /* its user publishes it */
    return word;
}

static void posix_free_fork_word(void *self, _Atomic uint32_t *word) {
    (void)self;
    if (word) (void)munmap((void *)word, page_bytes()); /* ours, whole: it cannot fail */
}

/* ---- time ---- */

static uint64_t posix_now(void *self) {
    (void)self;
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* fails only for a clock that does not exist */
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int64_t posix_wall(void *self) {
    (void)self;
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t); /* as above */
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- threads ---- */

static int posix_wait(void *self, _Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns) {
    (void)self;
    struct timespec t = {.tv_sec = (time_t)(timeout_ns / 1000000000u),
                         .tv_nsec = (long)(timeout_ns % 1000000000u)};
    int saved = errno; /* as in posix_wake */
    long result = syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected,
                          timeout_ns == UINT64_MAX ? NULL : &t, NULL, 0);
    int failure = result == 0 || errno == EAGAIN || errno == EINTR ? 0 : -errno;
    errno = saved;
    return failure; /* callers look again anyway */
}

/* Saves errno: a signal handler that appends may wake, and what it interrupted may be reading
 * it. */
static void posix_wake(void *self, _Atomic uint32_t *word) {
    (void)self;
    int saved = errno;
    /* Linux lets no signal interrupt this, but a tracer or a sandbox in between may answer
     * EINTR; and a thread that is not woken from an endless wait stays there. */
    long woken;
    do
        woken = syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
    while (woken < 0 && errno == EINTR);
    errno = saved;
}

/* A process has to register once before it may use the barrier. The call itself says (EPERM)
 * when it has not, as in a forked child. */
static int posix_barrier(void *self) {
    (void)self;
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0) return 0;
    if (errno != EPERM) return -errno;
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) < 0) return -errno;
    return weir_posix_result((int)syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
}

static uint32_t posix_thread_id(void *self) {
    (void)self;
    return (uint32_t)syscall(SYS_gettid);
}

/* A handler may come between any two lines: then it and the interrupted code get the same
 * number. */
static uint64_t posix_thread_number(void *self) {
    (void)self;
    static _Thread_local _Atomic uint64_t number __attribute__((tls_model("initial-exec")));
    static _Atomic uint64_t last;
    uint64_t known = atomic_load_explicit(&number, memory_order_relaxed);
    if (known) return known;
    uint64_t fresh = atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1;
    bool ours = atomic_compare_exchange_strong_explicit(&number, &known, fresh,
                                                        memory_order_relaxed, memory_order_relaxed);
    return ours ? fresh : known;
}

/* Signal 0 only checks that the thread exists. It takes neither a descriptor nor /proc;
 * sandboxes may still forbid it. */
static weir_os_life posix_thread_life(void *self, uint32_t thread) {
    (void)self;
    int saved = errno;
    long sent = syscall(SYS_tgkill, getpid(), thread, 0);
    weir_os_life life = sent == 0 ? WEIR_OS_ALIVE : errno == ESRCH ? WEIR_OS_DEAD : WEIR_OS_UNKNOWN;
    errno = saved;
    return life;
}

/* ---- identity ---- */

static int64_t posix_process_id(void *self) {
    (void)self;
    return getpid();
}

static int posix_random(void *self, void *into, size_t bytes) {
    (void)self;
    uint8_t *at = into;
    while (bytes) {
        ssize_t n = getrandom(at, bytes, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -errno;
        at += n;
        bytes -= (size_t)n;
    }
    return 0;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

/* The kernel prints its boot id as a UUID: 32 hex digits with hyphens among them. */
static int posix_boot_id(void *self, weir_id id) {
    char text[64];
    int file = weir_posix_open(self, WEIR_OS_CWD, "/proc/sys/kernel/random/boot_id", WEIR_OS_READ);
    if (file < 0) return file;
    ssize_t n;
    do
        n = read(file, text, sizeof text);
    while (n < 0 && errno == EINTR);
    int result = n < 0 ? -errno : 0;
    (void)close(file); /* opened for reading */
    if (result < 0) return result;
    size_t digits = 0;
    memset(id, 0, sizeof(weir_id));
    for (ssize_t i = 0; i < n && digits < 32; i++) {
        int value = hex_digit(text[i]);
        if (value < 0) continue;
        id[digits / 2] = (uint8_t)(id[digits / 2] << 4 | value);
        digits++;
    }
    return digits == 32 ? 0 : -EIO;
}

static int64_t posix_user_id(void *self) {
    (void)self;
    return (int64_t)geteuid();
}

static int posix_working_directory(void *self, char *path, size_t bytes) {
    (void)self;
    return getcwd(path, bytes) ? 0 : -errno;
}

/* ---- the table ---- */

const weir_os *weir_os_posix(void) {
    static const weir_os table = {
        .open = weir_posix_open,
        .take_after = weir_posix_take_after,
        .open_directory = weir_posix_open_directory,
        .close = weir_posix_close,
        .pread = weir_posix_pread,
        .pwrite = weir_posix_pwrite,
        .datasync = weir_posix_datasync,
        .write_back = weir_posix_write_back,
        .allocate = weir_posix_allocate,
        .truncate = weir_posix_truncate,
        .info = weir_posix_info,
        .info_file = weir_posix_info_file,
        .mount = weir_posix_mount,
        .read_only = weir_posix_read_only,
        .rename = weir_posix_rename,
        .unlink = weir_posix_unlink,
        .make_directory = weir_posix_make_directory,
        .sync_directory = weir_posix_sync_directory,
        .list = weir_posix_list,
        .lock = weir_posix_lock,
        .unlock = weir_posix_unlock,
        .locked = weir_posix_locked,
        .find_file = weir_posix_find_file,
        .share = weir_posix_share,
        .unshare = weir_posix_unshare,
        .has_locked = weir_posix_has_locked,
        .reserve = posix_reserve,
        .map = posix_map,
        .populate = posix_populate,
        .unmap = posix_unmap,
        .cover = posix_cover,
        .fork_word = posix_fork_word,
        .free_fork_word = posix_free_fork_word,
        .now = posix_now,
        .wall = posix_wall,
        .ticks = weir_posix_ticks,
        .wait = posix_wait,
        .wake = posix_wake,
        .barrier = posix_barrier,
        .make_event = weir_posix_make_event,
        .raise_event = weir_posix_raise_event,
        .thread_id = posix_thread_id,
        .thread_number = posix_thread_number,
        .thread_life = posix_thread_life,
        .complain = weir_posix_complain,
        .send = weir_posix_send,
        .process_id = posix_process_id,
        .user_id = posix_user_id,
        .random = posix_random,
        .boot_id = posix_boot_id,
        .working_directory = posix_working_directory,
    };
    return &table;
}
