/* journaler.c - policy and thread of the journal: when to cut, when to sync, when to sleep. */
#include "journaler.h"

#include "../base/thread.h"

enum {
    GROUP_TARGET = 4 * WEIR_DRAIN_TARGET, /* bytes of payload for one sync */
    SMALL_GROUP = 64 << 10,  /* likewise: small ones come from callers that wait for each */
    QUIET_LINGERS = 10,      /* so many lingers without news make the thread sleep for good */
    RETRY_NS = 20 * 1000000, /* at first, between two looks whether a full journal has room */
    RETRY_MOST_NS = 1000 * 1000000, /* at last: the thread that releases a segment rings */
    GATHER_NS = 2 * 1000000,        /* at most: a stalled disk shall not be paid for twice */
    FAILURES_MAX = 3,               /* in a row; then the journal stops */
};

void weir_journaler_tell(weir_journaler *j, weir_event event, const char *text) {
    if (j->on_event) j->on_event(j->context, event, text);
}

void weir_journaler_wake(weir_journaler *j) {
    /* seq_cst against the journal thread's asleep and wakeup: see journaler.h. */
    atomic_fetch_add_explicit(&j->wakeup, 1, memory_order_seq_cst);
    if (atomic_load_explicit(&j->asleep, memory_order_seq_cst))
        j->os->wake(j->os->self, &j->wakeup);
}

void weir_journaler_wake_aside(weir_journaler *j) {
    /* A hint, and so relaxed. */
    if (atomic_load_explicit(&j->asleep, memory_order_relaxed))
        weir_affinity_keep_off(&j->affinity);
    weir_journaler_wake(j);
}

void weir_journaler_notify(weir_journaler *j, weir_eventcount *news) {
    /* seq_cst: either a waiting thread counts as a waiter before this load, or it sees what has
     * moved. */
    atomic_fetch_add_explicit(&news->moved, 1, memory_order_seq_cst);
    if (atomic_load_explicit(&news->waiters, memory_order_seq_cst))
        j->os->wake(j->os->self, &news->moved);
    /* Pairs with the fence in event_of (poll.c): either this sees the event, or who asks after that
     * fence sees what has moved. */
    atomic_thread_fence(memory_order_seq_cst);
    int event = atomic_load_explicit(&news->event, memory_order_relaxed);
    if (event) j->os->raise_event(j->os->self, event);
}

void weir_journaler_notify_all(weir_journaler *j) {
    weir_journaler_notify(j, &j->durable);
    weir_journaler_notify(j, &j->lanes);
    weir_journaler_notify(j, &j->applied);
}

/* The one thread of the child may be in a wait that the kernel restarts: it returns instead,
 * since the word differs by then. */
void weir_journaler_let_go(weir_journaler *j) {
    atomic_fetch_add_explicit(&j->durable.moved, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&j->lanes.moved, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&j->applied.moved, 1, memory_order_relaxed);
}

static weir_next stop_for_good(weir_journaler *j, const weir_error *error) {
    atomic_store_explicit(&j->status, WEIR_STOPPED, memory_order_release);
    weir_journaler_tell(j, WEIR_EVENT_STOPPED, error->text);
    if (j->on_stop) j->on_stop(j->context);
    weir_journaler_notify_all(j);
    return WEIR_NEXT_STOPPED;
}

int weir_journaler_prepare(weir_journaler *j, weir_error *error) {
    int status = weir_drain_make(&j->drain, j->ring, j->journal, WEIR_DRAIN_TARGET,
                                 WEIR_DRAIN_LIVE_RING, error);
    return status == WEIR_OK ? weir_journaler_first_lanes(j, error) : status;
}

void weir_journaler_release(weir_journaler *j) { weir_drain_free(&j->drain); }

/* ---- one group -------------------------------------------------------------------------- */

static void group_is_durable(weir_journaler *j) {
    j->marked = false;
    weir_journal_state state;
    weir_journal_get_state(j->journal, &state);
    /* The mark before the space: a mark may be too low, never too high. */
    weir_ring_store_mark(j->ring, &state.durable);
    weir_drain_release(&j->drain);
    j->failures = 0;
    if (j->on_durable)
        j->on_durable(j->context, state.durable.row); /* the writer has the most to do with it */
    weir_journaler_notify(j, &j->durable);
    weir_journal_look_ahead(j->journal); /* after the waiting threads were woken */
}

/* Everything that was published when the requests were taken is durable. */
static void answer_requests(weir_journaler *j) {
    if (j->under_way & 1u << WEIR_APPLIED && j->on_requested) {
        weir_journal_state state;
        weir_journal_get_state(j->journal, &state);
        j->on_requested(j->context, state.durable.row);
    }
    j->under_way = 0;
}

/* No segment can be had for now. */
static weir_next wait_for_journal_room(weir_journaler *j, uint64_t *wait_ns) {
    uint64_t twice = j->retry_ns < RETRY_MOST_NS / 2 ? 2 * j->retry_ns : RETRY_MOST_NS;
    j->retry_ns = j->full ? twice : RETRY_NS;
    j->full = true;
    *wait_ns = j->retry_ns;
    return WEIR_NEXT_WAIT;
}

/* The blocks that were not acknowledged are written again, from the ring, into a new segment. A
 * segment that cannot be written or synced is one more failure; a lack of space is none, and is
 * tried again after a pause. */
static weir_next begin_again(weir_journaler *j, weir_error *error, uint64_t *wait_ns) {
    bool passes = weir_error_passes(error);
    int status;
    do {
        weir_journaler_tell(j, WEIR_EVENT_SYNC_FAILED, error->text);
        weir_drain_rewind(&j->drain);
        if (!weir_error_passes(error) && ++j->failures > FAILURES_MAX)
            return stop_for_good(j, error);
        status = weir_journal_restart(j->journal, error);
    } while (status != WEIR_OK && status != WEIR_FULL);
    if (status == WEIR_FULL || passes) return wait_for_journal_room(j, wait_ns);
    j->full = false;
    return WEIR_NEXT_AGAIN;
}

static uint64_t group_threshold(const weir_journaler *j) {
    return weir_lane_enough(j->ring->header.lane_bytes);
}

/* A caller that waits shall not wait for many other rows; and the writer, for which it may wait,
 * gets the first rows while the next are written. Nor shall it wait for the compressor, unless
 * so much is pending that its size counts. Returns how much to write. hurry is a hint, and so
 * relaxed. */
static uint64_t choose_group_target(weir_journaler *j) {
    bool hurry = atomic_load_explicit(&j->sync_waiters, memory_order_relaxed) > 0 || j->under_way;
    weir_journal_store_plain(j->journal,
                             hurry && weir_ring_pending(j->ring) <= 4 * group_threshold(j));
    return hurry ? group_threshold(j) : GROUP_TARGET;
}

/* Zeros ahead pay when the next groups are small, or come one by one. With large groups in a
 * row, everything would be written twice for little gain. */
static bool wants_zeros(const weir_journaler *j, uint64_t bytes) {
    return bytes < SMALL_GROUP || j->was_quiet;
}

/* Blocks of one cut, one sync. */
static int write_group(weir_journaler *j, uint64_t *bytes, weir_error *error) {
    bool appended = true;
    int status = WEIR_OK;
    uint64_t target = choose_group_target(j);
    j->drain.target = target < WEIR_DRAIN_TARGET ? target : WEIR_DRAIN_TARGET;
    *bytes = 0;
    while (status == WEIR_OK && appended && *bytes < target) {
        status = weir_drain_block(&j->drain, &appended, error);
        *bytes += appended ? j->drain.used : 0;
    }
    if (status != WEIR_OK && status != WEIR_FULL) return status;
    if (*bytes == 0) return status;
    if (wants_zeros(j, *bytes)) weir_journal_prezero(j->journal);
    int synced = weir_journal_sync(j->journal, error);
    return synced == WEIR_OK ? status : synced;
}

static uint32_t arrivals(const weir_journaler *j) {
    return atomic_load_explicit(&j->sync_requests, memory_order_relaxed);
}

/* Group commit: threads that wait, append and wait again would form two groups, each of which
 * waits while the other is synced. So the next cut is delayed, by at most a third of the time
 * that the group took, until the threads that the group released are back. (Helland et al.,
 * Group Commit Timers and High Volume Transaction Systems, 1987.) waiting: how many threads
 * waited at the cut; a thread that polls arrives more than once. */
static void group_commit_delay(weir_journaler *j, uint32_t cut, uint32_t waiting, uint64_t began) {
    uint64_t now = j->os->now(j->os->self), third = (now - began) / 3;
    uint32_t released = cut - j->gathering.cut;
    if (released > waiting) released = waiting;
    if (j->drain.cutting) released = 0; /* their rows come with the next group */
    j->gathering.cut = cut;
    j->gathering.due = released > 1 ? arrivals(j) - cut + released : 0;
    j->gathering.until = now + (third < GATHER_NS ? third : GATHER_NS);
}

/* All are hints, and so relaxed: the step looks again. */
bool weir_journaler_delays_group(const weir_journaler *j) {
    return arrivals(j) - j->gathering.cut < j->gathering.due &&
           !atomic_load_explicit(&j->stopping, memory_order_relaxed) &&
           !atomic_load_explicit(&j->lanes_wanted, memory_order_relaxed) &&
           weir_ring_pending(j->ring) < group_threshold(j) &&
           j->os->now(j->os->self) < j->gathering.until;
}

static weir_next group(weir_journaler *j, uint64_t *wait_ns) {
    weir_error error = {0};
    uint64_t bytes;
    uint32_t cut = arrivals(j);
    uint32_t waiting = atomic_load_explicit(&j->waiters, memory_order_relaxed); /* a hint */
    uint64_t began = j->os->now(j->os->self);
    int status = write_group(j, &bytes, &error);
    j->was_quiet = false;
    if (status == WEIR_STOPPED) return stop_for_good(j, &error);
    if (status != WEIR_OK && status != WEIR_FULL) return begin_again(j, &error, wait_ns);
    if (bytes) group_is_durable(j);
    if (status == WEIR_OK && !j->drain.cutting) answer_requests(j);
    group_commit_delay(j, cut, waiting, began);
    if (status == WEIR_FULL) return wait_for_journal_room(j, wait_ns);
    j->full = false;
    return WEIR_NEXT_AGAIN;
}

/* ---- the step ---------------------------------------------------------------------------- */

/* Relaxed: it is set before the first wait for such a writer, and a step that misses it is followed by
 * another one. */
static bool is_vouching(const weir_journaler *j) {
    return atomic_load_explicit(&j->vouching, memory_order_relaxed);
}

/* A block without rows carries the durable mark of the last group, which otherwise only the
 * ring's header would have. A mark that cannot be written loses no rows; the next group will
 * meet the same failure and handle it. */
void weir_journaler_vouch(weir_journaler *j) {
    weir_error error = {0};
    weir_journal_state state;
    if (j->marked) return;
    int status = weir_drain_mark(&j->drain, &error);
    /* Nobody else may come: whoever makes room wakes this thread. */
    j->marked = status != WEIR_FULL || !is_vouching(j);
    if (status == WEIR_OK) status = weir_journal_sync(j->journal, &error);
    if (status != WEIR_OK || !is_vouching(j)) return;
    weir_journal_get_state(j->journal, &state);
    if (j->on_durable) j->on_durable(j->context, state.durable.row);
}

static weir_next quiet(weir_journaler *j, uint64_t now, uint64_t *wait_ns) {
    j->pending_since = 0;
    j->was_quiet = true;
    if (!j->quiet_since) j->quiet_since = now;
    bool wanted = is_vouching(j) && atomic_load_explicit(&j->waiters, memory_order_relaxed) > 0;
    bool calm = now - j->quiet_since >= QUIET_LINGERS * j->linger_ns;
    if (wanted || calm) weir_journaler_vouch(j);
    if (calm) return WEIR_NEXT_IDLE;
    *wait_ns = j->linger_ns;
    return WEIR_NEXT_WAIT;
}

weir_next weir_journaler_step(weir_journaler *j, uint64_t *wait_ns) {
    if (atomic_load_explicit(&j->status, memory_order_relaxed) != WEIR_OK) return WEIR_NEXT_STOPPED;
    weir_journaler_provision(j);
    /* Before the tails are read, and not within a cut, which has not all that was published. */
    if (!j->drain.cutting)
        j->under_way |= atomic_exchange_explicit(&j->requested, 0, memory_order_acquire);
    uint64_t now = j->os->now(j->os->self);
    uint64_t pending = weir_ring_pending(j->ring);
    if (!pending) {
        answer_requests(j);
        return quiet(j, now, wait_ns);
    }
    j->quiet_since = 0;
    if (!j->pending_since) j->pending_since = now;
    uint64_t waited = now - j->pending_since;
    bool demanded = j->under_way || atomic_load_explicit(&j->waiters, memory_order_relaxed) > 0 ||
                    atomic_load_explicit(&j->stopping, memory_order_relaxed);
    if (!demanded && pending < group_threshold(j) && waited < j->linger_ns) {
        *wait_ns = j->linger_ns - waited;
        return WEIR_NEXT_WAIT;
    }
    j->pending_since = 0;
    return group(j, wait_ns);
}

/* ---- the thread -------------------------------------------------------------------------- */

/* Is there something to do that came before the thread said that it sleeps? Whatever comes after
 * that rings. Rows count when the thread would sleep for good, or when a caller waits for them
 * and there is room to write them. */
static bool has_work(const weir_journaler *j, bool idle) {
    if (atomic_load_explicit(&j->stopping, memory_order_seq_cst) ||
        atomic_load_explicit(&j->lanes_wanted, memory_order_seq_cst) ||
        (!j->full && atomic_load_explicit(&j->requested, memory_order_seq_cst)) ||
        atomic_load_explicit(&j->lane_refused, memory_order_seq_cst))
        return true;
    bool rows_count =
        idle || (!j->full && atomic_load_explicit(&j->waiters, memory_order_seq_cst) > 0);
    return rows_count && weir_ring_pending(j->ring) > 0;
}

/* No wake-up is lost. The wakeup word is read first, so the wait returns at once when a thread has
 * raised it since. Everything that threads raise it for is looked at after asleep is stored, so what
 * a thread did that found us awake, and woke nobody, is seen. A producer makes no fence between
 * publishing and looking at asleep; the barrier orders the two for it: any tail that was
 * published by a producer which did not see us idle is visible after the barrier. */
static void rest_journaler(weir_journaler *j, weir_next next, uint64_t wait_ns) {
    bool idle = next == WEIR_NEXT_IDLE;
    uint32_t wakeup = atomic_load_explicit(&j->wakeup, memory_order_seq_cst);
    atomic_store_explicit(&j->asleep, idle ? WEIR_ASLEEP_IDLE : WEIR_ASLEEP_LINGERING,
                          memory_order_seq_cst);
    if (idle)
        (void)j->os->barrier(j->os->self); /* without it producers fence: see publish_record */
    if (!has_work(j, idle))
        (void)j->os->wait(j->os->self, &j->wakeup, wakeup, idle ? UINT64_MAX : wait_ns);
    weir_affinity_restore(&j->affinity);
    atomic_store_explicit(&j->asleep, WEIR_AWAKE, memory_order_seq_cst);
}

static void journal_until_done(weir_journaler *j) {
    for (;;) {
        uint64_t wait_ns = 0;
        while (weir_journaler_delays_group(j))
            weir_thread_yield();
        j->gathering.due = 0;
        weir_next next = weir_journaler_step(j, &wait_ns);
        if (j->on_step) j->on_step(j->context);
        if (next == WEIR_NEXT_STOPPED) return;
        if (next != WEIR_NEXT_AGAIN && atomic_load_explicit(&j->stopping, memory_order_acquire) &&
            (weir_ring_pending(j->ring) == 0 || j->full))
            return;
        bool waited_for = atomic_load_explicit(&j->waiters, memory_order_relaxed) > 0; /* a hint */
        if (!weir_ring_populate(j->ring, !waited_for) && next != WEIR_NEXT_AGAIN)
            rest_journaler(j, next, wait_ns);
    }
}

static void *run_journaler(void *argument) {
    weir_journaler *j = argument;
    weir_affinity_begin(&j->affinity);
    journal_until_done(j);
    weir_affinity_end(&j->affinity);
    return NULL;
}

int weir_journaler_start(weir_journaler *j, weir_error *error) {
    int failed = weir_thread_start(&j->thread, "weir-journal", run_journaler, j);
    if (failed) return weir_fail_os(error, failed, "cannot start the journal thread");
    j->running = true;
    return WEIR_OK;
}

int weir_journaler_stop(weir_journaler *j) {
    atomic_store_explicit(&j->stopping, true, memory_order_seq_cst);
    if (j->running) {
        weir_journaler_wake(j);
        (void)pthread_join(j->thread, NULL); /* fails only for a thread that is not ours */
        j->running = false;
    }
    int status = atomic_load_explicit(&j->status, memory_order_acquire);
    if (status == WEIR_OK && weir_ring_pending(j->ring) > 0) status = WEIR_FULL;
    return status;
}
