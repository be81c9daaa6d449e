/* test_load_group.c - what a table holds in the end does not depend on how many rows one transaction, and
 * so one statement, moved. Each case is applied in transactions of one row, of a few, and of all; the
 * databases must come out equal, and as written down here. */
#include "support.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "sink_fixture.h"

typedef struct line { /* a row: its table's number, and up to three values as integers or texts */
    uint16_t table;
    const char *values; /* separated by blanks; a number is an INTEGER, - is NULL */
} line;

typedef struct batching_case {
    const char *schema;
    const char *names[3]; /* tables number 1 … 3, all with their first columns */
    const char *columns[3];
    line lines[12];
    const char *question, *answer, *refused; /* refused: numbers of rows, each with a comma */
} batching_case;

static void declare(sink_fixture *f, uint16_t number, const char *name, const char *columns) {
    char text[100];
    weir_column column[8];
    size_t count = 0;
    (void)snprintf(text, sizeof text, "%s", columns);
    for (char *at = strtok(text, " "); at; at = strtok(NULL, " "))
        column[count++] = (weir_column){at, WEIR_INTEGER};
    sink_declare(f, number, name, column, count);
}

static weir_value value_of(const char *word) {
    if (strcmp(word, "-") == 0) return weir_null();
    bool number = word[strspn(word, "0123456789")] == '\0';
    return number ? weir_int(strtoll(word, NULL, 10)) : weir_text(word);
}

static rows_block block_of(sink_fixture *f, const line *lines, size_t count) {
    rows_block b = sink_rows(f, 1, 1);
    for (size_t i = 0; i < count; i++) {
        char text[100];
        weir_value values[8];
        size_t columns = 0;
        (void)snprintf(text, sizeof text, "%s", lines[i].values);
        for (char *at = strtok(text, " "); at; at = strtok(NULL, " "))
            values[columns++] = value_of(at);
        rows_add(&b, lines[i].table, values, columns);
    }
    return b;
}

/* With the narrowing that replay would do, and some of the applier's patience. */
static void apply(sink_fixture *f, const rows_block *b, uint64_t width) {
    int patience = 10;
    uint64_t last = b->header.first_row + b->header.rows - 1, narrow = width;
    for (uint64_t row = b->header.first_row; row <= last;) {
        weir_row_range range = {row, row + narrow - 1 < last ? row + narrow - 1 : last};
        int status = sink_apply(f, b, range, NULL);
        if (status == WEIR_SINK_ANEW) continue;
        if (status == WEIR_SINK_AGAIN) {
            narrow = narrow > 1 ? narrow / 2 : 1;
            continue;
        }
        if (status == WEIR_NO_SPACE && patience-- > 0) continue;
        if (status != WEIR_OK)
            fail_msg("%s, rows %llu to %llu", f->error.text, (unsigned long long)range.first,
                     (unsigned long long)range.last);
        row = range.last + 1;
        narrow = width;
    }
}

static void assert_answer(sink_fixture *f, const char *sql, const char *answer, const char *schema,
                          uint64_t width) {
    char *text = sql_text(f->other, sql); /* without weir_reject it is empty */
    if (strcmp(text, answer) != 0)
        fail_msg("%s\n%s in transactions of %llu rows:\n%s, not\n%s", schema, sql,
                 (unsigned long long)width, text, answer);
    sqlite3_free(text);
}

static void run_case(sink_fixture *f, const batching_case *c, uint64_t width) {
    sink_renew(f);
    weir_sql_run(f->database, c->schema);
    sink_open(f);
    for (uint16_t i = 0; i < 3 && c->names[i]; i++)
        declare(f, (uint16_t)(i + 1), c->names[i], c->columns[i]);
    size_t lines = 0;
    while (lines < sizeof c->lines / sizeof *c->lines && c->lines[lines].table)
        lines++;
    rows_block b = block_of(f, c->lines, lines);
    apply(f, &b, width);
    rows_free(&b);
    sink_close(f);
    assert_int_equal(sqlite3_open(f->database, &f->other), SQLITE_OK);
    assert_answer(f, c->question, c->answer, c->schema, width);
    assert_answer(f, "SELECT row FROM weir_reject ORDER BY row", c->refused, c->schema, width);
}

static void at_every_width(sink_fixture *f, const batching_case *cases, size_t count) {
    static const uint64_t widths[] = {1, 2, 3, 5, 100};
    for (size_t i = 0; i < count; i++)
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
            run_case(f, &cases[i], widths[w]);
}

#define EACH(f, cases) at_every_width(f, cases, sizeof(cases) / sizeof *(cases))

/* ---- foreign keys ----------------------------------------------------------------------------- */

static void a_later_row_mends_no_foreign_key(void **state) {
    sink_fixture *f = *state;
    static const batching_case cases[] = {
        /* a parent that REPLACE takes away, and a later row that brings it back */
        {"CREATE TABLE p(id INTEGER PRIMARY KEY, u UNIQUE ON CONFLICT REPLACE);"
         "CREATE TABLE c(p REFERENCES p(id)); INSERT INTO p VALUES(1,'a'); INSERT INTO c VALUES(1)",
         {"p"},
         {"id u"},
         {{1, "1 once"}, {1, "50 x"}, {1, "51 y"}, {1, "2 a"}, {1, "1 b"}},
         "SELECT * FROM p",
         "1,a,50,x,51,y,",
         "1,4,5,"},
        /* a child without a parent, which a later row replaces by a good one */
        {"CREATE TABLE p(id INTEGER PRIMARY KEY); INSERT INTO p VALUES(1);"
         "CREATE TABLE c(p REFERENCES p(id), u TEXT UNIQUE ON CONFLICT REPLACE)",
         {"c"},
         {"p u"},
         {{1, "1 x"}, {1, "1 x"}, {1, "1 y"}, {1, "99 k"}, {1, "1 k"}},
         "SELECT rowid, * FROM c",
         "2,1,x,3,1,y,4,1,k,",
         "4,"},
        /* a trigger that makes the parent of an earlier row */
        {"CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p REFERENCES p(id), kind);"
         "CREATE TRIGGER t AFTER INSERT ON c WHEN NEW.kind='opens' BEGIN"
         " INSERT OR IGNORE INTO p VALUES(NEW.p); END",
         {"c"},
         {"p kind"},
         {{1, "7 uses"}, {1, "7 opens"}, {1, "7 uses"}},
         "SELECT rowid, * FROM c",
         "1,7,opens,2,7,uses,",
         "1,"},
        /* the same by a trigger's trigger, over a view, from a table without a foreign key */
        {"CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p REFERENCES p(id));"
         "CREATE TABLE a(x); CREATE TABLE b(x); CREATE VIEW v AS SELECT p FROM c;"
         "CREATE TRIGGER t1 AFTER INSERT ON a WHEN NEW.x < 100 BEGIN"
         "  INSERT INTO b VALUES(NEW.x); END;"
         "CREATE TRIGGER t2 AFTER INSERT ON b BEGIN INSERT INTO v VALUES(NEW.x); END;"
         "CREATE TRIGGER t3 INSTEAD OF INSERT ON v BEGIN INSERT INTO c VALUES(NEW.p); END;"
         "CREATE TRIGGER t4 AFTER INSERT ON a WHEN NEW.x > 100 BEGIN"
         "  INSERT OR IGNORE INTO p VALUES(NEW.x - 100); END",
         {"a"},
         {"x"},
         {{1, "7"}, {1, "107"}, {1, "7"}, {1, "8"}, {1, "108"}},
         "SELECT (SELECT group_concat(x) FROM a), (SELECT group_concat(p) FROM c)",
         "107,7,108,7,",
         "1,4,"},
        /* a cascade takes the child without a parent away */
        {"CREATE TABLE q(id INTEGER PRIMARY KEY); INSERT INTO q VALUES(5);"
         "CREATE TABLE p(id INTEGER PRIMARY KEY);"
         "CREATE TABLE c(p REFERENCES p(id), q REFERENCES q(id) ON DELETE CASCADE);"
         "CREATE TABLE a(x, y); CREATE TRIGGER t AFTER INSERT ON a BEGIN"
         "  INSERT INTO c SELECT NEW.y, 5 WHERE NEW.x = 1; DELETE FROM q WHERE NEW.x = 2; END",
         {"a"},
         {"x y"},
         {{1, "1 9"}, {1, "2 9"}},
         "SELECT count(*), (SELECT count(*) FROM c), (SELECT count(*) FROM q) FROM a",
         "1,0,0,",
         "1,"},
        /* a deferred key, and a table that refers to itself */
        {"CREATE TABLE p(id INTEGER PRIMARY KEY, up REFERENCES p(id) DEFERRABLE INITIALLY "
         "DEFERRED)",
         {"p"},
         {"id up"},
         {{1, "1 2"}, {1, "2 -"}, {1, "3 2"}},
         "SELECT * FROM p",
         "2,-,3,2,",
         "1,"},
        /* parent and child by turns */
        {"CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p REFERENCES p(id), x)",
         {"p", "c"},
         {"id", "p x"},
         {{2, "1 early"}, {1, "1"}, {2, "1 late"}, {1, "2"}, {2, "2 late"}, {2, "3 never"}},
         "SELECT * FROM c",
         "1,late,2,late,",
         "1,6,"},
    };
    EACH(f, cases);
}

/* ---- triggers --------------------------------------------------------------------------------- */

static void triggers_count_from_zero_for_each_row(void **state) {
    sink_fixture *f = *state;
    static const batching_case cases[] = {
        {"CREATE TABLE a(x); CREATE TABLE log(n);"
         "CREATE TRIGGER t AFTER INSERT ON a BEGIN INSERT INTO log VALUES(changes()); END",
         {"a"},
         {"x"},
         {{1, "1"}, {1, "2"}, {1, "3"}, {1, "4"}},
         "SELECT * FROM log",
         "0,0,0,0,",
         ""},
        {"CREATE TABLE a(x); CREATE TABLE log(n, m); CREATE VIEW v AS SELECT last_insert_rowid() r;"
         "CREATE TRIGGER t BEFORE INSERT ON a BEGIN INSERT INTO log"
         " SELECT r, (SELECT count(*) FROM a) FROM v; END",
         {"a", "b"},
         {"x", "x"},
         {{1, "1"}, {2, "1"}, {1, "2"}, {2, "3"}, {1, "4"}},
         "SELECT * FROM log",
         "0,0,0,1,0,2,",
         ""},
        {"CREATE TABLE a(x, n DEFAULT (changes()))",
         {"a"},
         {"x"},
         {{1, "1"}, {1, "2"}, {1, "3"}},
         "SELECT n FROM a",
         "0,0,0,",
         ""},
        {"CREATE TABLE a(id INTEGER PRIMARY KEY AUTOINCREMENT, x); CREATE TABLE log(n);"
         "CREATE TRIGGER t AFTER INSERT ON a BEGIN INSERT INTO log"
         " SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'a'; END",
         {"a"},
         {"id x"},
         {{1, "- 1"}, {1, "- 2"}, {1, "9 3"}, {1, "- 4"}},
         "SELECT * FROM log",
         "0,1,2,9,",
         ""},
    };
    EACH(f, cases);
}

/* ---- sequences -------------------------------------------------------------------------------- */

static void a_spent_sequence_refuses_its_rows_alone(void **state) {
    sink_fixture *f = *state;
    static const batching_case cases[] = {
        {"CREATE TABLE s(id INTEGER PRIMARY KEY AUTOINCREMENT, v);"
         "INSERT INTO s VALUES(9223372036854775807, 'last')",
         {"s", "o"},
         {"v", "x"},
         {{2, "1"}, {1, "poison"}, {2, "2"}, {1, "again"}, {2, "3"}},
         "SELECT group_concat(x), (SELECT count(*) FROM s) FROM o",
         "1,2,3,1,",
         "2,4,"},
        /* spent by an earlier row of the same transaction */
        {"CREATE TABLE s(id INTEGER PRIMARY KEY AUTOINCREMENT, v)",
         {"s", "o"},
         {"id v", "x"},
         {{2, "1"}, {1, "- a"}, {1, "9223372036854775807 b"}, {2, "2"}, {1, "- c"}, {1, "5 d"}},
         "SELECT group_concat(v, ''), (SELECT count(*) FROM o) FROM s",
         "adb,2,",
         "5,"},
        /* that of a table that a trigger fills */
        {"CREATE TABLE a(x); CREATE TABLE s(id INTEGER PRIMARY KEY AUTOINCREMENT, v);"
         "INSERT INTO s VALUES(9223372036854775806, 'one is left');"
         "CREATE TRIGGER t AFTER INSERT ON a WHEN NEW.x > 10 BEGIN"
         "  INSERT INTO s(v) VALUES(NEW.x); END",
         {"a", "o"},
         {"x", "x"},
         {{1, "1"}, {1, "11"}, {1, "12"}, {2, "5"}, {1, "2"}, {1, "13"}},
         "SELECT group_concat(x), (SELECT count(*) FROM s), (SELECT count(*) FROM o) FROM a",
         "1,11,2,2,1,",
         "3,6,"},
        /* a row that takes the last number and, by a trigger, wants one more */
        {"CREATE TABLE s(id INTEGER PRIMARY KEY AUTOINCREMENT, v);"
         "CREATE TRIGGER t AFTER INSERT ON s WHEN NEW.v = 'two' BEGIN"
         "  INSERT INTO s(v) VALUES('more'); END",
         {"s", "o"},
         {"id v", "x"},
         {{1, "1 two"}, {2, "1"}, {1, "9223372036854775807 two"}, {2, "2"}, {1, "9 one"}},
         "SELECT group_concat(id), (SELECT count(*) FROM o) FROM s",
         "1,2,9,2,",
         "3,"},
    };
    EACH(f, cases);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SINK_TEST(a_later_row_mends_no_foreign_key),
        SINK_TEST(triggers_count_from_zero_for_each_row),
        SINK_TEST(a_spent_sequence_refuses_its_rows_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
