/* recorder.h - the flight recorder: the last messages below the log's threshold, in a mapped file
 * of slots that are overwritten in turn.
 *
 * Like the ring (ring.h) it is mapped MAP_SHARED, so that it outlives the process, and allocated
 * before that. It belongs to the ring beside it: messages are rows as they are in a lane, of
 * templates that this ring's journal declares. What is brought out after a crash is drained as if
 * it stood in one more lane of that ring, after all others. Layout, little-endian:
 *
 *     offset  size
 *          0     8  magic "WEIRREC1"
 *          8     4  version = 1
 *         12     4  header bytes = 4096
 *         16     4  incompatible features: an unknown bit means: do not read
 *         20     4  compatible features
 *         24    16  recorder id
 *         40    16  ring id
 *         56    16  journal id
 *         72     4  lane: the number of lanes of that ring
 *         76     4  slots
 *         80     4  bytes of a slot, a multiple of 64
 *         84     4  zero
 *         88     8  header hash: XXH3-64 of bytes 0 … 87
 *
 * From 4096 on the slots, each:
 *
 *          0     8  word: sequence << 2 | state
 *          8     8  check: see weir_recorder_check()
 *         16     8  way: position << 10 | lane, where the ring has the row if it was brought out
 *         24     4  bytes of the body
 *         28     4  zero
 *         32     …  body: a row
 *
 * WHO HAS A SLOT. Sequences count messages, from 1; the slot of a message is its sequence modulo
 * the number of slots. A thread that writes takes the next sequence (fetch-add, relaxed), and then
 * the slot by compare-and-swap of its word:
 *
 *   EMPTY, RECORDED -> WRITING   whoever took the sequence, which is above the one in the word
 *                                (acquire: what others wrote or read there before is over)
 *   WRITING -> RECORDED          the same thread (release, after the body and its check)
 *   RECORDED -> LEAVING          the one thread that brings out (acquire, with that release)
 *   LEAVING -> EMPTY             the same thread, after the row is published in the ring (release,
 *                                with the next writer's acquire)
 *   LEAVING -> RECORDED          the same thread, when the ring did not take it (release)
 *
 * So two threads never touch a slot at once, and nobody waits: who finds a slot WRITING or LEAVING
 * goes on to the next sequence. A slot whose thread never comes back is lost until the recorder is
 * made anew. models/recorder.pml has all of it.
 *
 * ONCE. Whoever brings a row out stores in the slot's way where the ring will have it, before it
 * publishes it there. A process that is killed leaves the word LEAVING, and the lane's tail says
 * whether the row was published. */
#ifndef WEIR_RECORDER_H
#define WEIR_RECORDER_H

#include "ring.h"

enum {
    WEIR_RECORDER_HEADER = 4096,
    WEIR_RECORDER_VERSION = 1,
    WEIR_RECORDER_SLOT_HEAD = 32,
    WEIR_RECORDER_SLOT = 512, /* bytes of those that are made here */
    WEIR_RECORDER_SLOT_MAX = 32768,
    WEIR_RECORDER_SLOTS_MAX = 1 << 24,
    WEIR_RECORDER_WAY_SHIFT = 10,
};

typedef enum weir_recorder_state {
    WEIR_RECORDER_EMPTY = 0,
    WEIR_RECORDER_WRITING = 1,
    WEIR_RECORDER_RECORDED = 2,
    WEIR_RECORDER_LEAVING = 3,
} weir_recorder_state;

typedef struct weir_recorder_header {
    uint32_t version, incompatible, compatible;
    uint8_t id[16], ring[16], journal[16];
    uint32_t lane, slots, slot_bytes;
} weir_recorder_header;

typedef struct weir_recorder_slot { /* in the file */
    _Atomic uint64_t word;
    uint64_t check;
    /* Relaxed: stored before the release of RECORDED, or of the lane's tail; read when the process
     * is dead. */
    _Atomic uint64_t way;
    uint32_t bytes, reserved;
    uint8_t body[];
} weir_recorder_slot;
static_assert(sizeof(weir_recorder_slot) == WEIR_RECORDER_SLOT_HEAD, "on-disk size");

typedef struct weir_recorder {
    const weir_os *os;
    weir_recorder_header header;
    uint8_t *map; /* NULL: there is none */
    size_t map_bytes;
    uint64_t salt;
    /* The sequence given out last. Relaxed: the slots' words order everything else. */
    alignas(WEIR_CACHE_LINE) _Atomic uint64_t sequence;
} weir_recorder;

/* ---- the file of this process ---- */

/* Make a file of that many slots at path (a temporary name; the caller renames it) and map it.
 * wanted: id, ring, journal, lane, slots. Errors: NO_SPACE, UNSUPPORTED (the file system cannot
 * allocate), IO, NO_MEMORY. */
int weir_recorder_create(weir_recorder *r, const weir_os *os, int dirfd, const char *path,
                         const weir_recorder_header *wanted, weir_error *error);
/* In a forked child: as weir_ring_let_go. Async-signal-safe. */
void weir_recorder_let_go(const weir_recorder *r);
void weir_recorder_unmap(weir_recorder *r); /* nothing happens where there is none */

/* Of a slot's body: mixed with its sequence, so that an older body in the same place fails. salt:
 * the hash of the recorder's id. */
uint64_t weir_recorder_check(uint64_t salt, uint64_t sequence, const uint8_t *body, size_t bytes);

/* ---- in the process: any thread; no lock, no system call ---- */

/* A row of so many bytes, and the slack that encoding it may touch, fits into a slot. */
static inline bool weir_recorder_holds(const weir_recorder *r, uint64_t bytes) {
    return bytes + WEIR_ROW_SLACK <= r->header.slot_bytes - WEIR_RECORDER_SLOT_HEAD;
}

/* A slot to write to, which is the caller's until it seals it. NULL: those that it tried are all
 * being written or brought out. */
weir_recorder_slot *weir_recorder_claim(weir_recorder *r, uint64_t *sequence);
/* Its body has so many bytes: publish it. */
void weir_recorder_seal(const weir_recorder *r, weir_recorder_slot *slot, uint64_t sequence,
                        size_t bytes);

/* For one thread at a time. take: the message of this sequence, which is the caller's until it
 * calls one of the other two; NULL: it is not there, or not any more, or not yet. */
weir_recorder_slot *weir_recorder_take(const weir_recorder *r, uint64_t sequence);
void weir_recorder_is_out(weir_recorder_slot *slot, uint64_t sequence);
void weir_recorder_put_back(weir_recorder_slot *slot, uint64_t sequence);
/* The oldest sequence that may be there; the youngest is in r->sequence. */
uint64_t weir_recorder_oldest(const weir_recorder *r, uint64_t youngest);

/* ---- of a dead process: a file of any bytes ---- */

typedef struct weir_recorder_reader {
    const weir_os *os;
    int file;
    weir_recorder_header header;
    uint64_t salt;
    uint64_t next, last; /* sequences: what comes next, the youngest that is valid; 0: none */
    uint64_t left_out;   /* slots that were being written, or are damaged */
    uint8_t *chunk;      /* slots from the file, chunk_slots of them from chunk_first on */
    uint32_t chunk_first, chunk_slots;
    const weir_ring *ring;
} weir_recorder_reader;

typedef struct weir_recorded {
    uint64_t sequence;
    const uint8_t *row; /* until the next call; NULL: there is none left */
    size_t bytes;
} weir_recorded;

/* Open the file to read it. *found says what it is: WEIR_RING_OURS belongs to this ring, which is
 * attached, and is to be closed; FOREIGN belongs to another. With any but OURS there is nothing to
 * close. Errors: IO, NO_MEMORY. */
int weir_recorder_attach(weir_recorder_reader *reader, const weir_os *os, int dirfd,
                         const char *path, const weir_ring *ring, weir_found_ring *found,
                         weir_error *error);
/* What is up to this sequence has been brought out. */
void weir_recorder_skip(weir_recorder_reader *reader, uint64_t sequence);
/* The next message, by ascending sequence, that was not brought out. */
int weir_recorder_next(weir_recorder_reader *reader, weir_recorded *out, weir_error *error);
void weir_recorder_close(weir_recorder_reader *reader);

#endif
