/* missing.c - rows that do not come: gaps and losses, told with their numbers. */
#include <errno.h>
#include <stdio.h>

#include "steps.h"

/* ---- what is told ------------------------------------------------------------------------ */

int weir_reading_tell(weir_reading *r, weir_read_kind kind, uint64_t first, uint64_t last) {
    r->item = (struct weir_read_item){
        .kind = kind, .row = first, .last_row = last, .text = r->text, .block = r->mark.at.block};
    r->looks = 0;
    return WEIR_OK;
}

int weir_reading_tell_lost(weir_reading *r, uint64_t first, uint64_t last, const char *why,
                           weir_error *error) {
    bool known = first && last >= first;
    (void)weir_reading_tell(r, WEIR_READ_LOST, known ? first : 0, known ? last : 0);
    if (known)
        (void)snprintf(r->text, sizeof r->text,
                       "%.150s: rows %llu to %llu are damaged or missing: %.160s", r->directory,
                       (unsigned long long)first, (unsigned long long)last, why);
    else
        (void)snprintf(r->text, sizeof r->text, "%.150s: it is unknown which rows are missing: %s",
                       r->directory, why);
    return weir_fail(error, WEIR_DAMAGED, "%s", r->text);
}

static int tell_gap(weir_reading *r, uint64_t first, uint64_t last) {
    (void)weir_reading_tell(r, WEIR_READ_GAP, first, last);
    (void)snprintf(r->text, sizeof r->text,
                   "%.200s: rows %llu to %llu have left the journal: they were applied",
                   r->directory, (unsigned long long)first, (unsigned long long)last);
    return WEIR_OK;
}

static void pass_rows(weir_reading *r, uint64_t block, uint64_t hash, uint64_t row) {
    r->next = block + 1;
    r->mark.at.block = block;
    r->mark.at.hash = hash;
    if (row > r->mark.at.row) {
        r->mark.at.row = row;
        r->mark.row_hash = 0;
    }
}

static uint64_t hash_before(weir_reading *r, uint64_t block) {
    weir_block_header h;
    return weir_reader_header(r->reader, block, &h, NULL) == WEIR_OK ? h.previous_hash : 0;
}

/* Blocks between the last one and the beginning of this extent are not there. */
int weir_reading_meet_missing(weir_reading *r, const weir_extent *e, weir_error *error) {
    uint64_t first = r->mark.at.row + 1, last = e->first_row - 1, block = r->next;
    const weir_damage *d = weir_stretch_damage(&r->stretch, block, e->first_block - 1);
    bool front = e == &r->stretch.extents[r->stretch.gone] && !d, begins = r->anywhere;
    r->anywhere = false;
    pass_rows(r, e->first_block - 1, hash_before(r, e->first_block), last);
    if (begins && front) return WEIR_GO_ON;
    if (d && d->rows_unknown) return weir_reading_tell_lost(r, 0, 0, d->why, error);
    if (last < first) return WEIR_GO_ON;
    if (front) d = weir_stretch_damage_before(&r->stretch, e->segment);
    if (front && !d) return tell_gap(r, first, last);
    return weir_reading_tell_lost(r, first, last, d ? d->why : "its blocks are lost", error);
}

/* Promised blocks behind the last one that can be read. */
int weir_reading_meet_lost_end(weir_reading *r, weir_error *error) {
    const weir_stretch *s = &r->stretch;
    uint64_t first = r->mark.at.row + 1, last = s->next_row - 1;
    const weir_damage *d = weir_stretch_damage(s, r->next, s->end.block);
    bool begins = r->anywhere;
    r->anywhere = false;
    pass_rows(r, s->end.block, s->end.hash, last);
    if (d && d->rows_unknown) return weir_reading_tell_lost(r, 0, 0, d->why, error);
    if (last < first || (begins && !d)) return WEIR_GO_ON;
    if (!d)
        return tell_gap(r, first, last); /* the segment that held them is gone, and none has rows */
    return weir_reading_tell_lost(r, first, last, d->why, error);
}

/* Where a reading begins at a row: the block before the one that has it. */
int weir_reading_find_row(weir_reading *r, weir_error *error) {
    uint64_t row = r->mark.at.row + 1;
    const weir_stretch *s = &r->stretch;
    const weir_extent *e = NULL;
    for (size_t i = s->gone; !e && i < s->count; i++)
        if (s->extents[i].next_row > row) e = &s->extents[i];
    if (!e) return row >= s->next_row ? WEIR_PENDING : weir_reading_meet_lost_end(r, error);
    r->by_row = r->anywhere = false;
    if (e->first_row <= row) {
        r->next = e->first_block;
        return WEIR_GO_ON;
    }
    r->next = e > &s->extents[s->gone] ? e[-1].last_block + 1 : 1;
    return weir_reading_meet_missing(r, e, error);
}

/* A block that is read twice in vain is passed over, if it is the disk or the bytes that fail. */
int weir_reading_meet_trouble(weir_reading *r, uint64_t block, int status, weir_error *error) {
    bool bytes = status == WEIR_DAMAGED || (status == WEIR_IO && error->os_error == EIO);
    if (r->troubled != block || status == WEIR_NOT_FOUND) {
        r->troubled = block;
        r->verify = status == WEIR_DAMAGED;
        r->look_due = true;
        return WEIR_GO_ON;
    }
    if (!bytes) return status;
    char why[160];
    (void)snprintf(why, sizeof why, "%.*s", (int)sizeof why - 1, error->text);
    weir_block_header next;
    const weir_extent *e = weir_stretch_extent(&r->stretch, block + 1);
    uint64_t first = r->mark.at.row + 1, row = r->stretch.next_row, hash = 0;
    if (e && e->first_block > block + 1) row = e->first_row;
    if (e && e->first_block <= block + 1 &&
        weir_reader_header(r->reader, block + 1, &next, NULL) == WEIR_OK) {
        row = next.first_row;
        hash = next.previous_hash;
    }
    pass_rows(r, block, hash, row - 1);
    return row > first ? weir_reading_tell_lost(r, first, row - 1, why, error) : WEIR_GO_ON;
}
