/* test_poll.c - waiting without a thread: a descriptor for an event loop, and a request. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/handle/core.h"
#include "opened.h"

enum { PATIENCE_MS = 20000, HOUR_MS = 3600000 };

static const weir_column columns[] = {{"n", WEIR_INTEGER}};

/* Nothing reaches a level unasked. */
static const weir_options slow = {.linger_ms = HOUR_MS, .apply_linger_ms = HOUR_MS};

static void open_with(opened *o, const weir_options *options) {
    opened_open(o, options);
    assert_int_equal(weir_declare(o->w, "t", columns, 1, &o->table), WEIR_OK);
}

static int descriptor(opened *o, weir_level level) {
    int fd;
    assert_int_equal(weir_descriptor(o->w, level, &fd), WEIR_OK);
    return fd;
}

static bool readable(int fd, int timeout_ms) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int ready = poll(&p, 1, timeout_ms);
    assert_true(ready >= 0);
    return ready > 0;
}

/* Read it until it is not readable. */
static void take_news(int fd) {
    uint64_t news;
    assert_int_equal(read(fd, &news, sizeof news), sizeof news);
    assert_int_equal(read(fd, &news, sizeof news), -1);
    assert_int_equal(errno, EAGAIN);
}

static weir_ticket append(opened *o) {
    weir_ticket ticket;
    assert_int_equal(weir_append_ticket(o->table, &ticket, weir_int(1)), WEIR_OK);
    return ticket;
}

/* As an event loop does it. */
static int wait_by_polling(opened *o, int fd, weir_ticket ticket, weir_level level) {
    int status;
    while ((status = weir_wait(o->w, ticket, level, 0)) == WEIR_PENDING) {
        if (!readable(fd, PATIENCE_MS)) return WEIR_PENDING;
        take_news(fd);
    }
    return status;
}

/* ---- the request --------------------------------------------------------------------------- */

static void a_request_ends_the_linger(void **state) {
    opened *o = *state;
    open_with(o, &slow);
    int fd = descriptor(o, WEIR_DURABLE);
    assert_true(readable(fd, 0)); /* at first */
    take_news(fd);
    weir_ticket ticket = append(o);
    assert_int_equal(weir_wait(o->w, ticket, WEIR_DURABLE, 0), WEIR_PENDING);
    assert_int_equal(weir_request(o->w, WEIR_DURABLE), WEIR_OK);
    assert_int_equal(wait_by_polling(o, fd, ticket, WEIR_DURABLE), WEIR_OK);
    ticket = append(o);
    assert_int_equal(weir_request(o->w, WEIR_DURABLE), WEIR_OK);
    assert_int_equal(wait_by_polling(o, fd, ticket, WEIR_DURABLE), WEIR_OK);
}

static void a_request_has_rows_applied(void **state) {
    opened *o = *state;
    open_with(o, &slow);
    int fd = descriptor(o, WEIR_APPLIED);
    for (int i = 0; i < 3; i++) {
        weir_ticket ticket = append(o);
        assert_int_equal(weir_request(o->w, WEIR_APPLIED), WEIR_OK);
        assert_int_equal(wait_by_polling(o, fd, ticket, WEIR_APPLIED), WEIR_OK);
    }
    weir_ticket ticket = append(o); /* what is durable already is applied too */
    assert_int_equal(weir_wait(o->w, ticket, WEIR_DURABLE, PATIENCE_MS), WEIR_OK);
    assert_int_equal(weir_request(o->w, WEIR_APPLIED), WEIR_OK);
    assert_int_equal(wait_by_polling(o, fd, ticket, WEIR_APPLIED), WEIR_OK);
}

static void a_request_that_is_answered_is_over(void **state) {
    opened *o = *state;
    open_with(o, &slow);
    weir_ticket ticket = append(o);
    assert_int_equal(weir_request(o->w, WEIR_APPLIED), WEIR_OK);
    assert_int_equal(weir_wait(o->w, ticket, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
    (void)append(o);
    assert_int_equal(atomic_load(&o->w->journaler.requested), 0);
    assert_false(weir_handle_wants_applied(weir_handle_primary(o->w)));
}

/* ---- no news is lost ----------------------------------------------------------------------- */

enum { THREADS = 4, ROWS = 400 };

typedef struct looper {
    opened *o;
    weir_level level;
    int fd, reached;
} looper;

static void *append_beside(void *argument) {
    opened *o = argument;
    for (int i = 0; i < 20 * ROWS; i++)
        if (weir_append(o->table, weir_int(i)) != WEIR_OK) return NULL;
    return NULL;
}

/* One loop for each level, since a second reader would take its news. */
static void *loop(void *argument) {
    looper *l = argument;
    for (int i = 0; i < ROWS; i++) {
        weir_ticket ticket;
        if (weir_append_ticket(l->o->table, &ticket, weir_int(i)) != WEIR_OK) return NULL;
        if (i % 3 && weir_request(l->o->w, l->level) != WEIR_OK) return NULL;
        if (wait_by_polling(l->o, l->fd, ticket, l->level) != WEIR_OK) return NULL;
        l->reached++;
    }
    return NULL;
}

static void no_news_is_lost(void **state) {
    opened *o = *state;
    open_with(o, &(weir_options){.linger_ms = 1, .apply_linger_ms = 1});
    looper loopers[] = {{.o = o, .level = WEIR_DURABLE}, {.o = o, .level = WEIR_APPLIED}};
    pthread_t threads[THREADS], loops[2];
    for (int i = 0; i < 2; i++) {
        loopers[i].fd = descriptor(o, loopers[i].level);
        assert_int_equal(pthread_create(&loops[i], NULL, loop, &loopers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, append_beside, o), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(loops[i], NULL), 0);
        assert_int_equal(loopers[i].reached, ROWS);
    }
}

/* ---- the descriptor ------------------------------------------------------------------------ */

static void *ask_for_descriptor(void *argument) {
    int fd = -1;
    (void)weir_descriptor(((opened *)argument)->w, WEIR_DURABLE, &fd);
    return (void *)(intptr_t)fd;
}

/* Of their kind: the handle's threads open and close files meanwhile. */
static int eventfds_open(void) {
    int count = 0;
    for (int fd = 0; fd < 1024; fd++) {
        char path[40], target[40] = "";
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        if (readlink(path, target, sizeof target - 1) > 0)
            count += strcmp(target, "anon_inode:[eventfd]") == 0;
    }
    return count;
}

static void each_level_has_one(void **state) {
    opened *o = *state;
    open_with(o, &slow);
    int before = eventfds_open();
    pthread_t threads[THREADS];
    void *first = NULL;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_for_descriptor, o), 0);
    for (int i = 0; i < THREADS; i++) {
        void *fd;
        assert_int_equal(pthread_join(threads[i], &fd), 0);
        if (i == 0) first = fd;
        assert_ptr_equal(fd, first);
    }
    int durable = descriptor(o, WEIR_DURABLE), applied = descriptor(o, WEIR_APPLIED);
    assert_int_equal(durable, (int)(intptr_t)first);
    assert_int_not_equal(durable, applied);
    assert_int_equal(eventfds_open(), before + 2);
    assert_true(fcntl(durable, F_GETFD) & FD_CLOEXEC);
}

static void it_is_none_of_stdio(void **state) {
    opened *o = *state;
    open_with(o, &slow);
    int kept = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 100);
    (void)close(STDIN_FILENO);
    int fd = descriptor(o, WEIR_DURABLE);
    if (kept >= 0) {
        (void)dup2(kept, STDIN_FILENO);
        (void)close(kept);
    }
    assert_true(fd > STDERR_FILENO);
    assert_true(readable(fd, 0));
}

static void without_descriptors_it_says_so(void **state) {
    opened *o = *state;
    open_with(o, &slow);
    struct rlimit limit, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = 3;
    int fd;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    int status = weir_descriptor(o->w, WEIR_DURABLE, &fd);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(status, WEIR_IO);
    assert_int_equal(fd, -1);
    assert_non_null(strstr(weir_last_error(), "RLIMIT_NOFILE"));
    assert_true(readable(descriptor(o, WEIR_DURABLE), 0));
}

/* ---- when a level is out of reach ---------------------------------------------------------- */

static void a_journal_that_stops_is_news(void **state) {
    opened *o = *state;
    open_with(o, &slow);
    int durable = descriptor(o, WEIR_DURABLE), applied = descriptor(o, WEIR_APPLIED);
    take_news(durable);
    take_news(applied);
    weir_ticket ticket = append(o);
    weir_lane *lane = &o->w->ring.lanes[ticket.lane];
    memset(weir_lane_at(lane, 0), 0xFF, ticket.position); /* as through a wild pointer */
    assert_int_equal(weir_request(o->w, WEIR_DURABLE), WEIR_OK);
    assert_int_equal(wait_by_polling(o, durable, ticket, WEIR_DURABLE), WEIR_STOPPED);
    assert_true(readable(applied, PATIENCE_MS));
    assert_int_equal(weir_request(o->w, WEIR_DURABLE), WEIR_STOPPED);
    assert_int_equal(descriptor(o, WEIR_DURABLE), durable);
    (void)opened_close(o); /* answers WEIR_STOPPED */
}

static void closing_is_news(void **state) {
    opened *o = *state;
    open_with(o, &slow);
    int fd = descriptor(o, WEIR_DURABLE);
    take_news(fd);
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    assert_true(copy >= 0);
    assert_int_equal(opened_close(o), WEIR_OK);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    assert_true(readable(copy, 0));
    assert_int_equal(close(copy), 0);
    open_with(o, &slow); /* in the same memory, with an event of its own */
    assert_true(readable(descriptor(o, WEIR_DURABLE), 0));
}

static void misuse_is_told(void **state) {
    opened *o = *state;
    int fd;
    open_with(o, &slow);
    assert_int_equal(weir_descriptor(NULL, WEIR_DURABLE, &fd), WEIR_MISUSE);
    assert_int_equal(weir_descriptor(o->w, WEIR_DURABLE, NULL), WEIR_MISUSE);
    assert_int_equal(weir_descriptor(o->w, WEIR_PUBLISHED, &fd), WEIR_MISUSE);
    assert_non_null(strstr(weir_last_error(), "weir_descriptor: level"));
    assert_int_equal(weir_request(NULL, WEIR_DURABLE), WEIR_MISUSE);
    assert_int_equal(weir_request(o->w, (weir_level)3), WEIR_MISUSE);
    assert_non_null(strstr(weir_last_error(), "weir_request: level"));
    pid_t child = fork();
    if (child == 0)
        _exit(weir_request(o->w, WEIR_DURABLE) != WEIR_FORKED ||
              weir_descriptor(o->w, WEIR_DURABLE, &fd) != WEIR_FORKED);
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        OPENED_TEST(a_request_ends_the_linger),
        OPENED_TEST(a_request_has_rows_applied),
        OPENED_TEST(a_request_that_is_answered_is_over),
        OPENED_TEST(no_news_is_lost),
        OPENED_TEST(each_level_has_one),
        OPENED_TEST(it_is_none_of_stdio),
        OPENED_TEST(without_descriptors_it_says_so),
        OPENED_TEST(a_journal_that_stops_is_news),
        OPENED_TEST(closing_is_news),
        OPENED_TEST(misuse_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
