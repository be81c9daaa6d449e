/* test_insert_now.c - keys that are chosen, keys that are given, and what weir_insert_now says of the row. */
/* Covers: writer/sqlite/outcomes.c, lib/handle/keys.c */
#include "opened.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <weir/sqlite.h>

static const weir_column two[] = {{"id", WEIR_KEY}, {"a", WEIR_INTEGER}};
static const weir_column three[] = {{"id", WEIR_KEY}, {"a", WEIR_INTEGER}, {"b", WEIR_TEXT}};

static void open_it(opened *f) { opened_open(f, NULL); }

static void close_it(opened *f) { assert_int_equal(opened_close(f), WEIR_OK); }

static weir_table *declare(opened *f, const char *name, const weir_column *columns, size_t count) {
    weir_table *t;
    if (weir_declare(f->w, name, columns, count, &t) != WEIR_OK) fail_msg("%s", weir_last_error());
    return t;
}

static void apply(opened *f) { assert_int_equal(weir_sync(f->w, WEIR_APPLIED, 20000), WEIR_OK); }

static int64_t ask(const opened *f, const char *sql) { return weir_sql_int(f->database, sql); }

static bool nothing_refused(const opened *f) {
    return ask(f, "SELECT count(*) FROM sqlite_schema WHERE name = 'weir_reject'") == 0;
}

static int insert_now(weir_table *t, weir_value key, weir_value value, int64_t *chosen) {
    return weir_insert_now(t, (weir_value[]){key, value}, 2, 20000, chosen, NULL);
}

/* ---- which keys -------------------------------------------------------------------------------- */

static void a_table_that_grew_has_one_sequence(void **state) {
    opened *f = *state;
    open_it(f);
    weir_table *t = declare(f, "t", two, 2);
    apply(f);
    for (int i = 0; i < 3; i++)
        assert_int_equal(weir_append(t, weir_null(), weir_int(i)), WEIR_OK);
    weir_table *grown = declare(f, "T", three, 3); /* SQLite knows it by either name */
    for (int i = 0; i < 3; i++) {
        assert_int_equal(weir_append(grown, weir_null(), weir_int(i), weir_text("x")), WEIR_OK);
        assert_int_equal(weir_append(t, weir_null(), weir_int(i)), WEIR_OK);
    }
    assert_int_equal(weir_append(grown, weir_int(100), weir_int(0), weir_text("x")), WEIR_OK);
    int64_t key;
    assert_int_equal(insert_now(t, weir_null(), weir_int(0), &key), WEIR_OK);
    assert_int_equal(key, 101);
    close_it(f);
    assert_true(nothing_refused(f));
    assert_int_equal(ask(f, "SELECT count(*) FROM t"), 11);
}

static void what_sqlite_makes_a_key_counts(void **state) {
    opened *f = *state;
    open_it(f);
    weir_table *t = declare(f, "t", two, 2);
    assert_int_equal(weir_append(t, weir_text("1"), weir_int(0)), WEIR_OK);
    assert_int_equal(weir_append(t, weir_null(), weir_int(0)), WEIR_OK);
    assert_int_equal(weir_append(t, weir_real(3.0), weir_int(0)), WEIR_OK);
    assert_int_equal(weir_append(t, weir_null(), weir_int(0)), WEIR_OK);
    assert_int_equal(weir_append(t, weir_text(" 5e1 "), weir_int(0)), WEIR_OK);
    assert_int_equal(weir_append(t, weir_null(), weir_int(0)), WEIR_OK);
    assert_int_equal(weir_append(t, weir_real(0.0 / 0.0), weir_int(7)), WEIR_OK);
    close_it(f);
    assert_true(nothing_refused(f));
    assert_int_equal(ask(f, "SELECT count(*) FROM t"), 7);
    assert_int_equal(ask(f, "SELECT id > 50 FROM t WHERE a = 7"), 1);
}

static void one_row_with_the_greatest_key_ends_nothing(void **state) {
    opened *f = *state;
    open_it(f);
    weir_table *t = declare(f, "t", two, 2);
    assert_int_equal(weir_append(t, weir_int(5), weir_int(0)), WEIR_OK);
    assert_int_equal(weir_append(t, weir_int(INT64_MAX), weir_int(0)), WEIR_OK);
    int64_t key;
    assert_int_equal(insert_now(t, weir_null(), weir_int(0), &key), WEIR_OK);
    assert_int_equal(key, 6);
    close_it(f);
    open_it(f);
    t = declare(f, "t", two, 2);
    assert_int_equal(insert_now(t, weir_null(), weir_int(0), &key), WEIR_OK);
    assert_int_equal(key, 7);
    close_it(f);
}

static void a_spent_sequence_is_told_and_keys_that_are_given_go_on(void **state) {
    opened *f = *state;
    open_it(f);
    weir_table *t = declare(f, "t", two, 2);
    assert_int_equal(weir_append(t, weir_int(INT64_MAX - 2), weir_int(0)), WEIR_OK);
    weir_value rows[] = {weir_null(), weir_int(1), weir_null(), weir_int(2)};
    assert_int_equal(weir_append_rows(t, rows, 2, 2, NULL), WEIR_SCHEMA); /* all or none */
    assert_int_equal(weir_append(t, weir_null(), weir_int(3)), WEIR_SCHEMA);
    assert_int_equal(insert_now(t, weir_null(), weir_int(4), NULL), WEIR_SCHEMA);
    assert_non_null(strstr(weir_last_error(), "no key is left"));
    assert_int_equal(insert_now(t, weir_int(9), weir_int(5), NULL), WEIR_OK);
    close_it(f);
    assert_int_equal(ask(f, "SELECT group_concat(a) = '5,0' FROM t"), 1);
    open_it(f);
    t = declare(f, "t", two, 2);
    int64_t key;
    assert_int_equal(insert_now(t, weir_null(), weir_int(6), &key), WEIR_OK); /* one was left */
    assert_true(key == INT64_MAX - 1);
    assert_int_equal(weir_append(t, weir_null(), weir_int(7)), WEIR_SCHEMA);
    close_it(f);
}

/* Its declaration is above every durable mark, and no row comes. */
static void a_table_that_a_killed_process_declared_is_made(void **state) {
    opened *f = *state;
    for (int rests = 0; rests < 3; rests++) {
        char name[8];
        (void)snprintf(name, sizeof name, "t%d", rests);
        pid_t child = fork();
        if (child == 0) {
            open_it(f);
            weir_table *other = declare(f, "other", (const weir_column[]){{"x", WEIR_TEXT}}, 1);
            (void)declare(f, name, (const weir_column[]){{"a", WEIR_TEXT}}, 1);
            for (int i = 0; i < rests; i++) {
                (void)weir_append(other, weir_text("x"));
                (void)weir_sync(f->w, WEIR_DURABLE, 20000);
            }
            (void)raise(SIGKILL);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        open_it(f);
        apply(f);
        close_it(f);
        char sql[100];
        (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM sqlite_schema WHERE name = '%s'",
                       name);
        assert_int_equal(ask(f, sql), 1);
    }
}

/* ---- what became of the row -------------------------------------------------------------------- */

static void a_row_that_the_table_drops_is_not_there(void **state) {
    opened *f = *state;
    weir_sql_run(f->database, "CREATE TABLE t(id INTEGER PRIMARY KEY ON CONFLICT IGNORE, a);"
                              "INSERT INTO t VALUES(5, 'old');"
                              "CREATE TABLE m(id INTEGER PRIMARY KEY, a);"
                              "CREATE TRIGGER g BEFORE INSERT ON m WHEN NEW.a = 1 BEGIN"
                              " SELECT RAISE(IGNORE); END");
    open_it(f);
    weir_table *t = declare(f, "t", two, 2), *m = declare(f, "m", two, 2);
    assert_int_equal(insert_now(t, weir_int(5), weir_int(0), NULL), WEIR_REJECTED);
    assert_non_null(strstr(weir_last_error(), "dropped"));
    assert_int_equal(insert_now(t, weir_int(6), weir_int(0), NULL), WEIR_OK);
    assert_int_equal(insert_now(m, weir_null(), weir_int(1), NULL), WEIR_REJECTED);
    assert_non_null(strstr(weir_last_error(), "dropped"));
    assert_int_equal(insert_now(m, weir_null(), weir_int(2), NULL), WEIR_OK);
    struct weir_stats s;
    assert_int_equal(weir_stats(f->w, &s), WEIR_OK);
    assert_int_equal(s.rows_ignored, 2);
    close_it(f);
    assert_true(nothing_refused(f));
}

static void a_row_that_a_trigger_moves_on_was_taken(void **state) {
    opened *f = *state;
    weir_sql_run(f->database, "CREATE TABLE m(id INTEGER PRIMARY KEY, a); CREATE TABLE arch(id, a);"
                              "CREATE TRIGGER mv AFTER INSERT ON m BEGIN INSERT INTO arch"
                              " VALUES(NEW.id, NEW.a); DELETE FROM m WHERE id = NEW.id; END");
    open_it(f);
    weir_table *m = declare(f, "m", two, 2);
    int64_t key;
    assert_int_equal(insert_now(m, weir_null(), weir_int(1), &key), WEIR_OK);
    close_it(f);
    assert_int_equal(ask(f, "SELECT id FROM arch"), key);
}

static void a_refused_row_says_so_whatever_came_with_it(void **state) {
    opened *f = *state;
    weir_sql_run(f->database, "CREATE TABLE t(id INTEGER PRIMARY KEY, a CHECK(a <> 3))");
    open_it(f);
    weir_table *t = declare(f, "t", two, 2);
    for (int i = 0; i < 3000; i++) /* some are refused in the same transaction */
        assert_int_equal(weir_append(t, weir_null(), weir_int(i % 7)), WEIR_OK);
    assert_int_equal(weir_append(t, weir_int(9000), weir_int(1)), WEIR_OK);
    assert_int_equal(insert_now(t, weir_int(9000), weir_int(1), NULL), WEIR_REJECTED);
    for (int i = 0; i < 3000; i++)
        assert_int_equal(weir_append(t, weir_null(), weir_int(i % 7)), WEIR_OK);
    assert_int_equal(insert_now(t, weir_null(), weir_int(1), NULL), WEIR_OK);
    assert_int_equal(insert_now(t, weir_null(), weir_int(3), NULL), WEIR_REJECTED);
    assert_non_null(strstr(weir_last_error(), "weir_reject"));
    close_it(f);
}

static void rows_of_a_plain_table_are_copied_and_told(void **state) {
    opened *f = *state;
    open_it(f);
    weir_table *t = declare(f, "t", two, 2);
    for (int i = 0; i < 5000; i++)
        assert_int_equal(weir_append(t, weir_null(), weir_int(i)), WEIR_OK);
    int64_t key;
    assert_int_equal(insert_now(t, weir_null(), weir_int(1), &key), WEIR_OK);
    assert_int_equal(key, 5001);
    assert_int_equal(insert_now(t, weir_int(5001), weir_int(1), &key), WEIR_REJECTED);
    close_it(f);
}

static void a_row_that_is_no_row_is_told_by_this_calls_name(void **state) {
    opened *f = *state;
    open_it(f);
    weir_table *t = declare(f, "t", two, 2);
    weir_value row[] = {weir_null(), {.type = 9}};
    assert_int_equal(weir_insert_now(t, row, 2, 20000, NULL, NULL), WEIR_MISUSE);
    assert_non_null(strstr(weir_last_error(), "weir_insert_now: table t: value 2, of column a"));
    assert_int_equal(weir_insert_now(t, row, 1, 20000, NULL, NULL), WEIR_MISUSE);
    assert_non_null(strstr(weir_last_error(), "weir_insert_now: count is 1, and table t was"));
    close_it(f);
    assert_int_equal(ask(f, "SELECT count(*) FROM t"), 0);
}

int main(void) {
#define TEST(name) OPENED_TEST(name)
    const struct CMUnitTest tests[] = {
        TEST(a_table_that_grew_has_one_sequence),
        TEST(what_sqlite_makes_a_key_counts),
        TEST(one_row_with_the_greatest_key_ends_nothing),
        TEST(a_spent_sequence_is_told_and_keys_that_are_given_go_on),
        TEST(a_table_that_a_killed_process_declared_is_made),
        TEST(a_row_that_the_table_drops_is_not_there),
        TEST(a_row_that_a_trigger_moves_on_was_taken),
        TEST(a_refused_row_says_so_whatever_came_with_it),
        TEST(rows_of_a_plain_table_are_copied_and_told),
        TEST(a_row_that_is_no_row_is_told_by_this_calls_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
