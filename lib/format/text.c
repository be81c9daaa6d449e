/* text.c - text of a format and values. */
#include "text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "text_put.h"

/* One conversion with its stars resolved. */
typedef struct field {
    const weir_conversion *c;
    bool minus;
    int width, precision; /* WEIR_FIELD_NONE: none */
} field;

/* ---- bytes ---- */

static void put_padded(weir_text_buffer *out, const field *f, const char *text, size_t length) {
    size_t padding = f->width > 0 && (size_t)f->width > length ? (size_t)f->width - length : 0;
    if (!f->minus) weir_text_put_spaces(out, padding);
    weir_text_put(out, text, length);
    if (f->minus) weir_text_put_spaces(out, padding);
}

/* ---- numbers ---- */

static bool is_plain(const field *f) {
    const weir_conversion *c = f->c;
    return f->width == WEIR_FIELD_NONE && f->precision == WEIR_FIELD_NONE && !c->plus &&
           !c->space && !c->hash;
}

/* The specification that printf gets: made here, so that nothing of a format reaches it but flags
 * and a letter that were read. */
enum { SPECIFICATION = 16 };

static void specify(char spec[SPECIFICATION], const field *f, const char *length) {
    const weir_conversion *c = f->c;
    char *at = spec;
    *at++ = '%';
    if (f->minus) *at++ = '-';
    if (c->plus) *at++ = '+';
    if (c->space) *at++ = ' ';
    if (c->hash) *at++ = '#';
    if (c->zero) *at++ = '0';
    if (f->width > 0) *at++ = '*';
    if (f->precision >= 0) {
        *at++ = '.';
        *at++ = '*';
    }
    while (*length)
        *at++ = *length++;
    *at++ = c->letter;
    *at = 0;
}

static void count_printed(weir_text_buffer *out, int wanted) {
    size_t room = weir_text_room(out);
    if (wanted < 0) {
        out->cut = out->no_memory = true;
    } else if ((size_t)wanted > room) {
        out->cut = true;
        out->length += room;
    } else {
        out->length += (size_t)wanted;
    }
}

/* printf into what is left of the buffer, whose last byte is for its NUL. */
#define PRINT(out, f, spec, value)                                                                 \
    do {                                                                                           \
        char *at_ = (out)->bytes + (out)->length;                                                  \
        size_t left_ = weir_text_room(out) + 1;                                                    \
        int wanted_;                                                                               \
        if ((f)->width > 0 && (f)->precision >= 0)                                                 \
            wanted_ = snprintf(at_, left_, spec, (f)->width, (f)->precision, value);               \
        else if ((f)->width > 0)                                                                   \
            wanted_ = snprintf(at_, left_, spec, (f)->width, value);                               \
        else if ((f)->precision >= 0)                                                              \
            wanted_ = snprintf(at_, left_, spec, (f)->precision, value);                           \
        else                                                                                       \
            wanted_ = snprintf(at_, left_, spec, value);                                           \
        count_printed(out, wanted_);                                                               \
    } while (0)

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* specify() made it */

static void put_integer(weir_text_buffer *out, const field *f, int64_t v) {
    char spec[SPECIFICATION];
    if (is_plain(f) && f->c->kind == WEIR_CONVERT_SIGNED) {
        weir_text_put_integer(out, v);
        return;
    }
    if (is_plain(f) && f->c->letter == 'u') {
        weir_text_put_decimal(out, (uint64_t)v, false);
        return;
    }
    specify(spec, f, "ll");
    PRINT(out, f, spec, (long long)v);
}

static void print_real(weir_text_buffer *out, const field *f, double v) {
    char spec[SPECIFICATION];
    specify(spec, f, "");
    PRINT(out, f, spec, v);
}

#pragma GCC diagnostic pop

enum { FAST_DIGITS = 9 }; /* digits after the point that are written without printf */
static const double powers[FAST_DIGITS + 1] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};

/* v × 10^digits as printf rounds it: to the nearest, and in the middle to the even one. The power
 * is exact, and fma gives what the product lost by rounding, exactly; so the comparison with one
 * half is exact: the sign of a sum of two doubles is never rounded away (IEEE 754). v is not
 * negative. False where the product may have no fraction bits left. */
static bool scale(double v, unsigned digits, uint64_t *out) {
    double product = v * powers[digits];
    if (!(product < 4503599627370496.0)) return false; /* 2^52; NaN too */
    double lost = fma(v, powers[digits], -product);
    uint64_t whole = (uint64_t)product;
    double above = (product - (double)whole - 0.5) + lost;
    *out = whole + (above > 0 || (above == 0 && (whole & 1)));
    return true;
}

static bool put_fixed(weir_text_buffer *out, const field *f, double v) {
    char text[40], *end = text + sizeof text, *at = end;
    unsigned digits = f->precision < 0 ? 6 : (unsigned)f->precision;
    const weir_conversion *c = f->c;
    uint64_t n;
    if (c->letter != 'f' || f->width > 0 || c->plus || c->space || c->hash) return false;
    if (digits > FAST_DIGITS || !scale(fabs(v), digits, &n)) return false;
    for (unsigned i = 0; i < digits; i++, n /= 10)
        *--at = (char)('0' + n % 10);
    if (digits) *--at = '.';
    at = weir_text_digits(at, n);
    if (signbit(v)) *--at = '-';
    weir_text_put(out, at, (size_t)(end - at));
    return true;
}

static void put_pointer(weir_text_buffer *out, const field *f, uint64_t v) {
    char text[24] = "(nil)"; /* as glibc has it */
    int length = v ? snprintf(text, sizeof text, "0x%" PRIx64, v) : 5;
    put_padded(out, f, text, (size_t)length);
}

/* ---- any value ---- */

/* What a format did not expect, or a NULL pointer. */
static void put_value(weir_text_buffer *out, const field *f, const weir_value *v) {
    switch (v->type) {
    case WEIR_INTEGER: weir_text_put_integer(out, v->as.integer); break;
    case WEIR_REAL: weir_text_put_shortest(out, v->as.real); break;
    case WEIR_TEXT: put_padded(out, f, v->as.bytes, v->length); break;
    case WEIR_BLOB: weir_text_put_hexadecimal(out, v->as.bytes, v->length); break;
    default: put_padded(out, f, "(null)", 6); break;
    }
}

/* The value was cut to the precision when it was taken from the call, in characters of the
 * caller's; here it is cut by bytes, which changes nothing then. */
static void put_string(weir_text_buffer *out, const field *f, const weir_value *v) {
    size_t length = v->length;
    if (v->type == WEIR_NULL && f->precision >= 0 && f->precision < 6) {
        put_padded(out, f, "", 0); /* as glibc does */
    } else if (v->type != WEIR_TEXT) {
        put_value(out, f, v);
    } else {
        if (f->precision >= 0 && (size_t)f->precision < length) length = (size_t)f->precision;
        put_padded(out, f, v->as.bytes, length);
    }
}

static void put_error(weir_text_buffer *out, const field *f, const weir_value *v) {
    char text[48];
    if (v->type != WEIR_INTEGER) {
        put_string(out, f, v);
        return;
    }
    int length = snprintf(text, sizeof text, "Unknown error %" PRId64, v->as.integer);
    put_string(out, f, &(weir_value){{.bytes = text}, (uint32_t)length, WEIR_TEXT});
}

static void put_field(weir_text_buffer *out, const field *f, const weir_value *v) {
    bool integer = v->type == WEIR_INTEGER;
    switch (f->c->kind) {
    case WEIR_CONVERT_SIGNED:
    case WEIR_CONVERT_UNSIGNED:
        if (integer)
            put_integer(out, f, v->as.integer);
        else
            put_value(out, f, v);
        break;
    case WEIR_CONVERT_REAL:
        if (v->type != WEIR_REAL)
            put_value(out, f, v);
        else if (!put_fixed(out, f, v->as.real))
            print_real(out, f, v->as.real);
        break;
    case WEIR_CONVERT_CHARACTER:
        if (integer)
            put_padded(out, f, (const char[]){(char)v->as.integer}, 1);
        else
            put_value(out, f, v);
        break;
    case WEIR_CONVERT_POINTER:
        if (integer)
            put_pointer(out, f, (uint64_t)v->as.integer);
        else
            put_value(out, f, v);
        break;
    case WEIR_CONVERT_ERROR: put_error(out, f, v); break;
    default: put_string(out, f, v); break;
    }
}

/* ---- a whole format ---- */

/* What a star stands for; 0 when the value is no integer. */
static int star_of(const weir_value *v) {
    int64_t n = v->type == WEIR_INTEGER ? v->as.integer : 0;
    if (n > WEIR_FIELD_MAX) return WEIR_FIELD_MAX;
    return n < -WEIR_FIELD_MAX ? -WEIR_FIELD_MAX : (int)n;
}

static field resolve_stars(const weir_conversion *c, const weir_value **values) {
    field f = {.c = c, .minus = c->minus, .width = c->width, .precision = c->precision};
    if (f.width == WEIR_FIELD_ARGUMENT) {
        f.width = star_of((*values)++);
        if (f.width < 0) {
            f.minus = true;
            f.width = -f.width;
        }
    }
    if (f.precision == WEIR_FIELD_ARGUMENT) {
        f.precision = star_of((*values)++);
        if (f.precision < 0) f.precision = WEIR_FIELD_NONE;
    }
    return f;
}

static void begin_text(weir_text_buffer *out) {
    out->length = 0;
    out->cut = out->no_memory = false;
}

static void end_text(weir_text_buffer *out) {
    if (out->cut && !out->no_memory) out->length = weir_text_put_mark(out->bytes);
}

/* values moves past those that the piece takes. */
static inline void put_conversion(weir_text_buffer *out, const weir_conversion *c,
                                  const weir_value **values) {
    if (c->kind == WEIR_CONVERT_LITERAL) {
        weir_text_put(out, c->text, c->bytes);
    } else {
        field f = resolve_stars(c, values);
        put_field(out, &f, (*values)++);
    }
}

void weir_text_format(weir_text_buffer *out, const char *format, size_t bytes,
                      const weir_value *values) {
    const char *at = format, *end = format + bytes;
    weir_conversion c;
    begin_text(out);
    while (!out->cut && weir_conversion_next(&at, end, &c) == 1)
        put_conversion(out, &c, &values);
    end_text(out);
}

void weir_text_pieces(weir_text_buffer *out, const weir_conversion *pieces, size_t count,
                      const weir_value *values) {
    begin_text(out);
    for (const weir_conversion *c = pieces; c < pieces + count && !out->cut; c++)
        put_conversion(out, c, &values);
    end_text(out);
}
