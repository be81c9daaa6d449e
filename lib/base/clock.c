/* clock.c - when a calibration has expired, or there is none. */
#include "clock.h"

enum {
    LONGEST_NS = 1000000000, /* between readings that a rate is taken from: 2^62 as a fraction */
    WIDEST_NS = 300,         /* a reading may take */
    TRIES = 4,               /* for one that takes no longer */
    TOLERANCE = 512,         /* rates agree that differ by this part */
};

/* As tick_ns has them: of 20 GHz and of 10 MHz. A slower counter is too coarse. */
static const uint64_t shortest_tick = ((uint64_t)1 << 32) / 20, longest_tick = (uint64_t)100 << 32;

_Thread_local _Atomic int64_t weir_clock_last __attribute__((tls_model("initial-exec")));

void weir_clock_make(weir_clock *clock, const weir_os *os) {
    *clock = (weir_clock){.os = os, .native = os->ticks == weir_posix_ticks && os->ticks(os->self)};
}

uint64_t weir_clock_table_ticks(const weir_clock *clock) {
    return clock->os->ticks(clock->os->self);
}

/* What the wall clock showed at a tick. */
typedef struct reading {
    uint64_t ticks, ns;
    uint64_t width; /* ticks that it took */
} reading;

/* The narrowest of some, since the thread may lose its processor in any. */
static reading read_both(const weir_os *os, uint64_t widest) {
    reading best = {.width = UINT64_MAX};
    int tries = 0;
    do {
        uint64_t before = os->ticks(os->self), ns = (uint64_t)os->wall(os->self);
        uint64_t width = os->ticks(os->self) - before; /* huge if the counter went back */
        if (width <= best.width) best = (reading){before + width / 2, ns, width};
    } while (best.width > widest && ++tries < TRIES);
    return best;
}

/* Unknown, so of any width, while the length of a tick is. */
static uint64_t widest_reading(uint64_t tick_ns) {
    return tick_ns ? ((uint64_t)WIDEST_NS << 32) / tick_ns : UINT64_MAX;
}

/* 0 if these differences cannot be those of two clocks that run. */
static uint64_t rate(uint64_t ns, uint64_t ticks) {
    if (ns > LONGEST_NS || ticks == 0) return 0; /* ns is huge if the wall clock went back */
    uint64_t tick_ns = (ns << 32) / ticks;
    return tick_ns >= shortest_tick && tick_ns <= longest_tick ? tick_ns : 0;
}

static bool agree(uint64_t a, uint64_t b) { return (a > b ? a - b : b - a) <= a / TOLERANCE; }

/* With the sequence odd. Orderings: clock.h; nobody else writes the words, so they are read
 * relaxed. */
static void calibrate(weir_clock *clock) {
    uint64_t known = atomic_load_explicit(&clock->tick_ns, memory_order_relaxed);
    reading r = read_both(clock->os, widest_reading(known));
    uint64_t ns = r.ns - atomic_load_explicit(&clock->base_ns, memory_order_relaxed);
    uint64_t ticks = r.ticks - atomic_load_explicit(&clock->base_ticks, memory_order_relaxed);
    if (ns < WEIR_CLOCK_INTERVAL_NS) return; /* another thread has just done it */
    uint64_t tick_ns = rate(ns, ticks), span = 0;
    if (r.width > widest_reading(tick_ns)) tick_ns = 0;
    if (tick_ns && known && agree(tick_ns, known))
        span = ((uint64_t)WEIR_CLOCK_INTERVAL_NS << 32) / tick_ns;
    atomic_store_explicit(&clock->base_ticks, r.ticks, memory_order_release);
    atomic_store_explicit(&clock->base_ns, r.ns, memory_order_release);
    atomic_store_explicit(&clock->tick_ns, tick_ns, memory_order_release);
    atomic_store_explicit(&clock->span_ticks, span, memory_order_release);
}

/* The first look, relaxed, only spares the lock; what it sees may be older or newer than wall. */
int64_t weir_clock_without_calibration(weir_clock *clock) {
    const weir_os *os = clock->os;
    int64_t wall = os->wall(os->self);
    uint64_t base_ns = atomic_load_explicit(&clock->base_ns, memory_order_relaxed);
    if ((uint64_t)wall - base_ns < WEIR_CLOCK_INTERVAL_NS) return wall;
    uint64_t sequence = atomic_load_explicit(&clock->sequence, memory_order_relaxed);
    if (sequence & 1 ||
        !atomic_compare_exchange_strong_explicit(&clock->sequence, &sequence, sequence + 1,
                                                 memory_order_acquire, memory_order_relaxed))
        return wall;
    calibrate(clock);
    atomic_store_explicit(&clock->sequence, sequence + 2, memory_order_release);
    return wall;
}
