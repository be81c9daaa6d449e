/* backup.h - one backup on its way: what is copied, from where, and as of which row. Private to
 * this folder. */
#ifndef WEIR_BACKUP_H
#define WEIR_BACKUP_H

#include "../view.h"
#include "blocks.h"
#include "pages.h"
#include "part.h"
#include "sinks_copied.h"
#include "source.h"

typedef struct weir_backup {
    const weir_arguments *arguments;
    const weir_place *place;
    weir_integrity integrity;
    weir_backup_part part;
    weir_backup_source source;
    weir_inspection look; /* of the journal, after that state of the database */
    weir_holder holder;
    weir_sink_notes sinks; /* read before the journal: a record may be too low, never too high */
    weir_backup_end end;
    int64_t moment_ns;        /* when the journal's end was read */
    char *database, *journal; /* paths of the copies while they are aside */
    uint64_t journal_bytes;   /* to be copied; then of the copy */
} weir_backup;

static inline const weir_position *weir_backup_position(const weir_backup *b) {
    return &b->look.inventory.position;
}

/* What was, or with --dry-run would be, backed up: words or JSON on stdout. */
void weir_backup_report(const weir_backup *backup);
/* The same object as a file of the backup. Synced. */
int weir_backup_write_manifest(const weir_backup *backup, weir_error *error);

#endif
