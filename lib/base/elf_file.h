/* elf_file.h - what the first bytes of an ELF file say of it: 64-bit, little-endian. The bytes are
 * untrusted, and read through a cursor. Async-signal-safe. */
#ifndef WEIR_ELF_FILE_H
#define WEIR_ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WEIR_ELF_HEAD = 4096, /* first bytes that have all this, as linkers lay files out */
    WEIR_BUILD_ID_MAX = 32,
};

typedef struct weir_build_id {
    uint8_t length; /* 0: none */
    uint8_t bytes[WEIR_BUILD_ID_MAX];
} weir_build_id;

/* None, unless the note lies within head. */
void weir_elf_build_id(const uint8_t *head, size_t bytes, weir_build_id *out);

/* The address by which the file itself, its symbols and its line table call what is loaded from
 * this offset in it; false when nothing is. */
bool weir_elf_address(const uint8_t *head, size_t bytes, uint64_t offset, uint64_t *address);

#endif
