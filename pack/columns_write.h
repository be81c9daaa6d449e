/* columns_write.h - the payloads and headers of a group of blocks into columns of a plan:
 * ../lib/packed/columns.h reads them. */
#ifndef WEIR_COLUMNS_WRITE_H
#define WEIR_COLUMNS_WRITE_H

#include "../lib/packed/columns.h"
#include "plan_write.h"

/* raw: the valid payloads of all these blocks, one after the other. The plan is empty before.
 * WEIR_OK or WEIR_NO_MEMORY. */
int weir_columns_encode(const weir_block_header *headers, uint32_t count, const uint8_t *raw,
                        weir_plan_writer *plan);

void weir_heads_encode(const uint8_t *headers, uint32_t count, weir_plan_writer *plan);

#endif
