/* Aims at: weir_shuffle, weir_unshuffle. The input is a u32, the number of rows, and a payload,
 * shuffled or not.
 *
 * Beyond memory: what is taken for a shuffled payload is exactly what shuffling makes of the payload
 * that it becomes, and the other way round; the rows of that payload are valid and as many as were
 * told. */
#include <string.h>

#include "../lib/format/shuffle.h"
#include "harness.h"

enum { MOST = 1 << 20 };

static weir_shuffler *shuffler;

static void check_rows(const uint8_t *raw, size_t bytes, uint32_t rows) {
    static weir_value values[WEIR_COLUMNS_MAX];
    weir_payload payload;
    const uint8_t *row;
    size_t row_bytes;
    uint16_t table, columns;
    MUST(weir_payload_parse(raw, bytes, &payload));
    for (uint32_t i = 0; i < rows; i++) {
        MUST(weir_payload_next_row(&payload.body, &row, &row_bytes) == 1);
        MUST(weir_row_decode(row, row_bytes, &table, &columns, values));
    }
    MUST(weir_cursor_left(&payload.body) == 0);
}

/* to and again: as many bytes, exactly, so that one too many is seen. */
static void both_ways(const uint8_t *from, size_t bytes, uint32_t rows, uint8_t *to,
                      uint8_t *again) {
    int status = weir_unshuffle(shuffler, from, bytes, rows, to);
    MUST(status == WEIR_OK || status == WEIR_DAMAGED);
    if (status == WEIR_OK) {
        check_rows(to, bytes, rows);
        MUST(weir_shuffle(shuffler, to, bytes, rows, again) == WEIR_OK);
        MUST(memcmp(again, from, bytes) == 0);
    }
    status = weir_shuffle(shuffler, from, bytes, rows, to);
    MUST(status == WEIR_OK || status == WEIR_DAMAGED);
    if (status == WEIR_OK) {
        check_rows(from, bytes, rows);
        MUST(weir_unshuffle(shuffler, to, bytes, rows, again) == WEIR_OK);
        MUST(memcmp(again, from, bytes) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    weir_cursor c = weir_cursor_over(data, size);
    uint32_t rows = weir_take_u32(&c);
    size_t bytes = weir_cursor_left(&c);
    if (!weir_cursor_ok(&c) || bytes > MOST) return 0;
    if (!shuffler && !(shuffler = weir_shuffler_make())) return 0;
    uint8_t *to = malloc(bytes + !bytes), *again = malloc(bytes + !bytes);
    if (to && again) both_ways(c.at, bytes, rows, to, again);
    free(to);
    free(again);
    return 0;
}
