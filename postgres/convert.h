/* convert.h - what a value of a row becomes in a column of the server.
 *
 * A value that is not of the column's kind is converted where SQLite's affinity would do it and nothing
 * is lost, else refused. Knows no server, so that each case can be tried without one. */
#ifndef WEIR_PG_CONVERT_H
#define WEIR_PG_CONVERT_H

#include "../lib/base/status.h"

typedef enum weir_pg_kind {
    WEIR_PG_INT2,
    WEIR_PG_INT4,
    WEIR_PG_INT8,
    WEIR_PG_FLOAT4,
    WEIR_PG_FLOAT8,
    WEIR_PG_BOOL,
    WEIR_PG_TEXT,
    WEIR_PG_BYTEA,
    WEIR_PG_OTHER, /* the server reads it from text: numeric, timestamptz, json, enums … */
} weir_pg_kind;

typedef enum weir_pg_form {
    WEIR_PG_NULL,
    WEIR_PG_INTEGER, /* also false and true */
    WEIR_PG_REAL,
    WEIR_PG_STRING, /* of TEXT and OTHER: UTF-8 without zero bytes */
} weir_pg_form;

enum { WEIR_PG_DIGITS = 48 }; /* any number as text */

/* What the column gets. */
typedef struct weir_pg_cell {
    weir_pg_form form;
    uint32_t length;
    int64_t integer;
    double real;
    const uint8_t *bytes; /* the row's, or digits */
    char digits[WEIR_PG_DIGITS];
} weir_pg_cell;

/* Why a value is refused: a code of the SQL standard's class 22, and words. Static. */
typedef struct weir_pg_reason {
    char sqlstate[6];
    const char *words;
} weir_pg_reason;

/* NULL, or why this column cannot have the value. */
const weir_pg_reason *weir_pg_convert(weir_pg_kind kind, const weir_value *v, weir_pg_cell *out);

/* The text by which the server reads a number; returns its length. */
uint32_t weir_pg_integer_text(char text[WEIR_PG_DIGITS], int64_t v);
uint32_t weir_pg_real_text(char text[WEIR_PG_DIGITS], double v);

/* Bytes at the beginning that are UTF-8 without a zero byte. */
size_t weir_pg_clean_length(const uint8_t *bytes, size_t length);

#endif
