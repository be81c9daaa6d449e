/* bytes.h - bytes that grow. */
#ifndef WEIR_PG_BYTES_H
#define WEIR_PG_BYTES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct weir_pg_bytes {
    uint8_t *at;
    size_t length, capacity;
} weir_pg_bytes;

/* Where more bytes may be written; NULL: no memory. Their number is added to length by whoever writes
 * them. */
static inline uint8_t *weir_pg_bytes_room(weir_pg_bytes *b, size_t more) {
    size_t needed;
    if (__builtin_add_overflow(b->length, more, &needed)) return NULL;
    if (needed > b->capacity) {
        size_t doubled = b->capacity > SIZE_MAX / 2 ? SIZE_MAX : 2 * b->capacity;
        size_t capacity = needed < doubled ? doubled : needed;
        uint8_t *grown = (uint8_t *)realloc(b->at, capacity);
        if (!grown) return NULL;
        b->at = grown;
        b->capacity = capacity;
    }
    return b->at + b->length;
}

static inline bool weir_pg_bytes_add(weir_pg_bytes *b, const void *bytes, size_t length) {
    uint8_t *at = weir_pg_bytes_room(b, length);
    if (!at) return false;
    if (length) memcpy(at, bytes, length);
    b->length += length;
    return true;
}

static inline void weir_pg_bytes_free(weir_pg_bytes *b) {
    free(b->at);
    *b = (weir_pg_bytes){NULL, 0, 0};
}

#endif
