/* kept.h - what a journal's directory takes of the disk, by kind of file. What weir never removes by
 * itself is among it: archived segments without a bound, and what salvage set aside. */
#ifndef WEIR_KEPT_H
#define WEIR_KEPT_H

#include "../lib/base/os.h"

typedef struct weir_kept_files {
    uint64_t count, bytes; /* as long as the files are; a file system may take less or more */
} weir_kept_files;

typedef struct weir_kept {
    weir_kept_files segments, spares;
    weir_kept_files ring, recorder; /* those that were being made with them */
    weir_kept_files archived, aside;
    weir_kept_files readers;
    weir_kept_files other; /* stats, losses, lock, and what is not of ours */
} weir_kept;

/* What cannot be read is not counted. */
weir_kept weir_kept_take(const weir_os *os, const char *directory);
uint64_t weir_kept_bytes(const weir_kept *kept); /* of all of them */

#endif
