/* append_slow.h - the slow path of an append. Private to this folder. */
#ifndef WEIR_APPEND_SLOW_H
#define WEIR_APPEND_SLOW_H

#include "core.h"

/* Kept apart from the hot path, whose registers and layout it would cost: 1.4 of 18.2 ns. */
#define WEIR_SLOW __attribute__((cold, noinline))

/* The calling thread's lane for appends of this depth: its own, or one that it claims, or waits
 * for as options.full says. NULL: there is none. */
WEIR_SLOW weir_lane *weir_take_lane(weir *w, unsigned depth);

/* How much of a lane a row may use. */
typedef enum weir_share {
    WEIR_SHARE_ALL,
    WEIR_SHARE_MOST, /* a sixteenth stays free */
    WEIR_SHARE_CALM, /* a quarter stays free, and nothing is waited for */
    WEIR_SHARE_NONE, /* not for appending: the row goes into the flight recorder (log_record.h) */
} weir_share;

/* The lane's limit is reached: it is full, or its head has not been looked at for long. WEIR_OK:
 * it has room for bytes, perhaps after a wait, and free bytes are left after them. */
WEIR_SLOW int weir_make_lane_room(weir *w, weir_lane *lane, uint64_t bytes, uint64_t free,
                                  weir_share share);

/* The kernel's id of the calling thread, which is asked for once in each opening. */
uint32_t weir_append_thread(const weir *w);

/* As weir_append_row, for a table handle without a key: no more than the share is used. */
int weir_append_sharing(const weir_table *t, const weir_value *values, weir_share share);

#endif
