/* journals.c - the directories of all journals of one database. */
#include "journals.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../../lib/base/shell_word.h"
#include "../../lib/handle/handle.h"
#include "../../lib/verify/inspect.h"
#include "sqlite_error.h"

/* ---- one directory --------------------------------------------------------------------------- */

typedef enum finding {
    NOT_THERE,
    NOTHING_WAITS,
    IS_OPEN,
    ROWS_WAIT,
    UNKNOWN, /* it cannot be judged */
} finding;

typedef struct other { /* the directory of another journal */
    const char *directory;
    uint64_t rows;
    weir_holder holder;
    char why[500];
} other;

static finding judge_other(const weir_journals *j, other *o) {
    weir_inspection look;
    weir_error error = {0};
    weir_inventory_input input = {.os = j->os,
                                  .directory = o->directory,
                                  .positions = j->positions,
                                  .position_count = j->position_count};
    int status = weir_inspect(&input, &look, &error);
    bool refused = status == WEIR_OK && weir_verdict_refuses(look.inventory.verdict);
    (void)snprintf(o->why, sizeof o->why, "%s",
                   status == WEIR_OK ? look.inventory.detail : error.text);
    o->rows = status == WEIR_OK ? weir_inspection_rows_waiting(&look.inventory, &look.ring) : 0;
    weir_inspection_free(&look);
    if (status != WEIR_OK || refused) return UNKNOWN;
    return o->rows ? ROWS_WAIT : NOTHING_WAITS;
}

static finding look_at_other(const weir_journals *j, other *o) {
    weir_os_info info;
    int found = j->os->info(j->os->self, WEIR_OS_CWD, o->directory, &info);
    if (found == -ENOENT || found == -ENOTDIR) return NOT_THERE;
    o->holder = weir_handle_holder(j->os, o->directory);
    return o->holder.is_there ? IS_OPEN : judge_other(j, o);
}

/* ---- all of them ----------------------------------------------------------------------------- */

char *weir_journals_beside(const char *database) { return sqlite3_mprintf("%s-weir", database); }

bool weir_journals_same(const weir_journals *j, const char *a, const char *b) {
    weir_os_info one, two;
    if (strcmp(a, b) == 0) return true;
    return j->os->info(j->os->self, WEIR_OS_CWD, a, &one) >= 0 &&
           j->os->info(j->os->self, WEIR_OS_CWD, b, &two) >= 0 && one.device == two.device &&
           one.inode == two.inode;
}

/* Is this an entry of the original, of which our database is a copy? A copy has the entries too,
 * but the journals belong to the original. */
static bool is_a_copys(const weir_journals *j, const char *database) {
    weir_os_info info;
    return !weir_journals_same(j, database, j->database) &&
           j->os->info(j->os->self, WEIR_OS_CWD, database, &info) >= 0;
}

static int ask(sqlite3 *db, const char *sql, sqlite3_stmt **out, weir_error *error) {
    int64_t there;
    *out = NULL;
    int status =
        weir_sqlite_ask(db, "SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = ?1",
                        "weir_journal", 0, &there, error);
    return status == WEIR_OK && there ? weir_sqlite_prepare(db, sql, out, error) : status;
}

typedef int on_other(void *context, const weir_journals *j, other *o, weir_error *error);

static int visit(const weir_journals *j, const char *directory, on_other *each, void *context,
                 weir_error *error) {
    other o = {.directory = directory};
    return weir_journals_same(j, directory, j->directory) ? WEIR_OK : each(context, j, &o, error);
}

static int visit_entry(const weir_journals *j, sqlite3_stmt *entry, on_other *each, void *context,
                       weir_error *error) {
    const char *directory = (const char *)sqlite3_column_text(entry, 0);
    const char *database = (const char *)sqlite3_column_text(entry, 1);
    if (!directory || !database || is_a_copys(j, database)) return WEIR_OK;
    return visit(j, directory, each, context, error);
}

static int visit_entries(const weir_journals *j, on_other *each, void *context, weir_error *error) {
    sqlite3_stmt *entries;
    int code = SQLITE_DONE;
    int status = ask(j->db, "SELECT directory, database FROM main.weir_journal", &entries, error);
    while (status == WEIR_OK && entries && (code = sqlite3_step(entries)) == SQLITE_ROW)
        status = visit_entry(j, entries, each, context, error);
    if (status == WEIR_OK && code != SQLITE_DONE)
        status = weir_sqlite_fail(j->db, "reading weir_journal", error);
    (void)sqlite3_finalize(entries); /* repeats the step's code */
    return status;
}

/* When the journal is elsewhere, there is usually none beside the database. */
static int visit_all(const weir_journals *j, on_other *each, void *context, weir_error *error) {
    weir_os_info info;
    char *beside = weir_journals_beside(j->database);
    if (!beside) return weir_fail(error, WEIR_NO_MEMORY, "no memory for the journal's path");
    int status = WEIR_OK;
    if (j->os->info(j->os->self, WEIR_OS_CWD, beside, &info) != -ENOENT)
        status = visit(j, beside, each, context, error);
    sqlite3_free(beside);
    return status == WEIR_OK ? visit_entries(j, each, context, error) : status;
}

/* ---- looking --------------------------------------------------------------------------------- */

typedef struct teller {
    void (*each)(void *context, const char *text);
    void *context;
} teller;

static void tell_other(const teller *t, const weir_journals *j, const other *o, finding found) {
    char text[1000], who[WEIR_HOLDER_TEXT];
    if (!t->each) return;
    if (found == IS_OPEN)
        (void)snprintf(text, sizeof text,
                       "%s: another journal of this database, %s, is open in %s: rows of the two "
                       "are applied in no common order, and tables with a WEIR_KEY cannot be "
                       "declared meanwhile",
                       j->database, o->directory, weir_holder_text(o->holder, who));
    else
        (void)snprintf(
            text, sizeof text,
            "%s: its journal at %s is not there now, so rows that may wait in it are not "
            "applied: bring it back; or, if it is gone for good, say so (weir forget --journal "
            "%.300s %.300s)",
            j->database, o->directory, weir_shell_quote(o->directory, 300).text,
            weir_shell_quote(j->database, 300).text);
    t->each(t->context, text);
}

static int refuse_or_tell(void *context, const weir_journals *j, other *o, weir_error *error) {
    finding found = look_at_other(j, o);
    weir_shell_word directory = weir_shell_quote(o->directory, 200);
    weir_shell_word database = weir_shell_quote(j->database, 200);
    switch (found) {
    case NOTHING_WAITS: return WEIR_OK;
    case NOT_THERE:
    case IS_OPEN: tell_other(context, j, o, found); return WEIR_OK;
    case ROWS_WAIT:
        return weir_fail(error, WEIR_FOREIGN,
                         "%s: %" PRIu64
                         " rows wait in its journal at %s, and %s is another one: bring them in "
                         "(weir-recover --journal %s %s), or leave them there (weir forget --yes "
                         "--journal %s %s)",
                         j->database, o->rows, o->directory, j->directory, directory.text,
                         database.text, directory.text, database.text);
    case UNKNOWN: break;
    }
    return weir_fail(error, WEIR_FOREIGN,
                     "%s: rows may wait in its other journal, at %s, which cannot be judged (%s): "
                     "mend it (weir salvage --journal %s %s), or leave them there (weir forget "
                     "--yes --journal %s %s)",
                     j->database, o->directory, o->why, directory.text, database.text,
                     directory.text, database.text);
}

int weir_journals_look(const weir_journals *j, void (*each)(void *context, const char *text),
                       void *context, weir_error *error) {
    teller t = {each, context};
    return visit_all(j, refuse_or_tell, &t, error);
}

static int refuse_open(void *context, const weir_journals *j, other *o, weir_error *error) {
    char who[WEIR_HOLDER_TEXT];
    (void)context;
    o->holder = weir_handle_holder(j->os, o->directory);
    if (!o->holder.is_there) return WEIR_OK;
    return weir_fail(
        error, WEIR_BUSY,
        "%s: another journal of this database, %s, is open in %s: both would choose the "
        "same keys, so a table with a WEIR_KEY is declared when that one is closed",
        j->database, o->directory, weir_holder_text(o->holder, who));
}

int weir_journals_alone(const weir_journals *j, weir_error *error) {
    return visit_all(j, refuse_open, NULL, error);
}

/* ---- entering -------------------------------------------------------------------------------- */

/* all: how many entries name the journal or the directory. right: how many of them are as they
 * should be. */
static int count_entries(const weir_journals *j, const weir_id journal, int64_t *all,
                         int64_t *right, weir_error *error) {
    sqlite3_stmt *q;
    *all = *right = 0;
    int status = ask(j->db,
                     "SELECT count(*), total(journal = ?1 AND directory = ?2 AND database = ?3)"
                     " FROM main.weir_journal WHERE journal = ?1 OR directory = ?2",
                     &q, error);
    if (status != WEIR_OK || !q) return status;
    int code = sqlite3_bind_blob(q, 1, journal, sizeof(weir_id), SQLITE_STATIC);
    if (code == SQLITE_OK) code = sqlite3_bind_text(q, 2, j->directory, -1, SQLITE_STATIC);
    if (code == SQLITE_OK) code = sqlite3_bind_text(q, 3, j->database, -1, SQLITE_STATIC);
    if (code == SQLITE_OK) code = sqlite3_step(q);
    *all = sqlite3_column_int64(q, 0);
    *right = sqlite3_column_int64(q, 1);
    if (code != SQLITE_ROW) status = weir_sqlite_fail(j->db, "reading weir_journal", error);
    (void)sqlite3_finalize(q); /* repeats the step's code */
    return status;
}

static int change_entries(const weir_journals *j, const char *sql, const weir_id journal,
                          weir_error *error) {
    sqlite3_stmt *q;
    int status = weir_sqlite_prepare(j->db, sql, &q, error);
    if (status != WEIR_OK) return status;
    int code = sqlite3_bind_blob(q, 1, journal, sizeof(weir_id), SQLITE_STATIC);
    if (code == SQLITE_OK) code = sqlite3_bind_text(q, 2, j->directory, -1, SQLITE_STATIC);
    if (code == SQLITE_OK && sqlite3_bind_parameter_count(q) > 2)
        code = sqlite3_bind_text(q, 3, j->database, -1, SQLITE_STATIC);
    if (code == SQLITE_OK) code = sqlite3_step(q);
    if (code != SQLITE_DONE) status = weir_sqlite_fail(j->db, "writing weir_journal", error);
    (void)sqlite3_finalize(q); /* repeats the step's code */
    return status;
}

static int write_entry(const weir_journals *j, const weir_id journal, bool beside,
                       weir_error *error) {
    int status = weir_sqlite_run(
        j->db,
        "BEGIN IMMEDIATE; CREATE TABLE IF NOT EXISTS main.weir_journal(journal BLOB PRIMARY KEY, "
        "directory TEXT, database TEXT) WITHOUT ROWID",
        error);
    if (status == WEIR_OK)
        status =
            change_entries(j, "DELETE FROM main.weir_journal WHERE journal = ?1 OR directory = ?2",
                           journal, error);
    if (status == WEIR_OK && !beside)
        status =
            change_entries(j, "INSERT INTO main.weir_journal VALUES(?1, ?2, ?3)", journal, error);
    if (status == WEIR_OK) status = weir_sqlite_run(j->db, "COMMIT", error);
    if (!sqlite3_get_autocommit(j->db))
        (void)weir_sqlite_run(j->db, "ROLLBACK", NULL); /* closing rolls back, too */
    return status;
}

int weir_journals_enter(const weir_journals *j, const weir_id journal, weir_error *error) {
    int64_t all, right;
    char *path = weir_journals_beside(j->database);
    if (!path) return weir_fail(error, WEIR_NO_MEMORY, "no memory for the journal's path");
    bool beside = weir_journals_same(j, path, j->directory);
    sqlite3_free(path);
    int status = count_entries(j, journal, &all, &right, error);
    if (status != WEIR_OK || (beside ? all == 0 : all == 1 && right == 1)) return status;
    return write_entry(j, journal, beside, error);
}
