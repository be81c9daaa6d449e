/* schema.h - the tables in the database: does one fit its declaration, and make it fit.
 *
 * A table that exists is used as it is. It fits when every declared column is there by name, or is
 * one of the last declared (those are added), when a WEIR_KEY is its INTEGER PRIMARY KEY, and when
 * columns that are not declared can take a default. Types are SQLite's affair. */
#ifndef WEIR_SCHEMA_H
#define WEIR_SCHEMA_H

#include <sqlite3.h>

#include "../../lib/format/row.h"

/* What the schema says of how rows have to go in, so that it does not show how many of them one
 * statement or one transaction moved. Where the schema can only be read as text, doubt counts. */
typedef struct weir_traits {
    bool ordered; /* triggers, REPLACE or foreign keys: rows of several tables go in number order */
    bool
        one_by_one; /* a row may mend what SQLite judges at the end of an earlier row's statement */
    bool counting;  /* reads changes(), last_insert_rowid(): each row finds them at zero */
    bool indexed;   /* every row changes pages all over the file */
} weir_traits;

/* Inside a write transaction: create the table, add columns, or say why it does not fit. added: how
 * many of the last declared columns were missing; all of them: so was the table. */
int weir_schema_ensure(sqlite3 *db, const weir_declaration *d, weir_traits *out, uint16_t *added,
                       weir_error *error);

/* AUTOINCREMENT of a table, or of those that its triggers may touch. */
typedef enum weir_sequences {
    WEIR_SEQUENCES_NONE,
    WEIR_SEQUENCES_LEFT,
    WEIR_SEQUENCES_SPENT, /* one of them has no number left, as the transaction sees it */
} weir_sequences;

/* Of those that choose a rowid for rows of this declaration. What cannot be read counts as none. */
weir_sequences weir_schema_sequences(sqlite3 *db, const weir_declaration *d);

/* Inside a transaction or not, changing nothing: is the table there, and fits as it stands? */
int weir_schema_look(sqlite3 *db, const weir_declaration *d, bool *fits, weir_traits *out,
                     weir_error *error);

/* On any connection, changing nothing: does the table fit the declaration? next_key: the lowest key
 * above all that the table has or had, 1 for a table without rows or without a WEIR_KEY. INT64_MAX is
 * not counted among them, and is the answer when there is no lower one. */
int weir_sqlite_check(sqlite3 *db, const weir_declaration *d, int64_t *next_key, weir_error *error);

#endif
