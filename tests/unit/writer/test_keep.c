/* test_keep.c - old rows are deleted within the limits that weir_keep sets: first by the sink, with
 * clocks that the test moves, then through the public API. */
/* Covers: writer/sqlite/keep_settings.c, writer/sqlite/keep_table.c,
 * writer/sqlite/retention_rows.c, writer/sqlite/retention_state.h */
#include "support.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weir/log.h>
#include <weir/sqlite.h>

#include "writer/sqlite/retention.h"
#include "writer/sqlite/sqlite_sink.h"

#define SECOND ((uint64_t)1000000000)
#define NEVER UINT64_MAX

static weir_os os;
static uint64_t now_ns;
static int64_t wall_ns;

static uint64_t moved_now(void *self) {
    (void)self;
    return now_ns;
}

static int64_t moved_wall(void *self) {
    (void)self;
    return wall_ns;
}

static const char *directory;
static char path[300];
static weir_sink sink;
static weir_keep_settings settings = {.lock = PTHREAD_MUTEX_INITIALIZER};
static uint64_t deleted, sweeps, largest, visits; /* since the settings were made */
static unsigned suspended, told;
static char text[800];

static void open_sink(void) {
    weir_error error;
    weir_sqlite_config config = {.path = path, .os = &os};
    if (weir_sqlite_sink_open(&config, &sink, NULL, &error) != WEIR_OK) fail_msg("%s", error.text);
    weir_sqlite_sink_keep(&sink, &settings);
}

static int set_up(void **state) {
    (void)state;
    directory = weir_temp_make();
    (void)snprintf(path, sizeof path, "%s/run.db", directory);
    os = *weir_os_posix();
    os.now = moved_now;
    os.wall = moved_wall;
    now_ns = 1000 * SECOND;
    wall_ns = (int64_t)(1000000 * SECOND);
    deleted = sweeps = largest = visits = 0;
    suspended = told = 0;
    text[0] = 0;
    open_sink();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    sink.close(sink.self);
    weir_keep_settings_clear(&settings);
    weir_temp_remove(directory);
    return 0;
}

/* On the writer's own connection, as the writer does between two visits. */
static void run(const char *sql) {
    char *message = NULL;
    if (sqlite3_exec(weir_sqlite_sink_connection(&sink), sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
}

static int64_t ask(const char *sql) { return weir_sql_int(path, sql); }

static void add_rows(int count) {
    char sql[300];
    if (count == 0) return;
    (void)snprintf(sql, sizeof sql,
                   "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
                   " INSERT INTO t(a, b) SELECT i, zeroblob(100) FROM n",
                   count);
    run(sql);
}

static void make_table(int rows) {
    run("CREATE TABLE t(a INTEGER, b BLOB)");
    add_rows(rows);
}

static void keep(const char *table, weir_keep_limits limits) {
    assert_int_equal(weir_keep_settings_set(&settings, table, &limits, NULL), WEIR_OK);
}

/* One visit, if one is due. Returns the pause. */
static uint64_t visit(void) {
    weir_sink_retained r;
    weir_error error = {0};
    assert_int_equal(sink.retain(sink.self, &r, &error), WEIR_OK);
    visits++;
    deleted += r.rows;
    sweeps += r.rows > 0;
    suspended += r.suspended;
    if (r.rows > largest) largest = r.rows;
    if (r.trouble) {
        told++;
        (void)snprintf(text, sizeof text, "%s", r.trouble);
    }
    return r.pause_ns;
}

/* Visit until there is something to wait for. */
static uint64_t settle(void) {
    uint64_t pause;
    int limit = 10000;
    while ((pause = visit()) == 0 && --limit > 0) {
    }
    assert_true(limit > 0);
    return pause;
}

static void let_pass(uint64_t ns) {
    now_ns += ns;
    wall_ns += (int64_t)ns;
    (void)settle();
}

/* ---- limits ---------------------------------------------------------------------------------- */

static void rows_are_kept_to_a_number(void **state) {
    (void)state;
    make_table(170);
    keep("t", (weir_keep_limits){.rows = 160});
    assert_int_equal(settle(), SECOND); /* 160 and a sixteenth are allowed */
    assert_int_equal(deleted, 0);
    add_rows(1);
    (void)settle(); /* nothing is looked at before a second is over */
    assert_int_equal(deleted, 0);
    let_pass(SECOND);
    assert_int_equal(deleted, 11);
    assert_int_equal(ask("SELECT count(*) FROM t"), 160);
    assert_int_equal(ask("SELECT min(rowid) FROM t"), 12);
    assert_int_equal(ask("SELECT max(rowid) FROM t"), 171);
}

/* A row of this table counts 8, and 8 for a, and 100 for b. */
static void rows_are_kept_to_their_bytes(void **state) {
    (void)state;
    make_table(106);
    keep("T", (weir_keep_limits){.bytes = (uint64_t)116 * 100});
    assert_int_equal(settle(), SECOND);
    assert_int_equal(deleted, 0);
    add_rows(1);
    let_pass(SECOND);
    assert_int_equal(deleted, 7);
    assert_int_equal(ask("SELECT count(*) FROM t"), 100);
    run("INSERT INTO t VALUES (NULL, 'ä'), (2.5, NULL)"); /* 8 + 2 and 8 + 8 bytes */
    run("INSERT INTO t VALUES (1, zeroblob(11600 / 16 - 8 - 8 - 10 - 16))"); /* and the slack */
    let_pass(SECOND);
    assert_int_equal(deleted, 7);
    run("INSERT INTO t VALUES (NULL, NULL)");
    let_pass(SECOND);
    assert_true(deleted > 7);
}

static void make_times(void) { run("CREATE TABLE t(time_ns INTEGER, n INTEGER)"); }

/* n seconds ago. */
static void add_time(int64_t ago, int n) {
    char sql[200];
    (void)snprintf(sql, sizeof sql, "INSERT INTO t VALUES (%lld, %d)",
                   (long long)(wall_ns - ago * (int64_t)SECOND), n);
    run(sql);
}

static const weir_keep_limits a_hundred_minutes = {.age_ns = 6000 * SECOND,
                                                   .time_column = "Time_NS"};

static void rows_are_kept_to_an_age(void **state) {
    (void)state;
    make_times();
    for (int i = 0; i < 10; i++)
        add_time(6000 - 10 * i, i);
    keep("t", a_hundred_minutes);
    (void)settle();
    assert_int_equal(deleted, 0);
    let_pass(60 * SECOND); /* the oldest is a minute too old, and not more */
    assert_int_equal(deleted, 0);
    let_pass(SECOND); /* nothing was appended */
    assert_int_equal(deleted, 7);
    assert_int_equal(ask("SELECT min(n) FROM t"), 7);
    let_pass(100000 * SECOND);
    assert_int_equal(ask("SELECT n FROM t"), 9); /* the newest stays, however old */
    uint64_t before = sweeps;
    let_pass(100000 * SECOND);
    assert_int_equal(sweeps, before);
}

/* A short age has a short slack. */
static void a_sixteenth_of_an_age_is_less_than_a_minute(void **state) {
    (void)state;
    make_times();
    add_time(16, 1);
    add_time(0, 2);
    keep("t", (weir_keep_limits){.age_ns = 16 * SECOND, .time_column = "time_ns"});
    (void)settle();
    let_pass(SECOND);
    assert_int_equal(deleted, 0);
    let_pass(SECOND);
    assert_int_equal(deleted, 1);
}

static void an_old_row_behind_a_young_one_stays(void **state) {
    (void)state;
    make_times();
    add_time(9000, 1);
    add_time(10, 2);
    add_time(9000, 3);
    add_time(0, 4);
    keep("t", a_hundred_minutes);
    let_pass(SECOND);
    assert_int_equal(deleted, 1);
    assert_int_equal(ask("SELECT count(*) FROM t"), 3);
    let_pass(6100 * SECOND);
    assert_int_equal(ask("SELECT n FROM t"), 4);
}

static void what_is_no_number_has_no_age(void **state) {
    (void)state;
    run("CREATE TABLE t(time_ns, n INTEGER)");
    run("INSERT INTO t VALUES (1.5, 1), (2, 2), ('3', 3), (4, 4), (NULL, 5), (6, 6)");
    keep("t", a_hundred_minutes);
    let_pass(SECOND);
    assert_int_equal(deleted, 2);
    run("DELETE FROM t WHERE n = 3");
    let_pass(SECOND);
    assert_int_equal(deleted, 3);
    let_pass(100000 * SECOND);
    assert_int_equal(ask("SELECT min(n) FROM t"), 5);
}

static void a_clock_before_its_time_makes_nothing_old(void **state) {
    (void)state;
    make_times();
    run("INSERT INTO t VALUES (-9223372036854775807, 1), (-5, 2), (0, 3)");
    keep("t", (weir_keep_limits){.age_ns = INT64_MAX, .time_column = "time_ns"});
    (void)settle();
    wall_ns = -1;
    let_pass(SECOND / 2);
    let_pass(SECOND / 2);
    assert_int_equal(deleted, 0);
    wall_ns = INT64_MIN;
    now_ns += SECOND;
    (void)settle();
    assert_int_equal(deleted, 0);
}

static void any_limit_suffices(void **state) {
    (void)state;
    make_times();
    for (int i = 0; i < 100; i++)
        add_time(100 - i, i);
    weir_keep_limits all = {
        .rows = 1000, .bytes = 1000000, .age_ns = 50 * SECOND, .time_column = "time_ns"};
    keep("t", all);
    let_pass(SECOND);
    assert_int_equal(ask("SELECT count(*) FROM t"), 49);
    all.rows = 40;
    keep("t", all);
    (void)settle();
    assert_int_equal(ask("SELECT count(*) FROM t"), 40);
    all.bytes = 30 * 24;
    keep("t", all);
    (void)settle();
    assert_int_equal(ask("SELECT count(*) FROM t"), 30);
    keep("t", (weir_keep_limits){0});
    assert_true(settle() == NEVER);
    let_pass(100000 * SECOND);
    assert_int_equal(ask("SELECT count(*) FROM t"), 30);
}

/* Counting and deleting come in parts. */
static void a_large_table_is_brought_down_in_parts(void **state) {
    (void)state;
    make_table(40000);
    keep("t", (weir_keep_limits){.rows = 1000});
    (void)visit(); /* counts */
    (void)visit();
    assert_int_equal(deleted, 0);
    (void)settle();
    assert_int_equal(deleted, 39000);
    assert_int_equal(largest, WEIR_RETENTION_ROWS);
    assert_int_equal(sweeps, (39000 + WEIR_RETENTION_ROWS - 1) / WEIR_RETENTION_ROWS);
    assert_int_equal(ask("SELECT min(rowid) FROM t"), 39001);
    add_rows(1); /* it is not counted again */
    uint64_t before = visits;
    let_pass(SECOND);
    assert_int_equal(visits, before + 1);
}

/* Of 256 KiB: 256 of them are as much as a part reads, or frees. */
static void large_rows_end_a_part_sooner(void **state) {
    (void)state;
    run("CREATE TABLE t(b BLOB); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
        " WHERE i < 300) INSERT INTO t SELECT zeroblob(256 * 1024) FROM n");
    keep("t", (weir_keep_limits){.bytes = 1});
    assert_int_equal(visit(), 0); /* counts no more than a part */
    assert_int_equal(sweeps, 0);
    assert_int_equal(visit(), 0);
    assert_int_equal(sweeps, 1);
    assert_true(largest <= 256);
    (void)settle();
    assert_int_equal(deleted, 299);
}

static void each_of_several_tables_has_its_turn(void **state) {
    (void)state;
    make_table(20000);
    run("CREATE TABLE u(time_ns, n); INSERT INTO u SELECT a, a FROM t");
    keep("t", (weir_keep_limits){.rows = 100});
    keep("u", (weir_keep_limits){.age_ns = SECOND, .time_column = "time_ns"});
    keep("absent", (weir_keep_limits){.rows = 1});
    for (int i = 0; i < 6; i++) {
        (void)visit();
        now_ns++;
    }
    assert_true(ask("SELECT count(*) FROM u") < 20000); /* while t is counted and swept */
    (void)settle();
    assert_int_equal(ask("SELECT count(*) FROM t"), 100);
    assert_int_equal(ask("SELECT count(*) FROM u"), 1);
    run("CREATE TABLE absent(a); INSERT INTO absent VALUES (1), (2), (3)");
    let_pass(SECOND);
    assert_int_equal(ask("SELECT a FROM absent"), 3);
}

static void names_may_be_anything(void **state) {
    (void)state;
    run("CREATE TABLE \"a\"\"b'c\"(rowid TEXT, oid TEXT, \"ti\"\"me\" INTEGER)");
    run("INSERT INTO \"a\"\"b'c\" VALUES ('z', 'z', 1), ('y', 'y', 2), ('x', 'x', 3)");
    keep("A\"B'C", (weir_keep_limits){.age_ns = 1, .time_column = "ti\"me"});
    (void)settle();
    assert_int_equal(told, 0);
    assert_int_equal(ask("SELECT \"ti\"\"me\" FROM \"a\"\"b'c\""), 3);
}

/* ---- rows that stay -------------------------------------------------------------------------- */

static void the_keys_above_which_others_are_chosen_stay(void **state) {
    (void)state;
    run("CREATE TABLE t(id INTEGER PRIMARY KEY, time_ns)");
    run("INSERT INTO t VALUES (-9223372036854775808, 1), (1, 1), (7, 1), (9223372036854775807, 1)");
    keep("t", (weir_keep_limits){.rows = 1, .age_ns = 1, .time_column = "time_ns"});
    (void)settle();
    assert_int_equal(ask("SELECT group_concat(id) = "
                         "'-9223372036854775808,7,9223372036854775807' FROM t"),
                     1);
}

/* ---- counts that may be wrong ---------------------------------------------------------------- */

/* 165 rows are counted, and then 60 are gone and 20 added. */
static void what_others_delete_is_not_taken_for_there(void **state) {
    (void)state;
    make_table(165);
    keep("t", (weir_keep_limits){.rows = 160});
    (void)settle();
    weir_sql_run(path, "DELETE FROM t WHERE rowid > 100 AND rowid <= 160");
    add_rows(20);
    let_pass(SECOND);
    let_pass(SECOND);
    assert_int_equal(deleted, 0);
    add_rows(46); /* now there are 171 */
    let_pass(SECOND);
    assert_int_equal(ask("SELECT count(*) FROM t"), 160);
}

static void check_own_changes(const char *schema, const char *change) {
    make_table(0);
    run(schema);
    add_rows(165);
    keep("t", (weir_keep_limits){.rows = 160});
    (void)settle();
    run(change);
    int64_t rows = ask("SELECT count(*) FROM t");
    assert_true(rows <= 105);
    add_rows(20);
    let_pass(SECOND);
    let_pass(SECOND);
    assert_int_equal(deleted, 0);
    add_rows(180 - (int)rows - 20);
    let_pass(SECOND);
    let_pass(SECOND);
    assert_int_equal(ask("SELECT count(*) FROM t"), 160);
}

static void what_a_trigger_deletes_is_not_taken_for_there(void **state) {
    (void)state;
    check_own_changes("CREATE TABLE u(a); CREATE TRIGGER z AFTER INSERT ON u BEGIN"
                      " DELETE FROM t WHERE rowid > 100 AND rowid <= 160; END",
                      "INSERT INTO u VALUES (1)");
}

static void what_a_parent_takes_along_is_not_taken_for_there(void **state) {
    (void)state;
    run("CREATE TABLE p(id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1)");
    check_own_changes("DROP TABLE t; CREATE TABLE t(a INTEGER, b BLOB,"
                      " p INTEGER REFERENCES p ON DELETE CASCADE)",
                      "UPDATE t SET p = 1 WHERE rowid > 100 AND rowid <= 160; DELETE FROM p");
}

static void what_is_replaced_is_not_taken_for_there(void **state) {
    (void)state;
    check_own_changes(
        "DROP TABLE t; CREATE TABLE t(a INTEGER, b BLOB, c UNIQUE ON CONFLICT REPLACE)",
        "UPDATE t SET c = 0 WHERE rowid > 100 AND rowid <= 161");
}

/* A row that goes takes the last ones with it. */
static void what_a_sweep_deletes_besides_counts_as_gone(void **state) {
    (void)state;
    make_table(200);
    run("CREATE TRIGGER z AFTER DELETE ON t BEGIN"
        " DELETE FROM t WHERE rowid = (SELECT max(rowid) FROM t); END");
    keep("t", (weir_keep_limits){.rows = 160});
    (void)settle();
    let_pass(SECOND);
    assert_true(ask("SELECT count(*) FROM t") >= 160 - 64);
    add_rows(100);
    for (int i = 0; i < 10; i++)
        let_pass(SECOND);
    int64_t rows = ask("SELECT count(*) FROM t");
    assert_true(rows >= 160 - 64 && rows <= 170);
}

/* A program that gives keys in descending order. */
static void rows_that_come_below_are_counted_in_time(void **state) {
    (void)state;
    run("CREATE TABLE t(id INTEGER PRIMARY KEY, a)");
    run("INSERT INTO t VALUES (10000, 0)");
    keep("t", (weir_keep_limits){.rows = 100});
    (void)settle();
    for (int i = 0; i < 500; i++) {
        char sql[100];
        (void)snprintf(sql, sizeof sql, "INSERT INTO t VALUES (%d, 0)", 9000 - i);
        run(sql);
    }
    let_pass(SECOND);
    assert_int_equal(deleted, 0);
    let_pass(3700 * SECOND);
    assert_int_equal(ask("SELECT count(*) FROM t"), 100);
    assert_int_equal(ask("SELECT max(id) FROM t"), 10000);
}

/* ---- tables that do not let go --------------------------------------------------------------- */

static void check_suspended(const char *schema, const char *why, const char *mended) {
    make_table(200);
    run(schema);
    keep("t", (weir_keep_limits){.rows = 100});
    (void)settle();
    assert_int_equal(suspended, 1);
    assert_int_equal(told, 1);
    assert_non_null(strstr(text, "table t"));
    assert_non_null(strstr(text, why));
    assert_non_null(strstr(text, "until weir_keep is called again"));
    assert_true(settle() == NEVER);
    assert_int_equal(deleted, 0);
    assert_int_equal(ask("SELECT count(*) FROM t"), 200);
    run(mended);
    assert_true(settle() == NEVER);
    keep("t", (weir_keep_limits){.rows = 100});
    (void)settle();
    assert_int_equal(ask("SELECT count(*) FROM t"), 100);
    assert_int_equal(told, 1);
}

static void a_trigger_that_raises_suspends(void **state) {
    (void)state;
    check_suspended("CREATE TRIGGER z BEFORE DELETE ON t WHEN old.rowid = 50 BEGIN"
                    " SELECT RAISE(ABORT, 'never'); END",
                    "never", "DROP TRIGGER z");
}

static void a_trigger_that_rolls_back_suspends(void **state) {
    (void)state;
    check_suspended("CREATE TRIGGER z AFTER DELETE ON t BEGIN SELECT RAISE(ROLLBACK, 'never'); END",
                    "never", "DROP TRIGGER z");
}

static void a_trigger_that_keeps_rows_suspends(void **state) {
    (void)state;
    check_suspended("CREATE TRIGGER z BEFORE DELETE ON t BEGIN SELECT RAISE(IGNORE); END",
                    "RAISE(IGNORE)", "DROP TRIGGER z");
}

/* This one is judged by COMMIT. */
static void a_child_that_needs_a_row_suspends(void **state) {
    (void)state;
    check_suspended("CREATE UNIQUE INDEX i ON t(a); CREATE TABLE c(a REFERENCES t(a) DEFERRABLE"
                    " INITIALLY DEFERRED); INSERT INTO c VALUES (50)",
                    "FOREIGN KEY", "DELETE FROM c");
}

static void a_table_that_lost_its_rowid_suspends(void **state) {
    (void)state;
    check_suspended("ALTER TABLE t RENAME TO s; CREATE TABLE t(a PRIMARY KEY, b) WITHOUT ROWID;"
                    " INSERT INTO t SELECT a, b FROM s",
                    "WITHOUT ROWID", "DROP TABLE t; ALTER TABLE s RENAME TO t");
}

static void a_column_that_is_gone_suspends(void **state) {
    (void)state;
    make_times();
    add_time(9000, 1);
    add_time(9000, 2);
    run("ALTER TABLE t RENAME COLUMN time_ns TO at_ns");
    keep("t", a_hundred_minutes);
    assert_true(settle() == NEVER);
    assert_int_equal(suspended, 1);
    assert_non_null(strstr(text, "Time_NS"));
}

static void a_lock_is_waited_for_and_told_once_it_lasts(void **state) {
    (void)state;
    sqlite3 *other;
    make_table(200);
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    keep("t", (weir_keep_limits){.rows = 100});
    for (int i = 0; i < WEIR_RETENTION_TRIES - 1; i++)
        let_pass(SECOND);
    assert_int_equal(told, 0);
    for (int i = 0; i < WEIR_RETENTION_TRIES; i++)
        let_pass(SECOND);
    assert_int_equal(told, 1);
    assert_int_equal(suspended, 0);
    assert_non_null(strstr(text, "every second"));
    assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    let_pass(SECOND);
    assert_int_equal(ask("SELECT count(*) FROM t"), 100);
}

/* ---- the public API -------------------------------------------------------------------------- */

static weir *handle;
static _Atomic unsigned heard;

static void note_event(void *context, weir_event event, const char *what) {
    (void)context, (void)what;
    if (event == WEIR_EVENT_KEEP_FAILS) heard++;
}

static int set_up_handle(void **state) {
    (void)state;
    directory = weir_temp_make();
    (void)snprintf(path, sizeof path, "%s/run.db", directory);
    heard = 0;
    return 0;
}

static int tear_down_handle(void **state) {
    (void)state;
    if (handle) (void)weir_close(handle);
    handle = NULL;
    weir_temp_remove(directory);
    return 0;
}

static void open_handle(void) {
    weir_options options = {.on_event = note_event};
    if (weir_open_sqlite(path, &options, &handle) != WEIR_OK) fail_msg("%s", weir_last_error());
}

static void close_handle(void) {
    assert_int_equal(weir_close(handle), WEIR_OK);
    handle = NULL;
}

static const weir_column plain[] = {{"time_ns", WEIR_INTEGER}, {"n", WEIR_INTEGER}};
static const weir_column keyed[] = {{"id", WEIR_KEY}, {"time_ns", WEIR_INTEGER}};

static weir_table *declare(const char *name, const weir_column *columns) {
    weir_table *t;
    if (weir_declare(handle, name, columns, 2, &t) != WEIR_OK) fail_msg("%s", weir_last_error());
    return t;
}

static void apply(void) { assert_int_equal(weir_sync(handle, WEIR_APPLIED, 20000), WEIR_OK); }

static struct weir_stats stats_now(void) {
    struct weir_stats s;
    assert_int_equal(weir_stats(handle, &s), WEIR_OK);
    return s;
}

/* The writer looks once a second. */
static void wait_for_deleted(uint64_t rows) {
    for (int i = 0; i < 2000 && stats_now().rows_deleted < rows; i++)
        usleep(10000);
    assert_int_equal(stats_now().rows_deleted, rows);
}

static void check_refused(weir_table *t, weir_keep_limits limits, int status, const char *why) {
    assert_int_equal(weir_keep(t, &limits), status);
    if (!strstr(weir_last_error(), why)) fail_msg("%s", weir_last_error());
}

static void what_cannot_be_kept_is_refused(void **state) {
    (void)state;
    const weir_keep_limits by_age = {.age_ns = SECOND, .time_column = "time_ns"};
    weir_sql_run(path, "CREATE TABLE w(time_ns INTEGER, n INTEGER PRIMARY KEY) WITHOUT ROWID;"
                       "CREATE TABLE r(time_ns, n, rowid, _rowid_, oid);"
                       "CREATE TABLE v(time_ns, n); CREATE TABLE more(time_ns, n, later)");
    open_handle();
    weir_table *t = declare("t", plain);
    const weir_keep_limits elsewhere = {.age_ns = SECOND, .time_column = "later"};
    check_refused(t, elsewhere, WEIR_NOT_FOUND, "no column later"); /* also while it is not there */
    weir_table *v = declare("v", plain), *more = declare("more", plain);
    check_refused(declare("w", plain), by_age, WEIR_SCHEMA, "WITHOUT ROWID");
    check_refused(declare("r", plain), by_age, WEIR_SCHEMA, "_rowid_");
    apply();
    check_refused(t, elsewhere, WEIR_NOT_FOUND, "no column later");
    weir_sql_run(path, "DROP TABLE v; CREATE VIEW v AS SELECT 1 AS time_ns, 2 AS n");
    check_refused(v, by_age, WEIR_SCHEMA, "view");
    assert_int_equal(weir_keep(more, &elsewhere), WEIR_OK); /* declared or not */
    check_refused(t, (weir_keep_limits){.age_ns = SECOND}, WEIR_MISUSE, "time_column");
    check_refused(t, (weir_keep_limits){.age_ns = UINT64_MAX, .time_column = "n"}, WEIR_MISUSE,
                  "292 years");
    check_refused(NULL, by_age, WEIR_MISUSE, "table is NULL");
    assert_int_equal(weir_keep(t, &by_age), WEIR_OK);
    assert_int_equal(weir_keep(t, NULL), WEIR_OK);
    close_handle();
    check_refused(t, by_age, WEIR_CLOSED, "closed");
    open_handle();
    check_refused(t, by_age, WEIR_CLOSED, "closed"); /* it is of the opening before */
}

/* Before the table is there, and before it has rows. */
static void limits_come_before_rows_and_end_with_the_handle(void **state) {
    (void)state;
    open_handle();
    weir_table *t = declare("t", plain);
    assert_int_equal(weir_keep(t, &(weir_keep_limits){.rows = 100}), WEIR_OK);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(weir_append(t, weir_int(0), weir_int(i)), WEIR_OK);
    apply();
    wait_for_deleted(900);
    assert_int_equal(ask("SELECT min(n) FROM t"), 900);
    assert_int_equal(stats_now().rows_applied, 1000);
    close_handle();
    open_handle();
    t = declare("t", plain);
    for (int i = 1000; i < 2000; i++)
        assert_int_equal(weir_append(t, weir_int(0), weir_int(i)), WEIR_OK);
    apply();
    weir_table *u = declare("u", plain); /* a visit to it comes after one to t would have */
    for (int i = 0; i < 20; i++)
        assert_int_equal(weir_append(u, weir_int(0), weir_int(i)), WEIR_OK);
    apply();
    assert_int_equal(weir_keep(u, &(weir_keep_limits){.rows = 10}), WEIR_OK);
    wait_for_deleted(10);
    assert_int_equal(ask("SELECT count(*) FROM t"), 1100);
}

static void the_log_is_kept(void **state) {
    (void)state;
    weir_table *log;
    open_handle();
    assert_int_equal(weir_log_table(handle, NULL), WEIR_MISUSE);
    assert_int_equal(weir_log_table(NULL, &log), WEIR_MISUSE);
    assert_int_equal(weir_log_table(handle, &log), WEIR_OK);
    weir_keep_limits limits = {.rows = 10, .age_ns = 3600 * SECOND, .time_column = "time_ns"};
    for (int i = 0; i < 30; i++)
        weir_log_error(handle, "message %d", i);
    apply();
    assert_int_equal(weir_keep(log, &limits), WEIR_OK);
    wait_for_deleted(20);
    assert_int_equal(ask("SELECT message = 'message 20' FROM log ORDER BY rowid LIMIT 1"), 1);
    weir_log_error(handle, "the log goes on");
    apply();
    assert_int_equal(ask("SELECT count(*) FROM log"), 11);
}

static int64_t insert_key(weir_table *t) {
    int64_t key;
    const weir_value values[] = {weir_null(), weir_int(1)};
    assert_int_equal(weir_insert_now(t, values, 2, 20000, &key, NULL), WEIR_OK);
    return key;
}

static void keys_are_not_given_again(void **state) {
    (void)state;
    open_handle();
    weir_table *t = declare("t", keyed);
    for (int i = 0; i < 50; i++)
        assert_int_equal(weir_append(t, weir_null(), weir_int(i)), WEIR_OK);
    apply();
    assert_int_equal(
        weir_keep(t, &(weir_keep_limits){.rows = 1, .age_ns = 1, .time_column = "time_ns"}),
        WEIR_OK);
    wait_for_deleted(49);
    assert_int_equal(weir_keep(t, NULL), WEIR_OK);
    assert_int_equal(insert_key(t), 51);
    close_handle();
    open_handle();
    assert_int_equal(insert_key(declare("t", keyed)), 52);
}

static void trouble_is_told_once_and_rows_go_on(void **state) {
    (void)state;
    weir_sql_run(path, "CREATE TABLE t(time_ns, n); CREATE TRIGGER z BEFORE DELETE ON t BEGIN"
                       " SELECT RAISE(ABORT, 'never'); END");
    open_handle();
    weir_table *t = declare("t", plain);
    assert_int_equal(weir_keep(t, &(weir_keep_limits){.rows = 10}), WEIR_OK);
    for (int i = 0; i < 100; i++)
        assert_int_equal(weir_append(t, weir_int(0), weir_int(i)), WEIR_OK);
    apply();
    for (int i = 0; i < 2000 && !heard; i++)
        usleep(10000);
    for (int i = 100; i < 200; i++)
        assert_int_equal(weir_append(t, weir_int(0), weir_int(i)), WEIR_OK);
    apply();
    assert_int_equal(heard, 1);
    assert_int_equal(stats_now().keeps_suspended, 1);
    assert_int_equal(stats_now().apply_status, WEIR_OK);
    assert_int_equal(ask("SELECT count(*) FROM t"), 200);
    weir_sql_run(path, "DROP TRIGGER z");
    assert_int_equal(weir_keep(t, &(weir_keep_limits){.rows = 10}), WEIR_OK);
    wait_for_deleted(190);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define PUBLIC(name) cmocka_unit_test_setup_teardown(name, set_up_handle, tear_down_handle)
    const struct CMUnitTest tests[] = {
        TEST(rows_are_kept_to_a_number),
        TEST(rows_are_kept_to_their_bytes),
        TEST(rows_are_kept_to_an_age),
        TEST(a_sixteenth_of_an_age_is_less_than_a_minute),
        TEST(an_old_row_behind_a_young_one_stays),
        TEST(what_is_no_number_has_no_age),
        TEST(a_clock_before_its_time_makes_nothing_old),
        TEST(any_limit_suffices),
        TEST(a_large_table_is_brought_down_in_parts),
        TEST(large_rows_end_a_part_sooner),
        TEST(each_of_several_tables_has_its_turn),
        TEST(names_may_be_anything),
        TEST(the_keys_above_which_others_are_chosen_stay),
        TEST(what_others_delete_is_not_taken_for_there),
        TEST(what_a_trigger_deletes_is_not_taken_for_there),
        TEST(what_a_parent_takes_along_is_not_taken_for_there),
        TEST(what_is_replaced_is_not_taken_for_there),
        TEST(what_a_sweep_deletes_besides_counts_as_gone),
        TEST(rows_that_come_below_are_counted_in_time),
        TEST(a_trigger_that_raises_suspends),
        TEST(a_trigger_that_rolls_back_suspends),
        TEST(a_trigger_that_keeps_rows_suspends),
        TEST(a_child_that_needs_a_row_suspends),
        TEST(a_table_that_lost_its_rowid_suspends),
        TEST(a_column_that_is_gone_suspends),
        TEST(a_lock_is_waited_for_and_told_once_it_lasts),
        PUBLIC(what_cannot_be_kept_is_refused),
        PUBLIC(limits_come_before_rows_and_end_with_the_handle),
        PUBLIC(the_log_is_kept),
        PUBLIC(keys_are_not_given_again),
        PUBLIC(trouble_is_told_once_and_rows_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
