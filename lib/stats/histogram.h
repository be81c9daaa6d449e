/* histogram.h - durations counted in buckets of a fixed, nearly logarithmic width.
 *
 * Each power of two of nanoseconds from 2^10 (1 µs) on is divided into four buckets of equal width,
 * so a quantile is told with an error of a quarter at most: the buckets of HdrHistogram
 * (http://hdrhistogram.org) with two significant bits. A bucket ends with its bound, as the "le" of
 * OpenMetrics says: what takes exactly so long is in it. What takes up to 1280 ns is in the first, what
 * is longer than 2^42 ns (73 minutes) in the last. */
#ifndef WEIR_HISTOGRAM_H
#define WEIR_HISTOGRAM_H

#include <stdint.h>

enum { WEIR_HISTOGRAM_LEAST = 10, WEIR_HISTOGRAM_BUCKETS = 128 };

static inline unsigned weir_histogram_bucket(uint64_t ns) {
    if (ns <= UINT64_C(1) << WEIR_HISTOGRAM_LEAST) return 0;
    ns--; /* the bound belongs to the bucket that it ends */
    unsigned power = 63 - (unsigned)__builtin_clzll(ns);
    unsigned bucket = (power - WEIR_HISTOGRAM_LEAST) * 4 + (unsigned)(ns >> (power - 2) & 3);
    return bucket < WEIR_HISTOGRAM_BUCKETS ? bucket : WEIR_HISTOGRAM_BUCKETS - 1;
}

/* Nanoseconds: the longest duration that the bucket takes. UINT64_MAX for the last. */
static inline uint64_t weir_histogram_end(unsigned bucket) {
    if (bucket + 1 >= WEIR_HISTOGRAM_BUCKETS) return UINT64_MAX;
    uint64_t quarter = UINT64_C(1) << (WEIR_HISTOGRAM_LEAST - 2 + bucket / 4);
    return quarter * (5 + bucket % 4);
}

/* Nanoseconds: so much or less took a share of share, 0 … 1, of all that was counted, to a quarter;
 * most, the longest of all, where that is less. 0 when nothing was counted. */
uint64_t weir_histogram_quantile(const uint64_t counts[WEIR_HISTOGRAM_BUCKETS], double share,
                                 uint64_t most);

#endif
