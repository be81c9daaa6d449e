/* cursor.h - the one bounds-checked way to read bytes that this process did not write, and its twin
 * for writing. Integers are little-endian. A read past the end makes the cursor bad for good and
 * answers zero, so a parser may read a whole structure and check weir_cursor_ok() once, as long as
 * it checks before it believes a length. */
#ifndef WEIR_CURSOR_H
#define WEIR_CURSOR_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct weir_cursor {
    const uint8_t *at, *end;
    bool bad;
} weir_cursor;

static inline weir_cursor weir_cursor_over(const void *bytes, size_t length) {
    const uint8_t *at = (const uint8_t *)bytes;
    weir_cursor c = {at, length ? at + length : at, false};
    return c;
}
static inline bool weir_cursor_ok(const weir_cursor *c) { return !c->bad; }
static inline size_t weir_cursor_left(const weir_cursor *c) { return (size_t)(c->end - c->at); }

/* The next length bytes, or NULL (and bad). The bytes live as long as what the cursor is over. */
static inline const uint8_t *weir_take(weir_cursor *c, size_t length) {
    if (length > weir_cursor_left(c)) {
        c->bad = true;
        c->at = c->end;
        return NULL;
    }
    const uint8_t *bytes = c->at;
    c->at += length;
    return bytes;
}

/* The next width bytes, 1 … 8, at the top of a word: a shift to the right by 64 - 8 × width, signed
 * or not, makes the number. Replay spends its time here, so where 8 bytes are left all are loaded
 * at once. */
static inline uint64_t weir_take_high(weir_cursor *c, unsigned width) {
    uint64_t word = 0;
    if (weir_cursor_left(c) >= sizeof word) {
        memcpy(&word, c->at, sizeof word);
        c->at += width;
    } else {
        const uint8_t *bytes = weir_take(c, width);
        if (bytes) memcpy(&word, bytes, width);
    }
    return le64toh(word) << (64 - 8 * width);
}
static inline uint64_t weir_take_uint(weir_cursor *c, unsigned width) {
    return weir_take_high(c, width) >> (64 - 8 * width);
}
/* Two's complement, sign-extended. */
static inline int64_t weir_take_int(weir_cursor *c, unsigned width) {
    return (int64_t)weir_take_high(c, width) >> (64 - 8 * width);
}
static inline uint8_t weir_take_u8(weir_cursor *c) { return (uint8_t)weir_take_uint(c, 1); }
static inline uint16_t weir_take_u16(weir_cursor *c) { return (uint16_t)weir_take_uint(c, 2); }
static inline uint32_t weir_take_u32(weir_cursor *c) { return (uint32_t)weir_take_uint(c, 4); }
static inline uint64_t weir_take_u64(weir_cursor *c) { return weir_take_uint(c, 8); }
static inline void weir_take_copy(weir_cursor *c, void *into, size_t length) {
    const uint8_t *bytes = weir_take(c, length);
    if (!length) return;
    if (bytes)
        memcpy(into, bytes, length);
    else
        memset(into, 0, length);
}
/* length bytes that must all be zero; otherwise bad. */
static inline void weir_take_zeros(weir_cursor *c, size_t length) {
    const uint8_t *bytes = weir_take(c, length);
    for (size_t i = 0; bytes && i < length; i++)
        if (bytes[i]) c->bad = true;
}

/* Little-endian stores. Each returns the place after what it wrote; the caller has checked that
 * there is room. */
static inline uint8_t *weir_put_u16(uint8_t *at, uint16_t v) {
    v = htole16(v);
    memcpy(at, &v, sizeof v);
    return at + sizeof v;
}
static inline uint8_t *weir_put_u32(uint8_t *at, uint32_t v) {
    v = htole32(v);
    memcpy(at, &v, sizeof v);
    return at + sizeof v;
}
static inline uint8_t *weir_put_u64(uint8_t *at, uint64_t v) {
    v = htole64(v);
    memcpy(at, &v, sizeof v);
    return at + sizeof v;
}
static inline uint8_t *weir_put_bytes(uint8_t *at, const void *bytes, size_t length) {
    if (length) memcpy(at, bytes, length);
    return at + length;
}
static inline uint8_t *weir_put_zeros(uint8_t *at, size_t length) {
    memset(at, 0, length);
    return at + length;
}
/* The low width bytes, 1 … 8; the 8 - width bytes after them are overwritten. */
static inline uint8_t *weir_put_uint(uint8_t *at, uint64_t value, unsigned width) {
    (void)weir_put_u64(at, value); /* its end is not the number's end */
    return at + width;
}

static inline bool weir_all_zero(const uint8_t *bytes, size_t length) {
    return length == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0);
}

#endif
