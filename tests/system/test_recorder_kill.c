/* test_recorder_kill.c - processes whose threads record are killed at a random moment, and so are
 * their recoveries: what was recorded is there, once, in order, and nothing torn.
 *
 *     test_recorder_kill                the suite
 *     test_recorder_kill ROUNDS SEED    so many kills of each kind, from that seed */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <weir/log.h>
#include <weir/sqlite.h>

#include "support.h"
#include "tool.h"

enum { THREADS = 3, EACH = 4000, SLOT = 512, TIGHT = 64 };

/* Shared with the children. */
typedef struct told {
    _Atomic uint32_t recorded[THREADS]; /* messages whose call has returned */
    _Atomic bool begun;
} told;

static unsigned rounds = 15;
static uint64_t first_seed = 1;
static told *t;
static char directory[128], database[160];
static weir *w;

static void begin(void) {
    (void)snprintf(directory, sizeof directory, "%s", weir_temp_make());
    (void)snprintf(database, sizeof database, "%s/run.db", directory);
    memset(t, 0, sizeof *t);
}

static void open_recording(uint32_t slots, int on_error) {
    const weir_log_options options = {.record_bytes = slots * SLOT, .record_on_error = on_error};
    const weir_options open = {.lane_bytes = 1 << 20};
    if (weir_open_sqlite(database, &open, &w) != WEIR_OK ||
        weir_log_configure(w, &options) != WEIR_OK) {
        fprintf(stderr, "child: %s\n", weir_last_error());
        _exit(3);
    }
}

/* ---- the children ---- */

static uint32_t limit;

static void *record_messages(void *argument) {
    int thread = (int)(intptr_t)argument;
    for (uint32_t i = 0; i < limit; i++) {
        weir_log_debug(w, "%d %u %s", thread, i, "and some text that makes it longer");
        atomic_store(&t->recorded[thread], i + 1);
    }
    return NULL;
}

static void *bring_out_often(void *argument) {
    struct timespec pause = {0, 200000};
    for (;;) {
        if (weir_log_flush_recorder(w) != WEIR_OK) _exit(4);
        (void)nanosleep(&pause, NULL);
    }
    return argument;
}

static void run_threads(uint32_t slots, bool flushing) {
    pthread_t threads[THREADS + 1];
    open_recording(slots, 0);
    limit = flushing ? EACH : UINT32_MAX;
    atomic_store(&t->begun, true);
    if (flushing && pthread_create(&threads[THREADS], NULL, bring_out_often, NULL) != 0) _exit(5);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, record_messages, (void *)(intptr_t)i) != 0) _exit(5);
    for (;;)
        (void)pause();
}

static void recover_in_child(void) {
    if (weir_open_sqlite(database, NULL, &w) != WEIR_OK) _exit(3);
    (void)weir_sync(w, WEIR_APPLIED, 60000);
    _exit(weir_close(w) == WEIR_OK ? 0 : 4);
}

static pid_t start(void (*body)(uint32_t, bool), uint32_t slots, bool flushing) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (body) body(slots, flushing);
        recover_in_child();
    }
    return child;
}

static int end_of(pid_t child) {
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

/* A child that was done before is killed as a zombie. */
static void kill_after(pid_t child, uint64_t microseconds) {
    (void)usleep((useconds_t)microseconds);
    assert_int_equal(kill(child, SIGKILL), 0);
    int status = end_of(child);
    assert_true(WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
}

/* ---- what must be so ---- */

static int64_t ask(const char *sql) { return weir_sql_int(database, sql); }

#define THREAD "CAST(message AS INTEGER)"
#define NUMBER "CAST(substr(message, 3) AS INTEGER)"

static void recover(weir_rng *rng) {
    while (weir_rng_below(rng, 3) == 0) /* recovery from a killed recovery */
        kill_after(start(NULL, 0, false), weir_rng_below(rng, 20000));
    assert_int_equal(end_of(start(NULL, 0, false)), 0);
}

static void one_kill(uint64_t seed, uint32_t slots, bool flushing, uint64_t most_us) {
    weir_rng rng = {seed};
    begin();
    pid_t child = start(run_threads, slots, flushing);
    while (!atomic_load(&t->begun))
        (void)usleep(200);
    kill_after(child, weir_rng_below(&rng, most_us));
    recover(&rng);
    if (ask("SELECT count(*) FROM sqlite_schema WHERE name = 'log'") == 0) {
        for (int i = 0; i < THREADS; i++)
            assert_int_equal(atomic_load(&t->recorded[i]), 0);
        return;
    }
    assert_int_equal(ask("SELECT count(*) - count(DISTINCT message) FROM log"), 0);
    assert_int_equal(ask("SELECT count(*) FROM log WHERE message NOT GLOB "
                         "'[0-2] * and some text that makes it longer' OR level <> 'DEBUG'"),
                     0);
    /* In each thread's order. */
    assert_int_equal(ask("SELECT count(*) FROM (SELECT " NUMBER " - lag(" NUMBER ") OVER "
                         "(PARTITION BY " THREAD " ORDER BY rowid) AS step FROM log) "
                         "WHERE step < 1"),
                     0);
}

static void nothing_recorded_is_lost_or_doubled(void **state) {
    (void)state;
    for (unsigned round = 0; round < rounds; round++) {
        one_kill(first_seed + round, 2 * THREADS * EACH, true, round % 4 ? 6000 : 400);
        for (int i = 0; i < THREADS; i++) {
            char sql[120];
            int64_t told_of = atomic_load(&t->recorded[i]);
            if (told_of == 0) continue;
            (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM log WHERE " THREAD " = %d", i);
            int64_t there = ask(sql);
            if (there < told_of || there > told_of + 1)
                fail_msg("seed %llu: thread %d was told of %lld, %lld are there",
                         (unsigned long long)(first_seed + round), i, (long long)told_of,
                         (long long)there);
        }
        weir_temp_remove(directory);
    }
}

/* Without anybody who brings out, and lapped many times: the last ones, but for what the killed
 * threads had begun to overwrite. */
static void the_last_messages_outlive_the_process(void **state) {
    (void)state;
    for (unsigned round = 0; round < rounds; round++) {
        one_kill(first_seed + round, TIGHT, false, 10000);
        uint64_t all = 0;
        int64_t newest = 0;
        for (int i = 0; i < THREADS; i++)
            all += atomic_load(&t->recorded[i]);
        if (all > 0) {
            int64_t rows = ask("SELECT count(*) FROM log");
            assert_in_range(rows, all < TIGHT ? all : TIGHT - 2 * THREADS, TIGHT);
            for (int i = 0; i < THREADS; i++) {
                char sql[160];
                (void)snprintf(
                    sql, sizeof sql,
                    "SELECT coalesce(max(" NUMBER "), -1) + 1 FROM log WHERE " THREAD " = %d", i);
                int64_t last = ask(sql), told_of = atomic_load(&t->recorded[i]);
                assert_true(last == 0 || (last >= told_of && last <= told_of + 1));
                newest += last > 0;
            }
            assert_true(newest > 0);
        }
        weir_temp_remove(directory);
    }
}

/* ---- other ends ---- */

static void record_and_abort(uint32_t slots, bool flushing) {
    (void)flushing;
    (void)signal(SIGABRT, SIG_DFL);
    open_recording(slots, 0);
    for (int i = 0; i < 10; i++)
        weir_log_debug(w, "%d", i);
    weir_log_info(w, "10");
    abort();
}

static void record_and_fail(uint32_t slots, bool flushing) {
    (void)flushing;
    open_recording(slots, 1);
    for (int i = 0; i < 10; i++)
        weir_log_debug(w, "%d", i);
    weir_log_error(w, "10");
    weir_log_debug(w, "11");
    _exit(0);
}

static void an_abort_leaves_the_record(void **state) {
    (void)state;
    begin();
    assert_true(WIFSIGNALED(end_of(start(record_and_abort, 64, false))));
    assert_int_equal(end_of(start(NULL, 0, false)), 0);
    assert_int_equal(ask("SELECT count(*) FROM log"), 11);
    assert_int_equal(ask("SELECT count(*) FROM log WHERE level = 'DEBUG' AND rowid > 1"), 10);
    assert_int_equal(end_of(start(NULL, 0, false)), 0);
    assert_int_equal(ask("SELECT count(*) FROM log"), 11);
    weir_temp_remove(directory);
}

static void an_error_before_the_end_brings_out_once(void **state) {
    (void)state;
    begin();
    assert_int_equal(end_of(start(record_and_fail, 64, false)), 0);
    assert_int_equal(end_of(start(NULL, 0, false)), 0);
    assert_int_equal(ask("SELECT count(*) FROM log WHERE rowid = CAST(message AS INTEGER) + 1"),
                     12);
    weir_temp_remove(directory);
}

static char event_text[700];
static void keep_event(void *context, weir_event event, const char *text) {
    (void)context;
    if (event == WEIR_EVENT_RECOVERED) (void)snprintf(event_text, sizeof event_text, "%s", text);
}

/* One message of the record is hurt: it is counted, and the others come. */
static void what_cannot_be_read_is_counted(void **state) {
    (void)state;
    begin();
    assert_true(WIFSIGNALED(end_of(start(record_and_abort, 64, false))));
    char path[200];
    (void)snprintf(path, sizeof path, "%s-weir/recorder", database);
    size_t bytes;
    uint8_t *file = weir_file_read(path, &bytes);
    file[4096 + 5 * SLOT + 40] ^= 1;
    weir_file_write(path, file, bytes);
    free(file);
    const weir_options options = {.on_event = keep_event};
    assert_int_equal(weir_open_sqlite(database, &options, &w), WEIR_OK);
    assert_int_equal(weir_sync(w, WEIR_APPLIED, 60000), WEIR_OK);
    assert_int_equal(weir_close(w), WEIR_OK);
    assert_int_equal(ask("SELECT count(*) FROM log"), 10);
    assert_non_null(strstr(event_text, "9 of them were in the flight recorder; 1 messages"));
    weir_temp_remove(directory);
}

/* A record beside another ring than its own says nothing. */
static void a_record_of_another_ring_is_void(void **state) {
    (void)state;
    char path[200], kept[200];
    begin();
    (void)snprintf(path, sizeof path, "%s-weir/recorder", database);
    (void)snprintf(kept, sizeof kept, "%s/kept", directory);
    assert_true(WIFSIGNALED(end_of(start(record_and_abort, 64, false))));
    weir_file_copy_tree(path, kept);
    assert_int_equal(end_of(start(NULL, 0, false)), 0);
    weir_file_copy_tree(kept, path);
    assert_int_equal(end_of(start(NULL, 0, false)), 0); /* beside none */
    weir_sql_run(database, "SELECT 1");
    assert_true(WIFSIGNALED(end_of(start(record_and_abort, 64, false))));
    weir_file_copy_tree(kept, path); /* beside a younger one, in place of its own */
    assert_int_equal(end_of(start(NULL, 0, false)), 0);
    assert_int_equal(ask("SELECT count(*) FROM log"), 11 + 1);
    weir_temp_remove(directory);
}

/* ---- the tool ---- */

static void the_tool_says_and_takes_what_is_recorded(void **state) {
    (void)state;
    fixture f = {.binary = WEIR_RECOVER};
    begin();
    (void)snprintf(f.directory, sizeof f.directory, "%s", directory);
    (void)snprintf(f.database, sizeof f.database, "%s", database);
    (void)snprintf(f.journal, sizeof f.journal, "%s-weir", database);
    (void)snprintf(f.other, sizeof f.other, "%s/other.db", directory);
    assert_true(WIFSIGNALED(end_of(start(record_and_abort, 64, false))));
    uint64_t before = tree_hash(f.journal);
    run(&f, "status", f.database, NULL);
    expect_text(f.out, "10 messages in its flight recorder");
    run(&f, "status", "--json", f.database, NULL);
    expect_text(f.out, "\"recorded\":10");
    /* In two steps, the second of which begins within the record. */
    run(&f, "replay", "--into", f.other, "--to", "5", f.journal, NULL), expect(&f, RECOVERED);
    assert_int_equal(weir_sql_int(f.other, "SELECT count(*) FROM log"), 5);
    run(&f, "replay", "--into", f.other, f.journal, NULL), expect(&f, RECOVERED);
    run(&f, "replay", "--into", f.other, f.journal, NULL), expect(&f, CLEAN);
    assert_true(tree_hash(f.journal) == before);
    run(&f, f.database, NULL), expect(&f, RECOVERED);
    expect_text(f.out, "11 rows recovered");
    expect_text(f.err, "10 of them were in the flight recorder");
    run(&f, f.database, NULL), expect(&f, CLEAN);
    assert_int_equal(ask("SELECT count(*) FROM log"), 11);
    assert_int_equal(weir_sql_int(f.other, "SELECT count(DISTINCT message) FROM log"), 11);
    /* The rows have the same order and so the same numbers in both. */
    char sql[600];
    (void)snprintf(sql, sizeof sql,
                   "ATTACH '%s' AS other; CREATE TABLE same AS SELECT count(*) AS n FROM log JOIN "
                   "other.log AS o ON o.rowid = log.rowid AND o.message = log.message AND "
                   "o.time_ns = log.time_ns",
                   f.other);
    weir_sql_run(database, sql);
    assert_int_equal(ask("SELECT n FROM same"), 11);
    free(f.out);
    free(f.err);
    weir_temp_remove(directory);
}

int main(int argc, char **argv) {
    if (argc > 1) rounds = (unsigned)strtoul(argv[1], NULL, 10);
    if (argc > 2) first_seed = strtoull(argv[2], NULL, 10);
    t = mmap(NULL, sizeof *t, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (t == MAP_FAILED) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_recorded_is_lost_or_doubled),
        cmocka_unit_test(the_last_messages_outlive_the_process),
        cmocka_unit_test(an_abort_leaves_the_record),
        cmocka_unit_test(an_error_before_the_end_brings_out_once),
        cmocka_unit_test(what_cannot_be_read_is_counted),
        cmocka_unit_test(a_record_of_another_ring_is_void),
        cmocka_unit_test(the_tool_says_and_takes_what_is_recorded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
