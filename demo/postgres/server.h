/* server.h - a PostgreSQL server of this program's own. It ends with the program, and its directory
 * goes with it. */
#ifndef WEIR_DEMO_SERVER_H
#define WEIR_DEMO_SERVER_H

#include "../../tests/postgres/pg_server.h"

/* Made and started, once; settings as for pg_server_make. The program ends with a message when that
 * fails. pg_server_missing() says first whether a server can be run here. */
pg_server *own_server(const char *settings);

#endif
