/* function.h - what the tables that are called like functions share: weir_pending, weir_status,
 * weir_journal. Their arguments are hidden columns. */
#ifndef WEIR_SQL_FUNCTION_H
#define WEIR_SQL_FUNCTION_H

#include "place.h"

/* What such a table is, as its module's context. */
typedef struct weir_sql_function {
    const char *declaration; /* CREATE TABLE, whose last columns are the hidden ones */
    int first_argument;      /* number of the first of them */
    int arguments;           /* the database first, the journal's directory last */
} weir_sql_function;

typedef struct weir_sql_function_table {
    sqlite3_vtab base; /* first: SQLite sees only this */
    sqlite3 *db;
    const weir_sql_function *of;
} weir_sql_function_table;

/* xConnect, xDisconnect and xBestIndex of such a module. */
int weir_sql_function_connect(sqlite3 *db, void *context, int argc, const char *const *argv,
                              sqlite3_vtab **out, char **message);
int weir_sql_function_disconnect(sqlite3_vtab *table);
int weir_sql_function_plan(sqlite3_vtab *table, sqlite3_index_info *info);

/* In xFilter: the value of an argument, from 0; NULL: it was not given, or is NULL. plan: idxNum.
 * The text lives as long as the arguments. */
const char *weir_sql_function_argument(int plan, int argument, sqlite3_value **argv);
/* In xFilter: the place that the first and the last argument name. Answers like weir_sql_place_find. */
int weir_sql_function_place(const weir_sql_function_table *table, int plan, sqlite3_value **argv,
                            weir_sql_place *out, weir_error *error);

#endif
