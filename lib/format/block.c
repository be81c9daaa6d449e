/* block.c - blocks as bytes: headers, stored payloads, and what a payload holds. */
#include "block.h"

#include <stdlib.h>
#include <xxhash.h>
#include <zstd.h>

#include "../base/room.h"
#include "shuffle.h"

enum {
    HASHED_BYTES = WEIR_BLOCK_HEADER - 8, /* the header but for its own hash */
    LEAST_ROW = 4 + WEIR_ROW_HEAD + 1,    /* length, head, and the tag of one NULL */
};

static const uint8_t magic[8] = {'W', 'E', 'I', 'R', 'B', 'L', 'K', '1'};
static const uint8_t zstd_magic[4] = {0x28, 0xB5, 0x2F, 0xFD};

uint64_t weir_hash(const void *bytes, size_t length) { return XXH3_64bits(bytes, length); }

/* ---- header ---- */

void weir_block_header_encode(uint8_t bytes[WEIR_BLOCK_HEADER], weir_block_header *h) {
    uint8_t *at = weir_put_bytes(bytes, magic, sizeof magic);
    at = weir_put_u16(at, WEIR_BLOCK_HEADER);
    at = weir_put_u16(at, h->version);
    at = weir_put_u16(at, h->kind);
    at = weir_put_u16(at, h->codec);
    at = weir_put_u32(at, h->incompatible);
    at = weir_put_u32(at, h->compatible);
    at = weir_put_bytes(at, h->journal, sizeof h->journal);
    at = weir_put_u64(at, h->incarnation);
    at = weir_put_u64(at, h->segment);
    at = weir_put_u64(at, h->offset);
    at = weir_put_u64(at, h->block);
    at = weir_put_u64(at, h->first_row);
    at = weir_put_u32(at, h->rows);
    at = weir_put_u32(at, h->stored_bytes);
    at = weir_put_u32(at, h->raw_bytes);
    at = weir_put_zeros(at, 4);
    at = weir_put_u64(at, (uint64_t)h->wall_ns);
    at = weir_put_u64(at, h->previous_hash);
    at = weir_put_u64(at, h->durable_block);
    at = weir_put_u64(at, h->payload_hash);
    at = weir_put_zeros(at, 24);
    h->hash = weir_hash(bytes, HASHED_BYTES);
    (void)weir_put_u64(at, h->hash); /* the last field: nothing follows */
}

/* Reads the fields after the version; false when bytes that must be zero are not. */
static bool take_fields(weir_cursor *c, weir_block_header *h) {
    h->kind = weir_take_u16(c);
    h->codec = weir_take_u16(c);
    h->incompatible = weir_take_u32(c);
    h->compatible = weir_take_u32(c);
    weir_take_copy(c, h->journal, sizeof h->journal);
    h->incarnation = weir_take_u64(c);
    h->segment = weir_take_u64(c);
    h->offset = weir_take_u64(c);
    h->block = weir_take_u64(c);
    h->first_row = weir_take_u64(c);
    h->rows = weir_take_u32(c);
    h->stored_bytes = weir_take_u32(c);
    h->raw_bytes = weir_take_u32(c);
    weir_take_zeros(c, 4);
    h->wall_ns = (int64_t)weir_take_u64(c);
    h->previous_hash = weir_take_u64(c);
    h->durable_block = weir_take_u64(c);
    h->payload_hash = weir_take_u64(c);
    weir_take_zeros(c, 24);
    h->hash = weir_take_u64(c);
    return weir_cursor_ok(c);
}

static bool kind_is_valid(const weir_block_header *h) {
    return h->kind >= WEIR_BLOCK_ROWS && h->kind <= WEIR_BLOCK_DECLARATIONS;
}

static bool place_is_valid(const weir_block_header *h) {
    return h->segment >= 1 && h->offset >= WEIR_BLOCK_ALIGN && h->offset % WEIR_BLOCK_ALIGN == 0 &&
           h->offset <= INT64_MAX - weir_block_extent(h);
}

/* A loop that counts up to a block's number, or to the next one, must end. */
static bool chain_is_valid(const weir_block_header *h) {
    if (h->block < 1 || h->block == UINT64_MAX) return false;
    return h->durable_block < h->block && (h->block > 1 || h->previous_hash == 0);
}

static bool rows_are_valid(const weir_block_header *h) {
    if (h->first_row < 1 || h->first_row > UINT64_MAX - h->rows) return false;
    if (h->kind != WEIR_BLOCK_ROWS) return h->rows == 0;
    return h->rows >= 1 && h->rows <= (h->raw_bytes - WEIR_PAYLOAD_HEAD) / LEAST_ROW;
}

static bool sizes_are_valid(const weir_block_header *h) {
    if (h->raw_bytes < WEIR_PAYLOAD_HEAD || h->raw_bytes > WEIR_RAW_MAX) return false;
    if (h->codec == WEIR_CODEC_RAW) return h->stored_bytes == h->raw_bytes;
    return h->stored_bytes >= 1 && h->stored_bytes < h->raw_bytes;
}

static bool codec_is_valid(const weir_block_header *h) {
    if (h->codec != WEIR_CODEC_SHUFFLED) return h->codec <= WEIR_CODEC_ZSTD;
    return h->kind == WEIR_BLOCK_ROWS && (h->incompatible & WEIR_FEATURE_SHUFFLED);
}

int weir_block_header_decode(const uint8_t bytes[WEIR_BLOCK_HEADER], weir_block_header *out) {
    if (weir_all_zero(bytes, WEIR_BLOCK_HEADER)) return WEIR_NOT_FOUND;
    weir_cursor c = weir_cursor_over(bytes, WEIR_BLOCK_HEADER);
    if (memcmp(weir_take(&c, sizeof magic), magic, sizeof magic) != 0) return WEIR_DAMAGED;
    bool length = weir_take_u16(&c) == WEIR_BLOCK_HEADER;
    weir_block_header h = {.version = weir_take_u16(&c)};
    bool zeros = take_fields(&c, &h);
    if (h.hash != weir_hash(bytes, HASHED_BYTES)) return WEIR_DAMAGED;
    /* Every version has magic, version, features and the hash in these places. */
    uint32_t unknown = h.incompatible & ~(uint32_t)(WEIR_FEATURE_TEMPLATES | WEIR_FEATURE_SHUFFLED);
    if (h.version > WEIR_FORMAT_VERSION || unknown) {
        *out = (weir_block_header){.version = h.version, .incompatible = unknown};
        return WEIR_VERSION;
    }
    bool fixed = length && zeros && h.version == WEIR_FORMAT_VERSION;
    if (!fixed || !kind_is_valid(&h) || !codec_is_valid(&h) || !sizes_are_valid(&h))
        return WEIR_DAMAGED;
    if (!place_is_valid(&h) || !chain_is_valid(&h) || !rows_are_valid(&h)) return WEIR_DAMAGED;
    *out = h;
    return WEIR_OK;
}

static uint64_t extent_of(uint64_t stored_bytes) {
    uint64_t pages = (WEIR_BLOCK_HEADER + stored_bytes + WEIR_BLOCK_ALIGN - 1) / WEIR_BLOCK_ALIGN;
    return pages * WEIR_BLOCK_ALIGN;
}

uint64_t weir_block_extent(const weir_block_header *h) { return extent_of(h->stored_bytes); }

/* ---- stored payload ---- */

struct weir_codec {
    ZSTD_CCtx *compress;
    ZSTD_DCtx *decompress;
    weir_shuffler *shuffler; /* NULL: there was nothing to shuffle yet */
    weir_room shuffled;
};

int weir_codec_make(int level, weir_codec **out) {
    *out = NULL;
    weir_codec *codec = calloc(1, sizeof *codec);
    if (!codec) return WEIR_NO_MEMORY;
    codec->compress = ZSTD_createCCtx();
    codec->decompress = ZSTD_createDCtx();
    if (!codec->compress || !codec->decompress) {
        weir_codec_free(codec);
        return WEIR_NO_MEMORY;
    }
    /* zstd clamps a level to its range, so this cannot fail on a fresh context. */
    (void)ZSTD_CCtx_setParameter(codec->compress, ZSTD_c_compressionLevel, level);
    *out = codec;
    return WEIR_OK;
}

void weir_codec_free(weir_codec *codec) {
    if (!codec) return;
    (void)ZSTD_freeCCtx(codec->compress); /* zstd documents no failure for contexts of its own */
    (void)ZSTD_freeDCtx(codec->decompress);
    weir_shuffler_free(codec->shuffler);
    free(codec->shuffled.bytes);
    free(codec);
}

size_t weir_sqlite_record_bound(size_t raw_bytes) { return ZSTD_compressBound(raw_bytes); }

static int make_shuffled_room(weir_codec *codec, size_t bytes) {
    if (!codec->shuffler) codec->shuffler = weir_shuffler_make();
    return codec->shuffler && weir_room_make(&codec->shuffled, bytes) ? WEIR_OK : WEIR_NO_MEMORY;
}

/* Messages of the logger gain most by it. Other rows are read by a writer that has less to do for
 * each of them, so there the time counts for more (docs/PERFORMANCE.md). */
static bool gains_by_shuffling(const weir_block_header *h, const uint8_t *raw, size_t raw_bytes) {
    weir_payload payload;
    return h->kind == WEIR_BLOCK_ROWS && (h->incompatible & WEIR_FEATURE_TEMPLATES) &&
           weir_payload_parse(raw, raw_bytes, &payload) && weir_has_template_rows(payload.body);
}

/* Size of the frame, or 0 where it would save no page of the file (or is not wanted, or zstd lacks
 * memory): then the bytes are stored as they are, which is always right, and quicker to read. The
 * same goes for shuffling: rows that it does not take, or no memory, leave them as they are. */
static size_t compress(weir_codec *codec, const uint8_t *raw, weir_block_header *h, uint8_t *stored,
                       size_t capacity) {
    uint64_t plain = extent_of(h->raw_bytes);
    if (!codec || plain == WEIR_BLOCK_ALIGN) return 0;
    bool shuffled =
        gains_by_shuffling(h, raw, h->raw_bytes) &&
        make_shuffled_room(codec, h->raw_bytes) == WEIR_OK &&
        weir_shuffle(codec->shuffler, raw, h->raw_bytes, h->rows, codec->shuffled.bytes) == WEIR_OK;
    size_t bytes = ZSTD_compress2(codec->compress, stored, capacity,
                                  shuffled ? codec->shuffled.bytes : raw, h->raw_bytes);
    if (ZSTD_isError(bytes) || extent_of(bytes) >= plain) return 0;
    h->codec = shuffled ? WEIR_CODEC_SHUFFLED : WEIR_CODEC_ZSTD;
    if (shuffled) h->incompatible |= WEIR_FEATURE_SHUFFLED;
    return bytes;
}

int weir_payload_encode(weir_codec *codec, const uint8_t *raw, size_t raw_bytes, uint8_t *stored,
                        size_t capacity, weir_block_header *h) {
    if (raw_bytes < WEIR_PAYLOAD_HEAD || raw_bytes > WEIR_RAW_MAX) return WEIR_MISUSE;
    if (capacity < weir_sqlite_record_bound(raw_bytes)) return WEIR_MISUSE;
    h->codec = WEIR_CODEC_RAW;
    h->raw_bytes = (uint32_t)raw_bytes;
    size_t bytes = compress(codec, raw, h, stored, capacity);
    if (!bytes) {
        memcpy(stored, raw, raw_bytes);
        bytes = raw_bytes;
    }
    h->stored_bytes = (uint32_t)bytes;
    h->payload_hash = weir_hash(stored, bytes);
    return WEIR_OK;
}

/* A block of zstd yields at most ZSTD_BLOCKSIZE_MAX bytes, and takes four: a head of three and one
 * to repeat (RFC 8878, 3.1.1.2). */
static bool can_hold(uint32_t stored_bytes, uint32_t raw_bytes) {
    return (raw_bytes - 1) / ZSTD_BLOCKSIZE_MAX < stored_bytes / 4;
}

/* zstd alone would also take several frames, skippable ones and those of old versions. */
bool weir_frame_is_whole(const uint8_t *stored, uint32_t stored_bytes, uint32_t raw_bytes) {
    weir_cursor c = weir_cursor_over(stored, stored_bytes);
    const uint8_t *start = weir_take(&c, sizeof zstd_magic);
    return start && memcmp(start, zstd_magic, sizeof zstd_magic) == 0 &&
           ZSTD_getFrameContentSize(stored, stored_bytes) == raw_bytes &&
           ZSTD_findFrameCompressedSize(stored, stored_bytes) == stored_bytes &&
           can_hold(stored_bytes, raw_bytes);
}

int weir_payload_verify(const weir_block_header *h, const uint8_t *stored) {
    if (weir_hash(stored, h->stored_bytes) != h->payload_hash) return WEIR_DAMAGED;
    if (h->codec == WEIR_CODEC_RAW) return WEIR_OK;
    bool whole = weir_frame_is_whole(stored, h->stored_bytes, h->raw_bytes);
    return whole ? WEIR_OK : WEIR_DAMAGED;
}

int weir_payload_decode(weir_codec *codec, const weir_block_header *h, const uint8_t *stored,
                        uint8_t *raw, const uint8_t **payload) {
    *payload = NULL;
    if (h->codec == WEIR_CODEC_RAW) {
        *payload = stored;
        return WEIR_OK;
    }
    bool shuffled = h->codec == WEIR_CODEC_SHUFFLED;
    if (shuffled && make_shuffled_room(codec, h->raw_bytes) != WEIR_OK) return WEIR_NO_MEMORY;
    size_t bytes = ZSTD_decompressDCtx(codec->decompress, shuffled ? codec->shuffled.bytes : raw,
                                       h->raw_bytes, stored, h->stored_bytes);
    if (bytes != h->raw_bytes) return WEIR_DAMAGED; /* an error of zstd is a huge number */
    int status = shuffled
                     ? weir_unshuffle(codec->shuffler, codec->shuffled.bytes, bytes, h->rows, raw)
                     : WEIR_OK;
    if (status == WEIR_OK) *payload = raw;
    return status;
}

/* ---- payload ---- */

size_t weir_payload_head_size(uint32_t lanes) {
    return WEIR_PAYLOAD_HEAD + (size_t)lanes * WEIR_LANE_ENTRY;
}

uint8_t *weir_payload_head_encode(uint8_t *at, const weir_id ring, const weir_lane_mark *marks,
                                  uint32_t lanes) {
    at = weir_put_bytes(at, ring, sizeof(weir_id));
    at = weir_put_u32(at, lanes);
    at = weir_put_u32(at, 0);
    for (uint32_t i = 0; i < lanes; i++) {
        at = weir_put_u32(at, marks[i].lane);
        at = weir_put_u32(at, 0);
        at = weir_put_u64(at, marks[i].position);
    }
    return at;
}

void weir_drained_copy(weir_drained *to, const weir_drained *from) {
    weir_id_copy(to->ring, from->ring);
    to->count = from->count;
    for (uint32_t i = 0; i < from->count; i++)
        to->marks[i] = from->marks[i];
}

/* Lanes below the limit, each at most once; they ascend, so one pass checks that. */
static bool lane_entries_are_valid(const weir_payload *p) {
    weir_cursor c = weir_cursor_over(p->lane_entries, (size_t)p->lanes * WEIR_LANE_ENTRY);
    uint32_t least = 0;
    for (uint32_t i = 0; i < p->lanes; i++) {
        uint32_t lane = weir_take_u32(&c);
        if (lane < least || lane >= WEIR_LANES_LIMIT) return false;
        least = lane + 1;
        weir_take_zeros(&c, 4);
        (void)weir_take_u64(&c); /* any position is legal here */
    }
    return weir_cursor_ok(&c);
}

bool weir_payload_parse(const uint8_t *raw, size_t bytes, weir_payload *out) {
    weir_cursor c = weir_cursor_over(raw, bytes);
    weir_take_copy(&c, out->ring, sizeof out->ring);
    out->lanes = weir_take_u32(&c);
    weir_take_zeros(&c, 4);
    if (!weir_cursor_ok(&c) || out->lanes > WEIR_LANES_LIMIT) return false;
    out->lane_entries = weir_take(&c, (size_t)out->lanes * WEIR_LANE_ENTRY);
    out->body = c;
    return out->lane_entries && lane_entries_are_valid(out);
}

weir_lane_mark weir_payload_lane(const weir_payload *p, uint32_t index) {
    weir_cursor c =
        weir_cursor_over(p->lane_entries + (size_t)index * WEIR_LANE_ENTRY, WEIR_LANE_ENTRY);
    weir_lane_mark mark = {.lane = weir_take_u32(&c)};
    weir_take_zeros(&c, 4);
    mark.position = weir_take_u64(&c);
    return mark;
}

void weir_payload_drained(const weir_payload *p, weir_drained *out) {
    weir_id_copy(out->ring, p->ring);
    out->count = p->lanes;
    for (uint32_t i = 0; i < p->lanes; i++)
        out->marks[i] = weir_payload_lane(p, i);
}

int weir_payload_next_row(weir_cursor *body, const uint8_t **row, size_t *bytes) {
    if (weir_cursor_ok(body) && weir_cursor_left(body) == 0) return 0;
    *bytes = weir_take_u32(body);
    *row = weir_take(body, *bytes);
    return weir_cursor_ok(body) ? 1 : -1;
}

bool weir_has_template_rows(weir_cursor body) {
    const uint8_t *row;
    size_t bytes;
    while (weir_payload_next_row(&body, &row, &bytes) == 1)
        if (weir_row_table(row, bytes) > WEIR_TABLES_MAX) return true;
    return false;
}

static int check_rows(weir_cursor body, uint32_t rows) {
    const uint8_t *row;
    size_t bytes;
    uint32_t count = 0;
    int more;
    while ((more = weir_payload_next_row(&body, &row, &bytes)) == 1)
        count++; /* cannot overflow: a row takes four bytes of less than 4 GiB */
    return more == 0 && count == rows ? WEIR_OK : WEIR_DAMAGED;
}

int weir_declaration_check(weir_cursor *body) {
    int status;
    if (weir_declares_template(*body)) {
        weir_template *t;
        status = weir_template_decode(body, &t);
        weir_template_free(t);
    } else {
        weir_declaration *d;
        status = weir_declaration_decode(body, &d);
        weir_declaration_free(d);
    }
    return status;
}

static int check_declarations(weir_cursor body, bool templates) {
    uint32_t count = weir_take_u32(&body);
    for (uint32_t i = 0; i < count; i++) {
        if (!templates && weir_declares_template(body)) return WEIR_DAMAGED;
        int status = weir_declaration_check(&body);
        if (status != WEIR_OK) return status;
    }
    return weir_cursor_ok(&body) && weir_cursor_left(&body) == 0 ? WEIR_OK : WEIR_DAMAGED;
}

int weir_payload_check(const weir_payload *p, const weir_block_header *h) {
    if (h->kind == WEIR_BLOCK_ROWS) return check_rows(p->body, h->rows);
    if (h->kind == WEIR_BLOCK_DECLARATIONS)
        return check_declarations(p->body, h->incompatible & WEIR_FEATURE_TEMPLATES);
    return weir_cursor_left(&p->body) == 0 ? WEIR_OK : WEIR_DAMAGED;
}
