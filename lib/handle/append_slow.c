/* append_slow.c - the slow path of an append: getting a lane, and waiting for room in it. Like
 * the hot path it runs in signal handlers: no lock, no allocation. */
#include "append_slow.h"

#include <errno.h>

#include "../base/thread.h"
#include "append_words.h"

enum {
    LANE_WAIT_MS = 200, /* at most, for the journal thread to make a lane */
    LANE_LOOK_MS = 20,  /* between two looks for threads that kept their lanes */
};

/* ---- a lane of one's own ----------------------------------------------------------------- */

/* A free lane becomes this thread's, until it ends. */
static weir_lane *claim(weir *w, unsigned depth) {
    weir_lane *lane = weir_ring_claim(&w->ring, w->os->thread_number(w->os->self), depth);
    if (!lane) return NULL;
    lane->opening = (uint16_t)w->generation;
    weir_thread_expect_end();
    return lane;
}

static void ask_for_lanes(weir *w) {
    atomic_store_explicit(&w->journaler.lanes_wanted, 1, memory_order_seq_cst);
    weir_journaler_wake(&w->journaler);
}

/* Is the journal thread about to make one, so that it is worth a wait even if the policy is to fail
 * at once? A hint. */
static bool one_is_coming(const weir *w) {
    return atomic_load_explicit(&w->ring.ready, memory_order_relaxed) < w->ring.header.lanes &&
           !atomic_load_explicit(&w->journaler.lanes_short, memory_order_relaxed);
}

/* A thread that has crashed waits less long than the options say. */
static uint64_t wait_deadline(const weir *w, uint32_t ms) {
    uint32_t most = weir_thread_wait_limit();
    return weir_deadline(w->os, ms < most ? ms : most);
}

/* Sleep until lanes have moved, or it is time to ask again; false at the deadline. */
static bool await_lanes(weir *w, uint32_t seen, uint64_t deadline) {
    uint64_t look = weir_deadline(w->os, LANE_LOOK_MS);
    if (!weir_eventcount_wait(w, &w->journaler.lanes, seen, look < deadline ? look : deadline))
        return false;
    return w->os->now(w->os->self) < deadline;
}

/* Ask for a lane, and sleep until the answer. Ask again only when no answer has come for a
 * while, or two threads would wake each other for as long as there is no lane. */
static weir_lane *wait_for_lane(weir *w, unsigned depth) {
    bool patient = w->options.full == WEIR_FULL_BLOCK;
    uint64_t deadline = wait_deadline(w, patient ? w->options.full_timeout_ms : LANE_WAIT_MS);
    bool more = !weir_thread_is_ours(), ask = true;
    weir_lane *lane = NULL;
    while (more && !lane && weir_gate_status(w, w->generation) == WEIR_OK) {
        uint32_t seen = atomic_load_explicit(&w->journaler.lanes.moved, memory_order_seq_cst);
        lane = claim(w, depth);
        if (lane) break;
        bool coming = patient || one_is_coming(w);
        if (ask) ask_for_lanes(w);
        more = coming && await_lanes(w, seen, deadline);
        ask = atomic_load_explicit(&w->journaler.lanes.moved, memory_order_relaxed) == seen;
    }
    return lane;
}

/* Rows that ended threads have left in their lanes should not linger while a thread waits for a
 * lane. */
static weir_lane *demand_lane(weir *w, unsigned depth) {
    atomic_fetch_add_explicit(&w->journaler.waiters, 1, memory_order_seq_cst);
    weir_lane *lane = wait_for_lane(w, depth);
    atomic_fetch_sub_explicit(&w->journaler.waiters, 1, memory_order_seq_cst);
    return lane;
}

static weir_lane *take_lane_inside(weir *w, unsigned depth) {
    weir_lane *lane = weir_ring_find(&w->ring, w->os->thread_number(w->os->self), depth);
    if (lane) return lane;
    lane = claim(w, depth);
    if (!lane) return demand_lane(w, depth);
    /* Was it the last one ready? Have the next made before a thread needs it. */
    if (weir_ring_owned(&w->ring) == atomic_load_explicit(&w->ring.ready, memory_order_relaxed))
        atomic_store_explicit(&w->journaler.lanes_wanted, 1, memory_order_seq_cst);
    weir_journaler_wake(&w->journaler); /* for the next, and to populate this one */
    return lane;
}

/* System calls made here may change errno, which an append leaves as it was. */
weir_lane *weir_take_lane(weir *w, unsigned depth) {
    int held, saved = errno;
    if (weir_call_enter(w, WEIR_CALL_OPEN, &held) != WEIR_OK) return NULL;
    weir_lane *lane = take_lane_inside(w, depth);
    weir_call_exit(w, held);
    errno = saved;
    return lane;
}

/* ---- room in it --------------------------------------------------------------------------- */

static bool record_fits(weir_lane *lane, uint64_t bytes) {
    /* Acquire: the journal thread has finished reading what we are about to overwrite. */
    uint64_t head = atomic_load_explicit(&lane->control->head, memory_order_acquire);
    uint64_t end = lane->tail + bytes;
    if (end > head + lane->size) return false;
    uint64_t part = end + weir_lane_enough(lane->size) / 2, most = head + lane->size;
    lane->limit = part < most ? part : most;
    return true;
}

static int refuse_room(const weir *w, bool waited) {
    int status = weir_gate_refusal(w);
    if (status == WEIR_FULL) weir_append_had_no_room(w, waited);
    return status;
}

static int wait_for_lane_room(weir *w, weir_lane *lane, uint64_t bytes, weir_share share) {
    if (w->options.full == WEIR_FULL_FAIL || share == WEIR_SHARE_CALM || weir_thread_is_ours())
        return refuse_room(w, false);
    int held = weir_cancel_hold();
    uint64_t deadline = wait_deadline(w, w->options.full_timeout_ms);
    weir_eventcount *news = &w->journaler.durable;
    bool there = false, more = true;
    atomic_fetch_add_explicit(&w->journaler.waiters, 1, memory_order_seq_cst);
    while (!there && more) {
        uint32_t seen = atomic_load_explicit(&news->moved, memory_order_seq_cst);
        there = record_fits(lane, bytes);
        bool open = atomic_load_explicit(w->gate, memory_order_relaxed) == w->generation;
        if (!there) weir_journaler_wake(&w->journaler);
        if (!there) more = open && weir_eventcount_wait(w, news, seen, deadline);
    }
    atomic_fetch_sub_explicit(&w->journaler.waiters, 1, memory_order_seq_cst);
    weir_cancel_allow(held);
    return there ? WEIR_OK : refuse_room(w, true);
}

int weir_make_lane_room(weir *w, weir_lane *lane, uint64_t bytes, uint64_t free, weir_share share) {
    if (bytes > lane->size / 2) return WEIR_TOO_BIG;
    bytes += free; /* at most a quarter of the lane: it can fit */
    bool there = record_fits(lane, bytes);
    /* What has come together by now should not linger. */
    uint64_t head = atomic_load_explicit(&lane->control->head, memory_order_relaxed);
    if (lane->tail - head >= weir_lane_enough(lane->size)) weir_journaler_wake_aside(&w->journaler);
    return there ? WEIR_OK : wait_for_lane_room(w, lane, bytes, share);
}
