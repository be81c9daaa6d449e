/* test_wal_io.c - frames that wait in memory, and what must not become of them. */
/* Covers: writer/sqlite/proc_fd.c */
#include "writer/sqlite/wal_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scarce.h"
#include "support.h"
#include "writer/sqlite/sqlite_error.h"

static const char *directory;
static char path[600];
static sqlite3 *db, *other;
static weir_wal_io wal;

/* ---- the file itself, which counts and refuses ------------------------------------------------ */

static const sqlite3_io_methods *sound;
static sqlite3_io_methods counting;
static unsigned writes, reads, syncs;
static sqlite3_int64 bytes_written, bytes_read;
static unsigned refuse_write; /* the n-th from now; 0: none */
static bool refuse_read, refuse_size;

static int count_write(sqlite3_file *f, const void *from, int bytes, sqlite3_int64 offset) {
    assert_ptr_equal(f->pMethods, &counting); /* it finds itself as it was opened */
    if (refuse_write && --refuse_write == 0) return SQLITE_IOERR_WRITE;
    writes++;
    bytes_written += bytes;
    return sound->xWrite(f, from, bytes, offset);
}

static int count_read(sqlite3_file *f, void *into, int bytes, sqlite3_int64 offset) {
    assert_ptr_equal(f->pMethods, &counting);
    if (refuse_read) return SQLITE_IOERR_READ;
    reads++;
    bytes_read += bytes;
    return sound->xRead(f, into, bytes, offset);
}

static int refusing_size(sqlite3_file *f, sqlite3_int64 *bytes) {
    assert_ptr_equal(f->pMethods, &counting);
    return refuse_size ? SQLITE_IOERR_FSTAT : sound->xFileSize(f, bytes);
}

static int sync_seen(sqlite3_file *f, int flags) {
    assert_ptr_equal(f->pMethods, &counting);
    syncs++;
    return sound->xSync(f, flags);
}

static void watch(void) {
    sqlite3_file *file = NULL;
    assert_int_equal(sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file),
                     SQLITE_OK);
    sound = file->pMethods;
    counting = *sound;
    counting.xWrite = count_write;
    counting.xRead = count_read;
    counting.xFileSize = refusing_size;
    counting.xSync = sync_seen;
    file->pMethods = &counting;
}

/* ---- advice ----------------------------------------------------------------------------------- */

static unsigned advices, database_advices;
static int64_t advised, advised_end;
static bool advice_fails;

static bool is_database(int file) {
    struct stat a, b;
    return fstat(file, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

/* In place of the C library's. */
int sync_file_range(int file, off64_t from, off64_t bytes, unsigned flags) {
    assert_int_equal(flags, SYNC_FILE_RANGE_WRITE);
    if (bytes == 0) { /* the whole file */
        assert_true(is_database(file));
        database_advices++;
    } else {
        assert_false(is_database(file));
        advices++;
        advised += bytes;
        advised_end = from + bytes;
    }
    errno = EIO;
    return advice_fails ? -1 : 0;
}

/* ---- databases -------------------------------------------------------------------------------- */

static int try_run(sqlite3 *on, const char *sql) { return sqlite3_exec(on, sql, 0, 0, 0); }

static void run(sqlite3 *on, const char *sql) {
    if (try_run(on, sql) != SQLITE_OK) fail_msg("%s: %s", sql, sqlite3_errmsg(on));
}

static int64_t ask(sqlite3 *on, const char *sql) {
    int64_t answer;
    assert_int_equal(weir_sqlite_ask(on, sql, NULL, 0, &answer, NULL), WEIR_OK);
    return answer;
}

/* On a connection of its own, which has nothing in its cache. */
static void check_rows(int64_t expected) {
    assert_int_equal(weir_sql_int(path, "SELECT count(*) FROM t"), expected);
    assert_int_equal(weir_sql_int(path, "SELECT count(*) FROM pragma_integrity_check WHERE "
                                        "integrity_check = 'ok'"),
                     1);
}

static void open_db(int page_bytes) {
    char page[64];
    (void)snprintf(page, sizeof page, "PRAGMA page_size=%d", page_bytes);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    run(db, page);
    run(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;"
            "PRAGMA cache_size=5; CREATE TABLE t(a, b); SELECT * FROM t");
    watch();
    weir_wal_io_take_over(&wal, weir_os_posix(), db);
    (void)sqlite3_rollback_hook(db, weir_wal_io_forget, &wal);
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    run(other, "PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0");
    writes = reads = 0;
    bytes_written = bytes_read = 0;
}

static void close_db(void) {
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    weir_wal_io_free(&wal);
    db = other = NULL;
}

static int set_up(void **state) {
    (void)state;
    directory = weir_temp_make();
    (void)snprintf(path, sizeof path, "%s/a.db", directory);
    refuse_write = 0;
    refuse_read = refuse_size = advice_fails = false;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    weir_sql_close(&other); /* as a test that ended early has left them */
    weir_sql_close(&db);
    weir_wal_io_free(&wal);
    weir_temp_remove(directory);
    return 0;
}

#define ROWS(n, tag)                                                                               \
    "INSERT INTO t WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < " #n   \
    ") SELECT " tag ", randomblob(1000) FROM c"

static void checkpoint(void) {
    int frames, copied;
    weir_wal_io_begin_reading(&wal);
    assert_int_equal(
        sqlite3_wal_checkpoint_v2(db, "main", SQLITE_CHECKPOINT_PASSIVE, &frames, &copied),
        SQLITE_OK);
    weir_wal_io_end_reading(&wal);
    assert_true(frames > 0 && frames == copied);
}

/* ---- the tests -------------------------------------------------------------------------------- */

static void many_frames_are_few_calls(void **state) {
    (void)state;
    static const int page_bytes[] = {512, 4096, 32768, 65536};
    for (size_t i = 0; i < sizeof page_bytes / sizeof *page_bytes; i++) {
        open_db(page_bytes[i]);
        run(db, "PRAGMA cache_size=10000"); /* so that the pages come in order, and once each */
        run(db, ROWS(1000, "1"));
        check_rows(1000); /* seen by others before any checkpoint */
        assert_in_range(bytes_written, 1000000, 2500000);
        unsigned most = page_bytes[i] < 32768 ? 30 : 60; /* two calls a page were 58 to 4,600 */
        assert_in_range(writes, 8, most);

        reads = 0;
        bytes_read = 0;
        checkpoint();
        assert_in_range(bytes_read, 1000000, 2500000);
        assert_in_range(reads, 8, 60);
        run(db, ROWS(10, "2"));
        check_rows(1010);
        close_db();
        check_rows(1010);
        assert_int_equal(remove(path), 0);
    }
}

static void a_page_that_left_the_cache_is_read_back(void **state) {
    (void)state;
    open_db(4096); /* five pages of cache */
    run(db, "CREATE INDEX i ON t(b)");
    run(db, "BEGIN");
    for (int i = 0; i < 20; i++) {
        run(db, ROWS(20, "1"));
        assert_int_equal(ask(db, "SELECT count(*) FROM t"), 20 * (i + 1));
        assert_int_equal(ask(other, "SELECT count(*) FROM t"), 0);
    }
    assert_true(reads > 0);
    run(db, "SAVEPOINT s");
    run(db, ROWS(100, "2"));
    run(db, "ROLLBACK TO s");
    run(db, "COMMIT");
    check_rows(400);
    checkpoint();
    check_rows(400);
}

/* The place that its frames would have had belongs to others then. */
static void what_is_rolled_back_is_never_written(void **state) {
    (void)state;
    open_db(4096);
    run(db, ROWS(20, "1"));
    checkpoint();
    run(db, "BEGIN");
    run(db, "UPDATE t SET b = randomblob(1000)");
    assert_true(wal.used > 0); /* of pages that left the cache */
    run(db, "ROLLBACK");
    assert_int_equal(wal.used, 0);
    run(other, ROWS(100, "3"));
    check_rows(120);
    checkpoint();
    check_rows(120);
    run(db, ROWS(1, "4"));
    check_rows(121);
}

/* By whatever call it comes to light, the transaction cannot be committed any more. */
static void a_piece_that_could_not_be_written_fails_the_commit(void **state) {
    (void)state;
    open_db(4096);
    run(db, ROWS(30, "1"));
    run(db, "BEGIN");
    run(db, ROWS(20, "2"));
    assert_true(wal.used > 0);
    refuse_write = 1;
    sqlite3_int64 size;
    assert_int_equal(wal.methods.xFileSize(wal.file, &size), SQLITE_IOERR_WRITE);
    assert_int_equal(refuse_write, 0);
    assert_int_equal(wal.methods.xTruncate(wal.file, 1 << 20), SQLITE_IOERR_WRITE);
    assert_int_equal(wal.methods.xSync(wal.file, SQLITE_SYNC_NORMAL), SQLITE_IOERR_WRITE);
    assert_int_equal(wal.methods.xRead(wal.file, &size, sizeof size, 0), SQLITE_IOERR_WRITE);
    assert_int_not_equal(try_run(db, "COMMIT"), SQLITE_OK);
    if (!sqlite3_get_autocommit(db)) run(db, "ROLLBACK");
    check_rows(30);
    run(db, ROWS(40, "3"));
    check_rows(70);
}

static void each_write_that_fails_fails_its_transaction(void **state) {
    (void)state;
    open_db(4096);
    int64_t rows = 0;
    bool refused = true;
    for (unsigned n = 1; refused; n++) {
        refuse_write = n;
        int code = try_run(db, ROWS(300, "1"));
        refused = refuse_write == 0;
        refuse_write = 0;
        assert_int_equal(code == SQLITE_OK, !refused);
        rows += refused ? 0 : 300;
        check_rows(rows);
    }
    assert_int_equal(rows, 300);
    checkpoint();
    check_rows(300);
}

static void the_disk_begins_before_a_large_commit(void **state) {
    (void)state;
    open_db(4096);
    run(db, "PRAGMA cache_size=10000");
    for (int i = 0; i < 2; i++) {
        advice_fails = i == 1;
        advices = 0;
        advised = 0;
        run(db, ROWS(10, "1"));
        assert_int_equal(advices, 0);
        run(db, ROWS(4000, "2"));
        assert_in_range(advices, 3, 4);
        assert_in_range(advised, 3 << 20, bytes_written);
        assert_in_range(advised_end, 3 << 20, 9 << 20); /* of the file */
        check_rows(4010 * (i + 1));
    }
}

static void the_disk_begins_before_a_checkpoint_ends(void **state) {
    (void)state;
    open_db(4096);
    run(db, "PRAGMA cache_size=10000");
    database_advices = 0;
    run(db, ROWS(100, "1"));
    checkpoint();
    assert_int_equal(database_advices, 0); /* it is small */
    for (int i = 0; i < 2; i++) {
        advice_fails = i == 1;
        database_advices = 0;
        run(db, ROWS(4000, "2"));
        checkpoint();
        assert_in_range(database_advices, 3, 5);
        check_rows(100 + 4000 * (i + 1));
    }
}

/* Whose descriptor it was has closed it, and the next file got its number. */
static void a_descriptor_that_is_another_files_gets_no_advice(void **state) {
    (void)state;
    weir_proc_fd b;
    char second[640];
    (void)snprintf(second, sizeof second, "%s/second", directory);
    database_advices = 0;
    weir_proc_fd_find(&b, weir_os_posix(), path); /* no file */
    assert_true(b.descriptor < 0);
    weir_borrowed_write_back(&b);
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    weir_proc_fd_find(&b, weir_os_posix(), path);
    assert_int_equal(b.descriptor, file);
    weir_borrowed_write_back(&b);
    assert_int_equal(database_advices, 1);
    int other_file = open(second, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(dup2(other_file, file), file);
    weir_borrowed_write_back(&b);
    assert_int_equal(close(file), 0);
    assert_int_equal(close(other_file), 0);
    weir_borrowed_write_back(&b);
    assert_int_equal(database_advices, 1);
    weir_proc_fd_find(&b, weir_os_posix(), path); /* a file that nobody has open */
    assert_true(b.descriptor < 0);
}

static void without_a_second_descriptor_there_is_no_advice(void **state) {
    (void)state;
    struct rlimit before, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    open_db(4096);
    weir_wal_io spare;
    none = (struct rlimit){3, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    weir_wal_io_take_over(&spare, weir_os_posix(), other); /* whose -wal file is open */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_non_null(spare.file);
    assert_true(spare.descriptor < 0);
    advices = 0;
    run(other, ROWS(3000, "1"));
    assert_int_equal(advices, 0);
    check_rows(3000);
    close_db();
    weir_wal_io_free(&spare);
}

/* Another connection writes to the file between two checkpoints. */
static void what_was_read_ahead_is_not_kept(void **state) {
    (void)state;
    open_db(4096);
    for (int i = 0; i < 20; i++) {
        run(i % 2 ? db : other, ROWS(50, "1"));
        checkpoint(); /* behind which the file begins again, with the same places */
        check_rows(50 * (i + 1));
    }
    weir_wal_io_begin_reading(&wal);
    run(db, ROWS(50, "2")); /* a write ends the reading by itself */
    assert_false(wal.reading);
    check_rows(1050);
}

static void a_checkpoint_reads_as_before_where_it_cannot_read_ahead(void **state) {
    (void)state;
    open_db(4096);
    run(db, ROWS(200, "1"));
    refuse_size = true;
    weir_wal_io_begin_reading(&wal);
    assert_false(wal.reading);
    refuse_size = false;
    refuse_read = true;
    weir_wal_io_begin_reading(&wal);
    int frames, copied;
    assert_int_equal(
        sqlite3_wal_checkpoint_v2(db, "main", SQLITE_CHECKPOINT_PASSIVE, &frames, &copied),
        SQLITE_IOERR);
    weir_wal_io_end_reading(&wal);
    refuse_read = false;
    check_rows(200);
    checkpoint();
    check_rows(200);
}

static void what_cannot_be_taken_over_stays_as_it_is(void **state) {
    (void)state;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    weir_wal_io_take_over(&wal, weir_os_posix(), db); /* no -wal file yet */
    assert_null(wal.file);
    weir_wal_io_forget(&wal);
    weir_wal_io_begin_reading(&wal);
    assert_false(wal.reading);
    weir_wal_io_end_reading(&wal);
    weir_wal_io_free(&wal);

    run(db, "PRAGMA journal_mode=WAL; CREATE TABLE t(a, b)");
    if (scarce_arm(1)) {
        weir_wal_io_take_over(&wal, weir_os_posix(), db);
        assert_true(scarce_end());
        assert_null(wal.file);
    }
    run(db, ROWS(10, "1"));
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    check_rows(10);
}

/* SQLite syncs it before the frames; where frames of another header may stand behind it, so do we. */
static void only_the_header_of_a_new_file_goes_with_its_frames(void **state) {
    (void)state;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    run(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;"
            "SELECT rootpage FROM sqlite_schema");
    watch();
    weir_wal_io_take_over(&wal, weir_os_posix(), db);
    (void)sqlite3_rollback_hook(db, weir_wal_io_forget, &wal);
    run(db, "BEGIN; CREATE TABLE t(a, b); ROLLBACK"); /* which takes the header with it */
    syncs = 0;
    run(db, "CREATE TABLE t(a, b)");
    assert_int_equal(syncs, 1);
    check_rows(0);
    run(db, ROWS(10, "1"));
    assert_int_equal(syncs, 2);
    checkpoint(); /* behind which the file begins again */
    syncs = 0;
    run(db, ROWS(10, "2"));
    assert_int_equal(syncs, 2);
    check_rows(20);
}

/* There a commit publishes frames that it wrote behind its sync. */
static void without_powersafe_overwrite_it_stays_as_it_is(void **state) {
    (void)state;
    char uri[640];
    (void)snprintf(uri, sizeof uri, "file:%s?psow=0", path);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI;
    assert_int_equal(sqlite3_open_v2(uri, &db, flags, NULL), SQLITE_OK);
    run(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;"
            "CREATE TABLE t(a, b); SELECT * FROM t");
    weir_wal_io_take_over(&wal, weir_os_posix(), db);
    for (int rows = 1; rows <= 5; rows++) {
        run(db, ROWS(1, "1"));
        check_rows(rows);
    }
    assert_null(wal.file);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(many_frames_are_few_calls),
        TEST(a_page_that_left_the_cache_is_read_back),
        TEST(what_is_rolled_back_is_never_written),
        TEST(a_piece_that_could_not_be_written_fails_the_commit),
        TEST(each_write_that_fails_fails_its_transaction),
        TEST(the_disk_begins_before_a_large_commit),
        TEST(the_disk_begins_before_a_checkpoint_ends),
        TEST(a_descriptor_that_is_another_files_gets_no_advice),
        TEST(without_a_second_descriptor_there_is_no_advice),
        TEST(what_was_read_ahead_is_not_kept),
        TEST(a_checkpoint_reads_as_before_where_it_cannot_read_ahead),
        TEST(what_cannot_be_taken_over_stays_as_it_is),
        TEST(only_the_header_of_a_new_file_goes_with_its_frames),
        TEST(without_powersafe_overwrite_it_stays_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
