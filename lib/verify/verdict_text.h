/* verdict_text.h - the verdict of an inventory in words: what, where, which rows, what to do. */
#ifndef WEIR_VERDICT_TEXT_H
#define WEIR_VERDICT_TEXT_H

#include "inventory.h"

enum { WEIR_ROWS_TEXT = 160 };

/* Fill detail from verdict and everything else. */
void weir_findings_describe(const weir_inventory_input *input, weir_inventory *inventory);

/* Which rows of a damage are lost, in words; returns text. Those that the database has applied are
 * not. */
const char *weir_findings_rows(const weir_inventory *inventory, const weir_damage *damage,
                               char text[WEIR_ROWS_TEXT]);
/* Rows that the database lacks and that have left the journal: with DATABASE_BEHIND, and where damage is
 * beside that. None: last < first. */
void weir_findings_gone(const weir_inventory *inventory, uint64_t *first, uint64_t *last);
uint64_t weir_findings_lost(const weir_inventory *inventory, const weir_damage *damage); /* count */

#endif
