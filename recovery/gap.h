/* gap.h - going on after rows that have left the journal, because the user said so. */
#ifndef WEIR_GAP_H
#define WEIR_GAP_H

#include "view.h"

/* The rows that the database of this view will not get, since they left the journal: first and last;
 * 1 and 0 when there are none, or the verdict is another one. */
void weir_gap_of(const weir_view *view, uint64_t *first, uint64_t *last);

/* Record these rows in the table weir_loss, then move the database's position behind them, to where
 * the journal begins: after that it is an ordinary database with rows that wait. A database that is not
 * there is made. Done twice it is done once. */
int weir_gap_accept(const weir_place *place, const weir_view *view, uint32_t wait_s,
                    weir_error *error);

#endif
