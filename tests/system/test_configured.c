/* test_configured.c - SQLite as a program may have set it up: shared caches, no threads, nowhere for
 * temporary files. */
/* Covers: writer/sqlite/sqlite.c */
#include "opened.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const weir_column columns[] = {{"n", WEIR_INTEGER}, {"text", WEIR_TEXT}};
static opened *here; /* for handlers, threads and children */

static int threadsafe = 1;

/* In place of SQLite's. */
int sqlite3_threadsafe(void) { return threadsafe; }

static int set_up(void **state) {
    if (opened_set_up(state) != 0) return -1;
    here = *state;
    return 0;
}

static int tear_down(void **state) {
    threadsafe = 1;
    return opened_tear_down(state);
}

static void must(int status) {
    if (status != WEIR_OK) fail_msg("%s: %s", weir_status_name(status), weir_last_error());
}

static void run(sqlite3 *db, const char *sql) {
    if (sqlite3_exec(db, sql, NULL, NULL, NULL)) fail_msg("%s: %s", sql, sqlite3_errmsg(db));
}

static weir *open_it(weir_table **table) {
    weir_options o = {.linger_ms = 1, .apply_linger_ms = 1};
    weir *w;
    must(weir_open_sqlite(here->database, &o, &w));
    must(weir_declare(w, "t", columns, 2, table));
    return w;
}

static void append(weir *w, weir_table *table, int64_t *rows) {
    for (int i = 0; i < 1000; i++)
        must(weir_append(table, weir_int(++*rows), weir_text("a row")));
    must(weir_sync(w, WEIR_APPLIED, 30000));
}

/* ---- shared cache ------------------------------------------------------------------------------ */

/* Among connections that share one, a statement of the program's own locks tables against ours. */
static void a_shared_cache_is_not_ours(void **state) {
    (void)state;
    int64_t rows = 0;
    weir_table *table;
    sqlite3 *own;
    sqlite3_stmt *reading;
    assert_int_equal(sqlite3_enable_shared_cache(1), SQLITE_OK);
    weir *w = open_it(&table);
    append(w, table, &rows);
    assert_int_equal(sqlite3_open(here->database, &own), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(own, "SELECT n FROM t", -1, &reading, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(reading), SQLITE_ROW);
    append(w, table, &rows);
    assert_int_equal(sqlite3_finalize(reading), SQLITE_OK);
    run(own, "CREATE TABLE own(x); INSERT INTO own VALUES(1)");
    append(w, table, &rows);
    must(weir_close(w));
    run(own, "INSERT INTO own VALUES(2)");
    assert_int_equal(sqlite3_close(own), SQLITE_OK);
    assert_int_equal(sqlite3_enable_shared_cache(0), SQLITE_OK);
    assert_int_equal(weir_sql_int(here->database, "SELECT count(*) FROM t"), rows);
    assert_int_equal(weir_sql_int(here->database, "SELECT count(*) FROM own"), 2);
}

/* ---- threads ------------------------------------------------------------------------------------ */

static void is_refused(void) {
    weir *w;
    assert_int_equal(weir_open_sqlite(here->database, NULL, &w), WEIR_UNSUPPORTED);
    assert_null(w);
    assert_non_null(strstr(weir_last_error(), "threads"));
}

static void configure(int threads) {
    assert_int_equal(sqlite3_shutdown(), SQLITE_OK);
    assert_int_equal(sqlite3_config(threads), SQLITE_OK);
}

static void without_threads_it_is_refused(void **state) {
    (void)state;
    threadsafe = 0; /* as it was built */
    is_refused();
    threadsafe = 1;
    configure(SQLITE_CONFIG_SINGLETHREAD);
    is_refused();
    configure(SQLITE_CONFIG_SERIALIZED);
}

/* Each connection belongs to one thread at a time. */
static void threads_without_serializing_are_enough(void **state) {
    (void)state;
    int64_t rows = 0;
    weir_table *table;
    threadsafe = 2;
    configure(SQLITE_CONFIG_MULTITHREAD);
    weir *w = open_it(&table);
    append(w, table, &rows);
    must(weir_close(w));
    configure(SQLITE_CONFIG_SERIALIZED);
    assert_int_equal(weir_sql_int(here->database, "SELECT count(*) FROM t"), rows);
}

/* ---- temporary files ---------------------------------------------------------------------------- */

static _Atomic bool read_only;

/* Asked for a directory that could be written to. */
static int refusing_access(const char *path, int mode) {
    if (read_only && mode & W_OK) {
        errno = EROFS;
        return -1;
    }
    return access(path, mode);
}

/* A table that has refused a row takes others in statements that can be undone, which for many pages
 * needs a file. */
static void without_temporary_files_statements_are_undone_in_memory(void **state) {
    (void)state;
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    sqlite3 *own;
    assert_int_equal(sqlite3_open(here->database, &own), SQLITE_OK);
    run(own, "CREATE TABLE t(n UNIQUE, text UNIQUE)");
    assert_int_equal(sqlite3_close(own), SQLITE_OK);
    assert_int_equal(vfs->xSetSystemCall(vfs, "access", (sqlite3_syscall_ptr)refusing_access),
                     SQLITE_OK);
    int64_t rows = 0, refused = 0;
    for (int round = 0; round < 2; round++) {
        read_only = round == 0; /* already at opening, and later */
        weir_table *table;
        weir *w = open_it(&table);
        weir_rng rng = {(uint64_t)round + 1};
        read_only = true;
        for (int batch = 0; batch < 3; batch++) {
            char text[40];
            for (int i = 0; i < 20000; i++) {
                (void)snprintf(text, sizeof text, "%llu", (unsigned long long)weir_rng_next(&rng));
                must(weir_append(table, weir_int(++rows), weir_text(text)));
            }
            must(weir_append(table, weir_int(1), weir_text("again")));
            refused++;
            must(weir_sync(w, WEIR_APPLIED, 30000));
        }
        must(weir_close(w));
    }
    read_only = false;
    assert_int_equal(vfs->xSetSystemCall(vfs, "access", NULL), SQLITE_OK);
    assert_int_equal(weir_sql_int(here->database, "SELECT count(*) FROM t"), rows);
    assert_int_equal(weir_sql_int(here->database, "SELECT count(*) FROM weir_reject"), refused);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_shared_cache_is_not_ours),
        TEST(without_threads_it_is_refused),
        TEST(threads_without_serializing_are_enough),
        TEST(without_temporary_files_statements_are_undone_in_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
