/* catalog.c - bookkeeping of files and extents. */
#include "catalog.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "../format/names.h"

static void move_up(void *array, size_t *gone, size_t *count, size_t element) {
    memmove(array, (char *)array + *gone * element, (*count - *gone) * element);
    *count -= *gone;
    *gone = 0;
}

/* Room for one more element; the arrays grow by halves, so they cannot come near an overflow. */
static int grow(void **array, size_t *gone, size_t *count, size_t *capacity, size_t element) {
    if (*count < *capacity) return WEIR_OK;
    if (*gone > *count / 2) { /* so each element is moved a few times at most */
        move_up(*array, gone, count, element);
        return WEIR_OK;
    }
    size_t wanted = *capacity + *capacity / 2 + 8;
    if (wanted > SIZE_MAX / element) return WEIR_NO_MEMORY;
    void *larger = realloc(*array, wanted * element);
    if (!larger) return WEIR_NO_MEMORY;
    *array = larger;
    *capacity = wanted;
    return WEIR_OK;
}

int weir_catalog_reserve(weir_catalog *c) {
    void *files = c->files, *extents = c->extents;
    int status = grow(&files, &c->files_gone, &c->file_count, &c->file_capacity, sizeof *c->files);
    c->files = files;
    if (status != WEIR_OK) return status;
    status =
        grow(&extents, &c->extents_gone, &c->extent_count, &c->extent_capacity, sizeof *c->extents);
    c->extents = extents;
    return status;
}

void weir_catalog_free(weir_catalog *c) {
    for (size_t i = c->files_gone; i < c->file_count; i++)
        free(c->files[i].path);
    free(c->files);
    free(c->extents);
    *c = (weir_catalog){0};
}

/* ---- taking over an inventory ---- */

static const char *why_damaged(const weir_inventory *found, const weir_segment_note *note) {
    if (note->status != WEIR_OK) return "header";
    for (size_t i = 0; i < found->damage_count; i++)
        if (found->damages[i].segment == note->header.segment) return "blocks";
    return NULL;
}

static int adopt_file(weir_catalog *c, const weir_inventory *found, const weir_segment_note *note) {
    int status = weir_catalog_reserve(c);
    if (status != WEIR_OK) return status;
    weir_kept_file file = {.number = weir_number_in_name(note->path, "segment"),
                           .bytes = note->file_bytes,
                           .empty = note->status == WEIR_NOT_FOUND,
                           .why = why_damaged(found, note),
                           .path = strdup(note->path)};
    if (!file.path) return WEIR_NO_MEMORY;
    c->files[c->file_count++] = file;
    c->bytes += file.bytes;
    return WEIR_OK;
}

static weir_kept_file *file_of(weir_catalog *c, uint64_t number) {
    for (size_t i = c->file_count; i-- > c->files_gone;)
        if (c->files[i].number == number) return &c->files[i];
    return NULL;
}

static int adopt_extent(weir_catalog *c, const weir_inventory *found, weir_extent extent) {
    const weir_log_end *end = &found->durable_end;
    int status = weir_catalog_reserve(c); /* first: it may move the files */
    if (status != WEIR_OK) return status;
    weir_kept_file *file = file_of(c, extent.segment);
    if (!file || extent.first_block > end->block) return WEIR_OK;
    if (extent.last_block > end->block) { /* what lies above is written again elsewhere */
        extent.end = end->offset;
        extent.last_block = end->block;
        extent.last_hash = end->hash;
        extent.next_row = found->durable_next_row;
    }
    extent.path = file->path;
    c->extents[c->extent_count++] = extent;
    file->last_block = extent.last_block;
    return WEIR_OK;
}

int weir_catalog_adopt(weir_catalog *c, const weir_inventory *found) {
    int status = WEIR_OK;
    for (size_t i = 0; status == WEIR_OK && i < found->segment_count; i++)
        status = adopt_file(c, found, &found->segments[i]);
    for (size_t i = 0; status == WEIR_OK && i < found->extent_count; i++)
        status = adopt_extent(c, found, found->extents[i]);
    return status;
}

/* ---- living ---- */

void weir_catalog_add(weir_catalog *c, weir_kept_file file, uint64_t begin, uint64_t first_block,
                      uint64_t first_row) {
    assert(c->file_count < c->file_capacity && c->extent_count < c->extent_capacity);
    c->files[c->file_count++] = file;
    c->bytes += file.bytes;
    c->extents[c->extent_count++] = (weir_extent){.segment = file.number,
                                                  .begin = begin,
                                                  .end = begin,
                                                  .first_block = first_block,
                                                  .last_block = first_block - 1,
                                                  .first_row = first_row,
                                                  .next_row = first_row,
                                                  .path = file.path};
}

void weir_catalog_extend(weir_catalog *c, const weir_log_end *end, uint64_t next_row) {
    assert(c->extent_count && c->extents[c->extent_count - 1].segment == end->segment);
    weir_extent *extent = &c->extents[c->extent_count - 1];
    extent->end = end->offset;
    extent->last_block = end->block;
    extent->last_hash = end->hash;
    extent->next_row = next_row;
    c->files[c->file_count - 1].last_block = end->block;
}

int weir_catalog_locate(const weir_catalog *c, uint64_t block, weir_extent *out) {
    size_t at = weir_extent_find(c->extents, c->extents_gone, c->extent_count, block);
    if (at == c->extent_count || c->extents[at].first_block > block) return WEIR_NOT_FOUND;
    *out = c->extents[at];
    return WEIR_OK;
}

uint64_t weir_catalog_nearest(const weir_catalog *c, uint64_t block, weir_side side) {
    return weir_extent_nearest(c->extents, c->extents_gone, c->extent_count, block, side);
}

const weir_kept_file *weir_catalog_oldest(const weir_catalog *c, uint64_t block) {
    const weir_kept_file *oldest = &c->files[c->files_gone];
    return weir_catalog_files(c) < 2 || oldest->last_block > block ? NULL : oldest;
}

void weir_catalog_drop_oldest(weir_catalog *c) {
    weir_kept_file *oldest = &c->files[c->files_gone++];
    while (c->extents_gone < c->extent_count &&
           c->extents[c->extents_gone].segment == oldest->number)
        c->extents_gone++;
    c->bytes -= oldest->bytes;
    free(oldest->path);
}

void weir_catalog_oldest_rows(const weir_catalog *c, uint64_t *first, uint64_t *next) {
    const weir_kept_file *oldest = &c->files[c->files_gone];
    *first = *next = 0;
    for (size_t i = c->extents_gone; i < c->extent_count; i++) {
        const weir_extent *e = &c->extents[i];
        if (e->segment != oldest->number) break;
        if (i == c->extents_gone) *first = e->first_row;
        *next = e->next_row;
    }
}

uint64_t weir_catalog_bytes_up_to(const weir_catalog *c, uint64_t block) {
    uint64_t bytes = 0;
    for (size_t i = c->files_gone; i + 1 < c->file_count && c->files[i].last_block <= block; i++)
        bytes += c->files[i].bytes;
    return bytes;
}

void weir_catalog_end_up_to(const weir_catalog *c, uint64_t block, weir_position *at) {
    for (size_t i = c->extents_gone; i < c->extent_count && c->extents[i].last_block <= block;
         i++) {
        const weir_extent *e = &c->extents[i];
        if (e->last_block < e->first_block) continue; /* nothing is durable there yet */
        at->block = e->last_block;
        at->hash = e->last_hash;
        at->row = e->next_row - 1;
    }
}

size_t weir_catalog_files(const weir_catalog *c) { return c->file_count - c->files_gone; }

uint64_t weir_catalog_first_block(const weir_catalog *c) {
    return c->extents_gone < c->extent_count ? c->extents[c->extents_gone].first_block : 0;
}
