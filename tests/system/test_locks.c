/* test_locks.c - SQLite's locks, dropped by the process that has them, and what another process then
 * does to the -wal file: nothing is lost, nothing comes twice, and the database stays sound. */
#include "support.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <weir/sqlite.h>

#include "lib/base/os.h"
#include "rows.h"
#include "writer/sqlite/sqlite_sink.h"

static const uint8_t journal[16] = {4, 4, 4};
static const weir_column columns[] = {{"n", WEIR_INTEGER}, {"text", WEIR_TEXT}};
static const char *directory;
static char database[300], wal[310], shm[310], self[500];
static weir_error error;

static int set_up(void **state) {
    (void)state;
    directory = weir_temp_make();
    (void)snprintf(database, sizeof database, "%s/run.db", directory);
    (void)snprintf(wal, sizeof wal, "%s-wal", database);
    (void)snprintf(shm, sizeof shm, "%s-shm", database);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    weir_temp_remove(directory);
    return 0;
}

/* ---- the process around SQLite ---------------------------------------------------------------- */

/* What a program does that looks at the first bytes of a file. */
static void open_and_close(const char *path) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(file >= 0);
    assert_int_equal(close(file), 0);
}

/* No lock at all is left, as where nothing holds them a second time. */
static void drop_locks(const char *path) {
    const weir_os *os = weir_os_posix();
    struct stat s;
    assert_int_equal(stat(path, &s), 0);
    for (int file = 3; file < 200; file++) {
        struct stat its;
        if (fstat(file, &its) == 0 && its.st_dev == s.st_dev && its.st_ino == s.st_ino)
            (void)os->unshare(os->self, file, 0, 0);
    }
    open_and_close(path);
}

/* ---- another process -------------------------------------------------------------------------- */

/* This program again: see main. */
static void neighbour(const char *sql) {
    pid_t child = fork();
    if (child == 0) {
        (void)execl(self, self, "neighbour", database, sql, (char *)NULL);
        _exit(127);
    }
    int status = -1;
    assert_true(child > 0 && waitpid(child, &status, 0) == child);
    assert_int_equal(status, 0);
}

static int be_neighbour(const char *path, const char *sql) {
    sqlite3 *db;
    if (sqlite3_open(path, &db) != SQLITE_OK) return 1;
    (void)sqlite3_busy_timeout(db, 10000);
    int code = sqlite3_exec(db, sql, NULL, NULL, NULL);
    if (code != SQLITE_OK) (void)fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(db));
    return code == SQLITE_OK && sqlite3_close(db) == SQLITE_OK ? 0 : 1;
}

/* Its own opening and closing removes -wal and -shm, unless somebody is seen to use them. */
static void neighbour_looks(void) { neighbour("SELECT count(*) FROM sqlite_schema"); }

static ino_t inode_of(const char *path) {
    struct stat s;
    return stat(path, &s) == 0 ? s.st_ino : 0;
}

static void all_is_there(int64_t rows) {
    assert_int_equal(weir_sql_int(database, "SELECT count(*) FROM t"), rows);
    assert_int_equal(weir_sql_int(database, "SELECT count(DISTINCT n) FROM t"), rows);
    assert_int_equal(weir_sql_int(database, "SELECT count(*) FROM pragma_integrity_check WHERE "
                                            "integrity_check = 'ok'"),
                     1);
}

/* A second copy of SQLite in this process, as a plug-in may bring along: neither knows of the other, and
 * each drops the other's locks. NULL: there is none to be had. */
static void *second_copy(void) {
    Dl_info info;
    if (getenv("WEIR_SANITIZE") && *getenv("WEIR_SANITIZE"))
        return NULL; /* has copies of its own */
    return dladdr((void *)(uintptr_t)&sqlite3_open, &info) && strstr(info.dli_fname, ".so")
               ? dlmopen(LM_ID_NEWLM, info.dli_fname, RTLD_NOW | RTLD_LOCAL)
               : NULL;
}

static void look_with(void *copy) {
    sqlite3 *db;
    int (*open_it)(const char *, sqlite3 **);
    int (*run_it)(sqlite3 *, const char *, int (*)(void *, int, char **, char **), void *, char **);
    int (*close_it)(sqlite3 *);
    *(void **)&open_it = dlsym(copy, "sqlite3_open");
    *(void **)&run_it = dlsym(copy, "sqlite3_exec");
    *(void **)&close_it = dlsym(copy, "sqlite3_close");
    assert_true(open_it && run_it && close_it);
    assert_int_equal(open_it(database, &db), SQLITE_OK);
    assert_int_equal(run_it(db, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(close_it(db), SQLITE_OK);
}

/* ---- the sink, call by call ------------------------------------------------------------------- */

static weir_declaration *table;
static bool lost_told, kept_told;

static void on_loss(void *context, weir_sqlite_loss what) {
    (void)context;
    lost_told |= what == WEIR_SQLITE_FILES_LOST;
    kept_told |= what == WEIR_SQLITE_FILES_OPENED;
}

static weir_sink open_sink(void) {
    weir_sink sink;
    weir_sqlite_config config = {.path = database, .busy_timeout_ms = 1000};
    assert_int_equal(weir_declaration_make(1, "t", columns, 2, &table, &error), WEIR_OK);
    assert_int_equal(weir_sqlite_sink_open(&config, &sink, NULL, &error), WEIR_OK);
    weir_sqlite_sink_on_loss(&sink, on_loss, NULL);
    lost_told = kept_told = false;
    return sink;
}

static void close_sink(weir_sink *s) {
    s->close(s->self);
    weir_declaration_free(table);
}

static int begin(weir_sink *s, uint64_t *block) {
    weir_position at = {0};
    int status = s->begin(s->self, journal, &at, &error);
    *block = at.block;
    return status;
}

enum { ROWS = 100 };

/* Rows of a block: so many bytes each. */
static int apply(weir_sink *s, uint64_t block, size_t bytes) {
    static char text[20000];
    memset(text, 'x', sizeof text);
    rows_block b = rows_begin(journal, block, (block - 1) * ROWS + 1);
    for (uint64_t i = 0; i < ROWS; i++) {
        weir_value v[] = {weir_int((int64_t)(b.header.first_row + i)), weir_text_n(text, bytes)};
        rows_add(&b, 1, v, 2);
    }
    int status = s->declare(s->self, table, WEIR_DECLARE_WITH_ROWS, &error);
    weir_row_range range = {b.header.first_row, b.header.first_row + ROWS - 1};
    if (status == WEIR_OK) status = s->apply(s->self, &b.header, rows_body(&b), range, &error);
    rows_free(&b);
    return status;
}

static int commit(weir_sink *s, uint64_t block) {
    weir_sink_counts counts;
    weir_position to = {.block = block, .row = block * ROWS, .hash = block};
    memcpy(to.journal, journal, 16);
    int status = s->commit(s->self, &to, &counts, &error);
    if (status != WEIR_OK) s->rollback(s->self);
    return status;
}

static int transact(weir_sink *s, uint64_t block) {
    uint64_t at;
    int status = begin(s, &at);
    if (status == WEIR_OK) assert_int_equal(at, block - 1);
    if (status == WEIR_OK) status = apply(s, block, 100);
    if (status == WEIR_OK) return commit(s, block);
    s->rollback(s->self);
    return status;
}

static void a_closed_descriptor_leaves_the_locks_that_count(void **state) {
    (void)state;
    weir_sink s = open_sink();
    assert_int_equal(transact(&s, 1), WEIR_OK);
    ino_t before = inode_of(wal), index = inode_of(shm);
    assert_true(before != 0 && index != 0);
    for (uint64_t i = 2; i < 8; i++) {
        uint64_t at, safe;
        open_and_close(database);
        neighbour_looks();
        assert_int_equal(begin(&s, &at), WEIR_OK);
        open_and_close(database);
        neighbour_looks();
        assert_int_equal(apply(&s, i, 100), WEIR_OK);
        open_and_close(database);
        neighbour_looks();
        assert_int_equal(commit(&s, i), WEIR_OK);
        open_and_close(database);
        neighbour("CREATE TABLE IF NOT EXISTS own(x); INSERT INTO own VALUES(1)");
        assert_int_equal(s.checkpoint(s.self, i, &safe, &error), WEIR_OK);
        assert_int_equal(safe, i);
    }
    assert_int_equal(inode_of(wal), before);
    assert_int_equal(inode_of(shm), index);
    open_and_close(database);
    close_sink(&s);
    all_is_there(7 * ROWS);
    assert_int_equal(inode_of(wal), 0); /* the last to close, as it was before */
}

static void a_second_copy_of_sqlite_leaves_them_too(void **state) {
    (void)state;
    void *copy = second_copy();
    if (!copy) {
        print_message("no second copy of SQLite can be loaded\n");
        skip();
    }
    weir_sink s = open_sink();
    assert_int_equal(transact(&s, 1), WEIR_OK);
    ino_t before = inode_of(wal);
    for (uint64_t i = 2; i < 6; i++) {
        uint64_t at;
        look_with(copy);
        neighbour_looks();
        assert_int_equal(transact(&s, i), WEIR_OK);
        assert_int_equal(begin(&s, &at), WEIR_OK);
        look_with(copy); /* which closes its -shm file, and the writer's lock is gone */
        neighbour_looks();
        assert_int_equal(apply(&s, i + 1, 100), WEIR_OK);
        assert_int_equal(commit(&s, i + 1), WEIR_IO);
    }
    assert_int_equal(inode_of(wal), before);
    close_sink(&s);
    all_is_there(5 * ROWS);
    assert_int_equal(dlclose(copy), 0);
}

/* Another process would find the -shm file unused, and make it anew. */
static void a_closed_descriptor_of_the_index_leaves_it_in_use(void **state) {
    (void)state;
    weir_sink s = open_sink();
    for (uint64_t i = 1; i < 5; i++) {
        assert_int_equal(transact(&s, i), WEIR_OK);
        open_and_close(shm);
        neighbour("CREATE TABLE IF NOT EXISTS own(x); INSERT INTO own VALUES(1)");
        open_and_close(shm);
        open_and_close(wal);
        neighbour_looks();
    }
    close_sink(&s);
    all_is_there(4 * ROWS);
    assert_int_equal(weir_sql_int(database, "SELECT count(*) FROM own"), 4);
}

/* Two would write into the -wal file at once. */
static void without_the_writers_lock_nothing_is_written(void **state) {
    (void)state;
    uint64_t at;
    weir_sink s = open_sink();
    assert_int_equal(transact(&s, 1), WEIR_OK);
    assert_int_equal(begin(&s, &at), WEIR_OK);
    assert_int_equal(apply(&s, 2, 100), WEIR_OK);
    open_and_close(shm);
    neighbour("CREATE TABLE own(x); INSERT INTO own VALUES(1)");
    assert_int_equal(commit(&s, 2), WEIR_IO);
    assert_non_null(strstr(error.text, "-shm"));
    assert_int_equal(transact(&s, 2), WEIR_OK);

    assert_int_equal(begin(&s, &at), WEIR_OK);
    int status = WEIR_OK;
    open_and_close(shm);
    neighbour("INSERT INTO own VALUES(2)");
    for (int i = 0; i < 40 && status == WEIR_OK; i++) /* more than the cache holds */
        status = apply(&s, 3, 20000);
    if (status == WEIR_OK) status = commit(&s, 3);
    assert_int_equal(status, WEIR_IO);
    s.rollback(s.self);
    assert_int_equal(transact(&s, 3), WEIR_OK);
    close_sink(&s);
    all_is_there(3 * ROWS);
    assert_int_equal(weir_sql_int(database, "SELECT count(*) FROM own"), 2);
}

static void lose_files(void) {
    drop_locks(database);
    neighbour_looks();
    /* From 3.51 on SQLite sees for itself that its locks are gone, and leaves the files alone. */
    if (sqlite3_libversion_number() >= 3051000 && inode_of(wal)) skip();
    assert_int_equal(inode_of(wal), 0);
}

/* While it was out of sight another process may have made a -wal file of its own. */
static void lose_files_to_another(void) {
    lose_files();
    neighbour("CREATE TABLE IF NOT EXISTS own(x); INSERT INTO own VALUES(1)");
}

/* The rows of the block stand in a file that nobody sees, or were never begun. */
static void begins_anew(weir_sink *s, uint64_t committed) {
    uint64_t at;
    assert_int_equal(begin(s, &at), WEIR_SINK_REOPENED);
    s->rollback(s->self);
    assert_true(lost_told && kept_told);
    assert_int_equal(begin(s, &at), WEIR_OK);
    assert_int_equal(at, committed);
    s->rollback(s->self);
}

static void lost_files_are_seen_before_a_transaction(void **state) {
    (void)state;
    weir_sink s = open_sink();
    assert_int_equal(transact(&s, 1), WEIR_OK);
    lose_files_to_another();
    assert_int_equal(transact(&s, 2), WEIR_IO);
    assert_non_null(strstr(error.text, "-wal"));
    begins_anew(&s, 1);
    assert_int_equal(transact(&s, 2), WEIR_OK);
    close_sink(&s);
    all_is_there(2 * ROWS);
}

static void lost_files_are_seen_before_a_commit_is_told(void **state) {
    (void)state;
    uint64_t at;
    weir_sink s = open_sink();
    for (uint64_t i = 1; i < 4; i++) {
        assert_int_equal(transact(&s, 2 * i - 1), WEIR_OK);
        assert_int_equal(begin(&s, &at), WEIR_OK);
        assert_int_equal(apply(&s, 2 * i, 100), WEIR_OK);
        lose_files();
        assert_int_equal(commit(&s, 2 * i), WEIR_IO);
        begins_anew(&s, 2 * i - 1);
        assert_int_equal(transact(&s, 2 * i), WEIR_OK);
    }
    close_sink(&s);
    all_is_there(6 * ROWS);
}

/* What stands in a -wal file out of sight would go over what others have written since. */
static void lost_files_are_not_checkpointed(void **state) {
    (void)state;
    uint64_t safe;
    weir_sink s = open_sink();
    assert_int_equal(transact(&s, 1), WEIR_OK);
    assert_int_equal(s.checkpoint(s.self, 1, &safe, &error), WEIR_OK);
    assert_int_equal(transact(&s, 2), WEIR_OK);
    assert_int_equal(unlink(wal), 0); /* by hand, so that nobody copied what it held */
    assert_int_equal(unlink(shm), 0);
    neighbour("CREATE TABLE own(x); INSERT INTO own VALUES(1); PRAGMA wal_checkpoint(TRUNCATE)");
    assert_int_equal(s.checkpoint(s.self, 2, &safe, &error), WEIR_IO);
    assert_int_equal(safe, 0);
    assert_int_equal(s.checkpoint(s.self, 2, &safe, &error), WEIR_SINK_REOPENED);
    assert_int_equal(transact(&s, 2), WEIR_OK);
    close_sink(&s);
    all_is_there(2 * ROWS);
    assert_int_equal(weir_sql_int(database, "SELECT count(*) FROM own"), 1);
}

static void lost_files_are_left_alone_by_closing(void **state) {
    (void)state;
    uint64_t safe;
    weir_sink s = open_sink();
    assert_int_equal(transact(&s, 1), WEIR_OK);
    assert_int_equal(s.checkpoint(s.self, 1, &safe, &error), WEIR_OK);
    assert_int_equal(transact(&s, 2), WEIR_OK);
    drop_locks(database);
    assert_int_equal(unlink(wal), 0);
    assert_int_equal(unlink(shm), 0);
    neighbour("CREATE TABLE own(x); INSERT INTO own VALUES(1)");
    close_sink(&s);
    all_is_there(ROWS); /* the journal has the others */
    assert_int_equal(weir_sql_int(database, "SELECT count(*) FROM own"), 1);
}

/* In this process a new connection would share the index of the old file with it. */
static void the_programs_own_connection_is_waited_for(void **state) {
    (void)state;
    uint64_t at;
    sqlite3 *own;
    weir_sink s = open_sink();
    assert_int_equal(transact(&s, 1), WEIR_OK);
    assert_int_equal(sqlite3_open(database, &own), SQLITE_OK);
    assert_int_equal(sqlite3_exec(own, "SELECT count(*) FROM t", NULL, NULL, NULL), SQLITE_OK);
    lose_files_to_another();
    assert_int_equal(transact(&s, 2), WEIR_IO);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(begin(&s, &at), WEIR_IO);
        assert_non_null(strstr(error.text, "own connections"));
        s.rollback(s.self);
        uint64_t safe;
        assert_int_equal(s.checkpoint(s.self, 1, &safe, &error), WEIR_IO);
    }
    assert_false(kept_told);
    (void)sqlite3_db_config(own, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    assert_int_equal(sqlite3_close(own), SQLITE_OK);
    begins_anew(&s, 1);
    assert_int_equal(transact(&s, 2), WEIR_OK);
    close_sink(&s);
    all_is_there(2 * ROWS);
}

/* ---- the whole --------------------------------------------------------------------------------- */

static _Atomic int events[16];

static void on_event(void *context, weir_event event, const char *text) {
    (void)context;
    assert_non_null(text);
    events[event]++;
}

static void must(int status) {
    if (status != WEIR_OK) fail_msg("%s: %s", weir_status_name(status), weir_last_error());
}

static void rows_go_on_behind_lost_files(void **state) {
    (void)state;
    static const weir_column keyed[] = {{"id", WEIR_KEY}, {"n", WEIR_INTEGER}};
    weir_options o = {.linger_ms = 1, .apply_linger_ms = 1, .on_event = on_event};
    weir *w;
    weir_table *t, *k, *later;
    int64_t key, rows = 0;
    must(weir_open_sqlite(database, &o, &w));
    must(weir_declare(w, "t", columns, 2, &t));
    must(weir_declare(w, "k", keyed, 2, &k));
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 500; i++)
            must(weir_append(t, weir_int(++rows), weir_text("a row")));
        must(weir_sync(w, WEIR_APPLIED, 30000));
        if (round % 2) lose_files_to_another();
        for (int i = 0; i < 500; i++)
            must(weir_append(t, weir_int(++rows), weir_text("a row")));
        must(weir_sync(w, WEIR_APPLIED, 30000));
        weir_value values[] = {weir_null(), weir_int(round)};
        must(weir_insert_now(k, values, 2, 30000, &key, NULL));
        assert_int_equal(key, round + 1);
        char name[20];
        (void)snprintf(name, sizeof name, "later%d", round);
        must(weir_declare(w, name, columns, 2, &later));
    }
    must(weir_close(w));
    assert_int_equal(events[WEIR_EVENT_APPLY_WAITS], 2);
    assert_int_equal(events[WEIR_EVENT_APPLY_RESUMED], 2);
    all_is_there(rows);
    assert_int_equal(weir_sql_int(database, "SELECT count(*) FROM k"), 4);
}

int main(int argc, char **argv) {
    if (argc == 4 && strcmp(argv[1], "neighbour") == 0) return be_neighbour(argv[2], argv[3]);
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length < 0) return 1;
    self[length] = 0;
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(a_closed_descriptor_leaves_the_locks_that_count),
        TEST(a_second_copy_of_sqlite_leaves_them_too),
        TEST(a_closed_descriptor_of_the_index_leaves_it_in_use),
        TEST(without_the_writers_lock_nothing_is_written),
        TEST(lost_files_are_seen_before_a_transaction),
        TEST(lost_files_are_seen_before_a_commit_is_told),
        TEST(lost_files_are_not_checkpointed),
        TEST(lost_files_are_left_alone_by_closing),
        TEST(the_programs_own_connection_is_waited_for),
        TEST(rows_go_on_behind_lost_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
