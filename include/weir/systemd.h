/* systemd.h - tell systemd how a handle is doing (sd_notify(3)), for units with Type=notify.
 *
 *     if (weir_open_sqlite("/var/lib/trades/run.db", &options, &w) < 0) …
 *     weir_systemd_notify(w);                  // READY; status and watchdog until weir_close()
 *
 * No library is linked for this. docs/OPERATING.md has the unit. */
#ifndef WEIR_SYSTEMD_H
#define WEIR_SYSTEMD_H

#include "weir.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- telling systemd ---------------------------------------------------------------------- */

/* Say READY=1 now, and until weir_close() begins, on a thread of its own:
 *
 *   STATUS      rows that wait and why, when that has changed, every 5 s at most
 *   WATCHDOG=1  where the unit has WatchdogSec= (WATCHDOG_USEC, and WATCHDOG_PID names this process or
 *               is not set): four times in that time, as long as the journal thread and the writer
 *               thread go on. Both are woken and have to do a step: an idle handle is fed, a disk
 *               or a thread that hangs is not, nor is a journal that has stopped for good. So
 *               WatchdogSec= must be longer than the longest sync and transaction; 60 s is a good
 *               value. A database that is locked, or that cannot take rows, starves nothing: the
 *               status says it.
 *
 * weir_close() says STOPPING=1 and goes on feeding while it may take. After it nothing does: a
 * program that does not end then feeds the watchdog itself, or opens again and calls this again.
 * What the program's own threads do is not looked at.
 *
 * Without NOTIFY_SOCKET, as when it was started from a shell, nothing happens and the answer is
 * WEIR_OK; a second call for the same handle likewise. A message that cannot be sent is dropped. One
 * handle of a process should do this, since systemd knows one state. The environment is read
 * during the call and not changed. Any thread; not from a signal handler. Errors: WEIR_MISUSE,
 * WEIR_UNSUPPORTED (NOTIFY_SOCKET is no path and no abstract name, or is too long), WEIR_IO (no
 * thread can be started), WEIR_NO_MEMORY, WEIR_CLOSED, WEIR_FORKED, WEIR_STOPPED. */
WEIR_API int weir_systemd_notify(weir *w);

#ifdef __cplusplus
}
#endif
#endif
