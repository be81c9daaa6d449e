/* idle.c - processor time and wake-ups of an open handle that nobody uses. */
#include "idle.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ways.h"

double processor_ms(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e3 +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e3;
}

static double switches_of(const char *thread) {
    static const char key[] = "voluntary_ctxt_switches:";
    char path[300], line[256];
    double switches = 0;
    snprintf(path, sizeof path, "/proc/self/task/%s/status", thread);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, key, sizeof key - 1) == 0) switches = strtod(line + sizeof key - 1, NULL);
    if (file) fclose(file);
    return switches;
}

static double all_switches_but_mine(void) {
    char mine[24];
    double switches = 0;
    snprintf(mine, sizeof mine, "%d", (int)gettid());
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *e; tasks && (e = readdir(tasks));)
        if (e->d_name[0] != '.' && strcmp(e->d_name, mine) != 0) switches += switches_of(e->d_name);
    if (tasks) closedir(tasks);
    return switches;
}

/* Weir checkpoints one second after the last commit, and then sleeps. */
idleness measure_idleness(const bench_run *run) {
    time_t seconds = run->quick ? 2 : 10;
    (void)nanosleep(&(struct timespec){.tv_sec = 2}, NULL);
    double switches = all_switches_but_mine(), used = processor_ms();
    (void)nanosleep(&(struct timespec){.tv_sec = seconds}, NULL);
    used = processor_ms() - used;
    return (idleness){(double)seconds, used, all_switches_but_mine() - switches};
}

int bench_idle(bench_run *run) {
    weir *w = open_weir(scratch(run, "idle.db"), NULL);
    weir_table *table = declare_workload(w, &AGENT_ROWS);
    int status = append_rows(table, &AGENT_ROWS, 0, 1);
    if (status != WEIR_OK) give_up("appending", status);
    sync_or_give_up(w, WEIR_APPLIED);
    progress("idle");
    idleness idle = measure_idleness(run);
    close_weir(w);
    scratch_remove(run, "idle.db");
    report_begin(&run->report, "idle", APPLIED_DURABILITY, "none");
    report_figure(&run->report, &(figure){.name = "wakeups",
                                          .part = "wake-ups of an open handle",
                                          .unit = "",
                                          .value = {idle.wakeups, idle.wakeups, idle.wakeups},
                                          .goal = {GOAL_AT_MOST, 0}});
    report_field(&run->report, "processor_ms", idle.processor_ms);
    report_field(&run->report, "seconds", idle.seconds);
    report_end(&run->report);
    return 0;
}
