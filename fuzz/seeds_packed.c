/* seeds_packed.c - packed segments for fuzz_packed, made by the packer itself. */
#include <string.h>
#include <unistd.h>

#include "../lib/format/row_encode.h"
#include "../pack/packer.h"
#include "harness.h"
#include "seeds_packed.h"

enum { SEGMENT = 7, ROOM = 1 << 17 };

/* Rows of one shape whose values are of every type and form; every ninth is of no shape. */
static uint8_t *put_row(uint8_t *at, unsigned i) {
    static const char *const names[] = {"household", "firm", "bank"};
    weir_value v[6] = {weir_int(i),
                       weir_int((int64_t)i * i * 70001),
                       weir_real(i * 0.25),
                       i % 4 ? weir_real(i / 3.0) : weir_null(),
                       weir_text(names[i % 3]),
                       weir_blob("\0\1\2\3\4\5\6", i % 8)};
    int status = WEIR_OK;
    size_t count = i % 9 ? 6 : 1, bytes = weir_row_size(v, count, &status);
    at = weir_put_u32(at, (uint32_t)bytes);
    (void)weir_row_encode(at, 1, v, count); /* its end is bytes further on */
    return at + bytes;
}

static size_t put_payload(uint8_t *raw, uint16_t kind, unsigned rows) {
    weir_id ring = {0xB2};
    weir_lane_mark mark = {0, 4711};
    uint8_t *at = weir_payload_head_encode(raw, ring, &mark, 1);
    if (kind == WEIR_BLOCK_DECLARATIONS) at = weir_put_u32(at, 0);
    for (unsigned i = 0; kind == WEIR_BLOCK_ROWS && i < rows; i++)
        at = put_row(at, i);
    return (size_t)(at - raw);
}

static void add_block(weir_packer *packer, weir_block_header *h, uint16_t kind, unsigned rows) {
    static uint8_t raw[ROOM];
    uint8_t head[WEIR_BLOCK_HEADER];
    int64_t result;
    h->kind = kind;
    h->rows = kind == WEIR_BLOCK_ROWS ? rows : 0;
    h->raw_bytes = h->stored_bytes = (uint32_t)put_payload(raw, kind, rows);
    h->payload_hash = weir_hash(raw, h->raw_bytes);
    weir_block_header_encode(head, h);
    MUST(weir_packer_add(packer, head, raw, &result) == WEIR_OK);
    h->previous_hash = h->hash;
    h->offset += weir_block_extent(h);
    h->first_row += h->rows;
    h->block++;
}

size_t seed_packed_bytes(uint8_t *into, size_t room, unsigned rows) {
    uint8_t segment[WEIR_SEGMENT_HEADER];
    weir_segment_header s = {.version = WEIR_FORMAT_VERSION,
                             .hash_algorithm = WEIR_HASH_XXH3_64,
                             .journal = {0xA1},
                             .incarnation = 1,
                             .segment = SEGMENT,
                             .bytes = 1 << 20,
                             .first_block = 1,
                             .first_row = 1};
    weir_block_header h = {.version = WEIR_FORMAT_VERSION,
                           .journal = {0xA1},
                           .incarnation = 1,
                           .segment = SEGMENT,
                           .offset = WEIR_BLOCK_ALIGN,
                           .block = 1,
                           .first_row = 1,
                           .wall_ns = 1000};
    weir_packer *packer;
    int64_t result;
    FILE *file = tmpfile();
    MUST(file);
    weir_segment_header_encode(segment, &s);
    MUST(weir_packer_make(weir_os_posix(), fileno(file), segment, s.bytes, &packer) == WEIR_OK);
    add_block(packer, &h, WEIR_BLOCK_DECLARATIONS, 0);
    for (int i = 0; i < 2; i++)
        add_block(packer, &h, WEIR_BLOCK_ROWS, rows);
    add_block(packer, &h, WEIR_BLOCK_MARK, 0);
    MUST(weir_packer_finish(packer, &result) == WEIR_OK);
    size_t bytes = (size_t)weir_packer_bytes(packer);
    MUST(bytes <= room && pread(fileno(file), into, bytes, 0) == (ssize_t)bytes);
    weir_packer_free(packer);
    MUST(fclose(file) == 0);
    return bytes;
}
