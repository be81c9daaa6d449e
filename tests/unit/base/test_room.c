/* Memory is kept for the next use, and given back when it was unusually much. */
#include "support.h"

#include "lib/base/room.h"
#include "scarce.h"

static void room_is_kept_for_less(void **state) {
    (void)state;
    weir_room r = {0};
    assert_true(weir_room_make(&r, 1000));
    uint8_t *bytes = r.bytes;
    assert_true(weir_room_make(&r, 1));
    assert_ptr_equal(r.bytes, bytes);
    assert_int_equal(r.capacity, 1000);
    assert_true(weir_room_make(&r, 1001));
    assert_int_equal(r.capacity, 1001);
    free(r.bytes);
}

static void more_than_usual_is_given_back(void **state) {
    (void)state;
    weir_room r = {0};
    size_t much = 4 * (size_t)WEIR_ROOM_USUAL;
    assert_true(weir_room_make(&r, much));
    assert_true(weir_room_make(&r, much / 4));
    assert_int_equal(r.capacity, much);
    assert_true(weir_room_make(&r, much / 4 - 1));
    assert_int_equal(r.capacity, much / 4 - 1);
    assert_true(weir_room_make(&r, WEIR_ROOM_USUAL)); /* not more: it is kept whatever comes */
    assert_true(weir_room_make(&r, 1));
    assert_int_equal(r.capacity, WEIR_ROOM_USUAL);
    free(r.bytes);
}

static void without_memory_there_is_no_room(void **state) {
    (void)state;
    weir_room r = {0};
    assert_true(weir_room_make(&r, 10));
    if (!scarce_arm(1)) { /* a sanitizer owns the allocator */
        free(r.bytes);
        return;
    }
    assert_false(weir_room_make(&r, 11));
    assert_true(scarce_end());
    assert_null(r.bytes);
    assert_int_equal(r.capacity, 0);
    assert_true(weir_room_make(&r, 11));
    free(r.bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(room_is_kept_for_less),
        cmocka_unit_test(more_than_usual_is_given_back),
        cmocka_unit_test(without_memory_there_is_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
