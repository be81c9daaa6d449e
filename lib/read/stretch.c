/* stretch.c - which blocks are durable: by a look at everything, then by following the stream. */
#include "stretch.h"

#include <errno.h>
#include <stdlib.h>

#include "../format/names.h"
#include "../format/segment.h"
#include "../ring/ring.h"

void weir_stretch_make(weir_stretch *s, const weir_os *os, const char *directory) {
    *s = (weir_stretch){.os = os, .directory = directory};
    weir_scan_make(&s->scan, os, WEIR_OS_CWD);
}

static void drop_extents(weir_stretch *s) {
    for (size_t i = s->gone; i < s->count; i++)
        free(s->extents[i].path);
    s->gone = s->count = 0;
}

void weir_stretch_free(weir_stretch *s) {
    drop_extents(s);
    free(s->extents);
    weir_scan_free(&s->scan);
    weir_inventory_free(&s->found);
}

/* ---- extents ----------------------------------------------------------------------------- */

static int add_extent(weir_stretch *s, weir_extent extent, const char *path) {
    if (!s->extents || s->count == s->capacity) {
        size_t wanted = s->capacity * 2 + 16;
        if (wanted > SIZE_MAX / sizeof *s->extents) return WEIR_NO_MEMORY;
        weir_extent *larger = realloc(s->extents, wanted * sizeof *larger);
        if (!larger) return WEIR_NO_MEMORY;
        s->extents = larger;
        s->capacity = wanted;
    }
    extent.path = strdup(path);
    if (!extent.path) return WEIR_NO_MEMORY;
    s->extents[s->count++] = extent;
    return WEIR_OK;
}

void weir_stretch_forget(weir_stretch *s, uint64_t block) {
    enum { WORTH_A_MOVE = 64 };
    while (s->gone + 1 < s->count && s->extents[s->gone].last_block < block)
        free(s->extents[s->gone++].path);
    if (s->gone < WORTH_A_MOVE) return;
    s->count -= s->gone;
    memmove(s->extents, s->extents + s->gone, s->count * sizeof *s->extents);
    s->gone = 0;
}

const weir_extent *weir_stretch_extent(const weir_stretch *s, uint64_t block) {
    size_t at = weir_extent_find(s->extents, s->gone, s->count, block);
    return at < s->count ? &s->extents[at] : NULL;
}

const weir_extent *weir_stretch_extent_of_row(const weir_stretch *s, uint64_t row) {
    for (size_t i = s->gone; i < s->count; i++)
        if (row >= s->extents[i].first_row && row < s->extents[i].next_row) return &s->extents[i];
    return NULL;
}

const weir_damage *weir_stretch_damage(const weir_stretch *s, uint64_t first_block,
                                       uint64_t last_block) {
    for (size_t i = 0; i < s->found.damage_count; i++) {
        const weir_damage *d = &s->found.damages[i];
        if (d->first_block && d->first_block <= last_block && d->last_block >= first_block)
            return d;
    }
    return NULL;
}

const weir_damage *weir_stretch_damage_before(const weir_stretch *s, uint64_t segment) {
    for (size_t i = 0; i < s->found.damage_count; i++)
        if (s->found.damages[i].first_block == 0 && s->found.damages[i].segment < segment)
            return &s->found.damages[i];
    return NULL;
}

static int locate_in_stretch(void *self, uint64_t block, weir_extent *out, char *path_buffer) {
    const weir_stretch *s = self;
    const weir_extent *e = weir_stretch_extent(s, block);
    if (!e) return WEIR_PENDING;
    if (e->first_block > block) return WEIR_NOT_FOUND;
    *out = *e;
    size_t length = strlen(e->path);
    if (length >= WEIR_PATH_MAX) return WEIR_MISUSE;
    memcpy(path_buffer, e->path, length + 1);
    out->path = path_buffer;
    return WEIR_OK;
}

weir_locator weir_stretch_locator(weir_stretch *s) {
    return (weir_locator){s, WEIR_OS_CWD, locate_in_stretch, NULL};
}

/* ---- a look at everything ---------------------------------------------------------------- */

typedef struct ring_sight {
    weir_found_ring found;
    weir_ring_header header;
    weir_durable_mark mark;
} ring_sight;

static int look_at_ring(const weir_stretch *s, ring_sight *ring, weir_error *error) {
    char path[WEIR_PATH_MAX];
    weir_path_in(path, s->directory, "ring"); /* whoever made the stretch has checked the length */
    return weir_ring_peek(s->os, WEIR_OS_CWD, path, &ring->found, &ring->header, &ring->mark,
                          error);
}

/* What is above the mark may still change: it comes when it is durable. */
static int adopt_extents(weir_stretch *s, const weir_inventory *found) {
    const weir_log_end *end = &found->durable_end;
    int status = WEIR_OK;
    for (size_t i = 0; status == WEIR_OK && i < found->extent_count; i++) {
        weir_extent e = found->extents[i];
        if (e.first_block > found->durable.block) break;
        if (e.last_block > found->durable.block) {
            e.end = end->offset;
            e.last_block = end->block;
            e.last_hash = end->hash;
            e.next_row = found->durable_next_row;
        }
        status = add_extent(s, e, e.path);
    }
    return status;
}

static int adopt(weir_stretch *s, weir_error *error) {
    const weir_inventory *found = &s->found;
    weir_id_copy(s->journal, found->journal);
    if (found->found.journal != WEIR_JOURNAL_PRESENT) memset(s->journal, 0, sizeof s->journal);
    s->end = found->durable_end;
    s->next_row = found->durable_next_row ? found->durable_next_row : 1;
    s->durable = found->durable.block;
    s->open_incarnation = 0;
    if (found->durable.block > s->end.block) { /* promised blocks are lost */
        s->end.block = found->durable.block;
        s->end.hash = found->durable.hash;
    }
    if (adopt_extents(s, found) == WEIR_OK) return WEIR_OK;
    return weir_fail(error, WEIR_NO_MEMORY, "no memory to read %s", s->directory);
}

/* The ring first: its mark can only be too low for the journal that is read after it. */
int weir_stretch_look(weir_stretch *s, bool verify_all, weir_error *error) {
    ring_sight ring;
    int status = look_at_ring(s, &ring, error);
    if (status != WEIR_OK) return status;
    bool ours = weir_ring_is_ours(ring.found);
    weir_inventory_input input = s->database ? *s->database : (weir_inventory_input){0};
    input.os = s->os;
    input.dirfd = WEIR_OS_CWD;
    input.directory = s->directory;
    input.ring_mark = ours && ring.mark.block ? &ring.mark : NULL;
    input.ring = ring.found;
    input.ring_journal = ours ? ring.header.journal : NULL;
    input.verify_all = verify_all;
    drop_extents(s);
    weir_scan_close(&s->scan);
    s->open = 0;
    weir_inventory_free(&s->found);
    status = weir_inventory_take(&input, &s->found, error);
    if (status != WEIR_OK) return status;
    weir_found_journal journal = s->found.found.journal;
    if (journal == WEIR_JOURNAL_NEWER || journal == WEIR_JOURNAL_MIXED)
        return weir_fail(error, weir_verdict_status(s->found.verdict), "%s", s->found.detail);
    return adopt(s, error);
}

/* ---- following the stream ---------------------------------------------------------------- */

typedef struct step {
    weir_log_end end;
    uint64_t next_row;
    uint64_t incarnation; /* of the segment; 0: any */
} step;

static void promise(weir_stretch *s, uint64_t block) {
    if (block > s->durable) s->durable = block;
}

static int heed_ring(weir_stretch *s, weir_error *error) {
    ring_sight ring;
    int status = look_at_ring(s, &ring, error);
    if (status == WEIR_OK && weir_ring_is_ours(ring.found) &&
        weir_id_equal(ring.header.journal, s->journal))
        promise(s, ring.mark.block);
    return status;
}

/* WEIR_NOT_FOUND: the segment has left. What was read of the file before may have been written since. */
static int open_for_step(weir_stretch *s, const step *at, weir_error *error) {
    char path[WEIR_PATH_MAX];
    s->scan.bytes = 0;
    if (s->open == at->end.segment && s->scan.file >= 0) return WEIR_OK;
    weir_numbered_path(path, s->directory, "segment", at->end.segment);
    int result = weir_scan_open(&s->scan, path);
    s->open = result < 0 ? 0 : at->end.segment;
    if (result == -ENOENT) return WEIR_NOT_FOUND;
    return result < 0 ? weir_fail_os(error, result, "%s: cannot open this segment", path) : WEIR_OK;
}

static bool follows(const weir_block_header *h, const step *at) {
    return h->block == at->end.block + 1 && h->previous_hash == at->end.hash &&
           h->first_row == at->next_row;
}

/* The header of the block at that place, if it goes on there; WEIR_NOT_FOUND: it does not (yet). */
static int next_header(weir_stretch *s, const step *at, weir_block_header *h, weir_error *error) {
    weir_identity whose = {.segment = at->end.segment, .incarnation = at->incarnation};
    weir_id_copy(whose.journal, s->journal);
    int status = weir_scan_header(&s->scan, &whose, at->end.offset, h);
    if (status == WEIR_NO_MEMORY) return weir_fail(error, status, "no memory to read a segment");
    if (status == WEIR_IO)
        return weir_fail_os(error, s->scan.result, "%s: cannot read segment %llu", s->directory,
                            (unsigned long long)at->end.segment);
    return status == WEIR_OK && follows(h, at) ? WEIR_OK : WEIR_NOT_FOUND;
}

static void step_over(step *at, const weir_block_header *h) {
    at->end = (weir_log_end){h->segment, h->offset + weir_block_extent(h), h->block, h->hash};
    at->next_row = h->first_row + h->rows;
    at->incarnation = h->incarnation;
}

/* Blocks that are not durable yet may say that those before them are. */
static int heed_marks(weir_stretch *s, step at, weir_error *error) {
    weir_block_header h;
    int status = WEIR_OK;
    while ((status = next_header(s, &at, &h, error)) == WEIR_OK) {
        promise(s, h.durable_block);
        step_over(&at, &h);
    }
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

static int take_block(weir_stretch *s, const weir_block_header *h) {
    weir_extent *last = s->count > s->gone ? &s->extents[s->count - 1] : NULL;
    char path[WEIR_PATH_MAX];
    bool goes_on = last && last->segment == h->segment && last->end == h->offset &&
                   last->last_block + 1 == h->block;
    if (!goes_on) {
        weir_extent e = {.segment = h->segment,
                         .begin = h->offset,
                         .first_block = h->block,
                         .first_row = h->first_row};
        weir_numbered_path(path, s->directory, "segment", h->segment);
        if (add_extent(s, e, path) != WEIR_OK) return WEIR_NO_MEMORY;
        last = &s->extents[s->count - 1];
    }
    last->end = h->offset + weir_block_extent(h);
    last->last_block = h->block;
    last->last_hash = h->hash;
    last->next_row = h->first_row + h->rows;
    return WEIR_OK;
}

/* Take the durable blocks from there on. WEIR_PENDING: there is none. */
static int take_blocks(weir_stretch *s, step at, weir_error *error) {
    weir_block_header h;
    int status = heed_marks(s, at, error);
    bool taken = false;
    while (status == WEIR_OK && at.end.block < s->durable) {
        status = next_header(s, &at, &h, error);
        if (status == WEIR_OK) status = take_block(s, &h);
        if (status != WEIR_OK) break;
        step_over(&at, &h);
        s->end = at.end;
        s->next_row = at.next_row;
        s->open_incarnation = at.incarnation;
        taken = true;
    }
    if (status != WEIR_OK && status != WEIR_NOT_FOUND) return status;
    return taken ? WEIR_OK : WEIR_PENDING;
}

/* ---- the next segment -------------------------------------------------------------------- */

static int note_youngest(void *context, const char *name) {
    uint64_t *youngest = context, number = weir_number_in_name(name, "segment");
    bool whole = strlen(name) == strlen("segment-") + 20; /* none that was set aside */
    if (whole && number > *youngest) *youngest = number;
    return 0;
}

/* WEIR_NOT_FOUND: it is not there, or does not hold what it should. */
static int read_segment_head(weir_stretch *s, uint64_t number, weir_segment_header *out) {
    char path[WEIR_PATH_MAX];
    uint8_t bytes[WEIR_SEGMENT_HEADER];
    const weir_os *os = s->os;
    weir_numbered_path(path, s->directory, "segment", number);
    int file = os->open(os->self, WEIR_OS_CWD, path, WEIR_OS_READ);
    if (file < 0) return WEIR_NOT_FOUND;
    int got = weir_read_full(os, file, bytes, sizeof bytes, 0);
    (void)os->close(os->self, file); /* only read */
    if (got < 0 || weir_segment_header_decode(bytes, out) != WEIR_OK) return WEIR_NOT_FOUND;
    return out->segment == number ? WEIR_OK : WEIR_NOT_FOUND;
}

/* Is the segment where the stream ended, the youngest, still this journal's? */
static int check_same_journal(weir_stretch *s) {
    weir_segment_header h;
    if (s->end.segment == 0) return WEIR_PENDING;
    int status = read_segment_head(s, s->end.segment, &h);
    bool same = status == WEIR_OK && weir_id_equal(h.journal, s->journal);
    return same ? WEIR_PENDING : WEIR_NOT_FOUND;
}

/* The segment that goes on where this one ends: the youngest says what comes before it, and so on.
 * WEIR_PENDING: there is none. */
static int find_next_segment(weir_stretch *s, weir_segment_header *h, weir_error *error) {
    uint64_t youngest = 0;
    int result = s->os->list(s->os->self, WEIR_OS_CWD, s->directory, note_youngest, &youngest);
    if (result == -ENOENT) return WEIR_NOT_FOUND;
    if (result < 0)
        return weir_fail_os(error, result, "%s: cannot read the journal's directory", s->directory);
    if (youngest < s->end.segment) return WEIR_NOT_FOUND;
    if (youngest == s->end.segment) return check_same_journal(s);
    for (uint64_t number = youngest; number > s->end.segment; number = h->before.segment) {
        if (read_segment_head(s, number, h) != WEIR_OK) return WEIR_NOT_FOUND;
        if (!weir_id_equal(h->journal, s->journal)) return WEIR_NOT_FOUND;
        if (h->before.segment == s->end.segment) return WEIR_OK;
    }
    return WEIR_NOT_FOUND;
}

static int enter(weir_stretch *s, const weir_segment_header *h, weir_error *error) {
    step at = {{h->segment, WEIR_BLOCK_ALIGN, h->before.block, h->before.hash},
               h->first_row,
               h->incarnation};
    promise(s, h->before.block);
    int status = open_for_step(s, &at, error);
    return status == WEIR_OK ? take_blocks(s, at, error) : status;
}

static int advance_here(weir_stretch *s, weir_error *error) {
    step at = {s->end, s->next_row, s->open_incarnation};
    if (s->end.segment == 0) return WEIR_PENDING;
    int status = open_for_step(s, &at, error);
    if (status == WEIR_NOT_FOUND)
        return WEIR_PENDING; /* it was released; the next one may be there */
    return status == WEIR_OK ? take_blocks(s, at, error) : status;
}

static int advance_into_next(weir_stretch *s, weir_error *error) {
    weir_segment_header h = {0};
    int status = find_next_segment(s, &h, error);
    if (status != WEIR_OK) return status;
    if (s->end.segment && h.before.offset > s->end.offset) { /* more was written meanwhile */
        promise(s, h.before.block);
        status = advance_here(s, error);
        return status == WEIR_PENDING ? WEIR_NOT_FOUND : status;
    }
    if (h.before.offset != s->end.offset || h.before.block < s->end.block) return WEIR_NOT_FOUND;
    return enter(s, &h, error);
}

int weir_stretch_advance(weir_stretch *s, weir_error *error) {
    if (weir_id_is_none(s->journal)) return WEIR_NOT_FOUND;
    int status = heed_ring(s, error);
    if (status == WEIR_OK) status = advance_here(s, error);
    return status == WEIR_PENDING ? advance_into_next(s, error) : status;
}
