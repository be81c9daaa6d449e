/* test_values.c - plain C values become the values of a row, whatever their type. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <weir/log.h>

#include "opened.h"

enum { PATIENCE_MS = 20000 };

static int setup(void **state) {
    if (opened_set_up(state) != 0) return -1;
    opened_open(*state, NULL);
    return 0;
}

static weir_table *table_of(const opened *o, const char *name, size_t columns) {
    static weir_column column[64];
    static char names[64][8];
    weir_table *t;
    for (size_t i = 0; i < columns; i++) {
        (void)snprintf(names[i], sizeof names[i], "c%zu", i);
        column[i] = (weir_column){names[i], WEIR_BLOB};
    }
    if (weir_declare(o->w, name, column, columns, &t) != WEIR_OK) fail_msg("%s", weir_last_error());
    return t;
}

static void expect_row(const opened *o, const char *where) {
    char sql[400];
    assert_int_equal(weir_sync(o->w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM t WHERE %s", where);
    if (weir_sql_int(o->database, sql) != 1) fail_msg("no row where %s", where);
}

static void integers_of_every_type(void **state) {
    const opened *o = *state;
    weir_table *t = table_of(o, "t", 14);
    enum colour { RED = 3 } colour = RED;
    signed char s = -5;
    const uint8_t u8 = 255;
    volatile uint16_t u16 = 65535;
    assert_int_equal(weir_append(t, true, (char)'x', s, u8, (short)-7, u16, -1, 4000000000u, 1L,
                                 2UL, INT64_MIN, (unsigned long long)INT64_MAX, colour,
                                 sizeof(int)),
                     WEIR_OK);
    expect_row(o,
               "typeof(c0) = 'integer' AND c0 = 1 AND c1 = 120 AND c2 = -5 AND c3 = 255 AND "
               "c4 = -7 AND c5 = 65535 AND c6 = -1 AND c7 = 4000000000 AND c8 = 1 AND c9 = 2 AND "
               "c10 < -9223372036854775807 AND c11 = 9223372036854775807 AND c12 = 3 AND c13 = 4");
}

static void other_values(void **state) {
    const opened *o = *state;
    weir_table *t = table_of(o, "t", 10);
    char buffer[4] = "abc";
    const char *const text = "text", *none = NULL;
    const weir_value made = weir_text_n("xyz", 2);
    const void *nothing = NULL;
    assert_int_equal(weir_append(t, 1.5f, 2.25, "literal", buffer, text, none, NULL, nothing, made,
                                 weir_blob("\0\1", 2)),
                     WEIR_OK);
    expect_row(o, "c0 = 1.5 AND c1 = 2.25 AND c2 = 'literal' AND c3 = 'abc' AND c4 = 'text' AND "
                  "c5 IS NULL AND c6 IS NULL AND c7 IS NULL AND c8 = 'xy' AND c9 = x'0001'");
}

static int twice(int value) { return 2 * value; }
#define BOTH(a, b) ((a) + (b))

static void an_argument_is_an_expression_that_is_evaluated_once(void **state) {
    const opened *o = *state;
    weir_table *t = table_of(o, "t", 5);
    weir_ticket first, second;
    int n = 3;
    assert_int_equal(weir_append_ticket(t, &first, n++, BOTH(1, 2), twice(4),
                                        sizeof o > 3 ? "a" : "b",
                                        weir_append_ticket(t, &second, 0, 0, 0, 0, 0)),
                     WEIR_OK);
    assert_int_equal(n, 4);
    assert_true(first.position > second.position); /* the inner row was first */
    expect_row(o, "c0 = 3 AND c1 = 3 AND c2 = 8 AND c3 = 'a' AND c4 = 0");
}

static void as_many_as_there_are(void **state) {
    const opened *o = *state;
    weir_table *one = table_of(o, "one", 1), *t = table_of(o, "t", 64);
    assert_int_equal(weir_append(one, 1), WEIR_OK);
    assert_int_equal(weir_append(t, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17,
                                 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34,
                                 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51,
                                 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, "last"),
                     WEIR_OK);
    expect_row(o, "c0 = 0 AND c31 = 31 AND c62 = 62 AND c63 = 'last'");
}

static void fields_of_the_log(void **state) {
    const opened *o = *state;
    const char *name = "text";
    weir_log_kv(o->w, WEIR_INFO, "filled", "id", 7, "price", 9.5, name, "x", "none", NULL, "made",
                weir_int(8));
    assert_int_equal(weir_sync(o->w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
    assert_int_equal(weir_sql_int(o->database, "SELECT count(*) FROM log WHERE fields ="
                                               "'{\"id\":7,\"price\":9.5,\"text\":\"x\","
                                               "\"none\":null,\"made\":8}'"),
                     1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(integers_of_every_type, setup, opened_tear_down),
        cmocka_unit_test_setup_teardown(other_values, setup, opened_tear_down),
        cmocka_unit_test_setup_teardown(an_argument_is_an_expression_that_is_evaluated_once, setup,
                                        opened_tear_down),
        cmocka_unit_test_setup_teardown(as_many_as_there_are, setup, opened_tear_down),
        cmocka_unit_test_setup_teardown(fields_of_the_log, setup, opened_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
