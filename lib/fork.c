/* fork.c - what a forked child lets go of. */
#include "fork.h"

#include <pthread.h>

#include "registry.h"

/* A child may have been forked from any place of any thread: what is called here takes no lock and
 * allocates nothing. */
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
