/* gate.c - the gate of a handle, which says whether calls may enter, and the count of those
 * inside. */
#include "../base/thread.h"
#include "core.h"
#include "fork.h"

int weir_gate_status(const weir *w, uint32_t generation) {
    if (atomic_load_explicit(w->gate, memory_order_relaxed) == generation) return WEIR_OK;
    if (w->os->process_id(w->os->self) != w->process || weir_fork_left_behind()) return WEIR_FORKED;
    if (w->generation == generation && !atomic_load_explicit(&w->closing, memory_order_acquire) &&
        atomic_load_explicit(&w->journaler.status, memory_order_acquire) == WEIR_STOPPED)
        return WEIR_STOPPED;
    return WEIR_CLOSED;
}

int weir_gate_refusal(const weir *w) {
    int status = weir_gate_status(w, w->generation);
    return status == WEIR_OK ? WEIR_FULL : status;
}

int weir_call_enter(weir *w, weir_call call, int *held) {
    *held = weir_cancel_hold();
    atomic_fetch_add_explicit(&w->calls_in_flight, 1, memory_order_seq_cst);
    int status = weir_gate_status(w, w->generation);
    if (status == WEIR_OK || (status == WEIR_STOPPED && call == WEIR_CALL_EVEN_STOPPED))
        return WEIR_OK;
    weir_call_exit(w, *held);
    return status;
}

void weir_call_exit(weir *w, int held) {
    atomic_fetch_sub_explicit(&w->calls_in_flight, 1, memory_order_seq_cst);
    weir_cancel_allow(held);
}
