/* kept.h - which of the blocks that are applied are held back for a failover: a standby that is promoted
 * may lack the last transactions, which are then applied again. */
#ifndef WEIR_PG_KEPT_H
#define WEIR_PG_KEPT_H

#include <stdint.h>

enum { WEIR_PG_MARKS = 256 };

typedef struct weir_pg_mark {
    uint64_t block, time_ns, bytes; /* committed at that time, with so many bytes before its end */
} weir_pg_mark;

typedef struct weir_pg_kept {
    uint64_t keep_ns, keep_bytes; /* 0: not at all */
    uint64_t bytes;               /* of all blocks since the start */
    uint32_t count;
    weir_pg_mark marks[WEIR_PG_MARKS]; /* the oldest first */
} weir_pg_kept;

/* All up to this block is committed now, and so many bytes came with it. What was committed by another
 * process counts as committed at the first call. A block that is not above the last forgets those marks
 * that are above it. */
void weir_pg_kept_note(weir_pg_kept *k, uint64_t block, uint64_t bytes, uint64_t now_ns);
/* The last block, not above safe, that is older than keep_ns and has keep_bytes behind it; 0: none. */
uint64_t weir_pg_kept_safe(const weir_pg_kept *k, uint64_t safe, uint64_t now_ns);

#endif
