/* rehearse.h - what recover, salvage or replay would do (--dry-run): the same replay, ring included,
 * into a sink that counts the rows and keeps none. Nothing is written anywhere. */
#ifndef WEIR_REHEARSE_H
#define WEIR_REHEARSE_H

#include "apply.h"

/* Apply the journal of this view, from the position that the view has; with_ring: and its dead ring. os:
 * that which the view was taken with. out->passed is to be freed. */
int weir_rehearse(const weir_arguments *arguments, const weir_os *os, const weir_place *place,
                  const weir_view *view, bool with_ring, weir_replay_damage at_damage,
                  weir_replay_limits limits, weir_applied *out, weir_error *error);

/* The same for salvage, which goes on where replay cannot begin. */
int weir_rehearse_salvage(const weir_os *os, const weir_place *place, const weir_view *view,
                          weir_applied *out, weir_error *error);

/* "would apply N rows, lose M", as words or as an object. Rows that SQLite would refuse count as
 * applied, since only SQLite knows them. */
void weir_report_rehearsal(const weir_arguments *arguments, const char *database,
                           const weir_applied *applied, uint64_t lost, bool lost_unknown);

#endif
