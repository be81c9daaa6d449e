/* append.c - the hot path: from a call to a published record.
 *
 * In the common case: one look at the thread's slot, one at the gate, one at the ownership word,
 * the bytes, the check, one store of the tail. No lock, no allocation, no system call. The slow
 * turns are in append_slow.c: taking a lane, waiting for room. */
#include <assert.h>

#include "../format/key.h"
#include "../format/row_encode.h"
#include "append_slow.h"
#include "core.h"
#include "registry.h"

enum { SLOTS = 16 }; /* so many open handles have one each */

/* What a thread remembers of a handle. Thread-local in the initial-exec model, so that reaching
 * it calls nothing and a signal handler may. Only its own thread touches it, and handlers that
 * nest properly in that thread: the append that raises depth from 0 has the slot, and nothing
 * else changes the slot until depth is 0 again. So depth is raised before anything in the slot
 * is looked at. */
typedef struct slot {
    uint32_t generation; /* of the opening whose slot this is; 0: nobody's */
    uint32_t depth;      /* appends under way in this thread, one inside the other */
    weir_lane *lane;     /* of its outermost append */
} slot;

static _Thread_local slot slots[SLOTS] __attribute__((tls_model("initial-exec")));

/* One append under way. */
typedef struct entry {
    weir *w;
    weir_lane *lane;
    slot *slot;
    unsigned depth;
} entry;

#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* ---- in and out --------------------------------------------------------------------------- */

/* Rows that were not appended for lack of room are counted. */
static int count_refused(weir *w, int status, uint64_t rows) {
    if (status == WEIR_FULL) atomic_fetch_add_explicit(&w->refused, rows, memory_order_relaxed);
    return status;
}

/* Find a lane that the slot does not hold: this thread's first in this handle, or one for an
 * append inside another append, whichever handle that is for. */
WEIR_SLOW static int look_for_lane(entry *e, uint32_t generation) {
    int status = weir_gate_status(e->w, generation);
    if (status != WEIR_OK) return status;
    e->lane = e->depth < WEIR_DEPTHS ? weir_take_lane(e->w, e->depth) : NULL;
    if (!e->lane) {
        status = weir_gate_refusal(e->w);
        assert(status != WEIR_OK);
        return status;
    }
    if (e->depth == 0) {
        e->slot->lane = e->lane;
        e->slot->generation = generation;
    }
    return WEIR_OK;
}

static slot *slot_of(const weir *w) {
    return &slots[atomic_load_explicit(&w->slot, memory_order_relaxed) % SLOTS];
}

void weir_handle_switch_thread(weir *w) {
    slot *s = slot_of(w);
    if (s->depth == 0) s->generation = 0;
}

static inline void leave_append(const entry *e) {
    /* Release: a thread that sees the flag down sees the tail. */
    atomic_store_explicit(&e->lane->busy, false, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
    e->slot->depth = e->depth;
}

/* Raise busy, then look at the gate. A closing thread shuts the gate, makes the barrier, then
 * looks at busy. So one of the two sees the other (Dekker's pattern with an asymmetric fence). */
static inline int pass_gate(const entry *e, uint32_t generation) {
    atomic_store_explicit(&e->lane->busy, true, memory_order_relaxed);
    if (UNLIKELY(e->w->fence))
        atomic_thread_fence(memory_order_seq_cst);
    else
        atomic_signal_fence(memory_order_seq_cst);
    if (!UNLIKELY(atomic_load_explicit(e->w->gate, memory_order_relaxed) != generation))
        return WEIR_OK;
    leave_append(e);
    return weir_gate_status(e->w, generation);
}

static inline int enter_append(weir *w, uint32_t generation, entry *e) {
    slot *s = slot_of(w);
    e->w = w;
    e->slot = s;
    e->depth = s->depth;
    s->depth = e->depth + 1; /* before all else: see slot */
    atomic_signal_fence(memory_order_seq_cst);
    if (UNLIKELY(s->generation != generation || e->depth != 0 ||
                 s->lane->opening != (uint16_t)generation)) {
        int status = look_for_lane(e, generation);
        if (status != WEIR_OK) {
            s->depth = e->depth;
            return status;
        }
    } else {
        e->lane = s->lane;
    }
    return pass_gate(e, generation);
}

/* generation first: a handler that comes in between then does not use the slot. */
void weir_leave_appends(weir *w) {
    slot *s = slot_of(w);
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
    for (int i = 0; i < SLOTS; i++)
        slots[i] = (slot){.depth = 1};
    atomic_signal_fence(memory_order_seq_cst);
    for (weir *w = weir_registry_made(); w; w = w->next_made)
        hand_back_lanes(w);
    atomic_signal_fence(memory_order_seq_cst);
    for (int i = 0; i < SLOTS; i++)
        slots[i].depth = 0;
}

static inline int room(const entry *e, uint64_t bytes) {
    if (!UNLIKELY(bytes > e->lane->size / 2 || e->lane->tail + bytes > e->lane->limit))
        return WEIR_OK;
    return weir_make_lane_room(e->w, e->lane, bytes);
}

/* ---- publishing ------------------------------------------------------------------------------ */

/* A handler that interrupted the append may have forked, and this may be the child: then the row
 * was written into memory of the child's own (fork.h), which is never read. That is checked
 * last, so that the answer is right wherever the fork came. A gate that was merely shut
 * meanwhile does not revoke the row. */
static inline int publish_record(const entry *e, uint64_t tail, uint64_t rows,
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

int weir_append_record(weir *w, unsigned kind, const uint8_t *body, size_t bytes) {
    entry e;
    int status = enter_append(w, w->generation, &e);
    if (status != WEIR_OK) return status;
    uint64_t size = weir_record_bytes(bytes);
    status = room(&e, size);
    if (status == WEIR_OK) {
        uint64_t epoch = weir_ring_stamp(&w->ring, e.lane, e.depth > 0);
        (void)weir_put_bytes(weir_lane_at(e.lane, e.lane->tail) + WEIR_RECORD_HEAD, body, bytes);
        weir_record_seal(e.lane, e.lane->tail, bytes, epoch, kind);
        status = publish_record(&e, e.lane->tail + size, 0, NULL);
    }
    leave_append(&e);
    return status;
}

/* Write the body of one row's record; returns its bytes. key: replaces the caller's, unless
 * NULL. */
static inline size_t write_row_record(uint8_t *record, const weir_table *t,
                                      const weir_value *values, const weir_value *key) {
    uint8_t *body = record + WEIR_RECORD_HEAD;
    uint8_t *end =
        key ? weir_row_encode_with(body, t->number, values, t->columns, (size_t)t->key, key)
            : weir_row_encode(body, t->number, values, t->columns);
    return (size_t)(end - body);
}

/* To prefetch a cache line for a store is an instruction of its own, which does nothing on
 * processors that lack it (Intel SDM, PREFETCHW). */
#ifdef __x86_64__
#define PREFETCHES_TO_WRITE __attribute__((target("prfchw")))
#else
#define PREFETCHES_TO_WRITE
#endif
enum {
    AHEAD = 5 * WEIR_CACHE_LINE,
    SMALL_ROW = 16 << 10, /* half of the smallest lane is more, so it is not too big */
};

/* How much room to look for. What a small row takes exactly is known when it is written; any
 * other row, and one that cannot be stored, is measured. */
static inline uint64_t has_lane_room_for(const weir_value *values, size_t columns, int *status) {
    uint64_t bound = weir_row_bound(values, columns);
    if (!UNLIKELY(bound - 1 >= SMALL_ROW)) return bound;
    return weir_row_size(values, columns, status);
}

/* The chosen key may be wider than the NULL that it replaces. */
static inline uint64_t wider_by(const weir_value *given, const weir_value *key) {
    return given->type == WEIR_NULL && key->type == WEIR_INTEGER
               ? weir_width_signed(key->as.integer)
               : 0;
}

/* Compiled twice, so that rows without a key pay nothing for one. */
static inline __attribute__((always_inline)) int append_with(const weir_table *t,
                                                             const weir_value *values,
                                                             const weir_value *key,
                                                             weir_ticket *ticket) {
    weir *w = t->w;
    size_t columns = t->columns;
    int status = WEIR_OK;
    /* The thread that appended last has the ownership word in its cache. The word is fetched
     * while the row is measured and written, so the stamp is taken after that. */
    __builtin_prefetch(atomic_load_explicit(&w->word_hint, memory_order_relaxed), 1);
    uint64_t most = has_lane_room_for(values, columns, &status);
    if (UNLIKELY(!most)) return status;
    if (key) most += wider_by(&values[t->key], key);
    entry e;
    status = enter_append(w, t->generation, &e);
    if (UNLIKELY(status != WEIR_OK)) return count_refused(w, status, 1);
    weir_lane *lane = e.lane;
    uint64_t tail = lane->tail;
    status = room(&e, weir_record_bytes(most) + 8); /* and the slack that encoding may touch */
    if (!UNLIKELY(status != WEIR_OK)) {
        uint8_t *record = weir_lane_at(lane, tail);
        size_t bytes = write_row_record(record, t, values, key);
        uint64_t epoch = weir_ring_stamp(&w->ring, lane, e.depth > 0);
        weir_record_seal_at(record, lane->salt, tail, bytes, epoch, WEIR_RECORD_ROW);
        status = publish_record(&e, tail + weir_record_bytes(bytes), 1, ticket);
        __builtin_prefetch(record + AHEAD, 1); /* for the rows to come; it cannot fault */
    } else {
        (void)count_refused(w, status, 1);
    }
    leave_append(&e);
    return status;
}

PREFETCHES_TO_WRITE
static int append_one(const weir_table *t, const weir_value *values, weir_ticket *ticket) {
    return append_with(t, values, NULL, ticket);
}

/* ---- keys --------------------------------------------------------------------------------- */

void weir_table_raise_key(weir_table *t, int64_t next) {
    _Atomic int64_t *key = &t->keys->next_key;
    int64_t now = atomic_load_explicit(key, memory_order_relaxed);
    while (next > now && !atomic_compare_exchange_weak_explicit(
                             key, &now, next, memory_order_relaxed, memory_order_relaxed)) {
    }
}

static int take_key(weir_table *t, weir_value *value) {
    _Atomic int64_t *key = &t->keys->next_key;
    int64_t next = atomic_load_explicit(key, memory_order_relaxed);
    do {
        if (next == INT64_MAX) return WEIR_SCHEMA;
    } while (!atomic_compare_exchange_weak_explicit(key, &next, next + 1, memory_order_relaxed,
                                                    memory_order_relaxed));
    *value = weir_int(next);
    return WEIR_OK;
}

/* SQLite takes a NaN for NULL, and would choose a key itself. */
static bool is_null(const weir_value *v) {
    return v->type == WEIR_NULL || (v->type == WEIR_REAL && v->as.real != v->as.real);
}

/* The key is part of the journaled row, so that a rebuild gives the same one. The greatest
 * integer is never chosen, and a row that has it does not end the sequence. */
int weir_table_settle_key(weir_table *t, weir_value *value) {
    if (is_null(value)) return take_key(t, value);
    int64_t bound = weir_key_bound(value);
    if (bound < INT64_MAX) weir_table_raise_key(t, bound + 1);
    return WEIR_OK;
}

PREFETCHES_TO_WRITE
static int append_keyed(weir_table *t, const weir_value *values, weir_ticket *ticket) {
    weir_value key = values[t->key];
    int status = weir_table_settle_key(t, &key);
    return status == WEIR_OK ? append_with(t, values, &key, ticket) : status;
}

int weir_append_row(weir_table *table, const weir_value *values, size_t count,
                    weir_ticket *ticket) {
    if (UNLIKELY(!table || !values || count != table->columns)) return WEIR_MISUSE;
    return UNLIKELY(table->key >= 0) ? append_keyed(table, values, ticket)
                                     : append_one(table, values, ticket);
}

/* ---- many rows ---------------------------------------------------------------------------- */

static int size_of_rows(const weir_table *t, const weir_value *values, size_t rows,
                        uint64_t *bytes) {
    *bytes = 8;
    for (size_t r = 0; r < rows; r++) {
        int status = WEIR_OK;
        size_t body = weir_row_size(values + r * t->columns, t->columns, &status);
        if (!body) return status;
        *bytes += weir_record_bytes(body) + (t->key >= 0 ? 8 : 0); /* room for a chosen key */
        if (*bytes > UINT32_MAX) return WEIR_TOO_BIG;              /* no lane is that large */
    }
    return WEIR_OK;
}

/* Write after the tail, where no other thread reads yet. *end: where the last row ends. */
static int write_rows(const entry *e, weir_table *t, const weir_value *values, size_t rows,
                      uint64_t epoch, uint64_t *end) {
    uint64_t tail = e->lane->tail;
    for (size_t r = 0; r < rows; r++) {
        const weir_value *row = values + r * t->columns;
        weir_value key;
        if (t->key >= 0) {
            key = row[t->key];
            int status = weir_table_settle_key(t, &key);
            if (status != WEIR_OK) return status;
        }
        uint8_t *record = weir_lane_at(e->lane, tail);
        size_t bytes = write_row_record(record, t, row, t->key >= 0 ? &key : NULL);
        weir_record_seal_at(record, e->lane->salt, tail, bytes, epoch, WEIR_RECORD_ROW);
        tail += weir_record_bytes(bytes);
    }
    *end = tail;
    return WEIR_OK;
}

int weir_append_rows(weir_table *table, const weir_value *values, size_t count, size_t rows,
                     weir_ticket *ticket) {
    if (!table || !values || count != table->columns || rows == 0) return WEIR_MISUSE;
    uint64_t bytes;
    entry e;
    int status = size_of_rows(table, values, rows, &bytes);
    if (status != WEIR_OK) return status;
    status = enter_append(table->w, table->generation, &e);
    if (status != WEIR_OK) return count_refused(table->w, status, rows);
    status = room(&e, bytes);
    if (status == WEIR_OK) {
        uint64_t epoch = weir_ring_stamp(&table->w->ring, e.lane, e.depth > 0);
        uint64_t end;
        status = write_rows(&e, table, values, rows, epoch, &end);
        if (status == WEIR_OK) status = publish_record(&e, end, rows, ticket);
    }
    leave_append(&e);
    return count_refused(table->w, status, rows);
}
