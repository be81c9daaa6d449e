/* bench.h - what the benches share. Each bench measures two things in turn, A B A B …, in one run
 * and reports one line of figures; those that are not ratios hold for this machine only. */
#ifndef WEIR_BENCH_H
#define WEIR_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <weir/sqlite.h>

#include "figures.h"
#include "report.h"

typedef struct bench_run {
    bool quick;            /* a tenth of the work or less: to see that it works, not to quote */
    const char *plots;     /* directory for plots; NULL: none */
    const char *against;   /* another build's weir-bench-four; NULL: none */
    const char *directory; /* scratch, removed at the end */
    report report;
} bench_run;

/* ---- scratch.c: files ---------------------------------------------------------------------- */

const char *scratch(const bench_run *run, const char *name); /* until the fourth call after this */
void scratch_remove(const bench_run *run, const char *name); /* a database with all beside it */
void remove_tree(const char *path);
uint8_t *map_scratch(const bench_run *run, const char *name, size_t bytes); /* a file; or NULL */

/* Wait until what the last measurement left to be written is written, so that the next one does
 * not pay for it. */
void settle(const bench_run *run);
/* The same; and what comes next begins with memory that was just used, if there is so much. The host
 * of a virtual machine may take back memory that has been free for a while. Each page of it then
 * costs microseconds when it is touched first, and whatever grows into it looks slower than what
 * lives in memory that another measurement left. */
void settle_in_memory(const bench_run *run);

/* ---- child.c: processes -------------------------------------------------------------------- */

/* Fill figures in a process of its own, which then ends without closing anything. False: it
 * failed. */
typedef void child_measure(const void *context, double *figures);
bool in_child(child_measure *measure, const void *context, double *figures, size_t count);

/* Run a program that prints so many numbers on one line. arguments ends with NULL. */
bool ask_program(const char *const *arguments, double *figures, size_t count);

/* ---- weir.c: opening, and words for what fails --------------------------------------------- */

_Noreturn void give_up(const char *doing, int status);
weir *open_weir(const char *path, const weir_options *options);
void close_weir(weir *w);

/* ---- plot.c -------------------------------------------------------------------------------- */

/* A table of numbers for plots/NAME.gp, and the drawing of it as NAME.svg. NULL: no plots. */
FILE *plot_begin(const bench_run *run, const char *name);
void plot_end(const bench_run *run, const char *name, FILE *table);

/* ---- the benches: 0, or 1 when it could not run -------------------------------------------- */

int bench_ingest(bench_run *run);
int bench_ceiling(bench_run *run);
int bench_seed(bench_run *run);
int bench_append(bench_run *run);
int bench_log(bench_run *run);
int bench_absorb(bench_run *run);
int bench_commit(bench_run *run);
int bench_recover(bench_run *run);
int bench_indexed(bench_run *run);
int bench_wide(bench_run *run);
int bench_narrow(bench_run *run);
int bench_latency(bench_run *run);
int bench_cost(bench_run *run);
int bench_idle(bench_run *run);
int bench_memory(bench_run *run);
int bench_growth(bench_run *run);
int bench_packed(bench_run *run);
int bench_postgres(bench_run *run); /* only where libweir-postgres is built */

#endif
