/* borrowed.h - a descriptor that this process already has of a file, for advice to the kernel.
 *
 * To open SQLite's database once more, and to close that again, would drop SQLite's own locks
 * (fcntl(2), record locks). So the descriptor that is there is looked up, by device and inode, in
 * /proc/self/fd (proc(5)). It stays somebody else's: they may close it at any time, and its number
 * may then be another file's, so nothing is ever done with it that could change a file. */
#ifndef WEIR_BORROWED_H
#define WEIR_BORROWED_H

#include <stdint.h>

typedef struct weir_borrowed {
    uint64_t device, inode;
    int descriptor; /* negative: none is known */
} weir_borrowed;

/* There may be none, and that is no error. */
void weir_borrowed_find(weir_borrowed *out, const char *path);

/* The disk may begin with all that was written to the file; waits for nothing. */
void weir_borrowed_write_back(weir_borrowed *b);

#endif
