/* faulty_os.h - the table of production, with one function that fails from its n-th call on; or all
 * of them, as if the process had died there. */
#ifndef WEIR_TEST_FAULTY_OS_H
#define WEIR_TEST_FAULTY_OS_H

#include <errno.h>
#include <stdbool.h>

#include "lib/base/os.h"

typedef enum faulty_call {
    FAULTY_OPEN,
    FAULTY_PWRITE,
    FAULTY_DATASYNC,
    FAULTY_ALLOCATE,
    FAULTY_RENAME,
    FAULTY_SYNC_DIRECTORY,
    FAULTY_TRUNCATE,
    FAULTY_UNLINK,
    FAULTY_CALLS,
} faulty_call;

typedef struct faulty_os {
    weir_os table;                /* self points here */
    long calls[FAULTY_CALLS];     /* made so far */
    long countdown[FAULTY_CALLS]; /* the call that makes it 0 fails; 0: none will */
    long times[FAULTY_CALLS];     /* how many fail in a row */
    int error[FAULTY_CALLS];      /* with this negative errno */
    long life;                    /* the call that makes it 0 is the first of a dead process */
    bool dead;                    /* every call fails and does nothing */
} faulty_os;

static faulty_os *faulty_of(void *self) { return self; }
static const weir_os *faulty_real(void) { return weir_os_posix(); }

static int faulty_now(faulty_os *f, faulty_call call) {
    f->calls[call]++;
    if (f->life && --f->life == 0) f->dead = true;
    if (f->dead) return -EIO;
    if (f->countdown[call] == 0) return 0;
    if (f->countdown[call] > 1) {
        f->countdown[call]--;
        return 0;
    }
    if (--f->times[call] == 0) f->countdown[call] = 0;
    return f->error[call];
}

/* The n-th call from now fails, and the times - 1 after it. */
static inline void faulty_arm(faulty_os *f, faulty_call call, long n, long times, int error) {
    f->countdown[call] = n;
    f->times[call] = times;
    f->error[call] = error;
}

/* The n-th call from now does nothing, and none after it. */
static inline void faulty_die(faulty_os *f, long n) { f->life = n; }

static int faulty_open_(void *self, int dirfd, const char *path, int flags) {
    int error = faulty_now(faulty_of(self), FAULTY_OPEN);
    return error ? error : faulty_real()->open(NULL, dirfd, path, flags);
}
static int64_t faulty_pwrite_(void *self, int file, const void *from, size_t bytes,
                              uint64_t offset) {
    int error = faulty_now(faulty_of(self), FAULTY_PWRITE);
    return error ? error : faulty_real()->pwrite(NULL, file, from, bytes, offset);
}
static int faulty_datasync_(void *self, int file) {
    (void)file; /* nothing here cuts the power, so nothing needs to reach the disk */
    return faulty_now(faulty_of(self), FAULTY_DATASYNC);
}
static int faulty_allocate_(void *self, int file, uint64_t offset, uint64_t bytes) {
    int error = faulty_now(faulty_of(self), FAULTY_ALLOCATE);
    return error ? error : faulty_real()->allocate(NULL, file, offset, bytes);
}
static int faulty_rename_(void *self, int from_dirfd, const char *from, int to_dirfd,
                          const char *to) {
    int error = faulty_now(faulty_of(self), FAULTY_RENAME);
    return error ? error : faulty_real()->rename(NULL, from_dirfd, from, to_dirfd, to);
}
static int faulty_sync_directory_(void *self, int dirfd, const char *path) {
    (void)dirfd, (void)path; /* as above */
    return faulty_now(faulty_of(self), FAULTY_SYNC_DIRECTORY);
}
static int faulty_truncate_(void *self, int file, uint64_t bytes) {
    int error = faulty_now(faulty_of(self), FAULTY_TRUNCATE);
    return error ? error : faulty_real()->truncate(NULL, file, bytes);
}
static int faulty_unlink_(void *self, int dirfd, const char *path) {
    int error = faulty_now(faulty_of(self), FAULTY_UNLINK);
    return error ? error : faulty_real()->unlink(NULL, dirfd, path);
}

static inline void faulty_make(faulty_os *f) {
    *f = (faulty_os){.table = *weir_os_posix()};
    f->table.self = f;
    f->table.open = faulty_open_;
    f->table.pwrite = faulty_pwrite_;
    f->table.datasync = faulty_datasync_;
    f->table.allocate = faulty_allocate_;
    f->table.rename = faulty_rename_;
    f->table.sync_directory = faulty_sync_directory_;
    f->table.truncate = faulty_truncate_;
    f->table.unlink = faulty_unlink_;
}

#endif
