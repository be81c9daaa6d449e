/* append_slow.h - the slow path of an append. Private to this folder. */
#ifndef WEIR_APPEND_SLOW_H
#define WEIR_APPEND_SLOW_H

#include "core.h"

/* Kept apart from the hot path, whose registers and layout it would cost: 1.4 of 18.2 ns. */
#define WEIR_SLOW __attribute__((cold, noinline))

/* The calling thread's lane for appends of this depth: its own, or one that it claims, or waits
 * for as options.full says. NULL: there is none. */
WEIR_SLOW weir_lane *weir_take_lane(weir *w, unsigned depth);

/* The lane's limit is reached: it is full, or its head has not been looked at for long. WEIR_OK:
 * it has room for bytes, perhaps after a wait. */
WEIR_SLOW int weir_make_lane_room(weir *w, weir_lane *lane, uint64_t bytes);

#endif
