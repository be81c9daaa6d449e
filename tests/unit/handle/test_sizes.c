/* test_sizes.c - callers that were compiled with an older header, and with a newer one: each struct
 * that may grow, through the call that has its size. */
/* Covers: lib/base/sized.c */
#include <stddef.h>
#include <string.h>

#include <weir/log.h>
#include <weir/read.h>

#include "opened.h"

/* A caller's struct, with a field behind it that this library does not know. */
#define NEWER(type)                                                                                \
    struct {                                                                                       \
        type known;                                                                                \
        uint64_t unknown;                                                                          \
    }

static weir_table *declare(const opened *o) {
    static const weir_column column = {"n", WEIR_INTEGER};
    weir_table *t;
    assert_int_equal(weir_declare(o->w, "t", &column, 1, &t), WEIR_OK);
    return t;
}

static void options_of_an_older_caller(void **state) {
    opened *o = *state;
    weir_options options;
    memset(&options, 0xFF, sizeof options); /* what is behind an older struct is not read */
    options.journal_directory = NULL;
    options.lane_bytes = 65536;
    size_t older = offsetof(weir_options, lanes_max);
    assert_int_equal(weir_open_sqlite_sized(o->database, &options, older, &o->w), WEIR_OK);
    static char text[40000];
    static const weir_column column = {"a", WEIR_TEXT};
    weir_table *t;
    assert_int_equal(weir_declare(o->w, "t", &column, 1, &t), WEIR_OK);
    assert_int_equal(weir_append(t, weir_text_n(text, sizeof text)), WEIR_TOO_BIG); /* lane_bytes */
    assert_int_equal(opened_close(o), WEIR_OK);
}

static void options_of_a_newer_caller(void **state) {
    opened *o = *state;
    NEWER(weir_options) options = {.unknown = 1};
    assert_int_equal(weir_open_sqlite_sized(o->database, &options.known, sizeof options, &o->w),
                     WEIR_MISUSE);
    assert_non_null(strstr(weir_last_error(), "weir_options"));
    assert_null(o->w);
    options.unknown = 0;
    assert_int_equal(weir_open_sqlite_sized(o->database, &options.known, sizeof options, &o->w),
                     WEIR_OK);
    assert_int_equal(opened_close(o), WEIR_OK);
}

static void statistics(void **state) {
    opened *o = *state;
    NEWER(struct weir_stats) newer = {.unknown = 5};
    struct weir_stats older;
    opened_open(o, NULL);
    weir_table *t = declare(o);
    assert_int_equal(weir_append(t, 1), WEIR_OK);
    memset(&older, 0xFF, sizeof older);
    size_t bytes = offsetof(struct weir_stats, rows_durable);
    assert_int_equal(weir_stats_sized(o->w, &older, bytes), WEIR_OK);
    assert_int_equal(older.rows_published, 1);
    assert_true(older.rows_durable == UINT64_MAX); /* behind the struct of that caller */
    assert_int_equal(weir_stats_sized(o->w, &newer.known, sizeof newer), WEIR_OK);
    assert_int_equal(newer.known.rows_published, 1);
    assert_int_equal(newer.unknown, 0);
    assert_int_equal(opened_close(o), WEIR_OK);
}

static void limits(void **state) {
    opened *o = *state;
    weir_keep_limits older = {.rows = 10, .bytes = UINT64_MAX, .age_ns = UINT64_MAX};
    NEWER(weir_keep_limits) newer = {.known = {.rows = 10}, .unknown = 1};
    opened_open(o, NULL);
    weir_table *t = declare(o);
    assert_int_equal(weir_keep(t, &older), WEIR_MISUSE); /* age_ns is too large */
    assert_int_equal(weir_keep_sized(t, &older, offsetof(weir_keep_limits, bytes)), WEIR_OK);
    assert_int_equal(weir_keep_sized(t, &newer.known, sizeof newer), WEIR_MISUSE);
    assert_non_null(strstr(weir_last_error(), "weir_keep_limits"));
    newer.unknown = 0;
    assert_int_equal(weir_keep_sized(t, &newer.known, sizeof newer), WEIR_OK);
    assert_int_equal(opened_close(o), WEIR_OK);
}

static void options_of_the_log(void **state) {
    opened *o = *state;
    weir_log_options older = {.table = "words", .record_bytes = 1};
    NEWER(weir_log_options) newer = {.unknown = 1};
    opened_open(o, NULL);
    assert_int_equal(weir_log_configure(o->w, &older), WEIR_MISUSE); /* record_bytes is too small */
    assert_int_equal(
        weir_log_configure_sized(o->w, &older, offsetof(weir_log_options, record_bytes)), WEIR_OK);
    weir_log_warn(o->w, "x");
    assert_int_equal(weir_log_configure_sized(o->w, &newer.known, sizeof newer), WEIR_MISUSE);
    assert_non_null(strstr(weir_last_error(), "weir_log_options"));
    assert_int_equal(opened_close(o), WEIR_OK);
    assert_int_equal(weir_sql_int(o->database, "SELECT count(*) FROM words"), 1);
}

static void reading(void **state) {
    opened *o = *state;
    weir_read_options older = {.newest = 1, .poll_ms = UINT32_MAX};
    NEWER(weir_read_options) newer = {.unknown = 1};
    NEWER(struct weir_read_item) item = {.unknown = 5};
    struct weir_read_item short_item;
    weir_reading *r = NULL;
    opened_open(o, NULL);
    assert_int_equal(weir_append(declare(o), 7), WEIR_OK);
    assert_int_equal(weir_sync(o->w, WEIR_DURABLE, 5000), WEIR_OK);
    /* "newest" is behind the struct of that caller: the first row is not passed over. */
    assert_int_equal(
        weir_read_open_sized(o->journal, &older, offsetof(weir_read_options, newest), &r), WEIR_OK);
    memset(&short_item, 0xFF, sizeof short_item);
    assert_int_equal(weir_read_next_sized(r, &short_item, offsetof(struct weir_read_item, time_ns)),
                     WEIR_OK);
    assert_int_equal(short_item.values[0].as.integer, 7);
    assert_true(short_item.block == UINT64_MAX); /* behind the struct of that caller */
    weir_read_close(r);
    assert_int_equal(weir_read_open_sized(o->journal, &newer.known, sizeof newer, &r), WEIR_MISUSE);
    assert_non_null(strstr(weir_last_error(), "weir_read_options"));
    newer.unknown = 0;
    assert_int_equal(weir_read_open_sized(o->journal, &newer.known, sizeof newer, &r), WEIR_OK);
    assert_int_equal(weir_read_next_sized(r, &item.known, sizeof item), WEIR_OK);
    assert_int_equal(item.known.row, 1);
    assert_int_equal(item.unknown, 0);
    weir_read_close(r);
    assert_int_equal(opened_close(o), WEIR_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        OPENED_TEST(options_of_an_older_caller),
        OPENED_TEST(options_of_a_newer_caller),
        OPENED_TEST(statistics),
        OPENED_TEST(limits),
        OPENED_TEST(options_of_the_log),
        OPENED_TEST(reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
