/* server.h - a database that is a server on another machine: it outlives the process and the power of
 * this one, answers no commit that it does not like to answer, and may be replaced by its standby. */
#ifndef WEIR_SIM_SERVER_H
#define WEIR_SIM_SERVER_H

#include "../../lib/format/marks.h"
#include "base.h"
#include "model.h"
#include "support.h"

/* A transaction that a backend holds, and whose client may be gone. */
typedef struct sim_transaction {
    bool is;
    uint64_t epoch; /* of the connection that sent it */
    weir_position from, to;
    uint32_t count, row[SIM_ROWS];
} sim_transaction;

typedef struct sim_node {
    uint64_t epoch; /* raised by each connection that takes over */
    weir_position position;
    uint32_t count, row[2 * SIM_ROWS];
    sim_transaction late; /* it comes some time, and is refused if a connection has taken over */
} sim_node;

typedef struct sim_server {
    sim_node node, standby; /* the standby has what it has been given last */
    uint64_t generation;    /* of connections: those of another one are lost */
    uint64_t commits;
    bool calm; /* it answers, and nothing happens to it */
    weir_rng dice;
} sim_server;

/* Rows and position of the server of the life that is under way. */
const sim_base *sim_base_server(void);
/* Something happens to it between two calls, or nothing does. */
void sim_server_act(sim_server *server);

#endif
