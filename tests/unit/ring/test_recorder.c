/* The flight recorder's file: who has a slot, and what is read of a dead process's file, whatever
 * bytes it has. */
/* Covers: lib/ring/recorder_file.c */
#include "support.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/format/row_encode.h"
#include "lib/ring/recorder.h"

enum { SLOTS = 8, LANES = 2, FILE_BYTES = WEIR_RECORDER_HEADER + SLOTS * WEIR_RECORDER_SLOT };

typedef struct fixture {
    char directory[128], path[160], ring_path[160];
    weir_lane *lanes;
    weir_ring ring;
    weir_recorder recorder;
} fixture;

static int setup(void **state) {
    fixture *f = aligned_alloc(WEIR_CACHE_LINE, sizeof *f);
    assert_non_null(f);
    memset(f, 0, sizeof *f);
    (void)snprintf(f->directory, sizeof f->directory, "%s", weir_temp_make());
    (void)snprintf(f->path, sizeof f->path, "%s/recorder", f->directory);
    (void)snprintf(f->ring_path, sizeof f->ring_path, "%s/ring", f->directory);
    f->lanes = aligned_alloc(WEIR_CACHE_LINE, LANES * sizeof *f->lanes);
    memset(f->lanes, 0, LANES * sizeof *f->lanes);
    weir_ring_header ring = {.id = {7}, .journal = {8}, .lanes = LANES, .lane_bytes = 1 << 16};
    weir_recorder_header wanted = {
        .id = {9}, .ring = {7}, .journal = {8}, .lane = LANES, .slots = SLOTS};
    weir_error error;
    assert_int_equal(weir_ring_create(&f->ring, weir_os_posix(), WEIR_OS_CWD, f->ring_path, &ring,
                                      f->lanes, &error),
                     WEIR_OK);
    assert_int_equal(weir_ring_provision(&f->ring, &error), WEIR_OK);
    assert_int_equal(
        weir_recorder_create(&f->recorder, weir_os_posix(), WEIR_OS_CWD, f->path, &wanted, &error),
        WEIR_OK);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    weir_recorder_unmap(&f->recorder);
    weir_ring_close(&f->ring);
    weir_temp_remove(f->directory);
    free(f->lanes);
    free(f);
    return 0;
}

static weir_recorder_slot *write_body(fixture *f, int64_t n, uint64_t *sequence, size_t *bytes) {
    weir_value value = weir_int(n);
    weir_recorder_slot *slot = weir_recorder_claim(&f->recorder, sequence);
    if (slot) *bytes = (size_t)(weir_row_encode(slot->body, 1, &value, 1) - slot->body);
    return slot;
}

static uint64_t put(fixture *f, int64_t n) {
    uint64_t sequence;
    size_t bytes;
    weir_recorder_slot *slot = write_body(f, n, &sequence, &bytes);
    assert_non_null(slot);
    weir_recorder_seal(&f->recorder, slot, sequence, bytes);
    return sequence;
}

static int64_t number_of(const uint8_t *row, size_t bytes) {
    static weir_value values[WEIR_COLUMNS_MAX];
    uint16_t table, columns;
    assert_true(weir_row_decode(row, bytes, &table, &columns, values));
    return values[0].as.integer;
}

/* ---- in the process ---- */

static void a_slot_is_one_threads_until_it_is_sealed(void **state) {
    fixture *f = *state;
    uint64_t first, again;
    size_t bytes;
    weir_recorder_slot *held = write_body(f, 1, &first, &bytes);
    assert_non_null(held);
    assert_null(weir_recorder_take(&f->recorder, first)); /* not yet */
    for (int i = 0; i < 3 * SLOTS; i++) {                 /* others go round it, and never use it */
        weir_recorder_slot *slot = write_body(f, 2, &again, &bytes);
        assert_non_null(slot);
        assert_ptr_not_equal(slot, held);
        weir_recorder_seal(&f->recorder, slot, again, bytes);
    }
    weir_recorder_seal(&f->recorder, held, first, bytes);
    assert_ptr_equal(weir_recorder_take(&f->recorder, first), held);
    for (int i = 0; i < 3 * SLOTS; i++) { /* nor while it is brought out */
        weir_recorder_slot *slot = write_body(f, 3, &again, &bytes);
        assert_ptr_not_equal(slot, held);
        weir_recorder_seal(&f->recorder, slot, again, bytes);
    }
    weir_recorder_is_out(held, first);
    assert_null(weir_recorder_take(&f->recorder, first)); /* not twice */
}

static void whoever_finds_all_slots_taken_gives_up(void **state) {
    fixture *f = *state;
    uint64_t sequence;
    for (int i = 0; i < SLOTS; i++)
        assert_non_null(weir_recorder_claim(&f->recorder, &sequence));
    assert_null(weir_recorder_claim(&f->recorder, &sequence));
}

static void a_sequence_that_was_lapped_is_not_there(void **state) {
    fixture *f = *state;
    uint64_t first = put(f, 0);
    for (int i = 1; i <= SLOTS; i++)
        (void)put(f, i);
    assert_null(weir_recorder_take(&f->recorder, first));
    assert_int_equal(weir_recorder_oldest(&f->recorder, first + SLOTS), first + 1);
    weir_recorder_slot *slot = weir_recorder_take(&f->recorder, first + 1);
    assert_non_null(slot);
    weir_recorder_put_back(slot, first + 1);
    assert_ptr_equal(weir_recorder_take(&f->recorder, first + 1), slot);
}

static void what_a_wild_pointer_wrote_is_left_out(void **state) {
    fixture *f = *state;
    uint64_t first = put(f, 1), second = put(f, 2), third = put(f, 3);
    uint8_t *slots = f->recorder.map + WEIR_RECORDER_HEADER;
    slots[first % SLOTS * WEIR_RECORDER_SLOT + WEIR_RECORDER_SLOT_HEAD] ^= 1;
    memset(slots + second % SLOTS * WEIR_RECORDER_SLOT + 24, 0xFF, 4); /* its length */
    assert_null(weir_recorder_take(&f->recorder, first));
    assert_null(weir_recorder_take(&f->recorder, second));
    assert_non_null(weir_recorder_take(&f->recorder, third));
}

static void a_childs_messages_stay_with_it(void **state) {
    fixture *f = *state;
    int status;
    (void)put(f, 1);
    size_t bytes;
    uint8_t *before = weir_file_read(f->path, &bytes);
    pid_t child = fork();
    if (child == 0) {
        uint64_t sequence;
        weir_recorder_let_go(&f->recorder);
        weir_recorder_slot *slot = weir_recorder_claim(&f->recorder, &sequence);
        if (slot) weir_recorder_seal(&f->recorder, slot, sequence, 9);
        _exit(slot ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    uint8_t *after = weir_file_read(f->path, &bytes);
    assert_memory_equal(before, after, bytes);
    free(before);
    free(after);
}

/* ---- of a dead process ---- */

typedef struct read_back {
    weir_found_ring found;
    int64_t numbers[64];
    size_t count;
    uint64_t left_out;
} read_back;

/* What another process reads of the files as they are now. */
static read_back read_after(const fixture *f, uint64_t skip) {
    read_back out = {0};
    weir_ring ring;
    weir_found_ring found_ring;
    weir_recorder_reader reader;
    weir_recorded r;
    weir_error error;
    assert_int_equal(
        weir_ring_attach(&ring, weir_os_posix(), WEIR_OS_CWD, f->ring_path, &found_ring, &error),
        WEIR_OK);
    assert_int_equal(found_ring, WEIR_RING_OURS);
    assert_int_equal(weir_recorder_attach(&reader, weir_os_posix(), WEIR_OS_CWD, f->path, &ring,
                                          &out.found, &error),
                     WEIR_OK);
    if (out.found == WEIR_RING_OURS) {
        if (skip) weir_recorder_skip(&reader, skip);
        while (weir_recorder_next(&reader, &r, &error) == WEIR_OK && r.row) {
            assert_true(out.count < 64);
            out.numbers[out.count++] = number_of(r.row, r.bytes);
        }
        out.left_out = reader.left_out;
        weir_recorder_close(&reader);
    }
    weir_ring_close(&ring);
    return out;
}

static void a_dead_record_is_read_in_order(void **state) {
    fixture *f = *state;
    assert_int_equal(read_after(f, 0).count, 0);
    for (int64_t n = 1; n <= 3; n++)
        (void)put(f, n);
    read_back few = read_after(f, 0);
    assert_int_equal(few.count, 3);
    for (int64_t n = 4; n <= 20; n++)
        (void)put(f, n);
    read_back last = read_after(f, 0);
    assert_int_equal(last.count, SLOTS);
    for (size_t i = 0; i < SLOTS; i++)
        assert_int_equal(last.numbers[i], 13 + (int64_t)i);
    assert_int_equal(last.left_out, 0);
    assert_int_equal(read_after(f, 17).count, 3);
    assert_int_equal(read_after(f, 20).count, 0);
    assert_int_equal(read_after(f, UINT64_MAX).count, 0);
}

static void what_is_torn_or_out_is_not_read(void **state) {
    fixture *f = *state;
    uint64_t sequence, taken = put(f, 1);
    size_t bytes;
    (void)put(f, 2);
    weir_recorder_is_out(weir_recorder_take(&f->recorder, taken), taken);
    (void)write_body(f, 3, &sequence, &bytes); /* and is killed */
    read_back r = read_after(f, 0);
    assert_int_equal(r.count, 1);
    assert_int_equal(r.numbers[0], 2);
    assert_int_equal(r.left_out, 1);
}

/* Killed while it brings a row out: the lane's tail says on which side of publishing it. */
static void a_row_on_its_way_out_comes_once(void **state) {
    fixture *f = *state;
    uint64_t sequence = put(f, 5);
    weir_recorder_slot *slot = weir_recorder_take(&f->recorder, sequence);
    _Atomic uint64_t *tail = &f->ring.controls[1].tail;
    assert_int_equal(read_after(f, 0).count, 1); /* it has no way yet */
    atomic_store(&slot->way, 4096u << WEIR_RECORDER_WAY_SHIFT | 1);
    atomic_store(tail, 4095);
    assert_int_equal(read_after(f, 0).count, 1);
    atomic_store(tail, 4096);
    assert_int_equal(read_after(f, 0).count, 0);
    atomic_store(&slot->way, 1u << WEIR_RECORDER_WAY_SHIFT | LANES); /* no lane of the ring */
    assert_int_equal(read_after(f, 0).count, 1);
    weir_recorder_put_back(slot, sequence);
    atomic_store(&slot->way, 4096u << WEIR_RECORDER_WAY_SHIFT | 1); /* counts on its way only */
    assert_int_equal(read_after(f, 0).count, 1);
}

static void a_slot_used_again_forgets_its_way(void **state) {
    fixture *f = *state;
    uint64_t sequence = put(f, 1);
    weir_recorder_slot *slot = weir_recorder_take(&f->recorder, sequence);
    atomic_store(&slot->way, 16u << WEIR_RECORDER_WAY_SHIFT | 1);
    atomic_store(&f->ring.controls[1].tail, 16);
    weir_recorder_is_out(slot, sequence);
    for (int64_t n = 2; n <= SLOTS + 1; n++)
        (void)put(f, n);
    assert_ptr_equal(weir_recorder_take(&f->recorder, sequence + SLOTS), slot);
    assert_int_equal(read_after(f, 0).count, SLOTS);
}

/* ---- bytes ---- */

static void seal_header(uint8_t *file) { (void)weir_put_u64(file + 88, weir_hash(file, 88)); }

static weir_found_ring found_with(const fixture *f, const uint8_t *file, size_t bytes) {
    weir_file_write(f->path, file, bytes);
    return read_after(f, 0).found;
}

static void headers_are_judged(void **state) {
    fixture *f = *state;
    static const struct {
        unsigned at;
        uint32_t value;
        weir_found_ring found;
    } cases[] = {
        {8, 2, WEIR_RING_NEWER},
        {16, 1, WEIR_RING_NEWER},
        {8, 0, WEIR_RING_UNREADABLE},
        {12, 4095, WEIR_RING_UNREADABLE},
        {20, 1, WEIR_RING_OURS},
        {24, 1, WEIR_RING_OURS},
        {40, 1, WEIR_RING_FOREIGN},
        {56, 1, WEIR_RING_FOREIGN},
        {72, LANES + 1, WEIR_RING_FOREIGN},
        {72, 0, WEIR_RING_UNREADABLE},
        {72, 1024, WEIR_RING_UNREADABLE},
        {76, 0, WEIR_RING_UNREADABLE},
        {76, SLOTS - 1, WEIR_RING_OURS},
        {76, SLOTS + 1, WEIR_RING_UNREADABLE},
        {76, 1 << 25, WEIR_RING_UNREADABLE},
        {80, 0, WEIR_RING_UNREADABLE},
        {80, 100, WEIR_RING_UNREADABLE},
        {80, 64, WEIR_RING_OURS},
        {80, 32768, WEIR_RING_UNREADABLE},
        {80, 65536, WEIR_RING_UNREADABLE},
        {84, 1, WEIR_RING_UNREADABLE},
    };
    (void)put(f, 1);
    size_t bytes;
    uint8_t *file = weir_file_read(f->path, &bytes), *changed = malloc(bytes);
    assert_int_equal(bytes, FILE_BYTES);
    assert_int_equal(found_with(f, file, bytes), WEIR_RING_OURS);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        memcpy(changed, file, bytes);
        (void)weir_put_u32(changed + cases[i].at, cases[i].value);
        if (found_with(f, changed, bytes) != WEIR_RING_UNREADABLE)
            fail_msg("byte %u changed, and the hash agrees", cases[i].at);
        seal_header(changed);
        if (found_with(f, changed, bytes) != cases[i].found)
            fail_msg("%u at %u: found %d", cases[i].value, cases[i].at,
                     (int)found_with(f, changed, bytes));
    }
    assert_int_equal(found_with(f, file, bytes - 1), WEIR_RING_UNREADABLE);
    assert_int_equal(found_with(f, file, WEIR_RECORDER_HEADER - 1), WEIR_RING_UNREADABLE);
    assert_int_equal(found_with(f, file, 0), WEIR_RING_UNREADABLE);
    assert_int_equal(unlink(f->path), 0);
    assert_int_equal(read_after(f, 0).found, WEIR_RING_ABSENT);
    free(file);
    free(changed);
}

/* Any bit of a slot that changes, but for those of its way, costs that message and no other. */
static void every_flipped_bit_costs_one_message(void **state) {
    fixture *f = *state;
    for (int64_t n = 1; n <= SLOTS; n++)
        (void)put(f, n);
    size_t bytes;
    uint8_t *file = weir_file_read(f->path, &bytes);
    size_t at = WEIR_RECORDER_HEADER + 3 * WEIR_RECORDER_SLOT;
    for (size_t bit = 0; bit < 8 * (WEIR_RECORDER_SLOT_HEAD + 6); bit++) {
        bool way = bit / 8 >= 16 && bit / 8 < 24;
        file[at + bit / 8] ^= (uint8_t)(1u << bit % 8);
        weir_file_write(f->path, file, bytes);
        read_back r = read_after(f, 0);
        /* RECORDED and LEAVING are one bit apart. */
        assert_int_equal(r.count, way || bit == 0 ? SLOTS : SLOTS - 1);
        for (size_t i = 1; i < r.count; i++)
            assert_true(r.numbers[i] > r.numbers[i - 1]);
        file[at + bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    free(file);
}

/* A slot whose check agrees may still claim any sequence and any length. */
static void sealed_nonsense_is_no_message(void **state) {
    fixture *f = *state;
    (void)put(f, 1);
    size_t bytes;
    uint8_t *file = weir_file_read(f->path, &bytes);
    uint64_t salt = weir_hash(file + 24, 16);
    static const struct {
        uint64_t sequence;
        uint32_t length;
        size_t count;
    } cases[] = {
        {2, 480, 2},
        {2, 481, 1},
        {2, UINT32_MAX, 1},
        {3, 480, 1},                     /* of another slot */
        {(UINT64_MAX >> 2) - 5, 480, 1}, /* laps all others */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t *slot = file + WEIR_RECORDER_HEADER + 2 * WEIR_RECORDER_SLOT;
        uint32_t length = cases[i].length < 480 ? cases[i].length : 480;
        memset(slot + 32, 0, 480);
        (void)weir_put_u64(slot, cases[i].sequence << 2 | WEIR_RECORDER_RECORDED);
        (void)weir_put_u64(slot + 8,
                           weir_recorder_check(salt, cases[i].sequence, slot + 32, length));
        (void)weir_put_u32(slot + 24, cases[i].length);
        weir_file_write(f->path, file, bytes);
        weir_ring ring;
        weir_found_ring found;
        weir_recorder_reader reader;
        weir_recorded r;
        weir_error error;
        size_t count = 0;
        assert_int_equal(
            weir_ring_attach(&ring, weir_os_posix(), WEIR_OS_CWD, f->ring_path, &found, &error),
            WEIR_OK);
        assert_int_equal(weir_recorder_attach(&reader, weir_os_posix(), WEIR_OS_CWD, f->path, &ring,
                                              &found, &error),
                         WEIR_OK);
        while (weir_recorder_next(&reader, &r, &error) == WEIR_OK && r.row)
            count++;
        assert_int_equal(count, cases[i].count);
        weir_recorder_close(&reader);
        weir_ring_close(&ring);
    }
    free(file);
}

int main(void) {
#define RECORDER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        RECORDER_TEST(a_slot_is_one_threads_until_it_is_sealed),
        RECORDER_TEST(whoever_finds_all_slots_taken_gives_up),
        RECORDER_TEST(a_sequence_that_was_lapped_is_not_there),
        RECORDER_TEST(what_a_wild_pointer_wrote_is_left_out),
        RECORDER_TEST(a_childs_messages_stay_with_it),
        RECORDER_TEST(a_dead_record_is_read_in_order),
        RECORDER_TEST(what_is_torn_or_out_is_not_read),
        RECORDER_TEST(a_row_on_its_way_out_comes_once),
        RECORDER_TEST(a_slot_used_again_forgets_its_way),
        RECORDER_TEST(headers_are_judged),
        RECORDER_TEST(every_flipped_bit_costs_one_message),
        RECORDER_TEST(sealed_nonsense_is_no_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
