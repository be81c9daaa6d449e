/* affinity.h - keep a thread that is woken off the processor of its waker.
 *
 * The kernel runs a woken thread where it last ran or where its waker runs, unless it finds an idle
 * processor (select_idle_sibling in kernel/sched/fair.c). In a virtual machine under KVM it
 * mistakes a halted processor for one that the host has preempted (vcpu_is_preempted), and so finds
 * none. A waker that goes on running then keeps the thread waiting until the next balancing, some
 * milliseconds later, while other processors are idle. So for that one wake-up the waker removes
 * its own processor from the set that the thread may use (sched_setaffinity(2)); once awake, the
 * thread adds it again.
 *
 * This is advice only: where it fails, the kernel decides alone. */
#ifndef WEIR_AFFINITY_H
#define WEIR_AFFINITY_H

#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>

/* ASIDE: the waker goes on running, so the thread is to wake on another processor. */
typedef enum weir_wake { WEIR_WAKE_ANYWHERE, WEIR_WAKE_ASIDE } weir_wake;

/* Zeroed: of no thread. It outlives the thread. */
typedef struct weir_affinity {
    _Atomic uint32_t thread; /* its id while it runs; 0: none; relaxed, it guards nothing */
    _Atomic uint32_t state;  /* whose turn it is to touch allowed: see affinity.c */
    cpu_set_t allowed;       /* what the thread could use before it was kept off */
} weir_affinity;

/* Called by the thread when it starts and before it ends. */
void weir_affinity_begin(weir_affinity *a);
void weir_affinity_end(weir_affinity *a);

/* Called by the thread each time that it was woken. */
void weir_affinity_restore(weir_affinity *a);

/* Called by any thread before it wakes that one. Async-signal-safe; two or three system calls. */
void weir_affinity_keep_off(weir_affinity *a);

#endif
