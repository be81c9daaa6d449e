/* os_posix.c - the operating system table of production: Linux. */
#include "os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/magic.h>
#include <linux/membarrier.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14; an older kernel answers EINVAL, which is ignored */
#endif

enum {
    FILE_MODE = 0644, /* before the umask, as SQLite makes its files */
    DIRECTORY_MODE = 0755,
    HOLDER_BYTES = 16, /* of a lock's file that may be read */
};

/* The C library's -1 and errno, as this table answers. */
static int result_or_errno(int result) { return result < 0 ? -errno : result; }

static bool fits_offset(uint64_t offset, uint64_t bytes) {
    return offset <= INT64_MAX && bytes <= INT64_MAX - offset;
}

/* ---- files ---- */

/* A program that has closed its standard streams writes its next message to whatever has their
 * numbers: none of our files may. Takes the descriptor over; on failure it is closed. */
static int keep_above_stdio(int file) {
    if (file < 0 || file > STDERR_FILENO) return file;
    int kept = fcntl(file, F_DUPFD_CLOEXEC, STDERR_FILENO + 1), saved = errno;
    (void)close(file); /* nothing was done with it yet */
    errno = saved;
    return kept;
}

/* What openat and its like want for a dirfd and a path of this table. */
static int at_of(int dirfd) { return dirfd == WEIR_OS_CWD ? AT_FDCWD : dirfd; }

static const char *name_of(int dirfd, const char *path) {
    const char *slash = dirfd == WEIR_OS_CWD ? NULL : strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* As SQLite does for its -wal: what root makes must not be in the way of the service. Rights of a
 * group that the file cannot have are nobody's. Advice: at worst less is allowed. */
static void set_rights(int file, uint32_t mode, uid_t user, gid_t group) {
    struct stat now;
    int owned = fchown(file, geteuid() == 0 ? user : (uid_t)-1, group);
    if (fstat(file, &now) < 0) return;
    if (owned < 0 && now.st_gid != group) mode &= ~(mode_t)S_IRWXG;
    if ((now.st_mode & 0777) != mode) (void)fchmod(file, mode);
}

static void take_rights_of(int file, int dirfd) {
    struct stat s;
    if (fstat(dirfd, &s) == 0) set_rights(file, s.st_mode & 0666, s.st_uid, s.st_gid);
}

static void posix_take_after(void *self, int dirfd, const weir_os_info *like) {
    (void)self;
    uint32_t search = (like->mode & 0444) >> 2;
    set_rights(dirfd, like->mode | search, like->user, like->group);
}

/* Negative with errno, like open. */
static int open_file(int dirfd, const char *path, int how) {
    /* Until it has the directory's rights nobody else may open it. */
    mode_t mode = dirfd == WEIR_OS_CWD ? FILE_MODE : S_IRUSR | S_IWUSR;
    int file;
    do
        file = openat(at_of(dirfd), name_of(dirfd, path), how | O_CLOEXEC, mode);
    while (file < 0 && errno == EINTR);
    return keep_above_stdio(file);
}

static int posix_open(void *self, int dirfd, const char *path, int flags) {
    (void)self;
    int how = 0;
    if (flags & WEIR_OS_WRITE)
        /* A link in a directory that came from somewhere must not lead our writes out of it. */
        how |= (flags & WEIR_OS_READ ? O_RDWR : O_WRONLY) | O_NOFOLLOW;
    else
        how |= O_RDONLY;
    if (flags & WEIR_OS_CREATE) how |= O_CREAT;
    if (flags & WEIR_OS_EXCLUSIVE) how |= O_EXCL;
    /* A pipe would have us wait for whoever opens its other end. */
    int file = open_file(dirfd, path, how | O_NONBLOCK);
    if (file < 0) return errno == EISDIR || errno == ENXIO ? -WEIR_OS_NO_FILE : -errno;
    struct stat s;
    int result = fstat(file, &s) < 0 ? -errno : S_ISREG(s.st_mode) ? file : -WEIR_OS_NO_FILE;
    if (result < 0) (void)close(file); /* nothing was done with it */
    if (result >= 0 && flags & WEIR_OS_CREATE && dirfd != WEIR_OS_CWD && s.st_size == 0)
        take_rights_of(file, dirfd);
    return result;
}

static int posix_open_directory(void *self, int dirfd, const char *path) {
    (void)self;
    int how = O_RDONLY | O_DIRECTORY | (dirfd == WEIR_OS_CWD ? 0 : O_NOFOLLOW);
    return result_or_errno(open_file(dirfd, path, how));
}

/* Linux releases the descriptor even when close answers EINTR, so it must not be closed again. */
static int posix_close(void *self, int file) {
    (void)self;
    return close(file) < 0 && errno != EINTR ? -errno : 0;
}

static int64_t posix_pread(void *self, int file, void *into, size_t bytes, uint64_t offset) {
    (void)self;
    if (!fits_offset(offset, bytes)) return -EOVERFLOW;
    ssize_t n;
    do
        n = pread(file, into, bytes, (off_t)offset);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

static int64_t posix_pwrite(void *self, int file, const void *from, size_t bytes, uint64_t offset) {
    (void)self;
    if (!fits_offset(offset, bytes)) return -EFBIG;
    ssize_t n;
    do
        n = pwrite(file, from, bytes, (off_t)offset);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

static int posix_write_back(void *self, int file, uint64_t offset, uint64_t bytes) {
    (void)self;
    return result_or_errno(
        sync_file_range(file, (off_t)offset, (off_t)bytes, SYNC_FILE_RANGE_WRITE));
}

static int posix_datasync(void *self, int file) {
    (void)self;
    int result;
    do
        result = fdatasync(file);
    while (result < 0 && errno == EINTR);
    return result_or_errno(result);
}

/* The system call itself: posix_fallocate would fall back to writing, which proves nothing about
 * the blocks of a file system that copies on write. */
static int posix_allocate(void *self, int file, uint64_t offset, uint64_t bytes) {
    (void)self;
    if (!fits_offset(offset, bytes)) return -EFBIG;
    int result;
    do
        result = fallocate(file, 0, (off_t)offset, (off_t)bytes);
    while (result < 0 && errno == EINTR);
    return result_or_errno(result);
}

static int posix_truncate(void *self, int file, uint64_t bytes) {
    (void)self;
    if (!fits_offset(bytes, 0)) return -EFBIG;
    int result;
    do
        result = ftruncate(file, (off_t)bytes);
    while (result < 0 && errno == EINTR);
    return result_or_errno(result);
}

/* Everything but the times. Who asks for these makes the next write take a fresh time stamp, and then
 * each fdatasync has the inode to write too (multigrain timestamps, Linux 6.13). */
static int look_at_statx(int dirfd, const char *path, int flags, weir_os_info *out) {
    const unsigned wanted =
        STATX_TYPE | STATX_MODE | STATX_NLINK | STATX_UID | STATX_GID | STATX_INO | STATX_SIZE;
    struct statx s;
    if (statx(dirfd, path, flags, wanted, &s) < 0) return -errno;
    *out = (weir_os_info){.bytes = s.stx_size,
                          .device = makedev(s.stx_dev_major, s.stx_dev_minor),
                          .inode = s.stx_ino,
                          .block_bytes = s.stx_blksize,
                          .links = s.stx_nlink,
                          .mode = s.stx_mode & 0777,
                          .user = s.stx_uid,
                          .group = s.stx_gid,
                          .is_directory = S_ISDIR(s.stx_mode),
                          .is_file = S_ISREG(s.stx_mode)};
    return 0;
}

static int posix_info(void *self, int dirfd, const char *path, weir_os_info *out) {
    (void)self;
    return look_at_statx(at_of(dirfd), name_of(dirfd, path), 0, out);
}

/* Where a write goes to new blocks, allocating ahead keeps no place for it. XFS does so only for
 * extents that two files share, and nobody shares ours. */
static bool copies_on_write(int file) {
    static const uint32_t kinds[] = {BTRFS_SUPER_MAGIC, 0xca451a4e /* bcachefs */,
                                     0x2fc12fc1 /* ZFS */};
    struct statfs s;
    if (fstatfs(file, &s) < 0) return false; /* not known to */
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if ((uint32_t)s.f_type == kinds[i]) return true;
    return false;
}

static int posix_info_file(void *self, int file, weir_os_info *out) {
    (void)self;
    int result = look_at_statx(file, "", AT_EMPTY_PATH, out);
    if (result >= 0) out->copies_on_write = copies_on_write(file);
    return result;
}

static int64_t posix_mount(void *self, const char *path) {
    (void)self;
#ifdef STATX_MNT_ID /* Linux 5.8 */
    struct statx s;
    if (statx(AT_FDCWD, path, 0, STATX_MNT_ID, &s) < 0) return -errno;
    if (s.stx_mask & STATX_MNT_ID) return (int64_t)s.stx_mnt_id;
#else
    (void)path;
#endif
    return -EOPNOTSUPP;
}

/* ---- names ---- */

static int posix_rename(void *self, int from_dirfd, const char *from, int to_dirfd,
                        const char *to) {
    (void)self;
    return result_or_errno(renameat(at_of(from_dirfd), name_of(from_dirfd, from), at_of(to_dirfd),
                                    name_of(to_dirfd, to)));
}

static int posix_unlink(void *self, int dirfd, const char *path) {
    (void)self;
    return result_or_errno(unlinkat(at_of(dirfd), name_of(dirfd, path), 0));
}

static int posix_make_directory(void *self, int dirfd, const char *path) {
    (void)self;
    int made = result_or_errno(mkdirat(at_of(dirfd), name_of(dirfd, path), DIRECTORY_MODE));
    struct stat s;
    if (made < 0 || dirfd == WEIR_OS_CWD || fstat(dirfd, &s) < 0) return made;
    int file = open_file(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (file < 0) return made; /* it stays as it was made */
    set_rights(file, s.st_mode & 0777, s.st_uid, s.st_gid);
    (void)close(file); /* opened for reading */
    return made;
}

/* Opened anew even where it is open: to walk it takes a position of one's own, and nobody else's is
 * touched. Negative with errno. */
static int open_retrying(int dirfd, const char *path) {
    return open_file(dirfd, dirfd == WEIR_OS_CWD ? path : ".", O_RDONLY | O_DIRECTORY);
}

static int posix_sync_directory(void *self, int dirfd, const char *path) {
    (void)self;
    int file = dirfd == WEIR_OS_CWD ? open_retrying(dirfd, path) : dirfd;
    if (file < 0) return -errno;
    int result;
    do
        result = fsync(file);
    while (result < 0 && errno == EINTR);
    result = result_or_errno(result);
    if (file != dirfd) (void)close(file); /* opened for reading: nothing can be lost here */
    return result;
}

static int list_all(DIR *directory, int (*each)(void *context, const char *name), void *context) {
    for (int result = 0; result == 0;) {
        errno = 0; /* the only way to tell an error from the end */
        const struct dirent *entry = readdir(directory);
        if (!entry) return -errno;
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            result = each(context, entry->d_name);
        if (result != 0) return result;
    }
    return 0;
}

static int posix_list(void *self, int dirfd, const char *path,
                      int (*each)(void *context, const char *name), void *context) {
    (void)self;
    int file = open_retrying(dirfd, path);
    if (file < 0) return -errno;
    DIR *directory = fdopendir(file);
    if (!directory) {
        int result = -errno;
        (void)close(file); /* opened for reading: nothing can be lost here */
        return result;
    }
    int result = list_all(directory, each, context);
    (void)closedir(directory); /* as above */
    return result;
}

/* Digits up to a line feed; 0: none of our making. */
static int64_t read_holder(int file) {
    char text[HOLDER_BYTES];
    int64_t n = posix_pread(NULL, file, text, sizeof text, 0), id = 0;
    for (int64_t i = 0; i < n; i++) {
        if (text[i] == '\n') return id;
        if (text[i] < '0' || text[i] > '9' || id > INT32_MAX) return 0;
        id = id * 10 + (text[i] - '0');
    }
    return 0;
}

/* Where it cannot be written, on a full disk say, others are told less. */
static void write_holder(int file) {
    char text[HOLDER_BYTES];
    int length = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (ftruncate(file, 0) == 0) (void)posix_pwrite(NULL, file, text, (size_t)length, 0);
}

/* The kernel names the holder of a process's lock (F_SETLK, as older versions of this library take
 * it) in this process's namespace, and none of an open file's. */
static int posix_locked(void *self, int file, int64_t *holder) {
    (void)self;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    *holder = 0;
    if (fcntl(file, F_OFD_GETLK, &lock) < 0) return -errno;
    if (lock.l_type == F_UNLCK) return 0;
    *holder = lock.l_pid > 0 ? lock.l_pid : read_holder(file);
    return 1;
}

static int posix_lock(void *self, int file, int64_t *holder) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(file, F_OFD_SETLK, &lock) == 0) {
        write_holder(file);
        return 0;
    }
    if (errno != EAGAIN && errno != EACCES) return -errno;
    (void)posix_locked(self, file, holder); /* 0, should it be released before we ask */
    return -EAGAIN;
}

static int posix_unlock(void *self, int file) {
    (void)self;
    struct flock lock = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
    return result_or_errno(fcntl(file, F_OFD_SETLK, &lock));
}

/* ---- files of SQLite's ---- */

typedef struct search {
    uint64_t device, inode;
    int found;
} search;

static bool is_wanted_file(const search *wanted, int file) {
    struct stat s;
    if (fstat(file, &s) < 0 || s.st_dev != wanted->device || s.st_ino != wanted->inode)
        return false;
    int how = fcntl(file, F_GETFL);
    return how >= 0 && (how & O_ACCMODE) == O_RDWR;
}

/* Ends with the first that is found. */
static int try_descriptor(void *context, const char *name) {
    search *s = context;
    char *end;
    long number = strtol(name, &end, 10);
    if (!*end && number >= 0 && number <= INT_MAX && is_wanted_file(s, (int)number))
        s->found = (int)number;
    return s->found >= 0;
}

/* Where there is no /proc, descriptors are tried by number: most programs have few. */
static int posix_find_file(void *self, uint64_t device, uint64_t inode) {
    enum { TRIED = 1024 };
    search s = {device, inode, -ENOENT};
    int listed = posix_list(self, WEIR_OS_CWD, "/proc/self/fd", try_descriptor, &s);
    for (int file = 0; listed < 0 && file < TRIED && s.found < 0; file++)
        if (is_wanted_file(&s, file)) s.found = file;
    return s.found;
}

static int set_lock(int file, int how, short type, uint64_t offset, uint64_t bytes) {
    struct flock lock = {
        .l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)offset, .l_len = (off_t)bytes};
    if (!fits_offset(offset, bytes)) return -EOVERFLOW;
    if (fcntl(file, how, &lock) == 0) return 0;
    return errno == EACCES ? -EAGAIN : -errno;
}

static int posix_share(void *self, int file, uint64_t offset, uint64_t bytes) {
    (void)self;
    int result = set_lock(file, F_SETLK, F_RDLCK, offset, bytes);
    return result < 0 ? result : set_lock(file, F_OFD_SETLK, F_RDLCK, offset, bytes);
}

static int posix_unshare(void *self, int file, uint64_t offset, uint64_t bytes) {
    (void)self;
    return set_lock(file, F_OFD_SETLK, F_UNLCK, offset, bytes);
}

/* To an open file description the process is a stranger, whose locks it can ask for. */
static int posix_has_locked(void *self, int file, uint64_t offset) {
    (void)self;
    struct flock lock = {
        .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = (off_t)offset, .l_len = 1};
    if (!fits_offset(offset, 1)) return -EOVERFLOW;
    if (fcntl(file, F_OFD_GETLK, &lock) < 0) return -errno;
    return lock.l_type == F_WRLCK && lock.l_pid == getpid();
}

/* ---- memory ---- */

static void *posix_reserve(void *self, size_t bytes) {
    (void)self;
    void *at = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

static int posix_map(void *self, void *at, int file, uint64_t offset, size_t bytes, int writable) {
    (void)self;
    if (!fits_offset(offset, bytes)) return -EOVERFLOW;
    int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
    void *got = mmap(at, bytes, protection, MAP_SHARED | MAP_FIXED, file, (off_t)offset);
    if (got == MAP_FAILED) return -errno;
    if (!writable) return 0;
    /* What is mapped to be written is new: to read around each fault, as is usual for files, would
     * zero up to megabytes of it in one go. Advice. */
    (void)madvise(at, bytes, MADV_RANDOM);
    return result_or_errno(madvise(at, bytes, MADV_DONTFORK));
}

static int posix_populate(void *self, void *at, size_t bytes) {
    (void)self;
    int result;
    do
        result = madvise(at, bytes, MADV_POPULATE_WRITE);
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
    return result_or_errno(munmap(at, bytes));
}

static size_t page_bytes(void) { return (size_t)sysconf(_SC_PAGESIZE); }

static _Atomic uint32_t *posix_fork_word(void *self) {
    (void)self;
    void *at = mmap(NULL, page_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) return NULL;
    if (madvise(at, page_bytes(), MADV_WIPEONFORK) < 0) {
        (void)munmap(at, page_bytes()); /* ours, whole, and given up */
        return NULL;
    }
    _Atomic uint32_t *word = at;
    atomic_store_explicit(word, 1, memory_order_relaxed); /* published by whoever hands it out */
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
    /* Linux lets no signal interrupt this, but who stands between, a tracer or a sandbox, may say so;
     * and a thread that is not woken from a wait without an end stays there. */
    long woken;
    do
        woken = syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
    while (woken < 0 && errno == EINTR);
    errno = saved;
}

/* The kernel wants to be told once per process that barriers will come; asking is how we find out
 * that we have not, which a forked child need not know either. */
static int posix_barrier(void *self) {
    (void)self;
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0) return 0;
    if (errno != EPERM) return -errno;
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) < 0) return -errno;
    return result_or_errno((int)syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
}

static uint32_t posix_thread_id(void *self) {
    (void)self;
    return (uint32_t)syscall(SYS_gettid);
}

/* A handler may come between any two lines: then both get what it was given. */
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

/* Signal 0 is sent to nobody. It takes neither a descriptor nor /proc; sandboxes may still forbid it. */
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
static int posix_boot_id(void *self, uint8_t id[16]) {
    char text[64];
    int file = posix_open(self, WEIR_OS_CWD, "/proc/sys/kernel/random/boot_id", WEIR_OS_READ);
    if (file < 0) return file;
    ssize_t n;
    do
        n = read(file, text, sizeof text);
    while (n < 0 && errno == EINTR);
    int result = n < 0 ? -errno : 0;
    (void)close(file); /* opened for reading */
    if (result < 0) return result;
    size_t digits = 0;
    memset(id, 0, 16);
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

const weir_os *weir_os_posix(void) {
    static const weir_os table = {
        .open = posix_open,
        .take_after = posix_take_after,
        .open_directory = posix_open_directory,
        .close = posix_close,
        .pread = posix_pread,
        .pwrite = posix_pwrite,
        .datasync = posix_datasync,
        .write_back = posix_write_back,
        .allocate = posix_allocate,
        .truncate = posix_truncate,
        .info = posix_info,
        .info_file = posix_info_file,
        .mount = posix_mount,
        .rename = posix_rename,
        .unlink = posix_unlink,
        .make_directory = posix_make_directory,
        .sync_directory = posix_sync_directory,
        .list = posix_list,
        .lock = posix_lock,
        .unlock = posix_unlock,
        .locked = posix_locked,
        .find_file = posix_find_file,
        .share = posix_share,
        .unshare = posix_unshare,
        .has_locked = posix_has_locked,
        .reserve = posix_reserve,
        .map = posix_map,
        .populate = posix_populate,
        .unmap = posix_unmap,
        .cover = posix_cover,
        .fork_word = posix_fork_word,
        .free_fork_word = posix_free_fork_word,
        .now = posix_now,
        .wall = posix_wall,
        .wait = posix_wait,
        .wake = posix_wake,
        .barrier = posix_barrier,
        .thread_id = posix_thread_id,
        .thread_number = posix_thread_number,
        .thread_life = posix_thread_life,
        .process_id = posix_process_id,
        .user_id = posix_user_id,
        .random = posix_random,
        .boot_id = posix_boot_id,
        .working_directory = posix_working_directory,
    };
    return &table;
}
