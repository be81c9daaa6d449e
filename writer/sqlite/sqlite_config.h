/* sqlite_config.h - which database the sink opens, and how. */
#ifndef WEIR_SQLITE_CONFIG_H
#define WEIR_SQLITE_CONFIG_H

#include <weir/sqlite.h>

#include "../../lib/base/os.h"

typedef struct weir_sqlite_config {
    const char *path;
    bool must_exist;
    uint32_t busy_timeout_ms;    /* for opening; a transaction tries once and returns WEIR_BUSY */
    weir_sqlite_options program; /* how it prepares each connection */
    const weir_os *os;           /* for everything that SQLite does not do itself; NULL: POSIX */
} weir_sqlite_config;

#endif
