/* stop.c - Ctrl-C and SIGTERM while a verb writes. */
#include "stop.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

static const int stopping[] = {SIGINT, SIGTERM, SIGHUP};
enum { STOPPING = sizeof stopping / sizeof stopping[0] };

/* Written by a handler, read by the thread that works: the type that C allows for this. */
static volatile sig_atomic_t came;

/* What a server has begun may still be answered: a commit whose answer is lost costs a question. */
#define PATIENCE_NS UINT64_C(2000000000)
/* The handler sees the old sink or the new one. Release with its acquire: the clock and what the sink
 * points to are there. */
static const weir_sink *_Atomic hurried;
static const weir_os *clock_of;

static void note_signal(int number) {
    int before = errno;
    came = number;
    for (size_t i = 0; i < STOPPING; i++)
        (void)signal(stopping[i], SIG_DFL); /* the second ends it; cannot fail */
    const weir_sink *sink = atomic_load_explicit(&hurried, memory_order_acquire);
    if (sink) sink->hurry(sink->self, clock_of->now(clock_of->self) + PATIENCE_NS);
    errno = before;
}

void weir_stop_hurry(const weir_os *os, const weir_sink *sink) {
    if (os) clock_of = os;
    atomic_store_explicit(&hurried, sink && sink->hurry ? sink : NULL, memory_order_release);
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
