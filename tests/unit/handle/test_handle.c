/* test_handle.c - opening: what the ring of a former process gives, once; and in which order opening
 * and closing reach the disk. */
/* Covers: lib/handle/open.c, lib/handle/close.c, lib/handle/dead_ring.c */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <weir/sqlite.h>

#include "lib/handle/handle.h"
#include "opened.h"
#include "recording_os.h"

typedef struct fixture {
    opened at;
    char ring[320], copy[320]; /* of the journal, and one put aside */
} fixture;

static int setup(void **state) {
    if (opened_make(state, sizeof(fixture)) != 0) return -1;
    fixture *f = *state;
    (void)snprintf(f->ring, sizeof f->ring, "%s/ring", f->at.journal);
    (void)snprintf(f->copy, sizeof f->copy, "%s/ring.copy", f->at.directory);
    return 0;
}

typedef enum ending { CRASH, CRASH_DURABLE, CLOSE } ending;

/* A process that appends rows first … first + count - 1 and ends in the given way. copy: keep the
 * ring file as it was just before. */
static void run(const fixture *f, int first, int count, ending how, const char *copy) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        weir *w;
        weir_table *t;
        static const weir_column column = {"n", WEIR_INTEGER};
        weir_options o = {.lane_bytes = 65536, .segment_bytes = 1 << 20, .linger_ms = 60000};
        int status = weir_open_sqlite(f->at.database, &o, &w);
        if (status == WEIR_OK) status = weir_declare(w, "t", &column, 1, &t);
        for (int i = 0; status == WEIR_OK && i < count; i++)
            status = weir_append(t, weir_int(first + i));
        if (status == WEIR_OK && how == CRASH_DURABLE) status = weir_sync(w, WEIR_DURABLE, 10000);
        if (copy) weir_file_copy_tree(f->ring, copy);
        if (status == WEIR_OK && how == CLOSE) status = weir_close(w);
        _exit(status == WEIR_OK ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* Open, apply everything, close. Where no writer was, the database is still to be made. */
static void recover(const fixture *f) {
    weir *w;
    if (access(f->at.database, F_OK) != 0) weir_file_write(f->at.database, "", 0);
    if (weir_open_sqlite(f->at.database, NULL, &w) != WEIR_OK) fail_msg("%s", weir_last_error());
    assert_int_equal(weir_sync(w, WEIR_APPLIED, 10000), WEIR_OK);
    assert_int_equal(weir_close(w), WEIR_OK);
}

/* Rows 1 … count, once each, in their order. */
static void check(const fixture *f, int count) {
    assert_int_equal(weir_sql_int(f->at.database, "SELECT count(*) FROM t"), count);
    assert_int_equal(weir_sql_int(f->at.database, "SELECT count(*) FROM t WHERE n=rowid"), count);
}

static void published_rows_outlive_their_process(void **state) {
    const fixture *f = *state;
    run(f, 1, 100, CRASH, NULL);
    run(f, 101, 100, CRASH, NULL);
    run(f, 201, 100, CLOSE, NULL);
    run(f, 301, 100, CRASH_DURABLE, NULL);
    recover(f);
    check(f, 400);
}

static void a_ring_is_drained_once(void **state) {
    const fixture *f = *state;
    run(f, 1, 100, CRASH, f->copy);
    recover(f);
    weir_file_copy_tree(f->copy, f->ring); /* as if its removal had been lost with the power */
    recover(f);
    check(f, 100);
}

static void an_older_ring_that_comes_back_adds_nothing(void **state) {
    const fixture *f = *state;
    run(f, 1, 100, CRASH_DURABLE, f->copy);
    run(f, 101, 100, CRASH_DURABLE, NULL);
    assert_int_equal(unlink(f->ring), 0);
    weir_file_copy_tree(f->copy, f->ring);
    recover(f);
    check(f, 200);
}

static void a_ring_that_is_gone_takes_only_what_was_not_durable(void **state) {
    const fixture *f = *state;
    run(f, 1, 100, CRASH_DURABLE, NULL);
    assert_int_equal(unlink(f->ring), 0);
    recover(f);
    check(f, 100);
}

static void a_ring_of_another_journal_is_refused(void **state) {
    const fixture *f = *state;
    run(f, 1, 10, CRASH, f->copy);
    char command[600];
    snprintf(command, sizeof command, "rm -r %s*", f->at.database);
    assert_int_equal(system(command), 0);
    run(f, 1, 10, CRASH, NULL);
    assert_int_equal(unlink(f->ring), 0);
    weir_file_copy_tree(f->copy, f->ring);
    weir *w;
    assert_int_equal(weir_open_sqlite(f->at.database, NULL, &w), WEIR_FOREIGN);
    assert_non_null(strstr(weir_last_error(), "ring"));
}

/* ---- in which order ------------------------------------------------------------------------- */

static recording disk;

/* On a disk that keeps a list, and without threads: nobody drains a lane before closing does. */
static weir *open_recorded(const fixture *f) {
    char directory[192];
    weir *w;
    weir_error error = {0};
    recording_make(&disk);
    (void)snprintf(directory, sizeof directory, "%s-weir", f->at.database);
    weir_handle_config config = {.options = {.lane_bytes = 65536, .full = WEIR_FULL_FAIL},
                                 .directory = directory,
                                 .os = &disk.table,
                                 .stepped = true};
    weir_options_fill(&config.options);
    if (weir_handle_open(&config, &w, &error) != WEIR_OK) fail_msg("%s", error.text);
    return w;
}

/* Once the ring is gone, nothing else has its rows: a sync that fails then would lose them. */
static void a_dead_ring_stays_until_its_rows_are_synced(void **state) {
    const fixture *f = *state;
    run(f, 1, 100, CRASH, NULL);
    weir *w = open_recorded(f);
    size_t replaced = recording_find(&disk, 0, RENAMED, "ring");
    size_t unlinked = recording_find(&disk, 0, UNLINKED, "ring");
    size_t gone = replaced < unlinked ? replaced : unlinked;
    assert_true(recording_find(&disk, 0, WROTE, "spare") < gone);
    assert_true(gone < disk.count);
    assert_true(recording_all_synced(&disk, gone, "spare"));
    assert_int_equal(weir_close(w), WEIR_OK);
}

/* A mark that no lane has anything left lets the next opening leave a ring alone: it may say so only
 * of a ring that no power cut can bring back. */
static void a_clean_close_removes_the_ring_before_it_says_so(void **state) {
    const fixture *f = *state;
    weir *w = open_recorded(f);
    disk.count = 0;
    assert_int_equal(weir_close(w), WEIR_OK);
    size_t gone = recording_find(&disk, 0, UNLINKED, "ring");
    size_t for_good = recording_find(&disk, gone, SYNCED_NAMES, "");
    size_t said = recording_find(&disk, gone, WROTE, "spare");
    assert_true(gone < for_good && for_good < said && said < disk.count);
    assert_true(recording_find(&disk, said, SYNCED, "spare") < disk.count);
    for (size_t i = 0; i < gone; i++)
        assert_false(disk.deeds[i].kind == WROTE); /* no rows, and no mark yet */
}

/* What the journal thread would do. */
static void drain(weir *w) {
    weir_journaler *j = weir_handle_journaler(w);
    uint64_t wait_ns;
    atomic_store(&j->waiters, 1);
    while (weir_ring_pending(j->ring))
        if (weir_journaler_step(j, &wait_ns) == WEIR_NEXT_STOPPED) fail_msg("the journal stopped");
    atomic_store(&j->waiters, 0);
}

/* What has come together by a quarter of a lane is worth waking the journal thread for, once in an
 * eighth of the lane at most; an append wakes nobody before. */
static void a_quarter_of_a_lane_rings_the_journal_thread(void **state) {
    enum { LANE = 65536, ROW_LEAST = 24, ROW_MOST = 32 };
    const fixture *f = *state;
    static const weir_column column = {"n", WEIR_INTEGER};
    weir_table *t;
    weir *w = open_recorded(f);
    const weir_journaler *j = weir_handle_journaler(w);
    assert_int_equal(weir_declare(w, "t", &column, 1, &t), WEIR_OK);
    uint32_t quiet = atomic_load(&j->wakeup), rung;
    for (int i = 0; i < LANE / 4 / ROW_MOST - 16; i++)
        assert_int_equal(weir_append(t, weir_int(i)), WEIR_OK);
    assert_int_equal(atomic_load(&j->wakeup), quiet);
    for (int i = 0; i < (LANE / 4 + LANE / 8) / ROW_LEAST; i++)
        assert_int_equal(weir_append(t, weir_int(i)), WEIR_OK);
    rung = atomic_load(&j->wakeup) - quiet;
    assert_true(rung >= 1 && rung <= 3);
    drain(w);
    assert_int_equal(weir_close(w), WEIR_OK);
}

/* One record more would stand over the oldest. */
static void a_lane_takes_what_it_holds_and_no_more(void **state) {
    const fixture *f = *state;
    static const weir_column column = {"n", WEIR_INTEGER};
    weir_table *t;
    weir *w = open_recorded(f);
    int rows = 0, status = weir_declare(w, "t", &column, 1, &t);
    while (status == WEIR_OK && rows < 65536)
        if ((status = weir_append(t, weir_int(rows + 1))) == WEIR_OK) rows++;
    assert_int_equal(status, WEIR_FULL);
    assert_true(rows > 2000);
    drain(w);
    if (weir_close(w) != WEIR_OK) fail_msg("%s", weir_last_error());
    recover(f);
    check(f, rows);
}

static void *append_one(void *t) { return weir_append(t, weir_int(2)) == WEIR_OK ? t : NULL; }

static void sync_waits_for_the_rows_of_every_thread(void **state) {
    const fixture *f = *state;
    static const weir_column column = {"n", WEIR_INTEGER};
    weir_table *t;
    pthread_t other;
    void *appended;
    weir *w = open_recorded(f);
    assert_int_equal(weir_declare(w, "t", &column, 1, &t), WEIR_OK);
    assert_int_equal(weir_append(t, weir_int(1)), WEIR_OK);
    drain(w);
    assert_int_equal(weir_sync(w, WEIR_DURABLE, 0), WEIR_OK);
    assert_int_equal(pthread_create(&other, NULL, append_one, t), 0);
    assert_int_equal(pthread_join(other, &appended), 0);
    assert_ptr_equal(appended, t);
    assert_int_equal(weir_sync(w, WEIR_DURABLE, 0), WEIR_PENDING);
    drain(w);
    assert_int_equal(weir_sync(w, WEIR_DURABLE, 0), WEIR_OK);
    assert_int_equal(weir_close(w), WEIR_OK);
}

/* While closing removes the ring, the writer still releases segments: that the ring is gone must not
 * look to it as if somebody had taken it. */
static weir *closing;
static unsigned releases;
static int unlink_and_release(void *self, int dirfd, const char *path) {
    int done = weir_os_posix()->unlink(self, dirfd, path);
    size_t length = strlen(path);
    if (length < 5 || strcmp(path + length - 5, "/ring") != 0) return done;
    weir_error error = {0};
    weir_journal_state state;
    weir_journal *j = weir_handle_journal(closing);
    assert_int_equal(weir_journal_restart(j, &error),
                     WEIR_OK); /* so that there is one to release */
    weir_journal_get_state(j, &state);
    if (weir_journal_release(j, state.durable.block, &error) != WEIR_OK) fail_msg("%s", error.text);
    releases++;
    return done;
}

static void segments_are_released_while_the_ring_is_removed(void **state) {
    const fixture *f = *state;
    char directory[192];
    weir_error error = {0};
    weir_os os = *weir_os_posix();
    os.unlink = unlink_and_release;
    (void)snprintf(directory, sizeof directory, "%s-weir", f->at.database);
    weir_handle_config config = {
        .options = {.lane_bytes = 65536}, .directory = directory, .os = &os, .stepped = true};
    weir_options_fill(&config.options);
    releases = 0;
    if (weir_handle_open(&config, &closing, &error) != WEIR_OK) fail_msg("%s", error.text);
    assert_int_equal(weir_close(closing), WEIR_OK);
    assert_int_equal(releases, 1);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, opened_tear_down)
    const struct CMUnitTest tests[] = {
        T(published_rows_outlive_their_process),
        T(a_ring_is_drained_once),
        T(an_older_ring_that_comes_back_adds_nothing),
        T(a_ring_that_is_gone_takes_only_what_was_not_durable),
        T(a_ring_of_another_journal_is_refused),
        T(a_dead_ring_stays_until_its_rows_are_synced),
        T(a_clean_close_removes_the_ring_before_it_says_so),
        T(segments_are_released_while_the_ring_is_removed),
        T(a_quarter_of_a_lane_rings_the_journal_thread),
        T(a_lane_takes_what_it_holds_and_no_more),
        T(sync_waits_for_the_rows_of_every_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
