/* open_sqlite.h - weir_open_sqlite on an operating system that the caller brings. */
#ifndef WEIR_OPEN_SQLITE_H
#define WEIR_OPEN_SQLITE_H

#include <weir/sqlite.h>

#include "../../lib/base/os.h"

/* As weir_open_sqlite, which is this on weir_os_posix(). SQLite itself goes by its own VFS. */
int weir_open_sqlite_on(const weir_os *os, const char *path, const weir_options *options,
                        weir **out);

#endif
