/* test_reject.c - rows that SQLite cannot take for their size, or for want of memory: they are
 * refused with what can be kept of them, and what comes behind goes on. */
#include "support.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sink_fixture.h"

enum { MIB = 1 << 20, LIMIT = 3 * MIB };

static const weir_column columns[] = {{"a", WEIR_INTEGER}, {"b", WEIR_BLOB}};
static bool limited; /* connections that are opened now */

static int limit_connection(sqlite3 *db, char **message, const struct sqlite3_api_routines *api) {
    (void)message, (void)api;
    if (limited) (void)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, LIMIT);
    return SQLITE_OK;
}

static int set_up(void **state) {
    limited = false;
    int status = sink_set_up(state);
    return status ? status : sqlite3_auto_extension((void (*)(void))limit_connection);
}

static int tear_down(void **state) {
    (void)sqlite3_hard_heap_limit64(0);
    sqlite3_reset_auto_extension();
    return sink_tear_down(state);
}

static void open_sink(sink_fixture *f) {
    sink_open(f);
    sink_declare(f, 1, "t", columns, 2);
}

/* Rows 1, 2 and 3; the second has a value of so many bytes. */
static rows_block three_rows(sink_fixture *f, size_t bytes) {
    char *large = malloc(bytes);
    assert_non_null(large);
    memset(large, 'x', bytes);
    rows_block b = sink_rows(f, 1, 1);
    for (int i = 1; i <= 3; i++)
        rows_add(&b, 1,
                 (weir_value[]){weir_int(i), i == 2 ? weir_blob(large, bytes) : weir_text("small")},
                 2);
    free(large);
    return b;
}

/* With the narrowing that replay would do. Answers how often memory was short. */
static int apply(sink_fixture *f, const rows_block *b) {
    uint64_t width = 3;
    int starved = 0;
    for (uint64_t row = 1; row <= 3;) {
        weir_row_range range = {row, row + width - 1 < 3 ? row + width - 1 : 3};
        int status = sink_apply(f, b, range, NULL);
        if (status == WEIR_OK)
            row = range.last + 1;
        else if (status == WEIR_SINK_ANEW)
            continue;
        else if (status == WEIR_SINK_AGAIN)
            width = width > 1 ? width / 2 : 1;
        else if (status == WEIR_NO_MEMORY && starved < 100)
            starved++;
        else
            fail_msg("%s", f->error.text);
    }
    return starved;
}

static void assert_second_refused(sink_fixture *f, const char *how) {
    assert_int_equal(weir_sql_int(f->database, "SELECT sum(a) FROM t"), 4);
    char sql[300];
    (void)snprintf(sql, sizeof sql, "SELECT row = 2 AND %s FROM weir_reject", how);
    assert_int_equal(weir_sql_int(f->database, sql), 1);
}

static void a_row_beyond_sqlites_limit_is_refused_and_its_beginning_kept(void **state) {
    sink_fixture *f = *state;
    weir_sql_run(f->database, "CREATE TABLE t(a, b)");
    limited = true;
    rows_block b = three_rows(f, LIMIT + 1);
    open_sink(f);
    assert_int_equal(apply(f, &b), 0);
    sink_close(f);
    rows_free(&b);
    assert_second_refused(f, "record IS NULL AND code = 18 AND message LIKE '%31457__ bytes%'"
                             " AND \"values\" LIKE '2, X''7878%78'' /* of 3145729 bytes */'"
                             " AND length(\"values\") < 2100");
}

static void a_row_that_is_refused_otherwise_is_kept_whole(void **state) {
    sink_fixture *f = *state;
    weir_sql_run(f->database, "CREATE TABLE t(a, b CHECK(length(b) < 10))");
    rows_block b = three_rows(f, LIMIT);
    open_sink(f);
    assert_int_equal(apply(f, &b), 0);
    sink_close(f);
    rows_free(&b);
    assert_second_refused(f, "length(record) > 3145728 AND message NOT LIKE '%bytes%'");
}

/* Once memory is short, as much as there is now and so much more. */
static void with_memory_for(sink_fixture *f, size_t more, const rows_block *b, int *starved) {
    sqlite3_int64 before = sqlite3_hard_heap_limit64(sqlite3_memory_used() + (sqlite3_int64)more);
    *starved = apply(f, b);
    (void)sqlite3_hard_heap_limit64(before);
}

static void a_row_without_memory_is_tried_again_and_then_refused(void **state) {
    sink_fixture *f = *state;
    int starved;
    weir_sql_run(f->database, "CREATE TABLE t(a, b)");
    rows_block b = three_rows(f, 24 * MIB);
    open_sink(f);
    with_memory_for(f, 8 * MIB, &b, &starved);
    sink_close(f);
    rows_free(&b);
    assert_true(starved >= 8);
    assert_second_refused(f, "record IS NULL AND code & 255 IN (7, 10)"
                             " AND \"values\" LIKE '2, X''7878%78'' /* of 25165824 bytes */'");
}

static void want_of_memory_that_passes_costs_nothing(void **state) {
    sink_fixture *f = *state;
    weir_sql_run(f->database, "CREATE TABLE t(a, b)");
    rows_block b = three_rows(f, 24 * MIB);
    open_sink(f);
    sqlite3_int64 before = sqlite3_hard_heap_limit64(sqlite3_memory_used() + 8 * MIB);
    int status;
    for (uint64_t width = 3;
         (status = sink_apply(f, &b, (weir_row_range){1, width}, NULL)) == WEIR_SINK_AGAIN ||
         status == WEIR_SINK_ANEW;)
        if (status == WEIR_SINK_AGAIN) width = width > 1 ? width / 2 : 1;
    assert_int_equal(status, WEIR_OK); /* row 1 alone */
    for (int i = 0; i < 8; i++)
        assert_int_equal(sink_apply(f, &b, (weir_row_range){2, 2}, NULL), WEIR_NO_MEMORY);
    (void)sqlite3_hard_heap_limit64(before);
    assert_int_equal(sink_apply(f, &b, (weir_row_range){2, 3}, NULL), WEIR_OK);
    sink_close(f);
    rows_free(&b);
    assert_int_equal(weir_sql_int(f->database, "SELECT sum(a * length(b)) FROM t"),
                     5 + 2 * 24 * MIB + 15);
    assert_int_equal(
        weir_sql_int(f->database, "SELECT count(*) FROM sqlite_schema WHERE name = 'weir_reject'"),
        0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_row_beyond_sqlites_limit_is_refused_and_its_beginning_kept),
        TEST(a_row_that_is_refused_otherwise_is_kept_whole),
        TEST(a_row_without_memory_is_tried_again_and_then_refused),
        TEST(want_of_memory_that_passes_costs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
