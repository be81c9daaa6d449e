/* open_sqlite.h - weir_open_sqlite on an operating system that the caller brings. */
#ifndef WEIR_OPEN_SQLITE_H
#define WEIR_OPEN_SQLITE_H

#include <weir/sqlite.h>

#include "../../lib/base/os.h"

/* As weir_open_sqlite, which is this on weir_os_posix(). SQLite itself goes by its own VFS. */
int weir_open_sqlite_on(const weir_os *os, const char *path, const weir_options *options,
                        weir **out);

/* As weir_open_sqlite_with, but a database that is not there is made anew from the rows of its journal,
 * which a program is refused: for the tool, whose user has asked for just that. */
int weir_open_sqlite_anew(const char *path, const weir_options *options,
                          const weir_sqlite_options *sqlite, weir **out);

#endif
