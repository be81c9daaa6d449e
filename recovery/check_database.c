/* check_database.c - SQLite's own checks of a database, told. */
#include "check_database.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "database.h"
#include "exits.h"
#include "extensions.h"
#include "json.h"
#include "report.h"

static bool is_asked_for(const weir_arguments *arguments, const char *how) {
    return arguments->integrity && strcmp(arguments->integrity, how) == 0;
}

static void report_check(const weir_arguments *arguments, const char *path, bool whole,
                         const char *text) {
    const char *how = is_asked_for(arguments, "full") ? "integrity_check" : "quick_check";
    if (arguments->json) {
        weir_json json = weir_json_begin(stdout, "integrity");
        weir_json_text(&json, "database", path);
        weir_json_text(&json, "check", how);
        weir_json_bool(&json, "ok", whole);
        weir_json_text(&json, "text", text);
        weir_json_end(&json);
    } else {
        printf("%s: %s: %s\n", path, how, text);
    }
}

/* SQLite answers "ok", or a line for each fault: ten of them are enough to see what it is. */
static int run_check(const weir_arguments *arguments, sqlite3 *db, const char *path) {
    bool full = is_asked_for(arguments, "full"), whole = false;
    sqlite3_stmt *s = NULL;
    int code = sqlite3_prepare_v2(
        db, full ? "PRAGMA integrity_check(10)" : "PRAGMA quick_check(10)", -1, &s, NULL);
    int rows = 0;
    while (code == SQLITE_OK || code == SQLITE_ROW) {
        code = sqlite3_step(s);
        if (code != SQLITE_ROW) break;
        const char *text = (const char *)sqlite3_column_text(s, 0);
        whole = rows++ == 0 && text && sqlite3_stricmp(text, "ok") == 0;
        report_check(arguments, path, whole, text ? text : "");
    }
    if (code != SQLITE_DONE) report_check(arguments, path, false, sqlite3_errmsg(db));
    (void)sqlite3_finalize(s); /* repeats what step has said */
    return code == SQLITE_DONE && whole ? WEIR_EXIT_CLEAN : WEIR_EXIT_DAMAGE;
}

int weir_check_database(const weir_arguments *arguments, const char *path, int code) {
    bool asked = is_asked_for(arguments, "quick") || is_asked_for(arguments, "full");
    if (!asked || code >= WEIR_EXIT_FAILED) return code;
    sqlite3 *db = NULL;
    weir_sqlite_options program = weir_extensions_options(arguments);
    int opened = weir_database_open_quietly(path, &db);
    if (opened == SQLITE_OK && program.connected) opened = program.connected(program.context, db);
    int found = WEIR_EXIT_DAMAGE;
    if (opened == SQLITE_OK)
        found = run_check(arguments, db, path);
    else
        report_check(arguments, path, false, db ? sqlite3_errmsg(db) : sqlite3_errstr(opened));
    (void)sqlite3_close(db); /* every statement is finalized */
    return found == WEIR_EXIT_CLEAN ? code : found;
}
