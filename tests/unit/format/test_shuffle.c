/* Shuffled payloads come back exactly; bytes that are none are refused. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "lib/format/row_encode.h"
#include "lib/format/shuffle.h"
#include "scarce.h"

enum { ROOM = 1 << 20 };

static const uint8_t ring[16] = {0xA1, 0xA2, 0xA3};

typedef struct fixture {
    weir_shuffler *shuffler;
    uint8_t *raw, *shuffled, *back;
    size_t bytes;
    uint32_t rows;
} fixture;

static int set_up(void **state) {
    static fixture f;
    f = (fixture){.shuffler = weir_shuffler_make(),
                  .raw = malloc(ROOM),
                  .shuffled = malloc(ROOM),
                  .back = malloc(ROOM)};
    *state = &f;
    return !f.shuffler || !f.raw || !f.shuffled || !f.back;
}

static int tear_down(void **state) {
    fixture *f = *state;
    weir_shuffler_free(f->shuffler);
    free(f->raw);
    free(f->shuffled);
    free(f->back);
    return 0;
}

static void begin(fixture *f, uint32_t lanes) {
    static const weir_lane_mark marks[] = {{3, 0x1122334455667788u}, {9, 5}};
    f->bytes = (size_t)(weir_payload_head_encode(f->raw, ring, marks, lanes) - f->raw);
    f->rows = 0;
}

static void add_bytes(fixture *f, const void *row, uint32_t bytes) {
    assert_true(f->bytes + 4 + bytes <= ROOM);
    (void)weir_put_bytes(weir_put_u32(f->raw + f->bytes, bytes), row, bytes);
    f->bytes += 4 + (size_t)bytes;
    f->rows++;
}

static void add_row(fixture *f, uint16_t table, const weir_value *values, size_t count) {
    static uint8_t row[ROOM];
    int status = WEIR_OK;
    assert_true(weir_row_size(values, count, &status) + WEIR_ROW_SLACK <= sizeof row);
    add_bytes(f, row, (uint32_t)(weir_row_encode(row, table, values, count) - row));
}
#define ADD(f, table, ...)                                                                         \
    add_row(f, table, (const weir_value[]){__VA_ARGS__},                                           \
            sizeof((const weir_value[]){__VA_ARGS__}) / sizeof(weir_value))

static int shuffle(fixture *f) {
    return weir_shuffle(f->shuffler, f->raw, f->bytes, f->rows, f->shuffled);
}

static int unshuffle(fixture *f) {
    return weir_unshuffle(f->shuffler, f->shuffled, f->bytes, f->rows, f->back);
}

/* Every byte is still there, as often as before. */
static void assert_same_bytes(const uint8_t *a, const uint8_t *b, size_t bytes) {
    long often[256] = {0};
    for (size_t i = 0; i < bytes; i++) {
        often[a[i]]++;
        often[b[i]]--;
    }
    for (size_t i = 0; i < 256; i++)
        assert_int_equal(often[i], 0);
}

static void assert_comes_back(fixture *f) {
    assert_int_equal(shuffle(f), WEIR_OK);
    assert_same_bytes(f->raw, f->shuffled, f->bytes);
    assert_int_equal(unshuffle(f), WEIR_OK);
    assert_memory_equal(f->back, f->raw, f->bytes);
}

/* ---- tests ---- */

static void the_order_is_that_of_the_document(void **state) {
    fixture *f = *state;
    static const uint8_t expected[] = {
        /* lengths, tables and columns of three rows, by bytes */
        12, 6, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x39, 2, 0x39, 0x30, 0, 0x30, 2, 1, 2, 0, 0, 0,
        /* table 12345, its first column: tags, bytes 1, 2, 3 of two integers */
        0x13, 0x12, 0x11, 0x33, 0x22, 0x7F, 0x33,
        /* its second: tags, bytes 1 to 8 of a length and a real, the text */
        0x31, 0x28, 2, 0, 0, 0, 0, 0, 0, 0xE0, 0x3F, 'a', 'b',
        /* table 2 */
        0x11, 7};
    begin(f, 2);
    ADD(f, 12345, weir_int(0x332211), weir_text("ab"));
    ADD(f, 2, weir_int(7));
    ADD(f, 12345, weir_int(0x7F33), weir_real(0.5));
    assert_comes_back(f);
    size_t head = weir_payload_head_size(2);
    assert_memory_equal(f->shuffled, f->raw, head);
    assert_int_equal(f->bytes, head + sizeof expected);
    assert_memory_equal(f->shuffled + head, expected, sizeof expected);
}

static weir_value any_value(weir_rng *rng) {
    static char bytes[70000];
    switch (weir_rng_below(rng, 5)) {
    case 0: return weir_null();
    case 1: return weir_int((int64_t)(weir_rng_next(rng) >> weir_rng_below(rng, 64)));
    case 2: return weir_real((double)weir_rng_next(rng) / 3);
    case 3: return weir_text_n(bytes, weir_rng_below(rng, weir_rng_below(rng, 50) ? 20 : 400));
    default: return weir_blob(bytes, weir_rng_below(rng, 300));
    }
}

/* Columns per table: 1 … 24, but one table has 2,000. */
static void any_rows_come_back(void **state) {
    fixture *f = *state;
    static weir_value values[WEIR_COLUMNS_MAX];
    weir_rng rng = {20261129};
    for (int round = 0; round < 300; round++) {
        uint64_t rows = weir_rng_below(&rng, 200), tables = 1 + weir_rng_below(&rng, 9);
        begin(f, (uint32_t)weir_rng_below(&rng, 3));
        while (rows-- > 0) {
            uint16_t table = (uint16_t)(1 + weir_rng_below(&rng, tables) * 8191);
            size_t columns = round % 50 == 7 && table == 1 ? WEIR_COLUMNS_MAX : 1 + table % 24;
            for (size_t i = 0; i < columns; i++)
                values[i] = any_value(&rng);
            if (f->bytes + 410 * columns < ROOM) add_row(f, table, values, columns);
        }
        if (f->rows) assert_comes_back(f);
    }
}

static void a_row_may_end_the_memory(void **state) {
    fixture *f = *state;
    begin(f, 0);
    ADD(f, 1, weir_int(1));
    uint8_t *raw = malloc(f->bytes), *shuffled = malloc(f->bytes), *back = malloc(f->bytes);
    assert_true(raw && shuffled && back);
    memcpy(raw, f->raw, f->bytes);
    assert_int_equal(weir_shuffle(f->shuffler, raw, f->bytes, 1, shuffled), WEIR_OK);
    assert_int_equal(weir_unshuffle(f->shuffler, shuffled, f->bytes, 1, back), WEIR_OK);
    assert_memory_equal(back, raw, f->bytes);
    free(raw);
    free(shuffled);
    free(back);
}

static void rows_of_one_table_have_one_number_of_columns(void **state) {
    fixture *f = *state;
    begin(f, 0);
    ADD(f, 1, weir_int(1), weir_int(2));
    ADD(f, 2, weir_int(1));
    assert_comes_back(f);
    ADD(f, 1, weir_int(1));
    assert_int_equal(shuffle(f), WEIR_DAMAGED);
    begin(f, 0); /* what was remembered of the tables is forgotten */
    ADD(f, 1, weir_int(1));
    assert_comes_back(f);
    ADD(f, 1, weir_int(1), weir_null()); /* its values end where those of one column would */
    assert_int_equal(shuffle(f), WEIR_DAMAGED);
}

#define REFUSES(...)                                                                               \
    do {                                                                                           \
        static const uint8_t row[] = {__VA_ARGS__};                                                \
        begin(f, 0);                                                                               \
        ADD(f, 9, weir_int(1));                                                                    \
        add_bytes(f, row, sizeof row);                                                             \
        assert_int_equal(shuffle(f), WEIR_DAMAGED);                                                \
    } while (0)

static void rows_that_are_not_valid_are_refused(void **state) {
    fixture *f = *state;
    REFUSES(0, 0, 1, 0, 0x11, 1);                       /* table 0 */
    REFUSES(1, 0, 0, 0, 0x11);                          /* no column */
    REFUSES(1, 0, 0xD1, 7, 0x11);                       /* 2,001 columns */
    REFUSES(1, 0, 2, 0, 0x11);                          /* no room for the tags */
    REFUSES(1, 0, 1, 0);                                /* … not for one */
    REFUSES(1, 0, 1);                                   /* … nor for the head */
    REFUSES(1, 0, 1, 0, 0x12, 1);                       /* a value is cut short */
    REFUSES(1, 0, 1, 0, 0x11, 1, 2);                    /* a byte too many */
    REFUSES(1, 0, 1, 0, 0x31, 3, 'a', 'b');             /* a text is cut short */
    REFUSES(1, 0, 1, 0, 0x34, 2, 0, 0, 0x80, 'a', 'b'); /* … of 2 GiB */
    REFUSES(1, 0, 2, 0, 0x31, 0x11, 1, 'a');            /* no room behind a text */
    REFUSES(1, 0, 1, 0, 0x01);                          /* tags that no row has … */
    REFUSES(1, 0, 1, 0, 0x10);
    REFUSES(1, 0, 1, 0, 0x19, 1, 2, 3, 4, 5, 6, 7, 8, 9);
    REFUSES(1, 0, 1, 0, 0x27, 1, 2, 3, 4, 5, 6, 7);
    REFUSES(1, 0, 1, 0, 0x30);
    REFUSES(1, 0, 1, 0, 0x35, 0, 0, 0, 0, 0);
    REFUSES(1, 0, 1, 0, 0x40);
    REFUSES(1, 0, 1, 0, 0x45, 0, 0, 0, 0, 0);
    REFUSES(1, 0, 1, 0, 0x51, 1);
    REFUSES(1, 0, 1, 0, 0xFF, 1);
}

static void another_number_of_rows_is_refused(void **state) {
    fixture *f = *state;
    begin(f, 1);
    ADD(f, 1, weir_int(1), weir_text("one"));
    ADD(f, 1, weir_int(2), weir_text("two"));
    assert_comes_back(f);
    static const uint32_t other[] = {0, 1, 3, 1 << 20, UINT32_MAX};
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        assert_int_equal(weir_unshuffle(f->shuffler, f->shuffled, f->bytes, other[i], f->back),
                         WEIR_DAMAGED);
        assert_int_equal(weir_shuffle(f->shuffler, f->raw, f->bytes, other[i], f->shuffled),
                         WEIR_DAMAGED);
        assert_int_equal(shuffle(f), WEIR_OK);
    }
}

static void more_than_a_block_may_have_is_refused(void **state) {
    fixture *f = *state;
    size_t bytes = (size_t)WEIR_RAW_MAX + 1; /* are not there, and not looked at */
    assert_int_equal(weir_shuffle(f->shuffler, f->raw, bytes, 1, f->shuffled), WEIR_DAMAGED);
    assert_int_equal(weir_unshuffle(f->shuffler, f->raw, bytes, 1, f->shuffled), WEIR_DAMAGED);
}

/* What it takes for shuffled is what it would make of the payload that comes out. */
static void assert_refused_or_exact(fixture *f, const uint8_t *shuffled, size_t bytes) {
    uint8_t *back = malloc(bytes), *again = malloc(bytes); /* exactly, for sanitizers */
    assert_true(back && again);
    int status = weir_unshuffle(f->shuffler, shuffled, bytes, f->rows, back);
    assert_true(status == WEIR_OK || status == WEIR_DAMAGED);
    if (status == WEIR_OK) {
        assert_int_equal(weir_shuffle(f->shuffler, back, bytes, f->rows, again), WEIR_OK);
        assert_memory_equal(again, shuffled, bytes);
    }
    free(back);
    free(again);
}

static void changed_bytes_are_refused_or_other_rows(void **state) {
    fixture *f = *state;
    begin(f, 1);
    ADD(f, 4097, weir_int(1), weir_text("one"), weir_real(0.5));
    ADD(f, 3, weir_blob("b", 1), weir_null());
    ADD(f, 4097, weir_int(1000), weir_text(""), weir_null());
    ADD(f, 3, weir_int(-1), weir_text("text"));
    assert_comes_back(f);
    for (size_t at = 0; at < f->bytes; at++) {
        uint8_t was = f->shuffled[at];
        for (unsigned other = 0; other < 256; other++) {
            f->shuffled[at] = (uint8_t)other;
            assert_refused_or_exact(f, f->shuffled, f->bytes);
        }
        f->shuffled[at] = was;
    }
    for (size_t bytes = 0; bytes < f->bytes; bytes++)
        assert_int_equal(weir_unshuffle(f->shuffler, f->shuffled, bytes, f->rows, f->back),
                         WEIR_DAMAGED);
    f->shuffled[f->bytes] = 0;
    assert_int_equal(weir_unshuffle(f->shuffler, f->shuffled, f->bytes + 1, f->rows, f->back),
                     WEIR_DAMAGED);
}

static void without_memory_nothing_is_shuffled(void **state) {
    fixture *f = *state;
    long n = 1;
    for (; scarce_arm(n); n++) {
        weir_shuffler *s = weir_shuffler_make();
        if (!scarce_end()) {
            weir_shuffler_free(s);
            break;
        }
        assert_null(s);
    }
    begin(f, 0);
    ADD(f, 1, weir_int(1));
    for (n = 1; scarce_arm(n); n++) {
        int status = shuffle(f);
        if (!scarce_end()) break;
        assert_int_equal(status, WEIR_NO_MEMORY);
    }
    assert_comes_back(f);
    weir_shuffler_free(NULL);
}

/* More than is kept for the next call. */
static void many_rows_come_back(void **state) {
    fixture *f = *state;
    enum { MANY = 300000, BYTES = WEIR_PAYLOAD_HEAD + 9 * MANY };
    static const uint8_t row[] = {5, 0, 0, 0, 1, 0, 1, 0, 0};
    uint8_t *raw = malloc(BYTES), *shuffled = malloc(BYTES), *back = malloc(BYTES);
    assert_true(raw && shuffled && back);
    uint8_t *at = weir_payload_head_encode(raw, ring, NULL, 0);
    for (uint32_t i = 0; i < MANY; i++)
        at = weir_put_bytes(at, row, sizeof row);
    assert_int_equal(weir_shuffle(f->shuffler, raw, BYTES, MANY, shuffled), WEIR_OK);
    assert_int_equal(weir_unshuffle(f->shuffler, shuffled, BYTES, MANY, back), WEIR_OK);
    assert_memory_equal(back, raw, BYTES);
    free(raw);
    free(shuffled);
    free(back);
}

#define SHUFFLED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        SHUFFLED(the_order_is_that_of_the_document),
        SHUFFLED(any_rows_come_back),
        SHUFFLED(a_row_may_end_the_memory),
        SHUFFLED(rows_of_one_table_have_one_number_of_columns),
        SHUFFLED(rows_that_are_not_valid_are_refused),
        SHUFFLED(another_number_of_rows_is_refused),
        SHUFFLED(more_than_a_block_may_have_is_refused),
        SHUFFLED(changed_bytes_are_refused_or_other_rows),
        SHUFFLED(without_memory_nothing_is_shuffled),
        SHUFFLED(many_rows_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
