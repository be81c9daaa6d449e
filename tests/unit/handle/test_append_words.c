/* test_append_words.c - what weir_last_error() says of a row that was not appended, in the thread and
 * in a handler that interrupts it; and the event for a thread that got no lane. */
/* Covers: lib/journal/lanes.c, lib/base/status.c */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <weir/log.h>

#include "lib/handle/append_path.h"
#include "lib/handle/handle.h"
#include "lib/journal/stream.h"
#include "opened.h"

static weir_table *plain, *keyed;
static _Atomic int no_lane; /* events */

static void count_events(void *context, weir_event event, const char *text) {
    (void)context;
    if (event == WEIR_EVENT_NO_LANE && strstr(text, "lanes_max")) atomic_fetch_add(&no_lane, 1);
}

static void open_it(opened *o, weir_full full) {
    static const weir_column plain_columns[] = {{"a", WEIR_INTEGER}, {"b", WEIR_TEXT}};
    static const weir_column keyed_columns[] = {{"id", WEIR_KEY}};
    weir_options options = {.lane_bytes = 65536,
                            .lanes_max = 2,
                            .full = full,
                            .full_timeout_ms = 10,
                            .on_event = count_events};
    atomic_store(&no_lane, 0);
    opened_open(o, &options);
    assert_int_equal(weir_declare(o->w, "plain", plain_columns, 2, &plain), WEIR_OK);
    assert_int_equal(weir_declare(o->w, "keyed", keyed_columns, 1, &keyed), WEIR_OK);
}

/* After words of another kind, which may not be left. */
static void expect(int status, int wanted, const char *const words[3]) {
    char told[512];
    (void)snprintf(told, sizeof told, "%s", weir_last_error());
    assert_int_equal(status, wanted);
    for (int i = 0; i < 3; i++)
        if (words[i] && !strstr(told, words[i])) fail_msg("no \"%s\" in: %s", words[i], told);
    assert_int_equal(weir_sync(NULL, WEIR_DURABLE, 0), WEIR_MISUSE);
    assert_non_null(strstr(weir_last_error(), "weir_sync"));
}
#define EXPECT(call, wanted, ...) expect((call), (wanted), (const char *const[3]){__VA_ARGS__})

static void misuse_names_table_value_and_remedy(void **state) {
    opened *o = *state;
    const weir_value two[] = {weir_int(1), weir_int(2)}, no_type = {.type = 77};
    weir_value hollow = weir_text_n("", 0);
    hollow.as.bytes = NULL;
    hollow.length = 3;
    open_it(o, WEIR_FULL_BLOCK);
    EXPECT(weir_append(plain, 1), WEIR_MISUSE, "table plain", "count is 1", "2 columns");
    EXPECT(weir_append(plain, 1, 2, 3), WEIR_MISUSE, "table plain", "count is 3", "2 columns");
    EXPECT(weir_append(plain, 1, UINT64_MAX), WEIR_MISUSE, "value 2, of column b",
           "9223372036854775807", "weir_real");
    EXPECT(weir_append(plain, (void *)o, 2), WEIR_MISUSE, "value 1, of column a",
           "weir_blob(pointer, bytes)");
    EXPECT(weir_append(plain, no_type, 2), WEIR_MISUSE, "value 1, of column a", "no type");
    EXPECT(weir_append(plain, 1, hollow), WEIR_MISUSE, "value 2, of column b", "NULL pointer");
    EXPECT(weir_append(keyed, UINT64_MAX), WEIR_MISUSE, "table keyed", "column id");
    EXPECT(weir_append((weir_table *)NULL, 1), WEIR_MISUSE, "weir_append", "table is NULL");
    EXPECT(weir_append_row(plain, NULL, 2, NULL), WEIR_MISUSE, "values is NULL");
    EXPECT(weir_append_rows(plain, two, 2, 0, NULL), WEIR_MISUSE, "weir_append_rows", "rows is 0");
    EXPECT(weir_append_rows(plain, two, 1, 2, NULL), WEIR_MISUSE, "weir_append_rows", "count is 1");
    EXPECT(weir_insert_now(keyed, &no_type, 1, 0, NULL, NULL), WEIR_MISUSE, "weir_insert_now",
           "integer");
    assert_int_equal(weir_sync(o->w, WEIR_APPLIED, 20000), WEIR_OK); /* nothing was appended */
    assert_int_equal(weir_sql_int(o->database, "SELECT count(*) FROM plain"), 0);
}

/* Whichever failed last, and whether its words were asked for in between or not. */
static void the_words_are_of_the_last_failure(void **state) {
    opened *o = *state;
    open_it(o, WEIR_FULL_BLOCK);
    assert_int_equal(weir_append(plain, 1), WEIR_MISUSE);
    assert_int_equal(weir_sync(NULL, WEIR_DURABLE, 0), WEIR_MISUSE);
    assert_non_null(strstr(weir_last_error(), "weir_sync"));
    assert_int_equal(weir_append(plain, 1), WEIR_MISUSE);
    assert_non_null(strstr(weir_last_error(), "weir_append"));
    assert_int_equal(weir_append(plain, 1, 2), WEIR_OK);
    assert_non_null(strstr(weir_last_error(), "count is 1"));
}

static void a_large_row_names_its_bytes_and_the_option(void **state) {
    opened *o = *state;
    static char text[40000];
    weir_value overlong = weir_null();
    open_it(o, WEIR_FULL_BLOCK);
    EXPECT(weir_append(plain, 1, weir_text_n(text, sizeof text)), WEIR_TOO_BIG, "40040 bytes",
           "lane_bytes (65536)", "raise");
    if (sizeof(size_t) > 4) overlong = weir_blob(text, (size_t)UINT32_MAX + 1);
    if (sizeof(size_t) > 4)
        EXPECT(weir_append(plain, 1, overlong), WEIR_TOO_BIG, "value 2, of column b", "4 GiB");
}

/* Each row takes more than its values: the head of its record and its own. */
static void many_small_rows_name_more_bytes_than_fit(void **state) {
    enum { ROWS = 1500 };
    opened *o = *state;
    weir_value values[2 * ROWS];
    unsigned long long bytes = 0;
    for (int i = 0; i < 2 * ROWS; i++)
        values[i] = i % 2 ? weir_null() : weir_int(i);
    open_it(o, WEIR_FULL_BLOCK);
    assert_int_equal(weir_append_rows(plain, values, 2, ROWS, NULL), WEIR_TOO_BIG);
    assert_int_equal(sscanf(weir_last_error(), "weir_append_rows: table plain: %llu", &bytes), 1);
    assert_true(bytes > 65536 / 2);
}

static void a_full_ring_names_policy_and_options(void **state) {
    opened *o = *state;
    static char text[10000];
    for (int full = WEIR_FULL_BLOCK; full <= WEIR_FULL_FAIL; full++) {
        open_it(o, (weir_full)full);
        weir_journal_lock(weir_handle_journal(o->w));
        while (weir_append(plain, 1, weir_text_n(text, sizeof text)) == WEIR_OK) {
        }
        int status = weir_append(plain, 1, weir_text_n(text, sizeof text));
        weir_journal_unlock(weir_handle_journal(o->w));
        EXPECT(status, WEIR_FULL,
               full == WEIR_FULL_BLOCK ? "full_timeout_ms (10)" : "WEIR_FULL_FAIL",
               "journal_limit_bytes", "lane_bytes: 65536");
        assert_int_equal(opened_close(o), WEIR_OK);
    }
}

static void a_closed_handle_says_what_to_do(void **state) {
    opened *o = *state;
    const weir_value row[] = {weir_null()};
    bool in_its_memory = false;
    open_it(o, WEIR_FULL_BLOCK);
    weir *handle = o->w;
    assert_int_equal(opened_close(o), WEIR_OK);
    EXPECT(weir_append(plain, 1, 2), WEIR_CLOSED, "weir_append", "closed", "declare");
    EXPECT(weir_log_write(handle, WEIR_WARN, NULL, 0, "x"), WEIR_CLOSED, "weir_log", "closed");
    for (int i = 0; i < 16 && !in_its_memory; i++) { /* until a handle has the memory of that one */
        opened_open(o, &(weir_options){.lanes_max = 2});
        EXPECT(weir_append(plain, 1, 2), WEIR_CLOSED, "weir_append", "closed", "declare");
        (void)weir_insert_now(keyed, row, 1, 0, NULL, NULL);
        in_its_memory = strstr(weir_last_error(), "was closed") != NULL;
        EXPECT(weir_insert_now(keyed, row, 1, 0, NULL, NULL), WEIR_CLOSED, "weir_insert_now",
               "declare the table");
        assert_int_equal(opened_close(o), WEIR_OK);
    }
    assert_true(in_its_memory);
}

static void a_forked_child_and_a_stopped_handle_say_so(void **state) {
    opened *o = *state;
    int ended;
    open_it(o, WEIR_FULL_BLOCK);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (weir_append(plain, 1, 2) != WEIR_FORKED) _exit(1);
        _exit(strstr(weir_last_error(), "fork before opening") ? 0 : 2);
    }
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_int_equal(ended, 0);
    weir_temp_remove(o->journal); /* which stops it, when it looks */
    for (int i = 0; i < 2000 && weir_append(plain, 1, 2) == WEIR_OK; i++) {
        (void)weir_sync(o->w, WEIR_APPLIED, 1);
        (void)usleep(1000);
    }
    EXPECT(weir_append(plain, 1, 2), WEIR_STOPPED, "table plain", "stopped", "open again");
    (void)opened_close(o); /* its journal is gone */
}

static void spent_keys_are_told(void **state) {
    opened *o = *state;
    open_it(o, WEIR_FULL_BLOCK);
    assert_int_equal(weir_append(keyed, INT64_MAX - 1), WEIR_OK);
    EXPECT(weir_append(keyed, NULL), WEIR_SCHEMA, "table keyed", "no key");
}

/* ---- lanes ----------------------------------------------------------------------------------- */

typedef struct holder {
    sem_t has, may_end;
    pthread_t thread;
} holder;

static void *hold_a_lane(void *argument) {
    holder *h = argument;
    int status = weir_append(plain, 1, 2);
    (void)sem_post(&h->has);
    (void)sem_wait(&h->may_end);
    return status == WEIR_OK ? h : NULL;
}

static void begin_holding(holder *h) {
    assert_int_equal(sem_init(&h->has, 0, 0) | sem_init(&h->may_end, 0, 0), 0);
    assert_int_equal(pthread_create(&h->thread, NULL, hold_a_lane, h), 0);
    assert_int_equal(sem_wait(&h->has), 0);
}

static void end_holding(holder *h) {
    void *fine;
    assert_int_equal(sem_post(&h->may_end), 0);
    assert_int_equal(pthread_join(h->thread, &fine), 0);
    assert_non_null(fine);
}

static void *append_without_a_lane(void *status) {
    *(int *)status = weir_append(plain, 1, 2);
    if (!strstr(weir_last_error(), "lanes_max")) *(int *)status = 1;
    return NULL;
}

static int in_another_thread(void) {
    pthread_t thread;
    int status;
    assert_int_equal(pthread_create(&thread, NULL, append_without_a_lane, &status), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    return status;
}

static void await_events(int wanted) {
    for (int i = 0; i < 2000 && atomic_load(&no_lane) < wanted; i++)
        (void)usleep(5000);
    assert_int_equal(atomic_load(&no_lane), wanted);
}

static void a_thread_without_a_lane_is_an_event_until_it_passes(void **state) {
    opened *o = *state;
    holder h;
    open_it(o, WEIR_FULL_BLOCK);
    assert_int_equal(weir_append(plain, 1, 2), WEIR_OK); /* one lane is this thread's */
    begin_holding(&h);
    assert_int_equal(in_another_thread(), WEIR_FULL);
    await_events(1);
    assert_int_equal(in_another_thread(), WEIR_FULL);
    await_events(1);
    end_holding(&h);
    begin_holding(&h); /* which had room: it has passed */
    assert_int_equal(weir_sync(o->w, WEIR_DURABLE, 20000), WEIR_OK);
    end_holding(&h);
    assert_int_equal(weir_append(plain, 1, 2), WEIR_OK);
    assert_int_equal(weir_sync(o->w, WEIR_DURABLE, 20000), WEIR_OK);
    begin_holding(&h);
    assert_int_equal(in_another_thread(), WEIR_FULL);
    await_events(2);
    end_holding(&h);
}

static void too_many_nested_appends_are_no_lack_of_lanes(void **state) {
    opened *o = *state;
    open_it(o, WEIR_FULL_BLOCK);
    weir_slot_of(o->w)->depth = WEIR_DEPTHS; /* as in the handler of a handler of a handler */
    int status = weir_append(plain, 1, 2);
    weir_slot_of(o->w)->depth = 0;
    EXPECT(status, WEIR_FULL, "nested too deep");
    assert_int_equal(weir_append(plain, 1, 2), WEIR_OK);
    assert_int_equal(weir_sync(o->w, WEIR_DURABLE, 20000), WEIR_OK); /* by a step after it */
    assert_int_equal(atomic_load(&no_lane), 0);
}

/* ---- handlers -------------------------------------------------------------------------------- */

static void fail_in_a_handler(int number) {
    (void)number;
    (void)weir_append((weir_table *)NULL, 1);
}

/* A handler that fails at any instant of failing calls leaves the words of one of the two, whole. */
static void a_handler_does_not_mix_words(void **state) {
    opened *o = *state;
    const struct sigaction action = {.sa_handler = fail_in_a_handler};
    struct sigaction before;
    const struct itimerval often = {{0, 150}, {0, 150}}, never = {0};
    open_it(o, WEIR_FULL_BLOCK);
    assert_int_equal(weir_append(plain, 1), WEIR_MISUSE);
    char count[512], argument[512];
    (void)snprintf(count, sizeof count, "%s", weir_last_error());
    fail_in_a_handler(0);
    (void)snprintf(argument, sizeof argument, "%s", weir_last_error());
    assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
    int of_count = 0, of_argument = 0, others = 0;
    for (int i = 0; i < 300000; i++) {
        (void)weir_append(plain, 1);
        const char *told = weir_last_error();
        if (strcmp(told, count) == 0)
            of_count++;
        else if (strcmp(told, argument) == 0)
            of_argument++;
        else
            others++;
    }
    assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
    assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
    assert_int_equal(others, 0);
    assert_true(of_count > 0);
    (void)of_argument; /* as the timer had it */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        OPENED_TEST(misuse_names_table_value_and_remedy),
        OPENED_TEST(the_words_are_of_the_last_failure),
        OPENED_TEST(a_large_row_names_its_bytes_and_the_option),
        OPENED_TEST(many_small_rows_name_more_bytes_than_fit),
        OPENED_TEST(a_full_ring_names_policy_and_options),
        OPENED_TEST(a_closed_handle_says_what_to_do),
        OPENED_TEST(a_forked_child_and_a_stopped_handle_say_so),
        OPENED_TEST(spent_keys_are_told),
        OPENED_TEST(a_thread_without_a_lane_is_an_event_until_it_passes),
        OPENED_TEST(too_many_nested_appends_are_no_lack_of_lanes),
        OPENED_TEST(a_handler_does_not_mix_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
