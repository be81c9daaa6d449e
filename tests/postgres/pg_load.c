#include "pg_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int pg_load_group_set_up(void **state) {
    static pg_load f;
    *state = NULL;
    if (pg_server_missing()) {
        print_message("skipped: %s\n", pg_server_missing());
        return 0;
    }
    memset(f.journal, 7, sizeof f.journal);
    pg_server_make(&f.server, NULL);
    *state = &f;
    return 0;
}

int pg_load_group_tear_down(void **state) {
    pg_load *f = *state;
    if (f) pg_server_free(&f->server);
    return 0;
}

static void make_load(pg_load *f, bool by_insert, bool row_numbers, const char *schema) {
    weir_pg_load_config config = {f->pg, schema, row_numbers, by_insert};
    assert_int_equal(weir_pg_load_make(&config, &f->load, &f->error), WEIR_OK);
    int status = weir_pg_load_prepare(f->load, &f->error);
    if (status != WEIR_OK) fail_msg("%s", f->error.text);
}

void pg_load_renew(pg_load *f, bool by_insert, bool row_numbers, const char *schema) {
    weir_pg_load_free(f->load);
    f->load = NULL;
    make_load(f, by_insert, row_numbers, schema);
}

int pg_load_set_up(void **state) {
    pg_load *f = *state;
    if (!f) return 0;
    weir_pg_config config = {.os = weir_os_posix(), .conninfo = f->server.conninfo};
    pg_server_run(&f->server, "SET client_min_messages = error; DROP SCHEMA public CASCADE");
    pg_server_run(&f->server, "CREATE SCHEMA public");
    f->next_block = f->next_row = 1;
    assert_int_equal(weir_pg_make(&config, &f->pg, &f->error), WEIR_OK);
    int status = weir_pg_connect(f->pg, &f->error);
    if (status != WEIR_OK) fail_msg("%s", f->error.text);
    make_load(f, false, false, NULL);
    return 0;
}

int pg_load_tear_down(void **state) {
    pg_load *f = *state;
    if (!f) return 0;
    weir_pg_load_free(f->load);
    weir_pg_free(f->pg);
    rows_free_all(&f->pool);
    f->load = NULL;
    f->pg = NULL;
    return 0;
}

pg_load *pg_load_of(void **state) {
    if (!*state) skip();
    return *state;
}

static int declare(pg_load *f, uint16_t table, const char *name, const weir_column *columns,
                   size_t count, weir_declare_when when) {
    weir_declaration *d;
    assert_int_equal(weir_declaration_make(table, name, columns, count, &d, &f->error), WEIR_OK);
    int status = weir_pg_load_declare(f->load, d, when, &f->error);
    weir_declaration_free(d);
    return status;
}

int pg_load_declare(pg_load *f, uint16_t table, const char *name, const weir_column *columns,
                    size_t count) {
    int status = declare(f, table, name, columns, count, WEIR_DECLARE_WITH_ROWS);
    assert_int_equal(status, WEIR_OK);
    return status;
}

static void begin(pg_load *f) {
    int status = weir_pg_run(f->pg, "BEGIN ISOLATION LEVEL READ COMMITTED", &f->error);
    if (status != WEIR_OK) fail_msg("%s", f->error.text);
}

static int end(pg_load *f, int status) {
    if (status == WEIR_OK) return weir_pg_commit(f->pg, &f->error);
    weir_pg_load_rollback(f->load);
    assert_int_equal(weir_pg_run(f->pg, "ROLLBACK", NULL), WEIR_OK);
    return status;
}

int pg_load_declare_now(pg_load *f, uint16_t table, const char *name, const weir_column *columns,
                        size_t count) {
    weir_sink_counts counts = {0};
    begin(f);
    int status = declare(f, table, name, columns, count, WEIR_DECLARE_NOW);
    if (status == WEIR_OK) status = weir_pg_load_finish(f->load, &counts, &f->error);
    return end(f, status);
}

rows_block pg_load_rows(pg_load *f) {
    return rows_begin(&f->pool, f->journal, f->next_block++, f->next_row);
}

int pg_load_try(pg_load *f, const rows_block *b, weir_sink_counts *counts) {
    const weir_row_range range = {b->header.first_row, b->header.first_row + b->header.rows - 1};
    int status;
    f->attempts = 0;
    do {
        assert_true(++f->attempts < 10);
        begin(f);
        status = weir_pg_load_rows(f->load, &b->header, rows_body(b), range, &f->error);
        if (status == WEIR_OK) status = weir_pg_load_finish(f->load, counts, &f->error);
        status = end(f, status);
    } while (status == WEIR_SINK_ANEW);
    return status;
}

weir_sink_counts pg_load_all(pg_load *f, rows_block *b) {
    weir_sink_counts counts = {0};
    int status = pg_load_try(f, b, &counts);
    if (status != WEIR_OK) fail_msg("%d: %s", status, f->error.text);
    assert_int_equal(counts.rows, b->header.rows);
    f->next_row += b->header.rows;
    rows_free(b);
    return counts;
}

char *pg_text(const pg_load *f, const char *sql) {
    PGconn *c = pg_server_connect(&f->server);
    PGresult *r = PQexec(c, sql);
    if (PQresultStatus(r) != PGRES_TUPLES_OK) fail_msg("%s: %s", sql, PQresultErrorMessage(r));
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    for (int row = 0; row < PQntuples(r); row++)
        for (int i = 0; i < PQnfields(r); i++)
            (void)fprintf(out, "%s%s%s", i ? "|" : "",
                          PQgetisnull(r, row, i) ? "-" : PQgetvalue(r, row, i),
                          i + 1 == PQnfields(r) && row + 1 < PQntuples(r) ? "\n" : "");
    assert_int_equal(fclose(out), 0);
    PQclear(r);
    PQfinish(c);
    return text;
}

void pg_assert(const pg_load *f, const char *sql, const char *expected) {
    char *text = pg_text(f, sql);
    if (strcmp(text, expected) != 0) fail_msg("%s\n%s\nand not\n%s", sql, text, expected);
    free(text);
}
