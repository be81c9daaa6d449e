/* test_lane.c - records in a lane: what reads as valid, and what must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/ring/lane.h"

enum { SIZE = 1 << 12 };

typedef struct fixture {
    weir_lane lane;
    weir_lane_control control;
    uint8_t bytes[2 * SIZE]; /* one lap and the next: enough for records that cross the end */
} fixture;

static fixture *make(void) {
    fixture *f = aligned_alloc(WEIR_CACHE_LINE, (sizeof *f + 63) / 64 * 64);
    assert_non_null(f);
    memset(f, 0, sizeof *f);
    f->lane = (weir_lane){.data = f->bytes, .size = SIZE, .salt = 77, .control = &f->control};
    return f;
}

static uint64_t put(fixture *f, uint64_t at, const char *body, uint64_t epoch, unsigned kind) {
    size_t length = strlen(body);
    memcpy(weir_lane_at(&f->lane, at) + WEIR_RECORD_HEAD, body, length);
    weir_record_seal(&f->lane, at, length, epoch, kind);
    return at + weir_record_bytes(length);
}

static void a_sealed_record_reads_back(void **state) {
    (void)state;
    fixture *f = make();
    uint64_t end = put(f, 8, "hello", 0xABCDEF0123456u, WEIR_RECORD_DECLARATION);
    weir_record r;
    assert_true(weir_lane_read(&f->lane, 8, end, &r));
    assert_int_equal(r.bytes, 5);
    assert_memory_equal(r.body, "hello", 5);
    assert_int_equal(r.kind, WEIR_RECORD_DECLARATION);
    assert_true(r.epoch == 0xABCDEF0123456u);
    assert_true(r.next == end);
    assert_true(weir_lane_epoch(&f->lane, 8) == r.epoch);
    free(f);
}

static void every_flipped_bit_is_seen(void **state) {
    (void)state;
    fixture *f = make();
    uint64_t end = put(f, 0, "twelve bytes", 5, WEIR_RECORD_ROW);
    weir_record r;
    for (size_t bit = 0; bit < 8 * (WEIR_RECORD_HEAD + 12); bit++) {
        f->bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(weir_lane_read(&f->lane, 0, end, &r));
        f->bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_true(weir_lane_read(&f->lane, 0, end, &r));
    free(f);
}

/* An older lap's record, another lane's and another ring's stand in the same place with valid
 * bytes. */
static void place_lane_and_ring_are_part_of_the_check(void **state) {
    (void)state;
    fixture *f = make();
    weir_record r;
    uint64_t end = put(f, 64, "older lap", 5, WEIR_RECORD_ROW);
    assert_true(weir_lane_read(&f->lane, 64, end, &r));
    assert_false(weir_lane_read(&f->lane, 64 + SIZE, end + SIZE, &r));
    f->lane.salt++;
    assert_false(weir_lane_read(&f->lane, 64, end, &r));
    free(f);
}

static void lengths_are_believed_only_within_bounds(void **state) {
    (void)state;
    fixture *f = make();
    weir_record r;
    uint64_t end = put(f, 0, "body of some length", 5, WEIR_RECORD_ROW);
    for (uint64_t shorter = 0; shorter < end; shorter++)
        assert_false(weir_lane_read(&f->lane, 0, shorter, &r));
    assert_false(weir_lane_read(&f->lane, end, 0, &r));          /* head above tail */
    assert_false(weir_lane_read(&f->lane, 0, 2 * SIZE + 1, &r)); /* more than a lane holds */
    weir_put_u32(f->bytes, SIZE / 2 + 1);
    assert_false(weir_lane_read(&f->lane, 0, SIZE, &r));
    weir_put_u32(f->bytes, UINT32_MAX);
    assert_false(weir_lane_read(&f->lane, 0, SIZE, &r));
    free(f);
}

/* Drained, it would make a block that no reader takes for valid, with all rows beside it. */
static void a_body_shorter_than_any_row_is_no_record(void **state) {
    (void)state;
    fixture *f = make();
    weir_record r;
    uint64_t end = put(f, 0, "four", 1, WEIR_RECORD_ROW);
    assert_false(weir_lane_read(&f->lane, 0, end, &r));
    end = put(f, 0, "", 1, WEIR_RECORD_ROW);
    assert_int_equal(end, WEIR_RECORD_HEAD);
    assert_false(weir_lane_read(&f->lane, 0, end, &r));
    free(f);
}

static void a_kind_that_nobody_knows_is_no_record(void **state) {
    (void)state;
    fixture *f = make();
    weir_record r;
    for (unsigned kind = 0; kind < 256; kind++) {
        uint64_t end = put(f, 0, "a body", 9, kind); /* and its check agrees */
        assert_int_equal(weir_lane_read(&f->lane, 0, end, &r), kind <= WEIR_RECORD_ROW_CONTINUED);
    }
    free(f);
}

/* Records of these kinds and epochs one after the other; answers how far the batch that the first
 * begins can be read, 0 for the first alone. */
static int batch_reads(fixture *f, const unsigned *kinds, const uint64_t *epochs, int records,
                       size_t body) {
    static char text[SIZE];
    weir_record r;
    uint64_t end = 0;
    int read = 0;
    memset(text, 'x', sizeof text);
    text[body] = '\0';
    for (int i = 0; i < records; i++)
        end = put(f, end, text, epochs[i], kinds[i]);
    assert_true(weir_lane_read(&f->lane, 0, end, &r));
    while (r.kind == WEIR_RECORD_ROW_CONTINUED && weir_lane_read_batch(&f->lane, 0, end, &r))
        read++;
    return read;
}

static void a_batch_is_rows_of_one_epoch_and_half_a_lane_at_most(void **state) {
    (void)state;
    enum { R = WEIR_RECORD_ROW, D = WEIR_RECORD_DECLARATION, C = WEIR_RECORD_ROW_CONTINUED };
    fixture *f = make();
    assert_int_equal(batch_reads(f, (unsigned[]){C, C, R, R}, (uint64_t[]){7, 7, 7, 7}, 4, 30), 2);
    assert_int_equal(batch_reads(f, (unsigned[]){C, C, R}, (uint64_t[]){7, 7, 8}, 3, 30), 1);
    assert_int_equal(batch_reads(f, (unsigned[]){C, C, D}, (uint64_t[]){7, 7, 7}, 3, 30), 1);
    assert_int_equal(batch_reads(f, (unsigned[]){C, C, C}, (uint64_t[]){7, 7, 7}, 3, 30), 2);
    size_t quarter = SIZE / 4 - WEIR_RECORD_HEAD;
    assert_int_equal(batch_reads(f, (unsigned[]){C, R}, (uint64_t[]){7, 7}, 2, quarter), 1);
    assert_int_equal(batch_reads(f, (unsigned[]){C, R}, (uint64_t[]){7, 7}, 2, quarter + 1), 0);
    free(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sealed_record_reads_back),
        cmocka_unit_test(every_flipped_bit_is_seen),
        cmocka_unit_test(place_lane_and_ring_are_part_of_the_check),
        cmocka_unit_test(lengths_are_believed_only_within_bounds),
        cmocka_unit_test(a_body_shorter_than_any_row_is_no_record),
        cmocka_unit_test(a_kind_that_nobody_knows_is_no_record),
        cmocka_unit_test(a_batch_is_rows_of_one_epoch_and_half_a_lane_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
