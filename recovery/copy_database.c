/* copy_database.c - all that can be read of an SQLite database, into a new one. */
#include "copy_database.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "../writer/sqlite/sqlite_error.h"
#include "copy_rows.h"

static int open_old(const char *path, sqlite3 **db, weir_error *error) {
    int code = weir_database_open_quietly(path, db);
    if (code == SQLITE_OK) code = sqlite3_exec(*db, "PRAGMA schema_version", NULL, NULL, NULL);
    if (code == SQLITE_OK || code == SQLITE_CORRUPT) return WEIR_OK; /* in the schema: read on */
    return weir_fail(error, WEIR_DATABASE, "%s: %s", path,
                     *db ? sqlite3_errmsg(*db) : sqlite3_errstr(code));
}

/* Every page is read, and the order of keys in every table, but not whether indexes have all rows:
 * those come along as they are. */
static bool is_sound(sqlite3 *db) {
    sqlite3_stmt *s = NULL;
    bool sound = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &s, NULL) == SQLITE_OK &&
                 sqlite3_step(s) == SQLITE_ROW;
    const char *text = sound ? (const char *)sqlite3_column_text(s, 0) : NULL;
    sound = text && sqlite3_stricmp(text, "ok") == 0;
    (void)sqlite3_finalize(s); /* repeats what step has said */
    return sound;
}

static int copy_pages(sqlite3 *from, sqlite3 *to, weir_error *error) {
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    if (!backup) return weir_sqlite_fail(to, "copying a database", error);
    int code = sqlite3_backup_step(backup, -1);
    (void)sqlite3_backup_finish(backup); /* repeats what step has said */
    if (code == SQLITE_DONE) return WEIR_OK;
    return weir_fail(error, weir_sqlite_status(code), "copying a database: %s",
                     sqlite3_errstr(code));
}

/* ---- a damaged one --------------------------------------------------------------------- */

static void note_object(weir_unread *unread, const char *file, const char *name, const char *why) {
    weir_unread_part part = {.file = (char *)file, .table = (char *)name};
    (void)snprintf(part.why, sizeof part.why, "%s", why); /* a cut text is still a text */
    weir_unread_add(unread, &part);
}

typedef struct object_copy {
    sqlite3 *from, *to;
    const char *path;
    weir_unread *unread;
    weir_copied *out;
    bool saw_positions;
} object_copy;

static bool begins_with(const char *text, const char *begin) {
    return sqlite3_strnicmp(text, begin, (int)strlen(begin)) == 0;
}

static void copy_table(object_copy *c, const char *name, const char *sql) {
    if (begins_with(sql, "CREATE VIRTUAL TABLE")) {
        note_object(c->unread, c->path, name, "it is a virtual table: make it anew");
        return;
    }
    bool own = begins_with(name, "sqlite_"); /* SQLite makes these itself, when they are needed */
    if (!own && sqlite3_exec(c->to, sql, NULL, NULL, NULL) != SQLITE_OK) {
        note_object(c->unread, c->path, name, sqlite3_errmsg(c->to));
        return;
    }
    size_t before = c->unread->count;
    c->out->rows += weir_copy_rows(c->from, c->to, name, c->path, c->unread);
    c->out->tables++;
    if (strcmp(name, "weir_position") != 0) return;
    c->saw_positions = true;
    if (c->unread->count > before) c->out->has_positions = false;
}

/* One pass over the schema for tables, a later one for what is made on top of them. */
static bool copy_objects(object_copy *c, bool tables) {
    sqlite3_stmt *s = NULL;
    const char *query = tables
                            ? "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND sql "
                              "NOT NULL ORDER BY name = 'sqlite_sequence', rowid"
                            : "SELECT name, sql FROM sqlite_schema WHERE type <> 'table' AND sql "
                              "NOT NULL ORDER BY rowid";
    int code = sqlite3_prepare_v2(c->from, query, -1, &s, NULL);
    while (code == SQLITE_OK || code == SQLITE_ROW) {
        code = sqlite3_step(s);
        if (code != SQLITE_ROW) break;
        const char *name = (const char *)sqlite3_column_text(s, 0);
        const char *sql = (const char *)sqlite3_column_text(s, 1);
        if (!name || !sql) continue;
        if (tables)
            copy_table(c, name, sql);
        else if (sqlite3_exec(c->to, sql, NULL, NULL, NULL) != SQLITE_OK)
            note_object(c->unread, c->path, name, sqlite3_errmsg(c->to));
    }
    if (code != SQLITE_DONE)
        note_object(c->unread, c->path, "sqlite_schema", sqlite3_errmsg(c->from));
    (void)sqlite3_finalize(s); /* repeats what step has said */
    return code == SQLITE_DONE;
}

static int copy_number(sqlite3 *from, sqlite3 *to, const char *pragma, weir_error *error) {
    char sql[64];
    int64_t value;
    (void)snprintf(sql, sizeof sql, "PRAGMA %s", pragma); /* ours: it fits */
    if (weir_sqlite_ask(from, sql, NULL, 0, &value, NULL) != WEIR_OK)
        return WEIR_OK;                                                          /* unreadable */
    (void)snprintf(sql, sizeof sql, "PRAGMA %s=%lld", pragma, (long long)value); /* likewise */
    return weir_sqlite_run(to, sql, error);
}

static int copy_readable(sqlite3 *from, sqlite3 *to, const char *path, weir_unread *unread,
                         weir_copied *out, weir_error *error) {
    object_copy c = {.from = from, .to = to, .path = path, .unread = unread, .out = out};
    out->has_positions = true;
    /* Otherwise one bad entry in the schema hides all the others. */
    (void)sqlite3_exec(from, "PRAGMA writable_schema=ON", NULL, NULL, NULL);
    int status = copy_number(from, to, "page_size", error);
    if (status == WEIR_OK) status = copy_number(from, to, "user_version", error);
    if (status == WEIR_OK) status = copy_number(from, to, "application_id", error);
    if (status == WEIR_OK)
        status = weir_sqlite_run(to, "PRAGMA ignore_check_constraints=ON; BEGIN", error);
    if (status != WEIR_OK) return status;
    bool whole = copy_objects(&c, true);
    if (!whole && out->tables && !c.saw_positions) out->has_positions = false;
    (void)copy_objects(&c, false); /* what fails is in the list */
    return weir_sqlite_run(to, "COMMIT", error);
}

/* ---- both ------------------------------------------------------------------------------ */

int weir_copy_database_look(const char *from, weir_copied *out, weir_error *error) {
    sqlite3 *old = NULL;
    *out = (weir_copied){0};
    int status = open_old(from, &old, error);
    if (status == WEIR_OK) out->sound = is_sound(old);
    (void)sqlite3_close(old); /* every statement is finalized */
    return status;
}

int weir_copy_database(const char *from, const char *into, weir_unread *unread, weir_copied *out,
                       weir_error *error) {
    sqlite3 *old = NULL, *new = NULL;
    *out = (weir_copied){0};
    int status = open_old(from, &old, error);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (status == WEIR_OK && sqlite3_open_v2(into, &new, flags, NULL) != SQLITE_OK)
        status = weir_sqlite_fail(new, "creating the new database", error);
    if (status == WEIR_OK) {
        out->sound = out->has_positions = is_sound(old);
        status = out->sound ? copy_pages(old, new, error)
                            : copy_readable(old, new, from, unread, out, error);
    }
    (void)sqlite3_close(new); /* rolls back what was not committed; statements are finalized */
    (void)sqlite3_close(old);
    return status;
}
