/* load_tables.c - the tables that rows go into: declared, looked at, locked. */
#include <stdio.h>
#include <stdlib.h>

#include "load_state.h"
#include "sql.h"

enum { LOOKS = 3 }; /* until a table that others keep changing is left for later */

void weir_pg_table_empty(weir_pg_load *l, weir_pg_table *t) {
    enum { KEPT_CAPACITY = 1 << 20 };
    weir_pg_bytes *all[] = {&t->out, &t->records, &t->kept};
    l->held -= t->out.length + t->records.length;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i]->capacity > KEPT_CAPACITY) weir_pg_bytes_free(all[i]);
        all[i]->length = 0;
    }
    t->rows = 0;
}

void weir_pg_table_forget(weir_pg_table *t) {
    weir_pg_relation_free(&t->relation);
    free(t->insert);
    free(t->nothing);
    t->insert = t->nothing = NULL;
    t->known = t->ready = false;
}

void weir_pg_table_free(weir_pg_table *t) {
    if (!t) return;
    weir_pg_table_forget(t);
    weir_pg_bytes_free(&t->out);
    weir_pg_bytes_free(&t->records);
    weir_pg_bytes_free(&t->kept);
    weir_declaration_free(t->declaration);
    free(t);
}

/* ---- its statement --------------------------------------------------------------------------- */

static void add_column_list(weir_pg_sql *s, const weir_pg_relation *r) {
    for (unsigned i = 0; i < r->columns; i++) {
        weir_pg_sql_add(s, i ? "," : "(");
        weir_pg_sql_name(s, r->column[i]);
    }
    weir_pg_sql_add(s, "%s)", r->numbered ? ",weir_row" : "");
}

static char *copy_of(const weir_pg_relation *r, weir_pg_format format) {
    weir_pg_sql s;
    weir_pg_sql_begin(&s);
    weir_pg_sql_add(&s, "COPY %s", r->place);
    add_column_list(&s, r);
    weir_pg_sql_add(&s, " FROM STDIN WITH (FORMAT %s)",
                    format == WEIR_PG_BINARY ? "binary" : "text");
    return weir_pg_sql_end(&s);
}

static char *insert_of(const weir_pg_relation *r) {
    weir_pg_sql s;
    weir_pg_sql_begin(&s);
    weir_pg_sql_add(&s, "INSERT INTO %s", r->place);
    add_column_list(&s, r);
    weir_pg_sql_add(&s, " VALUES ");
    return weir_pg_sql_end(&s);
}

/* A NULL of a SELECT takes the type of the column that it goes into. */
static char *insert_of_nothing(const weir_pg_relation *r) {
    weir_pg_sql s;
    weir_pg_sql_begin(&s);
    weir_pg_sql_add(&s, "INSERT INTO %s", r->place);
    add_column_list(&s, r);
    for (unsigned i = 0; i < (unsigned)r->columns + r->numbered; i++)
        weir_pg_sql_add(&s, "%s NULL", i ? "," : " SELECT");
    weir_pg_sql_add(&s, " WHERE false");
    return weir_pg_sql_end(&s);
}

static int compose(const weir_pg_load *l, weir_pg_table *t, weir_error *error) {
    const weir_pg_relation *r = &t->relation;
    bool inserts = l->rows_by_insert || r->only_inserts;
    t->shape = (weir_pg_shape){.columns = r->columns, .numbered = r->numbered, .kind = r->kind};
    t->shape.format = inserts ? WEIR_PG_LISTS : r->binary ? WEIR_PG_BINARY : WEIR_PG_LINES;
    t->insert = inserts ? insert_of(r) : copy_of(r, t->shape.format);
    t->nothing = inserts ? insert_of_nothing(r) : NULL;
    if (!t->insert || (inserts && !t->nothing))
        return weir_fail(error, WEIR_NO_MEMORY, "table %s: no memory for its statement",
                         t->declaration->name);
    return WEIR_OK;
}

/* ---- making it ready ------------------------------------------------------------------------- */

/* Only what this load has seen can be gone. The first such thing in a transaction is reported. */
static void note_relation_mended(weir_pg_load *l, const weir_pg_table *t, uint16_t added) {
    const weir_declaration *d = t->declaration;
    if (!added || !t->was_there || l->counts.mended) return;
    if (added == d->columns)
        (void)snprintf(l->mended, sizeof l->mended, "table %s was gone and is made anew", d->name);
    else
        (void)snprintf(l->mended, sizeof l->mended,
                       "column %s of table %s was gone and is added again, empty",
                       d->column[d->columns - added].name, d->name);
    l->counts.mended = l->mended;
}

static int get_to_know(weir_pg_load *l, weir_pg_table *t, weir_pg_occasion why, weir_error *error) {
    const weir_pg_wanted wanted = {l->schema, l->row_numbers};
    uint16_t added;
    weir_pg_table_forget(t);
    int status =
        weir_pg_relation_ensure(l->pg, &wanted, t->declaration, &t->relation, &added, error);
    if (status == WEIR_OK) status = compose(l, t, error);
    if (status != WEIR_OK) return status;
    if (why == WEIR_PG_HAS_ROWS) note_relation_mended(l, t, added);
    t->made |= added > 0;
    t->known = true;
    return WEIR_OK;
}

/* A table that is gone cannot be locked: the next attempt makes it. */
static int lock_table(weir_pg_load *l, weir_pg_table *t, bool *same, weir_error *error) {
    int status = weir_pg_relation_lock(l->pg, &t->relation, same, error);
    if (status != WEIR_DATABASE) return status;
    const char *code = weir_pg_failed(l->pg)->sqlstate;
    bool gone = !strcmp(code, "42P01") || !strcmp(code, "3F000");
    weir_pg_table_forget(t);
    return gone ? WEIR_SINK_ANEW : status;
}

/* With a constraint that may wait, which row is at fault would depend on where a transaction ends. */
static int judge_at_once(weir_pg_load *l, const weir_pg_table *t, weir_error *error) {
    if (!t->relation.deferrable || l->immediate) return WEIR_OK;
    int status = weir_pg_run(l->pg, "SET CONSTRAINTS ALL IMMEDIATE", error);
    l->immediate = status == WEIR_OK;
    return status;
}

int weir_pg_make_ready(weir_pg_load *l, weir_pg_table *t, weir_pg_occasion why, weir_error *error) {
    bool same = false;
    if (t->ready) return WEIR_OK;
    t->made = false;
    for (int looks = 0; looks < LOOKS && !same; looks++) {
        int status = t->known ? WEIR_OK : get_to_know(l, t, why, error);
        if (status == WEIR_OK) status = lock_table(l, t, &same, error);
        if (status != WEIR_OK) return status;
        t->known = same;
    }
    if (!same)
        return weir_fail(error, WEIR_BUSY, "table %s: somebody changes it again and again",
                         t->declaration->name);
    int status = judge_at_once(l, t, error);
    if (status != WEIR_OK) return status;
    t->ready = true;
    l->used[l->used_count++] = t->declaration->table;
    return WEIR_OK;
}

/* ---- declarations ---------------------------------------------------------------------------- */

static void note_shared(weir_pg_load *l, weir_pg_table *t) {
    for (size_t i = 0; i <= WEIR_TABLES_MAX; i++) {
        weir_pg_table *other = l->tables[i];
        if (!other || other == t ||
            !weir_names_equal(other->declaration->name, t->declaration->name))
            continue;
        other->shared = t->shared = true;
    }
}

int weir_pg_remember(weir_pg_load *l, const weir_declaration *d, weir_error *error) {
    weir_pg_table *t = calloc(1, sizeof *t);
    if (!t) return weir_fail(error, WEIR_NO_MEMORY, "table %s: no memory to remember it", d->name);
    int status =
        weir_declaration_make(d->table, d->name, d->column, d->columns, &t->declaration, error);
    if (status != WEIR_OK) {
        free(t);
        return status;
    }
    weir_pg_table_free(l->tables[d->table]);
    l->tables[d->table] = t;
    note_shared(l, t);
    return WEIR_OK;
}
