/* test_damage.c - a journal damaged in one place: torn, rotten, or a whole file astray. */
#include "inspect.h"
#include "lib/journal/journal.h"

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

/* Whole and in its place, but its header names another block before it: as a block of a copy of this
 * journal does that went its own way. */
static void a_block_of_another_history_is_none_of_ours(void **state) {
    (void)state;
    forge_segment(&f, 1);
    (void)forge_block(&f, WEIR_BLOCK_ROWS, 10);
    f.end.hash ^= 1;
    (void)forge_block(&f, WEIR_BLOCK_ROWS, 10);
    forge_write(&f);
    take();
    assert_verdict("torn_tail");
    assert_int_equal(inv.end.block, 2);
    assert_int_equal(inv.next_row, 11);
    (void)forge_block(&f, WEIR_BLOCK_ROWS, 10); /* says that it had been durable */
    forge_write(&f);
    take();
    assert_one_damage(1, forge_header_at(&f, 3), 3, 3, 11, 20);
    assert_readable(1, 4, 3, 3);
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

/* Promised is promised, but a row that the database has is not lost. */
static void applied_rows_rot_too_and_are_safe(void **state) {
    (void)state;
    forge_journal(&f, 3);
    forge_flip(&f, 1, forge_payload_at(&f, 3) + 50);
    weir_position p = forge_position(&f, 6);
    for (int all = 0; all < 2; all++) {
        input.verify_all = all;
        take_at(&p);
        assert_one_damage(1, forge_header_at(&f, 3), 3, 3, 11, 20);
        assert_non_null(strstr(inv.detail, "rows 11 to 20 cannot be read, but the database has"));
        assert_readable(1, 12, 3, 3);
    }
    p = forge_position(&f, 2);
    p.row = 15;
    take_at(&p);
    assert_non_null(strstr(inv.detail, "rows 11 to 20 cannot be read, and those from 16 on are"));
}

static void lie_about_rows(uint64_t segment, uint64_t block, uint32_t rows) {
    uint8_t header[WEIR_BLOCK_HEADER];
    weir_block_header h = f.blocks[block];
    h.rows = rows;
    weir_block_header_encode(header, &h);
    forge_edit(&f, segment, h.offset, header, sizeof header);
}

/* Written so, since all hashes agree: no torn tail looks like that, wherever it stands. */
static void a_count_that_lies_is_rot_everywhere(void **state) {
    (void)state;
    for (uint32_t rows = 9; rows <= 11; rows += 2) {
        memset(&f.end, 0, sizeof f.end);
        f.next_row = 1;
        forge_journal(&f, 3);
        lie_about_rows(3, 12, rows);
        take();
        assert_one_damage(3, forge_header_at(&f, 12), 12, 12, 81, 80 + rows);
        assert_int_equal(inv.end.block, 11);
        assert_int_equal(inv.torn_bytes, 0);
        assert_readable(1, 11, 0, 0);
    }
}

/* The newest block of an older segment: the younger one knows its hash, so the hash is kept. */
static void a_count_that_lies_in_an_older_segment(void **state) {
    (void)state;
    forge_segment(&f, 1);
    (void)forge_block(&f, WEIR_BLOCK_ROWS, 10);
    f.blocks[2].rows = 11;
    weir_block_header_encode(f.bytes + f.blocks[2].offset, &f.blocks[2]);
    f.end.hash = f.blocks[2].hash;
    f.next_row++;
    forge_write(&f);
    forge_segment(&f, 2);
    (void)forge_block(&f, WEIR_BLOCK_ROWS, 10);
    forge_write(&f);
    take(); /* its hashes are right, and opening does not read it: replay does */
    assert_verdict("clean");
    weir_reader *reader;
    weir_read_block block;
    weir_error error = {0};
    assert_int_equal(weir_reader_make(input.os, weir_inventory_locator(&inv), &reader), WEIR_OK);
    assert_int_equal(weir_reader_read(reader, 2, &block, &error), WEIR_DAMAGED);
    assert_non_null(strstr(error.text, "block 2 with rows 1 to 11 is damaged"));
    weir_reader_free(reader);
    input.verify_all = true;
    take();
    assert_one_damage(1, forge_header_at(&f, 2), 2, 2, 1, 11);
}

/* What can be read behind the damage belongs to the stream: it is no torn tail. */
static void rot_is_not_counted_as_torn(void **state) {
    (void)state;
    forge_journal(&f, 1);
    forge_flip(&f, 1, forge_header_at(&f, 2) + 20);
    take();
    assert_one_damage(1, forge_header_at(&f, 2), 2, 2, 1, 10);
    assert_int_equal(inv.end.block, 4);
    assert_int_equal(inv.torn_bytes, 0);
    forge_edit(&f, 1, 7 * WEIR_BLOCK_ALIGN, "garbage", 7); /* behind blocks 1 to 4 and two pages */
    take();
    assert_verdict("rot");
    assert_int_equal(inv.torn_bytes, 3 * WEIR_BLOCK_ALIGN);
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

/* Nobody says which rows those had, but that they were there is plain. */
static void header_and_first_blocks_of_the_oldest(void **state) {
    (void)state;
    forge_journal(&f, 2);
    forge_edit(&f, 1, 0, NULL, forge_header_at(&f, 3));
    take();
    assert_one_damage(1, 0, 0, 0, 0, 0);
    assert_true(inv.damages[0].rows_unknown);
    assert_readable(3, 8, 0, 0);
    weir_position p = forge_position(&f, 2);
    take_at(&p);
    assert_one_damage(1, 0, 0, 0, 0, 0);
    assert_false(inv.damages[0].rows_unknown);
}

/* What was found in place of its first block stands behind its end. */
static void header_and_all_promised_blocks_damaged(void **state) {
    (void)state;
    forge_segment(&f, 1);
    f.lazy = true;
    (void)forge_block(&f, WEIR_BLOCK_ROWS, 10);
    weir_log_end end = f.end;
    (void)forge_block(&f, WEIR_BLOCK_ROWS, 10);
    forge_write(&f);
    uint64_t stale = forge_header_at(&f, 3);
    f.end = end;
    f.next_row = 11;
    f.lazy = false;
    forge_segment(&f, 2);
    (void)forge_block(&f, WEIR_BLOCK_ROWS, 10);
    forge_write(&f);
    forge_edit(&f, 1, 0, NULL, stale);
    take();
    assert_one_damage(1, 0, 0, 0, 0, 0);
    assert_true(inv.damages[0].rows_unknown);
    assert_readable(3, 4, 0, 0);
}

/* The rows of the one that was promised are lost, however many this one has. */
static void another_block_with_fewer_rows(void **state) {
    (void)state;
    forge_segment(&f, 1);
    weir_log_end end = f.end;
    (void)forge_block(&f, WEIR_BLOCK_ROWS, 3);
    forge_write(&f);
    size_t bytes;
    uint8_t *older = weir_file_read(forge_path(&f, 1), &bytes);
    f.at = end.offset;
    f.end = end;
    f.next_row = 1;
    (void)forge_block(&f, WEIR_BLOCK_ROWS, 10);
    forge_write(&f);
    forge_segment(&f, 2);
    forge_write(&f);
    weir_file_write(forge_path(&f, 1), older, bytes);
    free(older);
    take();
    assert_one_damage(1, forge_header_at(&f, 2), 2, 2, 1, 10);
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
    assert_true(inv.damages[0].rows_unknown);
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
    assert_readable(1, 9, 8, 8); /* what stands there is not what was promised */
}

/* The last block of a segment, with another header and a payload that is rotten: it alone is lost, and
 * the one before it was once named too. */
static void a_lost_block_costs_no_other(void **state) {
    (void)state;
    forge_journal(&f, 3);
    uint8_t header[WEIR_BLOCK_HEADER];
    weir_block_header h = f.blocks[4];
    h.wall_ns++;
    weir_block_header_encode(header, &h);
    forge_edit(&f, 1, h.offset, header, sizeof header);
    forge_flip(&f, 1, forge_payload_at(&f, 4) + 30);
    take();
    assert_one_damage(1, forge_header_at(&f, 4), 4, 4, 21, 30);
    assert_readable(1, 12, 4, 4);
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

static void assert_none_follows(const char *why) {
    weir_journal *journal;
    weir_error error = {0};
    weir_journal_config config = {.os = input.os,
                                  .directory = f.directory,
                                  .segment_bytes = 1 << 20,
                                  .limit_bytes = 1 << 24,
                                  .zstd_level = 1};
    assert_int_equal(weir_journal_open(&config, &inv, &journal, &error), WEIR_DAMAGED);
    assert_non_null(strstr(error.text, why));
}

/* It was once overlooked, and the number after it would have been 0. */
static void the_highest_number_is_seen_and_none_follows(void **state) {
    (void)state;
    forge_journal(&f, 1);
    forge_segment(&f, UINT64_MAX);
    (void)forge_block(&f, WEIR_BLOCK_ROWS, 10);
    forge_write(&f);
    take();
    assert_verdict("spent");
    assert_int_equal(inv.next_row, 41);
    assert_readable(1, 6, 0, 0);
    assert_none_follows("highest number");
}

static void no_journal_comes_to_such_numbers(void **state) {
    (void)state;
    f.next_row = INT64_MAX - 30;
    forge_journal(&f, 1);
    take();
    assert_verdict("spent");
    assert_none_follows("its numbers have come to their end");
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

int main(void) {
    const struct CMUnitTest tests[] = {
        test(a_torn_last_block_is_cut),
        test(a_torn_group_is_cut_at_its_first_bad_block),
        test(what_follows_a_hole_is_testimony),
        test(rot_then_a_hole_above_every_mark),
        test(former_life_is_no_torn_tail),
        test(an_older_opening_under_the_same_number_is_void),
        test(garbage_behind_the_end_is_torn),
        test(a_block_of_another_history_is_none_of_ours),
        test(a_damaged_header_in_the_middle),
        test(a_damaged_payload_in_the_middle),
        test(zeros_over_several_blocks),
        test(zeros_up_to_the_end_of_a_segment),
        test(two_places),
        test(rot_in_the_last_segment),
        test(applied_rows_rot_too_and_are_safe),
        test(a_count_that_lies_is_rot_everywhere),
        test(a_count_that_lies_in_an_older_segment),
        test(rot_is_not_counted_as_torn),
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
        test(header_and_first_blocks_of_the_oldest),
        test(header_and_all_promised_blocks_damaged),
        test(another_block_with_fewer_rows),
        test(a_segment_of_garbage),
        test(an_older_copy_in_the_middle),
        test(another_history_in_the_middle),
        test(a_lost_block_costs_no_other),
        test(an_older_copy_of_the_newest),
        test(a_position_vouches_against_garbage),
        test(misnamed_segments),
        test(two_journals),
        test(the_highest_number_is_seen_and_none_follows),
        test(no_journal_comes_to_such_numbers),
        test(a_newer_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
