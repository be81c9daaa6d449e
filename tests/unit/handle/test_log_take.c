/* What a message says when its text is made later: the same, byte for byte, as printf says with the
 * same format and arguments in the C locale. */
/* Covers: lib/format/text.c, lib/format/text_put.c, lib/handle/log_encode.h */
#include "support.h"

#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "lib/format/text.h"
#include "lib/handle/log_take.h"

#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* formats are made here */

enum { CASES = 20000, TEXT = 3 * WEIR_TEXT_MAX };

static char wanted[TEXT];
static weir_text_buffer got;

/* As a call of the logger takes its arguments, and as a reader of the journal makes the text. */
static void make_text(const char *format, va_list arguments) {
    weir_value values[WEIR_LOG_ARGUMENTS];
    char wide[WEIR_LOG_WIDE_BYTES];
    va_list taken;
    weir_log_template *t = weir_log_template_make(&(weir_log_shape){.format = format});
    if (!t) fail_msg("\"%s\" cannot be formatted later", format);
    va_copy(taken, arguments);
    if (t->wide)
        assert_true(weir_log_take_wide(t, &taken, errno, values, wide));
    else
        weir_log_take(t, &taken, errno, values);
    va_end(taken);
    weir_text_locale locale = weir_text_locale_begin();
    weir_text_format(&got, format, strlen(format), values);
    weir_text_locale_end(locale);
    free(t);
}

static void compare_with(const char *format, size_t length) {
    size_t whole = length < WEIR_TEXT_MAX ? length : weir_text_put_mark(wanted);
    size_t same = 0;
    while (same < whole && same < got.length && got.bytes[same] == wanted[same])
        same++;
    if (same < whole || same < got.length)
        fail_msg("\"%s\": after %zu bytes printf goes on with \"%.*s\", a reader with \"%.*s\"",
                 format, same, (int)(whole - same), wanted + same, (int)(got.length - same),
                 got.bytes + same);
}

static void check(const char *format, ...) {
    va_list arguments;
    int saved = errno;
    va_start(arguments, format);
    int length = vsnprintf(wanted, sizeof wanted, format, arguments);
    va_end(arguments);
    assert_in_range(length, 0, TEXT - 1);
    errno = saved;
    va_start(arguments, format);
    make_text(format, arguments);
    va_end(arguments);
    compare_with(format, (size_t)length);
}

/* ---- random formats -------------------------------------------------------------------------- */

typedef struct chance {
    weir_rng rng;
    char format[64];
    size_t used;
    int stars, star[2];
} chance;

static uint64_t below(chance *c, uint64_t limit) { return weir_rng_below(&c->rng, limit); }

static void add(chance *c, const char *text) {
    size_t bytes = strlen(text);
    memcpy(c->format + c->used, text, bytes + 1);
    c->used += bytes;
}

static void add_letter(chance *c, char letter) { add(c, (char[]){letter, 0}); }

/* Mostly none, else a number or a star; precision: with its point. */
static void add_field(chance *c, bool precision) {
    static const int sizes[] = {0, 1, 2, 3, 6, 9, 10, 17, 20, 40, 300, 4095, 5000};
    if (below(c, 2)) return;
    int size = sizes[below(c, below(c, 8) ? 10 : 13)];
    if (precision) add(c, ".");
    if (below(c, 3) == 0) {
        add(c, "*");
        c->star[c->stars++] = below(c, 4) ? size : -size;
    } else if (size > 0 || precision) { /* a width of 0 is a flag */
        char text[12];
        (void)snprintf(text, sizeof text, "%d", size);
        if (!precision || below(c, 8)) add(c, text);
    }
}

/* What is before the length. flags: those that the conversion may have. */
static void begin_format(chance *c, const char *flags, bool has_precision) {
    c->used = 0;
    c->stars = 0;
    add(c, below(c, 2) ? "100%% of " : "");
    add(c, "%");
    for (; *flags; flags++)
        if (below(c, 4) == 0) add_letter(c, *flags);
    add_field(c, false);
    if (has_precision) add_field(c, true);
}

#define CHECK(c, value)                                                                            \
    do {                                                                                           \
        add(c, below(c, 2) ? "" : ", it is");                                                      \
        if ((c)->stars == 0) check((c)->format, value);                                            \
        if ((c)->stars == 1) check((c)->format, (c)->star[0], value);                              \
        if ((c)->stars == 2) check((c)->format, (c)->star[0], (c)->star[1], value);                \
    } while (0)

static uint64_t any_integer(chance *c) {
    uint64_t bits = weir_rng_next(&c->rng) >> below(c, 64);
    return below(c, 2) ? bits : 0 - bits;
}

static void check_integer(chance *c) {
    static const char signed_letters[] = "di", unsigned_letters[] = "ouxX";
    bool is_signed = below(c, 2);
    uint64_t v = any_integer(c);
    char letter = is_signed ? signed_letters[below(c, 2)] : unsigned_letters[below(c, 4)];
    bool hash = letter == 'o' || letter == 'x' || letter == 'X';
    begin_format(c, is_signed ? "-+ 0" : hash ? "-#0" : "-0", true);
    static const char *const lengths[] = {"", "hh", "h", "l", "ll", "j", "z", "t", "q"};
    size_t length = below(c, 9);
    add(c, lengths[length]);
    add_letter(c, letter);
    switch (length) {
    case 0: CHECK(c, (int)v); break;
    case 1: CHECK(c, (int)v); break; /* printf too takes its low bits alone */
    case 2: CHECK(c, (int)v); break;
    case 3: CHECK(c, (long)v); break;
    case 5: CHECK(c, (intmax_t)v); break;
    case 6: CHECK(c, (size_t)v); break;
    case 7: CHECK(c, (ptrdiff_t)v); break;
    default: CHECK(c, (long long)v); break;
    }
}

/* Of all sizes; halves of the last digit, which are rounded to the even one; and what is none. */
static double any_real(chance *c) {
    static const double special[] = {
        0.0,   -0.0,    INFINITY, -INFINITY, NAN,  0.5,  1.5,     2.5,    0.125,
        0.375, 1e-5,    9.995,    0.999999,  1e22, 1e23, DBL_MAX, 5e-324, 4503599627370495.5,
        0.05,  999999.5};
    static const double powers[] = {1, 10, 100, 1000, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    union {
        uint64_t bits;
        double real;
    } any = {.bits = weir_rng_next(&c->rng)};
    switch (below(c, 5)) {
    case 0: return special[below(c, sizeof special / sizeof *special)];
    case 1: return any.real;
    case 2: return ((double)(int64_t)below(c, 2000000) - 1e6 + 0.5) / powers[below(c, 10)];
    case 3: return ldexp((double)(any.bits >> 20) + 0.5, -(int)below(c, 60));
    default: return (double)(int32_t)any.bits / powers[below(c, 10)];
    }
}

static void check_real(chance *c) {
    static const char letters[] = "eEfFgGaA";
    char letter = letters[below(c, 3) ? 2 : below(c, 8)];
    begin_format(c, below(c, 2) ? "" : "-+ #0", true);
    add(c, below(c, 4) ? "" : "l");
    add_letter(c, letter);
    CHECK(c, any_real(c));
}

static void check_text(chance *c) {
    static const char *const texts[] = {
        "", "a", "plain", "Grüße", "日本語", "with %d in it", "a text of thirty-seven characters…"};
    char long_text[WEIR_TEXT_MAX + 8];
    size_t long_bytes = below(c, sizeof long_text);
    memset(long_text, 'x', long_bytes);
    long_text[long_bytes] = 0;
    uint64_t which = below(c, 9);
    begin_format(c, "-", true);
    add(c, "s");
    CHECK(c, which == 8 ? NULL : which == 7 ? long_text : texts[which]);
}

static void check_other(chance *c) {
    switch (below(c, 3)) {
    case 0:
        begin_format(c, "-", false);
        add(c, "c");
        CHECK(c, (int)(1 + below(c, 255)));
        break;
    case 1:
        begin_format(c, "-", false);
        add(c, "p");
        CHECK(c, (void *)(uintptr_t)(below(c, 4) ? any_integer(c) : 0));
        break;
    default:
        errno = (int)below(c, 140);
        begin_format(c, "-", true);
        add(c, "m%d");
        CHECK(c, 7);
        break;
    }
}

/* WEIR_CASES: how many, for a soak. */
static void formats_say_what_printf_says(void **state) {
    (void)state;
    const char *asked = getenv("WEIR_CASES"), *seed = getenv("WEIR_SEED");
    long cases = asked ? atol(asked) : CASES;
    chance c = {.rng = {seed ? strtoull(seed, NULL, 0) : 20261128}};
    for (long i = 0; i < cases; i++) {
        switch (below(&c, 4)) {
        case 0: check_integer(&c); break;
        case 1: check_real(&c); break;
        case 2: check_text(&c); break;
        default: check_other(&c); break;
        }
    }
}

/* ---- what random formats do not reach -------------------------------------------------------- */

static void several_arguments_keep_their_order(void **state) {
    (void)state;
    check("%d %s %.2f %c%%%*d|%-*.*s|%hhd %hu %lu %zu %p", 1, "two", 3.0, '4', 5, 6, 7, 2, "eight",
          300, 70000, 9ul, sizeof(int), (void *)0);
    check("");
    check("%%");
    check("no conversion");
}

static void make_only(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    make_text(format, arguments);
    va_end(arguments);
}

/* A text that is no string: only its precision is read. Not compared with printf, which the sanitizer
 * watches more narrowly than C does. */
static void text_is_not_read_beyond_its_precision(void **state) {
    (void)state;
    char *bytes = malloc(3); /* the sanitizer's redzone is after it */
    assert_non_null(bytes);
    memcpy(bytes, "abc", 3);
    make_only("%.3s|%.*s|%.0s", bytes, 2, bytes, bytes);
    assert_int_equal(got.length, 7);
    assert_memory_equal(got.bytes, "abc|ab|", 7);
    free(bytes);
}

/* In the C locale printf refuses these; a row has UTF-8. */
static void wide_text_becomes_utf_8(void **state) {
    (void)state;
    make_only("%ls|%.3ls|%lc|%S|%-4lc|%.*ls", L"Grüße", L"äöü", (wint_t)0x20AC, L"\x1F600",
              (wint_t)L'x', 2, L"abc");
    static const char text[] = "Grüße|ä|€|😀|x   |ab";
    assert_int_equal(got.length, sizeof text - 1);
    assert_memory_equal(got.bytes, text, sizeof text - 1);
    make_only("%ls", (const wchar_t[]){0xD800, 0x110000, 0});
    assert_memory_equal(got.bytes, "\xEF\xBF\xBD\xEF\xBF\xBD", 6);
    make_only("%ls", (const wchar_t *)NULL);
    assert_memory_equal(got.bytes, "(null)", 6);
}

static bool take_wide(const char *format, ...) {
    weir_value value;
    char wide[WEIR_LOG_WIDE_BYTES];
    va_list arguments;
    weir_log_template *t = weir_log_template_make(&(weir_log_shape){.format = format});
    assert_non_null(t);
    va_start(arguments, format);
    bool taken = weir_log_take_wide(t, &arguments, 0, &value, wide);
    va_end(arguments);
    free(t);
    return taken;
}

static void wide_text_that_is_too_long_is_refused(void **state) {
    (void)state;
    wchar_t text[WEIR_LOG_WIDE_BYTES + 2];
    for (size_t i = 0; i <= WEIR_LOG_WIDE_BYTES; i++)
        text[i] = L'x';
    text[WEIR_LOG_WIDE_BYTES + 1] = 0;
    assert_false(take_wide("%ls", text));
    assert_true(take_wide("%.1024ls", text));
    text[WEIR_LOG_WIDE_BYTES] = 0;
    assert_true(take_wide("%ls", text));
}

static void what_cannot_wait_is_known(void **state) {
    (void)state;
    static const char *const formats[] = {"%n",  "%1$d", "%'d",  "%Lf", "%y",  "%",
                                          "%5",  "%ll",  "%hs",  "%#s", "%0p", "%lp",
                                          "%Ld", "%hhf", "%.3p", "%+c"};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        assert_null(weir_log_template_make(&(weir_log_shape){.format = formats[i]}));
    char many[2 * WEIR_LOG_ARGUMENTS + 3] = "";
    for (size_t i = 0; i <= WEIR_LOG_ARGUMENTS; i++)
        memcpy(many + 2 * i, "%d", 3);
    assert_null(weir_log_template_make(&(weir_log_shape){.format = many}));
    many[2 * WEIR_LOG_ARGUMENTS] = 0;
    weir_log_template *most = weir_log_template_make(&(weir_log_shape){.format = many});
    assert_non_null(most);
    free(most);
    char *long_format = calloc(1, WEIR_TEXT_MAX + 2);
    assert_non_null(long_format);
    memset(long_format, 'x', WEIR_TEXT_MAX + 1);
    assert_null(weir_log_template_make(&(weir_log_shape){.format = long_format}));
    free(long_format);
}

/* A program may have set its locale; a journal is read anywhere. */
static void numbers_do_not_depend_on_the_locale(void **state) {
    (void)state;
    const char *set = NULL;
    static const char *const with_comma[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"};
    for (size_t i = 0; i < 4 && !set; i++)
        set = setlocale(LC_NUMERIC, with_comma[i]);
    if (!set) skip();
    make_only("%.3e %f", 1.5, 2.25);
    (void)setlocale(LC_NUMERIC, "C");
    assert_int_equal(got.length, 18);
    assert_memory_equal(got.bytes, "1.500e+00 2.250000", 18);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_say_what_printf_says),
        cmocka_unit_test(several_arguments_keep_their_order),
        cmocka_unit_test(text_is_not_read_beyond_its_precision),
        cmocka_unit_test(wide_text_becomes_utf_8),
        cmocka_unit_test(wide_text_that_is_too_long_is_refused),
        cmocka_unit_test(what_cannot_wait_is_known),
        cmocka_unit_test(numbers_do_not_depend_on_the_locale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
