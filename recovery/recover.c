/* recover.c - no verb: open the journal as every program does, which recovers it, and wait until
 * SQLite has everything. The tool only adds the report. */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

#include <weir/sqlite.h>

#include "../lib/base/shell_word.h"
#include "../writer/sqlite/open_sqlite.h"
#include "check_database.h"
#include "exits.h"
#include "extensions.h"
#include "first_sink.h"
#include "gap.h"
#include "json.h"
#include "missing.h"
#include "patience.h"
#include "progress.h"
#include "rehearse.h"
#include "report.h"
#include "stop.h"
#include "verbs.h"

enum { STEP_MS = 100 };

typedef struct recovery {
    const weir_arguments *arguments;
    const weir_place *place;
    weir_view before;
    struct weir_stats stats;
    uint64_t first_missing, last_missing; /* a gap that was accepted; 1, 0: none */
    weir_missing journal;                 /* what its absence means */
    /* Set by the library's threads. Relaxed is enough, since they are joined before these are
     * read. refused: an event has said what keeps rows from being applied, to the end. */
    _Atomic bool torn, lost, refused;
} recovery;

static void on_recovery_event(void *context, weir_event event, const char *text) {
    recovery *r = context;
    if (event == WEIR_EVENT_TORN_TAIL) atomic_store_explicit(&r->torn, true, memory_order_relaxed);
    if (event == WEIR_EVENT_DAMAGE) atomic_store_explicit(&r->lost, true, memory_order_relaxed);
    if (event == WEIR_EVENT_APPLY_WAITS || event == WEIR_EVENT_APPLY_RESUMED)
        atomic_store_explicit(&r->refused, event == WEIR_EVENT_APPLY_WAITS, memory_order_relaxed);
    /* A database that is made anew has no tables yet. */
    if (event == WEIR_EVENT_TABLE_MENDED && !r->place->database_is_there) return;
    weir_report_event(r->arguments, event, text);
}

static int fail_with_last_error(int status, weir_error *error) {
    return weir_fail(error, status, "%s", weir_last_error());
}

/* Wait until every row is applied, or until --wait has passed without progress (WEIR_BUSY, without a
 * text: say_rows_wait has it). */
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
    return status < 0 ? fail_with_last_error(status, error) : WEIR_BUSY;
}

/* Once the writer has ended: a lock is told when it has lasted for a second. */
static int say_rows_wait(const recovery *r, weir_error *error) {
    bool refused = atomic_load_explicit(&r->refused, memory_order_relaxed);
    return weir_fail(error, WEIR_BUSY,
                     "%s takes no rows%s; %" PRIu64 " rows wait in the journal: try again",
                     r->place->database, refused ? "" : " (it is slow)", r->stats.lag_rows);
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
    int status = weir_open_sqlite_anew(r->place->database, &options, &program, &w);
    if (status != WEIR_OK) return fail_with_last_error(status, error);
    status = wait_until_applied(r, w, error);
    /* Closing would apply rows for as long as --wait says. The process ends, and loses nothing. */
    int closed = weir_stop_signal() ? WEIR_OK : weir_close(w);
    if (status == WEIR_BUSY) return say_rows_wait(r, error);
    if (status == WEIR_OK && closed < 0) status = fail_with_last_error(closed, error);
    return status;
}

/* ---- the report ---- */

static bool has_gap(const recovery *r) { return r->last_missing >= r->first_missing; }

static const char *verdict_of(const recovery *r) {
    return r->place->journal_is_there ? weir_verdict_name(r->before.inventory.verdict)
                                      : weir_missing_verdict(r->journal);
}

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
    if (has_gap(r))
        printf("; rows %" PRIu64 " to %" PRIu64 " are missing, as the table weir_loss says",
               r->first_missing, r->last_missing);
    if (r->journal == WEIR_MISSING_ROWS)
        printf("; rows may be missing, see above");
    else if (lost && !has_gap(r))
        printf("; rows are lost, see above");
    putchar('\n');
}

static void report_json(const recovery *r, bool torn, bool lost) {
    const struct weir_stats *s = &r->stats;
    weir_json json = weir_json_begin(stdout, "recovered");
    weir_json_text(&json, "database", r->place->database);
    weir_json_text(&json, "journal", r->place->directory);
    weir_json_text(&json, "verdict", verdict_of(r));
    weir_json_uint(&json, "rows", s->rows_recovered);
    weir_json_uint(&json, "from_ring", r->before.ring.rows);
    weir_json_uint(&json, "rejected", s->rows_rejected);
    weir_json_uint(&json, "ignored", s->rows_ignored);
    weir_json_uint(&json, "last_row", s->last_row_applied);
    weir_json_bool(&json, "torn_tail", torn);
    weir_json_bool(&json, "lost", lost);
    weir_json_uint(&json, "first_missing", has_gap(r) ? r->first_missing : 0);
    weir_json_uint(&json, "last_missing", has_gap(r) ? r->last_missing : 0);
    weir_json_end(&json);
}

static int report_recovery(recovery *r) {
    bool torn = atomic_load_explicit(&r->torn, memory_order_relaxed);
    bool lost = atomic_load_explicit(&r->lost, memory_order_relaxed) || has_gap(r) ||
                r->journal == WEIR_MISSING_ROWS;
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
    weir_database_free(&database);
    char text[WEIR_MISSING_TEXT];
    status = weir_missing_judge(r->place, &r->journal, text);
    if (status != WEIR_OK) {
        (void)weir_fail(error, status, "no memory to read %s", r->place->database);
        return weir_report_error(r->arguments, error);
    }
    weir_report_note("%s", text);
    return report_recovery(r);
}

static int look(recovery *r, weir_error *error) {
    weir_view_input input = {.os = r->place->os, .place = r->place, .database = r->place->database};
    return weir_view_take(&input, &r->before, error);
}

static bool may_pass_gap(const recovery *r) {
    return r->arguments->accept_gap && r->before.inventory.verdict == WEIR_VERDICT_DATABASE_BEHIND;
}

/* Asked for by --accept-gap. Afterwards the rows that follow the gap are ordinary rows that wait. */
static int pass_gap(recovery *r, weir_error *error) {
    if (!may_pass_gap(r)) return WEIR_OK;
    weir_gap_of(&r->before, &r->first_missing, &r->last_missing);
    if (r->arguments->dry_run) return WEIR_OK;
    int status = weir_gap_accept(r->place, &r->before, r->arguments->wait_s, error);
    weir_view_free(&r->before);
    r->before = (weir_view){0};
    return status == WEIR_OK ? look(r, error) : status;
}

/* Rows of a database that is not there: to make it anew from them is what is asked for. */
static bool may_open(const recovery *r) {
    weir_verdict verdict = r->before.inventory.verdict;
    return !weir_verdict_refuses(verdict) || verdict == WEIR_VERDICT_DATABASE_MISSING;
}

/* Published rows that something has written over are lost to recovery too. */
static int rehearse_recovery(const recovery *r, weir_error *error) {
    weir_applied applied;
    weir_replay_limits limits = WEIR_REPLAY_ALL;
    const weir_ring_report *ring = &r->before.ring;
    bool lost = ring->unreadable_bytes && ring->same_boot;
    uint64_t missing = has_gap(r) ? r->last_missing - r->first_missing + 1 : 0;
    int status = weir_rehearse(
        r->arguments, r->place->os, r->place, &r->before, ring->rows + ring->recorded > 0,
        missing ? WEIR_REPLAY_SKIP_DAMAGE : WEIR_REPLAY_STOP_AT_DAMAGE, limits, &applied, error);
    weir_report_rehearsal(r->arguments, r->place->database, &applied, missing, lost);
    weir_losses_free(&applied.passed);
    if (status != WEIR_OK) return weir_report_error(r->arguments, error);
    if (lost || missing) return WEIR_EXIT_DAMAGE;
    return applied.rows ? WEIR_EXIT_RECOVERED : WEIR_EXIT_CLEAN;
}

/* A closed journal whose rows are all applied keeps no reserve. Opening it needs space, and recovering
 * it needs none: nothing waits. */
static bool needs_no_space(const recovery *r, const weir_error *error) {
    const weir_inventory *i = &r->before.inventory;
    bool settled = i->verdict == WEIR_VERDICT_CLEAN && i->closed && i->segment_count == 1 &&
                   i->found.position == WEIR_POSITION_MATCHES &&
                   r->before.ring.found == WEIR_RING_ABSENT;
    return error->status == WEIR_NO_SPACE && settled &&
           weir_inspection_rows_waiting(i, &r->before.ring) == 0;
}

static int recover_and_report(recovery *r, weir_error *error) {
    int status = recover(r, error);
    if (status != WEIR_OK && needs_no_space(r, error)) status = WEIR_OK;
    int code = status == WEIR_OK ? report_recovery(r) : weir_report_error(r->arguments, error);
    return weir_check_database(r->arguments, r->place->database, code);
}

/* Where the rows go to a server, no database is filled that has had none of them. */
static int check_is_sqlites(const recovery *r, weir_error *error) {
    weir_sink_record first;
    if (r->arguments->adopt || weir_view_knows_journal(&r->before, r->place) ||
        !weir_first_sink_read(r->place, &first))
        return WEIR_OK;
    return weir_fail(
        error, WEIR_FOREIGN,
        "%.140s: its rows go to %s, and not to %.100s: start the program, which applies "
        "them; or have those that it keeps in a database of their own (weir replay "
        "--into NEW %s)",
        r->place->directory, first.name, r->place->database,
        weir_shell_quote(r->place->directory, 140).text);
}

/* The library would refuse damage too, but only after SQLite has opened or created the database. So
 * look first: then a refusal changes nothing. */
static int recover_after_look(recovery *r, weir_error *error) {
    int status = look(r, error);
    if (status != WEIR_OK) return weir_report_error(r->arguments, error);
    bool goes_on = may_open(r) || may_pass_gap(r);
    if (goes_on) status = check_is_sqlites(r, error);
    if (goes_on && status == WEIR_OK)
        status = weir_view_check_owner(&r->before, r->arguments, r->place, error);
    if (goes_on && status == WEIR_OK) status = pass_gap(r, error);
    goes_on = may_open(r) || (r->arguments->dry_run && may_pass_gap(r));
    int code;
    if (status != WEIR_OK)
        code = weir_report_error(r->arguments, error);
    else if (!goes_on)
        code = weir_report_refusal(r->arguments, &r->before.inventory);
    else
        code = r->arguments->dry_run ? rehearse_recovery(r, error) : recover_and_report(r, error);
    weir_view_free(&r->before);
    return code;
}

int weir_run_recover(const weir_arguments *arguments, const weir_place *place) {
    recovery r = {.arguments = arguments, .place = place, .first_missing = 1};
    weir_error error = {0};
    if (weir_place_check_owner(place, &error) != WEIR_OK)
        return weir_report_error(arguments, &error);
    if (place->journal_is_there) return recover_after_look(&r, &error);
    int code = recover_nothing(&r, &error);
    return arguments->dry_run ? code : weir_check_database(arguments, place->database, code);
}
