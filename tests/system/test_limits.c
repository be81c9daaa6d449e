/* test_limits.c - a program that has run out of what a process may have: descriptors, file sizes, address
 * space, locked memory, rights. Nothing kills it, nothing stops its journal for good, and words say
 * what is short. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "opened.h"

enum { HANG_S = 60, NOBODY = 65534, PATIENCE_MS = 20000, WIDE = 20000 };

/* Shared with the child, which must not use cmocka: where it gave up, and what it heard. */
typedef struct told {
    _Atomic int64_t rows;
    _Atomic unsigned events[32];
    int line;
    char words[600];
} told;

static opened *here; /* for handlers, threads and children */
static told *t;

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) give_up(__LINE__);                                                       \
    } while (0)

static void give_up(int line) {
    t->line = line;
    if (!t->words[0]) (void)snprintf(t->words, sizeof t->words, "%s", weir_last_error());
    _exit(1);
}

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

/* The status that waitpid gives. */
static int run(void (*body)(void)) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)alarm(HANG_S);
        body();
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void run_well(void (*body)(void)) {
    int status = run(body);
    if (status) fail_msg("status %x, line %d: %s", (unsigned)status, t->line, t->words);
}

/* ---- in the child --------------------------------------------------------------------------- */

static void on_event(void *context, weir_event event, const char *text) {
    (void)context;
    if (event == WEIR_EVENT_NO_SPACE) (void)snprintf(t->words, sizeof t->words, "%s", text);
    atomic_fetch_add(&t->events[event], 1);
}

static const weir_options small = {.lane_bytes = 1 << 17,
                                   .lanes_max = 4,
                                   .segment_bytes = 1 << 20,
                                   .full = WEIR_FULL_FAIL,
                                   .on_event = on_event};

static void open_it(void) {
    static const weir_column columns[] = {{"n", WEIR_INTEGER}, {"wide", WEIR_BLOB}};
    MUST(weir_open_sqlite(here->database, &small, &here->w) == WEIR_OK);
    MUST(weir_declare(here->w, "rows", columns, 2, &here->table) == WEIR_OK);
    MUST(weir_sync(here->w, WEIR_APPLIED, PATIENCE_MS) == WEIR_OK);
}

static int append_one(void) {
    static uint8_t noise[WIDE];
    static weir_rng rng = {3};
    weir_rng_fill(&rng, noise, sizeof noise);
    int status = weir_append(here->table, weir_int(t->rows + 1), weir_blob(noise, sizeof noise));
    if (status == WEIR_OK) t->rows++;
    return status;
}

/* Until so many rows are durable. */
static void append_durably(int count) {
    for (int i = 0; i < count; i++) {
        MUST(append_one() == WEIR_OK);
        MUST(weir_sync(here->w, WEIR_DURABLE, PATIENCE_MS) == WEIR_OK);
    }
}

static bool greedy; /* whatever descriptor becomes free is taken */

/* Appends follow the full policy while the journal cannot grow. */
static void append_until_refused(void) {
    int status = WEIR_OK;
    for (int ms = 0; !t->events[WEIR_EVENT_NO_SPACE] || status != WEIR_FULL; ms++) {
        MUST(ms < PATIENCE_MS);
        while (greedy && open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0) {
        }
        status = append_one();
        MUST(status == WEIR_OK || status == WEIR_FULL);
        MUST(weir_sync(here->w, WEIR_DURABLE, 1) >= 0);
    }
    MUST(!t->events[WEIR_EVENT_STOPPED]);
}

static void go_on_and_close(void) {
    MUST(weir_sync(here->w, WEIR_APPLIED, PATIENCE_MS) == WEIR_OK);
    append_durably(60); /* more than a segment */
    MUST(weir_sync(here->w, WEIR_APPLIED, PATIENCE_MS) == WEIR_OK);
    MUST(opened_close(here) == WEIR_OK);
    MUST(t->events[WEIR_EVENT_NO_SPACE] == 1 && t->events[WEIR_EVENT_GROWS_AGAIN] == 1);
    MUST(!t->events[WEIR_EVENT_STOPPED] && !t->events[WEIR_EVENT_SYNC_FAILED]);
}

static void limit(int which, rlim_t most) {
    struct rlimit now;
    MUST(getrlimit((__rlimit_resource_t)which, &now) == 0);
    now.rlim_cur = most < now.rlim_max ? most : now.rlim_max;
    MUST(setrlimit((__rlimit_resource_t)which, &now) == 0);
}

/* ---- in the parent -------------------------------------------------------------------------- */

static void all_rows_are_there(void) {
    assert_int_equal(weir_open_sqlite(here->database, NULL, &here->w), WEIR_OK);
    assert_int_equal(weir_sync(here->w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
    assert_int_equal(opened_close(here), WEIR_OK);
    assert_int_equal(weir_sql_int(here->database, "SELECT count(*) FROM rows"), t->rows);
    assert_int_equal(weir_sql_int(here->database, "SELECT max(n) FROM rows"), t->rows);
}

/* ---- descriptors ---------------------------------------------------------------------------- */

static void use_up_descriptors(void) {
    limit(RLIMIT_NOFILE, 64);
    while (open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0) {
    }
    MUST(errno == EMFILE);
}

static void work_without_descriptors(void) {
    open_it();
    append_durably(35); /* more than half of a segment: the next one's file is open */
    use_up_descriptors();
    append_durably(60); /* the full segment's descriptor is there for the one after */
    greedy = true;
    append_until_refused();
    MUST(strstr(t->words, "RLIMIT_NOFILE"));
    limit(RLIMIT_NOFILE, 1024);
    go_on_and_close();
}

static void a_process_without_descriptors_goes_on_for_a_segment_and_then_waits(void **state) {
    (void)state;
    run_well(work_without_descriptors);
    all_rows_are_there();
}

/* ---- sizes of files ------------------------------------------------------------------------- */

static void open_under_a_limit(void) {
    limit(RLIMIT_FSIZE, 1 << 19);
    MUST(weir_open_sqlite(here->database, NULL, &here->w) < 0);
    MUST(strstr(weir_last_error(), "RLIMIT_FSIZE"));
    limit(RLIMIT_FSIZE, RLIM_INFINITY);
    open_it(); /* nothing that it left is in the way */
    append_durably(1);
    MUST(opened_close(here) == WEIR_OK);
}

static void a_limit_of_file_sizes_is_an_error_of_opening(void **state) {
    (void)state;
    run_well(open_under_a_limit);
    all_rows_are_there();
}

static void work_under_a_limit(void) {
    open_it();
    append_durably(10);
    limit(RLIMIT_FSIZE, 1 << 19);
    append_until_refused();
    MUST(strstr(t->words, "RLIMIT_FSIZE"));
    limit(RLIMIT_FSIZE, RLIM_INFINITY);
    MUST(weir_sync(here->w, WEIR_APPLIED, PATIENCE_MS) == WEIR_OK);
    MUST(opened_close(here) == WEIR_OK);
    MUST(!t->events[WEIR_EVENT_STOPPED]);
}

static void a_limit_that_comes_later_stops_nothing(void **state) {
    (void)state;
    run_well(work_under_a_limit);
    all_rows_are_there();
}

/* A signal of the program's own, blocked and waiting, is still there afterwards. */
static void keep_a_pending_signal(void) {
    sigset_t set, after;
    sigemptyset(&set);
    sigaddset(&set, SIGXFSZ);
    MUST(sigprocmask(SIG_BLOCK, &set, NULL) == 0 && raise(SIGXFSZ) == 0);
    open_it();
    MUST(opened_close(here) == WEIR_OK);
    MUST(sigpending(&after) == 0 && sigismember(&after, SIGXFSZ));
}

static void a_signal_of_the_programs_own_is_left_alone(void **state) {
    (void)state;
    run_well(keep_a_pending_signal);
}

static void crash_with_rows(void) {
    open_it();
    append_durably(30);
    (void)kill(getpid(), SIGKILL);
}

static void the_tool_names_the_limit_too(void **state) {
    (void)state;
    char command[512];
    assert_true(WIFSIGNALED(run(crash_with_rows)));
    (void)snprintf(command, sizeof command, "ulimit -f 64; exec '%s' '%s' 2>'%s/err'", WEIR_RECOVER,
                   here->database, here->directory);
    int status = system(command);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 8);
    char *words = weir_file_text(weir_temp_path(here->directory, "err"));
    assert_non_null(strstr(words, "RLIMIT_FSIZE"));
    free(words);
    all_rows_are_there();
}

/* ---- memory --------------------------------------------------------------------------------- */

static void open_without_address_space(void) {
    limit(RLIMIT_AS, 400u << 20);
    weir_options o = {.lane_bytes = 256u << 20};
    MUST(weir_open_sqlite(here->database, &o, &here->w) < 0);
    MUST(strstr(weir_last_error(), "RLIMIT_AS"));
}

static void a_limit_of_address_space_is_named(void **state) {
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* a sanitizer needs more of it than any limit leaves */
#endif
    run_well(open_without_address_space);
}

static void become_nobody(void) { MUST(setgid(NOBODY) == 0 && setuid(NOBODY) == 0); }

static void open_with_locked_memory(void) {
    limit(RLIMIT_MEMLOCK, 8u << 20);
    become_nobody(); /* root may lock whatever it likes */
    if (mlockall(MCL_FUTURE)) _exit(77);
    MUST(weir_open_sqlite(here->database, NULL, &here->w) < 0);
    MUST(strstr(weir_last_error(), "RLIMIT_MEMLOCK"));
}

static void a_limit_of_locked_memory_is_named(void **state) {
    (void)state;
    if (geteuid() != 0) skip();
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip();
#endif
    assert_int_equal(chown(here->directory, NOBODY, NOBODY), 0);
    int status = run(open_with_locked_memory);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) skip();
    if (status) fail_msg("status %x, line %d: %s", (unsigned)status, t->line, t->words);
}

/* ---- rights --------------------------------------------------------------------------------- */

static void work_without_rights(void) {
    open_it();
    append_durably(10);
    MUST(chmod(here->directory, 0755) == 0); /* the files can be found, and not changed */
    MUST(setgid(NOBODY) == 0 && seteuid(NOBODY) == 0);
    append_until_refused();
    MUST(strstr(t->words, here->journal) && strstr(t->words, "user 65534"));
    MUST(seteuid(0) == 0);
    go_on_and_close();
}

static void rights_that_were_dropped_are_named_and_rows_stay(void **state) {
    (void)state;
    if (geteuid() != 0) skip();
    run_well(work_without_rights);
    all_rows_are_there();
}

/* For good: the rows of the ring are there for who opens next. */
static void drop_rights_and_leave(void) {
    open_it();
    append_durably(10);
    become_nobody();
    append_until_refused();
    MUST(opened_close(here) == WEIR_FULL);
    MUST(strstr(weir_last_error(), "rows stay in the ring"));
}

static void what_closing_leaves_without_rights_is_found(void **state) {
    (void)state;
    if (geteuid() != 0) skip();
    run_well(drop_rights_and_leave);
    all_rows_are_there();
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_process_without_descriptors_goes_on_for_a_segment_and_then_waits),
        TEST(a_limit_of_file_sizes_is_an_error_of_opening),
        TEST(a_limit_that_comes_later_stops_nothing),
        TEST(a_signal_of_the_programs_own_is_left_alone),
        TEST(the_tool_names_the_limit_too),
        TEST(a_limit_of_address_space_is_named),
        TEST(a_limit_of_locked_memory_is_named),
        TEST(rights_that_were_dropped_are_named_and_rows_stay),
        TEST(what_closing_leaves_without_rights_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
