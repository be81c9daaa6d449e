/* by_copy.h - rows into a PostgreSQL server as people would bring them there by hand: COPY BINARY,
 * as fast as one thread can. */
#ifndef WEIR_BENCH_BY_COPY_H
#define WEIR_BENCH_BY_COPY_H

#include <libpq-fe.h>

#include "../ways.h"

/* The table as weir makes it. */
#define AGENT_TABLE                                                                                \
    "CREATE TABLE agent_state(run_id bigint, tick bigint, agent_id bigint, agent_type text,"       \
    " assets double precision, is_active bigint)"

void run_on_server(PGconn *c, const char *sql); /* ends the process when it fails */

/* Rows 0 … rows - 1 of AGENT_ROWS, so many a transaction, into AGENT_TABLE, which is there. */
void copy_by_hand(PGconn *c, uint64_t rows, uint64_t transaction);

#endif
