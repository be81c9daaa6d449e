/* test_ring.c - the ring file: made, claimed, cut, left behind and found again. */
/* Covers: lib/ring/ring_file.c, lib/ring/ring_inspect.c */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "faulty_os.h"
#include "ring_fixture.h"
#include "scarce.h"

enum { LANES = RING_LANES, LANE_BYTES = RING_LANE_BYTES };

/* A body of eight bytes, so that a record takes 24. */
static void put(weir_ring *ring, weir_lane *lane, uint64_t number) {
    uint64_t epoch = weir_ring_stamp(ring, lane, false);
    memcpy(weir_lane_at(lane, lane->tail) + WEIR_RECORD_HEAD, &number, sizeof number);
    weir_record_seal(lane, lane->tail, sizeof number, epoch, WEIR_RECORD_ROW);
    weir_lane_publish(lane, lane->tail + weir_record_bytes(sizeof number));
}

static void a_dead_ring_is_found_as_it_was_left(void **state) {
    ring_fixture *f = *state;
    weir_error error;
    assert_int_equal(weir_ring_provision(&f->ring, &error), 0);
    weir_lane *lane = weir_ring_claim(&f->ring, 1, 0);
    assert_non_null(lane);
    /* Several laps, so that records cross the end of the lane. */
    for (uint32_t i = 0; i < 3 * LANE_BYTES / 24 + 7; i++) {
        if (lane->tail + 24 > atomic_load(&lane->control->head) + LANE_BYTES)
            atomic_store(&lane->control->head, lane->tail - 24 * 100);
        put(&f->ring, lane, i);
    }
    uint64_t left = lane->tail - atomic_load(&lane->control->head);
    weir_ring_close(&f->ring);

    weir_ring_report report;
    assert_int_equal(
        weir_ring_inspect(weir_os_posix(), WEIR_OS_CWD, f->path, NULL, &report, &error), 0);
    assert_int_equal(report.found, WEIR_RING_OURS);
    assert_true(report.bytes == left && report.unreadable_bytes == 0);
    assert_int_equal(report.rows, left / 24);
    assert_int_equal(report.header.lanes, LANES);
    assert_memory_equal(report.header.journal, "\x09", 1);
}

static void marks_survive_a_torn_store(void **state) {
    ring_fixture *f = *state;
    weir_durable_mark mark = {0};
    assert_false(weir_ring_load_mark(&f->ring, &mark));
    weir_ring_store_mark(&f->ring, &(weir_durable_mark){.block = UINT64_MAX, .row = 400});
    weir_ring_store_mark(&f->ring, &(weir_durable_mark){.block = 4, .row = UINT64_MAX});
    assert_false(weir_ring_load_mark(&f->ring, &mark)); /* whoever counted on would begin at 0 */
    weir_ring_store_mark(&f->ring, &(weir_durable_mark){.block = 4, .hash = 44, .row = 400});
    weir_ring_store_mark(&f->ring, &(weir_durable_mark){.block = 5, .hash = 55, .row = 500});
    assert_true(weir_ring_load_mark(&f->ring, &mark));
    assert_true(mark.block == 5 && mark.hash == 55 && mark.row == 500);
    f->ring.map[WEIR_RING_MARK_AT + WEIR_RING_MARK_STEP] ^= 1; /* the newer copy is torn */
    assert_true(weir_ring_load_mark(&f->ring, &mark));
    assert_true(mark.block == 4 && mark.row == 400);
    f->ring.map[WEIR_RING_MARK_AT + 9] ^= 1;
    assert_false(weir_ring_load_mark(&f->ring, &mark));
}

static struct {
    int status;
    uint64_t device, inode;
} moved_by; /* by how much another file has other numbers */

static int info_of_another(void *self, int file, weir_os_info *out) {
    (void)weir_os_posix()->info_file(self, file, out);
    out->device += moved_by.device;
    out->inode += moved_by.inode;
    return moved_by.status;
}

/* A program may close our descriptor, and its number may be another file's then. */
static void no_lane_is_made_of_another_file(void **state) {
    ring_fixture *f = *state;
    weir_error error;
    static weir_os table; /* the ring keeps it until it is closed */
    table = *weir_os_posix();
    table.info_file = info_of_another;
    f->ring.os = &table;
    moved_by.status = -EBADF;
    assert_int_equal(weir_ring_provision(&f->ring, &error), WEIR_STOPPED);
    moved_by.status = 0;
    moved_by.device = 1;
    assert_int_equal(weir_ring_provision(&f->ring, &error), WEIR_STOPPED);
    moved_by.device = 0;
    moved_by.inode = 1;
    assert_int_equal(weir_ring_provision(&f->ring, &error), WEIR_STOPPED);
    moved_by.inode = 0;
    assert_int_equal(weir_ring_provision(&f->ring, &error), WEIR_OK);
    f->ring.os = weir_os_posix();
}

static void a_lane_comes_back_when_its_thread_has_ended_and_it_is_drained(void **state) {
    ring_fixture *f = *state;
    weir_error error;
    assert_int_equal(weir_ring_provision(&f->ring, &error), 0);
    weir_lane *lane = weir_ring_claim(&f->ring, 1, 0);
    assert_ptr_equal(lane, &f->lanes[0]);
    put(&f->ring, lane, 1);
    assert_ptr_equal(weir_ring_find(&f->ring, 1, 0), lane);
    assert_null(weir_ring_find(&f->ring, 1, 1)); /* another depth is another lane */
    assert_null(weir_ring_find(&f->ring, 2, 0));
    atomic_store(&lane->busy, true); /* its thread ends in the middle of an append */
    lane->tail += 8;
    assert_false(weir_ring_hand_back(&f->ring, 2)); /* not its */
    assert_ptr_equal(weir_ring_find(&f->ring, 1, 0), lane);
    assert_false(weir_ring_hand_back(&f->ring, 1)); /* not drained */
    assert_false(atomic_load(&lane->busy));
    assert_null(weir_ring_find(&f->ring, 1, 0));
    assert_false(weir_ring_free_ended(&f->ring));
    assert_null(weir_ring_claim(&f->ring, 2, 0));
    assert_int_equal(weir_ring_owned(&f->ring), 1);
    atomic_store(&lane->control->head, 24);
    assert_true(weir_ring_free_ended(&f->ring));
    assert_int_equal(weir_ring_owned(&f->ring), 0);
    assert_ptr_equal(weir_ring_claim(&f->ring, 2, 1), lane);
    assert_int_equal(lane->tail, 24);              /* behind what was published */
    assert_null(weir_ring_claim(&f->ring, 1, 0));  /* its owner lives */
    assert_true(weir_ring_hand_back(&f->ring, 2)); /* nothing to drain */
    assert_ptr_equal(weir_ring_claim(&f->ring, 1, 0), lane);
}

static void lanes_end_at_the_limit(void **state) {
    ring_fixture *f = *state;
    weir_error error;
    for (int i = 0; i < LANES; i++)
        assert_int_equal(weir_ring_provision(&f->ring, &error), 0);
    assert_int_equal(weir_ring_provision(&f->ring, &error), WEIR_NOT_FOUND);
    assert_int_equal(weir_ring_owned(&f->ring), 0);
}

static void a_lone_producer_keeps_its_epoch_and_a_change_takes_a_new_one(void **state) {
    ring_fixture *f = *state;
    ring_provision(f, 2);
    weir_lane *a = &f->lanes[0], *b = &f->lanes[1];
    uint64_t first = weir_ring_stamp(&f->ring, a, false);
    assert_true(weir_ring_stamp(&f->ring, a, false) == first);
    assert_true(weir_ring_stamp(&f->ring, b, false) == first + 1);
    assert_true(weir_ring_stamp(&f->ring, a, false) == first + 2);
    assert_true(weir_ring_stamp(&f->ring, a, true) == first + 3);
    assert_true(weir_ring_cut(&f->ring) == first + 3);
    assert_true(weir_ring_stamp(&f->ring, a, false) == first + 4); /* the cut left the owner */
}

/* No file stays open here where a test may end. */
static void overwrite(const ring_fixture *f, long at, const void *bytes, size_t count) {
    FILE *file = fopen(f->path, "r+b");
    bool done = file && fseek(file, at, SEEK_SET) == 0 && fwrite(bytes, count, 1, file) == 1;
    if (file) done = fclose(file) == 0 && done;
    assert_true(done);
}

static void flip(const ring_fixture *f, long at) {
    size_t bytes;
    uint8_t *file = weir_file_read(f->path, &bytes), flipped = file[at] ^ 0x10;
    free(file);
    overwrite(f, at, &flipped, 1);
}

static void damaged_and_foreign_files_are_told_apart(void **state) {
    ring_fixture *f = *state;
    weir_ring_close(&f->ring);
    weir_ring_report report;
    weir_error error;
    for (long at = 0; at < 128; at++) { /* every byte of the hashed header, and of the hash */
        flip(f, at);
        assert_int_equal(
            weir_ring_inspect(weir_os_posix(), WEIR_OS_CWD, f->path, NULL, &report, &error), 0);
        assert_int_equal(report.found, WEIR_RING_UNREADABLE);
        flip(f, at);
    }
    assert_int_equal(
        weir_ring_inspect(weir_os_posix(), WEIR_OS_CWD, f->path, NULL, &report, &error), 0);
    assert_int_equal(report.found, WEIR_RING_OURS);
    assert_int_equal(truncate(f->path, 100), 0);
    assert_int_equal(
        weir_ring_inspect(weir_os_posix(), WEIR_OS_CWD, f->path, NULL, &report, &error), 0);
    assert_int_equal(report.found, WEIR_RING_UNREADABLE);
    unlink(f->path);
    assert_int_equal(
        weir_ring_inspect(weir_os_posix(), WEIR_OS_CWD, f->path, NULL, &report, &error), 0);
    assert_int_equal(report.found, WEIR_RING_ABSENT);
    assert_int_equal(weir_ring_identify(weir_os_posix(), WEIR_OS_CWD, f->path, &report, &error), 0);
    assert_int_equal(report.found, WEIR_RING_ABSENT);
    assert_true(weir_ring_identify(weir_os_posix(), WEIR_OS_CWD, "/", &report, &error) < 0);
}

static void a_lane_cut_off_by_the_files_end_is_named(void **state) {
    ring_fixture *f = *state;
    weir_error error;
    weir_ring_provision(&f->ring, &error);
    weir_lane *lane = weir_ring_claim(&f->ring, 1, 0);
    put(&f->ring, lane, 1);
    uint64_t data = f->ring.header.data_offset, tail = lane->tail;
    weir_ring_close(&f->ring);
    assert_int_equal(truncate(f->path, (off_t)(data + 4096)), 0);
    weir_ring_report report;
    assert_int_equal(
        weir_ring_inspect(weir_os_posix(), WEIR_OS_CWD, f->path, NULL, &report, &error), 0);
    assert_int_equal(report.found, WEIR_RING_OURS); /* of another boot: a power cut may do that */
    assert_int_equal(report.rows, 0);
    assert_int_equal(report.unreadable_bytes, tail);
}

/* ---- calls that fail ------------------------------------------------------------------- */

static faulty_os faulty;
static long refuse_reserve, refuse_map, refuse_info, refuse_read; /* the n-th from now; 0: none */
static int read_error;
static long reserved; /* pieces of address space that are not unmapped */

static bool refused(long *countdown) { return *countdown > 0 && --*countdown == 0; }

static void *counted_reserve(void *self, size_t bytes) {
    if (refused(&refuse_reserve)) return NULL;
    void *at = weir_os_posix()->reserve(self, bytes);
    reserved += at != NULL;
    return at;
}

static int refusing_map(void *self, void *at, int file, uint64_t offset, size_t bytes,
                        int writable) {
    if (refused(&refuse_map)) return -ENOMEM;
    return weir_os_posix()->map(self, at, file, offset, bytes, writable);
}

static int counted_unmap(void *self, void *at, size_t bytes) {
    reserved--;
    return weir_os_posix()->unmap(self, at, bytes);
}

static int refusing_info(void *self, int file, weir_os_info *out) {
    if (refused(&refuse_info)) return -EIO;
    return weir_os_posix()->info_file(self, file, out);
}

static int64_t refusing_read(void *self, int file, void *into, size_t bytes, uint64_t offset) {
    if (refused(&refuse_read)) return read_error;
    return weir_os_posix()->pread(self, file, into, bytes, offset);
}

static const weir_os *failing_os(void) {
    faulty_make(&faulty);
    faulty.table.reserve = counted_reserve;
    faulty.table.map = refusing_map;
    faulty.table.unmap = counted_unmap;
    faulty.table.info_file = refusing_info;
    faulty.table.pread = refusing_read;
    refuse_reserve = refuse_map = refuse_info = refuse_read = reserved = 0;
    return &faulty.table;
}

/* The lowest descriptor that is free: what leaks one moves it. */
static int next_descriptor(void) {
    int file = dup(0);
    assert_true(file >= 0);
    close(file);
    return file;
}

static void making_that_fails_leaves_nothing_behind(void **state) {
    ring_fixture *f = *state;
    static const struct {
        faulty_call call;
        int error, status;
    } cases[] = {{FAULTY_OPEN, -EACCES, WEIR_IO},
                 {FAULTY_ALLOCATE, -ENOSPC, WEIR_NO_SPACE},
                 {FAULTY_PWRITE, -EIO, WEIR_IO},
                 {FAULTY_DATASYNC, -EIO, WEIR_IO},
                 {FAULTY_ALLOCATE, -EOPNOTSUPP, WEIR_UNSUPPORTED}};
    weir_ring_header wanted = f->ring.header;
    weir_ring_close(&f->ring);
    weir_ring_close(&f->ring); /* once more is no harm */
    const weir_os *os = failing_os();
    int descriptor = next_descriptor();
    weir_error error = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases + 3; i++) {
        int expected = WEIR_NO_MEMORY;
        if (i < sizeof cases / sizeof *cases) {
            faulty_arm(&faulty, cases[i].call, 1, 1, cases[i].error);
            expected = cases[i].status;
        } else if (i == sizeof cases / sizeof *cases) {
            refuse_reserve = 1;
        } else if (i == sizeof cases / sizeof *cases + 1) {
            refuse_map = 1;
        } else {
            refuse_info = 1;
            expected = WEIR_IO;
        }
        assert_int_equal(
            weir_ring_create(&f->ring, os, WEIR_OS_CWD, f->path, &wanted, f->lanes, &error),
            expected);
        assert_true(strlen(error.text) > 10);
        assert_int_equal(access(f->path, F_OK), -1);
        assert_int_equal(next_descriptor(), descriptor);
        assert_int_equal(reserved, 0);
    }
    assert_int_equal(
        weir_ring_create(&f->ring, os, WEIR_OS_CWD, f->path, &wanted, f->lanes, &error), 0);
    ring_release(f);
    assert_int_equal(reserved, 0);
}

static void a_lane_that_cannot_be_made_is_made_later(void **state) {
    ring_fixture *f = *state;
    weir_ring_header wanted = f->ring.header;
    weir_error error = {0};
    weir_ring_close(&f->ring);
    const weir_os *os = failing_os();
    assert_int_equal(
        weir_ring_create(&f->ring, os, WEIR_OS_CWD, f->path, &wanted, f->lanes, &error), 0);
    faulty_arm(&faulty, FAULTY_ALLOCATE, 1, 1, -ENOSPC);
    assert_int_equal(weir_ring_provision(&f->ring, &error), WEIR_NO_SPACE);
    refuse_reserve = 1;
    assert_int_equal(weir_ring_provision(&f->ring, &error), WEIR_NO_MEMORY);
    for (long n = 1; n <= 2; n++) { /* the bytes once, and once more behind them */
        refuse_map = n;
        assert_int_equal(weir_ring_provision(&f->ring, &error), WEIR_NO_MEMORY);
        assert_int_equal(reserved, 1); /* header and controls */
        assert_null(weir_ring_claim(&f->ring, 1, 0));
    }
    assert_int_equal(weir_ring_provision(&f->ring, &error), 0);
    weir_lane *lane = weir_ring_claim(&f->ring, 1, 0);
    assert_ptr_equal(lane, &f->lanes[0]);
    lane->data[0] = 7;
    assert_int_equal(lane->data[LANE_BYTES], 7); /* the same byte */
    ring_release(f);
    assert_int_equal(reserved, 0);
}

/* A ring with records in its second lane, closed as a dead process leaves it. */
static void leave_rows(ring_fixture *f, unsigned rows) {
    ring_provision(f, 2);
    for (unsigned i = 0; i < rows; i++)
        put(&f->ring, &f->lanes[1], i);
    weir_ring_close(&f->ring);
}

static int attach(const weir_os *os, const ring_fixture *f, weir_found_ring *found) {
    weir_ring ring;
    weir_error error = {0};
    int status = weir_ring_attach(&ring, os, WEIR_OS_CWD, f->path, found, &error);
    if (status != WEIR_OK) assert_true(strlen(error.text) > 10);
    if (status == WEIR_OK && *found == WEIR_RING_OURS) weir_ring_close(&ring);
    return status;
}

static void a_dead_ring_that_cannot_be_read_is_an_error_and_not_damage(void **state) {
    ring_fixture *f = *state;
    leave_rows(f, 1);
    const weir_os *os = failing_os();
    int descriptor = next_descriptor();
    weir_found_ring found;
    faulty_arm(&faulty, FAULTY_OPEN, 1, 1, -EACCES);
    assert_int_equal(attach(os, f, &found), WEIR_IO);
    refuse_info = 1;
    assert_int_equal(attach(os, f, &found), WEIR_IO);
    refuse_read = 1, read_error = -EIO;
    assert_int_equal(attach(os, f, &found), WEIR_IO);
    refuse_reserve = 1;
    assert_int_equal(attach(os, f, &found), WEIR_NO_MEMORY);
    for (long n = 1; n <= 3; n++) { /* controls, lane, lane again */
        refuse_map = n;
        assert_int_equal(attach(os, f, &found), WEIR_NO_MEMORY);
    }
    bool armed = scarce_arm(1);
    int status = attach(os, f, &found);
    (void)scarce_end();
    if (armed) assert_int_equal(status, WEIR_NO_MEMORY);
    refuse_read = 1, read_error = 0; /* cut while it is looked at */
    assert_int_equal(attach(os, f, &found), WEIR_OK);
    assert_int_equal(found, WEIR_RING_UNREADABLE);
    refuse_info = 1;
    weir_ring_report report;
    weir_error error;
    assert_int_equal(weir_ring_inspect(os, WEIR_OS_CWD, f->path, NULL, &report, &error), WEIR_IO);
    assert_int_equal(next_descriptor(), descriptor);
    assert_int_equal(reserved, 0);
    assert_int_equal(attach(os, f, &found), WEIR_OK);
    assert_int_equal(found, WEIR_RING_OURS);
}

/* ---- what a header may say --------------------------------------------------------------- */

typedef struct place {
    long offset;
    unsigned width;
    uint64_t value;
} place;

static void put_field(uint8_t header[136], const place *at) { /* a store may touch 8 bytes */
    uint8_t behind[8];
    uint8_t *end = header + at->offset + at->width;
    memcpy(behind, end, sizeof behind);
    (void)weir_put_uint(header + at->offset, at->value, at->width);
    memcpy(end, behind, sizeof behind);
}

/* The ring found when its header says so, and its hash fits. */
static weir_found_ring found_with(const ring_fixture *f, const place *fields, size_t count) {
    uint8_t header[128], changed[136] = {0};
    size_t bytes;
    uint8_t *file = weir_file_read(f->path, &bytes);
    memcpy(header, file, sizeof header);
    free(file);
    memcpy(changed, header, sizeof header);
    for (size_t i = 0; i < count; i++)
        put_field(changed, &fields[i]);
    (void)weir_put_u64(changed + 120, weir_hash(changed, 120));
    overwrite(f, 0, changed, sizeof header);
    weir_found_ring found;
    assert_int_equal(attach(weir_os_posix(), f, &found), WEIR_OK);
    overwrite(f, 0, header, sizeof header);
    return found;
}

static void sizes_are_believed_only_within_bounds(void **state) {
    ring_fixture *f = *state;
    static const struct {
        place field;
        weir_found_ring found;
    } cases[] = {
        {{8, 4, WEIR_RING_VERSION + 1}, WEIR_RING_NEWER},
        {{8, 4, 0}, WEIR_RING_UNREADABLE},
        {{12, 4, WEIR_RING_HEADER * 2}, WEIR_RING_UNREADABLE},
        {{16, 4, 0}, WEIR_RING_OURS},
        {{16, 4, WEIR_FEATURE_TEMPLATES}, WEIR_RING_OURS},
        {{16, 4, WEIR_FEATURE_BATCHES}, WEIR_RING_OURS},
        {{16, 4, WEIR_RING_FEATURES}, WEIR_RING_OURS},
        {{16, 4, 4}, WEIR_RING_NEWER},
        {{16, 4, 7}, WEIR_RING_NEWER},
        {{20, 4, 1}, WEIR_RING_OURS}, /* compatible */
        {{76, 4, WEIR_LANE_CONTROL / 2}, WEIR_RING_UNREADABLE},
        {{80, 8, 0}, WEIR_RING_UNREADABLE},
        {{88, 8, LANE_BYTES + 64}, WEIR_RING_UNREADABLE},
        {{88, 8, 1u << 15}, WEIR_RING_UNREADABLE},
        {{88, 8, 1u << 30}, WEIR_RING_OURS},
        {{88, 8, (uint64_t)1 << 31}, WEIR_RING_UNREADABLE},
        {{96, 8, 4096}, WEIR_RING_UNREADABLE},
    };
    weir_ring_close(&f->ring);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (found_with(f, &cases[i].field, 1) != cases[i].found)
            fail_msg("%llu at %ld", (unsigned long long)cases[i].field.value,
                     cases[i].field.offset);
    assert_int_equal(truncate(f->path, WEIR_RING_HEADER + 4095), 0); /* a header, no controls */
    assert_int_equal(found_with(f, NULL, 0), WEIR_RING_UNREADABLE);
}

/* Where the data begins fits the lanes, and the file is long enough: only the number is wrong. */
static void lanes_are_believed_only_up_to_the_limit(void **state) {
    ring_fixture *f = *state;
    static const struct {
        uint64_t lanes, pages; /* of the controls */
        weir_found_ring found;
    } cases[] = {{0, 0, WEIR_RING_UNREADABLE},
                 {1, 1, WEIR_RING_OURS},
                 {WEIR_LANES_LIMIT, 64, WEIR_RING_OURS},
                 {WEIR_LANES_LIMIT + 1, 65, WEIR_RING_UNREADABLE}};
    weir_ring_close(&f->ring);
    assert_int_equal(truncate(f->path, 1 << 20), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        place fields[] = {{72, 4, cases[i].lanes},
                          {96, 8, WEIR_RING_HEADER + 4096 * cases[i].pages}};
        assert_int_equal(found_with(f, fields, 2), cases[i].found);
    }
}

/* ---- what the tool says ------------------------------------------------------------------ */

static weir_ring_report inspect(const weir_os *os, const ring_fixture *f,
                                const weir_drained *drained) {
    weir_ring_report report;
    weir_error error = {0};
    if (weir_ring_inspect(os, WEIR_OS_CWD, f->path, drained, &report, &error) != WEIR_OK)
        fail_msg("%s", error.text);
    assert_int_equal(report.found, WEIR_RING_OURS);
    weir_ring_report first; /* and says the same without a look at the lanes */
    assert_int_equal(weir_ring_identify(os, WEIR_OS_CWD, f->path, &first, &error), WEIR_OK);
    assert_int_equal(first.found, report.found);
    assert_memory_equal(first.header.id, report.header.id, sizeof first.header.id);
    assert_int_equal(first.same_boot, report.same_boot);
    assert_int_equal(first.has_mark, report.has_mark);
    assert_int_equal(first.mark.block, report.mark.block);
    assert_int_equal(first.rows + first.lanes_used, 0);
    return report;
}

static void set_head(const ring_fixture *f, uint32_t lane, uint64_t head) {
    overwrite(f, WEIR_RING_HEADER + (long)lane * WEIR_LANE_CONTROL + WEIR_CACHE_LINE, &head,
              sizeof head);
}

/* What the journal has is not counted twice, and what it says of another ring counts for nothing. */
static void a_report_leaves_out_what_the_journal_has(void **state) {
    ring_fixture *f = *state;
    uint8_t id[16];
    memcpy(id, f->ring.header.id, sizeof id);
    leave_rows(f, 5);
    weir_lane_mark lanes[] = {{0, 96}, {1, 48}};
    weir_drained drained = {.marks = lanes, .count = 2};
    assert_int_equal(inspect(weir_os_posix(), f, &drained).rows, 5); /* of a ring of zeros */
    memcpy(drained.ring, id, sizeof id);
    weir_ring_report report = inspect(weir_os_posix(), f, &drained);
    assert_int_equal(report.rows, 3);
    assert_int_equal(report.bytes, 72);
    assert_int_equal(report.lanes_used, 1); /* nobody wrote in the first */
    set_head(f, 1, 96);                     /* durable, though no block at hand says so */
    assert_int_equal(inspect(weir_os_posix(), f, &drained).rows, 1);
    set_head(f, 1, 0);
    drained.count = 1; /* of the other lane */
    assert_int_equal(inspect(weir_os_posix(), f, &drained).rows, 5);
}

static void a_report_counts_what_cannot_be_read(void **state) {
    ring_fixture *f = *state;
    uint64_t lane_at = f->ring.header.data_offset + LANE_BYTES;
    leave_rows(f, 5);
    overwrite(f, (long)lane_at + 2 * 24 + WEIR_RECORD_HEAD, "\xEE", 1);
    weir_ring_report report = inspect(weir_os_posix(), f, NULL);
    assert_int_equal(report.rows, 2);
    assert_int_equal(report.bytes, 48);
    assert_int_equal(report.unreadable_bytes, 72);
    assert_false(report.has_mark);
}

/* Of a batch that is not whole nothing will be taken, so nothing of it is counted. */
static void a_report_counts_whole_batches(void **state) {
    ring_fixture *f = *state;
    ring_provision(f, 1);
    ring_put(f, 0, weir_int(1));
    ring_put_batch(f, 0, 2, 4);
    ring_put_batch(f, 0, 6, 3);
    uint64_t lane_at = f->ring.header.data_offset;
    weir_ring_close(&f->ring);
    weir_ring_report report = inspect(weir_os_posix(), f, NULL);
    assert_int_equal(report.rows, 8);
    assert_int_equal(report.bytes, 8 * 24);
    assert_int_equal(report.unreadable_bytes, 0);
    overwrite(f, (long)lane_at + 7 * 24 + WEIR_RECORD_HEAD, "\xEE", 1); /* the last row */
    report = inspect(weir_os_posix(), f, NULL);
    assert_int_equal(report.rows, 5);
    assert_int_equal(report.bytes, 5 * 24);
    assert_int_equal(report.unreadable_bytes, 3 * 24);
}

static int no_boot_id(void *self, uint8_t id[16]) {
    (void)self, (void)id;
    return -ENOENT;
}

static void a_report_knows_this_boot_from_another(void **state) {
    ring_fixture *f = *state;
    weir_ring_header wanted = f->ring.header;
    weir_error error;
    weir_ring_close(&f->ring);
    assert_false(inspect(weir_os_posix(), f, NULL).same_boot);
    assert_true(weir_os_posix()->boot_id(NULL, wanted.boot) >= 0);
    assert_int_equal(weir_ring_create(&f->ring, weir_os_posix(), WEIR_OS_CWD, f->path, &wanted,
                                      f->lanes, &error),
                     0);
    weir_ring_close(&f->ring);
    assert_true(inspect(weir_os_posix(), f, NULL).same_boot);
    weir_os blind = *weir_os_posix();
    blind.boot_id = no_boot_id;
    assert_false(inspect(&blind, f, NULL).same_boot);
}

/* ---- who owns a lane --------------------------------------------------------------------- */

static uint32_t own_id;
static weir_os_life told;
static weir_ring *changing; /* while somebody asks whether the owner of its lane 0 lives */

static uint32_t tell_id(void *self) {
    (void)self;
    return own_id;
}

/* The owner ends by itself, and the next thread gets its id and its lane. */
static weir_os_life tell_life(void *self, uint32_t thread) {
    (void)self;
    assert_int_equal(thread, own_id);
    if (!changing) return told;
    assert_true(weir_ring_hand_back(changing, 1));
    assert_non_null(weir_ring_claim(changing, 2, 0));
    return WEIR_OS_DEAD;
}

static const weir_os *os_of_lives(void) {
    static weir_os os;
    os = *weir_os_posix();
    os.thread_id = tell_id;
    os.thread_life = tell_life;
    own_id = 0x3FFFFF; /* the greatest that Linux gives */
    changing = NULL;
    return &os;
}

/* A thread that ended without giving its lane back; and who cannot be looked at lives. */
static void only_the_dead_lose_their_lane(void **state) {
    ring_fixture *f = *state;
    weir_error error;
    f->ring.os = os_of_lives();
    assert_int_equal(weir_ring_provision(&f->ring, &error), 0);
    weir_lane *lane = weir_ring_claim(&f->ring, 1, 0);
    atomic_store(&lane->busy, true);
    static const weir_os_life living[] = {WEIR_OS_ALIVE, WEIR_OS_UNKNOWN};
    for (size_t i = 0; i < 2; i++) {
        told = living[i];
        weir_ring_end_dead(&f->ring);
        assert_false(weir_ring_free_ended(&f->ring));
        assert_null(weir_ring_claim(&f->ring, 2, 0));
        assert_true(atomic_load(&lane->busy));
    }
    told = WEIR_OS_DEAD;
    weir_ring_end_dead(&f->ring);
    assert_false(atomic_load(&lane->busy)); /* who closes need not wait for it */
    assert_null(weir_ring_claim(&f->ring, 2, 0));
    assert_true(weir_ring_free_ended(&f->ring));
    assert_ptr_equal(weir_ring_claim(&f->ring, 2, 0), lane);
}

/* The kernel gives a thread's id again: the new thread neither takes the lane for its own, nor
 * loses one to a judgement of the old thread. */
static void a_thread_id_given_again_is_another_thread(void **state) {
    ring_fixture *f = *state;
    weir_error error;
    f->ring.os = os_of_lives();
    assert_int_equal(weir_ring_provision(&f->ring, &error), 0);
    weir_lane *lane = weir_ring_claim(&f->ring, 1, 0);
    assert_null(weir_ring_find(&f->ring, 2, 0));
    uint64_t before = atomic_load(&lane->control->owner);
    changing = &f->ring;
    weir_ring_end_dead(&f->ring);
    changing = NULL;
    assert_ptr_equal(weir_ring_find(&f->ring, 2, 0), lane);
    assert_false(weir_ring_free_ended(&f->ring));
    assert_null(weir_ring_claim(&f->ring, 3, 0));
    assert_true(atomic_load(&lane->control->owner) == before + ((uint64_t)1 << 40));
    /* A word that says neither free nor owned is nobody's to take: somebody wrote wildly. */
    atomic_store(&lane->control->owner, (uint64_t)7 << 40 | 0x77);
    assert_false(weir_ring_hand_back(&f->ring, 2));
    weir_ring_end_dead(&f->ring);
    assert_null(weir_ring_claim(&f->ring, 3, 0));
}

static uint32_t lose_the_race(void *self) {
    weir_ring *ring = changing;
    changing = NULL;
    if (ring) assert_non_null(weir_ring_claim(ring, 2, 0));
    return tell_id(self);
}

static void a_lane_that_another_thread_claims_meanwhile_is_that_ones(void **state) {
    ring_fixture *f = *state;
    ring_provision(f, 2);
    static weir_os os;
    os = *os_of_lives();
    os.thread_id = lose_the_race;
    f->ring.os = &os;
    changing = &f->ring;
    weir_lane *mine = weir_ring_claim(&f->ring, 1, 0), *other = weir_ring_find(&f->ring, 2, 0);
    assert_ptr_equal(other, &f->lanes[0]);
    assert_ptr_equal(mine, &f->lanes[1]);
    assert_false(weir_ring_free_ended(&f->ring));
    assert_int_equal(weir_ring_owned(&f->ring), 2);
    assert_true(weir_ring_hand_back(&f->ring, 1));
    assert_int_equal(weir_ring_owned(&f->ring), 1);
}

static size_t covered;

static int count_covered(void *self, void *at, size_t bytes) {
    (void)self;
    assert_non_null(at);
    covered += bytes;
    return 0;
}

static void only_what_is_written_to_is_covered_in_a_child(void **state) {
    ring_fixture *f = *state;
    weir_error error;
    weir_found_ring found;
    weir_ring dead;
    static weir_os os;
    os = *weir_os_posix();
    os.cover = count_covered;
    f->ring.os = &os;
    assert_int_equal(weir_ring_provision(&f->ring, &error), 0);
    weir_ring_let_go(&f->ring);
    assert_int_equal(covered, f->ring.map_bytes + 2 * LANE_BYTES);
    assert_int_equal(weir_ring_attach(&dead, &os, WEIR_OS_CWD, f->path, &found, &error), 0);
    covered = 0;
    weir_ring_let_go(&dead);
    weir_ring_close(&dead);
    assert_int_equal(covered, 0);
}

static void pending_is_what_was_not_taken(void **state) {
    ring_fixture *f = *state;
    ring_provision(f, 2);
    assert_int_equal(weir_ring_pending(&f->ring), 0);
    put(&f->ring, &f->lanes[0], 1);
    put(&f->ring, &f->lanes[1], 1);
    put(&f->ring, &f->lanes[1], 2);
    assert_int_equal(weir_ring_pending(&f->ring), 72);
    f->lanes[1].taken = 24;
    assert_int_equal(weir_ring_pending(&f->ring), 48);
}

enum { STAMPS = 2000000, MEETINGS = 1000 };

typedef struct stamper {
    weir_ring *ring;
    weir_lane *lane;
    _Atomic int *ready;
    uint64_t stamps;
} stamper;

/* Until the other's epochs have come between its own often enough to have met it in a swap. */
static void *stamp_many(void *argument) {
    stamper *s = argument;
    uint64_t before = 0, meetings = 0;
    atomic_fetch_add(s->ready, 1);
    while (atomic_load(s->ready) < 2) {
    }
    while (s->stamps < STAMPS && meetings < MEETINGS) {
        uint64_t epoch = weir_ring_stamp(s->ring, s->lane, true);
        if (epoch <= before) return s; /* twice, or backwards */
        meetings += epoch > before + 1;
        before = epoch;
        s->stamps++;
    }
    return NULL;
}

/* Each swap of the word takes the next epoch: none is lost, and none is given to both. */
static void two_producers_share_the_epochs(void **state) {
    ring_fixture *f = *state;
    ring_provision(f, 2);
    uint64_t before = weir_ring_cut(&f->ring);
    _Atomic int ready = 0;
    stamper s[2] = {{&f->ring, &f->lanes[0], &ready, 0}, {&f->ring, &f->lanes[1], &ready, 0}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, stamp_many, &s[i]), 0);
    void *wrong[2];
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], &wrong[i]); /* both, before either can fail the test */
    assert_null(wrong[0]);
    assert_null(wrong[1]);
    assert_int_equal(weir_ring_cut(&f->ring), before + 1 + s[0].stamps + s[1].stamps);
}

static void the_newer_mark_counts_whichever_copy_it_is(void **state) {
    ring_fixture *f = *state;
    weir_durable_mark mark = {0};
    for (uint64_t block = 1; block <= 4; block++) {
        weir_ring_store_mark(
            &f->ring, &(weir_durable_mark){.block = block, .hash = block, .row = 10 * block});
        assert_true(weir_ring_load_mark(&f->ring, &mark));
        assert_int_equal(mark.block, block);
        assert_int_equal(mark.row, 10 * block);
    }
}

/* ---- populating ------------------------------------------------------------------------------ */

enum { PAGE = 4096, PAGES = 1024, MOST = 128, A_SECOND = 1000000000 };

/* One lane, and how often each of its pages was populated. */
static struct {
    weir_os os;
    const uint8_t *lane;
    unsigned pages[PAGES];
    size_t calls;
    uint64_t now, takes;
} populating;

static int note_populated(void *self, void *at, size_t bytes) {
    (void)self;
    size_t begin = (size_t)((const uint8_t *)at - populating.lane);
    assert_int_equal(begin % PAGE, 0);
    assert_int_equal(bytes % PAGE, 0);
    assert_true(bytes > 0 && begin + bytes <= (size_t)PAGES * PAGE);
    assert_true(bytes <= 64 << 10); /* the journal thread has other things to do */
    for (size_t p = begin / PAGE; p < (begin + bytes) / PAGE; p++)
        populating.pages[p]++;
    populating.calls++;
    populating.now += populating.takes;
    return 0;
}

static uint64_t populating_now(void *self) {
    (void)self;
    return populating.now;
}

static void begin_populating(ring_fixture *f) {
    weir_error error;
    ring_release(f);
    ring_make(f, weir_os_posix(), LANES, (uint64_t)PAGES * PAGE);
    memset(&populating, 0, sizeof populating);
    populating.os = *weir_os_posix();
    populating.os.populate = note_populated;
    populating.os.now = populating_now;
    f->ring.os = &populating.os;
    assert_false(weir_ring_populate(&f->ring, true)); /* there is no lane yet */
    assert_int_equal(weir_ring_provision(&f->ring, &error), 0);
    populating.lane = f->lanes[0].data;
}

/* Populate until there is nothing left to do. Then these pages, around the end of the lane, were
 * populated, and no others. */
static void expect_populated(ring_fixture *f, size_t first, size_t pages) {
    memset(populating.pages, 0, sizeof populating.pages);
    while (weir_ring_populate(&f->ring, true)) {
    }
    for (size_t p = 0; p < PAGES; p++)
        assert_int_equal(populating.pages[p] > 0, (p + PAGES - first) % PAGES < pages);
}

static void publish_page(weir_lane *lane, size_t page) {
    weir_lane_publish(lane, (uint64_t)page * PAGE + 8);
}

static void the_first_lap_is_populated_once_and_ahead_of_the_tail(void **state) {
    ring_fixture *f = *state;
    begin_populating(f);
    expect_populated(f, 0, MOST / 2); /* before a thread has it */
    weir_lane *lane = weir_ring_claim(&f->ring, 1, 0);
    expect_populated(f, MOST / 2, MOST / 2);
    expect_populated(f, 0, 0);
    publish_page(lane, MOST);
    expect_populated(f, MOST, MOST + 1);
    expect_populated(f, 0, 0);
}

/* What the kernel has written to the disk meanwhile is not writable any more. */
static void what_is_ahead_of_a_tail_that_moves_is_made_writable_again(void **state) {
    ring_fixture *f = *state;
    begin_populating(f);
    weir_lane *lane = weir_ring_claim(&f->ring, 1, 0);
    publish_page(lane, 2 * PAGES); /* it outran the journal thread */
    while (weir_ring_populate(&f->ring, true)) {
    }
    publish_page(lane, 2 * PAGES + MOST); /* as far as that */
    memset(populating.pages, 0, sizeof populating.pages);
    assert_false(weir_ring_populate(&f->ring, false)); /* a thread waits */
    assert_int_equal(populating.pages[MOST], 0);
    expect_populated(f, MOST, MOST + 1);
    populating.now += 2 * (uint64_t)A_SECOND;
    expect_populated(f, 0, 0); /* nobody appends */
    publish_page(lane, 2 * PAGES + MOST + 2);
    expect_populated(f, MOST + 2, 9); /* four times the two, and the tail's own */
    populating.now += A_SECOND / 100;
    publish_page(lane, 2 * PAGES + MOST + 3);
    expect_populated(f, 0, 0); /* it was so a moment ago */
    populating.now += A_SECOND / 10;
    publish_page(lane, 3 * PAGES - 4);
    expect_populated(f, PAGES - 4, MOST + 1); /* around the end */
}

/* A page that is made writable is written to the disk. */
static void a_slow_thread_has_its_own_page_made_writable_and_no_other(void **state) {
    ring_fixture *f = *state;
    begin_populating(f);
    weir_lane *lane = weir_ring_claim(&f->ring, 1, 0);
    publish_page(lane, 2 * PAGES);
    while (weir_ring_populate(&f->ring, true)) {
    }
    for (uint64_t at = 8 + 64; at < 2 * PAGE; at += 64) {
        weir_lane_publish(lane, (uint64_t)2 * PAGES * PAGE + at);
        populating.now += A_SECOND;
        expect_populated(f, at / PAGE, at % PAGE + 4 * 64 > PAGE ? 2 : 1);
    }
}

static void populating_stops_when_it_takes_long(void **state) {
    ring_fixture *f = *state;
    begin_populating(f);
    populating.takes = 20000;
    size_t turns = 0;
    while (weir_ring_populate(&f->ring, true))
        assert_int_equal(populating.calls, ++turns);
    assert_true(turns > 4);
}

/* The smallest lane is smaller than what is populated ahead. */
static void a_small_lane_is_populated_whole_and_once(void **state) {
    ring_fixture *f = *state;
    weir_error error;
    ring_release(f);
    ring_make(f, weir_os_posix(), LANES, WEIR_LANE_BYTES_MIN);
    assert_int_equal(weir_ring_provision(&f->ring, &error), 0);
    while (weir_ring_populate(&f->ring, true)) {
    }
    assert_int_equal(f->lanes[0].populated, WEIR_LANE_BYTES_MIN);
    weir_lane *lane = weir_ring_claim(&f->ring, 1, 0);
    weir_lane_publish(lane, 5 * WEIR_LANE_BYTES_MIN);
    while (weir_ring_populate(&f->ring, true)) {
    }
    assert_int_equal(f->lanes[0].populated, WEIR_LANE_BYTES_MIN);
    assert_int_equal(f->lanes[0].renewed, 6 * WEIR_LANE_BYTES_MIN - PAGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        RING_TEST(a_dead_ring_is_found_as_it_was_left),
        RING_TEST(marks_survive_a_torn_store),
        RING_TEST(the_first_lap_is_populated_once_and_ahead_of_the_tail),
        RING_TEST(what_is_ahead_of_a_tail_that_moves_is_made_writable_again),
        RING_TEST(a_slow_thread_has_its_own_page_made_writable_and_no_other),
        RING_TEST(populating_stops_when_it_takes_long),
        RING_TEST(a_small_lane_is_populated_whole_and_once),
        RING_TEST(a_lane_comes_back_when_its_thread_has_ended_and_it_is_drained),
        RING_TEST(lanes_end_at_the_limit),
        RING_TEST(a_lone_producer_keeps_its_epoch_and_a_change_takes_a_new_one),
        RING_TEST(damaged_and_foreign_files_are_told_apart),
        RING_TEST(a_lane_cut_off_by_the_files_end_is_named),
        RING_TEST(making_that_fails_leaves_nothing_behind),
        RING_TEST(a_lane_that_cannot_be_made_is_made_later),
        RING_TEST(a_dead_ring_that_cannot_be_read_is_an_error_and_not_damage),
        RING_TEST(sizes_are_believed_only_within_bounds),
        RING_TEST(lanes_are_believed_only_up_to_the_limit),
        RING_TEST(a_report_leaves_out_what_the_journal_has),
        RING_TEST(a_report_counts_what_cannot_be_read),
        RING_TEST(a_report_counts_whole_batches),
        RING_TEST(a_report_knows_this_boot_from_another),
        RING_TEST(only_the_dead_lose_their_lane),
        RING_TEST(a_thread_id_given_again_is_another_thread),
        RING_TEST(a_lane_that_another_thread_claims_meanwhile_is_that_ones),
        RING_TEST(only_what_is_written_to_is_covered_in_a_child),
        RING_TEST(pending_is_what_was_not_taken),
        RING_TEST(no_lane_is_made_of_another_file),
        RING_TEST(two_producers_share_the_epochs),
        RING_TEST(the_newer_mark_counts_whichever_copy_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
