/* interrupt.c - Ctrl-C: a backup ends at a safe place. */
#include "interrupt.h"

#include <string.h>

#include "../stop.h"

int weir_backup_interrupted(weir_error *error) {
    int number = weir_stop_signal();
    if (!number) return WEIR_OK;
    return weir_fail(error, WEIR_BUSY, "interrupted (%s): nothing of the backup is left",
                     strsignal(number));
}
