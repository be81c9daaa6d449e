/* ring_inspect.c - what the tool says of a ring, without changing it. */
#include "ring.h"

static uint64_t drained_to(const weir_ring *ring, const weir_drained *drained, uint32_t lane) {
    for (uint32_t i = 0; drained && i < drained->count; i++)
        if (drained->marks[i].lane == lane && weir_id_equal(drained->ring, ring->header.id))
            return drained->marks[i].position;
    return 0;
}

/* The record, and the rest of its batch if it begins one: how many rows that makes. False when one
 * of them is not valid: then none of the batch will be taken. */
static bool read_whole(const weir_lane *lane, uint64_t at, uint64_t tail, weir_record *record,
                       uint64_t *rows) {
    bool valid = weir_lane_read(lane, at, tail, record);
    *rows = valid && record->kind != WEIR_RECORD_DECLARATION;
    for (; valid && record->kind == WEIR_RECORD_ROW_CONTINUED; ++*rows)
        valid = weir_lane_read_batch(lane, at, tail, record);
    return valid;
}

bool weir_ring_inspect_lane(const weir_ring *ring, uint32_t index, const weir_drained *drained,
                            weir_lane_report *out) {
    weir_lane *lane = &ring->lanes[index];
    if (!lane->control) return false; /* never used */
    uint64_t tail = atomic_load_explicit(&lane->control->tail, memory_order_acquire);
    uint64_t at = drained_to(ring, drained, index);
    if (lane->taken > at) at = lane->taken;
    *out = (weir_lane_report){.tail = tail, .head = at};
    weir_record record;
    uint64_t rows;
    for (; lane->data && at < tail && read_whole(lane, at, tail, &record, &rows);
         at = record.next) {
        out->rows += rows;
        out->bytes += record.next - at;
    }
    if (at < tail) out->unreadable_bytes = tail - at;
    return true;
}

static void add_lane(weir_ring_report *out, const weir_lane_report *lane) {
    out->rows += lane->rows;
    out->bytes += lane->bytes;
    out->unreadable_bytes += lane->unreadable_bytes;
    out->lanes_used++;
}

/* Stays attached when it is ours. */
static int attach_and_identify(weir_ring *ring, const weir_os *os, int dirfd, const char *path,
                               weir_ring_report *out, weir_error *error) {
    *out = (weir_ring_report){0};
    int status = weir_ring_attach(ring, os, dirfd, path, &out->found, error);
    out->newer = ring->newer;
    if (status != WEIR_OK || out->found != WEIR_RING_OURS) return status;
    out->header = ring->header;
    out->same_boot = weir_ring_is_of_this_boot(ring);
    out->has_mark = weir_ring_load_mark(ring, &out->mark);
    out->found = weir_ring_judge(ring);
    return WEIR_OK;
}

int weir_ring_identify(const weir_os *os, int dirfd, const char *path, weir_ring_report *out,
                       weir_error *error) {
    weir_ring ring;
    int status = attach_and_identify(&ring, os, dirfd, path, out, error);
    if (status == WEIR_OK && weir_ring_is_ours(out->found)) weir_ring_close(&ring);
    return status;
}

int weir_ring_inspect(const weir_os *os, int dirfd, const char *path, const weir_drained *drained,
                      weir_ring_report *out, weir_error *error) {
    weir_ring ring;
    int status = attach_and_identify(&ring, os, dirfd, path, out, error);
    if (status != WEIR_OK || !weir_ring_is_ours(out->found)) return status;
    weir_lane_report lane;
    for (uint32_t i = 0; i < ring.header.lanes; i++)
        if (weir_ring_inspect_lane(&ring, i, drained, &lane)) add_lane(out, &lane);
    weir_ring_close(&ring);
    return WEIR_OK;
}
