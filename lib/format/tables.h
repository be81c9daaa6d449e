/* tables.h - the head of a segment: all tables declared so far, and how far the lanes are
 * drained. */
#ifndef WEIR_TABLES_H
#define WEIR_TABLES_H

#include "block.h"

typedef struct weir_tables { /* by ascending table number */
    weir_declaration **list;
    size_t count, capacity;
} weir_tables;

/* The head of a block's payload, as bytes: how far the lanes are drained. */
typedef struct weir_drained_head {
    size_t bytes; /* 0: no block yet */
    uint8_t head[WEIR_PAYLOAD_HEAD + WEIR_LANES_LIMIT * WEIR_LANE_ENTRY];
} weir_drained_head;

/* Add the declarations of a payload; one of a known table replaces that table's. */
int weir_tables_merge(weir_tables *t, weir_cursor body);
void weir_tables_free(weir_tables *t);

/* Remember the head of this valid payload. */
void weir_drained_head_set(weir_drained_head *d, const weir_payload *payload);

/* The payload of a declarations block for the head of a segment (malloc). */
int weir_tables_payload(const weir_tables *t, const weir_drained_head *d, uint8_t **payload,
                        size_t *bytes);

#endif
