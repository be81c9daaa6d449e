/* test_inventory.c - sound journals, how their segments chain, and what vouches for their
 * blocks. */
/* Covers: lib/verify/scan.c, lib/verify/chain.c, lib/verify/walk.c, lib/verify/verdict_text.c */
#include <sys/stat.h>

#include "inspect.h"
#include "lib/verify/inspect.h"

/* ---- nothing wrong ---------------------------------------------------------------------- */

static void no_directory_is_fresh(void **state) {
    inspected *t = *state;
    t->input.directory = weir_temp_path(t->f.directory, "none");
    take(t);
    assert_verdict(t, "fresh");
    assert_int_equal(t->inv.found.journal, WEIR_JOURNAL_ABSENT);
}

static void other_names_are_no_segments(void **state) {
    inspected *t = *state;
    weir_file_write(weir_temp_path(t->f.directory, "spare-00000000000000000001"), "x", 1);
    weir_file_write(weir_temp_path(t->f.directory, "segment-1"), "x", 1);
    weir_file_write(weir_temp_path(t->f.directory, "damaged-header-segment-00000000000000000001"),
                    "x", 1);
    take(t);
    assert_verdict(t, "fresh");
    assert_int_equal(t->inv.found.journal, WEIR_JOURNAL_EMPTY);
}

static void empty_files_count_as_absent(void **state) {
    inspected *t = *state;
    weir_file_write(forge_path(&t->f, 1), "", 0);
    take(t);
    assert_verdict(t, "fresh");
    forge_journal(&t->f, 1);
    uint8_t zeros[8192] = {0};
    weir_file_write(forge_path(&t->f, 2), zeros, sizeof zeros);
    take(t);
    assert_verdict(t, "clean");
    assert_int_equal(t->inv.segments[1].status, WEIR_NOT_FOUND);
    assert_int_equal(t->inv.end.block, 4);
}

/* Rows keep their numbers when an opening writes them again, whatever a segment without a block
 * says of the row that comes next. It used to be believed, and rows 1000 to 1009 became 1 to 10. */
static void an_empty_segment_does_not_number_rows(void **state) {
    inspected *t = *state;
    t->f.lazy = true;
    forge_segment(&t->f, 1);
    memset(t->f.bytes + WEIR_BLOCK_ALIGN, 0, sizeof t->f.bytes - WEIR_BLOCK_ALIGN);
    forge_write(&t->f);
    t->f.end = (weir_log_end){1, WEIR_BLOCK_ALIGN, 0, 0};
    t->f.next_row = 1000;
    forge_segment(&t->f, 2);
    forge_write(&t->f);
    take(t);
    assert_verdict(t, "clean");
    assert_int_equal(t->inv.durable_next_row, 1000);
    (void)forge_block(&t->f, WEIR_BLOCK_ROWS, 10);
    forge_write(&t->f);
    take(t);
    assert_int_equal(t->inv.durable.block, 0);
    assert_int_equal(t->inv.durable_next_row, 1000);
    assert_int_equal(t->inv.next_row, 1010);
}

/* The rows in the ring follow on those that have left the journal, which only the header names;
 * opening numbers them so too. */
static void rows_of_a_ring_follow_a_segment_without_a_block(void **state) {
    inspected *t = *state;
    weir_durable_mark mark = {.block = 2, .row = 5, .source = "ring"};
    t->f.lazy = true;
    t->f.end = (weir_log_end){1, WEIR_BLOCK_ALIGN, 5, 77};
    t->f.next_row = 61;
    forge_segment(&t->f, 2);
    memset(t->f.bytes + WEIR_BLOCK_ALIGN, 0, sizeof t->f.bytes - WEIR_BLOCK_ALIGN);
    forge_write(&t->f);
    take(t);
    assert_int_equal(t->inv.extent_count, 0);
    assert_int_equal(t->inv.damage_count, 0);
    assert_int_equal(weir_inspection_row_before_ring(&t->inv, NULL), 60);
    assert_int_equal(weir_inspection_row_before_ring(&t->inv, &mark), 60);
    assert_int_equal(t->inv.durable_next_row, 61);
}

/* The same where the younger segment goes back behind the number that the older one begins with. */
static void a_segment_that_goes_back_says_where_the_stream_begins(void **state) {
    inspected *t = *state;
    t->f.end = (weir_log_end){0, 0, 4, 77};
    t->f.next_row = 1000;
    forge_segment(&t->f, 1);
    memset(t->f.bytes + WEIR_BLOCK_ALIGN, 0, sizeof t->f.bytes - WEIR_BLOCK_ALIGN);
    forge_write(&t->f);
    t->f.end = (weir_log_end){1, WEIR_BLOCK_ALIGN, 2, 55};
    t->f.next_row = 21;
    forge_segment(&t->f, 2);
    (void)forge_block(&t->f, WEIR_BLOCK_ROWS, 10);
    (void)forge_block(&t->f, WEIR_BLOCK_ROWS, 10);
    forge_write(&t->f);
    take(t);
    assert_verdict(t, "database_behind");
    assert_int_equal(t->inv.durable.block, 4);
    assert_int_equal(t->inv.durable_end.segment, 2);
    assert_int_equal(t->inv.durable_end.block, 4);
    assert_int_equal(t->inv.durable_next_row, 31);
    assert_int_equal(t->inv.next_row, 41);
}

static void a_sound_journal(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 3);
    t->input.verify_all = true;
    take(t);
    assert_verdict(t, "clean");
    assert_int_equal(t->inv.segment_count, 3);
    assert_int_equal(t->inv.extent_count, 3);
    assert_memory_equal(&t->inv.end, &t->f.end, sizeof t->f.end);
    assert_int_equal(t->inv.next_row, 91);
    assert_int_equal(t->inv.durable.block, 11);
    assert_string_equal(t->inv.durable.source, "block");
    assert_int_equal(t->inv.durable.hash, t->f.blocks[11].hash);
    assert_int_equal(t->inv.durable.row, 80);
    assert_int_equal(t->inv.durable_end.block, 11);
    assert_int_equal(t->inv.durable_end.offset, t->f.blocks[12].offset);
    assert_int_equal(t->inv.durable_next_row, 81);
    assert_memory_equal(t->inv.journal, t->f.journal, 16);
    assert_memory_equal(t->inv.drained.ring, t->f.ring, 16);
    assert_int_equal(t->inv.drained.count, 1);
    assert_int_equal(t->inv.drained.marks[0].position, 100 + 11);
    assert_int_equal(t->inv.first_wall_ns, 1000);
    assert_int_equal(t->inv.last_wall_ns, 1011);
    assert_int_equal(t->inv.bytes, 3 * FORGE_SEGMENT);
    assert_false(t->inv.closed);
    assert_false(t->inv.found.recycled);
    assert_readable(t, 1, 12, 0, 0);
}

static void a_close_mark_is_known(void **state) {
    inspected *t = *state;
    forge_segment(&t->f, 1);
    t->f.lanes = 0;
    (void)forge_block(&t->f, WEIR_BLOCK_MARK, 0);
    forge_write(&t->f);
    take(t);
    assert_verdict(t, "clean");
    assert_true(t->inv.closed);
}

/* A closing cuts its file behind its mark; one block earlier the same cut is a torn tail. */
static void a_file_cut_behind_a_close_mark_is_whole(void **state) {
    inspected *t = *state;
    forge_segment(&t->f, 1);
    (void)forge_block(&t->f, WEIR_BLOCK_ROWS, 10);
    t->f.lanes = 0;
    memset(t->f.ring, 0, sizeof t->f.ring);
    const weir_block_header *mark = forge_block(&t->f, WEIR_BLOCK_MARK, 0);
    forge_write(&t->f);
    uint64_t end = mark->offset + WEIR_BLOCK_ALIGN;
    forge_cut(&t->f, 1, end);
    take(t);
    assert_verdict(t, "clean");
    assert_true(t->inv.closed);
    assert_int_equal(t->inv.damage_count, 0);
    weir_position beyond = {
        .block = 9, .row = 99, .hash = 1}; /* an older copy of a closed journal */
    weir_id_copy(beyond.journal, t->f.journal);
    take_at(t, &beyond);
    assert_verdict(t, "journal_behind");
    t->input.positions = NULL;
    t->input.position_count = 0;
    t->input.database_has_positions = false;
    forge_cut(&t->f, 1, end - WEIR_BLOCK_ALIGN);
    take(t);
    assert_verdict(t, "torn_tail");
}

static void a_segment_without_blocks(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 1);
    weir_log_end before = t->f.end;
    forge_segment(&t->f, 2);
    memset(t->f.bytes + WEIR_BLOCK_ALIGN, 0, WEIR_BLOCK_ALIGN);
    forge_write(&t->f);
    take(t);
    assert_verdict(t, "clean");
    assert_memory_equal(&t->inv.end, &before, sizeof before);
    assert_memory_equal(&t->inv.durable_end, &before, sizeof before);
    assert_string_equal(t->inv.durable.source, "segment");
    assert_int_equal(t->inv.next_row, 31);
    assert_int_equal(t->inv.durable_next_row, 31);
}

static void an_unknown_compatible_bit_is_told(void **state) {
    inspected *t = *state;
    forge_segment(&t->f, 1);
    forge_write(&t->f);
    weir_segment_header h;
    assert_int_equal(weir_segment_header_decode(t->f.bytes, &h), WEIR_OK);
    h.compatible = 4;
    weir_segment_header_encode(t->f.bytes, &h);
    forge_write(&t->f);
    take(t);
    assert_verdict(t, "clean");
    assert_true(t->inv.read_only);
}

/* ---- the chain -------------------------------------------------------------------------- */

static void recycled_segments_are_no_damage(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 3);
    forge_remove(&t->f, 1);
    take(t);
    assert_verdict(t, "database_behind");
    assert_true(t->inv.found.recycled);
    weir_position p = forge_position(&t->f, 4);
    take_at(t, &p);
    assert_verdict(t, "clean"); /* just before the first block kept */
    assert_int_equal(t->inv.found.position, WEIR_POSITION_MATCHES);
    p.hash++;
    take_at(t, &p);
    assert_verdict(t, "diverged");
    p = forge_position(&t->f, 3);
    take_at(t, &p);
    assert_verdict(t, "database_behind");
    assert_int_equal(t->inv.found.position, WEIR_POSITION_BEFORE);
    assert_non_null(strstr(t->inv.detail, "rows 21 to 30"));
}

static void positions(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 3);
    for (uint64_t block = 1; block <= 12; block++) {
        weir_position p = forge_position(&t->f, block);
        take_at(t, &p);
        assert_verdict(t, "clean");
        assert_int_equal(t->inv.found.position, WEIR_POSITION_MATCHES);
        assert_int_equal(t->inv.position.row, p.row);
        p.hash ^= 1;
        take_at(t, &p);
        assert_verdict(t, "diverged");
    }
    weir_position start = {.block = 0};
    memcpy(start.journal, t->f.journal, 16);
    take_at(t, &start);
    assert_verdict(t, "clean");
    weir_position other = forge_position(&t->f, 5);
    other.journal[0] ^= 1;
    take_at(t, &other);
    assert_verdict(t, "clean");
    assert_int_equal(t->inv.found.position, WEIR_POSITION_OTHER);
    assert_int_equal(t->inv.position.block, 0);
}

/* A position within block 12: block 11 is wholly applied, and five rows more. */
static void a_position_within_a_block(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 3);
    weir_position p = forge_position(&t->f, 11);
    p.row += 5;
    take_at(t, &p);
    assert_verdict(t, "clean");
    assert_int_equal(t->inv.durable.block, 12);
    assert_string_equal(t->inv.durable.source, "database");
    assert_int_equal(t->inv.durable_next_row, 91);
    forge_flip(&t->f, 3, forge_header_at(&t->f, 12) + 70);
    take(t);
    assert_one_damage(t, 3, forge_header_at(&t->f, 12), 12, 12, 81, 85);
    assert_int_equal(t->inv.durable_end.block, 12);
    assert_int_equal(t->inv.durable_next_row, 86);
    forge_edit(&t->f, 3, forge_header_at(&t->f, 12), NULL, WEIR_BLOCK_ALIGN);
    take(t);
    assert_verdict(t, "journal_behind");
    assert_non_null(strstr(t->inv.detail, "ends at row 80"));
    assert_non_null(strstr(t->inv.detail, "applied row 85"));
}

/* A number that jumps between two blocks that touch: they are not one run. */
static void blocks_that_skip_a_number(void **state) {
    inspected *t = *state;
    forge_segment(&t->f, 1);
    (void)forge_block(&t->f, WEIR_BLOCK_ROWS, 10);
    t->f.end.block += 2;
    t->f.next_row += 20;
    (void)forge_block(&t->f, WEIR_BLOCK_ROWS, 10);
    forge_write(&t->f);
    take(t);
    assert_one_damage(t, 1, forge_header_at(&t->f, 5), 3, 4, 11, 30);
    assert_int_equal(t->inv.extent_count, 2);
    assert_readable(t, 1, 5, 3, 4);
}

/* Blocks 3 and 4 were written, their sync failed; they were written again into another segment. */
static void a_failed_sync_leaves_a_void_region(void **state) {
    inspected *t = *state;
    forge_segment(&t->f, 1);
    (void)forge_block(&t->f, WEIR_BLOCK_ROWS, 10);
    weir_log_end durable = t->f.end;
    (void)forge_block(&t->f, WEIR_BLOCK_ROWS, 10);
    (void)forge_block(&t->f, WEIR_BLOCK_ROWS, 10);
    forge_write(&t->f);
    t->f.end = durable;
    t->f.next_row = 11;
    forge_segment(&t->f, 2); /* and again */
    (void)forge_block(&t->f, WEIR_BLOCK_ROWS, 10);
    forge_write(&t->f);
    t->f.end = durable;
    t->f.next_row = 11;
    forge_segment(&t->f, 3);
    (void)forge_block(&t->f, WEIR_BLOCK_ROWS, 10);
    (void)forge_block(&t->f, WEIR_BLOCK_ROWS, 10);
    forge_write(&t->f);
    take(t);
    assert_verdict(t, "clean");
    assert_int_equal(t->inv.extent_count, 2);
    assert_int_equal(t->inv.extents[1].segment, 3);
    assert_int_equal(t->inv.end.block, 5);
    assert_int_equal(t->inv.next_row, 31);
    assert_readable(t, 1, 5, 0, 0);
    forge_flip(&t->f, 1, 3 * WEIR_BLOCK_ALIGN + 30); /* in the void */
    forge_flip(&t->f, 2, 20);                        /* a void segment */
    take(t);
    assert_verdict(t, "clean");
}

static void headers_that_contradict_themselves(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 2);
    weir_segment_header h;
    assert_int_equal(weir_segment_header_decode(t->f.bytes, &h), WEIR_OK);
    h.first_block += 3;
    weir_segment_header_encode(t->f.bytes, &h);
    forge_write(&t->f);
    take(t);
    assert_one_damage(t, 2, 0, 0, 0, 0, 0);
    h.first_block = 0;
    h.before.block = UINT64_MAX;
    weir_segment_header_encode(t->f.bytes, &h);
    forge_write(&t->f);
    take(t);
    assert_one_damage(t, 2, 0, 0, 0, 0, 0);
}

/* What follows on it would name that hash in block 1, which no reader takes. */
static void a_hash_before_the_first_block(void **state) {
    inspected *t = *state;
    forge_segment(&t->f, 1);
    weir_segment_header h;
    assert_int_equal(weir_segment_header_decode(t->f.bytes, &h), WEIR_OK);
    h.before.hash = 1;
    weir_segment_header_encode(t->f.bytes, &h);
    forge_write(&t->f);
    take(t);
    assert_verdict(t, "rot");
    assert_non_null(strstr(t->inv.damages[0].why, "contradicts itself"));
}

/* ---- marks ------------------------------------------------------------------------------ */

static void a_ring_mark_above_the_end(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 2);
    take_with_ring(t, 10, 77, 75);
    assert_one_damage(t, 2, t->f.blocks[8].offset + WEIR_BLOCK_ALIGN, 9, 10, 61, 75);
    assert_int_equal(t->inv.next_row, 76);
    assert_int_equal(t->inv.durable_end.block, 10);
    assert_int_equal(t->inv.durable_end.hash, 77);
    assert_int_equal(t->inv.durable_next_row, 76);
    assert_int_equal(t->inv.end.block, 8);
}

static void a_ring_mark_at_the_last_block(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 2);
    take_with_ring(t, 8, t->f.blocks[8].hash, 60);
    assert_verdict(t, "clean");
    assert_string_equal(t->inv.durable.source, "ring");
    assert_memory_equal(&t->inv.durable_end, &t->inv.end, sizeof t->inv.end);
    assert_int_equal(t->inv.durable_next_row, 61);
    forge_flip(&t->f, 2, forge_payload_at(&t->f, 8));
    take(t);
    assert_one_damage(t, 2, forge_header_at(&t->f, 8), 8, 8, 51, 60);
    assert_int_equal(t->inv.durable_end.block, 8);
    assert_int_equal(t->inv.durable_next_row, 61);
}

static void a_ring_mark_of_another_history(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 2);
    take_with_ring(t, 6, t->f.blocks[6].hash + 1, 40);
    assert_verdict(t, "rot");
    assert_int_equal(t->inv.damages[0].first_block, 6);
}

static void a_foreign_ring(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 1);
    uint8_t other[16] = {9};
    t->input.ring = WEIR_RING_OURS;
    t->input.ring_journal = other;
    t->ring_mark = (weir_durable_mark){50, 1, 500, "ring"};
    t->input.ring_mark = &t->ring_mark;
    take(t);
    assert_verdict(t, "foreign_ring");
    assert_int_equal(t->inv.damage_count, 0); /* its marks say nothing about this journal */
    forge_remove(&t->f, 1);
    take(t);
    assert_verdict(t, "ring_without_journal");
    t->input.ring = WEIR_RING_NEWER;
    take(t);
    assert_verdict(t, "newer");
}

/* ---- the machine ------------------------------------------------------------------------ */

static void what_cannot_be_read_is_an_error(void **state) {
    inspected *t = *state;
    weir_error error = {0};
    weir_file_write(weir_temp_path(t->f.directory, "file"), "x", 1);
    t->input.directory = weir_temp_path(t->f.directory, "file");
    assert_int_equal(weir_inventory_take(&t->input, &t->inv, &error), WEIR_IO);
    assert_non_null(strstr(error.text, "not a directory"));
    t->input.directory = t->f.directory;
    assert_int_equal(mkdir(forge_path(&t->f, 1), 0755), 0);
    weir_inventory_free(&t->inv);
    assert_int_equal(weir_inventory_take(&t->input, &t->inv, &error), WEIR_IO);
    assert_non_null(strstr(error.text, forge_path(&t->f, 1)));
}

static weir_os quirky;
static int quirk_opens;
static int64_t quirk_reads;

/* The segment is renamed away between the list and the look. */
static int open_recycled(void *self, int dirfd, const char *path, int flags) {
    inspected *t = self;
    if (quirk_opens > 0 && strcmp(path, forge_path(&t->f, 1)) == 0 && --quirk_opens == 0)
        forge_remove(&t->f, 1);
    return weir_os_posix()->open(NULL, dirfd, path, flags);
}

static int open_refused(void *self, int dirfd, const char *path, int flags) {
    (void)self, (void)dirfd, (void)path, (void)flags;
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
    inspected *t = *state;
    forge_journal(&t->f, 1);
    quirky = *weir_os_posix();
    quirky.open = open_refused;
    t->input.os = &quirky;
    weir_error error = {0};
    assert_int_equal(weir_inventory_take(&t->input, &t->inv, &error), WEIR_IO);
    assert_non_null(strstr(error.text, forge_path(&t->f, 1)));
    assert_non_null(strstr(error.text, "readable"));
}

static void a_segment_recycled_meanwhile(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 3);
    quirky = *weir_os_posix();
    quirky.open = open_recycled;
    quirky.self = t;
    t->input.os = &quirky;
    weir_position p = forge_position(&t->f, 9);
    for (quirk_opens = 1; quirk_opens < 5; quirk_opens++) {
        int times = quirk_opens;
        take_at(t, &p);
        assert_verdict(t, "clean");
        bool happened = quirk_opens == 0;
        quirk_opens = times;
        if (!happened) break;
        memset(&t->f.end, 0, sizeof t->f.end);
        t->f.next_row = 1;
        forge_journal(&t->f, 3);
    }
}

static void a_failing_disk_is_an_error_and_never_a_torn_tail(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 2);
    quirky = *weir_os_posix();
    quirky.pread = pread_failing;
    t->input.os = &quirky;
    int failures = 0;
    for (int64_t n = 1; n < 100; n++) {
        quirk_reads = n;
        weir_error error = {0};
        weir_inventory_free(&t->inv);
        int status = weir_inventory_take(&t->input, &t->inv, &error);
        if (quirk_reads > 0) break; /* it never came to that read */
        assert_int_equal(status, WEIR_IO);
        assert_non_null(strstr(error.text, "segment-"));
        failures++;
    }
    assert_true(failures > 3);
}

static void short_reads_change_nothing(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 2);
    quirky = *weir_os_posix();
    quirky.pread = pread_short;
    t->input.os = &quirky;
    take(t);
    assert_verdict(t, "clean");
    assert_int_equal(t->inv.end.block, 8);
}

static uint64_t shown, total;
static void progress(void *context, uint64_t done, uint64_t of) {
    (void)context;
    assert_true(done >= shown && done <= of);
    shown = done;
    total = of;
}

static void progress_is_shown(void **state) {
    inspected *t = *state;
    forge_journal(&t->f, 3);
    t->input.progress = progress;
    shown = 0;
    take(t);
    assert_int_equal(total, t->inv.bytes);
    assert_int_equal(shown, total);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        INSPECT_TEST(no_directory_is_fresh),
        INSPECT_TEST(other_names_are_no_segments),
        INSPECT_TEST(empty_files_count_as_absent),
        INSPECT_TEST(an_empty_segment_does_not_number_rows),
        INSPECT_TEST(rows_of_a_ring_follow_a_segment_without_a_block),
        INSPECT_TEST(a_segment_that_goes_back_says_where_the_stream_begins),
        INSPECT_TEST(a_sound_journal),
        INSPECT_TEST(a_close_mark_is_known),
        INSPECT_TEST(a_file_cut_behind_a_close_mark_is_whole),
        INSPECT_TEST(a_segment_without_blocks),
        INSPECT_TEST(an_unknown_compatible_bit_is_told),
        INSPECT_TEST(recycled_segments_are_no_damage),
        INSPECT_TEST(positions),
        INSPECT_TEST(a_position_within_a_block),
        INSPECT_TEST(blocks_that_skip_a_number),
        INSPECT_TEST(a_failed_sync_leaves_a_void_region),
        INSPECT_TEST(headers_that_contradict_themselves),
        INSPECT_TEST(a_hash_before_the_first_block),
        INSPECT_TEST(a_ring_mark_above_the_end),
        INSPECT_TEST(a_ring_mark_at_the_last_block),
        INSPECT_TEST(a_ring_mark_of_another_history),
        INSPECT_TEST(a_foreign_ring),
        INSPECT_TEST(what_cannot_be_read_is_an_error),
        INSPECT_TEST(rights_are_asked_for),
        INSPECT_TEST(a_segment_recycled_meanwhile),
        INSPECT_TEST(a_failing_disk_is_an_error_and_never_a_torn_tail),
        INSPECT_TEST(short_reads_change_nothing),
        INSPECT_TEST(progress_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
