/* test_image.c - rows as pages of a database in memory, read by SQLite.
 *
 * The judge is SQLite itself: what an image takes is inserted into an ordinary table of the same
 * columns too, and both have to read the same. */
/* Covers: writer/copy/image_vfs.c, writer/copy/sqlite_record.c */
#include "support.h"

#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/format/row_encode.h"
#include "rows.h"
#include "same_rows.h"
#include "scarce.h"
#include "writer/copy/image_vfs.h"

enum { PAYLOAD_MAX = WEIR_IMAGE_PAGE - 35 }; /* of a record that stands on one page */

static sqlite3 *db;
static weir_image *image;
static weir_image_vfs file;
static sqlite3_stmt *model[WEIR_IMAGE_TABLES]; /* INSERT INTO main.t<slot> */

static void run(const char *sql) {
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) fail_msg("%s: %s", sql, message);
}

static int set_up(void **state) {
    (void)state;
    memset(model, 0, sizeof model);
    if (sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI, NULL) !=
        SQLITE_OK)
        return -1;
    if (weir_image_make(&image) != WEIR_OK) return -1;
    return weir_image_vfs_attach(&file, image, db, "img");
}

static int tear_down(void **state) {
    (void)state;
    sqlite3_stmt *s;
    while ((s = sqlite3_next_stmt(db, NULL))) /* also those that a failed test leaves */
        (void)sqlite3_finalize(s);
    int code = sqlite3_close(db);
    weir_image_free(image);
    return code;
}

/* ---- defining, and the model ----------------------------------------------------------------- */

static const char *type_text(weir_type type) {
    static const char *const names[] = {"",     "INTEGER", "REAL",
                                        "TEXT", "BLOB",    "INTEGER PRIMARY KEY"};
    return names[type];
}

static void make_model(unsigned slot, const weir_image_column *column, unsigned columns) {
    sqlite3_str *sql = sqlite3_str_new(NULL), *insert = sqlite3_str_new(NULL);
    sqlite3_str_appendf(sql, "DROP TABLE IF EXISTS main.t%u; CREATE TABLE main.t%u(", slot, slot);
    sqlite3_str_appendf(insert, "INSERT INTO main.t%u VALUES(", slot);
    for (unsigned i = 0; i < columns; i++) {
        sqlite3_str_appendf(sql, "%sc%u %s %s", i ? "," : "", i, type_text(column[i].type),
                            column[i].not_null ? "NOT NULL" : "");
        sqlite3_str_appendf(insert, "%s?%u", i ? "," : "", i + 1);
    }
    sqlite3_str_appendall(sql, ")");
    sqlite3_str_appendall(insert, ")");
    char *texts[] = {sqlite3_str_finish(sql), sqlite3_str_finish(insert)};
    (void)sqlite3_finalize(model[slot]);
    run(texts[0]);
    assert_int_equal(sqlite3_prepare_v2(db, texts[1], -1, &model[slot], NULL), SQLITE_OK);
    sqlite3_free(texts[0]);
    sqlite3_free(texts[1]);
}

static void define_columns(unsigned slot, const weir_image_column *column, unsigned columns) {
    make_model(slot, column, columns);
    assert_true(weir_image_define(image, slot, column, columns));
}

/* One letter for a type, a capital one for NOT NULL. */
static void define(unsigned slot, const char *letters) {
    static const char known[] = "?irtbk";
    weir_image_column column[16];
    unsigned n = 0;
    for (; letters[n]; n++) {
        bool capital = letters[n] < 'a';
        char letter = (char)(capital ? letters[n] + ('a' - 'A') : letters[n]);
        const char *at = strchr(known, letter);
        assert_non_null(at);
        column[n] = (weir_image_column){(weir_type)(at - known), "BINARY", capital};
    }
    define_columns(slot, column, n);
}

static void add_to_model(unsigned slot, const weir_value *values, size_t count) {
    sqlite3_stmt *s = model[slot];
    (void)sqlite3_clear_bindings(s);
    for (size_t i = 0; i < count; i++)
        rows_bind(s, (int)i + 1, &values[i]);
    assert_int_equal(sqlite3_step(s), SQLITE_DONE);
    (void)sqlite3_reset(s);
}

/* ---- taking ---------------------------------------------------------------------------------- */

static bool take_bytes(unsigned slot, const uint8_t *bytes, size_t length) {
    uint8_t *exact = malloc(length ? length : 1); /* so that a sanitizer sees who reads too far */
    assert_non_null(exact);
    if (length) memcpy(exact, bytes, length);
    bool taken = weir_image_take(image, slot, exact, length);
    free(exact);
    return taken;
}

static uint8_t *encode(const weir_value *values, size_t count, size_t *bytes) {
    int status = WEIR_OK;
    *bytes = weir_row_size(values, count, &status);
    assert_int_equal(status, WEIR_OK);
    uint8_t *row = malloc(*bytes + WEIR_ROW_SLACK);
    assert_non_null(row);
    (void)weir_row_encode(row, 1, values, count);
    return row;
}

static bool take(unsigned slot, const weir_value *values, size_t count) {
    size_t bytes;
    uint8_t *row = encode(values, count, &bytes);
    bool taken = take_bytes(slot, row, bytes);
    free(row);
    if (taken) add_to_model(slot, values, count);
    return taken;
}

#define TAKE(slot, ...)                                                                            \
    take(slot, (const weir_value[]){__VA_ARGS__},                                                  \
         sizeof(const weir_value[]){__VA_ARGS__} / sizeof(weir_value))

/* ---- comparing ------------------------------------------------------------------------------- */

static sqlite3_stmt *rows_of(const char *schema, unsigned slot) {
    char sql[100];
    sqlite3_stmt *s;
    (void)snprintf(sql, sizeof sql, "SELECT rowid, * FROM %s.t%u ORDER BY rowid", schema, slot);
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK) fail_msg("%s", sqlite3_errmsg(db));
    return s;
}

static void compare_table(unsigned slot) {
    (void)same_rows(rows_of("img", slot), rows_of("main", slot));
}

static bool ends_with(const char *line, size_t length, const char *end) {
    size_t bytes = strlen(end);
    return length >= bytes && strncmp(line + length - bytes, end, bytes) == 0;
}

static int only_unused_pages(void *context, int columns, char **values, char **names) {
    (void)context, (void)columns, (void)names;
    const char *line = values[0];
    while (*line) { /* pages that nothing refers to are as they should be */
        size_t length = strcspn(line, "\n");
        if (strncmp(line, "***", 3) != 0 && strncmp(line, "ok", length) != 0 &&
            !ends_with(line, length, "is never used") && /* before SQLite 3.45 */
            !ends_with(line, length, ": never used"))
            fail_msg("%.*s", (int)length, line);
        line += length + (line[length] == '\n');
    }
    return 0;
}

static void read_in_place(bool yes) {
    run(yes ? "PRAGMA img.mmap_size=1000000000" : "PRAGMA img.mmap_size=0");
}

static void compare_all(void) {
    run("BEGIN IMMEDIATE");
    assert_int_equal(
        sqlite3_exec(db, "PRAGMA img.integrity_check(1000)", only_unused_pages, NULL, NULL),
        SQLITE_OK);
    for (unsigned i = 0; i < WEIR_IMAGE_TABLES; i++)
        if (model[i]) compare_table(i);
    run("COMMIT");
}

/* Seal, read everything as the other side would, in both ways, and begin anew. */
static void compare(void) {
    weir_image_seal(image);
    compare_all();
    read_in_place(false);
    compare_all();
    read_in_place(true);
    for (unsigned i = 0; i < WEIR_IMAGE_TABLES; i++) {
        char sql[40];
        (void)snprintf(sql, sizeof sql, "DELETE FROM main.t%u", i);
        if (model[i]) run(sql);
    }
    weir_image_clear(image);
}

static int64_t number(const char *sql) {
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    int64_t found = sqlite3_column_int64(s, 0);
    (void)sqlite3_finalize(s);
    return found;
}

/* ---- values ---------------------------------------------------------------------------------- */

static void take_integer(int64_t v) {
    bool short_enough = v >= -((int64_t)1 << 47) && v < (int64_t)1 << 47;
    assert_true(TAKE(0, weir_int(v)));
    assert_true(TAKE(1, weir_int(v)));
    assert_int_equal(TAKE(2, weir_int(v)), short_enough); /* else SQLite makes it a real */
}

static void integers_at_each_boundary(void **state) {
    (void)state;
    define(0, "i");
    define(1, "b");
    define(2, "r");
    for (int bit = 0; bit < 64; bit++)
        for (int64_t near = -2; near <= 2; near++) {
            int64_t v = (int64_t)(((uint64_t)1 << bit) + (uint64_t)near);
            take_integer(v);
            take_integer((int64_t)(0 - (uint64_t)v));
        }
    compare();
}

/* Readers accept any width; writers use the least. */
static void every_width_of_a_tag(void **state) {
    (void)state;
    define(0, "i");
    define(1, "t");
    define(2, "b");
    for (uint8_t width = 1; width <= 8; width++) {
        uint8_t row[16] = {1, 0, 1, 0, (uint8_t)(0x10 | width), 0x85, 0, 0, 0, 0, 0, 0, 0};
        row[4 + width] |= 0x80; /* in the last byte: the sign */
        int64_t v = (int64_t)(UINT64_MAX << (8 * width - 1)) + (width > 1 ? 0x85 : 5);
        assert_true(take_bytes(0, row, 5U + width));
        add_to_model(0, (const weir_value[]){weir_int(v)}, 1);
    }
    for (uint8_t width = 1; width <= 4; width++) {
        uint8_t row[16] = {1, 0, 1, 0, (uint8_t)(0x30 | width), 2, 0, 0, 0, 0, 0};
        memcpy(row + 5 + width, "xy", 2);
        assert_true(take_bytes(1, row, 7U + width));
        add_to_model(1, (const weir_value[]){weir_text("xy")}, 1);
        row[4] = (uint8_t)(0x40 | width);
        assert_true(take_bytes(2, row, 7U + width));
        add_to_model(2, (const weir_value[]){weir_blob("xy", 2)}, 1);
    }
    compare();
}

static void reals_as_sqlite_stores_them(void **state) {
    (void)state;
    const double most = (double)((int64_t)1 << 47);
    double values[] = {0.0,
                       -0.0,
                       1.0,
                       -1.0,
                       0.5,
                       1e300,
                       -1e-300,
                       5e-324,
                       INFINITY,
                       -INFINITY,
                       (double)NAN,
                       most,
                       -most,
                       most - 1,
                       1 - most,
                       most + 1,
                       -most - 1,
                       most - 0.25,
                       9007199254740993.0,
                       9.3e18,
                       -9.3e18,
                       127,
                       128,
                       -129,
                       32768,
                       8388608,
                       2147483648.0};
    define(0, "r");
    define(1, "b");
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        assert_true(TAKE(0, weir_real(values[i])));
        assert_true(TAKE(1, weir_real(values[i])));
    }
    weir_image_seal(image);
    assert_int_equal(number("SELECT count(*) FROM img.t0 WHERE c0 IS NULL"), 1); /* NaN */
    compare();
}

static void text_and_blobs_of_any_bytes(void **state) {
    (void)state;
    static const size_t lengths[] = {0,   1,    57,   58,    59,    63,   64,
                                     127, 8185, 8186, 16000, 20000, 32000};
    uint8_t *bytes = malloc(32000);
    weir_rng rng = {11};
    assert_non_null(bytes);
    define(0, "tb");
    define(1, "ir");
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        weir_rng_fill(&rng, bytes, 32000); /* zeros, and no UTF-8 */
        weir_value text = weir_text_n((char *)bytes, lengths[i]),
                   blob = weir_blob(bytes, lengths[i]);
        assert_true(TAKE(0, text, weir_null()));
        assert_true(TAKE(0, weir_null(), text));
        assert_true(TAKE(0, blob, weir_null()));
        assert_true(TAKE(0, weir_null(), blob));
        assert_true(TAKE(1, blob, weir_null()));
        assert_true(TAKE(1, weir_null(), blob));
    }
    assert_true(TAKE(0, weir_text_n("a\0b", 3), weir_text_n("\0", 1)));
    assert_true(TAKE(0, weir_text("\xff\xfe"), weir_text("\xc3")));
    compare();
    free(bytes);
}

/* As would be to SQLite, which converts them. */
static void what_would_be_converted_is_refused(void **state) {
    (void)state;
    define(0, "i");
    define(1, "r");
    define(2, "t");
    define(3, "k");
    for (unsigned slot = 0; slot < 3; slot++)
        assert_true(TAKE(slot, weir_null()));
    assert_true(TAKE(3, weir_int(5)));
    assert_false(TAKE(0, weir_text("1")));
    assert_false(TAKE(0, weir_text("")));
    assert_false(TAKE(0, weir_real(1.5)));
    assert_false(TAKE(0, weir_real(1.0)));
    assert_false(TAKE(1, weir_text("1")));
    assert_false(TAKE(2, weir_int(1)));
    assert_false(TAKE(2, weir_real(1)));
    assert_false(TAKE(3, weir_null()));
    assert_false(TAKE(3, weir_real(6)));
    assert_false(TAKE(3, weir_text("6")));
    assert_false(TAKE(3, weir_blob("6", 1)));
    compare();
}

static void not_null_is_heeded(void **state) {
    (void)state;
    define(0, "iR");
    define(1, "I");
    assert_false(TAKE(0, weir_int(1), weir_null()));
    assert_false(TAKE(0, weir_int(1), weir_real((double)NAN)));
    assert_false(TAKE(0, weir_int(1))); /* what is not there is NULL */
    assert_true(TAKE(0, weir_null(), weir_real(1)));
    assert_false(TAKE(1, weir_null()));
    assert_true(TAKE(1, weir_int(0)));
    compare();
}

static void missing_columns_are_null(void **state) {
    (void)state;
    define(0, "itrb");
    define(1, "ik");
    assert_true(TAKE(0, weir_int(1)));
    assert_true(TAKE(0, weir_int(1), weir_text("x")));
    assert_true(TAKE(0, weir_int(1), weir_text("x"), weir_real(2), weir_blob("", 0)));
    assert_false(TAKE(0, weir_int(1), weir_text("x"), weir_real(2), weir_blob("", 0), weir_int(1)));
    assert_false(TAKE(1, weir_int(1))); /* SQLite would choose the key */
    compare();
}

/* ---- keys ------------------------------------------------------------------------------------ */

static void keys_have_to_ascend(void **state) {
    (void)state;
    define(0, "ki");
    define(1, "ik");
    static const int64_t ascending[] = {
        INT64_MIN, INT64_MIN + 1,    -129,          -1,       0, 1, 127, 128,
        16384,     (int64_t)1 << 56, INT64_MAX - 1, INT64_MAX};
    for (size_t i = 0; i < sizeof ascending / sizeof *ascending; i++) {
        int64_t key = ascending[i];
        assert_true(TAKE(0, weir_int(key), weir_int((int64_t)i)));
        assert_false(TAKE(0, weir_int(key), weir_int(-1)));
        assert_true(TAKE(1, weir_int((int64_t)i), weir_int(key)));
        if (key == INT64_MIN) continue;
        assert_false(TAKE(0, weir_int(key - 1), weir_int(-1)));
        assert_false(TAKE(1, weir_int(-1), weir_int(INT64_MIN)));
    }
    compare();
    assert_true(TAKE(0, weir_int(-7), weir_int(1))); /* the next transaction begins anew */
    assert_false(TAKE(0, weir_int(-7), weir_int(1)));
    assert_false(TAKE(0, weir_int(-8), weir_int(1)));
    assert_true(TAKE(0, weir_int(-6), weir_int(1)));
    compare();
}

/* ---- sizes ----------------------------------------------------------------------------------- */

static void the_largest_record_and_one_more(void **state) {
    (void)state;
    uint8_t *bytes = malloc(PAYLOAD_MAX + 1);
    weir_rng rng = {3};
    assert_non_null(bytes);
    weir_rng_fill(&rng, bytes, PAYLOAD_MAX + 1);
    define(0, "b");  /* its header has 4 bytes: its size, and a serial type of 3 */
    define(1, "kt"); /* 5 bytes, and a rowid of 9 */
    for (size_t less = 10; less-- > 0;) {
        size_t longest = PAYLOAD_MAX - less;
        assert_int_equal(TAKE(0, weir_blob(bytes, longest)), less >= 4);
        assert_int_equal(
            TAKE(1, weir_int(INT64_MIN - (int64_t)less + 10), weir_text_n((char *)bytes, longest)),
            less >= 5);
    }
    assert_true(TAKE(0, weir_blob(bytes, 5)));
    assert_true(TAKE(1, weir_int(1), weir_text("still")));
    compare();
    free(bytes);
}

/* Two cells of a half page each fit, or they do not by one byte. */
static void pages_are_filled_to_the_last_byte(void **state) {
    (void)state;
    static uint8_t bytes[WEIR_IMAGE_PAGE];
    define(0, "b");
    /* 8 of the page's header; for each cell 2 of its place, its size in 3 bytes or 2, its rowid in 1,
     * and 4 of the record's header. */
    size_t both = WEIR_IMAGE_PAGE - 8 - (2 + 3 + 1 + 4) - (2 + 2 + 1 + 4);
    for (size_t second = 0; second < 3; second++) {
        memset(bytes, (int)second + 1, sizeof bytes);
        assert_true(TAKE(0, weir_blob(bytes, both - 15000)));
        assert_true(TAKE(0, weir_blob(bytes, 14999 + second)));
        assert_int_equal(weir_image_page(image, 2 + WEIR_IMAGE_TABLES + 1) != NULL, second == 2);
        compare();
    }
}

static void fill(unsigned slot, size_t rows, size_t most) {
    static uint8_t bytes[4096];
    weir_rng rng = {rows * 31 + slot};
    for (size_t i = 0; i < rows; i++) {
        size_t length = weir_rng_below(&rng, most);
        memset(bytes, (int)(i & 255), length);
        assert_true(TAKE(slot, weir_int((int64_t)i * 3), weir_blob(bytes, length)));
    }
}

static void from_no_row_to_many_pages(void **state) {
    (void)state;
    define(0, "ib");
    define(1, "kb");
    for (size_t rows = 0; rows < 80; rows += 1 + rows / 8) {
        fill(0, rows, 2048);
        fill(1, rows, 2048);
        compare();
    }
    fill(0, 20000, 60);
    compare();
    fill(0, 3000, 4000); /* up to the last page */
    compare();
}

/* All 8 MiB, and then the smallest row finds no room, and neither does another table. */
static void a_full_image_takes_no_more(void **state) {
    (void)state;
    static uint8_t bytes[16200];
    define(0, "kb");
    define(1, "i");
    int64_t rows = 0;
    while (TAKE(0, weir_int(rows * 1000000007), weir_blob(bytes, sizeof bytes)))
        rows++;
    assert_int_equal(rows, 2 * 256);
    assert_true(TAKE(0, weir_int(rows * 1000000007), weir_null())); /* on the last page */
    assert_false(TAKE(1, weir_int(1)));
    assert_false(TAKE(0, weir_int(INT64_MAX), weir_blob(bytes, sizeof bytes)));
    compare();
    assert_true(TAKE(1, weir_int(1)));
    assert_true(TAKE(0, weir_int(1), weir_null()));
    compare();
}

static void as_many_tables_as_there_may_be(void **state) {
    (void)state;
    static const char *const shapes[] = {"i", "kt", "rb", "Ttt", "bk"};
    for (unsigned i = 0; i < WEIR_IMAGE_TABLES; i++)
        define(i, shapes[i % 5]);
    for (unsigned row = 0; row < 40; row++)
        for (unsigned i = 0; i < WEIR_IMAGE_TABLES; i++) {
            weir_value n = weir_int((int64_t)row * 64 + i), text = weir_text("text"),
                       nil = weir_null();
            const weir_value rows[5][3] = {
                {n}, {n, text}, {nil, text}, {text, nil, text}, {nil, n}};
            static const size_t counts[5] = {1, 2, 2, 3, 2};
            assert_true(row < i % 37 || take(i, rows[i % 5], counts[i % 5]));
        }
    compare();
}

static void take_wide(unsigned slot, unsigned columns) {
    static weir_value values[WEIR_COLUMNS_MAX];
    for (unsigned i = 0; i < columns; i++)
        values[i] = i % 7 == 3 ? weir_null() : weir_int((int64_t)1 << i % 63);
    assert_true(take(slot, values, columns));
    assert_true(take(slot, values, columns - columns / 3));
}

/* A record's header counts itself, with one byte or two. */
static void rows_of_many_columns(void **state) {
    (void)state;
    static weir_image_column column[WEIR_COLUMNS_MAX];
    for (unsigned i = 0; i < WEIR_COLUMNS_MAX; i++)
        column[i] = (weir_image_column){WEIR_INTEGER, "BINARY", false};
    static const unsigned widths[] = {1, 2, 124, 125, 126, 127, 128, 129, 1000};
    for (unsigned slot = 0; slot < sizeof widths / sizeof *widths; slot++) {
        define_columns(slot, column, widths[slot]);
        take_wide(slot, widths[slot]);
    }
    compare();
}

/* Definitions share one page. */
static void a_definition_without_room_is_refused(void **state) {
    (void)state;
    static weir_image_column column[WEIR_COLUMNS_MAX + 1];
    for (unsigned i = 0; i <= WEIR_COLUMNS_MAX; i++)
        column[i] = (weir_image_column){WEIR_INTEGER, "BINARY", false};
    define(0, "it");
    assert_false(weir_image_define(image, 1, column, WEIR_COLUMNS_MAX));
    assert_false(weir_image_define(image, 1, column, WEIR_COLUMNS_MAX + 1));
    assert_false(take_bytes(1, (const uint8_t[]){1, 0, 1, 0, 0}, 5));
    unsigned fitted = 0;
    for (unsigned slot = 2; slot < 10; slot++)
        fitted += weir_image_define(image, slot, column, 800);
    assert_in_range(fitted, 2, 4);
    assert_true(TAKE(0, weir_int(1), weir_text("as before")));
    assert_true(take_bytes(2, (const uint8_t[]){1, 0, 1, 0, 0}, 5));
    compare();
}

/* ---- bytes that are no row ------------------------------------------------------------------- */

/* Whatever is taken is a row, and reads as one. */
static void take_if_it_is_a_row(unsigned slot, const uint8_t *bytes, size_t length) {
    static weir_value values[WEIR_COLUMNS_MAX];
    uint16_t table, count;
    if (!take_bytes(slot, bytes, length)) return;
    assert_true(weir_row_decode(bytes, length, &table, &count, values) ||
                bytes[0] + bytes[1] == 0 || bytes[1] > 16 ||
                (bytes[1] == 16 && bytes[0])); /* whose number is not looked at */
    uint8_t copy[256] = {1};
    assert_true(length <= sizeof copy);
    memcpy(copy + 2, bytes + 2, length - 2);
    assert_true(weir_row_decode(copy, length, &table, &count, values));
    add_to_model(slot, values, count);
}

static void malformed_rows_change_nothing(void **state) {
    (void)state;
    define(0, "itrbi");
    size_t bytes;
    uint8_t *row = encode((const weir_value[]){weir_int(-70000), weir_text("some text"),
                                               weir_real(0.1), weir_blob("\0\1\2", 3), weir_null()},
                          5, &bytes);
    uint8_t bent[256];
    weir_rng rng = {5};
    for (size_t length = 0; length < bytes; length++)
        assert_false(take_bytes(0, row, length));
    memcpy(bent, row, bytes);
    bent[bytes] = 0;
    assert_false(take_bytes(0, bent, bytes + 1));
    for (int i = 0; i < 40000; i++) {
        memcpy(bent, row, bytes);
        for (uint64_t n = 1 + weir_rng_below(&rng, 3); n > 0; n--)
            bent[weir_rng_below(&rng, bytes)] = (uint8_t)weir_rng_next(&rng);
        take_if_it_is_a_row(0, bent, weir_rng_below(&rng, 4) ? bytes : weir_rng_below(&rng, bytes));
    }
    static const uint8_t tags[] = {0x01, 0x10, 0x19, 0x1F, 0x20, 0x27, 0x29,
                                   0x30, 0x35, 0x40, 0x45, 0x50, 0x58, 0xFF};
    define(1, "b");
    for (size_t i = 0; i < sizeof tags; i++) {
        uint8_t odd[24] = {1, 0, 1, 0, tags[i]};
        for (size_t length = 5; length <= sizeof odd; length++)
            assert_false(take_bytes(1, odd, length));
    }
    assert_true(TAKE(0, weir_int(1), weir_text("whole")));
    compare();
    free(row);
}

/* ---- time ------------------------------------------------------------------------------------ */

/* SQLite keeps pages; each clear makes it forget them. */
static void nothing_stale_is_read(void **state) {
    (void)state;
    define(0, "ib");
    for (int64_t round = 0; round < 6; round++) {
        for (int64_t i = 0; i < 3 + round % 2 * 500; i++)
            assert_true(
                TAKE(0, weir_int(round * 1000 + i), weir_blob("0123456789012345678901", 22)));
        compare();
    }
    compare(); /* and none */
}

static void sealed_until_cleared(void **state) {
    (void)state;
    define(0, "i");
    assert_true(TAKE(0, weir_int(1)));
    weir_image_seal(image);
    assert_false(TAKE(0, weir_int(2)));
    compare();
    assert_true(TAKE(0, weir_int(2)));
    compare();
}

static int64_t pages_copied(void) {
    int now, most;
    assert_int_equal(sqlite3_db_status(db, SQLITE_DBSTATUS_CACHE_MISS, &now, &most, 1), SQLITE_OK);
    return now;
}

static void pages_are_read_in_place(void **state) {
    (void)state;
    static uint8_t bytes[WEIR_IMAGE_PAGE / 2];
    define(0, "b");
    for (int i = 0; i < 40; i++)
        assert_true(TAKE(0, weir_blob(bytes, sizeof bytes)));
    weir_image_seal(image);
    assert_false(file.in_place);
    (void)pages_copied();
    assert_int_equal(number("SELECT sum(length(c0)) FROM img.t0"), 40 * sizeof bytes);
    assert_true(file.in_place);
    assert_true(pages_copied() <= 1); /* the first */
    read_in_place(false);
    assert_int_equal(number("SELECT sum(length(c0)) FROM img.t0"), 40 * sizeof bytes);
    assert_true(pages_copied() >= 40);
}

static void in_place_it_is_filled_more_than_once_in_a_transaction(void **state) {
    (void)state;
    define(0, "i");
    run("BEGIN IMMEDIATE");
    for (int64_t i = 1; i <= 5; i++) {
        for (int64_t row = 0; row < 3000 * i; row++)
            assert_true(TAKE(0, weir_int(i)));
        weir_image_seal(image);
        assert_int_equal(number("SELECT count(*) FROM img.t0"), 3000 * i);
        assert_int_equal(number("SELECT count(DISTINCT c0) * max(c0) FROM img.t0"), i);
        weir_image_clear(image);
    }
    run("COMMIT");
}

/* One leaf of each table is always there. */
static void it_is_due_when_leaves_have_filled(void **state) {
    (void)state;
    static uint8_t bytes[20000]; /* each needs a leaf */
    for (unsigned slot = 0; slot < WEIR_IMAGE_TABLES; slot++) {
        define(slot, "b");
        assert_true(TAKE(slot, weir_blob(bytes, sizeof bytes)));
    }
    int rows = 0;
    for (; !weir_image_is_due(image); rows++)
        assert_true(TAKE((unsigned)rows % 3, weir_blob(bytes, sizeof bytes)));
    assert_int_equal(rows, 8);
    compare();
    assert_false(weir_image_is_due(image));
}

static void a_slot_is_defined_anew(void **state) {
    (void)state;
    define(0, "it");
    define(1, "i");
    assert_true(TAKE(0, weir_int(1), weir_text("x")));
    assert_true(TAKE(1, weir_int(1)));
    compare();
    define(0, "krb");
    assert_true(TAKE(0, weir_int(9), weir_real(1), weir_null()));
    assert_true(TAKE(1, weir_int(2)));
    compare();
}

static void names_of_collations_are_kept(void **state) {
    (void)state;
    weir_image_column column[] = {{WEIR_TEXT, "NOCASE", false}, {WEIR_TEXT, "BINARY", true}};
    define_columns(0, column, 2);
    assert_true(TAKE(0, weir_text("AB"), weir_text("AB")));
    weir_image_seal(image);
    assert_int_equal(number("SELECT c0 = 'ab' AND c1 <> 'ab' FROM img.t0"), 1);
    compare();
}

static void it_cannot_be_written(void **state) {
    (void)state;
    define(0, "i");
    weir_image_seal(image);
    assert_int_equal(sqlite3_exec(db, "INSERT INTO img.t0 VALUES(1)", NULL, NULL, NULL),
                     SQLITE_READONLY);
    assert_int_equal(sqlite3_exec(db, "DROP TABLE img.t0", NULL, NULL, NULL), SQLITE_READONLY);
    compare();
}

/* Where URIs are off, ATTACH takes the name for a file's: none may come of it. */
static void nobody_else_finds_it(void **state) {
    (void)state;
    assert_null(sqlite3_vfs_find(file.name));
    weir_image_vfs unused;
    sqlite3 *other;
    assert_int_equal(sqlite3_open_v2(":memory:", &other, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    if (!sqlite3_compileoption_used("USE_URI"))
        assert_int_equal(weir_image_vfs_attach(&unused, image, other, "img"), SQLITE_CANTOPEN);
    assert_int_equal(
        sqlite3_exec(other, "ATTACH 'file:/weir-image/rows?mode=rw' AS img", NULL, NULL, NULL),
        SQLITE_CANTOPEN);
    (void)sqlite3_close(other);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void without_memory_nothing_changes(void **state) {
    (void)state;
    weir_image *unmade;
    weir_image_column column[] = {{WEIR_INTEGER, "BINARY", false}};
    bool armed = scarce_arm(1);
    assert_int_equal(weir_image_make(&unmade), armed ? WEIR_NO_MEMORY : WEIR_OK);
    assert_int_equal(scarce_end(), armed);
    weir_image_free(unmade);
    define(0, "b");
    bool refused = true;
    for (long n = 1; refused; n++) {
        (void)scarce_arm(n);
        bool defined = weir_image_define(image, 1, column, 1);
        refused = scarce_end();
        assert_int_equal(defined, !refused);
    }
    static uint8_t bytes[20000];
    uint8_t row[20016] = {1, 0, 1, 0, 0x42, 20000 & 255, 20000 >> 8};
    for (int i = 0; i < 4; i++) { /* each needs a page */
        if (scarce_arm(1)) assert_false(weir_image_take(image, 0, row, 20007));
        assert_int_equal(scarce_end(), armed);
        assert_true(TAKE(0, weir_blob(bytes, sizeof bytes)));
    }
    compare();
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(integers_at_each_boundary),
        TEST(every_width_of_a_tag),
        TEST(reals_as_sqlite_stores_them),
        TEST(text_and_blobs_of_any_bytes),
        TEST(what_would_be_converted_is_refused),
        TEST(not_null_is_heeded),
        TEST(missing_columns_are_null),
        TEST(keys_have_to_ascend),
        TEST(the_largest_record_and_one_more),
        TEST(pages_are_filled_to_the_last_byte),
        TEST(from_no_row_to_many_pages),
        TEST(a_full_image_takes_no_more),
        TEST(as_many_tables_as_there_may_be),
        TEST(rows_of_many_columns),
        TEST(a_definition_without_room_is_refused),
        TEST(malformed_rows_change_nothing),
        TEST(nothing_stale_is_read),
        TEST(sealed_until_cleared),
        TEST(a_slot_is_defined_anew),
        TEST(pages_are_read_in_place),
        TEST(in_place_it_is_filled_more_than_once_in_a_transaction),
        TEST(it_is_due_when_leaves_have_filled),
        TEST(names_of_collations_are_kept),
        TEST(it_cannot_be_written),
        TEST(nobody_else_finds_it),
        TEST(without_memory_nothing_changes),
    };
    if (sqlite3_compileoption_used("MAX_ATTACHED=0"))
        return weir_skip_all("image", "this SQLite has no database beside another",
                             sizeof tests / sizeof *tests);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
