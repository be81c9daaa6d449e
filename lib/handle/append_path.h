/* append_path.h - what every append does before and after it writes its records. Private to this
 * folder.
 *
 * Enter, make room, write, publish, leave. In a header so that it is inlined, once for each kind of
 * append. */
#ifndef WEIR_APPEND_PATH_H
#define WEIR_APPEND_PATH_H

#include "../format/row_encode.h"
#include "append_slow.h"

enum { WEIR_SLOTS = 16 }; /* so many open handles have one each */

/* What a thread remembers of a handle. Thread-local in the initial-exec model, so that reaching
 * it calls nothing and a signal handler may. Only its own thread touches it, and handlers that
 * nest properly in that thread: the append that raises depth from 0 has the slot, and nothing
 * else changes the slot until depth is 0 again. So depth is raised before anything in the slot
 * is looked at. */
typedef struct weir_slot {
    uint32_t generation; /* of the opening whose slot this is; 0: nobody's */
    uint32_t depth;      /* appends under way in this thread, one inside the other */
    weir_lane *lane;     /* of its outermost append */
} weir_slot;

extern _Thread_local weir_slot weir_slots[WEIR_SLOTS]
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* One append under way. */
typedef struct weir_append_entry {
    weir *w;
    weir_lane *lane;
    weir_slot *slot;
    unsigned depth;
} weir_append_entry;

#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* ---- in and out --------------------------------------------------------------------------- */

/* Rows that were not appended for lack of room are counted. */
static inline int weir_append_count_refused(weir *w, int status, uint64_t rows) {
    if (status == WEIR_FULL) atomic_fetch_add_explicit(&w->refused, rows, memory_order_relaxed);
    return status;
}

/* Find a lane that the slot does not hold: this thread's first in this handle, or one for an
 * append inside another append, whichever handle that is for. */
typedef struct weir_found_lane {
    weir_lane *lane;
    int status;
} weir_found_lane;
WEIR_SLOW weir_found_lane weir_append_find_lane(weir *w, weir_slot *slot, unsigned depth,
                                                uint32_t generation);

static inline weir_slot *weir_slot_of(const weir *w) {
    return &weir_slots[atomic_load_explicit(&w->slot, memory_order_relaxed) % WEIR_SLOTS];
}

static inline void weir_append_leave(const weir_append_entry *e) {
    /* Release: a thread that sees the flag down sees the tail. */
    atomic_store_explicit(&e->lane->busy, false, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
    e->slot->depth = e->depth;
}

/* Raise busy, then look at the gate. A closing thread shuts the gate, makes the barrier, then
 * looks at busy. So one of the two sees the other (Dekker's pattern with an asymmetric fence). */
static inline int weir_append_pass_gate(const weir_append_entry *e, uint32_t generation) {
    atomic_store_explicit(&e->lane->busy, true, memory_order_relaxed);
    if (UNLIKELY(e->w->fence))
        atomic_thread_fence(memory_order_seq_cst);
    else
        atomic_signal_fence(memory_order_seq_cst);
    if (!UNLIKELY(atomic_load_explicit(e->w->gate, memory_order_relaxed) != generation))
        return WEIR_OK;
    weir_append_leave(e);
    return weir_gate_status(e->w, generation);
}

static inline int weir_append_enter(weir *w, uint32_t generation, weir_append_entry *e) {
    weir_slot *s = weir_slot_of(w);
    e->w = w;
    e->slot = s;
    e->depth = s->depth;
    s->depth = e->depth + 1; /* before all else: see weir_slot */
    atomic_signal_fence(memory_order_seq_cst);
    if (UNLIKELY(s->generation != generation || e->depth != 0 ||
                 s->lane->opening != (uint16_t)generation)) {
        weir_found_lane found = weir_append_find_lane(w, s, e->depth, generation);
        e->lane = found.lane;
        if (found.status != WEIR_OK) {
            s->depth = e->depth;
            return found.status;
        }
    } else {
        e->lane = s->lane;
    }
    return weir_append_pass_gate(e, generation);
}

/* ---- room ---------------------------------------------------------------------------------- */

static inline uint64_t weir_append_left_free(const weir_lane *lane, weir_share share) {
    return share == WEIR_SHARE_ALL    ? 0
           : share == WEIR_SHARE_MOST ? lane->size / 16
                                      : lane->size / 4;
}

static inline int weir_append_room(const weir_append_entry *e, uint64_t bytes, weir_share share) {
    uint64_t free = weir_append_left_free(e->lane, share);
    if (!UNLIKELY(bytes > e->lane->size / 2 || e->lane->tail + bytes + free > e->lane->limit))
        return WEIR_OK;
    return weir_make_lane_room(e->w, e->lane, bytes, free, share);
}

/* ---- publishing ------------------------------------------------------------------------------ */

/* A handler that interrupted the append may have forked, and this may be the child: then the row
 * was written into memory of the child's own (fork.h), which is never read. That is checked
 * last, so that the answer is right wherever the fork came. A gate that was merely shut
 * meanwhile does not revoke the row. */
static inline int weir_append_publish(const weir_append_entry *e, uint64_t tail, uint64_t rows,
                                      weir_ticket *ticket) {
    weir_lane *lane = e->lane;
    weir_lane_publish(lane, tail);
    atomic_store_explicit(&lane->rows,
                          atomic_load_explicit(&lane->rows, memory_order_relaxed) + rows,
                          memory_order_relaxed);
    if (UNLIKELY(e->w->fence)) atomic_thread_fence(memory_order_seq_cst);
    uint32_t generation = e->w->generation;
    /* Relaxed: the kernel wiped it before the child ran. */
    if (UNLIKELY(atomic_load_explicit(e->w->gate, memory_order_relaxed) != generation) &&
        weir_gate_status(e->w, generation) == WEIR_FORKED)
        return WEIR_FORKED;
    weir_journaler_published(&e->w->journaler);
    if (ticket) *ticket = (weir_ticket){tail, lane->index, generation};
    return WEIR_OK;
}

/* Write the body of one row's record; returns its bytes. key: replaces the caller's, unless
 * NULL. */
static inline size_t weir_append_write_row(uint8_t *record, const weir_table *t,
                                           const weir_value *values, const weir_value *key) {
    uint8_t *body = record + WEIR_RECORD_HEAD;
    uint8_t *end =
        key ? weir_row_encode_with(body, t->number, values, t->columns, (size_t)t->key, key)
            : weir_row_encode(body, t->number, values, t->columns);
    return (size_t)(end - body);
}

/* ---- many rows --------------------------------------------------------------------------------- */

/* Rows that are published by one store, and are a batch (lane.h). */
typedef struct weir_at_once weir_at_once;
struct weir_at_once {
    /* Write the records after the lane's tail, where no other thread reads yet. *end: where the
     * last one ends, at most bytes after the tail. After a failure nothing is published. */
    int (*write)(const weir_at_once *what, const weir_append_entry *e, uint64_t epoch,
                 uint64_t *end);
    uint64_t rows; /* not 0 */
    uint64_t bytes;
};

/* The kind of the record of row number row, counted from 0. */
static inline unsigned weir_at_once_kind(const weir_at_once *what, uint64_t row) {
    return row + 1 < what->rows ? WEIR_RECORD_ROW_CONTINUED : WEIR_RECORD_ROW;
}

/* generation: of the opening in which the rows were made. */
int weir_append_at_once(weir *w, uint32_t generation, const weir_at_once *what,
                        weir_ticket *ticket);

#endif
