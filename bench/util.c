#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

const char *const AGENT_SCHEMA =
    "CREATE TABLE agent_state(run_id INTEGER, tick INTEGER, agent_id INTEGER, agent_type TEXT,"
    " assets REAL, is_active INTEGER)";

void report_begin(bench_run *run, const char *bench, const char *note) {
    if (run->json)
        printf("{\"bench\": \"%s\"", bench);
    else
        printf("%s: %s\n   ", bench, note);
}

void report_field(bench_run *run, const char *name, double value) {
    printf(run->json ? ", \"%s\": %.6g" : " %s %.6g ", name, value);
}

void report_end(bench_run *run) {
    printf(run->json ? "}\n" : "\n");
    fflush(stdout);
}

uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double median(double *values, size_t count) {
    qsort(values, count, sizeof *values, compare_doubles);
    return quantile(values, count, 0.5);
}

double quantile(const double *sorted, size_t count, double part) {
    return sorted[(size_t)((double)(count - 1) * part)];
}

const char *scratch(const bench_run *run, const char *name) {
    static char path[8192];
    snprintf(path, sizeof path, "%s/%s", run->directory, name);
    return path;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *at) {
    (void)info;
    (void)kind;
    (void)at;
    return remove(path);
}

void remove_tree(const char *path) {
    if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) && errno != ENOENT)
        fprintf(stderr, "weir-bench: could not remove %s\n", path);
}

void scratch_remove(const bench_run *run, const char *name) {
    static const char *const endings[] = {"", "-wal", "-shm", "-journal", "-weir"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char full[256];
        snprintf(full, sizeof full, "%s%s", name, endings[i]);
        remove_tree(scratch(run, full));
    }
}

void give_up(const char *doing, int status) {
    fprintf(stderr, "weir-bench: %s: %s: %s\n", doing, weir_status_name(status), weir_last_error());
    exit(1);
}

weir *open_weir(const char *path, const weir_options *options) {
    weir *w;
    int status = weir_open_sqlite(path, options, &w);
    if (status != WEIR_OK) give_up(path, status);
    return w;
}

agent agent_at(uint64_t row) {
    static const char *const types[] = {"household", "firm", "bank", "government"};
    uint64_t mixed = row * 0x9E3779B97F4A7C15u;
    return (agent){
        .tick = (int64_t)(row / 200),
        .id = (int64_t)(row % 200),
        .assets = (double)(mixed >> 44) / 64.0,
        .type = types[mixed >> 40 & 3],
        .active = (mixed >> 36 & 15) != 0,
    };
}

weir_table *declare_agents(weir *w) {
    static const weir_column columns[] = {{"run_id", WEIR_INTEGER},   {"tick", WEIR_INTEGER},
                                          {"agent_id", WEIR_INTEGER}, {"agent_type", WEIR_TEXT},
                                          {"assets", WEIR_REAL},      {"is_active", WEIR_INTEGER}};
    weir_table *table;
    int status = weir_declare(w, "agent_state", columns, 6, &table);
    if (status == WEIR_OK) status = weir_sync(w, WEIR_APPLIED, 10000);
    if (status != WEIR_OK) give_up("declaring", status);
    return table;
}
