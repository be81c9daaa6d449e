/* deadring.h - the rows of a dead process's ring, applied to a database while ring and journal stay as
 * they are: for who has no other database to recover into.
 *
 * They are numbered as opening would number them, so a later replay, of the journal into which they
 * were drained meanwhile, goes on behind them. */
#ifndef WEIR_DEADRING_H
#define WEIR_DEADRING_H

#include "apply.h"

/* Behind the journal's last row, or where an earlier call has stopped. Nothing when there is no ring of
 * this journal, or it is drained. */
int weir_apply_ring(const weir_apply_input *input, weir_applied *out, weir_error *error);

#endif
