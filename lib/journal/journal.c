/* journal.c - the append side of the stream, and what leaves it again. Opening is in opening.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stream.h"

/* ---- one block -------------------------------------------------------------------------- */

static uint64_t aligned(uint64_t bytes) {
    return (bytes + WEIR_BLOCK_ALIGN - 1) / WEIR_BLOCK_ALIGN * WEIR_BLOCK_ALIGN;
}

static int provide(weir_buffer *b, size_t bytes) {
    if (bytes <= b->capacity) return WEIR_OK;
    free(b->bytes);
    *b = (weir_buffer){.bytes = aligned_alloc(WEIR_BLOCK_ALIGN, (size_t)aligned(bytes))};
    if (!b->bytes) return WEIR_NO_MEMORY;
    b->capacity = (size_t)aligned(bytes);
    return WEIR_OK;
}

/* What is archived is kept for ever, so there size counts, whoever waits. */
static weir_codec *codec_for(const weir_journal *j) {
    return j->plain && !j->config.archive ? NULL : j->codec;
}

int weir_journal_stage(weir_journal *j, weir_buffer *buffer, uint16_t kind, const uint8_t *payload,
                       size_t bytes, uint32_t rows, weir_block_header *h, weir_error *error) {
    if (bytes > WEIR_RAW_MAX)
        return weir_fail(error, WEIR_TOO_BIG,
                         "a block of %zu bytes is larger than the format allows", bytes);
    *h = (weir_block_header){.version = WEIR_FORMAT_VERSION, .kind = kind, .rows = rows};
    size_t bound = weir_stored_bound(bytes);
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
    memcpy(h->journal, j->id, sizeof h->journal);
    h->incarnation = j->incarnation;
    h->segment = s->number;
    h->offset = s->end;
    h->block = j->state.end.block + 1;
    h->first_row = j->state.next_row;
    h->wall_ns = j->os->wall(j->os->self);
    h->previous_hash = j->state.end.hash;
    h->durable_block = j->state.durable.block;
    weir_block_header_encode(buffer->bytes, h);
    int status = weir_segment_append(s, buffer->bytes, weir_block_extent(h), error);
    if (status != WEIR_OK) return status;
    weir_journal_lock(j);
    j->state.end = (weir_end){s->number, s->end, h->block, h->hash};
    j->state.next_row += h->rows;
    weir_journal_unlock(j);
    j->unsynced += weir_block_extent(h);
    return WEIR_OK;
}

/* Everything appended has become durable. */
static void promote(weir_journal *j) {
    weir_journal_lock(j);
    const weir_end *end = &j->state.end;
    weir_catalog_extend(&j->catalog, end, j->state.next_row);
    j->state.durable = (weir_mark){end->block, end->hash, j->state.next_row - 1, "block"};
    j->state.bytes_written += j->unsynced;
    weir_journal_unlock(j);
    j->durable_end = *end;
    j->unsynced = 0;
    j->durable_drained = j->drained;
}

/* Everything appended that is not durable is forgotten. */
static void demote(weir_journal *j) {
    weir_journal_lock(j);
    j->state.end = j->durable_end;
    j->state.next_row = j->state.durable.row + 1;
    weir_journal_unlock(j);
    j->unsynced = 0;
    j->drained = j->durable_drained;
}

/* ---- a new segment ---------------------------------------------------------------------- */

static int stage_head(weir_journal *j, weir_block_header *h, weir_error *error) {
    uint8_t *payload;
    size_t bytes;
    int status = weir_tables_payload(&j->tables, &j->durable_drained, &payload, &bytes);
    if (status != WEIR_OK) return weir_fail(error, status, "no memory for the head of a segment");
    status = weir_journal_stage(j, &j->head, WEIR_BLOCK_DECLARATIONS, payload, bytes, 0, h, error);
    free(payload);
    return status;
}

static int make_spare(weir_journal *j, uint64_t bytes, weir_spare *out, weir_error *error) {
    weir_journal_lock(j);
    *out = (weir_spare){.number = j->spares.next_number++, .bytes = bytes};
    weir_journal_unlock(j);
    char path[WEIR_PATH_MAX];
    weir_numbered_path(path, j->config.directory, "spare", out->number);
    return weir_spare_create(j->os, j->config.dirfd, path, bytes, error);
}

/* The program may have closed a descriptor that waits here for its use, and have the number again. */
static bool is_spare_open(weir_journal *j, const weir_spare *spare, const char *path) {
    weir_os_info name;
    return spare->file && j->os->info(j->os->self, j->config.dirfd, path, &name) >= 0 &&
           weir_os_has_file(j->os, spare->file, name.device, name.inode);
}

/* An opening that ended before its segment had a name leaves blocks that pass for ours: the next one
 * gives the same number, and is the same incarnation. A power cut leaves bytes that nobody wrote. Behind
 * our own blocks either would be a torn tail, and behind damage such blocks would be read as rows. */
static int void_spare(weir_journal *j, weir_spare *spare, const char *path, weir_error *error) {
    if (!spare->unknown) return WEIR_OK;
    int status = weir_spare_void(j->os, spare->file, path, spare->bytes, error);
    if (status != WEIR_OK) return status;
    spare->filled = spare->bytes;
    spare->unknown = false;
    return WEIR_OK;
}

static int open_spare(weir_journal *j, weir_spare *spare, weir_error *error) {
    char path[WEIR_PATH_MAX];
    weir_numbered_path(path, j->config.directory, "spare", spare->number);
    if (is_spare_open(j, spare, path)) return WEIR_OK;
    spare->file = 0;
    int file;
    int status = weir_spare_open(j->os, j->config.dirfd, path, &file, error);
    if (status != WEIR_OK) return status;
    spare->file = file;
    return void_spare(j, spare, path, error);
}

static bool take_ahead(weir_journal *j, uint64_t bytes, weir_spare *out) {
    if (!j->ahead.number || j->ahead.bytes < bytes) return false;
    *out = j->ahead;
    j->ahead = (weir_spare){0};
    return true;
}

/* One that may be used as it is, or in whose place a new file was made: that is there at once, however
 * large, where the old one would have to be written over. The old one stays until the new one is there. */
static bool take_spare(weir_journal *j, uint64_t bytes, weir_spare *out) {
    weir_spare made;
    weir_error ignored; /* then the old one will do */
    weir_journal_lock(j);
    bool taken = weir_spares_take(&j->spares, bytes, out);
    weir_journal_unlock(j);
    if (!taken || !out->unknown || make_spare(j, bytes, &made, &ignored) != WEIR_OK) return taken;
    weir_journal_delete_spare(j, out);
    *out = made;
    return true;
}

/* A file of at least bytes. The last spare is for a dead ring that is drained on a full disk: only
 * an opening takes it, and only when another file cannot be made; it is extended if it must be. */
static int obtain_spare(weir_journal *j, uint64_t bytes, weir_spare *out, weir_error *error) {
    if (take_ahead(j, bytes, out) || take_spare(j, bytes, out)) return WEIR_OK;
    int status = make_spare(j, bytes, out, error);
    if (status == WEIR_OK || !j->opening || !weir_error_passes(error)) return status;
    weir_journal_lock(j);
    bool taken = weir_spares_take_largest(&j->spares, out);
    weir_journal_unlock(j);
    if (!taken) return status;
    if (out->bytes >= bytes && out->bytes - bytes >= j->config.ring_bytes)
        out->bytes -= aligned(j->config.ring_bytes); /* as far as the disk is concerned: see
                                                        fit_size */
    return WEIR_OK;
}

/* intact: what failed is no fault of the file. */
static void give_back_spare(weir_journal *j, weir_spare spare, bool intact) {
    char path[WEIR_PATH_MAX];
    weir_numbered_path(path, j->config.directory, "spare", spare.number);
    if (is_spare_open(j, &spare, path))
        (void)j->os->close(j->os->self, spare.file); /* it holds nothing */
    spare.file = 0;
    weir_journal_lock(j);
    bool room = j->spares.count < WEIR_SPARES_MAX;
    if (room && intact) weir_spares_put(&j->spares, spare);
    weir_journal_unlock(j);
    if (room && intact) return;
    /* A file that failed is not to be trusted again. */
    (void)j->os->unlink(j->os->self, j->config.dirfd,
                        path); /* else the next opening finds it among the spares */
}

static weir_segment_header header_of(const weir_journal *j, uint64_t number, uint64_t bytes) {
    weir_segment_header h = {.version = WEIR_FORMAT_VERSION,
                             .hash_algorithm = WEIR_HASH_XXH3_64,
                             .incarnation = j->incarnation,
                             .segment = number,
                             .bytes = bytes,
                             .first_block = j->durable_end.block + 1,
                             .first_row = j->state.next_row,
                             .wall_ns = j->os->wall(j->os->self),
                             .before = j->durable_end};
    memcpy(h.journal, j->id, sizeof h.journal);
    return h;
}

/* From spare to segment: header, head block and what is carried over, all durable before the
 * name. */
static int build(weir_journal *j, const weir_spare *spare, const char *path, weir_segment_header *h,
                 weir_block_header *head, const weir_carry *carry, weir_segment *s,
                 weir_error *error) {
    char spare_path[WEIR_PATH_MAX];
    weir_numbered_path(spare_path, j->config.directory, "spare", spare->number);
    int status = weir_segment_prepare(j->os, j->config.dirfd, spare->file, spare_path,
                                      spare->filled, h, s, error);
    if (status == WEIR_OK) status = weir_journal_put(j, s, &j->head, head, error);
    if (status == WEIR_OK && carry) status = carry->write(carry->self, j, s, error);
    if (status == WEIR_OK)
        status = weir_segment_publish(s, j->config.directory, spare_path, path, error);
    return status;
}

/* Swap the new segment in. Its name in the catalog was made before, so that nothing can fail. */
static void adopt_segment(weir_journal *j, const weir_segment *s, const weir_segment_header *h,
                          char *path) {
    weir_journal_lock(j);
    if (j->segment.file >= 0) /* the catalog's last file, which is never released */
        j->catalog.files[j->catalog.file_count - 1].filled = j->segment.filled;
    weir_catalog_add(&j->catalog,
                     (weir_kept_file){.number = s->number, .bytes = s->bytes, .path = path},
                     WEIR_BLOCK_ALIGN, h->first_block, h->first_row);
    weir_journal_unlock(j);
    weir_segment_close(&j->segment);
    j->segment = *s;
    promote(j);
}

static bool over_limit(weir_journal *j, uint64_t more) {
    weir_journal_lock(j);
    uint64_t bytes = j->catalog.bytes;
    weir_journal_unlock(j);
    return more > j->config.limit_bytes || bytes > j->config.limit_bytes - more;
}

/* The path of the new segment, and room for it in the catalog. */
static int reserve_entry(weir_journal *j, uint64_t number, char **path, weir_error *error) {
    char text[WEIR_PATH_MAX];
    weir_numbered_path(text, j->config.directory, "segment", number);
    weir_journal_lock(j);
    int status = weir_catalog_reserve(&j->catalog);
    weir_journal_unlock(j);
    *path = status == WEIR_OK ? strdup(text) : NULL;
    return *path ? WEIR_OK : weir_fail(error, WEIR_NO_MEMORY, "%s: no memory to open it", text);
}

/* On failure the spare is still the caller's. */
static int use_spare(weir_journal *j, weir_spare *spare, uint64_t bytes, char *path,
                     weir_block_header *head, const weir_carry *carry, weir_error *error) {
    int status = open_spare(j, spare, error);
    if (status != WEIR_OK) return status;
    if (spare->bytes > bytes) bytes = spare->bytes;
    weir_segment_header h = header_of(j, j->next_segment++, bytes);
    weir_segment s;
    status = build(j, spare, path, &h, head, carry && carry->write ? carry : NULL, &s, error);
    if (status == WEIR_OK) adopt_segment(j, &s, &h, path);
    return status;
}

int weir_journal_start_segment(weir_journal *j, const weir_carry *carry, bool unlimited,
                               weir_error *error) {
    weir_block_header head;
    int status = weir_journal_check_place(j, error);
    if (status == WEIR_OK) status = stage_head(j, &head, error);
    if (status != WEIR_OK) return status;
    uint64_t bytes = WEIR_BLOCK_ALIGN + weir_block_extent(&head) + aligned(carry ? carry->room : 0);
    if (bytes < j->config.segment_bytes) bytes = aligned(j->config.segment_bytes);
    if (!unlimited && over_limit(j, bytes))
        return weir_fail(error, WEIR_FULL,
                         "%s: the journal's limit of %llu bytes is reached; "
                         "see why rows are not applied, or raise journal_limit_bytes",
                         j->config.directory, (unsigned long long)j->config.limit_bytes);
    char *path;
    status = reserve_entry(j, j->next_segment, &path, error);
    if (status != WEIR_OK) return status;
    weir_spare spare;
    status = obtain_spare(j, bytes, &spare, error);
    if (status == WEIR_OK) {
        status = use_spare(j, &spare, bytes, path, &head, carry, error);
        if (status == WEIR_OK) return WEIR_OK;
        demote(j);
        give_back_spare(j, spare, weir_error_passes(error));
    }
    free(path);
    return status;
}

/* Somebody has to mend these, and may not guess whose rights they are. */
static bool lacks_rights(const weir_error *error) {
    return error->os_error == EACCES || error->os_error == EPERM || error->os_error == EROFS;
}

static void tell_stuck(weir_journal *j, const weir_error *error) {
    weir_error full = *error;
    if (lacks_rights(error))
        (void)weir_fail(&full, error->status,
                        "%s: user %lld may not make files here (any more), so the journal cannot "
                        "grow; give that user the directory, or open the database after rights are "
                        "dropped. Rows stay in the ring, and it is tried again: %s",
                        j->config.directory, (long long)j->os->user_id(j->os->self), error->text);
    j->config.event(j->config.context, WEIR_EVENT_NO_SPACE, full.text);
}

/* No segment can be had for now: the answer is WEIR_FULL, told once, until one can be had again. */
static int answer_full(weir_journal *j, int status, weir_error *error) {
    bool stuck = status == WEIR_FULL || (status != WEIR_OK && weir_error_passes(error));
    if (status != WEIR_OK && !stuck) return status;
    if (stuck && !j->stuck && j->config.event) tell_stuck(j, error);
    if (!stuck && j->stuck && j->config.event)
        j->config.event(j->config.context, WEIR_EVENT_GROWS_AGAIN,
                        "the journal has a new segment: rows become durable again");
    j->stuck = stuck;
    if (!stuck) return WEIR_OK;
    error->status = WEIR_FULL;
    return WEIR_FULL;
}

void weir_journal_look_ahead(weir_journal *j) {
    weir_error ignored; /* who needs the segment meets the same trouble, and says so */
    weir_spare spare;
    bool half = j->segment.file >= 0 && j->segment.end >= j->segment.bytes / 2;
    if (!half || j->ahead.number || weir_journal_check_place(j, NULL) != WEIR_OK ||
        over_limit(j, aligned(j->config.segment_bytes)))
        return;
    if (obtain_spare(j, aligned(j->config.segment_bytes), &spare, &ignored) != WEIR_OK) return;
    if (open_spare(j, &spare, &ignored) == WEIR_OK)
        j->ahead = spare;
    else
        give_back_spare(j, spare, true);
}

void weir_journal_drop_ahead(weir_journal *j) {
    if (j->ahead.number) give_back_spare(j, j->ahead, true);
    j->ahead = (weir_spare){0};
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
    promote(j);
    weir_journal_lock(j);
    j->state.syncs++;
    j->state.sync_ns_total += took;
    if (took > j->state.sync_ns_max) j->state.sync_ns_max = took;
    weir_journal_unlock(j);
    return WEIR_OK;
}

/* Before the first block of a group: a few calls beside its sync, lest bytes go where they must not. */
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
    weir_error local = {0};
    weir_carry room = {.room = extent};
    status = weir_journal_start_segment(j, &room, j->opening, &local);
    status = answer_full(j, status, &local);
    if (status != WEIR_OK && error) *error = local;
    return status;
}

int weir_journal_append(weir_journal *j, uint16_t kind, const uint8_t *payload, size_t bytes,
                        uint32_t rows, weir_error *error) {
    if (j->broken)
        return weir_fail(error, WEIR_IO, "the last write of the journal failed; restart it");
    weir_payload parsed;
    if (!weir_payload_parse(payload, bytes, &parsed) || (rows && kind != WEIR_BLOCK_ROWS))
        return weir_fail(error, WEIR_MISUSE, "a block's payload is not valid");
    int status = WEIR_OK;
    if (kind == WEIR_BLOCK_DECLARATIONS) status = weir_tables_merge(&j->tables, parsed.body);
    if (status != WEIR_OK) return weir_fail(error, status, "cannot take in declarations");
    weir_block_header h;
    status = weir_journal_stage(j, &j->block, kind, payload, bytes, rows, &h, error);
    if (status == WEIR_OK && j->unsynced == 0) status = check_files(j, error);
    if (status == WEIR_OK) status = make_buffer_room(j, weir_block_extent(&h), error);
    if (status != WEIR_OK) return status;
    if (weir_journal_put(j, &j->segment, &j->block, &h, error) != WEIR_OK)
        return break_off(j, error);
    weir_drained_head_set(&j->drained, &parsed);
    return WEIR_OK;
}

void weir_journal_store_plain(weir_journal *j, bool plain) { j->plain = plain; }

void weir_journal_fill_ahead(weir_journal *j) { weir_segment_fill_ahead(&j->segment); }

int weir_journal_restart(weir_journal *j, weir_error *error) {
    weir_segment_close(&j->segment);
    demote(j);
    j->broken = false;
    weir_error local = {0};
    int status = weir_journal_start_segment(j, NULL, true, &local);
    status = answer_full(j, status, &local);
    if (status != WEIR_OK && error) *error = local;
    return status;
}

/* Extend the largest spare. Losing it for a moment harms nobody: only this thread takes spares. */
static int extend_spare(weir_journal *j, weir_spare *spare, uint64_t bytes, weir_error *error) {
    char path[WEIR_PATH_MAX];
    weir_numbered_path(path, j->config.directory, "spare", spare->number);
    int file = j->os->open(j->os->self, j->config.dirfd, path, WEIR_OS_READ | WEIR_OS_WRITE);
    int result = file < 0 ? file : j->os->allocate(j->os->self, file, 0, bytes);
    if (file >= 0 && result == -EOPNOTSUPP) result = j->os->truncate(j->os->self, file, bytes);
    if (result >= 0)
        *spare = (weir_spare){.number = spare->number, .bytes = bytes, .unknown = spare->unknown};
    else if (file >= 0)
        (void)j->os->truncate(j->os->self, file, spare->bytes); /* give back a part */
    if (file >= 0) (void)j->os->close(j->os->self, file);       /* a spare holds nothing */
    if (result >= 0) return WEIR_OK;
    return weir_fail_os(error, result, "%s: cannot keep %llu bytes in reserve; free space", path,
                        (unsigned long long)bytes);
}

int weir_journal_reserve(weir_journal *j, uint64_t bytes, weir_error *error) {
    j->opening = false;
    bytes = aligned(bytes);
    weir_spare spare;
    weir_journal_lock(j);
    bool done = weir_spares_has(&j->spares, bytes);
    bool taken = !done && weir_spares_take_largest(&j->spares, &spare);
    if (done) j->spares.keep = bytes;
    weir_journal_unlock(j);
    if (done) return WEIR_OK;
    int status =
        taken ? extend_spare(j, &spare, bytes, error) : make_spare(j, bytes, &spare, error);
    if (status != WEIR_OK && !taken) return status;
    weir_journal_lock(j);
    weir_spares_put(&j->spares, spare);
    if (status == WEIR_OK) j->spares.keep = bytes;
    weir_journal_unlock(j);
    return status;
}

const weir_declaration *weir_journal_declaration(const weir_journal *j, uint16_t table) {
    for (size_t i = 0; i < j->tables.count; i++)
        if (j->tables.list[i]->table == table) return j->tables.list[i];
    return NULL;
}

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
    };
}

static int locate_in_journal(void *self, uint64_t block, weir_extent *out, char *path_buffer) {
    weir_journal *j = self;
    weir_journal_lock(j);
    int status = block > j->state.durable.block ? WEIR_PENDING
                                                : weir_catalog_locate(&j->catalog, block, out);
    if (status == WEIR_OK) {
        memcpy(path_buffer, out->path, strlen(out->path) + 1); /* paths were bounded at opening */
        out->path = path_buffer;
    }
    weir_journal_unlock(j);
    return status;
}

/* What is not durable is not there yet. */
static uint64_t nearest_in_journal(void *self, uint64_t block, bool above) {
    weir_journal *j = self;
    weir_journal_lock(j);
    uint64_t durable = j->state.durable.block;
    if (!above && block > durable) block = durable;
    uint64_t found = weir_catalog_nearest(&j->catalog, block, above);
    weir_journal_unlock(j);
    return found <= durable ? found : 0;
}

weir_locator weir_journal_locator(weir_journal *j) {
    return (weir_locator){j, j->config.dirfd, locate_in_journal, nearest_in_journal};
}
