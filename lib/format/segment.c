/* segment.c - one file of the journal. */
#include "segment.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static const char magic[8] = {'W', 'E', 'I', 'R', 'S', 'E', 'G', '1'};

enum {
    HASHED_BYTES = WEIR_SEGMENT_HEADER - 8,
    ZERO_TAIL = 120,
    FIRST_CHUNK = 64 * 1024, /* small, because a small program waits for it at opening */
    LAST_CHUNK = 4 * 1024 * 1024,
};

/* Not const, so that it costs address space and no bytes of the library's file. */
static uint8_t zeros[64 * 1024];

/* ---- header ---- */

void weir_segment_header_encode(uint8_t at[WEIR_SEGMENT_HEADER], weir_segment_header *h) {
    uint8_t *p = weir_put_bytes(at, magic, sizeof magic);
    p = weir_put_u16(p, WEIR_SEGMENT_HEADER);
    p = weir_put_u16(p, h->version);
    p = weir_put_u32(p, h->hash_algorithm);
    p = weir_put_u32(p, h->incompatible);
    p = weir_put_u32(p, h->compatible);
    p = weir_put_bytes(p, h->journal, sizeof h->journal);
    p = weir_put_u64(p, h->incarnation);
    p = weir_put_u64(p, h->segment);
    p = weir_put_u64(p, h->bytes);
    p = weir_put_u32(p, WEIR_BLOCK_ALIGN);
    p = weir_put_u32(p, 0);
    p = weir_put_u64(p, h->first_block);
    p = weir_put_u64(p, h->first_row);
    p = weir_put_u64(p, (uint64_t)h->wall_ns);
    p = weir_put_u64(p, h->before.segment);
    p = weir_put_u64(p, h->before.offset);
    p = weir_put_u64(p, h->before.block);
    p = weir_put_u64(p, h->before.hash);
    memset(p, 0, ZERO_TAIL);
    h->hash = weir_hash(at, HASHED_BYTES);
    (void)weir_put_u64(p + ZERO_TAIL, h->hash); /* the end, which nobody needs */
}

/* Only what every version has in the same place: magic, version, features and the hash. */
static int recognise(weir_cursor *c, const uint8_t at[WEIR_SEGMENT_HEADER],
                     weir_segment_header *out, uint16_t *header_bytes) {
    const uint8_t *found = weir_take(c, sizeof magic);
    *header_bytes = weir_take_u16(c);
    out->version = weir_take_u16(c);
    out->hash_algorithm = weir_take_u32(c);
    out->incompatible = weir_take_u32(c);
    out->compatible = weir_take_u32(c);
    weir_cursor tail = weir_cursor_over(at + HASHED_BYTES, 8);
    out->hash = weir_take_u64(&tail);
    if (memcmp(found, magic, sizeof magic) != 0 || out->hash != weir_hash(at, HASHED_BYTES))
        return WEIR_DAMAGED;
    return out->version > WEIR_FORMAT_VERSION || out->incompatible ? WEIR_VERSION : WEIR_OK;
}

int weir_segment_header_decode(const uint8_t at[WEIR_SEGMENT_HEADER], weir_segment_header *out) {
    memset(out, 0, sizeof *out);
    if (weir_all_zero(at, WEIR_SEGMENT_HEADER)) return WEIR_NOT_FOUND;
    weir_cursor c = weir_cursor_over(at, WEIR_SEGMENT_HEADER);
    uint16_t header_bytes;
    int status = recognise(&c, at, out, &header_bytes);
    if (status != WEIR_OK) return status;
    weir_take_copy(&c, out->journal, sizeof out->journal);
    out->incarnation = weir_take_u64(&c);
    out->segment = weir_take_u64(&c);
    out->bytes = weir_take_u64(&c);
    uint32_t alignment = weir_take_u32(&c);
    weir_take_zeros(&c, 4);
    out->first_block = weir_take_u64(&c);
    out->first_row = weir_take_u64(&c);
    out->wall_ns = (int64_t)weir_take_u64(&c);
    out->before.segment = weir_take_u64(&c);
    out->before.offset = weir_take_u64(&c);
    out->before.block = weir_take_u64(&c);
    out->before.hash = weir_take_u64(&c);
    weir_take_zeros(&c, ZERO_TAIL);
    bool valid = weir_cursor_ok(&c) && header_bytes == WEIR_SEGMENT_HEADER &&
                 out->version == WEIR_FORMAT_VERSION && out->hash_algorithm == WEIR_HASH_XXH3_64 &&
                 alignment == WEIR_BLOCK_ALIGN && out->segment > out->before.segment;
    return valid ? WEIR_OK : WEIR_DAMAGED;
}

/* ---- making one ---- */

/* Where the file system cannot allocate, the file only gets its size: a full disk is then a
 * failed write, which the journal survives like any other. */
static int set_size(const weir_os *os, int file, uint64_t bytes) {
    int result = os->allocate(os->self, file, 0, bytes);
    return result == -EOPNOTSUPP ? os->truncate(os->self, file, bytes) : result;
}

int weir_spare_create(const weir_os *os, int dirfd, const char *path, uint64_t bytes,
                      weir_error *error) {
    int file = os->open(os->self, dirfd, path, WEIR_OS_WRITE | WEIR_OS_CREATE | WEIR_OS_EXCLUSIVE);
    if (file < 0)
        return weir_fail_os(error, file, "%s: cannot create this file; check the directory", path);
    int result = set_size(os, file, bytes);
    int closed = os->close(os->self, file);
    if (result >= 0) result = closed;
    if (result >= 0) return WEIR_OK;
    (void)os->unlink(os->self, dirfd,
                     path); /* a spare that stays is taken up or ignored by the next opening */
    return weir_fail_os(error, result, "%s: cannot allocate %llu bytes for the journal; free space",
                        path, (unsigned long long)bytes);
}

/* Give the file exactly bytes, all of them allocated. */
static int fit_size(weir_segment *s) {
    const weir_os *os = s->os;
    weir_os_info info;
    int result = os->info_file(os->self, s->file, &info);
    if (result < 0) return result;
    s->device = info.device;
    s->inode = info.inode;
    if (info.bytes == s->bytes) return result;
    return info.bytes > s->bytes ? os->truncate(os->self, s->file, s->bytes)
                                 : set_size(os, s->file, s->bytes);
}

/* When it fails it is not tried again; a real fault shows in the next block. */
void weir_segment_prezero(weir_segment *s) {
    if (s->filled > s->end) return;
    uint64_t left = s->bytes - s->filled < s->chunk ? s->bytes - s->filled : s->chunk;
    s->chunk = s->chunk * 2 < LAST_CHUNK ? s->chunk * 2 : LAST_CHUNK;
    while (left) {
        size_t now = left < sizeof zeros ? (size_t)left : sizeof zeros;
        if (weir_write_full(s->os, s->file, zeros, now, s->filled) < 0) {
            s->chunk = 0;
            return;
        }
        s->filled += now;
        left -= now;
    }
}

static int write_segment_header(weir_segment *s, weir_segment_header *h) {
    uint8_t page[WEIR_BLOCK_ALIGN] = {0};
    weir_segment_header_encode(page, h);
    return weir_write_full(s->os, s->file, page, sizeof page, 0);
}

int weir_spare_open(const weir_os *os, int dirfd, const char *path, int *file, weir_error *error) {
    *file = os->open(os->self, dirfd, path, WEIR_OS_READ | WEIR_OS_WRITE);
    if (*file >= 0) return WEIR_OK;
    return weir_fail_os(error, *file, "%s: cannot open this spare segment; check its rights", path);
}

static int write_zeros(const weir_os *os, int file, uint64_t bytes) {
    int result = 0;
    for (uint64_t at = 0; result >= 0 && at < bytes; at += sizeof zeros) {
        size_t now = bytes - at < sizeof zeros ? (size_t)(bytes - at) : sizeof zeros;
        result = weir_write_full(os, file, zeros, now, at);
    }
    return result;
}

int weir_spare_void(const weir_os *os, int file, const char *path, uint64_t bytes,
                    weir_error *error) {
    int result = os->truncate(os->self, file, bytes);
    if (result >= 0) result = write_zeros(os, file, bytes);
    if (result >= 0) return WEIR_OK;
    return weir_fail_os(error, result, "%s: cannot write zeros over this spare segment", path);
}

int weir_segment_prepare(const weir_os *os, int dirfd, int file, const char *spare_path,
                         uint64_t filled, weir_segment_header *h, weir_segment *out,
                         weir_error *error) {
    assert(h->bytes >= WEIR_BLOCK_ALIGN && h->bytes % WEIR_BLOCK_ALIGN == 0);
    weir_segment s = {.os = os,
                      .dirfd = dirfd,
                      .file = file,
                      .number = h->segment,
                      .bytes = h->bytes,
                      .chunk = FIRST_CHUNK};
    int result = fit_size(&s);
    if (result >= 0) result = write_segment_header(&s, h);
    if (result < 0)
        return weir_fail_os(error, result, "%s: cannot prepare a segment of %llu bytes; free space",
                            spare_path, (unsigned long long)h->bytes);
    s.end = WEIR_BLOCK_ALIGN;
    s.filled = filled < h->bytes ? filled : h->bytes;
    if (s.filled < WEIR_BLOCK_ALIGN) s.filled = WEIR_BLOCK_ALIGN;
    *out = s;
    return WEIR_OK;
}

int weir_segment_publish(weir_segment *s, const char *directory, const char *spare_path,
                         const char *segment_path, weir_error *error) {
    weir_segment_prezero(s);
    int status = weir_segment_sync(s, error);
    if (status != WEIR_OK) return status;
    int result = s->os->rename(s->os->self, s->dirfd, spare_path, s->dirfd, segment_path);
    if (result < 0)
        return weir_fail_os(error, result, "%s: cannot rename to %s", spare_path, segment_path);
    result = s->os->sync_directory(s->os->self, s->dirfd, directory);
    if (result >= 0) return WEIR_OK;
    /* Either name may survive a crash here: the file holds nothing promised, and the next
     * segment, which has a higher number, says where the stream really ends. */
    (void)s->os->rename(s->os->self, s->dirfd, segment_path, s->dirfd, spare_path);
    return weir_fail_os(error, result, "%s: cannot sync the directory", directory);
}

/* ---- appending ---- */

bool weir_segment_is_open(const weir_segment *s) {
    return weir_os_has_file(s->os, s->file, s->device, s->inode);
}

bool weir_segment_has_room(const weir_segment *s, uint64_t extent) {
    return extent <= s->bytes - s->end;
}

int weir_segment_append(weir_segment *s, const uint8_t *bytes, uint64_t extent, weir_error *error) {
    assert(extent % WEIR_BLOCK_ALIGN == 0 && weir_segment_has_room(s, extent));
    int result = weir_write_full(s->os, s->file, bytes, (size_t)extent, s->end);
    if (result < 0)
        return weir_fail_os(error, result, "segment %llu: cannot write %llu bytes at %llu",
                            (unsigned long long)s->number, (unsigned long long)extent,
                            (unsigned long long)s->end);
    s->end += extent;
    if (s->filled < s->end) s->filled = s->end;
    return WEIR_OK;
}

int weir_segment_sync(weir_segment *s, weir_error *error) {
    int result = s->os->datasync(s->os->self, s->file);
    if (result < 0)
        return weir_fail_os(error, result, "segment %llu: cannot sync; check the disk",
                            (unsigned long long)s->number);
    return WEIR_OK;
}

void weir_segment_close(weir_segment *s) {
    if (s->file >= 0) (void)s->os->close(s->os->self, s->file); /* what counts has been synced */
    s->file = -1;
}
