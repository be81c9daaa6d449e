/* sqlite_error.c - SQLite's result codes in weir's words. */
#include "sqlite_error.h"

#include <string.h>

int weir_sqlite_status(int code) {
    switch (code & 0xFF) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE: return WEIR_OK;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL: return WEIR_BUSY;
    case SQLITE_FULL: return WEIR_NO_SPACE;
    case SQLITE_NOMEM: return WEIR_NO_MEMORY;
    case SQLITE_IOERR:
        if (code == SQLITE_IOERR_NOMEM) return WEIR_NO_MEMORY;
        return WEIR_IO;
    case SQLITE_CANTOPEN:
    case SQLITE_INTERRUPT: return WEIR_IO;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_READONLY:
    case SQLITE_PERM: return WEIR_DATABASE;
    default: return WEIR_SCHEMA; /* a statement does not fit the tables */
    }
}

/* A program registers its functions, collations and modules with its own connections only. SQLite
 * has an error code of its own only for a missing collation, so the message is compared. */
static bool lacks_what_the_program_has(const char *message) {
    static const char *const words[] = {"no such function", "unknown function",
                                        "no such collation sequence", "no such module"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strncmp(message, words[i], strlen(words[i])) == 0) return true;
    return false;
}

int weir_sqlite_fail(sqlite3 *db, const char *doing, weir_error *error) {
    int code = sqlite3_extended_errcode(db);
    int status = weir_sqlite_status(code);
    const char *path = sqlite3_db_filename(db, "main");
    if (status == WEIR_OK)
        status = WEIR_IO; /* the caller saw a failure that SQLite no longer reports */
    const char *message = sqlite3_errmsg(db);
    const char *advice =
        lacks_what_the_program_has(message)
            ? "; weir's own connection has only SQLite's, and what connected() of "
              "weir_open_sqlite_with() registers (weir-recover: --load): it is tried again, until "
              "the schema does without it"
            : "";
    return weir_fail(error, status, "%s: %s: %s (SQLite code %d)%s", path ? path : "database",
                     doing, message, code, advice);
}

void weir_sqlite_leave_wal(sqlite3 *db) {
    if (db) /* fails only for an option that SQLite does not know; it knows this one since 3.16 */
        (void)sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
}

int weir_sqlite_run(sqlite3 *db, const char *sql, weir_error *error) {
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? WEIR_OK
                                                                : weir_sqlite_fail(db, sql, error);
}

int weir_sqlite_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out, weir_error *error) {
    *out = NULL;
    int code = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
    return code == SQLITE_OK ? WEIR_OK : weir_sqlite_fail(db, sql, error);
}

bool weir_sqlite_has_column(sqlite3 *db, const char *table, const char *column) {
    return sqlite3_table_column_metadata(db, "main", table, column, NULL, NULL, NULL, NULL, NULL) ==
           SQLITE_OK;
}

int weir_sqlite_ask(sqlite3 *db, const char *sql, const char *name, int64_t fallback, int64_t *out,
                    weir_error *error) {
    sqlite3_stmt *s;
    *out = fallback;
    int status = weir_sqlite_prepare(db, sql, &s, error);
    if (status != WEIR_OK) return status;
    int code = name ? sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC) : SQLITE_OK;
    if (code == SQLITE_OK) code = sqlite3_step(s);
    if (code == SQLITE_ROW)
        *out = sqlite3_column_int64(s, 0);
    else if (code != SQLITE_DONE)
        status = weir_sqlite_fail(db, sql, error);
    (void)sqlite3_finalize(s); /* repeats the step's code */
    return status;
}
