/* test_connected.c - what the program registers in weir's connections serves the tables that need it,
 * and nothing else that it does there changes what weir promises. */
/* Covers: writer/sqlite/connected.c */
#include "opened.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 600, PATIENCE_MS = 20000, CONNECTIONS = 3 };

static const weir_column pair[] = {{"a", WEIR_INTEGER}, {"b", WEIR_TEXT}};

/* ---- a program with words of its own ------------------------------------------------------------ */

static _Atomic int connections;

static void is_even(sqlite3_context *c, int count, sqlite3_value **values) {
    (void)count;
    sqlite3_result_int(c, sqlite3_value_int64(values[0]) % 2 == 0);
}

static int backwards(void *context, int a_bytes, const void *a, int b_bytes, const void *b) {
    (void)context;
    int order = memcmp(b, a, (size_t)(a_bytes < b_bytes ? a_bytes : b_bytes));
    return order ? order : b_bytes - a_bytes;
}

static int register_words(void *context, sqlite3 *db) {
    (void)context;
    atomic_fetch_add(&connections, 1);
    int code = sqlite3_create_function(db, "is_even", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL,
                                       is_even, NULL, NULL);
    return code ? code : sqlite3_create_collation(db, "backwards", SQLITE_UTF8, NULL, backwards);
}

static const weir_sqlite_options words = {.connected = register_words};

static sqlite3 *open_plain(const char *path) {
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(register_words(NULL, db), SQLITE_OK);
    (void)sqlite3_busy_timeout(db, PATIENCE_MS);
    return db;
}

static void run_on(sqlite3 *db, const char *sql) {
    if (sqlite3_exec(db, sql, NULL, NULL, NULL)) fail_msg("%s: %s", sql, sqlite3_errmsg(db));
}

static void open_with(opened *f, const weir_sqlite_options *sqlite) {
    weir_options o = {.open_timeout_ms = 2000};
    if (weir_open_sqlite_with(f->database, &o, sqlite, &f->w) != WEIR_OK)
        fail_msg("%s", weir_last_error());
}

static const struct {
    const char *name, *schema;
} tables[] = {
    {"checked", "CREATE TABLE checked(a, b, CHECK(is_even(a)))"},
    {"indexed", "CREATE TABLE indexed(a, b UNIQUE COLLATE backwards)"},
    {"computed", "CREATE TABLE computed(a, b); CREATE INDEX even ON computed(is_even(a), b)"},
    {"stored", "CREATE TABLE stored(a, b, e AS (is_even(a)) STORED, v AS (is_even(a)) VIRTUAL)"},
    {"defaulted", "CREATE TABLE defaulted(a, b, d DEFAULT (is_even(3)))"},
    {"partial", "CREATE TABLE partial(a, b); CREATE INDEX some ON partial(b) WHERE is_even(a)"},
    {"fired", "CREATE TABLE fired(a, b); CREATE TABLE log(x); CREATE TRIGGER f AFTER INSERT ON "
              "fired BEGIN INSERT INTO log VALUES(is_even(new.a)); END"},
    /* SQLite could copy records into this one. */
    {"plain", "CREATE TABLE plain(a, b TEXT COLLATE backwards)"},
};
enum { TABLES = sizeof tables / sizeof *tables };

static void make_tables(const char *path) {
    sqlite3 *db = open_plain(path);
    for (int t = 0; t < TABLES; t++)
        run_on(db, tables[t].schema);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static const char *text_of(int64_t row, char text[16]) {
    (void)snprintf(text, 16, "%d", (int)(row * 7919 % 1000)); /* the UNIQUE table refuses some */
    return text;
}

/* As plain SQLite does it, one row at a time. */
static void fill_plain(const char *path) {
    char text[16], sql[120];
    sqlite3 *db = open_plain(path);
    run_on(db, "BEGIN");
    for (int64_t row = 0; row < 2 * ROWS; row++)
        for (int t = 0; t < TABLES; t++) {
            (void)snprintf(sql, sizeof sql, "INSERT OR IGNORE INTO %s(a, b) VALUES(%d, '%s')",
                           tables[t].name, (int)row, text_of(row, text));
            run_on(db, sql);
        }
    run_on(db, "COMMIT");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void append_all(opened *f, int64_t from) {
    char text[16];
    weir_table *t[TABLES];
    for (int i = 0; i < TABLES; i++)
        if (weir_declare(f->w, tables[i].name, pair, 2, &t[i]) != WEIR_OK)
            fail_msg("%s", weir_last_error());
    for (int64_t row = from; row < from + ROWS; row++)
        for (int i = 0; i < TABLES; i++)
            assert_int_equal(weir_append(t[i], weir_int(row), weir_text(text_of(row, text))),
                             WEIR_OK);
}

static int compare(void *context, int count, char **values, char **names) {
    (void)names;
    if (count != 1 || strcmp(values[0], "0") != 0) *(int *)context = 1;
    return 0;
}

static void assert_same_as_plain(opened *f) {
    char sql[400];
    sqlite3 *db = open_plain(f->database);
    (void)snprintf(sql, sizeof sql, "ATTACH '%s' AS plain", f->copy);
    run_on(db, sql);
    for (int t = 0; t < TABLES; t++) {
        const char *name = tables[t].name;
        int differs = 0;
        (void)snprintf(sql, sizeof sql,
                       "SELECT (SELECT count(*) FROM (SELECT * FROM main.%s EXCEPT SELECT * FROM "
                       "plain.%s)) + (SELECT count(*) FROM plain.%s) - (SELECT count(*) FROM "
                       "main.%s)",
                       name, name, name, name);
        assert_int_equal(sqlite3_exec(db, sql, compare, &differs, NULL), SQLITE_OK);
        if (differs) fail_msg("%s differs", name);
    }
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA main.integrity_check", -1, &s, NULL), 0);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(s, 0), "ok");
    (void)sqlite3_finalize(s);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void tables_that_need_them_are_written_as_by_sqlite(void **state) {
    opened *f = *state;
    make_tables(f->database);
    make_tables(f->copy);
    fill_plain(f->copy);
    atomic_store(&connections, 0);
    for (int part = 0; part < 2; part++) {
        open_with(f, &words);
        append_all(f, part * ROWS);
        assert_int_equal(weir_sync(f->w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
        assert_int_equal(opened_close(f), WEIR_OK);
    }
    assert_int_equal(atomic_load(&connections), 2 * CONNECTIONS);
    assert_same_as_plain(f);
}

static void rows_that_wait_for_them_are_applied_once_they_are_there(void **state) {
    opened *f = *state;
    make_tables(f->database);
    make_tables(f->copy);
    fill_plain(f->copy);
    opened_open(f, NULL);
    append_all(f, 0);
    assert_int_equal(weir_sync(f->w, WEIR_APPLIED, PATIENCE_MS), WEIR_SCHEMA);
    assert_non_null(strstr(weir_last_error(), "applied"));
    assert_int_equal(opened_close(f), WEIR_PENDING);
    open_with(f, &words);
    append_all(f, ROWS);
    assert_int_equal(weir_sync(f->w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
    assert_int_equal(opened_close(f), WEIR_OK);
    assert_same_as_plain(f);
}

/* Connections that are opened again are shown too. */
static void a_database_that_is_opened_again_has_them(void **state) {
    opened *f = *state;
    char name[160];
    make_tables(f->database);
    atomic_store(&connections, 0);
    open_with(f, &words);
    append_all(f, 0);
    assert_int_equal(weir_sync(f->w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
    (void)snprintf(name, sizeof name, "%s-wal", f->database);
    assert_int_equal(unlink(name), 0);
    (void)snprintf(name, sizeof name, "%s-shm", f->database);
    assert_int_equal(unlink(name), 0);
    append_all(f, ROWS);
    assert_int_equal(weir_sync(f->w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
    assert_int_equal(opened_close(f), WEIR_OK);
    assert_true(atomic_load(&connections) >= CONNECTIONS + 2); /* one is opened when needed */
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM fired"), 2 * ROWS);
}

/* ---- a program that does what it should not ------------------------------------------------------- */

static _Atomic int disturbed;

static const struct {
    const char *pragma;
    int wanted;
} settings[] = {
    {"synchronous", 2},        {"wal_autocheckpoint", 0}, {"mmap_size", 0},
    {"foreign_keys", 1},       {"query_only", 0},         {"ignore_check_constraints", 0},
    {"recursive_triggers", 0}, {"writable_schema", 0},
};
enum { SETTINGS = sizeof settings / sizeof *settings };

/* In a CHECK, so on the connection that writes while it does. */
static void are_as_wanted(sqlite3_context *c, int count, sqlite3_value **values) {
    (void)count, (void)values;
    char sql[80];
    int wrong = 0;
    for (int i = 0; i < SETTINGS; i++) {
        sqlite3_stmt *s;
        (void)snprintf(sql, sizeof sql, "PRAGMA main.%s", settings[i].pragma);
        if (sqlite3_prepare_v2(sqlite3_context_db_handle(c), sql, -1, &s, NULL))
            wrong |= 1 << 30;
        else if (sqlite3_step(s) != SQLITE_ROW || sqlite3_column_int(s, 0) != settings[i].wanted)
            wrong |= 1 << i;
        (void)sqlite3_finalize(s);
    }
    sqlite3_result_int(c, wrong);
}

static int allow_all(void *context, int action, const char *a, const char *b, const char *c,
                     const char *d) {
    (void)context, (void)action, (void)a, (void)b, (void)c, (void)d;
    return SQLITE_OK;
}

static int forbid(void *context, int action, const char *a, const char *b, const char *c,
                  const char *d) {
    (void)context, (void)action, (void)a, (void)b, (void)c, (void)d;
    atomic_fetch_add(&disturbed, 1);
    return SQLITE_DENY;
}

static int stop(void *context) {
    (void)context;
    atomic_fetch_add(&disturbed, 1);
    return 1;
}

static void note(void *context) { (void)stop(context); }

static void note_update(void *context, int what, const char *database, const char *table,
                        sqlite3_int64 row) {
    (void)what, (void)database, (void)table, (void)row;
    note(context);
}

/* Every setting that weir needs is set otherwise. What SQLite answers is no matter here: what counts
 * is what then holds. */
static int misbehave(void *context, sqlite3 *db) {
    const bool *past_the_authorizer = context;
    if (*past_the_authorizer) (void)sqlite3_set_authorizer(db, allow_all, NULL);
    (void)sqlite3_busy_timeout(db, 0);
    (void)sqlite3_exec(db,
                       "PRAGMA synchronous=OFF; PRAGMA wal_autocheckpoint=1; PRAGMA mmap_size=1e9;"
                       "PRAGMA foreign_keys=OFF; PRAGMA query_only=ON; PRAGMA count_changes=ON;"
                       "PRAGMA ignore_check_constraints=ON; PRAGMA recursive_triggers=ON;"
                       "PRAGMA writable_schema=ON; PRAGMA cache_size=1",
                       NULL, NULL, NULL);
    (void)sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
    (void)sqlite3_exec(db, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL);
    if (!*past_the_authorizer)
        (void)sqlite3_exec(db, "PRAGMA locking_mode=EXCLUSIVE; SELECT * FROM sqlite_schema", NULL,
                           NULL, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_FKEY, 0, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    (void)sqlite3_extended_result_codes(db, 0);
    (void)sqlite3_set_authorizer(db, forbid, NULL);
    (void)sqlite3_commit_hook(db, stop, NULL);
    (void)sqlite3_rollback_hook(db, note, NULL);
    (void)sqlite3_update_hook(db, note_update, NULL);
    sqlite3_progress_handler(db, 1, stop, NULL);
    return sqlite3_create_function(db, "are_as_wanted", 0, SQLITE_UTF8, NULL, are_as_wanted, NULL,
                                   NULL);
}

static const char guarded_schema[] =
    "PRAGMA journal_mode=WAL; CREATE TABLE parent(p PRIMARY KEY); INSERT INTO parent VALUES(1);"
    "CREATE TABLE seen(wrong);"
    "CREATE TABLE child(a REFERENCES parent(p), b, CHECK(b <> 'bad'));"
    "CREATE TRIGGER look AFTER INSERT ON child BEGIN INSERT INTO seen VALUES(are_as_wanted()); "
    "END";

static void append_to_child(opened *f) {
    assert_int_equal(weir_declare(f->w, "child", pair, 2, &f->table), WEIR_OK);
    assert_int_equal(weir_append(f->table, weir_int(1), weir_text("good")), WEIR_OK);
    assert_int_equal(weir_append(f->table, weir_int(1), weir_text("bad")), WEIR_OK);
    assert_int_equal(weir_append(f->table, weir_int(2), weir_text("an orphan")), WEIR_OK);
    assert_int_equal(weir_sync(f->w, WEIR_APPLIED, PATIENCE_MS), WEIR_OK);
}

static void no_setting_breaks_a_promise(void **state) {
    opened *f = *state;
    weir_sql_run(f->database, guarded_schema);
    for (int round = 0; round < 2; round++) {
        bool past_the_authorizer = round == 1;
        weir_sqlite_options o = {misbehave, &past_the_authorizer};
        open_with(f, &o);
        atomic_store(&disturbed, 0);
        append_to_child(f);
        /* Others read and write meanwhile. */
        weir_sql_run(f->database, "CREATE TABLE IF NOT EXISTS theirs(x)");
        weir_sql_run(f->database, "INSERT INTO theirs VALUES(1)");
        assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM child"), round + 1);
        assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM seen"), round + 1);
        assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM weir_reject"),
                         2 * (round + 1));
        assert_int_equal(weir_sql_int(f->database, "SELECT max(wrong) FROM seen"), 0);
        assert_int_equal(weir_sql_int(f->database, "SELECT journal_mode = 'wal' FROM "
                                                   "pragma_journal_mode"),
                         1);
        assert_int_equal(atomic_load(&disturbed), 0);
        assert_int_equal(opened_close(f), WEIR_OK);
    }
}

/* ---- what is refused ------------------------------------------------------------------------------ */

static int run_and_keep(void *context, sqlite3 *db) {
    return sqlite3_exec(db, context, NULL, NULL, NULL);
}

static sqlite3_stmt *left;

static int leave_a_statement(void *context, sqlite3 *db) {
    int code = sqlite3_prepare_v2(db, context, -1, &left, NULL);
    return code == SQLITE_OK && sqlite3_step(left) == SQLITE_ROW ? SQLITE_OK : SQLITE_ERROR;
}

static int use_exclusively(void *context, sqlite3 *db) {
    (void)sqlite3_set_authorizer(db, NULL, NULL);
    return sqlite3_exec(db, context, NULL, NULL, NULL);
}

static int limit_statements(void *context, sqlite3 *db) {
    (void)context;
    (void)sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, 50); /* answers the former limit */
    return SQLITE_OK;
}

static int refuse(void *context, sqlite3 *db) {
    (void)db;
    return *(const int *)context;
}

static void what_it_leaves_behind_is_refused(void **state) {
    opened *f = *state;
    static int code = SQLITE_AUTH;
    const struct {
        int (*connected)(void *, sqlite3 *);
        void *context;
        const char *words;
    } cases[] = {
        {run_and_keep, (char[]){"BEGIN"}, "transaction open"},
        {run_and_keep, (char[]){"BEGIN IMMEDIATE; INSERT INTO t VALUES(2)"}, "transaction open"},
        {run_and_keep, (char[]){"CREATE TEMP TABLE t(x)"}, "temporary table"},
        {run_and_keep, (char[]){"CREATE TEMP TRIGGER i AFTER INSERT ON t BEGIN SELECT 1; END"},
         "temporary table, view or trigger"},
        {run_and_keep, (char[]){"SELECT nothing"}, "answers 1 (SQL logic error)"},
        {leave_a_statement, (char[]){"SELECT * FROM t"}, "statement under way"},
        {use_exclusively, (char[]){"PRAGMA locking_mode=EXCLUSIVE; INSERT INTO t SELECT 2 WHERE 0"},
         "EXCLUSIVE"},
        {refuse, &code, "answers 23 (authorization denied)"},
    };
    weir_sql_run(f->database,
                 "PRAGMA journal_mode=WAL; CREATE TABLE t(x); INSERT INTO t VALUES(1)");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        weir_sqlite_options o = {cases[i].connected, cases[i].context};
        assert_int_equal(weir_open_sqlite_with(f->database, NULL, &o, &f->w), WEIR_DATABASE);
        if (!strstr(weir_last_error(), cases[i].words) || !strstr(weir_last_error(), "connected()"))
            fail_msg("case %zu: %s", i, weir_last_error());
        assert_null(f->w);
        (void)sqlite3_finalize(left); /* of a connection that waits for it */
        left = NULL;
        weir_sql_run(f->database, "BEGIN EXCLUSIVE; ROLLBACK");
        assert_int_equal(access(f->journal, F_OK), -1);
        assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM t"), 1);
    }
}

/* weir's own statements no longer fit, and that is told in SQLite's words. */
static void a_limit_that_is_too_low_is_told(void **state) {
    opened *f = *state;
    weir_sqlite_options o = {limit_statements, NULL};
    assert_int_equal(weir_open_sqlite_with(f->database, NULL, &o, &f->w), WEIR_DATABASE);
    assert_non_null(strstr(weir_last_error(), f->database));
    assert_non_null(strstr(weir_last_error(), "string or blob too big"));
}

static void a_lock_in_its_way_is_waited_for(void **state) {
    opened *f = *state;
    static int code = SQLITE_BUSY;
    weir_sqlite_options o = {refuse, &code};
    weir_options options = {.open_timeout_ms = 50};
    assert_int_equal(weir_open_sqlite_with(f->database, &options, &o, &f->w), WEIR_BUSY);
    assert_non_null(strstr(weir_last_error(), "answers 5"));
}

static void without_a_call_it_is_a_plain_opening(void **state) {
    opened *f = *state;
    weir_sqlite_options none = {0};
    assert_int_equal(weir_open_sqlite_with(f->database, NULL, &none, &f->w), WEIR_OK);
    assert_int_equal(opened_close(f), WEIR_OK);
    assert_int_equal(weir_open_sqlite_with(f->database, NULL, NULL, &f->w), WEIR_OK);
    assert_int_equal(opened_close(f), WEIR_OK);
    struct {
        weir_sqlite_options known;
        void *unknown;
    } newer = {{0}, &newer};
    assert_int_equal(weir_open_sqlite_with_sized(f->database, NULL, sizeof(weir_options),
                                                 &newer.known, sizeof newer, &f->w),
                     WEIR_MISUSE);
    assert_int_equal(weir_open_sqlite_with(NULL, NULL, &none, &f->w), WEIR_MISUSE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        OPENED_TEST(tables_that_need_them_are_written_as_by_sqlite),
        OPENED_TEST(rows_that_wait_for_them_are_applied_once_they_are_there),
        OPENED_TEST(a_database_that_is_opened_again_has_them),
        OPENED_TEST(no_setting_breaks_a_promise),
        OPENED_TEST(what_it_leaves_behind_is_refused),
        OPENED_TEST(a_limit_that_is_too_low_is_told),
        OPENED_TEST(a_lock_in_its_way_is_waited_for),
        OPENED_TEST(without_a_call_it_is_a_plain_opening),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
