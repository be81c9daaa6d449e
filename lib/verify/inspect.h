/* inspect.h - read ring and journal of a directory together, as opening does, and change nothing.
 *
 * So it is known what opening would refuse before anything is made or touched. */
#ifndef WEIR_INSPECT_H
#define WEIR_INSPECT_H

#include "../ring/recorder.h"
#include "inventory.h"

typedef struct weir_inspection {
    weir_ring_report ring;
    weir_inventory inventory;
} weir_inspection;

/* The fields of the input about the ring are filled here. WEIR_OK also when the verdict refuses;
 * out is to be freed in either case. */
int weir_inspect(const weir_inventory_input *input, weir_inspection *out, weir_error *error);
void weir_inspection_free(weir_inspection *look);

/* What would an opening say of this input's directory? WEIR_OK, or status and text of its verdict. */
int weir_inspect_directory(const weir_inventory_input *input, weir_error *error);
/* The ring's rows, by what an inventory that was taken before says of it. */
int weir_inspect_ring(const weir_inventory_input *input, const weir_inventory *inventory,
                      weir_ring_report *out, weir_error *error);

/* Is all of this ring in the journal, whatever its pages say (FORMAT, section 8)? From its first
 * durable mark (NULL: it has none) on, the blocks name a ring for as long as it is used. If the last
 * one that can be read comes after that mark and names another ring, or none because the journal was
 * closed, then a younger ring followed, and before it was made all of this one had to be durable: the
 * file is an older copy. Blocks that are lost behind that one change nothing about it. */
bool weir_inspection_is_drained(const weir_inventory *inventory, const weir_ring_header *ring,
                                const weir_durable_mark *mark);

/* Let draining a dead ring begin after what the journal says is drained of its lanes. */
void weir_inspection_skip_drained(const weir_inventory *inventory, weir_ring *ring);

/* Up to which sequence the journal says that the flight recorder beside this ring is drained; 0: it
 * says nothing of it. */
uint64_t weir_inspection_recorder_position(const weir_inventory *inventory,
                                           const weir_ring_header *ring);

/* The last row that the journal holds, or that came before a segment which holds none, or, where
 * blocks up to the ring's mark (NULL: none) are lost, that the mark names. A ring is drained in one
 * order only, so rows that wait in it have numbers before they have a block: they follow this one. */
uint64_t weir_inspection_row_before_ring(const weir_inventory *inventory,
                                         const weir_durable_mark *mark);
/* How many of the rows in the ring a database at applied_row has already: none, except when the
 * journal is damaged, or an older copy than the database. */
uint64_t weir_inspection_known_rows(const weir_inventory *inventory, const weir_durable_mark *mark,
                                    uint64_t applied_row);

/* Rows that an opening would apply to the database whose position the inventory has. */
uint64_t weir_inspection_rows_waiting(const weir_inventory *inventory,
                                      const weir_ring_report *ring);

#endif
