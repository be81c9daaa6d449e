/* test_host_archive.c - a sink that lacks rows which have left the journal gets them from its archive:
 * each once and in order, also while segments move there under it; and what is gone for good is said. */
/* Covers: lib/journal/history.c, lib/verify/sink_files.c, lib/journal/sink_write.c, lib/journal/sinks.c */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/journal/sinks.h"
#include "memory_sink.h"

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

static void pack_archive(const opened *o) {
    char command[600];
    (void)snprintf(command, sizeof command, "%s archive pack %s >/dev/null", WEIR_TOOL,
                   o->database);
    assert_int_equal(system(command), 0);
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
    leave_in_archive(o, a);
    pack_archive(o);
    char *one = archived_file(o, false);
    assert_non_null(strstr(one, "/packed-"));
    free(one);
    attach(o, a, "a");
    wait_all(o, "a");
    expect_all(a, 10 + MANY);
}

/* Detached in the middle of what it lacks, again and again, while the program appends. */
static void it_leaves_and_comes_back_again_and_again(void **state) {
    opened *o = *state;
    memory *a = fresh(0, WEIR_OK);
    enum { TIMES = 3 };
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

static void attach_detachable(opened *o, memory *a, uint64_t limit) {
    weir_error error = {0};
    weir_sink_offer offer = offer_of(a, "a");
    offer.lag_limit_bytes = limit;
    offer.at_limit = WEIR_LAG_DETACHES;
    if (weir_private_attach_1(o->w, &offer, &error) != WEIR_OK) fail_msg("%s", error.text);
}

static void let_segments_go(opened *o, int rows) {
    append(o, rows);
    assert_int_equal(weir_sync(o->w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
    await_segments(o, 2);
}

/* What is in the journal when it begins has moved to the archive, and been packed there, before it has
 * read so far; more moves while it reads. */
static void they_move_while_it_reads(void **state) {
    opened *o = *state;
    memory *a = fresh(0, WEIR_OK);
    leave_in_archive(o, a);
    int before = archived(o);
    a->slow = true;
    a->leaves = 30; /* it rests there, with a file open */
    append(o, MANY / 2);
    attach_detachable(o, a, 0);
    let_segments_go(o, MANY / 2);
    assert_true(archived(o) > before + 5 && a->rows < 100);
    pack_archive(o);
    a->leaves = 0;
    let_segments_go(o, MANY / 2);
    append(o, 10);
    a->slow = false;
    wait_all(o, "a");
    expect_all(a, 20 + 2 * MANY + MANY / 2);
}

/* A sink that would be detached for its lag holds nothing in the journal while it reads the archive: or it
 * would be detached again before it has caught up. */
static void catching_up_is_no_lag(void **state) {
    opened *o = *state;
    memory *a = fresh(0, WEIR_OK);
    leave_in_archive(o, a);
    a->begin_status = WEIR_BUSY;
    attach_detachable(o, a, 3 << 20);
    let_segments_go(o, MANY);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        OPENED_TEST(it_goes_on_from_the_archive),
        OPENED_TEST(it_comes_back_in_another_opening),
        OPENED_TEST(packed_segments_are_read_too),
        OPENED_TEST(it_leaves_and_comes_back_again_and_again),
        OPENED_TEST(they_move_while_it_reads),
        OPENED_TEST(catching_up_is_no_lag),
        OPENED_TEST(what_is_gone_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
