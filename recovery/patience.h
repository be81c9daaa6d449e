/* patience.h - how long the tool waits for a database that takes no rows: the time of --wait, which
 * starts again with every row that is applied. */
#ifndef WEIR_PATIENCE_H
#define WEIR_PATIENCE_H

#include "../lib/base/os.h"
#include "../lib/base/status.h"

typedef struct weir_patience {
    const weir_os *os;
    uint64_t wait_ns, since_ns, done;
} weir_patience;

/* As a timeout for the library: at least 1, since 0 there means the default. */
uint32_t weir_patience_ms(uint32_t wait_s);

struct sqlite3;
/* A connection that writes, and waits so long for a lock. flags: besides WEIR_SQLITE_OPEN. *db is to be
 * closed after a failure, too. */
int weir_patience_open(const char *database, int flags, uint32_t wait_s, struct sqlite3 **db,
                       weir_error *error);

weir_patience weir_patience_start(const weir_os *os, uint32_t wait_s);
/* done: rows so far. False when it has not grown for too long. */
bool weir_patience_lasts(weir_patience *patience, uint64_t done);

#endif
