/* test_applier.c - when the writer applies, waits, hardens and tells; with a real journal, a
 * scripted database and a clock that the test moves. The test is the writer's thread. */
/* Covers: writer/apply/applier_report.c, writer/apply/applier_state.h, writer/apply/applier_step.c */
#include "support.h"

#include <dirent.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/handle/core.h"
#include "lib/journal/history.h"
#include "lib/journal/sinks.h"
#include "writer/apply/applier.h"

#define MS ((uint64_t)1000000)
#define FOR_EVER UINT64_MAX

static weir_os os;
static _Atomic uint64_t ahead; /* of the real clock */

static uint64_t moved_now(void *self) {
    const weir_os *real = weir_os_posix();
    (void)self;
    return real->now(real->self) + ahead;
}

static struct {
    weir_position position, next;
    int begin_status, harden_status;
    uint64_t rows, committed, commits, checkpointed, safe_short, closed, wal_bytes;
    unsigned unanswered;     /* so many of the next commits are done, and nobody hears of it */
    bool undone, away_after; /* they are not done; and then the server is away */
    /* Deleting old rows: how many transactions are due, and then a look every second. */
    uint64_t sweeps, swept, looked;
    int retain_status;
    const char *trouble;
} sink_state;

static int sink_begin(void *self, const uint8_t journal[16], weir_position *at, weir_error *error) {
    (void)self;
    if (sink_state.begin_status != WEIR_OK)
        return weir_fail(error, sink_state.begin_status, "scripted");
    *at = sink_state.position;
    memcpy(at->journal, journal, 16);
    return WEIR_OK;
}

static int sink_declare(void *self, const weir_declaration *d, weir_declare_when when,
                        weir_error *error) {
    (void)self, (void)d, (void)when, (void)error;
    return WEIR_OK;
}

static int sink_apply(void *self, const weir_block_header *header, weir_cursor body,
                      weir_row_range range, weir_error *error) {
    (void)self, (void)header, (void)body, (void)error;
    sink_state.rows += range.last + 1 - range.first;
    return WEIR_OK;
}

static int sink_commit(void *self, const weir_position *to, weir_sink_counts *counts,
                       weir_error *error) {
    (void)self;
    if (sink_state.unanswered && sink_state.away_after) sink_state.begin_status = WEIR_IO;
    if (!sink_state.unanswered || !sink_state.undone) sink_state.position = *to;
    sink_state.commits++;
    counts->rows = sink_state.rows - sink_state.committed;
    counts->wal_bytes = sink_state.wal_bytes;
    sink_state.committed = sink_state.rows;
    if (!sink_state.unanswered) return WEIR_OK;
    sink_state.unanswered--;
    return weir_fail(error, WEIR_SINK_UNKNOWN, "scripted");
}

static void sink_rollback(void *self) { (void)self; }

static int sink_checkpoint(void *self, uint64_t applied, uint64_t *safe, weir_error *error) {
    (void)self;
    sink_state.checkpointed++;
    *safe = applied - sink_state.safe_short;
    return sink_state.harden_status == WEIR_OK
               ? WEIR_OK
               : weir_fail(error, sink_state.harden_status, "scripted");
}

static void sink_close(void *self) {
    (void)self;
    sink_state.closed++;
}

static int sink_retain(void *self, weir_sink_retained *out, weir_error *error) {
    (void)self;
    *out = (weir_sink_retained){.pause_ns = 1000 * MS, .trouble = sink_state.trouble};
    out->suspended = sink_state.trouble;
    sink_state.trouble = NULL;
    sink_state.looked++;
    if (sink_state.retain_status != WEIR_OK)
        return weir_fail(error, sink_state.retain_status, "scripted");
    if (!sink_state.sweeps) return WEIR_OK;
    sink_state.swept++;
    if (--sink_state.sweeps) out->pause_ns = 0;
    out->rows = 100;
    out->wal_bytes = sink_state.wal_bytes;
    return WEIR_OK;
}

static weir_batch_limit batch;

static weir_batch_limit sink_batch_limit(void *self) {
    (void)self;
    return batch;
}

static const weir_sink sink = {.begin = sink_begin,
                               .declare = sink_declare,
                               .apply = sink_apply,
                               .commit = sink_commit,
                               .rollback = sink_rollback,
                               .checkpoint = sink_checkpoint,
                               .close = sink_close,
                               .retain = sink_retain};

/* ---- */

static const char *directory;
static weir *handle;
static weir_applier *applier;
static weir_wakeup wakeup;
static weir_table *table;
static bool sink_retains, sink_is_remote, archives;
static uint32_t linger_ms; /* 0: the usual */
static int events[16];
static size_t event_count;

static void note_event(void *context, weir_event event, const char *text) {
    (void)context, (void)text;
    if (event_count < 16) events[event_count++] = (int)event;
}

static void open_both(void) {
    weir_error error;
    bool known = sink_state.position.block > 0;
    char path[300];
    (void)snprintf(path, sizeof path, "%s/j", directory);
    weir_handle_config config = {.options = {.on_event = note_event,
                                             .segment_bytes = 1 << 20,
                                             .linger_ms = linger_ms,
                                             .archive = archives},
                                 .directory = path,
                                 .os = &os,
                                 .positions = &sink_state.position,
                                 .position_count = known,
                                 .database_has_positions = known};
    weir_options_fill(&config.options);
    assert_int_equal(weir_handle_open(&config, &handle, &error), WEIR_OK);
    weir_sink s = sink;
    if (!sink_retains) s.retain = NULL;
    s.remote = sink_is_remote;
    if (sink_is_remote) s.batch_limit = sink_batch_limit;
    assert_int_equal(
        weir_applier_make(weir_handle_primary(handle), "test.db", &s, &wakeup, &applier, &error),
        WEIR_OK);
}

static _Atomic bool deletes;

/* The oldest file of the archive goes just before a record gets its name, as by another process. */
static int rename_once_deleted(void *self, int from_dirfd, const char *from, int to_dirfd,
                               const char *to) {
    struct dirent **list;
    char path[600];
    const weir_os *real = weir_os_posix();
    (void)self;
    if (atomic_load(&deletes) && strstr(to, "sinks/") && atomic_exchange(&deletes, false)) {
        (void)snprintf(path, sizeof path, "%s/j/archive", directory);
        int count = scandir(path, &list, NULL, alphasort);
        assert_true(count > 3); /* "." and ".." are the first */
        (void)snprintf(path, sizeof path, "%s/j/archive/%.100s", directory, list[2]->d_name);
        assert_int_equal(unlink(path), 0);
        while (count--)
            free(list[count]);
        free(list);
    }
    return real->rename(real->self, from_dirfd, from, to_dirfd, to);
}

static int set_up(void **state) {
    static const weir_column column = {"n", WEIR_INTEGER};
    memset(&sink_state, 0, sizeof sink_state);
    event_count = 0;
    ahead = 0;
    sink_retains = *state != NULL;
    os = *weir_os_posix();
    os.now = moved_now;
    os.rename = rename_once_deleted;
    directory = weir_temp_make();
    open_both();
    assert_int_equal(weir_declare(handle, "t", &column, 1, &table), WEIR_OK);
    return 0;
}

static int stop(uint64_t within_ns) {
    weir_applier *gone = applier;
    applier = NULL;
    return weir_applier_stop(gone, moved_now(NULL) + within_ns);
}

static int tear_down(void **state) {
    (void)state;
    if (applier) (void)weir_applier_stop(applier, 0);
    applier = NULL;
    assert_int_equal(sink_state.closed, 1);
    assert_true(weir_close(handle) >= 0);
    weir_temp_remove(directory);
    return 0;
}

static void append(int rows) {
    for (int i = 0; i < rows; i++)
        assert_int_equal(weir_append(table, weir_int(i)), WEIR_OK);
    assert_int_equal(weir_sync(handle, WEIR_DURABLE, 10000), WEIR_OK);
}

/* Step until there is something to wait for. */
static uint64_t settle(void) {
    uint64_t pause;
    while ((pause = weir_applier_step(applier)) == 0) {
    }
    return pause;
}

/* Let the longest wait pass, until there is nothing to do or the time is over. */
static void let_pass(uint64_t ns) {
    for (uint64_t pause; ns > 0 && (pause = settle()) != FOR_EVER;) {
        pause = pause < ns ? pause : ns;
        ahead += pause;
        ns -= pause;
    }
    (void)settle();
}

static bool heard(int event) {
    for (size_t i = 0; i < event_count; i++)
        if (events[i] == event) return true;
    return false;
}

static void rows_linger_then_go_together(void **state) {
    (void)state;
    append(10);
    uint64_t pause = settle();
    assert_true(pause <= 50 * MS);
    assert_int_equal(sink_state.commits, 0);
    append(10);
    ahead += 50 * MS;
    (void)settle();
    assert_int_equal(sink_state.commits, 1);
    assert_int_equal(sink_state.rows, 20);
    assert_int_equal(weir_sync(handle, WEIR_APPLIED, 0), WEIR_OK);
}

static _Atomic int notifications; /* the journal thread counts them */

static void count_nudge(void *self, weir_wake where) {
    (void)self, (void)where;
    notifications++;
}

static void no_finish(void *self, uint64_t deadline) { (void)self, (void)deadline; }
static int no_stop(void *self, uint64_t deadline) {
    (void)self, (void)deadline;
    return WEIR_OK;
}

/* Who lingers need not be told of what does not change that. */
static void lingering_is_disturbed_only_by_what_ends_it(void **state) {
    (void)state;
    static const weir_hooks hooks = {NULL, NULL, count_nudge, no_finish, no_stop, NULL};
    weir_handle_attach(weir_handle_primary(handle), &hooks);
    notifications = 0;
    append(10);
    int before = notifications;
    assert_true(before >= 1);
    assert_true(settle() <= 50 * MS);
    append(10);
    assert_int_equal(notifications, before);
    append(70000); /* so many are due at once */
    assert_true(notifications > before);
    let_pass(60 * MS);
    assert_int_equal(sink_state.rows, 70020);
    before = notifications;
    append(10); /* it lingers no more */
    assert_true(notifications > before);
}

static void the_thread_is_kept_off_for_one_wake(void **state) {
    (void)state;
    enum { LOOKS = 20000 };
    static const struct timespec pause = {0, 1000000};
    assert_int_equal(weir_applier_start(applier, NULL), WEIR_OK);
    for (int i = 0; i < LOOKS && !atomic_load(&wakeup.asleep); i++)
        (void)nanosleep(&pause, NULL);
    pid_t thread = (pid_t)atomic_load(&wakeup.affinity.thread);
    cpu_set_t before, after;
    assert_int_equal(sched_getaffinity(thread, sizeof before, &before), 0);
    weir_wakeup_notify(&wakeup, &os, WEIR_WAKE_ASIDE);
    for (int i = 0; i < LOOKS && atomic_load(&wakeup.affinity.state); i++)
        (void)nanosleep(&pause, NULL);
    assert_int_equal(sched_getaffinity(thread, sizeof after, &after), 0);
    assert_true(CPU_EQUAL(&before, &after));
    assert_int_equal(stop(5000 * MS), WEIR_OK);
    assert_int_equal(atomic_load(&wakeup.affinity.thread), 0);
}

static void many_rows_do_not_linger(void **state) {
    (void)state;
    append(70000);
    (void)settle();
    assert_true(sink_state.commits >= 1);
}

static void quiet_hardens_once_and_sleeps(void **state) {
    (void)state;
    append(10);
    let_pass(60 * MS);
    assert_int_equal(sink_state.checkpointed, 0);
    let_pass(2000 * MS);
    assert_int_equal(sink_state.checkpointed, 1);
    assert_true(settle() == FOR_EVER);
}

static void a_large_wal_hardens_at_once(void **state) {
    (void)state;
    sink_state.wal_bytes = 20 << 20;
    append(10);
    let_pass(60 * MS);
    assert_int_equal(sink_state.checkpointed, 1);
}

static void a_reader_in_the_way_is_asked_ever_more_seldom(void **state) {
    (void)state;
    append(10);
    sink_state.safe_short = 1;
    let_pass(600000 * MS);
    assert_true(sink_state.checkpointed >= 5 && sink_state.checkpointed <= 20);
    sink_state.safe_short = 0;
    let_pass(70000 * MS);
    assert_true(settle() == FOR_EVER);
}

/* Noise, so that it does not compress. */
static void append_segments(uint64_t segments) {
    static uint8_t noise[16384];
    weir_rng rng = {11};
    weir_journal_state s;
    do {
        for (int i = 0; i < 16; i++) {
            weir_rng_fill(&rng, noise, sizeof noise);
            assert_int_equal(weir_append(table, weir_blob(noise, sizeof noise)), WEIR_OK);
        }
        assert_int_equal(weir_sync(handle, WEIR_DURABLE, 10000), WEIR_OK);
        weir_journal_get_state(weir_handle_journal(handle), &s);
    } while (s.segments < segments);
}

/* The database may have applied more than it has made safe: then the journal keeps the rest. */
static void what_is_not_safe_stays_in_the_journal(void **state) {
    (void)state;
    weir_journal_state s;
    append_segments(4);
    let_pass(60 * MS);
    sink_state.safe_short = sink_state.position.block - 1;
    let_pass(2000 * MS);
    assert_true(sink_state.checkpointed > 0);
    weir_journal_get_state(weir_handle_journal(handle), &s);
    assert_int_equal(s.first_block, 1);
    sink_state.safe_short = 0;
    let_pass(70000 * MS);
    weir_journal_get_state(weir_handle_journal(handle), &s);
    assert_int_equal(s.segments, 1);
}

static void a_lock_is_waited_for_and_told_when_it_lasts(void **state) {
    (void)state;
    struct weir_stats stats;
    sink_state.begin_status = WEIR_BUSY;
    append(10);
    let_pass(300 * MS);
    assert_false(heard(WEIR_EVENT_APPLY_WAITS));
    let_pass(2000 * MS);
    assert_true(heard(WEIR_EVENT_APPLY_WAITS));
    assert_int_equal(weir_stats(handle, &stats), WEIR_OK);
    assert_int_equal(stats.apply_status, WEIR_BUSY);
    sink_state.begin_status = WEIR_OK;
    let_pass(100 * MS);
    assert_int_equal(sink_state.rows, 10);
    assert_true(heard(WEIR_EVENT_APPLY_RESUMED));
    assert_int_equal(weir_stats(handle, &stats), WEIR_OK);
    assert_int_equal(stats.apply_status, WEIR_OK);
}

static void what_must_be_mended_answers_those_who_wait(void **state) {
    (void)state;
    sink_state.begin_status = WEIR_SCHEMA;
    append(10);
    let_pass(60 * MS);
    assert_true(heard(WEIR_EVENT_APPLY_STOPPED));
    assert_int_equal(weir_sync(handle, WEIR_APPLIED, 1000), WEIR_SCHEMA);
    size_t before = event_count;
    let_pass(60000 * MS);
    assert_int_equal(event_count, before); /* told once */
    sink_state.begin_status = WEIR_OK;     /* mended */
    let_pass(6000 * MS);
    assert_int_equal(sink_state.rows, 10);
    assert_true(heard(WEIR_EVENT_APPLY_RESUMED));
}

/* As when somebody mends the schema, and the writer meets their lock. */
static void a_lock_after_trouble_hides_no_end_of_it(void **state) {
    (void)state;
    struct weir_stats stats;
    sink_state.begin_status = WEIR_SCHEMA;
    append(10);
    let_pass(60 * MS);
    assert_true(heard(WEIR_EVENT_APPLY_STOPPED));
    sink_state.begin_status = WEIR_BUSY;
    let_pass(300 * MS);
    sink_state.begin_status = WEIR_OK;
    let_pass(100 * MS);
    assert_int_equal(sink_state.rows, 10);
    assert_true(heard(WEIR_EVENT_APPLY_RESUMED));
    assert_int_equal(weir_stats(handle, &stats), WEIR_OK);
    assert_int_equal(stats.apply_status, WEIR_OK);
}

static void what_is_mended_soon_is_applied_soon(void **state) {
    (void)state;
    sink_state.begin_status = WEIR_SCHEMA;
    append(10);
    let_pass(300 * MS);
    assert_true(heard(WEIR_EVENT_APPLY_STOPPED));
    sink_state.begin_status = WEIR_OK;
    let_pass(1000 * MS);
    assert_int_equal(sink_state.rows, 10);
}

/* It has lost the files in which the last transaction stood. */
static void a_database_opened_again_gets_its_rows_again(void **state) {
    (void)state;
    append(10);
    let_pass(60 * MS);
    weir_position before = sink_state.position;
    assert_int_equal(sink_state.rows, 10);
    let_pass(2000 * MS);
    append(10);
    let_pass(60 * MS);
    assert_int_equal(sink_state.rows, 20);
    sink_state.position = before;
    sink_state.harden_status = WEIR_SINK_REOPENED;
    let_pass(1100 * MS);
    sink_state.harden_status = WEIR_OK;
    let_pass(3000 * MS);
    assert_int_equal(sink_state.rows, 30);
    assert_true(settle() == FOR_EVER);
}

static void a_database_opened_again_at_the_end_leaves_its_rows(void **state) {
    (void)state;
    append(10);
    let_pass(60 * MS);
    sink_state.harden_status = WEIR_SINK_REOPENED;
    assert_int_equal(weir_applier_start(applier, NULL), WEIR_OK);
    assert_int_equal(stop(50 * MS), WEIR_PENDING);
}

/* While nothing is appended, no row tells that it is over. */
static void a_hardening_that_fails_is_told_until_one_succeeds(void **state) {
    struct weir_stats stats;
    (void)state;
    append(10);
    let_pass(60 * MS);
    sink_state.harden_status = WEIR_IO;
    let_pass(1500 * MS);
    assert_true(heard(WEIR_EVENT_APPLY_WAITS));
    assert_int_equal(weir_stats(handle, &stats), WEIR_OK);
    assert_int_equal(stats.apply_status, WEIR_IO);
    sink_state.harden_status = WEIR_OK;
    let_pass(5000 * MS);
    assert_true(heard(WEIR_EVENT_APPLY_RESUMED));
    assert_int_equal(weir_stats(handle, &stats), WEIR_OK);
    assert_int_equal(stats.apply_status, WEIR_OK);
    assert_int_equal(event_count, 2);
}

/* Openings leave segments without rows, which go once the position is behind them. While the database
 * is locked it cannot be moved, and a checkpoint would have nothing to copy. */
static void what_is_whole_is_not_hardened_again(void **state) {
    (void)state;
    weir_journal_state s;
    append(10);
    let_pass(2000 * MS);
    sink_state.begin_status = WEIR_BUSY;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(weir_applier_start(applier, NULL), WEIR_OK);
        assert_true(weir_applier_stop(applier, 0) >= 0);
        assert_true(weir_close(handle) >= 0);
        open_both();
    }
    sink_state.begin_status = WEIR_OK;
    let_pass(300 * MS); /* which walks over the blocks, and is not quiet for long */
    sink_state.begin_status = WEIR_BUSY;
    sink_state.checkpointed = 0;
    let_pass(120000 * MS);
    weir_journal_get_state(weir_handle_journal(handle), &s);
    assert_true(s.segments > 1);
    assert_true(sink_state.checkpointed <= 1);
    sink_state.begin_status = WEIR_OK;
    let_pass(120000 * MS);
    weir_journal_get_state(weir_handle_journal(handle), &s);
    assert_int_equal(s.segments, 1);
    sink_state.closed = 0; /* of the others */
}

/* Readers that take turns let the -wal file begin anew when nothing is written for a while. */
static void a_wal_that_never_begins_anew_is_given_a_pause(void **state) {
    (void)state;
    sink_state.wal_bytes = (uint64_t)300 << 20;
    sink_state.safe_short = 1;
    append(10);
    let_pass(60 * MS);
    assert_int_equal(sink_state.rows, 10);
    append(10);
    let_pass(1000 * MS);
    assert_int_equal(sink_state.rows, 10);
    assert_true(sink_state.checkpointed >=
                5); /* once the readers have moved on, all can be copied */
    uint64_t before = sink_state.checkpointed;
    sink_state.safe_short = 0;
    let_pass(1000 * MS);
    assert_int_equal(sink_state.checkpointed, before + 1);
    assert_int_equal(sink_state.rows, 10);
    sink_state.wal_bytes = 1 << 20;
    let_pass(1000 * MS);
    assert_int_equal(sink_state.rows, 20);
    assert_false(heard(WEIR_EVENT_WAL_GROWS));
}

static void a_pause_in_vain_is_told_and_comes_more_seldom(void **state) {
    (void)state;
    struct weir_stats stats;
    sink_state.safe_short = 1;
    for (uint64_t mib = 300; mib < 2000; mib += 100) {
        sink_state.wal_bytes = mib << 20;
        append(10);
        let_pass(60 * MS);
        uint64_t rows = sink_state.rows;
        append(10);
        let_pass(1000 * MS);
        bool paused = sink_state.rows == rows;
        assert_int_equal(paused, mib == 300 || mib == 600 || mib == 1200);
        let_pass(3000 * MS);
        assert_int_equal(sink_state.rows, rows + 10);
        assert_int_equal(weir_stats(handle, &stats), WEIR_OK);
        assert_int_equal(stats.wal_bytes, mib << 20);
    }
    size_t told = 0;
    for (size_t i = 0; i < event_count; i++)
        told += events[i] == WEIR_EVENT_WAL_GROWS;
    assert_int_equal(told, 1);
}

/* ---- old rows -------------------------------------------------------------------------------- */

static void rows_that_wait_and_old_rows_take_turns(void **state) {
    (void)state;
    sink_state.sweeps = 20;
    for (uint64_t i = 1; i <= 10; i++) {
        append(70000); /* due at once */
        uint64_t swept = sink_state.swept, commits = sink_state.commits;
        while (sink_state.commits == commits)
            ahead += weir_applier_step(applier);
        assert_true(sink_state.swept <= swept + 1); /* the rows wait for one at most */
        append(70000);
        swept = sink_state.swept;
        commits = sink_state.commits;
        while (sink_state.swept == swept)
            ahead += weir_applier_step(applier);
        assert_true(sink_state.commits <= commits + 1); /* and the other way round */
    }
    let_pass(5000 * MS);
    assert_int_equal(sink_state.rows, 1400000);
    struct weir_stats stats;
    assert_int_equal(weir_stats(handle, &stats), WEIR_OK);
    assert_int_equal(stats.rows_deleted, 2000);
}

/* Nothing is appended: the writer wakes for them, once a second. */
static void old_rows_go_while_nothing_is_appended(void **state) {
    (void)state;
    let_pass(10000 * MS);
    assert_true(sink_state.looked >= 9 && sink_state.looked <= 13);
    sink_state.sweeps = 1;
    let_pass(900 * MS);
    struct weir_stats stats;
    assert_int_equal(sink_state.swept, 1);
    assert_int_equal(weir_stats(handle, &stats), WEIR_OK);
    assert_int_equal(stats.transactions, 1);
    assert_int_equal(sink_state.checkpointed, 0);
    let_pass(2000 * MS); /* it is quiet: what was deleted is checkpointed, once */
    assert_int_equal(sink_state.checkpointed, 1);
    let_pass(60000 * MS);
    assert_int_equal(sink_state.checkpointed, 1);
}

static void what_deletes_in_vain_holds_up_no_row(void **state) {
    (void)state;
    struct weir_stats stats;
    sink_state.trouble = "told";
    sink_state.retain_status = WEIR_DATABASE;
    append(10);
    let_pass(1000 * MS);
    assert_int_equal(sink_state.rows, 10);
    assert_true(heard(WEIR_EVENT_KEEP_FAILS));
    assert_int_equal(event_count, 1);
    assert_int_equal(weir_stats(handle, &stats), WEIR_OK);
    assert_int_equal(stats.keeps_suspended, 1);
    assert_int_equal(stats.apply_status, WEIR_OK);
}

/* Rows that were applied into files that are lost come again, also when it is seen here. */
static void a_database_opened_again_to_delete_gets_its_rows_again(void **state) {
    (void)state;
    weir_position before = sink_state.position;
    append(10);
    let_pass(60 * MS);
    assert_int_equal(sink_state.rows, 10);
    sink_state.position = before;
    sink_state.retain_status = WEIR_SINK_REOPENED;
    (void)weir_applier_step(applier);
    sink_state.retain_status = WEIR_OK;
    let_pass(100 * MS);
    assert_int_equal(sink_state.rows, 20);
}

static void stopping_applies_and_hardens(void **state) {
    (void)state;
    append(10);
    assert_int_equal(weir_applier_start(applier, NULL), WEIR_OK);
    assert_int_equal(stop(5000 * MS), WEIR_OK);
    assert_int_equal(sink_state.rows, 10);
    assert_int_equal(sink_state.checkpointed, 1);
    assert_int_equal(sink_state.closed, 1);
}

static void stopping_keeps_its_deadline(void **state) {
    (void)state;
    sink_state.begin_status = WEIR_BUSY;
    append(10);
    assert_int_equal(weir_applier_start(applier, NULL), WEIR_OK);
    assert_int_equal(stop(50 * MS), WEIR_PENDING);
    assert_int_equal(sink_state.rows, 0);
}

/* All rows are applied; a table without rows is not made yet. */
static void stopping_leaves_no_row_in_a_locked_database(void **state) {
    static const weir_column column = {"n", WEIR_INTEGER};
    (void)state;
    append(10);
    let_pass(60 * MS);
    sink_state.begin_status = WEIR_BUSY;
    assert_int_equal(weir_declare(handle, "u", &column, 1, &table), WEIR_OK);
    assert_int_equal(weir_sync(handle, WEIR_DURABLE, 10000), WEIR_OK);
    assert_int_equal(weir_applier_start(applier, NULL), WEIR_OK);
    assert_int_equal(stop(50 * MS), WEIR_OK);
}

/* ---- a server that keeps the position ---- */

static int set_up_server(void **state) {
    sink_is_remote = true;
    batch = (weir_batch_limit){65536, UINT64_MAX};
    int status = set_up(state);
    sink_is_remote = false;
    return status;
}

/* Until the journal vouches for the last rows by a block of its own: a server gets no others. Its thread
 * has done so when it rests for good. */
static void await_vouched(void) {
    static const struct timespec pause = {0, 1000000};
    while (atomic_load(&handle->journaler.asleep) != WEIR_ASLEEP_IDLE) {
        ahead += 10 * MS;
        (void)nanosleep(&pause, NULL);
    }
}

static weir_position applied_some(void) {
    append(10);
    await_vouched();
    let_pass(60 * MS);
    return sink_state.position;
}

static struct weir_stats stats_now(void) {
    struct weir_stats stats;
    assert_int_equal(weir_stats(handle, &stats), WEIR_OK);
    return stats;
}

/* Never a second without a transaction. */
static void apply_without_a_rest(void) {
    static const struct timespec pause = {0, 1000000};
    for (int i = 0; i < 40; i++) {
        uint64_t wanted = sink_state.rows + 10;
        for (append(10); sink_state.rows < wanted; (void)nanosleep(&pause, NULL))
            let_pass(5 * MS);
    }
}

/* It has no -wal file that would tell. */
static void a_server_without_a_rest_lets_segments_go(void **state) {
    (void)state;
    apply_without_a_rest();
    assert_in_range(sink_state.checkpointed, 2, 10);
    sink_state.safe_short = 1; /* as where applied rows are kept for a while */
    apply_without_a_rest();
    assert_in_range(sink_state.checkpointed, 3, 14);
}

/* Who was told that a row is applied is told so still, though it has to be applied again. */
static void a_server_goes_back_and_on(void **state) {
    (void)state;
    weir_ticket ticket, last;
    (void)applied_some();
    weir_position before = applied_some();
    assert_int_equal(weir_append_row(table, &(weir_value){.type = WEIR_NULL}, 1, &ticket), WEIR_OK);
    weir_position after = applied_some();
    assert_int_equal(sink_state.rows, 31);
    assert_int_equal(weir_wait(handle, ticket, WEIR_APPLIED, 0), WEIR_OK);
    sink_state.position = before;
    append(9);
    assert_int_equal(weir_append_row(table, &(weir_value){.type = WEIR_NULL}, 1, &last), WEIR_OK);
    assert_int_equal(weir_sync(handle, WEIR_DURABLE, 10000), WEIR_OK);
    await_vouched();
    (void)settle(); /* it lingers */
    ahead += 60 * MS;
    (void)weir_applier_step(applier);
    assert_true(heard(WEIR_EVENT_POSITION_MOVED));
    assert_int_equal(weir_wait(handle, ticket, WEIR_APPLIED, 0), WEIR_OK);
    assert_int_equal(stats_now().last_row_applied, 31);
    event_count = 0;
    sink_state.position = after; /* the right server is back before anything was applied again */
    (void)weir_applier_step(applier);
    assert_true(heard(WEIR_EVENT_POSITION_MOVED));
    assert_int_equal(sink_state.rows, 31);
    let_pass(60 * MS);
    assert_int_equal(sink_state.rows, 41);
    assert_int_equal(weir_wait(handle, last, WEIR_APPLIED, 0), WEIR_OK);
    assert_int_equal(stats_now().last_row_applied, 41);
}

/* Each transaction ends before another begins, so no later one tells what an earlier one did not. */
static void applied_again_one_by_one_nothing_is_taken_back(void **state) {
    (void)state;
    weir_position before = applied_some();
    for (int i = 0; i < 3; i++)
        (void)applied_some();
    sink_state.position = before;
    batch.rows = 10;
    append(10);
    await_vouched();
    (void)settle();
    ahead += 60 * MS;
    for (int i = 0; i < 3; i++) {
        (void)weir_applier_step(applier);
        assert_true(stats_now().last_row_applied >= 40);
    }
    let_pass(60 * MS);
    assert_int_equal(sink_state.rows, 80);
}

/* While nothing is appended: whoever makes it safe has lost the connection. */
static void a_server_goes_back_while_nothing_is_appended(void **state) {
    (void)state;
    weir_position before = applied_some();
    (void)applied_some();
    sink_state.position = before;
    sink_state.harden_status = WEIR_SINK_REOPENED;
    ahead += 1100 * MS;
    (void)weir_applier_step(applier);
    sink_state.harden_status = WEIR_OK;
    let_pass(60 * MS);
    assert_true(heard(WEIR_EVENT_POSITION_MOVED));
    assert_int_equal(sink_state.rows, 30);
    let_pass(2000 * MS);
    assert_true(settle() == FOR_EVER);
}

static void open_again(void) {
    assert_int_equal(stop(5000 * MS), WEIR_OK);
    assert_int_equal(weir_close(handle), WEIR_OK);
    sink_state.closed = 0;
    sink_is_remote = true;
    open_both();
    sink_is_remote = false;
}

/* An opening leaves blocks without rows, over which the position is moved: at that moment it is seen. */
static void a_server_goes_back_before_it_is_settled(void **state) {
    (void)state;
    weir_journal_state s;
    weir_position before = applied_some();
    (void)applied_some();
    open_again();
    await_vouched();
    let_pass(60 * MS);
    weir_journal_get_state(weir_handle_journal(handle), &s);
    assert_int_equal(s.segments, 2);
    assert_true(sink_state.position.block + 1 < s.vouched);
    sink_state.position = before;
    ahead += 1100 * MS;
    (void)weir_applier_step(applier);
    assert_true(heard(WEIR_EVENT_POSITION_MOVED));
    let_pass(60 * MS);
    assert_int_equal(sink_state.rows, 30);
    let_pass(5000 * MS);
    assert_true(settle() == FOR_EVER);
    assert_true(sink_state.position.block >= s.vouched);
    weir_journal_get_state(weir_handle_journal(handle), &s);
    assert_int_equal(s.segments, 1);
}

/* Nor does anybody answer who is asked for the position then, and no row comes that would ask again. */
static void a_server_away_after_it_was_settled_lets_segments_go(void **state) {
    (void)state;
    weir_journal_state s;
    (void)applied_some();
    for (int undone = 0; undone <= 1; undone++) {
        open_again();
        await_vouched();
        let_pass(60 * MS);
        sink_state.unanswered = 1;
        sink_state.undone = undone;
        sink_state.away_after = true;
        ahead += 1100 * MS;
        (void)weir_applier_step(applier);
        assert_int_equal(sink_state.begin_status, WEIR_IO);
        let_pass(10000 * MS);
        sink_state.begin_status = WEIR_OK;
        let_pass(10000 * MS);
        assert_true(settle() == FOR_EVER);
        weir_journal_get_state(weir_handle_journal(handle), &s);
        assert_true(sink_state.position.block >= s.vouched);
        assert_int_equal(s.segments, 1);
        assert_int_equal(stats_now().apply_status, WEIR_OK);
        assert_int_equal(sink_state.rows, 10);
    }
}

/* Should power be lost now, an opening may write what nothing vouches for again, as other blocks. */
static void a_server_gets_what_the_journal_vouches_for(void **state) {
    (void)state;
    weir_journal_state s;
    await_vouched(); /* the declaration */
    let_pass(60 * MS);
    for (int i = 0; i < 20; i++) {
        append(10);
        (void)settle();
        ahead += 60 * MS;
        (void)settle();
        weir_journal_get_state(weir_handle_journal(handle), &s);
        assert_true(sink_state.position.block <= s.vouched);
    }
    await_vouched();
    let_pass(60 * MS);
    assert_int_equal(sink_state.rows, 200);
    assert_int_equal(stop(5000 * MS), WEIR_OK);
}

static void a_commit_without_an_answer_is_counted_once(void **state) {
    (void)state;
    for (int i = 0; i < 6; i++) {
        sink_state.unanswered = i % 3 == 2;
        (void)applied_some();
    }
    assert_int_equal(sink_state.rows, 60);
    struct weir_stats stats = stats_now();
    assert_int_equal(stats.rows_applied, 60);
    assert_int_equal(stats.last_row_applied, 60);
    assert_int_equal(weir_sync(handle, WEIR_APPLIED, 0), WEIR_OK);
    assert_int_equal(event_count, 0);
}

/* What others write does not wait for the transactions of a server's sink. */
static void a_server_that_was_busy_is_left_no_gap(void **state) {
    (void)state;
    append(10);
    await_vouched();
    sink_state.begin_status = WEIR_BUSY;
    let_pass(60 * MS);
    assert_int_equal(sink_state.commits, 0);
    sink_state.begin_status = WEIR_OK;
    while (!sink_state.commits)
        ahead += weir_applier_step(applier);
    assert_true(settle() > 500 * MS);
}

/* Its declaration comes after the last row, and what vouches for it, too. */
static void a_server_that_is_away_at_the_end_lacks_no_row(void **state) {
    static const weir_column column = {"n", WEIR_INTEGER};
    (void)state;
    (void)applied_some();
    assert_int_equal(weir_declare(handle, "u", &column, 1, &table), WEIR_OK);
    assert_int_equal(weir_sync(handle, WEIR_DURABLE, 10000), WEIR_OK);
    await_vouched();
    sink_state.begin_status = WEIR_IO;
    assert_int_equal(stop(50 * MS), WEIR_OK);
}

/* All rows were safe before this opening, which is closed before it has met the server. */
static void a_server_that_is_away_all_the_time_lacks_no_row(void **state) {
    (void)state;
    (void)applied_some();
    open_again();
    await_vouched();
    sink_state.begin_status = WEIR_IO;
    assert_int_equal(weir_sync(handle, WEIR_APPLIED, 0), WEIR_OK);
    assert_int_equal(stop(50 * MS), WEIR_OK);
}

/* Its block is the last of the journal, which has not been quiet for long enough to vouch for it. */
static void a_server_lacks_a_row_that_it_may_not_get(void **state) {
    static const weir_column column = {"n", WEIR_INTEGER};
    (void)state;
    linger_ms = 60000;
    open_again();
    linger_ms = 0;
    atomic_store(&handle->journaler.vouching, false);
    assert_int_equal(weir_declare(handle, "t", &column, 1, &table), WEIR_OK);
    append(1);
    assert_int_equal(stop(50 * MS), WEIR_PENDING);
    assert_int_equal(sink_state.rows, 0);
}

/* ---- a sink that is new ---- */

static int set_up_archive(void **state) {
    archives = true;
    int status = set_up(state);
    archives = false;
    return status;
}

/* What another process deletes from the archive just then. */
static void a_new_sink_begins_with_what_is_left(void **state) {
    (void)state;
    weir_journal *j = weir_handle_journal(handle);
    weir_sink_record stored, record = {.name = "late", .kind = "memory"};
    weir_error error = {0};
    uint64_t block, row, first_row;
    char path[300];
    append_segments(5);
    let_pass(60 * MS);
    let_pass(2000 * MS);
    atomic_store(&deletes, true);
    assert_int_equal(weir_journal_attach_sink(j, &record, &first_row, &error), WEIR_OK);
    assert_false(deletes);
    assert_int_equal(weir_history_oldest(j, 1, &block, &row, &error), WEIR_OK);
    assert_true(row > 1);
    assert_int_equal(first_row, row);
    (void)snprintf(path, sizeof path, "%s/j", directory);
    assert_int_equal(weir_sink_record_read(&os, WEIR_OS_CWD, path, "late", &stored, &error),
                     WEIR_OK);
    assert_int_equal(record.begin, block);
    assert_int_equal(stored.begin, block);
}

int main(void) {
    static bool keeps = true;
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define KEEPS(name) cmocka_unit_test_prestate_setup_teardown(name, set_up, tear_down, &keeps)
#define SERVER(name) cmocka_unit_test_setup_teardown(name, set_up_server, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(rows_linger_then_go_together),
        TEST(lingering_is_disturbed_only_by_what_ends_it),
        TEST(the_thread_is_kept_off_for_one_wake),
        TEST(many_rows_do_not_linger),
        TEST(quiet_hardens_once_and_sleeps),
        TEST(a_large_wal_hardens_at_once),
        TEST(a_reader_in_the_way_is_asked_ever_more_seldom),
        TEST(what_is_not_safe_stays_in_the_journal),
        TEST(a_lock_is_waited_for_and_told_when_it_lasts),
        TEST(what_must_be_mended_answers_those_who_wait),
        TEST(a_lock_after_trouble_hides_no_end_of_it),
        TEST(what_is_mended_soon_is_applied_soon),
        TEST(a_database_opened_again_gets_its_rows_again),
        TEST(a_database_opened_again_at_the_end_leaves_its_rows),
        TEST(a_hardening_that_fails_is_told_until_one_succeeds),
        TEST(what_is_whole_is_not_hardened_again),
        TEST(a_wal_that_never_begins_anew_is_given_a_pause),
        TEST(a_pause_in_vain_is_told_and_comes_more_seldom),
        KEEPS(rows_that_wait_and_old_rows_take_turns),
        KEEPS(old_rows_go_while_nothing_is_appended),
        KEEPS(what_deletes_in_vain_holds_up_no_row),
        KEEPS(a_database_opened_again_to_delete_gets_its_rows_again),
        TEST(stopping_applies_and_hardens),
        TEST(stopping_keeps_its_deadline),
        TEST(stopping_leaves_no_row_in_a_locked_database),
        SERVER(a_server_without_a_rest_lets_segments_go),
        SERVER(a_server_goes_back_and_on),
        SERVER(applied_again_one_by_one_nothing_is_taken_back),
        SERVER(a_server_goes_back_while_nothing_is_appended),
        SERVER(a_server_goes_back_before_it_is_settled),
        SERVER(a_server_away_after_it_was_settled_lets_segments_go),
        SERVER(a_server_gets_what_the_journal_vouches_for),
        SERVER(a_commit_without_an_answer_is_counted_once),
        SERVER(a_server_that_was_busy_is_left_no_gap),
        SERVER(a_server_that_is_away_at_the_end_lacks_no_row),
        SERVER(a_server_that_is_away_all_the_time_lacks_no_row),
        SERVER(a_server_lacks_a_row_that_it_may_not_get),
        cmocka_unit_test_setup_teardown(a_new_sink_begins_with_what_is_left, set_up_archive,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
