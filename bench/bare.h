/* bare.h - the least that a durable write costs, and a durable append, in turn. */
#ifndef WEIR_BENCH_BARE_H
#define WEIR_BENCH_BARE_H

#include "bench.h"

/* Medians in nanoseconds. False: it failed, and has said why. */
bool measure_bare(const bench_run *run, double *bare_ns, double *weir_ns);

#endif
