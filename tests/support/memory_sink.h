/* memory_sink.h - sinks that are memory, and a program that has some beside SQLite. Rows must come once
 * and in order: gaps and repetitions are counted. */
#ifndef WEIR_TESTS_MEMORY_SINK_H
#define WEIR_TESTS_MEMORY_SINK_H

#include <stdatomic.h>

#include "opened.h"
#include "writer/attach/host.h"

enum { PATIENCE_MS = 60000, PAD = 32 << 10, MANY = 300 };

/* The other side, which outlives the handle. */
typedef struct memory {
    weir_position at;
    uint64_t pending, pending_rows; /* last row of the transaction under way, and how many it has */
    uint64_t first;                 /* the first row that ever came */
    _Atomic uint64_t rows, torn;    /* committed; out of order */
    _Atomic int begin_status;       /* WEIR_OK: it is there */
    _Atomic bool hangs;
    _Atomic uint64_t deadline; /* of hurry */
    _Atomic uint64_t leaves;   /* WEIR_BUSY once it has so many rows; 0: never */
    _Atomic int closed;
    bool remote;
} memory;

/* One of two, not on a test's stack: when a test fails the writers still have them. */
memory *fresh(int number, int begin_status);
weir_sink_offer offer_of(memory *m, const char *name);
void attach(opened *o, memory *m, const char *name);

extern int heard[32];            /* by event; tests have one handle */
extern char heard_text[32][600]; /* the last of each */
extern const weir_options small;

/* Open, with a table t of a number and a pad. */
void begin(opened *o);
/* Some of them fill a segment: pads do not compress. */
void append(opened *o, int rows);

int segments(const opened *o);
int archived(const opened *o); /* packed ones too */
/* Until the journal has so few; segments go when the writers are quiet. */
void await_segments(const opened *o, int most);
void await_event(weir_event event);
void wait_all(opened *o, const char *name);
void expect_all(const memory *m, uint64_t rows);

#endif
