/* test_sink_record.c - what a journal keeps of a sink, as bytes and back. */
#include "support.h"

#include <string.h>

#include "lib/format/sink_record.h"

static weir_sink_record example(void) {
    weir_sink_record r = {.name = "central",
                          .kind = "postgres",
                          .place = "postgresql://user@host:5432/db",
                          .safe = {.block = 7, .row = 70, .hash = 0x1234},
                          .begin = 3,
                          .wall_ns = 1700000000000000000,
                          .lag_limit = 5 << 20,
                          .at_limit = 1,
                          .state = WEIR_SINK_DETACHED};
    memset(r.safe.journal, 0xAB, sizeof r.safe.journal);
    return r;
}

/* Change a byte, with the hash made to agree, and decode. */
static int decode_with(size_t at, uint8_t value) {
    uint8_t bytes[WEIR_SINK_RECORD_BYTES];
    weir_sink_record record = example(), out;
    weir_sink_record_encode(bytes, &record);
    bytes[at] = value;
    (void)weir_put_u64(bytes + WEIR_SINK_RECORD_BYTES - 8,
                       weir_hash(bytes, WEIR_SINK_RECORD_BYTES - 8));
    return weir_sink_record_decode(bytes, sizeof bytes, &out);
}

static void what_is_encoded_comes_back(void **state) {
    (void)state;
    uint8_t bytes[WEIR_SINK_RECORD_BYTES];
    weir_sink_record record = example(), out;
    weir_sink_record_encode(bytes, &record);
    assert_int_equal(weir_sink_record_decode(bytes, sizeof bytes, &out), WEIR_OK);
    assert_string_equal(out.name, record.name);
    assert_string_equal(out.kind, record.kind);
    assert_string_equal(out.place, record.place);
    assert_memory_equal(&out.safe, &record.safe, sizeof out.safe);
    assert_true(out.begin == 3 && out.wall_ns == record.wall_ns && out.lag_limit == 5 << 20);
    assert_true(out.at_limit == 1 && out.state == WEIR_SINK_DETACHED);
}

static void longest_texts_fit(void **state) {
    (void)state;
    uint8_t bytes[WEIR_SINK_RECORD_BYTES];
    weir_sink_record record = example(), out;
    memset(record.name, 'n', WEIR_NAMED_NAME_MAX);
    memset(record.kind, 'k', WEIR_SINK_KIND_MAX);
    memset(record.place, 'p', WEIR_SINK_PLACE_MAX);
    weir_sink_record_encode(bytes, &record);
    assert_int_equal(weir_sink_record_decode(bytes, sizeof bytes, &out), WEIR_OK);
    assert_int_equal(strlen(out.place), WEIR_SINK_PLACE_MAX);
}

static void every_flipped_bit_is_damage(void **state) {
    (void)state;
    uint8_t bytes[WEIR_SINK_RECORD_BYTES];
    weir_sink_record record = example(), out;
    weir_sink_record_encode(bytes, &record);
    for (size_t i = 0; i < sizeof bytes * 8; i++) {
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
        assert_int_equal(weir_sink_record_decode(bytes, sizeof bytes, &out), WEIR_DAMAGED);
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    for (size_t length = 0; length < sizeof bytes; length++)
        assert_int_equal(weir_sink_record_decode(bytes, length, &out), WEIR_DAMAGED);
    assert_int_equal(weir_sink_record_decode(bytes, sizeof bytes + 1, &out), WEIR_DAMAGED);
}

static void fields_are_checked(void **state) {
    (void)state;
    assert_int_equal(decode_with(8, 2), WEIR_VERSION);
    assert_int_equal(decode_with(16, 1), WEIR_VERSION);
    assert_int_equal(decode_with(20, 1), WEIR_OK); /* a compatible feature */
    assert_int_equal(decode_with(12, 1), WEIR_DAMAGED);
    assert_int_equal(decode_with(47, 0x80), WEIR_DAMAGED); /* block */
    assert_int_equal(decode_with(55, 0x80), WEIR_DAMAGED); /* row */
    assert_int_equal(decode_with(40, 0), WEIR_DAMAGED);    /* a hash without a block */
    assert_int_equal(decode_with(71, 0x80), WEIR_DAMAGED); /* begin */
    assert_int_equal(decode_with(88, 2), WEIR_DAMAGED);    /* at the limit */
    assert_int_equal(decode_with(92, 2), WEIR_DAMAGED);    /* state */
    assert_int_equal(decode_with(96, 8), WEIR_DAMAGED);    /* a longer name than there is */
    assert_int_equal(decode_with(96, 65), WEIR_DAMAGED);
    assert_int_equal(decode_with(100, 17), WEIR_DAMAGED);
    assert_int_equal(decode_with(105, 2), WEIR_DAMAGED); /* place */
    assert_int_equal(decode_with(108, 1), WEIR_DAMAGED);
    assert_int_equal(decode_with(112, '/'), WEIR_DAMAGED);
    assert_int_equal(decode_with(175, 1), WEIR_DAMAGED); /* behind the texts */
    assert_int_equal(decode_with(191, 1), WEIR_DAMAGED);
    assert_int_equal(decode_with(447, 1), WEIR_DAMAGED);
    assert_int_equal(decode_with(500, 1), WEIR_DAMAGED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_encoded_comes_back),
        cmocka_unit_test(longest_texts_fit),
        cmocka_unit_test(every_flipped_bit_is_damage),
        cmocka_unit_test(fields_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
