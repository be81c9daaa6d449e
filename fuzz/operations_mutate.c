/* operations_mutate.c - the mutator for programs: operations are put in, taken out, moved and changed as
 * wholes; a plain one mostly shifts bytes, which makes another program of all that follows. */
#include <string.h>

#include "harness.h"
#include "operations.h"

static uint32_t state; /* xorshift32, from the seed of each call */

static uint32_t number(uint32_t below) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % below;
}

static void any_operation(uint8_t *at) {
    /* What appends, and what ends a life, more often than what only lets time pass. */
    static const uint8_t often[] = {DO_APPEND, DO_APPEND_TYPED, DO_APPEND_MANY, DO_SYNC,
                                    DO_CUT,    DO_CRASH_LATER,  DO_DAMAGE};
    at[0] = (uint8_t)(number(2) ? often[number(sizeof often)] : number(OPERATIONS));
    for (int i = 1; i < OPERATION_BYTES; i++)
        at[i] = (uint8_t)number(256);
}

/* A run of operations from somewhere, put in somewhere else; count > 0. */
static size_t repeat_some(uint8_t *data, size_t count) {
    uint8_t some[4 * OPERATION_BYTES];
    size_t run = 1 + number(4);
    if (run > count) run = count;
    if (count + run > OPERATIONS_MAX) return count;
    size_t from = number((uint32_t)(count - run + 1)), to = number((uint32_t)count + 1);
    memcpy(some, data + from * OPERATION_BYTES, run * OPERATION_BYTES);
    memmove(data + (to + run) * OPERATION_BYTES, data + to * OPERATION_BYTES,
            (count - to) * OPERATION_BYTES);
    memcpy(data + to * OPERATION_BYTES, some, run * OPERATION_BYTES);
    return count + run;
}

static size_t insert(uint8_t *data, size_t count) {
    if (count == OPERATIONS_MAX) return count;
    uint8_t *at = data + number((uint32_t)count + 1) * OPERATION_BYTES;
    memmove(at + OPERATION_BYTES, at, count * OPERATION_BYTES - (size_t)(at - data));
    any_operation(at);
    return count + 1;
}

static size_t take_out(uint8_t *data, size_t count) {
    uint8_t *at = data + number((uint32_t)count) * OPERATION_BYTES;
    memmove(at, at + OPERATION_BYTES, (count - 1) * OPERATION_BYTES - (size_t)(at - data));
    return count - 1;
}

static size_t change(uint8_t *data, size_t count) {
    uint8_t *at = count ? data + number((uint32_t)count) * OPERATION_BYTES : NULL;
    switch (count ? number(7) : 0) {
    case 0:
    case 1: return insert(data, count);
    case 2: return count > 1 ? take_out(data, count) : count;
    case 3: return repeat_some(data, count);
    case 4: any_operation(at); break;
    case 5: at[1 + number(3)] = (uint8_t)number(256); break;
    default: at[1 + number(3)] ^= (uint8_t)(1u << number(8)); break;
    }
    return count;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t capacity, unsigned seed) {
    if (getenv("WEIR_FUZZ_PLAIN") || capacity < OPERATIONS_MAX * OPERATION_BYTES)
        return LLVMFuzzerMutate(data, size, capacity);
    size_t count = size / OPERATION_BYTES;
    if (count > OPERATIONS_MAX) count = OPERATIONS_MAX;
    state = (uint32_t)seed * 2654435761u | 1;
    for (uint32_t turns = 1 + number(4); turns > 0; turns--)
        count = change(data, count);
    return count * OPERATION_BYTES;
}

/* The beginning of one program and the end of another. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
                                 uint8_t *out, size_t capacity, unsigned seed) {
    state = (uint32_t)seed * 2654435761u | 1;
    size_t first = number((uint32_t)(a_size / OPERATION_BYTES) + 1) * OPERATION_BYTES;
    size_t skipped = number((uint32_t)(b_size / OPERATION_BYTES) + 1) * OPERATION_BYTES;
    size_t second = b_size - skipped;
    if (first > capacity) first = capacity;
    if (second > capacity - first) second = capacity - first;
    memcpy(out, a, first);
    memcpy(out + first, b + skipped, second);
    return first + second;
}
