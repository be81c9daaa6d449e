/* test_record_copy.c - rows that are copied as records (writer/copy/record_copy.h) come out as rows that
 * are fed: many of them, and when the copy goes wrong. */
#include "sink_pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "no_sync.h"
#include "scarce.h"
#include "writer/copy/image.h"
#include "writer/copy/record_copy.h"

static const weir_column abc[] = {{"a", WEIR_INTEGER}, {"b", WEIR_TEXT}, {"c", WEIR_REAL}};
static const weir_column triggered[] = {{"n", WEIR_INTEGER}};

/* ---- much of it ------------------------------------------------------------------------------- */

static const weir_column wide[] = {{"a", WEIR_INTEGER}, {"b", WEIR_BLOB}};

/* Each takes a page of an image. */
static void add_wide(rows_block *b, uint16_t table, int64_t number) {
    static uint8_t bytes[30000];
    memset(bytes, (int)(number & 255), sizeof bytes);
    weir_value v[] = {weir_int(number), weir_blob(bytes, sizeof bytes)};
    rows_add(b, table, v, 2);
}

static void more_rows_than_the_image_holds(void **state) {
    sink_pair *p = *state;
    pair_open(p);
    pair_declare(p, 1, "t", wide, 2);
    pair_declare(p, 2, "u", triggered, 1);
    for (int64_t tx = 0; tx < 3; tx++) {
        rows_block b = pair_rows(p);
        for (int64_t i = 0; i < (tx == 1 ? 300 : 5); i++) { /* 9 MB */
            weir_value v = weir_int(tx * 10000 + i);
            add_wide(&b, 1, v.as.integer);
            if (i % 3 == 0) rows_add(&b, 2, &v, 1);
        }
        p->copies = 0;
        (void)pair_load(p, &b);
        pair_assert_copies(p, tx ? 2 : 0);
    }
    assert_int_equal(
        pair_int(p, "SELECT count(*) FROM (SELECT a < lag(a) OVER (ORDER BY rowid) AS back"
                    " FROM t) WHERE back"),
        0);
    assert_int_equal(pair_int(p, "SELECT count(*) FROM t"), 310);
    pair_assert_same(p);
}

/* From the second copy on it is known that SQLite reads in place. */
static void a_large_transaction_is_copied_as_it_comes(void **state) {
    sink_pair *p = *state;
    NEEDS_COPIES;
    pair_open(p);
    pair_declare(p, 1, "t", abc, 3);
    pair_declare(p, 2, "w", wide, 2);
    for (int64_t tx = 0; tx < 4; tx++) {
        rows_block b = pair_some_rows(p, 1, tx * 100000, tx == 2 ? 20000 : 10, false);
        for (int64_t i = 0; i < (tx == 2 ? 300 : 1); i++) /* 9 MB, more than an image holds */
            add_wide(&b, 2, tx * 10000 + i);
        p->copies = p->feeds = 0;
        (void)pair_load(p, &b);
        assert_int_equal(p->feeds > 0, tx == 0);
        if (tx == 2)
            assert_true(p->copies > 30);
        else
            pair_assert_copies(p, tx ? 2 : 0);
    }
    assert_int_equal(pair_int(p, "SELECT count(*) FROM t"), 20030);
    assert_int_equal(pair_int(p, "SELECT count(*) FROM w"), 303);
    pair_assert_same(p);
}

/* As by a library that was compiled without reading in place. */
static void where_pages_are_copied_it_is_copied_at_the_end(void **state) {
    sink_pair *p = *state;
    NEEDS_COPIES;
    p->copy_pages = true;
    pair_open(p);
    p->copy_pages = false;
    pair_declare(p, 1, "t", abc, 3);
    for (int64_t tx = 0; tx < 4; tx++) {
        rows_block b = pair_some_rows(p, 1, tx * 100000, tx ? 20000 : 1, false);
        p->copies = p->feeds = 0;
        (void)pair_load(p, &b);
        pair_assert_copies(p, tx ? 1 : 0);
        assert_int_equal(p->feeds, tx ? 0 : 1);
    }
    pair_assert_same(p);
}

/* ---- an image that is not read as it was written ---------------------------------------------- */

enum bent_kind { LOST_ROW, NONSENSE, UNREADABLE };

static struct bent {            /* the image of the connection that writes: one is bent at a time */
    sqlite3_io_methods methods; /* what its file has meanwhile */
    const sqlite3_io_methods *sound;
    enum bent_kind kind;
    unsigned reads, most; /* in a transaction */
} bent;

static int fetch_bent(sqlite3_file *f, sqlite3_int64 offset, int bytes, void **page) {
    static uint8_t copy[WEIR_IMAGE_PAGES][WEIR_IMAGE_PAGE];
    int code = bent.sound->xFetch(f, offset, bytes, page);
    if (code != SQLITE_OK || !*page) return code;
    uint8_t *to = copy[offset / WEIR_IMAGE_PAGE];
    memcpy(to, *page, (size_t)bytes);
    *page = to;
    if ((bent.kind == LOST_ROW && to[0] != 13) || bent.reads == bent.most) return code;
    bent.reads++;
    if (bent.kind == NONSENSE) memset(to, 0x55, (size_t)bytes);
    if (bent.kind == LOST_ROW) to[4]--; /* how many cells a leaf has */
    return bent.kind == UNREADABLE ? SQLITE_IOERR_READ : code;
}

static sqlite3_file *image_file(const sink_pair *p) {
    sqlite3_file *f = NULL;
    assert_int_equal(sqlite3_file_control(p->writing, "weir_image", SQLITE_FCNTL_FILE_POINTER, &f),
                     SQLITE_OK);
    return f;
}

/* Until straighten, or until the sink is closed. */
static void bend(const sink_pair *p) {
    sqlite3_file *f = image_file(p);
    bent = (struct bent){.methods = *f->pMethods, .sound = f->pMethods};
    bent.methods.xFetch = fetch_bent;
    f->pMethods = &bent.methods;
}

static void straighten(const sink_pair *p) { image_file(p)->pMethods = bent.sound; }

/* Whatever is wrong with the copy, the rows are fed then. */
static void a_copy_that_is_wrong_is_done_again(void **state) {
    sink_pair *p = *state;
    NEEDS_COPIES;
    pair_open(p);
    pair_declare(p, 1, "t", abc, 3);
    for (int64_t i = 0; i < 2; i++) {
        rows_block b = pair_some_rows(p, 1, 10 * i, 10, false);
        (void)pair_load(p, &b);
    }
    pair_assert_copies(p, 1);
    bend(p);
    for (int kind = LOST_ROW; kind <= UNREADABLE; kind++) {
        bent.kind = (enum bent_kind)kind;
        for (int64_t i = 0; i < 4; i++) {
            weir_sink_counts counts;
            int64_t rows = i == 3 ? 20000 : 10; /* which are copied in more than one piece, … */
            bent.most = i == 3 ? 1 : 1000;      /* … and only the first of them is bad */
            rows_block b = pair_some_rows(p, 1, 100000 * (kind + 1) + 10 * i, rows, false);
            bent.reads = 0;
            int status = kind == UNREADABLE ? pair_load_one(p, &p->ours, &b, &counts) : WEIR_OK;
            assert_true(status == WEIR_OK || (status == WEIR_IO && bent.reads > 0));
            if (kind == UNREADABLE && status == WEIR_OK) {
                assert_int_equal(pair_load_one(p, &p->fed, &b, &counts), WEIR_OK);
                rows_free(&b);
            } else {
                (void)pair_load(p, &b);
            }
        }
        pair_assert_same(p);
    }
    straighten(p);
    assert_true(p->copies > 3);
    assert_int_equal(pair_int(p, "SELECT count(*) FROM t"), 20 + 3 * 20030);
}

/* Before other statements have overwritten what SQLite says of it. */
static void an_early_copy_that_fails_is_told_at_once(void **state) {
    sink_pair *p = *state;
    NEEDS_COPIES;
    weir_sink_counts counts;
    pair_open(p);
    pair_declare(p, 1, "w", wide, 2);
    pair_declare(p, 2, "later", abc, 3);
    for (int64_t tx = 0; tx < 3; tx++) {
        rows_block b = pair_rows(p);
        for (int64_t i = 0; i < (tx == 2 ? 9 : 1); i++) /* of nine, eight pages are full */
            add_wide(&b, 1, 10 * tx + i);
        if (tx == 2) {
            weir_value v[] = {weir_int(1), weir_text("of a table to be made"), weir_real(1)};
            rows_add(&b, 2, v, 3);
            bend(p);
            bent.kind = UNREADABLE;
            bent.reads = 0;
            bent.most = 1;
            assert_int_equal(pair_load_one(p, &p->ours, &b, &counts), WEIR_IO);
            assert_int_equal(bent.reads, 1);
            assert_non_null(strstr(p->error.text, "disk I/O error"));
        }
        (void)pair_load(p, &b);
    }
    straighten(p);
    pair_assert_same(p);
}

/* Each allocation of a transaction fails once, from the offer of its table to the commit. */
static void without_memory_it_is_done_again(void **state) {
    sink_pair *p = *state;
    NEEDS_COPIES;
    pair_open(p);
    pair_declare(p, 1, "t", abc, 3);
    bool armed, refused = true;
    long n = 1;
    for (; refused; n++) {
        weir_sink_counts counts;
        pair_try(
            p, "CREATE TABLE meanwhile(x); DROP TABLE meanwhile"); /* so that it is offered anew */
        rows_block b = pair_some_rows(p, 1, n, 3, false);
        (void)pair_load(p, &b);
        b = pair_some_rows(p, 1, n, 20, false);
        p->copies = 0;
        armed = scarce_arm(n);
        int status =
            pair_once(p, &p->ours, &b, (weir_row_range){p->next_row, p->next_row + 19}, &counts);
        refused = scarce_end();
        if (status != WEIR_OK && status != WEIR_NO_MEMORY && status != WEIR_SINK_ANEW)
            fail_msg("allocation %ld: status %d: %s", n, status, p->error.text);
        assert_true(refused || (status == WEIR_OK && p->copies == 1));
        if (status != WEIR_OK) assert_int_equal(pair_load_one(p, &p->ours, &b, &counts), WEIR_OK);
        assert_int_equal(pair_load_one(p, &p->fed, &b, &counts), WEIR_OK);
        p->next_row += b.header.rows;
        p->next_block++;
        rows_free(&b);
    }
    assert_true(n > 20 || !armed);
    pair_assert_same(p);
}

/* ---- the copy alone ----------------------------------------------------------------------- */

typedef struct lone_copy {
    char directory[256], path[300];
    sqlite3 *db;
    weir_record_copy *copy;
    weir_declaration *narrow, *wide;
} lone_copy;

static int set_up(void **state) {
    lone_copy *l = calloc(1, sizeof *l);
    if (!l) return -1;
    (void)snprintf(l->directory, sizeof l->directory, "%s", weir_temp_make());
    (void)snprintf(l->path, sizeof l->path, "%s/own.db", l->directory);
    *state = l;
    return sqlite3_open_v2(l->path, &l->db,
                           SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI, NULL);
}

/* In the order that record_copy.h wants: statements, connection, image. */
static void close_copy(lone_copy *l) {
    if (l->copy) weir_record_copy_close(l->copy);
    assert_int_equal(sqlite3_close(l->db), SQLITE_OK);
    if (l->copy) weir_record_copy_free(l->copy);
    l->db = NULL;
    l->copy = NULL;
}

static int tear_down(void **state) {
    lone_copy *l = *state;
    close_copy(l);
    weir_declaration_free(l->narrow);
    weir_declaration_free(l->wide);
    weir_temp_remove(l->directory);
    free(l);
    return 0;
}

#define ALONE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static void an_offer_is_judged_by_the_schema_of_now(void **state) {
    lone_copy *l = *state;
    NEEDS_COPIES;
    l->narrow = pair_declaration(1, "t", abc, 2);
    l->wide = pair_declaration(2, "t", abc, 3);
    assert_int_equal(weir_record_copy_make(l->db, &l->copy), WEIR_OK);
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
        assert_int_equal(sqlite3_exec(l->db, steps[i].sql, NULL, NULL, NULL), SQLITE_OK);
        weir_record_copy_forget(l->copy);
        assert_int_equal(weir_record_copy_offer(l->copy, l->narrow) >= 0, steps[i].two);
        weir_record_copy_forget(l->copy);
        assert_int_equal(weir_record_copy_offer(l->copy, l->wide) >= 0, steps[i].three);
    }
    close_copy(l);
}

static void dropped_or_run_it_takes_nothing(void **state) {
    lone_copy *l = *state;
    NEEDS_COPIES;
    l->narrow = pair_declaration(1, "t", abc, 1);
    const uint8_t row[] = {1, 0, 1, 0, 0x11, 7};
    assert_int_equal(sqlite3_exec(l->db, "CREATE TABLE t(a INTEGER)", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(weir_record_copy_make(l->db, &l->copy), WEIR_OK);
    int slot = weir_record_copy_offer(l->copy, l->narrow);
    assert_true(slot >= 0);
    weir_record_copy_begin(l->copy);
    assert_true(weir_record_copy_take(l->copy, slot, row, sizeof row));
    weir_record_copy_drop(l->copy);
    assert_false(weir_record_copy_take(l->copy, slot, row, sizeof row));
    assert_int_equal(weir_record_copy_run(l->copy), SQLITE_OK);
    weir_record_copy_begin(l->copy);
    assert_true(weir_record_copy_take(l->copy, slot, row, sizeof row));
    assert_int_equal(weir_record_copy_run(l->copy), SQLITE_OK);
    assert_int_equal(weir_record_copy_run(l->copy), SQLITE_OK); /* and not twice */
    assert_false(weir_record_copy_take(l->copy, slot, row, sizeof row));
    close_copy(l);
    assert_int_equal(weir_sql_int(l->path, "SELECT count(*) FROM t"), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        PAIR_TEST(more_rows_than_the_image_holds),
        PAIR_TEST(a_large_transaction_is_copied_as_it_comes),
        PAIR_TEST(where_pages_are_copied_it_is_copied_at_the_end),
        PAIR_TEST(a_copy_that_is_wrong_is_done_again),
        PAIR_TEST(an_early_copy_that_fails_is_told_at_once),
        PAIR_TEST(without_memory_it_is_done_again),
        ALONE_TEST(an_offer_is_judged_by_the_schema_of_now),
        ALONE_TEST(dropped_or_run_it_takes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
