/* declared.h - the declarations of a journal that is known by its id, wherever the journal is by now. */
#ifndef WEIR_DECLARED_H
#define WEIR_DECLARED_H

#include "../../lib/base/id.h"
#include "../../lib/format/tables.h"
#include "../place.h"

/* The journal of the place, those that the database enters in weir_journal, and those that were forgotten.
 * WEIR_NOT_FOUND when none of these has the id; other errors when it cannot be read. tables is to be freed
 * in either case. */
int weir_declared_read(const weir_place *place, const weir_id journal, weir_tables *tables,
                       weir_error *error);

#endif
