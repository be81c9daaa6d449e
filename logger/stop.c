/* stop.c - the signals that end weir-log. They are blocked except in ppoll(2), so none is missed
 * between a look at the flag and a wait. */
#include "stop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

static volatile sig_atomic_t stop_came;
static sigset_t while_polling;

static void note_stop(int signal) {
    (void)signal;
    stop_came = 1;
}

/* The calls below fail only for arguments that these are not. */
void weir_log_stop_watch(void) {
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    sigset_t blocked;
    struct sigaction before, action = {.sa_handler = note_stop};
    sigemptyset(&blocked);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        (void)sigaction(signals[i], NULL, &before);
        if (before.sa_handler == SIG_IGN) continue;
        (void)sigaction(signals[i], &action, NULL);
        sigaddset(&blocked, signals[i]);
    }
    (void)pthread_sigmask(SIG_BLOCK, &blocked, &while_polling);
}

int weir_log_stop_poll(struct pollfd *files, nfds_t count, uint64_t timeout_ns) {
    struct timespec t = {.tv_sec = (time_t)(timeout_ns / 1000000000u),
                         .tv_nsec = (long)(timeout_ns % 1000000000u)};
    int ready = ppoll(files, count, timeout_ns == UINT64_MAX ? NULL : &t, &while_polling);
    return ready > 0 ? ready : 0;
}

/* A file that is always ready keeps signals from being noticed: so look without files. */
bool weir_log_stop_wanted(void) {
    if (!stop_came) (void)weir_log_stop_poll(NULL, 0, 0);
    return stop_came;
}
