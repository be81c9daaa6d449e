/* test_say.c - a handle without an on_event says on standard error what an operator must know, once,
 * and only where standard error is. */
/* Covers: lib/base/os_posix_complain.c */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/handle/handle.h"
#include "opened.h"
#include "writer/sqlite/open_sqlite.h"

enum { PATIENCE_MS = 20000 };

static const uint64_t minute = (uint64_t)60 * 1000000000;
static _Atomic uint64_t ahead; /* of the clock */
static const weir_os *real;
static weir_os os;

static uint64_t later(void *self) {
    (void)self;
    return real->now(real->self) + atomic_load(&ahead);
}

typedef struct saying {
    opened here;
    int kept, lines;
    char said[160];
} saying;

/* Standard error is a file, from now on. */
static int setup(void **state) {
    if (opened_make(state, sizeof(saying)) != 0) return -1;
    saying *s = *state;
    (void)snprintf(s->said, sizeof s->said, "%s/said", s->here.directory);
    real = weir_os_posix();
    os = *real;
    os.now = later;
    atomic_store(&ahead, 0);
    s->kept = dup(STDERR_FILENO);
    s->lines = open(s->said, O_WRONLY | O_CREAT | O_APPEND, 0600);
    return s->kept < 0 || s->lines < 0 || dup2(s->lines, STDERR_FILENO) < 0 ? -1 : 0;
}

static void give_back(saying *s) {
    if (s->kept < 0) return;
    (void)dup2(s->kept, STDERR_FILENO);
    (void)close(s->kept);
    (void)close(s->lines);
    s->kept = -1;
}

static int tear_down(void **state) {
    give_back(*state);
    return opened_tear_down(state);
}

static void nothing(void *context, weir_event event, const char *text) {
    (void)context, (void)event, (void)text;
}

static void begin(saying *s, weir_event_fn *on_event) {
    const weir_options options = {.on_event = on_event};
    if (weir_open_sqlite_on(&os, s->here.database, &options, &s->here.w) != WEIR_OK)
        fail_msg("%s", weir_last_error());
}

/* How many lines have these words; standard error is the test's again when it fails. */
static int lines_with(const saying *s, const char *words) {
    int lines = 0;
    char *text = weir_file_text(s->said), *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));)
        lines += strncmp(line, "weir: /", 7) == 0 && strstr(line, words) != NULL;
    free(text);
    return lines;
}

static size_t bytes_said(const saying *s) {
    struct stat st;
    return stat(s->said, &st) == 0 ? (size_t)st.st_size : 0;
}

static void a_refused_row_is_said_once(void **state) {
    saying *s = *state;
    static const weir_column column = {"n", WEIR_INTEGER};
    weir_table *t;
    weir_sql_run(s->here.database, "CREATE TABLE t(n NOT NULL)");
    begin(s, NULL);
    assert_int_equal(weir_declare(s->here.w, "t", &column, 1, &t), WEIR_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(weir_append(t, NULL), WEIR_OK);
        assert_int_equal(weir_sync(s->here.w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
    }
    assert_int_equal(opened_close(&s->here), WEIR_OK);
    assert_int_equal(lines_with(s, "weir_reject"), 1);
    begin(s, NULL); /* another opening */
    assert_int_equal(weir_declare(s->here.w, "t", &column, 1, &t), WEIR_OK);
    assert_int_equal(weir_append(t, NULL), WEIR_OK);
    assert_int_equal(opened_close(&s->here), WEIR_OK);
    assert_int_equal(lines_with(s, "weir_reject"), 2);
}

static void an_on_event_keeps_a_handle_quiet(void **state) {
    saying *s = *state;
    begin(s, nothing);
    weir_handle_event(s->here.w, WEIR_EVENT_STOPPED, "%s", "/x");
    assert_int_equal(opened_close(&s->here), WEIR_OK);
    assert_int_equal(bytes_said(s), 0);
}

static void a_trouble_that_comes_back_is_said_once_a_minute(void **state) {
    saying *s = *state;
    begin(s, NULL);
    weir *w = s->here.w;
    weir_handle_event(w, WEIR_EVENT_APPLY_RESUMED, "%s", "/r"); /* of what was not said */
    weir_handle_event(w, WEIR_EVENT_RECOVERED, "%s", "/r");
    weir_handle_event(w, WEIR_EVENT_TORN_TAIL, "%s", "/r");
    assert_int_equal(bytes_said(s), 0);
    for (int i = 0; i < 3; i++) {
        weir_handle_event(w, WEIR_EVENT_APPLY_WAITS, "%s", "/busy");
        weir_handle_event(w, WEIR_EVENT_APPLY_RESUMED, "%s", "/again");
    }
    assert_int_equal(lines_with(s, "/busy; it is tried again"), 1);
    assert_int_equal(lines_with(s, "/again"), 1);
    atomic_store(&ahead, minute);
    weir_handle_event(w, WEIR_EVENT_APPLY_WAITS, "%s", "/busy");
    weir_handle_event(w, WEIR_EVENT_APPLY_RESUMED, "%s", "/again");
    assert_int_equal(lines_with(s, "/busy"), 2);
    assert_int_equal(lines_with(s, "/again"), 2);
    weir_handle_event(w, WEIR_EVENT_WEAKENED, "%s", "/one"); /* each about another promise */
    weir_handle_event(w, WEIR_EVENT_WEAKENED, "%s", "/other");
    assert_int_equal(lines_with(s, "/one") + lines_with(s, "/other"), 2);
    weir_handle_event(w, WEIR_EVENT_NO_SPACE, "%s", "no place in the text");
    assert_int_equal(lines_with(s, "run.db-weir: no place in the text; free"), 1);
    assert_int_equal(opened_close(&s->here), WEIR_OK);
}

static void nothing_is_said_into_a_file_that_took_its_place(void **state) {
    saying *s = *state;
    char data[160];
    (void)snprintf(data, sizeof data, "%s/data", s->here.directory);
    begin(s, NULL);
    assert_int_equal(close(STDERR_FILENO), 0);
    weir_handle_event(s->here.w, WEIR_EVENT_STOPPED, "%s", "/closed");
    int file = open(data, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(file, STDERR_FILENO);
    weir_handle_event(s->here.w, WEIR_EVENT_WEAKENED, "%s", "/replaced");
    struct stat st;
    assert_int_equal(fstat(file, &st), 0);
    assert_int_equal(st.st_size, 0);
    assert_int_equal(opened_close(&s->here), WEIR_OK);
    /* Nor is a file for standard error that was there before the opening, but is open to be read. */
    assert_int_equal(close(STDERR_FILENO), 0);
    assert_int_equal(open(data, O_RDWR), STDERR_FILENO);
    begin(s, NULL);
    weir_handle_event(s->here.w, WEIR_EVENT_WEAKENED, "%s", "/data");
    assert_int_equal(fstat(file, &st), 0);
    assert_int_equal(st.st_size, 0);
    assert_int_equal(opened_close(&s->here), WEIR_OK);
    assert_int_equal(bytes_said(s), 0);
}

/* A pipe that nobody reads, or that is full, is no reason to wait or to die. */
static void a_pipe_neither_stops_nor_kills(void **state) {
    saying *s = *state;
    int ends[2];
    char full[4096];
    sigset_t pending;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    begin(s, NULL);
    weir_handle_event(s->here.w, WEIR_EVENT_WEAKENED, "%s", "/read");
    assert_true(read(ends[0], full, sizeof full) > 0);
    assert_int_equal(strncmp(full, "weir: /read", 11), 0);
    assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    memset(full, 'x', sizeof full);
    while (write(ends[1], full, sizeof full) > 0) {
    }
    assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0);
    weir_handle_event(s->here.w, WEIR_EVENT_WEAKENED, "%s", "/full"); /* would wait for ever */
    while (read(ends[0], full, sizeof full) == (ssize_t)sizeof full) {
        int left = 0;
        assert_int_equal(ioctl(ends[0], FIONREAD, &left), 0);
        if (left == 0) break;
    }
    assert_int_equal(close(ends[0]), 0);
    errno = 77;
    weir_handle_event(s->here.w, WEIR_EVENT_WEAKENED, "%s", "/broken"); /* would raise SIGPIPE */
    assert_int_equal(errno, 77);
    assert_int_equal(sigpending(&pending), 0);
    assert_int_equal(sigismember(&pending, SIGPIPE), 0);
    (void)close(ends[1]);
    assert_int_equal(opened_close(&s->here), WEIR_OK);
}

#define SAYING_TEST(name) cmocka_unit_test_setup_teardown(name, setup, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        SAYING_TEST(a_refused_row_is_said_once),
        SAYING_TEST(an_on_event_keeps_a_handle_quiet),
        SAYING_TEST(a_trouble_that_comes_back_is_said_once_a_minute),
        SAYING_TEST(nothing_is_said_into_a_file_that_took_its_place),
        SAYING_TEST(a_pipe_neither_stops_nor_kills),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
