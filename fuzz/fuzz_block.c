/* Aims at: weir_block_header_decode, weir_block_header_encode, weir_block_extent,
 * weir_payload_verify, weir_payload_decode, weir_payload_parse, weir_payload_lane, weir_payload_check,
 * weir_payload_next_row, weir_row_decode, weir_unshuffle. The input is a header of 160 bytes and its stored payload.
 *
 * Beyond memory: a header that is valid, encoded again, gives the same bytes; a payload that is
 * checked has as many rows as its header says. Blocks of more than RAW_LIMIT raw bytes are left out:
 * they cost the fuzzer its speed, and tests/system/test_hostile.c has them. */
#include <string.h>

#include "harness.h"

enum { RAW_LIMIT = 4 << 20 };

static void count_rows(const weir_payload *payload, const weir_block_header *h) {
    static weir_value values[WEIR_COLUMNS_MAX];
    weir_cursor body = payload->body;
    const uint8_t *row;
    size_t bytes;
    uint16_t table, columns;
    uint32_t rows = 0;
    for (; weir_payload_next_row(&body, &row, &bytes) == 1; rows++)
        (void)weir_row_decode(row, bytes, &table, &columns, values); /* either answer is right */
    MUST(h->kind != WEIR_BLOCK_ROWS || rows == h->rows);
}

static void look_inside(const weir_block_header *h, const uint8_t *raw) {
    weir_payload payload;
    if (!weir_payload_parse(raw, h->raw_bytes, &payload)) return;
    for (uint32_t i = 0; i < payload.lanes; i++)
        MUST(weir_payload_lane(&payload, i).lane < WEIR_LANES_LIMIT);
    if (weir_payload_check(&payload, h) == WEIR_OK) count_rows(&payload, h);
}

static void decode(const weir_block_header *h, const uint8_t *stored) {
    static weir_codec *codec;
    const uint8_t *payload;
    if (!codec && weir_codec_make(1, &codec) != WEIR_OK) return;
    if (weir_payload_verify(h, stored) != WEIR_OK) return;
    uint8_t *raw = malloc(h->raw_bytes); /* exactly, so that a byte too many is seen */
    if (!raw) return;
    if (weir_payload_decode(codec, h, stored, raw, &payload) == WEIR_OK) look_inside(h, payload);
    free(raw);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    weir_block_header h;
    uint8_t again[WEIR_BLOCK_HEADER];
    if (size < WEIR_BLOCK_HEADER || weir_block_header_decode(data, &h) != WEIR_OK) return 0;
    weir_block_header copy = h;
    weir_block_header_encode(again, &copy);
    MUST(memcmp(again, data, sizeof again) == 0);
    MUST(weir_block_extent(&h) >= WEIR_BLOCK_HEADER + (uint64_t)h.stored_bytes);
    if (h.raw_bytes > RAW_LIMIT || h.stored_bytes > size - WEIR_BLOCK_HEADER) return 0;
    decode(&h, data + WEIR_BLOCK_HEADER);
    return 0;
}
