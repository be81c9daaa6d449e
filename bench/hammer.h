/* hammer.h - one thing, done by many threads for a while. Knows nothing of weir. */
#ifndef WEIR_BENCH_HAMMER_H
#define WEIR_BENCH_HAMMER_H

#include <stdbool.h>
#include <stdint.h>

/* False: it failed, and all stop. turn counts from 0 in each thread, and that one is not counted:
 * it is what a thread does once, before the clock starts. */
typedef bool hammer_blow(void *context, unsigned thread, uint64_t turn);

enum { HAMMERS_MAX = 64 };

/* Times a second, over all threads; 0 when one failed or could not start. */
double hammer(unsigned threads, double seconds, hammer_blow *blow, void *context);

#endif
