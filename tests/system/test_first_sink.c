/* A journal without an SQLite database, whose first sink has a record: what the tool says of it, and lets
 * go of. */
/* Covers: recovery/first_sink.c, recovery/view.c, recovery/archive/prune.c */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/journal/sinks.h"
#include "memory_sink.h"
#include "tool_says.h"

enum { DIED_EXIT = 24 };

/* The tool, with "%s" in what is typed for the journal. */
static void expect(const char *directory, int code, const char *part, const char *typed) {
    char arguments[1000];
    const char *at = strstr(typed, "%s");
    assert_non_null(at);
    (void)snprintf(arguments, sizeof arguments, "%.*s%s%s", (int)(at - typed), typed, directory,
                   at + 2);
    tool_says(arguments, code, part);
}

static void open_alone(opened *o, const char *directory, memory *m) {
    weir_error error = {0};
    weir_options options = small;
    static const weir_column columns[] = {{"n", WEIR_INTEGER}, {"pad", WEIR_BLOB}};
    options.archive = 1;
    options.open_timeout_ms = 500; /* which closing takes while the sink is away */
    m->remote = true;
    weir_sink_offer offer = offer_of(m, "postgres");
    if (weir_private_open_1(directory, &options, sizeof options, &offer, &o->w, &error) != WEIR_OK)
        fail_msg("%s", error.text);
    assert_int_equal(weir_declare(o->w, "t", columns, 2, &o->table), WEIR_OK);
}

static void check_one(opened *o, const char *directory) {
    memory *m = fresh(0, WEIR_OK);
    open_alone(o, directory, m);
    append(o, MANY);
    assert_int_equal(weir_sync(o->w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
    assert_int_equal(opened_close(o), WEIR_OK);
    expect(directory, 0, "none: the first sink is postgres", "status %s");
    expect(directory, 0, "rows      300 durable, 300 applied, 0 waiting", "verify --archive %s");
    expect(directory, 0, "\"database_state\":\"absent\"", "status --json %s");
    expect(directory, 0, "weir OK: 0 rows wait", "status --check %s");
    expect(directory, 0, "<p>There is none.</p>", "report -o - %s");
    m->begin_status = WEIR_IO;
    open_alone(o, directory, m);
    append(o, MANY);
    assert_int_equal(weir_sync(o->w, WEIR_DURABLE, PATIENCE_MS), WEIR_OK);
    await_event(WEIR_EVENT_APPLY_WAITS);
    expect(directory, 0, "rows      600 durable, 300 applied, 300 waiting", "status %s");
    assert_int_equal(opened_close(o), WEIR_PENDING);
    expect(directory, 0, "300 rows are not in postgres yet: start the program", "status %s");
    expect(directory, DIED_EXIT, "applied: start the program |", "status --check %s");
}

static void it_is_judged_by_its_first_sink(void **state) {
    opened *o = *state;
    char directory[140];
    memset(heard, 0, sizeof heard);
    (void)snprintf(directory, sizeof directory, "%s/orders", o->directory);
    check_one(o, directory);
}

static void also_where_a_database_could_be_beside_it(void **state) {
    opened *o = *state;
    memset(heard, 0, sizeof heard);
    check_one(o, o->journal);
}

/* Its rows are not taken for those of a database that is named by mistake. */
static void recovery_fills_no_database_with_its_rows(void **state) {
    opened *o = *state;
    char directory[140], typed[300];
    (void)snprintf(directory, sizeof directory, "%s/orders", o->directory);
    open_alone(o, directory, fresh(0, WEIR_IO));
    append(o, 10);
    assert_int_equal(opened_close(o), WEIR_PENDING);
    (void)snprintf(typed, sizeof typed, "--journal %%s %s", o->database);
    expect(directory, 4, "its rows go to postgres, and not to ", typed);
    assert_int_equal(access(o->database, F_OK), -1);
    weir_file_write(o->database, "", 0); /* nor fills it one that is there */
    expect(directory, 4, "its rows go to postgres, and not to ", typed);
    (void)snprintf(typed, sizeof typed, "--dry-run --journal %%s %s", o->database);
    expect(directory, 4, "its rows go to postgres, and not to ", typed);
    struct stat info;
    assert_int_equal(stat(o->database, &info), 0);
    assert_int_equal(info.st_size, 0);
    (void)snprintf(typed, sizeof typed, "replay --into %s %%s", o->database);
    expect(directory, 1, "10 rows", typed);
    /* Unless it is said to be that journal's. */
    (void)snprintf(typed, sizeof typed, "--adopt --journal %%s %s.other", o->database);
    expect(directory, 1, "10 rows recovered", typed);
}

/* A server that is not there yet has nothing; its archive goes when it has all. */
static void prune_asks_the_first_sink(void **state) {
    opened *o = *state;
    memory *m = fresh(0, WEIR_OK);
    weir_sink_record record;
    weir_error error;
    char directory[140];
    (void)snprintf(directory, sizeof directory, "%s/orders", o->directory);
    open_alone(o, directory, m);
    append(o, MANY);
    assert_int_equal(weir_sync(o->w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
    assert_int_equal(opened_close(o), WEIR_OK);
    const weir_os *os = weir_os_posix();
    assert_int_equal(weir_sink_record_read(os, WEIR_OS_CWD, directory, "postgres", &record, &error),
                     WEIR_OK);
    weir_position safe = record.safe;
    record.safe.block = 1; /* as of a copy that is older than the archive */
    assert_int_equal(weir_sink_record_write(os, WEIR_OS_CWD, directory, &record, &error), WEIR_OK);
    expect(directory, 0, "the database has not applied all of it",
           "archive prune --keep-rows 0 %s");
    record.safe = safe;
    assert_int_equal(weir_sink_record_write(os, WEIR_OS_CWD, directory, &record, &error), WEIR_OK);
    expect(directory, 0, "left: 0 files", "archive prune --keep-rows 0 %s");
}

/* Of a journal that is SQLite's and whose database is away, no other sink tells what may go. */
static void a_further_sink_is_no_database(void **state) {
    opened *o = *state;
    weir_options options = small;
    options.archive = 1;
    static const weir_column columns[] = {{"n", WEIR_INTEGER}, {"pad", WEIR_BLOB}};
    opened_open(o, &options);
    assert_int_equal(weir_declare(o->w, "t", columns, 2, &o->table), WEIR_OK);
    attach(o, fresh(0, WEIR_OK), "central");
    append(o, MANY);
    wait_all(o, "central");
    assert_int_equal(opened_close(o), WEIR_OK);
    (void)snprintf(o->copy, sizeof o->copy, "%s/elsewhere.db", o->directory);
    assert_int_equal(rename(o->database, o->copy), 0);
    expect(o->journal, 8, "so nobody knows which rows it has", "archive prune --keep-rows 0 %s");
    assert_int_equal(rename(o->copy, o->database), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        OPENED_TEST(it_is_judged_by_its_first_sink),
        OPENED_TEST(also_where_a_database_could_be_beside_it),
        OPENED_TEST(recovery_fills_no_database_with_its_rows),
        OPENED_TEST(prune_asks_the_first_sink),
        OPENED_TEST(a_further_sink_is_no_database),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
