/* load_double.c - in place of postgres/load.c, for tests of what is around it: a row becomes its number
 * in the table double, by COPY. */
#include <stdio.h>
#include <stdlib.h>

#include "postgres/load.h"

struct weir_pg_load {
    weir_pg *pg;
    bool copying;
    uint64_t rows;
};

int weir_pg_load_make(const weir_pg_load_config *config, weir_pg_load **out, weir_error *error) {
    (void)error;
    *out = calloc(1, sizeof **out);
    if (!*out) return WEIR_NO_MEMORY;
    (*out)->pg = config->pg;
    return WEIR_OK;
}

void weir_pg_load_free(weir_pg_load *load) { free(load); }

int weir_pg_load_prepare(weir_pg_load *load, weir_error *error) {
    return weir_pg_run(load->pg,
                       "CREATE TABLE IF NOT EXISTS weir_position (source uuid PRIMARY KEY,"
                       " epoch bigint, block bigint, \"row\" bigint, hash bytea);"
                       "CREATE TABLE IF NOT EXISTS double (n bigint)",
                       error);
}

int weir_pg_load_declare(weir_pg_load *load, const weir_declaration *d, weir_declare_when when,
                         weir_error *error) {
    (void)load, (void)d, (void)when, (void)error;
    return WEIR_OK;
}

int weir_pg_load_rows(weir_pg_load *load, const weir_block_header *header, weir_cursor body,
                      weir_row_range range, weir_error *error) {
    (void)header, (void)body;
    int status =
        load->copying ? WEIR_OK : weir_pg_copy_begin(load->pg, "COPY double FROM STDIN", error);
    load->copying = status == WEIR_OK;
    for (uint64_t n = range.first; n <= range.last && status == WEIR_OK; n++) {
        char line[24];
        int length = snprintf(line, sizeof line, "%llu\n", (unsigned long long)n);
        status = weir_pg_copy_put(load->pg, line, (size_t)length, error);
    }
    return status;
}

int weir_pg_load_finish(weir_pg_load *load, weir_sink_counts *counts, weir_error *error) {
    *counts = (weir_sink_counts){0};
    if (!load->copying) return WEIR_OK;
    load->copying = false;
    return weir_pg_copy_end(load->pg, &counts->rows, error);
}

void weir_pg_load_rollback(weir_pg_load *load) { load->copying = false; }
void weir_pg_load_forget(weir_pg_load *load) { (void)load; }

int weir_pg_check_declaration(weir_pg *pg, const char *schema, const weir_declaration *d,
                              int64_t *next_key, weir_error *error) {
    (void)schema, (void)d;
    *next_key = 41;
    return weir_pg_run(pg, "SELECT 1", error);
}
