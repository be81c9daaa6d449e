/* Inputs made to hurt: bombs, lengths at every limit, counts that lie, names that are SQL, chains in a
 * circle, rings that point outside. Each is read as the tool and opening would read it; what it may cost
 * is measured: never more than 64 MiB above the largest legal block, and seconds. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

#include "../lib/drain.h"
#include "../lib/tables.h"
#include "../writer/sqlite_sink.h"
#include "forge.h"

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
    assert_int_equal(take(f, &inv), WEIR_OK);
    assert_int_equal(inv.verdict, WEIR_VERDICT_ROT);
    assert_int_equal(read_all(&inv), 1); /* the head alone */
    weir_inventory_free(&inv);
    cost_end(&c, 0);
    h.raw_bytes = 64 << 20; /* an honest one is read, is no mark, and costs its size */
    replace_last(f, h, frame);
    assert_int_equal(take(f, &inv), WEIR_OK);
    assert_int_equal(read_all(&inv), 1);
    weir_inventory_free(&inv);
    cost_end(&c, 64 << 20);
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
    TRY(block, UINT64_MAX, true);
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

/* ---- names that are SQL -------------------------------------------------------------------- */

static int declare_and_commit(weir_sink *sink, const char *table, const char *column) {
    weir_column columns[] = {{column, WEIR_INTEGER}};
    weir_declaration *d;
    weir_position at, to = {.block = 1};
    weir_sink_counts counts;
    weir_error error = {0};
    assert_int_equal(weir_declaration_make(1, table, columns, 1, &d, NULL), WEIR_OK);
    assert_int_equal(sink->begin(sink->self, to.journal, &at, &error), WEIR_OK);
    int status = sink->declare(sink->self, d, true, &error);
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

static void edit_segment(forge *f, uint64_t number, weir_end before, uint64_t first_block) {
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
        edit_segment(&f, 1, (weir_end){target, 16384, 4, 5}, 5);
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
    f.end = (weir_end){1, 4096, 0, 0};
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
    assert_int_equal(weir_ring_create(&ring, weir_os_posix(), r.path, &wanted, lanes, &error), 0);
    for (uint32_t i = 0; i < LANES; i++)
        assert_int_equal(weir_ring_provision(&ring, &error), 0);
    for (uint8_t n = 0; n < 10 * LANES; n++)
        put_record(&ring, weir_ring_claim(&ring, 100 + n % LANES, 0), n);
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
    assert_int_equal(weir_ring_inspect(weir_os_posix(), r->path, NULL, report, &error), WEIR_OK);
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
    static const uint8_t none[16];
    uint8_t payload[64];
    uint8_t *p = weir_payload_head_encode(payload, none, NULL, 0);
    p = weir_put_u32(p, 1);
    p += put_declaration(p, 1, "t", 1);
    assert_int_equal(weir_journal_append(journal, WEIR_BLOCK_DECLARATIONS, payload,
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
    assert_int_equal(weir_ring_attach(&ring, config.os, r->path, &found, NULL), WEIR_OK);
    assert_int_equal(found, WEIR_RING_OURS);
    assert_int_equal(weir_drain_make(&drain, &ring, journal, 4096, true, NULL), WEIR_OK);
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
        assert_int_equal(weir_ring_inspect(weir_os_posix(), r.path, NULL, &report, &error),
                         WEIR_OK);
        assert_int_equal(report.found, WEIR_RING_OURS); /* the header is left alone */
        assert_true(report.rows <= (uint64_t)LANES * LANE_BYTES / 24);
    }
    atomic_store(&f.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    free_ring(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_near_every_limit_are_judged),
        cmocka_unit_test(a_block_larger_than_its_file_is_cut_off),
        cmocka_unit_test(counts_of_rows_that_lie_are_damage),
        cmocka_unit_test(names_of_any_length_are_judged),
        cmocka_unit_test(a_million_declarations_cost_no_more_than_their_bytes),
        cmocka_unit_test(a_name_is_never_more_than_a_name),
        cmocka_unit_test(segments_in_a_circle_end),
        cmocka_unit_test(blocks_in_a_circle_end),
        cmocka_unit_test(a_segment_that_begins_anew_leaves_no_double_blocks),
        cmocka_unit_test(ring_headers_that_point_outside_are_refused),
        cmocka_unit_test(tails_and_heads_may_be_anything),
        cmocka_unit_test(a_lane_that_is_bad_from_its_start_costs_no_other),
        cmocka_unit_test(a_ring_that_changes_while_it_is_read_is_only_wrong),
        cmocka_unit_test(a_bomb_costs_what_its_header_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
