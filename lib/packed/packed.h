/* packed.h - the headers of a packed segment: encode and decode. docs/FORMAT.md, section 12, has
 * every byte.
 *
 * A packed segment has the blocks of a segment in groups. A group has the headers of its blocks as
 * they were, and their raw payloads, column by column. So the chain of header hashes holds, and
 * the stored bytes of the segment, which may be compressed in other ways, do not matter. */
#ifndef WEIR_PACKED_H
#define WEIR_PACKED_H

#include "../format/segment.h"

enum {
    WEIR_PACKED_VERSION = 1,
    WEIR_PACKED_HEADER = 512,
    WEIR_PACKED_SEGMENT_AT = 24, /* where the header of the segment stands in it */
    WEIR_PACKED_ALIGN = 512,     /* where groups may begin */
    WEIR_PACKED_GROUP_HEADER = 128,
    WEIR_PACKED_GROUP_RAW = 64 << 20, /* raw bytes of a group of more than one block, at most */
    WEIR_PACKED_GROUP_BLOCKS = 1 << 16,
    WEIR_PACKED_HEAD_WORDS = 36, /* numbers of a block's header that are stored */
    WEIR_PACKED_PLAIN = 1,
    WEIR_PACKED_COLUMNS = 2,
};

typedef struct weir_packed_header {
    uint16_t version;
    uint32_t hash_algorithm, incompatible, compatible;
    uint8_t segment_header[WEIR_SEGMENT_HEADER]; /* as it was */
    weir_segment_header segment;                 /* what it says */
    uint64_t file_bytes;                         /* of the segment's file */
    weir_log_end end;                            /* after its last block of the stream */
    uint64_t next_row;
    int64_t last_wall_ns;
} weir_packed_header;

/* segment_header is written, and segment is not looked at. */
void weir_packed_header_encode(uint8_t at[WEIR_PACKED_HEADER], const weir_packed_header *h);
/* WEIR_NOT_FOUND when these bytes do not begin with the magic of a packed segment; otherwise as
 * weir_block_header_decode. */
int weir_packed_header_decode(const uint8_t at[WEIR_PACKED_HEADER], weir_packed_header *out);

typedef struct weir_packed_group {
    uint64_t segment;
    uint64_t place; /* of this header in the packed file */
    uint64_t first_block, first_offset, end_offset;
    uint64_t previous_hash; /* of the header of the block before its first */
    uint32_t blocks, coding;
    uint32_t heads_raw, heads_stored, plan_raw, plan_stored, rest_stored;
    uint32_t raw_bytes; /* of all its payloads */
    uint64_t heads_hash, body_hash, raw_hash;
} weir_packed_group;

void weir_packed_group_encode(uint8_t at[WEIR_PACKED_GROUP_HEADER], const weir_packed_group *g);
/* WEIR_OK or WEIR_DAMAGED. */
int weir_packed_group_decode(const uint8_t at[WEIR_PACKED_GROUP_HEADER], weir_packed_group *out);

/* Bytes of the plan and the rest, and of the group in its file, padding included. */
uint64_t weir_packed_body(const weir_packed_group *g);
uint64_t weir_packed_extent(const weir_packed_group *g);

#endif
