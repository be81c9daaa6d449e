/* append.c - what one append costs the thread that makes it: bursts of 20 rows of three numbers, at
 * 400,000 rows a second, journal thread and writer running. spdlog's asynchronous logger does the
 * same in spdlog.cc. */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

enum { BURST = 20, BURSTS = 100000, PAUSE_NS = 50000 };

static weir_table *declare(weir *w) {
    static const weir_column columns[] = {
        {"a", WEIR_INTEGER}, {"b", WEIR_INTEGER}, {"c", WEIR_REAL}};
    weir_table *table;
    int status = weir_declare(w, "numbers", columns, 3, &table);
    if (status == WEIR_OK) status = weir_sync(w, WEIR_APPLIED, 10000);
    if (status != WEIR_OK) give_up("declaring", status);
    return table;
}

static int burst(weir_table *table, int64_t at) {
    int status = WEIR_OK;
    for (int i = 0; i < BURST; i++)
        status |= weir_append(table, weir_int(at), weir_int(i), weir_real((double)at / 3));
    return status;
}

static void measure(weir_table *table, double *each, size_t bursts) {
    for (size_t i = 0; i < bursts; i++) {
        uint64_t start = now_ns();
        int status = burst(table, (int64_t)i);
        uint64_t end = now_ns();
        if (status != WEIR_OK) give_up("append", status);
        each[i] = (double)(end - start) / BURST;
        while (now_ns() - end < PAUSE_NS) {
        }
    }
}

/* The peer prints its p50, p99 and p99.9. */
static bool ask_spdlog(const bench_run *run, size_t bursts, double figures[3]) {
    char command[8400];
    snprintf(command, sizeof command, "'%s' '%s' %zu", WEIR_BENCH_SPDLOG,
             scratch(run, "spdlog.log"), bursts);
    FILE *peer = popen(command, "r");
    if (!peer) return false;
    char line[100], *at = line;
    bool got = fgets(line, sizeof line, peer) != NULL;
    for (int i = 0; got && i < 3; i++)
        figures[i] = strtod(at, &at);
    return pclose(peer) == 0 && got && figures[2] > 0;
}

int bench_append(bench_run *run) {
    size_t bursts = run->quick ? BURSTS / 10 : BURSTS;
    double *each = calloc(bursts, sizeof *each), peer[3];
    if (!each) give_up("append", WEIR_NO_MEMORY);
    weir *w = open_weir(scratch(run, "append.db"), NULL);
    weir_table *table = declare(w);
    measure(table, each, bursts / 10); /* warm: pages touched, threads awake */
    measure(table, each, bursts);
    int status = weir_close(w);
    if (status < 0) give_up("closing", status);
    scratch_remove(run, "append.db");
    if (!ask_spdlog(run, bursts, peer)) {
        fprintf(stderr, "weir-bench: %s failed\n", WEIR_BENCH_SPDLOG);
        return 1;
    }
    double p50 = median(each, bursts);
    report_begin(run, "append",
                 "ns per append in bursts of 20 (published, against kept in memory)");
    report_field(run, "ratio", peer[0] / p50);
    report_field(run, "p50_ns", p50);
    report_field(run, "p99_ns", quantile(each, bursts, 0.99));
    report_field(run, "p999_ns", quantile(each, bursts, 0.999));
    report_field(run, "worst_ns", each[bursts - 1]);
    report_field(run, "spdlog_p50_ns", peer[0]);
    report_field(run, "spdlog_p99_ns", peer[1]);
    report_field(run, "spdlog_p999_ns", peer[2]);
    report_end(run);
    free(each);
    return 0;
}
