/* interrupt.h - Ctrl-C: a backup ends at a safe place, and leaves nothing. */
#ifndef WEIR_BACKUP_INTERRUPT_H
#define WEIR_BACKUP_INTERRUPT_H

#include "../../lib/base/status.h"

/* WEIR_OK, or WEIR_BUSY with the words that it was interrupted (stop.h). error may be NULL. */
int weir_backup_interrupted(weir_error *error);

#endif
