/* source.c - values of a part of a column, a chunk at a time. Nothing here needs the interpreter's
 * lock but source_check's exceptions. */
#include "columns.h"

#include <math.h>

static bool is_null(const source *s, size_t i) {
    if (s->mask && s->mask[(ptrdiff_t)i * s->mask_stride]) return true;
    size_t bit = s->first + i;
    return s->valid && !(s->valid[bit / 8] >> (bit % 8) & 1);
}

static const char *value_at(const source *s, size_t i) {
    return s->data + (ptrdiff_t)i * s->stride;
}

static double half_to_double(uint16_t half) {
    int exponent = half >> 10 & 31, fraction = half & 1023;
    double size = exponent == 0    ? ldexp(fraction, -24)
                  : exponent == 31 ? (fraction ? (double)NAN : (double)INFINITY)
                                   : ldexp(fraction + 1024, exponent - 25);
    return half & 0x8000 ? -size : size;
}

/* ---- numbers -------------------------------------------------------------------------------- */

#define FILL(c_type, make)                                                                         \
    for (size_t i = 0; i < rows; i++) {                                                            \
        c_type x;                                                                                  \
        memcpy(&x, value_at(s, start + i), sizeof x);                                              \
        out[i * step] = make;                                                                      \
    }                                                                                              \
    break

static void fill_numbers(const source *s, size_t start, size_t rows, weir_value *out, size_t step) {
    switch (s->kind) {
    case SOURCE_INT8: FILL(int8_t, weir_int(x));
    case SOURCE_INT16: FILL(int16_t, weir_int(x));
    case SOURCE_INT32: FILL(int32_t, weir_int(x));
    case SOURCE_INT64: FILL(int64_t, weir_int(x));
    case SOURCE_UINT8: FILL(uint8_t, weir_int(x));
    case SOURCE_UINT16: FILL(uint16_t, weir_int(x));
    case SOURCE_UINT32: FILL(uint32_t, weir_int(x));
    case SOURCE_UINT64: FILL(uint64_t, weir_int((int64_t)x)); /* checked before */
    case SOURCE_HALF: FILL(uint16_t, weir_real(half_to_double(x)));
    case SOURCE_FLOAT: FILL(float, weir_real((double)x));
    case SOURCE_DOUBLE: FILL(double, weir_real(x));
    case SOURCE_BOOL: FILL(uint8_t, weir_int(x != 0));
    default: return; /* of no other kind */
    }
    if (!s->factor) return;
    for (size_t i = 0; i < rows; i++) /* a NULL may hold anything: no overflow that is undefined */
        out[i * step].as.integer =
            (int64_t)((uint64_t)out[i * step].as.integer * (uint64_t)s->factor);
}

/* ---- texts and blobs ------------------------------------------------------------------------ */

/* numpy's text: code points of 4 bytes, zeros behind the last. */
static size_t ucs4_length(const char *text, size_t item) {
    size_t count = item / 4;
    for (; count; count--) {
        uint32_t last;
        memcpy(&last, text + 4 * (count - 1), sizeof last);
        if (last) break;
    }
    return count;
}

/* c is no ASCII. */
static size_t put_utf8(char *to, uint32_t c) {
    size_t more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const uint8_t head[] = {0, 0xC0, 0xE0, 0xF0};
    for (size_t i = more; i; i--, c >>= 6)
        to[i] = (char)(0x80 | (c & 63));
    to[0] = (char)(head[more] | c);
    return more + 1;
}

static void fill_ucs4(const source *s, size_t start, size_t rows, weir_value *out, size_t step) {
    char *to = s->scratch; /* has room for 4 bytes for each code point of CHUNK_ROWS values */
    for (size_t i = 0; i < rows; i++) {
        const char *text = value_at(s, start + i);
        size_t count = is_null(s, start + i) ? 0 : ucs4_length(text, s->item);
        char *begin = to;
        for (size_t k = 0; k < count; k++) {
            uint32_t c;
            memcpy(&c, text + 4 * k, sizeof c);
            if (c < 0x80)
                *to++ = (char)c;
            else
                to += put_utf8(to, c);
        }
        out[i * step] = weir_text_n(begin, (size_t)(to - begin));
    }
}

static void fill_fixed(const source *s, size_t start, size_t rows, weir_value *out, size_t step) {
    for (size_t i = 0; i < rows; i++) {
        const char *bytes = value_at(s, start + i);
        size_t length = s->item;
        while (length && !bytes[length - 1])
            length--;
        out[i * step] = weir_blob(bytes, length);
    }
}

static uint64_t offset_at(const source *s, size_t i) {
    if (s->kind == SOURCE_OFFSET64) {
        uint64_t wide;
        memcpy(&wide, s->data + 8 * i, sizeof wide);
        return wide;
    }
    uint32_t narrow;
    memcpy(&narrow, s->data + 4 * i, sizeof narrow);
    return narrow;
}

static weir_value text_or_blob(const source *s, const char *bytes, size_t length) {
    return s->type == WEIR_TEXT ? weir_text_n(bytes, length) : weir_blob(bytes, length);
}

static void fill_offsets(const source *s, size_t start, size_t rows, weir_value *out, size_t step) {
    for (size_t i = 0; i < rows; i++) {
        uint64_t from = offset_at(s, start + i), to = offset_at(s, start + i + 1);
        out[i * step] = text_or_blob(s, s->text ? s->text + from : "", (size_t)(to - from));
    }
}

/* A view: length, then 12 bytes of the text, or 4 of them, the buffer's number and an offset. */
static void fill_views(const source *s, size_t start, size_t rows, weir_value *out, size_t step) {
    for (size_t i = 0; i < rows; i++) {
        out[i * step] = weir_null();
        if (is_null(s, start + i)) continue; /* its view may be anything */
        const char *view = value_at(s, start + i);
        int32_t length, buffer, offset;
        memcpy(&length, view, 4);
        memcpy(&buffer, view + 8, 4);
        memcpy(&offset, view + 12, 4);
        const char *bytes = length <= 12 ? view + 4 : (const char *)s->buffers[2 + buffer] + offset;
        out[i * step] = text_or_blob(s, bytes, (size_t)length);
    }
}

static void fill_bits(const source *s, size_t start, size_t rows, weir_value *out, size_t step) {
    for (size_t i = 0; i < rows; i++) {
        size_t bit = s->first + start + i;
        out[i * step] = weir_int(((const uint8_t *)s->data)[bit / 8] >> (bit % 8) & 1);
    }
}

static void fill_dictionary(const source *s, size_t start, size_t rows, weir_value *out,
                            size_t step) {
    source_fill(s->index, start, rows, out, step);
    for (size_t i = 0; i < rows; i++)
        if (out[i * step].type == WEIR_INTEGER)
            source_fill(s->dictionary, (size_t)out[i * step].as.integer, 1, &out[i * step], step);
}

void source_fill(const source *s, size_t start, size_t rows, weir_value *out, size_t step) {
    switch (s->kind) {
    case SOURCE_NULL:
        for (size_t i = 0; i < rows; i++)
            out[i * step] = weir_null();
        return;
    case SOURCE_VALUES:
        for (size_t i = 0; i < rows; i++)
            out[i * step] = s->values[start + i];
        break;
    case SOURCE_BIT: fill_bits(s, start, rows, out, step); break;
    case SOURCE_BYTES: fill_fixed(s, start, rows, out, step); break;
    case SOURCE_UCS4: fill_ucs4(s, start, rows, out, step); break;
    case SOURCE_OFFSET32:
    case SOURCE_OFFSET64: fill_offsets(s, start, rows, out, step); break;
    case SOURCE_VIEW: fill_views(s, start, rows, out, step); break;
    case SOURCE_INDEX: fill_dictionary(s, start, rows, out, step); return;
    default: fill_numbers(s, start, rows, out, step); break;
    }
    if (!s->mask && !s->valid) return;
    for (size_t i = 0; i < rows; i++)
        if (is_null(s, start + i)) out[i * step] = weir_null();
}

/* ---- checks --------------------------------------------------------------------------------- */

static int check_integers(const source *s) {
    for (size_t i = 0; i < s->count; i++) {
        if (is_null(s, i)) continue;
        weir_value v = weir_null();
        source bare = *s;
        bare.factor = 0;
        fill_numbers(&bare, i, 1, &v, 1);
        int64_t product;
        bool fits = s->kind != SOURCE_UINT64 || v.as.integer >= 0;
        if (fits && s->factor) fits = !__builtin_mul_overflow(v.as.integer, s->factor, &product);
        if (fits) continue;
        PyErr_Format(PyExc_OverflowError, "value %zu of a column does not fit into 64 bits", i);
        return -1;
    }
    return 0;
}

static int check_ucs4(const source *s) {
    for (size_t i = 0; i < s->count; i++) {
        const char *text = value_at(s, i);
        size_t count = is_null(s, i) ? 0 : ucs4_length(text, s->item);
        for (size_t k = 0; k < count; k++) {
            uint32_t c;
            memcpy(&c, text + 4 * k, sizeof c);
            if (c < 0xD800 || (c > 0xDFFF && c <= 0x10FFFF)) continue;
            PyErr_Format(PyExc_ValueError, "text %zu of a column is no Unicode text", i);
            return -1;
        }
    }
    return 0;
}

static int check_offsets(const source *s) {
    for (size_t i = 0; i < s->count; i++)
        if (offset_at(s, i) > offset_at(s, i + 1)) {
            PyErr_Format(PyExc_ValueError, "offset %zu of an Arrow array decreases", i);
            return -1;
        }
    return 0;
}

static int check_index(const source *s) {
    if (source_check(s->index) < 0 || source_check(s->dictionary) < 0) return -1;
    for (size_t i = 0; i < s->count; i++) {
        weir_value v = weir_null();
        source_fill(s->index, i, 1, &v, 1);
        if (v.type != WEIR_INTEGER || (uint64_t)v.as.integer < s->dictionary->count) continue;
        PyErr_Format(PyExc_ValueError, "index %zu of an Arrow array is not in its dictionary", i);
        return -1;
    }
    return 0;
}

int source_check(const source *s) {
    switch (s->kind) {
    case SOURCE_UINT64: return check_integers(s);
    case SOURCE_UCS4: return check_ucs4(s);
    case SOURCE_OFFSET32:
    case SOURCE_OFFSET64: return check_offsets(s);
    case SOURCE_INDEX: return check_index(s);
    default: return s->factor ? check_integers(s) : 0;
    }
}

void source_clear(source *s) {
    PyMem_Free(s->scratch);
    PyMem_Free(s->values);
    if (s->index) source_clear(s->index);
    if (s->dictionary) source_clear(s->dictionary);
    PyMem_Free(s->index);
    PyMem_Free(s->dictionary);
}
