/* One place in the source, logged at several times: its first message passes all arguments on, the
 * others a word for each. All say the same. */
/* Covers: lib/handle/log.c */
#include "opened.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include <weir/log.h>

#include "lib/handle/core.h"

enum { TIMES = 3 };

static int64_t ask(const opened *o, const char *sql) { return weir_sql_int(o->database, sql); }

/* All rows of the log have this message, and there are so many. */
static void close_and_compare(opened *o, int64_t count, const char *message) {
    static char sql[3 * WEIR_LOG_BYTES];
    assert_int_equal(opened_close(o), WEIR_OK);
    assert_int_equal(ask(o, "SELECT count(*) FROM log"), count);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM log WHERE message = '%s'", message);
    assert_int_equal(ask(o, sql), count);
}

static int handles, levels, values;

static weir *count_handle(weir *w) {
    handles++;
    return w;
}
static weir_log_level count_level(void) {
    levels++;
    return WEIR_INFO;
}
static int count_value(void) { return ++values; }

/* But for the level, which the filter looks at before. */
static void all_is_evaluated_once(void **state) {
    opened *o = *state;
    opened_open(o, NULL);
    for (int i = 1; i <= TIMES; i++) {
        weir_log(count_handle(o->w), count_level(), "%d of %s", count_value(), "many");
        assert_int_equal(handles, i);
        assert_int_equal(levels, 2 * i);
        assert_int_equal(values, i);
    }
    assert_int_equal(opened_close(o), WEIR_OK);
    assert_int_equal(
        ask(o, "SELECT group_concat(message) = '1 of many,2 of many,3 of many' FROM log"), 1);
}

static void arguments_of_every_type(void **state) {
    opened *o = *state;
    struct {
        unsigned narrow : 3;
    } bits = {5};
    const float real = 2.5f;
    unsigned char octet = 200;
    opened_open(o, NULL);
    for (int i = 0; i < TIMES; i++)
        weir_log_info(o->w, "%u %.1f %.2e %hhd %lu %s %c %zu", bits.narrow, real, 0.001, octet,
                      ~0ul, i < TIMES ? "text" : NULL, 'c', sizeof octet);
    close_and_compare(o, TIMES, "5 2.5 1.00e-03 -56 18446744073709551615 text c 1");
}

static void no_argument_at_all(void **state) {
    opened *o = *state;
    opened_open(o, NULL);
    for (int i = 0; i < TIMES; i++)
        weir_log_info(o->w, "100 %%");
    close_and_compare(o, TIMES, "100 %");
}

#define D10(i) i, 1, 2, 3, 4, 5, 6, 7, 8, 9
#define D60(i) D10(i), D10(i), D10(i), D10(i), D10(i), D10(i)
#define F10 "%d%d%d%d%d%d%d%d%d%d"
#define F60 F10 F10 F10 F10 F10 F10
#define T60 "012345678901234567890123456789012345678901234567890123456789"

/* The most that can wait, one more, and more than are words. */
static void many_arguments(void **state) {
    opened *o = *state;
    opened_open(o, NULL);
    for (int i = 0; i < TIMES; i++) {
        weir_log_info(o->w, F60 "%d%s", D60(0), 0, "12345678901");
        weir_log_info(o->w, F60 "%d%d%s", D60(0), 0, 1, "2345678901");
        weir_log_info(o->w, F60 F10 "%s", D60(0), D10(0), "01");
    }
    close_and_compare(o, 3 * TIMES, T60 "012345678901");
}

/* None can wait: all arguments are passed on each time. */
static void what_is_no_word(void **state) {
    opened *o = *state;
    opened_open(o, NULL);
    for (int i = 0; i < TIMES; i++) {
        weir_log_info(o->w, "%.1Lf and %d", 1.5L, 7);
        weir_log_info(o->w, i < TIMES ? "1.5 and %d" : "never %d", 7);
    }
    close_and_compare(o, 2 * TIMES, "1.5 and 7");
}

static void the_error_is_that_of_the_call(void **state) {
    opened *o = *state;
    opened_open(o, NULL);
    for (int i = 0; i < TIMES; i++) {
        errno = ENOENT;
        weir_log_info(o->w, "%m, %d", 7);
        assert_int_equal(errno, ENOENT);
        errno = EAGAIN;
        weir_log_info(o->w, "No such file or directory, %d", 7);
        assert_int_equal(errno, EAGAIN);
    }
    close_and_compare(o, 2 * TIMES, "No such file or directory, 7");
}

static void wide_text(void **state) {
    opened *o = *state;
    opened_open(o, NULL);
    for (int i = 0; i < TIMES; i++)
        weir_log_info(o->w, "%ls, %lc, %.2ls", L"Gr\u00FC\u00DFe", (wint_t)0x20AC, L"abc");
    close_and_compare(o, TIMES, "Grüße, €, ab");
}

/* More than is written in one pass, more than a row may have, and more than a message shows. */
static void long_texts(void **state) {
    opened *o = *state;
    static char text[WEIR_LOG_BYTES + 8];
    opened_open(o, &(weir_options){.lane_bytes = WEIR_LANE_BYTES_MIN});
    memset(text, 'x', sizeof text - 1);
    for (int i = 0; i < TIMES; i++) {
        weir_log_info(o->w, "%.300s", text);
        weir_log_warn(o->w, "%d%s%s%s%s%s%s%s%s%s%s", 7, text, text, text, text, text, text, text,
                      text, text, text);
        assert_int_equal(weir_sync(o->w, WEIR_APPLIED, 10000), WEIR_OK);
    }
    assert_int_equal(opened_close(o), WEIR_OK);
    assert_int_equal(ask(o, "SELECT count(*) FROM log WHERE length(message) = 300"), TIMES);
    assert_int_equal(ask(o, "SELECT count(*) FROM log WHERE level = 'WARN' AND line > 0 AND "
                            "message GLOB '7xx*xx… [[]cut]' AND "
                            "length(CAST(message AS BLOB)) = 4095"),
                     TIMES);
}

static void say(weir *w, int number) { weir_log_warn(w, "number %d of %s", number, "one place"); }

/* Handles take turns, are closed, and opened again. */
static void handles_at_one_place(void **state) {
    opened *o = *state;
    weir *other;
    opened_open(o, NULL);
    assert_int_equal(weir_open_sqlite(o->copy, NULL, &other), WEIR_OK);
    for (int i = 0; i < TIMES; i++) {
        say(o->w, 1);
        say(other, 2);
        say(other, 2);
    }
    assert_int_equal(weir_close(other), WEIR_OK);
    say(other, 3); /* it is closed: nothing */
    say(o->w, 1);
    assert_int_equal(weir_open_sqlite(o->copy, NULL, &other), WEIR_OK);
    say(other, 2);
    assert_int_equal(weir_close(other), WEIR_OK);
    say(NULL, 4);
    assert_int_equal(weir_sql_int(o->copy, "SELECT count(*) FROM log"), 2 * TIMES + 1);
    assert_int_equal(
        weir_sql_int(o->copy, "SELECT count(*) FROM log WHERE message = 'number 2 of one place'"),
        2 * TIMES + 1);
    close_and_compare(o, TIMES + 1, "number 1 of one place");
}

/* Memory of a handle is used again, and its templates stay: they are declared anew. */
static void a_place_outlives_the_handle(void **state) {
    opened *o = *state;
    opened_open(o, NULL);
    const weir *first = o->w;
    say(o->w, 6);
    for (int i = 0; i == 0 || (i < 100 && o->w != first); i++) {
        assert_int_equal(opened_close(o), WEIR_OK);
        opened_open(o, NULL);
    }
    assert_ptr_equal(o->w, first);
    say(o->w, 6);
    say(o->w, 6);
    close_and_compare(o, 3, "number 6 of one place");
}

/* Known from another handle; this one has no number for it: the text is made at once. */
static void a_place_without_a_template_here(void **state) {
    opened *o = *state;
    weir *other;
    opened_open(o, NULL);
    assert_int_equal(weir_open_sqlite(o->copy, NULL, &other), WEIR_OK);
    say(other, 0);
    atomic_store_explicit(&o->w->templates_full, true, memory_order_relaxed);
    for (int i = 0; i < TIMES; i++) {
        errno = EINTR;
        say(o->w, 5);
        assert_int_equal(errno, EINTR);
    }
    assert_int_equal(weir_close(other), WEIR_OK);
    assert_int_equal(weir_journal_tables(weir_handle_journal(o->w))->templates.held, 0);
    close_and_compare(o, TIMES, "number 5 of one place");
}

static void report(weir *w, weir_log_level level) { weir_log(w, level, "%m of %d", 7); }

/* Recorded first, and brought out by an error, each time at the same place. */
static void what_is_recorded_says_the_same(void **state) {
    opened *o = *state;
    opened_open(o, NULL);
    assert_int_equal(weir_log_configure(
                         o->w, &(weir_log_options){.record_bytes = 1 << 16, .record_on_error = 1}),
                     WEIR_OK);
    for (int i = 0; i < TIMES; i++) {
        errno = ENOENT;
        report(o->w, WEIR_DEBUG);
        report(o->w, WEIR_ERROR);
        assert_int_equal(errno, ENOENT);
    }
    close_and_compare(o, 2 * TIMES, "No such file or directory of 7");
    assert_int_equal(ask(o,
                         "SELECT group_concat(level) = 'DEBUG,ERROR,DEBUG,ERROR,DEBUG,ERROR' FROM "
                         "(SELECT level FROM log ORDER BY rowid)"),
                     1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        OPENED_TEST(all_is_evaluated_once),
        OPENED_TEST(arguments_of_every_type),
        OPENED_TEST(no_argument_at_all),
        OPENED_TEST(many_arguments),
        OPENED_TEST(what_is_no_word),
        OPENED_TEST(the_error_is_that_of_the_call),
        OPENED_TEST(wide_text),
        OPENED_TEST(long_texts),
        OPENED_TEST(handles_at_one_place),
        OPENED_TEST(a_place_outlives_the_handle),
        OPENED_TEST(a_place_without_a_template_here),
        OPENED_TEST(what_is_recorded_says_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
