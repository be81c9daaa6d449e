/* interrupt.h - Ctrl-C, and what a service manager sends: a backup ends at a safe place. */
#ifndef WEIR_BACKUP_INTERRUPT_H
#define WEIR_BACKUP_INTERRUPT_H

#include "../../lib/base/status.h"

/* From here on SIGINT, SIGTERM and SIGHUP are noted and end nothing. */
void weir_backup_catch_signals(void);
/* WEIR_OK, or WEIR_BUSY with the words that it was interrupted. error may be NULL. */
int weir_backup_interrupted(weir_error *error);

#endif
