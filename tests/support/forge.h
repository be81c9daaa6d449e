/* forge.h - journals made block by block, with every field in the test's hand. */
#ifndef WEIR_TESTS_FORGE_H
#define WEIR_TESTS_FORGE_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/verify/inventory.h"
#include "support.h"

enum { FORGE_BLOCKS = 64, FORGE_SEGMENT = 64 * 1024 };

typedef struct forge {
    char directory[256];
    uint8_t journal[16], ring[16];
    uint64_t incarnation, segment;
    uint8_t bytes[FORGE_SEGMENT]; /* the segment being made */
    uint64_t at;
    weir_log_end end;
    uint64_t next_row, durable;
    bool lazy;         /* durable stays what it is; otherwise each block before is durable */
    uint32_t lanes;    /* lane entries in each payload */
    uint32_t features; /* incompatible ones, of each block */
    int64_t wall_ns;   /* of the blocks; 0: by their numbers */
    weir_codec *codec; /* compresses payloads; NULL: they are stored as they are */
    weir_block_header blocks[FORGE_BLOCKS]; /* by number: the last made of that number */
} forge;

static inline void forge_begin(forge *f) {
    memset(f, 0, sizeof *f);
    (void)snprintf(f->directory, sizeof f->directory, "%s", weir_temp_make());
    memset(f->journal, 0xA1, sizeof f->journal);
    memset(f->ring, 0xB2, sizeof f->ring);
    f->incarnation = 1;
    f->next_row = 1;
    f->lanes = 1;
}

static inline void forge_end(forge *f) { weir_temp_remove(f->directory); }

static inline const char *forge_path(const forge *f, uint64_t segment) {
    char name[64];
    (void)snprintf(name, sizeof name, "segment-%020llu", (unsigned long long)segment);
    return weir_temp_path(f->directory, name);
}

/* Write the segment being made as it stands. */
static inline void forge_write(const forge *f) {
    weir_file_write(forge_path(f, f->segment), f->bytes, sizeof f->bytes);
}

static inline uint8_t *forge_payload_head(const forge *f, uint8_t *into) {
    weir_lane_mark marks[8];
    for (uint32_t i = 0; i < f->lanes; i++)
        marks[i] = (weir_lane_mark){i, 100 + f->end.block};
    uint8_t none[16] = {0};
    return weir_payload_head_encode(into, f->lanes ? f->ring : none, marks, f->lanes);
}

static inline size_t forge_payload(const forge *f, uint16_t kind, uint32_t rows, uint8_t *into) {
    uint8_t *at = forge_payload_head(f, into);
    if (kind == WEIR_BLOCK_DECLARATIONS) at = weir_put_u32(at, 0);
    for (uint32_t i = 0; kind == WEIR_BLOCK_ROWS && i < rows; i++) {
        static const uint8_t row[] = {1, 0, 1, 0, 0x11, 7};
        at = weir_put_u32(at, sizeof row);
        at = weir_put_bytes(at, row, sizeof row);
    }
    return (size_t)(at - into);
}

/* Append a block with this payload. */
static inline const weir_block_header *forge_add(forge *f, uint16_t kind, uint32_t rows,
                                                 const uint8_t *payload, size_t bytes) {
    static uint8_t frame[4 * FORGE_SEGMENT];
    const uint8_t *stored = payload;
    weir_block_header h = {.version = WEIR_FORMAT_VERSION,
                           .kind = kind,
                           .incompatible = f->features,
                           .codec = WEIR_CODEC_RAW,
                           .incarnation = f->incarnation,
                           .segment = f->segment,
                           .offset = f->at,
                           .block = f->end.block + 1,
                           .first_row = f->next_row,
                           .rows = rows,
                           .stored_bytes = (uint32_t)bytes,
                           .raw_bytes = (uint32_t)bytes,
                           .wall_ns = f->wall_ns ? f->wall_ns : 1000 + (int64_t)f->end.block,
                           .previous_hash = f->end.hash,
                           .durable_block = f->lazy ? f->durable : f->end.block,
                           .payload_hash = weir_hash(payload, bytes)};
    memcpy(h.journal, f->journal, sizeof h.journal);
    if (f->codec) {
        assert_int_equal(weir_payload_encode(f->codec, payload, bytes, frame, sizeof frame, &h), 0);
        stored = frame;
    }
    assert_true(f->at + weir_block_extent(&h) <= sizeof f->bytes);
    memcpy(f->bytes + f->at + WEIR_BLOCK_HEADER, stored, h.stored_bytes);
    weir_block_header_encode(f->bytes + f->at, &h);
    f->at += weir_block_extent(&h);
    f->end = (weir_log_end){f->segment, f->at, h.block, h.hash};
    f->next_row += rows;
    assert_true(h.block < FORGE_BLOCKS);
    f->blocks[h.block] = h;
    return &f->blocks[h.block];
}

static inline const weir_block_header *forge_block(forge *f, uint16_t kind, uint32_t rows) {
    static uint8_t payload[2 * FORGE_SEGMENT];
    return forge_add(f, kind, rows, payload, forge_payload(f, kind, rows, payload));
}

/* A block with this body. */
static inline const weir_block_header *forge_body(forge *f, uint16_t kind, uint32_t rows,
                                                  const uint8_t *body, size_t bytes) {
    static uint8_t payload[2 * FORGE_SEGMENT];
    uint8_t *at = forge_payload_head(f, payload);
    assert_true(bytes <= FORGE_SEGMENT);
    at = weir_put_bytes(at, body, bytes);
    return forge_add(f, kind, rows, payload, (size_t)(at - payload));
}

/* Begin a segment behind the end, with its head block. */
static inline void forge_segment(forge *f, uint64_t number) {
    memset(f->bytes, 0, sizeof f->bytes);
    f->segment = number;
    f->at = WEIR_BLOCK_ALIGN;
    weir_segment_header h = {.version = WEIR_FORMAT_VERSION,
                             .hash_algorithm = WEIR_HASH_XXH3_64,
                             .incarnation = f->incarnation,
                             .segment = number,
                             .bytes = sizeof f->bytes,
                             .first_block = f->end.block + 1,
                             .first_row = f->next_row,
                             .before = f->end};
    memcpy(h.journal, f->journal, sizeof h.journal);
    weir_segment_header_encode(f->bytes, &h);
    (void)forge_block(f, WEIR_BLOCK_DECLARATIONS, 0);
}

/* Segments 1 … count, each a head and three blocks of ten rows: block 4 i - 3 is the head of
 * segment i; its rows are 30 i - 29 … 30 i. Each block says that the one before is durable. */
static inline void forge_journal(forge *f, uint64_t count) {
    for (uint64_t i = 1; i <= count; i++) {
        forge_segment(f, i);
        for (int b = 0; b < 3; b++)
            (void)forge_block(f, WEIR_BLOCK_ROWS, 10);
        forge_write(f);
    }
}

/* ---- damaging it ---- */

static inline void forge_edit(const forge *f, uint64_t segment, uint64_t offset, const void *bytes,
                              size_t length) {
    size_t size;
    uint8_t *file = weir_file_read(forge_path(f, segment), &size);
    assert_true(offset + length <= size);
    if (bytes)
        memcpy(file + offset, bytes, length);
    else
        memset(file + offset, 0, length);
    weir_file_write(forge_path(f, segment), file, size);
    free(file);
}

static inline void forge_flip(const forge *f, uint64_t segment, uint64_t offset) {
    size_t size;
    uint8_t *file = weir_file_read(forge_path(f, segment), &size);
    assert_true(offset < size);
    file[offset] ^= 0x40;
    weir_file_write(forge_path(f, segment), file, size);
    free(file);
}

static inline void forge_cut(const forge *f, uint64_t segment, uint64_t bytes) {
    assert_int_equal(truncate(forge_path(f, segment), (off_t)bytes), 0);
}

static inline void forge_remove(const forge *f, uint64_t segment) {
    assert_int_equal(unlink(forge_path(f, segment)), 0);
}

/* Where a block stands: header or payload. */
static inline uint64_t forge_header_at(const forge *f, uint64_t block) {
    return f->blocks[block].offset;
}
static inline uint64_t forge_payload_at(const forge *f, uint64_t block) {
    return f->blocks[block].offset + WEIR_BLOCK_HEADER;
}

static inline weir_position forge_position(const forge *f, uint64_t block) {
    const weir_block_header *h = &f->blocks[block];
    weir_position p = {.block = block, .row = h->first_row + h->rows - 1, .hash = h->hash};
    memcpy(p.journal, f->journal, sizeof p.journal);
    return p;
}

#endif
