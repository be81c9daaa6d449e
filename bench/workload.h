/* workload.h - tables, and the rows that go into them. Each row is a function of its number. */
#ifndef WEIR_BENCH_WORKLOAD_H
#define WEIR_BENCH_WORKLOAD_H

#include <weir/weir.h>

enum { WORKLOAD_COLUMNS_MAX = 40 };

typedef struct workload {
    const char *table;
    const weir_column *columns;
    size_t count;
    const char *indexes; /* SQL; NULL: none */
    size_t row_bytes;    /* roughly, in the database */
    void (*fill)(uint64_t row, weir_value *values);
} workload;

extern const workload AGENT_ROWS;        /* six columns of a simulation: the shape of every bench */
extern const workload RANDOM_AGENT_ROWS; /* the same; type, real and flag are 22.3 random bits */
extern const workload NUMBER_ROWS;       /* two integers and a real */
extern const workload TRADE_ROWS;        /* two secondary indexes, random keys */
extern const workload NARROW_ROWS;       /* an integer */
extern const workload WIDE_ROWS;         /* columns of all types */
extern const workload TEXT_ROWS;         /* 4 KiB of words */
extern const workload BLOB_ROWS;         /* 64 KiB that do not compress */

uint64_t workload_mix(uint64_t x); /* as good as random, and the same each time */

/* CREATE TABLE and its indexes, into text of size bytes. */
void workload_schema(const workload *load, char *text, size_t size);

#endif
