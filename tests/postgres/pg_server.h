/* pg_server.h - a PostgreSQL server of the test's own: on a private socket, as a user that is not root,
 * in a directory below /var/tmp that goes with it. */
#ifndef WEIR_TESTS_PG_SERVER_H
#define WEIR_TESTS_PG_SERVER_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct pg_server {
    char root[64]; /* also where the socket is */
    char data[80];
    char bin[512]; /* of initdb, postgres, pg_basebackup */
    char settings[512];
    char conninfo[160]; /* for libpq: keyword/value */
    char url[160];      /* the same as postgresql://… */
    int port;
    pid_t process; /* 0: it does not run */
} pg_server;

/* NULL when a server can be run here, else the reason why not, for skip(). WEIR_POSTGRES_BIN names the
 * directory of another version's programs, as npm/on_18.sh sets it. */
const char *pg_server_missing(void);
/* A test that has no server says why, and is skipped. */
void pg_server_need(void);

/* Makes and starts one; settings: more of them, "-c name=value …", separated by blanks, or NULL. Asserts
 * that it answers. fsync is on, since the sink refuses a server without it. */
void pg_server_make(pg_server *s, const char *settings);
/* A standby of it by streaming, begun now; it may be promoted. A version that has no pg_basebackup is
 * stopped and started again for it. */
void pg_server_make_standby(pg_server *standby, pg_server *of, const char *settings);
void pg_server_promote(pg_server *s);
void pg_server_start(pg_server *s); /* again, after it was stopped */
/* SIGINT: fast; SIGQUIT: at once, as by a crash; SIGKILL: the postmaster only, and its children notice. */
void pg_server_stop(pg_server *s, int signal);
void pg_server_free(pg_server *s); /* stopped and deleted */

PGconn *pg_server_connect(const pg_server *s); /* asserted */
/* A program of another package, as the server's user, with its output in ROOT/log; arguments end with
 * NULL. It ends with the test. */
pid_t pg_server_spawn(const pg_server *s, char *const arguments[]);
/* Run and assert that it succeeds. */
void pg_server_run(const pg_server *s, const char *sql);
/* The first column of the first row as text into out; "" for NULL or no row. */
void pg_server_ask(const pg_server *s, const char *sql, char *out, size_t bytes);
long long pg_server_count(const pg_server *s, const char *sql);

#endif
