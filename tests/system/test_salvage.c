/* What a person does to a journal, and what the tool makes of it: older copies, cut files, salvage. No
 * row comes twice, and none goes without a word. */
/* Covers: recovery/deadring.c, recovery/loss.c, recovery/kept.c, recovery/remembered.c */
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

static void rot_row_in(const char *segment, uint64_t row) {
    patch(segment, offset_of_row(segment, row) + WEIR_BLOCK_HEADER + 8, "rotten", 6);
}

static void rot_row(const fixture *f, uint64_t row) { rot_row_in(first_segment(f), row); }

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
    expect_text(f->err, "keep the database and begin a new journal");
    assert_true(tree_hash(f->journal) == before);
    assert_int_equal(rows_in(f->database), ROWS);
}

/* Rot in the older copy, so that salvage may go on: by their numbers the ring's rows are known. */
static void salvage_of_an_older_copy_doubles_nothing(void **state) {
    fixture *f = *state;
    leave_older_copy(f);
    rot_row_in(segment_at(f, true), 1);
    run(f, "status", "--json", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->out, "\"verdict\":\"rot\"");
    run(f, "salvage", f->database, NULL);
    expect_text(f->err, "are not taken again");
    assert_int_equal(rows_in(f->database), ROWS);
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM other"), 1);
    run(f, f->database, NULL), expect(f, CLEAN);
}

/* The ring that a process leaves comes back after another has drained it and gone on. */
static void bring_ring_back(fixture *f, void (*leave)(const fixture *)) {
    char ring[600];
    in_a_child(f, leave);
    (void)snprintf(older, sizeof older, "%s/older-ring", f->directory);
    (void)snprintf(ring, sizeof ring, "%s/ring", f->journal);
    weir_file_copy_tree(ring, older);
    in_a_child(f, leave_durable);
    assert_int_equal(rename(older, ring), 0);
}

/* The last blocks of the other one are lost, so that the journal ends below what was promised. */
static void leave_older_ring(fixture *f) {
    bring_ring_back(f, leave_both);
    const char *segment = segment_at(f, true);
    rot_row_in(segment, 1 + ROWS + 3 * ROWS_OF_GROUP + 1);
    rot_row_in(segment, 1 + ROWS + 4 * ROWS_OF_GROUP + 1);
    run(f, "status", "--json", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->out, "\"verdict\":\"rot\"");
}

enum { LEFT_BEHIND_OLDER_RING = 2 * ROWS - 2 * ROWS_OF_GROUP };

static void salvage_beside_an_older_ring_doubles_nothing(void **state) {
    fixture *f = *state;
    leave_older_ring(f);
    expect_text(f->out, "\"rows\":0,\"bytes\":0");
    run(f, "salvage", f->database, NULL), expect(f, DAMAGE);
    assert_int_equal(rows_in(f->database), LEFT_BEHIND_OLDER_RING);
    run(f, f->database, NULL), expect(f, CLEAN);
    assert_int_equal(rows_in(f->database), LEFT_BEHIND_OLDER_RING);
}

static void a_replay_beside_an_older_ring_doubles_nothing(void **state) {
    fixture *f = *state;
    leave_older_ring(f);
    run(f, "replay", "--skip-damage", "--into", f->other, f->journal, NULL), expect(f, DAMAGE);
    assert_int_equal(rows_in(f->other), LEFT_BEHIND_OLDER_RING);
}

/* Its process had synced nothing. The journal was not closed. */
static void a_ring_from_before_any_sync_is_known_for_an_older_one(void **state) {
    fixture *f = *state;
    bring_ring_back(f, leave_in_ring);
    run(f, "status", "--json", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "\"rows\":0,\"bytes\":0");
    run(f, "replay", "--into", f->other, f->journal, NULL), expect(f, RECOVERED);
    assert_int_equal(rows_in(f->other), 2 * ROWS);
    run(f, f->database, NULL), expect(f, RECOVERED);
    assert_int_equal(rows_in(f->database), 2 * ROWS);
}

/* ---- the ring -------------------------------------------------------------------------- */

static const char *ring_of(const fixture *f) { return weir_temp_path(f->journal, "ring"); }

static void a_truncated_ring_is_named_and_refused(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_both);
    assert_int_equal(truncate(ring_of(f), 1 << 20), 0);
    uint64_t before = tree_hash(ring_of(f)) ^ tree_hash(first_segment(f));
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
    assert_true((tree_hash(ring_of(f)) ^ tree_hash(first_segment(f))) == before);
}

/* Without the database, without changing the journal; and whoever goes on later doubles nothing. */
static void the_rings_rows_are_replayed(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_both);
    weir_file_write(f->database, "This is a letter, not a database. It is long enough.", 52);
    uint64_t before = tree_hash(f->journal);
    run(f, "replay", "--into", f->other, "--to", "21", f->journal, NULL), expect(f, RECOVERED);
    assert_int_equal(rows_in(f->other), 20);
    run(f, "replay", "--into", f->other, f->journal, NULL), expect(f, RECOVERED);
    expect_text(f->err, "30 of the rows are in the ring of a dead process, and still wait there");
    assert_int_equal(rows_in(f->other), ROWS);
    assert_int_equal(weir_sql_int(f->other, "SELECT sum(id = rowid) FROM t"), ROWS);
    assert_int_equal(weir_sql_int(f->other, "SELECT count(*) FROM other"), 1);
    run(f, "replay", "--into", f->other, f->journal, NULL), expect(f, CLEAN);
    assert_int_equal(rows_in(f->other), ROWS);
    assert_true(tree_hash(f->journal) == before);
    forget_database(f);
    run(f, f->database, NULL), expect(f, RECOVERED);
    assert_int_equal(rows_in(f->database), ROWS);
}

/* What was replayed out of the ring stands in the journal by then. */
static void a_replay_goes_on_behind_the_drained_ring(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_both);
    run(f, "replay", "--into", f->other, f->journal, NULL), expect(f, RECOVERED);
    assert_int_equal(rows_in(f->other), ROWS);
    in_a_child(f, leave_durable); /* drains it, and leaves as many rows again */
    run(f, "replay", "--into", f->other, f->journal, NULL), expect(f, RECOVERED);
    assert_int_equal(rows_in(f->other), 2 * ROWS);
}

/* ---- salvage --------------------------------------------------------------------------- */

static void salvage_of_a_healthy_journal_changes_nothing(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_closed);
    run(f, "salvage", f->database, NULL), expect(f, CLEAN);
    expect_text(f->err, "nothing is damaged");
    expect_text(f->out, "nothing to recover");
    assert_false(is_there(weir_temp_path(f->journal, "archive")));
    in_a_child(f, leave_closed);
    assert_int_equal(rows_in(f->database), 2 * ROWS);
}

/* Has the journal been idle for long enough to say that its last rows are durable? */
static bool has_mark(const fixture *f) {
    size_t bytes;
    uint8_t *content = weir_file_read(first_segment(f), &bytes);
    weir_block_header h = {0};
    for (uint64_t at = WEIR_BLOCK_ALIGN; h.kind != WEIR_BLOCK_MARK && at < bytes &&
                                         weir_block_header_decode(content + at, &h) == WEIR_OK;)
        at += weir_block_extent(&h);
    free(content);
    return h.kind == WEIR_BLOCK_MARK;
}

static void leave_idle(const fixture *f) {
    weir *w;
    must(weir_open_sqlite(f->database, NULL, &w), 10);
    weir_table *table = declare(w, "t");
    for (int64_t id = 1; id <= ROWS; id++)
        append(table, id);
    must(weir_sync(w, WEIR_APPLIED, UINT32_MAX), 15);
    while (!has_mark(f)) /* a hang here is the suite's to end */
        (void)usleep(10000);
    must(weir_close(w), 16);
}

/* Behind the last row stand blocks without rows, the closing mark among them. */
static void what_was_salvaged_opens_again(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_idle);
    rot_row(f, 1);
    run(f, "salvage", f->database, NULL), expect(f, CLEAN); /* the database has the rows */
    assert_int_equal(weir_sql_int(f->database, "SELECT block FROM weir_position") > 2, 1);
    run(f, "status", f->database, NULL), expect(f, CLEAN);
    in_a_child(f, leave_closed);
    assert_int_equal(rows_in(f->database), 2 * ROWS);
}

static void what_is_lost_is_kept_in_mind(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    rot_row(f, 2 * ROWS_OF_GROUP + 1);
    run(f, "salvage", f->database, NULL), expect(f, DAMAGE);
    assert_int_equal(weir_sql_int(f->database, "SELECT first_row * 100 + last_row FROM weir_loss"),
                     2130);
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM weir_loss, weir_position "
                                               "USING(journal)"),
                     1);
    run(f, "status", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "clean");
    expect_text(f->out, "lost      rows 21 to 30 (table weir_loss, 2");
    expect_text(f->out, "set aside 1 file, ");
    run(f, "verify", "--json", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out,
                "\"kept\":{\"archived_segments\":0,\"archived_bytes\":0,\"aside_files\":1,");
    expect_text(f->out, "{\"type\":\"loss\",\"first_row\":21,\"last_row\":30,");
}

static void a_lost_ring_is_kept_in_mind(void **state) {
    fixture *f = *state;
    static const struct {
        off_t bytes;
        const char *verdict;
    } cuts[] = {{1 << 20, "cut_ring"}, {100, "damaged_ring"}};
    for (size_t i = 0; i < 2; i++) {
        in_a_child(f, leave_both);
        assert_int_equal(truncate(ring_of(f), cuts[i].bytes), 0);
        run(f, "status", "--json", f->database, NULL), expect(f, DAMAGE);
        expect_text(f->out, cuts[i].verdict);
        run(f, "salvage", f->database, NULL), expect(f, DAMAGE);
        run(f, "status", f->database, NULL), expect(f, CLEAN);
        expect_text(f->out, "an unknown number of rows (table weir_loss");
        assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM weir_loss"), (int)i + 1);
    }
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM other"), 2);
}

/* Only the ring says which journal it was, and up to where blocks were promised. */
static void a_journal_of_which_only_the_ring_is_left_goes_on(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_both);
    assert_int_equal(truncate(first_segment(f), 33), 0);
    run(f, "salvage", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->out, "it is unknown which rows are lost");
    assert_int_equal(rows_in(f->database), ROWS);
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM weir_loss, weir_position "
                                               "USING(journal)"),
                     1);
    run(f, "status", f->database, NULL), expect(f, CLEAN);
    in_a_child(f, leave_closed);
    assert_int_equal(rows_in(f->database), 2 * ROWS);
}

/* As the manual says: the segment back under its own name, and everything into another file. */
static void the_way_back(void **state) {
    fixture *f = *state;
    char back[600], aside[600], sound[300];
    in_a_child(f, leave_durable);
    const char *name = strrchr(first_segment(f), '/') + 1;
    (void)snprintf(aside, sizeof aside, "%s/damaged-blocks-%.60s", f->journal, name);
    (void)snprintf(back, sizeof back, "%s/archive/%.60s", f->journal, name);
    (void)snprintf(sound, sizeof sound, "%s/sound", f->directory);
    weir_file_copy_tree(first_segment(f), sound);
    rot_row(f, 2 * ROWS_OF_GROUP + 1);
    run(f, "salvage", f->database, NULL), expect(f, DAMAGE);
    (void)mkdir(weir_temp_path(f->journal, "archive"), 0700);
    assert_int_equal(rename(aside, back), 0); /* as it is: what could be read */
    run(f, "replay", "--skip-damage", "--into", f->other, f->journal, NULL), expect(f, DAMAGE);
    assert_int_equal(rows_in(f->other), ROWS - ROWS_OF_GROUP);
    assert_int_equal(weir_sql_int(f->other, "SELECT first_row * 100 + last_row FROM weir_loss"),
                     2130);
    assert_int_equal(rename(sound, back), 0); /* mended: all of it */
    run(f, "dump", "--archive", "--from", "21", "--to", "30", f->database, NULL), expect(f, CLEAN);
    assert_int_equal(lines(f->out), ROWS_OF_GROUP);
    const char *whole = weir_temp_path(f->directory, "whole.db");
    run(f, "replay", "--into", whole, f->journal, NULL), expect(f, RECOVERED);
    assert_int_equal(rows_in(whole), ROWS);
}

/* ---- archives and segments that have left ---------------------------------------------- */

enum { MANY = 200 };

/* Several segments of rows that only the journal has. */
static void leave_many(const fixture *f, int archive, bool applied) {
    weir_options options = {.archive = archive, .segment_bytes = 1 << 20};
    weir_rng rng = {1};
    weir *w;
    must(weir_open_sqlite(f->database, &options, &w), 10);
    if (!applied) lock_database(f->database);
    weir_table *table = declare(w, "t");
    append_noise(table, &rng, 1, MANY, 20000);
    must(weir_sync(w, applied ? WEIR_APPLIED : WEIR_DURABLE, UINT32_MAX), 15);
    if (applied) must(weir_close(w), 16);
    (void)kill(getpid(), SIGKILL);
}

static void leave_many_for_the_archive(const fixture *f) {
    (void)mkdir(f->journal, 0700);
    (void)mkdir(weir_temp_path(f->journal, "archive"), 0700);
    leave_many(f, 1, false);
}

static void leave_many_recycled(const fixture *f) { leave_many(f, 0, true); }

static void an_archive_gets_no_hole(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_many_for_the_archive);
    run(f, f->database, NULL), expect(f, RECOVERED);
    assert_true(has_name(weir_temp_path(f->journal, "archive"), "segment-"));
    run(f, "status", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "archive   ");
    run(f, "replay", "--into", f->other, f->journal, NULL), expect(f, RECOVERED);
    assert_int_equal(rows_in(f->other), MANY);
}

/* The database is gone, and with it what has left the journal. */
static void rows_that_left_are_named_and_counted(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_many_recycled);
    in_a_child(f, leave_durable);
    forget_database(f);
    run(f, "status", "--json", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->out, "\"verdict\":\"database_behind\"");
    expect_text(f->out, "or begin a new journal (weir forget");
    expect_text(f->out, "weir-recover --accept-gap");
    run(f, f->database, NULL), expect(f, DAMAGE);
    expect_text(f->err, "the database is not there");
    run(f, "replay", "--into", f->other, f->database, NULL), expect(f, DAMAGE);
    expect_text(f->err, "to fill");
    expect_text(f->err, "add --skip-damage");
    run(f, "replay", "--skip-damage", "--into", f->other, f->database, NULL), expect(f, DAMAGE);
    int64_t there = rows_in(f->other);
    char counted[64], missing[64];
    (void)snprintf(counted, sizeof counted, "; %d rows are lost", (int)(MANY + ROWS - there));
    (void)snprintf(missing, sizeof missing, "missing: rows 1 to %d:", (int)(MANY + ROWS - there));
    assert_true(there < MANY + ROWS);
    expect_text(f->out, counted);
    expect_text(f->out, missing);
    assert_int_equal(weir_sql_int(f->other, "SELECT sum(last_row) FROM weir_loss"),
                     MANY + ROWS - there);
}

/* ---- whose journal --------------------------------------------------------------------- */

static void a_journal_named_by_another_path_fills_no_new_database(void **state) {
    fixture *f = *state;
    char elsewhere[300];
    in_a_child(f, leave_durable);
    (void)snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere-weir", f->directory);
    assert_int_equal(rename(f->journal, elsewhere), 0);
    assert_int_equal(symlink(elsewhere, f->journal), 0);
    static const char *const verbs[] = {NULL, "salvage"};
    for (size_t i = 0; i < 2; i++) {
        run(f, verbs[i] ? verbs[i] : elsewhere, verbs[i] ? elsewhere : NULL, NULL),
            expect(f, FAILED);
        expect_text(f->err, "its database is not beside it");
        expect_text(f->err, "replay --into NEW");
        assert_false(is_there(weir_temp_path(f->directory, "elsewhere")));
    }
    run(f, f->database, NULL), expect(f, RECOVERED);
    assert_int_equal(rows_in(f->database), ROWS);
}

static void another_databases_journal_is_not_applied(void **state) {
    fixture *f = *state;
    fixture other = *f;
    in_a_child(f, leave_durable);
    (void)snprintf(other.database, sizeof other.database, "%s/other.db", f->directory);
    in_a_child(&other, leave_closed);
    run(f, "--journal", f->journal, f->other, NULL), expect(f, DAMAGE);
    expect_text(f->err, "--adopt");
    run(f, "--adopt", f->other, NULL), expect(f, USAGE);
    assert_int_equal(rows_in(f->other), ROWS);
    run(f, "--adopt", "--journal", f->journal, f->other, NULL), expect(f, RECOVERED);
    assert_int_equal(rows_in(f->other), 2 * ROWS);
}

static void what_is_no_file_is_no_database(void **state) {
    fixture *f = *state;
    char fifo[300];
    (void)snprintf(fifo, sizeof fifo, "%s/fifo", f->directory);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    const char *const paths[] = {"/dev/null", fifo};
    in_a_child(f, leave_durable);
    for (size_t i = 0; i < 2; i++) {
        run(f, paths[i], NULL), expect(f, FAILED);
        expect_text(f->err, "not a regular file");
        run(f, "status", paths[i], NULL), expect(f, FAILED);
        run(f, "replay", "--into", paths[i], f->journal, NULL), expect(f, FAILED);
        expect_text(f->err, "not a regular file");
    }
}

/* As an interrupted copy leaves them: they hold nothing, and go without a trace. */
static void empty_segments_are_cleared_away(void **state) {
    fixture *f = *state;
    char name[64];
    in_a_child(f, leave_closed);
    for (int i = 0; i < 100; i++) {
        (void)snprintf(name, sizeof name, "segment-%020d", 1000 + i);
        weir_file_write(weir_temp_path(f->journal, name), "", 0);
    }
    run(f, "status", f->database, NULL), expect(f, CLEAN);
    run(f, f->database, NULL), expect(f, CLEAN);
    assert_false(has_name(f->journal, "damaged-"));
    assert_false(has_name(f->journal, "segment-0000000000000000100"));
    assert_false(has_name(f->journal, "segment-00000000000000001099"));
    in_a_child(f, leave_closed);
    assert_int_equal(rows_in(f->database), 2 * ROWS);
}

/* ---- moments --------------------------------------------------------------------------- */

/* Let the clock have been wrong for the block with this row; the blocks behind it name its new hash. */
static void set_clock(const fixture *f, uint64_t row, int64_t wall_ns) {
    size_t bytes;
    const char *segment = first_segment(f);
    uint8_t *content = weir_file_read(segment, &bytes);
    weir_block_header h;
    uint64_t previous = 0;
    for (uint64_t at = WEIR_BLOCK_ALIGN;
         at < bytes && weir_block_header_decode(content + at, &h) == WEIR_OK;
         at += weir_block_extent(&h)) {
        if (h.block > 1) h.previous_hash = previous;
        if (h.rows && h.first_row == row) h.wall_ns = wall_ns;
        weir_block_header_encode(content + at, &h);
        previous = h.hash;
    }
    patch(segment, 0, content, bytes);
    free(content);
    (void)unlink(ring_of(f)); /* it vouches for the old hashes, and holds nothing */
}

static void what_a_wrong_clock_leaves_out_is_named(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    set_clock(f, ROWS_OF_GROUP + 1, INT64_C(4000000000) * 1000000000);
    run(f, "replay", "--into", f->other, "--until", "@3000000000", f->journal, NULL);
    expect(f, RECOVERED);
    expect_text(f->err, "10 rows were written after the moment");
    assert_int_equal(rows_in(f->other), ROWS - ROWS_OF_GROUP);
    assert_int_equal(weir_sql_int(f->other, "SELECT count(*) FROM t WHERE id BETWEEN 11 AND 20"),
                     0);
    assert_int_equal(weir_sql_int(f->other, "SELECT first_row * 100 + last_row FROM weir_loss"),
                     1120);
}

/* Rows behind the last that is wanted are not lost to a later replay. */
static void what_comes_after_the_moment_can_come_later(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    run(f, "replay", "--into", f->other, "--until", "@1", f->journal, NULL), expect(f, CLEAN);
    run(f, "replay", "--into", f->other, f->journal, NULL), expect(f, RECOVERED);
    assert_int_equal(rows_in(f->other), ROWS);
    assert_int_equal(weir_sql_int(f->other, "SELECT count(*) FROM sqlite_schema "
                                            "WHERE name = 'weir_loss'"),
                     0);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        TEST(an_older_copy_with_a_torn_tail_is_no_rot),
        TEST(salvage_of_an_older_copy_doubles_nothing),
        TEST(salvage_beside_an_older_ring_doubles_nothing),
        TEST(a_replay_beside_an_older_ring_doubles_nothing),
        TEST(a_ring_from_before_any_sync_is_known_for_an_older_one),
        TEST(a_truncated_ring_is_named_and_refused),
        TEST(the_rings_rows_are_replayed),
        TEST(a_replay_goes_on_behind_the_drained_ring),
        TEST(salvage_of_a_healthy_journal_changes_nothing),
        TEST(what_was_salvaged_opens_again),
        TEST(what_is_lost_is_kept_in_mind),
        TEST(a_lost_ring_is_kept_in_mind),
        TEST(a_journal_of_which_only_the_ring_is_left_goes_on),
        TEST(the_way_back),
        TEST(an_archive_gets_no_hole),
        TEST(rows_that_left_are_named_and_counted),
        TEST(a_journal_named_by_another_path_fills_no_new_database),
        TEST(another_databases_journal_is_not_applied),
        TEST(what_is_no_file_is_no_database),
        TEST(empty_segments_are_cleared_away),
        TEST(what_a_wrong_clock_leaves_out_is_named),
        TEST(what_comes_after_the_moment_can_come_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
