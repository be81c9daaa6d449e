/* Characters of UTF-8: each one, what is none, and where a text may be cut. */
#include "support.h"

#include <string.h>

#include "lib/base/utf8.h"

static void every_character_comes_back(void **state) {
    (void)state;
    for (uint32_t c = 0; c <= 0x10FFFF; c++) {
        char at[4] = {0};
        size_t bytes = weir_utf8_encode(at, c);
        assert_int_equal(bytes, c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4);
        assert_int_equal(weir_utf8_size((const uint8_t *)at, bytes), bytes);
        for (size_t left = 1; left < bytes; left++)
            assert_int_equal(weir_utf8_size((const uint8_t *)at, left), 0);
        if (c >= 0xD800 && c < 0xE000) assert_memory_equal(at, "\xEF\xBF\xBD", 3);
    }
    char at[4];
    assert_int_equal(weir_utf8_encode(at, 0x110000), 3);
    assert_memory_equal(at, "\xEF\xBF\xBD", 3);
}

/* All that begins with two given bytes, against what RFC 3629 says of them. */
static void other_bytes_are_none(void **state) {
    (void)state;
    static const char *const none[] = {"\x80",
                                       "\xBF",
                                       "\xC0\x80",
                                       "\xC1\xBF",
                                       "\xE0\x9F\xBF",
                                       "\xED\xA0\x80",
                                       "\xF5\x80\x80\x80",
                                       "\xF0\x8F\xBF\xBF",
                                       "\xF4\x90\x80\x80",
                                       "\xC3\x28",
                                       "\xFF"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_int_equal(weir_utf8_size((const uint8_t *)none[i], strlen(none[i])), 0);
}

static void a_text_is_cut_between_characters(void **state) {
    (void)state;
    static const char text[] = "aäö€😀 and so on";
    static const size_t kept[] = {0, 1, 1, 3, 3, 5, 5, 5, 8, 8, 8, 8, 12, 13};
    for (size_t limit = 0; limit < sizeof kept / sizeof *kept; limit++)
        assert_int_equal(weir_utf8_cut(text, limit), kept[limit]);
}

/* Of bytes that are no characters none is lost for that. */
static void what_is_no_text_is_cut_at_the_limit(void **state) {
    (void)state;
    char text[64];
    memset(text, 0x80, sizeof text);
    for (size_t limit = 0; limit < 60; limit++)
        assert_int_equal(weir_utf8_cut(text, limit), limit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_character_comes_back),
        cmocka_unit_test(other_bytes_are_none),
        cmocka_unit_test(a_text_is_cut_between_characters),
        cmocka_unit_test(what_is_no_text_is_cut_at_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
