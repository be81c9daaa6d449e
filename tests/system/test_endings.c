/* test_endings.c - a process or a thread ends in the middle of things, in every way that is not a
 * kill from outside: no row that was acknowledged is lost, and nobody hangs. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "opened.h"

enum { THREADS = 3, HANG_MS = 20000, ENOUGH = 300 };

static const weir_column columns[] = {{"who", WEIR_INTEGER}, {"n", WEIR_INTEGER}};

/* Shared with the child: how many rows each thread was told are published. */
typedef struct told {
    _Atomic int64_t rows[THREADS];
    _Atomic int forked; /* what a forked child was answered */
} told;

static opened *here; /* for handlers, threads and children */
static told *t;

static int setup(void **state) {
    if (opened_set_up(state) != 0) return -1;
    here = *state;
    t = mmap(NULL, sizeof *t, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return t == MAP_FAILED ? -1 : 0;
}

static int teardown(void **state) {
    munmap(t, sizeof *t);
    return opened_tear_down(state);
}

/* ---- in the child --------------------------------------------------------------------------- */

static void append_one(long who) {
    int64_t n = atomic_load(&t->rows[who]) + 1;
    if (weir_append(here->table, weir_int(who), weir_int(n)) == WEIR_OK)
        atomic_store(&t->rows[who], n);
}

/* Never to be cancelled but where it says so: between an append and the note of it. */
static void *append_for_ever(void *who) {
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    for (;;)
        append_one((long)(intptr_t)who);
    return NULL;
}

static void open_it(void) {
    weir_options o = {.lane_bytes = 65536, .segment_bytes = 1 << 20, .open_timeout_ms = 300};
    if (weir_open_sqlite(here->database, &o, &here->w) != WEIR_OK ||
        weir_declare(here->w, "rows", columns, 2, &here->table) != WEIR_OK)
        _exit(99);
}

static void wait_for_rows(long who) {
    int64_t wanted = atomic_load(&t->rows[who]) + ENOUGH;
    while (atomic_load(&t->rows[who]) < wanted)
        usleep(100);
}

static void open_and_append(void) {
    pthread_t thread;
    open_it();
    for (long i = 0; i < THREADS; i++)
        if (pthread_create(&thread, NULL, append_for_ever, (void *)(intptr_t)i)) _exit(98);
    for (long i = 0; i < THREADS; i++)
        wait_for_rows(i);
}

/* ---- in the parent -------------------------------------------------------------------------- */

static int run(void (*body)(void)) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        body();
        _exit(97);
    }
    int status;
    for (int ms = 0; waitpid(child, &status, WNOHANG) != child; ms++) {
        if (ms > HANG_MS) {
            kill(child, SIGKILL);
            (void)waitpid(child, &status, 0);
            fail_msg("the child hangs");
        }
        usleep(1000);
    }
    return status;
}

static void check_all_there(void) {
    assert_int_equal(weir_open_sqlite(here->database, NULL, &here->w), WEIR_OK);
    assert_int_equal(weir_sync(here->w, WEIR_APPLIED, 20000), WEIR_OK);
    assert_int_equal(opened_close(here), WEIR_OK);
    for (int who = 0; who < THREADS; who++) {
        char sql[160];
        int64_t published = atomic_load(&t->rows[who]);
        (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM rows WHERE who = %d", who);
        int64_t there = weir_sql_int(here->database, sql);
        (void)snprintf(sql, sizeof sql,
                       "SELECT count(DISTINCT n) = count(*) AND ifnull(max(n), 0) = count(*) FROM "
                       "rows WHERE who = %d",
                       who);
        assert_int_equal(weir_sql_int(here->database, sql), 1); /* once each, and no gap */
        /* one may have been published whose note the end prevented */
        if (there < published || there > published + 1)
            fail_msg("thread %d: %lld rows published, %lld there", who, (long long)published,
                     (long long)there);
    }
    assert_int_equal(weir_sql_int(here->database,
                                  "SELECT count(*) FROM rows a JOIN rows b ON b.rowid > "
                                  "a.rowid AND b.who = a.who AND b.n = a.n - 1"),
                     0);
}

static void expect_exit(int status, int code) {
    if (!WIFEXITED(status) || WEXITSTATUS(status) != code)
        fail_msg("wait status %#x, not exit code %d", (unsigned)status, code);
}

static void expect_signal(int status, int number) {
    if (!WIFSIGNALED(status) || WTERMSIG(status) != number)
        fail_msg("wait status %#x, not signal %d", (unsigned)status, number);
}

/* ---- endings of processes ------------------------------------------------------------------- */

static void leave_by_exit(void) {
    open_and_append();
    exit(7); /* exit runs destructors while the other threads append on */
}

static void exit_without_close(void **state) {
    (void)state;
    expect_exit(run(leave_by_exit), 7);
    check_all_there();
}

static void leave_main_thread(void) {
    open_and_append();
    if (fork() == 0) { /* ends the process from elsewhere, once the main thread is gone */
        usleep(20000);
        kill(getppid(), SIGTERM);
        _exit(0);
    }
    pthread_exit(NULL);
}

static void main_thread_exits_first(void **state) {
    (void)state;
    expect_signal(run(leave_main_thread), SIGTERM);
    check_all_there();
}

static void leave_by_abort(void) {
    open_and_append();
    abort();
}

static void abort_in_the_middle(void **state) {
    (void)state;
    expect_signal(run(leave_by_abort), SIGABRT);
    check_all_there();
}

static void on_fault(int number) {
    append_one(0); /* the last words of a crash handler, on the thread that was in an append */
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

static void *append_then_fault(void *unused) {
    (void)unused;
    for (int i = 0; i < ENOUGH; i++)
        append_one(0);
    (void)raise(SIGSEGV);
    return NULL;
}

static void leave_by_fault(void) {
    pthread_t thread;
    (void)signal(SIGSEGV, on_fault);
    open_it();
    if (pthread_create(&thread, NULL, append_then_fault, NULL)) _exit(98);
    for (;;)
        pause();
}

static void a_crash_handler_has_the_last_word(void **state) {
    (void)state;
    expect_signal(run(leave_by_fault), SIGSEGV);
    assert_int_equal(atomic_load(&t->rows[0]), ENOUGH + 1);
    check_all_there();
}

static void leave_by_exec(void) {
    open_and_append();
    execl("/bin/true", "true", (char *)NULL);
}

static void exec_in_the_middle(void **state) {
    (void)state;
    expect_exit(run(leave_by_exec), 0);
    check_all_there();
}

/* ---- forks ---------------------------------------------------------------------------------- */

/* The fork comes while others append and the library's threads hold its locks: the child must
 * be answered, not wait for a thread that it does not have. */
static void fork_while_all_append(void) {
    open_and_append();
    for (int i = 0; i < 20; i++) {
        pid_t child = fork();
        if (child == 0) {
            struct weir_stats stats;
            bool all = weir_append(here->table, weir_int(0), weir_int(-1)) == WEIR_FORKED &&
                       weir_sync(here->w, WEIR_APPLIED, 1000) == WEIR_FORKED &&
                       weir_stats(here->w, &stats) == WEIR_FORKED &&
                       opened_close(here) == WEIR_FORKED;
            _exit(all ? 0 : 1);
        }
        int status;
        if (waitpid(child, &status, 0) != child || status != 0) _exit(96);
    }
    wait_for_rows(0); /* the parent goes on */
    exit(7);
}

static void forks_while_others_append(void **state) {
    (void)state;
    expect_exit(run(fork_while_all_append), 7);
    check_all_there();
}

/* A child that outlives its parent keeps no lock of it: recovery need not wait for it. */
static void leave_a_child_behind(void) {
    open_and_append();
    if (fork() == 0) {
        for (;;)
            pause(); /* until the test kills its process group */
    }
    _exit(7);
}

static void a_child_outlives_its_parent(void **state) {
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        (void)setpgid(0, 0);
        leave_a_child_behind();
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    expect_exit(status, 7);
    check_all_there();
    assert_int_equal(kill(-child, SIGKILL), 0); /* it lived until now */
}

/* ---- endings of threads --------------------------------------------------------------------- */

static void *append_until_cancelled(void *who) {
    (void)pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, NULL);
    for (;;) {
        append_one(
            (long)(intptr_t)who); /* is no point of cancellation: the row and its note agree */
        pthread_testcancel();
    }
    return NULL;
}

static void cancel_threads(void) {
    open_it();
    for (int round = 0; round < 30; round++) {
        pthread_t thread;
        void *result;
        if (pthread_create(&thread, NULL, append_until_cancelled, (void *)0)) _exit(98);
        usleep(500);
        if (pthread_cancel(thread) || pthread_join(thread, &result)) _exit(96);
        if (result != PTHREAD_CANCELED) _exit(95);
    }
    _exit(weir_sync(here->w, WEIR_APPLIED, 10000) == WEIR_OK && opened_close(here) == WEIR_OK ? 7
                                                                                              : 94);
}

static void cancelled_threads_leave_whole_rows(void **state) {
    (void)state;
    expect_exit(run(cancel_threads), 7);
    check_all_there();
}

static void *wait_until_cancelled(void *unused) {
    for (;;) {
        (void)weir_sync(here->w, WEIR_APPLIED, 50);
        pthread_testcancel();
    }
    return unused;
}

static void cancel_waiters(void) {
    open_it();
    for (int round = 0; round < 30; round++) {
        pthread_t thread;
        append_one(0);
        if (pthread_create(&thread, NULL, wait_until_cancelled, NULL)) _exit(98);
        usleep(1000);
        if (pthread_cancel(thread) || pthread_join(thread, NULL)) _exit(96);
    }
    append_one(0);
    _exit(weir_sync(here->w, WEIR_APPLIED, 10000) == WEIR_OK && opened_close(here) == WEIR_OK ? 7
                                                                                              : 94);
}

static void cancelled_waiters_hold_nobody_up(void **state) {
    (void)state;
    expect_exit(run(cancel_waiters), 7);
    check_all_there();
}

static void append_and_leave(int number) {
    (void)number;
    append_one(1);
    pthread_exit(NULL); /* out of whatever this thread was doing: perhaps an append */
}

static void *append_until_signal(void *unused) {
    (void)unused;
    for (;;)
        append_one(0);
    return NULL;
}

/* A thread that leaves an append by a jump never publishes that row; its lane says so for ever, and
 * others go on. */
static void exit_threads_in_handlers(void) {
    (void)signal(SIGUSR1, append_and_leave);
    open_it();
    pthread_t thread;
    if (pthread_create(&thread, NULL, append_until_signal, NULL)) _exit(98);
    wait_for_rows(0);
    if (pthread_kill(thread, SIGUSR1) || pthread_join(thread, NULL)) _exit(96);
    append_one(2);
    if (weir_sync(here->w, WEIR_DURABLE, 10000) != WEIR_OK) _exit(94);
    (void)opened_close(
        here); /* a lane that is still flagged keeps the ring: nothing else is promised */
    _exit(7);
}

static void threads_exit_in_handlers(void **state) {
    (void)state;
    for (int round = 0; round < 10; round++) { /* each interrupts something else */
        (void)memset(t, 0, sizeof *t);
        weir_temp_remove(here->journal);
        (void)unlink(here->database);
        expect_exit(run(exit_threads_in_handlers), 7);
        check_all_there();
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(exit_without_close),
        TEST(main_thread_exits_first),
        TEST(abort_in_the_middle),
        TEST(a_crash_handler_has_the_last_word),
        TEST(exec_in_the_middle),
        TEST(forks_while_others_append),
        TEST(a_child_outlives_its_parent),
        TEST(cancelled_threads_leave_whole_rows),
        TEST(cancelled_waiters_hold_nobody_up),
        TEST(threads_exit_in_handlers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
