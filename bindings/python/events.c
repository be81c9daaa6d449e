/* events.c - events of the library, on their way from its threads to a thread of Python's. The
 * library's side takes a mutex for the length of a list operation, and never the interpreter's
 * lock. */
#include "binding.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { EVENTS_MAX = 1000 }; /* of a program that does not take them, the oldest stay */

struct queued {
    struct queued *next;
    weir_event event;
    char *text;
};

struct weir_event_queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct queued *first, **last;
    unsigned count;
    bool ended;
};

weir_event_queue *event_queue_make(void) {
    weir_event_queue *queue = calloc(1, sizeof *queue);
    if (!queue) return NULL;
    pthread_condattr_t clock;
    bool made = pthread_condattr_init(&clock) == 0;
    if (made) {
        made = pthread_condattr_setclock(&clock, CLOCK_MONOTONIC) == 0 &&
               pthread_cond_init(&queue->changed, &clock) == 0;
        (void)pthread_condattr_destroy(&clock); /* cannot fail */
    }
    if (!made || pthread_mutex_init(&queue->lock, NULL) != 0) {
        free(queue);
        return NULL;
    }
    queue->last = &queue->first;
    return queue;
}

void event_queue_free(weir_event_queue *queue) {
    if (!queue) return;
    while (queue->first) {
        struct queued *first = queue->first;
        queue->first = first->next;
        free(first->text);
        free(first);
    }
    (void)pthread_mutex_destroy(&queue->lock); /* nobody is left who could hold them */
    (void)pthread_cond_destroy(&queue->changed);
    free(queue);
}

void event_queue_put(void *context, weir_event event, const char *text) {
    weir_event_queue *queue = context;
    struct queued *one = malloc(sizeof *one);
    char *copy = strdup(text);
    (void)pthread_mutex_lock(&queue->lock);
    bool kept = one && copy && queue->count < EVENTS_MAX; /* without memory an event is lost */
    if (kept) {
        *one = (struct queued){.event = event, .text = copy};
        *queue->last = one;
        queue->last = &one->next;
        queue->count++;
        (void)pthread_cond_signal(&queue->changed);
    }
    (void)pthread_mutex_unlock(&queue->lock);
    if (kept) return;
    free(one);
    free(copy);
}

void event_queue_end(weir_event_queue *queue) {
    (void)pthread_mutex_lock(&queue->lock);
    queue->ended = true;
    (void)pthread_cond_broadcast(&queue->changed);
    (void)pthread_mutex_unlock(&queue->lock);
}

int event_queue_take(weir_event_queue *queue, weir_event *event, char **text, unsigned wait_ms) {
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until); /* cannot fail for this clock */
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    (void)pthread_mutex_lock(&queue->lock);
    while (!queue->first && !queue->ended)
        if (pthread_cond_timedwait(&queue->changed, &queue->lock, &until) != 0) break;
    struct queued *first = queue->first;
    int found = first ? 1 : queue->ended ? -1 : 0;
    if (first) {
        queue->first = first->next;
        if (!queue->first) queue->last = &queue->first;
        queue->count--;
    }
    (void)pthread_mutex_unlock(&queue->lock);
    if (first) {
        *event = first->event;
        *text = first->text;
        free(first);
    }
    return found;
}
