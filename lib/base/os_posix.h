/* os_posix.h - the parts of Linux's table that have a file of their own. Private to this folder.
 *
 * What each function promises is said in os.h, where the table is. */
#ifndef WEIR_OS_POSIX_H
#define WEIR_OS_POSIX_H

#include <errno.h>

#include "os.h"

/* The C library's -1 and errno, as the table answers. */
static inline int weir_posix_result(int result) { return result < 0 ? -errno : result; }

/* An off_t can hold the end of this range. */
static inline bool weir_posix_fits_offset(uint64_t offset, uint64_t bytes) {
    return offset <= INT64_MAX && bytes <= INT64_MAX - offset;
}

/* ---- files and names: os_posix_files.c ---- */

void weir_posix_take_after(void *self, int dirfd, const weir_os_info *like);
int weir_posix_open(void *self, int dirfd, const char *path, int flags);
int weir_posix_open_directory(void *self, int dirfd, const char *path);
int weir_posix_close(void *self, int file);
int64_t weir_posix_pread(void *self, int file, void *into, size_t bytes, uint64_t offset);
int64_t weir_posix_pwrite(void *self, int file, const void *from, size_t bytes, uint64_t offset);
int weir_posix_write_back(void *self, int file, uint64_t offset, uint64_t bytes);
int weir_posix_datasync(void *self, int file);
int weir_posix_allocate(void *self, int file, uint64_t offset, uint64_t bytes);
int weir_posix_truncate(void *self, int file, uint64_t bytes);
int weir_posix_info(void *self, int dirfd, const char *path, weir_os_info *out);
int weir_posix_info_file(void *self, int file, weir_os_info *out);
int64_t weir_posix_mount(void *self, const char *path);
int weir_posix_read_only(void *self, const char *path);
int weir_posix_rename(void *self, int from_dirfd, const char *from, int to_dirfd, const char *to);
int weir_posix_unlink(void *self, int dirfd, const char *path);
int weir_posix_make_directory(void *self, int dirfd, const char *path);
int weir_posix_sync_directory(void *self, int dirfd, const char *path);
int weir_posix_list(void *self, int dirfd, const char *path,
                    int (*each)(void *context, const char *name), void *context);

int weir_posix_make_event(void *self);
void weir_posix_raise_event(void *self, int event);

/* ---- locks: os_posix_locks.c ---- */

int weir_posix_locked(void *self, int file, int64_t *holder);
int weir_posix_lock(void *self, int file, int64_t *holder);
int weir_posix_unlock(void *self, int file);
int weir_posix_find_file(void *self, uint64_t device, uint64_t inode);
int weir_posix_share(void *self, int file, uint64_t offset, uint64_t bytes);
int weir_posix_unshare(void *self, int file, uint64_t offset, uint64_t bytes);
int weir_posix_has_locked(void *self, int file, uint64_t offset);

/* ---- standard error: os_posix_complain.c ---- */

void weir_posix_complain(void *self, const char *line, size_t bytes);

/* ---- datagrams: os_posix_send.c ---- */

int weir_posix_send(void *self, const char *address, const char *text, size_t bytes);

/* ---- the time stamp counter: os_posix_ticks.c ---- */

/* Is the kernel's clock source of this name, a line of sysfs, based on the TSC of x86? */
bool weir_posix_trusts_tsc(const char *clocksource);

#endif
