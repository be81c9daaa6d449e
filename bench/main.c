/* main.c - run all benches, or those that are named. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static const struct {
    const char *name, *what;
    int (*run)(bench_run *run);
} benches[] = {
    {"ingest", "rows appended, applied and synced, against prepared statements", bench_ingest},
    {"append", "one append in bursts of 20, against spdlog's asynchronous logger", bench_append},
    {"commit", "append and wait until durable, against pwrite and fdatasync", bench_commit},
    {"idle", "processor time of an open handle that nobody uses", bench_idle},
    {"memory", "greatest resident size while a backlog is replayed", bench_memory},
};
enum { BENCHES = sizeof benches / sizeof *benches };

static void usage(FILE *to) {
    fprintf(to, "usage: weir-bench [NAME …] [--quick] [--json] [--dir DIRECTORY]\n");
    for (int i = 0; i < BENCHES; i++)
        fprintf(to, "  %-8s %s\n", benches[i].name, benches[i].what);
    fprintf(to, "  --quick  a tenth of the work: to see that it runs, not to quote\n"
                "  --json   one JSON object a line\n"
                "  --dir    where the files go: a real disk; default $TMPDIR or /var/tmp\n");
}

static bool wanted(const char *name, char **names, int count) {
    bool found = count == 0;
    for (int i = 0; i < count; i++)
        found |= strcmp(names[i], name) == 0;
    return found;
}

static bool known(const char *name) {
    for (int i = 0; i < BENCHES; i++)
        if (strcmp(benches[i].name, name) == 0) return true;
    return false;
}

static const char *read_options(int argc, char **argv, bench_run *run) {
    static const struct option names[] = {{"quick", no_argument, NULL, 'q'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"dir", required_argument, NULL, 'd'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    const char *base = getenv("TMPDIR");
    if (!base || !*base) base = "/var/tmp";
    for (int c; (c = getopt_long(argc, argv, "h", names, NULL)) != -1;) {
        switch (c) {
        case 'q': run->quick = true; break;
        case 'j': run->json = true; break;
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

int main(int argc, char **argv) {
    bench_run run = {0};
    const char *base = read_options(argc, argv, &run);
    int failed = 0;

    if (snprintf(run.directory, sizeof run.directory, "%s/weir-bench-XXXXXX", base) >=
            (int)sizeof run.directory ||
        !mkdtemp(run.directory)) {
        fprintf(stderr, "weir-bench: cannot make a directory in %s\n", base);
        return 8;
    }
    for (int i = 0; i < BENCHES && !failed; i++)
        if (wanted(benches[i].name, argv + optind, argc - optind)) failed = benches[i].run(&run);
    remove_tree(run.directory);
    return failed;
}
