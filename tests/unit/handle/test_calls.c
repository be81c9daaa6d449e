/* test_calls.c - what a call leaves behind beside its answer: errno, counts, and the words for a failure. */
/* Covers: lib/handle/append_rows.c */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/handle/handle.h"
#include "lib/journal/stream.h"
#include "opened.h"
#include <weir/log.h>

enum { KEPT = 4711, TEXT = 10000 };

static opened *here; /* for handlers, threads and children */
static weir_table *plain, *keyed;
static char text[TEXT];

static const weir_column plain_columns[] = {{"a", WEIR_INTEGER}, {"b", WEIR_TEXT}};
static const weir_column keyed_columns[] = {{"id", WEIR_KEY}, {"b", WEIR_TEXT}};

static void open_it(weir_full full) {
    weir_options o = {.lane_bytes = 65536, .full = full, .full_timeout_ms = 10};
    if (weir_open_sqlite(here->database, &o, &here->w) != WEIR_OK)
        fail_msg("%s", weir_last_error());
    assert_int_equal(weir_declare(here->w, "plain", plain_columns, 2, &plain), WEIR_OK);
    assert_int_equal(weir_declare(here->w, "keyed", keyed_columns, 2, &keyed), WEIR_OK);
}

static int setup(void **state) {
    if (opened_set_up(state) != 0) return -1;
    here = *state;
    memset(text, 'x', sizeof text);
    return 0;
}

/* The journal thread stands still, so that a lane fills up and stays full. */
static void hold_journal(void) { weir_journal_lock(weir_handle_journal(here->w)); }
static void let_journal_go(void) { weir_journal_unlock(weir_handle_journal(here->w)); }

static int append_text(size_t bytes) {
    return weir_append(plain, weir_int(1), weir_text_n(text, bytes));
}

static void fill_lane(void) {
    hold_journal();
    while (append_text(sizeof text) == WEIR_OK) {
    }
}

static uint64_t rows_refused(void) {
    struct weir_stats s;
    assert_int_equal(weir_stats(here->w, &s), WEIR_OK);
    return s.rows_refused;
}

/* ---- errno ----------------------------------------------------------------------------------- */

static bool keeps_errno(int (*append)(void), int status) {
    errno = KEPT;
    int answer = append();
    bool kept = errno == KEPT;
    assert_int_equal(answer, status);
    return kept;
}

static int one(void) { return append_text(5); }
static int large(void) { return append_text(sizeof text); }
static int too_big(void) {
    static char most[40000];
    return weir_append(plain, weir_int(1), weir_text_n(most, sizeof most));
}
static int two(void) {
    const weir_value rows[] = {weir_int(1), weir_text_n(text, sizeof text), weir_int(2),
                               weir_text_n(text, sizeof text)};
    return weir_append_rows(plain, rows, 2, 2, NULL);
}
static int two_keyed(void) {
    const weir_value rows[] = {weir_null(), weir_text_n(text, sizeof text), weir_int(200),
                               weir_text_n(text, sizeof text)};
    return weir_append_rows(keyed, rows, 2, 2, NULL);
}
static int misused(void) { return weir_append_row(plain, NULL, 2, NULL); }
static int logged(void) {
    return weir_log_write(here->w, WEIR_INFO, __FILE__, __LINE__, "%s", "something");
}
static int logged_much(void) {
    return weir_log_write(here->w, WEIR_INFO, __FILE__, __LINE__, "%.*s", 4000, text);
}

static void *first_append(void *kept) {
    *(bool *)kept = keeps_errno(one, WEIR_OK);
    return NULL;
}

static void appends_keep_errno(void **state) {
    (void)state;
    pthread_t thread;
    bool kept = false;
    open_it(WEIR_FULL_BLOCK);
    assert_true(keeps_errno(one, WEIR_OK)); /* which wakes the journal thread, or does not */
    assert_true(keeps_errno(two, WEIR_OK));
    assert_true(keeps_errno(two_keyed, WEIR_OK));
    assert_true(keeps_errno(too_big, WEIR_TOO_BIG));
    assert_true(keeps_errno(misused, WEIR_MISUSE));
    assert_true(keeps_errno(logged, WEIR_OK));
    assert_int_equal(pthread_create(&thread, NULL, first_append, &kept), 0); /* takes a lane */
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(kept);
    fill_lane();
    assert_true(keeps_errno(large, WEIR_FULL)); /* and waits in vain */
    assert_true(keeps_errno(two, WEIR_FULL));
    assert_true(keeps_errno(two_keyed, WEIR_FULL));
    while (logged_much() == WEIR_OK) {
    }
    assert_true(keeps_errno(logged_much, WEIR_FULL));
    let_journal_go();
    weir_table *closed = plain;
    assert_int_equal(opened_close(here), WEIR_OK);
    plain = closed;
    assert_true(keeps_errno(one, WEIR_CLOSED));
}

/* ---- counts ------------------------------------------------------------------------------------ */

static void refused_rows_are_counted_each(void **state) {
    (void)state;
    for (int full = WEIR_FULL_BLOCK; full <= WEIR_FULL_FAIL; full++) {
        open_it((weir_full)full);
        fill_lane();
        assert_int_equal(rows_refused(), 1);
        assert_int_equal(large(), WEIR_FULL);
        assert_int_equal(rows_refused(), 2);
        assert_int_equal(two(), WEIR_FULL);
        assert_int_equal(rows_refused(), 4);
        assert_int_equal(two_keyed(), WEIR_FULL);
        assert_int_equal(rows_refused(), 6);
        assert_int_equal(too_big(), WEIR_TOO_BIG); /* which no room would help */
        assert_int_equal(rows_refused(), 6);
        let_journal_go();
        assert_int_equal(opened_close(here), WEIR_OK);
    }
}

/* ---- words ------------------------------------------------------------------------------------- */

/* Each failure after another one, whose words must not be left. */
static void expect_words(int status, int wanted, const char *call, const char *what) {
    const char *words = weir_last_error();
    assert_int_equal(status, wanted);
    if (!strstr(words, call) || !strstr(words, what))
        fail_msg("neither \"%s\" nor \"%s\" in: %s", call, what, words);
}

static void misuse_names_the_call_and_the_argument(void **state) {
    (void)state;
    const weir_value row[] = {weir_null(), weir_null()};
    struct weir_stats s;
    weir_ticket ticket = {0};
    weir_table *t;
    weir *other;
    open_it(WEIR_FULL_BLOCK);
    weir_level none = (weir_level)7;
    expect_words(weir_sync(NULL, WEIR_DURABLE, 0), WEIR_MISUSE, "weir_sync", "w is NULL");
    expect_words(weir_wait(NULL, ticket, WEIR_DURABLE, 0), WEIR_MISUSE, "weir_wait", "w is NULL");
    expect_words(weir_sync(here->w, none, 0), WEIR_MISUSE, "weir_sync", "level");
    expect_words(weir_wait(here->w, ticket, none, 0), WEIR_MISUSE, "weir_wait", "level");
    expect_words(weir_wait(here->w, ticket, WEIR_DURABLE, 0), WEIR_MISUSE, "weir_wait", "ticket");
    expect_words(weir_stats(NULL, &s), WEIR_MISUSE, "weir_stats", "w is NULL");
    expect_words(weir_stats(here->w, NULL), WEIR_MISUSE, "weir_stats", "out is NULL");
    expect_words(weir_close(NULL), WEIR_MISUSE, "weir_close", "w is NULL");
    expect_words(weir_declare(NULL, "t", plain_columns, 2, &t), WEIR_MISUSE, "weir_declare",
                 "w is NULL");
    expect_words(weir_declare(here->w, NULL, plain_columns, 2, &t), WEIR_MISUSE, "weir_declare",
                 "name is NULL");
    expect_words(weir_declare(here->w, "t", NULL, 2, &t), WEIR_MISUSE, "weir_declare",
                 "columns is NULL");
    expect_words(weir_declare(here->w, "t", plain_columns, 2, NULL), WEIR_MISUSE, "weir_declare",
                 "out is NULL");
    expect_words(weir_insert_now(NULL, row, 2, 0, NULL, NULL), WEIR_MISUSE, "weir_insert_now",
                 "table is NULL");
    expect_words(weir_insert_now(keyed, NULL, 2, 0, NULL, NULL), WEIR_MISUSE, "weir_insert_now",
                 "values is NULL");
    expect_words(weir_insert_now(plain, row, 2, 0, NULL, NULL), WEIR_MISUSE, "weir_insert_now",
                 "WEIR_KEY");
    expect_words(weir_insert_now(keyed, row, 1, 0, NULL, NULL), WEIR_MISUSE, "weir_insert_now",
                 "count");
    expect_words(weir_log_write(NULL, WEIR_INFO, NULL, 0, "x"), WEIR_MISUSE, "weir_log_write",
                 "w is NULL");
    expect_words(weir_open_sqlite(NULL, NULL, &other), WEIR_MISUSE, "weir_open_sqlite", "path");
    expect_words(weir_open_sqlite(here->database, NULL, NULL), WEIR_MISUSE, "weir_open_sqlite",
                 "out");
    assert_int_equal(opened_close(here), WEIR_OK);
}

static void calls_on_a_closed_handle_say_so(void **state) {
    (void)state;
    const weir_value row[] = {weir_null(), weir_null()};
    const char *closed = weir_status_text(WEIR_CLOSED);
    struct weir_stats s;
    weir_ticket ticket;
    weir_table *t;
    open_it(WEIR_FULL_BLOCK);
    assert_int_equal(weir_append_row(keyed, row, 2, &ticket), WEIR_OK);
    weir *w = here->w;
    assert_int_equal(opened_close(here), WEIR_OK);
    expect_words(weir_sync(w, WEIR_DURABLE, 0), WEIR_CLOSED, "weir_sync", closed);
    expect_words(weir_wait(w, ticket, WEIR_DURABLE, 0), WEIR_CLOSED, "weir_wait", closed);
    expect_words(weir_stats(w, &s), WEIR_CLOSED, "weir_stats", closed);
    expect_words(weir_declare(w, "t", plain_columns, 2, &t), WEIR_CLOSED, "declaring t", closed);
    expect_words(weir_insert_now(keyed, row, 2, 0, NULL, NULL), WEIR_CLOSED, "weir_insert_now",
                 closed);
    expect_words(weir_close(w), WEIR_CLOSED, "weir_close", closed);
}

/* Root may write everywhere, so it becomes somebody else first. */
static int open_where_nothing_may_be_made(void) {
    weir *mine;
    if (geteuid() == 0 && setresuid(65534, 65534, 65534)) return 77;
    if (weir_open_sqlite(here->database, NULL, &mine) != WEIR_DATABASE) return 1;
    return strstr(weir_last_error(), "may not be written") &&
                   !strstr(weir_last_error(), "No such file")
               ? 0
               : 2;
}

static void a_directory_that_may_not_be_written_is_not_called_absent(void **state) {
    (void)state;
    int status;
    assert_int_equal(chmod(here->directory, 0555), 0);
    pid_t child = fork();
    if (child == 0) _exit(open_where_nothing_may_be_made());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(chmod(here->directory, 0700), 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) skip();
    assert_int_equal(status, 0);
    weir *mine;
    assert_int_equal(weir_open_sqlite("/nonexistent/directory/x.db", NULL, &mine), WEIR_DATABASE);
    assert_non_null(strstr(weir_last_error(), "No such file"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(appends_keep_errno, setup, opened_tear_down),
        cmocka_unit_test_setup_teardown(refused_rows_are_counted_each, setup, opened_tear_down),
        cmocka_unit_test_setup_teardown(misuse_names_the_call_and_the_argument, setup,
                                        opened_tear_down),
        cmocka_unit_test_setup_teardown(calls_on_a_closed_handle_say_so, setup, opened_tear_down),
        cmocka_unit_test_setup_teardown(a_directory_that_may_not_be_written_is_not_called_absent,
                                        setup, opened_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
