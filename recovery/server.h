/* server.h - a PostgreSQL server that a verb was given: to be filled, or to be looked at.
 *
 * The tool does not link libpq. libweir-postgres does (folder postgres/), and is loaded when a verb names a
 * server. A connection string may hold a password: it is shown nowhere, but by the name that the
 * library gives to it. */
#ifndef WEIR_SERVER_H
#define WEIR_SERVER_H

#include "../postgres/module.h"
#include "arguments.h"
#include "database.h"
#include "place.h"

typedef struct weir_server {
    const weir_postgres_module_1 *part;
    weir_sink sink;   /* not connected yet */
    const char *name; /* for people; without a password */
} weir_server;

/* A connection string: it begins with "postgresql://" or "postgres://", or with a keyword of libpq's and =. A
 * file of such a name is meant by "./NAME". NULL is none. */
bool weir_is_server(const char *text);
/* text for a message that quotes it, or other words in its place: what looks like an URL or a
 * connection string, right or wrong, may hold a password. */
const char *weir_word_shown(const char *text);

/* Load the library, and make a sink of the connection string, with --schema. WEIR_NOT_FOUND: the library is
 * missing. Does not connect. */
int weir_server_open(const char *conninfo, const weir_arguments *arguments, const weir_os *os,
                     weir_server *out, weir_error *error);
void weir_server_close(weir_server *server);

/* A process that has the journal open and feeds this server itself would be taken over from, again and
 * again: WEIR_LOCKED. By the place that the journal keeps of its sinks. */
int weir_server_check_alone(const weir_place *place, const weir_server *server, weir_error *error);

/* The positions that the server holds, as those of a database; to be freed as such. An error where it cannot
 * be asked. */
int weir_server_look(weir_server *server, weir_database_view *out, weir_error *error);

#endif
