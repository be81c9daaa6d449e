/* test_retention.c - a process that appends to a table which is kept within limits is killed at a
 * random moment, again and again. What it had been told is applied, and is still within the limit, is
 * there once; and nothing but old rows is gone. Counters die with its children. */
#include "support.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <weir/sqlite.h>

enum { ROUNDS = 30, ROWS_MOST = 1 << 20, KEEP_ROWS = 3000, BURST = 400 };
#define KEEP_NS ((uint64_t)40000000)

/* What the child has done, and when: rows are numbered from 0, over all rounds of a database. */
typedef struct shared {
    _Atomic uint64_t published, deleted; /* deleted: in all rounds */
    _Atomic int failed;
    int64_t time_ns[ROWS_MOST];
} shared;

static shared *memory;
static char path[300];

static int64_t wall(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static weir_table *open_table(weir **w) {
    static const weir_column columns[] = {{"time_ns", WEIR_INTEGER}, {"n", WEIR_INTEGER}};
    weir_table *t = NULL;
    bool ok = weir_open_sqlite(path, NULL, w) == WEIR_OK &&
              weir_declare(*w, "t", columns, 2, &t) == WEIR_OK;
    if (!ok) (void)fprintf(stderr, "%s\n", weir_last_error());
    return ok ? t : NULL;
}

/* Until it is killed. Rows that were appended are published; all of them count. */
static void work(const weir_keep_limits *limits) {
    weir *w;
    struct weir_stats stats;
    weir_table *t = open_table(&w);
    uint64_t before = atomic_load(&memory->deleted);
    if (!t || weir_keep(t, limits) != WEIR_OK) {
        atomic_store(&memory->failed, 1);
        _exit(1);
    }
    for (uint64_t n = atomic_load(&memory->published); n < ROWS_MOST; n++) {
        memory->time_ns[n] = wall();
        if (weir_append(t, weir_int(memory->time_ns[n]), weir_int((int64_t)n)) != WEIR_OK) break;
        atomic_store(&memory->published, n + 1);
        if (n % BURST != 0) continue;
        (void)weir_stats(w, &stats);
        atomic_store(&memory->deleted, before + stats.rows_deleted);
        usleep(500);
    }
    for (;;)
        (void)pause();
}

static void recover(void) {
    weir *w;
    weir_table *t = open_table(&w);
    assert_non_null(t);
    assert_int_equal(weir_sync(w, WEIR_APPLIED, 60000), WEIR_OK);
    assert_int_equal(weir_close(w), WEIR_OK);
}

/* A row that was begun when the process was killed may be there, too. */
static uint64_t check(const weir_keep_limits *limits, int64_t killed) {
    uint64_t published = atomic_load(&memory->published);
    if (published == 0) return 0;
    uint64_t rows = (uint64_t)weir_sql_int(path, "SELECT count(*) FROM t");
    uint64_t last = (uint64_t)weir_sql_int(path, "SELECT max(n) FROM t");
    uint64_t first = (uint64_t)weir_sql_int(path, "SELECT min(n) FROM t");
    assert_true(last + 1 == published || last == published);
    assert_int_equal(weir_sql_int(path, "SELECT count(DISTINCT n) FROM t"), rows);
    assert_int_equal(rows, last + 1 - first); /* none is missing between two others */
    assert_int_equal(weir_sql_int(path, "SELECT count(*) FROM (SELECT n < lag(n) OVER (ORDER BY "
                                        "rowid) AS wrong FROM t) WHERE wrong"),
                     0);
    if (limits->rows) assert_true(rows >= limits->rows || first == 0);
    if (limits->age_ns && first > 0)
        assert_true(memory->time_ns[first - 1] < killed - (int64_t)limits->age_ns);
    atomic_store(&memory->published, last + 1);
    return first;
}

static void kill_rounds(const weir_keep_limits *limits, uint64_t seed) {
    weir_rng rng = {seed};
    uint64_t gone = 0;
    memset(memory, 0, sizeof *memory);
    for (int i = 0; i < ROUNDS; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) work(limits);
        usleep((useconds_t)(20000 + weir_rng_below(&rng, 80000)));
        (void)kill(child, SIGKILL);
        int64_t killed = wall();
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(atomic_load(&memory->failed), 0);
        recover();
        gone = check(limits, killed);
    }
    assert_true(gone > KEEP_ROWS); /* or nothing was tried */
    assert_true(atomic_load(&memory->deleted) <= gone);
}

static int set_up(void **state) {
    (void)state;
    (void)snprintf(path, sizeof path, "%s/run.db", weir_temp_make());
    memory = mmap(NULL, sizeof *memory, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? -1 : 0;
}

static int tear_down(void **state) {
    (void)state;
    *strrchr(path, '/') = 0;
    weir_temp_remove(path);
    return munmap(memory, sizeof *memory);
}

static void kills_while_rows_are_kept_to_a_number(void **state) {
    (void)state;
    kill_rounds(&(weir_keep_limits){.rows = KEEP_ROWS}, 1);
}

static void kills_while_rows_are_kept_to_an_age(void **state) {
    (void)state;
    kill_rounds(&(weir_keep_limits){.age_ns = KEEP_NS, .time_column = "time_ns"}, 2);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(kills_while_rows_are_kept_to_a_number),
        TEST(kills_while_rows_are_kept_to_an_age),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
