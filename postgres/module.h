/* module.h - what the tool takes from libweir-postgres, which it loads when a verb names a server. The
 * version of the library's symbols is WEIR_POSTGRES_PRIVATE_1; the two are of one build. */
#ifndef WEIR_PG_MODULE_H
#define WEIR_PG_MODULE_H

#include <weir/postgres.h>

#include "../lib/base/os.h"
#include "../writer/apply/sink.h"

typedef struct weir_postgres_module_1 {
    /* The sink: not connected yet. *name: the server's, for people, valid as long as the sink is. */
    int (*sink)(const weir_os *os, const char *conninfo, const weir_postgres_options *options,
                weir_sink *out, const char **name, weir_error *error);
    /* Connect, check the server, make weir's tables where they are missing, take over no position. */
    int (*probe)(weir_sink *sink, weir_error *error);
    /* Positions that the server holds (free them); NULL when there are none. Makes nothing. */
    int (*positions)(weir_sink *sink, weir_position **out, size_t *count, weir_error *error);
} weir_postgres_module_1;

#define WEIR_POSTGRES_MODULE_SYMBOL "weir_postgres_sink_1"
WEIR_API extern const weir_postgres_module_1 weir_postgres_sink_1;

#endif
