/* stretch.h - which blocks of a journal are durable and can be read now: of a living program's or a
 * dead one's.
 *
 * A look reads the journal whole and judges it (verify/inventory.h). From then on the stream is
 * followed from where it ended: the headers of the blocks that were appended, and the next segment when
 * the youngest one's header names the end of this one. What counts as durable is what the marks say:
 * the ring's while there is one, those of blocks and of segments. When the files do not continue what
 * was seen, because segments left the journal, or another journal stands there, the answer is that a
 * new look is needed. */
#ifndef WEIR_STRETCH_H
#define WEIR_STRETCH_H

#include "../verify/inventory.h"
#include "../verify/reader.h"
#include "../verify/scan.h"

typedef struct weir_stretch {
    const weir_os *os; /* of the files; an archive's, to see those too that have left */
    const char *directory;
    const weir_inventory_input *database; /* what is known of one, for a look; NULL: nothing */
    weir_id journal;                      /* zeros: there is none yet */
    weir_extent *extents;         /* of durable blocks, in order; a gap between two is a loss */
    size_t gone, count, capacity; /* extents[gone] … extents[count - 1] count */
    weir_log_end end;             /* after the last durable block; segment 0: none is there */
    uint64_t next_row;            /* and the row that comes next there */
    uint64_t durable;             /* the highest mark seen */
    weir_inventory found;         /* by the last look: its damages and its words */
    weir_scan scan;
    uint64_t open;             /* segment that the scan has open; 0: none */
    uint64_t open_incarnation; /* of the segment where the stream ends; 0: any */
} weir_stretch;

void weir_stretch_make(weir_stretch *s, const weir_os *os, const char *directory);
void weir_stretch_free(weir_stretch *s);

/* Look at the directory anew. WEIR_OK also when it is damaged, or holds no journal yet (journal is
 * then zeros). WEIR_VERSION, WEIR_DAMAGED (segments of more than one journal), WEIR_IO,
 * WEIR_NO_MEMORY: in words, and nothing can be read. */
int weir_stretch_look(weir_stretch *s, bool verify_all, weir_error *error);

/* See what has become durable since. WEIR_OK: something; WEIR_PENDING: nothing; WEIR_NOT_FOUND: look
 * anew. WEIR_IO, WEIR_NO_MEMORY. */
int weir_stretch_advance(weir_stretch *s, weir_error *error);

/* For a reader. The stretch must outlive it. */
weir_locator weir_stretch_locator(weir_stretch *s);
/* The extent that holds block, or the first one after it; NULL: there is none. */
const weir_extent *weir_stretch_extent(const weir_stretch *s, uint64_t block);
/* The extent that holds the row; NULL: there is none. */
const weir_extent *weir_stretch_extent_of_row(const weir_stretch *s, uint64_t row);
/* The damage that the last look found there, or NULL. */
const weir_damage *weir_stretch_damage(const weir_stretch *s, uint64_t first_block,
                                       uint64_t last_block);
/* Damage in a segment before this one, of which nobody says which blocks it had; or NULL. */
const weir_damage *weir_stretch_damage_before(const weir_stretch *s, uint64_t segment);
/* Blocks below are not wanted any more. */
void weir_stretch_forget(weir_stretch *s, uint64_t block);

#endif
