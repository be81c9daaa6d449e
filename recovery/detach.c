/* detach.c - the verb detach: a sink's rows go to the archive from now on, or nothing is kept for it any
 * more. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../lib/format/names.h"
#include "../lib/verify/sink_files.h"
#include "exits.h"
#include "json.h"
#include "report.h"
#include "summary.h"
#include "verbs.h"

typedef struct detaching {
    const weir_arguments *arguments;
    const weir_place *place;
    const char *name;
} detaching;

/* ---- while nobody has the journal open ------------------------------------------------------ */

/* The lock of the journal: a program that opens meanwhile waits, or is told that it is locked. */
static int lock_unopened(const detaching *d, int *lock, weir_error *error) {
    const weir_os *os = d->place->os;
    char path[WEIR_PATH_MAX], who[WEIR_HOLDER_TEXT];
    weir_holder holder = {.is_there = true};
    int length = snprintf(path, sizeof path, "%s/lock", d->place->directory);
    if (length < 0 || (size_t)length >= sizeof path)
        return weir_fail(error, WEIR_MISUSE, "the journal's path is too long");
    int dirfd = os->open_directory(os->self, WEIR_OS_CWD, d->place->directory);
    if (dirfd < 0) return weir_fail_os(error, dirfd, "cannot open %s", d->place->directory);
    *lock = os->open(os->self, dirfd, path, WEIR_OS_READ | WEIR_OS_WRITE | WEIR_OS_CREATE);
    (void)os->close(os->self, dirfd); /* nothing was written to it */
    if (*lock < 0) return weir_fail_os(error, *lock, "cannot open %s", path);
    int locked = os->lock(os->self, *lock, &holder.process);
    if (locked >= 0) return WEIR_OK;
    (void)os->close(os->self, *lock); /* not locked */
    if (locked != -EAGAIN) return weir_fail_os(error, locked, "cannot lock %s", path);
    return weir_fail(error, WEIR_LOCKED,
                     "%s is open in %s: let that program do it, by weir_detach(w, \"%s\")%s; or "
                     "close it first",
                     d->place->directory, weir_holder_text(holder, who), d->name,
                     d->arguments->forget ? " and weir_forget_sink" : "");
}

static int detach_record(const detaching *d, weir_sink_record *record, weir_error *error) {
    if (record->state == WEIR_SINK_DETACHED) return WEIR_OK;
    record->state = WEIR_SINK_DETACHED;
    return weir_sink_record_write(d->place->os, WEIR_OS_CWD, d->place->directory, record, error);
}

/* Rows that would be let go of. A sink of another journal has none here. */
static int rows_lacking(const detaching *d, const weir_sink_record *record, uint64_t *rows,
                        weir_error *error) {
    weir_archive archive;
    weir_view view;
    *rows = 0;
    if (weir_archive_open(d->place->os, d->place->directory, &archive) != WEIR_OK)
        return weir_fail(error, WEIR_NO_MEMORY, "no memory to open the archive");
    const weir_view_input input = {
        .os = &archive.os, .place = d->place, .database = d->place->database};
    int status = weir_view_take(&input, &view, error);
    weir_archive_close(&archive);
    if (status != WEIR_OK) return status;
    const weir_inventory *i = &view.inventory;
    uint64_t last = i->next_row ? i->next_row - 1 : 0;
    bool ours = weir_id_equal(record->safe.journal, i->journal);
    if (ours && last > record->safe.row) *rows = last - record->safe.row;
    weir_view_free(&view);
    return WEIR_OK;
}

static int forget_record(const detaching *d, const weir_sink_record *record, uint64_t *rows,
                         weir_error *error) {
    if (record->state != WEIR_SINK_DETACHED)
        return weir_fail(error, WEIR_MISUSE,
                         "the sink %s is attached: detach it first (weir detach %s %s)", d->name,
                         d->name, d->arguments->target);
    int status = rows_lacking(d, record, rows, error);
    if (status == WEIR_OK && *rows && !d->arguments->yes)
        status = weir_fail(error, WEIR_MISUSE,
                           "the sink %s, %s, does not have the last %llu rows, which are kept for "
                           "it; --forget --yes lets it go all the same",
                           d->name, record->place, (unsigned long long)*rows);
    return status == WEIR_OK ? weir_sink_record_forget(d->place->os, WEIR_OS_CWD,
                                                       d->place->directory, d->name, error)
                             : status;
}

/* A record that cannot be read may only be forgotten, and nobody knows what its sink lacks. */
static int forget_broken(const detaching *d, weir_error *error) {
    if (!d->arguments->forget || !d->arguments->yes) {
        char text[sizeof error->text];
        (void)snprintf(text, sizeof text, "%.300s", error->text);
        return weir_fail(error, error->status,
                         "%s: what the journal keeps of this sink cannot be read; put a copy of "
                         "the file back, or let the sink go (--forget --yes)",
                         text);
    }
    return weir_sink_record_forget(d->place->os, WEIR_OS_CWD, d->place->directory, d->name, error);
}

/* ---- words ---------------------------------------------------------------------------------- */

static int say_names(const detaching *d, weir_error *error) {
    weir_sink_notes notes;
    char names[300] = "";
    size_t at = 0;
    int status =
        weir_sink_notes_take(d->place->os, WEIR_OS_CWD, d->place->directory, &notes, error);
    for (size_t i = 0; status == WEIR_OK && i < notes.count && at < sizeof names; i++)
        at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", i ? ", " : "",
                               notes.list[i].record.name); /* a list that is cut is one too */
    weir_sink_notes_free(&notes);
    if (status != WEIR_OK) return status;
    return weir_fail(error, WEIR_NOT_FOUND, "%s: no sink is named %.80s: %s%s", d->place->directory,
                     d->name, at ? "there is " : "the journal knows none", names);
}

static void say_done(const detaching *d, const weir_sink_record *record, uint64_t rows) {
    bool forgot = d->arguments->forget;
    if (d->arguments->json) {
        weir_json json = weir_json_begin(stdout, forgot ? "sink_forgotten" : "detached");
        weir_json_text(&json, "name", d->name);
        weir_json_text(&json, "kind", record->kind);
        weir_json_text(&json, "place", record->place);
        weir_json_uint(&json, "row", record->safe.row);
        if (forgot) weir_json_uint(&json, "rows_lacking", rows);
        weir_json_end(&json);
    } else if (forgot) {
        printf("the sink %s is forgotten: nothing is kept for it any more", d->name);
        if (rows) printf("; it does not have the last %llu rows", (unsigned long long)rows);
        putchar('\n');
    } else {
        printf("the sink %s, %s, is detached after row %llu: what it does not have goes to the "
               "archive, until the program attaches it again\n",
               d->name, record->place, (unsigned long long)record->safe.row);
    }
}

int weir_run_detach(const weir_arguments *arguments, const weir_place *place) {
    const detaching d = {arguments, place, arguments->second};
    weir_error error = {0};
    weir_sink_record record = {0};
    uint64_t rows = 0;
    int lock = -1;
    if (!place->journal_is_there) {
        (void)weir_fail(&error, WEIR_NOT_FOUND, "there is no journal at %s", place->directory);
        return weir_report_error(arguments, &error);
    }
    int status = lock_unopened(&d, &lock, &error);
    if (status != WEIR_OK) return weir_report_error(arguments, &error);
    status =
        weir_sink_record_read(place->os, WEIR_OS_CWD, place->directory, d.name, &record, &error);
    if (status == WEIR_NOT_FOUND)
        status = say_names(&d, &error);
    else if (status != WEIR_OK)
        status = forget_broken(&d, &error);
    else if (arguments->forget)
        status = forget_record(&d, &record, &rows, &error);
    else
        status = detach_record(&d, &record, &error);
    (void)place->os->close(place->os->self, lock); /* ends the lock; nothing was written to it */
    if (status != WEIR_OK) return weir_report_error(arguments, &error);
    say_done(&d, &record, rows);
    return WEIR_EXIT_CLEAN;
}
