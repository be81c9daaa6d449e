/* append_small.h - a small row, the common case, in one pass. Private to this folder.
 *
 * In a header so that it is inlined, once for each kind of small row: values, and a message. */
#ifndef WEIR_APPEND_SMALL_H
#define WEIR_APPEND_SMALL_H

#include "append_path.h"

/* To prefetch a cache line for a store is an instruction of its own, which does nothing on
 * processors that lack it (Intel SDM, PREFETCHW). */
#ifdef __x86_64__
#define WEIR_PREFETCHES_TO_WRITE __attribute__((target("prfchw")))
#else
#define WEIR_PREFETCHES_TO_WRITE __attribute__(())
#endif

enum {
    WEIR_AHEAD = 5 * WEIR_CACHE_LINE,
    WEIR_SMALL_TEXTS = 255, /* bytes of a row's texts and blobs, for which nothing is measured */
    WEIR_NOT_SMALL = 1,     /* no status: it is not small, or there is not so much room */
};

/* Write the row's body at at, which has weir_row_most() bytes and WEIR_SMALL_TEXTS. Returns its end;
 * NULL: its texts are longer, or it cannot be stored; what was written then means nothing. */
typedef uint8_t *weir_small_encoder(uint8_t *at, const weir_table *t, const void *what,
                                    const weir_lane *lane);

/* Append a small row to where there is more than enough room. After WEIR_NOT_SMALL nothing has
 * happened. */
static inline __attribute__((always_inline)) int
weir_append_small(const weir_table *t, weir_small_encoder *encode, const void *what,
                  weir_ticket *ticket, weir_share share) {
    weir *w = t->w;
    /* The thread that appended last has the ownership word in its cache. The word is fetched
     * while the row is written, so the stamp is taken after that. */
    __builtin_prefetch(atomic_load_explicit(&w->word_hint, memory_order_relaxed), 1);
    weir_append_entry e;
    int status = weir_append_enter(w, t->generation, &e);
    if (UNLIKELY(status != WEIR_OK)) return weir_append_count_refused(w, status, 1);
    weir_lane *lane = e.lane;
    uint64_t tail = lane->tail,
             most = WEIR_RECORD_HEAD + WEIR_SMALL_TEXTS + weir_row_most(t->columns);
    uint8_t *record = weir_lane_at(lane, tail), *body = record + WEIR_RECORD_HEAD, *end = NULL;
    static_assert(WEIR_RECORD_HEAD + WEIR_SMALL_TEXTS + WEIR_ROW_HEAD + 9 * WEIR_COLUMNS_MAX +
                          WEIR_ROW_SLACK <=
                      WEIR_LANE_BYTES_MIN / 2,
                  "it is not too big for a lane");
    bool measure = tail + most + weir_append_left_free(lane, share) > lane->limit;
    if (!UNLIKELY(measure)) end = encode(body, t, what, lane);
    if (UNLIKELY(!end)) {
        weir_append_leave(&e);
        return WEIR_NOT_SMALL;
    }
    size_t bytes = (size_t)(end - body);
    uint64_t epoch = weir_ring_stamp(&w->ring, lane, e.depth > 0);
    weir_record_seal_at(record, lane->salt, tail, bytes, epoch, WEIR_RECORD_ROW);
    status = weir_append_publish(&e, tail + weir_record_bytes(bytes), 1, ticket);
    __builtin_prefetch(record + WEIR_AHEAD, 1); /* for the rows to come; it cannot fault */
    weir_append_leave(&e);
    return status;
}

#endif
