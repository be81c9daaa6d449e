/* ticks.h - the processor's time stamp counter, in one instruction. */
#ifndef WEIR_TICKS_H
#define WEIR_TICKS_H

#include <stdint.h>

/* What the posix table's ticks reads, inline. It means time only where that function does not
 * answer 0; elsewhere it may differ between processors, change its rate, or be 0. The processor may
 * execute it some nanoseconds before the instructions in front of it. */
static inline uint64_t weir_ticks(void) {
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    uint64_t ticks;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
#else
    return 0;
#endif
}

/* That function itself, to compare with. */
uint64_t weir_posix_ticks(void *self);

#endif
