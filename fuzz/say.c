/* say.c - what the library says of containers, in the words of fuzz/reader.py: one JSON object a line.
 *
 *   weir-fuzz-say FILE …
 *
 * Facts and rows, not sentences: the state of the journal and of the ring, rows that wait in the ring,
 * which promised blocks and rows are damaged, whether a tail is torn, what the stored position is
 * worth, and every row of the stream that can be read. */
#include <inttypes.h>
#include <string.h>

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

static void say_row(uint64_t number, const uint8_t *bytes, size_t length, bool *comma) {
    static weir_value values[WEIR_COLUMNS_MAX];
    uint16_t table, columns;
    printf("%s[%" PRIu64 ",", *comma ? "," : "", number);
    *comma = true;
    if (!weir_row_decode(bytes, length, &table, &columns, values)) {
        printf("null]");
        return;
    }
    printf("%u", table);
    for (unsigned i = 0; i < columns; i++) {
        printf(",");
        say_value(&values[i]);
    }
    printf("]");
}

static void say_block(const weir_read_block *block, bool *comma) {
    weir_cursor body = block->payload.body;
    const uint8_t *row;
    size_t length;
    for (uint64_t n = block->header.first_row; weir_payload_next_row(&body, &row, &length) == 1;
         n++)
        say_row(n, row, length, comma);
}

static void say_rows(const fuzz_view *view) {
    const weir_inventory *inv = &view->inventory;
    weir_reader *reader;
    weir_read_block block;
    bool comma = false;
    MUST(weir_reader_make(&view->os.table, weir_inventory_locator(inv), &reader) == WEIR_OK);
    for (size_t i = 0; i < inv->extent_count; i++)
        for (uint64_t n = inv->extents[i].first_block; n <= inv->extents[i].last_block; n++)
            if (weir_reader_read(reader, n, &block, NULL) == WEIR_OK &&
                block.header.kind == WEIR_BLOCK_ROWS)
                say_block(&block, &comma);
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

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++)
        say(argv[i]);
    return 0;
}
