/* lane_refused.c - threads that got no lane: the operator is told, by the journal thread, since they
 * may have asked in a signal handler. */
#include "journaler.h"

void weir_journaler_lane_refused(weir_journaler *j) {
    /* seq_cst: has_work sees it, or the wake-up finds the thread asleep. */
    atomic_store_explicit(&j->lane_refused, 1, memory_order_seq_cst);
    weir_journaler_wake(j);
}

static bool is_lane_free(const weir_journaler *j) {
    return weir_ring_owned(j->ring) < j->ring->header.lanes;
}

/* Where lanes are short for another reason than lanes_max, NO_SPACE has said which. */
void weir_journaler_tell_refused(weir_journaler *j) {
    bool refused = atomic_exchange_explicit(&j->lane_refused, 0, memory_order_acquire) != 0;
    if (!refused) {
        if (is_lane_free(j)) j->lane_told = false;
        return;
    }
    if (j->lane_told || atomic_load_explicit(&j->lanes_short, memory_order_relaxed)) return;
    j->lane_told = true;
    if (j->on_event)
        j->on_event(j->context, WEIR_EVENT_NO_LANE,
                    "a thread got no lane, since as many as weir_options.lanes_max have one, and "
                    "its rows are refused; raise lanes_max, or let threads that appended end");
}
