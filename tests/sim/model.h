/* model.h - what a database must hold, and must not, according to what callers were told.
 *
 * Rows are numbered from 1 in the order in which their appends returned. One thread plays all the
 * producers, so each append returned before the next began: that is the order that is promised. */
#ifndef WEIR_SIM_MODEL_H
#define WEIR_SIM_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SIM_ROWS = 400, SIM_PRODUCERS = 3, SIM_UNSURE = -1 };

typedef struct sim_row {
    uint8_t producer; /* from 1 */
    int8_t level; /* weir_level that its producer has been told of; SIM_UNSURE after a power cut */
    bool gone;    /* lost at a power cut, as unacknowledged rows may be: must never come back */
    uint32_t batch; /* first row of its batch: of what was appended with it, by one call */
} sim_row;

typedef struct sim_model {
    uint32_t count; /* rows appended so far */
    sim_row row[SIM_ROWS + 1];
} sim_model;

/* Bytes of the blob beside row n: told by the number, so that a reader can check it. */
size_t sim_model_pad(uint32_t n, uint8_t *into, size_t limit);
bool sim_model_pad_fits(uint32_t n, const uint8_t *bytes, size_t length);

/* The power is cut: what is not durable may be gone, or not. */
void sim_model_cut(sim_model *model);

/* Compare what was found, in the order of the table. least: the level from which on nothing may be
 * missing. Rows that are missing and may be are gone from now on, those found are applied. NULL, or
 * what is wrong. */
const char *sim_model_compare(sim_model *model, const uint32_t *found, size_t count, int least);

#endif
