/* thread.h - threads of the library: no asynchronous signal reaches them, and an append on one never waits. */
#ifndef WEIR_THREAD_H
#define WEIR_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* Like pthread_create, but all asynchronous signals are blocked in the thread: a handler that ran there could
 * wait for the very thread it interrupted. name: static, at most 15 characters, for people who look at threads. 0 or a
 * negative errno. */
int weir_thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *argument);

/* Is the calling thread one of the library's (an event callback, then)? */
bool weir_thread_is_ours(void);

#endif
