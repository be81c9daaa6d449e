/* test_reader.c - blocks read in any order, from a dead journal, a growing one, and a changing
 * one. */
#include "forge.h"
#include "lib/verify/reader.h"

#include <fcntl.h>

static forge f;
static weir_inventory inv;
static weir_reader *reader;

static void take(void) {
    weir_error error = {0};
    weir_inventory_input input = {.os = weir_os_posix(), .directory = f.directory};
    weir_inventory_free(&inv);
    if (weir_inventory_take(&input, &inv, &error) != WEIR_OK) fail_msg("%s", error.text);
    weir_reader_free(reader);
    assert_int_equal(weir_reader_make(input.os, weir_inventory_locator(&inv), &reader), WEIR_OK);
}

static int begin(void **state) {
    (void)state;
    forge_begin(&f);
    return 0;
}

static int end(void **state) {
    (void)state;
    weir_reader_free(reader);
    reader = NULL;
    weir_codec_free(f.codec);
    weir_inventory_free(&inv);
    forge_end(&f);
    return 0;
}

static void assert_block(uint64_t number) {
    weir_read_block block;
    weir_error error = {0};
    if (weir_reader_read(reader, number, &block, &error) != WEIR_OK) fail_msg("%s", error.text);
    assert_int_equal(block.header.block, number);
    assert_int_equal(block.header.hash, f.blocks[number].hash);
    assert_int_equal(block.payload.lanes, f.lanes);
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

static void assert_status(uint64_t number, int status) {
    weir_read_block block;
    weir_error error = {0};
    assert_int_equal(weir_reader_read(reader, number, &block, &error), status);
    if (status < 0) assert_true(strlen(error.text) > 0);
}

static void in_order(void **state) {
    (void)state;
    forge_journal(&f, 3);
    take();
    for (uint64_t n = 1; n <= 12; n++)
        assert_block(n);
    assert_status(13, WEIR_PENDING);
    assert_status(0, WEIR_NOT_FOUND);
    assert_block(12);
}

static void in_any_order(void **state) {
    (void)state;
    forge_journal(&f, 3);
    take();
    weir_rng rng = {5};
    for (int i = 0; i < 300; i++)
        assert_block(1 + weir_rng_below(&rng, 12));
}

static void large_and_compressed(void **state) {
    (void)state;
    forge_segment(&f, 1);
    (void)forge_block(&f, WEIR_BLOCK_ROWS, 2000); /* 20 kB as they are */
    assert_int_equal(weir_codec_make(3, &f.codec), WEIR_OK);
    (void)forge_block(&f, WEIR_BLOCK_ROWS, 12000); /* 120 kB, in a page or two */
    (void)forge_block(&f, WEIR_BLOCK_ROWS, 1);
    forge_write(&f);
    assert_int_equal(f.blocks[3].codec, WEIR_CODEC_ZSTD);
    take();
    for (uint64_t n = 1; n <= 4; n++)
        assert_block(n);
    for (uint64_t n = 4; n >= 1; n--)
        assert_block(n);
    forge_flip(&f, 1, forge_payload_at(&f, 3) + 5);
    assert_block(2);
    weir_reader_free(reader);
    assert_int_equal(weir_reader_make(weir_os_posix(), weir_inventory_locator(&inv), &reader), 0);
    assert_status(3, WEIR_DAMAGED);
    assert_block(4);
}

static void damage_names_its_place(void **state) {
    (void)state;
    forge_journal(&f, 2);
    take();
    forge_flip(&f, 2, forge_payload_at(&f, 7));
    weir_read_block block;
    weir_error error = {0};
    assert_int_equal(weir_reader_read(reader, 7, &block, &error), WEIR_DAMAGED);
    assert_non_null(strstr(error.text, forge_path(&f, 2)));
    assert_non_null(strstr(error.text, "block 7"));
    assert_non_null(strstr(error.text, "at byte 12288"));
    assert_block(8);
    assert_block(6);
}

static void a_gap_is_not_found(void **state) {
    (void)state;
    forge_journal(&f, 3);
    forge_flip(&f, 2, forge_header_at(&f, 6));
    take();
    assert_int_equal(inv.verdict, WEIR_VERDICT_ROT);
    assert_block(5);
    assert_status(6, WEIR_NOT_FOUND);
    assert_block(7);
    assert_block(12);
}

static void a_gap_can_be_stepped_over(void **state) {
    (void)state;
    forge_journal(&f, 3);
    forge_flip(&f, 2, forge_header_at(&f, 6));
    take();
    assert_int_equal(weir_reader_nearest(reader, 6, WEIR_ABOVE), 7);
    assert_int_equal(weir_reader_nearest(reader, 6, WEIR_BELOW), 5);
    assert_int_equal(weir_reader_nearest(reader, 5, WEIR_ABOVE), 5);
    assert_int_equal(weir_reader_nearest(reader, 7, WEIR_BELOW), 7);
    assert_int_equal(weir_reader_nearest(reader, 0, WEIR_ABOVE), 1);
    assert_int_equal(weir_reader_nearest(reader, 0, WEIR_BELOW), 0);
    assert_int_equal(weir_reader_nearest(reader, 13, WEIR_ABOVE), 0);
    assert_int_equal(weir_reader_nearest(reader, UINT64_MAX, WEIR_BELOW), 12);
}

static void heads_of_segments(void **state) {
    (void)state;
    forge_journal(&f, 3);
    take();
    weir_read_block head;
    assert_int_equal(weir_reader_declarations(reader, 7, &head, NULL), WEIR_OK);
    assert_int_equal(head.header.block, 5);
    assert_int_equal(head.header.kind, WEIR_BLOCK_DECLARATIONS);
    assert_block(7);
    assert_int_equal(weir_reader_declarations(reader, 9, &head, NULL), WEIR_OK);
    assert_int_equal(head.header.block, 9);
    assert_block(8);
    assert_int_equal(weir_reader_declarations(reader, 99, &head, NULL), WEIR_PENDING);
    forge_edit(&f, 2, WEIR_BLOCK_ALIGN, NULL, WEIR_BLOCK_ALIGN);
    take();
    weir_error error = {0};
    assert_int_equal(weir_reader_declarations(reader, 7, &head, &error), WEIR_DAMAGED);
    assert_non_null(strstr(error.text, forge_path(&f, 2)));
    assert_block(7);
}

/* ---- live ------------------------------------------------------------------------------- */

static weir_extent live; /* what is durable of segment 1 */

static int locate_live(void *self, uint64_t block, weir_extent *out, char *path_buffer) {
    (void)self;
    if (block > live.last_block) return WEIR_PENDING;
    *out = live;
    (void)snprintf(path_buffer, 4096, "%s", forge_path(&f, 1));
    out->path = path_buffer;
    return WEIR_OK;
}

static void grow(uint32_t rows) {
    const weir_block_header *h = forge_block(&f, WEIR_BLOCK_ROWS, rows);
    forge_write(&f);
    live.last_block = h->block;
    live.end = f.at;
}

static void a_journal_that_grows(void **state) {
    (void)state;
    forge_segment(&f, 1);
    live = (weir_extent){.segment = 1, .begin = WEIR_BLOCK_ALIGN, .first_block = 1};
    weir_locator locator = {.locate = locate_live};
    assert_int_equal(weir_reader_make(weir_os_posix(), locator, &reader), WEIR_OK);
    grow(10);
    assert_block(1);
    assert_block(2);
    for (uint64_t n = 3; n < 12; n++) {
        assert_status(n, WEIR_PENDING);
        grow((uint32_t)n);
        assert_block(n);
    }
    assert_block(4);
    assert_block(11);
}

static void a_segment_that_leaves(void **state) {
    (void)state;
    forge_journal(&f, 2);
    take();
    assert_block(1);
    const char *spare = weir_temp_path(f.directory, "spare-00000000000000000009");
    assert_int_equal(rename(forge_path(&f, 1), spare), 0);
    assert_block(2); /* the file is still open, and still the same */
    uint8_t other[FORGE_SEGMENT];
    memset(other, 0x33, sizeof other);
    weir_file_write(spare, other, sizeof other);
    weir_reader_free(reader);
    assert_int_equal(weir_reader_make(weir_os_posix(), weir_inventory_locator(&inv), &reader), 0);
    assert_status(3, WEIR_NOT_FOUND); /* no damage */
    assert_block(5);
}

static void a_segment_written_over_while_it_is_read(void **state) {
    (void)state;
    forge_segment(&f, 1);
    (void)forge_block(&f, WEIR_BLOCK_ROWS, 10);
    forge_write(&f);
    take();
    assert_block(1);
    uint8_t other[FORGE_SEGMENT];
    memset(other, 0x44, sizeof other);
    int file = open(forge_path(&f, 1), O_WRONLY);
    assert_true(file >= 0);
    assert_int_equal(pwrite(file, other, sizeof other, 0), (ssize_t)sizeof other);
    (void)close(file);
    assert_int_equal(rename(forge_path(&f, 1), weir_temp_path(f.directory, "spare-1")), 0);
    weir_read_block head;
    weir_error error = {0};
    int status = weir_reader_declarations(reader, 2, &head, &error);
    assert_true(status == WEIR_OK ||
                status == WEIR_NOT_FOUND); /* from memory, or gone: no damage */
}

static weir_os quirky;
static int64_t pread_failing(void *self, int file, void *into, size_t bytes, uint64_t offset) {
    (void)self, (void)file, (void)into, (void)bytes, (void)offset;
    return -5; /* EIO */
}

static void a_failing_disk(void **state) {
    (void)state;
    forge_journal(&f, 1);
    take();
    quirky = *weir_os_posix();
    quirky.pread = pread_failing;
    weir_reader_free(reader);
    assert_int_equal(weir_reader_make(&quirky, weir_inventory_locator(&inv), &reader), WEIR_OK);
    assert_status(2, WEIR_IO);
    quirky.pread = weir_os_posix()->pread;
    assert_block(2);
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(in_order),
        test(in_any_order),
        test(large_and_compressed),
        test(damage_names_its_place),
        test(a_gap_is_not_found),
        test(a_gap_can_be_stepped_over),
        test(heads_of_segments),
        test(a_journal_that_grows),
        test(a_segment_that_leaves),
        test(a_segment_written_over_while_it_is_read),
        test(a_failing_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
