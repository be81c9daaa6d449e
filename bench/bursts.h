/* bursts.h - what one call costs the thread that makes it: bursts of calls, and behind each a pause
 * in which whoever works behind the calls catches up. Knows nothing of weir: the peers' programs,
 * some of which are C++, use it too. */
#ifndef WEIR_BENCH_BURSTS_H
#define WEIR_BENCH_BURSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { BURST = 20 }; /* calls in one, where nothing else is said */

typedef struct pace {
    size_t bursts;
    unsigned calls; /* in each */
    uint64_t pause_ns;
} pace;

/* Makes the calls of one burst. number counts from 0. */
typedef void one_burst(void *context, size_t number);

/* each: ns a call, of every burst: the time of the burst by the number of its calls. What reading
 * the clock costs is in it. The thread does not sleep in the pauses. */
void time_bursts(const pace *p, one_burst *burst, void *context, double *each);

enum { PARTS = 4 };
extern const char *const part_names[PARTS]; /* in JSON: "p50_ns" */
extern const char *const part_words[PARTS]; /* "p50" */

void note_parts(double *each, size_t count, double figures[PARTS]); /* sorts each */

/* A tenth of the bursts, which is not counted: pages are touched, threads awake. Then all. False:
 * no memory. */
bool measure_bursts(const pace *p, one_burst *burst, void *context, double figures[PARTS]);
size_t calls_of(const pace *p); /* that measure_bursts() makes, the tenth included */

double clock_cost(void); /* ns that a pair of readings says has passed with nothing in between */

/* For programs: what stands behind their names, and what they print. */
bool read_pace(const char *bursts, const char *pause_ns, pace *p);
void print_parts(const double figures[PARTS]);

#ifdef __cplusplus
}
#endif
#endif
