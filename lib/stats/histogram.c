/* histogram.c - quantiles of what was counted. */
#include "histogram.h"

uint64_t weir_histogram_quantile(const uint64_t counts[WEIR_HISTOGRAM_BUCKETS], double share,
                                 uint64_t most) {
    double all = 0, below = 0;
    for (unsigned i = 0; i < WEIR_HISTOGRAM_BUCKETS; i++)
        all += (double)counts[i];
    for (unsigned i = 0; i < WEIR_HISTOGRAM_BUCKETS; i++) {
        below += (double)counts[i];
        if (counts[i] == 0 || below < share * all) continue;
        uint64_t end = weir_histogram_end(i);
        return end < most ? end : most;
    }
    return 0;
}
