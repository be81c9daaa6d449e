/* container.h - several files in one fuzzer input: a journal's directory, ring and stored positions.
 *
 * An input is a list of entries, little-endian:
 *
 *     u8   kind      modulo 4: 0 segment, 1 ring, 2 positions, 3 spare
 *     u64  number    of the segment or spare
 *     u32  bytes     size of the file; at most FUZZ_FILE_MAX count
 *     u8   chunks n
 *     n ×  u8 page, u16 length, bytes: what stands from 4096 × page on; the rest is zeros
 *
 * Every byte string is a container: lengths that reach too far are cut, and what does not fit is left
 * out. Pages that are zero take no room, so a journal of some segments is a few hundred bytes. A file
 * of positions is a list of {journal id (16 bytes), u64 block, u64 row, u64 hash}. */
#ifndef WEIR_FUZZ_CONTAINER_H
#define WEIR_FUZZ_CONTAINER_H

#include <stddef.h>
#include <stdint.h>

enum {
    FUZZ_SEGMENT,
    FUZZ_RING,
    FUZZ_POSITIONS,
    FUZZ_SPARE,
    FUZZ_KINDS,
    FUZZ_FILES = 8,
    FUZZ_FILE_MAX = 1 << 18,
    FUZZ_PAGE = 4096,
    FUZZ_POSITION = 40,
};

typedef struct fuzz_file {
    unsigned kind;
    uint64_t number;
    size_t bytes;
    uint8_t *data; /* bytes of them, malloc; NULL when bytes is 0 */
} fuzz_file;

typedef struct fuzz_container {
    fuzz_file files[FUZZ_FILES];
    size_t count;
} fuzz_container;

void fuzz_unpack(const uint8_t *from, size_t bytes, fuzz_container *out);
/* Returns the bytes written; 0 when they do not fit. */
size_t fuzz_pack(const fuzz_container *c, uint8_t *into, size_t capacity);
void fuzz_container_free(fuzz_container *c);

#endif
