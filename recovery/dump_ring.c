/* dump_ring.c - rows that are in the ring alone: of a dead process, or of one that goes on meanwhile.
 *
 * The ring is mapped for reading, and nothing in it is moved. What the last durable block says of the
 * lanes is where the rows begin that are not in the journal, so none comes twice and none is left out,
 * whatever the journal thread does meanwhile. They are in the lane for as long as nothing was written
 * over them: that is checked after they were copied, and if something was, the journal has more rows by
 * then, and the look is made again. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/handle/handle.h"
#include "../lib/journal/drain.h"
#include "../lib/verify/inspect.h"
#include "dump.h"
#include "report.h"

enum { LOOKS = 50 };

typedef struct held_block { /* rows as a block's body has them */
    uint8_t *bytes;
    size_t length;
} held_block;

typedef struct ring_look {
    weir_dumping *d;
    weir_ring ring;
    weir_tables tables;
    uint64_t *begin; /* of each lane: from where on it was read */
    held_block *blocks;
    size_t count, capacity;
    bool is_open;
} ring_look;

/* ---- copying ------------------------------------------------------------------------------- */

static int hold_block(ring_look *l, const uint8_t *bytes, size_t length, weir_error *error) {
    if (l->count == l->capacity) {
        size_t wanted = l->capacity * 2 + 8;
        held_block *larger = realloc(l->blocks, wanted * sizeof *larger);
        if (!larger) return weir_fail(error, WEIR_NO_MEMORY, "no memory for the ring's rows");
        l->blocks = larger;
        l->capacity = wanted;
    }
    held_block held = {malloc(length ? length : 1), length};
    if (!held.bytes) return weir_fail(error, WEIR_NO_MEMORY, "no memory for the ring's rows");
    memcpy(held.bytes, bytes, length);
    l->blocks[l->count++] = held;
    return WEIR_OK;
}

static int take_drained_block(void *self, uint16_t kind, const weir_drained *drained,
                              uint8_t *payload, size_t bytes, uint32_t rows, weir_error *error) {
    ring_look *l = self;
    size_t head = weir_payload_head_size(drained->count);
    (void)rows; /* the body says it too */
    if (kind != WEIR_BLOCK_DECLARATIONS) return hold_block(l, payload + head, bytes - head, error);
    int status = weir_tables_merge(&l->tables, weir_cursor_over(payload + head, bytes - head));
    return status == WEIR_OK ? status : weir_fail(error, status, "no memory for declarations");
}

static const weir_tables *look_tables(const void *self) {
    return &((const ring_look *)self)->tables;
}

static int drain_recorded(ring_look *l, weir_drain *drain, weir_error *error) {
    const weir_place *place = l->d->place;
    const weir_inventory *found = &l->d->reading->stretch.found;
    char path[4096];
    weir_recorder_reader recorder;
    weir_found_ring is;
    int length = snprintf(path, sizeof path, "%s/recorder", place->directory);
    if (l->is_open || length < 0 || (size_t)length >= sizeof path) return WEIR_OK;
    int status =
        weir_recorder_attach(&recorder, place->os, WEIR_OS_CWD, path, &l->ring, &is, error);
    if (status != WEIR_OK || is != WEIR_RING_OURS) return status;
    weir_recorder_skip(&recorder, weir_inspection_recorder_position(found, &l->ring.header));
    for (bool more = true; status == WEIR_OK && more;)
        status = weir_drain_recorder_block(drain, &recorder, &more, error);
    weir_recorder_close(&recorder);
    return status;
}

static int copy_rows(ring_look *l, weir_error *error) {
    weir_drain_receiver receiver = {l, take_drained_block, look_tables};
    weir_drain drain;
    int status =
        weir_drain_make(&drain, &l->ring, NULL, WEIR_DRAIN_TARGET, WEIR_DRAIN_DEAD_RING, error);
    if (status != WEIR_OK) return status;
    const weir_stretch *s = &l->d->reading->stretch;
    uint64_t applied = s->found.position.row, durable = l->d->reading->mark.at.row;
    drain.receiver = &receiver;
    drain.known = applied > durable ? applied - durable : 0;
    for (bool more = true; status == WEIR_OK && more;)
        status = weir_drain_block(&drain, &more, error);
    if (status == WEIR_OK) status = drain_recorded(l, &drain, error);
    weir_drain_free(&drain);
    return status;
}

/* Tables that were declared since the look, in blocks that were followed. */
static int know_tables_since(ring_look *l, weir_error *error) {
    weir_reading *r = l->d->reading;
    weir_read_block b;
    int status = weir_dump_know_tables(l->d, &l->tables, error);
    for (uint64_t n = r->stretch.found.durable.block + 1;
         status == WEIR_OK && r->reader && n <= r->stretch.end.block; n++) {
        if (weir_reader_header(r->reader, n, &b.header, NULL) != WEIR_OK) break;
        if (b.header.kind != WEIR_BLOCK_DECLARATIONS) continue;
        if (weir_reader_payload(r->reader, &b, NULL) != WEIR_OK) break;
        if (weir_tables_merge(&l->tables, b.payload.body) == WEIR_NO_MEMORY)
            status = weir_fail(error, WEIR_NO_MEMORY, "no memory for declarations");
    }
    return status;
}

/* ---- where the rows begin ------------------------------------------------------------------ */

/* The block that holds the last row that was written. */
static uint64_t last_block(const weir_reading *r) {
    return r->in_block ? r->block.header.block : r->mark.at.block;
}

/* The lanes as that block left them, if it is of this ring; else as their heads are. */
static int begin_lanes(ring_look *l, weir_error *error) {
    weir_reading *r = l->d->reading;
    weir_read_block block;
    uint32_t lanes = l->ring.header.lanes;
    l->begin = calloc(lanes, sizeof *l->begin);
    if (!l->begin) return weir_fail(error, WEIR_NO_MEMORY, "no memory to look at the ring");
    bool named = last_block(r) && r->reader &&
                 weir_reader_read(r->reader, last_block(r), &block, NULL) == WEIR_OK &&
                 weir_id_equal(block.payload.ring, l->ring.header.id);
    for (uint32_t i = 0; named && i < block.payload.lanes; i++) {
        weir_lane_mark mark = weir_payload_lane(&block.payload, i);
        if (mark.lane < lanes && l->ring.lanes[mark.lane].control)
            l->ring.lanes[mark.lane].taken = mark.position;
    }
    for (uint32_t i = 0; i < lanes; i++)
        l->begin[i] = l->ring.lanes[i].taken;
    return WEIR_OK;
}

/* Is all that was read from there on still in the lanes? A producer writes below the head alone, which
 * is where one record of half a lane at most may be under way. */
static bool is_untouched(const ring_look *l) {
    for (uint32_t i = 0; l->is_open && i < l->ring.header.lanes; i++) {
        const weir_lane *lane = &l->ring.lanes[i];
        if (!lane->data) continue;
        /* Acquire, with the stores of the journal thread and of the producer. */
        uint64_t head = atomic_load_explicit(&lane->control->head, memory_order_acquire);
        uint64_t tail = atomic_load_explicit(&lane->control->tail, memory_order_acquire);
        if (head > l->begin[i] && tail - l->begin[i] > lane->size / 2) return false;
    }
    return true;
}

static bool is_of_interest(const ring_look *l) {
    const weir_reading *r = l->d->reading;
    weir_durable_mark mark;
    bool has_mark = weir_ring_load_mark(&l->ring, &mark);
    bool ours = weir_id_equal(l->ring.header.journal, r->stretch.journal);
    return ours && (l->is_open || !weir_inspection_is_drained(&r->stretch.found, &l->ring.header,
                                                              has_mark ? &mark : NULL));
}

/* ---- writing ------------------------------------------------------------------------------- */

static void dump_held_block(ring_look *l, weir_expander *x, const held_block *block,
                            uint64_t *number) {
    weir_cursor body = weir_cursor_over(block->bytes, block->length), made;
    weir_dumping *d = l->d;
    const uint8_t *bytes;
    size_t length;
    uint32_t rows;
    while (d->left && *number < d->arguments->to &&
           weir_expander_take(x, &body, 1, &rows, &made) == WEIR_OK && rows == 1) {
        ++*number;
        if (*number < d->arguments->from) continue;
        if (weir_payload_next_row(&made, &bytes, &length) != 1 ||
            !weir_row_decode(bytes, length, &d->row.table, &d->row.count, d->row.values))
            continue; /* the drain has checked it */
        d->row.number = *number;
        d->row.declaration = weir_tables_find(&l->tables, d->row.table);
        weir_dump_row(d);
    }
}

static int write_held_rows(ring_look *l, weir_error *error) {
    weir_expander *x;
    uint64_t number = l->d->reading->mark.at.row;
    int status = weir_expander_make(&l->tables.templates, &x);
    if (status != WEIR_OK) return weir_fail(error, status, "no memory for the ring's rows");
    l->d->row.in_ring = true;
    l->d->row.cursor = NULL; /* no place in the journal */
    for (size_t i = 0; i < l->count; i++)
        dump_held_block(l, x, &l->blocks[i], &number);
    weir_expander_free(x);
    return WEIR_OK;
}

/* ---- one look ------------------------------------------------------------------------------ */

static void end_ring_look(ring_look *l) {
    for (size_t i = 0; i < l->count; i++)
        free(l->blocks[i].bytes);
    free(l->blocks);
    free(l->begin);
    weir_tables_free(&l->tables);
}

/* WEIR_PENDING: something was written over meanwhile. */
static int look_at_lanes(ring_look *l, weir_error *error) {
    const weir_place *place = l->d->place;
    weir_found_ring found;
    if (!place->ring) return WEIR_OK;
    int status = weir_ring_attach(&l->ring, place->os, WEIR_OS_CWD, place->ring, &found, error);
    if (status != WEIR_OK || found != WEIR_RING_OURS) return status;
    if (is_of_interest(l)) {
        status = know_tables_since(l, error);
        if (status == WEIR_OK) status = begin_lanes(l, error);
        if (status == WEIR_OK) status = is_untouched(l) ? copy_rows(l, error) : WEIR_PENDING;
        if (status == WEIR_OK) status = is_untouched(l) ? write_held_rows(l, error) : WEIR_PENDING;
    }
    weir_ring_close(&l->ring);
    return status;
}

int weir_dump_ring(weir_dumping *d, weir_error *error) {
    bool chosen = d->left == 0 || d->reading->mark.at.row < d->last; /* not up to the end */
    if (chosen || d->arguments->until_ns != INT64_MAX) return WEIR_OK;
    int status = WEIR_PENDING;
    for (int i = 0; status == WEIR_PENDING && i < LOOKS; i++) {
        ring_look l = {.d = d};
        l.is_open = weir_handle_holder(d->os, d->place->directory).is_there;
        status = i == 0 ? WEIR_OK : weir_dump_durable(d, error);
        if (status == WEIR_OK || status == WEIR_PENDING) status = look_at_lanes(&l, error);
        end_ring_look(&l);
    }
    if (status != WEIR_PENDING) return status;
    return weir_fail(error, WEIR_BUSY,
                     "%s: the ring is written faster than it can be read; follow the journal "
                     "instead (--follow)",
                     d->place->directory);
}
