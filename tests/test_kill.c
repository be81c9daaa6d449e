/* test_kill.c - a process with four producers is killed at a random moment, 200 times and more.
 *
 * The child opens a database, declares a table and appends from four threads; three more threads wait, one at each
 * level, and write into shared memory what they have been told. The parent kills it with SIGKILL, recovers (sometimes
 * killing the recovery too), and holds the database against that memory:
 *
 *   - every acknowledged row is there, once;
 *   - each producer's rows are a prefix of what it sent, in its order;
 *   - each row carries how many rows of every other producer had been acknowledged when its append began: so many stand before it.
 *
 *     test_kill                      the suite: KILLS kills from seed 1
 *     test_kill SECONDS [SEED]       as many as fit, from that seed; a failure prints the seed of its round
 *     test_kill 0 SEED               that round alone */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>
#include <weir/sqlite.h>

#include "support.h"

enum { PRODUCERS = 4, KILLS = 220, KILLS_PER_DATABASE = 5, COLUMNS = 3 + PRODUCERS };

/* What the child has been told, by producer: sequence numbers. */
typedef struct told {
    _Atomic uint64_t published[PRODUCERS], durable[PRODUCERS], applied[PRODUCERS];
    _Atomic int failure;
} told;

typedef struct round_plan {
    uint64_t seed;
    char directory[96], path[128];
    unsigned run; /* number of this kill on its database */
    told *told;
} round_plan;

/* ---- the child ------------------------------------------------------------------------------ */

typedef struct producer {
    const round_plan *plan;
    weir *w;
    weir_table *table;
    unsigned index;
    weir_level level; /* of a waiter */
} producer;

static void fail_child(told *t, int status) {
    fprintf(stderr, "child: %s: %s\n", weir_status_name(status), weir_last_error());
    atomic_store(&t->failure, status ? status : 1);
}

static void fill_row(const producer *p, uint64_t sequence, weir_rng *rng, char *body,
                     weir_value values[COLUMNS]) {
    size_t length = weir_rng_below(rng, 20) ? weir_rng_below(rng, 60) : weir_rng_below(rng, 3000);
    memset(body, 'a' + (int)(sequence % 26), length);
    values[0] = weir_int(p->plan->run * PRODUCERS + p->index);
    values[1] = weir_int((int64_t)sequence);
    for (unsigned i = 0; i < PRODUCERS; i++) /* what this thread may know before it appends */
        values[2 + i] = weir_int((int64_t)atomic_load(&p->plan->told->published[i]));
    values[2 + PRODUCERS] = weir_text_n(body, length);
}

static void *produce(void *argument) {
    const producer *p = argument;
    told *t = p->plan->told;
    weir_rng rng = {p->plan->seed * 31 + p->index};
    char body[3000];
    weir_value values[4 * COLUMNS];
    for (uint64_t sequence = 0;;) {
        size_t rows = weir_rng_below(&rng, 8) ? 1 : 4;
        for (size_t i = 0; i < rows; i++)
            fill_row(p, sequence + 1 + i, &rng, body, values + i * COLUMNS);
        for (size_t i = 0; i < rows; i++) /* the bodies of one call share their bytes */
            values[i * COLUMNS + 2 + PRODUCERS].length = values[2 + PRODUCERS].length;
        int status = weir_append_rows(p->table, values, COLUMNS, rows, NULL);
        if (status == WEIR_FULL) continue;
        if (status != WEIR_OK) {
            fail_child(t, status);
            return NULL;
        }
        sequence += rows;
        atomic_store(&t->published[p->index], sequence);
        if (weir_rng_below(&rng, 200) == 0) usleep((useconds_t)weir_rng_below(&rng, 2000));
    }
}

static void *wait_at(void *argument) {
    const producer *p = argument;
    told *t = p->plan->told;
    for (;;) {
        uint64_t seen[PRODUCERS];
        for (unsigned i = 0; i < PRODUCERS; i++)
            seen[i] = atomic_load(&t->published[i]);
        int status = weir_sync(p->w, p->level, 10000);
        if (status == WEIR_PENDING) continue;
        if (status != WEIR_OK) {
            fail_child(t, status);
            return NULL;
        }
        for (unsigned i = 0; i < PRODUCERS; i++)
            atomic_store(p->level == WEIR_APPLIED ? &t->applied[i] : &t->durable[i], seen[i]);
    }
}

static weir_options options_for(const round_plan *plan) {
    weir_rng rng = {plan->seed};
    weir_options o = {0};
    o.lane_bytes = (uint64_t)65536 << weir_rng_below(&rng, 3);
    o.segment_bytes = (uint64_t)(1 + weir_rng_below(&rng, 3)) << 20;
    o.linger_ms = 1 + (uint32_t)weir_rng_below(&rng, 20);
    o.apply_linger_ms = 1 + (uint32_t)weir_rng_below(&rng, 60);
    o.full = weir_rng_below(&rng, 4) ? WEIR_FULL_BLOCK : WEIR_FULL_FAIL;
    o.archive = weir_rng_below(&rng, 4) == 0;
    return o;
}

static void run_child(const round_plan *plan) {
    weir *w;
    weir_table *table;
    weir_options o = options_for(plan);
    int status = weir_open_sqlite(plan->path, &o, &w);
    if (status != WEIR_OK) {
        fail_child(plan->told, status);
        _exit(1);
    }
    static const weir_column columns[COLUMNS] = {
        {"producer", WEIR_INTEGER}, {"sequence", WEIR_INTEGER}, {"seen0", WEIR_INTEGER},
        {"seen1", WEIR_INTEGER},    {"seen2", WEIR_INTEGER},    {"seen3", WEIR_INTEGER},
        {"body", WEIR_TEXT}};
    status = weir_declare(w, "rows", columns, COLUMNS, &table);
    if (status != WEIR_OK) {
        fail_child(plan->told, status);
        _exit(1);
    }
    static producer threads[PRODUCERS + 2];
    for (unsigned i = 0; i < PRODUCERS + 2; i++) {
        pthread_t thread;
        threads[i] = (producer){plan, w, table, i, i == PRODUCERS ? WEIR_DURABLE : WEIR_APPLIED};
        pthread_create(&thread, NULL, i < PRODUCERS ? produce : wait_at, &threads[i]);
    }
    for (;;)
        pause();
}

/* Recovery, as a child that may be killed as well. */
static void run_recovery(const round_plan *plan) {
    weir *w;
    int status = weir_open_sqlite(plan->path, NULL, &w);
    if (status == WEIR_OK) status = weir_sync(w, WEIR_APPLIED, 60000);
    if (status == WEIR_OK) status = weir_close(w);
    if (status != WEIR_OK) fail_child(plan->told, status);
    _exit(status == WEIR_OK ? 0 : 1);
}

/* ---- the parent ----------------------------------------------------------------------------- */

static pid_t start(void (*body)(const round_plan *), const round_plan *plan) {
    pid_t child = fork();
    if (child == 0) body(plan);
    assert_true(child > 0);
    return child;
}

static int end_of(pid_t child) {
    int status;
    while (waitpid(child, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    return status;
}

static void kill_after(pid_t child, uint64_t microseconds) {
    usleep((useconds_t)microseconds);
    kill(child, SIGKILL);
    (void)end_of(child);
}

static sqlite3_stmt *query(sqlite3 *db, const char *sql) {
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    return statement;
}

static uint64_t number(sqlite3 *db, const char *sql) {
    sqlite3_stmt *s = query(db, sql);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    uint64_t value = (uint64_t)sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return value;
}

/* Walk this run's rows in rowid order. The first wrong row ends the test, with its place. */
static void check_rows(const round_plan *plan, sqlite3 *db, uint64_t count[PRODUCERS]) {
    sqlite3_stmt *s = query(db, "SELECT producer, sequence, seen0, seen1, seen2, seen3, rowid FROM rows "
                                "WHERE producer >= ?1 AND producer < ?1 + 4 ORDER BY rowid");
    sqlite3_bind_int64(s, 1, plan->run * PRODUCERS);
    while (sqlite3_step(s) == SQLITE_ROW) {
        int64_t p = sqlite3_column_int64(s, 0) - plan->run * PRODUCERS;
        uint64_t sequence = (uint64_t)sqlite3_column_int64(s, 1);
        if (sequence != count[p] + 1)
            fail_msg("seed %llu: rowid %lld: producer %lld has row %llu after row %llu",
                     (unsigned long long)plan->seed, (long long)sqlite3_column_int64(s, 6),
                     (long long)p, (unsigned long long)sequence, (unsigned long long)count[p]);
        count[p] = sequence;
        for (int other = 0; other < PRODUCERS; other++)
            if (other != p && (uint64_t)sqlite3_column_int64(s, 2 + other) > count[other])
                fail_msg("seed %llu: rowid %lld: stands before a row that was acknowledged earlier",
                         (unsigned long long)plan->seed, (long long)sqlite3_column_int64(s, 6));
    }
    sqlite3_finalize(s);
}

static void check_told(const round_plan *plan, const uint64_t count[PRODUCERS]) {
    for (unsigned p = 0; p < PRODUCERS; p++) {
        uint64_t published = atomic_load(&plan->told->published[p]);
        uint64_t durable = atomic_load(&plan->told->durable[p]);
        uint64_t applied = atomic_load(&plan->told->applied[p]);
        if (count[p] < published || count[p] < durable || count[p] < applied)
            fail_msg("seed %llu: producer %u: %llu rows in the database; told: %llu published, %llu "
                     "durable, %llu applied", (unsigned long long)plan->seed, p,
                     (unsigned long long)count[p], (unsigned long long)published,
                     (unsigned long long)durable, (unsigned long long)applied);
    }
}

static void recover(const round_plan *plan, weir_rng *rng) {
    while (weir_rng_below(rng, 3) == 0) /* recovery from a killed recovery */
        kill_after(start(run_recovery, plan), weir_rng_below(rng, 20000));
    if (end_of(start(run_recovery, plan)) != 0 || atomic_load(&plan->told->failure))
        fail_msg("seed %llu: recovery failed", (unsigned long long)plan->seed);
}

/* What applied rows are like must hold at the moment of the kill, before anything recovers. */
static uint64_t rows_before_recovery(const round_plan *plan) {
    sqlite3 *db;
    uint64_t rows = 0;
    if (sqlite3_open_v2(plan->path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
        number(db, "SELECT count(*) FROM sqlite_master WHERE name='rows'"))
        rows = number(db, "SELECT count(*) FROM rows");
    sqlite3_close(db);
    return rows;
}

static void check_database(const round_plan *plan, uint64_t before) {
    sqlite3 *db;
    assert_int_equal(sqlite3_open(plan->path, &db), SQLITE_OK);
    if (number(db, "SELECT count(*) FROM sqlite_master WHERE name='rows'")) {
        uint64_t count[PRODUCERS] = {0};
        check_rows(plan, db, count);
        check_told(plan, count);
        assert_true(number(db, "SELECT count(*) FROM rows") >= before);
        assert_int_equal(number(db, "SELECT count(*) FROM rows"),
                         number(db, "SELECT count(DISTINCT producer * 1000000000 + sequence) FROM rows"));
    } else {
        for (unsigned p = 0; p < PRODUCERS; p++)
            assert_int_equal(atomic_load(&plan->told->published[p]), 0);
    }
    sqlite3_close(db);
}

/* Replaying again changes nothing: the position says that all is applied. */
static void recover_again(const round_plan *plan) {
    uint64_t before = rows_before_recovery(plan);
    assert_int_equal(end_of(start(run_recovery, plan)), 0);
    assert_int_equal(rows_before_recovery(plan), before);
}

static void one_round(round_plan *plan) {
    weir_rng rng = {plan->seed ^ 0x5EED};
    memset(plan->told, 0, sizeof *plan->told);
    pid_t child = start(run_child, plan);
    kill_after(child, weir_rng_below(&rng, 4) ? weir_rng_below(&rng, 60000) : weir_rng_below(&rng, 4000));
    if (atomic_load(&plan->told->failure))
        fail_msg("seed %llu: the child failed before it was killed", (unsigned long long)plan->seed);
    uint64_t before = rows_before_recovery(plan);
    recover(plan, &rng);
    check_database(plan, before);
    if (weir_rng_below(&rng, 4) == 0) recover_again(plan);
}

/* Rounds with one seed each; some on one database, so that journals have a past. */
static unsigned rounds(uint64_t first_seed, unsigned count, double seconds) {
    told *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    struct timespec begin, now;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    unsigned done = 0;
    for (bool more = true; more;) {
        round_plan plan = {.told = shared};
        snprintf(plan.directory, sizeof plan.directory, "%s", weir_temp_make());
        snprintf(plan.path, sizeof plan.path, "%s/k.db", plan.directory);
        for (plan.run = 0; plan.run < KILLS_PER_DATABASE && more; plan.run++) {
            plan.seed = first_seed + done++;
            one_round(&plan);
            clock_gettime(CLOCK_MONOTONIC, &now);
            more = count ? done < count : (double)(now.tv_sec - begin.tv_sec) < seconds;
        }
        weir_temp_remove(plan.directory);
    }
    munmap(shared, sizeof *shared);
    return done;
}

static unsigned asked_rounds = KILLS;
static double asked_seconds;
static uint64_t asked_seed = 1;

static void nothing_acknowledged_is_lost_or_doubled(void **state) {
    (void)state;
    unsigned done = rounds(asked_seed, asked_rounds, asked_seconds);
    print_message("%u kills, seeds %llu to %llu\n", done, (unsigned long long)asked_seed,
                  (unsigned long long)(asked_seed + done - 1));
    if (asked_rounds == KILLS) assert_true(done >= 200);
}

int main(int argc, char **argv) {
    if (argc > 1) {
        asked_seconds = strtod(argv[1], NULL);
        asked_rounds = asked_seconds > 0 ? 0 : 1;
    }
    if (argc > 2) asked_seed = strtoull(argv[2], NULL, 10);
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_acknowledged_is_lost_or_doubled)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
