/* outcomes.h - what became of single rows: asked by a thread that waits for one, told by the writer.
 *
 * A row is known by its bytes, since its number is given later. Of rows with the same bytes the last
 * one before the question ends counts: those that its thread had appended before come earlier. */
#ifndef WEIR_OUTCOMES_H
#define WEIR_OUTCOMES_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum weir_outcome {
    WEIR_OUTCOME_NONE, /* it was not fed yet */
    WEIR_OUTCOME_INSERTED,
    WEIR_OUTCOME_IGNORED,  /* the table dropped it: ON CONFLICT IGNORE, RAISE(IGNORE) */
    WEIR_OUTCOME_REJECTED, /* it is in weir_reject */
} weir_outcome;

typedef struct weir_question {
    const uint8_t *row; /* as row.h says; the asker's, until the question ends */
    size_t bytes;
    weir_outcome outcome;
    struct weir_question *next;
} weir_question;

typedef struct weir_outcomes { /* any thread */
    pthread_mutex_t lock;      /* the list, and each outcome in it */
    weir_question *first;
    /* How many. Release by who asks, before the row is published; acquire by the writer, which has
     * the row: it sees the question. */
    _Atomic uint32_t open;
} weir_outcomes;

/* Before the row is appended. The outcome is what the writer last told: it counts once the row is
 * known to be applied. */
void weir_outcomes_ask(weir_outcomes *o, weir_question *q);
weir_outcome weir_outcomes_end(weir_outcomes *o, weir_question *q);

/* The writer's. outcomes NULL: nobody ever asks. */
bool weir_outcomes_any(weir_outcomes *o);
bool weir_outcomes_asked(weir_outcomes *o, const uint8_t *row, size_t bytes);
void weir_outcomes_tell(weir_outcomes *o, const uint8_t *row, size_t bytes, weir_outcome outcome);

#endif
