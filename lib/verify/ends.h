/* ends.h - which segments are on the path, and where each begins and ends, by their headers alone.
 *
 * For who has to know where the stream leaves a segment, without reading the stream. */
#ifndef WEIR_ENDS_H
#define WEIR_ENDS_H

#include "inventory.h"

typedef struct weir_segment_end {
    uint64_t segment;
    uint64_t first_block, first_row;
    /* After its last block, as the next segment's header says. end.segment 0: no header says it;
     * the youngest may still grow. */
    weir_log_end end;
} weir_segment_end;

/* Oldest first; to be freed. Of the input only os, directory and dirfd count. WEIR_NOT_FOUND: a file
 * went away after it was listed; list again. */
int weir_segment_ends(const weir_inventory_input *input, weir_segment_end **out, size_t *count,
                      weir_error *error);

#endif
