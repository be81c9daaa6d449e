/* interrupt.c - Ctrl-C: a backup ends at a safe place. */
#include "interrupt.h"

#include <signal.h>
#include <string.h>

static volatile sig_atomic_t signal_seen;

static void note_signal(int number) { signal_seen = number; }

void weir_backup_catch_signals(void) {
    struct sigaction action = {.sa_handler = note_signal, .sa_flags = SA_RESTART};
    (void)sigemptyset(&action.sa_mask); /* these cannot fail with such arguments */
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGHUP, &action, NULL);
}

int weir_backup_interrupted(weir_error *error) {
    if (!signal_seen) return WEIR_OK;
    return weir_fail(error, WEIR_BUSY, "interrupted by %s", strsignal(signal_seen));
}
