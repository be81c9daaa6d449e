/* Statuses keep their values and words; errors are one line, and each thread has its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "lib/base/status.h"

static void values_are_pinned(void **state) {
    (void)state;
    static const struct {
        int status, value;
    } pinned[] = {
        {WEIR_OK, 0},         {WEIR_PENDING, 1},     {WEIR_MISUSE, -1},
        {WEIR_NO_MEMORY, -2}, {WEIR_IO, -3},         {WEIR_NO_SPACE, -4},
        {WEIR_FULL, -5},      {WEIR_TOO_BIG, -6},    {WEIR_CLOSED, -7},
        {WEIR_FORKED, -8},    {WEIR_LOCKED, -9},     {WEIR_BUSY, -10},
        {WEIR_DATABASE, -11}, {WEIR_SCHEMA, -12},    {WEIR_DAMAGED, -13},
        {WEIR_FOREIGN, -14},  {WEIR_VERSION, -15},   {WEIR_REJECTED, -16},
        {WEIR_STOPPED, -17},  {WEIR_NOT_FOUND, -18}, {WEIR_UNSUPPORTED, -19},
    };
    for (size_t i = 0; i < sizeof pinned / sizeof pinned[0]; i++)
        assert_int_equal(pinned[i].status, pinned[i].value);
}

static void every_status_has_its_own_words(void **state) {
    (void)state;
    assert_string_equal(weir_status_name(WEIR_FULL), "WEIR_FULL");
    assert_string_equal(weir_status_text(WEIR_OK), "done");
    for (int a = -19; a <= 1; a++) {
        assert_string_not_equal(weir_status_name(a), "WEIR_UNKNOWN");
        for (int b = -19; b < a; b++) {
            assert_string_not_equal(weir_status_name(a), weir_status_name(b));
            assert_string_not_equal(weir_status_text(a), weir_status_text(b));
        }
    }
}

static void unknown_statuses_have_words_too(void **state) {
    (void)state;
    static const int unknown[] = {2, -20, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        assert_string_equal(weir_status_name(unknown[i]), "WEIR_UNKNOWN");
        assert_true(strlen(weir_status_text(unknown[i])) > 0);
    }
}

static void version_is_that_of_the_header(void **state) {
    (void)state;
    char text[32];
    (void)snprintf(text, sizeof text, "%d.%d.%d", WEIR_VERSION_MAJOR, WEIR_VERSION_MINOR,
                   WEIR_VERSION_PATCH);
    assert_string_equal(weir_version(), text);
}

static void fail_formats_and_returns_the_status(void **state) {
    (void)state;
    weir_error error;
    assert_int_equal(weir_fail(&error, WEIR_FULL, "%s %d", "lane", 7), WEIR_FULL);
    assert_int_equal(error.status, WEIR_FULL);
    assert_string_equal(error.text, "lane 7");
    assert_int_equal(weir_fail(NULL, WEIR_FULL, "nobody reads this"), WEIR_FULL);
    assert_int_equal(weir_fail_os(NULL, -ENOSPC, "nor this"), WEIR_NO_SPACE);
}

static void texts_are_one_line(void **state) {
    (void)state;
    weir_error error;
    weir_fail(&error, WEIR_MISUSE, "table \"%s\"", "a\nb\tc\x7f\xc3\xa9");
    assert_string_equal(error.text, "table \"a?b?c?\xc3\xa9\"");
}

static void os_failures_map_to_statuses(void **state) {
    (void)state;
    static const struct {
        int64_t result;
        int status;
    } cases[] = {
        {-ENOSPC, WEIR_NO_SPACE},
        {-EDQUOT, WEIR_NO_SPACE},
        {-ENOMEM, WEIR_NO_MEMORY},
        {-EIO, WEIR_IO},
        {-EACCES, WEIR_IO},
        {INT64_MIN, WEIR_IO},
        {0, WEIR_IO},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        weir_error error;
        assert_int_equal(weir_fail_os(&error, cases[i].result, "x"), cases[i].status);
        assert_int_equal(error.status, cases[i].status);
    }
}

static void os_failures_say_why(void **state) {
    (void)state;
    weir_error error;
    weir_fail_os(&error, -ENOENT, "cannot open %s", "/x");
    assert_string_equal(error.text, "cannot open /x: No such file or directory");
}

static void a_long_text_is_cut_but_keeps_its_reason(void **state) {
    (void)state;
    char path[4096];
    memset(path, 'p', sizeof path);
    path[sizeof path - 1] = '\0';
    weir_error error;
    weir_fail(&error, WEIR_IO, "%s", path);
    assert_int_equal(strlen(error.text), sizeof error.text - 1);
    weir_fail_os(&error, -EIO, "cannot read %s", path);
    assert_int_equal(strlen(error.text), sizeof error.text - 1);
    assert_non_null(strstr(error.text, "p: Input/output error"));
}

static void a_name_is_not_said_twice(void **state) {
    (void)state;
    assert_string_equal(weir_text_after_name("/a/b: it is full", "/a/b"), "it is full");
    assert_string_equal(weir_text_after_name("/a/b is full", "/a/b"), "is full");
    assert_string_equal(weir_text_after_name("/a/b-wal: it is full", "/a/b"),
                        "/a/b-wal: it is full");
    assert_string_equal(weir_text_after_name("it is full", "/a/b"), "it is full");
    assert_string_equal(weir_text_after_name("", ""), "");
}

static void *publish_elsewhere(void *unused) {
    (void)unused;
    weir_error error;
    weir_fail(&error, WEIR_IO, "another thread's");
    assert_string_equal(weir_last_error(), "");
    assert_int_equal(weir_publish_error(&error), WEIR_IO);
    assert_string_equal(weir_last_error(), "another thread's");
    return NULL;
}

static void last_error_belongs_to_the_thread(void **state) {
    (void)state;
    assert_string_equal(weir_last_error(), "");
    weir_error error;
    weir_fail(&error, WEIR_BUSY, "mine");
    assert_int_equal(weir_publish_error(&error), WEIR_BUSY);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, publish_elsewhere, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_string_equal(weir_last_error(), "mine");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_pinned),
        cmocka_unit_test(every_status_has_its_own_words),
        cmocka_unit_test(unknown_statuses_have_words_too),
        cmocka_unit_test(version_is_that_of_the_header),
        cmocka_unit_test(fail_formats_and_returns_the_status),
        cmocka_unit_test(texts_are_one_line),
        cmocka_unit_test(os_failures_map_to_statuses),
        cmocka_unit_test(os_failures_say_why),
        cmocka_unit_test(a_long_text_is_cut_but_keeps_its_reason),
        cmocka_unit_test(a_name_is_not_said_twice),
        cmocka_unit_test(last_error_belongs_to_the_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
