/* inspect.h - forge a journal, take its inventory, and look at what it says. */
#ifndef WEIR_TESTS_INSPECT_H
#define WEIR_TESTS_INSPECT_H

#include "forge.h"
#include "lib/verify/inventory.h"
#include "lib/verify/reader.h"

static forge f;
static weir_inventory inv;
static weir_inventory_input input;
static weir_durable_mark ring_mark;

static inline int begin(void **state) {
    (void)state;
    forge_begin(&f);
    input = (weir_inventory_input){.os = weir_os_posix(), .directory = f.directory};
    return 0;
}

static inline int end(void **state) {
    (void)state;
    weir_inventory_free(&inv);
    forge_end(&f);
    return 0;
}

static inline void take(void) {
    weir_error error = {0};
    weir_inventory_free(&inv);
    int status = weir_inventory_take(&input, &inv, &error);
    if (status != WEIR_OK) fail_msg("%s", error.text);
    assert_null(strchr(inv.detail, '\n'));
    assert_true(strlen(inv.detail) > 0);
}

static inline void take_at(const weir_position *position) {
    input.database_has_positions = true;
    input.positions = position;
    input.position_count = 1;
    take();
}

static inline void take_with_ring(uint64_t block, uint64_t hash, uint64_t row) {
    ring_mark = (weir_durable_mark){block, hash, row, "ring"};
    input.ring_mark = &ring_mark;
    input.ring = WEIR_RING_OURS;
    input.ring_journal = f.journal;
    take();
}

#define assert_verdict(name) assert_string_equal(weir_verdict_name(inv.verdict), name)

static inline void assert_one_damage(uint64_t segment, uint64_t offset, uint64_t first_block,
                                     uint64_t last_block, uint64_t first_row, uint64_t last_row) {
    assert_verdict("rot");
    assert_int_equal(inv.damage_count, 1);
    const weir_damage *d = &inv.damages[0];
    assert_int_equal(d->segment, segment);
    assert_int_equal(d->offset, offset);
    assert_int_equal(d->first_block, first_block);
    assert_int_equal(d->last_block, last_block);
    assert_int_equal(d->first_row, first_row);
    assert_int_equal(d->last_row, last_row);
    assert_true(strlen(d->why) > 0);
}

/* Every block of the range, in order, but for those of the gap, can be read. */
static inline void assert_readable(uint64_t first, uint64_t last, uint64_t gap_first,
                                   uint64_t gap_last) {
    weir_reader *reader;
    assert_int_equal(weir_reader_make(input.os, weir_inventory_locator(&inv), &reader), WEIR_OK);
    for (uint64_t n = first; n <= last; n++) {
        weir_read_block block;
        bool gap = n >= gap_first && n <= gap_last;
        assert_int_equal(weir_reader_read(reader, n, &block, NULL), gap ? WEIR_NOT_FOUND : WEIR_OK);
        if (!gap) assert_int_equal(block.header.hash, f.blocks[n].hash);
    }
    weir_reader_free(reader);
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif
