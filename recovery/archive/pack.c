/* pack.c - the verb archive pack: archived segments become packed ones, the oldest first. Only
 * archive/ is touched, so the journal may be in use. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../lib/format/names.h"
#include "../../lib/verify/archive.h"
#include "../archive_files.h"
#include "../exits.h"
#include "../json.h"
#include "../progress.h"
#include "../report.h"
#include "../stop.h"
#include "../verbs.h"
#include "pack_segment.h"

typedef struct pack_run {
    const weir_arguments *arguments;
    const weir_place *place;
    weir_archived_files files;
    weir_segment_end *ends;
    size_t end_count;
    char archive[WEIR_PATH_MAX];
    int dirfd, lock;
    weir_progress progress;
    uint64_t done, total; /* bytes that are read, each twice */
    uint64_t packed, left, failed, rows, before, after, next;
} pack_run;

static bool show_and_ask(void *context, uint64_t bytes) {
    pack_run *r = context;
    weir_progress_show(&r->progress, r->done + bytes, r->total);
    return weir_stop_signal() != 0;
}

/* ---- what it says ---- */

static double per_row(uint64_t bytes, uint64_t rows) {
    return rows ? (double)bytes / (double)rows : 0;
}

static void say_packed(const pack_run *r, uint64_t segment, const weir_pack_result *done) {
    weir_progress progress = r->progress;
    weir_progress_end(&progress);
    if (r->arguments->json) {
        weir_json json = weir_json_begin(stdout, done->packed ? "packed" : "not_packed");
        weir_json_uint(&json, "segment", segment);
        weir_json_uint(&json, "rows", done->rows);
        weir_json_uint(&json, "blocks", done->blocks);
        weir_json_uint(&json, "bytes_before", done->bytes_before);
        weir_json_uint(&json, "bytes_after", done->bytes_after);
        if (!done->packed) weir_json_text(&json, "why", "it would not become smaller");
        weir_json_end(&json);
        return;
    }
    printf("segment %" PRIu64 ": %" PRIu64 " bytes become %" PRIu64 ", %" PRIu64 " rows", segment,
           done->bytes_before, done->bytes_after, done->rows);
    if (done->rows) printf(", %.2f bytes a row", per_row(done->bytes_after, done->rows));
    printf(done->packed ? "\n" : ": it stays as it is\n");
}

static void say_endless(const pack_run *r, const weir_archived_file *file) {
    static const char why[] = "it is void, or no later segment says where it ends";
    weir_report_note("%s: %s: it stays as it is", file->path, why);
    if (!r->arguments->json) return;
    weir_json json = weir_json_begin(stdout, "not_packed");
    weir_json_uint(&json, "segment", file->number);
    weir_json_uint(&json, "rows", weir_archived_rows(file));
    weir_json_uint(&json, "bytes_before", file->bytes);
    weir_json_text(&json, "why", why);
    weir_json_end(&json);
}

static void say_would(const pack_run *r, const weir_archived_file *file) {
    if (r->arguments->json) {
        weir_json json = weir_json_begin(stdout, "would_pack");
        weir_json_uint(&json, "segment", file->number);
        weir_json_uint(&json, "rows", weir_archived_rows(file));
        weir_json_uint(&json, "bytes_before", file->bytes);
        weir_json_end(&json);
        return;
    }
    printf("segment %" PRIu64 ": would be packed: %" PRIu64 " bytes, %" PRIu64 " rows\n",
           file->number, file->bytes, weir_archived_rows(file));
}

static void sum_up_pack(const pack_run *r) {
    bool dry = r->arguments->dry_run, stopped = weir_stop_signal() != 0;
    if (r->arguments->json) {
        weir_json json = weir_json_begin(stdout, "pack");
        weir_json_bool(&json, "dry_run", dry);
        weir_json_bool(&json, "stopped", stopped);
        weir_json_uint(&json, dry ? "would_pack" : "packed", r->packed);
        weir_json_uint(&json, "left", r->left);
        weir_json_uint(&json, "failed", r->failed);
        weir_json_uint(&json, "rows", r->rows);
        weir_json_uint(&json, "bytes_before", r->before);
        if (!dry) weir_json_uint(&json, "bytes_after", r->after);
        weir_json_end(&json);
    } else if (dry) {
        printf("%" PRIu64 " segments would be packed: %" PRIu64 " bytes, %" PRIu64 " rows\n",
               r->packed, r->before, r->rows);
    } else {
        printf("%" PRIu64 " segments packed: %" PRIu64 " bytes became %" PRIu64 ", %" PRIu64
               " rows, %.2f bytes a row before and %.2f now\n",
               r->packed, r->before, r->after, r->rows, per_row(r->before, r->rows),
               per_row(r->after, r->rows));
    }
    if (stopped)
        weir_report_note("stopped before segment %" PRIu64 ", which is as it was; the same command "
                         "goes on there",
                         r->next);
}

/* ---- which ---- */

static const weir_segment_end *end_of(const pack_run *r, uint64_t segment) {
    for (size_t i = 0; i < r->end_count; i++)
        if (r->ends[i].segment == segment && r->ends[i].end.segment == segment) return &r->ends[i];
    return NULL;
}

static size_t count_plain(const pack_run *r) {
    size_t count = 0;
    for (size_t i = 0; i < r->files.count; i++)
        count += r->files.files[i].kind == WEIR_ARCHIVED_PLAIN;
    return count;
}

/* Calls for each plain file, oldest first, but for the newest that are to stay plain. */
static int each_to_pack(pack_run *r,
                        int (*one)(pack_run *, const weir_archived_file *, weir_error *),
                        weir_error *error) {
    size_t plain = count_plain(r), keep = (size_t)r->arguments->keep_plain;
    for (size_t i = 0; i < r->files.count && plain > keep; i++) {
        const weir_archived_file *file = &r->files.files[i];
        if (file->kind != WEIR_ARCHIVED_PLAIN) continue;
        plain--;
        int status = one(r, file, error);
        if (status != WEIR_OK) return status;
    }
    return WEIR_OK;
}

static int count_one_to_pack(pack_run *r, const weir_archived_file *file, weir_error *error) {
    (void)error;
    const weir_segment_end *end = end_of(r, file->number);
    if (end) r->total += 2 * end->end.offset;
    return WEIR_OK;
}

/* ---- packing ---- */

/* What is damaged, or not on the path, is told and left, and the next one is packed all the same. */
static int pack_one(pack_run *r, const weir_archived_file *file, weir_error *error) {
    const weir_segment_end *end = end_of(r, file->number);
    weir_pack_result done = {0};
    r->next = file->number;
    if (weir_stop_signal()) return WEIR_PENDING;
    if (!end) {
        say_endless(r, file);
        r->left++;
        return WEIR_OK;
    }
    if (r->arguments->dry_run) {
        say_would(r, file);
        done = (weir_pack_result){
            .packed = true, .bytes_before = file->bytes, .rows = weir_archived_rows(file)};
    } else {
        weir_pack_input input = {.os = r->place->os,
                                 .dirfd = r->dirfd,
                                 .archive = r->archive,
                                 .stop = show_and_ask,
                                 .context = r};
        int status = weir_pack_segment(&input, end, &done, error);
        r->done += 2 * end->end.offset;
        if (status == WEIR_DAMAGED || status == WEIR_VERSION) {
            r->failed++;
            (void)weir_report_error(r->arguments, error);
            *error = (weir_error){0};
            return WEIR_OK;
        }
        if (status == WEIR_NOT_FOUND) { /* pruned meanwhile */
            *error = (weir_error){0};
            return WEIR_OK;
        }
        if (status != WEIR_OK) return status;
        say_packed(r, file->number, &done);
    }
    if (!done.packed) {
        r->left++;
        return WEIR_OK;
    }
    r->packed++;
    r->rows += done.rows;
    r->before += done.bytes_before;
    r->after += done.bytes_after;
    return WEIR_OK;
}

/* One pack at a time: two would write the same file aside. */
static int lock_archive(pack_run *r, weir_error *error) {
    const weir_os *os = r->place->os;
    char path[WEIR_PATH_MAX];
    int64_t holder = 0;
    r->dirfd = os->open_directory(os->self, WEIR_OS_CWD, r->archive);
    if (r->dirfd < 0)
        return weir_fail_os(error, r->dirfd, "%s: cannot open the directory", r->archive);
    weir_path_in(path, r->archive, "lock");
    r->lock = os->open(os->self, r->dirfd, path, WEIR_OS_READ | WEIR_OS_WRITE | WEIR_OS_CREATE);
    if (r->lock < 0) return weir_fail_os(error, r->lock, "%s: cannot open it", path);
    int result = os->lock(os->self, r->lock, &holder);
    if (result == -EAGAIN)
        return weir_fail(error, WEIR_LOCKED, "%s: process %lld packs this archive; wait for it",
                         path, (long long)holder);
    return result < 0 ? weir_fail_os(error, result, "%s: cannot lock it", path) : WEIR_OK;
}

static void unlock_archive(pack_run *r) {
    const weir_os *os = r->place->os;
    if (r->lock > 0) (void)os->close(os->self, r->lock); /* which unlocks it */
    if (r->dirfd > 0) (void)os->close(os->self, r->dirfd);
}

static int take_ends(pack_run *r, weir_error *error) {
    enum { TRIES = 8 };
    weir_archive archive;
    int status = weir_archive_open(r->place->os, r->place->directory, &archive);
    if (status != WEIR_OK) return weir_fail(error, status, "no memory to read the archive");
    weir_inventory_input input = {.os = &archive.os, .directory = r->place->directory};
    status = WEIR_NOT_FOUND; /* a segment that went to the archive after it was listed */
    for (int i = 0; i < TRIES && status == WEIR_NOT_FOUND; i++)
        status = weir_segment_ends(&input, &r->ends, &r->end_count, error);
    weir_archive_close(&archive);
    if (status != WEIR_NOT_FOUND) return status;
    return weir_fail(error, WEIR_IO, "%s: segments come and go too fast to be listed; try again",
                     r->place->directory);
}

static int run_pack(pack_run *r, weir_error *error) {
    int status = weir_archived_files_take(r->place->os, r->place->directory, &r->files, error);
    if (status != WEIR_OK || count_plain(r) == 0) return status;
    if (!r->arguments->dry_run) status = lock_archive(r, error);
    if (status == WEIR_OK) status = take_ends(r, error);
    if (status == WEIR_OK) status = each_to_pack(r, count_one_to_pack, error);
    r->progress = weir_progress_start("bytes");
    if (status == WEIR_OK) status = each_to_pack(r, pack_one, error);
    weir_progress_end(&r->progress);
    return status;
}

int weir_run_archive_pack(const weir_arguments *arguments, const weir_place *place) {
    pack_run *r = calloc(1, sizeof *r);
    weir_error error = {0};
    if (!r) {
        (void)weir_fail(&error, WEIR_NO_MEMORY, "no memory to pack %s", place->directory);
        return weir_report_error(arguments, &error);
    }
    r->arguments = arguments;
    r->place = place;
    weir_path_in(r->archive, place->directory, "archive");
    weir_stop_watch();
    int status = run_pack(r, &error);
    int code = r->failed ? WEIR_EXIT_DAMAGE : WEIR_EXIT_CLEAN;
    if (status == WEIR_OK || status == WEIR_PENDING)
        sum_up_pack(r);
    else
        code = weir_report_error(arguments, &error);
    unlock_archive(r);
    weir_archived_files_free(&r->files);
    free(r->ends);
    free(r);
    return code;
}
