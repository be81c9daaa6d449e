/* idle.c - processor time and wake-ups of an open handle that nobody uses. */
#include <sys/resource.h>
#include <time.h>

#include "bench.h"

static double processor_ms(struct rusage *u) {
    getrusage(RUSAGE_SELF, u);
    return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1e3 +
           (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1e3;
}

int bench_idle(bench_run *run) {
    time_t seconds = run->quick ? 2 : 10;
    struct rusage before, after;
    weir *w = open_weir(scratch(run, "idle.db"), NULL);
    weir_table *table = declare_agents(w);
    agent a = agent_at(0);
    int status = append_agent(table, &a);
    if (status == WEIR_OK) status = weir_sync(w, WEIR_APPLIED, 10000);
    if (status != WEIR_OK) give_up("idle", status);

    nanosleep(&(struct timespec){.tv_sec = 1}, NULL); /* what follows a commit is over */
    double start = processor_ms(&before);
    nanosleep(&(struct timespec){.tv_sec = seconds}, NULL);
    double used = processor_ms(&after) - start;
    weir_close(w);
    report_begin(run, "idle", "processor time of an open handle");
    report_field(run, "processor_ms", used);
    report_field(run, "seconds", (double)seconds);
    /* One is this thread's own, from its sleep. */
    report_field(run, "wakeups", (double)(after.ru_nvcsw - before.ru_nvcsw - 1));
    report_end(run);
    return 0;
}
