/* ceiling.h - what SQLite can take at all, for those who measure against it. */
#ifndef WEIR_BENCH_CEILING_H
#define WEIR_BENCH_CEILING_H

#include "ways.h"

/* The rows of AGENT_ROWS through the bare feed; 0: the program failed. */
double ceiling_rows_per_s(const bench_run *run, uint64_t rows);

#endif
