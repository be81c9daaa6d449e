/* key.c - what SQLite makes of a value in a column that is the rowid. */
#include "key.h"

#include <stdbool.h>

/* "12", " 12.0", "1.2e1": as SQLite reads numbers. The C library's functions ask the locale and
 * may not be called from a signal handler. */
typedef struct number {
    const char *digits, *end; /* with at most one point between them */
    int64_t exponent;
    bool negative, exact; /* exact: neither point nor exponent */
} number;

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool take_sign(const char **at, const char *end) {
    bool negative = *at < end && **at == '-';
    if (*at < end && (**at == '-' || **at == '+')) ++*at;
    return negative;
}

/* An exponent greater than any text has digits counts as infinite. */
static int64_t take_exponent(const char **at, const char *end) {
    const int64_t most = (int64_t)1 << 40;
    bool negative = take_sign(at, end);
    int64_t exponent = 0;
    for (; *at < end && is_digit(**at); ++*at)
        if (exponent < most) exponent = exponent * 10 + (**at - '0');
    return negative ? -exponent : exponent;
}

static bool take_digits(number *n, const char **at, const char *end) {
    size_t digits = 0, points = 0;
    n->digits = *at;
    for (; *at < end && (is_digit(**at) || (**at == '.' && !points)); ++*at)
        if (**at == '.')
            points++;
        else
            digits++;
    n->end = *at;
    n->exact = !points;
    return digits > 0;
}

static bool read_number(const char *at, size_t length, number *n) {
    const char *end = at + length;
    while (at < end && is_space(*at))
        at++;
    while (end > at && is_space(end[-1]))
        end--;
    n->exponent = 0;
    n->negative = take_sign(&at, end);
    if (!take_digits(n, &at, end)) return false;
    if (end - at > 1 && (*at == 'e' || *at == 'E') && is_digit(end[-1])) {
        at++;
        n->exponent = take_exponent(&at, end);
        n->exact = false;
    }
    return at == end;
}

/* value × 10 + digit; false: no rowid is so large. */
static bool append_digit(int64_t *value, int digit) {
    if (*value > (INT64_MAX - digit) / 10) return false;
    *value = *value * 10 + digit;
    return true;
}

/* The digits before the point, once the exponent has moved it. */
static bool whole_part(const number *n, int64_t *value) {
    int64_t point = 0; /* how many digits are before it */
    for (const char *at = n->digits; at < n->end && *at != '.'; at++)
        point++;
    point += n->exponent;
    *value = 0;
    for (const char *at = n->digits; at < n->end && point > 0; at++) {
        if (*at == '.') continue;
        if (!append_digit(value, *at - '0')) return false;
        point--;
    }
    for (; point > 0 && *value; point--)
        if (!append_digit(value, 0)) return false;
    return true;
}

static int64_t bound_of_text(const char *text, size_t length) {
    number n;
    int64_t whole;
    if (!read_number(text, length, &n) || n.negative || !whole_part(&n, &whole)) return 0;
    if (n.exact) return whole;
    int64_t rounding = 1 + (whole >> 52); /* a double has 53 bits */
    return whole < INT64_MAX - rounding ? whole + rounding : INT64_MAX;
}

int64_t weir_key_bound(const weir_value *value) {
    switch (value->type) {
    case WEIR_INTEGER: return value->as.integer > 0 ? value->as.integer : 0;
    case WEIR_REAL: /* not so for a NaN */
        if (!(value->as.real >= 1 && value->as.real < 9223372036854775808.0)) return 0;
        return (double)(int64_t)value->as.real == value->as.real ? (int64_t)value->as.real : 0;
    case WEIR_TEXT: return value->length ? bound_of_text(value->as.bytes, value->length) : 0;
    default: return 0;
    }
}
