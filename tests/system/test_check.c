/* test_check.c - status --check: each exit code, in words and as JSON, and which of several it is. */
/* Covers: recovery/check.c, recovery/kept.c, recovery/look.c */
#include <time.h>

#include "tool.h"

enum { REJECTS = 20, WAITING, LAG, SPACE, DIED, DATABASE };
#define TOO_MUCH "--min-free=999999999999999"

static bool held; /* a process is there that changes files itself */

static int set_up_check(void **state) {
    if (set_up(state) != 0) return -1;
    ((fixture *)*state)->binary = WEIR_TOOL;
    held = false;
    return 0;
}
#define CHECK(name) cmocka_unit_test_setup_teardown(name, set_up_check, tear_down)

/* Options end with NULL; three at most. It prints one line, changes nothing, and answers code. */
static void check(fixture *f, int code, const char *a, const char *b, const char *c) {
    uint64_t before = held ? 0 : tree_hash(f->directory);
    run(f, "status", "--check", f->database, a, a ? b : NULL, a && b ? c : NULL, NULL);
    expect(f, code);
    assert_int_equal(lines(f->out), 1);
    assert_string_equal(f->err, "");
    if (!held) assert_true(tree_hash(f->directory) == before);
}

/* ---- a program that has the journal open, and whose rows cannot be applied ------------------- */

typedef struct holding {
    pid_t child;
    int over;
} holding;

static void hold_rows(const fixture *f, int ready, int over) {
    char byte = 0;
    weir *w = open_here(f, NULL);
    lock_database(f->database);
    append_rows(declare(w, "t"), 1, ROWS);
    reach(w, WEIR_DURABLE);
    if (write(ready, &byte, 1) != 1 || read(over, &byte, 1) < 0) _exit(17);
    _exit(0);
}

static holding hold(const fixture *f, void (*what)(const fixture *, int, int)) {
    int ready[2], over[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(over), 0);
    pid_t child = fork();
    if (child == 0) {
        (void)close(over[1]);
        what(f, ready[1], over[0]);
    }
    (void)close(ready[1]);
    (void)close(over[0]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
    held = true;
    return (holding){child, over[1]};
}

static void end(const holding *h) {
    int status;
    (void)close(h->over);
    assert_int_equal(waitpid(h->child, &status, 0), h->child);
    assert_int_equal(status, 0);
    held = false;
}

/* ---- what the disk has, which status says by kind --------------------------------------------- */

static uint64_t bytes_of(const char *json, const char *kind) {
    const char *at = strstr(json, "\"disk\":{");
    char key[40];
    (void)snprintf(key, sizeof key, "\"%s\":", kind);
    at = at ? strstr(at, key) : NULL;
    if (!at) fail_msg("no %s in %s", kind, json);
    return strtoull(at + strlen(key), NULL, 10);
}

static uint64_t bytes_below(const char *directory, const char *begins) {
    struct dirent **list;
    uint64_t bytes = 0;
    int count = scandir(directory, &list, not_dots, alphasort);
    for (int i = 0; i < count; i++) {
        struct stat st;
        char path[600];
        (void)snprintf(path, sizeof path, "%s/%.255s", directory, list[i]->d_name);
        assert_int_equal(stat(path, &st), 0);
        if (S_ISDIR(st.st_mode))
            bytes += begins ? 0 : bytes_below(path, NULL);
        else if (!begins || strncmp(list[i]->d_name, begins, strlen(begins)) == 0)
            bytes += (uint64_t)st.st_size;
        free(list[i]);
    }
    free(list);
    return bytes;
}

static void compare_disk(fixture *f) {
    static const char *const kinds[][2] = {{"segments", "segment-"},
                                           {"spares", "spare-"},
                                           {"ring", "ring"},
                                           {"recorder", "recorder"},
                                           {"aside", "damaged-"}};
    char path[300];
    run(f, "status", "--json", "--archive", f->database, NULL), expect(f, CLEAN);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        assert_int_equal(bytes_of(f->out, kinds[i][0]), bytes_below(f->journal, kinds[i][1]));
    (void)snprintf(path, sizeof path, "%s/archive", f->journal);
    assert_int_equal(bytes_of(f->out, "archive"), is_there(path) ? bytes_below(path, NULL) : 0);
    assert_int_equal(bytes_of(f->out, "bytes"), bytes_below(f->journal, NULL));
}

/* Also where segments of the archive are looked at as if they were in the journal. */
static void status_says_what_is_on_the_disk(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_archive);
    compare_disk(f);
    assert_true(bytes_of(f->out, "archive") > 1 << 21);
    assert_int_equal(bytes_of(f->out, "spares"), 0); /* it was closed */
    assert_int_equal(bytes_of(f->out, "ring"), 0);
    assert_in_range(bytes_of(f->out, "segments"), 1, 1 << 16);
    run(f, "dump", "--reader", "somebody", f->database, NULL), expect(f, CLEAN);
    compare_disk(f);
    assert_int_equal(bytes_of(f->out, "readers"), 192);
    run(f, "status", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "\n  disk      ");
    expect_text(f->out, " bytes: segments ");
    expect_text(f->out, ", archive ");
    expect_text(f->out, ", readers 192, other ");
    assert_null(strstr(f->out, "spares"));
}

static void a_dead_program_leaves_ring_and_spares(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_in_ring);
    compare_disk(f);
    assert_true(bytes_of(f->out, "ring") > 0);
}

/* ---- each code ------------------------------------------------------------------------------- */

static void in_order_is_0(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_closed);
    check(f, CLEAN, NULL, NULL, NULL);
    assert_int_equal(strncmp(f->out, "weir OK: 0 rows wait, nobody has the journal open | ", 52),
                     0);
    expect_text(f->out, " | waiting=0 lag=0.000s rejects=0 free=");
    check(f, CLEAN, "--max-waiting=0", "--max-lag=1", "--max-rejects=0");
    run(f, "status", "--check", "--json", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "{\"type\":\"check\",\"ok\":true,\"exit\":0,");
    expect_text(f->out, "\"locked\":false,");
    assert_int_equal(lines(f->out), 1);
    run(f, "status", "--check", f->journal, NULL), expect(f, CLEAN); /* by its journal */
}

static void rows_that_wait_are_21_beyond_a_limit(void **state) {
    fixture *f = *state;
    holding h = hold(f, hold_rows);
    check(f, CLEAN, NULL, NULL, NULL); /* no limit was given */
    expect_text(f->out, "weir OK: 50 rows wait | waiting=50 ");
    check(f, CLEAN, "--max-waiting=50", NULL, NULL);
    check(f, WAITING, "--max-waiting=49", NULL, NULL);
    expect_text(f->out, "weir WAITING: 50 rows wait, and 49 may | waiting=50 ");
    end(&h);
}

static void lag_is_22_and_outranks_rows_that_wait(void **state) {
    fixture *f = *state;
    holding h = hold(f, hold_rows);
    check(f, CLEAN, "--max-lag=3600", NULL, NULL);
    nanosleep(&(struct timespec){.tv_sec = 1, .tv_nsec = 50000000}, NULL);
    check(f, LAG, "--max-lag=1", NULL, NULL);
    expect_text(f->out, "weir LAG: the oldest row has waited for ");
    expect_text(f->out, " s, and 1 s may pass | ");
    check(f, LAG, "--max-lag=1", "--max-waiting=0", NULL);
    expect_text(f->out, "weir WAITING, LAG: 50 rows wait, and 0 may; the oldest row ");
    end(&h);
}

static void leave_refused(const fixture *f) {
    weir_sql_run(f->database, "CREATE TABLE t(id INTEGER CHECK (id > 40), x, name, data)");
    leave_closed(f);
}

static void rejects_are_20_beyond_those_known_of(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_refused);
    check(f, CLEAN, NULL, NULL, NULL);
    expect_text(f->out, " rejects=40 ");
    check(f, CLEAN, "--max-rejects=40", NULL, NULL);
    check(f, REJECTS, "--max-rejects=39", NULL, NULL);
    expect_text(f->out, "weir REJECTS: 40 rows are in weir_reject, and 39 are known of | ");
    check(f, REJECTS, "--max-rejects=0", "--max-waiting=0", NULL);
}

static void little_disk_is_23(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_closed);
    check(f, CLEAN, "--min-free=1", NULL, NULL);
    check(f, SPACE, TOO_MUCH, NULL, NULL);
    expect_text(f->out, "weir SPACE: ");
    expect_text(f->out, " bytes are free, and the journal needs 999999999999999 | ");
}

/* Closed while somebody else had the database: weir_close says so, and so does this. */
static void leave_closed_with_rows(const fixture *f) {
    weir *w = open_here(f, &(weir_options){.open_timeout_ms = 200});
    append(declare(w, "t"), 1);
    reach(w, WEIR_APPLIED);
    lock_database(f->database);
    append_rows(declare(w, "t"), 2, ROWS);
    reach(w, WEIR_DURABLE);
    if (weir_close(w) == WEIR_OK) _exit(18);
    _exit(0);
}

static void rows_of_a_dead_program_are_24(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    check(f, DIED, NULL, NULL, NULL);
    expect_text(f->out,
                "weir DIED: nobody has the journal open, and 50 rows wait, since its process "
                "died: start the program, or recover them (weir-recover ");
    check(f, DIED, "--max-waiting=0", "--max-lag=100000", NULL);
    expect_text(f->out, "weir WAITING, DIED: ");
    run(f, "recover", f->database, NULL), expect(f, RECOVERED);
    check(f, CLEAN, "--max-waiting=0", NULL, NULL); /* what it said to type helps */
}

static void rows_in_a_dead_ring_count(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_in_ring);
    check(f, DIED, NULL, NULL, NULL);
    expect_text(f->out, "50 rows wait, since its process died");
    expect_text(f->out, " | waiting=50 ");
}

static void rows_of_a_closed_program_are_24_too(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_closed_with_rows);
    check(f, DIED, NULL, NULL, NULL);
    expect_text(f->out, "49 rows wait, since it was closed before they could be applied");
}

static void a_database_that_cannot_be_used_is_25(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_closed);
    assert_int_equal(chmod(f->database, 0444), 0);
    check(f, DATABASE, NULL, NULL, NULL);
    expect_text(f->out, "weir DATABASE: ");
    expect_text(f->out, "run.db is read-only | ");
    assert_int_equal(chmod(f->database, 0644), 0);
    forget_database(f);
    static const char text[] = "this is no database, though it is as long as a header of one "
                               "would be: a hundred bytes, and then some more of them";
    weir_file_write(f->database, text, sizeof text);
    check(f, DATABASE, NULL, NULL, NULL);
    expect_text(f->out, "weir DATABASE: ");
    expect_text(f->out, "run.db cannot be read: ");
}

/* Its journal has rows that it lacks; that is graver than that it is not there. */
static void a_database_that_is_gone_is_4(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    forget_database(f);
    check(f, DAMAGE, NULL, NULL, NULL);
    expect_text(f->out, "weir DAMAGE, DATABASE");
    expect_text(f->out, "there is no database at ");
}

static void damage_is_4(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_durable);
    const char *segment = first_segment(f);
    patch(segment, offset_of_row(segment, 11) + 40, "\377\377\377\377", 4);
    check(f, DAMAGE, NULL, NULL, NULL);
    expect_text(f->out, "weir DAMAGE: ");
    check(f, DAMAGE, TOO_MUCH, NULL, NULL); /* whatever else is wrong */
    expect_text(f->out, "weir DAMAGE, SPACE: ");
}

/* What cannot be looked at may hide anything. */
static void a_newer_format_is_8(void **state) {
    fixture *f = *state;
    uint8_t header[WEIR_SEGMENT_HEADER];
    weir_segment_header h;
    in_a_child(f, leave_durable);
    const char *segment = first_segment(f);
    size_t bytes;
    uint8_t *content = weir_file_read(segment, &bytes);
    assert_int_equal(weir_segment_header_decode(content, &h), WEIR_OK);
    free(content);
    h.incompatible = 1u << 31; /* of a version to come */
    weir_segment_header_encode(header, &h);
    patch(segment, 0, header, sizeof header);
    check(f, FAILED, TOO_MUCH, NULL, NULL);
    expect_text(f->out, "weir UNKNOWN, SPACE: ");
    run(f, "status", "--check", f->other, NULL), expect(f, FAILED); /* neither file nor journal */
    expect_text(f->err, "there is no database at ");
}

static void limits_want_check(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_closed);
    static const char *const limits[] = {"--max-waiting=1", "--max-lag=1", "--max-rejects=1",
                                         "--min-free=1"};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        run(f, "status", limits[i], f->database, NULL), expect(f, USAGE);
        expect_text(f->err, "limits are for status --check");
    }
    run(f, "status", "--check", "--max-lag=0", f->database, NULL), expect(f, USAGE);
    run(f, "status", "--check", "--max-waiting=many", f->database, NULL), expect(f, USAGE);
    run(f, "verify", "--check", f->database, NULL), expect(f, USAGE);
}

/* ---- several at once ------------------------------------------------------------------------- */

/* All are named, in the order of looking; the code is the gravest's, wherever it stands. */
static void of_several_the_gravest_counts(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_refused);
    check(f, SPACE, "--max-rejects=0", TOO_MUCH, NULL);
    expect_text(f->out, "weir REJECTS, SPACE: 40 rows are in weir_reject, and 0 are known of; ");
    assert_int_equal(chmod(f->database, 0444), 0);
    check(f, DATABASE, "--max-rejects=0", TOO_MUCH, NULL);
    expect_text(f->out, "weir DATABASE, REJECTS, SPACE: ");
    run(f, "status", "--check", "--json", "--max-rejects=0", TOO_MUCH, f->database, NULL);
    expect(f, DATABASE);
    assert_int_equal(lines(f->out), 4);
    expect_text(f->out, "{\"type\":\"check\",\"ok\":false,\"exit\":25,");
    expect_text(f->out, "\"rejected\":40,");
    expect_text(f->out, "{\"type\":\"finding\",\"what\":\"DATABASE\",\"exit\":25,");
    expect_text(f->out, "{\"type\":\"finding\",\"what\":\"REJECTS\",\"exit\":20,");
    expect_text(f->out, "{\"type\":\"finding\",\"what\":\"SPACE\",\"exit\":23,");
}

/* ---- what is no trouble ---------------------------------------------------------------------- */

/* A lock passes; until then nobody knows how many rows wait. */
static void lock_alone(const fixture *f, int ready, int over) {
    char byte = 0;
    sqlite3 *db;
    /* Once it has used the -shm file, which says that a process has the database open. */
    static const char sql[] = "SELECT count(*) FROM t; PRAGMA locking_mode=EXCLUSIVE; "
                              "BEGIN IMMEDIATE; CREATE TABLE own(a); COMMIT";
    if (sqlite3_open(f->database, &db) != SQLITE_OK ||
        sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        _exit(13);
    if (write(ready, &byte, 1) != 1 || read(over, &byte, 1) < 0) _exit(17);
    (void)sqlite3_close(db);
    _exit(0);
}

static void a_lock_is_no_trouble_by_itself(void **state) {
    fixture *f = *state;
    in_a_child(f, leave_closed);
    holding h = hold(f, lock_alone);
    check(f, CLEAN, "--max-waiting=0", "--max-rejects=0", NULL);
    expect_text(f->out,
                "weir OK: 0 rows wait, as far as can be known while the database is locked");
    end(&h);
    check(f, CLEAN, "--max-waiting=0", NULL, NULL);
    assert_null(strstr(f->out, "locked"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK(status_says_what_is_on_the_disk),
        CHECK(a_dead_program_leaves_ring_and_spares),
        CHECK(in_order_is_0),
        CHECK(rows_that_wait_are_21_beyond_a_limit),
        CHECK(lag_is_22_and_outranks_rows_that_wait),
        CHECK(rejects_are_20_beyond_those_known_of),
        CHECK(little_disk_is_23),
        CHECK(rows_of_a_dead_program_are_24),
        CHECK(rows_in_a_dead_ring_count),
        CHECK(rows_of_a_closed_program_are_24_too),
        CHECK(a_database_that_cannot_be_used_is_25),
        CHECK(a_database_that_is_gone_is_4),
        CHECK(damage_is_4),
        CHECK(a_newer_format_is_8),
        CHECK(limits_want_check),
        CHECK(of_several_the_gravest_counts),
        CHECK(a_lock_is_no_trouble_by_itself),
    };
    return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
