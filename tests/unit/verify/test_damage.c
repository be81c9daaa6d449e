/* test_damage.c - a journal damaged in one place: torn, rotten, or a whole file astray. */
/* Covers: lib/verify/scan.c, lib/verify/chain.c, lib/verify/walk.c */
#include "inspect.h"
#include "lib/journal/journal.h"

/* ---- torn tails ------------------------------------------------------------------------- */

static void assert_torn_before_last(inspected *t) {
    assert_verdict(t, "torn_tail");
    assert_int_equal(t->inv.end.block, 11);
    assert_int_equal(t->inv.next_row, 81);
    assert_int_equal(t->inv.damage_count, 0);
    assert_true(t->inv.torn_bytes > 0);
}

static void a_torn_last_block_is_cut(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 3);
    forge_flip(&t->f, 3, forge_header_at(&t->f, 12) + 70);
    take(t);
    assert_torn_before_last(t);
    assert_int_equal(t->inv.durable.block, 10); /* as block 11 says: 12 cannot be read */
    forge_flip(&t->f, 3, forge_header_at(&t->f, 12) + 70);
    forge_flip(&t->f, 3, forge_payload_at(&t->f, 12) + 30);
    take(t);
    assert_torn_before_last(t);
    assert_int_equal(t->inv.durable.block, 11); /* its header is whole, and says so */
}

static void a_torn_group_is_cut_at_its_first_bad_block(void **state) {
    inspected *t = *state;
    forge_segment(&t->f, 1);
    t->f.lazy = true;
    t->f.durable = 1;
    for (int i = 0; i < 5; i++)
        (void)forge_block(&t->f, WEIR_BLOCK_ROWS, 10);
    forge_write(&t->f);
    forge_edit(&t->f, 1, forge_header_at(&t->f, 3), NULL, WEIR_BLOCK_ALIGN);
    take(t);
    assert_verdict(t, "torn_tail");
    assert_int_equal(t->inv.end.block, 2);
    assert_int_equal(t->inv.durable.block, 1);
    assert_int_equal(t->inv.durable_end.block, 1);
    assert_int_equal(t->inv.next_row, 11);
    assert_int_equal(t->inv.torn_bytes, 4 * WEIR_BLOCK_ALIGN);
}

static void what_follows_a_hole_is_testimony(void **state) {
    inspected *t = *state;
    forge_segment(&t->f, 1);
    t->f.lazy = true;
    t->f.durable = 1;
    (void)forge_block(&t->f, WEIR_BLOCK_ROWS, 10);
    (void)forge_block(&t->f, WEIR_BLOCK_ROWS, 10);
    t->f.durable = 3;
    (void)forge_block(&t->f, WEIR_BLOCK_ROWS, 10);
    forge_write(&t->f);
    forge_flip(&t->f, 1, forge_payload_at(&t->f, 3));
    take(t);
    assert_one_damage(t, 1, forge_header_at(&t->f, 3), 3, 3, 11, 20);
    assert_int_equal(t->inv.end.block, 4);
    assert_readable(t, 1, 4, 3, 3);
}

static void rot_then_a_hole_above_every_mark(void **state) {
    inspected *t = *state;
    forge_segment(&t->f, 1); /* 1 */
    t->f.lazy = true;
    t->f.durable = 1;
    for (int i = 0; i < 4; i++)
        (void)forge_block(&t->f, WEIR_BLOCK_ROWS, 10); /* 2 … 5 */
    t->f.durable = 3;
    for (int i = 0; i < 3; i++)
        (void)forge_block(&t->f, WEIR_BLOCK_ROWS, 10); /* 6 … 8 */
    forge_write(&t->f);
    forge_edit(&t->f, 1, forge_header_at(&t->f, 3), NULL, 3 * WEIR_BLOCK_ALIGN); /* 3, 4, 5 */
    take(t);
    assert_int_equal(t->inv.durable.block, 3);
    assert_verdict(t, "rot");
    assert_int_equal(t->inv.damage_count, 1);
    assert_int_equal(t->inv.damages[0].last_block,
                     3); /* 4 and 5 were never promised: 6 … 8 are void */
    assert_int_equal(t->inv.end.block, 2);
    assert_int_equal(t->inv.durable_end.block, 3);
    assert_true(t->inv.durable_next_row >= 21);
}

static void former_life_is_no_torn_tail(void **state) {
    inspected *t = *state;
    t->f.incarnation = 1;
    forge_journal(&t->f, 1); /* a former life: four blocks */
    uint8_t old[FORGE_SEGMENT];
    memcpy(old, t->f.bytes, sizeof old);
    memset(&t->f.end, 0, sizeof t->f.end);
    t->f.next_row = 1;
    forge_segment(&t->f, 2);
    weir_segment_header h;
    assert_int_equal(weir_segment_header_decode(t->f.bytes, &h), WEIR_OK);
    memcpy(t->f.bytes + 2 * WEIR_BLOCK_ALIGN, old + 2 * WEIR_BLOCK_ALIGN,
           sizeof old - 2 * WEIR_BLOCK_ALIGN);
    memset(t->f.bytes + 8 * WEIR_BLOCK_ALIGN, 0x5A, 3000); /* the middle of some old block */
    forge_write(&t->f);
    forge_remove(&t->f, 1);
    take(t);
    assert_verdict(t, "clean");
    assert_int_equal(t->inv.end.block, 1);
    assert_int_equal(t->inv.torn_bytes, 0);
}

static void an_older_opening_under_the_same_number_is_void(void **state) {
    inspected *t = *state;
    t->f.incarnation = 1;
    forge_journal(&t->f, 1);
    uint8_t old[FORGE_SEGMENT];
    memcpy(old, t->f.bytes, sizeof old);
    memset(&t->f.end, 0, sizeof t->f.end);
    t->f.next_row = 1;
    t->f.incarnation = 2;
    forge_segment(&t->f, 1);
    memcpy(t->f.bytes + 2 * WEIR_BLOCK_ALIGN, old + 2 * WEIR_BLOCK_ALIGN, 3 * WEIR_BLOCK_ALIGN);
    forge_write(&t->f);
    take(t);
    assert_verdict(t, "clean");
    assert_int_equal(t->inv.end.block, 1);
    assert_int_equal(t->inv.incarnation, 2);
}

static void garbage_behind_the_end_is_torn(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 1);
    forge_edit(&t->f, 1, 40000, "garbage", 7);
    take(t);
    assert_verdict(t, "torn_tail");
    assert_int_equal(t->inv.end.block, 4);
}

/* Whole and in its place, but its header names another block before it: as a block of a copy of this
 * journal does that went its own way. */
static void a_block_of_another_history_is_none_of_ours(void **state) {
    inspected *t = *state;
    forge_segment(&t->f, 1);
    (void)forge_block(&t->f, WEIR_BLOCK_ROWS, 10);
    t->f.end.hash ^= 1;
    (void)forge_block(&t->f, WEIR_BLOCK_ROWS, 10);
    forge_write(&t->f);
    take(t);
    assert_verdict(t, "torn_tail");
    assert_int_equal(t->inv.end.block, 2);
    assert_int_equal(t->inv.next_row, 11);
    (void)forge_block(&t->f, WEIR_BLOCK_ROWS, 10); /* says that it had been durable */
    forge_write(&t->f);
    take(t);
    assert_one_damage(t, 1, forge_header_at(&t->f, 3), 3, 3, 11, 20);
    assert_readable(t, 1, 4, 3, 3);
}

/* ---- rot -------------------------------------------------------------------------------- */

static void a_damaged_header_in_the_middle(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 3);
    forge_flip(&t->f, 2, forge_header_at(&t->f, 7) + 90);
    take(t);
    assert_one_damage(t, 2, forge_header_at(&t->f, 7), 7, 7, 41, 50);
    assert_string_equal(t->inv.damages[0].path, forge_path(&t->f, 2));
    assert_int_equal(t->inv.end.block, 12);
    assert_int_equal(t->inv.extent_count, 4);
    assert_readable(t, 1, 12, 7, 7);
    assert_non_null(strstr(t->inv.detail, "rows 41 to 50"));
    assert_non_null(strstr(t->inv.detail, "weir salvage"));
    t->input.database_is_server = true;
    take(t);
    assert_null(strstr(t->inv.detail, "weir salvage"));
    assert_non_null(strstr(t->inv.detail, "weir replay --skip-damage --into SERVER"));
}

static void a_damaged_payload_in_the_middle(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 3);
    forge_flip(&t->f, 1, forge_payload_at(&t->f, 3) + 50);
    take(t);
    assert_one_damage(t, 1, forge_header_at(&t->f, 3), 3, 3, 11, 20);
    assert_readable(t, 1, 12, 3, 3);
}

static void zeros_over_several_blocks(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 3);
    forge_edit(&t->f, 2, forge_header_at(&t->f, 6), NULL, 2 * WEIR_BLOCK_ALIGN);
    take(t);
    assert_one_damage(t, 2, forge_header_at(&t->f, 6), 6, 7, 31, 50);
}

static void zeros_up_to_the_end_of_a_segment(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 3);
    forge_edit(&t->f, 2, forge_header_at(&t->f, 7), NULL, 2 * WEIR_BLOCK_ALIGN);
    take(t);
    assert_one_damage(t, 2, forge_header_at(&t->f, 7), 7, 8, 41, 60);
    assert_readable(t, 1, 12, 7, 8);
}

static void two_places(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 3);
    forge_flip(&t->f, 1, forge_header_at(&t->f, 2) + 3);
    forge_flip(&t->f, 2, forge_payload_at(&t->f, 8) + 3);
    take(t);
    assert_verdict(t, "rot");
    assert_int_equal(t->inv.damage_count, 2);
    assert_int_equal(t->inv.damages[0].last_row, 10);
    assert_int_equal(t->inv.damages[1].first_row, 51);
    assert_int_equal(t->inv.damages[1].last_row, 60);
    assert_non_null(strstr(t->inv.detail, "and 1 more"));
}

static void rot_in_the_last_segment(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 3);
    forge_flip(&t->f, 3, forge_header_at(&t->f, 10) + 20);
    take(t); /* block 11 says that 10 was durable */
    assert_one_damage(t, 3, forge_header_at(&t->f, 10), 10, 10, 61, 70);
    assert_int_equal(t->inv.end.block, 12);
}

/* Promised is promised, but a row that the database has is not lost. */
static void applied_rows_rot_too_and_are_safe(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 3);
    forge_flip(&t->f, 1, forge_payload_at(&t->f, 3) + 50);
    weir_position p = forge_position(&t->f, 6);
    for (int all = 0; all < 2; all++) {
        t->input.verify_all = all;
        take_at(t, &p);
        assert_one_damage(t, 1, forge_header_at(&t->f, 3), 3, 3, 11, 20);
        assert_non_null(
            strstr(t->inv.detail, "rows 11 to 20 cannot be read, but the database has"));
        assert_readable(t, 1, 12, 3, 3);
    }
    p = forge_position(&t->f, 2);
    p.row = 15;
    take_at(t, &p);
    assert_non_null(
        strstr(t->inv.detail, "rows 11 to 20 cannot be read, and those from 16 on are"));
}

static void lie_about_rows(inspected *t, uint64_t segment, uint64_t block, uint32_t rows) {
    uint8_t header[WEIR_BLOCK_HEADER];
    weir_block_header h = t->f.blocks[block];
    h.rows = rows;
    weir_block_header_encode(header, &h);
    forge_edit(&t->f, segment, h.offset, header, sizeof header);
}

/* Written so, since all hashes agree: no torn tail looks like that, wherever it stands. */
static void a_count_that_lies_is_rot_everywhere(void **state) {
    inspected *t = *state;
    for (uint32_t rows = 9; rows <= 11; rows += 2) {
        memset(&t->f.end, 0, sizeof t->f.end);
        t->f.next_row = 1;
        forge_journal(&t->f, 3);
        lie_about_rows(t, 3, 12, rows);
        take(t);
        assert_one_damage(t, 3, forge_header_at(&t->f, 12), 12, 12, 81, 80 + rows);
        assert_int_equal(t->inv.end.block, 11);
        assert_int_equal(t->inv.torn_bytes, 0);
        assert_readable(t, 1, 11, 0, 0);
    }
}

/* The newest block of an older segment: the younger one knows its hash, so the hash is kept. */
static void a_count_that_lies_in_an_older_segment(void **state) {
    inspected *t = *state;
    forge_segment(&t->f, 1);
    (void)forge_block(&t->f, WEIR_BLOCK_ROWS, 10);
    t->f.blocks[2].rows = 11;
    weir_block_header_encode(t->f.bytes + t->f.blocks[2].offset, &t->f.blocks[2]);
    t->f.end.hash = t->f.blocks[2].hash;
    t->f.next_row++;
    forge_write(&t->f);
    forge_segment(&t->f, 2);
    (void)forge_block(&t->f, WEIR_BLOCK_ROWS, 10);
    forge_write(&t->f);
    take(t); /* its hashes are right, and opening does not read it: replay does */
    assert_verdict(t, "clean");
    weir_reader *reader;
    weir_read_block block;
    weir_error error = {0};
    assert_int_equal(weir_reader_make(t->input.os, weir_inventory_locator(&t->inv), &reader),
                     WEIR_OK);
    assert_int_equal(weir_reader_read(reader, 2, &block, &error), WEIR_DAMAGED);
    assert_non_null(strstr(error.text, "block 2 with rows 1 to 11 is damaged"));
    weir_reader_free(reader);
    t->input.verify_all = true;
    take(t);
    assert_one_damage(t, 1, forge_header_at(&t->f, 2), 2, 2, 1, 11);
}

/* What can be read behind the damage belongs to the stream: it is no torn tail. */
static void rot_is_not_counted_as_torn(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 1);
    forge_flip(&t->f, 1, forge_header_at(&t->f, 2) + 20);
    take(t);
    assert_one_damage(t, 1, forge_header_at(&t->f, 2), 2, 2, 1, 10);
    assert_int_equal(t->inv.end.block, 4);
    assert_int_equal(t->inv.torn_bytes, 0);
    forge_edit(&t->f, 1, 7 * WEIR_BLOCK_ALIGN, "garbage",
               7); /* behind blocks 1 to 4 and two pages */
    take(t);
    assert_verdict(t, "rot");
    assert_int_equal(t->inv.torn_bytes, 3 * WEIR_BLOCK_ALIGN);
}

static void a_payload_that_does_not_parse(void **state) {
    inspected *t = *state;
    forge_segment(&t->f, 1);
    weir_block_header h = *forge_block(&t->f, WEIR_BLOCK_ROWS, 10);
    uint8_t *payload = t->f.bytes + h.offset + WEIR_BLOCK_HEADER;
    payload[20] = 1; /* must be zero */
    h.payload_hash = weir_hash(payload, h.stored_bytes);
    weir_block_header_encode(t->f.bytes + h.offset, &h);
    forge_write(&t->f);
    take(t);
    assert_one_damage(t, 1, h.offset, 2, 2, 1, 10);
}

/* ---- whole files ------------------------------------------------------------------------ */

static void a_missing_segment(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 3);
    forge_remove(&t->f, 2);
    take(t);
    assert_one_damage(t, 2, 0, 5, 8, 31, 60);
    assert_null(t->inv.damages[0].path);
    assert_readable(t, 1, 12, 5, 8);
}

static void a_missing_segment_that_is_applied_was_recycled(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 3);
    forge_remove(&t->f, 2); /* and a crash brought the name of 1 back */
    weir_position p = forge_position(&t->f, 9);
    take_at(t, &p);
    assert_verdict(t, "clean");
    assert_true(t->inv.found.recycled);
    assert_int_equal(t->inv.extents[0].first_block, 9);
}

static void two_missing_segments(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 4);
    forge_remove(&t->f, 2);
    forge_remove(&t->f, 3);
    take(t);
    assert_one_damage(t, 3, 0, 5, 12, 31, 90);
}

static void the_newest_segment_missing(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 3);
    forge_remove(&t->f, 3);
    take(t); /* nobody left knows of it */
    assert_verdict(t, "clean");
    take_with_ring(t, 11, t->f.blocks[11].hash, 80);
    assert_one_damage(t, 2, t->f.blocks[8].offset + WEIR_BLOCK_ALIGN, 9, 11, 61, 80);
}

static void a_truncated_segment(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 3);
    forge_cut(&t->f, 2, forge_header_at(&t->f, 7) + 100);
    take(t);
    assert_one_damage(t, 2, forge_header_at(&t->f, 7), 7, 8, 41, 60);
    assert_int_equal(t->inv.end.block, 12);
}

static void a_truncated_segment_behind_its_stated_end(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 3);
    forge_cut(&t->f, 2, t->f.blocks[8].offset + WEIR_BLOCK_ALIGN);
    take(t);
    assert_verdict(t, "clean");
}

static void a_truncated_last_segment(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 3);
    forge_cut(&t->f, 3, forge_header_at(&t->f, 12));
    take(t);
    assert_verdict(t, "torn_tail");
    assert_int_equal(t->inv.end.block, 11);
    take_with_ring(t, 12, t->f.blocks[12].hash, 90);
    assert_one_damage(t, 3, forge_header_at(&t->f, 12), 12, 12, 81, 90);
    assert_int_equal(t->inv.next_row, 91);
}

static void a_segment_header_damaged(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 3);
    forge_flip(&t->f, 2, 60);
    take(t);
    assert_one_damage(t, 2, 0, 0, 0, 0, 0);
    assert_int_equal(t->inv.segments[1].status, WEIR_DAMAGED);
    assert_readable(t, 1, 12, 0, 0);
    forge_flip(&t->f, 2, 60);
    forge_flip(&t->f, 3, 60);
    take(t);
    assert_one_damage(t, 3, 0, 0, 0, 0, 0);
    assert_readable(t, 1, 12, 0, 0);
    forge_edit(&t->f, 3, 0, NULL, WEIR_SEGMENT_HEADER);
    take(t);
    assert_one_damage(t, 3, 0, 0, 0, 0, 0);
    assert_non_null(strstr(t->inv.damages[0].why, "zeros"));
}

static void the_only_header_damaged(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 1);
    forge_flip(&t->f, 1, 60);
    weir_position p = forge_position(&t->f, 2);
    take_at(t, &p);
    assert_one_damage(t, 1, 0, 0, 0, 0, 0);
    assert_memory_equal(t->inv.journal, t->f.journal, 16);
    assert_int_equal(t->inv.found.position, WEIR_POSITION_MATCHES);
    assert_readable(t, 1, 4, 0, 0);
}

static void header_and_first_blocks_damaged(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 3);
    forge_edit(&t->f, 2, 0, NULL, forge_header_at(&t->f, 7));
    take(t);
    assert_verdict(t, "rot");
    assert_int_equal(t->inv.damages[0].first_block, 5);
    assert_int_equal(t->inv.damages[0].last_block, 6);
    assert_int_equal(t->inv.damages[0].first_row, 31);
    assert_int_equal(t->inv.damages[0].last_row, 40);
    assert_readable(t, 1, 12, 5, 6);
}

/* Nobody says which rows those had, but that they were there is plain. */
static void header_and_first_blocks_of_the_oldest(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 2);
    forge_edit(&t->f, 1, 0, NULL, forge_header_at(&t->f, 3));
    take(t);
    assert_one_damage(t, 1, 0, 0, 0, 0, 0);
    assert_true(t->inv.damages[0].rows_unknown);
    assert_readable(t, 3, 8, 0, 0);
    weir_position p = forge_position(&t->f, 2);
    take_at(t, &p);
    assert_one_damage(t, 1, 0, 0, 0, 0, 0);
    assert_false(t->inv.damages[0].rows_unknown);
}

/* What was found in place of its first block stands behind its end. */
static void header_and_all_promised_blocks_damaged(void **state) {
    inspected *t = *state;
    forge_segment(&t->f, 1);
    t->f.lazy = true;
    (void)forge_block(&t->f, WEIR_BLOCK_ROWS, 10);
    weir_log_end end = t->f.end;
    (void)forge_block(&t->f, WEIR_BLOCK_ROWS, 10);
    forge_write(&t->f);
    uint64_t stale = forge_header_at(&t->f, 3);
    t->f.end = end;
    t->f.next_row = 11;
    t->f.lazy = false;
    forge_segment(&t->f, 2);
    (void)forge_block(&t->f, WEIR_BLOCK_ROWS, 10);
    forge_write(&t->f);
    forge_edit(&t->f, 1, 0, NULL, stale);
    take(t);
    assert_one_damage(t, 1, 0, 0, 0, 0, 0);
    assert_true(t->inv.damages[0].rows_unknown);
    assert_readable(t, 3, 4, 0, 0);
}

/* The rows of the one that was promised are lost, however many this one has. */
static void another_block_with_fewer_rows(void **state) {
    inspected *t = *state;
    forge_segment(&t->f, 1);
    weir_log_end end = t->f.end;
    (void)forge_block(&t->f, WEIR_BLOCK_ROWS, 3);
    forge_write(&t->f);
    size_t bytes;
    uint8_t *older = weir_file_read(forge_path(&t->f, 1), &bytes);
    t->f.at = end.offset;
    t->f.end = end;
    t->f.next_row = 1;
    (void)forge_block(&t->f, WEIR_BLOCK_ROWS, 10);
    forge_write(&t->f);
    forge_segment(&t->f, 2);
    forge_write(&t->f);
    weir_file_write(forge_path(&t->f, 1), older, bytes);
    free(older);
    take(t);
    assert_one_damage(t, 1, forge_header_at(&t->f, 2), 2, 2, 1, 10);
}

static void a_segment_of_garbage(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 2);
    uint8_t garbage[FORGE_SEGMENT];
    weir_rng rng = {7};
    weir_rng_fill(&rng, garbage, sizeof garbage);
    weir_file_write(forge_path(&t->f, 3), garbage, sizeof garbage);
    take(t);
    assert_one_damage(t, 3, 0, 0, 0, 0, 0);
    assert_non_null(strstr(t->inv.damages[0].why, "rows from 61 on"));
    assert_readable(t, 1, 8, 0, 0);
    weir_file_write(forge_path(&t->f, 1), garbage, sizeof garbage);
    forge_remove(&t->f, 3);
    take(t);
    assert_one_damage(t, 1, 0, 0, 0, 0, 0); /* it is the oldest: nobody says where it began */
    assert_true(t->inv.damages[0].rows_unknown);
    assert_readable(t, 5, 8, 0, 0);
}

static void an_older_copy_in_the_middle(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 1);
    forge_segment(&t->f, 2);
    (void)forge_block(&t->f, WEIR_BLOCK_ROWS, 10);
    forge_write(&t->f);
    size_t bytes;
    uint8_t *older = weir_file_read(forge_path(&t->f, 2), &bytes);
    (void)forge_block(&t->f, WEIR_BLOCK_ROWS, 10);
    forge_write(&t->f);
    forge_segment(&t->f, 3);
    forge_write(&t->f);
    weir_file_write(forge_path(&t->f, 2), older, bytes);
    free(older);
    take(t);
    assert_one_damage(t, 2, forge_header_at(&t->f, 7), 7, 7, 41, 50);
}

static void another_history_in_the_middle(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 2);
    forge forked = t->f;
    forge_segment(&t->f, 3);
    forge_write(&t->f);
    weir_block_header h = forked.blocks[8];
    h.wall_ns++; /* the same block, but not the same */
    weir_block_header_encode(forked.bytes + h.offset, &h);
    forge_write(&forked);
    take(t);
    assert_one_damage(t, 2, forge_header_at(&t->f, 8), 8, 8, 51, 60);
    assert_readable(t, 1, 9, 8, 8); /* what stands there is not what was promised */
}

/* The last block of a segment, with another header and a payload that is rotten: it alone is lost, and
 * the one before it was once named too. */
static void a_lost_block_costs_no_other(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 3);
    uint8_t header[WEIR_BLOCK_HEADER];
    weir_block_header h = t->f.blocks[4];
    h.wall_ns++;
    weir_block_header_encode(header, &h);
    forge_edit(&t->f, 1, h.offset, header, sizeof header);
    forge_flip(&t->f, 1, forge_payload_at(&t->f, 4) + 30);
    take(t);
    assert_one_damage(t, 1, forge_header_at(&t->f, 4), 4, 4, 21, 30);
    assert_readable(t, 1, 12, 4, 4);
}

static void an_older_copy_of_the_newest(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 3);
    weir_position p = forge_position(&t->f, 12);
    forge_edit(&t->f, 3, forge_header_at(&t->f, 11), NULL, 2 * WEIR_BLOCK_ALIGN);
    take_at(t, &p);
    assert_verdict(t, "journal_behind");
    assert_int_equal(t->inv.found.position, WEIR_POSITION_BEYOND);
    assert_int_equal(t->inv.found.tail, WEIR_TAIL_CLEAN);
    assert_int_equal(t->inv.damage_count, 1);
    assert_int_equal(t->inv.damages[0].first_row, 71);
    assert_int_equal(t->inv.damages[0].last_row, 90);
}

static void a_position_vouches_against_garbage(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 3);
    weir_position p = forge_position(&t->f, 12);
    forge_flip(&t->f, 3, forge_header_at(&t->f, 12) + 9);
    take_at(t, &p);
    assert_one_damage(t, 3, forge_header_at(&t->f, 12), 12, 12, 81, 90);
}

static void misnamed_segments(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 3);
    char from[300], to[300];
    (void)snprintf(from, sizeof from, "%s", forge_path(&t->f, 2));
    (void)snprintf(to, sizeof to, "%s", forge_path(&t->f, 7));
    assert_int_equal(rename(from, to), 0);
    take(t);
    assert_verdict(t, "rot");
    assert_non_null(strstr(t->inv.segments[2].why, "another segment"));
    weir_file_copy_tree(to, from);
    take(t);
    assert_verdict(t, "mixed");
    assert_non_null(strstr(t->inv.detail, to));
}

static void two_journals(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 2);
    t->f.journal[3] ^= 1;
    forge_segment(&t->f, 3);
    forge_write(&t->f);
    take(t);
    assert_verdict(t, "mixed");
}

static void assert_none_follows(inspected *t, const char *why) {
    weir_journal *journal;
    weir_error error = {0};
    weir_journal_config config = {.os = t->input.os,
                                  .directory = t->f.directory,
                                  .segment_bytes = 1 << 20,
                                  .limit_bytes = 1 << 24,
                                  .zstd_level = 1};
    assert_int_equal(weir_journal_open(&config, &t->inv, &journal, &error), WEIR_DAMAGED);
    assert_non_null(strstr(error.text, why));
}

/* It was once overlooked, and the number after it would have been 0. */
static void the_highest_number_is_seen_and_none_follows(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 1);
    forge_segment(&t->f, UINT64_MAX);
    (void)forge_block(&t->f, WEIR_BLOCK_ROWS, 10);
    forge_write(&t->f);
    take(t);
    assert_verdict(t, "spent");
    assert_int_equal(t->inv.next_row, 41);
    assert_readable(t, 1, 6, 0, 0);
    assert_none_follows(t, "highest number");
}

static void no_journal_comes_to_such_numbers(void **state) {
    inspected *t = *state;
    t->f.next_row = INT64_MAX - 30;
    forge_journal(&t->f, 1);
    take(t);
    assert_verdict(t, "spent");
    assert_none_follows(t, "its numbers have come to their end");
}

static void a_newer_version(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 2);
    weir_segment_header h;
    assert_int_equal(weir_segment_header_decode(t->f.bytes, &h), WEIR_OK);
    h.incompatible = 1;
    weir_segment_header_encode(t->f.bytes, &h);
    forge_write(&t->f);
    take(t);
    assert_verdict(t, "newer");
    assert_non_null(strstr(t->inv.detail, forge_path(&t->f, 2)));
    h.incompatible = 0;
    weir_segment_header_encode(t->f.bytes, &h);
    weir_block_header b = t->f.blocks[7];
    b.version = 2;
    weir_block_header_encode(t->f.bytes + b.offset, &b);
    forge_write(&t->f);
    take(t);
    assert_verdict(t, "newer");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        INSPECT_TEST(a_torn_last_block_is_cut),
        INSPECT_TEST(a_torn_group_is_cut_at_its_first_bad_block),
        INSPECT_TEST(what_follows_a_hole_is_testimony),
        INSPECT_TEST(rot_then_a_hole_above_every_mark),
        INSPECT_TEST(former_life_is_no_torn_tail),
        INSPECT_TEST(an_older_opening_under_the_same_number_is_void),
        INSPECT_TEST(garbage_behind_the_end_is_torn),
        INSPECT_TEST(a_block_of_another_history_is_none_of_ours),
        INSPECT_TEST(a_damaged_header_in_the_middle),
        INSPECT_TEST(a_damaged_payload_in_the_middle),
        INSPECT_TEST(zeros_over_several_blocks),
        INSPECT_TEST(zeros_up_to_the_end_of_a_segment),
        INSPECT_TEST(two_places),
        INSPECT_TEST(rot_in_the_last_segment),
        INSPECT_TEST(applied_rows_rot_too_and_are_safe),
        INSPECT_TEST(a_count_that_lies_is_rot_everywhere),
        INSPECT_TEST(a_count_that_lies_in_an_older_segment),
        INSPECT_TEST(rot_is_not_counted_as_torn),
        INSPECT_TEST(a_payload_that_does_not_parse),
        INSPECT_TEST(a_missing_segment),
        INSPECT_TEST(a_missing_segment_that_is_applied_was_recycled),
        INSPECT_TEST(two_missing_segments),
        INSPECT_TEST(the_newest_segment_missing),
        INSPECT_TEST(a_truncated_segment),
        INSPECT_TEST(a_truncated_segment_behind_its_stated_end),
        INSPECT_TEST(a_truncated_last_segment),
        INSPECT_TEST(a_segment_header_damaged),
        INSPECT_TEST(the_only_header_damaged),
        INSPECT_TEST(header_and_first_blocks_damaged),
        INSPECT_TEST(header_and_first_blocks_of_the_oldest),
        INSPECT_TEST(header_and_all_promised_blocks_damaged),
        INSPECT_TEST(another_block_with_fewer_rows),
        INSPECT_TEST(a_segment_of_garbage),
        INSPECT_TEST(an_older_copy_in_the_middle),
        INSPECT_TEST(another_history_in_the_middle),
        INSPECT_TEST(a_lost_block_costs_no_other),
        INSPECT_TEST(an_older_copy_of_the_newest),
        INSPECT_TEST(a_position_vouches_against_garbage),
        INSPECT_TEST(misnamed_segments),
        INSPECT_TEST(two_journals),
        INSPECT_TEST(the_highest_number_is_seen_and_none_follows),
        INSPECT_TEST(no_journal_comes_to_such_numbers),
        INSPECT_TEST(a_newer_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
