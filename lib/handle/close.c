/* close.c - closing: calls are waited for, the threads end, and what the handle had is given
 * back. */
#include "close.h"

#include <stdlib.h>

#include "../base/thread.h"
#include "crash.h"
#include "figures.h"
#include "fork.h"
#include "log_record.h"
#include "log_site.h"
#include "notify.h"
#include "place.h"
#include "registry.h"

enum { CLOSE_POLL_NS = 1000000 };

/* ---- undoing ------------------------------------------------------------------------------- */

/* The tables themselves stay: an append that began before close may still look at one. */
static void free_declarations(weir *w) {
    for (uint16_t i = 1; i <= w->table_count; i++) {
        weir_declaration_free(w->known[i]);
        w->known[i] = NULL;
        if (!w->tables[i]) continue;
        weir_declaration_free(w->tables[i]->declaration);
        w->tables[i]->declaration = NULL;
    }
    weir_templates_free(&w->templates);
    free(w->log_name);
    w->log_name = NULL;
}

void weir_dismantle(weir *w) {
    weir_journaler_release(&w->journaler);
    if (w->journal) weir_journal_close(w->journal);
    w->journal = NULL;
    weir_log_end_recorder(w);
    if (w->ring.lanes) weir_ring_close(&w->ring);
    free_declarations(w);
    for (uint32_t i = 0; i < WEIR_SINKS_MAX; i++) {
        free((void *)w->sinks[i].lane_applied);
        w->sinks[i].lane_applied = NULL;
    }
    weir_figures_end(w);
    weir_close_descriptors(w);
    weir_registry_unlock(w);
    if (w->dirfd) (void)w->os->close(w->os->self, w->dirfd); /* nothing is written through it */
    w->dirfd = 0;
    free(w->directory);
    w->directory = NULL;
    (void)pthread_mutex_destroy(&w->declaring); /* nobody holds these */
    (void)pthread_mutex_destroy(&w->attaching);
    (void)pthread_mutex_destroy(&w->flushing);
    (void)pthread_mutex_destroy(&w->storing);
    weir_registry_give_back(w);
    weir_fork_end();
}

static bool call_under_way(const weir *w) {
    if (atomic_load_explicit(&w->calls_in_flight, memory_order_seq_cst)) return true;
    for (uint32_t i = 0; i < w->options.lanes_max; i++)
        if (atomic_load_explicit(&w->lanes[i].busy, memory_order_acquire)) return true;
    return weir_log_is_recording(w);
}

/* Its journal thread has ended, so this thread may do what only the journal thread may. */
static bool is_close_over(weir *w) {
    weir_ring_end_dead(&w->ring);
    return !call_under_way(w);
}

void weir_bury_stuck_handles(void) {
    weir *w;
    while ((w = weir_registry_take_stuck(is_close_over)))
        weir_dismantle(w);
}

/* ---- closing ------------------------------------------------------------------------------- */

/* Threads that ended are inside no call, and the journal thread finds out which have ended. */
static void look_for_ended_threads(weir *w) {
    atomic_store_explicit(&w->journaler.lanes_wanted, 1, memory_order_seq_cst);
    weir_journaler_wake(&w->journaler);
}

/* From now on no call passes the gate; wait for those that had passed it. */
static bool shut_gate(weir *w, uint64_t deadline) {
    atomic_store_explicit(w->gate, 0, memory_order_seq_cst);
    (void)w->os->barrier(w->os->self); /* without it appends fence themselves: see pass_gate */
    weir_journaler_notify_all(&w->journaler);
    _Atomic uint32_t never = 0;
    while (call_under_way(w)) {
        if (w->os->now(w->os->self) >= deadline) return false;
        look_for_ended_threads(w);
        (void)w->os->wait(w->os->self, &never, 0, CLOSE_POLL_NS);
    }
    return true;
}

/* Everything in the ring is durable in the journal, so the ring is removed, and then a mark
 * without lanes says so. In the other order a power cut could bring back a ring that is drained
 * while nothing says so. */
static int remove_ring(weir *w, weir_error *error) {
    char path[WEIR_PATH_MAX];
    int status = weir_place_path(w, "ring", path, error);
    if (status == WEIR_OK) status = weir_place_check(w, error);
    if (status != WEIR_OK) return status;
    atomic_store_explicit(&w->ring_stands, false, memory_order_release);
    int gone = w->os->unlink(w->os->self, w->dirfd, path);
    weir_log_remove_recorder(w); /* it belongs to that ring */
    if (gone >= 0) gone = w->os->sync_directory(w->os->self, w->dirfd, w->directory);
    weir_figures_leave_ring(w);
    weir_ring_unmap(&w->ring); /* the file system takes a while to free it */
    return gone < 0 ? weir_fail_os(error, gone, "cannot remove %s", path) : WEIR_OK;
}

static int leave_closing_mark(weir *w, weir_error *error) {
    const weir_drained no_ring = {.count = 0};
    uint8_t head[WEIR_PAYLOAD_HEAD];
    int status =
        weir_journal_append(w->journal, WEIR_BLOCK_MARK, &no_ring, head, sizeof head, 0, error);
    return status == WEIR_OK ? weir_journal_sync(w->journal, error) : status;
}

/* A handle without a writer, or whose writer could not apply all, leaves rows for the next one. */
static bool rows_wait(weir *w) {
    weir_journal_counts counts;
    weir_journal_get_counts(w->journal, &counts);
    return counts.durable_row >
           atomic_load_explicit(&w->sinks[0].applied_row, memory_order_acquire);
}

static int close_journal_of(weir *w, weir_error *error) {
    bool wait = rows_wait(w);
    if (!wait) weir_journal_shrink(w->journal);
    int status = leave_closing_mark(w, error);
    if (status == WEIR_OK) weir_journal_trim(w->journal, wait);
    return status;
}

/* All begin to finish before one is waited for. */
static void finish_writers(weir *w, uint64_t deadline) {
    sigset_t before = weir_lock_hold(&w->attaching);
    for (uint32_t i = 0; i < weir_sink_slots(w); i++) {
        weir_attached *s = &w->sinks[i];
        if (weir_is_hooked(s) && !s->leaves) s->hooks.finish(s->hooks.self, deadline);
        s->leaves = true; /* nobody tells it again */
    }
    weir_lock_release(&w->attaching, &before);
}

/* What the first sink's writer answers. Rows that another sink has not applied wait for the next
 * opening; that is no failure of the program's. */
static int stop_writers(weir *w, uint64_t deadline) {
    int first = WEIR_OK;
    for (uint32_t i = 0; i < weir_sink_slots(w); i++) {
        weir_attached *s = &w->sinks[i];
        int status = weir_is_hooked(s) ? s->hooks.stop(s->hooks.self, deadline) : WEIR_OK;
        if (i == 0) first = status;
    }
    return first;
}

static int close_handle(weir *w) {
    weir_error error = {0};
    int status = weir_gate_status(w, w->generation);
    if (status != WEIR_OK && status != WEIR_STOPPED) return weir_refuse("weir_close", status);
    if (atomic_exchange_explicit(&w->closing, true, memory_order_acq_rel))
        return weir_refuse("weir_close", WEIR_CLOSED);
    uint64_t deadline = weir_deadline(w->os, w->options.open_timeout_ms);
    weir_leave_appends(w);
    bool quiet = shut_gate(w, deadline);
    weir_notify_closing(w);
    weir_crash_forget(w); /* nobody can ask for it again */
    int journaled = weir_journaler_stop(&w->journaler);
    w->emptied = quiet && journaled == WEIR_OK;
    if (journaled == WEIR_OK && atomic_load_explicit(&w->journaler.vouching, memory_order_relaxed))
        weir_journaler_vouch(&w->journaler); /* its thread has ended */
    finish_writers(w, deadline);
    if (journaled != WEIR_OK)
        (void)weir_fail(&error, journaled, "%s: rows stay in the ring for the next opening: %s",
                        w->directory, weir_status_text(journaled));
    else if (quiet)
        journaled = remove_ring(w, &error); /* while the writer finishes */
    int applied = stop_writers(w, deadline);
    weir_notify_end(w);
    if (!quiet) { /* ring, mapping and lock stay: the append will be kept */
        if (journaled == WEIR_OK)
            (void)weir_fail(&error, WEIR_PENDING,
                            "%s: a thread is still inside a call, or has jumped out of an append; "
                            "the journal can be opened again once the call returns or the thread "
                            "ends",
                            w->directory);
        weir_registry_keep_stuck(w);
        return weir_publish_error(&error);
    }
    if (journaled == WEIR_OK) journaled = close_journal_of(w, &error);
    weir_figures_close(w);
    weir_dismantle(w);
    if (journaled != WEIR_OK) return weir_publish_error(&error);
    return applied;
}

int weir_close(weir *w) {
    if (!w) return weir_misuse("weir_close", "w is NULL");
    weir_shelter shelter = weir_shelter_take();
    weir_log_tell_lost(w, WEIR_SHARE_CALM);
    int status = close_handle(w);
    weir_shelter_leave(&shelter);
    return status;
}
