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
    uint64_t recorded, unrecorded; /* of the flight recorder: rows brought out, and left out */
    bool recorder_unread;          /* there is one, and its header fails or is newer */
} weir_opening;

/* ---- the ring of the process before: dead_ring.c ---- */

/* Map it, if there is one, and see what it is and which durable mark it has. */
int weir_dead_ring_attach(weir_opening *o);
/* The id of that ring, if it may hold rows that the journal lacks; or NULL. */
const uint8_t *weir_dead_ring_to_drain(const weir_opening *o);
/* After the journal was opened: append to it the rows that only the ring has. */
int weir_dead_ring_drain(weir_opening *o);

/* ---- and the flight recorder beside it: dead_recorder.c ---- */

enum { WEIR_RECORDER_TEXT = 160 };

/* Append to the journal the messages in it; drain has drained the ring. */
int weir_dead_recorder_drain(weir_opening *o, weir_drain *drain);
/* When the journal is synced. */
void weir_dead_recorder_remove(const weir_opening *o);
/* What was found, to follow on "… rows of a former process are being applied"; empty: nothing. */
void weir_dead_recorder_describe(const weir_opening *o, char text[WEIR_RECORDER_TEXT]);

#endif
