/* Aims at: weir_template_decode, weir_template_encode, weir_template_equal, weir_conversion_next,
 * weir_format_values, weir_text_format, weir_text_object, weir_expander_take, weir_has_template_rows.
 * The input is a list of templates, and behind them rows as a block's body has them.
 *
 * Beyond memory: a template that is valid, encoded again from its sources and decoded again, has the
 * same sources; what comes out of rows are valid rows of the templates' tables, with as many columns,
 * the same whether they are taken one by one or together; texts have at most 4095 bytes, and those of
 * objects are JSON, as SQLite reads it. Of rows that would become more than ROOM bytes none is expanded. */
#include <sqlite3.h>
#include <string.h>

#include "../lib/format/block.h"
#include "../lib/format/expand.h"
#include "harness.h"

enum { TEMPLATES = 8, ROWS = 16, ROOM = 8 << 20 };

/* ---- templates ---- */

static bool same_value(const weir_value *a, const weir_value *b) {
    if (a->type != b->type || a->length != b->length) return false;
    if (a->type == WEIR_INTEGER || a->type == WEIR_REAL) return memcmp(&a->as, &b->as, 8) == 0;
    return a->length == 0 || memcmp(a->as.bytes, b->as.bytes, a->length) == 0;
}

static bool same_source(const weir_source *a, const weir_source *b) {
    return a->kind == b->kind && same_value(&a->constant, &b->constant) && a->first == b->first &&
           a->count == b->count && a->length == b->length &&
           (a->length == 0 || memcmp(a->bytes, b->bytes, a->length) == 0);
}

static void go_round(const weir_template *t) {
    size_t room =
        weir_template_encode(NULL, t->number, t->parameters, t->table, t->source, t->columns);
    uint8_t *bytes = malloc(room);
    if (!bytes) return;
    size_t size =
        weir_template_encode(bytes, t->number, t->parameters, t->table, t->source, t->columns);
    MUST(size <= room && size <= t->length); /* writers use the least width */
    weir_cursor c = weir_cursor_over(bytes, size);
    weir_template *again;
    MUST(weir_template_decode(&c, &again) == WEIR_OK && weir_cursor_left(&c) == 0);
    MUST(again->number == t->number && again->parameters == t->parameters);
    MUST(again->table == t->table && again->columns == t->columns);
    for (unsigned i = 0; i < t->columns; i++)
        MUST(same_source(&t->source[i], &again->source[i]));
    MUST(size != t->length || weir_template_equal(t, again));
    weir_template_free(again);
    free(bytes);
}

static void take_templates(weir_cursor *c, weir_templates *all) {
    for (unsigned i = 0; i < TEMPLATES && weir_declares_template(*c); i++) {
        weir_template *t;
        if (weir_template_decode(c, &t) != WEIR_OK) return;
        go_round(t);
        MUST(weir_templates_keep(all, t) == WEIR_OK);
    }
}

/* ---- rows ---- */

/* No value of it is in a row more often than the widest template has columns. */
static bool stays_small(const weir_templates *all, size_t bytes) {
    for (size_t i = 0; i < all->count; i++)
        if (all->list[i] && bytes * all->list[i]->columns > ROOM) return false;
    return true;
}

static void check_json(const weir_value *v) {
    static sqlite3 *db;
    static sqlite3_stmt *valid;
    if (!db) {
        MUST(sqlite3_open(":memory:", &db) == SQLITE_OK);
        MUST(sqlite3_prepare_v2(db, "SELECT json_valid(?1)", -1, &valid, NULL) == SQLITE_OK);
    }
    MUST(sqlite3_bind_text(valid, 1, v->as.bytes, (int)v->length, SQLITE_STATIC) == SQLITE_OK);
    MUST(sqlite3_step(valid) == SQLITE_ROW && sqlite3_column_int(valid, 0) == 1);
    (void)sqlite3_reset(valid); /* repeats the step's code */
}

static void check_made(const weir_template *t, const weir_value *values, uint16_t table,
                       uint16_t columns) {
    MUST(table == t->table && columns == t->columns);
    for (unsigned i = 0; i < columns; i++) {
        weir_source_kind kind = t->source[i].kind;
        if (kind == WEIR_SOURCE_CONSTANT) MUST(same_value(&values[i], &t->source[i].constant));
        if (kind != WEIR_SOURCE_FORMAT && kind != WEIR_SOURCE_OBJECT) continue;
        MUST(values[i].type == WEIR_TEXT && values[i].length < WEIR_TEXT_MAX);
        if (kind == WEIR_SOURCE_OBJECT) check_json(&values[i]);
    }
}

/* One row that was taken, as it was and as it came out. */
static void check_row(const weir_templates *all, weir_cursor was, weir_cursor is) {
    static weir_value values[WEIR_COLUMNS_MAX];
    const uint8_t *before, *after;
    size_t bytes, length;
    uint16_t table, columns;
    MUST(weir_payload_next_row(&was, &before, &bytes) == 1);
    MUST(weir_payload_next_row(&is, &after, &length) == 1 && weir_cursor_left(&is) == 0);
    uint16_t number = weir_row_table(before, bytes);
    if (number <= WEIR_TABLES_MAX) {
        MUST(bytes == length && memcmp(before, after, bytes) == 0);
        return;
    }
    MUST(weir_row_decode(after, length, &table, &columns, values));
    check_made(weir_templates_find(all, number), values, table, columns);
}

/* One by one, into copy. Returns how many. */
static uint32_t take_one_by_one(const weir_templates *all, weir_expander *x, weir_cursor body,
                                uint8_t *copy, size_t *size) {
    uint32_t rows = 0, taken = 1;
    weir_cursor out;
    *size = 0;
    while (rows < ROWS) {
        weir_cursor was = body;
        if (weir_expander_take(x, &body, 1, &taken, &out) != WEIR_OK) {
            MUST(taken == 0 && body.at == was.at);
            break;
        }
        if (taken == 0) break;
        check_row(all, was, out);
        MUST(weir_cursor_left(&out) <= 2 * (size_t)ROOM - *size);
        memcpy(copy + *size, out.at, weir_cursor_left(&out));
        *size += weir_cursor_left(&out);
        rows++;
    }
    return rows;
}

/* In larger parts the same comes out. */
static void take_together(weir_expander *x, weir_cursor body, uint32_t rows, const uint8_t *copy,
                          size_t size) {
    size_t at = 0;
    weir_cursor out;
    while (rows > 0) {
        uint32_t taken;
        MUST(weir_expander_take(x, &body, rows, &taken, &out) == WEIR_OK);
        MUST(taken >= 1 && taken <= rows && weir_cursor_left(&out) <= size - at);
        MUST(memcmp(out.at, copy + at, weir_cursor_left(&out)) == 0);
        at += weir_cursor_left(&out);
        rows -= taken;
    }
    MUST(at == size);
}

static void expand(const weir_templates *all, weir_cursor body) {
    static uint8_t copy[2 * ROOM];
    weir_expander *x;
    size_t size;
    MUST(weir_expander_make(all, &x) == WEIR_OK);
    uint32_t rows = take_one_by_one(all, x, body, copy, &size);
    take_together(x, body, rows, copy, size);
    (void)weir_has_template_rows(body); /* either answer is right */
    weir_expander_free(x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    weir_templates all = {0};
    weir_cursor c = weir_cursor_over(data, size);
    take_templates(&c, &all);
    if (stays_small(&all, weir_cursor_left(&c))) expand(&all, c);
    weir_templates_free(&all);
    return 0;
}
