/* columns.h - the payloads of a group of blocks, out of columns in a plan.
 *
 * The plan has
 *
 *     u32 shapes, each u16 table, u16 columns
 *     stream: the heads of all payloads; of blocks without rows the whole payload
 *     column of numbers, one for each row: 0, or which shape it has, counted from 1
 *     column of numbers, one for each row without a shape: its bytes; stream: these rows
 *     for each shape, for each of its columns: the values (values.h)
 *
 * A row has a shape if it is valid, all its widths are the least, and its shape has at least
 * WEIR_PACKED_SHAPE_ROWS rows; so what is read can be encoded as any writer does it. docs/FORMAT.md,
 * section 12. */
#ifndef WEIR_PACKED_COLUMNS_H
#define WEIR_PACKED_COLUMNS_H

#include "../format/block.h"
#include "plan.h"

enum {
    WEIR_HEADS_WORDS = WEIR_BLOCK_HEADER / 4, /* of a block's header */
    WEIR_HEADS_PREVIOUS = 104,                /* where it has the hash of the one before, */
    WEIR_HEADS_HASH = WEIR_BLOCK_HEADER - 8,  /* and its own */
    WEIR_PACKED_SHAPE_ROWS = 8,
    WEIR_PACKED_COLUMNS_MOST = 16384, /* of all shapes of a group together */
    WEIR_PACKED_SLACK = 8,            /* bytes behind the payloads that decoding may overwrite */
};

/* How many bytes a plan for payloads of so many bytes may take, with its streams and what is made of
 * them. */
uint64_t weir_columns_budget(uint32_t raw_bytes);

/* raw has room for the payloads of all these blocks, and WEIR_PACKED_SLACK. WEIR_OK, WEIR_DAMAGED
 * or WEIR_NO_MEMORY. */
int weir_columns_decode(weir_plan_reader *plan, const weir_block_header *headers, uint32_t count,
                        uint8_t *raw);

/* The headers of a group are columns of numbers, one for each word of four bytes but for those of a
 * hash that the other bytes, or the header before, tell. */
static inline bool weir_heads_word_is_told(unsigned word) {
    unsigned at = 4 * word;
    return (at >= WEIR_HEADS_PREVIOUS && at < WEIR_HEADS_PREVIOUS + 8) || at >= WEIR_HEADS_HASH;
}
/* previous: hash of the header before the first. Answers as weir_columns_decode. */
int weir_heads_decode(weir_plan_reader *plan, uint64_t previous, uint32_t count, uint8_t *headers);

#endif
