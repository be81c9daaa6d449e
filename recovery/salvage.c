/* salvage.c - the verb salvage: recovery that goes on after corruption, because the user said so.
 * Every readable row is applied; every lost row is reported, and recorded in the database. Nothing
 * is deleted: damaged segments get a name that says why, and sound ones go to the archive. Without
 * damage it is plain recovery. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/handle/handle.h"
#include "../writer/sqlite/sqlite_sink.h"
#include "apply.h"
#include "check_database.h"
#include "exits.h"
#include "extensions.h"
#include "loss.h"
#include "patience.h"
#include "rehearse.h"
#include "report.h"
#include "salvage_to.h"
#include "undo.h"
#include "verbs.h"

typedef struct salvaging {
    const weir_arguments *arguments;
    const weir_place *place;
    weir_view before;
    weir_losses losses;
    weir_applied applied;
} salvaging;

/* Each damage has been reported, with what salvage makes of it. An opening's text about the same
 * damage would advise the verb that one is in. */
static void on_salvage_event(void *context, weir_event event, const char *text) {
    const salvaging *s = context;
    const weir_inventory *i = &s->before.inventory;
    bool reported =
        event == WEIR_EVENT_DAMAGE && i->damage_count && strstr(text, i->damages[0].why);
    if (!reported) weir_report_event(s->arguments, event, text);
}

/* Keep a ring whose header is damaged: opening the journal would replace it. */
static int set_ring_aside(const salvaging *s, weir_error *error) {
    char *aside;
    if (s->before.inventory.found.ring != WEIR_RING_UNREADABLE) return WEIR_OK;
    if (asprintf(&aside, "%s/damaged-header-ring", s->place->directory) < 0)
        return weir_fail(error, WEIR_NO_MEMORY, "no memory for a path");
    int status = WEIR_OK;
    if (renameat2(AT_FDCWD, s->place->ring, AT_FDCWD, aside, RENAME_NOREPLACE) != 0)
        status =
            weir_fail_os(error, -(int64_t)errno, "cannot rename %s to %s", s->place->ring, aside);
    else
        weir_report_note("set aside: %s", aside);
    free(aside);
    return status;
}

/* Apply all that is durable, now that opening has drained the ring. After that the old segments are
 * not needed. */
static int apply_and_release(salvaging *s, weir *w, weir_sink *sink, weir_error *error) {
    weir_journal *journal = weir_handle_journal(w);
    weir_apply_input input = {
        .os = weir_handle_os(w),
        .locator = weir_journal_locator(journal),
        .journal = weir_journal_id(journal),
        .start = weir_handle_start(weir_handle_primary(w)),
        .sink = sink,
        .at_damage = WEIR_REPLAY_SKIP_DAMAGE,
        .settle = true, /* so blocks without rows are released too */
        .limits = {.last_block = UINT64_MAX, .last_row = UINT64_MAX, .last_wall_ns = INT64_MAX},
        .wait_s = s->arguments->wait_s,
    };
    int status = weir_apply_all(&input, &s->applied, error);
    return status == WEIR_OK ? weir_journal_release(journal, s->applied.safe_block, error) : status;
}

static int read_salvage_positions(void *self, weir_position **positions, size_t *count,
                                  weir_error *error) {
    return weir_sqlite_positions(self, positions, count, error);
}

static int open_for_salvage(salvaging *s, weir_sink *sink, weir **w, weir_error *error) {
    weir_handle_config config = {
        .options = {.lane_bytes = WEIR_TOOL_LANE_BYTES,
                    .lanes_max = WEIR_TOOL_LANES,
                    .segment_bytes = WEIR_TOOL_SEGMENT_BYTES,
                    .archive = 1,
                    .open_timeout_ms = weir_patience_ms(s->arguments->wait_s),
                    .on_event = on_salvage_event,
                    .event_context = s},
        .directory = s->place->directory,
        .os = s->place->os,
        .read_positions = read_salvage_positions,
        .positions_self = sink,
        .salvage = true,
    };
    weir_options_fill(&config.options);
    return weir_handle_open(&config, w, error);
}

static int record_losses(const salvaging *s, weir_error *error) {
    const weir_inventory *i = &s->before.inventory;
    bool none = i->found.journal != WEIR_JOURNAL_PRESENT;
    return weir_losses_keep(s->place, none ? s->before.ring.header.journal : i->journal, &s->losses,
                            s->arguments->wait_s, error);
}

static int salvage(salvaging *s, weir_error *error) {
    weir_sqlite_config config = {.path = s->place->database,
                                 .busy_timeout_ms = weir_patience_ms(s->arguments->wait_s),
                                 .program = weir_extensions_options(s->arguments),
                                 .os = s->place->os};
    weir_sink sink;
    weir *w;
    int status = weir_sqlite_sink_open(&config, &sink, NULL, error);
    if (status != WEIR_OK) return status;
    status = record_losses(s, error);
    if (status == WEIR_OK) status = set_ring_aside(s, error);
    if (status == WEIR_OK) status = open_for_salvage(s, &sink, &w, error);
    if (status == WEIR_OK) {
        status = apply_and_release(s, w, &sink, error);
        int closed = weir_close(w);
        if (status == WEIR_OK && closed < 0)
            status = weir_fail(error, closed, "%s", weir_last_error());
    }
    sink.close(sink.self);
    return status;
}

static int look_before_salvage(const salvaging *s, weir_view *view, weir_error *error) {
    weir_view_input input = {
        .os = s->place->os, .place = s->place, .database = s->place->database, .verify_all = true};
    return weir_view_take(&input, view, error);
}

/* What the database has, or is told to go without, a sink may lack. */
static void note_sinks(const weir_sink_views *sinks) {
    char text[WEIR_SINK_TROUBLE];
    for (size_t i = 0; i < sinks->count; i++)
        if (weir_sink_trouble(&sinks->list[i], text)[0]) weir_report_note("the sink %s", text);
}

/* What is left at the end decides the exit code. */
static int look_again(const salvaging *s, weir_error *error) {
    weir_view after;
    if (look_before_salvage(s, &after, error) != WEIR_OK)
        return weir_report_error(s->arguments, error);
    int code = s->applied.rows ? WEIR_EXIT_RECOVERED : WEIR_EXIT_CLEAN;
    if (s->losses.count) code = WEIR_EXIT_DAMAGE;
    if (weir_verdict_refuses(after.inventory.verdict))
        code = weir_report_refusal(s->arguments, &after.inventory);
    note_sinks(&after.sinks);
    weir_view_free(&after);
    return code;
}

/* Opening refuses these, damaged or not; so nothing is noted as lost for them, or set aside. */
static int check_can_follow(const weir_inventory *i, const weir_place *place, weir_error *error) {
    const char *way = "with --to NEW all that can be read goes into a new file";
    if (i->found.spent && i->verdict != WEIR_VERDICT_SPENT)
        return weir_fail(error, WEIR_DAMAGED, "%s: it is damaged, and %s; %s", place->directory,
                         weir_verdict_text(WEIR_VERDICT_SPENT), way);
    if (i->read_only)
        return weir_fail(
            error, WEIR_VERSION,
            "%s: it is damaged, and a newer version wrote it: salvage with that one; %s",
            place->directory, way);
    return WEIR_OK;
}

static bool loses_unknown_rows(const weir_losses *losses) {
    for (size_t i = 0; i < losses->count; i++)
        if (losses->list[i].first_row == 0) return true;
    return false;
}

/* An older copy stays one: what it holds is in the database, and salvage ends refusing it. */
static bool stays_behind(const weir_inventory *i) {
    uint64_t next = i->extent_count ? i->extents[i->extent_count - 1].next_row : 1;
    return i->position.row >= next && i->found.position == WEIR_POSITION_BEYOND;
}

/* The numbers of rows that can be read do not tell of these. */
static void report_unknown_rows(const salvaging *s) {
    for (size_t i = 0; i < s->losses.count; i++)
        if (s->losses.list[i].first_row == 0)
            weir_report_note("%s: it is unknown which rows are lost: %s (table weir_loss)",
                             s->place->database, s->losses.list[i].why);
}

static int rehearse_salvage(salvaging *s, weir_error *error) {
    const weir_inventory *i = &s->before.inventory;
    int status = weir_rehearse_salvage(s->place->os, s->place, &s->before, &s->applied, error);
    weir_report_rehearsal(s->arguments, s->place->database, &s->applied, weir_lost_rows(i),
                          loses_unknown_rows(&s->losses));
    if (status != WEIR_OK) return weir_report_error(s->arguments, error);
    if (s->losses.count || stays_behind(i)) return WEIR_EXIT_DAMAGE;
    return s->applied.rows ? WEIR_EXIT_RECOVERED : WEIR_EXIT_CLEAN;
}

static int salvage_after_look(salvaging *s, weir_error *error) {
    const weir_inventory *i = &s->before.inventory;
    bool spent = i->verdict == WEIR_VERDICT_SPENT; /* and nothing else */
    if (spent || weir_verdict_status(i->verdict) != WEIR_DAMAGED)
        return weir_report_refusal(s->arguments, i);
    if (check_can_follow(i, s->place, error) != WEIR_OK)
        return weir_report_error(s->arguments, error);
    weir_report_damages(s->arguments, i);
    if (weir_losses_of(&s->before, &s->losses) != WEIR_OK) {
        (void)weir_fail(error, WEIR_NO_MEMORY, "no memory for the list of lost rows");
        return weir_report_error(s->arguments, error);
    }
    if (s->arguments->dry_run) return rehearse_salvage(s, error);
    int status = salvage(s, error);
    weir_report_applied(s->arguments, "salvaged", s->place->database, &s->applied,
                        weir_lost_rows(i));
    if (status == WEIR_OK) report_unknown_rows(s);
    int code = status == WEIR_OK ? look_again(s, error) : weir_report_error(s->arguments, error);
    return weir_check_database(s->arguments, s->place->database, code);
}

static int check_salvage(const salvaging *s, weir_error *error) {
    if (!s->place->journal_is_there)
        return weir_fail(error, WEIR_NOT_FOUND, "there is no journal at %s", s->place->directory);
    return weir_place_check_owner(s->place, error);
}

int weir_run_salvage(const weir_arguments *arguments, const weir_place *place) {
    if (arguments->save_to) return weir_run_salvage_to(arguments, place);
    if (arguments->undo) return weir_run_undo(arguments, place);
    salvaging s = {.arguments = arguments, .place = place};
    weir_error error = {0};
    int status = check_salvage(&s, &error);
    if (status == WEIR_OK) status = look_before_salvage(&s, &s.before, &error);
    if (status != WEIR_OK) return weir_report_error(arguments, &error);
    if (weir_view_check_owner(&s.before, arguments, place, &error) != WEIR_OK) {
        weir_view_free(&s.before);
        return weir_report_error(arguments, &error);
    }
    weir_verdict verdict = s.before.inventory.verdict;
    bool damaged = weir_verdict_refuses(verdict) && verdict != WEIR_VERDICT_DATABASE_MISSING;
    int code = damaged ? salvage_after_look(&s, &error) : WEIR_EXIT_CLEAN;
    weir_losses_free(&s.losses);
    weir_losses_free(&s.applied.passed);
    weir_view_free(&s.before);
    if (damaged) return code;
    weir_report_note("%s: nothing is damaged, so there is nothing to salvage", place->directory);
    return weir_run_recover(arguments, place);
}
