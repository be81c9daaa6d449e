/* forget.c - the verb forget: the database is accepted as it is, and a new journal is begun at the next
 * opening. The old one is renamed, and nothing of it is deleted. What the database thereby lacks is
 * recorded in its table weir_forgotten, before the directory is renamed: so at no time is a journal
 * aside that the database does not know of. When the same journal is opened again, because it was moved
 * back or because the verb was interrupted, the record is removed. */
#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/base/shell_word.h"
#include "../writer/sqlite/former.h"
#include "../writer/sqlite/sqlite_error.h"
#include "exits.h"
#include "formers.h"
#include "json.h"
#include "patience.h"
#include "report.h"
#include "verbs.h"

typedef struct forgetting {
    const weir_arguments *arguments;
    const weir_place *place;
    weir_view view;
    char *aside;
    uint64_t first, last; /* rows that the database will not have; 1, 0: none */
    uint64_t left;        /* how many of them the journal still has */
    uint64_t first_kept;
    bool unclear; /* the journal has rows, and nobody can tell which of them the database has */
} forgetting;

/* ---- what is left out ------------------------------------------------------------------ */

static void count_left(forgetting *f) {
    const weir_inventory *i = &f->view.inventory;
    uint64_t ring = f->view.ring.rows + f->view.ring.recorded;
    uint64_t end = i->extent_count ? i->extents[i->extent_count - 1].next_row - 1 : 0;
    uint64_t begin = i->extent_count ? i->extents[0].first_row : end + 1;
    uint64_t applied = i->position.row;
    f->first = applied + 1;
    f->last = (end > applied ? end : applied) + ring;
    f->first_kept = begin > f->first ? begin : f->first;
    if (f->first_kept > end + 1 && !ring) f->first_kept = 0;
    f->left = (end > applied ? end + 1 - f->first_kept : 0) + ring;
    f->unclear = i->verdict == WEIR_VERDICT_DIVERGED || i->verdict == WEIR_VERDICT_MIXED ||
                 weir_verdict_status(i->verdict) == WEIR_DAMAGED ||
                 weir_verdict_status(i->verdict) == WEIR_VERSION;
}

static void say_rows(const forgetting *f, char *text, size_t size) {
    if (f->unclear)
        (void)snprintf(text, size,
                       "rows of which nobody can tell whether this database has them (%.200s)",
                       weir_verdict_text(f->view.inventory.verdict));
    else
        (void)snprintf(text, size,
                       "%" PRIu64 " rows (up to row %" PRIu64 ") that are not in %.200s", f->left,
                       f->last, f->place->database); /* a cut text is still a text */
}

/* The sink that lacks the most rows of this journal; NULL: none lacks any. Of a record that cannot be
 * used nobody knows. */
static const weir_sink_view *sink_that_lacks(const forgetting *f) {
    const weir_sink_views *sinks = &f->view.sinks;
    const weir_sink_view *most = NULL;
    for (size_t i = 0; i < sinks->count; i++) {
        const weir_sink_view *v = &sinks->list[i];
        if (v->note.status != WEIR_OK) return v;
        if (v->ours && v->waiting && (!most || v->waiting > most->waiting)) most = v;
    }
    return most;
}

/* The next journal knows nothing of them. */
static int check_sinks_consent(const forgetting *f, weir_error *error) {
    const weir_sink_view *v = sink_that_lacks(f);
    char rows[80];
    if (!v || f->arguments->yes || f->arguments->dry_run) return WEIR_OK;
    (void)snprintf(rows, sizeof rows, "%" PRIu64 " rows", v->waiting); /* it fits */
    return weir_fail(error, WEIR_FOREIGN,
                     "%.150s has %s that its sink %s has not got; open it with that sink first, or "
                     "leave them there (weir forget --yes %s%s%s%s)",
                     f->place->directory, v->note.status == WEIR_OK ? rows : "perhaps rows",
                     v->note.record.name, f->arguments->journal ? "--journal " : "",
                     f->arguments->journal ? weir_shell_quote(f->place->directory, 100).text : "",
                     f->arguments->journal ? " " : "",
                     weir_shell_quote(f->place->database, 100).text);
}

/* Nothing is deleted, but nobody would look for these rows again. */
static int check_consent(const forgetting *f, weir_error *error) {
    char rows[500];
    if (!f->left && !f->unclear) return check_sinks_consent(f, error);
    if (f->arguments->yes || f->arguments->dry_run) return WEIR_OK;
    say_rows(f, rows, sizeof rows);
    const char *directory = f->place->directory;
    weir_shell_word word = weir_shell_quote(directory, 150);
    return weir_fail(
        error, WEIR_FOREIGN,
        "%s has %s; leave them there (weir forget --yes %s%s%s%s), or bring them out into "
        "another database (weir replay --into NEW %s)",
        directory, rows, f->arguments->journal ? "--journal " : "",
        f->arguments->journal ? word.text : "", f->arguments->journal ? " " : "",
        weir_shell_quote(f->place->database, 150).text, word.text);
}

/* ---- the record ------------------------------------------------------------------------ */

static int insert_entry(const forgetting *f, sqlite3 *db, weir_error *error) {
    sqlite3_stmt *s;
    int status = weir_sqlite_prepare(db,
                                     "REPLACE INTO weir_forgotten VALUES(?1, ?2, ?3, ?4, ?5, "
                                     "strftime('%Y-%m-%d %H:%M:%S', 'now'))",
                                     &s, error);
    if (status != WEIR_OK) return status;
    bool rows = f->last >= f->first;
    int code = sqlite3_bind_blob(s, 1, f->view.inventory.journal, sizeof(weir_id), SQLITE_STATIC);
    if (code == SQLITE_OK) code = sqlite3_bind_text(s, 2, f->aside, -1, SQLITE_STATIC);
    if (code == SQLITE_OK && rows) code = sqlite3_bind_int64(s, 3, (sqlite3_int64)f->first);
    if (code == SQLITE_OK && rows) code = sqlite3_bind_int64(s, 4, (sqlite3_int64)f->last);
    if (code == SQLITE_OK && rows && f->first_kept)
        code = sqlite3_bind_int64(s, 5, (sqlite3_int64)f->first_kept);
    if (code == SQLITE_OK) code = sqlite3_step(s);
    if (code != SQLITE_DONE) status = weir_sqlite_fail(db, "noting what is forgotten", error);
    (void)sqlite3_finalize(s); /* repeats the step's code */
    return status;
}

/* The journal that was at this place. */
static int insert_place(const forgetting *f, sqlite3 *db, weir_error *error) {
    sqlite3_stmt *s;
    if (!weir_sqlite_has_column(db, "weir_journal", "directory")) return WEIR_OK;
    int status = weir_sqlite_prepare(
        db,
        "INSERT OR IGNORE INTO weir_forgotten SELECT journal, NULL, NULL, NULL, NULL, "
        "strftime('%Y-%m-%d %H:%M:%S', 'now') FROM main.weir_journal WHERE directory = ?1",
        &s, error);
    if (status != WEIR_OK) return status;
    int code = sqlite3_bind_text(s, 1, f->place->directory, -1, SQLITE_STATIC);
    if (code == SQLITE_OK) code = sqlite3_step(s);
    if (code != SQLITE_DONE) status = weir_sqlite_fail(db, "noting what is forgotten", error);
    (void)sqlite3_finalize(s); /* repeats the step's code */
    return status;
}

/* Without a journal: all that are gone, so that nobody misses them again. One that is there and is
 * thought to be gone is remembered again when it is opened. */
static int insert_gone(const forgetting *f, sqlite3 *db, weir_error *error) {
    if (f->arguments->journal) return insert_place(f, db, error);
    if (!weir_sqlite_has_column(db, "weir_position", "closed")) return WEIR_OK;
    return weir_sqlite_run(
        db,
        "INSERT OR IGNORE INTO weir_forgotten SELECT journal, NULL, NULL, NULL, NULL, "
        "strftime('%Y-%m-%d %H:%M:%S', 'now') FROM main.weir_position WHERE closed IS NOT 1",
        error);
}

/* Of journals that are forgotten nobody is to be reminded. */
static int drop_entries(sqlite3 *db, weir_error *error) {
    if (!weir_sqlite_has_column(db, "weir_journal", "journal")) return WEIR_OK;
    return weir_sqlite_run(db,
                           "DELETE FROM main.weir_journal WHERE journal IN (SELECT journal FROM "
                           "main.weir_forgotten)",
                           error);
}

typedef enum step { RECORD, DROP_ENTRIES } step;

static int write_step(const forgetting *f, sqlite3 *db, step which, weir_error *error) {
    int status =
        weir_sqlite_run(db,
                        "PRAGMA synchronous=FULL; BEGIN IMMEDIATE; CREATE TABLE IF NOT EXISTS "
                        "main.weir_forgotten(journal BLOB PRIMARY KEY, directory TEXT, "
                        "first_row INTEGER, last_row INTEGER, first_kept INTEGER, noted TEXT) "
                        "WITHOUT ROWID",
                        error);
    if (status == WEIR_OK && which == DROP_ENTRIES)
        status = drop_entries(db, error);
    else if (status == WEIR_OK)
        status =
            f->place->journal_is_there ? insert_entry(f, db, error) : insert_gone(f, db, error);
    return status == WEIR_OK ? weir_sqlite_run(db, "COMMIT", error) : status;
}

static int write_database(const forgetting *f, step which, weir_error *error) {
    sqlite3 *db = NULL;
    if (!f->place->database_is_there) return WEIR_OK; /* the next opening makes a new one */
    int status = weir_patience_open(f->place->database, 0, f->arguments->wait_s, &db, error);
    if (status == WEIR_OK) status = write_step(f, db, which, error);
    (void)sqlite3_close(db); /* rolls back what was not committed; statements are finalized */
    return status;
}

/* ---- the directory --------------------------------------------------------------------- */

static int sync_parent(const forgetting *f, weir_error *error) {
    const weir_os *os = f->place->os;
    const char *slash = strrchr(f->place->directory, '/');
    char *parent = slash ? strndup(f->place->directory, (size_t)(slash - f->place->directory) + 1)
                         : strdup(".");
    int done = parent ? os->sync_directory(os->self, WEIR_OS_CWD, parent) : -ENOMEM;
    if (done < 0)
        (void)weir_fail_os(error, done, "cannot sync the directory of %s", f->place->directory);
    free(parent);
    return done < 0 ? error->status : WEIR_OK;
}

/* The name was free a moment ago; another tool that takes it meanwhile makes this fail. */
static int rename_aside(const forgetting *f, weir_error *error) {
    const weir_os *os = f->place->os;
    int done = os->rename(os->self, WEIR_OS_CWD, f->place->directory, WEIR_OS_CWD, f->aside);
    if (done < 0)
        return weir_fail_os(error, done, "cannot rename %s to %s", f->place->directory, f->aside);
    return sync_parent(f, error);
}

/* Held, so that no process opens the journal meanwhile. *file: -1 where there is none to lock. */
static int lock_journal(const forgetting *f, int *file, weir_error *error) {
    const weir_os *os = f->place->os;
    int64_t holder;
    char *path;
    if (asprintf(&path, "%s/lock", f->place->directory) < 0)
        return weir_fail(error, WEIR_NO_MEMORY, "no memory for a path");
    *file = os->open(os->self, WEIR_OS_CWD, path, WEIR_OS_WRITE);
    int locked = *file < 0 ? *file : os->lock(os->self, *file, &holder);
    free(path);
    if (locked >= 0 || locked == -ENOENT) return WEIR_OK;
    if (locked == -EAGAIN)
        return weir_fail(error, WEIR_LOCKED, "%s was just opened by another process",
                         f->place->directory);
    return weir_fail_os(error, locked, "cannot lock %s/lock", f->place->directory);
}

static int record_and_rename(const forgetting *f, weir_error *error) {
    int file = -1;
    int status = lock_journal(f, &file, error);
    if (status == WEIR_OK) status = write_database(f, RECORD, error);
    if (status == WEIR_OK) status = rename_aside(f, error);
    if (file >= 0) (void)f->place->os->close(f->place->os->self, file); /* which unlocks it */
    return status == WEIR_OK ? write_database(f, DROP_ENTRIES, error) : status;
}

/* ---- the verb -------------------------------------------------------------------------- */

static void json_result(const forgetting *f) {
    weir_json json = weir_json_begin(stdout, "forgot");
    weir_json_text(&json, "database", f->place->database);
    weir_json_text(&json, "journal", f->place->directory);
    weir_json_hex(&json, "journal_id", f->view.inventory.journal, sizeof(weir_id));
    weir_json_text(&json, "kept_in", f->aside);
    weir_json_uint(&json, "rows_left", f->left);
    weir_json_uint(&json, "first_row", f->last >= f->first ? f->first : 0);
    weir_json_uint(&json, "last_row", f->last >= f->first ? f->last : 0);
    weir_json_bool(&json, "unclear", f->unclear);
    weir_json_bool(&json, "dry_run", f->arguments->dry_run);
    weir_json_end(&json);
}

static void word_result(const forgetting *f) {
    char rows[500];
    const char *would = f->arguments->dry_run ? "would be " : "";
    printf("%s: the next opening begins a new journal; the old one %s %s\n", f->place->database,
           f->arguments->dry_run ? "would be" : "is", f->aside);
    if (f->left || f->unclear) {
        say_rows(f, rows, sizeof rows);
        printf("  %sleft there: %s\n  bring them out (weir replay --into NEW %s)\n", would, rows,
               weir_shell_quote(f->arguments->dry_run ? f->place->directory : f->aside,
                                WEIR_SHELL_WORD_BYTES)
                   .text);
    }
    const weir_sink_view *lacks = sink_that_lacks(f);
    if (lacks)
        printf("  %sleft there: rows that its sink %s has not got\n", would,
               lacks->note.record.name);
    if (!f->arguments->dry_run)
        printf("  to go back: move %s away if there is one by then, and mv %s %s\n",
               f->place->directory, weir_shell_quote(f->aside, WEIR_SHELL_WORD_BYTES).text,
               weir_shell_quote(f->place->directory, WEIR_SHELL_WORD_BYTES).text);
}

static int forget_present(forgetting *f, weir_error *error) {
    count_left(f);
    char *real = realpath(f->place->directory, NULL); /* it is recorded: no relative path */
    f->aside = real ? weir_forgotten_name(real) : NULL;
    free(real);
    if (!f->aside)
        return weir_fail(error, WEIR_NO_MEMORY, "%s: no name is free to set it aside",
                         f->place->directory);
    int status = check_consent(f, error);
    if (status == WEIR_OK && !f->arguments->dry_run) status = record_and_rename(f, error);
    if (status != WEIR_OK) return status;
    if (f->arguments->json)
        json_result(f);
    else
        word_result(f);
    return WEIR_OK;
}

/* A database that no journal has filled stays as it is. */
static int note_gone(const forgetting *f, weir_error *error) {
    weir_formers formers;
    int status = weir_formers_look(f->place->database, &formers);
    bool fed = formers.fed || formers.count;
    weir_formers_free(&formers);
    if (status != WEIR_OK)
        return weir_fail(error, status, "no memory to read %s", f->place->database);
    if (!fed || f->arguments->dry_run) return WEIR_OK;
    status = write_database(f, RECORD, error);
    return status == WEIR_OK ? write_database(f, DROP_ENTRIES, error) : status;
}

static int forget_gone(forgetting *f, weir_error *error) {
    int status = note_gone(f, error);
    if (status != WEIR_OK) return status;
    if (f->arguments->json)
        json_result(f);
    else
        printf("%s: there is no journal at %s; the next opening begins one\n", f->place->database,
               f->place->directory);
    return WEIR_OK;
}

static int check_database(const forgetting *f, weir_error *error) {
    const char *why = f->view.database.why;
    if (f->view.database.state != WEIR_DATABASE_UNREADABLE) return WEIR_OK;
    return weir_fail(
        error, WEIR_DATABASE,
        "%s cannot be read, so nothing can be noted in it: %s; put another database in "
        "its place first",
        f->place->database, why);
}

static int look_and_forget(forgetting *f, weir_error *error) {
    weir_view_input input = {.os = f->place->os, .place = f->place, .database = f->place->database};
    int status = weir_view_take(&input, &f->view, error);
    if (status != WEIR_OK) return status;
    status = weir_view_check_owner(&f->view, f->arguments, f->place, error);
    if (status == WEIR_OK) status = check_database(f, error);
    if (status == WEIR_OK) status = forget_present(f, error);
    weir_view_free(&f->view);
    return status;
}

static int check_place(const weir_place *place, weir_error *error) {
    char who[WEIR_HOLDER_TEXT];
    if (!place->database)
        return weir_fail(error, WEIR_MISUSE,
                         "%s does not tell whose journal it is: name the database, and the journal "
                         "with --journal",
                         place->directory);
    weir_holder holder = weir_handle_holder(place->os, place->directory);
    if (!holder.is_there) return WEIR_OK;
    return weir_fail(error, WEIR_LOCKED, "%s is open in %s: end that first", place->directory,
                     weir_holder_text(holder, who));
}

int weir_run_forget(const weir_arguments *arguments, const weir_place *place) {
    forgetting f = {.arguments = arguments, .place = place, .first = 1};
    weir_error error = {0};
    int status = check_place(place, &error);
    if (status == WEIR_OK)
        status = place->journal_is_there ? look_and_forget(&f, &error) : forget_gone(&f, &error);
    free(f.aside);
    return status == WEIR_OK ? WEIR_EXIT_CLEAN : weir_report_error(arguments, &error);
}
