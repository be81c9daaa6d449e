/* result.h - values as results of a column. */
#ifndef WEIR_SQL_RESULT_H
#define WEIR_SQL_RESULT_H

#include "../recovery/rowtext.h"
#include "api.h"

/* A value as it was appended; NULL: SQL's NULL. */
void weir_sql_result_value(sqlite3_context *context, const weir_value *value);
/* All values of a row as a JSON array, as rowtext.h has them. */
void weir_sql_result_row(sqlite3_context *context, const weir_row *row);
void weir_sql_result_text(sqlite3_context *context, const char *text); /* copied; NULL: NULL */
void weir_sql_result_hex(sqlite3_context *context, const void *bytes, size_t length);
/* Numbers of weir are below 2^63, unless something forged them: then a negative one is shown. */
void weir_sql_result_number(sqlite3_context *context, uint64_t number);

#endif
