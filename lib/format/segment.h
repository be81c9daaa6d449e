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
 *        112     8   | offset after its last block, that block's number, the hash of its header.
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
 * A new segment is prepared in a spare and takes its name last: header and first blocks written
 * and synced, file renamed, directory synced. So a segment that has its name is whole up to
 * there, and no crash can leave one whose header ends the older segments before it holds the
 * blocks that it carries over. */
#ifndef WEIR_SEGMENT_H
#define WEIR_SEGMENT_H

#include "../base/os.h"
#include "block.h"

enum { WEIR_SEGMENT_HEADER = 256, WEIR_HASH_XXH3_64 = 1 };

typedef struct weir_log_end { /* a place in the stream: the end of a block */
    uint64_t segment, offset, block, hash;
} weir_log_end;

typedef struct weir_segment_header {
    uint16_t version;
    uint32_t hash_algorithm, incompatible, compatible;
    weir_id journal;
    uint64_t incarnation, segment, bytes, first_block, first_row;
    int64_t wall_ns;
    weir_log_end before;
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

/* dirfd and paths of these functions are as os.h says. Make a file of bytes at path with every
 * block allocated (not written), so that no later write meets a full disk. Where the file system
 * cannot allocate, the file just has that size, and a full disk is a failed write. On failure no
 * file is left. */
int weir_spare_create(const weir_os *os, int dirfd, const char *path, uint64_t bytes,
                      weir_error *error);

int weir_spare_open(const weir_os *os, int dirfd, const char *path, int *file, weir_error *error);

/* Zero the first bytes of the open spare in the blocks that it has, and end the file there. Not
 * synced: weir_segment_publish does that. */
int weir_spare_void(const weir_os *os, int file, const char *path, uint64_t bytes,
                    weir_error *error);

/* Make the open spare ready for appending, sized h->bytes (a multiple of WEIR_BLOCK_ALIGN), with
 * the header h in front. It is not a segment before weir_segment_publish(). filled: how many of
 * the file's first bytes have been written before. On failure the file stays the caller's. */
int weir_segment_prepare(const weir_os *os, int dirfd, int file, const char *spare_path,
                         uint64_t filled, weir_segment_header *h, weir_segment *out,
                         weir_error *error);
/* Write zeros ahead, sync, rename to segment_path, sync the directory. On failure the spare gets
 * its name back, as far as the file system allows; the caller closes the file and uses another
 * segment number. */
int weir_segment_publish(weir_segment *s, const char *directory, const char *spare_path,
                         const char *segment_path, weir_error *error);

/* Is the descriptor still one of the segment's file? The program may have closed it, and a file
 * that it opened then may have the number. */
bool weir_segment_is_open(const weir_segment *s);
bool weir_segment_has_room(const weir_segment *s, uint64_t extent);
/* Write extent bytes (a multiple of WEIR_BLOCK_ALIGN, and there is room) at s->end and advance it.
 * Not synced. */
int weir_segment_append(weir_segment *s, const uint8_t *bytes, uint64_t extent, weir_error *error);
/* Write zeros after s->end where nothing was written yet, before a sync: later syncs that change
 * no extents of the file are faster. Only speed is lost when it fails. */
void weir_segment_prezero(weir_segment *s);
/* A failed sync is final for the file: do not sync it again, start another segment. */
int weir_segment_sync(weir_segment *s, weir_error *error);
void weir_segment_close(weir_segment *s);

#endif
