/* memory.c - a process dies and leaves a backlog of 1 GiB of rows; another opens and replays it. What
 * is the greatest resident size of that one, and how fast does it go? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "bench.h"

/* While this connection holds the write lock, weir cannot apply: all stays in the journal. */
static void lock_database(const char *path) {
    sqlite3 *db;
    if (sqlite3_open(path, &db) || sqlite3_busy_timeout(db, 10000) ||
        sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL)) {
        fprintf(stderr, "weir-bench: %s: %s\n", path, sqlite3_errmsg(db));
        _exit(1);
    }
}

static _Noreturn void leave_backlog(const char *path, uint64_t bytes) {
    weir *w = open_weir(path, NULL);
    weir_table *table = declare_agents(w);
    struct weir_stats stats = {0};
    int status = WEIR_OK;

    lock_database(path);
    for (uint64_t row = 0; status == WEIR_OK && stats.bytes_published < bytes; row++) {
        agent a = agent_at(row);
        status = append_agent(table, &a);
        if (status == WEIR_OK && row % 10000 == 0) status = weir_stats(w, &stats);
    }
    if (status == WEIR_OK) status = weir_sync(w, WEIR_DURABLE, 60000);
    if (status != WEIR_OK) give_up("leaving a backlog", status);
    _exit(0); /* a crash, as far as weir can tell */
}

static double high_water_mib(void) {
    char line[256];
    unsigned long kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "VmHWM:", 6) == 0) kib = strtoul(line + 6, NULL, 10);
    if (file) fclose(file);
    return (double)kib / 1024;
}

static _Noreturn void replay_backlog(const char *path, int to) {
    double figures[3];
    struct weir_stats stats = {0};
    uint64_t start = now_ns();
    weir *w = open_weir(path, NULL);
    int status = weir_sync(w, WEIR_APPLIED, UINT32_MAX);
    double seconds = (double)(now_ns() - start) / 1e9;
    if (status == WEIR_OK) status = weir_stats(w, &stats);
    if (status != WEIR_OK) give_up("replaying the backlog", status);
    figures[0] = high_water_mib();
    figures[1] = (double)stats.rows_recovered;
    figures[2] = seconds;
    bool told = write(to, figures, sizeof figures) == sizeof figures;
    weir_close(w);
    _exit(!told);
}

static bool wait_for(pid_t child) {
    int status;
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

int bench_memory(bench_run *run) {
    uint64_t bytes = (uint64_t)1 << (run->quick ? 27 : 30);
    const char *path = scratch(run, "memory.db");
    double figures[3];
    int ends[2];

    fflush(stdout);
    pid_t child = fork();
    if (child == 0) leave_backlog(path, bytes);
    if (!wait_for(child) || pipe(ends)) return 1;
    child = fork();
    if (child == 0) replay_backlog(path, ends[1]);
    close(ends[1]);
    bool got = read(ends[0], figures, sizeof figures) == sizeof figures;
    close(ends[0]);
    if (!wait_for(child) || !got) return 1;
    scratch_remove(run, "memory.db");
    report_begin(run, "memory", "greatest resident size while a backlog is replayed");
    report_field(run, "resident_mib", figures[0]);
    report_field(run, "backlog_mib", (double)(bytes >> 20));
    report_field(run, "rows", figures[1]);
    report_field(run, "rows_per_s", figures[1] / figures[2]);
    report_end(run);
    return 0;
}
