/* base.h - the database of a simulated life, as the life needs it: a sink, its positions, its
 * rows. */
#ifndef WEIR_SIM_BASE_H
#define WEIR_SIM_BASE_H

#include "../../writer/apply/sink.h"

#define SIM_DATABASE "/db"

struct sim_life;

typedef struct sim_base {
    /* Open what stands at SIM_DATABASE on the current machine. positions: malloc, the caller
     * frees. */
    int (*open)(weir_sink *sink, weir_position **positions, size_t *count, weir_error *error);
    /* The numbers of all rows, in the table's order; -1 when the database cannot be read or a row
     * is not as it was appended: error says why. Reads like any other connection. */
    long (*rows)(uint32_t *numbers, size_t limit, weir_error *error);
    /* NULL, or how the life gets its handle all at once, without open and a look beforehand. */
    int (*open_handle)(struct sim_life *life);
} sim_base;

/* Keeps rows and position in one file of its own, a record and a sync a transaction: what a
 * database is to weir, and little more, so that very many states can be visited. */
const sim_base *sim_base_plain(void);
/* Whether a row of a table that a test has declared besides is as it was appended; without this,
 * no such row is. */
extern bool (*sim_base_plain_judge)(const weir_value *values, uint16_t count);
/* The number of a row, if it is as it was appended. */
bool sim_base_row_number(const uint8_t *row, size_t bytes, uint32_t *number);

#endif
