/* test_journal.c - the stream: rolling, opening after a crash at any step, failing at any call.
 *
 * Row n of the journal always holds the integer n, so whatever is read back can be judged without a
 * second list: rows must count up from the first kept, and reach at least as far as was synced. */
/* Covers: lib/journal/opening.c, lib/journal/next_segment.c, lib/journal/release.c,
 * lib/journal/stream.h, lib/journal/archive_bound.c, lib/journal/held.c */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "journal_fixture.h"
#include "lib/format/named.h"
#include "lib/format/row_encode.h"
#include "lib/journal/stream.h"
#include "recording_os.h"
#include "scarce.h"

enum { SEGMENT = 1 << 16, ROWS = 40 };

static journal_fixture *here; /* what an os function or an event of a test needs, too */
static const weir_os *os;     /* its table */
static int events;
static weir_position applied; /* what a database would have stored; block 0: nothing */

static void count_event(void *context, weir_event event, const char *text) {
    (void)context;
    assert_true(event == WEIR_EVENT_NO_SPACE || event == WEIR_EVENT_GROWS_AGAIN);
    assert_true(strlen(text) > 0);
    events += event == WEIR_EVENT_NO_SPACE;
}

static void begin(void) {
    os = &here->os.table;
    events = 0;
    applied = (weir_position){0};
    here->config.segment_bytes = SEGMENT;
    here->config.event = count_event;
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

/* ---- what the tests do ------------------------------------------------------------------- */

/* The directory as it is now. */
static weir_inventory *take(void) {
    weir_inventory_input input = {.os = weir_os_posix(),
                                  .directory = here->at.directory,
                                  .verify_all = true,
                                  .database_has_positions = applied.block > 0,
                                  .positions = &applied,
                                  .position_count = applied.block > 0};
    weir_error error = {0};
    weir_inventory_free(&here->found);
    if (weir_inventory_take(&input, &here->found, &error) != WEIR_OK) fail_msg("%s", error.text);
    return &here->found;
}

static int try_open(weir_journal **out, weir_error *error) {
    assert_null(here->journal); /* one at a time; tear-down closes it */
    int status = weir_journal_open(&here->config, take(), out, error);
    if (status == WEIR_OK) here->journal = *out;
    return status;
}

static weir_journal *open_journal(void) {
    weir_error error = {0};
    weir_journal *j;
    if (try_open(&j, &error) != WEIR_OK) fail_msg("%s", error.text);
    return j;
}

/* The process dies: nothing is synced, tidied or told. */
static void crash(weir_journal *j) {
    here->journal = NULL;
    weir_journal_free(j);
}

static void close_journal(weir_journal *j) {
    here->journal = NULL;
    weir_journal_close(j);
}

static uint8_t *put_head(uint8_t *at, uint64_t position) {
    const uint8_t ring[16] = "ring";
    weir_lane_mark mark = {3, position};
    return weir_payload_head_encode(at, ring, &mark, 1);
}

/* What the head of this payload says is drained. */
static int append_payload(weir_journal *j, uint16_t kind, uint8_t *payload, size_t bytes,
                          uint32_t rows, weir_error *error) {
    weir_lane_mark marks[2];
    weir_drained drained = {.marks = marks};
    weir_payload parsed;
    if (weir_payload_parse(payload, bytes, &parsed)) weir_payload_drained(&parsed, &drained);
    return weir_journal_append(j, kind, &drained, payload, bytes, rows, error);
}

/* A block of rows that hold their own numbers; the lane mark says the last of them. */
static int append_rows(weir_journal *j, uint32_t rows, weir_error *error) {
    static uint8_t payload[1 << 20];
    weir_journal_state state;
    weir_journal_get_state(j, &state);
    uint8_t *at = put_head(payload, state.next_row + rows - 1);
    for (uint32_t i = 0; i < rows; i++) {
        int status;
        weir_value value = weir_int((int64_t)(state.next_row + i));
        size_t bytes = weir_row_size(&value, 1, &status);
        at = weir_row_encode(weir_put_u32(at, (uint32_t)bytes), 1, &value, 1);
    }
    return append_payload(j, WEIR_BLOCK_ROWS, payload, (size_t)(at - payload), rows, error);
}

static void must_append(weir_journal *j, uint32_t rows) {
    weir_error error = {0};
    if (append_rows(j, rows, &error) != WEIR_OK) fail_msg("%s", error.text);
}

static void must_sync(weir_journal *j) {
    weir_error error = {0};
    if (weir_journal_sync(j, &error) != WEIR_OK) fail_msg("%s", error.text);
}

static void declare(weir_journal *j, uint16_t table, const char *name) {
    const weir_column column = {"n", WEIR_INTEGER};
    weir_declaration *d;
    weir_error error = {0};
    assert_int_equal(weir_declaration_make(table, name, &column, 1, &d, &error), WEIR_OK);
    uint8_t payload[256];
    uint8_t *at = put_head(payload, 0);
    at = weir_declaration_encode(weir_put_u32(at, 1), d);
    weir_declaration_free(d);
    assert_int_equal(
        append_payload(j, WEIR_BLOCK_DECLARATIONS, payload, (size_t)(at - payload), 0, &error),
        WEIR_OK);
}

static weir_journal_state state_of(weir_journal *j) {
    weir_journal_state state;
    weir_journal_get_state(j, &state);
    return state;
}

/* Everything durable is in the database, and may leave the journal. */
static int release_all(weir_journal *j, weir_error *error) {
    weir_journal_state state = state_of(j);
    applied = (weir_position){
        .block = state.durable.block, .row = state.durable.row, .hash = state.durable.hash};
    memcpy(applied.journal, weir_journal_id(j), sizeof applied.journal);
    return weir_journal_release(j, state.durable.block, error);
}

/* ---- what they see ----------------------------------------------------------------------- */

typedef struct sight {
    uint64_t blocks, first_row, next_row, heads, position;
    size_t tables; /* of the last head */
} sight;

static void see_row(const uint8_t *row, size_t bytes, uint64_t number) {
    uint16_t table, count;
    weir_value values[WEIR_COLUMNS_MAX];
    assert_true(weir_row_decode(row, bytes, &table, &count, values));
    assert_int_equal(values[0].as.integer, number);
}

static void see_block(const weir_read_block *b, sight *seen) {
    weir_cursor body = b->payload.body;
    if (b->payload.lanes) seen->position = weir_payload_lane(&b->payload, 0).position;
    if (seen->blocks++ == 0) seen->first_row = seen->next_row = b->header.first_row;
    assert_int_equal(b->header.first_row, seen->next_row);
    if (b->header.offset == WEIR_BLOCK_ALIGN) {
        assert_int_equal(b->header.kind, WEIR_BLOCK_DECLARATIONS);
        assert_int_equal(seen->position, seen->next_row - 1); /* the mark of the last block */
        seen->heads++;
        seen->tables = weir_take_u32(&body);
    }
    if (b->header.kind != WEIR_BLOCK_ROWS) return;
    const uint8_t *row;
    size_t bytes;
    uint32_t rows = 0;
    for (; weir_payload_next_row(&body, &row, &bytes) == 1; rows++)
        see_row(row, bytes, seen->next_row++);
    assert_int_equal(rows, b->header.rows);
}

static sight see(weir_locator locator, uint64_t first, uint64_t last) {
    sight seen = {0};
    weir_error error = {0};
    weir_reader *reader = journal_reader_at(here, locator);
    for (uint64_t n = first; n <= last; n++) {
        weir_read_block block;
        if (weir_reader_read(reader, n, &block, &error) != WEIR_OK)
            fail_msg("block %llu: %s", (unsigned long long)n, error.text);
        see_block(&block, &seen);
    }
    return seen;
}

static sight see_live(weir_journal *j) {
    weir_journal_state state = state_of(j);
    sight seen = see(weir_journal_locator(j), state.first_block, state.durable.block);
    assert_int_equal(seen.next_row, state.durable.row + 1);
    return seen;
}

/* The directory as a stranger finds it. */
static sight see_dead(void) {
    const weir_inventory *found = take();
    if (weir_verdict_refuses(found->verdict)) fail_msg("%s", found->detail);
    assert_int_equal(found->damage_count, 0);
    sight seen = {0};
    if (found->extent_count)
        seen = see(weir_inventory_locator(found), found->extents[0].first_block, found->end.block);
    if (found->extent_count) assert_int_equal(found->next_row, seen.next_row);
    return seen;
}

typedef struct names {
    int segments, spares, damaged, archived;
} names;

static int each_name(void *context, const char *name) {
    names *n = context;
    n->segments += strncmp(name, "segment-", 8) == 0;
    n->spares += strncmp(name, "spare-", 6) == 0;
    n->damaged += strncmp(name, "damaged-", 8) == 0;
    return 0;
}

static names names_now(void) {
    names n = {0}, archived = {0};
    assert_int_equal(os->list(os->self, WEIR_OS_CWD, here->at.directory, each_name, &n), 0);
    (void)os->list(os->self, WEIR_OS_CWD, weir_temp_path(here->at.directory, "archive"), each_name,
                   &archived);
    n.archived = archived.segments;
    return n;
}

/* ---- the plain way ----------------------------------------------------------------------- */

static void a_fresh_journal_is_empty_and_durable(void **state) {
    (void)state;
    weir_journal *j = open_journal();
    weir_journal_state s = state_of(j);
    assert_int_equal(s.durable.block, 1); /* the head of the first segment */
    assert_int_equal(s.durable.row, 0);
    assert_int_equal(s.next_row, 1);
    assert_int_equal(s.found.block, 0);
    assert_int_equal(s.first_block, 1);
    assert_int_equal(s.bytes, SEGMENT);
    assert_int_equal(weir_journal_incarnation(j), 1);
    assert_int_equal(see_live(j).heads, 1);
    close_journal(j);
    assert_int_equal(names_now().segments, 1);
    assert_int_equal(see_dead().blocks, 1);
}

static void rows_are_numbered_through_many_segments(void **state) {
    (void)state;
    weir_journal *j = open_journal();
    for (int i = 0; i < 100; i++) {
        must_append(j, ROWS);
        if (i % 3 == 0) must_sync(j);
    }
    must_sync(j);
    sight seen = see_live(j);
    assert_int_equal(seen.next_row, 100 * ROWS + 1);
    assert_true(seen.heads > 5);
    assert_int_equal(names_now().segments, seen.heads);
    assert_int_equal(state_of(j).bytes, seen.heads * SEGMENT);
    close_journal(j);
    assert_int_equal(see_dead().next_row, 100 * ROWS + 1);
}

/* Before its first row is durable: a head that named the former ring would say that this one was drained. */
static void segments_name_a_ring_from_its_beginning(void **state) {
    (void)state;
    static const weir_id ring = {7, 7, 7};
    weir_reader *reader;
    weir_read_block head;
    weir_error error;
    weir_journal *j = open_journal();
    weir_journal_begin_ring(j, ring);
    assert_int_equal(weir_journal_restart(j, &error), WEIR_OK);
    assert_int_equal(weir_reader_make(here->config.os, weir_journal_locator(j), &reader), WEIR_OK);
    int status = weir_reader_declarations(reader, state_of(j).durable.block, &head, &error);
    bool named = status == WEIR_OK && weir_id_equal(head.payload.ring, ring);
    weir_reader_free(reader);
    close_journal(j);
    assert_true(named);
}

static void blocks_are_seen_once_they_are_durable(void **state) {
    (void)state;
    weir_journal *j = open_journal();
    weir_locator locator = weir_journal_locator(j);
    char path[4096];
    weir_extent extent;
    must_append(j, ROWS);
    assert_int_equal(locator.locate(locator.self, 1, &extent, path), WEIR_OK);
    assert_int_equal(locator.locate(locator.self, 2, &extent, path), WEIR_PENDING);
    assert_int_equal(locator.nearest(locator.self, 1, WEIR_BELOW), 1);
    assert_int_equal(locator.nearest(locator.self, 2, WEIR_BELOW), 1);
    assert_int_equal(locator.nearest(locator.self, 2, WEIR_ABOVE), 0);
    must_sync(j);
    assert_int_equal(locator.nearest(locator.self, 2, WEIR_ABOVE), 2);
    assert_int_equal(locator.locate(locator.self, 2, &extent, path), WEIR_OK);
    assert_int_equal(extent.last_block, 2);
    assert_int_equal(extent.next_row, ROWS + 1);
    assert_int_equal(locator.locate(locator.self, 3, &extent, path), WEIR_PENDING);
    weir_journal_state before = state_of(j);
    must_sync(j); /* nothing new: no call of the disk */
    assert_int_equal(state_of(j).syncs, before.syncs);
    assert_true(before.bytes_written >= 2 * WEIR_BLOCK_ALIGN);
    close_journal(j);
}

static void a_block_larger_than_a_segment_gets_one_of_its_own(void **state) {
    (void)state;
    static uint8_t payload[SEGMENT * 2];
    weir_error error = {0};
    here->config.zstd_level = 1;
    weir_journal *j = open_journal();
    uint8_t *at = put_head(payload, 1);
    weir_rng rng = {7}; /* noise, so that it does not compress */
    weir_value value = weir_blob(payload + SEGMENT / 2, SEGMENT);
    weir_rng_fill(&rng, payload + SEGMENT / 2, SEGMENT);
    int status;
    static uint8_t row[SEGMENT * 2];
    size_t bytes = weir_row_size(&value, 1, &status);
    (void)weir_row_encode(row, 1, &value, 1);
    at = weir_put_bytes(weir_put_u32(at, (uint32_t)bytes), row, bytes);
    assert_int_equal(append_payload(j, WEIR_BLOCK_ROWS, payload, (size_t)(at - payload), 1, &error),
                     WEIR_OK);
    must_sync(j);
    assert_true(state_of(j).bytes > 2 * SEGMENT);
    assert_int_equal(names_now().segments, 2);
    weir_read_block block;
    weir_reader *reader;
    assert_int_equal(weir_reader_make(os, weir_journal_locator(j), &reader), WEIR_OK);
    assert_int_equal(weir_reader_read(reader, 3, &block, &error), WEIR_OK);
    assert_int_equal(block.header.raw_bytes, at - payload);
    weir_reader_free(reader);
    close_journal(j);
}

static void every_segment_knows_the_tables(void **state) {
    (void)state;
    weir_journal *j = open_journal();
    declare(j, 2, "second");
    declare(j, 1, "first");
    declare(j, 2, "second, again");
    for (int i = 0; i < 20; i++)
        must_append(j, ROWS);
    must_sync(j);
    assert_int_equal(see_live(j).tables, 2);
    declare(j, 3, "third"); /* not synced, and not in any head */
    crash(j);
    j = open_journal();
    assert_int_equal(see_live(j).tables, 3);
    assert_int_equal(j->tables.list[0]->table, 1);
    assert_string_equal(j->tables.list[1]->name, "second, again");
    close_journal(j);
}

static void payloads_that_lie_are_refused(void **state) {
    (void)state;
    weir_error error = {0};
    uint8_t payload[WEIR_PAYLOAD_HEAD + 16] = {0};
    weir_journal *j = open_journal();
    assert_int_equal(append_payload(j, WEIR_BLOCK_ROWS, payload, 10, 0, &error), WEIR_MISUSE);
    assert_int_equal(append_payload(j, WEIR_BLOCK_MARK, payload, WEIR_PAYLOAD_HEAD, 1, &error),
                     WEIR_MISUSE);
    const weir_drained many = {.count = WEIR_LANES_LIMIT + 1};
    assert_int_equal(weir_journal_append(j, WEIR_BLOCK_MARK, &many, payload, 1 << 20, 0, &error),
                     WEIR_MISUSE);
    weir_put_u32(payload + WEIR_PAYLOAD_HEAD, 9); /* nine declarations that are not there */
    assert_int_equal(
        append_payload(j, WEIR_BLOCK_DECLARATIONS, payload, WEIR_PAYLOAD_HEAD + 4, 0, &error),
        WEIR_DAMAGED);
    assert_int_equal(state_of(j).end.block, 1);
    close_journal(j);
}

/* ---- opening again ----------------------------------------------------------------------- */

static void rows_survive_a_crash_at_every_step(void **state) {
    (void)state;
    uint64_t rows = 0;
    for (int round = 0; round < 12; round++) {
        weir_journal *j = open_journal();
        assert_int_equal(state_of(j).next_row, rows + 1);
        assert_int_equal(state_of(j).durable.row, rows);
        assert_int_equal(weir_journal_incarnation(j), round + 1);
        for (int i = 0; i < round; i++) {
            must_append(j, ROWS);
            if (i % 2) must_sync(j);
            rows += ROWS;
        }
        crash(j);
        assert_int_equal(see_dead().next_row, rows + 1);
    }
    weir_journal *j = open_journal();
    assert_int_equal(see_live(j).next_row, rows + 1);
    close_journal(j);
}

static void the_journal_keeps_its_id(void **state) {
    (void)state;
    weir_journal *j = open_journal();
    uint8_t id[16];
    memcpy(id, weir_journal_id(j), sizeof id);
    must_append(j, ROWS);
    must_sync(j);
    close_journal(j);
    j = open_journal();
    assert_memory_equal(id, weir_journal_id(j), sizeof id);
    assert_int_equal(state_of(j).found.row, 0); /* its block had nobody yet to vouch for it */
    assert_int_equal(state_of(j).durable.row, ROWS);
    assert_memory_equal(state_of(j).found.journal, id, sizeof id);
    close_journal(j);
}

/* The mark of a clean close must not stand last once the journal is open again, or the next opening
 * would leave a dead ring alone. */
static void a_closing_mark_is_not_carried_over(void **state) {
    (void)state;
    uint8_t head[WEIR_PAYLOAD_HEAD] = {0};
    weir_error error = {0};
    weir_journal *j = open_journal();
    must_append(j, ROWS);
    must_sync(j);
    assert_int_equal(append_payload(j, WEIR_BLOCK_MARK, head, sizeof head, 0, &error), WEIR_OK);
    must_sync(j);
    close_journal(j);
    const weir_inventory *found = take();
    assert_true(found->closed);
    crash(open_journal());
    found = take();
    assert_false(found->closed);
    assert_int_equal(found->next_row, ROWS + 1);
}

/* Opening that fails at any call leaves the next one everything, also what no mark vouches for. */
static void opening_may_fail_at_any_call(void **state) {
    (void)state;
    uint64_t rows = 0;
    for (int call = FAULTY_PWRITE; call < FAULTY_CALLS; call++) {
        for (long n = 1; n <= 4; n++) {
            weir_journal *j = open_journal();
            must_append(j, ROWS); /* durable as far as anybody who waited knows, but unmarked */
            must_append(j, ROWS);
            rows += 2 * ROWS;
            must_sync(j);
            assert_int_equal(release_all(j, NULL), WEIR_OK);
            crash(j);
            weir_error error = {0};
            faulty_arm(&here->os, (faulty_call)call, n, 1, -EIO);
            if (try_open(&j, &error) == WEIR_OK)
                crash(j);
            else
                assert_int_equal(error.status, WEIR_IO);
            faulty_arm(&here->os, (faulty_call)call, 0, 0, 0);
            assert_int_equal(see_dead().next_row, rows + 1);
        }
    }
    weir_journal *j = open_journal();
    assert_int_equal(state_of(j).durable.row, rows);
    close_journal(j);
}

/* ---- failing ----------------------------------------------------------------------------- */

/* What the journal thread does: append, sync, and begin again from the last durable row. */
static int drive(weir_journal *j, uint64_t rows, weir_error *error) {
    int status = WEIR_OK;
    for (int failures = 0; failures < 10;) {
        weir_journal_state s = state_of(j);
        if (s.durable.row >= rows) return WEIR_OK;
        if (s.next_row > rows || s.end.block % 3 == 0) status = weir_journal_sync(j, error);
        if (status == WEIR_OK && s.next_row <= rows) status = append_rows(j, ROWS, error);
        if (status == WEIR_OK) continue;
        failures++;
        if (status != WEIR_FULL) status = weir_journal_restart(j, error);
        if (status == WEIR_FULL || status == WEIR_IO) status = WEIR_OK;
    }
    return WEIR_STOPPED;
}

static void failing_calls_lose_and_double_nothing(void **state) {
    (void)state;
    const int errors[] = {-EIO, -ENOSPC};
    const uint64_t rows = 40 * ROWS;
    for (int call = 0; call < FAULTY_CALLS; call++) {
        for (long n = 1; n <= 24; n++) {
            begin_again(); /* each round has a directory of its own */
            weir_journal *j = open_journal();
            weir_error error = {0};
            faulty_arm(&here->os, (faulty_call)call, n, 1 + n % 3, errors[n % 2]);
            assert_int_equal(drive(j, rows, &error), WEIR_OK);
            assert_int_equal(see_live(j).next_row, rows + 1);
            faulty_arm(&here->os, (faulty_call)call, 0, 0, 0);
            crash(j);
            assert_int_equal(see_dead().next_row, rows + 1);
            j = open_journal();
            assert_int_equal(see_live(j).next_row, rows + 1);
            close_journal(j);
        }
    }
}

static void a_failed_sync_promises_nothing(void **state) {
    (void)state;
    weir_error error = {0};
    weir_journal *j = open_journal();
    must_append(j, ROWS);
    must_sync(j);
    must_append(j, ROWS);
    faulty_arm(&here->os, FAULTY_DATASYNC, 1, 1, -EIO);
    assert_int_equal(weir_journal_sync(j, &error), WEIR_IO);
    assert_int_equal(weir_journal_sync(j, &error), WEIR_IO); /* never again on this file */
    assert_int_equal(append_rows(j, ROWS, &error), WEIR_IO);
    assert_int_equal(state_of(j).durable.row, ROWS);
    assert_int_equal(weir_journal_restart(j, &error), WEIR_OK);
    assert_int_equal(state_of(j).next_row, ROWS + 1);
    must_append(j, ROWS);
    faulty_arm(&here->os, FAULTY_DATASYNC, 1, 1, -EIO);
    assert_int_equal(weir_journal_sync(j, &error), WEIR_IO);
    assert_int_equal(weir_journal_restart(j, &error), WEIR_OK);
    assert_int_equal(see_live(j).heads, 3); /* none of them says that the lost rows are drained */
    crash(j); /* before the rows were written again: what the failed file holds is void */
    assert_int_equal(see_dead().next_row, ROWS + 1);
}

/* ---- room -------------------------------------------------------------------------------- */

static void the_limit_is_told_once_and_ends_with_a_release(void **state) {
    (void)state;
    weir_error error = {0};
    here->config.limit_bytes = 3 * SEGMENT;
    weir_journal *j = open_journal();
    assert_int_equal(weir_journal_reserve(j, SEGMENT, &error), WEIR_OK);
    for (int round = 1; round <= 2; round++) {
        while (append_rows(j, ROWS, &error) == WEIR_OK)
            assert_true(state_of(j).bytes <= 3 * SEGMENT);
        assert_int_equal(error.status, WEIR_FULL);
        assert_int_equal(append_rows(j, ROWS, &error), WEIR_FULL);
        assert_int_equal(events, round);
        assert_int_equal(state_of(j).durable.row, state_of(j).next_row - 1);
        assert_true(state_of(j).bytes <= 3 * SEGMENT);
        assert_int_equal(release_all(j, &error), WEIR_OK);
        must_append(j, ROWS);
    }
    must_sync(j);
    (void)see_live(j);
    close_journal(j);
}

static void released_segments_become_spares(void **state) {
    (void)state;
    weir_error error = {0};
    weir_journal *j = open_journal();
    while (names_now().segments < 6)
        must_append(j, ROWS);
    must_sync(j);
    uint64_t newest_head = 0;
    weir_extent extent;
    char path[4096];
    weir_locator locator = weir_journal_locator(j);
    assert_int_equal(locator.locate(locator.self, state_of(j).durable.block, &extent, path),
                     WEIR_OK);
    newest_head = extent.first_block;
    assert_int_equal(weir_journal_release(j, newest_head - 2, &error), WEIR_OK);
    assert_int_equal(names_now().segments, 2); /* the last but one holds a block more */
    assert_int_equal(release_all(j, &error), WEIR_OK);
    assert_int_equal(names_now().segments, 1);
    assert_int_equal(names_now().spares, WEIR_SPARES_RECYCLE);
    assert_int_equal(state_of(j).first_block, newest_head);
    assert_int_equal(locator.locate(locator.self, newest_head - 1, &extent, path), WEIR_NOT_FOUND);
    while (names_now().segments < 3)
        must_append(j, ROWS);
    must_sync(j);
    assert_int_equal(names_now().spares, 1);
    (void)see_live(j);
    crash(j);
    (void)see_dead();
    j = open_journal();
    assert_int_equal(release_all(j, &error), WEIR_OK);
    close_journal(j);
    assert_int_equal(names_now().segments, 1);
    assert_int_equal(names_now().spares, 1);
}

static void an_archive_keeps_every_row(void **state) {
    (void)state;
    weir_error error = {0};
    here->config.archive = true;
    for (int round = 0; round < 3; round++) {
        weir_journal *j = open_journal();
        for (int i = 0; i < 30; i++)
            must_append(j, ROWS);
        must_sync(j);
        assert_int_equal(release_all(j, &error), WEIR_OK);
        crash(j);
    }
    names n = names_now();
    assert_int_equal(n.segments, 1);
    assert_true(n.archived > 3);
    const weir_inventory *found = take();
    char to[400];
    (void)snprintf(to, sizeof to, "%s/archive%s", here->at.directory,
                   strrchr(found->segments[0].path, '/'));
    assert_int_equal(os->rename(os->self, WEIR_OS_CWD, found->segments[0].path, WEIR_OS_CWD, to),
                     0);
    size_t length = strlen(here->at.directory);
    strcpy(here->at.directory + length, "/archive"); /* which is a journal itself */
    sight seen = see_dead();
    here->at.directory[length] = '\0';
    assert_int_equal(seen.first_row, 1);
    assert_int_equal(seen.next_row, 3 * 30 * ROWS + 1);
}

/* The numbers in the archive, lowest and highest, and how many there are. */
typedef struct archived_numbers {
    uint64_t first, last, count;
} archived_numbers;

static int each_archived(void *context, const char *name) {
    archived_numbers *n = context;
    uint64_t number = weir_number_in_name(name, "segment");
    if (number && (n->first == 0 || number < n->first)) n->first = number;
    if (number > n->last) n->last = number;
    n->count += number != 0;
    return 0;
}

static archived_numbers archived_now(void) {
    archived_numbers n = {0};
    (void)os->list(os->self, WEIR_OS_CWD, weir_temp_path(here->at.directory, "archive"),
                   each_archived, &n);
    return n;
}

enum { FILL = 100 }; /* blocks */

static void fill_and_release(weir_journal *j) {
    weir_error error = {0};
    for (int i = 0; i < FILL; i++)
        must_append(j, ROWS);
    must_sync(j);
    if (release_all(j, &error) != WEIR_OK) fail_msg("%s", error.text);
}

/* The newest stay, without a gap, up to the limit; and one, however large it is. */
static void an_archive_is_bounded_by_bytes(void **state) {
    (void)state;
    here->config.archive = true;
    here->config.archive_limit_bytes = 3 * SEGMENT;
    weir_journal *j = open_journal();
    for (int round = 0; round < 3; round++) {
        fill_and_release(j);
        archived_numbers n = archived_now();
        assert_int_equal(n.count, 3);
        assert_int_equal(n.last - n.first + 1, n.count);
    }
    close_journal(j);
    assert_true(archived_now().last > 5);
    here->config.archive_limit_bytes = 1;
    j = open_journal();
    fill_and_release(j);
    assert_int_equal(archived_now().count, 1);
    close_journal(j);
}

static bool pack_now;

/* The tool packs the oldest when the archive has been listed. */
static int list_then_pack(void *self, int dirfd, const char *path,
                          int (*each)(void *context, const char *name), void *context) {
    char plain[600], packed[600];
    int result = os->list(self, dirfd, path, each, context);
    if (strlen(path) < 8 || strcmp(path + strlen(path) - 8, "/archive") != 0) return result;
    (void)snprintf(plain, sizeof plain, "%s/segment-%020d", path, 1);
    (void)snprintf(packed, sizeof packed, "%s/packed-segment-%020d", path, 1);
    archived_numbers n = archived_now();
    assert_int_equal(n.last - n.first + 1, n.count); /* no gap, at any time */
    if (pack_now) assert_int_equal(os->rename(self, WEIR_OS_CWD, plain, WEIR_OS_CWD, packed), 0);
    pack_now = false;
    return result;
}

static void what_is_packed_meanwhile_leaves_no_gap(void **state) {
    (void)state;
    weir_os packing = *os;
    packing.list = list_then_pack;
    here->config.os = &packing;
    here->config.archive = true;
    weir_journal *j = open_journal();
    fill_and_release(j);
    assert_true(archived_now().count > 4);
    close_journal(j);
    here->config.archive_limit_bytes = 2 * SEGMENT;
    j = open_journal();
    pack_now = true;
    fill_and_release(j);
    assert_false(pack_now);
    archived_numbers n = archived_now();
    assert_int_equal(n.count, 2);
    assert_int_equal(n.last - n.first + 1, n.count);
    close_journal(j);
}

static int64_t later_ns;
static int64_t wall_later(void *self) { return os->wall(self) + later_ns; }

/* An hour's archive, with its first segments, by a clock that later_ns moves. */
static weir_journal *open_aging(weir_os *moved) {
    *moved = *os;
    moved->wall = wall_later;
    here->config.os = moved;
    here->config.archive = true;
    here->config.archive_limit_s = 3600;
    later_ns = 0;
    weir_journal *j = open_journal();
    fill_and_release(j);
    return j;
}

static void an_archive_is_bounded_by_age(void **state) {
    (void)state;
    weir_os moved;
    weir_journal *j = open_aging(&moved);
    archived_numbers before = archived_now();
    assert_true(before.count > 2);
    later_ns = INT64_C(3500) * 1000000000;
    fill_and_release(j);
    assert_int_equal(archived_now().first, before.first);
    later_ns = INT64_C(3700) * 1000000000;
    fill_and_release(j);
    archived_numbers after = archived_now();
    assert_true(after.first >= before.last); /* when one ends is what the next one says */
    assert_int_equal(after.last - after.first + 1, after.count);
    close_journal(j);
}

static void leave_reader(weir_journal *j, uint64_t row, uint64_t hold_bytes) {
    char path[600];
    uint8_t bytes[WEIR_NAMED_BYTES];
    weir_named reader = {.name = "slow", .hold_bytes = hold_bytes, .mark.at.row = row};
    if (row) reader.mark.row_hash = reader.mark.at.block = reader.mark.at.hash = 1;
    weir_id_copy(reader.mark.at.journal, weir_journal_id(j));
    weir_named_encode(bytes, &reader);
    (void)snprintf(path, sizeof path, "%s/readers", here->at.directory);
    int made = os->make_directory(os->self, WEIR_OS_CWD, path);
    assert_true(made >= 0 || made == -EEXIST);
    (void)snprintf(path, sizeof path, "%s/readers/slow", here->at.directory);
    int file = os->open(os->self, WEIR_OS_CWD, path, WEIR_OS_WRITE | WEIR_OS_CREATE);
    assert_true(file >= 0);
    assert_int_equal(weir_write_full(os, file, bytes, sizeof bytes, 0), 0);
    (void)os->close(os->self, file);
}

static void an_archive_waits_for_named_readers(void **state) {
    (void)state;
    here->config.archive = true;
    here->config.archive_limit_bytes = 2 * SEGMENT;
    weir_journal *j = open_journal();
    leave_reader(j, 0, 1000 * SEGMENT);
    fill_and_release(j);
    archived_numbers held = archived_now();
    assert_int_equal(held.first, 1);
    assert_true(held.count > 3);
    leave_reader(j, FILL * ROWS, 1000 * SEGMENT);
    fill_and_release(j);
    assert_true(archived_now().first > 1); /* what it has read goes */
    assert_true(archived_now().count > 2);
    leave_reader(j, FILL * ROWS, 0); /* it may hold nothing */
    fill_and_release(j);
    assert_int_equal(archived_now().count, 2);
    close_journal(j);
}

/* Where packing was interrupted: the packed file has the segment's header behind its own 24 bytes. */
static void leave_twin(uint64_t number) {
    char plain[600], packed[600];
    uint8_t bytes[24 + WEIR_SEGMENT_HEADER] = {0};
    (void)snprintf(plain, sizeof plain, "%s/archive/segment-%020llu", here->at.directory,
                   (unsigned long long)number);
    (void)snprintf(packed, sizeof packed, "%s/archive/packed-segment-%020llu", here->at.directory,
                   (unsigned long long)number);
    int file = os->open(os->self, WEIR_OS_CWD, plain, WEIR_OS_READ);
    assert_true(file > 0);
    assert_int_equal(weir_read_full(os, file, bytes + 24, WEIR_SEGMENT_HEADER, 0), 0);
    assert_int_equal(os->close(os->self, file), 0);
    file = os->open(os->self, WEIR_OS_CWD, packed, WEIR_OS_WRITE | WEIR_OS_CREATE);
    assert_true(file > 0);
    assert_int_equal(weir_write_full(os, file, bytes, sizeof bytes, 0), 0);
    assert_int_equal(os->close(os->self, file), 0);
}

static bool is_archived(const char *prefix, uint64_t number) {
    char path[600];
    weir_os_info info;
    (void)snprintf(path, sizeof path, "%s/archive/%ssegment-%020llu", here->at.directory, prefix,
                   (unsigned long long)number);
    return os->info(os->self, WEIR_OS_CWD, path, &info) >= 0;
}

/* Of all twins those before first are gone, and first has both files. */
static void check_twins(uint64_t first) {
    for (uint64_t n = 1; n <= first; n++) {
        assert_int_equal(is_archived("", n), n == first);
        assert_int_equal(is_archived("packed-", n), n == first);
    }
}

/* A segment's end is told by the next number, not by its own twin. */
static void twins_go_together_and_by_the_next_number(void **state) {
    (void)state;
    weir_os moved;
    weir_journal *j = open_aging(&moved);
    uint64_t last = archived_now().last + 1; /* it is being filled now, and ends later */
    later_ns = INT64_C(3500) * 1000000000;
    fill_and_release(j);
    for (uint64_t n = 1; n <= last; n++)
        leave_twin(n);
    later_ns = INT64_C(3700) * 1000000000;
    fill_and_release(j);
    check_twins(last);
    close_journal(j);
}

static uint64_t first_row_of_archived(uint64_t number) {
    char path[600];
    uint8_t bytes[WEIR_SEGMENT_HEADER];
    weir_segment_header header;
    (void)snprintf(path, sizeof path, "%s/archive/segment-%020llu", here->at.directory,
                   (unsigned long long)number);
    int file = os->open(os->self, WEIR_OS_CWD, path, WEIR_OS_READ);
    assert_true(file > 0);
    assert_int_equal(weir_read_full(os, file, bytes, sizeof bytes, 0), 0);
    assert_int_equal(os->close(os->self, file), 0);
    assert_int_equal(weir_segment_header_decode(bytes, &header), WEIR_OK);
    return header.first_row;
}

/* Its twin has the same rows: what a reader has read up to says nothing until it has read the rest. */
static void twins_wait_for_named_readers(void **state) {
    (void)state;
    here->config.archive = true;
    weir_journal *j = open_journal();
    fill_and_release(j);
    assert_true(archived_now().last > 3);
    uint64_t row = first_row_of_archived(2); /* all of segment 1 was read */
    leave_reader(j, row, 1000 * SEGMENT);
    leave_twin(1);
    leave_twin(2);
    j->config.archive_limit_bytes = SEGMENT;
    fill_and_release(j);
    check_twins(2);
    close_journal(j);
}

/* ---- what is told of readers ----------------------------------------------------------------- */

static int passed;

/* The journal answers, as weir_stats asks it to, and nothing is locked that a call could wait for. */
static void ask_the_journal(void *context, weir_event event, const char *text) {
    weir_journal *j = here->journal;
    weir_journal_state now;
    weir_journal_counts counts;
    (void)context;
    assert_int_equal(event, WEIR_EVENT_READER_PASSED);
    assert_non_null(strstr(text, "slow"));
    assert_int_equal(pthread_mutex_trylock(&j->releasing), 0);
    (void)pthread_mutex_unlock(&j->releasing);
    weir_journal_get_state(j, &now);
    weir_journal_get_counts(j, &counts);
    assert_true(counts.rows_passed > 0);
    passed++;
}

static void what_readers_miss_is_told_without_a_lock(void **state) {
    (void)state;
    weir_error error = {0};
    here->config.event = ask_the_journal;
    passed = 0;
    weir_journal *j = open_journal();
    leave_reader(j, 0, 0); /* it may hold nothing: the writer's release passes it over */
    fill_and_release(j);
    assert_true(passed > 0);
    leave_reader(j, 0, 1000 * SEGMENT);
    fill_and_release(j);
    passed = 0;
    assert_int_equal(weir_journal_reserve(j, SEGMENT, &error), WEIR_OK); /* the limit holds */
    j->config.limit_bytes = state_of(j).bytes; /* and now the journal thread does, in need */
    for (int i = 0; i < FILL; i++)
        assert_int_equal(append_rows(j, ROWS, &error), WEIR_OK);
    assert_true(passed > 0);
    close_journal(j);
}

static bool unreadable, closed_reader; /* the directory of readers, and the file of one */
static int weakened;

static int open_unless_closed(void *self, int dirfd, const char *path, int flags) {
    if (closed_reader && strcmp(path, "slow") == 0) return -EMFILE;
    return os->open(self, dirfd, path, flags);
}

static int open_directory_unless(void *self, int dirfd, const char *path) {
    if (unreadable && strstr(path, "/readers")) return -EMFILE;
    return os->open_directory(self, dirfd, path);
}

static void count_weakened(void *context, weir_event event, const char *text) {
    (void)context;
    if (event != WEIR_EVENT_WEAKENED) return;
    assert_non_null(strstr(text, "/readers"));
    assert_int_equal(pthread_mutex_trylock(&here->journal->releasing), 0);
    (void)pthread_mutex_unlock(&here->journal->releasing);
    weakened++;
}

static weir_journal *open_with_readers_that_fail(weir_os *failing) {
    *failing = *os;
    failing->open = open_unless_closed;
    failing->open_directory = open_directory_unless;
    unreadable = closed_reader = false;
    weakened = 0;
    here->config.os = failing;
    here->config.event = count_weakened;
    return open_journal();
}

/* It is judged again the next time, and told once for as long as it goes on. */
static void an_archive_waits_while_readers_cannot_be_read(void **state) {
    (void)state;
    weir_os failing;
    here->config.archive = true;
    here->config.archive_limit_bytes = 2 * SEGMENT;
    weir_journal *j = open_with_readers_that_fail(&failing);
    leave_reader(j, 0, 1000 * SEGMENT);
    for (int round = 0; round < 2; round++) {
        unreadable = round == 0;
        closed_reader = round == 1;
        fill_and_release(j);
        assert_int_equal(archived_now().first, 1);
        assert_int_equal(weakened, round + 1);
        fill_and_release(j);
        assert_int_equal(archived_now().first, 1);
        assert_int_equal(weakened, round + 1);
        unreadable = closed_reader = false;
        fill_and_release(j); /* it is over, and may come back */
        assert_int_equal(archived_now().first, 1);
    }
    leave_reader(j, UINT32_MAX, 1000 * SEGMENT); /* it has read all */
    fill_and_release(j);
    assert_int_equal(archived_now().count, 2);
    close_journal(j);
}

static void segments_stay_while_readers_cannot_be_read(void **state) {
    (void)state;
    weir_os failing;
    weir_error error = {0};
    weir_journal *j = open_with_readers_that_fail(&failing);
    leave_reader(j, UINT32_MAX, 1000 * SEGMENT); /* it needs nothing */
    unreadable = true;
    fill_and_release(j);
    assert_int_equal(state_of(j).first_block, 1);
    assert_int_equal(weakened, 0); /* once is nothing to tell */
    fill_and_release(j);
    assert_int_equal(state_of(j).first_block, 1);
    assert_int_equal(weakened, 1);
    assert_int_equal(weir_journal_reserve(j, SEGMENT, &error), WEIR_OK);
    j->config.limit_bytes = state_of(j).bytes; /* nobody fills the journal */
    fill_and_release(j);
    assert_true(state_of(j).first_block > 1);
    assert_int_equal(weakened, 1);
    unreadable = false;
    fill_and_release(j);
    assert_int_equal(state_of(j).segments, 1);
    close_journal(j);
}

static uint64_t bytes_of_a_large_block(weir_journal *j) {
    uint64_t before = state_of(j).bytes_written;
    must_append(j, 50 * ROWS);
    must_sync(j);
    return state_of(j).bytes_written - before;
}

static void only_what_is_not_archived_is_stored_plain(void **state) {
    (void)state;
    for (int archive = 0; archive < 2; archive++) {
        here->config.archive = archive;
        weir_journal *j = open_journal();
        uint64_t compressed = bytes_of_a_large_block(j);
        weir_journal_store_plain(j, true);
        uint64_t plain = bytes_of_a_large_block(j);
        if (archive)
            assert_int_equal(plain, compressed);
        else
            assert_true(plain > compressed);
        weir_journal_store_plain(j, false);
        assert_int_equal(bytes_of_a_large_block(j), compressed);
        crash(j);
    }
}

/* Whoever moves a whole journal into its archive begins a new one, and that must not be renamed over
 * the old when its turn comes. */
static void an_archived_number_is_not_given_again(void **state) {
    (void)state;
    weir_error error = {0};
    char from[400], to[400];
    here->config.archive = true;
    weir_journal *j = open_journal();
    must_append(j, ROWS);
    must_sync(j);
    close_journal(j);
    const weir_inventory *found = take();
    (void)snprintf(from, sizeof from, "%s", found->segments[0].path);
    (void)snprintf(to, sizeof to, "%s/archive", here->at.directory);
    assert_int_equal(os->make_directory(os->self, WEIR_OS_CWD, to), 0);
    (void)snprintf(to, sizeof to, "%s/archive%s", here->at.directory, strrchr(from, '/'));
    assert_int_equal(os->rename(os->self, WEIR_OS_CWD, from, WEIR_OS_CWD, to), 0);
    for (int round = 2; round <= 3; round++) {
        j = open_journal();
        must_append(j, ROWS);
        must_sync(j);
        crash(j);
        j = open_journal(); /* behind a new segment the one before can go */
        assert_int_equal(release_all(j, &error), WEIR_OK);
        crash(j);
        assert_true(names_now().archived >= round);
    }
}

/* A spare will be written over: a power cut must not bring its old name back by then. */
static void a_segment_has_lost_its_name_for_good_before_the_next_thing_happens(void **state) {
    (void)state;
    static recording disk;
    weir_error error = {0};
    recording_make(&disk);
    here->config.os = &disk.table;
    weir_journal *j = open_journal();
    while (names_now().segments < 5)
        must_append(j, ROWS);
    must_sync(j);
    disk.count = 0;
    assert_int_equal(release_all(j, &error), WEIR_OK);
    size_t n = 0, renamed = recording_find(&disk, 0, RENAMED, "spare-");
    for (; renamed < disk.count; n++) {
        assert_int_equal(recording_find(&disk, renamed, SYNCED_NAMES, ""), renamed + 1);
        renamed = recording_find(&disk, renamed + 1, RENAMED, "spare-");
    }
    assert_int_equal(n, WEIR_SPARES_RECYCLE);
    close_journal(j);
}

static void a_release_that_fails_is_repeated(void **state) {
    (void)state;
    const faulty_call steps[] = {FAULTY_RENAME, FAULTY_SYNC_DIRECTORY};
    weir_error error = {0};
    weir_journal *j = open_journal();
    while (names_now().segments < 6)
        must_append(j, ROWS);
    must_sync(j);
    for (int i = 0; i < 2; i++) {
        faulty_arm(&here->os, steps[i], 2, 1, -EIO);
        assert_int_equal(release_all(j, &error), WEIR_IO);
        (void)see_live(j); /* what the journal says it keeps can be read */
    }
    assert_int_equal(release_all(j, &error), WEIR_OK);
    assert_int_equal(names_now().segments, 1);
    close_journal(j);
}

static void the_last_spare_is_for_opening_on_a_full_disk(void **state) {
    (void)state;
    weir_error error = {0};
    weir_journal *j = open_journal();
    assert_int_equal(weir_journal_reserve(j, 3 * SEGMENT, &error), WEIR_OK);
    assert_int_equal(weir_journal_reserve(j, 4 * SEGMENT, &error), WEIR_OK); /* the same, longer */
    assert_int_equal(names_now().spares, 1);
    faulty_arm(&here->os, FAULTY_ALLOCATE, 1, 1 << 30, -ENOSPC);
    assert_int_equal(weir_journal_reserve(j, 8 * SEGMENT, &error), WEIR_NO_SPACE);
    while (append_rows(j, ROWS, &error) == WEIR_OK) {
    }
    assert_int_equal(error.status, WEIR_FULL);
    assert_int_equal(events, 1);
    assert_int_equal(names_now().spares, 1);
    crash(j);
    uint64_t rows = see_dead().next_row - 1;
    j = open_journal(); /* takes the spare, which is larger than a segment */
    assert_int_equal(names_now().spares, 0);
    assert_int_equal(state_of(j).durable.row, rows);
    assert_int_equal(state_of(j).bytes, 5 * SEGMENT);
    for (int i = 0; i < 40; i++)
        must_append(j, ROWS);
    crash(j);
    names before = names_now();
    assert_int_equal(try_open(&j, &error), WEIR_NO_SPACE);
    names after = names_now();
    assert_memory_equal(&before, &after, sizeof before);
    assert_int_equal(see_dead().next_row, rows + 40 * ROWS + 1);
    faulty_arm(&here->os, FAULTY_ALLOCATE, 0, 0, 0);
    j = open_journal();
    assert_int_equal(state_of(j).durable.row, rows + 40 * ROWS);
    close_journal(j);
}

static const char *spare_path(uint64_t number) {
    char name[64];
    (void)snprintf(name, sizeof name, "spare-%020llu", (unsigned long long)number);
    return weir_temp_path(here->at.directory, name);
}

static uint64_t size_of(const char *path) {
    weir_os_info info;
    return os->info(os->self, WEIR_OS_CWD, path, &info) < 0 ? 0 : info.bytes;
}

/* A payload of one row that does not compress, of about bytes. */
static size_t put_large(uint8_t *payload, size_t bytes) {
    static uint8_t noise[4 * SEGMENT];
    weir_rng rng = {5};
    assert_true(bytes <= sizeof noise);
    weir_rng_fill(&rng, noise, bytes);
    weir_value value = weir_blob(noise, (uint32_t)bytes);
    int status;
    uint8_t *at = put_head(payload, 1);
    at = weir_put_u32(at, (uint32_t)weir_row_size(&value, 1, &status));
    return (size_t)(weir_row_encode(at, 1, &value, 1) - payload);
}

static void a_block_beyond_the_limit_is_taken_when_no_segment_waits(void **state) {
    (void)state;
    static uint8_t payload[4 * SEGMENT];
    weir_error error = {0};
    here->config.limit_bytes = 3 * SEGMENT;
    here->config.event = NULL; /* nobody listens */
    weir_journal *j = open_journal();
    assert_int_equal(weir_journal_reserve(j, SEGMENT, &error), WEIR_OK);
    while (names_now().segments < 2)
        must_append(j, ROWS);
    must_sync(j);
    uint64_t rows = see_live(j).next_row - 1;
    size_t bytes = put_large(payload, 3 * SEGMENT);
    assert_int_equal(append_payload(j, WEIR_BLOCK_ROWS, payload, bytes, 1, NULL), WEIR_FULL);
    assert_int_equal(append_payload(j, WEIR_BLOCK_ROWS, payload, bytes, 1, &error), WEIR_FULL);
    assert_non_null(strstr(error.text, "limit"));
    must_append(j, ROWS); /* others are taken meanwhile */
    must_sync(j);
    assert_int_equal(see_live(j).next_row, rows + ROWS + 1);
    for (int i = 0; i < 2; i++) { /* after a block of that size too */
        assert_int_equal(release_all(j, &error), WEIR_OK);
        assert_int_equal(append_payload(j, WEIR_BLOCK_ROWS, payload, bytes, 1, &error), WEIR_OK);
        must_sync(j);
        assert_int_equal(append_payload(j, WEIR_BLOCK_ROWS, payload, bytes, 1, &error), WEIR_FULL);
    }
    assert_int_equal(state_of(j).durable.row, rows + ROWS + 2);
    close_journal(j);
}

static void a_block_beyond_the_format_is_refused(void **state) {
    (void)state;
    weir_error error = {0};
    size_t bytes = (size_t)WEIR_RAW_MAX + 1;
    uint8_t *payload = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_ptr_not_equal(payload, MAP_FAILED); /* address space: hardly a page of it is used */
    (void)put_head(payload, 0);
    weir_journal *j = open_journal();
    assert_int_equal(append_payload(j, WEIR_BLOCK_ROWS, payload, bytes, 1, &error), WEIR_TOO_BIG);
    assert_int_equal(state_of(j).end.block, 1);
    must_append(j, ROWS);
    close_journal(j);
    assert_int_equal(munmap(payload, bytes), 0);
}

static void fill_the_segment(weir_journal *j) {
    while (weir_segment_has_room(&j->segment, WEIR_BLOCK_ALIGN))
        must_append(j, ROWS);
}

/* What was appended to the old segment is not durable, so it must not be left behind in it. */
static void a_segment_that_cannot_be_synced_is_not_left_for_the_next(void **state) {
    (void)state;
    weir_journal *j = open_journal();
    fill_the_segment(j);
    faulty_arm(&here->os, FAULTY_DATASYNC, 1, 1, -EIO);
    assert_int_equal(append_rows(j, ROWS, NULL), WEIR_IO); /* nobody asked why */
    assert_int_equal(names_now().segments, 1);
    assert_int_equal(weir_journal_sync(j, NULL), WEIR_IO);
    faulty_arm(&here->os, FAULTY_OPEN, 1, 1, -EIO);
    assert_int_equal(weir_journal_restart(j, NULL), WEIR_IO);
    assert_int_equal(weir_journal_restart(j, NULL), WEIR_OK);
    assert_int_equal(state_of(j).next_row, 1);
    must_append(j, ROWS);
    must_sync(j);
    crash(j);
    assert_int_equal(see_dead().next_row, ROWS + 1);
}

static void a_reserve_is_made_extended_or_said_to_be_missing(void **state) {
    (void)state;
    weir_error error = {0};
    weir_journal *j = open_journal();
    faulty_arm(&here->os, FAULTY_ALLOCATE, 1, 1, -ENOSPC);
    assert_int_equal(weir_journal_reserve(j, 2 * SEGMENT, &error), WEIR_NO_SPACE);
    assert_int_equal(names_now().spares, 0);
    assert_int_equal(weir_journal_reserve(j, 2 * SEGMENT, &error), WEIR_OK);
    uint64_t number = j->spares.list[0].number;
    long made = here->os.calls[FAULTY_ALLOCATE];
    assert_int_equal(weir_journal_reserve(j, SEGMENT, &error), WEIR_OK); /* it is there */
    assert_int_equal(here->os.calls[FAULTY_ALLOCATE], made);
    faulty_arm(&here->os, FAULTY_OPEN, 1, 1, -EACCES);
    assert_int_equal(weir_journal_reserve(j, 4 * SEGMENT, &error), WEIR_IO);
    assert_true(weir_spares_has(&j->spares, 2 * SEGMENT)); /* what was kept is kept */
    assert_int_equal(size_of(spare_path(number)), 2 * SEGMENT);
    faulty_arm(&here->os, FAULTY_ALLOCATE, 1, 1, -EOPNOTSUPP); /* a size is the best there is */
    assert_int_equal(weir_journal_reserve(j, 4 * SEGMENT, &error), WEIR_OK);
    assert_int_equal(size_of(spare_path(number)), 4 * SEGMENT);
    assert_int_equal(names_now().spares, 1);
    close_journal(j);
}

/* Made longer while the journal opens; the block itself is the first that is written there. */
static void a_written_spare_made_longer_is_written_once(void **state) {
    (void)state;
    static uint8_t payload[3 * SEGMENT];
    weir_error error = {0};
    weir_journal *j = open_journal(); /* its dead ring is being drained: nothing is kept back */
    while (names_now().segments < 4)
        must_append(j, ROWS);
    must_sync(j);
    assert_int_equal(release_all(j, &error), WEIR_OK);
    size_t spares = j->spares.count;
    assert_true(spares > 0 && j->spares.list[0].filled == SEGMENT);
    faulty_arm(&here->os, FAULTY_ALLOCATE, 1, 1, -ENOSPC); /* no new file, but an old one grows */
    long writes = here->os.calls[FAULTY_PWRITE];
    size_t bytes = put_large(payload, 2 * SEGMENT);
    assert_int_equal(append_payload(j, WEIR_BLOCK_ROWS, payload, bytes, 1, &error), WEIR_OK);
    assert_int_equal(j->spares.count, spares - 1);
    assert_true(j->segment.bytes > 2 * SEGMENT);
    assert_int_equal(j->segment.filled, j->segment.bytes);
    assert_int_equal(here->os.calls[FAULTY_PWRITE] - writes, 3); /* header, head and block */
    close_journal(j);
}

static void no_more_spares_are_kept_than_there_is_room_for(void **state) {
    (void)state;
    weir_error error = {0};
    weir_journal *j;
    for (uint64_t n = 1; n <= WEIR_SPARES_MAX + 2; n++)
        assert_int_equal(
            weir_spare_create(os, WEIR_OS_CWD, spare_path(n), WEIR_BLOCK_ALIGN, &error), WEIR_OK);
    faulty_arm(&here->os, FAULTY_PWRITE, 1, 1, -ENOSPC);
    assert_int_equal(try_open(&j, &error), WEIR_NO_SPACE); /* all too small: another was made */
    assert_int_equal(names_now().spares, WEIR_SPARES_MAX);
    close_journal(open_journal());
    assert_int_equal(names_now().segments, 1);
}

/* ---- what a spare holds ------------------------------------------------------------------- */

enum {
    LONGER = 4 * SEGMENT,
    ATTEMPTED = 40
}; /* more blocks than a new segment has zeros behind it */

static const char *segment_path(uint64_t number) {
    char name[64];
    (void)snprintf(name, sizeof name, "segment-%020llu", (unsigned long long)number);
    return weir_temp_path(here->at.directory, name);
}

static void move(const char *from, const char *to) {
    char kept[400];
    (void)snprintf(kept, sizeof kept, "%s", from); /* both may stand in the same buffer */
    assert_int_equal(os->rename(os->self, WEIR_OS_CWD, kept, WEIR_OS_CWD, to), 0);
}

static void write_at(const char *path, const void *bytes, size_t count, uint64_t offset) {
    int file = os->open(os->self, WEIR_OS_CWD, path, WEIR_OS_WRITE);
    assert_true(file >= 0);
    assert_int_equal(weir_write_full(os, file, bytes, count, offset), 0);
    assert_int_equal(os->close(os->self, file), 0);
}

static void write_noise(const char *path, size_t count, uint64_t offset) {
    static uint8_t noise[LONGER];
    weir_rng rng = {3};
    assert_true(count <= sizeof noise);
    weir_rng_fill(&rng, noise, count);
    write_at(path, noise, count, offset);
}

static void make_another_spare(uint64_t number) {
    weir_error error = {0};
    assert_int_equal(weir_spare_create(os, WEIR_OS_CWD, spare_path(number), LONGER, &error),
                     WEIR_OK);
}

static void expect_no_torn_tail(void) {
    const weir_inventory *found = take();
    if (found->found.tail != WEIR_TAIL_CLEAN) fail_msg("torn: %s", found->detail);
    assert_int_equal(found->damage_count, 0);
    assert_int_equal(found->torn_bytes, 0);
}

/* A process dies, and the power is cut while the next one opens: of a segment whose blocks were
 * synced the name is lost, and so are the blocks that it has carried over. */
static void leave_an_attempt(void) {
    static const uint8_t lost[LONGER];
    here->config.segment_bytes = LONGER;
    weir_journal *j = open_journal();
    must_append(j, ROWS);
    must_sync(j);
    for (int i = 0; i < ATTEMPTED; i++)
        must_append(j, ROWS);
    crash(j);
    crash(open_journal());
    move(segment_path(2), spare_path(7));
    write_at(segment_path(1), lost, LONGER - 4 * WEIR_BLOCK_ALIGN, 4 * WEIR_BLOCK_ALIGN);
    assert_int_equal(see_dead().next_row, 2 * ROWS + 1);
}

static void leave_no_room(void) { faulty_arm(&here->os, FAULTY_ALLOCATE, 1, 1 << 30, -ENOSPC); }

/* What it began had the number and the incarnation that come next. */
static void an_attempt_without_a_name_leaves_no_torn_tail(void **state) {
    (void)state;
    for (int full = 0; full < 2; full++) {
        leave_an_attempt();
        if (full)
            leave_no_room();
        else
            make_another_spare(8);
        weir_journal *j = open_journal();
        assert_int_equal(j->segment.number, 2);
        expect_no_torn_tail();
        crash(j);
        expect_no_torn_tail();
        assert_int_equal(see_dead().next_row, 2 * ROWS + 1);
        begin_again();
    }
}

/* Its blocks have the right numbers in the right places, too: one that is damaged before them must not
 * lead to rows that were given up. */
static void an_attempt_without_a_name_adds_no_rows_behind_damage(void **state) {
    (void)state;
    leave_an_attempt();
    leave_no_room();
    weir_journal *j = open_journal();
    while (j->segment.end < 19 * WEIR_BLOCK_ALIGN) /* where the zeros behind its head end */
        must_append(j, ROWS);
    must_sync(j);
    uint64_t rows = state_of(j).durable.row;
    assert_int_equal(release_all(j, NULL), WEIR_OK);
    write_at(segment_path(2), "rot", 3, j->segment.end - WEIR_BLOCK_ALIGN);
    crash(j);
    const weir_inventory *found = take();
    assert_int_equal(found->damage_count, 1);
    assert_int_equal(found->damages[0].last_row, rows);
    assert_int_equal(found->next_row, rows + 1);
}

/* Bytes that nobody wrote stand where a power cut met a write. */
static void garbage_in_a_spare_is_no_torn_tail(void **state) {
    (void)state;
    weir_error error = {0};
    here->config.segment_bytes = LONGER;
    for (uint64_t n = 1; n <= 2; n++) {
        make_another_spare(n);
        write_noise(spare_path(n), LONGER, 0);
    }
    weir_journal *j = open_journal();
    assert_int_equal(names_now().spares, 1);
    expect_no_torn_tail();
    assert_int_equal(weir_journal_reserve(j, LONGER + SEGMENT, &error), WEIR_OK);
    crash(j);
    leave_no_room();
    j = open_journal(); /* the one that was made longer */
    assert_int_equal(names_now().spares, 0);
    assert_int_equal(j->segment.bytes, LONGER + SEGMENT);
    assert_int_equal(j->segment.filled, j->segment.bytes);
    expect_no_torn_tail();
    close_journal(j);
}

/* What the last spare holds beyond the segment is left for a ring, if it is enough for one. */
static void a_spare_longer_than_needed_leaves_space_for_a_ring(void **state) {
    (void)state;
    weir_error error = {0};
    for (uint64_t ring = 1; ring <= 3; ring += 2) {
        here->config.ring_bytes = ring * SEGMENT;
        weir_journal *j = open_journal();
        assert_int_equal(weir_journal_reserve(j, 3 * SEGMENT, &error), WEIR_OK);
        crash(j);
        leave_no_room();
        j = open_journal();
        assert_int_equal(j->segment.bytes, ring == 1 ? 2 * SEGMENT : 3 * SEGMENT);
        assert_int_equal(size_of(segment_path(j->segment.number)), j->segment.bytes);
        close_journal(j);
        begin_again();
    }
}

static void a_reserve_made_longer_while_open_is_still_unknown(void **state) {
    (void)state;
    weir_error error = {0};
    here->config.segment_bytes = LONGER;
    make_another_spare(1);
    write_noise(spare_path(1), LONGER, 0);
    weir_journal *j = open_journal();
    assert_int_equal(weir_journal_reserve(j, LONGER + SEGMENT, &error), WEIR_OK);
    j->opening = true; /* a dead ring is being drained */
    leave_no_room();
    while (j->segment.number == 1)
        must_append(j, ROWS);
    must_sync(j);
    expect_no_torn_tail();
    close_journal(j);
}

/* Released by a process that has not written it, so nobody knows where its last blocks end. */
static void what_another_left_in_a_segment_is_no_torn_tail(void **state) {
    (void)state;
    weir_error error = {0};
    here->config.segment_bytes = LONGER;
    weir_journal *j = open_journal();
    must_append(j, ROWS);
    must_sync(j);
    crash(j);
    write_noise(segment_path(1), LONGER / 2, LONGER / 2);
    j = open_journal();
    assert_int_equal(weir_journal_reserve(j, SEGMENT, &error), WEIR_OK);
    assert_int_equal(release_all(j, &error), WEIR_OK);
    assert_int_equal(names_now().spares, 2);
    while (j->segment.number == 2)
        must_append(j, ROWS);
    must_sync(j);
    expect_no_torn_tail();
    close_journal(j);
}

/* It is there for when there is no room, so it goes only when another file has been made. */
static void a_spare_of_no_use_as_it_is_stays_while_no_other_can_be_had(void **state) {
    (void)state;
    here->config.segment_bytes = LONGER;
    for (uint64_t n = 1; n <= 2; n++) {
        make_another_spare(n);
        write_noise(spare_path(n), LONGER, 0);
    }
    leave_no_room();
    weir_journal *j = open_journal();
    assert_int_equal(names_now().spares, 1);
    expect_no_torn_tail();
    close_journal(j);
}

/* An opening that cannot make a spare void leaves it for the next. */
static void a_spare_that_cannot_be_written_over_stays(void **state) {
    (void)state;
    weir_error error = {0};
    weir_journal *j;
    leave_an_attempt();
    leave_no_room();
    faulty_arm(&here->os, FAULTY_PWRITE, 2, 1, -ENOSPC); /* the second piece of it */
    assert_int_equal(try_open(&j, &error), WEIR_NO_SPACE);
    assert_non_null(strstr(error.text, "spare-"));
    assert_int_equal(names_now().spares, 1);
    j = open_journal();
    expect_no_torn_tail();
    close_journal(j);
}

static void a_path_too_long_for_names_is_refused(void **state) {
    (void)state;
    static char path[WEIR_PATH_MAX];
    weir_error error = {0};
    weir_inventory found = {0};
    weir_journal *j;
    memset(path, 'd', sizeof path - 1);
    here->config.directory = path;
    assert_int_equal(weir_journal_open(&here->config, &found, &j, &error), WEIR_MISUSE);
    assert_null(j);
}

/* ---- memory ------------------------------------------------------------------------------ */

/* The same append with each allocation refused in turn, until none is. */
static long append_in_scarcity(weir_journal *j) {
    for (long n = 1; scarce_arm(n); n++) {
        weir_journal_state before = state_of(j);
        weir_error error = {0};
        int status = append_rows(j, ROWS, n % 2 ? &error : NULL);
        if (!scarce_end()) {
            assert_int_equal(status, WEIR_OK);
            return n - 1;
        }
        assert_true(status == WEIR_NO_MEMORY || status == WEIR_FULL); /* FULL: no new segment now */
        assert_int_equal(state_of(j).end.block, before.end.block);
        assert_int_equal(state_of(j).next_row, before.next_row);
        assert_int_equal(state_of(j).segments, before.segments);
    }
    must_append(j, ROWS); /* a sanitizer owns the allocator */
    return 2;
}

static void an_append_without_memory_changes_nothing(void **state) {
    (void)state;
    weir_journal *j = open_journal();
    assert_true(append_in_scarcity(j) >= 1); /* room for a block */
    declare(j, 1, "t");
    fill_the_segment(j);
    while (j->catalog.file_count < j->catalog.file_capacity) {
        must_append(j, ROWS);
        fill_the_segment(j);
    }
    assert_true(append_in_scarcity(j) >= 2); /* a segment's head, its name, and its entries */
    must_sync(j);
    uint64_t rows = state_of(j).next_row;
    assert_int_equal(see_live(j).next_row, rows);
    crash(j);
    assert_int_equal(see_dead().next_row, rows);
}

static void a_declaration_is_found_by_its_number(void **state) {
    (void)state;
    weir_journal *j = open_journal();
    assert_null(weir_tables_find(weir_journal_tables(j), 1));
    declare(j, 1, "one");
    declare(j, 3, "three");
    assert_string_equal(weir_tables_find(weir_journal_tables(j), 3)->name, "three");
    assert_string_equal(weir_tables_find(weir_journal_tables(j), 1)->name, "one");
    assert_null(weir_tables_find(weir_journal_tables(j), 2));
    close_journal(j);
}

/* ---- rot --------------------------------------------------------------------------------- */

/* Overwrite a block that later ones vouch for. */
static void damage(weir_journal *j, uint64_t block) {
    weir_reader *reader;
    weir_read_block b;
    weir_error error = {0};
    weir_extent extent;
    char path[4096];
    weir_locator locator = weir_journal_locator(j);
    assert_int_equal(weir_reader_make(os, locator, &reader), WEIR_OK);
    assert_int_equal(weir_reader_read(reader, block, &b, &error), WEIR_OK);
    assert_int_equal(locator.locate(locator.self, block, &extent, path), WEIR_OK);
    int file = os->open(os->self, WEIR_OS_CWD, path, WEIR_OS_WRITE);
    assert_int_equal(weir_write_full(os, file, "rot", 3, b.header.offset + 200), 0);
    assert_int_equal(os->close(os->self, file), 0);
    weir_reader_free(reader);
}

static void rot_is_refused_and_salvage_goes_on_behind_it(void **state) {
    (void)state;
    weir_error error = {0};
    weir_journal *j = open_journal();
    while (names_now().segments < 3)
        must_append(j, ROWS);
    must_append(j, ROWS);
    must_sync(j);
    must_append(j, ROWS);
    uint64_t next_row = state_of(j).next_row;
    damage(j, 3);
    crash(j);
    names before = names_now();
    assert_int_equal(try_open(&j, &error), WEIR_DAMAGED);
    assert_true(strlen(error.text) > 20);
    names after = names_now();
    assert_memory_equal(&before, &after, sizeof before);
    here->config.salvage = true;
    j = open_journal();
    assert_int_equal(state_of(j).next_row, next_row);
    must_append(j, ROWS);
    must_sync(j);
    assert_int_equal(release_all(j, &error), WEIR_OK);
    assert_int_equal(names_now().damaged, 1);
    assert_int_equal(names_now().segments, 1);
    close_journal(j);
    here->config.salvage = false;
    j = open_journal();
    assert_int_equal(see_live(j).next_row, next_row + ROWS);
    close_journal(j);
}

/* ---- what the program does to our files ---------------------------------------------------- */

static int place_status;

static int judge_place(void *context, weir_error *error) {
    (void)context;
    return place_status == WEIR_OK ? WEIR_OK : weir_fail(error, place_status, "not our directory");
}

static void a_directory_that_is_not_ours_gets_no_file(void **state) {
    (void)state;
    weir_error error = {0};
    place_status = WEIR_OK;
    here->config.check_place = judge_place;
    weir_journal *j = open_journal();
    while (j->segment.end < SEGMENT / 2)
        must_append(j, ROWS);
    must_sync(j);
    names before = names_now();
    place_status = WEIR_STOPPED;
    assert_int_equal(append_rows(j, ROWS, &error), WEIR_STOPPED);
    assert_string_equal(error.text, "not our directory");
    weir_journal_look_ahead(j);
    assert_int_equal(j->ahead.number, 0);
    assert_int_equal(weir_journal_restart(j, &error), WEIR_STOPPED);
    weir_journal_look_ahead(j); /* no segment is open */
    assert_int_equal(j->ahead.number, 0);
    names after = names_now();
    assert_memory_equal(&before, &after, sizeof before);
    place_status = WEIR_OK;
    assert_int_equal(weir_journal_restart(j, &error), WEIR_OK);
    must_append(j, ROWS);
    must_sync(j);
    (void)see_live(j);
    close_journal(j);
}

/* Its number may be a file of the program by now, which must get no byte of ours. */
static void a_segment_whose_descriptor_was_closed_gets_no_block(void **state) {
    (void)state;
    weir_error error = {0};
    weir_journal *j = open_journal();
    must_append(j, ROWS);
    must_sync(j);
    int number = j->segment.file;
    assert_int_equal(os->close(os->self, number), 0);
    const char *theirs = weir_temp_path(here->at.directory, "theirs");
    int file = os->open(os->self, WEIR_OS_CWD, theirs, WEIR_OS_WRITE | WEIR_OS_CREATE);
    assert_int_equal(file, number);
    assert_int_equal(append_rows(j, ROWS, &error), WEIR_STOPPED);
    assert_non_null(strstr(error.text, "descriptor"));
    crash(j);
    assert_int_equal(os->close(os->self, file), 0); /* it is still theirs to close */
    assert_int_equal(size_of(weir_temp_path(here->at.directory, "theirs")), 0);
    assert_int_equal(see_dead().next_row, ROWS + 1);
}

static weir_journal *open_with_a_file_ahead(void) {
    weir_journal *j = open_journal();
    while (j->segment.end < SEGMENT / 2)
        must_append(j, ROWS);
    must_sync(j);
    weir_journal_look_ahead(j);
    assert_true(j->ahead.number > 0);
    return j;
}

static void go_on_in_the_next_segment(weir_journal *j) {
    uint64_t number = j->segment.number;
    while (j->segment.number == number)
        must_append(j, ROWS);
    must_sync(j);
    (void)see_live(j);
    close_journal(j);
}

/* For a block as large as the one that comes. */
static void a_file_ahead_that_is_too_small_waits_for_the_next(void **state) {
    (void)state;
    static uint8_t payload[3 * SEGMENT];
    weir_error error = {0};
    weir_journal *j = open_with_a_file_ahead();
    uint64_t number = j->ahead.number;
    size_t bytes = put_large(payload, 2 * SEGMENT);
    assert_int_equal(append_payload(j, WEIR_BLOCK_ROWS, payload, bytes, 1, &error), WEIR_OK);
    assert_true(j->segment.bytes > 2 * SEGMENT);
    assert_int_equal(j->ahead.number, number);
    must_sync(j);
    close_journal(j);
}

static void a_file_ahead_that_was_deleted_is_made_again(void **state) {
    (void)state;
    weir_error error = {0};
    weir_journal *j = open_with_a_file_ahead();
    assert_int_equal(os->unlink(os->self, WEIR_OS_CWD, spare_path(j->ahead.number)), 0);
    fill_the_segment(j);
    assert_int_equal(append_rows(j, ROWS, &error), WEIR_IO);
    assert_non_null(strstr(error.text, "spare-"));
    go_on_in_the_next_segment(j);
}

static void a_spare_that_cannot_be_opened_ahead_is_kept(void **state) {
    (void)state;
    weir_error error = {0};
    weir_journal *j = open_journal();
    while (names_now().segments < 4)
        must_append(j, ROWS);
    while (j->segment.end < SEGMENT / 2)
        must_append(j, ROWS);
    must_sync(j);
    assert_int_equal(release_all(j, &error), WEIR_OK);
    size_t spares = j->spares.count;
    assert_true(spares > 1);
    faulty_arm(&here->os, FAULTY_OPEN, 1, 1, -EMFILE);
    weir_journal_look_ahead(j);
    assert_int_equal(j->ahead.number, 0);
    assert_int_equal(j->spares.count, spares);
    weir_journal_look_ahead(j);
    assert_true(j->ahead.number > 0);
    go_on_in_the_next_segment(j);
}

static void a_file_ahead_whose_descriptor_was_closed_is_opened_again(void **state) {
    (void)state;
    weir_journal *j = open_with_a_file_ahead();
    uint64_t number = j->ahead.number;
    if (j->ahead.file) assert_int_equal(os->close(os->self, j->ahead.file), 0);
    go_on_in_the_next_segment(j);
    assert_int_equal(size_of(spare_path(number)), 0); /* it has become the segment */
}

/* ---- between two steps of a roll ------------------------------------------------------------- */

static weir_journal *rolling; /* NULL: nothing is to be done */

/* The writer, while the journal thread has a new segment whose head is not told yet. */
static int close_between(void *self, int file) {
    weir_journal *j = rolling;
    if (j && names_now().segments == 2) {
        rolling = NULL;
        weir_error error = {0};
        uint64_t durable = state_of(j).durable.block;
        weir_locator locator = weir_journal_locator(j);
        assert_int_equal(release_all(j, &error), WEIR_OK);
        assert_int_equal(names_now().segments, 1);
        assert_int_equal(locator.nearest(locator.self, durable, WEIR_ABOVE), 0);
    }
    return weir_os_posix()->close(self, file);
}

static void a_new_segment_is_not_near_before_its_head_is_told(void **state) {
    (void)state;
    here->os.table.close = close_between;
    weir_journal *j = open_journal();
    fill_the_segment(j);
    must_sync(j);
    rolling = j;
    must_append(j, ROWS);
    assert_null(rolling);
    must_sync(j);
    weir_locator locator = weir_journal_locator(j);
    assert_int_equal(locator.nearest(locator.self, 1, WEIR_ABOVE), state_of(j).first_block);
    (void)see_live(j);
    close_journal(j);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, journal_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_fresh_journal_is_empty_and_durable),
        TEST(rows_are_numbered_through_many_segments),
        TEST(segments_name_a_ring_from_its_beginning),
        TEST(blocks_are_seen_once_they_are_durable),
        TEST(a_block_larger_than_a_segment_gets_one_of_its_own),
        TEST(every_segment_knows_the_tables),
        TEST(payloads_that_lie_are_refused),
        TEST(rows_survive_a_crash_at_every_step),
        TEST(the_journal_keeps_its_id),
        TEST(a_closing_mark_is_not_carried_over),
        TEST(opening_may_fail_at_any_call),
        TEST(failing_calls_lose_and_double_nothing),
        TEST(a_failed_sync_promises_nothing),
        TEST(the_limit_is_told_once_and_ends_with_a_release),
        TEST(released_segments_become_spares),
        TEST(an_archive_keeps_every_row),
        TEST(an_archive_is_bounded_by_bytes),
        TEST(what_is_packed_meanwhile_leaves_no_gap),
        TEST(an_archive_is_bounded_by_age),
        TEST(an_archive_waits_for_named_readers),
        TEST(twins_go_together_and_by_the_next_number),
        TEST(twins_wait_for_named_readers),
        TEST(what_readers_miss_is_told_without_a_lock),
        TEST(an_archive_waits_while_readers_cannot_be_read),
        TEST(segments_stay_while_readers_cannot_be_read),
        TEST(only_what_is_not_archived_is_stored_plain),
        TEST(an_archived_number_is_not_given_again),
        TEST(a_segment_has_lost_its_name_for_good_before_the_next_thing_happens),
        TEST(a_release_that_fails_is_repeated),
        TEST(the_last_spare_is_for_opening_on_a_full_disk),
        TEST(a_block_beyond_the_limit_is_taken_when_no_segment_waits),
        TEST(a_block_beyond_the_format_is_refused),
        TEST(a_segment_that_cannot_be_synced_is_not_left_for_the_next),
        TEST(a_reserve_is_made_extended_or_said_to_be_missing),
        TEST(a_written_spare_made_longer_is_written_once),
        TEST(no_more_spares_are_kept_than_there_is_room_for),
        TEST(an_attempt_without_a_name_leaves_no_torn_tail),
        TEST(an_attempt_without_a_name_adds_no_rows_behind_damage),
        TEST(garbage_in_a_spare_is_no_torn_tail),
        TEST(a_spare_longer_than_needed_leaves_space_for_a_ring),
        TEST(a_reserve_made_longer_while_open_is_still_unknown),
        TEST(what_another_left_in_a_segment_is_no_torn_tail),
        TEST(a_spare_of_no_use_as_it_is_stays_while_no_other_can_be_had),
        TEST(a_spare_that_cannot_be_written_over_stays),
        TEST(a_path_too_long_for_names_is_refused),
        TEST(an_append_without_memory_changes_nothing),
        TEST(a_declaration_is_found_by_its_number),
        TEST(rot_is_refused_and_salvage_goes_on_behind_it),
        TEST(a_directory_that_is_not_ours_gets_no_file),
        TEST(a_segment_whose_descriptor_was_closed_gets_no_block),
        TEST(a_file_ahead_that_is_too_small_waits_for_the_next),
        TEST(a_file_ahead_that_was_deleted_is_made_again),
        TEST(a_spare_that_cannot_be_opened_ahead_is_kept),
        TEST(a_file_ahead_whose_descriptor_was_closed_is_opened_again),
        TEST(a_new_segment_is_not_near_before_its_head_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
