/* connection_state.h - what a weir_pg holds, and how its calls wait. Private to postgres/. */
#ifndef WEIR_PG_CONNECTION_STATE_H
#define WEIR_PG_CONNECTION_STATE_H

#include <stdatomic.h>

#include "connection.h"

enum { WEIR_PG_WARNINGS = 16 };

struct weir_pg {
    const weir_os *os;
    char *conninfo, *name;
    PQconninfoOption *options; /* of conninfo: its secrets are kept out of texts */
    uint32_t timeout_ms;
    PGconn *connection;   /* NULL: closed */
    bool copying;         /* between COPY … FROM STDIN and its end */
    uint64_t deadline_ns; /* of the call that is being made */
    int event;            /* raised by weir_pg_hurry; -1: none */
    /* Stored (release) before the event is raised, loaded (acquire) before each wait: a wait that began
     * with the old value is ended by the event. */
    _Atomic uint64_t hurry_ns;
    weir_pg_failure failure;
    char warnings[WEIR_PG_WARNINGS][6];
    size_t warning_count;
};

/* Begin a call: its deadline, and no failure. */
void weir_pg_start(weir_pg *pg);
/* Until the socket can be read or written (events as for poll), or WEIR_BUSY. */
int weir_pg_wait(weir_pg *pg, short events, weir_error *error);
/* Until all that was asked for is sent. */
int weir_pg_flush(weir_pg *pg, weir_error *error);
/* Wait for the next result; *out NULL: there is none any more. */
int weir_pg_next(weir_pg *pg, PGresult **out, weir_error *error);

/* The status for a SQLSTATE. */
int weir_pg_status(const char *sqlstate);
/* Fill the failure from a result, or from what libpq says of the connection, and close the connection
 * if it is lost. */
int weir_pg_fail_result(weir_pg *pg, const PGresult *result, weir_error *error);
int weir_pg_fail_lost(weir_pg *pg, weir_error *error);
/* stage: where connecting was; CONNECTION_BAD: it had not begun. */
int weir_pg_fail_connect(weir_pg *pg, ConnStatusType stage, weir_error *error);

/* Judge a connection string: what it is for people (free it), and its parts. WEIR_MISUSE with a text that
 * quotes nothing of it. */
int weir_pg_judge_conninfo(const char *conninfo, char **name, PQconninfoOption **out,
                           weir_error *error);
void weir_pg_options_free(PQconninfoOption *options); /* NULL: nothing */
/* With so many bytes text begins with a password, or another secret of the connection; 0: it does not. */
size_t weir_pg_secret_at(const weir_pg *pg, const char *text);

#endif
