/* test_sqlite_faults.c - what can happen to the database file while a weir is open on it, through
 * the public API: rows wait in the journal, somebody mends it, and every row comes, once. What
 * constraints and triggers do to single rows is in test_sqlite_sink.c. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>
#include <weir/sqlite.h>

#include "opened.h"

static const weir_column columns[] = {{"n", WEIR_INTEGER}, {"text", WEIR_TEXT}};

typedef struct fixture {
    opened at;
    int64_t rows; /* appended */
    _Atomic int events[16];
} fixture;

static void on_event(void *context, weir_event event, const char *text) {
    fixture *f = context;
    assert_non_null(text);
    f->events[event]++;
}

static int setup(void **state) { return opened_make(state, sizeof(fixture)); }

/* ---- steps ---------------------------------------------------------------------------------- */

static void must(int status, const char *what) {
    if (status != WEIR_OK)
        fail_msg("%s: %s: %s", what, weir_status_name(status), weir_last_error());
}

static int try_open(fixture *f) {
    weir_options o = {.lane_bytes = 65536,
                      .segment_bytes = 1 << 20,
                      .linger_ms = 1,
                      .apply_linger_ms = 1,
                      .open_timeout_ms = 300,
                      .on_event = on_event,
                      .event_context = f};
    return weir_open_sqlite(f->at.database, &o, &f->at.w);
}

static void open_it(fixture *f) {
    must(try_open(f), "open");
    must(weir_declare(f->at.w, "rows", columns, 2, &f->at.table), "declare");
}

static void append(fixture *f, int rows) {
    while (rows-- > 0)
        must(weir_append(f->at.table, weir_int(++f->rows), weir_text("a row")), "append");
}

/* To be applied within ms; what it answered. */
static int apply(fixture *f, uint32_t ms) { return weir_sync(f->at.w, WEIR_APPLIED, ms); }

static void close_it(fixture *f) {
    int status = opened_close(&f->at);
    if (status != WEIR_PENDING) must(status, "close"); /* pending: rows wait, and all is well */
}

static void recover(fixture *f) {
    if (!f->at.w) open_it(f);
    must(apply(f, 20000), "sync");
    close_it(f);
}

static void all_rows_are_there(const fixture *f) {
    assert_int_equal(weir_sql_int(f->at.database, "SELECT count(*) FROM rows WHERE n = rowid"),
                     f->rows);
    assert_int_equal(weir_sql_int(f->at.database, "SELECT count(*) FROM rows"), f->rows);
}

static void start(fixture *f, int rows) {
    open_it(f);
    append(f, rows);
    must(apply(f, 10000), "sync");
}

static sqlite3 *connect_to(const char *path) {
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 10000);
    return db;
}

static void run(sqlite3 *db, const char *sql) {
    if (sqlite3_exec(db, sql, NULL, NULL, NULL)) fail_msg("%s: %s", sql, sqlite3_errmsg(db));
}

/* A database in WAL mode as it stands, by SQLite's own means; not by VACUUM INTO, for which it needs room
 * for a second database. */
static void copy_database(const fixture *f) {
    sqlite3 *from = connect_to(f->at.database), *to = connect_to(f->at.copy);
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    assert_non_null(backup);
    assert_int_equal(sqlite3_backup_step(backup, -1), SQLITE_DONE);
    assert_int_equal(sqlite3_backup_finish(backup), SQLITE_OK);
    sqlite3_close(to);
    sqlite3_close(from);
}

static void remove_database(const fixture *f) {
    static const char *const parts[] = {"", "-wal", "-shm"};
    for (int i = 0; i < 3; i++) {
        char path[160];
        (void)snprintf(path, sizeof path, "%s%s", f->at.database, parts[i]);
        (void)unlink(path);
    }
}

/* ---- locks and readers ---------------------------------------------------------------------- */

static void a_lock_of_seconds_delays_nobody_who_appends(void **state) {
    fixture *f = *state;
    start(f, 10);
    sqlite3 *other = connect_to(f->at.database);
    run(other, "BEGIN IMMEDIATE");
    for (int i = 0; i < 15; i++) {
        append(f, 100);
        must(weir_sync(f->at.w, WEIR_DURABLE, 10000), "durable");
        assert_int_equal(apply(f, 100), WEIR_PENDING);
    }
    assert_int_equal(f->events[WEIR_EVENT_APPLY_WAITS], 1); /* told once, after a second */
    struct weir_stats s;
    must(weir_stats(f->at.w, &s), "stats");
    assert_int_equal(s.apply_status, WEIR_BUSY);
    assert_int_equal(s.lag_rows, 1500);
    run(other, "COMMIT");
    sqlite3_close(other);
    recover(f);
    assert_int_equal(f->events[WEIR_EVENT_APPLY_RESUMED], 1);
    all_rows_are_there(f);
}

static void a_long_reader_shows_in_the_statistics(void **state) {
    fixture *f = *state;
    char text[2000];
    struct weir_stats before, held;
    start(f, 10);
    sqlite3 *reader = connect_to(f->at.database);
    run(reader, "BEGIN; SELECT count(*) FROM rows");
    must(weir_stats(f->at.w, &before), "stats");
    weir_rng rng = {3};
    for (int i = 0; i < 40; i++) {
        for (int j = 0; j < 20; j++) {
            weir_rng_fill(&rng, text, sizeof text);
            must(weir_append(f->at.table, weir_int(++f->rows), weir_blob(text, sizeof text)),
                 "append");
        }
        must(apply(f, 10000), "sync");
    }
    must(weir_stats(f->at.w, &held), "stats");
    assert_true(held.wal_bytes > before.wal_bytes + 40 * 20 * sizeof text);
    struct stat wal;
    assert_int_equal(stat(weir_temp_path(f->at.directory, "run.db-wal"), &wal), 0);
    assert_true((uint64_t)wal.st_size >= held.wal_bytes);
    run(reader, "COMMIT");
    sqlite3_close(reader);
    recover(f);
    all_rows_are_there(f);
}

static void a_checkpoint_without_sync_takes_nothing(void **state) {
    fixture *f = *state;
    start(f, 10);
    sqlite3 *other = connect_to(f->at.database);
    run(other, "PRAGMA synchronous=OFF; CREATE TABLE own(x); PRAGMA busy_timeout=0");
    for (int i = 0; i < 30; i++) {
        append(f, 50);
        while (sqlite3_exec(other, "INSERT INTO own VALUES(1)", NULL, NULL, NULL) == SQLITE_BUSY)
            usleep(1000);
        run(other, i % 2 ? "PRAGMA wal_checkpoint(TRUNCATE)" : "PRAGMA wal_checkpoint(PASSIVE)");
        must(apply(f, 10000), "sync");
    }
    assert_int_equal(weir_sql_int(f->at.database, "SELECT count(*) FROM own"), 30);
    sqlite3_close(other);
    recover(f);
    all_rows_are_there(f);
}

/* ---- the file ------------------------------------------------------------------------------- */

/* As a user whom rights bind. */
static void must_be_refused(fixture *f) {
    if (geteuid() == 0 && (setgid(65534) || setuid(65534))) _exit(2);
    int status = try_open(f);
    bool named = strstr(weir_last_error(), "run.db") != NULL;
    if (status != WEIR_DATABASE || !named)
        fprintf(stderr, "%s: %s\n", weir_status_name(status), weir_last_error());
    _exit(status == WEIR_DATABASE && named ? 0 : 1);
}

static void a_read_only_file_is_refused_with_words(void **state) {
    fixture *f = *state;
    start(f, 10);
    close_it(f);
    assert_int_equal(chmod(f->at.directory, 0777), 0);
    assert_int_equal(chmod(f->at.database, 0444), 0);
    pid_t child = fork();
    if (child == 0) must_be_refused(f);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(chmod(f->at.database, 0644), 0);
    recover(f);
    all_rows_are_there(f);
}

static void corrupt(const char *path) {
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    static const char garbage[65536] = {"what was a database"};
    assert_int_equal(fwrite(garbage, 1, sizeof garbage, file), sizeof garbage);
    fclose(file);
}

static void a_corrupt_file_stops_applying_and_keeps_the_rows(void **state) {
    fixture *f = *state;
    start(f, 100);
    close_it(f);
    copy_database(f);
    open_it(f);
    sqlite3 *other = connect_to(f->at.database); /* so that the rows wait */
    run(other, "BEGIN IMMEDIATE");
    append(f, 100);
    close_it(f);
    sqlite3_close(other);
    corrupt(f->at.database);
    assert_int_equal(try_open(f), WEIR_DATABASE);
    assert_non_null(strstr(weir_last_error(), "run.db"));
    remove_database(f);
    assert_int_equal(rename(f->at.copy, f->at.database), 0);
    recover(f);
    all_rows_are_there(f);
}

static void a_file_renamed_away_gets_nothing_and_loses_nothing(void **state) {
    fixture *f = *state;
    start(f, 100);
    assert_int_equal(rename(f->at.database, f->at.copy), 0);
    append(f, 100);
    assert_int_equal(apply(f, 10000), WEIR_DATABASE);
    must(weir_sync(f->at.w, WEIR_DURABLE, 10000), "durable"); /* journaling goes on */
    assert_true(f->events[WEIR_EVENT_APPLY_STOPPED] > 0);
    close_it(f);
    assert_int_equal(rename(f->at.copy, f->at.database), 0);
    recover(f);
    all_rows_are_there(f);
}

static void a_file_deleted_while_open_is_told(void **state) {
    fixture *f = *state;
    start(f, 100);
    copy_database(f);
    remove_database(f);
    append(f, 100);
    assert_int_equal(apply(f, 10000), WEIR_DATABASE);
    must(weir_sync(f->at.w, WEIR_DURABLE, 10000), "durable");
    close_it(f);
    assert_int_equal(rename(f->at.copy, f->at.database), 0); /* the backup of before */
    recover(f);
    all_rows_are_there(f);
}

/* A reader keeps the journal from letting rows go, so they are there yet, and come again. */
static void an_older_copy_gets_what_it_lacks(void **state) {
    fixture *f = *state;
    start(f, 100);
    copy_database(f);
    sqlite3 *reader = connect_to(f->at.database);
    run(reader, "BEGIN; SELECT count(*) FROM rows");
    append(f, 100);
    must(apply(f, 10000), "sync");
    assert_int_equal(rename(f->at.copy, f->at.database), 0); /* under the open connection */
    append(f, 100);
    assert_int_equal(apply(f, 10000), WEIR_DATABASE);
    sqlite3_close(reader);
    close_it(f);
    (void)unlink(weir_temp_path(f->at.directory, "run.db-wal")); /* of the file that is gone */
    (void)unlink(weir_temp_path(f->at.directory, "run.db-shm"));
    recover(f);
    all_rows_are_there(f);
}

/* ---- the schema ----------------------------------------------------------------------------- */

static void a_dropped_column_waits_for_its_return(void **state) {
    fixture *f = *state;
    start(f, 100);
    sqlite3 *other = connect_to(f->at.database);
    run(other, "ALTER TABLE rows DROP COLUMN n");
    append(f, 100);
    assert_int_equal(apply(f, 10000), WEIR_SCHEMA);
    assert_true(f->events[WEIR_EVENT_APPLY_STOPPED] > 0);
    append(f, 100); /* nobody who appends is in the way of it */
    must(weir_sync(f->at.w, WEIR_DURABLE, 10000), "durable");
    run(other, "ALTER TABLE rows ADD COLUMN n");
    sqlite3_close(other);
    for (int i = 0; i < 200 && apply(f, 100) != WEIR_OK; i++)
        usleep(50000); /* it is looked at again every few seconds */
    recover(f);
    assert_int_equal(f->events[WEIR_EVENT_APPLY_RESUMED], 1);
    assert_int_equal(weir_sql_int(f->at.database, "SELECT count(*) FROM rows WHERE n IS NULL"),
                     100);
    assert_int_equal(
        weir_sql_int(f->at.database, "SELECT count(DISTINCT n) FROM rows WHERE n = rowid"), 200);
    assert_int_equal(weir_sql_int(f->at.database, "SELECT count(*) FROM rows"), 300);
}

static void a_renamed_column_is_made_again_and_said(void **state) {
    fixture *f = *state;
    start(f, 100);
    close_it(f);
    open_it(f);
    append(f, 100);
    must(apply(f, 10000), "sync");
    assert_int_equal(f->events[WEIR_EVENT_TABLE_MENDED], 0); /* all is as declared */
    sqlite3 *other = connect_to(f->at.database);
    run(other, "ALTER TABLE rows RENAME COLUMN text TO words");
    append(f, 100);
    must(apply(f, 10000), "sync");
    assert_int_equal(f->events[WEIR_EVENT_TABLE_MENDED], 1);
    append(f, 100);
    must(apply(f, 10000), "sync");
    assert_int_equal(f->events[WEIR_EVENT_TABLE_MENDED], 1); /* once */
    close_it(f);
    run(other, "ALTER TABLE rows RENAME TO lines"); /* while nobody looks */
    sqlite3_close(other);
    open_it(f);
    append(f, 100);
    must(apply(f, 10000), "sync");
    assert_int_equal(f->events[WEIR_EVENT_TABLE_MENDED], 2);
    close_it(f);
    assert_int_equal(weir_sql_int(f->at.database, "SELECT count(words) FROM lines"), 200);
    assert_int_equal(weir_sql_int(f->at.database, "SELECT count(text) FROM lines"), 200);
    assert_int_equal(weir_sql_int(f->at.database, "SELECT count(text) FROM rows"), 100);
}

static void rows_at_fault_stop_nobody(void **state) {
    fixture *f = *state;
    weir_sql_run(f->at.database,
                 "CREATE TABLE rows(n INTEGER UNIQUE ON CONFLICT ROLLBACK CHECK(n % 10), "
                 "text TEXT NOT NULL ON CONFLICT FAIL) STRICT");
    open_it(f);
    for (int i = 1; i <= 100; i++) {
        must(weir_append(f->at.table, weir_int(i), weir_text("first")), "append");
        if (i % 7 == 0) must(weir_append(f->at.table, weir_int(i), weir_text("second")), "append");
        if (i % 9 == 0) must(weir_append(f->at.table, weir_int(1000 + i), weir_null()), "append");
        if (i % 11 == 0)
            must(weir_append(f->at.table, weir_text("x"), weir_text("third")), "append");
    }
    must(apply(f, 10000), "sync");
    struct weir_stats s;
    must(weir_stats(f->at.w, &s), "stats");
    assert_int_equal(s.rows_rejected, 10 + 14 + 11 + 9);
    assert_int_equal(f->events[WEIR_EVENT_REJECTED] > 0, 1);
    close_it(f);
    assert_int_equal(weir_sql_int(f->at.database, "SELECT count(*) FROM rows"), 90);
    assert_int_equal(weir_sql_int(f->at.database, "SELECT count(*) FROM weir_reject"), 44);
    assert_int_equal(weir_sql_int(f->at.database, "SELECT count(DISTINCT row) FROM weir_reject"),
                     44);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, opened_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_lock_of_seconds_delays_nobody_who_appends),
        TEST(a_long_reader_shows_in_the_statistics),
        TEST(a_checkpoint_without_sync_takes_nothing),
        TEST(a_read_only_file_is_refused_with_words),
        TEST(a_corrupt_file_stops_applying_and_keeps_the_rows),
        TEST(a_file_renamed_away_gets_nothing_and_loses_nothing),
        TEST(a_file_deleted_while_open_is_told),
        TEST(an_older_copy_gets_what_it_lacks),
        TEST(a_dropped_column_waits_for_its_return),
        TEST(a_renamed_column_is_made_again_and_said),
        TEST(rows_at_fault_stop_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
