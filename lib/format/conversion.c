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

static weir_conversion_length take_length(const char **at, const char *end) {
    static const struct {
        char text[3];
        weir_conversion_length length;
    } lengths[] = {
        {"hh", WEIR_LENGTH_CHAR}, {"h", WEIR_LENGTH_SHORT},     {"ll", WEIR_LENGTH_LONG_LONG},
        {"l", WEIR_LENGTH_LONG},  {"q", WEIR_LENGTH_LONG_LONG}, {"j", WEIR_LENGTH_INTMAX},
        {"z", WEIR_LENGTH_SIZE},  {"t", WEIR_LENGTH_PTRDIFF},   {"L", WEIR_LENGTH_LONG_DOUBLE},
    };
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        size_t bytes = strlen(lengths[i].text);
        if ((size_t)(end - *at) < bytes || memcmp(*at, lengths[i].text, bytes) != 0) continue;
        *at += bytes;
        return lengths[i].length;
    }
    return WEIR_LENGTH_NONE;
}

static bool kind_of(char letter, weir_conversion_kind *out) {
    static const char letters[] = "di"
                                  "ouxX"
                                  "eEfFgGaA"
                                  "cspm";
    static const weir_conversion_kind kinds[] = {
        WEIR_CONVERT_SIGNED,   WEIR_CONVERT_SIGNED,   WEIR_CONVERT_UNSIGNED,  WEIR_CONVERT_UNSIGNED,
        WEIR_CONVERT_UNSIGNED, WEIR_CONVERT_UNSIGNED, WEIR_CONVERT_REAL,      WEIR_CONVERT_REAL,
        WEIR_CONVERT_REAL,     WEIR_CONVERT_REAL,     WEIR_CONVERT_REAL,      WEIR_CONVERT_REAL,
        WEIR_CONVERT_REAL,     WEIR_CONVERT_REAL,     WEIR_CONVERT_CHARACTER, WEIR_CONVERT_TEXT,
        WEIR_CONVERT_POINTER,  WEIR_CONVERT_ERROR,
    };
    const char *found = letter ? strchr(letters, letter) : NULL;
    if (found) *out = kinds[found - letters];
    return found != NULL;
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
    return kind_of(out->letter, &out->kind) && is_defined(out);
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

int weir_format_values(const char *format, size_t bytes) {
    const char *at = format, *end = format + bytes;
    weir_conversion c;
    int values = 0, more;
    while ((more = weir_conversion_next(&at, end, &c)) == 1)
        if (c.kind != WEIR_CONVERT_LITERAL)
            values += 1 + (c.width == WEIR_FIELD_ARGUMENT) + (c.precision == WEIR_FIELD_ARGUMENT);
    return more < 0 ? -1 : values; /* at most three for two bytes: no overflow */
}
