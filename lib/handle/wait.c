/* wait.c - waiting for a level, and looking at how far everything is. */
#include "../base/sized.h"
#include "core.h"

uint64_t weir_deadline(const weir_os *os, uint32_t timeout_ms) {
    return timeout_ms == UINT32_MAX ? UINT64_MAX
                                    : os->now(os->self) + (uint64_t)timeout_ms * 1000000u;
}

bool weir_eventcount_wait(weir *w, weir_eventcount *news, uint32_t seen, uint64_t deadline) {
    uint64_t now = deadline == UINT64_MAX ? 0 : w->os->now(w->os->self);
    if (now >= deadline) return false;
    /* seq_cst against weir_journaler_notify: it counts us, or we see that the word has moved. */
    atomic_fetch_add_explicit(&news->waiters, 1, memory_order_seq_cst);
    (void)w->os->wait(w->os->self, &news->moved, seen,
                      deadline == UINT64_MAX ? UINT64_MAX
                                             : deadline - now); /* we look again anyway */
    atomic_fetch_sub_explicit(&news->waiters, 1, memory_order_seq_cst);
    return true;
}

/* ---- conditions ------------------------------------------------------------------------------ */

/* What is waited for: every lane at or above its target, and for applied also the rows that a
 * former process left. */
typedef struct goal {
    weir_attached *sink;
    weir_level level;
    const uint64_t *targets; /* positions, by lane; 0: nothing to wait for */
    uint32_t lanes, first;   /* lanes first … lanes - 1 */
    uint64_t row;
} goal;

static bool lane_reached(const weir *w, const goal *g, uint32_t lane, uint64_t target) {
    /* Acquire, with the release of the journal thread (head) and of the writer (applied). */
    uint64_t at = g->level == WEIR_DURABLE
                      ? atomic_load_explicit(&w->ring.controls[lane].head, memory_order_acquire)
                      : atomic_load_explicit(&g->sink->lane_applied[lane], memory_order_acquire);
    return at >= target;
}

static bool reached(const weir *w, const goal *g) {
    if (g->level == WEIR_APPLIED &&
        atomic_load_explicit(&g->sink->applied_row, memory_order_acquire) < g->row)
        return false;
    for (uint32_t i = g->first; i < g->lanes; i++)
        if (g->targets[i - g->first] && !lane_reached(w, g, i, g->targets[i - g->first]))
            return false;
    return true;
}

/* Is there a status that will never let the level be reached? */
static int hindrance(const weir *w, const goal *g) {
    int status = weir_gate_status(w, w->generation);
    if (status != WEIR_OK) return status;
    if (g->level != WEIR_APPLIED) return WEIR_OK;
    status = atomic_load_explicit(&g->sink->apply_status, memory_order_acquire);
    bool passing = status == WEIR_BUSY || status == WEIR_IO || status == WEIR_NO_SPACE;
    return passing ? WEIR_OK : status;
}

/* step: 1, or UINT32_MAX for -1. */
static void count_waiter(weir *w, const goal *g, uint32_t step) {
    atomic_fetch_add_explicit(&w->journaler.sync_waiters, step, memory_order_relaxed); /* a hint */
    atomic_fetch_add_explicit(&w->journaler.waiters, step, memory_order_seq_cst);
    if (g->level == WEIR_APPLIED)
        atomic_fetch_add_explicit(&g->sink->want_applied, step, memory_order_seq_cst);
}

static void begin_wait(weir *w, const goal *g) {
    count_waiter(w, g, 1);
    if (g->level == WEIR_DURABLE)
        atomic_fetch_add_explicit(&w->journaler.sync_requests, 1, memory_order_relaxed);
    weir_journaler_wake(&w->journaler);
    if (g->level == WEIR_APPLIED && weir_is_hooked(g->sink))
        g->sink->hooks.notify(g->sink->hooks.self, WEIR_WAKE_ANYWHERE);
}

/* The hindrance is read first: what it has let through before is seen. */
static int look_once(const weir *w, const goal *g) {
    int in_the_way = hindrance(w, g);
    if (reached(w, g)) return WEIR_OK;
    return in_the_way == WEIR_OK ? WEIR_PENDING : in_the_way;
}

static int wait_for(weir *w, const goal *g, uint32_t timeout_ms) {
    if (reached(w, g)) return WEIR_OK;
    if (timeout_ms == 0) return look_once(w, g);
    uint64_t deadline = weir_deadline(w->os, timeout_ms);
    bool applied = g->level == WEIR_APPLIED;
    weir_eventcount *news = applied ? &w->journaler.applied : &w->journaler.durable;
    int status = WEIR_PENDING;
    bool more = true;
    begin_wait(w, g);
    while (status == WEIR_PENDING && more) {
        uint32_t seen = atomic_load_explicit(&news->moved, memory_order_seq_cst);
        int in_the_way = hindrance(w, g);
        if (reached(w, g))
            status = WEIR_OK;
        else if (in_the_way != WEIR_OK)
            status = in_the_way;
        else
            more = weir_eventcount_wait(w, news, seen, deadline);
    }
    count_waiter(w, g, UINT32_MAX);
    return status;
}

/* The event told the reason when it happened; this names the level that is out of reach. */
static int explain(weir *w, const goal *g, int status) {
    weir_error error;
    if (status >= 0) return status;
    (void)weir_fail(&error, status, "%s: rows cannot become %s: %s", w->directory,
                    g->level == WEIR_DURABLE ? "durable" : "applied", weir_status_text(status));
    return weir_publish_error(&error);
}

/* ---- the public API -------------------------------------------------------------------------- */

static int sync_inside(weir *w, weir_attached *s, weir_level level, uint32_t timeout_ms) {
    uint64_t targets[WEIR_LANES_LIMIT];
    /* Appends that returned before this call are ordered before it by the program itself (it
     * could not know otherwise), and each tail is read with acquire. */
    uint32_t lanes = atomic_load_explicit(&w->ring.ready, memory_order_acquire);
    for (uint32_t i = 0; i < lanes; i++)
        targets[i] = atomic_load_explicit(&w->ring.controls[i].tail, memory_order_acquire);
    goal g = {s, level, targets, lanes, 0, w->opened_row};
    return explain(w, &g, wait_for(w, &g, timeout_ms));
}

static const char no_level[] = "level is none of WEIR_PUBLISHED, WEIR_DURABLE, WEIR_APPLIED";

int weir_sync(weir *w, weir_level level, uint32_t timeout_ms) {
    static const char call[] = "weir_sync";
    int held;
    if (!w) return weir_misuse(call, "w is NULL");
    if (level > WEIR_APPLIED) return weir_misuse(call, no_level);
    int status = weir_call_enter(w, WEIR_CALL_EVEN_STOPPED, &held);
    if (status != WEIR_OK) return weir_refuse(call, status);
    if (level != WEIR_PUBLISHED) status = sync_inside(w, &w->sinks[0], level, timeout_ms);
    weir_call_exit(w, held);
    return status;
}

int weir_wait(weir *w, weir_ticket ticket, weir_level level, uint32_t timeout_ms) {
    static const char call[] = "weir_wait";
    int held;
    if (!w) return weir_misuse(call, "w is NULL");
    if (level > WEIR_APPLIED) return weir_misuse(call, no_level);
    int status = weir_call_enter(w, WEIR_CALL_EVEN_STOPPED, &held);
    if (status != WEIR_OK) return weir_refuse(call, status);
    goal g = {&w->sinks[0], level, &ticket.position, ticket.lane + 1, ticket.lane, 0};
    if (ticket.generation != w->generation || ticket.lane >= w->options.lanes_max)
        status = weir_misuse(call, "ticket is not of a row of this handle");
    else if (level != WEIR_PUBLISHED)
        status = explain(w, &g, wait_for(w, &g, timeout_ms));
    weir_call_exit(w, held);
    return status;
}

static int wait_for_sink(weir *w, weir_attached *s, const weir_ticket *ticket,
                         uint32_t timeout_ms) {
    if (!ticket) return sync_inside(w, s, WEIR_APPLIED, timeout_ms);
    goal g = {s, WEIR_APPLIED, &ticket->position, ticket->lane + 1, ticket->lane, 0};
    if (ticket->generation != w->generation || ticket->lane >= w->options.lanes_max)
        return weir_misuse("weir_wait_sink", "ticket is not of a row of this handle");
    return explain(w, &g, wait_for(w, &g, timeout_ms));
}

int weir_wait_sink(weir *w, const char *name, const weir_ticket *ticket, uint32_t timeout_ms) {
    static const char call[] = "weir_wait_sink";
    int held;
    if (!w || !name) return weir_misuse(call, w ? "name is NULL" : "w is NULL");
    int status = weir_call_enter(w, WEIR_CALL_EVEN_STOPPED, &held);
    if (status != WEIR_OK) return weir_refuse(call, status);
    weir_attached *s = weir_find_attached(w, name);
    status = s ? wait_for_sink(w, s, ticket, timeout_ms) : weir_refuse_sink(call, name);
    weir_call_exit(w, held);
    return status;
}

void weir_count_published(const weir *w, struct weir_stats *out) {
    uint32_t lanes = atomic_load_explicit(&w->ring.ready, memory_order_acquire);
    for (uint32_t i = 0; i < lanes; i++) {
        out->rows_published += atomic_load_explicit(&w->lanes[i].rows, memory_order_relaxed);
        out->bytes_published +=
            atomic_load_explicit(&w->ring.controls[i].tail, memory_order_relaxed);
    }
    out->lanes = weir_ring_owned(&w->ring);
}

static void count_journal(const weir *w, struct weir_stats *out) {
    weir_journal_counts counts;
    weir_journal_get_counts(w->journal, &counts);
    out->last_row = counts.durable_row;
    out->rows_durable = counts.durable_row - w->base_row;
    out->bytes_durable = counts.bytes_written;
    out->journal_bytes = counts.bytes;
    out->syncs = counts.syncs;
    out->sync_ns_total = counts.sync_ns_total;
    out->sync_ns_max = counts.sync_ns_max;
    out->rows_passed = counts.rows_passed;
}

static void count_applied(const weir *w, struct weir_stats *out) {
    const weir_attached *s = &w->sinks[0];
    out->rows_applied = atomic_load_explicit(&s->rows_applied, memory_order_relaxed);
    out->rows_rejected = atomic_load_explicit(&s->rows_rejected, memory_order_relaxed);
    out->rows_ignored = atomic_load_explicit(&s->rows_ignored, memory_order_relaxed);
    out->rows_deleted = atomic_load_explicit(&s->rows_deleted, memory_order_relaxed);
    out->keeps_suspended = atomic_load_explicit(&s->keeps_suspended, memory_order_relaxed);
    out->transactions = atomic_load_explicit(&s->transactions, memory_order_relaxed);
    out->wal_bytes = atomic_load_explicit(&s->wal_bytes, memory_order_relaxed);
    out->apply_status = atomic_load_explicit(&s->apply_status, memory_order_relaxed);
    out->last_row_applied = atomic_load_explicit(&s->applied_row, memory_order_acquire);
    out->rows_recovered = w->opened_row - s->start.row;
}

void weir_count_stats(weir *w, struct weir_stats *out) {
    out->log_dropped = atomic_load_explicit(&w->log_dropped, memory_order_relaxed);
    out->log_failed = atomic_load_explicit(&w->log_failed, memory_order_relaxed);
    out->rows_refused = atomic_load_explicit(&w->refused, memory_order_relaxed);
    count_applied(w, out);
    count_journal(w, out);
    if (out->last_row > out->last_row_applied)
        out->lag_rows = out->last_row - out->last_row_applied;
}

int weir_stats_sized(weir *w, struct weir_stats *out, size_t out_bytes) {
    static const char call[] = "weir_stats";
    int held;
    if (!w || !out) return weir_misuse(call, w ? "out is NULL" : "w is NULL");
    int status = weir_call_enter(w, WEIR_CALL_EVEN_STOPPED, &held);
    if (status != WEIR_OK) return weir_refuse(call, status);
    struct weir_stats s = {0};
    weir_count_published(w, &s);
    weir_count_stats(w, &s);
    weir_sized_give(out, out_bytes, &s, sizeof s);
    weir_call_exit(w, held);
    return WEIR_OK;
}
