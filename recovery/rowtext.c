/* rowtext.c - a row as a line of NDJSON or CSV. */
#include "rowtext.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "json.h"

/* {"key":"hexadecimal"}, for values that JSON lacks */
static void json_hex_object(FILE *out, const char *key, const weir_value *v) {
    fprintf(out, "{\"%s\":\"", key);
    weir_write_hex(out, v->as.bytes, v->length);
    fputs("\"}", out);
}

static void json_real(FILE *out, double value) {
    if (isfinite(value))
        weir_write_real(out, value);
    else
        fprintf(out, "{\"real\":\"%s\"}", isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
}

/* A string alone would be taken for a TEXT. */
static void json_integer(FILE *out, int64_t value) {
    bool exact = weir_json_is_exact(value);
    fprintf(out, "%s%" PRId64 "%s", exact ? "" : "{\"integer\":\"", value, exact ? "" : "\"}");
}

static void json_value(FILE *out, const weir_value *v) {
    switch (v->type) {
    case WEIR_INTEGER: json_integer(out, v->as.integer); break;
    case WEIR_REAL: json_real(out, v->as.real); break;
    case WEIR_TEXT:
        if (weir_is_utf8(v->as.bytes, v->length))
            weir_json_string(out, v->as.bytes, v->length);
        else
            json_hex_object(out, "text", v);
        break;
    case WEIR_BLOB: json_hex_object(out, "blob", v); break;
    default: fputs("null", out);
    }
}

/* Columns that the row does not have are NULL. */
static void json_named_values(weir_json *json, const weir_row *row) {
    static const weir_value null = {.type = WEIR_NULL};
    weir_json_open(json, "values");
    for (uint16_t i = 0; i < row->declaration->columns; i++) {
        weir_json_key(json, row->declaration->column[i].name);
        json_value(json->out, i < row->count ? &row->values[i] : &null);
    }
    weir_json_close(json);
}

void weir_row_values_as_json(FILE *out, const weir_row *row) {
    for (uint16_t i = 0; i < row->count; i++) {
        fputc(i == 0 ? '[' : ',', out);
        json_value(out, &row->values[i]);
    }
    fputs(row->count ? "]" : "[]", out);
}

static void json_bare_values(weir_json *json, const weir_row *row) {
    weir_json_key(json, "values");
    weir_row_values_as_json(json->out, row);
}

void weir_row_as_json(FILE *out, const weir_row *row) {
    bool named = row->declaration && row->count <= row->declaration->columns;
    weir_json json = weir_json_begin(out, "row");
    weir_json_uint(&json, "row", row->number);
    weir_json_text(&json, "table", row->declaration ? row->declaration->name : NULL);
    if (!named) weir_json_uint(&json, "table_number", row->table);
    weir_json_int(&json, "time_ns", row->wall_ns);
    if (named)
        json_named_values(&json, row);
    else
        json_bare_values(&json, row);
    weir_json_end(&json);
}

/* ---- CSV ---- */

static void csv_text(FILE *out, const char *text, size_t length) {
    putc_unlocked('"', out);
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '"') putc_unlocked('"', out);
        putc_unlocked(text[i], out);
    }
    putc_unlocked('"', out);
}

static void csv_value(FILE *out, const weir_value *v) {
    switch (v->type) {
    case WEIR_INTEGER: fprintf(out, "%" PRId64, v->as.integer); break;
    case WEIR_REAL: weir_write_real(out, v->as.real); break;
    case WEIR_TEXT: csv_text(out, v->as.bytes, v->length); break;
    case WEIR_BLOB:
        fputs("x'", out);
        weir_write_hex(out, v->as.bytes, v->length);
        putc_unlocked('\'', out);
        break;
    default: break; /* NULL is an empty field */
    }
}

void weir_csv_header(FILE *out, const weir_columns *columns) {
    fputs("\"row\"", out);
    for (size_t i = 0; i < columns->count; i++) {
        fputc(',', out);
        csv_text(out, columns->name[i], strlen(columns->name[i]));
    }
    fputs("\n", out);
}

const weir_value *weir_row_value(const weir_row *row, size_t guess, const char *name) {
    const weir_declaration *d = row->declaration;
    if (guess < d->columns && guess < row->count && strcasecmp(d->column[guess].name, name) == 0)
        return &row->values[guess];
    for (uint16_t i = 0; i < d->columns && i < row->count; i++)
        if (strcasecmp(d->column[i].name, name) == 0) return &row->values[i];
    return NULL;
}

void weir_row_as_csv(FILE *out, const weir_row *row, const weir_columns *columns) {
    fprintf(out, "%" PRIu64, row->number);
    for (size_t i = 0; i < columns->count; i++) {
        const weir_value *v = weir_row_value(row, i, columns->name[i]);
        fputc(',', out);
        if (v) csv_value(out, v);
    }
    fputs("\n", out);
}
