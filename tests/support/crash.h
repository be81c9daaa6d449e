/* crash.h - children that log how they crash, each with the database of its test. */
#ifndef WEIR_TESTS_CRASH_H
#define WEIR_TESTS_CRASH_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <weir/crash.h>
#include <weir/log.h>
#include <weir/sqlite.h>

#include "support.h"

#ifdef __SANITIZE_THREAD__
#define THREAD_SANITIZED true
#else
#define THREAD_SANITIZED false
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

/* A sanitizer's own handlers would be those that were there before, and end the process in their
 * way. */
#define NO_OTHER_HANDLERS                                                                          \
    "handle_segv=0:handle_sigbus=0:handle_abort=0:handle_sigill=0:handle_sigfpe=0:"                \
    "handle_sigtrap=0:use_sigaltstack=0"
WEIR_API const char *__asan_default_options(void);
WEIR_API const char *__tsan_default_options(void);
const char *__asan_default_options(void) { return NO_OTHER_HANDLERS; }
const char *__tsan_default_options(void) { return NO_OTHER_HANDLERS; }

/* What is wrong here is wrong on purpose. */
#define WRONG __attribute__((noinline, no_sanitize("undefined", "address", "thread")))

enum { SOMEWHERE = 0x10, SETUP_FAILED = 90, SURVIVED = 91, SECONDS = 30 };

static char directory[96], database[128];
static weir *w;

static inline int set_up_crash(void **state) {
    (void)state;
    (void)snprintf(directory, sizeof directory, "%s", weir_temp_make());
    (void)snprintf(database, sizeof database, "%s/c.db", directory);
    return 0;
}

static inline int tear_down_crash(void **state) {
    (void)state;
    weir_temp_remove(directory);
    return 0;
}

#define CRASH_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_crash, tear_down_crash)

/* ---- ways to crash ------------------------------------------------------------------------- */

WRONG static int read_at(volatile int *address) { return *address; }
static void *volatile somewhere = (void *)SOMEWHERE;
WRONG static void use_bad_pointer(void) {
    (void)read_at(somewhere);
    (void)somewhere; /* keeps the call from being the last thing, which leaves no frame */
}

/* ---- the child ------------------------------------------------------------------------------- */

static inline void open_or_exit(const weir_options *options) {
    struct rlimit cores;
    (void)getrlimit(RLIMIT_CORE, &cores);
    cores.rlim_cur = 0;
    (void)setrlimit(RLIMIT_CORE, &cores); /* else the disk fills a little */
    (void)alarm(SECONDS);                 /* for one that hangs and is in no handler */
    if (weir_open_sqlite(database, options, &w) != WEIR_OK) {
        fprintf(stderr, "%s\n", weir_last_error());
        _exit(SETUP_FAILED);
    }
}

static inline void open_and_log_crashes(void) {
    open_or_exit(NULL);
    weir_log_info(w, "before");
    if (weir_log_crashes(w) != WEIR_OK) _exit(SETUP_FAILED);
}

/* cmocka's would go on with the next test. */
static inline void forget_handlers(void) {
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (signal(signals[i], SIG_DFL) == SIG_ERR) _exit(SETUP_FAILED);
}

/* The wait status of a child that does this. */
static inline int status_of(void (*what)(void)) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        forget_handlers();
        what();
        _exit(SURVIVED);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static inline void expect_death(int status, int signal) {
    if (!WIFSIGNALED(status) || WTERMSIG(status) != signal)
        fail_msg("wait status %#x instead of signal %d", (unsigned)status, signal);
}

/* Put what the child left into the database. */
static inline void recover(void) {
    weir *after;
    if (weir_open_sqlite(database, NULL, &after) != WEIR_OK) fail_msg("%s", weir_last_error());
    assert_int_equal(weir_sync(after, WEIR_APPLIED, SECONDS * 1000), WEIR_OK);
    assert_int_equal(weir_close(after), WEIR_OK);
}

#endif
