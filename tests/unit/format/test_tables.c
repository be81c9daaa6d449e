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
        cmocka_unit_test(counts_that_lie_are_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
