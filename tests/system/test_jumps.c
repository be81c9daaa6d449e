/* test_jumps.c - threads that leave an append otherwise than by its return: a handler jumps out of it, ends
 * the thread, or it is cancelled asynchronously. Nothing is published by it, and nothing waits for it.
 *
 * As in test_midway.c, a TEXT value that ends in a page without access stops the append in the middle. */
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "opened.h"

enum { PAGE = 4096, DEPTHS = 4, PATIENCE_MS = 60000 };

static const weir_column columns[] = {{"n", WEIR_INTEGER}, {"t", WEIR_TEXT}};

static opened *here; /* for handlers, threads and children */
static char *trap;
static _Thread_local sigjmp_buf back;
static void (*leave)(void);

static void on_fault(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)context;
    const char *at = info->si_addr;
    if (at < trap + PAGE || at >= trap + 2 * PAGE) abort();
    leave();
}

static void jump(void) { siglongjmp(back, 1); }
static void end_thread(void) { pthread_exit(NULL); }
static void vanish(void) { (void)syscall(SYS_exit, 0); } /* no destructor runs */
static void cancel_thread(void) {
    (void)pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    (void)pthread_cancel(pthread_self());
    abort(); /* it ended above */
}

/* In the test: cmocka has a handler of its own around each. */
static void open_it(uint32_t timeout_ms) {
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    assert_int_equal(sigaction(SIGSEGV, &action, NULL), 0);
    weir_options o = {.lane_bytes = 65536, .open_timeout_ms = timeout_ms, .full_timeout_ms = 10};
    if (weir_open_sqlite(here->database, &o, &here->w) != WEIR_OK)
        fail_msg("%s", weir_last_error());
    assert_int_equal(weir_declare(here->w, "t", columns, 2, &here->table), WEIR_OK);
}

static int setup(void **state) {
    if (opened_set_up(state) != 0) return -1;
    here = *state;
    trap = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (trap == MAP_FAILED || mprotect(trap + PAGE, PAGE, PROT_NONE)) return -1;
    return 0;
}

static int teardown(void **state) {
    (void)munmap(trap, 2 * PAGE);
    return opened_tear_down(state);
}

static int append_whole(int64_t n) {
    return weir_append(here->table, weir_int(n), weir_text("whole"));
}

static void append_half(void) {
    (void)weir_append(here->table, weir_int(-1), weir_text_n(trap + PAGE - 100, 200));
}

static void jump_out(void) {
    leave = jump;
    if (!sigsetjmp(back, 1)) {
        append_half();
        abort(); /* it was left above */
    }
}

static void expect_rows(int64_t rows) {
    assert_int_equal(weir_sql_int(here->database, "SELECT count(*) FROM t"), rows);
    assert_int_equal(weir_sql_int(here->database, "SELECT count(*) FROM t WHERE t = 'whole'"),
                     rows);
}

/* ---- the thread goes on -------------------------------------------------------------------------- */

static void who_jumped_out_appends_and_closes(void **state) {
    (void)state;
    for (int round = 0; round < 3; round++) {
        open_it(PATIENCE_MS);
        assert_int_equal(append_whole(1), WEIR_OK);
        jump_out();
        assert_int_equal(append_whole(2), WEIR_OK);
        assert_int_equal(weir_sync(here->w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
        assert_int_equal(opened_close(here), WEIR_OK);
        expect_rows(2 * (round + 1));
    }
}

/* Each costs the thread one of the depths that its handlers have, in this handle. */
static void each_jump_costs_a_depth(void **state) {
    (void)state;
    open_it(PATIENCE_MS);
    for (int i = 1; i < DEPTHS; i++) {
        jump_out();
        assert_int_equal(append_whole(i), WEIR_OK);
    }
    jump_out();
    assert_int_equal(append_whole(DEPTHS), WEIR_FULL);
    struct weir_stats s;
    assert_int_equal(weir_stats(here->w, &s), WEIR_OK);
    assert_int_equal(s.rows_refused, 1);
    assert_int_equal(opened_close(here), WEIR_OK);
    expect_rows(DEPTHS - 1);
    open_it(PATIENCE_MS); /* and no longer than that */
    for (int i = 0; i < DEPTHS; i++)
        assert_int_equal(append_whole(i), WEIR_OK);
    assert_int_equal(opened_close(here), WEIR_OK);
}

/* ---- the thread ends ------------------------------------------------------------------------------ */

typedef struct worker {
    void (*work)(void);
    sem_t there, may_end;
} worker;

static void *work_and_end(void *argument) {
    worker *me = argument;
    me->work();
    (void)sem_post(&me->there);
    (void)sem_wait(&me->may_end);
    return NULL;
}

static void append_and_leave(void) {
    if (append_whole(1) != WEIR_OK) abort();
    append_half();
    abort();
}

static void append_and_jump(void) {
    if (append_whole(1) != WEIR_OK) abort();
    jump_out();
}

static void start(pthread_t *thread, worker *me) {
    assert_int_equal(sem_init(&me->there, 0, 0) | sem_init(&me->may_end, 0, 0), 0);
    assert_int_equal(pthread_create(thread, NULL, work_and_end, me), 0);
}

static void a_thread_that_ended_is_inside_nothing(void **state) {
    (void)state;
    void (*const ways[])(void) = {end_thread, cancel_thread, vanish};
    for (int64_t i = 0; i < 3; i++) {
        worker me = {.work = append_and_leave};
        pthread_t thread;
        open_it(PATIENCE_MS);
        leave = ways[i];
        start(&thread, &me);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(opened_close(here), WEIR_OK);
        expect_rows(i + 1);
    }
}

static void a_thread_that_jumped_out_and_ended_is_inside_nothing(void **state) {
    (void)state;
    worker me = {.work = append_and_jump};
    pthread_t thread;
    open_it(PATIENCE_MS);
    start(&thread, &me);
    assert_int_equal(sem_post(&me.may_end), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(opened_close(here), WEIR_OK);
    expect_rows(1);
}

/* Nobody can tell whether it is still inside: closing waits as long as it may, and the journal opens when
 * the thread has ended. */
static void
a_thread_that_jumped_out_and_lives_holds_up_closing_no_longer_than_its_end(void **state) {
    (void)state;
    worker me = {.work = append_and_jump};
    pthread_t thread;
    weir *other;
    open_it(50);
    start(&thread, &me);
    assert_int_equal(sem_wait(&me.there), 0);
    assert_int_equal(opened_close(here), WEIR_PENDING);
    assert_non_null(strstr(weir_last_error(), "jumped out"));
    assert_int_equal(weir_open_sqlite(here->database, NULL, &other), WEIR_LOCKED);
    assert_non_null(strstr(weir_last_error(), "its thread has ended"));
    assert_int_equal(sem_post(&me.may_end), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    open_it(PATIENCE_MS);
    assert_int_equal(append_whole(2), WEIR_OK);
    assert_int_equal(opened_close(here), WEIR_OK);
    expect_rows(2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_jumped_out_appends_and_closes, setup, teardown),
        cmocka_unit_test_setup_teardown(each_jump_costs_a_depth, setup, teardown),
        cmocka_unit_test_setup_teardown(a_thread_that_ended_is_inside_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_thread_that_jumped_out_and_ended_is_inside_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            a_thread_that_jumped_out_and_lives_holds_up_closing_no_longer_than_its_end, setup,
            teardown),
    };
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    /* They follow neither a jump out of a handler nor the fault of a page that is meant to fault. */
    return weir_skip_all("test_jumps", "a sanitizer has the signals", sizeof tests / sizeof *tests);
#else
    return cmocka_run_group_tests(tests, NULL, NULL);
#endif
}
