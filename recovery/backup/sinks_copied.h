/* sinks_copied.h - the sinks' records in a backup. */
#ifndef WEIR_SINKS_COPIED_H
#define WEIR_SINKS_COPIED_H

#include "../../lib/verify/sink_files.h"

/* Write the records that the backup's journal is to have, into that directory: those of the same
 * journal, none of which may say more than this position, up to which blocks keep their numbers. */
int weir_backup_sinks(const weir_os *os, const weir_sink_notes *notes,
                      const weir_position *position, const char *directory, weir_error *error);
/* A record that cannot be understood cannot be copied either: without it the copy could pass over
 * rows that a sink lacks. */
int weir_backup_check_sinks(const weir_sink_notes *notes, const char *directory, weir_error *error);

#endif
