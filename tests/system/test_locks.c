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
#include "sink_fixture.h"

static const weir_column columns[] = {{"n", WEIR_INTEGER}, {"text", WEIR_TEXT}};
static char self[500]; /* this program */

typedef struct lock_fixture {
    sink_fixture at;
    char wal[310], shm[310];
    bool lost_told, kept_told;
    weir *w;
} lock_fixture;

static int set_up(void **state) {
    if (sink_make(state, sizeof(lock_fixture)) != 0) return -1;
    lock_fixture *f = *state;
    (void)snprintf(f->wal, sizeof f->wal, "%s-wal", f->at.database);
    (void)snprintf(f->shm, sizeof f->shm, "%s-shm", f->at.database);
    return 0;
}

static int tear_down(void **state) {
    lock_fixture *f = *state;
    if (f->w) (void)weir_close(f->w);
    return sink_tear_down(state);
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
static void neighbour(lock_fixture *f, const char *sql) {
    pid_t child = fork();
    if (child == 0) {
        (void)execl(self, self, "neighbour", f->at.database, sql, (char *)NULL);
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
static void neighbour_looks(lock_fixture *f) { neighbour(f, "SELECT count(*) FROM sqlite_schema"); }

static ino_t inode_of(const char *path) {
    struct stat s;
    return stat(path, &s) == 0 ? s.st_ino : 0;
}

static void all_is_there(lock_fixture *f, int64_t rows) {
    assert_int_equal(weir_sql_int(f->at.database, "SELECT count(*) FROM t"), rows);
    assert_int_equal(weir_sql_int(f->at.database, "SELECT count(DISTINCT n) FROM t"), rows);
    assert_int_equal(weir_sql_int(f->at.database,
                                  "SELECT count(*) FROM pragma_integrity_check WHERE "
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

static void look_with(lock_fixture *f, void *copy) {
    sqlite3 *db;
    int (*open_it)(const char *, sqlite3 **);
    int (*run_it)(sqlite3 *, const char *, int (*)(void *, int, char **, char **), void *, char **);
    int (*close_it)(sqlite3 *);
    *(void **)&open_it = dlsym(copy, "sqlite3_open");
    *(void **)&run_it = dlsym(copy, "sqlite3_exec");
    *(void **)&close_it = dlsym(copy, "sqlite3_close");
    assert_true(open_it && run_it && close_it);
    assert_int_equal(open_it(f->at.database, &db), SQLITE_OK);
    assert_int_equal(run_it(db, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(close_it(db), SQLITE_OK);
}

/* ---- the sink, call by call ------------------------------------------------------------------- */

static void on_loss(void *context, weir_sqlite_loss what) {
    lock_fixture *to = context;
    to->lost_told |= what == WEIR_SQLITE_FILES_LOST;
    to->kept_told |= what == WEIR_SQLITE_FILES_OPENED;
}

static void open_sink(lock_fixture *f) {
    sink_open(&f->at);
    weir_sqlite_sink_on_loss(&f->at.sink, on_loss, f);
}

static int begin(lock_fixture *f, uint64_t *block) {
    weir_position at = {0};
    int status = f->at.sink.begin(f->at.sink.self, f->at.journal, &at, &f->at.error);
    *block = at.block;
    return status;
}

enum { ROWS = 100 };

/* Rows of a block: so many bytes each. */
static int apply(lock_fixture *f, uint64_t block, size_t bytes) {
    static char text[20000];
    memset(text, 'x', sizeof text);
    rows_block b = sink_rows(&f->at, block, (block - 1) * ROWS + 1);
    for (uint64_t i = 0; i < ROWS; i++) {
        weir_value v[] = {weir_int((int64_t)(b.header.first_row + i)), weir_text_n(text, bytes)};
        rows_add(&b, 1, v, 2);
    }
    sink_declare(&f->at, 1, "t", columns, 2);
    weir_row_range range = {b.header.first_row, b.header.first_row + ROWS - 1};
    int status = f->at.sink.apply(f->at.sink.self, &b.header, rows_body(&b), range, &f->at.error);
    rows_free(&b);
    return status;
}

static int commit(lock_fixture *f, uint64_t block) {
    weir_sink_counts counts;
    weir_position to = {.block = block, .row = block * ROWS, .hash = block};
    memcpy(to.journal, f->at.journal, 16);
    int status = f->at.sink.commit(f->at.sink.self, &to, &counts, &f->at.error);
    if (status != WEIR_OK) f->at.sink.rollback(f->at.sink.self);
    return status;
}

static int transact(lock_fixture *f, uint64_t block) {
    uint64_t at;
    int status = begin(f, &at);
    if (status == WEIR_OK) assert_int_equal(at, block - 1);
    if (status == WEIR_OK) status = apply(f, block, 100);
    if (status == WEIR_OK) return commit(f, block);
    f->at.sink.rollback(f->at.sink.self);
    return status;
}

static void a_closed_descriptor_leaves_the_locks_that_count(void **state) {
    lock_fixture *f = *state;
    open_sink(f);
    assert_int_equal(transact(f, 1), WEIR_OK);
    ino_t before = inode_of(f->wal), index = inode_of(f->shm);
    assert_true(before != 0 && index != 0);
    for (uint64_t i = 2; i < 8; i++) {
        uint64_t at, safe;
        open_and_close(f->at.database);
        neighbour_looks(f);
        assert_int_equal(begin(f, &at), WEIR_OK);
        open_and_close(f->at.database);
        neighbour_looks(f);
        assert_int_equal(apply(f, i, 100), WEIR_OK);
        open_and_close(f->at.database);
        neighbour_looks(f);
        assert_int_equal(commit(f, i), WEIR_OK);
        open_and_close(f->at.database);
        neighbour(f, "CREATE TABLE IF NOT EXISTS own(x); INSERT INTO own VALUES(1)");
        assert_int_equal(f->at.sink.checkpoint(f->at.sink.self, i, &safe, &f->at.error), WEIR_OK);
        assert_int_equal(safe, i);
    }
    assert_int_equal(inode_of(f->wal), before);
    assert_int_equal(inode_of(f->shm), index);
    open_and_close(f->at.database);
    sink_close(&f->at);
    all_is_there(f, 7 * ROWS);
    assert_int_equal(inode_of(f->wal), 0); /* the last to close, as it was before */
}

static void a_second_copy_of_sqlite_leaves_them_too(void **state) {
    lock_fixture *f = *state;
    void *copy = second_copy();
    if (!copy) {
        print_message("no second copy of SQLite can be loaded\n");
        skip();
    }
    open_sink(f);
    assert_int_equal(transact(f, 1), WEIR_OK);
    ino_t before = inode_of(f->wal);
    for (uint64_t i = 2; i < 6; i++) {
        uint64_t at;
        look_with(f, copy);
        neighbour_looks(f);
        assert_int_equal(transact(f, i), WEIR_OK);
        assert_int_equal(begin(f, &at), WEIR_OK);
        look_with(f, copy); /* which closes its -shm file, and the writer's lock is gone */
        neighbour_looks(f);
        assert_int_equal(apply(f, i + 1, 100), WEIR_OK);
        assert_int_equal(commit(f, i + 1), WEIR_IO);
    }
    assert_int_equal(inode_of(f->wal), before);
    sink_close(&f->at);
    all_is_there(f, 5 * ROWS);
    assert_int_equal(dlclose(copy), 0);
}

/* Another process would find the -shm file unused, and make it anew. */
static void a_closed_descriptor_of_the_index_leaves_it_in_use(void **state) {
    lock_fixture *f = *state;
    open_sink(f);
    for (uint64_t i = 1; i < 5; i++) {
        assert_int_equal(transact(f, i), WEIR_OK);
        open_and_close(f->shm);
        neighbour(f, "CREATE TABLE IF NOT EXISTS own(x); INSERT INTO own VALUES(1)");
        open_and_close(f->shm);
        open_and_close(f->wal);
        neighbour_looks(f);
    }
    sink_close(&f->at);
    all_is_there(f, 4 * ROWS);
    assert_int_equal(weir_sql_int(f->at.database, "SELECT count(*) FROM own"), 4);
}

/* Two would write into the -wal file at once. */
static void without_the_writers_lock_nothing_is_written(void **state) {
    lock_fixture *f = *state;
    uint64_t at;
    open_sink(f);
    assert_int_equal(transact(f, 1), WEIR_OK);
    assert_int_equal(begin(f, &at), WEIR_OK);
    assert_int_equal(apply(f, 2, 100), WEIR_OK);
    open_and_close(f->shm);
    neighbour(f, "CREATE TABLE own(x); INSERT INTO own VALUES(1)");
    assert_int_equal(commit(f, 2), WEIR_IO);
    assert_non_null(strstr(f->at.error.text, "-shm"));
    assert_int_equal(transact(f, 2), WEIR_OK);

    assert_int_equal(begin(f, &at), WEIR_OK);
    int status = WEIR_OK;
    open_and_close(f->shm);
    neighbour(f, "INSERT INTO own VALUES(2)");
    for (int i = 0; i < 40 && status == WEIR_OK; i++) /* more than the cache holds */
        status = apply(f, 3, 20000);
    if (status == WEIR_OK) status = commit(f, 3);
    assert_int_equal(status, WEIR_IO);
    f->at.sink.rollback(f->at.sink.self);
    assert_int_equal(transact(f, 3), WEIR_OK);
    sink_close(&f->at);
    all_is_there(f, 3 * ROWS);
    assert_int_equal(weir_sql_int(f->at.database, "SELECT count(*) FROM own"), 2);
}

static void lose_files(lock_fixture *f) {
    drop_locks(f->at.database);
    neighbour_looks(f);
    /* From 3.51 on SQLite sees for itself that its locks are gone, and leaves the files alone. */
    if (sqlite3_libversion_number() >= 3051000 && inode_of(f->wal)) skip();
    assert_int_equal(inode_of(f->wal), 0);
}

/* While it was out of sight another process may have made a -wal file of its own. */
static void lose_files_to_another(lock_fixture *f) {
    lose_files(f);
    neighbour(f, "CREATE TABLE IF NOT EXISTS own(x); INSERT INTO own VALUES(1)");
}

/* The rows of the block stand in a file that nobody sees, or were never begun. */
static void begins_anew(lock_fixture *f, uint64_t committed) {
    uint64_t at;
    assert_int_equal(begin(f, &at), WEIR_SINK_REOPENED);
    f->at.sink.rollback(f->at.sink.self);
    assert_true(f->lost_told && f->kept_told);
    assert_int_equal(begin(f, &at), WEIR_OK);
    assert_int_equal(at, committed);
    f->at.sink.rollback(f->at.sink.self);
}

static void lost_files_are_seen_before_a_transaction(void **state) {
    lock_fixture *f = *state;
    open_sink(f);
    assert_int_equal(transact(f, 1), WEIR_OK);
    lose_files_to_another(f);
    assert_int_equal(transact(f, 2), WEIR_IO);
    assert_non_null(strstr(f->at.error.text, "-wal"));
    begins_anew(f, 1);
    assert_int_equal(transact(f, 2), WEIR_OK);
    sink_close(&f->at);
    all_is_there(f, 2 * ROWS);
}

static void lost_files_are_seen_before_a_commit_is_told(void **state) {
    lock_fixture *f = *state;
    uint64_t at;
    open_sink(f);
    for (uint64_t i = 1; i < 4; i++) {
        assert_int_equal(transact(f, 2 * i - 1), WEIR_OK);
        assert_int_equal(begin(f, &at), WEIR_OK);
        assert_int_equal(apply(f, 2 * i, 100), WEIR_OK);
        lose_files(f);
        assert_int_equal(commit(f, 2 * i), WEIR_IO);
        begins_anew(f, 2 * i - 1);
        assert_int_equal(transact(f, 2 * i), WEIR_OK);
    }
    sink_close(&f->at);
    all_is_there(f, 6 * ROWS);
}

/* What stands in a -wal file out of sight would go over what others have written since. */
static void lost_files_are_not_checkpointed(void **state) {
    lock_fixture *f = *state;
    uint64_t safe;
    open_sink(f);
    assert_int_equal(transact(f, 1), WEIR_OK);
    assert_int_equal(f->at.sink.checkpoint(f->at.sink.self, 1, &safe, &f->at.error), WEIR_OK);
    assert_int_equal(transact(f, 2), WEIR_OK);
    assert_int_equal(unlink(f->wal), 0); /* by hand, so that nobody copied what it held */
    assert_int_equal(unlink(f->shm), 0);
    neighbour(f, "CREATE TABLE own(x); INSERT INTO own VALUES(1); PRAGMA wal_checkpoint(TRUNCATE)");
    assert_int_equal(f->at.sink.checkpoint(f->at.sink.self, 2, &safe, &f->at.error), WEIR_IO);
    assert_int_equal(safe, 0);
    assert_int_equal(f->at.sink.checkpoint(f->at.sink.self, 2, &safe, &f->at.error),
                     WEIR_SINK_REOPENED);
    assert_int_equal(transact(f, 2), WEIR_OK);
    sink_close(&f->at);
    all_is_there(f, 2 * ROWS);
    assert_int_equal(weir_sql_int(f->at.database, "SELECT count(*) FROM own"), 1);
}

static void lost_files_are_left_alone_by_closing(void **state) {
    lock_fixture *f = *state;
    uint64_t safe;
    open_sink(f);
    assert_int_equal(transact(f, 1), WEIR_OK);
    assert_int_equal(f->at.sink.checkpoint(f->at.sink.self, 1, &safe, &f->at.error), WEIR_OK);
    assert_int_equal(transact(f, 2), WEIR_OK);
    drop_locks(f->at.database);
    assert_int_equal(unlink(f->wal), 0);
    assert_int_equal(unlink(f->shm), 0);
    neighbour(f, "CREATE TABLE own(x); INSERT INTO own VALUES(1)");
    sink_close(&f->at);
    all_is_there(f, ROWS); /* the journal has the others */
    assert_int_equal(weir_sql_int(f->at.database, "SELECT count(*) FROM own"), 1);
}

/* In this process a new connection would share the index of the old file with it. */
static void the_programs_own_connection_is_waited_for(void **state) {
    lock_fixture *f = *state;
    uint64_t at;
    open_sink(f);
    assert_int_equal(transact(f, 1), WEIR_OK);
    assert_int_equal(sqlite3_open(f->at.database, &f->at.other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(f->at.other, "SELECT count(*) FROM t", NULL, NULL, NULL),
                     SQLITE_OK);
    lose_files_to_another(f);
    assert_int_equal(transact(f, 2), WEIR_IO);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(begin(f, &at), WEIR_IO);
        assert_non_null(strstr(f->at.error.text, "own connections"));
        f->at.sink.rollback(f->at.sink.self);
        uint64_t safe;
        assert_int_equal(f->at.sink.checkpoint(f->at.sink.self, 1, &safe, &f->at.error), WEIR_IO);
    }
    assert_false(f->kept_told);
    (void)sqlite3_db_config(f->at.other, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    weir_sql_close(&f->at.other);
    begins_anew(f, 1);
    assert_int_equal(transact(f, 2), WEIR_OK);
    sink_close(&f->at);
    all_is_there(f, 2 * ROWS);
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
    lock_fixture *f = *state;
    static const weir_column keyed[] = {{"id", WEIR_KEY}, {"n", WEIR_INTEGER}};
    weir_options o = {.linger_ms = 1, .apply_linger_ms = 1, .on_event = on_event};
    weir_table *t, *k, *later;
    int64_t key, rows = 0;
    must(weir_open_sqlite(f->at.database, &o, &f->w));
    must(weir_declare(f->w, "t", columns, 2, &t));
    must(weir_declare(f->w, "k", keyed, 2, &k));
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 500; i++)
            must(weir_append(t, weir_int(++rows), weir_text("a row")));
        must(weir_sync(f->w, WEIR_APPLIED, 30000));
        if (round % 2) lose_files_to_another(f);
        for (int i = 0; i < 500; i++)
            must(weir_append(t, weir_int(++rows), weir_text("a row")));
        must(weir_sync(f->w, WEIR_APPLIED, 30000));
        weir_value values[] = {weir_null(), weir_int(round)};
        must(weir_insert_now(k, values, 2, 30000, &key, NULL));
        assert_int_equal(key, round + 1);
        char name[20];
        (void)snprintf(name, sizeof name, "later%d", round);
        must(weir_declare(f->w, name, columns, 2, &later));
    }
    must(weir_close(f->w));
    f->w = NULL;
    assert_int_equal(events[WEIR_EVENT_APPLY_WAITS], 2);
    assert_int_equal(events[WEIR_EVENT_APPLY_RESUMED], 2);
    all_is_there(f, rows);
    assert_int_equal(weir_sql_int(f->at.database, "SELECT count(*) FROM k"), 4);
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
