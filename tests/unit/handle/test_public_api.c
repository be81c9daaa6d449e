/* test_public_api.c - the public API, one thread: what calls answer, and what then stands in the
 * database. */
/* Covers: lib/handle/close.c, lib/handle/declare.c, lib/handle/options.c, lib/handle/wait.c,
 * writer/sqlite/sqlite.c */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "opened.h"
#include <sqlite3.h>

static const weir_column pair[] = {{"a", WEIR_INTEGER}, {"b", WEIR_TEXT}};

static void close_it(opened *f) {
    int status = opened_close(f);
    if (status != WEIR_OK) fail_msg("close: %s: %s", weir_status_name(status), weir_last_error());
}

static void declare(opened *f, const char *name) {
    if (weir_declare(f->w, name, pair, 2, &f->table) != WEIR_OK) fail_msg("%s", weir_last_error());
}

static int64_t count(const opened *f, const char *sql) { return weir_sql_int(f->database, sql); }

/* ---- values ---------------------------------------------------------------------------------- */

static void every_type_arrives_as_it_was(void **state) {
    opened *f = *state;
    opened_open(f, NULL);
    static const weir_column columns[] = {
        {"i", WEIR_INTEGER}, {"r", WEIR_REAL}, {"t", WEIR_TEXT}, {"b", WEIR_BLOB}};
    assert_int_equal(weir_declare(f->w, "every", columns, 4, &f->table), WEIR_OK);
    const int64_t numbers[] = {0,    1,     -1,    127,       128,       -128,
                               -129, 32767, 65536, INT32_MIN, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        assert_int_equal(weir_append(f->table, weir_int(numbers[i]),
                                     weir_real((double)numbers[i] / 3), weir_text("Größe"),
                                     weir_blob("\0\1\2", 3)),
                         WEIR_OK);
    assert_int_equal(
        weir_append(f->table, weir_null(), weir_null(), weir_text(NULL), weir_blob("", 0)),
        WEIR_OK);
    /* any column takes any type */
    assert_int_equal(
        weir_append(f->table, weir_text("x"), weir_blob("y", 1), weir_int(5), weir_real(2.5)),
        WEIR_OK);
    assert_int_equal(weir_sync(f->w, WEIR_APPLIED, 5000), WEIR_OK);
    assert_int_equal(
        count(f, "SELECT count(*) FROM every WHERE typeof(i)='integer' AND typeof(r)='real' AND "
                 "t='Größe' AND b=x'000102'"),
        12);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char sql[128];
        snprintf(sql, sizeof sql, "SELECT i FROM every WHERE rowid=%zu", i + 1);
        assert_true(count(f, sql) == numbers[i]);
    }
    assert_int_equal(
        count(f,
              "SELECT count(*) FROM every WHERE i IS NULL AND r IS NULL AND t IS NULL AND b=x''"),
        1);
    assert_int_equal(
        count(f, "SELECT count(*) FROM every WHERE i='x' AND r=x'79' AND t='5' AND b=2.5"), 1);
    close_it(f);
}

static void a_row_up_to_half_a_lane_fits_and_a_larger_one_is_refused(void **state) {
    opened *f = *state;
    weir_options o = {.lane_bytes = 65536, .segment_bytes = 1 << 20};
    opened_open(f, &o);
    declare(f, "big");
    char *body = calloc(1, 70000);
    struct weir_stats before, after;
    weir_stats(f->w, &before);
    assert_int_equal(weir_append(f->table, weir_int(1), weir_blob(body, 32768)), WEIR_TOO_BIG);
    assert_int_equal(weir_append(f->table, weir_int(1), weir_blob(body, 70000)), WEIR_TOO_BIG);
    weir_stats(f->w, &after);
    assert_true(after.bytes_published == before.bytes_published && after.rows_published == 0);
    for (int i = 0; i < 20; i++) /* ten laps of the lane */
        assert_int_equal(weir_append(f->table, weir_int(i), weir_blob(body, 32768 - 64)), WEIR_OK);
    assert_int_equal(weir_sync(f->w, WEIR_APPLIED, 10000), WEIR_OK);
    assert_int_equal(count(f, "SELECT count(*) FROM big WHERE length(b)=32704"), 20);
    free(body);
    close_it(f);
}

static void many_rows_in_one_call_are_all_or_none(void **state) {
    opened *f = *state;
    weir_options o = {.lane_bytes = 65536, .segment_bytes = 1 << 20};
    opened_open(f, &o);
    declare(f, "many");
    weir_value values[2 * 1000];
    for (int i = 0; i < 1000; i++) {
        values[2 * i] = weir_int(i);
        values[2 * i + 1] = weir_text("some words that make the row longer than 32 bytes");
    }
    assert_int_equal(weir_append_rows(f->table, values, 2, 1000, NULL), WEIR_TOO_BIG);
    weir_ticket ticket;
    assert_int_equal(weir_append_rows(f->table, values, 2, 300, &ticket), WEIR_OK);
    values[7].type = 77;
    assert_int_equal(weir_append_rows(f->table, values, 2, 300, NULL), WEIR_MISUSE);
    assert_int_equal(weir_wait(f->w, ticket, WEIR_APPLIED, 5000), WEIR_OK);
    assert_int_equal(count(f, "SELECT count(*) FROM many"), 300);
    close_it(f);
}

static void wrong_calls_are_told_so(void **state) {
    opened *f = *state;
    opened_open(f, NULL);
    declare(f, "t");
    assert_int_equal(weir_append(f->table, weir_int(1)), WEIR_MISUSE);
    assert_int_equal(weir_append_row(f->table, NULL, 2, NULL), WEIR_MISUSE);
    assert_int_equal(weir_append_row(NULL, NULL, 2, NULL), WEIR_MISUSE);
    weir_value bad = {.type = 9};
    assert_int_equal(weir_append(f->table, bad, weir_int(1)), WEIR_MISUSE);
    assert_int_equal(weir_sync(f->w, (weir_level)3, 0), WEIR_MISUSE);
    assert_int_equal(weir_wait(f->w, (weir_ticket){0, 0, 0}, WEIR_DURABLE, 0), WEIR_MISUSE);
    weir_table *other;
    assert_int_equal(weir_declare(f->w, "", pair, 2, &other), WEIR_MISUSE);
    assert_int_equal(weir_declare(f->w, "t", pair, 0, &other), WEIR_MISUSE);
    weir_options o = {.lane_bytes = 1000};
    weir *w;
    assert_int_equal(weir_open_sqlite(f->database, &o, &w), WEIR_MISUSE);
    assert_null(w);
    close_it(f);
}

/* ---- tables
 * ------------------------------------------------------------------------------------ */

static void declaring_twice_gives_one_table(void **state) {
    opened *f = *state;
    opened_open(f, NULL);
    weir_table *again;
    declare(f, "t");
    assert_int_equal(weir_declare(f->w, "t", pair, 2, &again), WEIR_OK);
    assert_ptr_equal(again, f->table);
    close_it(f);
}

static void tables_that_exist_are_used_as_they_are_or_refused(void **state) {
    opened *f = *state;
    weir_sql_run(f->database,
                 "CREATE TABLE t(id INTEGER PRIMARY KEY, a UNIQUE, b, c DEFAULT 7);"
                 "CREATE INDEX i ON t(b); CREATE TABLE other(x, y); CREATE TABLE grows(a);"
                 "CREATE TABLE strict(a, b, c NOT NULL)");
    opened_open(f, NULL);
    weir_table *t;
    assert_int_equal(weir_declare(f->w, "other", pair, 2, &t), WEIR_SCHEMA);
    assert_non_null(strstr(weir_last_error(), "other"));
    assert_int_equal(weir_declare(f->w, "strict", pair, 2, &t), WEIR_SCHEMA);
    assert_int_equal(weir_declare(f->w, "sqlite_master", pair, 2, &t), WEIR_SCHEMA);
    assert_int_equal(weir_declare(f->w, "weir_position", pair, 2, &t), WEIR_SCHEMA);
    assert_int_equal(weir_declare(f->w, "grows", pair, 2, &t), WEIR_OK);
    assert_int_equal(weir_append(t, weir_int(1), weir_text("grown")), WEIR_OK);
    declare(f, "t");
    assert_int_equal(weir_append(f->table, weir_int(5), weir_text("x")), WEIR_OK);
    assert_int_equal(weir_append(f->table, weir_int(5), weir_text("again")), WEIR_OK);
    assert_int_equal(weir_append(f->table, weir_int(6), weir_text("y")), WEIR_OK);
    assert_int_equal(weir_sync(f->w, WEIR_APPLIED, 5000), WEIR_OK);
    assert_int_equal(count(f, "SELECT count(*) FROM t WHERE c=7 AND id IN (1,2)"), 2);
    assert_int_equal(count(f, "SELECT count(*) FROM grows WHERE b='grown'"), 1);
    /* The declaration of a row costs no number; the refused row keeps its own. */
    assert_int_equal(count(f, "SELECT count(*) FROM weir_reject WHERE table_name='t' AND row=3 AND "
                              "\"values\" LIKE '%again%' AND message LIKE 'UNIQUE%'"),
                     1);
    struct weir_stats s;
    weir_stats(f->w, &s);
    assert_true(s.rows_rejected == 1 && s.rows_applied == 4 && s.lag_rows == 0);
    close_it(f);
}

static void names_that_are_sql_are_only_names(void **state) {
    opened *f = *state;
    opened_open(f, NULL);
    static const weir_column odd[] = {
        {"select", WEIR_INTEGER}, {"a\"b'c;--", WEIR_TEXT}, {" ", WEIR_TEXT}};
    assert_int_equal(weir_declare(f->w, "drop table \"t\"; --", odd, 3, &f->table), WEIR_OK);
    assert_int_equal(weir_append(f->table, weir_int(1), weir_text("2"), weir_text("3")), WEIR_OK);
    assert_int_equal(weir_sync(f->w, WEIR_APPLIED, 5000), WEIR_OK);
    assert_int_equal(
        count(f, "SELECT count(*) FROM \"drop table \"\"t\"\"; --\" WHERE \"a\"\"b'c;--\"='2'"), 1);
    close_it(f);
}

/* ---- keys
 * ------------------------------------------------------------------------------------- */

static const weir_column keyed[] = {{"id", WEIR_KEY}, {"name", WEIR_TEXT}};

static void a_key_is_known_at_once_and_the_same_ever_after(void **state) {
    opened *f = *state;
    opened_open(f, NULL);
    assert_int_equal(weir_declare(f->w, "runs", keyed, 2, &f->table), WEIR_OK);
    int64_t key = 0;
    assert_int_equal(weir_insert_now(f->table, (weir_value[]){weir_null(), weir_text("one")}, 2,
                                     5000, &key, NULL),
                     WEIR_OK);
    assert_int_equal(key, 1);
    assert_int_equal(count(f, "SELECT id FROM runs WHERE name='one'"), 1);
    assert_int_equal(weir_append(f->table, weir_int(10), weir_text("ten")), WEIR_OK);
    assert_int_equal(weir_append(f->table, weir_null(), weir_text("eleven")), WEIR_OK);
    assert_int_equal(weir_insert_now(f->table, (weir_value[]){weir_int(10), weir_text("ten again")},
                                     2, 5000, &key, NULL),
                     WEIR_REJECTED);
    close_it(f);
    assert_int_equal(count(f, "SELECT id FROM runs WHERE name='eleven'"), 11);
    opened_open(f, NULL);
    assert_int_equal(weir_declare(f->w, "runs", keyed, 2, &f->table), WEIR_OK);
    assert_int_equal(weir_insert_now(f->table, (weir_value[]){weir_null(), weir_text("twelve")}, 2,
                                     5000, &key, NULL),
                     WEIR_OK);
    assert_int_equal(key, 12);
    close_it(f);
}

static void past_its_deadline_insert_now_is_pending_not_failed(void **state) {
    opened *f = *state;
    opened_open(f, NULL);
    assert_int_equal(weir_declare(f->w, "runs", keyed, 2, &f->table), WEIR_OK);
    assert_int_equal(weir_sync(f->w, WEIR_APPLIED, 5000), WEIR_OK);
    assert_int_equal(weir_insert_now(f->table, (weir_value[]){weir_null(), weir_text("first")}, 2,
                                     5000, NULL, NULL),
                     WEIR_OK);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(f->database, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    int64_t key = 0;
    weir_ticket ticket;
    assert_int_equal(weir_insert_now(f->table, (weir_value[]){weir_null(), weir_text("late")}, 2,
                                     100, &key, &ticket),
                     WEIR_PENDING);
    assert_int_equal(key, 2);
    assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(weir_wait(f->w, ticket, WEIR_APPLIED, 10000), WEIR_OK);
    assert_int_equal(count(f, "SELECT id FROM runs WHERE name='late'"), 2);
    close_it(f);
}

/* ---- full
 * ------------------------------------------------------------------------------------- */

/* A database that is locked delays nobody until the journal's limit; then the policy decides. */
static void fill_until_refused(opened *f, weir_full policy) {
    weir_options o = {.lane_bytes = 65536,
                      .segment_bytes = 1 << 20,
                      .journal_limit_bytes = 4 << 20,
                      .full = policy,
                      .full_timeout_ms = 50,
                      .open_timeout_ms = 20000};
    opened_open(f, &o);
    declare(f, "t");
    assert_int_equal(weir_sync(f->w, WEIR_APPLIED, 5000), WEIR_OK);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(f->database, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    char body[4000];
    weir_rng rng = {7};
    int64_t published = 0, refused = 0;
    int in_a_row =
        0; /* a lane that is full for a moment refuses too; a full journal goes on refusing */
    while (in_a_row < (policy == WEIR_FULL_FAIL ? 60 : 3) && published < 100000) {
        weir_rng_fill(&rng, body, sizeof body); /* does not compress */
        int status = weir_append(f->table, weir_int(published), weir_blob(body, sizeof body));
        if (status == WEIR_FULL) {
            refused++;
            in_a_row++;
            if (policy == WEIR_FULL_FAIL) usleep(5000);
            continue;
        }
        in_a_row = 0;
        assert_int_equal(status, WEIR_OK);
        published++;
    }
    assert_true(published > 500);
    struct weir_stats s;
    weir_stats(f->w, &s);
    assert_int_equal(s.rows_refused, refused);
    sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    sqlite3_close(db);
    assert_int_equal(weir_sync(f->w, WEIR_APPLIED, 20000), WEIR_OK);
    assert_int_equal(count(f, "SELECT count(*) FROM t"), published);
    assert_int_equal(weir_append(f->table, weir_int(published), weir_text("room again")), WEIR_OK);
    close_it(f);
    assert_int_equal(count(f, "SELECT count(*) FROM t"), published + 1);
}

static void a_full_journal_refuses_at_once(void **state) {
    fill_until_refused(*state, WEIR_FULL_FAIL);
}
static void a_full_journal_blocks_until_the_deadline(void **state) {
    fill_until_refused(*state, WEIR_FULL_BLOCK);
}

static void closing_while_the_database_is_locked_leaves_the_rows_waiting(void **state) {
    opened *f = *state;
    weir_options o = {.open_timeout_ms = 100};
    opened_open(f, &o);
    declare(f, "t");
    assert_int_equal(weir_sync(f->w, WEIR_APPLIED, 5000), WEIR_OK);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(f->database, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    for (int i = 0; i < 10; i++)
        assert_int_equal(weir_append(f->table, weir_int(i), weir_text("waits")), WEIR_OK);
    assert_int_equal(weir_close(f->w), WEIR_PENDING);
    f->w = NULL;
    sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    sqlite3_close(db);
    opened_open(f, NULL);
    struct weir_stats s;
    weir_stats(f->w, &s);
    assert_int_equal(s.rows_recovered, 10);
    assert_int_equal(weir_sync(f->w, WEIR_APPLIED, 5000), WEIR_OK);
    assert_int_equal(count(f, "SELECT count(*) FROM t"), 10);
    close_it(f);
}

/* ---- opening
 * ---------------------------------------------------------------------------------- */

static void what_cannot_be_opened_is_named(void **state) {
    opened *f = *state;
    weir_options must = {.must_exist = 1};
    weir *w;
    assert_int_equal(weir_open_sqlite(f->database, &must, &w), WEIR_DATABASE);
    assert_non_null(strstr(weir_last_error(), f->database));
    assert_int_not_equal(access(f->database, F_OK), 0);
    weir_file_write(f->database,
                    "this is no database at all, but long enough to be looked at as one", 66);
    assert_int_equal(weir_open_sqlite(f->database, NULL, &w), WEIR_DATABASE);
    assert_int_equal(weir_open_sqlite("/nonexistent/directory/x.db", NULL, &w), WEIR_DATABASE);
    assert_int_equal(weir_open_sqlite(f->directory, NULL, &w), WEIR_DATABASE);
}

/* Forked before anything is opened: the child of a process with an open handle is refused as such. */
static int open_once_told(const opened *f, int told) {
    weir *w;
    char go, pid[32];
    weir_options hasty = {.open_timeout_ms = 1};
    (void)snprintf(pid, sizeof pid, "%d", (int)getppid());
    if (read(told, &go, 1) != 1) return 1;
    int status = weir_open_sqlite(f->database, &hasty, &w);
    return status == WEIR_LOCKED && strstr(weir_last_error(), pid) ? 0 : 2;
}

static void a_journal_is_opened_once(void **state) {
    opened *f = *state;
    int status, told[2];
    assert_int_equal(pipe(told), 0);
    pid_t child = fork();
    if (child == 0) _exit(open_once_told(f, told[0]));
    opened_open(f, NULL);
    weir *w;
    assert_int_equal(weir_open_sqlite(f->database, NULL, &w), WEIR_LOCKED);
    assert_int_equal(write(told[1], "!", 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(close(told[0]) | close(told[1]), 0);
    /* The failed attempts took nothing of ours away: another process is still kept out. */
    assert_int_equal(weir_open_sqlite(f->database, NULL, &w), WEIR_LOCKED);
    close_it(f);
    opened_open(f, NULL);
    close_it(f);
}

static void a_link_leads_to_the_same_journal(void **state) {
    opened *f = *state;
    opened_open(f, NULL);
    char link[200];
    snprintf(link, sizeof link, "%s/link.db", f->directory);
    assert_int_equal(symlink(f->database, link), 0);
    weir *w;
    assert_int_equal(weir_open_sqlite(link, NULL, &w), WEIR_LOCKED);
    close_it(f);
}

static void a_forked_child_is_told(void **state) {
    opened *f = *state;
    opened_open(f, NULL);
    declare(f, "t");
    assert_int_equal(weir_append(f->table, weir_int(1), weir_null()), WEIR_OK);
    pid_t child = fork();
    if (child == 0) {
        weir_table *t;
        struct weir_stats s;
        bool told = weir_append(f->table, weir_int(2), weir_null()) == WEIR_FORKED &&
                    weir_sync(f->w, WEIR_DURABLE, 0) == WEIR_FORKED &&
                    weir_declare(f->w, "u", pair, 2, &t) == WEIR_FORKED &&
                    weir_stats(f->w, &s) == WEIR_FORKED && weir_close(f->w) == WEIR_FORKED;
        _exit(told ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(weir_append(f->table, weir_int(3), weir_null()), WEIR_OK);
    close_it(f);
    assert_int_equal(count(f, "SELECT count(*) FROM t"), 2);
}

static void opening_and_closing_again_and_again_keeps_the_directory_small(void **state) {
    opened *f = *state;
    for (int i = 0; i < 20; i++) {
        opened_open(f, NULL);
        declare(f, "t");
        assert_int_equal(weir_append(f->table, weir_int(i), weir_text("x")), WEIR_OK);
        close_it(f);
    }
    assert_int_equal(count(f, "SELECT count(*) FROM t"), 20);
    char command[300];
    snprintf(command, sizeof command, "test $(ls %s-weir | wc -l) -le 4", f->database);
    assert_int_equal(system(command), 0);
}

/* Blocks without rows take no position with them, but must not keep their segments for ever. */
static void openings_without_rows_leave_nothing_behind(void **state) {
    opened *f = *state;
    for (int i = 0; i < 12; i++) {
        opened_open(f, NULL);
        if (i % 3 == 0) declare(f, "t");
        close_it(f);
    }
    char command[300];
    snprintf(command, sizeof command, "test $(ls %s-weir | wc -l) -le 4", f->database);
    assert_int_equal(system(command), 0);
    opened_open(f, NULL);
    declare(f, "t");
    assert_int_equal(weir_append(f->table, weir_int(1), weir_text("x")), WEIR_OK);
    close_it(f);
    assert_int_equal(count(f, "SELECT count(*) FROM t"), 1);
}

static void levels_are_reached_in_order(void **state) {
    opened *f = *state;
    weir_options o = {.linger_ms = 60000, .apply_linger_ms = 60000};
    opened_open(f, &o);
    declare(f, "t");
    weir_ticket ticket;
    assert_int_equal(weir_append_ticket(f->table, &ticket, weir_int(1), weir_null()), WEIR_OK);
    assert_int_equal(weir_wait(f->w, ticket, WEIR_PUBLISHED, 0), WEIR_OK);
    assert_int_equal(weir_wait(f->w, ticket, WEIR_DURABLE, 0),
                     WEIR_PENDING); /* nobody asked, and it lingers */
    assert_int_equal(weir_wait(f->w, ticket, WEIR_DURABLE, 10000), WEIR_OK);
    assert_int_equal(weir_wait(f->w, ticket, WEIR_APPLIED, 0), WEIR_PENDING);
    assert_int_equal(weir_wait(f->w, ticket, WEIR_APPLIED, 10000), WEIR_OK);
    assert_int_equal(count(f, "SELECT count(*) FROM t"), 1);
    close_it(f);
}

#define T(name) OPENED_TEST(name)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(every_type_arrives_as_it_was),
        T(a_row_up_to_half_a_lane_fits_and_a_larger_one_is_refused),
        T(many_rows_in_one_call_are_all_or_none),
        T(wrong_calls_are_told_so),
        T(declaring_twice_gives_one_table),
        T(tables_that_exist_are_used_as_they_are_or_refused),
        T(names_that_are_sql_are_only_names),
        T(a_key_is_known_at_once_and_the_same_ever_after),
        T(past_its_deadline_insert_now_is_pending_not_failed),
        T(a_full_journal_refuses_at_once),
        T(a_full_journal_blocks_until_the_deadline),
        T(closing_while_the_database_is_locked_leaves_the_rows_waiting),
        T(what_cannot_be_opened_is_named),
        T(a_journal_is_opened_once),
        T(a_link_leads_to_the_same_journal),
        T(a_forked_child_is_told),
        T(opening_and_closing_again_and_again_keeps_the_directory_small),
        T(openings_without_rows_leave_nothing_behind),
        T(levels_are_reached_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
