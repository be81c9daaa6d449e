/* loss_file.h - the record of lost rows that stands beside the database, in the journal's directory:
 * it is still there when the database is restored or replaced. docs/FORMAT.md, section 6, describes
 * the file. */
#ifndef WEIR_LOSS_FILE_H
#define WEIR_LOSS_FILE_H

#include "database.h"

typedef enum weir_loss_note {
    WEIR_LOSS_NOTED, /* the rows are lost */
    WEIR_LOSS_FOUND, /* they were, and are in the database now */
} weir_loss_note;

/* Append a line for each, synced when this returns. A loss that the file names already, and does
 * not tell as found, is not noted again. */
int weir_loss_file_append(const weir_os *os, const char *directory, weir_loss_note what,
                          const weir_id journal, const weir_losses *losses, weir_error *error);

/* All losses that the file ever named, those with found included. A line that is not one of ours,
 * or was cut off by a crash, is passed over. No file: none. */
int weir_loss_file_read(const weir_os *os, const char *directory, weir_losses *out,
                        weir_error *error);

/* Add to those of the database what only the file names, and note in each where it stands. WEIR_OK
 * or WEIR_NO_MEMORY. */
int weir_losses_join(weir_losses *of_database, const weir_losses *of_file);

bool weir_loss_is_same(const weir_loss *a, const weir_loss *b); /* of one journal, rows and cause */

#endif
