/* docs/FORMAT.md is normative: every offset, size, name and value in its tables is held against the
 * code here. A field that only one of the two knows fails as well. */
#include "support.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/format/named.h"
#include "lib/format/names.h"
#include "lib/format/row_encode.h"
#include "lib/format/segment.h"
#include "lib/format/sink_record.h"
#include "lib/packed/packed.h"
#include "lib/ring/recorder.h"
#include "lib/stats/stats_file.h"
#include "writer/sqlite/reject.h"
#include "writer/sqlite/sqlite_sink.h"

enum { CELLS_MAX = 4, ROWS_MAX = 60, FIELDS_MAX = 40 };

/* ---- the document ---- */

typedef struct table {
    char *cell[ROWS_MAX][CELLS_MAX];
    size_t rows;
} table;

static char *document;

static const char *document_path(void) {
    static char path[4096];
    const char *source = getenv("WEIR_SOURCE_DIR");
    (void)snprintf(path, sizeof path, "%s/docs/FORMAT.md", source ? source : WEIR_SOURCE_DIR);
    return path;
}

static int read_document(void **state) {
    (void)state;
    size_t bytes;
    uint8_t *file = weir_file_read(document_path(), &bytes);
    document = malloc(bytes + 1);
    assert_non_null(document);
    memcpy(document, file, bytes);
    document[bytes] = '\0';
    free(file);
    return 0;
}

static int free_document(void **state) {
    (void)state;
    free(document);
    return 0;
}

/* The cell that begins at *at, without its blanks; *at moves behind the bar that ends it. */
static char *take_cell(const char **at, const char *line_end) {
    const char *end = memchr(*at, '|', (size_t)(line_end - *at));
    assert_non_null(end);
    const char *begin = *at;
    *at = end + 1;
    while (begin < end && *begin == ' ')
        begin++;
    while (begin < end && end[-1] == ' ')
        end--;
    char *cell = strndup(begin, (size_t)(end - begin));
    assert_non_null(cell);
    return cell;
}

static void take_row(table *t, const char *line, const char *line_end) {
    assert_true(t->rows < ROWS_MAX);
    const char *at = line + 1;
    for (size_t i = 0; i < CELLS_MAX && at < line_end; i++)
        t->cell[t->rows][i] = take_cell(&at, line_end);
    t->rows++;
}

static table find_table(const char *name) {
    table t = {0};
    char marker[80];
    (void)snprintf(marker, sizeof marker, "<!-- table: %s -->\n", name);
    const char *line = strstr(document, marker);
    if (!line) fail_msg("%s has no table \"%s\"", document_path(), name);
    line += strlen(marker);
    for (size_t number = 0; *line == '|'; number++) {
        const char *end = strchr(line, '\n');
        assert_non_null(end);
        if (number >= 2) take_row(&t, line, end); /* behind the heads and their rule */
        line = end + 1;
    }
    assert_true(t.rows > 0);
    return t;
}

static void free_table(table *t) {
    for (size_t row = 0; row < t->rows; row++)
        for (size_t i = 0; i < CELLS_MAX; i++)
            free(t->cell[row][i]);
}

/* ---- what the code makes ---- */

typedef struct field {
    const char *name;
    uint8_t bytes[256];
    size_t length;
    bool seen;
} field;

typedef struct encoded {
    const uint8_t *bytes;
    size_t length;           /* that the table must cover */
    bool gaps;               /* there may be bytes that the table does not name */
    uint64_t value['z' + 1]; /* of the letters that stand in offsets */
    field fields[FIELDS_MAX];
    size_t count;
} encoded;

static void know_bytes(encoded *e, const char *name, const void *bytes, size_t length) {
    field *f = &e->fields[e->count++];
    assert_true(e->count <= FIELDS_MAX && length <= sizeof f->bytes);
    f->name = name;
    f->length = length;
    memcpy(f->bytes, bytes, length);
}

static void know(encoded *e, const char *name, uint64_t value, unsigned width) {
    uint8_t bytes[8];
    (void)weir_put_uint(bytes, value, width);
    know_bytes(e, name, bytes, width);
}

/* "24 + 16 n" with the values of letters; "…" is unknown: the rest. */
static size_t evaluate(const encoded *e, const char *text, size_t rest) {
    uint64_t sum = 0;
    if (strcmp(text, "…") == 0) return rest;
    while (*text) {
        char *end;
        uint64_t term = *text >= '0' && *text <= '9' ? strtoull(text, &end, 10) : 1;
        text = *text >= '0' && *text <= '9' ? end : text;
        while (*text == ' ')
            text++;
        if (*text >= 'a' && *text <= 'z') term *= e->value[(unsigned char)*text++];
        while (*text == ' ' || *text == '+')
            text++;
        sum += term;
    }
    return (size_t)sum;
}

static bool has_number(const char *value, const uint8_t *at, size_t size) {
    uint64_t found = 0;
    memcpy(&found, at, size < sizeof found ? size : sizeof found);
    return size <= sizeof found && le64toh(found) == strtoull(value + 1, NULL, 10);
}

static bool has_known(encoded *e, const char *name, const uint8_t *at, size_t size) {
    for (size_t i = 0; i < e->count; i++) {
        field *f = &e->fields[i];
        if (f->seen || strcmp(f->name, name) != 0) continue;
        f->seen = true;
        return size == f->length && memcmp(at, f->bytes, size) == 0;
    }
    return false;
}

static bool field_agrees(encoded *e, char *const cell[CELLS_MAX], size_t offset, size_t size) {
    static const uint8_t zeros[256];
    const uint8_t *at = e->bytes + offset;
    const char *value = cell[3];
    if (value[0] == '"') return strlen(value) == size + 2 && memcmp(at, value + 1, size) == 0;
    if (value[0] == '=') return has_number(value, at, size);
    if (strcmp(value, "zero") == 0) return size <= sizeof zeros && memcmp(at, zeros, size) == 0;
    return has_known(e, cell[2], at, size);
}

static void check_layout(const char *name, encoded *e) {
    table t = find_table(name);
    size_t end = 0;
    for (size_t row = 0; row < t.rows; row++) {
        size_t offset = evaluate(e, t.cell[row][0], end);
        size_t size = evaluate(e, t.cell[row][1], e->length - offset);
        bool follows = offset == end || (e->gaps && offset > end);
        end = offset + size;
        if (!follows || end > e->length || !field_agrees(e, t.cell[row], offset, size))
            fail_msg("%s: the code has no \"%s\" of %zu bytes at %zu", name, t.cell[row][2], size,
                     offset);
    }
    assert_true(end == e->length || e->gaps);
    for (size_t i = 0; i < e->count; i++)
        if (!e->fields[i].seen) fail_msg("%s has no field \"%s\"", name, e->fields[i].name);
    free_table(&t);
}

/* Distinct bytes, so that no field can be taken for another. */
static void fill(void *into, size_t bytes, uint64_t seed) {
    weir_rng rng = {seed};
    weir_rng_fill(&rng, into, bytes);
}

/* ---- layouts ---- */

static void block_header_is_as_written(void **state) {
    (void)state;
    uint8_t bytes[WEIR_BLOCK_HEADER];
    weir_block_header h;
    fill(&h, sizeof h, 1);
    h.version = WEIR_FORMAT_VERSION;
    weir_block_header_encode(bytes, &h);
    encoded e = {.bytes = bytes, .length = sizeof bytes};
    know(&e, "incompatible features", h.incompatible, 4);
    know(&e, "kind", h.kind, 2);
    know(&e, "codec", h.codec, 2);
    know(&e, "compatible features", h.compatible, 4);
    know_bytes(&e, "journal id", h.journal, 16);
    know(&e, "incarnation", h.incarnation, 8);
    know(&e, "segment", h.segment, 8);
    know(&e, "offset", h.offset, 8);
    know(&e, "block", h.block, 8);
    know(&e, "first row", h.first_row, 8);
    know(&e, "rows", h.rows, 4);
    know(&e, "stored bytes", h.stored_bytes, 4);
    know(&e, "raw bytes", h.raw_bytes, 4);
    know(&e, "wall clock", (uint64_t)h.wall_ns, 8);
    know(&e, "previous hash", h.previous_hash, 8);
    know(&e, "durable block", h.durable_block, 8);
    know(&e, "payload hash", h.payload_hash, 8);
    know(&e, "header hash", weir_hash(bytes, 152), 8);
    check_layout("block header", &e);
}

static void segment_header_is_as_written(void **state) {
    (void)state;
    uint8_t bytes[WEIR_SEGMENT_HEADER];
    weir_segment_header h;
    fill(&h, sizeof h, 2);
    h.version = WEIR_FORMAT_VERSION;
    h.hash_algorithm = WEIR_HASH_XXH3_64;
    h.incompatible = 0;
    weir_segment_header_encode(bytes, &h);
    encoded e = {.bytes = bytes, .length = sizeof bytes};
    know(&e, "compatible features", h.compatible, 4);
    know_bytes(&e, "journal id", h.journal, 16);
    know(&e, "incarnation", h.incarnation, 8);
    know(&e, "segment", h.segment, 8);
    know(&e, "segment bytes", h.bytes, 8);
    know(&e, "first block", h.first_block, 8);
    know(&e, "first row", h.first_row, 8);
    know(&e, "wall clock", (uint64_t)h.wall_ns, 8);
    know(&e, "before segment", h.before.segment, 8);
    know(&e, "before offset", h.before.offset, 8);
    know(&e, "before block", h.before.block, 8);
    know(&e, "before hash", h.before.hash, 8);
    know(&e, "header hash", weir_hash(bytes, 248), 8);
    check_layout("segment header", &e);
}

static void row_is_as_written(void **state) {
    (void)state;
    const weir_value values[] = {weir_int(-300), weir_text("abc"), weir_null()};
    static const uint8_t packed[] = {0xD4, 0xFE, 3, 'a', 'b', 'c'};
    uint8_t bytes[256];
    uint8_t *end = weir_row_encode(bytes, 0x1234, values, 3);
    encoded e = {.bytes = bytes, .length = (size_t)(end - bytes), .value['n'] = 3};
    know(&e, "table", 0x1234, 2);
    know(&e, "columns", 3, 2);
    know_bytes(&e, "tags", (uint8_t[]){0x12, 0x31, 0x00}, 3);
    know_bytes(&e, "values", packed, sizeof packed);
    check_layout("row", &e);
}

static void declaration_is_as_written(void **state) {
    (void)state;
    static const weir_column columns[] = {{"first", WEIR_BLOB}, {"b", WEIR_KEY}};
    weir_declaration *d;
    assert_int_equal(weir_declaration_make(0x0234, "table", columns, 2, &d, NULL), WEIR_OK);
    uint8_t bytes[256];
    size_t length = (size_t)(weir_declaration_encode(bytes, d) - bytes);
    weir_declaration_free(d);
    encoded e = {.bytes = bytes, .length = length, .value['m'] = 5};
    know(&e, "table", 0x0234, 2);
    know(&e, "columns", 2, 2);
    know(&e, "name bytes", 5, 2);
    know_bytes(&e, "name", "table", 5);
    know_bytes(&e, "column entries", "\4\5\0first\5\1\0b", 12);
    check_layout("declaration", &e);

    encoded column = {.bytes = bytes + 11, .length = 8, .value['k'] = 5};
    know(&column, "type", WEIR_BLOB, 1);
    know(&column, "name bytes", 5, 2);
    know_bytes(&column, "name", "first", 5);
    check_layout("column", &column);
}

/* One source of each kind, with its bytes as the table "sources" describes them. */
static void template_is_as_written(void **state) {
    (void)state;
    static const weir_source sources[] = {
        {.kind = WEIR_SOURCE_CONSTANT, .constant = {{.integer = -300}, 0, WEIR_INTEGER}},
        {.kind = WEIR_SOURCE_PARAMETER, .first = 3},
        {.kind = WEIR_SOURCE_FORMAT, .first = 2, .bytes = "%d", .length = 2},
        {.kind = WEIR_SOURCE_OBJECT, .first = 1, .count = 2, .bytes = "\1\0a\2\0bc", .length = 7},
    };
    static const char encoded_sources[] = "\1\x12\xD4\xFE"
                                          "\2\3\0"
                                          "\3\2\0\2\0%d"
                                          "\4\1\0\2\0\1\0a\2\0bc";
    uint8_t bytes[256];
    assert_true(weir_template_encode(NULL, 0xF234, 5, 0x0345, sources, 4) <= sizeof bytes);
    encoded e = {.bytes = bytes,
                 .length = weir_template_encode(bytes, 0xF234, 5, 0x0345, sources, 4)};
    know(&e, "template", 0xF234, 2);
    know(&e, "parameters", 5, 2);
    know(&e, "table", 0x0345, 2);
    know(&e, "columns", 4, 2);
    know_bytes(&e, "sources", encoded_sources, sizeof encoded_sources - 1);
    check_layout("template", &e);
    weir_template *t;
    weir_cursor c = weir_cursor_over(bytes, e.length);
    assert_int_equal(weir_template_decode(&c, &t), WEIR_OK);
    weir_template_free(t);
}

/* The document says of bits what the code knows: of incompatible features bit 0, in rings bit 1 too,
 * in blocks bit 2, and no other. */
static void feature_bits_are_those_of_the_code(void **state) {
    (void)state;
    assert_non_null(strstr(document, "Bit 0, *templates* (§3), of blocks and rings"));
    assert_non_null(strstr(document, "Bit 1,\n  *batches* (§8), of rings"));
    assert_non_null(strstr(document, "Bit 2, *shuffled* (§4),\n  of blocks"));
    assert_int_equal(WEIR_FEATURE_TEMPLATES, 1);
    assert_int_equal(WEIR_FEATURE_BATCHES, 2);
    assert_int_equal(WEIR_FEATURE_SHUFFLED, 4);
    assert_int_equal(WEIR_TEMPLATE_FIRST, WEIR_TABLES_MAX + 1);
    for (unsigned bit = 0; bit < 32; bit++) {
        uint8_t bytes[WEIR_BLOCK_HEADER];
        weir_block_header h = {.version = WEIR_FORMAT_VERSION,
                               .kind = WEIR_BLOCK_MARK,
                               .incompatible = (uint32_t)1 << bit,
                               .segment = 1,
                               .offset = WEIR_BLOCK_ALIGN,
                               .block = 1,
                               .first_row = 1,
                               .stored_bytes = WEIR_PAYLOAD_HEAD,
                               .raw_bytes = WEIR_PAYLOAD_HEAD};
        weir_block_header_encode(bytes, &h);
        bool known = bit == 0 || bit == 2;
        assert_int_equal(weir_block_header_decode(bytes, &h), known ? WEIR_OK : WEIR_VERSION);
    }
}

static void payload_is_as_written(void **state) {
    (void)state;
    static const uint8_t ring[16] = "the ring's id...";
    static const weir_lane_mark marks[] = {{3, 0x1122334455667788u}, {9, 5}};
    uint8_t bytes[80];
    uint8_t *end = weir_payload_head_encode(bytes, ring, marks, 2);
    encoded e = {.bytes = bytes, .length = (size_t)(end - bytes), .value['n'] = 2};
    know_bytes(&e, "ring id", ring, 16);
    know(&e, "lanes", 2, 4);
    know_bytes(&e, "lane entries", bytes + WEIR_PAYLOAD_HEAD, 32);
    know_bytes(&e, "body", "", 0);
    check_layout("payload", &e);

    encoded entry = {.bytes = bytes + WEIR_PAYLOAD_HEAD, .length = WEIR_LANE_ENTRY};
    know(&entry, "lane", 3, 4);
    know(&entry, "position", marks[0].position, 8);
    check_layout("lane entry", &entry);
}

static void lane_control_is_as_written(void **state) {
    (void)state;
    static weir_lane_control control;
    atomic_store(&control.tail, 0x1112131415161718u);
    atomic_store(&control.head, 0x2122232425262728u);
    atomic_store(&control.owner, 0x3132333435363738u);
    encoded e = {.bytes = (const uint8_t *)&control, .length = sizeof control, .gaps = true};
    know(&e, "tail", 0x1112131415161718u, 8);
    know(&e, "head", 0x2122232425262728u, 8);
    know(&e, "owner", 0x3132333435363738u, 8);
    check_layout("lane control", &e);
}

static uint64_t constant(const char *name) {
    table t = find_table("record constants");
    uint64_t value = 0;
    for (size_t row = 0; row < t.rows; row++)
        if (strcmp(t.cell[row][0], name) == 0) value = strtoull(t.cell[row][1], NULL, 0);
    free_table(&t);
    assert_true(value != 0);
    return value;
}

/* The check as the document's formula has it, with the document's constants. */
static uint32_t documented_check(const uint8_t *record, size_t body, const uint8_t ring[16],
                                 uint32_t lane, uint64_t position) {
    uint64_t k1 = constant("K1"), k2 = constant("K2");
    uint64_t hash = weir_hash(record + 8, 8 + body);
    uint64_t place = weir_hash(ring, 16) + lane * k1 + position * k2 + ((uint64_t)body << 40);
    return (uint32_t)(((hash ^ place) * k1) >> 32);
}

static _Alignas(WEIR_CACHE_LINE) weir_lane lanes[2];

static void make_ring(weir_ring *ring, const char *directory) {
    weir_ring_header wanted = {.lanes = 2, .lane_bytes = 1u << 16, .process = 4711, .wall_ns = 99};
    fill(wanted.id, 16, 3);
    fill(wanted.boot, 16, 4);
    fill(wanted.journal, 16, 5);
    weir_error error;
    assert_int_equal(weir_ring_create(ring, weir_os_posix(), WEIR_OS_CWD,
                                      weir_temp_path(directory, "ring"), &wanted, lanes, &error),
                     WEIR_OK);
    assert_int_equal(weir_ring_provision(ring, &error), WEIR_OK);
    assert_int_equal(weir_ring_provision(ring, &error), WEIR_OK);
}

static void check_ring_header(const uint8_t *file, const weir_ring_header *h) {
    encoded e = {.bytes = file, .length = 128};
    know(&e, "incompatible features", 3, 4); /* templates and batches */
    know(&e, "compatible features", h->compatible, 4);
    know_bytes(&e, "ring id", h->id, 16);
    know_bytes(&e, "boot id", h->boot, 16);
    know_bytes(&e, "journal id", h->journal, 16);
    know(&e, "lanes", 2, 4);
    know(&e, "lane bytes", 1u << 16, 8);
    know(&e, "data offset", 8192, 8);
    know(&e, "process", 4711, 8);
    know(&e, "wall clock", 99, 8);
    know(&e, "header hash", weir_hash(file, 120), 8);
    check_layout("ring header", &e);
}

static void check_ring_mark(const uint8_t *at, const weir_ring_header *h,
                            const weir_durable_mark *mark) {
    uint64_t id;
    memcpy(&id, h->id, sizeof id);
    encoded e = {.bytes = at, .length = 32};
    know(&e, "block", mark->block, 8);
    know(&e, "hash", mark->hash, 8);
    know(&e, "row", mark->row, 8);
    know(&e, "check", weir_hash(at, 24) ^ le64toh(id), 8);
    check_layout("ring mark", &e);
}

static void check_record(const uint8_t *record, const weir_ring_header *h, uint64_t position) {
    encoded e = {.bytes = record, .length = 16 + 5, .value['b'] = 5};
    know(&e, "body bytes", 5, 4);
    know(&e, "check", documented_check(record, 5, h->id, 1, position), 4);
    know(&e, "stamp", 77u << 8 | WEIR_RECORD_DECLARATION, 8);
    know_bytes(&e, "body", "hello", 5);
    check_layout("record", &e);
}

static void ring_is_as_written(void **state) {
    (void)state;
    const char *directory = strdup(weir_temp_make());
    weir_ring ring;
    make_ring(&ring, directory);
    const weir_durable_mark marks[] = {{.block = 11, .hash = 12, .row = 13},
                                       {.block = 21, .hash = 22, .row = 23}};
    weir_ring_store_mark(&ring, &marks[0]);
    weir_ring_store_mark(&ring, &marks[1]);
    atomic_store(ring.word, 0x1122334455667788u);
    uint64_t position = (1u << 16) + 72;
    memcpy(weir_lane_at(&lanes[1], position) + 16, "hello", 5);
    weir_record_seal(&lanes[1], position, 5, 77, WEIR_RECORD_DECLARATION);
    weir_ring_header header = ring.header;
    weir_ring_close(&ring);

    size_t bytes;
    uint8_t *file = weir_file_read(weir_temp_path(directory, "ring"), &bytes);
    assert_int_equal(bytes, 8192 + 2 * (1u << 16));
    check_ring_header(file, &header);
    check_ring_mark(file + 320, &header, &marks[0]);
    check_ring_mark(file + 384, &header, &marks[1]);
    uint64_t word;
    memcpy(&word, file + 256, sizeof word);
    assert_true(le64toh(word) == 0x1122334455667788u);
    check_record(file + 8192 + (1u << 16) + 72, &header, position);
    free(file);
    weir_temp_remove(directory);
    free((char *)directory);
}

/* ---- the figures ---- */

static void stats_header_is_as_written(void **state) {
    (void)state;
    uint8_t at[WEIR_STATS_HEADER];
    weir_stats_header h = {.version = 1,
                           .compatible = 5,
                           .process = 6,
                           .opened_wall_ns = 7,
                           .lane_bytes = 8,
                           .limit_bytes = 9,
                           .lanes_max = 10,
                           .sinks = 2,
                           .program = "program"};
    char program[WEIR_STATS_PROGRAM] = "program";
    fill(h.journal, 16, 1);
    fill(h.ring, 16, 2);
    fill(h.boot, 16, 3);
    weir_stats_encode_header(at, &h);
    encoded e = {.bytes = at, .length = 152};
    know(&e, "compatible features", 5, 4);
    know_bytes(&e, "journal id", h.journal, 16);
    know_bytes(&e, "ring id", h.ring, 16);
    know_bytes(&e, "boot id", h.boot, 16);
    know(&e, "process", 6, 8);
    know(&e, "wall clock", 7, 8);
    know(&e, "lane bytes", 8, 8);
    know(&e, "journal limit", 9, 8);
    know(&e, "lanes", 10, 4);
    know(&e, "sinks", 2, 4);
    know_bytes(&e, "program", program, sizeof program);
    know(&e, "header hash", weir_hash(at, 144), 8);
    check_layout("stats header", &e);
}

/* One line for each figure, in the order of the list in the code. */
static void check_figures(const char *name, const char *const *figures, size_t count) {
    table t = find_table(name);
    assert_int_equal(t.rows, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(strtoull(t.cell[i][0], NULL, 10), i);
        assert_string_equal(t.cell[i][1], figures[i]);
    }
    free_table(&t);
}

static void figures_are_as_written(void **state) {
    (void)state;
#define NAME_OF(name) #name,
    static const char *const figures[] = {WEIR_FIGURES(NAME_OF)};
    static const char *const of_sink[] = {WEIR_SINK_FIGURES(NAME_OF)};
    check_figures("figures", figures, sizeof figures / sizeof figures[0]);
    check_figures("figures of a sink", of_sink, sizeof of_sink / sizeof of_sink[0]);
}

/* ---- the flight recorder ---- */

static void check_recorder_header(const uint8_t *file, const weir_recorder_header *h) {
    encoded e = {.bytes = file, .length = 96};
    know(&e, "compatible features", h->compatible, 4);
    know_bytes(&e, "recorder id", h->id, 16);
    know_bytes(&e, "ring id", h->ring, 16);
    know_bytes(&e, "journal id", h->journal, 16);
    know(&e, "lane", 3, 4);
    know(&e, "slots", 5, 4);
    know(&e, "slot bytes", WEIR_RECORDER_SLOT, 4);
    know(&e, "header hash", weir_hash(file, 88), 8);
    check_layout("recorder header", &e);
}

/* The check as the document's formula has it. */
static void check_recorder_slot(const uint8_t *slot, const uint8_t id[16], uint64_t sequence) {
    uint64_t k1 = constant("K1"), k2 = constant("K2");
    uint64_t place = weir_hash(id, 16) + sequence * k2 + ((uint64_t)5 << 40);
    encoded e = {.bytes = slot, .length = 32 + 5, .value['b'] = 5};
    know(&e, "word", sequence << 2 | WEIR_RECORDER_RECORDED, 8);
    know(&e, "check", (weir_hash(slot + 32, 5) ^ place) * k1, 8);
    know(&e, "way", 0, 8);
    know(&e, "body bytes", 5, 4);
    know_bytes(&e, "body", "hello", 5);
    check_layout("recorder slot", &e);
}

static void recorder_is_as_written(void **state) {
    (void)state;
    char *directory = strdup(weir_temp_make());
    weir_recorder recorder = {0};
    weir_recorder_header wanted = {.lane = 3, .slots = 5};
    weir_error error;
    uint64_t sequence = 0;
    fill(wanted.id, 16, 6);
    fill(wanted.ring, 16, 7);
    fill(wanted.journal, 16, 8);
    assert_int_equal(weir_recorder_create(&recorder, weir_os_posix(), WEIR_OS_CWD,
                                          weir_temp_path(directory, "recorder"), &wanted, &error),
                     WEIR_OK);
    while (sequence < 8) {
        weir_recorder_slot *slot = weir_recorder_claim(&recorder, &sequence);
        assert_non_null(slot);
        memcpy(slot->body, "hello", 5);
        weir_recorder_seal(&recorder, slot, sequence, 5);
    }
    weir_recorder_header header = recorder.header;
    weir_recorder_unmap(&recorder);
    size_t bytes;
    uint8_t *file = weir_file_read(weir_temp_path(directory, "recorder"), &bytes);
    assert_int_equal(bytes, 4096 + 5 * WEIR_RECORDER_SLOT);
    check_recorder_header(file, &header);
    check_recorder_slot(file + 4096 + 3 * WEIR_RECORDER_SLOT, header.id, 8);
    free(file);
    weir_temp_remove(directory);
    free(directory);
}

/* ---- packed segments ---- */

static void packed_header_is_as_written(void **state) {
    (void)state;
    weir_packed_header h;
    uint8_t bytes[WEIR_PACKED_HEADER];
    fill(&h, sizeof h, 10);
    h.version = WEIR_PACKED_VERSION;
    h.hash_algorithm = WEIR_HASH_XXH3_64;
    h.incompatible = 0;
    weir_packed_header_encode(bytes, &h);
    encoded e = {.bytes = bytes, .length = sizeof bytes};
    know(&e, "compatible features", h.compatible, 4);
    know_bytes(&e, "segment header", h.segment_header, sizeof h.segment_header);
    know(&e, "file bytes", h.file_bytes, 8);
    know(&e, "end offset", h.end.offset, 8);
    know(&e, "end block", h.end.block, 8);
    know(&e, "end hash", h.end.hash, 8);
    know(&e, "next row", h.next_row, 8);
    know(&e, "last wall clock", (uint64_t)h.last_wall_ns, 8);
    know(&e, "header hash", weir_hash(bytes, 504), 8);
    check_layout("packed header", &e);
}

static void packed_group_is_as_written(void **state) {
    (void)state;
    weir_packed_group g;
    uint8_t bytes[WEIR_PACKED_GROUP_HEADER];
    fill(&g, sizeof g, 11);
    weir_packed_group_encode(bytes, &g);
    encoded e = {.bytes = bytes, .length = sizeof bytes};
    know(&e, "segment", g.segment, 8);
    know(&e, "place", g.place, 8);
    know(&e, "first block", g.first_block, 8);
    know(&e, "first offset", g.first_offset, 8);
    know(&e, "end offset", g.end_offset, 8);
    know(&e, "blocks", g.blocks, 4);
    know(&e, "coding", g.coding, 4);
    know(&e, "heads raw", g.heads_raw, 4);
    know(&e, "heads stored", g.heads_stored, 4);
    know(&e, "plan raw", g.plan_raw, 4);
    know(&e, "plan stored", g.plan_stored, 4);
    know(&e, "rest stored", g.rest_stored, 4);
    know(&e, "raw bytes", g.raw_bytes, 4);
    know(&e, "heads hash", g.heads_hash, 8);
    know(&e, "body hash", g.body_hash, 8);
    know(&e, "raw hash", g.raw_hash, 8);
    know(&e, "previous hash", g.previous_hash, 8);
    know(&e, "header hash", weir_hash(bytes, 120), 8);
    check_layout("packed group", &e);
}

/* ---- named readers ---- */

static void named_reader_is_as_written(void **state) {
    (void)state;
    weir_named n;
    uint8_t bytes[WEIR_NAMED_BYTES], name[WEIR_NAMED_NAME_MAX] = "a-reader";
    fill(&n, sizeof n, 9);
    memcpy(n.name, name, sizeof name);
    n.name[sizeof name] = '\0';
    weir_named_encode(bytes, &n);
    encoded e = {.bytes = bytes, .length = sizeof bytes};
    know(&e, "compatible features", 0, 4);
    know_bytes(&e, "journal id", n.mark.at.journal, 16);
    know(&e, "block", n.mark.at.block, 8);
    know(&e, "row", n.mark.at.row, 8);
    know(&e, "hash", n.mark.at.hash, 8);
    know(&e, "wall clock", (uint64_t)n.wall_ns, 8);
    know(&e, "hold bytes", n.hold_bytes, 8);
    know(&e, "name bytes", 8, 4);
    know_bytes(&e, "name", name, sizeof name);
    know(&e, "row hash", n.mark.row_hash, 8);
    know(&e, "file hash", weir_hash(bytes, 184), 8);
    check_layout("named reader", &e);
}

/* ---- sinks ---- */

static void sink_is_as_written(void **state) {
    (void)state;
    uint8_t bytes[WEIR_SINK_RECORD_BYTES], name[WEIR_NAMED_NAME_MAX] = "central";
    uint8_t kind[WEIR_SINK_KIND_MAX] = "postgres", place[WEIR_SINK_PLACE_MAX] = "over there";
    weir_sink_record r = {.safe = {.block = 71, .row = 72, .hash = 73},
                          .begin = 74,
                          .wall_ns = 75,
                          .lag_limit = 76,
                          .at_limit = 1,
                          .state = WEIR_SINK_DETACHED};
    fill(r.safe.journal, sizeof r.safe.journal, 9);
    memcpy(r.name, name, sizeof name);
    memcpy(r.kind, kind, sizeof kind);
    memcpy(r.place, place, sizeof place);
    weir_sink_record_encode(bytes, &r);
    encoded e = {.bytes = bytes, .length = sizeof bytes};
    know(&e, "compatible features", 0, 4);
    know_bytes(&e, "journal id", r.safe.journal, 16);
    know(&e, "block", 71, 8);
    know(&e, "row", 72, 8);
    know(&e, "hash", 73, 8);
    know(&e, "begin", 74, 8);
    know(&e, "wall clock", 75, 8);
    know(&e, "lag limit", 76, 8);
    know(&e, "at the limit", 1, 4);
    know(&e, "state", 1, 4);
    know(&e, "name bytes", 7, 4);
    know(&e, "kind bytes", 8, 4);
    know(&e, "place bytes", 10, 4);
    know_bytes(&e, "name", name, sizeof name);
    know_bytes(&e, "kind", kind, sizeof kind);
    know_bytes(&e, "place", place, sizeof place);
    know(&e, "file hash", weir_hash(bytes, 504), 8);
    check_layout("sink", &e);
}

/* ---- lists of names and values ---- */

typedef struct named {
    const char *name;
    uint64_t value;
} named;
#define NAMED(name)                                                                                \
    { #name, (uint64_t)(name) }

static void check_values(const char *name, const named *list, size_t count) {
    table t = find_table(name);
    assert_int_equal(t.rows, count);
    for (size_t row = 0; row < t.rows; row++) {
        size_t i = 0;
        while (i < count && strcmp(list[i].name, t.cell[row][0]) != 0)
            i++;
        if (i == count) fail_msg("%s: the code knows no %s", name, t.cell[row][0]);
        assert_true(strtoull(t.cell[row][1], NULL, 0) == list[i].value);
    }
    free_table(&t);
}
#define CHECK_VALUES(name, list) check_values(name, list, sizeof(list) / sizeof((list)[0]))

static void constants_are_those_of_the_code(void **state) {
    (void)state;
    static const named constants[] = {
        NAMED(WEIR_FORMAT_VERSION),
        NAMED(WEIR_RING_VERSION),
        NAMED(WEIR_BLOCK_ALIGN),
        NAMED(WEIR_BLOCK_HEADER),
        NAMED(WEIR_SEGMENT_HEADER),
        NAMED(WEIR_PAYLOAD_HEAD),
        NAMED(WEIR_LANE_ENTRY),
        NAMED(WEIR_LANES_LIMIT),
        NAMED(WEIR_RAW_MAX),
        NAMED(WEIR_ROW_HEAD),
        NAMED(WEIR_COLUMNS_MAX),
        NAMED(WEIR_NAME_MAX),
        NAMED(WEIR_TABLES_MAX),
        NAMED(WEIR_HASH_XXH3_64),
        NAMED(WEIR_RING_HEADER),
        NAMED(WEIR_RING_WORD_AT),
        NAMED(WEIR_RING_MARK_AT),
        NAMED(WEIR_RING_MARK_STEP),
        NAMED(WEIR_EPOCH_SHIFT),
        NAMED(WEIR_LANE_CONTROL),
        NAMED(WEIR_RECORD_HEAD),
        NAMED(WEIR_RECORDER_VERSION),
        NAMED(WEIR_RECORDER_HEADER),
        NAMED(WEIR_RECORDER_SLOT_HEAD),
        NAMED(WEIR_RECORDER_SLOT_MAX),
        NAMED(WEIR_RECORDER_SLOTS_MAX),
        NAMED(WEIR_RECORDER_WAY_SHIFT),
        NAMED(WEIR_NAMED_VERSION),
        NAMED(WEIR_NAMED_BYTES),
        NAMED(WEIR_NAMED_NAME_MAX),
    };
    static const named kinds[] = {NAMED(WEIR_BLOCK_ROWS), NAMED(WEIR_BLOCK_MARK),
                                  NAMED(WEIR_BLOCK_DECLARATIONS)};
    static const named codecs[] = {NAMED(WEIR_CODEC_RAW), NAMED(WEIR_CODEC_ZSTD),
                                   NAMED(WEIR_CODEC_SHUFFLED)};
    static const named types[] = {NAMED(WEIR_INTEGER), NAMED(WEIR_REAL), NAMED(WEIR_TEXT),
                                  NAMED(WEIR_BLOB), NAMED(WEIR_KEY)};
    static const named sources[] = {NAMED(WEIR_SOURCE_CONSTANT), NAMED(WEIR_SOURCE_PARAMETER),
                                    NAMED(WEIR_SOURCE_FORMAT), NAMED(WEIR_SOURCE_OBJECT)};
    static const named states[] = {NAMED(WEIR_RECORDER_EMPTY), NAMED(WEIR_RECORDER_WRITING),
                                   NAMED(WEIR_RECORDER_RECORDED), NAMED(WEIR_RECORDER_LEAVING)};
    static const named records[] = {NAMED(WEIR_RECORD_ROW), NAMED(WEIR_RECORD_DECLARATION),
                                    NAMED(WEIR_RECORD_ROW_CONTINUED)};
    CHECK_VALUES("recorder states", states);
    CHECK_VALUES("record kinds", records);
    CHECK_VALUES("constants", constants);
    CHECK_VALUES("kinds", kinds);
    CHECK_VALUES("codecs", codecs);
    CHECK_VALUES("types", types);
    CHECK_VALUES("sources", sources);
}

static bool tag_is_listed(const table *t, unsigned tag, const char **type) {
    for (size_t row = 0; row < t->rows; row++) {
        char *end;
        unsigned long first = strtoul(t->cell[row][0], &end, 16), last = first;
        const char *more = strstr(end, "0x");
        if (more) last = strtoul(more, NULL, 16);
        *type = t->cell[row][1];
        if (tag >= first && tag <= last) return true;
    }
    return false;
}

static void tags_are_those_of_the_code(void **state) {
    (void)state;
    static const char *const names[] = {"NULL", "INTEGER", "REAL", "TEXT", "BLOB"};
    static weir_value values[WEIR_COLUMNS_MAX];
    table t = find_table("tags");
    for (unsigned tag = 0; tag < 256; tag++) {
        uint8_t row[5 + 15] = {1, 0, 1, 0, (uint8_t)tag};
        uint16_t number, columns;
        bool valid = weir_row_decode(row, 5 + (tag & 15), &number, &columns, values);
        const char *type = NULL;
        assert_int_equal(valid, tag_is_listed(&t, tag, &type));
        if (valid) assert_string_equal(type, names[values[0].type]);
    }
    free_table(&t);
}

static bool is_listed(const table *t, const char *name) {
    for (size_t row = 0; row < t->rows; row++)
        if (strcmp(t->cell[row][0], name) == 0) return true;
    return false;
}

static void names_are_those_of_the_code(void **state) {
    (void)state;
    static const char *const prefixes[] = {"segment", "spare", "damaged-header-segment"};
    table t = find_table("names");
    for (size_t i = 0; i < 3; i++) {
        char path[WEIR_PATH_MAX];
        weir_numbered_path(path, "d", prefixes[i], 7);
        assert_true(is_listed(&t, path + 2));
    }
    assert_true(is_listed(&t, "ring") && is_listed(&t, "ring.new") && is_listed(&t, "lock"));
    assert_true(is_listed(&t, "recorder") && is_listed(&t, "recorder.new"));
    assert_true(is_listed(&t, "readers/NAME") && is_listed(&t, "readers/.NAME.new"));
    free_table(&t);
}

/* ---- the database ---- */

static void check_columns(sqlite3 *db, const char *name) {
    table t = find_table(name);
    sqlite3_stmt *info;
    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT name, type FROM pragma_table_info(?1)", -1, &info, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_bind_text(info, 1, name, -1, SQLITE_STATIC), SQLITE_OK);
    for (size_t row = 0; row < t.rows; row++) {
        assert_int_equal(sqlite3_step(info), SQLITE_ROW);
        assert_string_equal((const char *)sqlite3_column_text(info, 0), t.cell[row][0]);
        assert_string_equal((const char *)sqlite3_column_text(info, 1), t.cell[row][1]);
    }
    assert_int_equal(sqlite3_step(info), SQLITE_DONE);
    assert_int_equal(sqlite3_finalize(info), SQLITE_OK);
    free_table(&t);
}

static void make_position(const char *path) {
    weir_sqlite_config config = {.path = path, .busy_timeout_ms = 1000};
    weir_sink sink;
    weir_error error;
    assert_int_equal(weir_sqlite_sink_open(&config, &sink, NULL, &error), WEIR_OK);
    weir_position position = {.block = 1, .row = 2, .hash = UINT64_MAX};
    weir_position at;
    weir_sink_counts counts;
    assert_int_equal(sink.begin(sink.self, position.journal, &at, &error), WEIR_OK);
    assert_int_equal(sink.commit(sink.self, &position, &counts, &error), WEIR_OK);
    sink.close(sink.self);
}

static void database_tables_are_as_written(void **state) {
    (void)state;
    char *directory = strdup(weir_temp_make());
    const char *path = weir_temp_path(directory, "run.db");
    make_position(path);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_stmt *insert;
    weir_error error;
    assert_int_equal(weir_reject_prepare(db, &insert, &error), WEIR_OK);
    check_columns(db, "weir_position");
    check_columns(db, "weir_reject");
    assert_int_equal(sqlite3_finalize(insert), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_int_equal(weir_sql_int(path, "SELECT hash FROM weir_position"), -1);
    weir_temp_remove(directory);
    free(directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(block_header_is_as_written),
        cmocka_unit_test(segment_header_is_as_written),
        cmocka_unit_test(row_is_as_written),
        cmocka_unit_test(declaration_is_as_written),
        cmocka_unit_test(template_is_as_written),
        cmocka_unit_test(feature_bits_are_those_of_the_code),
        cmocka_unit_test(payload_is_as_written),
        cmocka_unit_test(lane_control_is_as_written),
        cmocka_unit_test(ring_is_as_written),
        cmocka_unit_test(recorder_is_as_written),
        cmocka_unit_test(packed_header_is_as_written),
        cmocka_unit_test(packed_group_is_as_written),
        cmocka_unit_test(named_reader_is_as_written),
        cmocka_unit_test(sink_is_as_written),
        cmocka_unit_test(stats_header_is_as_written),
        cmocka_unit_test(figures_are_as_written),
        cmocka_unit_test(constants_are_those_of_the_code),
        cmocka_unit_test(tags_are_those_of_the_code),
        cmocka_unit_test(names_are_those_of_the_code),
        cmocka_unit_test(database_tables_are_as_written),
    };
    return cmocka_run_group_tests(tests, read_document, free_document);
}
