/* extensions.c - SQLite extensions that the tool loads into its connections. */
#include "extensions.h"

#include <sqlite3.h>
#include <string.h>

/* FILE, or FILE:ENTRYPOINT. What follows the last colon is an entry point if it can be the name of a
 * C function. Where the name begins; NULL: SQLite looks for its usual ones. */
static const char *entry_point_of(const char *extension) {
    static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    const char *colon = strrchr(extension, ':');
    if (!colon || !colon[1] || colon[1 + strspn(colon + 1, word)]) return NULL;
    return colon + 1;
}

/* From SQL nobody can load anything: it is allowed for this call only. */
static int load_extension(sqlite3 *db, const char *extension, char **message) {
    const char *entry = entry_point_of(extension);
    size_t length = entry ? (size_t)(entry - 1 - extension) : strlen(extension);
    char *file = sqlite3_mprintf("%.*s", (int)length, extension);
    if (!file) return SQLITE_NOMEM;
    int code = sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1, NULL);
    if (code == SQLITE_OK) code = sqlite3_load_extension(db, file, entry, message);
    /* It fails only for an option that SQLite does not know, and it knew this one before. */
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    sqlite3_free(file);
    return code;
}

static int load_all(void *context, sqlite3 *db) {
    int code = SQLITE_OK;
    for (const weir_texts *e = context; e && code == SQLITE_OK; e = e->next)
        code = load_extension(db, e->text, NULL);
    return code;
}

static int check_one(const char *extension, weir_error *error) {
    sqlite3 *db = NULL;
    char *message = NULL;
    int code = sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE, NULL);
    if (code == SQLITE_OK) code = load_extension(db, extension, &message);
    int status = code == SQLITE_OK
                     ? WEIR_OK
                     : weir_fail(error, WEIR_NOT_FOUND, "--load %s: it cannot be loaded: %s",
                                 extension, message ? message : sqlite3_errstr(code));
    sqlite3_free(message);
    (void)sqlite3_close(db); /* an extension may keep it open: then it stays */
    return status;
}

int weir_extensions_check(const weir_arguments *arguments, weir_error *error) {
    int status = WEIR_OK;
    for (const weir_texts *e = arguments->load; e && status == WEIR_OK; e = e->next)
        status = check_one(e->text, error);
    return status;
}

weir_sqlite_options weir_extensions_options(const weir_arguments *arguments) {
    return (weir_sqlite_options){.connected = arguments->load ? load_all : NULL,
                                 .context = arguments->load};
}
