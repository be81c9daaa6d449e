/* reader.h - walk the blocks of a journal in order, live or dead, decoded and verified: hashes, the
 * chain, and that a payload holds as many rows as its header says.
 *
 * The reader asks a locator where a block is. A live journal answers from memory, up to its
 * durable end; an inventory answers from what it found. Memory: one stored and one raw block.
 * One thread per reader. */
#ifndef WEIR_READER_H
#define WEIR_READER_H

#include "inventory.h"

typedef struct weir_locator {
    void *self;
    int dirfd; /* in which the extents' paths are looked up, as os.h says */
    /* The extent that holds block. path_buffer has WEIR_PATH_MAX bytes, to which out->path may point.
     * WEIR_PENDING: not there yet. WEIR_NOT_FOUND: it left the journal, or is damaged. Other statuses
     * are passed on. */
    int (*locate)(void *self, uint64_t block, weir_extent *out, char *path_buffer);
    /* This number, or the nearest of an existing block on that side of it; 0 for none. A gap
     * may be as wide as a forged header says, so it is not crossed one by one. NULL where no
     * reader crosses gaps. */
    uint64_t (*nearest)(void *self, uint64_t block, weir_side side);
} weir_locator;

/* Finds blocks up to the end of the inventory's stream, which may be above the durable mark. The
 * inventory stays the caller's, and must outlive the locator. */
weir_locator weir_inventory_locator(const weir_inventory *inventory);

typedef struct weir_reader weir_reader;

typedef struct weir_read_block { /* lives until the next call on the reader */
    weir_block_header header;
    weir_payload payload;
} weir_read_block;

int weir_reader_make(const weir_os *os, weir_locator locator, weir_reader **out);
void weir_reader_free(weir_reader *reader);

/* Read block number block. In ascending order each header and payload is read once; any other
 * order is right too, and walks the headers from the beginning of the block's extent. WEIR_OK,
 * WEIR_PENDING (without a text), WEIR_NOT_FOUND (it, or its file while it was read, left the
 * journal), WEIR_DAMAGED, WEIR_VERSION, WEIR_IO, WEIR_NO_MEMORY. After a failure the reader can
 * go on with any block. */
int weir_reader_read(weir_reader *reader, uint64_t block, weir_read_block *out, weir_error *error);

/* The nearest block by the locator, or that number itself if the locator cannot say. */
uint64_t weir_reader_nearest(const weir_reader *reader, uint64_t block, weir_side side);

/* The two halves of weir_reader_read, for a caller that may not need the second: the header of a
 * block, and then, before any other call on the reader, its payload. */
int weir_reader_header(weir_reader *reader, uint64_t block, weir_block_header *out,
                       weir_error *error);
int weir_reader_payload(weir_reader *reader, weir_read_block *block, weir_error *error);

/* The declarations block at the head of the segment that holds block; for a reader that starts
 * in the middle of a journal. Answers like weir_reader_read. */
int weir_reader_declarations(weir_reader *reader, uint64_t block, weir_read_block *out,
                             weir_error *error);

#endif
