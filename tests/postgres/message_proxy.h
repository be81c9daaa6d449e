/* message_proxy.h - between clients and a server, a process of its own: it knows where each message of
 * the protocol begins and ends, and cuts or stops a connection there.
 *
 * Messages are counted in both directions and over all connections, in the order in which they begin to
 * be passed on. The structure is in shared memory: any process may tell the proxy what to do. */
#ifndef WEIR_TESTS_MESSAGE_PROXY_H
#define WEIR_TESTS_MESSAGE_PROXY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "pg_server.h"

typedef enum proxy_act {
    PROXY_CUT_BEFORE, /* both connections are closed in place of the message */
    PROXY_CUT_HALF,   /* after half of its bytes */
    PROXY_CUT_BEHIND,
    PROXY_STALL_BEFORE, /* both stay open, and nothing passes any more, also no end of one */
    PROXY_STALL_BEHIND,
    PROXY_ACTS
} proxy_act;

enum { PROXY_KINDS = 65536 };

typedef struct message_proxy {
    char directory[64], conninfo[160], server[128];
    int port, listener, bell[2];
    pid_t process;
    _Atomic uint64_t seen; /* messages */
    _Atomic uint64_t at;   /* the message to act at; UINT64_MAX: none */
    _Atomic int act;
    char words[32]; /* of the statement to act at, while awaits is set */
    _Atomic bool awaits;
    _Atomic uint32_t skipped; /* so many more of them pass before */
    _Atomic uint32_t acted;   /* how often */
    _Atomic uint32_t cut_asked, cut_done, resume_asked, resume_done;
    _Atomic uint16_t kinds[PROXY_KINDS]; /* of message n, modulo: sender << 8 | type */
} message_proxy;

message_proxy *message_proxy_start(const pg_server *server);
void message_proxy_stop(message_proxy *p);

/* At the message that is number ahead from now, 0: the next one. */
void message_proxy_plan(message_proxy *p, uint64_t ahead, proxy_act act);
/* At a statement that begins with these words: the next, when none is skipped. */
void message_proxy_plan_at(message_proxy *p, const char *words, uint32_t skipped, proxy_act act);
void message_proxy_no_plan(message_proxy *p);
void message_proxy_cut(message_proxy *p);    /* all connections, now; also those that are stalled */
void message_proxy_resume(message_proxy *p); /* what is stalled goes on */

#endif
