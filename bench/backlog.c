/* backlog.c - rows that are in the journal and not in the database. */
#include "backlog.h"

#include <stdlib.h>
#include <string.h>

sqlite3 *lock_database(const char *path) {
    sqlite3 *db = NULL;
    check_sqlite(db, sqlite3_open(path, &db));
    check_sqlite(db, sqlite3_busy_timeout(db, 10000));
    check_sqlite(db, sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL));
    return db;
}

void unlock_database(sqlite3 *db) {
    check_sqlite(db, sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL));
    sqlite3_close(db);
}

double high_water_mib(void) {
    char line[256];
    unsigned long kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "VmHWM:", 6) == 0) kib = strtoul(line + 6, NULL, 10);
    if (file) fclose(file);
    return (double)kib / 1024;
}

typedef struct task {
    const char *path;
    uint64_t rows;
} task;

/* The process ends without closing: a crash, as far as weir can tell. */
static void leave(const void *context, double *figures) {
    const task *t = context;
    struct weir_stats stats = {0};
    weir *w = open_weir(t->path, NULL);
    weir_table *table = declare_workload(w, &AGENT_ROWS);
    (void)lock_database(t->path); /* for as long as the process lives */
    int status = append_rows(table, &AGENT_ROWS, 0, t->rows);
    if (status == WEIR_OK) status = weir_sync(w, WEIR_DURABLE, UINT32_MAX);
    if (status == WEIR_OK) status = weir_stats(w, &stats);
    if (status != WEIR_OK) give_up("leaving a backlog", status);
    figures[0] = (double)t->rows;
    figures[1] = (double)stats.bytes_published;
}

static void replay_all(const void *context, double *figures) {
    const task *t = context;
    struct weir_stats stats = {0};
    uint64_t start = now_ns();
    weir *w = open_weir(t->path, NULL);
    figures[3] = seconds_since(start);
    int status = weir_sync(w, WEIR_APPLIED, UINT32_MAX);
    figures[1] = seconds_since(start);
    if (status == WEIR_OK) status = weir_stats(w, &stats);
    if (status != WEIR_OK) give_up("replaying the backlog", status);
    figures[0] = (double)stats.rows_recovered;
    figures[2] = high_water_mib();
    close_weir(w);
}

bool leave_backlog(const char *path, uint64_t rows, backlog *out) {
    double figures[2];
    task t = {path, rows};
    bool well = in_child(leave, &t, figures, 2);
    if (well) *out = (backlog){figures[0], figures[1]};
    return well;
}

bool replay_backlog(const char *path, replay *out) {
    double figures[4];
    task t = {path, 0};
    bool well = in_child(replay_all, &t, figures, 4);
    if (well) *out = (replay){figures[0], figures[1], figures[2], figures[3]};
    return well;
}

uint64_t rows_of_bytes(uint64_t bytes) {
    enum { RECORD_BYTES = 52 }; /* an agent's row with what the ring puts around it */
    return bytes / RECORD_BYTES;
}
