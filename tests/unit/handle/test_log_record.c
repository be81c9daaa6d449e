/* The flight recorder: what is recorded, what brings it out, and that it comes once. */
/* Covers: lib/handle/log_level.c, lib/handle/dead_recorder.c */
#include "support.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <weir/log.h>
#include <weir/sqlite.h>

#include "lib/handle/handle.h"
#include "lib/ring/recorder.h"

enum { SLOT = 512 };

static char directory[128], database[160], recorder[176];

static int setup(void **state) {
    (void)state;
    (void)snprintf(directory, sizeof directory, "%s", weir_temp_make());
    (void)snprintf(database, sizeof database, "%s/run.db", directory);
    (void)snprintf(recorder, sizeof recorder, "%s/run.db-weir/recorder", directory);
    weir_log_set_level(WEIR_INFO);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    weir_log_set_level(WEIR_INFO);
    weir_temp_remove(directory);
    return 0;
}

static weir *open_handle(void) {
    weir *w;
    if (weir_open_sqlite(database, NULL, &w) != WEIR_OK) fail_msg("%s", weir_last_error());
    return w;
}

static void configure(weir *w, weir_log_options options) {
    if (weir_log_configure(w, &options) != WEIR_OK) fail_msg("%s", weir_last_error());
}

static weir *open_recording(uint32_t slots) {
    weir *w = open_handle();
    configure(w, (weir_log_options){.record_bytes = slots * SLOT});
    return w;
}

static int64_t ask(const char *sql) { return weir_sql_int(database, sql); }

static int64_t rows_of(weir *w) {
    assert_int_equal(weir_sync(w, WEIR_APPLIED, 20000), WEIR_OK);
    return ask("SELECT count(*) FROM log");
}

/* All rows of the log, as numbers that are their messages, ascend by steps of one from first. */
static void assert_numbers(weir *w, int64_t first, int64_t count) {
    assert_int_equal(rows_of(w), count);
    assert_int_equal(ask("SELECT min(CAST(message AS INTEGER)) FROM log"), first);
    assert_int_equal(ask("SELECT count(*) FROM (SELECT CAST(message AS INTEGER) - rowid AS d FROM "
                         "log GROUP BY d)"),
                     1);
}

static void record(weir *w, int first, int count) {
    for (int i = first; i < first + count; i++)
        weir_log_debug(w, "%d", i);
}

/* ---- what is recorded ---- */

static int evaluated;
static int evaluate(void) { return ++evaluated; }

static void without_a_recorder_nothing_is_recorded(void **state) {
    (void)state;
    weir *w = open_handle();
    evaluated = 0;
    weir_log_debug(w, "%d", evaluate());
    assert_int_equal(evaluated, 0);
    assert_int_equal(access(recorder, F_OK), -1);
    assert_int_equal(weir_log_flush_recorder(w), WEIR_OK);
    weir_log_info(w, "logged");
    assert_int_equal(rows_of(w), 1);
    assert_int_equal(weir_close(w), WEIR_OK);
}

static void a_call_brings_out_what_was_recorded_once(void **state) {
    (void)state;
    weir *w = open_recording(64);
    record(w, 1, 20);
    weir_log_info(w, "%d", 0); /* logged before them */
    assert_int_equal(rows_of(w), 1);
    assert_int_equal(weir_log_flush_recorder(w), WEIR_OK);
    assert_numbers(w, 0, 21);
    assert_int_equal(weir_log_flush_recorder(w), WEIR_OK);
    assert_int_equal(rows_of(w), 21);
    record(w, 21, 5);
    assert_int_equal(weir_log_flush_recorder(w), WEIR_OK);
    assert_numbers(w, 0, 26);
    assert_int_equal(ask("SELECT count(*) FROM log WHERE level = 'DEBUG' AND file LIKE "
                         "'%test_log_record.c' AND line > 0 AND thread > 0"),
                     25);
    /* with its own time, not that of bringing it out */
    assert_int_equal(ask("SELECT (SELECT time_ns FROM log WHERE message = '20') < "
                         "(SELECT time_ns FROM log WHERE message = '0')"),
                     1);
    assert_int_equal(weir_close(w), WEIR_OK);
}

static void the_youngest_messages_stay(void **state) {
    (void)state;
    weir *w = open_recording(8);
    record(w, 0, 8 * 5 + 3);
    assert_int_equal(weir_log_flush_recorder(w), WEIR_OK);
    assert_numbers(w, 8 * 4 + 3, 8);
    assert_int_equal(weir_close(w), WEIR_OK);
}

static void an_error_brings_out_before_itself_if_asked(void **state) {
    (void)state;
    weir *w = open_recording(64);
    record(w, 0, 3);
    weir_log_error(w, "3"); /* not asked yet */
    assert_int_equal(rows_of(w), 1);
    configure(w, (weir_log_options){.record_bytes = 64 * SLOT, .record_on_error = 1});
    weir_log_warn(w, "4");
    assert_int_equal(rows_of(w), 2);
    weir_log_error(w, "5");
    assert_int_equal(rows_of(w), 6);
    assert_int_equal(ask("SELECT rowid FROM log WHERE message = '5'"), 6);
    record(w, 6, 1);
    assert_int_equal(weir_log_write(w, WEIR_FATAL, "f", 1, "7"), WEIR_OK);
    assert_int_equal(ask("SELECT 1"), 1);
    assert_int_equal(rows_of(w), 8);
    assert_int_equal(ask("SELECT rowid FROM log WHERE message = '7'"), 8);
    assert_int_equal(weir_close(w), WEIR_OK);
}

static void levels_divide_what_is_logged_recorded_and_dropped(void **state) {
    (void)state;
    weir *w = open_handle();
    evaluated = 0;
    configure(w, (weir_log_options){.record_bytes = 64 * SLOT, .record = WEIR_DEBUG});
    weir_log_trace(w, "%d", evaluate());
    assert_int_equal(evaluated, 0);
    weir_log_set_level(WEIR_ERROR);
    weir_log_debug(w, "recorded");
    weir_log_warn(w, "recorded");
    weir_log_error(w, "logged");
    assert_int_equal(rows_of(w), 1);
    weir_log_set_level(WEIR_TRACE); /* and now all of them are */
    weir_log_trace(w, "logged");
    assert_int_equal(rows_of(w), 2);
    assert_int_equal(weir_log_flush_recorder(w), WEIR_OK);
    assert_int_equal(rows_of(w), 4);
    assert_int_equal(ask("SELECT count(*) FROM log WHERE message = 'recorded'"), 2);
    assert_int_equal(weir_close(w), WEIR_OK);
}

/* The filter is the process's, recorders are the handles'. */
static void a_handle_without_a_recorder_drops_what_another_records(void **state) {
    (void)state;
    weir *w = open_recording(64), *other;
    char path[180];
    (void)snprintf(path, sizeof path, "%s/other.db", directory);
    assert_int_equal(weir_open_sqlite(path, NULL, &other), WEIR_OK);
    assert_true(weir_log_passes(WEIR_TRACE));
    weir_log_debug(other, "dropped");
    weir_log_info(other, "logged");
    assert_int_equal(weir_log_flush_recorder(other), WEIR_OK);
    assert_int_equal(weir_sync(other, WEIR_APPLIED, 20000), WEIR_OK);
    assert_int_equal(weir_sql_int(path, "SELECT count(*) FROM log"), 1);
    assert_int_equal(weir_close(w), WEIR_OK);
    assert_false(weir_log_passes(WEIR_DEBUG));
    assert_int_equal(weir_close(other), WEIR_OK);
}

static void recording_ends_and_begins_again(void **state) {
    (void)state;
    weir *w = open_recording(64);
    record(w, 0, 2);
    configure(w, (weir_log_options){0});
    assert_false(weir_log_passes(WEIR_DEBUG));
    record(w, 100, 2);
    configure(w, (weir_log_options){.record_bytes = 64 * SLOT});
    record(w, 2, 2);
    assert_int_equal(weir_log_flush_recorder(w), WEIR_OK);
    assert_numbers(w, 0, 4);
    assert_int_equal(weir_close(w), WEIR_OK);
}

static void wrong_options_are_refused(void **state) {
    (void)state;
    weir *w = open_recording(64);
    const weir_log_options wrong[] = {
        {.record_bytes = 65 * SLOT},
        {.record_bytes = SLOT - 1},
        {.record_bytes = (1u << 30) + 1},
        {.record_bytes = 64 * SLOT, .record = (weir_log_level)6},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(weir_log_configure(w, &wrong[i]), WEIR_MISUSE);
    assert_int_equal(weir_log_flush_recorder(NULL), WEIR_MISUSE);
    record(w, 0, 1); /* as before */
    assert_int_equal(weir_log_flush_recorder(w), WEIR_OK);
    assert_numbers(w, 0, 1);
    assert_int_equal(weir_close(w), WEIR_OK);
}

static void every_lane_taken_leaves_none_for_a_recorder(void **state) {
    (void)state;
    weir *w;
    const weir_options options = {.lanes_max = 1024};
    const weir_log_options asked = {.record_bytes = 8 * SLOT};
    assert_int_equal(weir_open_sqlite(database, &options, &w), WEIR_OK);
    assert_int_equal(weir_log_configure(w, &asked), WEIR_MISUSE);
    assert_int_equal(weir_close(w), WEIR_OK);
}

/* ---- what does not fit ---- */

static void a_message_that_does_not_fit_is_cut(void **state) {
    (void)state;
    char text[3000];
    weir *w = open_recording(64);
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    weir_log_debug(w, "%s", text);
    for (int i = 0; i < 1000; i++)
        memcpy(text + 2 * i, "ü", 2);
    text[2000] = 0;
    weir_log_debug(w, "%s", text);
    weir_log_debug(w, "%s%.*s", "", 100, text); /* fits */
    assert_int_equal(weir_log_flush_recorder(w), WEIR_OK);
    assert_int_equal(rows_of(w), 3);
    assert_int_equal(ask("SELECT count(*) FROM log WHERE trim(message, 'xü') = '… [cut]' AND "
                         "length(CAST(message AS BLOB)) BETWEEN 300 AND 472"),
                     2);
    assert_int_equal(ask("SELECT count(*) FROM log WHERE trim(message, 'ü') = ''"), 1);
    assert_int_equal(weir_close(w), WEIR_OK);
}

/* Bytes that could be the middle of characters are no reason to cut more. */
static void what_is_no_text_is_cut_like_any(void **state) {
    (void)state;
    char bytes[1000];
    weir *w = open_recording(64);
    memset(bytes, 0x80, sizeof bytes - 1);
    bytes[sizeof bytes - 1] = 0;
    weir_log_debug(w, "%s", bytes);
    assert_int_equal(weir_log_flush_recorder(w), WEIR_OK);
    assert_int_equal(rows_of(w), 1);
    assert_int_equal(ask("SELECT length(CAST(message AS BLOB)) BETWEEN 300 AND 472 FROM log"), 1);
    assert_int_equal(weir_close(w), WEIR_OK);
}

static void fields_that_do_not_fit_are_left_out(void **state) {
    (void)state;
    char text[600];
    weir *w = open_recording(64);
    memset(text, 'y', sizeof text - 1);
    text[sizeof text - 1] = 0;
    weir_log_kv(w, WEIR_DEBUG, "small", "n", weir_int(7), "t", weir_text("abc"));
    weir_log_kv(w, WEIR_DEBUG, "large", "t", weir_text(text));
    assert_int_equal(weir_log_flush_recorder(w), WEIR_OK);
    assert_int_equal(rows_of(w), 2);
    assert_int_equal(
        ask("SELECT fields = '{\"n\":7,\"t\":\"abc\"}' FROM log WHERE message = 'small'"), 1);
    assert_int_equal(ask("SELECT fields = '{\"…\":true}' FROM log WHERE message = 'large'"), 1);
    assert_int_equal(weir_close(w), WEIR_OK);
}

static void a_format_that_cannot_wait_is_recorded_as_text(void **state) {
    (void)state;
    char format[] = "%d %Lf";
    weir *w = open_recording(64);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    weir_log_debug(w, format, 1, 1.5L);
#pragma GCC diagnostic pop
    weir_log_debug(w, "%ls", L"wide ü");
    assert_int_equal(weir_log_flush_recorder(w), WEIR_OK);
    assert_int_equal(rows_of(w), 2);
    assert_int_equal(ask("SELECT count(*) FROM log WHERE message IN ('1 1.500000', 'wide ü')"), 2);
    assert_int_equal(weir_close(w), WEIR_OK);
}

/* ---- the file ---- */

static void a_clean_close_throws_the_record_away(void **state) {
    (void)state;
    weir *w = open_recording(64);
    record(w, 0, 5);
    assert_int_equal(access(recorder, F_OK), 0);
    assert_int_equal(weir_close(w), WEIR_OK);
    assert_int_equal(access(recorder, F_OK), -1);
    w = open_handle();
    weir_log_info(w, "0");
    assert_int_equal(rows_of(w), 1);
    assert_int_equal(weir_log_flush_recorder(w), WEIR_OK);
    assert_int_equal(rows_of(w), 1);
    assert_int_equal(weir_close(w), WEIR_OK);
}

static void every_opening_has_a_recorder_of_its_own(void **state) {
    (void)state;
    for (int i = 0; i < 12; i++) { /* more than are kept back */
        weir *w = open_recording(8 + (uint32_t)i);
        record(w, 100 * i, 3);
        assert_int_equal(weir_log_flush_recorder(w), WEIR_OK);
        assert_int_equal(rows_of(w), 3 * (i + 1));
        assert_int_equal(weir_close(w), WEIR_OK);
        assert_false(weir_log_passes(WEIR_DEBUG));
    }
}

/* What a message on its way out leaves in its slot: where the ring has it. */
static void a_message_brought_out_leaves_its_way(void **state) {
    (void)state;
    char path[176];
    size_t bytes;
    weir *w = open_recording(8);
    (void)snprintf(path, sizeof path, "%s/run.db-weir/ring", directory);
    record(w, 0, 3);
    assert_int_equal(weir_log_flush_recorder(w), WEIR_OK);
    uint8_t *file = weir_file_read(recorder, &bytes), *ring = weir_file_read(path, &bytes);
    uint64_t before = 0;
    for (uint64_t sequence = 1; sequence <= 3; sequence++) {
        uint64_t word, way, tail;
        const uint8_t *slot = file + WEIR_RECORDER_HEADER + sequence * SLOT;
        memcpy(&word, slot, 8);
        memcpy(&way, slot + 16, 8);
        memcpy(&tail, ring + WEIR_RING_HEADER + (way & 1023) * WEIR_LANE_CONTROL, 8);
        assert_int_equal(word, sequence << 2 | WEIR_RECORDER_EMPTY);
        assert_in_range(way >> 10, before + 1, tail);
        before = way >> 10;
        if (sequence == 3) assert_int_equal(before, tail);
    }
    free(file);
    free(ring);
    assert_int_equal(weir_close(w), WEIR_OK);
}

static int die_before_the_record_is_gone(void *self, int dirfd, const char *path) {
    (void)self;
    size_t length = strlen(path);
    if (length > 9 && strcmp(path + length - 9, "/recorder") == 0) _exit(0);
    return weir_os_posix()->unlink(NULL, dirfd, path);
}

static void die_recording(uint32_t slots, int count) {
    weir *w = open_recording(slots);
    weir_log_info(w, "0");
    record(w, 1, count);
    _exit(0);
}

/* The journal has the messages and is synced, and their file is still there. */
static void die_recovering(void) {
    weir_os os = *weir_os_posix();
    char path[176];
    (void)snprintf(path, sizeof path, "%s/run.db-weir", directory);
    weir_handle_config config = {.os = &os, .directory = path};
    weir *w;
    weir_error error;
    os.unlink = die_before_the_record_is_gone;
    weir_options_fill(&config.options);
    _exit(weir_handle_open(&config, &w, &error) == WEIR_OK ? 1 : 2);
}

static void in_a_child(void (*body)(void)) {
    int status;
    pid_t child = fork();
    if (child == 0) body();
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void die_with_many(void) { die_recording(6000, 5000); }

static void a_recovery_that_is_killed_doubles_nothing(void **state) {
    (void)state;
    in_a_child(die_with_many);
    for (int i = 0; i < 3; i++)
        in_a_child(die_recovering);
    weir *w = open_handle();
    assert_numbers(w, 0, 5001);
    assert_int_equal(weir_close(w), WEIR_OK);
}

/* ---- threads and children ---- */

enum { THREADS = 4, EACH = 400 };

static weir *shared;

static void *record_many(void *argument) {
    int thread = (int)(intptr_t)argument;
    for (int i = 0; i < EACH; i++) {
        weir_log_debug(shared, "%d.%d", thread, i);
        if (thread == 0 && i % 50 == 49 && weir_log_flush_recorder(shared) != WEIR_OK) abort();
    }
    return NULL;
}

/* While one of them brings out; with room for all, each comes once, and each thread's in order. */
static void threads_record_while_one_brings_out(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    shared = open_recording(THREADS * EACH * 2);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, record_many, (void *)(intptr_t)i), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(weir_log_flush_recorder(shared), WEIR_OK);
    assert_int_equal(rows_of(shared), THREADS * EACH);
    assert_int_equal(ask("SELECT count(DISTINCT message) FROM log"), THREADS * EACH);
    assert_int_equal(
        ask("SELECT count(*) FROM (SELECT CAST(substr(message, 3) AS INTEGER) - lag(CAST(substr("
            "message, 3) AS INTEGER)) OVER (PARTITION BY substr(message, 1, 1) ORDER BY rowid) "
            "AS step FROM log) WHERE step <> 1"),
        0);
    assert_int_equal(weir_close(shared), WEIR_OK);
}

/* A tight recorder, so that writers lap each other and the one that brings out. */
static void threads_lap_each_other(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    shared = open_recording(4);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, record_many, (void *)(intptr_t)i), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(weir_log_flush_recorder(shared), WEIR_OK);
    int64_t rows = rows_of(shared);
    assert_in_range(rows, 4, THREADS * EACH);
    assert_int_equal(ask("SELECT count(DISTINCT message) FROM log"), rows);
    assert_int_equal(ask("SELECT count(*) FROM log WHERE message NOT GLOB '[0-3].*'"), 0);
    assert_int_equal(weir_close(shared), WEIR_OK);
}

static void a_child_writes_nothing_into_its_parents_record(void **state) {
    (void)state;
    int status;
    weir *w = open_recording(8);
    record(w, 0, 4);
    pid_t child = fork();
    if (child == 0) {
        (void)alarm(60);
        record(w, 1000, 100);
        _exit(weir_log_flush_recorder(w) == WEIR_FORKED ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    record(w, 4, 1);
    assert_int_equal(weir_log_flush_recorder(w), WEIR_OK);
    assert_numbers(w, 0, 5);
    assert_int_equal(weir_close(w), WEIR_OK);
}

static void a_full_ring_leaves_the_rest_recorded(void **state) {
    (void)state;
    weir *w;
    char text[400];
    const weir_options options = {.lane_bytes = 1 << 16, .full = WEIR_FULL_FAIL};
    memset(text, 'z', sizeof text - 1);
    text[sizeof text - 1] = 0;
    assert_int_equal(weir_open_sqlite(database, &options, &w), WEIR_OK);
    configure(w, (weir_log_options){.record_bytes = 2000 * SLOT});
    for (int i = 0; i < 2000; i++)
        weir_log_debug(w, "%d %s", i, text);
    int status, rounds = 0;
    while ((status = weir_log_flush_recorder(w)) == WEIR_FULL && ++rounds < 10000)
        (void)weir_sync(w, WEIR_DURABLE, 20000);
    assert_int_equal(status, WEIR_OK);
    assert_true(rounds > 0);
    assert_int_equal(rows_of(w), 2000);
    assert_int_equal(ask("SELECT count(*) FROM log WHERE CAST(message AS INTEGER) = rowid - 1"),
                     2000);
    assert_int_equal(weir_close(w), WEIR_OK);
}

int main(void) {
#define RECORDER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        RECORDER_TEST(without_a_recorder_nothing_is_recorded),
        RECORDER_TEST(a_call_brings_out_what_was_recorded_once),
        RECORDER_TEST(the_youngest_messages_stay),
        RECORDER_TEST(an_error_brings_out_before_itself_if_asked),
        RECORDER_TEST(levels_divide_what_is_logged_recorded_and_dropped),
        RECORDER_TEST(a_handle_without_a_recorder_drops_what_another_records),
        RECORDER_TEST(recording_ends_and_begins_again),
        RECORDER_TEST(wrong_options_are_refused),
        RECORDER_TEST(every_lane_taken_leaves_none_for_a_recorder),
        RECORDER_TEST(a_message_that_does_not_fit_is_cut),
        RECORDER_TEST(what_is_no_text_is_cut_like_any),
        RECORDER_TEST(fields_that_do_not_fit_are_left_out),
        RECORDER_TEST(a_format_that_cannot_wait_is_recorded_as_text),
        RECORDER_TEST(a_clean_close_throws_the_record_away),
        RECORDER_TEST(every_opening_has_a_recorder_of_its_own),
        RECORDER_TEST(a_message_brought_out_leaves_its_way),
        RECORDER_TEST(a_recovery_that_is_killed_doubles_nothing),
        RECORDER_TEST(threads_record_while_one_brings_out),
        RECORDER_TEST(threads_lap_each_other),
        RECORDER_TEST(a_child_writes_nothing_into_its_parents_record),
        RECORDER_TEST(a_full_ring_leaves_the_rest_recorded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
