/* block_map.c - every block of the journal, counted into cells of bounded number. */
#include "block_map.h"

#include <stdlib.h>
#include <string.h>

#include "../../lib/verify/scan.h"

/* A run of things of one segment: an extent, a damage, or the torn tail. */
typedef struct piece {
    uint64_t segment, offset, things;
    const weir_extent *extent; /* NULL: one thing, of this class */
    const weir_damage *damage;
    weir_block_class class;
} piece;

typedef struct mapping {
    const weir_os *os;
    const weir_view *view;
    weir_block_map *map;
    piece *pieces;
    size_t piece_count;
    weir_scan scan;
    const char *open; /* path of the file that the scan has open */
    int64_t last_ns;
} mapping;

const char *weir_block_class_name(weir_block_class class) {
    static const char *const names[] = {
        [WEIR_BLOCK_APPLIED] = "applied", [WEIR_BLOCK_WAITING] = "waiting",
        [WEIR_BLOCK_PASSED] = "passed",   [WEIR_BLOCK_ABOVE_MARK] = "above the mark",
        [WEIR_BLOCK_TORN] = "torn tail",  [WEIR_BLOCK_DAMAGED] = "damaged",
        [WEIR_BLOCK_MISSING] = "missing",
    };
    return names[class];
}

weir_block_class weir_cell_class(const weir_cell *cell) {
    weir_block_class worst = WEIR_BLOCK_CLASSES - 1;
    while (worst > 0 && cell->things[worst] == 0)
        worst--;
    return worst;
}

/* ---- pieces ---------------------------------------------------------------------------- */

static int compare_pieces(const void *a, const void *b) {
    const piece *one = a, *two = b;
    if (one->segment != two->segment) return one->segment < two->segment ? -1 : 1;
    if (one->offset != two->offset) return one->offset < two->offset ? -1 : 1;
    return 0;
}

static void add_piece(mapping *m, piece p) { m->pieces[m->piece_count++] = p; }

static int list_pieces(mapping *m) {
    const weir_inventory *i = &m->view->inventory;
    m->pieces = calloc(i->extent_count + i->damage_count + 1, sizeof *m->pieces);
    if (!m->pieces) return WEIR_NO_MEMORY;
    for (size_t e = 0; e < i->extent_count; e++) {
        const weir_extent *x = &i->extents[e];
        add_piece(m, (piece){.segment = x->segment,
                             .offset = x->begin,
                             .things = x->last_block - x->first_block + 1,
                             .extent = x});
    }
    for (size_t d = 0; d < i->damage_count; d++) {
        const weir_damage *x = &i->damages[d];
        add_piece(m, (piece){.segment = x->segment,
                             .offset = x->offset,
                             .things = 1,
                             .damage = x,
                             .class = x->path ? WEIR_BLOCK_DAMAGED : WEIR_BLOCK_MISSING});
    }
    if (i->torn_bytes)
        add_piece(m, (piece){.segment = i->end.segment,
                             .offset = i->end.offset,
                             .things = 1,
                             .class = WEIR_BLOCK_TORN});
    qsort(m->pieces, m->piece_count, sizeof *m->pieces, compare_pieces);
    return WEIR_OK;
}

/* ---- bands ----------------------------------------------------------------------------- */

typedef struct numbering { /* through the segments' numbers, of files and pieces alike */
    size_t segment, piece;
} numbering;

/* Moves over all that bears the least number left. False: nothing is left. */
static bool next_number(const mapping *m, numbering *at, uint64_t *number) {
    const weir_inventory *i = &m->view->inventory;
    bool file = at->segment < i->segment_count, rest = at->piece < m->piece_count;
    if (!file && !rest) return false;
    *number = file ? i->segments[at->segment].number : UINT64_MAX;
    if (rest && m->pieces[at->piece].segment < *number) *number = m->pieces[at->piece].segment;
    while (at->segment < i->segment_count && i->segments[at->segment].number == *number)
        at->segment++;
    while (at->piece < m->piece_count && m->pieces[at->piece].segment == *number)
        at->piece++;
    return true;
}

static int make_bands(weir_block_map *map, size_t numbers, size_t *per_band) {
    *per_band = numbers / WEIR_BANDS_MAX + (numbers % WEIR_BANDS_MAX != 0);
    map->band_count = numbers ? (numbers - 1) / *per_band + 1 : 0;
    map->bands = calloc(map->band_count + 1, sizeof *map->bands);
    return map->bands ? WEIR_OK : WEIR_NO_MEMORY;
}

static void add_to_band(const mapping *m, weir_band *band, numbering from, numbering to) {
    for (size_t s = from.segment; s < to.segment; s++) {
        const weir_segment_note *note = &m->view->inventory.segments[s];
        band->files++;
        band->file_bytes += note->file_bytes;
        if (note->why) band->why = note->why;
    }
    for (size_t p = from.piece; p < to.piece; p++)
        band->things += m->pieces[p].things;
}

/* ---- cells ----------------------------------------------------------------------------- */

static weir_cell *new_cell(weir_block_map *map) {
    if (map->cell_count == map->cell_capacity) {
        size_t capacity = map->cell_capacity ? 2 * map->cell_capacity : 256;
        weir_cell *grown = realloc(map->cells, capacity * sizeof *grown);
        if (!grown) return NULL;
        map->cells = grown;
        map->cell_capacity = capacity;
    }
    map->cells[map->cell_count] = (weir_cell){0};
    return &map->cells[map->cell_count++];
}

static void widen_range(uint64_t *first, uint64_t *last, uint64_t from, uint64_t to) {
    if (from && (!*first || from < *first)) *first = from;
    if (to > *last) *last = to;
}

/* One thing more, in this cell or the next. thing: the cell that it would be alone. */
static int put_thing(weir_block_map *map, weir_band *band, weir_block_class class,
                     const weir_cell *thing) {
    if (band->placed++ % band->per_cell == 0) {
        if (!new_cell(map)) return WEIR_NO_MEMORY;
        if (band->cells++ == 0) band->first_cell = map->cell_count - 1;
    }
    weir_cell *cell = &map->cells[map->cell_count - 1];
    bool timed = cell->from_ns || cell->until_ns;
    if (thing->from_ns && (!timed || thing->from_ns < cell->from_ns))
        cell->from_ns = thing->from_ns;
    if (thing->until_ns && (!timed || thing->until_ns > cell->until_ns))
        cell->until_ns = thing->until_ns;
    widen_range(&cell->first_block, &cell->last_block, thing->first_block, thing->last_block);
    widen_range(&cell->first_row, &cell->next_row, thing->first_row, thing->next_row);
    widen_range(&band->first_block, &band->last_block, thing->first_block, thing->last_block);
    cell->things[class]++;
    cell->rows += thing->rows;
    cell->bytes += thing->bytes;
    band->of_class[class]++;
    band->rows += thing->rows;
    band->used_bytes += thing->bytes;
    map->of_class[class]++;
    return WEIR_OK;
}

/* ---- what is in a piece ---------------------------------------------------------------- */

static weir_block_class class_of(const weir_view *view, const weir_block_header *h) {
    const weir_inventory *i = &view->inventory;
    bool known = i->found.position != WEIR_POSITION_DIFFERS;
    if (known && h->first_row + h->rows - 1 <= i->position.row) return WEIR_BLOCK_APPLIED;
    return h->block <= i->durable.block ? WEIR_BLOCK_WAITING : WEIR_BLOCK_ABOVE_MARK;
}

static int put_block(mapping *m, weir_band *band, const weir_block_header *h) {
    weir_block_map *map = m->map;
    weir_cell thing = {.first_block = h->block,
                       .last_block = h->block,
                       .first_row = h->first_row,
                       .next_row = h->first_row + h->rows,
                       .rows = h->rows,
                       .bytes = weir_block_extent(h),
                       .from_ns = h->wall_ns,
                       .until_ns = h->wall_ns};
    map->jumps += map->blocks > 0 && h->wall_ns < m->last_ns;
    m->last_ns = h->wall_ns;
    map->blocks++;
    map->rows += h->rows;
    map->stored_bytes += h->stored_bytes;
    map->raw_bytes += h->raw_bytes;
    return put_thing(map, band, class_of(m->view, h), &thing);
}

static bool open_extent(mapping *m, const weir_extent *x) {
    if (m->open && strcmp(m->open, x->path) == 0) return true;
    m->open = weir_scan_open(&m->scan, x->path) < 0 ? NULL : x->path;
    return m->open != NULL;
}

static int put_extent(mapping *m, weir_band *band, const weir_extent *x) {
    weir_identity whose = {.segment = x->segment};
    weir_id_copy(whose.journal, m->view->inventory.journal);
    uint64_t block = x->first_block, offset = x->begin;
    int status = WEIR_OK;
    bool there = open_extent(m, x);
    for (weir_block_header h; status == WEIR_OK && there && block <= x->last_block;) {
        there = weir_scan_header(&m->scan, &whose, offset, &h) == WEIR_OK && h.block == block;
        if (!there) break;
        status = put_block(m, band, &h);
        offset += weir_block_extent(&h);
        block++;
    }
    weir_cell passed = {.first_block = block, .last_block = x->last_block};
    for (; status == WEIR_OK && block <= x->last_block; block++)
        status = put_thing(m->map, band, WEIR_BLOCK_PASSED, &passed);
    return status;
}

static int put_piece(mapping *m, weir_band *band, const piece *p) {
    if (p->extent) return put_extent(m, band, p->extent);
    weir_cell thing = {.bytes = p->class == WEIR_BLOCK_TORN ? m->view->inventory.torn_bytes : 0};
    if (p->damage) {
        thing.first_block = p->damage->first_block;
        thing.last_block = p->damage->last_block;
        thing.first_row = p->damage->first_row;
        thing.next_row = p->damage->last_row ? p->damage->last_row + 1 : 0;
    }
    return put_thing(m->map, band, p->class, &thing);
}

static int fill_band(mapping *m, weir_band *band, numbering from, numbering to) {
    int status = WEIR_OK;
    band->per_cell = band->things / WEIR_CELLS_MAX + (band->things % WEIR_CELLS_MAX != 0);
    for (size_t p = from.piece; status == WEIR_OK && p < to.piece; p++)
        status = put_piece(m, band, &m->pieces[p]);
    return status;
}

/* ---- all of it ------------------------------------------------------------------------- */

static int fill_bands(mapping *m) {
    weir_block_map *map = m->map;
    numbering from = {0}, at = {0};
    size_t numbers = 0, per_band;
    uint64_t number;
    while (next_number(m, &at, &number))
        numbers++;
    int status = make_bands(map, numbers, &per_band);
    at = from;
    for (size_t b = 0; status == WEIR_OK && b < map->band_count; b++) {
        weir_band *band = &map->bands[b];
        from = at;
        for (size_t n = 0; n < per_band && next_number(m, &at, &number); n++) {
            if (n == 0) band->first_segment = number;
            band->last_segment = number;
        }
        add_to_band(m, band, from, at);
        status = fill_band(m, band, from, at);
    }
    return status;
}

int weir_block_map_take(const weir_os *os, const weir_view *view, weir_block_map *out) {
    *out = (weir_block_map){0};
    mapping m = {.os = os, .view = view, .map = out};
    weir_scan_make(&m.scan, os, view->inventory.dirfd);
    int status = list_pieces(&m);
    if (status == WEIR_OK) status = fill_bands(&m);
    weir_scan_free(&m.scan);
    free(m.pieces);
    if (status != WEIR_OK) weir_block_map_free(out);
    return status;
}

void weir_block_map_free(weir_block_map *map) {
    free(map->bands);
    free(map->cells);
    *map = (weir_block_map){0};
}
