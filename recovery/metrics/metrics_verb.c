/* metrics_verb.c - the verb metrics: figures of a journal as OpenMetrics text, on stdout, in a file
 * that is renamed into its place, or by way of weir-exporter over HTTP. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "../../lib/handle/handle.h"
#include "../../lib/stats/metrics_text.h"
#include "../database.h"
#include "../exits.h"
#include "../kept.h"
#include "../report.h"
#include "../stop.h"
#include "../verbs.h"
#include "../view.h"

#define EXPORTER "weir-exporter"

static int write_to_stream(void *context, const char *text, size_t bytes) {
    return fwrite(text, 1, bytes, context) == bytes ? 0 : -1;
}

static void put_gauge(weir_metrics_text *t, const char *name, const char *unit, const char *help,
                      uint64_t value) {
    weir_metrics_family(t, name, WEIR_METRIC_GAUGE, unit, help);
    weir_metrics_uint(t, name, "", NULL, NULL, value);
}

/* What can be seen without the process's figures. */
static void put_files(weir_metrics_text *t, const weir_place *place) {
    struct statvfs disk;
    weir_kept kept = weir_kept_take(place->os, place->directory);
    put_gauge(t, "weir_archived_segments", NULL, "Files in the archive.", kept.archived.count);
    put_gauge(t, "weir_archived_bytes", "bytes", "Bytes of the archive.", kept.archived.bytes);
    put_gauge(t, "weir_set_aside_bytes", "bytes", "Bytes of files that salvage set aside.",
              kept.aside.bytes);
    if (statvfs(place->directory, &disk) == 0)
        put_gauge(t, "weir_disk_free_bytes", "bytes",
                  "Space that is free for the journal on its file system.",
                  (uint64_t)disk.f_bavail * disk.f_frsize);
}

static void put_database(weir_metrics_text *t, const weir_place *place) {
    weir_database_view view;
    if (!place->database) return;
    if (weir_database_look(place->database, &view) == WEIR_OK) {
        put_gauge(t, "weir_database_usable", NULL, "1: the database is there and can be read.",
                  view.state == WEIR_DATABASE_READ);
        if (view.state == WEIR_DATABASE_READ)
            put_gauge(t, "weir_reject_rows", "rows", "Rows in the reject table.", view.rejects);
    }
    weir_database_free(&view);
}

/* ---- the sinks' records: also of those that no process has -------------------------------- */

typedef struct sink_family {
    const char *name, *unit, *help;
    uint64_t (*value)(const weir_sink_view *view);
} sink_family;

static uint64_t sink_rows(const weir_sink_view *v) { return v->waiting; }
static uint64_t sink_journal(const weir_sink_view *v) { return v->journal_bytes; }
static uint64_t sink_archive(const weir_sink_view *v) { return v->archive_bytes; }
static uint64_t sink_limit(const weir_sink_view *v) { return v->note.record.lag_limit; }
static uint64_t sink_attached(const weir_sink_view *v) {
    return v->note.status == WEIR_OK && v->note.record.state == WEIR_SINK_ATTACHED;
}
static uint64_t sink_troubled(const weir_sink_view *v) {
    char text[WEIR_SINK_TROUBLE];
    return weir_sink_trouble(v, text)[0] != 0;
}

static const sink_family sink_families[] = {
    {"weir_sink_waiting_rows", "rows", "Durable rows that the sink is not known to have.",
     sink_rows},
    {"weir_sink_journal_bytes", "bytes", "Segments that stay in the journal for the sink.",
     sink_journal},
    {"weir_sink_archive_bytes", "bytes", "Archived segments with rows that the sink lacks.",
     sink_archive},
    {"weir_sink_lag_limit_bytes", "bytes", "What may stay in the journal for it; 0: no limit.",
     sink_limit},
    {"weir_sink_attached", NULL, "1: rows stay in the journal for the sink; 0: it is detached.",
     sink_attached},
    {"weir_sink_trouble", NULL,
     "1: somebody must act: it lacks rows, is beyond its limit, waits detached, or is not known.",
     sink_troubled},
};

static void put_sink_families(weir_metrics_text *t, const weir_sink_views *sinks) {
    for (size_t f = 0; f < sizeof sink_families / sizeof sink_families[0]; f++) {
        const sink_family *family = &sink_families[f];
        weir_metrics_family(t, family->name, WEIR_METRIC_GAUGE, family->unit, family->help);
        for (size_t i = 0; i < sinks->count; i++)
            weir_metrics_uint(t, family->name, "", "sink", sinks->list[i].note.record.name,
                              family->value(&sinks->list[i]));
    }
}

static int put_known_sinks(weir_metrics_text *t, const weir_place *place, weir_error *error) {
    weir_view view;
    weir_view_input input = {.os = place->os, .place = place, .database = place->database};
    int status = weir_view_take(&input, &view, error);
    if (status != WEIR_OK) return status;
    put_sink_families(t, &view.sinks);
    weir_view_free(&view);
    return WEIR_OK;
}

/* The journal is read only where there are records: a look at its blocks takes longer than the rest. */
static void put_sink_records(weir_metrics_text *t, const weir_place *place) {
    weir_sink_notes notes;
    weir_error error = {0};
    int status = weir_sink_notes_take(place->os, WEIR_OS_CWD, place->directory, &notes, &error);
    if (status == WEIR_OK && notes.count)
        status = put_known_sinks(t, place, &error);
    else if (status == WEIR_OK)
        put_sink_families(t, &(weir_sink_views){0});
    weir_sink_notes_free(&notes);
    if (status != WEIR_OK) weir_report_note("%s", error.text);
}

static void put_process(weir_metrics_text *t, const weir_place *place) {
    weir_stats_snapshot snapshot;
    weir_error error;
    bool open = weir_handle_holder(place->os, place->directory).is_there;
    put_gauge(t, "weir_up", NULL, "1: a process has the journal open.", open);
    int status = weir_stats_read(place->os, place->directory, &snapshot, &error);
    if (status != WEIR_OK) {
        if (status != WEIR_NOT_FOUND) weir_report_note("%s", error.text);
        return;
    }
    weir_metrics_family(t, "weir_figures_time_seconds", WEIR_METRIC_GAUGE, "seconds",
                        "When the process stored its figures last, since 1970.");
    weir_metrics_seconds(t, "weir_figures_time_seconds", NULL, NULL, snapshot.figures.stored_at);
    weir_metrics_snapshot(t, &snapshot, place->os->wall(place->os->self));
}

/* What reads a file, node_exporter's collector, knows the older format only. */
static bool is_prometheus(const weir_arguments *a) {
    return a->format ? strcmp(a->format, "prometheus") == 0 : a->output != NULL;
}

static int write_exposition(FILE *out, const weir_arguments *a, const weir_place *place) {
    weir_metrics_text text = {.write = write_to_stream,
                              .context = out,
                              .journal = place->directory,
                              .prometheus = is_prometheus(a)};
    put_process(&text, place);
    put_files(&text, place);
    put_database(&text, place);
    put_sink_records(&text, place);
    if (!text.stopped && !text.prometheus) text.stopped = write_to_stream(out, "# EOF\n", 6);
    return text.stopped ? WEIR_IO : WEIR_OK;
}

/* ---- a file ------------------------------------------------------------------------------- */

/* Whoever reads the file finds it whole: it is written aside and renamed, in its own directory. */
static int write_file(const weir_arguments *a, const weir_place *place, weir_error *error) {
    const char *path = a->output;
    char *aside;
    if (asprintf(&aside, "%s.%d", path, (int)getpid()) < 0)
        return weir_fail(error, WEIR_NO_MEMORY, "no memory for a path");
    FILE *out = fopen(aside, "we");
    int status = WEIR_OK;
    if (!out) status = weir_fail_os(error, -(int64_t)errno, "cannot create %s", aside);
    if (out) {
        bool failed = write_exposition(out, a, place) != WEIR_OK;
        failed |= fclose(out) != 0;
        if (failed) status = weir_fail_os(error, -(int64_t)errno, "cannot write %s", aside);
    }
    if (status == WEIR_OK && rename(aside, path) != 0)
        status = weir_fail_os(error, -(int64_t)errno, "cannot rename %s to %s", aside, path);
    if (status != WEIR_OK) (void)unlink(aside); /* it may not be there */
    free(aside);
    return status;
}

/* A signal ends the pause early. */
static void pause_for(uint64_t seconds) {
    for (uint64_t i = 0; i < seconds * 10 && !weir_stop_signal(); i++)
        (void)nanosleep(&(struct timespec){0, 100000000}, NULL);
}

static int keep_writing(const weir_arguments *a, const weir_place *place, weir_error *error) {
    int status = write_file(a, place, error);
    while (status == WEIR_OK && a->interval_s && !weir_stop_signal()) {
        pause_for(a->interval_s);
        if (!weir_stop_signal()) status = write_file(a, place, error);
    }
    return status;
}

/* ---- over HTTP ------------------------------------------------------------------------------ */

/* The exporter is a program of its own, since not everybody wants an HTTP server: beside this one,
 * or in the PATH. It runs `weir metrics` for each request. */
static int become_exporter(const weir_arguments *a, const weir_place *place, weir_error *error) {
    char self[4000], beside[4096];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    const char *words[] = {EXPORTER, a->listen,
                           place->database ? place->database : place->directory, a->journal, NULL};
    char *const *arguments = (char *const *)words; /* exec does not write to them */
    if (length > 0) {
        self[length] = 0;
        char *slash = strrchr(self, '/');
        if (slash) slash[1] = 0;
        (void)snprintf(beside, sizeof beside, "%s" EXPORTER, self); /* it fits */
        execv(beside, arguments);
    }
    execvp(EXPORTER, arguments);
    return weir_fail_os(error, -(int64_t)errno,
                        "cannot start " EXPORTER
                        ", which serves metrics over HTTP (Debian: package "
                        "weir-exporter)");
}

int weir_run_metrics(const weir_arguments *arguments, const weir_place *place) {
    weir_error error = {0};
    int status = WEIR_OK;
    if (!place->journal_is_there)
        status = weir_fail(&error, WEIR_NOT_FOUND, "there is no journal at %s", place->directory);
    else if (arguments->listen)
        status = become_exporter(arguments, place, &error);
    else if (arguments->output) {
        weir_stop_watch();
        status = keep_writing(arguments, place, &error);
    } else
        (void)write_exposition(stdout, arguments, place); /* main looks at stdout's errors */
    return status == WEIR_OK ? WEIR_EXIT_CLEAN : weir_report_error(arguments, &error);
}
