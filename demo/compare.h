/* compare.h - what a database holds, against what was sent. */
#ifndef WEIR_DEMO_COMPARE_H
#define WEIR_DEMO_COMPARE_H

#include <stdint.h>

typedef struct comparison {
    int found;   /* different rows of the workload */
    int lost;    /* of the first `told` rows: absent */
    int doubled; /* rows beyond the first of their kind */
    int wrong;   /* rows with other values than were sent, or that were never sent */
    int runs;    /* rows of simulation_run */
} comparison;

/* 0, or 1 after a message on stderr. */
int compare(const char *path, uint64_t seed, int told, comparison *out);

#endif
