/* applier_report.c - what the writer tells of its work: troubles and their end, rows applied, positions that
 * moved. */
#include "applier_state.h"

#define MS ((uint64_t)1000000)
/* So long after another connection had the lock it is taken to be writing: applier_step.c leaves it gaps. */
#define SHARED_NS (10000 * MS)

/* ---- backoff --------------------------------------------------------------------------------- */

bool weir_applier_passes(int status) {
    return status == WEIR_BUSY || status == WEIR_IO || status == WEIR_NO_SPACE ||
           status == WEIR_NO_MEMORY;
}

static weir_event trouble_event(int status) {
    if (weir_applier_passes(status)) return WEIR_EVENT_APPLY_WAITS;
    return status == WEIR_DAMAGED ? WEIR_EVENT_DAMAGE : WEIR_EVENT_APPLY_STOPPED;
}

static void tell_trouble(weir_applier *a, int status, const char *text) {
    weir_handle_event(a->handle, trouble_event(status), "%s: %s; rows wait in the journal", a->name,
                      weir_text_after_name(text, a->name));
    /* A lack of memory passes by itself. The handle takes WEIR_IO for a status that does. */
    weir_handle_apply_status(a->attached, status == WEIR_NO_MEMORY ? WEIR_IO : status);
    a->backoff.told = a->backoff.told_any = true;
}

/* That another connection has the lock is normal, and is told only when it lasts. What needs
 * somebody to act is tried again every few seconds, in case they have acted. */
void weir_applier_wait(weir_applier *a, int status, const weir_error *error) {
    uint64_t at = weir_applier_now(a);
    weir_applier_backoff *t = &a->backoff;
    if (t->status != status) *t = (weir_applier_backoff){status, at, 0, false, t->told_any};
    if (status == WEIR_BUSY) {
        a->shared_until = at + SHARED_NS;
        t->pause = weir_double_up(t->pause, 1 * MS, 50 * MS);
    } else {
        t->pause = weir_double_up(t->pause, 100 * MS, 5000 * MS);
    }
    a->not_before = at + t->pause;
    if (!t->told && (status != WEIR_BUSY || at - t->since >= 1000 * MS))
        tell_trouble(a, status, error->text);
}

void weir_applier_goes_on(weir_applier *a) {
    bool told = a->backoff.told_any;
    a->backoff = (weir_applier_backoff){0};
    if (!told) return;
    weir_handle_apply_status(a->attached, WEIR_OK);
    weir_handle_event(a->handle, WEIR_EVENT_APPLY_RESUMED, "%s: rows are being applied again",
                      a->name);
}

/* ---- reporting ------------------------------------------------------------------------------- */

/* A server that lacks what was safe there needs the segments again that it has not: they must not go for
 * the sake of others. Should that not be noted now, it is by the next report. */
static void note_going_back(weir_applier *a) {
    if (!a->sink.remote || a->position.block >= a->recorded) return;
    if (weir_handle_went_back(a->attached, &a->position, NULL) == WEIR_OK)
        a->recorded = a->position.block;
}

void weir_applier_report(weir_applier *a, const weir_replay_result *r) {
    a->carry.rows += r->counts.rows;
    a->carry.rejected += r->counts.rejected;
    a->carry.ignored += r->counts.ignored;
    a->position = r->position;
    a->row = r->position.row;
    a->applied = r->position.block;
    note_going_back(a);
    if (r->counts.rejected)
        weir_handle_event(
            a->handle, WEIR_EVENT_REJECTED,
            "%s: %llu of the rows up to number %llu were refused; see the table weir_reject",
            a->name, (unsigned long long)r->counts.rejected, (unsigned long long)a->row);
    if (r->counts.mended)
        weir_handle_event(a->handle, WEIR_EVENT_TABLE_MENDED,
                          "%s: %s; if it was renamed or dropped, declare what takes its place",
                          a->name, r->counts.mended);
    if (!r->last.block) return; /* no block is complete: the handle counts by blocks */
    /* What comes after this block is younger, and older than nothing that waited when it came. */
    if (r->last.wall_ns > a->waiting_since) a->waiting_since = r->last.wall_ns;
    weir_handle_waiting(a->attached, a->waiting_since);
    weir_handle_applied(a->attached, &r->last, &r->payload, a->carry.rows, a->carry.rejected,
                        a->carry.ignored, r->counts.wal_bytes);
    a->carry = (weir_sink_counts){0};
}

/* The server's position is elsewhere in this journal. Rows that were told as applied stay told: they
 * are applied again, and only the event says that they were gone. */
void weir_applier_report_move(weir_applier *a, const weir_replay_move *m) {
    unsigned long long from = m->from.row, to = m->to.row;
    if (!m->is) return;
    if (from > to)
        weir_handle_event(
            a->handle, WEIR_EVENT_POSITION_MOVED,
            "%s: it has gone back from row %llu to row %llu, as where an older copy of "
            "it was made the server; the rows between are applied again",
            a->name, from, to);
    else if (from < to) /* blocks without rows are no news */
        weir_handle_event(a->handle, WEIR_EVENT_POSITION_MOVED,
                          "%s: it has moved on from row %llu to row %llu, which another process or "
                          "a commit without an answer has applied; applying goes on there",
                          a->name, from, to);
    if (a->seen > m->to.block) a->seen = m->to.block;
    if (a->checkpointed > m->to.block) a->checkpointed = m->to.block;
}
