/* recover.c - a process dies and leaves rows in its journal. How fast does the next one replay them,
 * against what SQLite can take at all; and how fast are they verified, without being applied? */
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/format/row_encode.h"
#include "backlog.h"
#include "ceiling.h"

enum { ROWS = 10000000, ROUNDS = 3 };

typedef struct measured {
    size_t rounds;
    double replay[ROUNDS], ceiling[ROUNDS], verify[ROUNDS]; /* rows/s, rows/s, bytes/s */
} measured;

/* weir verify, from its start to its end; 0 and 1 say that all is well. Its processor time
 * in seconds, as the figure is one of a core; 0: it failed. */
static double verify_seconds(const char *path) {
    struct rusage used;
    fflush(NULL); /* or the child prints it again */
    pid_t child = fork();
    if (child == 0) {
        if (freopen("/dev/null", "w", stdout))
            execl(WEIR_RECOVER, WEIR_RECOVER, "verify", path, (char *)NULL);
        _exit(127);
    }
    int status;
    if (child < 0 || wait4(child, &status, 0, &used) != child || !WIFEXITED(status) ||
        WEXITSTATUS(status) > 1)
        return 0;
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

/* As they stand in a block, before compression. */
static double bytes_of_rows(uint64_t rows) {
    weir_value values[WORKLOAD_COLUMNS_MAX];
    uint64_t bytes = 0;
    int status = WEIR_OK;
    for (uint64_t row = 0; row < rows; row++) {
        AGENT_ROWS.fill(row, values);
        bytes += weir_row_size(values, AGENT_ROWS.count, &status);
    }
    return (double)bytes;
}

static bool measure_round(const bench_run *run, uint64_t rows, measured *m, size_t i) {
    const char *path = scratch(run, "recover.db");
    backlog left;
    replay replayed;
    if (!leave_backlog(path, rows, &left)) return false;
    settle(run);
    double verified = verify_seconds(path);
    if (verified <= 0 || !replay_backlog(path, &replayed)) return false;
    scratch_remove(run, "recover.db");
    if (replayed.rows != left.rows) return false;
    m->verify[i] = bytes_of_rows(rows) / verified;
    m->replay[i] = left.rows / replayed.seconds;
    settle(run);
    m->ceiling[i] = ceiling_rows_per_s(run, rows);
    return m->ceiling[i] > 0;
}

static void report_all(bench_run *run, const measured *m) {
    double mine = spread_of(m->replay, m->rounds).median;
    double theirs = spread_of(m->ceiling, m->rounds).median;
    spread verify = spread_of(m->verify, m->rounds);
    char other[80];
    snprintf(other, sizeof other, "the feed alone %s", amount(theirs, "rows/s"));
    report_begin(&run->report, "recover", APPLIED_DURABILITY, BY_HAND_DURABILITY);
    report_figure(&run->report,
                  &(figure){.name = "ratio",
                            .part = "replay",
                            .unit = "×",
                            .ours = amount(mine, "rows/s"),
                            .theirs = other,
                            .value = spread_of_ratio(m->replay, m->ceiling, m->rounds),
                            .goal = {GOAL_AT_LEAST, 0.95}});
    report_figure(&run->report, &(figure){.name = "verify_bytes_per_s",
                                          .part = "verify, one core",
                                          .unit = "B/s of rows",
                                          .value = verify,
                                          .goal = {GOAL_AT_LEAST, 1.2e9}});
    report_field(&run->report, "replay_rows_per_s", mine);
    report_field(&run->report, "feed_rows_per_s", theirs);
    report_end(&run->report);
}

int bench_recover(bench_run *run) {
    measured m = {.rounds = run->quick ? 2 : ROUNDS};
    for (size_t i = 0; i < m.rounds; i++) {
        progress("recover: round %zu of %zu", i + 1, m.rounds);
        if (measure_round(run, run->quick ? ROWS / 10 : ROWS, &m, i)) continue;
        fprintf(stderr, "weir-bench: recover: a round failed\n");
        return 1;
    }
    report_all(run, &m);
    return 0;
}
