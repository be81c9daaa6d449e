/* The logger: what stands in the table, what the filter costs, what is cut. */
#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <weir/log.h>
#include <weir/sqlite.h>

static weir *open_in(const char *dir) {
    weir *w;
    if (weir_open_sqlite(weir_temp_path(dir, "run.db"), NULL, &w) != WEIR_OK)
        fail_msg("%s", weir_last_error());
    return w;
}

static int64_t ask(const char *dir, const char *sql) {
    return weir_sql_int(weir_temp_path(dir, "run.db"), sql);
}

static void a_message_becomes_a_row(void **state) {
    (void)state;
    const char *dir = weir_temp_make();
    weir *w = open_in(dir);

    weir_log(w, WEIR_WARN, "agent %d has %s", 7, "nothing");
    int line = __LINE__ - 1;
    weir_log_error(w, "plain");
    assert_int_equal(weir_sync(w, WEIR_APPLIED, 10000), WEIR_OK);
    assert_int_equal(ask(dir, "SELECT count(*) FROM log"), 2);
    assert_int_equal(ask(dir, "SELECT line FROM log WHERE level = 'WARN' "
                              "AND message = 'agent 7 has nothing' AND file LIKE '%test_log.c' "
                              "AND thread > 0 AND time_ns > 1600000000000000000"),
                     line);
    assert_int_equal(ask(dir, "SELECT count(*) FROM log WHERE level = 'ERROR'"), 1);
    assert_int_equal(weir_close(w), WEIR_OK);
    weir_temp_remove(dir);
}

static int evaluated;

static int evaluate(void) { return ++evaluated; }

static void what_is_filtered_is_not_evaluated(void **state) {
    (void)state;
    const char *dir = weir_temp_make();
    weir *w = open_in(dir);

    weir_log_debug(w, "%d", evaluate());
    assert_int_equal(evaluated, 0);
    weir_log_set_level(WEIR_TRACE);
    weir_log_trace(w, "%d", evaluate());
    weir_log_set_level(WEIR_INFO);
    assert_int_equal(evaluated, 1);
    assert_int_equal(weir_sync(w, WEIR_APPLIED, 10000), WEIR_OK);
    assert_int_equal(ask(dir, "SELECT count(*) FROM log"), 1);
    assert_int_equal(weir_close(w), WEIR_OK);
    weir_temp_remove(dir);
}

/* Messages around the limit; a cut one ends in the mark and splits no character. */
static void long_messages_are_cut(void **state) {
    (void)state;
    const char *dir = weir_temp_make();
    weir *w = open_in(dir);
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
    assert_int_equal(ask(dir, "SELECT length(message) FROM log WHERE level = 'INFO'"),
                     WEIR_LOG_BYTES - 1);
    assert_int_equal(ask(dir, "SELECT count(*) FROM log WHERE level = 'WARN' "
                              "AND length(CAST(message AS BLOB)) BETWEEN 4080 AND 4095 "
                              "AND trim(message, 'ü') = '… [cut]'"),
                     1);
    assert_int_equal(weir_close(w), WEIR_OK);
    weir_temp_remove(dir);
}

static void errno_and_misuse(void **state) {
    (void)state;
    const char *dir = weir_temp_make();
    weir *w = open_in(dir);

    errno = ENOENT;
    weir_log_info(w, "%m");
    assert_int_equal(errno, ENOENT);
    assert_int_equal(weir_sync(w, WEIR_APPLIED, 10000), WEIR_OK);
    assert_int_equal(ask(dir, "SELECT message LIKE 'No such file%' FROM log"), 1);
    assert_int_equal(weir_log_write(NULL, WEIR_INFO, "f", 1, "x"), WEIR_MISUSE);
    assert_string_equal(weir_log_level_name(WEIR_FATAL), "FATAL");
    assert_string_equal(weir_log_level_name(6), "?");
    assert_int_equal(weir_close(w), WEIR_OK);
    weir_temp_remove(dir);
}

/* A handle's table ends with the handle: the next one, perhaps at the same address, has its own. */
static void every_handle_has_its_own_log(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) {
        const char *dir = weir_temp_make();
        weir *w = open_in(dir);
        assert_int_equal(weir_log_write(w, WEIR_INFO, "f", i, "handle %d", i), WEIR_OK);
        assert_int_equal(weir_close(w), WEIR_OK);
        assert_int_equal(ask(dir, "SELECT line FROM log"), i);
        weir_temp_remove(dir);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_becomes_a_row),
        cmocka_unit_test(what_is_filtered_is_not_evaluated),
        cmocka_unit_test(long_messages_are_cut),
        cmocka_unit_test(errno_and_misuse),
        cmocka_unit_test(every_handle_has_its_own_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
