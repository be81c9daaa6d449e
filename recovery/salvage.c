/* salvage: recovery that goes on after rot, because a person said so. Every readable row is
 * applied, every lost one is named, and nothing is deleted: damaged segments get a name that says
 * why, and sound ones go to the archive. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/handle.h"
#include "../writer/sqlite_sink.h"
#include "apply.h"
#include "exits.h"
#include "patience.h"
#include "report.h"
#include "verbs.h"

typedef struct salvaging {
    const weir_arguments *arguments;
    const weir_place *place;
    weir_view before;
    weir_applied applied;
} salvaging;

static void on_event(void *context, weir_event event, const char *text) {
    (void)context;
    (void)event;
    weir_report_note("%s", text);
}

/* A ring whose header fails would be replaced by opening: keep it. */
static int set_ring_aside(const salvaging *s, weir_error *error) {
    char *aside;
    if (s->before.ring.found != WEIR_RING_UNREADABLE) return WEIR_OK;
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

/* All that is durable, now that opening has drained the ring; then nobody needs the old
 * segments. */
static int apply_and_release(salvaging *s, weir *w, weir_sink *sink, weir_error *error) {
    weir_journal *journal = weir_handle_journal(w);
    weir_apply_input input = {
        .os = weir_handle_os(w),
        .locator = weir_journal_locator(journal),
        .journal = weir_journal_id(journal),
        .start = weir_handle_start(w),
        .sink = sink,
        .skip_damage = true,
        .limits = {.last_block = UINT64_MAX, .last_row = UINT64_MAX, .last_wall_ns = INT64_MAX},
        .wait_s = s->arguments->wait_s,
    };
    weir_journal_state state;
    weir_journal_get_state(journal, &state);
    int status = weir_apply_all(&input, &s->applied, error);
    if (status != WEIR_OK || s->applied.safe_block < s->applied.position.block) return status;
    /* What stands between the last row and the durable end has no rows. */
    return weir_journal_release(journal, state.durable.block, error);
}

static int read_positions(void *self, weir_position **positions, size_t *count, weir_error *error) {
    return weir_sqlite_positions(self, positions, count, error);
}

static int open_handle(const salvaging *s, weir_sink *sink, weir **w, weir_error *error) {
    weir_handle_config config = {
        .options = {.lane_bytes = WEIR_TOOL_LANE_BYTES,
                    .lanes_max = WEIR_TOOL_LANES,
                    .segment_bytes = WEIR_TOOL_SEGMENT_BYTES,
                    .archive = 1,
                    .open_timeout_ms = weir_patience_ms(s->arguments->wait_s),
                    .on_event = on_event},
        .directory = s->place->directory,
        .os = weir_os_posix(),
        .read_positions = read_positions,
        .positions_self = sink,
        .salvage = true,
    };
    weir_options_fill(&config.options);
    return weir_handle_open(&config, w, error);
}

static int salvage(salvaging *s, weir_error *error) {
    weir_sqlite_config config = {.path = s->place->database,
                                 .busy_timeout_ms = weir_patience_ms(s->arguments->wait_s)};
    weir_sink sink;
    weir *w;
    int status = set_ring_aside(s, error);
    if (status == WEIR_OK) status = weir_sqlite_sink_open(&config, &sink, NULL, error);
    if (status != WEIR_OK) return status;
    status = open_handle(s, &sink, &w, error);
    if (status == WEIR_OK) {
        status = apply_and_release(s, w, &sink, error);
        int closed = weir_close(w);
        if (status == WEIR_OK && closed < 0)
            status = weir_fail(error, closed, "%s", weir_last_error());
    }
    sink.close(sink.self);
    return status;
}

static int look(const salvaging *s, weir_view *view, weir_error *error) {
    weir_view_input input = {.os = weir_os_posix(),
                             .place = s->place,
                             .database = s->place->database,
                             .verify_all = true};
    return weir_view_take(&input, view, error);
}

/* What is left when all is done decides the exit code. */
static int look_again(const salvaging *s, weir_error *error) {
    weir_view after;
    if (look(s, &after, error) != WEIR_OK) return weir_report_error(s->arguments, error);
    weir_verdict verdict = after.inventory.verdict;
    int code = weir_verdict_refuses(verdict)
                   ? weir_report_refusal(s->arguments, &after.inventory)
                   : (s->applied.rows || s->before.inventory.damage_count ? WEIR_EXIT_RECOVERED
                                                                          : WEIR_EXIT_CLEAN);
    weir_view_free(&after);
    return code;
}

static int salvage_after_look(salvaging *s, weir_error *error) {
    const weir_inventory *i = &s->before.inventory;
    int verdict = weir_verdict_status(i->verdict);
    if (verdict != WEIR_OK && verdict != WEIR_DAMAGED) return weir_report_refusal(s->arguments, i);
    weir_report_damages(s->arguments, i);
    int status = salvage(s, error);
    weir_report_applied(s->arguments, "salvaged", s->place->database, &s->applied,
                        weir_lost_rows(i));
    return status == WEIR_OK ? look_again(s, error) : weir_report_error(s->arguments, error);
}

static int check(const salvaging *s, weir_error *error) {
    char who[WEIR_HOLDER_TEXT];
    weir_holder holder = weir_place_holder(s->place, weir_os_posix());
    if (!s->place->journal_is_there)
        return weir_fail(error, WEIR_NOT_FOUND, "there is no journal at %s", s->place->directory);
    if (!s->place->database)
        return weir_fail(error, WEIR_MISUSE,
                         "%s does not tell whose journal it is: weir-recover salvage DATABASE "
                         "--journal %s",
                         s->place->directory, s->place->directory);
    if (holder.is_there)
        return weir_fail(error, WEIR_LOCKED, "%s is open in %s", s->place->directory,
                         weir_holder_text(holder, who));
    return WEIR_OK;
}

int weir_run_salvage(const weir_arguments *arguments, const weir_place *place) {
    salvaging s = {.arguments = arguments, .place = place};
    weir_error error = {0};
    int status = check(&s, &error);
    if (status == WEIR_OK) status = look(&s, &s.before, &error);
    if (status != WEIR_OK) return weir_report_error(arguments, &error);
    int code = salvage_after_look(&s, &error);
    weir_view_free(&s.before);
    return code;
}
