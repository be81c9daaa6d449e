#include "kill.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const double KILL_SECONDS = 1.0, PATIENCE_SECONDS = 60;

static void tell_parent(void *context, int rows) {
    const int *pipe_end = context;
    if (write(*pipe_end, &rows, sizeof rows) != sizeof rows) _exit(2); /* the parent has gone */
}

static _Noreturn void be_the_child(int (*way)(job *j), const job *given, int to) {
    job j = *given;
    j.told = tell_parent;
    j.context = &to;
    _exit(way(&j));
}

int start_way(int (*way)(job *j), const job *j, running *out) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC)) {
        perror("pipe");
        return 1;
    }
    fflush(NULL);
    *out = (running){.process = fork(), .from = ends[0]};
    if (out->process < 0) perror("fork");
    if (out->process == 0) {
        close(ends[0]);
        be_the_child(way, j, ends[1]);
    }
    close(ends[1]);
    if (out->process > 0) return 0;
    close(ends[0]);
    return 1;
}

void listen_to(running *r, int until, double end) {
    struct pollfd heard = {.fd = r->from, .events = POLLIN};
    int rows;
    while (r->told < until) {
        double left = end - now();
        if (left <= 0 || poll(&heard, 1, 1 + (int)(left * 1000)) <= 0) return;
        if (read(r->from, &rows, sizeof rows) != sizeof rows) return;
        r->told = rows;
    }
}

int wait_for_running(running *r) {
    int status;
    listen_to(r, ROWS + 1, now() + PATIENCE_SECONDS); /* what it said before its end, too */
    close(r->from);
    return waitpid(r->process, &status, 0) != r->process ||
           (WIFEXITED(status) && WEXITSTATUS(status));
}

int kill_running(running *r) {
    kill(r->process, SIGKILL);
    return wait_for_running(r);
}

/* The random row makes the moment fall anywhere in the run on a machine of any speed; but on a slow
 * disk it falls early, within KILL_SECONDS after the first row. The random wait makes it fall
 * anywhere within a row's work. A child that failed has said so, and its end is seen by the
 * caller. */
static void wait_for_the_moment(running *r, uint64_t *random) {
    int until = 1 + (int)(random_next(random) % (ROWS - 2000));
    double most = KILL_SECONDS / 2 + (double)(random_next(random) % 1000) / 1000 * KILL_SECONDS / 2;
    listen_to(r, 1, now() + PATIENCE_SECONDS);
    listen_to(r, until, now() + most);
    nanosleep(&(struct timespec){.tv_nsec = (long)(random_next(random) % 300000)}, NULL);
}

int kill_way(int (*way)(job *j), const char *path, uint64_t seed, uint64_t *random, int *told) {
    const job j = {.path = path, .seed = seed};
    running r;
    *told = 0;
    if (start_way(way, &j, &r)) return 1;
    wait_for_the_moment(&r, random);
    int failed = kill_running(&r);
    *told = r.told;
    if (failed) fprintf(stderr, "%s: the child failed before it was killed\n", path);
    return failed;
}

/* What the tool says on stderr goes into a file, and is shown when it fails. */
static _Noreturn void be_the_tool(const char *path, FILE *said) {
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere < 0 || dup2(nowhere, STDOUT_FILENO) < 0 || dup2(fileno(said), STDERR_FILENO) < 0)
        _exit(127);
    execl(WEIR_RECOVER, "weir-recover", path, (char *)NULL);
    perror(WEIR_RECOVER);
    _exit(127);
}

static void show(FILE *said) {
    rewind(said);
    for (int c; (c = getc(said)) != EOF;)
        putc(c, stderr);
}

int recover(const char *path) {
    int status = 0;
    FILE *said = tmpfile();
    if (!said) {
        perror("a temporary file");
        return 1;
    }
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) be_the_tool(path, said);
    bool ended = child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status);
    bool well = ended && WEXITSTATUS(status) <= 1; /* 0: nothing to do, 1: rows were recovered */
    if (!well) {
        show(said);
        fprintf(stderr, "%s: weir-recover %s %d\n", path, ended ? "answered" : "ended with status",
                ended ? WEXITSTATUS(status) : status);
    }
    fclose(said);
    return !well;
}
