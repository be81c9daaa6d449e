/* conversion.c - reading a format. */
#include "conversion.h"

#include <string.h>

static bool take_flag(weir_conversion *c, char flag) {
    switch (flag) {
    case '-': return c->minus = true;
    case '+': return c->plus = true;
    case ' ': return c->space = true;
    case '#': return c->hash = true;
    case '0': return c->zero = true;
    default: return false;
    }
}

/* A number or a star; without either, none. */
static int take_field(const char **at, const char *end, int none) {
    int number = 0;
    if (*at < end && **at == '*') {
        ++*at;
        return WEIR_FIELD_ARGUMENT;
    }
    if (*at == end || **at < '0' || **at > '9') return none;
    for (; *at < end && **at >= '0' && **at <= '9'; ++*at)
        if (number < WEIR_FIELD_MAX) number = 10 * number + (**at - '0');
    return number < WEIR_FIELD_MAX ? number : WEIR_FIELD_MAX;
}

/* The letter again, for what is twice as short or as long: 'h' as 'hh'. */
static bool take_letter(const char **at, const char *end, char letter) {
    bool there = *at < end && **at == letter;
    *at += there;
    return there;
}

static weir_conversion_length take_length(const char **at, const char *end) {
    if (*at == end) return WEIR_LENGTH_NONE;
    switch (*(*at)++) {
    case 'h': return take_letter(at, end, 'h') ? WEIR_LENGTH_CHAR : WEIR_LENGTH_SHORT;
    case 'l': return take_letter(at, end, 'l') ? WEIR_LENGTH_LONG_LONG : WEIR_LENGTH_LONG;
    case 'q': return WEIR_LENGTH_LONG_LONG;
    case 'j': return WEIR_LENGTH_INTMAX;
    case 'z': return WEIR_LENGTH_SIZE;
    case 't': return WEIR_LENGTH_PTRDIFF;
    case 'L': return WEIR_LENGTH_LONG_DOUBLE;
    default: --*at; return WEIR_LENGTH_NONE;
    }
}

/* LITERAL: it is none. */
static weir_conversion_kind kind_of(char letter) {
    switch (letter) {
    case 'd':
    case 'i': return WEIR_CONVERT_SIGNED;
    case 'o':
    case 'u':
    case 'x':
    case 'X': return WEIR_CONVERT_UNSIGNED;
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
    case 'a':
    case 'A': return WEIR_CONVERT_REAL;
    case 'c': return WEIR_CONVERT_CHARACTER;
    case 's': return WEIR_CONVERT_TEXT;
    case 'p': return WEIR_CONVERT_POINTER;
    case 'm': return WEIR_CONVERT_ERROR;
    default: return WEIR_CONVERT_LITERAL;
    }
}

static bool has_number_flags(const weir_conversion *c) {
    return c->plus || c->space || c->hash || c->zero;
}

/* What the standard defines, and glibc's %m. L is for reals alone, and a real knows no other length
 * but l, which changes nothing. */
static bool is_defined(const weir_conversion *c) {
    switch (c->kind) {
    case WEIR_CONVERT_REAL:
        return c->length == WEIR_LENGTH_NONE || c->length == WEIR_LENGTH_LONG ||
               c->length == WEIR_LENGTH_LONG_DOUBLE;
    case WEIR_CONVERT_CHARACTER:
    case WEIR_CONVERT_TEXT:
        return (c->length == WEIR_LENGTH_NONE || c->length == WEIR_LENGTH_LONG) &&
               !has_number_flags(c);
    case WEIR_CONVERT_POINTER:
        return c->length == WEIR_LENGTH_NONE && !has_number_flags(c) &&
               c->precision == WEIR_FIELD_NONE;
    case WEIR_CONVERT_ERROR: return c->length == WEIR_LENGTH_NONE && !has_number_flags(c);
    default: return c->length != WEIR_LENGTH_LONG_DOUBLE;
    }
}

/* at is after the percent sign. */
static bool take_conversion(const char **at, const char *end, weir_conversion *out) {
    while (*at < end && take_flag(out, **at))
        ++*at;
    out->width = take_field(at, end, WEIR_FIELD_NONE);
    if (*at < end && **at == '.') {
        ++*at;
        out->precision = take_field(at, end, 0);
    }
    out->length = take_length(at, end);
    if (*at == end) return false;
    out->letter = *(*at)++;
    if ((out->letter == 'C' || out->letter == 'S') && out->length == WEIR_LENGTH_NONE) {
        out->letter = out->letter == 'C' ? 'c' : 's';
        out->length = WEIR_LENGTH_LONG;
    }
    out->kind = kind_of(out->letter);
    return out->kind != WEIR_CONVERT_LITERAL && is_defined(out);
}

int weir_conversion_next(const char **at, const char *end, weir_conversion *out) {
    if (*at == end) return 0;
    *out = (weir_conversion){
        .text = *at, .bytes = 1, .width = WEIR_FIELD_NONE, .precision = WEIR_FIELD_NONE};
    if (**at != '%') {
        const char *percent = memchr(*at, '%', (size_t)(end - *at));
        out->bytes = (size_t)((percent ? percent : end) - *at);
        *at += out->bytes;
        return 1;
    }
    ++*at;
    if (*at < end && **at == '%') {
        ++*at;
        return 1;
    }
    if (!take_conversion(at, end, out)) return -1;
    out->bytes = (size_t)(*at - out->text);
    return 1;
}

int weir_format_values(const char *format, size_t bytes, size_t *pieces) {
    const char *at = format, *end = format + bytes;
    weir_conversion c;
    size_t count = 0;
    int values = 0, more;
    for (; (more = weir_conversion_next(&at, end, &c)) == 1; count++)
        if (c.kind != WEIR_CONVERT_LITERAL)
            values += 1 + (c.width == WEIR_FIELD_ARGUMENT) + (c.precision == WEIR_FIELD_ARGUMENT);
    if (pieces) *pieces = count;
    return more < 0 ? -1 : values; /* at most three for two bytes: no overflow */
}
