/* crash_words.c - what a signal says of a crash, in words. */
#include "crash_words.h"

#include <stddef.h>

#ifndef SEGV_BNDERR /* of newer C libraries; the numbers are the kernel's */
#define SEGV_BNDERR 3
#define SEGV_PKUERR 4
#endif

const char *weir_crash_signal_name(int signal) {
    switch (signal) {
    case SIGSEGV: return "SIGSEGV";
    case SIGBUS: return "SIGBUS";
    case SIGFPE: return "SIGFPE";
    case SIGILL: return "SIGILL";
    case SIGABRT: return "SIGABRT";
    case SIGTRAP: return "SIGTRAP";
    case SIGSYS: return "SIGSYS";
    default: return "signal";
    }
}

const char *weir_crash_code_words(int signal, int code) {
    static const struct {
        int signal, code;
        const char *words;
    } known[] = {
        {SIGSEGV, SEGV_MAPERR, "nothing is mapped at the address"},
        {SIGSEGV, SEGV_ACCERR, "the access is not allowed at the address"},
        {SIGSEGV, SEGV_BNDERR, "the address is out of its bounds"},
        {SIGSEGV, SEGV_PKUERR, "a protection key forbids the access"},
        {SIGSEGV, SI_KERNEL, "no such address can exist, so the kernel does not tell it"},
        {SIGBUS, BUS_ADRALN, "the address is not aligned"},
        {SIGBUS, BUS_ADRERR, "the file that is mapped there has no such page, or the disk is full"},
        {SIGBUS, BUS_OBJERR, "the hardware reports an error of what is mapped there"},
        {SIGBUS, BUS_MCEERR_AR, "the memory is broken"},
        {SIGBUS, BUS_MCEERR_AO, "memory is broken that was not used now"},
        {SIGFPE, FPE_INTDIV, "an integer was divided by zero"},
        {SIGFPE, FPE_INTOVF, "an integer overflowed"},
        {SIGFPE, FPE_FLTDIV, "a floating-point number was divided by zero"},
        {SIGFPE, FPE_FLTOVF, "a floating-point number overflowed"},
        {SIGFPE, FPE_FLTUND, "a floating-point number underflowed"},
        {SIGFPE, FPE_FLTRES, "a floating-point result is not exact"},
        {SIGFPE, FPE_FLTINV, "a floating-point operation is not valid"},
        {SIGILL, ILL_ILLOPC, "an instruction does not exist"},
        {SIGILL, ILL_ILLOPN, "an instruction does not exist with that operand"},
        {SIGILL, ILL_PRVOPC, "an instruction is not allowed"},
        {SIGTRAP, TRAP_BRKPT, "a breakpoint"},
        {SIGTRAP, TRAP_TRACE, "a single step"},
        {SIGTRAP, SI_KERNEL, "a breakpoint"},
        {SIGSYS, 1, "a sandbox forbids the system call"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].signal == signal && known[i].code == code) return known[i].words;
    return "a fault of another kind";
}

bool weir_crash_is_fault(const siginfo_t *info) { return info->si_code > 0; }
