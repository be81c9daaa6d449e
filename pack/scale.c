/* scale.c - how reals are integers divided by a power of ten or of two (../lib/packed/reals.c). */
#include <math.h>
#include <string.h>

#include "values_write.h"

static double as_real(uint64_t bits) {
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* The integer that gives this real again; false: there is none. */
static bool scale_one(weir_packed_scale scale, uint64_t bits, uint64_t *number) {
    double scaled = as_real(bits) * weir_packed_divisor(scale);
    if (!(fabs(scaled) <= WEIR_PACKED_EXACT)) return false; /* so is what is not finite */
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
    return most * weir_packed_divisor(scale);
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
