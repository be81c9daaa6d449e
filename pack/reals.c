/* reals.c - reals that are integers divided by a power of ten or of two: prices, measures. The
 * quotient is rounded as IEEE 754 has it, to the nearest number, so it is the same everywhere. */
#include <math.h>
#include <string.h>

#include "values.h"

static const double exact_most = 9007199254740992.0; /* 2^53: up to here all integers are doubles */

static double divisor_of(weir_packed_scale s) {
    static const double tens[WEIR_PACKED_DECIMALS + 1] = {
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    return s.form == WEIR_PACKED_REALS_DECIMAL ? tens[s.digits] : ldexp(1, s.digits);
}

static double as_real(uint64_t bits) {
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static uint64_t as_bits(double v) {
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

bool weir_packed_scale_is_valid(weir_packed_scale s) {
    if (s.form == WEIR_PACKED_REALS_BITS) return s.digits == 0;
    if (s.form == WEIR_PACKED_REALS_DECIMAL) return s.digits <= WEIR_PACKED_DECIMALS;
    return s.form == WEIR_PACKED_REALS_BINARY && s.digits <= WEIR_PACKED_BITS;
}

bool weir_packed_real(weir_packed_scale scale, uint64_t number, uint64_t *bits) {
    *bits = number;
    if (scale.form == WEIR_PACKED_REALS_BITS) return true;
    double n = (double)(int64_t)number;
    *bits = as_bits(n / divisor_of(scale));
    return fabs(n) <= exact_most;
}

/* The integer that gives this real again; false: there is none. */
static bool scale_one(weir_packed_scale scale, uint64_t bits, uint64_t *number) {
    double scaled = as_real(bits) * divisor_of(scale);
    if (!(fabs(scaled) <= exact_most)) return false; /* so is what is not finite */
    *number = (uint64_t)llrint(scaled);
    uint64_t again;
    return weir_packed_real(scale, *number, &again) && again == bits;
}

/* The least digits with which all of them are integers. */
static bool find_digits(const uint64_t *numbers, size_t count, unsigned most,
                        weir_packed_scale *scale) {
    uint64_t number;
    for (size_t i = 0; i < count;) {
        if (scale_one(*scale, numbers[i], &number)) {
            i++;
        } else {
            if (scale->digits++ == most) return false;
            i = 0; /* more digits may make another one too large */
        }
    }
    return true;
}

/* How far apart the integers are. */
static double span_of(const uint64_t *numbers, size_t count, weir_packed_scale scale) {
    double most = 0;
    for (size_t i = 0; i < count; i++)
        most = fmax(most, fabs(as_real(numbers[i])));
    return most * divisor_of(scale);
}

weir_packed_scale weir_packed_scale_reals(uint64_t *numbers, size_t count) {
    weir_packed_scale decimal = {WEIR_PACKED_REALS_DECIMAL, 0};
    weir_packed_scale binary = {WEIR_PACKED_REALS_BINARY, 0};
    bool tens = find_digits(numbers, count, WEIR_PACKED_DECIMALS, &decimal);
    bool twos = find_digits(numbers, count, WEIR_PACKED_BITS, &binary);
    if (!tens && !twos) return (weir_packed_scale){WEIR_PACKED_REALS_BITS, 0};
    bool smaller = twos && span_of(numbers, count, binary) <= span_of(numbers, count, decimal);
    weir_packed_scale scale = tens && !smaller ? decimal : binary;
    for (size_t i = 0; i < count; i++)
        (void)scale_one(scale, numbers[i], &numbers[i]); /* which it was found to do for all */
    return scale;
}
