/* dead_ring.c - the ring that a former process left: its rows go into the journal by the code
 * that drains a live one. */
#include "../verify/inspect.h"
#include "open.h"
#include "place.h"

int weir_dead_ring_attach(weir_opening *o) {
    char path[WEIR_PATH_MAX];
    int status = weir_place_path(o->w, "ring", path, o->error);
    if (status != WEIR_OK) return status;
    status = weir_ring_attach(&o->dead, o->w->os, o->w->dirfd, path, &o->dead_found, o->error);
    if (status != WEIR_OK || o->dead_found != WEIR_RING_OURS) return status;
    o->has_mark = weir_ring_load_mark(&o->dead, &o->mark);
    o->dead_found = weir_ring_judge(&o->dead);
    return WEIR_OK;
}

/* How many rows of the ring the database has already. Only salvage finds any: otherwise the
 * journal does not end below the database. */
static uint64_t known_rows(const weir_opening *o) {
    const weir_position *applied = &o->ring_position;
    uint64_t known =
        weir_inspection_known_rows(&o->found, o->has_mark ? &o->mark : NULL, applied->row);
    if (known)
        weir_handle_event(o->w, WEIR_EVENT_DAMAGE,
                          "%s/ring: it is older than the database, which has applied up to row "
                          "%llu; its first %llu rows at most are there and are not taken again",
                          o->w->directory, (unsigned long long)applied->row,
                          (unsigned long long)known);
    return known;
}

/* A ring of this boot must be readable up to its tails. After a reboot its pages are what the
 * disk happened to hold; rows that are missing were published, and not durable. */
static void report_unreadable(const weir_opening *o) {
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < o->dead.header.lanes; i++) {
        const weir_lane *lane = &o->dead.lanes[i];
        if (!lane->control) continue; /* never used */
        uint64_t tail = atomic_load_explicit(&lane->control->tail, memory_order_relaxed);
        if (tail > lane->taken) bytes += tail - lane->taken;
    }
    bool same = weir_ring_is_of_this_boot(&o->dead);
    if (!bytes) return;
    weir_handle_event(
        o->w, same ? WEIR_EVENT_DAMAGE : WEIR_EVENT_TORN_TAIL,
        "%s/ring: %llu bytes of published rows are unreadable%s", o->w->directory,
        (unsigned long long)bytes,
        same ? ": something wrote over its ring, or truncated it, since they were published"
             : ": the machine went down before they became durable");
}

const uint8_t *weir_dead_ring_to_drain(const weir_opening *o) {
    const weir_durable_mark *mark = o->has_mark ? &o->mark : NULL;
    bool none = !o->dead.lanes || weir_inspection_is_drained(&o->found, &o->dead.header, mark);
    return none ? NULL : o->dead.header.id;
}

int weir_dead_ring_drain(weir_opening *o) {
    weir *w = o->w;
    weir_drain drain;
    if (!weir_dead_ring_to_drain(o)) return WEIR_OK;
    weir_inspection_skip_drained(&o->found, &o->dead);
    int status = weir_drain_make(&drain, &o->dead, w->journal, WEIR_DRAIN_TARGET,
                                 WEIR_DRAIN_DEAD_RING, o->error);
    drain.known = status == WEIR_OK ? known_rows(o) : 0;
    if (status != WEIR_OK) return status;
    bool appended = true;
    while (status == WEIR_OK && appended)
        status = weir_drain_block(&drain, &appended, o->error);
    if (status == WEIR_OK) status = weir_dead_recorder_drain(o, &drain);
    weir_drain_free(&drain);
    if (status == WEIR_FULL)
        return weir_fail(o->error, WEIR_NO_SPACE,
                         "%s: no room to drain the ring of the process that died; free some space "
                         "and open again: its rows stay where they are",
                         w->directory);
    if (status == WEIR_OK) report_unreadable(o);
    return status;
}
