/* rebuild.c - the verb replay: apply a journal, its archive included, to a database that is not its
 * own: a new one, or one that an earlier replay has begun to fill; or to a server. The journal is only
 * read. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/base/shell_word.h"
#include "../lib/verify/verdict_text.h"
#include "../writer/sqlite/sqlite_sink.h"
#include "apply.h"
#include "check_database.h"
#include "exits.h"
#include "extensions.h"
#include "json.h"
#include "loss.h"
#include "patience.h"
#include "rebuild.h"
#include "rehearse.h"
#include "report.h"
#include "server.h"
#include "verbs.h"

typedef struct rebuilding {
    const weir_arguments *arguments;
    const weir_place *place;
    weir_archive archive;
    weir_view view;      /* of the journal, with the positions of the database to fill */
    const char *filled;  /* the database whose positions count: into, but in a rehearsal */
    weir_unread *unread; /* gets what cannot be read; or NULL */
    weir_server *server; /* that is filled in place of a database; or NULL */
    const char *into;    /* the name of what is filled, for people */
} rebuilding;

/* The database to fill must not be in use, and not be the journal's own, for which there is plain
 * recovery. */
static int check_into(const rebuilding *r, weir_error *error) {
    const char *into = r->arguments->into;
    weir_place other;
    weir_error ignored;
    char who[WEIR_HOLDER_TEXT];
    weir_holder holder = {0};
    int found = weir_place_find(r->place->os, into, NULL, &other, &ignored);
    if (found == WEIR_OK) holder = weir_handle_holder(other.os, other.directory);
    int status = WEIR_OK;
    if (found == WEIR_OK && !other.database)
        status = weir_fail(error, WEIR_MISUSE, "%s is a directory: name a database file", into);
    else if (holder.is_there)
        status =
            weir_fail(error, WEIR_LOCKED, "%s is open in %s", into, weir_holder_text(holder, who));
    else if (found == WEIR_OK && strcmp(other.directory, r->place->directory) == 0)
        status = weir_fail(error, WEIR_MISUSE,
                           "%s is the journal's own database: use plain recovery (weir-recover %s)",
                           into, weir_shell_quote(into, 200).text);
    else if (found != WEIR_OK && found != WEIR_NOT_FOUND)
        status = weir_fail(error, found, "%s", ignored.text);
    weir_place_free(&other);
    return status;
}

static uint64_t rows_in_ring(const rebuilding *r) {
    return r->view.ring.rows + r->view.ring.recorded;
}

/* --until leaves the ring out: blocks have times, and rows in a ring have none. A server gets no row
 * that opening may still give another block: after a power cut that would be another history. */
static bool takes_ring(const rebuilding *r) {
    return rows_in_ring(r) > 0 && !r->view.holder.is_there && !r->server &&
           r->arguments->until_ns == INT64_MAX;
}

/* An earlier replay went past the journal's end, into the ring: nothing is missing. */
static bool is_in_the_ring(const rebuilding *r) {
    const weir_inventory *i = &r->view.inventory;
    const weir_ring_report *ring = &r->view.ring;
    uint64_t before = weir_inspection_row_before_ring(i, ring->has_mark ? &ring->mark : NULL);
    return i->verdict == WEIR_VERDICT_JOURNAL_BEHIND && takes_ring(r) &&
           i->position.row <= before + rows_in_ring(r);
}

static bool may_go_on(const rebuilding *r) {
    weir_verdict verdict = r->view.inventory.verdict;
    if (!weir_verdict_refuses(verdict)) return true;
    if (is_in_the_ring(r)) return true;
    /* A ring without readable rows is not replayed: its damage is no reason to stop. */
    if (verdict == WEIR_VERDICT_FOREIGN_RING || verdict == WEIR_VERDICT_DAMAGED_RING) return true;
    return r->arguments->skip_damage &&
           (verdict == WEIR_VERDICT_ROT || verdict == WEIR_VERDICT_DATABASE_BEHIND ||
            verdict == WEIR_VERDICT_CUT_RING);
}

/* A journal that is not in use is replayed to its end, as opening it would do; one in use, to its
 * durable mark; into a server, to the highest mark that its own headers have, since opening may write
 * the blocks after that anew. */
static weir_replay_limits limits_of(const rebuilding *r) {
    const weir_inventory *i = &r->view.inventory;
    uint64_t last = r->view.holder.is_there ? i->durable.block : i->end.block;
    return (weir_replay_limits){
        .last_block = r->server ? i->vouched : last,
        .last_row = r->arguments->to,
        .last_wall_ns = r->arguments->until_ns,
    };
}

static int apply_to(const rebuilding *r, weir_sink *sink, weir_applied *applied,
                    weir_error *error) {
    const weir_inventory *i = &r->view.inventory;
    const weir_apply_input input = {
        .os = &r->archive.os,
        .locator = weir_inventory_locator(i),
        .journal = i->journal,
        .start = i->position,
        .sink = sink,
        .at_damage =
            r->arguments->skip_damage ? WEIR_REPLAY_SKIP_DAMAGE : WEIR_REPLAY_STOP_AT_DAMAGE,
        .limits = limits_of(r),
        .ring = takes_ring(r) ? &r->view : NULL,
        .place = r->place,
        .wait_s = r->arguments->wait_s,
        .rows_expected = i->next_row > i->position.row ? i->next_row - 1 - i->position.row : 0};
    return weir_apply_all(&input, applied, error);
}

static int fill_from_journal(const rebuilding *r, weir_applied *applied, weir_error *error) {
    weir_sqlite_config config = {.path = r->arguments->into,
                                 .busy_timeout_ms = weir_patience_ms(r->arguments->wait_s),
                                 .program = weir_extensions_options(r->arguments),
                                 .os = r->place->os};
    weir_sink sink;
    int status = weir_sqlite_sink_open(&config, &sink, NULL, error);
    if (status != WEIR_OK) return status;
    status = apply_to(r, &sink, applied, error);
    /* This is not the database that the journal feeds: it is never to be missed there. */
    if (status == WEIR_OK && sink.rest) (void)sink.rest(sink.self, &applied->position, NULL);
    sink.close(sink.self);
    int noted = weir_losses_record(r->arguments->into, r->view.inventory.journal, &applied->passed,
                                   r->arguments->wait_s, status == WEIR_OK ? error : NULL);
    return status == WEIR_OK ? noted : status;
}

/* What is vouched for by a block that is not on the disk yet may be vouched for no more after a power cut.
 * Those in the archive are on the disk. */
static int sync_newest(const rebuilding *r, weir_error *error) {
    const weir_inventory *i = &r->view.inventory;
    const weir_os *os = r->place->os;
    for (size_t s = 0; s < i->segment_count; s++) {
        const char *path = i->segments[s].path;
        int file = os->open(os->self, WEIR_OS_CWD, path, WEIR_OS_READ);
        if (file == -ENOENT) continue; /* it was archived, or is shown here from the archive */
        int result = file < 0 ? file : os->datasync(os->self, file);
        if (file >= 0) (void)os->close(os->self, file); /* only read */
        if (result < 0) return weir_fail_os(error, result, "cannot sync %s", path);
    }
    return WEIR_OK;
}

/* A server has no table of losses: what it does not get is said here. */
static int fill_server(const rebuilding *r, weir_applied *applied, weir_error *error) {
    int status = sync_newest(r, error);
    if (status == WEIR_OK) status = apply_to(r, &r->server->sink, applied, error);
    for (size_t i = 0; i < applied->passed.count; i++)
        weir_report_note("rows %llu to %llu are left out: %s",
                         (unsigned long long)applied->passed.list[i].first_row,
                         (unsigned long long)applied->passed.list[i].last_row,
                         applied->passed.list[i].why);
    return status;
}

/* Damages were reported before. These rows are there, and were left out on request. */
static void note_late(const rebuilding *r, const weir_applied *applied) {
    if (applied->late)
        weir_report_note(
            "%llu rows were written after the moment, but come before others that were "
            "not (a clock was wrong): they are left out, and no later replay into this "
            "%s applies them%s",
            (unsigned long long)applied->late, r->server ? "server" : "file",
            r->server ? "" : "; the table weir_loss names them");
}

static void note_ring(const rebuilding *r, const weir_applied *applied) {
    if (applied->from_ring)
        weir_report_note("%llu of the rows are in the ring of a dead process, and still wait there",
                         (unsigned long long)applied->from_ring);
    if (rows_in_ring(r) > 0 && !r->view.holder.is_there && !takes_ring(r) && !r->server)
        weir_report_note("%llu rows wait in the ring of a dead process; they have no times, so "
                         "they are not replayed",
                         (unsigned long long)rows_in_ring(r));
}

/* Rows after the position in blocks that no header calls durable. */
static uint64_t rows_not_vouched_for(const weir_inventory *i, uint64_t applied) {
    uint64_t rows = 0;
    for (size_t e = 0; e < i->extent_count; e++) {
        const weir_extent *x = &i->extents[e];
        uint64_t first = x->first_row > applied ? x->first_row : applied + 1;
        if (x->last_block > i->vouched && x->next_row > first) rows += x->next_row - first;
    }
    return rows;
}

/* A program that has the journal open makes them durable, and goes on. Without an archive a journal lets
 * go of what its own database has. */
static void note_left(const rebuilding *r, const weir_applied *applied) {
    const weir_arguments *a = r->arguments;
    bool bounded = a->to != UINT64_MAX || a->until_ns != INT64_MAX;
    uint64_t blocks = rows_not_vouched_for(&r->view.inventory, applied->position.row);
    unsigned long long left = rows_in_ring(r) + blocks, ring = rows_in_ring(r);
    if (r->view.holder.is_there || bounded || !left) return;
    if (a->json) {
        weir_json json = weir_json_begin(stdout, "left");
        weir_json_uint(&json, "rows", left);
        weir_json_uint(&json, "in_ring", ring);
        weir_json_end(&json);
    }
    weir_report_note(
        "%llu rows stay in the journal (%llu of them in the ring of a dead process): a "
        "server gets only what a durable mark vouches for",
        left, ring);
    if (r->place->archives && r->place->database_is_there)
        weir_report_note(
            "open it by its program, or recover it (weir-recover %s), and replay again",
            r->place->database);
    else
        weir_report_note(
            "open it by its program with the server attached, or with archive set, and "
            "replay again");
}

/* A journal keeps a row until its own database has it; only an archive has them all. */
static int refuse_gap(const rebuilding *r, weir_error *error) {
    const weir_place *place = r->place;
    uint64_t first, last;
    weir_findings_gone(&r->view.inventory, &first, &last);
    bool beside =
        place->database_is_there && (r->server || strcmp(place->database, r->arguments->into) != 0);
    (void)weir_fail(error, WEIR_FOREIGN,
                    "%.120s: rows %llu to %llu have left the journal, which keeps a row until its "
                    "database has it, unless archive is set; they may be in %.120s; to fill %.100s "
                    "with what is left, add --skip-damage",
                    place->directory, (unsigned long long)first, (unsigned long long)last,
                    beside ? place->database : "that database", r->into);
    return weir_report_error(r->arguments, error);
}

static int rehearse_rebuilding(const rebuilding *r, weir_applied *applied, uint64_t lost,
                               weir_error *error) {
    bool skips = r->arguments->skip_damage;
    int status = weir_rehearse(r->arguments, &r->archive.os, r->place, &r->view, takes_ring(r),
                               skips ? WEIR_REPLAY_SKIP_DAMAGE : WEIR_REPLAY_STOP_AT_DAMAGE,
                               limits_of(r), applied, error);
    weir_report_rehearsal(r->arguments, r->into, applied, lost,
                          r->view.inventory.verdict == WEIR_VERDICT_CUT_RING);
    return status;
}

static int rebuild(rebuilding *r, weir_error *error) {
    weir_applied applied = {.position = r->view.inventory.position};
    const weir_inventory *i = &r->view.inventory;
    if (!may_go_on(r) && i->verdict == WEIR_VERDICT_DATABASE_BEHIND) return refuse_gap(r, error);
    if (!may_go_on(r)) return weir_report_refusal(r->arguments, i);
    bool whole = is_in_the_ring(r);
    if (!whole) weir_report_damages(r->arguments, i);
    uint64_t lost = whole ? 0 : weir_lost_rows(i);
    int status;
    if (r->arguments->dry_run)
        status = rehearse_rebuilding(r, &applied, lost, error);
    else
        status =
            r->server ? fill_server(r, &applied, error) : fill_from_journal(r, &applied, error);
    note_ring(r, &applied);
    note_late(r, &applied);
    if (r->server && status == WEIR_OK) note_left(r, &applied);
    if (!r->arguments->dry_run)
        weir_report_applied(r->arguments, "replayed", r->into, &applied, lost);
    weir_losses_free(&applied.passed);
    if (status != WEIR_OK) return weir_report_error(r->arguments, error);
    if (lost || (!whole && i->damage_count) || i->verdict == WEIR_VERDICT_CUT_RING)
        return WEIR_EXIT_DAMAGE;
    return applied.rows ? WEIR_EXIT_RECOVERED : WEIR_EXIT_CLEAN;
}

static int look_and_rebuild(rebuilding *r, weir_error *error) {
    weir_view_input input = {.os = &r->archive.os,
                             .place = r->place,
                             .database = r->server ? NULL : r->filled,
                             .server = r->server,
                             .verify_all = true};
    int status =
        r->server ? weir_server_check_alone(r->place, r->server, error) : check_into(r, error);
    if (status == WEIR_OK) status = weir_view_take(&input, &r->view, error);
    if (status != WEIR_OK) return weir_report_error(r->arguments, error);
    if (r->unread) weir_unread_add_view(r->unread, &r->view);
    int code = rebuild(r, error);
    weir_view_free(&r->view);
    return code;
}

static int rebuild_in(rebuilding *r) {
    weir_error error = {0};
    const weir_place *place = r->place;
    if (!place->journal_is_there)
        (void)weir_fail(&error, WEIR_NOT_FOUND, "there is no journal at %s", place->directory);
    else if (weir_archive_open(place->os, place->directory, &r->archive) != WEIR_OK)
        (void)weir_fail(&error, WEIR_NO_MEMORY, "no memory to read %s", place->directory);
    if (error.status != WEIR_OK) return weir_report_error(r->arguments, &error);
    int code = look_and_rebuild(r, &error);
    weir_archive_close(&r->archive);
    return code;
}

int weir_rebuild(const weir_arguments *arguments, const weir_place *place, const char *filled,
                 weir_unread *unread) {
    rebuilding r = {.arguments = arguments,
                    .place = place,
                    .filled = filled,
                    .unread = unread,
                    .into = arguments->into};
    int code = rebuild_in(&r);
    return arguments->dry_run || !place->journal_is_there
               ? code
               : weir_check_database(arguments, arguments->into, code);
}

static int rebuild_server(const weir_arguments *arguments, const weir_place *place) {
    weir_error error = {0};
    weir_server server;
    rebuilding r = {.arguments = arguments, .place = place, .server = &server};
    int status = weir_server_open(arguments->into, arguments, place->os, &server, &error);
    r.into = server.name;
    int code = status == WEIR_OK ? rebuild_in(&r) : weir_report_error(arguments, &error);
    weir_server_close(&server);
    return code;
}

int weir_run_replay(const weir_arguments *arguments, const weir_place *place) {
    return weir_is_server(arguments->into) ? rebuild_server(arguments, place)
                                           : weir_rebuild(arguments, place, arguments->into, NULL);
}
