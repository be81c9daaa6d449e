/* handle.c - what the writer may ask of a handle, and what it reports to it. */
#include <stdarg.h>
#include <stdio.h>

#include "say.h"

/* ---- events -------------------------------------------------------------------------------- */

void weir_send_event(void *context, weir_event event, const char *text) {
    weir *w = context;
    if ((unsigned)event < WEIR_EVENTS)
        atomic_fetch_add_explicit(&w->event_counts[event], 1, memory_order_relaxed);
    if (w->options.on_event)
        w->options.on_event(w->options.event_context, event, text);
    else
        weir_say(w, event, text);
}

void weir_handle_event(weir *w, weir_event event, const char *format, ...) {
    char text[600];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments); /* a cut text is still a text */
    va_end(arguments);
    weir_send_event(w, event, text);
}

/* ---- the writer's side --------------------------------------------------------------------- */

weir_attached *weir_handle_primary(weir *w) { return &w->sinks[0]; }
weir *weir_attached_handle(weir_attached *s) { return s->w; }

void weir_handle_attach(weir_attached *s, const weir_hooks *hooks) {
    s->hooks = *hooks;
    atomic_store_explicit(&s->hooked, true, memory_order_release);
}

static void wake_writer(weir_attached *s, weir_wake where) {
    if (weir_is_hooked(s)) s->hooks.notify(s->hooks.self, where);
}

void weir_handle_notify_writers(weir *w, weir_wake where) {
    uint32_t count = weir_sink_slots(w);
    for (uint32_t i = 0; i < count; i++)
        wake_writer(&w->sinks[i], where);
}

void weir_handle_notify_of_rows(weir *w, uint64_t row, weir_wake where) {
    uint32_t count = weir_sink_slots(w);
    /* Pairs with the fence of weir_handle_linger: either we see that the writer wants to be
     * woken, or it sees these rows when it looks. */
    atomic_thread_fence(memory_order_seq_cst);
    for (uint32_t i = 0; i < count; i++) {
        weir_attached *s = &w->sinks[i];
        if (row >= atomic_load_explicit(&s->linger_row, memory_order_relaxed))
            wake_writer(s, where);
    }
}

weir_journal *weir_handle_journal(weir *w) { return w->journal; }
weir_journaler *weir_handle_journaler(weir *w) { return &w->journaler; }
const weir_os *weir_handle_os(weir *w) { return w->os; }
const weir_options *weir_handle_options(weir *w) { return &w->options; }
const char *weir_handle_directory(weir *w) { return w->directory; }
bool weir_handle_is_emptied(weir *w) { return w->emptied; }
weir_position weir_handle_start(const weir_attached *s) { return s->start; }
uint64_t weir_handle_begin(const weir_attached *s) { return s->begin; }

static void store(_Atomic uint64_t *field, uint64_t value) {
    atomic_store_explicit(field, value, memory_order_release);
}

/* What callers were told stays so, also when a database goes back and gets the rows again. Only the
 * writer thread stores these. */
static void raise_mark(_Atomic uint64_t *field, uint64_t value) {
    if (atomic_load_explicit(field, memory_order_relaxed) < value) store(field, value);
}

static void add_count(_Atomic uint64_t *field, uint64_t value) {
    atomic_fetch_add_explicit(field, value, memory_order_relaxed);
}

void weir_handle_applied(weir_attached *s, const weir_block_header *last,
                         const weir_payload *payload, uint64_t rows, uint64_t rejected,
                         uint64_t ignored, uint64_t wal_bytes) {
    weir *w = s->w;
    add_count(&s->rows_applied, rows);
    add_count(&s->rows_rejected, rejected);
    add_count(&s->rows_ignored, ignored);
    add_count(&s->transactions, 1);
    store(&s->wal_bytes, wal_bytes);
    store(&s->applied_at, (uint64_t)w->os->wall(w->os->self));
    if (weir_id_equal(payload->ring, w->ring.header.id))
        for (uint32_t i = 0; i < payload->lanes; i++) {
            weir_lane_mark mark = weir_payload_lane(payload, i);
            if (mark.lane < w->options.lanes_max)
                raise_mark(&s->lane_applied[mark.lane], mark.position);
        }
    raise_mark(&s->applied_row, last->first_row + last->rows - 1);
    weir_journaler_notify(&w->journaler, &w->journaler.applied);
}

void weir_handle_passed(weir_attached *s, uint64_t row) {
    if (row <= atomic_load_explicit(&s->applied_row, memory_order_relaxed))
        return; /* the writer's own */
    raise_mark(&s->applied_row, row);
    weir_journaler_notify(&s->w->journaler, &s->w->journaler.applied);
}

void weir_handle_deleted(weir_attached *s, uint64_t rows, uint64_t wal_bytes) {
    add_count(&s->rows_deleted, rows);
    add_count(&s->transactions, 1);
    store(&s->wal_bytes, wal_bytes);
}

void weir_handle_keep_suspended(weir_attached *s) { add_count(&s->keeps_suspended, 1); }

void weir_handle_vouch(weir *w) {
    atomic_store_explicit(&w->journaler.vouching, true, memory_order_relaxed);
}

/* Of a sink that has left, its writer may still say what was in its way: it has left all the same. */
void weir_handle_apply_status(weir_attached *s, int status) {
    int was = atomic_load_explicit(&s->apply_status, memory_order_relaxed);
    while (was != WEIR_CLOSED &&
           !atomic_compare_exchange_weak_explicit(&s->apply_status, &was, status,
                                                  memory_order_release, memory_order_relaxed)) {
    }
    weir_journaler_notify(&s->w->journaler, &s->w->journaler.applied);
}

bool weir_handle_wants_applied(const weir_attached *s) {
    return atomic_load_explicit(&s->want_applied, memory_order_seq_cst) > 0 ||
           atomic_load_explicit(&s->applied_row, memory_order_relaxed) < /* the writer's own */
               atomic_load_explicit(&s->requested_row, memory_order_acquire);
}

void weir_handle_linger(weir_attached *s, uint64_t row) {
    atomic_store_explicit(&s->linger_row, row, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst); /* see weir_handle_notify_of_rows */
}
