/* os_posix_files.c - files and names on Linux. */
#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "os_posix.h"

enum {
    FILE_MODE = 0644, /* before the umask, as SQLite makes its files */
    DIRECTORY_MODE = 0755,
};

/* ---- files ---- */

/* A program that has closed its standard streams writes its next message to whatever file has
 * their numbers: none of ours may have one. Takes the descriptor over; on failure it is closed. */
static int keep_above_stdio(int file) {
    if (file < 0 || file > STDERR_FILENO) return file;
    int kept = fcntl(file, F_DUPFD_CLOEXEC, STDERR_FILENO + 1), saved = errno;
    (void)close(file); /* nothing was done with it yet */
    errno = saved;
    return kept;
}

int weir_posix_make_event(void *self) {
    (void)self;
    return weir_posix_result(keep_above_stdio(eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC)));
}

void weir_posix_raise_event(void *self, int event) {
    (void)self;
    static const uint64_t one = 1;
    ssize_t written;
    do
        written = write(event, &one, sizeof one);
    while (written < 0 && errno == EINTR); /* EAGAIN: nobody has read it, and it is readable */
}

/* What openat and its like want for a dirfd and a path of this table. */
static int at_of(int dirfd) { return dirfd == WEIR_OS_CWD ? AT_FDCWD : dirfd; }

static const char *name_of(int dirfd, const char *path) {
    const char *slash = dirfd == WEIR_OS_CWD ? NULL : strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* As SQLite does for its -wal: a file that root makes must not lock out the service. If the file
 * cannot get the group, it gives no rights to a group. This is advice: at worst less is allowed. */
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

void weir_posix_take_after(void *self, int dirfd, const weir_os_info *like) {
    (void)self;
    uint32_t search = (like->mode & 0444) >> 2;
    set_rights(dirfd, like->mode | search, like->user, like->group);
}

/* Negative with errno, like open. */
static int open_file(int dirfd, const char *path, int how) {
    /* Until it has the directory's rights no other user may open it. */
    mode_t mode = dirfd == WEIR_OS_CWD ? FILE_MODE : S_IRUSR | S_IWUSR;
    int file;
    do
        file = openat(at_of(dirfd), name_of(dirfd, path), how | O_CLOEXEC, mode);
    while (file < 0 && errno == EINTR);
    return keep_above_stdio(file);
}

int weir_posix_open(void *self, int dirfd, const char *path, int flags) {
    (void)self;
    int how = 0;
    if (flags & WEIR_OS_WRITE)
        /* A link in a directory of unknown origin must not lead our writes out of it. */
        how |= (flags & WEIR_OS_READ ? O_RDWR : O_WRONLY) | O_NOFOLLOW;
    else
        how |= O_RDONLY;
    if (flags & WEIR_OS_CREATE) how |= O_CREAT;
    if (flags & WEIR_OS_EXCLUSIVE) how |= O_EXCL;
    /* Opening a pipe would wait until its other end is opened. */
    int file = open_file(dirfd, path, how | O_NONBLOCK);
    if (file < 0) return errno == EISDIR || errno == ENXIO ? -WEIR_OS_NO_FILE : -errno;
    struct stat s;
    int result = fstat(file, &s) < 0 ? -errno : S_ISREG(s.st_mode) ? file : -WEIR_OS_NO_FILE;
    if (result < 0) (void)close(file); /* nothing was done with it */
    if (result >= 0 && flags & WEIR_OS_CREATE && dirfd != WEIR_OS_CWD && s.st_size == 0)
        take_rights_of(file, dirfd);
    return result;
}

int weir_posix_open_directory(void *self, int dirfd, const char *path) {
    (void)self;
    int how = O_RDONLY | O_DIRECTORY | (dirfd == WEIR_OS_CWD ? 0 : O_NOFOLLOW);
    return weir_posix_result(open_file(dirfd, path, how));
}

/* Linux releases the descriptor even when close answers EINTR, so it must not be closed again. */
int weir_posix_close(void *self, int file) {
    (void)self;
    return close(file) < 0 && errno != EINTR ? -errno : 0;
}

int64_t weir_posix_pread(void *self, int file, void *into, size_t bytes, uint64_t offset) {
    (void)self;
    if (!weir_posix_fits_offset(offset, bytes)) return -EOVERFLOW;
    ssize_t n;
    do
        n = pread(file, into, bytes, (off_t)offset);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

int64_t weir_posix_pwrite(void *self, int file, const void *from, size_t bytes, uint64_t offset) {
    (void)self;
    if (!weir_posix_fits_offset(offset, bytes)) return -EFBIG;
    ssize_t n;
    do
        n = pwrite(file, from, bytes, (off_t)offset);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

int weir_posix_write_back(void *self, int file, uint64_t offset, uint64_t bytes) {
    (void)self;
    return weir_posix_result(
        sync_file_range(file, (off_t)offset, (off_t)bytes, SYNC_FILE_RANGE_WRITE));
}

int weir_posix_datasync(void *self, int file) {
    (void)self;
    int result;
    do
        result = fdatasync(file);
    while (result < 0 && errno == EINTR);
    return weir_posix_result(result);
}

/* The system call itself: posix_fallocate would fall back to writing, which proves nothing about
 * the blocks of a file system that copies on write. */
int weir_posix_allocate(void *self, int file, uint64_t offset, uint64_t bytes) {
    (void)self;
    if (!weir_posix_fits_offset(offset, bytes)) return -EFBIG;
    int result;
    do
        result = fallocate(file, 0, (off_t)offset, (off_t)bytes);
    while (result < 0 && errno == EINTR);
    return weir_posix_result(result);
}

int weir_posix_truncate(void *self, int file, uint64_t bytes) {
    (void)self;
    if (!weir_posix_fits_offset(bytes, 0)) return -EFBIG;
    int result;
    do
        result = ftruncate(file, (off_t)bytes);
    while (result < 0 && errno == EINTR);
    return weir_posix_result(result);
}

/* Everything but the times: to ask for them makes the next write take a fresh time stamp, and
 * then each fdatasync has to write the inode too (multigrain timestamps, Linux 6.13). */
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

int weir_posix_info(void *self, int dirfd, const char *path, weir_os_info *out) {
    (void)self;
    return look_at_statx(at_of(dirfd), name_of(dirfd, path), 0, out);
}

/* Where a write goes to new blocks, allocating ahead reserves no space for it. XFS does so only
 * for extents that two files share, and ours are not shared. */
static bool copies_on_write(int file) {
    static const uint32_t kinds[] = {BTRFS_SUPER_MAGIC, 0xca451a4e /* bcachefs */,
                                     0x2fc12fc1 /* ZFS */};
    struct statfs s;
    if (fstatfs(file, &s) < 0) return false; /* it is not known to copy */
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if ((uint32_t)s.f_type == kinds[i]) return true;
    return false;
}

int weir_posix_info_file(void *self, int file, weir_os_info *out) {
    (void)self;
    int result = look_at_statx(file, "", AT_EMPTY_PATH, out);
    if (result >= 0) out->copies_on_write = copies_on_write(file);
    return result;
}

int weir_posix_read_only(void *self, const char *path) {
    struct statvfs s;
    (void)self;
    return statvfs(path, &s) == 0 && s.f_flag & ST_RDONLY;
}

int64_t weir_posix_mount(void *self, const char *path) {
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

int weir_posix_rename(void *self, int from_dirfd, const char *from, int to_dirfd, const char *to) {
    (void)self;
    return weir_posix_result(renameat(at_of(from_dirfd), name_of(from_dirfd, from), at_of(to_dirfd),
                                      name_of(to_dirfd, to)));
}

int weir_posix_unlink(void *self, int dirfd, const char *path) {
    (void)self;
    return weir_posix_result(unlinkat(at_of(dirfd), name_of(dirfd, path), 0));
}

int weir_posix_make_directory(void *self, int dirfd, const char *path) {
    (void)self;
    int made = weir_posix_result(mkdirat(at_of(dirfd), name_of(dirfd, path), DIRECTORY_MODE));
    struct stat s;
    if (made < 0 || dirfd == WEIR_OS_CWD || fstat(dirfd, &s) < 0) return made;
    int file = open_file(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (file < 0) return made; /* it stays as it was made */
    set_rights(file, s.st_mode & 0777, s.st_uid, s.st_gid);
    (void)close(file); /* opened for reading */
    return made;
}

/* Opened again even where it is open: to list it takes a position of its own, which no other
 * user of the descriptor may share. Negative with errno. */
static int open_retrying(int dirfd, const char *path) {
    return open_file(dirfd, dirfd == WEIR_OS_CWD ? path : ".", O_RDONLY | O_DIRECTORY);
}

int weir_posix_sync_directory(void *self, int dirfd, const char *path) {
    (void)self;
    int file = dirfd == WEIR_OS_CWD ? open_retrying(dirfd, path) : dirfd;
    if (file < 0) return -errno;
    int result;
    do
        result = fsync(file);
    while (result < 0 && errno == EINTR);
    result = weir_posix_result(result);
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

int weir_posix_list(void *self, int dirfd, const char *path,
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
