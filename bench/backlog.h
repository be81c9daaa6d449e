/* backlog.h - rows that are in the journal and not in the database. */
#ifndef WEIR_BENCH_BACKLOG_H
#define WEIR_BENCH_BACKLOG_H

#include "ways.h"

/* Another writer's transaction, which SQLite lets nobody else write beside. */
sqlite3 *lock_database(const char *path);
void unlock_database(sqlite3 *db);

typedef struct backlog {
    double rows, bytes; /* as encoded in the ring */
} backlog;

typedef struct replay {
    double rows, seconds; /* from opening until all is applied */
    double resident_mib;  /* greatest */
    double opening;       /* seconds, of those, until the handle was there */
} replay;

/* A process appends that many rows of AGENT_ROWS while the database is locked, waits until they are
 * durable, and dies. The table is there already. Then another opens and waits until all is
 * applied. False: failed. */
bool leave_backlog(const char *path, uint64_t rows, backlog *out);
bool replay_backlog(const char *path, replay *out);

double high_water_mib(void); /* greatest resident size of this process so far */

/* About as many rows as take so many bytes in the ring. */
uint64_t rows_of_bytes(uint64_t bytes);

#endif
