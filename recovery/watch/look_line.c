/* look_line.c - one look as a line of words, and as a JSON object. */
#include <inttypes.h>
#include <time.h>

#include <weir/weir.h>

#include "../json.h"
#include "../shown.h"
#include "watch.h"

const char *weir_watch_state_name(weir_watch_state state) {
    static const char *const names[] = {
        [WEIR_WATCH_ABSENT] = "absent",   [WEIR_WATCH_CLOSED] = "closed",
        [WEIR_WATCH_DIED] = "died",       [WEIR_WATCH_OPENING] = "opening",
        [WEIR_WATCH_RUNNING] = "running",
    };
    return names[state];
}

double weir_look_published_rate(const weir_look *l) {
    return weir_rate(l->before, l->now, l->before->published_bytes, l->now->published_bytes);
}

double weir_look_durable_rate(const weir_look *l) {
    return weir_rate(l->before, l->now, l->before->durable_row, l->now->durable_row);
}

double weir_look_applied_rate(const weir_look *l) {
    return weir_rate(l->before, l->now, l->before->applied_row, l->now->applied_row);
}

double weir_look_lane_rate(const weir_look *l, size_t lane) {
    const weir_lane_sample *now = &l->now->lanes[lane];
    for (size_t i = 0; i < l->before->lane_count; i++)
        if (l->before->lanes[i].index == now->index)
            return weir_rate(l->before, l->now, l->before->lanes[i].tail, now->tail);
    return 0;
}

double weir_look_fullest(const weir_look *l) {
    uint64_t most = 0;
    for (size_t i = 0; i < l->now->lane_count; i++) {
        uint64_t fill = l->now->lanes[i].tail - l->now->lanes[i].head;
        if (fill > most) most = fill;
    }
    double share = l->now->lane_bytes ? (double)most / (double)l->now->lane_bytes : 0;
    return share > 1 ? 1 : share;
}

/* ---- durations ------------------------------------------------------------------------- */

static weir_durations durations_of(const uint64_t *before, const uint64_t *now, uint64_t most) {
    uint64_t between[WEIR_HISTOGRAM_BUCKETS], all = 0;
    for (size_t i = 0; i < WEIR_HISTOGRAM_BUCKETS; i++) {
        between[i] = before && now[i] >= before[i] ? now[i] - before[i] : 0;
        all += between[i];
    }
    const uint64_t *counts = all ? between : now;
    return (weir_durations){weir_histogram_quantile(counts, 0.5, most),
                            weir_histogram_quantile(counts, 0.99, most), most};
}

/* The look before is of the same opening. */
static const weir_stats_snapshot *former_stats(const weir_look *l) {
    const weir_sample *b = l->before;
    bool same = b->has_stats && weir_id_equal(b->stats.header.ring, l->now->stats.header.ring);
    return same ? &b->stats : NULL;
}

weir_durations weir_look_syncs(const weir_look *l) {
    const weir_stats_snapshot *former = former_stats(l), *now = &l->now->stats;
    return durations_of(former ? former->syncs : NULL, now->syncs, now->figures.sync_ns_max);
}

weir_durations weir_look_commits(const weir_look *l, uint32_t sink) {
    const weir_stats_snapshot *former = former_stats(l);
    const weir_stats_sink *now = &l->now->stats.sinks[sink];
    return durations_of(former && sink < former->header.sinks ? former->sinks[sink].commits : NULL,
                        now->commits, now->figures.commit_ns_max);
}

uint64_t weir_look_events(const weir_look *l) {
    uint64_t all = 0;
    for (size_t i = 0; i < WEIR_STATS_EVENTS_MAX; i++)
        all += l->now->stats.events[i];
    return all;
}

const char *weir_look_state(const weir_look *l, char text[WEIR_LOOK_TEXT]) {
    const char *name = weir_watch_state_name(l->now->state);
    bool process = l->now->process > 0 && l->now->state >= WEIR_WATCH_DIED;
    (void)snprintf(text, WEIR_LOOK_TEXT, process ? "%s, process %" PRId64 : "%s", name,
                   l->now->process); /* fits */
    return text;
}

/* ---- words ----------------------------------------------------------------------------- */

/* The lag at the beginning of the line is that of the database; each other sink has its own. */
static void line_of_sink(FILE *out, const weir_look *l, uint32_t i) {
    const weir_stats_sink *sink = &l->now->stats.sinks[i];
    char shown[WEIR_SHOWN];
    int status = (int)(int64_t)sink->figures.status;
    weir_durations commits = weir_look_commits(l, i);
    fprintf(out, "; %s commit p99 %s", sink->name, weir_shown_span((double)commits.p99, shown));
    if (l->now->stats.header.sinks < 2) return;
    uint64_t rows = weir_stats_lag_rows(&l->now->stats, &sink->figures);
    fprintf(out, ", lag %s rows", weir_shown_count(rows, shown));
    uint64_t ns = weir_stats_lag_ns(&sink->figures, l->now->wall_ns);
    if (rows && ns) fprintf(out, ", %s", weir_shown_span((double)ns, shown));
    if (status) fprintf(out, " (%s)", weir_status_text(status));
}

void weir_look_as_line(FILE *out, const weir_look *l) {
    const weir_sample *s = l->now;
    char text[WEIR_LOOK_TEXT], shown[WEIR_SHOWN];
    fprintf(out, "%s %s", weir_shown_time(s->wall_ns, shown), weir_look_state(l, text));
    if (l->restarts) fprintf(out, ", started again %" PRIu64 " times", l->restarts);
    fprintf(out, "; %.0f rows/s durable, %.0f applied", weir_look_durable_rate(l),
            weir_look_applied_rate(l));
    fprintf(out, "; %s/s", weir_shown_bytes((uint64_t)weir_look_published_rate(l), shown));
    if (l->lag.known) {
        fprintf(out, "; lag %s rows", weir_shown_count(l->lag.rows, shown));
        const char *over = l->lag.rows_are_before ? "over " : "";
        if (l->lag.ns) {
            fprintf(out, ", %s%s", over, weir_shown_span((double)l->lag.ns, shown));
            fprintf(out, ", %s%s", over, weir_shown_bytes(l->lag.bytes, shown));
        }
    }
    fprintf(out, "; fullest lane %.1f %%", weir_look_fullest(l) * 100);
    if (s->has_stats) {
        weir_durations syncs = weir_look_syncs(l);
        fprintf(out, "; sync p50 %s", weir_shown_span((double)syncs.p50, shown));
        fprintf(out, ", p99 %s", weir_shown_span((double)syncs.p99, shown));
        for (uint32_t i = 0; i < s->stats.header.sinks; i++)
            line_of_sink(out, l, i);
        fprintf(out, "; %s refused", weir_shown_count(s->stats.figures.rows_refused, shown));
        fprintf(out, "; %s events", weir_shown_count(weir_look_events(l), shown));
    }
    fprintf(out, "; %s rejects", weir_shown_count(s->rejects, shown));
    fprintf(out, "; journal %s", weir_shown_bytes(s->journal_bytes, shown));
    fprintf(out, ", %s free\n", weir_shown_bytes(s->free_bytes, shown));
}

/* ---- JSON ------------------------------------------------------------------------------ */

static void json_lag(weir_json *json, const weir_lag *lag) {
    weir_json_open(json, "lag");
    if (lag->known) {
        weir_json_uint(json, "rows", lag->rows);
        weir_json_uint(json, "bytes", lag->bytes);
        weir_json_uint(json, "ns", lag->ns);
        weir_json_bool(json, "at_least", lag->rows_are_before);
    } else {
        weir_json_null(json, "rows");
        weir_json_null(json, "bytes");
        weir_json_null(json, "ns");
        weir_json_bool(json, "at_least", false);
    }
    weir_json_close(json);
}

static void json_number(weir_json *json, const char *key, bool known, uint64_t value) {
    if (known)
        weir_json_uint(json, key, value);
    else
        weir_json_null(json, key);
}

static void json_rate(weir_json *json, const char *key, double rate) {
    weir_json_uint(json, key, (uint64_t)(rate + 0.5));
}

static void json_lanes(weir_json *json, const weir_look *l) {
    weir_json_key(json, "lanes");
    fputc('[', json->out);
    for (size_t i = 0; i < l->now->lane_count; i++) {
        const weir_lane_sample *lane = &l->now->lanes[i];
        fprintf(json->out,
                "%s{\"lane\":%" PRIu32 ",\"thread\":%" PRIu32 ",\"fill_bytes\":%" PRIu64
                ",\"bytes_per_s\":%.0f}",
                i ? "," : "", lane->index, lane->thread, lane->tail - lane->head,
                weir_look_lane_rate(l, i));
    }
    fputc(']', json->out);
}

static void json_durations(weir_json *json, const char *key, weir_durations d) {
    weir_json_open(json, key);
    weir_json_uint(json, "p50", d.p50);
    weir_json_uint(json, "p99", d.p99);
    weir_json_uint(json, "max", d.most);
    weir_json_close(json);
}

/* An array is not a member of weir_json: its objects begin with their own braces. */
static void json_sinks(weir_json *json, const weir_look *l) {
    weir_json_key(json, "sinks");
    fputc('[', json->out);
    for (uint32_t i = 0; i < l->now->stats.header.sinks; i++) {
        const weir_stats_sink *sink = &l->now->stats.sinks[i];
        weir_json one = {json->out, false};
        fputs(i ? ",{" : "{", json->out);
        weir_json_text(&one, "name", sink->name);
        weir_json_uint(&one, "rows_applied", sink->figures.rows_applied);
        weir_json_uint(&one, "rows_rejected", sink->figures.rows_rejected);
        weir_json_uint(&one, "last_row_applied", sink->figures.last_row_applied);
        weir_json_uint(&one, "lag_rows", weir_stats_lag_rows(&l->now->stats, &sink->figures));
        weir_json_uint(&one, "lag_ns", weir_stats_lag_ns(&sink->figures, l->now->wall_ns));
        weir_json_int(&one, "status", (int64_t)sink->figures.status);
        json_durations(&one, "commit_ns", weir_look_commits(l, i));
        fputc('}', json->out);
    }
    fputc(']', json->out);
}

static void json_stats(weir_json *json, const weir_look *l) {
    if (!l->now->has_stats) return;
    const weir_figures *f = &l->now->stats.figures;
    weir_json_uint(json, "rows_published", f->rows_published);
    weir_json_uint(json, "rows_refused", f->rows_refused);
    weir_json_uint(json, "events", weir_look_events(l));
    weir_json_uint(json, "limit_bytes", l->now->stats.header.limit_bytes);
    json_durations(json, "sync_ns", weir_look_syncs(l));
    json_sinks(json, l);
}

void weir_look_as_json(FILE *out, const weir_look *l) {
    const weir_sample *s = l->now;
    weir_json json = weir_json_begin(out, "watch");
    weir_json_time(&json, "time", s->wall_ns);
    weir_json_text(&json, "state", weir_watch_state_name(s->state));
    json_number(&json, "process", s->process > 0, (uint64_t)s->process);
    weir_json_uint(&json, "restarts", l->restarts);
    json_number(&json, "durable_row", s->durable_known, s->durable_row);
    json_number(&json, "applied_row", s->applied_known, s->applied_row);
    json_rate(&json, "durable_rows_per_s", weir_look_durable_rate(l));
    json_rate(&json, "applied_rows_per_s", weir_look_applied_rate(l));
    json_rate(&json, "bytes_per_s", weir_look_published_rate(l));
    json_lag(&json, &l->lag);
    weir_json_uint(&json, "lane_bytes", s->lane_bytes);
    json_lanes(&json, l);
    weir_json_uint(&json, "rejects", s->rejects);
    weir_json_uint(&json, "segments", s->segments);
    weir_json_uint(&json, "journal_bytes", s->journal_bytes);
    weir_json_uint(&json, "free_bytes", s->free_bytes);
    json_stats(&json, l);
    weir_json_end(&json);
}
