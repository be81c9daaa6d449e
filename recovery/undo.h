/* undo.h - salvage undone: rows that were lost, and that a better copy of their segment has, brought
 * into the database after all.
 *
 * The journal has gone on since, and the database with it, so neither is turned back: what salvage
 * applied stays, and the position too. What is mended are the gaps that the table weir_loss names.
 * Their rows are read from the journal as it was (aside.h), and applied exactly once: a position of
 * their own, under an id made of the journal's, tells how far an interrupted undo came. */
#ifndef WEIR_UNDO_H
#define WEIR_UNDO_H

#include "arguments.h"
#include "place.h"

int weir_run_undo(const weir_arguments *arguments, const weir_place *place); /* the exit code */

#endif
