/* load.c - rows of journal blocks into tables of a PostgreSQL server: the transaction. */
#include "load.h"

#include <stdlib.h>

#include "load_state.h"

int weir_pg_load_make(const weir_pg_load_config *config, weir_pg_load **out, weir_error *error) {
    weir_pg_load *l = calloc(1, sizeof *l);
    *out = l;
    if (l) {
        l->pg = config->pg;
        l->row_numbers = config->row_numbers;
        l->rows_by_insert = config->rows_by_insert;
        l->schema = config->schema ? strdup(config->schema) : NULL;
    }
    if (l && (l->schema || !config->schema)) return WEIR_OK;
    weir_pg_load_free(l);
    *out = NULL;
    return weir_fail(error, WEIR_NO_MEMORY, "no memory for the rows of a transaction");
}

void weir_pg_load_free(weir_pg_load *load) {
    if (!load) return;
    for (size_t i = 0; i <= WEIR_TABLES_MAX; i++)
        weir_pg_table_free(load->tables[i]);
    weir_pg_bytes_free(&load->scratch);
    weir_pg_bytes_free(&load->rejects);
    free(load->schema);
    free(load);
}

void weir_pg_load_forget(weir_pg_load *load) {
    for (size_t i = 0; i <= WEIR_TABLES_MAX; i++)
        if (load->tables[i]) weir_pg_table_forget(load->tables[i]);
}

/* The table is declared otherwise from here on: its rows go first, and the transaction forgets it. */
static int take_leave(weir_pg_load *l, const weir_pg_table *t, weir_error *error) {
    uint16_t kept = 0;
    int status = weir_pg_flush_all(l, error);
    if (status == WEIR_OK) status = weir_pg_settle_doubts(t, error);
    if (status != WEIR_OK) return status;
    for (uint16_t i = 0; i < l->used_count; i++)
        if (l->tables[l->used[i]] != t) l->used[kept++] = l->used[i];
    l->used_count = kept;
    return WEIR_OK;
}

int weir_pg_load_declare(weir_pg_load *load, const weir_declaration *d, weir_declare_when when,
                         weir_error *error) {
    if (d->table == 0 || d->table > WEIR_TABLES_MAX)
        return weir_fail(error, WEIR_DAMAGED,
                         "table %s: declared as number %u, which no journal gives", d->name,
                         d->table);
    weir_pg_table *t = load->tables[d->table];
    bool known = t && weir_declaration_equal(t->declaration, d);
    int status = WEIR_OK;
    if (!known && t && t->ready) status = take_leave(load, t, error);
    if (!known && status == WEIR_OK) status = weir_pg_remember(load, d, error);
    if (status != WEIR_OK || when != WEIR_DECLARE_NOW) return status;
    t = load->tables[d->table];
    if (!t->ready) status = weir_pg_end_copy(load, error);
    return status == WEIR_OK ? weir_pg_make_ready(load, t, WEIR_PG_DECLARED, error) : status;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static int fail_bad_row(const weir_block_header *h, uint64_t number, weir_error *error) {
    return weir_fail(error, WEIR_DAMAGED, "row %llu (block %llu) is not valid",
                     (unsigned long long)number, (unsigned long long)h->block);
}

/* The table of a row that is not of the same table as the one before. Where the order of rows matters
 * across tables, those of the others go first. */
static int change_table(weir_pg_load *l, uint16_t number, weir_pg_table **out, weir_error *error) {
    weir_pg_table *t = number <= WEIR_TABLES_MAX ? l->tables[number] : NULL;
    int status = WEIR_OK;
    *out = t;
    if (!t)
        return weir_fail(error, WEIR_DAMAGED,
                         "a row belongs to table number %u, which the journal never declared",
                         number);
    if (!t->ready) {
        status = weir_pg_end_copy(l, error);
        if (status == WEIR_OK) status = weir_pg_make_ready(l, t, WEIR_PG_HAS_ROWS, error);
        if (status != WEIR_OK) return status;
    }
    bool ordered = t->relation.ordered || t->shared;
    if (l->last && (ordered || l->ordered)) status = weir_pg_flush_all(l, error);
    l->last = t;
    l->ordered |= ordered;
    return status;
}

int weir_pg_load_rows(weir_pg_load *load, const weir_block_header *header, weir_cursor body,
                      weir_row_range range, weir_error *error) {
    const uint8_t *row;
    size_t length;
    memcpy(load->journal, header->journal, sizeof load->journal);
    for (uint64_t number = header->first_row; number <= range.last; number++) {
        int more = weir_payload_next_row(&body, &row, &length);
        if (more < 0) return fail_bad_row(header, number, error);
        if (more == 0) break;
        if (number < range.first) continue;
        weir_pg_table *t = load->last;
        uint16_t table = weir_row_table(row, length);
        int status = WEIR_OK;
        if (!t || t->declaration->table != table) status = change_table(load, table, &t, error);
        if (status == WEIR_OK)
            status = weir_pg_take_row(load, t, header, number, row, length, error);
        if (status == WEIR_DAMAGED) return fail_bad_row(header, number, error);
        if (status != WEIR_OK) return status;
        load->counts.rows++;
    }
    return WEIR_OK;
}

/* ---- the end --------------------------------------------------------------------------------- */

static void end_transaction(weir_pg_load *l) {
    for (uint16_t i = 0; i < l->used_count; i++) {
        weir_pg_table *t = l->tables[l->used[i]];
        weir_pg_table_empty(l, t);
        t->ready = t->refused = t->took = false;
        t->doubts = 0;
    }
    l->used_count = 0;
    l->last = l->open = NULL;
    l->ordered = l->immediate = l->reject_there = false;
    l->rejects.length = l->rejects_waiting = 0;
    l->counts = (weir_sink_counts){0};
}

/* A partition is attached without waiting for our lock, and rows go into it at once: a foreign one would
 * keep them whatever becomes of the transaction. */
static int look_at_partitions(weir_pg_load *l, weir_error *error) {
    bool same;
    for (uint16_t i = 0; i < l->used_count; i++) {
        weir_pg_table *t = l->tables[l->used[i]];
        if (!t->relation.partitioned) continue;
        int status = weir_pg_relation_same(l->pg, &t->relation, &same, error);
        if (status != WEIR_OK) return status;
        if (same) continue;
        weir_pg_table_forget(t);
        return WEIR_SINK_ANEW;
    }
    return WEIR_OK;
}

static void learn(weir_pg_load *l) {
    for (uint16_t i = 0; i < l->used_count; i++) {
        weir_pg_table *t = l->tables[l->used[i]];
        t->was_there = true;
        if (t->refused)
            t->careful = WEIR_PG_CAREFUL;
        else if (t->careful)
            t->careful--;
    }
}

int weir_pg_load_finish(weir_pg_load *load, weir_sink_counts *counts, weir_error *error) {
    int status = weir_pg_flush_all(load, error);
    for (uint16_t i = 0; i < load->used_count && status == WEIR_OK; i++)
        status = weir_pg_settle_doubts(load->tables[load->used[i]], error);
    if (status == WEIR_OK) status = look_at_partitions(load, error);
    if (status == WEIR_OK) status = weir_pg_flush_rejects(load, error);
    if (status != WEIR_OK) return status;
    counts->rows = load->counts.rows;
    counts->rejected = load->counts.rejected;
    counts->ignored = load->counts.ignored;
    counts->mended = load->counts.mended;
    learn(load);
    end_transaction(load);
    return WEIR_OK;
}

/* The COPY must end before anything else can be said; what it brings is rolled back. So are tables and
 * columns that the transaction made. */
void weir_pg_load_rollback(weir_pg_load *load) {
    uint64_t rows;
    if (load->open && weir_pg_is_open(load->pg))
        (void)weir_pg_copy_end(load->pg, &rows, NULL); /* whether it fails or not */
    end_transaction(load);
    for (size_t i = 0; i <= WEIR_TABLES_MAX; i++)
        if (load->tables[i] && load->tables[i]->made) {
            weir_pg_table_forget(load->tables[i]);
            load->tables[i]->made = load->tables[i]->was_there = false;
        }
}
