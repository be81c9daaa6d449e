/* clock.h - the wall clock, by way of the time stamp counter.
 *
 * A calibration says what the wall clock read at one tick of the counter, and how long a tick
 * takes. It counts for one interval; until then a call reads the counter and multiplies. After that
 * one caller makes the next calibration from a new reading of both clocks. The others read the
 * wall clock itself meanwhile, as every caller does while there is no calibration.
 *
 * Rate. It is measured between two readings of both clocks, at least an interval apart, and used
 * only if it agrees with the one measured before it. So the first calibration comes with the third
 * reading. When either clock has jumped, there is none until two rates agree again, two or three
 * intervals later. After a pause of more than a second the rate is measured anew. Where there is no
 * counter, or readings take more than 300 ns, there is never a calibration.
 *
 * Accuracy. While both clocks run at one rate, a timestamp is within 1 µs of what the wall clock
 * showed during the call: a reading is off by 200 ns at most (half of the longest time that it may
 * take, and half a tick), the rate therefore by 400 ns an interval, and a tick is 100 ns at most.
 * Otherwise, in addition:
 *   - A step of the wall clock is missed for one interval at most, and so is a suspend in which the
 *     counter stood still.
 *   - A change of the wall clock's rate moves timestamps off by what it makes in one interval:
 *     0.5 µs for 500 ppm. A change above 0.2 % is treated as a jump.
 *   - A step below 0.2 % of the time between two readings is taken for such a change. It moves
 *     timestamps off by 2 µs at most in the next interval.
 *
 * Order. In one thread no timestamp is below an earlier one, unless the wall clock was set back by
 * an interval or more: that is followed. If it was set back by less, the last timestamp is repeated
 * until the clock has caught up. Across threads there is no such promise: a timestamp that was read
 * from the wall clock, or on a processor that runs instructions out of order, may be off as said
 * above. But a calibration begins no earlier than the last time that the one before it could
 * answer. */
#ifndef WEIR_CLOCK_H
#define WEIR_CLOCK_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "os.h"
#include "ticks.h"

enum { WEIR_CLOCK_INTERVAL_NS = 1000000 };

/* A sequence lock. The sequence is odd while a thread changes the four words behind it, which is
 * also that thread's lock. A reader loads it (acquire), then the words (acquire), then compares it
 * (relaxed). The writer makes it odd (acquire, by compare-and-swap), stores the words (release),
 * and makes it even (release). The first load pairs with the last store: the words are no older
 * than the sequence. The loads of the words pair with their stores: a reader of a newer word sees,
 * when it compares, that the sequence was made odd for it. */
typedef struct weir_clock {
    alignas(64) _Atomic uint64_t sequence;
    _Atomic uint64_t base_ticks, base_ns; /* of the last reading of both; ns since 1970, signed */
    _Atomic uint64_t tick_ns;             /* 32 bits of fraction; 0: not known */
    _Atomic uint64_t span_ticks;          /* the calibration's interval; 0: there is none */
    const weir_os *os;
    bool native; /* its ticks are weir_ticks() */
} weir_clock;

/* os outlives the clock. Before any other thread has it. */
void weir_clock_make(weir_clock *clock, const weir_os *os);

/* The last timestamp of this thread, by whichever clock. Relaxed: shared with handlers only. */
extern _Thread_local _Atomic int64_t weir_clock_last __attribute__((tls_model("initial-exec")));

__attribute__((cold)) uint64_t weir_clock_table_ticks(const weir_clock *clock);
__attribute__((cold)) int64_t weir_clock_without_calibration(weir_clock *clock);

/* One unsigned comparison: last is not below the timestamp, and less than an interval above it. */
static inline int64_t weir_clock_in_order(int64_t timestamp) {
    int64_t last = atomic_load_explicit(&weir_clock_last, memory_order_relaxed);
    if ((uint64_t)last - (uint64_t)timestamp < WEIR_CLOCK_INTERVAL_NS) return last;
    atomic_store_explicit(&weir_clock_last, timestamp, memory_order_relaxed);
    return timestamp;
}

/* Nanoseconds since 1970. Any thread may call it, also in a signal handler. A handler that
 * interrupts this very call may get a later time than the call, which began first. It never waits
 * and leaves errno as it was. A thread that never comes back from the middle of a calibration (it
 * jumped out of a handler; or it is another thread, and this is a forked child) leaves a clock that
 * reads the wall clock each time.
 *
 * A tick before the base, as after the counter began anew, is beyond the span too, since the
 * difference is unsigned. The product does not overflow: span and rate make one interval. */
static inline int64_t weir_clock_now(weir_clock *clock) {
    uint64_t ticks = clock->native ? weir_ticks() : weir_clock_table_ticks(clock);
    uint64_t sequence = atomic_load_explicit(&clock->sequence, memory_order_acquire);
    uint64_t elapsed = ticks - atomic_load_explicit(&clock->base_ticks, memory_order_acquire);
    uint64_t base_ns = atomic_load_explicit(&clock->base_ns, memory_order_acquire);
    uint64_t tick_ns = atomic_load_explicit(&clock->tick_ns, memory_order_acquire);
    uint64_t span = atomic_load_explicit(&clock->span_ticks, memory_order_acquire);
    bool whole =
        !(sequence & 1) && atomic_load_explicit(&clock->sequence, memory_order_relaxed) == sequence;
    int64_t timestamp = __builtin_expect(whole && elapsed < span, 1)
                            ? (int64_t)(base_ns + (elapsed * tick_ns >> 32))
                            : weir_clock_without_calibration(clock);
    return weir_clock_in_order(timestamp);
}

#endif
