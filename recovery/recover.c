/* recover.c - no verb: open the journal as every program does, which recovers it, and wait until
 * SQLite has everything. The tool only adds the report. */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

#include <weir/sqlite.h>

#include "exits.h"
#include "extensions.h"
#include "json.h"
#include "patience.h"
#include "progress.h"
#include "report.h"
#include "stop.h"
#include "verbs.h"

enum { STEP_MS = 100 };

typedef struct recovery {
    const weir_arguments *arguments;
    const weir_place *place;
    weir_view before;
    struct weir_stats stats;
    /* Set by the library's threads. Relaxed is enough, since they are joined before these are
     * read. */
    _Atomic bool torn, lost;
} recovery;

static void on_recovery_event(void *context, weir_event event, const char *text) {
    recovery *r = context;
    if (event == WEIR_EVENT_TORN_TAIL) atomic_store_explicit(&r->torn, true, memory_order_relaxed);
    if (event == WEIR_EVENT_DAMAGE) atomic_store_explicit(&r->lost, true, memory_order_relaxed);
    weir_report_note("%s", text);
}

static int fail_with_last_error(int status, weir_error *error) {
    return weir_fail(error, status, "%s", weir_last_error());
}

/* Wait until every row is applied, or until --wait has passed without progress. */
static int wait_until_applied(recovery *r, weir *w, weir_error *error) {
    weir_progress progress = weir_progress_start("rows applied");
    weir_patience patience = weir_patience_start(r->place->os, r->arguments->wait_s);
    int status;
    do {
        status = weir_sync(w, WEIR_APPLIED, STEP_MS);
        if (weir_stats(w, &r->stats) != WEIR_OK) break; /* sync has reported why */
        weir_progress_show(&progress, r->stats.rows_applied, r->stats.rows_recovered);
    } while (status == WEIR_PENDING && !weir_stop_signal() &&
             weir_patience_lasts(&patience, r->stats.rows_applied));
    weir_progress_end(&progress);
    if (status == WEIR_OK) return status;
    if (status == WEIR_PENDING && weir_stop_signal())
        return weir_fail(error, WEIR_PENDING,
                         "%s: stopped by a signal: %" PRIu64 " rows applied, up to row %" PRIu64
                         "; %" PRIu64 " rows wait in the journal: run it again to go on",
                         r->place->database, r->stats.rows_applied, r->stats.last_row_applied,
                         r->stats.lag_rows);
    if (status < 0) return fail_with_last_error(status, error);
    return weir_fail(
        error, WEIR_BUSY, "%s takes no rows (%s); %" PRIu64 " rows wait in the journal: try again",
        r->place->database, weir_status_text(r->stats.apply_status), r->stats.lag_rows);
}

static int recover(recovery *r, weir_error *error) {
    weir_options options = {.journal_directory = r->place->directory,
                            .archive = r->place->archives, /* or it would get a gap */
                            .lane_bytes = WEIR_TOOL_LANE_BYTES,
                            .lanes_max = WEIR_TOOL_LANES,
                            .segment_bytes = WEIR_TOOL_SEGMENT_BYTES,
                            .open_timeout_ms = weir_patience_ms(r->arguments->wait_s),
                            .on_event = on_recovery_event,
                            .event_context = r};
    weir_sqlite_options program = weir_extensions_options(r->arguments);
    weir *w;
    weir_stop_watch();
    int status = weir_open_sqlite_with(r->place->database, &options, &program, &w);
    if (status != WEIR_OK) return fail_with_last_error(status, error);
    status = wait_until_applied(r, w, error);
    /* Closing would apply rows for as long as --wait says. The process ends, and loses nothing. */
    if (weir_stop_signal()) return status;
    int closed = weir_close(w);
    if (status == WEIR_OK && closed < 0) status = fail_with_last_error(closed, error);
    return status;
}

/* ---- the report ---- */

static void report_words(const recovery *r, bool torn, bool lost) {
    const struct weir_stats *s = &r->stats;
    printf("%s: ", r->place->database);
    if (s->rows_recovered)
        printf("%" PRIu64 " rows recovered, up to row %" PRIu64, s->rows_recovered,
               s->last_row_applied);
    else
        printf("nothing to recover");
    if (s->rows_rejected) printf("; %" PRIu64 " of them are in weir_reject", s->rows_rejected);
    if (s->rows_ignored)
        printf("; %" PRIu64 " of them were ignored by their table", s->rows_ignored);
    if (torn) printf("; a torn tail was cut: no row in it was acknowledged as durable");
    if (lost) printf("; rows are lost, see above");
    putchar('\n');
}

static void report_json(const recovery *r, bool torn, bool lost) {
    const struct weir_stats *s = &r->stats;
    weir_json json = weir_json_begin(stdout, "recovered");
    weir_json_text(&json, "database", r->place->database);
    weir_json_text(&json, "journal", r->place->directory);
    weir_json_text(&json, "verdict", weir_verdict_name(r->before.inventory.verdict));
    weir_json_uint(&json, "rows", s->rows_recovered);
    weir_json_uint(&json, "from_ring", r->before.ring.rows);
    weir_json_uint(&json, "rejected", s->rows_rejected);
    weir_json_uint(&json, "ignored", s->rows_ignored);
    weir_json_uint(&json, "last_row", s->last_row_applied);
    weir_json_bool(&json, "torn_tail", torn);
    weir_json_bool(&json, "lost", lost);
    weir_json_end(&json);
}

static int report_recovery(recovery *r) {
    bool torn = atomic_load_explicit(&r->torn, memory_order_relaxed);
    bool lost = atomic_load_explicit(&r->lost, memory_order_relaxed);
    if (r->arguments->json)
        report_json(r, torn, lost);
    else
        report_words(r, torn, lost);
    if (lost) return WEIR_EXIT_DAMAGE;
    return r->stats.rows_recovered ? WEIR_EXIT_RECOVERED : WEIR_EXIT_CLEAN;
}

/* ---- before anything is touched ---- */

/* A database without a journal is in order, if it is a database. */
static int recover_nothing(recovery *r, weir_error *error) {
    weir_database_view database;
    int status = weir_database_look(r->place->database, &database);
    if (status != WEIR_OK || database.state == WEIR_DATABASE_UNREADABLE) {
        (void)weir_fail(error, status == WEIR_OK ? WEIR_DATABASE : status, "%s: %s",
                        r->place->database, database.why);
        weir_database_free(&database);
        return weir_report_error(r->arguments, error);
    }
    weir_report_note("there is no journal at %s%s", r->place->directory,
                     database.count ? ", though the database was filled from one" : "");
    weir_database_free(&database);
    return report_recovery(r);
}

/* The library would refuse damage too, but only after SQLite has opened or created the database. So
 * look first: then a refusal changes nothing. */
static int recover_after_look(recovery *r, weir_error *error) {
    weir_view_input input = {.os = r->place->os, .place = r->place, .database = r->place->database};
    int status = weir_view_take(&input, &r->before, error);
    if (status != WEIR_OK) return weir_report_error(r->arguments, error);
    int code;
    if (weir_verdict_refuses(r->before.inventory.verdict)) {
        code = weir_report_refusal(r->arguments, &r->before.inventory);
    } else {
        status = weir_view_check_owner(&r->before, r->arguments, r->place, error);
        if (status == WEIR_OK) status = recover(r, error);
        code = status == WEIR_OK ? report_recovery(r) : weir_report_error(r->arguments, error);
    }
    weir_view_free(&r->before);
    return code;
}

int weir_run_recover(const weir_arguments *arguments, const weir_place *place) {
    recovery r = {.arguments = arguments, .place = place};
    weir_error error = {0};
    if (weir_place_check_owner(place, &error) != WEIR_OK)
        return weir_report_error(arguments, &error);
    return place->journal_is_there ? recover_after_look(&r, &error) : recover_nothing(&r, &error);
}
