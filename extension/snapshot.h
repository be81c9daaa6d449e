/* snapshot.h - one state of a database, held for as long as it is read.
 *
 * The position in weir_position and the rows of tables are read in the same state. While it is
 * held, SQLite's checkpoints stop before whatever was committed later, and the journal keeps rows
 * until they are in the database file: so every row after the position stays in the journal. */
#ifndef WEIR_SQL_SNAPSHOT_H
#define WEIR_SQL_SNAPSHOT_H

#include "../lib/format/marks.h"
#include "api.h"

typedef struct weir_sql_snapshot {
    bool is_there;        /* a file */
    char why[200];        /* why it cannot be read, in SQLite's words; empty: it was read */
    sqlite3 *db;          /* the caller's connection if it has this database, or one of our own */
    sqlite3 *own;         /* NULL with the caller's */
    char *schema;         /* its name in that connection */
    sqlite3_stmt *anchor; /* keeps the read transaction open */
    weir_position *positions;
    size_t count;
} weir_sql_snapshot;

/* WEIR_OK also when the database is not there or its content cannot be read; WEIR_BUSY,
 * WEIR_NO_MEMORY; WEIR_DATABASE: this user may not. out is to be released in any case. */
int weir_sql_snapshot_take(sqlite3 *db, const char *path, weir_sql_snapshot *out,
                           weir_error *error);
void weir_sql_snapshot_release(weir_sql_snapshot *s);

/* Is there a table (or view) of that name? */
bool weir_sql_snapshot_has(const weir_sql_snapshot *s, const char *table);
/* Prepare a statement for its connection; format as sqlite3_mprintf has it. SQLite's result code. */
int weir_sql_prepare(const weir_sql_snapshot *s, sqlite3_stmt **out, const char *format, ...);
/* The status of a result code of that connection, with its text. */
int weir_sql_snapshot_failed(const weir_sql_snapshot *s, int code, weir_error *error);

#endif
