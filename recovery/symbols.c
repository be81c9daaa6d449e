/* symbols.c - the verb symbols: the crashes that a database's log tells, with functions and lines
 * where the files that crashed are still there. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../lib/base/shell_word.h"
#include "addr2line.h"
#include "exits.h"
#include "json.h"
#include "report.h"
#include "verbs.h"

typedef struct symbol_run {
    bool json;
    bool has_no_program; /* addr2line is missing, which is told once */
} symbol_run;

/* ---- asking ---- */

static bool is_used(const weir_logged_crash *c, const weir_logged_mapping *mapping) {
    for (size_t i = 0; i < c->frame_count; i++)
        if (c->frames[i].mapping == mapping) return true;
    return false;
}

/* The kernel's own code is in no file. */
static bool is_file(const weir_logged_mapping *mapping) { return mapping->path[0] == '/'; }

static int resolve(symbol_run *run, weir_logged_crash *c) {
    for (size_t i = 0; i < c->mapping_count && !run->has_no_program; i++) {
        const weir_logged_mapping *m = &c->mappings[i];
        weir_error error = {0};
        if (!is_file(m) || !is_used(c, m)) continue;
        int status = weir_addr2line(m, c->frames, c->frame_count, &error);
        if (status == WEIR_NO_MEMORY) return status;
        if (status == WEIR_NOT_FOUND && !error.text[0]) {
            run->has_no_program = true;
            weir_report_note("there is no addr2line here, so frames have no functions: install "
                             "binutils (apt install binutils)");
        } else if (status != WEIR_OK) {
            weir_report_note("%s", error.text);
        }
    }
    return WEIR_OK;
}

/* ---- telling ---- */

static void print_function(const weir_frame_source *s, bool is_inlined) {
    printf(" %s", s->function ? s->function : "??");
    if (is_inlined) printf(" (inlined)");
    if (s->place) printf(" at %s", s->place);
}

static void print_frame(const weir_logged_frame *frame, size_t number) {
    for (size_t i = 0; i + 1 < frame->source_count; i++) {
        printf("  #%zu", number);
        print_function(&frame->sources[i], true);
        putchar('\n');
    }
    printf("  #%zu", number);
    if (frame->source_count) print_function(&frame->sources[frame->source_count - 1], false);
    if (frame->mapping)
        printf(" (%s+0x%" PRIx64 ")\n", frame->mapping->path, frame->offset);
    else
        printf(" (0x%" PRIx64 ")\n", frame->address);
}

static void print_crash(const weir_logged_crash *c) {
    char time[WEIR_TIME_TEXT];
    printf("%s thread %" PRId64 ": %s\n", weir_time_text(c->time_ns, time), c->thread, c->head);
    for (size_t i = 0; i < c->frame_count; i++)
        print_frame(&c->frames[i], i);
}

static void json_address(weir_json *json, const char *key, uint64_t address) {
    char text[19];
    (void)snprintf(text, sizeof text, "0x%" PRIx64, address); /* 18 characters at most */
    weir_json_text(json, key, text);
}

static void json_source(const weir_logged_frame *frame, size_t number, size_t source) {
    static const weir_frame_source unknown = {NULL, NULL};
    const weir_frame_source *s = source < frame->source_count ? &frame->sources[source] : &unknown;
    weir_json json = weir_json_begin(stdout, "frame");
    weir_json_uint(&json, "frame", number);
    json_address(&json, "pc", frame->address);
    weir_json_text(&json, "module", frame->mapping ? frame->mapping->path : NULL);
    json_address(&json, "offset", frame->offset);
    weir_json_text(&json, "function", s->function);
    weir_json_text(&json, "place", s->place);
    weir_json_bool(&json, "inlined", source + 1 < frame->source_count);
    weir_json_end(&json);
}

static void json_crash(const weir_logged_crash *c) {
    weir_json json = weir_json_begin(stdout, "crash");
    weir_json_time(&json, "time", c->time_ns);
    weir_json_int(&json, "thread", c->thread);
    weir_json_text(&json, "text", c->head);
    weir_json_end(&json);
    for (size_t i = 0; i < c->frame_count; i++)
        for (size_t s = 0; s == 0 || s < c->frames[i].source_count; s++)
            json_source(&c->frames[i], i, s);
}

static int tell_crash(void *context, weir_logged_crash *crash) {
    symbol_run *run = context;
    int status = resolve(run, crash);
    if (status != WEIR_OK) return status;
    if (run->json)
        json_crash(crash);
    else
        print_crash(crash);
    return WEIR_OK;
}

/* Rows of the last crash may wait in the ring. */
static void note_rows_that_wait(const weir_place *place) {
    weir_view view;
    weir_error error = {0};
    weir_view_input input = {.os = weir_os_posix(), .place = place, .database = place->database};
    if (!place->journal_is_there || weir_view_take(&input, &view, &error) != WEIR_OK) return;
    uint64_t rows = weir_inspection_rows_waiting(&view.inventory, &view.ring);
    if (rows && !view.holder.is_there)
        weir_report_note("%" PRIu64 " rows are not in %s yet, and the last crash may be among "
                         "them: take them in (weir-recover %s)",
                         rows, place->database,
                         weir_shell_quote(place->database, WEIR_SHELL_WORD_BYTES).text);
    weir_view_free(&view);
}

int weir_run_symbols(const weir_arguments *arguments, const weir_place *place) {
    symbol_run run = {.json = arguments->json};
    weir_error error = {0};
    size_t found;
    if (!place->database || !place->database_is_there) {
        (void)weir_fail(&error, WEIR_NOT_FOUND, "there is no database at %s", arguments->target);
        return weir_report_error(arguments, &error);
    }
    note_rows_that_wait(place);
    if (weir_crashes_read(place->database, tell_crash, &run, &found, &error) != WEIR_OK)
        return weir_report_error(arguments, &error);
    if (!found) weir_report_note("%s tells of no crash", place->database);
    return WEIR_EXIT_CLEAN;
}
