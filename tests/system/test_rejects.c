/* test_rejects.c - rows that SQLite refused, put back after the schema was mended: each once, whatever
 * ends the tool where, also while a program runs. */
/* Covers: recovery/rejects/rejects.c, recovery/rejects/list.c, recovery/rejects/drop.c,
 * recovery/rejects/retry.c, recovery/rejects/declared.c */
#include <time.h>

#include "tool.h"

enum { REFUSED = 40 };

static const weir_options small = {.lane_bytes = 1 << 16, .lanes_max = 4, .segment_bytes = 1 << 20};
static const weir_column named[] = {{"id", WEIR_INTEGER}, {"name", WEIR_TEXT}};

static int64_t ask(const fixture *f, const char *sql) { return weir_sql_int(f->database, sql); }

/* Rows 1 … count of table, each in a name; and those of the table "kept" in between. */
static void append_named(const fixture *f, const char *name, int64_t count) {
    weir *w = open_here(f, &small);
    weir_table *table, *kept;
    must(weir_declare(w, name, named, 2, &table), 11);
    must(weir_declare(w, "kept", named, 2, &kept), 11);
    for (int64_t id = 1; id <= count; id++) {
        must(weir_append(table, weir_int(id), weir_text("it's one")), 12);
        must(weir_append(kept, weir_int(id), weir_text("kept")), 12);
    }
    reach(w, WEIR_APPLIED);
    must(weir_close(w), 16);
}

static void leave_named(const fixture *f) { append_named(f, "t", REFUSED); }
static void leave_thousands(const fixture *f) { append_named(f, "t", 5000); }
static void leave_roots(const fixture *f) { append_named(f, "root", 3); }

static void all_refused(const fixture *f, void (*leave)(const fixture *)) {
    weir_sql_run(f->database, "CREATE TABLE t(id INTEGER CHECK (id < 0), name TEXT)");
    in_a_child(f, leave);
}

/* The schema as it should have been. */
static void mend(const fixture *f, const char *table) {
    char sql[300];
    (void)snprintf(sql, sizeof sql,
                   "CREATE TABLE new(%s); INSERT INTO new SELECT * FROM t; DROP TABLE t; "
                   "ALTER TABLE new RENAME TO t",
                   table);
    weir_sql_run(f->database, sql);
}

static void each_comes_back_once(void **state) {
    fixture *f = *state;
    all_refused(f, leave_named);
    assert_int_equal(ask(f, "SELECT count(*) FROM weir_reject"), REFUSED);
    run(f, "rejects", "retry", f->database, NULL), expect(f, DAMAGE); /* nothing is mended yet */
    expect_text(f->out, "0 rows were put back; 40 were refused again");
    assert_int_equal(ask(f, "SELECT count(*) FROM weir_reject WHERE id <= 40"), REFUSED);
    mend(f, "id INTEGER, name TEXT");
    int64_t closed = ask(f, "SELECT block * 10 + closed FROM weir_position");
    uint64_t before = tree_hash(f->journal);
    run(f, "rejects", "retry", "--dry-run", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "40 rows would be put back");
    assert_int_equal(rows_in(f->database), 0);
    run(f, "rejects", "retry", "--json", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "\"inserted\":40,\"ignored\":0,\"refused\":0,");
    assert_int_equal(rows_in(f->database), REFUSED);
    assert_int_equal(ask(f, "SELECT count(*) FROM t WHERE name = 'it''s one' AND id = rowid"),
                     REFUSED);
    assert_int_equal(ask(f, "SELECT count(*) FROM weir_reject"), 0);
    run(f, "rejects", "retry", f->database, NULL), expect(f, CLEAN);
    assert_int_equal(rows_in(f->database), REFUSED);
    assert_int_equal(ask(f, "SELECT block * 10 + closed FROM weir_position"), closed);
    assert_true(tree_hash(f->journal) == before);
}

static void what_is_refused_again_stays_with_the_new_reason(void **state) {
    fixture *f = *state;
    all_refused(f, leave_named);
    mend(f, "id INTEGER CONSTRAINT odd CHECK (id % 2), name TEXT");
    run(f, "rejects", "retry", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->out, "20 rows were put back; 20 were refused again");
    assert_int_equal(ask(f, "SELECT count(*) FROM weir_reject WHERE message LIKE '%odd%' AND "
                            "id = row / 2 + 1 AND id % 2 = 0"),
                     20);
    mend(f, "id INTEGER, name TEXT");
    run(f, "rejects", "retry", "--id", "2", "--id", "4", f->database, NULL), expect(f, CLEAN);
    assert_int_equal(rows_in(f->database), 22);
    run(f, "rejects", "retry", "--table", "other", f->database, NULL), expect(f, CLEAN);
    assert_int_equal(rows_in(f->database), 22);
    run(f, "rejects", "retry", "--match", "6, 'it", f->database, NULL), expect(f, CLEAN);
    assert_int_equal(rows_in(f->database), 26); /* 6, 16, 26, 36 */
}

/* ON CONFLICT ROLLBACK and RAISE(ROLLBACK) end the whole transaction. */
static void a_row_that_ends_the_transaction_harms_no_other(void **state) {
    fixture *f = *state;
    all_refused(f, leave_named);
    mend(f, "id INTEGER, name TEXT");
    weir_sql_run(f->database, "CREATE TRIGGER no BEFORE INSERT ON t WHEN NEW.id IN (3, 17) BEGIN "
                              "SELECT RAISE(ROLLBACK, 'never'); END");
    run(f, "rejects", "retry", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->out, "38 rows were put back; 2 were refused again");
    assert_int_equal(
        ask(f, "SELECT count(*) FROM weir_reject WHERE message = 'never' AND id IN (3, 17)"), 2);
    assert_int_equal(ask(f, "SELECT count(DISTINCT id) FROM t"), 38);
}

/* Killed as early and as late as can be, again and again, until all are back. */
static void killed_anywhere_each_comes_once(void **state) {
    fixture *f = *state;
    enum { ALL = 5000 };
    all_refused(f, leave_thousands);
    mend(f, "id INTEGER, name TEXT");
    weir_sql_run(f->database, "CREATE INDEX by_name ON t(name, id)");
    for (long ns = 2000000; ask(f, "SELECT count(*) FROM weir_reject"); ns += 4000000) {
        pid_t child = fork();
        if (child == 0) {
            char *arguments[] = {(char *)"weir-recover", (char *)"rejects", (char *)"retry",
                                 (char *)f->database, NULL};
            become_the_tool(f, arguments, "/dev/null", "/dev/null");
        }
        (void)nanosleep(&(struct timespec){0, ns < 900000000 ? ns : 900000000}, NULL);
        (void)kill(child, SIGKILL);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(rows_in(f->database) + ask(f, "SELECT count(*) FROM weir_reject"), ALL);
    }
    assert_int_equal(ask(f, "SELECT count(DISTINCT id) FROM t"), ALL);
}

static void a_program_may_be_running(void **state) {
    fixture *f = *state;
    weir *w;
    weir_table *kept;
    all_refused(f, leave_thousands);
    mend(f, "id INTEGER, name TEXT");
    if (weir_open_sqlite(f->database, &small, &w) != WEIR_OK) fail_msg("%s", weir_last_error());
    assert_int_equal(weir_declare(w, "kept", named, 2, &kept), WEIR_OK);
    pid_t child = fork();
    if (child == 0) {
        char *arguments[] = {(char *)"weir-recover", (char *)"rejects", (char *)"retry",
                             (char *)f->database, NULL};
        become_the_tool(f, arguments, "/dev/null", "/dev/null");
    }
    int status, appended = 0;
    do {
        assert_int_equal(weir_append(kept, weir_int(appended++), weir_text("meanwhile")), WEIR_OK);
        assert_int_equal(weir_sync(w, WEIR_APPLIED, 20000), WEIR_OK);
    } while (waitpid(child, &status, WNOHANG) == 0);
    assert_int_equal(WEXITSTATUS(status), CLEAN);
    assert_int_equal(weir_close(w), WEIR_OK);
    assert_int_equal(rows_in(f->database), 5000);
    assert_int_equal(ask(f, "SELECT count(*) FROM kept WHERE name = 'meanwhile'"), appended);
    assert_int_equal(ask(f, "SELECT count(*) FROM weir_reject"), 0);
}

/* The journal that declares the columns was set aside, or is gone. */
static void declarations_are_found_where_the_journal_is(void **state) {
    fixture *f = *state;
    char aside[300], gone[300];
    all_refused(f, leave_named);
    mend(f, "name TEXT, id INTEGER"); /* in another order */
    (void)snprintf(aside, sizeof aside, "%s-forgotten-1", f->journal);
    (void)snprintf(gone, sizeof gone, "%s/gone", f->directory);
    run(f, "forget", f->database, NULL), expect(f, CLEAN);
    assert_int_equal(rename(aside, gone), 0);
    run(f, "rejects", "retry", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->out, "40 cannot be tried: the journal that declares their columns is not here");
    run(f, "rejects", "retry", "--id", "1", "--journal", gone, f->database, NULL), expect(f, CLEAN);
    assert_int_equal(rename(gone, aside), 0);
    run(f, "rejects", "retry", f->database, NULL), expect(f, CLEAN);
    assert_int_equal(ask(f, "SELECT count(*) FROM t WHERE name = 'it''s one' AND id = rowid"),
                     REFUSED);
}

static void foreign_keys_hold(void **state) {
    fixture *f = *state;
    weir_sql_run(
        f->database,
        "CREATE TABLE root(id INTEGER PRIMARY KEY REFERENCES base(id) DEFERRABLE INITIALLY "
        "DEFERRED, name TEXT); CREATE TABLE base(id INTEGER PRIMARY KEY); "
        "INSERT INTO base VALUES (2)");
    in_a_child(f, leave_roots);
    assert_int_equal(ask(f, "SELECT count(*) FROM weir_reject"), 2);
    weir_sql_run(f->database, "INSERT INTO base VALUES (3)");
    run(f, "rejects", "retry", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->out, "1 rows were put back; 1 were refused again");
    assert_int_equal(ask(f, "SELECT sum(id) FROM root"), 5);
}

static void what_is_no_row_stays(void **state) {
    fixture *f = *state;
    all_refused(f, leave_named);
    mend(f, "id INTEGER, name TEXT");
    weir_sql_run(
        f->database,
        "UPDATE weir_reject SET record = NULL WHERE id = 1; UPDATE weir_reject SET record = "
        "x'01000200' WHERE id = 2; UPDATE weir_reject SET record = x'00100100' || "
        "substr(record, 5) WHERE id = 3; UPDATE weir_reject SET journal = 'mine' WHERE id = 4");
    run(f, "rejects", "retry", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->out, "36 rows were put back; 0 were refused again");
    expect_text(f->out, "3 cannot be tried: the journal");
    expect_text(f->out, "1 cannot be tried: they were too large");
    assert_int_equal(ask(f, "SELECT sum(id) FROM weir_reject"), 10);
}

static void they_are_listed_and_dropped(void **state) {
    fixture *f = *state;
    run(f, "rejects", "list", f->database, NULL), expect(f, FAILED);
    all_refused(f, leave_named);
    uint64_t before = tree_hash(f->directory);
    run(f, "rejects", "list", f->database, NULL), expect(f, CLEAN);
    assert_int_equal(lines(f->out), 2 * REFUSED);
    expect_text(f->out, "1  row 1 of t, 20");
    expect_text(f->out, "CHECK constraint failed");
    expect_text(f->out, "    1, 'it''s one'\n");
    run(f, "rejects", "list", "--json", "--id", "7", f->database, NULL), expect(f, CLEAN);
    assert_int_equal(lines(f->out), 1);
    expect_text(f->out, "{\"type\":\"reject\",\"id\":7,\"row\":13,");
    expect_text(f->out, "\"values\":\"7, 'it''s one'\",\"whole\":true}");
    run(f, "rejects", "list", "--id", "x", f->database, NULL), expect(f, FAILED);
    run(f, "rejects", "drop", "--dry-run", "--all", f->database, NULL), expect(f, CLEAN);
    assert_true(tree_hash(f->directory) == before);
    run(f, "rejects", "drop", f->database, NULL), expect(f, USAGE);
    run(f, "rejects", "drop", "--id", "7", "--id", "08", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "2 refused rows dropped");
    run(f, "rejects", "drop", "--table", "kept", f->database, NULL), expect(f, CLEAN);
    assert_int_equal(ask(f, "SELECT count(*) FROM weir_reject"), REFUSED - 2);
    run(f, "rejects", "drop", "--all", f->database, NULL), expect(f, CLEAN);
    run(f, "rejects", "list", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "no refused rows");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(each_comes_back_once),
        TEST(what_is_refused_again_stays_with_the_new_reason),
        TEST(a_row_that_ends_the_transaction_harms_no_other),
        TEST(killed_anywhere_each_comes_once),
        TEST(a_program_may_be_running),
        TEST(declarations_are_found_where_the_journal_is),
        TEST(foreign_keys_hold),
        TEST(what_is_no_row_stays),
        TEST(they_are_listed_and_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
