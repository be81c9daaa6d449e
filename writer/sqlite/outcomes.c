/* outcomes.c - what became of single rows. */
#include "outcomes.h"

#include <stdatomic.h>
#include <string.h>

#include "../../lib/base/thread.h"

static sigset_t lock_outcomes(weir_outcomes *o) {
    sigset_t before = weir_signals_hold();
    (void)pthread_mutex_lock(&o->lock); /* fails only for an uninitialized mutex */
    return before;
}

static void unlock_outcomes(weir_outcomes *o, const sigset_t *before) {
    (void)pthread_mutex_unlock(&o->lock); /* likewise */
    weir_signals_allow(before);
}

void weir_outcomes_ask(weir_outcomes *o, weir_question *q) {
    q->outcome = WEIR_OUTCOME_NONE;
    sigset_t before = lock_outcomes(o);
    q->next = o->first;
    o->first = q;
    unlock_outcomes(o, &before);
    atomic_fetch_add_explicit(&o->open, 1, memory_order_release);
}

weir_outcome weir_outcomes_end(weir_outcomes *o, weir_question *q) {
    sigset_t before = lock_outcomes(o);
    weir_question **at = &o->first;
    while (*at != q)
        at = &(*at)->next;
    *at = q->next;
    unlock_outcomes(o, &before);
    atomic_fetch_sub_explicit(&o->open, 1, memory_order_release);
    return q->outcome;
}

bool weir_outcomes_any(weir_outcomes *o) {
    return o && atomic_load_explicit(&o->open, memory_order_acquire) > 0;
}

static bool is_for(const weir_question *q, const uint8_t *row, size_t bytes) {
    return q->bytes == bytes && memcmp(q->row, row, bytes) == 0;
}

bool weir_outcomes_asked(weir_outcomes *o, const uint8_t *row, size_t bytes) {
    bool asked = false;
    sigset_t before = lock_outcomes(o);
    for (const weir_question *q = o->first; q && !asked; q = q->next)
        asked = is_for(q, row, bytes);
    unlock_outcomes(o, &before);
    return asked;
}

void weir_outcomes_tell(weir_outcomes *o, const uint8_t *row, size_t bytes, weir_outcome outcome) {
    sigset_t before = lock_outcomes(o);
    for (weir_question *q = o->first; q; q = q->next)
        if (is_for(q, row, bytes)) q->outcome = outcome;
    unlock_outcomes(o, &before);
}
