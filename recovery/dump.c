/* dump.c - the verb dump: the durable rows of a journal as text, once or as they come.
 *
 * A reading (lib/read) gives the rows, and says which are missing. */
#include "dump.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../lib/format/names.h"
#include "../lib/handle/handle.h"
#include "../lib/read/keep.h"
#include "../lib/verify/inspect.h"
#include "dump_filter.h"
#include "exits.h"
#include "json.h"
#include "report.h"
#include "summary.h"
#include "verbs.h"

enum { TRIES_WHILE_LIVE = 5, WAIT_STEP_MS = 200, NOTE_TEXT = 256 };
#define KEEP_EVERY_NS ((uint64_t)1000000000)

/* ---- an end that was asked for ------------------------------------------------------------- */

static volatile sig_atomic_t is_interrupted;

static void note_interrupt(int signal) {
    (void)signal;
    is_interrupted = 1;
}

/* Only a dump that has no end of its own ends at the end of a line: any other ends at once. */
static void heed_interrupts(void) {
    struct sigaction action = {.sa_handler = note_interrupt};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL); /* cannot fail for these */
    (void)sigaction(SIGTERM, &action, NULL);
}

/* ---- rows ------------------------------------------------------------------------------------ */

void weir_dump_row(weir_dumping *d) {
    if (!weir_dump_wants(d->arguments, &d->row)) return;
    if (d->arguments->csv && !d->row.declaration) {
        weir_report_note("row %" PRIu64 " has no declaration: dump it as NDJSON", d->row.number);
        d->damaged = true;
        return;
    }
    if (d->arguments->csv)
        weir_row_as_csv(stdout, &d->row, &d->columns);
    else
        weir_row_as_json(stdout, &d->row);
    d->fresh = true;
    d->left--;
}

static void take_dumped_row(weir_dumping *d) {
    const struct weir_read_item *i = &d->reading->item;
    d->row.number = i->row;
    d->row.wall_ns = i->time_ns;
    d->row.table = (uint16_t)i->table_number;
    d->row.count = (uint16_t)i->count;
    d->row.declaration = weir_tables_find(&d->reading->tables, d->row.table);
    memcpy(d->row.values, i->values, i->count * sizeof *i->values);
    if (d->arguments->cursor) {
        weir_place_text(&d->reading->mark, d->cursor);
        d->row.cursor = d->cursor;
    }
    weir_dump_row(d);
}

/* What is no row is a note, and with --json an object too. */
static void tell_rows(const weir_dumping *d, const char *type, uint64_t first, uint64_t last,
                      const char *text) {
    weir_report_note("%s", text);
    if (!d->arguments->json) return;
    weir_json json = weir_json_begin(stdout, type);
    weir_json_uint(&json, "first_row", first);
    weir_json_uint(&json, "last_row", last);
    weir_json_text(&json, "text", text);
    weir_json_end(&json);
}

static void take_item(weir_dumping *d) {
    static const char *const types[] = {[WEIR_READ_GAP] = "gap",
                                        [WEIR_READ_LOST] = "lost",
                                        [WEIR_READ_OPENED] = "opened",
                                        [WEIR_READ_ANEW] = "anew"};
    const struct weir_read_item *i = &d->reading->item;
    bool quiet = i->kind == WEIR_READ_OPENED && !d->arguments->follow;
    if (i->kind == WEIR_READ_LOST) d->damaged = true;
    if (quiet || (i->row > d->last && i->kind != WEIR_READ_OPENED)) return;
    tell_rows(d, types[i->kind], i->row, i->last_row, i->text);
}

static bool has_enough(const weir_dumping *d) {
    return d->left == 0 || is_interrupted || d->reading->mark.at.row >= d->last;
}

/* ---- times ----------------------------------------------------------------------------------- */

static void tell_astray(weir_dumping *d) {
    char text[NOTE_TEXT];
    if (!d->astray[0]) return;
    (void)snprintf(text, sizeof text,
                   "rows %" PRIu64 " to %" PRIu64
                   " were written when the clock was behind that of rows before them; each block "
                   "is judged by its own time",
                   d->astray[0], d->astray[1]); /* it fits */
    tell_rows(d, "astray", d->astray[0], d->astray[1], text);
    d->astray[0] = 0;
}

/* Each block is judged by itself, since clocks jump; where they did is told. */
static bool is_in_time(void *context, const weir_block_header *h) {
    weir_dumping *d = context;
    uint64_t last = h->first_row + h->rows - 1;
    if (h->wall_ns < d->newest_ns) {
        if (!d->astray[0]) d->astray[0] = h->first_row;
        d->astray[1] = last;
    } else {
        tell_astray(d);
        d->newest_ns = h->wall_ns;
    }
    return h->wall_ns >= d->arguments->since_ns && h->wall_ns <= d->arguments->until_ns;
}

/* ---- the reader's place ---------------------------------------------------------------------- */

/* After the lines were written: so a row may come twice, and none is left out. */
static int keep_dumped(weir_dumping *d, weir_error *error) {
    weir_reading *r = d->reading;
    weir_named n = {.mark = r->mark, .hold_bytes = r->hold_bytes};
    if (!r->name || weir_id_is_none(r->mark.at.journal)) return WEIR_OK;
    if (fflush(stdout) != 0 || ferror(stdout)) return WEIR_OK; /* the program's end tells it */
    (void)snprintf(n.name, sizeof n.name, "%s", r->name);
    d->fresh = false;
    d->kept_ns = d->os->now(d->os->self);
    return weir_named_write(d->place->os, d->place->directory, &n, error);
}

static int keep_now_and_then(weir_dumping *d, weir_error *error) {
    bool due = d->fresh && d->os->now(d->os->self) - d->kept_ns >= KEEP_EVERY_NS;
    return due ? keep_dumped(d, error) : WEIR_OK;
}

static int begin_reader(weir_dumping *d, weir_error *error) {
    const weir_arguments *a = d->arguments;
    weir_reading *r = d->reading;
    weir_named_note note;
    r->name = strdup(a->reader);
    if (!r->name) return weir_fail(error, WEIR_NO_MEMORY, "no memory to dump");
    r->hold_bytes = a->hold_bytes ? a->hold_bytes : WEIR_READ_HOLD_BYTES;
    int status =
        weir_readers_find(d->place->os, WEIR_OS_CWD, d->place->directory, a->reader, &note, error);
    if (status == WEIR_NOT_FOUND) return WEIR_OK;
    if (status != WEIR_OK) return status;
    if (note.status != WEIR_OK)
        return weir_fail(error, note.status, "%s/readers/%s: %s; forget the reader, and begin anew",
                         d->place->directory, a->reader, note.why);
    r->mark = note.reader.mark;
    r->anywhere = false;
    if (!a->hold_bytes) r->hold_bytes = note.reader.hold_bytes;
    return WEIR_OK;
}

/* ---- before the first row --------------------------------------------------------------------- */

static int begin_dump(weir_dumping *d, weir_error *error) {
    const weir_arguments *a = d->arguments;
    int status = weir_reading_make(d->place->os, d->place->directory, &d->reading, error);
    weir_reading *r = d->reading;
    if (status != WEIR_OK) return status;
    r->stretch.database = &d->known;
    r->with_archive = a->archive;
    if (a->after && !weir_place_text_parse(a->after, &r->mark))
        return weir_fail(error, WEIR_MISUSE, "'%.180s' is no cursor, or was changed", a->after);
    if (a->after) r->anywhere = false;
    if (a->from) {
        r->mark.at.row = a->from - 1;
        r->by_row = true;
        r->anywhere = false;
    }
    if (a->since_ns != INT64_MIN || a->until_ns != INT64_MAX) {
        r->wants = is_in_time;
        r->context = d;
    }
    return a->reader ? begin_reader(d, error) : WEIR_OK;
}

static int look_for_positions(weir_dumping *d, weir_error *error) {
    weir_database_free(&d->database);
    int status = weir_database_look(d->place->database, &d->database);
    if (status != WEIR_OK)
        return weir_fail(error, status, "no memory to read %s", d->place->database);
    bool unreadable = d->database.state == WEIR_DATABASE_UNREADABLE;
    d->known = (weir_inventory_input){.database_broken = unreadable ? d->database.why : NULL,
                                      .database_has_positions = d->database.count > 0,
                                      .positions = d->database.positions,
                                      .position_count = d->database.count};
    return WEIR_OK;
}

/* The database first: then its position can only be too low for the journal that is read after it. A
 * live journal may move on meanwhile; what is seen each time is so. */
static int look_for_dump(weir_dumping *d, bool *is_open, weir_error *error) {
    int status = WEIR_OK;
    for (int i = 0; status == WEIR_OK && i < TRIES_WHILE_LIVE; i++) {
        *is_open = weir_handle_holder(d->os, d->place->directory).is_there;
        d->reading->look_due = true;
        status = look_for_positions(d, error);
        if (status == WEIR_OK) status = weir_reading_look(d->reading, error);
        if (!*is_open || !weir_verdict_refuses(d->reading->stretch.found.verdict)) break;
    }
    return status;
}

/* Whether the database belongs to the journal makes no difference to the journal's rows. */
static bool is_damaged(const weir_inventory *i) {
    return weir_verdict_refuses(i->verdict) && weir_verdict_status(i->verdict) == WEIR_DAMAGED;
}

static void tell_verdict(const weir_dumping *d, const weir_inventory *i) {
    const char *text = i->detail[0] ? i->detail : weir_verdict_text(i->verdict);
    weir_report_note("%s", text);
    if (!d->arguments->json) return;
    weir_json json = weir_json_begin(stdout, "verdict");
    weir_json_text(&json, "verdict", weir_verdict_name(i->verdict));
    weir_json_text(&json, "text", text);
    weir_json_end(&json);
}

/* Damage does not stop a dump, which says what is missing and goes on. */
static void note_verdict(weir_dumping *d, bool is_open) {
    const weir_inventory *i = &d->reading->stretch.found;
    weir_ring_report ring = {0};
    weir_inventory_input input = {.os = d->os, .directory = d->place->directory};
    if (is_damaged(i) || i->damage_count) d->damaged = true;
    if (is_damaged(i)) tell_verdict(d, i);
    if (is_open || d->arguments->follow) return;
    if (i->next_row > i->durable_next_row)
        weir_report_note("rows %" PRIu64 " to %" PRIu64
                         " are after the durable mark and are not dumped; recovery takes them in",
                         i->durable_next_row, i->next_row - 1);
    if (d->arguments->ring || weir_inspect_ring(&input, i, &ring, NULL) != WEIR_OK) return;
    if (ring.rows + ring.recorded)
        weir_report_note("%" PRIu64 " rows wait in the ring of a dead process and are not dumped; "
                         "recovery takes them in",
                         ring.rows + ring.recorded);
}

/* ---- the rows --------------------------------------------------------------------------------- */

/* Nothing more for now. WEIR_OK: go on; WEIR_PENDING: that was all. */
static int wait_for_more(weir_dumping *d, int *tries, weir_error *error) {
    weir_reading *r = d->reading;
    bool follow = d->arguments->follow;
    bool missing = r->mark.at.row < d->last && d->last != UINT64_MAX;
    if (!follow && (!missing || ++*tries > TRIES_WHILE_LIVE)) return WEIR_PENDING;
    int status = follow && d->fresh && r->name ? keep_dumped(d, error) : WEIR_OK;
    if (follow) (void)fflush(stdout); /* a failure is told at the end */
    if (status != WEIR_OK) return status;
    uint64_t deadline = d->os->now(d->os->self) + (uint64_t)WAIT_STEP_MS * 1000000;
    status = weir_reading_wait(r, deadline, error);
    return status == WEIR_PENDING ? WEIR_OK : status;
}

static int dump_rows(weir_dumping *d, weir_error *error) {
    int status = WEIR_OK, tries = 0;
    while (status == WEIR_OK && !has_enough(d) && !ferror(stdout)) {
        weir_reading *r = d->reading;
        status = weir_reading_next(r, error);
        bool item = r->item.kind != WEIR_READ_NOTHING;
        if (status == WEIR_OK || (status == WEIR_DAMAGED && item)) {
            if (r->item.kind == WEIR_READ_ROW && r->item.row <= d->last)
                take_dumped_row(d);
            else if (r->item.kind != WEIR_READ_ROW)
                take_item(d);
            tries = 0;
            status = r->name ? keep_now_and_then(d, error) : WEIR_OK;
        } else if (status == WEIR_PENDING) {
            status = wait_for_more(d, &tries, error);
        }
    }
    return status == WEIR_PENDING ? WEIR_OK : status;
}

int weir_dump_durable(weir_dumping *d, weir_error *error) {
    const weir_stretch *s = &d->reading->stretch;
    int status = weir_reading_wait(d->reading, 0, error);
    d->last = s->next_row - 1 < d->arguments->to ? s->next_row - 1 : d->arguments->to;
    return status == WEIR_OK ? dump_rows(d, error) : status;
}

/* Rows that a look has promised and that did not come: the journal moved on too fast, or is damaged. */
static void tell_rest(weir_dumping *d) {
    const weir_reading *r = d->reading;
    bool promised = !d->arguments->follow && d->last != UINT64_MAX && !r->by_row;
    if (!promised || has_enough(d) || r->mark.at.row >= d->last) return;
    uint64_t end = weir_rows_durable(&r->stretch.found);
    uint64_t last = end < d->last ? end : d->last;
    if (r->mark.at.row >= last) return;
    char text[WEIR_PATH_MAX + NOTE_TEXT];
    (void)snprintf(text, sizeof text, "%s: rows %" PRIu64 " to %" PRIu64 " are damaged or missing",
                   d->place->directory, r->mark.at.row + 1, last); /* it fits */
    tell_rows(d, "lost", r->mark.at.row + 1, last, text);
    d->damaged = true;
}

static void tell_end(weir_dumping *d) {
    char text[WEIR_PLACE_TEXT];
    if (!d->arguments->cursor || weir_id_is_none(d->reading->mark.at.journal)) return;
    weir_place_text(&d->reading->mark, text);
    weir_report_note("cursor %s", text);
    if (!d->arguments->json) return;
    weir_json json = weir_json_begin(stdout, "end");
    weir_json_uint(&json, "row", d->reading->mark.at.row);
    weir_json_text(&json, "cursor", text);
    weir_json_end(&json);
}

static int dump_all(weir_dumping *d, weir_error *error) {
    bool is_open = false;
    int status = begin_dump(d, error);
    if (status == WEIR_OK) status = look_for_dump(d, &is_open, error);
    if (status == WEIR_OK) note_verdict(d, is_open);
    if (status == WEIR_OK) status = weir_dump_begin_output(d, error);
    if (status != WEIR_OK) return status;
    uint64_t durable = weir_rows_durable(&d->reading->stretch.found);
    if (!d->arguments->follow && durable < d->last) d->last = durable;
    if (d->reading->name && weir_reading_is_there(d->reading)) status = keep_dumped(d, error);
    if (status == WEIR_OK) status = dump_rows(d, error);
    tell_astray(d);
    if (status == WEIR_OK) tell_rest(d);
    if (status == WEIR_OK && d->arguments->ring) status = weir_dump_ring(d, error);
    if (status == WEIR_OK && d->fresh) status = keep_dumped(d, error);
    tell_end(d);
    return status;
}

static void end_dump(weir_dumping *d) {
    weir_reading_free(d->reading);
    weir_database_free(&d->database);
    weir_tables_free(&d->tables);
    weir_columns_free(&d->columns);
    free(d);
}

int weir_run_dump(const weir_arguments *arguments, const weir_place *place) {
    weir_error error = {0};
    weir_dumping *d = calloc(1, sizeof *d);
    if (!d || (!place->journal_is_there && !arguments->follow)) {
        if (d)
            (void)weir_fail(&error, WEIR_NOT_FOUND, "there is no journal at %s", place->directory);
        else
            (void)weir_fail(&error, WEIR_NO_MEMORY, "no memory to dump %s", place->directory);
        free(d);
        return weir_report_error(arguments, &error);
    }
    d->arguments = arguments;
    d->place = place;
    d->os = place->os;
    d->left = arguments->limit;
    d->last = arguments->to;
    d->newest_ns = INT64_MIN;
    if (arguments->follow) heed_interrupts();
    int status = dump_all(d, &error);
    bool damaged = d->damaged;
    end_dump(d);
    if (status != WEIR_OK) return weir_report_error(arguments, &error);
    return damaged ? WEIR_EXIT_DAMAGE : WEIR_EXIT_CLEAN;
}
