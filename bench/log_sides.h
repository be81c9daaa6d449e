/* log_sides.h - the ways of the bench log that go through weir, each in a process of its own. */
#ifndef WEIR_BENCH_LOG_SIDES_H
#define WEIR_BENCH_LOG_SIDES_H

#include "bench.h"
#include "bursts.h"

typedef enum log_way {
    BY_LOG,       /* weir_log_info() */
    BY_APPEND,    /* the arguments, a time and a thread that were there before, by weir_append() */
    BY_FORMATTED, /* the message formatted in the caller, the clock read there: a row of a log */
    LOG_WAYS
} log_way;

/* ns a message. False: failed. */
bool measure_messages(const bench_run *run, log_way way, const pace *p, double figures[PARTS]);

/* ns a message below the threshold, p50 of long bursts. */
bool measure_filtered(const bench_run *run, double *ns);

enum {
    PER_S,         /* messages: first message → all in SQLite, a thread waiting for it */
    JOURNAL_BYTES, /* of a message, nobody waiting */
    RING_BYTES,    /* of a message, as encoded in the ring */
    DRAIN_FIGURES
};

/* One thread logs so many messages as fast as it can, twice; BY_LOG or BY_FORMATTED. */
bool measure_drain(const bench_run *run, log_way way, size_t messages,
                   double figures[DRAIN_FIGURES]);

#endif
