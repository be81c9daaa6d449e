/* open.h - an opening under way. Private to this folder. */
#ifndef WEIR_OPEN_H
#define WEIR_OPEN_H

#include "../verify/inventory.h"
#include "core.h"

/* What opening holds until it is over. */
typedef struct weir_opening {
    weir *w;
    const weir_handle_config *config;
    weir_error *error;
    weir_inventory found;
    weir_ring dead; /* of the process before; lanes NULL when there is none */
    weir_found_ring dead_found;
    bool has_mark;
    weir_durable_mark mark;
    weir_position ring_position; /* of the database, in the journal that the dead ring names */
    weir_position *positions;    /* read for us */
    size_t position_count;
} weir_opening;

/* ---- the ring of the process before: dead_ring.c ---- */

/* Map it, if there is one, and see what it is and which durable mark it has. */
int weir_dead_ring_attach(weir_opening *o);
/* After the journal was opened: append to it the rows that only the ring has. */
int weir_dead_ring_drain(weir_opening *o);

#endif
