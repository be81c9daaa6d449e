/* by_weir.c - the same rows through weir. */
#include "ways.h"

enum { PATIENCE_MS = 600000 };

void sync_or_give_up(weir *w, weir_level level) {
    int status = weir_sync(w, level, PATIENCE_MS);
    if (status != WEIR_OK) give_up("waiting for what was appended", status);
}

weir_table *declare_workload(weir *w, const workload *load) {
    weir_table *table;
    int status = weir_declare(w, load->table, load->columns, load->count, &table);
    if (status != WEIR_OK) give_up("declaring", status);
    sync_or_give_up(w, WEIR_APPLIED);
    return table;
}

int append_rows(weir_table *table, const workload *load, uint64_t first, uint64_t rows) {
    weir_value values[WORKLOAD_COLUMNS_MAX];
    int status = WEIR_OK;
    for (uint64_t row = first; status == WEIR_OK && row < first + rows; row++) {
        load->fill(row, values);
        status = weir_append_row(table, values, load->count, NULL);
    }
    return status;
}

/* Indexes are made by hand, before weir sees the table. */
static void make_table(const char *path, const workload *load) {
    if (load->indexes) sqlite3_close(open_by_hand(path, load));
}

double by_weir(const bench_run *run, const workload *load, uint64_t rows) {
    make_table(scratch(run, "weir.db"), load);
    weir *w = open_weir(scratch(run, "weir.db"), NULL);
    weir_table *table = declare_workload(w, load);
    uint64_t start = now_ns();
    int status = append_rows(table, load, 0, rows);
    if (status != WEIR_OK) give_up("appending", status);
    sync_or_give_up(w, WEIR_APPLIED);
    double seconds = seconds_since(start);
    close_weir(w);
    scratch_remove(run, "weir.db");
    return (double)rows / seconds;
}
