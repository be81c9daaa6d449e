/* workload.h - the rows of a simulation run: 60 ticks, 200 agents, two tables.
 *
 * Each row is a function of the seed and its place in the run, so that what a database holds can be
 * compared, row by row, with what was sent. */
#ifndef WEIR_DEMO_WORKLOAD_H
#define WEIR_DEMO_WORKLOAD_H

#include <stdbool.h>
#include <stdint.h>

enum { TICKS = 60, AGENTS = 200, ROWS = TICKS * AGENTS * 2 };

typedef struct agent_state {
    int64_t tick, agent;
    const char *type;
    double assets;
    int active;
} agent_state;

typedef struct market_transaction {
    int64_t tick, buyer, seller;
    const char *item, *kind;
    double quantity, price;
} market_transaction;

typedef struct row {
    bool is_transaction;
    union {
        agent_state agent;
        market_transaction deal;
    } as;
} row;

/* splitmix64 */
uint64_t random_next(uint64_t *state);

/* Row number `at` (0 … ROWS - 1) of the run with this seed. Agents and deals take turns. */
void workload_row(uint64_t seed, int at, row *out);

/* The place in the run of what stands in a table: the inverse of the above. -1: no such row. */
int workload_place(bool is_transaction, int64_t tick, int64_t agent);

extern const char *const WORKLOAD_SCHEMA; /* SQL for the ways that create their tables themselves */

#endif
