/* test_elf_file.c - what the first bytes of an ELF file say, and what happens when they lie. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/elf_file.h"
#include "support.h"

enum { NOTE_AT = 512, ID = 20, CODE_AT = 0x1000, CODE = 0x800 };

static _Alignas(8) uint8_t head[WEIR_ELF_HEAD];

static Elf64_Ehdr *header(void) { return (Elf64_Ehdr *)(void *)head; }
static Elf64_Phdr *segment(int i) { return (Elf64_Phdr *)(void *)(head + sizeof(Elf64_Ehdr)) + i; }

/* A note of another kind, then the build id 0, 1, 2, … */
static size_t put_notes(uint8_t *at) {
    static const uint32_t other[] = {4, 5, 1}, id[] = {4, ID, NT_GNU_BUILD_ID};
    uint8_t *begin = at;
    memcpy(at, other, sizeof other), at += sizeof other;
    memcpy(at, "GNU\0 abc", 8), at += 4 + 8; /* 5 bytes, padded */
    memcpy(at, id, sizeof id), at += sizeof id;
    memcpy(at, "GNU", 4), at += 4;
    for (int i = 0; i < ID; i++)
        *at++ = (uint8_t)i;
    return (size_t)(at - begin);
}

static int make_head(void **state) {
    (void)state;
    memset(head, 0, sizeof head);
    memcpy(head, ELFMAG, SELFMAG);
    head[EI_CLASS] = ELFCLASS64;
    head[EI_DATA] = ELFDATA2LSB;
    header()->e_phoff = sizeof(Elf64_Ehdr);
    header()->e_phentsize = sizeof(Elf64_Phdr);
    header()->e_phnum = 3;
    *segment(0) = (Elf64_Phdr){.p_type = PT_LOAD, .p_flags = PF_R, .p_filesz = CODE_AT};
    *segment(1) = (Elf64_Phdr){.p_type = PT_LOAD,
                               .p_flags = PF_R | PF_X,
                               .p_offset = CODE_AT,
                               .p_vaddr = 0x401000,
                               .p_filesz = CODE};
    *segment(2) = (Elf64_Phdr){.p_type = PT_NOTE, .p_offset = NOTE_AT};
    segment(2)->p_filesz = put_notes(head + NOTE_AT);
    return 0;
}

static size_t id_length(void) {
    weir_build_id id;
    weir_elf_build_id(head, sizeof head, &id);
    return id.length;
}

static void a_build_id_is_found_among_notes(void **state) {
    (void)state;
    weir_build_id id;
    weir_elf_build_id(head, sizeof head, &id);
    assert_int_equal(id.length, ID);
    for (int i = 0; i < ID; i++)
        assert_int_equal(id.bytes[i], i);
}

static void an_offset_has_the_address_of_its_segment(void **state) {
    (void)state;
    uint64_t address = 0;
    assert_true(weir_elf_address(head, sizeof head, CODE_AT + 0x123, &address));
    assert_int_equal(address, 0x401123);
    assert_true(weir_elf_address(head, sizeof head, CODE_AT, &address));
    assert_false(weir_elf_address(head, sizeof head, CODE_AT - 1, &address)); /* no code */
    assert_false(weir_elf_address(head, sizeof head, CODE_AT + CODE, &address));
}

static void what_is_no_such_file_has_neither(void **state) {
    (void)state;
    uint64_t address;
    static const size_t places[] = {0, EI_CLASS, EI_DATA, offsetof(Elf64_Ehdr, e_phentsize)};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        (void)make_head(NULL);
        head[places[i]] ^= 3;
        assert_int_equal(id_length(), 0);
        assert_false(weir_elf_address(head, sizeof head, CODE_AT, &address));
    }
    (void)make_head(NULL);
    header()->e_phnum = 0xFFFF; /* more than there is room for */
    assert_int_equal(id_length(), 0);
    header()->e_phnum = 3;
    header()->e_phoff = UINT64_MAX - 8;
    assert_int_equal(id_length(), 0);
    assert_false(weir_elf_address(head, sizeof head, CODE_AT, &address));
}

static void notes_that_lie_are_none(void **state) {
    (void)state;
    uint32_t *note = (uint32_t *)(void *)(head + NOTE_AT + 24);
    note[1] = WEIR_BUILD_ID_MAX + 1; /* longer than any */
    assert_int_equal(id_length(), 0);
    note[1] = UINT32_MAX;
    assert_int_equal(id_length(), 0);
    note[0] = UINT32_MAX;
    assert_int_equal(id_length(), 0);
    (void)make_head(NULL);
    segment(2)->p_offset = sizeof head - 8; /* out of what was read */
    assert_int_equal(id_length(), 0);
    segment(2)->p_filesz = UINT64_MAX;
    assert_int_equal(id_length(), 0);
}

/* The sanitizers watch: the heap ends where the bytes do. */
static void any_bytes_are_read_within_their_bounds(void **state) {
    (void)state;
    weir_rng rng = {7};
    size_t found = 0;
    for (int round = 0; round < 20000; round++) {
        (void)make_head(NULL);
        for (int i = 0; i < 4; i++)
            head[weir_rng_below(&rng, NOTE_AT + 64)] = (uint8_t)weir_rng_next(&rng);
        size_t bytes = round % 2 ? sizeof head : weir_rng_below(&rng, sizeof head);
        uint8_t *exact = malloc(bytes ? bytes : 1);
        weir_build_id id;
        uint64_t address;
        memcpy(exact, head, bytes);
        weir_elf_build_id(exact, bytes, &id);
        found += id.length > 0;
        assert_true(id.length <= WEIR_BUILD_ID_MAX);
        (void)weir_elf_address(exact, bytes, weir_rng_next(&rng) % 0x2000, &address);
        free(exact);
    }
    assert_true(found > 100);
}

#define ELF_TEST(name) cmocka_unit_test_setup(name, make_head)

int main(void) {
    const struct CMUnitTest tests[] = {
        ELF_TEST(a_build_id_is_found_among_notes),
        ELF_TEST(an_offset_has_the_address_of_its_segment),
        ELF_TEST(what_is_no_such_file_has_neither),
        ELF_TEST(notes_that_lie_are_none),
        ELF_TEST(any_bytes_are_read_within_their_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
