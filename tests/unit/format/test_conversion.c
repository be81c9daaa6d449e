/* The pieces of formats: what docs/FORMAT.md allows, and nothing else. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "lib/format/conversion.h"

/* The format in memory that ends where it ends; NUL is no end. */
static int next_of(const char *format, size_t bytes, weir_conversion *out, size_t *taken) {
    char *exact = malloc(bytes ? bytes : 1);
    assert_non_null(exact);
    memcpy(exact, format, bytes);
    const char *at = exact;
    int more = weir_conversion_next(&at, exact + bytes, out);
    *taken = (size_t)(at - exact);
    out->text = format + (more == 1 ? out->text - exact : 0);
    free(exact);
    return more;
}

static weir_conversion only(const char *format) {
    weir_conversion c;
    size_t taken;
    assert_int_equal(next_of(format, strlen(format), &c, &taken), 1);
    assert_int_equal(taken, strlen(format));
    assert_int_equal(c.bytes, taken);
    assert_ptr_equal(c.text, format);
    return c;
}

static bool is_known(const char *format) {
    return weir_format_values(format, strlen(format), NULL) >= 0;
}

static void text_goes_up_to_a_percent_sign(void **state) {
    (void)state;
    weir_conversion c;
    size_t taken;
    assert_int_equal(next_of("abc%d", 5, &c, &taken), 1);
    assert_int_equal(c.kind, WEIR_CONVERT_LITERAL);
    assert_int_equal(taken, 3);
    assert_int_equal(c.bytes, 3);
    assert_int_equal(next_of("abc", 3, &c, &taken), 1);
    assert_int_equal(taken, 3);
    assert_int_equal(next_of("%%d", 3, &c, &taken), 1);
    assert_int_equal(c.kind, WEIR_CONVERT_LITERAL);
    assert_int_equal(taken, 2);
    assert_int_equal(c.bytes, 1);
    assert_memory_equal(c.text, "%", 1);
    assert_int_equal(next_of("", 0, &c, &taken), 0);
}

static void letters_say_the_kind(void **state) {
    (void)state;
    static const struct {
        const char *letters;
        weir_conversion_kind kind;
    } kinds[] = {
        {"di", WEIR_CONVERT_SIGNED},     {"ouxX", WEIR_CONVERT_UNSIGNED},
        {"eEfFgGaA", WEIR_CONVERT_REAL}, {"c", WEIR_CONVERT_CHARACTER},
        {"s", WEIR_CONVERT_TEXT},        {"p", WEIR_CONVERT_POINTER},
        {"m", WEIR_CONVERT_ERROR},
    };
    unsigned known = 0;
    for (unsigned letter = 1; letter < 256; letter++) {
        char format[] = {'%', (char)letter, 0};
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
            if (!strchr(kinds[i].letters, (int)letter)) continue;
            weir_conversion c = only(format);
            assert_int_equal(c.kind, kinds[i].kind);
            assert_int_equal(c.letter, letter);
            assert_int_equal(c.length, WEIR_LENGTH_NONE);
        }
        known += is_known(format);
    }
    assert_int_equal(known, 18 + 3); /* with C, S and the percent sign */
    assert_int_equal(weir_format_values("%\0d", 3, NULL), -1);
}

static void large_c_and_s_are_wide(void **state) {
    (void)state;
    weir_conversion c = only("%-5C");
    assert_int_equal(c.letter, 'c');
    assert_int_equal(c.length, WEIR_LENGTH_LONG);
    assert_int_equal(c.kind, WEIR_CONVERT_CHARACTER);
    c = only("%.3S");
    assert_int_equal(c.letter, 's');
    assert_int_equal(c.length, WEIR_LENGTH_LONG);
    assert_false(is_known("%lC") || is_known("%hS"));
}

static void flags_come_in_any_order_and_number(void **state) {
    (void)state;
    weir_conversion c = only("%0 +-#0-d");
    assert_true(c.minus && c.plus && c.space && c.hash && c.zero);
    assert_int_equal(c.width, WEIR_FIELD_NONE);
    c = only("%d");
    assert_false(c.minus || c.plus || c.space || c.hash || c.zero);
    assert_false(is_known("%'d") || is_known("%Id") || is_known("%5-d"));
}

static void text_has_one_flag(void **state) {
    (void)state;
    static const char letters[] = "cspmCS", flags[] = "+ #0";
    for (size_t l = 0; letters[l]; l++) {
        char format[] = {'%', '-', '-', letters[l], 0};
        assert_true(is_known(format));
        for (size_t f = 0; flags[f]; f++) {
            format[2] = flags[f];
            assert_false(is_known(format));
        }
    }
    assert_true(is_known("%-9p") && !is_known("%.p") && !is_known("%.3p") && !is_known("%.*p"));
    assert_true(is_known("%.3c") && is_known("%.3m"));
}

static void width_and_precision_are_bounded(void **state) {
    (void)state;
    weir_conversion c = only("%12.34d");
    assert_int_equal(c.width, 12);
    assert_int_equal(c.precision, 34);
    c = only("%.d");
    assert_int_equal(c.width, WEIR_FIELD_NONE);
    assert_int_equal(c.precision, 0);
    c = only("%*.*d");
    assert_int_equal(c.width, WEIR_FIELD_ARGUMENT);
    assert_int_equal(c.precision, WEIR_FIELD_ARGUMENT);
    c = only("%16383.16384d");
    assert_int_equal(c.width, 16383);
    assert_int_equal(c.precision, 16384);
    c = only("%16385.99999999999999999999999999d");
    assert_int_equal(c.width, 16384);
    assert_int_equal(c.precision, 16384);
    assert_false(is_known("%1$d") || is_known("%*1$d") || is_known("%.-3d") || is_known("%.3.3d"));
    assert_false(is_known("%**d") || is_known("%3*d") || is_known("%*3d"));
}

static void lengths_fit_their_letters(void **state) {
    (void)state;
    static const struct {
        const char *text;
        weir_conversion_length length;
        const char *letters;
    } lengths[] = {
        {"hh", WEIR_LENGTH_CHAR, "diouxX"},          {"h", WEIR_LENGTH_SHORT, "diouxX"},
        {"l", WEIR_LENGTH_LONG, "diouxXeEfFgGaAcs"}, {"ll", WEIR_LENGTH_LONG_LONG, "diouxX"},
        {"q", WEIR_LENGTH_LONG_LONG, "diouxX"},      {"j", WEIR_LENGTH_INTMAX, "diouxX"},
        {"z", WEIR_LENGTH_SIZE, "diouxX"},           {"t", WEIR_LENGTH_PTRDIFF, "diouxX"},
        {"L", WEIR_LENGTH_LONG_DOUBLE, "eEfFgGaA"},
    };
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (unsigned letter = 'A'; letter <= 'z'; letter++) {
            char format[8] = "%";
            (void)strcat(format, lengths[i].text);
            format[strlen(format)] = (char)letter;
            bool allowed = strchr(lengths[i].letters, (int)letter) != NULL;
            /* hhd is hh and d; h before h is no letter, and so is l before l */
            assert_int_equal(is_known(format), allowed);
            if (allowed) assert_int_equal(only(format).length, lengths[i].length);
        }
    assert_false(is_known("%lld%lhd") || is_known("%hhhd") || is_known("%llld"));
}

static void what_is_cut_is_not_known(void **state) {
    (void)state;
    static const char whole[] = "%-5.3lld";
    for (size_t bytes = 1; bytes < sizeof whole - 1; bytes++)
        assert_int_equal(weir_format_values(whole, bytes, NULL), -1);
    assert_int_equal(weir_format_values(whole, sizeof whole - 1, NULL), 1);
    assert_int_equal(weir_format_values("%.", 2, NULL), -1);
    assert_int_equal(weir_format_values("%*", 2, NULL), -1);
    assert_int_equal(weir_format_values("%h", 2, NULL), -1);
}

static void values_are_counted_with_their_stars(void **state) {
    (void)state;
    assert_int_equal(weir_format_values("", 0, NULL), 0);
    assert_int_equal(weir_format_values("100%%", 5, NULL), 0);
    assert_int_equal(weir_format_values("%d and %s", 9, NULL), 2);
    assert_int_equal(weir_format_values("%*d%.*f%*.*g%m", 14, NULL), 2 + 2 + 3 + 1);
    assert_int_equal(weir_format_values("%d%n", 4, NULL), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_goes_up_to_a_percent_sign),
        cmocka_unit_test(letters_say_the_kind),
        cmocka_unit_test(large_c_and_s_are_wide),
        cmocka_unit_test(flags_come_in_any_order_and_number),
        cmocka_unit_test(text_has_one_flag),
        cmocka_unit_test(width_and_precision_are_bounded),
        cmocka_unit_test(lengths_fit_their_letters),
        cmocka_unit_test(what_is_cut_is_not_known),
        cmocka_unit_test(values_are_counted_with_their_stars),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
