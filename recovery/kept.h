/* kept.h - files of a journal that weir never removes: archived segments, and what salvage set
 * aside. */
#ifndef WEIR_KEPT_H
#define WEIR_KEPT_H

#include "../lib/base/os.h"

typedef struct weir_kept_files {
    uint64_t count, bytes;
} weir_kept_files;

typedef struct weir_kept {
    weir_kept_files archived, aside;
} weir_kept;

/* What cannot be read is not counted. */
weir_kept weir_kept_take(const weir_os *os, const char *directory);

#endif
