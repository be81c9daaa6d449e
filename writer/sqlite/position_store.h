/* position_store.h - the table weir_position, as the writer keeps it. */
#ifndef WEIR_POSITION_STORE_H
#define WEIR_POSITION_STORE_H

#include <sqlite3.h>
#include <stdbool.h>

#include "../../lib/base/status.h"
#include "../../lib/format/marks.h"

typedef struct weir_position_store {
    sqlite3 *db;
    sqlite3_stmt *read, *store, *close; /* close is made when it is needed */
    bool there;                         /* the table is, as this version writes it */
} weir_position_store;

/* The table, with every column that this version knows. */
int weir_position_table_make(sqlite3 *db, weir_error *error);

/* Inside a transaction: create the table if it is missing, add a column that an older version did not
 * know, and prepare what reads and writes it. */
int weir_position_store_make(weir_position_store *p, weir_error *error);
void weir_position_store_free(weir_position_store *p); /* what it had prepared */

/* zeros, but for the journal: there is none. */
int weir_position_store_read(weir_position_store *p, const weir_id journal, weir_position *at,
                             weir_error *error);
/* Rows may follow it in the journal, says what is stored. */
int weir_position_store_write(weir_position_store *p, const weir_position *to, weir_error *error);
/* No row follows it any more: the journal is being closed. Inside a transaction. */
int weir_position_store_close(weir_position_store *p, const weir_position *at, weir_error *error);

#endif
