/* test_transfer.c - rows that are transferred (writer/copy/record_copy.h) come out as rows that are fed.
 *
 * Two sinks get the same rows. One works as it does in use; the other's connection may attach
 * nothing, and so it feeds every row. What either makes of them must be equal: every table, every
 * rowid, every refused row. That the first does transfer is seen in the statements that it runs. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rows.h"
#include "same_rows.h"
#include "scarce.h"
#include "writer/copy/image.h"
#include "writer/copy/record_copy.h"
#include "writer/sqlite/sqlite_sink.h"

static const uint8_t journal[16] = {1, 2, 3};
static const char *directory;
static weir_error error;

typedef struct world {
    char path[300];
    weir_sink sink;
} world;
static world ours, fed;
static uint64_t next_block, next_row;

/* ---- no syncing -------------------------------------------------------------------------------- */

/* Nothing here is about the loss of power, and syncing would take most of the time. */
#define SEEN __attribute__((visibility("default"))) /* by the shared libraries */
SEEN int fsync(int fd) { return (void)fd, 0; }
SEEN int fdatasync(int fd) { return (void)fd, 0; }

/* ---- looking into the sink's connections ------------------------------------------------------ */

static bool attach_nothing;
static sqlite3 *writing;               /* ours: the connection that has an image */
static unsigned copies, offers, feeds; /* statements of ours, since they were set to 0 */

static int note_statement(unsigned kind, void *context, void *statement, void *text) {
    (void)kind, (void)statement;
    const char *sql = text;
    if (!sql) return 0; /* there was no memory */
    feeds += strstr(sql, " FROM weir_row_vtab_") != NULL;
    if (!strstr(sql, " FROM weir_image.t")) return 0;
    copies += strncmp(sql, "INSERT", 6) == 0;
    offers += strncmp(sql, "EXPLAIN", 7) == 0;
    writing = context;
    return 0;
}

static bool copy_pages; /* of images: they are not to be read in place */

static int allow_no_places(void *context, int action, const char *pragma, const char *value,
                           const char *schema, const char *trigger) {
    (void)context, (void)value, (void)trigger;
    bool denied = action == SQLITE_PRAGMA && sqlite3_stricmp(pragma, "mmap_size") == 0 && schema &&
                  strcmp(schema, "weir_image") == 0;
    return denied ? SQLITE_DENY : SQLITE_OK;
}

static int look_into(sqlite3 *db, const char **message, const void *api) {
    (void)message, (void)api;
    if (copy_pages) (void)sqlite3_set_authorizer(db, allow_no_places, NULL);
    if (attach_nothing) (void)sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    return attach_nothing ? SQLITE_OK : sqlite3_trace_v2(db, SQLITE_TRACE_STMT, note_statement, db);
}

/* Without SQLite's record copy, or a database beside another, rows are fed: the same comes of it. */
static bool copying;

static void assert_copies(unsigned expected) { assert_int_equal(copies, copying ? expected : 0); }
static void assert_copied(bool expected) { assert_int_equal(copies > 0, copying && expected); }

/* For who looks into the copy itself. */
#define NEEDS_COPIES                                                                               \
    do {                                                                                           \
        if (!copying) skip();                                                                      \
    } while (0)

static int look_into_all(void **state) {
    (void)state;
    copying = !sqlite3_compileoption_used("OMIT_XFER_OPT") &&
              !sqlite3_compileoption_used("MAX_ATTACHED=0");
    return sqlite3_auto_extension((void (*)(void))look_into);
}

/* ---- two sinks -------------------------------------------------------------------------------- */

static void open_one(world *w, bool attaches) {
    weir_sqlite_config config = {.path = w->path, .busy_timeout_ms = 1000};
    attach_nothing = !attaches;
    if (weir_sqlite_sink_open(&config, &w->sink, NULL, &error) != WEIR_OK)
        fail_msg("%s", error.text);
    attach_nothing = false;
}

static void open_both(void) {
    open_one(&ours, true);
    open_one(&fed, false);
}

static void close_both(void) {
    ours.sink.close(ours.sink.self);
    fed.sink.close(fed.sink.self);
    ours.sink.self = fed.sink.self = NULL;
}

static void begin_world(void) {
    directory = weir_temp_make();
    (void)snprintf(ours.path, sizeof ours.path, "%s/ours.db", directory);
    (void)snprintf(fed.path, sizeof fed.path, "%s/fed.db", directory);
    next_block = next_row = 1;
    copies = offers = 0;
}

static void end_world(void) {
    if (ours.sink.self) close_both();
    weir_temp_remove(directory);
}

static int set_up(void **state) {
    (void)state;
    begin_world();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    end_world();
    return 0;
}

static int compare_lengths(void *context, int a, const void *left, int b, const void *right) {
    (void)context, (void)left, (void)right;
    return a - b;
}

/* On connections of its own, as other programs have, with a collation that only they know. */
static int run(const char *path, const char *sql) {
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    (void)sqlite3_busy_timeout(db, 1000);
    (void)sqlite3_create_collation(db, "unheard_of", SQLITE_UTF8, NULL, compare_lengths);
    int code = sqlite3_exec(db, sql, NULL, NULL, NULL);
    (void)sqlite3_close(db);
    return code;
}

/* The same on both files; it may fail, but not on one alone. */
static void try_on_both(const char *sql) {
    assert_int_equal(run(ours.path, sql), run(fed.path, sql));
}

static void run_on_both(const char *sql) {
    assert_int_equal(run(ours.path, sql), SQLITE_OK);
    assert_int_equal(run(fed.path, sql), SQLITE_OK);
}

static weir_declaration *make(uint16_t table, const char *name, const weir_column *c, size_t n) {
    weir_declaration *d;
    if (weir_declaration_make(table, name, c, n, &d, &error) != WEIR_OK) fail_msg("%s", error.text);
    return d;
}

static void declare_both(uint16_t table, const char *name, const weir_column *c, size_t n) {
    weir_declaration *d = make(table, name, c, n);
    assert_int_equal(ours.sink.declare(ours.sink.self, d, WEIR_DECLARE_WITH_ROWS, &error), WEIR_OK);
    assert_int_equal(fed.sink.declare(fed.sink.self, d, WEIR_DECLARE_WITH_ROWS, &error), WEIR_OK);
    weir_declaration_free(d);
}

static int once(world *w, const rows_block *b, weir_row_range range, weir_sink_counts *counts) {
    weir_sink *s = &w->sink;
    weir_position at;
    int status = s->begin(s->self, journal, &at, &error);
    if (status == WEIR_OK) status = s->apply(s->self, &b->header, rows_body(b), range, &error);
    at.row = range.last;
    at.block = b->header.block;
    if (status == WEIR_OK) status = s->commit(s->self, &at, counts, &error);
    if (status != WEIR_OK) s->rollback(s->self);
    return status;
}

static bool expecting;

/* As replay announces a transaction's first block; one of so many rows is worth a look. */
static void expect(world *w, const rows_block *b) {
    weir_block_header large = b->header;
    large.rows = 100000;
    if (expecting) w->sink.expect(w->sink.self, &large, rows_body(b));
}

/* As replay narrows a transaction. */
static int load_one(world *w, const rows_block *b, weir_sink_counts *total) {
    uint64_t first = b->header.first_row, end = first + b->header.rows, width = b->header.rows;
    *total = (weir_sink_counts){0};
    expect(w, b);
    while (first < end) {
        weir_sink_counts counts = {0};
        uint64_t last = first + width < end ? first + width - 1 : end - 1;
        int status = once(w, b, (weir_row_range){first, last}, &counts);
        if (status == WEIR_SINK_AGAIN) {
            width = width > 1 ? width / 2 : 1;
            continue;
        }
        if (status != WEIR_OK) return status;
        first = last + 1;
        total->rows += counts.rows;
        total->rejected += counts.rejected;
        total->ignored += counts.ignored;
    }
    return WEIR_OK;
}

static rows_block begin_rows(void) { return rows_begin(journal, next_block, next_row); }

/* Into both, which must make the same of it; answers how many were refused. */
static int load_counted(rows_block *b, uint64_t *rejected) {
    weir_sink_counts mine, theirs;
    int status = load_one(&ours, b, &mine);
    if (load_one(&fed, b, &theirs) != status) fail_msg("%s", error.text);
    next_block++;
    next_row += b->header.rows;
    rows_free(b);
    if (status != WEIR_OK) return status;
    assert_int_equal(mine.rows, theirs.rows);
    assert_int_equal(mine.rejected, theirs.rejected);
    assert_int_equal(mine.ignored, theirs.ignored);
    *rejected = mine.rejected;
    return WEIR_OK;
}

static uint64_t load(rows_block *b) {
    uint64_t rejected = 0;
    if (load_counted(b, &rejected) != WEIR_OK) fail_msg("%s", error.text);
    return rejected;
}

/* ---- comparing -------------------------------------------------------------------------------- */

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql, const char *name) {
    sqlite3_stmt *s = NULL;
    char *text = sqlite3_mprintf(sql, name);
    (void)sqlite3_prepare_v2(db, text, -1, &s, NULL);
    sqlite3_free(text);
    return s;
}

/* The order in which refused rows come into their table is no promise; the rows are. */
static void same_table(sqlite3 *a, sqlite3 *b, const char *name) {
    const char *sql = "SELECT rowid, * FROM main.\"%w\" ORDER BY rowid";
    if (strcmp(name, "weir_reject") == 0)
        sql = "SELECT journal, row, time_ns, table_name, code, message, \"values\", record FROM "
              "\"%w\""
              " ORDER BY row";
    sqlite3_stmt *first = prepare(a, sql, name);
    if (!first) sql = "SELECT * FROM main.\"%w\" ORDER BY 1"; /* WITHOUT ROWID */
    if (!first) first = prepare(a, sql, name);
    (void)same_rows(first, prepare(b, sql, name));
}

static void same_databases(void) {
    sqlite3 *a, *b;
    assert_int_equal(sqlite3_open(ours.path, &a), SQLITE_OK);
    assert_int_equal(sqlite3_open(fed.path, &b), SQLITE_OK);
    static const char schema[] = "SELECT type, name, sql FROM sqlite_schema ORDER BY name%.0s";
    (void)same_rows(prepare(a, schema, ""), prepare(b, schema, ""));
    sqlite3_stmt *tables =
        prepare(a, "SELECT name FROM sqlite_schema WHERE type = 'table'%.0s", "");
    while (sqlite3_step(tables) == SQLITE_ROW)
        same_table(a, b, (const char *)sqlite3_column_text(tables, 0));
    (void)sqlite3_finalize(tables);
    (void)sqlite3_close(a);
    (void)sqlite3_close(b);
}

static int64_t in_ours(const char *sql) { return weir_sql_int(ours.path, sql); }

/* ---- one table, many shapes ------------------------------------------------------------------- */

static const weir_column abc[] = {{"a", WEIR_INTEGER}, {"b", WEIR_TEXT}, {"c", WEIR_REAL}};
static const weir_column keyed[] = {{"a", WEIR_KEY}, {"b", WEIR_TEXT}, {"c", WEIR_REAL}};

/* Rows as a program would append them, with one now and then that it should not have. */
static rows_block some_rows(uint16_t table, int64_t first, int64_t rows, bool odd) {
    rows_block b = begin_rows();
    for (int64_t i = first; i < first + rows; i++) {
        weir_value v[] = {weir_int(i), weir_text(i % 3 ? "text" : "TEXT"),
                          weir_real((double)i / 4)};
        if (odd && i % 16 == 5) v[2] = weir_int(i);
        if (odd && i % 16 == 7) v[1] = weir_null();
        if (odd && i % 16 == 9) v[1] = weir_int(i);
        rows_add(&b, table, v, 3);
    }
    return b;
}

typedef struct shape {
    const char *schema;
    const weir_column *columns;
    bool copied;
} shape;

static const shape shapes[] = {
    {"", abc, true},
    {"", keyed, true},
    {"CREATE TABLE t(a INTEGER, b TEXT, c REAL)", abc, true},
    {"CREATE TABLE t(A BIGINT, B VARCHAR(9), C DOUBLE PRECISION)", abc, true},
    {"CREATE TABLE t(a INTEGER, b TEXT COLLATE NOCASE, c REAL)", abc, true},
    {"CREATE TABLE t(a INTEGER, b TEXT COLLATE unheard_of, c REAL)", abc, true},
    {"CREATE TABLE t(a INTEGER NOT NULL, b TEXT NOT NULL, c REAL)", abc, true},
    {"CREATE TABLE t(a INTEGER PRIMARY KEY ON CONFLICT ROLLBACK, b TEXT, c REAL)", keyed, true},
    {"CREATE TABLE t(a, b, c)", abc, false},
    {"CREATE TABLE t(a NUMERIC, b TEXT, c REAL)", abc, false},
    {"CREATE TABLE t(a INTEGER, b TEXT, c BLOB)", abc, false},
    {"CREATE TABLE t(c REAL, b TEXT, a INTEGER)", abc, false},
    {"CREATE TABLE t(a INTEGER, c REAL, b TEXT)", abc, false},
    {"CREATE TABLE t(a INTEGER, b TEXT, c REAL, d)", abc, false},
    {"CREATE TABLE t(a INTEGER, b TEXT, c REAL, d AS (a + 1) STORED)", abc, false},
    {"CREATE TABLE t(a INTEGER, b TEXT DEFAULT 'x', c REAL DEFAULT 7)", abc, false},
    {"CREATE TABLE t(a INTEGER, b TEXT NOT NULL ON CONFLICT REPLACE DEFAULT 'x', c REAL)", abc,
     false},
    {"CREATE TABLE t(a INTEGER, b TEXT, c REAL CHECK(c < 30))", abc, false},
    {"CREATE TABLE t(a INTEGER, b TEXT, c REAL UNIQUE)", abc, false},
    {"CREATE TABLE t(a INTEGER, b TEXT UNIQUE ON CONFLICT IGNORE, c REAL)", abc, false},
    {"CREATE TABLE t(a INTEGER, b TEXT, c REAL); CREATE INDEX i ON t(b, c)", abc, false},
    {"CREATE TABLE t(a INTEGER, b TEXT, c REAL); CREATE INDEX i ON t(abs(a)) WHERE b > 'a'", abc,
     false},
    {"CREATE TABLE t(a INTEGER, b TEXT, c REAL) STRICT", abc, false},
    {"CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c REAL)", abc, false},
    {"CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c REAL) WITHOUT ROWID", abc, false},
    {"CREATE TABLE t(a INTEGER PRIMARY KEY AUTOINCREMENT, b TEXT, c REAL)", keyed, false},
    {"CREATE TABLE t(a INTEGER PRIMARY KEY ON CONFLICT IGNORE, b TEXT, c REAL)", keyed, false},
    {"CREATE TABLE t(a INTEGER PRIMARY KEY ON CONFLICT REPLACE, b TEXT, c REAL)", keyed, false},
    {"CREATE TABLE t(a INTEGER, b TEXT, c REAL); CREATE TABLE log(n);"
     "CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO log VALUES(new.a); END",
     abc, false},
    {"CREATE TABLE p(x UNIQUE); CREATE TABLE t(a INTEGER, b TEXT REFERENCES p(x), c REAL)", abc,
     false},
    {"PRAGMA encoding = 'UTF-16'; CREATE TABLE t(a INTEGER, b TEXT, c REAL)", abc, false},
};

static void load_a_shape(const shape *s) {
    run_on_both(s->schema);
    open_both();
    declare_both(1, "t", s->columns, 3);
    for (int64_t i = 0; i < 4; i++) {
        rows_block b = some_rows(1, 1 + i * 40, 40, i == 1 || i == 3);
        (void)load(&b);
        if (i > 0) continue;
        bool there = expecting && s->schema[0]; /* else this transaction met the table */
        assert_copied(there && s->copied);
    }
    if ((copies > 0) != (s->copied && copying)) fail_msg("%s: %u copies", s->schema, copies);
    rows_block b = some_rows(1, 81, 50, true); /* keys that are there, among others that are not */
    (void)load(&b);
    same_databases();
}

static void tables_of_every_shape(void **state) {
    (void)state;
    for (size_t i = 0; i < 2 * (sizeof shapes / sizeof *shapes); i++) {
        expecting = i % 2;
        begin_world();
        load_a_shape(&shapes[i / 2]);
        end_world();
    }
    expecting = false;
}

/* To look at the tables costs more than to feed so few, and what the schema has become meanwhile
 * counts. */
static void only_many_rows_are_expected_and_nothing_is_taken_for_granted(void **state) {
    (void)state;
    run_on_both("CREATE TABLE t(a INTEGER, b TEXT, c REAL)");
    open_both();
    declare_both(1, "t", abc, 3);
    rows_block few = some_rows(1, 1, 40, false), more;
    ours.sink.expect(ours.sink.self, &few.header, rows_body(&few));
    (void)load(&few);
    assert_copies(0);
    close_both();
    open_both();
    declare_both(1, "t", abc, 3);
    more = some_rows(1, 41, 40, false);
    expecting = true;
    expect(&ours, &more);
    expecting = false;
    assert_int_equal(offers, 0);
    run_on_both(
        "DROP TABLE t; CREATE TABLE t(a INTEGER, b TEXT UNIQUE ON CONFLICT REPLACE, c REAL)");
    (void)load(&more);
    assert_copies(0);
    same_databases();
}

/* ---- rows that do not go the plain way -------------------------------------------------------- */

static void a_key_that_is_there_costs_that_row_alone(void **state) {
    (void)state;
    open_both();
    declare_both(1, "t", keyed, 3);
    rows_block b = some_rows(1, 1, 1, false);
    (void)load(&b);
    run_on_both("INSERT INTO t VALUES(57, 'was here', 0)");
    b = some_rows(1, 2, 100, false);
    assert_int_equal(load(&b), 1);
    assert_copied(true);
    assert_int_equal(in_ours("SELECT count(*) FROM t"), 101);
    assert_int_equal(in_ours("SELECT count(*) FROM weir_reject"), 1);
    assert_int_equal(in_ours("SELECT row FROM weir_reject"), 57);
    assert_int_equal(in_ours("SELECT b = 'was here' FROM t WHERE a = 57"), 1);
    same_databases();
}

/* Rows that the image refuses stand among others, and the others wait for their turn no longer. */
static void rows_keep_their_order_around_one_that_does_not_fit(void **state) {
    (void)state;
    open_both();
    declare_both(1, "t", abc, 3);
    rows_block b = some_rows(1, 0, 10, false);
    (void)load(&b);
    for (int64_t at = 0; at < 3; at++) {
        b = begin_rows();
        for (int64_t i = 0; i < 20; i++) {
            weir_value v[] = {weir_int(i), weir_text("x"), weir_real(1)};
            if (i == 19 * at / 2) v[2] = weir_text("not a number");
            rows_add(&b, 1, v, 3);
        }
        copies = 0;
        (void)load(&b);
        assert_copies(at > 0); /* with the first row nothing waits */
    }
    assert_int_equal(
        in_ours("SELECT count(*) FROM t WHERE rowid <> 1 + a + CASE WHEN rowid > 50 THEN 50"
                " WHEN rowid > 30 THEN 30 WHEN rowid > 10 THEN 10 ELSE 0 END"),
        0);
    same_databases();
}

static const weir_column child[] = {{"id", WEIR_INTEGER}, {"p", WEIR_INTEGER}};
static const weir_column parent[] = {{"id", WEIR_KEY}};
static const weir_column triggered[] = {{"n", WEIR_INTEGER}};

/* Between a plain parent, its children, a table whose trigger looks at the parent, and one that
 * nothing concerns. */
static void children_find_parents_of_lower_numbers_only(void **state) {
    (void)state;
    run_on_both("CREATE TABLE c(id INTEGER, p INTEGER REFERENCES p(id));"
                "CREATE TABLE p(id INTEGER PRIMARY KEY);"
                "CREATE TABLE g(n INTEGER); CREATE TABLE seen(n, parents);"
                "CREATE TRIGGER t AFTER INSERT ON g BEGIN"
                " INSERT INTO seen SELECT new.n, count(*) FROM p; END");
    open_both();
    declare_both(1, "c", child, 2);
    declare_both(2, "p", parent, 1);
    declare_both(3, "g", triggered, 1);
    declare_both(4, "plain", triggered, 1);
    weir_rng rng = {17};
    int64_t id = 0;
    uint64_t rejected = 0, expected = 0;
    for (int tx = 0; tx < 8; tx++) {
        rows_block b = begin_rows();
        for (uint64_t i = 0; i < 40; i++) {
            uint64_t which =
                weir_rng_below(&rng, tx % 2 ? 12 : 40); /* long runs of parents, or short */
            int64_t wanted = id + 1 - (int64_t)weir_rng_below(&rng, 2);
            weir_value v[] = {weir_int((int64_t)i), weir_int(wanted)};
            weir_value next = weir_int(id + 1);
            if (which == 0) expected += wanted < 1 || wanted > id;
            if (which < 2)
                rows_add(&b, which ? 3 : 1, v, which ? 1 : 2);
            else
                rows_add(&b, which == 2 ? 4 : 2, which == 2 ? v : &next, 1);
            id += which > 2;
        }
        rejected += load(&b);
        same_databases();
    }
    assert_int_equal(rejected, expected);
    assert_in_range(expected, 1, 100);
    assert_copied(true);
    assert_true(in_ours("SELECT count(*) FROM c") > 0);
}

/* ---- a schema that changes -------------------------------------------------------------------- */

static void an_index_of_another_connection_is_seen(void **state) {
    (void)state;
    open_both();
    declare_both(1, "t", abc, 3);
    for (int64_t i = 0; i < 2; i++) {
        rows_block b = some_rows(1, i * 10, 10, false);
        (void)load(&b);
    }
    assert_copies(1);
    run_on_both("CREATE UNIQUE INDEX i ON t(a)");
    for (int i = 0; i < 2; i++) {
        rows_block b = some_rows(1, 15, 10, false);
        assert_int_equal(load(&b), i ? 10 : 5);
    }
    assert_copies(1);
    run_on_both("DROP INDEX i");
    for (int i = 0; i < 2; i++) {
        rows_block b = some_rows(1, 15, 10, false);
        assert_int_equal(load(&b), 0);
    }
    assert_copies(2);
    same_databases();
}

static void a_table_made_anew_with_other_columns(void **state) {
    (void)state;
    static const weir_column two[] = {{"a", WEIR_INTEGER}, {"b", WEIR_INTEGER}};
    static const char *const anew[] = {
        "CREATE TABLE t(a INTEGER, b INTEGER)",
        "CREATE TABLE t(b INTEGER, a INTEGER)",
        "CREATE TABLE t(a INTEGER NOT NULL, b INTEGER)",
        "CREATE TABLE t(a INTEGER, b INTEGER COLLATE NOCASE)",
        "CREATE TABLE t(a INTEGER UNIQUE, b INTEGER)",
        "CREATE TABLE t(a INTEGER, b INTEGER)",
    };
    open_both();
    declare_both(1, "t", two, 2);
    int64_t n = 0;
    for (size_t i = 0; i < sizeof anew / sizeof *anew; i++) {
        run_on_both("DROP TABLE IF EXISTS t");
        run_on_both(anew[i]);
        for (int tx = 0; tx < 3; tx++) {
            rows_block b = begin_rows();
            for (int row = 0; row < 5; row++, n++)
                rows_add(&b, 1, (const weir_value[]){weir_int(n), weir_int(-n)}, 2);
            copies = 0;
            (void)load(&b);
            assert_copies(tx > 0 && i != 1 && i != 4);
        }
        assert_int_equal(in_ours("SELECT sum(a + b = 0 AND a >= b) FROM t"), 15);
        same_databases();
    }
}

/* A program that was changed declares more columns, and rows of both versions may come mixed: the
 * declarations have numbers of their own, the table is one. */
static void rows_of_a_table_that_grew_keep_their_order(void **state) {
    (void)state;
    open_both();
    declare_both(1, "t", abc, 2);
    rows_block b = some_rows(1, 0, 0, false);
    for (int tx = 0; tx < 6; tx++) {
        if (tx == 2) declare_both(2, "t", abc, 3);
        if (tx == 4) declare_both(3, "T", abc, 3);
        b = begin_rows();
        for (int64_t i = 0; i < 30; i++) {
            weir_value v[] = {weir_int((int64_t)next_row + i), weir_text("x"), weir_real(2)};
            uint16_t table = (uint16_t)(tx < 2 ? 1 : tx < 4 ? 1 + i / 4 % 2 : 1 + i / 4 % 3);
            rows_add(&b, table, v, table == 1 ? 2 : 3);
        }
        (void)load(&b);
        same_databases();
    }
    assert_int_equal(in_ours("SELECT count(*) FROM t WHERE rowid <> a"), 0);
    assert_int_equal(in_ours("SELECT max(a) FROM t"), 180);
    for (int tx = 0; tx < 2; tx++) { /* once the old version is gone it is fast again */
        b = some_rows(2, (int64_t)next_row, 10, false);
        copies = 0;
        (void)load(&b);
    }
    assert_copies(1);
    assert_int_equal(in_ours("SELECT count(*) FROM t WHERE rowid <> a"), 0);
}

static int apply_in(world *w, const rows_block *b) {
    weir_row_range all = {b->header.first_row, UINT64_MAX};
    return w->sink.apply(w->sink.self, &b->header, rows_body(b), all, &error);
}

/* One transaction: rows, the declaration of more columns, more rows. */
static void grow_within(world *w, uint16_t number, const rows_block *before,
                        const rows_block *after) {
    weir_declaration *wide = make(number, "t", abc, 3);
    weir_position at;
    weir_sink_counts counts;
    weir_sink *s = &w->sink;
    int status;
    do {
        status = s->begin(s->self, journal, &at, &error);
        if (status == WEIR_OK) status = apply_in(w, before);
        if (status == WEIR_OK) status = s->declare(s->self, wide, WEIR_DECLARE_NOW, &error);
        if (status == WEIR_OK) status = apply_in(w, after);
        if (status == WEIR_OK) status = s->commit(s->self, &at, &counts, &error);
        if (status != WEIR_OK) s->rollback(s->self);
    } while (status == WEIR_SINK_AGAIN);
    assert_int_equal(status, WEIR_OK);
    assert_int_equal(counts.rows, 20);
    weir_declaration_free(wide);
}

static rows_block narrow_rows(uint64_t first) {
    rows_block b = rows_begin(journal, next_block++, first);
    for (int64_t i = 0; i < 10; i++)
        rows_add(&b, 1, (const weir_value[]){weir_int((int64_t)first + i), weir_text("x")}, 2);
    return b;
}

static void a_table_grows_within_a_transaction(void **state) {
    (void)state;
    for (uint16_t number = 1; number <= 2; number++) {
        if (number > 1) begin_world();
        open_both();
        declare_both(1, "t", abc, 2);
        for (int tx = 0; tx < 2; tx++) {
            rows_block b = narrow_rows(next_row);
            (void)load(&b);
        }
        assert_copies(1);
        rows_block before = narrow_rows(next_row), after = some_rows(number, 31, 10, false);
        after.header.first_row = 31;
        grow_within(&ours, number, &before, &after);
        grow_within(&fed, number, &before, &after);
        rows_free(&before);
        rows_free(&after);
        next_row += 20;
        copies = 0;
        for (int64_t tx = 0; tx < 2; tx++) {
            rows_block b = some_rows(number, 41 + 10 * tx, 10, false);
            (void)load(&b);
        }
        assert_copied(true);
        assert_true(copies <= 2);
        assert_int_equal(in_ours("SELECT count(*) FROM t WHERE rowid = a + (a = 0)"), 60);
        same_databases();
        if (number == 1) end_world();
    }
}

/* ---- transactions that end otherwise ---------------------------------------------------------- */

static void what_is_rolled_back_is_gone(void **state) {
    (void)state;
    open_both();
    declare_both(1, "t", abc, 3);
    rows_block b = some_rows(1, 1, 10, false);
    (void)load(&b);
    rows_block lost = some_rows(1, 1000, 30, false);
    weir_position at;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ours.sink.begin(ours.sink.self, journal, &at, &error), WEIR_OK);
        assert_int_equal(apply_in(&ours, &lost), WEIR_OK);
        ours.sink.rollback(ours.sink.self);
        b = some_rows(1, 100, 5, false);
        (void)load(&b);
    }
    rows_free(&lost);
    b = some_rows(1, 200, 5, false);
    (void)load(&b);
    assert_copied(true);
    same_databases();
}

static void a_locked_database_is_waited_for(void **state) {
    (void)state;
    open_both();
    declare_both(1, "t", abc, 3);
    for (int64_t i = 0; i < 6; i++) {
        sqlite3 *other;
        weir_sink_counts counts;
        rows_block b = some_rows(1, 10 * i, 10, false);
        assert_int_equal(sqlite3_open(ours.path, &other), SQLITE_OK);
        assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
        assert_int_equal(load_one(&ours, &b, &counts), WEIR_BUSY);
        (void)sqlite3_close(other);
        (void)load(&b);
        b = some_rows(1, 10 * i, 7, false);
        (void)load(&b);
    }
    assert_copies(11); /* all but the first; who was refused need not look again */
    same_databases();
}

/* ---- much of it ------------------------------------------------------------------------------- */

static void more_tables_than_there_are_slots(void **state) {
    (void)state;
    enum { TABLES = 70 };
    open_both();
    char name[16];
    for (uint16_t i = 1; i <= TABLES; i++) {
        (void)snprintf(name, sizeof name, "t%u", i); /* also names that the image has */
        declare_both(i, name, i % 2 ? abc : keyed, 3);
    }
    for (int64_t tx = 0; tx < 3; tx++) {
        rows_block b = begin_rows();
        for (int64_t row = 0; row < 3; row++)
            for (uint16_t i = 1; i <= TABLES; i++)
                rows_add(
                    &b, i,
                    (const weir_value[]){weir_int(tx * 3 + row), weir_text(name), weir_real(i)}, 3);
        copies = 0;
        (void)load(&b);
        assert_copies(tx ? WEIR_IMAGE_TABLES : 0);
    }
    same_databases();
}

static const weir_column wide[] = {{"a", WEIR_INTEGER}, {"b", WEIR_BLOB}};

/* Each takes a page of an image. */
static void add_wide(rows_block *b, uint16_t table, int64_t number) {
    static uint8_t bytes[30000];
    memset(bytes, (int)(number & 255), sizeof bytes);
    weir_value v[] = {weir_int(number), weir_blob(bytes, sizeof bytes)};
    rows_add(b, table, v, 2);
}

static void more_rows_than_the_image_holds(void **state) {
    (void)state;
    open_both();
    declare_both(1, "t", wide, 2);
    declare_both(2, "u", triggered, 1);
    for (int64_t tx = 0; tx < 3; tx++) {
        rows_block b = begin_rows();
        for (int64_t i = 0; i < (tx == 1 ? 300 : 5); i++) { /* 9 MB */
            weir_value v = weir_int(tx * 10000 + i);
            add_wide(&b, 1, v.as.integer);
            if (i % 3 == 0) rows_add(&b, 2, &v, 1);
        }
        copies = 0;
        (void)load(&b);
        assert_copies(tx ? 2 : 0);
    }
    assert_int_equal(in_ours("SELECT count(*) FROM (SELECT a < lag(a) OVER (ORDER BY rowid) AS back"
                             " FROM t) WHERE back"),
                     0);
    assert_int_equal(in_ours("SELECT count(*) FROM t"), 310);
    same_databases();
}

static int64_t cache_size(void) {
    sqlite3_stmt *s = prepare(writing, "PRAGMA main.cache_size%.0s", "");
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    int64_t size = -sqlite3_column_int64(s, 0);
    (void)sqlite3_finalize(s);
    return size;
}

/* What the transaction was that came last. */
static void expect_scattered(bool yes) {
    weir_batch_limit a = ours.sink.batch_limit(ours.sink.self);
    assert_int_equal(a.rows, yes ? 262144 : 65536);
    assert_int_equal(cache_size(), yes ? 64000 : 16000);
}

static void load_keys(int64_t rows, int64_t first, int64_t step) {
    rows_block b = begin_rows();
    for (int64_t i = 0; i < rows; i++) {
        weir_value v[] = {weir_int(first + i * step), weir_text("text"), weir_real(0.5)};
        rows_add(&b, 1, v, 3);
    }
    assert_int_equal(load(&b), 0);
}

static void where_rows_go_all_over_the_file_more_go_at_once(void **state) {
    (void)state;
    NEEDS_COPIES;
    open_both();
    declare_both(1, "t", keyed, 3);
    load_keys(10, 1, 1);
    load_keys(100, 100000, 1);
    expect_scattered(false);
    load_keys(100, 99000, -1);
    expect_scattered(false);
    load_keys(100, 98000, -1);
    expect_scattered(true); /* since those before came in no order */
    weir_position at;
    assert_int_equal(ours.sink.begin(ours.sink.self, journal, &at, &error), WEIR_OK);
    ours.sink.rollback(ours.sink.self); /* without rows it says nothing */
    load_keys(100, 200000, 1);
    expect_scattered(true);
    load_keys(100, 300000, 1);
    expect_scattered(false);
    run_on_both("CREATE INDEX i ON t(b)");
    load_keys(1, 400000, 1);
    load_keys(1, 500000, 1);
    expect_scattered(true);
    same_databases();
}

/* From the second copy on it is known that SQLite reads in place. */
static void a_large_transaction_is_copied_as_it_comes(void **state) {
    (void)state;
    NEEDS_COPIES;
    open_both();
    declare_both(1, "t", abc, 3);
    declare_both(2, "w", wide, 2);
    for (int64_t tx = 0; tx < 4; tx++) {
        rows_block b = some_rows(1, tx * 100000, tx == 2 ? 20000 : 10, false);
        for (int64_t i = 0; i < (tx == 2 ? 300 : 1); i++) /* 9 MB, more than an image holds */
            add_wide(&b, 2, tx * 10000 + i);
        copies = feeds = 0;
        (void)load(&b);
        assert_int_equal(feeds > 0, tx == 0);
        if (tx == 2)
            assert_true(copies > 30);
        else
            assert_copies(tx ? 2 : 0);
    }
    assert_int_equal(in_ours("SELECT count(*) FROM t"), 20030);
    assert_int_equal(in_ours("SELECT count(*) FROM w"), 303);
    same_databases();
}

/* As by a library that was compiled without reading in place. */
static void where_pages_are_copied_it_is_copied_at_the_end(void **state) {
    (void)state;
    NEEDS_COPIES;
    copy_pages = true;
    open_both();
    copy_pages = false;
    declare_both(1, "t", abc, 3);
    for (int64_t tx = 0; tx < 4; tx++) {
        rows_block b = some_rows(1, tx * 100000, tx ? 20000 : 1, false);
        copies = feeds = 0;
        (void)load(&b);
        assert_copies(tx ? 1 : 0);
        assert_int_equal(feeds, tx ? 0 : 1);
    }
    same_databases();
}

/* ---- an image that is not read as it was written ---------------------------------------------- */

static const sqlite3_io_methods *sound;
static enum bent { LOST_ROW, NONSENSE, UNREADABLE } bent;
static unsigned bent_reads, bent_most; /* in a transaction */

static int fetch_bent(sqlite3_file *f, sqlite3_int64 offset, int bytes, void **page) {
    static uint8_t copy[WEIR_IMAGE_PAGES][WEIR_IMAGE_PAGE];
    int code = sound->xFetch(f, offset, bytes, page);
    if (code != SQLITE_OK || !*page) return code;
    uint8_t *to = copy[offset / WEIR_IMAGE_PAGE];
    memcpy(to, *page, (size_t)bytes);
    *page = to;
    if ((bent == LOST_ROW && to[0] != 13) || bent_reads == bent_most) return code;
    bent_reads++;
    if (bent == NONSENSE) memset(to, 0x55, (size_t)bytes);
    if (bent == LOST_ROW) to[4]--; /* how many cells a leaf has */
    return bent == UNREADABLE ? SQLITE_IOERR_READ : code;
}

static const sqlite3_io_methods *exchange_methods(const sqlite3_io_methods *methods) {
    sqlite3_file *f = NULL;
    assert_int_equal(sqlite3_file_control(writing, "weir_image", SQLITE_FCNTL_FILE_POINTER, &f),
                     SQLITE_OK);
    const sqlite3_io_methods *before = f->pMethods;
    f->pMethods = methods;
    return before;
}

static void bend(void) {
    static sqlite3_io_methods methods;
    sound = exchange_methods(&methods);
    methods = *sound;
    methods.xFetch = fetch_bent;
}

static void straighten(void) { (void)exchange_methods(sound); }

/* Whatever is wrong with the copy, the rows are fed then. */
static void a_copy_that_is_wrong_is_done_again(void **state) {
    (void)state;
    NEEDS_COPIES;
    open_both();
    declare_both(1, "t", abc, 3);
    for (int64_t i = 0; i < 2; i++) {
        rows_block b = some_rows(1, 10 * i, 10, false);
        (void)load(&b);
    }
    assert_copies(1);
    bend();
    for (int kind = LOST_ROW; kind <= UNREADABLE; kind++) {
        bent = (enum bent)kind;
        for (int64_t i = 0; i < 4; i++) {
            weir_sink_counts counts;
            int64_t rows = i == 3 ? 20000 : 10; /* which are copied in more than one piece, … */
            bent_most = i == 3 ? 1 : 1000;      /* … and only the first of them is bad */
            rows_block b = some_rows(1, 100000 * (kind + 1) + 10 * i, rows, false);
            bent_reads = 0;
            int status = kind == UNREADABLE ? load_one(&ours, &b, &counts) : WEIR_OK;
            assert_true(status == WEIR_OK || (status == WEIR_IO && bent_reads > 0));
            if (kind == UNREADABLE && status == WEIR_OK) {
                assert_int_equal(load_one(&fed, &b, &counts), WEIR_OK);
                rows_free(&b);
            } else {
                (void)load(&b);
            }
        }
        same_databases();
    }
    straighten();
    assert_true(copies > 3);
    assert_int_equal(in_ours("SELECT count(*) FROM t"), 20 + 3 * 20030);
}

/* Before other statements have overwritten what SQLite says of it. */
static void an_early_copy_that_fails_is_told_at_once(void **state) {
    (void)state;
    NEEDS_COPIES;
    weir_sink_counts counts;
    open_both();
    declare_both(1, "w", wide, 2);
    declare_both(2, "later", abc, 3);
    for (int64_t tx = 0; tx < 3; tx++) {
        rows_block b = begin_rows();
        for (int64_t i = 0; i < (tx == 2 ? 9 : 1); i++) /* of nine, eight pages are full */
            add_wide(&b, 1, 10 * tx + i);
        if (tx == 2) {
            weir_value v[] = {weir_int(1), weir_text("of a table to be made"), weir_real(1)};
            rows_add(&b, 2, v, 3);
            bend();
            bent = UNREADABLE;
            bent_reads = 0;
            bent_most = 1;
            assert_int_equal(load_one(&ours, &b, &counts), WEIR_IO);
            assert_int_equal(bent_reads, 1);
            assert_non_null(strstr(error.text, "disk I/O error"));
        }
        (void)load(&b);
    }
    straighten();
    same_databases();
}

/* Each allocation of a transaction fails once, from the offer of its table to the commit. */
static void without_memory_it_is_done_again(void **state) {
    (void)state;
    NEEDS_COPIES;
    open_both();
    declare_both(1, "t", abc, 3);
    bool armed, refused = true;
    long n = 1;
    for (; refused; n++) {
        weir_sink_counts counts;
        try_on_both(
            "CREATE TABLE meanwhile(x); DROP TABLE meanwhile"); /* so that it is offered anew */
        rows_block b = some_rows(1, n, 3, false);
        (void)load(&b);
        b = some_rows(1, n, 20, false);
        copies = 0;
        armed = scarce_arm(n);
        int status = once(&ours, &b, (weir_row_range){next_row, next_row + 19}, &counts);
        refused = scarce_end();
        if (status != WEIR_OK && status != WEIR_NO_MEMORY && status != WEIR_SINK_AGAIN)
            fail_msg("allocation %ld: status %d: %s", n, status, error.text);
        assert_true(refused || (status == WEIR_OK && copies == 1));
        if (status != WEIR_OK) assert_int_equal(load_one(&ours, &b, &counts), WEIR_OK);
        assert_int_equal(load_one(&fed, &b, &counts), WEIR_OK);
        next_row += b.header.rows;
        next_block++;
        rows_free(&b);
    }
    assert_true(n > 20 || !armed);
    same_databases();
}

/* ---- the transfer alone ----------------------------------------------------------------------- */

static void an_offer_is_judged_by_the_schema_of_now(void **state) {
    (void)state;
    NEEDS_COPIES;
    sqlite3 *db;
    weir_record_copy *t;
    weir_declaration *two = make(1, "t", abc, 2), *three = make(2, "t", abc, 3);
    assert_int_equal(sqlite3_open_v2(ours.path, &db,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI,
                                     NULL),
                     SQLITE_OK);
    assert_int_equal(weir_record_copy_make(db, &t), WEIR_OK);
    static const struct {
        const char *sql;
        bool two, three;
    } steps[] = {
        {"CREATE TABLE t(a INTEGER, b TEXT)", true, false},
        {"ALTER TABLE t ADD COLUMN c REAL", false, true},
        {"DROP TABLE t; CREATE TABLE t(a INTEGER, b TEXT NOT NULL)", true, false},
        {"CREATE INDEX i ON t(a)", false, false},
        {"DROP INDEX i", true, false},
        {"DROP TABLE t; CREATE TABLE t(a INTEGER, b TEXT COLLATE NOCASE)", true, false},
        {"DROP TABLE t", false, false},
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        assert_int_equal(sqlite3_exec(db, steps[i].sql, NULL, NULL, NULL), SQLITE_OK);
        weir_record_copy_forget(t);
        assert_int_equal(weir_record_copy_offer(t, two) >= 0, steps[i].two);
        weir_record_copy_forget(t);
        assert_int_equal(weir_record_copy_offer(t, three) >= 0, steps[i].three);
    }
    weir_record_copy_close(t);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    weir_record_copy_free(t);
    weir_declaration_free(two);
    weir_declaration_free(three);
}

static void dropped_or_run_it_takes_nothing(void **state) {
    (void)state;
    NEEDS_COPIES;
    sqlite3 *db;
    weir_record_copy *t;
    weir_declaration *d = make(1, "t", abc, 1);
    const uint8_t row[] = {1, 0, 1, 0, 0x11, 7};
    assert_int_equal(sqlite3_open_v2(ours.path, &db,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI,
                                     NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE t(a INTEGER)", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(weir_record_copy_make(db, &t), WEIR_OK);
    int slot = weir_record_copy_offer(t, d);
    assert_true(slot >= 0);
    weir_record_copy_begin(t);
    assert_true(weir_record_copy_take(t, slot, row, sizeof row));
    weir_record_copy_drop(t);
    assert_false(weir_record_copy_take(t, slot, row, sizeof row));
    assert_int_equal(weir_record_copy_run(t), SQLITE_OK);
    weir_record_copy_begin(t);
    assert_true(weir_record_copy_take(t, slot, row, sizeof row));
    assert_int_equal(weir_record_copy_run(t), SQLITE_OK);
    assert_int_equal(weir_record_copy_run(t), SQLITE_OK); /* and not twice */
    assert_false(weir_record_copy_take(t, slot, row, sizeof row));
    weir_record_copy_close(t);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    weir_record_copy_free(t);
    weir_declaration_free(d);
    assert_int_equal(in_ours("SELECT count(*) FROM t"), 1);
}

/* ---- by chance -------------------------------------------------------------------------------- */

enum { TABLES = 4, COLUMNS = 5 };
typedef struct chance {
    weir_rng rng;
    weir_column column[TABLES][COLUMNS];
    size_t columns[TABLES];
    int64_t key[TABLES];
    bool large; /* and sound values, in this transaction */
} chance;

static const char *const column_names[COLUMNS] = {"c0", "c1", "c2", "c3", "c4"};
static const char *const table_names[TABLES] = {"w", "x", "y", "z"};

static bool one_in(chance *c, uint64_t n) { return weir_rng_below(&c->rng, n) == 0; }
#define PICK(c, list) list[weir_rng_below(&(c)->rng, sizeof list / sizeof *list)]

static void choose_columns(chance *c, size_t table) {
    c->columns[table] = 1 + weir_rng_below(&c->rng, COLUMNS);
    c->key[table] = 1;
    for (size_t i = 0; i < c->columns[table]; i++)
        c->column[table][i] = (weir_column){
            column_names[i], (weir_type)(WEIR_INTEGER + (int)weir_rng_below(&c->rng, 4))};
    if (one_in(c, 2)) c->column[table][weir_rng_below(&c->rng, c->columns[table])].type = WEIR_KEY;
}

static void add_column(chance *c, sqlite3_str *sql, const weir_column *column) {
    static const char *const keys[] = {"",
                                       "",
                                       "",
                                       "",
                                       " AUTOINCREMENT",
                                       " ON CONFLICT IGNORE",
                                       " ON CONFLICT REPLACE",
                                       " ON CONFLICT ROLLBACK"};
    static const char *const types[] = {"", "INTEGER", "REAL", "TEXT", "BLOB"};
    static const char *const more[] = {"NOT NULL",
                                       "NOT NULL",
                                       "COLLATE NOCASE",
                                       "DEFAULT 7",
                                       "UNIQUE",
                                       "CHECK(%s <> 3)",
                                       "UNIQUE ON CONFLICT IGNORE",
                                       "NOT NULL ON CONFLICT IGNORE",
                                       "CHECK(%s IS NOT 'text')"};
    if (column->type == WEIR_KEY) {
        sqlite3_str_appendf(sql, "%s INTEGER PRIMARY KEY%s", column->name, PICK(c, keys));
        return;
    }
    const char *type = one_in(c, 12) ? PICK(c, types) : types[column->type];
    sqlite3_str_appendf(sql, "%s %s ", column->name, type);
    if (one_in(c, 8)) sqlite3_str_appendf(sql, PICK(c, more), column->name);
}

static void create_by_chance(chance *c, size_t table) {
    sqlite3_str *sql = sqlite3_str_new(NULL);
    size_t n = c->columns[table], turn = one_in(c, 8) ? 1 : 0;
    sqlite3_str_appendf(sql, "DROP TABLE IF EXISTS %s; CREATE TABLE %s(", table_names[table],
                        table_names[table]);
    for (size_t i = 0; i < n; i++) {
        if (i) sqlite3_str_appendall(sql, ", ");
        add_column(c, sql, &c->column[table][(i + turn) % n]);
    }
    if (one_in(c, 12)) sqlite3_str_appendall(sql, ", extra DEFAULT 'e'");
    if (one_in(c, 8) && c->column[0][0].type == WEIR_KEY && table > 0)
        sqlite3_str_appendf(sql, ", FOREIGN KEY(%s) REFERENCES w(c0)", c->column[table][0].name);
    sqlite3_str_appendall(sql, ")");
    char *text = sqlite3_str_finish(sql);
    try_on_both(text);
    sqlite3_free(text);
}

static void meddle(chance *c) {
    static const char *const means[] = {
        "CREATE INDEX i%s ON %s(c0)",
        "CREATE UNIQUE INDEX u%s ON %s(c0)",
        "DROP INDEX IF EXISTS i%s; DROP INDEX IF EXISTS u%s",
        "DELETE FROM %s WHERE rowid %% 3 = 0 -- %s",
        "ALTER TABLE %s ADD COLUMN more DEFAULT 5 -- %s",
        "DROP TABLE IF EXISTS %s -- %s",
        "INSERT OR IGNORE INTO %s(rowid) SELECT max(rowid) + 3 FROM %s",
    };
    size_t table = weir_rng_below(&c->rng, TABLES);
    if (one_in(c, 6)) {
        create_by_chance(c, table);
        return;
    }
    char *sql = sqlite3_mprintf(PICK(c, means), table_names[table], table_names[table]);
    try_on_both(sql);
    sqlite3_free(sql);
}

static weir_value integer_by_chance(chance *c) {
    int64_t v = (int64_t)(weir_rng_next(&c->rng) >> weir_rng_below(&c->rng, 64));
    return weir_int(one_in(c, 3) ? -v : one_in(c, 3) ? (int64_t)weir_rng_below(&c->rng, 9) : v);
}

static weir_value value_by_chance(chance *c, weir_type type) {
    static const char *const texts[] = {"",    "text", "12",
                                        "1e3", "\xff", "a rather long text, longer"};
    static const double reals[] = {0, -0.0, 0.5, 3, 1e300, 140737488355328.0, -140737488355328.0};
    if (one_in(c, 25)) type = (weir_type)weir_rng_below(&c->rng, 5);
    switch (type) {
    case WEIR_INTEGER: return integer_by_chance(c);
    case WEIR_REAL: return one_in(c, 4) ? integer_by_chance(c) : weir_real(PICK(c, reals));
    case WEIR_TEXT: return weir_text(PICK(c, texts));
    case WEIR_BLOB: return one_in(c, 3) ? weir_real(PICK(c, reals)) : weir_blob("\0\1", 2);
    default: return weir_null();
    }
}

/* As its column wants it; of texts more than one fill a page of an image, so that what it holds is
 * copied within the transaction. */
static weir_value sound_value(chance *c, weir_type type) {
    static char text[20000];
    if (!text[0]) memset(text, 'x', sizeof text);
    switch (type) {
    case WEIR_INTEGER: return integer_by_chance(c);
    case WEIR_REAL: return weir_real(0.5);
    case WEIR_BLOB: return weir_blob("\0\1", 2);
    default: return weir_text_n(text, sizeof text - weir_rng_below(&c->rng, 4000));
    }
}

static void add_by_chance(chance *c, rows_block *b, size_t table) {
    weir_value v[COLUMNS];
    for (size_t i = 0; i < c->columns[table]; i++) {
        weir_type type = c->column[table][i].type;
        if (type != WEIR_KEY || one_in(c, 200))
            v[i] = c->large ? sound_value(c, type) : value_by_chance(c, type);
        else if (one_in(c, 60))
            v[i] = weir_int((int64_t)weir_rng_below(&c->rng, 50));
        else
            v[i] = weir_int(c->key[table] += 1 + (int64_t)weir_rng_below(&c->rng, 2));
    }
    rows_add(b, (uint16_t)(table + 1), v, c->columns[table]);
}

static void transactions_by_chance(chance *c) {
    uint64_t rejected;
    for (int tx = 0; tx < 6; tx++) {
        rows_block b = begin_rows();
        c->large = one_in(c, 4);
        for (uint64_t rows = weir_rng_below(&c->rng, 60) + 1; rows > 0; rows--)
            add_by_chance(c, &b, weir_rng_below(&c->rng, TABLES));
        if (load_counted(&b, &rejected) != WEIR_OK)
            break; /* a table no longer fits, on both sides */
        if (one_in(c, 3)) meddle(c);
    }
    same_databases();
}

static void whatever_the_tables_and_the_rows(void **state) {
    (void)state;
    unsigned used = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        chance c = {.rng = {seed}};
        expecting = seed % 2;
        begin_world();
        for (size_t i = 0; i < TABLES; i++)
            choose_columns(&c, i);
        for (size_t i = 0; i < TABLES; i++)
            if (!one_in(&c, 3)) create_by_chance(&c, i);
        open_both();
        for (uint16_t i = 0; i < TABLES; i++)
            declare_both((uint16_t)(i + 1), table_names[i], c.column[i], c.columns[i]);
        transactions_by_chance(&c);
        used += copies;
        end_world();
    }
    expecting = false;
    assert_true(copying ? used > 100 : used == 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_of_every_shape),
        TEST(only_many_rows_are_expected_and_nothing_is_taken_for_granted),
        TEST(a_key_that_is_there_costs_that_row_alone),
        TEST(rows_keep_their_order_around_one_that_does_not_fit),
        TEST(children_find_parents_of_lower_numbers_only),
        TEST(an_index_of_another_connection_is_seen),
        TEST(a_table_made_anew_with_other_columns),
        TEST(rows_of_a_table_that_grew_keep_their_order),
        TEST(a_table_grows_within_a_transaction),
        TEST(what_is_rolled_back_is_gone),
        TEST(a_locked_database_is_waited_for),
        TEST(more_tables_than_there_are_slots),
        TEST(more_rows_than_the_image_holds),
        TEST(where_rows_go_all_over_the_file_more_go_at_once),
        TEST(a_large_transaction_is_copied_as_it_comes),
        TEST(where_pages_are_copied_it_is_copied_at_the_end),
        TEST(a_copy_that_is_wrong_is_done_again),
        TEST(an_early_copy_that_fails_is_told_at_once),
        TEST(without_memory_it_is_done_again),
        TEST(an_offer_is_judged_by_the_schema_of_now),
        TEST(dropped_or_run_it_takes_nothing),
        cmocka_unit_test(whatever_the_tables_and_the_rows),
    };
    return cmocka_run_group_tests(tests, look_into_all, NULL);
}
