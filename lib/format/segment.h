/* segment.h - one file of the journal: its header, creation, recycling, writing, syncing.
 *
 * A segment is a file of fixed size: a header in the first WEIR_BLOCK_ALIGN bytes, then blocks.
 * Header, little-endian:
 *
 *     offset  size
 *          0     8  magic "WEIRSEG1"
 *          8     2  header bytes = 256
 *         10     2  version = 1
 *         12     4  hash algorithm: 1 = XXH3-64
 *         16     4  incompatible features: an unknown bit means: do not read
 *         20     4  compatible features: an unknown bit means: do not append
 *         24    16  journal id
 *         40     8  incarnation
 *         48     8  segment number, from 1, ascending
 *         56     8  segment bytes: size of the file
 *         64     4  block alignment = 4096
 *         68     4  zero
 *         72     8  first block this segment will hold
 *         80     8  first row it will hold
 *         88     8  wall clock, ns since 1970
 *         96     8  \
 *        104     8   | where all earlier segments end: segment (0: there is nothing before),
 *        112     8   | offset behind its last block, that block's number, the hash of its header.
 *        120     8  /  Bytes of earlier segments beyond that end are void.
 *        128   120  zero
 *        248     8  header hash: XXH3-64 of bytes 0 … 247
 *
 * A header is valid if and only if its hash matches, the fixed fields hold the values above, the
 * zeros are zeros, and the segment number is above that of the segment before (so it is not 0). The
 * rest of the first WEIR_BLOCK_ALIGN bytes is written as zeros and not judged.
 *
 * The end that a header names was durable before the header got its name, so a header is also a
 * durable mark. The first block of every segment is a declarations block (all tables declared so
 * far), so that a segment can be read by itself.
 *
 * Names: segment-<20 digits>, spare-<20 digits> (no content), damaged-<why>-segment-<20 digits>.
 * A new segment is prepared in a spare and takes its name last: header and first blocks written and
 * synced, file renamed, directory synced. So a segment that has a name is whole up to there, and no
 * crash can leave one that ends the older segments before it holds what it should carry on. */
#ifndef WEIR_SEGMENT_H
#define WEIR_SEGMENT_H

#include "../base/os.h"
#include "block.h"

enum { WEIR_SEGMENT_HEADER = 256, WEIR_HASH_XXH3_64 = 1 };

typedef struct weir_end { /* a place in the stream: behind a block */
    uint64_t segment, offset, block, hash;
} weir_end;

typedef struct weir_segment_header {
    uint16_t version;
    uint32_t hash_algorithm, incompatible, compatible;
    uint8_t journal[16];
    uint64_t incarnation, segment, bytes, first_block, first_row;
    int64_t wall_ns;
    weir_end before;
    uint64_t hash;
} weir_segment_header;

void weir_segment_header_encode(uint8_t at[WEIR_SEGMENT_HEADER], weir_segment_header *h);
/* Answers like weir_block_header_decode. */
int weir_segment_header_decode(const uint8_t at[WEIR_SEGMENT_HEADER], weir_segment_header *out);

/* An open segment that is appended to; owned by the journal thread. */
typedef struct weir_segment {
    const weir_os *os;
    int dirfd, file;
    uint64_t number, bytes, end; /* end: where the next block goes */
    uint64_t filled;             /* every byte before this has been written once */
    uint64_t chunk;              /* how many zeros go ahead next time; 0: give it up */
    uint64_t device, inode;      /* of the file, when it was opened */
} weir_segment;

/* dirfd and paths of these are as os.h says. Make a file of bytes at path with every block
 * allocated (not written), so that a later write does
 * not meet a full disk; where the file system cannot allocate, a file of that size, and a full disk
 * is then a failed write. Nothing stays behind on failure. */
int weir_spare_create(const weir_os *os, int dirfd, const char *path, uint64_t bytes,
                      weir_error *error);

int weir_spare_open(const weir_os *os, int dirfd, const char *path, int *file, weir_error *error);

/* So many bytes of the open spare become zeros, in the room that they have, and the file ends
 * there. Not synced: weir_segment_publish does that. */
int weir_spare_void(const weir_os *os, int file, const char *path, uint64_t bytes,
                    weir_error *error);

/* Make the open spare ready for appending, sized h->bytes (a multiple of WEIR_BLOCK_ALIGN), with
 * the header h in front. It is not a segment before weir_segment_publish(). filled: so many of
 * the file's first bytes have been written before. On failure the file stays the caller's. */
int weir_segment_prepare(const weir_os *os, int dirfd, int file, const char *spare_path,
                         uint64_t filled, weir_segment_header *h, weir_segment *out,
                         weir_error *error);
/* Fill ahead, sync, rename to segment_path, sync the directory. On failure the spare has its name
 * back, as far as the file system lets us; the caller closes, and takes another segment number. */
int weir_segment_publish(weir_segment *s, const char *directory, const char *spare_path,
                         const char *segment_path, weir_error *error);

/* Is the descriptor still the segment's? A program may have closed it, and opened a file of its own
 * that has its number now. */
bool weir_segment_is_open(const weir_segment *s);
bool weir_segment_has_room(const weir_segment *s, uint64_t extent);
/* Write extent bytes (a multiple of WEIR_BLOCK_ALIGN, and there is room) at s->end and advance it.
 * Not synced. */
int weir_segment_append(weir_segment *s, const uint8_t *bytes, uint64_t extent, weir_error *error);
/* Where nothing behind s->end has ever been written, write zeros there: a sync that changes no
 * extents of the file is faster. Before a sync; only speed is lost when it fails. */
void weir_segment_fill_ahead(weir_segment *s);
/* A failed sync is final for the file: do not call again, start another segment. */
int weir_segment_sync(weir_segment *s, weir_error *error);
void weir_segment_close(weir_segment *s);

#endif
