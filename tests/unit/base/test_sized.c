/* Structs of the public API, in the sizes of older and newer callers. */
#include "support.h"

#include "lib/base/sized.h"

typedef struct own {
    uint32_t first, second;
} own;

static void an_older_caller_gets_defaults(void **state) {
    (void)state;
    uint32_t first = 7;
    own o = {1, 1};
    assert_int_equal(weir_sized_take(&o, sizeof o, &first, sizeof first, "own", NULL), WEIR_OK);
    assert_int_equal(o.first, 7);
    assert_int_equal(o.second, 0);
    assert_int_equal(weir_sized_take(&o, sizeof o, NULL, 100, "own", NULL), WEIR_OK);
    assert_int_equal(o.first, 0);
}

static void a_newer_caller_may_set_nothing_unknown(void **state) {
    (void)state;
    uint32_t newer[3] = {7, 8, 0};
    own o;
    weir_error error = {0};
    assert_int_equal(weir_sized_take(&o, sizeof o, newer, sizeof newer, "own", &error), WEIR_OK);
    assert_int_equal(o.second, 8);
    ((unsigned char *)newer)[sizeof newer - 1] = 1;
    assert_int_equal(weir_sized_take(&o, sizeof o, newer, sizeof newer, "own", &error),
                     WEIR_MISUSE);
    assert_non_null(strstr(error.text, "own"));
    assert_non_null(strstr(error.text, weir_version()));
}

static void what_is_given_has_the_callers_size(void **state) {
    (void)state;
    own o = {7, 8};
    uint32_t theirs[4] = {1, 1, 1, 1};
    weir_sized_give(theirs, sizeof *theirs, &o, sizeof o);
    assert_int_equal(theirs[0], 7);
    assert_int_equal(theirs[1], 1);
    weir_sized_give(theirs, 3 * sizeof *theirs, &o, sizeof o);
    assert_int_equal(theirs[1], 8);
    assert_int_equal(theirs[2], 0);
    assert_int_equal(theirs[3], 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_older_caller_gets_defaults),
        cmocka_unit_test(a_newer_caller_may_set_nothing_unknown),
        cmocka_unit_test(what_is_given_has_the_callers_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
