/* applier.h - the writer thread: when to apply, how long to back off after a failure, when to
 * checkpoint and release.
 *
 * All of its work is done by weir_applier_step(), which never sleeps and takes the time from the os
 * table. The thread only calls it and waits as long as it says, so a test can take the thread's
 * place. */
#ifndef WEIR_APPLIER_H
#define WEIR_APPLIER_H

#include "../../lib/base/affinity.h"
#include "../../lib/handle/handle.h"
#include "sink.h"

typedef struct weir_applier weir_applier;

/* What wakes the thread: an eventcount. The caller owns it and zeroes it, and it outlives the
 * applier, so that a thread that notifies it late does no harm. */
typedef struct weir_wakeup {
    _Atomic uint32_t notified; /* how often */
    _Atomic bool asleep; /* a hint, relaxed on both sides: only a thread that sleeps can be moved */
    weir_affinity affinity; /* of the thread */
} weir_wakeup;

/* More is durable, or a caller waits for rows to be applied. Any thread. */
void weir_wakeup_notify(weir_wakeup *wakeup, const weir_os *os, weir_wake where);

/* name: of the database, for messages; copied. From now on the applier owns the sink, unless this
 * fails. attached: whose rows these are; its handle must live as long as the applier. */
int weir_applier_make(weir_attached *attached, const char *name, const weir_sink *sink,
                      weir_wakeup *wakeup, weir_applier **out, weir_error *error);

/* Do what is due: at most one transaction or one checkpoint. Returns the nanoseconds until the next
 * call is due, unless it is notified before: 0: at once; UINT64_MAX: there is nothing to do. */
uint64_t weir_applier_step(weir_applier *a);
bool weir_applier_is_done(const weir_applier *a); /* stopped, and everything possible is done */

int weir_applier_start(weir_applier *a, weir_error *error); /* the thread */

/* Tell the thread to apply what is durable, until deadline_ns, then to checkpoint, close the sink
 * and end. Returns at once. */
void weir_applier_finish(weir_applier *a, uint64_t deadline_ns);
/* Finish, unless weir_applier_finish was called before; wait for the thread, and free the applier.
 * WEIR_PENDING when rows are left. */
int weir_applier_stop(weir_applier *a, uint64_t deadline_ns);

/* For an applier that was never started: close the sink, free the applier. */
void weir_applier_free(weir_applier *a);
/* Likewise: the sink is the caller's again, before the applier is freed. */
void weir_applier_release_sink(weir_applier *a);

#endif
