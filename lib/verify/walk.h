/* walk.h - walk all blocks of a chain of segments: where the stream ends, and where it is damaged.
 * Private to this folder.
 *
 * Blocks follow each other in number, rows and hash. Where one does not, the marks decide: at or
 * below a mark it is corruption, and the walk goes on after it; above every mark the stream ends
 * there. */
#ifndef WEIR_WALK_H
#define WEIR_WALK_H

#include "chain.h"
#include "decode.h"

/* Is a block that the database or the ring remembers in the stream? */
typedef struct weir_cross_check {
    uint64_t block;
    uint64_t hash; /* of the block's header, once seen */
    bool seen;
} weir_cross_check;

typedef struct weir_block_end { /* where a block of the stream ends, and the row after it */
    weir_log_end end;
    uint64_t next_row;
} weir_block_end;

typedef struct weir_walk {
    const weir_inventory_input *input;
    weir_inventory *inventory; /* extents, damages, end, durable, … are filled */
    weir_error *error;
    weir_cross_check position, ring;
    uint64_t position_row;  /* last row applied, perhaps within the block after the position's */
    uint64_t promised;      /* highest mark of all but the database */
    bool older;             /* the ring ends below the database's position: an older copy */
    bool torn;              /* something is after the end that does not belong there */
    bool behind;            /* all is well, but the journal ends below the database's position */
    weir_block_header last; /* last valid block of the stream; block 0: there is none */
    weir_block_header last_but_one;
    weir_log_end former_end; /* of the stream, before that block */
    weir_block_end *ends;    /* of the blocks from the durable one on: the mark may rise to any */
    size_t end_count;
    weir_drained drained; /* what the last block that was decoded says; drained_block: its number */
    uint64_t drained_block;

    weir_scan scan; /* from here on the walk's own */
    weir_decoder decoder;
    const weir_link *link, *former;
    uint64_t next_block, next_row, hash; /* what must come; 0: not known yet */
    bool open;                           /* the last damage has no end yet */
    bool surveyed;
    uint64_t torn_end; /* after the last byte of interest in this segment; 0: none was found */
    size_t extent_capacity, damage_capacity, end_capacity;
    uint64_t bytes_before, bytes_shown; /* for progress */
} weir_walk;

typedef enum weir_walk_finding {
    WEIR_WALK_GOOD,    /* the block that must come */
    WEIR_WALK_BAD,     /* its header, but not what it should be */
    WEIR_WALK_AHEAD,   /* a header of this segment with a higher number */
    WEIR_WALK_NOTHING, /* no header of this segment, or one that went before */
} weir_walk_finding;

typedef struct weir_walk_place {
    weir_walk_finding finding;
    weir_block_header header; /* valid unless WEIR_WALK_NOTHING */
    const char *why;
} weir_walk_place;

/* A mark: all up to block is durable. */
void weir_walk_mark(weir_walk *w, weir_durable_mark mark);

/* The caller has set the marks from outside. Answers like weir_chain_list; WEIR_OK with
 * found.journal NEWER when a block of a newer version is where the next one should be. */
int weir_walk_chain(weir_walk *w, const weir_chain *chain);

/* Where this block ends, from the durable one on; NULL: it is not in the stream. */
const weir_block_end *weir_walk_end(const weir_walk *w, uint64_t block);

/* Decode the payload of a block of the file that is open. Answers like weir_decoder_read. */
int weir_walk_decode(weir_walk *w, const weir_block_header *h);

void weir_walk_free(weir_walk *w);

/* What must come next; and what must come after this block. */
void weir_walk_expect(weir_walk *w, uint64_t block, uint64_t row, uint64_t hash);
void weir_walk_pass_over(weir_walk *w, const weir_block_header *h);

/* ---- damages: damage.c ---- */

/* Add one, with path copied. It may also be used after the walk. */
int weir_walk_damage(weir_walk *w, weir_damage damage, const char *path, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Open a damage that begins at offset of this segment with what must come next, and whose end is
 * not known yet. Close it: everything before block and row is lost; 0: it is not known how much. */
int weir_walk_open_damage(weir_walk *w, uint64_t offset, const char *why);
/* The same, where nothing is wrong with the bytes that are here. */
int weir_walk_open_absence(weir_walk *w, uint64_t offset, const char *why);
void weir_walk_close_damage(weir_walk *w, uint64_t block, uint64_t row); /* if one is open */

/* Go on after a place that is not the block that must come. *offset: where it is; then where to
 * go on, when *more stays true. */
int weir_walk_skip(weir_walk *w, weir_walk_place *p, uint64_t *offset, bool *more);

/* Does the stream, as far as it is walked, end with the mark of a clean close in this segment? */
bool weir_walk_is_closed(const weir_walk *w);
/* The highest block that was promised in this segment. */
uint64_t weir_walk_promise(const weir_walk *w);
void weir_walk_mark_applied_row(weir_walk *w);

weir_damage weir_walk_here(const weir_walk *w, uint64_t offset);
uint64_t weir_walk_offset(const weir_walk *w); /* after the last good block of this segment */
const char *weir_walk_path(const weir_walk *w);

/* Room for one more element: the array, or NULL. */
void *weir_walk_grow(void *array, size_t count, size_t *capacity, size_t element);
int weir_walk_no_memory(const weir_walk *w);

#endif
