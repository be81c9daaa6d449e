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

/* The oldest that is kept is 0. */
static const weir_moment *moment_at(const weir_moments *m, size_t i) {
    return &m->list[(m->next + WEIR_MOMENTS - m->count + i) % WEIR_MOMENTS];
}

/* The moment at which row was durable, on a line between the two that were seen around it. */
static weir_moment moment_of_row(const weir_moment *before, const weir_moment *after,
                                 uint64_t row) {
    double part = (double)(row - before->row) / (double)(after->row - before->row);
    return (weir_moment){
        .now_ns = before->now_ns + (uint64_t)(part * (double)(after->now_ns - before->now_ns)),
        .row = row,
        .bytes = before->bytes + (uint64_t)(part * (double)(after->bytes - before->bytes))};
}

weir_lag weir_moments_lag(const weir_moments *m, const weir_sample *sample) {
    weir_lag lag = {.known = sample->durable_known && sample->applied_known};
    uint64_t applied = sample->applied_row;
    if (!lag.known || m->count == 0 || sample->durable_row <= applied) return lag;
    lag.rows = sample->durable_row - applied;
    size_t after = 0; /* the first moment at which a row that waits was durable */
    while (after < m->count - 1 && moment_at(m, after)->row <= applied)
        after++;
    weir_moment since = *moment_at(m, after);
    lag.rows_are_before = after == 0;
    if (after > 0) since = moment_of_row(moment_at(m, after - 1), moment_at(m, after), applied);
    lag.ns = sample->now_ns - since.now_ns;
    lag.bytes = sample->durable_bytes > since.bytes ? sample->durable_bytes - since.bytes : 0;
    return lag;
}

bool weir_same_ring(const weir_sample *a, const weir_sample *b) {
    return a->lane_bytes && b->lane_bytes && weir_id_equal(a->ring, b->ring);
}

double weir_rate(const weir_sample *before, const weir_sample *after, uint64_t from, uint64_t to) {
    if (!weir_same_ring(before, after) || after->now_ns <= before->now_ns || to < from) return 0;
    return (double)(to - from) * 1e9 / (double)(after->now_ns - before->now_ns);
}
