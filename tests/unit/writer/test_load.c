/* test_load.c - rows of a block that go different ways, copied, fed and refused, come out as if all
 * were fed: their order, their counts, and what of them a transaction leaves when it ends otherwise. */
/* Covers: writer/sqlite/row_vtab.c */
#include "sink_pair.h"

#include <stdio.h>
#include <string.h>

#include "no_sync.h"

static const weir_column abc[] = {{"a", WEIR_INTEGER}, {"b", WEIR_TEXT}, {"c", WEIR_REAL}};
static const weir_column keyed[] = {{"a", WEIR_KEY}, {"b", WEIR_TEXT}, {"c", WEIR_REAL}};

/* ---- rows that do not go the plain way -------------------------------------------------------- */

static void a_key_that_is_there_costs_that_row_alone(void **state) {
    sink_pair *p = *state;
    pair_open(p);
    pair_declare(p, 1, "t", keyed, 3);
    rows_block b = pair_some_rows(p, 1, 1, 1, false);
    (void)pair_load(p, &b);
    pair_run(p, "INSERT INTO t VALUES(57, 'was here', 0)");
    b = pair_some_rows(p, 1, 2, 100, false);
    assert_int_equal(pair_load(p, &b), 1);
    pair_assert_copied(p, true);
    assert_int_equal(pair_int(p, "SELECT count(*) FROM t"), 101);
    assert_int_equal(pair_int(p, "SELECT count(*) FROM weir_reject"), 1);
    assert_int_equal(pair_int(p, "SELECT row FROM weir_reject"), 57);
    assert_int_equal(pair_int(p, "SELECT b = 'was here' FROM t WHERE a = 57"), 1);
    pair_assert_same(p);
}

/* Rows that the image refuses stand among others, and the others wait for their turn no longer. */
static void rows_keep_their_order_around_one_that_does_not_fit(void **state) {
    sink_pair *p = *state;
    pair_open(p);
    pair_declare(p, 1, "t", abc, 3);
    rows_block b = pair_some_rows(p, 1, 0, 10, false);
    (void)pair_load(p, &b);
    for (int64_t at = 0; at < 3; at++) {
        b = pair_rows(p);
        for (int64_t i = 0; i < 20; i++) {
            weir_value v[] = {weir_int(i), weir_text("x"), weir_real(1)};
            if (i == 19 * at / 2) v[2] = weir_text("not a number");
            rows_add(&b, 1, v, 3);
        }
        p->copies = 0;
        (void)pair_load(p, &b);
        pair_assert_copies(p, at > 0); /* with the first row nothing waits */
    }
    assert_int_equal(
        pair_int(p, "SELECT count(*) FROM t WHERE rowid <> 1 + a + CASE WHEN rowid > 50 THEN 50"
                    " WHEN rowid > 30 THEN 30 WHEN rowid > 10 THEN 10 ELSE 0 END"),
        0);
    pair_assert_same(p);
}

static const weir_column child[] = {{"id", WEIR_INTEGER}, {"p", WEIR_INTEGER}};
static const weir_column parent[] = {{"id", WEIR_KEY}};
static const weir_column triggered[] = {{"n", WEIR_INTEGER}};

/* Between a plain parent, its children, a table whose trigger looks at the parent, and one that
 * nothing concerns. */
static void children_find_parents_of_lower_numbers_only(void **state) {
    sink_pair *p = *state;
    pair_run(p, "CREATE TABLE c(id INTEGER, p INTEGER REFERENCES p(id));"
                "CREATE TABLE p(id INTEGER PRIMARY KEY);"
                "CREATE TABLE g(n INTEGER); CREATE TABLE seen(n, parents);"
                "CREATE TRIGGER t AFTER INSERT ON g BEGIN"
                " INSERT INTO seen SELECT new.n, count(*) FROM p; END");
    pair_open(p);
    pair_declare(p, 1, "c", child, 2);
    pair_declare(p, 2, "p", parent, 1);
    pair_declare(p, 3, "g", triggered, 1);
    pair_declare(p, 4, "plain", triggered, 1);
    weir_rng rng = {17};
    int64_t id = 0;
    uint64_t rejected = 0, expected = 0;
    for (int tx = 0; tx < 8; tx++) {
        rows_block b = pair_rows(p);
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
        rejected += pair_load(p, &b);
        pair_assert_same(p);
    }
    assert_int_equal(rejected, expected);
    assert_in_range(expected, 1, 100);
    pair_assert_copied(p, true);
    assert_true(pair_int(p, "SELECT count(*) FROM c") > 0);
}

/* ---- transactions that end otherwise ---------------------------------------------------------- */

static void what_is_rolled_back_is_gone(void **state) {
    sink_pair *p = *state;
    pair_open(p);
    pair_declare(p, 1, "t", abc, 3);
    rows_block b = pair_some_rows(p, 1, 1, 10, false);
    (void)pair_load(p, &b);
    weir_position at;
    rows_block lost = pair_some_rows(p, 1, 1000, 30, false);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pair_begin(p, &p->ours, &at), WEIR_OK);
        assert_int_equal(pair_apply(p, &p->ours, &lost), WEIR_OK);
        p->ours.sink.rollback(p->ours.sink.self);
        b = pair_some_rows(p, 1, 100, 5, false);
        (void)pair_load(p, &b);
    }
    rows_free(&lost);
    b = pair_some_rows(p, 1, 200, 5, false);
    (void)pair_load(p, &b);
    pair_assert_copied(p, true);
    pair_assert_same(p);
}

static void a_locked_database_is_waited_for(void **state) {
    sink_pair *p = *state;
    pair_open(p);
    pair_declare(p, 1, "t", abc, 3);
    for (int64_t i = 0; i < 6; i++) {
        sqlite3 *other;
        weir_sink_counts counts;
        rows_block b = pair_some_rows(p, 1, 10 * i, 10, false);
        assert_int_equal(sqlite3_open(p->ours.path, &other), SQLITE_OK);
        assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
        assert_int_equal(pair_load_one(p, &p->ours, &b, &counts), WEIR_BUSY);
        (void)sqlite3_close(other);
        (void)pair_load(p, &b);
        b = pair_some_rows(p, 1, 10 * i, 7, false);
        (void)pair_load(p, &b);
    }
    pair_assert_copies(p, 11); /* all but the first; who was refused need not look again */
    pair_assert_same(p);
}

/* ---- keys in no order ------------------------------------------------------------------------- */

static int64_t cache_size(const sink_pair *p) {
    sqlite3_stmt *s = NULL;
    (void)sqlite3_prepare_v2(p->writing, "PRAGMA main.cache_size", -1, &s, NULL);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    int64_t size = -sqlite3_column_int64(s, 0);
    (void)sqlite3_finalize(s);
    return size;
}

/* What the transaction was that came last. */
static void expect_scattered(sink_pair *p, bool yes) {
    weir_batch_limit a = p->ours.sink.batch_limit(p->ours.sink.self);
    assert_int_equal(a.rows, yes ? 262144 : 65536);
    assert_int_equal(cache_size(p), yes ? 64000 : 16000);
}

static void load_keys(sink_pair *p, int64_t rows, int64_t first, int64_t step) {
    rows_block b = pair_rows(p);
    for (int64_t i = 0; i < rows; i++) {
        weir_value v[] = {weir_int(first + i * step), weir_text("text"), weir_real(0.5)};
        rows_add(&b, 1, v, 3);
    }
    assert_int_equal(pair_load(p, &b), 0);
}

static void where_rows_go_all_over_the_file_more_go_at_once(void **state) {
    sink_pair *p = *state;
    NEEDS_COPIES;
    pair_open(p);
    pair_declare(p, 1, "t", keyed, 3);
    load_keys(p, 10, 1, 1);
    load_keys(p, 100, 100000, 1);
    expect_scattered(p, false);
    load_keys(p, 100, 99000, -1);
    expect_scattered(p, false);
    load_keys(p, 100, 98000, -1);
    expect_scattered(p, true); /* since those before came in no order */
    weir_position at;
    assert_int_equal(pair_begin(p, &p->ours, &at), WEIR_OK);
    p->ours.sink.rollback(p->ours.sink.self); /* without rows it says nothing */
    load_keys(p, 100, 200000, 1);
    expect_scattered(p, true);
    load_keys(p, 100, 300000, 1);
    expect_scattered(p, false);
    pair_run(p, "CREATE INDEX i ON t(b)");
    load_keys(p, 1, 400000, 1);
    load_keys(p, 1, 500000, 1);
    expect_scattered(p, true);
    pair_assert_same(p);
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

static void create_by_chance(sink_pair *p, chance *c, size_t table) {
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
    pair_try(p, text);
    sqlite3_free(text);
}

static void meddle(sink_pair *p, chance *c) {
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
        create_by_chance(p, c, table);
        return;
    }
    char *sql = sqlite3_mprintf(PICK(c, means), table_names[table], table_names[table]);
    pair_try(p, sql);
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

static void transactions_by_chance(sink_pair *p, chance *c) {
    uint64_t rejected;
    for (int tx = 0; tx < 6; tx++) {
        rows_block b = pair_rows(p);
        c->large = one_in(c, 4);
        for (uint64_t rows = weir_rng_below(&c->rng, 60) + 1; rows > 0; rows--)
            add_by_chance(c, &b, weir_rng_below(&c->rng, TABLES));
        if (pair_try_load(p, &b, &rejected) != WEIR_OK)
            break; /* a table no longer fits, on both sides */
        if (one_in(c, 3)) meddle(p, c);
    }
    pair_assert_same(p);
}

static void whatever_the_tables_and_the_rows(void **state) {
    sink_pair *p = *state;
    unsigned used = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        chance c = {.rng = {seed}};
        p->expecting = seed % 2;
        if (seed > 1) pair_renew(p);
        for (size_t i = 0; i < TABLES; i++)
            choose_columns(&c, i);
        for (size_t i = 0; i < TABLES; i++)
            if (!one_in(&c, 3)) create_by_chance(p, &c, i);
        pair_open(p);
        for (uint16_t i = 0; i < TABLES; i++)
            pair_declare(p, (uint16_t)(i + 1), table_names[i], c.column[i], c.columns[i]);
        transactions_by_chance(p, &c);
        used += p->copies;
    }
    assert_true(p->copying ? used > 100 : used == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        PAIR_TEST(a_key_that_is_there_costs_that_row_alone),
        PAIR_TEST(rows_keep_their_order_around_one_that_does_not_fit),
        PAIR_TEST(children_find_parents_of_lower_numbers_only),
        PAIR_TEST(what_is_rolled_back_is_gone),
        PAIR_TEST(a_locked_database_is_waited_for),
        PAIR_TEST(where_rows_go_all_over_the_file_more_go_at_once),
        PAIR_TEST(whatever_the_tables_and_the_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
