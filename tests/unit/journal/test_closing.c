/* test_closing.c - what a closed journal keeps, and what it keeps when its closing fails or ends
 * anywhere.
 *
 * Row n holds the integer n. The database, of which there is only the position, has the first rows
 * or all; what it has not must be in the journal afterwards, whatever went wrong. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "journal_fixture.h"
#include "lib/format/row_encode.h"
#include "lib/journal/stream.h"
#include "lib/read/keep.h"

enum { SEGMENT = 1 << 16, ROWS_OF_BLOCK = 40, BLOCKS = 60, ROWS = BLOCKS * ROWS_OF_BLOCK };
/* Header, head and mark, each in blocks of WEIR_BLOCK_ALIGN: what a closed journal needs. */
enum { SMALL = 3 * WEIR_BLOCK_ALIGN };

static journal_fixture *here;
static weir_position applied;
static bool place_is_lost;

static int check_place(void *context, weir_error *error) {
    (void)context;
    return place_is_lost ? weir_fail(error, WEIR_STOPPED, "it is another's now") : WEIR_OK;
}

static void begin(void) {
    here->config.segment_bytes = SEGMENT;
    here->config.check_place = check_place;
    applied = (weir_position){0};
    place_is_lost = false;
}

static void begin_again(void) {
    journal_release(here);
    journal_renew(here);
    begin();
}

static int setup(void **state) {
    if (journal_make(state, sizeof *here) != 0) return -1;
    here = *state;
    begin();
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, journal_tear_down)

/* ---- opening, filling, closing ------------------------------------------------------------- */

/* As a stranger finds the directory who has only the database. */
static const weir_inventory *take(void) {
    weir_inventory_input input = {.os = weir_os_posix(),
                                  .directory = here->at.directory,
                                  .verify_all = true,
                                  .database_has_positions = applied.block > 0,
                                  .positions = &applied,
                                  .position_count = applied.block > 0};
    weir_error error = {0};
    weir_inventory_free(&here->found);
    if (weir_inventory_take(&input, &here->found, &error) != WEIR_OK) fail_msg("%s", error.text);
    if (weir_verdict_refuses(here->found.verdict)) fail_msg("refused: %s", here->found.detail);
    assert_int_equal(here->found.damage_count, 0);
    return &here->found;
}

static weir_journal *open_journal(void) {
    weir_error error = {0};
    assert_null(here->journal);
    if (weir_journal_open(&here->config, take(), &here->journal, &error) != WEIR_OK)
        fail_msg("%s", error.text);
    return here->journal;
}

static weir_journal_state state_of(weir_journal *j) {
    weir_journal_state state;
    weir_journal_get_state(j, &state);
    return state;
}

static void append_block(weir_journal *j) {
    static uint8_t payload[1 << 16];
    const uint8_t ring[16] = "ring";
    uint64_t first = state_of(j).next_row;
    weir_lane_mark mark = {0, first + ROWS_OF_BLOCK - 1};
    weir_drained drained = {.marks = &mark, .count = 1};
    memcpy(drained.ring, ring, sizeof ring);
    uint8_t *at = weir_payload_head_encode(payload, ring, &mark, 1);
    for (uint64_t row = first; row < first + ROWS_OF_BLOCK; row++) {
        int status;
        weir_value value = weir_int((int64_t)row);
        size_t bytes = weir_row_size(&value, 1, &status);
        at = weir_row_encode(weir_put_u32(at, (uint32_t)bytes), 1, &value, 1);
    }
    weir_error error = {0};
    if (weir_journal_append(j, WEIR_BLOCK_ROWS, &drained, payload, (size_t)(at - payload),
                            ROWS_OF_BLOCK, &error) != WEIR_OK)
        fail_msg("%s", error.text);
}

static void must_sync(weir_journal *j) {
    weir_error error = {0};
    if (weir_journal_sync(j, &error) != WEIR_OK) fail_msg("%s", error.text);
}

static void append_blocks(weir_journal *j, int count) {
    for (int i = 0; i < count; i++)
        append_block(j);
    must_sync(j);
}

/* The database has all that is durable, and the writer releases it. */
static void apply(weir_journal *j) {
    weir_journal_state s = state_of(j);
    weir_error error = {0};
    applied =
        (weir_position){.block = s.durable.block, .row = s.durable.row, .hash = s.durable.hash};
    memcpy(applied.journal, weir_journal_id(j), sizeof applied.journal);
    if (weir_journal_release(j, applied.block, &error) != WEIR_OK) fail_msg("%s", error.text);
}

/* Several segments, a reserve, a file for the next segment; all is applied, or the first half. */
static weir_journal *fill(bool rows_wait) {
    weir_error error = {0};
    weir_journal *j = open_journal();
    assert_int_equal(weir_journal_reserve(j, 2 * SEGMENT, &error), WEIR_OK);
    append_blocks(j, BLOCKS / 2);
    if (rows_wait) apply(j);
    append_blocks(j, BLOCKS / 2);
    if (!rows_wait) apply(j);
    weir_journal_look_ahead(j);
    return j;
}

static int leave_mark(weir_journal *j) {
    const weir_drained no_ring = {.count = 0};
    uint8_t head[WEIR_PAYLOAD_HEAD];
    weir_error error = {0};
    int status = weir_journal_append(j, WEIR_BLOCK_MARK, &no_ring, head, sizeof head, 0, &error);
    return status == WEIR_OK ? weir_journal_sync(j, &error) : status;
}

/* What close.c does once the threads have ended. */
static int close_in_order(weir_journal *j, bool rows_wait) {
    if (!rows_wait) weir_journal_shrink(j);
    int status = leave_mark(j);
    if (status == WEIR_OK) weir_journal_trim(j, rows_wait);
    return status;
}

static void close_journal(weir_journal *j) {
    here->journal = NULL;
    weir_journal_close(j);
}

/* The process is gone; what it did to the disk stays. */
static void bury(weir_journal *j) {
    here->journal = NULL;
    weir_journal_free(j);
    here->os.dead = false;
}

/* ---- what is there ------------------------------------------------------------------------- */

typedef struct disk {
    int segments, spares;
    uint64_t bytes;
} disk;

static int each_file(void *context, const char *name) {
    disk *d = context;
    struct stat st;
    d->segments += strncmp(name, "segment-", 8) == 0;
    d->spares += strncmp(name, "spare-", 6) == 0;
    assert_int_equal(stat(weir_temp_path(here->at.directory, name), &st), 0);
    if (S_ISREG(st.st_mode)) d->bytes += (uint64_t)st.st_size;
    return 0;
}

static disk disk_now(void) {
    disk d = {0};
    const weir_os *real = weir_os_posix();
    assert_int_equal(real->list(real->self, WEIR_OS_CWD, here->at.directory, each_file, &d), 0);
    return d;
}

static void assert_small(void) {
    disk d = disk_now();
    assert_int_equal(d.segments, 1);
    assert_int_equal(d.spares, 0);
    assert_in_range(d.bytes, 1, SMALL);
}

/* Rows that the database has not, up to last, are in the journal once and in order; and it numbers
 * on after them. */
static void assert_rows(uint64_t last) {
    const weir_inventory *found = take();
    uint64_t next = 0;
    weir_error error = {0};
    assert_int_equal(found->next_row, last + 1);
    assert_true(found->extent_count > 0);
    weir_reader *reader = journal_reader_at(here, weir_inventory_locator(found));
    for (uint64_t n = found->extents[0].first_block; n <= found->end.block; n++) {
        weir_read_block b;
        const uint8_t *row;
        size_t bytes;
        if (weir_reader_read(reader, n, &b, &error) != WEIR_OK) fail_msg("%s", error.text);
        if (!next) next = b.header.first_row;
        weir_cursor body = b.payload.body;
        while (b.header.kind == WEIR_BLOCK_ROWS &&
               weir_payload_next_row(&body, &row, &bytes) == 1) {
            uint16_t table, columns;
            weir_value values[WEIR_COLUMNS_MAX];
            assert_true(weir_row_decode(row, bytes, &table, &columns, values));
            assert_int_equal(values[0].as.integer, next++);
        }
    }
    assert_int_equal(next, last + 1);
    assert_true(found->extents[0].first_row <= applied.row + 1);
}

/* Whatever the closing left: it opens, goes on, and the next closing leaves as little as ever. */
static void assert_goes_on(uint64_t last) {
    assert_rows(last);
    weir_journal *j = open_journal();
    append_blocks(j, 1);
    apply(j);
    assert_int_equal(close_in_order(j, false), WEIR_OK);
    close_journal(j);
    assert_rows(last + ROWS_OF_BLOCK);
    assert_small();
}

/* ---- the plain way ------------------------------------------------------------------------- */

static void an_applied_journal_keeps_one_small_segment(void **state) {
    (void)state;
    weir_journal *j = fill(false);
    disk before = disk_now();
    assert_true(before.spares >= 2 && before.bytes > 4 * SEGMENT);
    assert_int_equal(close_in_order(j, false), WEIR_OK);
    close_journal(j);
    assert_small();
    assert_true(take()->closed);
    assert_goes_on(ROWS);
}

/* Half of the rows wait: all of them stay, and a place in which an opening can work. */
static void rows_that_wait_stay_and_so_does_the_reserve(void **state) {
    (void)state;
    weir_journal *j = fill(true);
    uint64_t waiting = state_of(j).first_block;
    assert_int_equal(close_in_order(j, true), WEIR_OK);
    uint64_t end = j->segment.end;
    char youngest[WEIR_PATH_MAX];
    weir_numbered_path(youngest, here->at.directory, "segment", j->segment.number);
    assert_true(weir_spares_has(&j->spares, 2 * SEGMENT));
    close_journal(j);
    struct stat st;
    assert_int_equal(stat(youngest, &st), 0);
    assert_int_equal(st.st_size, end); /* what comes after the mark is given back all the same */
    assert_true(disk_now().spares >= 1);
    const weir_inventory *found = take();
    assert_true(found->closed);
    assert_int_equal(found->extents[0].first_block, waiting);
    assert_goes_on(ROWS);
}

/* Shrinking writes and syncs a file, and so it is not done for little. */
static void a_segment_that_holds_little_is_cut_and_stays(void **state) {
    (void)state;
    weir_error error = {0};
    here->config.segment_bytes = 1 << 20;
    weir_journal *j = open_journal();
    assert_int_equal(weir_journal_reserve(j, SEGMENT, &error), WEIR_OK);
    append_blocks(j, 1);
    apply(j);
    uint64_t number = j->segment.number;
    assert_false(
        weir_journal_is_worth_shrinking(&(weir_journal_state){.end.offset = 1 << 16}, 1 << 20));
    assert_int_equal(close_in_order(j, false), WEIR_OK);
    assert_int_equal(j->segment.number, number);
    assert_int_equal(disk_now().bytes, j->segment.end);
    close_journal(j);
    here->config.segment_bytes = SEGMENT;
    assert_goes_on(ROWS_OF_BLOCK);
}

/* ---- what must not be touched -------------------------------------------------------------- */

static void nothing_is_given_back_that_is_not_durable(void **state) {
    (void)state;
    weir_journal *j = fill(false);
    append_block(j); /* neither synced nor applied */
    disk before = disk_now();
    weir_journal_shrink(j);
    weir_journal_trim(j, false);
    disk after = disk_now();
    assert_memory_equal(&after, &before, sizeof before);
    must_sync(j);
    weir_journal_shrink(j); /* durable, but the database has it not */
    after = disk_now();
    assert_memory_equal(&after, &before, sizeof before);
    bury(j);
    assert_goes_on(ROWS + ROWS_OF_BLOCK);
}

static void nothing_is_given_back_after_a_failed_sync(void **state) {
    (void)state;
    weir_journal *j = fill(false);
    weir_error error = {0};
    append_block(j);
    faulty_arm(&here->os, FAULTY_DATASYNC, 1, 1, -EIO);
    assert_int_equal(weir_journal_sync(j, &error), WEIR_IO);
    disk before = disk_now();
    weir_journal_shrink(j);
    weir_journal_trim(j, false);
    disk after = disk_now();
    assert_memory_equal(&after, &before, sizeof before);
    bury(j);
    (void)take(); /* refuses nothing */
}

static void a_directory_that_is_another_s_is_left_alone(void **state) {
    (void)state;
    weir_journal *j = fill(false);
    disk before = disk_now();
    place_is_lost = true;
    weir_journal_shrink(j);
    weir_journal_trim(j, false);
    disk after = disk_now();
    assert_memory_equal(&after, &before, sizeof before);
    place_is_lost = false;
    close_journal(j);
    assert_goes_on(ROWS);
}

static void name_reader(uint64_t hold) {
    weir_named reader = {.name = "slow", .hold_bytes = hold};
    weir_error error = {0};
    memcpy(reader.mark.at.journal, weir_journal_id(here->journal), sizeof(weir_id));
    if (weir_named_write(weir_os_posix(), here->at.directory, &reader, &error) != WEIR_OK)
        fail_msg("%s", error.text);
}

/* It has read nothing: all rows are still there for it, though the database has them. */
static void a_named_reader_keeps_what_it_has_not_read(void **state) {
    (void)state;
    weir_error error = {0};
    weir_journal *j = open_journal();
    name_reader(1 << 30);
    append_blocks(j, BLOCKS);
    apply(j);
    int segments = disk_now().segments;
    assert_true(segments > 2);
    assert_int_equal(close_in_order(j, false), WEIR_OK);
    close_journal(j);
    assert_int_equal(disk_now().segments, segments + 1); /* the small one */
    assert_int_equal(disk_now().spares, 0);
    assert_int_equal(take()->extents[0].first_row, 1);
    assert_rows(ROWS);
    assert_int_equal(weir_named_forget(weir_os_posix(), here->at.directory, "slow", &error),
                     WEIR_OK);
    assert_goes_on(ROWS);
}

static void a_reader_that_may_hold_little_keeps_nothing(void **state) {
    (void)state;
    weir_journal *j = fill(false);
    name_reader(1);
    assert_int_equal(close_in_order(j, false), WEIR_OK);
    close_journal(j);
    disk d = disk_now();
    assert_int_equal(d.segments, 1);
    assert_rows(ROWS);
}

/* ---- failing ------------------------------------------------------------------------------- */

/* A call that fails costs space, and no more. */
static void any_call_may_fail(void **state) {
    (void)state;
    long failed = 0;
    for (int round = 0; round < 2 * FAULTY_CALLS * 6; round++) {
        bool rows_wait = round % 2;
        faulty_call call = (faulty_call)(round / 2 % FAULTY_CALLS);
        begin_again();
        weir_journal *j = fill(rows_wait);
        faulty_arm(&here->os, call, 1 + round / 2 / FAULTY_CALLS, 1, call % 2 ? -EIO : -ENOSPC);
        int status = close_in_order(j, rows_wait);
        failed += here->os.countdown[call] == 0;
        /* A mark that cannot be left is told; all else is silent. */
        if (status != WEIR_OK) assert_true(call == FAULTY_PWRITE || call == FAULTY_DATASYNC);
        close_journal(j);
        faulty_arm(&here->os, call, 0, 0, 0);
        assert_goes_on(ROWS);
    }
    assert_true(failed >= 20); /* truncate, unlink … were reached, most of them more than once */
}

/* Every call fails for good, as on a disk that has left: what is there stays. */
static void all_calls_may_fail(void **state) {
    (void)state;
    for (int call = 0; call < FAULTY_CALLS; call++) {
        begin_again();
        weir_journal *j = fill(false);
        faulty_arm(&here->os, (faulty_call)call, 1, 1 << 20, -EIO);
        (void)close_in_order(j, false); /* with or without a mark */
        close_journal(j);
        faulty_arm(&here->os, (faulty_call)call, 0, 0, 0);
        assert_goes_on(ROWS);
    }
}

/* The process ends before each call that changes something. */
static void crash_at_each_step(bool rows_wait) {
    for (long n = 1;; n++) {
        begin_again();
        weir_journal *j = fill(rows_wait);
        faulty_die(&here->os, n);
        (void)close_in_order(j, rows_wait); /* nobody is told any more */
        bool whole = !here->os.dead;
        here->os.life = 0;
        bury(j);
        assert_goes_on(ROWS);
        if (!whole) continue;
        assert_true(n > (rows_wait ? 3 : 8)); /* write and sync; shrinking, cutting, deleting */
        return;
    }
}

static void a_crash_at_any_step_leaves_it_in_order(void **state) {
    (void)state;
    crash_at_each_step(false);
}

static void a_crash_at_any_step_leaves_rows_that_wait(void **state) {
    (void)state;
    crash_at_each_step(true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(an_applied_journal_keeps_one_small_segment),
        TEST(rows_that_wait_stay_and_so_does_the_reserve),
        TEST(a_segment_that_holds_little_is_cut_and_stays),
        TEST(nothing_is_given_back_that_is_not_durable),
        TEST(nothing_is_given_back_after_a_failed_sync),
        TEST(a_directory_that_is_another_s_is_left_alone),
        TEST(a_named_reader_keeps_what_it_has_not_read),
        TEST(a_reader_that_may_hold_little_keeps_nothing),
        TEST(any_call_may_fail),
        TEST(all_calls_may_fail),
        TEST(a_crash_at_any_step_leaves_it_in_order),
        TEST(a_crash_at_any_step_leaves_rows_that_wait),
    };
    return cmocka_run_group_tests_name("closing", tests, NULL, NULL);
}
