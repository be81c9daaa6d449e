/* packer.h - writes a packed segment, block by block, into a file that is open.
 *
 * Memory: a group's payloads, and several times as much while they become columns. */
#ifndef WEIR_PACKER_H
#define WEIR_PACKER_H

#include "../lib/base/os.h"
#include "../lib/packed/packed.h"

enum { WEIR_PACKER_GROUP = 8 << 20 }; /* raw bytes of a group, about */

typedef struct weir_packer weir_packer;

/* os and file are the caller's. segment: the 256 bytes of the segment's header, which are valid. */
int weir_packer_make(const weir_os *os, int file, const uint8_t segment[WEIR_SEGMENT_HEADER],
                     uint64_t file_bytes, weir_packer **out);
void weir_packer_free(weir_packer *packer);

/* The next block of the stream: its header, valid, and its raw payload, valid too. WEIR_OK,
 * WEIR_NO_MEMORY, or WEIR_IO with *result. */
int weir_packer_add(weir_packer *packer, const uint8_t header[WEIR_BLOCK_HEADER],
                    const uint8_t *raw, int64_t *result);
/* After the last one, of which there was at least one. Nothing is synced. */
int weir_packer_finish(weir_packer *packer, int64_t *result);
uint64_t weir_packer_bytes(const weir_packer *packer); /* of the file so far */

#endif
