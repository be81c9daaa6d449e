/* remembered.h - where a database says that its journal is. */
#ifndef WEIR_REMEMBERED_H
#define WEIR_REMEMBERED_H

#include "arguments.h"
#include "place.h"

/* weir_place_find for a command line. Without --journal, and without a journal beside the database, it
 * is the one that the table weir_journal names; several are refused, since they have an order only the
 * caller can know. One that is named there beside another is told on stderr. */
int weir_remembered_place(const weir_arguments *arguments, weir_place *out, weir_error *error);

#endif
