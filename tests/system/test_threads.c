/* test_threads.c - many threads, threads that come and go, signal handlers, and closing in the
 * middle of it. */
/* Covers: lib/handle/gate.c */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sqlite3.h>

#include "opened.h"
#include "storm.h"

enum { THREADS = 12, ROWS = 2000, LIVES = 60 };

static const weir_column columns[] = {{"who", WEIR_INTEGER}, {"n", WEIR_INTEGER}};

static opened *here; /* for handlers, threads and children */

static int setup(void **state) {
    if (opened_set_up(state) != 0) return -1;
    here = *state;
    opened_open(here,
                &(weir_options){.lane_bytes = 65536, .lanes_max = 16, .segment_bytes = 1 << 20});
    return weir_declare(here->w, "t", columns, 2, &here->table);
}

/* Each thread's rows stand in its order, numbered from 1 without a gap. */
static void check_in_order(int64_t who, int64_t rows) {
    char sql[256];
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM (SELECT n, row_number() OVER (ORDER BY rowid) AS r FROM t "
             "WHERE who=%lld) WHERE n=r",
             (long long)who);
    assert_int_equal(weir_sql_int(here->database, sql), rows);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM t WHERE who=%lld", (long long)who);
    assert_int_equal(weir_sql_int(here->database, sql), rows);
}

static void *append_rows(void *argument) {
    int64_t who = (int64_t)(intptr_t)argument;
    for (int64_t i = 1; i <= ROWS; i++)
        if (weir_append(here->table, weir_int(who), weir_int(i)) != WEIR_OK) return argument;
    return NULL;
}

static void threads_need_not_register(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    for (intptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, append_rows, (void *)(i + 1)), 0);
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(opened_close(here), WEIR_OK);
    for (int i = 1; i <= THREADS; i++)
        check_in_order(i, ROWS);
}

static void *append_one(void *argument) {
    return weir_append(here->table, weir_int((int64_t)(intptr_t)argument), weir_int(1)) == WEIR_OK
               ? NULL
               : argument;
}

/* More threads than lanes, one after the other: each gives its lane back by ending. */
static void lanes_come_back(void **state) {
    (void)state;
    for (intptr_t i = 1; i <= LIVES; i++) {
        pthread_t thread;
        void *failed;
        pthread_create(&thread, NULL, append_one, (void *)i);
        pthread_join(thread, &failed);
        assert_null(failed);
    }
    struct weir_stats s;
    assert_int_equal(weir_stats(here->w, &s), WEIR_OK);
    assert_true(s.lanes <= 16);
    assert_int_equal(s.rows_published, LIVES);
    assert_int_equal(opened_close(here), WEIR_OK);
    assert_int_equal(weir_sql_int(here->database, "SELECT count(DISTINCT who) FROM t"), LIVES);
    assert_int_equal(weir_sql_int(here->database, "SELECT count(*) FROM t WHERE rowid=who"),
                     LIVES); /* in their order */
}

/* ---- signals
 * ---------------------------------------------------------------------------------- */

static _Atomic int64_t handled;
static storm pest;

static void on_signal(int number) {
    (void)number;
    int64_t n = atomic_load(&handled) + 1;
    if (weir_append(here->table, weir_int(1000), weir_int(n)) == WEIR_OK) atomic_store(&handled, n);
}

static void a_handler_may_append_in_the_middle_of_an_append(void **state) {
    (void)state;
    atomic_store(&handled, 0);
    storm_begin(&pest, on_signal, 0, 20);
    int64_t mine = 0;
    while ((atomic_load(&handled) < 300 && mine < 3000000) || mine < ROWS) {
        assert_int_equal(weir_append(here->table, weir_int(1), weir_int(mine + 1)), WEIR_OK);
        mine++;
    }
    storm_end(&pest);
    int64_t expected = atomic_load(&handled);
    assert_true(expected > 0);
    assert_int_equal(opened_close(here), WEIR_OK);
    check_in_order(1000, expected);
    check_in_order(1, mine);
}

/* ---- closing
 * ------------------------------------------------------------------------------------ */

static _Atomic int64_t kept[THREADS];

static void *append_until_closed(void *argument) {
    intptr_t who = (intptr_t)argument;
    for (int64_t i = 1;; i++) {
        int status = weir_append(here->table, weir_int(who), weir_int(i));
        if (status == WEIR_CLOSED) return NULL;
        if (status != WEIR_OK) return argument;
        atomic_store(&kept[who], i);
    }
}

static pthread_barrier_t step;

/* It has a lane, and so asks nobody for one. */
static void *append_before_and_behind(void *argument) {
    intptr_t before = weir_append(here->table, weir_int(1), weir_int(1));
    (void)pthread_barrier_wait(&step);
    (void)pthread_barrier_wait(&step); /* closed meanwhile */
    *(int *)argument = weir_append(here->table, weir_int(1), weir_int(2));
    return (void *)before;
}

static void who_has_a_lane_is_told_that_the_handle_is_closed(void **state) {
    (void)state;
    pthread_t thread;
    void *before;
    int behind = WEIR_OK;
    assert_int_equal(pthread_barrier_init(&step, NULL, 2), 0);
    assert_int_equal(pthread_create(&thread, NULL, append_before_and_behind, &behind), 0);
    (void)pthread_barrier_wait(&step);
    assert_int_equal(opened_close(here), WEIR_OK);
    (void)pthread_barrier_wait(&step);
    assert_int_equal(pthread_join(thread, &before), 0);
    assert_int_equal((intptr_t)before, WEIR_OK);
    assert_int_equal(behind, WEIR_CLOSED);
    check_in_order(1, 1);
    (void)pthread_barrier_destroy(&step);
}

static void *wait_until_closed(void *argument) {
    weir_level level = (weir_level)(intptr_t)argument;
    for (;;) {
        int status = weir_sync(here->w, level, 1000);
        if (status == WEIR_CLOSED) return NULL;
        if (status < 0) return argument;
    }
}

/* Every append that answered WEIR_OK is kept, whichever moment close came in; nobody faults,
 * nobody hangs. */
static void closing_while_others_append_and_wait(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    for (intptr_t i = 0; i < THREADS; i++) {
        atomic_store(&kept[i], 0);
        void *(*body)(void *) = i < THREADS - 2 ? append_until_closed : wait_until_closed;
        void *argument = i < THREADS - 2
                             ? (void *)i
                             : (void *)(intptr_t)(i == THREADS - 1 ? WEIR_APPLIED : WEIR_DURABLE);
        pthread_create(&threads[i], NULL, body, argument);
    }
    usleep(30000);
    int status = weir_close(here->w); /* they still ask of it what it answers now */
    assert_true(status == WEIR_OK || status == WEIR_PENDING);
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    opened_open(here, NULL);
    assert_int_equal(weir_sync(here->w, WEIR_APPLIED, 20000), WEIR_OK);
    assert_int_equal(opened_close(here), WEIR_OK);
    for (int i = 0; i < THREADS - 2; i++)
        check_in_order(i, atomic_load(&kept[i]));
}

static int teardown(void **state) {
    storm_end(&pest);
    return opened_tear_down(state);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(threads_need_not_register),
        T(lanes_come_back),
        T(a_handler_may_append_in_the_middle_of_an_append),
        T(who_has_a_lane_is_told_that_the_handle_is_closed),
        T(closing_while_others_append_and_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
