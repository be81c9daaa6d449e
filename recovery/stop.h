/* stop.h - Ctrl-C and SIGTERM while a verb writes: it ends between two transactions, and says how far
 * it came. Until a verb watches, and for verbs that only read, such a signal ends the tool at
 * once. */
#ifndef WEIR_STOP_H
#define WEIR_STOP_H

/* Note SIGINT, SIGTERM and SIGHUP from now on. The second of them ends the tool at once, which is safe
 * too: a crash loses nothing. */
void weir_stop_watch(void);

/* The signal that came; 0: none. */
int weir_stop_signal(void);

/* End by the signal that came, as whoever waits for the tool expects. Nothing is flushed. */
_Noreturn void weir_stop_end(void);

#endif
