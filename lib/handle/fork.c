/* fork.c - what a forked child may do, and what it gives up. */
#include "fork.h"

#include <pthread.h>
#include <stdatomic.h>

#include "registry.h"

/* ---- what a child may do --------------------------------------------------------------------- */

/* Handles that are open, and openings under way; a child has those of its parent for ever.
 * seq_cst: each is counted before it takes its first lock, and a child must not see them the
 * other way round. */
static _Atomic uint32_t held;
/* 1 in the process that counts, 0 in its children; made by the first thread that counts. Release
 * / acquire. */
static _Atomic(_Atomic uint32_t *) here;

static _Atomic uint32_t *word(void) { return atomic_load_explicit(&here, memory_order_acquire); }

static bool make_word(void) {
    const weir_os *os = weir_os_posix();
    _Atomic uint32_t *none = NULL, *made = os->fork_word(os->self);
    if (!made) return false;
    if (!atomic_compare_exchange_strong_explicit(&here, &none, made, memory_order_acq_rel,
                                                 memory_order_acquire))
        os->free_fork_word(os->self, made); /* another thread was faster */
    return true;
}

/* Relaxed: the kernel wiped the word before the child ran. */
bool weir_fork_left_behind(void) {
    return atomic_load_explicit(&held, memory_order_seq_cst) && word() &&
           !atomic_load_explicit(word(), memory_order_relaxed);
}

int weir_fork_begin(weir_error *error) {
    if (!word() && !make_word())
        return weir_fail(error, WEIR_NO_MEMORY, "no memory that is wiped in a forked child");
    if (weir_fork_left_behind())
        return weir_fail(error, WEIR_FORKED,
                         "this process was forked while its parent had a database open with weir. "
                         "Locks of SQLite and of this library stand here as they stood then, so "
                         "no database can be opened, this or another: call exec first, or fork "
                         "before the parent opens its first or after it has closed its last");
    atomic_store_explicit(word(), 1, memory_order_relaxed); /* of a child that may: see above */
    atomic_fetch_add_explicit(&held, 1, memory_order_seq_cst);
    return WEIR_OK;
}

void weir_fork_end(void) { atomic_fetch_sub_explicit(&held, 1, memory_order_seq_cst); }

/* ---- what it gives up ------------------------------------------------------------------------ */

/* A child may have been forked anywhere in any thread: nothing that is called here takes a lock
 * or allocates. */
static void in_child(void) { weir_registry_let_go(); }

int weir_fork_watch(weir_error *error) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static bool watching;
    (void)pthread_mutex_lock(&lock); /* a static, never destroyed mutex */
    int failed = watching ? 0 : pthread_atfork(NULL, NULL, in_child);
    watching = failed == 0;
    (void)pthread_mutex_unlock(&lock);
    return failed ? weir_fail_os(error, -failed, "cannot watch for forked children") : WEIR_OK;
}
