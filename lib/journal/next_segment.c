/* next_segment.c - where the stream goes on: a file from the spares or a new one, made the next
 * segment; and what is kept ready for it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stream.h"

/* ---- a file for it ---------------------------------------------------------------------- */

/* On failure *out is zeros. */
static int make_spare(weir_journal *j, uint64_t bytes, weir_spare *out, weir_error *error) {
    weir_journal_lock(j);
    weir_spare made = {.number = j->spares.next_number++, .bytes = bytes};
    weir_journal_unlock(j);
    char path[WEIR_PATH_MAX];
    weir_numbered_path(path, j->config.directory, "spare", made.number);
    int status = weir_spare_create(j->os, j->config.dirfd, path, bytes, error);
    *out = status == WEIR_OK ? made : (weir_spare){0};
    return status;
}

/* The program may have closed this descriptor while it waited for its use, and use the number
 * itself. */
static bool is_spare_open(weir_journal *j, const weir_spare *spare, const char *path) {
    weir_os_info name;
    return spare->file && j->os->info(j->os->self, j->config.dirfd, path, &name) >= 0 &&
           weir_os_has_file(j->os, spare->file, name.device, name.inode);
}

/* An opening that ended before its segment had a name leaves blocks that look like ours: the
 * next opening gives the same number, and is the same incarnation. A power cut leaves arbitrary
 * bytes. After our own blocks either would be a torn tail, and after damage such blocks would be
 * read as rows. */
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

/* A spare that can be used as it is. Or else a new file in place of an old spare: that is there
 * at once, however large it is, whereas the old one would have to be overwritten first. The old
 * one stays until the new one exists. */
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

/* A file of at least bytes. The last spare is reserved for draining a dead ring on a full disk:
 * only an opening takes it, and only when no other file can be made; it is extended if
 * necessary. */
static int obtain_spare(weir_journal *j, uint64_t bytes, weir_spare *out, weir_error *error) {
    if (take_ahead(j, bytes, out) || take_spare(j, bytes, out)) return WEIR_OK;
    int status = make_spare(j, bytes, out, error);
    if (status == WEIR_OK || !j->opening || !weir_error_passes(error)) return status;
    weir_journal_lock(j);
    bool taken = weir_spares_take_largest(&j->spares, out);
    weir_journal_unlock(j);
    if (!taken) return status;
    /* A smaller segment leaves space for a ring: see fit_size. */
    if (out->bytes >= bytes && out->bytes - bytes >= j->config.ring_bytes)
        out->bytes -= weir_aligned(j->config.ring_bytes);
    return WEIR_OK;
}

/* On a full disk what is kept for named readers alone gives way. */
static int obtain_spare_in_need(weir_journal *j, uint64_t bytes, weir_spare *out,
                                weir_error *error) {
    int status = obtain_spare(j, bytes, out, error);
    while (status == WEIR_NO_SPACE && weir_journal_release_held(j))
        status = obtain_spare(j, bytes, out, error);
    return status;
}

typedef enum spare_state {
    SPARE_INTACT, /* whatever failed is no fault of the file */
    SPARE_FAILED, /* it is not to be trusted again */
} spare_state;

static void give_back_spare(weir_journal *j, weir_spare spare, spare_state state) {
    char path[WEIR_PATH_MAX];
    weir_numbered_path(path, j->config.directory, "spare", spare.number);
    if (is_spare_open(j, &spare, path))
        (void)j->os->close(j->os->self, spare.file); /* it holds nothing */
    spare.file = 0;
    weir_journal_lock(j);
    bool kept = j->spares.count < WEIR_SPARES_MAX && state == SPARE_INTACT;
    if (kept) weir_spares_put(&j->spares, spare);
    weir_journal_unlock(j);
    if (kept) return;
    /* Should that fail, the next opening finds it among the spares. */
    (void)j->os->unlink(j->os->self, j->config.dirfd, path);
}

/* ---- from that file to a segment --------------------------------------------------------- */

static int stage_head(weir_journal *j, weir_block_header *h, weir_error *error) {
    uint8_t *payload;
    size_t bytes;
    int status = weir_tables_payload(&j->tables, &j->durable_drained, &payload, &bytes);
    if (status != WEIR_OK) return weir_fail(error, status, "no memory for the head of a segment");
    status = weir_journal_stage(j, &j->head, WEIR_BLOCK_DECLARATIONS, payload, bytes, 0, h, error);
    free(payload);
    return status;
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
    weir_id_copy(h.journal, j->id);
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
    weir_journal_commit_appended(j);
}

/* The limit is for segments that wait. While there is none but the last, a block that is larger than
 * the limit is taken: it would never be, and its rows and all after them would never be durable. */
static bool over_limit(weir_journal *j, uint64_t more) {
    weir_journal_lock(j);
    uint64_t bytes = j->catalog.bytes;
    bool alone = j->catalog.file_count - j->catalog.files_gone <= 1;
    weir_journal_unlock(j);
    if (alone) return false;
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

int weir_journal_start_segment(weir_journal *j, const weir_carry *carry, weir_limit limit,
                               weir_error *error) {
    weir_block_header head;
    int status = weir_journal_check_place(j, error);
    if (status == WEIR_OK) status = stage_head(j, &head, error);
    if (status != WEIR_OK) return status;
    uint64_t bytes =
        WEIR_BLOCK_ALIGN + weir_block_extent(&head) + weir_aligned(carry ? carry->room : 0);
    if (bytes < j->config.segment_bytes) bytes = weir_aligned(j->config.segment_bytes);
    bool over = limit == WEIR_LIMIT_HOLDS && over_limit(j, bytes);
    while (over && weir_journal_release_held(j))
        over = over_limit(j, bytes);
    if (over)
        return weir_fail(error, WEIR_FULL,
                         "%s: the journal's limit of %llu bytes is reached; "
                         "see why rows are not applied, or raise journal_limit_bytes",
                         j->config.directory, (unsigned long long)j->config.limit_bytes);
    char *path;
    weir_spare spare = {0};
    status = reserve_entry(j, j->next_segment, &path, error);
    if (status == WEIR_OK) status = obtain_spare_in_need(j, bytes, &spare, error);
    if (status == WEIR_OK) status = use_spare(j, &spare, bytes, path, &head, carry, error);
    if (status == WEIR_OK) return WEIR_OK; /* the catalog has path, and the segment the file */
    if (spare.number) {
        weir_journal_discard_unsynced(j); /* blocks that were put into the new segment */
        give_back_spare(j, spare, weir_error_passes(error) ? SPARE_INTACT : SPARE_FAILED);
    }
    free(path);
    return status;
}

/* ---- when none can be had ---------------------------------------------------------------- */

/* An operator has to repair these, and must be told which user lacks the rights. */
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

/* While no segment can be had the answer is WEIR_FULL, and an event says so once. */
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

int weir_journal_roll(weir_journal *j, const weir_carry *carry, weir_limit limit,
                      weir_error *error) {
    weir_error local = {0};
    int status = weir_journal_start_segment(j, carry, limit, &local);
    status = answer_full(j, status, &local);
    if (status != WEIR_OK && error) *error = local;
    return status;
}

/* ---- ahead of time ----------------------------------------------------------------------- */

void weir_journal_look_ahead(weir_journal *j) {
    weir_error ignored; /* the append that needs the segment will report it */
    weir_spare spare;
    bool half = j->segment.file >= 0 && j->segment.end >= j->segment.bytes / 2;
    if (!half || j->ahead.number || weir_journal_check_place(j, NULL) != WEIR_OK ||
        over_limit(j, weir_aligned(j->config.segment_bytes)))
        return;
    if (obtain_spare(j, weir_aligned(j->config.segment_bytes), &spare, &ignored) != WEIR_OK) return;
    if (open_spare(j, &spare, &ignored) == WEIR_OK)
        j->ahead = spare;
    else
        give_back_spare(j, spare, SPARE_INTACT);
}

void weir_journal_drop_ahead(weir_journal *j) {
    if (j->ahead.number) give_back_spare(j, j->ahead, SPARE_INTACT);
    j->ahead = (weir_spare){0};
}

/* Extend the largest spare. It is out of the list meanwhile, which does no harm: only this
 * thread takes spares. */
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
    bytes = weir_aligned(bytes);
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
