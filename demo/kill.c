#include "kill.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void tell_parent(void *context, int rows) {
    const int *pipe_end = context;
    if (write(*pipe_end, &rows, sizeof rows) != sizeof rows) _exit(2); /* the parent has gone */
}

static _Noreturn void be_the_child(int (*way)(job *j), const char *path, uint64_t seed, int to) {
    job j = {.path = path, .seed = seed, .told = tell_parent, .context = &to};
    _exit(way(&j));
}

/* Read what the child says until it has said `until`, or has nothing more to say. */
static int listen_to(int from, int until, int *told) {
    int rows;
    ssize_t got = 0;
    while (*told < until && (got = read(from, &rows, sizeof rows)) == sizeof rows)
        *told = rows;
    return *told < until && got < 0 ? -1 : 0;
}

/* The random row makes the moment fall anywhere in the run on a machine of any speed; the random
 * wait makes it fall anywhere within a row's work. */
static void wait_for_the_moment(int from, uint64_t *random, int *told) {
    int until = 1 + (int)(random_next(random) % (ROWS - 2000));
    (void)listen_to(from, until,
                    told); /* a child that failed has said so, and its end is seen below */
    nanosleep(&(struct timespec){.tv_nsec = (long)(random_next(random) % 300000)}, NULL);
}

int kill_way(int (*way)(job *j), const char *path, uint64_t seed, uint64_t *random, int *told) {
    int ends[2], status;

    *told = 0;
    if (pipe2(ends, O_CLOEXEC)) {
        perror("pipe");
        return 1;
    }
    fflush(NULL);
    pid_t child = fork();
    if (child < 0) {
        perror("fork");
        return 1;
    }
    if (child == 0) {
        close(ends[0]);
        be_the_child(way, path, seed, ends[1]);
    }
    close(ends[1]);
    wait_for_the_moment(ends[0], random, told);
    kill(child, SIGKILL);
    (void)listen_to(ends[0], ROWS + 1, told); /* what was said before death is still in the pipe */
    close(ends[0]);
    if (waitpid(child, &status, 0) != child || (WIFEXITED(status) && WEXITSTATUS(status))) {
        fprintf(stderr, "%s: the child failed before it was killed\n", path);
        return 1;
    }
    return 0;
}

int recover(const char *path) {
    int status;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
        if (nowhere < 0 || dup2(nowhere, STDOUT_FILENO) < 0) _exit(127);
        execl(WEIR_RECOVER, "weir-recover", path, (char *)NULL);
        perror(WEIR_RECOVER);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) return 1;
    if (WEXITSTATUS(status) <= 1) return 0; /* 0: nothing to do, 1: rows were recovered */
    fprintf(stderr, "%s: weir-recover answered %d\n", path, WEXITSTATUS(status));
    return 1;
}
