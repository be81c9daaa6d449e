/* positions.h - what a server says of all journals that were applied to it. */
#ifndef WEIR_PG_POSITIONS_H
#define WEIR_PG_POSITIONS_H

#include "../lib/format/marks.h"
#include "connection.h"
#include "module.h"

/* malloc; NULL and 0 when there are none, or no table of them. Changes nothing. */
int weir_pg_positions(weir_pg *pg, const char *schema, weir_position **out, size_t *count,
                      weir_error *error);
/* What there is of this journal. Changes nothing. */
int weir_pg_stand_of(weir_pg *pg, const char *schema, const weir_id journal, weir_pg_stand *out,
                     weir_error *error);

#endif
