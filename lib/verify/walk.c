/* walk.c - walk all blocks of a chain of segments. */
#include "walk.h"

#include <stdlib.h>

/* ---- what the walk leaves in the inventory ---------------------------------------------- */

void weir_walk_mark(weir_walk *w, weir_durable_mark mark) {
    weir_durable_mark *best = &w->inventory->durable;
    bool says_more = mark.block == best->block && best->hash == 0 && mark.hash;
    if (mark.block > best->block || says_more) *best = mark;
    bool database = strcmp(mark.source, "database") == 0;
    bool header = !database && strcmp(mark.source, "ring") != 0;
    if (!database && mark.block > w->promised) w->promised = mark.block;
    if (header && mark.block > w->inventory->vouched) w->inventory->vouched = mark.block;
}

static void witness(weir_walk *w, uint64_t block, uint64_t hash) {
    weir_cross_check *both[] = {&w->position, &w->ring};
    for (size_t i = 0; i < 2; i++) {
        if (both[i]->block != block) continue;
        both[i]->hash = hash;
        both[i]->seen = true;
    }
}

typedef enum progress { PROGRESS_EACH_MIB, PROGRESS_AT_END } progress;

static void show_progress(weir_walk *w, uint64_t offset, progress when) {
    enum { STEP = 1024 * 1024 };
    uint64_t done = w->bytes_before + offset;
    bool due = when == PROGRESS_AT_END || done - w->bytes_shown >= STEP;
    if (!w->input->progress || !due) return;
    w->bytes_shown = done;
    w->input->progress(w->input->progress_context, done, w->inventory->bytes);
}

/* ---- one good block --------------------------------------------------------------------- */

void weir_walk_expect(weir_walk *w, uint64_t block, uint64_t row, uint64_t hash) {
    w->next_block = block;
    w->next_row = row;
    w->hash = hash;
    witness(w, block - 1, hash);
}

void weir_walk_pass_over(weir_walk *w, const weir_block_header *h) {
    weir_walk_expect(w, h->block + 1, h->first_row + h->rows, h->hash);
}

static weir_extent *extent_for(weir_walk *w, const weir_block_header *h) {
    weir_inventory *inv = w->inventory;
    weir_extent *last = inv->extent_count ? &inv->extents[inv->extent_count - 1] : NULL;
    bool goes_on = last && last->segment == h->segment && last->end == h->offset;
    if (goes_on && last->last_block + 1 == h->block) return last;
    weir_extent *list =
        weir_walk_grow(inv->extents, inv->extent_count, &w->extent_capacity, sizeof *list);
    if (!list) return NULL;
    inv->extents = list;
    list[inv->extent_count] = (weir_extent){.segment = h->segment,
                                            .begin = h->offset,
                                            .first_block = h->block,
                                            .first_row = h->first_row,
                                            .path = w->link->note->path};
    return &list[inv->extent_count++];
}

/* Below the durable mark no end is asked for, and most marks rise to the block before. */
static bool keep_end(weir_walk *w, uint64_t next_row) {
    size_t n = w->end_count;
    if (n && w->ends[n - 1].end.block <= w->inventory->durable.block) {
        w->ends[0] = w->ends[n - 1];
        w->end_count = 1;
    }
    weir_block_end *list = weir_walk_grow(w->ends, w->end_count, &w->end_capacity, sizeof *list);
    if (!list) return false;
    w->ends = list;
    list[w->end_count++] = (weir_block_end){w->inventory->end, next_row};
    return true;
}

const weir_block_end *weir_walk_end(const weir_walk *w, uint64_t block) {
    for (size_t i = 0; i < w->end_count; i++)
        if (w->ends[i].end.block == block) return &w->ends[i];
    return NULL;
}

static int accept_block(weir_walk *w, const weir_block_header *h) {
    weir_extent *extent = extent_for(w, h);
    if (!extent) return weir_walk_no_memory(w);
    weir_inventory *inv = w->inventory;
    extent->end = h->offset + weir_block_extent(h);
    extent->last_block = h->block;
    extent->last_hash = h->hash;
    extent->next_row = h->first_row + h->rows;
    w->former_end = inv->end;
    inv->end = (weir_log_end){h->segment, extent->end, h->block, h->hash};
    if (!keep_end(w, extent->next_row)) return weir_walk_no_memory(w);
    if (w->last.block == 0) inv->first_wall_ns = h->wall_ns;
    inv->last_wall_ns = h->wall_ns;
    if (h->compatible) inv->read_only = true;
    w->last_but_one = w->last;
    w->last = *h;
    weir_walk_pass_over(w, h);
    weir_walk_mark(w, (weir_durable_mark){.block = h->durable_block, .source = "block"});
    if (h->rows && w->position_row >= h->first_row)
        weir_walk_mark(w, (weir_durable_mark){h->block, h->hash, w->next_row - 1, "database"});
    show_progress(w, extent->end, PROGRESS_EACH_MIB);
    return WEIR_OK;
}

/* ---- one place -------------------------------------------------------------------------- */

/* Everything that opening reads is decoded here, so that nothing can contradict the verdict
 * later: the youngest segment, and the blocks that declare tables. For older rows the hash is
 * enough, since no damage leaves it right; to decode them all would make an opening wait for a
 * tenth of the time that the replay takes. */
static bool must_decode(const weir_walk *w, const weir_block_header *h) {
    return w->input->verify_all || w->link->promised == 0 || h->kind != WEIR_BLOCK_ROWS;
}

/* A payload whose hash agrees but that is not valid was written like that: no crash and no
 * damage leaves one. So the block is not part of a torn tail, and serves as a mark for itself. */
static void mark_invalid_block(weir_walk *w, weir_walk_place *p) {
    const weir_block_header *h = &p->header;
    p->finding = WEIR_WALK_BAD;
    p->why = "the payload does not hold what its header says";
    weir_walk_mark(w, (weir_durable_mark){h->block, h->hash, h->first_row + h->rows - 1, "block"});
}

int weir_walk_decode(weir_walk *w, const weir_block_header *h) {
    weir_payload payload;
    int status = weir_decoder_read(&w->decoder, &w->scan, h, &payload);
    if (status != WEIR_OK) return status;
    if (!w->drained.marks) w->drained.marks = malloc(WEIR_LANES_LIMIT * sizeof *w->drained.marks);
    if (!w->drained.marks) return WEIR_NO_MEMORY;
    weir_payload_drained(&payload, &w->drained);
    w->drained_block = h->block;
    return WEIR_OK;
}

static int check_payload(weir_walk *w, weir_walk_place *p) {
    const uint8_t *stored;
    int status = weir_scan_payload(&w->scan, &p->header, &stored);
    if (status == WEIR_DAMAGED) {
        p->finding = WEIR_WALK_BAD;
        p->why = "the payload does not match its hash";
        return WEIR_OK;
    }
    if (status != WEIR_OK || !must_decode(w, &p->header)) return status;
    status = weir_walk_decode(w, &p->header);
    if (status != WEIR_DAMAGED) return status;
    mark_invalid_block(w, p);
    return WEIR_OK;
}

static int compare(weir_walk *w, weir_walk_place *p) {
    const weir_block_header *h = &p->header;
    if (h->block != w->next_block) {
        p->finding = h->block > w->next_block ? WEIR_WALK_AHEAD : WEIR_WALK_NOTHING;
        p->why = "blocks are missing before the next one";
        return WEIR_OK;
    }
    p->finding = WEIR_WALK_GOOD;
    if (h->first_row == w->next_row && h->previous_hash == w->hash) return check_payload(w, p);
    p->finding = WEIR_WALK_BAD;
    p->why = "the block does not continue the one before it";
    return WEIR_OK;
}

static int look_at_place(weir_walk *w, uint64_t offset, weir_walk_place *p) {
    *p = (weir_walk_place){.finding = WEIR_WALK_NOTHING};
    int status = weir_scan_header(&w->scan, &w->link->whose, offset, &p->header);
    switch (status) {
    case WEIR_OK: return compare(w, p);
    case WEIR_NOT_FOUND: p->why = "zeros stand where a block was promised"; return WEIR_OK;
    case WEIR_DAMAGED: p->why = "the block is damaged or cut off"; return WEIR_OK;
    case WEIR_VERSION:
        w->inventory->newer = (weir_newer){p->header.version, p->header.incompatible};
        w->inventory->newer_path = w->link->note->path;
        return status;
    default: return status;
    }
}

/* ---- one segment ------------------------------------------------------------------------ */

static int walk_blocks(weir_walk *w) {
    uint64_t offset = w->link->begin;
    bool more = true;
    while (more && offset < w->scan.limit && w->scan.limit - offset >= WEIR_BLOCK_HEADER) {
        if (w->link->promised && w->next_block > w->link->promised) break;
        weir_walk_place p;
        int status = look_at_place(w, offset, &p);
        if (status == WEIR_OK && p.finding == WEIR_WALK_GOOD) {
            status = accept_block(w, &p.header);
            offset = w->inventory->end.offset;
        } else if (status == WEIR_OK) {
            status = weir_walk_skip(w, &p, &offset, &more);
        }
        if (status != WEIR_OK) return status;
    }
    return WEIR_OK;
}

/* A file shorter than its header says, cut off where blocks were promised. A closing cuts its file
 * behind its mark. */
static int check_length(weir_walk *w) {
    const weir_segment_note *note = w->link->note;
    bool cut = note->status == WEIR_OK && note->header.bytes > note->file_bytes &&
               w->scan.limit == note->file_bytes;
    if (!cut || (w->link->promised == 0 && weir_walk_is_closed(w))) return WEIR_OK;
    if (w->link->promised == 0) w->torn = true;
    if (w->open || w->next_block > weir_walk_promise(w)) return WEIR_OK;
    return weir_walk_open_damage(w, weir_walk_offset(w), "the file is cut off here");
}

static int walk_file(weir_walk *w) {
    const weir_link *link = w->link;
    int result = weir_scan_open(&w->scan, link->note->path);
    if (result < 0) return weir_open_failed(result, link->note->path, w->error);
    if (w->scan.limit > link->limit) w->scan.limit = link->limit;
    if (link->end.segment && w->scan.limit > link->end.offset) w->scan.limit = link->end.offset;
    w->surveyed = false;
    w->torn = false;
    w->torn_end = 0;
    int status = walk_blocks(w);
    if (status == WEIR_IO || status == WEIR_NO_MEMORY) {
        if (w->scan.result) return weir_scan_failed(&w->scan, status, link->note->path, w->error);
        return weir_walk_no_memory(w);
    }
    if (status == WEIR_VERSION) {
        w->inventory->found.journal = WEIR_JOURNAL_NEWER;
        return WEIR_OK;
    }
    return status == WEIR_OK ? check_length(w) : status;
}

/* ---- from one segment to the next ------------------------------------------------------- */

static unsigned long long number_of(const weir_link *link) {
    return (unsigned long long)link->number;
}

/* The segment before ended elsewhere than this one says. */
static int meet_gap(weir_walk *w) {
    const weir_link *link = w->link;
    if (!w->open) {
        w->link = w->former; /* the damage is there */
        int status =
            weir_walk_damage(w, weir_walk_here(w, weir_walk_offset(w)), weir_walk_path(w),
                             "it ends before the place that segment %llu names", number_of(link));
        w->link = link;
        if (status != WEIR_OK) return status;
        w->open = true;
    }
    weir_walk_close_damage(w, link->first_block, link->first_row);
    return WEIR_OK;
}

/* The last block does not belong to the stream after all. */
static void drop_last(weir_walk *w) {
    weir_inventory *inv = w->inventory;
    weir_extent *extent = &inv->extents[inv->extent_count - 1];
    const weir_block_header *h = &w->last;
    inv->end = w->former_end;
    extent->end = h->offset;
    extent->last_block = h->block - 1;
    extent->last_hash = h->previous_hash;
    extent->next_row = h->first_row;
    if (extent->begin == extent->end) inv->extent_count--;
    while (w->end_count && w->ends[w->end_count - 1].end.block >= h->block)
        w->end_count--;
    w->last = w->last_but_one;
}

/* The block that the younger segment continues was promised, so the one that is here is wrong. The
 * younger segment says how many rows the promised one had; this block does not. */
static int meet_stranger(weir_walk *w) {
    const weir_block_header *h = &w->last;
    bool any = w->link->first_row > h->first_row;
    weir_damage damage = {.segment = h->segment,
                          .offset = h->offset,
                          .first_block = h->block,
                          .last_block = h->block,
                          .first_row = any ? h->first_row : 0,
                          .last_row = any ? w->link->first_row - 1 : 0};
    bool ours = w->former->number == h->segment && w->former->note;
    drop_last(w);
    return weir_walk_damage(w, damage, ours ? w->former->note->path : NULL,
                            "it is not the block that segment %llu continues", number_of(w->link));
}

/* Is the block before the next one lost? */
static bool ends_lost(const weir_walk *w) {
    const weir_inventory *inv = w->inventory;
    const weir_damage *last = inv->damage_count ? &inv->damages[inv->damage_count - 1] : NULL;
    return last && last->last_block && last->last_block + 1 == w->next_block;
}

/* Compare the end of the stream so far with where this segment says that it begins. */
static int meet_place(weir_walk *w) {
    const weir_link *link = w->link;
    if (link->first_block == 0) return WEIR_OK;
    int status = WEIR_OK;
    bool differs = w->hash != link->before_hash || w->next_row != link->first_row;
    bool adjacent = w->last.block && w->last.block + 1 == w->next_block; /* no damage between */
    /* A lost block's header may have named fewer rows than there were. */
    bool rows_missing = w->next_row && link->first_row > w->next_row && ends_lost(w) &&
                        link->first_block == w->next_block;
    bool open = w->open;
    if (w->next_block && (open || link->first_block > w->next_block || rows_missing))
        status = meet_gap(w);
    else if (open)
        weir_walk_close_damage(w, link->first_block, link->first_row);
    bool meets = link->first_block == w->next_block || (!open && link->first_block < w->next_block);
    if (status == WEIR_OK && adjacent && differs && meets) status = meet_stranger(w);
    weir_walk_expect(w, link->first_block, link->first_row, link->before_hash);
    return status;
}

static int note_unreadable(weir_walk *w) {
    const weir_link *link = w->link;
    if (!link->note) return weir_walk_open_absence(w, 0, "the segment is missing");
    if (link->note->status == WEIR_OK) return WEIR_OK;
    if (link->first_block == 0) return weir_walk_open_damage(w, 0, link->note->why);
    /* Its blocks can be read; but who says what the lost ones held that stood in front of them? */
    weir_damage damage = {.segment = link->number};
    bool from_its_begin = link->begin == WEIR_BLOCK_ALIGN || w->former;
    damage.rows_unknown = !from_its_begin && link->first_row > w->inventory->position.row + 1;
    return weir_walk_damage(w, damage, link->note->path, "%s", link->note->why);
}

static int walk_link(weir_walk *w) {
    const weir_link *link = w->link;
    int status = meet_place(w);
    if (status == WEIR_OK) status = note_unreadable(w);
    if (status == WEIR_OK && link->note && link->first_block) status = walk_file(w);
    if (link->note) w->bytes_before += link->note->file_bytes;
    w->former = link;
    return status;
}

/* The journal ends below a mark: with a damage still open, or with nothing wrong to be seen. */
static int end_below_mark(weir_walk *w) {
    const weir_durable_mark *mark = &w->inventory->durable;
    weir_walk_mark_applied_row(w);
    uint64_t row = mark->row && mark->row + 1 >= w->next_row ? mark->row + 1 : 0;
    if (w->next_block <= mark->block) {
        w->behind = w->inventory->damage_count == 0 && w->promised < w->next_block &&
                    (w->older || !w->torn);
        if (!w->open) {
            int status = weir_walk_open_absence(w, weir_walk_offset(w),
                                                "the journal ends here, below a durable mark");
            if (status != WEIR_OK) return status;
        }
        weir_walk_close_damage(w, mark->block + 1, row);
        if (row) w->next_row = row;
    }
    weir_walk_close_damage(w, 0, 0);
    return WEIR_OK;
}

/* The void bytes after the stream. Where it ends in damage, the damage says what is there. */
static uint64_t torn_bytes(const weir_walk *w) {
    uint64_t end = weir_walk_offset(w);
    const weir_inventory *inv = w->inventory;
    const weir_damage *last = inv->damage_count ? &inv->damages[inv->damage_count - 1] : NULL;
    bool hurt = last && last->segment == w->link->number && last->offset >= end;
    return hurt || w->torn_end < end ? 0 : w->torn_end - end;
}

int weir_walk_chain(weir_walk *w, const weir_chain *chain) {
    weir_scan_make(&w->scan, w->input->os, w->input->dirfd);
    for (size_t i = 0; i < chain->count; i++) {
        const weir_segment_note *note = chain->links[i].note;
        if (!note || note->status != WEIR_OK) continue;
        const weir_segment_header *h = &note->header;
        weir_walk_mark(
            w, (weir_durable_mark){h->before.block, h->before.hash, h->first_row - 1, "segment"});
    }
    int status = WEIR_OK;
    for (size_t i = 0; status == WEIR_OK && i < chain->count; i++) {
        if (w->inventory->found.journal != WEIR_JOURNAL_PRESENT) return WEIR_OK; /* newer */
        w->link = &chain->links[i];
        status = walk_link(w);
    }
    if (status == WEIR_OK && chain->count) status = end_below_mark(w);
    if (w->link) w->inventory->torn_bytes = torn_bytes(w);
    show_progress(w, 0, PROGRESS_AT_END);
    w->inventory->next_row = w->next_row;
    return status;
}

void weir_walk_free(weir_walk *w) {
    weir_scan_free(&w->scan);
    weir_decoder_free(&w->decoder);
    free(w->ends);
    free(w->drained.marks);
}
