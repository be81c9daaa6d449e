#include "ledger.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "support.h"

enum { COLUMNS = 3 + LEDGER_PRODUCERS, BODY_MAX = 3000, AT_ONCE = 4, WAITERS = 2 };

ledger *ledger_make(void) {
    void *memory =
        mmap(NULL, sizeof(ledger), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    return memory;
}

void ledger_free(ledger *l) { munmap(l, sizeof *l); }

static weir_options options_for(uint64_t seed) {
    weir_rng rng = {seed};
    weir_options o = {0};
    o.lane_bytes = (uint64_t)65536 << weir_rng_below(&rng, 3);
    o.segment_bytes = (uint64_t)(1 + weir_rng_below(&rng, 3)) << 20;
    o.linger_ms = 1 + (uint32_t)weir_rng_below(&rng, 20);
    o.apply_linger_ms = 1 + (uint32_t)weir_rng_below(&rng, 60);
    o.full = weir_rng_below(&rng, 4) ? WEIR_FULL_BLOCK : WEIR_FULL_FAIL;
    o.archive = weir_rng_below(&rng, 4) == 0;
    return o;
}

void ledger_begin(ledger *l, uint64_t seed, unsigned run, const char *path) {
    memset(l, 0, sizeof *l);
    l->seed = seed;
    l->run = run;
    l->options = options_for(seed);
    (void)snprintf(l->path, sizeof l->path, "%s", path);
}

/* ---- the child ------------------------------------------------------------------------------ */

typedef struct worker {
    ledger *ledger;
    weir *w;
    weir_table *table;
    unsigned index;   /* of a producer */
    weir_level level; /* of a waiter */
    pthread_t thread;
} worker;

static void note_failure(ledger *l, int status) {
    if (atomic_load(&l->may_fail)) return;
    fprintf(stderr, "child: %s: %s\n", weir_status_name(status), weir_last_error());
    atomic_store(&l->failure, status ? status : 1);
}

static void fill_row(const worker *p, uint64_t sequence, char letter, size_t length, char *body,
                     weir_value values[COLUMNS]) {
    const ledger *l = p->ledger;
    memset(body, letter, length); /* the bodies of one call share their bytes */
    values[0] = weir_int(l->run * LEDGER_PRODUCERS + p->index);
    values[1] = weir_int((int64_t)sequence);
    for (unsigned i = 0; i < LEDGER_PRODUCERS; i++) /* what is known before the append begins */
        values[2 + i] = weir_int((int64_t)atomic_load(&l->published[i]));
    values[2 + LEDGER_PRODUCERS] = weir_text_n(body, length);
}

static int append_some(const worker *p, weir_rng *rng, uint64_t *sequence) {
    char body[BODY_MAX];
    weir_value values[AT_ONCE * COLUMNS];
    size_t rows = weir_rng_below(rng, 8) ? 1 : AT_ONCE;
    size_t length = weir_rng_below(rng, 20) ? weir_rng_below(rng, 60) : weir_rng_below(rng, 3000);
    for (size_t i = 0; i < rows; i++)
        fill_row(p, *sequence + 1 + i, (char)('a' + *sequence % 26), length, body,
                 values + i * COLUMNS);
    int status = weir_append_rows(p->table, values, COLUMNS, rows, NULL);
    if (status == WEIR_OK) *sequence += rows;
    return status;
}

static void *produce(void *argument) {
    const worker *p = argument;
    ledger *l = p->ledger;
    weir_rng rng = {l->seed * 31 + p->index};
    for (uint64_t sequence = 0; !atomic_load(&l->stop);) {
        int status = append_some(p, &rng, &sequence);
        if (status == WEIR_FULL) {
            atomic_fetch_add(&l->refused, 1);
            if (l->pace_us) usleep(l->pace_us);
            continue;
        }
        if (status != WEIR_OK) {
            note_failure(l, status);
            return NULL;
        }
        atomic_store(&l->published[p->index], sequence);
        if (l->pace_us)
            usleep((useconds_t)weir_rng_below(&rng, l->pace_us));
        else if (weir_rng_below(&rng, 200) == 0)
            usleep((useconds_t)weir_rng_below(&rng, 2000));
    }
    return NULL;
}

static void *wait_at(void *argument) {
    const worker *p = argument;
    ledger *l = p->ledger;
    while (!atomic_load(&l->stop)) {
        uint64_t seen[LEDGER_PRODUCERS];
        for (unsigned i = 0; i < LEDGER_PRODUCERS; i++)
            seen[i] = atomic_load(&l->published[i]);
        int status = weir_sync(p->w, p->level, 100);
        if (status == WEIR_PENDING) continue;
        if (status != WEIR_OK) {
            note_failure(l, status);
            return NULL;
        }
        for (unsigned i = 0; i < LEDGER_PRODUCERS; i++)
            atomic_store(p->level == WEIR_APPLIED ? &l->applied[i] : &l->durable[i], seen[i]);
    }
    return NULL;
}

static void must(ledger *l, int status) {
    if (status == WEIR_OK) return;
    note_failure(l, status);
    _exit(1);
}

void ledger_work(ledger *l) {
    static const weir_column columns[COLUMNS] = {
        {"producer", WEIR_INTEGER}, {"sequence", WEIR_INTEGER}, {"seen0", WEIR_INTEGER},
        {"seen1", WEIR_INTEGER},    {"seen2", WEIR_INTEGER},    {"seen3", WEIR_INTEGER},
        {"body", WEIR_TEXT}};
    worker workers[LEDGER_PRODUCERS + WAITERS];
    weir *w;
    weir_table *table;
    must(l, weir_open_sqlite(l->path, &l->options, &w));
    must(l, weir_declare(w, "rows", columns, COLUMNS, &table));
    for (unsigned i = 0; i < LEDGER_PRODUCERS + WAITERS; i++) {
        weir_level level = i == LEDGER_PRODUCERS ? WEIR_DURABLE : WEIR_APPLIED;
        workers[i] = (worker){.ledger = l, .w = w, .table = table, .index = i, .level = level};
        pthread_create(&workers[i].thread, NULL, i < LEDGER_PRODUCERS ? produce : wait_at,
                       &workers[i]);
    }
    for (unsigned i = 0; i < LEDGER_PRODUCERS + WAITERS; i++)
        pthread_join(workers[i].thread, NULL);
    int status = weir_close(w);
    if (status != WEIR_PENDING) must(l, status); /* pending: rows wait for the next opening */
    _exit(0);
}

void ledger_recover(ledger *l) {
    weir *w;
    must(l, weir_open_sqlite(l->path, NULL, &w));
    must(l, weir_sync(w, WEIR_APPLIED, 60000));
    must(l, weir_close(w));
    _exit(0);
}

/* ---- the parent ----------------------------------------------------------------------------- */

pid_t ledger_start(void (*body)(ledger *), ledger *l) {
    pid_t child = fork();
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that is ended leaves nobody behind */
        (void)signal(SIGBUS, SIG_DFL); /* or cmocka's handler would go on in here with its tests */
        (void)signal(SIGSEGV, SIG_DFL);
        body(l);
        _exit(0);
    }
    assert_true(child > 0);
    return child;
}

int ledger_end_of(pid_t child) {
    int status;
    while (waitpid(child, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    return status;
}

void ledger_kill(pid_t child) {
    kill(child, SIGKILL);
    (void)ledger_end_of(child);
}

/* ---- the comparison ------------------------------------------------------------------------- */

typedef struct found {
    uint64_t count[LEDGER_PRODUCERS];
    uint64_t known[LEDGER_PRODUCERS]; /* the highest that any row so far has seen */
} found;

static void check_row(const ledger *l, sqlite3_stmt *s, found *f) {
    int64_t p = sqlite3_column_int64(s, 0) - l->run * LEDGER_PRODUCERS;
    uint64_t sequence = (uint64_t)sqlite3_column_int64(s, 1);
    if (sequence != f->count[p] + 1)
        fail_msg("seed %llu: rowid %lld: producer %lld has row %llu after row %llu",
                 (unsigned long long)l->seed, (long long)sqlite3_column_int64(s, 6), (long long)p,
                 (unsigned long long)sequence, (unsigned long long)f->count[p]);
    if (sequence <= f->known[p])
        fail_msg("seed %llu: rowid %lld: stands behind a row whose append began later",
                 (unsigned long long)l->seed, (long long)sqlite3_column_int64(s, 6));
    f->count[p] = sequence;
    for (int other = 0; other < LEDGER_PRODUCERS; other++) {
        uint64_t seen = (uint64_t)sqlite3_column_int64(s, 2 + other);
        if (other != p && seen > f->known[other]) f->known[other] = seen;
    }
}

static void check_rows(const ledger *l, found *f) {
    sqlite3 *db;
    sqlite3_stmt *s;
    int result;
    assert_int_equal(sqlite3_open(l->path, &db), SQLITE_OK);
    const char *sql = "SELECT producer, sequence, seen0, seen1, seen2, seen3, rowid FROM rows "
                      "WHERE producer >= ?1 AND producer < ?1 + 4 ORDER BY rowid";
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
        fail_msg("%s: %s", l->path, sqlite3_errmsg(db));
    sqlite3_bind_int64(s, 1, l->run * LEDGER_PRODUCERS);
    while ((result = sqlite3_step(s)) == SQLITE_ROW)
        check_row(l, s, f);
    assert_int_equal(result, SQLITE_DONE);
    sqlite3_finalize(s);
    sqlite3_close(db);
}

static bool has_table(const ledger *l) {
    return access(l->path, F_OK) == 0 &&
           weir_sql_int(l->path, "SELECT count(*) FROM sqlite_master WHERE name='rows'");
}

uint64_t ledger_rows(const ledger *l) {
    return has_table(l) ? (uint64_t)weir_sql_int(l->path, "SELECT count(*) FROM rows") : 0;
}

void ledger_check(ledger *l, weir_level survived) {
    found f = {0};
    if (has_table(l)) check_rows(l, &f);
    for (unsigned p = 0; p < LEDGER_PRODUCERS; p++) {
        uint64_t published = atomic_load(&l->published[p]);
        uint64_t durable = atomic_load(&l->durable[p]), applied = atomic_load(&l->applied[p]);
        bool kept = survived != WEIR_PUBLISHED || f.count[p] >= published;
        if (!kept || f.count[p] < durable || f.count[p] < applied)
            fail_msg("seed %llu: producer %u: %llu rows in the database; told: %llu published, "
                     "%llu durable, %llu applied",
                     (unsigned long long)l->seed, p, (unsigned long long)f.count[p],
                     (unsigned long long)published, (unsigned long long)durable,
                     (unsigned long long)applied);
    }
}
