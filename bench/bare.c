/* bare.c - pwrite of 4 KiB and fdatasync on a file of zeros, and append and wait until durable, one
 * thread, fifty of one and fifty of the other in turn. */
#include "bare.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "ways.h"

enum { PAGE = 4096, FILE_PAGES = 4096, BATCH = 50, BATCHES = 12 };

static int zero_file(const char *path) {
    static const char zeros[PAGE];
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool well = file >= 0;
    for (int i = 0; well && i < FILE_PAGES; i++)
        well = write(file, zeros, PAGE) == PAGE;
    if (well && fsync(file) == 0) return file;
    if (file >= 0) close(file);
    return -1;
}

static bool bare_batch(int file, off_t *page, double *each) {
    char bytes[PAGE];
    for (int i = 0; i < BATCH; i++) {
        memset(bytes, i + 1, sizeof bytes);
        uint64_t start = now_ns();
        if (pwrite(file, bytes, PAGE, *page * PAGE) != PAGE || fdatasync(file)) return false;
        each[i] = (double)(now_ns() - start);
        *page = (*page + 1) % FILE_PAGES;
    }
    return true;
}

static bool our_batch(weir *w, weir_table *table, double *each) {
    weir_value values[WORKLOAD_COLUMNS_MAX];
    weir_ticket ticket;
    int status = WEIR_OK;
    for (int i = 0; status == WEIR_OK && i < BATCH; i++) {
        AGENT_ROWS.fill((uint64_t)i, values);
        uint64_t start = now_ns();
        status = weir_append_row(table, values, AGENT_ROWS.count, &ticket);
        if (status == WEIR_OK) status = weir_wait(w, ticket, WEIR_DURABLE, 10000);
        each[i] = (double)(now_ns() - start);
    }
    return status == WEIR_OK;
}

bool measure_bare(const bench_run *run, double *bare_ns, double *weir_ns) {
    double bare[BATCH * BATCHES], ours[BATCH * BATCHES];
    weir *w = open_weir(scratch(run, "bare.db"), NULL);
    weir_table *table = declare_workload(w, &AGENT_ROWS);
    int file = zero_file(scratch(run, "bare"));
    bool well = file >= 0;
    off_t page = 0;

    for (int i = 0; well && i < BATCHES; i++)
        well = bare_batch(file, &page, bare + i * BATCH) && our_batch(w, table, ours + i * BATCH);
    if (!well) perror("weir-bench: commit");
    if (file >= 0) close(file);
    close_weir(w);
    scratch_remove(run, "bare");
    scratch_remove(run, "bare.db");
    if (!well) return false;
    sort_figures(bare, BATCH * BATCHES);
    sort_figures(ours, BATCH * BATCHES);
    *bare_ns = quantile(bare, BATCH * BATCHES, 0.5);
    *weir_ns = quantile(ours, BATCH * BATCHES, 0.5);
    return true;
}
