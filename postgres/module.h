/* module.h - what the tool takes from libweir-postgres, which it loads when a verb names a server. The
 * version of the library's symbols is WEIR_POSTGRES_PRIVATE_1; the two are of one build. */
#ifndef WEIR_PG_MODULE_H
#define WEIR_PG_MODULE_H

#include <weir/postgres.h>

#include "../lib/base/os.h"
#include "../writer/apply/sink.h"

/* What a server has of one journal. */
typedef struct weir_pg_stand {
    bool known; /* it has a position; else all is zero */
    weir_position at;
    int64_t epoch; /* so many times the position was taken over */
    uint64_t rejects;
    uint64_t sessions; /* that apply this journal now, as far as the role may see them */
    uint64_t others;   /* other journals of which it has a position */
} weir_pg_stand;

/* One thing that must hold of a server, or that weir can do without. */
typedef struct weir_pg_point {
    const char *name; /* one word, for programs: "fsync" */
    const char *asks; /* for people: "fsync is on" */
    bool needed;      /* without it weir must not be used there, or would refuse the server */
    bool holds;
    const char *why; /* what was seen */
} weir_pg_point;
typedef void weir_pg_tell(void *context, const weir_pg_point *point);

enum {
    WEIR_POSTGRES_MODULE_VERSION =
        WEIR_VERSION_MAJOR << 16 | WEIR_VERSION_MINOR << 8 | WEIR_VERSION_PATCH,
};

typedef struct weir_postgres_module_1 {
    unsigned version; /* WEIR_POSTGRES_MODULE_VERSION; with another one nothing is called */
    /* The sink: not connected yet. *name: the server's, for people, valid as long as the sink is. */
    int (*sink)(const weir_os *os, const char *conninfo, const weir_postgres_options *options,
                weir_sink *out, const char **name, weir_error *error);
    /* Connect, check the server, make weir's tables where they are missing, take over no position. */
    int (*probe)(weir_sink *sink, weir_error *error);
    /* Positions that the server holds (free them); NULL when there are none. Makes nothing. */
    int (*positions)(weir_sink *sink, weir_position **out, size_t *count, weir_error *error);
    /* Where the server stands for a journal. Changes nothing there. */
    int (*stand)(weir_sink *sink, const weir_id journal, weir_pg_stand *out, weir_error *error);
    /* Try on the server what exactly-once rests on, in tables of its own, which are dropped again: tell is
     * called for each point, the texts being valid meanwhile. WEIR_OK, whatever the points say; an error
     * where the server cannot be reached, or is lost. */
    int (*check)(weir_sink *sink, weir_pg_tell *tell, void *context, weir_error *error);
} weir_postgres_module_1;

#define WEIR_POSTGRES_MODULE_SYMBOL "weir_postgres_sink_1"
WEIR_API extern const weir_postgres_module_1 weir_postgres_sink_1;

#endif
