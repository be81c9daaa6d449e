/* open.c - <weir/postgres.h>: a sink offered to a handle of libweir. */
#include <stdio.h>

#include "../lib/base/sized.h"
#include "../lib/format/row.h"
#include "../writer/attach/host.h"
#include "load.h"
#include "sink.h"
#include "takeover.h"

enum { LOOK_MS = 10000 };

/* Within the deadline of the call, and not of each question. */
static int probe_server(void *self, uint64_t deadline_ns, weir_error *error) {
    const weir_sink sink = {.self = self};
    weir_pg *pg = weir_pg_sink_connection(&sink);
    weir_pg_hurry(pg, deadline_ns);
    int status = weir_pg_sink_probe(&sink, error);
    weir_pg_hurry(pg, UINT64_MAX);
    return status;
}

/* A transaction that only looks, and ends with its connection. */
static int begin_to_look(weir_pg *pg, weir_error *error) {
    static const weir_id none;
    weir_pg_hold hold;
    int status = weir_pg_hold_make(&hold, NULL, none, LOOK_MS, error);
    return status == WEIR_OK ? weir_pg_begin(pg, &hold, error) : status;
}

/* While the server is away every declaration is allowed, and is judged when it is applied; but keys that
 * began at 1 again would be refused then, each of them. */
static int answer_for_absent(const weir_pg *pg, const weir_declaration *d, weir_error *error) {
    if (weir_declaration_key(d) < 0) return WEIR_OK;
    return weir_fail(
        error, WEIR_BUSY,
        "declaring %s: %s cannot be reached, and the table's next key depends on what is "
        "there; try again later",
        d->name, weir_pg_name(pg));
}

/* On a connection of its own, since the sink's is in use by its thread. */
static int check_on_server(void *self, const weir_declaration *d, int64_t *next_key,
                           weir_error *error) {
    const weir_sink sink = {.self = self};
    weir_pg *pg;
    *next_key = 1;
    int status = weir_pg_sink_second(&sink, &pg, error);
    if (status != WEIR_OK) return status;
    status = weir_pg_connect(pg, error);
    if (status == WEIR_OK) status = begin_to_look(pg, error);
    if (status == WEIR_OK)
        status = weir_pg_check_declaration(pg, weir_pg_sink_schema(&sink), d, next_key, error);
    if (status == WEIR_IO || status == WEIR_BUSY) status = answer_for_absent(pg, d, error);
    weir_pg_free(pg);
    return status;
}

/* A sink that is not connected, and what a handle must know of it. */
static int make_offer(const char *name, const char *conninfo, const weir_postgres_options *options,
                      size_t bytes, weir_sink_offer *out, weir_error *error) {
    weir_postgres_options own;
    if (!conninfo) return weir_fail(error, WEIR_MISUSE, "conninfo is NULL");
    int status = weir_sized_take(&own, sizeof own, options, bytes, "weir_postgres_options", error);
    if (status != WEIR_OK) return status;
    if (own.at_lag_limit != WEIR_POSTGRES_LAG_DETACH && own.at_lag_limit != WEIR_POSTGRES_LAG_HOLD)
        return weir_fail(error, WEIR_MISUSE, "no such at_lag_limit: %d", (int)own.at_lag_limit);
    *out = (weir_sink_offer){
        .name = name,
        .kind = "postgres",
        .lag_limit_bytes = own.lag_limit_bytes ? own.lag_limit_bytes : WEIR_LAG_HALF_JOURNAL,
        .at_limit = own.at_lag_limit == WEIR_POSTGRES_LAG_HOLD ? WEIR_LAG_HOLDS : WEIR_LAG_DETACHES,
        .probe = probe_server,
    };
    status = weir_pg_sink_make(weir_os_posix(), conninfo, &own, &out->sink, error);
    if (status == WEIR_OK) out->place = weir_pg_sink_name(&out->sink);
    return status;
}

/* The sink is the handle's when the call has succeeded. */
static int settle_offer(const char *call, const weir_sink_offer *offer, int status,
                        weir_error *error) {
    char text[sizeof error->text];
    if (status == WEIR_OK) return status;
    if (offer->sink.self) offer->sink.close(offer->sink.self);
    (void)snprintf(text, sizeof text, "%s", error->text);
    (void)weir_fail(error, status, "%s: %s", call, text);
    return weir_private_publish_1(error);
}

int weir_attach_postgres_sized(weir *w, const char *name, const char *conninfo,
                               const weir_postgres_options *options, size_t options_bytes) {
    weir_error error = {0};
    weir_sink_offer offer = {0};
    int status = make_offer(name, conninfo, options, options_bytes, &offer, &error);
    if (status == WEIR_OK) status = weir_private_attach_1(w, &offer, &error);
    return settle_offer("weir_attach_postgres", &offer, status, &error);
}

/* It is the only sink: there is nobody for whose sake it could be detached. */
int weir_open_postgres_sized(const char *conninfo, const char *directory,
                             const weir_options *options, size_t options_bytes,
                             const weir_postgres_options *postgres, size_t postgres_bytes,
                             weir **out) {
    weir_error error = {0};
    weir_sink_offer offer = {0};
    int status = WEIR_OK;
    if (out) *out = NULL;
    if (!directory || !out) status = weir_fail(&error, WEIR_MISUSE, "directory or out is NULL");
    if (status == WEIR_OK)
        status = make_offer("postgres", conninfo, postgres, postgres_bytes, &offer, &error);
    if (offer.lag_limit_bytes == WEIR_LAG_HALF_JOURNAL) offer.lag_limit_bytes = 0;
    offer.at_limit = WEIR_LAG_HOLDS;
    offer.check = check_on_server;
    if (status == WEIR_OK)
        status = weir_private_open_1(directory, options, options_bytes, &offer, out, &error);
    return settle_offer("weir_open_postgres", &offer, status, &error);
}
