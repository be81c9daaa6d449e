/* test_owners.c - whose lane it is, in programs that take away what could tell: /proc, descriptors,
 * thread-specific keys. Each runs in a process of its own, which is this program once more. */
/* Covers: lib/handle/registry.c */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <weir/sqlite.h>

#include "opened.h"

enum { LANES = 7, LIVES = 100, ROWS = 2000, PERIODS = 4 };

static const weir_column columns[] = {{"who", WEIR_INTEGER}, {"n", WEIR_INTEGER}};
static weir *w;
static weir_table *table;

/* ---- the program that is hostile -------------------------------------------------------------- */

static void must(bool fine, int code) {
    if (!fine) _exit(code);
}

static void open_database(const char *path, uint32_t lanes) {
    weir_options o = {.lane_bytes = 65536, .lanes_max = lanes};
    must(weir_open_sqlite(path, &o, &w) == WEIR_OK, 10);
    must(weir_declare(w, "t", columns, 2, &table) == WEIR_OK, 11);
    must(weir_sync(w, WEIR_APPLIED, 60000) == WEIR_OK, 12);
}

static void append_rows(int64_t who, int64_t first, int64_t count) {
    for (int64_t n = first; n < first + count; n++)
        must(weir_append(table, weir_int(who), weir_int(n)) == WEIR_OK, 13);
}

static void keep_descriptors(void) {}

static void use_up_descriptors(void) {
    struct rlimit few = {64, 64};
    must(setrlimit(RLIMIT_NOFILE, &few) == 0, 14);
    while (open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0) {
    }
    must(errno == EMFILE, 15);
}

/* Where there is no /proc. */
static void change_root(void) {
    char empty[] = "/tmp/weir-empty-XXXXXX";
    must(mkdtemp(empty) && chroot(empty) == 0 && chdir("/") == 0, 16);
    must(access("/proc", F_OK) == -1, 17);
}

static void *append_and_end(void *who) {
    append_rows((int64_t)(intptr_t)who, 1, 1);
    return NULL;
}

static void in_turn(void *(*body)(void *), int64_t lives) {
    for (int64_t who = 1; who <= lives; who++) {
        pthread_t thread;
        must(pthread_create(&thread, NULL, body, (void *)(intptr_t)who) == 0, 18);
        must(pthread_join(thread, NULL) == 0, 18);
    }
}

static pthread_barrier_t period;

static void *live_on(void *who) {
    for (int64_t i = 0; i < PERIODS; i++) {
        append_rows((int64_t)(intptr_t)who, i * ROWS + 1, ROWS);
        must(weir_sync(w, WEIR_DURABLE, 60000) == WEIR_OK, 19); /* drained, it looks abandoned */
        (void)pthread_barrier_wait(&period);                    /* somebody claims */
        (void)pthread_barrier_wait(&period);
    }
    return NULL;
}

/* All lanes but one belong to threads that live; one after the other comes and goes on the last. */
static void live_beside_others(int64_t lanes) {
    pthread_t living[LANES];
    int64_t count = lanes - 2; /* one is the main thread's, and its own number is 0 */
    must(pthread_barrier_init(&period, NULL, (unsigned)count + 1) == 0, 20);
    for (int64_t i = 0; i < count; i++)
        must(pthread_create(&living[i], NULL, live_on, (void *)(intptr_t)(1000 + i)) == 0, 20);
    for (int64_t i = 0; i < PERIODS; i++) {
        (void)pthread_barrier_wait(&period);
        for (int64_t n = 0; n < LIVES / PERIODS; n++) {
            pthread_t thread;
            int64_t who = 1 + i * (LIVES / PERIODS) + n;
            must(pthread_create(&thread, NULL, append_and_end, (void *)(intptr_t)who) == 0, 21);
            must(pthread_join(thread, NULL) == 0, 21);
        }
        append_rows(0, i + 1, 1);
        (void)pthread_barrier_wait(&period);
    }
    for (int64_t i = 0; i < count; i++)
        must(pthread_join(living[i], NULL) == 0, 22);
}

static void come_and_go(const char *path, void (*take_away)(void)) {
    open_database(path, LANES);
    take_away();
    live_beside_others(LANES);
    struct weir_stats stats;
    must(weir_stats(w, &stats) == WEIR_OK, 23);
    must(stats.lanes <= LANES && stats.rows_refused == 0, 24);
    must(weir_sync(w, WEIR_DURABLE, 60000) == WEIR_OK, 25);
    _exit(0); /* in no condition to close */
}

/* With none of the keys left whose values need no memory, a thread ends without a word. */
static void end_without_a_word(const char *path) {
    pthread_key_t key = 0;
    while (key < 64)
        must(pthread_key_create(&key, NULL) == 0, 26);
    come_and_go(path, keep_descriptors);
}

static pthread_key_t own_key;

static void append_at_the_end(void *who) { append_rows((int64_t)(intptr_t)who, 2, 1); }

static void append_at_every_end(void *who) {
    static _Thread_local int64_t n = 1;
    append_rows((int64_t)(intptr_t)who, ++n, 1);
    (void)pthread_setspecific(own_key, who);
}

static void *append_end_append(void *who) {
    must(pthread_setspecific(own_key, who) == 0, 27);
    return append_and_end(who);
}

/* Destructors of the program append before ours and behind it: its key is older, or younger. */
static void append_in_destructors(const char *path, bool older, void (*destructor)(void *)) {
    if (older) must(pthread_key_create(&own_key, destructor) == 0, 28);
    open_database(path, LANES);
    if (!older) must(pthread_key_create(&own_key, destructor) == 0, 28);
    in_turn(append_end_append, LIVES);
    must(weir_close(w) == WEIR_OK, 29);
    _exit(0);
}

/* A lane that was given back is another's by the time a destructor of the program appends. */
static pthread_barrier_t handed_over;
static weir_ticket late, early;

static void take_ticket(int64_t who, int64_t n, weir_ticket *ticket) {
    const weir_value row[] = {weir_int(who), weir_int(n)};
    must(weir_append_row(table, row, 2, ticket) == WEIR_OK, 32);
}

static void append_when_it_is_anothers(void *who) {
    (void)pthread_barrier_wait(&handed_over); /* ours has run */
    (void)pthread_barrier_wait(&handed_over); /* and the other one has appended */
    take_ticket((int64_t)(intptr_t)who, 2, &late);
}

static void *give_back_drained(void *who) {
    must(pthread_setspecific(own_key, who) == 0, 33);
    (void)append_and_end(who);
    must(weir_sync(w, WEIR_DURABLE, 60000) == WEIR_OK, 34);
    return NULL;
}

static void *take_and_keep(void *who) {
    take_ticket((int64_t)(intptr_t)who, 1, &early);
    (void)pthread_barrier_wait(&handed_over);
    (void)pthread_barrier_wait(&handed_over); /* it lives until the first is over */
    return NULL;
}

static void hand_over(const char *path) {
    pthread_t first, second;
    open_database(path, LANES);
    must(pthread_key_create(&own_key, append_when_it_is_anothers) == 0, 35);
    must(pthread_barrier_init(&handed_over, NULL, 2) == 0, 35);
    must(pthread_create(&first, NULL, give_back_drained, (void *)1) == 0, 36);
    (void)pthread_barrier_wait(&handed_over);
    must(pthread_create(&second, NULL, take_and_keep, (void *)2) == 0, 36);
    must(pthread_join(first, NULL) == 0, 36);
    (void)pthread_barrier_wait(&handed_over);
    must(pthread_join(second, NULL) == 0, 36);
    must(early.lane != late.lane, 37);
    must(weir_close(w) == WEIR_OK, 38);
    _exit(0);
}

static void leave_a_lane_open(const char *path) {
    open_database(path, 2);
    in_turn(append_and_end, 1); /* nothing of it stays in use: the handle closes, and opens anew */
    must(weir_close(w) == WEIR_OK, 30);
    open_database(path, 2);
    append_rows(2, 1, 1);
    must(weir_close(w) == WEIR_OK, 31);
    _exit(0);
}

static int be(const char *what, const char *path) {
    if (strcmp(what, "plain") == 0) come_and_go(path, keep_descriptors);
    if (strcmp(what, "no descriptors") == 0) come_and_go(path, use_up_descriptors);
    if (strcmp(what, "no proc") == 0) come_and_go(path, change_root);
    if (strcmp(what, "no keys") == 0) end_without_a_word(path);
    if (strcmp(what, "older") == 0) append_in_destructors(path, true, append_at_the_end);
    if (strcmp(what, "younger") == 0) append_in_destructors(path, false, append_at_the_end);
    if (strcmp(what, "for ever") == 0) append_in_destructors(path, false, append_at_every_end);
    if (strcmp(what, "hand over") == 0) hand_over(path);
    if (strcmp(what, "again") == 0) leave_a_lane_open(path);
    return 40;
}

/* ---- what it leaves ----------------------------------------------------------------------------- */

static void run(const opened *f, const char *what) {
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)execl("/proc/self/exe", "test_owners", what, f->database, (char *)NULL);
        _exit(41);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status) || WEXITSTATUS(status))
        fail_msg("%s: the program ended with wait status %x", what, (unsigned)status);
    weir *again;
    if (weir_open_sqlite(f->database, NULL, &again) != WEIR_OK) fail_msg("%s", weir_last_error());
    assert_int_equal(weir_sync(again, WEIR_APPLIED, 60000), WEIR_OK);
    assert_int_equal(weir_close(again), WEIR_OK);
}

/* Rows 1 … of each thread, each once, in its order. */
static void expect_rows(const opened *f, int64_t rows) {
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM t"), rows);
    assert_int_equal(weir_sql_int(f->database,
                                  "SELECT count(*) FROM (SELECT n, row_number() OVER (PARTITION BY "
                                  "who ORDER BY rowid) AS r FROM t) WHERE n=r"),
                     rows);
}

enum { ALL_ROWS = (LANES - 2) * PERIODS * ROWS + LIVES + PERIODS };

static void threads_come_and_go_beside_others(void **state) {
    run(*state, "plain");
    expect_rows(*state, ALL_ROWS);
}

static void nobody_loses_a_lane_for_want_of_descriptors(void **state) {
    run(*state, "no descriptors");
    expect_rows(*state, ALL_ROWS);
}

static void nobody_loses_a_lane_for_want_of_proc(void **state) {
    if (geteuid() != 0) {
        print_message("chroot needs root\n");
        skip();
    }
    run(*state, "no proc");
    expect_rows(*state, ALL_ROWS);
}

static void a_thread_that_ends_without_a_word_is_found(void **state) {
    run(*state, "no keys");
    expect_rows(*state, ALL_ROWS);
}

static void destructors_of_the_program_may_append(void **state) {
    run(*state, "older");
    expect_rows(*state, (int64_t)2 * LIVES);
}

static void destructors_that_run_behind_ours_may_append(void **state) {
    run(*state, "younger");
    expect_rows(*state, (int64_t)2 * LIVES);
}

static void appends_behind_the_last_call_of_ours_cost_no_lane(void **state) {
    const opened *f = *state;
#ifdef __SANITIZE_THREAD__
    print_message("the thread sanitizer lets go of a thread before its last destructors\n");
    skip();
#endif
    run(f, "for ever");
    int64_t rows = weir_sql_int(f->database, "SELECT count(*) FROM t");
    assert_true(rows >= (int64_t)4 * LIVES);
    expect_rows(f, rows);
}

static void a_lane_that_was_given_back_is_not_used_again(void **state) {
    run(*state, "hand over");
    expect_rows(*state, 3);
}

static void a_thread_that_ended_is_no_hindrance_to_closing(void **state) {
    run(*state, "again");
    expect_rows(*state, 2);
}

int main(int count, char **arguments) {
    const struct CMUnitTest tests[] = {
        OPENED_TEST(threads_come_and_go_beside_others),
        OPENED_TEST(nobody_loses_a_lane_for_want_of_descriptors),
        OPENED_TEST(nobody_loses_a_lane_for_want_of_proc),
        OPENED_TEST(a_thread_that_ends_without_a_word_is_found),
        OPENED_TEST(destructors_of_the_program_may_append),
        OPENED_TEST(destructors_that_run_behind_ours_may_append),
        OPENED_TEST(appends_behind_the_last_call_of_ours_cost_no_lane),
        OPENED_TEST(a_lane_that_was_given_back_is_not_used_again),
        OPENED_TEST(a_thread_that_ended_is_no_hindrance_to_closing),
    };
    if (count == 3) return be(arguments[1], arguments[2]);
    return cmocka_run_group_tests_name("owners", tests, NULL, NULL);
}
