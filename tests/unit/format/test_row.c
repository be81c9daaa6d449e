/* Rows and declarations come back exactly, take the bytes promised, and nothing else decodes. */
/* Covers: lib/format/row_encode.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/format/row_encode.h"
#include "scarce.h"

static weir_value decoded[WEIR_COLUMNS_MAX];

/* ---- rows ---- */

/* In one pass: the same bytes, when there is just enough room for texts; NULL when there is less. */
static void assert_same_in_one_pass(const uint8_t *row, size_t bytes, const weir_value *values,
                                    size_t count) {
    uint64_t room = 0;
    for (size_t i = 0; i < count; i++)
        room += values[i].type == WEIR_TEXT || values[i].type == WEIR_BLOB ? values[i].length : 0;
    bool fits = room <= UINT8_MAX;
    uint8_t *small = malloc((size_t)(weir_row_most(count) + (fits ? room : UINT8_MAX)));
    assert_non_null(small);
    if (!fits) {
        assert_null(weir_row_encode_small(small, 7, values, count, UINT8_MAX));
        free(small);
        return;
    }
    assert_ptr_equal(weir_row_encode_small(small, 7, values, count, room), small + bytes);
    assert_memory_equal(small, row, bytes);
    if (room) assert_null(weir_row_encode_small(small, 7, values, count, room - 1));
    free(small);
}

/* Encode into memory that ends where the slack ends, so that the sanitizer sees a longer reach. */
static uint8_t *encode(const weir_value *values, size_t count, size_t *bytes) {
    int status = WEIR_OK;
    *bytes = weir_row_size(values, count, &status);
    assert_int_equal(status, WEIR_OK);
    assert_in_range(weir_row_bound(values, count), *bytes, *bytes + 8 * count);
    uint8_t *row = malloc(*bytes + WEIR_ROW_SLACK);
    assert_non_null(row);
    assert_ptr_equal(weir_row_encode(row, 7, values, count), row + *bytes);
    assert_same_in_one_pass(row, *bytes, values, count);
    uint8_t *exact = realloc(row, *bytes);
    return exact ? exact : row;
}

static void assert_same_value(const weir_value *a, const weir_value *b) {
    assert_int_equal(a->type, b->type);
    if (a->type == WEIR_INTEGER) assert_true(a->as.integer == b->as.integer);
    if (a->type == WEIR_REAL) assert_memory_equal(&a->as.real, &b->as.real, 8);
    if (a->type == WEIR_TEXT || a->type == WEIR_BLOB) {
        assert_int_equal(a->length, b->length);
        if (a->length) assert_memory_equal(a->as.bytes, b->as.bytes, a->length);
    }
}

static void assert_round_trip(const weir_value *values, size_t count) {
    size_t bytes;
    uint8_t *row = encode(values, count, &bytes);
    uint16_t table, columns;
    assert_true(weir_row_decode(row, bytes, &table, &columns, decoded));
    assert_int_equal(table, 7);
    assert_int_equal(columns, count);
    for (size_t i = 0; i < count; i++)
        assert_same_value(&values[i], &decoded[i]);
    free(row);
}

static void assert_bytes(const weir_value *values, size_t count, const char *expected,
                         size_t length) {
    size_t bytes;
    uint8_t *row = encode(values, count, &bytes);
    assert_int_equal(bytes, length);
    assert_memory_equal(row, expected, length);
    free(row);
}
#define ASSERT_BYTES(values, count, text) assert_bytes(values, count, text, sizeof(text) - 1)

static void layout_is_that_of_the_header(void **state) {
    (void)state;
    const weir_value row[] = {weir_int(-2),   weir_null(),        weir_text("hi"),
                              weir_real(1.0), weir_blob("\0", 1), weir_int(300)};
    ASSERT_BYTES(row, 6,
                 "\x07\0\x06\0"
                 "\x11\x00\x31\x28\x41\x12"
                 "\xFE"
                 "\x02hi"
                 "\0\0\0\0\0\0\xF0\x3F"
                 "\x01\0"
                 "\x2C\x01");
}

static void integers_take_the_least_width(void **state) {
    (void)state;
    for (unsigned width = 1; width <= 8; width++) {
        int64_t most = (int64_t)(UINT64_MAX >> (65 - 8 * width));
        assert_int_equal(weir_width_signed(most), width);
        assert_int_equal(weir_width_signed(-most - 1), width);
        if (width == 8) break;
        assert_int_equal(weir_width_signed(most + 1), width + 1);
        assert_int_equal(weir_width_signed(-most - 2), width + 1);
    }
    assert_int_equal(weir_width_signed(0), 1);
    assert_int_equal(weir_width_signed(-1), 1);
}

static void integers_round_trip_at_every_edge(void **state) {
    (void)state;
    for (unsigned bit = 0; bit < 64; bit++) {
        int64_t power = (int64_t)((uint64_t)1 << bit);
        const int64_t edges[] = {power, (int64_t)((uint64_t)power - 1), ~power,
                                 (int64_t)(0 - (uint64_t)power)};
        for (size_t i = 0; i < 4; i++) {
            weir_value v = weir_int(edges[i]);
            assert_round_trip(&v, 1);
        }
    }
}

static weir_value real_of(uint64_t bits) {
    weir_value v = weir_real(0);
    memcpy(&v.as.real, &bits, sizeof bits);
    return v;
}

static void reals_keep_every_bit(void **state) {
    (void)state;
    static const uint64_t bits[] = {
        0,
        0x8000000000000000u /* -0.0 */,
        1,
        0x7FF0000000000000u /* infinity */,
        0xFFF0000000000000u,
        0x7FF8000000000001u /* quiet NaN with a payload */,
        0x7FF0000000000001u /* signalling */,
        0xFFFFFFFFFFFFFFFFu,
    };
    for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++) {
        weir_value v = real_of(bits[i]);
        assert_round_trip(&v, 1);
    }
}

static void texts_round_trip_around_each_width(void **state) {
    (void)state;
    static const size_t lengths[] = {0, 1, 255, 256, 65535, 65536, 1 << 24};
    static const unsigned widths[] = {1, 1, 1, 2, 2, 3, 4};
    char *text = calloc(1, 1 << 24);
    assert_non_null(text);
    text[0] = 'a';
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        const weir_value row[] = {weir_text_n(text, lengths[i]), weir_blob(text, lengths[i])};
        assert_round_trip(row, 2);
        assert_int_equal(weir_width_length((uint32_t)lengths[i]), widths[i]);
    }
    free(text);
    assert_int_equal(weir_width_length(UINT32_MAX), 4);
}

static void an_empty_value_needs_no_pointer(void **state) {
    (void)state;
    const weir_value row[] = {weir_blob(NULL, 0), weir_text_n(NULL, 0)};
    assert_round_trip(row, 2);
}

static void widest_row_round_trips(void **state) {
    (void)state;
    static weir_value row[WEIR_COLUMNS_MAX];
    for (size_t i = 0; i < WEIR_COLUMNS_MAX; i++)
        row[i] = i % 2 ? weir_null() : weir_int((int64_t)i);
    assert_round_trip(row, WEIR_COLUMNS_MAX);
}

static void assert_refused(const weir_value *values, size_t count, int expected) {
    int status = WEIR_OK;
    assert_int_equal(weir_row_size(values, count, &status), 0);
    assert_int_equal(status, expected);
    uint64_t bound = weir_row_bound(values, count);
    assert_true(bound == 0 || bound > UINT32_MAX);
}

static void what_cannot_be_stored_is_refused(void **state) {
    (void)state;
    static weir_value row[WEIR_COLUMNS_MAX + 1];
    assert_refused(row, 0, WEIR_MISUSE);
    assert_refused(row, WEIR_COLUMNS_MAX + 1, WEIR_MISUSE);
    for (uint32_t type = WEIR_KEY; type < 300; type++) {
        row[1].type = type;
        assert_refused(row, 2, type == WEIR_OVERLONG ? WEIR_TOO_BIG : WEIR_MISUSE);
    }
    row[1] = weir_blob(NULL, 1);
    assert_refused(row, 2, WEIR_MISUSE);
    row[1] = weir_text_n("", (size_t)UINT32_MAX + 1);
    assert_refused(row, 2, WEIR_TOO_BIG);
    row[0] = row[1] = weir_blob("", UINT32_MAX);
    assert_refused(row, 2, WEIR_TOO_BIG);
}

static bool decodes(const char *bytes, size_t length) {
    uint8_t *exact = malloc(length ? length : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, length);
    uint16_t table, columns;
    bool valid = weir_row_decode(exact, length, &table, &columns, decoded);
    free(exact);
    return valid;
}
#define DECODES(text) decodes(text, sizeof(text) - 1)

static void readers_accept_any_width(void **state) {
    (void)state;
    assert_true(DECODES("\x01\0\x01\0\x18\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"));
    assert_true(decoded[0].as.integer == -1);
    assert_true(DECODES("\x01\0\x01\0\x34\x01\0\0\0z"));
    assert_int_equal(decoded[0].length, 1);
}

static void invalid_rows_do_not_decode(void **state) {
    (void)state;
    assert_true(DECODES("\x01\0\x01\0\x00"));
    assert_true(DECODES("\xFF\xFF\x01\0\x00")); /* of a template: its row may have any number */
    assert_false(DECODES("\0\0\x01\0\x00"));
    assert_false(DECODES("\x01\0\0\0"));
    assert_false(DECODES("\x01\0\xD1\x07"));       /* 2001 columns */
    assert_false(DECODES("\x01\0\x02\0\x00"));     /* tags cut */
    assert_false(DECODES("\x01\0\x01\0\x00\x00")); /* a byte too many */
    assert_false(DECODES("\x01\0\x01\0\x34\xFF\xFF\xFF\xFFz"));
    assert_false(DECODES("\x01\0\x01\0\x31\x02z"));
    assert_false(DECODES(""));
}

static bool tag_is_legal(unsigned tag) {
    return tag == 0x00 || (tag >= 0x11 && tag <= 0x18) || tag == 0x28 ||
           (tag >= 0x31 && tag <= 0x34) || (tag >= 0x41 && tag <= 0x44);
}

/* Bytes that a value of zeros takes under this tag, were it legal. */
static size_t zero_value_bytes(unsigned tag) { return tag & 15; }

static void only_listed_tags_decode(void **state) {
    (void)state;
    for (unsigned tag = 0; tag < 256; tag++) {
        char row[5 + 15] = {1, 0, 1, 0, (char)tag};
        assert_int_equal(decodes(row, 5 + zero_value_bytes(tag)), tag_is_legal(tag));
    }
}

/* Every proper beginning of a row is invalid, and no flipped bit makes the decoder misbehave. */
static void cuts_and_flips_are_survived(void **state) {
    (void)state;
    const weir_value row[] = {weir_int(-70000), weir_text("market"),  weir_null(),
                              weir_real(2.5),   weir_blob("\1\2", 2), weir_int(INT64_MIN)};
    size_t bytes;
    uint8_t *encoded = encode(row, 6, &bytes);
    for (size_t cut = 0; cut < bytes; cut++)
        assert_false(decodes((const char *)encoded, cut));
    for (size_t bit = 0; bit < bytes * 8; bit++) {
        encoded[bit / 8] ^= (uint8_t)(1u << bit % 8);
        (void)decodes((const char *)encoded, bytes);
        encoded[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    free(encoded);
}

/* A xorshift generator: the same rows in every run. */
static uint64_t next_random(uint64_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static weir_value random_value(uint64_t *seed, const char *text) {
    uint64_t r = next_random(seed);
    switch (r % 5) {
    case 0: return weir_null();
    case 1: return weir_int((int64_t)next_random(seed) >> (r >> 8) % 64);
    case 2: return real_of(next_random(seed));
    case 3: return weir_text_n(text, (r >> 8) % 300);
    default: return weir_blob(text, (r >> 8) % 70);
    }
}

static void random_rows_round_trip(void **state) {
    (void)state;
    static const char text[300] = "some text";
    uint64_t seed = 0x5EED;
    for (int i = 0; i < 5000; i++) {
        weir_value row[12];
        size_t count = 1 + next_random(&seed) % 12;
        for (size_t k = 0; k < count; k++)
            row[k] = random_value(&seed, text);
        assert_round_trip(row, count);
    }
}

/* Neither end is overrun, as the sanitizer sees. */
static void a_few_bytes_are_copied_as_they_are(void **state) {
    (void)state;
    for (size_t length = 0; length <= 40; length++) {
        uint8_t *from = malloc(length + !length), *to = malloc(length + !length);
        assert_non_null(from);
        assert_non_null(to);
        for (size_t i = 0; i < length; i++)
            from[i] = (uint8_t)(length + i);
        memset(to, 0xFF, length);
        assert_ptr_equal(weir_put_few_bytes(to, from, length), to + length);
        assert_memory_equal(to, from, length);
        free(from);
        free(to);
    }
    uint8_t none = 7;
    assert_ptr_equal(weir_put_few_bytes(&none, NULL, 0), &none);
    assert_int_equal(none, 7);
}

static void what_cannot_be_stored_is_refused_in_one_pass(void **state) {
    (void)state;
    uint8_t row[64];
    const weir_value wrong[] = {
        {{.bytes = NULL}, 1, WEIR_TEXT},
        {{.bytes = NULL}, 1, WEIR_BLOB},
        {{.integer = 1}, 0, WEIR_KEY},
        {{.bytes = "x"}, 1, WEIR_OVERLONG},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_null(weir_row_encode_small(row, 7, &wrong[i], 1, 8));
    const weir_value blob = weir_blob("x", 1), none = weir_blob(NULL, 0);
    assert_non_null(weir_row_encode_small(row, 7, &blob, 1, 1));
    assert_non_null(weir_row_encode_small(row, 7, &none, 1, 0));
}

/* ---- declarations ---- */

static const weir_column columns[] = {
    {"id", WEIR_KEY},     {"tick", WEIR_INTEGER}, {"name", WEIR_TEXT},
    {"price", WEIR_REAL}, {"raw", WEIR_BLOB},     {"\xc3\xa9 \"select\"", WEIR_INTEGER},
};

static weir_declaration *make(const char *name, const weir_column *of, size_t count) {
    weir_declaration *d;
    assert_int_equal(weir_declaration_make(3, name, of, count, &d, NULL), WEIR_OK);
    assert_non_null(d);
    return d;
}

static uint8_t *encode_declaration(const weir_declaration *d, size_t *bytes) {
    *bytes = weir_declaration_size(d);
    uint8_t *at = malloc(*bytes);
    assert_non_null(at);
    assert_ptr_equal(weir_declaration_encode(at, d), at + *bytes);
    return at;
}

static void declarations_round_trip(void **state) {
    (void)state;
    weir_declaration *d = make("t", columns, 6), *back;
    size_t bytes;
    uint8_t *encoded = encode_declaration(d, &bytes);
    weir_cursor c = weir_cursor_over(encoded, bytes);
    assert_int_equal(weir_declaration_decode(&c, &back), WEIR_OK);
    assert_int_equal(weir_cursor_left(&c), 0);
    assert_true(weir_declaration_equal(d, back));
    assert_int_equal(back->table, 3);
    assert_int_equal(weir_declaration_key(back), 0);
    weir_declaration_free(d);
    weir_declaration_free(back);
    free(encoded);
}

static void declaration_layout_is_that_of_the_header(void **state) {
    (void)state;
    static const weir_column two[] = {{"a", WEIR_TEXT}, {"bc", WEIR_KEY}};
    weir_declaration *d = make("tab", two, 2);
    size_t bytes;
    uint8_t *encoded = encode_declaration(d, &bytes);
    static const char expected[] = "\x03\0\x02\0\x03\0tab"
                                   "\x03\x01\0a"
                                   "\x05\x02\0bc";
    assert_int_equal(bytes, sizeof expected - 1);
    assert_memory_equal(encoded, expected, bytes);
    weir_declaration_free(d);
    free(encoded);
}

static void assert_undeclarable(uint16_t table, const char *name, const weir_column *of,
                                size_t count) {
    weir_declaration *d = (weir_declaration *)&columns;
    weir_error error = {.status = 0, .text = ""};
    assert_int_equal(weir_declaration_make(table, name, of, count, &d, &error), WEIR_MISUSE);
    assert_null(d);
    assert_int_equal(error.status, WEIR_MISUSE);
    assert_true(strlen(error.text) > 0);
}

static void what_breaks_the_rules_is_not_declared(void **state) {
    (void)state;
    char longest[WEIR_NAME_MAX + 2];
    memset(longest, 'n', sizeof longest);
    longest[WEIR_NAME_MAX + 1] = '\0';
    assert_undeclarable(0, "t", columns, 1);
    assert_undeclarable(WEIR_TABLES_MAX + 1, "t", columns, 1);
    assert_undeclarable(1, "", columns, 1);
    assert_undeclarable(1, NULL, columns, 1);
    assert_undeclarable(1, longest, columns, 1);
    assert_undeclarable(1, "t", columns, 0);
    assert_undeclarable(1, "t", NULL, 1);
    assert_undeclarable(1, "t", columns, WEIR_COLUMNS_MAX + 1);
    assert_undeclarable(1, "t", &(weir_column){longest, WEIR_TEXT}, 1);
    assert_undeclarable(1, "t", &(weir_column){NULL, WEIR_TEXT}, 1);
    assert_undeclarable(1, "t", &(weir_column){"a", WEIR_NULL}, 1);
    assert_undeclarable(1, "t", &(weir_column){"a", (weir_type)6}, 1);
    assert_undeclarable(1, "t", (weir_column[]){{"a", WEIR_KEY}, {"b", WEIR_KEY}}, 2);
    assert_undeclarable(1, "t",
                        (weir_column[]){{"aZ", WEIR_TEXT}, {"b", WEIR_TEXT}, {"Az", WEIR_REAL}}, 3);
    longest[WEIR_NAME_MAX] = '\0';
    weir_declaration_free(make(longest, &(weir_column){longest, WEIR_TEXT}, 1));
}

static void near_names_are_different_names(void **state) {
    (void)state;
    static const weir_column near[] = {
        {"a", WEIR_TEXT}, {"ab", WEIR_TEXT},       {"b", WEIR_TEXT},       {"@", WEIR_TEXT},
        {"`", WEIR_TEXT}, {"\xc3\xa9", WEIR_TEXT}, {"\xc3\x89", WEIR_TEXT}};
    weir_declaration *d = make("t", near, 7);
    assert_int_equal(weir_declaration_key(d), -1);
    weir_declaration_free(d);
}

static void equality_looks_at_names_and_types(void **state) {
    (void)state;
    static const weir_column a[] = {{"x", WEIR_TEXT}, {"y", WEIR_REAL}};
    static const weir_column other_name[] = {{"x", WEIR_TEXT}, {"Y", WEIR_REAL}};
    static const weir_column other_type[] = {{"x", WEIR_TEXT}, {"y", WEIR_TEXT}};
    weir_declaration *d[] = {make("t", a, 2), make("t", other_name, 2), make("t", other_type, 2),
                             make("u", a, 2), make("t", a, 1),          make("t", a, 2)};
    for (int i = 1; i < 5; i++)
        assert_false(weir_declaration_equal(d[0], d[i]));
    d[5]->table = 9;
    assert_true(weir_declaration_equal(d[0], d[5]));
    for (int i = 0; i < 6; i++)
        weir_declaration_free(d[i]);
}

static int decode_declaration(const char *bytes, size_t length) {
    uint8_t *exact = malloc(length ? length : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, length);
    weir_cursor c = weir_cursor_over(exact, length);
    weir_declaration *d;
    int status = weir_declaration_decode(&c, &d);
    assert_int_equal(status == WEIR_OK, d != NULL);
    weir_declaration_free(d);
    free(exact);
    return status;
}
#define DECODE_DECLARATION(text) decode_declaration(text, sizeof(text) - 1)

static void invalid_declarations_are_damage(void **state) {
    (void)state;
    assert_int_equal(DECODE_DECLARATION("\x01\0\x01\0\x01\0t\x01\x01\0a"), WEIR_OK);
    static const struct {
        const char *bytes;
        size_t length;
    } bad[] = {
#define BAD(text) {text, sizeof(text) - 1}
        BAD(""),
        BAD("\0\0\x01\0\x01\0t\x01\x01\0a"),     /* table 0 */
        BAD("\x01\x10\x01\0\x01\0t\x01\x01\0a"), /* table 4097 */
        BAD("\x01\0\0\0\x01\0t"),                /* no columns */
        BAD("\x01\0\xD1\x07\x01\0t"),            /* 2001 columns */
        BAD("\x01\0\x01\0\0\0\x01\x01\0a"),      /* empty name */
        BAD("\x01\0\x01\0\x02\0t\0\x01\x01\0a"), /* zero in a name */
        BAD("\x01\0\x01\0\x01\0t\0\x01\0a"),     /* type 0 */
        BAD("\x01\0\x01\0\x01\0t\x06\x01\0a"),   /* type 6 */
        BAD("\x01\0\x01\0\x01\0t\x01\x02\0a"),   /* name cut */
        BAD("\x01\0\x01\0\x01\0t\x01\x01\x04"
            "a"),                                         /* name of 1025 */
        BAD("\x01\0\x02\0\x01\0t\x01\x01\0a\x03\x01\0A"), /* two of one name */
        BAD("\x01\0\x02\0\x01\0t\x05\x01\0a\x05\x01\0b"), /* two keys */
#undef BAD
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(decode_declaration(bad[i].bytes, bad[i].length), WEIR_DAMAGED);
}

static void cut_declarations_are_damage(void **state) {
    (void)state;
    weir_declaration *d = make("t", columns, 6);
    size_t bytes;
    uint8_t *encoded = encode_declaration(d, &bytes);
    for (size_t cut = 0; cut < bytes; cut++)
        assert_int_equal(decode_declaration((const char *)encoded, cut), WEIR_DAMAGED);
    weir_declaration_free(d);
    free(encoded);
}

static void widest_declaration_round_trips(void **state) {
    (void)state;
    static char names[WEIR_COLUMNS_MAX][8];
    static weir_column wide[WEIR_COLUMNS_MAX];
    for (int i = 0; i < WEIR_COLUMNS_MAX; i++) {
        (void)snprintf(names[i], sizeof names[i], "c%d", i);
        wide[i] = (weir_column){names[i], WEIR_INTEGER};
    }
    weir_declaration *d = make("t", wide, WEIR_COLUMNS_MAX);
    size_t bytes;
    uint8_t *encoded = encode_declaration(d, &bytes);
    assert_int_equal(decode_declaration((const char *)encoded, bytes), WEIR_OK);
    weir_declaration_free(d);
    free(encoded);
}

static void a_declaration_without_memory_is_none(void **state) {
    (void)state;
    static const weir_column column = {"n", WEIR_INTEGER};
    weir_declaration *d;
    weir_error error = {0};
    uint8_t bytes[64];
    assert_int_equal(weir_declaration_make(3, "t", &column, 1, &d, &error), WEIR_OK);
    weir_cursor c = weir_cursor_over(bytes, (size_t)(weir_declaration_encode(bytes, d) - bytes));
    weir_declaration_free(d);
    if (!scarce_arm(1)) return;
    int status = weir_declaration_make(3, "t", &column, 1, &d, &error);
    assert_true(scarce_end());
    assert_int_equal(status, WEIR_NO_MEMORY);
    assert_null(d);
    assert_non_null(strstr(error.text, "\"t\""));
    (void)scarce_arm(1);
    status = weir_declaration_decode(&c, &d);
    assert_true(scarce_end());
    assert_int_equal(status, WEIR_NO_MEMORY); /* and not damage */
    assert_null(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layout_is_that_of_the_header),
        cmocka_unit_test(integers_take_the_least_width),
        cmocka_unit_test(integers_round_trip_at_every_edge),
        cmocka_unit_test(reals_keep_every_bit),
        cmocka_unit_test(texts_round_trip_around_each_width),
        cmocka_unit_test(an_empty_value_needs_no_pointer),
        cmocka_unit_test(widest_row_round_trips),
        cmocka_unit_test(what_cannot_be_stored_is_refused),
        cmocka_unit_test(readers_accept_any_width),
        cmocka_unit_test(invalid_rows_do_not_decode),
        cmocka_unit_test(only_listed_tags_decode),
        cmocka_unit_test(cuts_and_flips_are_survived),
        cmocka_unit_test(random_rows_round_trip),
        cmocka_unit_test(what_cannot_be_stored_is_refused_in_one_pass),
        cmocka_unit_test(a_few_bytes_are_copied_as_they_are),
        cmocka_unit_test(declarations_round_trip),
        cmocka_unit_test(declaration_layout_is_that_of_the_header),
        cmocka_unit_test(what_breaks_the_rules_is_not_declared),
        cmocka_unit_test(near_names_are_different_names),
        cmocka_unit_test(equality_looks_at_names_and_types),
        cmocka_unit_test(invalid_declarations_are_damage),
        cmocka_unit_test(cut_declarations_are_damage),
        cmocka_unit_test(widest_declaration_round_trips),
        cmocka_unit_test(a_declaration_without_memory_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
