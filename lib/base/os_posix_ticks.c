/* os_posix_ticks.c - whether this machine has a time stamp counter that can be converted to time.
 *
 * x86-64: the processor says that the counter runs at one rate in all its states (invariant TSC).
 * Whether it is also synchronised between processors, and is left alone by a hypervisor, the
 * kernel finds out: it makes that counter its own clock source, or another. AArch64: the generic
 * timer is both by definition. */
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "os_posix.h"
#include "ticks.h"

bool weir_posix_trusts_tsc(const char *clocksource) {
    static const char *const based_on_it[] = {"tsc", "kvm-clock", "hyperv_clocksource_tsc_page"};
    size_t length = strcspn(clocksource, "\n");
    for (size_t i = 0; i < sizeof based_on_it / sizeof *based_on_it; i++)
        if (strlen(based_on_it[i]) == length && !memcmp(clocksource, based_on_it[i], length))
            return true;
    return false;
}

#if defined(__x86_64__)
static bool is_invariant(void) {
    const unsigned power_management = 0x80000007, invariant_tsc = 1u << 8;
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid(power_management, &eax, &ebx, &ecx, &edx) && (edx & invariant_tsc);
}

/* Without sysfs, as in some containers, the processor's word has to do. */
static bool kernel_trusts_tsc(void) {
    char text[64];
    int file = weir_posix_open(NULL, WEIR_OS_CWD,
                               "/sys/devices/system/clocksource/clocksource0/current_clocksource",
                               WEIR_OS_READ);
    if (file < 0) return true;
    int64_t n = weir_posix_pread(NULL, file, text, sizeof text - 1, 0);
    (void)weir_posix_close(NULL, file); /* opened for reading */
    text[n > 0 ? n : 0] = '\0';
    return weir_posix_trusts_tsc(text);
}
#endif

static bool has_ticks(void) {
#if defined(__x86_64__)
    return is_invariant() && kernel_trusts_tsc();
#elif defined(__aarch64__)
    return true;
#else
    return false;
#endif
}

/* Relaxed: whoever looks finds the same. */
uint64_t weir_posix_ticks(void *self) {
    (void)self;
    enum { UNKNOWN, NONE, TRUSTED };
    static _Atomic int found;
    int state = atomic_load_explicit(&found, memory_order_relaxed);
    if (state == UNKNOWN) {
        int saved = errno;
        state = has_ticks() ? TRUSTED : NONE;
        errno = saved;
        atomic_store_explicit(&found, state, memory_order_relaxed);
    }
    return state == TRUSTED ? weir_ticks() : 0;
}
