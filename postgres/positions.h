/* positions.h - what a server says of all journals that were applied to it. */
#ifndef WEIR_PG_POSITIONS_H
#define WEIR_PG_POSITIONS_H

#include "../lib/format/marks.h"
#include "connection.h"

/* malloc; NULL and 0 when there are none, or no table of them. Changes nothing. */
int weir_pg_positions(weir_pg *pg, const char *schema, weir_position **out, size_t *count,
                      weir_error *error);

#endif
