/* applier.c - the writer thread. */
#include "applier.h"

#include <pthread.h>
#include <stdlib.h>

#include "../../lib/base/thread.h"
#include "replay.h"

#define MS ((uint64_t)1000000)

enum {
    ROWS_DUE = 65536,      /* so many waiting rows make a large transaction: no need to linger */
    WAL_HARDEN = 16 << 20, /* a larger -wal file costs memory and readers' time, and gives little */
    WAL_TRUCE = 256 << 20, /* one that is so large has not begun anew for long */
};
#define IDLE_HARDEN_NS                                                                             \
    (1000 * MS) /* quiet for so long: make it safe without the journal, then sleep */
#define REFUSED_HARDEN_NS (60000 * MS)

/* Other connections write their own tables, and SQLite's lock has no queue: who waits tries
 * again, at worst every 100 ms. While somebody is known to be there we leave a gap behind each
 * transaction; otherwise now and then one that is long enough for any who wait. */
#define SHARED_NS (10000 * MS)
#define GAP_LEAST_NS (2 * MS)
#define GAP_MOST_NS (50 * MS)
#define BREATH_EVERY_NS (4000 * MS)
#define BREATH_NS (105 * MS)

/* The -wal file begins anew only when all of it is copied and no reader needs it. Readers that take
 * turns, each beginning before the last has ended, as replicators do, always need it while something
 * is written between two turns. So now and then nothing is, for two turns of a second. */
#define TRUCE_NS (2500 * MS)
#define TRUCE_STEP_NS (100 * MS)

typedef struct truce {
    uint64_t until, next; /* step */
    uint64_t bytes;       /* of the -wal file, at which the next one begins */
    bool told;            /* that it was in vain */
} truce;

typedef struct trouble { /* why nothing is being applied */
    int status;
    uint64_t since, pause;
    bool told; /* by an event */
} trouble;

struct weir_applier {
    weir *handle;
    const weir_os *os;
    weir_journal *journal;
    char *name;
    weir_sink sink;
    weir_replay *replay;
    pthread_t thread;
    bool started, done, left;

    weir_bell *bell;       /* moves with every nudge */
    _Atomic bool stopping; /* release after deadline is set, acquire before it is read */
    uint64_t deadline;

    uint64_t linger;
    uint64_t seen;              /* all blocks up to this one are applied, or are of no account */
    uint64_t behind_since;      /* 0: not behind */
    uint64_t applied, hardened; /* blocks */
    uint64_t row;               /* last row applied */
    uint64_t quiet_since, harden_pause, harden_wal;
    uint64_t not_before; /* trouble, or a gap for others */
    uint64_t shared_until, breath_at;
    truce truce;
    weir_sink_counts carry; /* of transactions that ended within a block */
    trouble trouble;
};

static uint64_t applier_now(const weir_applier *a) { return a->os->now(a->os->self); }

static uint64_t double_up(uint64_t value, uint64_t least, uint64_t most) {
    return value < least ? least : value > most / 2 ? most : value * 2;
}

/* ---- trouble --------------------------------------------------------------------------------- */

static bool passes(int status) {
    return status == WEIR_BUSY || status == WEIR_IO || status == WEIR_NO_SPACE ||
           status == WEIR_NO_MEMORY;
}

static void tell_trouble(weir_applier *a, int status, const char *text) {
    weir_event event = passes(status)           ? WEIR_EVENT_APPLY_WAITS
                       : status == WEIR_DAMAGED ? WEIR_EVENT_DAMAGE
                                                : WEIR_EVENT_APPLY_STOPPED;
    weir_handle_event(a->handle, event, "%s: %s; rows wait in the journal", a->name, text);
    /* Want of memory passes by itself, which the handle knows of an IO error. */
    weir_handle_apply_status(a->handle, status == WEIR_NO_MEMORY ? WEIR_IO : status);
    a->trouble.told = true;
}

/* A lock is another connection's daily work: only when it lasts does anybody need to hear of it.
 * What somebody must mend is tried again now and then, in case they have. */
static void meet_trouble(weir_applier *a, int status, const weir_error *error) {
    uint64_t at = applier_now(a);
    trouble *t = &a->trouble;
    if (t->status != status) *t = (trouble){status, at, 0, false};
    if (status == WEIR_BUSY) {
        a->shared_until = at + SHARED_NS;
        t->pause = double_up(t->pause, 1 * MS, 50 * MS);
    } else {
        t->pause = double_up(t->pause, 100 * MS, 5000 * MS);
    }
    a->not_before = at + t->pause;
    if (!t->told && (status != WEIR_BUSY || at - t->since >= 1000 * MS))
        tell_trouble(a, status, error->text);
}

static void overcome(weir_applier *a) {
    bool told = a->trouble.told;
    a->trouble = (trouble){0};
    if (!told) return;
    weir_handle_apply_status(a->handle, WEIR_OK);
    weir_handle_event(a->handle, WEIR_EVENT_APPLY_RESUMED, "%s: rows are being applied again",
                      a->name);
}

/* ---- hardening ------------------------------------------------------------------------------- */

/* Rows that were applied may have to be applied once more. */
static void begin_anew(weir_applier *a) {
    weir_replay_forget(a->replay);
    a->seen = a->hardened;
}

/* What is safe in the database itself need not stay in the journal. */
static void harden_applied(weir_applier *a, uint64_t wal_bytes) {
    weir_error error = {0};
    uint64_t safe = 0;
    int status = a->sink.harden(a->sink.self, a->applied, &safe, &error);
    if (status == WEIR_SINK_REOPENED) {
        begin_anew(a);
        return;
    }
    if (status == WEIR_OK && safe > a->hardened) {
        status = weir_journal_release(a->journal, safe, &error);
        if (status == WEIR_OK) a->hardened = safe;
        weir_journaler_ring(weir_handle_journaler(a->handle)); /* which may wait for the room */
    }
    bool whole = status == WEIR_OK && a->hardened == a->applied;
    a->harden_pause = whole ? 0 : double_up(a->harden_pause, IDLE_HARDEN_NS, REFUSED_HARDEN_NS);
    a->harden_wal =
        whole ? WAL_HARDEN : wal_bytes + WAL_HARDEN; /* once the reader in the way is likely gone */
    a->quiet_since = applier_now(a);
    if (status != WEIR_OK && status != WEIR_BUSY && !a->trouble.told)
        meet_trouble(a, status, &error);
}

/* Older segments may hold nothing but blocks without rows, as openings leave them: they can go once
 * the position stands behind them, which no row takes it to. */
static bool holds_up(const weir_applier *a, const weir_journal_state *s) {
    return s->segments > 1 && weir_replay_unsettled(a->replay);
}

/* What cannot be settled now is settled by the next rows, or by the next opening. */
static void settle(weir_applier *a, const weir_journal_state *s) {
    weir_position position;
    if (!holds_up(a, s)) return;
    if (weir_replay_settle(a->replay, &position, NULL) == WEIR_OK) a->applied = position.block;
}

static uint64_t harden_when_quiet(weir_applier *a, const weir_journal_state *s, uint64_t at) {
    uint64_t pause = a->harden_pause ? a->harden_pause : IDLE_HARDEN_NS;
    if (a->hardened == a->applied && !holds_up(a, s)) return UINT64_MAX;
    if (at - a->quiet_since < pause) return a->quiet_since + pause - at;
    settle(a, s);
    /* Nothing to copy is no harmless checkpoint: DURABILITY.md, on the WAL-reset race. */
    if (a->hardened < a->applied) harden_applied(a, 0);
    if (holds_up(a, s)) /* somebody has the database locked */
        a->harden_pause = double_up(a->harden_pause, IDLE_HARDEN_NS, REFUSED_HARDEN_NS);
    else if (a->hardened == a->applied)
        return UINT64_MAX;
    return a->harden_pause;
}

/* ---- applying -------------------------------------------------------------------------------- */

static void report_applied(weir_applier *a, const weir_replay_result *r) {
    a->carry.rows += r->counts.rows;
    a->carry.rejected += r->counts.rejected;
    a->carry.ignored += r->counts.ignored;
    a->row = r->position.row;
    a->applied = r->position.block;
    if (r->counts.rejected)
        weir_handle_event(
            a->handle, WEIR_EVENT_REJECTED,
            "%s: %llu of the rows up to number %llu were refused; see the table weir_reject",
            a->name, (unsigned long long)r->counts.rejected, (unsigned long long)a->row);
    if (r->counts.mended)
        weir_handle_event(a->handle, WEIR_EVENT_TABLE_MENDED,
                          "%s: %s; who renamed or dropped it should declare what takes its place",
                          a->name, r->counts.mended);
    if (!r->last.block) return; /* no block is whole yet, so nobody can be told */
    weir_handle_applied(a->handle, &r->last, &r->payload, a->carry.rows, a->carry.rejected,
                        a->carry.ignored, r->counts.wal_bytes);
    a->carry = (weir_sink_counts){0};
}

static uint64_t gap_for_others(weir_applier *a, uint64_t began, uint64_t ended) {
    uint64_t gap = (ended - began) / 4;
    if (ended < a->shared_until)
        return gap < GAP_LEAST_NS ? GAP_LEAST_NS : gap > GAP_MOST_NS ? GAP_MOST_NS : gap;
    if (ended - a->breath_at < BREATH_EVERY_NS) return 0;
    a->breath_at = ended + BREATH_NS;
    return BREATH_NS;
}

/* ---- readers that take turns ------------------------------------------------------------------ */

static void tell_of_growth(weir_applier *a, uint64_t wal_bytes) {
    if (a->truce.told) return;
    a->truce.told = true;
    weir_handle_event(
        a->handle, WEIR_EVENT_WAL_GROWS,
        "%s: its -wal file has grown to %llu MiB and cannot begin anew, because other "
        "connections read without a break; end long read transactions",
        a->name, (unsigned long long)(wal_bytes >> 20));
}

static void watch_growth(weir_applier *a, uint64_t wal_bytes) {
    if (wal_bytes < WAL_TRUCE) {
        a->truce = (truce){.bytes = WAL_TRUCE};
    } else if (wal_bytes >= a->truce.bytes) {
        if (a->truce.bytes > WAL_TRUCE) tell_of_growth(a, wal_bytes); /* the last was in vain */
        a->truce.bytes = wal_bytes * 2;
        a->truce.until = applier_now(a) + TRUCE_NS;
    }
}

/* Nothing is applied; what is not copied yet may be, once the readers have moved on. */
static uint64_t keep_truce(weir_applier *a, uint64_t at) {
    if (at >= a->truce.next && a->hardened < a->applied) {
        harden_applied(a, a->truce.bytes / 2);
        a->truce.next = at + TRUCE_STEP_NS;
    }
    uint64_t end =
        a->hardened < a->applied && a->truce.next < a->truce.until ? a->truce.next : a->truce.until;
    return end > at ? end - at : 0;
}

static void after_transaction(weir_applier *a, const weir_replay_result *r, uint64_t began) {
    overcome(a);
    report_applied(a, r);
    a->quiet_since = applier_now(a);
    a->not_before = a->quiet_since + gap_for_others(a, began, a->quiet_since);
    if (r->counts.wal_bytes >= a->harden_wal) harden_applied(a, r->counts.wal_bytes);
    watch_growth(a, r->counts.wal_bytes);
}

static void caught_up(weir_applier *a, const weir_position *position, uint64_t durable) {
    a->applied = position->block;
    a->row = position->row;
    a->seen = durable;
    a->behind_since = 0;
    a->breath_at = applier_now(a);
}

/* One transaction. durable: what the journal had when it was decided. */
static void apply_once(weir_applier *a, uint64_t durable) {
    weir_error error = {0};
    weir_replay_result result;
    weir_replay_limits limits = WEIR_REPLAY_ALL;
    uint64_t began = applier_now(a);
    int status = weir_replay_step(a->replay, &limits, &result, &error);
    if (status == WEIR_OK)
        after_transaction(a, &result, began);
    else if (status == WEIR_PENDING)
        caught_up(a, &result.position, durable);
    else
        meet_trouble(a, status, &error);
    if (status == WEIR_OK && result.position.block >= durable)
        caught_up(a, &result.position, result.position.block);
}

static bool is_due(weir_applier *a, const weir_journal_state *s, uint64_t at) {
    return s->durable.row - a->row >= ROWS_DUE || at - a->behind_since >= a->linger ||
           weir_handle_wants_applied(a->handle);
}

/* ---- stopping -------------------------------------------------------------------------------- */

static bool is_stopping(weir_applier *a) {
    return atomic_load_explicit(&a->stopping, memory_order_acquire);
}

static uint64_t finish_applying(weir_applier *a, const weir_journal_state *s, bool behind) {
    if (!behind) settle(a, s);
    if (a->applied > a->hardened) harden_applied(a, 0);
    a->left = behind || a->seen < s->durable.block;
    a->done = true;
    return 0;
}

/* Trouble that passes is waited for until the deadline, in short steps. */
static uint64_t step_to_the_end(weir_applier *a, const weir_journal_state *s, bool behind,
                                uint64_t at) {
    bool hopeless = a->trouble.status != WEIR_OK && !passes(a->trouble.status);
    if (!behind || hopeless || at >= a->deadline) return finish_applying(a, s, behind);
    apply_once(a, s->durable.block);
    if (a->trouble.status == WEIR_OK) return 0;
    uint64_t pause = a->trouble.pause < 10 * MS ? a->trouble.pause : 10 * MS;
    return pause < a->deadline - at ? pause : a->deadline - at;
}

/* ---- the step -------------------------------------------------------------------------------- */

uint64_t weir_applier_step(weir_applier *a) {
    weir_journal_state s;
    weir_handle_linger(a->handle, 0);
    bool stopping =
        is_stopping(a); /* before the journal is looked at: nothing becomes durable after it */
    weir_journal_get_state(a->journal, &s);
    uint64_t at = applier_now(a);
    bool behind = s.durable.block > a->seen;
    if (behind && !a->behind_since) a->behind_since = at;
    if (stopping) return step_to_the_end(a, &s, behind, at);
    if (at < a->truce.until) return keep_truce(a, at);
    if (at < a->not_before) return a->not_before - at;
    if (!behind) return harden_when_quiet(a, &s, at);
    if (!is_due(a, &s, at)) {
        weir_handle_linger(a->handle, a->row + ROWS_DUE);
        return a->behind_since + a->linger - at;
    }
    apply_once(a, s.durable.block);
    return 0;
}

bool weir_applier_is_done(const weir_applier *a) { return a->done; }

/* ---- the thread ------------------------------------------------------------------------------ */

static void close_applier_sink(weir_applier *a) {
    if (a->sink.close) a->sink.close(a->sink.self);
    a->sink = (weir_sink){0};
}

static void rest_applier(weir_applier *a, uint32_t seen, uint64_t pause) {
    weir_bell *bell = a->bell;
    atomic_store_explicit(&bell->asleep, true, memory_order_relaxed);
    (void)a->os->wait(a->os->self, &bell->rung, seen, pause); /* the step looks again anyway */
    atomic_store_explicit(&bell->asleep, false, memory_order_relaxed);
    weir_affinity_restore(&bell->affinity);
}

static void apply_until_done(weir_applier *a) {
    while (!a->done) {
        /* Acquire, with the release of a nudge: what was nudged for before this is seen by the
         * step, and what comes later ends the wait. */
        uint32_t seen = atomic_load_explicit(&a->bell->rung, memory_order_acquire);
        uint64_t pause = weir_applier_step(a);
        if (pause && !a->done) rest_applier(a, seen, pause);
    }
    close_applier_sink(a);
}

static void *run_applier(void *argument) {
    weir_applier *a = argument;
    weir_affinity_begin(&a->bell->affinity);
    apply_until_done(a);
    weir_affinity_end(&a->bell->affinity);
    return NULL;
}

int weir_applier_start(weir_applier *a, weir_error *error) {
    int failed = weir_thread_start(&a->thread, "weir-writer", run_applier, a);
    a->started = failed >= 0;
    return a->started ? WEIR_OK
                      : weir_fail_os(error, failed, "%s: cannot start the writer thread", a->name);
}

void weir_bell_ring(weir_bell *bell, const weir_os *os, bool aside) {
    if (aside && atomic_load_explicit(&bell->asleep, memory_order_relaxed))
        weir_affinity_keep_off(&bell->affinity);
    atomic_fetch_add_explicit(&bell->rung, 1, memory_order_release);
    os->wake(os->self, &bell->rung);
}

void weir_applier_free(weir_applier *a) {
    if (!a) return;
    weir_replay_free(a->replay);
    close_applier_sink(a);
    free(a->name);
    free(a);
}

void weir_applier_finish(weir_applier *a, uint64_t deadline_ns) {
    a->deadline = deadline_ns;
    atomic_store_explicit(&a->stopping, true, memory_order_release);
    weir_bell_ring(a->bell, a->os, false);
}

int weir_applier_stop(weir_applier *a, uint64_t deadline_ns) {
    if (!is_stopping(a)) weir_applier_finish(a, deadline_ns);
    if (a->started)
        (void)pthread_join(a->thread, NULL); /* fails only for a thread that is not ours */
    else
        apply_until_done(a); /* then the caller is the thread, to the end */
    int status = a->left ? WEIR_PENDING : WEIR_OK;
    weir_applier_free(a);
    return status;
}

/* ---- making ---------------------------------------------------------------------------------- */

static int fill_applier(weir_applier *a, weir *handle, const char *name, weir_error *error) {
    weir_position start = weir_handle_start(handle);
    a->handle = handle;
    a->os = weir_handle_os(handle);
    a->journal = weir_handle_journal(handle);
    a->linger = weir_handle_options(handle)->apply_linger_ms * MS;
    a->harden_wal = WAL_HARDEN;
    a->row = start.row;
    a->applied = start.block;
    a->quiet_since = a->breath_at = applier_now(a);
    a->name = strdup(name);
    if (!a->name) return weir_fail(error, WEIR_NO_MEMORY, "%s: no memory for the writer", name);
    int status = weir_replay_make(a->os, weir_journal_locator(a->journal),
                                  weir_journal_id(a->journal), &a->sink, false, &a->replay);
    return status == WEIR_OK ? status
                             : weir_fail(error, status, "%s: no memory for the writer", name);
}

int weir_applier_make(weir *handle, const char *name, const weir_sink *sink, weir_bell *bell,
                      weir_applier **out, weir_error *error) {
    *out = NULL;
    weir_applier *a = calloc(1, sizeof *a);
    if (!a) return weir_fail(error, WEIR_NO_MEMORY, "%s: no memory for the writer", name);
    int status = fill_applier(a, handle, name, error);
    if (status != WEIR_OK) { /* the sink stays the caller's */
        weir_applier_free(a);
        return status;
    }
    a->sink = *sink; /* replay knows where it stands */
    a->bell = bell;
    *out = a;
    return WEIR_OK;
}
