/* stats_read.h - the figures that a process left, or is storing: a snapshot of its file, taken
 * without its help and without changing anything. */
#ifndef WEIR_STATS_READ_H
#define WEIR_STATS_READ_H

#include <string.h>

#include "stats_file.h"

typedef struct weir_stats_sink {
    char name[WEIR_STATS_NAME + 1];
    weir_sink_figures figures;
    uint64_t commits[WEIR_HISTOGRAM_BUCKETS];
} weir_stats_sink;

typedef struct weir_stats_snapshot {
    weir_stats_header header;
    weir_figures figures;
    uint64_t events[WEIR_STATS_EVENTS_MAX];
    uint64_t syncs[WEIR_HISTOGRAM_BUCKETS];
    weir_stats_sink sinks[WEIR_STATS_SINKS_MAX]; /* header.sinks of them */
} weir_stats_snapshot;

/* The figures in a journal's directory. WEIR_OK, WEIR_NOT_FOUND (there is no such file: no process
 * had the journal open with a version that writes one, or the file system has none), WEIR_VERSION,
 * WEIR_DAMAGED, WEIR_IO. They are of the process in the header, which need not live any more. */
int weir_stats_read(const weir_os *os, const char *directory, weir_stats_snapshot *out,
                    weir_error *error);

/* The same of bytes that were read. */
int weir_stats_decode(const uint8_t *bytes, size_t length, weir_stats_snapshot *out);

/* Was the process opened for an SQLite database? Its first sink comes first, and SQLite's has this name. */
static inline bool weir_stats_are_sqlites(const weir_stats_snapshot *s) {
    return s->header.sinks > 0 && strcmp(s->sinks[0].name, "sqlite") == 0;
}

/* How long rows have waited for the sink, at this moment of the wall clock; 0: none waits. A clock
 * that was set back gives 0. */
uint64_t weir_stats_lag_ns(const weir_sink_figures *sink, int64_t wall_ns);

/* Rows that are durable and that the sink has not applied. */
static inline uint64_t weir_stats_lag_rows(const weir_stats_snapshot *s,
                                           const weir_sink_figures *sink) {
    uint64_t last = s->figures.last_row, applied = sink->last_row_applied;
    return last > applied ? last - applied : 0;
}

#endif
