/* applier_step.c - when the writer applies, waits, hardens and releases. */
#include "applier_state.h"

#define MS ((uint64_t)1000000)

enum {
    ROWS_DUE = 65536, /* so many waiting rows make a large transaction: no need to linger */
    WAL_CHECKPOINT = 16 << 20, /* a larger -wal file costs memory and time, and gives little */
    WAL_TRUCE = 256 << 20,     /* one that is so large has not begun anew for long */
};
/* After so long without a transaction, what was applied is checkpointed, and the thread then sleeps. */
#define IDLE_CHECKPOINT_NS (1000 * MS)
/* The longest pause between two hardenings that a reader keeps from completing. */
#define REFUSED_CHECKPOINT_NS (60000 * MS)

/* Other connections write tables of their own. SQLite's write lock has no queue: a connection that
 * waits for it tries again, at worst every 100 ms. While another connection is known to write, the
 * writer leaves a gap after each transaction. Otherwise it leaves now and then a gap that is long
 * enough for any connection that waits. */
#define GAP_LEAST_NS (2 * MS)
#define GAP_MOST_NS (50 * MS)
#define FAIRNESS_EVERY_NS (4000 * MS)
#define FAIRNESS_PAUSE_NS (105 * MS)

/* The -wal file begins anew only when all of it is copied into the database and no reader needs
 * it. Readers that take turns, as replicators do, each begin before the last one has ended: as
 * long as something is written between two turns, one of them always needs the file. So when the
 * file has grown large, nothing is written for a while, which is long enough for two turns of a
 * second each. */
#define TRUCE_NS (2500 * MS)
#define TRUCE_STEP_NS (100 * MS)

/* ---- hardening ------------------------------------------------------------------------------- */

/* What was applied since the last hardening may be lost: rows may have to be applied once more. */
static void begin_anew(weir_applier *a) {
    weir_replay_forget(a->replay);
    a->seen = a->checkpointed;
    a->row = 0; /* not known */
}

/* Make what is applied safe in the database itself, and release it from the journal. wal_bytes:
 * size of the -wal file, as far as the caller knows. */
static void checkpoint_applied(weir_applier *a, uint64_t wal_bytes) {
    weir_error error = {0};
    uint64_t safe = 0;
    int status = a->sink.checkpoint(a->sink.self, a->applied, &safe, &error);
    if (status == WEIR_SINK_REOPENED) {
        begin_anew(a);
        return;
    }
    if (status == WEIR_OK && safe > a->checkpointed) {
        status = weir_handle_release(a->attached, safe, &a->position, &error);
        if (status == WEIR_OK) a->checkpointed = a->recorded = safe;
        weir_journaler_wake(weir_handle_journaler(a->handle)); /* it may wait for the space */
    }
    bool whole = status == WEIR_OK && safe == a->applied;
    a->swept &= !whole;
    a->checkpoint_pause =
        whole ? 0 : weir_double_up(a->checkpoint_pause, IDLE_CHECKPOINT_NS, REFUSED_CHECKPOINT_NS);
    /* By then the reader that was in the way is likely gone. */
    a->checkpoint_wal = whole ? WAL_CHECKPOINT : wal_bytes + WAL_CHECKPOINT;
    a->quiet_since = weir_applier_now(a);
    a->checkpoint_at = a->quiet_since + (whole ? IDLE_CHECKPOINT_NS : a->checkpoint_pause);
    if (status == WEIR_OK && !a->behind_since) weir_applier_goes_on(a);
    if (status < 0 && status != WEIR_BUSY && !a->backoff.told) weir_applier_wait(a, status, &error);
}

/* Is the journal kept from releasing segments for want of a newer position? Older segments may hold
 * nothing but blocks without rows, as openings leave them. They can go once the position is after
 * them, and no row moves it there. So can a large segment when the journal is closed. */
static bool holds_up(const weir_applier *a, const weir_journal_state *s) {
    uint64_t segment_bytes = weir_handle_options(a->handle)->segment_bytes;
    bool leaves = weir_applier_is_stopping(a) && weir_journal_is_worth_shrinking(s, segment_bytes);
    return (s->segments > 1 || leaves) && weir_replay_unsettled(a->replay);
}

/* Move the position over such blocks. */
static void settle(weir_applier *a, const weir_journal_state *s) {
    weir_replay_result result;
    int status = holds_up(a, s) ? weir_replay_settle(a->replay, &result, NULL) : WEIR_PENDING;
    if (status < 0 && !weir_replay_knows(a->replay)) a->seen = a->checkpointed; /* a step asks */
    if (status != WEIR_OK) return;
    weir_applier_report_move(a, &result.moved);
    weir_applier_report(a, &result);
}

static uint64_t checkpoint_when_quiet(weir_applier *a, const weir_journal_state *s, uint64_t at) {
    uint64_t pause = a->checkpoint_pause ? a->checkpoint_pause : IDLE_CHECKPOINT_NS;
    if (a->checkpointed == a->applied && !a->swept && !holds_up(a, s)) return UINT64_MAX;
    if (at - a->quiet_since < pause) return a->quiet_since + pause - at;
    settle(a, s);
    /* A checkpoint with nothing to copy is not harmless: DURABILITY.md, on the WAL-reset race. */
    if (a->checkpointed < a->applied || a->swept) checkpoint_applied(a, 0);
    if (holds_up(a, s)) { /* another connection has the database locked */
        a->checkpoint_pause =
            weir_double_up(a->checkpoint_pause, IDLE_CHECKPOINT_NS, REFUSED_CHECKPOINT_NS);
        return a->checkpoint_pause;
    }
    return a->checkpointed == a->applied && !a->swept ? UINT64_MAX : a->checkpoint_pause;
}

/* ---- applying -------------------------------------------------------------------------------- */

/* How long to leave the write lock to others after a transaction; a server has a queue for its. */
static uint64_t gap_for_others(weir_applier *a, uint64_t began, uint64_t ended) {
    if (a->sink.remote) return 0;
    if (ended < a->shared_until) {
        uint64_t gap = (ended - began) / 4;
        return gap < GAP_LEAST_NS ? GAP_LEAST_NS : gap < GAP_MOST_NS ? gap : GAP_MOST_NS;
    }
    if (ended - a->fairness_at < FAIRNESS_EVERY_NS) return 0;
    a->fairness_at = ended + FAIRNESS_PAUSE_NS;
    return FAIRNESS_PAUSE_NS;
}

/* ---- readers that take turns ----------------------------------------------------------------- */

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
        a->truce = (weir_applier_truce){.bytes = WAL_TRUCE};
    } else if (wal_bytes >= a->truce.bytes) {
        if (a->truce.bytes > WAL_TRUCE) tell_of_growth(a, wal_bytes); /* the last was in vain */
        a->truce.bytes = wal_bytes * 2;
        a->truce.until = weir_applier_now(a) + TRUCE_NS;
    }
}

/* Nothing is applied. What is not copied into the database yet may be once the readers move on. */
static uint64_t keep_truce(weir_applier *a, uint64_t at) {
    if (at >= a->truce.next && a->checkpointed < a->applied) {
        checkpoint_applied(a, a->truce.bytes / 2);
        a->truce.next = at + TRUCE_STEP_NS;
    }
    bool again = a->checkpointed < a->applied && a->truce.next < a->truce.until;
    uint64_t end = again ? a->truce.next : a->truce.until;
    return end > at ? end - at : 0;
}

/* While rows come without a break, segments must go all the same. */
static bool is_checkpoint_due(const weir_applier *a, uint64_t wal_bytes) {
    if (!a->sink.remote) return wal_bytes >= a->checkpoint_wal;
    return a->applied > a->checkpointed && a->quiet_since >= a->checkpoint_at;
}

static void after_transaction(weir_applier *a, const weir_replay_result *r, uint64_t began) {
    weir_applier_goes_on(a);
    weir_applier_report_move(a, &r->moved);
    weir_applier_report(a, r);
    a->quiet_since = weir_applier_now(a);
    weir_handle_took(a->attached, a->quiet_since - began);
    a->not_before = a->quiet_since + gap_for_others(a, began, a->quiet_since);
    if (is_checkpoint_due(a, r->counts.wal_bytes)) checkpoint_applied(a, r->counts.wal_bytes);
    watch_growth(a, r->counts.wal_bytes);
}

/* Nothing waited before, so what waits now is from about now. */
static void begin_to_wait(weir_applier *a, uint64_t at) {
    a->behind_since = at;
    a->waiting_since = a->os->wall(a->os->self);
    weir_handle_waiting(a->attached, a->waiting_since);
}

static void caught_up(weir_applier *a, const weir_position *position, uint64_t durable) {
    weir_applier_goes_on(a); /* asking for the position, too, may have been in vain */
    a->position = *position;
    a->applied = position->block;
    a->row = position->row;
    a->seen = durable;
    a->behind_since = 0;
    weir_handle_passed(a->attached, a->row);
    weir_handle_waiting(a->attached, 0);
    a->fairness_at = weir_applier_now(a);
}

/* The last block that may be applied. What a database file has, an opening does not write again. A server
 * may be out of reach then, so it gets only what the journal vouches for by itself. */
static uint64_t applicable(const weir_applier *a, const weir_journal_state *s) {
    return a->sink.remote ? s->vouched : s->durable.block;
}

/* Apply one transaction. durable: the last block that may be applied. */
static void apply_once(weir_applier *a, uint64_t durable) {
    weir_error error = {0};
    weir_replay_result result;
    weir_replay_limits limits = WEIR_REPLAY_ALL;
    if (a->sink.remote) limits.last_block = durable;
    uint64_t began = weir_applier_now(a);
    int status = weir_replay_step(a->replay, &limits, &result, &error);
    if (status == WEIR_OK)
        after_transaction(a, &result, began);
    else if (status == WEIR_PENDING)
        caught_up(a, &result.position, durable);
    else
        weir_applier_wait(a, status, &error);
    if (status == WEIR_OK && result.position.block >= durable)
        caught_up(a, &result.position, result.position.block);
}

static bool is_due(weir_applier *a, const weir_journal_state *s, uint64_t at) {
    return s->durable.row - a->row >= ROWS_DUE || at - a->behind_since >= a->linger ||
           weir_handle_wants_applied(a->attached);
}

/* ---- retention ------------------------------------------------------------------------------- */

static void report_retained(weir_applier *a, const weir_sink_retained *r) {
    if (r->trouble)
        weir_handle_event(a->handle, WEIR_EVENT_KEEP_FAILS, "%s: %s", a->name, r->trouble);
    if (r->suspended) weir_handle_keep_suspended(a->attached);
    if (r->rows) weir_handle_deleted(a->attached, r->rows, r->wal_bytes);
}

/* Let the sink delete old rows. Its troubles are told, and keep no row from being applied. Returns
 * the nanoseconds until it has something to do again; 0: at once. */
static uint64_t retain(weir_applier *a, uint64_t began) {
    weir_error error = {0};
    weir_sink_retained r = {0};
    if (!a->sink.retain) return UINT64_MAX;
    int status = a->sink.retain(a->sink.self, &r, &error);
    if (status == WEIR_SINK_REOPENED) begin_anew(a);
    report_retained(a, &r);
    if (!r.rows) return r.pause_ns;
    a->swept = true;
    a->quiet_since = weir_applier_now(a);
    a->not_before = a->quiet_since + gap_for_others(a, began, a->quiet_since);
    if (r.wal_bytes >= a->checkpoint_wal) checkpoint_applied(a, r.wal_bytes);
    watch_growth(a, r.wal_bytes);
    return 0;
}

static uint64_t sooner(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* ---- stopping -------------------------------------------------------------------------------- */

static uint64_t finish_applying(weir_applier *a, const weir_journal_state *s, bool behind) {
    if (!behind) settle(a, s);
    if (a->applied > a->checkpointed) checkpoint_applied(a, 0);
    behind |= a->seen < applicable(a, s);
    a->left = a->seen < s->durable.block && a->row < s->durable.row;
    /* Should the database be locked, it only does not know that nothing waits. */
    if (!behind && weir_handle_is_emptied(a->handle)) (void)weir_replay_rest(a->replay, NULL);
    a->done = true;
    return 0;
}

/* Apply what is durable. What may pass is waited for until the deadline, in short steps. */
static uint64_t step_to_the_end(weir_applier *a, const weir_journal_state *s, bool behind,
                                uint64_t at) {
    bool hopeless = a->backoff.status != WEIR_OK && !weir_applier_passes(a->backoff.status);
    if (!behind || hopeless || at >= a->deadline) return finish_applying(a, s, behind);
    apply_once(a, applicable(a, s));
    if (a->backoff.status == WEIR_OK) return 0;
    return sooner(sooner(a->backoff.pause, 10 * MS), a->deadline - at);
}

/* ---- the step -------------------------------------------------------------------------------- */

uint64_t weir_applier_step(weir_applier *a) {
    weir_journal_state s;
    weir_handle_linger(a->attached, 0);
    /* Asked before the state of the journal: nothing becomes durable after the stop. */
    bool stopping = weir_applier_is_stopping(a);
    weir_journal_get_state(a->journal, &s);
    uint64_t at = weir_applier_now(a);
    bool behind = applicable(a, &s) > a->seen;
    if (behind && !a->behind_since) begin_to_wait(a, at);
    if (stopping) return step_to_the_end(a, &s, behind, at);
    if (at < a->truce.until) return keep_truce(a, at);
    if (at < a->not_before) return a->not_before - at;
    bool due = behind && is_due(a, &s, at);
    uint64_t pause = due && a->retained ? UINT64_MAX : retain(a, at); /* they take turns */
    a->retained = due && pause == 0;
    if (pause == 0) return 0;
    if (!behind) return sooner(pause, checkpoint_when_quiet(a, &s, at));
    if (!due) {
        weir_handle_linger(a->attached, a->row + ROWS_DUE);
        return sooner(pause, a->behind_since + a->linger - at);
    }
    apply_once(a, applicable(a, &s));
    return 0;
}

void weir_applier_begin(weir_applier *a) {
    weir_position start = weir_handle_start(a->attached);
    a->linger = weir_handle_options(a->handle)->apply_linger_ms * MS;
    a->checkpoint_wal = WAL_CHECKPOINT;
    a->row = start.row;
    a->applied = a->recorded = start.block;
    a->quiet_since = a->fairness_at = weir_applier_now(a);
}
