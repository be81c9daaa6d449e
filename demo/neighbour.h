/* neighbour.h - the second, ordinary connection that a program has to the same file: a thread that
 * writes a table of its own and reads, while weir writes its tables. */
#ifndef WEIR_DEMO_NEIGHBOUR_H
#define WEIR_DEMO_NEIGHBOUR_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

typedef struct neighbour {
    const char *path;
    pthread_t thread;
    bool started;
    atomic_bool stop;
    int written, read; /* rows of its own table; what it could read of them at the end */
    char error[200];   /* empty: all went well */
} neighbour;

void neighbour_start(neighbour *n, const char *path);
void neighbour_stop(neighbour *n); /* waits for its last statement */

#endif
