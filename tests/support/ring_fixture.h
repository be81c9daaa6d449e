/* ring_fixture.h - a ring in a directory of its own, and the lanes that go with it. Tear-down closes and
 * removes what is there. */
#ifndef WEIR_TESTS_RING_FIXTURE_H
#define WEIR_TESTS_RING_FIXTURE_H

#include "lib/ring/ring.h"
#include "support.h"

enum { RING_LANES = 6, RING_LANE_BYTES = 1 << 16 };

typedef struct ring_fixture {
    weir_lane lanes[RING_LANES];
    weir_ring ring; /* without map: closed */
    char directory[96], path[112];
} ring_fixture;

/* *state is a ring_fixture with a ring, no lane of which is ready yet. */
int ring_set_up(void **state);
int ring_tear_down(void **state);
#define RING_TEST(name) cmocka_unit_test_setup_teardown(name, ring_set_up, ring_tear_down)

/* For fixtures that have a ring among other things: make it with so many lanes, with what the table
 * does; close it, once or more. */
void ring_make(ring_fixture *f, const weir_os *os, uint32_t lanes, uint64_t lane_bytes);
void ring_release(ring_fixture *f);
/* Memory for a fixture with lanes in it, aligned as they are, and zero. free. */
void *ring_memory(size_t bytes);

/* The first lanes become ready. */
void ring_provision(ring_fixture *f, uint32_t lanes);

/* A row of one value, in the table of number 1, as its owner appends it; put_at: in that epoch. */
void ring_put(ring_fixture *f, uint32_t lane, weir_value value);
void ring_put_at(weir_lane *lane, weir_value value, uint64_t epoch);
/* A batch of rows first, first + 1, … of one integer each; below 2^15 each takes 24 bytes. */
void ring_put_batch(ring_fixture *f, uint32_t lane, int64_t first, int64_t rows);

#endif
