/* memory_os.h - a disk that is a few arrays, so that a harness makes no system call.
 *
 * It has one directory, MEMORY_DIRECTORY, and what is put or written below it. Time stands still.
 * Random bytes are a hash of all that was loaded: the same input does the same, and none can know the
 * id that will be drawn, as no database knows the position of a journal that is not made yet. Mapping
 * a file copies it, which is enough for a ring that is only read. One thread. */
#ifndef WEIR_FUZZ_MEMORY_OS_H
#define WEIR_FUZZ_MEMORY_OS_H

#include "../lib/inventory.h"
#include "container.h"

#define MEMORY_DIRECTORY "/j"

enum { MEMORY_FILES = 48, MEMORY_NAME = 96, MEMORY_FILE_MAX = 8 << 20 };

typedef struct memory_file {
    char path[MEMORY_NAME]; /* empty: it has no name, or there is no such file */
    uint8_t *data;
    size_t bytes;
    bool used;
} memory_file;

typedef struct memory_os {
    weir_os table;
    memory_file files[MEMORY_FILES];
    uint32_t fail_in;   /* this many calls until one fails; 0: none does */
    bool fail_for_ever; /* and all that follow */
    int fail_with;      /* negative errno */
    uint64_t random;    /* what is drawn next comes from it */
} memory_os;

void memory_os_make(memory_os *m);
void memory_os_free(memory_os *m);

/* Let some call fail, or none: which, and how, is told by a number, that of the input for example. */
void memory_os_arm(memory_os *m, uint64_t number);
void memory_os_disarm(memory_os *m);

/* Every file of the container under its name, later ones in place of earlier ones; their bytes are the
 * disk's from now on. Positions go to *positions (malloc, the caller frees) and no file. */
void memory_os_load(memory_os *m, fuzz_container *c, weir_position **positions,
                    size_t *position_count);

#endif
