/* server_checks.c - the settings and the table that exactly-once rests on. */
#include "server_checks.h"

#include <string.h>

int weir_pg_check_server(weir_pg *pg, weir_error *error) {
    PGresult *r;
    const char *name = weir_pg_name(pg);
    int version = weir_pg_version(pg);
    if (version < WEIR_PG_OLDEST)
        return weir_fail(error, WEIR_DATABASE, "%s is PostgreSQL %d: weir needs 13 or later", name,
                         version / 10000);
    int status = weir_pg_query(pg,
                               "SELECT pg_is_in_recovery(), current_setting('fsync'),"
                               " current_setting('full_page_writes'),"
                               " current_setting('server_encoding')",
                               NULL, 0, false, &r, error);
    if (status != WEIR_OK) return status;
    if (PQntuples(r) != 1)
        status = weir_fail(error, WEIR_DATABASE, "%s does not tell its settings", name);
    else if (!strcmp(PQgetvalue(r, 0, 0), "t"))
        status =
            weir_fail(error, WEIR_BUSY,
                      "%s is a standby: rows wait until it is promoted, or name the primary, or "
                      "both with target_session_attrs=read-write",
                      name);
    else if (strcmp(PQgetvalue(r, 0, 1), "on") != 0)
        status = weir_fail(error, WEIR_DATABASE,
                           "%s has fsync off, so that a commit may be lost: set fsync = on", name);
    else if (strcmp(PQgetvalue(r, 0, 2), "on") != 0)
        status = weir_fail(error, WEIR_DATABASE,
                           "%s has full_page_writes off, so that a crash may tear pages: set "
                           "full_page_writes = on",
                           name);
    else if (strcmp(PQgetvalue(r, 0, 3), "UTF8") != 0)
        status = weir_fail(error, WEIR_DATABASE,
                           "%s has the encoding %s: weir needs a database with ENCODING 'UTF8'",
                           name, PQgetvalue(r, 0, 3));
    PQclear(r);
    return status;
}

int weir_pg_check_position_table(weir_pg *pg, const char *table, weir_error *error) {
    PGresult *r;
    const weir_pg_parameter p = {.bytes = table, .length = -1};
    int status =
        weir_pg_query(pg, "SELECT relpersistence FROM pg_class WHERE oid = to_regclass($1)", &p, 1,
                      false, &r, error);
    if (status != WEIR_OK) return status;
    if (PQntuples(r) != 1)
        status = weir_fail(error, WEIR_DATABASE, "%s has no table %s", weir_pg_name(pg), table);
    else if (strcmp(PQgetvalue(r, 0, 0), "p") != 0)
        status = weir_fail(error, WEIR_DATABASE,
                           "%s: the table %s is %s, so that a crash empties it: ALTER TABLE … SET "
                           "LOGGED, or drop it",
                           weir_pg_name(pg), table,
                           PQgetvalue(r, 0, 0)[0] == 'u' ? "unlogged" : "temporary");
    PQclear(r);
    return status;
}
