/* test_load.c - tables made, extended, used as they are or refused, and rows into them.
 *
 * Covers: postgres/bytes.h, postgres/load_own.c, postgres/load_send.c, postgres/load_state.h,
 * postgres/load_tables.c, postgres/relation.c, postgres/relation_read.c, postgres/sql.c,
 * postgres/declaration.c */
#include "pg_load.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const weir_column plain[] = {
    {"i", WEIR_INTEGER}, {"r", WEIR_REAL}, {"t", WEIR_TEXT}, {"b", WEIR_BLOB}};

static void add_plain(rows_block *b, uint16_t table, int64_t i) {
    const weir_value v[] = {weir_int(i), weir_real((double)i / 2), weir_text("text"),
                            weir_blob("\0\1", 2)};
    rows_add(b, table, v, COUNT(v));
}

#define COLUMNS_OF(name)                                                                           \
    "SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum)"  \
    " FROM pg_attribute WHERE attrelid = '" name "'::regclass AND attnum > 0"

static void test_a_table_is_made(void **state) {
    pg_load *f = pg_load_of(state);
    const weir_column columns[] = {{"k", WEIR_KEY}, {"Mixed \"Case\"", WEIR_REAL}};
    const weir_value row[] = {weir_int(1), weir_real(0.5)};
    (void)pg_load_declare(f, 1, "plain", plain, COUNT(plain));
    (void)pg_load_declare(f, 2, "Odd \"name\"", columns, 2);
    rows_block b = pg_load_rows(f);
    add_plain(&b, 1, 1);
    rows_add(&b, 2, row, 2);
    weir_sink_counts counts = pg_load_all(f, &b);
    assert_null(counts.mended);
    assert_int_equal(counts.rejected + counts.ignored, 0);
    pg_assert(f, COLUMNS_OF("plain"), "i bigint, r double precision, t text, b bytea");
    pg_assert(f, COLUMNS_OF("\"Odd \"\"name\"\"\""), "k bigint, Mixed \"Case\" double precision");
    pg_assert(f, "SELECT * FROM plain", "1|0.5|text|\\x0001");
    pg_assert(f, "SELECT * FROM \"Odd \"\"name\"\"\"", "1|0.5");
    pg_assert(f,
              "SELECT count(*) FROM pg_index WHERE indisprimary AND indrelid ="
              " '\"Odd \"\"name\"\"\"'::regclass",
              "1");
}

static void test_declared_now_without_rows(void **state) {
    pg_load *f = pg_load_of(state);
    assert_int_equal(pg_load_declare_now(f, 1, "plain", plain, 2), WEIR_OK);
    pg_assert(f, COLUMNS_OF("plain"), "i bigint, r double precision");
    /* The same table with more columns, under another number; the old number goes on. */
    assert_int_equal(pg_load_declare_now(f, 2, "plain", plain, 4), WEIR_OK);
    pg_assert(f, COLUMNS_OF("plain"), "i bigint, r double precision, t text, b bytea");
    rows_block b = pg_load_rows(f);
    const weir_value old[] = {weir_int(1), weir_real(1)};
    rows_add(&b, 1, old, 2);
    add_plain(&b, 2, 2);
    rows_add(&b, 1, old, 2);
    (void)pg_load_all(f, &b);
    pg_assert(f, "SELECT i, r, t FROM plain ORDER BY ctid", "1|1|-\n2|1|text\n1|1|-");
    /* A position that went back brings the older declaration again. */
    assert_int_equal(pg_load_declare_now(f, 1, "plain", plain, 2), WEIR_OK);
    pg_assert(f, COLUMNS_OF("plain"), "i bigint, r double precision, t text, b bytea");
}

static void test_a_number_is_declared_otherwise(void **state) {
    pg_load *f = pg_load_of(state);
    assert_int_equal(pg_load_declare_now(f, 1, "plain", plain, 2), WEIR_OK);
    weir_sink_counts counts;
    rows_block b = pg_load_rows(f);
    const weir_value old[] = {weir_int(1), weir_real(1)};
    rows_add(&b, 1, old, 2);
    assert_int_equal(weir_pg_run(f->pg, "BEGIN", &f->error), WEIR_OK);
    const weir_row_range range = {1, 1};
    assert_int_equal(weir_pg_load_rows(f->load, &b.header, rows_body(&b), range, &f->error), 0);
    weir_declaration *d;
    assert_int_equal(weir_declaration_make(1, "other", plain, 4, &d, &f->error), WEIR_OK);
    assert_int_equal(weir_pg_load_declare(f->load, d, WEIR_DECLARE_NOW, &f->error), WEIR_OK);
    weir_declaration_free(d);
    rows_block c = pg_load_rows(f);
    add_plain(&c, 1, 2);
    assert_int_equal(weir_pg_load_rows(f->load, &c.header, rows_body(&c), range, &f->error), 0);
    assert_int_equal(weir_pg_load_finish(f->load, &counts, &f->error), WEIR_OK);
    assert_int_equal(counts.rows, 2);
    assert_int_equal(weir_pg_commit(f->pg, &f->error), WEIR_OK);
    pg_assert(f, "SELECT i FROM plain", "1");
    pg_assert(f, "SELECT i FROM other", "2");
}

/* Names and texts with quotes, however the database reads a backslash. */
static void test_quotes(void **state) {
    static const char *const settings[] = {
        "SET backslash_quote = off",
        "SET backslash_quote = off; SET standard_conforming_strings = off",
        "SET backslash_quote = on; SET standard_conforming_strings = on"};
    pg_load *f = pg_load_of(state);
    const weir_column columns[] = {{"it's", WEIR_TEXT}};
    const weir_value row[] = {weir_text("'it\\'s' \\ ''\\\\")};
    pg_load_renew(f, true, false, NULL);
    for (size_t i = 0; i < COUNT(settings); i++) {
        assert_int_equal(weir_pg_run(f->pg, settings[i], &f->error), WEIR_OK);
        (void)pg_load_declare(f, 1, "'t\\'s'", columns, 1);
        rows_block b = pg_load_rows(f);
        rows_add(&b, 1, row, 1);
        assert_int_equal(pg_load_all(f, &b).rejected, 0);
    }
    pg_assert(f, "SELECT DISTINCT \"it's\", count(*) OVER () FROM \"'t\\'s'\"",
              "'it\\'s' \\ ''\\\\|3");
}

/* ---- tables that are there ---- */

static void test_existing_tables(void **state) {
    pg_load *f = pg_load_of(state);
    pg_server_run(&f->server,
                  "CREATE TABLE \"Plain\"(more text DEFAULT 'd', b bytea, \"T\" varchar(9),"
                  " r float4, gone int, i int); ALTER TABLE \"Plain\" DROP COLUMN gone");
    (void)pg_load_declare(f, 1, "plain", plain, COUNT(plain));
    rows_block b = pg_load_rows(f);
    add_plain(&b, 1, 1);
    (void)pg_load_all(f, &b);
    pg_assert(f, "SELECT * FROM \"Plain\"", "d|\\x0001|text|0.5|1");
    /* An exact name is preferred to one that only differs by case. */
    pg_server_run(&f->server, "CREATE TABLE plain(i numeric, r numeric(9,1), t text, b bytea)");
    weir_pg_load_forget(f->load);
    b = pg_load_rows(f);
    add_plain(&b, 1, 2);
    (void)pg_load_all(f, &b);
    pg_assert(f, "SELECT * FROM plain", "2|1.0|text|\\x0001");
}

static void test_a_schema_of_its_own(void **state) {
    pg_load *f = pg_load_of(state);
    pg_server_run(&f->server, "DROP SCHEMA IF EXISTS \"Other\" CASCADE; CREATE SCHEMA \"Other\";"
                              "CREATE TABLE plain(i text)");
    pg_load_renew(f, false, true, "Other");
    (void)pg_load_declare(f, 1, "plain", plain, COUNT(plain));
    rows_block b = pg_load_rows(f);
    add_plain(&b, 1, 1);
    const weir_value bad[] = {weir_text("x"), weir_null(), weir_null(), weir_null()};
    rows_add(&b, 1, bad, 4);
    add_plain(&b, 1, 3);
    assert_int_equal(pg_load_all(f, &b).rejected, 1);
    pg_assert(f, "SELECT i, weir_row FROM \"Other\".plain", "1|1\n3|3");
    pg_assert(f, "SELECT \"row\" FROM \"Other\".weir_reject", "2");
    pg_assert(f, "SELECT count(*) FROM plain", "0");
}

static void refused(pg_load *f, const char *sql, const char *name, const weir_column *columns,
                    size_t count, const char *words) {
    if (sql) pg_server_run(&f->server, sql);
    int status = pg_load_declare_now(f, 1, name, columns, count);
    if (status != WEIR_SCHEMA || !strstr(f->error.text, words))
        fail_msg("%s: %d, %s, and not %s", sql ? sql : name, status,
                 status ? f->error.text : "it is taken", words);
    weir_declaration *d;
    int64_t next;
    assert_int_equal(weir_declaration_make(1, name, columns, count, &d, NULL), WEIR_OK);
    assert_int_equal(weir_pg_check_declaration(f->pg, NULL, d, &next, &f->error), WEIR_SCHEMA);
    weir_declaration_free(d);
    weir_pg_load_forget(f->load);
}

static void test_declarations_refused(void **state) {
    pg_load *f = pg_load_of(state);
    char name[80] = {0};
    static const weir_column one[] = {{"i", WEIR_INTEGER}}, key[] = {{"k", WEIR_KEY}};
    memset(name, 'n', 64);
    refused(f, NULL, name, one, 1, "64 bytes");
    const weir_column named[] = {{name, WEIR_TEXT}};
    refused(f, NULL, "t", named, 1, "64 bytes");
    name[63] = '\0';
    assert_int_equal(pg_load_declare_now(f, 1, name, named, 1), WEIR_OK);
    static const char *const taken[] = {"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"};
    for (size_t i = 0; i < COUNT(taken); i++) {
        const weir_column column[] = {{taken[i], WEIR_TEXT}};
        refused(f, NULL, "t", column, 1, "system column");
    }
    refused(f, NULL, "Weir_Position", one, 1, "weir's own");
    refused(f, NULL, "weir_reject", one, 1, "weir's own");
    refused(f, NULL, "t\xff", one, 1, "UTF-8");

    static weir_column many[1601];
    static char names[1601][8];
    for (int i = 0; i < 1601; i++) {
        (void)snprintf(names[i], sizeof names[i], "c%d", i);
        many[i] = (weir_column){names[i], WEIR_INTEGER};
    }
    refused(f, NULL, "t", many, 1601, "1600");
    assert_int_equal(pg_load_declare_now(f, 1, "wide", many, 1600), WEIR_OK);

    refused(f, "CREATE TABLE a(i int GENERATED ALWAYS AS IDENTITY)", "a", one, 1, "GENERATED");
    refused(f, "CREATE TABLE b(j int, i int GENERATED ALWAYS AS (j + 1) STORED)", "b", one, 1,
            "GENERATED");
    refused(f, "CREATE VIEW c AS SELECT 1 AS i", "c", one, 1, "INSTEAD OF");
    refused(f, "CREATE MATERIALIZED VIEW d AS SELECT 1 AS i", "d", one, 1, "takes no rows");
    refused(f, "CREATE SEQUENCE e", "e", one, 1, "takes no rows");
    refused(f, "CREATE UNLOGGED TABLE g(i int)", "g", one, 1, "UNLOGGED");
    refused(f,
            "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;"
            "CREATE FOREIGN TABLE h(i int) SERVER s",
            "h", one, 1, "foreign table");
    refused(f,
            "CREATE TABLE j(i int) PARTITION BY RANGE (i); CREATE TABLE j1 PARTITION OF j"
            " FOR VALUES FROM (0) TO (10) PARTITION BY LIST (i);"
            "CREATE FOREIGN TABLE j2 PARTITION OF j1 FOR VALUES IN (1) SERVER s",
            "j", one, 1, "j2 is a foreign table");
    refused(f,
            "CREATE TABLE l(i int) PARTITION BY LIST (i);"
            "CREATE UNLOGGED TABLE l1 PARTITION OF l FOR VALUES IN (1)",
            "l", one, 1, "UNLOGGED");
    refused(f, "CREATE TABLE m(j int)", "m", one, 1, "other columns");
    refused(f, "CREATE TABLE n(i int, need int NOT NULL)", "n", one, 1, "need is NOT NULL");
    refused(f, "CREATE TABLE o(t text)", "o", plain, 4, "no column i");
    refused(f, "CREATE TABLE p(k bigint UNIQUE)", "p", key, 1, "PRIMARY KEY");
    refused(f, "CREATE TABLE q(k text PRIMARY KEY)", "q", key, 1, "PRIMARY KEY");
    refused(f, "CREATE TABLE r(k int, l int, PRIMARY KEY(k, l))", "r", key, 1, "PRIMARY KEY");
    refused(f,
            "CREATE TABLE \"S\"(i int); CREATE TABLE \"Ss\"(i int, \"I\" int);"
            "CREATE TABLE \"sS\"(\"I\" int)",
            "ss", one, 1, "none is spelled so");
    refused(f,
            "CREATE TABLE u(\"I\" int, \"İ\" int, \"i\" int); ALTER TABLE u RENAME i TO x;"
            "ALTER TABLE u ADD COLUMN y int NOT NULL",
            "u", one, 1, "y is NOT NULL");
    refused(f, "CREATE TABLE v(\"Ab\" int, \"aB\" int)", "v",
            (const weir_column[]){{"ab", WEIR_TEXT}}, 1, "but for case");
    refused(f, "CREATE TABLE w(i int); CREATE RULE r AS ON INSERT TO w DO INSTEAD NOTHING", "w",
            one, 1, "rule");
    refused(f, "CREATE TABLE x(i int)", "x",
            (const weir_column[]){{"i", WEIR_INTEGER}, {"k", WEIR_KEY}}, 2, "cannot be added");
}

/* What needs no value may be undeclared. */
static void test_columns_that_are_not_declared(void **state) {
    pg_load *f = pg_load_of(state);
    static const weir_column one[] = {{"v", WEIR_INTEGER}};
    const weir_value v = weir_int(5);
    pg_server_run(&f->server, "CREATE TABLE t(id bigserial PRIMARY KEY, a int NOT NULL DEFAULT 3,"
                              " g int GENERATED ALWAYS AS (a + 1) STORED, v int,"
                              " n int GENERATED ALWAYS AS IDENTITY)");
    (void)pg_load_declare(f, 1, "t", one, 1);
    rows_block b = pg_load_rows(f);
    rows_add(&b, 1, &v, 1);
    (void)pg_load_all(f, &b);
    pg_assert(f, "SELECT * FROM t", "1|3|4|5|1");
}

static void test_next_key(void **state) {
    pg_load *f = pg_load_of(state);
    static const weir_column key[] = {{"K", WEIR_KEY}};
    weir_declaration *d;
    int64_t next = 0;
    assert_int_equal(weir_declaration_make(1, "t", key, 1, &d, NULL), WEIR_OK);
    assert_int_equal(weir_pg_check_declaration(f->pg, NULL, d, &next, &f->error), WEIR_OK);
    assert_int_equal(next, 1);
    pg_server_run(&f->server, "CREATE TABLE t(k bigint PRIMARY KEY)");
    assert_int_equal(weir_pg_check_declaration(f->pg, NULL, d, &next, &f->error), WEIR_OK);
    assert_int_equal(next, 1);
    pg_server_run(&f->server, "INSERT INTO t VALUES (-5), (41), (9223372036854775807)");
    assert_int_equal(weir_pg_check_declaration(f->pg, NULL, d, &next, &f->error), WEIR_OK);
    assert_int_equal(next, 42);
    pg_server_run(&f->server, "INSERT INTO t VALUES (9223372036854775806)");
    assert_int_equal(weir_pg_check_declaration(f->pg, NULL, d, &next, &f->error), WEIR_OK);
    assert_true(next == INT64_MAX);
    weir_declaration_free(d);
}

/* ---- changes under way ---- */

static void test_a_type_that_changes(void **state) {
    pg_load *f = pg_load_of(state);
    static const weir_column one[] = {{"v", WEIR_INTEGER}};
    static const char *const types[] = {"double precision",
                                        "numeric",
                                        "text",
                                        "bigint USING v::bigint",
                                        "timestamptz USING to_timestamp(0)",
                                        "bytea USING ''",
                                        "bigint USING 0"};
    const weir_value v = weir_int(1234567);
    (void)pg_load_declare(f, 1, "t", one, 1);
    for (size_t i = 0; i <= COUNT(types); i++) {
        char sql[200];
        rows_block b = pg_load_rows(f);
        rows_add(&b, 1, &v, 1);
        (void)pg_load_all(f, &b);
        if (i == COUNT(types)) break;
        (void)snprintf(sql, sizeof sql, "ALTER TABLE t ALTER v TYPE %s", types[i]);
        pg_server_run(&f->server, sql);
        if (i == 3) pg_assert(f, "SELECT DISTINCT v FROM t", "1234567");
    }
    /* Neither bytea nor timestamptz takes a number. */
    pg_assert(f, "SELECT count(*), count(*) FILTER (WHERE v = 1234567) FROM t", "6|1");
    pg_assert(f, "SELECT count(*) FROM weir_reject", "2");
}

static void test_a_table_that_is_gone(void **state) {
    pg_load *f = pg_load_of(state);
    (void)pg_load_declare(f, 1, "plain", plain, COUNT(plain));
    for (int i = 0; i < 4; i++) {
        rows_block b = pg_load_rows(f);
        add_plain(&b, 1, i);
        weir_sink_counts counts = pg_load_all(f, &b);
        if (i == 0) assert_null(counts.mended);
        if (i == 1) assert_string_equal(counts.mended, "table plain was gone and is made anew");
        if (i == 2)
            assert_string_equal(counts.mended,
                                "column b of table plain was gone and is added again, empty");
        if (i == 3) assert_null(counts.mended);
        if (i == 0) pg_server_run(&f->server, "DROP TABLE plain");
        if (i == 1) pg_server_run(&f->server, "ALTER TABLE plain DROP b");
        if (i == 2)
            pg_server_run(&f->server, "ALTER TABLE plain RENAME TO was; CREATE TABLE"
                                      " plain(b bytea, t text, r numeric, i int)");
    }
    pg_assert(f, "SELECT b, t, r, i FROM plain", "\\x0001|text|1.5|3");
    pg_assert(f, "SELECT i FROM was ORDER BY i", "1\n2");
}

/* While rows of the transaction wait, nobody else changes the table. */
static void test_a_change_waits_for_the_transaction(void **state) {
    pg_load *f = pg_load_of(state);
    (void)pg_load_declare(f, 1, "plain", plain, COUNT(plain));
    rows_block b = pg_load_rows(f);
    add_plain(&b, 1, 1);
    weir_sink_counts counts;
    for (int i = 0; i < 2; i++) {
        const weir_row_range range = {1, 1};
        assert_int_equal(weir_pg_run(f->pg, "BEGIN", &f->error), WEIR_OK);
        assert_int_equal(weir_pg_load_rows(f->load, &b.header, rows_body(&b), range, &f->error), 0);
        PGconn *c = pg_server_connect(&f->server);
        PQclear(PQexec(c, "SET lock_timeout = 200"));
        PGresult *r = PQexec(c, "ALTER TABLE plain ALTER i TYPE float8");
        assert_int_equal(PQresultStatus(r), PGRES_FATAL_ERROR);
        PQclear(r);
        PQfinish(c);
        assert_int_equal(weir_pg_load_finish(f->load, &counts, &f->error), WEIR_OK);
        assert_int_equal(weir_pg_commit(f->pg, &f->error), WEIR_OK);
    }
    pg_assert(f, "SELECT i FROM plain", "1\n1");
}

/* ATTACH PARTITION does not wait for us. What would have gone to another server is rolled back. */
static void test_a_foreign_partition_attached_meanwhile(void **state) {
    pg_load *f = pg_load_of(state);
    pg_server_run(&f->server,
                  "DROP FOREIGN DATA WRAPPER IF EXISTS w CASCADE; CREATE FOREIGN DATA WRAPPER w;"
                  "CREATE SERVER s FOREIGN DATA WRAPPER w;"
                  "CREATE TABLE plain(i bigint, r float8, t text, b bytea) PARTITION BY LIST (i);"
                  "CREATE TABLE plain1 PARTITION OF plain FOR VALUES IN (1);"
                  "CREATE FOREIGN TABLE plain2(i bigint, r float8, t text, b bytea) SERVER s");
    (void)pg_load_declare(f, 1, "plain", plain, COUNT(plain));
    rows_block b = pg_load_rows(f);
    add_plain(&b, 1, 1);
    weir_sink_counts counts;
    const weir_row_range range = {1, 1};
    assert_int_equal(weir_pg_run(f->pg, "BEGIN", &f->error), WEIR_OK);
    assert_int_equal(weir_pg_load_rows(f->load, &b.header, rows_body(&b), range, &f->error), 0);
    pg_server_run(&f->server, "ALTER TABLE plain ATTACH PARTITION plain2 FOR VALUES IN (2)");
    assert_int_equal(weir_pg_load_finish(f->load, &counts, &f->error), WEIR_SINK_ANEW);
    weir_pg_load_rollback(f->load);
    assert_int_equal(weir_pg_run(f->pg, "ROLLBACK", &f->error), WEIR_OK);
    assert_int_equal(pg_load_try(f, &b, &counts), WEIR_SCHEMA);
    pg_assert(f, "SELECT count(*) FROM plain1", "0");
}

/* The COPY that is open when a transaction is given up ends first. */
static void test_rolled_back_in_the_middle(void **state) {
    pg_load *f = pg_load_of(state);
    (void)pg_load_declare(f, 1, "plain", plain, COUNT(plain));
    (void)pg_load_declare(f, 2, "second", plain, COUNT(plain));
    for (int i = 0; i < 3; i++) {
        rows_block b = pg_load_rows(f);
        for (int n = 0; n < 20000; n++)
            add_plain(&b, (uint16_t)(1 + n % 2), n);
        const weir_row_range range = {b.header.first_row, UINT64_MAX};
        assert_int_equal(weir_pg_run(f->pg, "BEGIN", &f->error), WEIR_OK);
        assert_int_equal(weir_pg_load_rows(f->load, &b.header, rows_body(&b), range, &f->error), 0);
        weir_pg_load_rollback(f->load);
        assert_int_equal(weir_pg_run(f->pg, "ROLLBACK", &f->error), WEIR_OK);
        rows_free(&b);
    }
    rows_block b = pg_load_rows(f);
    for (int n = 0; n < 20000; n++)
        add_plain(&b, (uint16_t)(1 + n % 3 % 2), n);
    (void)pg_load_all(f, &b);
    pg_assert(f,
              "SELECT count(*), sum(i) FROM (SELECT i FROM plain UNION ALL SELECT i FROM second) x",
              "20000|199990000");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        PG_TEST(test_a_table_is_made),
        PG_TEST(test_declared_now_without_rows),
        PG_TEST(test_a_number_is_declared_otherwise),
        PG_TEST(test_quotes),
        PG_TEST(test_existing_tables),
        PG_TEST(test_a_schema_of_its_own),
        PG_TEST(test_declarations_refused),
        PG_TEST(test_columns_that_are_not_declared),
        PG_TEST(test_next_key),
        PG_TEST(test_a_type_that_changes),
        PG_TEST(test_a_table_that_is_gone),
        PG_TEST(test_a_change_waits_for_the_transaction),
        PG_TEST(test_a_foreign_partition_attached_meanwhile),
        PG_TEST(test_rolled_back_in_the_middle),
    };
    return cmocka_run_group_tests(tests, pg_load_group_set_up, pg_load_group_tear_down);
}
