/* declare.c - tables. A declaration is a record like any other: it goes through the lane of the
 * thread that declares, so it comes before every row that could refer to it, and needs no sync
 * of its own. */
#include <stdlib.h>

#include "core.h"

static weir_table *find_declared(const weir *w, const weir_declaration *d) {
    for (uint16_t i = 1; i <= w->table_count; i++)
        if (w->tables[i] && weir_declaration_equal(w->tables[i]->declaration, d))
            return w->tables[i];
    return NULL;
}

static int publish_declaration(weir *w, const weir_declaration *d, weir_error *error) {
    size_t bytes = weir_declaration_size(d);
    uint8_t *body = malloc(bytes);
    if (!body) return weir_fail(error, WEIR_NO_MEMORY, "no memory to declare %s", d->name);
    (void)weir_declaration_encode(body, d);
    int status = weir_append_record(w, WEIR_RECORD_DECLARATION, body, bytes, NULL);
    free(body);
    if (status == WEIR_OK) return status;
    return weir_fail(error, status, "declaring %s: %s", d->name, weir_status_text(status));
}

static weir_table *table_memory(weir *w) {
    weir_table *t = w->idle_tables;
    if (!t) return calloc(1, sizeof *t);
    w->idle_tables = t->next_idle;
    return t;
}

/* A table of the database may be declared more than once, with other columns or with its name in
 * other case, and has one sequence of keys all the same. */
static weir_table *find_keys(const weir *w, const weir_declaration *d) {
    for (uint16_t i = 1; i <= w->table_count; i++)
        if (w->tables[i] && w->tables[i]->key >= 0 &&
            weir_names_equal(w->tables[i]->declaration->name, d->name))
            return w->tables[i]->keys;
    return NULL;
}

static void count_key_columns(weir *w, weir_table *t, int64_t next_key) {
    weir_table *keys = find_keys(w, t->declaration);
    t->keys = keys ? keys : t;
    if (!keys)
        atomic_store_explicit(&t->next_key, next_key, memory_order_relaxed);
    else
        weir_table_raise_key(t, next_key);
}

static int add_table(weir *w, weir_declaration *d, int64_t next_key, weir_table **out,
                     weir_error *error) {
    weir_table *t = table_memory(w);
    if (!t) return weir_fail(error, WEIR_NO_MEMORY, "no memory to declare %s", d->name);
    t->w = w;
    t->generation = w->generation;
    t->number = d->table;
    t->columns = d->columns;
    t->key = weir_declaration_key(d);
    t->declaration = d;
    count_key_columns(w, t, next_key);
    w->tables[d->table] = t;
    if (d->table > w->table_count) w->table_count = d->table;
    *out = t;
    return WEIR_OK;
}

/* Keys are chosen here, so every row that came before must be in the table when its greatest key
 * is read. */
static int wait_for_backlog(weir *w, const weir_declaration *d, weir_error *error) {
    if (weir_declaration_key(d) < 0) return WEIR_OK;
    int status = weir_sync(w, WEIR_APPLIED, w->options.open_timeout_ms);
    if (status == WEIR_OK) return status;
    if (status != WEIR_PENDING)
        return weir_fail(error, status, "declaring %s: %s", d->name, weir_status_text(status));
    return weir_fail(error, WEIR_BUSY,
                     "declaring %s: the database is locked, or rows of a former run still wait to "
                     "be applied, and the table's next key depends on them; try again later or "
                     "raise open_timeout_ms",
                     d->name);
}

static int check_declaration(weir *w, const weir_declaration *d, int64_t *next_key,
                             weir_error *error) {
    *next_key = 1;
    const weir_attached *s = &w->sinks[0];
    if (!weir_is_hooked(s)) return WEIR_OK;
    int status = wait_for_backlog(w, d, error);
    return status == WEIR_OK ? s->hooks.check(s->hooks.self, d, next_key, error) : status;
}

/* Numbers are never given to another table while the journal lives: a row whose declaration was
 * lost must not end in a table that had its number before. A table that the journal knows needs
 * no record. */
static uint16_t number_for(const weir *w, const weir_declaration *d, bool *known) {
    for (uint16_t i = 1; i <= w->table_count; i++)
        if (w->known[i] && weir_declaration_equal(w->known[i], d)) {
            *known = true;
            return i;
        }
    *known = false;
    return (uint16_t)(w->table_count + 1);
}

static int declare_new(weir *w, weir_declaration *d, weir_table **out, weir_error *error) {
    bool known;
    int64_t next_key;
    d->table = number_for(w, d, &known);
    if (d->table > WEIR_TABLES_MAX)
        return weir_fail(error, WEIR_MISUSE,
                         "declaring %s: this journal has had %d different declarations, its limit; "
                         "let it be applied and closed, then remove %s",
                         d->name, WEIR_TABLES_MAX, w->directory);
    int status = check_declaration(w, d, &next_key, error);
    if (status == WEIR_OK && !known) status = publish_declaration(w, d, error);
    return status == WEIR_OK ? add_table(w, d, next_key, out, error) : status;
}

static int declare_locked(weir *w, const char *name, const weir_column *columns, size_t count,
                          weir_table **out, weir_error *error) {
    weir_declaration *d;
    int status = weir_declaration_make(1, name, columns, count, &d, error);
    if (status != WEIR_OK) return status;
    *out = find_declared(w, d);
    if (!*out) {
        status = declare_new(w, d, out, error);
        if (status == WEIR_OK) return status; /* the table keeps the declaration */
    }
    weir_declaration_free(d);
    return status;
}

int weir_declare(weir *w, const char *name, const weir_column *columns, size_t count,
                 weir_table **out) {
    weir_error error = {0};
    if (out) *out = NULL;
    if (!w || !name || !columns || !out)
        return weir_misuse("weir_declare", !w         ? "w is NULL"
                                           : !name    ? "name is NULL"
                                           : !columns ? "columns is NULL"
                                                      : "out is NULL");
    int held;
    int status = weir_call_enter(w, WEIR_CALL_OPEN, &held);
    if (status != WEIR_OK) {
        (void)weir_fail(&error, status, "declaring %s: %s", name, weir_status_text(status));
        return weir_publish_error(&error);
    }
    (void)pthread_mutex_lock(&w->declaring); /* fails only for a mutex that was never made */
    status = declare_locked(w, name, columns, count, out, &error);
    (void)pthread_mutex_unlock(&w->declaring);
    weir_call_exit(w, held);
    return status < 0 ? weir_publish_error(&error) : status;
}

weir *weir_table_handle(weir_table *t) { return t->w; }
const weir_declaration *weir_table_declaration(weir_table *t) { return t->declaration; }
