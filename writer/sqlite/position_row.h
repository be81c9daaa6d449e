/* position_row.h - one row of the table weir_position, for the writer and for weir-recover. */
#ifndef WEIR_POSITION_ROW_H
#define WEIR_POSITION_ROW_H

#include <sqlite3.h>

#include "../../lib/base/status.h"
#include "../../lib/format/marks.h"

enum { WEIR_POSITION_FORMAT = 1 };

/* The format of the table, as its column "format" says; 1 where it has none, as this version makes
 * it. A higher one is a newer version's: nothing in the table may be relied on, or changed. */
int weir_position_format(sqlite3 *db, int64_t *out, weir_error *error);

/* What a query selects, in the order in which weir_position_row_take takes it. */
#define WEIR_POSITION_COLUMNS "journal,block,row,hash"

typedef enum weir_position_row {
    WEIR_POSITION_ROW_VALID,
    WEIR_POSITION_ROW_DOUBTFUL,   /* for a journal, but with values that weir never writes */
    WEIR_POSITION_ROW_NO_JOURNAL, /* its journal is no id: weir did not write it */
} weir_position_row;

/* Take the query's current row. DOUBTFUL: out has the values as SQLite converts them to
 * integers; NO_JOURNAL: out is left alone. */
weir_position_row weir_position_row_take(sqlite3_stmt *query, weir_position *out);

/* What the writer says of a row that is not valid. */
int weir_position_row_damaged(sqlite3 *db, weir_error *error);

#endif
