/* borrowed.h - a descriptor that SQLite has of a file.
 *
 * To open SQLite's database once more, and to close that again, would drop SQLite's own locks
 * (fcntl(2), record locks). So the descriptor that is there is looked up, by device and inode. It
 * stays somebody else's: they may close it at any time, and its number may then be another file's.
 * So it is looked at again before each use, and nothing is ever done with it that could change a
 * file. */
#ifndef WEIR_BORROWED_H
#define WEIR_BORROWED_H

#include <stdbool.h>
#include <stdint.h>

#include "../../lib/base/os.h"

typedef struct weir_borrowed {
    const weir_os *os;
    uint64_t device, inode;
    int descriptor; /* negative: none is known */
} weir_borrowed;

/* There may be none, and that is no error; inode 0: nor is there such a file. */
void weir_borrowed_find(weir_borrowed *out, const weir_os *os, const char *path);

/* Is it still that file's? Once it is closed, another one of the same file takes its place. */
bool weir_borrowed_is_there(weir_borrowed *b);

/* The same of one that was not found, or is to be looked for once more. */
bool weir_borrowed_find_again(weir_borrowed *b);

/* The disk may begin with all that was written to the file; waits for nothing. */
void weir_borrowed_write_back(weir_borrowed *b);

#endif
