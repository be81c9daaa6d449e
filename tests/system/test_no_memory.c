/* test_no_memory.c - the n-th allocation fails, and every one from the n-th on, for every n, in
 * opening, declaring, inserting, appending and recovering. zstd's and SQLite's fail as well as ours.
 * Each call succeeds or says what is wrong; nothing leaks, the lock least of all; and once there is
 * memory again, everything acknowledged is there. */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>
#include <weir/sqlite.h>

#include "opened.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

/* A sanitizer has an allocator of its own, which cannot be replaced. */
int main(void) { return weir_skip_all("no_memory", "the sanitizer owns malloc", 5); }

#else

/* ---- the allocator -------------------------------------------------------------------------- */

typedef enum whose { NOBODY, MINE, OTHERS, EVERYBODY } whose; /* threads; mine is the test's own */

static _Atomic whose armed;
static _Atomic bool for_ever;
static _Atomic long left;  /* allocations that succeed yet */
static _Atomic long fired; /* that did not */
static _Atomic long live;  /* not freed */
static _Thread_local bool is_mine;

#define SEEN __attribute__((visibility("default"))) /* by the shared libraries */
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static bool refuse(void) {
    whose who = atomic_load(&armed);
    if (who == NOBODY || (who == MINE && !is_mine) || (who == OTHERS && is_mine)) return false;
    long rest = atomic_fetch_sub(&left, 1);
    if (rest > 1 || (rest < 1 && !atomic_load(&for_ever))) return false;
    atomic_fetch_add(&fired, 1);
    errno = ENOMEM;
    return true;
}

static void *count(void *memory) {
    if (memory) atomic_fetch_add(&live, 1);
    return memory;
}

SEEN void *malloc(size_t bytes) { return refuse() ? NULL : count(__libc_malloc(bytes)); }

SEEN void *calloc(size_t number, size_t bytes) {
    return refuse() ? NULL : count(__libc_calloc(number, bytes));
}

SEEN void *realloc(void *memory, size_t bytes) {
    if (refuse()) return NULL;
    void *moved = __libc_realloc(memory, bytes);
    return memory ? moved : count(moved);
}

SEEN void *aligned_alloc(size_t alignment, size_t bytes) {
    return refuse() ? NULL : count(__libc_memalign(alignment, bytes));
}

SEEN int posix_memalign(void **out, size_t alignment, size_t bytes) {
    void *memory = aligned_alloc(alignment, bytes);
    if (memory) *out = memory;
    return memory ? 0 : ENOMEM;
}

SEEN void free(void *memory) {
    if (memory) atomic_fetch_sub(&live, 1);
    __libc_free(memory);
}

static void arm(whose who, long n, bool ever) {
    atomic_store(&left, n);
    atomic_store(&fired, 0);
    atomic_store(&for_ever, ever);
    atomic_store(&armed, who);
}

static bool disarm(void) {
    atomic_store(&armed, NOBODY);
    return atomic_load(&fired) > 0;
}

/* ---- what the tests share ------------------------------------------------------------------- */

static const weir_column columns[] = {{"n", WEIR_INTEGER}, {"text", WEIR_TEXT}};
static const weir_column keyed[] = {{"id", WEIR_KEY}, {"text", WEIR_TEXT}};
static const weir_options small = {.lane_bytes = 65536,
                                   .segment_bytes = 1 << 20,
                                   .lanes_max = 4,
                                   .linger_ms = 1,
                                   .apply_linger_ms = 1};

static int setup(void **state) {
    is_mine = true;
    return opened_set_up(state);
}

static int teardown(void **state) {
    (void)disarm();
    return opened_tear_down(state);
}

static void must(int status, const char *what, long n) {
    if (status != WEIR_OK)
        fail_msg("allocation %ld: %s: %s: %s", n, what, weir_status_name(status),
                 weir_last_error());
}

static void must_have_said_why(int status, long n) {
    if (status >= 0 || strlen(weir_last_error()) < 5)
        fail_msg("allocation %ld: %s: \"%s\"", n, weir_status_name(status), weir_last_error());
}

static void open_it(opened *f, long n) {
    must(weir_open_sqlite(f->database, &small, &f->w), "open", n);
}

static void close_it(opened *f, long n) {
    int status = opened_close(f);
    must(status, "close", n);
}

static void append_row(opened *f, int64_t number) {
    must(weir_append(f->table, weir_int(number), weir_text("kept")), "append", number);
}

/* ---- the tests ------------------------------------------------------------------------------ */

static long in_sqlite(void) {
    int pieces, most;
    assert_int_equal(sqlite3_status(SQLITE_STATUS_MALLOC_COUNT, &pieces, &most, 0), SQLITE_OK);
    return pieces;
}

/* SQLite may keep some for the next time, or lose some where an extension cannot set itself up; a
 * connection that was left open would be a hundred. */
static void nothing_leaked(long before, long before_in_sqlite, long n, bool ever) {
    long more_in_sqlite = in_sqlite() - before_in_sqlite;
    long ours = atomic_load(&live) - before - more_in_sqlite;
    if (ours || more_in_sqlite > 8)
        fail_msg("allocation %ld%s: leaked %ld pieces, and %ld in SQLite", n, ever ? " on" : "",
                 ours, more_in_sqlite);
}

static bool fail_open(opened *f, long n, bool ever) {
    long before = atomic_load(&live), before_in_sqlite = in_sqlite();
    arm(MINE, n, ever);
    int status = weir_open_sqlite(f->database, &small, &f->w);
    bool did = disarm();
    if (status == WEIR_OK) {
        close_it(f, n);
    } else {
        assert_null(f->w);
        must_have_said_why(status, n);
    }
    nothing_leaked(before, before_in_sqlite, n, ever);
    return did;
}

/* The lock is free, and the journal whole. The row lets go of the segments of the openings before. */
static void open_well(opened *f, int64_t *rows) {
    open_it(f, *rows);
    must(weir_declare(f->w, "rows", columns, 2, &f->table), "declare", *rows);
    append_row(f, ++*rows);
    must(weir_sync(f->w, WEIR_APPLIED, 10000), "sync", *rows);
    close_it(f, *rows);
}

static void opening(void **state) {
    opened *f = *state;
    int64_t rows = 0;
    while (rows < 20) /* what is kept for later openings is kept from here on */
        open_well(f, &rows);
    long n = 1;
    for (; fail_open(f, n, false) && fail_open(f, n, true); n++)
        if (n % 8 == 0) open_well(f, &rows);
    print_message("%ld allocations in opening\n", n - 1);
    assert_true(n > 50);
    open_well(f, &rows);
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM rows"), rows);
}

static bool fail_declare(opened *f, long n, bool ever) {
    char name[32];
    (void)snprintf(name, sizeof name, "t%ld_%d", n, ever);
    arm(MINE, n, ever);
    int status = weir_declare(f->w, name, columns, 2, &f->table);
    bool did = disarm();
    if (status != WEIR_OK) must_have_said_why(status, n);
    must(weir_declare(f->w, name, columns, 2, &f->table), "declare", n);
    append_row(f, n);
    return did;
}

static void declaring(void **state) {
    opened *f = *state;
    long n = 1;
    open_it(f, 0);
    while (fail_declare(f, n, false) && fail_declare(f, n, true))
        n++;
    print_message("%ld allocations in declaring\n", n - 1);
    assert_true(n > 5);
    close_it(f, n);
    assert_int_equal(
        weir_sql_int(f->database,
                     "SELECT count(*) FROM sqlite_master WHERE name LIKE 't%\\_%' ESCAPE '\\'"),
        2 * n - 1);
}

static bool fail_insert(opened *f, long n, bool ever, int64_t *inserted) {
    weir_value values[] = {weir_null(), weir_text("at once")};
    arm(MINE, n, ever);
    int status = weir_insert_now(f->table, values, 2, 5000, NULL, NULL);
    bool did = disarm();
    if (status == WEIR_OK)
        ++*inserted;
    else
        must_have_said_why(status, n);
    return did;
}

/* Nothing is allocated once the row is published: an error means that it is not there. */
static void inserting(void **state) {
    opened *f = *state;
    int64_t inserted = 0;
    long n = 1;
    open_it(f, 0);
    must(weir_declare(f->w, "runs", keyed, 2, &f->table), "declare", 0);
    while (fail_insert(f, n, false, &inserted) && fail_insert(f, n, true, &inserted))
        n++;
    print_message("%ld allocations in inserting\n", n - 1);
    assert_true(n > 2); /* its copy of the values, and of the row */
    close_it(f, n);
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM runs"), inserted);
}

/* Appending allocates nothing. What the library's threads then need is missing once: they try
 * again. Or from there on: rows wait, at worst for the next opening. */
static bool fail_behind(opened *f, long n, bool ever, int64_t *rows) {
    arm(EVERYBODY, 1, true);
    append_row(f, ++*rows);
    append_row(f, ++*rows);
    arm(OTHERS, n, ever);
    int status = weir_sync(f->w, WEIR_APPLIED, ever ? 50 : 10000);
    bool did = disarm();
    if (!ever) must(status, "sync", n);
    status = weir_sync(f->w, WEIR_APPLIED, 10000);
    if (status == WEIR_STOPPED) { /* the journal had no memory four times in a row */
        (void)weir_close(f->w);
        open_it(f, n);
        must(weir_declare(f->w, "rows", columns, 2, &f->table), "declare", n);
    } else {
        must(status, "sync", n);
    }
    return did;
}

static void appending(void **state) {
    opened *f = *state;
    int64_t rows = 0;
    long n = 1;
    open_it(f, 0);
    must(weir_declare(f->w, "rows", columns, 2, &f->table), "declare", 0);
    for (long missed = 0; missed < 5; n++) { /* the threads may need less, or later */
        missed = fail_behind(f, n, false, &rows) ? 0 : missed + 1;
        (void)fail_behind(f, n, true, &rows);
    }
    print_message("%ld allocations behind an append\n", n - 1);
    assert_true(n > 3);
    must(weir_sync(f->w, WEIR_APPLIED, 10000), "sync", n);
    close_it(f, n);
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM rows WHERE n = rowid"), rows);
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM rows"), rows);
}

static void leave_rows(opened *f) {
    pid_t child = fork();
    if (child == 0) {
        weir_options slow = small;
        slow.apply_linger_ms = slow.linger_ms = 60000;
        if (weir_open_sqlite(f->database, &slow, &f->w) != WEIR_OK ||
            weir_declare(f->w, "rows", columns, 2, &f->table) != WEIR_OK)
            _exit(1);
        for (int64_t row = 1; row <= 20; row++) {
            if (weir_append(f->table, weir_int(row), weir_text("left")) != WEIR_OK) _exit(1);
            if (row == 10 && weir_sync(f->w, WEIR_DURABLE, 5000) != WEIR_OK) _exit(1);
        }
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static bool fail_recover(opened *f, const char *origin, long n, bool ever) {
    (void)snprintf(f->database, sizeof f->database, "%s/%ld-%d/m.db", f->directory, n, ever);
    const char *copy = weir_temp_path(f->directory, "");
    char place[160];
    (void)snprintf(place, sizeof place, "%s%ld-%d", copy, n, ever);
    weir_file_copy_tree(origin, place);
    arm(EVERYBODY, n, ever);
    int status = weir_open_sqlite(f->database, &small, &f->w);
    bool was_open = status == WEIR_OK;
    if (was_open) status = weir_sync(f->w, WEIR_APPLIED, ever ? 30 : 10000);
    bool did = disarm();
    if (!was_open) must_have_said_why(status, n);
    if (was_open) (void)weir_close(f->w); /* rows may wait */
    f->w = NULL;
    open_it(f, n);
    must(weir_sync(f->w, WEIR_APPLIED, 10000), "sync", n);
    close_it(f, n);
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM rows WHERE n = rowid"), 20);
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM rows"), 20);
    weir_temp_remove(place);
    return did;
}

static void recovering(void **state) {
    opened *f = *state;
    char origin[160];
    (void)snprintf(origin, sizeof origin, "%s/origin", f->directory);
    (void)snprintf(f->database, sizeof f->database, "%s/origin/m.db", f->directory);
    weir_temp_remove(origin);
    assert_int_equal(mkdir(origin, 0700), 0);
    leave_rows(f);
    long n = 1;
    while (fail_recover(f, origin, n, false) && fail_recover(f, origin, n, true))
        n += n < 60 ? 1 : n / 20; /* the threads' allocations come in any order: no n names one */
    print_message("about %ld allocations in recovering\n", n);
    assert_true(n > 50);
}

int main(void) {
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 1); /* Debian builds it off: see in_sqlite */
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(opening), TEST(declaring), TEST(inserting),
                                       TEST(appending), TEST(recovering)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
