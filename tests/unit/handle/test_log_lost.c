/* Messages for which there is no room: which go first, and where that is said. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/log.h>
#include <weir/sqlite.h>

#include "lib/handle/core.h"

enum { LANE = 65536 };

typedef struct fixture {
    char *directory;
    weir *w;    /* nothing drains its ring until the journal thread's step is called */
    bool words; /* messages are put as words, once their place is known */
} fixture;

static int setup(void **state) {
    fixture *f = calloc(1, sizeof *f);
    char path[200];
    weir_error error = {0};
    f->directory = strdup(weir_temp_make());
    (void)snprintf(path, sizeof path, "%s/run.db-weir", f->directory);
    weir_handle_config config = {
        .options = {.lane_bytes = LANE, .segment_bytes = 1 << 20, .full = WEIR_FULL_FAIL},
        .directory = path,
        .os = weir_os_posix(),
        .stepped = true};
    weir_options_fill(&config.options);
    if (weir_handle_open(&config, &f->w, &error) != WEIR_OK) fail_msg("%s", error.text);
    weir_log_set_level(WEIR_TRACE);
    *state = f;
    return 0;
}

static int setup_words(void **state) {
    if (setup(state)) return 1;
    ((fixture *)*state)->words = true;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    weir_log_set_level(WEIR_INFO);
    if (f->w) (void)weir_close(f->w);
    weir_temp_remove(f->directory);
    free(f->directory);
    free(f);
    return 0;
}

static void drain(fixture *f) {
    uint64_t wait_ns;
    for (int i = 0; i < 8; i++)
        (void)weir_journaler_step(weir_handle_journaler(f->w), &wait_ns);
}

static int64_t query(fixture *f, const char *sql) {
    return weir_sql_int(weir_temp_path(f->directory, "run.db"), sql);
}

/* The rows go into the database by an opening that has one. */
static void close_and_apply(fixture *f) {
    weir *w;
    (void)weir_close(f->w); /* WEIR_PENDING: rows are left */
    f->w = NULL;
    const char *database = weir_temp_path(f->directory, "run.db");
    weir_file_write(database, "", 0); /* none was there until now */
    assert_int_equal(weir_open_sqlite(database, NULL, &w), WEIR_OK);
    assert_int_equal(weir_close(w), WEIR_OK);
}

static uint64_t used(fixture *f) {
    struct weir_stats stats;
    assert_int_equal(weir_stats(f->w, &stats), WEIR_OK);
    return stats.bytes_published;
}

static struct weir_stats stats_of(fixture *f) {
    struct weir_stats stats;
    assert_int_equal(weir_stats(f->w, &stats), WEIR_OK);
    return stats;
}

#define FORMAT "level %d, number %d"

static int log_one(const fixture *f, weir_log_level level, int number) {
    static weir_log_site site = WEIR_LOG_SITE_(1);
    const uint64_t words[] = {(uintptr_t)FORMAT, level, (uint64_t)number};
    const void *known = f->words ? weir_log_known(&site, level) : NULL;
    return known ? weir_log_put(f->w, known, words)
                 : weir_log_at(f->w, level, &site, FORMAT, (int)level, number);
}

/* Log at a level until a message is refused; returns how many were taken. */
static int fill(const fixture *f, weir_log_level level) {
    int taken = 0;
    while (log_one(f, level, taken) == WEIR_OK)
        taken++;
    return taken;
}

static void shares_of_a_lane_go_by_level(void **state) {
    fixture *f = *state;
    assert_int_equal(weir_log_configure(f->w, &(weir_log_options){.keep = WEIR_WARN}), WEIR_OK);
    assert_true(fill(f, WEIR_INFO) > 100);
    assert_in_range(used(f), LANE / 4 * 3 - 512, LANE / 4 * 3);
    assert_true(fill(f, WEIR_WARN) > 10);
    assert_in_range(used(f), LANE / 16 * 15 - 512, LANE / 16 * 15);
    assert_true(fill(f, WEIR_ERROR) > 10);
    assert_in_range(used(f), LANE - 512, LANE);
    assert_int_equal(fill(f, WEIR_FATAL), 0);
    assert_int_equal(stats_of(f).log_dropped, 4);
    assert_int_equal(stats_of(f).log_failed, 0);
}

/* Unless asked, none is dropped for being of little weight. */
static void by_default_levels_below_error_have_one_share(void **state) {
    fixture *f = *state;
    assert_true(fill(f, WEIR_TRACE) > 100);
    assert_in_range(used(f), LANE / 16 * 15 - 512, LANE / 16 * 15);
    assert_int_equal(fill(f, WEIR_WARN), 0);
}

static void a_row_says_how_many_were_dropped(void **state) {
    fixture *f = *state;
    assert_int_equal(weir_log_configure(f->w, &(weir_log_options){.keep = WEIR_WARN}), WEIR_OK);
    (void)fill(f, WEIR_INFO);
    for (int i = 0; i < 9; i++)
        assert_int_equal(fill(f, WEIR_DEBUG), 0);
    assert_int_equal(fill(f, WEIR_INFO), 0);
    drain(f);
    weir_log_info(f->w, "calm");
    weir_log_info(f->w, "still calm");
    assert_int_equal(stats_of(f).log_dropped, 11);
    close_and_apply(f);
    assert_int_equal(query(f, "SELECT count(*) FROM log WHERE file = 'weir'"), 1);
    assert_int_equal(query(f, "SELECT json_extract(fields, '$.DEBUG') = 9 AND "
                              "json_extract(fields, '$.INFO') = 2 AND level = 'WARN' AND "
                              "message LIKE '11 messages were dropped since %' "
                              "FROM log WHERE file = 'weir'"),
                     1);
    assert_int_equal(query(f, "SELECT count(*) FROM log WHERE message LIKE '%calm'"), 2);
}

/* Nothing more is logged: closing says it. */
static void closing_says_what_was_dropped(void **state) {
    fixture *f = *state;
    (void)fill(f, WEIR_INFO);
    drain(f);
    close_and_apply(f);
    assert_int_equal(query(f, "SELECT message LIKE '1 message was dropped since %' "
                              "FROM log WHERE file = 'weir'"),
                     1);
}

/* The journal has no number left for a template: messages are formatted by the caller. */
static void without_numbers_messages_are_formatted(void **state) {
    fixture *f = *state;
    static weir_log_site first = WEIR_LOG_SITE_(1), second = WEIR_LOG_SITE_(1);
    assert_int_equal(weir_log_at(f->w, WEIR_INFO, &first, "first %d", 1), WEIR_OK);
    weir_template *last = NULL;
    uint8_t bytes[] = {0xFF, 0xFF, 1, 0, 1, 0, 1, 0, WEIR_SOURCE_PARAMETER, 0, 0};
    weir_cursor c = weir_cursor_over(bytes, sizeof bytes);
    assert_int_equal(weir_template_decode(&c, &last), WEIR_OK);
    assert_int_equal(weir_templates_keep(&f->w->templates, last), WEIR_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(weir_log_at(f->w, WEIR_INFO, &first, "first %d", 1), WEIR_OK);
        assert_int_equal(weir_log_at(f->w, WEIR_INFO, &second, "second %d", 2), WEIR_OK);
    }
    assert_true(atomic_load(&f->w->templates_full));
    assert_int_equal(f->w->templates.held, 2);
    drain(f);
    close_and_apply(f);
    assert_int_equal(query(f, "SELECT count(*) FROM log WHERE message = 'first 1'"), 4);
    assert_int_equal(query(f, "SELECT count(*) FROM log WHERE message = 'second 2'"), 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(shares_of_a_lane_go_by_level, setup, teardown),
        cmocka_unit_test_setup_teardown(shares_of_a_lane_go_by_level, setup_words, teardown),
        cmocka_unit_test_setup_teardown(by_default_levels_below_error_have_one_share, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(by_default_levels_below_error_have_one_share, setup_words,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_row_says_how_many_were_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(a_row_says_how_many_were_dropped, setup_words, teardown),
        cmocka_unit_test_setup_teardown(closing_says_what_was_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(without_numbers_messages_are_formatted, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
