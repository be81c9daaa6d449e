/* os_posix_complain.c - a line on standard error, from a library that must neither wait nor be killed
 * for it. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "os_posix.h"

static bool is_data_of_the_program(void) {
    struct stat s;
    int flags = fcntl(STDERR_FILENO, F_GETFL);
    if (flags < 0 || fstat(STDERR_FILENO, &s) < 0) return true; /* closed: nothing is written */
    return S_ISREG(s.st_mode) && (flags & O_ACCMODE) != O_WRONLY;
}

/* A pipe that takes anything takes so much at once (PIPE_BUF). A terminal may be stopped. */
static bool takes_a_line(void) {
    struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT);
}

/* Should nobody read the pipe any more, SIGPIPE is raised for this thread, and taken back, unless
 * one was pending before. Without a signal mask nothing is written. */
void weir_posix_complain(void *self, const char *line, size_t bytes) {
    (void)self;
    int saved = errno;
    sigset_t broken, before, pending;
    const struct timespec at_once = {0};
    sigemptyset(&broken); /* these two fail only for a number that is no signal */
    sigaddset(&broken, SIGPIPE);
    if (!is_data_of_the_program() && takes_a_line() && sigpending(&pending) == 0 &&
        pthread_sigmask(SIG_BLOCK, &broken, &before) == 0) {
        bool ours = write(STDERR_FILENO, line, bytes) < 0 && errno == EPIPE &&
                    sigismember(&pending, SIGPIPE) == 0;
        while (ours && sigtimedwait(&broken, NULL, &at_once) < 0 && errno == EINTR) {
        }
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* as it was */
    }
    errno = saved;
}
