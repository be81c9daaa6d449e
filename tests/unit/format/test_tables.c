/* test_tables.c - what the head of a segment says. */
#include <stdlib.h>
#include <string.h>

#include "lib/format/tables.h"
#include "support.h"

static const uint8_t ring[16] = "a ring of lanes";

static uint8_t *put_declaration(uint8_t *at, uint16_t table, const char *name) {
    const weir_column column = {"n", WEIR_INTEGER};
    weir_declaration *d;
    assert_int_equal(weir_declaration_make(table, name, &column, 1, &d, NULL), WEIR_OK);
    at = weir_declaration_encode(at, d);
    weir_declaration_free(d);
    return at;
}

static void what_is_merged_comes_out_in_order(void **state) {
    (void)state;
    weir_tables t = {0};
    uint8_t body[256], *at = weir_put_u32(body, 3);
    at = put_declaration(at, 9, "nine");
    at = put_declaration(at, 2, "two");
    at = put_declaration(at, 9, "nine again");
    assert_int_equal(weir_tables_merge(&t, weir_cursor_over(body, (size_t)(at - body))), WEIR_OK);
    assert_int_equal(t.count, 2);

    weir_lane_mark marks[2] = {{1, 100}, {4, 400}}, read[2];
    weir_drained drained = {.marks = marks, .count = 2}, said = {.marks = read};
    memcpy(drained.ring, ring, sizeof ring);
    weir_payload parsed;
    uint8_t *payload;
    size_t bytes;
    assert_int_equal(weir_tables_payload(&t, &drained, &payload, &bytes), WEIR_OK);
    assert_true(weir_payload_parse(payload, bytes, &parsed));
    weir_payload_drained(&parsed, &said);
    assert_memory_equal(said.ring, ring, sizeof ring);
    assert_int_equal(said.count, 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(read[i].lane, marks[i].lane);
        assert_int_equal(read[i].position, marks[i].position);
    }
    weir_tables again = {0};
    assert_int_equal(weir_tables_merge(&again, parsed.body), WEIR_OK);
    assert_int_equal(again.count, 2);
    assert_int_equal(again.list[0]->table, 2);
    assert_string_equal(again.list[1]->name, "nine again");
    free(payload);
    weir_tables_free(&again);
    weir_tables_free(&t);
}

static void nothing_yet_is_a_head_too(void **state) {
    (void)state;
    const weir_drained none = {.count = 0};
    weir_tables t = {0};
    weir_payload parsed;
    uint8_t *payload;
    size_t bytes;
    assert_int_equal(weir_tables_payload(&t, &none, &payload, &bytes), WEIR_OK);
    assert_true(weir_payload_parse(payload, bytes, &parsed));
    assert_int_equal(parsed.lanes, 0);
    assert_int_equal(weir_tables_merge(&t, parsed.body), WEIR_OK);
    assert_int_equal(t.count, 0);
    free(payload);
}

/* A template of so many columns, which all are its only parameter but the first. */
static uint8_t *put_template(uint8_t *at, uint16_t number, uint16_t table, uint16_t columns) {
    weir_source sources[4] = {{.kind = WEIR_SOURCE_CONSTANT, .constant = weir_int(table)}};
    for (unsigned i = 1; i < columns; i++)
        sources[i] = (weir_source){.kind = WEIR_SOURCE_PARAMETER};
    return at + weir_template_encode(at, number, 3, table, sources, columns);
}

static void merge(weir_tables *t, const uint8_t *body, const uint8_t *end) {
    assert_int_equal(weir_tables_merge(t, weir_cursor_over(body, (size_t)(end - body))), WEIR_OK);
}

static void templates_come_out_behind_the_tables(void **state) {
    (void)state;
    const weir_drained none = {.count = 0};
    weir_tables t = {0}, again = {0};
    uint8_t body[256], *at = weir_put_u32(body, 4);
    at = put_template(at, 60000, 9, 1);
    at = put_declaration(at, 9, "nine");
    at = put_template(at, WEIR_TEMPLATE_FIRST, 9, 2);
    at = put_declaration(at, 2, "two");
    merge(&t, body, at);
    assert_int_equal(t.count, 2);
    assert_int_equal(t.templates.held, 2);

    uint8_t *payload;
    size_t bytes;
    weir_payload parsed;
    assert_int_equal(weir_tables_payload(&t, &none, &payload, &bytes), WEIR_OK);
    assert_true(weir_payload_parse(payload, bytes, &parsed));
    weir_cursor c = parsed.body;
    static const uint16_t order[] = {2, 9, WEIR_TEMPLATE_FIRST, 60000};
    assert_int_equal(weir_take_u32(&c), 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(weir_row_table(c.at, weir_cursor_left(&c)), order[i]);
        assert_int_equal(weir_declaration_check(&c), WEIR_OK);
    }
    assert_int_equal(weir_cursor_left(&c), 0);
    assert_int_equal(weir_tables_merge(&again, parsed.body), WEIR_OK);
    assert_true(weir_template_equal(weir_templates_find(&again.templates, 60000),
                                    weir_templates_find(&t.templates, 60000)));
    free(payload);
    weir_tables_free(&again);
    weir_tables_free(&t);
}

static void a_template_of_a_known_number_replaces_it(void **state) {
    (void)state;
    weir_tables t = {0};
    uint8_t body[256], *at = weir_put_u32(body, 2);
    at = put_template(at, 5000, 1, 1);
    at = put_template(at, 5000, 2, 2);
    merge(&t, body, at);
    assert_int_equal(t.templates.held, 1);
    assert_int_equal(weir_templates_find(&t.templates, 5000)->table, 2);
    at = put_template(weir_put_u32(body, 1), 5000, 3, 1);
    merge(&t, body, at);
    assert_int_equal(t.templates.held, 1);
    assert_int_equal(weir_templates_find(&t.templates, 5000)->table, 3);
    weir_tables_free(&t);
}

static void the_width_is_that_of_rows_that_can_be_stored(void **state) {
    (void)state;
    weir_tables t = {0};
    uint8_t body[256], *at = weir_put_u32(body, 4);
    at = put_declaration(at, 9, "nine"); /* of one column */
    at = put_template(at, 5000, 9, 1);   /* three parameters */
    at = put_template(at, 5001, 9, 2);   /* more columns than the table has */
    at = put_template(at, 5002, 8, 1);   /* of a table that nobody declared */
    merge(&t, body, at);
    assert_int_equal(weir_tables_width(&t, 9), 1);
    assert_int_equal(weir_tables_width(&t, 8), 0);
    assert_int_equal(weir_tables_width(&t, 10), 0);
    assert_int_equal(weir_tables_width(&t, 5000), 3);
    assert_int_equal(weir_tables_width(&t, 5001), 0);
    assert_int_equal(weir_tables_width(&t, 5002), 0);
    assert_int_equal(weir_tables_width(&t, 5003), 0);
    assert_ptr_equal(weir_tables_find(&t, 9), t.list[0]);
    assert_null(weir_tables_find(&t, 8));
    assert_null(weir_tables_find(&t, 10));
    weir_tables_free(&t);
}

static void a_template_that_is_none_is_damage(void **state) {
    (void)state;
    weir_tables t = {0};
    uint8_t body[256], *at = put_template(weir_put_u32(body, 1), 5000, 1, 1);
    size_t bytes = (size_t)(at - body);
    assert_int_equal(weir_tables_merge(&t, weir_cursor_over(body, bytes - 1)), WEIR_DAMAGED);
    body[bytes - 3] = 9; /* the kind of its source */
    assert_int_equal(weir_tables_merge(&t, weir_cursor_over(body, bytes)), WEIR_DAMAGED);
    assert_int_equal(t.templates.held, 0);
    weir_tables_free(&t);
}

static void counts_that_lie_are_damage(void **state) {
    (void)state;
    weir_tables t = {0};
    uint8_t body[256], *at = put_declaration(weir_put_u32(body, 1), 1, "one");
    size_t bytes = (size_t)(at - body);
    (void)weir_put_u32(body, 2);
    assert_int_equal(weir_tables_merge(&t, weir_cursor_over(body, bytes)), WEIR_DAMAGED);
    (void)weir_put_u32(body, UINT32_MAX);
    assert_int_equal(weir_tables_merge(&t, weir_cursor_over(body, bytes)), WEIR_DAMAGED);
    (void)weir_put_u32(body, 0); /* and bytes behind the last */
    assert_int_equal(weir_tables_merge(&t, weir_cursor_over(body, bytes)), WEIR_DAMAGED);
    assert_int_equal(weir_tables_merge(&t, weir_cursor_over(body, 3)), WEIR_DAMAGED);
    weir_tables_free(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_merged_comes_out_in_order),
        cmocka_unit_test(nothing_yet_is_a_head_too),
        cmocka_unit_test(templates_come_out_behind_the_tables),
        cmocka_unit_test(a_template_of_a_known_number_replaces_it),
        cmocka_unit_test(the_width_is_that_of_rows_that_can_be_stored),
        cmocka_unit_test(a_template_that_is_none_is_damage),
        cmocka_unit_test(counts_that_lie_are_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
