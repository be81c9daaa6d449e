/* named.h - the file of a named reader: how far somebody has read the journal, and how much of it may
 * be kept for him.
 *
 * Little-endian, 192 bytes:
 *
 *     offset  size
 *          0     8  magic "WEIRRDR1"
 *          8     4  version = 1
 *         12     4  file bytes = 192
 *         16     4  incompatible features = 0
 *         20     4  compatible features
 *         24    16  journal id
 *         40     8  block: the last one with rows that is wholly read; 0: none
 *         48     8  row: the last one that is read; it may be in a later block
 *         56     8  hash of that block's header; 0 with block 0
 *         64     8  wall clock, ns since 1970: when it was written
 *         72     8  hold bytes: so many bytes of segments may be held back for the reader
 *         80     4  name bytes
 *         84     4  zero
 *         88    64  name, then zeros
 *        152     8  row hash: XXH3-64 of the bytes of that row; 0 with row 0
 *        160    24  zero
 *        184     8  file hash: XXH3-64 of bytes 0 … 183 */
#ifndef WEIR_NAMED_H
#define WEIR_NAMED_H

#include "marks.h"

enum { WEIR_NAMED_BYTES = 192, WEIR_NAMED_VERSION = 1, WEIR_NAMED_NAME_MAX = 64 };

/* Where somebody is in a journal. An opening may give other numbers to blocks that no mark vouches for:
 * those of the last sync before a power cut, and those without rows at the end. So block is one with
 * rows; and where it disagrees the row decides, since rows keep their numbers and their bytes. */
typedef struct weir_bookmark {
    weir_position at; /* with its journal */
    uint64_t row_hash;
} weir_bookmark;

typedef struct weir_named {
    char name[WEIR_NAMED_NAME_MAX + 1];
    weir_bookmark mark;
    int64_t wall_ns;
    uint64_t hold_bytes;
} weir_named;

/* May a reader have this name? 1 … 64 letters, digits, '-', '_' and '.', of ASCII, and no '.' first:
 * so it can be a file's. */
bool weir_named_fits(const char *name);

void weir_named_encode(uint8_t bytes[WEIR_NAMED_BYTES], const weir_named *named);
/* WEIR_OK; WEIR_VERSION for an intact file of a newer version, or with an unknown incompatible bit;
 * WEIR_DAMAGED for anything else. *out is filled only by WEIR_OK. length: of the whole file. */
int weir_named_decode(const uint8_t *bytes, size_t length, weir_named *out);

#endif
