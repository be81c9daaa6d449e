/* The logger: what stands in the table, what the filter costs, what is cut. */
#include "opened.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/log.h>

static int64_t ask(const opened *o, const char *sql) { return weir_sql_int(o->database, sql); }

static void a_message_becomes_a_row(void **state) {
    opened *o = *state;
    opened_open(o, NULL);
    weir *w = o->w;

    weir_log(w, WEIR_WARN, "agent %d has %s", 7, "nothing");
    int line = __LINE__ - 1;
    weir_log_error(w, "plain");
    assert_int_equal(weir_sync(w, WEIR_APPLIED, 10000), WEIR_OK);
    assert_int_equal(ask(o, "SELECT count(*) FROM log"), 2);
    assert_int_equal(ask(o, "SELECT line FROM log WHERE level = 'WARN' "
                            "AND message = 'agent 7 has nothing' AND file LIKE '%test_log.c' "
                            "AND thread > 0 AND time_ns > 1600000000000000000"),
                     line);
    assert_int_equal(ask(o, "SELECT count(*) FROM log WHERE level = 'ERROR'"), 1);
    assert_int_equal(opened_close(o), WEIR_OK);
}

static int evaluated;

static int evaluate(void) { return ++evaluated; }

static void what_is_filtered_is_not_evaluated(void **state) {
    opened *o = *state;
    opened_open(o, NULL);
    weir *w = o->w;

    weir_log_debug(w, "%d", evaluate());
    assert_int_equal(evaluated, 0);
    weir_log_set_level(WEIR_TRACE);
    weir_log_trace(w, "%d", evaluate());
    weir_log_set_level(WEIR_INFO);
    assert_int_equal(evaluated, 1);
    assert_int_equal(weir_sync(w, WEIR_APPLIED, 10000), WEIR_OK);
    assert_int_equal(ask(o, "SELECT count(*) FROM log"), 1);
    assert_int_equal(opened_close(o), WEIR_OK);
}

/* Messages around the limit; a cut one ends in the mark and splits no character. */
static void long_messages_are_cut(void **state) {
    opened *o = *state;
    opened_open(o, NULL);
    weir *w = o->w;
    char *text = malloc(3 * WEIR_LOG_BYTES);

    assert_non_null(text);
    memset(text, 'x', WEIR_LOG_BYTES - 1);
    text[WEIR_LOG_BYTES - 1] = 0;
    weir_log_info(w, "%s", text);
    text[0] = 0;
    for (int i = 0; i < WEIR_LOG_BYTES; i++)
        strcpy(text + 2 * i, "ü");
    weir_log_warn(w, "%s", text);
    free(text);
    assert_int_equal(weir_sync(w, WEIR_APPLIED, 10000), WEIR_OK);
    assert_int_equal(ask(o, "SELECT length(message) FROM log WHERE level = 'INFO'"),
                     WEIR_LOG_BYTES - 1);
    assert_int_equal(ask(o, "SELECT count(*) FROM log WHERE level = 'WARN' "
                            "AND length(CAST(message AS BLOB)) BETWEEN 4080 AND 4095 "
                            "AND trim(message, 'ü') = '… [cut]'"),
                     1);
    assert_int_equal(opened_close(o), WEIR_OK);
}

static void errno_and_misuse(void **state) {
    opened *o = *state;
    opened_open(o, NULL);
    weir *w = o->w;

    errno = ENOENT;
    weir_log_info(w, "%m");
    assert_int_equal(errno, ENOENT);
    assert_int_equal(weir_sync(w, WEIR_APPLIED, 10000), WEIR_OK);
    assert_int_equal(ask(o, "SELECT message LIKE 'No such file%' FROM log"), 1);
    assert_int_equal(weir_log_write(NULL, WEIR_INFO, "f", 1, "x"), WEIR_MISUSE);
    assert_string_equal(weir_log_level_name(WEIR_FATAL), "FATAL");
    assert_string_equal(weir_log_level_name(6), "?");
    assert_int_equal(opened_close(o), WEIR_OK);
}

/* A handle's table ends with the handle: the next one, perhaps at the same address, has its own. */
static void every_handle_has_its_own_log(void **state) {
    opened *o = *state;
    for (int i = 0; i < 3; i++) {
        (void)snprintf(o->database, sizeof o->database, "%s/%d.db", o->directory, i);
        opened_open(o, NULL);
        weir *w = o->w;
        assert_int_equal(weir_log_write(w, WEIR_INFO, "f", i, "handle %d", i), WEIR_OK);
        assert_int_equal(opened_close(o), WEIR_OK);
        assert_int_equal(ask(o, "SELECT line FROM log"), i);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        OPENED_TEST(a_message_becomes_a_row),      OPENED_TEST(what_is_filtered_is_not_evaluated),
        OPENED_TEST(long_messages_are_cut),        OPENED_TEST(errno_and_misuse),
        OPENED_TEST(every_handle_has_its_own_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
