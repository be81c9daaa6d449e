/* loss.h - the lasting record of rows that a database will never get.
 *
 * The segments that show which rows are damaged leave the journal with the damage, so the record
 * stands in two other places: the database's table weir_loss, and the file losses in the journal's
 * directory (loss_file.h), which outlives a database that is restored or replaced. docs/FORMAT.md
 * describes both. There is one row, and one line, for each range, written before the tool goes on
 * after the damage. Users may delete what they have read. */
#ifndef WEIR_LOSS_H
#define WEIR_LOSS_H

#include "view.h"

/* The rows that are lost by going on after the damage of this view. WEIR_OK or WEIR_NO_MEMORY. */
int weir_losses_of(const weir_view *view, weir_losses *out);

/* Record them in the database, each only once, in a transaction that is on the disk when this
 * returns. When there are none, nothing is written. */
int weir_losses_record(const char *database, const weir_id journal, const weir_losses *losses,
                       uint32_t wait_s, weir_error *error);

/* The same in the database of this place, and before in the file beside it. */
int weir_losses_keep(const weir_place *place, const weir_id journal, const weir_losses *losses,
                     uint32_t wait_s, weir_error *error);

/* Rows of this loss were brought in: take it, and the position of that undo, out of the database. */
int weir_losses_forget(const char *database, const weir_loss *loss, uint32_t wait_s,
                       weir_error *error);

#endif
