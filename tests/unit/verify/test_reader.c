/* test_reader.c - blocks read in any order, from a dead journal, a growing one, and a changing
 * one. */
/* Covers: lib/verify/decode.c, lib/verify/extent.c */
#include "inspect.h"
#include "lib/verify/reader.h"

#include <fcntl.h>

static void take_and_read(inspected *t) {
    take(t);
    (void)inspect_reader(t);
}

static void assert_block(inspected *t, uint64_t number) {
    weir_read_block block;
    weir_error error = {0};
    if (weir_reader_read(t->reader, number, &block, &error) != WEIR_OK) fail_msg("%s", error.text);
    assert_int_equal(block.header.block, number);
    assert_int_equal(block.header.hash, t->f.blocks[number].hash);
    assert_int_equal(block.payload.lanes, t->f.lanes);
    if (block.header.kind != WEIR_BLOCK_ROWS) return;
    uint32_t rows = 0;
    const uint8_t *row;
    size_t bytes;
    weir_cursor body = block.payload.body;
    while (weir_payload_next_row(&body, &row, &bytes) == 1)
        rows++;
    assert_int_equal(rows, block.header.rows);
    assert_int_equal(weir_cursor_left(&body), 0);
}

static void assert_status(inspected *t, uint64_t number, int status) {
    weir_read_block block;
    weir_error error = {0};
    assert_int_equal(weir_reader_read(t->reader, number, &block, &error), status);
    if (status < 0) assert_true(strlen(error.text) > 0);
}

static void in_order(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 3);
    take_and_read(t);
    for (uint64_t n = 1; n <= 12; n++)
        assert_block(t, n);
    assert_status(t, 13, WEIR_PENDING);
    assert_status(t, 0, WEIR_NOT_FOUND);
    assert_block(t, 12);
}

static void in_any_order(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 3);
    take_and_read(t);
    weir_rng rng = {5};
    for (int i = 0; i < 300; i++)
        assert_block(t, 1 + weir_rng_below(&rng, 12));
}

static void large_and_compressed(void **state) {
    inspected *t = *state;
    forge_segment(&t->f, 1);
    (void)forge_block(&t->f, WEIR_BLOCK_ROWS, 2000); /* 20 kB as they are */
    assert_int_equal(weir_codec_make(3, &t->f.codec), WEIR_OK);
    (void)forge_block(&t->f, WEIR_BLOCK_ROWS, 12000); /* 120 kB, in a page or two */
    (void)forge_block(&t->f, WEIR_BLOCK_ROWS, 1);
    forge_write(&t->f);
    assert_int_equal(t->f.blocks[3].codec, WEIR_CODEC_ZSTD);
    take_and_read(t);
    for (uint64_t n = 1; n <= 4; n++)
        assert_block(t, n);
    for (uint64_t n = 4; n >= 1; n--)
        assert_block(t, n);
    forge_flip(&t->f, 1, forge_payload_at(&t->f, 3) + 5);
    assert_block(t, 2);
    (void)inspect_reader(t);
    assert_status(t, 3, WEIR_DAMAGED);
    assert_block(t, 4);
}

static void damage_names_its_place(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 2);
    take_and_read(t);
    forge_flip(&t->f, 2, forge_payload_at(&t->f, 7));
    weir_read_block block;
    weir_error error = {0};
    assert_int_equal(weir_reader_read(t->reader, 7, &block, &error), WEIR_DAMAGED);
    assert_non_null(strstr(error.text, forge_path(&t->f, 2)));
    assert_non_null(strstr(error.text, "block 7"));
    assert_non_null(strstr(error.text, "at byte 12288"));
    assert_block(t, 8);
    assert_block(t, 6);
}

static void a_gap_is_not_found(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 3);
    forge_flip(&t->f, 2, forge_header_at(&t->f, 6));
    take_and_read(t);
    assert_int_equal(t->inv.verdict, WEIR_VERDICT_ROT);
    assert_block(t, 5);
    assert_status(t, 6, WEIR_NOT_FOUND);
    assert_block(t, 7);
    assert_block(t, 12);
}

static void a_gap_can_be_stepped_over(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 3);
    forge_flip(&t->f, 2, forge_header_at(&t->f, 6));
    take_and_read(t);
    assert_int_equal(weir_reader_nearest(t->reader, 6, WEIR_ABOVE), 7);
    assert_int_equal(weir_reader_nearest(t->reader, 6, WEIR_BELOW), 5);
    assert_int_equal(weir_reader_nearest(t->reader, 5, WEIR_ABOVE), 5);
    assert_int_equal(weir_reader_nearest(t->reader, 7, WEIR_BELOW), 7);
    assert_int_equal(weir_reader_nearest(t->reader, 0, WEIR_ABOVE), 1);
    assert_int_equal(weir_reader_nearest(t->reader, 0, WEIR_BELOW), 0);
    assert_int_equal(weir_reader_nearest(t->reader, 13, WEIR_ABOVE), 0);
    assert_int_equal(weir_reader_nearest(t->reader, UINT64_MAX, WEIR_BELOW), 12);
}

static void heads_of_segments(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 3);
    take_and_read(t);
    weir_read_block head;
    assert_int_equal(weir_reader_declarations(t->reader, 7, &head, NULL), WEIR_OK);
    assert_int_equal(head.header.block, 5);
    assert_int_equal(head.header.kind, WEIR_BLOCK_DECLARATIONS);
    assert_block(t, 7);
    assert_int_equal(weir_reader_declarations(t->reader, 9, &head, NULL), WEIR_OK);
    assert_int_equal(head.header.block, 9);
    assert_block(t, 8);
    assert_int_equal(weir_reader_declarations(t->reader, 99, &head, NULL), WEIR_PENDING);
    forge_edit(&t->f, 2, WEIR_BLOCK_ALIGN, NULL, WEIR_BLOCK_ALIGN);
    take_and_read(t);
    weir_error error = {0};
    assert_int_equal(weir_reader_declarations(t->reader, 7, &head, &error), WEIR_DAMAGED);
    assert_non_null(strstr(error.text, forge_path(&t->f, 2)));
    assert_block(t, 7);
}

/* ---- live ------------------------------------------------------------------------------- */

static weir_extent live; /* what is durable of segment 1 */

static int locate_live(void *self, uint64_t block, weir_extent *out, char *path_buffer) {
    const inspected *t = self;
    if (block > live.last_block) return WEIR_PENDING;
    *out = live;
    (void)snprintf(path_buffer, 4096, "%s", forge_path(&t->f, 1));
    out->path = path_buffer;
    return WEIR_OK;
}

static void grow(inspected *t, uint32_t rows) {
    const weir_block_header *h = forge_block(&t->f, WEIR_BLOCK_ROWS, rows);
    forge_write(&t->f);
    live.last_block = h->block;
    live.end = t->f.at;
}

static void a_journal_that_grows(void **state) {
    inspected *t = *state;
    forge_segment(&t->f, 1);
    live = (weir_extent){.segment = 1, .begin = WEIR_BLOCK_ALIGN, .first_block = 1};
    weir_locator locator = {.locate = locate_live, .self = t};
    assert_int_equal(weir_reader_make(weir_os_posix(), locator, &t->reader), WEIR_OK);
    grow(t, 10);
    assert_block(t, 1);
    assert_block(t, 2);
    for (uint64_t n = 3; n < 12; n++) {
        assert_status(t, n, WEIR_PENDING);
        grow(t, (uint32_t)n);
        assert_block(t, n);
    }
    assert_block(t, 4);
    assert_block(t, 11);
}

static void a_segment_that_leaves(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 2);
    take_and_read(t);
    assert_block(t, 1);
    const char *spare = weir_temp_path(t->f.directory, "spare-00000000000000000009");
    assert_int_equal(rename(forge_path(&t->f, 1), spare), 0);
    assert_block(t, 2); /* the file is still open, and still the same */
    uint8_t other[FORGE_SEGMENT];
    memset(other, 0x33, sizeof other);
    weir_file_write(spare, other, sizeof other);
    (void)inspect_reader(t);
    assert_status(t, 3, WEIR_NOT_FOUND); /* no damage */
    assert_block(t, 5);
}

static void a_segment_written_over_while_it_is_read(void **state) {
    inspected *t = *state;
    forge_segment(&t->f, 1);
    (void)forge_block(&t->f, WEIR_BLOCK_ROWS, 10);
    forge_write(&t->f);
    take_and_read(t);
    assert_block(t, 1);
    uint8_t other[FORGE_SEGMENT];
    memset(other, 0x44, sizeof other);
    int file = open(forge_path(&t->f, 1), O_WRONLY);
    assert_true(file >= 0);
    ssize_t written = pwrite(file, other, sizeof other, 0);
    (void)close(file);
    assert_int_equal(written, (ssize_t)sizeof other);
    assert_int_equal(rename(forge_path(&t->f, 1), weir_temp_path(t->f.directory, "spare-1")), 0);
    weir_read_block head;
    weir_error error = {0};
    int status = weir_reader_declarations(t->reader, 2, &head, &error);
    assert_true(status == WEIR_OK ||
                status == WEIR_NOT_FOUND); /* from memory, or gone: no damage */
}

static weir_os quirky;
static int64_t pread_failing(void *self, int file, void *into, size_t bytes, uint64_t offset) {
    (void)self, (void)file, (void)into, (void)bytes, (void)offset;
    return -5; /* EIO */
}

static void a_failing_disk(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 1);
    take_and_read(t);
    quirky = *weir_os_posix();
    quirky.pread = pread_failing;
    t->input.os = &quirky;
    (void)inspect_reader(t);
    assert_status(t, 2, WEIR_IO);
    quirky.pread = weir_os_posix()->pread;
    assert_block(t, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        INSPECT_TEST(in_order),
        INSPECT_TEST(in_any_order),
        INSPECT_TEST(large_and_compressed),
        INSPECT_TEST(damage_names_its_place),
        INSPECT_TEST(a_gap_is_not_found),
        INSPECT_TEST(a_gap_can_be_stepped_over),
        INSPECT_TEST(heads_of_segments),
        INSPECT_TEST(a_journal_that_grows),
        INSPECT_TEST(a_segment_that_leaves),
        INSPECT_TEST(a_segment_written_over_while_it_is_read),
        INSPECT_TEST(a_failing_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
