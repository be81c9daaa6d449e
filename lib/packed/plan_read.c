/* plan_read.c - streams and columns of numbers out of a plan that may be anything. */
#include <stdlib.h>

#include "../base/status.h"
#include "../format/block.h"
#include "plan.h"

struct weir_plan_piece {
    weir_plan_piece *next;
    _Alignas(max_align_t) uint8_t bytes[];
};

bool weir_plan_expands(const uint8_t *stored, uint32_t stored_bytes, uint32_t raw_bytes) {
    if (stored_bytes == raw_bytes) return true;
    return stored_bytes < raw_bytes && weir_frame_is_whole(stored, stored_bytes, raw_bytes);
}

int weir_plan_expand(ZSTD_DCtx *zstd, const uint8_t *stored, uint32_t stored_bytes, uint8_t *raw,
                     uint32_t raw_bytes) {
    if (stored_bytes == raw_bytes) {
        (void)weir_put_bytes(raw, stored, raw_bytes);
        return WEIR_OK;
    }
    size_t bytes = ZSTD_decompressDCtx(zstd, raw, raw_bytes, stored, stored_bytes);
    return bytes == raw_bytes ? WEIR_OK : WEIR_DAMAGED; /* an error of zstd is a huge number */
}

void weir_plan_refuse(weir_plan_reader *r, int status) {
    if (r->status == WEIR_OK) r->status = status;
}

bool weir_plan_done(const weir_plan_reader *r) {
    return r->status == WEIR_OK && weir_cursor_ok(&r->plan) && weir_cursor_left(&r->plan) == 0 &&
           weir_cursor_left(&r->rest) == 0;
}

/* Room of so many bytes, within the budget. */
static uint8_t *new_piece(weir_plan_reader *r, uint32_t bytes) {
    if (bytes > r->budget) {
        weir_plan_refuse(r, WEIR_DAMAGED);
        return NULL;
    }
    weir_plan_piece *piece = malloc(sizeof *piece + bytes);
    if (!piece) {
        weir_plan_refuse(r, WEIR_NO_MEMORY);
        return NULL;
    }
    r->budget -= bytes;
    piece->next = r->pieces;
    r->pieces = piece;
    return piece->bytes;
}

void weir_plan_reader_free(weir_plan_reader *r) {
    while (r->pieces) {
        weir_plan_piece *next = r->pieces->next;
        free(r->pieces);
        r->pieces = next;
    }
}

void *weir_plan_room(weir_plan_reader *r, uint64_t count, size_t bytes) {
    if (count > UINT32_MAX / bytes) {
        weir_plan_refuse(r, WEIR_DAMAGED);
        return NULL;
    }
    uint8_t *room = new_piece(r, (uint32_t)(count * bytes));
    if (room) memset(room, 0, (size_t)count * bytes);
    return room;
}

/* Memory only for a frame that is long enough for what it claims. */
static const uint8_t *expand_piece(weir_plan_reader *r, const uint8_t *stored,
                                   uint32_t stored_bytes, uint32_t raw_bytes) {
    if (!stored || !weir_plan_expands(stored, stored_bytes, raw_bytes)) {
        weir_plan_refuse(r, WEIR_DAMAGED);
        return NULL;
    }
    if (stored_bytes == raw_bytes) return stored;
    uint8_t *raw = new_piece(r, raw_bytes);
    if (!raw) return NULL;
    int status = weir_plan_expand(r->zstd, stored, stored_bytes, raw, raw_bytes);
    if (status == WEIR_OK) return raw;
    weir_plan_refuse(r, status);
    return NULL;
}

void weir_plan_read(weir_plan_reader *r, ZSTD_DCtx *zstd, const uint8_t *stored,
                    uint32_t stored_bytes, uint32_t raw_bytes, uint64_t budget) {
    *r = (weir_plan_reader){.zstd = zstd, .budget = budget, .status = WEIR_OK};
    const uint8_t *plan = expand_piece(r, stored, stored_bytes, raw_bytes);
    r->plan = weir_cursor_over(plan, plan ? raw_bytes : 0);
}

weir_cursor weir_plan_take_stream(weir_plan_reader *r) {
    uint32_t raw = weir_take_u32(&r->plan), stored = weir_take_u32(&r->plan);
    const uint8_t *bytes = NULL;
    if (weir_cursor_ok(&r->plan) && r->status == WEIR_OK)
        bytes = stored ? expand_piece(r, weir_take(&r->rest, stored), stored, raw)
                       : weir_take(&r->plan, raw);
    if (!bytes) weir_plan_refuse(r, WEIR_DAMAGED); /* unless it has said something else */
    return weir_cursor_over(bytes, bytes ? raw : 0);
}

/* ---- numbers ---- */

void weir_plan_take_numbers(weir_plan_reader *r, uint32_t count, weir_plan_numbers *out) {
    *out = (weir_plan_numbers){.count = 0};
    if (count == 0) return;
    uint8_t filter = weir_take_u8(&r->plan), width = weir_take_u8(&r->plan);
    weir_plan_numbers n = {.base = weir_take_u64(&r->plan), .count = count, .width = width};
    n.differences = filter == 1;
    if (n.differences) n.last = weir_take_u64(&r->plan);
    if (!weir_cursor_ok(&r->plan) || filter > 1 || width > 8) {
        weir_plan_refuse(r, WEIR_DAMAGED);
        return;
    }
    uint64_t length = (uint64_t)(count - n.differences) * width;
    weir_cursor planes = weir_cursor_over(NULL, 0);
    if (width) planes = weir_plan_take_stream(r);
    n.planes = planes.at;
    if (weir_cursor_left(&planes) == length)
        *out = n;
    else
        weir_plan_refuse(r, WEIR_DAMAGED);
}

uint64_t weir_plan_next(weir_plan_numbers *n) {
    if (n->next == n->count) return 0;
    uint32_t i = n->next++;
    if (n->differences && i == 0) return n->last;
    size_t stride = n->count - n->differences, at = n->differences ? i - 1 : i;
    uint64_t number = n->base, bits = 0;
    for (unsigned byte = 0; byte < n->width; byte++, at += stride)
        bits |= (uint64_t)n->planes[at] << 8 * byte;
    number += bits;
    if (!n->differences) return number;
    return n->last += number;
}
