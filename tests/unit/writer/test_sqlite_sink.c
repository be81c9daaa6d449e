/* test_sqlite_sink.c - rows into SQLite: in bulk, and exactly as if they came one at a time.
 *
 * The judge is SQLite itself: the same rows are inserted one at a time, each in a savepoint,
 * into a second file with the same schema. Tables, rowids and the set of refused rows must come
 * out equal. */
#include "support.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rows.h"
#include "watched_vfs.h"
#include "writer/sqlite/sqlite_sink.h"

static const uint8_t journal[16] = {7, 1, 7};
static const weir_column columns[] = {{"a", WEIR_INTEGER}, {"b", WEIR_TEXT}, {"c", WEIR_REAL}};
static const char *directory;
static char database[300], model[300];
static weir_declaration *tables[3]; /* numbers 1 and 2: t and u */
static weir_error error;

static int set_up(void **state) {
    (void)state;
    directory = weir_temp_make();
    (void)snprintf(database, sizeof database, "%s/run.db", directory);
    (void)snprintf(model, sizeof model, "%s/model.db", directory);
    if (weir_declaration_make(1, "t", columns, 3, &tables[1], &error) != WEIR_OK) return -1;
    return weir_declaration_make(2, "u", columns, 3, &tables[2], &error);
}

static int tear_down(void **state) {
    (void)state;
    weir_declaration_free(tables[1]);
    weir_declaration_free(tables[2]);
    weir_temp_remove(directory);
    return 0;
}

static weir_sink open_sink(void) {
    weir_sink sink;
    weir_sqlite_config config = {.path = database, .busy_timeout_ms = 1000};
    assert_int_equal(weir_sqlite_sink_open(&config, &sink, NULL, &error), WEIR_OK);
    return sink;
}

static void declare_both(const weir_sink *s) {
    for (int i = 1; i <= 2; i++)
        assert_int_equal(s->declare(s->self, tables[i], WEIR_DECLARE_WITH_ROWS, &error), WEIR_OK);
}

static sqlite3 *open_plain(const char *path) {
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "PRAGMA foreign_keys=ON; PRAGMA synchronous=OFF", NULL, NULL, NULL),
        SQLITE_OK);
    return db;
}

/* One transaction; the narrowing that replay would do is done here. */
static int apply_some(const weir_sink *s, const rows_block *b, uint64_t *row, uint64_t width,
                      weir_sink_counts *total) {
    weir_position at;
    weir_sink_counts counts = {0};
    int status = s->begin(s->self, journal, &at, &error);
    uint64_t end = b->header.first_row + b->header.rows - 1;
    weir_row_range range = {*row, *row + width - 1 < end ? *row + width - 1 : end};
    if (status == WEIR_OK) status = s->apply(s->self, &b->header, rows_body(b), range, &error);
    at.row = range.last;
    at.block = b->header.block;
    if (status == WEIR_OK) status = s->commit(s->self, &at, &counts, &error);
    if (status != WEIR_OK) {
        s->rollback(s->self);
        return status;
    }
    *row = range.last + 1;
    total->rows += counts.rows;
    total->rejected += counts.rejected;
    total->ignored += counts.ignored;
    return WEIR_OK;
}

static int apply_all(const weir_sink *s, const rows_block *b, weir_sink_counts *total) {
    uint64_t row = b->header.first_row, width = b->header.rows;
    *total = (weir_sink_counts){0};
    while (row < b->header.first_row + b->header.rows) {
        int status = apply_some(s, b, &row, width, total);
        if (status == WEIR_SINK_AGAIN)
            width = width > 1 ? width / 2 : 1;
        else if (status != WEIR_OK)
            return status;
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
                       tables[i]->name);
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

static char *text_of(sqlite3 *db, const char *sql) {
    sqlite3_stmt *s;
    sqlite3_str *out = sqlite3_str_new(NULL);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    while (sqlite3_step(s) == SQLITE_ROW)
        for (int i = 0; i < sqlite3_column_count(s); i++)
            sqlite3_str_appendf(out, "%s,", (const char *)sqlite3_column_text(s, i));
    (void)sqlite3_finalize(s);
    return sqlite3_str_finish(out);
}

static void assert_same(sqlite3 *ours, sqlite3 *theirs, const char *sql) {
    char *a = text_of(ours, sql), *b = text_of(theirs, sql);
    if (a || b) assert_string_equal(a ? a : "", b ? b : "");
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

static rows_block random_block(uint64_t seed, uint32_t rows) {
    weir_rng rng = {seed};
    rows_block b = rows_begin(journal, 1, 1);
    for (uint32_t i = 0; i < rows; i++) {
        weir_value v[3] = {random_value(&rng, false), random_value(&rng, true),
                           random_value(&rng, false)};
        rows_add(&b, (uint16_t)(1 + weir_rng_below(&rng, 2)), v, 3);
    }
    return b;
}

static void compare(const char *schema, uint64_t seed) {
    sqlite3 *ours = open_plain(database), *theirs = open_plain(model);
    assert_int_equal(sqlite3_exec(ours, schema, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(theirs, schema, NULL, NULL, NULL), SQLITE_OK);
    rows_block b = random_block(seed, 400);
    weir_sink s = open_sink();
    declare_both(&s);
    weir_sink_counts counts;
    uint64_t ignored;
    assert_int_equal(apply_all(&s, &b, &counts), WEIR_OK);
    char *refused = judge(theirs, &b, &ignored);

    assert_same(ours, theirs, "SELECT rowid, * FROM t ORDER BY rowid");
    assert_same(ours, theirs, "SELECT rowid, * FROM u ORDER BY rowid");
    assert_same(ours, theirs,
                "SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE 'weir%'"
                " AND name NOT LIKE 'sqlite_autoindex_weir%'");
    if (refused) {
        char *mine = text_of(ours, "SELECT row FROM weir_reject ORDER BY row");
        assert_string_equal(mine ? mine : "", refused);
        sqlite3_free(mine);
    }
    assert_int_equal(counts.rows, 400);
    assert_int_equal(counts.ignored, ignored);
    s.close(s.self);
    sqlite3_free(refused);
    rows_free(&b);
    (void)sqlite3_close(ours);
    (void)sqlite3_close(theirs);
}

static void compare_fresh(const char *schema, uint64_t seed) {
    void *none = NULL;
    if (seed > 1) {
        (void)tear_down(&none);
        assert_int_equal(set_up(&none), 0);
    }
    compare(schema, seed);
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
    (void)state;
    uint64_t seed = 0;
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++)
        compare_fresh(schemas[i], ++seed);
}

/* ---- by hand --------------------------------------------------------------------------------- */

static rows_block three_rows(uint64_t block, uint64_t first_row) {
    rows_block b = rows_begin(journal, block, first_row);
    for (int i = 0; i < 3; i++) {
        weir_value v[] = {weir_int((int64_t)first_row + i), weir_text("it's"), weir_real(0.5)};
        rows_add(&b, 1, v, 3);
    }
    return b;
}

static int apply_three(const weir_sink *s, weir_sink_counts *counts) {
    rows_block b = three_rows(1, 1);
    declare_both(s);
    int status = apply_all(s, &b, counts);
    rows_free(&b);
    return status;
}

static void refused_rows_tell_all(void **state) {
    (void)state;
    weir_sql_run(database, "CREATE TABLE t(a, b, c CHECK(a <> 2))");
    weir_sink s = open_sink();
    weir_sink_counts counts;
    assert_int_equal(apply_three(&s, &counts), WEIR_OK);
    assert_int_equal(counts.rejected, 1);
    s.close(s.self);
    assert_int_equal(weir_sql_int(database, "SELECT count(*) FROM t"), 2);
    assert_int_equal(
        weir_sql_int(database,
                     "SELECT row = 2 AND table_name = 't' AND code = 275 AND message LIKE 'CHECK "
                     "constraint failed%'"
                     " AND \"values\" = '2, ''it''''s'', 0.5' AND time_ns = 1700000000000000001"
                     " AND journal = X'07010700000000000000000000000000' AND length(record) > 10 "
                     "FROM weir_reject"),
        1);
}

static void a_parent_must_have_the_lower_number(void **state) {
    (void)state;
    weir_sql_run(database, "CREATE TABLE t(a INTEGER PRIMARY KEY, b, c REFERENCES t(a))");
    weir_value v[][3] = {
        {weir_int(1), weir_null(), weir_int(2)}, /* its parent comes in the same statement */
        {weir_int(2), weir_null(), weir_null()},
        {weir_int(3), weir_null(), weir_int(2)}};
    rows_block b = rows_begin(journal, 1, 1);
    for (int i = 0; i < 3; i++)
        rows_add(&b, 1, v[i], 3);
    weir_sink s = open_sink();
    weir_sink_counts counts;
    declare_both(&s);
    assert_int_equal(apply_all(&s, &b, &counts), WEIR_OK);
    s.close(s.self);
    rows_free(&b);
    assert_int_equal(weir_sql_int(database, "SELECT sum(a) FROM t"), 5);
    assert_int_equal(weir_sql_int(database, "SELECT sum(row) FROM weir_reject WHERE code = 787"),
                     1);
}

static void literals_read_as_sql(void **state) {
    (void)state;
    weir_sql_run(database, "CREATE TABLE t(a, b, c CHECK(0))");
    rows_block b = rows_begin(journal, 1, 1);
    weir_value v[][3] = {{weir_int(INT64_MIN), weir_text_n("a\0b", 3), weir_real(1.0 / 0.0)},
                         {weir_null(), weir_blob("\x00\xff", 2), weir_real(-0.25)},
                         {weir_int(7), weir_text(""), weir_blob("", 0)}};
    for (int i = 0; i < 3; i++)
        rows_add(&b, 1, v[i], 3);
    weir_sink s = open_sink();
    weir_sink_counts counts;
    declare_both(&s);
    assert_int_equal(apply_all(&s, &b, &counts), WEIR_OK);
    assert_int_equal(counts.rejected, 3);
    s.close(s.self);
    rows_free(&b);
    sqlite3 *db = open_plain(database);
    char *got = text_of(db, "SELECT \"values\" FROM weir_reject ORDER BY row");
    assert_string_equal(got, "-9223372036854775808, CAST(X'610062' AS TEXT), 9.0e+999,"
                             "NULL, X'00FF', -0.25,7, '', X'',");
    sqlite3_free(got);
    (void)sqlite3_close(db);
}

static void broken_schemas_stop_and_keep_rows(void **state) {
    (void)state;
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
        weir_sql_run(database, "DROP TABLE IF EXISTS t; DROP TABLE IF EXISTS weir_row_vtab_1");
        weir_sql_run(database, broken[i]);
        weir_sink s = open_sink();
        weir_sink_counts counts;
        assert_int_equal(apply_three(&s, &counts), WEIR_SCHEMA);
        s.close(s.self);
        assert_int_equal(
            weir_sql_int(database, "SELECT count(*) FROM sqlite_schema WHERE name = 'weir_reject'"),
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
    (void)state;
    weir_sql_run(database, "CREATE TABLE t(a UNIQUE, b NOT NULL, c CHECK(a <> 8))");
    assert_int_equal(sqlite3_auto_extension((void (*)(void))look_into), SQLITE_OK);
    weir_sink s = open_sink();
    sqlite3_reset_auto_extension();
    weir_sink_counts counts;
    declare_both(&s);
    for (uint64_t block = 1; block <= 4; block++) {
        rows_block b = three_rows(block, 3 * block - 2);
        savepoints = undoable = 0;
        assert_int_equal(apply_all(&s, &b, &counts), WEIR_OK);
        assert_int_equal(counts.rejected, block == 3);
        assert_int_equal(savepoints > 0, block >= 3);
        assert_int_equal(undoable > 0, block >= 3);
        rows_free(&b);
    }
    s.close(s.self);
    assert_int_equal(weir_sql_int(database, "SELECT count(*) FROM t"), 11);
    assert_int_equal(weir_sql_int(database, "SELECT row FROM weir_reject"), 8);
}

/* That the disk cannot be read is no row's fault, also where there is a table for refused rows. */
static void a_page_that_cannot_be_read_is_no_rows_fault(void **state) {
    (void)state;
    weir_sql_run(database, "PRAGMA page_size=4096; CREATE TABLE t(a UNIQUE, b, c CHECK(a <> 2))");
    weir_sink s = open_sink();
    weir_sink_counts counts;
    assert_int_equal(apply_three(&s, &counts), WEIR_OK);
    assert_int_equal(counts.rejected, 1);
    s.close(s.self);
    int64_t index = weir_sql_int(
        database, "SELECT rootpage FROM sqlite_schema WHERE name = 'sqlite_autoindex_t_1'");
    watched_begin();
    s = open_sink();
    rows_block b = three_rows(2, 4);
    declare_both(&s);
    watched_database.bad_page_at = (index - 1) * 4096;
    assert_int_equal(apply_all(&s, &b, &counts), WEIR_IO);
    assert_int_equal(watched_database.bad_page_at, 0); /* it was asked for */
    assert_int_equal(apply_all(&s, &b, &counts), WEIR_OK);
    assert_int_equal(counts.rejected, 0);
    rows_free(&b);
    s.close(s.self);
    watched_end();
    assert_int_equal(weir_sql_int(database, "SELECT count(*) FROM weir_reject"), 1);
    assert_int_equal(weir_sql_int(database, "SELECT count(*) FROM t"), 5);
}

static void a_changed_schema_is_seen(void **state) {
    (void)state;
    weir_sink s = open_sink();
    weir_sink_counts counts;
    assert_int_equal(apply_three(&s, &counts), WEIR_OK);
    weir_sql_run(database, "ALTER TABLE t DROP COLUMN b");
    rows_block b = three_rows(2, 4);
    assert_int_equal(apply_all(&s, &b, &counts), WEIR_SCHEMA);
    assert_non_null(strstr(error.text, "column b"));
    weir_sql_run(database, "ALTER TABLE t RENAME TO old"); /* a new one is made */
    assert_int_equal(apply_all(&s, &b, &counts), WEIR_OK);
    rows_free(&b);
    s.close(s.self);
    assert_int_equal(weir_sql_int(database, "SELECT count(*) FROM t"), 3);
}

static void a_table_dropped_midway_does_not_outlive_rollback(void **state) {
    (void)state;
    weir_sink s = open_sink();
    weir_position at;
    assert_int_equal(s.begin(s.self, journal, &at, &error), WEIR_OK);
    assert_int_equal(s.declare(s.self, tables[1], WEIR_DECLARE_NOW, &error), WEIR_OK);
    s.rollback(s.self); /* takes the table with it */
    weir_sink_counts counts;
    assert_int_equal(apply_three(&s, &counts), WEIR_OK);
    s.close(s.self);
    assert_int_equal(weir_sql_int(database, "SELECT count(*) FROM t"), 3);
}

static void positions_are_kept(void **state) {
    (void)state;
    weir_sink s = open_sink();
    weir_position *list, at, to = {{0}, 5, 70, UINT64_MAX - 3};
    weir_sink_counts counts;
    size_t count;
    assert_int_equal(weir_sqlite_positions(&s, &list, &count, &error), WEIR_OK);
    assert_int_equal(count, 0);
    memcpy(to.journal, journal, 16);
    assert_int_equal(s.begin(s.self, journal, &at, &error), WEIR_OK);
    assert_int_equal(at.block, 0);
    assert_int_equal(s.commit(s.self, &to, &counts, &error), WEIR_OK);
    assert_int_equal(s.begin(s.self, journal, &at, &error), WEIR_OK);
    assert_memory_equal(&at, &to, sizeof at);
    s.rollback(s.self);
    assert_int_equal(weir_sqlite_positions(&s, &list, &count, &error), WEIR_OK);
    assert_int_equal(count, 1);
    assert_memory_equal(list, &to, sizeof to);
    free(list);
    weir_sql_run(database, "UPDATE weir_position SET block = 'x'");
    assert_int_equal(s.begin(s.self, journal, &at, &error), WEIR_DATABASE);
    s.rollback(s.self);
    assert_int_equal(weir_sqlite_positions(&s, &list, &count, &error), WEIR_DATABASE);
    assert_null(list);
    s.close(s.self);
}

static void locks_are_waited_for_by_the_caller(void **state) {
    (void)state;
    weir_sink s = open_sink();
    sqlite3 *other = open_plain(database);
    weir_position at;
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(s.begin(s.self, journal, &at, &error), WEIR_BUSY);
    s.rollback(s.self);
    assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    weir_sink_counts counts;
    assert_int_equal(apply_three(&s, &counts), WEIR_OK);
    (void)sqlite3_close(other);
    s.close(s.self);
}

static int64_t wal_bytes(void) {
    char path[320];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s-wal", database);
    return stat(path, &st) ? -1 : (int64_t)st.st_size;
}

static void nobody_else_resets_the_wal(void **state) {
    (void)state;
    weir_sink s = open_sink();
    weir_sink_counts counts;
    uint64_t safe;
    assert_int_equal(apply_three(&s, &counts), WEIR_OK);
    for (int i = 0; i < 2; i++) { /* before our first hardening, and after it */
        weir_sql_run(database, "CREATE TABLE IF NOT EXISTS own(x); INSERT INTO own VALUES(1)");
        int64_t before = wal_bytes();
        sqlite3 *other = open_plain(database);
        (void)sqlite3_exec(other, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
        assert_true(wal_bytes() >= before && before > 0);
        (void)sqlite3_close(other);
        assert_int_equal(s.checkpoint(s.self, 1, &safe, &error), WEIR_OK);
        assert_int_equal(safe, 1);
    }
    s.close(s.self);
}

static void a_commit_is_on_the_disk_when_it_returns(void **state) {
    (void)state;
    watched_begin();
    weir_sink s = open_sink();
    weir_sink_counts counts;
    for (uint64_t block = 1; block <= 3; block++) {
        unsigned before = watched_wal.writes;
        rows_block b = three_rows(block, 3 * block - 2);
        declare_both(&s);
        assert_int_equal(apply_all(&s, &b, &counts), WEIR_OK);
        rows_free(&b);
        assert_true(watched_wal.writes > before);
        assert_int_equal(watched_wal.unsynced, 0);
    }
    s.close(s.self);
    watched_end();
}

static void a_full_disk_is_over_with_its_transaction(void **state) {
    (void)state;
    watched_begin();
    weir_sink s = open_sink();
    weir_sink_counts counts;
    declare_both(&s);
    assert_int_equal(apply_three(&s, &counts), WEIR_OK);
    rows_block b = three_rows(2, 4);
    watched_wal.full = true;
    assert_int_equal(apply_all(&s, &b, &counts), WEIR_NO_SPACE);
    assert_false(watched_wal.full); /* it was written to */
    assert_int_equal(apply_all(&s, &b, &counts), WEIR_OK);
    rows_free(&b);
    s.close(s.self);
    watched_end();
    assert_int_equal(weir_sql_int(database, "SELECT count(*) FROM t"), 6);
}

static unsigned crashes;

/* What a power cut would leave now. */
static void look_at_what_is_on_the_disk(void) {
    char from[320], to[320];
    (void)snprintf(from, sizeof from, "%s-wal", database);
    (void)snprintf(to, sizeof to, "%s-wal", model);
    (void)unlink(to);
    (void)unlink(model);
    weir_file_copy_tree(database, model);
    weir_file_copy_tree(from, to);
    assert_int_equal(
        weir_sql_int(model, "SELECT (SELECT count(*) FROM t) - (SELECT row FROM weir_position)"),
        0);
    crashes++;
}

static void rows_and_position_reach_the_disk_together(void **state) {
    (void)state;
    watched_begin();
    weir_sink s = open_sink();
    weir_sink_counts counts;
    assert_int_equal(apply_three(&s, &counts), WEIR_OK);
    watched_after_sync = look_at_what_is_on_the_disk;
    crashes = 0;
    for (uint64_t block = 2; block <= 4; block++) {
        rows_block b = three_rows(block, 3 * block - 2);
        assert_int_equal(apply_all(&s, &b, &counts), WEIR_OK);
        rows_free(&b);
    }
    assert_true(crashes >= 3);
    s.close(s.self);
    watched_end();
}

/* SQLite syncs the file behind a checkpoint that comes to its end; what one has copied that a reader
 * kept from its end is synced by nobody but us. */
static void a_reader_holds_hardening_back(void **state) {
    (void)state;
    watched_begin();
    weir_sink s = open_sink();
    weir_sink_counts counts;
    uint64_t safe;
    assert_int_equal(apply_three(&s, &counts), WEIR_OK);
    sqlite3 *reader = open_plain(database);
    assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM t", NULL, NULL, NULL),
                     SQLITE_OK);
    rows_block b = three_rows(2, 4);
    assert_int_equal(apply_all(&s, &b, &counts), WEIR_OK);
    assert_int_equal(s.checkpoint(s.self, 2, &safe, &error), WEIR_OK);
    assert_int_equal(safe, 0);
    assert_int_equal(
        sqlite3_exec(reader, "COMMIT; BEGIN; SELECT count(*) FROM t", NULL, NULL, NULL), SQLITE_OK);
    b.header.block = 3;
    assert_int_equal(apply_all(&s, &b, &counts), WEIR_OK);
    assert_int_equal(s.checkpoint(s.self, 3, &safe, &error), WEIR_OK);
    assert_int_equal(safe, 2); /* what the hardening before had begun */
    assert_true(watched_database.writes > 0);
    assert_int_equal(watched_database.unsynced, 0);
    (void)sqlite3_close(reader);
    assert_int_equal(s.checkpoint(s.self, 3, &safe, &error), WEIR_OK);
    assert_int_equal(safe, 3);
    rows_free(&b);
    s.close(s.self);
    watched_end();
}

static void a_moved_file_stops_everything(void **state) {
    (void)state;
    weir_sink s = open_sink();
    weir_sink_counts counts;
    uint64_t safe;
    weir_position at;
    assert_int_equal(apply_three(&s, &counts), WEIR_OK);
    assert_int_equal(rename(database, model), 0);
    assert_int_equal(s.checkpoint(s.self, 1, &safe, &error), WEIR_DATABASE);
    assert_int_equal(safe, 0);
    assert_int_equal(s.begin(s.self, journal, &at, &error), WEIR_DATABASE);
    s.rollback(s.self);
    s.close(s.self);
}

static int try_open(const char *path, bool must_exist) {
    weir_sink sink;
    weir_sqlite_config config = {.path = path, .must_exist = must_exist, .busy_timeout_ms = 100};
    error.text[0] = '\0';
    int status = weir_sqlite_sink_open(&config, &sink, NULL, &error);
    if (status == WEIR_OK)
        sink.close(sink.self);
    else
        assert_null(sink.self);
    return status;
}

static void what_cannot_be_opened(void **state) {
    (void)state;
    char path[320];
    assert_int_equal(try_open("", false), WEIR_MISUSE);
    assert_int_equal(try_open(database, true), WEIR_DATABASE);
    assert_non_null(strstr(error.text, "No such file"));
    (void)snprintf(path, sizeof path, "%s/none/run.db", directory);
    assert_int_equal(try_open(path, false), WEIR_DATABASE);
    assert_non_null(strstr(error.text, "directory"));
    assert_int_equal(try_open(directory, false), WEIR_DATABASE);
    weir_file_write(database, "this is a text file and surely no database, for it is prose", 59);
    assert_int_equal(try_open(database, false), WEIR_DATABASE);
    assert_non_null(strstr(error.text, "not a database"));
}

static void rows_that_cannot_be_are_damage(void **state) {
    (void)state;
    weir_sink s = open_sink();
    weir_sink_counts counts;
    weir_value v[] = {weir_int(1), weir_int(2), weir_int(3), weir_int(4)};
    declare_both(&s);
    rows_block b = rows_begin(journal, 1, 1);
    rows_add(&b, 3, v, 3); /* never declared */
    assert_int_equal(apply_all(&s, &b, &counts), WEIR_DAMAGED);
    rows_free(&b);
    b = rows_begin(journal, 1, 1);
    rows_add(&b, 1, v, 4); /* more than declared */
    assert_int_equal(apply_all(&s, &b, &counts), WEIR_DAMAGED);
    rows_free(&b);
    b = rows_begin(journal, 1, 1);
    rows_add(&b, 1, v, 2); /* fewer are NULL: a declaration grew */
    assert_int_equal(apply_all(&s, &b, &counts), WEIR_OK);
    rows_free(&b);
    s.close(s.self);
    assert_int_equal(weir_sql_int(database, "SELECT count(*) FROM t WHERE c IS NULL"), 1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
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
