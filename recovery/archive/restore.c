/* restore.c - the verb archive restore: fetch a journal's segments from an object store, and replay them
 * into a database. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../lib/format/names.h"
#include "../exits.h"
#include "../json.h"
#include "../progress.h"
#include "../remembered.h"
#include "../report.h"
#include "../verbs.h"
#include "store.h"

typedef struct restoring {
    const weir_arguments *arguments;
    char directory[WEIR_PATH_MAX], archive[WEIR_PATH_MAX];
    weir_remote remote;
    weir_stored_list stored;
    weir_progress progress;
    uint64_t total, fetched, objects, damaged;
    weir_error *error;
} restoring;

/* ---- which journal ---------------------------------------------------------------------- */

static bool is_chosen(const restoring *r, const weir_stored *s) {
    char id[WEIR_ID_TEXT];
    weir_id_text(s->journal, id);
    return !r->arguments->id || strcmp(r->arguments->id, id) == 0;
}

/* Several journals below one URL: of databases that were begun afresh, or of several machines. */
static int choose_journal(restoring *r) {
    char ids[5 * WEIR_ID_TEXT] = "", id[WEIR_ID_TEXT];
    size_t kept = 0, journals = 0;
    for (size_t i = 0; i < r->stored.count; i++) {
        weir_stored *s = &r->stored.list[i];
        if (!is_chosen(r, s)) {
            free(s->name);
            continue;
        }
        r->stored.list[kept++] = *s;
        bool another = kept == 1 || !weir_id_equal(r->stored.list[kept - 2].journal, s->journal);
        if (!another) continue;
        weir_id_text(s->journal, id);
        if (journals++ < 4) /* there is room for so many */
            (void)snprintf(ids + strlen(ids), sizeof ids - strlen(ids), " %s", id);
    }
    r->stored.count = kept;
    if (journals == 1) return WEIR_OK;
    if (journals == 0)
        return weir_fail(r->error, WEIR_NOT_FOUND, "%s holds no segment%s%s%s",
                         r->arguments->target, r->arguments->id ? " of the journal " : "",
                         r->arguments->id ? r->arguments->id : "",
                         r->stored.strangers ? ", only objects of others" : "");
    return weir_fail(
        r->error, WEIR_MISUSE,
        "%s holds %zu journals: choose one with --id, or restore one after the other into the "
        "same database, the oldest first:%s",
        r->arguments->target, journals, ids);
}

/* ---- fetching --------------------------------------------------------------------------- */

static void tell_unfetched(const restoring *r, const weir_stored *s) {
    weir_report_note("%s", r->error->text);
    if (!r->arguments->json) return;
    weir_json json = weir_json_begin(stdout, "not_fetched");
    weir_json_text(&json, "object", s->name);
    weir_json_text(&json, "text", r->error->text);
    weir_json_end(&json);
}

/* What is whole in the directory since an earlier try is not fetched again. */
static int fetch_object(restoring *r, const weir_stored *s, int file) {
    int status = r->remote.part->get(r->remote.store, s->name, file, s->begin, r->error);
    if (status == WEIR_DAMAGED || status == WEIR_NOT_FOUND) { /* replay names the rows */
        tell_unfetched(r, s);
        r->damaged++;
        status = WEIR_OK;
    }
    r->objects++;
    r->fetched += s->bytes;
    weir_progress_show(&r->progress, r->fetched, r->total);
    return status;
}

static bool is_fetched(const char *path, uint64_t bytes) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size >= bytes;
}

/* In a file of another name, which gets its own when all of it is there. Packed ones belong in an
 * archive, where everything reads them. */
static int fetch_segment(restoring *r, const weir_stored *first, size_t count) {
    char path[WEIR_PATH_MAX], partial[WEIR_PATH_MAX + 16];
    bool packed = first->kind == WEIR_ARCHIVED_PACKED;
    weir_archived_path(path, packed ? r->archive : r->directory, first->kind, first->number);
    if (packed && mkdir(r->archive, 0700) != 0 && errno != EEXIST)
        return weir_fail_os(r->error, -(int64_t)errno, "%s: cannot create the directory",
                            r->archive);
    if (!first->is_tail && is_fetched(path, first->bytes)) return WEIR_OK;
    (void)snprintf(partial, sizeof partial, "%s.partial", path);
    int file = open(partial, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) return weir_fail_os(r->error, -(int64_t)errno, "%s: cannot create it", partial);
    uint64_t end = 0;
    int status = WEIR_OK;
    for (size_t i = 0; i < count && status == WEIR_OK; i++) {
        if (first[i].begin > end || first[i].end <= end) continue;
        status = fetch_object(r, &first[i], file);
        end = first[i].end;
    }
    if (close(file) != 0 && status == WEIR_OK)
        status = weir_fail_os(r->error, -(int64_t)errno, "%s: cannot write it", partial);
    if (status == WEIR_OK && rename(partial, path) != 0)
        status = weir_fail_os(r->error, -(int64_t)errno, "%s: cannot rename it", partial);
    return status;
}

/* Void bytes at the end are not pushed. Replay takes a youngest segment that is shorter than its header
 * says for one that was torn. */
static int lengthen(const restoring *r, uint64_t number) {
    char path[WEIR_PATH_MAX];
    uint8_t bytes[WEIR_SEGMENT_HEADER];
    weir_segment_header h;
    weir_numbered_path(path, r->directory, "segment", number);
    int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0) return WEIR_OK; /* of another kind */
    struct stat st;
    int result = 0;
    bool read_it = pread(file, bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes &&
                   weir_segment_header_decode(bytes, &h) == WEIR_OK && fstat(file, &st) == 0;
    if (read_it && h.bytes <= INT64_MAX && (uint64_t)st.st_size < h.bytes)
        result = ftruncate(file, (off_t)h.bytes);
    int os_error = errno;
    (void)close(file); /* a length alone was set */
    return result == 0 ? WEIR_OK
                       : weir_fail_os(r->error, -(int64_t)os_error, "%s: cannot lengthen it", path);
}

static int fetch_all(restoring *r) {
    uint64_t youngest = 0;
    int status = WEIR_OK;
    for (size_t i = 0; i < r->stored.count; i++)
        r->total += r->stored.list[i].bytes;
    for (size_t i = 0; i < r->stored.count && status == WEIR_OK;) {
        const weir_stored *s = &r->stored.list[i];
        size_t count = 1;
        while (s->is_tail && i + count < r->stored.count &&
               r->stored.list[i + count].number == s->number)
            count++;
        const weir_stored *whole = weir_stored_whole(&r->stored, s->number);
        bool wanted = s->is_tail ? !whole : s == whole; /* of two, the plain one counts */
        if (s->number > youngest) youngest = s->number;
        if (wanted) status = fetch_segment(r, s, count);
        i += count;
    }
    return status == WEIR_OK ? lengthen(r, youngest) : status;
}

static int make_restore_directory(restoring *r) {
    int length = snprintf(r->directory, sizeof r->directory - 64, "%s.restore", r->arguments->into);
    if (length < 0 || (size_t)length >= sizeof r->directory - 64)
        return weir_fail(r->error, WEIR_MISUSE, "the name of the database is too long");
    weir_path_in(r->archive, r->directory, "archive");
    if (mkdir(r->directory, 0700) == 0 || errno == EEXIST) return WEIR_OK;
    return weir_fail_os(r->error, -(int64_t)errno, "%s: cannot create the directory", r->directory);
}

static int empty_and_remove(const char *directory) {
    DIR *dir = opendir(directory);
    char path[WEIR_PATH_MAX + 300];
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        if (strncmp(entry->d_name, ".", 1) == 0) continue;
        (void)snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        (void)unlink(path); /* one that stays is seen by rmdir */
    }
    if (dir) (void)closedir(dir); /* it was only read */
    return rmdir(directory);
}

/* Only what fetching makes. */
static void remove_fetched(const restoring *r) {
    (void)empty_and_remove(r->archive); /* it may not be there */
    if (empty_and_remove(r->directory) != 0)
        weir_report_note("%s cannot be removed: %s", r->directory, strerror(errno));
}

/* ---- all of it -------------------------------------------------------------------------- */

static void report_fetched(const restoring *r) {
    char id[WEIR_ID_TEXT];
    weir_id_text(r->stored.list[0].journal, id);
    if (r->arguments->json) {
        weir_json json = weir_json_begin(stdout, "fetched");
        weir_json_text(&json, "journal", id);
        weir_json_uint(&json, "objects", r->objects);
        weir_json_uint(&json, "bytes", r->fetched);
        weir_json_uint(&json, "damaged", r->damaged);
        weir_json_end(&json);
    } else
        printf("fetched %" PRIu64 " objects, %" PRIu64 " bytes, of the journal %s\n", r->objects,
               r->fetched, id);
}

static int replay_fetched(const restoring *r) {
    weir_arguments replay = *r->arguments;
    weir_place place;
    replay.verb = WEIR_VERB_REPLAY;
    replay.target = r->directory;
    int status = weir_remembered_place(weir_os_posix(), &replay, &place, r->error);
    int code = status == WEIR_OK ? weir_run_replay(&replay, &place)
                                 : weir_report_error(r->arguments, r->error);
    weir_place_free(&place);
    return code;
}

int weir_run_archive_restore(const weir_arguments *arguments, const weir_place *place) {
    weir_error error = {0};
    restoring r = {
        .arguments = arguments, .error = &error, .progress = weir_progress_start("bytes fetched")};
    (void)place; /* there is none */
    int status = weir_remote_open(arguments->target, arguments, &r.remote, &error);
    if (status == WEIR_OK) status = weir_stored_take(&r.remote, NULL, &r.stored, &error);
    if (status == WEIR_OK) status = choose_journal(&r);
    if (status == WEIR_OK) status = make_restore_directory(&r);
    if (status == WEIR_OK) status = fetch_all(&r);
    weir_progress_end(&r.progress);
    int code;
    if (status == WEIR_OK) {
        report_fetched(&r);
        code = replay_fetched(&r);
    } else
        code = weir_report_error(arguments, &error);
    if (code <= WEIR_EXIT_RECOVERED && !arguments->keep_fetched)
        remove_fetched(&r);
    else if (status == WEIR_OK)
        weir_report_note("what was fetched is in %s", r.directory);
    weir_stored_free(&r.stored);
    weir_remote_close(&r.remote);
    return r.damaged && code <= WEIR_EXIT_RECOVERED ? WEIR_EXIT_DAMAGE : code;
}
