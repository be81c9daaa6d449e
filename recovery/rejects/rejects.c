/* rejects.c - which rows of the table weir_reject a verb is about. */
#include "rejects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../writer/sqlite/connected.h"
#include "../../writer/sqlite/sqlite_error.h"
#include "../extensions.h"
#include "../patience.h"

static bool is_number(const char *text) {
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits < 19 && !text[digits];
}

int weir_rejects_check_ids(const weir_arguments *arguments, weir_error *error) {
    for (const weir_texts *id = arguments->ids; id; id = id->next)
        if (!is_number(id->text))
            return weir_fail(error, WEIR_MISUSE, "--id takes the number of a row, not '%s'",
                             id->text);
    return WEIR_OK;
}

/* ",1,5,"; sqlite3_free() it; NULL: no ids were given. */
static char *list_of_ids(const weir_arguments *arguments) {
    if (!arguments->ids) return NULL;
    sqlite3_str *list = sqlite3_str_new(NULL);
    for (const weir_texts *id = arguments->ids; id; id = id->next) /* without leading zeros */
        sqlite3_str_appendf(list, ",%lld", strtoll(id->text, NULL, 10));
    sqlite3_str_appendchar(list, 1, ',');
    return sqlite3_str_finish(list);
}

int weir_rejects_prepare(sqlite3 *db, const weir_arguments *arguments, const char *sql,
                         sqlite3_stmt **out, weir_error *error) {
    int status = weir_sqlite_prepare(db, sql, out, error);
    if (status != WEIR_OK) return status;
    char *ids = list_of_ids(arguments);
    int code = arguments->ids && !ids ? SQLITE_NOMEM : SQLITE_OK;
    if (code == SQLITE_OK) code = sqlite3_bind_text(*out, 1, arguments->table, -1, SQLITE_STATIC);
    if (code == SQLITE_OK) code = sqlite3_bind_text(*out, 2, arguments->match, -1, SQLITE_STATIC);
    if (code == SQLITE_OK) code = sqlite3_bind_text(*out, 3, ids, -1, SQLITE_TRANSIENT);
    sqlite3_free(ids);
    return code == SQLITE_OK ? WEIR_OK : weir_sqlite_fail(db, "choosing refused rows", error);
}

int weir_rejects_check_place(const weir_place *place, weir_error *error) {
    if (place->database_is_there) return WEIR_OK;
    return weir_fail(error, WEIR_NOT_FOUND, "there is no database at %s",
                     place->database ? place->database : place->directory);
}

int weir_rejects_open(const weir_arguments *arguments, const weir_place *place, sqlite3 **out,
                      weir_error *error) {
    weir_sqlite_options program = weir_extensions_options(arguments);
    int code = sqlite3_open_v2(place->database, out, WEIR_SQLITE_OPEN | SQLITE_OPEN_URI, NULL);
    if (code != SQLITE_OK) return weir_sqlite_fail(*out, "opening it", error);
    (void)sqlite3_extended_result_codes(*out, 1); /* fails only for a NULL connection */
    int status = weir_sqlite_connected(*out, &program, error);
    (void)sqlite3_busy_timeout(*out, (int)weir_patience_ms(arguments->wait_s)); /* cannot fail */
    if (status != WEIR_OK) return status;
    return weir_sqlite_run(*out, "PRAGMA foreign_keys=ON; PRAGMA synchronous=FULL", error);
}
