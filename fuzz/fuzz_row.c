/* Aims at: weir_row_decode, weir_row_size, weir_row_encode. The input is one row.
 *
 * Beyond memory: a row that is valid, encoded again and decoded again, has the same values. */
#include <string.h>

#include "../lib/format/row_encode.h"
#include "harness.h"

static bool same(const weir_value *a, const weir_value *b) {
    if (a->type != b->type) return false;
    if (a->type == WEIR_INTEGER) return a->as.integer == b->as.integer;
    if (a->type == WEIR_REAL) return memcmp(&a->as.real, &b->as.real, sizeof a->as.real) == 0;
    if (a->type == WEIR_NULL) return true;
    return a->length == b->length &&
           (a->length == 0 || memcmp(a->as.bytes, b->as.bytes, a->length) == 0);
}

static void go_round(uint16_t table, uint16_t count, const weir_value *values, size_t former) {
    static weir_value again[WEIR_COLUMNS_MAX];
    uint16_t table_again, count_again;
    int status = WEIR_OK;
    size_t bytes = weir_row_size(values, count, &status);
    MUST(status == WEIR_OK && bytes <= former); /* writers use the least width */
    MUST(weir_row_bound(values, count) >= bytes);
    uint8_t *row = malloc(bytes + WEIR_ROW_SLACK);
    if (!row) return;
    (void)weir_row_encode(row, table, values, count); /* its end is checked by decoding */
    MUST(weir_row_decode(row, bytes, &table_again, &count_again, again));
    MUST(table == table_again && count == count_again);
    for (unsigned i = 0; i < count; i++)
        MUST(same(&values[i], &again[i]));
    free(row);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static weir_value values[WEIR_COLUMNS_MAX];
    uint16_t table, count;
    if (weir_row_decode(data, size, &table, &count, values)) go_round(table, count, values, size);
    return 0;
}
