/* writers.c - what the writer keeps for each open handle, and how a call finds it. */
#include "writers.h"

#include <stdlib.h>

static pthread_mutex_t all_lock =
    PTHREAD_MUTEX_INITIALIZER; /* the list and every writer's handle */
static weir_writer *all;

static void enter(pthread_mutex_t *lock) {
    (void)pthread_mutex_lock(lock); /* fails only for a mutex that was never made */
}

static void leave(pthread_mutex_t *lock) { (void)pthread_mutex_unlock(lock); /* likewise */ }

/* handle NULL: one that waits. The list is locked. */
static weir_writer *of(const weir *handle) {
    weir_writer *w = all;
    while (w && w->handle != handle)
        w = w->next;
    return w;
}

weir_writer *weir_writers_find(const weir *handle) {
    enter(&all_lock);
    weir_writer *w = of(handle);
    leave(&all_lock);
    return w;
}

weir_writer *weir_writers_take(weir *handle) {
    enter(&all_lock);
    weir_writer *w = of(NULL);
    if (!w && (w = calloc(1, sizeof *w))) {
        (void)pthread_mutex_init(&w->lock, NULL); /* cannot fail with default attributes */
        w->next = all;
        all = w;
    }
    if (w) w->handle = handle;
    leave(&all_lock);
    return w;
}

void weir_writers_give_back(weir_writer *w) {
    enter(&all_lock);
    w->handle = NULL;
    leave(&all_lock);
}

void weir_writer_lock(weir_writer *w) { enter(&w->lock); }
void weir_writer_unlock(weir_writer *w) { leave(&w->lock); }
