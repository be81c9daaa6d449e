/* former.c - what a database remembers of its journals. */
#include "former.h"

#include <stdio.h>
#include <string.h>

#include "../../lib/base/shell_word.h"
#include "../../lib/verify/inspect.h"
#include "position_row.h"
#include "position_store.h"
#include "sqlite_error.h"

enum { SHOWN = 4 }; /* bytes of a journal's id */

typedef struct looking {
    const weir_journals *j;
    const uint8_t *opened;
    void (*each)(void *context, const char *text);
    void *context;
    weir_error *error;
} looking;

/* A view, or a table without that column, is none of ours. */
static bool knows_column(const looking *l, const char *table, const char *column) {
    return weir_sqlite_has_column(l->j->db, table, column);
}

/* With the opened journal's id as ?1. A statement that is not WEIR_OK is NULL: one left over would keep
 * the connection open. */
static int prepare_look(const looking *l, const char *sql, sqlite3_stmt **out) {
    int status = weir_sqlite_prepare(l->j->db, sql, out, l->error);
    if (status == WEIR_OK && sqlite3_bind_parameter_count(*out) > 0 &&
        sqlite3_bind_blob(*out, 1, l->opened, sizeof(weir_id), SQLITE_STATIC) != SQLITE_OK) {
        status = weir_sqlite_fail(l->j->db, "looking at former journals", l->error);
        (void)sqlite3_finalize(*out); /* it was never stepped */
        *out = NULL;
    }
    return status;
}

static int end_look(const looking *l, sqlite3_stmt *s, int code, int status) {
    if (status == WEIR_OK && code != SQLITE_DONE && code != SQLITE_ROW)
        status = weir_sqlite_fail(l->j->db, "looking at former journals", l->error);
    (void)sqlite3_finalize(s); /* repeats the step's code */
    return status;
}

/* ---- the journal that is opened -------------------------------------------------------------- */

/* Without memory to look, nothing is told. */
static bool is_beside(const weir_journals *j) {
    char *beside = weir_journals_beside(j->database);
    bool is = !beside || weir_journals_same(j, beside, j->directory);
    sqlite3_free(beside);
    return is;
}

static void tell_moved(const looking *l, const char *from) {
    char text[600];
    if (from && weir_journals_same(l->j, from, l->j->directory)) return;
    if (!from && is_beside(l->j)) return;
    (void)snprintf(text, sizeof text,
                   "%.200s: its journal is at %.160s now; last time it was %s%.160s",
                   l->j->database, l->j->directory, from ? "at " : "beside the database",
                   from ? from : ""); /* a cut text is still a text */
    l->each(l->context, text);
}

static int look_at_opened(const looking *l) {
    sqlite3_stmt *s;
    bool entries = knows_column(l, "weir_journal", "directory");
    int status = prepare_look(
        l,
        entries ? "SELECT w.directory FROM main.weir_position p LEFT JOIN main.weir_journal w "
                  "USING(journal) WHERE p.journal = ?1"
                : "SELECT NULL FROM main.weir_position WHERE journal = ?1",
        &s);
    if (status != WEIR_OK) return status;
    int code = sqlite3_step(s);
    if (code == SQLITE_ROW) tell_moved(l, (const char *)sqlite3_column_text(s, 0));
    return end_look(l, s, code, status);
}

static int take_back_forgotten(const looking *l) {
    sqlite3_stmt *s;
    if (!knows_column(l, "weir_forgotten", "journal")) return WEIR_OK;
    int status = prepare_look(l, "SELECT 1 FROM main.weir_forgotten WHERE journal = ?1", &s);
    if (status != WEIR_OK) return status;
    int code = sqlite3_step(s);
    bool forgotten = code == SQLITE_ROW;
    status = end_look(l, s, code, status);
    if (status != WEIR_OK || !forgotten) return status;
    status = prepare_look(l, "DELETE FROM main.weir_forgotten WHERE journal = ?1", &s);
    return status == WEIR_OK ? end_look(l, s, sqlite3_step(s), status) : status;
}

/* From here on rows may follow in the journal, which the first of them to be applied would say too
 * late: until then it may be lost with them, and be the first that this database has. While another
 * connection writes this fails, as in tell_each, and those rows would not be missed. */
static int note_in_use(const looking *l) {
    sqlite3_stmt *note;
    if (weir_position_table_make(l->j->db, NULL) != WEIR_OK) return WEIR_OK;
    int status = prepare_look(l,
                              "INSERT INTO main.weir_position(" WEIR_POSITION_COLUMNS ",closed)"
                              " VALUES(?1,0,0,0,0) ON CONFLICT(journal) DO UPDATE SET closed = 0 "
                              "WHERE closed <> 0",
                              &note);
    if (status != WEIR_OK) return status;
    (void)sqlite3_step(note);     /* see above */
    (void)sqlite3_finalize(note); /* repeats the step's code */
    return WEIR_OK;
}

/* ---- others ---------------------------------------------------------------------------------- */

/* A program may have two journals: the other one may be beside the database. */
static bool stands_beside(const looking *l, const void *journal) {
    weir_inspection look;
    char *beside = weir_journals_beside(l->j->database);
    weir_inventory_input input = {.os = l->j->os, .directory = beside};
    if (!beside || weir_journals_same(l->j, beside, l->j->directory)) {
        sqlite3_free(beside);
        return false;
    }
    bool read = weir_inspect(&input, &look, NULL) == WEIR_OK;
    bool stands = read && memcmp(look.inventory.journal, journal, sizeof(weir_id)) == 0;
    weir_inspection_free(&look);
    sqlite3_free(beside);
    return stands;
}

static void tell_gone(const looking *l, const uint8_t *journal, uint64_t row) {
    char text[700], id[2 * SHOWN + 1];
    for (size_t i = 0; i < SHOWN; i++)
        (void)snprintf(id + 2 * i, 3, "%02x", journal[i]);
    (void)snprintf(
        text, sizeof text,
        "%.160s: the journal %s…, which was in use when this was written last, is not "
        "here any more: rows after row %llu may be missing; if this database was moved or "
        "that journal removed, bring it back (weir-recover --journal DIRECTORY %.160s); if "
        "this is a copy that was made beside a running program, nothing is to do",
        l->j->database, id, (unsigned long long)row,
        weir_shell_quote(l->j->database, 160).text); /* a cut text is still a text */
    l->each(l->context, text);
}

static int tell_each(const looking *l, sqlite3_stmt *gone, sqlite3_stmt *note) {
    int code;
    while ((code = sqlite3_step(gone)) == SQLITE_ROW) {
        const void *journal = sqlite3_column_blob(gone, 0);
        if (sqlite3_column_bytes(gone, 0) != sizeof(weir_id) || stands_beside(l, journal)) continue;
        tell_gone(l, journal, (uint64_t)sqlite3_column_int64(gone, 1));
        /* While another connection writes this fails, and the next opening says the same. */
        (void)sqlite3_bind_value(note, 1, sqlite3_column_value(gone, 0));
        (void)sqlite3_step(note);
        (void)sqlite3_reset(note);
    }
    return code;
}

/* Each of these tables is there or not. An entry of weir_journal is told by weir_journals_look. */
static char *query_of_gone(const looking *l) {
    const char *entered = knows_column(l, "weir_journal", "journal")
                              ? " AND journal NOT IN (SELECT journal FROM main.weir_journal)"
                              : "";
    const char *forgotten = knows_column(l, "weir_forgotten", "journal")
                                ? " AND journal NOT IN (SELECT journal FROM main.weir_forgotten)"
                                : "";
    return sqlite3_mprintf("SELECT journal, row FROM main.weir_position WHERE closed = %d AND "
                           "journal <> ?1%s%s",
                           WEIR_JOURNAL_IN_USE, entered, forgotten);
}

static int look_for_gone(const looking *l) {
    sqlite3_stmt *gone = NULL, *note = NULL;
    if (!knows_column(l, "weir_position", "closed")) return WEIR_OK;
    char *sql = query_of_gone(l);
    if (!sql) return weir_fail(l->error, WEIR_NO_MEMORY, "no memory to look at former journals");
    int code = SQLITE_DONE, status = prepare_look(l, sql, &gone);
    sqlite3_free(sql);
    if (status == WEIR_OK)
        status =
            prepare_look(l, "UPDATE main.weir_position SET closed = 2 WHERE journal = ?1", &note);
    if (status == WEIR_OK) code = tell_each(l, gone, note);
    (void)sqlite3_finalize(note); /* see tell_each */
    return end_look(l, gone, code, status);
}

int weir_former_look(const weir_journals *j, const weir_id opened,
                     void (*each)(void *context, const char *text), void *context,
                     weir_error *error) {
    looking l = {j, opened, each, context, error};
    int status = take_back_forgotten(&l);
    if (status == WEIR_OK && knows_column(&l, "weir_position", "journal"))
        status = look_at_opened(&l);
    if (status == WEIR_OK) status = note_in_use(&l);
    return status == WEIR_OK ? look_for_gone(&l) : status;
}
