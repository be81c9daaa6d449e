/* read.c - the calls of <weir/read.h>. */
#include <assert.h>
#include <stdlib.h>

#include "../base/sized.h"
#include "keep.h"
#include "reading.h"

/* ---- opening ----------------------------------------------------------------------------- */

static int check_options(const weir_read_options *o, weir_error *error) {
    int begins = (o->after != NULL) + (o->from_row != 0) + (o->newest != 0);
    if (begins > 1)
        return weir_fail(error, WEIR_MISUSE,
                         "weir_read_open: after, from_row and newest exclude each other");
    if (o->hold_bytes && !o->name)
        return weir_fail(error, WEIR_MISUSE, "weir_read_open: hold_bytes needs a name");
    if (o->name && !weir_named_fits(o->name))
        return weir_fail(error, WEIR_MISUSE,
                         "weir_read_open: '%.80s' cannot be a reader's name: that is 1 to 64 "
                         "letters, digits, '-', '_' and '.', and does not begin with '.'",
                         o->name);
    if (o->from_row > INT64_MAX)
        return weir_fail(error, WEIR_MISUSE, "weir_read_open: there is no row %llu",
                         (unsigned long long)o->from_row);
    return WEIR_OK;
}

static int begin_where_asked(weir_reading *r, const weir_read_options *o, weir_error *error) {
    if (o->after && !weir_place_text_parse(o->after, &r->mark))
        return weir_fail(error, WEIR_MISUSE,
                         "weir_read_open: '%.150s' is no cursor, or was changed; give the text as "
                         "it was got",
                         o->after);
    if (o->from_row) {
        r->mark.at.row = o->from_row - 1;
        r->by_row = true;
    }
    r->newest = o->newest != 0;
    r->anywhere = !o->after && !o->from_row && !o->newest;
    return WEIR_OK;
}

/* A reader that exists goes on where it was. */
static int go_on_as_named(weir_reading *r, const weir_read_options *o, const weir_named_note *note,
                          weir_error *error) {
    if (note->status != WEIR_OK)
        return weir_fail(error, note->status,
                         "%s/readers/%s: %s; forget the reader (weir readers forget), and begin "
                         "anew",
                         r->directory, o->name, note->why);
    if (o->after || o->from_row || o->newest)
        return weir_fail(error, WEIR_MISUSE,
                         "weir_read_open: the reader %s exists and goes on after row %llu; forget "
                         "it to begin elsewhere",
                         o->name, (unsigned long long)note->reader.mark.at.row);
    r->mark = note->reader.mark;
    r->anywhere = false;
    if (!o->hold_bytes) r->hold_bytes = note->reader.hold_bytes;
    return WEIR_OK;
}

static int keep_place(weir_reading *r, weir_error *error) {
    weir_named n = {.mark = r->mark, .hold_bytes = r->hold_bytes};
    if (!weir_reading_is_there(r) || weir_id_is_none(r->mark.at.journal))
        return weir_fail(error, WEIR_NOT_FOUND, "%s: there is no journal yet", r->directory);
    memcpy(n.name, r->name, strlen(r->name) + 1); /* it fits */
    return weir_named_write(r->os, r->directory, &n, error);
}

/* A new name holds rows back at once: those that come after where it begins. */
static int take_up_name(weir_reading *r, const weir_read_options *o, weir_error *error) {
    weir_named_note note;
    weir_error ignored;
    r->name = strdup(o->name);
    if (!r->name) return weir_fail(error, WEIR_NO_MEMORY, "no memory to read %s", r->directory);
    r->hold_bytes = o->hold_bytes ? o->hold_bytes : WEIR_READ_HOLD_BYTES;
    int status = weir_readers_find(r->os, WEIR_OS_CWD, r->directory, o->name, &note, &ignored);
    if (status == WEIR_OK) return go_on_as_named(r, o, &note, error);
    if (status == WEIR_NOT_FOUND) return begin_where_asked(r, o, error);
    *error = ignored;
    return status;
}

static int begin_reading(weir_reading *r, const weir_read_options *o, weir_error *error) {
    if (o->poll_ms) r->poll_ns = (uint64_t)o->poll_ms * 1000000;
    int status = o->name ? take_up_name(r, o, error) : begin_where_asked(r, o, error);
    if (status == WEIR_OK) status = weir_reading_look(r, error);
    if (status == WEIR_OK && r->name && weir_reading_is_there(r)) status = keep_place(r, error);
    return status;
}

int weir_read_open_sized(const char *journal, const weir_read_options *options,
                         size_t options_bytes, weir_reading **out) {
    weir_error error = {0};
    weir_read_options own;
    if (!journal || !out)
        return weir_misuse("weir_read_open", journal ? "out is NULL" : "journal is NULL");
    *out = NULL;
    int status =
        weir_sized_take(&own, sizeof own, options, options_bytes, "weir_read_options", &error);
    if (status == WEIR_OK) status = check_options(&own, &error);
    weir_reading *r = NULL;
    if (status == WEIR_OK) status = weir_reading_make(weir_os_posix(), journal, &r, &error);
    if (status == WEIR_OK) status = begin_reading(r, &own, &error);
    if (status == WEIR_OK) {
        *out = r;
        return WEIR_OK;
    }
    weir_reading_free(r);
    return weir_publish_error(&error);
}

void weir_read_close(weir_reading *r) { weir_reading_free(r); }

/* ---- reading ----------------------------------------------------------------------------- */

int weir_read_next_sized(weir_reading *r, struct weir_read_item *out, size_t out_bytes) {
    weir_error error = {0};
    if (!r || !out) return weir_misuse("weir_read_next", r ? "out is NULL" : "r is NULL");
    int status = weir_reading_next(r, &error);
    weir_sized_give(out, out_bytes, &r->item, sizeof r->item);
    return status < 0 ? weir_publish_error(&error) : status;
}

int weir_read_wait(weir_reading *r, uint32_t timeout_ms) {
    weir_error error = {0};
    if (!r) return weir_misuse("weir_read_wait", "r is NULL");
    uint64_t deadline = UINT64_MAX;
    if (timeout_ms != UINT32_MAX)
        deadline = timeout_ms ? r->os->now(r->os->self) + (uint64_t)timeout_ms * 1000000 : 0;
    int status = weir_reading_wait(r, deadline, &error);
    return status < 0 ? weir_publish_error(&error) : status;
}

/* ---- keeping the place ------------------------------------------------------------------- */

int weir_read_cursor(weir_reading *r, char *text, size_t bytes) {
    static_assert(WEIR_PLACE_TEXT <= WEIR_READ_CURSOR_BYTES, "there is room for a cursor");
    if (!r || !text) return weir_misuse("weir_read_cursor", r ? "text is NULL" : "r is NULL");
    if (bytes < WEIR_READ_CURSOR_BYTES)
        return weir_misuse("weir_read_cursor", "bytes is below WEIR_READ_CURSOR_BYTES");
    if (weir_id_is_none(r->mark.at.journal))
        return weir_fail_call("weir_read_cursor", WEIR_NOT_FOUND, "there is no journal yet");
    weir_place_text(&r->mark, text);
    return WEIR_OK;
}

int weir_read_keep(weir_reading *r) {
    weir_error error = {0};
    if (!r) return weir_misuse("weir_read_keep", "r is NULL");
    if (!r->name) return weir_misuse("weir_read_keep", "the reading has no name");
    int status = keep_place(r, &error);
    return status == WEIR_OK ? status : weir_publish_error(&error);
}
