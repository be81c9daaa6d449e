/* ways.h - one workload, two ways into a database: the best that people write by hand, and weir. */
#ifndef WEIR_BENCH_WAYS_H
#define WEIR_BENCH_WAYS_H

#include <sqlite3.h>

#include "bench.h"
#include "workload.h"

#define BY_HAND "prepared statements"
#define BY_HAND_DURABILITY "synced (WAL, FULL)"
#define APPLIED_DURABILITY "applied, synced (WAL, FULL)"

/* ---- by_hand.c ----------------------------------------------------------------------------- */

/* A connection as one would open it by hand: WAL, synchronous=FULL, and as much cache as weir's
 * writer has. Stops the process when it cannot. */
sqlite3 *open_by_hand(const char *path, const workload *load);
void check_sqlite(sqlite3 *db, int status);
sqlite3_stmt *prepare_insert(sqlite3 *db, const workload *load);
void insert_values(sqlite3_stmt *s, const weir_value *values, size_t count);

/* Rows first … first + rows - 1, up to 50,000 of them and 16 MiB a transaction. */
void insert_by_hand(sqlite3 *db, const workload *load, uint64_t first, uint64_t rows);

/* Rows a second into a fresh database, from the first row to the end of the last commit. */
double by_hand(const bench_run *run, const workload *load, uint64_t rows);

/* ---- by_weir.c ----------------------------------------------------------------------------- */

/* Applied, so that no clock measures the making of a table. */
weir_table *declare_workload(weir *w, const workload *load);

int append_rows(weir_table *table, const workload *load, uint64_t first, uint64_t rows);
void sync_or_give_up(weir *w, weir_level level);

/* Rows a second into a fresh database, from the first append until all is applied and synced. */
double by_weir(const bench_run *run, const workload *load, uint64_t rows);

/* ---- ways.c -------------------------------------------------------------------------------- */

typedef struct in_turn { /* A B A B …: rows a second of each round */
    size_t rounds;
    double hand[ROUNDS_MAX], weir[ROUNDS_MAX];
} in_turn;

void measure_in_turn(const bench_run *run, const workload *load, uint64_t rows, size_t rounds,
                     in_turn *out);

/* The figure of that: weir's rows a second over the others'. name, part: see figure. */
void report_in_turn(bench_run *run, const in_turn *measured, const char *name, const char *part,
                    double at_least);

#endif
