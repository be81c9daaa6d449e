/* weir/crash.h - the last rows of a log say where the program crashed. Nothing here is done unasked.
 *
 * THE SMALLEST PROGRAM
 *
 *     #include <weir/crash.h>
 *     #include <weir/sqlite.h>
 *
 *     weir *w;
 *     if (weir_open_sqlite("run.db", NULL, &w) < 0) return 1;
 *     (void)weir_log_crashes_stack();     // in each thread: so that a stack overflow is logged too
 *     (void)weir_log_crashes(w);          // once, after the program's other handlers are installed
 *
 * THE ROWS
 *
 * They are rows of the table "log" (<weir/log.h>) at level "FATAL". All rows of one crash have the
 * same time_ns and thread; file is "weir/crash.h"; line counts them from 0:
 *
 *     0         the signal and its code in words, the fault address, the pc, the thread's name
 *     1, 2, …   "#0 0x… /usr/bin/program+0x…": the backtrace, innermost frame first; after + comes
 *               the offset in that file. In frames after #0 the address is that of the return.
 *     then      "mapping 0x…-0x… 0x… BUILD-ID /usr/bin/program": each executable mapping of a
 *               file: first and one past the last address, offset in the file, build id or -
 *
 * "weir symbols run.db" prints them with functions and lines. */
#ifndef WEIR_CRASH_H
#define WEIR_CRASH_H

#include <weir/weir.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Log crashes in the table "log" of this handle, which is declared now: install a handler for
 * SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT; and for SIGTRAP and SIGSYS where the program has no
 * handler, since one of its own is there to go on, not to crash. Threads: all of the process, the
 * library's too. One handle at a time: another call replaces the handle.
 *
 * When such a signal comes, whoever sent it, the rows are appended; then the action that was there
 * before is installed again for this signal, and the signal is raised again. So a handler of the
 * program runs as if it alone were installed, on its own stack, with the original siginfo and
 * context; without one the process ends by the original signal, with its core dump. (One exception:
 * a signal that was sent reaches that handler as one of this thread's own, unless it came in the
 * main thread.) A program whose handler goes on calls this function again to have that signal
 * logged once more.
 *
 * Promised: when the process ends, the rows that were appended are published, as any row is. The
 * handler takes no lock, allocates nothing, and appends through weir_append_row(), also when the
 * crash came inside an append or a call that holds a lock. It fits on an alternative stack of
 * 8 KiB; on a smaller rest of a stack than 2.5 KiB (AArch64: 8 KiB) the backtrace is made with frame
 * pointers instead of unwind tables. A crash inside the handler skips the part that crashed. Threads
 * that crash at once are logged one after the other; none waits for longer than a second or two.
 *
 * Not promised: rows when the lanes or the ring are full (an append waits for 200 ms at most here,
 * and less if the full policy says so), when the handle is closed or has stopped, in a forked child,
 * on a stack overflow without an alternative stack, on SIGKILL; a complete backtrace when the stack
 * is destroyed, or past code without unwind tables; more than 64 frames and 256 mappings. What was
 * loaded by dlopen is named if /proc/self/maps can be read then; else the mappings are those of this
 * call. On machines other than x86-64 and AArch64 the pc and the frames may be missing. In a
 * program that registers unwind tables of its own (__register_frame, as compilers at run time do)
 * the backtrace takes libgcc's lock for them, and hangs if the crash came while it was held.
 *
 * While the handler runs, every signal but those of faults is blocked in its thread.
 *
 * Not for signal handlers, and not while another thread changes the actions of these signals.
 * Errors: WEIR_MISUSE, WEIR_NO_MEMORY, and those of weir_declare(); then nothing is changed. */
WEIR_API int weir_log_crashes(weir *w);

/* Log no more crashes, and put back the actions that were there before; a signal for which the
 * program has installed another handler since keeps that one. weir_close() of the handle does the
 * same. Without a call of weir_log_crashes() before it does nothing. Not for signal handlers. */
WEIR_API void weir_log_crashes_stop(void);

/* Give the calling thread an alternative stack for signal handlers (64 KiB and more, with a guard
 * page), unless it has one: then that one stays. It is removed when the thread ends. Errors:
 * WEIR_NO_MEMORY. */
WEIR_API int weir_log_crashes_stack(void);

#ifdef __cplusplus
}
#endif
#endif
