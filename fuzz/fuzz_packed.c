/* Aims at: weir_packed_header_decode, weir_packed_group_decode, weir_heads_decode, weir_columns_decode,
 * weir_plan_read, weir_plan_take_stream, weir_plan_take_numbers, weir_packed_source_take,
 * weir_packed_source_next, weir_unpack_open. The input is a packed segment; its hashes are made
 * to agree first, group by group, unless its last byte is odd.
 *
 * Beyond memory: a header that is read is the one that stands at its offset, and a payload that is
 * read has as many bytes as its header says, and is read the same the second time. */
#include <string.h>

#include "../lib/format/names.h"
#include "../lib/packed/packed.h"
#include "../lib/verify/decode.h"
#include "harness.h"

enum { SEGMENT = 7, READ_MOST = 1 << 20 };

static uint32_t number_at(const uint8_t *at) {
    weir_cursor c = weir_cursor_over(at, 4);
    return weir_take_u32(&c);
}

static void seal(uint8_t *bytes, size_t length, size_t hashed) {
    if (length >= hashed + 8) (void)weir_put_u64(bytes + hashed, weir_hash(bytes, hashed));
}

/* The hashes of a group at place. Returns where the next one is. */
static size_t seal_group(uint8_t *data, size_t size, size_t place) {
    uint8_t *g = data + place;
    size_t left = size - place - WEIR_PACKED_GROUP_HEADER;
    size_t heads = number_at(g + 60), body = (size_t)number_at(g + 68) + number_at(g + 72);
    if (heads > left) heads = left;
    if (body > left - heads) body = left - heads;
    (void)weir_put_u64(g + 80, weir_hash(g + WEIR_PACKED_GROUP_HEADER, heads));
    (void)weir_put_u64(g + 88, weir_hash(g + WEIR_PACKED_GROUP_HEADER + heads, body));
    seal(g, WEIR_PACKED_GROUP_HEADER, WEIR_PACKED_GROUP_HEADER - 8);
    size_t bytes = WEIR_PACKED_GROUP_HEADER + heads + body;
    return place + (bytes + WEIR_PACKED_ALIGN - 1) / WEIR_PACKED_ALIGN * WEIR_PACKED_ALIGN;
}

static void seal_all(uint8_t *data, size_t size) {
    if (size < WEIR_PACKED_HEADER) return;
    seal(data + 24, WEIR_SEGMENT_HEADER, WEIR_SEGMENT_HEADER - 8);
    seal(data, WEIR_PACKED_HEADER, WEIR_PACKED_HEADER - 8);
    for (size_t at = WEIR_PACKED_HEADER; at + WEIR_PACKED_GROUP_HEADER <= size;)
        at = seal_group(data, size, at);
}

static void read_twice(weir_scan *scan, weir_decoder *decoder, const weir_block_header *h) {
    const uint8_t *raw;
    weir_payload payload;
    if (weir_decoder_raw(decoder, scan, h, &raw) != WEIR_OK) return;
    uint64_t hash = weir_hash(raw, h->raw_bytes);
    MUST(weir_decoder_raw(decoder, scan, h, &raw) == WEIR_OK);
    MUST(weir_hash(raw, h->raw_bytes) == hash);
    (void)weir_decoder_read(decoder, scan, h, &payload); /* either answer is right */
}

static void read_blocks(weir_scan *scan) {
    weir_identity whose = {.segment = SEGMENT};
    weir_decoder decoder = {0};
    weir_block_header h;
    uint64_t at = WEIR_BLOCK_ALIGN, above = 0, total = 0;
    while (total < READ_MOST && weir_scan_next(scan, &whose, at, above, &h) == WEIR_OK) {
        MUST(h.offset >= at && h.block > above && h.segment == SEGMENT);
        total += h.raw_bytes;
        read_twice(scan, &decoder, &h);
        at = h.offset + weir_block_extent(&h);
        above = h.block;
    }
    weir_decoder_free(&decoder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[WEIR_PATH_MAX];
    const uint8_t *bytes;
    uint8_t *copy = malloc(size + 1);
    if (!copy || size == 0) {
        free(copy);
        return 0;
    }
    memcpy(copy, data, size);
    if (data[size - 1] % 2 == 0) seal_all(copy, size);
    fuzz_container one = {
        .files = {{.kind = FUZZ_SEGMENT, .number = SEGMENT, .data = copy, .bytes = size}},
        .count = 1};
    weir_position *positions;
    size_t count;
    memory_os m;
    memory_os_make(&m);
    memory_os_load(&m, &one, &positions, &count);
    m.table.packed = true;
    weir_numbered_path(path, MEMORY_DIRECTORY, "segment", SEGMENT);
    weir_scan scan;
    weir_scan_make(&scan, &m.table, WEIR_OS_CWD);
    MUST(weir_scan_open(&scan, path) >= 0);
    if (scan.packed) {
        MUST(weir_scan_bytes(&scan, 0, WEIR_SEGMENT_HEADER, &bytes) == WEIR_OK);
        read_blocks(&scan);
    }
    weir_scan_free(&scan);
    memory_os_free(&m);
    free(positions);
    return 0;
}
