/* test_journals.c - a database whose journal is not where it was: rows that wait in another directory
 * are not overlooked, and two journals at once are told. */
/* Covers: writer/sqlite/writers.c */
#include "tool.h"

enum { LEFT = 10 };

static const weir_column plain[] = {{"n", WEIR_INTEGER}}, keyed[] = {{"id", WEIR_KEY}};

static int told;
static char last[600];

static void on_event(void *context, weir_event event, const char *text) {
    (void)context;
    if (event != WEIR_EVENT_WEAKENED) return;
    told++;
    (void)snprintf(last, sizeof last, "%s", text);
}

static int open_at(const char *database, const char *directory, weir **w) {
    weir_options o = {.journal_directory = directory,
                      .apply_linger_ms = 1,
                      .open_timeout_ms = 5000,
                      .lane_bytes = 65536,
                      .segment_bytes = 1 << 20,
                      .on_event = on_event};
    told = 0;
    return weir_open_sqlite(database, &o, w);
}

static weir *must_open(const char *database, const char *directory) {
    weir *w = NULL;
    if (open_at(database, directory, &w) != WEIR_OK) fail_msg("%s", weir_last_error());
    return w;
}

static void must_close(weir *w) { assert_int_equal(weir_close(w), WEIR_OK); }

static void must_be_refused(const char *database, const char *directory, const char *text) {
    weir *w;
    assert_int_equal(open_at(database, directory, &w), WEIR_FOREIGN);
    if (!strstr(weir_last_error(), text)) fail_msg("%s", weir_last_error());
}

/* A process that dies while its rows wait. */
static void leave_rows(const char *database, const char *directory) {
    pid_t child = fork();
    if (child == 0) {
        weir *w;
        weir_table *t;
        weir_options o = {.journal_directory = directory, .apply_linger_ms = 3600000};
        bool well = weir_open_sqlite(database, &o, &w) == WEIR_OK &&
                    weir_declare(w, "t", plain, 1, &t) == WEIR_OK;
        for (int i = 0; well && i < LEFT; i++)
            well = weir_append(t, weir_int(i)) == WEIR_OK;
        _exit(well && weir_sync(w, WEIR_DURABLE, 10000) == WEIR_OK ? 0 : 1);
    }
    int how;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_int_equal(how, 0);
}

/* ---- one after the other --------------------------------------------------------------------------- */

static void rows_beside_the_database_are_not_overlooked(void **state) {
    fixture *f = *state;
    leave_rows(f->database, NULL);
    must_be_refused(f->database, f->other, "10 rows wait in its journal at ");
    char remedy[700];
    (void)snprintf(remedy, sizeof remedy, "leave them there (weir forget --yes --journal %s %s)",
                   f->journal, f->database);
    expect_text(weir_last_error(), remedy);       /* whole */
    assert_int_equal(access(f->other, F_OK), -1); /* nothing was made */
    must_close(must_open(f->database, NULL));
    assert_int_equal(rows_in(f->database), LEFT);
    must_close(must_open(f->database, f->other));
    assert_int_equal(told, 0);
}

static void rows_at_another_place_are_not_overlooked(void **state) {
    fixture *f = *state;
    leave_rows(f->database, f->other);
    must_be_refused(f->database, NULL, f->other);
    must_close(must_open(f->database, f->other));
    assert_int_equal(rows_in(f->database), LEFT);
    must_close(must_open(f->database, NULL));
    assert_int_equal(told, 0);
}

static void one_that_cannot_be_judged_is_refused(void **state) {
    fixture *f = *state;
    char ring[300];
    leave_rows(f->database, f->other);
    (void)snprintf(ring, sizeof ring, "%s/ring", f->other);
    assert_int_equal(truncate(ring, 100), 0);
    must_be_refused(f->database, NULL, "cannot be judged");
}

/* Which journal is the database's is told by what it is, not by the name that it had. */
static void a_journal_may_be_moved(void **state) {
    fixture *f = *state;
    char moved[300];
    (void)snprintf(moved, sizeof moved, "%s.moved", f->other);
    leave_rows(f->database, f->other);
    assert_int_equal(rename(f->other, moved), 0);
    must_close(must_open(f->database, moved));
    assert_int_equal(told, 0);
    assert_int_equal(rows_in(f->database), LEFT);
    char sql[400];
    (void)snprintf(sql, sizeof sql, "SELECT min(directory) = '%s' FROM weir_journal", moved);
    assert_int_equal(weir_sql_int(f->database, sql), 1);
    assert_int_equal(rename(moved, f->journal), 0); /* beside the database it needs no entry */
    must_close(must_open(f->database, NULL));
    assert_int_equal(told, 0);
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM weir_journal"), 0);
}

static void one_that_is_not_there_is_told(void **state) {
    fixture *f = *state;
    char away[300];
    (void)snprintf(away, sizeof away, "%s.away", f->other);
    leave_rows(f->database, f->other);
    assert_int_equal(rename(f->other, away), 0);
    must_close(must_open(f->database, NULL));
    assert_int_equal(told, 1);
    assert_non_null(strstr(last, "is not there now"));
    assert_int_equal(rename(away, f->other), 0);
    must_be_refused(f->database, NULL, "10 rows wait");
}

static void a_copy_has_nothing_to_do_with_the_journals_of_its_original(void **state) {
    fixture *f = *state;
    char copy[300];
    (void)snprintf(copy, sizeof copy, "%s/copy.db", f->directory);
    must_close(must_open(f->database, f->other));
    weir_file_copy_tree(f->database, copy);
    leave_rows(f->database, f->other);
    must_close(must_open(copy, NULL));
    assert_int_equal(told, 0);
    assert_int_equal(unlink(f->database), 0); /* else it is the database, under another name */
    must_be_refused(copy, NULL, f->other);
}

static void beside_the_database_no_table_is_made(void **state) {
    fixture *f = *state;
    leave_rows(f->database, NULL);
    must_close(must_open(f->database, NULL));
    assert_int_equal(
        weir_sql_int(f->database, "SELECT count(*) FROM sqlite_schema WHERE name = 'weir_journal'"),
        0);
}

/* ---- at the same time ------------------------------------------------------------------------------- */

static void two_at_once_are_told_and_choose_no_keys(void **state) {
    fixture *f = *state;
    for (int i = 0; i < 2; i++) {
        weir_table *t;
        weir *first = must_open(f->database, i ? f->other : NULL);
        assert_int_equal(told, 0);
        assert_int_equal(weir_declare(first, "k", keyed, 1, &t), WEIR_OK);
        weir *second = must_open(f->database, i ? NULL : f->other);
        assert_int_equal(told, 1);
        assert_non_null(strstr(last, "is open in process "));
        assert_int_equal(weir_declare(second, "k", keyed, 1, &t), WEIR_BUSY);
        assert_non_null(strstr(weir_last_error(), "would choose the same keys"));
        assert_int_equal(weir_declare(first, "another", keyed, 1, &t), WEIR_BUSY);
        assert_int_equal(weir_declare(second, "t", plain, 1, &t), WEIR_OK);
        assert_int_equal(weir_append(t, weir_int(i)), WEIR_OK);
        must_close(first);
        assert_int_equal(weir_declare(second, "k", keyed, 1, &t), WEIR_OK);
        must_close(second);
    }
    assert_int_equal(rows_in(f->database), 2);
}

static void another_writer_is_waited_for(void **state) {
    fixture *f = *state;
    sqlite3 *db;
    weir *w;
    must_close(must_open(f->database, NULL));
    assert_int_equal(sqlite3_open(f->database, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(open_at(f->database, f->other, &w), WEIR_BUSY);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    must_close(must_open(f->database, f->other));
}

/* ---- the tool --------------------------------------------------------------------------------------- */

static void the_tool_finds_it(void **state) {
    fixture *f = *state;
    leave_rows(f->database, f->other);
    run(f, "status", "--json", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "\"to_recover\":10");
    expect_text(f->err, "as the database says");
    run(f, f->database, NULL), expect(f, RECOVERED);
    assert_int_equal(rows_in(f->database), LEFT);
    must_close(must_open(f->database, NULL));
    run(f, "status", f->database, NULL), expect(f, CLEAN);
    expect_text(f->err, "is not its only journal");
    assert_int_equal(rename(f->journal, weir_temp_path(f->directory, "away")), 0);
    char gone[300];
    (void)snprintf(gone, sizeof gone, "%s.gone", f->other);
    assert_int_equal(rename(f->other, gone), 0);
    run(f, "status", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "no row waited in the one that filled");
    expect_text(f->err, "where the database says that one was");
}

static void of_several_the_tool_takes_none(void **state) {
    fixture *f = *state;
    char third[300];
    (void)snprintf(third, sizeof third, "%s.third", f->other);
    must_close(must_open(f->database, f->other));
    must_close(must_open(f->database, third));
    run(f, f->database, NULL), expect(f, FAILED);
    expect_text(f->err, "has several journals");
    run(f, "--journal", third, f->database, NULL), expect(f, CLEAN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(rows_beside_the_database_are_not_overlooked),
        TEST(rows_at_another_place_are_not_overlooked),
        TEST(one_that_cannot_be_judged_is_refused),
        TEST(a_journal_may_be_moved),
        TEST(one_that_is_not_there_is_told),
        TEST(a_copy_has_nothing_to_do_with_the_journals_of_its_original),
        TEST(beside_the_database_no_table_is_made),
        TEST(two_at_once_are_told_and_choose_no_keys),
        TEST(another_writer_is_waited_for),
        TEST(the_tool_finds_it),
        TEST(of_several_the_tool_takes_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
