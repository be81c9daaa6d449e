/* shuffle.h - the payload of a block of rows with its bytes in another order, which compresses
 * better: what stands in one place of each row comes together.
 *
 * This is the shuffle filter of HDF5 and of Blosc, for rows instead of arrays of numbers. It changes
 * no byte and drops none. In this order, N being the number of rows:
 *
 *     the payload's head
 *     of each row the first byte, then of each the second, … the eighth: length, table, columns
 *     for each table, in the order of their first rows, and of this table
 *         for each column
 *             the tags, one byte a row
 *             of each value the first byte, then of each the second, … the eighth: those of a number
 *                 or of a text's or blob's length that has so many
 *             the bytes of texts and blobs, one after the other
 *
 * All rows of one table in the payload have the same number of columns. docs/FORMAT.md, §4. */
#ifndef WEIR_SHUFFLE_H
#define WEIR_SHUFFLE_H

#include "block.h"

typedef struct weir_shuffler weir_shuffler; /* memory; one thread at a time */
weir_shuffler *weir_shuffler_make(void);    /* NULL: no memory */
void weir_shuffler_free(weir_shuffler *s);  /* NULL is allowed */

/* Either way: from and to have so many bytes each, rows is what the block's header says. WEIR_OK;
 * WEIR_DAMAGED where from is no such payload, WEIR_NO_MEMORY; to may hold anything then. Memory is
 * kept for the next call, at most 32 bytes a row, but for blocks of unusual size. */
int weir_shuffle(weir_shuffler *s, const uint8_t *from, size_t bytes, uint32_t rows, uint8_t *to);
int weir_unshuffle(weir_shuffler *s, const uint8_t *from, size_t bytes, uint32_t rows, uint8_t *to);

#endif
