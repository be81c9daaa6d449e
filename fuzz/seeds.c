/* seeds.c - makes the seeds of the corpus with the library itself.
 *
 *   weir-fuzz-seeds DIRECTORY        writes DIRECTORY/<harness>/seed-<what>
 *
 * The files are kept in fuzz/corpus/; run this again when the format grows. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/format/named.h"
#include "../lib/format/row_encode.h"
#include "../lib/format/shuffle.h"
#include "../lib/format/sink_record.h"
#include "../lib/format/tables.h"
#include "../lib/format/template.h"
#include "../lib/journal/journal.h"
#include "../lib/read/place_text.h"
#include "../lib/ring/recorder.h"
#include "../lib/stats/stats_file.h"
#include "harness.h"
#include "operations.h"
#include "seeds_packed.h"

enum { ROOM = 1 << 16 };

static const char *root;

static void write_seed(const char *harness, const char *what, const void *bytes, size_t size) {
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", root, harness);
    (void)mkdir(path, 0755); /* it may be there */
    (void)snprintf(path, sizeof path, "%s/%s/seed-%s", root, harness, what);
    FILE *file = fopen(path, "wb");
    MUST(file && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
}

/* ---- rows and declarations --------------------------------------------------------------- */

static const weir_column columns[] = {
    {"id", WEIR_KEY}, {"n", WEIR_INTEGER}, {"x", WEIR_REAL}, {"name", WEIR_TEXT}, {"b", WEIR_BLOB}};

static size_t make_row(uint8_t *at, uint16_t table, int64_t n) {
    weir_value v[5] = {weir_int(n), n % 3 ? weir_int(n * n * 1000003) : weir_null(),
                       weir_real((double)n / 7), weir_text(n % 2 ? "firm" : "h\xC3\xA9llo\xFF"),
                       weir_blob("\0\1\2\3", (size_t)(n % 5))};
    int status = WEIR_OK;
    size_t bytes = weir_row_size(v, 5, &status);
    (void)weir_row_encode(at, table, v, 5); /* its end is bytes further on */
    return bytes;
}

static size_t make_declarations(uint8_t *at, unsigned count) {
    static const char *const names[] = {"agent", "select", "x\"; DROP TABLE agent; --"};
    uint8_t *p = weir_put_u32(at, count);
    for (unsigned i = 0; i < count; i++) {
        weir_declaration *d;
        uint16_t number = (uint16_t)(i + 1);
        MUST(weir_declaration_make(number, names[i], columns, 5 - i, &d, NULL) == WEIR_OK);
        p = weir_declaration_encode(p, d);
        weir_declaration_free(d);
    }
    return (size_t)(p - at);
}

enum { MESSAGE = WEIR_TEMPLATE_FIRST, FIELDS }; /* templates */

/* Two templates of "agent": its columns are n and x as they come, name a format or an object, and a
 * constant that none can be. */
static uint8_t *put_templates(uint8_t *at) {
    static const char format[] = "%-5d|%+.3f|%s|%*d%%";
    static const char names[] = "\2\0id\1\0x\3\0n\"m\4\0name\1\0b";
    const weir_source message[] = {
        {.kind = WEIR_SOURCE_PARAMETER, .first = 0},
        {.kind = WEIR_SOURCE_CONSTANT, .constant = weir_int(-70000)},
        {.kind = WEIR_SOURCE_PARAMETER, .first = 1},
        {.kind = WEIR_SOURCE_FORMAT, .first = 0, .bytes = format, .length = sizeof format - 1},
    };
    const weir_source fields[] = {
        {.kind = WEIR_SOURCE_PARAMETER, .first = 0},
        {.kind = WEIR_SOURCE_CONSTANT, .constant = weir_null()},
        {.kind = WEIR_SOURCE_CONSTANT, .constant = weir_real(0.5)},
        {.kind = WEIR_SOURCE_OBJECT, .count = 5, .bytes = names, .length = sizeof names - 1},
        {.kind = WEIR_SOURCE_CONSTANT, .constant = weir_blob("\0\xFF", 2)},
    };
    at += weir_template_encode(at, MESSAGE, 5, 1, message, 4);
    return at + weir_template_encode(at, FIELDS, 5, 1, fields, 5);
}

/* The tables, and then the templates. */
static size_t make_all_declarations(uint8_t *at) {
    size_t bytes = make_declarations(at, 2);
    uint8_t *end = put_templates(at + bytes);
    (void)weir_put_u32(at, 4);
    return (size_t)(end - at);
}

/* Parameters: one too few now and then, and of every type where the format wants others. */
static size_t make_parameters(uint8_t *at, uint16_t template, int64_t n) {
    const weir_value fits[5] = {weir_int(n), weir_real((double)n / 8), weir_text("t\xC3\xA9xt"),
                                weir_int(n % 9), weir_int(1000 - n)};
    const weir_value others[5] = {weir_real(0.1), weir_text("%n\n\1"), weir_null(),
                                  weir_blob("\0\xFE", 2), weir_text("\xFF")};
    const weir_value *v = n % 3 ? fits : others;
    size_t count = n % 4 ? 5 : 4;
    int status = WEIR_OK;
    size_t bytes = weir_row_size(v, count, &status);
    (void)weir_row_encode(at, template, v, count); /* its end is bytes further on */
    return bytes;
}

static size_t make_head(uint8_t *at, const uint8_t ring[16], uint32_t lanes) {
    weir_lane_mark marks[2] = {{0, 64}, {1, 128}};
    return (size_t)(weir_payload_head_encode(at, ring, marks, lanes) - at);
}

static size_t make_rows(uint8_t *at, uint32_t rows, int64_t first) {
    static const uint8_t ring[16] = "ring of seeds..";
    size_t bytes = make_head(at, ring, 2);
    for (uint32_t i = 0; i < rows; i++) {
        size_t row = make_row(at + bytes + 4, (uint16_t)(1 + i % 3 / 2), first + i);
        (void)weir_put_u32(at + bytes, (uint32_t)row);
        bytes += 4 + row;
    }
    return bytes;
}

/* Rows of tables and of templates in turn. */
static size_t make_mixed_rows(uint8_t *at, uint32_t rows, int64_t first) {
    size_t bytes = 0;
    for (int64_t n = first; n < first + rows; n++) {
        uint8_t *row = at + bytes + 4;
        size_t size = n % 3 == 0 ? make_row(row, 1, n)
                                 : make_parameters(row, n % 3 > 1 ? FIELDS : MESSAGE, n);
        (void)weir_put_u32(at + bytes, (uint32_t)size);
        bytes += 4 + size;
    }
    return bytes;
}

/* Rows of a table and of a template in turn, each with as many columns as the others. */
static size_t make_even_rows(uint8_t *at, uint32_t rows) {
    size_t bytes = 0;
    for (int64_t n = 0; n < rows; n++) {
        uint8_t *row = at + bytes + 4;
        size_t size = n % 3 ? make_parameters(row, MESSAGE, 4 * n + 1) : make_row(row, 1, n);
        (void)weir_put_u32(at + bytes, (uint32_t)size);
        bytes += 4 + size;
    }
    return bytes;
}

static void seed_templates(void) {
    static uint8_t bytes[ROOM];
    size_t size = (size_t)(put_templates(bytes) - bytes);
    write_seed("template", "none", bytes, size);
    write_seed("template", "rows", bytes, size + make_mixed_rows(bytes + size, 9, 1));
    write_seed("declaration", "templates", bytes, make_all_declarations(bytes));
    static const char wide[] =
        "%#o%x%X%i%u%c%5.3s%p%m%.*e%G%a%LF%hhd%hd%ld%lld%qd%jd%zd%td%lc%ls%C%S%%";
    const weir_source source = {
        .kind = WEIR_SOURCE_FORMAT, .bytes = wide, .length = sizeof wide - 1};
    size = weir_template_encode(bytes, 65535, 40, 4096, &source, 1);
    size_t row = make_parameters(bytes + size + 4, 65535, 1);
    (void)weir_put_u32(bytes + size, (uint32_t)row);
    write_seed("template", "conversions", bytes, size + 4 + row);
}

static void seed_small(void) {
    static uint8_t bytes[ROOM];
    for (int64_t n = 0; n < 4; n++) {
        char what[32];
        (void)snprintf(what, sizeof what, "row-%d", (int)n);
        write_seed("row", what, bytes, make_row(bytes, 1, n));
        (void)snprintf(what, sizeof what, "declarations-%d", (int)n);
        write_seed("declaration", what, bytes, make_declarations(bytes, (unsigned)n));
    }
    static const uint8_t wide[] = {1,    0, 8,   0,   0x18, 0x34, 0x44, 0x28, 0,   0x11, 0x31,
                                   0x41, 1, 2,   3,   4,    5,    6,    7,    8,   2,    0,
                                   0,    0, 'a', 'b', 1,    0,    0,    0,    9,   0,    0,
                                   0,    0, 0,   0,   0xF0, 0x7F, 0xFF, 1,    'c', 1,    'd'};
    write_seed("row", "wide", wide, sizeof wide);
}

/* ---- blocks ------------------------------------------------------------------------------ */

static void seed_block(const char *what, uint16_t kind, const uint8_t *raw, size_t size,
                       uint32_t rows, uint32_t features) {
    static uint8_t bytes[WEIR_BLOCK_HEADER + 2 * ROOM];
    weir_codec *codec;
    weir_block_header h = {.version = WEIR_FORMAT_VERSION,
                           .kind = kind,
                           .incompatible = features,
                           .incarnation = 1,
                           .segment = 1,
                           .offset = WEIR_BLOCK_ALIGN,
                           .block = 2,
                           .first_row = 1,
                           .rows = rows,
                           .durable_block = 1};
    MUST(weir_codec_make(1, &codec) == WEIR_OK);
    MUST(weir_payload_encode(codec, raw, size, bytes + WEIR_BLOCK_HEADER, 2 * (size_t)ROOM, &h) ==
         WEIR_OK);
    weir_block_header_encode(bytes, &h);
    write_seed("block", what, bytes, WEIR_BLOCK_HEADER + h.stored_bytes);
    weir_codec_free(codec);
}

static void seed_blocks(void) {
    static uint8_t raw[ROOM];
    static const uint8_t none[16];
    seed_block("rows", WEIR_BLOCK_ROWS, raw, make_rows(raw, 5, 1), 5, 0);
    seed_block("rows-zstd", WEIR_BLOCK_ROWS, raw, make_rows(raw, 300, 1), 300, 0);
    seed_block("mark", WEIR_BLOCK_MARK, raw, make_head(raw, none, 0), 0, 0);
    size_t head = make_head(raw, none, 0);
    seed_block("declarations", WEIR_BLOCK_DECLARATIONS, raw,
               head + make_declarations(raw + head, 3), 0, 0);
    seed_block("templates", WEIR_BLOCK_DECLARATIONS, raw, head + make_all_declarations(raw + head),
               0, WEIR_FEATURE_TEMPLATES);
    seed_block("template-rows", WEIR_BLOCK_ROWS, raw, head + make_mixed_rows(raw + head, 9, 1), 9,
               WEIR_FEATURE_TEMPLATES);
    seed_block("shuffled", WEIR_BLOCK_ROWS, raw, head + make_even_rows(raw + head, 200), 200,
               WEIR_FEATURE_TEMPLATES);
}

static void seed_shuffled(const char *what, uint32_t rows) {
    static uint8_t raw[ROOM], bytes[ROOM];
    static const uint8_t none[16];
    size_t size = make_head(raw, none, 0);
    size += make_even_rows(raw + size, rows);
    weir_shuffler *shuffler = weir_shuffler_make();
    MUST(shuffler);
    uint8_t *at = weir_put_u32(bytes, rows);
    MUST(weir_shuffle(shuffler, raw, size, rows, at) == WEIR_OK);
    write_seed("shuffle", what, bytes, 4 + size);
    weir_shuffler_free(shuffler);
}

static void seed_shuffle(void) {
    seed_shuffled("row", 1);
    seed_shuffled("rows", 9);
    seed_shuffled("more-rows", 40);
}

/* ---- journals ---------------------------------------------------------------------------- */

static weir_journal *open_journal(memory_os *m) {
    weir_journal_config config = {.os = &m->table,
                                  .directory = MEMORY_DIRECTORY,
                                  .segment_bytes = 24 << 10,
                                  .limit_bytes = 1 << 22,
                                  .zstd_level = 1};
    weir_inventory found;
    weir_inventory_input input = {.os = &m->table, .directory = MEMORY_DIRECTORY};
    weir_journal *journal;
    MUST(weir_inventory_take(&input, &found, NULL) == WEIR_OK);
    MUST(weir_journal_open(&config, &found, &journal, NULL) == WEIR_OK);
    weir_inventory_free(&found);
    return journal;
}

/* What its head says is drained. */
static void append_payload(weir_journal *j, uint16_t kind, uint8_t *raw, size_t bytes,
                           uint32_t rows) {
    weir_lane_mark marks[2];
    weir_drained drained = {.marks = marks};
    weir_payload parsed;
    MUST(weir_payload_parse(raw, bytes, &parsed));
    weir_payload_drained(&parsed, &drained);
    MUST(weir_journal_append(j, kind, &drained, raw, bytes, rows, NULL) == WEIR_OK);
}

static void append_rows(weir_journal *j, uint32_t rows, int64_t first) {
    static uint8_t raw[ROOM];
    size_t bytes = make_rows(raw, rows, first);
    append_payload(j, WEIR_BLOCK_ROWS, raw, bytes, rows);
}

static void append_declarations(weir_journal *j) {
    static uint8_t raw[ROOM];
    static const uint8_t none[16];
    size_t head = make_head(raw, none, 0);
    size_t bytes = head + make_declarations(raw + head, 2);
    append_payload(j, WEIR_BLOCK_DECLARATIONS, raw, bytes, 0);
}

static void append_mark(weir_journal *j, bool closing) {
    uint8_t raw[64];
    uint8_t ring[16] = {0};
    if (!closing) memset(ring, 7, sizeof ring);
    size_t bytes = make_head(raw, ring, closing ? 0 : 2);
    append_payload(j, WEIR_BLOCK_MARK, raw, bytes, 0);
}

static void sync_journal(weir_journal *j) { MUST(weir_journal_sync(j, NULL) == WEIR_OK); }

/* Files that still have a name, as a container; segments only, plus what is given. */
static void collect(const memory_os *m, fuzz_container *c) {
    for (size_t i = 0; i < MEMORY_FILES && c->count < FUZZ_FILES; i++) {
        const memory_file *f = &m->files[i];
        unsigned long long number;
        if (!f->used || sscanf(f->path, MEMORY_DIRECTORY "/segment-%llu", &number) != 1) continue;
        c->files[c->count++] = (fuzz_file){FUZZ_SEGMENT, number, f->bytes, f->data};
    }
}

/* The same seed for each harness that reads containers. */
static void write_container(const char *what, const fuzz_container *c) {
    static uint8_t bytes[1 << 20];
    static const char *const harnesses[] = {"segment", "directory", "dump", "salvage"};
    size_t size = fuzz_pack(c, bytes, sizeof bytes);
    MUST(size > 0);
    for (size_t i = 0; i < sizeof harnesses / sizeof harnesses[0]; i++)
        write_seed(harnesses[i], what, bytes, size);
}

static void seed_journal(const char *what, const memory_os *m) {
    fuzz_container c = {.count = 0};
    collect(m, &c);
    write_container(what, &c);
}

static void seed_positions(const memory_os *m, uint64_t block, const char *what) {
    fuzz_container c = {.count = 0};
    uint8_t position[FUZZ_POSITION];
    collect(m, &c);
    const uint8_t *header = c.files[0].data + 4096;
    for (uint64_t n = 1; n < block && n < 3; n++)
        header += 4096;
    uint8_t *p = weir_put_bytes(position, header + 24, 16);
    p = weir_put_u64(p, block);
    p = weir_put_u64(p, 20);
    (void)weir_put_bytes(p, header + 152, 8); /* the hash of that block's header */
    c.files[c.count++] = (fuzz_file){FUZZ_POSITIONS, 0, sizeof position, position};
    write_container(what, &c);
}

/* Declarations, rows, a mark; as many segments as that takes. */
static weir_journal *fill(memory_os *m, unsigned blocks) {
    weir_journal *j = open_journal(m);
    append_declarations(j);
    for (unsigned i = 0; i < blocks; i++) {
        append_rows(j, 20, 1 + 20 * (int64_t)i);
        if (i % 2) sync_journal(j);
    }
    append_mark(j, false);
    sync_journal(j);
    return j;
}

/* Values that need every way of writing them, and a table that nobody declared. */
static void append_awkward(weir_journal *j) {
    static uint8_t raw[ROOM];
    static const uint8_t none[16];
    static const double reals[] = {0.0, -0.0, 1e300, 1.0 / 3};
    static const char *const texts[] = {"\"\\\b\f\n\r\t\1", "a,b\"c", "\xE2\x82",
                                        "\xF0\x9F\x98\x80", "\xC3("};
    size_t bytes = make_head(raw, none, 0);
    uint32_t rows = 0;
    for (; rows < 12; rows++) {
        uint64_t bits = 0x7FF0000000000000u + (rows % 2 ? 0x8000000000000000u : 0) + rows / 4;
        double real = reals[rows % 4];
        if (rows > 5) memcpy(&real, &bits, sizeof real); /* infinities, and numbers that are none */
        weir_value v[5] = {weir_int(1000 + rows), weir_int(INT64_MIN + rows), weir_real(real),
                           weir_text(texts[rows % 5]), weir_blob("\0\xFF", rows % 3)};
        int status = WEIR_OK;
        size_t row = weir_row_size(v, 5, &status);
        (void)weir_row_encode(raw + bytes + 4, rows == 11 ? 7 : 1, v, 5); /* its end is row on */
        (void)weir_put_u32(raw + bytes, (uint32_t)row);
        bytes += 4 + row;
    }
    append_payload(j, WEIR_BLOCK_ROWS, raw, bytes, rows);
}

static void append_mixed(weir_journal *j, uint32_t rows, int64_t first) {
    static uint8_t raw[ROOM];
    static const uint8_t none[16];
    size_t head = make_head(raw, none, 0);
    size_t bytes = head + make_mixed_rows(raw + head, rows, first);
    append_payload(j, WEIR_BLOCK_ROWS, raw, bytes, rows);
}

static void append_even(weir_journal *j, uint32_t rows) {
    static uint8_t raw[ROOM];
    static const uint8_t none[16];
    size_t head = make_head(raw, none, 0);
    size_t bytes = head + make_even_rows(raw + head, rows);
    append_payload(j, WEIR_BLOCK_ROWS, raw, bytes, rows);
}

static void append_all_declarations(weir_journal *j) {
    static uint8_t raw[ROOM];
    static const uint8_t none[16];
    size_t head = make_head(raw, none, 0);
    size_t bytes = head + make_all_declarations(raw + head);
    append_payload(j, WEIR_BLOCK_DECLARATIONS, raw, bytes, 0);
}

/* Templates that are declared behind rows, and rows of them over two segments. */
static void seed_templated(void) {
    static memory_os m;
    memory_os_make(&m);
    weir_journal *j = open_journal(&m);
    append_declarations(j);
    append_rows(j, 2, 1);
    append_all_declarations(j);
    for (int64_t i = 0; i < 4; i++) {
        append_mixed(j, 9, 3 + 9 * i);
        sync_journal(j);
    }
    append_mark(j, false);
    sync_journal(j);
    weir_journal_close(j);
    seed_journal("templates", &m);
    memory_os_free(&m);
}

/* Two blocks of rows that are shuffled. */
static void seed_shuffled_journal(void) {
    static memory_os m;
    memory_os_make(&m);
    weir_journal *j = open_journal(&m);
    append_declarations(j);
    append_all_declarations(j);
    for (int i = 0; i < 2; i++) {
        append_even(j, 200);
        sync_journal(j);
    }
    weir_journal_close(j);
    seed_journal("shuffled", &m);
    memory_os_free(&m);
}

static void hurt(memory_os *m, unsigned segment, size_t at) {
    char path[64];
    (void)snprintf(path, sizeof path, MEMORY_DIRECTORY "/segment-%020u", segment);
    for (size_t i = 0; i < MEMORY_FILES; i++)
        if (m->files[i].used && strcmp(m->files[i].path, path) == 0) m->files[i].data[at] ^= 0x40;
}

static void seed_journals(void) {
    static memory_os m;
    memory_os_make(&m);
    weir_journal_close(open_journal(&m));
    seed_journal("fresh", &m);
    weir_journal *j = open_journal(&m);
    append_declarations(j);
    append_rows(j, 300, 1); /* enough to be compressed */
    sync_journal(j);
    append_mark(j, true);
    sync_journal(j);
    weir_journal_close(j);
    seed_journal("closed", &m);
    memory_os_free(&m);

    memory_os_make(&m);
    j = fill(&m, 7);
    seed_journal("segments", &m);
    seed_positions(&m, 3, "position");
    append_rows(j, 20, 141);
    weir_journal_close(j);
    weir_journal_close(open_journal(&m)); /* carries the last block over */
    seed_journal("reopened", &m);
    hurt(&m, 1, 3 * 4096 + 200);
    seed_journal("rot", &m);
    hurt(&m, 2, 100);
    seed_journal("header", &m);
    memory_os_free(&m);

    memory_os_make(&m);
    j = open_journal(&m);
    append_declarations(j);
    append_awkward(j);
    sync_journal(j);
    append_mark(j, true);
    sync_journal(j);
    weir_journal_close(j);
    seed_journal("awkward", &m);
    memory_os_free(&m);

    memory_os_make(&m);
    j = fill(&m, 2);
    append_rows(j, 20, 41);
    append_rows(j, 20, 61);
    weir_journal_close(j);
    hurt(&m, 1, 5 * 4096 + 200);
    seed_journal("torn", &m);
    memory_os_free(&m);
}

/* ---- the ring ---------------------------------------------------------------------------- */

static void publish(weir_ring *ring, weir_lane *lane, const uint8_t *body, size_t bytes,
                    unsigned kind) {
    uint64_t at = lane->tail;
    memcpy(weir_lane_at(lane, at) + WEIR_RECORD_HEAD, body, bytes);
    weir_record_seal(lane, at, bytes, weir_ring_stamp(ring, lane, false), kind);
    weir_lane_publish(lane, at + weir_record_bytes(bytes));
}

/* Behind the rows of its table: a template, and rows of it. */
static void publish_templated(weir_ring *ring, weir_lane *lane) {
    uint8_t body[512];
    weir_cursor c = weir_cursor_over(body, (size_t)(put_templates(body) - body));
    while (weir_cursor_left(&c)) {
        const uint8_t *begin = c.at;
        MUST(weir_declaration_check(&c) == WEIR_OK);
        publish(ring, lane, begin, (size_t)(c.at - begin), WEIR_RECORD_DECLARATION);
    }
    for (int64_t n = 1; n < 8; n++) {
        size_t bytes = make_parameters(body, n % 2 ? FIELDS : MESSAGE, n);
        publish(ring, lane, body, bytes, WEIR_RECORD_ROW);
    }
}

/* Five rows of one epoch, published at once. */
static void publish_batch(weir_ring *ring, weir_lane *lane) {
    enum { ROWS = 5 };
    uint64_t epoch = weir_ring_stamp(ring, lane, false), tail = lane->tail;
    for (int64_t n = 100; n < 100 + ROWS; n++) {
        uint8_t *record = weir_lane_at(lane, tail);
        size_t bytes = make_row(record + WEIR_RECORD_HEAD, 1, n);
        weir_record_seal(lane, tail, bytes, epoch,
                         n < 100 + ROWS - 1 ? WEIR_RECORD_ROW_CONTINUED : WEIR_RECORD_ROW);
        tail += weir_record_bytes(bytes);
    }
    weir_lane_publish(lane, tail);
}

/* What a ring has beside rows. */
typedef enum ring_has { HAS_ROWS, HAS_TEMPLATES, HAS_BATCHES } ring_has;

static void fill_ring(weir_ring *ring, ring_has what) {
    uint8_t body[512];
    weir_lane *a = weir_ring_claim(ring, 100, 0), *b = weir_ring_claim(ring, 200, 0);
    MUST(a && b && a != b);
    size_t bytes = make_declarations(body, 1);
    publish(ring, a, body + 4, bytes - 4, WEIR_RECORD_DECLARATION);
    for (int64_t n = 0; n < 12; n++) {
        bytes = make_row(body, 1, n);
        publish(ring, n % 3 ? a : b, body, bytes, WEIR_RECORD_ROW);
    }
    if (what == HAS_TEMPLATES) publish_templated(ring, a);
    if (what == HAS_BATCHES) publish_batch(ring, b);
    if (what == HAS_BATCHES) publish_batch(ring, a);
    weir_durable_mark mark = {.block = 3, .hash = 4, .row = 5};
    weir_ring_store_mark(ring, &mark);
    mark.block = 4;
    weir_ring_store_mark(ring, &mark);
}

static void write_ring(const char *what, uint8_t *data, size_t size) {
    static uint8_t bytes[1 << 20];
    fuzz_container c = {.files = {{FUZZ_RING, 0, size, data}}, .count = 1};
    write_seed("ring", what, bytes, fuzz_pack(&c, bytes, sizeof bytes));
}

/* Beside a journal whose id it has. */
static void write_beside(const char *what, uint8_t *ring, size_t size) {
    static memory_os m;
    fuzz_container c = {.files = {{FUZZ_RING, 0, size, ring}}, .count = 1};
    memory_os_make(&m);
    weir_journal_close(fill(&m, 3));
    collect(&m, &c);
    memcpy(ring + 56, c.files[1].data + 24, 16);
    (void)weir_put_u64(ring + 120, weir_hash(ring, 120));
    uint8_t *mark = ring + WEIR_RING_MARK_AT; /* its second block, as the mark */
    weir_cursor id = weir_cursor_over(ring + 24, 8);
    (void)weir_put_u64(mark, 2);
    memcpy(mark + 8, c.files[1].data + 8192 + WEIR_BLOCK_HEADER - 8, 8);
    (void)weir_put_u64(mark + 24, weir_hash(mark, 24) ^ weir_take_u64(&id));
    memset(mark + WEIR_RING_MARK_STEP, 0, 32);
    write_container(what, &c);
    memory_os_free(&m);
}

static size_t make_ring(uint8_t bytes[FUZZ_FILE_MAX], ring_has what) {
    static weir_lane lanes[2];
    char path[4096];
    weir_ring ring;
    weir_ring_header wanted = {.lanes = 2, .lane_bytes = 1 << 16, .process = 1};
    memcpy(wanted.id, "ring of seeds..", 16);
    memset(wanted.boot, 0xB0, 16);
    (void)snprintf(path, sizeof path, "%s/ring.tmp", root);
    MUST(weir_ring_create(&ring, weir_os_posix(), WEIR_OS_CWD, path, &wanted, lanes, NULL) ==
         WEIR_OK);
    MUST(weir_ring_provision(&ring, NULL) == WEIR_OK &&
         weir_ring_provision(&ring, NULL) == WEIR_OK);
    fill_ring(&ring, what);
    weir_ring_close(&ring);
    FILE *file = fopen(path, "rb");
    MUST(file);
    size_t size = fread(bytes, 1, FUZZ_FILE_MAX, file);
    (void)fclose(file); /* it was only read */
    (void)unlink(path);
    return size;
}

static void seed_rings(void) {
    static uint8_t bytes[FUZZ_FILE_MAX];
    size_t size = make_ring(bytes, HAS_ROWS);
    write_ring("rows", bytes, size);
    bytes[8192 + 65536 + 20] ^= 1; /* the first record of lane 1 */
    write_ring("torn", bytes, size);
    bytes[8192 + 65536 + 20] ^= 1;
    write_beside("ring", bytes, size);
    size = make_ring(bytes, HAS_TEMPLATES);
    write_ring("templates", bytes, size);
    write_beside("ring-templates", bytes, size);
    size = make_ring(bytes, HAS_BATCHES);
    write_ring("batches", bytes, size);
    write_beside("ring-batches", bytes, size);
}

/* ---- the flight recorder ----------------------------------------------------------------- */

/* As fuzz_recorder.c takes it: its header without the rest of the page, and the slots. */
static void write_recorder(const char *what, uint8_t seal, uint8_t skip, const uint8_t *file,
                           size_t slots) {
    static uint8_t bytes[ROOM];
    uint8_t *p = bytes;
    *p++ = seal;
    *p++ = skip;
    p = weir_put_bytes(p, file, 96);
    p = weir_put_bytes(p, file + WEIR_RECORDER_HEADER, slots * 64);
    write_seed("recorder", what, bytes, (size_t)(p - bytes));
}

static void put_recorded(uint8_t *file, uint64_t sequence, unsigned state, uint64_t way) {
    uint8_t *slot = file + WEIR_RECORDER_HEADER + 64 * (sequence % 6);
    static const uint8_t row[] = {1, 0, 1, 0, 0x11, 42};
    (void)weir_put_u64(slot, sequence << 2 | state);
    (void)weir_put_u64(slot + 16, way);
    (void)weir_put_u32(slot + 24, sizeof row);
    memcpy(slot + 32, row, sizeof row);
}

static void seed_recorders(void) {
    static uint8_t file[WEIR_RECORDER_HEADER + 6 * 64];
    (void)weir_put_u32(file + 8, WEIR_RECORDER_VERSION);
    (void)weir_put_u32(file + 12, WEIR_RECORDER_HEADER);
    (void)weir_put_u32(file + 76, 6);
    (void)weir_put_u32(file + 80, 64);
    write_recorder("empty", 3, 0, file, 6);
    for (uint64_t sequence = 1; sequence <= 4; sequence++)
        put_recorded(file, sequence, WEIR_RECORDER_RECORDED, 0);
    write_recorder("few", 3, 0, file, 6);
    write_recorder("unsealed", 1, 0, file, 6);
    for (uint64_t sequence = 5; sequence <= 15; sequence++)
        put_recorded(file, sequence, WEIR_RECORDER_RECORDED, 0);
    write_recorder("lapped", 3, 12, file, 6);
    write_recorder("short", 3, 0, file, 5);
    put_recorded(file, 14, WEIR_RECORDER_LEAVING, 8 << WEIR_RECORDER_WAY_SHIFT);
    put_recorded(file, 15, WEIR_RECORDER_LEAVING, UINT64_MAX << WEIR_RECORDER_WAY_SHIFT);
    put_recorded(file, 16, WEIR_RECORDER_WRITING, 0);
    write_recorder("leaving", 3, 0, file, 6);
    file[WEIR_RECORDER_HEADER + 64 * 3 + 32] = 9; /* a table that nobody declared */
    write_recorder("undeclared", 3, 0, file, 6);
    write_recorder("skipped", 3, 255, file, 6);
    write_recorder("foreign", 2, 0, file, 6);
}

/* ---- figures ---------------------------------------------------------------------------- */

/* As fuzz_stats.c takes it. */
static void write_figures(const char *what, uint8_t seal, const uint8_t *file, size_t bytes) {
    static uint8_t input[1 + WEIR_STATS_BYTES];
    input[0] = seal;
    memcpy(input + 1, file, bytes);
    write_seed("stats", what, input, 1 + bytes);
}

static void seed_figures(void) {
    static _Alignas(8) uint8_t file[WEIR_STATS_BYTES];
    weir_stats_header header = {.version = WEIR_STATS_VERSION,
                                .journal = {1},
                                .ring = {2},
                                .process = 7,
                                .opened_wall_ns = 1700000000000000000,
                                .lanes_max = 64,
                                .sinks = 1,
                                .program = "service"};
    weir_figures figures = {.state = WEIR_STATS_OPEN, .rows_published = 10, .last_row = 9};
    weir_sink_figures sink = {.rows_applied = 8, .last_row_applied = 8, .waiting_since = 1};
    const uint64_t events[] = {0, 1, 2};
    weir_stats_encode_header(file, &header);
    write_figures("empty", 0, file, sizeof file);
    memcpy(file + WEIR_STATS_SINKS, "sqlite", 6);
    weir_stats_store(file, &figures, events, 3, &sink, 1);
    weir_stats_count_sync(file, 1000000, 3);
    weir_stats_count_commit(file, 0, UINT64_MAX);
    write_figures("figures", 0, file, sizeof file);
    write_figures("cut", 2, file, 300);
    header.sinks = WEIR_STATS_SINKS_MAX;
    memset(header.program, 'p', WEIR_STATS_PROGRAM);
    weir_stats_encode_header(file, &header);
    memset(file + WEIR_STATS_SINKS, '"', WEIR_STATS_NAME);
    write_figures("sinks", 0, file, sizeof file);
    file[16] = 1;
    write_figures("newer", 1, file, sizeof file);
}

/* ---- positions --------------------------------------------------------------------------- */

static void seed_stored(void) {
    static const uint8_t good[] = {0,   5,   'j', 'o', 'u', 'r', 'n', 'a', 'l', ' ', 'i',
                                   'd', ' ', 'a', 'b', 'c', 'd', 'e', 1,   3,   1,   20,
                                   2,   1,   2,   3,   4,   5,   6,   7,   8};
    uint8_t shaped[sizeof good];
    for (uint8_t shape = 0; shape < 5; shape++) {
        char what[16];
        memcpy(shaped, good, sizeof good);
        shaped[0] = shape;
        (void)snprintf(what, sizeof what, "shape-%d", shape);
        write_seed("position", what, shaped, sizeof shaped);
    }
}

/* ---- programs ---------------------------------------------------------------------------- */

/* What every program begins with: rows of two producers, some of them durable. */
#define SOME_ROWS                                                                                  \
    {DO_APPEND, 0}, {DO_APPEND_TYPED, 1, 3, 7}, {DO_SYNC, 0}, {DO_APPEND_MANY, 8, 1, 2}, {         \
        DO_APPEND, 1                                                                               \
    }

static void seed_programs(void) {
    static const struct {
        const char *what;
        uint8_t program[14][OPERATION_BYTES];
    } seeds[] = {
        {"close", {SOME_ROWS, {DO_CLOSE}, {DO_APPEND, 2}, {DO_SYNC, 1}, {DO_VERIFY}}},
        {"kill", {SOME_ROWS, {DO_KILL}, SOME_ROWS, {DO_SYNC, 1}, {DO_KILL}}},
        {"cut", {SOME_ROWS, {DO_CUT, 4, 1}, {DO_APPEND, 2}, {DO_CUT, 2, 5}, {DO_CUT, 3, 0x21}}},
        {"cut-later", {{DO_CRASH_LATER, 9, 20, 3}, SOME_ROWS, {DO_SYNC, 1}, {DO_CLOSE}}},
        {"kill-later", {{DO_CRASH_LATER, 0, 30, 3}, SOME_ROWS, {DO_CLOSE}, {DO_VERIFY}}},
        {"cut-opening", {SOME_ROWS, {DO_CRASH_LATER, 9, 9, 3}, {DO_KILL}, {DO_SYNC, 1}}},
        {"fault", {SOME_ROWS, {DO_FAULT, 3, 0, 0}, SOME_ROWS, {DO_CUT, 4}}},
        {"fault-evicted", {SOME_ROWS, {DO_FAULT, 3, 0, 7}, {DO_SYNC, 0}, {DO_KILL, 3}}},
        {"fault-opening", {SOME_ROWS, {DO_FAULT_OPENING, 2, 3, 1}, {DO_FAULT_OPENING, 13, 1, 7}}},
        {"full", {SOME_ROWS, {DO_FILL_DISK, 1}, SOME_ROWS, {DO_CALM}, {DO_CLOSE}}},
        {"disturbed", {{DO_DISTURB, 3, 2, 1}, SOME_ROWS, {DO_PASS_TIME, 3}, {DO_CUT, 4}}},
        {"steps", {SOME_ROWS, {DO_STEP_JOURNAL, 2}, {DO_STEP_WRITER}, {DO_PASS_TIME, 4}, {DO_CUT}}},
        {"misuse",
         {{DO_MISUSE, 0},
          {DO_MISUSE, 32},
          {DO_MISUSE, 1},
          {DO_MISUSE, 2},
          {DO_MISUSE, 3},
          {DO_MISUSE, 19},
          {DO_MISUSE, 4},
          {DO_MISUSE, 20}}},
        {"declare", {{DO_DECLARE, 0}, {DO_DECLARE, 3}, {DO_DECLARE, 0}, {DO_CUT, 4}, SOME_ROWS}},
    };
    for (size_t i = 0; i < sizeof seeds / sizeof seeds[0]; i++)
        write_seed("operations", seeds[i].what, seeds[i].program, sizeof seeds[i].program);
    for (unsigned harm = 0; harm < 15; harm++) {
        uint8_t program[][OPERATION_BYTES] = {
            SOME_ROWS,   {DO_COPY}, {DO_PASS_TIME, 4},          {DO_STEP_WRITER, 2},
            {DO_APPEND}, {DO_KILL}, {DO_DAMAGE, (uint8_t)harm}, {DO_DAMAGE, (uint8_t)harm, 1}};
        char what[16];
        (void)snprintf(what, sizeof what, "harm-%u", harm);
        write_seed("operations", what, program, sizeof program);
    }
}

/* The first byte: what the rest is, and whether to seal it. */
static void seed_named(void) {
    uint8_t file[1 + WEIR_NAMED_BYTES] = {1};
    char text[1 + WEIR_PLACE_TEXT] = {3};
    weir_named n = {.name = "a-reader.1",
                    .mark = {{.journal = {7}, .block = 12, .row = 345, .hash = 0xABCDEF}, 0x1234},
                    .wall_ns = 1700000000000000000,
                    .hold_bytes = 1 << 20};
    weir_named_encode(file + 1, &n);
    write_seed("named", "file", file, sizeof file);
    weir_place_text(&n.mark, text + 1);
    write_seed("named", "text", text, 1 + strlen(text + 1));
    n.mark = (weir_bookmark){.at.journal = {7}};
    weir_named_encode(file + 1, &n);
    write_seed("named", "beginning", file, sizeof file);
}

/* The first byte: whether to seal it. */
static void seed_sink(void) {
    uint8_t file[1 + WEIR_SINK_RECORD_BYTES] = {1};
    weir_sink_record r = {.name = "central",
                          .kind = "postgres",
                          .place = "postgresql://user@host/database",
                          .safe = {.journal = {7}, .block = 12, .row = 345, .hash = 0xABCDEF},
                          .begin = 3,
                          .wall_ns = 1700000000000000000,
                          .lag_limit = 1 << 30,
                          .at_limit = 1};
    weir_sink_record_encode(file + 1, &r);
    write_seed("sink", "attached", file, sizeof file);
    r = (weir_sink_record){
        .name = "b", .safe.journal = {9}, .begin = 1, .state = WEIR_SINK_DETACHED};
    weir_sink_record_encode(file + 1, &r);
    write_seed("sink", "detached", file, sizeof file);
}

/* The first byte: what the rest is. The second of the first three: when to stop, how much room. */
static void seed_s3(void) {
#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OBJECT(name)                                                                               \
    "<Contents><Key>journal/" name "</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified>"   \
    "<ETag>&quot;0123&quot;</ETag><Size>4194304</Size></Contents>"
#define LIST(more)                                                                                 \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"                                                 \
    "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name>"           \
    "<Prefix>journal/</Prefix><KeyCount>2</KeyCount>" more "</ListBucketResult>"
#define SEED(what, text)                                                                           \
    { what, text, sizeof(text) - 1 }
    static const struct {
        const char *what, *bytes;
        size_t size;
    } seeds[] = {
        SEED("list", "\0\0" LIST("<IsTruncated>false</IsTruncated>" OBJECT("a") OBJECT("b/c"))),
        SEED("page", "\0\1" LIST("<IsTruncated>true</IsTruncated><NextContinuationToken>1a==/"
                                 "</NextContinuationToken>" OBJECT("a") OBJECT("b"))),
        SEED("bucket", "\1\0" LIST("<IsTruncated>false</IsTruncated>" OBJECT("a"))),
        SEED("error", "\2\377<Error><Code>NoSuchKey</Code><Message>It is &lt;gone&gt;.</Message>"
                      "<Key>journal/a</Key></Error>"),
        SEED("header", "\3x-amz-meta-weir-sha256: " HASH "\r\n"),
        SEED("url", "\4s3://bucket/one/two/\nhttps://s3.eu-central-1.amazonaws.com/"),
        SEED("name", "\5journal/segment-00000000000000000001 h\303\251llo+%"),
        SEED("profile", "\6default\n# keys\n[other]\naws_access_key_id = A\n[default]\n"
                        "aws_access_key_id = AKIA\naws_secret_access_key=s/e=\r\n"
                        " aws_session_token = t\n"),
    };
    for (size_t i = 0; i < sizeof seeds / sizeof seeds[0]; i++)
        write_seed("s3", seeds[i].what, seeds[i].bytes, seeds[i].size);
#undef HASH
#undef OBJECT
#undef LIST
#undef SEED
}

static void seed_packed(void) {
    static const unsigned rows[] = {1, 12, 300};
    static uint8_t bytes[ROOM];
    for (size_t i = 0; i < 3; i++) {
        char what[20];
        (void)snprintf(what, sizeof what, "rows-%u", rows[i]);
        write_seed("packed", what, bytes, seed_packed_bytes(bytes, sizeof bytes, rows[i]));
    }
}

int main(int argc, char **argv) {
    if (argc != 2) return 16;
    root = argv[1];
    (void)mkdir(root, 0755); /* it may be there */
    seed_small();
    seed_templates();
    seed_blocks();
    seed_shuffle();
    seed_journals();
    seed_templated();
    seed_shuffled_journal();
    seed_rings();
    seed_recorders();
    seed_figures();
    seed_stored();
    seed_named();
    seed_sink();
    seed_packed();
    seed_s3();
    seed_programs();
    return 0;
}
