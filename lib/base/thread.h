/* thread.h - threads of the library: no asynchronous signal reaches them, and an append on one
 * never waits. */
#ifndef WEIR_THREAD_H
#define WEIR_THREAD_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

/* Like pthread_create, but all asynchronous signals are blocked in the thread: a handler that
 * ran there could wait for the very thread it interrupted. name: static, at most 15 characters,
 * for people who look at threads. 0 or a negative errno. */
int weir_thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *argument);

/* Let other threads run first. */
void weir_thread_yield(void);

/* Is the calling thread one of the library's (an event callback, then)? */
bool weir_thread_is_ours(void);

/* Around a lock that a thread of the library takes too: a handler that interrupted its holder could wait,
 * in an append, for the very thread that waits for the lock. Returns what weir_signals_allow wants. */
sigset_t weir_signals_hold(void);
void weir_signals_allow(const sigset_t *before);

/* ended is called at the end of each thread that calls expect_end after this, by the thread; again,
 * when it calls expect_end once more while other destructors run, within what
 * PTHREAD_DESTRUCTOR_ITERATIONS allows. Not promised: a program may have used up all keys. The first
 * call of watch_ends counts. expect_end is async-signal-safe. */
void weir_thread_watch_ends(void (*ended)(void));
void weir_thread_expect_end(void);

/* Calls of the library end before a pthread_cancel takes effect: one in the middle would keep locks
 * and counts for ever. Returns what weir_cancel_allow wants. */
int weir_cancel_hold(void);
void weir_cancel_allow(int held);

/* The same for calls that write files on the caller's thread; and there a limit of file sizes is an
 * error (EFBIG), and no SIGXFSZ that ends the process. The library's own threads block it too. */
typedef struct weir_shelter {
    int held;
    bool pending; /* already, and not through us */
    sigset_t mask;
} weir_shelter;
weir_shelter weir_shelter_take(void);
void weir_shelter_leave(const weir_shelter *s);

#endif
