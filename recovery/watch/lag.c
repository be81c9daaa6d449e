/* lag.c - how far the database is behind, from the moments at which rows were seen to be durable. */
#include <string.h>

#include "sample.h"

void weir_moments_forget(weir_moments *m) { m->count = m->next = 0; }

void weir_moments_add(weir_moments *m, const weir_sample *sample) {
    if (!sample->durable_known) return;
    m->list[m->next].now_ns = sample->now_ns;
    m->list[m->next].row = sample->durable_row;
    m->list[m->next].bytes = sample->durable_bytes;
    m->next = (m->next + 1) % WEIR_MOMENTS;
    if (m->count < WEIR_MOMENTS) m->count++;
}

weir_lag weir_moments_lag(const weir_moments *m, const weir_sample *sample) {
    weir_lag lag = {.known = sample->durable_known && sample->applied_known};
    if (!lag.known || sample->durable_row <= sample->applied_row) return lag;
    lag.rows = sample->durable_row - sample->applied_row;
    lag.rows_are_before = true;
    size_t at = (m->next + WEIR_MOMENTS - m->count) % WEIR_MOMENTS; /* the oldest */
    uint64_t since = sample->now_ns, from = sample->durable_bytes;
    for (size_t i = 0; i < m->count; i++, at = (at + 1) % WEIR_MOMENTS) {
        if (i > 0 && m->list[at].row > sample->applied_row) break;
        lag.rows_are_before = m->list[at].row > sample->applied_row;
        since = m->list[at].now_ns;
        from = m->list[at].bytes;
    }
    lag.ns = sample->now_ns - since;
    lag.bytes = sample->durable_bytes > from ? sample->durable_bytes - from : 0;
    return lag;
}

bool weir_same_ring(const weir_sample *a, const weir_sample *b) {
    return a->lane_bytes && b->lane_bytes && weir_id_equal(a->ring, b->ring);
}

double weir_rate(const weir_sample *before, const weir_sample *after, uint64_t from, uint64_t to) {
    if (!weir_same_ring(before, after) || after->now_ns <= before->now_ns || to < from) return 0;
    return (double)(to - from) * 1e9 / (double)(after->now_ns - before->now_ns);
}
