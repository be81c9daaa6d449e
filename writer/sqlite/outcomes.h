/* outcomes.h - what became of single rows: a thread that waits for one asks, and the writer tells.
 *
 * A row is known by its bytes, since it gets its number later. When several rows have the same
 * bytes, the last one before the question ends counts: rows that the same thread appended before
 * come earlier. */
#ifndef WEIR_OUTCOMES_H
#define WEIR_OUTCOMES_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum weir_outcome {
    WEIR_OUTCOME_NONE, /* the writer has not come to it */
    WEIR_OUTCOME_INSERTED,
    WEIR_OUTCOME_IGNORED,  /* the table dropped it: ON CONFLICT IGNORE, RAISE(IGNORE) */
    WEIR_OUTCOME_REJECTED, /* it is in weir_reject */
} weir_outcome;

typedef struct weir_question {
    const uint8_t *row; /* encoded as row.h says; must stay until the question ends */
    size_t bytes;
    weir_outcome outcome;
    struct weir_question *next;
} weir_question;

typedef struct weir_outcomes { /* any thread */
    pthread_mutex_t lock;      /* the list, and each outcome in it */
    weir_question *first;
    /* How many questions there are. The thread that asks adds with release, before its row is
     * published; the writer, which has the row, loads with acquire: so it sees the question. */
    _Atomic uint32_t open;
} weir_outcomes;

/* Ask before the row is appended. The outcome is what the writer told last, and only counts once
 * the row is known to be applied. */
void weir_outcomes_ask(weir_outcomes *o, weir_question *q);
weir_outcome weir_outcomes_end(weir_outcomes *o, weir_question *q);

/* For the writer. o NULL, in the first: there are never any questions. */
bool weir_outcomes_any(weir_outcomes *o);
bool weir_outcomes_asked(weir_outcomes *o, const uint8_t *row, size_t bytes);
void weir_outcomes_tell(weir_outcomes *o, const uint8_t *row, size_t bytes, weir_outcome outcome);

#endif
