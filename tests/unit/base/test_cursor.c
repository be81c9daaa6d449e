/* The cursor never reads past its end, whatever the width, and stays bad once it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "lib/base/cursor.h"

static const uint8_t bytes[16] = {1, 2, 3, 4, 5, 6, 7, 0x88, 9, 10, 11, 12, 13, 14, 15, 16};

static void integers_are_little_endian(void **state) {
    (void)state;
    weir_cursor c = weir_cursor_over(bytes, sizeof bytes);
    assert_int_equal(weir_take_u8(&c), 0x01);
    assert_int_equal(weir_take_u16(&c), 0x0302);
    assert_int_equal(weir_take_u32(&c), 0x07060504);
    assert_true(weir_take_u64(&c) == 0x0F0E0D0C0B0A0988u);
    assert_int_equal(weir_cursor_left(&c), 1);
    assert_true(weir_cursor_ok(&c));
}

static uint64_t expected_uint(const uint8_t *at, unsigned width) {
    uint64_t value = 0;
    for (unsigned i = 0; i < width; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

/* Heap copies of the exact length let the address sanitizer see a read past the end. */
static void every_width_reads_at_every_distance_from_the_end(void **state) {
    (void)state;
    for (unsigned width = 1; width <= 8; width++) {
        for (size_t length = 1; length <= sizeof bytes; length++) {
            uint8_t *copy = malloc(length);
            assert_non_null(copy);
            memcpy(copy, bytes, length);
            weir_cursor c = weir_cursor_over(copy, length);
            uint64_t value = weir_take_uint(&c, width);
            bool fits = width <= length;
            assert_int_equal(weir_cursor_ok(&c), fits);
            assert_true(value == (fits ? expected_uint(bytes, width) : 0));
            assert_int_equal(weir_cursor_left(&c), fits ? length - width : 0);
            free(copy);
        }
    }
}

static void signed_integers_are_extended(void **state) {
    (void)state;
    static const uint8_t minus[8] = {0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    static const uint8_t plus[8] = {0x7F, 0, 0, 0, 0, 0, 0, 0};
    for (unsigned width = 1; width <= 8; width++) {
        weir_cursor c = weir_cursor_over(minus, width);
        assert_true(weir_take_int(&c, width) == -2);
        c = weir_cursor_over(plus, sizeof plus);
        assert_true(weir_take_int(&c, width) == 127);
    }
}

static void a_bad_cursor_stays_bad_and_answers_zero(void **state) {
    (void)state;
    weir_cursor c = weir_cursor_over(bytes, 3);
    assert_true(weir_take_u32(&c) == 0);
    assert_false(weir_cursor_ok(&c));
    assert_int_equal(weir_cursor_left(&c), 0);
    assert_int_equal(weir_take_u8(&c), 0);
    assert_null(weir_take(&c, 1));
    uint8_t copy[2] = {7, 7};
    weir_take_copy(&c, copy, sizeof copy);
    assert_int_equal(copy[0], 0);
    assert_int_equal(copy[1], 0);
    assert_false(weir_cursor_ok(&c));
}

static void huge_lengths_do_not_wrap(void **state) {
    (void)state;
    weir_cursor c = weir_cursor_over(bytes, sizeof bytes);
    (void)weir_take_u8(&c);
    assert_null(weir_take(&c, SIZE_MAX));
    assert_false(weir_cursor_ok(&c));
}

static void taking_nothing_is_fine_anywhere(void **state) {
    (void)state;
    weir_cursor c = weir_cursor_over(bytes, 1);
    (void)weir_take_u8(&c);
    assert_non_null(weir_take(&c, 0));
    weir_take_copy(&c, NULL, 0);
    weir_take_zeros(&c, 0);
    assert_true(weir_cursor_ok(&c));
    c = weir_cursor_over(NULL, 0);
    assert_int_equal(weir_cursor_left(&c), 0);
    assert_null(weir_take(&c, 1));
}

static void zeros_must_be_zero(void **state) {
    (void)state;
    static const uint8_t zeros[4] = {0, 0, 0, 1};
    weir_cursor c = weir_cursor_over(zeros, 4);
    weir_take_zeros(&c, 3);
    assert_true(weir_cursor_ok(&c));
    weir_take_zeros(&c, 1);
    assert_false(weir_cursor_ok(&c));
}

static void what_is_put_is_taken(void **state) {
    (void)state;
    uint8_t buffer[64];
    uint8_t *at = weir_put_u16(buffer, 0xABCD);
    at = weir_put_u32(at, 0xDEADBEEF);
    at = weir_put_u64(at, 0x0123456789ABCDEFu);
    at = weir_put_bytes(at, "xyz", 3);
    at = weir_put_bytes(at, NULL, 0);
    at = weir_put_zeros(at, 2);
    for (unsigned width = 1; width <= 8; width++)
        at = weir_put_uint(at, 0x1122334455667788u, width);

    weir_cursor c = weir_cursor_over(buffer, (size_t)(at - buffer));
    assert_int_equal(weir_take_u16(&c), 0xABCD);
    assert_true(weir_take_u32(&c) == 0xDEADBEEF);
    assert_true(weir_take_u64(&c) == 0x0123456789ABCDEFu);
    assert_memory_equal(weir_take(&c, 3), "xyz", 3);
    weir_take_zeros(&c, 2);
    for (unsigned width = 1; width <= 8; width++)
        assert_true(weir_take_uint(&c, width) ==
                    (0x1122334455667788u & (UINT64_MAX >> (64 - 8 * width))));
    assert_true(weir_cursor_ok(&c));
    assert_int_equal(weir_cursor_left(&c), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_little_endian),
        cmocka_unit_test(every_width_reads_at_every_distance_from_the_end),
        cmocka_unit_test(signed_integers_are_extended),
        cmocka_unit_test(a_bad_cursor_stays_bad_and_answers_zero),
        cmocka_unit_test(huge_lengths_do_not_wrap),
        cmocka_unit_test(taking_nothing_is_fine_anywhere),
        cmocka_unit_test(zeros_must_be_zero),
        cmocka_unit_test(what_is_put_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
