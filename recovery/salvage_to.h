/* salvage_to.h - salvage --to: all that can be read of a database and its journal, into a new file.
 *
 * Nothing that is there is touched. What the database has is copied first (copy_database.h), and with
 * it the position that says how much of the journal it has; the journal's rows from there on follow as
 * replay --skip-damage applies them. What cannot be read is listed (unread.h). */
#ifndef WEIR_SALVAGE_TO_H
#define WEIR_SALVAGE_TO_H

#include "arguments.h"
#include "place.h"

int weir_run_salvage_to(const weir_arguments *arguments, const weir_place *place); /* exit code */

#endif
