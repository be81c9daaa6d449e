/* What a person does to a journal, and what the tool makes of it: older copies, cut files, salvage. No
 * row comes twice, and none goes without a word. */
#include "tool.h"

/* ---- copies and cuts ------------------------------------------------------------------- */

static char older[300]; /* a copy of the journal */

static void keep_copy(const fixture *f) {
    (void)snprintf(older, sizeof older, "%s/older-weir", f->directory);
    weir_file_copy_tree(f->journal, older);
}

static void put_copy_back(const fixture *f) {
    weir_temp_remove(f->journal);
    assert_int_equal(rename(older, f->journal), 0);
}

/* Half of a block's header behind the last block, as a crash leaves it. */
static void tear_tail(const fixture *f) {
    size_t bytes;
    const char *segment = segment_at(f, true);
    uint8_t *content = weir_file_read(segment, &bytes);
    weir_block_header h;
    uint64_t end = WEIR_BLOCK_ALIGN;
    while (end < bytes && weir_block_header_decode(content + end, &h) == WEIR_OK)
        end += weir_block_extent(&h);
    free(content);
    patch(segment, end, "WEIRBLK1torn", 12);
}

/* The same rows wait in the ring of the copy, and are in the database. */
static void leave_older_copy(fixture *f) {
    in_a_child(f, leave_both);
    keep_copy(f);
    run(f, f->database, NULL), expect(f, RECOVERED);
    put_copy_back(f);
}

static void an_older_copy_with_a_torn_tail_is_no_rot(void **state) {
    fixture *f = *state;
    leave_older_copy(f);
    tear_tail(f);
    uint64_t before = tree_hash(f->journal);
    run(f, "status", "--json", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->out, "\"verdict\":\"journal_behind\"");
    run(f, f->database, NULL), expect(f, DAMAGE);
    run(f, "salvage", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->err, "move this older copy away");
    assert_true(tree_hash(f->journal) == before);
    assert_int_equal(rows_in(f->database), ROWS);
}

/* Rot in the older copy, so that salvage may go on: by their numbers the ring's rows are known. */
static void salvage_of_an_older_copy_doubles_nothing(void **state) {
    fixture *f = *state;
    leave_older_copy(f);
    const char *segment = segment_at(f, true);
    patch(segment, offset_of_row(segment, 1) + WEIR_BLOCK_HEADER + 8, "rotten", 6);
    run(f, "status", "--json", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->out, "\"verdict\":\"rot\"");
    run(f, "salvage", f->database, NULL);
    expect_text(f->err, "are not taken again");
    assert_int_equal(rows_in(f->database), ROWS);
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM other"), 1);
    run(f, f->database, NULL), expect(f, CLEAN);
}

/* ---- the ring -------------------------------------------------------------------------- */

static const char *ring_of(const fixture *f) { return weir_temp_path(f->journal, "ring"); }

static void a_truncated_ring_is_named_and_refused(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_both);
    assert_int_equal(truncate(ring_of(f), 1 << 20), 0);
    uint64_t before = tree_hash(f->journal);
    static const char *const verbs[] = {"status", "verify"};
    for (size_t i = 0; i < 2; i++) {
        run(f, verbs[i], "--json", f->database, NULL), expect(f, DAMAGE);
        expect_text(f->out, "\"verdict\":\"cut_ring\"");
        expect_text(f->out, "the ring was truncated, and published rows were lost");
    }
    run(f, f->database, NULL), expect(f, DAMAGE);
    expect_text(f->err, "the ring was truncated");
    weir *w;
    assert_int_equal(weir_open_sqlite(f->database, NULL, &w), WEIR_DAMAGED);
    expect_text(weir_last_error(), "the ring was truncated");
    assert_true(tree_hash(f->journal) == before);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        TEST(an_older_copy_with_a_torn_tail_is_no_rot),
        TEST(salvage_of_an_older_copy_doubles_nothing),
        TEST(a_truncated_ring_is_named_and_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
