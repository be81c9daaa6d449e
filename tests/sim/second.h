/* second.h - a second sink of a life, beside its database: the server of server.h, attached by a name,
 * detached, and attached again. */
#ifndef WEIR_SIM_SECOND_H
#define WEIR_SIM_SECOND_H

#include "life.h"

/* WEIR_OK, or life->error says why. */
int sim_second_attach(sim_life *life);
void sim_second_detach(sim_life *life);
/* As sim_life_check. The sink must be attached. */
const char *sim_second_check(sim_life *life, int least);

#endif
