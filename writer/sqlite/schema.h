/* schema.h - the tables in the database: whether a table fits its declaration, and making it fit.
 *
 * A table that exists is used as it is. It fits when every declared column is there by name, or is
 * one of the last declared (those are added), when a WEIR_KEY is its INTEGER PRIMARY KEY, and when
 * columns that are not declared can take a default. Types are left to SQLite. */
#ifndef WEIR_SCHEMA_H
#define WEIR_SCHEMA_H

#include <sqlite3.h>

#include "../../lib/format/row.h"

/* How the schema requires rows to be inserted, so that the result does not depend on how many of
 * them went into one statement or one transaction. Where the schema can only be read as text, a
 * trait that may be there is taken to be there. */
typedef struct weir_traits {
    /* Triggers, REPLACE or foreign keys: rows of several tables go in the order of their
     * numbers. */
    bool ordered;
    /* A later row may mend what SQLite judges at the end of an earlier row's statement. */
    bool one_by_one;
    bool counting; /* it reads changes(), last_insert_rowid(): each row must find them at zero */
    bool indexed;  /* every row changes pages all over the file */
} weir_traits;

/* Inside a write transaction: create the table, add columns, or say why it does not fit. added:
 * out, how many of the last declared columns were missing; all of them: the table was missing. */
int weir_schema_ensure(sqlite3 *db, const weir_declaration *d, weir_traits *out, uint16_t *added,
                       weir_error *error);

/* AUTOINCREMENT numbers of a table, or of tables that its triggers may touch. */
typedef enum weir_sequences {
    WEIR_SEQUENCES_NONE,
    WEIR_SEQUENCES_LEFT,
    WEIR_SEQUENCES_SPENT, /* one of them has no number left, as the transaction sees it */
} weir_sequences;

/* For tables that choose a rowid when a row of this declaration is inserted. NONE also when the
 * numbers cannot be read. */
weir_sequences weir_schema_sequences(sqlite3 *db, const weir_declaration *d);

/* Inside a transaction or not, changing nothing: is the table there, and does it fit as it is? */
int weir_schema_look(sqlite3 *db, const weir_declaration *d, bool *fits, weir_traits *out,
                     weir_error *error);

/* On any connection, changing nothing: does the table fit the declaration? next_key: out, the
 * lowest key above all that the table has or had; 1 for a table without rows or without a WEIR_KEY.
 * A key INT64_MAX is not counted among these; next_key is INT64_MAX when no lower key is left. */
int weir_sqlite_check(sqlite3 *db, const weir_declaration *d, int64_t *next_key, weir_error *error);

#endif
