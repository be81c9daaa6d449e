/* reseal.c - the mutator for containers: change something, then make agree what vouches for it.
 *
 * A format with checksums rejects nearly all that a plain mutator makes, so that the checksum is all
 * that gets tested. Here the files of a container are changed at the level of the format: bytes
 * anywhere, fields of headers, payloads in their raw form (decompressed, changed, compressed again),
 * bodies of ring records, whole pages moved. Then hashes, lengths, places and the block chain are made
 * to agree again; each of these seals is sometimes left broken, for the paths that find it so.
 *
 * With WEIR_FUZZ_PLAIN set the bytes are changed and nothing else is done, to compare. */
#include "reseal.h"

#include <string.h>

#include "../lib/ring/lane.h"
#include "../lib/ring/ring.h"
#include "harness.h"

enum { RAW_MAX = 1 << 16, HEADER_HASH_AT = WEIR_BLOCK_HEADER - 8 };

static uint32_t state; /* xorshift32, from the seed of each call */

uint32_t reseal_number(uint32_t below) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % below;
}

void reseal_seed(unsigned seed) { state = (uint32_t)seed * 2654435761u | 1; }

static uint64_t load64(const uint8_t *at) {
    weir_cursor c = weir_cursor_over(at, 8);
    return weir_take_u64(&c);
}
static uint32_t load32(const uint8_t *at) {
    weir_cursor c = weir_cursor_over(at, 4);
    return weir_take_u32(&c);
}
static void store64(uint8_t *at, uint64_t value) { (void)weir_put_u64(at, value); }
static void store32(uint8_t *at, uint32_t value) { (void)weir_put_u32(at, value); }

/* ---- blocks ------------------------------------------------------------------------------ */

bool reseal_is_block(const uint8_t *at, size_t room) {
    return room >= WEIR_BLOCK_HEADER && memcmp(at, "WEIRBLK1", 8) == 0;
}

void reseal_block_hashes(uint8_t *at, size_t room) {
    uint32_t stored = load32(at + 84);
    if (stored <= room - WEIR_BLOCK_HEADER)
        store64(at + 120, weir_hash(at + WEIR_BLOCK_HEADER, stored));
    store64(at + HEADER_HASH_AT, weir_hash(at, HEADER_HASH_AT));
}

static weir_codec *codec(void) {
    static weir_codec *shared;
    if (!shared) (void)weir_codec_make(1, &shared); /* NULL is looked for where it is used */
    return shared;
}

/* The raw payload of a block into raw; 0 when it has none. */
static size_t open_payload(const uint8_t *at, size_t room, uint8_t raw[RAW_MAX]) {
    uint32_t stored = load32(at + 84), raw_bytes = load32(at + 88);
    bool plain = at[14] != WEIR_CODEC_ZSTD && at[14] != WEIR_CODEC_SHUFFLED;
    weir_block_header h = {.codec = plain ? WEIR_CODEC_RAW : at[14],
                           .rows = load32(at + 80),
                           .stored_bytes = stored,
                           .raw_bytes = raw_bytes};
    const uint8_t *payload;
    if (stored > room - WEIR_BLOCK_HEADER || stored == 0 || raw_bytes > RAW_MAX) return 0;
    if (plain && stored != raw_bytes) return 0;
    h.payload_hash = weir_hash(at + WEIR_BLOCK_HEADER, stored);
    if (!codec() || weir_payload_verify(&h, at + WEIR_BLOCK_HEADER) != WEIR_OK ||
        weir_payload_decode(codec(), &h, at + WEIR_BLOCK_HEADER, raw, &payload) != WEIR_OK)
        return 0;
    if (plain) memcpy(raw, payload, raw_bytes);
    return raw_bytes;
}

/* Store it again: as it is, or as a writer would. */
static void close_payload(uint8_t *at, size_t room, const uint8_t *raw, size_t bytes) {
    static uint8_t frame[RAW_MAX * 2];
    weir_block_header h = {
        .version = 1, .kind = at[12], .incompatible = load32(at + 16), .rows = load32(at + 80)};
    if (bytes < WEIR_PAYLOAD_HEAD || !codec()) return;
    bool plain = reseal_number(4) == 0;
    if (!plain && weir_payload_encode(codec(), raw, bytes, frame, sizeof frame, &h) != WEIR_OK)
        return;
    const uint8_t *stored = plain ? raw : frame;
    size_t stored_bytes = plain ? bytes : h.stored_bytes;
    if (stored_bytes > room - WEIR_BLOCK_HEADER) return;
    at[14] = (uint8_t)(plain ? WEIR_CODEC_RAW : h.codec);
    if (!plain) store32(at + 16, h.incompatible);
    store32(at + 84, (uint32_t)stored_bytes);
    store32(at + 88, (uint32_t)bytes);
    memcpy(at + WEIR_BLOCK_HEADER, stored, stored_bytes);
}

/* As many rows as the body has, so that a payload whose rows were changed passes. */
static void recount(uint8_t *at, const uint8_t *raw, size_t bytes) {
    weir_payload payload;
    if (at[12] != WEIR_BLOCK_ROWS || !weir_payload_parse(raw, bytes, &payload)) return;
    const uint8_t *row;
    size_t row_bytes;
    uint32_t rows = 0;
    while (weir_payload_next_row(&payload.body, &row, &row_bytes) == 1)
        rows++;
    store32(at + 80, rows);
}

void reseal_change_payload(uint8_t *at, size_t room) {
    static uint8_t raw[RAW_MAX];
    size_t bytes = open_payload(at, room, raw);
    if (bytes == 0) return;
    size_t limit = bytes + 512 < RAW_MAX ? bytes + 512 : RAW_MAX;
    size_t head = reseal_number(3) ? WEIR_PAYLOAD_HEAD : 0; /* the body more often than its head */
    if (bytes <= head) head = 0;
    bytes = head + LLVMFuzzerMutate(raw + head, bytes - head, limit - head);
    if (reseal_number(4)) recount(at, raw, bytes);
    close_payload(at, room, raw, bytes);
}

void reseal_change_header(uint8_t *at) {
    static const uint8_t field[][2] = {{10, 2}, {12, 2}, {14, 2}, {16, 4},  {20, 4},  {24, 16},
                                       {40, 8}, {48, 8}, {56, 8}, {64, 8},  {72, 8},  {80, 4},
                                       {84, 4}, {88, 4}, {92, 4}, {104, 8}, {112, 8}, {128, 8}};
    const uint8_t *f = field[reseal_number(sizeof field / sizeof field[0])];
    if (reseal_number(2))
        at[f[0]] = (uint8_t)(at[f[0]] + 1 - 2 * reseal_number(2));
    else
        (void)LLVMFuzzerMutate(at + f[0], f[1], f[1]); /* any length will do: the field stays */
}

/* ---- segments ---------------------------------------------------------------------------- */

typedef struct chain { /* what the next block of the stream should say */
    uint64_t block, row, hash, segment, offset;
} chain;

/* Make the block at offset continue the chain, where its seals are to be whole. */
static void reseal_block(fuzz_file *file, size_t offset, const uint8_t *segment, chain *c) {
    uint8_t *at = file->data + offset;
    size_t room = file->bytes - offset;
    if (reseal_number(32)) {
        memcpy(at + 24, segment + 24, 16 + 8 + 8); /* journal, incarnation, segment */
        store64(at + 56, offset);
    }
    if (reseal_number(32)) {
        store64(at + 64, c->block);
        store64(at + 72, c->row);
        store64(at + 104, c->hash);
        if (load64(at + 112) >= c->block) store64(at + 112, c->block - 1);
    }
    if (reseal_number(64)) reseal_block_hashes(at, room);
    *c = (chain){load64(at + 64) + 1, load64(at + 72) + load32(at + 80),
                 load64(at + HEADER_HASH_AT), load64(at + 48), 0};
    c->offset = offset + (WEIR_BLOCK_HEADER + (uint64_t)load32(at + 84) + FUZZ_PAGE - 1) /
                             FUZZ_PAGE * FUZZ_PAGE;
}

static void reseal_segment_header(const fuzz_file *file, chain *c) {
    uint8_t *at = file->data;
    if (reseal_number(32)) store64(at + 48, file->number);
    if (reseal_number(16) && c->block) {
        store64(at + 72, c->block);
        store64(at + 80, c->row);
        store64(at + 96, c->segment);
        store64(at + 104, c->offset);
        store64(at + 112, c->block - 1);
        store64(at + 120, c->hash);
    }
    if (reseal_number(64)) store64(at + 248, weir_hash(at, 248));
    *c = (chain){load64(at + 72), load64(at + 80), load64(at + 120), load64(at + 48), FUZZ_PAGE};
}

static void reseal_segment(fuzz_file *file, chain *c) {
    if (file->bytes < FUZZ_PAGE || memcmp(file->data, "WEIRSEG1", 8) != 0) return;
    reseal_segment_header(file, c);
    size_t offset = FUZZ_PAGE;
    while (offset < file->bytes && reseal_is_block(file->data + offset, file->bytes - offset)) {
        reseal_block(file, offset, file->data, c);
        offset = c->offset > offset ? (size_t)c->offset : file->bytes;
    }
}

/* ---- the ring ---------------------------------------------------------------------------- */

typedef struct ring_shape {
    uint32_t lanes;
    uint64_t lane_bytes, data;
} ring_shape;

static bool shape_of(const fuzz_file *file, ring_shape *out) {
    if (file->bytes < WEIR_RING_HEADER) return false;
    *out = (ring_shape){load32(file->data + 72), load64(file->data + 88), load64(file->data + 96)};
    return out->lanes >= 1 && out->lanes <= 8 && out->lane_bytes <= FUZZ_FILE_MAX &&
           out->lane_bytes >= 1024 && (out->lane_bytes & (out->lane_bytes - 1)) == 0 &&
           out->data <= FUZZ_FILE_MAX;
}

/* Records that do not wrap, from head on; one of them may be changed first. */
static void reseal_lane(fuzz_file *file, const ring_shape *s, uint32_t lane, uint32_t change) {
    const uint8_t *control = file->data + WEIR_RING_HEADER + (size_t)lane * WEIR_LANE_CONTROL;
    uint64_t base = s->data + lane * s->lane_bytes;
    if (control + WEIR_LANE_CONTROL > file->data + file->bytes) return;
    uint64_t tail = load64(control), at = load64(control + 64);
    uint64_t salt = weir_hash(file->data + 24, 16) + lane * 0xD6E8FEB86659FD93u;
    if (base + s->lane_bytes > file->bytes || tail < at || tail - at > s->lane_bytes) return;
    for (uint32_t n = 0; at < tail; n++) {
        uint64_t place = at & (s->lane_bytes - 1), left = s->lane_bytes - place;
        uint8_t *record = file->data + base + place;
        if (left < WEIR_RECORD_HEAD || load32(record) > left - WEIR_RECORD_HEAD) return;
        uint32_t body = load32(record);
        if (n == change) (void)LLVMFuzzerMutate(record + 8, 8 + (size_t)body, 8 + (size_t)body);
        if (reseal_number(128)) store32(record + 4, weir_record_check(record, body, salt, at));
        at += weir_record_bytes(body);
    }
}

static void reseal_marks(const fuzz_file *file) {
    for (size_t i = 0; i < 2; i++) {
        uint8_t *at = file->data + WEIR_RING_MARK_AT + i * WEIR_RING_MARK_STEP;
        if (load64(at)) store64(at + 24, weir_hash(at, 24) ^ load64(file->data + 24));
    }
}

static void reseal_ring(fuzz_file *file) {
    ring_shape s;
    if (file->bytes < WEIR_RING_HEADER) return;
    if (reseal_number(64)) store64(file->data + 120, weir_hash(file->data, 120));
    if (reseal_number(16)) reseal_marks(file);
    if (!shape_of(file, &s)) return;
    for (uint32_t i = 0; i < s.lanes; i++)
        reseal_lane(file, &s, i, reseal_number(3) ? UINT32_MAX : reseal_number(8));
}

/* ---- changing ---------------------------------------------------------------------------- */

static fuzz_file *any_file(fuzz_container *c) {
    return &c->files[reseal_number((uint32_t)c->count)];
}

static uint8_t *any_page(const fuzz_file *file) {
    return file->data + (size_t)reseal_number((uint32_t)(file->bytes / FUZZ_PAGE)) * FUZZ_PAGE;
}

static void change_page(const fuzz_file *file) {
    if (file->bytes < FUZZ_PAGE) return;
    uint8_t *page = any_page(file), *other = any_page(file);
    size_t room = (size_t)(file->data + file->bytes - page);
    bool block = reseal_is_block(page, room);
    switch (reseal_number(8)) {
    case 0: memmove(page, other, FUZZ_PAGE); return;
    case 1: memset(page, 0, FUZZ_PAGE); return;
    case 2: (void)LLVMFuzzerMutate(page, 256, 256); return; /* any length will do */
    case 3: (void)LLVMFuzzerMutate(page, FUZZ_PAGE, FUZZ_PAGE); return;
    case 4:
        if (block) reseal_change_header(page);
        return;
    default:
        if (block) reseal_change_payload(page, room);
        return;
    }
}

static void change_shape(fuzz_container *c) {
    fuzz_file *a = any_file(c), *b = any_file(c);
    switch (reseal_number(5)) {
    case 0: a->number += (uint64_t)reseal_number(5) - 2; break;
    case 1: a->kind = reseal_number(FUZZ_KINDS); break;
    case 2: { /* swap what stands under two names */
        fuzz_file was = *a;
        a->data = b->data;
        a->bytes = b->bytes;
        b->data = was.data;
        b->bytes = was.bytes;
        break;
    }
    case 3: a->bytes -= a->bytes ? reseal_number((uint32_t)a->bytes) : 0; break; /* cut off */
    default: {
        fuzz_file was = *a;
        *a = *b;
        *b = was;
        break;
    }
    }
}

void reseal_container(fuzz_container *c) {
    chain before = {0};
    for (size_t i = 0; i < c->count; i++) {
        if (c->files[i].kind == FUZZ_RING) reseal_ring(&c->files[i]);
        if (c->files[i].kind == FUZZ_SEGMENT) reseal_segment(&c->files[i], &before);
    }
}

static void change(fuzz_container *c) {
    for (uint32_t turns = reseal_number(3) + 1; turns > 0; turns--) {
        if (reseal_number(8) == 0)
            change_shape(c);
        else
            change_page(any_file(c));
    }
}

size_t reseal_mutate_container(uint8_t *data, size_t size, size_t capacity) {
    fuzz_container c;
    bool plain = reseal_number(8) == 0;
    if (plain) size = LLVMFuzzerMutate(data, size, capacity);
    if (plain && reseal_number(2)) return size;
    fuzz_unpack(data, size, &c);
    if (!plain && c.count) change(&c);
    reseal_container(&c);
    size_t packed = fuzz_pack(&c, data, capacity);
    fuzz_container_free(&c);
    return packed ? packed : LLVMFuzzerMutate(data, 1, capacity);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t capacity, unsigned seed) {
    if (getenv("WEIR_FUZZ_PLAIN")) return LLVMFuzzerMutate(data, size, capacity);
    reseal_seed(seed);
    if (reseal_is_block(data, size)) return reseal_mutate_block(data, size, capacity);
    return reseal_mutate_container(data, size, capacity);
}
