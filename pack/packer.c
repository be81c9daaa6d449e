/* packer.c - writes a packed segment, group by group. */
#include "packer.h"

#include <stdlib.h>
#include <string.h>

#include "columns_write.h"

struct weir_packer {
    const weir_os *os;
    int file;
    ZSTD_CCtx *zstd;
    weir_packed_header header;
    weir_pack_buffer heads, raw; /* of the group at hand */
    weir_block_header *headers;
    uint32_t count, capacity;
    uint64_t previous_hash, place;
    weir_pack_buffer out; /* the group as it is written */
};

int weir_packer_make(const weir_os *os, int file, const uint8_t segment[WEIR_SEGMENT_HEADER],
                     uint64_t file_bytes, weir_packer **out) {
    weir_packer *p = calloc(1, sizeof *p);
    *out = p;
    if (!p) return WEIR_NO_MEMORY;
    p->os = os;
    p->file = file;
    p->place = WEIR_PACKED_HEADER;
    p->header = (weir_packed_header){.version = WEIR_PACKED_VERSION,
                                     .hash_algorithm = WEIR_HASH_XXH3_64,
                                     .file_bytes = file_bytes};
    memcpy(p->header.segment_header, segment, WEIR_SEGMENT_HEADER);
    int status = weir_segment_header_decode(segment, &p->header.segment);
    p->previous_hash = p->header.segment.before.hash;
    p->zstd = ZSTD_createCCtx();
    if (status == WEIR_OK && !p->zstd) status = WEIR_NO_MEMORY;
    if (status != WEIR_OK) {
        weir_packer_free(p);
        *out = NULL;
        return status;
    }
    /* Cannot fail: the level is one that zstd has. */
    (void)ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_compressionLevel, WEIR_PLAN_LEVEL);
    return WEIR_OK;
}

void weir_packer_free(weir_packer *p) {
    if (!p) return;
    (void)ZSTD_freeCCtx(p->zstd); /* zstd documents no failure for contexts of its own */
    weir_pack_buffer_free(&p->heads);
    weir_pack_buffer_free(&p->raw);
    weir_pack_buffer_free(&p->out);
    free(p->headers);
    free(p);
}

uint64_t weir_packer_bytes(const weir_packer *p) { return p->place; }

/* ---- one group ---- */

static int put_heads(weir_packer *p, weir_packed_group *g) {
    weir_plan_writer plan = {.zstd = p->zstd, .inlined = true};
    weir_heads_encode(p->heads.bytes, p->count, &plan);
    bool failed = weir_plan_failed(&plan);
    if (!failed) {
        size_t before = p->out.count;
        g->heads_raw = (uint32_t)plan.plan.count;
        g->heads_stored =
            (uint32_t)weir_plan_compress(p->zstd, plan.plan.bytes, plan.plan.count, &p->out);
        failed = g->heads_stored == 0;
        if (!failed) g->heads_hash = weir_hash(p->out.bytes + before, g->heads_stored);
    }
    weir_plan_writer_free(&plan);
    return failed ? WEIR_NO_MEMORY : WEIR_OK;
}

/* The plan and, behind it, the rest. */
static int put_columns(weir_packer *p, weir_packed_group *g) {
    weir_plan_writer plan = {.zstd = p->zstd};
    int status = weir_columns_encode(p->headers, p->count, p->raw.bytes, &plan);
    if (status == WEIR_OK) {
        g->coding = WEIR_PACKED_COLUMNS;
        g->plan_raw = (uint32_t)plan.plan.count;
        g->plan_stored =
            (uint32_t)weir_plan_compress(p->zstd, plan.plan.bytes, plan.plan.count, &p->out);
        g->rest_stored = (uint32_t)plan.rest.count;
        weir_pack_bytes(&p->out, plan.rest.bytes, plan.rest.count);
    }
    weir_plan_writer_free(&plan);
    return p->out.failed ? WEIR_NO_MEMORY : status;
}

static int put_plain(weir_packer *p, weir_packed_group *g) {
    g->coding = WEIR_PACKED_PLAIN;
    g->plan_raw = g->raw_bytes;
    g->rest_stored = 0;
    g->plan_stored = (uint32_t)weir_plan_compress(p->zstd, p->raw.bytes, p->raw.count, &p->out);
    return p->out.failed ? WEIR_NO_MEMORY : WEIR_OK;
}

/* As columns; where these save little, plain if that is smaller. */
static int put_body(weir_packer *p, weir_packed_group *g) {
    size_t before = p->out.count;
    bool large = g->raw_bytes > WEIR_PACKED_GROUP_RAW;
    int status = large ? put_plain(p, g) : put_columns(p, g);
    size_t bytes = p->out.count - before;
    if (status == WEIR_OK && !large && bytes > g->raw_bytes / 2) {
        weir_packed_group plain = *g;
        status = put_plain(p, &plain);
        if (status == WEIR_OK && plain.plan_stored < bytes) {
            memmove(p->out.bytes + before, p->out.bytes + before + bytes, plain.plan_stored);
            *g = plain;
        }
        p->out.count = before + weir_packed_body(g);
    }
    if (status == WEIR_OK) g->body_hash = weir_hash(p->out.bytes + before, p->out.count - before);
    return status;
}

static int write_packed_group(weir_packer *p, const weir_packed_group *g, int64_t *result) {
    uint64_t extent = weir_packed_extent(g);
    size_t padding = (size_t)(extent - p->out.count);
    uint8_t *at = weir_pack_room(&p->out, padding);
    if (!at) return WEIR_NO_MEMORY;
    (void)weir_put_zeros(at, padding); /* the last bytes */
    weir_packed_group_encode(p->out.bytes, g);
    *result = weir_write_full(p->os, p->file, p->out.bytes, (size_t)extent, p->place);
    if (*result < 0) return WEIR_IO;
    p->place += extent;
    return WEIR_OK;
}

static int flush_group(weir_packer *p, int64_t *result) {
    if (p->count == 0) return WEIR_OK;
    const weir_block_header *first = &p->headers[0], *last = &p->headers[p->count - 1];
    weir_packed_group g = {.segment = first->segment,
                           .place = p->place,
                           .first_block = first->block,
                           .first_offset = first->offset,
                           .end_offset = last->offset + weir_block_extent(last),
                           .blocks = p->count,
                           .raw_bytes = (uint32_t)p->raw.count,
                           .raw_hash = weir_hash(p->raw.bytes, p->raw.count),
                           .previous_hash = p->previous_hash};
    p->out.count = 0;
    uint8_t *head = weir_pack_room(&p->out, WEIR_PACKED_GROUP_HEADER);
    if (!head) return WEIR_NO_MEMORY;
    p->out.count = WEIR_PACKED_GROUP_HEADER;
    int status = put_heads(p, &g);
    if (status == WEIR_OK) status = put_body(p, &g);
    if (status == WEIR_OK) status = write_packed_group(p, &g, result);
    p->previous_hash = last->hash;
    p->count = 0;
    p->heads.count = p->raw.count = 0;
    return status;
}

/* ---- blocks ---- */

static weir_block_header *room_for_header(weir_packer *p) {
    if (p->count == p->capacity) {
        uint32_t wanted = p->capacity * 2 + 64;
        weir_block_header *larger = realloc(p->headers, wanted * sizeof *larger);
        if (!larger) return NULL;
        p->headers = larger;
        p->capacity = wanted;
    }
    return &p->headers[p->count];
}

int weir_packer_add(weir_packer *p, const uint8_t header[WEIR_BLOCK_HEADER], const uint8_t *raw,
                    int64_t *result) {
    weir_block_header h;
    int status = weir_block_header_decode(header, &h);
    if (status != WEIR_OK) return status;
    bool full =
        p->raw.count + h.raw_bytes > WEIR_PACKER_GROUP || p->count == WEIR_PACKED_GROUP_BLOCKS;
    if (full) status = flush_group(p, result);
    if (status != WEIR_OK) return status;
    weir_block_header *at = room_for_header(p);
    if (!at) return WEIR_NO_MEMORY;
    *at = h;
    p->count++;
    weir_pack_bytes(&p->heads, header, WEIR_BLOCK_HEADER);
    weir_pack_bytes(&p->raw, raw, h.raw_bytes);
    p->header.end = (weir_log_end){h.segment, h.offset + weir_block_extent(&h), h.block, h.hash};
    p->header.next_row = h.first_row + h.rows;
    p->header.last_wall_ns = h.wall_ns;
    return p->heads.failed || p->raw.failed ? WEIR_NO_MEMORY : WEIR_OK;
}

int weir_packer_finish(weir_packer *p, int64_t *result) {
    int status = flush_group(p, result);
    if (status != WEIR_OK) return status;
    uint8_t bytes[WEIR_PACKED_HEADER];
    weir_packed_header_encode(bytes, &p->header);
    *result = weir_write_full(p->os, p->file, bytes, sizeof bytes, 0);
    return *result < 0 ? WEIR_IO : WEIR_OK;
}
