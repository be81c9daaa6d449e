/* unpack.c - reads a packed segment as if it were the segment. */
#include "unpack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../packed/columns.h"
#include "../packed/packed.h"
#include "scan.h"

enum { NONE = -1 };

struct weir_unpacked {
    weir_scan scan; /* of the packed file, whose descriptor is the caller's */
    ZSTD_DCtx *zstd;
    uint8_t page[WEIR_BLOCK_ALIGN]; /* the segment's first bytes */
    weir_packed_group *groups;
    size_t count, capacity;
    int64_t heads_of, checked, body_of; /* which group; NONE */
    uint8_t *heads;                     /* 160 bytes for each block */
    weir_block_header *headers;
    uint32_t *raw_at; /* where in raw each block's payload begins */
    uint8_t *raw;
};

void weir_unpack_close(weir_unpacked *u) {
    if (!u) return;
    u->scan.file = -1; /* it is the caller's */
    weir_scan_free(&u->scan);
    (void)ZSTD_freeDCtx(u->zstd); /* zstd documents no failure for contexts of its own */
    free(u->groups);
    free(u->heads);
    free(u->headers);
    free(u->raw_at);
    free(u->raw);
    free(u);
}

/* ---- which groups there are ---- */

static bool add_group(weir_unpacked *u, const weir_packed_group *g) {
    if (u->count == u->capacity) {
        size_t wanted = u->capacity * 2 + 16;
        weir_packed_group *larger = realloc(u->groups, wanted * sizeof *larger);
        if (!larger) return false;
        u->groups = larger;
        u->capacity = wanted;
    }
    u->groups[u->count++] = *g;
    return true;
}

/* A group of this file, at this place, that comes after those before. */
static bool is_next_group(const weir_unpacked *u, const weir_packed_group *g, uint64_t segment,
                          uint64_t place) {
    const weir_packed_group *last = u->count ? &u->groups[u->count - 1] : NULL;
    if (g->place != place || (segment && g->segment != segment)) return false;
    if (weir_packed_extent(g) > u->scan.limit - place) return false;
    return !last || (g->segment == last->segment && g->first_offset >= last->end_offset &&
                     g->first_block >= last->first_block + last->blocks);
}

/* Where a group's header is damaged, the next one is sought. */
static int list_groups(weir_unpacked *u, uint64_t segment) {
    uint64_t place = WEIR_PACKED_HEADER;
    while (place + WEIR_PACKED_GROUP_HEADER <= u->scan.limit) {
        const uint8_t *bytes;
        weir_packed_group g;
        int status = weir_scan_bytes(&u->scan, place, WEIR_PACKED_GROUP_HEADER, &bytes);
        if (status != WEIR_OK) return status == WEIR_DAMAGED ? WEIR_OK : status;
        bool found =
            weir_packed_group_decode(bytes, &g) == WEIR_OK && is_next_group(u, &g, segment, place);
        if (found && !add_group(u, &g)) return WEIR_NO_MEMORY;
        place += found ? weir_packed_extent(&g) : WEIR_PACKED_ALIGN;
    }
    return WEIR_OK;
}

/* ---- opening ---- */

/* What the first bytes of the segment say: its header, if this one is whole; or that a newer version
 * wrote it, or that it is damaged. */
static void fill_page(weir_unpacked *u, int status, const weir_packed_header *h) {
    weir_segment_header newer = {.version = UINT16_MAX};
    if (status == WEIR_OK)
        memcpy(u->page, h->segment_header, WEIR_SEGMENT_HEADER);
    else if (status == WEIR_VERSION)
        weir_segment_header_encode(u->page, &newer);
    else
        memset(u->page, 0xFF, WEIR_SEGMENT_HEADER);
}

/* Groups are sought also behind a header of which nothing is left, but not in a segment as it is. */
static int open_unpacked(weir_unpacked *u, uint64_t *limit) {
    const uint8_t *bytes;
    weir_packed_header h = {0};
    weir_segment_header plain;
    int status = weir_scan_bytes(&u->scan, 0, WEIR_PACKED_HEADER, &bytes);
    if (status != WEIR_OK) return status == WEIR_DAMAGED ? WEIR_NOT_FOUND : status;
    status = weir_segment_header_decode(bytes, &plain);
    if (status == WEIR_OK || status == WEIR_VERSION) return WEIR_NOT_FOUND;
    status = WEIR_OK;
    int whole = weir_packed_header_decode(bytes, &h);
    fill_page(u, whole, &h);
    if (whole != WEIR_VERSION) status = list_groups(u, whole == WEIR_OK ? h.segment.segment : 0);
    if (status == WEIR_OK && whole == WEIR_NOT_FOUND && u->count == 0) return WEIR_NOT_FOUND;
    *limit = u->count ? u->groups[u->count - 1].end_offset : WEIR_BLOCK_ALIGN;
    if (whole == WEIR_OK) *limit = h.file_bytes;
    return status;
}

int weir_unpack_open(const weir_os *os, int file, uint64_t bytes, weir_unpacked **out,
                     uint64_t *limit) {
    weir_unpacked *u = calloc(1, sizeof *u);
    *out = NULL;
    if (!u) return WEIR_NO_MEMORY;
    weir_scan_make(&u->scan, os, WEIR_OS_CWD);
    u->scan.file = file;
    u->scan.limit = bytes;
    u->heads_of = u->checked = u->body_of = NONE;
    u->zstd = ZSTD_createDCtx();
    int status = u->zstd ? open_unpacked(u, limit) : WEIR_NO_MEMORY;
    if (status == WEIR_OK)
        *out = u;
    else
        weir_unpack_close(u);
    return status;
}

/* ---- headers ---- */

/* The first group that does not end at or before this offset of the segment; their number: none. */
static size_t first_group(const weir_unpacked *u, uint64_t offset) {
    size_t low = 0, high = u->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (u->groups[middle].end_offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The group that this offset of the segment is in; NONE. */
static int64_t group_at(const weir_unpacked *u, uint64_t offset) {
    size_t i = first_group(u, offset);
    return i < u->count && u->groups[i].first_offset <= offset ? (int64_t)i : NONE;
}

/* Do the headers fill the group, one after the other? */
static bool heads_agree(weir_unpacked *u, const weir_packed_group *g) {
    uint64_t offset = g->first_offset, raw = 0; /* 65536 blocks of a gigabyte, at most */
    for (uint32_t i = 0; i < g->blocks; i++) {
        const weir_block_header *h = &u->headers[i];
        if (h->block != g->first_block + i || h->offset != offset || h->segment != g->segment)
            return false;
        offset += weir_block_extent(h);
        u->raw_at[i] = (uint32_t)raw;
        raw += h->raw_bytes;
    }
    return offset == g->end_offset && raw == g->raw_bytes;
}

static int make_heads_room(weir_unpacked *u, uint32_t blocks) {
    free(u->heads);
    free(u->headers);
    free(u->raw_at);
    u->heads = malloc((size_t)blocks * WEIR_BLOCK_HEADER);
    u->headers = malloc((size_t)blocks * sizeof *u->headers);
    u->raw_at = malloc((size_t)blocks * sizeof *u->raw_at);
    return u->heads && u->headers && u->raw_at ? WEIR_OK : WEIR_NO_MEMORY;
}

static int decode_heads(weir_unpacked *u, const weir_packed_group *g, const uint8_t *stored) {
    weir_plan_reader plan;
    weir_plan_read(&plan, u->zstd, stored, g->heads_stored, g->heads_raw, g->heads_raw);
    int status = plan.status;
    if (status == WEIR_OK) status = make_heads_room(u, g->blocks);
    if (status == WEIR_OK) status = weir_heads_decode(&plan, g->previous_hash, g->blocks, u->heads);
    weir_plan_reader_free(&plan);
    for (uint32_t i = 0; status == WEIR_OK && i < g->blocks; i++) {
        const uint8_t *head = u->heads + (size_t)i * WEIR_BLOCK_HEADER;
        status = weir_block_header_decode(head, &u->headers[i]);
        if (status == WEIR_NOT_FOUND) status = WEIR_DAMAGED;
    }
    return status == WEIR_OK && !heads_agree(u, g) ? WEIR_DAMAGED : status;
}

static int load_heads(weir_unpacked *u, int64_t index) {
    if (index == NONE) return WEIR_DAMAGED;
    if (u->heads_of == index) return WEIR_OK;
    const weir_packed_group *g = &u->groups[index];
    const uint8_t *stored;
    u->heads_of = NONE;
    int status =
        weir_scan_bytes(&u->scan, g->place + WEIR_PACKED_GROUP_HEADER, g->heads_stored, &stored);
    if (status == WEIR_OK && weir_hash(stored, g->heads_stored) != g->heads_hash)
        status = WEIR_DAMAGED;
    if (status == WEIR_OK) status = decode_heads(u, g, stored);
    if (status == WEIR_OK) u->heads_of = index;
    return status;
}

/* Which block of the group begins there; its number of blocks: none. */
static uint32_t block_at(const weir_unpacked *u, const weir_packed_group *g, uint64_t offset) {
    uint32_t low = 0, high = g->blocks;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (u->headers[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low < g->blocks && u->headers[low].offset == offset ? low : g->blocks;
}

/* A group whose headers cannot be read is passed over. */
uint64_t weir_unpack_next(weir_unpacked *u, uint64_t from) {
    for (size_t i = first_group(u, from); i < u->count; i++) {
        const weir_packed_group *g = &u->groups[i];
        if (g->first_offset >= from) return g->first_offset;
        if (load_heads(u, (int64_t)i) != WEIR_OK) continue;
        uint32_t block = 0;
        while (block < g->blocks && u->headers[block].offset < from)
            block++;
        if (block < g->blocks) return u->headers[block].offset;
    }
    return UINT64_MAX;
}

int weir_unpack_bytes(weir_unpacked *u, uint64_t offset, size_t bytes, const uint8_t **out) {
    if (offset <= sizeof u->page && bytes <= sizeof u->page - offset) {
        *out = u->page + offset;
        return WEIR_OK;
    }
    int64_t index = group_at(u, offset);
    int status = bytes <= WEIR_BLOCK_HEADER ? load_heads(u, index) : WEIR_DAMAGED;
    if (status != WEIR_OK) return status;
    uint32_t i = block_at(u, &u->groups[index], offset);
    *out = u->heads + (size_t)i * WEIR_BLOCK_HEADER;
    return i < u->groups[index].blocks ? WEIR_OK : WEIR_DAMAGED;
}

/* ---- payloads ---- */

/* The stored bytes of a group, which agree with its hash. */
static int read_body(weir_unpacked *u, int64_t index, const uint8_t **body) {
    const weir_packed_group *g = &u->groups[index];
    size_t bytes = (size_t)weir_packed_body(g);
    int status = weir_scan_bytes(&u->scan, g->place + WEIR_PACKED_GROUP_HEADER + g->heads_stored,
                                 bytes, body);
    if (status == WEIR_OK && weir_hash(*body, bytes) != g->body_hash) status = WEIR_DAMAGED;
    if (status == WEIR_OK) u->checked = index;
    return status;
}

static int expand_columns(weir_unpacked *u, const weir_packed_group *g, const uint8_t *body) {
    weir_plan_reader plan;
    weir_plan_read(&plan, u->zstd, body, g->plan_stored, g->plan_raw,
                   weir_columns_budget(g->raw_bytes));
    plan.rest = weir_cursor_over(body + g->plan_stored, g->rest_stored);
    int status = plan.status;
    if (status == WEIR_OK) status = weir_columns_decode(&plan, u->headers, g->blocks, u->raw);
    weir_plan_reader_free(&plan);
    return status;
}

/* Memory only where the plan, or the frame, is long enough for what it claims. */
static int expand_body(weir_unpacked *u, const weir_packed_group *g, const uint8_t *body) {
    if (!weir_plan_expands(body, g->plan_stored, g->plan_raw)) return WEIR_DAMAGED;
    free(u->raw);
    u->raw = malloc((size_t)g->raw_bytes + WEIR_PACKED_SLACK);
    if (!u->raw) return WEIR_NO_MEMORY;
    int status = g->coding == WEIR_PACKED_COLUMNS
                     ? expand_columns(u, g, body)
                     : weir_plan_expand(u->zstd, body, g->plan_stored, u->raw, g->raw_bytes);
    if (status == WEIR_OK && weir_hash(u->raw, g->raw_bytes) != g->raw_hash) status = WEIR_DAMAGED;
    return status;
}

static int load_body(weir_unpacked *u, int64_t index) {
    if (u->body_of == index) return WEIR_OK;
    const uint8_t *body;
    u->body_of = NONE;
    int status = load_heads(u, index); /* first: reading them would move the body away */
    if (status == WEIR_OK) status = read_body(u, index, &body);
    if (status == WEIR_OK) status = expand_body(u, &u->groups[index], body);
    if (status == WEIR_OK) u->body_of = index;
    return status;
}

int weir_unpack_check(weir_unpacked *u, const weir_block_header *h) {
    const uint8_t *body;
    int64_t index = group_at(u, h->offset);
    if (index == NONE) return WEIR_DAMAGED;
    return u->checked == index ? WEIR_OK : read_body(u, index, &body);
}

int weir_unpack_payload(weir_unpacked *u, const weir_block_header *h, const uint8_t **raw) {
    int64_t index = group_at(u, h->offset);
    int status = index == NONE ? WEIR_DAMAGED : load_body(u, index);
    if (status == WEIR_OK) status = load_heads(u, index);
    if (status != WEIR_OK) return status;
    uint32_t block = block_at(u, &u->groups[index], h->offset);
    if (block == u->groups[index].blocks || u->headers[block].hash != h->hash) return WEIR_DAMAGED;
    *raw = u->raw + u->raw_at[block];
    return WEIR_OK;
}
