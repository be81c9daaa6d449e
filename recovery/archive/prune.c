/* prune.c - the verb archive prune: delete the oldest archived files, up to a bound. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../../lib/verify/archive.h"
#include "../../lib/verify/readers.h"
#include "../../lib/verify/sink_files.h"
#include "../database.h"
#include "../exits.h"
#include "../first_sink.h"
#include "../json.h"
#include "../report.h"
#include "../verbs.h"
#include "store.h"

typedef struct pruning {
    const weir_arguments *arguments;
    const weir_place *place;
    weir_archived_files list;
    weir_database_view database;
    weir_readers readers;
    weir_sink_notes sinks;
    weir_remote remote;
    weir_stored_list stored; /* with --pushed, of all journals */
    uint64_t rows, bytes;    /* that are left */
    uint64_t files, gone_rows, gone_bytes;
    char why[200]; /* it ended before the bound was reached */
} pruning;

static const weir_position *applied_position(const pruning *p, const weir_id journal) {
    for (size_t i = 0; i < p->database.count; i++)
        if (weir_id_equal(p->database.positions[i].journal, journal))
            return &p->database.positions[i];
    return NULL;
}

/* ---- what may not go -------------------------------------------------------------------- */

static bool forbid(pruning *p, const weir_archived_file *file, const char *what, const char *who) {
    (void)snprintf(p->why, sizeof p->why, "segment %" PRIu64 " and those after it stay: %s%s",
                   file->number, what, who);
    return false;
}

static bool readers_have_passed(pruning *p, const weir_archived_file *file) {
    for (size_t i = 0; i < p->readers.count; i++) {
        const weir_named_note *note = &p->readers.list[i];
        if (note->status != WEIR_OK) continue; /* a broken one holds nothing, and was noted */
        if (weir_named_holds(note, file->header.journal, file->last_row, 0))
            return forbid(p, file, "this reader has not passed it: ", note->reader.name);
    }
    return true;
}

static bool sinks_have_it(pruning *p, const weir_archived_file *file) {
    for (size_t i = 0; i < p->sinks.count; i++) {
        const weir_sink_note *note = &p->sinks.list[i];
        if (weir_sink_note_lacks(note, file->header.journal, file->last_block))
            return forbid(p, file, "this sink has not got it: ", note->record.name);
    }
    return true;
}

static bool is_in_store(const pruning *p, const weir_archived_file *file) {
    for (size_t i = 0; i < p->stored.count; i++) {
        const weir_stored *s = &p->stored.list[i];
        if (!s->is_tail && s->number == file->number &&
            weir_id_equal(s->journal, file->header.journal) &&
            (s->kind != file->kind || s->bytes == file->bytes || s->bytes == file->end))
            return true;
    }
    return false;
}

static bool may_be_pruned(pruning *p, const weir_archived_file *file) {
    if (file->is_void) return true;
    if (!file->header.segment || file->last_block == 0)
        return forbid(p, file,
                      "it cannot be told what it holds: ", file->why ? file->why : "no block");
    const weir_position *applied = applied_position(p, file->header.journal);
    if (!applied || applied->block < file->last_block)
        return forbid(p, file, "the database has not applied all of it", "");
    if (p->arguments->pushed && !is_in_store(p, file))
        return forbid(p, file, "it is not in the store", "");
    return sinks_have_it(p, file) && readers_have_passed(p, file);
}

/* ---- what shall go ---------------------------------------------------------------------- */

static bool is_beyond_bounds(const pruning *p, const weir_archived_file *file, int64_t now) {
    const weir_arguments *a = p->arguments;
    if (a->passed || file->is_void) return true; /* the readers are asked for each */
    if (a->keep_bytes != UINT64_MAX && p->bytes > a->keep_bytes) return true;
    if (a->keep_rows != UINT64_MAX && p->rows - weir_archived_rows(file) >= a->keep_rows)
        return true;
    return a->max_age_s != UINT64_MAX && file->last_wall_ns && now > file->last_wall_ns &&
           (uint64_t)(now - file->last_wall_ns) / 1000000000u > a->max_age_s;
}

/* One by one, each name synced before the next: a power cut must not keep an older file and lose a
 * younger one. Its own program may delete the same file at the same time, and another tool may pack it. */
static int delete_archived(const pruning *p, const weir_archived_file *file, weir_error *error) {
    char archive[4096];
    const weir_os *os = p->place->os;
    if (p->arguments->dry_run) return WEIR_OK;
    (void)snprintf(archive, sizeof archive, "%s/archive", p->place->directory);
    int result = weir_archive_unlink(os, WEIR_OS_CWD, file->path);
    if (result < 0) return weir_fail_os(error, result, "%s: cannot delete it", file->path);
    result = os->sync_directory(os->self, WEIR_OS_CWD, archive);
    return result < 0 ? weir_fail_os(error, result, "%s: cannot sync the directory", archive)
                      : WEIR_OK;
}

/* A sink may be attached again at any time, and a record that is broken may ask for anything. */
static int judge_sinks(const pruning *p, weir_error *error) {
    for (size_t i = 0; i < p->sinks.count; i++) {
        const weir_sink_note *note = &p->sinks.list[i];
        if (note->status != WEIR_OK)
            return weir_fail(error, WEIR_IO,
                             "%s/sinks/%s cannot be read, so nobody knows what this sink needs: %s",
                             p->place->directory, note->record.name,
                             weir_status_text(note->status));
    }
    return WEIR_OK;
}

static int ask_the_sinks(pruning *p, weir_error *error) {
    weir_sink_notes_free(&p->sinks);
    int status =
        weir_sink_notes_take(p->place->os, WEIR_OS_CWD, p->place->directory, &p->sinks, error);
    return status == WEIR_OK ? judge_sinks(p, error) : status;
}

/* Before each file: one that is new may have come, which begins with the oldest that there is. */
static int prune_files(pruning *p, weir_error *error) {
    int64_t now = p->place->os->wall(p->place->os->self);
    int status = WEIR_OK;
    p->bytes = p->list.bytes;
    for (size_t i = 0; i < p->list.count; i++)
        p->rows += weir_archived_rows(&p->list.files[i]);
    for (size_t i = 0; i < p->list.count && status == WEIR_OK; i++) {
        const weir_archived_file *file = &p->list.files[i];
        if (!is_beyond_bounds(p, file, now)) break;
        status = ask_the_sinks(p, error);
        if (status != WEIR_OK || !may_be_pruned(p, file)) break;
        status = delete_archived(p, file, error);
        if (status != WEIR_OK) break;
        p->files++;
        p->gone_rows += weir_archived_rows(file);
        p->gone_bytes += file->bytes;
        p->rows -= weir_archived_rows(file);
        p->bytes -= file->bytes;
    }
    return status;
}

/* ---- all of it -------------------------------------------------------------------------- */

static void report_pruned(const pruning *p) {
    bool dry = p->arguments->dry_run;
    if (p->arguments->json) {
        weir_json json = weir_json_begin(stdout, "pruned");
        weir_json_bool(&json, "dry_run", dry);
        weir_json_uint(&json, "files", p->files);
        weir_json_uint(&json, "rows", p->gone_rows);
        weir_json_uint(&json, "bytes", p->gone_bytes);
        weir_json_uint(&json, "files_left", p->list.count - p->files);
        weir_json_uint(&json, "bytes_left", p->bytes);
        weir_json_text(&json, "stays", p->why[0] ? p->why : NULL);
        weir_json_end(&json);
        return;
    }
    printf("%s %" PRIu64 " files, %" PRIu64 " rows, %" PRIu64 " bytes; left: %" PRIu64
           " files, %" PRIu64 " bytes\n",
           dry ? "would delete" : "deleted", p->files, p->gone_rows, p->gone_bytes,
           (uint64_t)p->list.count - p->files, p->bytes);
    if (p->why[0]) printf("%s\n", p->why);
}

/* One that is broken holds nothing. One that cannot be read may hold anything. */
static int judge_readers(const pruning *p, weir_error *error) {
    for (size_t i = 0; i < p->readers.count; i++) {
        const weir_named_note *note = &p->readers.list[i];
        if (note->status == WEIR_IO)
            return weir_fail(error, WEIR_IO,
                             "the reader %s cannot be read, so nobody knows what it needs: %s",
                             note->reader.name, note->why);
        if (note->status != WEIR_OK)
            weir_report_note("the reader %s holds nothing: %s", note->reader.name, note->why);
    }
    return WEIR_OK;
}

/* The files first: what a reader, a sink or the database passes meanwhile only allows more. */
static int look_before_pruning(pruning *p, weir_error *error) {
    int status = weir_archived_files_take(p->place->os, p->place->directory, &p->list, error);
    if (status == WEIR_OK)
        status =
            weir_readers_take(p->place->os, WEIR_OS_CWD, p->place->directory, &p->readers, error);
    if (status == WEIR_OK) status = judge_readers(p, error);
    if (status == WEIR_OK) status = ask_the_sinks(p, error);
    if (status == WEIR_OK && p->arguments->passed && p->readers.count == 0)
        status = weir_fail(error, WEIR_MISUSE,
                           "%s has no named reader, so --passed is no bound: give another one",
                           p->place->directory);
    if (status == WEIR_OK &&
        weir_applied_look(p->place, p->place->database, &p->database) != WEIR_OK)
        status = weir_fail(error, WEIR_NO_MEMORY, "no memory to read the database");
    if (status == WEIR_OK && p->list.count && p->database.state != WEIR_DATABASE_READ)
        status = weir_fail(error, WEIR_NOT_FOUND,
                           "%s cannot be read, so nobody knows which rows it has: %s",
                           p->place->database ? p->place->database : "the database",
                           p->database.why[0] ? p->database.why : "it is not there");
    if (status == WEIR_OK && p->arguments->pushed)
        status = weir_remote_open(p->arguments->pushed, p->arguments, &p->remote, error);
    if (status == WEIR_OK && p->arguments->pushed)
        status = weir_stored_take(&p->remote, NULL, &p->stored, error);
    return status;
}

int weir_run_archive_prune(const weir_arguments *arguments, const weir_place *place) {
    weir_error error = {0};
    pruning p = {.arguments = arguments, .place = place};
    int status = look_before_pruning(&p, &error);
    if (status == WEIR_OK) {
        status = prune_files(&p, &error);
        report_pruned(&p);
    }
    weir_stored_free(&p.stored);
    weir_remote_close(&p.remote);
    weir_readers_free(&p.readers);
    weir_sink_notes_free(&p.sinks);
    weir_database_free(&p.database);
    weir_archived_files_free(&p.list);
    return status == WEIR_OK ? WEIR_EXIT_CLEAN : weir_report_error(arguments, &error);
}
