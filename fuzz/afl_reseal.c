/* afl_reseal.c - the mutator of reseal.c for AFL++: it hands us each input that it has made, just before
 * the input runs, and we seal it again. Loaded through AFL_CUSTOM_MUTATOR_LIBRARY; the names of the
 * functions are AFL++'s. */
#include <string.h>

#include "harness.h"
#include "reseal.h"

enum { ROOM = 1 << 20 };

void *afl_custom_init(void *afl, unsigned seed);
size_t afl_custom_post_process(void *self, uint8_t *data, size_t size, uint8_t **out);
void afl_custom_deinit(void *self);

/* AFL++ does the changing. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t capacity) {
    (void)data;
    (void)capacity;
    return size;
}

void *afl_custom_init(void *afl, unsigned seed) {
    (void)afl;
    reseal_seed(seed);
    return malloc(ROOM);
}

size_t afl_custom_post_process(void *self, uint8_t *data, size_t size, uint8_t **out) {
    uint8_t *buffer = self;
    *out = data;
    if (size > ROOM) return size;
    memcpy(buffer, data, size);
    if (reseal_is_block(buffer, size)) {
        reseal_block_hashes(buffer, size);
    } else {
        fuzz_container c;
        fuzz_unpack(buffer, size, &c);
        reseal_container(&c);
        size_t packed = fuzz_pack(&c, buffer, ROOM);
        fuzz_container_free(&c);
        if (packed == 0) return size;
        size = packed;
    }
    *out = buffer;
    return size;
}

void afl_custom_deinit(void *self) { free(self); }
