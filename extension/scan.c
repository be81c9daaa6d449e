/* scan.c - rows that are durable in a journal and not applied. */
#include "scan.h"

#include <stdlib.h>
#include <strings.h>

#include "../recovery/summary.h"

enum { NOTHING_MORE = WEIR_PENDING };

static int fail_as_judged(const weir_sql_scan *s, weir_error *error) {
    const weir_inventory *i = &s->look.found.inventory;
    const char *text = i->detail[0] ? i->detail : weir_verdict_text(i->verdict);
    return weir_fail(error, weir_verdict_status(i->verdict), "%s", text);
}

/* May this journal's rows be shown beside this database? Where blocks are damaged, or the ring is
 * not as it should be, the rows before that are; the end of the scan says what is wrong. */
static int judge(const weir_sql_scan *s, weir_error *error) {
    weir_verdict verdict = s->look.found.inventory.verdict;
    switch (verdict) {
    case WEIR_VERDICT_ROT:
    case WEIR_VERDICT_CUT_RING:
    case WEIR_VERDICT_DAMAGED_RING:
    case WEIR_VERDICT_FOREIGN_RING:
    case WEIR_VERDICT_SPENT: return WEIR_OK;
    case WEIR_VERDICT_DATABASE_BEHIND:
        if (s->look.holder.is_there)
            return weir_fail(error, WEIR_BUSY,
                             "%s: rows were applied and left the journal after this connection's "
                             "transaction began; end the transaction (COMMIT or ROLLBACK), and "
                             "ask again",
                             s->directory);
        return fail_as_judged(s, error);
    default: return weir_verdict_refuses(verdict) ? fail_as_judged(s, error) : WEIR_OK;
    }
}

static int prepare(weir_sql_scan *s, sqlite3 *db, const weir_sql_place *place, weir_error *error) {
    int status = weir_sql_look_take(db, place, false, &s->look, error);
    if (status == WEIR_OK) status = judge(s, error);
    if (status != WEIR_OK) return status;
    const weir_inventory *i = &s->look.found.inventory;
    s->next = i->position.row + 1;
    status = weir_reader_make(weir_os_posix(), weir_inventory_locator(i), &s->reader);
    if (status == WEIR_OK) status = weir_expander_make(&s->tables.templates, &s->expander);
    if (status == WEIR_OK) weir_tables_read(&s->tables, i, s->reader);
    return status == WEIR_OK ? status : weir_fail(error, status, "no memory to read a journal");
}

int weir_sql_scan_make(sqlite3 *db, const weir_sql_place *place, weir_sql_scan **out,
                       weir_error *error) {
    weir_sql_scan *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s) return weir_fail(error, WEIR_NO_MEMORY, "no memory to read a journal");
    s->directory = place->directory;
    int status = prepare(s, db, place, error);
    if (status == WEIR_OK)
        *out = s;
    else
        weir_sql_scan_free(s);
    return status;
}

void weir_sql_scan_free(weir_sql_scan *s) {
    if (!s) return;
    weir_expander_free(s->expander);
    weir_tables_free(&s->tables);
    weir_reader_free(s->reader);
    weir_sql_look_release(&s->look);
    free(s);
}

/* ---- blocks ---- */

static int fail_missing(const weir_sql_scan *s, uint64_t last, weir_error *error) {
    if (weir_verdict_refuses(s->look.found.inventory.verdict)) return fail_as_judged(s, error);
    return weir_fail(error, WEIR_DAMAGED,
                     "%s: rows %llu to %llu are missing; run weir verify", s->directory,
                     (unsigned long long)s->next, (unsigned long long)last);
}

/* All durable blocks are read: is that all there should be? */
static int end_of_blocks(const weir_sql_scan *s, weir_error *error) {
    const weir_inventory *i = &s->look.found.inventory;
    uint64_t durable = weir_rows_durable(i);
    if (s->next <= durable) return fail_missing(s, durable, error);
    return weir_verdict_refuses(i->verdict) ? fail_as_judged(s, error) : NOTHING_MORE;
}

static int open_block(weir_sql_scan *s, uint64_t number, weir_error *error) {
    int status = weir_reader_read(s->reader, number, &s->read, error);
    if (status == WEIR_NOT_FOUND) /* a table's end must not look like the end of its rows */
        return weir_fail(error, WEIR_BUSY,
                         "%s: block %llu left the journal while it was read; ask again",
                         s->directory, (unsigned long long)number);
    if (status != WEIR_OK) return status;
    const weir_block_header *h = &s->read.header;
    s->block = number;
    if (h->kind == WEIR_BLOCK_DECLARATIONS)
        status = weir_tables_merge(&s->tables, s->read.payload.body);
    if (status != WEIR_OK)
        return weir_fail(error, status, "%s: block %llu: its declarations cannot be read",
                         s->directory, (unsigned long long)number);
    if (h->kind != WEIR_BLOCK_ROWS) return WEIR_OK;
    if (h->first_row > s->next) return fail_missing(s, h->first_row - 1, error);
    s->in_block = true;
    s->body = s->read.payload.body;
    s->number = h->first_row;
    return WEIR_OK;
}

static int next_block(weir_sql_scan *s, weir_error *error) {
    const weir_inventory *i = &s->look.found.inventory;
    uint64_t after = s->block > i->position.block ? s->block : i->position.block;
    if (after >= i->durable.block) return end_of_blocks(s, error);
    while (s->extent < i->extent_count && i->extents[s->extent].last_block <= after)
        s->extent++;
    if (s->extent == i->extent_count) return end_of_blocks(s, error);
    const weir_extent *e = &i->extents[s->extent];
    uint64_t number = e->first_block > after ? e->first_block : after + 1;
    return number <= i->durable.block ? open_block(s, number, error) : end_of_blocks(s, error);
}

/* ---- rows ---- */

static int fail_row(const weir_sql_scan *s, int status, weir_error *error) {
    return weir_fail(error, status,
                     "%s: row %llu in block %llu is not a valid row; run "
                     "weir verify",
                     s->directory, (unsigned long long)s->number, (unsigned long long)s->block);
}

/* A row of a template becomes one of its table. WEIR_NOT_FOUND: the block has no more. */
static int take_row(weir_sql_scan *s, weir_error *error) {
    uint32_t rows;
    weir_cursor made;
    const uint8_t *bytes;
    size_t length;
    int status = weir_expander_take(s->expander, &s->body, 1, &rows, &made);
    if (status == WEIR_OK && rows == 0) return WEIR_NOT_FOUND;
    if (status == WEIR_OK && weir_payload_next_row(&made, &bytes, &length) != 1)
        status = WEIR_DAMAGED;
    if (status == WEIR_OK &&
        !weir_row_decode(bytes, length, &s->row.table, &s->row.count, s->row.values))
        status = WEIR_DAMAGED;
    if (status != WEIR_OK) return fail_row(s, status, error);
    s->row.number = s->number++;
    s->row.wall_ns = s->read.header.wall_ns;
    s->row.declaration = weir_tables_find(&s->tables, s->row.table);
    s->next = s->number;
    return WEIR_OK;
}

/* Those that the database has of a block that is applied in part. */
static int skip_applied(weir_sql_scan *s) {
    const uint8_t *bytes;
    size_t length;
    while (s->number < s->next)
        if (weir_payload_next_row(&s->body, &bytes, &length) != 1)
            return WEIR_NOT_FOUND;
        else
            s->number++;
    return WEIR_OK;
}

static int next_row(weir_sql_scan *s, weir_error *error) {
    for (;;) {
        int status = WEIR_NOT_FOUND;
        if (s->in_block) status = skip_applied(s);
        if (status == WEIR_OK) status = take_row(s, error);
        if (status != WEIR_NOT_FOUND) return status;
        s->in_block = false;
        status = next_block(s, error);
        if (status != WEIR_OK) return status;
    }
}

int weir_sql_scan_next(weir_sql_scan *s, const char *table, weir_error *error) {
    for (;;) {
        int status = next_row(s, error);
        if (status != WEIR_OK || !table) return status;
        if (s->row.declaration && strcasecmp(s->row.declaration->name, table) == 0) return WEIR_OK;
    }
}
