/* mappings.h - the executable mappings of files in this process, as /proc/self/maps lists them. */
#ifndef WEIR_MAPPINGS_H
#define WEIR_MAPPINGS_H

#include "elf_file.h"
#include "os.h"

enum {
    WEIR_MAPPINGS_MAX = 256,
    WEIR_MAPPINGS_NAMES = 32 << 10,
    WEIR_MAPPINGS_BUFFER = 8 << 10, /* longer than the longest line */
};

typedef struct weir_mapping {
    uint64_t start, end; /* addresses */
    uint64_t offset;     /* of start, in the file */
    const char *path;    /* in names; as the kernel prints it, " (deleted)" included */
    weir_build_id build_id;
} weir_mapping;

/* Large: never on a stack. */
typedef struct weir_mappings {
    size_t count, left_out; /* left_out: there was no room for these */
    weir_mapping list[WEIR_MAPPINGS_MAX];
    size_t names_used;
    char names[WEIR_MAPPINGS_NAMES];
    /* What reading needs. The first bytes of a file are in a mapping that comes before that of its
     * code, or in the same. */
    char buffer[WEIR_MAPPINGS_BUFFER];
    uint8_t head[WEIR_ELF_HEAD];
    uint64_t head_at, head_device, head_inode; /* the last mapping of a file's first bytes */
} weir_mappings;

/* Returns 0 or a negative errno, with what was read until then. Async-signal-safe, with a weir_os
 * that is. */
int weir_mappings_read(const weir_os *os, weir_mappings *out);

/* The mapping that holds the address, or NULL. Async-signal-safe. */
const weir_mapping *weir_mappings_find(const weir_mappings *mappings, uint64_t address);

#endif
