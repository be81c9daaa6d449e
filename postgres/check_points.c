/* check_points.c - a server tried: its settings, what the role may do, and the tables of the trial. */
#include "check_points.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server_checks.h"
#include "sql.h"

void weir_pg_point_is(weir_pg_checking *c, weir_pg_point point, bool holds, const char *why, ...) {
    char text[700];
    va_list list;
    va_start(list, why);
    (void)vsnprintf(text, sizeof text, why, list); /* cut: still a text */
    va_end(list);
    point.holds = holds;
    point.why = text;
    c->tell(c->context, &point);
}

int weir_pg_point_failed(weir_pg_checking *c, weir_pg_point point, const weir_error *failed,
                         weir_error *error) {
    if (!weir_pg_is_open(c->one) || !weir_pg_is_open(c->two)) {
        weir_pg_point_is(c, point, false, "a connection was lost over it: %s", failed->text);
        if (error) *error = *failed;
        return failed->status < 0 ? failed->status : WEIR_IO;
    }
    weir_pg_point_is(c, point, false, "%s", failed->text);
    (void)weir_pg_run(c->one, "ROLLBACK", NULL); /* if there is a transaction; else a warning */
    (void)weir_pg_run(c->two, "ROLLBACK", NULL);
    return WEIR_OK;
}

int weir_pg_check_number(weir_pg *pg, const char *sql, long long *out, weir_error *error) {
    PGresult *r;
    int status = weir_pg_query(pg, sql, NULL, 0, false, &r, error);
    if (status == WEIR_OK && PQntuples(r) != 1)
        status = weir_fail(error, WEIR_DATABASE, "%s answers no row", weir_pg_name(pg));
    if (status == WEIR_OK) *out = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
    PQclear(r);
    return status;
}

int weir_pg_check_count(const weir_pg_checking *c, weir_pg *pg, long long *out, weir_error *error) {
    char sql[220];
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", c->rows); /* it fits */
    return weir_pg_check_number(pg, sql, out, error);
}

/* ---- settings ---- */

/* As the sink's own checks (server_checks.c) judge them, one by one. */
static int ask_setting(weir_pg_checking *c, const char *name, char value[64], weir_error *error) {
    const weir_pg_parameter p = {.bytes = name, .length = -1};
    PGresult *r;
    int status = weir_pg_query(c->one, "SELECT current_setting($1, true)", &p, 1, false, &r, error);
    bool known = status == WEIR_OK && PQntuples(r) == 1 && !PQgetisnull(r, 0, 0);
    (void)snprintf(value, 64, "%s", known ? PQgetvalue(r, 0, 0) : "");
    PQclear(r);
    return status == WEIR_OK || weir_pg_is_open(c->one) ? WEIR_OK : status;
}

typedef struct wanted_setting {
    weir_pg_point point;
    const char *value, *advice;
} wanted_setting;

static int check_setting(weir_pg_checking *c, const wanted_setting *w, weir_error *error) {
    char value[64];
    int status = ask_setting(c, w->point.name, value, error);
    if (status != WEIR_OK) return status;
    bool holds = strcmp(value, w->value) == 0;
    if (!value[0])
        weir_pg_point_is(c, w->point, false,
                         "the server does not say: weir cannot know, and refuses it");
    else if (holds)
        weir_pg_point_is(c, w->point, true, "%s = %s", w->point.name, value);
    else
        weir_pg_point_is(c, w->point, false, "%s = %s: %s", w->point.name, value, w->advice);
    return WEIR_OK;
}

static int check_version(weir_pg_checking *c, weir_error *error) {
    static const weir_pg_point point = {"version", "PostgreSQL 13 or later", true, false, ""};
    PGresult *r;
    int status = weir_pg_query(c->one, "SELECT version()", NULL, 0, false, &r, error);
    if (status != WEIR_OK && !weir_pg_is_open(c->one)) return status;
    bool told = status == WEIR_OK && PQntuples(r) == 1;
    weir_pg_point_is(c, point, weir_pg_version(c->one) >= WEIR_PG_OLDEST, "%.200s",
                     told ? PQgetvalue(r, 0, 0) : "it does not say");
    PQclear(r);
    return WEIR_OK;
}

static int check_primary(weir_pg_checking *c, weir_error *error) {
    static const weir_pg_point point = {"primary", "it takes writes", true, false, ""};
    weir_error failed = {0};
    long long standby = 0;
    if (weir_pg_check_number(c->one, "SELECT pg_is_in_recovery()::int", &standby, &failed))
        return weir_pg_point_failed(c, point, &failed, error);
    weir_pg_point_is(c, point, !standby, "%s",
                     standby ? "it is a standby: rows wait until it is promoted"
                             : "it is no standby");
    return WEIR_OK;
}

static int check_commit_setting(weir_pg_checking *c, weir_error *error) {
    static const weir_pg_point point = {"synchronous_commit", "COMMIT may wait for the disk", true,
                                        false, ""};
    char before[64], within[64];
    weir_error failed = {0};
    int status = ask_setting(c, point.name, before, error);
    if (status != WEIR_OK) return status;
    status = weir_pg_run(c->one, "BEGIN; SET LOCAL synchronous_commit = on", &failed);
    if (status == WEIR_OK) status = ask_setting(c, point.name, within, &failed);
    if (status == WEIR_OK) status = weir_pg_run(c->one, "ROLLBACK", &failed);
    if (status != WEIR_OK) return weir_pg_point_failed(c, point, &failed, error);
    weir_pg_point_is(c, point, strcmp(within, "on") == 0,
                     "by default it is %s; in weir's transactions it is %s",
                     before[0] ? before : "not said", within[0] ? within : "not said");
    return WEIR_OK;
}

static int check_settings(weir_pg_checking *c, weir_error *error) {
    static const wanted_setting wanted[] = {
        {{"fsync", "what is committed is on the disk", true, false, ""},
         "on",
         "a commit may be lost; set fsync = on"},
        {{"full_page_writes", "a crash tears no page", true, false, ""},
         "on",
         "set full_page_writes = on"},
        {{"server_encoding", "the database is UTF-8", true, false, ""},
         "UTF8",
         "make a database with ENCODING 'UTF8'"},
    };
    int status = check_version(c, error);
    if (status == WEIR_OK) status = check_primary(c, error);
    for (size_t i = 0; status == WEIR_OK && i < sizeof wanted / sizeof *wanted; i++)
        status = check_setting(c, &wanted[i], error);
    return status == WEIR_OK ? check_commit_setting(c, error) : status;
}

/* ---- rights ---- */

/* Of a table of weir's that is there already, and may be somebody else's. */
static int check_right(weir_pg_checking *c, const char *name, const char *rights,
                       weir_error *error) {
    char asks[80], sql[200];
    const weir_pg_point point = {name, asks, true, false, ""};
    weir_error failed = {0};
    long long lacking = 0;
    weir_pg_sql s;
    (void)snprintf(asks, sizeof asks, "the role may use the table %s", name);
    weir_pg_sql_begin(&s);
    weir_pg_sql_place(&s, c->schema, name);
    char *place = weir_pg_sql_end(&s);
    if (!place) return weir_fail(error, WEIR_NO_MEMORY, "no memory for a table's name");
    const weir_pg_parameter p = {.bytes = place, .length = -1};
    (void)snprintf(sql, sizeof sql,
                   "SELECT count(*) FROM unnest(string_to_array('%s', ',')) AS r WHERE to_regclass"
                   "($1) IS NOT NULL AND NOT has_table_privilege(to_regclass($1), r)",
                   rights);
    PGresult *r;
    int status = weir_pg_query(c->one, sql, &p, 1, false, &r, &failed);
    if (status == WEIR_OK) lacking = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
    PQclear(r);
    if (status != WEIR_OK)
        status = weir_pg_point_failed(c, point, &failed, error);
    else if (lacking)
        weir_pg_point_is(c, point, false, "GRANT %s ON %s TO the role that connects", rights,
                         place);
    else
        weir_pg_point_is(c, point, true, "it may, or the table is not there yet");
    free(place);
    return status;
}

/* ---- the tables of the trial ---- */

static bool quote_table(const weir_pg_checking *c, const char *what, char out[160]) {
    char name[64];
    weir_pg_sql s;
    (void)snprintf(name, sizeof name, "weir_check_%02x%02x%02x%02x_%s", c->journal[0],
                   c->journal[1], c->journal[2], c->journal[3], what);
    weir_pg_sql_begin(&s);
    weir_pg_sql_place(&s, c->schema, name);
    char *text = weir_pg_sql_end(&s);
    bool fits = text && strlen(text) < 160;
    if (fits) (void)snprintf(out, 160, "%s", text);
    free(text);
    return fits;
}

static int make_trial(weir_pg_checking *c, bool *made, weir_error *error) {
    static const weir_pg_point point = {"tables", "the role may make tables that last", true, false,
                                        ""};
    char sql[700];
    weir_error failed = {0};
    *made = false;
    (void)snprintf(sql, sizeof sql,
                   "CREATE TABLE %s (source uuid PRIMARY KEY, epoch bigint, block bigint,"
                   " \"row\" bigint, hash bytea); CREATE TABLE %s (n bigint NOT NULL, t text)",
                   c->hold.table, c->rows); /* it fits */
    int status = weir_pg_run(c->one, sql, &failed);
    *made = status == WEIR_OK;
    if (!*made) {
        size_t length = strlen(failed.text);
        (void)snprintf(failed.text + length, sizeof failed.text - length,
                       "; nothing more is tried; --schema names a schema of the role's own");
    }
    if (status == WEIR_OK) status = weir_pg_check_position_table(c->one, c->hold.table, &failed);
    if (status != WEIR_OK) return weir_pg_point_failed(c, point, &failed, error);
    weir_pg_point_is(c, point, true, "two were made, and are dropped at the end");
    return WEIR_OK;
}

/* What is left behind is named: whoever looks finds it by its name. */
static void drop_trial(weir_pg_checking *c) {
    static const weir_pg_point point = {"dropped", "the tables of the trial are gone", false, false,
                                        ""};
    char sql[400];
    weir_error failed = {0};
    (void)snprintf(sql, sizeof sql, "DROP TABLE IF EXISTS %s; DROP TABLE IF EXISTS %s",
                   c->hold.table, c->rows); /* it fits */
    int status = WEIR_IO;
    /* That a connection is lost is seen when it is used: then it is another one. */
    for (int i = 0; i < 2 && status != WEIR_OK && (i == 0 || !weir_pg_is_open(c->two)); i++) {
        status = weir_pg_connect(c->two, &failed);
        if (status == WEIR_OK) status = weir_pg_run(c->two, sql, &failed);
    }
    if (status == WEIR_OK)
        weir_pg_point_is(c, point, true, "both were dropped");
    else
        weir_pg_point_is(c, point, false, "drop %s and %s: %s", c->hold.table, c->rows,
                         failed.text);
}

static int draw_trial(weir_pg_checking *c, weir_error *error) {
    const weir_os *os = weir_os_posix();
    int drawn = os->random(os->self, c->journal, sizeof c->journal);
    if (drawn < 0) return weir_fail_os(error, drawn, "random bytes for names of tables");
    int status = weir_pg_hold_make(&c->hold, c->schema, c->journal, 3000, error);
    if (status == WEIR_OK &&
        (!quote_table(c, "position", c->hold.table) || !quote_table(c, "rows", c->rows)))
        status = weir_fail(error, WEIR_NO_MEMORY, "no memory for a table's name");
    return status;
}

int weir_pg_check_points(weir_pg *one, weir_pg *two, const char *schema, weir_pg_tell *tell,
                         void *context, weir_error *error) {
    weir_pg_checking c = {.one = one, .two = two, .schema = schema, .tell = tell};
    c.context = context;
    bool made = false;
    int status = draw_trial(&c, error);
    if (status == WEIR_OK) status = check_settings(&c, error);
    if (status == WEIR_OK) status = check_right(&c, "weir_position", "SELECT,INSERT,UPDATE", error);
    if (status == WEIR_OK) status = check_right(&c, "weir_reject", "INSERT", error);
    if (status == WEIR_OK) status = make_trial(&c, &made, error);
    if (status == WEIR_OK && made) status = weir_pg_check_rows(&c, error);
    if (status == WEIR_OK && made) status = weir_pg_check_takeover(&c, error);
    if (made) drop_trial(&c);
    return status;
}
