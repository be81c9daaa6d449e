/* crash_words.h - what a signal says of a crash. Private to this folder. Async-signal-safe. */
#ifndef WEIR_CRASH_WORDS_H
#define WEIR_CRASH_WORDS_H

#include <signal.h>
#include <stdbool.h>

/* "SIGSEGV"; static. */
const char *weir_crash_signal_name(int signal);
/* The code of a fault in words; static. */
const char *weir_crash_code_words(int signal, int code);
/* Did the kernel find a fault of the thread itself, and not somebody send the signal? */
bool weir_crash_is_fault(const siginfo_t *info);

#endif
