/* reject.c - the table of rows that SQLite refused. */
#include "reject.h"

#include <math.h>
#include <stdlib.h>

#include "sqlite_error.h"

/* Longer rows have no literals: the record says the same, and memory stays bounded. */
enum { LITERALS_MAX = 1 << 20 };

int weir_reject_prepare(sqlite3 *db, sqlite3_stmt **out, weir_error *error) {
    int status = weir_sqlite_run(db,
                                 "CREATE TABLE IF NOT EXISTS main.weir_reject(id INTEGER PRIMARY "
                                 "KEY, journal BLOB, row INTEGER,"
                                 " time_ns INTEGER, table_name TEXT, code INTEGER, message TEXT, "
                                 "\"values\" TEXT, record BLOB)",
                                 error);
    if (status != WEIR_OK) return status;
    return weir_sqlite_prepare(
        db,
        "INSERT INTO "
        "main.weir_reject(journal,row,time_ns,table_name,code,message,\"values\",record)"
        " VALUES(?1,?2,?3,?4,?5,?6,?7,?8)",
        out, error);
}

static void add_hex(sqlite3_str *out, const weir_value *v) {
    const uint8_t *bytes = v->as.bytes;
    sqlite3_str_appendall(out, "X'");
    for (uint32_t i = 0; i < v->length; i++)
        sqlite3_str_appendf(out, "%02X", bytes[i]);
    sqlite3_str_appendall(out, "'");
}

/* A literal cannot hold a zero byte. */
static void add_text(sqlite3_str *out, const weir_value *v) {
    if (v->length && memchr(v->as.bytes, 0, v->length)) {
        sqlite3_str_appendall(out, "CAST(");
        add_hex(out, v);
        sqlite3_str_appendall(out, " AS TEXT)");
        return;
    }
    sqlite3_str_appendf(out, "'%.*q'", (int)v->length, v->length ? (const char *)v->as.bytes : "");
}

static void add_real(sqlite3_str *out, double real) {
    if (isnan(real))
        sqlite3_str_appendall(out, "NULL");
    else if (isinf(real))
        sqlite3_str_appendall(out, real > 0 ? "9.0e+999" : "-9.0e+999");
    else
        sqlite3_str_appendf(out, "%!.17g", real);
}

static void add_literal(sqlite3_str *out, const weir_value *v) {
    switch (v->type) {
    case WEIR_INTEGER: sqlite3_str_appendf(out, "%lld", (long long)v->as.integer); break;
    case WEIR_REAL: add_real(out, v->as.real); break;
    case WEIR_TEXT: add_text(out, v); break;
    case WEIR_BLOB: add_hex(out, v); break;
    default: sqlite3_str_appendall(out, "NULL"); break;
    }
}

/* NULL for a row that is too long. */
static char *literals(const weir_refused *row, const weir_value *values, uint16_t count) {
    if (row->length > LITERALS_MAX / 4) return NULL;
    sqlite3_str *out = sqlite3_str_new(NULL);
    for (uint16_t i = 0; i < count; i++) {
        if (i) sqlite3_str_appendall(out, ", ");
        add_literal(out, &values[i]);
    }
    return sqlite3_str_finish(out);
}

static char *describe(const weir_refused *row) {
    uint16_t table, count;
    weir_value *values = malloc(WEIR_COLUMNS_MAX * sizeof *values);
    char *text = NULL;
    if (values && weir_row_decode(row->bytes, row->length, &table, &count, values))
        text = literals(row, values, count);
    free(values);
    return text;
}

/* A value that could not be bound is NULL, which is better than no row: what counts is the
 * record. */
static int bind(sqlite3_stmt *s, const weir_refused *row, const weir_refusal *why) {
    (void)sqlite3_bind_blob(s, 1, row->header->journal, 16, SQLITE_STATIC);
    (void)sqlite3_bind_int64(s, 2, (sqlite3_int64)row->row);
    (void)sqlite3_bind_int64(s, 3, row->header->wall_ns);
    (void)sqlite3_bind_text(s, 4, row->table, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int(s, 5, why->code);
    (void)sqlite3_bind_text(s, 6, why->message, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(s, 7, describe(row), -1, sqlite3_free);
    return sqlite3_bind_blob64(s, 8, row->bytes, row->length, SQLITE_STATIC);
}

int weir_reject_insert(sqlite3_stmt *insert, const weir_refused *row, const weir_refusal *why,
                       weir_error *error) {
    int code = bind(insert, row, why);
    if (code == SQLITE_OK) code = sqlite3_step(insert);
    int status = code == SQLITE_DONE
                     ? WEIR_OK
                     : weir_sqlite_fail(sqlite3_db_handle(insert), "keeping a refused row", error);
    (void)sqlite3_reset(insert); /* repeats the step's code */
    (void)sqlite3_clear_bindings(insert);
    return status;
}
