/* os.h - everything that lib and writer ask of the operating system, as one table of functions.
 *
 * Production uses weir_os_posix(). Tests pass a table of their own and so are the disk, the clock
 * and the scheduler: they can lose, tear, refuse and stop at any call.
 *
 * Unless said otherwise a function returns 0 or more on success and a negative errno on failure,
 * never sets errno for its caller to read, retries EINTR itself, and may be called by any thread.
 * pread and pwrite may transfer less than asked; weir_read_full and weir_write_full below loop.
 *
 * Paths: path is always the text that a message shows. With a dirfd, which is an open directory,
 * only the last component of path counts, as a name in that directory: so neither chdir nor
 * chroot nor renaming the directory leads elsewhere. With WEIR_OS_CWD the whole path counts. */
#ifndef WEIR_OS_H
#define WEIR_OS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "id.h"

enum {
    WEIR_OS_READ = 1, /* open flags */
    WEIR_OS_WRITE = 2,
    WEIR_OS_CREATE = 4,
    WEIR_OS_EXCLUSIVE = 8,
};

/* Above every errno: the name is not that of a regular file. */
enum { WEIR_OS_NO_FILE = 4096 };

enum { WEIR_OS_CWD = 0 }; /* in place of a dirfd; no descriptor below 3 is ever kept */

typedef struct weir_os_info {
    uint64_t bytes;
    uint64_t device, inode;
    uint32_t links; /* names that the file has; 0: not known */
    uint32_t mode;  /* the bits of rights */
    uint32_t user, group;
    uint32_t block_bytes;      /* preferred I/O block of the file system */
    int is_directory, is_file; /* neither: a pipe, a socket, a device */
    /* A write may need new space though the old was allocated. Only info_file fills this. */
    int copies_on_write;
} weir_os_info;

typedef enum weir_os_life {
    WEIR_OS_UNKNOWN, /* the kernel, or a sandbox, does not tell: never taken for dead */
    WEIR_OS_ALIVE,
    WEIR_OS_DEAD,
} weir_os_life;

typedef struct weir_os weir_os;
struct weir_os {
    void *self; /* first argument of every function */

    /* Files. A file that is made in an open directory takes its rights, owner and group. The
     * descriptor is the table's own number. No file is opened for writing through a link, and
     * only regular files are opened at all (else -WEIR_OS_NO_FILE). Opening never waits for
     * another process. */
    int (*open)(void *self, int dirfd, const char *path, int flags);
    /* Give a directory the rights, owner (as root) and group of another file, as far as we may,
     * and so the files that are made in it; users who can read it can also search it. For
     * weir_handle_config.like only. */
    void (*take_after)(void *self, int dirfd, const weir_os_info *like);
    /* With a dirfd, not through a link. */
    int (*open_directory)(void *self, int dirfd, const char *path);
    int (*close)(void *self, int file);
    int64_t (*pread)(void *self, int file, void *into, size_t bytes, uint64_t offset);
    int64_t (*pwrite)(void *self, int file, const void *from, size_t bytes, uint64_t offset);
    int (*datasync)(void *self, int file); /* data and size are on the disk */
    /* Let the disk begin to write what was stored there (0 bytes: up to the end). Waits for
     * nothing and promises nothing. */
    int (*write_back)(void *self, int file, uint64_t offset, uint64_t bytes);
    /* Allocate blocks, without emulation, and grow the file; -EOPNOTSUPP where the file system
     * cannot. */
    int (*allocate)(void *self, int file, uint64_t offset, uint64_t bytes);
    int (*truncate)(void *self, int file, uint64_t bytes);
    int (*info)(void *self, int dirfd, const char *path, weir_os_info *out); /* follows links */
    int (*info_file)(void *self, int file, weir_os_info *out);
    /* The number of the mount that holds path; negative where the kernel does not tell. Follows
     * links. */
    int64_t (*mount)(void *self, const char *path);
    /* 1: the file system that holds path is mounted for reading only; 0: it is not, or that is not
     * known. */
    int (*read_only)(void *self, const char *path);

    /* Names. They are durable only after sync_directory. */
    int (*rename)(void *self, int from_dirfd, const char *from, int to_dirfd, const char *to);
    int (*unlink)(void *self, int dirfd, const char *path);
    int (*make_directory)(void *self, int dirfd, const char *path);
    /* These two work on the directory that dirfd is, or else on the one at path. */
    int (*sync_directory)(void *self, int dirfd, const char *path);
    /* Calls each(context, name) for every name but . and .., until a call answers other than 0,
     * and returns that answer. A name that is changed meanwhile may hide others. */
    int (*list)(void *self, int dirfd, const char *path,
                int (*each)(void *context, const char *name), void *context);

    /* A lock on a whole file that belongs to the open file description (fcntl F_OFD_SETLK):
     * closing another descriptor of the same file does not drop it, and it also excludes other
     * openings of the file in this process. It is held until the last descriptor that was copied
     * from this one is closed, in forked children too. This process's id is left in the file,
     * for messages. -EAGAIN when the file is locked; *holder is then the id that the holder left
     * there, or 0. -EINVAL where the kernel has no such locks. */
    int (*lock)(void *self, int file, int64_t *holder);
    int (*unlock)(void *self, int file);
    /* 1 when the file is locked, with *holder as above; else 0, or a negative errno. The file
     * may be open for reading only, and must not be locked by the caller. */
    int (*locked)(void *self, int file, int64_t *holder);

    /* Files of SQLite. find_file: a descriptor of that file, open for reading and writing, that
     * any part of this process opened; -ENOENT when none is found. share: take a read lock on a
     * range, both for the process and for the open file description, so that closing another
     * descriptor does not end it; -EAGAIN while the range is locked for writing. unshare: drop
     * the description's lock. has_locked: 1 when the process has a write lock on that byte. */
    int (*find_file)(void *self, uint64_t device, uint64_t inode);
    int (*share)(void *self, int file, uint64_t offset, uint64_t bytes);
    int (*unshare)(void *self, int file, uint64_t offset, uint64_t bytes);
    int (*has_locked)(void *self, int file, uint64_t offset);

    /* Memory. Reserve address space, then map pieces of a file into it (MAP_SHARED | MAP_FIXED).
     * A writable mapping is absent in a forked child until cover puts zeros of the child's own
     * at these addresses, whatever was there. cover is async-signal-safe. */
    void *(*reserve)(void *self, size_t bytes); /* NULL on failure */
    int (*map)(void *self, void *at, int file, uint64_t offset, size_t bytes, int writable);
    /* Fault in for writing the pages that these bytes are in; advice. */
    int (*populate)(void *self, void *at, size_t bytes);
    int (*unmap)(void *self, void *at, size_t bytes);
    int (*cover)(void *self, void *at, size_t bytes);
    _Atomic uint32_t *(*fork_word)(void *self); /* a word, 1 here, 0 in a forked child */
    void (*free_fork_word)(void *self, _Atomic uint32_t *word);

    /* Time, in nanoseconds. */
    uint64_t (*now)(void *self); /* monotonic */
    int64_t (*wall)(void *self); /* since 1970; async-signal-safe */
    /* A counter that all processors read alike and that runs at one rate, in a unit of its own; or
     * 0 each time where the machine has none. It may stand still or begin anew while the machine is
     * suspended. Async-signal-safe, leaves errno as it was, no system call after the first time. */
    uint64_t (*ticks)(void *self);

    /* Threads. wait and wake leave errno as it was. wait returns 0 when woken or when *word !=
     * expected, -ETIMEDOUT after timeout_ns (UINT64_MAX: never). barrier orders all running
     * threads of the process (membarrier private expedited); negative when the kernel lacks it. */
    int (*wait)(void *self, _Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns);
    void (*wake)(void *self, _Atomic uint32_t *word); /* all waiters; async-signal-safe */
    int (*barrier)(void *self);
    /* make_event: a descriptor to poll (eventfd), readable from the start until its 8 bytes are
     * read. raise_event makes it readable again. */
    int (*make_event)(void *self);
    void (*raise_event)(void *self, int event);
    /* These three are async-signal-safe. thread_id: the kernel's id, which is reused.
     * thread_number: from 1, below 2^56; no other thread of this process has it or ever had it.
     * thread_life: whether a thread of this process lives, by its id. */
    uint32_t (*thread_id)(void *self);
    uint64_t (*thread_number)(void *self);
    weir_os_life (*thread_life)(void *self, uint32_t thread);

    /* Write one line of at most 2,048 bytes to standard error, whole and without waiting, or not
     * at all. errno and pending signals stay as they are. Nothing is written to a regular file that
     * is also open for reading: that is data of the program whose descriptor happens to be 2.
     * NULL: there is no standard error. */
    void (*complain)(void *self, const char *line, size_t bytes);

    /* One datagram to a local socket, by its path or, after an @, its abstract name; without waiting.
     * NULL: there are no sockets. */
    int (*send)(void *self, const char *address, const char *text, size_t bytes);

    /* identity */
    int64_t (*process_id)(void *self);
    int64_t (*user_id)(void *self); /* whose rights count for files */
    int (*random)(void *self, void *into, size_t bytes);
    int (*boot_id)(void *self, weir_id id);                         /* of the running kernel */
    int (*working_directory)(void *self, char *path, size_t bytes); /* -ERANGE: too long */

    /* Segments that this table shows may be packed ones, and are read as what was packed
     * (lib/verify/unpack.h). Only where an archive is read: the journal's own files never are. */
    bool packed;
};

const weir_os *weir_os_posix(void);

/* Is this descriptor still one of that file? A program may close a descriptor of ours, and a
 * file that it then opens gets the number. False when the descriptor cannot be looked at. */
bool weir_os_has_file(const weir_os *os, int file, uint64_t device, uint64_t inode);

/* All bytes or an error; a read past the end is -ENODATA. */
int weir_read_full(const weir_os *os, int file, void *into, size_t bytes, uint64_t offset);
int weir_write_full(const weir_os *os, int file, const void *from, size_t bytes, uint64_t offset);

#endif
