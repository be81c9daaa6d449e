/* inventory.c - read a journal directory whole, change nothing, and say what is there. */
#include "inventory.h"

#include <stdlib.h>
#include <string.h>

#include "chain.h"
#include "verdict_text.h"
#include "walk.h"

enum { LOOKS_MOST = 8 }; /* at a directory that changes between any two */

typedef struct taking {
    const weir_inventory_input *input;
    weir_inventory *inv;
    weir_error *error;
    weir_chain chain;
    weir_walk walk;
    weir_log_end base; /* where the stream is before the first block kept */
} taking;

/* ---- marks from outside ----------------------------------------------------------------- */

static const weir_position *position_in(const taking *t) {
    for (size_t i = 0; i < t->input->position_count; i++)
        if (weir_id_equal(t->input->positions[i].journal, t->inv->journal))
            return &t->input->positions[i];
    return NULL;
}

static bool is_journal(const weir_inventory *inv) { return !weir_id_is_none(inv->journal); }

static void take_position(taking *t) {
    const weir_position *p = is_journal(t->inv) ? position_in(t) : NULL;
    bool others = t->input->database_has_positions;
    t->inv->found.position = others ? WEIR_POSITION_OTHER : WEIR_POSITION_NONE;
    if (p) t->inv->position = *p;
}

static bool has_position(const taking *t) {
    return is_journal(t->inv) && weir_id_equal(t->inv->position.journal, t->inv->journal);
}

static void take_ring(taking *t) {
    const uint8_t *journal = t->input->ring_journal;
    t->inv->found.ring = t->input->ring;
    bool ours = weir_ring_is_ours(t->input->ring);
    if (ours && journal && is_journal(t->inv) && !weir_id_equal(journal, t->inv->journal))
        t->inv->found.ring = WEIR_RING_FOREIGN;
}

static void set_marks(taking *t) {
    weir_walk *w = &t->walk;
    const weir_position *p = &t->inv->position;
    t->inv->durable = (weir_durable_mark){.source = "segment"};
    if (has_position(t)) {
        w->position.block = p->block;
        w->position_row = p->row;
        weir_walk_mark(w, (weir_durable_mark){p->block, p->hash, p->row, "database"});
    }
    if (t->input->ring_mark && weir_ring_is_ours(t->inv->found.ring)) {
        weir_durable_mark mark = *t->input->ring_mark;
        mark.source = "ring";
        w->ring.block = mark.block;
        weir_walk_mark(w, mark);
        /* The mark is stored before the rows are applied, so a database that is ahead of it was
         * not used with this ring last. */
        w->older = mark.block < w->position.block;
    }
}

/* ---- the stream ------------------------------------------------------------------------- */

static void set_base(taking *t) {
    const weir_link *first = &t->chain.links[0];
    if (first->first_block == 0) return;
    t->base = (weir_log_end){0, 0, first->first_block - 1, first->before_hash};
    if (first->note->status == WEIR_OK) t->base = first->note->header.before;
    t->inv->begin = t->inv->end = t->base;
    t->inv->found.recycled = first->first_block > 1;
}

/* A block of the stream, named by the ring, that is not the one the ring means. */
static int check_ring(taking *t) {
    const weir_cross_check *ring = &t->walk.ring;
    const weir_durable_mark *mark = t->input->ring_mark;
    if (!ring->seen || ring->block == 0 || ring->hash == mark->hash) return WEIR_OK;
    weir_damage damage = {
        .first_block = ring->block, .last_block = ring->block, .rows_unknown = true};
    return weir_walk_damage(&t->walk, damage, t->input->directory,
                            "block %llu is not the one that the ring vouches for",
                            (unsigned long long)ring->block);
}

static int walk(taking *t) {
    t->walk.input = t->input;
    t->walk.inventory = t->inv;
    t->walk.error = t->error;
    set_marks(t);
    if (t->chain.count) set_base(t);
    int status = weir_walk_chain(&t->walk, &t->chain);
    return status == WEIR_OK ? check_ring(t) : status;
}

/* ---- what it says ----------------------------------------------------------------------- */

static weir_found_position judge_position(const taking *t) {
    const weir_position *p = &t->inv->position;
    const weir_cross_check *seen = &t->walk.position;
    if (!has_position(t)) return t->inv->found.position;
    if (seen->seen && seen->hash != p->hash) return WEIR_POSITION_DIFFERS;
    if (p->block < t->base.block) return WEIR_POSITION_BEFORE;
    if (t->walk.behind) return WEIR_POSITION_BEYOND;
    return WEIR_POSITION_MATCHES; /* where the block itself is lost, the damage says so */
}

static weir_found_tail judge_tail(const taking *t) {
    if (t->inv->damage_count && !t->walk.behind) return WEIR_TAIL_ROT;
    return t->walk.torn ? WEIR_TAIL_TORN : WEIR_TAIL_CLEAN;
}

/* The extent that holds block, or else the first one after it; NULL: there is none. */
static const weir_extent *extent_at(const weir_inventory *inv, uint64_t block) {
    for (size_t i = 0; i < inv->extent_count; i++)
        if (inv->extents[i].last_block >= block) return &inv->extents[i];
    return NULL;
}

/* By the first block that is there, or else by the last segment: a segment without a block may name
 * any row, and the next one need not agree. */
static uint64_t first_row_of_stream(const weir_inventory *inv) {
    return inv->extent_count ? inv->extents[0].first_row : inv->next_row;
}

static void set_durable(weir_inventory *inv, weir_log_end end, uint64_t next_row) {
    inv->durable_end = end;
    inv->durable_next_row = next_row;
}

/* What can be read begins behind the mark, and the next segment shall still name one that stands before
 * it, or the one whose header is lost: should salvage be interrupted, that is how the next one finds the
 * damage again. */
static void end_in_file_below(const weir_inventory *inv, uint64_t segment, weir_log_end *lost) {
    for (size_t i = inv->segment_count; lost->segment == 0 && i-- > 0;) {
        const weir_segment_note *note = &inv->segments[i];
        bool damaged = note->status != WEIR_OK && note->status != WEIR_NOT_FOUND;
        bool below = note->number < segment && note->status != WEIR_NOT_FOUND;
        if (below || (note->number == segment && damaged))
            *lost = (weir_log_end){note->number, WEIR_BLOCK_ALIGN, lost->block, lost->hash};
    }
}

/* Where the journal begins; with its first header lost nobody says what came before. */
static weir_log_end begin_of(const taking *t) {
    weir_log_end begin = t->base;
    const weir_segment_note *first = t->chain.count ? t->chain.links[0].note : NULL;
    if (first && first->status != WEIR_OK && begin.block)
        end_in_file_below(t->inv, first->number, &begin);
    return begin;
}

/* Where a promised block was that is not there any more: before e, or at the end. */
static weir_log_end lost_end(const taking *t, const weir_extent *e) {
    const weir_inventory *inv = t->inv;
    weir_log_end lost = !e ? inv->end : t->base;
    if (e && e > inv->extents) {
        lost.segment = e[-1].segment;
        lost.offset = e[-1].end;
    }
    lost.block = inv->durable.block;
    lost.hash = inv->durable.hash;
    end_in_file_below(inv, e ? e->segment : UINT64_MAX, &lost);
    return lost;
}

static void take_durable(taking *t) {
    weir_inventory *inv = t->inv;
    uint64_t block = inv->durable.block;
    const weir_extent *e = extent_at(inv, block);
    const weir_block_end *last = weir_walk_end(&t->walk, block);
    if (!last && block > t->base.block) { /* it is lost, and only its mark is known */
        set_durable(inv, lost_end(t, e), e ? e->first_row : inv->next_row);
        return;
    }
    if (last)
        set_durable(inv, last->end, last->next_row);
    else
        set_durable(inv, begin_of(t), first_row_of_stream(inv));
    inv->durable.hash = inv->durable_end.hash;
    inv->durable.row = inv->durable_next_row ? inv->durable_next_row - 1 : 0;
}

/* The last block says how far the ring is drained, so it is decoded whatever is verified. The walk
 * has done that, unless it is one of rows in an older segment. */
static int decode_last(taking *t) {
    weir_walk *w = &t->walk;
    const char *path = t->inv->extents[t->inv->extent_count - 1].path;
    if (w->drained_block == w->last.block) return WEIR_OK;
    int result = weir_scan_open(&w->scan, path);
    if (result < 0) return weir_open_failed(result, path, t->error);
    int status = weir_walk_decode(w, &w->last);
    bool failed = status == WEIR_IO || status == WEIR_NO_MEMORY;
    return failed ? weir_scan_failed(&w->scan, status, path, t->error) : status;
}

static int damage_last(taking *t) {
    const weir_block_header *last = &t->walk.last;
    weir_damage damage = {.segment = last->segment,
                          .offset = last->offset,
                          .first_block = last->block,
                          .last_block = last->block};
    if (last->rows) {
        damage.first_row = last->first_row;
        damage.last_row = last->first_row + last->rows - 1;
    }
    return weir_walk_damage(&t->walk, damage, t->inv->extents[t->inv->extent_count - 1].path,
                            "the payload cannot be decoded");
}

static int take_drained(taking *t) {
    const weir_block_header *last = &t->walk.last;
    if (last->block == 0) return WEIR_OK;
    int status = decode_last(t);
    if (status == WEIR_DAMAGED) return damage_last(t);
    if (status != WEIR_OK) return status;
    weir_drained *drained = &t->inv->drained;
    *drained = t->walk.drained;
    t->walk.drained.marks = NULL; /* the inventory has them now */
    t->inv->drained_block = last->block;
    bool none = drained->count == 0 && weir_id_is_none(drained->ring);
    t->inv->closed = none && last->kind == WEIR_BLOCK_MARK;
    return WEIR_OK;
}

/* No journal reaches the highest number of a segment: a file was given that name. Nor does one
 * reach these numbers of blocks or rows, which takes 292 years at one a nanosecond; after them
 * would come numbers that no header may have. */
static bool is_spent(const weir_inventory *inv) {
    return inv->last_segment >= UINT64_MAX - 1 || inv->end.block >= INT64_MAX ||
           inv->durable.block >= INT64_MAX || inv->next_row >= INT64_MAX ||
           inv->durable_next_row >= INT64_MAX;
}

static void judge_findings(taking *t) {
    weir_inventory *inv = t->inv;
    inv->found.spent = is_spent(inv);
    if (t->input->database_missing) inv->found.database = WEIR_DATABASE_MISSED;
    if (t->input->database_broken) inv->found.database = WEIR_DATABASE_BROKEN;
    /* How many rows a ring has is found later; that there is one means that somebody appended. */
    inv->found.rows = inv->next_row > 1 || weir_ring_is_ours(t->input->ring);
    if (inv->found.journal == WEIR_JOURNAL_PRESENT) {
        inv->found.tail = judge_tail(t);
        inv->found.position = judge_position(t);
    }
    inv->verdict = weir_judge(&inv->found);
    weir_findings_describe(t->input, inv);
}

/* ---- taking ----------------------------------------------------------------------------- */

/* Of a journal whose headers and blocks are all lost its ring still says which one it was. */
static void ask_ring(taking *t) {
    const uint8_t *journal = t->input->ring_journal;
    if (journal && !is_journal(t->inv)) weir_id_copy(t->inv->journal, journal);
}

static int read_stream(taking *t) {
    int status = weir_chain_build(t->input, t->inv, t->inv->position.block, &t->chain, t->error);
    if (status != WEIR_OK) return status;
    ask_ring(t);
    take_position(t); /* again: with no header left, blocks have said which journal this is */
    take_ring(t);
    status = walk(t);
    if (status != WEIR_OK || t->inv->found.journal != WEIR_JOURNAL_PRESENT) return status;
    status = take_drained(t);
    if (status == WEIR_OK) take_durable(t);
    return status;
}

static int take_inventory_once(const weir_inventory_input *input, weir_inventory *out,
                               weir_error *error) {
    *out = (weir_inventory){.dirfd = input->dirfd, .durable.source = "segment"};
    taking t = {.input = input, .inv = out, .error = error};
    weir_scan_make(&t.walk.scan, input->os, input->dirfd);
    int status = weir_chain_list(input, out, error);
    if (status == WEIR_OK) {
        take_position(&t);
        take_ring(&t);
        if (out->found.journal == WEIR_JOURNAL_PRESENT) status = read_stream(&t);
    }
    if (status == WEIR_OK) judge_findings(&t);
    weir_walk_free(&t.walk);
    weir_chain_free(&t.chain);
    return status;
}

static bool is_suspicious(const weir_inventory *inv) {
    return inv->damage_count || inv->found.journal == WEIR_JOURNAL_MIXED;
}

/* Damage that is there twice, in the same place, among the same files, is damage. */
static bool looks_the_same(const weir_inventory *a, const weir_inventory *b) {
    if (a->found.journal != b->found.journal || a->damage_count != b->damage_count) return false;
    if (a->segment_count != b->segment_count) return false;
    for (size_t i = 0; i < a->segment_count; i++)
        if (a->segments[i].number != b->segments[i].number) return false;
    for (size_t i = 0; i < a->damage_count; i++) {
        const weir_damage *x = &a->damages[i], *y = &b->damages[i];
        if (x->segment != y->segment || x->offset != y->offset || x->first_block != y->first_block)
            return false;
    }
    return true;
}

/* Is this look the last one? */
static bool is_settled(int status, const weir_inventory *former, const weir_inventory *now) {
    if (status == WEIR_NOT_FOUND) return false; /* a segment went away while it was read */
    if (status != WEIR_OK || !is_suspicious(now)) return true;
    return is_suspicious(former) && looks_the_same(former, now);
}

/* A live journal recycles segments and writes blocks while they are read, which can look like
 * damage for a moment. So whatever is suspicious is looked at again until it stays the same; and
 * with every block decoded, so that all looks name the same places. */
int weir_inventory_take(const weir_inventory_input *input, weir_inventory *out, weir_error *error) {
    weir_inventory former = {0};
    weir_inventory_input look = *input;
    int status = take_inventory_once(&look, out, error);
    for (int looks = 1; looks < LOOKS_MOST && !is_settled(status, &former, out); looks++) {
        if (status == WEIR_OK && out->damage_count) look.verify_all = true;
        weir_inventory_free(&former);
        if (status == WEIR_OK)
            former = *out;
        else
            weir_inventory_free(out);
        status = take_inventory_once(&look, out, error);
    }
    weir_inventory_free(&former);
    if (status != WEIR_NOT_FOUND) return status;
    return weir_fail(error, WEIR_IO,
                     "%s: segments come and go too fast to be read; try again, or "
                     "look at a copy",
                     input->directory);
}

void weir_inventory_free(weir_inventory *inventory) {
    for (size_t i = 0; i < inventory->segment_count; i++)
        free(inventory->segments[i].path);
    for (size_t i = 0; i < inventory->damage_count; i++)
        free(inventory->damages[i].path);
    free(inventory->segments);
    free(inventory->extents);
    free(inventory->damages);
    free(inventory->drained.marks);
    *inventory = (weir_inventory){0};
}
