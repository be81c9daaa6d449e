/* test_forks.c - children of every kind of fork: of a process with a handle open they are told so by every
 * call, whatever its other threads were in the middle of; of any other process they open and work. */
/* Covers: lib/handle/fork.c, lib/handle/gate.c */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "opened.h"
#include <weir/log.h>

enum { HANG_S = 60, PATIENCE_MS = 60000, CHILDREN = 60, ROUNDS = 25 };

static opened *here; /* for handlers, threads and children */
static const char *program;
static weir_ticket ticket;

static const weir_column columns[] = {{"id", WEIR_KEY}, {"n", WEIR_INTEGER}};

static int setup(void **state) {
    if (opened_set_up(state) != 0) return -1;
    here = *state;
    return 0;
}

static pid_t by_fork(void) { return fork(); }
static pid_t by_bare_fork(void) { return _Fork(); }
static pid_t by_clone(void) { return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }
/* The last is for calls that answer at once and for exec: the C library knows nothing of it. */
static pid_t (*const kinds[])(void) = {by_fork, by_bare_fork, by_clone};

/* The child's answer: 0, or which of its looks failed. */
static void in_a_child(pid_t (*kind)(void), int (*body)(void)) {
    int status;
    pid_t child = kind();
    if (child == 0) {
        (void)alarm(HANG_S); /* who hangs is ended, and that is the failure */
        _exit(body());
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status) || WEXITSTATUS(status))
        fail_msg("the child ended with wait status %x: %s", (unsigned)status,
                 WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? "it hung" : "a wrong answer");
}

/* A child has threads of its parent's to account for, which it cannot join. */
WEIR_API const char *__tsan_default_options(void);
const char *__tsan_default_options(void) { return "report_thread_leaks=0"; }

/* ---- nothing is open ---------------------------------------------------------------------------- */

static int open_append_close(const char *path) {
    const weir_value row[] = {weir_null(), weir_int((int64_t)getpid())};
    weir *mine;
    weir_table *t;
    int64_t key;
    if (weir_open_sqlite(path, NULL, &mine) != WEIR_OK) {
        fprintf(stderr, "child: %s\n", weir_last_error());
        return 1;
    }
    if (weir_declare(mine, "t", columns, 2, &t) != WEIR_OK) return 2;
    if (weir_append_row(t, row, 2, NULL) != WEIR_OK) return 3;
    if (weir_insert_now(t, row, 2, PATIENCE_MS, &key, NULL) != WEIR_OK) return 4;
    return weir_close(mine) == WEIR_OK ? 0 : 5;
}

static int open_and_work(void) { return open_append_close(here->database); }

/* Comes first, while this process has never opened anything. */
static void a_child_of_a_process_that_never_opened_opens(void **state) {
    (void)state;
    for (int i = 0; i < 6; i++)
        in_a_child(kinds[i % 2], open_and_work);
    assert_int_equal(weir_sql_int(here->database, "SELECT count(*) FROM t"), 12);
}

static void a_child_of_a_process_that_has_closed_opens(void **state) {
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        assert_int_equal(open_append_close(here->database), 0);
        in_a_child(kinds[i % 2], open_and_work);
    }
    assert_int_equal(weir_sql_int(here->database, "SELECT count(*) FROM t"), 4 * ROUNDS);
}

static int child_of_a_child(void) {
    if (open_and_work()) return 6;
    int status;
    pid_t child = fork();
    if (child == 0) _exit(open_and_work());
    return waitpid(child, &status, 0) == child && status == 0 ? 0 : 7;
}

static void a_child_of_such_a_child_opens_too(void **state) {
    (void)state;
    for (int i = 0; i < 6; i++)
        in_a_child(kinds[i % 2], child_of_a_child);
    assert_int_equal(weir_sql_int(here->database, "SELECT count(*) FROM t"), 24);
}

/* ---- a handle is open, and everything is under way ---------------------------------------------- */

static _Atomic bool enough;
static _Atomic int wrong;
static pthread_t workers[5];
static int worker_count;

static void end_workers(void) {
    atomic_store(&enough, true);
    while (worker_count > 0)
        (void)pthread_join(workers[--worker_count], NULL);
}

static int teardown(void **state) {
    end_workers();
    return opened_tear_down(state);
}

static void expect(int status, int wanted) {
    if (status != wanted) atomic_fetch_add(&wrong, 1);
}

static void *append_always(void *unused) {
    const weir_value row[] = {weir_null(), weir_int(1)};
    (void)unused;
    while (!atomic_load(&enough)) {
        expect(weir_append_row(here->table, row, 2, NULL), WEIR_OK);
        expect(weir_log_write(here->w, WEIR_INFO, NULL, 0, "%s", "x"), WEIR_OK);
        (void)usleep(50);
    }
    return NULL;
}

static void *wait_always(void *unused) {
    const weir_value row[] = {weir_null(), weir_int(1)};
    struct weir_stats s;
    (void)unused;
    while (!atomic_load(&enough)) {
        expect(weir_sync(here->w, WEIR_DURABLE, PATIENCE_MS), WEIR_OK);
        expect(weir_insert_now(here->table, row, 2, PATIENCE_MS, NULL, NULL), WEIR_OK);
        expect(weir_stats(here->w, &s), WEIR_OK);
    }
    return NULL;
}

static void *declare_always(void *unused) {
    char name[20];
    weir_table *t;
    (void)unused;
    for (int i = 0; !atomic_load(&enough); i++) {
        (void)snprintf(name, sizeof name, "t%d", i % 100);
        expect(weir_declare(here->w, name, columns, 2, &t), WEIR_OK);
    }
    return NULL;
}

static void *open_always(void *unused) {
    (void)unused;
    while (!atomic_load(&enough))
        expect(open_append_close(here->copy), 0);
    return NULL;
}

static bool is_told(int status) {
    return status == WEIR_FORKED && strstr(weir_last_error(), "exec") != NULL;
}

static int call_everything(void) {
    const weir_value rows[] = {weir_null(), weir_int(1), weir_null(), weir_int(2)};
    struct weir_stats s;
    weir_table *t;
    weir *mine;
    if (weir_append_row(here->table, rows, 2, NULL) != WEIR_FORKED) return 10;
    if (weir_append_rows(here->table, rows, 2, 2, NULL) != WEIR_FORKED) return 11;
    if (weir_log_write(here->w, WEIR_INFO, NULL, 0, "%s", "x") != WEIR_FORKED) return 12;
    if (!is_told(weir_open_sqlite(here->copy, NULL, &mine)) || mine) return 13;
    if (!is_told(weir_open_sqlite(here->database, NULL, &mine))) return 14;
    if (!is_told(weir_sync(here->w, WEIR_APPLIED, PATIENCE_MS))) return 15;
    if (!is_told(weir_wait(here->w, ticket, WEIR_APPLIED, PATIENCE_MS))) return 16;
    if (!is_told(weir_stats(here->w, &s))) return 17;
    if (!is_told(weir_declare(here->w, "u", columns, 2, &t))) return 18;
    if (!is_told(weir_insert_now(here->table, rows, 2, PATIENCE_MS, NULL, NULL))) return 19;
    if (!is_told(weir_close(here->w))) return 20; /* nothing is done: a child may ask again */
    if (!strstr(weir_status_text(WEIR_FORKED), "exec")) return 21;
    return 0;
}

static int call_everything_in_a_child_of_the_child(void) {
    int status = call_everything();
    if (status) return status;
    pid_t child = _Fork(); /* what fork does beside may wait for a lock of the C library */
    if (child == 0) _exit(call_everything());
    return waitpid(child, &status, 0) == child && status == 0 ? 0 : 30;
}

static int start_anew(void) {
    (void)execl(program, program, "work", here->copy, NULL);
    return 40;
}

static void open_for_children(void) {
    const weir_value row[] = {weir_null(), weir_int(1)};
    if (weir_open_sqlite(here->database, NULL, &here->w) != WEIR_OK)
        fail_msg("%s", weir_last_error());
    assert_int_equal(weir_declare(here->w, "t", columns, 2, &here->table), WEIR_OK);
    assert_int_equal(weir_append_row(here->table, row, 2, &ticket), WEIR_OK);
}

static void every_call_tells_a_child_whatever_was_under_way(void **state) {
    (void)state;
    static void *(*const works[])(void *) = {append_always, append_always, wait_always,
                                             declare_always, open_always};
    open_for_children();
    for (; worker_count < 5; worker_count++)
        assert_int_equal(pthread_create(&workers[worker_count], NULL, works[worker_count], NULL),
                         0);
    for (int i = 0; i < CHILDREN; i++)
        in_a_child(kinds[i % 3],
                   i % 10 ? call_everything : call_everything_in_a_child_of_the_child);
    end_workers();
    assert_int_equal(wrong, 0);
    assert_int_equal(opened_close(here), WEIR_OK);
    in_a_child(by_fork, open_and_work); /* nothing is left of it */
}

static void a_child_that_has_called_exec_is_a_process_like_any(void **state) {
    (void)state;
    open_for_children();
    for (int i = 0; i < 6; i++)
        in_a_child(kinds[i % 3], start_anew);
    assert_int_equal(opened_close(here), WEIR_OK);
    assert_int_equal(weir_sql_int(here->copy, "SELECT count(*) FROM t"), 12);
}

int main(int count, char **arguments) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_child_of_a_process_that_never_opened_opens, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_child_of_a_process_that_has_closed_opens, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_child_of_such_a_child_opens_too, setup, teardown),
        cmocka_unit_test_setup_teardown(every_call_tells_a_child_whatever_was_under_way, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_child_that_has_called_exec_is_a_process_like_any, setup,
                                        teardown),
    };
    program = "/proc/self/exe";
    if (count == 3) return open_append_close(arguments[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
