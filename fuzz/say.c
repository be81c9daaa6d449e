/* say.c - what the library says of containers, in the words of fuzz/reader.py: one JSON object a line.
 *
 *   weir-fuzz-say FILE …
 *   weir-fuzz-say --sinks FILE …      records of sinks, as a journal has them in sinks/
 *
 * Facts and rows, not sentences: the state of the journal and of the ring, rows that wait in the ring,
 * which promised blocks and rows are damaged, whether a tail is torn, what the stored position is
 * worth, and every row of the stream that can be read; behind the values of a template's row stands the
 * row of the table that it makes. */
#include <inttypes.h>
#include <string.h>

#include "../lib/format/expand.h"
#include "../lib/format/sink_record.h"
#include "../lib/format/tables.h"
#include "harness.h"

static const char *const journals[] = {"absent", "empty", "present", "newer", "mixed"};
static const char *const positions[] = {"none", "other", "matches", "before", "beyond", "differs"};
static const char *const rings[] = {"absent",     "readable", "readable",
                                    "unreadable", "newer",    "readable"};

static void say_hex(const uint8_t *bytes, size_t length) {
    for (size_t i = 0; i < length; i++)
        printf("%02x", bytes[i]);
}

static void say_value(const weir_value *v) {
    uint64_t bits;
    switch (v->type) {
    case WEIR_INTEGER: printf("\"i%" PRId64 "\"", v->as.integer); return;
    case WEIR_REAL:
        memcpy(&bits, &v->as.real, sizeof bits);
        printf("\"r%016" PRIx64 "\"", bits);
        return;
    case WEIR_TEXT:
    case WEIR_BLOB:
        printf("\"%c", v->type == WEIR_TEXT ? 't' : 'b');
        say_hex(v->as.bytes, v->length);
        printf("\"");
        return;
    default: printf("\"n\""); return;
    }
}

/* What was declared in the blocks before, and what makes rows of templates rows of tables. */
typedef struct speaker {
    weir_tables tables;
    weir_expander *expander;
    bool comma;
} speaker;

static bool say_values(const uint8_t *bytes, size_t length) {
    static weir_value values[WEIR_COLUMNS_MAX];
    uint16_t table, columns;
    if (!weir_row_decode(bytes, length, &table, &columns, values)) return false;
    printf("%u", table);
    for (unsigned i = 0; i < columns; i++) {
        printf(",");
        say_value(&values[i]);
    }
    return true;
}

/* The row of the table, or null. body begins with the row of a template. */
static void say_expanded(const speaker *s, const weir_block_header *h, weir_cursor body) {
    static weir_value values[WEIR_COLUMNS_MAX];
    const uint8_t *row;
    size_t length;
    uint16_t number, columns;
    uint32_t rows;
    weir_cursor c = body;
    bool whole = weir_payload_next_row(&c, &row, &length) == 1 &&
                 weir_row_decode(row, length, &number, &columns, values) &&
                 columns <= weir_tables_width(&s->tables, number) &&
                 (h->incompatible & WEIR_FEATURE_TEMPLATES) &&
                 weir_expander_take(s->expander, &body, 1, &rows, &c) == WEIR_OK && rows == 1;
    if (!whole) {
        printf(",null");
        return;
    }
    MUST(weir_payload_next_row(&c, &row, &length) == 1);
    printf(",[");
    MUST(say_values(row, length));
    printf("]");
}

static void say_block(speaker *s, const weir_read_block *block) {
    weir_cursor body = block->payload.body, before = body;
    const uint8_t *row;
    size_t length;
    for (uint64_t n = block->header.first_row; weir_payload_next_row(&body, &row, &length) == 1;
         n++, before = body) {
        printf("%s[%" PRIu64 ",", s->comma ? "," : "", n);
        s->comma = true;
        if (!say_values(row, length))
            printf("null");
        else if (weir_row_table(row, length) > WEIR_TABLES_MAX)
            say_expanded(s, &block->header, before);
        printf("]");
    }
}

static void say_rows(const fuzz_view *view) {
    const weir_inventory *inv = &view->inventory;
    weir_reader *reader;
    weir_read_block block;
    speaker s = {.comma = false};
    MUST(weir_reader_make(&view->os.table, weir_inventory_locator(inv), &reader) == WEIR_OK);
    MUST(weir_expander_make(&s.tables.templates, &s.expander) == WEIR_OK);
    for (size_t i = 0; i < inv->extent_count; i++)
        for (uint64_t n = inv->extents[i].first_block; n <= inv->extents[i].last_block; n++) {
            if (weir_reader_read(reader, n, &block, NULL) != WEIR_OK) continue;
            if (block.header.kind == WEIR_BLOCK_DECLARATIONS)
                MUST(weir_tables_merge(&s.tables, block.payload.body) == WEIR_OK);
            if (block.header.kind == WEIR_BLOCK_ROWS) say_block(&s, &block);
        }
    weir_expander_free(s.expander);
    weir_tables_free(&s.tables);
    weir_reader_free(reader);
}

static void say_damage(const weir_damage *d, bool comma) {
    printf("%s[%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "]", comma ? "," : "", d->first_block,
           d->last_block, d->first_row, d->last_row);
}

static void say_view(const fuzz_view *view) {
    const weir_inventory *inv = &view->inventory;
    bool present = inv->found.journal == WEIR_JOURNAL_PRESENT;
    printf("\"journal\":\"%s\",\"ring\":\"%s\",\"ring_rows\":%" PRIu64 ",",
           journals[inv->found.journal], rings[inv->found.ring], view->ring.rows);
    printf("\"rot\":%s,", present && inv->found.tail == WEIR_TAIL_ROT ? "true" : "false");
    printf("\"torn\":%s,", present && inv->found.tail == WEIR_TAIL_TORN ? "true" : "false");
    printf("\"position\":\"%s\",", present ? positions[inv->found.position] : "none");
    printf("\"last_block\":%" PRIu64 ",\"damages\":[", present ? inv->end.block : 0);
    for (size_t i = 0; present && i < inv->damage_count; i++)
        say_damage(&inv->damages[i], i > 0);
    printf("],\"rows\":[");
    if (present) say_rows(view);
    printf("]");
}

static void say(const char *path) {
    static fuzz_view view;
    static uint8_t bytes[1 << 20];
    FILE *file = fopen(path, "rb");
    MUST(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    (void)fclose(file); /* it was only read */
    printf("{");
    if (fuzz_view_take(&view, bytes, size, true)) {
        if (view.status == WEIR_OK)
            say_view(&view);
        else
            printf("\"journal\":\"unreadable\"");
        fuzz_view_free(&view);
    }
    printf("}\n");
}

/* Of a file sinks/NAME. */
static void say_sink(const char *path) {
    uint8_t bytes[2 * WEIR_SINK_RECORD_BYTES];
    weir_sink_record r = {0};
    FILE *file = fopen(path, "rb");
    size_t size = file ? fread(bytes, 1, sizeof bytes, file) : 0;
    if (file) (void)fclose(file); /* only read */
    int status = weir_sink_record_decode(bytes, size, &r);
    printf("{\"record\":\"%s\"", status == WEIR_OK        ? "valid"
                                 : status == WEIR_VERSION ? "newer"
                                                          : "not valid");
    if (status == WEIR_OK) {
        printf(",\"journal\":\"");
        say_hex(r.safe.journal, sizeof r.safe.journal);
        printf("\",\"block\":%" PRIu64 ",\"row\":%" PRIu64 ",\"hash\":%" PRIu64, r.safe.block,
               r.safe.row, r.safe.hash);
        printf(",\"begin\":%" PRIu64 ",\"wall\":%" PRId64 ",\"lag_limit\":%" PRIu64, r.begin,
               r.wall_ns, r.lag_limit);
        printf(",\"at_limit\":%" PRIu32 ",\"state\":%d,\"name\":\"%s\",\"kind\":\"", r.at_limit,
               (int)r.state, r.name);
        say_hex((const uint8_t *)r.kind, strlen(r.kind));
        printf("\",\"place\":\"");
        say_hex((const uint8_t *)r.place, strlen(r.place));
        printf("\"");
    }
    printf("}\n");
}

int main(int argc, char **argv) {
    bool sinks = argc > 1 && strcmp(argv[1], "--sinks") == 0;
    for (int i = sinks ? 2 : 1; i < argc; i++)
        if (sinks)
            say_sink(argv[i]);
        else
            say(argv[i]);
    return 0;
}
