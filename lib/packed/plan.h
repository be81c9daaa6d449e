/* plan.h - what a group consists of: a plan, and streams of bytes that stand in the plan or, where
 * they are long, behind it, each as a zstd frame of its own.
 *
 * The plan is read from its beginning to its end, and says all that the reader must know to take
 * the next thing. A stream in it is
 *
 *     u32 raw bytes, u32 stored bytes
 *     stored bytes = 0: the raw bytes follow here; otherwise they are the next of the rest: as they
 *     are where stored = raw, or one zstd frame
 *
 * A column of n numbers, each of 64 bits, in it is, if n > 0
 *
 *     u8 filter: 0 as they are, 1 differences from the number before
 *     u8 width, 0 … 8, u64 base, u64 first (only with differences)
 *     a stream, unless width is 0: the lowest byte of every number, less the base, then the next
 *
 * docs/FORMAT.md, section 12. */
#ifndef WEIR_PLAN_H
#define WEIR_PLAN_H

#include <zstd.h>

#include "../base/cursor.h"

typedef struct weir_plan_piece weir_plan_piece;

typedef struct weir_plan_reader {
    ZSTD_DCtx *zstd; /* the caller's */
    weir_cursor plan, rest;
    uint64_t budget;         /* raw bytes that may still be taken */
    weir_plan_piece *pieces; /* all that was decompressed, until the reader is freed */
    int status;              /* the first that was not WEIR_OK */
} weir_plan_reader;

/* Begin with a plan of so many stored bytes. budget: how many bytes the plan and its streams may
 * have together. */
void weir_plan_read(weir_plan_reader *r, ZSTD_DCtx *zstd, const uint8_t *stored,
                    uint32_t stored_bytes, uint32_t raw_bytes, uint64_t budget);
void weir_plan_reader_free(weir_plan_reader *r);
/* The bytes of the stream that comes next, which live as long as the reader; none in a plan that is
 * not valid. */
weir_cursor weir_plan_take_stream(weir_plan_reader *r);
/* Room for what the caller makes of it, zeros, within the budget, as long as the reader; or NULL. */
void *weir_plan_room(weir_plan_reader *r, uint64_t count, size_t bytes);

typedef struct weir_plan_numbers {
    const uint8_t *planes;
    uint64_t base, last;
    uint32_t count, next;
    uint8_t width;
    bool differences;
} weir_plan_numbers;

/* The column of count numbers that comes next; then one after the other. After the last, and in a
 * plan that is not valid, 0 comes. */
void weir_plan_take_numbers(weir_plan_reader *r, uint32_t count, weir_plan_numbers *out);
uint64_t weir_plan_next(weir_plan_numbers *n);
/* Whether all was taken, and nothing is left. */
bool weir_plan_done(const weir_plan_reader *r);
/* Say that what was read is not valid. */
void weir_plan_refuse(weir_plan_reader *r, int status);

/* stored_bytes into raw, which has room for raw_bytes: a frame, or as they are. */
bool weir_plan_expands(const uint8_t *stored, uint32_t stored_bytes, uint32_t raw_bytes);
int weir_plan_expand(ZSTD_DCtx *zstd, const uint8_t *stored, uint32_t stored_bytes, uint8_t *raw,
                     uint32_t raw_bytes);

#endif
