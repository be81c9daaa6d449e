/* ledger.h - four producers that append under a seed, and what they were told, in memory that
 * outlives their process: held afterwards against the database.
 *
 *   - every row that was acknowledged, at a level that survives what happened, is there, once;
 *   - each producer's rows are a prefix of what it sent, in its order;
 *   - each row carries how many rows of every other producer had been published when its append
 *     began: none of them stands behind it. */
#ifndef WEIR_TESTS_LEDGER_H
#define WEIR_TESTS_LEDGER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <weir/sqlite.h>

enum { LEDGER_PRODUCERS = 4 };

typedef struct ledger {
    uint64_t seed;
    unsigned run; /* several may fill one database, each under its own number */
    char path[160];
    weir_options options;
    uint32_t pace_us; /* a producer rests up to so long after each row; 0: hardly ever */
    _Atomic uint64_t published[LEDGER_PRODUCERS], durable[LEDGER_PRODUCERS],
        applied[LEDGER_PRODUCERS]; /* sequence numbers */
    _Atomic uint64_t refused;
    _Atomic bool stop;     /* asks ledger_work to come to its end */
    _Atomic bool may_fail; /* from here on errors are what the test wants */
    _Atomic int failure;   /* the first that was not */
} ledger;

/* Shared with children; munmap by ledger_free. */
ledger *ledger_make(void);
void ledger_free(ledger *l);
/* Forget what was told; keeps nothing but the memory. Options are drawn from the seed. */
void ledger_begin(ledger *l, uint64_t seed, unsigned run, const char *path);

/* Open, declare, append and wait until l->stop, then close and _exit: the body of a child. */
void ledger_work(ledger *l);
/* Open, wait until all is applied, close, and _exit: 0 when all went well. */
void ledger_recover(ledger *l);

/* body in a child that dies with its parent; the exit status as waitpid gives it; SIGKILL. */
pid_t ledger_start(void (*body)(ledger *), ledger *l);
int ledger_end_of(pid_t child);
void ledger_kill(pid_t child);

/* Compare with the database. survived: the lowest level whose rows must all be there. */
void ledger_check(ledger *l, weir_level survived);
uint64_t ledger_rows(const ledger *l); /* in the database, of all runs; 0 without the table */

#endif
