/* packed.c - the headers of a packed segment. */
#include "packed.h"

#include <string.h>

static const uint8_t file_magic[8] = {'W', 'E', 'I', 'R', 'P', 'A', 'K', '1'};
static const uint8_t group_magic[8] = {'W', 'E', 'I', 'R', 'P', 'K', 'G', '1'};

enum {
    HEADER_ZEROS = 176,
    GROUP_ZEROS = 8,
    HEAD_RAW_MOST = WEIR_PACKED_HEAD_WORDS * (WEIR_PACKED_GROUP_BLOCKS * 4 + 32),
};

/* ---- of the file ---- */

void weir_packed_header_encode(uint8_t at[WEIR_PACKED_HEADER], const weir_packed_header *h) {
    uint8_t *p = weir_put_bytes(at, file_magic, sizeof file_magic);
    p = weir_put_u16(p, WEIR_PACKED_HEADER);
    p = weir_put_u16(p, h->version);
    p = weir_put_u32(p, h->hash_algorithm);
    p = weir_put_u32(p, h->incompatible);
    p = weir_put_u32(p, h->compatible);
    p = weir_put_bytes(p, h->segment_header, sizeof h->segment_header);
    p = weir_put_u64(p, h->file_bytes);
    p = weir_put_u64(p, h->end.offset);
    p = weir_put_u64(p, h->end.block);
    p = weir_put_u64(p, h->end.hash);
    p = weir_put_u64(p, h->next_row);
    p = weir_put_u64(p, (uint64_t)h->last_wall_ns);
    p = weir_put_zeros(p, HEADER_ZEROS);
    (void)weir_put_u64(p, weir_hash(at, WEIR_PACKED_HEADER - 8)); /* the last field */
}

static bool header_is_valid(const weir_packed_header *h) {
    const weir_segment_header *s = &h->segment;
    return h->version == WEIR_PACKED_VERSION && h->hash_algorithm == WEIR_HASH_XXH3_64 &&
           h->file_bytes >= WEIR_BLOCK_ALIGN && h->file_bytes <= INT64_MAX &&
           h->end.offset >= WEIR_BLOCK_ALIGN && h->end.offset <= h->file_bytes &&
           h->end.offset % WEIR_BLOCK_ALIGN == 0 && h->end.block >= s->first_block &&
           h->end.block < UINT64_MAX && h->next_row >= s->first_row;
}

int weir_packed_header_decode(const uint8_t at[WEIR_PACKED_HEADER], weir_packed_header *out) {
    weir_packed_header h = {0};
    weir_cursor c = weir_cursor_over(at, WEIR_PACKED_HEADER);
    if (memcmp(weir_take(&c, sizeof file_magic), file_magic, sizeof file_magic) != 0)
        return WEIR_NOT_FOUND;
    bool fixed = weir_take_u16(&c) == WEIR_PACKED_HEADER;
    h.version = weir_take_u16(&c);
    h.hash_algorithm = weir_take_u32(&c);
    h.incompatible = weir_take_u32(&c);
    h.compatible = weir_take_u32(&c);
    weir_take_copy(&c, h.segment_header, sizeof h.segment_header);
    h.file_bytes = weir_take_u64(&c);
    h.end.offset = weir_take_u64(&c);
    h.end.block = weir_take_u64(&c);
    h.end.hash = weir_take_u64(&c);
    h.next_row = weir_take_u64(&c);
    h.last_wall_ns = (int64_t)weir_take_u64(&c);
    weir_take_zeros(&c, HEADER_ZEROS);
    if (weir_take_u64(&c) != weir_hash(at, WEIR_PACKED_HEADER - 8)) return WEIR_DAMAGED;
    if (h.version > WEIR_PACKED_VERSION || h.incompatible) return WEIR_VERSION;
    int status = weir_segment_header_decode(h.segment_header, &h.segment);
    if (status == WEIR_VERSION) return status;
    if (status != WEIR_OK || !fixed || !weir_cursor_ok(&c) || !header_is_valid(&h))
        return WEIR_DAMAGED;
    h.end.segment = h.segment.segment;
    *out = h;
    return WEIR_OK;
}

/* ---- of a group ---- */

void weir_packed_group_encode(uint8_t at[WEIR_PACKED_GROUP_HEADER], const weir_packed_group *g) {
    uint8_t *p = weir_put_bytes(at, group_magic, sizeof group_magic);
    p = weir_put_u64(p, g->segment);
    p = weir_put_u64(p, g->place);
    p = weir_put_u64(p, g->first_block);
    p = weir_put_u64(p, g->first_offset);
    p = weir_put_u64(p, g->end_offset);
    p = weir_put_u32(p, g->blocks);
    p = weir_put_u32(p, g->coding);
    p = weir_put_u32(p, g->heads_raw);
    p = weir_put_u32(p, g->heads_stored);
    p = weir_put_u32(p, g->plan_raw);
    p = weir_put_u32(p, g->plan_stored);
    p = weir_put_u32(p, g->rest_stored);
    p = weir_put_u32(p, g->raw_bytes);
    p = weir_put_u64(p, g->heads_hash);
    p = weir_put_u64(p, g->body_hash);
    p = weir_put_u64(p, g->raw_hash);
    p = weir_put_u64(p, g->previous_hash);
    p = weir_put_zeros(p, GROUP_ZEROS);
    (void)weir_put_u64(p, weir_hash(at, WEIR_PACKED_GROUP_HEADER - 8)); /* the last field */
}

/* A payload has at least its head, and a block at least one step of its segment. */
static bool counts_are_valid(const weir_packed_group *g) {
    uint64_t span = g->end_offset - g->first_offset;
    uint32_t most = g->blocks == 1 ? WEIR_RAW_MAX : WEIR_PACKED_GROUP_RAW;
    return g->blocks >= 1 && g->blocks <= WEIR_PACKED_GROUP_BLOCKS &&
           span / WEIR_BLOCK_ALIGN >= g->blocks && g->raw_bytes <= most &&
           g->raw_bytes / WEIR_PAYLOAD_HEAD >= g->blocks && g->heads_raw <= HEAD_RAW_MOST;
}

static bool coding_is_valid(const weir_packed_group *g) {
    if (g->coding == WEIR_PACKED_PLAIN) return g->plan_raw == g->raw_bytes && g->rest_stored == 0;
    return g->coding == WEIR_PACKED_COLUMNS && g->raw_bytes <= WEIR_PACKED_GROUP_RAW;
}

static bool stored_is_valid(uint32_t raw, uint32_t stored) { return stored >= 1 && stored <= raw; }

static bool group_is_valid(const weir_packed_group *g) {
    return g->segment >= 1 && g->place >= WEIR_PACKED_HEADER && g->place % WEIR_PACKED_ALIGN == 0 &&
           g->place <= INT64_MAX - weir_packed_extent(g) && g->first_block >= 1 &&
           g->first_block < UINT64_MAX - WEIR_PACKED_GROUP_BLOCKS &&
           g->first_offset >= WEIR_BLOCK_ALIGN && g->first_offset % WEIR_BLOCK_ALIGN == 0 &&
           g->end_offset > g->first_offset && g->end_offset % WEIR_BLOCK_ALIGN == 0 &&
           g->end_offset <= INT64_MAX && counts_are_valid(g) && coding_is_valid(g) &&
           stored_is_valid(g->heads_raw, g->heads_stored) &&
           stored_is_valid(g->plan_raw, g->plan_stored);
}

int weir_packed_group_decode(const uint8_t at[WEIR_PACKED_GROUP_HEADER], weir_packed_group *out) {
    weir_packed_group g;
    weir_cursor c = weir_cursor_over(at, WEIR_PACKED_GROUP_HEADER);
    if (memcmp(weir_take(&c, sizeof group_magic), group_magic, sizeof group_magic) != 0)
        return WEIR_DAMAGED;
    g.segment = weir_take_u64(&c);
    g.place = weir_take_u64(&c);
    g.first_block = weir_take_u64(&c);
    g.first_offset = weir_take_u64(&c);
    g.end_offset = weir_take_u64(&c);
    g.blocks = weir_take_u32(&c);
    g.coding = weir_take_u32(&c);
    g.heads_raw = weir_take_u32(&c);
    g.heads_stored = weir_take_u32(&c);
    g.plan_raw = weir_take_u32(&c);
    g.plan_stored = weir_take_u32(&c);
    g.rest_stored = weir_take_u32(&c);
    g.raw_bytes = weir_take_u32(&c);
    g.heads_hash = weir_take_u64(&c);
    g.body_hash = weir_take_u64(&c);
    g.raw_hash = weir_take_u64(&c);
    g.previous_hash = weir_take_u64(&c);
    weir_take_zeros(&c, GROUP_ZEROS);
    bool intact = weir_take_u64(&c) == weir_hash(at, WEIR_PACKED_GROUP_HEADER - 8);
    if (!intact || !weir_cursor_ok(&c) || !group_is_valid(&g)) return WEIR_DAMAGED;
    *out = g;
    return WEIR_OK;
}

uint64_t weir_packed_body(const weir_packed_group *g) {
    return (uint64_t)g->plan_stored + g->rest_stored;
}

uint64_t weir_packed_extent(const weir_packed_group *g) {
    uint64_t bytes = WEIR_PACKED_GROUP_HEADER + g->heads_stored + weir_packed_body(g);
    return (bytes + WEIR_PACKED_ALIGN - 1) / WEIR_PACKED_ALIGN * WEIR_PACKED_ALIGN;
}
