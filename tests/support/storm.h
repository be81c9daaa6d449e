/* storm.h - a signal that is sent to the thread which began it, over and over, until that ends it: for
 * handlers that append. Tear-down ends what a test has left. */
#ifndef WEIR_TESTS_STORM_H
#define WEIR_TESTS_STORM_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

#include "support.h"

typedef struct storm {
    pthread_t sender, target;
    useconds_t pause;
    _Atomic bool over;
    bool under_way;
    struct sigaction before;
} storm;

static void *storm_send(void *argument) {
    storm *s = argument;
    while (!atomic_load(&s->over)) {
        (void)pthread_kill(s->target, SIGUSR1);
        if (s->pause) (void)usleep(s->pause);
    }
    return NULL;
}

/* SIGUSR1, with so many microseconds in between; flags: of sigaction. */
static inline void storm_begin(storm *s, void (*handler)(int), int flags, useconds_t pause) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    s->target = pthread_self();
    s->pause = pause;
    atomic_store(&s->over, false);
    assert_int_equal(sigaction(SIGUSR1, &action, &s->before), 0);
    assert_int_equal(pthread_create(&s->sender, NULL, storm_send, s), 0);
    s->under_way = true;
}

/* Nothing, where none is under way. */
static inline void storm_end(storm *s) {
    if (!s->under_way) return;
    s->under_way = false;
    atomic_store(&s->over, true);
    (void)pthread_join(s->sender, NULL);
    (void)sigaction(SIGUSR1, &s->before, NULL);
}

#endif
