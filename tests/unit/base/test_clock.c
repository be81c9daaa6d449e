/* test_clock.c - timestamps from a counter, against the wall clock of a world in which time passes
 * only when somebody looks. */
/* Covers: lib/base/ticks.h */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "support.h"

enum { ACCURACY_NS = 1000, INTERVAL_NS = WEIR_CLOCK_INTERVAL_NS };

static const uint64_t NS = 1000, US = 1000000, MS = 1000000000; /* time passes in picoseconds */
static const int64_t HOUR_NS = 3600000000000;

__extension__ typedef unsigned __int128 u128;

/* Between two changes the wall clock runs at one rate. Threads share ps only. */
typedef struct world {
    weir_os os;
    weir_clock clock;
    _Atomic uint64_t ps; /* that have passed */
    uint64_t hz, ticks_before,
        ticks_since; /* the counter showed the former when ps was the latter */
    int64_t wall_before;
    uint64_t wall_since;
    int64_t ppm; /* that the wall clock is too fast */
    uint64_t look_ps, pause_ps;
    int pause_in;      /* of how many looks one is followed by up to pause_ps more; 0: none */
    _Atomic int walls; /* looks at the wall clock */
    void (*at_ticks)(struct world *), (*at_wall)(struct world *); /* called by such a look */
} world;

static _Thread_local weir_rng rng;

static void pass(world *w, uint64_t ps) {
    atomic_fetch_add_explicit(&w->ps, ps, memory_order_relaxed);
}

static uint64_t passed(const world *w) {
    return atomic_load_explicit(&w->ps, memory_order_relaxed);
}

static uint64_t ticks_of(const world *w) {
    return w->ticks_before + (uint64_t)((u128)(passed(w) - w->ticks_since) * w->hz / 1000000000000);
}

static int64_t wall_of(const world *w) {
    u128 millionths = (u128)(passed(w) - w->wall_since) * (uint64_t)(1000000 + w->ppm);
    return w->wall_before + (int64_t)(uint64_t)(millionths / 1000000 / 1000);
}

/* A look takes a while, half of it before and half of it behind the moment that it sees. */
static void look(world *w) {
    pass(w, w->look_ps / 2 + weir_rng_below(&rng, w->look_ps / 2 + 1));
    if (w->pause_in && weir_rng_below(&rng, (uint64_t)w->pause_in) == 0)
        pass(w, weir_rng_below(&rng, w->pause_ps));
}

static uint64_t world_ticks(void *self) {
    world *w = self;
    look(w);
    uint64_t ticks = ticks_of(w);
    if (w->at_ticks) w->at_ticks(w);
    look(w);
    return ticks;
}

static int64_t world_wall(void *self) {
    world *w = self;
    atomic_fetch_add_explicit(&w->walls, 1, memory_order_relaxed);
    look(w);
    int64_t wall = wall_of(w);
    if (w->at_wall) w->at_wall(w);
    look(w);
    return wall;
}

/* The clocks run on from here, and are set to that. */
static void set_wall(world *w, int64_t wall) {
    w->wall_before = wall;
    w->wall_since = passed(w);
}

static void set_ticks(world *w, uint64_t ticks) {
    w->ticks_before = ticks;
    w->ticks_since = passed(w);
}

static void set_rate(world *w, int64_t ppm) {
    set_wall(w, wall_of(w));
    w->ppm = ppm;
}

static void begin(world *w, uint64_t hz, uint64_t seed) {
    /* Later than the last timestamp that this thread had in another world. */
    static int64_t next_world = 1700000000000000000;
    *w = (world){.hz = hz, .look_ps = 10 * NS, .wall_before = next_world += 100 * HOUR_NS};
    w->os = *weir_os_posix();
    w->os.self = w;
    w->os.ticks = world_ticks;
    w->os.wall = world_wall;
    rng = (weir_rng){seed};
    set_ticks(w, weir_rng_next(&rng) >> 1);
    weir_clock_make(&w->clock, &w->os);
}

/* How far a timestamp is from what the wall clock showed during the call. */
static int64_t error_of_timestamp(world *w, int64_t *timestamp) {
    int64_t before = wall_of(w), got = weir_clock_now(&w->clock), after = wall_of(w);
    if (timestamp) *timestamp = got;
    return got < before ? before - got : got > after ? got - after : 0;
}

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

/* Stamps for so long, with pauses between; the largest error. */
static int64_t worst_for(world *w, uint64_t ps, uint64_t pause) {
    int64_t worst = 0;
    for (uint64_t end = passed(w) + ps; passed(w) < end; pass(w, weir_rng_below(&rng, pause)))
        worst = larger(worst, error_of_timestamp(w, NULL));
    return worst;
}

/* A second call right after another, while there is a calibration, does not look at the wall. */
static bool is_calibrated(world *w) {
    (void)weir_clock_now(&w->clock);
    int before = w->walls;
    (void)weir_clock_now(&w->clock);
    return w->walls == before;
}

static void settle(world *w) {
    (void)worst_for(w, 4 * MS, 10 * US);
    assert_true(is_calibrated(w));
}

static void check_bound(int64_t error, int64_t bound, int line) {
    if (error > bound)
        fail_msg("line %d: off by %" PRId64 " ns, and %" PRId64 " are allowed", line, error, bound);
}
#define assert_within(error, bound) check_bound(error, bound, __LINE__)

/* ---- both clocks run steadily ---- */

static void at_a_steady_rate_timestamps_are_within_a_microsecond(void **state) {
    (void)state;
    static const uint64_t of_machines[] = {10000000,   19200000,   24000000,   25000000,
                                           62500000,   100000000,  1000000000, 1999999999,
                                           2200000000, 3700000001, 5000000000, 20000000000};
    enum { MACHINES = sizeof of_machines / sizeof *of_machines, MORE = 20 };
    for (uint64_t seed = 0; seed < MACHINES + MORE; seed++) {
        world w;
        weir_rng draw = {seed};
        begin(&w,
              seed < MACHINES ? of_machines[seed] : 10000000 + weir_rng_below(&draw, 6000000000),
              seed);
        set_rate(&w, (int64_t)weir_rng_below(&draw, 1001) - 500);
        w.look_ps = (5 + weir_rng_below(&draw, 45)) * NS;
        w.pause_in = 50;
        w.pause_ps = seed % 2 ? 20 * US : 3 * MS;
        assert_within(worst_for(&w, 40 * MS, 2 * US), ACCURACY_NS);
        int before = w.walls, calls = 0;
        for (uint64_t end = passed(&w) + 5 * MS; passed(&w) < end; calls++)
            assert_within(error_of_timestamp(&w, NULL), ACCURACY_NS);
        if (seed % 2)
            assert_true(w.walls - before < calls / 20); /* it was the counter that was read */
        assert_within(worst_for(&w, 3000 * MS, 5 * MS), ACCURACY_NS);
        assert_within(worst_for(&w, 60000 * MS, 3000 * MS), ACCURACY_NS);
    }
}

/* A rate from longer ago is not computed: its fraction would overflow, and each time alike. */
static void pauses_of_any_length_do_no_harm(void **state) {
    (void)state;
    static const uint64_t pauses_ms[] = {1, 999, 1001, 5000, 6000, 3600000};
    for (size_t i = 0; i < sizeof pauses_ms / sizeof *pauses_ms; i++) {
        world w;
        begin(&w, 2200000000, i);
        for (int bursts = 0; bursts < 10; bursts++) {
            pass(&w, pauses_ms[i] * MS);
            assert_within(worst_for(&w, MS / 2, 2 * US), ACCURACY_NS);
        }
    }
}

static void the_first_calibration_comes_with_the_third_reading(void **state) {
    (void)state;
    world w;
    begin(&w, 2200000000, 1);
    for (int readings = 1; readings <= 3; readings++) {
        int before = w.walls;
        assert_within(error_of_timestamp(&w, NULL), 0);
        assert_int_equal(w.walls - before, 2); /* for the timestamp, and for the calibration */
        for (int i = 0; readings < 3 && i < 100; i++)
            assert_within(error_of_timestamp(&w, NULL), 0);
        assert_int_equal(w.walls - before, readings < 3 ? 102 : 2);
        assert_int_equal(is_calibrated(&w), readings == 3);
        pass(&w, MS);
    }
}

static uint64_t no_ticks(void *self) {
    (void)self;
    return 0;
}

static void without_a_counter_the_wall_clock_is_read(void **state) {
    (void)state;
    world w;
    int64_t last = 0, timestamp;
    begin(&w, 2200000000, 1);
    w.os.ticks = no_ticks;
    weir_clock_make(&w.clock, &w.os);
    for (int i = 1; i <= 10000; i++) {
        if (i % 1000 == 0) set_wall(&w, wall_of(&w) - INTERVAL_NS / 2);
        int64_t error = error_of_timestamp(&w, &timestamp);
        assert_within(error, i < 1000 ? 0 : INTERVAL_NS / 2);
        assert_true(timestamp >= last);
        last = timestamp;
        pass(&w, US);
    }
    set_wall(&w, wall_of(&w) - INTERVAL_NS * 2);
    assert_within(error_of_timestamp(&w, &timestamp), 0);
    assert_true(timestamp < last);
}

/* Too coarse, too fast, standing still, or going back: no time can be had from it. */
static void a_counter_that_cannot_be_one_is_not_used(void **state) {
    (void)state;
    static const uint64_t impossible[] = {0, 1000, 1000000, 9900000, 20500000000, 1000000000000};
    for (size_t i = 0; i < sizeof impossible / sizeof *impossible; i++) {
        world w;
        begin(&w, impossible[i], i);
        assert_within(worst_for(&w, 50 * MS, 10 * US), 0);
        assert_false(is_calibrated(&w));
    }
    world back;
    begin(&back, 2200000000, 1);
    for (int i = 0; i < 50; i++) {
        set_ticks(&back, ticks_of(&back) - 10000000);
        assert_within(worst_for(&back, MS, 10 * US), 0);
    }
}

/* As where each look is a system call: then the wall clock is as good as a calibration is bad. */
static void slow_looks_make_no_calibration(void **state) {
    (void)state;
    world w;
    begin(&w, 2200000000, 1);
    settle(&w);
    w.look_ps = 5 * US;
    (void)worst_for(&w, 2 * MS, US); /* what there was expires */
    assert_within(worst_for(&w, 50 * MS, US), 0);
    assert_false(is_calibrated(&w));
    w.look_ps = 10 * NS;
    settle(&w);
    assert_within(worst_for(&w, 50 * MS, US), ACCURACY_NS);
}

/* The thread loses its processor within most readings; the others are enough. */
static void readings_that_took_long_are_not_believed(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        world w;
        begin(&w, 2200000000, seed);
        w.pause_in = 8;
        w.pause_ps = 50 * US;
        int before = w.walls, calls = 0;
        for (uint64_t end = passed(&w) + 500 * MS; passed(&w) < end; calls++)
            assert_within(error_of_timestamp(&w, NULL), ACCURACY_NS);
        assert_true(w.walls - before < calls);
    }
}

/* ---- one of them does something else ---- */

static void a_slewed_clock_is_followed(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        world w;
        int64_t ppm = 0;
        begin(&w, 2200000000, seed);
        settle(&w);
        for (int i = 0; i < 50; i++) {
            int64_t to = (int64_t)weir_rng_below(&rng, 1001) - 500;
            set_rate(&w, to);
            assert_within(worst_for(&w, 3 * MS, 2 * US), ACCURACY_NS + llabs(to - ppm));
            assert_within(worst_for(&w, 4 * MS, 2 * US), ACCURACY_NS);
            assert_true(is_calibrated(&w));
            ppm = to;
        }
    }
}

/* Such as chrony makes of a larger offset, with the kernel's tick. */
static void a_strong_slew_is_followed_after_an_interval(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        world w;
        begin(&w, 2200000000, seed);
        settle(&w);
        for (int i = 0; i < 20; i++) {
            set_rate(&w, i % 2 ? 0 : i % 4 ? 83333 : -83333);
            /* an interval of the slowest takes 1.091 ms */
            assert_within(worst_for(&w, 6 * MS, 2 * US), ACCURACY_NS + 90909);
            assert_within(worst_for(&w, 4 * MS, 2 * US), ACCURACY_NS);
            assert_true(is_calibrated(&w));
        }
    }
}

static void a_step_is_followed_after_an_interval(void **state) {
    (void)state;
    static const int64_t steps[] = {HOUR_NS, 2 * INTERVAL_NS, 900000,
                                    20000,   -HOUR_NS,        -2 * INTERVAL_NS};
    for (uint64_t seed = 0; seed < 60; seed++) {
        world w;
        int64_t step = steps[seed % (sizeof steps / sizeof *steps)];
        begin(&w, 2200000000, seed);
        settle(&w);
        (void)worst_for(&w, weir_rng_below(&rng, MS), 2 * US);
        set_wall(&w, wall_of(&w) + step);
        assert_within(worst_for(&w, MS, 2 * US), ACCURACY_NS + llabs(step));
        assert_within(worst_for(&w, 20 * MS, 2 * US), ACCURACY_NS);
        assert_true(is_calibrated(&w));
    }
}

static void a_small_step_back_is_waited_for(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 100; seed++) {
        world w;
        int64_t last = 0, timestamp;
        begin(&w, 2200000000, seed);
        settle(&w);
        for (int i = 0; i < 10; i++) {
            int64_t step = 1 + (int64_t)weir_rng_below(&rng, INTERVAL_NS - ACCURACY_NS);
            set_wall(&w, wall_of(&w) - step);
            for (uint64_t end = passed(&w) + 8 * MS, begun = passed(&w); passed(&w) < end;
                 pass(&w, weir_rng_below(&rng, 5 * US))) {
                int64_t error = error_of_timestamp(&w, &timestamp);
                assert_true(timestamp >= last);
                assert_within(error, ACCURACY_NS + (passed(&w) - begun < 4 * MS ? step : 0));
                last = timestamp;
            }
        }
    }
}

/* The counter stands still, runs on, or begins anew, and the wall clock is hours further. */
static void a_suspend_is_noticed_after_an_interval(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        world w;
        begin(&w, 2200000000, seed);
        settle(&w);
        (void)worst_for(&w, weir_rng_below(&rng, MS), 2 * US);
        uint64_t ticks = ticks_of(&w), away = 8 * 3600 * 1000 * MS;
        pass(&w, away);
        int64_t missed = 0;
        if (seed % 3 == 0) set_ticks(&w, ticks), missed = (int64_t)(away / NS);
        if (seed % 3 == 1) set_ticks(&w, weir_rng_below(&rng, 1000000));
        assert_within(worst_for(&w, MS, 2 * US), ACCURACY_NS + missed);
        assert_within(worst_for(&w, 20 * MS, 2 * US), ACCURACY_NS);
        assert_true(is_calibrated(&w));
    }
}

/* As when a virtual machine goes on elsewhere. */
static void another_frequency_is_learned(void **state) {
    (void)state;
    world w;
    begin(&w, 2200000000, 1);
    for (uint64_t i = 0; i < 20; i++) {
        settle(&w);
        set_ticks(&w, ticks_of(&w));
        w.hz = 1000000000 + weir_rng_below(&rng, 3000000000);
        (void)worst_for(&w, 4 * MS, 2 * US);
        assert_within(worst_for(&w, 20 * MS, 2 * US), ACCURACY_NS);
    }
}

/* ---- calls inside calls: what a signal handler does, and what others do meanwhile ---- */

static int depth;
static int64_t last_timestamp;

/* Calls end in the order in which they got their timestamps. */
static void timestamp_in_order(world *w) {
    int64_t timestamp = weir_clock_now(&w->clock);
    assert_true(timestamp >= last_timestamp);
    last_timestamp = timestamp;
}

static void timestamp_inside(world *w) {
    if (depth == 3 || weir_rng_below(&rng, 8)) return;
    depth++;
    if (weir_rng_below(&rng, 4) == 0) pass(w, weir_rng_below(&rng, 20 * US));
    timestamp_in_order(w);
    depth--;
}

static void timestamps_never_go_back_whatever_comes_in_between(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 100; seed++) {
        world w;
        begin(&w, 10000000 + seed * 50000000, seed);
        w.pause_in = 100;
        w.pause_ps = 20 * US;
        w.at_ticks = w.at_wall = timestamp_inside;
        depth = 0;
        last_timestamp = 0;
        for (uint64_t change = passed(&w); passed(&w) < 100 * MS;
             pass(&w, weir_rng_below(&rng, 10 * US))) {
            if (passed(&w) - change > 10 * MS) {
                change = passed(&w);
                set_rate(&w, (int64_t)weir_rng_below(&rng, 2001) - 1000);
                set_wall(&w, wall_of(&w) - (int64_t)weir_rng_below(&rng, INTERVAL_NS / 2));
            }
            timestamp_in_order(&w);
        }
    }
}

static int looks_until_handler;
static void (*handler)(world *);

static void interrupt(world *w) {
    if (--looks_until_handler) return;
    w->at_wall = NULL;
    handler(w);
}

/* The second look at the wall clock is the calibration's. */
static void interrupt_calibration(world *w, void (*by)(world *)) {
    settle(w);
    pass(w, 2 * MS);
    looks_until_handler = 2;
    handler = by;
    w->at_wall = interrupt;
    (void)weir_clock_now(&w->clock);
    assert_null(w->at_wall);
}

static void read_the_wall_once(world *w) {
    assert_int_equal(atomic_load(&w->clock.sequence) % 2, 1);
    for (int i = 0; i < 3; i++) {
        int before = w->walls;
        assert_within(error_of_timestamp(w, NULL), 0);
        assert_int_equal(w->walls, before + 1);
        pass(w, 2 * MS);
    }
}

static void a_handler_within_a_calibration_reads_the_wall_clock(void **state) {
    (void)state;
    world w;
    begin(&w, 2200000000, 1);
    interrupt_calibration(&w, read_the_wall_once);
    assert_int_equal(atomic_load(&w.clock.sequence) % 2, 0);
    settle(&w);
    assert_within(worst_for(&w, 10 * MS, US), ACCURACY_NS);
}

static sigjmp_buf outside;

static void jump_out(world *w) {
    (void)w;
    siglongjmp(outside, 1);
}

static void a_calibration_that_is_left_in_the_middle_leaves_the_wall_clock(void **state) {
    (void)state;
    static world w; /* kept across the jump */
    begin(&w, 2200000000, 1);
    if (!sigsetjmp(outside, 0)) interrupt_calibration(&w, jump_out);
    assert_within(worst_for(&w, 10 * MS, US), 0);
    assert_false(is_calibrated(&w));
}

static void fork_within(world *w) {
    pid_t child = fork();
    if (child == 0) _exit(error_of_timestamp(w, NULL) == 0 ? 0 : 1);
    int status = -1;
    assert_true(child > 0 && waitpid(child, &status, 0) == child);
    assert_int_equal(status, 0);
}

static void a_child_forked_within_a_calibration_has_timestamps(void **state) {
    (void)state;
    world w;
    begin(&w, 2200000000, 1);
    interrupt_calibration(&w, fork_within);
    settle(&w);
}

static void calibrate_first(world *w) { assert_true(is_calibrated(w)); }

/* Between its look at the wall clock and the lock another thread calibrates: then what it has seen
 * is older than the base, as if the clock had been set back. */
static void who_comes_late_leaves_a_new_calibration_alone(void **state) {
    (void)state;
    world w;
    begin(&w, 2200000000, 1);
    for (int i = 0; i < 10; i++) {
        settle(&w);
        pass(&w, 2 * MS);
        looks_until_handler = 1;
        handler = calibrate_first;
        w.at_wall = interrupt;
        assert_within(error_of_timestamp(&w, NULL), ACCURACY_NS);
        assert_true(is_calibrated(&w));
    }
}

/* ---- a handler at any instruction ---- */

/* ThreadSanitizer's runtime would be interrupted, too, and then called. */
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
#define STEPS
#endif
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#undef STEPS
#endif
#endif

#ifdef STEPS
static world *stepped;
static volatile int instruction, interrupted_at;

static volatile int64_t error_within;

/* Two calls that could be another thread's: the first may find a calibration half made, the second
 * finds one expired, and makes the next. */
static void step(int signal, siginfo_t *info, void *context) {
    enum { TRAP_FLAG = 0x100 };
    (void)signal, (void)info;
    if (++instruction < interrupted_at) return;
    error_within = error_of_timestamp(stepped, NULL);
    pass(stepped, 2 * MS);
    (void)weir_clock_now(&stepped->clock);
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
}

/* From here on a SIGTRAP comes after each instruction. Below the red zone. */
__attribute__((noinline)) static void trap_instructions(void) {
    __asm__ volatile("lea -128(%%rsp), %%rsp\n pushfq\n orq $0x100, (%%rsp)\n popfq\n"
                     "lea 128(%%rsp), %%rsp" ::
                         : "memory", "cc");
}

/* False when the call had fewer instructions. */
static bool is_interrupted_at(int at, uint64_t age) {
    world w;
    begin(&w, 2200000000, 1);
    settle(&w);
    pass(&w, 2 * MS);
    assert_true(is_calibrated(&w));
    pass(&w, age);
    stepped = &w;
    instruction = 0;
    interrupted_at = at;
    int64_t before = wall_of(&w);
    trap_instructions();
    int64_t timestamp = weir_clock_now(&w.clock);
    interrupted_at = 0; /* if not yet, then here, and it changes nothing */
    int64_t after = wall_of(&w);
    assert_true(timestamp >= before - ACCURACY_NS && timestamp <= after + ACCURACY_NS);
    assert_within(error_within, ACCURACY_NS);
    assert_int_equal(atomic_load(&w.clock.sequence) % 2, 0);
    assert_within(worst_for(&w, 3 * MS, 2 * US), ACCURACY_NS);
    assert_true(is_calibrated(&w));
    return instruction >= at;
}
#endif

/* Half an interval after a calibration, so that words of two of them would make another timestamp;
 * and when it has expired. */
static void a_calibration_may_come_at_any_instruction(void **state) {
    (void)state;
#ifdef STEPS
    struct sigaction action = {.sa_sigaction = step, .sa_flags = SA_SIGINFO}, before;
    assert_int_equal(sigaction(SIGTRAP, &action, &before), 0);
    int at = 1;
    while (is_interrupted_at(at, MS / 2))
        at++;
    assert_true(at > 50);
    at = 1;
    while (is_interrupted_at(at, 2 * MS))
        at++;
    assert_true(at > 200);
    assert_int_equal(sigaction(SIGTRAP, &before, NULL), 0);
#else
    skip();
#endif
}

static void errno_is_left_alone(void **state) {
    (void)state;
    weir_clock clock;
    weir_clock_make(&clock, weir_os_posix());
    errno = 12345;
    (void)weir_clock_now(&clock);
    assert_int_equal(errno, 12345);
}

/* ---- threads ---- */

enum { THREADS = 2, STAMPS = 300000 };

typedef struct producer {
    world *world;
    pthread_t thread;
    uint64_t seed;
    int64_t worst;
    bool went_back;
} producer;

static void *produce(void *argument) {
    producer *p = argument;
    rng = (weir_rng){p->seed};
    int64_t last = 0, timestamp;
    for (int i = 0; i < STAMPS; i++) {
        p->worst = larger(p->worst, error_of_timestamp(p->world, &timestamp));
        p->went_back |= timestamp < last;
        last = timestamp;
        pass(p->world, weir_rng_below(&rng, i % 4096 ? 20 * US : 3 * MS));
    }
    return NULL;
}

/* Time passes at the looks of both, so that a calibration expires every few timestamps. */
static void threads_share_a_clock(void **state) {
    (void)state;
    world w;
    producer producers[THREADS] = {{0}};
    begin(&w, 2200000000, 1);
    for (uint64_t i = 0; i < THREADS; i++) {
        producers[i] = (producer){.world = &w, .seed = i};
        assert_int_equal(pthread_create(&producers[i].thread, NULL, produce, &producers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(producers[i].thread, NULL), 0);
        assert_false(producers[i].went_back);
        assert_within(producers[i].worst, ACCURACY_NS);
    }
}

/* ---- this machine ---- */

/* Its clock may be slewed, and its processor taken away: that is what the tolerance is for. */
static void timestamps_of_this_machine_are_between_two_looks(void **state) {
    (void)state;
    enum { TOLERANCE_NS = 1000000 };
    const weir_os *os = weir_os_posix();
    weir_clock clock;
    weir_clock_make(&clock, os);
    int64_t last = 0;
    for (int i = 0; i < 200000; i++) {
        int64_t before = os->wall(os->self), timestamp = weir_clock_now(&clock);
        int64_t after = os->wall(os->self);
        assert_true(timestamp >= before - TOLERANCE_NS && timestamp <= after + TOLERANCE_NS);
        assert_true(timestamp >= last);
        last = timestamp;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_a_steady_rate_timestamps_are_within_a_microsecond),
        cmocka_unit_test(pauses_of_any_length_do_no_harm),
        cmocka_unit_test(the_first_calibration_comes_with_the_third_reading),
        cmocka_unit_test(without_a_counter_the_wall_clock_is_read),
        cmocka_unit_test(a_counter_that_cannot_be_one_is_not_used),
        cmocka_unit_test(slow_looks_make_no_calibration),
        cmocka_unit_test(readings_that_took_long_are_not_believed),
        cmocka_unit_test(a_slewed_clock_is_followed),
        cmocka_unit_test(a_strong_slew_is_followed_after_an_interval),
        cmocka_unit_test(a_step_is_followed_after_an_interval),
        cmocka_unit_test(a_small_step_back_is_waited_for),
        cmocka_unit_test(a_suspend_is_noticed_after_an_interval),
        cmocka_unit_test(another_frequency_is_learned),
        cmocka_unit_test(timestamps_never_go_back_whatever_comes_in_between),
        cmocka_unit_test(a_handler_within_a_calibration_reads_the_wall_clock),
        cmocka_unit_test(a_calibration_that_is_left_in_the_middle_leaves_the_wall_clock),
        cmocka_unit_test(a_child_forked_within_a_calibration_has_timestamps),
        cmocka_unit_test(who_comes_late_leaves_a_new_calibration_alone),
        cmocka_unit_test(a_calibration_may_come_at_any_instruction),
        cmocka_unit_test(errno_is_left_alone),
        cmocka_unit_test(threads_share_a_clock),
        cmocka_unit_test(timestamps_of_this_machine_are_between_two_looks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
