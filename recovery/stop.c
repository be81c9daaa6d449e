/* stop.c - Ctrl-C and SIGTERM while a verb writes. */
#include "stop.h"

#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

static const int stopping[] = {SIGINT, SIGTERM, SIGHUP};
enum { STOPPING = sizeof stopping / sizeof stopping[0] };

/* Written by a handler, read by the thread that works: the type that C allows for this. */
static volatile sig_atomic_t came;

static void note_signal(int number) {
    came = number;
    for (size_t i = 0; i < STOPPING; i++)
        (void)signal(stopping[i], SIG_DFL); /* the second ends it; cannot fail */
}

void weir_stop_watch(void) {
    struct sigaction action = {.sa_handler = note_signal, .sa_flags = SA_RESTART}, before;
    for (size_t i = 0; i < STOPPING; i++) /* what nohup ignores stays ignored; cannot fail */
        if (sigaction(stopping[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            (void)sigaction(stopping[i], &action, NULL);
}

int weir_stop_signal(void) { return came; }

_Noreturn void weir_stop_end(void) {
    int number = came ? came : SIGTERM;
    (void)signal(number, SIG_DFL); /* cannot fail */
    (void)kill(getpid(), number);
    abort(); /* the signal is blocked */
}
