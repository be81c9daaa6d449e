/* test_spares.c - names with numbers, and which spare is taken. */
/* Covers: lib/format/names.c */
#include <string.h>

#include "lib/format/names.h"
#include "lib/journal/spares.h"
#include "support.h"

static void names_carry_their_number(void **state) {
    (void)state;
    char path[WEIR_PATH_MAX];
    weir_numbered_path(path, "/dir", "segment", 42);
    assert_string_equal(path, "/dir/segment-00000000000000000042");
    assert_int_equal(weir_number_in_name(path, "segment"), 42);
    assert_int_equal(weir_number_in_name("damaged-blocks-segment-00000000000000000007", "segment"),
                     7);
    assert_true(weir_number_in_name("spare-18446744073709551615", "spare") == UINT64_MAX);
}

static void other_names_have_none(void **state) {
    (void)state;
    const char *names[] = {"",
                           "segment",
                           "segment-",
                           "segment-1",
                           "segment-0000000000000000004x",
                           "spare-00000000000000000042",
                           "segment_00000000000000000042",
                           "segment-18446744073709551616",
                           "segment-000000000000000000042",
                           "segment-99999999999999999999",
                           "-00000000000000000042"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(weir_number_in_name(names[i], "segment"), 0);
}

static void the_smallest_that_serves_is_taken_and_one_is_kept(void **state) {
    (void)state;
    weir_spares s = {0};
    weir_spare taken;
    assert_false(weir_spares_take(&s, 1, &taken));
    assert_false(weir_spares_take_largest(&s, &taken));
    weir_spares_put(&s, (weir_spare){.number = 1, .bytes = 100, .filled = 70});
    assert_false(weir_spares_take(&s, 1, &taken)); /* the last one */
    weir_spares_put(&s, (weir_spare){.number = 2, .bytes = 300, .filled = 0});
    weir_spares_put(&s, (weir_spare){.number = 3, .bytes = 200, .filled = 0});
    assert_true(weir_spares_take(&s, 150, &taken));
    assert_int_equal(taken.number, 3);
    s.keep = 300;
    assert_false(weir_spares_take(&s, 150, &taken)); /* only the one to keep would do */
    assert_true(weir_spares_take(&s, 50, &taken));
    assert_int_equal(taken.number, 1);
    assert_int_equal(taken.filled, 70);
    assert_true(weir_spares_has(&s, 300));
    assert_false(weir_spares_has(&s, 301));
    assert_true(weir_spares_take_largest(&s, &taken));
    assert_int_equal(taken.number, 2);
    assert_int_equal(s.count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_carry_their_number),
        cmocka_unit_test(other_names_have_none),
        cmocka_unit_test(the_smallest_that_serves_is_taken_and_one_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
