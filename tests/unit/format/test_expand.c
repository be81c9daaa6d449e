/* Rows of templates become rows of tables, in the midst of others. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/format/block.h"
#include "lib/format/expand.h"
#include "lib/format/row_encode.h"
#include "scarce.h"

/* In place of libc's, which has no memory for so many digits where its stack is small. */
static bool printing_fails;
int snprintf(char *text, size_t size, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = printing_fails ? -1 : vsnprintf(text, size, format, arguments);
    va_end(arguments);
    return length;
}

enum { MESSAGE = 5000, WIDE = 5001, MANY = 5002, SEVERAL = 5003, TABLE = 7, BODY = 4 << 20 };

static uint8_t body[BODY];
static size_t used;
static weir_templates all;
static weir_expander *x;

static void keep(const weir_source *sources, uint16_t columns, uint16_t number,
                 uint16_t parameters) {
    size_t room = weir_template_encode(NULL, number, parameters, TABLE, sources, columns);
    uint8_t *bytes = malloc(room);
    weir_template *t;
    assert_non_null(bytes);
    weir_cursor c = weir_cursor_over(
        bytes, weir_template_encode(bytes, number, parameters, TABLE, sources, columns));
    assert_int_equal(weir_template_decode(&c, &t), WEIR_OK);
    free(bytes);
    assert_int_equal(weir_templates_keep(&all, t), WEIR_OK);
}

/* One source of each kind; a column that is a text of 4095 bytes, forty times; a parameter, 2,000
 * times. */
static int set_up(void **state) {
    (void)state;
    static const weir_source message[] = {
        {.kind = WEIR_SOURCE_PARAMETER, .first = 1},
        {.kind = WEIR_SOURCE_CONSTANT, .constant = {{.bytes = "WARN"}, 4, WEIR_TEXT}},
        {.kind = WEIR_SOURCE_FORMAT, .first = 1, .bytes = "%d of %s", .length = 8},
        {.kind = WEIR_SOURCE_OBJECT, .first = 0, .count = 2, .bytes = "\1\0a\1\0b", .length = 6},
    };
    static weir_source wide[40], many[WEIR_COLUMNS_MAX];
    for (size_t i = 0; i < 40; i++)
        wide[i] = (weir_source){.kind = WEIR_SOURCE_FORMAT, .bytes = "%4095d", .length = 6};
    for (size_t i = 0; i < WEIR_COLUMNS_MAX; i++)
        many[i] = (weir_source){.kind = WEIR_SOURCE_PARAMETER};
    keep(message, 4, MESSAGE, 3);
    keep(wide, 40, WIDE, 1);
    keep(many, WEIR_COLUMNS_MAX, MANY, 1);
    used = 0;
    return weir_expander_make(&all, &x);
}

static int tear_down(void **state) {
    (void)state;
    weir_expander_free(x);
    weir_templates_free(&all);
    return 0;
}

/* ---- rows that go in ---- */

static void put(uint16_t table, const weir_value *values, size_t count) {
    int status = WEIR_OK;
    size_t bytes = weir_row_size(values, count, &status);
    assert_int_equal(status, WEIR_OK);
    assert_true(used + 4 + bytes + WEIR_ROW_SLACK <= BODY);
    (void)weir_row_encode(weir_put_u32(body + used, (uint32_t)bytes), table, values, count);
    used += 4 + bytes;
}
#define PUT(table, ...)                                                                            \
    put(table, (const weir_value[]){__VA_ARGS__},                                                  \
        sizeof((const weir_value[]){__VA_ARGS__}) / sizeof(weir_value))

static weir_cursor the_body(void) { return weir_cursor_over(body, used); }

/* ---- rows that come out ---- */

static weir_value values[WEIR_COLUMNS_MAX];
static uint16_t columns;

static uint16_t take_row(weir_cursor *rows) {
    const uint8_t *row;
    size_t bytes;
    uint16_t table;
    assert_int_equal(weir_payload_next_row(rows, &row, &bytes), 1);
    assert_true(weir_row_decode(row, bytes, &table, &columns, values));
    return table;
}

static void assert_text(const weir_value *v, const char *text) {
    assert_int_equal(v->type, WEIR_TEXT);
    assert_int_equal(v->length, strlen(text));
    assert_memory_equal(v->as.bytes, text, v->length);
}

static int take(weir_cursor *from, uint64_t most, uint32_t *rows, weir_cursor *out) {
    int status = weir_expander_take(x, from, most, rows, out);
    if (status != WEIR_OK) assert_int_equal(*rows, 0);
    return status;
}

/* ---- tests ---- */

static void each_column_has_its_own_format(void **state) {
    (void)state;
    static const weir_source sources[] = {
        {.kind = WEIR_SOURCE_FORMAT, .first = 0, .bytes = "%d of %s", .length = 8},
        {.kind = WEIR_SOURCE_OBJECT, .first = 2, .count = 1, .bytes = "\1\0a", .length = 3},
        {.kind = WEIR_SOURCE_FORMAT, .bytes = "", .length = 0},
        {.kind = WEIR_SOURCE_FORMAT, .first = 1, .bytes = "<%s> 100%% %+d", .length = 14},
    };
    uint32_t rows;
    weir_cursor from, out;
    keep(sources, 4, SEVERAL, 3);
    PUT(SEVERAL, weir_int(3), weir_text("four"), weir_int(5));
    PUT(SEVERAL, weir_int(6), weir_text("seven"), weir_int(8));
    from = the_body();
    assert_int_equal(take(&from, UINT64_MAX, &rows, &out), WEIR_OK);
    assert_int_equal(rows, 2);
    assert_int_equal(take_row(&out), TABLE);
    assert_text(&values[0], "3 of four");
    assert_text(&values[1], "{\"a\":5}");
    assert_text(&values[2], "");
    assert_text(&values[3], "<four> 100% +5");
    assert_int_equal(take_row(&out), TABLE);
    assert_text(&values[0], "6 of seven");
    assert_text(&values[3], "<seven> 100% +8");
}

static void rows_of_both_kinds_keep_their_order(void **state) {
    (void)state;
    uint32_t rows;
    weir_cursor from, out;
    PUT(TABLE, weir_int(1), weir_null());
    PUT(MESSAGE, weir_real(0.5), weir_int(3), weir_text("four"));
    PUT(TABLE, weir_int(2));
    from = the_body();
    assert_true(weir_has_template_rows(from));
    assert_int_equal(take(&from, UINT64_MAX, &rows, &out), WEIR_OK);
    assert_int_equal(rows, 3);
    assert_int_equal(weir_cursor_left(&from), 0);
    assert_int_equal(take_row(&out), TABLE);
    assert_int_equal(columns, 2);
    assert_int_equal(take_row(&out), TABLE);
    assert_int_equal(columns, 4);
    assert_int_equal(values[0].as.integer, 3);
    assert_text(&values[1], "WARN");
    assert_text(&values[2], "3 of four");
    assert_text(&values[3], "{\"a\":0.5,\"b\":3}");
    assert_int_equal(take_row(&out), TABLE);
    assert_int_equal(values[0].as.integer, 2);
    assert_int_equal(weir_cursor_left(&out), 0);
    assert_int_equal(take(&from, 1, &rows, &out), WEIR_OK); /* the end */
    assert_int_equal(rows, 0);
}

/* Also a row of a table that is not valid: whoever applies it says so. */
static void rows_of_tables_are_what_they_were(void **state) {
    (void)state;
    static const uint8_t odd[] = {1, 0, 0, 0, 0xAA, 5, 0, 0, 0, 7, 0, 9, 0, 0x11};
    uint32_t rows;
    weir_cursor from = weir_cursor_over(odd, sizeof odd), out;
    assert_false(weir_has_template_rows(from));
    assert_int_equal(take(&from, 9, &rows, &out), WEIR_OK);
    assert_int_equal(rows, 2);
    assert_int_equal(weir_cursor_left(&out), sizeof odd);
    assert_memory_equal(out.at, odd, sizeof odd);
}

static void no_more_are_taken_than_are_wanted(void **state) {
    (void)state;
    uint32_t rows;
    weir_cursor from, out;
    for (int i = 0; i < 5; i++)
        PUT(MESSAGE, weir_null(), weir_int(i), weir_text("5"));
    from = the_body();
    for (int i = 0; i < 4; i += 2) {
        assert_int_equal(take(&from, 2, &rows, &out), WEIR_OK);
        assert_int_equal(rows, 2);
        (void)take_row(&out);
        assert_int_equal(values[0].as.integer, i);
    }
    assert_int_equal(take(&from, 0, &rows, &out), WEIR_OK);
    assert_int_equal(rows, 0);
    assert_int_equal(take(&from, 2, &rows, &out), WEIR_OK);
    assert_int_equal(rows, 1);
}

/* Each of these rows becomes more than 160 KB. */
static void much_is_made_in_parts(void **state) {
    (void)state;
    enum { ROWS = 60 };
    uint32_t rows, taken = 0, parts = 0;
    weir_cursor from, out;
    for (int i = 0; i < ROWS; i++)
        PUT(WIDE, weir_int(i));
    for (from = the_body(); weir_cursor_left(&from); taken += rows, parts++) {
        assert_int_equal(take(&from, UINT64_MAX, &rows, &out), WEIR_OK);
        assert_in_range(rows, 1, 4 * 1024 / 160 + 1);
        for (uint32_t i = 0; i < rows; i++) {
            assert_int_equal(take_row(&out), TABLE);
            assert_int_equal(columns, 40);
            assert_int_equal(values[39].length, 4095);
            char number[8] = {0};
            memcpy(number, (const char *)values[39].as.bytes + 4090, 5);
            assert_int_equal(atoi(number), taken + i);
        }
    }
    assert_int_equal(taken, ROWS);
    assert_int_equal(parts, 3);
}

static void parameters_that_are_missing_are_null(void **state) {
    (void)state;
    uint32_t rows;
    weir_cursor from, out;
    PUT(MESSAGE, weir_int(1), weir_int(2), weir_text("3")); /* lest these stay where they were */
    PUT(MESSAGE, weir_int(1));
    from = the_body();
    assert_int_equal(take(&from, 2, &rows, &out), WEIR_OK);
    assert_int_equal(rows, 2);
    (void)take_row(&out);
    (void)take_row(&out);
    assert_int_equal(values[0].type, WEIR_NULL);
    assert_text(&values[2], "(null) of (null)");
    assert_text(&values[3], "{\"a\":1,\"b\":null}");
}

/* The text of so many bytes x and then these. */
static size_t cut_length(size_t before, const char *end) {
    static char text[6000];
    uint32_t rows;
    weir_cursor from, out;
    memset(text, 'x', before);
    (void)snprintf(text + before, sizeof text - before, "%s", end);
    used = 0;
    PUT(5004, weir_text(text));
    from = the_body();
    assert_int_equal(take(&from, 1, &rows, &out), WEIR_OK);
    (void)take_row(&out);
    size_t length = values[0].length;
    if (strlen(text) < WEIR_TEXT_MAX) return length;
    length -= strlen("… [cut]");
    assert_memory_equal((const char *)values[0].as.bytes + length, "… [cut]", 9);
    assert_memory_equal(values[0].as.bytes, text, length);
    return length;
}

static void a_text_is_cut_between_characters(void **state) {
    (void)state;
    static const weir_source text = {.kind = WEIR_SOURCE_FORMAT, .bytes = "%s", .length = 2};
    char more[300], rest[2000];
    keep(&text, 1, 5004, 1);
    memset(more, '.', sizeof more - 1);
    more[sizeof more - 1] = 0;
    assert_int_equal(cut_length(4095, ""), 4095);
    assert_int_equal(cut_length(4096, ""), 4086);
    static const char *const characters[] = {"\xC3\xBC", "\xE2\x80\xA6", "\xF0\x9F\x98\x80"};
    for (size_t i = 0; i < 3; i++)
        for (size_t at = 4086 - 5; at <= 4086; at++) {
            size_t size = strlen(characters[i]);
            (void)snprintf(rest, sizeof rest, "%s%s", characters[i], more);
            assert_int_equal(cut_length(at, rest), at < 4086 && at + size > 4086 ? at : 4086);
        }
    static const weir_source wide = {
        .kind = WEIR_SOURCE_FORMAT, .bytes = "before it%4096s", .length = 15};
    keep(&wide, 1, 5004, 1);
    weir_cursor from, out;
    uint32_t rows;
    used = 0;
    PUT(5004, weir_text("never seen"));
    from = the_body();
    assert_int_equal(take(&from, 1, &rows, &out), WEIR_OK);
    (void)take_row(&out);
    assert_int_equal(values[0].length, 4095); /* of spaces, and the mark */
    keep(&text, 1, 5004, 1);
    /* What looks like the rest of a character, and is none. */
    memset(rest, 0x80, sizeof rest - 1);
    rest[sizeof rest - 1] = 0;
    assert_int_equal(cut_length(3000, rest), 4086);
    rest[4084 - 3000] = '\xE2'; /* of which only two more come */
    rest[4084 - 3000 + 2] = 'x';
    assert_int_equal(cut_length(3000, rest), 4086);
}

/* What is before it is taken; it itself, and it alone, is damage. */
static void assert_damaged_behind_a_row(void) {
    uint32_t rows;
    weir_cursor from = the_body(), out, at;
    assert_int_equal(take(&from, 9, &rows, &out), WEIR_OK);
    assert_int_equal(rows, 1);
    at = from;
    assert_int_equal(take(&from, 9, &rows, &out), WEIR_DAMAGED);
    assert_ptr_equal(from.at, at.at);
    assert_int_equal(take(&from, 9, &rows, &out), WEIR_DAMAGED);
    used = 0;
    PUT(MESSAGE, weir_int(1));
}

static void what_makes_no_row_is_damaged(void **state) {
    (void)state;
    PUT(MESSAGE, weir_int(1));
    PUT(WEIR_TEMPLATE_FIRST, weir_int(1)); /* never declared */
    assert_damaged_behind_a_row();
    PUT(WEIR_TEMPLATE_LAST, weir_int(1));
    assert_damaged_behind_a_row();
    PUT(MESSAGE, weir_int(1), weir_int(2), weir_int(3), weir_int(4)); /* it has three */
    assert_damaged_behind_a_row();
    PUT(MESSAGE, weir_int(1));
    body[used - 1 - 1] = 0x19; /* no tag */
    assert_damaged_behind_a_row();
    PUT(MESSAGE, weir_int(1));
    used--; /* cut */
    assert_damaged_behind_a_row();
}

/* In 32 bits the second one's size would be small again. Neither is made first. */
static void a_row_of_more_than_a_gibibyte_is_damaged(void **state) {
    (void)state;
    enum { LARGE = WEIR_RAW_MAX / WEIR_COLUMNS_MAX, LARGER = 2200000 };
    static char text[LARGER];
    uint32_t rows;
    weir_cursor from, out;
    memset(text, 'x', sizeof text);
    PUT(MANY, weir_text_n(text, LARGE)); /* and the lengths */
    PUT(MANY, weir_text_n(text, LARGER));
    from = the_body();
    assert_int_equal(take(&from, 1, &rows, &out), WEIR_DAMAGED);
    (void)take_row(&from);
    assert_int_equal(take(&from, 1, &rows, &out), WEIR_DAMAGED);
    assert_int_equal(x->capacity, 0);
}

/* It takes 60 MB, of which the next call keeps nothing. */
static void what_a_large_row_took_is_given_back(void **state) {
    (void)state;
    static char text[30000];
    uint32_t rows;
    weir_cursor from, out;
    memset(text, 'x', sizeof text);
    PUT(MANY, weir_text_n(text, sizeof text));
    PUT(MESSAGE, weir_int(1));
    from = the_body();
    assert_int_equal(take(&from, 1, &rows, &out), WEIR_OK);
    assert_int_equal(take_row(&out), TABLE);
    assert_int_equal(columns, WEIR_COLUMNS_MAX);
    assert_int_equal(values[WEIR_COLUMNS_MAX - 1].length, sizeof text);
    assert_true(x->capacity > sizeof text * WEIR_COLUMNS_MAX);
    assert_int_equal(take(&from, 1, &rows, &out), WEIR_OK);
    assert_int_equal(rows, 1);
    assert_true(x->capacity < 1000);
}

static void without_memory_rows_wait(void **state) {
    (void)state;
    uint32_t rows;
    weir_cursor out;
    weir_expander *none;
    for (long n = 1; n <= 3; n++) {
        if (!scarce_arm(n)) skip();
        int status = weir_expander_make(&all, &none);
        assert_true(scarce_end());
        assert_int_equal(status, WEIR_NO_MEMORY);
        assert_null(none);
    }
    PUT(TABLE, weir_int(1));
    PUT(MESSAGE, weir_int(1));
    PUT(WIDE, weir_int(1));
    weir_cursor from = the_body();
    assert_true(scarce_arm(1));
    int status = weir_expander_take(x, &from, 3, &rows, &out);
    assert_true(scarce_end());
    assert_int_equal(status, WEIR_NO_MEMORY);
    assert_int_equal(rows, 0);
    assert_int_equal(take(&from, 1, &rows, &out), WEIR_OK);
    for (long n = 1; n <= 2; n++) { /* the texts; the row, which is larger than the one before */
        weir_cursor message = from;
        assert_int_equal(take(&message, 1, &rows, &out), WEIR_OK);
        assert_true(scarce_arm(n));
        status = weir_expander_take(x, &message, 1, &rows, &out);
        assert_true(scarce_end());
        assert_int_equal(status, WEIR_NO_MEMORY);
        assert_int_equal(rows, 0);
    }
    assert_int_equal(take(&from, 9, &rows, &out), WEIR_OK);
    assert_int_equal(rows, 2);
}

/* A row whose number cannot be printed waits, and is not made of what was there before. */
static void without_memory_for_digits_the_row_waits(void **state) {
    (void)state;
    static const weir_source digits = {.kind = WEIR_SOURCE_FORMAT, .bytes = "%.4000d", .length = 7};
    uint32_t rows;
    weir_cursor from, out;
    keep(&digits, 1, 5003, 1);
    PUT(5003, weir_int(1));
    PUT(5003, weir_int(2));
    from = the_body();
    printing_fails = true;
    int status = weir_expander_take(x, &from, 1, &rows, &out);
    printing_fails = false;
    assert_int_equal(status, WEIR_NO_MEMORY);
    assert_int_equal(rows, 0);
    assert_int_equal(take(&from, 1, &rows, &out), WEIR_OK);
    assert_int_equal(take_row(&out), TABLE);
    assert_int_equal(values[0].length, 4000);
    assert_memory_equal((const char *)values[0].as.bytes + 3998, "01", 2);
}

#define EXPANDED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        EXPANDED(each_column_has_its_own_format),
        EXPANDED(rows_of_both_kinds_keep_their_order),
        EXPANDED(rows_of_tables_are_what_they_were),
        EXPANDED(no_more_are_taken_than_are_wanted),
        EXPANDED(much_is_made_in_parts),
        EXPANDED(parameters_that_are_missing_are_null),
        EXPANDED(a_text_is_cut_between_characters),
        EXPANDED(what_makes_no_row_is_damaged),
        EXPANDED(a_row_of_more_than_a_gibibyte_is_damaged),
        EXPANDED(what_a_large_row_took_is_given_back),
        EXPANDED(without_memory_rows_wait),
        EXPANDED(without_memory_for_digits_the_row_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
