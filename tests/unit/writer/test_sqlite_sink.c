/* test_sqlite_sink.c - rows into SQLite: in bulk, and exactly as if they came one at a time.
 *
 * The judge is SQLite itself: the same rows are inserted one at a time, each in a savepoint,
 * into a second file with the same schema. Tables, rowids and the set of refused rows must come
 * out equal. */
/* Covers: writer/sqlite/position_row.c, writer/sqlite/sqlite_error.c, writer/sqlite/positions.c */
#include "support.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sink_fixture.h"
#include "watched_vfs.h"

static const weir_column columns[] = {{"a", WEIR_INTEGER}, {"b", WEIR_TEXT}, {"c", WEIR_REAL}};

static int tear_down(void **state) {
    int status = sink_tear_down(state);
    watched_end();
    return status;
}

static void declare_both(sink_fixture *f) {
    sink_declare(f, 1, "t", columns, 3);
    sink_declare(f, 2, "u", columns, 3);
}

static sqlite3 *open_plain(const char *path) {
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "PRAGMA foreign_keys=ON; PRAGMA synchronous=OFF", NULL, NULL, NULL),
        SQLITE_OK);
    return db;
}

/* With the narrowing that replay would do. */
static int apply_all(sink_fixture *f, const rows_block *b, weir_sink_counts *total) {
    uint64_t row = b->header.first_row, width = b->header.rows, end = row + b->header.rows - 1;
    *total = (weir_sink_counts){0};
    while (row <= end) {
        weir_sink_counts counts = {0};
        weir_row_range range = {row, row + width - 1 < end ? row + width - 1 : end};
        int status = sink_apply(f, b, range, &counts);
        if (status == WEIR_SINK_ANEW) continue;
        if (status == WEIR_SINK_AGAIN) {
            width = width > 1 ? width / 2 : 1;
            continue;
        }
        if (status != WEIR_OK) return status;
        row = range.last + 1;
        total->rows += counts.rows;
        total->rejected += counts.rejected;
        total->ignored += counts.ignored;
    }
    return WEIR_OK;
}

/* ---- the judge ------------------------------------------------------------------------------- */

static bool insert_one(sqlite3 *db, sqlite3_stmt *const insert[3], const uint8_t *row, size_t bytes,
                       int *changes) {
    uint16_t table, count;
    weir_value *values = malloc(WEIR_COLUMNS_MAX * sizeof *values);
    assert_non_null(values);
    assert_true(weir_row_decode(row, bytes, &table, &count, values));
    for (int i = 0; i < count; i++)
        rows_bind(insert[table], i + 1, &values[i]);
    assert_int_equal(sqlite3_exec(db, "SAVEPOINT one", NULL, NULL, NULL), SQLITE_OK);
    bool in = sqlite3_step(insert[table]) == SQLITE_DONE;
    *changes = sqlite3_changes(db);
    (void)sqlite3_reset(insert[table]);
    if (in) in = sqlite3_exec(db, "RELEASE one", NULL, NULL, NULL) == SQLITE_OK;
    if (!in && !sqlite3_get_autocommit(db))
        (void)sqlite3_exec(db, "ROLLBACK TO one; RELEASE one", NULL, NULL, NULL);
    free(values);
    return in;
}

/* The refused row numbers, as text; and how many were ignored. */
static char *judge(sqlite3 *db, const rows_block *b, uint64_t *ignored) {
    sqlite3_str *refused = sqlite3_str_new(NULL);
    sqlite3_stmt *insert[3] = {NULL, NULL, NULL};
    for (int i = 1; i <= 2; i++) {
        char sql[100];
        (void)snprintf(sql, sizeof sql, "INSERT INTO \"%s\"(a,b,c) VALUES(?1,?2,?3)",
                       i == 1 ? "t" : "u");
        assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &insert[i], NULL), SQLITE_OK);
    }
    weir_cursor body = rows_body(b);
    const uint8_t *row;
    size_t bytes;
    *ignored = 0;
    for (uint64_t number = b->header.first_row; weir_payload_next_row(&body, &row, &bytes) == 1;
         number++) {
        int changes;
        bool in = insert_one(db, insert, row, bytes, &changes);
        if (!in)
            sqlite3_str_appendf(refused, "%llu,", (unsigned long long)number);
        else if (changes == 0)
            ++*ignored;
    }
    for (int i = 1; i <= 2; i++)
        (void)sqlite3_finalize(insert[i]);
    return sqlite3_str_finish(refused);
}

static void assert_same(sqlite3 *ours, sqlite3 *theirs, const char *sql) {
    char *a = sql_text(ours, sql), *b = sql_text(theirs, sql);
    assert_string_equal(a, b);
    sqlite3_free(a);
    sqlite3_free(b);
}

/* ---- differential ---------------------------------------------------------------------------- */

static weir_value random_value(weir_rng *rng, bool text) {
    static const char *const words[] = {"one", "two", "{\"x\":1}", "{", "three", ""};
    switch (weir_rng_below(rng, 8)) {
    case 0: return weir_null();
    case 1: return weir_real((double)weir_rng_below(rng, 40) / 2);
    case 2: return weir_blob("\0\1\2", 3);
    default:
        return text ? weir_text(words[weir_rng_below(rng, 6)])
                    : weir_int((int64_t)weir_rng_below(rng, 150));
    }
}

static rows_block random_block(sink_fixture *f, uint64_t seed, uint32_t rows) {
    weir_rng rng = {seed};
    rows_block b = sink_rows(f, 1, 1);
    for (uint32_t i = 0; i < rows; i++) {
        weir_value v[3] = {random_value(&rng, false), random_value(&rng, true),
                           random_value(&rng, false)};
        rows_add(&b, (uint16_t)(1 + weir_rng_below(&rng, 2)), v, 3);
    }
    return b;
}

static void compare(sink_fixture *f, const char *schema, uint64_t seed) {
    sqlite3 *ours = f->other = open_plain(f->database);
    sqlite3 *theirs = f->second = open_plain(f->copy);
    assert_int_equal(sqlite3_exec(ours, schema, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(theirs, schema, NULL, NULL, NULL), SQLITE_OK);
    rows_block b = random_block(f, seed, 400);
    sink_open(f);
    declare_both(f);
    weir_sink_counts counts;
    uint64_t ignored;
    assert_int_equal(apply_all(f, &b, &counts), WEIR_OK);
    char *refused = judge(theirs, &b, &ignored);

    assert_same(ours, theirs, "SELECT rowid, * FROM t ORDER BY rowid");
    assert_same(ours, theirs, "SELECT rowid, * FROM u ORDER BY rowid");
    assert_same(ours, theirs,
                "SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE 'weir%'"
                " AND name NOT LIKE 'sqlite_autoindex_weir%'");
    if (refused) {
        char *mine = sql_text(ours, "SELECT row FROM weir_reject ORDER BY row");
        assert_string_equal(mine, refused);
        sqlite3_free(mine);
    }
    assert_int_equal(counts.rows, 400);
    assert_int_equal(counts.ignored, ignored);
    sink_close(f);
    sqlite3_free(refused);
    rows_free(&b);
    weir_sql_close(&f->other);
    weir_sql_close(&f->second);
}

static void compare_fresh(sink_fixture *f, const char *schema, uint64_t seed) {
    if (seed > 1) sink_renew(f);
    compare(f, schema, seed);
}

#define U "CREATE TABLE u(a,b,c);"
static const char *const schemas[] = {
    "CREATE TABLE t(a,b,c);" U,
    "CREATE TABLE t(a UNIQUE, b NOT NULL, c);" U,
    "CREATE TABLE t(a UNIQUE ON CONFLICT IGNORE, b NOT NULL, c);" U,
    "CREATE TABLE t(a UNIQUE ON CONFLICT FAIL, b NOT NULL ON CONFLICT FAIL, c);" U,
    "CREATE TABLE t(a UNIQUE ON CONFLICT REPLACE, b, c);" U,
    "CREATE TABLE t(a UNIQUE ON CONFLICT ROLLBACK, b, c);" U,
    "CREATE TABLE t(a UNIQUE ON CONFLICT ROLLBACK, b NOT NULL ON CONFLICT IGNORE, c UNIQUE);" U,
    "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c);" U,
    "CREATE TABLE t(a INTEGER PRIMARY KEY ON CONFLICT IGNORE, b TEXT, c);" U,
    "CREATE TABLE t(a INTEGER, b TEXT, c REAL) STRICT;" U,
    "CREATE TABLE t(a, b CHECK(json_valid(b)), c CHECK(c < 15));" U,
    "CREATE TABLE t(a, b CHECK(json(b) IS NOT NULL), c);" U, /* fails as an expression */
    "CREATE TABLE t(a, b, c, d AS (abs(a)) STORED); CREATE UNIQUE INDEX i ON t(d, b);" U,
    "CREATE TABLE t(a UNIQUE, b, c); CREATE TABLE u(a REFERENCES t(a), b, c);",
    "CREATE TABLE t(a UNIQUE, b, c); CREATE TABLE u(a REFERENCES t(a) DEFERRABLE INITIALLY "
    "DEFERRED, b, c);",
    "CREATE TABLE t(a INTEGER PRIMARY KEY, b, c REFERENCES t(a)); CREATE TABLE u(a, b, c);",
    "CREATE TABLE t(a UNIQUE ON CONFLICT REPLACE, b, c);"
    "CREATE TABLE u(a REFERENCES t(a) ON DELETE CASCADE, b, c);",
    "CREATE TABLE t(a,b,c);" U
    "CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO u VALUES(new.a,'g',0); END;",
    "CREATE TABLE t(a,b,c);" U
    "CREATE TRIGGER g BEFORE INSERT ON t WHEN new.a > 99 BEGIN SELECT RAISE(IGNORE); END;",
    "CREATE TABLE t(a,b,c);" U "CREATE TRIGGER g AFTER INSERT ON t WHEN new.a > 99 BEGIN"
    " INSERT INTO u VALUES(1,1,1); SELECT RAISE(ABORT,'no'); END;",
    "CREATE TABLE t(a,b,c);" U "CREATE TRIGGER g AFTER INSERT ON t WHEN new.a > 99 BEGIN"
    " INSERT INTO u VALUES(1,1,1); SELECT RAISE(FAIL,'no'); END;",
    "CREATE TABLE t(a,b,c);" U "CREATE TRIGGER g AFTER INSERT ON t WHEN new.a > 140 BEGIN"
    " INSERT INTO u VALUES(1,1,1); SELECT RAISE(ROLLBACK,'no'); END;",
    "CREATE TABLE t(a PRIMARY KEY ON CONFLICT IGNORE,b,c);"
    "CREATE TABLE u(a,b,c); CREATE TABLE w(n); INSERT INTO w VALUES(0);"
    "CREATE TRIGGER g AFTER INSERT ON u BEGIN UPDATE w SET n = n + 1; INSERT INTO t "
    "VALUES(new.a,'u',0); END;",
};

static void rows_come_out_as_one_at_a_time(void **state) {
    sink_fixture *f = *state;
    uint64_t seed = 0;
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++)
        compare_fresh(f, schemas[i], ++seed);
}

/* ---- by hand --------------------------------------------------------------------------------- */

static rows_block three_rows(sink_fixture *f, uint64_t block, uint64_t first_row) {
    rows_block b = sink_rows(f, block, first_row);
    for (int i = 0; i < 3; i++) {
        weir_value v[] = {weir_int((int64_t)first_row + i), weir_text("it's"), weir_real(0.5)};
        rows_add(&b, 1, v, 3);
    }
    return b;
}

static int apply_three(sink_fixture *f, weir_sink_counts *counts) {
    rows_block b = three_rows(f, 1, 1);
    declare_both(f);
    int status = apply_all(f, &b, counts);
    rows_free(&b);
    return status;
}

static void refused_rows_tell_all(void **state) {
    sink_fixture *f = *state;
    weir_sql_run(f->database, "CREATE TABLE t(a, b, c CHECK(a <> 2))");
    sink_open(f);
    weir_sink_counts counts;
    assert_int_equal(apply_three(f, &counts), WEIR_OK);
    assert_int_equal(counts.rejected, 1);
    sink_close(f);
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM t"), 2);
    assert_int_equal(
        weir_sql_int(f->database,
                     "SELECT row = 2 AND table_name = 't' AND code = 275 AND message LIKE 'CHECK "
                     "constraint failed%'"
                     " AND \"values\" = '2, ''it''''s'', 0.5' AND time_ns = 1700000000000000001"
                     " AND journal = X'07070707070707070707070707070707' AND length(record) > 10 "
                     "FROM weir_reject"),
        1);
}

static void a_parent_must_have_the_lower_number(void **state) {
    sink_fixture *f = *state;
    weir_sql_run(f->database, "CREATE TABLE t(a INTEGER PRIMARY KEY, b, c REFERENCES t(a))");
    weir_value v[][3] = {
        {weir_int(1), weir_null(), weir_int(2)}, /* its parent comes in the same statement */
        {weir_int(2), weir_null(), weir_null()},
        {weir_int(3), weir_null(), weir_int(2)}};
    rows_block b = sink_rows(f, 1, 1);
    for (int i = 0; i < 3; i++)
        rows_add(&b, 1, v[i], 3);
    sink_open(f);
    weir_sink_counts counts;
    declare_both(f);
    assert_int_equal(apply_all(f, &b, &counts), WEIR_OK);
    sink_close(f);
    rows_free(&b);
    assert_int_equal(weir_sql_int(f->database, "SELECT sum(a) FROM t"), 5);
    assert_int_equal(weir_sql_int(f->database, "SELECT sum(row) FROM weir_reject WHERE code = 787"),
                     1);
}

static void literals_read_as_sql(void **state) {
    sink_fixture *f = *state;
    weir_sql_run(f->database, "CREATE TABLE t(a, b, c CHECK(0))");
    rows_block b = sink_rows(f, 1, 1);
    weir_value v[][3] = {{weir_int(INT64_MIN), weir_text_n("a\0b", 3), weir_real(1.0 / 0.0)},
                         {weir_null(), weir_blob("\x00\xff", 2), weir_real(-0.25)},
                         {weir_int(7), weir_text(""), weir_blob("", 0)}};
    for (int i = 0; i < 3; i++)
        rows_add(&b, 1, v[i], 3);
    sink_open(f);
    weir_sink_counts counts;
    declare_both(f);
    assert_int_equal(apply_all(f, &b, &counts), WEIR_OK);
    assert_int_equal(counts.rejected, 3);
    sink_close(f);
    rows_free(&b);
    f->other = open_plain(f->database);
    char *got = sql_text(f->other, "SELECT \"values\" FROM weir_reject ORDER BY row");
    assert_string_equal(got, "-9223372036854775808, CAST(X'610062' AS TEXT), 9.0e+999,"
                             "NULL, X'00FF', -0.25,7, '', X'',");
    sqlite3_free(got);
    weir_sql_close(&f->other);
}

static void broken_schemas_stop_and_keep_rows(void **state) {
    sink_fixture *f = *state;
    static const char *const broken[] = {
        "CREATE TABLE t(a, c)",
        "CREATE TABLE t(a,b,c); CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT "
        "no_such_function(1); END",
        "CREATE TABLE t(a,b,c); CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO gone "
        "VALUES(1); END",
        "CREATE TABLE t(a REFERENCES gone(x),b,c)",
        "CREATE TABLE t(a,b,c); CREATE TABLE weir_row_vtab_1(c0,c1,c2)",
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        weir_sql_run(f->database, "DROP TABLE IF EXISTS t; DROP TABLE IF EXISTS weir_row_vtab_1");
        weir_sql_run(f->database, broken[i]);
        sink_open(f);
        weir_sink_counts counts;
        assert_int_equal(apply_three(f, &counts), WEIR_SCHEMA);
        sink_close(f);
        assert_int_equal(
            weir_sql_int(f->database,
                         "SELECT count(*) FROM sqlite_schema WHERE name = 'weir_reject'"),
            0);
    }
}

static unsigned savepoints, undoable; /* statements that have SQLite keep what they change */

static int note_statement(unsigned kind, void *context, void *statement, void *text) {
    (void)kind, (void)context, (void)statement;
    savepoints += strcmp(text, "SAVEPOINT weir_row_vtab") == 0;
    undoable += strncmp(text, "INSERT INTO main.\"t\"", 20) == 0;
    return 0;
}

static int look_into(sqlite3 *db, const char **message, const void *api) {
    (void)message, (void)api;
    return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, note_statement, NULL);
}

/* To be able to undo a statement SQLite copies every page that it changes. */
static void only_a_table_that_refused_a_row_is_fed_undoably(void **state) {
    sink_fixture *f = *state;
    weir_sql_run(f->database, "CREATE TABLE t(a UNIQUE, b NOT NULL, c CHECK(a <> 8))");
    assert_int_equal(sqlite3_auto_extension((void (*)(void))look_into), SQLITE_OK);
    sink_open(f);
    sqlite3_reset_auto_extension();
    weir_sink_counts counts;
    declare_both(f);
    for (uint64_t block = 1; block <= 4; block++) {
        rows_block b = three_rows(f, block, 3 * block - 2);
        savepoints = undoable = 0;
        assert_int_equal(apply_all(f, &b, &counts), WEIR_OK);
        assert_int_equal(counts.rejected, block == 3);
        assert_int_equal(savepoints > 0, block >= 3);
        assert_int_equal(undoable > 0, block >= 3);
        rows_free(&b);
    }
    sink_close(f);
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM t"), 11);
    assert_int_equal(weir_sql_int(f->database, "SELECT row FROM weir_reject"), 8);
}

/* That the disk cannot be read is no row's fault, also where there is a table for refused rows. */
static void a_page_that_cannot_be_read_is_no_rows_fault(void **state) {
    sink_fixture *f = *state;
    weir_sql_run(f->database,
                 "PRAGMA page_size=4096; CREATE TABLE t(a UNIQUE, b, c CHECK(a <> 2))");
    sink_open(f);
    weir_sink_counts counts;
    assert_int_equal(apply_three(f, &counts), WEIR_OK);
    assert_int_equal(counts.rejected, 1);
    sink_close(f);
    int64_t index = weir_sql_int(
        f->database, "SELECT rootpage FROM sqlite_schema WHERE name = 'sqlite_autoindex_t_1'");
    watched_begin();
    sink_open(f);
    rows_block b = three_rows(f, 2, 4);
    declare_both(f);
    watched_database.bad_page_at = (index - 1) * 4096;
    assert_int_equal(apply_all(f, &b, &counts), WEIR_IO);
    assert_int_equal(watched_database.bad_page_at, 0); /* it was asked for */
    assert_int_equal(apply_all(f, &b, &counts), WEIR_OK);
    assert_int_equal(counts.rejected, 0);
    rows_free(&b);
    sink_close(f);
    watched_end();
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM weir_reject"), 1);
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM t"), 5);
}

static void a_changed_schema_is_seen(void **state) {
    sink_fixture *f = *state;
    sink_open(f);
    weir_sink_counts counts;
    assert_int_equal(apply_three(f, &counts), WEIR_OK);
    weir_sql_run(f->database, "ALTER TABLE t DROP COLUMN b");
    rows_block b = three_rows(f, 2, 4);
    assert_int_equal(apply_all(f, &b, &counts), WEIR_SCHEMA);
    assert_non_null(strstr(f->error.text, "column b"));
    weir_sql_run(f->database, "ALTER TABLE t RENAME TO old"); /* a new one is made */
    assert_int_equal(apply_all(f, &b, &counts), WEIR_OK);
    rows_free(&b);
    sink_close(f);
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM t"), 3);
}

static void a_table_dropped_midway_does_not_outlive_rollback(void **state) {
    sink_fixture *f = *state;
    sink_open(f);
    weir_position at;
    assert_int_equal(f->sink.begin(f->sink.self, f->journal, &at, &f->error), WEIR_OK);
    weir_declaration *table;
    assert_int_equal(weir_declaration_make(1, "t", columns, 3, &table, &f->error), WEIR_OK);
    int status = f->sink.declare(f->sink.self, table, WEIR_DECLARE_NOW, &f->error);
    weir_declaration_free(table);
    assert_int_equal(status, WEIR_OK);
    f->sink.rollback(f->sink.self); /* takes the table with it */
    weir_sink_counts counts;
    assert_int_equal(apply_three(f, &counts), WEIR_OK);
    sink_close(f);
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM t"), 3);
}

static void positions_are_kept(void **state) {
    sink_fixture *f = *state;
    sink_open(f);
    weir_position *list, at, to = {{0}, 5, 70, UINT64_MAX - 3};
    weir_sink_counts counts;
    size_t count;
    assert_int_equal(weir_sqlite_positions(&f->sink, &list, &count, &f->error), WEIR_OK);
    assert_int_equal(count, 0);
    memcpy(to.journal, f->journal, 16);
    assert_int_equal(f->sink.begin(f->sink.self, f->journal, &at, &f->error), WEIR_OK);
    assert_int_equal(at.block, 0);
    assert_int_equal(f->sink.commit(f->sink.self, &to, &counts, &f->error), WEIR_OK);
    assert_int_equal(f->sink.begin(f->sink.self, f->journal, &at, &f->error), WEIR_OK);
    assert_memory_equal(&at, &to, sizeof at);
    f->sink.rollback(f->sink.self);
    assert_int_equal(weir_sqlite_positions(&f->sink, &list, &count, &f->error), WEIR_OK);
    assert_int_equal(count, 1);
    assert_memory_equal(list, &to, sizeof to);
    free(list);
    weir_sql_run(f->database, "UPDATE weir_position SET block = 'x'");
    assert_int_equal(f->sink.begin(f->sink.self, f->journal, &at, &f->error), WEIR_DATABASE);
    f->sink.rollback(f->sink.self);
    assert_int_equal(weir_sqlite_positions(&f->sink, &list, &count, &f->error), WEIR_DATABASE);
    assert_null(list);
    sink_close(f);
}

static void locks_are_waited_for_by_the_caller(void **state) {
    sink_fixture *f = *state;
    sink_open(f);
    f->other = open_plain(f->database);
    weir_position at;
    assert_int_equal(sqlite3_exec(f->other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(f->sink.begin(f->sink.self, f->journal, &at, &f->error), WEIR_BUSY);
    f->sink.rollback(f->sink.self);
    assert_int_equal(sqlite3_exec(f->other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    weir_sink_counts counts;
    assert_int_equal(apply_three(f, &counts), WEIR_OK);
    weir_sql_close(&f->other);
    sink_close(f);
}

static int64_t wal_bytes(sink_fixture *f) {
    char path[320];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s-wal", f->database);
    return stat(path, &st) ? -1 : (int64_t)st.st_size;
}

static void nobody_else_resets_the_wal(void **state) {
    sink_fixture *f = *state;
    sink_open(f);
    weir_sink_counts counts;
    uint64_t safe;
    assert_int_equal(apply_three(f, &counts), WEIR_OK);
    for (int i = 0; i < 2; i++) { /* before our first hardening, and after it */
        weir_sql_run(f->database, "CREATE TABLE IF NOT EXISTS own(x); INSERT INTO own VALUES(1)");
        int64_t before = wal_bytes(f);
        f->other = open_plain(f->database);
        (void)sqlite3_exec(f->other, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
        assert_true(wal_bytes(f) >= before && before > 0);
        weir_sql_close(&f->other);
        assert_int_equal(f->sink.checkpoint(f->sink.self, 1, &safe, &f->error), WEIR_OK);
        assert_int_equal(safe, 1);
    }
    sink_close(f);
}

static void a_commit_is_on_the_disk_when_it_returns(void **state) {
    sink_fixture *f = *state;
    watched_begin();
    sink_open(f);
    weir_sink_counts counts;
    for (uint64_t block = 1; block <= 3; block++) {
        unsigned before = watched_wal.writes;
        rows_block b = three_rows(f, block, 3 * block - 2);
        declare_both(f);
        assert_int_equal(apply_all(f, &b, &counts), WEIR_OK);
        rows_free(&b);
        assert_true(watched_wal.writes > before);
        assert_int_equal(watched_wal.unsynced, 0);
    }
    sink_close(f);
    watched_end();
}

static void a_full_disk_is_over_with_its_transaction(void **state) {
    sink_fixture *f = *state;
    watched_begin();
    sink_open(f);
    weir_sink_counts counts;
    declare_both(f);
    assert_int_equal(apply_three(f, &counts), WEIR_OK);
    rows_block b = three_rows(f, 2, 4);
    watched_wal.full = true;
    assert_int_equal(apply_all(f, &b, &counts), WEIR_NO_SPACE);
    assert_false(watched_wal.full); /* it was written to */
    assert_int_equal(apply_all(f, &b, &counts), WEIR_OK);
    rows_free(&b);
    sink_close(f);
    watched_end();
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM t"), 6);
}

static unsigned crashes;

/* What a power cut would leave now. */
static void look_at_what_is_on_the_disk(void *context) {
    const sink_fixture *f = context;
    char from[320], to[320];
    (void)snprintf(from, sizeof from, "%s-wal", f->database);
    (void)snprintf(to, sizeof to, "%s-wal", f->copy);
    (void)unlink(to);
    (void)unlink(f->copy);
    weir_file_copy_tree(f->database, f->copy);
    weir_file_copy_tree(from, to);
    assert_int_equal(
        weir_sql_int(f->copy, "SELECT (SELECT count(*) FROM t) - (SELECT row FROM weir_position)"),
        0);
    crashes++;
}

static void rows_and_position_reach_the_disk_together(void **state) {
    sink_fixture *f = *state;
    watched_begin();
    sink_open(f);
    weir_sink_counts counts;
    assert_int_equal(apply_three(f, &counts), WEIR_OK);
    watched_after_sync = look_at_what_is_on_the_disk;
    watched_context = f;
    crashes = 0;
    for (uint64_t block = 2; block <= 4; block++) {
        rows_block b = three_rows(f, block, 3 * block - 2);
        assert_int_equal(apply_all(f, &b, &counts), WEIR_OK);
        rows_free(&b);
    }
    assert_true(crashes >= 3);
    sink_close(f);
    watched_end();
}

/* SQLite syncs the file behind a checkpoint that comes to its end; what one has copied that a reader
 * kept from its end is synced by nobody but us. */
static void a_reader_holds_hardening_back(void **state) {
    sink_fixture *f = *state;
    watched_begin();
    sink_open(f);
    weir_sink_counts counts;
    uint64_t safe;
    assert_int_equal(apply_three(f, &counts), WEIR_OK);
    f->other = open_plain(f->database);
    assert_int_equal(sqlite3_exec(f->other, "BEGIN; SELECT count(*) FROM t", NULL, NULL, NULL),
                     SQLITE_OK);
    rows_block b = three_rows(f, 2, 4);
    assert_int_equal(apply_all(f, &b, &counts), WEIR_OK);
    assert_int_equal(f->sink.checkpoint(f->sink.self, 2, &safe, &f->error), WEIR_OK);
    assert_int_equal(safe, 0);
    assert_int_equal(
        sqlite3_exec(f->other, "COMMIT; BEGIN; SELECT count(*) FROM t", NULL, NULL, NULL),
        SQLITE_OK);
    b.header.block = 3;
    assert_int_equal(apply_all(f, &b, &counts), WEIR_OK);
    assert_int_equal(f->sink.checkpoint(f->sink.self, 3, &safe, &f->error), WEIR_OK);
    assert_int_equal(safe, 2); /* what the hardening before had begun */
    assert_true(watched_database.writes > 0);
    assert_int_equal(watched_database.unsynced, 0);
    weir_sql_close(&f->other);
    assert_int_equal(f->sink.checkpoint(f->sink.self, 3, &safe, &f->error), WEIR_OK);
    assert_int_equal(safe, 3);
    rows_free(&b);
    sink_close(f);
    watched_end();
}

static void a_moved_file_stops_everything(void **state) {
    sink_fixture *f = *state;
    sink_open(f);
    weir_sink_counts counts;
    uint64_t safe;
    weir_position at;
    assert_int_equal(apply_three(f, &counts), WEIR_OK);
    assert_int_equal(rename(f->database, f->copy), 0);
    assert_int_equal(f->sink.checkpoint(f->sink.self, 1, &safe, &f->error), WEIR_DATABASE);
    assert_int_equal(safe, 0);
    assert_int_equal(f->sink.begin(f->sink.self, f->journal, &at, &f->error), WEIR_DATABASE);
    f->sink.rollback(f->sink.self);
    sink_close(f);
}

static int try_open(sink_fixture *f, const char *path, bool must_exist) {
    weir_sink sink;
    weir_sqlite_config config = {.path = path, .must_exist = must_exist, .busy_timeout_ms = 100};
    f->error.text[0] = '\0';
    int status = weir_sqlite_sink_open(&config, &sink, NULL, &f->error);
    if (status == WEIR_OK)
        sink.close(sink.self);
    else
        assert_null(sink.self);
    return status;
}

static void what_cannot_be_opened(void **state) {
    sink_fixture *f = *state;
    char path[320];
    assert_int_equal(try_open(f, "", false), WEIR_MISUSE);
    assert_int_equal(try_open(f, f->database, true), WEIR_DATABASE);
    assert_non_null(strstr(f->error.text, "No such file"));
    (void)snprintf(path, sizeof path, "%s/none/run.db", f->directory);
    assert_int_equal(try_open(f, path, false), WEIR_DATABASE);
    assert_non_null(strstr(f->error.text, "directory"));
    assert_int_equal(try_open(f, f->directory, false), WEIR_DATABASE);
    weir_file_write(f->database, "this is a text file and surely no database, for it is prose", 59);
    assert_int_equal(try_open(f, f->database, false), WEIR_DATABASE);
    assert_non_null(strstr(f->error.text, "not a database"));
}

static void rows_that_cannot_be_are_damage(void **state) {
    sink_fixture *f = *state;
    sink_open(f);
    weir_sink_counts counts;
    weir_value v[] = {weir_int(1), weir_int(2), weir_int(3), weir_int(4)};
    declare_both(f);
    rows_block b = sink_rows(f, 1, 1);
    rows_add(&b, 3, v, 3); /* never declared */
    assert_int_equal(apply_all(f, &b, &counts), WEIR_DAMAGED);
    rows_free(&b);
    b = sink_rows(f, 1, 1);
    rows_add(&b, 1, v, 4); /* more than declared */
    assert_int_equal(apply_all(f, &b, &counts), WEIR_DAMAGED);
    rows_free(&b);
    b = sink_rows(f, 1, 1);
    rows_add(&b, 1, v, 2); /* fewer are NULL: a declaration grew */
    assert_int_equal(apply_all(f, &b, &counts), WEIR_OK);
    rows_free(&b);
    sink_close(f);
    assert_int_equal(weir_sql_int(f->database, "SELECT count(*) FROM t WHERE c IS NULL"), 1);
}

/* As another connection may make one; or a program, in its own. */
static void a_position_that_is_not_kept_is_told(void **state) {
    sink_fixture *f = *state;
    static const char *const triggers[] = {
        "CREATE TRIGGER w BEFORE INSERT ON weir_position BEGIN SELECT RAISE(IGNORE); END",
        "CREATE TRIGGER w AFTER INSERT ON weir_position BEGIN "
        "UPDATE weir_position SET block = block - 1; END"};
    weir_position at, to = {{0}, 5, 70, 3};
    weir_sink_counts counts;
    sink_open(f);
    memcpy(to.journal, f->journal, sizeof to.journal);
    assert_int_equal(f->sink.begin(f->sink.self, f->journal, &at, &f->error), WEIR_OK);
    assert_int_equal(f->sink.commit(f->sink.self, &to, &counts, &f->error), WEIR_OK);
    to.block = 6;
    for (size_t i = 0; i < sizeof triggers / sizeof *triggers; i++) {
        weir_sql_run(f->database, triggers[i]);
        assert_int_equal(f->sink.begin(f->sink.self, f->journal, &at, &f->error), WEIR_OK);
        assert_int_equal(at.block, 5);
        assert_int_equal(f->sink.commit(f->sink.self, &to, &counts, &f->error), WEIR_SCHEMA);
        assert_non_null(strstr(f->error.text, "drop the trigger"));
        f->sink.rollback(f->sink.self);
        weir_sql_run(f->database, "DROP TRIGGER w");
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, sink_set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(rows_come_out_as_one_at_a_time),
        TEST(refused_rows_tell_all),
        TEST(a_parent_must_have_the_lower_number),
        TEST(literals_read_as_sql),
        TEST(broken_schemas_stop_and_keep_rows),
        TEST(only_a_table_that_refused_a_row_is_fed_undoably),
        TEST(a_page_that_cannot_be_read_is_no_rows_fault),
        TEST(a_changed_schema_is_seen),
        TEST(a_table_dropped_midway_does_not_outlive_rollback),
        TEST(positions_are_kept),
        TEST(a_position_that_is_not_kept_is_told),
        TEST(locks_are_waited_for_by_the_caller),
        TEST(nobody_else_resets_the_wal),
        TEST(a_commit_is_on_the_disk_when_it_returns),
        TEST(a_full_disk_is_over_with_its_transaction),
        TEST(rows_and_position_reach_the_disk_together),
        TEST(a_reader_holds_hardening_back),
        TEST(a_moved_file_stops_everything),
        TEST(what_cannot_be_opened),
        TEST(rows_that_cannot_be_are_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
