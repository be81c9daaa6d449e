/* marks.h - what ring, journal and database say of each other: how far something is durable or
 * applied. */
#ifndef WEIR_MARKS_H
#define WEIR_MARKS_H

#include <stdbool.h>

#include "block.h"

/* How far a journal is applied. Kept in the database, to which only durable blocks are applied. */
typedef struct weir_position {
    weir_id journal;
    uint64_t block; /* the last one that is wholly applied; 0: none */
    uint64_t row;   /* the last one that is applied; it may be in the next block */
    uint64_t hash;  /* of that block's header; 0 with block 0 */
} weir_position;

typedef struct weir_durable_mark { /* "all up to this block is durable", and who said so */
    uint64_t block, hash, row;     /* hash, row 0 where the source does not say */
    const char *source;            /* "block", "segment", "ring", "database"; static */
} weir_durable_mark;

typedef enum weir_found_ring {
    WEIR_RING_ABSENT,
    WEIR_RING_OURS,
    WEIR_RING_FOREIGN,    /* of another journal id */
    WEIR_RING_UNREADABLE, /* its header fails */
    WEIR_RING_NEWER,
    WEIR_RING_CUT, /* ours, of this boot, but lanes with rows lie beyond the end of its file */
} weir_found_ring;

/* What a file of a newer version says of itself, in places that every version has in common. */
typedef struct weir_newer {
    uint32_t version;
    uint32_t features; /* incompatible ones that this version does not know */
} weir_newer;

/* It can be read, and its journal is the one at hand. */
static inline bool weir_ring_is_ours(weir_found_ring found) {
    return found == WEIR_RING_OURS || found == WEIR_RING_CUT;
}

#endif
