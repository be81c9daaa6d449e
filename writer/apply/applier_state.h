/* applier_state.h - what the writer thread and its step share. Private to this folder. */
#ifndef WEIR_APPLIER_STATE_H
#define WEIR_APPLIER_STATE_H

#include <pthread.h>

#include "../../lib/journal/history.h"
#include "applier.h"
#include "replay.h"

/* A time in which nothing is applied, so that readers of the -wal file can leave it. */
typedef struct weir_applier_truce {
    uint64_t until; /* 0: there was none yet */
    uint64_t next;  /* when to try to harden again meanwhile */
    uint64_t bytes; /* size of the -wal file at which the next truce begins */
    bool told;      /* an event has said that the last one was in vain */
} weir_applier_truce;

/* Why nothing is being applied, and how long the writer waits before it tries again. */
typedef struct weir_applier_backoff {
    int status; /* WEIR_OK: rows are being applied */
    uint64_t since, pause;
    bool told;     /* of this status, by an event */
    bool told_any; /* of this status or of one before it, since rows were applied last */
} weir_applier_backoff;

struct weir_applier {
    weir_attached *attached; /* the sink, as the handle knows it */
    weir *handle;
    const weir_os *os;
    weir_journal *journal;
    char *name;
    weir_sink sink;
    weir_history *history; /* of a sink that the journal knows by name; else NULL */
    weir_replay *replay;
    pthread_t thread;
    bool started; /* the thread runs, or has run */
    bool done;    /* stopped: nothing more will be applied */
    bool left;    /* rows, not only blocks without any, were left in the journal when it stopped */

    weir_wakeup *wakeup;
    _Atomic bool stopping; /* release after deadline is set, acquire before it is read */
    uint64_t deadline;

    uint64_t linger;        /* nanoseconds that rows may wait for more rows */
    uint64_t seen;          /* all blocks up to this one are applied, or hold nothing to apply */
    uint64_t behind_since;  /* since when blocks wait; 0: none does */
    int64_t waiting_since;  /* the same by the wall clock, or the last block's, if later */
    weir_position position; /* of the sink, as far as it is known; block 0: not yet */
    uint64_t applied;       /* last block applied */
    uint64_t checkpointed;  /* last block that is safe in the database without the journal */
    uint64_t recorded;      /* the same, as the journal has it of a sink with a record; or less */
    uint64_t row;           /* last row applied; 0: not known */
    uint64_t quiet_since;   /* the last transaction or hardening */
    uint64_t checkpoint_pause; /* after a hardening that was not complete; 0: there was none */
    uint64_t checkpoint_wal;   /* size of the -wal file at which to harden */
    uint64_t checkpoint_at;    /* when to harden a server, which has no such file */
    uint64_t not_before;       /* nothing is applied until then: backoff, or a gap for others */
    uint64_t shared_until;     /* until then another connection is taken to be writing */
    bool retained;             /* rows wait, and the last thing done was to delete old ones */
    bool swept;                /* old rows were deleted since the last checkpoint */
    uint64_t fairness_at;      /* the last pause for others, or the last time that nothing waited */
    weir_applier_truce truce;
    weir_sink_counts carry; /* counts of transactions that ended within a block */
    weir_applier_backoff backoff;
};

/* Before the first step, once handle, os and journal are set: start at the handle's position. */
void weir_applier_begin(weir_applier *a);

static inline uint64_t weir_applier_now(const weir_applier *a) { return a->os->now(a->os->self); }

static inline uint64_t weir_double_up(uint64_t value, uint64_t least, uint64_t most) {
    if (value < least) return least;
    return value > most / 2 ? most : value * 2;
}

/* ---- what it tells: applier_report.c ---- */

/* Does this status go away by itself? */
bool weir_applier_passes(int status);
/* Nothing can be applied: wait before the next try, longer each time, and say why, once. */
void weir_applier_wait(weir_applier *a, int status, const weir_error *error);
/* Rows are being applied again. */
void weir_applier_goes_on(weir_applier *a);
/* A transaction is committed, or the sink is found where the result says. */
void weir_applier_report(weir_applier *a, const weir_replay_result *r);
void weir_applier_report_move(weir_applier *a, const weir_replay_move *m);

static inline bool weir_applier_is_stopping(const weir_applier *a) {
    return atomic_load_explicit(&a->stopping, memory_order_acquire);
}

#endif
