/* unpack.h - reads a packed segment as if it were the segment: the same offsets, the same headers,
 * the same raw payloads. For scan.c, and so for everything that reads segments. docs/FORMAT.md,
 * section 12.
 *
 * Memory: 120 bytes for each 512 of the file at most, and one group. One thread at a time. */
#ifndef WEIR_UNPACK_H
#define WEIR_UNPACK_H

#include "../base/os.h"
#include "../format/block.h"

typedef struct weir_unpacked weir_unpacked;

/* file has so many bytes, and stays the caller's and open. WEIR_OK, with how many bytes the segment
 * has in *limit; WEIR_NOT_FOUND: it is no packed segment; WEIR_IO, WEIR_NO_MEMORY. What is damaged is
 * opened as far as it can be. */
int weir_unpack_open(const weir_os *os, int file, uint64_t bytes, weir_unpacked **out,
                     uint64_t *limit);
void weir_unpack_close(weir_unpacked *u); /* or NULL */

/* All offsets are those of the segment. As weir_scan_bytes, of the first 4096 bytes and of headers. */
int weir_unpack_bytes(weir_unpacked *u, uint64_t offset, size_t bytes, const uint8_t **out);
/* Where the first header at or after from is; UINT64_MAX: there is none. */
uint64_t weir_unpack_next(weir_unpacked *u, uint64_t from);
/* Is what is stored of the block as its hash says? As weir_scan_payload. */
int weir_unpack_check(weir_unpacked *u, const weir_block_header *h);
/* The raw payload. It lives until the next call. */
int weir_unpack_payload(weir_unpacked *u, const weir_block_header *h, const uint8_t **raw);

#endif
