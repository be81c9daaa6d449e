/* applier.h - the writer thread: when to apply, how long to wait after trouble, when to harden
 * and release.
 *
 * What it does stands in weir_applier_step(), which never sleeps and takes its time from the os
 * table; the thread only calls it and waits as long as it says. So a test can be the thread. */
#ifndef WEIR_APPLIER_H
#define WEIR_APPLIER_H

#include "../../lib/base/affinity.h"
#include "../../lib/handle/handle.h"
#include "sink.h"

typedef struct weir_applier weir_applier;

/* What wakes the thread. It belongs to the caller, zeroed, and outlives the applier, so that a thread
 * which is late with its nudge does no harm. */
typedef struct weir_bell {
    _Atomic uint32_t rung;
    _Atomic bool asleep;    /* a hint, relaxed on both sides: only who sleeps needs a place */
    weir_affinity affinity; /* of the thread */
} weir_bell;

/* More is durable, or somebody waits. Any thread. aside: the caller goes on running, so the thread,
 * if it sleeps, shall wake elsewhere. */
void weir_bell_ring(weir_bell *bell, const weir_os *os, bool aside);

/* name: of the database, for messages; copied. The sink belongs to the applier from now on, unless
 * this fails. handle must live as long as the applier. */
int weir_applier_make(weir *handle, const char *name, const weir_sink *sink, weir_bell *bell,
                      weir_applier **out, weir_error *error);

/* Do what is due: at most one transaction, or one hardening. Returns the nanoseconds until the
 * next call is due unless there is a nudge before: 0 at once, UINT64_MAX when there is nothing
 * to do. */
uint64_t weir_applier_step(weir_applier *a);
bool weir_applier_is_done(const weir_applier *a); /* stopped, and everything possible is done */

int weir_applier_start(weir_applier *a, weir_error *error); /* the thread */

/* To the thread: apply what is durable until deadline_ns, harden, close the sink, end. Returns at
 * once. */
void weir_applier_finish(weir_applier *a, uint64_t deadline_ns);
/* The same, if that has not been said before; wait for it, and free the applier. WEIR_PENDING when
 * rows are left. */
int weir_applier_stop(weir_applier *a, uint64_t deadline_ns);

/* Of one that was never started: close the sink, free the applier. */
void weir_applier_free(weir_applier *a);

#endif
