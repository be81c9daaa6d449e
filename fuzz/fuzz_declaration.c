/* Aims at: weir_declaration_decode, weir_declaration_make, weir_declaration_encode,
 * weir_declaration_equal, weir_declaration_key, weir_declaration_check, weir_tables_merge,
 * weir_tables_payload, weir_tables_width. The input is the body of a declarations block: a u32 count, and so
 * many declarations, of tables and templates.
 *
 * Beyond memory: a declaration that is valid, encoded again, gives the same bytes; what
 * weir_declaration_make says of it is what weir_declaration_decode said; weir_declaration_check moves as
 * far; and tables that were written out and merged again are the same. */
#include <string.h>

#include "../lib/format/tables.h"
#include "harness.h"

static void go_round(const weir_declaration *d, const uint8_t *bytes, size_t length) {
    uint8_t *again = malloc(length);
    MUST(weir_declaration_size(d) == length);
    if (!again) return;
    MUST(weir_declaration_encode(again, d) == again + length);
    MUST(memcmp(again, bytes, length) == 0);
    free(again);
    weir_declaration *made;
    MUST(weir_declaration_make(d->table, d->name, d->column, d->columns, &made, NULL) == WEIR_OK);
    MUST(weir_declaration_equal(d, made) && weir_declaration_key(d) == weir_declaration_key(made));
    weir_declaration_free(made);
}

static bool one_table(weir_cursor *c) {
    weir_declaration *d;
    const uint8_t *begin = c->at;
    if (weir_declaration_decode(c, &d) != WEIR_OK) return false;
    go_round(d, begin, (size_t)(c->at - begin));
    weir_declaration_free(d);
    return true;
}

static bool one_template(weir_cursor *c) {
    weir_template *t;
    const uint8_t *begin = c->at;
    if (weir_template_decode(c, &t) != WEIR_OK) return false;
    MUST(t->length == (size_t)(c->at - begin) && memcmp(t->bytes, begin, t->length) == 0);
    weir_template_free(t);
    return true;
}

static void each(weir_cursor c) {
    bool valid = true;
    for (uint32_t n = weir_take_u32(&c); n > 0 && valid; n--) {
        weir_cursor checked = c;
        bool declared = weir_declaration_check(&checked) == WEIR_OK;
        valid = weir_declares_template(c) ? one_template(&c) : one_table(&c);
        MUST(valid == declared && (!valid || c.at == checked.at));
    }
}

static void check_width(const weir_tables *a, const weir_tables *b, size_t number) {
    MUST(weir_tables_width(a, (uint16_t)number) == weir_tables_width(b, (uint16_t)number));
}

static void check_same(const weir_tables *a, const weir_tables *b) {
    MUST(a->count == b->count && a->templates.held == b->templates.held);
    for (size_t i = 0; i < a->count; i++)
        check_width(a, b, a->list[i]->table);
    for (size_t i = 0; i < a->templates.count; i++)
        check_width(a, b, WEIR_TEMPLATE_FIRST + i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    weir_tables tables = {0};
    weir_drained drained = {0};
    uint8_t *payload;
    size_t bytes;
    weir_payload parsed;
    weir_block_header h = {.kind = WEIR_BLOCK_DECLARATIONS, .incompatible = WEIR_FEATURE_TEMPLATES};
    each(weir_cursor_over(data, size));
    (void)weir_tables_merge(&tables, weir_cursor_over(data, size)); /* what it kept counts */
    if (weir_tables_payload(&tables, &drained, &payload, &bytes) == WEIR_OK) {
        MUST(weir_payload_parse(payload, bytes, &parsed));
        MUST(weir_payload_check(&parsed, &h) == WEIR_OK);
        h.incompatible = 0;
        MUST((weir_payload_check(&parsed, &h) == WEIR_OK) == (tables.templates.held == 0));
        weir_tables again = {0};
        MUST(weir_tables_merge(&again, parsed.body) == WEIR_OK);
        check_same(&tables, &again);
        weir_tables_free(&again);
        free(payload);
    }
    weir_tables_free(&tables);
    return 0;
}
