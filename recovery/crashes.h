/* crashes.h - the crashes that the table "log" of a database tells: see <weir/crash.h>. */
#ifndef WEIR_CRASHES_H
#define WEIR_CRASHES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../lib/base/elf_file.h"
#include "../lib/base/status.h"

/* A function that a frame is in. Both are from malloc, and NULL where they are not known. */
typedef struct weir_frame_source {
    char *function;
    char *place; /* file:line */
} weir_frame_source;

typedef struct weir_logged_mapping {
    uint64_t start, end, offset;
    weir_build_id build_id;
    char *path;
} weir_logged_mapping;

typedef struct weir_logged_frame {
    uint64_t address;                   /* the pc; of a return in all frames but the first */
    const weir_logged_mapping *mapping; /* NULL: of no file */
    uint64_t offset;                    /* in the file of the mapping */
    weir_frame_source *sources;         /* innermost first: all but the last are inlined */
    size_t source_count;
} weir_logged_frame;

typedef struct weir_logged_crash {
    int64_t time_ns, thread;
    char *head; /* signal, address, pc */
    weir_logged_frame *frames;
    size_t frame_count;
    weir_logged_mapping *mappings;
    size_t mapping_count;
} weir_logged_crash;

/* Call each for every crash, oldest first; the crash lasts as long as the call. *found: how many
 * there were. The database is not changed. Errors: WEIR_DATABASE, WEIR_SCHEMA (another table has
 * the name "log"), WEIR_NO_MEMORY, or the first answer of each that is not WEIR_OK. */
int weir_crashes_read(const char *database, int (*each)(void *context, weir_logged_crash *crash),
                      void *context, size_t *found, weir_error *error);

#endif
