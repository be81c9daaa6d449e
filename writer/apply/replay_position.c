/* replay_position.c - where the sink stands, and where replay goes on. */
#include "replay_position.h"

#include <stdio.h>

static bool same_position(const weir_position *a, const weir_position *b) {
    return a->block == b->block && a->row == b->row && a->hash == b->hash;
}

static bool is_before(const weir_position *a, const weir_position *b) {
    return a->block < b->block || (a->block == b->block && a->row < b->row);
}

static bool is_answer(int status) {
    return status == WEIR_OK || status == WEIR_PENDING || weir_replay_is_lost(status);
}

/* Rows may be lost between the row of a position and its block, if that has none. Of a block that is
 * gone nothing is known. */
static int stand_at(weir_replay *r, const weir_position *p, weir_error *error) {
    weir_block_header h = {.block = 0};
    int status = WEIR_OK;
    if (r->skip_damage && p->block) {
        r->block.header.block = 0; /* the reader has one block at a time */
        status = weir_reader_header(r->reader, p->block, &h, error);
        if (!is_answer(status)) return status;
    }
    r->at = (weir_replay_place){.position = *p, .next = p->block + 1, .hash = p->hash};
    if (status == WEIR_OK && h.block && h.hash == p->hash) r->at.behind = weir_replay_last_row(&h);
    return WEIR_OK;
}

/* ---- asking ---------------------------------------------------------------------------------- */

/* The place before the block with which a sink begins that has no position. */
static int find_origin(weir_replay *r, weir_position *out, weir_error *error) {
    weir_block_header h;
    if (r->first_block > 1 && r->origin.block == 0) {
        r->block.header.block = 0; /* the reader has one block at a time */
        int status = weir_reader_header(r->reader, r->first_block, &h, error);
        if (status == WEIR_NOT_FOUND) status = WEIR_DAMAGED;
        if (status != WEIR_OK) return status;
        r->origin =
            (weir_position){.block = h.block - 1, .row = h.first_row - 1, .hash = h.previous_hash};
    }
    *out = r->origin;
    weir_id_copy(out->journal, r->journal);
    return WEIR_OK;
}

static int begin_sink(weir_replay *r, weir_position *found, weir_error *error) {
    int status = r->sink->begin(r->sink->self, r->journal, found, error);
    bool none = status == WEIR_OK && found->block == 0 && found->row == 0 && found->hash == 0;
    return none ? find_origin(r, found, error) : status;
}

int weir_replay_begin(weir_replay *r, weir_error *error) {
    weir_position found;
    int status = begin_sink(r, &found, error);
    if (status != WEIR_OK || same_position(&found, &r->at.position)) return status;
    if (r->sink->remote) return WEIR_SINK_REOPENED;
    return weir_fail(error, WEIR_FOREIGN,
                     "the database's position moved from row %llu to row %llu "
                     "without us: it was restored or replaced while it was open",
                     (unsigned long long)r->at.position.row, (unsigned long long)found.row);
}

/* ---- a transaction whose commit was not answered --------------------------------------------- */

void weir_replay_keep_pending(weir_replay *r, const weir_replay_place *to,
                              const weir_replay_result *result) {
    weir_replay_pending *p = &r->pending;
    *p = (weir_replay_pending){.is = true, .to = *to, .result = *result};
    if (!result->counts.mended) return;
    (void)snprintf(p->mended, sizeof p->mended, "%s", result->counts.mended); /* it is for people */
    p->result.counts.mended = p->mended;
}

static void take_pending(weir_replay *r, weir_replay_result *result) {
    *result = r->pending.result;
    result->more = true;
    r->at = r->pending.to;
}

/* ---- a position that moved by itself --------------------------------------------------------- */

static int say_foreign(const weir_position *p, const char *why, weir_error *error) {
    return weir_fail(error, WEIR_FOREIGN,
                     "the database's position, row %llu at block %llu, is not of this history of "
                     "the journal: %s",
                     (unsigned long long)p->row, (unsigned long long)p->block, why);
}

/* Is it a place in this journal? See the header of this file. Where neither the block nor the next
 * one can be read yet, the next one will be compared before it is applied. */
static int judge_found(weir_replay *r, const weir_position *p, weir_error *error) {
    weir_block_header at = {.first_row = 1}, next; /* block 0 has no row, and 0 as its hash */
    r->block.header.block = 0;                     /* the reader has one block at a time */
    int here = p->block ? weir_reader_header(r->reader, p->block, &at, error) : WEIR_OK;
    if (here == WEIR_PENDING) return say_foreign(p, "the journal ends before it", error);
    int behind = is_answer(here) ? weir_reader_header(r->reader, p->block + 1, &next, error) : here;
    if (!is_answer(behind)) return behind;
    if ((here == WEIR_OK && at.hash != p->hash) ||
        (behind == WEIR_OK && next.previous_hash != p->hash))
        return say_foreign(p, "the block has another hash", error);
    if (weir_replay_is_lost(behind)) /* the row may be in it */
        return r->skip_damage ? WEIR_OK : weir_replay_say_missing(r, p->block + 1, p, error);
    const weir_block_header *last = behind == WEIR_OK ? &next : here == WEIR_OK ? &at : NULL;
    return last && p->row > weir_replay_last_row(last)
               ? say_foreign(p, "the row is not there", error)
               : WEIR_OK;
}

/* Somebody has applied what lies between: those who wait for these rows must hear of it. Blocks
 * without rows may name no lanes, and the one before them says the same. A gap may be very wide. */
static int find_marks(weir_replay *r, const weir_position *to, weir_replay_result *result,
                      weir_error *error) {
    int status = WEIR_OK;
    uint64_t n = to->block;
    while (n > r->at.position.block && !result->last.rows) {
        status = weir_reader_read(r->reader, n, &r->block, error);
        if (!is_answer(status)) break;
        if (status == WEIR_OK) weir_replay_keep_payload(r, result);
        n = status == WEIR_OK || n == 1 ? n - 1 : weir_reader_nearest(r->reader, n - 1, WEIR_BELOW);
    }
    r->block.header.block = 0;
    return is_answer(status) ? WEIR_OK : status;
}

static int move(weir_replay *r, const weir_position *to, weir_replay_result *result,
                weir_error *error) {
    const weir_position *from = &r->at.position;
    int status = is_before(from, to) ? find_marks(r, to, result, error) : WEIR_OK;
    result->moved = (weir_replay_move){.is = r->known, .from = *from, .to = *to};
    result->more = true;
    return status;
}

/* ---- deciding -------------------------------------------------------------------------------- */

int weir_replay_ask(weir_replay *r, weir_replay_result *result, weir_error *error) {
    weir_position found;
    if (r->asked) return WEIR_OK;
    int status = begin_sink(r, &found, error);
    r->sink->rollback(r->sink->self);
    if (status != WEIR_OK) return status;
    bool stands = r->known && same_position(&found, &r->at.position);
    bool committed = r->pending.is && same_position(&found, &r->pending.to.position);
    bool elsewhere = r->sink->remote && !stands && !committed;
    if (elsewhere) status = judge_found(r, &found, error);
    if (status != WEIR_OK) return status;
    if (committed) take_pending(r, result);
    r->pending.is = false;
    elsewhere = elsewhere && (r->known || !same_position(&found, &r->origin));
    if (elsewhere) status = move(r, &found, result, error);
    if (status == WEIR_OK && !committed) status = stand_at(r, &found, error);
    if (status != WEIR_OK) return status;
    r->asked = r->known = true;
    if (error)
        *error = (weir_error){0}; /* of an answer that was lost, or a block that was not needed */
    return elsewhere || committed ? WEIR_REPLAY_ELSEWHERE : WEIR_OK;
}
