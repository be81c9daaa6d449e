/* figures.c - the figures of a handle in a file that others can read. */
#include "figures.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../base/thread.h"
#include "place.h"

static uint64_t relaxed(const _Atomic uint64_t *word) {
    return atomic_load_explicit(word, memory_order_relaxed);
}

/* ---- making ------------------------------------------------------------------------------- */

/* Cut names stay apart. */
static void name_sink(const weir *w, uint32_t i, char name[WEIR_STATS_NAME + 1]) {
    const char *whole = weir_attached_name(&w->sinks[i]);
    if (strlen(whole) <= WEIR_STATS_NAME)
        (void)snprintf(name, WEIR_STATS_NAME + 1, "%s", whole);
    else
        (void)snprintf(name, WEIR_STATS_NAME + 1, "%.*s~%u", WEIR_STATS_NAME - 2, whole, i % 10);
}

static void describe_handle(const weir *w, weir_stats_header *out) {
    *out = (weir_stats_header){.version = WEIR_STATS_VERSION,
                               .process = w->process,
                               .opened_wall_ns = w->ring.header.wall_ns,
                               .lane_bytes = w->options.lane_bytes,
                               .limit_bytes = w->options.journal_limit_bytes,
                               .lanes_max = w->options.lanes_max,
                               .sinks = weir_sink_slots(w)};
    weir_id_copy(out->journal, weir_journal_id(w->journal));
    weir_id_copy(out->ring, w->ring.header.id);
    weir_id_copy(out->boot, w->ring.header.boot);
    strncpy(out->program, program_invocation_short_name, WEIR_STATS_PROGRAM);
}

/* Without a file there are no figures to look at, and no other harm. */
static void make_figures(weir *w) {
    char path[WEIR_PATH_MAX];
    weir_error ignored;
    weir_stats_header header;
    char name[WEIR_STATS_NAME + 1];
    w->figures_tried = true;
    w->figured_sinks = 1; /* the others come by and by */
    describe_handle(w, &header);
    header.sinks = 1;
    name_sink(w, 0, name);
    if (weir_place_path(w, "stats", path, &ignored) != WEIR_OK) return;
    if (weir_stats_create(w->os, w->dirfd, path, &header, name, &w->figures, &ignored) != WEIR_OK)
        w->figures = NULL;
}

/* A mapping cannot be touched where its file was cut, and who copies a directory over ours cuts it for
 * a moment. While the name is another file's, or nobody's, ours cannot be opened to be cut. */
static bool figures_stand(const weir *w) {
    char path[WEIR_PATH_MAX];
    weir_os_info info;
    if (!w->figures || weir_place_path(w, "stats", path, NULL) != WEIR_OK) return false;
    return w->os->info(w->os->self, w->dirfd, path, &info) < 0 || !info.is_file ||
           info.bytes >= WEIR_STATS_BYTES;
}

/* ---- storing ------------------------------------------------------------------------------ */

static weir_stats_state figures_state(const weir *w) {
    int status = atomic_load_explicit(&w->journaler.status, memory_order_relaxed);
    return status == WEIR_OK ? WEIR_STATS_OPEN : WEIR_STATS_STOPPED;
}

static void count_ring(weir *w, struct weir_stats *s) {
    if (!w->ring_counted) weir_count_published(w, s);
    if (!w->ring_counted) return;
    s->rows_published = w->counted_rows;
    s->bytes_published = w->counted_bytes;
}

/* The writer says it when it looks; one that hangs does not look. */
static uint64_t waiting_since(weir_attached *s, uint64_t last_row, uint64_t applied) {
    const weir_os *os = s->w->os;
    uint64_t said = relaxed(&s->waiting_since);
    if (last_row <= applied)
        s->behind_at = 0;
    else if (!s->behind_at)
        s->behind_at = (uint64_t)os->wall(os->self);
    return said ? said : s->behind_at;
}

static weir_sink_figures figures_of_sink(weir_attached *s, uint64_t last_row) {
    int status = atomic_load_explicit(&s->apply_status, memory_order_relaxed);
    uint64_t applied = atomic_load_explicit(&s->applied_row, memory_order_acquire);
    return (weir_sink_figures){.rows_applied = relaxed(&s->rows_applied),
                               .rows_rejected = relaxed(&s->rows_rejected),
                               .rows_ignored = relaxed(&s->rows_ignored),
                               .rows_deleted = relaxed(&s->rows_deleted),
                               .keeps_suspended = relaxed(&s->keeps_suspended),
                               .last_row_applied = applied,
                               .applied_at = relaxed(&s->applied_at),
                               .waiting_since = waiting_since(s, last_row, applied),
                               .transactions = relaxed(&s->transactions),
                               .commit_ns_total = relaxed(&s->commit_ns_total),
                               .commit_ns_max = relaxed(&s->commit_ns_max),
                               .wal_bytes = relaxed(&s->wal_bytes),
                               .status = (uint64_t)(int64_t)status};
}

/* Returns how many sinks there are. */
static uint32_t fill_figures(weir *w, weir_figures *f, weir_sink_figures sinks[WEIR_SINKS_MAX]) {
    struct weir_stats s = {0};
    uint32_t count = weir_sink_slots(w);
    count_ring(w, &s);
    weir_count_stats(w, &s);
    *f = (weir_figures){.stored_at = (uint64_t)w->os->wall(w->os->self),
                        .rows_published = s.rows_published,
                        .bytes_published = s.bytes_published,
                        .rows_refused = s.rows_refused,
                        .rows_durable = s.rows_durable,
                        .bytes_durable = s.bytes_durable,
                        .last_row = s.last_row,
                        .durable_at = relaxed(&w->durable_at),
                        .rows_recovered = s.rows_recovered,
                        .journal_bytes = s.journal_bytes,
                        .syncs = s.syncs,
                        .sync_ns_total = s.sync_ns_total,
                        .sync_ns_max = s.sync_ns_max,
                        .lanes = s.lanes,
                        .log_dropped = s.log_dropped,
                        .log_failed = s.log_failed};
    for (uint32_t i = 0; i < count; i++)
        sinks[i] = figures_of_sink(&w->sinks[i], s.last_row);
    return count;
}

/* Each step syncs once, as a rule; of several the mean is counted. */
static void count_syncs(weir *w, const weir_figures *f) {
    uint64_t times = f->syncs - w->counted_syncs, took = f->sync_ns_total - w->counted_sync_ns;
    if (times) weir_stats_count_sync(w->figures, took / times, times);
    w->counted_syncs = f->syncs;
    w->counted_sync_ns = f->sync_ns_total;
}

static void add_sink_figures(weir *w) {
    weir_stats_header header;
    char name[WEIR_STATS_NAME + 1];
    name_sink(w, w->figured_sinks, name);
    describe_handle(w, &header);
    header.sinks = ++w->figured_sinks;
    weir_stats_add_sink(w->figures, &header, name);
}

/* Whether they stand is asked last, since whoever cuts the file between that and the stores ends the
 * program: that is as short as can be. */
static void store_figures(weir *w, weir_stats_state state) {
    weir_figures f;
    weir_sink_figures sinks[WEIR_SINKS_MAX];
    uint64_t events[WEIR_EVENTS];
    uint32_t count = fill_figures(w, &f, sinks);
    f.state = state;
    for (size_t i = 0; i < WEIR_EVENTS; i++)
        events[i] = relaxed(&w->event_counts[i]);
    if (!figures_stand(w)) return;
    while (w->figured_sinks < count)
        add_sink_figures(w);
    count_syncs(w, &f);
    weir_stats_store(w->figures, &f, events, WEIR_EVENTS, sinks, count);
}

/* Under the mutex. Before the writer is known there is no file. */
static bool have_figures(weir *w) {
    bool known = weir_is_hooked(&w->sinks[0]);
    if (known && !w->figures_tried) make_figures(w);
    return w->figures != NULL;
}

void weir_figures_store(void *context) {
    weir *w = context;
    (void)pthread_mutex_lock(&w->storing); /* cannot fail: of the default kind, and not held */
    if (have_figures(w)) store_figures(w, figures_state(w));
    (void)pthread_mutex_unlock(&w->storing);
}

void weir_figures_step(void *context) {
    weir *w = context;
    atomic_fetch_add_explicit(&w->journal_steps, 1, memory_order_relaxed);
    weir_figures_store(w);
}

void weir_figures_leave_ring(weir *w) {
    struct weir_stats s = {0};
    weir_count_published(w, &s);
    (void)pthread_mutex_lock(&w->storing); /* as above */
    w->ring_counted = true;
    w->counted_rows = s.rows_published;
    w->counted_bytes = s.bytes_published;
    (void)pthread_mutex_unlock(&w->storing);
}

void weir_figures_close(weir *w) {
    if (w->figures) store_figures(w, WEIR_STATS_CLOSED);
}

void weir_figures_snapshot(weir *w, weir_stats_snapshot *out) {
    sigset_t before = weir_lock_hold(&w->storing); /* a program's thread: see thread.h */
    bool stored =
        figures_stand(w) && weir_stats_decode(w->figures, WEIR_STATS_BYTES, out) == WEIR_OK;
    if (!stored) *out = (weir_stats_snapshot){0};
    weir_sink_figures sinks[WEIR_SINKS_MAX];
    describe_handle(w, &out->header);
    out->header.sinks = fill_figures(w, &out->figures, sinks);
    for (uint32_t i = 0; i < out->header.sinks; i++) {
        out->sinks[i].figures = sinks[i];
        name_sink(w, i, out->sinks[i].name);
    }
    out->figures.state = figures_state(w);
    for (size_t i = 0; i < WEIR_EVENTS; i++)
        out->events[i] = relaxed(&w->event_counts[i]);
    weir_lock_release(&w->storing, &before);
}

void weir_figures_end(weir *w) {
    weir_stats_unmap(w->os, w->figures);
    w->figures = NULL;
}

/* ---- the writer reports ------------------------------------------------------------------- */

/* One thread for each sink calls these, so a store is enough. */
void weir_handle_took(weir_attached *s, uint64_t ns) {
    weir *w = s->w;
    atomic_store_explicit(&s->commit_ns_total, relaxed(&s->commit_ns_total) + ns,
                          memory_order_relaxed);
    if (ns > relaxed(&s->commit_ns_max))
        atomic_store_explicit(&s->commit_ns_max, ns, memory_order_relaxed);
    (void)pthread_mutex_lock(&w->storing); /* as above */
    if (have_figures(w) && figures_stand(w))
        weir_stats_count_commit(w->figures, (uint32_t)(s - w->sinks), ns);
    (void)pthread_mutex_unlock(&w->storing);
}

void weir_handle_waiting(weir_attached *s, int64_t wall_ns) {
    atomic_store_explicit(&s->waiting_since, (uint64_t)wall_ns, memory_order_relaxed);
}

void weir_handle_store_figures(weir_attached *s) {
    atomic_fetch_add_explicit(&s->steps, 1, memory_order_relaxed);
    weir_figures_store(s->w);
}
