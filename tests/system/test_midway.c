/* test_midway.c - calls caught in the middle: an append whose bytes cannot be read yet, while the thread
 * dies, a handler appends or the handle closes; and rings that come back older than the journal.
 *
 * A TEXT value that ends in a page without access stops an append at exactly one place: half of the
 * record is written, nothing is published. What happens then, the handler of SIGSEGV decides. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <weir/sqlite.h>

#include "lib/ring/ring.h"
#include "opened.h"

enum {
    PAGE = 4096,
    READABLE = 100,
    TEXT = 200,
    ROWS = 5,
    UNPLANNED = 42, /* exit status after a fault that nobody planned */
};

static const weir_column columns[] = {{"n", WEIR_INTEGER}, {"t", WEIR_TEXT}};

typedef struct fixture {
    opened at;
    char ring[320];
    char *trap; /* two pages; the second opens when the handler says so */
    unsigned events[16];
} fixture;

static fixture *f; /* for the handler */
static void (*in_the_middle)(void);

/* ---- the trap ------------------------------------------------------------------------------ */

static void open_trap(void) { (void)mprotect(f->trap + PAGE, PAGE, PROT_READ); }

static void on_fault(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)context;
    const char *at = info->si_addr;
    if (at < f->trap + PAGE || at >= f->trap + 2 * PAGE) _exit(UNPLANNED);
    in_the_middle();
}

static void set_trap(void (*what)(void)) {
    f->trap = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (f->trap == MAP_FAILED) _exit(41);
    memset(f->trap, 'x', 2 * PAGE);
    if (mprotect(f->trap + PAGE, PAGE, PROT_NONE)) _exit(41);
    in_the_middle = what;
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    if (sigaction(SIGSEGV, &action, NULL)) _exit(41);
}

static weir_value trapped(void) { return weir_text_n(f->trap + PAGE - READABLE, TEXT); }

/* ---- children ------------------------------------------------------------------------------ */

static void must(bool fine, int code) {
    if (!fine) {
        fprintf(stderr, "child: %s\n", weir_last_error());
        _exit(code);
    }
}

static void open_and_fill(void) {
    weir_options options = {.linger_ms = 600000, .open_timeout_ms = 50};
    must(weir_open_sqlite(f->at.database, &options, &f->at.w) == WEIR_OK, 10);
    must(weir_declare(f->at.w, "t", columns, 2, &f->at.table) == WEIR_OK, 11);
    for (int64_t n = 1; n <= ROWS; n++)
        must(weir_append(f->at.table, weir_int(n), weir_text("whole")) == WEIR_OK, 12);
}

static void in_a_child(void (*body)(void)) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        body();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status) || WEXITSTATUS(status))
        fail_msg("the child ended with wait status %x", (unsigned)status);
}

/* ---- afterwards ---------------------------------------------------------------------------- */

static void note_event(void *context, weir_event event, const char *text) {
    (void)text;
    ((fixture *)context)->events[event]++; /* read after closing only */
}

/* Recovery finds these rows and nothing that is broken. */
static void expect_rows(int64_t rows) {
    weir *w;
    weir_options options = {.on_event = note_event, .event_context = f};
    if (weir_open_sqlite(f->at.database, &options, &w) != WEIR_OK)
        fail_msg("%s", weir_last_error());
    assert_int_equal(weir_sync(w, WEIR_APPLIED, 60000), WEIR_OK);
    assert_int_equal(weir_close(w), WEIR_OK);
    assert_int_equal(weir_sql_int(f->at.database, "SELECT count(*) FROM t"), rows);
    assert_int_equal(weir_sql_int(f->at.database, "SELECT count(DISTINCT n) FROM t"), rows);
    assert_int_equal(f->events[WEIR_EVENT_DAMAGE], 0);
    assert_int_equal(f->events[WEIR_EVENT_TORN_TAIL], 0);
}

static int64_t whole_texts(int64_t n) {
    char sql[100];
    (void)snprintf(sql, sizeof sql,
                   "SELECT count(*) FROM t WHERE n = %d AND t = printf('%%.*c', %d, 'x')", (int)n,
                   (int)TEXT);
    return weir_sql_int(f->at.database, sql);
}

static int setup(void **state) {
    if (opened_make(state, sizeof *f) != 0) return -1;
    f = *state;
    (void)snprintf(f->ring, sizeof f->ring, "%s/ring", f->at.journal);
    return 0;
}

/* ---- death in the middle ------------------------------------------------------------------- */

static void die(void) { _exit(0); }

static void append_and_die(void) {
    open_and_fill();
    set_trap(die);
    (void)weir_append(f->at.table, weir_int(100), trapped());
    _exit(13); /* it should not have come back */
}

static void half_an_append_leaves_no_trace(void **state) {
    (void)state;
    in_a_child(append_and_die);
    expect_rows(ROWS);
}

static void append_many_and_die(void) {
    open_and_fill();
    set_trap(die);
    const weir_value rows[] = {weir_int(100),  weir_text("a"), weir_int(101),
                               weir_text("b"), weir_int(102),  trapped()};
    (void)weir_append_rows(f->at.table, rows, 2, 3, NULL);
    _exit(13);
}

static void half_of_many_rows_leave_no_trace(void **state) {
    (void)state;
    in_a_child(append_many_and_die);
    expect_rows(ROWS);
}

/* ---- a handler that appends ---------------------------------------------------------------- */

static void append_inside(void) {
    for (int64_t n = 200; n < 203; n++)
        must(weir_append(f->at.table, weir_int(n), weir_text("from the handler")) == WEIR_OK, 14);
    open_trap();
}

static void append_around_a_handler(void) {
    open_and_fill();
    set_trap(append_inside);
    must(weir_append(f->at.table, weir_int(100), trapped()) == WEIR_OK, 15);
    must(weir_append(f->at.table, weir_int(101), weir_text("after")) == WEIR_OK, 16);
}

static void an_append_inside_an_append_keeps_both(void **state) {
    (void)state;
    in_a_child(append_around_a_handler);
    expect_rows(ROWS + 5);
    assert_int_equal(whole_texts(100), 1);
    assert_int_equal(weir_sql_int(f->at.database, "SELECT (SELECT rowid FROM t WHERE n = 202) < "
                                                  "(SELECT rowid FROM t WHERE n = 101)"),
                     1);
}

/* ---- a handler that forks -------------------------------------------------------------------- */

static pid_t forked, (*fork_way)(void);

static void fork_inside(void) {
    forked = fork_way();
    open_trap();
}

/* What the process that was forked in the middle of this one's append ended with. */
static int end_of_the_forked(void) {
    int status = -1;
    must(forked > 0 && waitpid(forked, &status, 0) == forked, 30);
    return status;
}

/* Both return from the handler into the append. */
static void append_around_a_fork(void) {
    const weir_value rows[] = {weir_int(101), trapped(), weir_int(102), weir_text("b")};
    weir_ticket ticket = {7, 7, 7};
    int status = weir_append(f->at.table, weir_int(100), trapped());
    if (forked == 0) {
        bool told = status == WEIR_FORKED &&
                    weir_append(f->at.table, weir_int(300), weir_null()) == WEIR_FORKED;
        _exit(told ? 0 : 31);
    }
    must(status == WEIR_OK && end_of_the_forked() == 0, 32);
    must(mprotect(f->trap + PAGE, PAGE, PROT_NONE) == 0, 33);
    status = weir_append_rows(f->at.table, rows, 2, 2, &ticket);
    if (forked == 0) _exit(status == WEIR_FORKED && ticket.position == 7 ? 0 : 34);
    must(status == WEIR_OK && end_of_the_forked() == 0, 35);
}

static void fork_in_the_middle(void) {
    fork_way = fork;
    open_and_fill();
    set_trap(fork_inside);
    append_around_a_fork();
}

static void a_child_forked_inside_an_append_writes_nothing_of_the_parents(void **state) {
    (void)state;
    in_a_child(fork_in_the_middle);
    expect_rows(ROWS + 3);
}

/* Nobody sees to this one, so it faults. */
static void append_around_a_bare_fork(void) {
    fork_way = _Fork;
    open_and_fill();
    set_trap(fork_inside);
    int status = weir_append(f->at.table, weir_int(101), trapped());
    if (forked == 0) _exit(36);
    int end = end_of_the_forked();
    must(status == WEIR_OK && WIFEXITED(end) && WEXITSTATUS(end) == UNPLANNED, 37);
    must(weir_append(f->at.table, weir_int(102), weir_null()) == WEIR_OK, 38);
}

static void a_child_that_nobody_sees_to_ends_and_the_parent_goes_on(void **state) {
    (void)state;
    in_a_child(append_around_a_bare_fork);
    expect_rows(ROWS + 2);
}

/* ---- closing in the middle ----------------------------------------------------------------- */

static int caught[2], go_on[2]; /* pipes: what a handler may wait on */

static void wait_for_close(void) {
    char byte = 0;
    must(write(caught[1], &byte, 1) == 1 && read(go_on[0], &byte, 1) == 1, 17);
    open_trap();
}

static void *append_slowly(void *status) {
    *(int *)status = weir_append(f->at.table, weir_int(100), trapped());
    return NULL;
}

static void close_around_an_append(void) {
    pthread_t thread;
    int status = WEIR_PENDING;
    char byte = 0;
    must(pipe(caught) == 0 && pipe(go_on) == 0, 18);
    open_and_fill();
    set_trap(wait_for_close);
    must(pthread_create(&thread, NULL, append_slowly, &status) == 0, 18);
    must(read(caught[0], &byte, 1) == 1, 18);
    must(opened_close(&f->at) == WEIR_PENDING, 19);
    must(weir_append(f->at.table, weir_int(300), weir_null()) == WEIR_CLOSED, 20);
    must(write(go_on[1], &byte, 1) == 1, 21);
    must(pthread_join(thread, NULL) == 0 && status == WEIR_OK, 22);
}

static void an_append_that_close_meets_is_kept(void **state) {
    (void)state;
    in_a_child(close_around_an_append);
    expect_rows(ROWS + 1);
    assert_int_equal(whole_texts(100), 1);
}

/* ---- rings that come back ------------------------------------------------------------------ */

/* As if nothing of it had become durable. */
static void forget_heads(const char *ring) {
    static const uint8_t zeros[8];
    int file = open(ring, O_WRONLY | O_CLOEXEC);
    must(file >= 0, 23);
    for (unsigned lane = 0; lane < 4; lane++)
        must(pwrite(file, zeros, 8, WEIR_RING_HEADER + lane * WEIR_LANE_CONTROL + 64) == 8, 23);
    must(close(file) == 0, 23);
}

static void die_durable(void) {
    open_and_fill();
    must(weir_sync(f->at.w, WEIR_DURABLE, UINT32_MAX) == WEIR_OK, 24);
    (void)weir_append(f->at.table, weir_int(100), weir_text("in the ring"));
}

/* Death between the sync and the release: the journal knows better than the ring. */
static void rows_that_are_durable_are_not_drained_again(void **state) {
    (void)state;
    in_a_child(die_durable);
    forget_heads(f->ring);
    expect_rows(ROWS + 1);
}

static void close_and_bring_the_ring_back(void) {
    char old[220];
    (void)snprintf(old, sizeof old, "%s/old", f->at.directory);
    open_and_fill();
    must(weir_sync(f->at.w, WEIR_DURABLE, UINT32_MAX) == WEIR_OK, 25);
    weir_file_copy_tree(f->ring, old);
    must(opened_close(&f->at) >= WEIR_OK, 26);
    forget_heads(old);
    must(rename(old, f->ring) == 0, 27);
}

static void a_ring_that_comes_back_after_a_clean_close_is_not_drained(void **state) {
    (void)state;
    in_a_child(close_and_bring_the_ring_back);
    expect_rows(ROWS);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, opened_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(half_an_append_leaves_no_trace),
        T(half_of_many_rows_leave_no_trace),
        T(an_append_inside_an_append_keeps_both),
        T(a_child_forked_inside_an_append_writes_nothing_of_the_parents),
        T(a_child_that_nobody_sees_to_ends_and_the_parent_goes_on),
        T(an_append_that_close_meets_is_kept),
        T(rows_that_are_durable_are_not_drained_again),
        T(a_ring_that_comes_back_after_a_clean_close_is_not_drained),
    };
    return cmocka_run_group_tests_name("midway", tests, NULL, NULL);
}
