/* heads_write.c - the headers of a group's blocks as columns of numbers. */
#include "columns_write.h"

void weir_heads_encode(const uint8_t *headers, uint32_t count, weir_plan_writer *plan) {
    uint64_t *column = calloc(count, sizeof *column);
    if (!column) plan->plan.failed = true;
    for (unsigned word = 0; column && word < WEIR_HEADS_WORDS; word++) {
        if (weir_heads_word_is_told(word)) continue;
        for (uint32_t i = 0; i < count; i++) {
            const uint8_t *at = headers + (size_t)i * WEIR_BLOCK_HEADER + 4 * word;
            weir_cursor c = weir_cursor_over(at, 4);
            column[i] = weir_take_u32(&c);
        }
        weir_plan_put_numbers(plan, column, count);
    }
    free(column);
}
