/* test_batches.c - a process whose threads commit batches over two tables is killed at a random moment;
 * however it is recovered, each batch is there whole or not at all, and each that was acknowledged is.
 *
 * The rows of a batch say how many there are, and their amounts come to nothing in all.
 *
 *     test_batches                   the suite: KILLS kills from seed 1
 *     test_batches SECONDS [SEED]    as many as fit, from that seed; a failure prints the seed
 *     test_batches 0 SEED            that round alone */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <weir/log.h>
#include <weir/sqlite.h>

#include "lib/handle/handle.h"
#include "lib/journal/stream.h"
#include "support.h"

enum { KILLS = 60, KILLS_PER_DATABASE = 4, THREADS = 3, PART_MAX = 60, COLUMNS = 4 };

/* Shared with children. */
typedef struct told {
    uint64_t seed;
    unsigned run;
    char directory[96], path[128];
    weir_options options;
    _Atomic uint64_t begun[THREADS], committed[THREADS];
    _Atomic bool ready;  /* the tables are in the database */
    _Atomic int failure; /* of a child, the first */
} told;

static told *t;

/* ---- the child --------------------------------------------------------------------------------- */

static weir *w;
static weir_table *debits, *credits;

static void must(int status) {
    if (status == WEIR_OK) return;
    fprintf(stderr, "child: %s: %s\n", weir_status_name(status), weir_last_error());
    atomic_store(&t->failure, status);
    _exit(1);
}

static void open_here(void) {
    static const weir_column columns[] = {{"batch", WEIR_INTEGER},
                                          {"amount", WEIR_INTEGER},
                                          {"rows", WEIR_INTEGER},
                                          {"pad", WEIR_TEXT}};
    must(weir_open_sqlite(t->path, &t->options, &w));
    must(weir_declare(w, "debits", columns, COLUMNS, &debits));
    must(weir_declare(w, "credits", columns, COLUMNS, &credits));
}

static void fill_part(weir_value *v, int64_t batch, int64_t amount, uint64_t rows, size_t pad) {
    static const char text[2000] = "of any length";
    v[0] = weir_int(batch);
    v[1] = weir_int(amount);
    v[2] = weir_int((int64_t)rows);
    v[3] = weir_text_n(text, pad);
}

/* Rows of both tables; the last one takes back what the others gave. */
static int commit_batch(weir_rng *rng, int64_t batch, bool rolls_back) {
    uint64_t rows = 2 + weir_rng_below(rng, PART_MAX);
    int64_t sum = 0;
    weir_batch *b;
    int status = weir_begin(w, &b);
    if (status != WEIR_OK) return status;
    for (uint64_t i = 0; i < rows && status == WEIR_OK; i++) {
        weir_value v[COLUMNS];
        int64_t amount = i + 1 < rows ? (int64_t)weir_rng_below(rng, 1000) : -sum;
        size_t pad = weir_rng_below(rng, weir_rng_below(rng, 30) ? 40 : 900);
        sum += amount;
        fill_part(v, batch, amount, rows, pad);
        status = weir_batch_row(b, i % 2 ? credits : debits, v, COLUMNS);
    }
    if (status == WEIR_OK && !rolls_back) status = weir_commit(b, NULL);
    if (status != WEIR_OK || rolls_back) weir_rollback(b);
    return status;
}

/* Rows of one table in one call are a batch too. */
static int append_batch(weir_rng *rng, int64_t batch) {
    weir_value values[PART_MAX * COLUMNS];
    uint64_t rows = 1 + weir_rng_below(rng, PART_MAX - 1);
    for (uint64_t i = 0; i < rows; i++)
        fill_part(values + i * COLUMNS, batch, i + 1 < rows ? -1 : (int64_t)rows - 1, rows, i);
    return weir_append_rows(credits, values, COLUMNS, rows, NULL);
}

static void *commit_for_ever(void *argument) {
    uint64_t index = (uint64_t)(uintptr_t)argument;
    weir_rng rng = {t->seed * 31 + index};
    for (uint64_t n = 1;; n++) {
        int64_t batch = (int64_t)(((uint64_t)t->run * THREADS + index) << 32 | n);
        if (weir_rng_below(&rng, 6) == 0) must(commit_batch(&rng, -batch, true));
        atomic_store(&t->begun[index], n);
        must(weir_rng_below(&rng, 4) ? commit_batch(&rng, batch, false)
                                     : append_batch(&rng, batch));
        atomic_store(&t->committed[index], n);
        if (weir_rng_below(&rng, 20) == 0) usleep((useconds_t)weir_rng_below(&rng, 2000));
    }
    return NULL;
}

static void work(void) {
    pthread_t thread;
    open_here();
    must(weir_sync(w, WEIR_APPLIED, 20000));
    atomic_store(&t->ready, true);
    for (uintptr_t i = 0; i < THREADS; i++)
        if (pthread_create(&thread, NULL, commit_for_ever, (void *)i) != 0) _exit(1);
    for (;;)
        pause();
}

static void recover_by_opening(void) {
    open_here();
    must(weir_sync(w, WEIR_APPLIED, 60000));
    must(weir_close(w));
    _exit(0);
}

static void recover_by_the_tool(void) {
    (void)freopen("/dev/null", "w", stdout);
    (void)freopen("/dev/null", "w", stderr);
    execl(WEIR_RECOVER, "weir-recover", t->path, (char *)NULL);
    _exit(127);
}

/* ---- the parent -------------------------------------------------------------------------------- */

static pid_t start(void (*body)(void)) {
    pid_t parent = getpid(), child = fork();
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() == parent) body();
        _exit(1);
    }
    assert_true(child > 0);
    return child;
}

/* Its exit code; -1 when a signal ended it. */
static int end_of(pid_t child) {
    int how;
    assert_int_equal(waitpid(child, &how, 0), child);
    return WIFEXITED(how) ? WEXITSTATUS(how) : -1;
}

#define PARTS "(SELECT * FROM debits UNION ALL SELECT * FROM credits)"

/* Each batch that can be seen is whole, and no row is there twice. */
static void assert_whole_batches(const char *path, const char *when) {
    int64_t broken = weir_sql_int(path, "SELECT count(*) FROM (SELECT 1 FROM " PARTS
                                        " GROUP BY batch HAVING count(*) <> max(rows)"
                                        " OR sum(amount) <> 0 OR batch < 0)");
    if (broken)
        fail_msg("seed %llu, %s: %lld batches", (unsigned long long)t->seed, when,
                 (long long)broken);
}

/* Of each thread the first so many batches, with all that it was told. */
static void assert_acknowledged(const char *path) {
    for (unsigned i = 0; i < THREADS; i++) {
        char sql[300];
        uint64_t first = ((uint64_t)t->run * THREADS + i) << 32;
        (void)snprintf(sql, sizeof sql,
                       "SELECT CASE WHEN count(*) = coalesce(max(batch), %llu) - %llu THEN"
                       " count(*) ELSE -1 END FROM (SELECT DISTINCT batch FROM " PARTS
                       " WHERE batch > %llu AND batch <= %llu)",
                       (unsigned long long)first, (unsigned long long)first,
                       (unsigned long long)first, (unsigned long long)first + UINT32_MAX);
        int64_t kept = weir_sql_int(path, sql);
        if (kept < (int64_t)atomic_load(&t->committed[i]) ||
            kept > (int64_t)atomic_load(&t->begun[i]))
            fail_msg("seed %llu, thread %u: %lld batches of %llu", (unsigned long long)t->seed, i,
                     (long long)kept, (unsigned long long)atomic_load(&t->committed[i]));
    }
}

static bool children_are_well(void) { return atomic_load(&t->failure) == 0; }

/* A reader beside the writer sees no part of a batch either. */
static void watch_and_kill(weir_rng *rng) {
    pid_t child = start(work);
    while (!atomic_load(&t->ready) && children_are_well())
        usleep(200);
    bool watched = children_are_well();
    for (uint64_t looks = watched ? weir_rng_below(rng, 4) : 0; looks > 0; looks--)
        assert_whole_batches(t->path, "while it runs");
    usleep((useconds_t)weir_rng_below(rng, weir_rng_below(rng, 3) ? 40000 : 3000));
    (void)kill(child, SIGKILL);
    (void)end_of(child);
    assert_true(children_are_well());
    assert_whole_batches(t->path, "after the kill");
}

/* The tool archives only what goes on an archive that is there, which at first it is not. */
static bool takes_the_tool(weir_rng *rng) { return weir_rng_below(rng, 2) && !t->options.archive; }

static void recover(weir_rng *rng) {
    while (weir_rng_below(rng, 3) == 0) { /* and recovery is killed too */
        pid_t child = start(takes_the_tool(rng) ? recover_by_the_tool : recover_by_opening);
        usleep((useconds_t)weir_rng_below(rng, 15000));
        (void)kill(child, SIGKILL);
        (void)end_of(child);
        assert_whole_batches(t->path, "after a killed recovery");
    }
    bool tool = takes_the_tool(rng);
    int code = end_of(start(tool ? recover_by_the_tool : recover_by_opening));
    if (code != 0 && !(tool && code == 1))
        fail_msg("seed %llu: recovery answered %d", (unsigned long long)t->seed, code);
}

/* The archive has all rows since the journal began. */
static void replay_into(const char *copy) {
    char journal[160];
    (void)snprintf(journal, sizeof journal, "%s-weir", t->path);
    pid_t child = fork();
    if (child == 0) {
        (void)freopen("/dev/null", "w", stdout);
        (void)freopen("/dev/null", "w", stderr);
        execl(WEIR_RECOVER, "weir-recover", "replay", "--into", copy, journal, (char *)NULL);
        _exit(127);
    }
    int code = end_of(child);
    if (code != 0 && code != 1)
        fail_msg("seed %llu: replay answered %d", (unsigned long long)t->seed, code);
}

static void replay_elsewhere(void) {
    char copy[160];
    (void)snprintf(copy, sizeof copy, "%s/copy.db", t->directory);
    (void)unlink(copy);
    replay_into(copy);
    assert_whole_batches(copy, "replayed elsewhere");
    assert_acknowledged(copy);
}

static void one_round(uint64_t seed, unsigned run) {
    weir_rng rng = {seed ^ 0xBA7C4};
    t->seed = seed;
    t->run = run;
    t->options.lane_bytes = (uint64_t)65536 << weir_rng_below(&rng, 2);
    t->options.segment_bytes = (uint64_t)(1 + weir_rng_below(&rng, 3)) << 20;
    t->options.linger_ms = 1 + (uint32_t)weir_rng_below(&rng, 20);
    t->options.apply_linger_ms = 1 + (uint32_t)weir_rng_below(&rng, 40);
    atomic_store(&t->ready, false);
    for (int i = 0; i < THREADS; i++) {
        atomic_store(&t->begun[i], 0);
        atomic_store(&t->committed[i], 0);
    }
    watch_and_kill(&rng);
    if (t->options.archive && weir_rng_below(&rng, 2)) replay_elsewhere(); /* with a dead ring */
    recover(&rng);
    assert_whole_batches(t->path, "recovered");
    assert_acknowledged(t->path);
    if (t->options.archive) replay_elsewhere();
}

static unsigned asked_rounds = KILLS;
static double asked_seconds;
static uint64_t asked_seed = 1;

static void a_batch_is_whole_or_absent_whatever_was_killed(void **state) {
    (void)state;
    time_t begin = time(NULL);
    t = mmap(NULL, sizeof *t, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(t != MAP_FAILED);
    unsigned done = 0;
    for (bool more = true; more;) {
        (void)snprintf(t->directory, sizeof t->directory, "%s", weir_temp_make());
        (void)snprintf(t->path, sizeof t->path, "%s/b.db", t->directory);
        t->options = (weir_options){.archive = (asked_seed + done) % 8 < KILLS_PER_DATABASE};
        for (unsigned run = 0; run < KILLS_PER_DATABASE && more; run++) {
            one_round(asked_seed + done++, run);
            more =
                asked_rounds ? done < asked_rounds : (double)(time(NULL) - begin) < asked_seconds;
        }
        weir_temp_remove(t->directory);
    }
    print_message("%u kills from seed %llu\n", done, (unsigned long long)asked_seed);
    (void)munmap(t, sizeof *t);
}

/* ---- a batch beside a message ------------------------------------------------------------------ */

enum { LARGE_ROWS = 3000, LARGE_PAD = 1990 }; /* more than is expanded at once */

/* A message and a batch are in the ring, and no thread drains it. */
static void leave_a_message_and_a_batch(void) {
    weir_batch *b;
    t->options = (weir_options){.lane_bytes = 16 << 20};
    open_here();
    must(weir_sync(w, WEIR_APPLIED, 20000));
    weir_journal_lock(weir_handle_journal(w));
    weir_log_info(w, "a row of a template");
    must(weir_begin(w, &b));
    for (int i = 0; i < LARGE_ROWS; i++) {
        weir_value v[COLUMNS];
        fill_part(v, 1, 0, LARGE_ROWS, LARGE_PAD);
        must(weir_batch_row(b, i % 2 ? credits : debits, v, COLUMNS));
    }
    must(weir_commit(b, NULL));
    (void)kill(getpid(), SIGKILL);
}

/* The tool applies them from the ring. Rows that find the same position are of one transaction. */
static void a_ring_with_messages_is_replayed_batch_by_batch(void **state) {
    (void)state;
    char copy[160];
    t = mmap(NULL, sizeof *t, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(t != MAP_FAILED);
    (void)snprintf(t->directory, sizeof t->directory, "%s", weir_temp_make());
    (void)snprintf(t->path, sizeof t->path, "%s/b.db", t->directory);
    (void)snprintf(copy, sizeof copy, "%s/copy.db", t->directory);
    assert_int_equal(end_of(start(leave_a_message_and_a_batch)), -1);
    weir_sql_run(copy, "CREATE TABLE debits(batch, amount, rows, pad);"
                       "CREATE TABLE credits(batch, amount, rows, pad);"
                       "CREATE TABLE found(position);"
                       "CREATE TRIGGER d AFTER INSERT ON debits BEGIN INSERT INTO found"
                       " SELECT coalesce(max(row), 0) FROM weir_position; END;"
                       "CREATE TRIGGER c AFTER INSERT ON credits BEGIN INSERT INTO found"
                       " SELECT coalesce(max(row), 0) FROM weir_position; END");
    replay_into(copy);
    assert_int_equal(weir_sql_int(copy, "SELECT count(*) FROM log"), 1);
    assert_int_equal(weir_sql_int(copy, "SELECT count(*) FROM found"), LARGE_ROWS);
    assert_int_equal(weir_sql_int(copy, "SELECT count(DISTINCT position) FROM found"), 1);
    weir_temp_remove(t->directory);
    (void)munmap(t, sizeof *t);
}

int main(int argc, char **argv) {
    if (argc > 1) {
        asked_seconds = strtod(argv[1], NULL);
        asked_rounds = asked_seconds > 0 ? 0 : 1;
    }
    if (argc > 2) asked_seed = strtoull(argv[2], NULL, 10);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_is_whole_or_absent_whatever_was_killed),
        cmocka_unit_test(a_ring_with_messages_is_replayed_batch_by_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
