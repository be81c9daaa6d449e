/* ways.h - three ways to bring the workload into an SQLite file. */
#ifndef WEIR_DEMO_WAYS_H
#define WEIR_DEMO_WAYS_H

#include <weir/weir.h>

#include "neighbour.h"
#include "workload.h"

typedef struct job {
    const char *path; /* of the database */
    uint64_t seed;
    double limit; /* seconds after which the ways without weir stop early; 0: they do not */
    int rows;     /* out: that were brought in, unless the way failed */
    /* Called when the way has been told that the first `rows` rows are in. */
    void (*told)(void *context, int rows);
    void *context;
    neighbour other; /* started by run_weir; the caller stops it, and reads what it did */
} job;

double now(void); /* seconds of a clock that only goes on */

/* 0, or 1 after a message on stderr. */
int run_unbuffered(job *j); /* a commit per row */
int run_buffered(job *j);   /* kept in memory, one transaction per 500 rows */
int run_weir(job *j);

/* ---- weir's calls, which answer its statuses ------------------------------------------------ */

typedef struct through {
    weir *w;
    weir_table *runs, *agents, *deals;
    int64_t run; /* the id in every row */
} through;

int declare_all(through *t);
int append(const through *t, const row *r);

#endif
