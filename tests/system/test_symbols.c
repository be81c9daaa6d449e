/* test_symbols.c - weir symbols: crashes with their functions and lines. */
/* Covers: recovery/addr2line.c, recovery/crashes.c */
#include "tool.h"

#include "crash.h" /* last: names of its own hide those of parameters before */

static void crash_here(void) {
    open_and_log_crashes();
    use_bad_pointer();
}

/* The tool runs on the same database as the children of crash.h. */
static int set_up_symbols(void **state) {
    fixture *f;
    if (set_up(state)) return -1;
    f = *state;
    (void)snprintf(database, sizeof database, "%.*s", (int)sizeof database - 1, f->database);
    return 0;
}

#define SYMBOLS_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_symbols, tear_down)

static void leave_crash(void) { expect_death(status_of(crash_here), SIGSEGV); }

static void frames_have_functions_and_lines(void **state) {
    fixture *f = *state;
    leave_crash();
    recover();
    uint64_t before = tree_hash(f->directory);
    run(f, "symbols", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "SIGSEGV: nothing is mapped at the address, address 0x10, pc 0x");
    expect_text(f->out, "  #0 read_at at ");
    expect_text(f->out, "support/crash.h:");
    expect_text(f->out, "  #1 use_bad_pointer at ");
    expect_text(f->out, "  #2 crash_here at ");
    expect_text(f->out, "test_symbols.c:");
    assert_string_equal(f->err, "");
    assert_true(tree_hash(f->directory) == before);
}

static void frames_as_json(void **state) {
    fixture *f = *state;
    leave_crash();
    recover();
    run(f, "symbols", "--json", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "{\"type\":\"crash\",\"time\":\"");
    expect_text(f->out, "\"text\":\"SIGSEGV: nothing is mapped");
    expect_text(f->out, "{\"type\":\"frame\",\"frame\":0,\"pc\":\"0x");
    expect_text(f->out, "\"function\":\"read_at\",\"place\":\"/");
    expect_text(f->out, "\"inlined\":false}");
}

static void what_waits_in_the_journal_is_told(void **state) {
    fixture *f = *state;
    leave_crash();
    uint64_t before = tree_hash(f->directory);
    run(f, "symbols", f->database, NULL), expect(f, CLEAN);
    expect_text(f->err, "the last crash may be among them: take them in (weir-recover /");
    assert_true(tree_hash(f->directory) == before);
    run(f, f->database, NULL), expect(f, RECOVERED);
    run(f, "symbols", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "  #1 use_bad_pointer at ");
}

static void without_addr2line_there_are_modules_and_offsets(void **state) {
    fixture *f = *state;
    char *path = strdup(getenv("PATH") ? getenv("PATH") : "");
    leave_crash();
    recover();
    assert_int_equal(setenv("PATH", "/nowhere", 1), 0);
    run(f, "symbols", f->database, NULL);
    assert_int_equal(setenv("PATH", path, 1), 0);
    free(path);
    expect(f, CLEAN);
    expect_text(f->out, "  #0 (/");
    expect_text(f->out, "test_symbols+0x");
    assert_null(strstr(f->out, "use_bad_pointer"));
    expect_text(f->err, "install binutils");
    assert_int_equal(lines(f->err), 1);
}

/* The names would be those of other code. */
static void a_file_of_another_build_is_not_asked(void **state) {
    fixture *f = *state;
    leave_crash();
    recover();
    weir_sql_run(f->database,
                 "UPDATE log SET message = replace(message, substr(message, instr(message, "
                 "' /') - 4, 4), 'beef') WHERE message LIKE 'mapping %/test_symbols'");
    run(f, "symbols", f->database, NULL), expect(f, CLEAN);
    expect_text(f->err, "test_symbols is not the build that crashed");
    assert_null(strstr(f->out, "use_bad_pointer"));
    expect_text(f->out, "test_symbols+0x");
}

/* ---- texts that nobody logged ------------------------------------------------------------------ */

static void make_log(const fixture *f) {
    weir_sql_run(f->database, "CREATE TABLE log(time_ns INTEGER, level TEXT, thread INTEGER, file "
                              "TEXT, line INTEGER, message TEXT)");
}

static void add_log_row(const fixture *f, int line, const char *text) {
    char sql[6000];
    (void)snprintf(sql, sizeof sql, "INSERT INTO log VALUES(1, 'FATAL', 2, 'weir/crash.h', %d, %s)",
                   line, text);
    weir_sql_run(f->database, sql);
}

static void texts_that_are_no_crash_do_no_harm(void **state) {
    static const char *const texts[] = {
        "'#0 0x1f'",
        "'#1 0x2000 anything'",
        "'#99999999999999999999999 0xffffffffffffffff'",
        "'#1 0x11111111111111111'",
        "'#1 1f'",
        "'#'",
        "'mapping'",
        "'mapping 0x0-0xffffffffffffffff 0xffffffffffffffff - relative/path'",
        "'mapping 0x1000-0x3000 0x0 0 /dev/zero'",
        "'mapping 0x1000-0x3000 0x0 - '",
        "'mapping 0x1000-0x3000 0x0 abc'",
        "'mapping 0x1000-0x3000 0x0 ' || replace(hex(zeroblob(64)), '00', 'ab') || ' /'",
        "'mapping 0x1000-0x3000 0x0 - /proc/self/exe' || char(10) || '-e'",
        "'mapping 0x5-0x1 0x0 - /x'",
        "x'00ff'",
        "zeroblob(100000)",
        "NULL",
        "7",
        "''",
    };
    fixture *f = *state;
    make_log(f);
    add_log_row(f, 3, "'a row without a head'");
    add_log_row(f, 0, "'SIGNONE: %s%n'");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        add_log_row(f, 1 + (int)i, texts[i]);
    add_log_row(f, 0, "NULL");
    add_log_row(f, 0, "x'41'");
    run(f, "symbols", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "1970-01-01T00:00:00.000000001Z thread 2: SIGNONE: %s%n");
    expect_text(f->out, "thread 2: A\n");
    assert_null(strstr(f->out, "a row without a head"));
    run(f, "symbols", "--json", f->database, NULL), expect(f, CLEAN);
    expect_text(f->out, "\"module\":\"relative/path\"");
}

/* A crash is bounded whatever a table holds. */
static void a_crash_has_no_more_parts_than_are_read(void **state) {
    fixture *f = *state;
    make_log(f);
    weir_sql_run(f->database,
                 "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9000) "
                 "INSERT INTO log SELECT 1, 'FATAL', 2, 'weir/crash.h', i, '#0 0x1' FROM n");
    run(f, "symbols", f->database, NULL), expect(f, CLEAN);
    assert_int_equal(lines(f->out), 1 + 4096);
}

/* ---- nothing to tell ---------------------------------------------------------------------------- */

static void what_tells_of_no_crash_is_named(void **state) {
    fixture *f = *state;
    run(f, "symbols", f->database, NULL), expect(f, FAILED);
    assert_int_equal(lines(f->err), 1);
    run(f, "symbols", "--limit", "1", f->database, NULL), expect(f, USAGE);
    weir_sql_run(f->database, "CREATE TABLE t(a)");
    run(f, "symbols", f->database, NULL), expect(f, CLEAN);
    expect_text(f->err, "tells of no crash");
    weir_sql_run(f->database, "CREATE TABLE log(a)");
    run(f, "symbols", "--json", f->database, NULL), expect(f, FAILED);
    expect_text(f->out, "WEIR_SCHEMA");
    weir_file_write(f->database, "This is a letter, not a database. It is long enough, though.",
                    60);
    run(f, "symbols", f->database, NULL), expect(f, FAILED);
    assert_string_equal(f->out, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SYMBOLS_TEST(frames_have_functions_and_lines),
        SYMBOLS_TEST(frames_as_json),
        SYMBOLS_TEST(what_waits_in_the_journal_is_told),
        SYMBOLS_TEST(without_addr2line_there_are_modules_and_offsets),
        SYMBOLS_TEST(a_file_of_another_build_is_not_asked),
        SYMBOLS_TEST(texts_that_are_no_crash_do_no_harm),
        SYMBOLS_TEST(a_crash_has_no_more_parts_than_are_read),
        SYMBOLS_TEST(what_tells_of_no_crash_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
