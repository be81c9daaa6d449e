/* test_schema.c - does a table fit its declaration, and is it made to fit. */
#include "support.h"

#include <sqlite3.h>
#include <string.h>

#include "writer/sqlite/schema.h"

static sqlite3 *db;
static weir_error error;

static int set_up(void **state) {
    (void)state;
    return sqlite3_open(":memory:", &db);
}

static int tear_down(void **state) {
    (void)state;
    return sqlite3_close(db);
}

static void run(const char *sql) {
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static int64_t ask(const char *sql) {
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    int64_t answer = sqlite3_column_int64(s, 0);
    assert_int_equal(sqlite3_finalize(s), SQLITE_OK);
    return answer;
}

static weir_declaration *declare(const char *name, const weir_column *columns, size_t count) {
    weir_declaration *d;
    assert_int_equal(weir_declaration_make(1, name, columns, count, &d, &error), WEIR_OK);
    return d;
}

static const weir_column abc[] = {{"a", WEIR_INTEGER}, {"b", WEIR_TEXT}, {"c", WEIR_REAL}};
static const weir_column keyed[] = {{"k", WEIR_KEY}, {"b", WEIR_TEXT}};

static int check(const char *name, const weir_column *columns, size_t count, int64_t *next_key) {
    weir_declaration *d = declare(name, columns, count);
    error.text[0] = '\0';
    int status = weir_sqlite_check(db, d, next_key, &error);
    weir_declaration_free(d);
    return status;
}

static int check_abc(void) {
    int64_t next;
    return check("t", abc, 3, &next);
}

static uint16_t added; /* columns, by the last ensure */

static weir_traits ensure(const char *name, const weir_column *columns, size_t count) {
    weir_traits traits;
    weir_declaration *d = declare(name, columns, count);
    assert_int_equal(weir_schema_ensure(db, d, &traits, &added, &error), WEIR_OK);
    weir_declaration_free(d);
    return traits;
}

static void absent_tables_are_made(void **state) {
    (void)state;
    int64_t next = 0;
    assert_int_equal(check("t", keyed, 2, &next), WEIR_OK);
    assert_int_equal(next, 1);
    weir_traits traits = ensure("t", keyed, 2);
    assert_false(traits.ordered);
    run("INSERT INTO t(b) VALUES('x')");
    assert_int_equal(check("t", keyed, 2, &next), WEIR_OK);
    assert_int_equal(next, 2);
    assert_int_equal(added, 2);
    (void)ensure("t", keyed, 2); /* again changes nothing */
    assert_int_equal(added, 0);
    assert_int_equal(ask("SELECT count(*) FROM t"), 1);
}

static void names_are_never_sql(void **state) {
    (void)state;
    static const weir_column odd[] = {
        {"select", WEIR_INTEGER}, {"a\"b", WEIR_TEXT}, {"x); --", WEIR_BLOB}};
    (void)ensure("group\"; DROP TABLE t; --", odd, 3);
    int64_t next;
    assert_int_equal(check("group\"; DROP TABLE t; --", odd, 3, &next), WEIR_OK);
    assert_int_equal(ask("SELECT count(*) FROM sqlite_schema"), 1);
}

static void last_columns_are_added(void **state) {
    (void)state;
    run("CREATE TABLE t(A INTEGER)");
    assert_int_equal(check_abc(), WEIR_OK);
    (void)ensure("t", abc, 3);
    assert_int_equal(added, 2);
    assert_int_equal(ask("SELECT count(*) FROM pragma_table_info('t')"), 3);
}

static void misfits_are_named(void **state) {
    (void)state;
    run("CREATE TABLE t(b TEXT, c REAL)");
    assert_int_equal(check_abc(), WEIR_SCHEMA);
    assert_non_null(strstr(error.text, "other columns"));
    run("DROP TABLE t; CREATE TABLE t(a, c)");
    assert_int_equal(check_abc(), WEIR_SCHEMA);
    assert_non_null(strstr(error.text, "no column b"));
    run("DROP TABLE t; CREATE TABLE t(a, b, c, d NOT NULL)");
    assert_int_equal(check_abc(), WEIR_SCHEMA);
    assert_non_null(strstr(error.text, "column d"));
    run("DROP TABLE t; CREATE TABLE t(a, b, c AS (a + 1))");
    assert_int_equal(check_abc(), WEIR_SCHEMA);
    assert_non_null(strstr(error.text, "generated"));
    run("DROP TABLE t; CREATE VIEW t AS SELECT 1 AS a, 2 AS b, 3 AS c");
    assert_int_equal(check_abc(), WEIR_SCHEMA);
    assert_non_null(strstr(error.text, "view"));
}

static void columns_beside_may_take_a_default(void **state) {
    (void)state;
    run("CREATE TABLE t(id INTEGER PRIMARY KEY NOT NULL, a, b, c, d NOT NULL DEFAULT 5, e,"
        " f NOT NULL AS (a + 1))");
    assert_int_equal(check_abc(), WEIR_OK);
    run("DROP TABLE t; CREATE TABLE t(id INTEGER PRIMARY KEY NOT NULL, a, b, c) WITHOUT ROWID");
    assert_int_equal(check_abc(), WEIR_SCHEMA);
}

static void reserved_names_are_refused(void **state) {
    (void)state;
    int64_t next;
    assert_int_equal(check("sqlite_x", abc, 3, &next), WEIR_SCHEMA);
    assert_int_equal(check("Weir_Position", abc, 3, &next), WEIR_SCHEMA);
    assert_int_equal(check("weir_reject", abc, 3, &next), WEIR_SCHEMA);
    assert_int_equal(check("Weir_Loss", abc, 3, &next), WEIR_SCHEMA);
}

static void keys_must_be_the_rowid(void **state) {
    (void)state;
    int64_t next;
    run("CREATE TABLE t(k INT PRIMARY KEY, b)");
    assert_int_equal(check("t", keyed, 2, &next), WEIR_SCHEMA);
    run("DROP TABLE t; CREATE TABLE t(k INTEGER PRIMARY KEY DESC, b)");
    assert_int_equal(check("t", keyed, 2, &next), WEIR_SCHEMA);
    run("DROP TABLE t; CREATE TABLE t(k INTEGER, b INTEGER PRIMARY KEY)");
    assert_int_equal(check("t", keyed, 2, &next), WEIR_SCHEMA);
    run("DROP TABLE t; CREATE TABLE t(k INTEGER PRIMARY KEY, b)");
    assert_int_equal(check("t", keyed, 2, &next), WEIR_OK);
    run("DROP TABLE t; CREATE TABLE t(b)");
    assert_int_equal(check("t", (const weir_column[]){{"b", WEIR_TEXT}, {"k", WEIR_KEY}}, 2, &next),
                     WEIR_SCHEMA);
}

static void next_keys(void **state) {
    (void)state;
    int64_t next;
    run("CREATE TABLE t(k INTEGER PRIMARY KEY AUTOINCREMENT, b);"
        "INSERT INTO t VALUES(7, 'x'), (50, 'y'); DELETE FROM t WHERE k = 50");
    assert_int_equal(check("t", keyed, 2, &next), WEIR_OK);
    assert_int_equal(next, 51);
    run("DROP TABLE t; CREATE TABLE t(k INTEGER PRIMARY KEY, b); INSERT INTO t VALUES(-5, 'x')");
    assert_int_equal(check("t", keyed, 2, &next), WEIR_OK);
    assert_int_equal(next, 1);
    run("INSERT INTO t VALUES(9223372036854775807, 'x'), (8, 'y')");
    assert_int_equal(check("t", keyed, 2, &next), WEIR_OK);
    assert_int_equal(next, 9); /* one row with the greatest key does not end the sequence */
    run("INSERT INTO t VALUES(9223372036854775806, 'x')");
    assert_int_equal(check("t", keyed, 2, &next), WEIR_OK);
    assert_true(next == INT64_MAX); /* none is left */
    run("DROP TABLE t; CREATE TABLE t(k INTEGER PRIMARY KEY AUTOINCREMENT, b);"
        "INSERT INTO t VALUES(9223372036854775807, 'x'); DELETE FROM t");
    assert_int_equal(check("t", keyed, 2, &next), WEIR_OK);
    assert_true(next == INT64_MAX); /* nor after this promise */
}

static void traits(void **state) {
    (void)state;
    run("CREATE TABLE t(a, b, c)");
    assert_false(ensure("t", abc, 3).ordered);
    run("CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END");
    assert_true(ensure("t", abc, 3).ordered);
    run("CREATE TABLE u(a UNIQUE ON CONFLICT REPLACE, b, c)");
    assert_true(ensure("u", abc, 3).ordered);
    run("CREATE TABLE v(a INTEGER PRIMARY KEY, b REFERENCES v(a), c)");
    assert_true(ensure("v", abc, 3).ordered);
    assert_true(ensure("v", abc, 3).one_by_one);
    run("CREATE TABLE x(a, b REFERENCES v(a), c)");
    assert_true(ensure("x", abc, 3).ordered);
    assert_false(ensure("x", abc, 3).one_by_one);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(absent_tables_are_made),
        TEST(names_are_never_sql),
        TEST(last_columns_are_added),
        TEST(misfits_are_named),
        TEST(columns_beside_may_take_a_default),
        TEST(reserved_names_are_refused),
        TEST(keys_must_be_the_rowid),
        TEST(next_keys),
        TEST(traits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
