/* reals.c - reals that are integers divided by a power of ten or of two: prices, measures. The
 * quotient is rounded as IEEE 754 has it, to the nearest number, so it is the same everywhere. */
#include <string.h>

#include "values.h"

double weir_packed_divisor(weir_packed_scale s) {
    static const double tens[WEIR_PACKED_DECIMALS + 1] = {
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    return s.form == WEIR_PACKED_REALS_DECIMAL ? tens[s.digits] : (double)(UINT64_C(1) << s.digits);
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
    *bits = as_bits(n / weir_packed_divisor(scale));
    return n >= -WEIR_PACKED_EXACT && n <= WEIR_PACKED_EXACT;
}
