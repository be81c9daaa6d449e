/* test_append.c - what a thread remembers of its handles, and signal handlers at every instruction of
 * it; waiting for a lane. */
/* Covers: lib/handle/append_slow.c, lib/handle/registry.c, lib/handle/append_path.h */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "lib/handle/core.h"
#include "opened.h"
#include "storm.h"

enum { MANY = 20, SLOTS = 16, TURNS = 200, STORM = 1500 };

static const weir_column columns[] = {{"who", WEIR_INTEGER}, {"n", WEIR_INTEGER}};

typedef struct append_fixture {
    opened at; /* its directory */
    weir *handles[64];
    size_t count;
    storm pest;
} append_fixture;

static append_fixture *here; /* for handlers and threads */

static int setup(void **state) {
    if (opened_make(state, sizeof *here) != 0) return -1;
    here = *state;
    return 0;
}

/* A handle that a test has closed says so, and nothing else happens. */
static int teardown(void **state) {
    storm_end(&here->pest);
    for (size_t i = 0; i < here->count; i++)
        (void)weir_close(here->handles[i]);
    return opened_tear_down(state);
}

static weir *to_be_closed(weir *w) {
    assert_true(here->count < sizeof here->handles / sizeof *here->handles);
    return here->handles[here->count++] = w;
}

/* ---- a table that counts -------------------------------------------------------------------- */

static _Atomic uint32_t claims, numbers, waits;
static _Thread_local bool counted; /* of this thread */

static uint32_t count_claim(void *self) {
    if (counted) atomic_fetch_add(&claims, 1);
    return weir_os_posix()->thread_id(self);
}

static uint64_t count_number(void *self) {
    if (counted) atomic_fetch_add(&numbers, 1);
    return weir_os_posix()->thread_number(self);
}

static int count_wait(void *self, _Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns) {
    if (counted) atomic_fetch_add(&waits, 1);
    return weir_os_posix()->wait(self, word, expected, timeout_ns);
}

/* Nothing here cuts the power. */
static int no_datasync(void *self, int file) {
    (void)self, (void)file;
    return 0;
}

static const weir_os *counting_os(void) {
    static weir_os os;
    os = *weir_os_posix();
    os.thread_id = count_claim;
    os.thread_number = count_number;
    os.wait = count_wait;
    os.datasync = no_datasync;
    atomic_store(&claims, 0);
    atomic_store(&numbers, 0);
    atomic_store(&waits, 0);
    counted = true;
    return &os;
}

typedef enum runs { BY_ITSELF, STEPPED } runs;

static weir *open_journal(const weir_os *os, int number, weir_options options, runs how) {
    char path[160];
    weir *w;
    weir_error error = {0};
    (void)snprintf(path, sizeof path, "%s/%d-weir", here->at.directory, number);
    weir_handle_config config = {
        .options = options, .directory = path, .os = os, .stepped = how == STEPPED};
    config.options.segment_bytes = 1 << 20;
    weir_options_fill(&config.options);
    if (weir_handle_open(&config, &w, &error) != WEIR_OK) fail_msg("%s", error.text);
    return to_be_closed(w);
}

static weir_table *declare(weir *w) {
    weir_table *table;
    if (weir_declare(w, "t", columns, 2, &table) != WEIR_OK) fail_msg("%s", weir_last_error());
    return table;
}

/* ---- many handles --------------------------------------------------------------------------- */

/* In turn, so that a handle that shares a slot finds the other's lane in it each time. */
static void take_turns(weir_table **tables, int count) {
    for (int64_t n = 0; n < TURNS; n++)
        for (int i = 0; i < count; i++)
            assert_int_equal(weir_append(tables[i], weir_int(i), weir_int(n)), WEIR_OK);
}

static void a_lane_is_claimed_once_however_many_handles_there_are(void **state) {
    (void)state;
    const weir_os *os = counting_os();
    weir *handles[MANY];
    weir_table *tables[MANY];
    weir_options options = {.lane_bytes = 65536, .lanes_max = 3};
    for (int i = 0; i < MANY; i++) {
        handles[i] = open_journal(os, i, options, BY_ITSELF);
        tables[i] = declare(handles[i]);
    }
    assert_int_equal(atomic_load(&claims), MANY);
    take_turns(tables, MANY);
    assert_int_equal(atomic_load(&claims), MANY);
    take_turns(tables, SLOTS); /* those that had to share one */
    atomic_store(&numbers, 0);
    take_turns(tables, SLOTS);
    assert_int_equal(atomic_load(&numbers), 0); /* each has its own, and nothing is looked up */
    for (int i = 0; i < MANY; i++)
        assert_int_equal(weir_close(handles[i]), WEIR_OK);
}

static void a_handle_that_is_opened_again_takes_no_other_ones_slot(void **state) {
    (void)state;
    const weir_os *os = counting_os();
    weir_options options = {.lane_bytes = 65536, .lanes_max = 3};
    weir *kept = open_journal(os, 0, options, STEPPED);
    for (int i = 0; i < 2 * SLOTS; i++) {
        weir *again = open_journal(os, 1, options, STEPPED);
        assert_int_equal(atomic_load(&kept->slot), 0);
        assert_int_equal(atomic_load(&again->slot), 1);
        assert_int_equal(weir_close(again), WEIR_OK);
    }
    assert_int_equal(weir_close(kept), WEIR_OK);
}

/* ---- waiting for a lane ----------------------------------------------------------------------- */

static pthread_barrier_t all_have;

static void *keep_a_lane(void *table) {
    int status = weir_append(table, weir_int(1), weir_int(1));
    (void)pthread_barrier_wait(&all_have);
    (void)pthread_barrier_wait(&all_have);
    return status == WEIR_OK ? NULL : table;
}

static int last_status;

static void *want_a_lane(void *table) {
    counted = true;
    last_status = weir_append(table, weir_int(2), weir_int(1));
    return NULL;
}

/* Both lanes belong to threads that live; a third one wants one. Answers how often it slept. */
static uint32_t sleeps_of_the_third(weir_options options, int number) {
    pthread_t holder, third;
    void *failed;
    options.lane_bytes = 65536;
    options.lanes_max = 2;
    weir *w = open_journal(counting_os(), number, options, BY_ITSELF);
    weir_table *table;
    counted = false;
    assert_int_equal(pthread_barrier_init(&all_have, NULL, 2), 0);
    assert_int_equal(weir_declare(w, "t", columns, 2, &table), WEIR_OK); /* has one of the two */
    assert_int_equal(pthread_create(&holder, NULL, keep_a_lane, table), 0);
    (void)pthread_barrier_wait(&all_have);
    assert_int_equal(pthread_create(&third, NULL, want_a_lane, table), 0);
    assert_int_equal(pthread_join(third, NULL), 0);
    (void)pthread_barrier_wait(&all_have);
    assert_int_equal(pthread_join(holder, &failed), 0);
    assert_null(failed);
    assert_int_equal(pthread_barrier_destroy(&all_have), 0);
    struct weir_stats stats;
    assert_int_equal(weir_stats(w, &stats), WEIR_OK);
    assert_int_equal(stats.rows_refused, 1);
    assert_int_equal(weir_close(w), WEIR_OK);
    assert_int_equal(last_status, WEIR_FULL);
    return atomic_load(&waits);
}

/* The bound is what one look in 20 ms can make of it, answers included; on a slow machine it is less. */
static void who_waits_for_a_lane_sleeps(void **state) {
    (void)state;
    weir_options options = {.full_timeout_ms = 400};
    uint32_t sleeps = sleeps_of_the_third(options, 0);
    assert_true(sleeps > 0);
    assert_true(sleeps <= 3 * 400 / 20 + 10);
}

static void who_shall_not_wait_does_not(void **state) {
    (void)state;
    weir_options options = {.full = WEIR_FULL_FAIL};
    assert_int_equal(sleeps_of_the_third(options, 0), 0);
}

static void who_shall_not_wait_still_gets_a_lane_that_can_be_made(void **state) {
    (void)state;
    enum { THREADS = 30 };
    pthread_t threads[THREADS];
    weir_options options = {.full = WEIR_FULL_FAIL, .lane_bytes = 65536, .lanes_max = THREADS + 1};
    weir *w = open_journal(counting_os(), 0, options, BY_ITSELF);
    weir_table *table = declare(w);
    assert_int_equal(pthread_barrier_init(&all_have, NULL, THREADS), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, keep_a_lane, table), 0);
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    assert_int_equal(pthread_barrier_destroy(&all_have), 0);
    assert_int_equal(weir_close(w), WEIR_OK);
}

/* ---- two handles in one slot ------------------------------------------------------------------ */

static weir *pair[2]; /* their rows have 0 or 1 in the first column */
static weir_table *tables_of[2];
static _Atomic int64_t answered[2]; /* WEIR_OK */

static bool append_to(int which) {
    if (weir_append(tables_of[which], weir_int(which), weir_int(0)) != WEIR_OK) return false;
    atomic_fetch_add(&answered[which], 1);
    return true;
}

static void share_a_slot(void) {
    atomic_store(&pair[1]->slot, atomic_load(&pair[0]->slot));
    for (int i = 0; i < 2; i++)
        atomic_store(&answered[i], 0);
}

static void on_usr1(int number) {
    (void)number;
    (void)append_to(1);
}

static void a_storm_of_signals_mixes_no_rows(void **state) {
    (void)state;
    char paths[2][160];
    weir_options options = {.lane_bytes = 1 << 20};
    for (int i = 0; i < 2; i++) {
        (void)snprintf(paths[i], sizeof paths[i], "%s/%d.db", here->at.directory, i);
        if (weir_open_sqlite(paths[i], &options, &pair[i]) != WEIR_OK)
            fail_msg("%s", weir_last_error());
        (void)to_be_closed(pair[i]);
        tables_of[i] = declare(pair[i]);
    }
    share_a_slot();
    storm_begin(&here->pest, on_usr1, SA_RESTART, 0);
    for (int i = 0; i < STORM; i++)
        assert_true(append_to(0) && append_to(1));
    storm_end(&here->pest);
    for (int i = 0; i < 2; i++) {
        char sql[80];
        assert_int_equal(weir_sync(pair[i], WEIR_APPLIED, 60000), WEIR_OK);
        assert_int_equal(weir_close(pair[i]), WEIR_OK);
        (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM t WHERE who=%d", i);
        assert_int_equal(weir_sql_int(paths[i], sql), atomic_load(&answered[i]));
        assert_int_equal(weir_sql_int(paths[i], "SELECT count(*) FROM t"),
                         atomic_load(&answered[i]));
    }
}

/* ---- at every instruction --------------------------------------------------------------------- */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__x86_64__)

static void a_handler_at_every_instruction_mixes_no_rows(void **state) {
    (void)state;
    print_message("needs the processor's trap flag (x86-64), without a sanitizer\n");
    skip();
}

#else

static const int *act; /* the handles to which the handler appends; -1 ends it */
static long step, act_at;
static bool acted_well;

static void on_trap(int number, siginfo_t *info, void *context) {
    (void)number, (void)info;
    if (++step != act_at) return;
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~0x100; /* the rest runs freely */
    for (const int *which = act; *which >= 0; which++)
        acted_well = append_to(*which) && acted_well;
}

/* The kernel clears the flag for the handler, and sets it again behind it. Below the stack pointer
 * stands what the compiler may have put there. */
static inline void trap_from_here(void) {
    __asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\t"
                     "lea 128(%%rsp), %%rsp" ::
                         : "memory", "cc");
}

static inline void trap_no_more(void) {
    __asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\tandq $-257, (%%rsp)\n\tpopfq\n\t"
                     "lea 128(%%rsp), %%rsp" ::
                         : "memory", "cc");
}

/* What was published since the last look belongs to its handle; then it is drained. */
static int64_t look_at_rows(int which) {
    weir *w = pair[which];
    int64_t rows = 0;
    uint64_t wait_ns;
    uint32_t ready = atomic_load(&w->ring.ready);
    for (uint32_t i = 0; i < ready; i++) {
        const weir_lane *lane = &w->lanes[i];
        weir_record record;
        uint64_t tail = atomic_load(&lane->control->tail);
        for (uint64_t at = lane->taken; at < tail; at = record.next) {
            weir_value values[WEIR_COLUMNS_MAX];
            uint16_t table, count;
            assert_true(weir_lane_read(lane, at, tail, &record));
            if (record.kind != WEIR_RECORD_ROW) continue;
            assert_true(weir_row_decode(record.body, record.bytes, &table, &count, values));
            assert_int_equal(values[0].as.integer, which);
            rows++;
        }
    }
    atomic_store(&w->journaler.waiters, 1);
    while (weir_ring_pending(&w->ring))
        assert_int_equal(weir_journaler_step(&w->journaler, &wait_ns), WEIR_NEXT_AGAIN);
    (void)weir_journaler_step(&w->journaler, &wait_ns); /* lanes that were given back are free */
    return rows;
}

typedef enum before { SLOT_OF_0, SLOT_OF_1, NO_SLOT, NO_LANE } before;

static void prepare(before what) {
    if (what == NO_LANE) weir_hand_back_lanes();
    if (what == SLOT_OF_0) assert_true(append_to(0));
    if (what == SLOT_OF_1) assert_true(append_to(1));
    if (what == NO_SLOT) weir_handle_switch_thread(pair[0]);
    for (int i = 0; i < 2; i++) {
        (void)look_at_rows(i);
        atomic_store(&answered[i], 0);
    }
}

/* An append to handle 0 with a handler in it, once at each of its instructions. */
static void act_everywhere(before what, const int *appends) {
    bool over = false;
    act = appends;
    for (act_at = 1; !over; act_at++) {
        prepare(what);
        step = 0;
        acted_well = true;
        trap_from_here();
        bool done = append_to(0);
        trap_no_more();
        over = step < act_at;
        assert_true(done && acted_well);
        for (int i = 0; i < 2; i++)
            assert_int_equal(look_at_rows(i), atomic_load(&answered[i]));
    }
    assert_true(act_at > 20); /* it did step */
}

static void a_handler_at_every_instruction_mixes_no_rows(void **state) {
    (void)state;
    static const int other[] = {1, -1}, same[] = {0, -1}, both[] = {1, 0, 1, -1};
    static const int *const acts[] = {other, same, both};
    const weir_os *os = counting_os();
    weir_options options = {.lane_bytes = 65536, .lanes_max = 8};
    for (int i = 0; i < 2; i++) {
        pair[i] = open_journal(os, i, options, STEPPED);
        tables_of[i] = declare(pair[i]);
    }
    share_a_slot();
    struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
    assert_int_equal(sigaction(SIGTRAP, &action, NULL), 0);
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
        act_everywhere(SLOT_OF_0, acts[i]);
    for (before what = SLOT_OF_1; what <= NO_LANE; what++)
        act_everywhere(what, both);
    for (int i = 0; i < 2; i++)
        assert_int_equal(weir_close(pair[i]), WEIR_OK);
}

#endif

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(a_lane_is_claimed_once_however_many_handles_there_are),
        T(a_handle_that_is_opened_again_takes_no_other_ones_slot),
        T(who_waits_for_a_lane_sleeps),
        T(who_shall_not_wait_does_not),
        T(who_shall_not_wait_still_gets_a_lane_that_can_be_made),
        T(a_storm_of_signals_mixes_no_rows),
        T(a_handler_at_every_instruction_mixes_no_rows),
    };
    return cmocka_run_group_tests_name("append", tests, NULL, NULL);
}
