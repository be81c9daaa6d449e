/* cost.c - what a row costs in bytes and in processor time, all threads and all files together, and
 * what weir costs while nobody uses it. Each side runs in a process of its own. */
#include <stdlib.h>
#include <string.h>

#include "backlog.h"
#include "idle.h"

enum { ROWS = 3000000, ROUNDS = 3 };

typedef struct task {
    const bench_run *run;
    uint64_t rows;
} task;

/* As the kernel counts them: pages made dirty, whichever file they belong to. */
static double bytes_to_disk(void) {
    static const char key[] = "write_bytes: ";
    char line[128];
    double bytes = 0;
    FILE *file = fopen("/proc/self/io", "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, key, sizeof key - 1) == 0) bytes = strtod(line + sizeof key - 1, NULL);
    if (file) fclose(file);
    return bytes;
}

/* ---- the two sides, in a child --------------------------------------------------------------- */

enum { PROCESSOR_NS, DISK_BYTES, RESIDENT_MIB, HAND_FIGURES };
enum { JOURNAL_BYTES = HAND_FIGURES, IDLE_MS, IDLE_SECONDS, WAKEUPS, WEIR_FIGURES };

/* To the end of the last checkpoint on both sides: closing is part of what rows cost. */
static void hand_cost(const void *context, double *figures) {
    const task *t = context;
    sqlite3 *db = open_by_hand(scratch(t->run, "cost.db"), &AGENT_ROWS);
    double used = processor_ms(), written = bytes_to_disk();
    insert_by_hand(db, &AGENT_ROWS, 0, t->rows);
    sqlite3_close(db);
    figures[PROCESSOR_NS] = (processor_ms() - used) * 1e6 / (double)t->rows;
    figures[DISK_BYTES] = (bytes_to_disk() - written) / (double)t->rows;
    figures[RESIDENT_MIB] = high_water_mib();
}

static void measure_rest(weir *w, const task *t, double *figures) {
    struct weir_stats stats;
    int status = weir_stats(w, &stats);
    if (status != WEIR_OK) give_up("cost", status);
    figures[JOURNAL_BYTES] = (double)stats.bytes_durable / (double)t->rows;
    figures[RESIDENT_MIB] = high_water_mib();
    idleness idle = measure_idleness(t->run);
    figures[IDLE_MS] = idle.processor_ms;
    figures[IDLE_SECONDS] = idle.seconds;
    figures[WAKEUPS] = idle.wakeups;
}

/* The process's own counts go on while it is idle: by nothing, or that is a finding too. */
static void weir_cost(const void *context, double *figures) {
    const task *t = context;
    weir *w = open_weir(scratch(t->run, "cost.db"), NULL);
    weir_table *table = declare_workload(w, &AGENT_ROWS);
    double used = processor_ms(), written = bytes_to_disk();
    int status = append_rows(table, &AGENT_ROWS, 0, t->rows);
    if (status != WEIR_OK) give_up("appending", status);
    sync_or_give_up(w, WEIR_APPLIED);
    measure_rest(w, t, figures);
    close_weir(w);
    figures[PROCESSOR_NS] = (processor_ms() - used) * 1e6 / (double)t->rows;
    figures[DISK_BYTES] = (bytes_to_disk() - written) / (double)t->rows;
}

/* ---- reporting ------------------------------------------------------------------------------- */

typedef struct measured {
    size_t rounds;
    double hand[HAND_FIGURES][ROUNDS], ours[WEIR_FIGURES][ROUNDS];
} measured;

static bool measure_round(const task *t, measured *m, size_t round) {
    double hand[HAND_FIGURES], ours[WEIR_FIGURES];
    settle(t->run);
    bool well = in_child(hand_cost, t, hand, HAND_FIGURES);
    scratch_remove(t->run, "cost.db");
    settle(t->run);
    well = well && in_child(weir_cost, t, ours, WEIR_FIGURES);
    scratch_remove(t->run, "cost.db");
    for (int i = 0; well && i < HAND_FIGURES; i++)
        m->hand[i][round] = hand[i];
    for (int i = 0; well && i < WEIR_FIGURES; i++)
        m->ours[i][round] = ours[i];
    return well;
}

static void report_ratio(bench_run *run, const measured *m, int which, const char *name,
                         const char *part, const char *unit) {
    char other[80];
    snprintf(other, sizeof other, "%s %s", BY_HAND,
             amount(spread_of(m->hand[which], m->rounds).median, unit));
    report_figure(&run->report,
                  &(figure){.name = name,
                            .part = part,
                            .unit = "×",
                            .ours = amount(spread_of(m->ours[which], m->rounds).median, unit),
                            .theirs = other,
                            .value = spread_of_ratio(m->ours[which], m->hand[which], m->rounds)});
}

static void report_cost(bench_run *run, const measured *m, int which, const char *name,
                        const char *part, const char *unit, double at_most) {
    goal none = {GOAL_NONE, 0}, limit = {GOAL_AT_MOST, at_most};
    report_figure(&run->report, &(figure){.name = name,
                                          .part = part,
                                          .unit = unit,
                                          .value = spread_of(m->ours[which], m->rounds),
                                          .goal = at_most < 0 ? none : limit});
}

static void report_all(bench_run *run, const measured *m) {
    report_begin(&run->report, "cost", APPLIED_DURABILITY, BY_HAND_DURABILITY);
    report_ratio(run, m, PROCESSOR_NS, "ratio", "processor time a row", "ns");
    report_ratio(run, m, DISK_BYTES, "ratio_disk_bytes", "bytes written a row", "B");
    report_cost(run, m, JOURNAL_BYTES, "journal_bytes_per_row", "journal", "B/row", 9);
    report_cost(run, m, DISK_BYTES, "disk_bytes_per_row", "all files", "B/row", -1);
    report_cost(run, m, PROCESSOR_NS, "processor_ns_per_row", "all threads", "ns/row", 350);
    report_cost(run, m, WAKEUPS, "idle_wakeups", "wake-ups when idle", "", 0);
    report_cost(run, m, IDLE_MS, "idle_processor_ms", "when idle", "ms", -1);
    report_cost(run, m, RESIDENT_MIB, "memory_mib", "greatest resident size", "MiB", 48);
    report_field(&run->report, "idle_seconds", m->ours[IDLE_SECONDS][0]);
    report_field(&run->report, "prepared_processor_ns_per_row",
                 spread_of(m->hand[PROCESSOR_NS], m->rounds).median);
    report_field(&run->report, "prepared_disk_bytes_per_row",
                 spread_of(m->hand[DISK_BYTES], m->rounds).median);
    report_field(&run->report, "prepared_memory_mib",
                 spread_of(m->hand[RESIDENT_MIB], m->rounds).median);
    report_end(&run->report);
}

int bench_cost(bench_run *run) {
    task t = {run, run->quick ? ROWS / 10 : ROWS};
    measured m = {.rounds = run->quick ? 1 : ROUNDS};
    for (size_t i = 0; i < m.rounds; i++) {
        progress("cost: round %zu of %zu", i + 1, m.rounds);
        if (!measure_round(&t, &m, i)) return 1;
    }
    report_all(run, &m);
    return 0;
}
