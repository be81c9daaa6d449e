/* stop.h - Ctrl-C and SIGTERM while a verb writes: it ends between two transactions, and says how far
 * it came. Until a verb watches, and for verbs that only read, such a signal ends the tool at
 * once. */
#ifndef WEIR_STOP_H
#define WEIR_STOP_H

#include "../writer/apply/sink.h"

/* Note SIGINT, SIGTERM and SIGHUP from now on. The second of them ends the tool at once, which is safe
 * too: a crash loses nothing. */
void weir_stop_watch(void);

/* The signal shall also hurry this sink, if it has that; NULL: no sink any more. sink and os must live
 * until then. */
void weir_stop_hurry(const weir_os *os, const weir_sink *sink);

/* The signal that came; 0: none. */
int weir_stop_signal(void);

/* End by the signal that came, as whoever waits for the tool expects. Nothing is flushed. */
_Noreturn void weir_stop_end(void);

#endif
