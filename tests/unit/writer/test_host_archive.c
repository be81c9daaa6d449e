/* test_host_archive.c - a sink that lacks rows which have left the journal gets them from its archive:
 * each once and in order, also while segments move there under it; and what is gone for good is said. */
/* Covers: lib/journal/history.c, lib/verify/sink_files.c, lib/verify/archive.c, lib/journal/sinks.c,
 * lib/journal/archive_bound.c, lib/handle/attached.c */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/journal/sinks.h"
#include "memory_sink.h"

/* The sink has 10 rows, and lacks MANY that are in the archive. */
static void leave_in_archive(opened *o, memory *a) {
    begin(o);
    attach(o, a, "a");
    append(o, 10);
    wait_all(o, "a");
    a->begin_status = WEIR_BUSY;
    append(o, MANY);
    assert_int_equal(weir_detach(o->w, "a"), WEIR_OK);
    assert_int_equal(weir_sync(o->w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
    await_segments(o, 2);
    assert_true(archived(o) >= (MANY * PAD >> 20) - 2);
    a->begin_status = WEIR_OK;
}

/* The name of an archived file; the caller frees it. NULL: there is none. */
static char *archived_file(const opened *o, bool newest) {
    char directory[200], *found = NULL;
    (void)snprintf(directory, sizeof directory, "%s/archive", o->journal);
    DIR *d = opendir(directory);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (!strstr(e->d_name, "segment-")) continue;
        if (found && (strcmp(e->d_name, strrchr(found, '/') + 1) > 0) != newest) continue;
        free(found);
        assert_true(asprintf(&found, "%s/%s", directory, e->d_name) > 0);
    }
    if (d) (void)closedir(d);
    return found;
}

/* ---- coming back -------------------------------------------------------------------------- */

static void it_goes_on_from_the_archive(void **state) {
    opened *o = *state;
    memory *a = fresh(0, WEIR_OK);
    leave_in_archive(o, a);
    attach(o, a, "a");
    append(o, 10);
    wait_all(o, "a");
    expect_all(a, 20 + MANY);
    struct weir_sink_stats s;
    assert_int_equal(weir_sink_stats(o->w, "a", &s), WEIR_OK);
    assert_true(s.state == WEIR_SINK_ATTACHED && s.lag_rows == 0);
}

static void it_comes_back_in_another_opening(void **state) {
    opened *o = *state;
    memory *a = fresh(0, WEIR_OK);
    leave_in_archive(o, a);
    assert_int_equal(opened_close(o), WEIR_OK);
    begin(o);
    append(o, MANY); /* these too go to the archive for it */
    assert_int_equal(weir_sync(o->w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
    await_segments(o, 2);
    a->remote = true;
    attach(o, a, "a");
    wait_all(o, "a");
    expect_all(a, 10 + 2 * MANY);
    assert_int_equal(opened_close(o), WEIR_OK);
}

static void packed_segments_are_read_too(void **state) {
    opened *o = *state;
    memory *a = fresh(0, WEIR_OK);
    char command[600];
    leave_in_archive(o, a);
    (void)snprintf(command, sizeof command, "%s archive pack %s >/dev/null", WEIR_TOOL,
                   o->database);
    assert_int_equal(system(command), 0);
    char *one = archived_file(o, false);
    assert_non_null(strstr(one, "/packed-"));
    free(one);
    attach(o, a, "a");
    wait_all(o, "a");
    expect_all(a, 10 + MANY);
}

/* Detached in the middle of what it lacks, again and again, while the program appends: what is in the
 * journal when it begins is in the archive before it has come so far. */
static void segments_move_under_it(void **state) {
    opened *o = *state;
    memory *a = fresh(0, WEIR_OK);
    enum { TIMES = 5 };
    leave_in_archive(o, a);
    for (int i = 0; i < TIMES; i++) {
        a->leaves = a->rows + MANY / 3; /* it goes when it has these */
        attach(o, a, "a");
        append(o, MANY / 3);
        assert_int_equal(weir_sync(o->w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
        assert_int_equal(weir_detach(o->w, "a"), WEIR_OK);
        await_segments(o, 2);
    }
    a->leaves = 0;
    attach(o, a, "a");
    wait_all(o, "a");
    expect_all(a, 10 + MANY + (uint64_t)TIMES * (MANY / 3));
}

/* A sink that would be detached for its lag holds nothing in the journal while it reads the archive: or it
 * would be detached again before it has caught up. */
static void catching_up_is_no_lag(void **state) {
    opened *o = *state;
    memory *a = fresh(0, WEIR_OK);
    weir_error error = {0};
    leave_in_archive(o, a);
    a->begin_status = WEIR_BUSY;
    weir_sink_offer offer = offer_of(a, "a");
    offer.lag_limit_bytes = 3 << 20;
    offer.at_limit = WEIR_LAG_DETACHES;
    assert_int_equal(weir_private_attach_1(o->w, &offer, &error), WEIR_OK);
    append(o, MANY);
    assert_int_equal(weir_sync(o->w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
    await_segments(o, 2);
    assert_int_equal(heard[WEIR_EVENT_SINK_DETACHED], 0);
    a->begin_status = WEIR_OK;
    wait_all(o, "a");
    expect_all(a, 10 + 2 * MANY);
    struct weir_sink_stats s;
    assert_int_equal(weir_sink_stats(o->w, "a", &s), WEIR_OK);
    assert_int_equal(s.state, WEIR_SINK_ATTACHED);
}

static void what_is_gone_is_said(void **state) {
    opened *o = *state;
    memory *a = fresh(0, WEIR_OK);
    weir_error error = {0};
    leave_in_archive(o, a);
    char *lost = archived_file(o, false), kept[300];
    (void)snprintf(kept, sizeof kept, "%s/kept", o->directory);
    free(lost);
    lost = archived_file(o, true); /* one in the middle of what it lacks */
    assert_int_equal(rename(lost, kept), 0);
    weir_sink_offer offer = offer_of(a, "a");
    assert_int_equal(weir_private_attach_1(o->w, &offer, &error), WEIR_UNSUPPORTED);
    assert_non_null(strstr(error.text, "needs blocks"));
    struct weir_sink_stats s;
    assert_int_equal(weir_sink_stats(o->w, "a", &s), WEIR_OK);
    assert_int_equal(s.state, WEIR_SINK_DETACHED); /* and it holds nothing in the journal */
    assert_int_equal(rename(kept, lost), 0);
    free(lost);
    attach(o, a, "a");
    wait_all(o, "a");
    expect_all(a, 10 + MANY);
}

/* ---- beginning ----------------------------------------------------------------------------- */

static void a_new_sink_begins_in_the_archive(void **state) {
    opened *o = *state;
    memory *a = fresh(0, WEIR_OK), *b = fresh(1, WEIR_OK);
    leave_in_archive(o, a);
    attach(o, b, "b");
    wait_all(o, "b");
    expect_all(b, 10 + MANY);
    assert_int_equal(b->first, 1);
    assert_int_equal(heard[WEIR_EVENT_JOURNAL], 0);
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

/* A handler may ask for anything that takes the locks of attaching and releasing. */
static weir *asked;
static void ask_back(void *context, weir_event event, const char *text) {
    struct weir_sink_stats s;
    (void)context, (void)text;
    if (event != WEIR_EVENT_JOURNAL) return;
    assert_int_equal(weir_sink_stats(asked, "a", &s), WEIR_OK);
    heard[event]++;
}

static void no_lock_is_held_while_that_is_told(void **state) {
    opened *o = *state;
    memory *a = fresh(0, WEIR_OK);
    weir_options options = small;
    static const weir_column columns[] = {{"n", WEIR_INTEGER}, {"pad", WEIR_BLOB}};
    options.on_event = ask_back;
    heard[WEIR_EVENT_JOURNAL] = 0;
    opened_open(o, &options);
    asked = o->w;
    assert_int_equal(weir_declare(o->w, "t", columns, 2, &o->table), WEIR_OK);
    append(o, MANY);
    assert_int_equal(weir_sync(o->w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
    await_segments(o, 2);
    attach(o, a, "a");
    assert_int_equal(heard[WEIR_EVENT_JOURNAL], 1);
    wait_all(o, "a");
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
        OPENED_TEST(it_goes_on_from_the_archive),
        OPENED_TEST(it_comes_back_in_another_opening),
        OPENED_TEST(packed_segments_are_read_too),
        OPENED_TEST(segments_move_under_it),
        OPENED_TEST(catching_up_is_no_lag),
        OPENED_TEST(what_is_gone_is_said),
        OPENED_TEST(a_new_sink_begins_in_the_archive),
        OPENED_TEST(one_that_begins_late_is_told),
        OPENED_TEST(no_lock_is_held_while_that_is_told),
        OPENED_TEST(its_limits_wait_for_a_detached_sink),
        OPENED_TEST(a_forgotten_sink_holds_nothing),
        OPENED_TEST(one_that_cannot_be_read_is_forgotten_too),
        OPENED_TEST(a_close_leaves_nothing_unvouched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
