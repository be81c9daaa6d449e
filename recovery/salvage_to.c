/* salvage_to.c - all that can be read of a database and its journal, into a new file. */
#include "salvage_to.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "../lib/base/shell_word.h"
#include "check_database.h"
#include "copy_database.h"
#include "exits.h"
#include "json.h"
#include "rebuild.h"
#include "report.h"

typedef struct saving {
    weir_arguments arguments; /* as for replay */
    const weir_place *place;
    weir_unread unread;
    weir_copied copied;
    bool readable; /* the old database was opened */
} saving;

static int check_new(const saving *s, weir_error *error) {
    static const char *const ends[] = {"", "-wal", "-salvage.json"};
    const char *into = s->arguments.into;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char path[4096];
        struct stat st;
        int length = snprintf(path, sizeof path, "%s%s", into, ends[i]);
        if (length < 0 || (size_t)length >= sizeof path)
            return weir_fail(error, WEIR_MISUSE, "%s: the path is too long", into);
        if (lstat(path, &st) == 0)
            return weir_fail(error, WEIR_MISUSE, "%s is there already: --to fills a new file only",
                             path);
    }
    return WEIR_OK;
}

static void report_copy(const saving *s) {
    const weir_copied *c = &s->copied;
    const char *database = s->place->database;
    bool dry = s->arguments.dry_run;
    if (s->arguments.json) {
        weir_json json = weir_json_begin(stdout, dry ? "would_copy" : "copied");
        weir_json_text(&json, "database", database);
        weir_json_text(&json, "into", s->arguments.into);
        weir_json_bool(&json, "sound", c->sound);
        weir_json_uint(&json, "tables", c->tables);
        weir_json_uint(&json, "rows", c->rows);
        weir_json_bool(&json, "positions", dry || c->has_positions);
        weir_json_end(&json);
    } else if (dry) {
        printf("%s: would be copied %s\n", database,
               c->sound ? "whole" : "table by table, since it is damaged: what can be read of it");
    } else if (c->sound) {
        printf("%s: copied whole\n", database);
    } else {
        printf("%s: damaged; %" PRIu64 " rows of %" PRIu64 " tables could be read\n", database,
               c->rows, c->tables);
    }
}

static void note_unopened(saving *s, const weir_error *error) {
    weir_unread_part part = {.file = s->place->database};
    (void)snprintf(part.why, sizeof part.why, "%.190s",
                   error->text); /* a cut text is still a text */
    weir_unread_add(&s->unread, &part);
    weir_report_note("%s; its rows can come only from the journal", error->text);
}

/* One that cannot even be opened has left nothing to copy: then the journal says all there is. */
static int copy_old(saving *s, weir_error *error) {
    const weir_place *p = s->place;
    if (!p->database || !p->database_is_there) return WEIR_OK;
    int status = weir_copy_database_look(p->database, &s->copied, error);
    s->readable = status == WEIR_OK;
    if (!s->readable) {
        note_unopened(s, error);
        *error = (weir_error){0};
        return WEIR_OK;
    }
    if (!s->arguments.dry_run)
        status = weir_copy_database(p->database, s->arguments.into, &s->unread, &s->copied, error);
    if (status == WEIR_OK) report_copy(s);
    return status;
}

/* Without a position nobody knows which of the journal's rows the database has already. */
static bool may_add_journal(saving *s) {
    if (!s->place->journal_is_there) {
        weir_report_note("there is no journal at %s", s->place->directory);
        return false;
    }
    if (!s->readable || s->arguments.dry_run || s->copied.has_positions) return true;
    weir_unread_part part = {.file = s->place->database, .table = (char *)"weir_position"};
    (void)snprintf(part.why, sizeof part.why,
                   "nothing says which rows of the journal the tables have, so none is added");
    weir_unread_add(&s->unread, &part);
    weir_report_note(
        "%s: its table weir_position cannot be read, so nothing says which rows of the "
        "journal it has, and none is added; weir replay --skip-damage --into OTHER %s "
        "brings them into another file",
        s->place->database, weir_shell_quote(s->place->directory, WEIR_SHELL_WORD_BYTES).text);
    return false;
}

static int worst(int a, int b) { return a > b ? a : b; }

static int save(saving *s, weir_error *error) {
    const weir_arguments *a = &s->arguments;
    int status = check_new(s, error);
    if (status == WEIR_OK) status = copy_old(s, error);
    if (status != WEIR_OK) return weir_report_error(a, error);
    int code = s->copied.sound || !s->place->database_is_there ? WEIR_EXIT_CLEAN : WEIR_EXIT_DAMAGE;
    bool rehearsed = a->dry_run && s->readable;
    if (may_add_journal(s))
        code = worst(
            code, weir_rebuild(a, s->place, rehearsed ? s->place->database : a->into, &s->unread));
    if (s->unread.count) code = worst(code, WEIR_EXIT_DAMAGE);
    if (a->json) weir_unread_report(&s->unread);
    if (a->dry_run) return code;
    status = weir_unread_write(&s->unread, a->into, s->place->database, s->place->directory, error);
    if (status != WEIR_OK) return weir_report_error(a, error);
    if (s->unread.count)
        weir_report_note("what could not be read is in the table weir_salvage of %s, and in "
                         "%s-salvage.json",
                         a->into, a->into);
    return code;
}

int weir_run_salvage_to(const weir_arguments *arguments, const weir_place *place) {
    saving s = {.arguments = *arguments, .place = place};
    weir_error error = {0};
    s.arguments.into = arguments->save_to;
    s.arguments.skip_damage = true;
    s.arguments.integrity = NULL; /* once, at the end */
    int code = save(&s, &error);
    if (!arguments->dry_run) code = weir_check_database(arguments, arguments->save_to, code);
    weir_unread_free(&s.unread);
    return code;
}
