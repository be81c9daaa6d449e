#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct {
    pg_server server;
    pid_t owner;  /* its children have all this too, and leave it alone */
    pid_t keeper; /* a process that outlives the owner, however that ends */
    int tie;      /* the owner's end of a pipe, whose closing the keeper sees; -1: there is none */
} own = {.tie = -1};

static void remove_directory(void) {
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", own.server.root);
    if (system(command)) fprintf(stderr, "could not remove %s\n", own.server.root);
}

/* A server ends when its owner does, and its pid file then goes. */
static void wait_for_its_end(void) {
    enum { TRIES = 1000 /* of 10 ms */ };
    char file[128];
    (void)snprintf(file, sizeof file, "%s/postmaster.pid", own.server.data);
    for (int i = 0; i < TRIES && access(file, F_OK) == 0; i++)
        (void)nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
}

static _Noreturn void keep(int tie) {
    char nothing;
    (void)setsid(); /* away from the terminal's signals */
    while (read(tie, &nothing, 1) < 0 && errno == EINTR) {
    }
    wait_for_its_end();
    remove_directory();
    _exit(0);
}

static bool start_keeper(void) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC)) return false;
    fflush(NULL);
    own.keeper = fork();
    if (own.keeper == 0) {
        close(ends[1]);
        keep(ends[0]);
    }
    close(ends[0]);
    own.tie = ends[1];
    return own.keeper > 0;
}

/* Also when making it has failed, hence nothing here that may end the program. */
static void end_server(void) {
    if (getpid() != own.owner || !own.server.root[0]) return;
    if (own.server.process > 0) {
        (void)kill(own.server.process, SIGQUIT);
        (void)waitpid(own.server.process, NULL, 0);
    }
    if (own.keeper <= 0) {
        remove_directory();
        return;
    }
    close(own.tie);
    (void)waitpid(own.keeper, NULL, 0);
}

pg_server *own_server(const char *settings) {
    sigset_t ends, before;
    own.owner = getpid();
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGINT);
    (void)sigaddset(&ends, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &ends, &before); /* until there is a keeper */
    if (atexit(end_server)) exit(1);
    pg_server_make(&own.server, settings);
    if (!start_keeper()) {
        perror("a process that removes the server");
        exit(1);
    }
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return &own.server;
}
