/* Values as JSON objects, read back by SQLite's parser. */
#include "support.h"

#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/format/text.h"

static sqlite3 *db;

static int open_parser(void **state) {
    (void)state;
    return sqlite3_open(":memory:", &db) != SQLITE_OK;
}

static int close_parser(void **state) {
    (void)state;
    return sqlite3_close(db) != SQLITE_OK;
}

/* Names as a template has them. */
static uint8_t names[1 << 20];
static size_t names_length;

static void put_name(const void *name, size_t length) {
    uint8_t *at = weir_put_u16(names + names_length, (uint16_t)length);
    names_length = (size_t)(weir_put_bytes(at, name, length) - names);
}

static weir_text_buffer text;

static void make(const weir_value *values) {
    memset(&text, 'z', sizeof text); /* it may hold anything before */
    weir_text_object(&text, weir_cursor_over(names, names_length), values);
    assert_false(text.cut || text.no_memory);
    assert_true(text.length < WEIR_TEXT_MAX);
}

static void assert_is(const char *expected) {
    assert_int_equal(text.length, strlen(expected));
    assert_memory_equal(text.bytes, expected, text.length);
}

/* What SQLite makes of the object by this SQL, whose ?1 it is and ?2 a path. */
static sqlite3_stmt *ask(const char *sql, const char *path) {
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_bind_text(s, 1, text.bytes, (int)text.length, SQLITE_TRANSIENT), 0);
    if (path) assert_int_equal(sqlite3_bind_text(s, 2, path, -1, SQLITE_TRANSIENT), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    return s;
}

static int64_t ask_number(const char *sql) {
    sqlite3_stmt *s = ask(sql, NULL);
    int64_t number = sqlite3_column_int64(s, 0);
    assert_int_equal(sqlite3_finalize(s), SQLITE_OK);
    return number;
}

static void assert_valid(int64_t members) {
    assert_int_equal(ask_number("SELECT json_valid(?1)"), 1);
    assert_int_equal(ask_number("SELECT count(*) FROM json_each(?1)"), members);
}

/* One member of this value. */
static void make_one(weir_value v) {
    names_length = 0;
    put_name("v", 1);
    make(&v);
    assert_valid(1);
}

static sqlite3_stmt *extract(void) { return ask("SELECT json_extract(?1, ?2)", "$.v"); }

static void each_type_is_a_member(void **state) {
    (void)state;
    const weir_value values[] = {weir_int(-7), weir_real(0.5), weir_text("t"),
                                 weir_blob("\0\xFE", 2), weir_null()};
    names_length = 0;
    static const char *const all[] = {"id", "x", "name", "b", "none"};
    for (size_t i = 0; i < 5; i++)
        put_name(all[i], strlen(all[i]));
    make(values);
    assert_is("{\"id\":-7,\"x\":0.5,\"name\":\"t\",\"b\":\"00fe\",\"none\":null}");
    assert_valid(5);
}

static void integers_are_whole(void **state) {
    (void)state;
    static const int64_t numbers[] = {0, -1, 9, 10, INT64_MAX, INT64_MIN, 9007199254740993};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        make_one(weir_int(numbers[i]));
        sqlite3_stmt *s = extract();
        assert_int_equal(sqlite3_column_type(s, 0), SQLITE_INTEGER);
        assert_true(sqlite3_column_int64(s, 0) == numbers[i]);
        assert_int_equal(sqlite3_finalize(s), SQLITE_OK);
    }
}

/* As C reads them: SQLite's own reading of long numbers is not exact. */
static void reals_read_back_as_the_same(void **state) {
    (void)state;
    weir_rng rng = {16};
    static const double some[] = {
        0.1,  1.0 / 3, 5e-324, 2.2250738585072014e-308, -0.0,
        1e22, 1e300,   -2.5,   0.30000000000000004,     123456789012345678.0};
    for (size_t i = 0; i < 2000; i++) {
        double v;
        uint64_t bits = weir_rng_next(&rng);
        memcpy(&v, &bits, sizeof v);
        if (i < sizeof some / sizeof *some) v = some[i];
        if (!isfinite(v)) continue;
        make_one(weir_real(v));
        assert_memory_equal(text.bytes, "{\"v\":", 5);
        char *end;
        double back = strtod(text.bytes + 5, &end);
        assert_memory_equal(&back, &v, sizeof v);
        assert_ptr_equal(end, text.bytes + text.length - 1);
    }
    make_one(weir_real(0.1));
    assert_is("{\"v\":0.1}");
}

static void numbers_that_json_does_not_know_are_null(void **state) {
    (void)state;
    const double none[] = {(double)INFINITY, -(double)INFINITY, (double)NAN, -(double)NAN};
    for (size_t i = 0; i < 4; i++) {
        make_one(weir_real(none[i]));
        assert_is("{\"v\":null}");
    }
}

static void text_reads_back(void **state) {
    (void)state;
    char every[0x80 - 1];
    for (size_t i = 0; i < sizeof every; i++)
        every[i] = (char)(i + 1); /* SQLite ends a text that it extracts at its first zero */
    const weir_value texts[] = {
        weir_text(""),
        weir_text("a \"quoted\" \\ one"),
        weir_text_n(every, sizeof every),
        weir_text("\xC2\x80 \xDF\xBF \xE0\xA0\x80 \xED\x9F\xBF \xEE\x80\x80 \xEF\xBF\xBF"),
        weir_text("\xF0\x90\x80\x80 \xF4\x8F\xBF\xBF"),
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        make_one(texts[i]);
        sqlite3_stmt *s = extract();
        assert_int_equal(sqlite3_column_bytes(s, 0), texts[i].length);
        if (texts[i].length)
            assert_memory_equal(sqlite3_column_text(s, 0), texts[i].as.bytes, texts[i].length);
        assert_int_equal(sqlite3_finalize(s), SQLITE_OK);
    }
    make_one(weir_text_n("\0\n\x1F\x7F", 4));
    assert_is("{\"v\":\"\\u0000\\u000a\\u001f\x7F\"}");
}

/* Overlong, surrogates, beyond U+10FFFF, cut, continuing nothing: a mark for each such byte. */
static void bytes_that_are_no_characters_are_marked(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        unsigned marks;
    } cases[] = {
        {"\x80", 1},         {"\xBF\xBF", 2},
        {"\xC0\x80", 2},     {"\xC1\xBF", 2},
        {"\xC2", 1},         {"\xE0\x9F\xBF", 3},
        {"\xE0\xA0", 2},     {"\xED\xA0\x80", 3},
        {"\xED\xBF\xBF", 3}, {"\xF0\x8F\xBF\xBF", 4},
        {"\xF0\x90\x80", 3}, {"\xF4\x90\x80\x80", 4},
        {"\xF5\x80", 2},     {"\xFE", 1},
        {"\xFF\xFF", 2},     {"\xE2\x28\xA1", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        make_one(weir_text(cases[i].bytes));
        unsigned marks = 0;
        for (size_t at = 0; at + 3 <= text.length; at++)
            marks += memcmp(text.bytes + at, "\xEF\xBF\xBD", 3) == 0;
        assert_int_equal(marks, cases[i].marks);
    }
    make_one(weir_text("a\xFF"
                       "b\xC3\xA9"));
    assert_is("{\"v\":\"a\xEF\xBF\xBD"
              "b\xC3\xA9\"}");
}

static void names_are_strings_too(void **state) {
    (void)state;
    names_length = 0;
    put_name("a\"b\\\n", 5);
    put_name("\xFF", 1);
    put_name("a\"b\\\n", 5); /* twice is nobody's fault */
    make((const weir_value[]){weir_int(1), weir_int(2), weir_int(3)});
    assert_is("{\"a\\\"b\\\\\\u000a\":1,\"\xEF\xBF\xBD\":2,\"a\\\"b\\\\\\u000a\":3}");
    assert_valid(3);
}

/* A text of so many bytes, in an object that has one member before it and one after it. */
static void make_long(size_t length, bool more) {
    static char filler[2 * WEIR_TEXT_MAX];
    memset(filler, 'x', sizeof filler);
    names_length = 0;
    put_name("a", 1);
    put_name("b", 1);
    if (more) put_name("c", 1);
    make((const weir_value[]){weir_int(1), weir_text_n(filler, length), weir_int(2)});
}

static void what_does_not_fit_is_left_out(void **state) {
    (void)state;
    enum { AROUND = sizeof "{\"a\":1,\"b\":\"\"}" - 1, FITS = 4095 - AROUND };
    make_long(FITS, false);
    assert_int_equal(text.length, 4095);
    assert_valid(2);
    make_long(FITS + 1, false);
    assert_is("{\"a\":1,\"…\":true}");
    assert_valid(2);
    /* With a third member, the second stays as long as the mark has room behind it. */
    enum { MARK = sizeof ",\"…\":true" - 1, THIRD = sizeof ",\"c\":2" - 1 };
    make_long(FITS - THIRD, true);
    assert_int_equal(text.length, 4095);
    assert_valid(3);
    make_long(FITS - THIRD + 1, true);
    assert_is("{\"a\":1,\"…\":true}");
    make_long(FITS - MARK, true);
    assert_valid(3);
    assert_int_equal(ask_number("SELECT json_extract(?1, '$.c')"), 2);
}

/* Members as long as the mark, or shorter, must not hide that it has to fit. */
static void the_last_that_leaves_room_stays(void **state) {
    (void)state;
    enum { MARK = sizeof ",\"…\":true" - 1 };
    static char filler[WEIR_TEXT_MAX];
    memset(filler, 'x', sizeof filler);
    for (size_t extra = 0; extra < 2; extra++) {
        size_t length = 4095 - MARK - (sizeof "{\"b\":\"\"}" - 1) + extra;
        names_length = 0;
        put_name("b", 1);
        put_name("long", 4);
        make((const weir_value[]){weir_text_n(filler, length), weir_text("more than there is")});
        assert_int_equal(text.length, extra ? sizeof "{\"…\":true}" - 1 : 4095);
        assert_valid(extra ? 1 : 2);
    }
    make_long(sizeof filler, false);
    names_length = 0;
    put_name("first", 5);
    make((const weir_value[]){weir_blob(filler, sizeof filler)});
    assert_is("{\"…\":true}");
    assert_valid(1);
}

/* Member by member: what comes after one that did not fit is left out too. */
static void nothing_follows_what_did_not_fit(void **state) {
    (void)state;
    static char long_text[WEIR_TEXT_MAX];
    memset(long_text, 'x', sizeof long_text);
    weir_object o;
    const weir_value one = weir_int(1), large = weir_text_n(long_text, sizeof long_text);
    weir_object_begin(&o, &text);
    assert_true(weir_object_add(&o, "a", 1, &one));
    assert_false(weir_object_add(&o, "b", 1, &large));
    assert_false(weir_object_add(&o, "c", 1, &one));
    weir_object_end(&o);
    assert_is("{\"a\":1,\"…\":true}");
}

static void any_values_make_an_object(void **state) {
    (void)state;
    weir_rng rng = {17};
    static uint8_t bytes[6000];
    for (unsigned round = 0; round < 2000; round++) {
        unsigned members = 1 + (unsigned)weir_rng_below(&rng, 6);
        weir_value values[6];
        names_length = 0;
        weir_rng_fill(&rng, bytes, sizeof bytes);
        for (unsigned i = 0; i < members; i++) {
            size_t length = (size_t)weir_rng_below(&rng, round % 10 ? 40 : 2000);
            const weir_value any[] = {weir_int((int64_t)weir_rng_next(&rng)),
                                      weir_text_n((const char *)bytes + 100 * i, length),
                                      weir_blob(bytes + 100 * i, length), weir_null()};
            values[i] = any[weir_rng_below(&rng, 4)];
            char name[8];
            put_name(name, (size_t)snprintf(name, sizeof name, "n%u", i));
        }
        make(values);
        assert_int_equal(ask_number("SELECT json_valid(?1)"), 1);
        if (round % 10) assert_valid(members);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_type_is_a_member),
        cmocka_unit_test(integers_are_whole),
        cmocka_unit_test(reals_read_back_as_the_same),
        cmocka_unit_test(numbers_that_json_does_not_know_are_null),
        cmocka_unit_test(text_reads_back),
        cmocka_unit_test(bytes_that_are_no_characters_are_marked),
        cmocka_unit_test(names_are_strings_too),
        cmocka_unit_test(what_does_not_fit_is_left_out),
        cmocka_unit_test(the_last_that_leaves_room_stays),
        cmocka_unit_test(nothing_follows_what_did_not_fit),
        cmocka_unit_test(any_values_make_an_object),
    };
    return cmocka_run_group_tests(tests, open_parser, close_parser);
}
