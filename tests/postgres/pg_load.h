/* pg_load.h - rows into a server by weir_pg_load, one transaction at a time, as the sink does it. One
 * server for a program; each test has it with an empty schema public. */
#ifndef WEIR_TESTS_PG_LOAD_H
#define WEIR_TESTS_PG_LOAD_H

#include "pg_server.h"
#include "postgres/load.h"
#include "rows.h"
#include "support.h"

typedef struct pg_load {
    pg_server server;
    weir_pg *pg;
    weir_pg_load *load; /* of the default configuration, unless the test makes another */
    rows_pool pool;
    uint8_t journal[16];
    uint64_t next_block, next_row;
    unsigned attempts; /* of the last transaction */
    weir_error error;
} pg_load;

int pg_load_group_set_up(void **state); /* starts the server, or leaves *state NULL */
int pg_load_group_tear_down(void **state);
int pg_load_set_up(void **state);
int pg_load_tear_down(void **state);
#define PG_TEST(name) cmocka_unit_test_setup_teardown(name, pg_load_set_up, pg_load_tear_down)
/* At the begin of each test: the fixture, or the test is skipped. */
pg_load *pg_load_of(void **state);

/* Another load on the same connection in place of the one there is. */
void pg_load_renew(pg_load *f, bool by_insert, bool row_numbers, const char *schema);

int pg_load_declare(pg_load *f, uint16_t table, const char *name, const weir_column *columns,
                    size_t count); /* WITH_ROWS; asserted */
/* With WEIR_DECLARE_NOW in a transaction of its own; the status. */
int pg_load_declare_now(pg_load *f, uint16_t table, const char *name, const weir_column *columns,
                        size_t count);
rows_block pg_load_rows(pg_load *f); /* the next block, still without rows */
/* One transaction of the block, begun again as replay would. The block stays. */
int pg_load_try(pg_load *f, const rows_block *b, weir_sink_counts *counts);
/* The same, asserted, and the block is freed. */
weir_sink_counts pg_load_all(pg_load *f, rows_block *b);

/* All rows of a query as text: fields by "|", rows by newlines, "-" for NULL; for free(). */
char *pg_text(const pg_load *f, const char *sql);
void pg_assert(const pg_load *f, const char *sql, const char *expected);

#endif
