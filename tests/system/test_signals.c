/* test_signals.c - appends in signal handlers, whatever call of the library they interrupt and however
 * small their stack is. */
/* Covers: lib/base/thread.c */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/handle/handle.h"
#include "lib/journal/stream.h"
#include "opened.h"
#include "storm.h"
#include <weir/log.h>

enum { PATIENCE_MS = 60000, BIG = 30000, ROUNDS = 60, WIDE = 2000 };

static opened *here; /* for handlers, threads and children */
static weir_table *plain, *keyed;

static const weir_column plain_columns[] = {{"a", WEIR_INTEGER}, {"b", WEIR_TEXT}};
static const weir_column keyed_columns[] = {{"id", WEIR_KEY}, {"b", WEIR_TEXT}};

static void open_it(const weir_options *options) {
    if (weir_open_sqlite(here->database, options, &here->w) != WEIR_OK)
        fail_msg("%s", weir_last_error());
    assert_int_equal(weir_declare(here->w, "plain", plain_columns, 2, &plain), WEIR_OK);
    assert_int_equal(weir_declare(here->w, "keyed", keyed_columns, 2, &keyed), WEIR_OK);
}

static int setup(void **state) {
    if (opened_set_up(state) != 0) return -1;
    here = *state;
    return 0;
}

/* ---- handlers that wait for room ------------------------------------------------------------- */

/* A thread that held it while a handler waits for room would keep the journal thread from making any. */
static void statistics_ask_for_no_lock_of_the_journal(void **state) {
    (void)state;
    struct weir_stats s;
    open_it(NULL);
    assert_int_equal(weir_append(plain, weir_int(1), weir_null()), WEIR_OK);
    assert_int_equal(weir_sync(here->w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
    weir_journal *journal = weir_handle_journal(here->w);
    (void)alarm(30); /* who hangs is ended */
    weir_journal_lock(journal);
    assert_int_equal(weir_stats(here->w, &s), WEIR_OK);
    weir_journal_unlock(journal);
    (void)alarm(0);
    assert_int_equal(s.rows_durable, 1);
    assert_int_equal(s.last_row, 1);
    assert_true(s.syncs > 0 && s.bytes_durable > 0 && s.journal_bytes > 0);
    assert_int_equal(opened_close(here), WEIR_OK);
}

static char big[BIG];
static _Atomic long taken, refused, wrong_errno;
static storm pest;

static int teardown(void **state) {
    storm_end(&pest);
    return opened_tear_down(state);
}

/* Two such rows fill a lane, so it waits for the journal thread nearly every time. */
static void append_much(int signal) {
    (void)signal;
    int saved = errno;
    errno = 4711;
    int status = weir_append(plain, weir_int(1), weir_text_n(big, sizeof big));
    if (errno != 4711) atomic_fetch_add(&wrong_errno, 1);
    atomic_fetch_add(status == WEIR_OK ? &taken : &refused, 1);
    errno = saved;
}

static void call_everything(int round) {
    struct weir_stats s;
    weir_ticket ticket;
    weir_table *t;
    char name[20];
    int64_t key;
    const weir_value row[] = {weir_null(), weir_text("now")};
    const weir_value rows[] = {weir_null(), weir_text("x"), weir_null(), weir_text("y")};
    for (int i = 0; i < 200; i++)
        assert_int_equal(weir_stats(here->w, &s), WEIR_OK);
    assert_int_equal(weir_append_row(keyed, row, 2, &ticket), WEIR_OK);
    assert_int_equal(weir_append_rows(keyed, rows, 2, 2, NULL), WEIR_OK);
    assert_int_equal(weir_wait(here->w, ticket, WEIR_DURABLE, PATIENCE_MS), WEIR_OK);
    assert_int_equal(weir_sync(here->w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
    assert_int_equal(weir_insert_now(keyed, row, 2, PATIENCE_MS, &key, NULL), WEIR_OK);
    (void)snprintf(name, sizeof name, "t%d", round / 4);
    assert_int_equal(weir_declare(here->w, name, keyed_columns, 2, &t), WEIR_OK);
    assert_int_equal(weir_log_write(here->w, WEIR_INFO, __FILE__, __LINE__, "round %d", round),
                     WEIR_OK);
    if (round % 10) return;
    weir *other;
    if (weir_open_sqlite(here->copy, NULL, &other) != WEIR_OK) fail_msg("%s", weir_last_error());
    assert_int_equal(weir_close(other), WEIR_OK);
}

/* A freeze shows as a row that is refused behind the longest wait. */
static void handlers_append_through_every_call(void **state) {
    (void)state;
    weir_options o = {.lane_bytes = 65536, .full_timeout_ms = PATIENCE_MS / 2};
    memset(big, 'y', sizeof big);
    open_it(&o);
    storm_begin(&pest, append_much, SA_RESTART, 100);
    for (int round = 0; round < ROUNDS; round++)
        call_everything(round);
    storm_end(&pest);
    assert_int_equal(opened_close(here), WEIR_OK);
    assert_int_equal(refused, 0);
    assert_int_equal(wrong_errno, 0);
    assert_true(taken > 0);
    assert_int_equal(weir_sql_int(here->database, "SELECT count(*) FROM plain"), taken);
    assert_int_equal(weir_sql_int(here->database, "SELECT count(*) FROM keyed"), 4 * ROUNDS);
    assert_int_equal(weir_sql_int(here->database, "SELECT count(*) FROM log"), ROUNDS);
}

/* ---- small stacks ------------------------------------------------------------------------------ */

static weir_table *wide, *wide_keyed;
static weir_value values[2 * WIDE];
static int (*variant)(void);
static volatile int answer;

static int one_row(void) { return weir_append_row(plain, values, 2, NULL); }
static int rows(void) { return weir_append_rows(plain, values, 2, 3, NULL); }
static int chosen_key(void) { return weir_append_row(keyed, values + 1, 2, NULL); }
static int chosen_keys(void) { return weir_append_rows(keyed, values + 1, 2, 3, NULL); }
static int wide_row(void) { return weir_append_row(wide, values, WIDE, NULL); }
static int wide_rows(void) { return weir_append_rows(wide, values, WIDE, 2, NULL); }
static int wide_key(void) { return weir_append_row(wide_keyed, values + 1, WIDE - 1, NULL); }
static int wide_keys(void) { return weir_append_rows(wide_keyed, values + 1, WIDE - 1, 2, NULL); }
static int given_key(void) {
    const weir_value row[] = {weir_text(" 12.0e1 "), weir_null()};
    return weir_append_row(keyed, row, 2, NULL);
}
static int too_big(void) {
    const weir_value row[] = {weir_int(1), weir_text_n(big, 40000)};
    return weir_append_row(plain, row, 2, NULL);
}
/* More than a lane holds, so that it waits for room. */
static int many(void) {
    int status = WEIR_OK;
    for (int i = 0; i < 8 && status == WEIR_OK; i++)
        status = weir_append(plain, weir_int(i), weir_text_n(big, BIG - 5000));
    return status;
}

static void append_on_small_stack(int signal) {
    (void)signal;
    answer = variant();
}

/* 8 KiB where the processor's state is small enough, as MINSIGSTKSZ once promised for ever. */
static size_t small_stack(void) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return 512 << 10;
#else
    size_t state = getauxval(AT_MINSIGSTKSZ);
    return ((state ? state : 2048) + 4096 + 4095) & ~(size_t)4095;
#endif
}

/* Its first append, so that it takes its lane there too. */
static void *on_small_stack(void *unused) {
    (void)unused;
    size_t bytes = small_stack(), guard = 65536;
    char *at = mmap(NULL, guard + bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack_t stack = {.ss_sp = at + guard, .ss_size = bytes}, none = {.ss_flags = SS_DISABLE};
    if (at == MAP_FAILED || mprotect(at + guard, bytes, PROT_READ | PROT_WRITE) ||
        sigaltstack(&stack, NULL))
        return "no stack";
    for (int i = 0; i < 2; i++)
        (void)raise(SIGUSR2);
    if (sigaltstack(&none, NULL) || munmap(at, guard + bytes)) return "no way back";
    return NULL;
}

static void expect_on_small_stack(int (*what)(void), int status) {
    pthread_t thread;
    void *trouble;
    variant = what;
    answer = 1000;
    assert_int_equal(pthread_create(&thread, NULL, on_small_stack, NULL), 0);
    assert_int_equal(pthread_join(thread, &trouble), 0);
    assert_null(trouble);
    assert_int_equal(answer, status);
}

static void declare_wide(void) {
    static char names[WIDE][8];
    static weir_column columns[WIDE];
    for (int i = 0; i < WIDE; i++) {
        (void)snprintf(names[i], sizeof names[i], "c%d", i);
        columns[i] = (weir_column){names[i], WEIR_INTEGER};
    }
    assert_int_equal(weir_declare(here->w, "wide", columns, WIDE, &wide), WEIR_OK);
    columns[0].type = WEIR_KEY;
    assert_int_equal(weir_declare(here->w, "wide_keyed", columns, WIDE - 1, &wide_keyed), WEIR_OK);
}

static void every_append_fits_a_small_stack(void **state) {
    (void)state;
    weir_options o = {.lane_bytes = 65536};
    struct sigaction action = {.sa_handler = append_on_small_stack, .sa_flags = SA_ONSTACK}, before;
    for (int i = 0; i < 2 * WIDE; i++)
        values[i] = i % 2 && i < 10 ? weir_null() : weir_int(i);
    values[1 + WIDE - 1] = weir_null(); /* the key of the second wide row */
    open_it(&o);
    declare_wide();
    assert_int_equal(sigaction(SIGUSR2, &action, &before), 0);
    expect_on_small_stack(one_row, WEIR_OK);
    expect_on_small_stack(rows, WEIR_OK);
    expect_on_small_stack(chosen_key, WEIR_OK);
    expect_on_small_stack(chosen_keys, WEIR_OK);
    expect_on_small_stack(given_key, WEIR_OK);
    expect_on_small_stack(wide_row, WEIR_OK);
    expect_on_small_stack(wide_rows, WEIR_OK);
    expect_on_small_stack(wide_key, WEIR_OK);
    expect_on_small_stack(wide_keys, WEIR_OK);
    expect_on_small_stack(too_big, WEIR_TOO_BIG);
    expect_on_small_stack(many, WEIR_OK);
    assert_int_equal(sigaction(SIGUSR2, &before, NULL), 0);
    assert_int_equal(opened_close(here), WEIR_OK);
    assert_int_equal(weir_sql_int(here->database, "SELECT count(*) FROM plain"), 2 + 6 + 16);
    assert_int_equal(weir_sql_int(here->database, "SELECT count(*) FROM wide"), 2 + 4);
    assert_int_equal(weir_sql_int(here->database, "SELECT count(*) FROM wide_keyed"), 2 + 4);
    assert_int_equal(weir_sql_int(here->database, "SELECT sum(c0) FROM wide_keyed"),
                     1 + 2 + 3 + 4 + 5 + 6);
    assert_int_equal(weir_sql_int(here->database, "SELECT count(*) FROM keyed"), 2 + 6 + 1);
    assert_int_equal(weir_sql_int(here->database, "SELECT count(*) FROM weir_reject"),
                     1); /* 120 again */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(statistics_ask_for_no_lock_of_the_journal, setup, teardown),
        cmocka_unit_test_setup_teardown(handlers_append_through_every_call, setup, teardown),
        cmocka_unit_test_setup_teardown(every_append_fits_a_small_stack, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
