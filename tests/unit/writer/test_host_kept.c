/* test_host_kept.c - with which row a new sink begins, what the archive keeps for whom and until when, and
 * what a close leaves to a sink on another machine. */
/* Covers: lib/journal/history.c, lib/journal/archive_bound.c, lib/handle/attached.c */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/journal/sinks.h"
#include "memory_sink.h"

/* ---- beginning ----------------------------------------------------------------------------- */

static void a_new_sink_begins_in_the_archive(void **state) {
    opened *o = *state;
    memory *a = fresh(0, WEIR_OK), *b = fresh(1, WEIR_OK);
    leave_in_archive(o, a);
    attach(o, b, "b");
    wait_all(o, "b");
    assert_true(b->first == 1 ||
                b->first == 11); /* the first 10 may be in a segment of their own */
    expect_all(b, 11 + MANY - b->first);
    assert_int_equal(heard[WEIR_EVENT_JOURNAL], b->first > 1);
    assert_int_equal(weir_detach(o->w, "b"), WEIR_OK);
    attach(o, a, "a");
    wait_all(o, "a");
    expect_all(a, 10 + MANY);
}

static void one_that_begins_late_is_told(void **state) {
    opened *o = *state;
    memory *a = fresh(0, WEIR_OK);
    char words[60];
    begin(o);
    append(o, MANY);
    assert_int_equal(weir_sync(o->w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
    await_segments(o, 2); /* the first have been written over */
    attach(o, a, "a");
    append(o, 10);
    wait_all(o, "a");
    assert_true(a->first > 1);
    expect_all(a, MANY + 11 - a->first);
    assert_int_equal(heard[WEIR_EVENT_JOURNAL], 1);
    (void)snprintf(words, sizeof words, "the sink a, which is new here, begins with row %llu:",
                   (unsigned long long)a->first);
    assert_non_null(strstr(heard_text[WEIR_EVENT_JOURNAL], words));
    assert_int_equal(weir_detach(o->w, "a"), WEIR_OK);
    attach(o, a, "a");
    wait_all(o, "a");
    assert_int_equal(heard[WEIR_EVENT_JOURNAL], 1);
}

/* Nobody waits for a sink to have what was gone when it came. */
static void one_that_begins_at_the_end_has_all_there_is(void **state) {
    opened *o = *state;
    memory *a = fresh(0, WEIR_OK);
    begin(o);
    append(o, 10);
    assert_int_equal(opened_close(o), WEIR_OK); /* all is applied, and leaves */
    for (int i = 0; i < 2; i++) {               /* also when it comes back without a row */
        begin(o);
        attach(o, a, "a");
        wait_all(o, "a");
        assert_int_equal(a->rows, 0);
        assert_int_equal(opened_close(o), WEIR_OK);
    }
    begin(o);
    attach(o, a, "a");
    append(o, 10);
    wait_all(o, "a");
    expect_all(a, 10);
    assert_int_equal(a->first, 11);
}

/* All rows of the process before have left: a sink that is new has nothing to wait for. */
static void nobody_waits_for_rows_that_left(void **state) {
    opened *o = *state;
    memory *a = fresh(0, WEIR_OK);
    begin(o);
    append(o, MANY);
    assert_int_equal(weir_sync(o->w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
    assert_int_equal(opened_close(o), WEIR_OK);
    begin(o);
    attach(o, a, "a");
    wait_all(o, "a");
    assert_int_equal(a->rows, 0);
    append(o, 1);
    wait_all(o, "a");
    assert_true(a->first == MANY + 1 && a->rows == 1);
}

/* A handler may ask for anything that takes the locks of attaching and releasing. */
static weir *asked;
static void ask_back(void *context, weir_event event, const char *text) {
    struct weir_sink_stats s;
    (void)context, (void)text;
    if (event != WEIR_EVENT_JOURNAL) return;
    assert_int_equal(weir_sink_stats(asked, "a", &s), WEIR_OK);
    heard[event]++;
}

/* Rows of which the oldest have left: a sink that is new begins later, and the handler is told so. */
static void open_with_rows_gone(opened *o, void (*handler)(void *, weir_event, const char *)) {
    static const weir_column columns[] = {{"n", WEIR_INTEGER}, {"pad", WEIR_BLOB}};
    weir_options options = small;
    options.on_event = handler;
    opened_open(o, &options);
    asked = o->w;
    assert_int_equal(weir_declare(o->w, "t", columns, 2, &o->table), WEIR_OK);
    append(o, MANY);
    assert_int_equal(weir_sync(o->w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
    await_segments(o, 2);
}

static void no_lock_is_held_while_that_is_told(void **state) {
    opened *o = *state;
    memory *a = fresh(0, WEIR_OK);
    heard[WEIR_EVENT_JOURNAL] = 0;
    open_with_rows_gone(o, ask_back);
    attach(o, a, "a");
    assert_int_equal(heard[WEIR_EVENT_JOURNAL], 1);
    wait_all(o, "a");
}

/* While the first call for a name is not over, a second one finds it taken. */
static memory *of_twice;
static int second_time;
static void attach_again(void *context, weir_event event, const char *text) {
    weir_error error;
    (void)context, (void)text;
    if (event != WEIR_EVENT_JOURNAL) return;
    weir_sink_offer offer = offer_of(of_twice, "a");
    second_time = weir_private_attach_1(asked, &offer, &error);
}

static void one_name_is_attached_once(void **state) {
    opened *o = *state;
    memory *a = fresh(0, WEIR_OK);
    of_twice = fresh(1, WEIR_OK);
    second_time = WEIR_OK;
    open_with_rows_gone(o, attach_again);
    attach(o, a, "a");
    assert_int_equal(second_time, WEIR_MISUSE);
    wait_all(o, "a");
    assert_int_equal(of_twice->rows, 0);
}

/* ---- the archive keeps ---------------------------------------------------------------------- */

static void begin_bounded(opened *o) {
    static const weir_column columns[] = {{"n", WEIR_INTEGER}, {"pad", WEIR_BLOB}};
    weir_options options = small;
    options.archive = 1;
    options.archive_limit_bytes = 2 << 20;
    opened_open(o, &options);
    assert_int_equal(weir_declare(o->w, "t", columns, 2, &o->table), WEIR_OK);
}

static void its_limits_wait_for_a_detached_sink(void **state) {
    opened *o = *state;
    memory *a = fresh(0, WEIR_OK);
    leave_in_archive(o, a);
    int all = archived(o);
    assert_int_equal(opened_close(o), WEIR_OK);
    begin_bounded(o);
    append(o, MANY);
    assert_int_equal(weir_sync(o->w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
    await_segments(o, 2);
    assert_true(archived(o) > all);
    attach(o, a, "a");
    wait_all(o, "a");
    expect_all(a, 10 + 2 * MANY);
    append(o, MANY); /* what goes there now drives out what nobody lacks */
    wait_all(o, "a");
    assert_int_equal(weir_sync(o->w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
    await_segments(o, 2);
    assert_true(archived(o) <= 4);
}

static void a_forgotten_sink_holds_nothing(void **state) {
    opened *o = *state;
    memory *a = fresh(0, WEIR_OK);
    char path[200];
    struct weir_sink_stats s;
    leave_in_archive(o, a);
    (void)snprintf(path, sizeof path, "%s/sinks/a", o->journal);
    assert_int_equal(access(path, F_OK), 0);
    attach(o, a, "a");
    assert_int_equal(weir_forget_sink(o->w, "a"), WEIR_MISUSE);
    wait_all(o, "a");
    assert_int_equal(weir_detach(o->w, "a"), WEIR_OK);
    assert_int_equal(weir_forget_sink(o->w, "a"), WEIR_OK);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(weir_forget_sink(o->w, "a"), WEIR_NOT_FOUND);
    assert_int_equal(weir_forget_sink(o->w, "../ring"), WEIR_NOT_FOUND);
    assert_int_equal(weir_sink_stats(o->w, "a", &s), WEIR_OK);
    assert_int_equal(s.state, WEIR_SINK_DETACHED);
    int before = archived(o);
    append(o, MANY);
    assert_int_equal(weir_sync(o->w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
    await_segments(o, 2);
    assert_int_equal(archived(o), before); /* nothing more is kept for it */
    assert_int_equal(opened_close(o), WEIR_OK);
}

static void one_that_cannot_be_read_is_forgotten_too(void **state) {
    opened *o = *state;
    memory *a = fresh(0, WEIR_OK), *b = fresh(1, WEIR_OK);
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
    assert_int_equal(weir_forget_sink(o->w, "a"), WEIR_OK);
    await_segments(o, 2);
    attach(o, b, "a");
    append(o, 1);
    wait_all(o, "a");
    expect_all(b, MANY + 2 - b->first);
}

/* ---- closing ------------------------------------------------------------------------------ */

/* What a sink on another machine has applied must keep its numbers over a power cut: so a block that
 * is durable names it, also the last one before the close. */
static void a_close_leaves_nothing_unvouched(void **state) {
    opened *o = *state;
    memory *a = fresh(0, WEIR_OK);
    weir_sink_record record;
    weir_error error = {0};
    begin(o);
    a->remote = true;
    attach(o, a, "a");
    for (uint64_t i = 1; i <= 20; i++) {
        append(o, 1);
        assert_int_equal(opened_close(o), WEIR_OK); /* nobody has waited for the sink */
        expect_all(a, i);
        assert_int_equal(
            weir_sink_record_read(weir_os_posix(), WEIR_OS_CWD, o->journal, "a", &record, &error),
            WEIR_OK);
        assert_true(record.safe.row == i && record.safe.block <= a->at.block);
        begin(o);
        attach(o, a, "a");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        OPENED_TEST(a_new_sink_begins_in_the_archive),
        OPENED_TEST(one_that_begins_late_is_told),
        OPENED_TEST(one_that_begins_at_the_end_has_all_there_is),
        OPENED_TEST(nobody_waits_for_rows_that_left),
        OPENED_TEST(no_lock_is_held_while_that_is_told),
        OPENED_TEST(one_name_is_attached_once),
        OPENED_TEST(its_limits_wait_for_a_detached_sink),
        OPENED_TEST(a_forgotten_sink_holds_nothing),
        OPENED_TEST(one_that_cannot_be_read_is_forgotten_too),
        OPENED_TEST(a_close_leaves_nothing_unvouched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
