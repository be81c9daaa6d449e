/* cutting_proxy.h - between a client and a server: it cuts both connections at a COMMIT. */
#ifndef WEIR_TESTS_CUTTING_PROXY_H
#define WEIR_TESTS_CUTTING_PROXY_H

#include <pthread.h>
#include <stdatomic.h>

#include "pg_server.h"

typedef enum cut { CUT_NOTHING, CUT_BEFORE_COMMIT, CUT_BEFORE_ANSWER } cut;

typedef struct cutting_proxy {
    const pg_server *server;
    char directory[64], conninfo[160];
    int listener;
    _Atomic int what; /* of the next COMMIT; then CUT_NOTHING again */
    pthread_t thread;
} cutting_proxy;

void cutting_proxy_start(cutting_proxy *p, const pg_server *server);
void cutting_proxy_stop(cutting_proxy *p);

#endif
