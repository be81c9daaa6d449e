/* rows.h - hand-made blocks of rows for the tests of the writer. */
#ifndef TESTS_ROWS_H
#define TESTS_ROWS_H

#include <sqlite3.h>
#include <stdlib.h>

#include "lib/format/block.h"
#include "lib/format/row_encode.h"

enum { ROWS_BLOCKS = 64 }; /* alive at once */

/* A fixture's: it owns the bytes of all blocks begun in it, so that a test which an assert leaves in
 * the middle leaves nothing behind. */
typedef struct rows_pool {
    uint8_t *bytes[ROWS_BLOCKS];
} rows_pool;

typedef struct rows_block {
    weir_block_header header;
    uint8_t **bytes; /* in the pool */
    size_t length;
} rows_block;

static inline rows_block rows_begin(rows_pool *pool, const uint8_t journal[16], uint64_t block,
                                    uint64_t first_row) {
    rows_block b = {{0}, pool->bytes, 0};
    while (b.bytes < pool->bytes + ROWS_BLOCKS && *b.bytes)
        b.bytes++;
    if (b.bytes == pool->bytes + ROWS_BLOCKS) abort();
    *b.bytes = malloc(8); /* which makes the place its own */
    if (!*b.bytes) abort();
    memcpy(b.header.journal, journal, 16);
    b.header.version = WEIR_FORMAT_VERSION;
    b.header.kind = WEIR_BLOCK_ROWS;
    b.header.block = block;
    b.header.first_row = first_row;
    b.header.offset = 2 * WEIR_BLOCK_ALIGN; /* not at the head of a segment */
    b.header.wall_ns = 1700000000000000000 + (int64_t)block;
    return b;
}

static inline uint8_t *rows_room(rows_block *b, size_t bytes) {
    uint8_t *grown = realloc(*b->bytes, b->length + bytes + 8);
    if (!grown) abort();
    *b->bytes = grown;
    return grown + b->length;
}

static inline void rows_add(rows_block *b, uint16_t table, const weir_value *values, size_t count) {
    int status;
    size_t bytes = weir_row_size(values, count, &status);
    uint8_t *at = rows_room(b, bytes + 4);
    at = weir_put_u32(at, (uint32_t)bytes);
    (void)weir_row_encode(at, table, values, count);
    b->length += bytes + 4;
    b->header.rows++;
}

static inline weir_cursor rows_body(const rows_block *b) {
    return weir_cursor_over(*b->bytes, b->length);
}

static inline void rows_free(rows_block *b) {
    free(*b->bytes);
    *b->bytes = NULL;
}

static inline void rows_free_all(rows_pool *pool) {
    for (int i = 0; i < ROWS_BLOCKS; i++) {
        free(pool->bytes[i]);
        pool->bytes[i] = NULL;
    }
}

/* SQLite takes a blob without an address for NULL. */
static inline void rows_bind(sqlite3_stmt *s, int i, const weir_value *v) {
    switch (v->type) {
    case WEIR_INTEGER: (void)sqlite3_bind_int64(s, i, v->as.integer); break;
    case WEIR_REAL: (void)sqlite3_bind_double(s, i, v->as.real); break;
    case WEIR_TEXT:
        (void)sqlite3_bind_text(s, i, v->as.bytes, (int)v->length, SQLITE_STATIC);
        break;
    case WEIR_BLOB:
        (void)sqlite3_bind_blob64(s, i, v->length ? v->as.bytes : "", v->length, SQLITE_STATIC);
        break;
    default: (void)sqlite3_bind_null(s, i); break;
    }
}

#endif
