/* test_readers.c - the files of named readers: written, read, listed, forgotten, broken. */
/* Covers: lib/format/named.c, lib/read/keep.c */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faulty_os.h"
#include "lib/read/keep.h"

static char directory[256];
static weir_error error;

static int set_up(void **state) {
    (void)state;
    (void)snprintf(directory, sizeof directory, "%s", weir_temp_make());
    error = (weir_error){0};
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    weir_temp_remove(directory);
    return 0;
}

static weir_named some_reader(const char *name, uint64_t row) {
    weir_named n = {.hold_bytes = 1000, .mark = {{.block = 4, .row = row, .hash = 77}, 99}};
    (void)snprintf(n.name, sizeof n.name, "%s", name);
    memset(n.mark.at.journal, 0xA1, 16);
    return n;
}

static void write_reader(const char *name, uint64_t row) {
    weir_named n = some_reader(name, row);
    if (weir_named_write(weir_os_posix(), directory, &n, &error) != WEIR_OK)
        fail_msg("%s", error.text);
}

static weir_readers take_all(void) {
    weir_readers r;
    if (weir_readers_take(weir_os_posix(), WEIR_OS_CWD, directory, &r, &error) != WEIR_OK)
        fail_msg("%s", error.text);
    return r;
}

static const char *path_of(const char *name) {
    char text[128];
    (void)snprintf(text, sizeof text, "readers/%s", name);
    return weir_temp_path(directory, text);
}

static void what_is_written_is_read(void **state) {
    (void)state;
    write_reader("b", 20);
    write_reader("a.b_c-9", 10);
    write_reader("b", 21); /* replaces */
    weir_readers r = take_all();
    assert_int_equal(r.count, 2);
    assert_string_equal(r.list[0].reader.name, "a.b_c-9");
    assert_int_equal(r.list[1].reader.mark.at.row, 21);
    assert_int_equal(r.list[1].reader.mark.at.hash, 77);
    assert_int_equal(r.list[1].reader.mark.row_hash, 99);
    assert_int_equal(r.list[1].reader.hold_bytes, 1000);
    assert_true(r.list[1].reader.wall_ns > 0 && r.list[1].status == WEIR_OK);
    weir_readers_free(&r);
    weir_named_note one;
    assert_int_equal(weir_readers_find(weir_os_posix(), WEIR_OS_CWD, directory, "b", &one, &error),
                     WEIR_OK);
    assert_int_equal(one.reader.mark.at.block, 4);
}

static void there_may_be_none(void **state) {
    (void)state;
    weir_readers r = take_all();
    assert_int_equal(r.count, 0);
    weir_readers_free(&r);
    weir_named_note one;
    assert_int_equal(weir_readers_find(weir_os_posix(), WEIR_OS_CWD, directory, "b", &one, &error),
                     WEIR_NOT_FOUND);
    assert_int_equal(weir_named_forget(weir_os_posix(), directory, "b", &error), WEIR_NOT_FOUND);
}

static void names_are_checked(void **state) {
    (void)state;
    static const char *const bad[] = {"", ".", "..", ".hidden", "a/b", "a b", "\xC3\xA9", "a\n"};
    char longest[70] = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(weir_named_fits(bad[i]));
    memset(longest, 'x', 64);
    assert_true(weir_named_fits(longest));
    longest[64] = 'x';
    assert_false(weir_named_fits(longest));
    weir_named_note one;
    assert_int_equal(
        weir_readers_find(weir_os_posix(), WEIR_OS_CWD, directory, "../lock", &one, &error),
        WEIR_MISUSE);
}

static void spoil(const char *name, size_t at) {
    size_t bytes;
    uint8_t *file = weir_file_read(path_of(name), &bytes);
    assert_int_equal(bytes, WEIR_NAMED_BYTES);
    file[at] ^= 1;
    weir_file_write(path_of(name), file, bytes);
    free(file);
}

/* Any changed byte is seen; and a broken file is told, whereas the others are read. */
static void a_broken_file_is_told_and_holds_nothing(void **state) {
    (void)state;
    for (size_t at = 0; at < WEIR_NAMED_BYTES; at++) {
        write_reader("a", 10);
        spoil("a", at);
        weir_named_note one;
        assert_int_equal(
            weir_readers_find(weir_os_posix(), WEIR_OS_CWD, directory, "a", &one, &error), WEIR_OK);
        assert_int_equal(one.status, WEIR_DAMAGED);
        assert_non_null(one.why);
    }
    write_reader("good", 10);
    weir_file_write(path_of("short"), "x", 1);
    assert_int_equal(mkdir(path_of("folder"), 0700), 0);
    weir_readers r = take_all();
    assert_int_equal(r.count, 4); /* a, folder, good, short */
    for (size_t i = 0; i < 4; i++) {
        bool good = strcmp(r.list[i].reader.name, "good") == 0;
        assert_int_equal(r.list[i].status == WEIR_OK, good);
        const uint8_t *journal = r.list[2].reader.mark.at.journal;
        assert_int_equal(weir_named_holds(&r.list[i], journal, 11, 1000), good);
    }
    weir_readers_free(&r);
}

static void a_file_under_another_name_is_broken(void **state) {
    (void)state;
    write_reader("a", 10);
    char from[512];
    (void)snprintf(from, sizeof from, "%s", path_of("a"));
    assert_int_equal(rename(from, path_of("b")), 0);
    weir_readers r = take_all();
    assert_int_equal(r.count, 1);
    assert_int_equal(r.list[0].status, WEIR_DAMAGED);
    weir_readers_free(&r);
}

static void a_newer_file_is_told(void **state) {
    (void)state;
    uint8_t bytes[WEIR_NAMED_BYTES];
    weir_named n = some_reader("a", 1), out;
    weir_named_encode(bytes, &n);
    bytes[8] = 2;
    (void)weir_put_u64(bytes + 184, weir_hash(bytes, 184));
    assert_int_equal(weir_named_decode(bytes, sizeof bytes, &out), WEIR_VERSION);
    bytes[8] = 1;
    bytes[20] = 1; /* a compatible bit */
    (void)weir_put_u64(bytes + 184, weir_hash(bytes, 184));
    assert_int_equal(weir_named_decode(bytes, sizeof bytes, &out), WEIR_OK);
    bytes[16] = 1;
    (void)weir_put_u64(bytes + 184, weir_hash(bytes, 184));
    assert_int_equal(weir_named_decode(bytes, sizeof bytes, &out), WEIR_VERSION);
}

static void what_is_held_depends_on_journal_block_and_bytes(void **state) {
    (void)state;
    weir_named_note note = {.reader = some_reader("a", 10), .status = WEIR_OK};
    weir_id ours, other;
    memset(ours, 0xA1, sizeof ours);
    memset(other, 0xA2, sizeof other);
    assert_true(weir_named_holds(&note, ours, 11, 1000));
    assert_false(weir_named_holds(&note, ours, 10, 1000)); /* read */
    assert_false(weir_named_holds(&note, ours, 11, 1001)); /* beyond its limit */
    assert_false(weir_named_holds(&note, other, 11, 1000));
    note.status = WEIR_DAMAGED;
    assert_false(weir_named_holds(&note, ours, 11, 1000));
}

/* Whatever fails, the file is the old one or the new one, and nothing is left aside. */
static void a_write_that_fails_leaves_the_old_position(void **state) {
    (void)state;
    static const faulty_call calls[] = {FAULTY_OPEN, FAULTY_PWRITE, FAULTY_DATASYNC, FAULTY_RENAME,
                                        FAULTY_SYNC_DIRECTORY};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        faulty_os f;
        write_reader("a", 10);
        faulty_make(&f);
        faulty_arm(&f, calls[i], 1, 1, -EIO);
        weir_named n = some_reader("a", 11);
        assert_int_equal(weir_named_write(&f.table, directory, &n, &error), WEIR_IO);
        weir_readers r = take_all();
        assert_int_equal(r.count, 1);
        assert_int_equal(r.list[0].status, WEIR_OK);
        /* Only the sync of the name comes after the rename. */
        bool renamed = calls[i] == FAULTY_SYNC_DIRECTORY;
        assert_int_equal(r.list[0].reader.mark.at.row, renamed ? 11 : 10);
        assert_int_not_equal(access(path_of(".a.new"), F_OK), 0);
        weir_readers_free(&r);
    }
}

static void a_forgotten_reader_is_gone(void **state) {
    (void)state;
    write_reader("a", 10);
    write_reader("b", 10);
    assert_int_equal(weir_named_forget(weir_os_posix(), directory, "a", &error), WEIR_OK);
    weir_readers r = take_all();
    assert_int_equal(r.count, 1);
    assert_string_equal(r.list[0].reader.name, "b");
    weir_readers_free(&r);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read),
        TEST(there_may_be_none),
        TEST(names_are_checked),
        TEST(a_broken_file_is_told_and_holds_nothing),
        TEST(a_file_under_another_name_is_broken),
        TEST(a_newer_file_is_told),
        TEST(what_is_held_depends_on_journal_block_and_bytes),
        TEST(a_write_that_fails_leaves_the_old_position),
        TEST(a_forgotten_reader_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
