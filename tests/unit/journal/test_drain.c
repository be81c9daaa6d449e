/* test_drain.c - from lanes to blocks: order across lanes, what is taken when, and what a bad
 * record does. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "journal_fixture.h"
#include "lib/format/row_encode.h"
#include "lib/journal/drain.h"
#include "lib/verify/inspect.h"

enum { LANES = 4, LANE_BYTES = RING_LANE_BYTES };

typedef struct fixture {
    journal_fixture j;
    weir_drain drain;
} fixture;

static int setup(void **state) {
    if (journal_make(state, sizeof(fixture)) != 0) return -1;
    fixture *f = *state;
    weir_error error;
    journal_open(&f->j);
    journal_ring(&f->j, weir_os_posix(), LANES);
    ring_provision(&f->j.at, LANES);
    return weir_drain_make(&f->drain, &f->j.at.ring, f->j.journal, 1 << 14, WEIR_DRAIN_LIVE_RING,
                           &error);
}

static int teardown(void **state) {
    fixture *f = *state;
    weir_drain_free(&f->drain);
    return journal_tear_down(state);
}

/* Of a row of one small number, as put makes them. */
static uint64_t record_bytes(void) {
    weir_value value = weir_int(1999);
    int status;
    return weir_record_bytes(weir_row_size(&value, 1, &status));
}

static void put(fixture *f, int lane, int64_t number) {
    ring_put(&f->j.at, (uint32_t)lane, weir_int(number));
}

static unsigned drain_all(fixture *f) {
    weir_error error;
    unsigned blocks = 0, nothing = 0;
    while (nothing < 2) { /* once at the end of the present cut, once at the end of the next */
        bool appended;
        assert_int_equal(weir_drain_block(&f->drain, &appended, &error), WEIR_OK);
        blocks += appended;
        nothing = appended ? 0 : nothing + 1;
    }
    assert_int_equal(weir_journal_sync(f->j.journal, &error), WEIR_OK);
    return blocks;
}

/* The journal has the rows 0 to count - 1 and no other. */
static void expect_in_order(fixture *f, int count) { journal_assert_counts(&f->j, 0, count); }

static void rows_of_several_lanes_come_in_the_order_of_their_epochs(void **state) {
    fixture *f = *state;
    const int lanes[] = {0, 1, 1, 0, 2, 0, 3, 3, 1, 2};
    for (int i = 0; i < 10; i++)
        put(f, lanes[i], i);
    assert_int_equal(drain_all(f), 1);
    expect_in_order(f, 10);
}

static void a_record_of_a_later_epoch_waits_for_the_next_cut(void **state) {
    fixture *f = *state;
    weir_error error;
    bool appended;
    put(f, 0, 0);
    uint64_t newer =
        weir_ring_stamp(&f->j.at.ring, &f->j.at.lanes[1], true); /* taken, not yet published */
    put(f, 2, 1);
    assert_int_equal(weir_drain_block(&f->drain, &appended, &error), WEIR_OK);
    assert_true(appended);
    ring_put_at(&f->j.at.lanes[1], weir_int(2), newer); /* the stalled producer publishes at last */
    put(f, 0, 3);
    drain_all(f);
    expect_in_order(f, 4);
}

static void space_comes_back_only_with_release(void **state) {
    fixture *f = *state;
    put(f, 0, 1);
    drain_all(f);
    assert_true(atomic_load(&f->j.at.lanes[0].control->head) == 0);
    weir_drain_release(&f->drain);
    assert_true(atomic_load(&f->j.at.lanes[0].control->head) == f->j.at.lanes[0].tail);
}

static void what_was_not_released_is_taken_again_after_a_rewind(void **state) {
    fixture *f = *state;
    weir_error error;
    bool appended;
    for (int i = 0; i < 5; i++)
        put(f, i % 2, i);
    assert_int_equal(weir_drain_block(&f->drain, &appended, &error), WEIR_OK);
    weir_drain_rewind(&f->drain); /* as after a sync that failed */
    assert_int_equal(weir_journal_restart(f->j.journal, &error), WEIR_OK);
    put(f, 0, 5);
    drain_all(f);
    expect_in_order(f, 6);
}

static void blocks_are_cut_at_the_target(void **state) {
    fixture *f = *state;
    for (int i = 0; i < 2000; i++)
        put(f, 0, i);
    assert_true(drain_all(f) > 1);
    expect_in_order(f, 2000);
}

/* A block says how far its own rows drain each lane, not how far the cut reaches: a process that dies
 * behind the first block of a cut has the others' rows in its ring alone. */
static void a_block_claims_what_it_holds_and_no_more(void **state) {
    fixture *f = *state;
    weir_error error;
    bool appended;
    for (int i = 0; i < 2000; i++)
        put(f, i % 2, i);
    assert_int_equal(weir_drain_block(&f->drain, &appended, &error), WEIR_OK);
    assert_true(appended);
    assert_int_equal(weir_journal_sync(f->j.journal, &error), WEIR_OK);
    weir_journal_state s;
    weir_read_block block;
    weir_reader *reader = journal_reader(&f->j, &s);
    assert_int_equal(weir_reader_read(reader, s.durable.block, &block, &error), WEIR_OK);
    assert_true(block.header.rows > 100 && block.header.rows < 2000);
    assert_int_equal(block.payload.lanes, 2);
    uint64_t rows = 0;
    for (uint32_t i = 0; i < 2; i++)
        rows += weir_payload_lane(&block.payload, i).position / record_bytes();
    assert_int_equal(rows, block.header.rows);
}

/* The disk refuses in the middle of a cut; the same rows come with the next call, each once. */
static void what_a_block_that_failed_had_taken_comes_again(void **state) {
    fixture *f = *state;
    weir_error error;
    bool appended;
    for (int i = 0; i < 2000; i++)
        put(f, i % 2, i);
    assert_int_equal(weir_drain_block(&f->drain, &appended, &error), WEIR_OK);
    assert_int_equal(weir_journal_sync(f->j.journal, &error), WEIR_OK);
    faulty_arm(&f->j.os, FAULTY_PWRITE, 1, 1, -EIO);
    assert_int_equal(weir_drain_block(&f->drain, &appended, &error), WEIR_IO);
    assert_false(appended);
    assert_int_equal(weir_journal_restart(f->j.journal, &error), WEIR_OK);
    (void)drain_all(f);
    expect_in_order(f, 2000);
}

/* In a live ring a bad record means a wild pointer: never passed over in silence. */
static void a_bad_record_stops_a_live_drain(void **state) {
    fixture *f = *state;
    weir_error error;
    bool appended;
    put(f, 0, 0);
    put(f, 0, 1);
    weir_lane_at(&f->j.at.lanes[0], 0)[WEIR_RECORD_HEAD] ^= 1;
    assert_int_equal(weir_drain_block(&f->drain, &appended, &error), WEIR_STOPPED);
    assert_false(appended);
}

static void an_epoch_that_nobody_gave_out_stops_a_live_drain(void **state) {
    fixture *f = *state;
    weir_error error;
    bool appended;
    ring_put_at(&f->j.at.lanes[0], weir_int(0), 1u << 30);
    assert_int_equal(weir_drain_block(&f->drain, &appended, &error), WEIR_STOPPED);
}

/* A power cut may leave a lane's rows in the ring and take the lane with the declaration. */
static void rows_of_a_table_that_nobody_declared_are_not_drained_from_a_dead_ring(void **state) {
    fixture *f = *state;
    put(f, 0, 0);
    put(f, 1, 1);
    f->drain.dead = true;
    assert_int_equal(drain_all(f), 0);
}

static void put_declaration(fixture *f, int lane_index, uint16_t table) {
    static const weir_column column = {"c", WEIR_INTEGER};
    weir_declaration *d;
    weir_lane *lane = &f->j.at.lanes[lane_index];
    assert_int_equal(weir_declaration_make(table, "t", &column, 1, &d, NULL), WEIR_OK);
    uint64_t epoch = weir_ring_stamp(&f->j.at.ring, lane, false);
    size_t bytes = weir_declaration_size(d);
    (void)weir_declaration_encode(weir_lane_at(lane, lane->tail) + WEIR_RECORD_HEAD, d);
    weir_record_seal(lane, lane->tail, bytes, epoch, WEIR_RECORD_DECLARATION);
    weir_lane_publish(lane, lane->tail + weir_record_bytes(bytes));
    weir_declaration_free(d);
}

/* In a dead one it ends its lane; the others are drained. */
static void a_bad_record_ends_its_lane_in_a_dead_drain(void **state) {
    fixture *f = *state;
    put_declaration(f, 2, 1);
    for (int i = 0; i < 6; i++)
        put(f, i % 2, i);
    weir_lane_at(&f->j.at.lanes[0], 24)[WEIR_RECORD_HEAD] ^= 1; /* row 2 */
    f->drain.dead = true;
    drain_all(f);
    int64_t numbers[8];
    assert_int_equal(journal_numbers(&f->j, numbers, 8), 4);
    const int64_t kept[] = {0, 1, 3, 5};
    assert_memory_equal(numbers, kept, sizeof kept);
}

/* The check of a record says that it is what was written, not that what was written can be read. */
static void a_record_that_nobody_could_read_ends_its_lane_in_a_dead_drain(void **state) {
    fixture *f = *state;
    static const uint8_t no_row[] = {1, 0, 1, 0, 0x99, 7}; /* table 1, a tag that does not exist */
    put_declaration(f, 0, 1);
    for (int i = 0; i < 2; i++) {
        weir_lane *lane = &f->j.at.lanes[1 + i];
        put(f, 1 + i, i);
        memcpy(weir_lane_at(lane, lane->tail) + WEIR_RECORD_HEAD, no_row, sizeof no_row);
        uint64_t epoch = weir_ring_stamp(&f->j.at.ring, lane, false);
        weir_record_seal(lane, lane->tail, sizeof no_row, epoch,
                         i ? WEIR_RECORD_ROW : WEIR_RECORD_DECLARATION);
        weir_lane_publish(lane, lane->tail + weir_record_bytes(sizeof no_row));
        put(f, 1 + i, 100);
    }
    put(f, 3, 2);
    f->drain.dead = true;
    drain_all(f);
    int64_t numbers[8];
    assert_int_equal(journal_numbers(&f->j, numbers, 8), 3);
    const int64_t kept[] = {0, 1, 2};
    assert_memory_equal(numbers, kept, sizeof kept);
}

static void a_declaration_stands_before_the_rows_behind_it(void **state) {
    fixture *f = *state;
    put(f, 1, 0);
    put_declaration(f, 0, 9);
    put(f, 0, 1);
    assert_null(weir_tables_find(weir_journal_tables(f->j.journal), 9));
    assert_int_equal(drain_all(f), 3); /* rows, declaration, rows */
    assert_non_null(weir_tables_find(weir_journal_tables(f->j.journal), 9));
    weir_journal_state s;
    weir_journal_get_state(f->j.journal, &s);
    assert_int_equal(s.next_row, 3); /* a declaration takes no row number */
}

/* ---- batches -------------------------------------------------------------------------------- */

enum { MOST_ROWS = 7000 };
static int batch_of[MOST_ROWS]; /* by number */

/* Rows 0 … in batches of many sizes, and lone rows, in all lanes; answers how many. */
static int put_batches(fixture *f, uint64_t seed) {
    weir_rng rng = {seed};
    int rows = 0;
    for (int batch = 1;; batch++) {
        uint32_t lane = (uint32_t)weir_rng_below(&rng, LANES);
        int many = 1 + (int)weir_rng_below(&rng, weir_rng_below(&rng, 4) ? 20 : 1300);
        uint64_t end = f->j.at.lanes[lane].tail + 24 * (uint64_t)many;
        if (end > LANE_BYTES || rows + many > MOST_ROWS) return rows;
        ring_put_batch(&f->j.at, lane, rows, many);
        while (many-- > 0)
            batch_of[rows++] = batch;
    }
}

/* A power cut keeps some of the first blocks; the writer's transactions end with blocks. */
static void assert_blocks_hold_whole_batches(fixture *f, int rows) {
    weir_journal_state s;
    weir_read_block block;
    weir_error error;
    weir_reader *reader = journal_reader(&f->j, &s);
    int at = 0;
    for (uint64_t n = s.first_block; n <= s.durable.block; n++) {
        assert_int_equal(weir_reader_read(reader, n, &block, &error), WEIR_OK);
        at += (int)block.header.rows;
        if (at > 0 && at < rows) assert_int_not_equal(batch_of[at - 1], batch_of[at]);
    }
    assert_int_equal(at, rows);
}

static void a_batch_is_never_divided_over_blocks(void **state) {
    fixture *f = *state;
    for (uint64_t seed = 1; seed < 20; seed++) {
        f->drain.target = 2000 + 700 * seed;
        int rows = put_batches(f, seed);
        assert_true(drain_all(f) > 1);
        expect_in_order(f, rows);
        assert_blocks_hold_whole_batches(f, rows);
        assert_int_equal(teardown(state), 0);
        assert_int_equal(setup(state), 0);
        f = *state;
    }
}

static void nor_when_the_ring_is_dead(void **state) {
    fixture *f = *state;
    for (uint64_t seed = 1; seed < 20; seed++) {
        f->drain.target = 2000 + 700 * seed;
        put_declaration(f, 2, 1);
        int rows = put_batches(f, seed);
        f->drain.dead = true;
        assert_true(drain_all(f) > 2);
        expect_in_order(f, rows);
        assert_blocks_hold_whole_batches(f, rows);
        assert_int_equal(teardown(state), 0);
        assert_int_equal(setup(state), 0);
        f = *state;
    }
}

/* The largest batch that an append may publish, after a block that is nearly full. */
static void the_largest_batch_fits_behind_a_block_that_is_nearly_full(void **state) {
    fixture *f = *state;
    weir_error error;
    bool appended;
    static char text[LANE_BYTES / 8];
    memset(text, 'x', sizeof text);
    while (f->j.at.lanes[0].tail < 14000)
        ring_put(&f->j.at, 0, weir_text_n(text, 1000));
    weir_lane *lane = &f->j.at.lanes[1];
    uint64_t epoch = weir_ring_stamp(&f->j.at.ring, lane, false), tail = lane->tail;
    for (int i = 0; i < 4; i++) { /* LANE_BYTES / 8 each */
        weir_value value = weir_text_n(text, LANE_BYTES / 8 - WEIR_RECORD_HEAD - 8);
        uint8_t *body = weir_lane_at(lane, tail) + WEIR_RECORD_HEAD;
        size_t bytes = (size_t)(weir_row_encode(body, 1, &value, 1) - body);
        weir_record_seal(lane, tail, bytes, epoch,
                         i < 3 ? WEIR_RECORD_ROW_CONTINUED : WEIR_RECORD_ROW);
        tail += weir_record_bytes(bytes);
    }
    assert_int_equal(tail, LANE_BYTES / 2);
    weir_lane_publish(lane, tail);
    assert_int_equal(weir_drain_block(&f->drain, &appended, &error), WEIR_OK);
    assert_true(appended);
    assert_in_range(f->drain.used, f->drain.target + LANE_BYTES / 2 - 3000, f->drain.capacity);
}

/* In each lane a row, a batch that is not whole, and a row. */
static void nothing_is_taken_of_a_batch_that_is_not_whole(void **state) {
    fixture *f = *state;
    put_declaration(f, 0, 1);
    for (int i = 0; i < LANES; i++) {
        put(f, i, i);
        uint64_t at = f->j.at.lanes[i].tail;
        ring_put_batch(&f->j.at, (uint32_t)i, 100, 5);
        put(f, i, 200);
        if (i < 3) /* the first row, one in the middle, the last one */
            weir_lane_at(&f->j.at.lanes[i], at + (uint64_t)i * 2 * 24)[WEIR_RECORD_HEAD] ^= 1;
        else /* published half, as no append does */
            weir_lane_publish(&f->j.at.lanes[i], at + 3 * 24);
    }
    f->drain.dead = true;
    drain_all(f);
    expect_in_order(f, LANES);
}

/* Each record is valid, and the batch is none. */
static void nothing_is_taken_of_what_no_append_publishes_as_a_batch(void **state) {
    fixture *f = *state;
    enum { TOO_MANY = LANE_BYTES / 2 / 24 + 1 };
    put_declaration(f, 0, 1);
    for (int i = 0; i < LANES; i++) {
        weir_lane *lane = &f->j.at.lanes[i];
        put(f, i, i);
        uint64_t at = lane->tail;
        ring_put_batch(&f->j.at, (uint32_t)i, 100, i == 0 ? TOO_MANY : 5);
        uint64_t epoch = weir_lane_epoch(lane, at);
        uint8_t *third = weir_lane_at(lane, at + 2 * 24);
        if (i == 1) weir_record_seal_at(third, lane->salt, at + 2 * 24, 6, epoch, 1);
        if (i == 2) weir_record_seal_at(third, lane->salt, at + 2 * 24, 6, epoch + 1, 2);
        if (i == 3) third[WEIR_RECORD_HEAD] = 7; /* a table that nobody declared */
        if (i == 3) weir_record_seal_at(third, lane->salt, at + 2 * 24, 6, epoch, 2);
    }
    f->drain.dead = true;
    drain_all(f);
    expect_in_order(f, LANES);
}

static void a_bad_record_in_a_batch_stops_a_live_drain(void **state) {
    fixture *f = *state;
    weir_error error;
    bool appended;
    ring_put_batch(&f->j.at, 0, 0, 5);
    weir_lane_at(&f->j.at.lanes[0], 3 * 24)[WEIR_RECORD_HEAD] ^= 1;
    assert_int_equal(weir_drain_block(&f->drain, &appended, &error), WEIR_STOPPED);
    assert_false(appended);
    weir_lane_at(&f->j.at.lanes[0], 3 * 24)[WEIR_RECORD_HEAD] ^= 1;
    drain_all(f); /* nothing was taken */
    expect_in_order(f, 5);
}

/* More than a block has room for: it is not copied. */
static void a_batch_longer_than_any_stops_a_live_drain(void **state) {
    fixture *f = *state;
    weir_error error;
    bool appended;
    static char text[1000];
    weir_lane *lane = &f->j.at.lanes[0];
    uint64_t tail = 0;
    while (tail + 1100 < LANE_BYTES) {
        weir_value value = weir_text_n(text, sizeof text);
        uint8_t *body = weir_lane_at(lane, tail) + WEIR_RECORD_HEAD;
        size_t bytes = (size_t)(weir_row_encode(body, 1, &value, 1) - body);
        weir_record_seal(lane, tail, bytes, 1, WEIR_RECORD_ROW_CONTINUED);
        tail += weir_record_bytes(bytes);
    }
    weir_lane_publish(lane, tail);
    assert_int_equal(weir_drain_block(&f->drain, &appended, &error), WEIR_STOPPED);
    assert_false(appended);
}

/* The database has some of a batch, since its schema ended transactions: it gets the others. */
static void known_rows_may_end_within_a_batch(void **state) {
    fixture *f = *state;
    put_declaration(f, 0, 1);
    put(f, 1, 0);
    ring_put_batch(&f->j.at, 2, 1, 5);
    f->drain.dead = true;
    f->drain.known = 3;
    drain_all(f);
    journal_assert_counts(&f->j, 3, 3);
}

/* ---- the flight recorder beside a dead ring
 * ------------------------------------------------------ */

enum { RECORDED = 900 };

/* Rows 0 … of table 1, but for every tenth, which is of a table that nobody declared. */
static void make_recorder(const fixture *f, const char *path) {
    weir_recorder recorder = {0};
    weir_recorder_header wanted = {.id = {5}, .lane = LANES, .slots = RECORDED};
    weir_id_copy(wanted.ring, f->j.at.ring.header.id);
    weir_id_copy(wanted.journal, f->j.at.ring.header.journal);
    weir_error error;
    assert_int_equal(
        weir_recorder_create(&recorder, weir_os_posix(), WEIR_OS_CWD, path, &wanted, &error),
        WEIR_OK);
    for (int i = 0; i < RECORDED; i++) {
        uint64_t sequence;
        weir_value value = weir_int(i);
        weir_recorder_slot *slot = weir_recorder_claim(&recorder, &sequence);
        assert_non_null(slot);
        uint8_t *end = weir_row_encode(slot->body, i % 10 == 9 ? 77 : 1, &value, 1);
        weir_recorder_seal(&recorder, slot, sequence, (size_t)(end - slot->body));
    }
    weir_recorder_unmap(&recorder);
}

static void attach_recorder(fixture *f, const char *path, weir_recorder_reader *reader) {
    weir_found_ring found;
    weir_error error;
    assert_int_equal(weir_recorder_attach(reader, weir_os_posix(), WEIR_OS_CWD, path, &f->j.at.ring,
                                          &found, &error),
                     WEIR_OK);
    assert_int_equal(found, WEIR_RING_OURS);
}

static unsigned drain_recorder(fixture *f, weir_recorder_reader *reader, unsigned most) {
    weir_error error;
    unsigned blocks = 0;
    for (bool appended = true; appended && blocks < most; blocks += appended)
        assert_int_equal(weir_drain_recorder_block(&f->drain, reader, &appended, &error), WEIR_OK);
    assert_int_equal(weir_journal_sync(f->j.journal, &error), WEIR_OK);
    return blocks;
}

/* What the last block says of the recorder: where it is drained up to. */
static uint64_t recorder_position(fixture *f) {
    weir_inspection look;
    weir_inventory_input input = {.os = weir_os_posix(), .directory = f->j.at.directory};
    weir_error error;
    assert_int_equal(weir_inspect(&input, &look, &error), WEIR_OK);
    uint64_t position = weir_inspection_recorder_position(&look.inventory, &f->j.at.ring.header);
    weir_inspection_free(&look);
    return position;
}

/* What a block has that the journal holds whole is said by the journal. */
static void a_mark_counts_only_beyond_the_last_block(void **state) {
    (void)state;
    weir_extent extent = {.first_block = 1, .last_block = 8, .first_row = 1, .next_row = 11};
    weir_inventory inventory = {.extents = &extent, .extent_count = 1};
    weir_durable_mark mark = {.block = 9, .row = 25};
    assert_int_equal(weir_inspection_row_before_ring(&inventory, &mark), 25);
    mark.block = 8;
    assert_int_equal(weir_inspection_row_before_ring(&inventory, &mark), 10);
    assert_int_equal(weir_inspection_row_before_ring(&inventory, NULL), 10);
}

/* Each row once, also when a process is killed after any of its blocks and the next one goes on. */
static void a_recorder_is_drained_once_however_often_it_is_begun(void **state) {
    fixture *f = *state;
    weir_recorder_reader reader;
    char path[160];
    static int64_t numbers[2 * RECORDED];
    (void)snprintf(path, sizeof path, "%s/recorder", f->j.at.directory);
    make_recorder(f, path);
    put_declaration(f, 0, 1);
    put(f, 0, 5000);
    f->drain.dead = true;
    f->drain.target = 2000;
    (void)drain_all(f);
    assert_int_equal(recorder_position(f), 0);
    attach_recorder(f, path, &reader);
    assert_int_equal(drain_recorder(f, &reader, 2), 2); /* and is killed */
    weir_recorder_close(&reader);
    uint64_t position = recorder_position(f);
    assert_in_range(position, 1, RECORDED - 1);

    attach_recorder(f, path, &reader);
    weir_recorder_skip(&reader, position);
    assert_true(drain_recorder(f, &reader, UINT32_MAX) > 0);
    weir_recorder_close(&reader);
    assert_in_range(recorder_position(f), RECORDED - 1, RECORDED);
    assert_int_equal(f->drain.recorded, RECORDED / 10 * 9);
    assert_int_equal(f->drain.unreadable, RECORDED / 10);
    assert_int_equal(journal_numbers(&f->j, numbers, 2 * RECORDED), 1 + RECORDED / 10 * 9);
    assert_int_equal(numbers[0], 5000);
    int64_t wanted = 0;
    for (size_t i = 1; i <= RECORDED / 10 * 9; i++, wanted += wanted % 10 == 8 ? 2 : 1)
        assert_int_equal(numbers[i], wanted);
}

/* Rows that the database has by their numbers are passed over in the ring and then in the recorder. */
static void known_rows_of_a_recorder_are_not_drained_again(void **state) {
    fixture *f = *state;
    weir_recorder_reader reader;
    char path[160];
    static int64_t numbers[2 * RECORDED];
    (void)snprintf(path, sizeof path, "%s/recorder", f->j.at.directory);
    make_recorder(f, path);
    put_declaration(f, 0, 1);
    put(f, 0, 5000);
    put(f, 0, 5001);
    f->drain.dead = true;
    f->drain.known = 5;
    (void)drain_all(f);
    attach_recorder(f, path, &reader);
    (void)drain_recorder(f, &reader, UINT32_MAX);
    weir_recorder_close(&reader);
    assert_int_equal(journal_numbers(&f->j, numbers, 2 * RECORDED), RECORDED / 10 * 9 - 3);
    assert_int_equal(numbers[0], 3);
}

/* ---- the order that the program knew, under real threads
 * ------------------------------------------ */

enum { ORDER_ROWS = 4000 };
static _Atomic int64_t order_counter;
static _Atomic int order_running;

typedef struct orderly {
    fixture *f;
    int lane;
} orderly;

/* Take turns: a number is appended before the next one is given out, by whichever thread. */
static void *append_in_turn(void *argument) {
    orderly *o = argument;
    for (;;) {
        int64_t n = atomic_load(&order_counter);
        if (n >= ORDER_ROWS || atomic_load(&order_running) < 0) break;
        if (n < 0 || !atomic_compare_exchange_strong(&order_counter, &n, -n - 1))
            continue; /* somebody's turn */
        while (atomic_load(&order_running) >= 0 &&
               o->f->j.at.lanes[o->lane].tail + 64 >
                   atomic_load(&o->f->j.at.lanes[o->lane].control->head) + LANE_BYTES)
            ;
        put(o->f, o->lane, n);
        atomic_store(&order_counter, n + 1);
    }
    atomic_fetch_sub(&order_running, 1);
    return NULL;
}

static void what_happened_before_stands_before(void **state) {
    fixture *f = *state;
    weir_error error;
    pthread_t threads[LANES];
    orderly each[LANES];
    int status = WEIR_OK;
    atomic_store(&order_counter, 0);
    atomic_store(&order_running, LANES);
    for (int i = 0; i < LANES; i++) {
        each[i] = (orderly){f, i};
        pthread_create(&threads[i], NULL, append_in_turn, &each[i]);
    }
    while (atomic_load(&order_running) > 0 || weir_ring_pending(&f->j.at.ring) > 0) {
        bool appended;
        status = weir_drain_block(&f->drain, &appended, &error);
        if (status == WEIR_OK && appended) status = weir_journal_sync(f->j.journal, &error);
        if (status != WEIR_OK) break;
        if (appended) weir_drain_release(&f->drain);
    }
    if (status != WEIR_OK) atomic_store(&order_running, -1); /* they end, and wait for no room */
    for (int i = 0; i < LANES; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(status, WEIR_OK);
    expect_in_order(f, ORDER_ROWS);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(rows_of_several_lanes_come_in_the_order_of_their_epochs),
        T(a_record_of_a_later_epoch_waits_for_the_next_cut),
        T(space_comes_back_only_with_release),
        T(what_was_not_released_is_taken_again_after_a_rewind),
        T(blocks_are_cut_at_the_target),
        T(a_block_claims_what_it_holds_and_no_more),
        T(what_a_block_that_failed_had_taken_comes_again),
        T(a_bad_record_stops_a_live_drain),
        T(an_epoch_that_nobody_gave_out_stops_a_live_drain),
        T(rows_of_a_table_that_nobody_declared_are_not_drained_from_a_dead_ring),
        T(a_bad_record_ends_its_lane_in_a_dead_drain),
        T(a_record_that_nobody_could_read_ends_its_lane_in_a_dead_drain),
        T(a_declaration_stands_before_the_rows_behind_it),
        T(a_batch_is_never_divided_over_blocks),
        T(nor_when_the_ring_is_dead),
        T(the_largest_batch_fits_behind_a_block_that_is_nearly_full),
        T(nothing_is_taken_of_a_batch_that_is_not_whole),
        T(nothing_is_taken_of_what_no_append_publishes_as_a_batch),
        T(a_bad_record_in_a_batch_stops_a_live_drain),
        T(a_batch_longer_than_any_stops_a_live_drain),
        T(known_rows_may_end_within_a_batch),
        T(a_mark_counts_only_beyond_the_last_block),
        T(a_recorder_is_drained_once_however_often_it_is_begun),
        T(known_rows_of_a_recorder_are_not_drained_again),
        T(what_happened_before_stands_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
