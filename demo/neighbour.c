#include "neighbour.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <sqlite3.h>

static int count_rows(sqlite3 *db, int *count) {
    sqlite3_stmt *s;
    int status = sqlite3_prepare_v2(
        db, "SELECT count(*), (SELECT max(rowid) FROM simulation_run) FROM remark", -1, &s, NULL);
    if (status) return status;
    status = sqlite3_step(s) == SQLITE_ROW ? SQLITE_OK : SQLITE_ERROR;
    *count = sqlite3_column_int(s, 0);
    sqlite3_finalize(s);
    return status;
}

static int live(neighbour *n, sqlite3 *db) {
    int status = sqlite3_exec(db, "CREATE TABLE IF NOT EXISTS remark(id INTEGER PRIMARY KEY, text)",
                              NULL, NULL, NULL);
    while (!status && (!atomic_load(&n->stop) || n->written == 0)) {
        status = sqlite3_exec(db, "INSERT INTO remark(text) VALUES('meanwhile')", NULL, NULL, NULL);
        if (!status) n->written++;
        if (!status) status = count_rows(db, &n->read);
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
    return status;
}

static void *run(void *argument) {
    neighbour *n = argument;
    sqlite3 *db;
    int status = sqlite3_open(n->path, &db);
    sqlite3_busy_timeout(db, 10000);
    if (!status) status = live(n, db);
    if (status) snprintf(n->error, sizeof n->error, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
    return NULL;
}

void neighbour_start(neighbour *n, const char *path) {
    memset(n, 0, sizeof *n);
    n->path = path;
    n->started = pthread_create(&n->thread, NULL, run, n) == 0;
    if (!n->started) snprintf(n->error, sizeof n->error, "its thread could not be started");
}

void neighbour_stop(neighbour *n) {
    atomic_store(&n->stop, true);
    if (n->started) pthread_join(n->thread, NULL);
}
