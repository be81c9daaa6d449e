/* recorder.c - what threads do in the flight recorder. The states of a slot are in recorder.h. */
#include "recorder.h"

enum { TRIES = 16 }; /* slots that one message finds taken before it gives up */

static weir_recorder_slot *slot_of_sequence(const weir_recorder *r, uint64_t sequence) {
    size_t at = (size_t)(sequence % r->header.slots) * r->header.slot_bytes;
    return (weir_recorder_slot *)(void *)(r->map + WEIR_RECORDER_HEADER + at);
}

static uint64_t word_of(uint64_t sequence, weir_recorder_state state) {
    return sequence << 2 | (uint64_t)state;
}

/* Is it nobody's, and what is in it older? */
static bool may_claim(uint64_t word, uint64_t sequence) {
    weir_recorder_state state = (weir_recorder_state)(word & 3);
    return (state == WEIR_RECORDER_EMPTY || state == WEIR_RECORDER_RECORDED) &&
           word >> 2 < sequence;
}

weir_recorder_slot *weir_recorder_claim(weir_recorder *r, uint64_t *sequence) {
    for (int i = 0; i < TRIES; i++) {
        *sequence = atomic_fetch_add_explicit(&r->sequence, 1, memory_order_relaxed) + 1;
        weir_recorder_slot *slot = slot_of_sequence(r, *sequence);
        uint64_t word = atomic_load_explicit(&slot->word, memory_order_relaxed);
        if (may_claim(word, *sequence) &&
            atomic_compare_exchange_strong_explicit(&slot->word, &word,
                                                    word_of(*sequence, WEIR_RECORDER_WRITING),
                                                    memory_order_acquire, memory_order_relaxed))
            return slot;
    }
    return NULL;
}

uint64_t weir_recorder_check(uint64_t salt, uint64_t sequence, const uint8_t *body, size_t bytes) {
    return weir_check_mix(XXH3_64bits(body, bytes), salt, sequence, bytes);
}

static void set_state(weir_recorder_slot *slot, uint64_t sequence, weir_recorder_state state) {
    atomic_store_explicit(&slot->word, word_of(sequence, state), memory_order_release);
}

void weir_recorder_seal(const weir_recorder *r, weir_recorder_slot *slot, uint64_t sequence,
                        size_t bytes) {
    slot->bytes = (uint32_t)bytes;
    slot->reserved = 0;
    slot->check = weir_recorder_check(r->salt, sequence, slot->body, bytes);
    atomic_store_explicit(&slot->way, 0, memory_order_relaxed);
    set_state(slot, sequence, WEIR_RECORDER_RECORDED);
}

void weir_recorder_is_out(weir_recorder_slot *slot, uint64_t sequence) {
    set_state(slot, sequence, WEIR_RECORDER_EMPTY);
}

void weir_recorder_put_back(weir_recorder_slot *slot, uint64_t sequence) {
    set_state(slot, sequence, WEIR_RECORDER_RECORDED);
}

/* A wild pointer may have written into the file; a row that no reader takes would stop the journal
 * for good. */
static bool is_whole(const weir_recorder *r, const weir_recorder_slot *slot, uint64_t sequence) {
    size_t bytes = slot->bytes;
    return bytes <= r->header.slot_bytes - WEIR_RECORDER_SLOT_HEAD &&
           slot->check == weir_recorder_check(r->salt, sequence, slot->body, bytes);
}

weir_recorder_slot *weir_recorder_take(const weir_recorder *r, uint64_t sequence) {
    weir_recorder_slot *slot = slot_of_sequence(r, sequence);
    uint64_t word = word_of(sequence, WEIR_RECORDER_RECORDED);
    if (!atomic_compare_exchange_strong_explicit(&slot->word, &word,
                                                 word_of(sequence, WEIR_RECORDER_LEAVING),
                                                 memory_order_acquire, memory_order_relaxed))
        return NULL;
    if (is_whole(r, slot, sequence)) return slot;
    weir_recorder_is_out(slot, sequence);
    return NULL;
}

uint64_t weir_recorder_oldest(const weir_recorder *r, uint64_t youngest) {
    return youngest > r->header.slots ? youngest - r->header.slots + 1 : 1;
}
