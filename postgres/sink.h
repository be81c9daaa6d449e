/* sink.h - a weir_sink that is a PostgreSQL server. */
#ifndef WEIR_PG_SINK_H
#define WEIR_PG_SINK_H

#include <weir/postgres.h>

#include "../writer/apply/sink.h"
#include "connection.h"

typedef struct weir_pg_sink weir_pg_sink;

/* Does not connect. Everything given is copied. out->close frees it. */
int weir_pg_sink_make(const weir_os *os, const char *conninfo, const weir_postgres_options *options,
                      weir_sink *out, weir_error *error);
const char *weir_pg_sink_name(const weir_sink *sink);
weir_pg *weir_pg_sink_connection(const weir_sink *sink); /* connected or not */
const char *weir_pg_sink_schema(const weir_sink *sink);  /* NULL: search_path */
/* Another connection to the same server, for another thread; not connected, and the caller's. Needs no
 * connection of the sink, and may be called while the sink is in use. */
int weir_pg_sink_second(const weir_sink *sink, weir_pg **out, weir_error *error);
/* Connect, unless it is, with all checks, and make weir's own tables. */
int weir_pg_sink_probe(const weir_sink *sink, weir_error *error);

#endif
