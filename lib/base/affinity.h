/* affinity.h - keeping a thread that is woken off the processor of its waker.
 *
 * The kernel lets a woken thread run where it last ran, or where its waker runs, unless it sees a
 * processor that is idle (select_idle_sibling in kernel/sched/fair.c). In a virtual machine under
 * KVM it takes one that halts for one that the host has taken away (vcpu_is_preempted), and sees
 * none. So a waker that goes on running keeps whom it woke waiting, until the next balancing some
 * milliseconds later, while the other processors halt. For that one wake, then, the waker takes its
 * own processor out of the set that the thread may use (sched_setaffinity(2)); awake, the thread
 * takes it back in.
 *
 * Advice only: where nothing can be done, the kernel decides alone. */
#ifndef WEIR_AFFINITY_H
#define WEIR_AFFINITY_H

#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>

/* Zeroed: of no thread. It outlives the thread. */
typedef struct weir_affinity {
    _Atomic uint32_t thread; /* its id while it runs; 0: none; relaxed, it guards nothing */
    _Atomic uint32_t state;  /* whose turn it is to touch allowed: see affinity.c */
    cpu_set_t allowed;       /* what the thread could use before it was kept off */
} weir_affinity;

/* The thread, when it starts and before it ends. */
void weir_affinity_begin(weir_affinity *a);
void weir_affinity_end(weir_affinity *a);

/* The thread, each time that it was woken. */
void weir_affinity_restore(weir_affinity *a);

/* Any thread, before it wakes that one. Async-signal-safe; two or three system calls. */
void weir_affinity_keep_off(weir_affinity *a);

#endif
