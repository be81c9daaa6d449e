/* main.c - run all benches, or those that are named. */
#include <dlfcn.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#ifdef WEIR_BENCH_POSTGRES
/* It stays loaded until the process of this bench ends. */
static int load_bench_postgres(bench_run *run) {
    int (*bench)(bench_run *) = NULL;
    void *module = dlopen(WEIR_BENCH_POSTGRES, RTLD_NOW);
    if (module) *(void **)&bench = dlsym(module, "bench_postgres");
    if (!bench) fprintf(stderr, "weir-bench: %s\n", dlerror());
    return bench ? bench(run) : 1;
}
#endif

static const struct {
    const char *name, *what;
    int (*run)(bench_run *run);
} benches[] = {
    {"ingest", "rows appended, applied and synced, against prepared statements", bench_ingest},
    {"ceiling", "the same against the feed alone, without ring and journal", bench_ceiling},
    {"seed", "60 ticks of 200 agents, against a commit per row", bench_seed},
    {"append", "one append in bursts of 20, against spdlog's asynchronous logger", bench_append},
    {"log", "one message in bursts of 20, against an append, spdlog, Boost.Log, log4cplus, LTTng",
     bench_log},
    {"absorb", "rows into ring and journal while SQLite is locked", bench_absorb},
    {"commit", "append and wait until durable, against RocksDB, LMDB, SQLite, fdatasync",
     bench_commit},
    {"recover", "replay of a dead process's rows against the feed alone; verify", bench_recover},
    {"indexed", "two secondary indexes, random keys, against prepared statements", bench_indexed},
    {"wide", "40 columns, long texts, blobs, against prepared statements", bench_wide},
    {"narrow", "one integer column, against prepared statements", bench_narrow},
    {"latency", "from an append until another connection sees the row", bench_latency},
    {"cost", "bytes, processor time and memory of a row, and of an idle handle", bench_cost},
    {"idle", "processor time and wake-ups of an open handle that nobody uses", bench_idle},
    {"memory", "greatest resident size while a backlog is replayed", bench_memory},
    {"growth", "more rows in the file, more producers, more backlog", bench_growth},
    {"packed", "bytes of an archived row, before and after weir archive pack", bench_packed},
#ifdef WEIR_BENCH_POSTGRES
    {"postgres", "into a PostgreSQL server through the journal, against a bare COPY BINARY",
     load_bench_postgres},
#endif
};
enum { BENCHES = sizeof benches / sizeof *benches };

static void usage(FILE *to) {
    fprintf(to, "usage: weir-bench [NAME …] [--quick] [--json] [--plots DIR] [--dir DIR]\n"
                "                  [--against PROGRAM]\n");
    for (int i = 0; i < BENCHES; i++)
        fprintf(to, "  %-8s %s\n", benches[i].name, benches[i].what);
    fprintf(to, "  --quick  a tenth of the work or less: to see that it runs, not to quote\n"
                "  --json   one JSON object a line\n"
                "  --plots  draw into this directory (gnuplot)\n"
                "  --dir    where the files go: a real disk; default $TMPDIR or /var/tmp\n"
                "  --against  a weir-bench-four of another build, measured in turn by append\n");
}

/* ---- the command line ------------------------------------------------------------------------ */

static bool known(const char *name) {
    for (int i = 0; i < BENCHES; i++)
        if (strcmp(benches[i].name, name) == 0) return true;
    return false;
}

static const char *read_options(int argc, char **argv, bench_run *run) {
    static const struct option names[] = {{"quick", no_argument, NULL, 'q'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"plots", required_argument, NULL, 'p'},
                                          {"dir", required_argument, NULL, 'd'},
                                          {"against", required_argument, NULL, 'a'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    const char *base = getenv("TMPDIR");
    if (!base || !*base) base = "/var/tmp";
    for (int c; (c = getopt_long(argc, argv, "h", names, NULL)) != -1;) {
        switch (c) {
        case 'q': run->quick = true; break;
        case 'j': run->report.json = true; break;
        case 'p': run->plots = optarg; break;
        case 'a': run->against = optarg; break;
        case 'd': base = optarg; break;
        case 'h': usage(stdout); exit(0);
        default: usage(stderr); exit(16);
        }
    }
    for (int i = optind; i < argc; i++) {
        if (known(argv[i])) continue;
        fprintf(stderr, "weir-bench: there is no bench %s\n", argv[i]);
        usage(stderr);
        exit(16);
    }
    return base;
}

/* ---- running --------------------------------------------------------------------------------- */

static bool wanted(const char *name, char **names, int count) {
    bool found = count == 0;
    for (int i = 0; i < count; i++)
        found |= strcmp(names[i], name) == 0;
    return found;
}

static volatile sig_atomic_t worker, stopped;

static void stop(int number) {
    stopped = number;
    if (worker > 0) (void)kill((pid_t)worker, number);
}

/* A process of its own: none inherits another's memory, and what one leaves behind when it fails or
 * is interrupted can be removed. */
static bool run_bench(bench_run *run, int number) {
    int status;
    fflush(NULL); /* or the child prints it again */
    pid_t child = fork();
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        exit(benches[number].run(run));
    }
    worker = child;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    worker = 0;
    return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* A bench that cannot run does not keep the others from running. */
static int run_benches(bench_run *run, char **names, int count) {
    int failed = 0;
    report_title(&run->report);
    run->report.overview = plot_begin(run, "overview");
    for (int i = 0; i < BENCHES && !stopped; i++) {
        if (!wanted(benches[i].name, names, count) || run_bench(run, i)) continue;
        fprintf(stderr, "weir-bench: %s could not run\n", benches[i].name);
        failed = 1;
    }
    if (run->report.overview) plot_end(run, "overview", run->report.overview);
    return failed;
}

static void watch_signals(void) {
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        (void)signal(signals[i], stop);
}

int main(int argc, char **argv) {
    static char directory[4096];
    bench_run run = {.directory = directory};
    const char *base = read_options(argc, argv, &run);

    if (snprintf(directory, sizeof directory, "%s/weir-bench-XXXXXX", base) >=
            (int)sizeof directory ||
        !mkdtemp(directory)) {
        fprintf(stderr, "weir-bench: cannot make a directory in %s\n", base);
        return 8;
    }
    if (run.plots && mkdir(run.plots, 0777) && errno != EEXIST)
        fprintf(stderr, "weir-bench: %s: %s\n", run.plots, strerror(errno));
    watch_signals();
    int failed = run_benches(&run, argv + optind, argc - optind);
    remove_tree(directory);
    return failed;
}
