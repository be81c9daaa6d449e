/* lane.c - one producer and the journal thread at one lane, by the functions of lib themselves: fits,
 * weir_ring_stamp, weir_lane_publish against weir_ring_cut, weir_drain_release. Records are plain memory, so an
 * access that is not ordered is a data race. run makes functions.h. */
#include <assert.h>
#include <pthread.h>

#include "lib/journal/drain.h"

#include "functions.h"

/* A lane of two records: its number and its epoch. */
enum { RECORD = 16, SIZE = 2 * RECORD, RECORDS = 3, CUTS = 2 };

static weir_lane_control control;
static uint64_t words[SIZE / 8];
static weir_lane lane;
static _Atomic uint64_t word;
static weir_ring ring;
static weir_drain drain;

static uint64_t *at(uint64_t position) { return &words[position % SIZE / 8]; }

static void *produce(void *unused) {
    (void)unused;
    for (uint64_t n = 1; n <= RECORDS; n++) {
        uint64_t tail = lane.tail;
        if (!record_fits(&lane, RECORD)) break;
        at(tail)[0] = n;
        at(tail)[1] = weir_ring_stamp(&ring, &lane, false);
        weir_lane_publish(&lane, tail + RECORD);
    }
    return NULL;
}

int main(void) {
    pthread_t producer;
    lane.size = SIZE;
    lane.control = &control;
    word = 1u << WEIR_EPOCH_SHIFT | 7;
    ring.word = &word;
    ring.controls = &control;
    ring.lanes = &lane;
    ring.ready = 1;
    drain.ring = &ring;
    pthread_create(&producer, NULL, produce, NULL);
    for (int i = 0; i < CUTS; i++) {
        uint64_t old = weir_ring_cut(&ring);
        while (lane.taken < lane.cut && at(lane.taken)[1] <= old) {
            assert(at(lane.taken)[0] == lane.taken / RECORD + 1);
            lane.taken += RECORD;
        }
        weir_drain_release(&drain);
    }
    pthread_join(producer, NULL);
    return 0;
}
