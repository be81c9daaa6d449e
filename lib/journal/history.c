/* history.c - what a journal has, and what it has released into its archive, read as one. */
#include "history.h"

#include <stdlib.h>

#include "../verify/archive.h"
#include "../verify/ends.h"
#include "stream.h"

enum { LISTED_MOST = 8 }; /* times in a row, while files come and go */

struct weir_history {
    weir_journal *j;
    weir_locator live;
    weir_archive files;
    weir_extent *extents; /* of segments that have ended, by their headers; without paths */
    size_t count;
};

/* ---- the list ----------------------------------------------------------------------------- */

/* The segments of the stream, whether they are here or there, oldest first. */
static int list_ends(const weir_journal *j, const weir_archive *files, weir_segment_end **ends,
                     size_t *count, weir_error *error) {
    weir_inventory_input input = {
        .os = &files->os, .dirfd = j->config.dirfd, .directory = j->config.directory};
    int status = WEIR_NOT_FOUND;
    for (int i = 0; i < LISTED_MOST && status == WEIR_NOT_FOUND; i++)
        status = weir_segment_ends(&input, ends, count, error);
    return status != WEIR_NOT_FOUND
               ? status
               : weir_fail(error, WEIR_IO, "%s: segments come and go too fast to be listed",
                           j->config.directory);
}

static bool holds_blocks(const weir_segment_end *e) {
    return e->end.segment && e->first_block && e->end.block >= e->first_block;
}

static int list_extents(weir_history *h) {
    weir_segment_end *ends;
    size_t count;
    int status = list_ends(h->j, &h->files, &ends, &count, NULL);
    if (status != WEIR_OK) return status;
    weir_extent *extents = calloc(count + 1, sizeof *extents);
    if (!extents) {
        free(ends);
        return WEIR_NO_MEMORY;
    }
    free(h->extents);
    h->extents = extents;
    h->count = 0;
    for (size_t i = 0; i < count; i++) {
        const weir_segment_end *e = &ends[i];
        if (!holds_blocks(e)) continue;
        extents[h->count++] = (weir_extent){.segment = e->segment,
                                            .begin = WEIR_BLOCK_ALIGN,
                                            .end = e->end.offset,
                                            .first_block = e->first_block,
                                            .last_block = e->end.block,
                                            .first_row = e->first_row,
                                            .last_hash = e->end.hash};
    }
    free(ends);
    return WEIR_OK;
}

/* ---- the locator -------------------------------------------------------------------------- */

/* Under the name that it has in the journal: files finds it there or in the archive. */
static int locate_listed(const weir_history *h, uint64_t block, weir_extent *out,
                         char *path_buffer) {
    size_t at = weir_extent_find(h->extents, 0, h->count, block);
    if (at == h->count || h->extents[at].first_block > block) return WEIR_NOT_FOUND;
    *out = h->extents[at];
    weir_numbered_path(path_buffer, h->j->config.directory, "segment", out->segment);
    out->path = path_buffer;
    return WEIR_OK;
}

/* What has left the journal is in the archive by then. */
static int locate_in_history(void *self, uint64_t block, weir_extent *out, char *path_buffer) {
    weir_history *h = self;
    int status = h->live.locate(h->live.self, block, out, path_buffer);
    if (status != WEIR_NOT_FOUND) return status;
    if (locate_listed(h, block, out, path_buffer) == WEIR_OK) return WEIR_OK;
    status = list_extents(h);
    return status == WEIR_OK ? locate_listed(h, block, out, path_buffer) : status;
}

static uint64_t nearest_in_history(void *self, uint64_t block, weir_side side) {
    const weir_history *h = self;
    uint64_t here = h->live.nearest(h->live.self, block, side);
    uint64_t there = weir_extent_nearest(h->extents, 0, h->count, block, side);
    if (here == 0 || there == 0) return here ? here : there;
    return (here < there) == (side == WEIR_ABOVE) ? here : there;
}

/* ---- making it ---------------------------------------------------------------------------- */

int weir_history_make(weir_journal *j, weir_history **out) {
    *out = NULL;
    weir_history *h = calloc(1, sizeof *h);
    if (!h) return WEIR_NO_MEMORY;
    h->j = j;
    h->live = weir_journal_locator(j);
    int status = weir_archive_open(j->os, j->config.directory, &h->files);
    if (status != WEIR_OK) {
        free(h);
        return status;
    }
    *out = h;
    return WEIR_OK;
}

void weir_history_free(weir_history *h) {
    if (!h) return;
    weir_archive_close(&h->files);
    free(h->extents);
    free(h);
}

const weir_os *weir_history_os(weir_history *h) { return &h->files.os; }

weir_locator weir_history_locator(weir_history *h) {
    return (weir_locator){h, h->live.dirfd, locate_in_history, nearest_in_history};
}

/* ---- where it begins ---------------------------------------------------------------------- */

static void begin_of_journal(weir_journal *j, uint64_t *block, uint64_t *row) {
    uint64_t next_row;
    weir_journal_lock(j);
    *block = weir_catalog_first_block(&j->catalog);
    weir_catalog_oldest_rows(&j->catalog, row, &next_row);
    if (*block == 0) *block = j->state.durable.block + 1;
    if (*row == 0) *row = j->state.durable.row + 1;
    weir_journal_unlock(j);
}

/* Back from the journal's first block, as long as one segment ends where the next one begins. */
int weir_history_oldest(weir_journal *j, uint64_t wanted, uint64_t *block, uint64_t *row,
                        weir_error *error) {
    weir_archive files;
    weir_segment_end *ends = NULL;
    size_t count = 0;
    begin_of_journal(j, block, row);
    if (*block <= wanted) return WEIR_OK;
    int status = weir_archive_open(j->os, j->config.directory, &files);
    if (status != WEIR_OK) return weir_fail(error, status, "no memory to list the archive");
    status = list_ends(j, &files, &ends, &count, error);
    for (size_t i = count; i-- > 0;) {
        const weir_segment_end *e = &ends[i];
        if (!holds_blocks(e) || e->end.block + 1 != *block) continue;
        *block = e->first_block;
        *row = e->first_row;
    }
    free(ends);
    weir_archive_close(&files);
    return status;
}
