/* blocks.c - the journal of a backup.
 *
 * What opening does with blocks above the durable mark is just what a backup needs: a new segment
 * whose header says where the stream was before, with those blocks copied behind it, each read and
 * verified, all of it synced before the file has its name (FORMAT.md, section 7, "What opening
 * does"). So the journal of a backup is opened in an empty directory, with an inventory that says:
 * the stream goes up to end, and the database's position is where it was durable. Rows keep their
 * numbers and blocks up to the position theirs, so the position in the copied database fits: its
 * block is the one before the new segment's first. */
#include "blocks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/journal/journal.h"
#include "../progress.h"
#include "interrupt.h"

enum { LEAST_SEGMENT = 1 << 16 }; /* the head, and the mark of the closing */

weir_backup_end weir_backup_end_of(const weir_inventory *i, bool in_use) {
    uint64_t next = in_use ? i->durable_next_row : i->next_row;
    if (next == 0) next = 1; /* no row was ever written */
    return (weir_backup_end){in_use ? i->durable.block : i->end.block, next - 1, next};
}

/* ---- a disk that counts what is written, and refuses it once the user has interrupted --------- */

typedef struct counting_disk {
    weir_os os;
    const weir_os *real;
    weir_progress progress;
    uint64_t written, expected;
} counting_disk;

static int64_t pwrite_counted(void *self, int file, const void *from, size_t bytes,
                              uint64_t offset) {
    counting_disk *d = self;
    if (weir_backup_interrupted(NULL) != WEIR_OK) return -ECANCELED;
    int64_t wrote = d->real->pwrite(d->real->self, file, from, bytes, offset);
    if (wrote > 0) d->written += (uint64_t)wrote;
    weir_progress_show(&d->progress, d->written, d->expected);
    return wrote;
}

static void count_disk(counting_disk *d, uint64_t expected) {
    *d = (counting_disk){.os = *weir_os_posix(),
                         .real = weir_os_posix(),
                         .progress = weir_progress_start("bytes of the journal copied"),
                         .expected = expected};
    d->os.self = d; /* the other functions of the real table ignore their self */
    d->os.pwrite = pwrite_counted;
}

/* ---- the inventory for opening ---------------------------------------------------------------- */

/* Extents up to end. The segments are left out: they are not the new journal's, to be released. */
static int clip(const weir_inventory *from, const weir_backup_end *end, weir_inventory *out) {
    *out = (weir_inventory){.dirfd = from->dirfd,
                            .found = {.journal = WEIR_JOURNAL_PRESENT},
                            .verdict = WEIR_VERDICT_CLEAN,
                            .incarnation = from->incarnation,
                            .end = {.block = end->block},
                            .next_row = end->next_row};
    weir_id_copy(out->journal, from->journal);
    out->extents = calloc(from->extent_count ? from->extent_count : 1, sizeof *out->extents);
    if (!out->extents) return WEIR_NO_MEMORY;
    for (size_t i = 0; i < from->extent_count && from->extents[i].first_block <= end->block; i++) {
        weir_extent *e = &out->extents[out->extent_count++];
        *e = from->extents[i];
        if (e->last_block > end->block) e->last_block = end->block;
    }
    return WEIR_OK;
}

/* The stream is durable up to the position. The place is before the first segment, since the
 * segments in between are not copied. */
static int begin_at_position(weir_inventory *clipped, const weir_position *position,
                             weir_error *error) {
    weir_reader *reader;
    weir_block_header first = {.first_row = clipped->next_row};
    clipped->durable = (weir_durable_mark){position->block, position->hash, 0, "database"};
    clipped->durable_end = (weir_log_end){0, 0, position->block, position->hash};
    int status = weir_reader_make(weir_os_posix(), weir_inventory_locator(clipped), &reader);
    if (status != WEIR_OK) return weir_fail(error, status, "no memory to read the journal");
    if (position->block < clipped->end.block)
        status = weir_reader_header(reader, position->block + 1, &first, error);
    weir_reader_free(reader);
    clipped->durable_next_row = first.first_row; /* the position may be within this block */
    return status;
}

/* ---- writing it ------------------------------------------------------------------------------- */

static int close_copy(weir_journal *j, weir_error *error) {
    const weir_drained none = {.count = 0};
    uint8_t head[WEIR_PAYLOAD_HEAD];
    int status = weir_journal_append(j, WEIR_BLOCK_MARK, &none, head, sizeof head, 0, error);
    if (status == WEIR_OK) status = weir_journal_sync(j, error);
    if (status == WEIR_OK) weir_journal_trim(j, false);
    return status;
}

static int write_copy(const weir_inventory *clipped, int dirfd, const char *directory,
                      weir_error *error) {
    counting_disk disk;
    weir_journal *j;
    count_disk(&disk, 0);
    weir_journal_config config = {.os = &disk.os,
                                  .dirfd = dirfd,
                                  .directory = directory,
                                  .segment_bytes = LEAST_SEGMENT,
                                  .limit_bytes = UINT64_MAX,
                                  .zstd_level = 1};
    int status = weir_journal_open(&config, clipped, &j, error);
    if (status == WEIR_OK) {
        status = close_copy(j, error);
        weir_journal_close(j);
    }
    weir_progress_end(&disk.progress);
    return weir_backup_interrupted(NULL) == WEIR_OK ? status : weir_backup_interrupted(error);
}

int weir_backup_blocks(const weir_inventory *inventory, const weir_backup_end *end, int dirfd,
                       const char *directory, weir_error *error) {
    weir_inventory clipped;
    int status = clip(inventory, end, &clipped);
    if (status != WEIR_OK) return weir_fail(error, status, "no memory to copy the journal");
    status = begin_at_position(&clipped, &inventory->position, error);
    if (status == WEIR_OK) status = write_copy(&clipped, dirfd, directory, error);
    free(clipped.extents);
    return status;
}
