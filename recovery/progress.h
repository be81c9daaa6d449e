/* progress.h - a line on stderr that shows progress, only on a terminal. */
#ifndef WEIR_PROGRESS_H
#define WEIR_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct weir_progress {
    const char *what; /* "bytes read" */
    bool on, shown;
    uint64_t shown_at_ns;
} weir_progress;

weir_progress weir_progress_start(const char *what);
/* total 0: unknown. Writes at most ten times a second. It can be used as
 * weir_inventory_input.progress. */
void weir_progress_show(void *progress, uint64_t done, uint64_t total);
void weir_progress_end(weir_progress *progress); /* removes the line */

#endif
