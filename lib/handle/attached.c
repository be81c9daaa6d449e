/* attached.c - several sinks of one handle: a place for each, what may be released, who leaves. */
#include <stdio.h>
#include <stdlib.h>

#include "../base/sized.h"
#include "../base/thread.h"
#include "core.h"

/* ---- places ------------------------------------------------------------------------------- */

const char *weir_attached_name(const weir_attached *s) {
    if (*s->name || !weir_is_hooked(s)) return s->name;
    return s->hooks.name ? s->hooks.name : "";
}

weir_attached *weir_find_attached(weir *w, const char *name) {
    for (uint32_t i = 0; i < weir_sink_slots(w); i++)
        if (strcmp(weir_attached_name(&w->sinks[i]), name) == 0) return &w->sinks[i];
    return NULL;
}

/* Under attaching. The writer of a sink that has left is waited for before its place is used again. */
static void end_writer(weir_attached *s) {
    if (!weir_is_hooked(s)) return;
    (void)s->hooks.stop(s->hooks.self, 0); /* what it has not applied is kept for it */
    atomic_store_explicit(&s->hooked, false, memory_order_release);
}

/* NULL: there is none, and *status says why. One that was taken in vain before is taken again. */
static weir_attached *take_place(weir *w, const char *name, int *status, weir_error *error) {
    uint32_t count = weir_sink_slots(w);
    if (count == WEIR_SINKS_MAX) {
        *status =
            weir_fail(error, WEIR_FULL, "%s: a handle has %d sinks at most", name, WEIR_SINKS_MAX);
        return NULL;
    }
    weir_attached *s = &w->sinks[count];
    if (!s->lane_applied) s->lane_applied = calloc(w->options.lanes_max, sizeof *s->lane_applied);
    if (!s->lane_applied) {
        *status = weir_fail(error, WEIR_NO_MEMORY, "%s: no memory for a sink", name);
        return NULL;
    }
    s->w = w;
    (void)snprintf(s->name, sizeof s->name, "%s", name); /* weir_named_fits has looked at it */
    return s;
}

/* Under attaching. */
static int add_sink(weir *w, weir_sink_record *record, weir_attached **out, uint64_t *first_row,
                    weir_error *error) {
    weir_attached *s = weir_find_attached(w, record->name);
    int status = WEIR_OK;
    if (s && s->leaves) end_writer(s);
    if (s && weir_is_hooked(s))
        return weir_fail(error, WEIR_MISUSE, "%s: a sink of this name is attached", record->name);
    if (!s) s = take_place(w, record->name, &status, error);
    if (!s) return status;
    status = weir_journal_attach_sink(w->journal, record, first_row, error);
    if (status != WEIR_OK) return status;
    s->leaves = false;
    s->start = record->safe;
    s->begin = record->begin;
    atomic_store_explicit(&s->applied_row, record->safe.row, memory_order_release);
    atomic_store_explicit(&s->apply_status, WEIR_OK, memory_order_release);
    uint32_t place = (uint32_t)(s - w->sinks) + 1;
    if (place > weir_sink_slots(w))
        atomic_store_explicit(&w->sink_count, place, memory_order_release);
    *out = s;
    return WEIR_OK;
}

static void tell_late_beginning(weir *w, const char *name, uint64_t first_row) {
    weir_handle_event(w, WEIR_EVENT_JOURNAL,
                      "%s: the sink %s, which is new here, begins with row %llu: those before it "
                      "had left journal and archive",
                      w->directory, name, (unsigned long long)first_row);
}

int weir_handle_add_sink(weir *w, weir_sink_record *record, weir_writer_make make, void *self,
                         weir_error *error) {
    uint64_t first_row = 0;
    weir_attached *s = NULL;
    weir_hooks hooks = {0};
    sigset_t before = weir_lock_hold(&w->attaching);
    int status = add_sink(w, record, &s, &first_row, error);
    if (status == WEIR_OK) status = make(self, s, &hooks, error);
    if (status == WEIR_OK) weir_handle_attach(s, &hooks);
    weir_lock_release(&w->attaching, &before);
    /* Rows may have become durable before the hooks were there. */
    if (status == WEIR_OK) hooks.notify(hooks.self, WEIR_WAKE_ANYWHERE);
    if (status == WEIR_OK && first_row > 1) tell_late_beginning(w, record->name, first_row);
    return status;
}

/* ---- releasing ---------------------------------------------------------------------------- */

/* Under attaching. What it lacks is kept for it from now on, wherever it stops. */
static void tell_to_leave(weir_attached *s) {
    weir *w = s->w;
    if (s->leaves || !weir_is_hooked(s)) return;
    s->leaves = true;
    s->hooks.finish(s->hooks.self, w->os->now(w->os->self));
    weir_handle_apply_status(s, WEIR_CLOSED);
}

/* The journal may have detached a sink for its lag; never the first, whose name is empty or which the
 * handle was opened for. */
static void see_who_left(weir *w) {
    weir_known_sink known;
    /* Whoever holds it may wait for this thread; the next release looks again. */
    if (pthread_mutex_trylock(&w->attaching) != 0) return;
    for (uint32_t i = 0; i < weir_sink_slots(w); i++) {
        weir_attached *s = &w->sinks[i];
        bool found = *s->name && weir_journal_find_sink(w->journal, s->name, &known);
        if (found && known.record.state == WEIR_SINK_DETACHED) tell_to_leave(s);
    }
    (void)pthread_mutex_unlock(&w->attaching); /* it is held */
}

int weir_handle_release(weir_attached *s, uint64_t block, const weir_position *at,
                        weir_error *error) {
    weir_journal *j = s->w->journal;
    int status = *s->name ? weir_journal_release_for(j, s->name, block, at, error)
                          : weir_journal_release(j, block, error);
    if (weir_sink_slots(s->w) > 1) see_who_left(s->w);
    return status;
}

int weir_handle_went_back(weir_attached *s, const weir_position *at, weir_error *error) {
    return weir_journal_sink_went_back(s->w->journal, s->name, at, error);
}

/* ---- the public API ----------------------------------------------------------------------- */

int weir_refuse_sink(const char *call, const char *name) {
    weir_error error;
    (void)weir_fail(&error, WEIR_NOT_FOUND, "%s: this handle has no sink named %.80s", call, name);
    return weir_publish_error(&error);
}

/* What the journal does about a sink that goes: weir_journal_detach_sink, weir_journal_forget_sink. */
typedef int (*ends_sink)(weir_journal *j, const char *name, weir_error *error);

/* The journal may have let go of a sink before, and its writer has not been told yet. */
static int end_sink(weir *w, const char *call, const char *name, ends_sink ends,
                    weir_error *error) {
    weir_attached *s = weir_find_attached(w, name);
    if (s == &w->sinks[0])
        return weir_fail(error, WEIR_MISUSE,
                         "%s: %s is the first sink of this handle, which it was opened for", call,
                         name);
    int status = ends(w->journal, name, error);
    if (status != WEIR_OK || !s) return status;
    tell_to_leave(s);
    end_writer(s);
    return WEIR_OK;
}

static int call_to_end(weir *w, const char *call, const char *name, ends_sink ends) {
    weir_error error = {0};
    int held;
    if (!w || !name || !*name) return weir_misuse(call, w ? "name is missing" : "w is NULL");
    int status = weir_call_enter(w, WEIR_CALL_OPEN, &held);
    if (status != WEIR_OK) return weir_refuse(call, status);
    sigset_t before = weir_lock_hold(&w->attaching);
    status = end_sink(w, call, name, ends, &error);
    weir_lock_release(&w->attaching, &before);
    weir_call_exit(w, held);
    return status < 0 ? weir_publish_error(&error) : status;
}

int weir_detach(weir *w, const char *name) {
    return call_to_end(w, "weir_detach", name, weir_journal_detach_sink);
}

int weir_forget_sink(weir *w, const char *name) {
    return call_to_end(w, "weir_forget_sink", name, weir_journal_forget_sink);
}

static void describe_sink(weir_attached *s, struct weir_sink_stats *out) {
    weir *w = s->w;
    weir_known_sink known = {0};
    weir_journal_counts counts;
    weir_journal_get_counts(w->journal, &counts);
    bool recorded = *s->name && weir_journal_find_sink(w->journal, s->name, &known);
    (void)snprintf(out->name, sizeof out->name, "%s", weir_attached_name(s)); /* it fits */
    (void)snprintf(out->kind, sizeof out->kind, "%.*s", (int)sizeof out->kind - 1,
                   recorded ? known.record.kind : weir_attached_name(s));
    (void)snprintf(out->place, sizeof out->place, "%s", known.record.place);
    out->state = *s->name && !recorded ? WEIR_SINK_DETACHED : known.record.state;
    out->lag_bytes = known.lag;
    out->rows_applied = atomic_load_explicit(&s->rows_applied, memory_order_relaxed);
    out->rows_rejected = atomic_load_explicit(&s->rows_rejected, memory_order_relaxed);
    out->apply_status = atomic_load_explicit(&s->apply_status, memory_order_relaxed);
    out->last_row_applied = atomic_load_explicit(&s->applied_row, memory_order_acquire);
    if (counts.durable_row > out->last_row_applied)
        out->lag_rows = counts.durable_row - out->last_row_applied;
    int64_t since = (int64_t)atomic_load_explicit(&s->waiting_since, memory_order_relaxed);
    int64_t now = w->os->wall(w->os->self);
    if (since && now > since) out->lag_ns = (uint64_t)now - (uint64_t)since;
}

int weir_sink_stats_sized(weir *w, const char *name, struct weir_sink_stats *out,
                          size_t out_bytes) {
    static const char call[] = "weir_sink_stats";
    int held;
    if (!w || !name || !out)
        return weir_misuse(call, !w ? "w is NULL" : !name ? "name is NULL" : "out is NULL");
    int status = weir_call_enter(w, WEIR_CALL_EVEN_STOPPED, &held);
    if (status != WEIR_OK) return weir_refuse(call, status);
    struct weir_sink_stats stats = {0};
    sigset_t before = weir_lock_hold(&w->attaching);
    weir_attached *s = weir_find_attached(w, name);
    if (s) describe_sink(s, &stats);
    weir_lock_release(&w->attaching, &before);
    if (s) weir_sized_give(out, out_bytes, &stats, sizeof stats);
    weir_call_exit(w, held);
    return s ? WEIR_OK : weir_refuse_sink(call, name);
}

int weir_sinks(weir *w, char names[][WEIR_SINK_NAME_BYTES], size_t room, size_t *count) {
    static const char call[] = "weir_sinks";
    int held;
    if (!w || !count || (room && !names))
        return weir_misuse(call, !w ? "w is NULL" : !count ? "count is NULL" : "names is NULL");
    int status = weir_call_enter(w, WEIR_CALL_EVEN_STOPPED, &held);
    if (status != WEIR_OK) return weir_refuse(call, status);
    *count = weir_sink_slots(w);
    for (size_t i = 0; i < *count && i < room; i++)
        (void)snprintf(names[i], WEIR_SINK_NAME_BYTES, "%s", weir_attached_name(&w->sinks[i]));
    weir_call_exit(w, held);
    return WEIR_OK;
}
