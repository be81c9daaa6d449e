/* deadring.c - apply the rows of a dead process's ring to a database. */
#include "deadring.h"

#include "../lib/journal/drain.h"
#include "../writer/apply/block_rows.h"
#include "columns.h"

#include <stdio.h>

typedef struct ring_rows {
    const weir_apply_input *input;
    weir_applied *out;
    weir_tables tables; /* declared so far */
    weir_block_rows rows;
    uint64_t next; /* number of the next row */
} ring_rows;

/* ---- one transaction ------------------------------------------------------------------- */

static int begin_ring(const ring_rows *r, weir_error *error) {
    const weir_sink *sink = r->input->sink;
    const weir_position *ours = &r->out->position;
    weir_position at;
    int status = sink->begin(sink->self, r->input->journal, &at, error);
    if (status == WEIR_SINK_REOPENED)
        return weir_fail(error, WEIR_IO, "the database lost its -wal file; replay again");
    if (status != WEIR_OK || (at.block == ours->block && at.row == ours->row)) return status;
    return weir_fail(error, WEIR_FOREIGN, "the database's position moved without us");
}

static int commit_ring(ring_rows *r, uint64_t row, weir_error *error) {
    const weir_sink *sink = r->input->sink;
    weir_position to = r->out->position;
    weir_sink_counts counts;
    to.row = row;
    int status = sink->commit(sink->self, &to, &counts, error);
    if (status != WEIR_OK) return status;
    r->out->position = to;
    r->out->rows += counts.rows;
    r->out->from_ring += counts.rows;
    r->out->rejected += counts.rejected;
    r->out->ignored += counts.ignored;
    return WEIR_OK;
}

static int apply_ring_once(ring_rows *r, const weir_block_header *h, weir_cursor body,
                           weir_row_range range, weir_error *error) {
    const weir_sink *sink = r->input->sink;
    int status = begin_ring(r, error);
    if (status == WEIR_OK)
        status = weir_block_rows_apply(&r->rows, &r->tables.templates, sink, h, body, range, error);
    if (status == WEIR_OK) status = commit_ring(r, range.last, error);
    if (status != WEIR_OK) sink->rollback(sink->self);
    return status;
}

/* In one transaction, so that batches stay whole; when the sink returns WEIR_SINK_AGAIN, with half
 * as many rows in each. */
static int apply_ring_rows(ring_rows *r, const weir_block_header *h, weir_cursor body,
                           weir_error *error) {
    uint64_t last = h->first_row + h->rows - 1, width = h->rows;
    if (last > r->input->limits.last_row) last = r->input->limits.last_row;
    for (uint64_t first = h->first_row; first <= last;) {
        weir_row_range range = {first, last - first < width ? last : first + width - 1};
        int status = apply_ring_once(r, h, body, range, error);
        if (status == WEIR_SINK_AGAIN) {
            width = width > 1 ? width / 2 : 1;
        } else if (status == WEIR_OK) {
            first = range.last + 1;
        } else if (status != WEIR_SINK_ANEW) {
            return status;
        }
    }
    return WEIR_OK;
}

/* ---- what draining yields -------------------------------------------------------------- */

static int declare_ring(const weir_sink *sink, const weir_tables *tables, weir_declare_when when,
                        weir_error *error) {
    int status = WEIR_OK;
    for (size_t i = 0; status == WEIR_OK && i < tables->count; i++)
        status = sink->declare(sink->self, tables->list[i], when, error);
    return status;
}

static int take_declarations(ring_rows *r, weir_cursor body, weir_error *error) {
    const weir_sink *sink = r->input->sink;
    int status = weir_tables_merge(&r->tables, body);
    if (status != WEIR_OK) return weir_fail(error, status, "no memory for declarations");
    status = begin_ring(r, error);
    if (status == WEIR_OK) status = declare_ring(sink, &r->tables, WEIR_DECLARE_NOW, error);
    if (status == WEIR_OK) status = commit_ring(r, r->out->position.row, error);
    if (status != WEIR_OK) sink->rollback(sink->self);
    return status;
}

static int take_ring_block(void *self, uint16_t kind, const weir_drained *drained, uint8_t *payload,
                           size_t bytes, uint32_t rows, weir_error *error) {
    ring_rows *r = self;
    const weir_os *os = r->input->os;
    size_t head = weir_payload_head_size(drained->count);
    weir_cursor body = weir_cursor_over(payload + head, bytes - head);
    if (kind == WEIR_BLOCK_DECLARATIONS) return take_declarations(r, body, error);
    weir_block_header h = {.version = WEIR_FORMAT_VERSION,
                           .kind = kind,
                           .incompatible = WEIR_FEATURE_TEMPLATES, /* if there are any */
                           .block = r->out->position.block + 1,
                           .first_row = r->next,
                           .rows = rows,
                           .raw_bytes = (uint32_t)bytes,
                           .wall_ns = os->wall(os->self)};
    weir_id_copy(h.journal, r->input->journal);
    r->next += rows;
    return apply_ring_rows(r, &h, body, error);
}

static const weir_tables *ring_tables(const void *self) {
    const ring_rows *r = self;
    return &r->tables;
}

/* ---- the ring -------------------------------------------------------------------------- */

static int read_tables(ring_rows *r, weir_error *error) {
    const weir_inventory *inventory = &r->input->ring->inventory;
    weir_reader *reader;
    int status = weir_reader_make(r->input->os, weir_inventory_locator(inventory), &reader);
    if (status != WEIR_OK) return weir_fail(error, status, "no memory to read declarations");
    weir_tables_read(&r->tables, inventory, reader);
    weir_reader_free(reader);
    return declare_ring(r->input->sink, &r->tables, WEIR_DECLARE_WITH_ROWS, error);
}

/* As opening does, after the rows of the ring. */
static int drain_recorder(ring_rows *r, weir_drain *d, weir_error *error) {
    const weir_inventory *inventory = &r->input->ring->inventory;
    char path[4096];
    weir_recorder_reader recorder;
    weir_found_ring found;
    int length = snprintf(path, sizeof path, "%s/recorder", r->input->place->directory);
    if (length < 0 || (size_t)length >= sizeof path) return WEIR_OK; /* opening has no such path */
    int status =
        weir_recorder_attach(&recorder, r->input->os, WEIR_OS_CWD, path, d->ring, &found, error);
    if (status != WEIR_OK || found != WEIR_RING_OURS) return status;
    weir_recorder_skip(&recorder, weir_inspection_recorder_position(inventory, &d->ring->header));
    bool appended = true;
    while (status == WEIR_OK && appended && r->next <= r->input->limits.last_row)
        status = weir_drain_recorder_block(d, &recorder, &appended, error);
    weir_recorder_close(&recorder);
    return status;
}

static int drain(ring_rows *r, weir_ring *ring, const weir_durable_mark *mark, weir_error *error) {
    const weir_inventory *inventory = &r->input->ring->inventory;
    weir_drain_receiver receiver = {r, take_ring_block, ring_tables};
    weir_drain d;
    weir_inspection_skip_drained(inventory, ring);
    int status = weir_drain_make(&d, ring, NULL, WEIR_DRAIN_TARGET, WEIR_DRAIN_DEAD_RING, error);
    if (status != WEIR_OK) return status;
    d.receiver = &receiver;
    d.known = weir_inspection_known_rows(inventory, mark, r->out->position.row);
    r->next = weir_inspection_row_before_ring(inventory, mark) + d.known + 1;
    bool appended = true;
    while (status == WEIR_OK && appended && r->next <= r->input->limits.last_row)
        status = weir_drain_block(&d, &appended, error);
    if (status == WEIR_OK) status = drain_recorder(r, &d, error);
    weir_drain_free(&d);
    return status;
}

/* Does the ring hold rows of this journal that are not in its blocks? The rows of the blocks have
 * been applied before, as far as they can be. */
static bool has_own_rows(const weir_apply_input *input, const weir_ring *ring,
                         const weir_durable_mark *mark) {
    const weir_inventory *inventory = &input->ring->inventory;
    return weir_ring_is_ours(inventory->found.ring) &&
           !weir_inspection_is_drained(inventory, &ring->header, mark);
}

int weir_apply_ring(const weir_apply_input *input, weir_applied *out, weir_error *error) {
    ring_rows r = {.input = input, .out = out};
    weir_ring ring;
    weir_found_ring found;
    weir_durable_mark mark;
    int status = weir_ring_attach(&ring, input->os, WEIR_OS_CWD, input->place->ring, &found, error);
    if (status != WEIR_OK || found != WEIR_RING_OURS) return status;
    bool has_mark = weir_ring_load_mark(&ring, &mark);
    /* Where no block was replayed the position may still be that of no journal. */
    weir_id_copy(out->position.journal, input->journal);
    const weir_durable_mark *known = has_mark ? &mark : NULL;
    if (has_own_rows(input, &ring, known)) {
        status = read_tables(&r, error);
        if (status == WEIR_OK) status = drain(&r, &ring, known, error);
    }
    weir_block_rows_free(&r.rows);
    weir_tables_free(&r.tables);
    weir_ring_close(&ring);
    return status;
}
