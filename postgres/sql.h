/* sql.h - statements composed of parts. */
#ifndef WEIR_PG_SQL_H
#define WEIR_PG_SQL_H

#include <stdio.h>

#include "connection.h"

/* A statement in the making: print to out, then weir_pg_sql_end. */
typedef struct weir_pg_sql {
    FILE *out; /* NULL: no memory */
    char *text;
    size_t length;
} weir_pg_sql;

/* What is printed in vain for want of memory is noticed at the end. */
void weir_pg_sql_begin(weir_pg_sql *s);
void weir_pg_sql_add(weir_pg_sql *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A name in double quotes. */
void weir_pg_sql_name(weir_pg_sql *s, const char *name);
/* A text in single quotes, whatever standard_conforming_strings and backslash_quote say. */
void weir_pg_sql_literal(weir_pg_sql *s, const char *text);
/* The name of a table in its schema, or without one where schema is NULL. */
void weir_pg_sql_place(weir_pg_sql *s, const char *schema, const char *name);
/* The whole text, for free(); NULL: no memory. */
char *weir_pg_sql_end(weir_pg_sql *s);
/* End it and run it. _for: and the result of its last statement, as weir_pg_run_for. */
int weir_pg_sql_run(weir_pg_sql *s, weir_pg *pg, weir_error *error);
int weir_pg_sql_run_for(weir_pg_sql *s, weir_pg *pg, PGresult **out, weir_error *error);

/* Run one query with text parameters; NULL is NULL. */
int weir_pg_ask(weir_pg *pg, const char *sql, const char *const *parameters, int count,
                PGresult **out, weir_error *error);

/* The statement failed because somebody else made the same thing at the same moment: it will be there
 * the next time. */
bool weir_pg_is_race(const char *sqlstate);

#endif
