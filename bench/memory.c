/* memory.c - a process dies and leaves a backlog of 1 GiB of rows; another opens and replays it. What
 * is the greatest resident size of that one, and how fast does it go? */
#include "backlog.h"

int bench_memory(bench_run *run) {
    uint64_t rows = rows_of_bytes((uint64_t)1 << (run->quick ? 27 : 30));
    const char *path = scratch(run, "memory.db");
    backlog left;
    replay replayed;

    progress("memory: leaving a backlog, and replaying it");
    bool well = leave_backlog(path, rows, &left) && replay_backlog(path, &replayed);
    scratch_remove(run, "memory.db");
    if (!well) return 1;
    double size = replayed.resident_mib;
    report_begin(&run->report, "memory", APPLIED_DURABILITY, "none");
    report_figure(&run->report, &(figure){.name = "resident_mib",
                                          .part = "greatest resident size in replay",
                                          .unit = "MiB",
                                          .value = {size, size, size},
                                          .goal = {GOAL_AT_MOST, 48}});
    report_field(&run->report, "backlog_mib", left.bytes / (1 << 20));
    report_field(&run->report, "rows", replayed.rows);
    report_field(&run->report, "rows_per_s", replayed.rows / replayed.seconds);
    report_end(&run->report);
    return 0;
}
