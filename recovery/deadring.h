/* deadring.h - apply the rows of a dead process's ring to a database, and leave ring and journal as
 * they are. This is for replay, which fills another database than the journal's own.
 *
 * The rows get the numbers that opening the journal would give them. So a later replay, after they
 * were drained into the journal, goes on after them. */
#ifndef WEIR_DEADRING_H
#define WEIR_DEADRING_H

#include "apply.h"

/* Apply them after the journal's last row, or from where an earlier call stopped. Does nothing when
 * this journal has no ring, or the ring is drained. */
int weir_apply_ring(const weir_apply_input *input, weir_applied *out, weir_error *error);

#endif
