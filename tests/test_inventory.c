/* test_inventory.c - journals forged byte by byte, hurt in one place, and what is said of them. */
#include "../lib/inventory.h"
#include "../lib/reader.h"
#include "forge.h"

#include <sys/stat.h>

static forge f;
static weir_inventory inv;
static weir_inventory_input input;
static weir_mark ring_mark;

static int begin(void **state) {
    (void)state;
    forge_begin(&f);
    input = (weir_inventory_input){.os = weir_os_posix(), .directory = f.directory};
    return 0;
}

static int end(void **state) {
    (void)state;
    weir_inventory_free(&inv);
    forge_end(&f);
    return 0;
}

static void take(void) {
    weir_error error = {0};
    weir_inventory_free(&inv);
    int status = weir_inventory_take(&input, &inv, &error);
    if (status != WEIR_OK) fail_msg("%s", error.text);
    assert_null(strchr(inv.detail, '\n'));
    assert_true(strlen(inv.detail) > 0);
}

static void take_at(const weir_position *position) {
    input.database_has_positions = true;
    input.positions = position;
    input.position_count = 1;
    take();
}

static void take_with_ring(uint64_t block, uint64_t hash, uint64_t row) {
    ring_mark = (weir_mark){block, hash, row, "ring"};
    input.ring_mark = &ring_mark;
    input.ring = WEIR_RING_OURS;
    input.ring_journal = f.journal;
    take();
}

#define assert_verdict(name) assert_string_equal(weir_verdict_name(inv.verdict), name)

static void assert_one_damage(uint64_t segment, uint64_t offset, uint64_t first_block,
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
static void assert_readable(uint64_t first, uint64_t last, uint64_t gap_first, uint64_t gap_last) {
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

/* ---- nothing wrong ---------------------------------------------------------------------- */

static void no_directory_is_fresh(void **state) {
    (void)state;
    input.directory = weir_temp_path(f.directory, "none");
    take();
    assert_verdict("fresh");
    assert_int_equal(inv.found.journal, WEIR_JOURNAL_ABSENT);
}

static void other_names_are_no_segments(void **state) {
    (void)state;
    weir_file_write(weir_temp_path(f.directory, "spare-00000000000000000001"), "x", 1);
    weir_file_write(weir_temp_path(f.directory, "segment-1"), "x", 1);
    weir_file_write(weir_temp_path(f.directory, "damaged-header-segment-00000000000000000001"), "x",
                    1);
    take();
    assert_verdict("fresh");
    assert_int_equal(inv.found.journal, WEIR_JOURNAL_EMPTY);
}

static void empty_files_count_as_absent(void **state) {
    (void)state;
    weir_file_write(forge_path(&f, 1), "", 0);
    take();
    assert_verdict("fresh");
    forge_journal(&f, 1);
    uint8_t zeros[8192] = {0};
    weir_file_write(forge_path(&f, 2), zeros, sizeof zeros);
    take();
    assert_verdict("clean");
    assert_int_equal(inv.segments[1].status, WEIR_NOT_FOUND);
    assert_int_equal(inv.end.block, 4);
}

static void a_sound_journal(void **state) {
    (void)state;
    forge_journal(&f, 3);
    input.verify_all = true;
    take();
    assert_verdict("clean");
    assert_int_equal(inv.segment_count, 3);
    assert_int_equal(inv.extent_count, 3);
    assert_memory_equal(&inv.end, &f.end, sizeof f.end);
    assert_int_equal(inv.next_row, 91);
    assert_int_equal(inv.durable.block, 11);
    assert_string_equal(inv.durable.source, "block");
    assert_int_equal(inv.durable.hash, f.blocks[11].hash);
    assert_int_equal(inv.durable.row, 80);
    assert_int_equal(inv.durable_end.block, 11);
    assert_int_equal(inv.durable_end.offset, f.blocks[12].offset);
    assert_int_equal(inv.durable_next_row, 81);
    assert_memory_equal(inv.journal, f.journal, 16);
    assert_memory_equal(inv.ring, f.ring, 16);
    assert_int_equal(inv.lane_count, 1);
    assert_int_equal(inv.lanes[0].position, 100 + 11);
    assert_int_equal(inv.first_wall_ns, 1000);
    assert_int_equal(inv.last_wall_ns, 1011);
    assert_int_equal(inv.bytes, 3 * FORGE_SEGMENT);
    assert_false(inv.closed);
    assert_false(inv.found.recycled);
    assert_readable(1, 12, 0, 0);
}

static void a_close_mark_is_known(void **state) {
    (void)state;
    forge_segment(&f, 1);
    f.lanes = 0;
    (void)forge_block(&f, WEIR_BLOCK_MARK, 0);
    forge_write(&f);
    take();
    assert_verdict("clean");
    assert_true(inv.closed);
}

static void a_segment_without_blocks(void **state) {
    (void)state;
    forge_journal(&f, 1);
    weir_end before = f.end;
    forge_segment(&f, 2);
    memset(f.bytes + WEIR_BLOCK_ALIGN, 0, WEIR_BLOCK_ALIGN);
    forge_write(&f);
    take();
    assert_verdict("clean");
    assert_memory_equal(&inv.end, &before, sizeof before);
    assert_memory_equal(&inv.durable_end, &before, sizeof before);
    assert_string_equal(inv.durable.source, "segment");
    assert_int_equal(inv.next_row, 31);
    assert_int_equal(inv.durable_next_row, 31);
}

static void an_unknown_compatible_bit_is_told(void **state) {
    (void)state;
    forge_segment(&f, 1);
    forge_write(&f);
    weir_segment_header h;
    assert_int_equal(weir_segment_header_decode(f.bytes, &h), WEIR_OK);
    h.compatible = 4;
    weir_segment_header_encode(f.bytes, &h);
    forge_write(&f);
    take();
    assert_verdict("clean");
    assert_true(inv.read_only);
}

/* ---- torn tails ------------------------------------------------------------------------- */

static void assert_torn_before_last(void) {
    assert_verdict("torn_tail");
    assert_int_equal(inv.end.block, 11);
    assert_int_equal(inv.next_row, 81);
    assert_int_equal(inv.damage_count, 0);
    assert_true(inv.torn_bytes > 0);
}

static void a_torn_last_block_is_cut(void **state) {
    (void)state;
    forge_journal(&f, 3);
    forge_flip(&f, 3, forge_header_at(&f, 12) + 70);
    take();
    assert_torn_before_last();
    assert_int_equal(inv.durable.block, 10); /* as block 11 says: 12 cannot be read */
    forge_flip(&f, 3, forge_header_at(&f, 12) + 70);
    forge_flip(&f, 3, forge_payload_at(&f, 12) + 30);
    take();
    assert_torn_before_last();
    assert_int_equal(inv.durable.block, 11); /* its header is whole, and says so */
}

static void a_torn_group_is_cut_at_its_first_bad_block(void **state) {
    (void)state;
    forge_segment(&f, 1);
    f.lazy = true;
    f.durable = 1;
    for (int i = 0; i < 5; i++)
        (void)forge_block(&f, WEIR_BLOCK_ROWS, 10);
    forge_write(&f);
    forge_edit(&f, 1, forge_header_at(&f, 3), NULL, WEIR_BLOCK_ALIGN);
    take();
    assert_verdict("torn_tail");
    assert_int_equal(inv.end.block, 2);
    assert_int_equal(inv.durable.block, 1);
    assert_int_equal(inv.durable_end.block, 1);
    assert_int_equal(inv.next_row, 11);
    assert_int_equal(inv.torn_bytes, 4 * WEIR_BLOCK_ALIGN);
}

static void what_follows_a_hole_is_testimony(void **state) {
    (void)state;
    forge_segment(&f, 1);
    f.lazy = true;
    f.durable = 1;
    (void)forge_block(&f, WEIR_BLOCK_ROWS, 10);
    (void)forge_block(&f, WEIR_BLOCK_ROWS, 10);
    f.durable = 3;
    (void)forge_block(&f, WEIR_BLOCK_ROWS, 10);
    forge_write(&f);
    forge_flip(&f, 1, forge_payload_at(&f, 3));
    take();
    assert_one_damage(1, forge_header_at(&f, 3), 3, 3, 11, 20);
    assert_int_equal(inv.end.block, 4);
    assert_readable(1, 4, 3, 3);
}

static void rot_then_a_hole_above_every_mark(void **state) {
    (void)state;
    forge_segment(&f, 1); /* 1 */
    f.lazy = true;
    f.durable = 1;
    for (int i = 0; i < 4; i++)
        (void)forge_block(&f, WEIR_BLOCK_ROWS, 10); /* 2 … 5 */
    f.durable = 3;
    for (int i = 0; i < 3; i++)
        (void)forge_block(&f, WEIR_BLOCK_ROWS, 10); /* 6 … 8 */
    forge_write(&f);
    forge_edit(&f, 1, forge_header_at(&f, 3), NULL, 3 * WEIR_BLOCK_ALIGN); /* 3, 4, 5 */
    take();
    assert_int_equal(inv.durable.block, 3);
    assert_verdict("rot");
    assert_int_equal(inv.damage_count, 1);
    assert_int_equal(inv.damages[0].last_block,
                     3); /* 4 and 5 were never promised: 6 … 8 are void */
    assert_int_equal(inv.end.block, 2);
    assert_int_equal(inv.durable_end.block, 3);
    assert_true(inv.durable_next_row >= 21);
}

static void former_life_is_no_torn_tail(void **state) {
    (void)state;
    f.incarnation = 1;
    forge_journal(&f, 1); /* a former life: four blocks */
    uint8_t old[FORGE_SEGMENT];
    memcpy(old, f.bytes, sizeof old);
    memset(&f.end, 0, sizeof f.end);
    f.next_row = 1;
    forge_segment(&f, 2);
    weir_segment_header h;
    assert_int_equal(weir_segment_header_decode(f.bytes, &h), WEIR_OK);
    memcpy(f.bytes + 2 * WEIR_BLOCK_ALIGN, old + 2 * WEIR_BLOCK_ALIGN,
           sizeof old - 2 * WEIR_BLOCK_ALIGN);
    memset(f.bytes + 8 * WEIR_BLOCK_ALIGN, 0x5A, 3000); /* the middle of some old block */
    forge_write(&f);
    forge_remove(&f, 1);
    take();
    assert_verdict("clean");
    assert_int_equal(inv.end.block, 1);
    assert_int_equal(inv.torn_bytes, 0);
}

static void an_older_opening_under_the_same_number_is_void(void **state) {
    (void)state;
    f.incarnation = 1;
    forge_journal(&f, 1);
    uint8_t old[FORGE_SEGMENT];
    memcpy(old, f.bytes, sizeof old);
    memset(&f.end, 0, sizeof f.end);
    f.next_row = 1;
    f.incarnation = 2;
    forge_segment(&f, 1);
    memcpy(f.bytes + 2 * WEIR_BLOCK_ALIGN, old + 2 * WEIR_BLOCK_ALIGN, 3 * WEIR_BLOCK_ALIGN);
    forge_write(&f);
    take();
    assert_verdict("clean");
    assert_int_equal(inv.end.block, 1);
    assert_int_equal(inv.incarnation, 2);
}

static void garbage_behind_the_end_is_torn(void **state) {
    (void)state;
    forge_journal(&f, 1);
    forge_edit(&f, 1, 40000, "garbage", 7);
    take();
    assert_verdict("torn_tail");
    assert_int_equal(inv.end.block, 4);
}

/* ---- rot -------------------------------------------------------------------------------- */

static void a_damaged_header_in_the_middle(void **state) {
    (void)state;
    forge_journal(&f, 3);
    forge_flip(&f, 2, forge_header_at(&f, 7) + 90);
    take();
    assert_one_damage(2, forge_header_at(&f, 7), 7, 7, 41, 50);
    assert_string_equal(inv.damages[0].path, forge_path(&f, 2));
    assert_int_equal(inv.end.block, 12);
    assert_int_equal(inv.extent_count, 4);
    assert_readable(1, 12, 7, 7);
    assert_non_null(strstr(inv.detail, "rows 41 to 50"));
    assert_non_null(strstr(inv.detail, "weir-recover salvage"));
}

static void a_damaged_payload_in_the_middle(void **state) {
    (void)state;
    forge_journal(&f, 3);
    forge_flip(&f, 1, forge_payload_at(&f, 3) + 50);
    take();
    assert_one_damage(1, forge_header_at(&f, 3), 3, 3, 11, 20);
    assert_readable(1, 12, 3, 3);
}

static void zeros_over_several_blocks(void **state) {
    (void)state;
    forge_journal(&f, 3);
    forge_edit(&f, 2, forge_header_at(&f, 6), NULL, 2 * WEIR_BLOCK_ALIGN);
    take();
    assert_one_damage(2, forge_header_at(&f, 6), 6, 7, 31, 50);
}

static void zeros_up_to_the_end_of_a_segment(void **state) {
    (void)state;
    forge_journal(&f, 3);
    forge_edit(&f, 2, forge_header_at(&f, 7), NULL, 2 * WEIR_BLOCK_ALIGN);
    take();
    assert_one_damage(2, forge_header_at(&f, 7), 7, 8, 41, 60);
    assert_readable(1, 12, 7, 8);
}

static void two_places(void **state) {
    (void)state;
    forge_journal(&f, 3);
    forge_flip(&f, 1, forge_header_at(&f, 2) + 3);
    forge_flip(&f, 2, forge_payload_at(&f, 8) + 3);
    take();
    assert_verdict("rot");
    assert_int_equal(inv.damage_count, 2);
    assert_int_equal(inv.damages[0].last_row, 10);
    assert_int_equal(inv.damages[1].first_row, 51);
    assert_int_equal(inv.damages[1].last_row, 60);
    assert_non_null(strstr(inv.detail, "and 1 more"));
}

static void rot_in_the_last_segment(void **state) {
    (void)state;
    forge_journal(&f, 3);
    forge_flip(&f, 3, forge_header_at(&f, 10) + 20);
    take(); /* block 11 says that 10 was durable */
    assert_one_damage(3, forge_header_at(&f, 10), 10, 10, 61, 70);
    assert_int_equal(inv.end.block, 12);
}

static void applied_payloads_are_not_read_unless_asked(void **state) {
    (void)state;
    forge_journal(&f, 3);
    forge_flip(&f, 1, forge_payload_at(&f, 3) + 50);
    weir_position p = forge_position(&f, 6);
    take_at(&p);
    assert_verdict("clean");
    input.verify_all = true;
    take();
    assert_one_damage(1, forge_header_at(&f, 3), 3, 3, 11, 20);
}

static void a_payload_that_does_not_parse(void **state) {
    (void)state;
    forge_segment(&f, 1);
    weir_block_header h = *forge_block(&f, WEIR_BLOCK_ROWS, 10);
    uint8_t *payload = f.bytes + h.offset + WEIR_BLOCK_HEADER;
    payload[20] = 1; /* must be zero */
    h.payload_hash = weir_hash(payload, h.stored_bytes);
    weir_block_header_encode(f.bytes + h.offset, &h);
    forge_write(&f);
    take();
    assert_one_damage(1, h.offset, 2, 2, 1, 10);
}

/* ---- whole files ------------------------------------------------------------------------ */

static void a_missing_segment(void **state) {
    (void)state;
    forge_journal(&f, 3);
    forge_remove(&f, 2);
    take();
    assert_one_damage(2, 0, 5, 8, 31, 60);
    assert_null(inv.damages[0].path);
    assert_readable(1, 12, 5, 8);
}

static void a_missing_segment_that_is_applied_was_recycled(void **state) {
    (void)state;
    forge_journal(&f, 3);
    forge_remove(&f, 2); /* and a crash brought the name of 1 back */
    weir_position p = forge_position(&f, 9);
    take_at(&p);
    assert_verdict("clean");
    assert_true(inv.found.recycled);
    assert_int_equal(inv.extents[0].first_block, 9);
}

static void two_missing_segments(void **state) {
    (void)state;
    forge_journal(&f, 4);
    forge_remove(&f, 2);
    forge_remove(&f, 3);
    take();
    assert_one_damage(3, 0, 5, 12, 31, 90);
}

static void the_newest_segment_missing(void **state) {
    (void)state;
    forge_journal(&f, 3);
    forge_remove(&f, 3);
    take(); /* nobody left knows of it */
    assert_verdict("clean");
    take_with_ring(11, f.blocks[11].hash, 80);
    assert_one_damage(2, f.blocks[8].offset + WEIR_BLOCK_ALIGN, 9, 11, 61, 80);
}

static void a_truncated_segment(void **state) {
    (void)state;
    forge_journal(&f, 3);
    forge_cut(&f, 2, forge_header_at(&f, 7) + 100);
    take();
    assert_one_damage(2, forge_header_at(&f, 7), 7, 8, 41, 60);
    assert_int_equal(inv.end.block, 12);
}

static void a_truncated_segment_behind_its_stated_end(void **state) {
    (void)state;
    forge_journal(&f, 3);
    forge_cut(&f, 2, f.blocks[8].offset + WEIR_BLOCK_ALIGN);
    take();
    assert_verdict("clean");
}

static void a_truncated_last_segment(void **state) {
    (void)state;
    forge_journal(&f, 3);
    forge_cut(&f, 3, forge_header_at(&f, 12));
    take();
    assert_verdict("torn_tail");
    assert_int_equal(inv.end.block, 11);
    take_with_ring(12, f.blocks[12].hash, 90);
    assert_one_damage(3, forge_header_at(&f, 12), 12, 12, 81, 90);
    assert_int_equal(inv.next_row, 91);
}

static void a_segment_header_damaged(void **state) {
    (void)state;
    forge_journal(&f, 3);
    forge_flip(&f, 2, 60);
    take();
    assert_one_damage(2, 0, 0, 0, 0, 0);
    assert_int_equal(inv.segments[1].status, WEIR_DAMAGED);
    assert_readable(1, 12, 0, 0);
    forge_flip(&f, 2, 60);
    forge_flip(&f, 3, 60);
    take();
    assert_one_damage(3, 0, 0, 0, 0, 0);
    assert_readable(1, 12, 0, 0);
    forge_edit(&f, 3, 0, NULL, WEIR_SEGMENT_HEADER);
    take();
    assert_one_damage(3, 0, 0, 0, 0, 0);
    assert_non_null(strstr(inv.damages[0].why, "zeros"));
}

static void the_only_header_damaged(void **state) {
    (void)state;
    forge_journal(&f, 1);
    forge_flip(&f, 1, 60);
    weir_position p = forge_position(&f, 2);
    take_at(&p);
    assert_one_damage(1, 0, 0, 0, 0, 0);
    assert_memory_equal(inv.journal, f.journal, 16);
    assert_int_equal(inv.found.position, WEIR_POSITION_MATCHES);
    assert_readable(1, 4, 0, 0);
}

static void header_and_first_blocks_damaged(void **state) {
    (void)state;
    forge_journal(&f, 3);
    forge_edit(&f, 2, 0, NULL, forge_header_at(&f, 7));
    take();
    assert_verdict("rot");
    assert_int_equal(inv.damages[0].first_block, 5);
    assert_int_equal(inv.damages[0].last_block, 6);
    assert_int_equal(inv.damages[0].first_row, 31);
    assert_int_equal(inv.damages[0].last_row, 40);
    assert_readable(1, 12, 5, 6);
}

static void a_segment_of_garbage(void **state) {
    (void)state;
    forge_journal(&f, 2);
    uint8_t garbage[FORGE_SEGMENT];
    weir_rng rng = {7};
    weir_rng_fill(&rng, garbage, sizeof garbage);
    weir_file_write(forge_path(&f, 3), garbage, sizeof garbage);
    take();
    assert_one_damage(3, 0, 0, 0, 0, 0);
    assert_non_null(strstr(inv.damages[0].why, "rows from 61 on"));
    assert_readable(1, 8, 0, 0);
    weir_file_write(forge_path(&f, 1), garbage, sizeof garbage);
    forge_remove(&f, 3);
    take();
    assert_one_damage(1, 0, 0, 0, 0, 0); /* it is the oldest: nobody says where it began */
    assert_readable(5, 8, 0, 0);
}

static void an_older_copy_in_the_middle(void **state) {
    (void)state;
    forge_journal(&f, 1);
    forge_segment(&f, 2);
    (void)forge_block(&f, WEIR_BLOCK_ROWS, 10);
    forge_write(&f);
    size_t bytes;
    uint8_t *older = weir_file_read(forge_path(&f, 2), &bytes);
    (void)forge_block(&f, WEIR_BLOCK_ROWS, 10);
    forge_write(&f);
    forge_segment(&f, 3);
    forge_write(&f);
    weir_file_write(forge_path(&f, 2), older, bytes);
    free(older);
    take();
    assert_one_damage(2, forge_header_at(&f, 7), 7, 7, 41, 50);
}

static void another_history_in_the_middle(void **state) {
    (void)state;
    forge_journal(&f, 2);
    forge forked = f;
    forge_segment(&f, 3);
    forge_write(&f);
    weir_block_header h = forked.blocks[8];
    h.wall_ns++; /* the same block, but not the same */
    weir_block_header_encode(forked.bytes + h.offset, &h);
    forge_write(&forked);
    take();
    assert_one_damage(2, forge_header_at(&f, 8), 8, 8, 51, 60);
}

static void an_older_copy_of_the_newest(void **state) {
    (void)state;
    forge_journal(&f, 3);
    weir_position p = forge_position(&f, 12);
    forge_edit(&f, 3, forge_header_at(&f, 11), NULL, 2 * WEIR_BLOCK_ALIGN);
    take_at(&p);
    assert_verdict("journal_behind");
    assert_int_equal(inv.found.position, WEIR_POSITION_BEYOND);
    assert_int_equal(inv.found.tail, WEIR_TAIL_CLEAN);
    assert_int_equal(inv.damage_count, 1);
    assert_int_equal(inv.damages[0].first_row, 71);
    assert_int_equal(inv.damages[0].last_row, 90);
}

static void a_position_vouches_against_garbage(void **state) {
    (void)state;
    forge_journal(&f, 3);
    weir_position p = forge_position(&f, 12);
    forge_flip(&f, 3, forge_header_at(&f, 12) + 9);
    take_at(&p);
    assert_one_damage(3, forge_header_at(&f, 12), 12, 12, 81, 90);
}

static void misnamed_segments(void **state) {
    (void)state;
    forge_journal(&f, 3);
    char from[300], to[300];
    (void)snprintf(from, sizeof from, "%s", forge_path(&f, 2));
    (void)snprintf(to, sizeof to, "%s", forge_path(&f, 7));
    assert_int_equal(rename(from, to), 0);
    take();
    assert_verdict("rot");
    assert_non_null(strstr(inv.segments[2].why, "another segment"));
    weir_file_copy_tree(to, from);
    take();
    assert_verdict("mixed");
    assert_non_null(strstr(inv.detail, to));
}

static void two_journals(void **state) {
    (void)state;
    forge_journal(&f, 2);
    f.journal[3] ^= 1;
    forge_segment(&f, 3);
    forge_write(&f);
    take();
    assert_verdict("mixed");
}

static void a_newer_version(void **state) {
    (void)state;
    forge_journal(&f, 2);
    weir_segment_header h;
    assert_int_equal(weir_segment_header_decode(f.bytes, &h), WEIR_OK);
    h.incompatible = 1;
    weir_segment_header_encode(f.bytes, &h);
    forge_write(&f);
    take();
    assert_verdict("newer");
    assert_non_null(strstr(inv.detail, forge_path(&f, 2)));
    h.incompatible = 0;
    weir_segment_header_encode(f.bytes, &h);
    weir_block_header b = f.blocks[7];
    b.version = 2;
    weir_block_header_encode(f.bytes + b.offset, &b);
    forge_write(&f);
    take();
    assert_verdict("newer");
}

/* ---- the chain -------------------------------------------------------------------------- */

static void recycled_segments_are_no_damage(void **state) {
    (void)state;
    forge_journal(&f, 3);
    forge_remove(&f, 1);
    take();
    assert_verdict("database_behind");
    assert_true(inv.found.recycled);
    weir_position p = forge_position(&f, 4);
    take_at(&p);
    assert_verdict("clean"); /* just before the first block kept */
    assert_int_equal(inv.found.position, WEIR_POSITION_MATCHES);
    p.hash++;
    take_at(&p);
    assert_verdict("diverged");
    p = forge_position(&f, 3);
    take_at(&p);
    assert_verdict("database_behind");
    assert_int_equal(inv.found.position, WEIR_POSITION_BEFORE);
    assert_non_null(strstr(inv.detail, "rows 21 to 30"));
}

static void positions(void **state) {
    (void)state;
    forge_journal(&f, 3);
    for (uint64_t block = 1; block <= 12; block++) {
        weir_position p = forge_position(&f, block);
        take_at(&p);
        assert_verdict("clean");
        assert_int_equal(inv.found.position, WEIR_POSITION_MATCHES);
        assert_int_equal(inv.position.row, p.row);
        p.hash ^= 1;
        take_at(&p);
        assert_verdict("diverged");
    }
    weir_position start = {.block = 0};
    memcpy(start.journal, f.journal, 16);
    take_at(&start);
    assert_verdict("clean");
    weir_position other = forge_position(&f, 5);
    other.journal[0] ^= 1;
    take_at(&other);
    assert_verdict("clean");
    assert_int_equal(inv.found.position, WEIR_POSITION_OTHER);
    assert_int_equal(inv.position.block, 0);
}

/* A position within block 12: block 11 is wholly applied, and five rows more. */
static void a_position_within_a_block(void **state) {
    (void)state;
    forge_journal(&f, 3);
    weir_position p = forge_position(&f, 11);
    p.row += 5;
    take_at(&p);
    assert_verdict("clean");
    assert_int_equal(inv.durable.block, 12);
    assert_string_equal(inv.durable.source, "database");
    assert_int_equal(inv.durable_next_row, 91);
    forge_flip(&f, 3, forge_header_at(&f, 12) + 70);
    take();
    assert_one_damage(3, forge_header_at(&f, 12), 12, 12, 81, 85);
    assert_int_equal(inv.durable_end.block, 12);
    assert_int_equal(inv.durable_next_row, 86);
    forge_edit(&f, 3, forge_header_at(&f, 12), NULL, WEIR_BLOCK_ALIGN);
    take();
    assert_verdict("journal_behind");
    assert_non_null(strstr(inv.detail, "ends at row 80"));
    assert_non_null(strstr(inv.detail, "applied row 85"));
}

/* A number that jumps between two blocks that touch: they are not one run. */
static void blocks_that_skip_a_number(void **state) {
    (void)state;
    forge_segment(&f, 1);
    (void)forge_block(&f, WEIR_BLOCK_ROWS, 10);
    f.end.block += 2;
    f.next_row += 20;
    (void)forge_block(&f, WEIR_BLOCK_ROWS, 10);
    forge_write(&f);
    take();
    assert_one_damage(1, forge_header_at(&f, 5), 3, 4, 11, 30);
    assert_int_equal(inv.extent_count, 2);
    assert_readable(1, 5, 3, 4);
}

/* Blocks 3 and 4 were written, their sync failed; they were written again into another segment. */
static void a_failed_sync_leaves_a_void_region(void **state) {
    (void)state;
    forge_segment(&f, 1);
    (void)forge_block(&f, WEIR_BLOCK_ROWS, 10);
    weir_end durable = f.end;
    (void)forge_block(&f, WEIR_BLOCK_ROWS, 10);
    (void)forge_block(&f, WEIR_BLOCK_ROWS, 10);
    forge_write(&f);
    f.end = durable;
    f.next_row = 11;
    forge_segment(&f, 2); /* and again */
    (void)forge_block(&f, WEIR_BLOCK_ROWS, 10);
    forge_write(&f);
    f.end = durable;
    f.next_row = 11;
    forge_segment(&f, 3);
    (void)forge_block(&f, WEIR_BLOCK_ROWS, 10);
    (void)forge_block(&f, WEIR_BLOCK_ROWS, 10);
    forge_write(&f);
    take();
    assert_verdict("clean");
    assert_int_equal(inv.extent_count, 2);
    assert_int_equal(inv.extents[1].segment, 3);
    assert_int_equal(inv.end.block, 5);
    assert_int_equal(inv.next_row, 31);
    assert_readable(1, 5, 0, 0);
    forge_flip(&f, 1, 3 * WEIR_BLOCK_ALIGN + 30); /* in the void */
    forge_flip(&f, 2, 20);                        /* a void segment */
    take();
    assert_verdict("clean");
}

static void headers_that_contradict_themselves(void **state) {
    (void)state;
    forge_journal(&f, 2);
    weir_segment_header h;
    assert_int_equal(weir_segment_header_decode(f.bytes, &h), WEIR_OK);
    h.first_block += 3;
    weir_segment_header_encode(f.bytes, &h);
    forge_write(&f);
    take();
    assert_one_damage(2, 0, 0, 0, 0, 0);
    h.first_block = 0;
    h.before.block = UINT64_MAX;
    weir_segment_header_encode(f.bytes, &h);
    forge_write(&f);
    take();
    assert_one_damage(2, 0, 0, 0, 0, 0);
}

/* ---- marks ------------------------------------------------------------------------------ */

static void a_ring_mark_above_the_end(void **state) {
    (void)state;
    forge_journal(&f, 2);
    take_with_ring(10, 77, 75);
    assert_one_damage(2, f.blocks[8].offset + WEIR_BLOCK_ALIGN, 9, 10, 61, 75);
    assert_int_equal(inv.next_row, 76);
    assert_int_equal(inv.durable_end.block, 10);
    assert_int_equal(inv.durable_end.hash, 77);
    assert_int_equal(inv.durable_next_row, 76);
    assert_int_equal(inv.end.block, 8);
}

static void a_ring_mark_at_the_last_block(void **state) {
    (void)state;
    forge_journal(&f, 2);
    take_with_ring(8, f.blocks[8].hash, 60);
    assert_verdict("clean");
    assert_string_equal(inv.durable.source, "ring");
    assert_memory_equal(&inv.durable_end, &inv.end, sizeof inv.end);
    assert_int_equal(inv.durable_next_row, 61);
    forge_flip(&f, 2, forge_payload_at(&f, 8));
    take();
    assert_one_damage(2, forge_header_at(&f, 8), 8, 8, 51, 60);
    assert_int_equal(inv.durable_end.block, 8);
    assert_int_equal(inv.durable_next_row, 61);
}

static void a_ring_mark_of_another_history(void **state) {
    (void)state;
    forge_journal(&f, 2);
    take_with_ring(6, f.blocks[6].hash + 1, 40);
    assert_verdict("rot");
    assert_int_equal(inv.damages[0].first_block, 6);
}

static void a_foreign_ring(void **state) {
    (void)state;
    forge_journal(&f, 1);
    uint8_t other[16] = {9};
    input.ring = WEIR_RING_OURS;
    input.ring_journal = other;
    ring_mark = (weir_mark){50, 1, 500, "ring"};
    input.ring_mark = &ring_mark;
    take();
    assert_verdict("foreign_ring");
    assert_int_equal(inv.damage_count, 0); /* its marks say nothing about this journal */
    forge_remove(&f, 1);
    take();
    assert_verdict("ring_without_journal");
    input.ring = WEIR_RING_NEWER;
    take();
    assert_verdict("newer");
}

/* ---- the machine ------------------------------------------------------------------------ */

static void what_cannot_be_read_is_an_error(void **state) {
    (void)state;
    weir_error error = {0};
    weir_file_write(weir_temp_path(f.directory, "file"), "x", 1);
    input.directory = weir_temp_path(f.directory, "file");
    assert_int_equal(weir_inventory_take(&input, &inv, &error), WEIR_IO);
    assert_non_null(strstr(error.text, "not a directory"));
    input.directory = f.directory;
    assert_int_equal(mkdir(forge_path(&f, 1), 0755), 0);
    weir_inventory_free(&inv);
    assert_int_equal(weir_inventory_take(&input, &inv, &error), WEIR_IO);
    assert_non_null(strstr(error.text, forge_path(&f, 1)));
}

static weir_os quirky;
static int quirk_opens;
static int64_t quirk_reads;

/* The segment is renamed away between the list and the look. */
static int open_recycled(void *self, const char *path, int flags) {
    if (quirk_opens > 0 && strcmp(path, forge_path(&f, 1)) == 0 && --quirk_opens == 0)
        forge_remove(&f, 1);
    return weir_os_posix()->open(self, path, flags);
}

static int open_refused(void *self, const char *path, int flags) {
    (void)self, (void)path, (void)flags;
    return -13; /* EACCES: root could open anything */
}

static int64_t pread_failing(void *self, int file, void *into, size_t bytes, uint64_t offset) {
    if (quirk_reads > 0 && --quirk_reads == 0) return -5; /* EIO */
    return weir_os_posix()->pread(self, file, into, bytes, offset);
}

static int64_t pread_short(void *self, int file, void *into, size_t bytes, uint64_t offset) {
    size_t some = bytes > 1000 ? 1000 : bytes;
    return weir_os_posix()->pread(self, file, into, some, offset);
}

static void rights_are_asked_for(void **state) {
    (void)state;
    forge_journal(&f, 1);
    quirky = *weir_os_posix();
    quirky.open = open_refused;
    input.os = &quirky;
    weir_error error = {0};
    assert_int_equal(weir_inventory_take(&input, &inv, &error), WEIR_IO);
    assert_non_null(strstr(error.text, forge_path(&f, 1)));
    assert_non_null(strstr(error.text, "readable"));
}

static void a_segment_recycled_meanwhile(void **state) {
    (void)state;
    forge_journal(&f, 3);
    quirky = *weir_os_posix();
    quirky.open = open_recycled;
    input.os = &quirky;
    weir_position p = forge_position(&f, 9);
    for (quirk_opens = 1; quirk_opens < 5; quirk_opens++) {
        int times = quirk_opens;
        take_at(&p);
        assert_verdict("clean");
        bool happened = quirk_opens == 0;
        quirk_opens = times;
        if (!happened) break;
        memset(&f.end, 0, sizeof f.end);
        f.next_row = 1;
        forge_journal(&f, 3);
    }
}

static void a_failing_disk_is_an_error_and_never_a_torn_tail(void **state) {
    (void)state;
    forge_journal(&f, 2);
    quirky = *weir_os_posix();
    quirky.pread = pread_failing;
    input.os = &quirky;
    int failures = 0;
    for (int64_t n = 1; n < 100; n++) {
        quirk_reads = n;
        weir_error error = {0};
        weir_inventory_free(&inv);
        int status = weir_inventory_take(&input, &inv, &error);
        if (quirk_reads > 0) break; /* it never came to that read */
        assert_int_equal(status, WEIR_IO);
        assert_non_null(strstr(error.text, "segment-"));
        failures++;
    }
    assert_true(failures > 3);
}

static void short_reads_change_nothing(void **state) {
    (void)state;
    forge_journal(&f, 2);
    quirky = *weir_os_posix();
    quirky.pread = pread_short;
    input.os = &quirky;
    take();
    assert_verdict("clean");
    assert_int_equal(inv.end.block, 8);
}

static uint64_t shown, total;
static void progress(void *context, uint64_t done, uint64_t of) {
    (void)context;
    assert_true(done >= shown && done <= of);
    shown = done;
    total = of;
}

static void progress_is_shown(void **state) {
    (void)state;
    forge_journal(&f, 3);
    input.progress = progress;
    shown = 0;
    take();
    assert_int_equal(total, inv.bytes);
    assert_int_equal(shown, total);
}

/* Whatever a single flipped bit hits: the verdict is one of three, and no row is lost in silence. */
static void every_place_flipped(void **state) {
    (void)state;
    forge_journal(&f, 3);
    input.verify_all = true;
    for (uint64_t segment = 1; segment <= 3; segment++) {
        for (uint64_t at = 0; at < 5 * WEIR_BLOCK_ALIGN; at += 37) {
            forge_flip(&f, segment, at);
            take();
            uint64_t rows = 0;
            for (size_t i = 0; i < inv.extent_count; i++)
                rows += inv.extents[i].next_row - inv.extents[i].first_row;
            for (size_t i = 0; i < inv.damage_count; i++)
                if (inv.damages[i].first_row)
                    rows += inv.damages[i].last_row - inv.damages[i].first_row + 1;
            bool last = segment == 3 && at >= forge_header_at(&f, 12);
            assert_int_equal(rows + (inv.verdict == WEIR_VERDICT_TORN_TAIL ? 10 : 0), 90);
            if (inv.verdict == WEIR_VERDICT_TORN_TAIL)
                assert_true(last);
            else if (inv.verdict != WEIR_VERDICT_CLEAN)
                assert_verdict("rot");
            forge_flip(&f, segment, at);
        }
    }
}

/* One hurt of some kind somewhere. */
static void hurt(weir_rng *rng) {
    uint64_t segment = 1 + weir_rng_below(rng, 4);
    if (access(forge_path(&f, segment), F_OK) != 0) return;
    size_t size;
    free(weir_file_read(forge_path(&f, segment), &size));
    uint64_t at = weir_rng_below(rng, 5 * WEIR_BLOCK_ALIGN), page = at / WEIR_BLOCK_ALIGN;
    bool inside = (page + 1) * WEIR_BLOCK_ALIGN <= size;
    switch (weir_rng_below(rng, 7)) {
    case 0:
        if (inside) forge_flip(&f, segment, at);
        break;
    case 1:
        if (inside) forge_flip(&f, segment, page * WEIR_BLOCK_ALIGN + at % 200);
        break;
    case 2:
        if (inside) forge_edit(&f, segment, page * WEIR_BLOCK_ALIGN, NULL, WEIR_BLOCK_ALIGN);
        break;
    case 3: forge_cut(&f, segment, at); break;
    case 4: forge_remove(&f, segment); break;
    case 5: weir_file_copy_tree(forge_path(&f, segment), forge_path(&f, segment % 4 + 1)); break;
    default:
        if (inside) forge_edit(&f, segment, page * WEIR_BLOCK_ALIGN, f.bytes, WEIR_BLOCK_ALIGN);
    }
}

static void assert_orderly(void) {
    uint64_t block = 0;
    for (size_t i = 0; i < inv.extent_count; i++) {
        const weir_extent *e = &inv.extents[i];
        assert_true(e->first_block > block && e->last_block >= e->first_block);
        assert_true(e->end > e->begin && e->next_row >= e->first_row);
        block = e->last_block;
    }
    if (inv.extent_count) assert_int_equal(inv.end.block, block);
    for (size_t i = 0; i < inv.damage_count; i++) {
        const weir_damage *d = &inv.damages[i];
        assert_true(d->first_block <= d->last_block && d->first_row <= d->last_row);
    }
    assert_true(inv.durable_end.block == inv.durable.block || inv.extent_count == 0);
    assert_int_equal(inv.found.tail == WEIR_TAIL_ROT, inv.verdict == WEIR_VERDICT_ROT);
}

/* Several hurts at once: whatever the verdict, what counts as the stream can be read, in order. */
static void many_hurts_at_once(void **state) {
    (void)state;
    input.verify_all = true;
    weir_rng rng = {20261123};
    unsigned rot = 0;
    for (int i = 0; i < 250; i++) {
        for (uint64_t s = 1; s <= 4; s++)
            (void)unlink(forge_path(&f, s));
        memset(&f.end, 0, sizeof f.end);
        f.next_row = 1;
        forge_journal(&f, 4);
        for (uint64_t n = 1 + weir_rng_below(&rng, 4); n > 0; n--)
            hurt(&rng);
        take();
        assert_orderly();
        for (size_t e = 0; e < inv.extent_count; e++)
            assert_readable(inv.extents[e].first_block, inv.extents[e].last_block, 0, 0);
        if (inv.verdict == WEIR_VERDICT_ROT) rot++;
    }
    assert_true(rot > 50);
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(no_directory_is_fresh),
        test(other_names_are_no_segments),
        test(empty_files_count_as_absent),
        test(a_sound_journal),
        test(a_close_mark_is_known),
        test(a_segment_without_blocks),
        test(an_unknown_compatible_bit_is_told),
        test(a_torn_last_block_is_cut),
        test(a_torn_group_is_cut_at_its_first_bad_block),
        test(what_follows_a_hole_is_testimony),
        test(rot_then_a_hole_above_every_mark),
        test(former_life_is_no_torn_tail),
        test(an_older_opening_under_the_same_number_is_void),
        test(garbage_behind_the_end_is_torn),
        test(a_damaged_header_in_the_middle),
        test(a_damaged_payload_in_the_middle),
        test(zeros_over_several_blocks),
        test(zeros_up_to_the_end_of_a_segment),
        test(two_places),
        test(rot_in_the_last_segment),
        test(applied_payloads_are_not_read_unless_asked),
        test(a_payload_that_does_not_parse),
        test(a_missing_segment),
        test(a_missing_segment_that_is_applied_was_recycled),
        test(two_missing_segments),
        test(the_newest_segment_missing),
        test(a_truncated_segment),
        test(a_truncated_segment_behind_its_stated_end),
        test(a_truncated_last_segment),
        test(a_segment_header_damaged),
        test(the_only_header_damaged),
        test(header_and_first_blocks_damaged),
        test(a_segment_of_garbage),
        test(an_older_copy_in_the_middle),
        test(another_history_in_the_middle),
        test(an_older_copy_of_the_newest),
        test(a_position_vouches_against_garbage),
        test(misnamed_segments),
        test(two_journals),
        test(a_newer_version),
        test(recycled_segments_are_no_damage),
        test(positions),
        test(a_position_within_a_block),
        test(blocks_that_skip_a_number),
        test(a_failed_sync_leaves_a_void_region),
        test(headers_that_contradict_themselves),
        test(a_ring_mark_above_the_end),
        test(a_ring_mark_at_the_last_block),
        test(a_ring_mark_of_another_history),
        test(a_foreign_ring),
        test(what_cannot_be_read_is_an_error),
        test(rights_are_asked_for),
        test(a_segment_recycled_meanwhile),
        test(a_failing_disk_is_an_error_and_never_a_torn_tail),
        test(short_reads_change_nothing),
        test(progress_is_shown),
        test(every_place_flipped),
        test(many_hurts_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
