/* test_large_rows.c - rows that SQLite cannot take for their size, or for want of memory: they are
 * refused with what can be kept of them, and what comes behind goes on. */
#include "support.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rows.h"
#include "writer/sqlite/sqlite_sink.h"

enum { MIB = 1 << 20, LIMIT = 3 * MIB };

static const uint8_t journal[16] = {4, 0, 4};
static const weir_column columns[] = {{"a", WEIR_INTEGER}, {"b", WEIR_BLOB}};
static const char *directory;
static char database[300];
static weir_error error;
static bool limited; /* connections that are opened now */

static int limit_connection(sqlite3 *db, char **message, const struct sqlite3_api_routines *api) {
    (void)message, (void)api;
    if (limited) (void)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, LIMIT);
    return SQLITE_OK;
}

static int set_up(void **state) {
    (void)state;
    directory = weir_temp_make();
    (void)snprintf(database, sizeof database, "%s/run.db", directory);
    limited = false;
    return sqlite3_auto_extension((void (*)(void))limit_connection);
}

static int tear_down(void **state) {
    (void)state;
    sqlite3_reset_auto_extension();
    weir_temp_remove(directory);
    return 0;
}

static weir_sink open_sink(void) {
    weir_sink s;
    weir_sqlite_config config = {.path = database, .busy_timeout_ms = 1000};
    weir_declaration *d;
    assert_int_equal(weir_sqlite_sink_open(&config, &s, NULL, &error), WEIR_OK);
    assert_int_equal(weir_declaration_make(1, "t", columns, 2, &d, &error), WEIR_OK);
    assert_int_equal(s.declare(s.self, d, WEIR_DECLARE_WITH_ROWS, &error), WEIR_OK);
    weir_declaration_free(d);
    return s;
}

/* Rows 1, 2 and 3; the second has a value of so many bytes. */
static rows_block three_rows(size_t bytes) {
    char *large = malloc(bytes);
    assert_non_null(large);
    memset(large, 'x', bytes);
    rows_block b = rows_begin(journal, 1, 1);
    for (int i = 1; i <= 3; i++)
        rows_add(&b, 1,
                 (weir_value[]){weir_int(i), i == 2 ? weir_blob(large, bytes) : weir_text("small")},
                 2);
    free(large);
    return b;
}

static int apply_range(const weir_sink *s, const rows_block *b, weir_row_range range) {
    weir_position at;
    weir_sink_counts counts;
    int status = s->begin(s->self, journal, &at, &error);
    if (status == WEIR_OK) status = s->apply(s->self, &b->header, rows_body(b), range, &error);
    at.row = range.last;
    if (status == WEIR_OK) status = s->commit(s->self, &at, &counts, &error);
    if (status != WEIR_OK) s->rollback(s->self);
    return status;
}

/* With the narrowing that replay would do. Answers how often memory was short. */
static int apply(const weir_sink *s, const rows_block *b) {
    uint64_t width = 3;
    int starved = 0;
    for (uint64_t row = 1; row <= 3;) {
        weir_row_range range = {row, row + width - 1 < 3 ? row + width - 1 : 3};
        int status = apply_range(s, b, range);
        if (status == WEIR_OK)
            row = range.last + 1;
        else if (status == WEIR_SINK_AGAIN)
            width = width > 1 ? width / 2 : 1;
        else if (status == WEIR_NO_MEMORY && starved < 100)
            starved++;
        else
            fail_msg("%s", error.text);
    }
    return starved;
}

static void assert_second_refused(const char *how) {
    assert_int_equal(weir_sql_int(database, "SELECT sum(a) FROM t"), 4);
    char sql[300];
    (void)snprintf(sql, sizeof sql, "SELECT row = 2 AND %s FROM weir_reject", how);
    assert_int_equal(weir_sql_int(database, sql), 1);
}

static void a_row_beyond_sqlites_limit_is_refused_and_its_beginning_kept(void **state) {
    (void)state;
    weir_sql_run(database, "CREATE TABLE t(a, b)");
    limited = true;
    rows_block b = three_rows(LIMIT + 1);
    weir_sink s = open_sink();
    assert_int_equal(apply(&s, &b), 0);
    s.close(s.self);
    rows_free(&b);
    assert_second_refused("record IS NULL AND code = 18 AND message LIKE '%31457__ bytes%'"
                          " AND \"values\" LIKE '2, X''7878%78'' /* of 3145729 bytes */'"
                          " AND length(\"values\") < 2100");
}

static void a_row_that_is_refused_otherwise_is_kept_whole(void **state) {
    (void)state;
    weir_sql_run(database, "CREATE TABLE t(a, b CHECK(length(b) < 10))");
    rows_block b = three_rows(LIMIT);
    weir_sink s = open_sink();
    assert_int_equal(apply(&s, &b), 0);
    s.close(s.self);
    rows_free(&b);
    assert_second_refused("length(record) > 3145728 AND message NOT LIKE '%bytes%'");
}

/* Once memory is short, as much as there is now and so much more. */
static void with_memory_for(size_t more, const weir_sink *s, const rows_block *b, int *starved) {
    sqlite3_int64 before = sqlite3_hard_heap_limit64(sqlite3_memory_used() + (sqlite3_int64)more);
    *starved = apply(s, b);
    (void)sqlite3_hard_heap_limit64(before);
}

static void a_row_without_memory_is_tried_again_and_then_refused(void **state) {
    (void)state;
    int starved;
    weir_sql_run(database, "CREATE TABLE t(a, b)");
    rows_block b = three_rows(24 * MIB);
    weir_sink s = open_sink();
    with_memory_for(8 * MIB, &s, &b, &starved);
    s.close(s.self);
    rows_free(&b);
    assert_true(starved >= 8);
    assert_second_refused("record IS NULL AND code & 255 IN (7, 10)"
                          " AND \"values\" LIKE '2, X''7878%78'' /* of 25165824 bytes */'");
}

static void want_of_memory_that_passes_costs_nothing(void **state) {
    (void)state;
    weir_sql_run(database, "CREATE TABLE t(a, b)");
    rows_block b = three_rows(24 * MIB);
    weir_sink s = open_sink();
    sqlite3_int64 before = sqlite3_hard_heap_limit64(sqlite3_memory_used() + 8 * MIB);
    int status;
    for (uint64_t width = 3;
         (status = apply_range(&s, &b, (weir_row_range){1, width})) == WEIR_SINK_AGAIN;)
        width = width > 1 ? width / 2 : 1;
    assert_int_equal(status, WEIR_OK); /* row 1 alone */
    for (int i = 0; i < 8; i++)
        assert_int_equal(apply_range(&s, &b, (weir_row_range){2, 2}), WEIR_NO_MEMORY);
    (void)sqlite3_hard_heap_limit64(before);
    assert_int_equal(apply_range(&s, &b, (weir_row_range){2, 3}), WEIR_OK);
    s.close(s.self);
    rows_free(&b);
    assert_int_equal(weir_sql_int(database, "SELECT sum(a * length(b)) FROM t"),
                     5 + 2 * 24 * MIB + 15);
    assert_int_equal(
        weir_sql_int(database, "SELECT count(*) FROM sqlite_schema WHERE name = 'weir_reject'"), 0);
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
