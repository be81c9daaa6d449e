/* relation_read.c - the catalog's words on one table, judged. */
#include "relation_read.h"

#include <stdlib.h>
#include <string.h>

#include "sql.h"

static bool is_true(const PGresult *r, int row, int column) {
    return PQgetvalue(r, row, column)[0] == 't';
}

/* ---- the table ------------------------------------------------------------------------------- */

/* Of pg_trigger.tgtype: 4 is INSERT, 64 is INSTEAD OF. */
static const char traits_of[] =
    "WITH tree AS (SELECT $1::oid AS oid"
    "  UNION SELECT relid::oid FROM pg_catalog.pg_partition_tree($1::oid::regclass))"
    " SELECT c.relkind, pg_catalog.row_security_active(c.oid),"
    " EXISTS (SELECT FROM pg_catalog.pg_rewrite w WHERE w.ev_class = c.oid AND w.ev_type = '3'),"
    " EXISTS (SELECT FROM pg_catalog.pg_trigger t JOIN tree ON tree.oid = t.tgrelid"
    "  WHERE NOT t.tgisinternal AND t.tgtype & 4 <> 0),"
    " EXISTS (SELECT FROM pg_catalog.pg_constraint k JOIN tree ON tree.oid = k.conrelid"
    "  WHERE k.contype = 'f'),"
    " EXISTS (SELECT FROM pg_catalog.pg_trigger t JOIN tree ON tree.oid = t.tgrelid"
    "  WHERE t.tgdeferrable),"
    " EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND t.tgtype & 68 = 68),"
    " (SELECT pg_catalog.min(f.relname::text) FROM pg_catalog.pg_class f JOIN tree USING (oid)"
    "  WHERE f.relkind = 'f'),"
    " (SELECT pg_catalog.min(f.relname::text) FROM pg_catalog.pg_class f JOIN tree USING (oid)"
    "  WHERE f.relpersistence <> 'p')"
    " FROM pg_catalog.pg_class c WHERE c.oid = $1::oid";

enum { KIND, SECURED, RULES, TRIGGERS, FOREIGN_KEYS, DEFERRABLE, INSTEAD, FOREIGN, UNLOGGED };

static int refuse_kind(const weir_declaration *d, const PGresult *r, weir_error *error) {
    char kind = PQgetvalue(r, 0, KIND)[0];
    if (!PQgetisnull(r, 0, FOREIGN))
        return weir_fail(
            error, WEIR_SCHEMA,
            "table %s: %s is a foreign table, and what is written to another server is "
            "not committed together with the position",
            d->name, PQgetvalue(r, 0, FOREIGN));
    if (!PQgetisnull(r, 0, UNLOGGED))
        return weir_fail(error, WEIR_SCHEMA,
                         "table %s: %s is temporary or UNLOGGED, and a crash of the server would "
                         "empty it; ALTER TABLE … SET LOGGED",
                         d->name, PQgetvalue(r, 0, UNLOGGED));
    if (kind == 'v' && !is_true(r, 0, INSTEAD))
        return weir_fail(error, WEIR_SCHEMA,
                         "table %s: it is a view without an INSTEAD OF INSERT trigger", d->name);
    if (kind != 'r' && kind != 'p' && kind != 'v')
        return weir_fail(error, WEIR_SCHEMA,
                         "table %s: the database has something of that name that takes no rows",
                         d->name);
    if (is_true(r, 0, RULES))
        return weir_fail(error, WEIR_SCHEMA,
                         "table %s: it has a rule ON INSERT, which COPY would pass by; make it a "
                         "trigger",
                         d->name);
    return WEIR_OK;
}

static int vanished(const weir_declaration *d, weir_error *error) {
    return weir_fail(error, WEIR_BUSY, "table %s: somebody drops it now", d->name);
}

static int read_relation_traits(weir_pg *pg, const weir_declaration *d, const char *oid,
                                weir_pg_relation *out, weir_error *error) {
    PGresult *r;
    int status = weir_pg_ask(pg, traits_of, &oid, 1, &r, error);
    if (status != WEIR_OK) return status;
    status = PQntuples(r) ? refuse_kind(d, r, error) : vanished(d, error);
    if (status == WEIR_OK) {
        bool triggers = is_true(r, 0, TRIGGERS);
        out->view = PQgetvalue(r, 0, KIND)[0] == 'v';
        out->partitioned = PQgetvalue(r, 0, KIND)[0] == 'p';
        out->only_inserts = out->view || is_true(r, 0, SECURED);
        out->ordered = triggers || is_true(r, 0, FOREIGN_KEYS);
        out->deferrable = triggers || is_true(r, 0, DEFERRABLE);
    }
    PQclear(r);
    return status;
}

/* ---- its columns ----------------------------------------------------------------------------- */

static const char columns_of[] =
    "SELECT a.attname, a.atttypid, (WITH RECURSIVE base(type) AS (SELECT a.atttypid"
    "  UNION ALL SELECT t.typbasetype FROM base JOIN pg_catalog.pg_type t ON t.oid = base.type"
    "   WHERE t.typtype = 'd')"
    "  SELECT base.type FROM base JOIN pg_catalog.pg_type t ON t.oid = base.type"
    "   WHERE t.typtype <> 'd'),"
    " a.attnotnull AND NOT a.atthasdef AND a.attidentity = '',"
    " a.attgenerated <> '' OR a.attidentity = 'a',"
    " EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = a.attrelid AND i.indisprimary"
    "  AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum)"
    " FROM pg_catalog.pg_attribute a WHERE a.attrelid = $1::oid AND a.attnum > 0"
    " AND NOT a.attisdropped ORDER BY a.attnum";

enum { NAME, TYPE, BASE, NEEDS_VALUE, GENERATED, PRIMARY_KEY };
enum { INT8_TYPE = 20 }; /* of pg_type, where such numbers never change */

static weir_pg_kind kind_of_type(const char *type) {
    switch (strtoul(type, NULL, 10)) {
    case 16: return WEIR_PG_BOOL;
    case 17: return WEIR_PG_BYTEA;
    case INT8_TYPE: return WEIR_PG_INT8;
    case 21: return WEIR_PG_INT2;
    case 23: return WEIR_PG_INT4;
    case 25:                        /* text */
    case 1042:                      /* char(n) */
    case 1043: return WEIR_PG_TEXT; /* varchar */
    case 700: return WEIR_PG_FLOAT4;
    case 701: return WEIR_PG_FLOAT8;
    default: return WEIR_PG_OTHER;
    }
}

/* Is the type itself one whose binary form is known? Domains have checks, char(n) has blanks. */
static bool has_binary_form(const PGresult *r, int row) {
    const char *type = PQgetvalue(r, row, TYPE);
    return kind_of_type(type) != WEIR_PG_OTHER && strcmp(type, "1042") != 0;
}

/* The row of the result that is this column: -1 none, -2 several but for case. */
static int find_column(const PGresult *r, const char *name) {
    int found = -1;
    for (int row = 0; row < PQntuples(r); row++) {
        const char *there = PQgetvalue(r, row, NAME);
        if (!strcmp(there, name)) return row;
        if (weir_names_equal(there, name)) found = found == -1 ? row : -2;
    }
    return found;
}

static int fit_column(const weir_declaration *d, unsigned index, const PGresult *r, int row,
                      weir_pg_relation *out, weir_error *error) {
    const weir_column *c = &d->column[index];
    weir_pg_kind kind = kind_of_type(PQgetvalue(r, row, BASE));
    bool integer = kind == WEIR_PG_INT2 || kind == WEIR_PG_INT4 || kind == WEIR_PG_INT8;
    if (is_true(r, row, GENERATED))
        return weir_fail(error, WEIR_SCHEMA,
                         "table %s: column %s is GENERATED ALWAYS; do not declare it", d->name,
                         c->name);
    if (c->type == WEIR_KEY && !(integer && is_true(r, row, PRIMARY_KEY)))
        return weir_fail(
            error, WEIR_SCHEMA,
            "table %s: column %s is declared as the key but is not the table's PRIMARY "
            "KEY, alone, of an integer type",
            d->name, c->name);
    out->kind[index] = (uint8_t)kind;
    out->binary &= has_binary_form(r, row);
    out->column[index] = strdup(PQgetvalue(r, row, NAME));
    if (!out->column[index])
        return weir_fail(error, WEIR_NO_MEMORY, "table %s: no memory for its columns", d->name);
    return WEIR_OK;
}

/* The columns that are there must be the first declared ones: only the last can be missing. */
static int check_columns_missing(const weir_declaration *d, weir_pg_relation *out,
                                 weir_error *error) {
    uint16_t first = 0;
    while (first < d->columns && out->column[first])
        first++;
    out->missing = (uint16_t)(d->columns - first);
    if (out->missing == d->columns)
        return weir_fail(error, WEIR_SCHEMA,
                         "table %s: the table in the database has other columns than declared (no "
                         "column %s)",
                         d->name, d->column[0].name);
    for (unsigned i = first; i < d->columns; i++) {
        if (out->column[i])
            return weir_fail(error, WEIR_SCHEMA,
                             "table %s: the table in the database has no column %s; only the last "
                             "declared can be added",
                             d->name, d->column[first].name);
        if (d->column[i].type == WEIR_KEY)
            return weir_fail(error, WEIR_SCHEMA,
                             "table %s: the key column %s cannot be added to a table that exists",
                             d->name, d->column[i].name);
        if (out->view)
            return weir_fail(error, WEIR_SCHEMA,
                             "table %s: it is a view without the column %s, and none can be added",
                             d->name, d->column[i].name);
    }
    return WEIR_OK;
}

static bool is_number_column(const weir_pg_wanted *w, const PGresult *r, int row) {
    return w->row_numbers && !strcmp(PQgetvalue(r, row, NAME), "weir_row") &&
           strtoul(PQgetvalue(r, row, TYPE), NULL, 10) == INT8_TYPE && !is_true(r, row, GENERATED);
}

static int check_undeclared(const weir_pg_wanted *w, const weir_declaration *d, const PGresult *r,
                            const bool *declared, weir_pg_relation *out, weir_error *error) {
    for (int row = 0; row < PQntuples(r); row++) {
        if (declared[row]) continue;
        if (is_number_column(w, r, row)) {
            out->numbered = true;
            continue;
        }
        if (is_true(r, row, NEEDS_VALUE))
            return weir_fail(error, WEIR_SCHEMA,
                             "table %s: its column %s is NOT NULL without a default and is not "
                             "declared; declare it or give it a default",
                             d->name, PQgetvalue(r, row, NAME));
    }
    return WEIR_OK;
}

static int fit_columns(const weir_pg_wanted *w, const weir_declaration *d, const PGresult *r,
                       weir_pg_relation *out, weir_error *error) {
    bool declared[WEIR_COLUMNS_MAX] = {false}; /* a table has less */
    if (PQntuples(r) > WEIR_COLUMNS_MAX)
        return weir_fail(error, WEIR_SCHEMA, "table %s: it has more columns than any table can",
                         d->name);
    for (unsigned i = 0; i < d->columns; i++) {
        int row = find_column(r, d->column[i].name);
        if (row == -1) continue;
        if (row == -2)
            return weir_fail(error, WEIR_SCHEMA,
                             "table %s: it has several columns that are %s but for case, and none "
                             "is spelled so",
                             d->name, d->column[i].name);
        int status = fit_column(d, i, r, row, out, error);
        if (status != WEIR_OK) return status;
        declared[row] = true;
    }
    int status = check_columns_missing(d, out, error);
    return status == WEIR_OK ? check_undeclared(w, d, r, declared, out, error) : status;
}

int weir_pg_relation_read(weir_pg *pg, const weir_pg_wanted *w, const weir_declaration *d,
                          const char *oid, weir_pg_relation *out, weir_error *error) {
    out->columns = d->columns;
    out->binary = true;
    out->kind = calloc(d->columns, sizeof *out->kind);
    out->column = calloc(d->columns, sizeof *out->column);
    if (!out->kind || !out->column)
        return weir_fail(error, WEIR_NO_MEMORY, "table %s: no memory for its columns", d->name);
    int status = read_relation_traits(pg, d, oid, out, error);
    if (status != WEIR_OK) return status;
    PGresult *r;
    status = weir_pg_ask(pg, columns_of, &oid, 1, &r, error);
    if (status != WEIR_OK) return status;
    status = fit_columns(w, d, r, out, error);
    PQclear(r);
    return status;
}
