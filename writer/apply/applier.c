/* applier.c - the writer thread. */
#include "applier.h"

#include <stdlib.h>

#include "../../lib/base/thread.h"
#include "applier_state.h"

bool weir_applier_is_done(const weir_applier *a) { return a->done; }

/* ---- the thread ------------------------------------------------------------------------------ */

static void close_applier_sink(weir_applier *a) {
    if (a->sink.close) a->sink.close(a->sink.self);
    a->sink = (weir_sink){0};
}

static void rest_applier(weir_applier *a, uint32_t seen, uint64_t pause) {
    weir_wakeup *wakeup = a->wakeup;
    atomic_store_explicit(&wakeup->asleep, true, memory_order_relaxed);
    (void)a->os->wait(a->os->self, &wakeup->notified, seen,
                      pause); /* why it ends does not matter */
    atomic_store_explicit(&wakeup->asleep, false, memory_order_relaxed);
    weir_affinity_restore(&wakeup->affinity);
}

static void apply_until_done(weir_applier *a) {
    while (!a->done) {
        /* Acquire, against the release in weir_wakeup_notify: the step sees what was done before a
         * ring that is counted here, and a later ring ends the wait. */
        uint32_t seen = atomic_load_explicit(&a->wakeup->notified, memory_order_acquire);
        uint64_t pause = weir_applier_step(a);
        if (a->started) weir_handle_store_figures(a->attached);
        if (pause && !a->done) rest_applier(a, seen, pause);
    }
    close_applier_sink(a);
}

static void *run_applier(void *argument) {
    weir_applier *a = argument;
    weir_affinity_begin(&a->wakeup->affinity);
    apply_until_done(a);
    weir_affinity_end(&a->wakeup->affinity);
    return NULL;
}

int weir_applier_start(weir_applier *a, weir_error *error) {
    a->started = true; /* before there is a thread, which reads it */
    int failed = weir_thread_start(&a->thread, "weir-writer", run_applier, a);
    if (failed >= 0) return WEIR_OK;
    a->started = false;
    return weir_fail_os(error, failed, "%s: cannot start the writer thread", a->name);
}

void weir_wakeup_notify(weir_wakeup *wakeup, const weir_os *os, weir_wake where) {
    if (where == WEIR_WAKE_ASIDE && atomic_load_explicit(&wakeup->asleep, memory_order_relaxed))
        weir_affinity_keep_off(&wakeup->affinity);
    atomic_fetch_add_explicit(&wakeup->notified, 1, memory_order_release);
    os->wake(os->self, &wakeup->notified);
}

void weir_applier_release_sink(weir_applier *a) { a->sink = (weir_sink){0}; }

void weir_applier_free(weir_applier *a) {
    if (!a) return;
    weir_replay_free(a->replay);
    weir_history_free(a->history);
    close_applier_sink(a);
    free(a->name);
    free(a);
}

void weir_applier_finish(weir_applier *a, uint64_t deadline_ns) {
    /* Before the thread may end: it closes the sink then. */
    if (a->sink.hurry) a->sink.hurry(a->sink.self, deadline_ns);
    a->deadline = deadline_ns;
    atomic_store_explicit(&a->stopping, true, memory_order_release);
    weir_wakeup_notify(a->wakeup, a->os, WEIR_WAKE_ANYWHERE);
}

int weir_applier_stop(weir_applier *a, uint64_t deadline_ns) {
    if (!weir_applier_is_stopping(a)) weir_applier_finish(a, deadline_ns);
    if (a->started)
        (void)pthread_join(a->thread, NULL); /* it fails only for another's thread */
    else
        apply_until_done(a); /* the caller does the thread's work */
    int status = a->left ? WEIR_PENDING : WEIR_OK;
    weir_applier_free(a);
    return status;
}

/* ---- making ---------------------------------------------------------------------------------- */

/* A sink that the journal knows by name may lack rows that have gone to the archive. */
static int make_replay(weir_applier *a) {
    const weir_os *os = a->os;
    weir_locator locator = weir_journal_locator(a->journal);
    uint64_t begin = weir_handle_begin(a->attached);
    if (begin) {
        int status = weir_history_make(a->journal, &a->history);
        if (status != WEIR_OK) return status;
        os = weir_history_os(a->history);
        locator = weir_history_locator(a->history);
    }
    int status = weir_replay_make(os, locator, weir_journal_id(a->journal), &a->sink,
                                  WEIR_REPLAY_STOP_AT_DAMAGE, &a->replay);
    if (status == WEIR_OK) weir_replay_begin_at(a->replay, begin);
    return status;
}

static int fill_applier(weir_applier *a, weir_attached *attached, const char *name,
                        weir_error *error) {
    weir *handle = weir_attached_handle(attached);
    a->attached = attached;
    a->handle = handle;
    a->os = weir_handle_os(handle);
    a->journal = weir_handle_journal(handle);
    weir_applier_begin(a);
    a->name = strdup(name);
    if (!a->name) return weir_fail(error, WEIR_NO_MEMORY, "%s: no memory for the writer", name);
    int status = make_replay(a);
    return status == WEIR_OK ? status
                             : weir_fail(error, status, "%s: no memory for the writer", name);
}

int weir_applier_make(weir_attached *attached, const char *name, const weir_sink *sink,
                      weir_wakeup *wakeup, weir_applier **out, weir_error *error) {
    *out = NULL;
    weir_applier *a = calloc(1, sizeof *a);
    if (!a) return weir_fail(error, WEIR_NO_MEMORY, "%s: no memory for the writer", name);
    int status = fill_applier(a, attached, name, error);
    if (status != WEIR_OK) { /* the sink stays the caller's */
        weir_applier_free(a);
        return status;
    }
    a->sink = *sink; /* replay has the address of a->sink */
    a->wakeup = wakeup;
    if (sink->remote) weir_handle_vouch(a->handle);
    *out = a;
    return WEIR_OK;
}
