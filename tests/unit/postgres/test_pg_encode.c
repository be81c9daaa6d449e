/* test_pg_encode.c - every kind of value for every kind of column, as COPY TEXT, COPY BINARY and an SQL
 * list have it; without a server. What a server makes of it is tests/postgres/test_types.c.
 *
 * Covers: postgres/convert.c, postgres/decimal.c, postgres/encode.c */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/format/row_encode.h"
#include "postgres/decimal.h"
#include "postgres/encode.h"

enum { I2, I4, I8, F4, F8, B, T, BY, O, KINDS };

static const uint8_t all_kinds[KINDS] = {WEIR_PG_INT2,   WEIR_PG_INT4,   WEIR_PG_INT8,
                                         WEIR_PG_FLOAT4, WEIR_PG_FLOAT8, WEIR_PG_BOOL,
                                         WEIR_PG_TEXT,   WEIR_PG_BYTEA,  WEIR_PG_OTHER};

/* Encode one row into out, which has room for it; returns the status. */
static int encode(const weir_pg_shape *s, const weir_value *values, size_t count, uint64_t number,
                  uint8_t *out, size_t *length, weir_pg_refusal *why) {
    int status;
    size_t bytes = weir_row_size(values, count, &status);
    uint8_t *row = malloc(bytes + WEIR_ROW_SLACK), *room = malloc(weir_pg_row_room(s, bytes));
    assert_non_null(row);
    assert_non_null(room); /* its bounds are what a sanitizer watches */
    (void)weir_row_encode(row, 1, values, count);
    uint8_t *at = room;
    status = weir_pg_encode_row(s, row, bytes, number, &at, why);
    *length = (size_t)(at - room);
    assert_true(status == WEIR_OK || !*length);
    memcpy(out, room, *length);
    free(row);
    free(room);
    return status;
}

/* What a column of this kind gets of the value in a line of COPY TEXT; "!" and a code: it is refused. */
static const char *in_line(uint8_t kind, weir_value v) {
    static char text[4096];
    weir_pg_shape s = {.format = WEIR_PG_LINES, .columns = 1, .kind = &kind};
    weir_pg_refusal why = {0};
    size_t length;
    if (encode(&s, &v, 1, 0, (uint8_t *)text, &length, &why) != WEIR_OK) {
        assert_int_equal(why.column, 0);
        assert_non_null(why.reason);
        (void)snprintf(text, sizeof text, "!%s", why.reason->sqlstate);
        return text;
    }
    assert_true(length && text[length - 1] == '\n');
    text[length - 1] = '\0';
    return text;
}

typedef struct expected {
    weir_value value;
    const char *is[KINDS];
} expected;

/* Of floating point, the number counts and not how it is spelled. */
static bool is_same(int kind, const char *got, const char *want) {
    if (!strcmp(got, want)) return true;
    if (got[0] == '!' || want[0] == '!') return false;
    if (kind == F4) return strtof(got, NULL) == strtof(want, NULL);
    return kind == F8 && strtod(got, NULL) == strtod(want, NULL) && strtod(got, NULL) != 0;
}

static void assert_all(const expected *e, size_t count) {
    for (size_t i = 0; i < count; i++)
        for (int k = 0; k < KINDS; k++) {
            const char *got = in_line(all_kinds[k], e[i].value);
            if (!is_same(k, got, e[i].is[k]))
                fail_msg("value %zu, kind %d: %s, and not %s", i, k, got, e[i].is[k]);
        }
}

#define OUT "!22003"
#define NOT "!22000"
#define NAN_ "!22P02"
#define BAD "!22021"

static void test_null_is_null_everywhere(void **state) {
    (void)state;
    for (int k = 0; k < KINDS; k++)
        assert_string_equal(in_line(all_kinds[k], weir_null()), "\\N");
}

static void test_integers(void **state) {
    (void)state;
    const expected e[] = {
        {weir_int(0), {"0", "0", "0", "0", "0", "0", "0", NOT, "0"}},
        {weir_int(1), {"1", "1", "1", "1", "1", "1", "1", NOT, "1"}},
        {weir_int(-7), {"-7", "-7", "-7", "-7", "-7", NAN_, "-7", NOT, "-7"}},
        {weir_int(32768), {OUT, "32768", "32768", "32768", "32768", NAN_, "32768", NOT, "32768"}},
        {weir_int(-32768),
         {"-32768", "-32768", "-32768", "-32768", "-32768", NAN_, "-32768", NOT, "-32768"}},
        {weir_int(2147483648),
         {OUT, OUT, "2147483648", "2147483648", "2147483648", NAN_, "2147483648", NOT,
          "2147483648"}},
        {weir_int(16777217),
         {OUT, "16777217", "16777217", OUT, "16777217", NAN_, "16777217", NOT, "16777217"}},
        {weir_int(9007199254740993),
         {OUT, OUT, "9007199254740993", OUT, OUT, NAN_, "9007199254740993", NOT,
          "9007199254740993"}},
        {weir_int(INT64_MAX),
         {OUT, OUT, "9223372036854775807", OUT, OUT, NAN_, "9223372036854775807", NOT,
          "9223372036854775807"}},
        {weir_int(INT64_MIN),
         {OUT, OUT, "-9223372036854775808", "-9223372036854775808", "-9223372036854775808", NAN_,
          "-9223372036854775808", NOT, "-9223372036854775808"}},
    };
    assert_all(e, sizeof e / sizeof *e);
}

static void test_reals(void **state) {
    (void)state;
    const expected e[] = {
        {weir_real(5.0), {"5", "5", "5", "5", "5", NAN_, "5.0", NOT, "5"}},
        {weir_real(1.0), {"1", "1", "1", "1", "1", "1", "1.0", NOT, "1"}},
        {weir_real(-0.0), {"0", "0", "0", "-0", "-0", "0", "-0.0", NOT, "-0"}},
        {weir_real(0.5), {NOT, NOT, NOT, "0.5", "0.5", NAN_, "0.5", NOT, "0.5"}},
        {weir_real(40000.0),
         {OUT, "40000", "40000", "40000", "40000", NAN_, "40000.0", NOT, "40000"}},
        {weir_real(1e20),
         {OUT, OUT, OUT, "1.00000002004088e+20", "1e+20", NAN_, "1.0e+20", NOT, "1e+20"}},
        {weir_real(1e300), {OUT, OUT, OUT, OUT, "1e+300", NAN_, "1.0e+300", NOT, "1e+300"}},
        {weir_real(1e-300), {NOT, NOT, NOT, OUT, "1e-300", NAN_, "1.0e-300", NOT, "1e-300"}},
        {weir_real(0.1), {NOT, NOT, NOT, "0.100000001490116", "0.1", NAN_, "0.1", NOT, "0.1"}},
        {weir_real(INFINITY),
         {NOT, NOT, NOT, "Infinity", "Infinity", NAN_, "Infinity", NOT, "Infinity"}},
        {weir_real(-INFINITY),
         {NOT, NOT, NOT, "-Infinity", "-Infinity", NAN_, "-Infinity", NOT, "-Infinity"}},
        {weir_real(NAN), {NOT, NOT, NOT, "NaN", "NaN", NAN_, "NaN", NOT, "NaN"}},
        {weir_real(9223372036854775808.0),
         {OUT, OUT, OUT, "9.223372036854776e+18", "9.223372036854776e+18", NAN_,
          "9.223372036854776e+18", NOT, "9.223372036854776e+18"}},
    };
    assert_all(e, sizeof e / sizeof *e);
    assert_string_equal(in_line(WEIR_PG_FLOAT8, weir_real(-0.0)), "-0");
    assert_string_equal(in_line(WEIR_PG_INT8, weir_real(-9223372036854775808.0)),
                        "-9223372036854775808");
    assert_string_equal(in_line(WEIR_PG_TEXT, weir_real(0.1 + 0.2)), "0.30000000000000004");
}

static void test_texts(void **state) {
    (void)state;
    const expected e[] = {
        {weir_text("12"), {"12", "12", "12", "12", "12", NAN_, "12", "\\\\x3132", "12"}},
        {weir_text(" 12.0\t"),
         {"12", "12", "12", "12", "12", NAN_, " 12.0\\t", "\\\\x2031322e3009", " 12.0\\t"}},
        {weir_text("-1.5e1"),
         {"-15", "-15", "-15", "-15", "-15", NAN_, "-1.5e1", "\\\\x2d312e356531", "-1.5e1"}},
        {weir_text("1.5"), {NOT, NOT, NOT, "1.5", "1.5", NAN_, "1.5", "\\\\x312e35", "1.5"}},
        {weir_text("65536"),
         {OUT, "65536", "65536", "65536", "65536", NAN_, "65536", "\\\\x3635353336", "65536"}},
        {weir_text("1e99"), {OUT, OUT, OUT, OUT, "1e+99", NAN_, "1e99", "\\\\x31653939", "1e99"}},
        {weir_text("1e999"), {OUT, OUT, OUT, OUT, OUT, NAN_, "1e999", "\\\\x3165393939", "1e999"}},
        {weir_text(""), {NAN_, NAN_, NAN_, NAN_, NAN_, NAN_, "", "\\\\x", ""}},
        {weir_text("12 monkeys"),
         {NAN_, NAN_, NAN_, NAN_, NAN_, NAN_, "12 monkeys", "\\\\x3132206d6f6e6b657973",
          "12 monkeys"}},
        {weir_text("0x10"), {NAN_, NAN_, NAN_, NAN_, NAN_, NAN_, "0x10", "\\\\x30783130", "0x10"}},
        {weir_text("inf"), {NAN_, NAN_, NAN_, NAN_, NAN_, NAN_, "inf", "\\\\x696e66", "inf"}},
        {weir_text("yes"), {NAN_, NAN_, NAN_, NAN_, NAN_, "1", "yes", "\\\\x796573", "yes"}},
        {weir_text("f"), {NAN_, NAN_, NAN_, NAN_, NAN_, "0", "f", "\\\\x66", "f"}},
        {weir_text("0"), {"0", "0", "0", "0", "0", "0", "0", "\\\\x30", "0"}},
        {weir_text("a\\b\nc\rd\te"),
         {NAN_, NAN_, NAN_, NAN_, NAN_, NAN_, "a\\\\b\\nc\\rd\\te", "\\\\x615c620a630d640965",
          "a\\\\b\\nc\\rd\\te"}},
        {weir_text("\\N"), {NAN_, NAN_, NAN_, NAN_, NAN_, NAN_, "\\\\N", "\\\\x5c4e", "\\\\N"}},
        {weir_text("\\."), {NAN_, NAN_, NAN_, NAN_, NAN_, NAN_, "\\\\.", "\\\\x5c2e", "\\\\."}},
        {weir_text("Größe"),
         {NAN_, NAN_, NAN_, NAN_, NAN_, NAN_, "Größe", "\\\\x4772c3b6c39f65", "Größe"}},
        {weir_text("12345678\xff"),
         {NAN_, NAN_, NAN_, NAN_, NAN_, NAN_, BAD, "\\\\x3132333435363738ff", BAD}},
        {weir_text_n("1\0", 2), {NAN_, NAN_, NAN_, NAN_, NAN_, NAN_, BAD, "\\\\x3100", BAD}},
        {weir_text("\xed\xa0\x80"), {NAN_, NAN_, NAN_, NAN_, NAN_, NAN_, BAD, "\\\\xeda080", BAD}},
    };
    assert_all(e, sizeof e / sizeof *e);
}

static void test_blobs_are_bytes_only(void **state) {
    (void)state;
    const expected e[] = {
        {weir_blob("\0\xff", 2), {NOT, NOT, NOT, NOT, NOT, NOT, NOT, "\\\\x00ff", NOT}},
        {weir_blob("", 0), {NOT, NOT, NOT, NOT, NOT, NOT, NOT, "\\\\x", NOT}},
    };
    assert_all(e, 2);
}

/* Digits that a double would round are not rounded. */
static void test_long_numbers_are_exact(void **state) {
    (void)state;
    static char zeros[2000];
    memset(zeros, '0', sizeof zeros - 1);
    assert_string_equal(in_line(WEIR_PG_INT8, weir_text("9007199254740993.000")),
                        "9007199254740993");
    assert_string_equal(in_line(WEIR_PG_INT8, weir_text("9223372036854775807")),
                        "9223372036854775807");
    assert_string_equal(in_line(WEIR_PG_INT8, weir_text("9223372036854775808")), OUT);
    assert_string_equal(in_line(WEIR_PG_INT8, weir_text("-9223372036854775808")),
                        "-9223372036854775808");
    assert_string_equal(in_line(WEIR_PG_INT8, weir_text("-9223372036854775809")), OUT);
    assert_string_equal(in_line(WEIR_PG_INT8, weir_text("9007199254740992.0000000001")), NOT);
    assert_string_equal(in_line(WEIR_PG_INT8, weir_text("123e-2")), NOT);
    assert_string_equal(in_line(WEIR_PG_INT8, weir_text("12300e-2")), "123");
    assert_string_equal(in_line(WEIR_PG_INT8, weir_text("0e99999999999999999999")), "0");
    assert_string_equal(in_line(WEIR_PG_INT8, weir_text("1e99999999999999999999")), OUT);
    assert_string_equal(in_line(WEIR_PG_INT8, weir_text("1e-99999999999999999999")), NOT);
    assert_string_equal(in_line(WEIR_PG_FLOAT8, weir_text("1e-999")), OUT);
    assert_string_equal(in_line(WEIR_PG_FLOAT8, weir_text("0e-999")), "0");
    assert_string_equal(in_line(WEIR_PG_INT8, weir_text(zeros)), "0");
    assert_string_equal(in_line(WEIR_PG_FLOAT8, weir_text(zeros)), OUT);
    static const char *const none[] = {".",     "+",   "1e",  "1e+",   "e1",
                                       "1.2.3", "--1", "1 2", "1e1.5", " "};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_string_equal(in_line(WEIR_PG_INT8, weir_text(none[i])), NAN_);
    assert_string_equal(in_line(WEIR_PG_INT8, weir_text("1.")), "1");
    assert_string_equal(in_line(WEIR_PG_FLOAT8, weir_text(".5")), "0.5");
}

/* ---- whole rows ---- */

static void test_binary(void **state) {
    (void)state;
    const uint8_t kinds[] = {WEIR_PG_INT2,   WEIR_PG_INT4,   WEIR_PG_INT8,
                             WEIR_PG_FLOAT4, WEIR_PG_FLOAT8, WEIR_PG_BOOL,
                             WEIR_PG_TEXT,   WEIR_PG_BYTEA,  WEIR_PG_INT8};
    const weir_value values[] = {weir_int(-2),   weir_int(258),        weir_int(INT64_MIN),
                                 weir_real(1),   weir_real(-0.0),      weir_int(1),
                                 weir_text("é"), weir_blob("\0\\", 2), weir_null()};
    static const uint8_t want[] = {
        0,    10,                                 /* fields */
        0,    0,    0,    2,    0xFF, 0xFE,       /* int2 */
        0,    0,    0,    4,    0,    0,    1, 2, /* int4 */
        0,    0,    0,    8,    0x80, 0,    0, 0,
        0,    0,    0,    0,                      /* int8 */
        0,    0,    0,    4,    0x3F, 0x80, 0, 0, /* float4 */
        0,    0,    0,    8,    0x80, 0,    0, 0,
        0,    0,    0,    0,                /* float8: the sign of zero is kept */
        0,    0,    0,    1,    1,          /* bool */
        0,    0,    0,    2,    0xC3, 0xA9, /* text */
        0,    0,    0,    2,    0,    0x5C, /* bytea */
        0xFF, 0xFF, 0xFF, 0xFF,             /* NULL */
        0,    0,    0,    8,    0,    0,    0, 0,
        0,    0,    0x30, 0x39 /* the row's number */
    };
    weir_pg_shape s = {WEIR_PG_BINARY, 9, true, kinds};
    weir_pg_refusal why;
    uint8_t out[512];
    size_t length;
    assert_int_equal(encode(&s, values, 9, 12345, out, &length, &why), WEIR_OK);
    assert_int_equal(length, sizeof want);
    assert_memory_equal(out, want, sizeof want);
    assert_memory_equal(weir_pg_binary_head, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
}

static void test_lines_and_lists(void **state) {
    (void)state;
    const uint8_t kinds[] = {WEIR_PG_INT8, WEIR_PG_TEXT, WEIR_PG_BYTEA, WEIR_PG_FLOAT8};
    const weir_value values[] = {weir_int(7), weir_text("it's a \\ and\na line"),
                                 weir_blob("\x01\xAB", 2), weir_real(NAN)};
    weir_pg_shape s = {WEIR_PG_LINES, 4, false, kinds};
    weir_pg_refusal why;
    char out[512];
    size_t length;
    assert_int_equal(encode(&s, values, 4, 3, (uint8_t *)out, &length, &why), WEIR_OK);
    out[length] = '\0';
    assert_string_equal(out, "7\tit's a \\\\ and\\na line\t\\\\x01ab\tNaN\n");
    s.format = WEIR_PG_LISTS;
    s.numbered = true;
    assert_int_equal(encode(&s, values, 4, 3, (uint8_t *)out, &length, &why), WEIR_OK);
    out[length] = '\0';
    assert_string_equal(out, ",(E'7',E'it''s a \\\\ and\na line',E'\\\\x01ab',E'NaN',E'3')");
}

static void test_missing_values_are_null(void **state) {
    (void)state;
    const uint8_t kinds[] = {WEIR_PG_INT8, WEIR_PG_TEXT, WEIR_PG_OTHER};
    const weir_value one = weir_int(7);
    weir_pg_shape s = {WEIR_PG_LINES, 3, false, kinds};
    weir_pg_refusal why;
    char out[512];
    size_t length;
    assert_int_equal(encode(&s, &one, 1, 1, (uint8_t *)out, &length, &why), WEIR_OK);
    out[length] = '\0';
    assert_string_equal(out, "7\t\\N\t\\N\n");
}

static void test_the_first_refused_column_is_named(void **state) {
    (void)state;
    const uint8_t kinds[] = {WEIR_PG_TEXT, WEIR_PG_INT2, WEIR_PG_BYTEA};
    const weir_value values[] = {weir_text("x"), weir_int(99999), weir_int(1)};
    weir_pg_shape s = {WEIR_PG_BINARY, 3, false, kinds};
    weir_pg_refusal why;
    uint8_t out[512];
    size_t length;
    assert_int_equal(encode(&s, values, 3, 1, out, &length, &why), WEIR_REJECTED);
    assert_int_equal(why.column, 1);
    assert_string_equal(why.reason->sqlstate, "22003");
}

/* Whether bytes are a row does not depend on what the columns take. */
static void test_bytes_that_are_no_row(void **state) {
    (void)state;
    const uint8_t kinds[] = {WEIR_PG_INT2, WEIR_PG_INT2};
    weir_pg_shape s = {WEIR_PG_BINARY, 2, false, kinds};
    static const struct {
        uint8_t bytes[16];
        size_t length;
    } bad[] = {
        {{0}, 0},
        {{1, 0, 1}, 3},
        {{1, 0, 0, 0}, 4},                        /* no columns */
        {{1, 0, 3, 0, 0, 0, 0}, 7},               /* more than declared */
        {{1, 0, 1, 0, 0x11}, 5},                  /* no value */
        {{1, 0, 1, 0, 0x19, 1, 1, 1, 1}, 9},      /* no such width */
        {{1, 0, 1, 0, 0x11, 1, 9}, 7},            /* too much */
        {{1, 0, 2, 0, 0x41, 0x31, 0, 5, 'x'}, 9}, /* a text longer than the row, behind a refusal */
        {{1, 0, 1, 0, 0x50, 1}, 6},               /* no such type */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint8_t room[1024], *at = room, *row = malloc(bad[i].length ? bad[i].length : 1);
        weir_pg_refusal why;
        assert_non_null(row);
        memcpy(row, bad[i].bytes, bad[i].length);
        assert_int_equal(weir_pg_encode_row(&s, row, bad[i].length, 1, &at, &why), WEIR_DAMAGED);
        free(row);
    }
}

/* Clean are just those bytes that are UTF-8 without zeros, wherever in a word they stand. */
static void test_clean_length(void **state) {
    (void)state;
    static const char *const bad[] = {"\xff", "\xc3", "\xc0\x80", "\xf5\x80\x80\x80", "\x80"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        for (size_t before = 0; before < 20; before++) {
            char text[64] = {0};
            memset(text, 'a', before);
            memcpy(text + before, bad[i], strlen(bad[i]));
            assert_int_equal(weir_pg_clean_length((const uint8_t *)text, before + strlen(bad[i])),
                             before);
        }
    for (size_t at = 0; at < 40; at++) {
        uint8_t text[40];
        memset(text, 1, sizeof text);
        assert_int_equal(weir_pg_clean_length(text, sizeof text), sizeof text);
        text[at] = 0;
        assert_int_equal(weir_pg_clean_length(text, sizeof text), at);
    }
    const char *good = "aé€😀\x7f";
    assert_int_equal(weir_pg_clean_length((const uint8_t *)good, strlen(good)), strlen(good));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_null_is_null_everywhere),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_reals),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_blobs_are_bytes_only),
        cmocka_unit_test(test_long_numbers_are_exact),
        cmocka_unit_test(test_binary),
        cmocka_unit_test(test_lines_and_lists),
        cmocka_unit_test(test_missing_values_are_null),
        cmocka_unit_test(test_the_first_refused_column_is_named),
        cmocka_unit_test(test_bytes_that_are_no_row),
        cmocka_unit_test(test_clean_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
