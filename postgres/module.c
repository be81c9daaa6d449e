/* module.c - what the tool finds when it loads the library. */
#include "module.h"

#include "positions.h"
#include "sink.h"

static int module_sink(const weir_os *os, const char *conninfo,
                       const weir_postgres_options *options, weir_sink *out, const char **name,
                       weir_error *error) {
    static const weir_postgres_options none;
    int status = weir_pg_sink_make(os, conninfo, options ? options : &none, out, error);
    *name = status == WEIR_OK ? weir_pg_sink_name(out) : "";
    return status;
}

static int module_probe(weir_sink *sink, weir_error *error) {
    return weir_pg_sink_probe(sink, error);
}

/* On a connection of its own, which changes nothing. */
static int module_positions(weir_sink *sink, weir_position **out, size_t *count,
                            weir_error *error) {
    weir_pg *pg;
    *out = NULL;
    *count = 0;
    int status = weir_pg_sink_second(sink, &pg, error);
    if (status != WEIR_OK) return status;
    status = weir_pg_connect(pg, error);
    if (status == WEIR_OK)
        status = weir_pg_positions(pg, weir_pg_sink_schema(sink), out, count, error);
    weir_pg_free(pg);
    return status;
}

const weir_postgres_module_1 weir_postgres_sink_1 = {module_sink, module_probe, module_positions};
