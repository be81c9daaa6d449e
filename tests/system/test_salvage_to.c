/* Salvage into a new file: all that can be read of database and journal, with a list of the rest, and
 * not a byte of what is there is touched. */
/* Covers: recovery/salvage_to.c, recovery/copy_database.c, recovery/copy_rows.c, recovery/unread.c,
 * recovery/rebuild.c */
#include "tool.h"

static int64_t in(const fixture *f, const char *sql) { return weir_sql_int(f->other, sql); }

static char *manifest(const fixture *f) {
    char path[300];
    (void)snprintf(path, sizeof path, "%s-salvage.json", f->other);
    return weir_file_text(path);
}

static void manifest_says(const fixture *f, const char *part) {
    char *text = manifest(f);
    expect_text(text, part);
    free(text);
}

/* With nothing changed of what was there. */
static void salvage_to(fixture *f, int code) {
    uint64_t database = tree_hash(f->database), journal = 0;
    if (is_there(f->journal)) journal = tree_hash(f->journal);
    run(f, "salvage", "--to", f->other, f->database, NULL), expect(f, code);
    assert_true(tree_hash(f->database) == database);
    assert_true(!journal || tree_hash(f->journal) == journal);
}

static void rot(const fixture *f, uint64_t row) {
    const char *segment = first_segment(f);
    patch(segment, offset_of_row(segment, row) + WEIR_BLOCK_HEADER + 8, "rotten", 6);
}

/* ---- damage of the journal ------------------------------------------------------------- */

static void a_new_file_gets_all_that_is_readable(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_half_applied);
    salvage_to(f, RECOVERED);
    assert_int_equal(in(f, "SELECT count(*) FROM t"), ROWS);
    assert_int_equal(in(f, "SELECT count(DISTINCT id) FROM t"), ROWS);
    assert_int_equal(in(f, "SELECT count(*) FROM weir_salvage"), 0);
    manifest_says(f, "\"unread\":0}");
    run(f, "salvage", "--to", f->other, f->database, NULL), expect(f, FAILED);
    expect_text(f->err, "is there already");
}

static void lost_rows_are_in_the_manifest(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    rot(f, 2 * ROWS_OF_GROUP + 1);
    salvage_to(f, DAMAGE);
    assert_int_equal(in(f, "SELECT count(*) FROM t"), ROWS - ROWS_OF_GROUP);
    assert_int_equal(in(f, "SELECT first_row * 100 + last_row FROM weir_salvage"), 2130);
    assert_int_equal(in(f, "SELECT first_row * 100 + last_row FROM weir_loss"), 2130);
    assert_int_equal(in(f, "SELECT offset % 4096 = 0 AND first_block = last_block AND file LIKE "
                           "'%segment-%' FROM weir_salvage"),
                     1);
    manifest_says(
        f, "\"first_row\":21,\"last_row\":30,\"why\":\"the payload does not match its hash\"");
    expect_text(f->err, "other.db-salvage.json");
}

static void rows_of_a_dead_ring_come_too(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_both);
    salvage_to(f, RECOVERED);
    assert_int_equal(in(f, "SELECT count(*) FROM t"), ROWS);
    assert_int_equal(in(f, "SELECT count(*) FROM other"), 1);
}

/* A program that runs is not disturbed: it gets what is durable, once. */
static void beside_a_program_that_runs(void **state) {
    fixture *f = *state;
    int ready[2], over[2], status;
    char byte;
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(over), 0);
    pid_t child = fork();
    if (child == 0) {
        close(over[1]);
        stay_open(f, ready[1], over[0]);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    run(f, "salvage", "--to", f->other, f->database, NULL), expect(f, CLEAN);
    assert_int_equal(in(f, "SELECT count(*) FROM t"), ROWS);
    close(over[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    run(f, f->database, NULL), expect(f, CLEAN);
    assert_int_equal(rows_in(f->database), ROWS);
}

/* ---- damage of the database ------------------------------------------------------------ */

enum { LARGE = 5000 };

static void leave_large(const fixture *f) {
    weir *w = open_here(f, NULL);
    append_rows(declare(w, "t"), 1, LARGE);
    reach(w, WEIR_APPLIED);
    must(weir_close(w), 16);
}

/* Of one page in the middle of the table everything is gone. */
static void spoil_page(const fixture *f, const char *which) {
    char noise[4096], sql[200];
    memset(noise, 0x5A, sizeof noise);
    (void)snprintf(sql, sizeof sql, "SELECT %s FROM dbstat WHERE name = 't' AND pagetype = 'leaf'",
                   which);
    int64_t page = weir_sql_int(f->database, sql);
    patch(f->database, (uint64_t)(page - 1) * 4096, noise, sizeof noise);
}

static void a_damaged_database_is_read_around_its_damage(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_large);
    int64_t pages = weir_sql_int(f->database, "SELECT count(*) FROM dbstat WHERE name = 't' AND "
                                              "pagetype = 'leaf'");
    weir_sql_run(f->database, "CREATE INDEX by_x ON t(x); CREATE VIEW v AS SELECT id FROM t");
    spoil_page(f, "max(pageno) / 2");
    salvage_to(f, DAMAGE);
    int64_t rows = in(f, "SELECT count(*) FROM t");
    assert_true(rows > LARGE - 3 * LARGE / pages && rows < LARGE);
    assert_int_equal(in(f, "SELECT sum(last_rowid - first_rowid + 1) FROM weir_salvage WHERE "
                           "table_name = 't'"),
                     LARGE - rows);
    assert_int_equal(in(f, "SELECT count(*) FROM t WHERE id <> rowid"), 0);
    assert_int_equal(in(f, "SELECT count(*) FROM v"), rows);
    assert_int_equal(in(f, "SELECT count(*) FROM pragma_index_list('t')"), 1);
    manifest_says(f, "\"table\":\"t\",\"first_rowid\":");
}

/* What the journal has beyond the position is added, and nothing twice. */
static void the_journal_follows_on_what_was_copied(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_large);
    in_a_child(f, leave_durable);
    spoil_page(f, "max(pageno) / 2");
    salvage_to(f, DAMAGE);
    assert_int_equal(in(f, "SELECT count(*) - count(DISTINCT id) FROM t"), ROWS);
}

static void without_a_position_no_row_is_added(void **state) {
    fixture *f = *state;
    char noise[4096];
    memset(noise, 0x5A, sizeof noise);
    in_a_child(f, leave_closed);
    int64_t page = weir_sql_int(f->database, "SELECT rootpage FROM sqlite_schema WHERE name = "
                                             "'weir_position'");
    patch(f->database, (uint64_t)(page - 1) * 4096, noise, sizeof noise);
    salvage_to(f, DAMAGE);
    assert_int_equal(in(f, "SELECT count(*) FROM t"), ROWS);
    expect_text(f->err, "its table weir_position cannot be read");
    manifest_says(f, "\"table\":\"weir_position\"");
}

/* What is no database gives nothing, and the journal all that it has. */
static void a_letter_is_no_database(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    forget_database(f);
    weir_file_write(f->database, "This is a letter, not a database. It is long enough.", 52);
    salvage_to(f, DAMAGE);
    assert_int_equal(in(f, "SELECT count(*) FROM t"), ROWS);
    manifest_says(f, "run.db\",\"why\":");
}

/* ---- rehearsed ------------------------------------------------------------------------- */

static void a_dry_run_makes_no_file(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_half_applied);
    run(f, "salvage", "--dry-run", "--to", f->other, f->database, NULL), expect(f, RECOVERED);
    expect_text(f->out, "would be copied whole");
    expect_text(f->out, "would apply 40 rows, lose 0");
    assert_false(is_there(f->other));
    run(f, "salvage", "--integrity", "full", "--to", f->other, f->database, NULL);
    expect(f, RECOVERED);
    expect_text(f->out, "integrity_check: ok");
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        TEST(a_new_file_gets_all_that_is_readable),
        TEST(lost_rows_are_in_the_manifest),
        TEST(rows_of_a_dead_ring_come_too),
        TEST(beside_a_program_that_runs),
        TEST(a_damaged_database_is_read_around_its_damage),
        TEST(the_journal_follows_on_what_was_copied),
        TEST(without_a_position_no_row_is_added),
        TEST(a_letter_is_no_database),
        TEST(a_dry_run_makes_no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
