/* container.c - several files in one fuzzer input. */
#include "container.h"

#include <stdlib.h>
#include <string.h>

#include "../lib/base/cursor.h"

enum { ENTRY_HEAD = 14, CHUNK_HEAD = 3 };

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

static void take_chunk(weir_cursor *c, fuzz_file *file) {
    size_t at = (size_t)weir_take_u8(c) * FUZZ_PAGE;
    size_t length = least(weir_take_u16(c), FUZZ_PAGE);
    length = least(length, weir_cursor_left(c));
    const uint8_t *from = weir_take(c, length);
    if (from && at < file->bytes) memcpy(file->data + at, from, least(length, file->bytes - at));
}

void fuzz_unpack(const uint8_t *from, size_t bytes, fuzz_container *out) {
    *out = (fuzz_container){.count = 0};
    weir_cursor c = weir_cursor_over(from, bytes);
    while (weir_cursor_left(&c) >= ENTRY_HEAD && out->count < FUZZ_FILES) {
        fuzz_file *file = &out->files[out->count];
        file->kind = weir_take_u8(&c) % FUZZ_KINDS;
        file->number = weir_take_u64(&c);
        file->bytes = least(weir_take_u32(&c), FUZZ_FILE_MAX);
        file->data = file->bytes ? calloc(1, file->bytes) : NULL;
        if (file->bytes && !file->data) return;
        out->count++;
        unsigned chunks = weir_take_u8(&c);
        for (unsigned i = 0; i < chunks && weir_cursor_ok(&c); i++)
            take_chunk(&c, file);
    }
}

/* What a page has up to its last byte that is not zero. */
static size_t page_bytes(const fuzz_file *file, size_t page) {
    static const uint8_t zeros[FUZZ_PAGE];
    size_t begin = page * FUZZ_PAGE, end = least(begin + FUZZ_PAGE, file->bytes);
    if (memcmp(file->data + begin, zeros, end - begin) == 0) return 0; /* most pages: be quick */
    while (end > begin && file->data[end - 1] == 0)
        end--;
    return end - begin;
}

/* NULL when it does not fit. */
static uint8_t *put_file(uint8_t *at, const uint8_t *end, const fuzz_file *file) {
    if (end - at < ENTRY_HEAD) return NULL;
    *at++ = (uint8_t)file->kind;
    at = weir_put_u64(at, file->number);
    at = weir_put_u32(at, (uint32_t)file->bytes);
    uint8_t *chunks = at++;
    *chunks = 0;
    for (size_t page = 0; page * FUZZ_PAGE < file->bytes; page++) {
        size_t length = page_bytes(file, page);
        if (length == 0) continue;
        if ((size_t)(end - at) < CHUNK_HEAD + length) return NULL;
        *at++ = (uint8_t)page;
        at = weir_put_u16(at, (uint16_t)length);
        at = weir_put_bytes(at, file->data + page * FUZZ_PAGE, length);
        ++*chunks;
    }
    return at;
}

size_t fuzz_pack(const fuzz_container *c, uint8_t *into, size_t capacity) {
    uint8_t *at = into;
    for (size_t i = 0; at && i < c->count; i++)
        at = put_file(at, into + capacity, &c->files[i]);
    return at ? (size_t)(at - into) : 0;
}

void fuzz_container_free(fuzz_container *c) {
    for (size_t i = 0; i < c->count; i++)
        free(c->files[i].data);
    c->count = 0;
}
