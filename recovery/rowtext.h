/* rowtext.h - a row as a line of NDJSON or CSV, both without loss.
 *
 * NDJSON: {"type":"row","row":N,"table":"name","time_ns":T,"values":{"column":value,…}}. T is the
 * wall clock of the row's block, as a string since it is beyond 2^53. Values:
 *
 *     NULL      null
 *     INTEGER   a number without point and exponent; beyond 2^53 {"integer":"digits"}
 *     REAL      a number with point or exponent that reads back as the same double; infinities and
 *               NaN, which JSON lacks, are {"real":"inf"}, {"real":"-inf"}, {"real":"nan"}
 *     TEXT      a string; text that is not UTF-8 is {"text":"hexadecimal"}
 *     BLOB      {"blob":"hexadecimal"}
 *
 * A row whose declaration is lost has "table":null, "table_number" and an array for values; one with
 * more values than its declaration has columns, the latter two.
 *
 * CSV (RFC 4180, but lines end in LF alone): a header with "row" and the columns. NULL is an empty
 * field; numbers are as above; text is always in quotes, byte for byte; a blob is x'hexadecimal'
 * without quotes. */
#ifndef WEIR_ROWTEXT_H
#define WEIR_ROWTEXT_H

#include <stdio.h>

#include "columns.h"

typedef struct weir_row {
    uint64_t number;
    int64_t wall_ns;
    uint16_t table, count;
    const weir_declaration *declaration; /* NULL when it is lost */
    weir_value values[WEIR_COLUMNS_MAX];
} weir_row;

void weir_row_as_json(FILE *out, const weir_row *row);
/* The values alone, as an array. */
void weir_row_values_as_json(FILE *out, const weir_row *row);
/* The value of the column of that name, which may be the one at guess. NULL: the row's declaration,
 * which must be there, does not have the column, or the row is shorter. */
const weir_value *weir_row_value(const weir_row *row, size_t guess, const char *name);
void weir_csv_header(FILE *out, const weir_columns *columns);
void weir_row_as_csv(FILE *out, const weir_row *row, const weir_columns *columns);

#endif
