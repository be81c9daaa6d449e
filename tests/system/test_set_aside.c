/* test_set_aside.c - weir aside list and drop: a damaged segment goes when nobody needs it, and with
 * --all when its user gives it up. */
/* Covers: recovery/set_aside.c */
#include "tool.h"

static char damaged[600], sound[300]; /* the segment's name, and a copy from before the damage */

static int set_up_aside(void **state) {
    if (set_up(state) != 0) return -1;
    ((fixture *)*state)->binary = WEIR_TOOL;
    return 0;
}
#define ASIDE(name) cmocka_unit_test_setup_teardown(name, set_up_aside, tear_down)

static void rot(const fixture *f, uint64_t offset) {
    (void)snprintf(damaged, sizeof damaged, "%s", first_segment(f));
    (void)snprintf(sound, sizeof sound, "%s/sound", f->directory);
    weir_file_copy_tree(damaged, sound);
    patch(damaged, offset, "rotten", 6);
}

/* Rows 21 to 30 are lost, all others applied. */
static void salvage_one(fixture *f) {
    in_a_child(f, leave_durable);
    rot(f, offset_of_row(first_segment(f), 21) + WEIR_BLOCK_HEADER + 8);
    run(f, "salvage", f->database, NULL), expect(f, DAMAGE);
    assert_true(has_name(f->journal, "damaged-blocks-segment-"));
}

static void drop(fixture *f, const char *a, const char *b) {
    run(f, "aside", "drop", f->database, a, a ? b : NULL, NULL), expect(f, CLEAN);
}

/* It is needed, says why, and stays. */
static void assert_needed(fixture *f, const char *why) {
    uint64_t before = tree_hash(f->journal);
    run(f, "aside", "list", f->database, NULL), expect(f, CLEAN);
    assert_int_equal(lines(f->out), 1);
    expect_text(f->out, "; needed: ");
    expect_text(f->out, why);
    drop(f, NULL, NULL);
    expect_text(f->out, "; stays: ");
    expect_text(f->out, why);
    assert_true(tree_hash(f->journal) == before);
}

static void assert_goes(fixture *f) {
    uint64_t before = tree_hash(f->journal);
    run(f, "aside", "list", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "; not needed\n");
    drop(f, "--dry-run", NULL);
    expect_text(f->out, "; would be deleted\n");
    assert_true(tree_hash(f->journal) == before);
    drop(f, NULL, NULL);
    expect_text(f->out, "; deleted\n");
    assert_false(has_name(f->journal, "damaged-"));
    drop(f, NULL, NULL);
    expect_text(f->out, ": no file is set aside\n");
    run(f, "status", f->database, NULL), expect(f, CLEAN);
    assert_null(strstr(f->out, "set aside"));
}

static void remove_losses_file(const fixture *f) {
    char path[300];
    (void)snprintf(path, sizeof path, "%s/losses", f->journal);
    assert_int_equal(unlink(path), 0);
}

/* ---- lost rows ------------------------------------------------------------------------------- */

/* By either record; who deletes both has read them, as SALVAGE.md says. */
static void it_is_needed_while_its_rows_are_recorded_as_lost(void **state) {
    fixture *f = *state;
    salvage_one(f);
    assert_needed(f, "rows 1 to 50 can be read; ");
    assert_needed(f, "rows 21 to 30 are lost (the table weir_loss), and a mended copy of this file "
                     "may bring them back");
    weir_sql_run(f->database, "DELETE FROM weir_loss");
    assert_needed(f, "rows 21 to 30 are lost (the file losses of the journal)");
    remove_losses_file(f);
    assert_goes(f);
}

static void the_table_alone_is_enough(void **state) {
    fixture *f = *state;
    salvage_one(f);
    remove_losses_file(f);
    assert_needed(f, "rows 21 to 30 are lost (the table weir_loss)");
    weir_sql_run(f->database, "UPDATE weir_loss SET first_row = 51, last_row = 60");
    assert_needed(f, "rows 51 to 60 are lost"); /* perhaps in a damaged block right behind */
    weir_sql_run(f->database, "UPDATE weir_loss SET first_row = NULL, last_row = NULL");
    assert_needed(f, "rows are lost of which nobody knows the numbers (the table weir_loss)");
    weir_sql_run(f->database, "UPDATE weir_loss SET first_row = 52, last_row = 60");
    assert_goes(f);
}

static void after_an_undo_it_is_not_needed(void **state) {
    fixture *f = *state;
    salvage_one(f);
    assert_int_equal(rename(sound, damaged), 0);
    run(f, "salvage", "--undo", f->database, NULL), expect(f, RECOVERED);
    assert_goes(f);
    assert_int_equal(rows_in(f->database), ROWS);
}

/* Undone from the file itself, mended in its place: so it has to stay until then. */
static void a_mended_file_brings_them_back(void **state) {
    fixture *f = *state;
    char aside[600];
    salvage_one(f);
    drop(f, NULL, NULL);
    (void)snprintf(aside, sizeof aside, "%s/damaged-blocks-%s", f->journal,
                   strrchr(damaged, '/') + 1);
    assert_int_equal(rename(sound, aside), 0);
    run(f, "salvage", "--undo", f->database, NULL), expect(f, RECOVERED);
    assert_int_equal(rows_in(f->database), ROWS);
    assert_goes(f);
}

/* ---- rows that the database has not ---------------------------------------------------------- */

static void an_older_database_needs_it(void **state) {
    fixture *f = *state;
    salvage_one(f);
    weir_sql_run(f->database, "DELETE FROM weir_loss");
    remove_losses_file(f);
    weir_sql_run(f->database, "UPDATE weir_position SET row = 49");
    assert_needed(f, "the database has rows up to 49, and this file up to 50");
    weir_sql_run(f->database, "DELETE FROM weir_position");
    assert_needed(f, "it is of a journal that the database does not know");
    forget_database(f);
    assert_needed(f, "the database cannot be asked what it has: it is not there");
}

static void without_a_sound_block_any_loss_counts(void **state) {
    fixture *f = *state;
    salvage_one(f);
    char aside[600];
    (void)snprintf(aside, sizeof aside, "%s/damaged-blocks-%s", f->journal,
                   strrchr(damaged, '/') + 1);
    weir_file_write(aside, "nothing of it is left", 21);
    remove_losses_file(f);
    weir_sql_run(f->database, "UPDATE weir_loss SET first_row = 1000, last_row = 1001");
    assert_needed(f, "no rows can be read; ");
    weir_sql_run(f->database, "DELETE FROM weir_loss");
    assert_goes(f);
}

/* ---- given up -------------------------------------------------------------------------------- */

static void with_all_it_is_given_up_and_said(void **state) {
    fixture *f = *state;
    salvage_one(f);
    uint64_t before = tree_hash(f->journal);
    drop(f, "--all", "--dry-run");
    expect_text(f->out, "; would be deleted, and given up: rows 21 to 30 are lost");
    assert_true(tree_hash(f->journal) == before);
    drop(f, "--all", NULL);
    expect_text(f->out, "; deleted, and given up: rows 21 to 30 are lost");
    assert_false(has_name(f->journal, "damaged-"));
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM weir_loss"), 1);
    in_a_child(f, leave_closed); /* it was nobody's */
    assert_int_equal(rows_in(f->database), 2 * ROWS - ROWS_OF_GROUP);
}

static void each_is_an_object(void **state) {
    fixture *f = *state;
    salvage_one(f);
    run(f, "aside", "list", "--json", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "{\"type\":\"aside\",\"path\":\"");
    expect_text(f->out, "\"segment\":1,\"bytes\":");
    expect_text(f->out, "\"first_row\":1,\"last_row\":50,\"needed\":true,\"why\":\"rows 21 to 30 ");
    drop(f, "--json", NULL);
    expect_text(f->out, "{\"type\":\"not_dropped\",");
    drop(f, "--json", "--all");
    expect_text(f->out, "{\"type\":\"dropped\",");
    drop(f, "--json", NULL);
    assert_string_equal(f->out, "");
}

/* ---- what is none ---------------------------------------------------------------------------- */

static void other_files_are_left_alone(void **state) {
    fixture *f = *state;
    char path[300];
    in_a_child(f, leave_closed);
    static const char *const names[] = {"damaged-notes", "damaged-blocks-segment-1",
                                        "undamaged-blocks-segment-00000000000000000001"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", f->journal, names[i]);
        weir_file_write(path, "mine", 4);
    }
    uint64_t before = tree_hash(f->journal);
    drop(f, "--all", NULL);
    expect_text(f->out, ": no file is set aside\n");
    assert_true(tree_hash(f->journal) == before);
    run(f, "aside", "drop", f->other, NULL), expect(f, FAILED);
    run(f, "aside", "list", "--all", f->database, NULL), expect(f, USAGE);
    run(f, "aside", f->database, NULL), expect(f, USAGE);
    weir_temp_remove(f->journal);
    run(f, "aside", "list", f->database, NULL), expect(f, FAILED);
    expect_text(f->err, "there is no journal at ");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ASIDE(it_is_needed_while_its_rows_are_recorded_as_lost),
        ASIDE(the_table_alone_is_enough),
        ASIDE(after_an_undo_it_is_not_needed),
        ASIDE(a_mended_file_brings_them_back),
        ASIDE(an_older_database_needs_it),
        ASIDE(without_a_sound_block_any_loss_counts),
        ASIDE(with_all_it_is_given_up_and_said),
        ASIDE(each_is_an_object),
        ASIDE(other_files_are_left_alone),
    };
    return cmocka_run_group_tests_name("set_aside", tests, NULL, NULL);
}
