/* segment_bytes.c - the bytes of a segment up to an end, checked. */
#include "segment_bytes.h"

#include <errno.h>
#include <stdlib.h>

static int fail_bytes(weir_error *error, const char *path, uint64_t offset, const char *why) {
    return weir_fail(error, WEIR_DAMAGED, "%s: %s at byte %llu", path, why,
                     (unsigned long long)offset);
}

/* Every block, up to the end exactly. */
static int check_bytes(const weir_segment_bytes *s, const char *path, weir_error *error) {
    const weir_segment_header *h = &s->header;
    uint64_t block = h->first_block, row = h->first_row, hash = h->before.hash;
    size_t at = WEIR_BLOCK_ALIGN;
    while (at < s->length) {
        weir_block_header b;
        if (s->length - at < WEIR_BLOCK_HEADER ||
            weir_block_header_decode(s->bytes + at, &b) != WEIR_OK)
            return fail_bytes(error, path, at, "the block's header is damaged");
        if (b.segment != h->segment || b.offset != at || !weir_id_equal(b.journal, h->journal) ||
            b.block != block || b.first_row != row || b.previous_hash != hash)
            return fail_bytes(error, path, at, "another block is there");
        if (weir_block_extent(&b) > s->length - at)
            return fail_bytes(error, path, at, "the block is cut off");
        if (weir_hash(s->bytes + at + WEIR_BLOCK_HEADER, b.stored_bytes) != b.payload_hash)
            return fail_bytes(error, path, at, "the block is damaged");
        block++;
        row += b.rows;
        hash = b.hash;
        at += (size_t)weir_block_extent(&b); /* it is within the bytes */
    }
    return WEIR_OK;
}

int weir_segment_bytes_read(const weir_os *os, const char *path, uint64_t number, uint64_t end,
                            weir_segment_bytes *out, weir_error *error) {
    *out = (weir_segment_bytes){0};
    if (end < WEIR_BLOCK_ALIGN || end > SIZE_MAX / 2)
        return fail_bytes(error, path, end, "the segment ends");
    int file = os->open(os->self, WEIR_OS_CWD, path, WEIR_OS_READ);
    if (file == -ENOENT) return weir_fail(error, WEIR_NOT_FOUND, "%s is gone", path);
    if (file < 0) return weir_fail_os(error, file, "%s: cannot open this segment", path);
    out->length = (size_t)end;
    out->bytes = malloc(out->length);
    int result = out->bytes ? weir_read_full(os, file, out->bytes, out->length, 0) : 0;
    (void)os->close(os->self, file); /* it was only read */
    if (!out->bytes) return weir_fail(error, WEIR_NO_MEMORY, "no memory to read %s", path);
    if (result == -ENODATA)
        return fail_bytes(error, path, end, "the file is cut off before its end");
    if (result < 0) return weir_fail_os(error, result, "%s: cannot read it", path);
    if (weir_segment_header_decode(out->bytes, &out->header) != WEIR_OK ||
        out->header.segment != number)
        return fail_bytes(error, path, 0, "the header is damaged");
    return check_bytes(out, path, error);
}

void weir_segment_bytes_free(weir_segment_bytes *bytes) {
    free(bytes->bytes);
    *bytes = (weir_segment_bytes){0};
}
