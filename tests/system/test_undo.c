/* What salvage has to leave out is told for good, says how to come back, and comes back once. And what
 * would be done is told without a byte that changes. */
/* Covers: recovery/undo.c, recovery/undo_rows.c, recovery/aside.c, recovery/loss_file.c, recovery/rehearse.c,
 * recovery/check_database.c, recovery/remedy.c */
#include "tool.h"

static const char *segment; /* the one that is damaged, and a sound copy of it */
static char damaged[600], sound[300];

static void rot(const fixture *f, uint64_t row) {
    segment = first_segment(f);
    (void)snprintf(damaged, sizeof damaged, "%s", segment);
    (void)snprintf(sound, sizeof sound, "%s/sound", f->directory);
    weir_file_copy_tree(damaged, sound);
    patch(damaged, offset_of_row(damaged, row) + WEIR_BLOCK_HEADER + 8, "rotten", 6);
}

static void put_sound_back(void) { assert_int_equal(rename(sound, damaged), 0); }

/* ---- salvage undone -------------------------------------------------------------------- */

static void each_row_once(const fixture *f, int64_t rows) {
    assert_int_equal(rows_in(f->database), rows);
    assert_int_equal(weir_sql_int(f->database, "SELECT count(DISTINCT id) FROM t"), ROWS);
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM weir_position"), 1);
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM weir_loss"), 0);
}

static void a_sound_copy_undoes_salvage(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    rot(f, 2 * ROWS_OF_GROUP + 1);
    run(f, "salvage", f->database, NULL), expect(f, DAMAGE);
    assert_int_equal(rows_in(f->database), ROWS - ROWS_OF_GROUP);
    put_sound_back();
    run(f, "salvage", "--undo", f->database, NULL), expect(f, RECOVERED);
    expect_text(f->out, "rows 21 to 30 were lost, and are in it now");
    each_row_once(f, ROWS);
    run(f, f->database, NULL), expect(f, CLEAN);
    run(f, "salvage", "--undo", f->database, NULL), expect(f, FAILED);
    expect_text(f->err, "nothing to undo");
    run(f, "status", f->database, NULL), expect(f, CLEAN);
    assert_null(strstr(f->out, "lost      "));
    each_row_once(f, ROWS);
}

/* Rows that come after the gap, from a program that went on, are neither lost nor doubled. */
static void undo_comes_late_and_doubles_nothing(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    rot(f, 2 * ROWS_OF_GROUP + 1);
    run(f, "salvage", f->database, NULL), expect(f, DAMAGE);
    in_a_child(f, leave_closed);
    in_a_child(f, leave_durable);
    put_sound_back();
    run(f, "salvage", "--undo", f->database, NULL), expect(f, RECOVERED);
    run(f, f->database, NULL), expect(f, RECOVERED);
    each_row_once(f, 3 * ROWS);
}

/* The journal went on behind its lost end: its next segment says that nothing came after that. */
static void undo_reads_behind_a_lost_end(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_half_applied);
    rot(f, 1 + ROWS_OF_GROUP);
    assert_int_equal(truncate(damaged, (off_t)offset_of_row(damaged, 1 + ROWS_OF_GROUP)), 0);
    run(f, "salvage", f->database, NULL), expect(f, DAMAGE);
    assert_int_equal(rows_in(f->database), ROWS_OF_GROUP);
    in_a_child(f, leave_closed);
    put_sound_back();
    run(f, "salvage", "--undo", f->database, NULL), expect(f, RECOVERED);
    each_row_once(f, 2 * ROWS);
    run(f, "status", f->database, NULL), expect(f, CLEAN);
    run(f, f->database, NULL), expect(f, CLEAN);
    each_row_once(f, 2 * ROWS);
}

static void what_cannot_be_undone_is_told(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    rot(f, 2 * ROWS_OF_GROUP + 1);
    run(f, "salvage", "--undo", f->database, NULL), expect(f, FAILED);
    expect_text(f->err, "nothing to undo");
    run(f, "salvage", f->database, NULL), expect(f, DAMAGE);
    run(f, "salvage", "--undo", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->err, "rows 21 to 30 stay lost: 10 of them cannot be read");
    expect_text(f->err, "put a sound copy there");
    assert_int_equal(rows_in(f->database), ROWS - ROWS_OF_GROUP);
    run(f, "salvage", "--undo", "--json", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->out, "\"first_row\":21,\"last_row\":30,\"text\":\"10 of them cannot be read");
    assert_int_equal(unlink(weir_temp_path(f->journal, "losses")), 0);
    put_sound_back();
    run(f, "salvage", "--undo", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->err, "the journal's file losses does not say where they stood");
    assert_int_equal(rows_in(f->database), ROWS - ROWS_OF_GROUP);
}

/* An older copy of the database has no gap yet: recovery of it would apply these rows too. */
static void undo_waits_for_a_database_that_is_older(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    rot(f, 2 * ROWS_OF_GROUP + 1);
    run(f, "salvage", f->database, NULL), expect(f, DAMAGE);
    put_sound_back();
    weir_sql_run(f->database, "UPDATE weir_position SET row = 15");
    run(f, "salvage", "--undo", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->err, "the database has not come past them");
    assert_int_equal(rows_in(f->database), ROWS - ROWS_OF_GROUP);
}

/* Killed after the rows were committed and before that was noted: the position of the undo says it. */
static void an_undo_interrupted_goes_on(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    rot(f, 2 * ROWS_OF_GROUP + 1);
    run(f, "salvage", f->database, NULL), expect(f, DAMAGE);
    weir_sql_run(f->database, "CREATE TRIGGER stop BEFORE DELETE ON weir_loss BEGIN SELECT "
                              "RAISE(ABORT, 'no'); END");
    put_sound_back();
    run(f, "salvage", "--undo", f->database, NULL);
    assert_true(f->code >= FAILED);
    assert_int_equal(rows_in(f->database), ROWS);
    weir_sql_run(f->database, "DROP TRIGGER stop");
    run(f, "salvage", "--undo", f->database, NULL), expect(f, RECOVERED);
    each_row_once(f, ROWS);
}

/* ---- what to do next ------------------------------------------------------------------- */

static void break_ring(const fixture *f) {
    in_a_child(f, leave_both);
    assert_int_equal(truncate(weir_temp_path(f->journal, "ring"), 1 << 20), 0);
}

static void spoil_ring(const fixture *f) {
    in_a_child(f, leave_both);
    patch(weir_temp_path(f->journal, "ring"), 30, "rotten", 6);
}

static void rot_rows(const fixture *f) {
    in_a_child(f, leave_durable);
    rot(f, 2 * ROWS_OF_GROUP + 1);
}

static void spoil_database(const fixture *f) {
    in_a_child(f, leave_durable);
    forget_database(f);
    weir_file_write(f->database, "This is a letter, not a database. It is long enough.", 52);
}

/* The verb that one is in is advised only with an option that was not given. */
static void says_no_more_than_helps(const char *text, const char *verb) {
    static const char *const allowed[] = {" --undo", " --to"};
    for (const char *at = text; (at = strstr(at, verb)); at += strlen(verb)) {
        bool fine = false;
        for (size_t i = 0; i < 2; i++)
            fine |= strncmp(at + strlen(verb), allowed[i], strlen(allowed[i])) == 0;
        if (!fine) fail_msg("'%s' is advised by itself:\n%s", verb, text);
    }
}

static void no_message_advises_the_verb_it_is_from(void **state) {
    fixture *f = *state;
    static const struct {
        const char *verb, *advice;
    } verbs[] = {{"status", "weir status"},   {"verify", "weir verify"},
                 {NULL, "weir-recover "},     {"recover", "weir recover"},
                 {"salvage", "weir salvage"}, {"replay", "weir replay"}};
    static void (*const harms[])(const fixture *) = {break_ring, spoil_ring, rot_rows,
                                                     spoil_database};
    for (size_t h = 0; h < sizeof harms / sizeof harms[0]; h++) {
        harms[h](f);
        for (size_t v = 0; v < sizeof verbs / sizeof verbs[0]; v++) {
            const char *verb = verbs[v].verb;
            if (!verb)
                run(f, f->database, NULL);
            else if (strcmp(verb, "replay") == 0)
                run(f, "replay", "--into", f->other, f->database, NULL);
            else
                run(f, verb, strcmp(verb, "salvage") ? "--json" : "--dry-run", f->database, NULL);
            says_no_more_than_helps(f->out, verbs[v].advice);
            says_no_more_than_helps(f->err, verbs[v].advice);
        }
        weir_temp_remove(f->journal);
        forget_database(f);
    }
}

static void each_damage_says_what_to_do(void **state) {
    fixture *f = *state;
    rot_rows(f);
    static const char *const verbs[] = {"verify", "status", "recover"};
    for (size_t i = 0; i < 3; i++) {
        run(f, verbs[i], f->database, NULL), expect(f, DAMAGE);
        expect_text(f->out, ", block ");
        expect_text(f->out, "rows 21 to 30 are lost; put a sound copy of segment-");
        expect_text(f->out, "without one, go on and lose no other rows (weir salvage ");
        run(f, verbs[i], "--json", f->database, NULL), expect(f, DAMAGE);
        expect_text(f->out, "\"next\":\"put a sound copy of segment-");
    }
    run(f, "replay", "--into", f->other, f->database, NULL), expect(f, DAMAGE);
    expect_text(f->err, "leave these rows out (--skip-damage)");
    run(f, "salvage", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->out, "weir salvage --undo ");
}

/* Rows that the database has: nothing is lost, and that is said. */
static void damage_of_applied_rows_says_so(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_closed);
    rot(f, 1);
    run(f, "verify", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->out, "but the database has them; nothing is lost by setting the file aside and "
                        "going on (weir salvage ");
    run(f, "salvage", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "but the database has them; nothing is needed");
}

/* ---- the record ------------------------------------------------------------------------ */

/* The database comes back from a backup that knows of no loss: the file beside it still tells. */
static void a_loss_outlives_the_database(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    rot(f, 2 * ROWS_OF_GROUP + 1);
    run(f, "salvage", f->database, NULL), expect(f, DAMAGE);
    run(f, "status", f->database, NULL), expect(f, CLEAN);
    const char *first = strstr(f->out, "lost      rows 21 to 30");
    assert_non_null(first);
    assert_null(strstr(first + 1, "lost      "));
    expect_text(f->out, "; the journal's file losses)");
    weir_sql_run(f->database, "DELETE FROM weir_loss");
    run(f, "status", "--json", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "\"in_database\":false,\"in_file\":true");
    run(f, "status", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "lost      rows 21 to 30 (the journal's file losses, 2");
}

/* A line that a crash has cut off costs no other. */
static void a_torn_record_costs_no_other(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    weir_file_write(weir_temp_path(f->journal, "losses"), "{\"type\":\"loss\",\"jour", 20);
    rot(f, 2 * ROWS_OF_GROUP + 1);
    run(f, "salvage", f->database, NULL), expect(f, DAMAGE);
    char *text = weir_file_text(weir_temp_path(f->journal, "losses"));
    assert_int_equal(lines(text), 2);
    free(text);
    weir_sql_run(f->database, "DROP TABLE weir_loss");
    run(f, "status", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "lost      rows 21 to 30");
}

/* ---- dry runs -------------------------------------------------------------------------- */

/* Names, sizes, contents and times of everything in the test's directory. */
static uint64_t everything(const fixture *f, const char *path) {
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    uint64_t hash = (uint64_t)st.st_mtim.tv_sec * 1000003 + (uint64_t)st.st_mtim.tv_nsec;
    if (!S_ISDIR(st.st_mode)) return hash ^ tree_hash(path);
    struct dirent **list;
    int count = scandir(path, &list, not_dots, alphasort);
    for (int i = 0; i < count; i++) {
        char below[4096];
        (void)snprintf(below, sizeof below, "%.3800s/%.255s", path, list[i]->d_name);
        hash =
            hash * 31 + everything(f, below) + weir_hash(list[i]->d_name, strlen(list[i]->d_name));
        free(list[i]);
    }
    free(list);
    return hash;
}

/* The run that is only told, and then the real one: the same code, and nothing changed between. */
static void rehearse(fixture *f, const char *const arguments[4], const char *said) {
    uint64_t before = everything(f, f->directory);
    const char *const *a = arguments;
    run(f, "--dry-run", a[0], a[1], a[2], a[3], NULL);
    assert_true(everything(f, f->directory) == before);
    expect_text(f->out, said);
    int told = f->code;
    run(f, a[0], a[1], a[2], a[3], NULL), expect(f, told);
}

static void dry_runs_of_recovery(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_both);
    rehearse(f, (const char *const[]){f->database, NULL, NULL, NULL},
             "would apply 51 rows, lose 0");
    rehearse(f, (const char *const[]){f->database, NULL, NULL, NULL}, "would apply 0 rows, lose 0");
    in_a_child(f, leave_half_applied);
    rehearse(f, (const char *const[]){f->database, NULL, NULL, NULL},
             "would apply 40 rows, lose 0");
}

static void dry_runs_of_salvage(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_half_applied);
    rot(f, 2 * ROWS_OF_GROUP + 1 - ROWS_OF_GROUP);
    rehearse(f, (const char *const[]){"salvage", f->database, NULL, NULL}, ", lose 40");
    put_sound_back();
    rehearse(f, (const char *const[]){"salvage", "--undo", f->database, NULL},
             "rows 11 to 50 would be brought in; nothing was changed");
    rehearse(f, (const char *const[]){"salvage", f->database, NULL, NULL}, "would apply 0 rows");
}

static void dry_runs_of_replay(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_both);
    rehearse(f, (const char *const[]){"replay", "--into", f->other, f->journal},
             "would apply 51 rows, lose 0");
    in_a_child(f, leave_durable);
    rehearse(f, (const char *const[]){"replay", "--into", f->other, f->journal},
             "would apply 50 rows, lose 0");
}

static void a_dry_run_in_json(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    rot(f, 2 * ROWS_OF_GROUP + 1);
    run(f, "salvage", "--dry-run", "--json", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->out, "{\"type\":\"dry_run\",\"database\":");
    expect_text(f->out,
                "\"rows\":40,\"from_ring\":0,\"last_row\":50,\"lost\":10,\"lost_unknown\":false}");
}

/* ---- the result checked ---------------------------------------------------------------- */

static void the_result_is_checked(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    run(f, "--integrity", "quick", f->database, NULL), expect(f, RECOVERED);
    expect_text(f->out, "quick_check: ok");
    in_a_child(f, leave_durable);
    run(f, "--json", "--integrity", "full", f->database, NULL), expect(f, RECOVERED);
    expect_text(f->out, "\"check\":\"integrity_check\",\"ok\":true");
}

/* An index that lacks rows: only the full check compares it with its table. */
static void a_failed_check_is_damage(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_closed);
    weir_sql_run(
        f->database,
        "CREATE TABLE k(a); CREATE INDEX i ON k(a); INSERT INTO k VALUES(1),(2);"
        "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql = 'CREATE INDEX i ON k(a) "
        "WHERE a > 1' WHERE name = 'i'");
    run(f, "--integrity", "quick", f->database, NULL), expect(f, CLEAN);
    run(f, "--integrity", "full", f->database, NULL), expect(f, DAMAGE);
    expect_text(f->out, "integrity_check: ");
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        TEST(a_sound_copy_undoes_salvage),
        TEST(undo_comes_late_and_doubles_nothing),
        TEST(undo_reads_behind_a_lost_end),
        TEST(what_cannot_be_undone_is_told),
        TEST(undo_waits_for_a_database_that_is_older),
        TEST(an_undo_interrupted_goes_on),
        TEST(a_loss_outlives_the_database),
        TEST(a_torn_record_costs_no_other),
        TEST(dry_runs_of_recovery),
        TEST(dry_runs_of_salvage),
        TEST(dry_runs_of_replay),
        TEST(no_message_advises_the_verb_it_is_from),
        TEST(each_damage_says_what_to_do),
        TEST(damage_of_applied_rows_says_so),
        TEST(a_dry_run_in_json),
        TEST(the_result_is_checked),
        TEST(a_failed_check_is_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
