/* scarce.h - an allocator that refuses the n-th call from now, for the tests of one room. The whole
 * library against it is test_no_memory.c. */
#ifndef WEIR_TESTS_SCARCE_H
#define WEIR_TESTS_SCARCE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

static long scarce_left; /* the call that makes it 0 is refused; 0: none will be */
static bool scarce_refused;

/* False where it cannot be done, and then nothing is armed. */
static inline bool scarce_arm(long n);
/* Enough memory again. Was a call refused? */
static inline bool scarce_end(void) {
    scarce_left = 0;
    return scarce_refused;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

/* A sanitizer has an allocator of its own, which cannot be replaced. */
static inline bool scarce_arm(long n) {
    (void)n;
    return scarce_refused = false;
}

#else

static inline bool scarce_arm(long n) {
    scarce_left = n;
    scarce_refused = false;
    return true;
}

static inline bool scarce_now(void) {
    if (scarce_left == 0 || --scarce_left > 0) return false;
    errno = ENOMEM;
    return scarce_refused = true;
}

#define SCARCE_SEEN __attribute__((visibility("default"))) /* by the shared libraries */
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

SCARCE_SEEN void *malloc(size_t bytes) { return scarce_now() ? NULL : __libc_malloc(bytes); }
SCARCE_SEEN void *calloc(size_t number, size_t bytes) {
    return scarce_now() ? NULL : __libc_calloc(number, bytes);
}
SCARCE_SEEN void *realloc(void *memory, size_t bytes) {
    return scarce_now() ? NULL : __libc_realloc(memory, bytes);
}
SCARCE_SEEN void *aligned_alloc(size_t alignment, size_t bytes) {
    return scarce_now() ? NULL : __libc_memalign(alignment, bytes);
}

#endif
#endif
