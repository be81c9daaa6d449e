/* figures.c - medians, quantiles and spreads. */
#include "figures.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void sort_figures(double *values, size_t count) { qsort(values, count, sizeof *values, compare); }

double quantile(const double *sorted, size_t count, double part) {
    return sorted[(size_t)((double)(count - 1) * part)];
}

static double median(const double *sorted, size_t count) {
    return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
}

spread spread_of(const double *values, size_t count) {
    double sorted[ROUNDS_MAX];
    memcpy(sorted, values, count * sizeof *sorted);
    sort_figures(sorted, count);
    return (spread){median(sorted, count), sorted[0], sorted[count - 1]};
}

spread spread_of_ratio(const double *numerator, const double *denominator, size_t count) {
    double ratio[ROUNDS_MAX] = {0};
    for (size_t i = 0; i < count; i++)
        ratio[i] = numerator[i] / denominator[i];
    return spread_of(ratio, count);
}
