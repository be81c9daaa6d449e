/* segment_bytes.c - the bytes of a segment up to an end, or of a packed one, checked. */
#include "segment_bytes.h"

#include <errno.h>
#include <stdlib.h>

#include "../../lib/packed/packed.h"
#include "../../lib/verify/scan.h"

static int fail_bytes(weir_error *error, const char *path, uint64_t offset, const char *why) {
    return weir_fail(error, WEIR_DAMAGED, "%s: %s at byte %llu", path, why,
                     (unsigned long long)offset);
}

/* ---- these bytes as a file --------------------------------------------------------------- */

static int open_bytes(void *self, int dirfd, const char *path, int flags) {
    (void)self, (void)dirfd, (void)path, (void)flags;
    return 0;
}

static int close_bytes(void *self, int file) {
    (void)self;
    return file;
}

static int info_of_bytes(void *self, int file, weir_os_info *out) {
    const weir_segment_bytes *s = self;
    *out = (weir_os_info){.bytes = s->length};
    return file;
}

static int64_t pread_bytes(void *self, int file, void *into, size_t bytes, uint64_t offset) {
    const weir_segment_bytes *s = self;
    (void)file;
    size_t left = offset < s->length ? s->length - (size_t)offset : 0;
    if (bytes > left) bytes = left;
    if (bytes) memcpy(into, s->bytes + offset, bytes);
    return (int64_t)bytes;
}

/* ---- what they are ----------------------------------------------------------------------- */

/* Every block, up to the end exactly. */
static int check_blocks(weir_segment_bytes *s, weir_scan *scan, uint64_t end, const char *path,
                        weir_error *error) {
    const weir_segment_header *head = &s->header;
    weir_identity whose = {.segment = head->segment};
    weir_id_copy(whose.journal, head->journal);
    uint64_t block = head->first_block, row = head->first_row, at = WEIR_BLOCK_ALIGN;
    s->end_hash = head->before.hash;
    while (at < end) {
        weir_block_header h;
        const uint8_t *stored;
        int status = weir_scan_header(scan, &whose, at, &h);
        if (status == WEIR_NO_MEMORY)
            return weir_fail(error, status, "no memory to check %s", path);
        if (status != WEIR_OK) return fail_bytes(error, path, at, "the block's header is damaged");
        if (h.block != block || h.first_row != row || h.previous_hash != s->end_hash)
            return fail_bytes(error, path, at, "another block is there");
        status = weir_scan_payload(scan, &h, &stored);
        if (status == WEIR_NO_MEMORY)
            return weir_fail(error, status, "no memory to check %s", path);
        if (status != WEIR_OK) return fail_bytes(error, path, at, "the block is damaged");
        block++;
        row += h.rows;
        s->end_hash = h.hash;
        at += weir_block_extent(&h); /* a block of a gigabyte, at most */
    }
    return at == end ? WEIR_OK : fail_bytes(error, path, end, "the block is cut off");
}

static int check_bytes(weir_segment_bytes *s, uint64_t end, const char *path, weir_error *error) {
    weir_os os = {.self = s,
                  .open = open_bytes,
                  .close = close_bytes,
                  .info_file = info_of_bytes,
                  .pread = pread_bytes,
                  .packed = s->packed};
    weir_scan scan;
    weir_scan_make(&scan, &os, WEIR_OS_CWD);
    int status = weir_scan_open(&scan, path) < 0
                     ? weir_fail(error, WEIR_NO_MEMORY, "no memory to check %s", path)
                     : check_blocks(s, &scan, end, path, error);
    weir_scan_free(&scan);
    return status;
}

/* Of which form, and how many bytes. A packed one has its end, and what its last header's hash is. */
static int look_at_bytes(const weir_os *os, int file, weir_segment_bytes *s,
                         weir_packed_header *packed, uint64_t *end, const char *path,
                         weir_error *error) {
    uint8_t head[WEIR_PACKED_HEADER];
    weir_os_info info;
    int result = weir_read_full(os, file, head, sizeof head, 0);
    if (result == -ENODATA) return fail_bytes(error, path, 0, "there is no header");
    int status = result < 0 ? WEIR_OK : weir_packed_header_decode(head, packed);
    if (status == WEIR_OK && result >= 0) result = os->info_file(os->self, file, &info);
    if (result < 0) return weir_fail_os(error, result, "%s: cannot read it", path);
    s->packed = status != WEIR_NOT_FOUND;
    if (s->packed && status != WEIR_OK) return fail_bytes(error, path, 0, "the header is damaged");
    if (s->packed) *end = packed->end.offset;
    uint64_t bytes = s->packed ? info.bytes : *end;
    if (*end < WEIR_BLOCK_ALIGN || bytes > SIZE_MAX / 2)
        return fail_bytes(error, path, bytes, "the segment ends");
    s->length = (size_t)bytes;
    return WEIR_OK;
}

/* ---- all of it --------------------------------------------------------------------------- */

int weir_segment_bytes_of(const weir_os *os, int file, const char *path, uint64_t number,
                          uint64_t end, weir_segment_bytes *out, weir_error *error) {
    weir_packed_header packed = {0};
    *out = (weir_segment_bytes){0};
    int status = look_at_bytes(os, file, out, &packed, &end, path, error);
    if (status != WEIR_OK) return status;
    out->bytes = malloc(out->length);
    if (!out->bytes) return weir_fail(error, WEIR_NO_MEMORY, "no memory to read %s", path);
    int result = weir_read_full(os, file, out->bytes, out->length, 0);
    if (result == -ENODATA)
        return fail_bytes(error, path, out->length, "the file is cut off before its end");
    if (result < 0) return weir_fail_os(error, result, "%s: cannot read it", path);
    status = out->packed ? weir_packed_header_decode(out->bytes, &packed)
                         : weir_segment_header_decode(out->bytes, &out->header);
    if (out->packed) out->header = packed.segment;
    if (status != WEIR_OK || out->header.segment != number)
        return fail_bytes(error, path, 0, "the header is damaged");
    status = check_bytes(out, end, path, error);
    if (status == WEIR_OK && out->packed && out->end_hash != packed.end.hash)
        return fail_bytes(error, path, 0, "the header names another end");
    return status;
}

int weir_segment_bytes_read(const weir_os *os, const char *path, uint64_t number, uint64_t end,
                            weir_segment_bytes *out, weir_error *error) {
    *out = (weir_segment_bytes){0};
    int file = os->open(os->self, WEIR_OS_CWD, path, WEIR_OS_READ);
    if (file == -ENOENT) return weir_fail(error, WEIR_NOT_FOUND, "%s is gone", path);
    if (file < 0) return weir_fail_os(error, file, "%s: cannot open this segment", path);
    int status = weir_segment_bytes_of(os, file, path, number, end, out, error);
    (void)os->close(os->self, file); /* it was only read */
    return status;
}

void weir_segment_bytes_free(weir_segment_bytes *bytes) {
    free(bytes->bytes);
    *bytes = (weir_segment_bytes){0};
}
