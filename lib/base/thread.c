/* thread.c - starting the journal thread and the writer thread. */
#include "thread.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

static _Thread_local bool ours __attribute__((tls_model("initial-exec")));
static _Thread_local uint32_t wait_limit __attribute__((tls_model("initial-exec"))) = UINT32_MAX;

typedef struct start {
    void *(*run)(void *);
    void *argument;
} start;

static void *begin_thread(void *argument) {
    start s = *(start *)argument;
    free(argument);
    ours = true;
    return s.run(s.argument);
}

/* glibc keeps the values of this many keys in the thread's own descriptor. For higher keys it
 * may have to allocate, which no handler may do: then the end of threads is not noticed, and the
 * kernel has to be asked (weir_ring_end_dead). */
enum { KEYS_IN_PLACE = 32 };

static void (*at_end)(void);
static pthread_key_t end_key;
/* Stored with release after the two above, loaded with acquire before them. */
static _Atomic bool end_watched;

static void end(void *value) {
    (void)value;
    at_end();
}

static void make_end_key(void (*ended)(void)) {
    at_end = ended;
    if (pthread_key_create(&end_key, end)) return;
    atomic_store_explicit(&end_watched, end_key < KEYS_IN_PLACE, memory_order_release);
}

void weir_thread_watch_ends(void (*ended)(void)) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    (void)pthread_mutex_lock(&lock); /* a static, never destroyed mutex */
    if (!at_end) make_end_key(ended);
    (void)pthread_mutex_unlock(&lock);
}

void weir_thread_expect_end(void) {
    if (!atomic_load_explicit(&end_watched, memory_order_acquire)) return;
    (void)pthread_setspecific(end_key, &end_key); /* a key in place cannot fail */
}

const int weir_fault_signals[WEIR_FAULT_SIGNALS] = {SIGSEGV, SIGBUS,  SIGFPE, SIGILL,
                                                    SIGABRT, SIGTRAP, SIGSYS};

/* Faults of the thread itself must still reach the program's handler. */
void weir_signals_asynchronous(sigset_t *set) {
    sigfillset(set);
    for (size_t i = 0; i < WEIR_FAULT_SIGNALS; i++)
        sigdelset(set, weir_fault_signals[i]);
}

/* Both fail only for arguments that these are not. */
sigset_t weir_signals_hold(void) {
    sigset_t blocked, before;
    weir_signals_asynchronous(&blocked);
    (void)pthread_sigmask(SIG_BLOCK, &blocked, &before);
    return before;
}

void weir_signals_allow(const sigset_t *before) {
    (void)pthread_sigmask(SIG_SETMASK, before, NULL);
}

sigset_t weir_lock_hold(pthread_mutex_t *lock) {
    sigset_t before = weir_signals_hold();
    (void)pthread_mutex_lock(lock); /* fails only for an uninitialized mutex */
    return before;
}

void weir_lock_release(pthread_mutex_t *lock, const sigset_t *before) {
    (void)pthread_mutex_unlock(lock); /* likewise */
    weir_signals_allow(before);
}

int weir_thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *argument) {
    start *s = malloc(sizeof *s);
    if (!s) return -ENOMEM;
    *s = (start){run, argument};
    sigset_t before = weir_signals_hold(); /* which the new thread inherits */
    int failed = pthread_create(thread, NULL, begin_thread, s);
    weir_signals_allow(&before);
    if (failed)
        free(s);
    else
        (void)pthread_setname_np(*thread, name); /* a thread without its name works as well */
    return -failed;
}

/* Both fail only for a state that does not exist. */
int weir_cancel_hold(void) {
    int before = PTHREAD_CANCEL_ENABLE;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    return before;
}

void weir_cancel_allow(int held) { (void)pthread_setcancelstate(held, NULL); }

static sigset_t only_file_size(void) {
    sigset_t set;
    sigemptyset(&set); /* these and the calls below fail only for arguments that these are not */
    sigaddset(&set, SIGXFSZ);
    return set;
}

weir_shelter weir_shelter_take(void) {
    weir_shelter s = {.held = weir_cancel_hold()};
    sigset_t set = only_file_size(), pending;
    s.pending = sigpending(&pending) == 0 && sigismember(&pending, SIGXFSZ) == 1;
    (void)pthread_sigmask(SIG_BLOCK, &set, &s.mask);
    return s;
}

/* A signal that a write of ours has raised is consumed before the mask is restored. */
void weir_shelter_leave(const weir_shelter *s) {
    sigset_t set = only_file_size();
    const struct timespec at_once = {0};
    while (!s->pending && sigtimedwait(&set, NULL, &at_once) < 0 && errno == EINTR) {
    }
    (void)pthread_sigmask(SIG_SETMASK, &s->mask, NULL);
    weir_cancel_allow(s->held);
}

void weir_thread_yield(void) { (void)sched_yield(); } /* cannot fail on Linux */

bool weir_thread_is_ours(void) { return ours; }

void weir_thread_limit_waits(uint32_t ms) { wait_limit = ms; }
uint32_t weir_thread_wait_limit(void) { return wait_limit; }
