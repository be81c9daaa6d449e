/* formers.c - what a database remembers of journals that do not feed it any more. */
#include "formers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../writer/sqlite/former.h"
#include "../writer/sqlite/sqlite_error.h"
#include "database.h"
#include "json.h"

enum { FORGOTTEN_MOST = 10000 };

/* ---- reading --------------------------------------------------------------------------- */

static int take_forgotten(weir_formers *f, sqlite3_stmt *s) {
    if (sqlite3_column_bytes(s, 0) != sizeof(weir_id)) return SQLITE_OK; /* none of ours */
    weir_forgotten *grown = realloc(f->forgotten, (f->count + 1) * sizeof *grown);
    if (!grown) return SQLITE_NOMEM;
    f->forgotten = grown;
    weir_forgotten *one = &grown[f->count];
    *one = (weir_forgotten){.first_row = (uint64_t)sqlite3_column_int64(s, 2),
                            .last_row = (uint64_t)sqlite3_column_int64(s, 3),
                            .first_kept = (uint64_t)sqlite3_column_int64(s, 4)};
    memcpy(one->journal, sqlite3_column_blob(s, 0), sizeof(weir_id));
    const char *directory = (const char *)sqlite3_column_text(s, 1);
    const char *noted = (const char *)sqlite3_column_text(s, 5);
    (void)snprintf(one->noted, sizeof one->noted, "%s", noted ? noted : "");
    if (directory && !(one->directory = strdup(directory))) return SQLITE_NOMEM;
    f->count++;
    return SQLITE_OK;
}

typedef int on_row(weir_formers *f, sqlite3_stmt *s);

static int each(sqlite3 *db, const char *sql, on_row *take, weir_formers *f) {
    sqlite3_stmt *s;
    int code = sqlite3_prepare_v2(db, sql, -1, &s, NULL);
    while (code == SQLITE_OK && (code = sqlite3_step(s)) == SQLITE_ROW)
        code = take(f, s);
    (void)sqlite3_finalize(s); /* repeats what step has said */
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

static bool is_forgotten(const weir_formers *f, const void *journal) {
    for (size_t i = 0; i < f->count; i++)
        if (memcmp(f->forgotten[i].journal, journal, sizeof(weir_id)) == 0) return true;
    return false;
}

/* An older version did not say whether rows waited: then they may have. */
static int take_fed(weir_formers *f, sqlite3_stmt *s) {
    if (sqlite3_column_bytes(s, 0) != sizeof(weir_id)) return SQLITE_OK;
    f->fed = true;
    uint64_t row = (uint64_t)sqlite3_column_int64(s, 1);
    if (sqlite3_column_int64(s, 2) == WEIR_JOURNAL_CLOSED ||
        is_forgotten(f, sqlite3_column_blob(s, 0)))
        return SQLITE_OK;
    f->settled = false;
    if (row > f->missed_row) f->missed_row = row;
    if (sqlite3_column_int64(s, 2) == WEIR_JOURNAL_GONE && row > f->gone_row) f->gone_row = row;
    return SQLITE_OK;
}

static int read_formers(sqlite3 *db, weir_formers *f) {
    int code = SQLITE_OK;
    if (weir_sqlite_has_column(db, "weir_forgotten", "first_kept"))
        code = each(db,
                    "SELECT journal, directory, first_row, last_row, first_kept, noted FROM "
                    "weir_forgotten ORDER BY noted",
                    take_forgotten, f);
    if (code != SQLITE_OK || !weir_sqlite_has_column(db, "weir_position", "row")) return code;
    return each(db,
                weir_sqlite_has_column(db, "weir_position", "closed")
                    ? "SELECT journal, row, closed FROM weir_position"
                    : "SELECT journal, row, NULL FROM weir_position",
                take_fed, f);
}

int weir_formers_look(const char *database, weir_formers *out) {
    struct stat st;
    *out = (weir_formers){.settled = true};
    if (!database || stat(database, &st) != 0) return WEIR_OK;
    sqlite3 *db = NULL;
    int code = weir_database_open_quietly(database, &db);
    if (code == SQLITE_OK) code = read_formers(db, out);
    (void)sqlite3_close(db); /* every statement is finalized */
    if (code == SQLITE_OK) return WEIR_OK;
    weir_formers_free(out);
    return code == SQLITE_NOMEM ? WEIR_NO_MEMORY : WEIR_OK;
}

void weir_formers_free(weir_formers *formers) {
    for (size_t i = 0; i < formers->count; i++)
        free(formers->forgotten[i].directory);
    free(formers->forgotten);
    *formers = (weir_formers){.settled = true};
}

/* ---- names ----------------------------------------------------------------------------- */

char *weir_forgotten_numbered(const char *directory, unsigned n) {
    char *path;
    return asprintf(&path, "%s-forgotten-%u", directory, n) < 0 ? NULL : path;
}

char *weir_forgotten_name(const char *directory) {
    struct stat st;
    for (unsigned n = 1; n <= FORGOTTEN_MOST; n++) {
        char *path = weir_forgotten_numbered(directory, n);
        if (!path || lstat(path, &st) != 0) return path;
        free(path);
    }
    return NULL;
}

/* ---- the report ------------------------------------------------------------------------ */

static void json_forgotten(const weir_forgotten *f) {
    weir_json json = weir_json_begin(stdout, "forgotten");
    weir_json_hex(&json, "journal_id", f->journal, sizeof(weir_id));
    weir_json_text(&json, "directory", f->directory);
    weir_json_uint(&json, "first_row", f->first_row);
    weir_json_uint(&json, "last_row", f->last_row);
    weir_json_uint(&json, "first_kept", f->first_kept);
    weir_json_text(&json, "noted", f->noted);
    weir_json_end(&json);
}

static void word_forgotten(const weir_forgotten *f) {
    printf("  forgotten %s (set aside %s)", f->directory ? f->directory : "a journal that was gone",
           f->noted);
    if (f->last_row >= f->first_row && f->first_row)
        printf(": rows %" PRIu64 " to %" PRIu64 " of it are not in this database", f->first_row,
               f->last_row);
    putchar('\n');
}

static void report_gone_journal(const weir_arguments *arguments, uint64_t row) {
    if (!arguments->json) {
        printf("  gone      a former journal, which was in use: rows after row %" PRIu64
               " of it may be missing\n",
               row);
        return;
    }
    weir_json json = weir_json_begin(stdout, "gone");
    weir_json_uint(&json, "after_row", row);
    weir_json_end(&json);
}

/* One of which the database does not know: it was made afterwards. */
static void report_name(const weir_arguments *arguments, const char *path) {
    if (!arguments->json) {
        printf("  forgotten %s (set aside)\n", path);
        return;
    }
    weir_json json = weir_json_begin(stdout, "forgotten");
    weir_json_null(&json, "journal_id");
    weir_json_text(&json, "directory", path);
    weir_json_end(&json);
}

static bool is_former_told(const weir_formers *f, const char *path) {
    for (size_t i = 0; i < f->count; i++)
        if (f->forgotten[i].directory && weir_is_same_file(f->forgotten[i].directory, path))
            return true;
    return false;
}

void weir_formers_report(const weir_arguments *arguments, const weir_place *place) {
    struct stat st;
    weir_formers f;
    if (weir_formers_look(place->database, &f) != WEIR_OK)
        return; /* the report has shown what counts */
    for (size_t i = 0; i < f.count; i++) {
        if (arguments->json)
            json_forgotten(&f.forgotten[i]);
        else
            word_forgotten(&f.forgotten[i]);
    }
    if (f.gone_row) report_gone_journal(arguments, f.gone_row);
    for (unsigned n = 1; n <= FORGOTTEN_MOST; n++) {
        char *path = weir_forgotten_numbered(place->directory, n);
        bool there = path && lstat(path, &st) == 0;
        if (there && !is_former_told(&f, path)) report_name(arguments, path);
        free(path);
        if (!there) break;
    }
    weir_formers_free(&f);
}
