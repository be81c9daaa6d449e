/* test_segment.c - one file of the journal: header, preparing, publishing, filling, failing. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "faulty_os.h"
#include "lib/format/segment.h"
#include "support.h"

enum { BYTES = 1 << 20 };

static char directory[256], spare_path[300], segment_path[300];
static faulty_os faulty;
static const weir_os *os;

static weir_segment at_hand; /* tear-down closes it */

static int setup(void **state) {
    (void)state;
    (void)snprintf(directory, sizeof directory, "%s", weir_temp_make());
    (void)snprintf(spare_path, sizeof spare_path, "%s/spare", directory);
    (void)snprintf(segment_path, sizeof segment_path, "%s/segment", directory);
    faulty_make(&faulty);
    os = &faulty.table;
    at_hand = (weir_segment){.file = -1};
    return 0;
}

static int teardown(void **state) {
    (void)state;
    if (at_hand.file >= 0) weir_segment_close(&at_hand);
    weir_temp_remove(directory);
    return 0;
}

static weir_segment_header sample(void) {
    return (weir_segment_header){.version = WEIR_FORMAT_VERSION,
                                 .hash_algorithm = WEIR_HASH_XXH3_64,
                                 .journal = "0123456789abcde",
                                 .incarnation = 3,
                                 .segment = 7,
                                 .bytes = BYTES,
                                 .first_block = 11,
                                 .first_row = 101,
                                 .wall_ns = -5,
                                 .before = {6, 8192, 10, 0xfeedu}};
}

static uint64_t size_of(const char *path) {
    weir_os_info info;
    return os->info(os->self, WEIR_OS_CWD, path, &info) < 0 ? 0 : info.bytes;
}

/* ---- header ---- */

static void a_header_comes_back_whole(void **state) {
    (void)state;
    uint8_t bytes[WEIR_SEGMENT_HEADER];
    weir_segment_header h = sample(), back;
    weir_segment_header_encode(bytes, &h);
    assert_int_equal(weir_segment_header_decode(bytes, &back), WEIR_OK);
    assert_memory_equal(back.journal, h.journal, sizeof h.journal);
    assert_int_equal(back.incarnation, 3);
    assert_int_equal(back.segment, 7);
    assert_int_equal(back.bytes, BYTES);
    assert_int_equal(back.first_block, 11);
    assert_int_equal(back.first_row, 101);
    assert_int_equal(back.wall_ns, -5);
    assert_memory_equal(&back.before, &h.before, sizeof h.before);
    assert_int_equal(back.hash, h.hash);
}

static void any_flipped_bit_is_damage(void **state) {
    (void)state;
    uint8_t bytes[WEIR_SEGMENT_HEADER];
    weir_segment_header h = sample(), back;
    weir_segment_header_encode(bytes, &h);
    for (size_t bit = 0; bit < sizeof bytes * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(weir_segment_header_decode(bytes, &back), WEIR_DAMAGED);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(weir_segment_header_decode(bytes, &back), WEIR_NOT_FOUND);
}

/* Change width bytes at offset and seal the header again. */
static int decode_changed(size_t offset, unsigned width, uint64_t value,
                          weir_segment_header *back) {
    uint8_t bytes[WEIR_SEGMENT_HEADER];
    weir_segment_header h = sample();
    weir_segment_header_encode(bytes, &h);
    (void)weir_put_uint(bytes + offset, value, width);
    (void)weir_put_u64(bytes + 248, weir_hash(bytes, 248));
    return weir_segment_header_decode(bytes, back);
}

static void newer_and_impossible_headers_are_told_apart(void **state) {
    (void)state;
    weir_segment_header back;
    assert_int_equal(decode_changed(10, 2, 2, &back), WEIR_VERSION);
    assert_int_equal(back.version, 2);
    assert_int_equal(decode_changed(16, 4, 1, &back), WEIR_VERSION);
    assert_int_equal(decode_changed(20, 4, 1, &back), WEIR_OK); /* read it, do not append */
    assert_int_equal(back.compatible, 1);
    assert_int_equal(decode_changed(10, 2, 0, &back), WEIR_DAMAGED);
    assert_int_equal(decode_changed(8, 2, 257, &back), WEIR_DAMAGED);
    assert_int_equal(decode_changed(12, 4, 2, &back), WEIR_DAMAGED);
    assert_int_equal(decode_changed(64, 4, 512, &back), WEIR_DAMAGED);
    assert_int_equal(decode_changed(68, 4, 1, &back), WEIR_DAMAGED);
    assert_int_equal(decode_changed(200, 1, 1, &back), WEIR_DAMAGED);
    assert_int_equal(decode_changed(96, 8, 7, &back), WEIR_DAMAGED); /* behind itself */
}

/* Open and prepared, as the journal does it. */
static int prepare_at(const char *path, uint64_t filled, weir_segment_header *h, weir_segment *s,
                      weir_error *error) {
    int file;
    int status = weir_spare_open(os, WEIR_OS_CWD, path, &file, error);
    if (status != WEIR_OK) return status;
    status = weir_segment_prepare(os, WEIR_OS_CWD, file, path, filled, h, s, error);
    if (status == WEIR_OK) return WEIR_OK;
    (void)os->close(os->self, file);
    s->file = -1;
    return status;
}

/* ---- making ---- */

static void a_spare_has_its_size_or_does_not_exist(void **state) {
    (void)state;
    weir_error error;
    assert_int_equal(weir_spare_create(os, WEIR_OS_CWD, spare_path, BYTES, &error), WEIR_OK);
    assert_int_equal(size_of(spare_path), BYTES);
    assert_int_equal(weir_spare_create(os, WEIR_OS_CWD, spare_path, BYTES, &error),
                     WEIR_IO); /* it exists */
    assert_int_equal(os->unlink(os->self, WEIR_OS_CWD, spare_path), 0);
    faulty_arm(&faulty, FAULTY_ALLOCATE, 1, 1, -ENOSPC);
    assert_int_equal(weir_spare_create(os, WEIR_OS_CWD, spare_path, BYTES, &error), WEIR_NO_SPACE);
    assert_non_null(strstr(error.text, spare_path));
    assert_int_equal(size_of(spare_path), 0);
    faulty_arm(&faulty, FAULTY_ALLOCATE, 1, 1, -EOPNOTSUPP);
    assert_int_equal(weir_spare_create(os, WEIR_OS_CWD, spare_path, BYTES, &error), WEIR_OK);
    assert_int_equal(size_of(spare_path), BYTES);
}

static void fill_with(const char *path, int byte) {
    static uint8_t page[BYTES];
    memset(page, byte, sizeof page);
    int file = os->open(os->self, WEIR_OS_CWD, path, WEIR_OS_WRITE);
    assert_int_equal(weir_write_full(os, file, page, sizeof page, 0), 0);
    assert_int_equal(os->close(os->self, file), 0);
}

static uint8_t byte_at(const char *path, uint64_t offset) {
    uint8_t byte = 0xee;
    int file = os->open(os->self, WEIR_OS_CWD, path, WEIR_OS_READ);
    assert_int_equal(weir_read_full(os, file, &byte, 1, offset), 0);
    assert_int_equal(os->close(os->self, file), 0);
    return byte;
}

static void fill_spare(void) {
    weir_error error;
    assert_int_equal(weir_spare_create(os, WEIR_OS_CWD, spare_path, BYTES, &error), WEIR_OK);
    fill_with(spare_path, 0xaa);
}

static void prepare(uint64_t filled, uint64_t bytes, weir_segment *s) {
    weir_error error;
    weir_segment_header h = sample();
    h.bytes = bytes;
    assert_int_equal(prepare_at(spare_path, filled, &h, s, &error), WEIR_OK);
}

static void a_segment_takes_its_name_last(void **state) {
    (void)state;
    weir_error error;
    weir_segment *s = &at_hand;
    uint8_t header[WEIR_SEGMENT_HEADER];
    weir_segment_header back;
    assert_int_equal(weir_spare_create(os, WEIR_OS_CWD, spare_path, BYTES, &error), WEIR_OK);
    fill_with(spare_path, 0xaa);
    prepare(BYTES, BYTES, s);
    assert_int_equal(size_of(segment_path), 0);
    assert_int_equal(weir_segment_publish(s, directory, spare_path, segment_path, &error), WEIR_OK);
    assert_int_equal(size_of(segment_path), BYTES);
    assert_int_equal(size_of(spare_path), 0);
    assert_int_equal(weir_read_full(os, s->file, header, sizeof header, 0), 0);
    assert_int_equal(weir_segment_header_decode(header, &back), WEIR_OK);
    assert_int_equal(byte_at(segment_path, 256), 0); /* the old bytes behind the header are gone */
    assert_int_equal(byte_at(segment_path, 4095), 0);
    assert_int_equal(byte_at(segment_path, 4096), 0xaa); /* and void further on */
    weir_segment_close(s);
}

static void a_spare_is_cut_or_extended_to_the_size_wanted(void **state) {
    (void)state;
    weir_error error;
    weir_segment *s = &at_hand;
    assert_int_equal(weir_spare_create(os, WEIR_OS_CWD, spare_path, BYTES, &error), WEIR_OK);
    prepare(BYTES, BYTES * 2, s);
    assert_int_equal(size_of(spare_path), BYTES * 2);
    assert_int_equal(s->filled, BYTES); /* nobody ever wrote what was added */
    weir_segment_close(s);
    prepare(BYTES, BYTES / 2, s);
    assert_int_equal(size_of(spare_path), BYTES / 2);
    assert_int_equal(s->filled, BYTES / 2);
    weir_segment_close(s);
    prepare(0, BYTES / 2, s);
    assert_int_equal(s->filled, WEIR_BLOCK_ALIGN); /* which is its header */
    weir_segment_close(s);
}

static void a_spare_made_void_holds_zeros_and_ends_there(void **state) {
    (void)state;
    enum { PIECES = 64 * 1024 + WEIR_BLOCK_ALIGN };
    static uint8_t now[PIECES];
    weir_error error;
    int file;
    fill_spare();
    assert_int_equal(weir_spare_open(os, WEIR_OS_CWD, spare_path, &file, &error), WEIR_OK);
    assert_int_equal(weir_spare_void(os, file, spare_path, PIECES, &error), WEIR_OK);
    assert_int_equal(size_of(spare_path), PIECES);
    assert_int_equal(weir_read_full(os, file, now, sizeof now, 0), 0);
    for (size_t at = 0; at < sizeof now; at++)
        assert_int_equal(now[at], 0);
    faulty_arm(&faulty, FAULTY_PWRITE, 2, 1, -ENOSPC);
    assert_int_equal(weir_spare_void(os, file, spare_path, PIECES, &error), WEIR_NO_SPACE);
    assert_non_null(strstr(error.text, spare_path));
    assert_int_equal(os->close(os->self, file), 0);
    assert_int_equal(weir_spare_void(os, file, spare_path, PIECES, &error), WEIR_IO);
}

static void a_failure_leaves_the_spare_its_name(void **state) {
    (void)state;
    const faulty_call steps[] = {FAULTY_DATASYNC, FAULTY_RENAME, FAULTY_SYNC_DIRECTORY};
    weir_error error;
    weir_segment *s = &at_hand;
    assert_int_equal(weir_spare_create(os, WEIR_OS_CWD, spare_path, BYTES, &error), WEIR_OK);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        prepare(0, BYTES, s);
        faulty_arm(&faulty, steps[i], 1, 1, -EIO);
        assert_int_equal(weir_segment_publish(s, directory, spare_path, segment_path, &error),
                         WEIR_IO);
        weir_segment_close(s);
        assert_int_equal(size_of(spare_path), BYTES);
        assert_int_equal(size_of(segment_path), 0);
    }
    weir_segment_header h = sample();
    faulty_arm(&faulty, FAULTY_PWRITE, 1, 1, -ENOSPC);
    assert_int_equal(prepare_at(spare_path, 0, &h, s, &error), WEIR_NO_SPACE);
    assert_int_equal(prepare_at(segment_path, 0, &h, s, &error), WEIR_IO);
}

static struct { uint64_t device, inode; } moved_by; /* by how much another file has other numbers */

static int info_of_another(void *self, int file, weir_os_info *out) {
    int done = faulty_real()->info_file(self, file, out);
    out->device += moved_by.device;
    out->inode += moved_by.inode;
    return done;
}

/* A program may close our descriptor, and its number may be another file's then. */
static void a_segment_is_open_while_its_descriptor_is_that_file(void **state) {
    (void)state;
    weir_segment *s = &at_hand;
    fill_spare();
    prepare(BYTES, BYTES, s);
    assert_true(weir_segment_is_open(s));
    faulty.table.info_file = info_of_another;
    moved_by.device = 1;
    assert_false(weir_segment_is_open(s));
    moved_by.device = 0;
    moved_by.inode = 1;
    assert_false(weir_segment_is_open(s));
    faulty.table.info_file = faulty_real()->info_file;
    weir_segment_close(s);
    assert_false(weir_segment_is_open(s));
}

static int no_info(void *self, int file, weir_os_info *out) {
    (void)self, (void)file, (void)out;
    return -EIO;
}

static void a_spare_that_cannot_be_sized_is_no_segment(void **state) {
    (void)state;
    weir_error error;
    weir_segment *s = &at_hand;
    weir_segment_header h = sample();
    fill_spare();
    faulty.table.info_file = no_info;
    assert_int_equal(prepare_at(spare_path, BYTES, &h, s, &error), WEIR_IO);
    faulty.table.info_file = faulty_real()->info_file;
    h.bytes = 2 * BYTES;
    faulty_arm(&faulty, FAULTY_ALLOCATE, 1, 1, -ENOSPC);
    assert_int_equal(prepare_at(spare_path, BYTES, &h, s, &error), WEIR_NO_SPACE);
    assert_non_null(strstr(error.text, spare_path));
    assert_int_equal(byte_at(spare_path, 0), 0xaa); /* no header where it would not be true */
    assert_int_equal(faulty.calls[FAULTY_PWRITE], 1);
}

/* ---- what the caller owes ---- */

#ifndef NDEBUG
static sigjmp_buf aborted;

static void on_abort(int signal) {
    (void)signal;
    siglongjmp(aborted, 1);
}

/* Does the segment stop the program before it touches the file? */
static bool stops(void (*call)(weir_segment *s, uint64_t bytes), weir_segment *s, uint64_t bytes) {
    long before = faulty.calls[FAULTY_PWRITE];
    volatile bool stopped = true;
    void (*old)(int) = signal(SIGABRT, on_abort);
    if (sigsetjmp(aborted, 1) == 0) {
        call(s, bytes);
        stopped = false;
    }
    (void)signal(SIGABRT, old);
    return stopped && faulty.calls[FAULTY_PWRITE] == before;
}

static void append_so_much(weir_segment *s, uint64_t bytes) {
    static uint8_t block[2 * BYTES];
    weir_error error;
    assert_int_equal(weir_segment_append(s, block, bytes, &error), WEIR_OK);
}

static void prepare_so_much(weir_segment *s, uint64_t bytes) { prepare(0, bytes, s); }

/* A segment of parts of pages, or a block behind its end, would be read back as damage. */
static void a_callers_mistake_stops_it_before_it_writes(void **state) {
    (void)state;
    weir_segment *s = &at_hand;
    fill_spare();
    assert_true(stops(prepare_so_much, s, WEIR_BLOCK_ALIGN / 2));
    assert_true(stops(prepare_so_much, s, BYTES + 512));
    prepare(0, BYTES, s);
    assert_true(stops(append_so_much, s, WEIR_BLOCK_ALIGN + 512));
    assert_true(stops(append_so_much, s, BYTES)); /* a page is the header's */
    assert_false(stops(append_so_much, s, 0));
    append_so_much(s, BYTES - WEIR_BLOCK_ALIGN);
    assert_true(stops(append_so_much, s, WEIR_BLOCK_ALIGN));
    weir_segment_close(s);
}
#endif

/* ---- appending ---- */

static void filling_runs_ahead_and_stops_at_the_end(void **state) {
    (void)state;
    static uint8_t block[WEIR_BLOCK_ALIGN];
    memset(block, 0xbb, sizeof block);
    weir_error error;
    weir_segment *s = &at_hand;
    assert_int_equal(weir_spare_create(os, WEIR_OS_CWD, spare_path, BYTES, &error), WEIR_OK);
    prepare(0, BYTES, s);
    assert_int_equal(weir_segment_append(s, block, sizeof block, &error), WEIR_OK);
    assert_int_equal(s->end, 2 * WEIR_BLOCK_ALIGN);
    assert_int_equal(s->filled, s->end);
    weir_segment_prezero(s);
    assert_int_equal(s->filled, s->end + 64 * 1024);
    weir_segment_prezero(s); /* there still is what was written ahead */
    assert_int_equal(s->filled, s->end + 64 * 1024);
    while (weir_segment_has_room(s, sizeof block)) {
        assert_int_equal(weir_segment_append(s, block, sizeof block, &error), WEIR_OK);
        weir_segment_prezero(s);
        assert_true(s->filled > s->end || s->end == BYTES);
        assert_true(s->filled <= BYTES);
    }
    assert_int_equal(s->end, BYTES);
    assert_int_equal(size_of(spare_path), BYTES);
    assert_int_equal(weir_segment_sync(s, &error), WEIR_OK);
    weir_segment_close(s);
    assert_int_equal(byte_at(spare_path, BYTES - 1), 0xbb);
}

static void filling_that_fails_harms_nobody(void **state) {
    (void)state;
    static uint8_t block[WEIR_BLOCK_ALIGN];
    weir_error error;
    weir_segment *s = &at_hand;
    assert_int_equal(weir_spare_create(os, WEIR_OS_CWD, spare_path, BYTES, &error), WEIR_OK);
    prepare(0, BYTES, s);
    faulty_arm(&faulty, FAULTY_PWRITE, 2, 1, -EIO);
    assert_int_equal(weir_segment_append(s, block, sizeof block, &error), WEIR_OK);
    weir_segment_prezero(s);
    assert_int_equal(s->filled, s->end);
    assert_int_equal(weir_segment_append(s, block, sizeof block, &error), WEIR_OK);
    weir_segment_prezero(s);
    assert_int_equal(s->filled, s->end);
    weir_segment_close(s);
}

static void a_failed_write_moves_nothing(void **state) {
    (void)state;
    static uint8_t block[WEIR_BLOCK_ALIGN];
    weir_error error;
    weir_segment *s = &at_hand;
    assert_int_equal(weir_spare_create(os, WEIR_OS_CWD, spare_path, BYTES, &error), WEIR_OK);
    prepare(0, BYTES, s);
    faulty_arm(&faulty, FAULTY_PWRITE, 1, 1, -EIO);
    assert_int_equal(weir_segment_append(s, block, sizeof block, &error), WEIR_IO);
    assert_int_equal(s->end, WEIR_BLOCK_ALIGN);
    faulty_arm(&faulty, FAULTY_DATASYNC, 1, 1, -EIO);
    assert_int_equal(weir_segment_sync(s, &error), WEIR_IO);
    weir_segment_close(s);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_header_comes_back_whole),
        TEST(any_flipped_bit_is_damage),
        TEST(newer_and_impossible_headers_are_told_apart),
        TEST(a_spare_has_its_size_or_does_not_exist),
        TEST(a_segment_takes_its_name_last),
        TEST(a_spare_is_cut_or_extended_to_the_size_wanted),
        TEST(a_spare_made_void_holds_zeros_and_ends_there),
        TEST(a_failure_leaves_the_spare_its_name),
        TEST(a_spare_that_cannot_be_sized_is_no_segment),
        TEST(a_segment_is_open_while_its_descriptor_is_that_file),
#ifndef NDEBUG
        TEST(a_callers_mistake_stops_it_before_it_writes),
#endif
        TEST(filling_runs_ahead_and_stops_at_the_end),
        TEST(filling_that_fails_harms_nobody),
        TEST(a_failed_write_moves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
