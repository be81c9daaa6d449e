/* thread.h - threads of the library. No asynchronous signal reaches them, and an append on one
 * of them never waits. */
#ifndef WEIR_THREAD_H
#define WEIR_THREAD_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* Like pthread_create, but all asynchronous signals are blocked in the thread: a handler that
 * ran there could wait for the very thread it interrupted. name: static, at most 15 characters;
 * debuggers and ps show it. 0 or a negative errno. */
int weir_thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *argument);

/* Let other threads run first. */
void weir_thread_yield(void);

/* Is the calling thread one of the library's (an event callback, then)? */
bool weir_thread_is_ours(void);

/* The longest that an append of the calling thread waits, whatever the handle's options say;
 * UINT32_MAX, as at a thread's begin: as long as they say. Async-signal-safe. */
void weir_thread_limit_waits(uint32_t ms);
uint32_t weir_thread_wait_limit(void);

/* The signals of a thread's own faults, and of nothing that a program does on purpose. */
enum { WEIR_FAULT_SIGNALS = 7 };
extern const int weir_fault_signals[WEIR_FAULT_SIGNALS];
/* All signals but those. */
void weir_signals_asynchronous(sigset_t *set);

/* To be called around a lock that a thread of the library takes too: a handler that interrupted
 * the lock's holder could wait, in an append, for the very thread that waits for the lock.
 * Returns what weir_signals_allow takes. */
sigset_t weir_signals_hold(void);
void weir_signals_allow(const sigset_t *before);
/* Both together, for such a lock. */
sigset_t weir_lock_hold(pthread_mutex_t *lock);
void weir_lock_release(pthread_mutex_t *lock, const sigset_t *before);

/* Each thread that calls expect_end after watch_ends calls ended at its end; and once more when
 * it calls expect_end again while other destructors run, as often as
 * PTHREAD_DESTRUCTOR_ITERATIONS allows. This is no promise: the program may have used up all
 * keys. Only the first call of watch_ends has an effect. expect_end is async-signal-safe. */
void weir_thread_watch_ends(void (*ended)(void));
void weir_thread_expect_end(void);

/* A call of the library ends before a pthread_cancel takes effect: to be cancelled in the middle
 * would leave locks and counts held for ever. Returns what weir_cancel_allow takes. */
int weir_cancel_hold(void);
void weir_cancel_allow(int held);

/* The same for calls that write files on the caller's thread. Besides, a limit on file sizes is
 * an error there (EFBIG) and not a SIGXFSZ that ends the process; the library's own threads
 * block that signal too. */
typedef struct weir_shelter {
    int held;
    bool pending; /* already, and not through us */
    sigset_t mask;
} weir_shelter;
weir_shelter weir_shelter_take(void);
void weir_shelter_leave(const weir_shelter *s);

#endif
