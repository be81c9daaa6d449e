/* reject.c - the table of rows that SQLite refused. */
#include "reject.h"

#include <math.h>
#include <stdlib.h>

#include "sqlite_error.h"

/* Longer rows are kept without literals: the record says the same, and memory stays bounded. */
enum { LITERALS_MAX = 1 << 20, SHORT_VALUE = 1000 };

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

/* A text literal cannot contain a zero byte. */
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

/* The beginning may end within a character; a text may be any bytes anyway. */
static void add_beginning(sqlite3_str *out, const weir_value *v) {
    weir_value beginning = *v;
    beginning.length = SHORT_VALUE;
    add_literal(out, &beginning);
    sqlite3_str_appendf(out, " /* of %u bytes */", v->length);
}

static void add_value(sqlite3_str *out, const weir_value *v, weir_reject_kept kept) {
    bool cut = kept == WEIR_REJECT_SHORT && v->length > SHORT_VALUE; /* a number's length is 0 */
    if (cut)
        add_beginning(out, v);
    else
        add_literal(out, v);
}

/* NULL for a row that is too long to be written as literals. */
static char *literals(const weir_refused *row, const weir_value *values, uint16_t count,
                      weir_reject_kept kept) {
    if (kept == WEIR_REJECT_WHOLE && row->length > LITERALS_MAX / 4) return NULL;
    sqlite3_str *out = sqlite3_str_new(NULL);
    for (uint16_t i = 0; i < count; i++) {
        if (i) sqlite3_str_appendall(out, ", ");
        add_value(out, &values[i], kept);
    }
    return sqlite3_str_finish(out);
}

static char *describe_row(const weir_refused *row, weir_reject_kept kept) {
    uint16_t table, count;
    weir_value *values = malloc(WEIR_COLUMNS_MAX * sizeof *values);
    char *text = NULL;
    if (values && weir_row_decode(row->bytes, row->length, &table, &count, values))
        text = literals(row, values, count, kept);
    free(values);
    return text;
}

static int bind_message(sqlite3_stmt *s, const weir_refused *row, const weir_refusal *why,
                        weir_reject_kept kept) {
    if (kept == WEIR_REJECT_WHOLE) return sqlite3_bind_text(s, 6, why->message, -1, SQLITE_STATIC);
    char *text =
        sqlite3_mprintf("%s; of the row's %llu bytes only the beginning of each value could "
                        "be kept",
                        why->message, (unsigned long long)row->length);
    return text ? sqlite3_bind_text(s, 6, text, -1, sqlite3_free) : SQLITE_NOMEM;
}

/* A value that could not be bound is NULL, which is better than no row. The record must be bound,
 * or where it cannot be kept, the message. */
static int bind_reject(sqlite3_stmt *s, const weir_refused *row, const weir_refusal *why,
                       weir_reject_kept kept) {
    (void)sqlite3_bind_blob(s, 1, row->header->journal, sizeof(weir_id), SQLITE_STATIC);
    (void)sqlite3_bind_int64(s, 2, (sqlite3_int64)row->row);
    (void)sqlite3_bind_int64(s, 3, row->header->wall_ns);
    (void)sqlite3_bind_text(s, 4, row->table, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int(s, 5, why->code);
    (void)sqlite3_bind_text(s, 7, describe_row(row, kept), -1, sqlite3_free);
    int code = bind_message(s, row, why, kept);
    if (code != SQLITE_OK || kept == WEIR_REJECT_SHORT) return code;
    return sqlite3_bind_blob64(s, 8, row->bytes, row->length, SQLITE_STATIC);
}

/* The connection's last error need not be that of a bind, so code is passed. */
static int keep_failed(sqlite3 *db, int code, weir_error *error) {
    if (code == SQLITE_TOOBIG)
        return weir_fail(error, WEIR_TOO_BIG, "%s: a refused row is too large to be kept whole",
                         sqlite3_db_filename(db, "main"));
    return weir_sqlite_fail(db, "keeping a refused row", error);
}

int weir_reject_insert(sqlite3_stmt *insert, const weir_refused *row, const weir_refusal *why,
                       weir_reject_kept kept, weir_error *error) {
    int code = bind_reject(insert, row, why, kept);
    if (code == SQLITE_OK) code = sqlite3_step(insert);
    int status =
        code == SQLITE_DONE ? WEIR_OK : keep_failed(sqlite3_db_handle(insert), code, error);
    (void)sqlite3_reset(insert); /* repeats the step's code */
    (void)sqlite3_clear_bindings(insert);
    return status;
}
