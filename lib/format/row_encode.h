/* row_encode.h - the half of row.h that an append uses, in a header so that it is inlined there.
 *
 * Both functions walk the values once; integers, the common case, cost no branch on their width. */
#ifndef WEIR_ROW_ENCODE_H
#define WEIR_ROW_ENCODE_H

#include <assert.h>

#include "row.h"

/* Least bytes of two's complement that hold x. A positive number needs one bit more than its
 * digits, for the sign; or-ing 1 keeps zero at one byte. */
static inline unsigned weir_width_signed(int64_t x) {
    uint64_t sign = x < 0 ? UINT64_MAX : 0; /* one shift, no branch */
    uint64_t digits = ((uint64_t)x ^ sign) | 1;
    return (unsigned)(64 - __builtin_clzll(digits) + 8) / 8;
}

static inline unsigned weir_width_length(uint32_t length) {
    return (unsigned)(32 - __builtin_clz(length | 1) + 7) / 8;
}

/* One value with its tag. at has eight bytes, or a text's length and eight. Each returns the end of
 * the value. */
static inline uint8_t *weir_put_integer(uint8_t *at, uint8_t *tag, int64_t v) {
    unsigned width = weir_width_signed(v);
    *tag = (uint8_t)(WEIR_INTEGER << 4 | width);
    return weir_put_uint(at, (uint64_t)v, width);
}

static inline uint8_t *weir_put_real(uint8_t *at, uint8_t *tag, double v) {
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    *tag = WEIR_REAL << 4 | 8;
    return weir_put_u64(at, bits);
}

/* As weir_put_bytes(), without a call where they are few: what begins and what ends them, which may
 * overlap. */
static inline uint8_t *weir_put_few_bytes(uint8_t *at, const void *bytes, size_t length) {
    const uint8_t *from = bytes;
    if (length - 8 <= 8) {
        uint64_t first, last;
        memcpy(&first, from, 8);
        memcpy(&last, from + length - 8, 8);
        memcpy(at, &first, 8);
        memcpy(at + length - 8, &last, 8);
    } else if (length - 4 < 4) {
        uint32_t first, last;
        memcpy(&first, from, 4);
        memcpy(&last, from + length - 4, 4);
        memcpy(at, &first, 4);
        memcpy(at + length - 4, &last, 4);
    } else if (length > 16) {
        memcpy(at, from, length);
    } else if (length > 0) {
        uint8_t first = from[0], middle = from[length / 2], last = from[length - 1];
        at[0] = first;
        at[length / 2] = middle;
        at[length - 1] = last;
    }
    return at + length;
}

/* type: WEIR_TEXT or WEIR_BLOB. */
static inline uint8_t *weir_put_string(uint8_t *at, uint8_t *tag, uint32_t type, const void *bytes,
                                       uint32_t length) {
    unsigned width = weir_width_length(length);
    *tag = (uint8_t)(type << 4 | width);
    return weir_put_few_bytes(weir_put_uint(at, length, width), bytes, length);
}

/* The same of 255 bytes at most. */
static inline uint8_t *weir_put_short(uint8_t *at, uint8_t *tag, uint32_t type, const void *bytes,
                                      size_t length) {
    *tag = (uint8_t)(type << 4 | 1);
    *at = (uint8_t)length;
    return weir_put_few_bytes(at + 1, bytes, length);
}

/* Why a value cannot be stored. */
static inline int weir_value_fault(const weir_value *v) {
    return v->type == WEIR_OVERLONG ? WEIR_TOO_BIG : WEIR_MISUSE;
}

/* Bytes the row takes, or 0 when it cannot be stored. *status is set then, and only then:
 * WEIR_MISUSE for a wrong count, a type that is none or a NULL pointer with a length, WEIR_TOO_BIG
 * for 4 GiB or more. */
static inline size_t weir_row_size(const weir_value *values, size_t count, int *status) {
    if (count - 1 >= WEIR_COLUMNS_MAX) {
        *status = WEIR_MISUSE;
        return 0;
    }
    uint64_t size = WEIR_ROW_HEAD + count; /* 2000 × 4 GiB fit easily */
    for (const weir_value *v = values, *end = values + count; v < end; v++) {
        if (v->type == WEIR_INTEGER) {
            size += weir_width_signed(v->as.integer);
        } else if (v->type == WEIR_REAL) {
            size += 8;
        } else if ((v->type == WEIR_TEXT || v->type == WEIR_BLOB) && (v->as.bytes || !v->length)) {
            size += weir_width_length(v->length) + (uint64_t)v->length;
        } else if (v->type != WEIR_NULL) {
            *status = weir_value_fault(v);
            return 0;
        }
    }
    if (size > UINT32_MAX) {
        *status = WEIR_TOO_BIG;
        return 0;
    }
    return (size_t)size;
}

/* An upper bound of weir_row_size() that is faster: every number counts as one of eight bytes. 0
 * when a value cannot be stored for another reason than its size. */
static inline uint64_t weir_row_bound(const weir_value *values, size_t count) {
    if (count - 1 >= WEIR_COLUMNS_MAX) return 0;
    uint64_t size = WEIR_ROW_HEAD + 9 * count;
    for (const weir_value *v = values, *end = values + count; v < end; v++) {
        if (v->type == WEIR_INTEGER || v->type == WEIR_REAL || v->type == WEIR_NULL) continue;
        if ((v->type != WEIR_TEXT && v->type != WEIR_BLOB) || (!v->as.bytes && v->length)) return 0;
        size += v->length;
    }
    return size;
}

/* How much room a row needs: the bound, which is faster, where that is not more than enough; else its
 * size. 0, and *status, as weir_row_size() has them. */
static inline uint64_t weir_row_room(const weir_value *values, size_t count, uint64_t enough,
                                     int *status) {
    uint64_t bound = weir_row_bound(values, count);
    if (__builtin_expect(bound - 1 < enough, 1)) return bound;
    return weir_row_size(values, count, status);
}

/* Write the values one after the other at at, and their tags at *tag. Returns the end of the
 * values; *tag becomes that of the tags. */
static inline uint8_t *weir_values_encode(uint8_t *at, uint8_t **tag, const weir_value *values,
                                          size_t count) {
    uint8_t *next = *tag;
    for (const weir_value *v = values, *end = values + count; v < end; v++, next++) {
        if (v->type == WEIR_INTEGER)
            at = weir_put_integer(at, next, v->as.integer);
        else if (v->type == WEIR_REAL)
            at = weir_put_real(at, next, v->as.real);
        else if (v->type != WEIR_NULL)
            at = weir_put_string(at, next, v->type, v->as.bytes, v->length);
        else
            *next = WEIR_NULL;
    }
    *tag = next;
    return at;
}

/* Write the row at at, which has weir_row_size() bytes, plus WEIR_ROW_SLACK that may be
 * overwritten: every number is stored as 8 bytes, of which the next value overwrites what is too
 * much. Returns the end. The values are those whose size was taken, unchanged since. */
static inline uint8_t *weir_row_encode(uint8_t *at, uint16_t table, const weir_value *values,
                                       size_t count) {
    at = weir_put_u16(at, table);
    at = weir_put_u16(at, (uint16_t)count);
    uint8_t *tag = at;
    return weir_values_encode(at + count, &tag, values, count);
}

/* What weir_row_encode_small() may need at most for the numbers of a row, texts aside, with the
 * slack. */
static inline uint64_t weir_row_most(size_t count) {
    return WEIR_ROW_HEAD + 9 * (uint64_t)count + WEIR_ROW_SLACK;
}

/* In one pass, without a size taken before: at has weir_row_most() bytes and room for so many more,
 * 255 at most, of texts and blobs. Returns the end; NULL when they are longer, or when a value
 * cannot be stored: weir_row_size() says which. What was written then means nothing. */
static inline uint8_t *weir_row_encode_small(uint8_t *at, uint16_t table, const weir_value *values,
                                             size_t count, uint64_t room) {
    assert(room <= UINT8_MAX); /* a constant where this is inlined */
    at = weir_put_u16(at, table);
    at = weir_put_u16(at, (uint16_t)count);
    uint8_t *tag = at;
    at += count;
    for (const weir_value *v = values, *end = values + count; v < end; v++, tag++) {
        if (v->type == WEIR_INTEGER) {
            at = weir_put_integer(at, tag, v->as.integer);
        } else if (v->type == WEIR_REAL) {
            at = weir_put_real(at, tag, v->as.real);
        } else if (v->type == WEIR_NULL) {
            *tag = WEIR_NULL;
        } else {
            if ((v->type != WEIR_TEXT && v->type != WEIR_BLOB) || v->length > room ||
                (!v->as.bytes && v->length))
                return NULL;
            room -= v->length;
            at = weir_put_short(at, tag, v->type, v->as.bytes, v->length);
        }
    }
    return at;
}

/* The same with another value in one place. The values are not copied for that, since a
 * handler's stack may be small. */
static inline uint8_t *weir_row_encode_with(uint8_t *at, uint16_t table, const weir_value *values,
                                            size_t count, size_t place, const weir_value *value) {
    at = weir_put_u16(at, table);
    at = weir_put_u16(at, (uint16_t)count);
    uint8_t *tag = at;
    at = weir_values_encode(at + count, &tag, values, place);
    at = weir_values_encode(at, &tag, value, 1);
    return weir_values_encode(at, &tag, values + place + 1, count - place - 1);
}

#endif
