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
#include "lib/handle/log_encode.h"

#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* formats are made here */

enum { CASES = 20000, TEXT = 3 * WEIR_TEXT_MAX, SMALL = 256 };

static char wanted[TEXT];
static weir_text_buffer got;

static void format_values(const char *format, const weir_value *values) {
    weir_text_locale locale = weir_text_locale_begin();
    weir_text_format(&got, format, strlen(format), values);
    weir_text_locale_end(locale);
}

/* As a small message is stored, and read again. False: it is not small. */
static bool store_and_read(const weir_log_template *t, const uint64_t *words, weir_value *values) {
    static uint8_t row[WEIR_ROW_HEAD + 9 * 64 + WEIR_ROW_SLACK + SMALL];
    weir_value all[WEIR_LOG_FIXED + WEIR_LOG_ARGUMENTS];
    weir_clock clock;
    const weir_log_message m = {.clock = &clock, .words = words};
    weir_clock_make(&clock, weir_os_posix());
    int64_t before = weir_clock_now(&clock);
    uint16_t number, columns;
    const uint8_t *end = weir_log_encode(row, t, &m, 4711, SMALL);
    if (!end) return false;
    assert_true(weir_row_decode(row, (size_t)(end - row), &number, &columns, all));
    assert_int_equal(columns, t->row.columns);
    assert_in_range(all[0].as.integer, before, weir_clock_now(&clock));
    assert_int_equal(all[1].as.integer, 4711);
    memcpy(values, all + WEIR_LOG_FIXED, t->arguments * sizeof *values);
    return true;
}

/* As a call of the logger takes its arguments, and as a reader of the journal makes the text.
 * stored: as small messages are. False: it is not small. */
static bool make_text(const char *format, const uint64_t *words, va_list arguments, bool stored) {
    weir_value values[WEIR_LOG_ARGUMENTS];
    uint64_t collected[WEIR_LOG_ARGUMENTS];
    char wide[WEIR_LOG_WIDE_BYTES];
    int error = errno;
    va_list taken;
    weir_log_template *t = weir_log_template_make(&(weir_log_shape){.format = format});
    if (!t) fail_msg("\"%s\" cannot be formatted later", format);
    t->head = WEIR_TEMPLATE_FIRST | (uint32_t)t->row.columns << 16;
    va_copy(taken, arguments);
    weir_log_collect(t, &taken, collected);
    va_end(taken);
    bool made = true;
    if (stored)
        made = store_and_read(t, words ? words : collected, values);
    else
        weir_log_take(t, words ? words : collected, error, values, wide);
    if (made) format_values(format, values);
    free(t);
    errno = error;
    return made;
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

/* words: of the arguments, as the macro makes them. Both are taken, and stored as a small message. */
static void check_words(const uint64_t *words, const char *format, ...) {
    va_list arguments;
    int saved = errno;
    va_start(arguments, format);
    int length = vsnprintf(wanted, sizeof wanted, format, arguments);
    va_end(arguments);
    assert_in_range(length, 0, TEXT - 1);
    errno = saved;
    for (int way = 0; way < 4; way++) {
        va_start(arguments, format);
        if (make_text(format, way & 1 ? words : NULL, arguments, way & 2))
            compare_with(format, (size_t)length);
        va_end(arguments);
    }
}

#define WORDS(...) ((const uint64_t[]){WEIR_EACH_(WEIR_LOG_WORD_, WEIR_LOG_WORD_, __VA_ARGS__)} + 1)
#define check(...) check_words(WORDS(__VA_ARGS__), __VA_ARGS__)

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
        __typeof__(value) v_ = (value);                                                            \
        add(c, below(c, 2) ? "" : ", it is");                                                      \
        if ((c)->stars == 0) check((c)->format, v_);                                               \
        if ((c)->stars == 1) check((c)->format, (c)->star[0], v_);                                 \
        if ((c)->stars == 2) check((c)->format, (c)->star[0], (c)->star[1], v_);                   \
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

/* Arguments of every type, more and less wide than the conversion says, without and with a sign. */
static void an_argument_is_taken_whatever_its_type(void **state) {
    (void)state;
    struct {
        unsigned narrow : 3;
        int negative : 5;
    } bits = {5, -7};
    enum { RED = 3 } colour = RED;
    volatile short small = -3;
    const float real = 1.25f;
    char array[(size_t)small + 7] __attribute__((unused));
    array[0] = 'x', array[1] = 0;
    bool yes = true;
    unsigned char octets[] = "octets";
    void (*function)(void **) = an_argument_is_taken_whatever_its_type;
    check("%u %d %d %d %d", bits.narrow, bits.negative, colour, small, yes);
    check("%f %.1f %s %s %s", real, 2.5, array, (char *)octets, "literal");
    check("%p %p %p", (void *)state, NULL, (void *)(uintptr_t)function);
    check("%u %x %o %hhu %hu %hhd %hd %c", -1, -2, -3, -4, -5, 300, 70000, 'c' + 512);
    check("%d %ld %lld", 4294967295u, 18446744073709551615ul, 18446744073709551615ull);
    check("%lu %zx %ju", -1l, (ptrdiff_t)-2, (intmax_t)-3);
    check("%d", 7, "one too many", 2.0);
    check("%*.*f|%*d|%.*s", -9, 2, real, 5, 6, -1, "whole");
}

static void make_only_words(const uint64_t *words, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)make_text(format, words, arguments, false);
    va_end(arguments);
}
#define make_only(...) make_only_words(WORDS(__VA_ARGS__), __VA_ARGS__)

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
    static const wchar_t none[] = {0xD800, 0x110000, 0};
    make_only("%ls", none);
    assert_memory_equal(got.bytes, "\xEF\xBF\xBD\xEF\xBF\xBD", 6);
    make_only("%ls", (const wchar_t *)NULL);
    assert_memory_equal(got.bytes, "(null)", 6);
}

/* Of all wide text of a message as much is kept as a message may show, and more than that. */
static void wide_text_is_as_long_as_a_message(void **state) {
    (void)state;
    wchar_t text[WEIR_TEXT_MAX + 1];
    for (size_t i = 0; i < WEIR_TEXT_MAX; i++)
        text[i] = L'\u00E4';
    text[WEIR_TEXT_MAX - 1] = 0;
    make_only("%.4094ls", text);
    assert_int_equal(got.length, 4094);
    make_only("%.2000ls%ls%s", text, text, "after");
    assert_true(got.cut);
    assert_int_equal(got.length, 4095);
    make_only("%.2000ls%lc%ls%lc", text, (wint_t)0x20AC, text, (wint_t)0x20AC);
    assert_true(got.cut);
    assert_memory_equal(got.bytes + 1998, "ä€ä", 7);
}

static int64_t wall_of_1970(void *self) {
    (void)self;
    return 7000;
}

static uint64_t no_ticks(void *self) {
    (void)self;
    return 0;
}

/* A width is the least that holds the value, and a machine may not know what year it is. */
static void a_time_of_1970_is_not_small(void **state) {
    (void)state;
    static uint8_t row[SMALL + 64];
    weir_os os = *weir_os_posix();
    weir_clock clock;
    weir_log_template *t = weir_log_template_make(&(weir_log_shape){.format = ""});
    assert_non_null(t);
    weir_clock_make(&clock, &os);
    assert_non_null(weir_log_encode(row, t, &(weir_log_message){.clock = &clock}, 1, SMALL));
    os.wall = wall_of_1970;
    os.ticks = no_ticks;
    weir_clock_make(&clock, &os);
    assert_null(weir_log_encode(row, t, &(weir_log_message){.clock = &clock}, 1, SMALL));
    free(t);
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
        cmocka_unit_test(an_argument_is_taken_whatever_its_type),
        cmocka_unit_test(text_is_not_read_beyond_its_precision),
        cmocka_unit_test(wide_text_becomes_utf_8),
        cmocka_unit_test(wide_text_is_as_long_as_a_message),
        cmocka_unit_test(a_time_of_1970_is_not_small),
        cmocka_unit_test(what_cannot_wait_is_known),
        cmocka_unit_test(numbers_do_not_depend_on_the_locale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
