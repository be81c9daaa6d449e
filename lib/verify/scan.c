/* scan.c - the bytes of one segment file. */
#include "scan.h"

#include <errno.h>
#include <stdlib.h>

#include "unpack.h"

enum {
    WINDOW = 256 * 1024,
    NEAR = 64 * 1024, /* a step forward of no more than this is still sequential reading */
};

void weir_scan_make(weir_scan *scan, const weir_os *os, int dirfd) {
    *scan = (weir_scan){.os = os, .dirfd = dirfd, .file = -1};
}

void weir_scan_close(weir_scan *scan) {
    weir_unpack_close(scan->packed);
    scan->packed = NULL;
    if (scan->file >= 0) (void)scan->os->close(scan->os->self, scan->file); /* only read from */
    scan->file = -1;
    scan->bytes = 0;
    scan->limit = 0;
}

void weir_scan_free(weir_scan *scan) {
    weir_scan_close(scan);
    free(scan->window);
    scan->window = NULL;
    scan->capacity = 0;
}

/* Is it a packed segment? 0, or a negative errno. */
static int open_if_packed(weir_scan *scan) {
    uint64_t limit;
    if (!scan->os->packed) return 0;
    int status = weir_unpack_open(scan->os, scan->file, scan->limit, &scan->packed, &limit);
    if (status == WEIR_OK) scan->limit = limit;
    if (status == WEIR_NO_MEMORY) return -ENOMEM;
    return status == WEIR_OK || status == WEIR_NOT_FOUND ? 0 : -EIO;
}

int weir_scan_open(weir_scan *scan, const char *path) {
    weir_scan_close(scan);
    int file = scan->os->open(scan->os->self, scan->dirfd, path, WEIR_OS_READ);
    if (file < 0) return file;
    scan->file = file;
    weir_os_info info;
    int result = scan->os->info_file(scan->os->self, file, &info);
    if (result < 0) {
        weir_scan_close(scan);
        return result;
    }
    scan->limit = info.bytes;
    result = open_if_packed(scan);
    if (result < 0) weir_scan_close(scan);
    return result;
}

/* ---- the window ---- */

static int make_window_room(weir_scan *scan, size_t bytes) {
    if (bytes <= scan->capacity) return WEIR_OK;
    size_t wanted = bytes > WINDOW ? bytes : WINDOW;
    uint8_t *larger = realloc(scan->window, wanted);
    if (!larger) return WEIR_NO_MEMORY;
    scan->window = larger;
    scan->capacity = wanted;
    return WEIR_OK;
}

static bool is_sequential(const weir_scan *scan, uint64_t offset) {
    uint64_t end = scan->at + scan->bytes;
    return offset >= scan->at && (offset <= end || offset - end <= NEAR);
}

/* How much to have in the window from offset on; offset + bytes ≤ limit. */
static size_t read_window_ahead(const weir_scan *scan, uint64_t offset, size_t bytes) {
    uint64_t left = scan->limit - offset;
    size_t wanted = is_sequential(scan, offset) ? WINDOW : WEIR_BLOCK_ALIGN;
    if (wanted > left) wanted = (size_t)left;
    return wanted > bytes ? wanted : bytes;
}

/* Move what the window already has from offset on to its front. */
static void slide(weir_scan *scan, uint64_t offset) {
    uint64_t end = scan->at + scan->bytes;
    size_t kept = offset >= scan->at && offset < end ? (size_t)(end - offset) : 0;
    if (kept) memmove(scan->window, scan->window + (scan->bytes - kept), kept);
    scan->at = offset;
    scan->bytes = kept;
}

static int fill_window(weir_scan *scan, uint64_t offset, size_t bytes) {
    size_t wanted = read_window_ahead(scan, offset, bytes);
    int status = make_window_room(scan, wanted);
    if (status != WEIR_OK) return status;
    slide(scan, offset);
    while (scan->bytes < wanted) {
        int64_t n = scan->os->pread(scan->os->self, scan->file, scan->window + scan->bytes,
                                    wanted - scan->bytes, offset + scan->bytes);
        if (n < 0) {
            scan->result = n;
            return WEIR_IO;
        }
        if (n == 0) break; /* shorter than it was at opening */
        scan->bytes += (size_t)n;
    }
    return scan->bytes < bytes ? WEIR_DAMAGED : WEIR_OK;
}

/* Which errno a failed read had is not known here. */
static int packed_answer(weir_scan *scan, int status) {
    if (status == WEIR_IO) scan->result = -EIO;
    return status;
}

int weir_scan_bytes(weir_scan *scan, uint64_t offset, size_t bytes, const uint8_t **out) {
    *out = NULL;
    if (offset > scan->limit || bytes > scan->limit - offset) return WEIR_DAMAGED;
    if (scan->packed)
        return packed_answer(scan, weir_unpack_bytes(scan->packed, offset, bytes, out));
    uint64_t end = scan->at + scan->bytes;
    if (offset < scan->at || offset > end || bytes > end - offset) {
        int status = fill_window(scan, offset, bytes);
        if (status != WEIR_OK) return status;
    }
    *out = scan->window + (offset - scan->at);
    return WEIR_OK;
}

/* ---- headers ---- */

static bool is_of(const weir_identity *whose, const weir_id journal, uint64_t segment) {
    bool any = weir_id_is_none(whose->journal);
    return (any || weir_id_equal(whose->journal, journal)) && whose->segment == segment;
}

static bool belongs(const weir_identity *whose, const weir_block_header *h, uint64_t offset) {
    return is_of(whose, h->journal, h->segment) && h->offset == offset &&
           (whose->incarnation == 0 || h->incarnation == whose->incarnation);
}

/* Of a header of a newer version only the places of these three fields are relied on. */
static bool newer_belongs(const weir_identity *whose, const uint8_t *bytes, uint64_t offset) {
    weir_id journal;
    weir_cursor c = weir_cursor_over(bytes, WEIR_BLOCK_HEADER);
    (void)weir_take(&c, 24); /* what is before the journal's id */
    weir_take_copy(&c, journal, sizeof journal);
    (void)weir_take_u64(&c); /* incarnation */
    uint64_t segment = weir_take_u64(&c);
    return is_of(whose, journal, segment) && weir_take_u64(&c) == offset;
}

static bool window_fits(const weir_scan *scan, const weir_block_header *h) {
    return h->stored_bytes <= scan->limit - h->offset - WEIR_BLOCK_HEADER;
}

int weir_scan_header(weir_scan *scan, const weir_identity *whose, uint64_t offset,
                     weir_block_header *out) {
    const uint8_t *bytes;
    int status = weir_scan_bytes(scan, offset, WEIR_BLOCK_HEADER, &bytes);
    if (status != WEIR_OK) return status;
    status = weir_block_header_decode(bytes, out);
    if (status == WEIR_OK)
        return belongs(whose, out, offset) && window_fits(scan, out) ? WEIR_OK : WEIR_DAMAGED;
    if (status == WEIR_VERSION && !newer_belongs(whose, bytes, offset)) return WEIR_DAMAGED;
    return status;
}

int weir_scan_payload(weir_scan *scan, const weir_block_header *h, const uint8_t **stored) {
    *stored = NULL;
    if (scan->packed) return packed_answer(scan, weir_unpack_check(scan->packed, h));
    int status = weir_scan_bytes(scan, h->offset + WEIR_BLOCK_HEADER, h->stored_bytes, stored);
    if (status != WEIR_OK) return status;
    return weir_hash(*stored, h->stored_bytes) == h->payload_hash ? WEIR_OK : WEIR_DAMAGED;
}

int weir_scan_raw(weir_scan *scan, const weir_block_header *h, const uint8_t **raw) {
    return packed_answer(scan, weir_unpack_payload(scan->packed, h, raw));
}

/* ---- after damage ---- */

/* The first place at or after from where a header may be. */
static uint64_t place_from(const weir_scan *scan, uint64_t from) {
    return scan->packed ? weir_unpack_next(scan->packed, from) : from;
}

int weir_scan_next(weir_scan *scan, const weir_identity *whose, uint64_t from, uint64_t above,
                   weir_block_header *out) {
    for (uint64_t at = place_from(scan, from);
         at < scan->limit && scan->limit - at >= WEIR_BLOCK_HEADER;
         at = place_from(scan, at + WEIR_BLOCK_ALIGN)) {
        int status = weir_scan_header(scan, whose, at, out);
        if (status == WEIR_OK && out->block > above) return WEIR_OK;
        if (status == WEIR_IO || status == WEIR_NO_MEMORY) return status;
    }
    return WEIR_NOT_FOUND;
}

typedef struct survey {
    bool own, old, begun; /* begun: a header of ours was begun at the very end */
    bool strange;         /* bytes that say nothing about where they come from */
    uint64_t own_end, strange_end, durable;
} survey;

/* The first bytes of every header, by which a torn one can still be recognised. */
static bool has_magic(const uint8_t *page, size_t bytes) {
    return bytes >= WEIR_BLOCK_HEADER && memcmp(page, "WEIRBLK1", 8) == 0;
}

static void survey_page(survey *s, const weir_identity *whose, const uint8_t *page, size_t bytes,
                        uint64_t at, bool first) {
    if (weir_all_zero(page, bytes)) return;
    weir_block_header h;
    int status = bytes >= WEIR_BLOCK_HEADER ? weir_block_header_decode(page, &h) : WEIR_DAMAGED;
    if (status == WEIR_OK && belongs(whose, &h, at)) {
        s->own = true;
        s->own_end = at + bytes;
        if (h.durable_block > s->durable) s->durable = h.durable_block;
    } else if (status == WEIR_OK || status == WEIR_VERSION) {
        s->old = true;
    } else {
        if (first && has_magic(page, bytes)) s->begun = true;
        s->strange = true;
        s->strange_end = at + bytes;
    }
}

/* In a file that has been a segment before, unknown bytes are as a rule the middles of its old
 * blocks: there only a header of ours, or the beginning of one, shows that something was torn.
 * The difference matters only to what is reported. */
int weir_scan_tail(weir_scan *scan, const weir_identity *whose, uint64_t from, weir_tail *out) {
    survey s = {0};
    if (scan->packed) { /* it has what belongs to the stream, and nothing else */
        *out = (weir_tail){.empty = true};
        return WEIR_OK;
    }
    for (uint64_t at = from; at < scan->limit; at += WEIR_BLOCK_ALIGN) {
        uint64_t left = scan->limit - at;
        size_t bytes = left < WEIR_BLOCK_ALIGN ? (size_t)left : WEIR_BLOCK_ALIGN;
        const uint8_t *page;
        int status = weir_scan_bytes(scan, at, bytes, &page);
        if (status == WEIR_DAMAGED) break; /* it became shorter */
        if (status != WEIR_OK) return status;
        survey_page(&s, whose, page, bytes, at, at == from);
    }
    bool strange = s.strange && (s.begun || !s.old);
    uint64_t end = strange && s.strange_end > s.own_end ? s.strange_end : s.own_end;
    *out = (weir_tail){.empty = !s.own && !s.old && !s.strange,
                       .own = s.own,
                       .torn = s.own || strange,
                       .durable = s.durable,
                       .bytes = end > from ? end - from : 0};
    return WEIR_OK;
}
