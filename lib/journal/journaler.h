/* journaler.h - the journal thread: drain, cut, compress, sync, release, wake.
 *
 * One step does one round and says what to do next, so that a simulator can be the thread. How
 * threads sleep and wake each other:
 *
 *   asleep   a weir_asleep. The journal thread stores it (seq_cst) before it waits; then, when
 *            idle, it makes the process-wide barrier and looks at the tails once more. A producer
 *            loads it (relaxed) after publishing: either the producer sees IDLE and wakes the
 *            thread, or the thread sees the tail after its barrier (Dekker's pattern with an
 *            asymmetric fence; models/wake.pml).
 *   wakeup   the word that the journal thread waits on; a thread that wants it adds 1 and wakes it.
 *   moved    the words that other threads wait on, each in an eventcount (weir_eventcount): durable for
 *            rows and room that the journal thread moves, lanes for lanes that became free or were
 *            made, applied for what the writer does. They are apart so that none wakes threads that
 *            wait for another. Each adds 1 whenever it has moved; lanes also when a lane that was
 *            wanted cannot be had. */
#ifndef WEIR_JOURNALER_H
#define WEIR_JOURNALER_H

#include <pthread.h>

#include "../base/affinity.h"
#include "drain.h"

typedef enum weir_next {
    WEIR_NEXT_AGAIN,   /* there is more to do at once */
    WEIR_NEXT_WAIT,    /* wait for the wakeup, but at most *wait_ns */
    WEIR_NEXT_IDLE,    /* nothing to do until it is woken */
    WEIR_NEXT_STOPPED, /* for good: see status */
} weir_next;

typedef enum weir_asleep {
    WEIR_AWAKE,
    WEIR_ASLEEP_LINGERING, /* until the linger has passed: an append alone does not wake it */
    WEIR_ASLEEP_IDLE,      /* until it is woken, as by the next append */
} weir_asleep;

typedef struct weir_eventcount {
    _Atomic uint32_t moved, waiters;
    _Atomic int event; /* raised whenever it has moved (weir_descriptor); 0: none was asked for */
} weir_eventcount;

typedef struct weir_journaler {
    const weir_os *os;
    weir_ring *ring;
    weir_journal *journal;
    weir_drain drain;
    uint64_t linger_ns;
    uint64_t segment_bytes;

    _Atomic uint32_t asleep; /* a weir_asleep */
    _Atomic uint32_t wakeup;
    weir_eventcount durable, applied, lanes;
    /* How many callers wait for durable rows or for room: do not linger. */
    _Atomic uint32_t waiters;
    _Atomic uint32_t sync_waiters; /* how many of them do not wait for room: keep groups small */
    _Atomic uint32_t
        sync_requests; /* waits for durable rows so far: a hint, relaxed on both sides */
    /* Levels, a bit each, that published rows shall reach without lingering: asked for by
     * weir_request (seq_cst), taken by the journal thread before each cut (acquire). */
    _Atomic uint32_t requested;
    uint32_t under_way;            /* taken, and not yet reached; the journal thread's own */
    _Atomic uint32_t lanes_wanted; /* a thread found no free lane, or took the last */
    /* None can be made for now. The journal thread's own, and a hint to others: relaxed. */
    _Atomic bool lanes_short;
    _Atomic uint32_t lane_refused; /* a thread got none; see weir_journaler_lane_refused */
    bool lane_told;                /* … and an event said so, and it has not passed */
    _Atomic int status;            /* WEIR_OK, or why it has stopped; release / acquire */
    _Atomic bool stopping;

    bool full;
    uint64_t retry_ns; /* the last pause between two looks whether a full journal has room */
    bool marked;       /* a block without rows vouches for the last group */
    /* A writer applies only what is vouched for: it is done at once while somebody waits. Relaxed:
     * it says only when. */
    _Atomic bool vouching;
    bool was_quiet;                      /* nothing was pending after the last group */
    uint64_t pending_since, quiet_since; /* 0: not pending, not quiet */
    unsigned failures;                   /* in a row */
    struct {
        uint32_t cut, due; /* arrivals at the last cut; how many after it the next one waits for */
        uint64_t until;    /* but no longer */
    } gathering;
    pthread_t thread;
    weir_affinity affinity; /* of that thread */
    bool running;

    /* After each advance of durable: up to this row. */
    void (*on_durable)(void *context, uint64_t row);
    /* Rows up to this one were requested to be applied, and are durable. */
    void (*on_requested)(void *context, uint64_t row);
    void (*on_stop)(void *context); /* status has become an error */
    void (*on_event)(void *context, weir_event event, const char *text);
    void (*on_step)(void *context); /* after each step of the thread; may be NULL */
    void *context;
} weir_journaler;

/* The memory of j is the caller's, zeroed but for the fields that it set: os, ring, journal,
 * linger_ns, segment_bytes, the callbacks. Makes the first lanes ready. */
int weir_journaler_prepare(weir_journaler *j, weir_error *error);
int weir_journaler_start(weir_journaler *j, weir_error *error);
/* Before a step: is it better to let others run first? See group_commit_delay. */
bool weir_journaler_delays_group(const weir_journaler *j);
weir_next weir_journaler_step(weir_journaler *j, uint64_t *wait_ns);
/* Make everything published durable and end the thread. WEIR_OK; WEIR_FULL when rows are left in
 * the ring; or WEIR_STOPPED. */
int weir_journaler_stop(weir_journaler *j);
/* When the thread has ended: vouch for the last group, if nothing does. */
void weir_journaler_vouch(weir_journaler *j);
void weir_journaler_release(weir_journaler *j);

/* Wake the journal thread if it waits in any way. Async-signal-safe. */
void weir_journaler_wake(weir_journaler *j);
/* The same, by a thread that goes on running: the journal thread is kept off its processor, so
 * as to run beside it and not after it. */
void weir_journaler_wake_aside(weir_journaler *j);

/* A thread got no lane: WEIR_EVENT_NO_LANE is told if all that lanes_max allows have owners, unless it
 * was told and none has been free since. Async-signal-safe. */
void weir_journaler_lane_refused(weir_journaler *j);

/* In a forked child: no thread there will move anything, so a wait shall end and look again.
 * Async-signal-safe. */
void weir_journaler_let_go(weir_journaler *j);

/* It has moved: wake the threads that wait for it. */
void weir_journaler_notify(weir_journaler *j, weir_eventcount *news);
/* Wake all waiting threads: the handle is closing, or has stopped for good. */
void weir_journaler_notify_all(weir_journaler *j);

/* Parts of preparing and of the step: lanes.c. tell: to on_event. */
int weir_journaler_first_lanes(weir_journaler *j, weir_error *error);
void weir_journaler_provision(weir_journaler *j);
void weir_journaler_tell(weir_journaler *j, weir_event event, const char *text);

/* On the append path, after publishing. */
static inline void weir_journaler_published(weir_journaler *j) {
    if (atomic_load_explicit(&j->asleep, memory_order_relaxed) == WEIR_ASLEEP_IDLE)
        weir_journaler_wake(j);
}

#endif
