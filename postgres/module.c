/* module.c - what the tool finds when it loads the library. */
#include "module.h"

#include "check_points.h"
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
static int connect_aside(const weir_sink *sink, weir_pg **out, weir_error *error) {
    int status = weir_pg_sink_second(sink, out, error);
    return status == WEIR_OK ? weir_pg_connect(*out, error) : status;
}

static int module_positions(weir_sink *sink, weir_position **out, size_t *count,
                            weir_error *error) {
    weir_pg *pg = NULL;
    *out = NULL;
    *count = 0;
    int status = connect_aside(sink, &pg, error);
    if (status == WEIR_OK)
        status = weir_pg_positions(pg, weir_pg_sink_schema(sink), out, count, error);
    weir_pg_free(pg);
    return status;
}

static int module_stand(weir_sink *sink, const weir_id journal, weir_pg_stand *out,
                        weir_error *error) {
    weir_pg *pg = NULL;
    *out = (weir_pg_stand){0};
    int status = connect_aside(sink, &pg, error);
    if (status == WEIR_OK)
        status = weir_pg_stand_of(pg, weir_pg_sink_schema(sink), journal, out, error);
    weir_pg_free(pg);
    return status;
}

static int module_check(weir_sink *sink, weir_pg_tell *tell, void *context, weir_error *error) {
    weir_pg *one = NULL, *two = NULL;
    int status = connect_aside(sink, &one, error);
    if (status == WEIR_OK) status = connect_aside(sink, &two, error);
    if (status == WEIR_OK)
        status = weir_pg_check_points(one, two, weir_pg_sink_schema(sink), tell, context, error);
    weir_pg_free(two);
    weir_pg_free(one);
    return status;
}

const weir_postgres_module_1 weir_postgres_sink_1 = {
    .version = WEIR_POSTGRES_MODULE_VERSION,
    .sink = module_sink,
    .probe = module_probe,
    .positions = module_positions,
    .stand = module_stand,
    .check = module_check,
};
