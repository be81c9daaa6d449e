/* connection.h - one connection to a PostgreSQL server: libpq without blocking, with deadlines, and
 * failures as statuses.
 *
 * Every call waits at most timeout_ms, and never beyond the deadline of weir_pg_hurry. One thread at a
 * time, but for weir_pg_hurry. No text that is made here holds a password.
 *
 * Statuses: WEIR_IO when the connection is lost or cannot be had, WEIR_BUSY for locks, deadlocks,
 * serialization failures, a server that starts, stops or has no connection left, and a deadline that is
 * over; WEIR_NO_SPACE, WEIR_NO_MEMORY by the server (SQLSTATE 53…); WEIR_DATABASE for anything that
 * passes only once somebody acts, in the server or here, as for certificates. After WEIR_IO the
 * connection is closed, and weir_pg_is_open is false. */
#ifndef WEIR_PG_CONNECTION_H
#define WEIR_PG_CONNECTION_H

#include <libpq-fe.h>

#include "../lib/base/os.h"
#include "../lib/base/status.h"

typedef struct weir_pg weir_pg;

typedef struct weir_pg_config {
    const weir_os *os;
    const char *conninfo; /* URI or keyword/value, copied; for libpq */
    uint32_t timeout_ms;  /* of each call; 0: 10 000 */
} weir_pg_config;

/* What the server said of the last failure; empty texts where it did not say. Valid until the next
 * call. */
typedef struct weir_pg_failure {
    char sqlstate[6];
    char message[400];
    char detail[200];
    char context[200]; /* "COPY t, line 17, column x" */
    char constraint[64];
    uint64_t line; /* of a COPY, from 1, out of the context; 0: not said */
    bool points;   /* to a value of a COPY's line, or to a place in the statement */
} weir_pg_failure;

/* Does not connect. */
int weir_pg_make(const weir_pg_config *config, weir_pg **out, weir_error *error);
void weir_pg_free(weir_pg *pg);

int weir_pg_connect(weir_pg *pg, weir_error *error); /* at once WEIR_OK when it is open */
bool weir_pg_is_open(const weir_pg *pg);
void weir_pg_close(weir_pg *pg);
/* "postgresql://user@host:port/database", for people: without password and options. */
const char *weir_pg_name(const weir_pg *pg);
const weir_pg_failure *weir_pg_failed(const weir_pg *pg);
int weir_pg_version(const weir_pg *pg); /* as PQserverVersion; 0: not connected */
/* The warnings since the last call of this function had this SQLSTATE among them. */
bool weir_pg_warned(weir_pg *pg, const char *sqlstate);

/* From any thread: see weir_sink.hurry. */
void weir_pg_hurry(weir_pg *pg, uint64_t deadline_ns);

/* One parameter: binary with a length, text with length -1, NULL with bytes NULL. */
typedef struct weir_pg_parameter {
    const void *bytes;
    int length;
    Oid type; /* 0: the server infers it; binary ones must say it */
} weir_pg_parameter;

/* One statement with its parameters; never prepared under a name. *out: a result with rows or a command
 * tag, for PQclear; NULL on failure. out may be NULL. Results are text unless binary is asked for. */
int weir_pg_query(weir_pg *pg, const char *sql, const weir_pg_parameter *parameters, int count,
                  bool binary_result, PGresult **out, weir_error *error);
/* Some statements without parameters, in one message: one wait for the answers to all. The server stops
 * at the first that fails, and that is the failure. */
int weir_pg_run(weir_pg *pg, const char *sql, weir_error *error);
/* The same, and the last one's result; *out and out as above. */
int weir_pg_run_for(weir_pg *pg, const char *sql, PGresult **out, weir_error *error);
/* As weir_pg_run("COMMIT"), which must answer with the tag COMMIT. WEIR_SINK_UNKNOWN (writer/apply/sink.h)
 * when the answer did not come. WEIR_DATABASE: the server rolled it back. */
int weir_pg_commit(weir_pg *pg, weir_error *error);

/* COPY … FROM STDIN: begin, any number of puts, then end or fail. rows: as the server counts them, which
 * is less than were sent when a trigger dropped some. A failure of begin, put or end ends the COPY;
 * the transaction is then aborted, as after any failed statement. */
int weir_pg_copy_begin(weir_pg *pg, const char *sql, weir_error *error);
int weir_pg_copy_put(weir_pg *pg, const void *bytes, size_t length, weir_error *error);
int weir_pg_copy_end(weir_pg *pg, uint64_t *rows, weir_error *error);

#endif
