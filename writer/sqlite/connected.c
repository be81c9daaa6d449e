/* connected.c - the program prepares a connection, and what weir relies on is restored after that. */
#include "connected.h"

#include "sqlite_error.h"

/* ---- meanwhile ------------------------------------------------------------------------------- */

/* Pragmas that would break a promise even for a moment: pages copied or committed without a sync, a
 * removed -wal file, locks that are kept or not taken. They are ignored without an error, since
 * programs set them in the function that opens every connection. */
static const char *const ours[] = {
    "journal_mode", "synchronous",        "locking_mode",    "wal_autocheckpoint",
    "mmap_size",    "wal_checkpoint",     "foreign_keys",    "ignore_check_constraints",
    "query_only",   "recursive_triggers", "writable_schema", "count_changes",
};

static int authorize(void *context, int action, const char *pragma, const char *value,
                     const char *database, const char *trigger) {
    (void)context, (void)database, (void)trigger;
    if (action != SQLITE_PRAGMA) return SQLITE_OK;
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if ((value || sqlite3_stricmp(ours[i], "wal_checkpoint") == 0) &&
            sqlite3_stricmp(pragma, ours[i]) == 0)
            return SQLITE_IGNORE;
    return SQLITE_OK;
}

/* ---- afterwards ------------------------------------------------------------------------------ */

/* These could refuse statements, end transactions, or run on weir's threads unexpectedly. */
static void take_callbacks_out(sqlite3 *db) {
    (void)sqlite3_set_authorizer(db, NULL, NULL); /* fails only for a NULL connection */
    (void)sqlite3_commit_hook(db, NULL, NULL);
    (void)sqlite3_rollback_hook(db, NULL, NULL);
    (void)sqlite3_update_hook(db, NULL, NULL);
    (void)sqlite3_wal_hook(db, NULL, NULL);
    sqlite3_progress_handler(db, 0, NULL, NULL);
}

static bool is_reading(sqlite3 *db) {
    for (sqlite3_stmt *s = sqlite3_next_stmt(db, NULL); s; s = sqlite3_next_stmt(db, s))
        if (sqlite3_stmt_busy(s)) return true;
    return false;
}

static int refuse_connected(sqlite3 *db, const char *what, weir_error *error) {
    return weir_fail(error, WEIR_DATABASE, "%s: connected() of weir_sqlite_options %s",
                     sqlite3_db_filename(db, "main"), what);
}

/* SQLite looks for a name among temporary tables and views first. A temporary trigger may be on any
 * table of the database, and is not seen where tables are looked at: on weir_position it could keep
 * a row from being applied once. */
static int check_temporary(sqlite3 *db, weir_error *error) {
    int64_t names;
    int status = weir_sqlite_ask(
        db, "SELECT count(*) FROM sqlite_temp_schema WHERE type IN ('table', 'view', 'trigger')",
        NULL, 0, &names, error);
    if (status != WEIR_OK || names == 0) return status;
    return refuse_connected(db,
                            "has left a temporary table, view or trigger, which would hide a table "
                            "from weir or change what is written to it: drop it there",
                            error);
}

/* A connection that has used the -wal file in exclusive mode cannot leave that mode. */
static int check_locking(sqlite3 *db, weir_error *error) {
    sqlite3_stmt *s;
    int status = weir_sqlite_prepare(db, "PRAGMA main.locking_mode=NORMAL", &s, error);
    if (status != WEIR_OK) return status;
    bool normal = sqlite3_step(s) == SQLITE_ROW &&
                  sqlite3_stricmp((const char *)sqlite3_column_text(s, 0), "normal") == 0;
    (void)sqlite3_finalize(s); /* repeats the step's code */
    if (normal) return WEIR_OK;
    return refuse_connected(db,
                            "has used the database in locking_mode EXCLUSIVE, and other "
                            "connections would be locked out: leave that PRAGMA out",
                            error);
}

static int restore(sqlite3 *db, weir_error *error) {
    take_callbacks_out(db);
    (void)sqlite3_extended_result_codes(db, 1); /* fails only for a NULL connection */
    /* Both fail only for an option that SQLite does not know; it knows these since 3.16. */
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 1, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    if (!sqlite3_get_autocommit(db))
        return refuse_connected(db, "has left a transaction open: end it there", error);
    if (is_reading(db))
        return refuse_connected(db, "has left a statement under way: reset and finalize it there",
                                error);
    int status = check_temporary(db, error);
    if (status == WEIR_OK) status = check_locking(db, error);
    return status == WEIR_OK
               ? weir_sqlite_run(db,
                                 "PRAGMA query_only=OFF; PRAGMA writable_schema=OFF;"
                                 "PRAGMA ignore_check_constraints=OFF;"
                                 "PRAGMA recursive_triggers=OFF; PRAGMA count_changes=OFF",
                                 error)
               : status;
}

static int refusal(sqlite3 *db, int code, weir_error *error) {
    int status = weir_sqlite_status(code);
    if (status != WEIR_BUSY && status != WEIR_NO_MEMORY) status = WEIR_DATABASE;
    return weir_fail(error, status,
                     "%s: connected() of weir_sqlite_options answers %d (%s), so the database is "
                     "not opened; SQLite's last words: %s",
                     sqlite3_db_filename(db, "main"), code, sqlite3_errstr(code),
                     sqlite3_errmsg(db));
}

int weir_sqlite_connected(sqlite3 *db, const weir_sqlite_options *program, weir_error *error) {
    if (!program->connected) return WEIR_OK;
    (void)sqlite3_set_authorizer(db, authorize, NULL); /* fails only for a NULL connection */
    int code = program->connected(program->context, db);
    return code == SQLITE_OK ? restore(db, error) : refusal(db, code, error);
}
