/* load.c - rows of blocks into tables of SQLite, in bulk, and exactly: windows of rows.
 *
 * Rows of the plainest tables go to the record copy (record_copy.h), which takes all of a transaction's,
 * or the transaction is done again without it. The others are fed (row_vtab.h): they are gathered into
 * windows, and a window is divided into groups of rows of one table (load_group.h). */
#include "load.h"

#include <stdlib.h>

#include "load_group.h"
#include "sqlite_error.h"

enum {
    WINDOW_ROWS = 32768,
    EXPECTED_ROWS = 1024,   /* to feed fewer costs less than to look at their tables first */
    WINDOW_BYTES = 8 << 20, /* a savepoint keeps what it changed; larger ones gain nothing */
};
#define PLACED ((size_t)1 << 63) /* in pending, while the window is sorted */

/* Count the rows of each table, and see whether their order across tables matters. */
static int survey_schema(weir_load *l, bool *ordered, size_t *tables, weir_error *error) {
    *ordered = false;
    *tables = 0;
    l->windows++;
    for (size_t i = 0; i < l->count; i++)
        l->tables[l->window[i].table]->pending = 0;
    for (size_t i = 0; i < l->count; i++) {
        weir_load_table *t = l->tables[l->window[i].table];
        if (t->pending++ > 0) continue;
        int status = weir_load_make_ready(l, t, WEIR_LOAD_HAS_ROWS, error);
        if (status != WEIR_OK) return status;
        weir_load_table *first = l->tables[t->first];
        *ordered |= t->traits.ordered || first->window == l->windows;
        first->window = l->windows;
        ++*tables;
    }
    return WEIR_OK;
}

static bool is_asked(const weir_load *l, const weir_row_vtab_row *row) {
    return l->asked && weir_outcomes_asked(l->outcomes, row->bytes, row->length);
}

/* How many rows of one table can be inserted together. A row with a question goes alone: only then
 * do the counts show its outcome. */
static size_t run_length(const weir_load *l, const weir_row_vtab_row *rows, size_t most) {
    size_t n = 1;
    if (is_asked(l, rows)) return 1;
    while (n < most && rows[n].table == rows[0].table && !is_asked(l, &rows[n]))
        n++;
    return n;
}

/* Tell the outcome of a row that went alone, as the counts have changed since before. Should the
 * transaction fail later, the row is fed again, and what is told then counts. */
static void tell_outcome(weir_load *l, const weir_row_vtab_row *row,
                         const weir_sink_counts *before) {
    weir_outcome outcome = WEIR_OUTCOME_INSERTED;
    if (l->counts.ignored > before->ignored) outcome = WEIR_OUTCOME_IGNORED;
    if (l->counts.rejected > before->rejected) outcome = WEIR_OUTCOME_REJECTED;
    weir_outcomes_tell(l->outcomes, row->bytes, row->length, outcome);
}

static int load_runs(weir_load *l, const weir_row_vtab_row *rows, weir_error *error) {
    int status = WEIR_OK;
    for (size_t at = 0, count; at < l->count && status == WEIR_OK; at += count) {
        weir_sink_counts before = l->counts;
        count = run_length(l, &rows[at], l->count - at);
        status = weir_load_group(l, l->tables[rows[at].table], &rows[at], count, error);
        if (status == WEIR_OK && is_asked(l, &rows[at])) tell_outcome(l, &rows[at], &before);
    }
    return status;
}

/* A stable counting sort: tables in the order of their first rows, and the rows of each in the
 * order of their numbers. */
static void sort_by_table(weir_load *l) {
    size_t place = 0;
    for (size_t i = 0; i < l->count; i++) {
        weir_load_table *t = l->tables[l->window[i].table];
        if (t->pending & PLACED) continue;
        size_t rows = t->pending;
        t->pending = place | PLACED;
        place += rows;
    }
    for (size_t i = 0; i < l->count; i++) {
        weir_load_table *t = l->tables[l->window[i].table];
        l->sorted[t->pending++ & ~PLACED] = l->window[i];
    }
}

static int load_window(weir_load *l, weir_error *error) {
    bool ordered;
    size_t tables;
    if (l->count == 0) return WEIR_OK;
    int status = survey_schema(l, &ordered, &tables, error);
    if (status != WEIR_OK) return status;
    bool sort = tables > 1 && !ordered;
    if (sort) sort_by_table(l);
    status = load_runs(l, sort ? l->sorted : l->window, error);
    l->counts.rows += l->count;
    l->count = 0;
    return status;
}

/* A row that is fed goes in before rows that wait in the transfer. So these go first if the row may
 * depend on them, or if its own table may have rows among them. */
static int feed_row(weir_load *l, weir_load_table *t, uint64_t number, const uint8_t *bytes,
                    size_t length, weir_error *error) {
    int status = weir_load_make_ready(l, t, WEIR_LOAD_HAS_ROWS, error);
    if (status == WEIR_OK && (t->traits.ordered || l->tables[t->first]->transferred))
        status = weir_load_end(l, error);
    if (status != WEIR_OK) return status;
    if (l->count == 0) l->first = number;
    uint16_t table = t->declaration->table;
    l->window[l->count] =
        (weir_row_vtab_row){bytes, (uint32_t)length, table, (uint16_t)(number - l->first)};
    l->count++;
    return WEIR_OK;
}

static int add_row(weir_load *l, uint64_t number, const uint8_t *bytes, size_t length,
                   weir_error *error) {
    weir_cursor c = weir_cursor_over(bytes, length);
    uint16_t table = weir_take_u16(&c);
    if (!weir_cursor_ok(&c) || table > WEIR_TABLES_MAX || !l->tables[table])
        return weir_fail(error, WEIR_DAMAGED,
                         "row %llu (block %llu) belongs to table number %u, which the "
                         "journal never declared",
                         (unsigned long long)number, (unsigned long long)l->header->block, table);
    weir_load_table *t = l->tables[table];
    if (t->slot < 0) return feed_row(l, t, number, bytes, length, error);
    if (!weir_record_copy_take(l->transfer, t->slot, bytes, length)) {
        /* Mostly because its key is not greater than all before. */
        l->jumps += weir_declaration_key(t->declaration) >= 0;
        return feed_row(l, t, number, bytes, length, error);
    }
    l->counts.rows++;
    if (l->asked) weir_outcomes_tell(l->outcomes, bytes, length, WEIR_OUTCOME_INSERTED);
    return WEIR_OK;
}

static bool window_is_full(const weir_load *l, uint64_t number, size_t bytes) {
    return l->count &&
           (l->count == WINDOW_ROWS || bytes >= WINDOW_BYTES || number - l->first == UINT16_MAX);
}

/* A window ends by its rows or by their bytes; it has one row at least, of whatever size. */
int weir_load_rows(weir_load *l, const weir_block_header *header, weir_cursor body,
                   weir_row_range range, weir_error *error) {
    const uint8_t *row;
    size_t length, bytes = 0; /* bytes: of the window's rows */
    l->header = header;
    l->count = 0;
    l->asked = weir_outcomes_any(l->outcomes);
    for (uint64_t number = header->first_row; number <= range.last; number++) {
        int more = weir_payload_next_row(&body, &row, &length);
        if (more < 0)
            return weir_fail(error, WEIR_DAMAGED, "row %llu (block %llu) is not valid",
                             (unsigned long long)number, (unsigned long long)header->block);
        if (more == 0) break;
        if (number < range.first) continue;
        int status = add_row(l, number, row, length, error);
        if (status != WEIR_OK) return status;
        bytes = l->count ? bytes + length : 0; /* rows that are transferred are in no window */
        if (!window_is_full(l, number, bytes)) continue;
        status = load_window(l, error);
        if (status != WEIR_OK) return status;
        bytes = 0;
    }
    return load_window(l, error);
}

/* ---- making ---------------------------------------------------------------------------------- */

int weir_load_make(weir_load *l, sqlite3 *db, weir_record_copy *transfer, weir_error *error) {
    l->db = db;
    l->transfer = transfer;
    l->window = malloc(WINDOW_ROWS * sizeof *l->window);
    l->sorted = malloc(WINDOW_ROWS * sizeof *l->sorted);
    if (!l->window || !l->sorted)
        return weir_fail(error, WEIR_NO_MEMORY, "no memory for the writer");
    int status = weir_sqlite_prepare(db, "SAVEPOINT weir_row_vtab", &l->savepoint, error);
    if (status == WEIR_OK)
        status = weir_sqlite_prepare(db, "RELEASE weir_row_vtab", &l->release, error);
    return status == WEIR_OK ? weir_sqlite_prepare(db, "ROLLBACK TO weir_row_vtab", &l->undo, error)
                             : status;
}

void weir_load_free(weir_load *l) {
    weir_load_free_tables(l);
    sqlite3_stmt *statements[] = {l->savepoint, l->release, l->undo, l->reject, l->no_change};
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
        (void)sqlite3_finalize(statements[i]); /* repeats the last step's code */
    free(l->window);
    free(l->sorted);
}

void weir_load_expect(weir_load *l, const weir_block_header *header, weir_cursor body) {
    const uint8_t *row;
    size_t length;
    if (header->rows < EXPECTED_ROWS) return;
    while (weir_payload_next_row(&body, &row, &length) == 1) {
        weir_cursor c = weir_cursor_over(row, length);
        uint16_t table = weir_take_u16(&c);
        if (weir_cursor_ok(&c) && table <= WEIR_TABLES_MAX)
            weir_load_look_ahead(l, l->tables[table]);
    }
}

bool weir_load_has_random_keys(const weir_load *l) { return l->indexed || l->jumping; }

void weir_load_begin(weir_load *l) {
    if (l->counts.rows)
        l->jumping = l->jumps > l->counts.rows / 4; /* without rows nothing is known */
    l->jumps = 0;
    l->counts = (weir_sink_counts){0};
    weir_load_offer_tables(l);
    weir_record_copy_begin(l->transfer);
}
