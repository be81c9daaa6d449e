/* damage.c - places that a walk cannot read: what it says of them, how far each of them reaches,
 * and where it goes on after them. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "walk.h"

int weir_walk_no_memory(const weir_walk *w) {
    return weir_fail(w->error, WEIR_NO_MEMORY, "%s: no memory to read it", w->input->directory);
}

void *weir_walk_grow(void *array, size_t count, size_t *capacity, size_t element) {
    if (count < *capacity) return array;
    size_t wanted = *capacity * 2 + 16;
    void *larger = realloc(array, wanted * element);
    if (larger) *capacity = wanted;
    return larger;
}

int weir_walk_damage(weir_walk *w, weir_damage damage, const char *path, const char *format, ...) {
    weir_inventory *inv = w->inventory;
    weir_damage *list =
        weir_walk_grow(inv->damages, inv->damage_count, &w->damage_capacity, sizeof *list);
    if (!list) return weir_walk_no_memory(w);
    inv->damages = list;
    damage.path = path ? strdup(path) : NULL;
    if (path && !damage.path) return weir_walk_no_memory(w);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(damage.why, sizeof damage.why, format,
                    arguments); /* a cut text is still a text */
    va_end(arguments);
    list[inv->damage_count++] = damage;
    return WEIR_OK;
}

weir_damage weir_walk_here(const weir_walk *w, uint64_t offset) {
    return (weir_damage){.segment = w->link->number,
                         .offset = offset,
                         .first_block = w->next_block,
                         .first_row = w->next_row};
}

const char *weir_walk_path(const weir_walk *w) {
    return w->link->note ? w->link->note->path : NULL;
}

/* Everything before block and row is lost; 0: it is not known how much. Where nothing says what had
 * to come first, rows before row may be lost that the database has not applied. */
static void finish_damage(weir_damage *d, uint64_t block, uint64_t row, uint64_t applied) {
    d->last_block = block > d->first_block ? block - 1 : 0;
    d->last_row = row > d->first_row ? row - 1 : 0;
    if (d->first_block == 0 || d->last_block == 0) d->first_block = d->last_block = 0;
    if (d->first_row && row == 0) {
        size_t length = strlen(d->why);
        (void)snprintf(d->why + length, sizeof d->why - length, "; rows from %llu on are concerned",
                       (unsigned long long)d->first_row); /* a cut text is still a text */
    }
    d->rows_unknown = row == 0 || (d->first_row == 0 && row > applied + 1);
    if (d->first_row == 0 || d->last_row == 0) d->first_row = d->last_row = 0;
}

void weir_walk_close_damage(weir_walk *w, uint64_t block, uint64_t row) {
    weir_inventory *inv = w->inventory;
    if (w->open) finish_damage(&inv->damages[inv->damage_count - 1], block, row, inv->position.row);
    w->open = false;
}

int weir_walk_open_damage(weir_walk *w, uint64_t offset, const char *why) {
    weir_walk_close_damage(w, 0, 0);
    int status = weir_walk_damage(w, weir_walk_here(w, offset), weir_walk_path(w), "%s", why);
    w->open = status == WEIR_OK;
    return status;
}

int weir_walk_open_absence(weir_walk *w, uint64_t offset, const char *why) {
    int status = weir_walk_open_damage(w, offset, why);
    if (status == WEIR_OK) w->inventory->damages[w->inventory->damage_count - 1].missing = true;
    return status;
}

uint64_t weir_walk_offset(const weir_walk *w) {
    bool any = w->last.block && w->last.segment == w->link->number;
    return any ? w->inventory->end.offset : w->link->begin;
}

/* ---- a place that is not good ----------------------------------------------------------- */

/* A close mark is the last block that is ever written to a segment: what follows it in the file
 * is of a former use and need not be read. Marks are always decoded. */
bool weir_walk_is_closed(const weir_walk *w) {
    const weir_block_header *h = &w->last;
    if (h->segment != w->link->number || h->kind != WEIR_BLOCK_MARK) return false;
    if (h->raw_bytes != WEIR_PAYLOAD_HEAD || h->codec != WEIR_CODEC_RAW) return false;
    return w->drained_block == h->block && weir_id_is_none(w->drained.ring);
}

/* Blocks after the first bad one may say that it had been durable. */
static int survey_tail(weir_walk *w, uint64_t offset) {
    if (w->surveyed || weir_walk_is_closed(w)) return WEIR_OK;
    weir_tail tail;
    int status = weir_scan_tail(&w->scan, &w->link->whose, offset, &tail);
    if (status != WEIR_OK) return status;
    w->surveyed = true;
    w->torn = tail.torn;
    w->torn_end = offset + tail.bytes;
    weir_walk_mark(w, (weir_durable_mark){.block = tail.durable, .source = "block"});
    return WEIR_OK;
}

/* An older copy of journal and ring ends as a crash leaves it, perhaps torn. The marks of a
 * database that has gone on without it promise nothing about that tail. */
uint64_t weir_walk_promise(const weir_walk *w) {
    if (w->link->promised) return w->link->promised;
    return w->older ? w->promised : w->inventory->durable.block;
}

/* The last promised row, when a mark says it. */
static uint64_t promised_row(const weir_walk *w, uint64_t otherwise) {
    const weir_durable_mark *mark = &w->inventory->durable;
    bool known = mark->block == weir_walk_promise(w) && mark->row && mark->row + 1 >= w->next_row;
    return known ? mark->row : otherwise;
}

/* Damage that ends at p, a later block of the same segment. *more becomes false when p is above
 * every mark: then the stream ends before it. */
static int skip_to(weir_walk *w, uint64_t offset, const weir_walk_place *p, bool *more) {
    const weir_block_header *h = &p->header;
    bool reached = h->block - 1 <= weir_walk_promise(w);
    weir_damage damage = weir_walk_here(w, offset);
    uint64_t block = reached ? h->block : weir_walk_promise(w) + 1;
    uint64_t row = reached ? h->first_row : promised_row(w, h->first_row - 1) + 1;
    if (row < w->next_row) row = w->next_row; /* a header that contradicts those before it */
    int status = weir_walk_damage(w, damage, weir_walk_path(w), "%s", p->why);
    if (status != WEIR_OK) return status;
    w->open = true;
    weir_walk_close_damage(w, block, row);
    *more = reached;
    if (reached) {
        weir_walk_expect(w, block, row, h->previous_hash);
    } else { /* the hash of the last promised block is not known */
        w->next_block = block;
        w->next_row = row;
    }
    return WEIR_OK;
}

/* Exactly one block is bad, and its header is whole. */
static int skip_one(weir_walk *w, const weir_walk_place *p, uint64_t *offset) {
    weir_damage damage = weir_walk_here(w, *offset);
    int status = weir_walk_damage(w, damage, weir_walk_path(w), "%s", p->why);
    if (status != WEIR_OK) return status;
    uint64_t row = p->header.first_row + p->header.rows;
    w->open = true;
    weir_walk_close_damage(w, p->header.block + 1, row > w->next_row ? row : w->next_row);
    weir_walk_pass_over(w, &p->header);
    *offset = p->header.offset + weir_block_extent(&p->header);
    return WEIR_OK;
}

/* Nothing is wrong with the bytes: the journal just ends here, perhaps below a mark. Or the end
 * of this segment is unknown because the segment whose header names it is lost: then the damage
 * is reported there. */
static bool ends_quietly(const weir_walk *w) {
    return w->link->promised ? w->link->end.segment == 0 : !w->torn;
}

/* Only durable blocks are applied, and a position may be within a block: then the block that
 * holds its row is promised too, though the position names the block before it. */
void weir_walk_mark_applied_row(weir_walk *w) {
    if (w->next_row == 0 || w->position_row < w->next_row) return;
    weir_walk_mark(w, (weir_durable_mark){w->next_block, 0, w->position_row, "database"});
}

int weir_walk_skip(weir_walk *w, weir_walk_place *p, uint64_t *offset, bool *more) {
    uint64_t bad = *offset;
    *more = false;
    if (w->link->promised == 0) {
        int status = survey_tail(w, bad);
        if (status != WEIR_OK) return status;
        weir_walk_mark_applied_row(w);
    }
    if (w->next_block > weir_walk_promise(w)) return WEIR_OK; /* the stream ends here */
    if (p->finding == WEIR_WALK_BAD) {
        *more = true;
        return skip_one(w, p, offset);
    }
    if (p->finding == WEIR_WALK_NOTHING) {
        int status = weir_scan_next(&w->scan, &w->link->whose, bad + WEIR_BLOCK_ALIGN,
                                    w->next_block, &p->header);
        if (status != WEIR_OK && status != WEIR_NOT_FOUND) return status;
        bool found =
            status == WEIR_OK && (!w->link->promised || p->header.block <= w->link->promised);
        if (!found) return ends_quietly(w) ? WEIR_OK : weir_walk_open_damage(w, bad, p->why);
    }
    *offset = p->header.offset;
    return skip_to(w, bad, p, more);
}
