/* loss.h - the lasting record of rows that a database will never get: its table weir_loss.
 *
 * The segments that show which rows are damaged leave the journal with the damage, so the database
 * keeps the record:
 *
 * journal    BLOB     id of the journal first_row  INTEGER  by the journal's numbers; NULL: it is
 * unknown which rows last_row   INTEGER why        TEXT noted      TEXT     when, in UTC
 *
 * There is one row for each range, written before the tool goes on after the damage. Users may
 * delete rows that they have read. */
#ifndef WEIR_LOSS_H
#define WEIR_LOSS_H

#include "view.h"

/* The rows that are lost by going on after the damage of this view. WEIR_OK or WEIR_NO_MEMORY. */
int weir_losses_of(const weir_view *view, weir_losses *out);

/* Record them in the database, each only once, in a transaction that is on the disk when this
 * returns. When there are none, nothing is written. */
int weir_losses_record(const char *database, const weir_id journal, const weir_losses *losses,
                       uint32_t wait_s, weir_error *error);

#endif
