/* undo_rows.c - rows that a database lacks though it has later ones. */
#include "undo_rows.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/format/names.h"
#include "../lib/verify/reader.h"
#include "../writer/apply/block_rows.h"
#include "columns.h"
#include "report.h"

/* ---- reading --------------------------------------------------------------------------- */

static uint64_t overlap(uint64_t first, uint64_t end, const weir_undo_rows *g) {
    if (first < g->first_row) first = g->first_row;
    if (end > g->last_row + 1) end = g->last_row + 1;
    return end > first ? end - first : 0;
}

int weir_undo_read(const weir_aside *aside, const weir_loss *loss, weir_undo_rows *out,
                   weir_error *error) {
    *out = (weir_undo_rows){
        .first_row = loss->first_row, .last_row = loss->last_row, .os = &aside->os};
    weir_id_copy(out->journal, loss->journal);
    weir_inventory_input input = {
        .os = &aside->os, .directory = aside->directory, .verify_all = true};
    int status = weir_inventory_take(&input, &out->inventory, error);
    if (status != WEIR_OK) return status;
    const weir_inventory *i = &out->inventory;
    bool ours = weir_id_equal(i->journal, loss->journal);
    for (size_t e = 0; ours && e < i->extent_count; e++)
        out->rows += overlap(i->extents[e].first_row, i->extents[e].next_row, out);
    uint64_t all = loss->last_row - loss->first_row + 1;
    out->missing = all > out->rows ? all - out->rows : 0;
    return WEIR_OK;
}

void weir_undo_free(weir_undo_rows *gap) { weir_inventory_free(&gap->inventory); }

/* The first damage in which some of the rows are. */
static const weir_damage *damage_in(const weir_undo_rows *g) {
    for (size_t d = 0; d < g->inventory.damage_count; d++) {
        const weir_damage *damage = &g->inventory.damages[d];
        if (damage->first_row == 0 || overlap(damage->first_row, damage->last_row + 1, g))
            return damage;
    }
    return NULL;
}

const char *weir_undo_why(const weir_undo_rows *gap, char *text, size_t size) {
    const weir_damage *d = damage_in(gap);
    if (!d)
        (void)snprintf(text, size, "%" PRIu64 " of them are in no segment that is here",
                       gap->missing);
    else if (d->path)
        (void)snprintf(text, size,
                       "%" PRIu64 " of them cannot be read: %s at byte %" PRIu64 ": %s; put "
                       "a sound copy there",
                       gap->missing, d->path, d->offset, d->why);
    else
        (void)snprintf(text, size,
                       "%" PRIu64 " of them cannot be read: segment %" PRIu64
                       " is missing; put it back",
                       gap->missing, d->segment);
    return text;
}

/* ---- applying -------------------------------------------------------------------------- */

void weir_undo_id(const weir_id journal, weir_id out) {
    static const uint8_t word[] = {'u', 'n', 'd', 'o'};
    uint8_t seed[sizeof(weir_id) + sizeof word + 1] = {0};
    memcpy(seed, journal, sizeof(weir_id));
    memcpy(seed + sizeof(weir_id), word, sizeof word);
    for (size_t i = 0; i < 2; i++) {
        seed[sizeof seed - 1] = (uint8_t)i;
        uint64_t half = weir_hash(seed, sizeof seed);
        memcpy(out + 8 * i, &half, sizeof half);
    }
}

typedef struct gap_filling {
    const weir_undo_rows *gap;
    const weir_sink *sink;
    weir_reader *reader;
    weir_tables tables;
    weir_block_rows rows;
    weir_id id;
} gap_filling;

/* The position of an undo names its gap: block is the first row, hash the last one. */
static int begin_filling(const gap_filling *f, uint64_t *done, weir_error *error) {
    weir_position at;
    int status = f->sink->begin(f->sink->self, f->id, &at, error);
    if (status == WEIR_SINK_REOPENED)
        return weir_fail(error, WEIR_IO, "the database lost its -wal file; try again");
    if (status != WEIR_OK) return status;
    *done = at.row;
    bool same = at.block == f->gap->first_row && at.hash == f->gap->last_row;
    if (at.row == 0 || same) return WEIR_OK;
    return weir_fail(error, WEIR_FOREIGN,
                     "an undo was interrupted in rows %llu to %llu, and the table weir_loss has "
                     "changed since: enter this range there again",
                     (unsigned long long)at.block, (unsigned long long)at.hash);
}

static int fill_once(gap_filling *f, const weir_read_block *b, uint64_t width, uint64_t *done,
                     weir_error *error) {
    const weir_block_header *h = &b->header;
    const weir_undo_rows *g = f->gap;
    int status = begin_filling(f, done, error);
    weir_row_range range = {h->first_row, h->first_row + h->rows - 1};
    if (range.first < g->first_row) range.first = g->first_row;
    if (range.first <= *done) range.first = *done + 1;
    if (range.last > g->last_row) range.last = g->last_row;
    if (status == WEIR_OK && range.first <= range.last) {
        if (range.last - range.first >= width) range.last = range.first + width - 1;
        weir_position to = {.block = g->first_row, .row = range.last, .hash = g->last_row};
        weir_sink_counts counts;
        weir_id_copy(to.journal, f->id);
        status = weir_block_rows_apply(&f->rows, &f->tables.templates, f->sink, h, b->payload.body,
                                       range, error);
        if (status == WEIR_OK) status = f->sink->commit(f->sink->self, &to, &counts, error);
        if (status == WEIR_OK) *done = range.last;
    } else if (status == WEIR_OK) { /* an earlier undo has them */
        f->sink->rollback(f->sink->self);
        return WEIR_OK;
    }
    if (status != WEIR_OK) f->sink->rollback(f->sink->self);
    return status;
}

/* In one transaction, so that batches stay whole; when the sink returns WEIR_SINK_AGAIN, with half
 * as many rows in each. */
static int fill_from_block(gap_filling *f, const weir_read_block *b, weir_error *error) {
    uint64_t last = b->header.first_row + b->header.rows - 1, width = b->header.rows, done = 0;
    if (last > f->gap->last_row) last = f->gap->last_row;
    do {
        int status = fill_once(f, b, width, &done, error);
        if (status == WEIR_SINK_AGAIN)
            width = width > 1 ? width / 2 : 1;
        else if (status != WEIR_OK && status != WEIR_SINK_ANEW)
            return status;
    } while (done < last);
    return WEIR_OK;
}

static int fill_from_extent(gap_filling *f, const weir_extent *e, weir_error *error) {
    if (!overlap(e->first_row, e->next_row, f->gap)) return WEIR_OK;
    for (uint64_t n = e->first_block; n <= e->last_block; n++) {
        weir_read_block b;
        int status = weir_reader_header(f->reader, n, &b.header, error);
        if (status != WEIR_OK) return status;
        const weir_block_header *h = &b.header;
        if (!h->rows || !overlap(h->first_row, h->first_row + h->rows, f->gap)) continue;
        status = weir_reader_payload(f->reader, &b, error);
        if (status == WEIR_OK) status = fill_from_block(f, &b, error);
        if (status != WEIR_OK) return status;
    }
    return WEIR_OK;
}

static int declare_tables(gap_filling *f, weir_error *error) {
    weir_tables_read(&f->tables, &f->gap->inventory, f->reader);
    int status = WEIR_OK;
    for (size_t i = 0; status == WEIR_OK && i < f->tables.count; i++)
        status = f->sink->declare(f->sink->self, f->tables.list[i], WEIR_DECLARE_WITH_ROWS, error);
    return status;
}

int weir_undo_apply(const weir_undo_rows *gap, weir_sink *sink, weir_error *error) {
    gap_filling f = {.gap = gap, .sink = sink};
    weir_undo_id(gap->journal, f.id);
    const weir_inventory *i = &gap->inventory;
    int status = weir_reader_make(gap->os, weir_inventory_locator(i), &f.reader);
    if (status != WEIR_OK) return weir_fail(error, status, "no memory to read the journal");
    status = declare_tables(&f, error);
    for (size_t e = 0; status == WEIR_OK && e < i->extent_count; e++)
        status = fill_from_extent(&f, &i->extents[e], error);
    weir_reader_free(f.reader);
    weir_block_rows_free(&f.rows);
    weir_tables_free(&f.tables);
    return status;
}

/* ---- afterwards ------------------------------------------------------------------------ */

/* Rows of a segment that was put back are all in the database; and where the journal went on behind
 * a lost end, opening would take the blocks after it for damage. */
static void file_away(const weir_place *place, uint64_t number) {
    char from[WEIR_PATH_MAX], archive[WEIR_PATH_MAX], to[WEIR_PATH_MAX];
    const weir_os *os = place->os;
    weir_os_info info;
    weir_numbered_path(from, place->directory, "segment", number);
    if (os->info(os->self, WEIR_OS_CWD, from, &info) < 0) return;
    weir_path_in(archive, place->directory, "archive");
    weir_numbered_path(to, archive, "segment", number);
    int made = os->make_directory(os->self, WEIR_OS_CWD, archive);
    int moved = made < 0 && made != -EEXIST ? made : 0;
    if (moved == 0 && renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) != 0)
        moved = -errno;
    if (moved == 0) moved = os->sync_directory(os->self, WEIR_OS_CWD, archive);
    if (moved == 0) moved = os->sync_directory(os->self, WEIR_OS_CWD, place->directory);
    if (moved < 0)
        weir_report_note("cannot move %s to the archive (%s); move it away", from,
                         strerror(-moved));
    else
        weir_report_note("archived: %s", to);
}

void weir_undo_file_away(const weir_undo_rows *gap, const weir_place *place,
                         uint64_t last_segment) {
    const weir_inventory *i = &gap->inventory;
    uint64_t done = 0;
    for (size_t e = 0; e < i->extent_count; e++) {
        const weir_extent *x = &i->extents[e];
        bool ours = x->segment <= last_segment && x->segment != done;
        if (!ours || !overlap(x->first_row, x->next_row, gap)) continue;
        file_away(place, x->segment);
        done = x->segment;
    }
}
