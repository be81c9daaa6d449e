/* test_key.c - the rowid that SQLite makes of a value is never above weir_key_bound(). The judge is
 * SQLite itself. */
#include "support.h"

#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "lib/format/key.h"
#include "rows.h"

static sqlite3 *db;
static sqlite3_stmt *insert;

static int set_up(void **state) {
    (void)state;
    if (sqlite3_open(":memory:", &db) != SQLITE_OK) return -1;
    if (sqlite3_exec(db, "CREATE TABLE t(k INTEGER PRIMARY KEY)", NULL, NULL, NULL) != SQLITE_OK)
        return -1;
    return sqlite3_prepare_v2(db, "INSERT OR REPLACE INTO t VALUES(?1)", -1, &insert, NULL);
}

static int tear_down(void **state) {
    (void)state;
    (void)sqlite3_finalize(insert);
    return sqlite3_close(db);
}

/* False: SQLite refuses the value. */
static bool rowid_of(const weir_value *v, int64_t *rowid) {
    rows_bind(insert, 1, v);
    bool in = sqlite3_step(insert) == SQLITE_DONE;
    (void)sqlite3_reset(insert);
    *rowid = sqlite3_last_insert_rowid(db);
    return in;
}

static void assert_bounded(const weir_value *v, const char *what) {
    int64_t rowid, bound = weir_key_bound(v);
    if (!rowid_of(v, &rowid)) return;
    if (rowid > 0 && bound < rowid)
        fail_msg("%s: SQLite makes %lld of it, the bound is %lld", what, (long long)rowid,
                 (long long)bound);
    if (bound > 0 && (rowid < 0 || bound - rowid > 2 + (rowid >> 50)))
        fail_msg("%s: SQLite makes %lld of it, and the bound is as high as %lld", what,
                 (long long)rowid, (long long)bound);
}

static void texts_are_read_as_sqlite_reads_them(void **state) {
    (void)state;
    static const char *const texts[] = {"1",
                                        "0",
                                        "-5",
                                        "+7",
                                        " 12 ",
                                        "\t\n\v\f\r9\r",
                                        "007",
                                        "1.0",
                                        "1.",
                                        ".0",
                                        "2.50e1",
                                        "1e3",
                                        "1E+3",
                                        "12e-1",
                                        "120e-1",
                                        "9007199254740993",
                                        "9007199254740993.0",
                                        "9007199254740992.9999",
                                        "9223372036854775806",
                                        "9223372036854775807",
                                        "9223372036854775808",
                                        "9223372036854774784.0",
                                        "9.2e18",
                                        "0.00000001e8",
                                        "0.0e99999999999999999999",
                                        "1e-99999999999999999999",
                                        "1e99999999999999999999",
                                        "123456789012345678901e-3",
                                        "4.99999999999999999999"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        weir_value v = weir_text(texts[i]);
        assert_bounded(&v, texts[i]);
    }
}

static void what_is_no_number_bounds_nothing(void **state) {
    (void)state;
    static const char *const texts[] = {"",    " ",   "x", "1x",   "1 2",  "e5", "1e",
                                        "1e+", "--1", ".", "1..2", "0x10", "+",  "1e5.0"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(weir_key_bound(&(weir_value[]){weir_text(texts[i])}[0]), 0);
    assert_int_equal(weir_key_bound(&(weir_value[]){weir_blob("1", 1)}[0]), 0);
    assert_int_equal(weir_key_bound(&(weir_value[]){weir_null()}[0]), 0);
}

static void numbers_are_themselves(void **state) {
    (void)state;
    static const double reals[] = {1,
                                   2.0,
                                   2.5,
                                   -3,
                                   0,
                                   9007199254740993.0,
                                   9.2e18,
                                   1e19,
                                   -1e19,
                                   9223372036854774784.0,
                                   9223372036854775808.0,
                                   INFINITY};
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
        weir_value v = weir_real(reals[i]);
        assert_bounded(&v, "a real");
    }
    assert_int_equal(weir_key_bound(&(weir_value[]){weir_real(2.0)}[0]), 2);
    assert_int_equal(weir_key_bound(&(weir_value[]){weir_int(77)}[0]), 77);
    assert_int_equal(weir_key_bound(&(weir_value[]){weir_int(-77)}[0]), 0);
}

static void any_text_of_such_signs(void **state) {
    (void)state;
    static const char signs[] = "0123456789019.e-+ ";
    weir_rng rng = {5};
    for (int i = 0; i < 20000; i++) {
        char text[24];
        size_t length = 1 + weir_rng_below(&rng, sizeof text - 1);
        for (size_t n = 0; n < length; n++)
            text[n] = signs[weir_rng_below(&rng, sizeof signs - 1)];
        weir_value v = weir_text_n(text, length);
        char what[64];
        (void)snprintf(what, sizeof what, "'%.*s'", (int)length, text);
        assert_bounded(&v, what);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_read_as_sqlite_reads_them),
        cmocka_unit_test(what_is_no_number_bounds_nothing),
        cmocka_unit_test(numbers_are_themselves),
        cmocka_unit_test(any_text_of_such_signs),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
