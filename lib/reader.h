/* reader.h - walk the blocks of a journal in order, live or dead, decoded and verified.
 *
 * The reader asks a locator where a block stands; a live journal answers from memory and up to its
 * durable end, an inventory answers from what it found. Memory: one stored and one raw block. One
 * thread per reader. */
#ifndef WEIR_READER_H
#define WEIR_READER_H

#include "inventory.h"

typedef struct weir_locator {
    void *self;
    /* The extent that holds block (out->path may be copied by the callee into buffer of 4096 bytes);
     * WEIR_PENDING when it does not exist yet, WEIR_NOT_FOUND when it left the journal or is damaged. */
    int (*locate)(void *self, uint64_t block, weir_extent *out, char *path_buffer);
} weir_locator;

weir_locator weir_inventory_locator(const weir_inventory *inventory);

typedef struct weir_reader weir_reader;

typedef struct weir_read_block { /* lives until the next call on the reader */
    weir_block_header header;
    weir_payload payload;
} weir_read_block;

int weir_reader_make(const weir_os *os, weir_locator locator, weir_reader **out);
void weir_reader_free(weir_reader *reader);

/* Read block number block. Sequential reads are cheap; any order is right. First reads the
 * declarations at the head of the segment when asked to by weir_reader_declarations.
 * WEIR_OK, WEIR_PENDING, WEIR_NOT_FOUND, WEIR_DAMAGED, WEIR_IO. Reads within the extent: walks headers from the extent's begin if needed. */
int weir_reader_read(weir_reader *reader, uint64_t block, weir_read_block *out, weir_error *error);

/* The declarations block at the head of the segment that holds block: call before the first read when
 * starting in the middle of a journal. The head block may have a number above or below block. */
int weir_reader_declarations(weir_reader *reader, uint64_t block, weir_read_block *out,
                             weir_error *error);

#endif
