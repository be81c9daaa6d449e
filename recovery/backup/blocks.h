/* blocks.h - the journal of a backup: the durable blocks after a position, in a journal of their
 * own. */
#ifndef WEIR_BACKUP_BLOCKS_H
#define WEIR_BACKUP_BLOCKS_H

#include "../../lib/verify/inspect.h"

typedef struct weir_backup_end { /* what of a journal belongs to the backup */
    uint64_t block, row;         /* the last */
    uint64_t next_row;           /* after it */
} weir_backup_end;

/* The end of what is durable: of a journal that nobody has open, all of it, since opening would
 * make it durable; of one in use, up to the highest mark. */
weir_backup_end weir_backup_end_of(const weir_inventory *inventory, bool in_use);

/* Write the blocks of the inventory after its position, up to end, into an empty directory, which is
 * open. They are read and verified once more. The new journal has the id of the old one, and is
 * closed. Synced. WEIR_NOT_FOUND, WEIR_DAMAGED: the old one has moved on, take its inventory anew;
 * WEIR_NO_SPACE, WEIR_IO, WEIR_NO_MEMORY, WEIR_BUSY when the user has interrupted it. */
int weir_backup_blocks(const weir_inventory *inventory, const weir_backup_end *end, int dirfd,
                       const char *directory, weir_error *error);

#endif
