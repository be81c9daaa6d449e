/* lane.h - one thread's ring of bytes: what an append writes, and what a dead process leaves.
 *
 * A lane is a single-producer, single-consumer ring: the owning thread writes records and moves
 * tail, the journal thread reads them and moves head once they are durable. Its bytes are mapped
 * twice in a row, so that no record ever wraps. Positions count bytes since the ring was made and
 * never decrease; a position's place is position modulo the lane's size.
 *
 * A record, at a multiple of 8, little-endian:
 *
 *     offset  size
 *          0     4  bytes of the body
 *          4     4  check: see weir_record_check()
 *          8     8  stamp: epoch << 8 | kind (0 row, 1 declaration, 2 row of a batch that goes on)
 *         16     …  body: a row or a declaration (row.h), then up to 7 undefined bytes
 *
 * A record is valid if and only if its body fits between its position and tail, has
 * WEIR_RECORD_BODY_MIN bytes at least and half the lane at most, its kind is one of the three, and
 * its check agrees. The check covers ring, lane and 64-bit position, so that an older record in the
 * same place, or one from a copied file, fails it.
 *
 * Why a killed thread cannot leave a hole: the record is written first and published after, by
 * one store to tail.
 *
 * A batch is records that follow each other in one lane, rows all: each of them says that its batch
 * goes on, but for the last, which is an ordinary row. They have one epoch, are published by one
 * store, and take half the lane together at most. Whoever reads takes all of them or none. */
#ifndef WEIR_LANE_H
#define WEIR_LANE_H

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>

#include "../base/cursor.h"

enum {
    WEIR_CACHE_LINE = 64,
    WEIR_LANE_CONTROL = 256,
    WEIR_RECORD_HEAD = 16,
    WEIR_RECORD_ROW = 0,
    WEIR_RECORD_DECLARATION = 1,
    WEIR_RECORD_ROW_CONTINUED = 2, /* a row: the next record is of the same batch */
    WEIR_RECORD_BODY_MIN = 5,      /* the least row: a head, and the tag of one NULL */
    WEIR_FEATURE_BATCHES = 2,      /* incompatible feature, of rings: there may be batches */
};

/* Bytes of a lane: a power of two between these. */
enum { WEIR_LANE_BYTES_MIN = 1 << 16, WEIR_LANE_BYTES_MAX = 1 << 30 };
static inline bool weir_lane_bytes_fit(uint64_t bytes) {
    return bytes >= WEIR_LANE_BYTES_MIN && bytes <= WEIR_LANE_BYTES_MAX &&
           (bytes & (bytes - 1)) == 0;
}

/* docs/FORMAT.md, on the check of a record: odd, and well mixed; 2⁶⁴ divided by the golden ratio. */
#define WEIR_RECORD_K1 0xD6E8FEB86659FD93u
#define WEIR_RECORD_K2 0x9E3779B97F4A7C15u

/* In the mapped file; one cache line per writer, so that producer and journal thread share none. */
typedef struct weir_lane_control {
    /* Written by the producer with release, after the record; read by the journal thread with
     * acquire: a thread that sees the tail sees the whole record. */
    alignas(WEIR_CACHE_LINE) _Atomic uint64_t tail;
    /* Written by the journal thread with release, after the sync; read by the producer with
     * acquire: the space it frees is no longer being read. It is also "durable up to here" for
     * callers that wait. */
    alignas(WEIR_CACHE_LINE) _Atomic uint64_t head;
    /* generation << 40 | thread id << 16 | depth << 8 | state. ring.h says which thread changes
     * what. */
    alignas(WEIR_CACHE_LINE) _Atomic uint64_t owner;
    alignas(WEIR_CACHE_LINE) uint64_t reserved[8];
} weir_lane_control;
static_assert(sizeof(weir_lane_control) == WEIR_LANE_CONTROL, "on-disk size");

typedef enum weir_lane_state {
    WEIR_LANE_ABSENT = 0, /* no bytes in the file yet */
    WEIR_LANE_FREE = 1,
    WEIR_LANE_OWNED = 2,
    WEIR_LANE_ENDED = 3, /* its thread has ended; free once it is drained */
} weir_lane_state;

/* In this process. */
typedef struct weir_lane {
    /* the producer's */
    alignas(WEIR_CACHE_LINE) uint8_t *data; /* 2 × size bytes of address space */
    uint64_t size;
    uint64_t tail;  /* what control->tail holds */
    uint64_t limit; /* may write up to here without looking at head */
    uint64_t salt;  /* of the check: ring and lane */
    weir_lane_control *control;
    uint32_t index;
    /* "An append is under way": set by the owner, read by a closing thread after it made the
     * barrier. */
    _Atomic bool busy;
    uint16_t opening; /* low half of the generation of the handle's opening: a cross-check */
    /* Published rows: written by the owner only, so a plain load and a relaxed store are enough. */
    _Atomic uint64_t rows;

    /* the journal thread's */
    alignas(WEIR_CACHE_LINE) uint64_t taken; /* copied into blocks up to here */
    uint64_t before;                         /* what taken was before the block under way */
    uint64_t cut;                            /* tail as this round's cut saw it */
    uint64_t populated;                      /* bytes from the start that were faulted in */
    uint64_t renewed, renewed_until;         /* pages made writable again, up to here */
    uint64_t renewed_tail, renewed_at;       /* the tail that began it, and when */
    bool ended; /* of a dead ring: its next record is not valid, so nothing more is taken */
    /* Number of the thread that has the lane << 8 | depth; 0: no thread has it. Written by that
     * thread alone, after all else that it sets; relaxed, since only the same thread looks for
     * its own number. */
    _Atomic uint64_t holder;
} weir_lane;

static inline uint64_t weir_record_bytes(uint64_t body) {
    return (WEIR_RECORD_HEAD + body + 7) & ~(uint64_t)7;
}

/* Mix place and size into the hash of some bytes, so that the same bytes elsewhere fail. */
static inline uint64_t weir_check_mix(uint64_t hash, uint64_t salt, uint64_t position,
                                      uint64_t bytes) {
    return (hash ^ (salt + position * WEIR_RECORD_K2 + (bytes << 40))) * WEIR_RECORD_K1;
}

/* The high half of XXH3-64 of stamp and body, after size, position, lane and ring are mixed in.
 * They are mixed in afterwards because a seeded XXH3 derives a secret for long inputs. */
static inline uint32_t weir_record_check(const uint8_t *record, uint64_t body, uint64_t salt,
                                         uint64_t position) {
    uint64_t hash = XXH3_64bits(record + 8, (size_t)(8 + body));
    return (uint32_t)(weir_check_mix(hash, salt, position, body) >> 32);
}

/* This many pending bytes do not linger: a block that is worth its sync, or a quarter of a lane,
 * so that a lane which fills up fast is looked at again before it is full. */
static inline uint64_t weir_lane_enough(uint64_t lane_bytes) {
    return lane_bytes / 4 < 256 << 10 ? lane_bytes / 4 : 256 << 10;
}

static inline uint8_t *weir_lane_at(const weir_lane *lane, uint64_t position) {
    return lane->data + (position & (lane->size - 1));
}

/* Fill the head of the record that starts at position, which is there in memory; its body is
 * written. */
static inline void weir_record_seal_at(uint8_t *record, uint64_t salt, uint64_t position,
                                       uint64_t body, uint64_t epoch, unsigned kind) {
    weir_put_u64(record + 8, epoch << 8 | kind);
    weir_put_u32(record, (uint32_t)body);
    weir_put_u32(record + 4, weir_record_check(record, body, salt, position));
}

static inline void weir_record_seal(const weir_lane *lane, uint64_t position, uint64_t body,
                                    uint64_t epoch, unsigned kind) {
    weir_record_seal_at(weir_lane_at(lane, position), lane->salt, position, body, epoch, kind);
}

/* Publish everything up to tail, with release: see weir_lane_control. */
static inline void weir_lane_publish(weir_lane *lane, uint64_t tail) {
    lane->tail = tail;
    atomic_store_explicit(&lane->control->tail, tail, memory_order_release);
}

typedef struct weir_record {
    const uint8_t *body; /* in the lane */
    uint32_t bytes;
    unsigned kind;
    uint64_t epoch;
    uint64_t next; /* position after it */
} weir_record;

/* Read the record at position, which must be below end. False when it is not valid: the bytes
 * may be anything. */
bool weir_lane_read(const weir_lane *lane, uint64_t position, uint64_t end, weir_record *out);

/* After a record that says that its batch goes on: read the next one of the batch, which begins at
 * begin. False when it is not valid, or cannot be of this batch. */
bool weir_lane_read_batch(const weir_lane *lane, uint64_t begin, uint64_t end, weir_record *record);

/* Its epoch only, unchecked: for choosing which lane comes next. */
static inline uint64_t weir_lane_epoch(const weir_lane *lane, uint64_t position) {
    const uint8_t *record = weir_lane_at(lane, position);
    uint64_t stamp;
    memcpy(&stamp, record + 8, sizeof stamp);
    return stamp >> 8;
}

#endif
