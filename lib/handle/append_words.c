/* append_words.c - what is noted of a row that was not appended, and the text made of it. */
#include "append_words.h"

#include <stdio.h>

#include "../format/row_encode.h"

typedef unsigned long long ull;

/* ---- words: made later, outside any handler -------------------------------------------------- */

/* What is wrong with a value; number is its index, shifted by FAULT_BITS, and this. */
enum { FAULT_BITS = 3 };
enum { FAULT_TYPE, FAULT_NO_BYTES, FAULT_UNSIGNED, FAULT_POINTER, FAULT_OVERLONG };

static const char no_name[] = "?";

static const char *const faults[] = {
    [FAULT_TYPE] = "is of no type; make it with weir_int() and its like",
    [FAULT_NO_BYTES] = "has a length and a NULL pointer; give the bytes, or weir_null()",
    [FAULT_UNSIGNED] = "is unsigned and above 9223372036854775807; give weir_real() or a text",
    [FAULT_POINTER] = "is a void pointer without a length; give weir_blob(pointer, bytes)",
    [FAULT_OVERLONG] = "has 4 GiB or more, and no row holds that; divide it",
};

/* Fill error with the table's name, and that of the column with this index if there is one. Closing
 * the handle frees both names, so it is entered first. */
static void with_names(const weir_failure *f, weir_error *error, uint64_t column,
                       void (*fill)(const weir_failure *f, weir_error *error, const char *table,
                                    const char *column)) {
    const weir_table *t = f->of;
    int held;
    bool inside = weir_call_enter(t->w, WEIR_CALL_EVEN_STOPPED, &held) == WEIR_OK;
    const weir_declaration *d =
        inside && t->generation == f->generation && f->generation == t->w->generation
            ? t->declaration
            : NULL;
    fill(f, error, d ? d->name : no_name,
         d && column < d->columns ? d->column[column].name : no_name);
    if (inside) weir_call_exit(t->w, held);
}

static unsigned columns_of(const weir_failure *f) { return ((const weir_table *)f->of)->columns; }

static void fill_count(const weir_failure *f, weir_error *error, const char *table,
                       const char *column) {
    (void)column;
    (void)weir_fail(
        error, f->status,
        "%s: count is %llu, and table %s was declared with %u columns; give a value for "
        "each",
        f->call, (ull)f->number, table, columns_of(f));
}

static void words_of_count(const weir_failure *f, weir_error *error) {
    with_names(f, error, UINT64_MAX, fill_count);
}

static void fill_value(const weir_failure *f, weir_error *error, const char *table,
                       const char *column) {
    ull place = (ull)(f->number >> FAULT_BITS) % columns_of(f) + 1;
    (void)weir_fail(error, f->status, "%s: table %s: value %llu, of column %s, %s", f->call, table,
                    place, column, faults[f->number & ((1 << FAULT_BITS) - 1)]);
}

static void words_of_value(const weir_failure *f, weir_error *error) {
    with_names(f, error, (f->number >> FAULT_BITS) % columns_of(f), fill_value);
}

static void fill_size(const weir_failure *f, weir_error *error, const char *table,
                      const char *column) {
    (void)column;
    ull bytes = (ull)f->number, lane = (ull)((const weir_table *)f->of)->w->options.lane_bytes;
    const char *remedy = bytes > WEIR_LANE_BYTES_MAX / 2
                             ? "no lane is large enough: divide it"
                             : "raise weir_options.lane_bytes to a power of two of at "
                               "least twice that";
    (void)weir_fail(error, f->status,
                    "%s: table %s: %llu bytes are to be appended at once, and half of lane_bytes "
                    "(%llu) is the most; %s",
                    f->call, table, bytes, lane, remedy);
}

static void words_of_size(const weir_failure *f, weir_error *error) {
    with_names(f, error, UINT64_MAX, fill_size);
}

static void fill_status(const weir_failure *f, weir_error *error, const char *table,
                        const char *column) {
    (void)column;
    const char *remedy =
        f->status == WEIR_STOPPED
            ? "; the event WEIR_EVENT_STOPPED said why: mend that, close, and open again"
        : f->status == WEIR_CLOSED ? "; open the database, and declare the table in that handle"
        : f->status == WEIR_SCHEMA
            ? "; no key is left below 9223372036854775807: give keys instead of NULL"
            : "";
    const char *text =
        f->status == WEIR_SCHEMA ? "no key can be chosen" : weir_status_text(f->status);
    if (strcmp(table, no_name) == 0) /* the names went with the handle */
        (void)weir_fail(error, f->status, "%s: %s%s", f->call, text, remedy);
    else
        (void)weir_fail(error, f->status, "%s: table %s: %s%s", f->call, table, text, remedy);
}

static void words_of_status(const weir_failure *f, weir_error *error) {
    with_names(f, error, UINT64_MAX, fill_status);
}

/* of: the argument that is wrong, in words. */
static void words_of_argument(const weir_failure *f, weir_error *error) {
    (void)weir_fail(error, f->status, "%s: %s", f->call, (const char *)f->of);
}

/* The handle's options as they were, or those of none: its memory may be another opening's by now. */
static weir_options options_of(const weir_failure *f) {
    weir *w = (weir *)f->of;
    weir_options options = {0};
    int held;
    if (weir_call_enter(w, WEIR_CALL_EVEN_STOPPED, &held) != WEIR_OK) return options;
    if (f->generation == w->generation) options = w->options;
    weir_call_exit(w, held);
    return options;
}

static void words_of_no_lane(const weir_failure *f, weir_error *error) {
    const weir_options options = options_of(f);
    (void)weir_fail(error, f->status,
                    "%s: the thread got no lane: all %u of lanes_max are taken, or cannot be made "
                    "for now, or appends are nested too deep in handlers; raise "
                    "weir_options.lanes_max, or let threads that appended end",
                    f->call, (unsigned)options.lanes_max);
}

/* number: it has waited. */
static void words_of_no_room(const weir_failure *f, weir_error *error) {
    const weir_options options = options_of(f);
    char waited[64] = "at once (WEIR_FULL_FAIL, or a thread that may not wait)";
    if (f->number)
        (void)snprintf(waited, sizeof waited, "after full_timeout_ms (%u)",
                       (unsigned)options.full_timeout_ms);
    (void)weir_fail(
        error, f->status,
        "%s: the thread's lane (lane_bytes: %llu) is full, and the append was refused %s: "
        "rows come faster than the disk takes them, or the journal is at "
        "journal_limit_bytes (%llu) because SQLite is behind; raise what is short, or "
        "append again later",
        f->call, (ull)options.lane_bytes, waited, (ull)options.journal_limit_bytes);
}

/* ---- facts: on the failing path, in signal handlers too -------------------------------------- */

static int note_of_table(const weir_table *t, weir_failure f) {
    f.of = t;
    f.generation = t->generation;
    return weir_note_failure(&f);
}

static int note_argument(const char *call, const char *what) {
    const weir_failure f = {
        .words = words_of_argument, .call = call, .of = what, .status = WEIR_MISUSE};
    return weir_note_failure(&f);
}

static unsigned fault_of(const weir_value *v) {
    switch (v->type) {
    case WEIR_TEXT:
    case WEIR_BLOB: return FAULT_NO_BYTES;
    case WEIR_OVERLONG: return FAULT_OVERLONG;
    case WEIR_UNSIGNED_ABOVE_: return FAULT_UNSIGNED;
    case WEIR_POINTER_: return FAULT_POINTER;
    default: return FAULT_TYPE;
    }
}

/* The first value that cannot be stored; false: each can, as far as the call itself has looked. */
static bool note_bad_value(const char *call, const weir_table *t, const weir_value *values,
                           size_t count, size_t rows, int status) {
    uint64_t bytes = 0;
    for (size_t i = 0; i / count < rows && bytes <= UINT32_MAX; i++) {
        int ignored;
        if (i % count == 0) bytes += weir_row_bound(values + i, count);
        if (weir_row_size(&values[i], 1, &ignored)) continue;
        weir_failure f = {.words = words_of_value,
                          .call = call,
                          .number = (uint64_t)i << FAULT_BITS | fault_of(&values[i]),
                          .status = (int16_t)status};
        (void)note_of_table(t, f);
        return true;
    }
    return false;
}

/* An upper bound of what the rows take in a lane, so never less than the half that they exceed. */
static uint64_t bytes_of(const weir_table *t, const weir_value *values, size_t columns,
                         size_t rows) {
    uint64_t bytes = 0;
    for (size_t r = 0; r < rows && bytes <= UINT32_MAX; r++)
        bytes += weir_record_bytes(weir_row_bound(values + r * columns, columns)) +
                 (t->key >= 0 ? 8 : 0);
    return bytes;
}

int weir_append_explain(const char *call, const weir_table *t, const weir_value *values,
                        size_t count, size_t rows, int status) {
    if (status >= 0 || status == WEIR_FULL) return status;
    if (!t) return note_argument(call, "table is NULL; weir_declare() gives it, when it answers 0");
    if (status == WEIR_MISUSE && !values) return note_argument(call, "values is NULL");
    if (status == WEIR_MISUSE && rows == 0) return note_argument(call, "rows is 0");
    if (status == WEIR_MISUSE && count != t->columns)
        return note_of_table(t, (weir_failure){.words = words_of_count,
                                               .call = call,
                                               .number = count,
                                               .status = (int16_t)status});
    bool of_values = status == WEIR_MISUSE || status == WEIR_TOO_BIG;
    if (of_values && note_bad_value(call, t, values, count, rows, status)) return status;
    weir_failure f = {.words = words_of_status, .call = call, .status = (int16_t)status};
    if (status == WEIR_TOO_BIG) {
        f.words = words_of_size;
        f.number = bytes_of(t, values, count, rows);
    }
    return note_of_table(t, f);
}

static void note_of_handle(const weir *w, void (*words)(const weir_failure *f, weir_error *error),
                           bool waited) {
    const weir_failure f = {.words = words,
                            .call = "append", /* by whichever call: weir_commit() too */
                            .of = w,
                            .number = waited,
                            .generation = w->generation,
                            .status = WEIR_FULL};
    (void)weir_note_failure(&f);
}

void weir_append_had_no_lane(weir *w) {
    weir_journaler_lane_refused(&w->journaler);
    note_of_handle(w, words_of_no_lane, false);
}

void weir_append_had_no_room(const weir *w, bool waited) {
    note_of_handle(w, words_of_no_room, waited);
}
