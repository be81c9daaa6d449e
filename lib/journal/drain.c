/* drain.c - the merge of lanes by (epoch, lane), and the packing of records into blocks. */
#include "drain.h"

#include <stdlib.h>

int weir_drain_make(weir_drain *d, weir_ring *ring, weir_journal *journal, size_t raw_target,
                    weir_drain_from from, weir_error *error) {
    *d = (weir_drain){.ring = ring,
                      .journal = journal,
                      .target = raw_target,
                      .dead = from == WEIR_DRAIN_DEAD_RING};
    /* The last record, or the last batch, may begin just below the target: half a lane and its
     * length more. A batch has a length for each row, which is less than the head of its record. */
    d->capacity = weir_payload_head_size(ring->header.lanes + 1) + raw_target +
                  (size_t)(ring->header.lane_bytes / 2) + 8;
    d->payload = malloc(d->capacity);
    weir_id_copy(d->drained.ring, ring->header.id);
    d->drained.marks = malloc((ring->header.lanes + 1) * sizeof *d->drained.marks);
    if (d->payload && d->drained.marks) return WEIR_OK;
    weir_drain_free(d);
    return weir_fail(error, WEIR_NO_MEMORY, "no memory to drain the ring");
}

void weir_drain_free(weir_drain *d) {
    free(d->payload);
    free(d->drained.marks);
    *d = (weir_drain){0};
}

static uint32_t ready_lanes(const weir_drain *d) {
    return atomic_load_explicit(&d->ring->ready, memory_order_relaxed); /* we raise it ourselves */
}

/* Only lanes that were ever used are named in a payload's head. The recorder, where there is one to
 * drain, is named as one more. */
static void begin_payload(weir_drain *d) {
    uint32_t ready = ready_lanes(d);
    d->drained.count = 0;
    for (uint32_t i = 0; i < ready; i++)
        if (d->ring->lanes[i].data && d->ring->lanes[i].cut > 0)
            d->drained.marks[d->drained.count++].lane = i;
    if (d->recorder) d->drained.marks[d->drained.count++].lane = d->ring->header.lanes;
    d->used = weir_payload_head_size(d->drained.count);
    d->rows = 0;
}

/* ---- choosing -------------------------------------------------------------------------- */

typedef struct turn {
    weir_lane *lane;      /* whose records come next; NULL: the cut is exhausted */
    uint64_t until_epoch; /* take its records while their epoch is below this … */
    uint32_t until_lane;  /* … or equal and its index is below this */
} turn;

static bool has_next(const weir_drain *d, const weir_lane *lane, uint64_t *epoch) {
    if (!lane->data || lane->ended || lane->taken >= lane->cut) return false;
    *epoch = weir_lane_epoch(lane, lane->taken);
    return *epoch <= d->epoch || d->dead;
}

/* The lane with the least (epoch, index), and the least of the others, up to which it may run. */
static turn next_turn(const weir_drain *d) {
    turn t = {NULL, UINT64_MAX, UINT32_MAX};
    uint64_t least = UINT64_MAX, epoch;
    uint32_t ready = ready_lanes(d);
    for (uint32_t i = 0; i < ready; i++) {
        weir_lane *lane = &d->ring->lanes[i];
        if (!has_next(d, lane, &epoch)) continue;
        if (!t.lane || epoch < least) {
            t.until_epoch = least;
            t.until_lane = t.lane ? t.lane->index : UINT32_MAX;
            t.lane = lane;
            least = epoch;
        } else if (epoch < t.until_epoch) {
            t.until_epoch = epoch;
            t.until_lane = i;
        }
    }
    return t;
}

static bool within_turn(const weir_drain *d, const turn *t) {
    uint64_t epoch;
    if (!has_next(d, t->lane, &epoch)) return false;
    return epoch < t->until_epoch || (epoch == t->until_epoch && t->lane->index < t->until_lane);
}

/* ---- packing --------------------------------------------------------------------------- */

static int append_block(weir_drain *d, uint16_t kind, weir_error *error) {
    weir_drained *drained = &d->drained;
    for (uint32_t i = 0; i < drained->count; i++) {
        uint32_t lane = drained->marks[i].lane;
        drained->marks[i].position =
            lane < d->ring->header.lanes ? d->ring->lanes[lane].taken : d->recorder_position;
    }
    const weir_drain_receiver *r = d->receiver;
    if (r) return r->append(r->self, kind, drained, d->payload, d->used, d->rows, error);
    return weir_journal_append(d->journal, kind, drained, d->payload, d->used, d->rows, error);
}

static int append_declaration(weir_drain *d, const weir_record *record, weir_error *error) {
    begin_payload(d);
    uint8_t *p = weir_put_u32(d->payload + d->used, 1);
    p = weir_put_bytes(p, record->body, record->bytes);
    d->used = (size_t)(p - d->payload);
    return append_block(d, WEIR_BLOCK_DECLARATIONS, error);
}

static bool is_row(const weir_drain *d, const uint8_t *row, size_t bytes) {
    weir_value values[WEIR_COLUMNS_MAX];
    uint16_t table, columns;
    if (!weir_row_decode(row, bytes, &table, &columns, values)) return false;
    /* After a power cut some pages may be missing: a lane's rows may be there and their
     * declaration, in another lane, not. */
    const weir_tables *declared =
        d->receiver ? d->receiver->tables(d->receiver->self) : weir_journal_tables(d->journal);
    return columns <= weir_tables_width(declared, table);
}

static bool is_declaration(const weir_record *record) {
    weir_cursor c = weir_cursor_over(record->body, record->bytes);
    return weir_declaration_check(&c) == WEIR_OK && weir_cursor_left(&c) == 0;
}

/* A dead ring may hold anything that a disk has kept, and a record that cannot be read later
 * would stop the journal or the database for good. In a live one the records are this process's
 * own. */
static bool is_readable(const weir_drain *d, const weir_record *record) {
    if (!d->dead) return true;
    return record->kind == WEIR_RECORD_DECLARATION ? is_declaration(record)
                                                   : is_row(d, record->body, record->bytes);
}

/* If the record begins a batch in a dead ring: can all of the batch be taken? A power cut may have
 * left some of its pages. A batch that this process published is whole. */
static bool has_whole_batch(const weir_drain *d, const weir_lane *lane, const weir_record *record) {
    weir_record next = *record;
    while (d->dead && next.kind == WEIR_RECORD_ROW_CONTINUED)
        if (!weir_lane_read_batch(lane, lane->taken, lane->cut, &next) || !is_readable(d, &next))
            return false;
    return true;
}

/* Appends guarantee this, but a wild pointer may have overwritten the record: never copy too much. */
static bool fits(const weir_drain *d, const weir_record *record) {
    return 4 + (uint64_t)record->bytes <= d->capacity - d->used;
}

static void pack_row(weir_drain *d, const uint8_t *row, size_t bytes) {
    uint8_t *p = weir_put_u32(d->payload + d->used, (uint32_t)bytes);
    p = weir_put_bytes(p, row, bytes);
    d->used = (size_t)(p - d->payload);
    d->rows++;
}

/* In a dead lane the readable part ends at a bad record. In a live one something has written
 * into the ring: published rows of this lane cannot be read, and going on would hide that. */
static int bad_record(weir_drain *d, weir_lane *lane, weir_error *error) {
    if (d->dead) {
        lane->ended = true; /* its cut stays: it says that the payload's head has an entry for it */
        return WEIR_OK;
    }
    return weir_fail(error, WEIR_STOPPED,
                     "lane %u of the ring is overwritten at position %llu: something in this "
                     "process writes through a wild pointer; close, and run weir-recover",
                     lane->index, (unsigned long long)lane->taken);
}

typedef enum filled { FILLED_MORE, FILLED_BLOCK, FILLED_DECLARATION, FILLED_ERROR } filled;

/* Take records of one lane into the payload until its turn ends, the block is full, or a
 * declaration comes. A block is never full within a batch: blocks become durable one after the
 * other, and the writer's transactions end with a block. Nor does a turn end there, since the
 * records of a batch have one epoch, which is theirs alone (ring.h). */
static filled fill_turn(weir_drain *d, const turn *t, weir_record *record, int *status,
                        weir_error *error) {
    weir_lane *lane = t->lane;
    bool goes_on = false; /* the batch of the record before */
    while (within_turn(d, t)) {
        if (!weir_lane_read(lane, lane->taken, lane->cut, record) || !fits(d, record) ||
            !is_readable(d, record) || (!goes_on && !has_whole_batch(d, lane, record))) {
            *status = bad_record(d, lane, error);
            return *status == WEIR_OK ? FILLED_MORE : FILLED_ERROR;
        }
        if (record->kind == WEIR_RECORD_DECLARATION) return FILLED_DECLARATION;
        lane->taken = record->next;
        goes_on = record->kind == WEIR_RECORD_ROW_CONTINUED;
        if (d->known)
            d->known--;
        else
            pack_row(d, record->body, record->bytes);
        if (d->used >= d->target && !goes_on) return FILLED_BLOCK;
    }
    return FILLED_MORE;
}

/* A block that cannot be appended is taken again, in the same order, by the next call. */
static void remember_taken(weir_drain *d) {
    uint32_t ready = ready_lanes(d);
    for (uint32_t i = 0; i < ready; i++)
        d->ring->lanes[i].before = d->ring->lanes[i].taken;
    d->known_before = d->known;
}

static void undo_taken(weir_drain *d) {
    uint32_t ready = ready_lanes(d);
    for (uint32_t i = 0; i < ready; i++)
        d->ring->lanes[i].taken = d->ring->lanes[i].before;
    d->known = d->known_before;
}

static int fill_block(weir_drain *d, bool *appended, weir_error *error) {
    begin_payload(d);
    filled how = FILLED_MORE;
    int status = WEIR_OK;
    weir_record record = {0};
    turn t = next_turn(d);
    while (how == FILLED_MORE && t.lane) {
        how = fill_turn(d, &t, &record, &status, error);
        if (how == FILLED_MORE) t = next_turn(d);
    }
    if (how == FILLED_ERROR) return status;
    *appended = d->rows > 0 || how == FILLED_DECLARATION;
    if (d->rows > 0) return append_block(d, WEIR_BLOCK_ROWS, error);
    if (how != FILLED_DECLARATION) return WEIR_OK;
    t.lane->taken = record.next;
    return append_declaration(d, &record, error);
}

/* A cut leaves records of later epochs for the next cut. A record with an epoch that was never
 * given out would be left for ever, so it is a bad record too. The word is read after the tails
 * that showed the records. */
static int check_left(weir_drain *d, weir_error *error) {
    uint64_t newest = atomic_load_explicit(d->ring->word, memory_order_acquire) >> WEIR_EPOCH_SHIFT;
    uint32_t ready = ready_lanes(d);
    for (uint32_t i = 0; !d->dead && i < ready; i++) {
        weir_lane *lane = &d->ring->lanes[i];
        if (lane->taken < lane->cut && weir_lane_epoch(lane, lane->taken) > newest)
            return bad_record(d, lane, error);
    }
    return WEIR_OK;
}

static void cut_if_done(weir_drain *d) {
    if (d->cutting) return;
    if (d->dead) { /* everything that is there, once */
        d->epoch = UINT64_MAX;
        uint32_t ready = ready_lanes(d);
        for (uint32_t i = 0; i < ready; i++) {
            d->ring->lanes[i].ended = false;
            d->ring->lanes[i].cut =
                atomic_load_explicit(&d->ring->controls[i].tail, memory_order_acquire);
        }
    } else {
        d->epoch = weir_ring_cut(d->ring);
    }
    d->cutting = true;
}

int weir_drain_block(weir_drain *d, bool *appended, weir_error *error) {
    *appended = false;
    cut_if_done(d);
    remember_taken(d);
    int status = fill_block(d, appended, error);
    if (status != WEIR_OK) {
        undo_taken(d);
        *appended = false;
    } else if (!*appended) {
        d->cutting = false;
        status = check_left(d, error);
    }
    return status;
}

/* ---- the flight recorder --------------------------------------------------------------- */

static int fill_recorded(weir_drain *d, weir_error *error) {
    weir_recorded r;
    while (d->used < d->target) {
        int status = weir_recorder_next(d->recorder, &r, error);
        if (status != WEIR_OK || !r.row) return status;
        d->recorder_position = r.sequence;
        if (!is_row(d, r.row, r.bytes)) {
            d->unreadable++;
        } else if (d->known) {
            d->known--;
        } else {
            pack_row(d, r.row, r.bytes);
        }
    }
    return WEIR_OK;
}

/* A slot is smaller than half a lane, so what begins below the target fits. */
int weir_drain_recorder_block(weir_drain *d, weir_recorder_reader *recorder, bool *appended,
                              weir_error *error) {
    static_assert(WEIR_RECORDER_SLOT_MAX <= 1 << 15, "half of the smallest lane");
    *appended = false;
    d->recorder = recorder;
    begin_payload(d);
    int status = fill_recorded(d, error);
    if (status != WEIR_OK || d->rows == 0) return status;
    *appended = true;
    d->recorded += d->rows;
    return append_block(d, WEIR_BLOCK_ROWS, error);
}

int weir_drain_mark(weir_drain *d, weir_error *error) {
    begin_payload(d);
    return append_block(d, WEIR_BLOCK_MARK, error);
}

void weir_drain_release(weir_drain *d) {
    uint32_t ready = ready_lanes(d);
    for (uint32_t i = 0; i < ready; i++) /* release: we have finished reading below; see lane.h */
        atomic_store_explicit(&d->ring->controls[i].head, d->ring->lanes[i].taken,
                              memory_order_release);
}

void weir_drain_rewind(weir_drain *d) {
    uint32_t ready = ready_lanes(d);
    for (uint32_t i = 0; i < ready; i++)
        d->ring->lanes[i].taken =
            atomic_load_explicit(&d->ring->controls[i].head, memory_order_relaxed); /* our own */
    d->cutting = false;
}
