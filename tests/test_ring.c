/* test_ring.c - the ring file: made, claimed, cut, left behind and found again. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/ring.h"

enum { LANES = 6, LANE_BYTES = 1 << 16 };

typedef struct fixture {
    char directory[64], path[96];
    weir_lane *lanes;
    weir_ring ring;
} fixture;

static void setup(fixture *f) {
    strcpy(f->directory, "/tmp/weir-ring-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    snprintf(f->path, sizeof f->path, "%s/ring", f->directory);
    f->lanes = aligned_alloc(WEIR_CACHE_LINE, LANES * sizeof *f->lanes);
    memset(f->lanes, 0, LANES * sizeof *f->lanes);
    weir_ring_header wanted = {.id = {1, 2, 3},
                               .journal = {9},
                               .lanes = LANES,
                               .lane_bytes = LANE_BYTES,
                               .process = getpid()};
    weir_error error;
    assert_int_equal(
        weir_ring_create(&f->ring, weir_os_posix(), f->path, &wanted, f->lanes, &error), 0);
}

static void teardown(fixture *f) {
    if (f->ring.map) weir_ring_close(&f->ring);
    unlink(f->path);
    rmdir(f->directory);
    free(f->lanes);
}

/* A body of eight bytes, so that a record takes 24. */
static void put(weir_ring *ring, weir_lane *lane, uint64_t number) {
    uint64_t epoch = weir_ring_stamp(ring, lane, false);
    memcpy(weir_lane_at(lane, lane->tail) + WEIR_RECORD_HEAD, &number, sizeof number);
    weir_record_seal(lane, lane->tail, sizeof number, epoch, WEIR_RECORD_ROW);
    weir_lane_publish(lane, lane->tail + weir_record_bytes(sizeof number));
}

static void a_dead_ring_is_found_as_it_was_left(void **state) {
    (void)state;
    fixture f = {0};
    setup(&f);
    weir_error error;
    assert_int_equal(weir_ring_provision(&f.ring, &error), 0);
    weir_lane *lane = weir_ring_claim(&f.ring, 1, 0);
    assert_non_null(lane);
    /* Several laps, so that records cross the end of the lane. */
    for (uint32_t i = 0; i < 3 * LANE_BYTES / 24 + 7; i++) {
        if (lane->tail + 24 > atomic_load(&lane->control->head) + LANE_BYTES)
            atomic_store(&lane->control->head, lane->tail - 24 * 100);
        put(&f.ring, lane, i);
    }
    uint64_t left = lane->tail - atomic_load(&lane->control->head);
    weir_ring_close(&f.ring);

    weir_ring_report report;
    assert_int_equal(weir_ring_inspect(weir_os_posix(), f.path, NULL, &report, &error), 0);
    assert_int_equal(report.found, WEIR_RING_OURS);
    assert_true(report.bytes == left && report.unreadable_bytes == 0);
    assert_int_equal(report.rows, left / 24);
    assert_int_equal(report.header.lanes, LANES);
    assert_memory_equal(report.header.journal, "\x09", 1);
    teardown(&f);
}

static void marks_survive_a_torn_store(void **state) {
    (void)state;
    fixture f = {0};
    setup(&f);
    weir_mark mark = {0};
    assert_false(weir_ring_load_mark(&f.ring, &mark));
    weir_ring_store_mark(&f.ring, &(weir_mark){.block = 4, .hash = 44, .row = 400});
    weir_ring_store_mark(&f.ring, &(weir_mark){.block = 5, .hash = 55, .row = 500});
    assert_true(weir_ring_load_mark(&f.ring, &mark));
    assert_true(mark.block == 5 && mark.hash == 55 && mark.row == 500);
    f.ring.map[WEIR_RING_MARK_AT + WEIR_RING_MARK_STEP] ^= 1; /* the newer copy is torn */
    assert_true(weir_ring_load_mark(&f.ring, &mark));
    assert_true(mark.block == 4 && mark.row == 400);
    f.ring.map[WEIR_RING_MARK_AT + 9] ^= 1;
    assert_false(weir_ring_load_mark(&f.ring, &mark));
    teardown(&f);
}

static void *own_id(void *argument) {
    weir_ring *ring = argument;
    return weir_ring_claim(ring, ring->os->thread_id(ring->os->self), 0);
}

static void a_lane_comes_back_when_its_thread_has_ended_and_it_is_drained(void **state) {
    (void)state;
    fixture f = {0};
    setup(&f);
    weir_error error;
    assert_int_equal(weir_ring_provision(&f.ring, &error), 0);
    pthread_t thread;
    void *lane, *again;
    pthread_create(&thread, NULL, own_id, &f.ring);
    pthread_join(thread, &lane);
    assert_ptr_equal(lane, &f.lanes[0]);
    put(&f.ring, lane, 1);
    uint32_t self = weir_os_posix()->thread_id(NULL);
    assert_null(weir_ring_claim(&f.ring, self, 0)); /* not drained */
    atomic_store(&f.lanes[0].control->head, f.lanes[0].tail);
    again = weir_ring_claim(&f.ring, self, 0);
    assert_ptr_equal(again, lane);
    assert_ptr_equal(weir_ring_claim(&f.ring, self, 0), lane); /* own already */
    assert_null(weir_ring_claim(&f.ring, self, 1));            /* another depth is another lane */
    pthread_create(&thread, NULL, own_id, &f.ring);
    pthread_join(thread, &again);
    assert_null(again); /* its owner lives */
    teardown(&f);
}

static void lanes_end_at_the_limit(void **state) {
    (void)state;
    fixture f = {0};
    setup(&f);
    weir_error error;
    for (int i = 0; i < LANES; i++)
        assert_int_equal(weir_ring_provision(&f.ring, &error), 0);
    assert_int_equal(weir_ring_provision(&f.ring, &error), WEIR_NOT_FOUND);
    assert_int_equal(weir_ring_owned(&f.ring), 0);
    teardown(&f);
}

static void a_lone_producer_keeps_its_epoch_and_a_change_takes_a_new_one(void **state) {
    (void)state;
    fixture f = {0};
    setup(&f);
    weir_error error;
    weir_ring_provision(&f.ring, &error);
    weir_ring_provision(&f.ring, &error);
    weir_lane *a = &f.lanes[0], *b = &f.lanes[1];
    uint64_t first = weir_ring_stamp(&f.ring, a, false);
    assert_true(weir_ring_stamp(&f.ring, a, false) == first);
    assert_true(weir_ring_stamp(&f.ring, b, false) == first + 1);
    assert_true(weir_ring_stamp(&f.ring, a, false) == first + 2);
    assert_true(weir_ring_stamp(&f.ring, a, true) == first + 3);
    assert_true(weir_ring_cut(&f.ring) == first + 3);
    assert_true(weir_ring_stamp(&f.ring, a, false) == first + 4); /* the cut left the owner */
    teardown(&f);
}

static void damaged_and_foreign_files_are_told_apart(void **state) {
    (void)state;
    fixture f = {0};
    setup(&f);
    weir_ring_close(&f.ring);
    weir_ring_report report;
    weir_error error;
    for (long at = 0; at < 128; at++) { /* every byte of the hashed header, and of the hash */
        FILE *file = fopen(f.path, "r+b");
        fseek(file, at, SEEK_SET);
        int byte = fgetc(file);
        fseek(file, at, SEEK_SET);
        fputc(byte ^ 0x10, file);
        fflush(file);
        assert_int_equal(weir_ring_inspect(weir_os_posix(), f.path, NULL, &report, &error), 0);
        assert_int_equal(report.found, WEIR_RING_UNREADABLE);
        fseek(file, at, SEEK_SET);
        fputc(byte, file);
        fclose(file);
    }
    assert_int_equal(weir_ring_inspect(weir_os_posix(), f.path, NULL, &report, &error), 0);
    assert_int_equal(report.found, WEIR_RING_OURS);
    assert_int_equal(truncate(f.path, 100), 0);
    assert_int_equal(weir_ring_inspect(weir_os_posix(), f.path, NULL, &report, &error), 0);
    assert_int_equal(report.found, WEIR_RING_UNREADABLE);
    unlink(f.path);
    assert_int_equal(weir_ring_inspect(weir_os_posix(), f.path, NULL, &report, &error), 0);
    assert_int_equal(report.found, WEIR_RING_ABSENT);
    teardown(&f);
}

static void a_lane_cut_off_by_the_files_end_is_not_mapped(void **state) {
    (void)state;
    fixture f = {0};
    setup(&f);
    weir_error error;
    weir_ring_provision(&f.ring, &error);
    weir_lane *lane = weir_ring_claim(&f.ring, 1, 0);
    put(&f.ring, lane, 1);
    uint64_t data = f.ring.header.data_offset;
    weir_ring_close(&f.ring);
    assert_int_equal(truncate(f.path, (off_t)(data + 4096)), 0);
    weir_ring_report report;
    assert_int_equal(weir_ring_inspect(weir_os_posix(), f.path, NULL, &report, &error), 0);
    assert_int_equal(report.found, WEIR_RING_OURS);
    assert_int_equal(report.lanes_used, 0);
    teardown(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dead_ring_is_found_as_it_was_left),
        cmocka_unit_test(marks_survive_a_torn_store),
        cmocka_unit_test(a_lane_comes_back_when_its_thread_has_ended_and_it_is_drained),
        cmocka_unit_test(lanes_end_at_the_limit),
        cmocka_unit_test(a_lone_producer_keeps_its_epoch_and_a_change_takes_a_new_one),
        cmocka_unit_test(damaged_and_foreign_files_are_told_apart),
        cmocka_unit_test(a_lane_cut_off_by_the_files_end_is_not_mapped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
