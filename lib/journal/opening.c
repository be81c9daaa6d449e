/* opening.c - from what an inventory found to a journal that is appended to.
 *
 * Bytes in the page cache are not thereby on the disk, so blocks above the highest durable mark
 * are written again. They go into the new segment before it gets its name: as soon as its header
 * ends the older segments at the mark, it holds the blocks that were above. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../verify/scan.h"
#include "stream.h"

/* ---- judging ---------------------------------------------------------------------------- */

static int judge_inventory(const weir_journal_config *config, const weir_inventory *found,
                           weir_error *error) {
    int status = weir_verdict_status(found->verdict);
    bool refuses = weir_verdict_refuses(found->verdict);
    bool goes_on = config->salvage && status == WEIR_DAMAGED && !found->found.spent;
    if (refuses && !goes_on) return weir_fail(error, status, "%s", found->detail);
    if (found->read_only)
        return weir_fail(error, WEIR_VERSION,
                         "%s: a newer version wrote this journal; append with that "
                         "version, or read with weir-recover",
                         config->directory);
    return WEIR_OK;
}

static bool is_fresh(const weir_inventory *found) {
    return found->found.journal == WEIR_JOURNAL_ABSENT ||
           found->found.journal == WEIR_JOURNAL_EMPTY;
}

/* ---- names in the directory ------------------------------------------------------------- */

static void adopt_spare(weir_journal *j, uint64_t number) {
    char path[WEIR_PATH_MAX];
    weir_numbered_path(path, j->config.directory, "spare", number);
    weir_os_info info;
    bool found = j->os->info(j->os->self, j->config.dirfd, path, &info) >= 0;
    if (!found || !info.is_file) return; /* of no use to us */
    weir_spare spare = {.number = number,
                        .bytes = info.bytes / WEIR_BLOCK_ALIGN * WEIR_BLOCK_ALIGN,
                        .unknown = true};
    if (j->spares.count < WEIR_SPARES_MAX)
        weir_spares_put(&j->spares, spare);
    else
        (void)j->os->unlink(j->os->self, j->config.dirfd,
                            path); /* left by attempts that failed; it costs only space */
}

static void pass_number(weir_journal *j, uint64_t segment) {
    if (segment >= j->next_segment) j->next_segment = segment < UINT64_MAX ? segment + 1 : segment;
}

static int note_name(void *context, const char *name) {
    weir_journal *j = context;
    pass_number(j, weir_number_in_name(name, "segment"));
    uint64_t spare = weir_number_in_name(name, "spare");
    if (spare >= j->spares.next_number && spare < UINT64_MAX) j->spares.next_number = spare + 1;
    return 0;
}

/* In a listing of its own: it may delete, and after that a directory need not list all that is
 * left. */
static int each_spare(void *context, const char *name) {
    uint64_t spare = weir_number_in_name(name, "spare");
    if (spare && spare < UINT64_MAX) adopt_spare(context, spare); /* none could follow that one */
    return 0;
}

static int note_archived_name(void *context, const char *name) {
    pass_number(context, weir_number_in_name(name, "segment"));
    return 0;
}

/* Numbers of archived segments count too. A process may have died between moving one there and
 * syncing its name: that must be safe before the sync of the directory that it left. */
static int scan_archive(weir_journal *j, weir_error *error) {
    char archive[WEIR_PATH_MAX];
    weir_path_in(archive, j->config.directory, "archive");
    int dirfd = j->os->open_directory(j->os->self, j->config.dirfd, archive);
    if (dirfd == -ENOENT) return WEIR_OK; /* there is none */
    int result =
        dirfd < 0 ? dirfd : j->os->list(j->os->self, dirfd, archive, note_archived_name, j);
    int synced = result < 0 ? 0 : j->os->sync_directory(j->os->self, dirfd, archive);
    if (dirfd >= 0) (void)j->os->close(j->os->self, dirfd); /* nothing is written through it */
    if (dirfd < 0)
        return weir_fail_os(error, dirfd,
                            "%s: the archive must be a directory in the journal's own, and no link "
                            "that leads elsewhere",
                            archive);
    if (result < 0) return weir_fail_os(error, result, "%s: cannot read the directory", archive);
    if (synced < 0) return weir_fail_os(error, synced, "%s: cannot sync the directory", archive);
    return WEIR_OK;
}

/* Numbers are never given twice, or a file could be renamed over one that is kept. */
static int scan_names(weir_journal *j, weir_error *error) {
    const char *directory = j->config.directory;
    int status = scan_archive(j, error);
    if (status != WEIR_OK) return status;
    int result = j->os->list(j->os->self, j->config.dirfd, directory, note_name, j);
    if (result >= 0) result = j->os->list(j->os->self, j->config.dirfd, directory, each_spare, j);
    if (result < 0) return weir_fail_os(error, result, "%s: cannot read the directory", directory);
    /* A process may have died between making a segment a spare and syncing that name: written over
     * now, it would be a damaged segment after a power cut. */
    if (j->spares.count) result = j->os->sync_directory(j->os->self, j->config.dirfd, directory);
    if (result < 0) return weir_fail_os(error, result, "%s: cannot sync the directory", directory);
    return WEIR_OK;
}

/* ---- the stream as it was found --------------------------------------------------------- */

static void adopt_end(weir_journal *j, const weir_inventory *found) {
    j->durable_end = found->durable_end;
    if (found->durable.block > j->durable_end.block) { /* salvage: promised blocks are absent */
        j->durable_end.block = found->durable.block;
        j->durable_end.hash = found->durable.hash;
    }
    uint64_t next_row = found->durable_next_row ? found->durable_next_row : 1;
    uint64_t block = j->durable_end.block, hash = j->durable_end.hash;
    j->state.end = j->durable_end;
    j->state.next_row = next_row;
    j->state.durable = (weir_durable_mark){block, hash, next_row - 1, "block"};
    j->state.found = (weir_position){.block = block, .row = next_row - 1, .hash = hash};
    weir_id_copy(j->state.found.journal, j->id);
}

/* Salvage where neither segment nor ring can be read: nobody's id would match no position. */
static bool is_nameless(const weir_inventory *found) {
    for (size_t i = 0; i < found->segment_count; i++)
        if (found->segments[i].status == WEIR_OK) return false;
    return found->extent_count == 0 && weir_id_is_none(found->journal);
}

static int adopt_journal(weir_journal *j, const weir_inventory *found, weir_error *error) {
    for (size_t i = 0; i < found->segment_count; i++)
        pass_number(j, found->segments[i].header.segment); /* one under a wrong name has one too */
    j->incarnation = found->incarnation + 1;
    weir_id_copy(j->id, found->journal);
    if (is_fresh(found) || is_nameless(found)) {
        int result = j->os->random(j->os->self, j->id, sizeof j->id);
        if (result < 0)
            return weir_fail_os(error, result, "cannot get random bytes for a journal id");
    }
    adopt_end(j, found);
    int status = weir_catalog_adopt(&j->catalog, found);
    if (status != WEIR_OK) return weir_fail(error, status, "no memory for the list of segments");
    return WEIR_OK;
}

/* ---- what older segments know ----------------------------------------------------------- */

typedef struct gathering {
    weir_journal *j;
    weir_reader *reader;
    const weir_inventory *found;
    uint64_t first; /* first block above the durable end */
} gathering;

/* After corruption a block that cannot be read is no reason to stop: the inventory has named it.
 * For the reader a block after the end is PENDING. */
static int tolerate(const gathering *g, int status) {
    bool lost = status == WEIR_DAMAGED || status == WEIR_NOT_FOUND || status == WEIR_PENDING;
    return lost && g->j->config.salvage ? WEIR_OK : status;
}

/* The head of the new segment names the ring that will be drained, whatever block could be read
 * last: it would be taken for one that was drained long ago, should opening be interrupted before it
 * is. */
static void expect_ring(gathering *g) {
    weir_journal *j = g->j;
    const weir_drained *found = &g->found->drained;
    if (!j->config.ring || weir_id_equal(j->drained.ring, j->config.ring)) return;
    if (weir_id_equal(found->ring, j->config.ring))
        weir_drained_copy(&j->drained, found);
    else
        weir_journal_begin_ring(j, j->config.ring);
}

/* The last durable block says how far the lanes are drained. Where its segment has been
 * released, the head of the next segment repeats it. */
static int gather_last_drained(gathering *g, weir_error *error) {
    weir_journal *j = g->j;
    weir_read_block block;
    if (g->found->durable_end.block == 0 || g->found->extent_count == 0) return WEIR_OK;
    uint64_t last = g->found->durable_end.block, kept = g->found->extents[0].first_block;
    if (last < kept) last = kept;
    if (last == g->found->drained_block) {
        weir_drained_copy(&j->drained, &g->found->drained);
    } else {
        int status = weir_reader_read(g->reader, last, &block, error);
        if (status != WEIR_OK) return tolerate(g, status);
        weir_payload_drained(&block.payload, &j->drained);
    }
    return WEIR_OK;
}

static int gather_drained(gathering *g, weir_error *error) {
    int status = gather_last_drained(g, error);
    if (status != WEIR_OK) return status;
    expect_ring(g);
    weir_drained_copy(&g->j->durable_drained, &g->j->drained);
    return WEIR_OK;
}

static int merge_head(gathering *g, const weir_extent *extent, const weir_read_block *head,
                      weir_error *error) {
    int status = weir_tables_merge(&g->j->tables, head->payload.body);
    if (status == WEIR_OK) return WEIR_OK;
    return weir_fail(error, status, "%s: cannot take in the declarations at its head",
                     extent->path);
}

/* The head of the youngest segment that can be read says what was declared before it. */
static int gather_head(gathering *g, uint64_t *from, weir_error *error) {
    const weir_inventory *found = g->found;
    int status = WEIR_OK;
    for (size_t i = found->extent_count; i-- > 0;) {
        weir_read_block head;
        const weir_extent *extent = &found->extents[i];
        status = weir_reader_declarations(g->reader, extent->last_block, &head, error);
        /* Damage may have divided the segment since its head. */
        *from = status == WEIR_OK ? head.header.block : extent->first_block;
        if (status == WEIR_OK) return merge_head(g, extent, &head, error);
        if (tolerate(g, status) != WEIR_OK) return status;
    }
    return WEIR_OK;
}

static uint64_t segment_room_for(const weir_block_header *h) {
    return weir_aligned(WEIR_BLOCK_HEADER + (uint64_t)weir_sqlite_record_bound(h->raw_bytes));
}

/* A mark is not needed again, and the new head has what the old one had; but a declaration that
 * replay has not reached yet makes its table even if no row follows. */
static bool is_carried(const weir_block_header *h) {
    return h->rows > 0 || (h->kind == WEIR_BLOCK_DECLARATIONS && h->offset != WEIR_BLOCK_ALIGN);
}

static int gather_block(gathering *g, uint64_t n, uint64_t *room, weir_error *error) {
    weir_read_block block;
    int status = weir_reader_header(g->reader, n, &block.header, error);
    bool declares = status == WEIR_OK && block.header.kind == WEIR_BLOCK_DECLARATIONS;
    if (declares) status = weir_reader_payload(g->reader, &block, error);
    if (status != WEIR_OK) return tolerate(g, status);
    if (declares) status = weir_tables_merge(&g->j->tables, block.payload.body);
    if (status != WEIR_OK)
        return weir_fail(error, status, "block %llu: cannot take in its declarations",
                         (unsigned long long)n);
    if (n >= g->first && is_carried(&block.header)) *room += segment_room_for(&block.header);
    return WEIR_OK;
}

/* Declarations after that head, and how much room the blocks above the mark will take. It goes
 * by extents, so that a gap costs nothing, however wide it claims to be. */
static int gather_rest(gathering *g, uint64_t from, uint64_t *room, weir_error *error) {
    if (from > g->first) from = g->first;
    int status = WEIR_OK;
    for (size_t i = 0; status == WEIR_OK && i < g->found->extent_count; i++) {
        const weir_extent *extent = &g->found->extents[i];
        uint64_t n = extent->first_block > from ? extent->first_block : from;
        for (; status == WEIR_OK && n <= extent->last_block; n++)
            status = gather_block(g, n, room, error);
    }
    return status;
}

/* Write the blocks above the mark again, but not marks: above all the mark of a clean close may
 * not be the last block of a journal that is open. Blocks get other numbers by that, which were
 * never promised. Rows keep theirs. */
static int carry_over(void *self, weir_journal *j, weir_segment *s, weir_error *error) {
    gathering *g = self;
    for (uint64_t n = g->first; n <= g->found->end.block; n++) {
        weir_read_block block;
        int status = weir_reader_read(g->reader, n, &block, error);
        if (status != WEIR_OK) return status;
        if (!is_carried(&block.header)) continue;
        /* The body's cursor ends where the payload does. */
        const uint8_t *payload = block.payload.body.end - block.header.raw_bytes;
        weir_block_header h;
        status = weir_journal_stage(j, &j->block, block.header.kind, payload,
                                    block.header.raw_bytes, block.header.rows, &h, error);
        if (status == WEIR_OK) status = weir_journal_put(j, s, &j->block, &h, error);
        if (status != WEIR_OK) return status;
        weir_payload_drained(&block.payload, &j->drained);
    }
    return WEIR_OK;
}

static int begin_journal(weir_journal *j, const weir_inventory *found, weir_error *error) {
    gathering g = {.j = j, .found = found, .first = j->durable_end.block + 1};
    int status = weir_reader_make(j->os, weir_inventory_locator(found), &g.reader);
    if (status != WEIR_OK) return weir_fail(error, status, "no memory to read the journal");
    weir_carry carry = {.write = carry_over, .self = &g};
    uint64_t from = g.first;
    status = gather_drained(&g, error);
    if (status == WEIR_OK) status = gather_head(&g, &from, error);
    if (status == WEIR_OK) status = gather_rest(&g, from, &carry.room, error);
    if (status == WEIR_OK)
        status = weir_journal_start_segment(j, &carry, WEIR_LIMIT_IGNORED, error);
    weir_reader_free(g.reader);
    return status;
}

/* ---- opening ---------------------------------------------------------------------------- */

static weir_journal *make_journal(const weir_journal_config *config) {
    weir_journal *j = calloc(1, sizeof *j);
    if (!j) return NULL;
    (void)pthread_mutex_init(&j->mutex, NULL); /* cannot fail with default attributes on Linux */
    (void)pthread_mutex_init(&j->releasing, NULL);
    j->config = *config;
    j->config.directory = strdup(config->directory);
    j->os = config->os;
    j->drained.marks = j->drained_marks;
    j->durable_drained.marks = j->durable_drained_marks;
    j->segment.file = -1;
    j->next_segment = 1;
    j->spares.next_number = 1;
    j->opening = true;
    if (j->config.directory && weir_codec_make(config->zstd_level, &j->codec) == WEIR_OK) return j;
    weir_journal_free(j);
    return NULL;
}

int weir_journal_open(const weir_journal_config *config, const weir_inventory *found,
                      weir_journal **out, weir_error *error) {
    *out = NULL;
    if (strlen(config->directory) > WEIR_PATH_MAX - 128)
        return weir_fail(error, WEIR_MISUSE, "the path of the journal's directory is too long");
    int status = judge_inventory(config, found, error);
    if (status != WEIR_OK) return status;
    weir_journal *j = make_journal(config);
    if (!j) return weir_fail(error, WEIR_NO_MEMORY, "no memory to open the journal");
    status = scan_names(j, error);
    if (status == WEIR_OK) status = adopt_journal(j, found, error);
    if (status == WEIR_OK) status = weir_known_sinks_take(j, error);
    if (status == WEIR_OK) status = begin_journal(j, found, error);
    if (status == WEIR_OK)
        *out = j;
    else
        weir_journal_free(j);
    return status;
}
