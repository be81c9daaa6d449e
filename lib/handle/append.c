/* append.c - the hot path: from a call to a published record.
 *
 * In the common case: one look at the thread's slot, one at the gate, one at the ownership word,
 * the bytes, the check, one store of the tail. No lock, no allocation, no system call. The slow
 * turns are in append_slow.c: taking a lane, waiting for room. */
#include <assert.h>

#include "append_small.h"
#include "append_words.h"
#include "registry.h"

_Thread_local weir_slot weir_slots[WEIR_SLOTS] __attribute__((tls_model("initial-exec")));

weir_found_lane weir_append_find_lane(weir *w, weir_slot *slot, unsigned depth,
                                      uint32_t generation) {
    int status = weir_gate_status(w, generation);
    if (status != WEIR_OK) return (weir_found_lane){NULL, status};
    weir_lane *lane = depth < WEIR_DEPTHS ? weir_take_lane(w, depth) : NULL;
    if (!lane) {
        status = weir_gate_refusal(w);
        assert(status != WEIR_OK);
        if (status == WEIR_FULL) weir_append_had_no_lane(w);
    } else if (depth == 0) {
        slot->lane = lane;
        slot->generation = generation;
    }
    return (weir_found_lane){lane, status};
}

void weir_handle_switch_thread(weir *w) {
    weir_slot *s = weir_slot_of(w);
    if (s->depth == 0) s->generation = 0;
}

uint32_t weir_append_thread(const weir *w) {
    const weir_slot *s = weir_slot_of(w);
    return s->generation == w->generation ? weir_lane_thread(s->lane)
                                          : w->os->thread_id(w->os->self);
}

/* generation first: a handler that comes in between then does not use the slot. */
void weir_leave_appends(weir *w) {
    weir_slot *s = weir_slot_of(w);
    if (s->generation == w->generation) {
        s->generation = 0;
        atomic_signal_fence(memory_order_seq_cst);
        s->depth = 0;
    }
    (void)weir_ring_hand_back(&w->ring, w->os->thread_number(w->os->self));
}

/* ---- the end of a thread ------------------------------------------------------------------- */

static void hand_back_lanes(weir *w) {
    int held;
    /* Acquire, with the release of opening: until then there is nothing to look at. */
    if (!atomic_load_explicit(w->gate, memory_order_acquire)) return;
    if (weir_call_enter(w, WEIR_CALL_OPEN, &held) != WEIR_OK) return;
    if (weir_ring_hand_back(&w->ring, w->os->thread_number(w->os->self)))
        weir_journaler_notify(&w->journaler, &w->journaler.lanes);
    weir_call_exit(w, held);
}

/* While depth is 1 a handler's append counts as nested, and finds the lane for its depth, or
 * none, by holder. Appends of destructors that run later take lanes anew. */
void weir_hand_back_lanes(void) {
    for (int i = 0; i < WEIR_SLOTS; i++)
        weir_slots[i] = (weir_slot){.depth = 1};
    atomic_signal_fence(memory_order_seq_cst);
    for (weir *w = weir_registry_made(); w; w = w->next_made)
        hand_back_lanes(w);
    atomic_signal_fence(memory_order_seq_cst);
    for (int i = 0; i < WEIR_SLOTS; i++)
        weir_slots[i].depth = 0;
}

/* ---- one record ------------------------------------------------------------------------------ */

int weir_append_record(weir *w, unsigned kind, const uint8_t *body, size_t bytes,
                       weir_recorder_slot *from) {
    weir_append_entry e;
    int status = weir_append_enter(w, w->generation, &e);
    if (status != WEIR_OK) return status;
    uint64_t size = weir_record_bytes(bytes);
    status = weir_append_room(&e, size, from ? WEIR_SHARE_MOST : WEIR_SHARE_ALL);
    if (status == WEIR_OK) {
        uint64_t end = e.lane->tail + size;
        uint64_t epoch = weir_ring_stamp(&w->ring, e.lane, e.depth > 0);
        (void)weir_put_bytes(weir_lane_at(e.lane, e.lane->tail) + WEIR_RECORD_HEAD, body, bytes);
        weir_record_seal(e.lane, e.lane->tail, bytes, epoch, kind);
        if (from)
            atomic_store_explicit(&from->way, end << WEIR_RECORDER_WAY_SHIFT | e.lane->index,
                                  memory_order_relaxed);
        status = weir_append_publish(&e, end, from != NULL, NULL);
    }
    weir_append_leave(&e);
    return status;
}

enum { SMALL_ROW = 16 << 10 }; /* half of the smallest lane is more, so it is not too big */

/* The chosen key may be wider than the NULL that it replaces. */
static inline uint64_t wider_by(const weir_value *given, const weir_value *key) {
    return given->type == WEIR_NULL && key->type == WEIR_INTEGER
               ? weir_width_signed(key->as.integer)
               : 0;
}

/* Compiled for each use, so that rows without a key pay nothing for one, nor for a share. */
static inline __attribute__((always_inline)) int
append_with(const weir_table *t, const weir_value *values, const weir_value *key,
            weir_ticket *ticket, weir_share share) {
    weir *w = t->w;
    size_t columns = t->columns;
    int status = WEIR_OK;
    /* The thread that appended last has the ownership word in its cache. The word is fetched
     * while the row is measured and written, so the stamp is taken after that. */
    __builtin_prefetch(atomic_load_explicit(&w->word_hint, memory_order_relaxed), 1);
    uint64_t most = weir_row_room(values, columns, SMALL_ROW, &status);
    if (UNLIKELY(!most)) return status;
    if (key) most += wider_by(&values[t->key], key);
    weir_append_entry e;
    status = weir_append_enter(w, t->generation, &e);
    if (UNLIKELY(status != WEIR_OK)) return weir_append_count_refused(w, status, 1);
    weir_lane *lane = e.lane;
    uint64_t tail = lane->tail;
    status = weir_append_room(&e, weir_record_bytes(most) + 8,
                              share); /* and the slack that encoding may touch */
    if (!UNLIKELY(status != WEIR_OK)) {
        uint8_t *record = weir_lane_at(lane, tail);
        size_t bytes = weir_append_write_row(record, t, values, key);
        uint64_t epoch = weir_ring_stamp(&w->ring, lane, e.depth > 0);
        weir_record_seal_at(record, lane->salt, tail, bytes, epoch, WEIR_RECORD_ROW);
        status = weir_append_publish(&e, tail + weir_record_bytes(bytes), 1, ticket);
        __builtin_prefetch(record + WEIR_AHEAD, 1); /* for the rows to come; it cannot fault */
    } else {
        (void)weir_append_count_refused(w, status, 1);
    }
    weir_append_leave(&e);
    return status;
}

/* Any row without a key: of any size, into a lane that is nearly full, or one that cannot be
 * stored. */
static __attribute__((noinline)) int append_measured(const weir_table *t, const weir_value *values,
                                                     weir_ticket *ticket, weir_share share) {
    return append_with(t, values, NULL, ticket, share);
}

int weir_append_sharing(const weir_table *t, const weir_value *values, weir_share share) {
    return append_measured(t, values, NULL, share);
}

/* ---- one row -------------------------------------------------------------------------------- */

static const char call[] = "weir_append";

WEIR_PREFETCHES_TO_WRITE
static __attribute__((noinline)) int append_keyed(weir_table *t, const weir_value *values,
                                                  weir_ticket *ticket) {
    weir_value key = values[t->key];
    int status = weir_table_settle_key(t, &key);
    if (status == WEIR_OK) status = append_with(t, values, &key, ticket, WEIR_SHARE_ALL);
    return UNLIKELY(status != WEIR_OK) ? weir_append_explain(call, t, values, t->columns, 1, status)
                                       : WEIR_OK;
}

/* Not in one pass, or not at all. */
static __attribute__((noinline)) int append_otherwise(const weir_table *t, const weir_value *values,
                                                      weir_ticket *ticket, int status) {
    if (status == WEIR_NOT_SMALL) status = append_measured(t, values, ticket, WEIR_SHARE_ALL);
    return UNLIKELY(status != WEIR_OK) ? weir_append_explain(call, t, values, t->columns, 1, status)
                                       : WEIR_OK;
}

static inline uint8_t *encode_values(uint8_t *at, const weir_table *t, const void *values,
                                     const weir_lane *lane) {
    (void)lane;
    return weir_row_encode_small(at, t->number, values, t->columns, WEIR_SMALL_TEXTS);
}

WEIR_PREFETCHES_TO_WRITE
int weir_append_row(weir_table *table, const weir_value *values, size_t count,
                    weir_ticket *ticket) {
    if (UNLIKELY(!table || !values || count != table->columns))
        return weir_append_explain(call, table, values, count, 1, WEIR_MISUSE);
    if (UNLIKELY(table->key >= 0)) return append_keyed(table, values, ticket);
    int status = weir_append_small(table, encode_values, values, ticket, WEIR_SHARE_ALL);
    return UNLIKELY(status != WEIR_OK) ? append_otherwise(table, values, ticket, status) : WEIR_OK;
}
