/* block.h - one block of the journal: header and payload, encode and decode.
 *
 * A block begins at a multiple of WEIR_BLOCK_ALIGN in its segment: header, stored payload, zeros up
 * to the next multiple. Header, little-endian:
 *
 *     offset  size
 *          0     8  magic "WEIRBLK1"
 *          8     2  header bytes = 160
 *         10     2  version = 1
 *         12     2  kind: 1 rows, 2 mark, 3 declarations
 *         14     2  codec: 0 stored as it is, 1 one zstd frame, 2 one of the payload shuffled
 *         16     4  incompatible features: an unknown bit means: do not read
 *         20     4  compatible features: an unknown bit means: do not append
 *         24    16  journal id
 *         40     8  incarnation: how often the journal has been opened
 *         48     8  segment number
 *         56     8  offset of this header in its file
 *         64     8  block number, from 1
 *         72     8  number of the first row, or that the next row will have
 *         80     4  rows
 *         84     4  stored bytes
 *         88     4  raw bytes
 *         92     4  zero
 *         96     8  wall clock, ns since 1970
 *        104     8  hash of the previous block's header; 0 for block 1
 *        112     8  durable block: highest block known durable when this one was written
 *        120     8  payload hash: XXH3-64 of the stored bytes
 *        128    24  zero
 *        152     8  header hash: XXH3-64 of bytes 0 … 151
 *
 * Payload, raw:
 *
 *     16      ring id
 *     u32     lanes n, u32 zero
 *     n ×     u32 lane, u32 zero, u64 position: how far each lane of that ring is drained with this
 *             block; ascending by lane, each below WEIR_LANES_LIMIT
 *     rows:         rows × (u32 bytes, row)          see row.h
 *     mark:         nothing
 *     declarations: u32 count, count × declaration   see row.h, and template.h
 *
 * docs/FORMAT.md says when a header or payload is valid; the decoders here check everything that
 * concerns a block by itself. */
#ifndef WEIR_BLOCK_H
#define WEIR_BLOCK_H

#include "../base/cursor.h"
#include "../base/id.h"
#include "../base/status.h"
#include "template.h"

enum {
    WEIR_BLOCK_ALIGN = 4096,
    WEIR_BLOCK_HEADER = 160,
    WEIR_FORMAT_VERSION = 1,
    WEIR_BLOCK_ROWS = 1,
    WEIR_BLOCK_MARK = 2,
    WEIR_BLOCK_DECLARATIONS = 3,
    WEIR_CODEC_RAW = 0,
    WEIR_CODEC_ZSTD = 1,
    WEIR_CODEC_SHUFFLED = 2,   /* rows alone: shuffle.h */
    WEIR_FEATURE_SHUFFLED = 4, /* incompatible feature, of blocks: the codec may be that */
    WEIR_LANE_ENTRY = 16,
    WEIR_PAYLOAD_HEAD = 24,
    WEIR_LANES_LIMIT = 1024,
};
#define WEIR_RAW_MAX (1u << 30) /* raw bytes of a legal block: half the largest lane and its head */

typedef struct weir_block_header {
    uint16_t version, kind, codec;
    uint32_t incompatible, compatible;
    weir_id journal;
    uint64_t incarnation, segment, offset, block, first_row;
    uint32_t rows, stored_bytes, raw_bytes;
    int64_t wall_ns;
    uint64_t previous_hash, durable_block, payload_hash, hash;
} weir_block_header;

/* Write the 160 bytes, every field as given (version too), and fill h->hash. */
void weir_block_header_encode(uint8_t bytes[WEIR_BLOCK_HEADER], weir_block_header *h);

/* WEIR_OK; WEIR_NOT_FOUND when these 160 bytes are all zero; WEIR_VERSION for an intact header
 * of a newer version or with an unknown incompatible bit; WEIR_DAMAGED for anything else. *out is
 * filled by WEIR_OK; by WEIR_VERSION with the version and the incompatible bits that are unknown.
 * The caller compares whether the block is where its header says and fits in its chain, and heeds an
 * unknown compatible bit. */
int weir_block_header_decode(const uint8_t bytes[WEIR_BLOCK_HEADER], weir_block_header *out);

/* Bytes the block takes in its segment, padding included. */
uint64_t weir_block_extent(const weir_block_header *h);

typedef struct weir_codec weir_codec;             /* zstd contexts; one thread at a time */
int weir_codec_make(int level, weir_codec **out); /* WEIR_OK or WEIR_NO_MEMORY */
void weir_codec_free(weir_codec *codec);          /* NULL is allowed */

/* Compress raw into stored (capacity at least weir_sqlite_record_bound(raw_bytes)); copy it instead
 * when compression saves no page of the file, or codec is NULL. A payload with rows of templates is
 * shuffled before. Needs kind, incompatible and rows of h; fills codec, raw_bytes, stored_bytes and
 * payload_hash, and adds WEIR_FEATURE_SHUFFLED to incompatible. WEIR_MISUSE when raw_bytes or
 * capacity is out of range. */
size_t weir_sqlite_record_bound(size_t raw_bytes);
int weir_payload_encode(weir_codec *codec, const uint8_t *raw, size_t raw_bytes, uint8_t *stored,
                        size_t capacity, weir_block_header *h);

/* Do the h->stored_bytes at stored have the header's hash, and are they, but with WEIR_CODEC_RAW,
 * one frame that names h->raw_bytes and is long enough for so many? To be called before memory
 * is allocated for the raw bytes, so that a size which a header merely claims costs none. h
 * comes from weir_block_header_decode, which bounds both sizes by WEIR_RAW_MAX. WEIR_DAMAGED
 * when not. */
int weir_payload_verify(const weir_block_header *h, const uint8_t *stored);

/* Are these bytes exactly one zstd frame, which names raw_bytes, at least 1, and is long enough for
 * so many? */
bool weir_frame_is_whole(const uint8_t *stored, uint32_t stored_bytes, uint32_t raw_bytes);

/* Decompress a verified payload into raw, which has room for h->raw_bytes. *payload is then raw;
 * with WEIR_CODEC_RAW it is stored itself. WEIR_DAMAGED when it does not decompress to so many
 * bytes, or these are no shuffled rows; WEIR_NO_MEMORY. */
int weir_payload_decode(weir_codec *codec, const weir_block_header *h, const uint8_t *stored,
                        uint8_t *raw, const uint8_t **payload);

/* ---- payloads ---- */

typedef struct weir_lane_mark {
    uint32_t lane;
    uint64_t position;
} weir_lane_mark;

/* How far the lanes of a ring are drained: what the head of a payload says. */
typedef struct weir_drained {
    weir_id ring;
    weir_lane_mark *marks; /* ascending by lane; the memory belongs to the owner of this */
    uint32_t count;        /* at most WEIR_LANES_LIMIT */
} weir_drained;

void weir_drained_copy(weir_drained *to, const weir_drained *from); /* to->marks has room */

/* A parsed payload; points into the bytes given. */
typedef struct weir_payload {
    weir_id ring;
    uint32_t lanes;
    const uint8_t *lane_entries; /* weir_payload_lane() reads them */
    weir_cursor body;            /* at the first row or the declaration count */
} weir_payload;

size_t weir_payload_head_size(uint32_t lanes);
uint8_t *weir_payload_head_encode(uint8_t *at, const weir_id ring, const weir_lane_mark *marks,
                                  uint32_t lanes);
void weir_payload_drained(const weir_payload *p, weir_drained *out); /* marks: room for p->lanes */
bool weir_payload_parse(const uint8_t *raw, size_t bytes, weir_payload *out);
weir_lane_mark weir_payload_lane(const weir_payload *p, uint32_t index); /* index < p->lanes */

/* The next row's bytes in a rows payload: 1 a row, 0 the end, -1 not valid. */
int weir_payload_next_row(weir_cursor *body, const uint8_t **row, size_t *bytes);
/* Is there a row of a template among these? */
bool weir_has_template_rows(weir_cursor body);

/* Does the body hold what the header says: as many rows, nothing in a mark, declarations that
 * are valid? The bytes of the rows themselves are left to weir_row_decode(). WEIR_OK,
 * WEIR_DAMAGED or WEIR_NO_MEMORY. */
int weir_payload_check(const weir_payload *p, const weir_block_header *h);

/* Move the cursor past one declaration, of a table or a template. WEIR_OK, WEIR_DAMAGED or
 * WEIR_NO_MEMORY. */
int weir_declaration_check(weir_cursor *body);

uint64_t weir_hash(const void *bytes, size_t length); /* XXH3-64, seed 0 */

#endif
