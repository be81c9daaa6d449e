/* journal.c - weir_journal: the blocks of a journal, and what of it is damaged. */
#include <stdio.h>
#include <stdlib.h>

#include "../lib/verify/reader.h"
#include "function.h"
#include "look.h"
#include "modules.h"
#include "result.h"

enum {
    SEGMENT,
    BLOCK,
    OFFSET,
    BYTES,
    ROWS,
    FIRST_ROW,
    KIND,
    STATE,
    TIME_NS,
    STORED_BYTES,
    RAW_BYTES,
    WHY,
    PATH,
    DATABASE,
    DIRECTORY
};

typedef struct journal_cursor {
    sqlite3_vtab_cursor base; /* first: SQLite sees only this */
    weir_sql_place place;
    weir_sql_look look;
    bool is_filled;
    weir_reader *reader;
    weir_block_header header; /* of the block at hand */
    size_t extent, damage;    /* at hand; damages come after all blocks */
    bool at_end;
} journal_cursor;

static const weir_inventory *inventory_of(const journal_cursor *c) {
    return &c->look.found.inventory;
}

static bool is_at_block(const journal_cursor *c) {
    return c->extent < inventory_of(c)->extent_count;
}

static int open_blocks(sqlite3_vtab *table, sqlite3_vtab_cursor **out) {
    (void)table;
    journal_cursor *c = calloc(1, sizeof *c);
    if (!c) return SQLITE_NOMEM;
    *out = &c->base;
    return SQLITE_OK;
}

static void forget_journal(journal_cursor *c) {
    weir_reader_free(c->reader);
    if (c->is_filled) weir_sql_look_release(&c->look);
    weir_sql_place_free(&c->place);
    *c = (journal_cursor){.base = c->base};
}

static int close_journal(sqlite3_vtab_cursor *base) {
    forget_journal((journal_cursor *)base);
    free(base);
    return SQLITE_OK;
}

/* The first block from this one on that is still there. Segments whose rows are applied leave a live
 * journal while it is read; what the inventory judged good cannot fail otherwise, but for the disk. */
static int seek(journal_cursor *c, uint64_t block, weir_error *error) {
    const weir_inventory *i = inventory_of(c);
    for (; is_at_block(c); c->extent++) {
        const weir_extent *e = &i->extents[c->extent];
        if (block < e->first_block) block = e->first_block;
        if (block > e->last_block) continue;
        int status = weir_reader_header(c->reader, block, &c->header, error);
        if (status != WEIR_NOT_FOUND) return status;
    }
    c->at_end = i->damage_count == 0;
    return WEIR_OK;
}

static int next_journal(sqlite3_vtab_cursor *base) {
    journal_cursor *c = (journal_cursor *)base;
    weir_error error = {0};
    if (!is_at_block(c)) {
        c->at_end = ++c->damage >= inventory_of(c)->damage_count;
        return SQLITE_OK;
    }
    int status = seek(c, c->header.block + 1, &error);
    return status == WEIR_OK ? SQLITE_OK : weir_sql_failed(base->pVtab, status, &error);
}

static int fill(journal_cursor *c, sqlite3 *db, weir_error *error) {
    int status = weir_sql_look_take(db, &c->place, true, &c->look, error);
    if (status != WEIR_OK) return status;
    c->is_filled = true;
    status = weir_reader_make(weir_os_posix(), weir_inventory_locator(inventory_of(c)), &c->reader);
    if (status != WEIR_OK) return weir_fail(error, status, "no memory to read a journal");
    return seek(c, 0, error);
}

static int filter_journal(sqlite3_vtab_cursor *base, int plan, const char *text, int argc,
                          sqlite3_value **argv) {
    (void)text, (void)argc; /* the plan says how many there are */
    journal_cursor *c = (journal_cursor *)base;
    const weir_sql_function_table *t = (const weir_sql_function_table *)base->pVtab;
    weir_error error = {0};
    forget_journal(c);
    int status = weir_sql_function_place(t, plan, argv, &c->place, &error);
    if (status == WEIR_OK) status = fill(c, t->db, &error);
    return status == WEIR_OK ? SQLITE_OK : weir_sql_failed(base->pVtab, status, &error);
}

static int is_past_journal(sqlite3_vtab_cursor *base) { return ((journal_cursor *)base)->at_end; }

static const char *kind_name(uint16_t kind) {
    switch (kind) {
    case WEIR_BLOCK_ROWS: return "rows";
    case WEIR_BLOCK_MARK: return "mark";
    case WEIR_BLOCK_DECLARATIONS: return "declarations";
    default: return NULL;
    }
}

static const char *block_state_name(const weir_inventory *i, const weir_block_header *h) {
    const weir_position *p = &i->position;
    if (h->block <= p->block) return "applied";
    if (h->rows && p->row >= h->first_row) return "applied in part";
    return h->block <= i->durable.block ? "durable" : "after the durable mark";
}

static void give_block(sqlite3_context *context, const journal_cursor *c, int column) {
    const weir_block_header *h = &c->header;
    switch (column) {
    case SEGMENT: weir_sql_result_number(context, h->segment); break;
    case BLOCK: weir_sql_result_number(context, h->block); break;
    case OFFSET: weir_sql_result_number(context, h->offset); break;
    case BYTES: weir_sql_result_number(context, weir_block_extent(h)); break;
    case ROWS: weir_sql_result_number(context, h->rows); break;
    case FIRST_ROW: weir_sql_result_number(context, h->first_row); break;
    case KIND: weir_sql_result_text(context, kind_name(h->kind)); break;
    case STATE: weir_sql_result_text(context, block_state_name(inventory_of(c), h)); break;
    case TIME_NS: sqlite3_result_int64(context, h->wall_ns); break;
    case STORED_BYTES: weir_sql_result_number(context, h->stored_bytes); break;
    case RAW_BYTES: weir_sql_result_number(context, h->raw_bytes); break;
    case PATH: weir_sql_result_text(context, inventory_of(c)->extents[c->extent].path); break;
    default: break; /* NULL */
    }
}

/* Where nobody knows a number, it is NULL. */
static void give_known(sqlite3_context *context, uint64_t number) {
    if (number) weir_sql_result_number(context, number);
}

static void give_damage(sqlite3_context *context, const weir_damage *d, int column) {
    switch (column) {
    case SEGMENT: weir_sql_result_number(context, d->segment); break;
    case BLOCK: give_known(context, d->first_block); break;
    case OFFSET: weir_sql_result_number(context, d->offset); break;
    case ROWS: give_known(context, d->first_row ? d->last_row - d->first_row + 1 : 0); break;
    case FIRST_ROW: give_known(context, d->first_row); break;
    case STATE: weir_sql_result_text(context, "damaged"); break;
    case WHY: weir_sql_result_text(context, d->why); break;
    case PATH: weir_sql_result_text(context, d->path); break;
    default: break; /* NULL */
    }
}

static int column_of_journal(sqlite3_vtab_cursor *base, sqlite3_context *context, int column) {
    const journal_cursor *c = (const journal_cursor *)base;
    if (column == DATABASE)
        weir_sql_result_text(context, c->place.path);
    else if (column == DIRECTORY)
        weir_sql_result_text(context, c->place.directory);
    else if (is_at_block(c))
        give_block(context, c, column);
    else
        give_damage(context, &inventory_of(c)->damages[c->damage], column);
    return SQLITE_OK;
}

/* Blocks have their numbers, damages the numbers below zero. */
static int number_of_journal(sqlite3_vtab_cursor *base, sqlite3_int64 *out) {
    const journal_cursor *c = (const journal_cursor *)base;
    *out = is_at_block(c) ? (sqlite3_int64)c->header.block : -1 - (sqlite3_int64)c->damage;
    return SQLITE_OK;
}

int weir_sql_register_journal(sqlite3 *db) {
    static const weir_sql_function function = {
        "CREATE TABLE x(segment INTEGER, block INTEGER, offset INTEGER, bytes INTEGER, "
        "rows INTEGER, first_row INTEGER, kind TEXT, state TEXT, time_ns INTEGER, "
        "stored_bytes INTEGER, raw_bytes INTEGER, why TEXT, path TEXT, database HIDDEN, "
        "journal HIDDEN)",
        DATABASE, 2};
    static const sqlite3_module module = {
        .xConnect = weir_sql_function_connect,
        .xDisconnect = weir_sql_function_disconnect,
        .xBestIndex = weir_sql_function_plan,
        .xOpen = open_blocks,
        .xClose = close_journal,
        .xFilter = filter_journal,
        .xNext = next_journal,
        .xEof = is_past_journal,
        .xColumn = column_of_journal,
        .xRowid = number_of_journal,
    };
    return sqlite3_create_module_v2(db, "weir_journal", &module, (void *)&function, NULL);
}
