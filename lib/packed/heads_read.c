/* heads_read.c - the headers of a group's blocks out of columns of numbers. */
#include "columns.h"
#include "packed.h"

int weir_heads_decode(weir_plan_reader *plan, uint64_t previous, uint32_t count, uint8_t *headers) {
    for (unsigned word = 0; word < WEIR_HEADS_WORDS; word++) {
        if (weir_heads_word_is_told(word)) continue;
        weir_plan_numbers column;
        weir_plan_take_numbers(plan, count, &column);
        for (uint32_t i = 0; i < count; i++) {
            uint64_t n = weir_plan_next(&column);
            if (n > UINT32_MAX) weir_plan_refuse(plan, WEIR_DAMAGED);
            (void)weir_put_u32(headers + (size_t)i * WEIR_BLOCK_HEADER + 4 * word, (uint32_t)n);
        }
    }
    for (uint32_t i = 0; i < count; i++, headers += WEIR_BLOCK_HEADER) {
        (void)weir_put_u64(headers + WEIR_HEADS_PREVIOUS, previous);
        previous = weir_hash(headers, WEIR_HEADS_HASH);
        (void)weir_put_u64(headers + WEIR_HEADS_HASH, previous);
    }
    if (!weir_plan_done(plan)) weir_plan_refuse(plan, WEIR_DAMAGED);
    return plan->status;
}
