/* positions.c - all positions that a database has: weir_sqlite_positions. */
#include <stdlib.h>

#include "position_row.h"
#include "sqlite_error.h"
#include "sqlite_sink.h"

static int add_position(sqlite3_stmt *q, weir_position **list, size_t *count, weir_error *error) {
    weir_position *grown = realloc(*list, (*count + 1) * sizeof *grown);
    if (!grown) return weir_fail(error, WEIR_NO_MEMORY, "no memory for the positions of journals");
    *list = grown;
    if (weir_position_row_take(q, &grown[*count]) != WEIR_POSITION_ROW_VALID)
        return weir_position_row_damaged(sqlite3_db_handle(q), error);
    ++*count;
    return WEIR_OK;
}

static int check_format(sqlite3 *db, weir_error *error) {
    int64_t format;
    int status = weir_position_format(db, &format, error);
    if (status != WEIR_OK || format <= WEIR_POSITION_FORMAT) return status;
    return weir_fail(
        error, WEIR_VERSION,
        "%s: its table weir_position has format %lld, and weir %s knows %d; nothing was "
        "changed: use a newer weir",
        sqlite3_db_filename(db, "main"), (long long)format, weir_version(), WEIR_POSITION_FORMAT);
}

int weir_sqlite_positions(weir_sink *sink, weir_position **out, size_t *count, weir_error *error) {
    sqlite3 *db = weir_sqlite_sink_connection(sink);
    int64_t there;
    sqlite3_stmt *q = NULL;
    *out = NULL;
    *count = 0;
    int status =
        weir_sqlite_ask(db, "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1",
                        "weir_position", 0, &there, error);
    if (status != WEIR_OK || !there) return status;
    status = check_format(db, error);
    if (status != WEIR_OK) return status;
    status = weir_sqlite_prepare(db, "SELECT " WEIR_POSITION_COLUMNS " FROM main.weir_position", &q,
                                 error);
    int code = SQLITE_DONE;
    while (status == WEIR_OK && (code = sqlite3_step(q)) == SQLITE_ROW)
        status = add_position(q, out, count, error);
    if (status == WEIR_OK && code != SQLITE_DONE)
        status = weir_sqlite_fail(db, "reading positions", error);
    (void)sqlite3_finalize(q); /* repeats the step's code */
    if (status == WEIR_OK) return status;
    free(*out);
    *out = NULL;
    *count = 0;
    return status;
}
