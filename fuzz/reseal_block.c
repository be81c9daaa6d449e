/* reseal_block.c - the mutator for single blocks: a header of 160 bytes and its stored payload. */
#include <string.h>

#include "../lib/format/block.h"
#include "harness.h"
#include "reseal.h"

enum { ROOM = 1 << 16 };

size_t reseal_mutate_block(uint8_t *data, size_t size, size_t capacity) {
    static uint8_t block[WEIR_BLOCK_HEADER + ROOM];
    if (size <= WEIR_BLOCK_HEADER || size > sizeof block || reseal_number(8) == 0)
        return LLVMFuzzerMutate(data, size, capacity);
    memcpy(block, data, size);
    memset(block + size, 0, sizeof block - size);
    if (reseal_number(3) == 0) reseal_change_header(block);
    if (reseal_number(3)) reseal_change_payload(block, sizeof block);
    weir_cursor c = weir_cursor_over(block + 84, 4);
    uint32_t stored = weir_take_u32(&c);
    if (stored > ROOM || WEIR_BLOCK_HEADER + stored > capacity)
        stored = (uint32_t)(size - WEIR_BLOCK_HEADER);
    reseal_block_hashes(block, sizeof block);
    memcpy(data, block, WEIR_BLOCK_HEADER + stored);
    return WEIR_BLOCK_HEADER + stored;
}
