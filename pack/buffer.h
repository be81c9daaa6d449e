/* buffer.h - bytes that grow. What cannot be had makes the buffer failed for good, so that a
 * writer asks once, at the end. */
#ifndef WEIR_PACK_BUFFER_H
#define WEIR_PACK_BUFFER_H

#include <stdlib.h>

#include "../lib/base/cursor.h"

typedef struct weir_pack_buffer { /* zeros at first */
    uint8_t *bytes;
    size_t count, capacity;
    bool failed;
} weir_pack_buffer;

/* Room for so many more bytes, or NULL. They count when the caller adds them to count. */
static inline uint8_t *weir_pack_room(weir_pack_buffer *b, size_t more) {
    if (b->failed || more > SIZE_MAX / 4 - b->count) {
        b->failed = true;
        return NULL;
    }
    if (b->count + more > b->capacity) {
        size_t wanted = (b->count + more) * 2 + 64;
        uint8_t *larger = realloc(b->bytes, wanted);
        if (!larger) {
            b->failed = true;
            return NULL;
        }
        b->bytes = larger;
        b->capacity = wanted;
    }
    return b->bytes + b->count;
}

static inline void weir_pack_bytes(weir_pack_buffer *b, const void *bytes, size_t length) {
    uint8_t *at = weir_pack_room(b, length);
    if (!at) return;
    (void)weir_put_bytes(at, bytes, length); /* its end is the new count */
    b->count += length;
}

/* The low width bytes, 1 … 8. */
static inline void weir_pack_uint(weir_pack_buffer *b, uint64_t value, unsigned width) {
    uint8_t *at = weir_pack_room(b, sizeof value);
    if (!at) return;
    (void)weir_put_u64(at, value);
    b->count += width;
}

static inline void weir_pack_buffer_free(weir_pack_buffer *b) {
    free(b->bytes);
    *b = (weir_pack_buffer){0};
}

#endif
