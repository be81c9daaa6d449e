/* look.h - ring and journal of a directory together, looked at as opening does; nothing is changed.
 *
 * What opening would refuse is known from here before anything is made or touched. */
#ifndef WEIR_LOOK_H
#define WEIR_LOOK_H

#include "../ring/ring.h"
#include "inventory.h"

typedef struct weir_look {
    weir_ring_report ring;
    weir_inventory inventory;
} weir_look;

/* Of the input the fields about the ring are filled here. WEIR_OK also when the verdict refuses;
 * out is to be freed in either case. */
int weir_look_take(const weir_inventory_input *input, weir_look *out, weir_error *error);
void weir_look_free(weir_look *look);

/* What would an opening say of this directory, for a database that knows no position? WEIR_OK, or
 * status and text of its verdict. */
int weir_look_judge(const weir_os *os, const char *directory, weir_error *error);

/* Is all of this ring in the journal, whatever its pages say (FORMAT, section 8)? A ring that
 * has a durable mark has been drained into blocks that name it. If the stream's last block names
 * another, or none since the journal was closed, a younger ring came after it, for which all of
 * this one had to be durable: an older copy of the file has come back. A journal whose end is
 * lost says nothing. */
bool weir_look_is_drained(const weir_inventory *inventory, const weir_ring_header *ring,
                          bool has_mark);

/* Let draining a dead ring begin behind what the journal says of its lanes. */
void weir_look_skip_drained(const weir_inventory *inventory, weir_ring *ring);

/* A ring is drained in one order only, so rows that wait in it have numbers before they have a
 * block: they follow on this one, the last that the journal holds or the ring's mark (NULL:
 * none) names. */
uint64_t weir_look_row_before_ring(const weir_inventory *inventory, const weir_mark *mark);
/* How many of them a database at that row has already: none, but beside a damaged journal or a copy
 * that is older than the database. */
uint64_t weir_look_known_rows(const weir_inventory *inventory, const weir_mark *mark,
                              uint64_t applied_row);

#endif
