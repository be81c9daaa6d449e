/* close.h - giving back what a handle has. Private to this folder. */
#ifndef WEIR_CLOSE_H
#define WEIR_CLOSE_H

#include "core.h"

/* Everything that the opening took, whether it succeeded or not. No thread of the handle runs
 * any more, and no call is inside. */
void weir_dismantle(weir *w);

/* What weir_descriptor made. */
void weir_close_descriptors(weir *w);

/* Handles that were closed while a thread was inside an append: those whose appends have
 * returned. What these published is in the ring, which the next opening of the journal finds as
 * one of a dead process. */
void weir_bury_stuck_handles(void);

#endif
