/* lanes.c - the journal thread makes lanes ahead of demand, frees them, takes them back from dead
 * threads, and reports threads that got none. */
#include "journaler.h"

/* Ready and free: one for the next thread, one for a signal handler. */
enum { LANES_AHEAD = 2 };

/* ---- lanes ahead ---------------------------------------------------------------------------- */

/* The reserve must hold what the ring can hold: rows, block heads and padding, in blocks of at
 * least half the target, except the last. And it holds at least a segment and the head of the
 * next ring. */
static uint64_t reserve_for(const weir_journaler *j, uint32_t lanes) {
    uint64_t ring = (uint64_t)lanes * j->ring->header.lane_bytes;
    uint64_t need = ring + ring / 32 + (1u << 20);
    uint64_t least = j->segment_bytes + weir_ring_head_bytes(j->ring->header.lanes);
    return need > least ? need : least;
}

static int provision_one(weir_journaler *j, weir_error *error) {
    uint32_t ready = atomic_load_explicit(&j->ring->ready, memory_order_relaxed);
    if (ready >= j->ring->header.lanes) return WEIR_NOT_FOUND;
    int status = weir_journal_reserve(j->journal, reserve_for(j, ready + 1), error);
    return status == WEIR_OK ? weir_ring_provision(j->ring, error) : status;
}

static bool is_short(const weir_journaler *j) {
    return atomic_load_explicit(&j->lanes_short, memory_order_relaxed);
}

static void set_short(weir_journaler *j, int status) {
    bool fails = status != WEIR_OK && status != WEIR_NOT_FOUND;
    atomic_store_explicit(&j->lanes_short, fails, memory_order_relaxed);
}

/* Keep lanes ahead of the threads that will ask. True when there is one more. */
static bool make_lanes(weir_journaler *j) {
    weir_error error = {0};
    uint32_t before = atomic_load_explicit(&j->ring->ready, memory_order_relaxed), ready = before;
    int status = WEIR_OK;
    while (status == WEIR_OK && ready < weir_ring_owned(j->ring) + LANES_AHEAD) {
        status = provision_one(j, &error);
        if (status == WEIR_OK) ready++;
    }
    bool told = status == WEIR_STOPPED; /* by the next group */
    if (status != WEIR_OK && status != WEIR_NOT_FOUND && !told && !is_short(j))
        weir_journaler_tell(j, WEIR_EVENT_NO_SPACE, error.text);
    set_short(j, status);
    return ready > before;
}

int weir_journaler_first_lanes(weir_journaler *j, weir_error *error) {
    int status = WEIR_OK;
    for (int i = 0; status == WEIR_OK && i < LANES_AHEAD; i++)
        status = provision_one(j, error);
    if (status == WEIR_NO_SPACE) { /* opening succeeds all the same: found rows can be applied, and
                                      appends find a full ring until a lane can be made */
        weir_journaler_tell(j, WEIR_EVENT_NO_SPACE, error->text);
        set_short(j, status);
        return WEIR_OK;
    }
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

/* ---- threads that got none ------------------------------------------------------------------- */

static bool is_lane_free(const weir_journaler *j) {
    return weir_ring_owned(j->ring) < j->ring->header.lanes;
}

/* Not while a lane is free or can be made: then appends are nested too deep, or lanes are made too
 * slowly, which lanes_max does not change. */
void weir_journaler_lane_refused(weir_journaler *j) {
    if (is_lane_free(j)) return;
    /* seq_cst: has_work sees it, or the wake-up finds the thread asleep. */
    atomic_store_explicit(&j->lane_refused, 1, memory_order_seq_cst);
    weir_journaler_wake(j);
}

/* By the journal thread, since a signal handler may have asked. If lanes cannot be made, NO_SPACE has
 * said why. */
static void tell_refused(weir_journaler *j) {
    bool refused = atomic_exchange_explicit(&j->lane_refused, 0, memory_order_acquire) != 0;
    if (!refused) {
        if (is_lane_free(j)) j->lane_told = false;
        return;
    }
    if (j->lane_told || is_short(j)) return;
    j->lane_told = true;
    weir_journaler_tell(
        j, WEIR_EVENT_NO_LANE,
        "a thread got no lane, since as many as weir_options.lanes_max have one, and "
        "its rows are refused; raise lanes_max, or let threads that appended end");
}

/* ---- the step's part ---------------------------------------------------------------------------- */

/* Lanes become free, are made, and are taken back from dead threads here, so that to claim one
 * is a compare-and-swap. A thread that wants a lane is woken, whether there is one or not. */
void weir_journaler_provision(weir_journaler *j) {
    bool wanted = atomic_exchange_explicit(&j->lanes_wanted, 0, memory_order_acquire) != 0;
    if (wanted) weir_ring_end_dead(j->ring);
    bool freed = weir_ring_free_ended(j->ring);
    bool made = (wanted || !is_short(j)) && make_lanes(j);
    if (wanted || freed || made) weir_journaler_notify(j, &j->lanes);
    tell_refused(j);
}
