/* test_refused.c - rows that the server refuses, rows that triggers drop, and what is no row's fault.
 *
 * Covers: postgres/load_reject.c, postgres/load_search.c */
#include "pg_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const weir_column two[] = {{"i", WEIR_INTEGER}, {"t", WEIR_TEXT}};

static void add(rows_block *b, uint16_t table, int64_t i) {
    const weir_value v[] = {weir_int(i), weir_text("some text")};
    rows_add(b, table, v, 2);
}

static rows_block some(pg_load *f, int64_t count) {
    rows_block b = pg_load_rows(f);
    for (int64_t i = 1; i <= count; i++)
        add(&b, 1, i);
    return b;
}

static void assert_rejects(pg_load *f, const char *table, const char *where) {
    char sql[512];
    (void)snprintf(
        sql, sizeof sql,
        "SELECT (SELECT string_agg(\"row\"::text, ',' ORDER BY \"row\") FROM weir_reject)"
        " IS NOT DISTINCT FROM (SELECT string_agg(n::text, ',' ORDER BY n) FROM"
        " generate_series(1, %llu) n WHERE %s), (SELECT count(*) FROM %s) +"
        " (SELECT count(*) FROM weir_reject) = %llu",
        (unsigned long long)f->next_row - 1, where, table, (unsigned long long)f->next_row - 1);
    pg_assert(f, sql, "t|t");
}

/* What a refused row leaves: all of it. */
static void test_what_is_kept(void **state) {
    pg_load *f = pg_load_of(state);
    static const weir_column all[] = {{"i", WEIR_INTEGER},
                                      {"r", WEIR_REAL},
                                      {"t", WEIR_TEXT},
                                      {"b", WEIR_BLOB},
                                      {"n", WEIR_TEXT}};
    pg_server_run(&f->server, "CREATE TABLE \"Tä\"(i int CHECK (i < 10), r float8, t text, b bytea,"
                              " n text)");
    (void)pg_load_declare(f, 1, "Tä", all, 5);
    rows_block b = pg_load_rows(f);
    const weir_value by_server[] = {weir_int(10), weir_real(0.5), weir_text("it's\ta \\ é"),
                                    weir_blob("\0\xAB", 2), weir_null()};
    const weir_value by_us[] = {weir_int(1), weir_real(-1), weir_text_n("a\0b\xff'", 5),
                                weir_null(), weir_null()};
    rows_add(&b, 1, by_server, 5);
    rows_add(&b, 1, by_us, 5);
    char hex[512] = {0};
    size_t length = 0;
    const uint8_t *row;
    weir_cursor c = rows_body(&b);
    assert_int_equal(weir_payload_next_row(&c, &row, &length), 1);
    for (size_t i = 0; i < length; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", row[i]);
    weir_sink_counts counts = pg_load_all(f, &b);
    assert_int_equal(counts.rejected, 2);
    pg_assert(f, "SELECT DISTINCT source, table_name, time AT TIME ZONE 'UTC' FROM weir_reject",
              "07070707-0707-0707-0707-070707070707|Tä|2023-11-14 22:13:20");
    pg_assert(f, "SELECT \"row\", code, \"values\" FROM weir_reject ORDER BY \"row\"",
              "1|23514|10, 0.5, 'it''s\ta \\ é', X'00AB', NULL\n"
              "2|22021|1, -1, 'a\xEF\xBF\xBD"
              "b\xEF\xBF\xBD''', NULL, NULL");
    pg_assert(f,
              "SELECT message LIKE '%violates check constraint \"Tä_i_check\"; Failing row%'"
              " FROM weir_reject WHERE \"row\" = 1",
              "t");
    pg_assert(f, "SELECT message FROM weir_reject WHERE \"row\" = 2",
              "column t: the TEXT has a zero byte, which PostgreSQL cannot keep in a text");
    char wanted[600];
    (void)snprintf(wanted, sizeof wanted, "\\x%s", hex);
    pg_assert(f, "SELECT record FROM weir_reject WHERE \"row\" = 1", wanted);
}

/* Bad rows of many, by each kind of reason that the server has, wherever they stand. */
static void bad_rows(pg_load *f, const char *make, const char *where, int64_t rows,
                     unsigned attempts) {
    pg_server_run(&f->server, "DROP TABLE IF EXISTS t; TRUNCATE weir_reject");
    pg_server_run(&f->server, make);
    f->next_row = 1;
    weir_pg_load_forget(f->load);
    rows_block b = some(f, rows);
    weir_sink_counts counts = pg_load_all(f, &b);
    assert_int_equal(f->attempts, attempts);
    assert_rejects(f, "t", where);
    pg_assert(f, "SELECT count(DISTINCT code) < 2 FROM weir_reject", "t");
    char sql[64];
    (void)snprintf(sql, sizeof sql, "SELECT count(*) = %llu FROM weir_reject",
                   (unsigned long long)counts.rejected);
    pg_assert(f, sql, "t");
    assert_int_equal(counts.ignored, 0);
}

static void test_bad_rows(void **state) {
    pg_load *f = pg_load_of(state);
    (void)pg_load_declare(f, 1, "t", two, 2);
    /* Boldly, in vain; then carefully. After that the table is careful from the start. */
    bad_rows(f, "CREATE TABLE t(i int CHECK (i <> 30000), t text)", "n = 30000", 65536, 2);
    bad_rows(f, "CREATE TABLE t(i int CHECK (i <> 1), t text)", "n = 1", 5000, 1);
    bad_rows(f, "CREATE TABLE t(i int CHECK (i <> 5000), t text)", "n = 5000", 5000, 1);
    bad_rows(f, "CREATE TABLE t(i int CHECK (i % 65 <> 7), t text)", "n % 65 = 7", 65536, 1);
    bad_rows(f, "CREATE TABLE t(i int CHECK (i < 0), t text)", "true", 3000, 1);
    bad_rows(f, "CREATE TABLE t(i int, t text, EXCLUDE USING hash ((i / 2) WITH =))",
             "n > 1 AND n % 2 = 1", 999, 1);
    bad_rows(f, "CREATE TABLE t(i int, t varchar(5))", "true", 100, 1);
    bad_rows(f, "CREATE TABLE t(i numeric(3), t text)", "n > 999", 3000, 1);
    bad_rows(f,
             "CREATE TABLE t(i int, t text) PARTITION BY RANGE (i);"
             "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (2000)",
             "n >= 2000", 2500, 1);
}

static void test_unique(void **state) {
    pg_load *f = pg_load_of(state);
    static const weir_column key[] = {{"i", WEIR_KEY}, {"t", WEIR_TEXT}};
    (void)pg_load_declare(f, 1, "t", key, 2);
    rows_block b = pg_load_rows(f);
    for (int64_t i = 0; i < 20000; i++)
        add(&b, 1, i % 15000);
    assert_int_equal(pg_load_all(f, &b).rejected, 5000);
    assert_rejects(f, "t", "n > 15000");
    pg_assert(f, "SELECT DISTINCT code FROM weir_reject", "23505");
}

/* A child whose parent comes later is refused, be it in the same batch, and whatever waits for COMMIT. */
static void foreign_keys(pg_load *f, const char *when) {
    char sql[400];
    (void)snprintf(sql, sizeof sql,
                   "DROP TABLE IF EXISTS child, parent; TRUNCATE weir_reject;"
                   "CREATE TABLE parent(i int PRIMARY KEY, t text);"
                   "CREATE TABLE child(i int REFERENCES parent(i) %s, t text)",
                   when);
    pg_server_run(&f->server, sql);
    weir_pg_load_forget(f->load);
    f->next_row = 1;
    (void)pg_load_declare(f, 1, "child", two, 2);
    (void)pg_load_declare(f, 2, "parent", two, 2);
    rows_block b = pg_load_rows(f);
    for (int64_t i = 0; i < 3000; i++)
        add(&b, 2, i);
    for (int64_t i = 0; i < 3000; i++)
        add(&b, 1, i % 1000 == 500 ? -i : i); /* none has such a parent */
    for (int64_t i = 5000; i < 5020; i++) {
        add(&b, i % 2 ? 2 : 1, i % 2 ? i - 1 : i); /* the child, then its parent */
        add(&b, i % 2 ? 1 : 2, i % 2 ? i - 1 : i + 100000);
    }
    weir_sink_counts counts = pg_load_all(f, &b);
    assert_int_equal(counts.rejected, 3 + 10);
    pg_assert(f, "SELECT string_agg(\"row\"::text, ',' ORDER BY \"row\") FROM weir_reject",
              "3501,4501,5501,6001,6005,6009,6013,6017,6021,6025,6029,6033,6037");
    pg_assert(f, "SELECT DISTINCT code, table_name FROM weir_reject", "23503|child");
    pg_assert(f, "SELECT count(*) FROM child WHERE i >= 5000", "10");
}

static void test_foreign_keys(void **state) {
    pg_load *f = pg_load_of(state);
    foreign_keys(f, "");
    foreign_keys(f, "DEFERRABLE INITIALLY DEFERRED");
}

#define TRIGGER(name, when, each, body)                                                            \
    "CREATE OR REPLACE FUNCTION " name "() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN " body      \
    " RETURN NEW; END$$; CREATE TRIGGER " name " " when " INSERT ON t FOR EACH " each              \
    " EXECUTE FUNCTION " name "();"

static void test_rows_that_a_trigger_drops(void **state) {
    pg_load *f = pg_load_of(state);
    pg_server_run(&f->server,
                  "CREATE TABLE t(i int CHECK (i <> 77), t text);" TRIGGER(
                      "drops", "BEFORE", "ROW", "IF NEW.i % 10 = 0 THEN RETURN NULL; END IF;"));
    (void)pg_load_declare(f, 1, "t", two, 2);
    rows_block b = some(f, 50);
    weir_sink_counts counts = pg_load_all(f, &b);
    assert_int_equal(counts.ignored, 5);
    assert_int_equal(counts.rejected, 0);
    b = some(f, 5000);
    counts = pg_load_all(f, &b);
    assert_int_equal(counts.ignored, 500);
    assert_int_equal(counts.rejected, 1);
    pg_load_renew(f, true, false, NULL);
    (void)pg_load_declare(f, 1, "t", two, 2);
    b = some(f, 5000);
    counts = pg_load_all(f, &b);
    assert_int_equal(counts.ignored, 500);
    assert_int_equal(counts.rejected, 1);
    pg_assert(f, "SELECT count(*) FROM t", "9043");
}

static void test_what_triggers_raise(void **state) {
    pg_load *f = pg_load_of(state);
    pg_server_run(&f->server,
                  "CREATE TABLE t(i int, t text);" TRIGGER(
                      "raises", "BEFORE", "ROW", "IF NEW.i = 30 THEN RAISE 'no'; END IF;"));
    (void)pg_load_declare(f, 1, "t", two, 2);
    rows_block b = some(f, 100);
    assert_int_equal(pg_load_all(f, &b).rejected, 1);
    assert_rejects(f, "t", "n = 30");
    pg_assert(f, "SELECT code, message FROM weir_reject", "P0001|no");
}

static void not_a_row(pg_load *f, const char *sql, int64_t rows, int status, const char *words) {
    weir_sink_counts counts;
    pg_server_run(&f->server, "DROP TABLE IF EXISTS t; TRUNCATE weir_reject");
    pg_server_run(&f->server, sql);
    weir_pg_load_forget(f->load);
    rows_block b = some(f, rows);
    int is = pg_load_try(f, &b, &counts);
    rows_free(&b);
    if (is != status || !strstr(f->error.text, words))
        fail_msg("%s: %d, %s", sql, is, is ? f->error.text : "it is taken");
    pg_assert(f, "SELECT count(*) FROM weir_reject", "0");
    pg_assert(f, "SELECT count(*) FROM t", "0");
}

static void test_what_is_no_rows_fault(void **state) {
    pg_load *f = pg_load_of(state);
    (void)pg_load_declare(f, 1, "t", two, 2);
#define RAISES(code)                                                                               \
    "CREATE TABLE t(i int, t text);" TRIGGER(                                                      \
        "raises", "BEFORE", "ROW",                                                                 \
        "IF NEW.i = 30 THEN RAISE 'no' USING ERRCODE = '" code "'; END IF;")
    not_a_row(f, RAISES("40001"), 100, WEIR_BUSY, "no");
    not_a_row(f, RAISES("40P01"), 100, WEIR_BUSY, "no");
    not_a_row(f, RAISES("55P03"), 100, WEIR_BUSY, "no");
    not_a_row(f, RAISES("57014"), 100, WEIR_BUSY, "no");
    not_a_row(f, RAISES("58030"), 100, WEIR_DATABASE, "table t takes no rows as it is: no");
    not_a_row(f, RAISES("XX001"), 100, WEIR_DATABASE, "table t takes no rows as it is: no");
    not_a_row(
        f,
        "CREATE TABLE t(i int, t text);" TRIGGER("raises", "BEFORE", "STATEMENT", "RAISE 'never';"),
        100, WEIR_DATABASE, "table t takes no rows as it is: never");
    pg_server_run(&f->server, "DROP TABLE t");
    pg_server_run(&f->server, RAISES("53100"));
    weir_sink_counts counts;
    rows_block b = some(f, 100);
    int status = pg_load_try(f, &b, &counts);
    assert_true(status == WEIR_NO_SPACE || status == WEIR_NO_MEMORY);
    pg_assert(f, "SELECT count(*) FROM weir_reject", "0");
}

/* What breaks below a trigger or a default breaks for every row. */
static void test_a_table_that_takes_no_row(void **state) {
    pg_load *f = pg_load_of(state);
    (void)pg_load_declare(f, 1, "t", two, 2);
#define BREAKS(body) "CREATE TABLE t(i int, t text);" TRIGGER("breaks", "BEFORE", "ROW", body)
    static const char *const broken[][2] = {
        {BREAKS("INSERT INTO audit VALUES (NEW.i);"), "relation \"audit\" does not exist"},
        {BREAKS("PERFORM no_such_function();"), "function no_such_function() does not exist"},
        {BREAKS("RAISE 'may not' USING ERRCODE = '42501';"), "may not"},
        {BREAKS("RAISE 'not set up' USING ERRCODE = '55000';"), "not set up"},
        {BREAKS("INSERT INTO t VALUES (1);"), "stack depth limit exceeded"},
        {"DROP SEQUENCE IF EXISTS s; CREATE SEQUENCE s MAXVALUE 2; SELECT setval('s', 2);"
         "CREATE TABLE t(i int, t text, n bigint DEFAULT nextval('s'))",
         "reached maximum value of sequence"},
    };
    for (size_t i = 0; i < 2 * COUNT(broken); i++) {
        const char *const *b = broken[i / 2];
        pg_load_renew(f, i % 2, false, NULL);
        (void)pg_load_declare(f, 1, "t", two, 2);
        not_a_row(f, b[0], i ? 20 : 1000, WEIR_DATABASE, b[1]);
        not_a_row(f, b[0], 1, WEIR_DATABASE, b[1]);
        assert_non_null(strstr(f->error.text, "table t takes no rows as it is: "));
    }
}

/* Of several rows the one that was taken tells that the table is sound; alone a row is refused where the
 * server points to its value. */
static void test_a_row_that_looks_like_the_table(void **state) {
    pg_load *f = pg_load_of(state);
    (void)pg_load_declare(f, 1, "t", two, 2);
    bad_rows(f, BREAKS("IF NEW.i < 200 THEN INSERT INTO audit VALUES (NEW.i); END IF;"), "n < 200",
             300, 2);
    bad_rows(f, BREAKS("IF NEW.i > 1 THEN INSERT INTO audit VALUES (NEW.i); END IF;"), "n > 1", 300,
             1);
    bad_rows(f, "CREATE TABLE t(i int, t tsquery)", "true", 1, 1);
    pg_assert(f, "SELECT code FROM weir_reject", "42601");
    pg_load_renew(f, true, false, NULL);
    (void)pg_load_declare(f, 1, "t", two, 2);
    bad_rows(f, "CREATE TABLE t(i int, t tsquery)", "true", 1, 2);
    pg_assert(f, "SELECT code FROM weir_reject", "42601");
}

static void test_too_big_for_a_page(void **state) {
    pg_load *f = pg_load_of(state);
    static weir_column columns[1200];
    static char names[1200][8];
    weir_value small[1200], big[1200];
    for (int i = 0; i < 1200; i++) {
        (void)snprintf(names[i], sizeof names[i], "c%d", i);
        columns[i] = (weir_column){names[i], WEIR_INTEGER};
        small[i] = i < 10 ? weir_int(i) : weir_null();
        big[i] = weir_int(i);
    }
    (void)pg_load_declare(f, 1, "wide", columns, 1200);
    rows_block b = pg_load_rows(f);
    for (int i = 1; i <= 300; i++)
        rows_add(&b, 1, i % 100 == 42 ? big : small, 1200);
    assert_int_equal(pg_load_all(f, &b).rejected, 3);
    assert_rejects(f, "wide", "n % 100 = 42");
    pg_assert(f, "SELECT DISTINCT code FROM weir_reject", "54000");
}

/* Refused rows that are sent while others are still searched for are not undone with those. */
static void test_many_large_refused_rows(void **state) {
    pg_load *f = pg_load_of(state);
    static char text[2001];
    memset(text, 'x', sizeof text - 1);
    pg_server_run(&f->server, "CREATE TABLE t(i int CHECK (i % 3 <> 0), t text)");
    (void)pg_load_declare(f, 1, "t", two, 2);
    rows_block b = pg_load_rows(f);
    for (int64_t i = 1; i <= 3000; i++) {
        const weir_value v[] = {i % 100 == 7 ? weir_text("seven") : weir_int(i), weir_text(text)};
        rows_add(&b, 1, v, 2);
    }
    (void)pg_load_all(f, &b);
    assert_rejects(f, "t", "n % 3 = 0 OR n % 100 = 7");
    pg_assert(f, "SELECT sum(length(record)) > 2000000 FROM weir_reject", "t");
}

static void test_bold_again(void **state) {
    pg_load *f = pg_load_of(state);
    pg_server_run(&f->server, "CREATE TABLE t(i int CHECK (i <> 5), t text)");
    (void)pg_load_declare(f, 1, "t", two, 2);
    rows_block b = some(f, 10);
    (void)pg_load_all(f, &b);
    assert_int_equal(f->attempts, 2);
    b = some(f, 10);
    (void)pg_load_all(f, &b);
    assert_int_equal(f->attempts, 1);
    for (int i = 0; i < 64; i++) {
        b = some(f, 4);
        (void)pg_load_all(f, &b);
    }
    b = some(f, 10);
    (void)pg_load_all(f, &b);
    assert_int_equal(f->attempts, 2);
    pg_assert(f, "SELECT count(*) FROM weir_reject", "3");
    pg_assert(f, "SELECT count(*) FROM t", "283");
}

/* ---- other ways in ---- */

static void test_row_level_security(void **state) {
    pg_load *f = pg_load_of(state);
    pg_server_run(&f->server,
                  "DROP ROLE IF EXISTS writer; CREATE ROLE writer LOGIN;"
                  "CREATE TABLE t(i int, t text); ALTER TABLE t ENABLE ROW LEVEL SECURITY;"
                  "CREATE POLICY p ON t FOR INSERT WITH CHECK (i % 10 <> 3);"
                  "GRANT USAGE ON SCHEMA public TO writer;"
                  "GRANT INSERT ON t, weir_reject TO writer;"
                  "GRANT USAGE ON SEQUENCE weir_reject_id_seq TO writer");
    (void)pg_load_declare(f, 1, "t", two, 2);
    assert_int_equal(weir_pg_run(f->pg, "SET SESSION AUTHORIZATION writer", &f->error), WEIR_OK);
    rows_block b = some(f, 3000);
    assert_int_equal(pg_load_all(f, &b).rejected, 300);
    assert_rejects(f, "t", "n % 10 = 3");
    pg_assert(f, "SELECT DISTINCT code FROM weir_reject", "42501");
    /* Without the right to insert at all, no row is at fault. */
    pg_server_run(&f->server, "REVOKE INSERT ON t FROM writer; GRANT UPDATE ON t TO writer");
    weir_sink_counts counts;
    b = some(f, 10);
    assert_int_equal(pg_load_try(f, &b, &counts), WEIR_DATABASE);
    assert_non_null(strstr(f->error.text, "permission denied"));
    pg_assert(f, "SELECT count(*) FROM weir_reject", "300");
    pg_server_run(&f->server, "DROP OWNED BY writer; DROP ROLE writer");
}

static void test_a_view_with_a_trigger(void **state) {
    pg_load *f = pg_load_of(state);
    pg_server_run(
        &f->server,
        "CREATE TABLE base(i int CHECK (i <> 7), t text); CREATE VIEW t AS SELECT * FROM base;"
        "CREATE FUNCTION goes() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN IF NEW.i = 9 THEN"
        " RETURN NULL; END IF; INSERT INTO base VALUES (NEW.i, NEW.t); RETURN NEW; END$$;"
        "CREATE TRIGGER goes INSTEAD OF INSERT ON t FOR EACH ROW EXECUTE FUNCTION goes()");
    (void)pg_load_declare(f, 1, "t", two, 2);
    rows_block b = some(f, 20);
    weir_sink_counts counts = pg_load_all(f, &b);
    assert_int_equal(counts.rejected, 1);
    assert_int_equal(counts.ignored, 1);
    pg_assert(f, "SELECT count(*) FROM base", "18");
}

static void test_by_insert(void **state) {
    pg_load *f = pg_load_of(state);
    pg_load_renew(f, true, true, NULL);
    pg_server_run(&f->server,
                  "CREATE TABLE t(i int CHECK (i % 500 <> 1), t text, weir_row bigint)");
    (void)pg_load_declare(f, 1, "t", two, 2);
    rows_block b = some(f, 5000);
    assert_int_equal(pg_load_all(f, &b).rejected, 10);
    assert_rejects(f, "t", "n % 500 = 1");
    pg_assert(f, "SELECT count(*) FROM t WHERE weir_row = i AND t = 'some text'", "4990");
}

/* ---- the table of refused rows ---- */

static void test_weir_reject_itself(void **state) {
    pg_load *f = pg_load_of(state);
    weir_sink_counts counts;
    pg_server_run(&f->server,
                  "CREATE TABLE t(i int CHECK (i <> 5), t text); DROP TABLE weir_reject");
    (void)pg_load_declare(f, 1, "t", two, 2);
    rows_block b = some(f, 10);
    (void)pg_load_all(f, &b); /* it is made again */
    pg_assert(f, "SELECT count(*) FROM weir_reject", "1");
    pg_server_run(&f->server, "ALTER TABLE weir_reject ALTER \"row\" TYPE text, ALTER code TYPE"
                              " varchar(5)"); /* still fits */
    b = some(f, 10);
    (void)pg_load_all(f, &b);
    pg_assert(f, "SELECT count(*) FROM weir_reject", "2");
    pg_server_run(&f->server, "ALTER TABLE weir_reject DROP code");
    b = some(f, 10);
    assert_int_equal(pg_load_try(f, &b, &counts), WEIR_DATABASE);
    assert_non_null(strstr(f->error.text, "cannot be kept in the table weir_reject"));
    pg_server_run(
        &f->server,
        "DROP TABLE weir_reject; CREATE TABLE weir_reject(source uuid, \"row\" bigint, time"
        " timestamptz, table_name text, code text, message text, \"values\" text, record"
        " bytea); CREATE FUNCTION drops() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN RETURN NULL; END'; CREATE TRIGGER d BEFORE INSERT ON weir_reject FOR EACH"
        " ROW EXECUTE FUNCTION drops()");
    assert_int_equal(pg_load_try(f, &b, &counts), WEIR_DATABASE);
    assert_non_null(strstr(f->error.text, "a trigger of the table weir_reject drops them"));
    pg_assert(f, "SELECT count(*) FROM t", "18");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        PG_TEST(test_what_is_kept),
        PG_TEST(test_bad_rows),
        PG_TEST(test_unique),
        PG_TEST(test_foreign_keys),
        PG_TEST(test_rows_that_a_trigger_drops),
        PG_TEST(test_what_triggers_raise),
        PG_TEST(test_what_is_no_rows_fault),
        PG_TEST(test_a_table_that_takes_no_row),
        PG_TEST(test_a_row_that_looks_like_the_table),
        PG_TEST(test_too_big_for_a_page),
        PG_TEST(test_many_large_refused_rows),
        PG_TEST(test_bold_again),
        PG_TEST(test_row_level_security),
        PG_TEST(test_a_view_with_a_trigger),
        PG_TEST(test_by_insert),
        PG_TEST(test_weir_reject_itself),
    };
    return cmocka_run_group_tests(tests, pg_load_group_set_up, pg_load_group_tear_down);
}
