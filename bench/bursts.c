/* bursts.c - what one call costs the thread that makes it. */
#include "bursts.h"

#include <stdio.h>
#include <stdlib.h>

#include "figures.h"

const char *const part_names[PARTS] = {"p50_ns", "p99_ns", "p999_ns", "worst_ns"};
const char *const part_words[PARTS] = {"p50", "p99", "p99.9", "worst"};

void time_bursts(const pace *p, one_burst *burst, void *context, double *each) {
    for (size_t i = 0; i < p->bursts; i++) {
        uint64_t start = now_ns();
        burst(context, i);
        uint64_t end = now_ns();
        each[i] = (double)(end - start) / p->calls;
        while (now_ns() - end < p->pause_ns) {
        }
    }
}

void note_parts(double *each, size_t count, double figures[PARTS]) {
    static const double parts[PARTS] = {0.5, 0.99, 0.999, 1};
    sort_figures(each, count);
    for (int i = 0; i < PARTS; i++)
        figures[i] = quantile(each, count, parts[i]);
}

static pace warming(const pace *p) { return (pace){p->bursts / 10, p->calls, p->pause_ns}; }

bool measure_bursts(const pace *p, one_burst *burst, void *context, double figures[PARTS]) {
    double *each = calloc(p->bursts, sizeof *each);
    if (!each) return false;
    pace warm = warming(p);
    time_bursts(&warm, burst, context, each);
    time_bursts(p, burst, context, each);
    note_parts(each, p->bursts, figures);
    free(each);
    return true;
}

size_t calls_of(const pace *p) { return (warming(p).bursts + p->bursts) * p->calls; }

double clock_cost(void) {
    enum { TRIES = 1001 };
    double each[TRIES];
    for (int i = 0; i < TRIES; i++) {
        uint64_t start = now_ns();
        each[i] = (double)(now_ns() - start);
    }
    sort_figures(each, TRIES);
    return quantile(each, TRIES, 0.5);
}

/* ---- for programs ---------------------------------------------------------------------------- */

bool read_pace(const char *bursts, const char *pause_ns, pace *p) {
    *p = (pace){strtoul(bursts, NULL, 10), BURST, strtoul(pause_ns, NULL, 10)};
    return p->bursts > 0;
}

void print_parts(const double figures[PARTS]) {
    for (int i = 0; i < PARTS; i++)
        printf("%.1f%c", figures[i], i + 1 < PARTS ? ' ' : '\n');
}
