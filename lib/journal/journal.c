/* journal.c - the append side of the stream, and what any thread may ask of it. The next segment is
 * made in next_segment.c; opening.c opens, release.c releases. */
#include <stdlib.h>
#include <string.h>

#include "stream.h"

/* ---- one block -------------------------------------------------------------------------- */

static int provide(weir_buffer *b, size_t bytes) {
    if (bytes <= b->capacity) return WEIR_OK;
    free(b->bytes);
    *b = (weir_buffer){.bytes = aligned_alloc(WEIR_BLOCK_ALIGN, (size_t)weir_aligned(bytes))};
    if (!b->bytes) return WEIR_NO_MEMORY;
    b->capacity = (size_t)weir_aligned(bytes);
    return WEIR_OK;
}

/* What is archived is kept for ever, so there size counts even when callers wait. */
static weir_codec *codec_for(const weir_journal *j) {
    return j->plain && !j->config.archive ? NULL : j->codec;
}

int weir_journal_stage(weir_journal *j, weir_buffer *buffer, uint16_t kind, const uint8_t *payload,
                       size_t bytes, uint32_t rows, weir_block_header *h, weir_error *error) {
    if (bytes > WEIR_RAW_MAX)
        return weir_fail(error, WEIR_TOO_BIG,
                         "a block of %zu bytes is larger than the format allows", bytes);
    *h = (weir_block_header){.version = WEIR_FORMAT_VERSION,
                             .kind = kind,
                             .incompatible = j->tables.templates.held ? WEIR_FEATURE_TEMPLATES : 0,
                             .rows = rows};
    size_t bound = weir_sqlite_record_bound(bytes);
    int status = provide(buffer, WEIR_BLOCK_HEADER + bound);
    if (status == WEIR_OK)
        status =
            weir_payload_encode(codec_for(j), payload, bytes, buffer->bytes + WEIR_BLOCK_HEADER,
                                buffer->capacity - WEIR_BLOCK_HEADER, h);
    if (status != WEIR_OK)
        return weir_fail(error, status, "cannot encode a block of %zu bytes", bytes);
    size_t end = WEIR_BLOCK_HEADER + (size_t)h->stored_bytes;
    memset(buffer->bytes + end, 0, (size_t)weir_block_extent(h) - end);
    return WEIR_OK;
}

int weir_journal_put(weir_journal *j, weir_segment *s, weir_buffer *buffer, weir_block_header *h,
                     weir_error *error) {
    weir_id_copy(h->journal, j->id);
    h->incarnation = j->incarnation;
    h->segment = s->number;
    h->offset = s->end;
    h->block = j->state.end.block + 1;
    h->first_row = j->state.next_row;
    h->wall_ns = j->os->wall(j->os->self);
    h->previous_hash = j->state.end.hash;
    h->durable_block = j->named = j->state.durable.block;
    weir_block_header_encode(buffer->bytes, h);
    int status = weir_segment_append(s, buffer->bytes, weir_block_extent(h), error);
    if (status != WEIR_OK) return status;
    weir_journal_lock(j);
    j->state.end = (weir_log_end){s->number, s->end, h->block, h->hash};
    j->state.next_row += h->rows;
    weir_journal_unlock(j);
    j->unsynced += weir_block_extent(h);
    return WEIR_OK;
}

void weir_journal_commit_appended(weir_journal *j) {
    weir_journal_lock(j);
    const weir_log_end *end = &j->state.end;
    weir_catalog_extend(&j->catalog, end, j->state.next_row);
    j->state.durable = (weir_durable_mark){end->block, end->hash, j->state.next_row - 1, "block"};
    j->state.vouched = j->named;
    j->state.bytes_written += j->unsynced;
    weir_journal_unlock(j);
    j->durable_end = *end;
    j->unsynced = 0;
    weir_drained_copy(&j->durable_drained, &j->drained);
}

void weir_journal_discard_unsynced(weir_journal *j) {
    weir_journal_lock(j);
    j->state.end = j->durable_end;
    j->state.next_row = j->state.durable.row + 1;
    weir_journal_unlock(j);
    j->unsynced = 0;
    weir_drained_copy(&j->drained, &j->durable_drained);
}

/* ---- journal thread --------------------------------------------------------------------- */

static int break_off(weir_journal *j, weir_error *error) {
    weir_segment_close(&j->segment);
    j->broken = true;
    if (error)
        error->status = WEIR_IO; /* whatever it was: a full disk too means a new segment here */
    return WEIR_IO;
}

int weir_journal_sync(weir_journal *j, weir_error *error) {
    if (j->broken)
        return weir_fail(error, WEIR_IO, "the last write of the journal failed; restart it");
    if (j->unsynced == 0) return WEIR_OK;
    uint64_t before = j->os->now(j->os->self);
    if (weir_segment_sync(&j->segment, error) != WEIR_OK) return break_off(j, error);
    uint64_t took = j->os->now(j->os->self) - before;
    weir_journal_commit_appended(j);
    weir_journal_lock(j);
    j->state.syncs++;
    j->state.sync_ns_total += took;
    if (took > j->state.sync_ns_max) j->state.sync_ns_max = took;
    weir_journal_unlock(j);
    return WEIR_OK;
}

/* Before the first block of a group: a few calls beside its sync, lest bytes go where they must
 * not. */
static int check_files(weir_journal *j, weir_error *error) {
    int status = weir_journal_check_place(j, error);
    if (status != WEIR_OK || j->segment.file < 0 || weir_segment_is_open(&j->segment))
        return status;
    j->segment.file = -1; /* not ours to close */
    return weir_fail(
        error, WEIR_STOPPED,
        "%s: this process closed the descriptor of the segment that was written; close "
        "this handle and open again",
        j->config.directory);
}

static int make_buffer_room(weir_journal *j, uint64_t extent, weir_error *error) {
    if (j->segment.file >= 0 && weir_segment_has_room(&j->segment, extent)) return WEIR_OK;
    int status = weir_journal_sync(j, error);
    if (status != WEIR_OK) return status;
    weir_carry room = {.room = extent};
    return weir_journal_roll(j, &room, j->opening ? WEIR_LIMIT_IGNORED : WEIR_LIMIT_HOLDS, error);
}

int weir_journal_append(weir_journal *j, uint16_t kind, const weir_drained *drained,
                        uint8_t *payload, size_t bytes, uint32_t rows, weir_error *error) {
    if (j->broken)
        return weir_fail(error, WEIR_IO, "the last write of the journal failed; restart it");
    size_t head = weir_payload_head_size(drained->count);
    bool fits = drained->count <= WEIR_LANES_LIMIT && bytes >= head;
    if (!fits || (rows && kind != WEIR_BLOCK_ROWS))
        return weir_fail(error, WEIR_MISUSE, "a block's payload is not valid");
    (void)weir_payload_head_encode(payload, drained->ring, drained->marks, drained->count);
    int status = WEIR_OK;
    if (kind == WEIR_BLOCK_DECLARATIONS)
        status = weir_tables_merge(&j->tables, weir_cursor_over(payload + head, bytes - head));
    if (status != WEIR_OK) return weir_fail(error, status, "cannot take in declarations");
    weir_block_header h;
    status = weir_journal_stage(j, &j->block, kind, payload, bytes, rows, &h, error);
    if (status == WEIR_OK && j->unsynced == 0) status = check_files(j, error);
    if (status == WEIR_OK) status = make_buffer_room(j, weir_block_extent(&h), error);
    if (status != WEIR_OK) return status;
    if (weir_journal_put(j, &j->segment, &j->block, &h, error) != WEIR_OK)
        return break_off(j, error);
    weir_drained_copy(&j->drained, drained);
    return WEIR_OK;
}

void weir_journal_begin_ring(weir_journal *j, const weir_id ring) {
    weir_id_copy(j->drained.ring, ring);
    j->drained.count = 0;
    weir_drained_copy(&j->durable_drained, &j->drained);
}

void weir_journal_store_plain(weir_journal *j, bool plain) { j->plain = plain; }

void weir_journal_prezero(weir_journal *j) { weir_segment_prezero(&j->segment); }

int weir_journal_restart(weir_journal *j, weir_error *error) {
    weir_segment_close(&j->segment);
    weir_journal_discard_unsynced(j);
    j->broken = false;
    return weir_journal_roll(j, NULL, WEIR_LIMIT_IGNORED, error);
}

const weir_tables *weir_journal_tables(const weir_journal *j) { return &j->tables; }

/* ---- any thread ------------------------------------------------------------------------- */

const uint8_t *weir_journal_id(const weir_journal *j) { return j->id; }

uint64_t weir_journal_incarnation(const weir_journal *j) { return j->incarnation; }

void weir_journal_get_state(weir_journal *j, weir_journal_state *out) {
    weir_journal_lock(j);
    *out = j->state;
    out->bytes = j->catalog.bytes;
    out->segments = weir_catalog_files(&j->catalog);
    out->first_block = weir_catalog_first_block(&j->catalog);
    weir_journal_unlock(j);
}

void weir_journal_tell_counts(weir_journal *j) {
    const weir_journal_state *s = &j->state;
    weir_journal_told *told = &j->told;
    atomic_store_explicit(&told->durable_row, s->durable.row, memory_order_relaxed);
    atomic_store_explicit(&told->bytes, j->catalog.bytes, memory_order_relaxed);
    atomic_store_explicit(&told->bytes_written, s->bytes_written, memory_order_relaxed);
    atomic_store_explicit(&told->syncs, s->syncs, memory_order_relaxed);
    atomic_store_explicit(&told->sync_ns_total, s->sync_ns_total, memory_order_relaxed);
    atomic_store_explicit(&told->sync_ns_max, s->sync_ns_max, memory_order_relaxed);
}

static uint64_t told(_Atomic uint64_t *count) {
    return atomic_load_explicit(count, memory_order_relaxed);
}

void weir_journal_get_counts(weir_journal *j, weir_journal_counts *out) {
    *out = (weir_journal_counts){
        .durable_row = told(&j->told.durable_row),
        .bytes = told(&j->told.bytes),
        .bytes_written = told(&j->told.bytes_written),
        .syncs = told(&j->told.syncs),
        .sync_ns_total = told(&j->told.sync_ns_total),
        .sync_ns_max = told(&j->told.sync_ns_max),
        .rows_passed = told(&j->told.rows_passed),
    };
}

static int locate_in_journal(void *self, uint64_t block, weir_extent *out, char *path_buffer) {
    weir_journal *j = self;
    weir_journal_lock(j);
    int status = block > j->state.durable.block ? WEIR_PENDING
                                                : weir_catalog_locate(&j->catalog, block, out);
    if (status == WEIR_OK) {
        memcpy(path_buffer, out->path, strlen(out->path) + 1); /* weir_numbered_path made it */
        out->path = path_buffer;
    }
    weir_journal_unlock(j);
    return status;
}

/* What is not durable is not there yet. */
static uint64_t nearest_in_journal(void *self, uint64_t block, weir_side side) {
    weir_journal *j = self;
    weir_journal_lock(j);
    uint64_t durable = j->state.durable.block;
    if (side == WEIR_BELOW && block > durable) block = durable;
    uint64_t found = weir_catalog_nearest(&j->catalog, block, side);
    weir_journal_unlock(j);
    return found <= durable ? found : 0;
}

weir_locator weir_journal_locator(weir_journal *j) {
    return (weir_locator){j, j->config.dirfd, locate_in_journal, nearest_in_journal};
}
