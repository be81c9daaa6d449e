/* proc_fd.h - a descriptor that SQLite has of a file.
 *
 * To open the database a second time and close that descriptor would drop SQLite's own locks
 * (fcntl(2), record locks). So SQLite's descriptor is found, by device and inode. It is not ours:
 * it may be closed at any time, and its number may then belong to another file. So it is checked
 * before each use, and never used for anything that could change a file. */
#ifndef WEIR_PROC_FD_H
#define WEIR_PROC_FD_H

#include <stdbool.h>
#include <stdint.h>

#include "../../lib/base/os.h"

typedef struct weir_proc_fd {
    const weir_os *os;
    uint64_t device, inode;
    int descriptor; /* negative: none is known */
} weir_proc_fd;

/* It is no error when no descriptor is found. out->inode 0: there is no such file either. */
void weir_proc_fd_find(weir_proc_fd *out, const weir_os *os, const char *path);

/* Is it still a descriptor of that file? If not, another descriptor of the file is looked for. */
bool weir_proc_fd_is_there(weir_proc_fd *b);

/* Look for a descriptor once more, whether or not one was found before. */
bool weir_proc_fd_find_again(weir_proc_fd *b);

/* Advise the kernel to begin writing the file to the disk; does not wait. */
void weir_borrowed_write_back(weir_proc_fd *b);

#endif
