/* peek.c - read memory that may not be there. */
#include "peek.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAGE = 4096, WORD = 8 }; /* no page is smaller */

/* No sanitizer may look at these loads: they go to stacks of functions that it guards. */
#define UNCHECKED __attribute__((no_sanitize_address, no_sanitize_thread, noinline))

/* rt_sigprocmask copies the set before it refuses an operation that does not exist, and so changes
 * nothing. Every sandbox allows it, unlike process_vm_readv. */
static bool may_be_read(uint64_t word) {
    int saved = errno;
    bool absent = syscall(SYS_rt_sigprocmask, -1, word, NULL, WORD) < 0 && errno == EFAULT;
    errno = saved;
    return !absent;
}

UNCHECKED static void copy_bytes(uint64_t address, uint8_t *into, size_t bytes) {
    const volatile uint8_t *from;
    memcpy(&from, &address, sizeof from); /* a pointer to what is no object of ours */
    for (size_t i = 0; i < bytes; i++)
        into[i] = from[i];
}

bool weir_peek(uint64_t address, void *into, size_t bytes) {
    uint8_t *to = into;
    if (address > UINT64_MAX - bytes) return false;
    while (bytes) {
        size_t piece = PAGE - (size_t)(address % PAGE);
        if (piece > bytes) piece = bytes;
        if (!may_be_read(address & ~(uint64_t)(WORD - 1))) return false;
        copy_bytes(address, to, piece);
        address += piece;
        to += piece;
        bytes -= piece;
    }
    return true;
}
