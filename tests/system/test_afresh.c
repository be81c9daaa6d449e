/* test_afresh.c - a database that is new, older or newer than its journal, and a journal that is gone: each
 * is told, in every run alike, and each way out that a message names leads out. */
/* Covers: recovery/forget.c, recovery/formers.c, recovery/gap.c, recovery/missing.c,
 * writer/sqlite/former.c, writer/sqlite/position_store.c */
#include "tool.h"

enum { MANY = 250 };

static char events[8192]; /* texts of WEIR_EVENT_JOURNAL, a line each */

static void note_journal(void *context, weir_event event, const char *text) {
    (void)context;
    size_t length = strlen(events);
    if (event == WEIR_EVENT_JOURNAL)
        (void)snprintf(events + length, sizeof events - length, "%s\n", text);
}

static const weir_options noting = {
    .on_event = note_journal, .lane_bytes = 1 << 16, .lanes_max = 4, .segment_bytes = 1 << 20};

static void must_open(const char *database, const weir_options *options) {
    weir *w;
    events[0] = 0;
    if (weir_open_sqlite(database, options, &w) != WEIR_OK) fail_msg("%s", weir_last_error());
    assert_int_equal(weir_sync(w, WEIR_APPLIED, UINT32_MAX), WEIR_OK);
    assert_int_equal(weir_close(w), WEIR_OK);
}

static void must_be_refused(const fixture *f, const char *text) {
    weir *w;
    assert_int_equal(weir_open_sqlite(f->database, &noting, &w), WEIR_FOREIGN);
    expect_text(weir_last_error(), text);
    expect_text(weir_last_error(), f->database);
}

/* Segments that leave the journal, and in the last a few rows. */
static void leave_many(const fixture *f) {
    weir_rng rng = {1};
    weir *w = open_here(f, &(weir_options){.segment_bytes = 1 << 20});
    weir_table *table = declare(w, "t");
    append_noise(table, &rng, 1, MANY, 20000);
    reach(w, WEIR_APPLIED);
    must(weir_close(w), 16);
}

static void leave_more(const fixture *f) {
    weir *w = open_here(f, &(weir_options){.segment_bytes = 1 << 20});
    append_rows(declare(w, "t"), MANY + 1, MANY + 10);
    reach(w, WEIR_APPLIED);
    must(weir_close(w), 16);
}

static const char *aside(const fixture *f, int number) {
    static char path[300];
    (void)snprintf(path, sizeof path, "%s-forgotten-%d", f->journal, number);
    return path;
}

static int64_t ask(const fixture *f, const char *sql) { return weir_sql_int(f->database, sql); }

/* ---- the database is removed ----------------------------------------------------------- */

static void a_database_that_is_gone_is_not_made_anew_unasked(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_closed);
    forget_database(f);
    for (int i = 0; i < 3; i++) { /* each run says the same */
        must_be_refused(f, "the database is not there");
        assert_false(is_there(f->database));
    }
    run(f, "status", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->out, "database_missing: ");
    expect_text(f->out, "weir forget");
    run(f, f->database, NULL), expect(f, RECOVERED);
    assert_int_equal(rows_in(f->database), ROWS);
    must_open(f->database, &noting);
    assert_string_equal(events, "");
}

static void a_database_that_is_gone_is_forgotten(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_closed);
    forget_database(f);
    run(f, "forget", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->err, "has 50 rows (up to row 50) that are not in");
    assert_true(is_there(f->journal));
    run(f, "forget", "--yes", f->database, NULL), expect(f, CLEAN);
    assert_false(is_there(f->journal) || is_there(f->database));
    must_open(f->database, &noting);
    assert_string_equal(events, "");
    run(f, "status", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, aside(f, 1));
    run(f, "replay", "--into", f->other, aside(f, 1), NULL), expect(f, RECOVERED);
    assert_int_equal(rows_in(f->other), ROWS);
}

/* What a first process leaves that dies early: its rows come, and nobody is alarmed. */
static void the_first_crash_is_no_new_database(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_in_ring);
    must_open(f->database, &noting);
    assert_string_equal(events, "");
    assert_int_equal(rows_in(f->database), ROWS);
}

static void an_empty_database_beside_a_closed_journal_is_told(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_closed);
    forget_database(f);
    weir_file_write(f->database, "", 0);
    must_open(f->database, &noting);
    expect_text(events, "has nothing of this journal, so all of its 50 rows are applied");
    must_open(f->database, &noting);
    assert_string_equal(events, "");
}

/* ---- rows have left the journal -------------------------------------------------------- */

static void a_gap_is_accepted_and_recorded(void **state) {
    fixture *f = *state;
    char missing[100];
    in_a_child(f, leave_many);
    in_a_child(f, leave_more);
    forget_database(f);
    run(f, f->database, NULL), expect(f, DAMAGE);
    expect_text(f->err, "weir-recover --accept-gap");
    assert_false(is_there(f->database));
    run(f, "--accept-gap", f->database, NULL), expect(f, DAMAGE);
    int64_t gap = ask(f, "SELECT last_row FROM weir_loss WHERE first_row = 1");
    assert_true(gap > 0 && gap <= MANY);
    assert_int_equal(rows_in(f->database), MANY + 10 - gap);
    assert_int_equal(ask(f, "SELECT min(id) FROM t"), gap + 1);
    (void)snprintf(missing, sizeof missing, "rows 1 to %d are missing", (int)gap);
    expect_text(f->out, missing);
    must_open(f->database, &noting);
    run(f, "--accept-gap", f->database, NULL), expect(f, CLEAN); /* there is none any more */
    run(f, "status", f->database, NULL), expect(f, CLEAN);
    (void)snprintf(missing, sizeof missing, "rows 1 to %d (table weir_loss", (int)gap);
    expect_text(f->out, missing);
    assert_int_equal(ask(f, "SELECT count(*) FROM weir_loss"), 1);
}

static void put_back(const fixture *f, const char *kept) {
    weir_temp_remove(f->journal);
    weir_file_copy_tree(kept, f->journal);
}

/* The tool dies when the loss is recorded and the position is not moved; then when it is. */
static void accepting_a_gap_may_be_interrupted(void **state) {
    fixture *f = *state;
    char kept[300];
    in_a_child(f, leave_many);
    in_a_child(f, leave_more);
    (void)snprintf(kept, sizeof kept, "%s/kept", f->directory);
    weir_file_copy_tree(f->journal, kept);
    weir_sql_run(f->database, "DELETE FROM weir_position; DELETE FROM t");
    run(f, "--accept-gap", f->database, NULL), expect(f, DAMAGE);
    int64_t rows = rows_in(f->database);
    assert_true(rows >= 10);
    put_back(f, kept);
    weir_sql_run(f->database, "DELETE FROM weir_position; DELETE FROM t");
    run(f, "--accept-gap", "--json", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->out, "\"lost\":true,\"first_missing\":1,");
    assert_int_equal(rows_in(f->database), rows);
    assert_int_equal(ask(f, "SELECT count(*) FROM weir_loss"), 1);
    put_back(f, kept);
    weir_sql_run(f->database, "DELETE FROM t; UPDATE weir_position SET block = (SELECT 0), row = "
                              "(SELECT last_row FROM weir_loss), hash = 0");
    run(f, "--accept-gap", f->database, NULL);
    assert_int_equal(rows_in(f->database), rows);
    assert_int_equal(ask(f, "SELECT count(*) FROM weir_loss"), 1);
    must_open(f->database, &noting);
}

static void an_older_backup_is_accepted_as_it_is(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_closed);
    weir_file_copy_tree(f->database, f->other);
    in_a_child(f, leave_many);
    in_a_child(f, leave_more);
    forget_database(f);
    weir_file_copy_tree(f->other, f->database);
    must_be_refused(f, "have left the journal");
    must_be_refused(f, "has applied up to row 50");
    uint64_t before = tree_hash(f->directory);
    run(f, "forget", "--yes", "--dry-run", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "would be");
    assert_true(tree_hash(f->directory) == before);
    run(f, "forget", "--yes", "--json", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "\"first_row\":51,\"last_row\":310,");
    assert_int_equal(ask(f, "SELECT last_row - first_row FROM weir_forgotten"), 259);
    must_open(f->database, &noting);
    assert_string_equal(events, "");
    assert_int_equal(rows_in(f->database), ROWS);
    run(f, "status", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "rows 51 to 310 of it are not in this database");
}

/* ---- forgetting, and going back -------------------------------------------------------- */

static void what_is_forgotten_comes_back_when_it_is_moved_back(void **state) {
    fixture *f = *state;
    char away[300];
    in_a_child(f, leave_half_applied);
    run(f, "forget", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->err, "has 40 rows");
    run(f, "forget", "--yes", f->database, NULL), expect(f, CLEAN);
    must_open(f->database, &noting);
    assert_string_equal(events, "");
    assert_int_equal(rows_in(f->database), ROWS_OF_GROUP);
    (void)snprintf(away, sizeof away, "%s/away", f->directory);
    assert_int_equal(rename(f->journal, away), 0);
    assert_int_equal(rename(aside(f, 1), f->journal), 0);
    run(f, f->database, NULL), expect(f, RECOVERED);
    assert_int_equal(rows_in(f->database), ROWS);
    assert_int_equal(ask(f, "SELECT count(DISTINCT id) FROM t"), ROWS);
    assert_int_equal(ask(f, "SELECT count(*) FROM weir_forgotten"), 0);
}

/* The tool dies when the database knows, and the directory has its name still. */
static void forgetting_may_be_interrupted(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_half_applied);
    run(f, "forget", "--yes", f->database, NULL), expect(f, CLEAN);
    assert_int_equal(rename(aside(f, 1), f->journal), 0);
    run(f, "forget", "--yes", f->database, NULL), expect(f, CLEAN); /* again: to its end */
    assert_int_equal(ask(f, "SELECT count(*) FROM weir_forgotten"), 1);
    assert_true(is_there(aside(f, 1)) && !is_there(f->journal));
    assert_int_equal(rename(aside(f, 1), f->journal), 0);
    must_open(f->database, &noting); /* or not at all */
    assert_int_equal(rows_in(f->database), ROWS);
    assert_int_equal(ask(f, "SELECT count(*) FROM weir_forgotten"), 0);
}

/* A journal at another place: the database enters it, and it dies before the entry is gone. */
static void a_journal_elsewhere_is_forgotten(void **state) {
    fixture *f = *state;
    weir_options options = noting;
    char elsewhere[300], entry[900];
    (void)snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", f->directory);
    options.journal_directory = elsewhere;
    must_open(f->database, &options);
    (void)snprintf(entry, sizeof entry,
                   "INSERT INTO weir_journal SELECT journal, '%s', '%s' FROM weir_forgotten",
                   elsewhere, f->database);
    run(f, "forget", f->database, NULL), expect(f, CLEAN);
    assert_false(is_there(elsewhere));
    assert_int_equal(ask(f, "SELECT count(*) FROM weir_journal"), 0);
    weir_sql_run(f->database, entry);
    run(f, "forget", f->database, NULL), expect(f, CLEAN);
    assert_int_equal(ask(f, "SELECT count(*) FROM weir_journal"), 0);
    must_open(f->database, &noting);
    assert_string_equal(events, "");
}

static void an_open_journal_is_not_forgotten(void **state) {
    fixture *f = *state;
    weir *w;
    assert_int_equal(weir_open_sqlite(f->database, &noting, &w), WEIR_OK);
    run(f, "forget", "--yes", f->database, NULL), expect(f, FAILED);
    expect_text(f->err, "is open in process");
    assert_int_equal(weir_close(w), WEIR_OK);
    run(f, "forget", f->database, NULL), expect(f, CLEAN);
    run(f, "forget", f->database, NULL), expect(f, CLEAN); /* there is none any more */
    expect_text(f->out, "there is no journal");
}

/* ---- the database is newer, or another ------------------------------------------------- */

static void a_database_that_is_newer_keeps_its_rows(void **state) {
    fixture *f = *state;
    char older[300];
    in_a_child(f, leave_closed);
    (void)snprintf(older, sizeof older, "%s/older", f->directory);
    weir_file_copy_tree(f->journal, older);
    in_a_child(f, leave_closed);
    weir_temp_remove(f->journal);
    assert_int_equal(rename(older, f->journal), 0);
    must_be_refused(f, "keep the database and begin a new journal (weir forget");
    run(f, "forget", f->database, NULL), expect(f, CLEAN);
    must_open(f->database, &noting);
    assert_int_equal(rows_in(f->database), 2 * ROWS);
}

static void two_histories_are_parted(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_closed);
    weir_sql_run(f->database, "UPDATE weir_position SET hash = hash + 1");
    must_be_refused(f, "weir forget");
    run(f, "forget", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->err, "nobody can tell whether this database has them");
    run(f, "forget", "--yes", f->database, NULL), expect(f, CLEAN);
    must_open(f->database, &noting);
    assert_int_equal(rows_in(f->database), ROWS);
}

/* ---- the journal is gone --------------------------------------------------------------- */

static void a_journal_that_was_closed_is_not_missed(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_closed);
    assert_int_equal(ask(f, "SELECT closed FROM weir_position"), 1);
    weir_temp_remove(f->journal);
    run(f, "status", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "no_journal: ");
    run(f, "--json", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "\"verdict\":\"no_journal\"");
    expect_text(f->out, "\"lost\":false");
    must_open(f->database, &noting);
    assert_string_equal(events, "");
}

static void leave_durable_alone(const fixture *f) {
    weir *w = open_here(f, &(weir_options){.linger_ms = 600000, .apply_linger_ms = 600000});
    append(declare(w, "t"), 1);
    reach(w, WEIR_DURABLE);
    die();
}

/* The first opening ever, which died before a row was applied. */
static void the_first_journal_is_missed_too(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable_alone);
    assert_int_equal(ask(f, "SELECT count(*) FROM weir_position WHERE block = 0 AND closed = 0"),
                     1);
    weir_temp_remove(f->journal);
    run(f, "status", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->out, "rows after row 0 may be missing");
    must_open(f->database, &noting);
    expect_text(events, "rows after row 0 may be missing");
}

/* One that closed with nothing in it is not. */
static void an_unused_journal_is_not_missed(void **state) {
    fixture *f = *state;
    must_open(f->database, &noting);
    assert_int_equal(ask(f, "SELECT closed FROM weir_position"), 1);
    weir_temp_remove(f->journal);
    run(f, "status", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "no_journal: ");
}

static void a_journal_in_which_rows_waited_is_missed(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_half_applied);
    assert_int_equal(ask(f, "SELECT closed FROM weir_position"), 0);
    weir_temp_remove(f->journal);
    run(f, "status", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->out, "journal_missing: ");
    expect_text(f->out, "rows after row 10 may be missing");
    run(f, "--json", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->out, "\"verdict\":\"journal_missing\"");
    expect_text(f->out, "\"lost\":true");
    must_open(f->database, &noting);
    expect_text(events, "rows after row 10 may be missing");
    must_open(f->database, &noting);
    assert_string_equal(events, ""); /* once */
    run(f, "status", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "rows after row 10 of it may be missing");
}

/* It is not the database that the journal feeds. */
static void a_database_that_was_rebuilt_misses_no_journal(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_in_ring);
    run(f, "replay", "--into", f->other, f->database, NULL), expect(f, RECOVERED);
    assert_int_equal(rows_in(f->other), ROWS);
    must_open(f->other, &noting);
    assert_string_equal(events, "");
    run(f, "status", f->other, NULL), expect(f, CLEAN);
}

static void forgetting_ends_the_missing(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_half_applied);
    weir_temp_remove(f->journal);
    run(f, "forget", f->database, NULL), expect(f, CLEAN);
    run(f, "status", f->database, NULL), expect(f, CLEAN);
    must_open(f->database, &noting);
    assert_string_equal(events, "");
}

static void a_database_without_a_journal_stays_as_it_is(void **state) {
    fixture *f = *state;
    weir_sql_run(f->database, "CREATE TABLE t(x)");
    uint64_t before = tree_hash(f->database);
    run(f, "forget", f->database, NULL), expect(f, CLEAN);
    assert_true(tree_hash(f->database) == before);
    run(f, "status", f->database, NULL), expect(f, FAILED);
    expect_text(f->err, "there is no journal at");
}

/* Closed while another connection has the database locked, and killed: rows wait. */
static void leave_pending(const fixture *f) {
    weir *w = open_here(f, &(weir_options){.open_timeout_ms = 50});
    weir_table *table = declare(w, "t");
    append(table, 1);
    reach(w, WEIR_APPLIED);
    lock_database(f->database);
    append(table, 2);
    if (weir_close(w) != WEIR_PENDING) _exit(18);
}

static void rows_left_by_closing_are_missed(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_pending);
    assert_int_equal(ask(f, "SELECT closed FROM weir_position"), 0);
    weir_temp_remove(f->journal);
    must_open(f->database, &noting);
    expect_text(events, "rows after row 1 may be missing");
}

/* The same, but the database is free, and its schema takes no more rows. */
static void leave_stuck(const fixture *f) {
    weir *w = open_here(f, &(weir_options){.open_timeout_ms = 50});
    weir_table *table = declare(w, "t");
    append(table, 1);
    reach(w, WEIR_APPLIED);
    weir_sql_run(f->database, "ALTER TABLE t RENAME COLUMN id TO another");
    append(table, 2);
    if (weir_close(w) != WEIR_PENDING) _exit(18);
}

static void rows_that_the_schema_keeps_waiting_are_missed(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_stuck);
    assert_int_equal(ask(f, "SELECT closed FROM weir_position"), 0);
    weir_temp_remove(f->journal);
    must_open(f->database, &noting);
    expect_text(events, "rows after row 1 may be missing");
}

/* A journal that was closed is used again, and nothing of that is ever applied. */
static void leave_stuck_from_the_start(const fixture *f) {
    weir *w = open_here(f, NULL);
    weir_table *table = declare(w, "t");
    weir_sql_run(f->database, "ALTER TABLE t RENAME COLUMN id TO another");
    append(table, ROWS + 1);
    reach(w, WEIR_DURABLE);
}

static void rows_of_a_journal_that_was_closed_before_are_missed(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_closed);
    in_a_child(f, leave_stuck_from_the_start);
    assert_int_equal(ask(f, "SELECT closed FROM weir_position"), 0);
    weir_temp_remove(f->journal);
    run(f, "status", f->database, NULL), expect(f, DAMAGE);
    must_open(f->database, &noting);
    expect_text(events, "may be missing");
}

/* Opened and closed again, without a row: nothing is missing. */
static void an_opening_without_rows_leaves_a_closed_journal(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_closed);
    must_open(f->database, &noting);
    assert_int_equal(ask(f, "SELECT closed FROM weir_position"), 1);
    weir_temp_remove(f->journal);
    must_open(f->database, &noting);
    assert_string_equal(events, "");
}

static void a_journal_that_was_moved_is_told(void **state) {
    fixture *f = *state;
    weir_options options = noting;
    char elsewhere[300], there[300];
    in_a_child(f, leave_half_applied);
    (void)snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", f->directory);
    (void)snprintf(there, sizeof there, "%s/there", f->directory);
    assert_int_equal(rename(f->journal, elsewhere), 0);
    options.journal_directory = elsewhere;
    must_open(f->database, &options);
    expect_text(events, "last time it was beside the database");
    must_open(f->database, &options);
    assert_string_equal(events, "");
    assert_int_equal(rows_in(f->database), ROWS);
    assert_int_equal(rename(elsewhere, there), 0);
    options.journal_directory = there;
    must_open(f->database, &options);
    expect_text(events, "last time it was at ");
}

static void leave_waiting_elsewhere(const fixture *f) {
    char elsewhere[300];
    (void)snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", f->directory);
    weir *w = open_here(f, &(weir_options){.journal_directory = elsewhere});
    lock_database(f->database);
    append(declare(w, "t"), ROWS + 1);
    reach(w, WEIR_DURABLE);
    die();
}

/* Nothing of it was ever applied, but the database names it, and its refusals do. */
static void rows_of_a_second_journal_are_brought_in_as_told(void **state) {
    fixture *f = *state;
    char elsewhere[300];
    (void)snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", f->directory);
    in_a_child(f, leave_closed);
    in_a_child(f, leave_waiting_elsewhere);
    must_be_refused(f, "weir-recover --journal ");
    run(f, "--journal", elsewhere, f->database, NULL), expect(f, RECOVERED);
    assert_int_equal(rows_in(f->database), ROWS + 1);
    must_open(f->database, &noting);
}

/* A database of a version before the column: nothing is known, and nothing is told. */
static void an_older_table_gets_the_column(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_closed);
    weir_sql_run(f->database, "ALTER TABLE weir_position DROP COLUMN closed");
    in_a_child(f, leave_closed);
    assert_int_equal(ask(f, "SELECT closed FROM weir_position"), 1);
    weir_sql_run(f->database, "ALTER TABLE weir_position DROP COLUMN closed");
    weir_temp_remove(f->journal);
    must_open(f->database, &noting);
    assert_string_equal(events, "");
}

static void a_file_of_sqlite_is_no_database(void **state) {
    fixture *f = *state;
    static const char *const ends[] = {"-wal", "-shm"};
    in_a_child(f, leave_closed);
    for (size_t i = 0; i < 2; i++) {
        char path[300];
        weir *w;
        (void)snprintf(path, sizeof path, "%s%s", f->database, ends[i]);
        assert_int_equal(weir_open_sqlite(path, NULL, &w), WEIR_MISUSE);
        expect_text(weir_last_error(), "name the database");
        run(f, "status", path, NULL), expect(f, FAILED);
        assert_false(is_there(path));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_database_that_is_gone_is_not_made_anew_unasked),
        TEST(a_database_that_is_gone_is_forgotten),
        TEST(the_first_crash_is_no_new_database),
        TEST(an_empty_database_beside_a_closed_journal_is_told),
        TEST(a_gap_is_accepted_and_recorded),
        TEST(accepting_a_gap_may_be_interrupted),
        TEST(an_older_backup_is_accepted_as_it_is),
        TEST(what_is_forgotten_comes_back_when_it_is_moved_back),
        TEST(forgetting_may_be_interrupted),
        TEST(a_journal_elsewhere_is_forgotten),
        TEST(an_open_journal_is_not_forgotten),
        TEST(a_database_that_is_newer_keeps_its_rows),
        TEST(two_histories_are_parted),
        TEST(a_journal_that_was_closed_is_not_missed),
        TEST(a_journal_in_which_rows_waited_is_missed),
        TEST(the_first_journal_is_missed_too),
        TEST(an_unused_journal_is_not_missed),
        TEST(a_database_that_was_rebuilt_misses_no_journal),
        TEST(forgetting_ends_the_missing),
        TEST(a_database_without_a_journal_stays_as_it_is),
        TEST(rows_left_by_closing_are_missed),
        TEST(rows_that_the_schema_keeps_waiting_are_missed),
        TEST(rows_of_a_journal_that_was_closed_before_are_missed),
        TEST(an_opening_without_rows_leaves_a_closed_journal),
        TEST(a_journal_that_was_moved_is_told),
        TEST(rows_of_a_second_journal_are_brought_in_as_told),
        TEST(an_older_table_gets_the_column),
        TEST(a_file_of_sqlite_is_no_database),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
