/* reject.h - the table of rows that SQLite refused. */
#ifndef WEIR_REJECT_H
#define WEIR_REJECT_H

#include <sqlite3.h>

#include "../../lib/format/block.h"

typedef struct weir_refusal { /* why, as SQLite said it */
    int code;                 /* extended result code */
    char message[300];
} weir_refusal;

typedef struct weir_refused { /* which row */
    const weir_block_header *header;
    uint64_t row;
    const char *table;
    const uint8_t *bytes;
    size_t length;
} weir_refused;

/* Create the table if it is missing, and prepare the statement that inserts into it. */
int weir_reject_prepare(sqlite3 *db, sqlite3_stmt **out, weir_error *error);

typedef enum weir_reject_kept {
    WEIR_REJECT_WHOLE,
    WEIR_REJECT_SHORT, /* no record, and of each text and blob only its length and beginning */
} weir_reject_kept;

/* Insert one row. WEIR_TOO_BIG: its record is longer than any value that SQLite takes. */
int weir_reject_insert(sqlite3_stmt *insert, const weir_refused *row, const weir_refusal *why,
                       weir_reject_kept kept, weir_error *error);

#endif
