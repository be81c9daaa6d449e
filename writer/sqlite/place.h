/* place.h - where a database file lies, beside its own directory. */
#ifndef WEIR_PLACE_H
#define WEIR_PLACE_H

#include <stdbool.h>

#include "../../lib/base/os.h"

/* Is the file at this absolute path mounted by itself, as containers do with a single file? Then its
 * -wal file and the journal, which stand beside its name, are on another file system, and may end
 * with the container while the file remains. */
bool weir_place_is_apart(const weir_os *os, const char *path);

#endif
