/* Aims at: weir_declaration_decode, weir_declaration_make, weir_declaration_encode,
 * weir_declaration_equal, weir_declaration_key, weir_tables_merge, weir_tables_payload. The input is
 * the body of a declarations block: a u32 count, and so many declarations.
 *
 * Beyond memory: a declaration that is valid, encoded again, gives the same bytes; and what
 * weir_declaration_make says of it is what weir_declaration_decode said. */
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

static void each(weir_cursor c) {
    for (uint32_t n = weir_take_u32(&c); n > 0; n--) {
        weir_declaration *d;
        const uint8_t *begin = c.at;
        if (weir_declaration_decode(&c, &d) != WEIR_OK) return;
        go_round(d, begin, (size_t)(c.at - begin));
        weir_declaration_free(d);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    weir_tables tables = {0};
    weir_drained drained = {0};
    uint8_t *payload;
    size_t bytes;
    weir_payload parsed;
    weir_block_header h = {.kind = WEIR_BLOCK_DECLARATIONS};
    each(weir_cursor_over(data, size));
    (void)weir_tables_merge(&tables, weir_cursor_over(data, size)); /* what it kept counts */
    if (weir_tables_payload(&tables, &drained, &payload, &bytes) == WEIR_OK) {
        MUST(weir_payload_parse(payload, bytes, &parsed));
        MUST(weir_payload_check(&parsed, &h) == WEIR_OK);
        free(payload);
    }
    weir_tables_free(&tables);
    return 0;
}
