/* idle.h - what an open handle costs that nobody uses. */
#ifndef WEIR_BENCH_IDLE_H
#define WEIR_BENCH_IDLE_H

#include "bench.h"

typedef struct idleness {
    double seconds, processor_ms;
    double wakeups; /* voluntary context switches of all threads but the one that measures */
} idleness;

/* Of this process: some seconds from now, until what follows a commit is over, then for so long. */
idleness measure_idleness(const bench_run *run);

double processor_ms(void); /* of this process so far */

#endif
