/* plot.c - tables of numbers, and gnuplot to draw them. */
#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

FILE *plot_begin(const bench_run *run, const char *name) {
    char path[4200];
    if (!run->plots) return NULL;
    snprintf(path, sizeof path, "%s/%s.dat", run->plots, name);
    FILE *table = fopen(path, "w");
    if (!table) fprintf(stderr, "weir-bench: %s: %s\n", path, strerror(errno));
    return table;
}

/* The scripts read NAME.dat and print SVG. */
void plot_end(const bench_run *run, const char *name, FILE *table) {
    char script[4200], data[4200], out[4200];
    pid_t child;
    int status;
    snprintf(script, sizeof script, "%s/%s.gp", WEIR_BENCH_PLOTS, name);
    snprintf(data, sizeof data, "%s/%s.dat", run->plots, name);
    snprintf(out, sizeof out, "%s/%s.svg", run->plots, name);
    if (fclose(table)) fprintf(stderr, "weir-bench: %s: %s\n", data, strerror(errno));
    /* The exec drops const, but does not write. */
    const char *arguments[] = {"gnuplot", "-c", script, data, out, NULL};
    if (posix_spawnp(&child, "gnuplot", NULL, NULL, (char *const *)arguments, environ) ||
        waitpid(child, &status, 0) != child || status)
        fprintf(stderr, "weir-bench: gnuplot did not draw %s\n", out);
}
