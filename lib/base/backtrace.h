/* backtrace.h - the frames of a thread that a signal interrupted. Everything here but prepare is
 * async-signal-safe.
 *
 * Two ways:
 *
 *   unwind tables   glibc's backtrace(): complete wherever code has tables, as it has on Debian.
 *                   It reads the stack unchecked, so it may fault where that is destroyed. It takes
 *                   1.7 KiB of stack on x86-64 and 5.7 KiB on AArch64.
 *   frame pointers  every read is checked, and it takes no stack worth mention. It gives what is
 *                   above the innermost frame only where code keeps frame pointers: all of Debian
 *                   on AArch64, there without the caller of a leaf function; on x86-64 what is
 *                   compiled with -fno-omit-frame-pointer.
 *
 * Either begins with the pc. A pc outside all code, as after a call of a null pointer, is followed
 * by the address to which that call would have returned. */
#ifndef WEIR_BACKTRACE_H
#define WEIR_BACKTRACE_H

#include "mappings.h"

typedef struct weir_registers {
    uint64_t pc, sp, frame; /* 0: not known on this machine */
    uint64_t link;          /* return address of the innermost call; 0: it is on the stack */
    uint64_t stack_left;    /* of the alternative stack below the caller; UINT64_MAX: not on one */
} weir_registers;

enum {
    WEIR_FRAMES_MAX = 64,
    WEIR_FRAMES_OF_HANDLER = 16, /* at most, above the frame that was interrupted */
};

typedef struct weir_backtrace {
    size_t count;
    uint64_t frame[WEIR_FRAMES_MAX];
    void *raw[WEIR_FRAMES_MAX + WEIR_FRAMES_OF_HANDLER]; /* of backtrace(), handler included */
} weir_backtrace;

/* Load what unwinding needs, which may allocate. */
void weir_backtrace_prepare(void);

/* From the third argument of a signal handler that is running. */
weir_registers weir_registers_of(const void *context);

/* By unwind tables. Leaves nothing when too little stack is left, or the pc has no tables. */
void weir_backtrace_unwind(weir_backtrace *out, const weir_registers *registers);

/* By frame pointers; code: where return addresses may lead. */
void weir_backtrace_walk(weir_backtrace *out, const weir_registers *registers,
                         const weir_mappings *code);

#endif
