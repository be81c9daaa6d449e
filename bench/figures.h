/* figures.h - the clock, and what is made of what it says. Knows nothing of weir: the peers'
 * programs use it too. */
#ifndef WEIR_BENCH_FIGURES_H
#define WEIR_BENCH_FIGURES_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

static inline uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline double seconds_since(uint64_t start) { return (double)(now_ns() - start) / 1e9; }

typedef struct spread {
    double median, least, most;
} spread;

void sort_figures(double *values, size_t count);
double quantile(const double *sorted, size_t count, double part); /* part: 0 … 1 */

spread spread_of(const double *values, size_t count); /* of at most ROUNDS_MAX */

/* Of numerator[i] / denominator[i]: two things measured in turn share what the machine was doing
 * just then, so the ratio of a round says more than the ratio of two medians. */
spread spread_of_ratio(const double *numerator, const double *denominator, size_t count);

enum { ROUNDS_MAX = 32 };

#endif
