/* check_points.h - what exactly-once rests on, tried on a server: for the tool's verb check.
 *
 * Each point is tried with the calls of the sink itself, where there is one, on two connections, in two
 * tables whose names are drawn at random, and which are dropped again. */
#ifndef WEIR_PG_CHECK_POINTS_H
#define WEIR_PG_CHECK_POINTS_H

#include "module.h"
#include "takeover.h"

/* one, two: open connections to the same server, which may be lost meanwhile. schema NULL: by
 * search_path. As weir_postgres_module_1.check. */
int weir_pg_check_points(weir_pg *one, weir_pg *two, const char *schema, weir_pg_tell *tell,
                         void *context, weir_error *error);

/* ---- for the files of the check alone ---- */

typedef struct weir_pg_checking {
    weir_pg *one, *two;
    const char *schema;
    weir_pg_tell *tell;
    void *context;
    weir_id journal; /* drawn at random */
    char rows[160];  /* a table n bigint NOT NULL, t text; with its schema, quoted */
    weir_pg_hold hold;
} weir_pg_checking;

/* Tell a point. */
void weir_pg_point_is(weir_pg_checking *c, weir_pg_point point, bool holds, const char *why, ...)
    __attribute__((format(printf, 4, 5)));
/* A step of a point has failed, and the point is told not to hold, with the server's words. WEIR_OK; or
 * the status, where a connection is gone. */
int weir_pg_point_failed(weir_pg_checking *c, weir_pg_point point, const weir_error *failed,
                         weir_error *error);
/* The number that a query answers, on the second connection or the first. */
int weir_pg_check_number(weir_pg *pg, const char *sql, long long *out, weir_error *error);
int weir_pg_check_count(const weir_pg_checking *c, weir_pg *pg, long long *out, weir_error *error);

/* COPY rows first … last into the table; bad: a last one more that the table must refuse. */
int weir_pg_check_copy(const weir_pg_checking *c, weir_pg *pg, int64_t first, int64_t last,
                       bool bad, weir_error *error);
int weir_pg_check_rows(weir_pg_checking *c, weir_error *error);
int weir_pg_check_takeover(weir_pg_checking *c, weir_error *error);

#endif
