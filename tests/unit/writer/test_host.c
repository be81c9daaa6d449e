/* test_host.c - several sinks on one journal: memory beside SQLite, memory alone; slow, broken, hanging and
 * detached ones; and what the journal keeps for whom. */
/* Covers: lib/handle/attached.c, lib/handle/core.h, lib/journal/sinks.c */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/handle/core.h"
#include "lib/journal/sinks.h"
#include "lib/stats/stats_read.h"
#include "memory_sink.h"

/* ---- two of them -------------------------------------------------------------------------- */

static void each_sink_gets_each_row(void **state) {
    opened *o = *state;
    memory *a = fresh(0, WEIR_OK), *b = fresh(1, WEIR_OK);
    begin(o);
    attach(o, a, "a");
    append(o, 10);
    attach(o, b, "b");
    weir_ticket ticket;
    assert_int_equal(weir_append_ticket(o->table, &ticket, weir_int(1), weir_null()), WEIR_OK);
    assert_int_equal(weir_wait_sink(o->w, "a", &ticket, PATIENCE_MS), WEIR_OK);
    wait_all(o, "b");
    wait_all(o, "sqlite");
    expect_all(a, 11);
    expect_all(b, 11);
    assert_int_equal(weir_wait_sink(o->w, "c", NULL, 0), WEIR_NOT_FOUND);
    char names[2][WEIR_SINK_NAME_BYTES];
    size_t count;
    assert_int_equal(weir_sinks(o->w, names, 2, &count), WEIR_OK);
    assert_int_equal(count, 3);
    assert_string_equal(names[0], "sqlite");
    assert_string_equal(names[1], "a");
    struct weir_sink_stats s;
    assert_int_equal(weir_sink_stats(o->w, "b", &s), WEIR_OK);
    assert_string_equal(s.kind, "memory");
    assert_true(s.rows_applied == 11 && s.last_row_applied == 11 && s.lag_rows == 0);
    assert_int_equal(s.state, WEIR_SINK_ATTACHED);
    assert_int_equal(opened_close(o), WEIR_OK);
    assert_true(a->closed == 1 && b->closed == 1);
}

static void others_see_each_sink(void **state) {
    opened *o = *state;
    memory *a = fresh(0, WEIR_OK), *b = fresh(1, WEIR_BUSY);
    begin(o);
    attach(o, a, "a");
    attach(o, b, "a-name-of-more-than-sixteen");
    append(o, 7);
    wait_all(o, "a");
    assert_int_equal(weir_sync(o->w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
    assert_int_equal(opened_close(o), WEIR_OK);
    weir_stats_snapshot s;
    weir_error error;
    assert_int_equal(weir_stats_read(weir_os_posix(), o->journal, &s, &error), WEIR_OK);
    assert_int_equal(s.header.sinks, 3);
    assert_string_equal(s.sinks[0].name, "sqlite");
    assert_string_equal(s.sinks[1].name, "a");
    assert_string_equal(s.sinks[2].name, "a-name-of-more~2");
    assert_int_equal(s.sinks[1].figures.rows_applied, 7);
    assert_int_equal(s.sinks[2].figures.rows_applied, 0);
    assert_true(s.sinks[2].figures.waiting_since > 0);
}

static void one_name_is_one_sink(void **state) {
    opened *o = *state;
    memory *a = fresh(0, WEIR_OK);
    weir_error error;
    begin(o);
    attach(o, a, "a");
    weir_sink_offer again = offer_of(a, "a"), bad = offer_of(a, "a b");
    assert_int_equal(weir_private_attach_1(o->w, &again, &error), WEIR_MISUSE);
    assert_int_equal(weir_private_attach_1(o->w, &bad, &error), WEIR_MISUSE);
    again.name = "sqlite";
    assert_int_equal(weir_private_attach_1(o->w, &again, &error), WEIR_MISUSE);
    assert_int_equal(a->closed, 0); /* it stayed the caller's */
}

static void segments_wait_for_the_slowest(void **state) {
    opened *o = *state;
    memory *a = fresh(0, WEIR_BUSY);
    begin(o);
    attach(o, a, "a");
    append(o, MANY);
    assert_int_equal(weir_sync(o->w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
    (void)usleep(2500 * 1000); /* SQLite's writer has checkpointed by then */
    assert_true(segments(o) >= MANY * PAD >> 20);
    a->begin_status = WEIR_OK;
    wait_all(o, "a");
    await_segments(o, 2);
    expect_all(a, MANY);
}

/* ---- over an opening ---------------------------------------------------------------------- */

static void an_opening_without_a_sink_keeps_its_rows(void **state) {
    opened *o = *state;
    memory *a = fresh(0, WEIR_OK);
    begin(o);
    attach(o, a, "a");
    append(o, 40);
    wait_all(o, "a");
    a->begin_status = WEIR_IO;
    append(o, MANY);
    assert_int_equal(opened_close(o), WEIR_OK); /* SQLite has all of them */
    begin(o);
    append(o, MANY);
    assert_int_equal(weir_sync(o->w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
    assert_int_equal(opened_close(o), WEIR_OK);
    assert_true(segments(o) >= 2 * MANY * PAD >> 20);
    begin(o);
    a->begin_status = WEIR_OK;
    attach(o, a, "a");
    wait_all(o, "a");
    expect_all(a, 40 + 2 * MANY);
    await_segments(o, 2);
}

static void a_record_that_cannot_be_read_holds_everything(void **state) {
    opened *o = *state;
    memory *a = fresh(0, WEIR_OK);
    weir_error error;
    char path[200];
    begin(o);
    attach(o, a, "a");
    assert_int_equal(opened_close(o), WEIR_OK);
    (void)snprintf(path, sizeof path, "%s/sinks/a", o->journal);
    FILE *f = fopen(path, "w");
    assert_true(f && fclose(f) == 0);
    begin(o);
    append(o, MANY);
    assert_int_equal(weir_sync(o->w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
    weir_sink_offer offer = offer_of(a, "a");
    assert_int_equal(weir_private_attach_1(o->w, &offer, &error), WEIR_DAMAGED);
    assert_int_equal(opened_close(o), WEIR_OK);
    assert_true(segments(o) >= MANY * PAD >> 20);
}

/* ---- trouble ------------------------------------------------------------------------------ */

static void a_broken_sink_is_its_own_trouble(void **state) {
    opened *o = *state;
    memory *a = fresh(0, WEIR_DATABASE);
    begin(o);
    attach(o, a, "a");
    append(o, 10);
    assert_int_equal(weir_wait_sink(o->w, "a", NULL, PATIENCE_MS), WEIR_DATABASE);
    assert_int_equal(weir_sync(o->w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
    struct weir_stats all;
    struct weir_sink_stats s;
    assert_int_equal(weir_stats(o->w, &all), WEIR_OK);
    assert_int_equal(weir_sink_stats(o->w, "a", &s), WEIR_OK);
    assert_true(all.apply_status == WEIR_OK && s.apply_status == WEIR_DATABASE && s.lag_rows == 10);
}

static void closing_does_not_wait_for_one_that_hangs(void **state) {
    opened *o = *state;
    memory *a = fresh(0, WEIR_OK);
    weir_options hasty = small;
    static const weir_column column = {"n", WEIR_INTEGER};
    hasty.open_timeout_ms = 500;
    opened_open(o, &hasty);
    assert_int_equal(weir_declare(o->w, "t", &column, 1, &o->table), WEIR_OK);
    attach(o, a, "a");
    a->hangs = true;
    assert_int_equal(weir_append(o->table, weir_int(1)), WEIR_OK);
    assert_int_equal(weir_sync(o->w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
    assert_int_equal(opened_close(o), WEIR_OK); /* it would never return */
    assert_int_equal(a->closed, 1);
    assert_int_equal(a->rows, 0);
    a->hangs = false;
    begin(o);
    attach(o, a, "a");
    wait_all(o, "a");
    expect_all(a, 1);
}

/* Until the journal has noted that the sink has this row. */
static weir_known_sink await_record(opened *o, const char *name, uint64_t row) {
    weir_known_sink known = {0};
    for (int i = 0; known.record.safe.row < row; i++) {
        if (i > PATIENCE_MS / 10) fail_msg("the record of %s stays behind row %d", name, (int)row);
        (void)usleep(10 * 1000);
        assert_true(weir_journal_find_sink(weir_handle_journal(o->w), name, &known));
    }
    return known;
}

/* A standby took over that lacks much, and the journal has that still: for another sink so far. */
static void a_server_that_went_back_keeps_what_it_lacks(void **state) {
    opened *o = *state;
    memory *a = fresh(0, WEIR_OK), *b = fresh(1, WEIR_BUSY);
    a->remote = true;
    begin(o);
    attach(o, a, "a");
    attach(o, b, "b");
    append(o, 10);
    wait_all(o, "a");
    const weir_position then = a->at;
    append(o, MANY);
    wait_all(o, "a");
    (void)await_record(o, "a", 10 + MANY);
    a->slow = true; /* so slow that it has not got far when the others have all */
    a->leaves = 12;
    a->at = then;
    a->rows = 10;
    append(o, 1);
    await_event(WEIR_EVENT_POSITION_MOVED);
    b->begin_status = WEIR_OK;
    wait_all(o, "b");
    (void)await_record(o, "b", 11 + MANY);
    assert_int_equal(weir_sync(o->w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
    (void)usleep(1500 * 1000); /* SQLite's writer has checkpointed by then */
    assert_true(segments(o) >= MANY * PAD >> 20);
    a->slow = false;
    a->leaves = 0;
    wait_all(o, "a");
    expect_all(a, 11 + MANY);
    await_segments(o, 2);
}

/* ---- leaving ------------------------------------------------------------------------------ */

static void what_a_detached_sink_lacks_goes_to_the_archive(void **state) {
    opened *o = *state;
    memory *a = fresh(0, WEIR_OK);
    begin(o);
    attach(o, a, "a");
    append(o, 10);
    wait_all(o, "a");
    a->begin_status = WEIR_BUSY;
    append(o, MANY);
    assert_int_equal(weir_detach(o->w, "a"), WEIR_OK);
    assert_int_equal(a->closed, 1);
    assert_int_equal(weir_wait_sink(o->w, "a", NULL, PATIENCE_MS), WEIR_CLOSED);
    weir_handle_apply_status(weir_find_attached(o->w, "a"), WEIR_IO); /* its writer was late */
    assert_int_equal(weir_wait_sink(o->w, "a", NULL, PATIENCE_MS), WEIR_CLOSED);
    assert_int_equal(weir_detach(o->w, "sqlite"), WEIR_MISUSE);
    assert_int_equal(weir_detach(o->w, "nobody"), WEIR_NOT_FOUND);
    assert_int_equal(weir_sync(o->w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
    await_segments(o, 2);
    assert_true(archived(o) >= (MANY * PAD >> 20) - 2);
    struct weir_sink_stats s;
    assert_int_equal(weir_sink_stats(o->w, "a", &s), WEIR_OK);
    assert_int_equal(s.state, WEIR_SINK_DETACHED);
    a->begin_status = WEIR_OK;
    attach(o, a, "a");
    wait_all(o, "a");
    expect_all(a, 10 + MANY);
}

static void a_detached_sink_comes_back(void **state) {
    opened *o = *state;
    memory *a = fresh(0, WEIR_OK);
    begin(o);
    attach(o, a, "a");
    append(o, 10);
    wait_all(o, "a");
    assert_int_equal(weir_detach(o->w, "a"), WEIR_OK);
    append(o, 10);
    attach(o, a, "a");
    append(o, 10);
    wait_all(o, "a");
    expect_all(a, 30);
    assert_int_equal(a->closed, 1);
}

static void a_sink_that_lags_is_told_or_detached(void **state) {
    opened *o = *state;
    memory *a = fresh(0, WEIR_BUSY), *b = fresh(1, WEIR_BUSY);
    weir_error error = {0};
    begin(o);
    weir_sink_offer holds = offer_of(a, "a"), leaves = offer_of(b, "b");
    holds.lag_limit_bytes = leaves.lag_limit_bytes = 3 << 20;
    leaves.at_limit = WEIR_LAG_DETACHES;
    assert_int_equal(weir_private_attach_1(o->w, &holds, &error), WEIR_OK);
    assert_int_equal(weir_private_attach_1(o->w, &leaves, &error), WEIR_OK);
    append(o, MANY);
    await_event(WEIR_EVENT_SINK_LAGS);
    await_event(WEIR_EVENT_SINK_DETACHED);
    assert_int_equal(weir_wait_sink(o->w, "b", NULL, PATIENCE_MS), WEIR_CLOSED);
    assert_int_equal(archived(o), 0); /* a still wants them in the journal */
    append(o, MANY);
    a->begin_status = WEIR_OK;
    wait_all(o, "a");
    await_segments(o, 2);
    assert_true(archived(o) >= (2 * MANY * PAD >> 20) - 2); /* and b from there */
    expect_all(a, 2 * MANY);
    assert_int_equal(heard[WEIR_EVENT_SINK_LAGS], 1);
    assert_int_equal(heard[WEIR_EVENT_SINK_DETACHED], 1);
}

/* The journal has let go of it for its lag, and its writer has not heard of that. */
static void a_forgotten_sink_has_no_writer(void **state) {
    opened *o = *state;
    memory *a = fresh(0, WEIR_BUSY);
    weir_error error = {0};
    begin(o);
    weir_sink_offer offer = offer_of(a, "a");
    offer.lag_limit_bytes = 3 << 20;
    offer.at_limit = WEIR_LAG_DETACHES;
    assert_int_equal(weir_private_attach_1(o->w, &offer, &error), WEIR_OK);
    (void)pthread_mutex_lock(&o->w->attaching); /* as a call that asks for figures has it */
    append(o, MANY);
    await_event(WEIR_EVENT_SINK_DETACHED);
    assert_int_equal(weir_sync(o->w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
    await_segments(o, 2);
    (void)pthread_mutex_unlock(&o->w->attaching);
    assert_int_equal(a->closed, 0);
    assert_int_equal(weir_forget_sink(o->w, "a"), WEIR_OK);
    assert_int_equal(a->closed, 1);
    assert_int_equal(weir_wait_sink(o->w, "a", NULL, PATIENCE_MS), WEIR_CLOSED);
    a->begin_status = WEIR_OK;
    attach(o, a, "a");
    append(o, 1);
    wait_all(o, "a");
}

/* ---- without SQLite ----------------------------------------------------------------------- */

static void a_journal_may_have_another_first_sink(void **state) {
    opened *o = *state;
    memory *a = fresh(0, WEIR_OK);
    weir_error error = {0};
    static const weir_column columns[] = {{"n", WEIR_INTEGER}, {"pad", WEIR_BLOB}};
    for (uint64_t n = 1; n <= 3; n++) {
        weir_sink_offer offer = offer_of(a, "first");
        if (weir_private_open_1(o->journal, &small, sizeof small, &offer, &o->w, &error) != WEIR_OK)
            fail_msg("%s", error.text);
        assert_int_equal(weir_declare(o->w, "t", columns, 2, &o->table), WEIR_OK);
        append(o, MANY);
        assert_int_equal(weir_sync(o->w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
        await_segments(o, 2);
        assert_int_equal(opened_close(o), WEIR_OK);
        expect_all(a, n * MANY);
    }
}

/* Rows that its database lacks would leave with those that the other sink has. */
static void a_journal_of_sqlite_is_no_other_ones(void **state) {
    opened *o = *state;
    memory *a = fresh(0, WEIR_OK);
    weir_error error = {0};
    pid_t child = fork();
    if (child == 0) { /* it dies before its database has all */
        begin(o);
        append(o, 10);
        _exit(weir_sync(o->w, WEIR_DURABLE, PATIENCE_MS));
    }
    int died;
    assert_true(waitpid(child, &died, 0) == child && died == 0);
    weir_sink_offer offer = offer_of(a, "first");
    assert_int_equal(weir_private_open_1(o->journal, &small, sizeof small, &offer, &o->w, &error),
                     WEIR_FOREIGN);
    assert_non_null(strstr(error.text, "the journal of an SQLite database"));
    assert_int_equal(a->closed, 0);
    begin(o);
    append(o, 1);
    assert_int_equal(opened_close(o), WEIR_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        OPENED_TEST(each_sink_gets_each_row),
        OPENED_TEST(others_see_each_sink),
        OPENED_TEST(one_name_is_one_sink),
        OPENED_TEST(segments_wait_for_the_slowest),
        OPENED_TEST(an_opening_without_a_sink_keeps_its_rows),
        OPENED_TEST(a_record_that_cannot_be_read_holds_everything),
        OPENED_TEST(a_broken_sink_is_its_own_trouble),
        OPENED_TEST(closing_does_not_wait_for_one_that_hangs),
        OPENED_TEST(a_server_that_went_back_keeps_what_it_lacks),
        OPENED_TEST(what_a_detached_sink_lacks_goes_to_the_archive),
        OPENED_TEST(a_detached_sink_comes_back),
        OPENED_TEST(a_sink_that_lags_is_told_or_detached),
        OPENED_TEST(a_forgotten_sink_has_no_writer),
        OPENED_TEST(a_journal_may_have_another_first_sink),
        OPENED_TEST(a_journal_of_sqlite_is_no_other_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
