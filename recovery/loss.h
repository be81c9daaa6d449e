/* loss.h - the lasting record of rows that a database will never get: its table weir_loss.
 *
 * The journal that says which rows are damaged leaves with the damage, so the database keeps it:
 *
 *     journal    BLOB     id of the journal
 *     first_row  INTEGER  by the journal's numbers; NULL: it is unknown which rows
 *     last_row   INTEGER
 *     why        TEXT
 *     noted      TEXT     when, in UTC
 *
 * One row for each range, written before the tool goes on behind it. Whoever has read them may delete
 * them. */
#ifndef WEIR_LOSS_H
#define WEIR_LOSS_H

#include "view.h"

/* What going on behind the damage of this view costs. WEIR_OK or NO_MEMORY. */
int weir_losses_of(const weir_view *view, weir_losses *out);

/* Note them in the database, once each, in a transaction that is on the disk when this returns. None:
 * nothing is written. */
int weir_losses_record(const char *database, const uint8_t journal[16], const weir_losses *losses,
                       uint32_t wait_s, weir_error *error);

#endif
