/* dump.c - the verb dump: rows of the durable blocks, in order, as text.
 *
 * The journal may be in use: then segments whose rows are applied are recycled while the dump
 * reads. The dump then looks at the journal again, goes on with the oldest row that is left, and
 * says which rows it missed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../lib/format/expand.h"
#include "../lib/verify/reader.h"
#include "exits.h"
#include "report.h"
#include "rowtext.h"
#include "summary.h"
#include "verbs.h"

typedef struct dumping {
    const weir_arguments *arguments;
    const weir_place *place;
    const weir_os *os;
    weir_view view;
    weir_reader *reader;
    weir_tables tables;
    weir_expander *expander;
    weir_columns columns; /* of a CSV */
    weir_row row;         /* large: 2000 values */
    uint64_t next;        /* row number expected now; 0: any */
    uint64_t left;        /* rows that --limit still allows */
    int tries;            /* how many more looks at a live journal may yield nothing new */
    bool header_written, damaged;
} dumping;

enum {
    AGAIN = WEIR_PENDING, /* the journal moved on: look again */
    TRIES_WHILE_LIVE = 5,
};

/* ---- which tables ---- */

static void take_in_tables(dumping *d, const weir_read_block *block) {
    if (block->header.kind != WEIR_BLOCK_DECLARATIONS) return;
    /* Rows are dumped without names if their declaration cannot be read. */
    (void)weir_tables_merge(&d->tables, block->payload.body);
}

/* The only table there is, or NULL. */
static const char *only_table(const weir_tables *tables) {
    for (size_t i = 1; i < tables->count; i++)
        if (strcasecmp(tables->list[i]->name, tables->list[0]->name) != 0) return NULL;
    return tables->count > 0 ? tables->list[0]->name : NULL;
}

static int choose_columns(dumping *d, weir_error *error) {
    const char *table = d->arguments->table;
    if (!table && d->arguments->csv) table = only_table(&d->tables);
    if (!table && d->arguments->csv && d->tables.count > 0)
        return weir_fail(error, WEIR_MISUSE,
                         "the journal has more than one table: choose one with --table");
    if (!table) return WEIR_OK;
    int status = weir_columns_of(&d->tables, table, &d->columns);
    if (status == WEIR_NOT_FOUND)
        return weir_fail(error, status, "%s: no table %s was declared", d->place->directory, table);
    return status == WEIR_OK ? status : weir_fail(error, status, "no memory for column names");
}

/* ---- rows ---- */

static void write_one_row(dumping *d) {
    const weir_declaration *of = d->row.declaration = weir_tables_find(&d->tables, d->row.table);
    const char *wanted = d->arguments->table;
    if (wanted && (!of || strcasecmp(of->name, wanted) != 0)) return;
    if (d->arguments->csv && !of) {
        weir_report_note("row %" PRIu64 " has no declaration: dump it as NDJSON", d->row.number);
        d->damaged = true;
        return;
    }
    if (d->arguments->csv)
        weir_row_as_csv(stdout, &d->row, &d->columns);
    else
        weir_row_as_json(stdout, &d->row);
    d->left--;
}

static void report_gap(dumping *d, uint64_t first, uint64_t last) {
    if (last > d->arguments->to) last = d->arguments->to;
    weir_report_note("%s: rows %" PRIu64 " to %" PRIu64 " are damaged or missing",
                     d->place->directory, first, last);
    d->damaged = true;
}

/* A row of a template becomes one of its table, unless the template is lost. body begins with it. */
static void expand(dumping *d, const weir_block_header *h, weir_cursor body, const uint8_t **bytes,
                   size_t *length) {
    uint32_t rows;
    weir_cursor expanded;
    bool of_template = weir_row_table(*bytes, *length) > WEIR_TABLES_MAX;
    if (!of_template || !(h->incompatible & WEIR_FEATURE_TEMPLATES)) return;
    if (weir_expander_take(d->expander, &body, 1, &rows, &expanded) == WEIR_OK)
        (void)weir_payload_next_row(&expanded, bytes, length); /* it was just made */
}

/* body begins with the row. */
static void dump_row(dumping *d, const weir_block_header *h, weir_cursor body) {
    const uint8_t *bytes = NULL;
    size_t length = 0;
    weir_cursor row = body;
    d->row.number = d->next;
    d->row.wall_ns = h->wall_ns;
    (void)weir_payload_next_row(&row, &bytes, &length); /* the caller has read it too */
    expand(d, h, body, &bytes, &length);
    if (weir_row_decode(bytes, length, &d->row.table, &d->row.count, d->row.values)) {
        write_one_row(d);
    } else {
        weir_report_note("row %" PRIu64 " is not a valid row", d->next);
        d->damaged = true;
    }
}

static bool has_enough(const dumping *d) { return d->left == 0 || d->next > d->arguments->to; }

/* Dump the rows of the block that were asked for and are not dumped yet. */
static void dump_rows(dumping *d, const weir_read_block *block) {
    const weir_block_header *h = &block->header;
    weir_cursor body = block->payload.body, row;
    const uint8_t *bytes;
    size_t length;
    if (h->first_row > d->next) {
        report_gap(d, d->next, h->first_row - 1);
        d->next = h->first_row;
    }
    for (uint64_t number = h->first_row; !has_enough(d); number++) {
        row = body;
        if (weir_payload_next_row(&body, &bytes, &length) != 1) break;
        if (number < d->next) continue;
        dump_row(d, h, row);
        d->next = number + 1;
    }
}

static int dump_block(dumping *d, uint64_t number) {
    weir_read_block block;
    weir_error error = {0};
    int status = weir_reader_read(d->reader, number, &block, &error);
    if (status == WEIR_OK) {
        take_in_tables(d, &block);
        if (block.header.kind == WEIR_BLOCK_ROWS) dump_rows(d, &block);
        return WEIR_OK;
    }
    if (d->view.holder.is_there && d->tries > 0) return AGAIN;
    weir_report_note("block %" PRIu64 ": %s", number,
                     error.text[0] ? error.text : weir_status_text(status));
    d->damaged = true;
    return WEIR_OK;
}

static int dump_extent(dumping *d, const weir_extent *e) {
    uint64_t durable = d->view.inventory.durable.block;
    uint64_t last = e->last_block < durable ? e->last_block : durable;
    if (e->next_row <= d->next) return WEIR_OK;
    for (uint64_t b = e->first_block; b <= last && !has_enough(d); b++) {
        int status = dump_block(d, b);
        if (status != WEIR_OK) return status;
    }
    return WEIR_OK;
}

static int dump_extents(dumping *d) {
    const weir_inventory *i = &d->view.inventory;
    for (size_t e = 0; e < i->extent_count && !has_enough(d); e++) {
        int status = dump_extent(d, &i->extents[e]);
        if (status != WEIR_OK) return status;
    }
    uint64_t durable = weir_rows_durable(&d->view.inventory);
    if (!has_enough(d) && d->next <= durable) report_gap(d, d->next, durable);
    return WEIR_OK;
}

/* ---- looking, perhaps again ---- */

static int dump_view(dumping *d, weir_error *error) {
    weir_view_input input = {.os = d->os, .place = d->place, .database = d->place->database};
    int status = weir_view_take(&input, &d->view, error);
    if (status != WEIR_OK) return status;
    status = weir_reader_make(d->os, weir_inventory_locator(&d->view.inventory), &d->reader);
    if (status == WEIR_OK) return status;
    weir_view_free(&d->view);
    return weir_fail(error, status, "no memory to read %s", d->place->directory);
}

static void look_away(dumping *d) {
    weir_reader_free(d->reader);
    weir_view_free(&d->view);
}

/* Whether the database belongs to the journal makes no difference to the journal's rows. */
static bool is_damaged(const weir_inventory *i) {
    return weir_verdict_refuses(i->verdict) && weir_verdict_status(i->verdict) == WEIR_DAMAGED;
}

/* Damage does not stop a dump, which says what is missing and goes on. */
static void note_verdict(const dumping *d) {
    const weir_inventory *i = &d->view.inventory;
    if (is_damaged(i))
        weir_report_note("%s", i->detail[0] ? i->detail : weir_verdict_text(i->verdict));
    if (i->next_row > i->durable_next_row && !d->view.holder.is_there)
        weir_report_note("rows %" PRIu64 " to %" PRIu64
                         " are after the durable mark and are not dumped; recovery takes them in",
                         i->durable_next_row, i->next_row - 1);
    if (d->view.ring.rows + d->view.ring.recorded && !d->view.holder.is_there)
        weir_report_note("%" PRIu64 " rows wait in the ring of a dead process and are not dumped; "
                         "recovery takes them in",
                         d->view.ring.rows + d->view.ring.recorded);
}

/* Rows that are applied leave the journal, before the dump or while it runs. */
static void skip_recycled(dumping *d) {
    const weir_inventory *i = &d->view.inventory;
    uint64_t kept = i->extent_count ? i->extents[0].first_row : 1;
    if (d->next < kept && d->next > 0)
        weir_report_note("rows %" PRIu64 " to %" PRIu64 " have left the journal: they were applied",
                         d->next, kept - 1);
    if (d->next < kept) d->next = kept;
}

static int begin_output(dumping *d, weir_error *error) {
    if (d->header_written) return WEIR_OK;
    int status = choose_columns(d, error);
    if (status != WEIR_OK) return status;
    if (d->arguments->csv) weir_csv_header(stdout, &d->columns);
    d->header_written = true;
    note_verdict(d);
    return WEIR_OK;
}

static int dump_once(dumping *d, weir_error *error) {
    int status = dump_view(d, error);
    if (status != WEIR_OK) return status;
    weir_verdict verdict = d->view.inventory.verdict;
    if (verdict == WEIR_VERDICT_NEWER || verdict == WEIR_VERDICT_MIXED)
        status = weir_fail(error, weir_verdict_status(verdict), "%s", d->view.inventory.detail);
    if (is_damaged(&d->view.inventory) || d->view.inventory.damage_count) d->damaged = true;
    if (status == WEIR_OK) {
        weir_tables_read(&d->tables, &d->view.inventory, d->reader);
        status = begin_output(d, error);
    }
    if (status == WEIR_OK) {
        skip_recycled(d);
        status = dump_extents(d);
    }
    look_away(d);
    return status;
}

static int dump(dumping *d) {
    weir_error error = {0};
    uint64_t before;
    int status;
    d->tries = TRIES_WHILE_LIVE;
    do {
        before = d->next;
        status = dump_once(d, &error);
        d->tries = d->next > before ? TRIES_WHILE_LIVE : d->tries - 1;
    } while (status == AGAIN);
    weir_tables_free(&d->tables);
    weir_columns_free(&d->columns);
    if (error.status != WEIR_OK) return weir_report_error(d->arguments, &error);
    return d->damaged ? WEIR_EXIT_DAMAGE : WEIR_EXIT_CLEAN;
}

int weir_run_dump(const weir_arguments *arguments, const weir_place *place) {
    weir_error error = {0};
    weir_archive archive;
    dumping *d = place->journal_is_there ? calloc(1, sizeof *d) : NULL;
    if (!place->journal_is_there)
        (void)weir_fail(&error, WEIR_NOT_FOUND, "there is no journal at %s", place->directory);
    else if (!d || weir_archive_open(place->os, place->directory, &archive) != WEIR_OK)
        (void)weir_fail(&error, WEIR_NO_MEMORY, "no memory to dump %s", place->directory);
    if (!d || error.status != WEIR_OK) {
        free(d);
        return weir_report_error(arguments, &error);
    }
    d->arguments = arguments;
    d->place = place;
    d->os = arguments->archive ? &archive.os : place->os;
    d->left = arguments->limit;
    d->next = arguments->from;
    int code;
    if (weir_expander_make(&d->tables.templates, &d->expander) == WEIR_OK) {
        code = dump(d);
    } else {
        (void)weir_fail(&error, WEIR_NO_MEMORY, "no memory to dump %s", place->directory);
        code = weir_report_error(arguments, &error);
    }
    weir_expander_free(d->expander);
    weir_archive_close(&archive);
    free(d);
    return code;
}
