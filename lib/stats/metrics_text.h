/* metrics_text.h - figures as OpenMetrics text, version 1.0.0
 * (https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md): families of
 * metrics, each with its type, its unit where it has one, and a line of help. */
#ifndef WEIR_METRICS_TEXT_H
#define WEIR_METRICS_TEXT_H

#include "stats_read.h"

/* Takes a piece of the text; other than 0: nothing more is written. */
typedef int weir_metrics_write_fn(void *context, const char *text, size_t bytes);

typedef struct weir_metrics_text {
    weir_metrics_write_fn *write;
    void *context;
    /* Prometheus' older text format 0.0.4 instead, which node_exporter's textfile collector reads
     * (https://prometheus.io/docs/instrumenting/exposition_formats/): families of counters have the
     * names of their metrics, and there are no units. */
    bool prometheus;
    const char *journal; /* the value of the label "journal" on every metric */
    int stopped;         /* what write answered */
} weir_metrics_text;

typedef enum weir_metric_type {
    WEIR_METRIC_COUNTER,
    WEIR_METRIC_GAUGE,
    WEIR_METRIC_HISTOGRAM,
} weir_metric_type;

/* Begin a family. name: without the suffix _total of a counter, and ending in _unit where it has a
 * unit (NULL: none). */
void weir_metrics_family(weir_metrics_text *text, const char *name, weir_metric_type type,
                         const char *unit, const char *help);
/* A metric of the family, with one more label where label is not NULL. suffix: "" or "_total". */
void weir_metrics_uint(weir_metrics_text *text, const char *name, const char *suffix,
                       const char *label, const char *value, uint64_t number);
/* Nanoseconds, written as seconds. */
void weir_metrics_seconds(weir_metrics_text *text, const char *name, const char *label,
                          const char *value, uint64_t ns);

/* All that a snapshot has; not the line "# EOF" that ends an exposition. wall_ns: now. */
void weir_metrics_snapshot(weir_metrics_text *text, const weir_stats_snapshot *snapshot,
                           int64_t wall_ns);

#endif
