/* affinity.c - keeping a thread that is woken off the processor of its waker. */
#include "affinity.h"

#include <stdbool.h>
#include <unistd.h>

/* WIDE: the thread may run wherever its program lets it. BUSY: one waker is changing that, and
 * others leave it alone. NARROW: the thread is kept off a processor, and will change that back
 * itself. Each change ends with a release, with which the acquire of the next one pairs, so that
 * allowed belongs to one thread at a time. */
enum { WIDE, BUSY, NARROW };

void weir_affinity_begin(weir_affinity *a) {
    atomic_store_explicit(&a->state, WIDE, memory_order_relaxed);
    atomic_store_explicit(&a->thread, (uint32_t)gettid(), memory_order_relaxed);
}

void weir_affinity_end(weir_affinity *a) {
    atomic_store_explicit(&a->thread, 0, memory_order_relaxed);
}

/* False, and nothing is changed, if the thread may use no other processor. */
static bool narrow(cpu_set_t *allowed, pid_t thread, int without) {
    if (sched_getaffinity(thread, sizeof *allowed, allowed) < 0) return false;
    cpu_set_t others = *allowed;
    CPU_CLR((size_t)without, &others); /* a number beyond the set changes nothing */
    return CPU_COUNT(&others) > 0 && sched_setaffinity(thread, sizeof others, &others) == 0;
}

void weir_affinity_keep_off(weir_affinity *a) {
    uint32_t thread = atomic_load_explicit(&a->thread, memory_order_relaxed);
    uint32_t state = WIDE;
    int here = sched_getcpu();
    if (!thread || here < 0) return;
    if (!atomic_compare_exchange_strong_explicit(&a->state, &state, BUSY, memory_order_acquire,
                                                 memory_order_relaxed))
        return;
    bool narrowed = narrow(&a->allowed, (pid_t)thread, here);
    atomic_store_explicit(&a->state, narrowed ? NARROW : WIDE, memory_order_release);
}

/* The call fails only when the program has meanwhile been confined to other processors, and then
 * that confinement counts. */
void weir_affinity_restore(weir_affinity *a) {
    if (atomic_load_explicit(&a->state, memory_order_acquire) != NARROW) return;
    (void)sched_setaffinity(0, sizeof a->allowed, &a->allowed);
    atomic_store_explicit(&a->state, WIDE, memory_order_release);
}
