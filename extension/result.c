/* result.c - values as results of a column. */
#include "result.h"

#include <stdio.h>
#include <stdlib.h>

#include "../recovery/json.h"

void weir_sql_result_value(sqlite3_context *context, const weir_value *value) {
    switch (value ? value->type : (uint32_t)WEIR_NULL) {
    case WEIR_INTEGER: sqlite3_result_int64(context, value->as.integer); break;
    case WEIR_REAL: sqlite3_result_double(context, value->as.real); break;
    case WEIR_TEXT:
        sqlite3_result_text64(context, value->as.bytes, value->length, SQLITE_TRANSIENT,
                              SQLITE_UTF8);
        break;
    case WEIR_BLOB:
        sqlite3_result_blob64(context, value->as.bytes, value->length, SQLITE_TRANSIENT);
        break;
    default: sqlite3_result_null(context);
    }
}

/* What the tool writes to a stream is collected in memory. */
typedef struct collecting {
    FILE *out;
    char *text;
    size_t length;
} collecting;

static bool collect(sqlite3_context *context, collecting *c) {
    c->out = open_memstream(&c->text, &c->length);
    if (!c->out) sqlite3_result_error_nomem(context);
    return c->out;
}

static void give_collected(sqlite3_context *context, collecting *c) {
    bool whole = !ferror(c->out);
    whole &= fclose(c->out) == 0;
    if (whole)
        sqlite3_result_text64(context, c->text, c->length, free, SQLITE_UTF8);
    else
        sqlite3_result_error_nomem(context);
    if (!whole) free(c->text);
}

void weir_sql_result_row(sqlite3_context *context, const weir_row *row) {
    collecting c = {0};
    if (!collect(context, &c)) return;
    weir_row_values_as_json(c.out, row);
    give_collected(context, &c);
}

void weir_sql_result_hex(sqlite3_context *context, const void *bytes, size_t length) {
    collecting c = {0};
    if (!collect(context, &c)) return;
    weir_write_hex(c.out, bytes, length);
    give_collected(context, &c);
}

void weir_sql_result_text(sqlite3_context *context, const char *text) {
    if (text)
        sqlite3_result_text(context, text, -1, SQLITE_TRANSIENT);
    else
        sqlite3_result_null(context);
}

void weir_sql_result_number(sqlite3_context *context, uint64_t number) {
    sqlite3_result_int64(context, (sqlite3_int64)number);
}
