/* crash_report.h - the rows of one crash. Private to this folder. */
#ifndef WEIR_CRASH_REPORT_H
#define WEIR_CRASH_REPORT_H

#include <signal.h>

#include "core.h"

/* All that a report needs besides a little stack; it is never on one. */
typedef struct weir_crash_report weir_crash_report;

/* From malloc; NULL without memory. Loads what a backtrace needs. */
weir_crash_report *weir_crash_report_make(void);

/* Remember the mappings as they are now, for a crash that cannot read them. */
void weir_crash_report_note_mappings(weir_crash_report *report, const weir_os *os);

typedef struct weir_crash {
    int signal;
    const siginfo_t *info;
    const void *context; /* as the handler got them */
    uint32_t thread;
} weir_crash;

/* Append the rows. It ends at the first that is refused, since others would be too. One call at a
 * time. Async-signal-safe. */
void weir_crash_report_write(weir_crash_report *report, weir_table *table, const weir_crash *crash);

/* For the handler of a crash within weir_crash_report_write, in the same thread: go on there with
 * the next part. Does not return. */
_Noreturn void weir_crash_report_escape(weir_crash_report *report, int signal);

#endif
