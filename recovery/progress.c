/* progress.c - a line on stderr that shows progress. */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { INTERVAL_NS = 100000000 };

static uint64_t now_ns(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

weir_progress weir_progress_start(const char *what) {
    return (weir_progress){.what = what, .on = isatty(STDERR_FILENO) == 1};
}

void weir_progress_show(void *progress, uint64_t done, uint64_t total) {
    weir_progress *p = progress;
    if (!p->on) return;
    uint64_t now = now_ns();
    if (p->shown && now - p->shown_at_ns < INTERVAL_NS) return;
    p->shown = true;
    p->shown_at_ns = now;
    if (total > 0)
        fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " %s (%.0f %%)\033[K", done, total, p->what,
                100.0 * (double)done / (double)total);
    else
        fprintf(stderr, "\r%" PRIu64 " %s\033[K", done, p->what);
}

void weir_progress_end(weir_progress *p) {
    if (p->shown) fputs("\r\033[K", stderr);
    p->shown = false;
}
