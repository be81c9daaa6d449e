/* pack_segment.c - one archived segment becomes a packed one. */
#include "pack_segment.h"

#include <errno.h>
#include <string.h>

#include "../../lib/format/names.h"
#include "../../lib/verify/decode.h"
#include "../../pack/packer.h"

#define ASIDE "packed.new"

void weir_packed_path(char out[WEIR_PATH_MAX], const char *archive, uint64_t segment) {
    weir_numbered_path(out, archive, "packed-segment", segment);
}

/* ---- reading a segment, packed or not, block by block ---- */

typedef struct source {
    weir_scan scan;
    weir_decoder decoder;
    weir_segment_header header;
    uint8_t bytes[WEIR_SEGMENT_HEADER];
    weir_log_end last; /* what was read last, or what the segment begins with */
    uint64_t next_row;
} source;

typedef struct block {
    weir_block_header header;
    uint8_t bytes[WEIR_BLOCK_HEADER];
    const uint8_t *raw; /* until the next */
} block;

static int open_source(source *s, const weir_os *os, int dirfd, const char *path, uint64_t number,
                       weir_error *error) {
    const uint8_t *bytes;
    *s = (source){.next_row = 0};
    weir_scan_make(&s->scan, os, dirfd);
    int result = weir_scan_open(&s->scan, path);
    if (result == -ENOENT) return weir_fail(error, WEIR_NOT_FOUND, "%s: it is not there", path);
    if (result < 0) return weir_fail_os(error, result, "%s: cannot open it", path);
    int status = weir_scan_bytes(&s->scan, 0, sizeof s->bytes, &bytes);
    if (status == WEIR_OK) {
        memcpy(s->bytes, bytes, sizeof s->bytes);
        status = weir_segment_header_decode(s->bytes, &s->header);
    }
    if (status == WEIR_OK && s->header.segment != number) status = WEIR_DAMAGED;
    if (status == WEIR_NOT_FOUND) status = WEIR_DAMAGED; /* all zeros */
    s->last =
        (weir_log_end){number, WEIR_BLOCK_ALIGN, s->header.first_block - 1, s->header.before.hash};
    s->next_row = s->header.first_row;
    if (status == WEIR_OK) return status;
    if (status == WEIR_IO) return weir_fail_os(error, s->scan.result, "%s: cannot read it", path);
    return weir_fail(error, status, "%s: its header is %s; see weir verify --archive", path,
                     status == WEIR_VERSION ? "of a newer version" : "damaged");
}

static void close_source(source *s) {
    weir_scan_free(&s->scan);
    weir_decoder_free(&s->decoder);
}

static bool is_following(const source *s, const weir_block_header *h) {
    return h->block == s->last.block + 1 && h->previous_hash == s->last.hash &&
           h->first_row == s->next_row;
}

/* The block that comes next, valid by all that the format asks of it. */
static int read_next(source *s, block *out) {
    weir_identity whose = {.segment = s->header.segment, .incarnation = s->header.incarnation};
    weir_block_header *h = &out->header;
    const uint8_t *bytes;
    weir_payload payload;
    memcpy(whose.journal, s->header.journal, sizeof whose.journal);
    int status = weir_scan_header(&s->scan, &whose, s->last.offset, h);
    if (status == WEIR_NOT_FOUND || (status == WEIR_OK && !is_following(s, h)))
        status = WEIR_DAMAGED;
    if (status == WEIR_OK) status = weir_scan_bytes(&s->scan, h->offset, sizeof out->bytes, &bytes);
    if (status != WEIR_OK) return status;
    memcpy(out->bytes, bytes, sizeof out->bytes);
    status = weir_decoder_raw(&s->decoder, &s->scan, h, &out->raw);
    if (status == WEIR_OK && !weir_payload_parse(out->raw, h->raw_bytes, &payload))
        status = WEIR_DAMAGED;
    if (status == WEIR_OK) status = weir_payload_check(&payload, h);
    s->last = (weir_log_end){h->segment, h->offset + weir_block_extent(h), h->block, h->hash};
    s->next_row = h->first_row + h->rows;
    return status;
}

static int fail_at_block(const source *s, int status, const char *path, weir_error *error) {
    unsigned long long at = s->last.offset, number = s->last.block;
    if (status == WEIR_IO)
        return weir_fail_os(error, s->scan.result, "%s: cannot read near byte %llu", path, at);
    if (status == WEIR_NO_MEMORY)
        return weir_fail(error, status, "%s: no memory to read block %llu", path, number);
    return weir_fail(error, status,
                     "%s near byte %llu: a block is damaged or of a newer version; the segment "
                     "stays as it is: see weir verify --archive",
                     path, at);
}

/* ---- packing ---- */

typedef struct packing {
    const weir_pack_input *input;
    const weir_segment_end *end;
    char plain[WEIR_PATH_MAX], aside[WEIR_PATH_MAX], packed[WEIR_PATH_MAX];
    source from;
    weir_pack_result *result;
    weir_error *error;
} packing;

static bool is_end(const source *s, const weir_log_end *end) {
    return s->last.offset == end->offset && s->last.block == end->block &&
           s->last.hash == end->hash;
}

static int fail_to_write(const packing *p, int status, int64_t result) {
    if (status == WEIR_IO)
        return weir_fail_os(p->error, result, "%s: cannot write it; free space", p->aside);
    return weir_fail(p->error, status, "%s: no memory to write it", p->aside);
}

static int pack_blocks(packing *p, weir_packer *packer) {
    block b;
    while (!is_end(&p->from, &p->end->end)) {
        int64_t result = 0;
        int status =
            p->from.last.offset < p->end->end.offset ? read_next(&p->from, &b) : WEIR_DAMAGED;
        if (status != WEIR_OK) return fail_at_block(&p->from, status, p->plain, p->error);
        status = weir_packer_add(packer, b.bytes, b.raw, &result);
        if (status != WEIR_OK) return fail_to_write(p, status, result);
        p->result->blocks++;
        p->result->rows += b.header.rows;
        if (p->input->stop(p->input->context, p->from.last.offset)) return WEIR_PENDING;
    }
    return WEIR_OK;
}

static int fill_packed(packing *p, int file) {
    const weir_os *os = p->input->os;
    weir_packer *packer;
    int64_t result = 0;
    int status = weir_packer_make(os, file, p->from.bytes, p->from.scan.limit, &packer);
    if (status != WEIR_OK) return fail_to_write(p, status, 0);
    status = pack_blocks(p, packer);
    if (status == WEIR_OK) {
        status = weir_packer_finish(packer, &result);
        if (status == WEIR_OK && (result = os->datasync(os->self, file)) < 0) status = WEIR_IO;
        if (status != WEIR_OK) status = fail_to_write(p, status, result);
    }
    p->result->bytes_after = weir_packer_bytes(packer);
    weir_packer_free(packer);
    return status;
}

/* What an interrupted one left is written anew. */
static int write_packed_aside(packing *p) {
    const weir_os *os = p->input->os;
    int gone = os->unlink(os->self, p->input->dirfd, p->aside);
    if (gone < 0 && gone != -ENOENT)
        return weir_fail_os(p->error, gone, "%s: cannot remove it", p->aside);
    int file = os->open(os->self, p->input->dirfd, p->aside,
                        WEIR_OS_READ | WEIR_OS_WRITE | WEIR_OS_CREATE | WEIR_OS_EXCLUSIVE);
    if (file < 0) return weir_fail_os(p->error, file, "%s: cannot create it", p->aside);
    int status = fill_packed(p, file);
    int closed = os->close(os->self, file);
    if (status == WEIR_OK && closed < 0)
        status = weir_fail_os(p->error, closed, "%s: cannot write it", p->aside);
    return status;
}

/* ---- comparing ---- */

static bool is_same(const block *a, const block *b) {
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0 &&
           memcmp(a->raw, b->raw, a->header.raw_bytes) == 0;
}

static int compare_blocks(packing *p, source *to) {
    block a, b;
    uint64_t size = p->end->end.offset;
    int status = memcmp(p->from.bytes, to->bytes, sizeof to->bytes) == 0 ? WEIR_OK : WEIR_DAMAGED;
    while (status == WEIR_OK && !is_end(&p->from, &p->end->end)) {
        status = read_next(&p->from, &a);
        if (status == WEIR_OK) status = read_next(to, &b);
        if (status == WEIR_OK && !is_same(&a, &b)) status = WEIR_DAMAGED;
        if (status == WEIR_OK && p->input->stop(p->input->context, size + to->last.offset))
            return WEIR_PENDING;
    }
    if (status == WEIR_OK) return status;
    return weir_fail(p->error, status,
                     "%s: near block %llu it cannot be read as it was written; the segment stays "
                     "as it is: check disk and memory of this machine",
                     p->aside, (unsigned long long)to->last.block);
}

/* With what reads every packed segment. */
static int compare_segments(packing *p) {
    weir_os reading = *p->input->os;
    source to;
    reading.packed = true;
    uint64_t number = p->end->segment;
    close_source(&p->from);
    int status = open_source(&p->from, p->input->os, p->input->dirfd, p->plain, number, p->error);
    if (status != WEIR_OK) return status;
    status = open_source(&to, &reading, p->input->dirfd, p->aside, number, p->error);
    if (status == WEIR_OK && !to.scan.packed) status = WEIR_DAMAGED;
    if (status == WEIR_OK) status = compare_blocks(p, &to);
    close_source(&to);
    return status;
}

/* ---- names ---- */

/* Somebody deleted the segment while it was packed, and perhaps those after it. */
static int fail_deleted(packing *p) {
    return weir_fail(p->error, WEIR_NOT_FOUND, "%s: somebody deleted it meanwhile", p->plain);
}

static int check_still_there(packing *p) {
    weir_os_info info;
    int found = p->input->os->info(p->input->os->self, p->input->dirfd, p->plain, &info);
    return found == -ENOENT ? fail_deleted(p) : WEIR_OK;
}

static int take_back_packed(packing *p) {
    const weir_os *os = p->input->os;
    int result = os->unlink(os->self, p->input->dirfd, p->packed);
    if (result == -ENOENT) result = 0; /* who deleted the segment has deleted this too */
    if (result >= 0) result = os->sync_directory(os->self, p->input->dirfd, p->input->archive);
    return result < 0 ? weir_fail_os(p->error, result, "%s: cannot remove it", p->packed)
                      : fail_deleted(p);
}

static int name_packed(packing *p) {
    const weir_os *os = p->input->os;
    int dirfd = p->input->dirfd;
    int result = os->rename(os->self, dirfd, p->aside, dirfd, p->packed);
    if (result >= 0) result = os->sync_directory(os->self, dirfd, p->input->archive);
    if (result < 0) return weir_fail_os(p->error, result, "%s: cannot give it its name", p->packed);
    result = os->unlink(os->self, dirfd, p->plain);
    if (result == -ENOENT) return take_back_packed(p);
    if (result >= 0) result = os->sync_directory(os->self, dirfd, p->input->archive);
    if (result >= 0) return WEIR_OK;
    return weir_fail_os(p->error, result, "%s: cannot remove it; the packed one is whole",
                        p->plain);
}

static int pack(packing *p) {
    int status = write_packed_aside(p);
    p->result->packed = status == WEIR_OK && p->result->bytes_after < p->result->bytes_before;
    if (p->result->packed) status = compare_segments(p);
    if (p->result->packed && status == WEIR_OK) status = check_still_there(p);
    if (p->result->packed && status == WEIR_OK) return name_packed(p);
    const weir_os *os = p->input->os;
    (void)os->unlink(os->self, p->input->dirfd, p->aside); /* if it stays it means nothing */
    return status;
}

int weir_pack_segment(const weir_pack_input *input, const weir_segment_end *end,
                      weir_pack_result *out, weir_error *error) {
    packing p = {.input = input, .end = end, .result = out, .error = error};
    *out = (weir_pack_result){.packed = false};
    weir_numbered_path(p.plain, input->archive, "segment", end->segment);
    weir_path_in(p.aside, input->archive, ASIDE);
    weir_packed_path(p.packed, input->archive, end->segment);
    int status = open_source(&p.from, input->os, input->dirfd, p.plain, end->segment, error);
    out->bytes_before = p.from.scan.limit;
    if (status == WEIR_OK && end->end.segment != end->segment)
        status = weir_fail(error, WEIR_NOT_FOUND, "%s: no segment says where it ends", p.plain);
    if (status == WEIR_OK) status = pack(&p);
    close_source(&p.from);
    return status;
}
