/* summary.h - rows counted, and what was found named, in an inventory: what status shows. Knows no
 * database, so the SQL extension has these too. */
#ifndef WEIR_SUMMARY_H
#define WEIR_SUMMARY_H

#include "../lib/handle/handle.h"
#include "../lib/verify/inspect.h"

/* Rows up to this number are durable and stand in the journal or did once. */
uint64_t weir_rows_durable(const weir_inventory *inventory);
/* Rows that are durable and not applied, by the position that the inventory has. */
uint64_t weir_rows_waiting(const weir_inventory *inventory);
/* Rows of intact blocks after every durable mark: recovery takes them in. */
uint64_t weir_rows_above_mark(const weir_inventory *inventory);
/* Rows that can be read, though durable rows before them cannot. */
uint64_t weir_rows_beyond_damage(const weir_inventory *inventory);
/* Rows that an opening, or recovery, would apply to the database; 0 while the journal is open. */
uint64_t weir_rows_to_recover(const weir_inventory *inventory, const weir_ring_report *ring,
                              bool is_open);

/* What keeps the process that has the journal open from applying rows, as its figures say. WEIR_OK:
 * nothing, or there is no such process. */
int weir_told_apply_status(const weir_os *os, const char *directory, const weir_holder *holder);
/* Why rows wait there, in words; NULL: none waits, or nothing keeps them. */
const char *weir_why_rows_wait(const weir_inventory *inventory, int apply_status);

const char *weir_found_ring_name(weir_found_ring found);

#endif
