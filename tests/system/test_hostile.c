/* Inputs made to hurt: bombs, lengths at every limit, counts that lie, names that are SQL, chains in a
 * circle, rings that point outside. Each is read as the tool and opening would read it; what it may cost
 * is measured: never more than 64 MiB above the largest legal block, and seconds. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

#include "forge.h"
#include "lib/format/conversion.h"
#include "lib/format/expand.h"
#include "lib/format/row_encode.h"
#include "lib/format/tables.h"
#include "lib/journal/drain.h"
#include "writer/sqlite/sqlite_sink.h"

enum { ABOVE_LARGEST_KIB = 64 * 1024, SECONDS = 60 };

/* ---- what it costs ----------------------------------------------------------------------- */

/* Sanitizers keep shadows and freed memory, which is not what is measured here. */
static bool is_sanitized(void) {
    const char *with = getenv("WEIR_SANITIZE");
    return with && with[0];
}

static long peak_kib(void) {
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_maxrss;
}

static double seconds(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* the clock exists */
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

typedef struct cost {
    long kib;
    double begun;
} cost;

static cost cost_begin(void) { return (cost){peak_kib(), seconds()}; }

static void cost_end(const cost *c, uint64_t largest_block) {
    if (is_sanitized()) return;
    assert_true(peak_kib() - c->kib <= ABOVE_LARGEST_KIB + (long)(largest_block / 1024));
    assert_true(seconds() - c->begun < SECONDS);
}

/* ---- looking as everybody does ------------------------------------------------------------ */

static int take(const forge *f, weir_inventory *inv) {
    weir_error error = {0};
    weir_inventory_input input = {
        .os = weir_os_posix(), .directory = f->directory, .verify_all = true};
    return weir_inventory_take(&input, inv, &error);
}

/* Reads every block; how many of them can be read and hold what their header says. */
static unsigned read_all(const weir_inventory *inv) {
    weir_reader *reader;
    weir_read_block block;
    unsigned good = 0;
    assert_int_equal(weir_reader_make(weir_os_posix(), weir_inventory_locator(inv), &reader), 0);
    for (size_t i = 0; i < inv->extent_count; i++)
        for (uint64_t n = inv->extents[i].first_block; n <= inv->extents[i].last_block; n++)
            good += weir_reader_read(reader, n, &block, NULL) == WEIR_OK &&
                    weir_payload_check(&block.payload, &block.header) == WEIR_OK;
    weir_reader_free(reader);
    return good;
}

/* A directory is the same before and after it was read. */
static uint64_t fingerprint(const forge *f, uint64_t segments) {
    uint64_t hash = 0;
    for (uint64_t n = 1; n <= segments; n++) {
        size_t bytes;
        uint8_t *file = weir_file_read(forge_path(f, n), &bytes);
        hash = hash * 31 + weir_hash(file, bytes);
        free(file);
    }
    return hash;
}

/* Put a block with this stored payload in the place of the last one, all hashes right. */
static void replace_last(forge *f, weir_block_header h, const uint8_t *stored) {
    h.payload_hash = weir_hash(stored, h.stored_bytes);
    memcpy(f->bytes + h.offset + WEIR_BLOCK_HEADER, stored, h.stored_bytes);
    weir_block_header_encode(f->bytes + h.offset, &h);
    forge_write(f);
}

static forge *begin_with(uint16_t kind, uint32_t rows) {
    static forge f;
    forge_begin(&f);
    forge_segment(&f, 1);
    (void)forge_block(&f, kind, rows);
    return &f;
}

/* ---- compression bombs -------------------------------------------------------------------- */

/* A frame of raw_bytes zeros that says it has claimed. */
static size_t make_bomb(uint8_t *into, size_t capacity, size_t raw_bytes) {
    uint8_t *raw = calloc(1, raw_bytes);
    assert_non_null(raw);
    size_t bytes = ZSTD_compress(into, capacity, raw, raw_bytes, 1);
    assert_false(ZSTD_isError(bytes));
    free(raw);
    return bytes;
}

/* All but the head is refused. */
static void expect_head_alone(const forge *f) {
    weir_inventory inv;
    assert_int_equal(take(f, &inv), WEIR_OK);
    assert_int_equal(inv.verdict, WEIR_VERDICT_ROT);
    assert_int_equal(read_all(&inv), 1);
    weir_inventory_free(&inv);
}

static void a_bomb_costs_what_its_header_says(void **state) {
    (void)state;
    enum { RAW = 256 << 20 };
    static uint8_t frame[FORGE_SEGMENT];
    forge *f = begin_with(WEIR_BLOCK_MARK, 0);
    weir_block_header h = f->blocks[2];
    size_t bytes = make_bomb(frame, sizeof frame / 2, 64 << 20);
    cost c = cost_begin();
    h.codec = WEIR_CODEC_ZSTD;
    h.stored_bytes = (uint32_t)bytes;
    h.raw_bytes = 4096; /* the frame says 64 MiB: refused before a byte is decompressed */
    replace_last(f, h, frame);
    weir_inventory inv;
    assert_int_equal(take(f, &inv), WEIR_OK);
    assert_int_equal(inv.verdict, WEIR_VERDICT_ROT);
    weir_inventory_free(&inv);
    h.raw_bytes = RAW; /* and the other way round */
    replace_last(f, h, frame);
    expect_head_alone(f);
    cost_end(&c, 0);
    h.raw_bytes = 64 << 20; /* an honest one is read, is no mark, and costs its size */
    replace_last(f, h, frame);
    assert_int_equal(take(f, &inv), WEIR_OK);
    assert_int_equal(read_all(&inv), 1);
    weir_inventory_free(&inv);
    cost_end(&c, 64 << 20);
    forge_end(f);
}

/* A frame that makes a gibibyte out of some kilobytes, without ever having it. claims: whether its head
 * says how much it makes. */
static size_t make_large_bomb(uint8_t *into, size_t capacity, bool claims) {
    static uint8_t zeros[1 << 20];
    ZSTD_CCtx *c = ZSTD_createCCtx();
    assert_non_null(c);
    assert_false(ZSTD_isError(ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag, claims)));
    if (claims) assert_false(ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(c, (uint64_t)1 << 30)));
    ZSTD_outBuffer out = {into, capacity, 0};
    for (int i = 0; i < 1024; i++) {
        ZSTD_inBuffer in = {zeros, sizeof zeros, 0};
        size_t left = 1;
        while (in.pos < in.size || (i == 1023 && left > 0)) {
            left = ZSTD_compressStream2(c, &out, &in, i == 1023 ? ZSTD_e_end : ZSTD_e_continue);
            assert_false(ZSTD_isError(left) || out.pos == out.size);
        }
    }
    (void)ZSTD_freeCCtx(c); /* zstd documents no failure for contexts of its own */
    return out.pos;
}

/* The block is refused, at the cost of its bytes. */
static void refuse_bomb(forge *f, const uint8_t *frame, size_t bytes, uint32_t raw_bytes) {
    weir_block_header h = f->blocks[2];
    cost c = cost_begin();
    h.codec = WEIR_CODEC_ZSTD;
    h.stored_bytes = (uint32_t)bytes;
    h.raw_bytes = raw_bytes;
    replace_last(f, h, frame);
    expect_head_alone(f);
    cost_end(&c, 0);
}

static void a_gibibyte_in_a_few_kilobytes_is_refused(void **state) {
    (void)state;
    static uint8_t frame[FORGE_SEGMENT];
    forge *f = begin_with(WEIR_BLOCK_MARK, 0);
    size_t bytes = make_large_bomb(frame, FORGE_SEGMENT - 3 * WEIR_BLOCK_ALIGN, false);
    refuse_bomb(f, frame, bytes, 1 << 17); /* the frame says nothing of its size */
    refuse_bomb(f, frame, bytes, WEIR_RAW_MAX);
    bytes = make_large_bomb(frame, FORGE_SEGMENT - 3 * WEIR_BLOCK_ALIGN, true);
    assert_true(ZSTD_getFrameContentSize(frame, bytes) == (uint64_t)1 << 30);
    refuse_bomb(f, frame, bytes, 1 << 17); /* it says more than the block */
    (void)weir_put_u32(frame + 6, 1 << 17);
    assert_true(ZSTD_getFrameContentSize(frame, bytes) == 1 << 17);
    refuse_bomb(f, frame, bytes, 1 << 17); /* it says what the block says, and makes more */
    forge_end(f);
}

/* ---- lengths and counts ------------------------------------------------------------------- */

static bool header_is_valid(weir_block_header h) {
    uint8_t bytes[WEIR_BLOCK_HEADER];
    weir_block_header out;
    weir_block_header_encode(bytes, &h);
    return weir_block_header_decode(bytes, &out) == WEIR_OK;
}

static void lengths_near_every_limit_are_judged(void **state) {
    (void)state;
    forge *f = begin_with(WEIR_BLOCK_ROWS, 10);
    const weir_block_header good = f->blocks[2];
    assert_true(header_is_valid(good));
#define TRY(field, value, expected)                                                                \
    do {                                                                                           \
        weir_block_header h = good;                                                                \
        h.field = value;                                                                           \
        assert_int_equal(header_is_valid(h), expected);                                            \
    } while (0)
    TRY(stored_bytes, good.stored_bytes + 1, false);
    TRY(raw_bytes, good.raw_bytes - 1, false);
    TRY(raw_bytes, 23, false);
    TRY(raw_bytes, UINT32_MAX, false);
    TRY(rows, 0, false);
    TRY(rows, (good.raw_bytes - 24) / 9, true);
    TRY(rows, (good.raw_bytes - 24) / 9 + 1, false);
    TRY(rows, UINT32_MAX, false);
    TRY(first_row, 0, false);
    TRY(first_row, UINT64_MAX - 10, true);
    TRY(first_row, UINT64_MAX - 9, false);
    TRY(offset, 0, false);
    TRY(offset, 4097, false);
    TRY(offset, INT64_MAX / 4096 * 4096 - 4096, true);
    TRY(offset, INT64_MAX / 4096 * 4096, false);
    TRY(offset, UINT64_MAX / 4096 * 4096, false);
    TRY(block, 0, false);
    TRY(block, UINT64_MAX - 1, true);
    TRY(block, UINT64_MAX, false); /* opening once counted up to it for ever */
    TRY(durable_block, good.block, false);
    TRY(segment, 0, false);
#undef TRY
    forge_end(f);
}

static void a_block_larger_than_its_file_is_cut_off(void **state) {
    (void)state;
    forge *f = begin_with(WEIR_BLOCK_ROWS, 10);
    uint8_t bytes[WEIR_BLOCK_HEADER];
    weir_inventory inv;
    cost c = cost_begin();
    weir_block_header h = f->blocks[2];
    h.stored_bytes = h.raw_bytes = WEIR_RAW_MAX;
    weir_block_header_encode(bytes, &h);
    memcpy(f->bytes + h.offset, bytes, sizeof bytes);
    forge_write(f);
    assert_int_equal(take(f, &inv), WEIR_OK);
    assert_int_equal(inv.end.block, 1);
    assert_int_equal(read_all(&inv), 1);
    weir_inventory_free(&inv);
    cost_end(&c, 0);
    forge_end(f);
}

static void counts_of_rows_that_lie_are_damage(void **state) {
    (void)state;
    for (uint32_t rows = 9; rows <= 11; rows += 2) {
        forge *f = begin_with(WEIR_BLOCK_ROWS, 10);
        weir_inventory inv;
        weir_block_header h = f->blocks[2];
        uint8_t payload[1024];
        memcpy(payload, f->bytes + h.offset + WEIR_BLOCK_HEADER, h.stored_bytes);
        h.rows = rows;
        replace_last(f, h, payload);
        uint64_t before = fingerprint(f, 1);
        assert_int_equal(take(f, &inv), WEIR_OK);
        assert_int_equal(read_all(&inv), 1);
        weir_inventory_free(&inv);
        assert_true(fingerprint(f, 1) == before);
        forge_end(f);
    }
}

/* ---- declarations ------------------------------------------------------------------------- */

static size_t put_declaration(uint8_t *at, uint16_t table, const void *name, size_t length) {
    uint8_t *p = weir_put_u16(at, table);
    p = weir_put_u16(p, 1);
    p = weir_put_u16(p, (uint16_t)length);
    p = weir_put_bytes(p, name, length < UINT16_MAX ? length : UINT16_MAX);
    *p++ = WEIR_INTEGER;
    p = weir_put_u16(p, 1);
    *p++ = 'c';
    return (size_t)(p - at);
}

static int decode_name(const void *name, size_t length) {
    uint8_t *bytes = malloc(length + 64);
    weir_declaration *d;
    assert_non_null(bytes);
    weir_cursor c = weir_cursor_over(bytes, put_declaration(bytes, 1, name, length));
    int status = weir_declaration_decode(&c, &d);
    weir_declaration_free(d);
    free(bytes);
    return status;
}

static void names_of_any_length_are_judged(void **state) {
    (void)state;
    static char name[100000];
    memset(name, 'n', sizeof name);
    assert_int_equal(decode_name(name, 0), WEIR_DAMAGED);
    assert_int_equal(decode_name(name, WEIR_NAME_MAX), WEIR_OK);
    assert_int_equal(decode_name(name, WEIR_NAME_MAX + 1), WEIR_DAMAGED);
    assert_int_equal(decode_name(name, UINT16_MAX), WEIR_DAMAGED);
    assert_int_equal(decode_name("a\0b", 3), WEIR_DAMAGED);
    assert_int_equal(decode_name("\xFF\xFE\xC0", 3), WEIR_OK); /* UTF-8 is a convention */
    weir_declaration *d;
    weir_column column = {name, WEIR_TEXT};
    name[sizeof name - 1] = 0;
    assert_int_equal(weir_declaration_make(1, "t", &column, 1, &d, NULL), WEIR_MISUSE);
    assert_int_equal(weir_declaration_make(1, name, &column, 1, &d, NULL), WEIR_MISUSE);
    column.name = "";
    assert_int_equal(weir_declaration_make(1, "t", &column, 1, &d, NULL), WEIR_MISUSE);
}

/* A count that lies, and as many declarations as one block can hold: no more than WEIR_TABLES_MAX are
 * ever kept, and none of it takes longer than reading it. */
static void a_million_declarations_cost_no_more_than_their_bytes(void **state) {
    (void)state;
    enum { COUNT = 1000000, EACH = 14 };
    uint8_t *bytes = malloc((size_t)COUNT * EACH + 64);
    assert_non_null(bytes);
    cost c = cost_begin();
    uint8_t *p = weir_put_u32(bytes, COUNT);
    for (uint32_t i = 0; i < COUNT; i++)
        p += put_declaration(p, (uint16_t)(1 + i % WEIR_TABLES_MAX), "t", 1);
    weir_tables tables = {0};
    size_t length = (size_t)(p - bytes);
    assert_int_equal(weir_tables_merge(&tables, weir_cursor_over(bytes, length)), WEIR_OK);
    assert_int_equal(tables.count, WEIR_TABLES_MAX);
    (void)weir_put_u32(bytes, UINT32_MAX);
    assert_int_equal(weir_tables_merge(&tables, weir_cursor_over(bytes, length)), WEIR_DAMAGED);
    weir_tables_free(&tables);
    free(bytes);
    cost_end(&c, (uint64_t)COUNT * EACH);
}

/* ---- templates ---------------------------------------------------------------------------- */

/* Of one column, which is this format of parameter 0. */
static size_t put_format(uint8_t *at, uint16_t number, uint16_t parameters, const char *format) {
    const weir_source source = {
        .kind = WEIR_SOURCE_FORMAT, .bytes = format, .length = strlen(format)};
    return weir_template_encode(at, number, parameters, 1, &source, 1);
}

/* Every number there is, some of them again and again: no more than one of each is kept. */
static void a_million_templates_cost_no_more_than_their_bytes(void **state) {
    (void)state;
    enum { COUNT = 1000000, EACH = 15, NUMBERS = WEIR_TEMPLATE_LAST - WEIR_TABLES_MAX };
    uint8_t *bytes = malloc((size_t)COUNT * EACH + 64);
    assert_non_null(bytes);
    cost c = cost_begin();
    uint8_t *p = weir_put_u32(bytes, COUNT);
    for (uint32_t i = 0; i < COUNT; i++)
        p += put_format(p, (uint16_t)(WEIR_TEMPLATE_FIRST + i % NUMBERS), 1, "%d");
    weir_tables tables = {0};
    size_t length = (size_t)(p - bytes);
    assert_int_equal(weir_tables_merge(&tables, weir_cursor_over(bytes, length)), WEIR_OK);
    assert_int_equal(tables.templates.held, NUMBERS);
    (void)weir_put_u32(bytes, UINT32_MAX);
    assert_int_equal(weir_tables_merge(&tables, weir_cursor_over(bytes, length)), WEIR_DAMAGED);
    weir_tables_free(&tables);
    free(bytes);
    cost_end(&c, (uint64_t)COUNT * EACH);
}

/* A format with as many conversions as there are parameters, each as dear as it can be, in every column. */
static size_t put_dear_template(uint8_t *at, const char *conversion) {
    static weir_source sources[WEIR_COLUMNS_MAX];
    static char format[WEIR_FORMAT_MAX + 1];
    format[0] = 0;
    size_t one = strlen(conversion), count = WEIR_FORMAT_MAX / one;
    for (size_t i = 0; i < count && i < WEIR_COLUMNS_MAX / 2; i++) /* a star takes one more */
        memcpy(format + i * one, conversion, one + 1);
    for (size_t i = 0; i < WEIR_COLUMNS_MAX; i++)
        sources[i] =
            (weir_source){.kind = WEIR_SOURCE_FORMAT, .bytes = format, .length = strlen(format)};
    return weir_template_encode(at, WEIR_TEMPLATE_FIRST, WEIR_COLUMNS_MAX, 1, sources,
                                WEIR_COLUMNS_MAX);
}

/* Rows of one value, each of which becomes 2,000 texts. How many come out at once is bounded, and so is
 * what they take. */
static void expand_dearly(const char *conversion, weir_value v, unsigned rows) {
    uint8_t *bytes = malloc((size_t)WEIR_COLUMNS_MAX * (WEIR_FORMAT_MAX + 8) + 64);
    uint8_t body[64 * 32], *end = body;
    weir_templates all = {0};
    weir_template *t;
    weir_expander *x;
    int status = WEIR_OK;
    assert_non_null(bytes);
    cost spent = cost_begin();
    weir_cursor c = weir_cursor_over(bytes, put_dear_template(bytes, conversion));
    assert_int_equal(weir_template_decode(&c, &t), WEIR_OK);
    free(bytes);
    assert_int_equal(weir_templates_keep(&all, t), WEIR_OK);
    for (unsigned i = 0; i < rows; i++) {
        size_t size = weir_row_size(&v, 1, &status);
        (void)weir_row_encode(weir_put_u32(end, (uint32_t)size), WEIR_TEMPLATE_FIRST, &v, 1);
        end += 4 + size;
    }
    weir_cursor from = weir_cursor_over(body, (size_t)(end - body)), out;
    assert_int_equal(weir_expander_make(&all, &x), WEIR_OK);
    for (uint32_t taken; rows > 0; rows -= taken) {
        assert_int_equal(weir_expander_take(x, &from, rows, &taken, &out), WEIR_OK);
        assert_true(taken >= 1 && weir_cursor_left(&out) <= 16 << 20);
    }
    weir_expander_free(x);
    weir_templates_free(&all);
    cost_end(&spent,
             2 * WEIR_COLUMNS_MAX * (uint64_t)WEIR_FORMAT_MAX); /* the templates' bytes, twice */
}

static void formats_that_want_much_are_cut(void **state) {
    (void)state;
    expand_dearly("%99999999999999999999.99999999999999999f", weir_real(1e308), 4);
    expand_dearly("%.9999999999a", weir_real(0.1), 4);
    expand_dearly("%9999999d", weir_int(-1), 4);
    expand_dearly("%*d", weir_int(INT64_MIN), 4);
    expand_dearly("%.0s", weir_null(), 4); /* which is nothing, over and over */
    expand_dearly("%.0d", weir_int(0), 4);
    expand_dearly("%%", weir_null(), 4);
}

/* What a program must not give to printf, a journal may not say either. */
static void formats_that_write_or_look_around_are_no_formats(void **state) {
    (void)state;
    static const char *const formats[] = {
        "%n", "%hhn",  "%1$s", "%*1$d", "%s%n", "%",      "%-",  "%l",  "%#s", "%'d", "%Id",
        "%k", "%\xFF", "%y",   "%.-1d", "%5%",  "%Lf%Ld", "%hs", "%lp", "%vd", "%b"};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        uint8_t bytes[64];
        weir_template *t;
        weir_cursor c = weir_cursor_over(bytes, put_format(bytes, 5000, 9, formats[i]));
        assert_int_equal(weir_template_decode(&c, &t), WEIR_DAMAGED);
    }
}

/* A journal that is hostile in all of these ways is read as one is: to its end, or to words. */
static void a_template_that_lies_makes_its_block_rot(void **state) {
    (void)state;
    static const char bodies[][24] = {
        "\1\0\0\0\1\x10\1\0\1\0\1\0\3\0\0\xFF\xFF%d",    /* a format longer than the block */
        "\1\0\0\0\1\x10\1\0\1\0\xD0\7\2\0\0",            /* 2,000 columns, of which one is there */
        "\1\0\0\0\1\x10\1\0\1\0\1\0\4\0\0\xFF\xFF\1\0a", /* 65,535 names */
        "\1\0\0\0\1\x10\1\0\1\0\1\0\1\x44\xFF\xFF\xFF\xFF", /* a constant of 4 GiB */
        "\xFF\xFF\xFF\xFF\1\x10\1\0\1\0\1\0\2\0\0",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        static forge f;
        forge_begin(&f);
        f.features = WEIR_FEATURE_TEMPLATES;
        cost c = cost_begin();
        forge_segment(&f, 1);
        (void)forge_body(&f, WEIR_BLOCK_DECLARATIONS, 0, (const uint8_t *)bodies[i],
                         sizeof bodies[i]);
        forge_write(&f);
        expect_head_alone(&f);
        cost_end(&c, 0);
        forge_end(&f);
    }
}

/* ---- names that are SQL -------------------------------------------------------------------- */

static int declare_and_commit(weir_sink *sink, const char *table, const char *column) {
    weir_column columns[] = {{column, WEIR_INTEGER}};
    weir_declaration *d;
    weir_position at, to = {.block = 1};
    weir_sink_counts counts;
    weir_error error = {0};
    assert_int_equal(weir_declaration_make(1, table, columns, 1, &d, NULL), WEIR_OK);
    assert_int_equal(sink->begin(sink->self, to.journal, &at, &error), WEIR_OK);
    int status = sink->declare(sink->self, d, WEIR_DECLARE_NOW, &error);
    if (status == WEIR_OK) status = sink->commit(sink->self, &to, &counts, &error);
    if (status != WEIR_OK) sink->rollback(sink->self);
    assert_true(status == WEIR_OK || error.text[0]);
    weir_declaration_free(d);
    return status;
}

static void a_name_is_never_more_than_a_name(void **state) {
    (void)state;
    static const char *const names[] = {"t\"; DROP TABLE victim; --",
                                        "t'); DELETE FROM victim; --",
                                        "select",
                                        "\"\"",
                                        "[x]",
                                        "`x`",
                                        "a b\nc",
                                        "\xFF\xC0\x80",
                                        "rowid",
                                        "%s%n",
                                        "?1",
                                        "main.victim"};
    /* These are somebody's: SQLite's own, and ours. */
    static const char *const taken[] = {"sqlite_schema", "sqlite_sequence", "weir_position"};
    const char *directory = weir_temp_make();
    char path[512], where[256];
    (void)snprintf(where, sizeof where, "%s", directory);
    (void)snprintf(path, sizeof path, "%s/run.db", where);
    weir_sql_run(path, "CREATE TABLE victim(a); INSERT INTO victim VALUES(7)");
    weir_sqlite_config config = {.path = path};
    weir_sink sink;
    assert_int_equal(weir_sqlite_sink_open(&config, &sink, NULL, NULL), WEIR_OK);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_int_equal(declare_and_commit(&sink, names[i], names[i]), WEIR_OK);
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
        assert_true(declare_and_commit(&sink, taken[i], "c") < 0);
    sink.close(sink.self);
    assert_int_equal(weir_sql_int(path, "SELECT sum(a) FROM victim"), 7);
    assert_int_equal(weir_sql_int(path, "SELECT count(*) FROM sqlite_schema WHERE type='table' AND "
                                        "name NOT IN('victim','weir_position','weir_reject')"),
                     (int64_t)(sizeof names / sizeof names[0]));
    weir_temp_remove(where);
}

/* ---- circles ------------------------------------------------------------------------------- */

static void edit_segment(forge *f, uint64_t number, weir_log_end before, uint64_t first_block) {
    size_t bytes;
    uint8_t *file = weir_file_read(forge_path(f, number), &bytes);
    weir_segment_header h;
    assert_int_equal(weir_segment_header_decode(file, &h), WEIR_OK);
    h.before = before;
    h.first_block = first_block;
    weir_segment_header_encode(file, &h);
    weir_file_write(forge_path(f, number), file, bytes);
    free(file);
}

/* A header may not point at itself or at a younger one, whatever its hash says. */
static void segments_in_a_circle_end(void **state) {
    (void)state;
    for (uint64_t target = 1; target <= 3; target++) {
        static forge f;
        weir_inventory inv;
        forge_begin(&f);
        forge_journal(&f, 3);
        edit_segment(&f, 1, (weir_log_end){target, 16384, 4, 5}, 5);
        assert_int_equal(take(&f, &inv), WEIR_OK);
        assert_int_equal(inv.verdict, WEIR_VERDICT_ROT);
        (void)read_all(&inv); /* whatever can be read; that it ends is the point */
        weir_inventory_free(&inv);
        forge_end(&f);
    }
}

/* Blocks whose numbers go back, or that name each other as the one before. */
static void blocks_in_a_circle_end(void **state) {
    (void)state;
    static forge f;
    weir_inventory inv;
    forge_begin(&f);
    forge_journal(&f, 1);
    weir_block_header h = f.blocks[4];
    uint8_t payload[1024];
    memcpy(payload, f.bytes + h.offset + WEIR_BLOCK_HEADER, h.stored_bytes);
    h.block = 2;
    h.durable_block = 1;
    h.previous_hash = f.blocks[4].hash;
    replace_last(&f, h, payload);
    assert_int_equal(take(&f, &inv), WEIR_OK);
    assert_int_equal(inv.end.block, 3);
    assert_int_equal(read_all(&inv), 3);
    weir_inventory_free(&inv);
    forge_end(&f);
}

/* The younger segment's header is damaged, and its first block is block 1 again: nothing of the older
 * segment belongs to the stream. Both used to be taken, so that two extents held the same numbers. */
static void a_segment_that_begins_anew_leaves_no_double_blocks(void **state) {
    (void)state;
    static forge f;
    weir_inventory inv;
    forge_begin(&f);
    forge_journal(&f, 1);
    f.end = (weir_log_end){1, 4096, 0, 0};
    f.next_row = 1;
    forge_segment(&f, 2);
    (void)forge_block(&f, WEIR_BLOCK_ROWS, 10);
    forge_write(&f);
    forge_flip(&f, 2, 100);
    assert_int_equal(take(&f, &inv), WEIR_OK);
    assert_int_equal(inv.verdict, WEIR_VERDICT_ROT);
    for (size_t i = 1; i < inv.extent_count; i++)
        assert_true(inv.extents[i - 1].last_block < inv.extents[i].first_block);
    assert_int_equal(inv.extents[0].segment, 2);
    assert_int_equal(read_all(&inv), 2);
    weir_inventory_free(&inv);
    forge_end(&f);
}

/* ---- rings --------------------------------------------------------------------------------- */

enum { LANES = 3, LANE_BYTES = 1 << 16 };

typedef struct ring_file {
    char directory[256], path[300];
    size_t bytes;
    uint8_t *data;
} ring_file;

static void put_record(weir_ring *ring, weir_lane *lane, uint8_t number) {
    const uint8_t row[] = {1, 0, 1, 0, 0x11, number};
    memcpy(weir_lane_at(lane, lane->tail) + WEIR_RECORD_HEAD, row, sizeof row);
    weir_record_seal(lane, lane->tail, sizeof row, weir_ring_stamp(ring, lane, false),
                     WEIR_RECORD_ROW);
    weir_lane_publish(lane, lane->tail + weir_record_bytes(sizeof row));
}

/* A ring whose process died: three lanes, ten rows in each. */
static ring_file make_ring(void) {
    static weir_lane lanes[LANES];
    weir_ring ring;
    weir_error error = {0};
    ring_file r = {.bytes = 0};
    weir_ring_header wanted = {
        .id = {1, 2, 3}, .journal = {9}, .lanes = LANES, .lane_bytes = LANE_BYTES};
    memset(lanes, 0, sizeof lanes);
    (void)snprintf(r.directory, sizeof r.directory, "%s", weir_temp_make());
    (void)snprintf(r.path, sizeof r.path, "%s/ring", r.directory);
    assert_int_equal(
        weir_ring_create(&ring, weir_os_posix(), WEIR_OS_CWD, r.path, &wanted, lanes, &error), 0);
    for (uint32_t i = 0; i < LANES; i++)
        assert_int_equal(weir_ring_provision(&ring, &error), 0);
    for (uint8_t n = 0; n < 10 * LANES; n++)
        put_record(&ring, n < LANES ? weir_ring_claim(&ring, 1, n) : &lanes[n % LANES], n);
    weir_ring_close(&ring);
    r.data = weir_file_read(r.path, &r.bytes);
    return r;
}

static void free_ring(ring_file *r) {
    free(r->data);
    weir_temp_remove(r->directory);
}

static weir_found_ring inspect(const ring_file *r, weir_ring_report *report) {
    weir_error error = {0};
    weir_file_write(r->path, r->data, r->bytes);
    assert_int_equal(weir_ring_inspect(weir_os_posix(), WEIR_OS_CWD, r->path, NULL, report, &error),
                     WEIR_OK);
    return report->found;
}

static void ring_headers_that_point_outside_are_refused(void **state) {
    (void)state;
    static const struct {
        unsigned at, width;
        uint64_t value;
        bool readable;
    } tries[] = {
        {72, 4, 0, false},          {72, 4, 1025, false},     {72, 4, UINT32_MAX, false},
        {72, 4, 16, true},          {76, 4, 64, false},       {80, 8, 0, false},
        {80, 8, UINT64_MAX, false}, {88, 8, 0, false},        {88, 8, 1 << 15, false},
        {88, 8, 65537, false},      {88, 8, 1u << 31, false}, {88, 8, 1 << 30, true},
        {88, 8, UINT64_MAX, false}, {96, 8, 0, false},        {96, 8, UINT64_MAX, false},
        {96, 8, 1ull << 40, false}, {12, 4, 8192, false},
    };
    cost c = cost_begin();
    ring_file r = make_ring();
    uint8_t header[128];
    weir_ring_report report;
    memcpy(header, r.data, sizeof header);
    for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
        memcpy(r.data, header, sizeof header);
        memcpy(r.data + tries[i].at, &tries[i].value, tries[i].width);
        (void)weir_put_u64(r.data + 120, weir_hash(r.data, 120));
        weir_found_ring found = inspect(&r, &report);
        assert_int_equal(found, tries[i].readable ? WEIR_RING_OURS : WEIR_RING_UNREADABLE);
        /* A lane that does not lie in the file holds nothing. */
        assert_true(!tries[i].readable || tries[i].at != 88 || report.rows == 0);
    }
    free_ring(&r);
    cost_end(&c, 0);
}

static void tails_and_heads_may_be_anything(void **state) {
    (void)state;
    static const uint64_t values[] = {0,          1,         7,          8,
                                      65535,      65536,     65537,      1ull << 32,
                                      1ull << 63, INT64_MAX, UINT64_MAX, UINT64_MAX - 15};
    enum { VALUES = sizeof values / sizeof values[0] };
    ring_file r = make_ring();
    weir_ring_report report;
    for (size_t i = 0; i < VALUES * VALUES; i++) {
        (void)weir_put_u64(r.data + WEIR_RING_HEADER, values[i / VALUES]);
        (void)weir_put_u64(r.data + WEIR_RING_HEADER + 64, values[i % VALUES]);
        assert_int_equal(inspect(&r, &report), WEIR_RING_OURS);
        assert_true(report.rows >= 20 && report.rows <= 30); /* the other lanes' twenty at least */
    }
    free_ring(&r);
}

/* A row whose table nobody declared is not drained. */
static void declare_table(weir_journal *journal) {
    const weir_drained none = {.count = 0};
    uint8_t payload[64];
    uint8_t *p = weir_put_u32(payload + WEIR_PAYLOAD_HEAD, 1);
    p += put_declaration(p, 1, "t", 1);
    assert_int_equal(weir_journal_append(journal, WEIR_BLOCK_DECLARATIONS, &none, payload,
                                         (size_t)(p - payload), 0, NULL),
                     WEIR_OK);
}

/* Drains r into a fresh journal beside it and returns how many rows can be read there. */
static uint64_t drain_into_journal(const ring_file *r) {
    weir_journal_config config = {.os = weir_os_posix(),
                                  .directory = r->directory,
                                  .segment_bytes = 1 << 20,
                                  .limit_bytes = 1 << 26,
                                  .zstd_level = 1};
    weir_inventory inv = {.verdict = WEIR_VERDICT_FRESH};
    weir_inventory_input input = {.os = config.os, .directory = r->directory, .verify_all = true};
    weir_journal *journal;
    weir_ring ring;
    weir_found_ring found;
    weir_drain drain;
    bool appended = true;
    assert_int_equal(weir_journal_open(&config, &inv, &journal, NULL), WEIR_OK);
    declare_table(journal);
    assert_int_equal(weir_ring_attach(&ring, config.os, WEIR_OS_CWD, r->path, &found, NULL),
                     WEIR_OK);
    assert_int_equal(found, WEIR_RING_OURS);
    assert_int_equal(weir_drain_make(&drain, &ring, journal, 4096, WEIR_DRAIN_DEAD_RING, NULL),
                     WEIR_OK);
    while (appended)
        assert_int_equal(weir_drain_block(&drain, &appended, NULL), WEIR_OK);
    assert_int_equal(weir_journal_sync(journal, NULL), WEIR_OK);
    weir_drain_free(&drain);
    weir_ring_close(&ring);
    weir_journal_close(journal);
    assert_int_equal(weir_inventory_take(&input, &inv, NULL), WEIR_OK);
    assert_int_equal(inv.verdict, WEIR_VERDICT_CLEAN);
    assert_int_equal(read_all(&inv), inv.end.block);
    uint64_t rows = inv.next_row - 1;
    weir_inventory_free(&inv);
    return rows;
}

/* One lane's first record is overwritten: the rows of the others must come through. The payload's head
 * was once made for all lanes and filled in for those that were left, which shifted the rows. */
static void a_lane_that_is_bad_from_its_start_costs_no_other(void **state) {
    (void)state;
    for (unsigned lane = 0; lane < LANES; lane++) {
        ring_file r = make_ring();
        r.data[8192 + lane * LANE_BYTES + WEIR_RECORD_HEAD] ^= 1;
        weir_file_write(r.path, r.data, r.bytes);
        assert_int_equal(drain_into_journal(&r), 20);
        free_ring(&r);
    }
}

/* The file is mapped, so whoever can write it may change it under our eyes. */
typedef struct flipper {
    const ring_file *ring;
    atomic_bool stop;
} flipper;

static void *flip(void *context) {
    flipper *f = context;
    FILE *file = fopen(f->ring->path, "r+b");
    weir_rng rng = {1};
    assert_non_null(file);
    (void)setvbuf(file, NULL, _IONBF, 0); /* each byte at once */
    while (!atomic_load(&f->stop)) {
        uint64_t lane = weir_rng_below(&rng, LANES);
        bool control = weir_rng_below(&rng, 2);
        long at =
            (long)(control ? WEIR_RING_HEADER + lane * WEIR_LANE_CONTROL + weir_rng_below(&rng, 72)
                           : 8192 + lane * LANE_BYTES + weir_rng_below(&rng, 320));
        (void)fseek(file, at, SEEK_SET); /* within the file */
        (void)fputc((int)weir_rng_below(&rng, 256),
                    file); /* a byte that is not written changes less */
    }
    (void)fclose(file); /* nothing is buffered */
    return NULL;
}

static void a_ring_that_changes_while_it_is_read_is_only_wrong(void **state) {
    (void)state;
    ring_file r = make_ring();
    flipper f = {.ring = &r};
    pthread_t thread;
    weir_ring_report report;
    weir_error error = {0};
    double until = seconds() + 1;
    assert_int_equal(pthread_create(&thread, NULL, flip, &f), 0);
    while (seconds() < until) {
        assert_int_equal(
            weir_ring_inspect(weir_os_posix(), WEIR_OS_CWD, r.path, NULL, &report, &error),
            WEIR_OK);
        assert_int_equal(report.found, WEIR_RING_OURS); /* the header is left alone */
        assert_true(report.rows <= (uint64_t)LANES * LANE_BYTES / 24);
    }
    atomic_store(&f.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    free_ring(&r);
}

/* ---- the tool ------------------------------------------------------------------------------ */

static const char *const reading_verbs[] = {"status", "verify", "dump"};

/* The exit code of a command line; a crash fails the test. */
__attribute__((format(printf, 1, 2))) static int run(const char *format, ...) {
    char line[2048];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    assert_true(length > 0 && (size_t)length < sizeof line);
    int status = system(line);
    if (!WIFEXITED(status) || WEXITSTATUS(status) > 128) fail_msg("crashed: %s", line);
    return WEXITSTATUS(status);
}

/* Whatever it meets, the tool answers with one of its codes. */
static void run_tool(const char *verb, const char *directory) {
    int code = run("%s %s %s >/dev/null 2>&1", WEIR_RECOVER, verb, directory);
    if (code != 0 && code != 1 && code != 4 && code != 8) fail_msg("%s: exit %d", verb, code);
}

/* As above, but through a map, header and all. */
static void *flip_mapped(void *context) {
    flipper *f = context;
    weir_rng rng = {2};
    int file = open(f->ring->path, O_RDWR);
    assert_true(file >= 0);
    volatile uint8_t *map = mmap(NULL, f->ring->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    assert_true(map != MAP_FAILED);
    static const size_t spans[] = {128, WEIR_RING_HEADER + LANES * WEIR_LANE_CONTROL, 8192 + 320};
    while (!atomic_load(&f->stop)) {
        size_t at = (size_t)weir_rng_below(&rng, spans[weir_rng_below(&rng, 3)]);
        uint8_t was = map[at];
        map[at] = (uint8_t)weir_rng_next(&rng);
        (void)sched_yield();         /* so that somebody sees it */
        if (at < 128) map[at] = was; /* else the header would be unreadable for good */
    }
    assert_int_equal(munmap((void *)(uintptr_t)map, f->ring->bytes), 0);
    assert_int_equal(close(file), 0);
    return NULL;
}

static void the_tool_reads_a_ring_that_changes_under_it(void **state) {
    (void)state;
    enum { ROUNDS = 15 };
    ring_file r = make_ring();
    flipper f = {.ring = &r};
    pthread_t thread;
    static forge j;
    forge_begin(&j);
    memset(j.journal, 0, sizeof j.journal);
    j.journal[0] = 9; /* the ring's */
    forge_journal(&j, 2);
    (void)rename(r.path, weir_temp_path(j.directory, "ring"));
    (void)snprintf(r.path, sizeof r.path, "%s/ring", j.directory);
    run_tool("verify", j.directory);
    assert_int_equal(pthread_create(&thread, NULL, flip_mapped, &f), 0);
    for (int i = 0; i < ROUNDS; i++)
        for (size_t v = 0; v < 3; v++)
            run_tool(reading_verbs[v], j.directory);
    atomic_store(&f.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    forge_end(&j);
    free_ring(&r);
}

/* ---- nothing is written outside ------------------------------------------------------------- */

/* A home with a journal in it, and beside it a file and a directory that are somebody else's. */
typedef struct home {
    forge f;
    char root[128], victim[160], vault[160], database[160], trace[160];
} home;

static const char VICTIM[] = "not ours";

static void home_begin(home *h) {
    memset(h, 0, sizeof *h);
    (void)snprintf(h->root, sizeof h->root, "%s", weir_temp_make());
    (void)snprintf(h->victim, sizeof h->victim, "%s/victim", h->root);
    (void)snprintf(h->vault, sizeof h->vault, "%s/vault", h->root);
    (void)snprintf(h->database, sizeof h->database, "%s/run.db", h->root);
    (void)snprintf(h->trace, sizeof h->trace, "%s/trace", h->root);
    weir_file_write(h->victim, VICTIM, sizeof VICTIM);
    assert_int_equal(mkdir(h->vault, 0700), 0);
    weir_sql_run(h->database, "CREATE TABLE t(a)");
    (void)snprintf(h->f.directory, sizeof h->f.directory, "%s/run.db-weir", h->root);
    assert_int_equal(mkdir(h->f.directory, 0700), 0);
    memset(h->f.journal, 0xA1, sizeof h->f.journal);
    h->f.incarnation = 1;
    h->f.next_row = 1;
    forge_journal(&h->f, 3);
}

static void link_to(const home *h, const char *target, const char *name) {
    const char *path = weir_temp_path(h->f.directory, name);
    (void)unlink(path); /* it may be there */
    assert_int_equal(symlink(target, path), 0);
}

static void make_clean(home *h) { (void)h; }
static void make_rotten(home *h) { forge_flip(&h->f, 2, forge_payload_at(&h->f, 6)); }
static void make_headless(home *h) { forge_flip(&h->f, 2, 100); }
static void make_gap(home *h) { forge_remove(&h->f, 2); }
static void make_circle(home *h) { edit_segment(&h->f, 1, (weir_log_end){3, 16384, 4, 5}, 5); }
static void make_ring_only(home *h) {
    ring_file r = make_ring();
    weir_file_write(weir_temp_path(h->f.directory, "ring"), r.data, r.bytes);
    free_ring(&r);
}
static void make_bad_ring(home *h) {
    make_ring_only(h);
    weir_file_write(weir_temp_path(h->f.directory, "ring"), VICTIM, sizeof VICTIM);
}
static void make_linked_spares(home *h) {
    link_to(h, h->victim, "spare-00000000000000000001"); /* one is kept, the others are replaced */
    link_to(h, h->victim, "spare-00000000000000000002");
    link_to(h, h->victim, "spare-00000000000000000003");
    assert_int_equal(truncate(h->victim, 2 << 20), 0); /* large enough to be taken */
}
static void make_linked_names(home *h) {
    link_to(h, h->victim, "ring");
    link_to(h, h->victim, "ring.new");
    link_to(h, h->victim, "lock");
}
static void make_linked_segment(home *h) { link_to(h, h->victim, "segment-00000000000000000004"); }

/* Does path belong to the journal or to its database? */
static bool is_ours(const home *h, const char *path) {
    size_t journal = strlen(h->f.directory), database = strlen(h->database);
    if (strstr(path, "/../")) return false;
    if (strncmp(path, "/proc/self/task/", 16) == 0) return true; /* the name of a thread */
    if (strncmp(path, h->f.directory, journal) == 0) return !path[journal] || path[journal] == '/';
    if (strncmp(path, h->database, database) != 0) return false;
    path += database;
    return !*path || !strcmp(path, "-wal") || !strcmp(path, "-shm") || !strcmp(path, "-journal");
}

/* The thread sanitizer's run time keeps a file of its own. */
static bool is_of_the_sanitizer(const char *path) {
    return strncmp(path, "/tmp/tsan.rodata.", 17) == 0;
}

/* The path that the trace names at a quotation mark; a name in an open directory stands behind that
 * directory's path: "openat(7</tmp/run.db-weir>, "lock"". */
static const char *path_at(const char *line, char *quote, char whole[512]) {
    const char *path = quote + 1, *open = NULL;
    for (const char *at = line; at < quote; at++)
        if (*at == '<') open = at + 1;
    const char *close = open ? memchr(open, '>', (size_t)(quote - open)) : NULL;
    if (*path == '/' || !close) return path;
    (void)snprintf(whole, 512, "%.*s/%s", (int)(close - open), open, path);
    return whole;
}

/* Calls that change something, by the trace; each path in them is ours. */
static unsigned check_trace(const home *h) {
    unsigned changes = 0;
    char *text = weir_file_text(h->trace), *rest = text, *line;
    while ((line = strsep(&rest, "\n"))) {
        bool opens = strstr(line, " open") || strncmp(line, "open", 4) == 0;
        if (opens && !strstr(line, "O_WRONLY") && !strstr(line, "O_RDWR") &&
            !strstr(line, "O_CREAT") && !strstr(line, "O_TRUNC"))
            continue;
        for (char *at = strchr(line, '"'); at; at = strchr(at, '"')) {
            char *end = strchr(at + 1, '"');
            assert_non_null(end);
            *end = '\0';
            char whole[512];
            const char *path = path_at(line, at, whole);
            if (!is_of_the_sanitizer(path)) {
                if (!is_ours(h, path)) fail_msg("written to: %s", path);
                changes++;
            }
            at = end + 1;
        }
    }
    free(text);
    return changes;
}

static unsigned traced(const home *h, const char *verb, const char *target) {
    (void)run(
        "ASAN_OPTIONS=detect_leaks=0 strace -f -y -qq -o %s -e signal=none -e trace=open,openat,"
        "creat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,"
        "mkdir,mkdirat,rmdir,truncate,mknod,mknodat,chmod,fchmodat,chown,fchownat "
        "%s %s %s >/dev/null 2>&1",
        h->trace, WEIR_RECOVER, verb, target);
    return check_trace(h);
}

static void check_victims(const home *h) {
    size_t bytes;
    uint8_t *victim = weir_file_read(h->victim, &bytes);
    assert_true(bytes >= sizeof VICTIM && memcmp(victim, VICTIM, sizeof VICTIM) == 0);
    for (size_t i = sizeof VICTIM; i < bytes; i++)
        assert_int_equal(victim[i], 0);
    free(victim);
    assert_int_equal(rmdir(h->vault), 0); /* still empty */
    assert_int_equal(mkdir(h->vault, 0700), 0);
}

static void nothing_is_written_outside_the_journal(void **state) {
    (void)state;
    static void (*const makes[])(home *) = {
        make_clean,     make_rotten,   make_headless,      make_gap,          make_circle,
        make_ring_only, make_bad_ring, make_linked_spares, make_linked_names, make_linked_segment};
    static const char *const writing_verbs[] = {"", "salvage", ""};
    if (run("strace -qq -o /dev/null true 2>/dev/null") != 0) skip();
    unsigned changes = 0;
    for (size_t m = 0; m < sizeof makes / sizeof makes[0]; m++) {
        static home h;
        home_begin(&h);
        makes[m](&h);
        for (size_t v = 0; v < 3; v++)
            assert_int_equal(traced(&h, reading_verbs[v], h.f.directory), 0);
        check_victims(&h);
        for (size_t v = 0; v < 3; v++)
            changes += traced(&h, writing_verbs[v], h.database);
        check_victims(&h);
        weir_temp_remove(h.root);
    }
    assert_true(changes > 100); /* or the trace shows nothing */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_near_every_limit_are_judged),
        cmocka_unit_test(a_block_larger_than_its_file_is_cut_off),
        cmocka_unit_test(counts_of_rows_that_lie_are_damage),
        cmocka_unit_test(names_of_any_length_are_judged),
        cmocka_unit_test(a_million_declarations_cost_no_more_than_their_bytes),
        cmocka_unit_test(a_million_templates_cost_no_more_than_their_bytes),
        cmocka_unit_test(formats_that_want_much_are_cut),
        cmocka_unit_test(formats_that_write_or_look_around_are_no_formats),
        cmocka_unit_test(a_template_that_lies_makes_its_block_rot),
        cmocka_unit_test(a_name_is_never_more_than_a_name),
        cmocka_unit_test(segments_in_a_circle_end),
        cmocka_unit_test(blocks_in_a_circle_end),
        cmocka_unit_test(a_segment_that_begins_anew_leaves_no_double_blocks),
        cmocka_unit_test(ring_headers_that_point_outside_are_refused),
        cmocka_unit_test(tails_and_heads_may_be_anything),
        cmocka_unit_test(a_lane_that_is_bad_from_its_start_costs_no_other),
        cmocka_unit_test(a_ring_that_changes_while_it_is_read_is_only_wrong),
        cmocka_unit_test(the_tool_reads_a_ring_that_changes_under_it),
        cmocka_unit_test(nothing_is_written_outside_the_journal),
        cmocka_unit_test(a_gibibyte_in_a_few_kilobytes_is_refused),
        cmocka_unit_test(a_bomb_costs_what_its_header_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
