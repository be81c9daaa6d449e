#include "sink_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void make_directory(sink_fixture *f) {
    (void)snprintf(f->directory, sizeof f->directory, "%s", weir_temp_make());
    (void)snprintf(f->database, sizeof f->database, "%s/run.db", f->directory);
    (void)snprintf(f->copy, sizeof f->copy, "%s/copy.db", f->directory);
}

static void release_all(sink_fixture *f) {
    sink_close(f);
    weir_sql_close(&f->other);
    weir_sql_close(&f->second);
    weir_sql_close(&f->third);
    rows_free_all(&f->pool);
    weir_temp_remove(f->directory);
}

int sink_set_up(void **state) { return sink_make(state, sizeof(sink_fixture)); }

int sink_make(void **state, size_t bytes) {
    sink_fixture *f = calloc(1, bytes);
    if (!f) return -1;
    memset(f->journal, 7, sizeof f->journal);
    make_directory(f);
    *state = f;
    return 0;
}

int sink_tear_down(void **state) {
    sink_fixture *f = *state;
    release_all(f);
    free(f);
    return 0;
}

void sink_renew(sink_fixture *f) {
    release_all(f);
    make_directory(f);
}

int sink_try_open(sink_fixture *f, weir_sqlite_config wanted) {
    wanted.path = f->database;
    return weir_sqlite_sink_open(&wanted, &f->sink, NULL, &f->error);
}

void sink_open(sink_fixture *f) {
    int status = sink_try_open(f, (weir_sqlite_config){.busy_timeout_ms = 1000});
    if (status != WEIR_OK) fail_msg("%s", f->error.text);
}

void sink_close(sink_fixture *f) {
    if (f->sink.self) f->sink.close(f->sink.self);
    f->sink = (weir_sink){0};
}

void sink_declare(sink_fixture *f, uint16_t table, const char *name, const weir_column *columns,
                  size_t count) {
    weir_declaration *d;
    assert_int_equal(weir_declaration_make(table, name, columns, count, &d, &f->error), WEIR_OK);
    int status = f->sink.declare(f->sink.self, d, WEIR_DECLARE_WITH_ROWS, &f->error);
    weir_declaration_free(d);
    assert_int_equal(status, WEIR_OK);
}

rows_block sink_rows(sink_fixture *f, uint64_t block, uint64_t first_row) {
    return rows_begin(&f->pool, f->journal, block, first_row);
}

int sink_apply(sink_fixture *f, const rows_block *b, weir_row_range range,
               weir_sink_counts *counts) {
    weir_sink_counts none;
    return transact_rows(&f->sink, f->journal, b, range, counts ? counts : &none, &f->error);
}

int transact_rows(const weir_sink *s, const uint8_t journal[16], const rows_block *b,
                  weir_row_range range, weir_sink_counts *counts, weir_error *error) {
    weir_position at;
    int status = s->begin(s->self, journal, &at, error);
    if (status == WEIR_OK) status = s->apply(s->self, &b->header, rows_body(b), range, error);
    at.row = range.last;
    at.block = b->header.block;
    if (status == WEIR_OK) status = s->commit(s->self, &at, counts, error);
    if (status != WEIR_OK) s->rollback(s->self);
    return status;
}

char *sql_text(sqlite3 *db, const char *sql) {
    sqlite3_stmt *s;
    sqlite3_str *out = sqlite3_str_new(NULL);
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK) s = NULL;
    while (s && sqlite3_step(s) == SQLITE_ROW)
        for (int i = 0; i < sqlite3_column_count(s); i++) {
            const char *text = (const char *)sqlite3_column_text(s, i);
            sqlite3_str_appendf(out, "%s,", text ? text : "-");
        }
    (void)sqlite3_finalize(s);
    char *text = sqlite3_str_finish(out);
    return text ? text : sqlite3_mprintf("");
}
