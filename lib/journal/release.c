/* release.c - segments that are not needed any more go to the spares, to the archive, or are set
 * aside. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "held.h"
#include "stream.h"

static int rename_segment(weir_journal *j, const char *from, int to_dirfd, const char *to,
                          weir_error *error) {
    int result = j->os->rename(j->os->self, j->config.dirfd, from, to_dirfd, to);
    if (result < 0) return weir_fail_os(error, result, "%s: cannot rename to %s", from, to);
    return WEIR_OK;
}

/* After each file, and not once after all of them: a crash must never leave an older segment in
 * its place and a younger one gone, which would read as damage. */
static int sync_names(weir_journal *j, int dirfd, const char *directory, weir_error *error) {
    int result = j->os->sync_directory(j->os->self, dirfd, directory);
    if (result < 0) return weir_fail_os(error, result, "%s: cannot sync the directory", directory);
    return WEIR_OK;
}

static int sync_own_names(weir_journal *j, weir_error *error) {
    return sync_names(j, j->config.dirfd, j->config.directory, error);
}

static void close_archive(weir_journal *j) {
    if (j->archive > 0) (void)j->os->close(j->os->self, j->archive); /* all of it is synced */
    j->archive = 0;
}

/* The archive's own name first, or a power cut could keep the move of a segment and lose where
 * it went. An archive that exists may have been made by a process that died before it had synced
 * the name. */
static int open_archive(weir_journal *j, const char *archive, weir_error *error) {
    if (j->archive > 0) return WEIR_OK;
    int result = j->os->make_directory(j->os->self, j->config.dirfd, archive);
    if (result < 0 && result != -EEXIST)
        return weir_fail_os(error, result, "%s: cannot create the archive", archive);
    int status = sync_own_names(j, error);
    if (status != WEIR_OK) return status;
    j->archive = j->os->open_directory(j->os->self, j->config.dirfd, archive);
    if (j->archive > 0) return WEIR_OK;
    return weir_fail_os(
        error, j->archive,
        "%s: the archive must be a directory in the journal's own, and no link that "
        "leads elsewhere",
        archive);
}

static int to_archive(weir_journal *j, const weir_kept_file *file, weir_error *error) {
    char archive[WEIR_PATH_MAX], path[WEIR_PATH_MAX];
    weir_path_in(archive, j->config.directory, "archive");
    weir_numbered_path(path, archive, "segment", file->number);
    int status = open_archive(j, archive, error);
    if (status != WEIR_OK) return status;
    status = rename_segment(j, file->path, j->archive, path, error);
    if (status == WEIR_OK) /* the new name before the old goes */
        status = sync_names(j, j->archive, archive, error);
    else
        close_archive(j); /* somebody may have moved it away */
    if (status == WEIR_OK) status = sync_own_names(j, error);
    return status == WEIR_OK ? weir_journal_bound_archive(j, archive, error) : status;
}

static int set_aside(weir_journal *j, const weir_kept_file *file, weir_error *error) {
    char prefix[64], path[WEIR_PATH_MAX];
    (void)snprintf(prefix, sizeof prefix, "damaged-%s-segment",
                   file->why); /* why is one of our words */
    weir_numbered_path(path, j->config.directory, prefix, file->number);
    int status = rename_segment(j, file->path, j->config.dirfd, path, error);
    return status == WEIR_OK ? sync_own_names(j, error) : status;
}

/* A file is a spare only once its old name is gone for good, since it will be written over. Its
 * contents are known if this process filled it; a file of another process, or one that failed,
 * may have a torn tail. */
static int to_spare(weir_journal *j, const weir_kept_file *file, weir_error *error) {
    weir_journal_lock(j);
    weir_spare spare = {.number = j->spares.next_number++,
                        .bytes = file->bytes,
                        .filled = file->filled,
                        .unknown = file->filled == 0};
    weir_journal_unlock(j);
    char path[WEIR_PATH_MAX];
    weir_numbered_path(path, j->config.directory, "spare", spare.number);
    int status = rename_segment(j, file->path, j->config.dirfd, path, error);
    if (status == WEIR_OK) status = sync_own_names(j, error);
    if (status != WEIR_OK) return status;
    weir_journal_lock(j);
    weir_spares_put(&j->spares, spare);
    weir_journal_unlock(j);
    return WEIR_OK;
}

static int unlink_file(weir_journal *j, const weir_kept_file *file, weir_error *error) {
    int result = j->os->unlink(j->os->self, j->config.dirfd, file->path);
    if (result < 0) return weir_fail_os(error, result, "%s: cannot delete it", file->path);
    return WEIR_OK;
}

static int delete_file(weir_journal *j, const weir_kept_file *file, weir_error *error) {
    int status = unlink_file(j, file, error);
    return status == WEIR_OK ? sync_own_names(j, error) : status;
}

static int let_go(weir_journal *j, const weir_kept_file *file, bool spare_wanted,
                  weir_error *error) {
    if (file->empty) return unlink_file(j, file, error); /* there or not is the same: no sync */
    if (file->why) return set_aside(j, file, error);
    if (j->config.archive || weir_known_sinks_lack(j, file->last_block))
        return to_archive(j, file, error);
    return spare_wanted ? to_spare(j, file, error) : delete_file(j, file, error);
}

/* A file whose size is not the usual one was made for one large block or for a dead ring. */
static bool oldest_to_release(weir_journal *j, uint64_t block, weir_kept_file *out, bool *spare) {
    weir_journal_lock(j);
    const weir_kept_file *oldest = weir_catalog_oldest(&j->catalog, block);
    if (oldest) {
        *out = *oldest;
        *spare = j->spares.count < WEIR_SPARES_RECYCLE && oldest->bytes == j->config.segment_bytes;
    }
    weir_journal_unlock(j);
    return oldest != NULL;
}

/* One thread at a time releases, so the oldest file stays what it is while it is moved without the
 * mutex. When moving fails after the rename, the file is found again by its absence: see gone(). */
static bool gone(weir_journal *j, const weir_kept_file *file) {
    weir_os_info info;
    return j->os->info(j->os->self, j->config.dirfd, file->path, &info) == -ENOENT;
}

static int release_oldest(weir_journal *j, const weir_kept_file *file, bool spare,
                          weir_error *error) {
    int status = weir_journal_check_place(j, error);
    if (status != WEIR_OK) return status;
    status = let_go(j, file, spare, error);
    if (status != WEIR_OK && !gone(j, file)) return status;
    weir_journal_lock(j);
    weir_catalog_drop_oldest(&j->catalog);
    weir_journal_unlock(j);
    return status;
}

typedef enum release_which { RELEASE_UNWANTED, RELEASE_HELD } release_which;

/* A file that stayed for readers may be wanted no more when the journal needs its space, and nothing
 * else would release it before the next rows are applied. */
static bool may_go(weir_journal *j, const weir_kept_file *file, bool wanted, release_which which) {
    if (which == RELEASE_HELD) return wanted || file->last_block <= j->held_block;
    if (wanted) j->held_block = weir_known_sinks_floor(j);
    return !wanted;
}

/* The oldest file, if no reader wants it; or only if it was kept for one. False: there is none such.
 * What readers miss thereby is told without the lock: a handler may ask for anything. */
static bool release_one(weir_journal *j, release_which which, int *status, weir_error *error) {
    weir_kept_file file;
    weir_held held = {0};
    weir_error unread;
    bool spare;
    (void)pthread_mutex_lock(&j->releasing); /* cannot fail: a default mutex, never taken twice */
    uint64_t floor = weir_known_sinks_floor(j);
    bool release = oldest_to_release(j, floor, &file, &spare);
    if (release) weir_held_look(j, &file, floor, &held);
    release = release && may_go(j, &file, held.wanted, which);
    if (release) *status = release_oldest(j, &file, spare, error);
    bool tell = weir_held_note_unread(j, &unread);
    (void)pthread_mutex_unlock(&j->releasing); /* likewise */
    if (tell) weir_held_tell_unread(j, &unread);
    if (release && *status == WEIR_OK) weir_held_tell(j, &held);
    weir_held_free(&held);
    return release;
}

/* What each sink has, as it stands now; then the files that none of them needs, oldest first. */
int weir_journal_release_unwanted(weir_journal *j, weir_error *error) {
    (void)pthread_mutex_lock(&j->releasing); /* cannot fail: a default mutex, never taken twice */
    int status = weir_known_sinks_judge(j, error);
    (void)pthread_mutex_unlock(&j->releasing); /* likewise */
    weir_known_sinks_tell(j);
    while (status == WEIR_OK && release_one(j, RELEASE_UNWANTED, &status, error)) {
    }
    return status;
}

int weir_journal_release(weir_journal *j, uint64_t block, weir_error *error) {
    (void)pthread_mutex_lock(&j->releasing); /* as above */
    if (block > j->own_block) j->own_block = block;
    (void)pthread_mutex_unlock(&j->releasing); /* as above */
    return weir_journal_release_unwanted(j, error);
}

uint64_t weir_journal_unneeded(weir_journal *j) {
    (void)pthread_mutex_lock(&j->releasing); /* as above */
    uint64_t block = weir_known_sinks_floor(j);
    (void)pthread_mutex_unlock(&j->releasing); /* as above */
    return block;
}

bool weir_journal_release_held(weir_journal *j) {
    int status = WEIR_OK;
    return release_one(j, RELEASE_HELD, &status, NULL) && status == WEIR_OK;
}

/* ---- closing ---------------------------------------------------------------------------- */

void weir_journal_delete_spare(weir_journal *j, const weir_spare *spare) {
    char path[WEIR_PATH_MAX];
    weir_numbered_path(path, j->config.directory, "spare", spare->number);
    (void)j->os->unlink(j->os->self, j->config.dirfd,
                        path); /* one that stays costs space and is found again */
}

bool weir_journal_free_spare(weir_journal *j) {
    weir_spare spare;
    weir_journal_lock(j);
    bool taken = weir_spares_take_largest(&j->spares, &spare);
    weir_journal_unlock(j);
    if (taken) weir_journal_delete_spare(j, &spare);
    return taken;
}

/* With one segment left no rows wait, and one spare, the largest, is enough for the next
 * opening. */
static void keep_one_spare(weir_journal *j) {
    weir_spare kept;
    if (weir_journal_check_place(j, NULL) != WEIR_OK) return;
    if (weir_catalog_files(&j->catalog) != 1 || !weir_spares_take_largest(&j->spares, &kept))
        return;
    for (size_t i = 0; i < j->spares.count; i++)
        weir_journal_delete_spare(j, &j->spares.list[i]);
}

void weir_journal_free(weir_journal *j) {
    weir_segment_close(&j->segment);
    close_archive(j);
    weir_catalog_free(&j->catalog);
    weir_tables_free(&j->tables);
    weir_codec_free(j->codec);
    free(j->block.bytes);
    free(j->head.bytes);
    free((char *)j->config.directory);
    free(j->sinks.list);
    (void)pthread_mutex_destroy(&j->mutex); /* nobody holds them any more */
    (void)pthread_mutex_destroy(&j->releasing);
    free(j);
}

void weir_journal_close(weir_journal *j) {
    if (!j) return;
    weir_journal_drop_ahead(j);
    keep_one_spare(j);
    weir_journal_free(j);
}
