/* test_journaler.c - the journal thread, a step at a time on a disk that refuses: what is released, marked
 * and told, and when. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "journal_fixture.h"
#include "lib/format/row_encode.h"
#include "lib/journal/journaler.h"
#include "lib/journal/stream.h"

enum { LANES = 3, LANE_BYTES = RING_LANE_BYTES, STEPS = 100, ALWAYS = 1000000 };

typedef struct fixture {
    journal_fixture at;
    uint64_t clock, sync_takes; /* what the table's now answers; how far a sync moves it */
    weir_journaler j;
    unsigned events[16], stops, told_durable, told_applied;
    uint64_t head_at_sync, mark_at_sync; /* what was said when a sync was asked for */
} fixture;

static fixture *now_running; /* os functions get the table, and need what stands around it */

static uint64_t clock_of(void *self) {
    (void)self;
    return now_running->clock;
}

static uint64_t head(const fixture *f, int lane) {
    return atomic_load(&f->at.at.ring.controls[lane].head);
}

static uint64_t mark(const fixture *f) {
    weir_durable_mark found;
    return weir_ring_load_mark(&f->at.at.ring, &found) ? found.block : 0;
}

static int noted_datasync(void *self, int file) {
    fixture *f = now_running;
    f->clock += f->sync_takes;
    if (f->at.at.ring.map) {
        f->head_at_sync = head(f, 0);
        f->mark_at_sync = mark(f);
    }
    return faulty_datasync_(self, file);
}

static void count_wake(void *self, _Atomic uint32_t *word) {
    (void)self;
    now_running->told_durable += word == &now_running->j.durable.moved;
    now_running->told_applied += word == &now_running->j.applied.moved;
}

static void note_event(void *context, weir_event event, const char *text) {
    (void)text;
    ((fixture *)context)->events[event]++;
}

static void note_stop(void *context) { ((fixture *)context)->stops++; }

static int open_all(fixture *f) {
    weir_error error = {0};
    now_running = f;
    f->at.os.table.now = clock_of;
    f->at.os.table.datasync = noted_datasync;
    f->at.os.table.wake = count_wake;
    f->clock = 1;
    f->stops = 0;
    memset(f->events, 0, sizeof f->events);
    f->at.config.event = note_event;
    f->at.config.context = f;
    journal_open(&f->at);
    journal_ring(&f->at, &f->at.os.table, LANES);
    f->j = (weir_journaler){.os = &f->at.os.table,
                            .ring = &f->at.at.ring,
                            .journal = f->at.journal,
                            .linger_ns = 1000,
                            .segment_bytes = 1 << 20,
                            .on_event = note_event,
                            .on_stop = note_stop,
                            .context = f};
    return weir_journaler_prepare(&f->j, &error);
}

static int setup(void **state) {
    return journal_make(state, sizeof(fixture)) == 0 ? open_all(*state) : -1;
}

/* A thread that a test has started, and all that it works on. */
static void close_all(fixture *f) {
    if (f->j.running) (void)weir_journaler_stop(&f->j);
    weir_journaler_release(&f->j);
    journal_release(&f->at);
}

static int teardown(void **state) {
    close_all(*state);
    return journal_tear_down(state);
}

static void put_value(fixture *f, int lane, weir_value value) {
    ring_put(&f->at.at, (uint32_t)lane, value);
}

static void put(fixture *f, int lane, int64_t number) { put_value(f, lane, weir_int(number)); }

/* The step of one who is waited for. */
static weir_next step(fixture *f) {
    uint64_t wait_ns = 0;
    atomic_store(&f->j.waiters, 1);
    weir_next next = weir_journaler_step(&f->j, &wait_ns);
    atomic_store(&f->j.waiters, 0);
    return next;
}

static void settle(fixture *f) {
    for (int i = 0; i < STEPS && weir_ring_pending(&f->at.at.ring); i++)
        if (step(f) == WEIR_NEXT_STOPPED) return;
    assert_int_equal(weir_ring_pending(&f->at.at.ring), 0);
    assert_int_equal(step(f), WEIR_NEXT_WAIT);
}

/* Numbers 1 … count are durable, once and in order. */
static void expect_durable(fixture *f, int64_t count) { journal_assert_counts(&f->at, 1, count); }

/* ---- in order ------------------------------------------------------------------------------ */

static void a_group_is_synced_then_marked_then_released(void **state) {
    fixture *f = *state;
    put(f, 0, 1);
    put(f, 1, 2);
    long syncs = f->at.os.calls[FAULTY_DATASYNC];
    assert_int_equal(step(f), WEIR_NEXT_AGAIN);
    assert_int_equal(f->at.os.calls[FAULTY_DATASYNC], syncs + 1);
    assert_int_equal(f->head_at_sync, 0);
    assert_int_equal(f->mark_at_sync, 0);
    assert_int_equal(head(f, 0), f->at.at.lanes[0].tail);
    weir_journal_state s;
    weir_journal_get_state(f->at.journal, &s);
    assert_int_equal(mark(f), s.durable.block);
    expect_durable(f, 2);
}

static void rows_linger_until_somebody_waits(void **state) {
    fixture *f = *state;
    uint64_t wait_ns = 0;
    put(f, 0, 1);
    assert_int_equal(weir_journaler_step(&f->j, &wait_ns), WEIR_NEXT_WAIT);
    assert_int_equal(wait_ns, f->j.linger_ns);
    expect_durable(f, 0);
    assert_int_equal(step(f), WEIR_NEXT_AGAIN);
    expect_durable(f, 1);
    put(f, 0, 2);
    assert_int_equal(weir_journaler_step(&f->j, &wait_ns), WEIR_NEXT_WAIT);
    f->clock += f->j.linger_ns;
    assert_int_equal(weir_journaler_step(&f->j, &wait_ns), WEIR_NEXT_AGAIN);
    expect_durable(f, 2);
}

/* A cut has not what was published after it, so a request that comes within one stands until the
 * next is durable. */
static void a_request_covers_what_was_published_before_it(void **state) {
    fixture *f = *state;
    static const uint8_t noise[4096];
    uint64_t wait_ns = 0;
    for (int i = 0; i < 12; i++)
        put_value(f, 0, weir_blob(noise, sizeof noise));
    atomic_store(&f->j.sync_waiters, 1); /* so that the group is small */
    assert_int_equal(step(f), WEIR_NEXT_AGAIN);
    atomic_store(&f->j.sync_waiters, 0);
    assert_true(f->j.drain.cutting);
    put(f, 1, 1);
    atomic_store(&f->j.requested, 1u << WEIR_DURABLE);
    for (int i = 0; i < STEPS && (f->j.requested || f->j.under_way); i++)
        assert_int_equal(weir_journaler_step(&f->j, &wait_ns), WEIR_NEXT_AGAIN);
    assert_int_equal(weir_ring_pending(&f->at.at.ring), 0);
    put(f, 0, 2);
    assert_int_equal(weir_journaler_step(&f->j, &wait_ns), WEIR_NEXT_WAIT); /* it is over */
}

static void when_it_is_quiet_a_block_vouches_for_the_last_group(void **state) {
    fixture *f = *state;
    uint64_t wait_ns = 0;
    put(f, 0, 1);
    settle(f);
    weir_journal_state before, after;
    weir_journal_get_state(f->at.journal, &before);
    f->clock += 100 * f->j.linger_ns;
    assert_int_equal(weir_journaler_step(&f->j, &wait_ns), WEIR_NEXT_IDLE);
    weir_journal_get_state(f->at.journal, &after);
    assert_int_equal(after.durable.block, before.durable.block + 1);
    assert_int_equal(weir_journaler_step(&f->j, &wait_ns), WEIR_NEXT_IDLE);
    weir_journal_get_state(f->at.journal, &before);
    assert_int_equal(after.durable.block, before.durable.block); /* once is enough */
}

static uint64_t told_row;
static void note_durable(void *context, uint64_t row) {
    (void)context;
    told_row = row;
}

/* A writer that applies only what is vouched for is not kept waiting, and is told. */
static void who_waits_for_what_is_vouched_for_gets_it_at_once(void **state) {
    fixture *f = *state;
    uint64_t wait_ns = 0;
    weir_journal_state s;
    f->j.on_durable = note_durable;
    for (int vouching = 0; vouching < 2; vouching++) {
        atomic_store(&f->j.vouching, vouching);
        put(f, 0, 1 + vouching);
        assert_int_equal(step(f), WEIR_NEXT_AGAIN);
        weir_journal_get_state(f->at.journal, &s);
        uint64_t last = s.durable.block;
        assert_true(s.vouched < last);
        assert_int_equal(weir_journaler_step(&f->j, &wait_ns), WEIR_NEXT_WAIT); /* nobody waits */
        weir_journal_get_state(f->at.journal, &s);
        assert_true(s.vouched < last);
        told_row = 0;
        assert_int_equal(step(f), WEIR_NEXT_WAIT);
        weir_journal_get_state(f->at.journal, &s);
        assert_int_equal(s.vouched >= last, vouching);
        assert_int_equal(told_row, vouching ? 2 : 0);
    }
    uint64_t durable = s.durable.block;
    f->clock += 100 * f->j.linger_ns;
    assert_int_equal(step(f), WEIR_NEXT_IDLE); /* and then it sleeps, whoever waits */
    weir_journal_get_state(f->at.journal, &s);
    assert_int_equal(s.durable.block, durable);
}

/* ---- a disk that fails ---------------------------------------------------------------------- */

static void fails_once(fixture *f, faulty_call call) {
    put(f, 0, 1);
    settle(f);
    uint64_t released = head(f, 0), marked = mark(f);
    put(f, 0, 2);
    put(f, 1, 3);
    put(f, 0, 4);
    faulty_arm(&f->at.os, call, 1, 1, -EIO);
    assert_int_equal(step(f), WEIR_NEXT_AGAIN);
    assert_int_equal(f->events[WEIR_EVENT_SYNC_FAILED], 1);
    assert_int_equal(head(f, 0), released);
    assert_int_equal(mark(f), marked);
    expect_durable(f, 1);
    settle(f);
    expect_durable(f, 4);
    assert_int_equal(head(f, 1), f->at.at.lanes[1].tail);
    assert_int_equal(f->stops, 0);
}

static uint64_t segment_now(fixture *f) {
    weir_journal_state s;
    weir_journal_get_state(f->at.journal, &s);
    return s.end.segment;
}

static void after_a_failed_sync_rows_go_into_a_new_segment_once(void **state) {
    fixture *f = *state;
    uint64_t segment = segment_now(f);
    fails_once(f, FAULTY_DATASYNC);
    assert_true(segment_now(f) > segment);
}

static void after_a_failed_write_too(void **state) {
    fixture *f = *state;
    uint64_t segment = segment_now(f);
    fails_once(f, FAULTY_PWRITE);
    assert_true(segment_now(f) > segment);
}

/* What the new segment says of the ring must be what is durable, or the next opening would skip rows. */
static void a_new_segment_says_how_far_lanes_are_durable(void **state) {
    fixture *f = *state;
    put(f, 0, 1);
    settle(f);
    uint64_t durable = f->at.at.lanes[0].tail;
    put(f, 0, 2);
    faulty_arm(&f->at.os, FAULTY_DATASYNC, 1, 1, -EIO);
    assert_int_equal(step(f), WEIR_NEXT_AGAIN);
    weir_journal_state s;
    weir_read_block head_block;
    weir_reader *reader = journal_reader(&f->at, &s);
    assert_int_equal(weir_reader_read(reader, s.durable.block, &head_block, NULL), WEIR_OK);
    assert_int_equal(head_block.payload.lanes, 1);
    assert_int_equal(weir_payload_lane(&head_block.payload, 0).position, durable);
}

static void a_disk_that_stays_broken_stops_the_journal_and_keeps_the_rows(void **state) {
    fixture *f = *state;
    put(f, 0, 1);
    faulty_arm(&f->at.os, FAULTY_DATASYNC, 1, ALWAYS, -EIO);
    atomic_store(&f->j.durable.waiters, 1);
    atomic_store(&f->j.applied.waiters, 1);
    weir_next next = WEIR_NEXT_AGAIN;
    for (int i = 0; i < STEPS && next != WEIR_NEXT_STOPPED; i++)
        next = step(f);
    assert_int_equal(next, WEIR_NEXT_STOPPED);
    assert_int_equal(f->stops, 1);
    assert_int_equal(f->told_durable, 1);
    assert_int_equal(f->told_applied, 1); /* nothing more will be */
    assert_int_equal(atomic_load(&f->j.status), WEIR_STOPPED);
    assert_int_equal(head(f, 0), 0);
    assert_int_equal(mark(f), 0);
    assert_true(weir_ring_pending(&f->at.at.ring) > 0);
}

/* Every new group fails once and then works: that is not the same failure for ever. */
static void failures_that_are_overcome_do_not_add_up(void **state) {
    fixture *f = *state;
    for (int64_t i = 1; i <= 10; i++) {
        put(f, 0, i);
        faulty_arm(&f->at.os, FAULTY_DATASYNC, 1, 1, -EIO);
        settle(f);
    }
    expect_durable(f, 10);
    assert_int_equal(f->stops, 0);
}

/* New segments can be made, but what is written into them cannot be synced. */
static void failures_in_a_row_stop_the_journal(void **state) {
    fixture *f = *state;
    weir_next next = WEIR_NEXT_AGAIN;
    put(f, 0, 1);
    for (int i = 0; i < STEPS && next != WEIR_NEXT_STOPPED; i++) {
        faulty_arm(&f->at.os, FAULTY_DATASYNC, 1, 1, -EIO);
        next = step(f);
    }
    assert_int_equal(next, WEIR_NEXT_STOPPED);
    assert_int_equal(head(f, 0), 0);
}

/* ---- trouble that passes --------------------------------------------------------------------- */

static void put_wide(fixture *f, int64_t number) {
    static uint8_t noise[24000];
    static weir_rng rng = {9};
    weir_rng_fill(&rng, noise, sizeof noise);
    weir_value row[] = {weir_int(number), weir_blob(noise, sizeof noise)};
    weir_lane *l = &f->at.at.lanes[0];
    uint64_t epoch = weir_ring_stamp(&f->at.at.ring, l, false);
    uint8_t *body = weir_lane_at(l, l->tail) + WEIR_RECORD_HEAD;
    size_t bytes = (size_t)(weir_row_encode(body, 1, row, 2) - body);
    weir_record_seal(l, l->tail, bytes, epoch, WEIR_RECORD_ROW);
    weir_lane_publish(l, l->tail + weir_record_bytes(bytes));
}

static weir_journal_state state_of(fixture *f) {
    weir_journal_state s;
    weir_journal_get_state(f->at.journal, &s);
    return s;
}

/* Rows of 24 KB until the segment is so full, of eighths. */
static void fill_segment(fixture *f, int64_t *next, unsigned eighths) {
    while (state_of(f).end.offset < eighths * (1u << 17)) {
        put_wide(f, (*next)++);
        settle(f);
    }
}

/* Two segments on, whatever refuses meanwhile; then nothing was lost, stopped or told twice. */
static void go_on(fixture *f, int64_t *next) {
    uint64_t until = segment_now(f) + 2;
    for (int steps = 0; segment_now(f) < until || weir_ring_pending(&f->at.at.ring); steps++) {
        assert_true(steps < 1000);
        if (!weir_ring_pending(&f->at.at.ring)) put_wide(f, (*next)++);
        assert_int_not_equal(step(f), WEIR_NEXT_STOPPED);
    }
    expect_durable(f, *next - 1);
    assert_int_equal(f->stops, 0);
    assert_true(f->events[WEIR_EVENT_NO_SPACE] <= 1);
    assert_int_equal(f->events[WEIR_EVENT_GROWS_AGAIN], f->events[WEIR_EVENT_NO_SPACE]);
}

static void meet_at(fixture *f, faulty_call call, int error, long times, unsigned eighths) {
    int64_t next = 1;
    close_all(f);
    journal_renew(&f->at);
    assert_int_equal(open_all(f), WEIR_OK);
    fill_segment(f, &next, eighths);
    faulty_arm(&f->at.os, call, 1, times, error);
    go_on(f, &next);
    assert_int_equal(f->at.os.countdown[call], 0); /* all were met */
}

static void what_passes_stops_no_journal(void **state) {
    static const int passing[] = {-EMFILE, -ENFILE, -ENOMEM, -EFBIG, -EDQUOT,
                                  -ENOSPC, -EACCES, -EPERM,  -EROFS};
    for (faulty_call call = 0; call < FAULTY_TRUNCATE; call++) /* of the rest it makes none here */
        for (size_t e = 0; e < sizeof passing / sizeof *passing; e++) {
            meet_at(*state, call, passing[e], 1, 3); /* before there is a file ahead */
            meet_at(*state, call, passing[e], 1, 6);
            meet_at(*state, call, passing[e], 30, 3);
            meet_at(*state, call, passing[e], 30, 6);
        }
}

/* A disk that is full for long is not asked fifty times a second. */
static void the_pauses_grow(void **state) {
    fixture *f = *state;
    int64_t next = 1;
    uint64_t wait_ns = 0, before = 0;
    fill_segment(f, &next, 3);
    faulty_arm(&f->at.os, FAULTY_ALLOCATE, 1, ALWAYS, -ENOSPC);
    for (int i = 0; f->events[WEIR_EVENT_NO_SPACE] == 0; i++) {
        assert_true(i < 1000);
        if (!weir_ring_pending(&f->at.at.ring)) put_wide(f, next++);
        (void)step(f);
    }
    atomic_store(&f->j.waiters, 1);
    for (int i = 0; i < 10; i++, before = wait_ns) {
        assert_int_equal(weir_journaler_step(&f->j, &wait_ns), WEIR_NEXT_WAIT);
        assert_true(wait_ns >= before);
    }
    assert_int_equal(wait_ns, 1000000000);
    faulty_arm(&f->at.os, FAULTY_ALLOCATE, 0, 0, 0);
    settle(f);
    expect_durable(f, next - 1);
}

/* No descriptor is left when the segment is full: the file of the next one is open already. */
static void the_next_file_is_open_ahead(void **state) {
    fixture *f = *state;
    int64_t next = 1;
    fill_segment(f, &next, 6);
    uint64_t segment = segment_now(f);
    faulty_arm(&f->at.os, FAULTY_OPEN, 1, ALWAYS, -EMFILE);
    while (segment_now(f) == segment) {
        put_wide(f, next++);
        assert_int_equal(step(f), WEIR_NEXT_AGAIN);
    }
    assert_int_equal(f->events[WEIR_EVENT_NO_SPACE], 0);
    faulty_arm(&f->at.os, FAULTY_OPEN, 0, 0, 0);
    settle(f);
    expect_durable(f, next - 1);
}

/* Four in a row are the documents' word for it, whether new segments can be begun or not. */
static void the_fourth_failure_in_a_row_stops_the_journal(void **state) {
    fixture *f = *state;
    put(f, 0, 1);
    faulty_arm(&f->at.os, FAULTY_DATASYNC, 1, 3, -EIO);
    settle(f);
    assert_int_equal(f->stops, 0);
    assert_int_equal(f->events[WEIR_EVENT_SYNC_FAILED], 3);
    put(f, 0, 2);
    faulty_arm(&f->at.os, FAULTY_DATASYNC, 1, 4, -EIO);
    assert_int_equal(step(f), WEIR_NEXT_STOPPED);
    assert_int_equal(f->stops, 1);
    assert_int_equal(f->events[WEIR_EVENT_SYNC_FAILED], 7);
}

/* A block may say of the one before it only what a sync has said. */
static void blocks_of_one_group_do_not_vouch_for_each_other(void **state) {
    fixture *f = *state;
    weir_error error;
    weir_journal_state s;
    bool appended;
    weir_journal_get_state(f->at.journal, &s);
    uint64_t durable = s.durable.block;
    put(f, 0, 1);
    assert_int_equal(weir_drain_block(&f->j.drain, &appended, &error), WEIR_OK);
    assert_int_equal(weir_drain_mark(&f->j.drain, &error), WEIR_OK);
    assert_int_equal(weir_journal_sync(f->at.journal, &error), WEIR_OK);
    weir_read_block block;
    weir_reader *reader = journal_reader(&f->at, &s);
    assert_int_equal(weir_reader_read(reader, durable + 2, &block, NULL), WEIR_OK);
    assert_int_equal(block.header.durable_block, durable);
}

/* So many wait, each since it appended a row, and a group releases them. */
static void release_group(fixture *f, uint32_t waiting, uint32_t arrived) {
    uint64_t wait_ns;
    put(f, 0, 1);
    atomic_fetch_add(&f->j.sync_requests, arrived);
    atomic_store(&f->j.waiters, waiting);
    f->sync_takes = 3000;
    assert_int_equal(weir_journaler_step(&f->j, &wait_ns), WEIR_NEXT_AGAIN);
    f->sync_takes = 0;
    atomic_store(&f->j.waiters, 0);
}

static void the_next_cut_waits_for_those_who_were_released(void **state) {
    fixture *f = *state;
    assert_false(weir_journaler_delays_group(&f->j));
    release_group(f, 3, 3);
    assert_true(weir_journaler_delays_group(&f->j));
    atomic_fetch_add(&f->j.sync_requests, 2);
    assert_true(weir_journaler_delays_group(&f->j));
    atomic_fetch_add(&f->j.sync_requests, 1);
    assert_false(weir_journaler_delays_group(&f->j)); /* all are back */
    release_group(f, 3, 0);
    assert_true(weir_journaler_delays_group(&f->j));
    f->clock += 999;
    assert_true(weir_journaler_delays_group(&f->j));
    f->clock += 1;
    assert_false(weir_journaler_delays_group(&f->j)); /* a third of 3,000 is over */
}

static void who_is_alone_or_pressed_waits_for_nobody(void **state) {
    fixture *f = *state;
    release_group(f, 1, 1);
    assert_false(weir_journaler_delays_group(&f->j));
    release_group(f, 1, 20); /* one that polls */
    assert_false(weir_journaler_delays_group(&f->j));
    release_group(f, 2, 2);
    assert_true(weir_journaler_delays_group(&f->j));
    atomic_store(&f->j.lanes_wanted, 1);
    assert_false(weir_journaler_delays_group(&f->j));
    atomic_store(&f->j.lanes_wanted, 0);
    atomic_store(&f->j.stopping, true);
    assert_false(weir_journaler_delays_group(&f->j));
    atomic_store(&f->j.stopping, false);
    assert_true(weir_journaler_delays_group(&f->j));
    while (weir_ring_pending(&f->at.at.ring) < LANE_BYTES / 4)
        put(f, 0, 1);
    assert_false(weir_journaler_delays_group(&f->j)); /* the lane fills up */
}

/* ---- large groups --------------------------------------------------------------------------- */

static void who_waits_for_applied_is_not_woken_by_what_is_durable(void **state) {
    fixture *f = *state;
    atomic_store(&f->j.applied.waiters, 1);
    put(f, 0, 1);
    assert_int_equal(step(f), WEIR_NEXT_AGAIN);
    assert_int_equal(f->told_durable, 0); /* nobody waits for it */
    atomic_store(&f->j.durable.waiters, 1);
    put(f, 0, 2);
    assert_int_equal(step(f), WEIR_NEXT_AGAIN);
    assert_int_equal(f->told_durable, 1);
    assert_int_equal(f->told_applied, 0);
}

static int64_t put_so_much(fixture *f, int64_t first, uint64_t bytes) {
    while (weir_ring_pending(&f->at.at.ring) < bytes)
        put(f, 0, first++);
    return first;
}

static void who_waits_does_not_wait_for_all_that_is_there(void **state) {
    enum { ENOUGH = LANE_BYTES / 4 };
    fixture *f = *state;
    int64_t next = put_so_much(f, 1, 3 * ENOUGH);
    assert_int_equal(step(f), WEIR_NEXT_AGAIN); /* for whom room is enough */
    expect_durable(f, next - 1);
    next = put_so_much(f, next, 3 * ENOUGH);
    atomic_store(&f->j.sync_waiters, 1);
    assert_int_equal(step(f), WEIR_NEXT_AGAIN);
    assert_in_range(weir_ring_pending(&f->at.at.ring), 1,
                    2 * ENOUGH); /* rows are shorter in a block */
    settle(f);
    expect_durable(f, next - 1);
}

static uint16_t last_codec(fixture *f) {
    weir_read_block block;
    weir_journal_state s;
    weir_reader *reader = journal_reader(&f->at, &s);
    assert_int_equal(weir_reader_header(reader, s.durable.block, &block.header, NULL), WEIR_OK);
    return block.header.codec;
}

static void who_waits_does_not_wait_for_the_compressor(void **state) {
    enum { ENOUGH = LANE_BYTES / 4 };
    fixture *f = *state;
    (void)put_so_much(f, 1, ENOUGH);
    assert_int_equal(step(f), WEIR_NEXT_AGAIN); /* for whom room is enough */
    assert_int_equal(last_codec(f), WEIR_CODEC_ZSTD);
    atomic_store(&f->j.sync_waiters, 1);
    (void)put_so_much(f, 1, 2 * ENOUGH);
    assert_int_equal(step(f), WEIR_NEXT_AGAIN);
    assert_int_equal(last_codec(f), WEIR_CODEC_RAW);
    settle(f);
    for (int64_t i = 0; weir_ring_pending(&f->at.at.ring) <= 4 * ENOUGH; i++)
        put(f, (int)(i % 2), i);
    assert_int_equal(step(f), WEIR_NEXT_AGAIN); /* so much that its size counts */
    assert_int_equal(last_codec(f), WEIR_CODEC_ZSTD);
    assert_int_equal(step(f), WEIR_NEXT_AGAIN);
    assert_int_equal(last_codec(f), WEIR_CODEC_RAW);
}

/* Groups of 100 kB, past all that was ever written of the segment. Was anything written behind it? */
static bool group_has_zeros_ahead(fixture *f) {
    static uint8_t noise[1000];
    weir_rng rng = {1};
    uint64_t filled = f->at.journal->segment.filled;
    do {
        for (int i = 0; i < 100; i++) {
            weir_rng_fill(&rng, noise, sizeof noise);
            put_value(f, i % 2, weir_blob(noise, sizeof noise));
        }
        assert_int_equal(step(f), WEIR_NEXT_AGAIN);
    } while (f->at.journal->segment.end <= filled);
    return f->at.journal->segment.filled > f->at.journal->segment.end;
}

static void zeros_go_ahead_of_what_comes_one_by_one(void **state) {
    fixture *f = *state;
    assert_false(group_has_zeros_ahead(f));
    assert_false(group_has_zeros_ahead(f));
    settle(f);
    assert_true(group_has_zeros_ahead(f));
    assert_false(group_has_zeros_ahead(f));
    put(f, 0, 1); /* or is small */
    assert_int_equal(step(f), WEIR_NEXT_AGAIN);
    assert_true(f->at.journal->segment.filled > f->at.journal->segment.end);
}

/* ---- the thread ----------------------------------------------------------------------------- */

static _Atomic size_t populated;

static int count_populated(void *self, void *at, size_t bytes) {
    (void)self, (void)at;
    atomic_fetch_add(&populated, bytes);
    return 0;
}

/* Lanes that nobody has taken yet: their first append shall find its pages. */
static void the_thread_populates_lanes_while_nobody_appends(void **state) {
    enum { WANTED = 2 * LANE_BYTES, LOOKS = 20000 };
    static const struct timespec pause = {0, 1000000};
    fixture *f = *state;
    weir_error error = {0};
    atomic_store(&populated, 0);
    f->at.os.table.populate = count_populated;
    assert_int_equal(weir_journaler_start(&f->j, &error), WEIR_OK);
    for (int i = 0; i < LOOKS && atomic_load(&populated) < WANTED; i++)
        (void)nanosleep(&pause, NULL);
    assert_int_equal(weir_journaler_stop(&f->j), WEIR_OK);
    assert_int_equal(atomic_load(&populated), WANTED);
}

/* Kept off its waker's processor, it may use that one again once it is awake. */
static void the_thread_is_kept_off_for_one_wake(void **state) {
    enum { LOOKS = 20000 };
    static const struct timespec pause = {0, 1000000};
    fixture *f = *state;
    weir_error error = {0};
    f->at.os.table.wake = weir_os_posix()->wake;
    f->at.os.table.now = weir_os_posix()->now;
    assert_int_equal(weir_journaler_start(&f->j, &error), WEIR_OK);
    for (int i = 0; i < LOOKS && atomic_load(&f->j.asleep) != WEIR_ASLEEP_IDLE; i++)
        (void)nanosleep(&pause, NULL);
    cpu_set_t before, after;
    assert_int_equal(pthread_getaffinity_np(f->j.thread, sizeof before, &before), 0);
    weir_journaler_wake_aside(&f->j);
    for (int i = 0; i < LOOKS && atomic_load(&f->j.affinity.state); i++)
        (void)nanosleep(&pause, NULL);
    assert_int_equal(pthread_getaffinity_np(f->j.thread, sizeof after, &after), 0);
    assert_true(CPU_EQUAL(&before, &after));
    assert_int_equal(weir_journaler_stop(&f->j), WEIR_OK);
    assert_int_equal(atomic_load(&f->j.affinity.thread), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(a_group_is_synced_then_marked_then_released),
        T(rows_linger_until_somebody_waits),
        T(a_request_covers_what_was_published_before_it),
        T(when_it_is_quiet_a_block_vouches_for_the_last_group),
        T(who_waits_for_what_is_vouched_for_gets_it_at_once),
        T(after_a_failed_sync_rows_go_into_a_new_segment_once),
        T(after_a_failed_write_too),
        T(a_new_segment_says_how_far_lanes_are_durable),
        T(a_disk_that_stays_broken_stops_the_journal_and_keeps_the_rows),
        T(failures_that_are_overcome_do_not_add_up),
        T(failures_in_a_row_stop_the_journal),
        T(what_passes_stops_no_journal),
        T(the_pauses_grow),
        T(the_next_file_is_open_ahead),
        T(the_fourth_failure_in_a_row_stops_the_journal),
        T(blocks_of_one_group_do_not_vouch_for_each_other),
        T(the_next_cut_waits_for_those_who_were_released),
        T(who_is_alone_or_pressed_waits_for_nobody),
        T(who_waits_for_applied_is_not_woken_by_what_is_durable),
        T(who_waits_does_not_wait_for_all_that_is_there),
        T(who_waits_does_not_wait_for_the_compressor),
        T(zeros_go_ahead_of_what_comes_one_by_one),
        T(the_thread_populates_lanes_while_nobody_appends),
        T(the_thread_is_kept_off_for_one_wake),
    };
    return cmocka_run_group_tests_name("journaler", tests, NULL, NULL);
}
