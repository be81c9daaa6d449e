/* reseal.h - the mutator's parts: containers (reseal.c) and single blocks (reseal_block.c). */
#ifndef WEIR_FUZZ_RESEAL_H
#define WEIR_FUZZ_RESEAL_H

#include <stdbool.h>

#include "container.h"

void reseal_seed(unsigned seed);
uint32_t reseal_number(uint32_t below);

/* A block that begins at at, with room bytes up to the end of its file. */
bool reseal_is_block(const uint8_t *at, size_t room);
void reseal_change_header(uint8_t *at);
void reseal_change_payload(uint8_t *at, size_t room); /* and lengths and count of rows */
void reseal_block_hashes(uint8_t *at, size_t room);

/* Hashes, places and the chain of everything in it. */
void reseal_container(fuzz_container *c);

/* One more input, of a container or of a block. */
size_t reseal_mutate_container(uint8_t *data, size_t size, size_t capacity);
size_t reseal_mutate_block(uint8_t *data, size_t size, size_t capacity);

#endif
