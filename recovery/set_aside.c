/* set_aside.c - the verbs aside list and aside drop: damaged segments that salvage has set aside, and
 * which of them nobody needs.
 *
 * A file is needed while rows may still come out of it: rows that the database has not, or rows that
 * are lost, which salvage --undo would take from a mended copy in its place. Which rows it holds, the
 * headers of its sound blocks say; damaged blocks may be before, between and behind them, and so may
 * the rows of a loss. What cannot be told counts as needed.
 *
 * The files are listed before the database and the file losses are read: salvage records what is lost
 * before it sets a file aside. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/format/names.h"
#include "../lib/format/segment.h"
#include "exits.h"
#include "json.h"
#include "loss_file.h"
#include "report.h"
#include "verbs.h"

typedef struct aside_file {
    char *path;
    uint64_t number, bytes;
    weir_id journal;    /* zeros: no header in it is sound */
    uint64_t first_row; /* of sound blocks; 0: there is none with rows */
    uint64_t last_row;
    char why[300]; /* it is needed; empty: it is not */
} aside_file;

typedef struct aside_files {
    const weir_arguments *arguments;
    const weir_place *place;
    aside_file *list;
    size_t count;
    weir_database_view database; /* its losses are joined with those of the file */
} aside_files;

/* ---- what is in them --------------------------------------------------------------------- */

/* A file that was used again may have older blocks behind its own, and they are none of it. */
static void note_block(aside_file *f, const weir_block_header *h, uint64_t first_block) {
    if (h->block < first_block) return;
    weir_id_copy(f->journal, h->journal);
    if (h->rows == 0) return;
    if (!f->first_row || h->first_row < f->first_row) f->first_row = h->first_row;
    uint64_t last = h->first_row + h->rows - 1;
    if (last > f->last_row) f->last_row = last;
}

/* A block stands where its header says, so bytes of a row that look like one are none. */
static int note_blocks(const weir_os *os, int file, aside_file *f) {
    uint8_t bytes[WEIR_SEGMENT_HEADER]; /* the longer of both */
    weir_segment_header head = {0};
    weir_block_header h;
    int result = 0;
    for (uint64_t at = 0; result >= 0 && f->bytes - at >= sizeof bytes;) {
        result = weir_read_full(os, file, bytes, sizeof bytes, at);
        if (result < 0) return result;
        bool block = at && weir_block_header_decode(bytes, &h) == WEIR_OK && h.offset == at;
        if (block) note_block(f, &h, head.first_block);
        if (at == 0 && weir_segment_header_decode(bytes, &head) == WEIR_OK)
            weir_id_copy(f->journal, head.journal);
        uint64_t extent = block ? weir_block_extent(&h) : WEIR_BLOCK_ALIGN;
        if (f->bytes - at <= extent) break;
        at += extent;
    }
    return result;
}

static int read_aside(const weir_os *os, aside_file *f, weir_error *error) {
    int file = os->open(os->self, WEIR_OS_CWD, f->path, WEIR_OS_READ);
    int result = file < 0 ? file : note_blocks(os, file, f);
    if (file >= 0) (void)os->close(os->self, file); /* it was only read */
    return result < 0 ? weir_fail_os(error, result, "cannot read %s", f->path) : WEIR_OK;
}

/* ---- which there are --------------------------------------------------------------------- */

static uint64_t aside_number(const char *name) {
    uint64_t number = weir_number_in_name(name, "damaged-blocks-segment");
    return number ? number : weir_number_in_name(name, "damaged-header-segment");
}

static int list_aside_file(void *context, const char *name) {
    aside_files *a = context;
    const weir_os *os = a->place->os;
    weir_os_info info;
    aside_file f = {.number = aside_number(name)};
    if (strncmp(name, "damaged-", 8) != 0 || !f.number) return 0;
    if (asprintf(&f.path, "%s/%s", a->place->directory, name) < 0) return -ENOMEM;
    aside_file *grown = realloc(a->list, (a->count + 1) * sizeof *grown);
    if (grown) a->list = grown;
    bool there = os->info(os->self, WEIR_OS_CWD, f.path, &info) >= 0 && info.is_file;
    if (!grown || !there) {
        free(f.path);
        return grown ? 0 : -ENOMEM;
    }
    f.bytes = info.bytes;
    a->list[a->count++] = f;
    return 0;
}

static int by_segment(const void *a, const void *b) {
    const aside_file *x = a, *y = b;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* ---- who needs them ---------------------------------------------------------------------- */

static const weir_position *known_position(const aside_files *a, const weir_id journal) {
    for (size_t i = 0; i < a->database.count; i++)
        if (weir_id_equal(a->database.positions[i].journal, journal))
            return &a->database.positions[i];
    return NULL;
}

/* Damaged blocks may stand right before and right behind the sound ones. */
static bool may_hold(const aside_file *f, const weir_loss *loss) {
    if (loss->segment == f->number || loss->first_row == 0 || f->first_row == 0) return true;
    return loss->first_row <= f->last_row + 1 && loss->last_row + 1 >= f->first_row;
}

static void judge_losses(const aside_files *a, aside_file *f) {
    const weir_losses *losses = &a->database.losses;
    for (size_t i = 0; i < losses->count && !f->why[0]; i++) {
        const weir_loss *loss = &losses->list[i];
        bool ours = weir_id_is_none(f->journal) || weir_id_is_none(loss->journal) ||
                    weir_id_equal(loss->journal, f->journal);
        if (!ours || !may_hold(f, loss)) continue;
        const char *where =
            loss->in_database ? "the table weir_loss" : "the file losses of the journal";
        if (loss->first_row)
            (void)snprintf(f->why, sizeof f->why,
                           "rows %" PRIu64 " to %" PRIu64
                           " are lost (%s), and a mended copy of this file may bring them back",
                           loss->first_row, loss->last_row, where);
        else
            (void)snprintf(f->why, sizeof f->why,
                           "rows are lost of which nobody knows the numbers (%s)", where);
    }
}

static void judge_need(const aside_files *a, aside_file *f) {
    const weir_position *position = known_position(a, f->journal);
    if (a->database.state != WEIR_DATABASE_READ)
        (void)snprintf(f->why, sizeof f->why, "the database cannot be asked what it has: %s",
                       a->database.why[0] ? a->database.why : "it is not there");
    else if (!weir_id_is_none(f->journal) && !position)
        (void)snprintf(f->why, sizeof f->why, "it is of a journal that the database does not know");
    else if (position && f->last_row > position->row)
        (void)snprintf(f->why, sizeof f->why,
                       "the database has rows up to %" PRIu64 ", and this file up to %" PRIu64,
                       position->row, f->last_row);
    else
        judge_losses(a, f);
}

static int look_at_files(aside_files *a, weir_error *error) {
    const weir_place *place = a->place;
    weir_losses in_file;
    if (!place->journal_is_there)
        return weir_fail(error, WEIR_NOT_FOUND, "there is no journal at %s", place->directory);
    int result =
        place->os->list(place->os->self, WEIR_OS_CWD, place->directory, list_aside_file, a);
    if (result < 0) return weir_fail_os(error, result, "cannot read %s", place->directory);
    if (a->count) qsort(a->list, a->count, sizeof *a->list, by_segment);
    int status = WEIR_OK;
    for (size_t i = 0; status == WEIR_OK && i < a->count; i++)
        status = read_aside(place->os, &a->list[i], error);
    if (status == WEIR_OK && weir_database_look(place->database, &a->database) != WEIR_OK)
        status = weir_fail(error, WEIR_NO_MEMORY, "no memory to read %s", place->database);
    if (status == WEIR_OK)
        status = weir_loss_file_read(place->os, place->directory, &in_file, error);
    if (status != WEIR_OK) return status;
    if (weir_losses_join(&a->database.losses, &in_file) != WEIR_OK)
        status = weir_fail(error, WEIR_NO_MEMORY, "no memory for the list of lost rows");
    weir_losses_free(&in_file);
    for (size_t i = 0; status == WEIR_OK && i < a->count; i++)
        judge_need(a, &a->list[i]);
    return status;
}

static void free_files(aside_files *a) {
    for (size_t i = 0; i < a->count; i++)
        free(a->list[i].path);
    free(a->list);
    weir_database_free(&a->database);
}

/* ---- what is said ------------------------------------------------------------------------ */

static void json_file(const aside_file *f, const char *type) {
    weir_json json = weir_json_begin(stdout, type);
    weir_json_text(&json, "path", f->path);
    weir_json_uint(&json, "segment", f->number);
    weir_json_uint(&json, "bytes", f->bytes);
    weir_json_uint(&json, "first_row", f->first_row);
    weir_json_uint(&json, "last_row", f->last_row);
    weir_json_bool(&json, "needed", f->why[0] != 0);
    weir_json_text(&json, "why", f->why[0] ? f->why : NULL);
    weir_json_end(&json);
}

static void say_file(const aside_files *a, const aside_file *f, const char *type,
                     const char *what) {
    if (a->arguments->json) {
        json_file(f, type);
        return;
    }
    printf("%s: %" PRIu64 " bytes", f->path, f->bytes);
    if (f->first_row)
        printf(", rows %" PRIu64 " to %" PRIu64 " can be read", f->first_row, f->last_row);
    if (!f->first_row) printf(", no rows can be read");
    printf("; %s%s%s\n", what, f->why[0] ? ": " : "", f->why);
}

int weir_run_aside_list(const weir_arguments *arguments, const weir_place *place) {
    aside_files a = {.arguments = arguments, .place = place};
    weir_error error = {0};
    int status = look_at_files(&a, &error);
    for (size_t i = 0; status == WEIR_OK && i < a.count; i++)
        say_file(&a, &a.list[i], "aside", a.list[i].why[0] ? "needed" : "not needed");
    if (status == WEIR_OK && !a.count && !arguments->json)
        printf("%s: no file is set aside\n", place->directory);
    free_files(&a);
    return status == WEIR_OK ? WEIR_EXIT_CLEAN : weir_report_error(arguments, &error);
}

static int drop_one(const aside_files *a, const aside_file *f, weir_error *error) {
    const weir_os *os = a->place->os;
    bool given_up = f->why[0] != 0, dry = a->arguments->dry_run;
    int result = dry ? 0 : os->unlink(os->self, WEIR_OS_CWD, f->path);
    if (result < 0) return weir_fail_os(error, result, "cannot delete %s", f->path);
    if (dry)
        say_file(a, f, "would_drop",
                 given_up ? "would be deleted, and given up" : "would be deleted");
    else
        say_file(a, f, "dropped", given_up ? "deleted, and given up" : "deleted");
    return WEIR_OK;
}

int weir_run_aside_drop(const weir_arguments *arguments, const weir_place *place) {
    aside_files a = {.arguments = arguments, .place = place};
    weir_error error = {0};
    size_t dropped = 0;
    int status = look_at_files(&a, &error);
    for (size_t i = 0; status == WEIR_OK && i < a.count; i++) {
        const aside_file *f = &a.list[i];
        if (f->why[0] && !arguments->all) {
            say_file(&a, f, "not_dropped", "stays");
            continue;
        }
        status = drop_one(&a, f, &error);
        dropped += status == WEIR_OK;
    }
    if (dropped && !arguments->dry_run) {
        int result = place->os->sync_directory(place->os->self, WEIR_OS_CWD, place->directory);
        if (result < 0 && status == WEIR_OK)
            status = weir_fail_os(&error, result, "cannot sync the directory %s", place->directory);
    }
    if (status == WEIR_OK && !a.count && !arguments->json)
        printf("%s: no file is set aside\n", place->directory);
    free_files(&a);
    return status == WEIR_OK ? WEIR_EXIT_CLEAN : weir_report_error(arguments, &error);
}
