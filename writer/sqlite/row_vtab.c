/* row_vtab.c - rows of a decoded block as an SQLite table. */
#include "row_vtab.h"

#include <stdlib.h>

#include "sqlite_error.h"

struct weir_row_vtab {
    uint16_t table, columns;
    const weir_row_vtab_row *rows;
    size_t count;
    bool damaged;
};

typedef struct feed_table {
    sqlite3_vtab base; /* first: SQLite sees only this */
    weir_row_vtab *feed;
} feed_table;

typedef struct feed_cursor {
    sqlite3_vtab_cursor base; /* first: SQLite sees only this */
    weir_row_vtab *feed;
    size_t at;
    uint16_t columns;    /* of the row decoded; a row of an older declaration may have fewer */
    weir_value values[]; /* WEIR_COLUMNS_MAX: what decoding may write */
} feed_cursor;

static int connect_table(sqlite3 *db, void *context, int argc, const char *const *argv,
                         sqlite3_vtab **out, char **message) {
    (void)argc, (void)argv; /* an eponymous table has no arguments */
    (void)message;          /* SQLite's own message is enough */
    weir_row_vtab *feed = context;
    sqlite3_str *sql = sqlite3_str_new(db);
    sqlite3_str_appendall(sql, "CREATE TABLE feed(");
    for (int i = 0; i < feed->columns; i++)
        sqlite3_str_appendf(sql, "%sc%d", i ? "," : "", i);
    sqlite3_str_appendall(sql, ")");
    char *text = sqlite3_str_finish(sql);
    int code = text ? sqlite3_declare_vtab(db, text) : SQLITE_NOMEM;
    sqlite3_free(text);
    if (code == SQLITE_OK) code = sqlite3_vtab_config(db, SQLITE_VTAB_DIRECTONLY);
    if (code != SQLITE_OK) return code;
    feed_table *t = calloc(1, sizeof *t);
    if (!t) return SQLITE_NOMEM;
    t->feed = feed;
    *out = &t->base;
    return SQLITE_OK;
}

static int disconnect_table(sqlite3_vtab *base) {
    free(base);
    return SQLITE_OK;
}

/* There is only one way to read it: all rows, in the order in which they were given. */
static int best_index(sqlite3_vtab *base, sqlite3_index_info *info) {
    (void)base;
    info->estimatedCost = 1e6;
    info->estimatedRows = 1000000;
    return SQLITE_OK;
}

static int open_cursor(sqlite3_vtab *base, sqlite3_vtab_cursor **out) {
    feed_cursor *c = malloc(sizeof *c + WEIR_COLUMNS_MAX * sizeof *c->values);
    if (!c) return SQLITE_NOMEM;
    memset(c, 0, sizeof *c); /* the values are written before they are read */
    c->feed = ((feed_table *)base)->feed;
    *out = &c->base;
    return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor *base) {
    free(base);
    return SQLITE_OK;
}

/* Decode the row at hand, once for all its columns. */
static int decode(feed_cursor *c) {
    weir_row_vtab *feed = c->feed;
    uint16_t table;
    if (c->at >= feed->count) return SQLITE_OK;
    const weir_row_vtab_row *row = &feed->rows[c->at];
    if (weir_row_decode(row->bytes, row->length, &table, &c->columns, c->values) &&
        table == feed->table && c->columns <= feed->columns)
        return SQLITE_OK;
    feed->damaged = true;
    return SQLITE_CORRUPT_VTAB;
}

static int filter(sqlite3_vtab_cursor *base, int number, const char *name, int argc,
                  sqlite3_value **argv) {
    (void)number, (void)name, (void)argc, (void)argv; /* best_index asks for none */
    feed_cursor *c = (feed_cursor *)base;
    c->at = 0;
    return decode(c);
}

static int next(sqlite3_vtab_cursor *base) {
    feed_cursor *c = (feed_cursor *)base;
    c->at++;
    return decode(c);
}

static int at_end(sqlite3_vtab_cursor *base) {
    const feed_cursor *c = (const feed_cursor *)base;
    return c->at >= c->feed->count;
}

/* The bytes are in the block, which outlives the statement, so SQLite need not copy them. */
static int column(sqlite3_vtab_cursor *base, sqlite3_context *out, int index) {
    const feed_cursor *c = (const feed_cursor *)base;
    if (index >= c->columns) return SQLITE_OK; /* NULL */
    const weir_value *v = &c->values[index];
    switch (v->type) {
    case WEIR_INTEGER: sqlite3_result_int64(out, v->as.integer); break;
    case WEIR_REAL: sqlite3_result_double(out, v->as.real); break;
    case WEIR_TEXT:
        sqlite3_result_text64(out, v->as.bytes, v->length, SQLITE_STATIC, SQLITE_UTF8);
        break;
    case WEIR_BLOB: sqlite3_result_blob64(out, v->as.bytes, v->length, SQLITE_STATIC); break;
    default: break; /* NULL is what SQLite assumes */
    }
    return SQLITE_OK;
}

static int row_id(sqlite3_vtab_cursor *base, sqlite3_int64 *out) {
    *out = (sqlite3_int64)((const feed_cursor *)base)->at;
    return SQLITE_OK;
}

/* Without xCreate the table is eponymous, and never written to the schema. */
static const sqlite3_module feed_module = {
    .xConnect = connect_table,
    .xBestIndex = best_index,
    .xDisconnect = disconnect_table,
    .xOpen = open_cursor,
    .xClose = close_cursor,
    .xFilter = filter,
    .xNext = next,
    .xEof = at_end,
    .xColumn = column,
    .xRowid = row_id,
};

int weir_row_vtab_make(sqlite3 *db, uint16_t table, uint16_t columns, weir_row_vtab **out,
                       weir_error *error) {
    *out = NULL;
    weir_row_vtab *feed = calloc(1, sizeof *feed);
    if (!feed) return weir_fail(error, WEIR_NO_MEMORY, "no memory to feed table number %u", table);
    feed->table = table;
    feed->columns = columns;
    char name[32];
    (void)sqlite3_snprintf(sizeof name, name, "weir_row_vtab_%u", table);
    /* SQLite frees the feed with the module, and also when this call fails. */
    if (sqlite3_create_module_v2(db, name, &feed_module, feed, free) != SQLITE_OK)
        return weir_sqlite_fail(db, "registering a feed", error);
    *out = feed;
    return WEIR_OK;
}

void weir_row_vtab_give(weir_row_vtab *feed, const weir_row_vtab_row *rows, size_t count) {
    feed->rows = rows;
    feed->count = count;
    feed->damaged = false;
}

bool weir_row_vtab_damaged(const weir_row_vtab *feed) { return feed->damaged; }
