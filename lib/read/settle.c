/* settle.c - is a place that was kept in the stream that is there? */
#include "reading.h"

/* Places with the same name in two copies of a journal may be followed by different rows: the hash of
 * the block's header says which it was. */

static int fail_history(const weir_reading *r, weir_error *error) {
    return weir_fail(error, WEIR_FOREIGN,
                     "%s: the place after row %llu is of another history of this journal: an older "
                     "copy of it came back; begin anew, at the row that you choose",
                     r->directory, (unsigned long long)r->mark.at.row);
}

typedef enum verdict { SAME, DIFFERS, UNKNOWN } verdict;

/* The header hash of that block, by itself or by the one after it. */
static verdict compare_block(weir_reading *r, weir_error *error, int *status) {
    const weir_position *at = &r->mark.at;
    const weir_log_end *end = &r->stretch.end;
    weir_block_header h;
    if (at->hash == 0 || at->block == 0) return UNKNOWN;
    if (at->block == end->block) return at->hash == end->hash ? SAME : DIFFERS;
    const weir_extent *e = weir_stretch_extent(&r->stretch, at->block);
    if (!e || e->first_block > at->block + 1) return UNKNOWN;
    bool itself = e->first_block <= at->block;
    *status = weir_reader_header(r->reader, itself ? at->block : at->block + 1, &h, error);
    if (*status != WEIR_OK) return UNKNOWN;
    return (itself ? h.hash : h.previous_hash) == at->hash ? SAME : DIFFERS;
}

/* The block of the extent that holds the row. */
static int find_block(weir_reading *r, const weir_extent *e, uint64_t row, weir_read_block *out,
                      weir_error *error) {
    for (uint64_t b = e->first_block; b <= e->last_block; b++) {
        int status = weir_reader_header(r->reader, b, &out->header, error);
        if (status != WEIR_OK) return status;
        const weir_block_header *h = &out->header;
        if (row < h->first_row + h->rows) return weir_reader_payload(r->reader, out, error);
    }
    return WEIR_NOT_FOUND;
}

/* Rows keep their numbers and bytes when an opening writes their block again. */
static verdict compare_row(weir_reading *r, weir_error *error, int *status) {
    const weir_extent *e = weir_stretch_extent_of_row(&r->stretch, r->mark.at.row);
    weir_read_block block;
    const uint8_t *bytes = NULL;
    size_t length = 0;
    if (!e || r->mark.row_hash == 0) return UNKNOWN;
    *status = find_block(r, e, r->mark.at.row, &block, error);
    if (*status != WEIR_OK) return UNKNOWN;
    weir_cursor body = block.payload.body;
    for (uint64_t n = block.header.first_row; n <= r->mark.at.row; n++)
        if (weir_payload_next_row(&body, &bytes, &length) != 1) return UNKNOWN;
    if (weir_hash(bytes, length) != r->mark.row_hash) return DIFFERS;
    r->mark.at.block = block.header.block - 1;
    r->mark.at.hash = block.header.previous_hash;
    return SAME;
}

int weir_reading_settle(weir_reading *r, weir_error *error) {
    const weir_position *at = &r->mark.at;
    const weir_stretch *s = &r->stretch;
    int status = WEIR_OK;
    bool begins = at->block == 0 && at->row == 0;
    verdict block = begins || r->by_row ? SAME : compare_block(r, error, &status);
    verdict row = block == SAME ? SAME : compare_row(r, error, &status);
    if (status != WEIR_OK) return status;
    if (row != SAME && at->row >= s->next_row) return WEIR_PENDING;
    if (row == DIFFERS || (block == DIFFERS && row == UNKNOWN)) return fail_history(r, error);
    /* Where nothing can tell any more, the row's number must do. */
    if (row == UNKNOWN && (at->block == 0 || at->block > s->end.block)) r->by_row = true;
    r->next = at->block + 1;
    r->settled = true;
    return WEIR_OK;
}
