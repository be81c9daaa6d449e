/* Templates: each condition of docs/FORMAT.md §3 with bytes that meet it and bytes that do not; both
 * ways; the collection of them; without memory. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "lib/format/conversion.h"
#include "lib/format/template.h"
#include "scarce.h"

enum { ROOM = 1 << 16 };

/* Templates that end where their memory ends, so that the sanitizer sees a longer reach. */
static int decode(const void *bytes, size_t length, weir_template **out) {
    uint8_t *exact = malloc(length ? length : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, length);
    weir_cursor c = weir_cursor_over(exact, length);
    int status = weir_template_decode(&c, out);
    assert_true((status == WEIR_OK) == (*out != NULL));
    if (status == WEIR_OK) assert_int_equal(c.at - exact, (*out)->length);
    free(exact);
    return status;
}

static int status_of(const void *bytes, size_t length) {
    weir_template *t;
    int status = decode(bytes, length, &t);
    weir_template_free(t);
    return status;
}

/* "number parameters table columns", each in two bytes, and then the sources. */
static int status_with(unsigned number, unsigned parameters, unsigned table, unsigned columns,
                       const char *sources, size_t length) {
    static uint8_t bytes[ROOM];
    uint8_t *at = weir_put_u16(bytes, (uint16_t)number);
    at = weir_put_u16(at, (uint16_t)parameters);
    at = weir_put_u16(at, (uint16_t)table);
    at = weir_put_u16(at, (uint16_t)columns);
    at = weir_put_bytes(at, sources, length);
    return status_of(bytes, (size_t)(at - bytes));
}

/* One column, of three parameters. */
static int status_of_source(const char *source, size_t length) {
    return status_with(4097, 3, 1, 1, source, length);
}
#define VALID(text) assert_int_equal(status_of_source(text, sizeof(text) - 1), WEIR_OK)
#define INVALID(text) assert_int_equal(status_of_source(text, sizeof(text) - 1), WEIR_DAMAGED)

#define NULLS "\1\0"
#define FIRST "\2\0\0"

/* ---- what is valid ---- */

static void numbers_are_in_their_ranges(void **state) {
    (void)state;
    assert_int_equal(status_with(4097, 1, 1, 1, FIRST, 3), WEIR_OK);
    assert_int_equal(status_with(65535, 1, 1, 1, FIRST, 3), WEIR_OK);
    assert_int_equal(status_with(4096, 1, 1, 1, FIRST, 3), WEIR_DAMAGED);
    assert_int_equal(status_with(0, 1, 1, 1, FIRST, 3), WEIR_DAMAGED);
    assert_int_equal(status_with(4097, 2000, 1, 1, FIRST, 3), WEIR_OK);
    assert_int_equal(status_with(4097, 2001, 1, 1, FIRST, 3), WEIR_DAMAGED);
    assert_int_equal(status_with(4097, 0, 1, 1, NULLS, 2), WEIR_DAMAGED);
    assert_int_equal(status_with(4097, 1, 4096, 1, FIRST, 3), WEIR_OK);
    assert_int_equal(status_with(4097, 1, 4097, 1, FIRST, 3), WEIR_DAMAGED);
    assert_int_equal(status_with(4097, 1, 0, 1, FIRST, 3), WEIR_DAMAGED);
    assert_int_equal(status_with(4097, 1, 1, 0, "", 0), WEIR_DAMAGED);
    char nulls[2 * 2001];
    for (size_t i = 0; i < sizeof nulls; i += 2)
        memcpy(nulls + i, NULLS, 2);
    assert_int_equal(status_with(4097, 1, 1, 2000, nulls, 4000), WEIR_OK);
    assert_int_equal(status_with(4097, 1, 1, 2001, nulls, 4002), WEIR_DAMAGED);
    assert_int_equal(status_with(4097, 1, 1, 2, FIRST, 3), WEIR_DAMAGED); /* one of two */
}

static void a_source_is_one_of_four(void **state) {
    (void)state;
    INVALID("\0\0\0");
    INVALID("\5\0\0");
    INVALID("\xFF\0\0");
    INVALID("");
}

static void a_constant_has_a_tag_of_a_row(void **state) {
    (void)state;
    VALID("\1\0");
    VALID("\1\x11\7");
    VALID("\1\x18\1\2\3\4\5\6\7\x8");
    VALID("\1\x28\1\2\3\4\5\6\7\x8");
    VALID("\1\x31\3abc");
    VALID("\1\x34\1\0\0\0z"); /* any width */
    VALID("\1\x41\0");
    INVALID("\1");
    INVALID("\1\x10");
    INVALID("\1\x19\1\2\3\4\5\6\7\x8\x9");
    INVALID("\1\x27\1\2\3\4\5\6\7");
    INVALID("\1\x35\1\0\0\0\0z");
    INVALID("\1\x51\1a");
    INVALID("\1\x12\7"); /* cut */
    INVALID("\1\x31\4abc");
    INVALID("\1\x44\xFF\xFF\xFF\xFF");
}

static void a_parameter_is_below_their_number(void **state) {
    (void)state;
    VALID("\2\2\0");
    INVALID("\2\3\0");
    INVALID("\2\xFF\xFF");
    INVALID("\2\2");
}

static void a_format_takes_parameters_that_there_are(void **state) {
    (void)state;
    VALID("\3\0\0\2\0%d");
    VALID("\3\0\0\6\0%d%d%d");
    INVALID("\3\0\0\x8\0%d%d%d%d");
    INVALID("\3\1\0\6\0%d%d%d");
    VALID("\3\0\0\5\0%*.*d");
    INVALID("\3\1\0\5\0%*.*d");
    VALID("\3\3\0\2\0%%"); /* it takes none */
    VALID("\3\3\0\0\0");
    INVALID("\3\4\0\0\0");
    INVALID("\3\0\0\2\0%n");
    INVALID("\3\0\0\2\0a\0");
    INVALID("\3\0\0\3\0%d"); /* cut */
    INVALID("\3\0\0\3");
    INVALID("\3\0");
}

static void a_format_has_4096_bytes_at_most(void **state) {
    (void)state;
    static char source[5 + WEIR_FORMAT_MAX + 1];
    memset(source, 'x', sizeof source);
    memcpy(source, "\3\0\0\0\x10", 5);
    assert_int_equal(status_of_source(source, sizeof source - 1), WEIR_OK);
    memcpy(source, "\3\0\0\1\x10", 5);
    assert_int_equal(status_of_source(source, sizeof source), WEIR_DAMAGED);
}

static void an_object_has_names_and_as_many_parameters(void **state) {
    (void)state;
    VALID("\4\0\0\1\0\1\0a");
    VALID("\4\2\0\1\0\1\0a");
    INVALID("\4\3\0\1\0\1\0a");
    VALID("\4\0\0\3\0\1\0a\1\0a\2\0bc");
    INVALID("\4\1\0\3\0\1\0a\1\0a\2\0bc");
    INVALID("\4\0\0\4\0\1\0a\1\0a\1\0b\1\0c");
    INVALID("\4\0\0\0\0");
    INVALID("\4\0\0\1\0\0\0");    /* an empty name */
    INVALID("\4\0\0\1\0\2\0a\0"); /* a zero in one */
    INVALID("\4\0\0\2\0\1\0a");   /* one of two */
    INVALID("\4\0\0\1\0\2\0a");   /* cut */
    INVALID("\4\0\0\1");
    static char source[5 + 2 + WEIR_NAME_MAX + 1];
    memset(source, 'n', sizeof source);
    memcpy(source, "\4\0\0\1\0\0\4", 7);
    assert_int_equal(status_of_source(source, sizeof source - 1), WEIR_OK);
    memcpy(source, "\4\0\0\1\0\1\4", 7);
    assert_int_equal(status_of_source(source, sizeof source), WEIR_DAMAGED);
}

static void what_is_cut_anywhere_is_damaged(void **state) {
    (void)state;
    static const char whole[] = "\1\x10\3\0\1\0\4\0"
                                "\1\x31\1c\2\1\0\3\0\0\2\0%d\4\1\0\1\0\2\0ab";
    assert_int_equal(status_of(whole, sizeof whole - 1), WEIR_OK);
    for (size_t length = 0; length < sizeof whole - 1; length++)
        assert_int_equal(status_of(whole, length), WEIR_DAMAGED);
}

/* ---- both ways ---- */

static const weir_source sources[] = {
    {.kind = WEIR_SOURCE_CONSTANT, .constant = {{.integer = INT64_MIN}, 0, WEIR_INTEGER}},
    {.kind = WEIR_SOURCE_CONSTANT, .constant = {{.bytes = "text"}, 4, WEIR_TEXT}},
    {.kind = WEIR_SOURCE_CONSTANT, .constant = {.type = WEIR_NULL}},
    {.kind = WEIR_SOURCE_PARAMETER, .first = 4},
    {.kind = WEIR_SOURCE_FORMAT, .first = 1, .bytes = "%s: %d", .length = 6},
    {.kind = WEIR_SOURCE_OBJECT, .first = 2, .count = 2, .bytes = "\1\0a\2\0bc", .length = 7},
};
enum { COLUMNS = sizeof sources / sizeof *sources };

static weir_template *make(uint16_t number, uint16_t table, unsigned columns) {
    size_t room = weir_template_encode(NULL, number, 5, table, sources, (uint16_t)columns);
    uint8_t *bytes = malloc(room);
    weir_template *t;
    assert_non_null(bytes);
    size_t size = weir_template_encode(bytes, number, 5, table, sources, (uint16_t)columns);
    assert_true(size <= room);
    assert_int_equal(decode(bytes, size, &t), WEIR_OK);
    assert_int_equal(t->length, size);
    assert_memory_equal(t->bytes, bytes, size);
    free(bytes);
    return t;
}

static void sources_come_back(void **state) {
    (void)state;
    weir_template *t = make(5000, 17, COLUMNS);
    assert_int_equal(t->number, 5000);
    assert_int_equal(t->parameters, 5);
    assert_int_equal(t->table, 17);
    assert_int_equal(t->columns, COLUMNS);
    for (unsigned i = 0; i < COLUMNS; i++)
        assert_int_equal(t->source[i].kind, sources[i].kind);
    assert_true(t->source[0].constant.as.integer == INT64_MIN);
    assert_int_equal(t->source[1].constant.length, 4);
    assert_memory_equal(t->source[1].constant.as.bytes, "text", 4);
    assert_int_equal(t->source[2].constant.type, WEIR_NULL);
    assert_int_equal(t->source[3].first, 4);
    assert_int_equal(t->source[4].first, 1);
    assert_int_equal(t->source[4].length, 6);
    assert_memory_equal(t->source[4].bytes, "%s: %d", 6);
    assert_int_equal(t->source[5].first, 2);
    assert_int_equal(t->source[5].count, 2);
    weir_cursor names = weir_cursor_over(t->source[5].bytes, t->source[5].length);
    const char *name;
    size_t length;
    assert_true(weir_source_next_name(&names, &name, &length));
    assert_int_equal(length, 1);
    assert_true(weir_source_next_name(&names, &name, &length));
    assert_int_equal(length, 2);
    assert_memory_equal(name, "bc", 2);
    assert_false(weir_source_next_name(&names, &name, &length));
    names = weir_cursor_over("\2\0a", 3); /* which no template has */
    assert_false(weir_source_next_name(&names, &name, &length));
    weir_template_free(t);
}

/* Decoding is the check of what a caller puts together. */
static void what_no_row_can_hold_is_no_constant(void **state) {
    (void)state;
    const weir_source bad = {.kind = WEIR_SOURCE_CONSTANT, .constant = {.type = 9}};
    size_t room = weir_template_encode(NULL, 4097, 1, 1, &bad, 1);
    uint8_t *bytes = calloc(1, room);
    assert_non_null(bytes);
    size_t size = weir_template_encode(bytes, 4097, 1, 1, &bad, 1);
    assert_true(size < room);
    assert_int_equal(status_of(bytes, size), WEIR_DAMAGED);
    free(bytes);
}

static void equal_is_all_but_the_number(void **state) {
    (void)state;
    weir_template *a = make(5000, 17, COLUMNS), *b = make(5001, 17, COLUMNS);
    weir_template *of_other = make(5000, 18, COLUMNS), *narrow = make(5000, 17, COLUMNS - 1);
    assert_true(weir_template_equal(a, b));
    assert_false(weir_template_equal(a, of_other));
    assert_false(weir_template_equal(a, narrow));
    weir_template_free(a);
    weir_template_free(b);
    weir_template_free(of_other);
    weir_template_free(narrow);
}

static void the_first_number_tells_templates_from_tables(void **state) {
    (void)state;
    assert_false(weir_declares_template(weir_cursor_over("\0\x10", 2)));
    assert_true(weir_declares_template(weir_cursor_over("\1\x10", 2)));
    assert_false(weir_declares_template(weir_cursor_over("\xFF", 1)));
}

/* ---- many of them ---- */

static void they_are_found_by_number(void **state) {
    (void)state;
    static const uint16_t numbers[] = {5000, WEIR_TEMPLATE_FIRST, WEIR_TEMPLATE_LAST, 5001};
    weir_templates all = {0};
    assert_null(weir_templates_find(&all, 5000));
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(weir_templates_keep(&all, make(numbers[i], 1, COLUMNS)), WEIR_OK);
    assert_int_equal(all.held, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(weir_templates_find(&all, numbers[i])->number, numbers[i]);
    assert_null(weir_templates_find(&all, 5002));
    assert_null(weir_templates_find(&all, WEIR_TABLES_MAX));
    assert_null(weir_templates_find(&all, 0));
    weir_templates_free(&all);
    assert_int_equal(all.held, 0);
    assert_null(weir_templates_find(&all, 5000));
}

static void the_last_of_a_number_counts(void **state) {
    (void)state;
    weir_templates all = {0};
    assert_int_equal(weir_templates_keep(&all, make(5000, 1, COLUMNS)), WEIR_OK);
    assert_int_equal(weir_templates_keep(&all, make(5000, 2, COLUMNS)), WEIR_OK);
    assert_int_equal(all.held, 1);
    assert_int_equal(weir_templates_find(&all, 5000)->table, 2);
    weir_templates_free(&all);
}

static void without_memory_nothing_is_kept(void **state) {
    (void)state;
    static const char bytes[] = "\1\x10\3\0\1\0\1\0\2\0\0";
    weir_cursor c = weir_cursor_over(bytes, sizeof bytes - 1);
    weir_template *t;
    weir_templates all = {0};
    if (!scarce_arm(1)) skip();
    int status = weir_template_decode(&c, &t);
    assert_true(scarce_end());
    assert_int_equal(status, WEIR_NO_MEMORY);
    assert_null(t);
    t = make(5000, 1, COLUMNS);
    assert_true(scarce_arm(1));
    status = weir_templates_keep(&all, t);
    assert_true(scarce_end());
    assert_int_equal(status, WEIR_NO_MEMORY);
    assert_int_equal(all.held, 0);
    assert_null(weir_templates_find(&all, 5000));
    weir_templates_free(&all);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_in_their_ranges),
        cmocka_unit_test(a_source_is_one_of_four),
        cmocka_unit_test(a_constant_has_a_tag_of_a_row),
        cmocka_unit_test(a_parameter_is_below_their_number),
        cmocka_unit_test(a_format_takes_parameters_that_there_are),
        cmocka_unit_test(a_format_has_4096_bytes_at_most),
        cmocka_unit_test(an_object_has_names_and_as_many_parameters),
        cmocka_unit_test(what_is_cut_anywhere_is_damaged),
        cmocka_unit_test(sources_come_back),
        cmocka_unit_test(what_no_row_can_hold_is_no_constant),
        cmocka_unit_test(equal_is_all_but_the_number),
        cmocka_unit_test(the_first_number_tells_templates_from_tables),
        cmocka_unit_test(they_are_found_by_number),
        cmocka_unit_test(the_last_of_a_number_counts),
        cmocka_unit_test(without_memory_nothing_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
