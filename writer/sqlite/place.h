/* place.h - whether a database file is on the same mount as its directory. */
#ifndef WEIR_DATABASE_PLACE_H
#define WEIR_DATABASE_PLACE_H

#include <stdbool.h>

#include "../../lib/base/os.h"

/* Is the file at this absolute path a mount of its own, as containers make of a single file? Then
 * its -wal file and the journal, which are beside its name, are on another file system, and may
 * vanish with the container while the file remains. */
bool weir_place_is_apart(const weir_os *os, const char *path);

#endif
