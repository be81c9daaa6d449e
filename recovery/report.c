/* report.c - what was found, as words or as JSON objects. */
#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "../lib/stats/event_names.h"
#include "../lib/verify/verdict_text.h"
#include "exits.h"
#include "json.h"
#include "loss_words.h"
#include "readers.h"
#include "remedy.h"
#include "sink_words.h"
#include "summary.h"

static int exit_of_status(int status) {
    switch (status) {
    case WEIR_OK: return WEIR_EXIT_CLEAN;
    case WEIR_DAMAGED:
    case WEIR_FOREIGN: return WEIR_EXIT_DAMAGE;
    default: return WEIR_EXIT_FAILED;
    }
}

int weir_exit_of_verdict(weir_verdict verdict) {
    if (!weir_verdict_refuses(verdict)) return WEIR_EXIT_CLEAN;
    return exit_of_status(weir_verdict_status(verdict));
}

int weir_report_error(const weir_arguments *arguments, const weir_error *error) {
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, error->text);
    if (arguments->json) {
        weir_json json = weir_json_begin(stdout, "error");
        weir_json_text(&json, "status", weir_status_name(error->status));
        weir_json_text(&json, "text", error->text);
        weir_json_end(&json);
    }
    return exit_of_status(error->status);
}

void weir_report_note(const char *format, ...) {
    va_list list;
    fprintf(stderr, "%s: ", program_invocation_short_name);
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
}

void weir_report_event(const weir_arguments *arguments, weir_event event, const char *text) {
    weir_report_note("%s", text);
    bool said_at_the_end = event == WEIR_EVENT_RECOVERED || event == WEIR_EVENT_TORN_TAIL;
    if (!arguments->json || said_at_the_end) return;
    flockfile(stdout); /* a line is whole, whichever thread writes the next one */
    weir_json json = weir_json_begin(stdout, "event");
    weir_json_text(&json, "event", weir_event_name((unsigned)event));
    weir_json_text(&json, "text", text);
    weir_json_end(&json);
    funlockfile(stdout);
}

static const char *database_name(weir_database_state state) {
    static const char *const names[] = {[WEIR_DATABASE_ABSENT] = "absent",
                                        [WEIR_DATABASE_READ] = "present",
                                        [WEIR_DATABASE_UNREADABLE] = "unreadable"};
    return names[state];
}

/* ---- damages ---- */

static void json_damage(const weir_arguments *arguments, const weir_inventory *inventory,
                        const weir_damage *d) {
    char remedy[WEIR_REMEDY_TEXT];
    weir_json json = weir_json_begin(stdout, "damage");
    weir_json_text(&json, "path", d->path);
    weir_json_uint(&json, "segment", d->segment);
    weir_json_uint(&json, "offset", d->offset);
    weir_json_uint(&json, "first_block", d->first_block);
    weir_json_uint(&json, "last_block", d->last_block);
    weir_json_uint(&json, "first_row", d->first_row);
    weir_json_uint(&json, "last_row", d->last_row);
    weir_json_uint(&json, "rows_lost", weir_findings_lost(inventory, d));
    weir_json_bool(&json, "rows_unknown", d->rows_unknown);
    weir_json_text(&json, "why", d->why);
    weir_json_text(&json, "next", weir_remedy_of_damage(arguments, inventory, d, remedy));
    weir_json_end(&json);
}

static void word_damage(const weir_arguments *arguments, const weir_inventory *inventory,
                        const weir_damage *d) {
    char rows[WEIR_ROWS_TEXT], remedy[WEIR_REMEDY_TEXT];
    printf("damage: %s", d->path ? d->path : "segment");
    if (!d->path) printf(" %" PRIu64 " (missing)", d->segment);
    printf(" at byte %" PRIu64, d->offset);
    if (d->first_block && d->first_block == d->last_block)
        printf(", block %" PRIu64, d->first_block);
    else if (d->first_block)
        printf(", blocks %" PRIu64 " to %" PRIu64, d->first_block, d->last_block);
    printf(": %s; %s; %s\n", d->why, weir_findings_rows(inventory, d, rows),
           weir_remedy_of_damage(arguments, inventory, d, remedy));
}

/* Reported like a damage, but without a file. */
static weir_damage gone_rows(const weir_inventory *inventory) {
    weir_damage gone = {.why = "they left the journal, which keeps a row until a database has it"};
    weir_findings_gone(inventory, &gone.first_row, &gone.last_row);
    return gone;
}

static void report_gone(const weir_arguments *arguments, const weir_inventory *inventory) {
    weir_damage gone = gone_rows(inventory);
    if (gone.last_row < gone.first_row) return;
    if (arguments->json)
        json_damage(arguments, inventory, &gone);
    else
        printf("missing: rows %" PRIu64 " to %" PRIu64 ": %s\n", gone.first_row, gone.last_row,
               gone.why);
}

void weir_report_damages(const weir_arguments *arguments, const weir_inventory *inventory) {
    report_gone(arguments, inventory);
    for (size_t i = 0; i < inventory->damage_count; i++) {
        if (arguments->json)
            json_damage(arguments, inventory, &inventory->damages[i]);
        else
            word_damage(arguments, inventory, &inventory->damages[i]);
    }
}

uint64_t weir_lost_rows(const weir_inventory *inventory) {
    weir_damage gone = gone_rows(inventory);
    uint64_t lost = weir_findings_lost(inventory, &gone);
    for (size_t i = 0; i < inventory->damage_count; i++)
        lost += weir_findings_lost(inventory, &inventory->damages[i]);
    return lost;
}

int weir_report_refusal(const weir_arguments *arguments, const weir_inventory *inventory) {
    weir_report_damages(arguments, inventory);
    weir_error error = {.status = weir_verdict_status(inventory->verdict)};
    char text[WEIR_REMEDY_TEXT];
    (void)snprintf(error.text, sizeof error.text, "%.499s",
                   weir_remedy_of_verdict(arguments, inventory, text)); /* cut: still a text */
    return weir_report_error(arguments, &error);
}

/* ---- the view ---- */

static void json_ring(weir_json *json, const weir_ring_report *ring) {
    weir_json_open(json, "ring");
    weir_json_text(json, "found", weir_found_ring_name(ring->found));
    if (weir_ring_is_ours(ring->found)) {
        weir_json_hex(json, "id", ring->header.id, sizeof(weir_id));
        weir_json_hex(json, "journal_id", ring->header.journal, sizeof(weir_id));
        weir_json_text(json, "boot", ring->same_boot ? "same" : "other");
        weir_json_int(json, "pid", ring->header.process);
        weir_json_uint(json, "lanes", ring->lanes_used);
        weir_json_uint(json, "rows", ring->rows);
        weir_json_uint(json, "bytes", ring->bytes);
        weir_json_uint(json, "unreadable_bytes", ring->unreadable_bytes);
        weir_json_uint(json, "recorded", ring->recorded);
    }
    weir_json_close(json);
}

/* A journal of a newer version: what it has is not known here. */
static bool rows_are_unread(const weir_inventory *i) {
    return i->newer_path && i->extent_count == 0;
}

static void json_rows(weir_json *json, const weir_view *view) {
    weir_json_open(json, "rows");
    if (rows_are_unread(&view->inventory))
        weir_json_null(json, "durable");
    else
        weir_json_uint(json, "durable", weir_rows_durable(&view->inventory));
    weir_json_uint(json, "above_mark", weir_rows_above_mark(&view->inventory));
    weir_json_uint(json, "beyond_damage", weir_rows_beyond_damage(&view->inventory));
    if (view->database.state == WEIR_DATABASE_READ) {
        weir_json_uint(json, "applied", view->inventory.position.row);
        weir_json_uint(json, "waiting", weir_rows_waiting(&view->inventory));
        weir_json_uint(json, "rejected", view->database.rejects);
    } else {
        weir_json_null(json, "applied");
        weir_json_null(json, "waiting");
        weir_json_null(json, "rejected");
    }
    weir_json_uint(json, "first_kept",
                   view->inventory.extent_count ? view->inventory.extents[0].first_row : 0);
    weir_json_close(json);
}

static void json_kept(weir_json *json, const weir_kept *kept) {
    weir_json_open(json, "kept");
    weir_json_uint(json, "archived_segments", kept->archived.count);
    weir_json_uint(json, "archived_bytes", kept->archived.bytes);
    weir_json_uint(json, "aside_files", kept->aside.count);
    weir_json_uint(json, "aside_bytes", kept->aside.bytes);
    weir_json_close(json);
}

static void json_disk(weir_json *json, const weir_kept *kept) {
    weir_json_open(json, "disk");
    weir_json_uint(json, "bytes", weir_kept_bytes(kept));
    weir_json_uint(json, "segments", kept->segments.bytes);
    weir_json_uint(json, "spares", kept->spares.bytes);
    weir_json_uint(json, "ring", kept->ring.bytes);
    weir_json_uint(json, "recorder", kept->recorder.bytes);
    weir_json_uint(json, "archive", kept->archived.bytes);
    weir_json_uint(json, "aside", kept->aside.bytes);
    weir_json_uint(json, "readers", kept->readers.bytes);
    weir_json_uint(json, "other", kept->other.bytes);
    weir_json_close(json);
}

static void json_view(const weir_arguments *arguments, const weir_place *place,
                      const weir_view *view) {
    const weir_inventory *i = &view->inventory;
    weir_json json =
        weir_json_begin(stdout, arguments->verb == WEIR_VERB_VERIFY ? "verify" : "status");
    weir_json_text(&json, "verdict", weir_verdict_name(i->verdict));
    weir_json_bool(&json, "refuses", weir_verdict_refuses(i->verdict));
    char text[WEIR_REMEDY_TEXT];
    weir_json_text(&json, "text", weir_remedy_of_verdict(arguments, i, text));
    weir_json_text(&json, "database", place->database);
    weir_json_text(
        &json, "database_state",
        database_name(view->database.first_sink[0] ? WEIR_DATABASE_ABSENT : view->database.state));
    weir_json_text(&json, "journal", place->directory);
    weir_json_hex(&json, "journal_id", i->journal, sizeof(weir_id));
    weir_json_bool(&json, "open", view->holder.is_there);
    if (view->holder.process > 0)
        weir_json_int(&json, "open_in_pid", view->holder.process);
    else
        weir_json_null(&json, "open_in_pid");
    weir_json_uint(&json, "incarnation", i->incarnation);
    weir_json_uint(&json, "segments", i->segment_count);
    weir_json_uint(&json, "bytes", i->bytes);
    weir_json_uint(&json, "torn_bytes", i->torn_bytes);
    weir_json_uint(&json, "last_block", i->end.block);
    weir_json_uint(&json, "durable_block", i->durable.block);
    weir_json_text(&json, "durable_says", i->durable.source);
    weir_json_bool(&json, "closed", i->closed);
    weir_json_uint(&json, "damages", i->damage_count);
    weir_json_uint(&json, "to_recover",
                   weir_rows_to_recover(&view->inventory, &view->ring, view->holder.is_there));
    weir_json_text(&json, "apply_status", weir_status_name(view->apply_status));
    weir_json_text(&json, "why_rows_wait",
                   weir_why_rows_wait(&view->inventory, view->apply_status));
    json_rows(&json, view);
    if (i->first_wall_ns) {
        weir_json_time(&json, "first_time", i->first_wall_ns);
        weir_json_time(&json, "last_time", i->last_wall_ns);
    }
    json_ring(&json, &view->ring);
    json_kept(&json, &view->kept);
    json_disk(&json, &view->kept);
    weir_json_readers(&json, place, i);
    weir_json_sinks(&json, &view->sinks);
    weir_json_end(&json);
}

static void word_ring(const weir_ring_report *ring) {
    printf("  ring      %s", weir_found_ring_name(ring->found));
    if (weir_ring_is_ours(ring->found)) {
        printf(", made by process %" PRId64 " in %s boot; %" PRIu64 " rows (%" PRIu64
               " bytes) wait in it",
               ring->header.process, ring->same_boot ? "this" : "an earlier", ring->rows,
               ring->bytes);
        if (ring->recorded) printf("; %" PRIu64 " messages in its flight recorder", ring->recorded);
        if (ring->unreadable_bytes)
            printf("; %" PRIu64 " bytes unreadable", ring->unreadable_bytes);
    }
    putchar('\n');
}

static void word_rows(const weir_view *view) {
    if (rows_are_unread(&view->inventory)) {
        puts("  rows      not read: a newer version wrote the journal");
        return;
    }
    printf("  rows      %" PRIu64 " durable", weir_rows_durable(&view->inventory));
    if (view->database.state == WEIR_DATABASE_READ) {
        printf(", %" PRIu64 " applied, %" PRIu64 " waiting", view->inventory.position.row,
               weir_rows_waiting(&view->inventory));
        if (view->database.rejects)
            printf(", %" PRIu64 " in the reject table", view->database.rejects);
    }
    if (weir_rows_above_mark(&view->inventory))
        printf(", %" PRIu64 " above the durable mark", weir_rows_above_mark(&view->inventory));
    if (weir_rows_beyond_damage(&view->inventory))
        printf(", %" PRIu64 " readable beyond the damage",
               weir_rows_beyond_damage(&view->inventory));
    putchar('\n');
}

/* They accumulate until somebody removes them. */
static void word_kept(const weir_arguments *arguments, const weir_place *place, const char *what,
                      const weir_kept_files *files, const char *note, const char *verb) {
    char operand[WEIR_REMEDY_TEXT];
    const char *target = place->database ? place->database : place->directory;
    if (!files->count) return;
    printf("  %s %" PRIu64 " %s, %" PRIu64 " bytes; %s (weir %s list %s)\n", what, files->count,
           files->count == 1 ? "file" : "files", files->bytes, note, verb,
           weir_remedy_operand(arguments, target, operand));
}

static void word_part(const char *name, const weir_kept_files *files) {
    if (files->bytes) printf(", %s %" PRIu64, name, files->bytes);
}

static void word_disk(const weir_kept *kept) {
    printf("  disk      %" PRIu64 " bytes: segments %" PRIu64, weir_kept_bytes(kept),
           kept->segments.bytes);
    word_part("spares", &kept->spares);
    word_part("ring", &kept->ring);
    word_part("recorder", &kept->recorder);
    word_part("archive", &kept->archived);
    word_part("set aside", &kept->aside);
    word_part("readers", &kept->readers);
    word_part("other", &kept->other);
    putchar('\n');
}

static void word_view(const weir_arguments *arguments, const weir_place *place,
                      const weir_view *view) {
    const weir_inventory *i = &view->inventory;
    char first[WEIR_TIME_TEXT], last[WEIR_TIME_TEXT];
    char text[WEIR_REMEDY_TEXT];
    const char *why = weir_why_rows_wait(&view->inventory, view->apply_status);
    printf("%s: %s", weir_verdict_name(i->verdict), weir_remedy_of_verdict(arguments, i, text));
    if (why) printf("; %" PRIu64 " rows wait: %s", weir_rows_waiting(i), why);
    putchar('\n');
    if (view->database.first_sink[0])
        printf("  database  none: the first sink is %s\n", view->database.first_sink);
    else
        printf("  database  %s, %s%s%s\n", place->database ? place->database : "not named",
               database_name(view->database.state), view->database.why[0] ? ": " : "",
               view->database.why);
    printf("  journal   %s, id ", place->directory);
    weir_write_hex(stdout, i->journal, sizeof(weir_id));
    printf(", %zu %s, %" PRIu64 " bytes", i->segment_count,
           i->segment_count == 1 ? "segment" : "segments", i->bytes);
    if (i->torn_bytes) printf(", %" PRIu64 " bytes of torn tail", i->torn_bytes);
    putchar('\n');
    word_rows(view);
    if (i->first_wall_ns)
        printf("  written   %s to %s\n", weir_time_text(i->first_wall_ns, first),
               weir_time_text(i->last_wall_ns, last));
    word_ring(&view->ring);
    word_disk(&view->kept);
    word_kept(arguments, place, "archive  ", &view->kept.archived, "they are listed", "archive");
    word_kept(arguments, place, "set aside", &view->kept.aside, "which are needed is said",
              "aside");
    weir_word_readers(place, i);
    weir_word_sinks(&view->sinks);
    uint64_t left = weir_rows_to_recover(&view->inventory, &view->ring, view->holder.is_there);
    if (left && view->database.first_sink[0])
        printf("  to do     %" PRIu64 " rows are not in %s yet: start the program\n", left,
               view->database.first_sink);
    else if (left)
        printf("  to do     %" PRIu64 " rows are not in the database yet (weir-recover %s)\n", left,
               weir_remedy_operand(arguments, place->database, text));
    char who[WEIR_HOLDER_TEXT];
    if (view->holder.is_there) printf("  open in   %s\n", weir_holder_text(view->holder, who));
}

int weir_report_view(const weir_arguments *arguments, const weir_place *place,
                     const weir_view *view) {
    if (arguments->json)
        json_view(arguments, place, view);
    else
        word_view(arguments, place, view);
    weir_report_losses(arguments, &view->database.losses);
    weir_report_damages(arguments, &view->inventory);
    return weir_exit_of_verdict(view->inventory.verdict);
}
