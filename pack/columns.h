/* columns.h - the payloads of a group of blocks, as columns in a plan and back.
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
#ifndef WEIR_PACK_COLUMNS_H
#define WEIR_PACK_COLUMNS_H

#include "../lib/format/block.h"
#include "plan.h"

enum {
    WEIR_PACKED_SHAPE_ROWS = 8,
    WEIR_PACKED_COLUMNS_MOST = 16384, /* of all shapes of a group together */
    WEIR_PACKED_SLACK = 8,            /* bytes behind the payloads that decoding may overwrite */
};

/* raw: the valid payloads of all these blocks, one after the other. The plan is empty before.
 * WEIR_OK or WEIR_NO_MEMORY. */
int weir_columns_encode(const weir_block_header *headers, uint32_t count, const uint8_t *raw,
                        weir_plan_writer *plan);

/* How many bytes a plan for payloads of so many bytes may take, with its streams and what is made of
 * them. */
uint64_t weir_columns_budget(uint32_t raw_bytes);

/* raw has room for the payloads of all these blocks, and WEIR_PACKED_SLACK. WEIR_OK, WEIR_DAMAGED
 * or WEIR_NO_MEMORY. */
int weir_columns_decode(weir_plan_reader *plan, const weir_block_header *headers, uint32_t count,
                        uint8_t *raw);

/* The headers of a group as columns of numbers, all but the hashes, which are made again. previous:
 * of the header before the first. */
void weir_heads_encode(const uint8_t *headers, uint32_t count, weir_plan_writer *plan);
int weir_heads_decode(weir_plan_reader *plan, uint64_t previous, uint32_t count, uint8_t *headers);

#endif
