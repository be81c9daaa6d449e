/* heads.c - the headers of a group's blocks as columns of numbers. */
#include <string.h>

#include "columns.h"
#include "packed.h"

enum { WORDS = WEIR_BLOCK_HEADER / 4, PREVIOUS = 104, HASH = WEIR_BLOCK_HEADER - 8 };

/* Is this word one of a hash that the other bytes, or the header before, tell? */
static bool is_told(unsigned word) {
    unsigned at = 4 * word;
    return (at >= PREVIOUS && at < PREVIOUS + 8) || at >= HASH;
}

void weir_heads_encode(const uint8_t *headers, uint32_t count, weir_plan_writer *plan) {
    uint64_t *column = calloc(count, sizeof *column);
    if (!column) plan->plan.failed = true;
    for (unsigned word = 0; column && word < WORDS; word++) {
        if (is_told(word)) continue;
        for (uint32_t i = 0; i < count; i++) {
            const uint8_t *at = headers + (size_t)i * WEIR_BLOCK_HEADER + 4 * word;
            weir_cursor c = weir_cursor_over(at, 4);
            column[i] = weir_take_u32(&c);
        }
        weir_plan_put_numbers(plan, column, count);
    }
    free(column);
}

int weir_heads_decode(weir_plan_reader *plan, uint64_t previous, uint32_t count, uint8_t *headers) {
    for (unsigned word = 0; word < WORDS; word++) {
        if (is_told(word)) continue;
        weir_plan_numbers column;
        weir_plan_take_numbers(plan, count, &column);
        for (uint32_t i = 0; i < count; i++) {
            uint64_t n = weir_plan_next(&column);
            if (n > UINT32_MAX) weir_plan_refuse(plan, WEIR_DAMAGED);
            (void)weir_put_u32(headers + (size_t)i * WEIR_BLOCK_HEADER + 4 * word, (uint32_t)n);
        }
    }
    for (uint32_t i = 0; i < count; i++, headers += WEIR_BLOCK_HEADER) {
        (void)weir_put_u64(headers + PREVIOUS, previous);
        previous = weir_hash(headers, HASH);
        (void)weir_put_u64(headers + HASH, previous);
    }
    if (!weir_plan_done(plan)) weir_plan_refuse(plan, WEIR_DAMAGED);
    return plan->status;
}
