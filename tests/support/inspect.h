/* inspect.h - forge a journal, take its inventory, and look at what it says. */
#ifndef WEIR_TESTS_INSPECT_H
#define WEIR_TESTS_INSPECT_H

#include "forge.h"
#include "lib/verify/inventory.h"
#include "lib/verify/reader.h"

typedef struct inspected {
    forge f;
    weir_inventory inv;
    weir_inventory_input input;
    weir_durable_mark ring_mark; /* what input.ring_mark points to, if it says so */
    weir_reader *reader;         /* NULL: none */
} inspected;

static inline int inspect_set_up(void **state) {
    inspected *t = calloc(1, sizeof *t);
    if (!t) return -1;
    forge_begin(&t->f);
    t->input = (weir_inventory_input){.os = weir_os_posix(), .directory = t->f.directory};
    *state = t;
    return 0;
}

static inline int inspect_tear_down(void **state) {
    inspected *t = *state;
    weir_reader_free(t->reader);
    weir_inventory_free(&t->inv);
    weir_codec_free(t->f.codec);
    forge_end(&t->f);
    free(t);
    return 0;
}

static inline void take(inspected *t) {
    weir_error error = {0};
    weir_inventory_free(&t->inv);
    int status = weir_inventory_take(&t->input, &t->inv, &error);
    if (status != WEIR_OK) fail_msg("%s", error.text);
    assert_null(strchr(t->inv.detail, '\n'));
    assert_true(strlen(t->inv.detail) > 0);
}

static inline void take_at(inspected *t, const weir_position *position) {
    t->input.database_has_positions = true;
    t->input.positions = position;
    t->input.position_count = 1;
    take(t);
}

static inline void take_with_ring(inspected *t, uint64_t block, uint64_t hash, uint64_t row) {
    t->ring_mark = (weir_durable_mark){block, hash, row, "ring"};
    t->input.ring_mark = &t->ring_mark;
    t->input.ring = WEIR_RING_OURS;
    t->input.ring_journal = t->f.journal;
    take(t);
}

static inline void assert_verdict(const inspected *t, const char *name) {
    assert_string_equal(weir_verdict_name(t->inv.verdict), name);
}

static inline void assert_one_damage(const inspected *t, uint64_t segment, uint64_t offset,
                                     uint64_t first_block, uint64_t last_block, uint64_t first_row,
                                     uint64_t last_row) {
    assert_verdict(t, "rot");
    assert_int_equal(t->inv.damage_count, 1);
    const weir_damage *d = &t->inv.damages[0];
    assert_int_equal(d->segment, segment);
    assert_int_equal(d->offset, offset);
    assert_int_equal(d->first_block, first_block);
    assert_int_equal(d->last_block, last_block);
    assert_int_equal(d->first_row, first_row);
    assert_int_equal(d->last_row, last_row);
    assert_true(strlen(d->why) > 0);
}

/* The fixture's, of what was taken last: good until the next is asked for. */
static inline weir_reader *inspect_reader(inspected *t) {
    weir_reader_free(t->reader);
    t->reader = NULL;
    assert_int_equal(weir_reader_make(t->input.os, weir_inventory_locator(&t->inv), &t->reader),
                     WEIR_OK);
    return t->reader;
}

/* Every block of the range, in order, but for those of the gap, can be read. */
static inline void assert_readable(inspected *t, uint64_t first, uint64_t last, uint64_t gap_first,
                                   uint64_t gap_last) {
    weir_reader *reader = inspect_reader(t);
    for (uint64_t n = first; n <= last; n++) {
        weir_read_block block;
        bool gap = n >= gap_first && n <= gap_last;
        assert_int_equal(weir_reader_read(reader, n, &block, NULL), gap ? WEIR_NOT_FOUND : WEIR_OK);
        if (!gap) assert_int_equal(block.header.hash, t->f.blocks[n].hash);
    }
}

#define INSPECT_TEST(name) cmocka_unit_test_setup_teardown(name, inspect_set_up, inspect_tear_down)

#endif
