/* child.c - measurements in processes of their own: what a process leaves when it dies, its memory,
 * its processor time, and the programs of the peers. */
#include <spawn.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum { FIGURES_MAX = 16 };

static bool ended_well(pid_t child) {
    int status;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static _Noreturn void measure_and_exit(child_measure *measure, const void *context, int to,
                                       size_t bytes) {
    double figures[FIGURES_MAX] = {0};
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* no bench goes on alone */
    measure(context, figures);
    _exit(write(to, figures, bytes) != (ssize_t)bytes);
}

bool in_child(child_measure *measure, const void *context, double *figures, size_t count) {
    size_t bytes = count * sizeof *figures;
    int ends[2];
    fflush(NULL); /* or the child prints it again */
    if (count > FIGURES_MAX || pipe(ends)) return false;
    pid_t child = fork();
    if (child == 0) measure_and_exit(measure, context, ends[1], bytes);
    close(ends[1]);
    bool got = child > 0 && read(ends[0], figures, bytes) == (ssize_t)bytes;
    close(ends[0]);
    return child > 0 && ended_well(child) && got;
}

static pid_t spawn_into(const char *const *arguments, int out) {
    posix_spawn_file_actions_t actions;
    pid_t child = -1;
    if (posix_spawn_file_actions_init(&actions)) return -1;
    /* The exec drops const, but does not write. */
    if (posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO) ||
        posix_spawn(&child, arguments[0], &actions, NULL, (char *const *)arguments, environ))
        child = -1;
    posix_spawn_file_actions_destroy(&actions);
    return child;
}

static bool read_numbers(FILE *from, double *figures, size_t count) {
    char line[400], *at = line, *end;
    if (!fgets(line, sizeof line, from)) return false;
    for (size_t i = 0; i < count; i++, at = end) {
        figures[i] = strtod(at, &end);
        if (end == at) return false;
    }
    return true;
}

bool ask_program(const char *const *arguments, double *figures, size_t count) {
    int ends[2];
    if (pipe(ends)) return false;
    pid_t child = spawn_into(arguments, ends[1]);
    close(ends[1]);
    FILE *from = fdopen(ends[0], "r");
    bool got = child > 0 && from && read_numbers(from, figures, count);
    if (from) fclose(from);
    bool well = child > 0 && ended_well(child);
    if (!got || !well) fprintf(stderr, "weir-bench: %s failed\n", arguments[0]);
    return got && well;
}
