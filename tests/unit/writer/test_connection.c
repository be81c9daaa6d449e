/* test_connection.c - other connections at work on the same database: they delay weir no longer than
 * they must, and weir delays them no longer than it must. */
#include "support.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sink_fixture.h"

static const weir_column columns[] = {{"n", WEIR_INTEGER}};
static void run_on(sqlite3 *db, const char *sql) {
    if (sqlite3_exec(db, sql, NULL, NULL, NULL)) fail_msg("%s: %s", sql, sqlite3_errmsg(db));
}

static void run(sink_fixture *f, const char *sql) { run_on(f->other, sql); }

static int open_sink(sink_fixture *f, uint32_t timeout_ms) {
    return sink_try_open(f,
                         (weir_sqlite_config){.must_exist = true, .busy_timeout_ms = timeout_ms});
}

/* One row. */
static int transact(sink_fixture *f, uint64_t block) {
    weir_value v = weir_int((int64_t)block);
    rows_block b = sink_rows(f, block, block);
    rows_add(&b, 1, &v, 1);
    sink_declare(f, 1, "t", columns, 1);
    int status = sink_apply(f, &b, (weir_row_range){block, block}, NULL);
    rows_free(&b);
    return status;
}

/* ---- SQLite's calls on the database file ------------------------------------------------------------ */

static sqlite3_vfs counting, *real;
static sqlite3_io_methods methods;
static const sqlite3_io_methods *usual;
static int refusals, syncs;
static bool counts;           /* is the file system in SQLite's list? */
static sink_fixture *counted; /* methods of files have no context */

/* A lock that somebody else has. */
static int count_refusals(sqlite3_file *file, int level) {
    int code = usual->xLock(file, level);
    refusals += code == SQLITE_BUSY;
    return code;
}

/* In the end they give it back. */
static int commit_in_between(sqlite3_file *file, int level) {
    int code = usual->xUnlock(file, level);
    sqlite3 *theirs = counted->other;
    if (level == SQLITE_LOCK_NONE && refusals >= 5 && !sqlite3_get_autocommit(theirs))
        run_on(theirs, "COMMIT");
    return code;
}

static int count_sync(sqlite3_file *file, int flags) {
    syncs++;
    return usual->xSync(file, flags);
}

static int count_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out) {
    (void)vfs;
    int code = real->xOpen(real, name, file, flags, out);
    if (code != SQLITE_OK || !(flags & SQLITE_OPEN_MAIN_DB)) return code;
    usual = file->pMethods;
    methods = *usual;
    methods.xLock = count_refusals;
    methods.xUnlock = commit_in_between;
    methods.xSync = count_sync;
    file->pMethods = &methods;
    return code;
}

static void begin_counting(sink_fixture *f) {
    counted = f;
    counts = true;
    real = sqlite3_vfs_find(NULL);
    counting = *real;
    counting.zName = "counting";
    counting.xOpen = count_open;
    refusals = syncs = 0;
    assert_int_equal(sqlite3_vfs_register(&counting, 1), SQLITE_OK);
}

static void end_counting(void) {
    if (!counts) return;
    counts = false;
    assert_int_equal(sqlite3_vfs_register(real, 1), SQLITE_OK);
    assert_int_equal(sqlite3_vfs_unregister(&counting), SQLITE_OK); /* open files have it still */
}

static int set_up(void **state) {
    int status = sink_set_up(state);
    if (status != 0) return status;
    sink_fixture *own = *state;
    return sqlite3_open(own->database, &own->other);
}

static int tear_down(void **state) {
    end_counting();
    return sink_tear_down(state);
}

/* ---- a checkpoint that waits for readers --------------------------------------------------------- */

static int waits, tries;

/* Between two looks of the checkpoint whether the readers are gone. */
static int apply_meanwhile(void *context, int calls) {
    (void)calls;
    sink_fixture *own = context;
    waits++;
    int status = transact(own, 2);
    if (status == WEIR_OK) return 0; /* it has given up the lock */
    assert_int_equal(status, WEIR_BUSY);
    return ++tries < 20;
}

/* It has the write lock meanwhile. The guard lets it pass, and stays; what was copied without a sync is
 * synced before the -wal file may begin anew. */
static void a_checkpoint_that_waits_for_readers_is_let_pass(void **state) {
    sink_fixture *f = *state;
    static const int modes[] = {SQLITE_CHECKPOINT_TRUNCATE, SQLITE_CHECKPOINT_RESTART};
    run(f, "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF");
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        int frames, copied;
        begin_counting(f);
        assert_int_equal(open_sink(f, 1000), WEIR_OK);
        end_counting();
        assert_int_equal(transact(f, 1), WEIR_OK);
        waits = tries = syncs = 0;
        assert_int_equal(sqlite3_busy_handler(f->other, apply_meanwhile, f), SQLITE_OK);
        int code = sqlite3_wal_checkpoint_v2(f->other, "main", modes[i], NULL, NULL);
        if (code != SQLITE_OK) fail_msg("%s", sqlite3_errmsg(f->other));
        assert_in_range(tries, 1, 5);
        assert_int_equal(syncs, 1);
        assert_int_equal(sqlite3_busy_handler(f->other, NULL, NULL), SQLITE_OK);
        assert_int_equal(transact(f, 2), WEIR_OK);
        /* Nobody copies what weir has not seen to. */
        code = sqlite3_wal_checkpoint_v2(f->other, "main", modes[i], NULL, NULL);
        assert_int_equal(code, SQLITE_BUSY);
        code = sqlite3_wal_checkpoint_v2(f->other, "main", SQLITE_CHECKPOINT_PASSIVE, &frames,
                                         &copied);
        assert_int_equal(code, SQLITE_OK);
        assert_true(frames > 0 && copied == 0);
        sink_close(f);
        run(f, "DELETE FROM t; DELETE FROM weir_position");
    }
}

/* ---- opening --------------------------------------------------------------------------------------- */

static void opening_beside_a_writer_in_rollback_mode_waits_as_told(void **state) {
    sink_fixture *f = *state;
    run(f, "PRAGMA journal_mode=DELETE; CREATE TABLE own(x); BEGIN IMMEDIATE; INSERT INTO own "
           "VALUES(1)");
    assert_int_equal(open_sink(f, 0), WEIR_BUSY); /* does not wait */
    begin_counting(f);
    int status = open_sink(f, 60000);
    end_counting();
    if (status != WEIR_OK) fail_msg("%s", f->error.text);
    assert_true(refusals >= 5);
    assert_int_equal(transact(f, 1), WEIR_OK);
    sink_close(f);
}

/* ---- what only the program's own connections have ------------------------------------------------- */

static void app_function(sqlite3_context *context, int count, sqlite3_value **values) {
    (void)count, (void)values;
    sqlite3_result_int(context, 1);
}

static int app_collation(void *self, int a_bytes, const void *a, int b_bytes, const void *b) {
    (void)self, (void)a, (void)b;
    return a_bytes - b_bytes;
}

static int app_connect(sqlite3 *db, void *self, int count, const char *const *values,
                       sqlite3_vtab **out, char **message) {
    (void)self, (void)count, (void)values, (void)message;
    *out = sqlite3_malloc(sizeof **out);
    return *out ? sqlite3_declare_vtab(db, "CREATE TABLE v(a)") : SQLITE_NOMEM;
}

static int app_disconnect(sqlite3_vtab *self) {
    sqlite3_free(self);
    return SQLITE_OK;
}

static int app_best_index(sqlite3_vtab *self, sqlite3_index_info *info) {
    (void)self, (void)info;
    return SQLITE_OK;
}

static void what_only_the_program_has_is_named_and_waited_for(void **state) {
    sink_fixture *f = *state;
    static const sqlite3_module module = {.xCreate = app_connect,
                                          .xConnect = app_connect,
                                          .xBestIndex = app_best_index,
                                          .xDisconnect = app_disconnect,
                                          .xDestroy = app_disconnect};
    static const struct {
        const char *made, *name, *mended;
    } cases[] = {
        {"CREATE TABLE t(n, CHECK(app_f(n)))", "app_f", "DROP TABLE t; CREATE TABLE t(n)"},
        {"CREATE TABLE t(n, g AS (app_f(n)) STORED)", "app_f", "DROP TABLE t; CREATE TABLE t(n)"},
        {"CREATE TABLE t(n, d DEFAULT (app_f(1)))", "app_f", "DROP TABLE t; CREATE TABLE t(n)"},
        {"CREATE TABLE t(n); CREATE INDEX i ON t(app_f(n))", "app_f", "DROP INDEX i"},
        {"CREATE TABLE t(n); CREATE INDEX i ON t(n) WHERE app_f(n)", "app_f", "DROP INDEX i"},
        {"CREATE TABLE t(n); CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT app_f(new.n); END",
         "app_f", "DROP TRIGGER r"},
        {"CREATE TABLE t(n); CREATE INDEX i ON t(n COLLATE app_c)", "app_c", "DROP INDEX i"},
        {"CREATE VIRTUAL TABLE v USING app_m; CREATE TABLE t(n);"
         "CREATE TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO v VALUES(new.n); END",
         "app_m", "DROP TRIGGER r"},
    };
    run(f, "PRAGMA journal_mode=WAL");
    assert_int_equal(sqlite3_create_function(f->other, "app_f", 1,
                                             SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, app_function,
                                             NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_create_collation(f->other, "app_c", SQLITE_UTF8, NULL, app_collation),
                     SQLITE_OK);
    assert_int_equal(sqlite3_create_module(f->other, "app_m", &module, NULL), SQLITE_OK);
    assert_int_equal(open_sink(f, 1000), WEIR_OK);
    for (uint64_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run(f, "DROP TABLE IF EXISTS t");
        run(f, cases[i].made);
        for (int try = 0; try < 2; try++) {
            assert_int_equal(transact(f, i + 1), WEIR_SCHEMA);
            if (!strstr(f->error.text, cases[i].name) || !strstr(f->error.text, "only SQLite's"))
                fail_msg("%s: %s", cases[i].made, f->error.text);
        }
        run(f, cases[i].mended);
        assert_int_equal(transact(f, i + 1), WEIR_OK);
        assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM t"), 1);
    }
}

/* ---- what the documents say of SQLite --------------------------------------------------------------- */

/* A number that grows by one each time the -wal file begins anew: the first salt of its header. */
static uint32_t resets(sink_fixture *f) {
    char path[310];
    size_t bytes;
    (void)snprintf(path, sizeof path, "%s-wal", f->database);
    uint8_t *wal = weir_file_read(path, &bytes);
    assert_true(bytes >= 32);
    uint32_t number = (uint32_t)wal[16] << 24 | (uint32_t)wal[17] << 16 | (uint32_t)wal[18] << 8 |
                      (uint32_t)wal[19];
    free(wal);
    return number;
}

static void whole_checkpoint(sink_fixture *f, uint64_t block) {
    uint64_t safe;
    assert_int_equal(f->sink.checkpoint(f->sink.self, block, &safe, &f->error), WEIR_OK);
    assert_int_equal(safe, block);
}

/* DURABILITY.md on the WAL-reset race. */
static void the_wal_is_reset_by_whoever_writes_behind_a_whole_checkpoint(void **state) {
    sink_fixture *f = *state;
    int frames, copied;
    run(f, "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; CREATE TABLE own(x)");
    assert_int_equal(open_sink(f, 1000), WEIR_OK);
    assert_int_equal(transact(f, 1), WEIR_OK);
    uint32_t before = resets(f);
    for (int i = 0; i < 3; i++) { /* while something is not copied: nobody */
        assert_int_equal(sqlite3_wal_checkpoint_v2(f->other, "main", SQLITE_CHECKPOINT_PASSIVE,
                                                   &frames, &copied),
                         SQLITE_OK);
        assert_true(copied < frames);
        run(f, "INSERT INTO own VALUES(1)");
    }
    assert_int_equal(resets(f), before);
    whole_checkpoint(f, 1);
    run(f, "INSERT INTO own VALUES(2)"); /* another connection */
    assert_int_equal(resets(f), before + 1);
    whole_checkpoint(f, 1);
    assert_int_equal(transact(f, 2), WEIR_OK); /* or weir's */
    assert_int_equal(resets(f), before + 2);
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM own"), 4);
}

/* As a replicator does: the next reader begins before the last ends, who then checkpoints. */
static void take_turns(sqlite3 *readers[2]) {
    sqlite3 *last = readers[0];
    readers[0] = readers[1];
    readers[1] = last;
    run_on(readers[0], "BEGIN; SELECT count(*) FROM own");
    run_on(last, "COMMIT; PRAGMA wal_checkpoint(PASSIVE)");
}

/* What the pauses of applier.c rely on. */
static void readers_that_take_turns_let_the_wal_begin_anew_in_a_pause(void **state) {
    sink_fixture *f = *state;
    uint64_t safe, block = 1;
    run(f, "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; CREATE TABLE own(x)");
    sqlite3 *readers[2];
    assert_int_equal(sqlite3_open(f->database, &f->second), SQLITE_OK);
    assert_int_equal(sqlite3_open(f->database, &f->third), SQLITE_OK);
    readers[0] = f->second;
    readers[1] = f->third;
    for (int i = 0; i < 2; i++)
        run_on(readers[i], "PRAGMA wal_autocheckpoint=0");
    assert_int_equal(open_sink(f, 1000), WEIR_OK);
    assert_int_equal(transact(f, block++), WEIR_OK);
    run_on(readers[0], "BEGIN; SELECT count(*) FROM own");
    uint32_t before = resets(f);
    for (int i = 0; i < 10;
         i++) { /* something is written between two turns, and between the steps */
        assert_int_equal(transact(f, block++), WEIR_OK);
        take_turns(readers);
        assert_int_equal(transact(f, block++), WEIR_OK);
        assert_int_equal(f->sink.checkpoint(f->sink.self, block - 1, &safe, &f->error), WEIR_OK);
        assert_true(safe < block - 1);
    }
    assert_int_equal(resets(f), before);
    take_turns(readers);
    whole_checkpoint(f, block - 1);
    take_turns(readers);
    assert_int_equal(transact(f, block++), WEIR_OK);
    assert_int_equal(resets(f), before + 1);
    run_on(readers[0], "COMMIT");
}

typedef struct commits {
    sink_fixture *on;
    uint64_t next_block;
} commits;

static int commit_one(void *context) {
    commits *c = context;
    assert_int_equal(transact(c->on, c->next_block++), WEIR_OK);
    return 0;
}

/* OPERATING.md on copies. */
static void a_backup_in_steps_begins_anew_with_each_commit_and_vacuum_into_does_not(void **state) {
    sink_fixture *f = *state;
    char sql[400];
    run(f,
        "PRAGMA journal_mode=WAL; CREATE TABLE own(x);"
        "INSERT INTO own WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < "
        "2000)"
        " SELECT randomblob(1000) FROM c");
    assert_int_equal(open_sink(f, 1000), WEIR_OK);
    commits c = {f, 1};
    assert_int_equal(sqlite3_open(":memory:", &f->second), SQLITE_OK);
    sqlite3_backup *backup = sqlite3_backup_init(f->second, "main", f->other, "main");
    assert_non_null(backup);
    for (int i = 0; i < 60; i++) { /* 6,000 pages for a database of some 700 */
        assert_int_equal(sqlite3_backup_step(backup, 100), SQLITE_OK);
        (void)commit_one(&c);
    }
    assert_true(sqlite3_backup_remaining(backup) > 0);
    assert_int_equal(sqlite3_backup_step(backup, -1), SQLITE_DONE); /* in one step */
    assert_int_equal(sqlite3_backup_finish(backup), SQLITE_OK);
    weir_sql_close(&f->second);

    if (sqlite3_compileoption_used("MAX_ATTACHED=0")) return; /* which VACUUM INTO needs */
    uint64_t before = c.next_block;
    (void)snprintf(sql, sizeof sql, "VACUUM INTO '%s'", f->copy);
    sqlite3_progress_handler(f->other, 1000, commit_one, &c);
    run(f, sql);
    sqlite3_progress_handler(f->other, 0, NULL, NULL);
    assert_true(c.next_block > before);
    assert_int_equal(weir_sql_int(f->copy, "SELECT count(*) FROM own"), 2000);
    assert_int_equal(weir_sql_int(f->copy, "SELECT count(*) FROM pragma_integrity_check WHERE "
                                           "integrity_check = 'ok'"),
                     1);
    assert_true(weir_sql_int(f->copy, "SELECT count(*) FROM t") >= (int64_t)before - 1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_checkpoint_that_waits_for_readers_is_let_pass),
        TEST(opening_beside_a_writer_in_rollback_mode_waits_as_told),
        TEST(what_only_the_program_has_is_named_and_waited_for),
        TEST(the_wal_is_reset_by_whoever_writes_behind_a_whole_checkpoint),
        TEST(readers_that_take_turns_let_the_wal_begin_anew_in_a_pause),
        TEST(a_backup_in_steps_begins_anew_with_each_commit_and_vacuum_into_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
