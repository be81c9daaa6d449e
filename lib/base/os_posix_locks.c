/* os_posix_locks.c - locks on files on Linux: our own, and those that SQLite takes on its files. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os_posix.h"

enum { HOLDER_BYTES = 16 }; /* of a lock's file that may be read */

/* ---- a lock of our own ---- */

/* Digits up to a line feed; 0: not written by this library. */
static int64_t read_holder(int file) {
    char text[HOLDER_BYTES];
    int64_t n = weir_posix_pread(NULL, file, text, sizeof text, 0), id = 0;
    for (int64_t i = 0; i < n; i++) {
        if (text[i] == '\n') return id;
        if (text[i] < '0' || text[i] > '9' || id > INT32_MAX) return 0;
        id = id * 10 + (text[i] - '0');
    }
    return 0;
}

/* Where it cannot be written, on a full disk for example, messages elsewhere say less. */
static void write_holder(int file) {
    char text[HOLDER_BYTES];
    int length = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (ftruncate(file, 0) == 0) (void)weir_posix_pwrite(NULL, file, text, (size_t)length, 0);
}

/* The kernel names the holder of a lock that a process has (F_SETLK, as older versions of this
 * library take it), in this process's namespace, but not that of a lock of an open file
 * description. */
int weir_posix_locked(void *self, int file, int64_t *holder) {
    (void)self;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    *holder = 0;
    if (fcntl(file, F_OFD_GETLK, &lock) < 0) return -errno;
    if (lock.l_type == F_UNLCK) return 0;
    *holder = lock.l_pid > 0 ? lock.l_pid : read_holder(file);
    return 1;
}

int weir_posix_lock(void *self, int file, int64_t *holder) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(file, F_OFD_SETLK, &lock) == 0) {
        write_holder(file);
        return 0;
    }
    if (errno != EAGAIN && errno != EACCES) return -errno;
    (void)weir_posix_locked(self, file, holder); /* 0, should it be released before we ask */
    return -EAGAIN;
}

int weir_posix_unlock(void *self, int file) {
    (void)self;
    struct flock lock = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
    return weir_posix_result(fcntl(file, F_OFD_SETLK, &lock));
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
int weir_posix_find_file(void *self, uint64_t device, uint64_t inode) {
    enum { TRIED = 1024 };
    search s = {device, inode, -ENOENT};
    int listed = weir_posix_list(self, WEIR_OS_CWD, "/proc/self/fd", try_descriptor, &s);
    for (int file = 0; listed < 0 && file < TRIED && s.found < 0; file++)
        if (is_wanted_file(&s, file)) s.found = file;
    return s.found;
}

static int set_lock(int file, int how, short type, uint64_t offset, uint64_t bytes) {
    struct flock lock = {
        .l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)offset, .l_len = (off_t)bytes};
    if (!weir_posix_fits_offset(offset, bytes)) return -EOVERFLOW;
    if (fcntl(file, how, &lock) == 0) return 0;
    return errno == EACCES ? -EAGAIN : -errno;
}

int weir_posix_share(void *self, int file, uint64_t offset, uint64_t bytes) {
    (void)self;
    int result = set_lock(file, F_SETLK, F_RDLCK, offset, bytes);
    return result < 0 ? result : set_lock(file, F_OFD_SETLK, F_RDLCK, offset, bytes);
}

int weir_posix_unshare(void *self, int file, uint64_t offset, uint64_t bytes) {
    (void)self;
    return set_lock(file, F_OFD_SETLK, F_UNLCK, offset, bytes);
}

/* Locks of the process conflict with those of an open file description, so one can ask for them
 * through the latter. */
int weir_posix_has_locked(void *self, int file, uint64_t offset) {
    (void)self;
    struct flock lock = {
        .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = (off_t)offset, .l_len = 1};
    if (!weir_posix_fits_offset(offset, 1)) return -EOVERFLOW;
    if (fcntl(file, F_OFD_GETLK, &lock) < 0) return -errno;
    return lock.l_type == F_WRLCK && lock.l_pid == getpid();
}
