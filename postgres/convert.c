/* convert.c - what a value of a row becomes in a column of the server. */
#include "convert.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../lib/base/utf8.h"
#include "../lib/format/text.h"
#include "decimal.h"

static const weir_pg_reason out_of_range = {"22003", "the number is out of its range"};
static const weir_pg_reason inexact = {"22003", "the INTEGER has more digits than it can hold"};
static const weir_pg_reason fraction = {"22000",
                                        "a number with a fraction in a column of integers"};
static const weir_pg_reason no_integer = {"22000", "NaN and infinity are no integers"};
static const weir_pg_reason no_number = {"22P02", "the TEXT is no number"};
static const weir_pg_reason no_truth = {"22P02", "the value is neither true nor false"};
static const weir_pg_reason blob_elsewhere = {"22000", "a BLOB in a column that is no bytea"};
static const weir_pg_reason number_in_bytea = {"22000", "a number in a bytea column"};
static const weir_pg_reason not_utf8 = {"22021", "the TEXT is not valid UTF-8"};
static const weir_pg_reason zero_byte = {
    "22021", "the TEXT has a zero byte, which PostgreSQL cannot keep in a text"};

#define TWO_63 9223372036854775808.0

/* ---- texts ---- */

/* Eight bytes that are all ASCII and not zero pass at once. */
size_t weir_pg_clean_length(const uint8_t *bytes, size_t length) {
    const uint64_t high = 0x8080808080808080, low = 0x0101010101010101;
    size_t at = 0;
    while (at < length) {
        uint64_t word;
        if (length - at >= sizeof word) {
            memcpy(&word, bytes + at, sizeof word);
            if (!((word | (word - low)) & high)) {
                at += sizeof word;
                continue;
            }
        }
        size_t size = bytes[at] ? weir_utf8_size(bytes + at, length - at) : 0;
        if (!size) break;
        at += size;
    }
    return at;
}

uint32_t weir_pg_integer_text(char text[WEIR_PG_DIGITS], int64_t v) {
    char *at = text + WEIR_PG_DIGITS, *end = at;
    uint64_t magnitude = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do
        *--at = (char)('0' + magnitude % 10);
    while (magnitude /= 10);
    if (v < 0) *--at = '-';
    memmove(text, at, (size_t)(end - at));
    return (uint32_t)(end - at);
}

uint32_t weir_pg_real_text(char text[WEIR_PG_DIGITS], double v) {
    if (isnan(v)) return (uint32_t)snprintf(text, WEIR_PG_DIGITS, "NaN");
    if (isinf(v)) return (uint32_t)snprintf(text, WEIR_PG_DIGITS, v < 0 ? "-Infinity" : "Infinity");
    weir_text_locale locale = weir_text_locale_begin();
    int length = weir_text_shortest(text, v);
    weir_text_locale_end(locale);
    return (uint32_t)length;
}

/* As SQLite writes a REAL in a column of texts: 5.0, 1.0e+20. */
static uint32_t pointed_text(char text[WEIR_PG_DIGITS], double v) {
    uint32_t length = weir_pg_real_text(text, v);
    if (!isfinite(v) || memchr(text, '.', length)) return length;
    char *exponent = memchr(text, 'e', length);
    size_t before = exponent ? (size_t)(exponent - text) : length;
    memmove(text + before + 2, text + before, length - before);
    text[before] = '.';
    text[before + 1] = '0';
    return length + 2;
}

/* ---- columns of integers ---- */

static const weir_pg_reason *fit(weir_pg_kind kind, int64_t v, weir_pg_cell *out) {
    out->form = WEIR_PG_INTEGER;
    out->integer = v;
    if (kind == WEIR_PG_INT8) return NULL;
    if (kind == WEIR_PG_BOOL) return v == 0 || v == 1 ? NULL : &no_truth;
    bool fits = kind == WEIR_PG_INT4 ? v == (int32_t)v : v == (int16_t)v;
    return fits ? NULL : &out_of_range;
}

static const weir_pg_reason *integer_of_real(weir_pg_kind kind, double v, weir_pg_cell *out) {
    if (!isfinite(v)) return &no_integer;
    if (!(v >= -TWO_63 && v < TWO_63)) return &out_of_range;
    if (v != trunc(v)) return &fraction;
    return fit(kind, (int64_t)v, out);
}

static const weir_pg_reason *integer_of_text(weir_pg_kind kind, const weir_value *v,
                                             weir_pg_cell *out) {
    weir_pg_decimal d;
    int64_t integer;
    if (!weir_pg_decimal_read(&d, v->as.bytes, v->length)) return &no_number;
    switch (weir_pg_decimal_integer(&d, &integer)) {
    case WEIR_PG_WHOLE: return fit(kind, integer, out);
    case WEIR_PG_FRACTION: return &fraction;
    default: return &out_of_range;
    }
}

static const weir_pg_reason *to_integer(weir_pg_kind kind, const weir_value *v, weir_pg_cell *out) {
    if (v->type == WEIR_INTEGER) return fit(kind, v->as.integer, out);
    if (v->type == WEIR_REAL) return integer_of_real(kind, v->as.real, out);
    if (v->type == WEIR_TEXT) return integer_of_text(kind, v, out);
    return &blob_elsewhere;
}

/* ---- columns of truth values ---- */

static const weir_pg_reason *truth_of_text(const weir_value *v, weir_pg_cell *out) {
    static const char *const words[] = {"f",   "t",   "false", "true", "no",
                                        "yes", "off", "on",    "n",    "y"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (v->length == strlen(words[i]) && !memcmp(v->as.bytes, words[i], v->length))
            return fit(WEIR_PG_BOOL, i & 1, out);
    return integer_of_text(WEIR_PG_BOOL, v, out) ? &no_truth : NULL;
}

static const weir_pg_reason *to_truth(const weir_value *v, weir_pg_cell *out) {
    if (v->type == WEIR_TEXT) return truth_of_text(v, out);
    if (v->type == WEIR_BLOB) return &blob_elsewhere;
    return to_integer(WEIR_PG_BOOL, v, out) ? &no_truth : NULL;
}

/* ---- columns of floating point ---- */

static bool is_exact(int64_t integer, double real, weir_pg_kind kind) {
    if (real >= TWO_63) return false; /* it was rounded up to that */
    return (int64_t)real == integer && (kind == WEIR_PG_FLOAT8 || (double)(float)real == real);
}

/* A float4 rounds what it holds, as the server's own casts to it do; but no number becomes infinite or
 * zero. */
static const weir_pg_reason *fit_real(weir_pg_kind kind, double v, weir_pg_cell *out) {
    out->form = WEIR_PG_REAL;
    out->real = v;
    if (kind == WEIR_PG_FLOAT8 || !isfinite(v) || v == 0) return NULL;
    float narrow = (float)v;
    out->real = (double)narrow;
    return isinf(narrow) || narrow == 0 ? &out_of_range : NULL;
}

static const weir_pg_reason *to_real(weir_pg_kind kind, const weir_value *v, weir_pg_cell *out) {
    weir_pg_decimal d;
    double real;
    if (v->type == WEIR_REAL) return fit_real(kind, v->as.real, out);
    if (v->type == WEIR_BLOB) return &blob_elsewhere;
    if (v->type == WEIR_INTEGER) {
        real = (double)v->as.integer;
        return is_exact(v->as.integer, real, kind) ? fit_real(kind, real, out) : &inexact;
    }
    if (!weir_pg_decimal_read(&d, v->as.bytes, v->length)) return &no_number;
    return weir_pg_decimal_real(&d, &real) ? fit_real(kind, real, out) : &out_of_range;
}

/* ---- columns of bytes and texts, and all others ---- */

static void set_string(weir_pg_cell *out, const void *bytes, uint32_t length) {
    out->form = WEIR_PG_STRING;
    out->bytes = bytes;
    out->length = length;
}

static const weir_pg_reason *to_text(const weir_value *v, weir_pg_cell *out) {
    if (v->type == WEIR_BLOB) return &blob_elsewhere;
    if (v->type == WEIR_INTEGER) {
        set_string(out, out->digits, weir_pg_integer_text(out->digits, v->as.integer));
    } else if (v->type == WEIR_REAL) {
        set_string(out, out->digits, pointed_text(out->digits, v->as.real));
    } else {
        size_t clean = weir_pg_clean_length(v->as.bytes, v->length);
        set_string(out, v->as.bytes, v->length);
        if (clean < v->length) return out->bytes[clean] ? &not_utf8 : &zero_byte;
    }
    return NULL;
}

/* The server judges a number by the type's own rules, where 5 and 5.0 may differ. */
static const weir_pg_reason *to_other(const weir_value *v, weir_pg_cell *out) {
    if (v->type == WEIR_INTEGER) return fit(WEIR_PG_INT8, v->as.integer, out);
    if (v->type == WEIR_REAL) return fit_real(WEIR_PG_FLOAT8, v->as.real, out);
    return to_text(v, out);
}

/* A text keeps its bytes; that it was one is lost. */
static const weir_pg_reason *to_bytea(const weir_value *v, weir_pg_cell *out) {
    if (v->type != WEIR_BLOB && v->type != WEIR_TEXT) return &number_in_bytea;
    set_string(out, v->as.bytes, v->length);
    return NULL;
}

const weir_pg_reason *weir_pg_convert(weir_pg_kind kind, const weir_value *v, weir_pg_cell *out) {
    if (v->type == WEIR_NULL) {
        out->form = WEIR_PG_NULL;
        return NULL;
    }
    switch (kind) {
    case WEIR_PG_INT2:
    case WEIR_PG_INT4:
    case WEIR_PG_INT8: return to_integer(kind, v, out);
    case WEIR_PG_FLOAT4:
    case WEIR_PG_FLOAT8: return to_real(kind, v, out);
    case WEIR_PG_BOOL: return to_truth(v, out);
    case WEIR_PG_TEXT: return to_text(v, out);
    case WEIR_PG_BYTEA: return to_bytea(v, out);
    default: return to_other(v, out);
    }
}
