/* relation.c - what the server has under a declared name: found, locked, made to fit. */
#include "relation.h"

#include <stdlib.h>
#include <string.h>

#include "declaration.h"
#include "relation_read.h"
#include "sql.h"

void weir_pg_relation_free(weir_pg_relation *r) {
    for (unsigned i = 0; r->column && i < r->columns; i++)
        free(r->column[i]);
    free(r->column);
    free(r->kind);
    free(r->place);
    memset(r, 0, sizeof *r);
}

/* ---- finding --------------------------------------------------------------------------------- */

/* An exact name may also be an index's or a sequence's: they share the names of tables, and none can be
 * made beside them. Indexes are not what a name without its case means. */
static const char find[] =
    "SELECT c.oid, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname),"
    " c.relname = $1 FROM pg_catalog.pg_class c"
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE pg_catalog.lower(c.relname::text COLLATE \"C\")"
    "  = pg_catalog.lower($1::text COLLATE \"C\")"
    " AND CASE WHEN $2::text IS NULL THEN n.nspname = ANY (pg_catalog.current_schemas(false))"
    "  ELSE n.nspname = $2::text END"
    " AND (c.relname = $1 OR c.relkind IN ('r', 'p', 'v', 'm', 'f'))"
    " ORDER BY c.relname = $1 DESC,"
    " pg_catalog.array_position(pg_catalog.current_schemas(false), n.nspname)";

/* oid: of the table, for free(); NULL when there is none. */
static int find_relation(weir_pg *pg, const weir_pg_wanted *w, const weir_declaration *d,
                         weir_pg_relation *out, char **oid, weir_error *error) {
    const char *const parameters[] = {d->name, w->schema};
    PGresult *r;
    *oid = NULL;
    int status = weir_pg_ask(pg, find, parameters, 2, &r, error);
    if (status != WEIR_OK) return status;
    int count = PQntuples(r);
    bool exact = count && PQgetvalue(r, 0, 2)[0] == 't';
    if (!exact && count > 1) {
        status = weir_fail(error, WEIR_SCHEMA,
                           "table %s: the database has %s and %s, and none is spelled so", d->name,
                           PQgetvalue(r, 0, 1), PQgetvalue(r, 1, 1));
    } else if (count) {
        out->place = strdup(PQgetvalue(r, 0, 1));
        *oid = strdup(PQgetvalue(r, 0, 0));
        out->exists = true;
        if (!out->place || !*oid)
            status = weir_fail(error, WEIR_NO_MEMORY, "table %s: no memory for its name", d->name);
    }
    PQclear(r);
    return status;
}

/* ---- whether it changed ---------------------------------------------------------------------- */

/* A column's row in the catalog is another after each change of the column; so is the table's after
 * each change of the table but for those that VACUUM and CREATE INDEX make. */
static const char print_of[] =
    "SELECT c.oid || '.' || c.xmin || '.' || pg_catalog.hashtextextended(pg_catalog.concat_ws('/',"
    " (SELECT pg_catalog.string_agg(pg_catalog.concat_ws('.', a.attnum, a.xmin, a.atttypid), ','"
    "  ORDER BY a.attnum) FROM pg_catalog.pg_attribute a"
    "  WHERE a.attrelid = c.oid AND a.attnum > 0),"
    " (SELECT pg_catalog.count(*) FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid),"
    " (SELECT pg_catalog.string_agg(pg_catalog.concat_ws('.', f.oid, f.xmin), ',' ORDER BY f.oid)"
    "  FROM pg_catalog.pg_partition_tree(c.oid) p JOIN pg_catalog.pg_class f ON f.oid = p.relid"
    "  WHERE c.relkind = 'p')), 0)"
    " FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass(";

/* Behind what is in s already. */
static int run_and_read_print(weir_pg_sql *s, weir_pg *pg, const char *place, char out[64],
                              weir_error *error) {
    PGresult *r;
    weir_pg_sql_add(s, "%s", print_of);
    weir_pg_sql_literal(s, place);
    weir_pg_sql_add(s, ")");
    int status = weir_pg_sql_run_for(s, pg, &r, error);
    if (status != WEIR_OK) return status;
    (void)snprintf(out, 64, "%s", PQntuples(r) ? PQgetvalue(r, 0, 0) : "");
    PQclear(r);
    return WEIR_OK;
}

static int read_print(weir_pg *pg, const char *place, char out[64], weir_error *error) {
    weir_pg_sql s;
    weir_pg_sql_begin(&s);
    return run_and_read_print(&s, pg, place, out, error);
}

static bool is_print_of(const weir_pg_relation *r, const char *now) {
    return now[0] && !strcmp(now, r->print);
}

int weir_pg_relation_same(weir_pg *pg, const weir_pg_relation *r, bool *same, weir_error *error) {
    char now[sizeof r->print];
    int status = read_print(pg, r->place, now, error);
    *same = status == WEIR_OK && is_print_of(r, now);
    return status;
}

/* A COPY BINARY is checked by the server for lengths alone: the eight bytes of a bigint pass for a
 * double. So the types must be known, and must stay. Both statements go in one message, once in each
 * transaction; the second sees what the first has waited for. */
int weir_pg_relation_lock(weir_pg *pg, const weir_pg_relation *r, bool *same, weir_error *error) {
    char now[sizeof r->print];
    weir_pg_sql s;
    weir_pg_sql_begin(&s);
    if (!r->view) weir_pg_sql_add(&s, "LOCK TABLE ONLY %s IN ROW EXCLUSIVE MODE;", r->place);
    int status = run_and_read_print(&s, pg, r->place, now, error);
    *same = status == WEIR_OK && is_print_of(r, now);
    return status;
}

/* ---- making it fit --------------------------------------------------------------------------- */

static const char *type_of(weir_type type) {
    switch (type) {
    case WEIR_INTEGER: return "bigint";
    case WEIR_REAL: return "double precision";
    case WEIR_TEXT: return "text";
    case WEIR_BLOB: return "bytea";
    default: return "bigint PRIMARY KEY";
    }
}

static bool is_declared_name(const weir_declaration *d, const char *name) {
    for (unsigned i = 0; i < d->columns; i++)
        if (weir_names_equal(d->column[i].name, name)) return true;
    return false;
}

/* What the server said, behind what was wanted of it. */
static int fail_making(weir_pg *pg, int status, const char *table, const char *what,
                       weir_error *error) {
    if (status != WEIR_DATABASE) return status;
    const weir_pg_failure *f = weir_pg_failed(pg);
    if (weir_pg_is_race(f->sqlstate))
        return weir_fail(error, WEIR_BUSY, "table %s: somebody else makes it now", table);
    char said[sizeof f->message];
    memcpy(said, f->message, sizeof said);
    return weir_fail(error, WEIR_DATABASE, "table %s %s: %s", table, what, said);
}

static int create_table(weir_pg *pg, const weir_pg_wanted *w, const weir_declaration *d,
                        weir_error *error) {
    weir_pg_sql s;
    weir_pg_sql_begin(&s);
    weir_pg_sql_add(&s, "CREATE TABLE IF NOT EXISTS ");
    weir_pg_sql_place(&s, w->schema, d->name);
    for (unsigned i = 0; i < d->columns; i++) {
        weir_pg_sql_add(&s, i ? ", " : "(");
        weir_pg_sql_name(&s, d->column[i].name);
        weir_pg_sql_add(&s, " %s", type_of(d->column[i].type));
    }
    if (w->row_numbers && !is_declared_name(d, "weir_row"))
        weir_pg_sql_add(&s, ", weir_row bigint");
    weir_pg_sql_add(&s, ")");
    return fail_making(pg, weir_pg_sql_run(&s, pg, error), d->name, "cannot be made", error);
}

static int add_missing_columns(weir_pg *pg, const weir_declaration *d, const weir_pg_relation *r,
                               weir_error *error) {
    weir_pg_sql s;
    weir_pg_sql_begin(&s);
    weir_pg_sql_add(&s, "ALTER TABLE %s", r->place);
    for (int i = d->columns - r->missing; i < d->columns; i++) {
        weir_pg_sql_add(&s, "%s ADD COLUMN IF NOT EXISTS ", i > d->columns - r->missing ? "," : "");
        weir_pg_sql_name(&s, d->column[i].name);
        weir_pg_sql_add(&s, " %s", type_of(d->column[i].type));
    }
    return fail_making(pg, weir_pg_sql_run(&s, pg, error), d->name, "cannot get its new columns",
                       error);
}

int weir_pg_relation_look(weir_pg *pg, const weir_pg_wanted *w, const weir_declaration *d,
                          weir_pg_relation *out, weir_error *error) {
    char *oid = NULL;
    memset(out, 0, sizeof *out);
    int status = weir_pg_declaration_fits(d, error);
    if (status == WEIR_OK) status = find_relation(pg, w, d, out, &oid, error);
    if (status == WEIR_OK && oid) status = read_print(pg, out->place, out->print, error);
    if (status == WEIR_OK && oid) status = weir_pg_relation_read(pg, w, d, oid, out, error);
    free(oid);
    if (status != WEIR_OK) weir_pg_relation_free(out);
    return status;
}

int weir_pg_relation_ensure(weir_pg *pg, const weir_pg_wanted *w, const weir_declaration *d,
                            weir_pg_relation *out, uint16_t *added, weir_error *error) {
    *added = 0;
    int status = weir_pg_relation_look(pg, w, d, out, error);
    if (status != WEIR_OK || (out->exists && !out->missing)) return status;
    *added = out->exists ? out->missing : d->columns;
    status = out->exists ? add_missing_columns(pg, d, out, error) : create_table(pg, w, d, error);
    weir_pg_relation_free(out);
    if (status == WEIR_OK) status = weir_pg_relation_look(pg, w, d, out, error);
    if (status != WEIR_OK || (out->exists && !out->missing)) return status;
    weir_pg_relation_free(out);
    return weir_fail(error, WEIR_BUSY, "table %s: somebody else changes it now", d->name);
}
