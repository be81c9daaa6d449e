/* page_tables.c - the tables that the journal declares, and with --values rows around damage. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/base/utf8.h"
#include "../../lib/format/expand.h"
#include "../../lib/verify/reader.h"
#include "../columns.h"
#include "../rowtext.h"
#include "page.h"

enum { COLUMNS_SHOWN = 24, PLACES = 8, ROWS_SHOWN = 3, BLOCKS_TRIED = 8, ROW_BYTES = 600 };

typedef struct sampling {
    const weir_page *page;
    weir_reader *reader;
    weir_tables tables;
    weir_expander *expander;
    weir_row row; /* large: 2000 values */
} sampling;

/* ---- tables ---------------------------------------------------------------------------- */

static const char *column_type_name(weir_type type) {
    switch (type) {
    case WEIR_INTEGER: return "INTEGER";
    case WEIR_REAL: return "REAL";
    case WEIR_TEXT: return "TEXT";
    case WEIR_BLOB: return "BLOB";
    case WEIR_KEY: return "INTEGER PRIMARY KEY";
    default: return "?";
    }
}

static void put_declaration(const weir_page *p, const weir_declaration *d) {
    fprintf(p->out, "<tr><td class=\"n\">%u</td><td class=\"w\">", d->table);
    weir_html_text(p->out, d->name);
    fprintf(p->out, "</td><td class=\"n\">%u</td><td class=\"w\">", d->columns);
    for (uint16_t c = 0; c < d->columns && c < COLUMNS_SHOWN; c++) {
        if (c) fputs(", ", p->out);
        weir_html_text(p->out, d->column[c].name);
        fprintf(p->out, " %s", column_type_name(d->column[c].type));
    }
    fputs(d->columns > COLUMNS_SHOWN ? ", …</td></tr>\n" : "</td></tr>\n", p->out);
}

static void put_tables(const sampling *s) {
    const weir_page *p = s->page;
    if (!s->tables.count) {
        fputs("<p>None that can be read.</p>\n", p->out);
        return;
    }
    fputs("<div class=\"scroll\"><table id=\"declared\"><thead><tr><th class=\"n\">Number</th>"
          "<th>Table</th><th class=\"n\">Columns</th><th></th></tr></thead><tbody>\n",
          p->out);
    for (size_t i = 0; i < s->tables.count && i < WEIR_PAGE_LINES_MAX; i++)
        put_declaration(p, s->tables.list[i]);
    fputs("</tbody></table></div>\n", p->out);
    weir_page_more(p, s->tables.count);
    if (s->tables.templates.count)
        fprintf(p->out, "<p class=\"soft\">And %zu templates of messages.</p>\n",
                (size_t)s->tables.templates.count);
}

/* ---- rows around damage ---------------------------------------------------------------- */

/* A row of a template becomes one of its table, unless the template is lost. body begins with it. */
static void expand_sample(sampling *s, const weir_block_header *h, weir_cursor body,
                          const uint8_t **bytes, size_t *length) {
    uint32_t rows;
    weir_cursor expanded;
    bool of_template = weir_row_table(*bytes, *length) > WEIR_TABLES_MAX;
    if (!of_template || !(h->incompatible & WEIR_FEATURE_TEMPLATES)) return;
    if (weir_expander_take(s->expander, &body, 1, &rows, &expanded) == WEIR_OK)
        (void)weir_payload_next_row(&expanded, bytes, length); /* it was just made */
}

static void put_row_text(const weir_page *p, const weir_row *row) {
    char *text = NULL;
    size_t bytes = 0;
    FILE *into = open_memstream(&text, &bytes);
    if (!into) return;
    weir_row_as_json(into, row);
    if (fclose(into) == 0) {
        bytes -= bytes > 0 && text[bytes - 1] == '\n';
        bool cut = bytes > ROW_BYTES + 3; /* weir_utf8_cut may read so far */
        weir_html_bytes(p->out, text, cut ? weir_utf8_cut(text, ROW_BYTES) : bytes);
        fputs(cut ? " …\n" : "\n", p->out);
    }
    free(text);
}

static void put_sample_row(sampling *s, const weir_block_header *h, weir_cursor body,
                           uint64_t number) {
    const uint8_t *bytes = NULL;
    size_t length = 0;
    weir_cursor row = body;
    if (weir_payload_next_row(&row, &bytes, &length) != 1) return;
    expand_sample(s, h, body, &bytes, &length);
    s->row.number = number;
    s->row.wall_ns = h->wall_ns;
    if (!weir_row_decode(bytes, length, &s->row.table, &s->row.count, s->row.values)) return;
    s->row.declaration = weir_tables_find(&s->tables, s->row.table);
    put_row_text(s->page, &s->row);
}

/* The first rows of the block, or its last. */
static void put_sample_rows(sampling *s, const weir_read_block *block, weir_side side) {
    const weir_block_header *h = &block->header;
    weir_cursor body = block->payload.body;
    const uint8_t *bytes;
    size_t length;
    uint64_t skip = side == WEIR_BELOW && h->rows > ROWS_SHOWN ? h->rows - ROWS_SHOWN : 0;
    for (uint64_t i = 0; i < h->rows && i < skip + ROWS_SHOWN; i++) {
        weir_cursor row = body;
        if (weir_payload_next_row(&body, &bytes, &length) != 1) return;
        if (i >= skip) put_sample_row(s, h, row, h->first_row + i);
    }
}

/* Of the nearest block on that side that has rows. */
static void put_sample_side(sampling *s, uint64_t block, weir_side side) {
    weir_read_block read;
    for (int i = 0; block && i < BLOCKS_TRIED; i++) {
        block = weir_reader_nearest(s->reader, block, side);
        if (!block || weir_reader_read(s->reader, block, &read, NULL) != WEIR_OK) return;
        if (read.header.kind == WEIR_BLOCK_ROWS) {
            put_sample_rows(s, &read, side);
            return;
        }
        block = side == WEIR_BELOW ? block - 1 : block + 1;
    }
}

static void put_sample(sampling *s) {
    const weir_inventory *i = &s->page->view->inventory;
    FILE *out = s->page->out;
    for (size_t d = 0; d < i->damage_count && d < PLACES; d++) {
        const weir_damage *x = &i->damages[d];
        if (!x->first_block) continue;
        fprintf(out, "<h3>Around blocks %" PRIu64 " to %" PRIu64 "</h3>\n<pre>", x->first_block,
                x->last_block);
        put_sample_side(s, x->first_block, WEIR_BELOW);
        fputs("— damaged —\n", out);
        put_sample_side(s, x->last_block, WEIR_ABOVE);
        fputs("</pre>\n", out);
    }
}

/* ---- sections -------------------------------------------------------------------------- */

static void free_sampling(sampling *s) {
    if (!s) return;
    weir_expander_free(s->expander);
    weir_tables_free(&s->tables);
    weir_reader_free(s->reader);
    free(s);
}

static sampling *make_sampling(const weir_page *p) {
    sampling *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    s->page = p;
    weir_locator locator = weir_inventory_locator(&p->view->inventory);
    if (weir_reader_make(p->os, locator, &s->reader) != WEIR_OK ||
        weir_expander_make(&s->tables.templates, &s->expander) != WEIR_OK) {
        free_sampling(s);
        return NULL;
    }
    weir_tables_read(&s->tables, &p->view->inventory, s->reader);
    return s;
}

void weir_page_tables(const weir_page *p) {
    sampling *s = make_sampling(p);
    weir_section_begin(p->out, "tables", "Tables that the journal declares");
    if (s)
        put_tables(s);
    else
        fputs("<p>No memory to read them.</p>\n", p->out);
    weir_section_end(p->out);
    if (s && p->arguments->values && p->view->inventory.damage_count) {
        weir_section_begin(p->out, "sample", "Rows around the damage (--values)");
        put_sample(s);
        weir_section_end(p->out);
    }
    free_sampling(s);
}
