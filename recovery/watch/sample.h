/* sample.h - what weir watch sees at one moment, and what two moments say together.
 *
 * It is read from the ring's mapping, from the database's position and from the sizes of files, in
 * that order, without a lock and without the program's help. Of a living ring each word is read by
 * itself, so the figures of one sample may be some microseconds apart. */
#ifndef WEIR_SAMPLE_H
#define WEIR_SAMPLE_H

#include "../../lib/ring/ring.h"
#include "../../lib/stats/stats_read.h"
#include "../place.h"

typedef enum weir_watch_state {
    WEIR_WATCH_ABSENT,  /* there is no journal */
    WEIR_WATCH_CLOSED,  /* nobody has it open, and no ring is left */
    WEIR_WATCH_DIED,    /* nobody has it open, and a ring is left */
    WEIR_WATCH_OPENING, /* somebody has it open, and there is no ring yet */
    WEIR_WATCH_RUNNING,
} weir_watch_state;

typedef struct weir_lane_sample {
    uint32_t index, thread; /* thread 0: nobody owns it */
    uint64_t tail, head;    /* what is between them is published and not durable */
} weir_lane_sample;

typedef struct weir_sample {
    uint64_t now_ns; /* monotonic */
    int64_t wall_ns;
    weir_watch_state state;
    int64_t process; /* 0: unknown */
    weir_id ring;    /* of a ring that is there */
    uint64_t lane_bytes;
    weir_lane_sample *lanes; /* those that were ever used */
    size_t lane_count;
    uint64_t published_bytes, durable_bytes; /* of all lanes, since the ring was made */
    bool durable_known, applied_known;
    uint64_t durable_row, applied_row, rejects;
    uint64_t journal_bytes, segments, free_bytes;
    bool has_stats; /* the process of this ring, or the last one, left figures */
    weir_stats_snapshot stats;
} weir_sample;

/* Takes one. WEIR_OK, or what reading the ring or the directory answers; out is to be freed in
 * either case. */
int weir_sample_take(const weir_place *place, weir_sample *out, weir_error *error);
void weir_sample_free(weir_sample *sample);

/* ---- lag ------------------------------------------------------------------------------- */

/* When which row became durable, as far as was seen: the last of these moments, in turn. */
enum { WEIR_MOMENTS = 1024 };
typedef struct weir_moment {
    uint64_t now_ns, row, bytes; /* up to this row and byte all was durable */
} weir_moment;
typedef struct weir_moments {
    weir_moment list[WEIR_MOMENTS];
    size_t count, next;
} weir_moments;

typedef struct weir_lag {
    bool known;           /* durable and applied row are */
    bool rows_are_before; /* some of the rows were durable before the first moment */
    uint64_t rows, bytes, ns;
} weir_lag;

/* Another ring counts its bytes anew: forget what was seen of the one before. */
void weir_moments_forget(weir_moments *moments);
void weir_moments_add(weir_moments *moments, const weir_sample *sample);
/* How far the database is behind. Time and bytes are of the oldest row that waits; where it was
 * durable before the first moment, since that moment, and rows_are_before is set. */
weir_lag weir_moments_lag(const weir_moments *moments, const weir_sample *sample);

/* How many a second between two samples of one ring; 0 where they are none. */
double weir_rate(const weir_sample *before, const weir_sample *after, uint64_t from, uint64_t to);
bool weir_same_ring(const weir_sample *a, const weir_sample *b);

#endif
