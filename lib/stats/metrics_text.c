/* metrics_text.c - figures as OpenMetrics text. */
#include "metrics_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "event_names.h"

/* Buckets of a histogram are told at each power of two in between: 16 µs … 69 s. */
enum { LEAST_POWER = 14, MOST_POWER = 36, LINE = 512, NS_DIGITS = 9 };

static void put(weir_metrics_text *t, const char *text, size_t bytes) {
    if (!t->stopped && bytes) t->stopped = t->write(t->context, text, bytes);
}

static void put_text(weir_metrics_text *t, const char *text) { put(t, text, strlen(text)); }

/* In a label, and in help, backslash, newline and quote are escaped. */
static void put_escaped(weir_metrics_text *t, const char *text) {
    for (const char *at = text; *at; at++) {
        if (*at == '\\')
            put_text(t, "\\\\");
        else if (*at == '\n')
            put_text(t, "\\n");
        else if (*at == '"')
            put_text(t, "\\\"");
        else
            put(t, at, 1);
    }
}

void weir_metrics_family(weir_metrics_text *t, const char *name, weir_metric_type type,
                         const char *unit, const char *help) {
    static const char *const types[] = {"counter", "gauge", "histogram"};
    const char *suffix = t->prometheus && type == WEIR_METRIC_COUNTER ? "_total" : "";
    char line[LINE]; /* names and help are ours: they fit */
    (void)snprintf(line, sizeof line, "# TYPE %s%s %s\n", name, suffix, types[type]);
    put_text(t, line);
    if (unit && !t->prometheus) {
        (void)snprintf(line, sizeof line, "# UNIT %s %s\n", name, unit);
        put_text(t, line);
    }
    (void)snprintf(line, sizeof line, "# HELP %s%s ", name, suffix);
    put_text(t, line);
    put_escaped(t, help);
    put_text(t, "\n");
}

static void begin_metric(weir_metrics_text *t, const char *name, const char *suffix,
                         const char *label, const char *value) {
    put_text(t, name);
    put_text(t, suffix);
    put_text(t, "{journal=\"");
    put_escaped(t, t->journal);
    if (label) {
        put_text(t, "\",");
        put_text(t, label);
        put_text(t, "=\"");
        put_escaped(t, value);
    }
}

static void end_uint(weir_metrics_text *t, uint64_t number) {
    char text[32];
    put_text(t, "\"} ");
    (void)snprintf(text, sizeof text, "%" PRIu64 "\n", number); /* it fits */
    put_text(t, text);
}

static void end_seconds(weir_metrics_text *t, uint64_t ns) {
    char text[48];
    put_text(t, "\"} ");
    (void)snprintf(text, sizeof text, "%" PRIu64 ".%0*" PRIu64 "\n", ns / 1000000000, NS_DIGITS,
                   ns % 1000000000); /* it fits */
    put_text(t, text);
}

void weir_metrics_uint(weir_metrics_text *t, const char *name, const char *suffix,
                       const char *label, const char *value, uint64_t number) {
    begin_metric(t, name, suffix, label, value);
    end_uint(t, number);
}

void weir_metrics_seconds(weir_metrics_text *t, const char *name, const char *label,
                          const char *value, uint64_t ns) {
    begin_metric(t, name, "", label, value);
    end_seconds(t, ns);
}

/* ---- histograms ----------------------------------------------------------------------------- */

static void put_bucket(weir_metrics_text *t, const char *name, const char *label, const char *value,
                       const char *end, uint64_t below) {
    begin_metric(t, name, "_bucket", label, value);
    put_text(t, "\",le=\"");
    put_text(t, end);
    end_uint(t, below);
}

static void put_histogram(weir_metrics_text *t, const char *name, const char *label,
                          const char *value, const uint64_t counts[WEIR_HISTOGRAM_BUCKETS],
                          uint64_t sum_ns) {
    uint64_t below = 0;
    unsigned next = 0;
    for (unsigned power = LEAST_POWER; power <= MOST_POWER; power++) {
        char end[32];
        uint64_t ns = UINT64_C(1) << power;
        for (; next < WEIR_HISTOGRAM_BUCKETS && weir_histogram_end(next) <= ns; next++)
            below += counts[next];
        (void)snprintf(end, sizeof end, "%.9f", (double)ns / 1e9); /* it fits */
        put_bucket(t, name, label, value, end, below);
    }
    for (; next < WEIR_HISTOGRAM_BUCKETS; next++)
        below += counts[next];
    put_bucket(t, name, label, value, "+Inf", below);
    begin_metric(t, name, "_count", label, value);
    end_uint(t, below);
    begin_metric(t, name, "_sum", label, value);
    end_seconds(t, sum_ns);
}

/* ---- the figures ---------------------------------------------------------------------------- */

typedef struct family {
    const char *name, *unit, *help;
    weir_metric_type type;
    enum { NUMBER, MOMENT } kind; /* a moment is of the wall clock; 0: never */
    size_t field;
} family;

#define COUNT(name, field, help)                                                                   \
    { name, NULL, help, WEIR_METRIC_COUNTER, NUMBER, field }
#define BYTES(name, field, help)                                                                   \
    { name, "bytes", help, WEIR_METRIC_COUNTER, NUMBER, field }
#define GAUGE(name, unit, field, help)                                                             \
    { name, unit, help, WEIR_METRIC_GAUGE, NUMBER, field }
#define TIME(name, field, help)                                                                    \
    { name, "seconds", help, WEIR_METRIC_GAUGE, MOMENT, field }
#define OF(field) offsetof(weir_figures, field)
#define OF_SINK(field) offsetof(weir_sink_figures, field)

/* clang-format off: a line is a row of a table */
static const family of_journal[] = {
    COUNT("weir_rows_published", OF(rows_published), "Rows whose append has returned."),
    BYTES("weir_published_bytes", OF(bytes_published),
          "The same in bytes, as encoded in the ring."),
    COUNT("weir_rows_refused", OF(rows_refused), "Rows of appends that answered WEIR_FULL."),
    COUNT("weir_rows_durable", OF(rows_durable), "Rows that became durable in the journal."),
    BYTES("weir_durable_bytes", OF(bytes_durable), "Bytes of blocks written to the journal."),
    COUNT("weir_rows_recovered", OF(rows_recovered), "Rows of a former process, found at opening."),
    COUNT("weir_log_dropped", OF(log_dropped),
          "Messages of the logger for which there was no room."),
    COUNT("weir_log_failed", OF(log_failed), "Messages of the logger that failed otherwise."),
    GAUGE("weir_last_row", NULL, OF(last_row),
          "Number of the last durable row, since the journal began."),
    TIME("weir_last_durable_time_seconds", OF(durable_at),
         "When rows became durable last, since 1970."),
    GAUGE("weir_journal_bytes", "bytes", OF(journal_bytes), "Segments on disk, without spares."),
    GAUGE("weir_lanes", NULL, OF(lanes), "Lanes of the ring that threads have."),
};
static const family of_sink[] = {
    COUNT("weir_rows_applied", OF_SINK(rows_applied), "Rows committed in the database."),
    COUNT("weir_rows_rejected", OF_SINK(rows_rejected),
          "Rows that the database refused: the reject table has them."),
    COUNT("weir_rows_ignored", OF_SINK(rows_ignored), "Rows that their table ignored."),
    COUNT("weir_rows_deleted", OF_SINK(rows_deleted), "Rows deleted by weir_keep()."),
    COUNT("weir_keeps_suspended", OF_SINK(keeps_suspended),
          "How often an error ended weir_keep() for a table."),
    GAUGE("weir_last_row_applied", NULL, OF_SINK(last_row_applied),
          "Number of the last row applied."),
    TIME("weir_last_applied_time_seconds", OF_SINK(applied_at),
         "When rows were applied last, since 1970."),
    GAUGE("weir_wal_bytes", "bytes", OF_SINK(wal_bytes),
          "Size of SQLite's -wal file after the last commit."),
};
/* clang-format on */

static void begin_family(weir_metrics_text *t, const family *f) {
    weir_metrics_family(t, f->name, f->type, f->unit, f->help);
}

static void put_figure(weir_metrics_text *t, const family *f, const void *figures,
                       const char *sink) {
    uint64_t value;
    const char *suffix = f->type == WEIR_METRIC_COUNTER ? "_total" : "";
    const char *label = sink ? "sink" : NULL;
    memcpy(&value, (const char *)figures + f->field, sizeof value);
    if (f->kind == NUMBER)
        weir_metrics_uint(t, f->name, suffix, label, sink, value);
    else if (value) /* what never was has no time */
        weir_metrics_seconds(t, f->name, label, sink, value);
}

static void put_journal(weir_metrics_text *t, const weir_stats_snapshot *s) {
    for (size_t i = 0; i < sizeof of_journal / sizeof of_journal[0]; i++) {
        begin_family(t, &of_journal[i]);
        put_figure(t, &of_journal[i], &s->figures, NULL);
    }
    weir_metrics_family(t, "weir_journal_limit_bytes", WEIR_METRIC_GAUGE, "bytes",
                        "What the segments may take: weir_options.journal_limit_bytes.");
    weir_metrics_uint(t, "weir_journal_limit_bytes", "", NULL, NULL, s->header.limit_bytes);
    weir_metrics_family(t, "weir_lanes_limit", WEIR_METRIC_GAUGE, NULL,
                        "Threads that can append at once: weir_options.lanes_max.");
    weir_metrics_uint(t, "weir_lanes_limit", "", NULL, NULL, s->header.lanes_max);
    weir_metrics_family(t, "weir_opened_time_seconds", WEIR_METRIC_GAUGE, "seconds",
                        "When the journal was opened, since 1970.");
    weir_metrics_seconds(t, "weir_opened_time_seconds", NULL, NULL,
                         (uint64_t)s->header.opened_wall_ns);
    weir_metrics_family(t, "weir_events", WEIR_METRIC_COUNTER, NULL,
                        "How often each event was raised: see weir_event in weir.h.");
    for (unsigned i = 1; i < WEIR_STATS_EVENTS_MAX; i++)
        if (weir_event_name(i))
            weir_metrics_uint(t, "weir_events", "_total", "event", weir_event_name(i),
                              s->events[i]);
    weir_metrics_family(t, "weir_sync_duration_seconds", WEIR_METRIC_HISTOGRAM, "seconds",
                        "How long a sync of the journal took.");
    put_histogram(t, "weir_sync_duration_seconds", NULL, NULL, s->syncs, s->figures.sync_ns_total);
}

static void put_sinks(weir_metrics_text *t, const weir_stats_snapshot *s, int64_t wall_ns) {
    uint32_t sinks = s->header.sinks;
    for (size_t i = 0; i < sizeof of_sink / sizeof of_sink[0]; i++) {
        begin_family(t, &of_sink[i]);
        for (uint32_t k = 0; k < sinks; k++)
            put_figure(t, &of_sink[i], &s->sinks[k].figures, s->sinks[k].name);
    }
    weir_metrics_family(t, "weir_lag_rows", WEIR_METRIC_GAUGE, "rows",
                        "Rows that are durable and not applied.");
    for (uint32_t k = 0; k < sinks; k++)
        weir_metrics_uint(t, "weir_lag_rows", "", "sink", s->sinks[k].name,
                          weir_stats_lag_rows(s, &s->sinks[k].figures));
    weir_metrics_family(t, "weir_lag_seconds", WEIR_METRIC_GAUGE, "seconds",
                        "Age of the oldest row that is durable and not applied.");
    for (uint32_t k = 0; k < sinks; k++)
        weir_metrics_seconds(t, "weir_lag_seconds", "sink", s->sinks[k].name,
                             weir_stats_lag_ns(&s->sinks[k].figures, wall_ns));
    weir_metrics_family(t, "weir_apply_status", WEIR_METRIC_GAUGE, NULL,
                        "1 for the status of the sink: WEIR_OK, or why no row is applied.");
    for (uint32_t k = 0; k < sinks; k++) {
        int status = (int)(int64_t)s->sinks[k].figures.status;
        begin_metric(t, "weir_apply_status", "", "sink", s->sinks[k].name);
        put_text(t, "\",status=\"");
        put_text(t, weir_status_name(status));
        end_uint(t, 1);
    }
    weir_metrics_family(
        t, "weir_transaction_duration_seconds", WEIR_METRIC_HISTOGRAM, "seconds",
        "How long a transaction of the writer took, from its beginning to its end.");
    for (uint32_t k = 0; k < sinks; k++)
        put_histogram(t, "weir_transaction_duration_seconds", "sink", s->sinks[k].name,
                      s->sinks[k].commits, s->sinks[k].figures.commit_ns_total);
}

void weir_metrics_snapshot(weir_metrics_text *t, const weir_stats_snapshot *s, int64_t wall_ns) {
    put_journal(t, s);
    put_sinks(t, s, wall_ns);
}
