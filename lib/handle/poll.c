/* poll.c - waiting without a thread: a descriptor for an event loop, and a request instead of a
 * wait. */
#include "close.h"

static const char no_level[] = "level is neither WEIR_DURABLE nor WEIR_APPLIED";

static bool can_be_asked_for(weir_level level) {
    return level == WEIR_DURABLE || level == WEIR_APPLIED;
}

/* ---- the descriptor ------------------------------------------------------------------------ */

/* Several threads may ask at once: the first event that is stored is the one. */
static int event_of(weir *w, weir_eventcount *news, int *event, weir_error *error) {
    *event = atomic_load_explicit(&news->event, memory_order_relaxed);
    if (*event) return WEIR_OK;
    int made = w->os->make_event(w->os->self);
    if (made < 0) return weir_fail_os(error, made, "weir_descriptor: no descriptor can be made");
    if (atomic_compare_exchange_strong_explicit(&news->event, event, made, memory_order_relaxed,
                                                memory_order_relaxed))
        *event = made;
    else
        (void)w->os->close(w->os->self, made); /* nobody knows it */
    /* Pairs with the fence in weir_journaler_notify, for threads that found the event made too: who
     * asks for a level from now on sees that it is reached, or the event is raised. */
    atomic_thread_fence(memory_order_seq_cst);
    return WEIR_OK;
}

int weir_descriptor(weir *w, weir_level level, int *fd) {
    static const char call[] = "weir_descriptor";
    weir_error error = {0};
    int held;
    if (!w || !fd) return weir_misuse(call, w ? "fd is NULL" : "w is NULL");
    *fd = -1;
    if (!can_be_asked_for(level)) return weir_misuse(call, no_level);
    int status = weir_call_enter(w, WEIR_CALL_EVEN_STOPPED, &held);
    if (status != WEIR_OK) return weir_refuse(call, status);
    int event;
    status = event_of(w, level == WEIR_DURABLE ? &w->journaler.durable : &w->journaler.applied,
                      &event, &error);
    if (status == WEIR_OK) *fd = event;
    weir_call_exit(w, held);
    return status < 0 ? weir_publish_error(&error) : status;
}

static void close_event(weir *w, weir_eventcount *news) {
    int event = atomic_exchange_explicit(&news->event, 0, memory_order_relaxed);
    if (event) (void)w->os->close(w->os->self, event); /* nothing is kept in it */
}

void weir_close_descriptors(weir *w) {
    close_event(w, &w->journaler.durable);
    close_event(w, &w->journaler.applied);
}

/* ---- the request --------------------------------------------------------------------------- */

int weir_request(weir *w, weir_level level) {
    static const char call[] = "weir_request";
    int held;
    if (!w) return weir_misuse(call, "w is NULL");
    if (!can_be_asked_for(level)) return weir_misuse(call, no_level);
    int status = weir_call_enter(w, WEIR_CALL_OPEN, &held);
    if (status != WEIR_OK) return weir_refuse(call, status);
    /* Release, with the journal thread's acquire: it sees the rows that were published before.
     * seq_cst: see rest_journaler. */
    atomic_fetch_or_explicit(&w->journaler.requested, 1u << level, memory_order_seq_cst);
    weir_journaler_wake(&w->journaler);
    weir_call_exit(w, held);
    return WEIR_OK;
}
