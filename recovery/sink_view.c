/* sink_view.c - what waits for each sink. */
#include "sink_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/handle/handle.h"
#include "../lib/stats/stats_read.h"
#include "archive_files.h"
#include "summary.h"

/* ---- blocks ------------------------------------------------------------------------------ */

typedef struct looking {
    const weir_inventory *inventory;
    const weir_archived_files *archived;
} looking;

static bool is_in(const weir_archived_file *file, const weir_inventory *i) {
    return file->status == WEIR_OK && !file->is_void && file->last_block >= file->first_block &&
           weir_id_equal(file->header.journal, i->journal);
}

/* The lowest block at or above this one that journal or archive have; 0: none. */
static uint64_t next_kept(const looking *l, uint64_t block) {
    const weir_inventory *i = l->inventory;
    uint64_t next = weir_extent_nearest(i->extents, 0, i->extent_count, block, WEIR_ABOVE);
    for (size_t a = 0; a < l->archived->count; a++) {
        const weir_archived_file *file = &l->archived->files[a];
        if (!is_in(file, i) || file->last_block < block) continue;
        uint64_t first = file->first_block > block ? file->first_block : block;
        if (!next || first < next) next = first;
    }
    return next;
}

static uint64_t behind(uint64_t block, uint64_t first, uint64_t last) {
    return first <= block && block <= last ? last + 1 : block;
}

/* The first block from this one on that neither has, though a later one may be there. Both lists ascend,
 * and what is in the archive comes before. */
static uint64_t first_not_kept(const looking *l, uint64_t block) {
    const weir_inventory *i = l->inventory;
    for (size_t a = 0; a < l->archived->count; a++) {
        const weir_archived_file *file = &l->archived->files[a];
        if (is_in(file, i)) block = behind(block, file->first_block, file->last_block);
    }
    for (size_t e = 0; e < i->extent_count; e++)
        block = behind(block, i->extents[e].first_block, i->extents[e].last_block);
    return block;
}

static uint64_t segment_bytes_of(const weir_inventory *i, uint64_t number) {
    for (size_t s = 0; s < i->segment_count; s++)
        if (i->segments[s].number == number) return i->segments[s].file_bytes;
    return 0;
}

/* As the journal counts it: whole segments with blocks after safe that another has up to there. */
static uint64_t held_for(const weir_inventory *i, uint64_t safe, uint64_t others) {
    uint64_t bytes = 0;
    for (size_t e = 0; e < i->extent_count; e++) {
        const weir_extent *x = &i->extents[e];
        bool last = e + 1 == i->extent_count || i->extents[e + 1].segment != x->segment;
        if (last && x->last_block > safe && x->last_block <= others)
            bytes += segment_bytes_of(i, x->segment);
    }
    return bytes;
}

static uint64_t archived_for(const looking *l, uint64_t safe) {
    uint64_t bytes = 0;
    for (size_t a = 0; a < l->archived->count; a++) {
        const weir_archived_file *file = &l->archived->files[a];
        if (is_in(file, l->inventory) && file->last_block > safe) bytes += file->bytes;
    }
    return bytes;
}

/* ---- one sink ---------------------------------------------------------------------------- */

static uint64_t block_wanted_next(const weir_sink_record *r) {
    return r->safe.block ? r->safe.block + 1 : r->begin;
}

/* The last row before the block with which a sink began that has got nothing yet. */
static uint64_t row_before(const weir_inventory *i, uint64_t block) {
    for (size_t e = 0; e < i->extent_count; e++)
        if (i->extents[e].first_block == block) return i->extents[e].first_row - 1;
    return 0;
}

static void look_at_sink(const looking *l, uint64_t others, weir_sink_view *v) {
    const weir_inventory *i = l->inventory;
    const weir_sink_record *r = &v->note.record;
    uint64_t durable = weir_rows_durable(i), gap = first_not_kept(l, block_wanted_next(r));
    v->applied = r->safe.block ? r->safe.row : row_before(i, r->begin);
    v->waiting = durable > v->applied ? durable - v->applied : 0;
    v->journal_bytes = r->state == WEIR_SINK_ATTACHED ? held_for(i, r->safe.block, others) : 0;
    v->archive_bytes = archived_for(l, r->safe.block);
    v->beyond = r->lag_limit && v->journal_bytes > r->lag_limit;
    uint64_t next = next_kept(l, gap);
    bool lacks = gap <= i->durable.block;
    v->lacks_first = lacks ? gap : 0;
    v->lacks_last = !lacks ? 0 : next ? next - 1 : i->durable.block;
}

/* A name that is longer than the figures have room for is cut there, and ends in a number. */
static bool is_called(const weir_stats_sink *sink, const char *name) {
    size_t most = WEIR_STATS_NAME - 2;
    if (strlen(name) <= WEIR_STATS_NAME) return strcmp(sink->name, name) == 0;
    return strncmp(sink->name, name, most) == 0 && sink->name[most] == '~';
}

/* The record is written when segments may go, and the process knows better. Its figures stay when it
 * ends. */
static void look_at_sink_figures(const weir_stats_snapshot *s, bool open, uint64_t durable,
                                 weir_sink_view *v) {
    for (uint32_t i = 0; i < s->header.sinks; i++) {
        const weir_sink_figures *f = &s->sinks[i].figures;
        if (!is_called(&s->sinks[i], v->note.record.name)) continue;
        if (f->last_row_applied > v->applied && f->last_row_applied <= durable) {
            v->applied = f->last_row_applied;
            v->waiting = durable - v->applied;
        }
        if (open && s->figures.state == WEIR_STATS_OPEN) v->apply_status = (int)(int64_t)f->status;
    }
}

/* ---- all of them ------------------------------------------------------------------------- */

/* The highest block that another sink, or the database, has. */
static uint64_t block_of_others(const weir_sink_views *views, size_t but, const weir_inventory *i) {
    uint64_t block = i->position.block;
    for (size_t k = 0; k < views->count; k++) {
        const weir_sink_view *v = &views->list[k];
        if (k != but && v->ours && v->note.record.safe.block > block)
            block = v->note.record.safe.block;
    }
    return block;
}

static void look_at_sinks(const weir_place *place, const looking *l, weir_sink_views *views) {
    weir_stats_snapshot s;
    weir_error ignored; /* without figures the records say it */
    const weir_inventory *i = l->inventory;
    bool told = weir_stats_read(place->os, place->directory, &s, &ignored) == WEIR_OK &&
                weir_id_equal(s.header.journal, i->journal);
    bool open = weir_handle_holder(place->os, place->directory).is_there;
    for (size_t k = 0; k < views->count; k++) {
        weir_sink_view *v = &views->list[k];
        if (!v->ours) continue;
        look_at_sink(l, block_of_others(views, k, i), v);
        if (told) look_at_sink_figures(&s, open, weir_rows_durable(i), v);
    }
}

static int take_sink_views(const weir_place *place, const weir_inventory *i, weir_sink_views *out,
                           weir_error *error) {
    weir_sink_notes notes;
    int status = weir_sink_notes_take(place->os, WEIR_OS_CWD, place->directory, &notes, error);
    if (status == WEIR_OK && notes.count) {
        out->list = calloc(notes.count, sizeof *out->list);
        if (!out->list) status = weir_fail(error, WEIR_NO_MEMORY, "no memory for the sinks");
    }
    for (size_t k = 0; out->list && k < notes.count; k++) {
        weir_sink_view *v = &out->list[out->count++];
        v->note = notes.list[k];
        v->ours =
            v->note.status == WEIR_OK && weir_id_equal(v->note.record.safe.journal, i->journal);
    }
    weir_sink_notes_free(&notes);
    return status;
}

int weir_sink_views_take(const weir_place *place, const weir_inventory *inventory,
                         weir_sink_views *out, weir_error *error) {
    weir_archived_files archived;
    *out = (weir_sink_views){0};
    int status = take_sink_views(place, inventory, out, error);
    if (status != WEIR_OK || out->count == 0) return status;
    status = weir_archived_files_take(place->os, place->directory, &archived, error);
    if (status == WEIR_OK) {
        looking l = {inventory, &archived};
        look_at_sinks(place, &l, out);
        weir_archived_files_free(&archived);
    } else {
        weir_sink_views_free(out);
    }
    return status;
}

void weir_sink_views_free(weir_sink_views *views) {
    free(views->list);
    *views = (weir_sink_views){0};
}

/* ---- words ------------------------------------------------------------------------------- */

const char *weir_sink_record_fault(int status) {
    switch (status) {
    case WEIR_VERSION: return "a newer version wrote it";
    case WEIR_DAMAGED: return "it is damaged";
    default: return "it cannot be read";
    }
}

const char *weir_sink_trouble(const weir_sink_view *v, char text[WEIR_SINK_TROUBLE]) {
    const weir_sink_record *r = &v->note.record;
    text[0] = 0;
    if (v->note.status != WEIR_OK)
        (void)snprintf(text, WEIR_SINK_TROUBLE,
                       "%s: what the journal keeps of this sink cannot be used (%s), so no segment "
                       "is released: put a copy of the file back, or remove it if the sink may "
                       "begin anew",
                       r->name, weir_sink_record_fault(v->note.status));
    else if (v->lacks_first)
        (void)snprintf(text, WEIR_SINK_TROUBLE,
                       "%s: blocks %" PRIu64 " to %" PRIu64
                       ", which it needs, are neither in the journal nor in its archive",
                       r->name, v->lacks_first, v->lacks_last);
    else if (v->beyond)
        (void)snprintf(text, WEIR_SINK_TROUBLE,
                       "%s: %" PRIu64 " bytes of segments wait for it, and its limit is %" PRIu64,
                       r->name, v->journal_bytes, r->lag_limit);
    else if (v->ours && r->state == WEIR_SINK_DETACHED && v->waiting)
        (void)snprintf(text, WEIR_SINK_TROUBLE,
                       "%s: it is detached, and %" PRIu64 " rows wait for it, %" PRIu64
                       " bytes of them in the archive",
                       r->name, v->waiting, v->archive_bytes); /* all of these fit */
    return text;
}
