/* test_load_tables.c - which tables have their rows copied and which have them fed, whatever the schema is
 * and becomes: the same comes of it. */
#include "sink_pair.h"

#include <stdio.h>
#include <string.h>

#include "no_sync.h"
#include "writer/copy/image.h"

static const weir_column abc[] = {{"a", WEIR_INTEGER}, {"b", WEIR_TEXT}, {"c", WEIR_REAL}};
static const weir_column keyed[] = {{"a", WEIR_KEY}, {"b", WEIR_TEXT}, {"c", WEIR_REAL}};

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

static void load_a_shape(sink_pair *p, const shape *s) {
    pair_run(p, s->schema);
    pair_open(p);
    pair_declare(p, 1, "t", s->columns, 3);
    for (int64_t i = 0; i < 4; i++) {
        rows_block b = pair_some_rows(p, 1, 1 + i * 40, 40, i == 1 || i == 3);
        (void)pair_load(p, &b);
        if (i > 0) continue;
        bool there = p->expecting && s->schema[0]; /* else this transaction met the table */
        pair_assert_copied(p, there && s->copied);
    }
    if ((p->copies > 0) != (s->copied && p->copying))
        fail_msg("%s: %u copies", s->schema, p->copies);
    rows_block b =
        pair_some_rows(p, 1, 81, 50, true); /* keys that are there, among others that are not */
    (void)pair_load(p, &b);
    pair_assert_same(p);
}

static void tables_of_every_shape(void **state) {
    sink_pair *p = *state;
    for (size_t i = 0; i < 2 * (sizeof shapes / sizeof *shapes); i++) {
        p->expecting = i % 2;
        if (i > 0) pair_renew(p);
        load_a_shape(p, &shapes[i / 2]);
    }
}

/* To look at the tables costs more than to feed so few, and what the schema has become meanwhile
 * counts. */
static void only_many_rows_are_expected_and_nothing_is_taken_for_granted(void **state) {
    sink_pair *p = *state;
    pair_run(p, "CREATE TABLE t(a INTEGER, b TEXT, c REAL)");
    pair_open(p);
    pair_declare(p, 1, "t", abc, 3);
    rows_block few = pair_some_rows(p, 1, 1, 40, false), more;
    p->ours.sink.expect(p->ours.sink.self, &few.header, rows_body(&few));
    (void)pair_load(p, &few);
    pair_assert_copies(p, 0);
    pair_close(p);
    pair_open(p);
    pair_declare(p, 1, "t", abc, 3);
    more = pair_some_rows(p, 1, 41, 40, false);
    p->expecting = true;
    pair_expect(p, &p->ours, &more);
    p->expecting = false;
    assert_int_equal(p->offers, 0);
    pair_run(p,
             "DROP TABLE t; CREATE TABLE t(a INTEGER, b TEXT UNIQUE ON CONFLICT REPLACE, c REAL)");
    (void)pair_load(p, &more);
    pair_assert_copies(p, 0);
    pair_assert_same(p);
}

/* ---- a schema that changes -------------------------------------------------------------------- */

static void an_index_of_another_connection_is_seen(void **state) {
    sink_pair *p = *state;
    pair_open(p);
    pair_declare(p, 1, "t", abc, 3);
    for (int64_t i = 0; i < 2; i++) {
        rows_block b = pair_some_rows(p, 1, i * 10, 10, false);
        (void)pair_load(p, &b);
    }
    pair_assert_copies(p, 1);
    pair_run(p, "CREATE UNIQUE INDEX i ON t(a)");
    for (int i = 0; i < 2; i++) {
        rows_block b = pair_some_rows(p, 1, 15, 10, false);
        assert_int_equal(pair_load(p, &b), i ? 10 : 5);
    }
    pair_assert_copies(p, 1);
    pair_run(p, "DROP INDEX i");
    for (int i = 0; i < 2; i++) {
        rows_block b = pair_some_rows(p, 1, 15, 10, false);
        assert_int_equal(pair_load(p, &b), 0);
    }
    pair_assert_copies(p, 2);
    pair_assert_same(p);
}

static void a_table_made_anew_with_other_columns(void **state) {
    sink_pair *p = *state;
    static const weir_column two[] = {{"a", WEIR_INTEGER}, {"b", WEIR_INTEGER}};
    static const char *const anew[] = {
        "CREATE TABLE t(a INTEGER, b INTEGER)",
        "CREATE TABLE t(b INTEGER, a INTEGER)",
        "CREATE TABLE t(a INTEGER NOT NULL, b INTEGER)",
        "CREATE TABLE t(a INTEGER, b INTEGER COLLATE NOCASE)",
        "CREATE TABLE t(a INTEGER UNIQUE, b INTEGER)",
        "CREATE TABLE t(a INTEGER, b INTEGER)",
    };
    pair_open(p);
    pair_declare(p, 1, "t", two, 2);
    int64_t n = 0;
    for (size_t i = 0; i < sizeof anew / sizeof *anew; i++) {
        pair_run(p, "DROP TABLE IF EXISTS t");
        pair_run(p, anew[i]);
        for (int tx = 0; tx < 3; tx++) {
            rows_block b = pair_rows(p);
            for (int row = 0; row < 5; row++, n++)
                rows_add(&b, 1, (const weir_value[]){weir_int(n), weir_int(-n)}, 2);
            p->copies = 0;
            (void)pair_load(p, &b);
            pair_assert_copies(p, tx > 0 && i != 1 && i != 4);
        }
        assert_int_equal(pair_int(p, "SELECT sum(a + b = 0 AND a >= b) FROM t"), 15);
        pair_assert_same(p);
    }
}

/* A program that was changed declares more columns, and rows of both versions may come mixed: the
 * declarations have numbers of their own, the table is one. */
static void rows_of_a_table_that_grew_keep_their_order(void **state) {
    sink_pair *p = *state;
    pair_open(p);
    pair_declare(p, 1, "t", abc, 2);
    rows_block b = pair_some_rows(p, 1, 0, 0, false);
    for (int tx = 0; tx < 6; tx++) {
        if (tx == 2) pair_declare(p, 2, "t", abc, 3);
        if (tx == 4) pair_declare(p, 3, "T", abc, 3);
        b = pair_rows(p);
        for (int64_t i = 0; i < 30; i++) {
            weir_value v[] = {weir_int((int64_t)p->next_row + i), weir_text("x"), weir_real(2)};
            uint16_t table = (uint16_t)(tx < 2 ? 1 : tx < 4 ? 1 + i / 4 % 2 : 1 + i / 4 % 3);
            rows_add(&b, table, v, table == 1 ? 2 : 3);
        }
        (void)pair_load(p, &b);
        pair_assert_same(p);
    }
    assert_int_equal(pair_int(p, "SELECT count(*) FROM t WHERE rowid <> a"), 0);
    assert_int_equal(pair_int(p, "SELECT max(a) FROM t"), 180);
    for (int tx = 0; tx < 2; tx++) { /* once the old version is gone it is fast again */
        b = pair_some_rows(p, 2, (int64_t)p->next_row, 10, false);
        p->copies = 0;
        (void)pair_load(p, &b);
    }
    pair_assert_copies(p, 1);
    assert_int_equal(pair_int(p, "SELECT count(*) FROM t WHERE rowid <> a"), 0);
}

/* One transaction: rows, the declaration of more columns, more rows. */
static void grow_within(sink_pair *p, one_sink *w, uint16_t number, const rows_block *before,
                        const rows_block *after) {
    weir_declaration *wide = pair_declaration(number, "t", abc, 3);
    weir_position at;
    weir_sink_counts counts;
    weir_sink *s = &w->sink;
    int status;
    do {
        status = pair_begin(p, w, &at);
        if (status == WEIR_OK) status = pair_apply(p, w, before);
        if (status == WEIR_OK) status = s->declare(s->self, wide, WEIR_DECLARE_NOW, &p->error);
        if (status == WEIR_OK) status = pair_apply(p, w, after);
        if (status == WEIR_OK) status = s->commit(s->self, &at, &counts, &p->error);
        if (status != WEIR_OK) s->rollback(s->self);
    } while (status == WEIR_SINK_AGAIN || status == WEIR_SINK_ANEW);
    weir_declaration_free(wide);
    assert_int_equal(status, WEIR_OK);
    assert_int_equal(counts.rows, 20);
}

static rows_block narrow_rows(sink_pair *p) {
    uint64_t first = p->next_row;
    rows_block b = pair_rows(p);
    p->next_block++;
    for (int64_t i = 0; i < 10; i++)
        rows_add(&b, 1, (const weir_value[]){weir_int((int64_t)first + i), weir_text("x")}, 2);
    return b;
}

static void a_table_grows_within_a_transaction(void **state) {
    sink_pair *p = *state;
    for (uint16_t number = 1; number <= 2; number++) {
        if (number > 1) pair_renew(p);
        pair_open(p);
        pair_declare(p, 1, "t", abc, 2);
        for (int tx = 0; tx < 2; tx++) {
            rows_block b = narrow_rows(p);
            (void)pair_load(p, &b);
        }
        pair_assert_copies(p, 1);
        rows_block before = narrow_rows(p), after = pair_some_rows(p, number, 31, 10, false);
        after.header.first_row = 31;
        grow_within(p, &p->ours, number, &before, &after);
        grow_within(p, &p->fed, number, &before, &after);
        rows_free(&before);
        rows_free(&after);
        p->next_row += 20;
        p->copies = 0;
        for (int64_t tx = 0; tx < 2; tx++) {
            rows_block b = pair_some_rows(p, number, 41 + 10 * tx, 10, false);
            (void)pair_load(p, &b);
        }
        pair_assert_copied(p, true);
        assert_true(p->copies <= 2);
        assert_int_equal(pair_int(p, "SELECT count(*) FROM t WHERE rowid = a + (a = 0)"), 60);
        pair_assert_same(p);
    }
}

/* ---- many of them ----------------------------------------------------------------------------- */

static void more_tables_than_there_are_slots(void **state) {
    sink_pair *p = *state;
    enum { TABLES = 70 };
    pair_open(p);
    char name[16];
    for (uint16_t i = 1; i <= TABLES; i++) {
        (void)snprintf(name, sizeof name, "t%u", i); /* also names that the image has */
        pair_declare(p, i, name, i % 2 ? abc : keyed, 3);
    }
    for (int64_t tx = 0; tx < 3; tx++) {
        rows_block b = pair_rows(p);
        for (int64_t row = 0; row < 3; row++)
            for (uint16_t i = 1; i <= TABLES; i++)
                rows_add(
                    &b, i,
                    (const weir_value[]){weir_int(tx * 3 + row), weir_text(name), weir_real(i)}, 3);
        p->copies = 0;
        (void)pair_load(p, &b);
        pair_assert_copies(p, tx ? WEIR_IMAGE_TABLES : 0);
    }
    pair_assert_same(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        PAIR_TEST(tables_of_every_shape),
        PAIR_TEST(only_many_rows_are_expected_and_nothing_is_taken_for_granted),
        PAIR_TEST(an_index_of_another_connection_is_seen),
        PAIR_TEST(a_table_made_anew_with_other_columns),
        PAIR_TEST(rows_of_a_table_that_grew_keep_their_order),
        PAIR_TEST(a_table_grows_within_a_transaction),
        PAIR_TEST(more_tables_than_there_are_slots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
