/* first_sink.h - what stands for the position of a database where a journal has none: the record of its
 * first sink (FORMAT.md, section 14). */
#ifndef WEIR_FIRST_SINK_H
#define WEIR_FIRST_SINK_H

#include "../lib/verify/sink_files.h"
#include "database.h"
#include "place.h"

/* What the database says of journals; or, where a journal's own database is not there and its last process
 * was opened for a sink with a record, what that record says: view->first_sink has its name then.
 * WEIR_OK, or WEIR_NO_MEMORY. */
int weir_applied_look(const weir_place *place, const char *database, weir_database_view *out);

/* The record of the sink that the journal's last process was opened for; false: that was SQLite's, which
 * has none, or nobody knows. */
bool weir_first_sink_read(const weir_place *place, weir_sink_record *out);

#endif
