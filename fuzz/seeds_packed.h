/* seeds_packed.h - packed segments for fuzz_packed. */
#ifndef WEIR_FUZZ_SEEDS_PACKED_H
#define WEIR_FUZZ_SEEDS_PACKED_H

#include <stddef.h>
#include <stdint.h>

/* A packed segment with two blocks of so many rows; returns its bytes, room at most. */
size_t seed_packed_bytes(uint8_t *into, size_t room, unsigned rows);

#endif
