/* bench.h - what the benches share. Each bench measures two things in turn in one run and reports
 * one line; figures that are not ratios are only for this machine. */
#ifndef WEIR_BENCH_H
#define WEIR_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/sqlite.h>

typedef struct bench_run {
    bool quick; /* a tenth of the work: to see that it works, not to quote */
    bool json;
    char directory[4096]; /* scratch, removed at the end */
    bool first;           /* of this line's fields */
} bench_run;

/* A report is one line: begin, fields, end. note: what is measured, for people. */
void report_begin(bench_run *run, const char *bench, const char *note);
void report_field(bench_run *run, const char *name, double value);
void report_end(bench_run *run);

uint64_t now_ns(void);
double median(double *values, size_t count);                      /* sorts them */
double quantile(const double *sorted, size_t count, double part); /* part: 0 … 1 */
const char *scratch(const bench_run *run, const char *name);      /* valid until the next call */
void scratch_remove(const bench_run *run, const char *name); /* a database with all beside it */
void remove_tree(const char *path);
_Noreturn void give_up(const char *doing, int status); /* with weir's words */
weir *open_weir(const char *path, const weir_options *options);

/* The agent_state shape, in each of the two ways. */
typedef struct agent {
    int64_t tick, id;
    double assets;
    const char *type;
    int active;
} agent;

agent agent_at(uint64_t row);
weir_table *declare_agents(weir *w);
extern const char *const AGENT_SCHEMA;

static inline int append_agent(weir_table *table, const agent *a) {
    return weir_append(table, weir_int(1), weir_int(a->tick), weir_int(a->id), weir_text(a->type),
                       weir_real(a->assets), weir_int(a->active));
}

int bench_ingest(bench_run *run);
int bench_append(bench_run *run);
int bench_commit(bench_run *run);
int bench_idle(bench_run *run);
int bench_memory(bench_run *run);

#endif
