/* readers.c - the verbs readers list and readers forget, and what status says of readers. */
#include "readers.h"

#include <inttypes.h>
#include <stdio.h>

#include "../lib/read/keep.h"
#include "exits.h"
#include "json.h"
#include "report.h"
#include "summary.h"
#include "verbs.h"

typedef struct reader_facts {
    bool ours;       /* its place is in the journal that stands here */
    uint64_t behind; /* durable rows that it has not read */
    uint64_t missed; /* of these, rows that have left the journal */
    uint64_t held;   /* bytes of applied segments that are kept for it */
} reader_facts;

static uint64_t bytes_of_segment(const weir_inventory *i, uint64_t number) {
    for (size_t s = 0; s < i->segment_count; s++)
        if (i->segments[s].number == number) return i->segments[s].file_bytes;
    return 0;
}

/* Of the segments but the youngest: what is applied, and not read. */
static uint64_t held_bytes(const weir_inventory *i, const weir_named *r) {
    uint64_t bytes = 0, before = 0;
    for (size_t e = 0; e + 1 < i->extent_count; e++) {
        const weir_extent *x = &i->extents[e];
        uint64_t last = x->next_row - 1;
        bool youngest = x->segment == i->extents[i->extent_count - 1].segment;
        bool held = !youngest && last > r->mark.at.row && last <= i->position.row;
        if (held && x->segment != before) bytes += bytes_of_segment(i, x->segment);
        if (held) before = x->segment;
    }
    return bytes;
}

static reader_facts facts_of(const weir_inventory *i, const weir_named_note *note) {
    reader_facts f = {0};
    const weir_position *at = &note->reader.mark.at;
    uint64_t durable = weir_rows_durable(i);
    f.ours = note->status == WEIR_OK && weir_id_equal(at->journal, i->journal);
    if (!f.ours) return f;
    f.behind = durable > at->row ? durable - at->row : 0;
    uint64_t first = i->extent_count ? i->extents[0].first_row : durable + 1;
    f.missed = first > at->row + 1 ? first - at->row - 1 : 0;
    f.held = held_bytes(i, &note->reader);
    if (f.held > note->reader.hold_bytes) f.held = 0; /* then nothing is kept for it any more */
    return f;
}

static void json_facts(weir_json *json, const weir_named_note *note, const reader_facts *f) {
    const weir_named *r = &note->reader;
    weir_json_text(json, "name", r->name);
    weir_json_text(json, "broken", note->why);
    if (note->status != WEIR_OK) return;
    weir_json_bool(json, "of_this_journal", f->ours);
    weir_json_uint(json, "row", r->mark.at.row);
    weir_json_uint(json, "block", r->mark.at.block);
    weir_json_time(json, "written", r->wall_ns);
    weir_json_uint(json, "behind", f->behind);
    weir_json_uint(json, "missed", f->missed);
    weir_json_uint(json, "held_bytes", f->held);
    weir_json_uint(json, "hold_bytes", r->hold_bytes);
}

static void word_reader(const weir_named_note *note, const reader_facts *f) {
    char time[WEIR_TIME_TEXT];
    const weir_named *r = &note->reader;
    printf("  reader    %s", r->name);
    if (note->status != WEIR_OK) {
        printf(": %s, so nothing is kept for it\n", note->why);
        return;
    }
    printf(", since %s after row %" PRIu64, weir_time_text(r->wall_ns, time), r->mark.at.row);
    if (!f->ours) {
        puts(" of another journal, so nothing is kept for it");
        return;
    }
    printf(", %" PRIu64 " rows behind", f->behind);
    if (f->missed) printf(", %" PRIu64 " of which have left the journal", f->missed);
    printf("; %" PRIu64 " bytes are kept for it, of %" PRIu64 " at most\n", f->held, r->hold_bytes);
}

/* What cannot be listed is a note. */
static weir_readers take_readers(const weir_place *place) {
    weir_readers readers;
    weir_error error = {0};
    if (weir_readers_take(place->os, WEIR_OS_CWD, place->directory, &readers, &error) != WEIR_OK)
        weir_report_note("%s", error.text);
    return readers;
}

void weir_json_readers(weir_json *json, const weir_place *place, const weir_inventory *inventory) {
    weir_readers readers = take_readers(place);
    weir_json_key(json, "readers");
    fputc('[', json->out);
    for (size_t i = 0; i < readers.count; i++) {
        reader_facts f = facts_of(inventory, &readers.list[i]);
        weir_json object = {json->out, false};
        fputs(i ? ",{" : "{", json->out);
        json_facts(&object, &readers.list[i], &f);
        fputc('}', json->out);
    }
    fputc(']', json->out);
    weir_readers_free(&readers);
}

void weir_word_readers(const weir_place *place, const weir_inventory *inventory) {
    weir_readers readers = take_readers(place);
    for (size_t i = 0; i < readers.count; i++) {
        reader_facts f = facts_of(inventory, &readers.list[i]);
        word_reader(&readers.list[i], &f);
    }
    weir_readers_free(&readers);
}

/* ---- the verbs ------------------------------------------------------------------------------- */

int weir_run_readers_list(const weir_arguments *arguments, const weir_place *place) {
    weir_error error = {0};
    weir_view view;
    if (!place->journal_is_there) {
        (void)weir_fail(&error, WEIR_NOT_FOUND, "there is no journal at %s", place->directory);
        return weir_report_error(arguments, &error);
    }
    weir_view_input input = {.os = place->os, .place = place, .database = place->database};
    if (weir_view_take(&input, &view, &error) != WEIR_OK)
        return weir_report_error(arguments, &error);
    if (arguments->json) {
        weir_json json = weir_json_begin(stdout, "readers");
        weir_json_readers(&json, place, &view.inventory);
        weir_json_end(&json);
    } else {
        weir_word_readers(place, &view.inventory);
    }
    weir_view_free(&view);
    return WEIR_EXIT_CLEAN;
}

int weir_run_readers_forget(const weir_arguments *arguments, const weir_place *place) {
    weir_error error = {0};
    int status = weir_named_forget(place->os, place->directory, arguments->second, &error);
    if (status != WEIR_OK) return weir_report_error(arguments, &error);
    if (arguments->json) {
        weir_json json = weir_json_begin(stdout, "reader_forgotten");
        weir_json_text(&json, "name", arguments->second);
        weir_json_end(&json);
    } else {
        printf("the reader %s is forgotten: nothing is kept for it any more\n", arguments->second);
    }
    return WEIR_EXIT_CLEAN;
}
