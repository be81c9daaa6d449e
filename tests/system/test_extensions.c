/* test_extensions.c - weir-recover --load: rows of a table whose schema uses functions of an extension
 * are applied by every verb that writes, and wait without it. */
/* Covers: recovery/extensions.c, recovery/arguments.c */
#include "tool.h"

static const char by_name[] = WEIR_TEST_EXTENSION ":load_me";

static void load(sqlite3 *db, const char *entry) {
    char *message = NULL;
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1, NULL);
    if (sqlite3_load_extension(db, WEIR_TEST_EXTENSION, entry, &message)) fail_msg("%s", message);
}

static sqlite3 *open_loaded(const char *path) {
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    load(db, NULL);
    load(db, "load_me");
    return db;
}

/* What the dead process was about to create is there by now, and uses both functions. */
static void make_table(const char *path) {
    sqlite3 *db = open_loaded(path);
    if (sqlite3_exec(db,
                     "CREATE TABLE t(id INTEGER, x REAL, name TEXT, data BLOB,"
                     "even AS (is_even(id)) STORED, allowed DEFAULT (can_load()))",
                     NULL, NULL, NULL))
        fail_msg("%s", sqlite3_errmsg(db));
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void check_rows(const char *path, int rows) {
    sqlite3_stmt *s;
    sqlite3 *db = open_loaded(path);
    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT count(*), count(even = (id % 2 = 0)), max(allowed) FROM t",
                           -1, &s, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(s, 0), rows);
    assert_int_equal(sqlite3_column_int(s, 1), rows);
    assert_int_equal(sqlite3_column_int(s, 2), 0); /* none is allowed while rows are written */
    (void)sqlite3_finalize(s);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void without_it_rows_wait_and_the_message_says_what_to_do(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    make_table(f->database);
    run(f, "--wait", "1", f->database, NULL);
    expect(f, FAILED);
    expect_text(f->err, "function");
    expect_text(f->err, "--load");
    check_rows(f->database, 0);
}

static void recovery_loads_it(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    make_table(f->database);
    run(f, "--load", WEIR_TEST_EXTENSION, "--load", by_name, f->database, NULL);
    expect(f, RECOVERED);
    check_rows(f->database, ROWS);
}

static void salvage_loads_it(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    make_table(f->database);
    run(f, "salvage", "--load", WEIR_TEST_EXTENSION, "--load", by_name, f->database, NULL);
    expect(f, RECOVERED);
    check_rows(f->database, ROWS);
}

static void replay_loads_it(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    make_table(f->other);
    run(f, "replay", "--into", f->other, "--load", WEIR_TEST_EXTENSION, "--load", by_name,
        f->database, NULL);
    expect(f, RECOVERED);
    check_rows(f->other, ROWS);
}

static void what_cannot_be_loaded_changes_nothing(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    make_table(f->database);
    uint64_t before = tree_hash(f->directory);
    run(f, "--load", "./none.so", f->database, NULL);
    expect(f, FAILED);
    expect_text(f->err, "none.so");
    run(f, "--load", WEIR_TEST_EXTENSION ":nothing", f->database, NULL);
    expect(f, FAILED);
    run(f, "status", "--load", WEIR_TEST_EXTENSION, f->database, NULL);
    expect(f, USAGE);
    assert_true(tree_hash(f->directory) == before);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        TEST(without_it_rows_wait_and_the_message_says_what_to_do),
        TEST(recovery_loads_it),
        TEST(salvage_loads_it),
        TEST(replay_loads_it),
        TEST(what_cannot_be_loaded_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
