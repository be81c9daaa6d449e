/* progress.h - a line on stderr that shows progress, only on a terminal. */
#ifndef WEIR_PROGRESS_H
#define WEIR_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct weir_progress {
    const char *what; /* "bytes read" */
    bool on, shown;
    uint64_t started_at_ns, shown_at_ns;
} weir_progress;

weir_progress weir_progress_start(const char *what);
/* total 0: unknown. Writes at most ten times a second. It can be used as
 * weir_inventory_input.progress. */
void weir_progress_show(void *progress, uint64_t done, uint64_t total);
enum { WEIR_PROGRESS_TEXT = 96 };
/* ", 1.2 M a second, 0:01:30 left", or less where it is not known yet; returns text. */
const char *weir_progress_pace(uint64_t done, uint64_t total, uint64_t took_ns,
                               char text[WEIR_PROGRESS_TEXT]);
void weir_progress_end(weir_progress *progress); /* removes the line */

#endif
