/* decimal.c - numbers as texts spell them. */
#include "decimal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/format/text.h"

enum { SPELLED_MAX = 1000 };

static bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static bool is_figure(char c) { return c >= '0' && c <= '9'; }

static bool take_minus(const char **at, const char *end) {
    bool negative = *at < end && **at == '-';
    if (*at < end && (**at == '-' || **at == '+')) ++*at;
    return negative;
}

static size_t skip_figures(const char **at, const char *end) {
    const char *from = *at;
    while (*at < end && is_figure(**at))
        ++*at;
    return (size_t)(*at - from);
}

/* After the e. */
static bool read_exponent(weir_pg_decimal *d, const char *at) {
    const int64_t most = (int64_t)1 << 40;
    bool negative = take_minus(&at, d->end);
    if (at == d->end) return false;
    for (; at < d->end && is_figure(*at); at++)
        if (d->exponent < most) d->exponent = d->exponent * 10 + (*at - '0');
    if (negative) d->exponent = -d->exponent;
    return at == d->end;
}

bool weir_pg_decimal_read(weir_pg_decimal *d, const void *text, size_t length) {
    if (!length) return false;
    const char *at = text, *end = at + length;
    while (at < end && is_blank(*at))
        at++;
    while (end > at && is_blank(end[-1]))
        end--;
    *d = (weir_pg_decimal){.at = at, .end = end};
    d->negative = take_minus(&at, end);
    d->digits = at;
    size_t figures = skip_figures(&at, end);
    if (at < end && *at == '.') {
        at++;
        figures += skip_figures(&at, end);
    }
    d->after = at;
    if (!figures) return false;
    if (at == end) return true;
    return (*at == 'e' || *at == 'E') && read_exponent(d, at + 1);
}

static bool add_figure(uint64_t *magnitude, unsigned figure) {
    return !__builtin_mul_overflow(*magnitude, 10, magnitude) &&
           !__builtin_add_overflow(*magnitude, figure, magnitude);
}

/* point: how many figures are before it, once the exponent has moved it. */
static weir_pg_whole whole_magnitude(const weir_pg_decimal *d, int64_t point, uint64_t *out) {
    *out = 0;
    for (const char *at = d->digits; at < d->after; at++) {
        if (*at == '.') continue;
        unsigned figure = (unsigned)(*at - '0');
        if (point <= 0 && figure) return WEIR_PG_FRACTION;
        if (point > 0 && !add_figure(out, figure)) return WEIR_PG_TOO_LARGE;
        point--;
    }
    for (; point > 0 && *out; point--)
        if (!add_figure(out, 0)) return WEIR_PG_TOO_LARGE;
    return WEIR_PG_WHOLE;
}

weir_pg_whole weir_pg_decimal_integer(const weir_pg_decimal *d, int64_t *out) {
    const char *dot = memchr(d->digits, '.', (size_t)(d->after - d->digits));
    uint64_t magnitude;
    weir_pg_whole is =
        whole_magnitude(d, (dot ? dot : d->after) - d->digits + d->exponent, &magnitude);
    if (is != WEIR_PG_WHOLE) return is;
    if (magnitude > (uint64_t)INT64_MAX + d->negative) return WEIR_PG_TOO_LARGE;
    *out = (int64_t)(d->negative ? 0 - magnitude : magnitude);
    return WEIR_PG_WHOLE;
}

static bool has_figure_above_zero(const weir_pg_decimal *d) {
    for (const char *at = d->digits; at < d->after; at++)
        if (*at >= '1' && *at <= '9') return true;
    return false;
}

bool weir_pg_decimal_real(const weir_pg_decimal *d, double *out) {
    char spelled[SPELLED_MAX + 1];
    size_t length = (size_t)(d->end - d->at);
    if (length > SPELLED_MAX) return false;
    memcpy(spelled, d->at, length);
    spelled[length] = '\0';
    weir_text_locale locale = weir_text_locale_begin();
    *out = strtod(spelled, NULL);
    weir_text_locale_end(locale);
    return isfinite(*out) && (*out != 0 || !has_figure_above_zero(d));
}
