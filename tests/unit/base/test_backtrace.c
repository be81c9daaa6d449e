/* test_backtrace.c - memory that may not be there, mappings, and the frames of a signal's victim. */
/* Covers: lib/base/peek.c, lib/base/mappings.c */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/backtrace.h"
#include "lib/base/peek.h"
#include "support.h"

enum { PAGE = 4096 };

static weir_mappings mappings;

/* ---- peek ---- */

static void memory_is_read_where_it_is(void **state) {
    (void)state;
    uint8_t got[3 * PAGE];
    uint8_t *at = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t address = (uint64_t)(uintptr_t)at;
    assert_true(at != MAP_FAILED);
    for (int i = 0; i < 4 * PAGE; i++)
        at[i] = (uint8_t)(i * 7);
    assert_int_equal(munmap(at + 2 * PAGE, PAGE), 0);
    errno = 4711;
    assert_true(weir_peek(address + 3, got, 2 * PAGE - 3));
    assert_memory_equal(got, at + 3, 2 * PAGE - 3);
    assert_false(weir_peek(address + 3, got, 2 * PAGE - 2)); /* one byte of the hole */
    assert_false(weir_peek(address + PAGE, got, 3 * PAGE));
    assert_false(weir_peek(address + 3 * PAGE - 1, got, 1));
    assert_true(weir_peek(address + 4 * PAGE - 1, got, 1));
    assert_false(weir_peek(16, got, 8));
    assert_false(weir_peek(UINT64_MAX - 3, got, 8));
    assert_false(weir_peek(UINT64_MAX / 2, got, 8));
    assert_int_equal(errno, 4711);
    (void)munmap(at, 4 * PAGE);
}

/* ---- mappings ---- */

static char *maps_text;

/* Pieces of odd sizes, as a busy kernel may give them. */
static int64_t read_maps_text(void *self, int file, void *into, size_t bytes, uint64_t offset) {
    (void)self;
    (void)file;
    size_t length = strlen(maps_text);
    if (offset >= length) return 0;
    size_t left = length - (size_t)offset, piece = 4097;
    if (piece > left) piece = left;
    if (piece > bytes) piece = bytes;
    memcpy(into, maps_text + offset, piece);
    return (int64_t)piece;
}

static int read_text(void) {
    weir_os os = *weir_os_posix();
    os.pread = read_maps_text;
    return weir_mappings_read(&os, &mappings);
}

static void this_program_is_among_its_mappings(void **state) {
    (void)state;
    char exe[512];
    ssize_t length = readlink("/proc/self/exe", exe, sizeof exe - 1);
    assert_true(length > 0);
    exe[length] = 0;
    assert_int_equal(weir_mappings_read(weir_os_posix(), &mappings), 0);
    uint64_t here = (uint64_t)(uintptr_t)this_program_is_among_its_mappings;
    const weir_mapping *m = weir_mappings_find(&mappings, here);
    assert_non_null(m);
    assert_string_equal(m->path, exe);
    assert_int_equal(m->build_id.length, 20);
    assert_null(weir_mappings_find(&mappings, (uint64_t)(uintptr_t)&mappings)); /* data */
    /* The offset leads to the same code in the file. */
    uint8_t code[16];
    FILE *file = fopen(exe, "r");
    assert_int_equal(fseek(file, (long)(here - m->start + m->offset), SEEK_SET), 0);
    assert_int_equal(fread(code, 1, sizeof code, file), sizeof code);
    fclose(file);
    assert_memory_equal(code, (void *)(uintptr_t)here, sizeof code);
}

static void executable_files_alone_are_listed(void **state) {
    (void)state;
    maps_text = (char *)"1000-2000 r--p 00000000 fe:01 77                         /lib/a b.so\n"
                        "2000-3000 r-xp 00001000 fe:01 77                         /lib/a b.so\n"
                        "3000-4000 rw-p 00002000 fe:01 77                         /lib/a b.so\n"
                        "5000-6000 rwxp 00000000 00:00 0 \n"
                        "nonsense\n"
                        "6000-5000 r-xp 00000000 00:00 0  /backwards\n"
                        "7000-8000 r-xp 00000000 00:00 0                          [vdso]\n"
                        "9000-a000 r-xp 00000000 fe:01 78  /lib/c.so (deleted)";
    assert_int_equal(read_text(), -EPROTO); /* the last line is not whole */
    assert_int_equal(mappings.count, 2);
    assert_string_equal(mappings.list[0].path, "/lib/a b.so");
    assert_int_equal(mappings.list[0].start, 0x2000);
    assert_int_equal(mappings.list[0].end, 0x3000);
    assert_int_equal(mappings.list[0].offset, 0x1000);
    assert_int_equal(mappings.list[0].build_id.length, 0); /* nothing is at 0x1000 */
    assert_string_equal(mappings.list[1].path, "[vdso]");
    assert_null(weir_mappings_find(&mappings, 0x3000));
    assert_ptr_equal(weir_mappings_find(&mappings, 0x2FFF), &mappings.list[0]);
}

static void more_mappings_than_there_is_room_for_are_counted(void **state) {
    (void)state;
    enum { LINES = 1000, LINE = 90 };
    char *at = maps_text = malloc(LINES * LINE);
    for (int i = 1; i <= LINES; i++)
        at += sprintf(at, "%x000-%x000 r-xp 00000000 fe:01 %d                    /lib/%d.so\n", i,
                      i + 1, i, i);
    assert_int_equal(read_text(), 0);
    assert_int_equal(mappings.count, WEIR_MAPPINGS_MAX);
    assert_int_equal(mappings.left_out, LINES - WEIR_MAPPINGS_MAX);
    assert_string_equal(mappings.list[255].path, "/lib/256.so");
    free(maps_text);
}

static int refuse_open(void *self, int dirfd, const char *path, int flags) {
    (void)self, (void)dirfd, (void)path, (void)flags;
    return -EACCES;
}

static void without_proc_there_are_none(void **state) {
    (void)state;
    weir_os os = *weir_os_posix();
    os.open = refuse_open;
    assert_int_equal(weir_mappings_read(&os, &mappings), -EACCES);
    assert_int_equal(mappings.count, 0);
}

/* ---- frames ---- */

static weir_backtrace unwound, walked;
static weir_registers registers;

static void look_at_victim(int signal, siginfo_t *info, void *context) {
    (void)signal;
    (void)info;
    registers = weir_registers_of(context);
    weir_backtrace_unwind(&unwound, &registers);
    weir_backtrace_walk(&walked, &registers, &mappings);
}

static volatile int calls;
#define VICTIM __attribute__((noinline))
VICTIM static void innermost(void) {
    (void)raise(SIGUSR1);
    calls++;
}
VICTIM static void middle(void) {
    innermost();
    calls++;
}

static bool has_frame_in(const weir_backtrace *b, void (*function)(void)) {
    uint64_t begin = (uint64_t)(uintptr_t)function;
    for (size_t i = 0; i < b->count; i++)
        if (b->frame[i] >= begin && b->frame[i] < begin + 400) return true;
    return false;
}

static void send_to_victim(void (*victim)(void)) {
    struct sigaction action = {.sa_sigaction = look_at_victim, .sa_flags = SA_SIGINFO}, before;
    weir_backtrace_prepare();
    assert_int_equal(weir_mappings_read(weir_os_posix(), &mappings), 0);
    assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
    victim();
    assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
}

static void frames_are_found_by_unwind_tables(void **state) {
    (void)state;
    send_to_victim(middle);
    assert_true(unwound.count > 3);
    assert_int_equal(unwound.frame[0], registers.pc);
    assert_true(has_frame_in(&unwound, innermost) && has_frame_in(&unwound, middle));
    assert_true(registers.stack_left == UINT64_MAX);
}

static void frames_begin_with_the_pc_by_frame_pointers(void **state) {
    (void)state;
    send_to_victim(middle);
    assert_true(walked.count >= 1);
    assert_int_equal(walked.frame[0], registers.pc);
    for (size_t i = 0; i < walked.count; i++)
        assert_non_null(weir_mappings_find(&mappings, walked.frame[i]));
}

/* A chain by hand: what a walk finds whatever compiled this file. */
static void a_chain_of_frame_pointers_is_followed_to_its_end(void **state) {
    (void)state;
    send_to_victim(middle);
    uint64_t code = mappings.list[0].start, chain[8] = {0};
    for (int i = 0; i < 3; i++) {
        chain[2 * i] = (uint64_t)(uintptr_t)&chain[2 * i + 2];
        chain[2 * i + 1] = code + 16 * (uint64_t)i;
    }
    chain[7] = 16; /* no code there */
    weir_registers r = {.pc = code + 5, .frame = (uint64_t)(uintptr_t)chain};
    weir_backtrace_walk(&walked, &r, &mappings);
    assert_int_equal(walked.count, 4);
    assert_int_equal(walked.frame[1], code);
    assert_int_equal(walked.frame[3], code + 32);
    chain[2] = (uint64_t)(uintptr_t)chain; /* a circle */
    weir_backtrace_walk(&walked, &r, &mappings);
    assert_int_equal(walked.count, 3);
    r.frame = 16;
    weir_backtrace_walk(&walked, &r, &mappings);
    assert_int_equal(walked.count, 1);
    r.frame = (uint64_t)(uintptr_t)chain + 1;
    weir_backtrace_walk(&walked, &r, &mappings);
    assert_int_equal(walked.count, 1);
}

static void a_call_of_no_code_leads_to_its_caller(void **state) {
    (void)state;
    send_to_victim(middle);
    uint64_t code = mappings.list[0].start, stack[2] = {code + 7, 0};
    weir_registers r = {.pc = 0, .sp = (uint64_t)(uintptr_t)stack};
    weir_backtrace_walk(&walked, &r, &mappings);
    assert_int_equal(walked.count, 2);
    assert_int_equal(walked.frame[1], code + 7);
    r.link = code + 9; /* in a register, as on AArch64 */
    weir_backtrace_walk(&walked, &r, &mappings);
    assert_int_equal(walked.frame[1], code + 9);
    r.pc = code; /* code runs there, which may have changed both */
    weir_backtrace_walk(&walked, &r, &mappings);
    assert_int_equal(walked.count, 1);
}

static void nothing_is_unwound_on_too_little_stack(void **state) {
    (void)state;
    weir_registers r = {.pc = mappings.list[0].start, .stack_left = 1000};
    unwound.count = 5;
    weir_backtrace_unwind(&unwound, &r);
    assert_int_equal(unwound.count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_read_where_it_is),
        cmocka_unit_test(this_program_is_among_its_mappings),
        cmocka_unit_test(executable_files_alone_are_listed),
        cmocka_unit_test(more_mappings_than_there_is_room_for_are_counted),
        cmocka_unit_test(without_proc_there_are_none),
        cmocka_unit_test(frames_are_found_by_unwind_tables),
        cmocka_unit_test(frames_begin_with_the_pc_by_frame_pointers),
        cmocka_unit_test(a_chain_of_frame_pointers_is_followed_to_its_end),
        cmocka_unit_test(a_call_of_no_code_leads_to_its_caller),
        cmocka_unit_test(nothing_is_unwound_on_too_little_stack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
