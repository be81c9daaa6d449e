/* position_row.c - one row of the table weir_position. */
#include "position_row.h"

#include <stdbool.h>
#include <string.h>

#include "sqlite_error.h"

weir_position_row weir_position_row_take(sqlite3_stmt *query, weir_position *out) {
    if (sqlite3_column_bytes(query, 0) != sizeof out->journal) return WEIR_POSITION_ROW_NO_JOURNAL;
    bool integers = true;
    for (int i = 1; i <= 3; i++) /* before any is converted */
        integers &= sqlite3_column_type(query, i) == SQLITE_INTEGER;
    memcpy(out->journal, sqlite3_column_blob(query, 0), sizeof out->journal);
    out->block = (uint64_t)sqlite3_column_int64(query, 1);
    out->row = (uint64_t)sqlite3_column_int64(query, 2);
    out->hash = (uint64_t)sqlite3_column_int64(query, 3);
    bool valid = integers && out->block <= INT64_MAX && out->row <= INT64_MAX;
    return valid ? WEIR_POSITION_ROW_VALID : WEIR_POSITION_ROW_DOUBTFUL;
}

int weir_position_row_damaged(sqlite3 *db, weir_error *error) {
    return weir_fail(error, WEIR_DATABASE,
                     "%s: weir_position holds something that weir did not write; "
                     "restore the table",
                     sqlite3_db_filename(db, "main"));
}

int weir_position_format(sqlite3 *db, int64_t *out, weir_error *error) {
    *out = WEIR_POSITION_FORMAT;
    if (!weir_sqlite_has_column(db, "weir_position", "format")) return WEIR_OK;
    return weir_sqlite_ask(db, "SELECT ifnull(max(format), 1) FROM main.weir_position", NULL,
                           WEIR_POSITION_FORMAT, out, error);
}
