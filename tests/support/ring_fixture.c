#include "ring_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/format/row_encode.h"

void *ring_memory(size_t bytes) {
    size_t whole = (bytes + WEIR_CACHE_LINE - 1) / WEIR_CACHE_LINE * WEIR_CACHE_LINE;
    void *memory = aligned_alloc(WEIR_CACHE_LINE, whole);
    if (memory) memset(memory, 0, whole);
    return memory;
}

void ring_make(ring_fixture *f, const weir_os *os, uint32_t lanes, uint64_t lane_bytes) {
    weir_ring_header wanted = {.id = {1, 2, 3},
                               .journal = {9},
                               .lanes = lanes,
                               .lane_bytes = lane_bytes,
                               .process = getpid()};
    weir_error error;
    if (!f->directory[0]) (void)snprintf(f->directory, sizeof f->directory, "%s", weir_temp_make());
    (void)snprintf(f->path, sizeof f->path, "%s/ring", f->directory);
    if (weir_ring_create(&f->ring, os, WEIR_OS_CWD, f->path, &wanted, f->lanes, &error) != WEIR_OK)
        fail_msg("%s", error.text);
}

void ring_release(ring_fixture *f) {
    if (f->ring.map) weir_ring_close(&f->ring);
    weir_temp_remove(f->directory);
    f->directory[0] = '\0';
}

int ring_set_up(void **state) {
    ring_fixture *f = ring_memory(sizeof *f);
    if (!f) return -1;
    ring_make(f, weir_os_posix(), RING_LANES, RING_LANE_BYTES);
    *state = f;
    return 0;
}

int ring_tear_down(void **state) {
    ring_release(*state);
    free(*state);
    return 0;
}

void ring_provision(ring_fixture *f, uint32_t lanes) {
    weir_error error;
    for (uint32_t i = 0; i < lanes; i++)
        assert_int_equal(weir_ring_provision(&f->ring, &error), WEIR_OK);
}

void ring_put_at(weir_lane *lane, weir_value value, uint64_t epoch) {
    uint8_t *body = weir_lane_at(lane, lane->tail) + WEIR_RECORD_HEAD;
    size_t bytes = (size_t)(weir_row_encode(body, 1, &value, 1) - body);
    weir_record_seal(lane, lane->tail, bytes, epoch, WEIR_RECORD_ROW);
    weir_lane_publish(lane, lane->tail + weir_record_bytes(bytes));
}

void ring_put(ring_fixture *f, uint32_t lane, weir_value value) {
    weir_lane *l = &f->lanes[lane];
    ring_put_at(l, value, weir_ring_stamp(&f->ring, l, false));
}

void ring_put_batch(ring_fixture *f, uint32_t lane, int64_t first, int64_t rows) {
    weir_lane *l = &f->lanes[lane];
    uint64_t epoch = weir_ring_stamp(&f->ring, l, false), tail = l->tail;
    for (int64_t n = first; n < first + rows; n++) {
        weir_value value = weir_int(n);
        uint8_t *body = weir_lane_at(l, tail) + WEIR_RECORD_HEAD;
        size_t bytes = (size_t)(weir_row_encode(body, 1, &value, 1) - body);
        bool last = n + 1 == first + rows;
        weir_record_seal(l, tail, bytes, epoch, last ? WEIR_RECORD_ROW : WEIR_RECORD_ROW_CONTINUED);
        tail += weir_record_bytes(bytes);
    }
    weir_lane_publish(l, tail);
}
