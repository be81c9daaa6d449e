/* elf_file.c - what the first bytes of an ELF file say of it. */
#include "elf_file.h"

#include <elf.h>

#include "cursor.h"

enum { NOTE_ALIGN = 4 };

typedef struct segments {
    weir_cursor at;
    unsigned left;
} segments;

/* The program headers, which must be whole. */
static bool begin_segments(const uint8_t *head, size_t bytes, segments *out) {
    static const uint8_t ident[] = {0x7F, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB};
    weir_cursor c = weir_cursor_over(head, bytes);
    const uint8_t *magic = weir_take(&c, EI_NIDENT);
    if (!magic || memcmp(magic, ident, sizeof ident) != 0) return false;
    (void)weir_take(&c, 2 + 2 + 4 + 8); /* type, machine, version, entry: cursor goes bad */
    uint64_t offset = weir_take_u64(&c);
    (void)weir_take(&c, 8 + 4 + 2); /* sections, flags, header size */
    uint16_t size = weir_take_u16(&c), count = weir_take_u16(&c);
    if (!weir_cursor_ok(&c) || size != sizeof(Elf64_Phdr) || offset > bytes) return false;
    *out = (segments){weir_cursor_over(head + offset, bytes - (size_t)offset), count};
    return weir_cursor_left(&out->at) / size >= count;
}

static bool next_segment(segments *s, Elf64_Phdr *out) {
    if (!s->left) return false;
    s->left--;
    weir_cursor *c = &s->at;
    *out = (Elf64_Phdr){.p_type = weir_take_u32(c)};
    out->p_flags = weir_take_u32(c);
    out->p_offset = weir_take_u64(c);
    out->p_vaddr = weir_take_u64(c);
    out->p_paddr = weir_take_u64(c);
    out->p_filesz = weir_take_u64(c);
    out->p_memsz = weir_take_u64(c);
    out->p_align = weir_take_u64(c);
    return weir_cursor_ok(c);
}

static const uint8_t *take_padded(weir_cursor *notes, uint32_t length) {
    const uint8_t *at = weir_take(notes, length);
    size_t padding = (NOTE_ALIGN - length % NOTE_ALIGN) % NOTE_ALIGN;
    if (padding <= weir_cursor_left(notes)) (void)weir_take(notes, padding);
    return at;
}

static bool find_build_id(weir_cursor notes, weir_build_id *out) {
    while (weir_cursor_ok(&notes) && weir_cursor_left(&notes)) {
        uint32_t name_length = weir_take_u32(&notes), length = weir_take_u32(&notes);
        uint32_t type = weir_take_u32(&notes);
        const uint8_t *name = take_padded(&notes, name_length);
        const uint8_t *id = take_padded(&notes, length);
        if (!name || !id || type != NT_GNU_BUILD_ID || name_length != sizeof ELF_NOTE_GNU) continue;
        if (memcmp(name, ELF_NOTE_GNU, sizeof ELF_NOTE_GNU) != 0) continue;
        if (length > WEIR_BUILD_ID_MAX) return false;
        out->length = (uint8_t)length;
        memcpy(out->bytes, id, length);
        return true;
    }
    return false;
}

void weir_elf_build_id(const uint8_t *head, size_t bytes, weir_build_id *out) {
    segments s;
    Elf64_Phdr p;
    *out = (weir_build_id){0};
    if (!begin_segments(head, bytes, &s)) return;
    while (next_segment(&s, &p)) {
        if (p.p_type != PT_NOTE || p.p_offset > bytes || p.p_filesz > bytes - p.p_offset) continue;
        if (find_build_id(weir_cursor_over(head + p.p_offset, (size_t)p.p_filesz), out)) return;
    }
}

bool weir_elf_address(const uint8_t *head, size_t bytes, uint64_t offset, uint64_t *address) {
    segments s;
    Elf64_Phdr p;
    if (!begin_segments(head, bytes, &s)) return false;
    while (next_segment(&s, &p)) {
        if (p.p_type != PT_LOAD || !(p.p_flags & PF_X) || offset < p.p_offset ||
            offset - p.p_offset >= p.p_filesz)
            continue;
        *address = p.p_vaddr + (offset - p.p_offset); /* modulo 2^64, as addresses are */
        return true;
    }
    return false;
}
