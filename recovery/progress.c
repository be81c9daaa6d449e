/* progress.c - a line on stderr that shows progress. */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { INTERVAL_NS = 100000000, RATE_AFTER_NS = 1000000000 };

static uint64_t now_ns(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

weir_progress weir_progress_start(const char *what) {
    return (weir_progress){
        .what = what, .on = isatty(STDERR_FILENO) == 1, .started_at_ns = now_ns()};
}

const char *weir_progress_pace(uint64_t done, uint64_t total, uint64_t took_ns,
                               char text[WEIR_PROGRESS_TEXT]) {
    text[0] = 0;
    if (took_ns < RATE_AFTER_NS || done == 0) return text;
    double rate = (double)done * 1e9 / (double)took_ns;
    int used = snprintf(text, WEIR_PROGRESS_TEXT, ", %.3g a second", rate);
    if (rate >= 1000) {
        bool millions = rate >= 1e6;
        used = snprintf(text, WEIR_PROGRESS_TEXT, ", %.1f %s a second",
                        rate / (millions ? 1e6 : 1e3), millions ? "M" : "k");
    }
    if (used < 0 || total <= done) return text;
    uint64_t left = (uint64_t)((double)(total - done) / rate);
    (void)snprintf(text + used, WEIR_PROGRESS_TEXT - (size_t)used, /* it fits: 20 digits at most */
                   ", %" PRIu64 ":%02" PRIu64 ":%02" PRIu64 " left", left / 3600, left / 60 % 60,
                   left % 60);
    return text;
}

void weir_progress_show(void *progress, uint64_t done, uint64_t total) {
    weir_progress *p = progress;
    char pace[WEIR_PROGRESS_TEXT];
    if (!p->on) return;
    uint64_t now = now_ns();
    if (p->shown && now - p->shown_at_ns < INTERVAL_NS) return;
    p->shown = true;
    p->shown_at_ns = now;
    (void)weir_progress_pace(done, total, now - p->started_at_ns, pace); /* returns pace */
    if (total > 0)
        fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " %s (%.0f %%)%s\033[K", done, total, p->what,
                100.0 * (double)done / (double)total, pace);
    else
        fprintf(stderr, "\r%" PRIu64 " %s%s\033[K", done, p->what, pace);
}

void weir_progress_end(weir_progress *p) {
    if (p->shown) fputs("\r\033[K", stderr);
    p->shown = false;
}
