/* signal_stack.c - an alternative stack for the signal handlers of a thread: a guard page, and
 * above it the stack. */
#include "signal_stack.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include <weir/weir.h>

enum { STACK_BYTES = 64 << 10 }; /* besides what the kernel stores there */

static pthread_key_t key; /* of each thread's mapping */
static int key_failed;
static pthread_once_t key_made = PTHREAD_ONCE_INIT;

static size_t guard_bytes(void) { return (size_t)sysconf(_SC_PAGESIZE); }

static size_t stack_bytes(void) {
    size_t page = guard_bytes(), frame = getauxval(AT_MINSIGSTKSZ); /* 0: an old kernel */
    return (frame + STACK_BYTES + page - 1) / page * page;
}

/* A stack that the program has set meanwhile stays. Destructors of other keys may run later, on the
 * thread's own stack if they raise a signal. */
static void give_back(void *mapping) {
    stack_t now, none = {.ss_flags = SS_DISABLE};
    void *stack = (char *)mapping + guard_bytes();
    if (sigaltstack(NULL, &now)) return;
    if (now.ss_sp == stack && sigaltstack(&none, NULL)) return; /* it is in use: better kept */
    (void)munmap(mapping, guard_bytes() + stack_bytes());       /* ours, whole: it cannot fail */
}

static void make_key(void) { key_failed = pthread_key_create(&key, give_back); }

static int set_stack(void *mapping) {
    stack_t stack = {.ss_sp = (char *)mapping + guard_bytes(), .ss_size = stack_bytes()};
    if (mprotect(stack.ss_sp, stack.ss_size, PROT_READ | PROT_WRITE)) return WEIR_NO_MEMORY;
    return sigaltstack(&stack, NULL) ? WEIR_NO_MEMORY : WEIR_OK;
}

int weir_signal_stack_take(void) {
    stack_t now;
    (void)pthread_once(&key_made, make_key); /* cannot fail with a static once */
    if (key_failed) return WEIR_NO_MEMORY;
    if (sigaltstack(NULL, &now) == 0 && !(now.ss_flags & SS_DISABLE)) return WEIR_OK;
    void *mapping = pthread_getspecific(key); /* one that the program has switched off */
    if (mapping) return set_stack(mapping);
    size_t bytes = guard_bytes() + stack_bytes();
    mapping = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED) return WEIR_NO_MEMORY;
    if (set_stack(mapping) != WEIR_OK) {
        (void)munmap(mapping, bytes); /* nobody uses it */
        return WEIR_NO_MEMORY;
    }
    if (pthread_setspecific(key, mapping) == 0) return WEIR_OK;
    give_back(mapping);
    return WEIR_NO_MEMORY;
}
