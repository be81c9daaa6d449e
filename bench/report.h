/* report.h - what a bench found, as a Markdown table for people or a JSON object a line. */
#ifndef WEIR_BENCH_REPORT_H
#define WEIR_BENCH_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "figures.h"

typedef struct report {
    bool json;
    const char *bench, *ours, *theirs; /* what each side promises when its clock stops */
    FILE *overview;                    /* figure and goal of each bench, for a plot; may be NULL */
} report;

typedef struct goal {
    enum { GOAL_NONE, GOAL_AT_LEAST, GOAL_AT_MOST } sense;
    double value;
} goal;

typedef struct figure {
    const char *name;          /* in JSON: "ratio", "p50_ns" */
    const char *part;          /* in the table, behind the bench's name; may be NULL */
    const char *unit;          /* in the table, behind the figure: "×", "ns" */
    const char *ours, *theirs; /* in the table: what either side did; see amount() */
    spread value;
    goal goal;
    const char *theirs_durability; /* NULL: as the report's */
} figure;

void report_title(const report *r); /* the head of the table */
void report_begin(report *r, const char *bench, const char *ours, const char *theirs);
void report_figure(report *r, const figure *f);
void report_field(report *r, const char *name, double value); /* in JSON only */
void report_spread(report *r, spread ratio); /* in JSON only: the "ratio" that counts of several */
void report_end(report *r);

/* Within a report: what to measure against was not there, or does not run. */
#define NOT_BUILT "it was not there to build"
void report_missing(const report *r, const char *peer, const char *why);

/* On standard error, and only on a terminal: what is being measured. */
void progress(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "3.41 M rows/s", "127 µs": live until the eighth call behind this one. */
const char *amount(double value, const char *unit);
const char *duration(double ns);

#endif
