/* test_catalog.c - which files a live journal keeps, and where a block stands. */
/* Covers: lib/verify/extent.c */
#include <stdlib.h>
#include <string.h>

#include "lib/journal/catalog.h"
#include "support.h"

static void add(weir_catalog *c, uint64_t number, uint64_t first_block, uint64_t last_block) {
    assert_int_equal(weir_catalog_reserve(c), WEIR_OK);
    weir_kept_file file = {.number = number, .bytes = 100, .path = strdup("segment")};
    weir_catalog_add(c, file, 4096, first_block, first_block * 10);
    weir_log_end end = {number, 8192, last_block, last_block + 1000};
    if (last_block >= first_block) weir_catalog_extend(c, &end, last_block * 10 + 10);
}

static void blocks_are_found_in_their_extent(void **state) {
    (void)state;
    weir_catalog c = {0};
    weir_extent extent;
    assert_int_equal(weir_catalog_locate(&c, 1, &extent), WEIR_NOT_FOUND);
    assert_int_equal(weir_catalog_first_block(&c), 0);
    add(&c, 1, 5, 9);
    add(&c, 2, 10, 10);
    add(&c, 4, 15, 20); /* behind a gap, as after salvage */
    for (uint64_t block = 1; block <= 22; block++) {
        bool there = (block >= 5 && block <= 10) || (block >= 15 && block <= 20);
        assert_int_equal(weir_catalog_locate(&c, block, &extent), there ? WEIR_OK : WEIR_NOT_FOUND);
        if (there) assert_true(extent.first_block <= block && extent.last_block >= block);
    }
    assert_int_equal(weir_catalog_locate(&c, 20, &extent), WEIR_OK);
    assert_int_equal(extent.segment, 4);
    assert_int_equal(extent.last_hash, 1020);
    assert_int_equal(extent.next_row, 210);
    weir_catalog_free(&c);
}

static void a_gap_is_stepped_over(void **state) {
    (void)state;
    weir_catalog c = {0};
    assert_int_equal(weir_catalog_nearest(&c, 1, WEIR_ABOVE), 0);
    assert_int_equal(weir_catalog_nearest(&c, 1, WEIR_BELOW), 0);
    add(&c, 1, 5, 9);
    add(&c, 4, UINT64_C(1) << 40, (UINT64_C(1) << 40) + 5); /* as wide as a forger likes */
    assert_int_equal(weir_catalog_nearest(&c, 1, WEIR_ABOVE), 5);
    assert_int_equal(weir_catalog_nearest(&c, 4, WEIR_BELOW), 0);
    assert_int_equal(weir_catalog_nearest(&c, 7, WEIR_ABOVE), 7);
    assert_int_equal(weir_catalog_nearest(&c, 10, WEIR_ABOVE), UINT64_C(1) << 40);
    assert_int_equal(weir_catalog_nearest(&c, 10, WEIR_BELOW), 9);
    assert_int_equal(weir_catalog_nearest(&c, (UINT64_C(1) << 40) + 6, true), 0);
    weir_catalog_free(&c);
}

static void the_oldest_goes_first_and_the_newest_never(void **state) {
    (void)state;
    weir_catalog c = {0};
    for (uint64_t n = 1; n <= 40; n++)
        add(&c, n, n * 10, n * 10 + 9);
    assert_int_equal(c.bytes, 4000);
    assert_null(weir_catalog_oldest(&c, 18));
    assert_int_equal(weir_catalog_oldest(&c, 19)->number, 1);
    for (uint64_t n = 1; n < 40; n++) {
        assert_int_equal(weir_catalog_oldest(&c, UINT64_MAX)->number, n);
        weir_catalog_drop_oldest(&c);
        assert_int_equal(weir_catalog_first_block(&c), n * 10 + 10);
    }
    assert_null(weir_catalog_oldest(&c, UINT64_MAX));
    assert_int_equal(c.bytes, 100);
    weir_catalog_free(&c);
}

/* Three segments: whole; cut at the durable end; wholly above it. And one that cannot be read. */
/* Many come and go: what is kept is found, and the arrays do not grow with what has left. */
static void what_has_left_takes_no_room(void **state) {
    (void)state;
    enum { KEPT = 3, TURNS = 1000 };
    weir_catalog c = {0};
    weir_extent extent;
    for (uint64_t n = 1; n <= TURNS; n++) {
        assert_int_equal(weir_catalog_reserve(&c), WEIR_OK);
        weir_catalog_add(&c, (weir_kept_file){.number = n, .bytes = 10, .path = strdup("s")}, 4096,
                         n, n * 10);
        weir_log_end end = {n, 8192, n, n};
        weir_catalog_extend(&c, &end, n * 10 + 10);
        if (n <= KEPT) continue;
        assert_int_equal(weir_catalog_oldest(&c, n)->number, n - KEPT);
        weir_catalog_drop_oldest(&c);
        assert_int_equal(weir_catalog_files(&c), KEPT);
        assert_int_equal(weir_catalog_first_block(&c), n - KEPT + 1);
        assert_int_equal(weir_catalog_locate(&c, n - KEPT, &extent), WEIR_NOT_FOUND);
        assert_int_equal(weir_catalog_locate(&c, n - 1, &extent), WEIR_OK);
        assert_int_equal(extent.segment, n - 1);
        assert_int_equal(c.bytes, KEPT * 10);
    }
    assert_true(c.file_capacity < 100);
    assert_true(c.extent_capacity < 100);
    weir_catalog_free(&c);
}

static void an_inventory_is_taken_over_up_to_its_durable_end(void **state) {
    (void)state;
    char one[] = "d/segment-00000000000000000001", two[] = "d/segment-00000000000000000002";
    char three[] = "d/segment-00000000000000000003", four[] = "d/segment-00000000000000000004";
    weir_segment_note notes[4] = {{.path = one, .file_bytes = 10, .header.segment = 1},
                                  {.path = two, .file_bytes = 10, .status = WEIR_DAMAGED},
                                  {.path = three, .file_bytes = 10, .header.segment = 3},
                                  {.path = four, .file_bytes = 10, .header.segment = 4}};
    weir_extent extents[3] = {{1, 4096, 9000, 1, 5, 1, 51, 0, one},
                              {3, 4096, 20480, 6, 9, 51, 91, 0, three},
                              {4, 4096, 20480, 10, 12, 91, 121, 0, four}};
    weir_damage damage = {.segment = 1};
    weir_inventory found = {.segments = notes,
                            .segment_count = 4,
                            .extents = extents,
                            .extent_count = 3,
                            .damages = &damage,
                            .damage_count = 1,
                            .durable_end = {3, 12288, 7, 77},
                            .durable_next_row = 71};
    weir_catalog c = {0};
    weir_extent extent;
    assert_int_equal(weir_catalog_adopt(&c, &found), WEIR_OK);
    assert_int_equal(c.file_count, 4);
    assert_int_equal(c.extent_count, 2);
    assert_string_equal(c.files[0].why, "blocks");
    assert_string_equal(c.files[1].why, "header");
    assert_int_equal(c.files[1].number, 2);
    assert_null(c.files[2].why);
    assert_int_equal(c.files[2].last_block, 7);
    assert_int_equal(c.files[3].last_block, 0);
    assert_int_equal(weir_catalog_locate(&c, 8, &extent), WEIR_NOT_FOUND);
    assert_int_equal(weir_catalog_locate(&c, 7, &extent), WEIR_OK);
    assert_int_equal(extent.end, 12288);
    assert_int_equal(extent.next_row, 71);
    assert_int_equal(extent.last_hash, 77);
    assert_ptr_equal(extent.path, c.files[2].path); /* ours, not the inventory's */
    weir_catalog_free(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_found_in_their_extent),
        cmocka_unit_test(a_gap_is_stepped_over),
        cmocka_unit_test(the_oldest_goes_first_and_the_newest_never),
        cmocka_unit_test(what_has_left_takes_no_room),
        cmocka_unit_test(an_inventory_is_taken_over_up_to_its_durable_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
