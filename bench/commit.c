/* commit.c - append one row and wait until it is durable, one thread, against the least that any
 * program pays for that promise: pwrite of 4 KiB and fdatasync on a file of zeros. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

enum { PAGE = 4096, FILE_PAGES = 4096, BATCH = 50, BATCHES = 60 };

static int zero_file(const char *path) {
    static const char zeros[PAGE];
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    for (int i = 0; file >= 0 && i < FILE_PAGES; i++)
        if (write(file, zeros, PAGE) != PAGE) {
            close(file);
            return -1;
        }
    if (file >= 0 && fsync(file)) {
        close(file);
        return -1;
    }
    return file;
}

static int bare_commits(int file, off_t *page, double *each) {
    char bytes[PAGE];
    for (int i = 0; i < BATCH; i++) {
        memset(bytes, i + 1, sizeof bytes);
        uint64_t start = now_ns();
        if (pwrite(file, bytes, PAGE, *page * PAGE) != PAGE || fdatasync(file)) return 1;
        each[i] = (double)(now_ns() - start);
        *page = (*page + 1) % FILE_PAGES;
    }
    return 0;
}

static void our_commits(weir *w, weir_table *table, double *each) {
    for (int i = 0; i < BATCH; i++) {
        agent a = agent_at((uint64_t)i);
        uint64_t start = now_ns();
        int status = append_agent(table, &a);
        if (status == WEIR_OK) status = weir_sync(w, WEIR_DURABLE, 10000);
        each[i] = (double)(now_ns() - start);
        if (status != WEIR_OK) give_up("commit", status);
    }
}

int bench_commit(bench_run *run) {
    static double ours[BATCH * BATCHES], bare[BATCH * BATCHES];
    size_t batches = run->quick ? BATCHES / 10 : BATCHES;
    off_t page = 0;
    weir *w = open_weir(scratch(run, "commit.db"), NULL);
    weir_table *table = declare_agents(w);
    int file = zero_file(scratch(run, "bare"));
    int failed = file < 0;

    for (size_t i = 0; !failed && i < batches; i++) {
        failed = bare_commits(file, &page, bare + i * BATCH);
        our_commits(w, table, ours + i * BATCH);
    }
    if (failed) perror("weir-bench: the bare file");
    if (file >= 0) close(file);
    weir_close(w);
    double theirs = median(bare, batches * BATCH), mine = median(ours, batches * BATCH);
    report_begin(run, "commit", "append and wait until durable, one thread");
    report_field(run, "ratio", mine / theirs);
    report_field(run, "weir_p50_ns", mine);
    report_field(run, "weir_p99_ns", quantile(ours, batches * BATCH, 0.99));
    report_field(run, "bare_p50_ns", theirs);
    report_field(run, "bare_p99_ns", quantile(bare, batches * BATCH, 0.99));
    report_end(run);
    return failed;
}
