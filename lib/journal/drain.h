/* drain.h - from lanes to blocks: records in their order, packed into payloads, appended to the
 * journal.
 *
 * The same walk serves the live ring and a dead one. Nothing is released here: the caller syncs
 * first. */
#ifndef WEIR_DRAIN_H
#define WEIR_DRAIN_H

#include "../ring/recorder.h"
#include "journal.h"

/* The usual target: large enough for zstd, and for one pwrite. */
enum { WEIR_DRAIN_TARGET = 1 << 20 };

/* Where blocks go instead of a journal, for a reader of a dead ring that changes nothing. */
typedef struct weir_drain_receiver {
    void *self;
    /* Arguments as of weir_journal_append and weir_journal_tables. */
    int (*append)(void *self, uint16_t kind, const weir_drained *drained, uint8_t *payload,
                  size_t bytes, uint32_t rows, weir_error *error);
    const weir_tables *(*tables)(const void *self);
} weir_drain_receiver;

typedef struct weir_drain {
    weir_ring *ring;
    weir_journal *journal;
    const weir_drain_receiver *receiver; /* NULL: the journal is */
    weir_drained drained; /* of the block under construction: the lanes that were ever used */
    uint8_t *payload;     /* of that block: room for the head, then rows */
    size_t capacity, used, target; /* bytes; a block is cut when used passes target */
    uint32_t rows;                 /* in payload */
    uint64_t epoch;                /* of the present cut */
    bool cutting;                  /* the present cut has records left */
    uint64_t known;                /* rows that come first and are skipped: the database has them */
    uint64_t known_before;
    bool dead; /* no thread appends: a bad record ends its lane and is no error */
    weir_recorder_reader *recorder; /* of the dead process: what comes after all lanes */
    uint64_t recorder_position;     /* sequence up to which it is drained; 0: nothing was taken */
    uint64_t recorded, unreadable;  /* rows taken from it; left out as no row of this journal */
} weir_drain;

typedef enum weir_drain_from { WEIR_DRAIN_LIVE_RING, WEIR_DRAIN_DEAD_RING } weir_drain_from;

/* raw_target: bytes of payload at which a block is cut. */
int weir_drain_make(weir_drain *d, weir_ring *ring, weir_journal *journal, size_t raw_target,
                    weir_drain_from from, weir_error *error);
void weir_drain_free(weir_drain *d);

/* Append one block, or none when there is nothing to take: *appended says. WEIR_FULL: nothing
 * changed, try later. WEIR_IO: call weir_drain_rewind after the journal's restart. WEIR_STOPPED:
 * a record of a live lane fails its check: something wrote into the ring. */
int weir_drain_block(weir_drain *d, bool *appended, weir_error *error);

/* A dead ring is drained: append one block of what the flight recorder beside it holds. As
 * weir_drain_block; there is nothing to rewind. */
int weir_drain_recorder_block(weir_drain *d, weir_recorder_reader *recorder, bool *appended,
                              weir_error *error);

/* Append a block without rows: it carries the durable mark, and how far the lanes are drained. */
int weir_drain_mark(weir_drain *d, weir_error *error);

/* All that was taken is durable: give the space back and say so to producers and waiters
 * (release). */
void weir_drain_release(weir_drain *d);
/* Forget what was taken since the last release: it will be taken again. */
void weir_drain_rewind(weir_drain *d);

#endif
