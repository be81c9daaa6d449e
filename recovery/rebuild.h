/* rebuild.h - apply a journal, its archive included, to a database that is not its own: what the verbs
 * replay and salvage --to have in common. */
#ifndef WEIR_REBUILD_H
#define WEIR_REBUILD_H

#include "arguments.h"
#include "unread.h"

/* Fill arguments->into. filled: the database whose positions count, which is that one, unless this is
 * only a rehearsal. unread, if not NULL, gets what cannot be read of the journal. Prints its report;
 * returns the exit code. */
int weir_rebuild(const weir_arguments *arguments, const weir_place *place, const char *filled,
                 weir_unread *unread);

#endif
