/* reader.c - walk the blocks of a journal in order, decoded and verified. */
#include "reader.h"

#include <errno.h>
#include <stdlib.h>

#include "../format/names.h"
#include "decode.h"

struct weir_reader {
    weir_locator locator;
    weir_scan scan;
    weir_decoder decoder;
    char path[WEIR_PATH_MAX], located[WEIR_PATH_MAX];
    weir_identity
        whose; /* of the segment that is open; its journal: of the first block ever read */
    uint64_t next, next_at;   /* the block after the last one seen in it, and its offset */
    uint64_t last, last_hash; /* the last block seen anywhere; 0: none */
};

/* ---- where an inventory has it ---- */

static int locate_in_inventory(void *self, uint64_t block, weir_extent *out, char *path_buffer) {
    const weir_inventory *inv = self;
    if (block > inv->end.block) return WEIR_PENDING;
    size_t at = weir_extent_find(inv->extents, 0, inv->extent_count, block);
    if (at == inv->extent_count || inv->extents[at].first_block > block) return WEIR_NOT_FOUND;
    *out = inv->extents[at];
    size_t length = strlen(out->path);
    if (length >= WEIR_PATH_MAX) return WEIR_MISUSE;
    memcpy(path_buffer, out->path, length + 1);
    out->path = path_buffer;
    return WEIR_OK;
}

static uint64_t nearest_in_inventory(void *self, uint64_t block, weir_side side) {
    const weir_inventory *inv = self;
    return weir_extent_nearest(inv->extents, 0, inv->extent_count, block, side);
}

weir_locator weir_inventory_locator(const weir_inventory *inventory) {
    return (weir_locator){(void *)inventory, inventory->dirfd, locate_in_inventory,
                          nearest_in_inventory}; /* they only read it */
}

/* ---- making one ---- */

int weir_reader_make(const weir_os *os, weir_locator locator, weir_reader **out) {
    *out = NULL;
    weir_reader *r = calloc(1, sizeof *r);
    if (!r) return WEIR_NO_MEMORY;
    r->locator = locator;
    weir_scan_make(&r->scan, os, locator.dirfd);
    *out = r;
    return WEIR_OK;
}

void weir_reader_free(weir_reader *reader) {
    if (!reader) return;
    weir_scan_free(&reader->scan);
    weir_decoder_free(&reader->decoder);
    free(reader);
}

/* ---- what can go wrong ---- */

/* A segment that left the journal while it was read may hold anything by now: that is no damage. */
static bool has_left(const weir_reader *r) {
    const weir_os *os = r->scan.os;
    weir_os_info by_name, by_file;
    if (os->info(os->self, r->scan.dirfd, r->path, &by_name) == -ENOENT) return true;
    if (r->scan.file < 0 || os->info_file(os->self, r->scan.file, &by_file) < 0) return false;
    return by_name.device != by_file.device || by_name.inode != by_file.inode;
}

static int fail_damaged(const weir_reader *r, unsigned long long block, unsigned long long at,
                        const weir_block_header *h, weir_error *error) {
    unsigned long long first = h ? h->first_row : 0, last = first + (h ? h->rows : 0) - 1;
    if (!h || h->rows == 0)
        return weir_fail(error, WEIR_DAMAGED,
                         "%s at byte %llu: block %llu is damaged; run weir verify", r->path, at,
                         block);
    return weir_fail(error, WEIR_DAMAGED,
                     "%s at byte %llu: block %llu with rows %llu to %llu is damaged; run "
                     "weir verify",
                     r->path, at, block, first, last);
}

/* The text for a status that came up at a block, whose header is given if that could be read; what
 * follows starts from the beginning again. */
static int fail_at(weir_reader *r, int status, uint64_t block, uint64_t offset,
                   const weir_block_header *h, weir_error *error) {
    unsigned long long number = block, at = offset;
    bool left = status == WEIR_DAMAGED && has_left(r);
    int64_t result = r->scan.result;
    weir_scan_close(&r->scan);
    if (left)
        return weir_fail(error, WEIR_NOT_FOUND,
                         "%s: block %llu: the segment left the journal while "
                         "it was read",
                         r->path, number);
    switch (status) {
    case WEIR_DAMAGED: return fail_damaged(r, number, at, h, error);
    case WEIR_VERSION:
        return weir_fail(error, status,
                         "%s at byte %llu: a newer version wrote block %llu; read it "
                         "with that version",
                         r->path, at, number);
    case WEIR_IO:
        return weir_fail_os(error, result,
                            "%s at byte %llu: cannot read block %llu; check the disk", r->path, at,
                            number);
    default:
        return weir_fail(error, status, "%s at byte %llu: no memory to read block %llu", r->path,
                         at, number);
    }
}

/* ---- finding a block ---- */

static int open_segment(weir_reader *r, const weir_extent *extent, weir_error *error) {
    if (r->scan.file >= 0 && strcmp(r->path, extent->path) == 0) return WEIR_OK;
    size_t length = strlen(extent->path);
    if (length >= sizeof r->path)
        return weir_fail(error, WEIR_MISUSE, "the path of segment %llu is too long",
                         (unsigned long long)extent->segment);
    memcpy(r->path, extent->path, length + 1);
    r->whose.segment = extent->segment;
    r->whose.incarnation = 0;
    r->next = 0;
    int result = weir_scan_open(&r->scan, r->path);
    if (result == -ENOENT)
        return weir_fail(error, WEIR_NOT_FOUND, "%s: the segment has left the journal", r->path);
    if (result < 0)
        return weir_fail_os(error, result,
                            "%s: cannot open this segment; make it readable, or run as "
                            "the user that owns it",
                            r->path);
    return WEIR_OK;
}

static int find_extent(weir_reader *r, uint64_t block, weir_extent *extent, weir_error *error) {
    int status = r->locator.locate(r->locator.self, block, extent, r->located);
    if (status == WEIR_PENDING) return status;
    if (status == WEIR_NOT_FOUND)
        return weir_fail(error, status,
                         "block %llu: not in the journal: it was released, or it is "
                         "damaged",
                         (unsigned long long)block);
    if (status != WEIR_OK)
        return weir_fail(error, status, "block %llu: cannot find out where it is: %s",
                         (unsigned long long)block, weir_status_text(status));
    status = open_segment(r, extent, error);
    if (status == WEIR_OK) r->scan.limit = extent->end; /* later bytes may still change */
    return status;
}

static void note_header(weir_reader *r, const weir_block_header *h) {
    weir_id_copy(r->whose.journal, h->journal);
    r->whose.incarnation = h->incarnation;
    r->next = h->block + 1;
    r->next_at = h->offset + weir_block_extent(h);
    r->last = h->block;
    r->last_hash = h->hash;
}

static int read_block_header(weir_reader *r, uint64_t block, uint64_t offset,
                             weir_block_header *h) {
    int status = weir_scan_header(&r->scan, &r->whose, offset, h);
    if (status == WEIR_NOT_FOUND) return WEIR_DAMAGED; /* zeros where a block was located */
    if (status != WEIR_OK) return status;
    bool follows = r->last && r->last + 1 == block;
    if (h->block != block || (follows && h->previous_hash != r->last_hash)) return WEIR_DAMAGED;
    note_header(r, h);
    return WEIR_OK;
}

/* From the last block seen, or from the beginning of the extent, whichever is nearer. */
static int walk_to(weir_reader *r, const weir_extent *extent, uint64_t block, weir_block_header *h,
                   weir_error *error) {
    bool resume = r->next >= extent->first_block && r->next <= block && r->next_at >= extent->begin;
    uint64_t at = resume ? r->next_at : extent->begin;
    for (uint64_t n = resume ? r->next : extent->first_block; n <= block; n++) {
        int status = read_block_header(r, n, at, h);
        if (status != WEIR_OK) return fail_at(r, status, n, at, NULL, error);
        at = r->next_at;
    }
    return WEIR_OK;
}

/* ---- reading it ---- */

uint64_t weir_reader_nearest(const weir_reader *r, uint64_t block, weir_side side) {
    return r->locator.nearest ? r->locator.nearest(r->locator.self, block, side) : block;
}

int weir_reader_header(weir_reader *r, uint64_t block, weir_block_header *out, weir_error *error) {
    weir_extent extent;
    int status = find_extent(r, block, &extent, error);
    return status == WEIR_OK ? walk_to(r, &extent, block, out, error) : status;
}

int weir_reader_payload(weir_reader *r, weir_read_block *block, weir_error *error) {
    const weir_block_header *h = &block->header;
    int status = weir_decoder_read(&r->decoder, &r->scan, h, &block->payload);
    return status == WEIR_OK ? status : fail_at(r, status, h->block, h->offset, h, error);
}

int weir_reader_read(weir_reader *r, uint64_t block, weir_read_block *out, weir_error *error) {
    int status = weir_reader_header(r, block, &out->header, error);
    return status == WEIR_OK ? weir_reader_payload(r, out, error) : status;
}

int weir_reader_declarations(weir_reader *r, uint64_t block, weir_read_block *out,
                             weir_error *error) {
    weir_extent extent;
    int status = find_extent(r, block, &extent, error);
    if (status != WEIR_OK) return status;
    weir_identity whose = {.segment = extent.segment};
    weir_id_copy(whose.journal, r->whose.journal);
    status = weir_scan_header(&r->scan, &whose, WEIR_BLOCK_ALIGN, &out->header);
    if (status == WEIR_NOT_FOUND) status = WEIR_DAMAGED;
    if (status == WEIR_OK && out->header.kind != WEIR_BLOCK_DECLARATIONS) status = WEIR_DAMAGED;
    if (status == WEIR_OK)
        status = weir_decoder_read(&r->decoder, &r->scan, &out->header, &out->payload);
    return status == WEIR_OK ? status : fail_at(r, status, block, WEIR_BLOCK_ALIGN, NULL, error);
}
