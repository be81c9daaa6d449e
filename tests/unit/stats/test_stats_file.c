/* The file of figures: its buckets, its header, what is stored and what is read. */
/* Covers: lib/stats/histogram.c, lib/stats/stats_file.c, lib/stats/stats_read.c,
 * lib/stats/event_names.c, lib/stats/metrics_text.c, lib/handle/figures.c, lib/handle/metrics.c */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdalign.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <weir/metrics.h>

#include "lib/handle/handle.h"
#include "lib/stats/event_names.h"
#include "lib/stats/metrics_text.h"
#include "opened.h"
#include "support.h"
#include "writer/sqlite/open_sqlite.h"

/* ---- buckets ---------------------------------------------------------------------------- */

static void each_duration_is_in_the_bucket_that_ends_above_it(void **state) {
    (void)state;
    uint64_t random = 7;
    for (int i = 0; i < 100000; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint64_t ns = random >> (random >> 58);
        unsigned bucket = weir_histogram_bucket(ns);
        assert_true(bucket < WEIR_HISTOGRAM_BUCKETS);
        assert_true(ns < weir_histogram_end(bucket) || bucket == WEIR_HISTOGRAM_BUCKETS - 1);
        if (bucket > 0) assert_true(ns >= weir_histogram_end(bucket - 1));
    }
    assert_int_equal(weir_histogram_bucket(0), 0);
    assert_int_equal(weir_histogram_bucket(1024), 0);
    assert_int_equal(weir_histogram_bucket(1280), 1);
    assert_int_equal(weir_histogram_bucket(UINT64_MAX), WEIR_HISTOGRAM_BUCKETS - 1);
}

static void quantiles_are_off_by_a_quarter_at_most(void **state) {
    (void)state;
    uint64_t counts[WEIR_HISTOGRAM_BUCKETS] = {0};
    assert_int_equal(weir_histogram_quantile(counts, 0.5, 100), 0);
    for (uint64_t ns = 1000; ns <= 1000000; ns += 1000)
        counts[weir_histogram_bucket(ns)]++;
    for (int percent = 10; percent <= 100; percent += 10) {
        uint64_t exact = (uint64_t)percent * 10000;
        uint64_t told = weir_histogram_quantile(counts, percent / 100.0, 1000000);
        assert_true(told >= exact && told <= exact + exact / 4 + 1024);
    }
    assert_int_equal(weir_histogram_quantile(counts, 1, 1000000), 1000000);
}

/* ---- bytes ------------------------------------------------------------------------------ */

static const weir_stats_header example = {
    .version = WEIR_STATS_VERSION,
    .journal = {1},
    .ring = {2},
    .boot = {3},
    .process = 77,
    .opened_wall_ns = 1700000000000000000,
    .lane_bytes = 65536,
    .limit_bytes = 1 << 30,
    .lanes_max = 8,
    .sinks = 1,
    .program = "a program whose name is long, 31",
};

static void a_header_comes_back_and_no_changed_byte_passes(void **state) {
    (void)state;
    uint8_t bytes[WEIR_STATS_HEADER];
    weir_stats_header back;
    weir_stats_encode_header(bytes, &example);
    assert_int_equal(weir_stats_decode_header(bytes, &back), WEIR_OK);
    assert_int_equal(back.process, 77);
    assert_int_equal(back.lanes_max, 8);
    assert_int_equal(back.opened_wall_ns, example.opened_wall_ns);
    assert_string_equal(back.program, "a program whose name is long, 31");
    for (size_t i = 0; i < 152; i++) {
        bytes[i] ^= 1;
        assert_int_equal(weir_stats_decode_header(bytes, &back), WEIR_DAMAGED);
        bytes[i] ^= 1;
    }
    weir_stats_header newer = example;
    newer.incompatible = 1;
    weir_stats_encode_header(bytes, &newer);
    assert_int_equal(weir_stats_decode_header(bytes, &back), WEIR_VERSION);
    newer = example;
    newer.sinks = WEIR_STATS_SINKS_MAX + 1;
    weir_stats_encode_header(bytes, &newer);
    assert_int_equal(weir_stats_decode_header(bytes, &back), WEIR_DAMAGED);
}

static void figures_that_are_stored_are_read(void **state) {
    (void)state;
    weir_stats_snapshot s;
    alignas(8) uint8_t map[WEIR_STATS_BYTES] = {0};
    uint64_t events[40] = {[3] = 33, [31] = 1, [32] = 99};
    weir_figures f = {.state = WEIR_STATS_OPEN, .log_failed = 5, .rows_published = 6};
    weir_sink_figures sink = {.rows_applied = 7, .status = 8, .waiting_since = 1000};
    weir_stats_encode_header(map, &example);
    memcpy(map + WEIR_STATS_SINKS, "sqlite", 6);
    weir_stats_store(map, &f, events, 40, &sink);
    weir_stats_count_sync(map, 5000, 3);
    weir_stats_count_commit(map, 9000);
    assert_int_equal(weir_stats_decode(map, sizeof map - 1, &s), WEIR_DAMAGED);
    assert_int_equal(weir_stats_decode(map, sizeof map, &s), WEIR_OK);
    assert_memory_equal(&s.figures, &f, sizeof f);
    assert_memory_equal(&s.sinks[0].figures, &sink, sizeof sink);
    assert_string_equal(s.sinks[0].name, "sqlite");
    assert_int_equal(s.events[3], 33);
    assert_int_equal(s.events[31], 1);
    assert_int_equal(s.syncs[weir_histogram_bucket(5000)], 3);
    assert_int_equal(s.sinks[0].commits[weir_histogram_bucket(9000)], 1);
    assert_int_equal(weir_stats_lag_ns(&sink, 1500), 500);
    assert_int_equal(weir_stats_lag_ns(&sink, 500), 0);
    assert_int_equal(weir_stats_lag_ns(&(weir_sink_figures){0}, 500), 0);
}

/* ---- metrics ---------------------------------------------------------------------------- */

static char metrics[1 << 16];

static int collect(void *context, const char *text, size_t bytes) {
    size_t *used = context;
    if (*used + bytes >= sizeof metrics) return -1;
    memcpy(metrics + *used, text, bytes);
    *used += bytes;
    metrics[*used] = 0;
    return 0;
}

static int refuse(void *context, const char *text, size_t bytes) {
    (void)text, (void)bytes;
    ++*(int *)context;
    return 1;
}

static void each_event_has_its_name(void **state) {
    (void)state;
    assert_string_equal(weir_event_name(WEIR_EVENT_RECOVERED), "RECOVERED");
    assert_string_equal(weir_event_name(WEIR_EVENT_JOURNAL), "JOURNAL");
    for (unsigned i = WEIR_EVENT_RECOVERED; i <= WEIR_EVENT_POSITION_MOVED; i++)
        assert_non_null(weir_event_name(i));
    assert_null(weir_event_name(0));
    assert_null(weir_event_name(WEIR_EVENT_POSITION_MOVED + 1));
}

static void labels_are_escaped(void **state) {
    (void)state;
    size_t used = 0;
    weir_metrics_text text = {.write = collect, .context = &used, .journal = "a\"b\\c\nd"};
    weir_metrics_family(&text, "weir_x", WEIR_METRIC_COUNTER, NULL, "Help.");
    weir_metrics_uint(&text, "weir_x", "_total", "sink", "s", 7);
    assert_string_equal(metrics, "# TYPE weir_x counter\n# HELP weir_x Help.\n"
                                 "weir_x_total{journal=\"a\\\"b\\\\c\\nd\",sink=\"s\"} 7\n");
}

/* ---- of a handle ------------------------------------------------------------------------ */

enum { ROWS = 1000 };

static const weir_column columns[] = {{"n", WEIR_INTEGER}};

static void append_and_apply(opened *o) {
    assert_int_equal(weir_declare(o->w, "t", columns, 1, &o->table), WEIR_OK);
    for (int64_t n = 0; n < ROWS; n++)
        assert_int_equal(weir_append(o->table, n), WEIR_OK);
    assert_int_equal(weir_sync(o->w, WEIR_APPLIED, UINT32_MAX), WEIR_OK);
}

static int read_figures(const opened *o, weir_stats_snapshot *s) {
    weir_error ignored;
    return weir_stats_read(weir_os_posix(), o->journal, s, &ignored);
}

/* Threads store them after their step, so a moment later than weir_sync returns. */
static void await_figures(const opened *o, weir_stats_snapshot *s, uint64_t rows_applied) {
    while (read_figures(o, s) != WEIR_OK || s->sinks[0].figures.rows_applied != rows_applied ||
           s->sinks[0].figures.waiting_since != 0)
        sched_yield();
}

static void others_see_what_the_handle_counts(void **state) {
    opened *o = *state;
    weir_stats_snapshot s;
    struct weir_stats stats;
    opened_open(o, NULL);
    append_and_apply(o);
    await_figures(o, &s, ROWS);
    assert_int_equal(weir_stats(o->w, &stats), WEIR_OK);
    assert_int_equal(s.figures.state, WEIR_STATS_OPEN);
    assert_int_equal(s.figures.rows_published, ROWS);
    assert_int_equal(s.figures.rows_durable, ROWS);
    assert_int_equal(s.figures.last_row, stats.last_row);
    assert_int_equal(s.figures.bytes_published, stats.bytes_published);
    assert_int_equal(s.sinks[0].figures.last_row_applied, stats.last_row_applied);
    assert_int_equal(s.sinks[0].figures.transactions, stats.transactions);
    assert_int_equal(s.header.process, getpid());
    assert_string_equal(s.header.program, program_invocation_short_name);
    size_t used = 0;
    int calls = 0;
    assert_int_equal(weir_metrics_write(o->w, collect, &used), WEIR_OK);
    assert_non_null(strstr(metrics, "weir_rows_published_total{journal=\""));
    assert_non_null(strstr(metrics, "sink=\"sqlite\"} 1000\n"));
    assert_int_equal(weir_metrics_write(o->w, refuse, &calls), WEIR_IO);
    assert_int_equal(calls, 1);
    assert_int_equal(weir_metrics_write(NULL, collect, &used), WEIR_MISUSE);
    uint64_t commits = 0, syncs = 0;
    for (int i = 0; i < WEIR_HISTOGRAM_BUCKETS; i++)
        commits += s.sinks[0].commits[i], syncs += s.syncs[i];
    assert_int_equal(commits, s.sinks[0].figures.transactions);
    assert_int_equal(syncs, s.figures.syncs);
    assert_true(syncs > 0);
    assert_int_equal(opened_close(o), WEIR_OK);
    assert_int_equal(read_figures(o, &s), WEIR_OK);
    assert_int_equal(s.figures.state, WEIR_STATS_CLOSED);
    assert_int_equal(s.sinks[0].figures.rows_applied, ROWS);
}

static void they_outlive_the_process(void **state) {
    opened *o = *state;
    weir_stats_snapshot s;
    int status;
    pid_t child = fork();
    if (child == 0) {
        opened_open(o, NULL);
        append_and_apply(o);
        await_figures(o, &s, ROWS);
        (void)kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(read_figures(o, &s), WEIR_OK);
    assert_int_equal(s.figures.state, WEIR_STATS_OPEN);
    assert_int_equal(s.header.process, child);
    assert_int_equal(s.sinks[0].figures.rows_applied, ROWS);
    opened_open(o, NULL);
    append_and_apply(o);
    await_figures(o, &s, ROWS); /* counted anew */
    assert_int_equal(s.header.process, getpid());
    assert_int_equal(s.figures.last_row, 2 * ROWS);
}

static void rows_that_wait_for_the_database_are_seen_to_wait(void **state) {
    opened *o = *state;
    weir_stats_snapshot s;
    sqlite3 *lock;
    opened_open(o, NULL);
    append_and_apply(o);
    assert_int_equal(sqlite3_open(o->database, &lock), SQLITE_OK);
    assert_int_equal(sqlite3_exec(lock, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    int64_t before = weir_os_posix()->wall(NULL);
    assert_int_equal(weir_append(o->table, 7), WEIR_OK);
    assert_int_equal(weir_sync(o->w, WEIR_DURABLE, UINT32_MAX), WEIR_OK);
    do
        assert_int_equal(read_figures(o, &s), WEIR_OK);
    while (s.sinks[0].figures.waiting_since == 0);
    assert_true((int64_t)s.sinks[0].figures.waiting_since >= before);
    assert_true(weir_stats_lag_ns(&s.sinks[0].figures, weir_os_posix()->wall(NULL)) > 0);
    while (s.figures.last_row != ROWS + 1)
        assert_int_equal(read_figures(o, &s), WEIR_OK);
    assert_int_equal(s.sinks[0].figures.last_row_applied, ROWS);
    assert_int_equal(sqlite3_close(lock), SQLITE_OK); /* rolls back */
    await_figures(o, &s, ROWS + 1);
    assert_int_equal(weir_stats_lag_ns(&s.sinks[0].figures, weir_os_posix()->wall(NULL)), 0);
}

static void without_the_file_all_goes_on(void **state) {
    opened *o = *state;
    char path[256];
    weir_stats_snapshot s;
    assert_int_equal(mkdir(o->journal, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/stats", o->journal);
    assert_int_equal(mkdir(path, 0700), 0);
    opened_open(o, NULL);
    append_and_apply(o);
    assert_int_not_equal(read_figures(o, &s), WEIR_OK);
    assert_int_equal(opened_close(o), WEIR_OK);
    assert_int_not_equal(read_figures(o, &s), WEIR_OK);
    assert_int_equal(rmdir(path), 0);
    weir_file_write(path, "short", 5);
    assert_int_equal(read_figures(o, &s), WEIR_DAMAGED);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(read_figures(o, &s), WEIR_NOT_FOUND);
}

/* ---- of a writer that hangs, and of a lock ------------------------------------------------ */

static int check_nothing(void *self, const weir_declaration *d, int64_t *next_key,
                         weir_error *error) {
    (void)self, (void)d, (void)error;
    *next_key = 1;
    return WEIR_OK;
}
static void hear_nothing(void *self, weir_wake where) { (void)self, (void)where; }
static void finish_nothing(void *self, uint64_t deadline_ns) { (void)self, (void)deadline_ns; }
static int stop_nothing(void *self, uint64_t deadline_ns) {
    (void)self, (void)deadline_ns;
    return WEIR_OK;
}

/* Nothing is applied, and the writer does not even look what waits. */
static void rows_wait_for_a_writer_that_hangs(void **state) {
    opened *o = *state;
    weir_stats_snapshot s;
    weir_error error;
    weir_hooks hooks = {.check = check_nothing,
                        .notify = hear_nothing,
                        .finish = finish_nothing,
                        .stop = stop_nothing,
                        .name = "hanging"};
    weir_handle_config config = {.directory = o->journal, .os = weir_os_posix()};
    weir_options_fill(&config.options);
    int64_t before = weir_os_posix()->wall(NULL);
    if (weir_handle_open(&config, &o->w, &error) != WEIR_OK) fail_msg("%s", error.text);
    weir_handle_attach(o->w, &hooks);
    assert_int_equal(weir_declare(o->w, "t", columns, 1, &o->table), WEIR_OK);
    assert_int_equal(weir_append(o->table, 7), WEIR_OK);
    assert_int_equal(weir_sync(o->w, WEIR_DURABLE, UINT32_MAX), WEIR_OK);
    while (read_figures(o, &s) != WEIR_OK || s.figures.last_row == 0)
        sched_yield();
    assert_string_equal(s.sinks[0].name, "hanging");
    assert_int_equal(s.sinks[0].figures.last_row_applied, 0);
    assert_true((int64_t)s.sinks[0].figures.waiting_since >= before);
}

static weir_os watched_os;
static pthread_t watched_thread;
static _Atomic int asked, asked_with_signals;

/* The figures are filled under their lock, and ask for the time there. */
static int64_t watched_wall(void *self) {
    sigset_t mask;
    (void)self;
    if (pthread_equal(pthread_self(), watched_thread)) {
        (void)pthread_sigmask(SIG_SETMASK, NULL, &mask);
        if (sigismember(&mask, SIGUSR1))
            asked++;
        else
            asked_with_signals++;
    }
    return weir_os_posix()->wall(NULL);
}

/* A handler could append, and wait for the thread that waits for the lock. */
static void no_handler_runs_while_metrics_hold_the_lock(void **state) {
    opened *o = *state;
    size_t used = 0;
    watched_os = *weir_os_posix();
    watched_os.wall = watched_wall;
    watched_thread = pthread_self();
    assert_int_equal(weir_open_sqlite_on(&watched_os, o->database, NULL, &o->w), WEIR_OK);
    append_and_apply(o);
    asked = asked_with_signals = 0;
    assert_int_equal(weir_metrics_write(o->w, collect, &used), WEIR_OK);
    assert_true(asked >= 1);
    assert_true(asked_with_signals <= 1); /* the text is written without the lock */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_duration_is_in_the_bucket_that_ends_above_it),
        cmocka_unit_test(quantiles_are_off_by_a_quarter_at_most),
        cmocka_unit_test(a_header_comes_back_and_no_changed_byte_passes),
        cmocka_unit_test(figures_that_are_stored_are_read),
        cmocka_unit_test(each_event_has_its_name),
        cmocka_unit_test(labels_are_escaped),
        OPENED_TEST(others_see_what_the_handle_counts),
        OPENED_TEST(they_outlive_the_process),
        OPENED_TEST(rows_that_wait_for_the_database_are_seen_to_wait),
        OPENED_TEST(without_the_file_all_goes_on),
        OPENED_TEST(rows_wait_for_a_writer_that_hangs),
        OPENED_TEST(no_handler_runs_while_metrics_hold_the_lock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
