/* remembered.h - the journal that a database names in its table weir_journal. */
#ifndef WEIR_REMEMBERED_H
#define WEIR_REMEMBERED_H

#include "arguments.h"
#include "place.h"

/* weir_place_find for a command line. Without --journal, and without a journal beside the database,
 * the place is that of the journal which the table weir_journal names. Several are refused, since
 * only the user can know in which order to apply them. When another journal is used than one that
 * is named there, a note on stderr says so. */
int weir_remembered_place(const weir_os *os, const weir_arguments *arguments, weir_place *out,
                          weir_error *error);

#endif
