/* load_tables.c - the tables that weir_load puts rows into, and what it knows of each. */
#include "load_tables.h"

#include <stdlib.h>

#include "sqlite_error.h"

static void free_table(weir_load_table *t) {
    if (!t) return;
    (void)sqlite3_finalize(t->insert); /* repeats the last step's code */
    weir_declaration_free(t->declaration);
    free(t);
}

/* For a statement that can be undone by itself, SQLite copies every page that it changes, as for a
 * savepoint. With OR ROLLBACK a statement cannot be undone by itself. That this overrules the
 * schema's own conflict clauses changes no result: at the first conflict the transaction begins
 * again without it. */
static const char *insert_verb(const weir_load *l, const weir_load_table *t) {
    return weir_load_feeds_at_once(l, t) ? "INSERT OR ROLLBACK" : "INSERT";
}

static char *insert_text(const weir_declaration *d, const char *verb) {
    sqlite3_str *sql = sqlite3_str_new(NULL);
    sqlite3_str_appendf(sql, "%s INTO main.\"%w\"", verb, d->name);
    for (int i = 0; i < d->columns; i++)
        sqlite3_str_appendf(sql, "%s\"%w\"", i ? "," : "(", d->column[i].name);
    sqlite3_str_appendall(sql, ") SELECT ");
    for (int i = 0; i < d->columns; i++)
        sqlite3_str_appendf(sql, "%sc%d", i ? "," : "", i);
    /* The parentheses make it an error if an ordinary table has this name. */
    sqlite3_str_appendf(sql, " FROM weir_row_vtab_%u()", d->table);
    return sqlite3_str_finish(sql);
}

int weir_load_prepare_insert(weir_load *l, const weir_load_table *t, sqlite3_stmt **out,
                             weir_error *error) {
    const weir_declaration *d = t->declaration;
    char *sql = insert_text(d, insert_verb(l, t));
    *out = NULL;
    if (!sql)
        return weir_fail(error, WEIR_NO_MEMORY, "table %s: no memory for its statement", d->name);
    int code = sqlite3_prepare_v3(l->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
    sqlite3_free(sql);
    if (code == SQLITE_OK) return WEIR_OK;
    char doing[200];
    (void)sqlite3_snprintf(sizeof doing, doing, "table %s cannot take rows as it is", d->name);
    return weir_sqlite_fail(l->db, doing, error);
}

/* ---- making a table ready -------------------------------------------------------------------- */

/* This declaration may change the table. So rows of another declaration that wait in the transfer
 * go in before that. */
static int end_transfers(weir_load *l, const weir_load_table *t, weir_error *error) {
    if (!l->tables[t->first]->transferred) return WEIR_OK;
    int status = weir_load_end(l, error);
    weir_load_forget(l);
    return status;
}

/* The table fits, as t->traits say. */
static int prepare_table(weir_load *l, weir_load_table *t, weir_error *error) {
    const weir_declaration *d = t->declaration;
    int status =
        t->feed ? WEIR_OK : weir_row_vtab_make(l->db, d->table, d->columns, &t->feed, error);
    if (status != WEIR_OK) return status;
    (void)sqlite3_finalize(t->insert); /* it was made for an older schema */
    status = weir_load_prepare_insert(l, t, &t->insert, error);
    t->ready = status == WEIR_OK;
    l->unoffered |= t->ready;
    l->indexed |= t->ready && t->traits.indexed;
    return status;
}

/* A declaration comes before its rows and creates what is missing. If something is missing when the
 * rows come, somebody has renamed or dropped it, or the database is not the one that it was made in.
 * Only the first such thing in a transaction is reported. */
static void note_mended(weir_load *l, const weir_declaration *d, uint16_t added) {
    if (added == 0 || l->counts.mended) return;
    if (added == d->columns)
        (void)sqlite3_snprintf(sizeof l->mended, l->mended,
                               "table %s was not there and is made anew", d->name);
    else
        (void)sqlite3_snprintf(sizeof l->mended, l->mended,
                               "column %s of table %s was not there and is added, empty",
                               d->column[d->columns - added].name, d->name);
    l->counts.mended = l->mended;
}

int weir_load_make_ready(weir_load *l, weir_load_table *t, weir_load_occasion why,
                         weir_error *error) {
    uint16_t added;
    if (t->ready) return WEIR_OK;
    int status = end_transfers(l, t, error);
    if (status == WEIR_OK)
        status = weir_schema_ensure(l->db, t->declaration, &t->traits, &added, error);
    if (status != WEIR_OK) return status;
    if (why == WEIR_LOAD_HAS_ROWS) {
        note_mended(l, t->declaration, added);
        return prepare_table(l, t, error);
    }
    /* A trigger may need a table that is declared next: an error now is met again when rows
     * come. */
    (void)prepare_table(l, t, NULL);
    return WEIR_OK;
}

/* A table that does not fit, or an error, is met again inside the transaction, and reported there.
 * A table with several numbers also waits until then, since these are made ready in the order of
 * their rows. */
void weir_load_look_ahead(weir_load *l, weir_load_table *t) {
    bool fits;
    if (!t || t->ready || t->expected) return;
    t->expected = true;
    if (t->first != t->declaration->table) return;
    if (weir_schema_look(l->db, t->declaration, &fits, &t->traits, NULL) == WEIR_OK && fits)
        (void)prepare_table(l, t, NULL); /* weir_load_begin offers it */
}

/* ---- declarations ---------------------------------------------------------------------------- */

static uint16_t find_first(const weir_load *l, const weir_declaration *d) {
    for (size_t i = 0; i <= WEIR_TABLES_MAX; i++)
        if (l->tables[i] && sqlite3_stricmp(l->tables[i]->declaration->name, d->name) == 0)
            return l->tables[i]->first;
    return d->table;
}

static int remember(weir_load *l, const weir_declaration *d, weir_error *error) {
    weir_load_table *t = calloc(1, sizeof *t);
    if (!t) return weir_fail(error, WEIR_NO_MEMORY, "table %s: no memory to remember it", d->name);
    int status =
        weir_declaration_make(d->table, d->name, d->column, d->columns, &t->declaration, error);
    if (status != WEIR_OK) {
        free(t);
        return status;
    }
    t->slot = -1;
    t->first = find_first(l, d);
    free_table(l->tables[d->table]);
    l->tables[d->table] = t;
    return WEIR_OK;
}

int weir_load_declare(weir_load *l, const weir_declaration *d, weir_declare_when when,
                      weir_error *error) {
    if (d->table == 0 || d->table > WEIR_TABLES_MAX)
        return weir_fail(error, WEIR_DAMAGED,
                         "table %s: declared as number %u, which no journal gives", d->name,
                         d->table);
    weir_load_table *t = l->tables[d->table];
    bool known = t && weir_declaration_equal(t->declaration, d);
    int status = known || !t ? WEIR_OK : end_transfers(l, t, error); /* with the old declaration */
    if (status == WEIR_OK && !known) status = remember(l, d, error);
    return status == WEIR_OK && when == WEIR_DECLARE_NOW
               ? weir_load_make_ready(l, l->tables[d->table], WEIR_LOAD_DECLARED, error)
               : status;
}

/* ---- the transfer ---------------------------------------------------------------------------- */

static void offer(weir_load *l, weir_load_table *t) {
    if (!t || !t->ready || t->offered) return;
    weir_load_table *first = l->tables[t->first];
    bool plain = !t->traits.ordered && !t->traits.one_by_one && !first->transferred;
    t->slot = plain ? weir_record_copy_offer(l->transfer, t->declaration) : -1;
    first->transferred |= t->slot >= 0;
    t->offered = true;
}

void weir_load_offer_tables(weir_load *l) {
    for (size_t i = 0; l->unoffered && i <= WEIR_TABLES_MAX; i++)
        offer(l, l->tables[i]);
    l->unoffered = false;
}

/* A failure that may pass is returned as it is. After any other the transaction begins again, and
 * its rows are judged by feeding them: a rollback forgets which tables were offered. */
int weir_load_end(weir_load *l, weir_error *error) {
    int code = weir_record_copy_run(l->transfer);
    if (code == SQLITE_OK) return WEIR_OK;
    int status = weir_sqlite_status(code);
    if (status == WEIR_BUSY || status == WEIR_IO || status == WEIR_NO_SPACE ||
        status == WEIR_NO_MEMORY)
        return weir_sqlite_fail(l->db, "copying rows", error);
    return WEIR_SINK_ANEW;
}

void weir_load_forget(weir_load *l) {
    l->reject_ready = l->indexed = false;
    weir_record_copy_forget(l->transfer);
    for (size_t i = 0; i <= WEIR_TABLES_MAX; i++) {
        weir_load_table *t = l->tables[i];
        if (!t) continue;
        t->ready = t->expected = t->offered = t->transferred = false;
        t->slot = -1;
    }
}

void weir_load_free_tables(weir_load *l) {
    for (size_t i = 0; i <= WEIR_TABLES_MAX; i++)
        free_table(l->tables[i]);
}
