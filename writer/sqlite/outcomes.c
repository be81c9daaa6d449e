/* outcomes.c - what became of single rows. */
#include "outcomes.h"

#include <stdatomic.h>
#include <string.h>

#include "../../lib/base/thread.h"

void weir_outcomes_ask(weir_outcomes *o, weir_question *q) {
    q->outcome = WEIR_OUTCOME_NONE;
    sigset_t before = weir_lock_hold(&o->lock);
    q->next = o->first;
    o->first = q;
    weir_lock_release(&o->lock, &before);
    atomic_fetch_add_explicit(&o->open, 1, memory_order_release);
}

weir_outcome weir_outcomes_end(weir_outcomes *o, weir_question *q) {
    sigset_t before = weir_lock_hold(&o->lock);
    weir_question **at = &o->first;
    while (*at != q)
        at = &(*at)->next;
    *at = q->next;
    weir_lock_release(&o->lock, &before);
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
    sigset_t before = weir_lock_hold(&o->lock);
    for (const weir_question *q = o->first; q && !asked; q = q->next)
        asked = is_for(q, row, bytes);
    weir_lock_release(&o->lock, &before);
    return asked;
}

void weir_outcomes_tell(weir_outcomes *o, const uint8_t *row, size_t bytes, weir_outcome outcome) {
    sigset_t before = weir_lock_hold(&o->lock);
    for (weir_question *q = o->first; q; q = q->next)
        if (is_for(q, row, bytes)) q->outcome = outcome;
    weir_lock_release(&o->lock, &before);
}
