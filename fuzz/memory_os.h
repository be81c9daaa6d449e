/* memory_os.h - a disk that is a few arrays, so that a harness makes no system call.
 *
 * It has one directory, MEMORY_DIRECTORY, and what is put or written below it. Time stands still.
 * Random bytes are a hash of all that was loaded: the same input does the same, and none can know the
 * id that will be drawn, as no database knows the position of a journal that is not made yet. Mapping
 * a file copies it; what was written there stands in the file once it is unmapped, and of a file that
 * is mapped twice in a row the first counts: enough for rings to which nobody appends. One thread. */
#ifndef WEIR_FUZZ_MEMORY_OS_H
#define WEIR_FUZZ_MEMORY_OS_H

#include "../lib/verify/inventory.h"
#include "container.h"

#define MEMORY_DIRECTORY "/j"

enum { MEMORY_FILES = 48, MEMORY_NAME = 96, MEMORY_FILE_MAX = 8 << 20, MEMORY_MAPPINGS = 16 };

typedef struct memory_file {
    char path[MEMORY_NAME]; /* empty: it has no name, or there is no such file */
    uint8_t *data;
    size_t bytes;
    bool used;
} memory_file;

typedef struct memory_mapping { /* one that may be written to; bytes 0: none */
    uint8_t *at;
    size_t bytes;
    uint64_t offset;
    int file;
} memory_mapping;

typedef struct memory_os {
    weir_os table;
    memory_file files[MEMORY_FILES];
    memory_mapping mappings[MEMORY_MAPPINGS];
    char made[MEMORY_NAME]; /* the one directory that was made besides; empty: none */
    uint32_t fail_in;       /* this many calls until one fails; 0: none does */
    bool fail_for_ever;     /* and all that follow */
    int fail_with;          /* negative errno */
    uint64_t random;        /* what is drawn next comes from it */
    uint64_t waited_ns;     /* the clock stands still but for waits */
} memory_os;

void memory_os_make(memory_os *m);
void memory_os_free(memory_os *m);

/* Let some call fail, or none: which, and how, is told by a number, that of the input for example. */
void memory_os_arm(memory_os *m, uint64_t number);
void memory_os_disarm(memory_os *m);

/* NULL when nothing has that name. */
memory_file *memory_os_find(memory_os *m, const char *path);

/* Every file of the container under its name, later ones in place of earlier ones; their bytes are the
 * disk's from now on. Positions go to *positions (malloc, the caller frees) and no file. */
void memory_os_load(memory_os *m, fuzz_container *c, weir_position **positions,
                    size_t *position_count);

#endif
