/* retention_rows.c - the rows of a table that is kept within limits: counting them, looking at the
 * oldest, deleting. */
#include "retention_state.h"
#include "sqlite_error.h"

#define SECOND ((uint64_t)1000000000)
#define RECOUNT_NS (3600 * SECOND)

enum {
    PIECE = 64, /* rows that one statement deletes */
    /* Where rows are large, a part ends by their bytes: after so many are read, or so much space is
     * freed. It is more than a transaction inserts. No part ends by the clock: on a busy machine rows
     * would then come faster than they go. */
    PART_BYTES = 64 << 20,
    VALUE_BYTES = 8,   /* that a number counts, and so does each row for itself */
    RECOUNT_PART = 64, /* a table is not counted again before so many times what counting took */
};

/* No row below this is deleted, and none above that. */
#define LOWEST (INT64_MIN + 1)
#define HIGHEST (INT64_MAX - 1)

/* ---- statements ------------------------------------------------------------------------------ */

static int no_memory_to_keep(const weir_kept *k, weir_error *error) {
    return weir_fail(error, WEIR_NO_MEMORY, "table %s: no memory to look for its old rows",
                     k->setting.table);
}

static int sweep_failed(const weir_kept *k, sqlite3 *db, weir_error *error) {
    char doing[200];
    (void)sqlite3_snprintf(sizeof doing, doing, "table %s: deleting its old rows",
                           k->setting.table);
    return weir_sqlite_fail(db, doing, error);
}

static int prepare_keep(const weir_kept *k, sqlite3 *db, sqlite3_str *text, sqlite3_stmt **out,
                        weir_error *error) {
    char *sql = sqlite3_str_finish(text);
    *out = NULL;
    if (!sql) return no_memory_to_keep(k, error);
    int code = sqlite3_prepare_v2(db, sql, -1, out, NULL);
    sqlite3_free(sql);
    return code == SQLITE_OK ? WEIR_OK : sweep_failed(k, db, error);
}

/* Rows from ?1 to ?2, oldest first: rowid, time, and all columns where bytes are counted. No index
 * serves better than the table itself, which has the rows in this order. */
static int prepare_walk(const weir_kept *k, sqlite3 *db, sqlite3_stmt **out, weir_error *error) {
    const char *rowid = k->table.rowid;
    sqlite3_str *text = sqlite3_str_new(db);
    sqlite3_str_appendf(text, "SELECT t.%s,", rowid);
    if (k->setting.time_column)
        sqlite3_str_appendf(text, "t.\"%w\"", k->setting.time_column);
    else
        sqlite3_str_appendall(text, "NULL");
    sqlite3_str_appendf(
        text, "%s FROM main.\"%w\" AS t NOT INDEXED WHERE t.%s BETWEEN ?1 AND ?2 ORDER BY t.%s",
        k->setting.limits.bytes ? ",t.*" : "", k->setting.table, rowid, rowid);
    return prepare_keep(k, db, text, out, error);
}

static int prepare_delete(const weir_kept *k, sqlite3 *db, sqlite3_stmt **out, weir_error *error) {
    sqlite3_str *text = sqlite3_str_new(db);
    sqlite3_str_appendf(text, "DELETE FROM main.\"%w\" WHERE %s BETWEEN ?1 AND ?2",
                        k->setting.table, k->table.rowid);
    return prepare_keep(k, db, text, out, error);
}

static bool bind_range(sqlite3_stmt *s, int64_t from, int64_t to) {
    return sqlite3_bind_int64(s, 1, from) == SQLITE_OK && sqlite3_bind_int64(s, 2, to) == SQLITE_OK;
}

/* The last row that may be deleted is before the newest, which stays: see retention.h. When none may
 * be, *last is below LOWEST. */
static int find_last(const weir_kept *k, sqlite3 *db, int64_t *last, weir_error *error) {
    const char *rowid = k->table.rowid;
    char *sql = sqlite3_mprintf("SELECT %s - 1 FROM main.\"%w\" NOT INDEXED WHERE %s BETWEEN %lld"
                                " AND %lld ORDER BY %s DESC LIMIT 1",
                                rowid, k->setting.table, rowid, (long long)LOWEST,
                                (long long)HIGHEST, rowid);
    *last = INT64_MIN;
    if (!sql) return no_memory_to_keep(k, error);
    int status = weir_sqlite_ask(db, sql, NULL, INT64_MIN, last, error);
    sqlite3_free(sql);
    return status;
}

/* ---- a row ----------------------------------------------------------------------------------- */

/* As weir_keep_limits says. */
static uint64_t bytes_of_row(sqlite3_stmt *walk) {
    uint64_t bytes = VALUE_BYTES;
    for (int i = 2; i < sqlite3_column_count(walk); i++) {
        int type = sqlite3_column_type(walk, i);
        if (type == SQLITE_INTEGER || type == SQLITE_FLOAT) bytes += VALUE_BYTES;
        if (type != SQLITE_TEXT && type != SQLITE_BLOB) continue;
        int length = sqlite3_column_bytes(walk, i);
        bytes += length > 0 ? (uint64_t)length : 0;
    }
    return bytes;
}

/* Times before this are too old. INT64_MIN: none is. */
static int64_t horizon(const weir_kept *k, const weir_os *os, uint64_t slack_ns) {
    int64_t wall = os->wall(os->self);
    uint64_t age = k->setting.limits.age_ns + slack_ns; /* each is below 2^63 */
    return wall < 0 || age > INT64_MAX ? INT64_MIN : wall - (int64_t)age;
}

/* A row without a number is never too old. */
static bool is_older(sqlite3_stmt *walk, int64_t than) {
    int type = sqlite3_column_type(walk, 1);
    if (type == SQLITE_INTEGER) return sqlite3_column_int64(walk, 1) < than;
    return type == SQLITE_FLOAT && sqlite3_column_double(walk, 1) < (double)than;
}

/* ---- counting -------------------------------------------------------------------------------- */

void weir_kept_count_anew(weir_kept *k, const weir_os *os) {
    k->count = (weir_kept_count){.from = INT64_MIN, .behind = true, .began = weir_kept_now(os)};
}

static int count_rows(weir_kept_count *c, sqlite3_stmt *walk, uint64_t most) {
    const uint64_t rows = c->rows + most, bytes = c->bytes + PART_BYTES;
    int code = SQLITE_ROW;
    while (c->rows < rows && c->bytes < bytes && (code = sqlite3_step(walk)) == SQLITE_ROW) {
        c->rows++;
        c->bytes += bytes_of_row(walk);
        c->from = sqlite3_column_int64(walk, 0) + 1; /* at most HIGHEST + 1 */
    }
    return code;
}

static void become_whole(weir_kept_count *c, const weir_os *os) {
    uint64_t at = weir_kept_now(os);
    c->whole = true;
    c->recount_at = at + RECOUNT_NS + (at - c->began) * RECOUNT_PART;
}

static int count_slice(weir_kept *k, const weir_os *os, sqlite3 *db, uint64_t most,
                       weir_error *error) {
    sqlite3_stmt *walk;
    int status = prepare_walk(k, db, &walk, error);
    if (status != WEIR_OK) return status;
    int code =
        bind_range(walk, k->count.from, HIGHEST) ? count_rows(&k->count, walk, most) : SQLITE_NOMEM;
    if (code != SQLITE_DONE && code != SQLITE_ROW) status = sweep_failed(k, db, error);
    k->count.behind = code != SQLITE_DONE;
    if (!k->count.behind && !k->count.whole) become_whole(&k->count, os);
    (void)sqlite3_finalize(walk); /* repeats the step's code */
    return status;
}

/* Rows of a keyed table may have come below those that were counted, so it is counted anew from
 * time to time. Changes by others while a table is being counted are passed over: with others that
 * write all the time no count would ever be good. */
int weir_kept_count_on(weir_kept *k, const weir_os *os, sqlite3 *db, uint64_t most,
                       weir_error *error) {
    weir_kept_count *c = &k->count;
    int64_t version;
    if (c->whole && k->table.keyed && weir_kept_now(os) >= c->recount_at)
        weir_kept_count_anew(k, os);
    bool was_whole = c->whole;
    int status = weir_sqlite_ask(db, "PRAGMA main.data_version", NULL, 0, &version, error);
    if (status == WEIR_OK) status = count_slice(k, os, db, most, error);
    if (was_whole) c->suspect |= version != c->version || !k->table.steady;
    c->version = version;
    return status;
}

/* ---- looking at the oldest ------------------------------------------------------------------- */

int weir_kept_look_at_oldest(const weir_kept *k, const weir_os *os, sqlite3 *db, uint64_t slack_ns,
                             weir_kept_oldest *out, weir_error *error) {
    sqlite3_stmt *walk;
    int64_t last;
    *out = WEIR_OLDEST_ABSENT;
    int status = find_last(k, db, &last, error);
    if (status == WEIR_OK) status = prepare_walk(k, db, &walk, error);
    if (status != WEIR_OK) return status;
    int code = bind_range(walk, LOWEST, last) ? sqlite3_step(walk) : SQLITE_NOMEM;
    if (code == SQLITE_ROW)
        *out = is_older(walk, horizon(k, os, slack_ns)) ? WEIR_OLDEST_OLD : WEIR_OLDEST_YOUNG;
    else if (code != SQLITE_DONE)
        status = sweep_failed(k, db, error);
    (void)sqlite3_finalize(walk); /* repeats the step's code */
    return status;
}

/* ---- deleting -------------------------------------------------------------------------------- */

static uint64_t at_most(uint64_t value, uint64_t most) { return value < most ? value : most; }

static void uncount(weir_kept *k, uint64_t rows, uint64_t bytes) {
    k->swept.rows += at_most(rows, k->count.rows - k->swept.rows);
    k->swept.bytes += at_most(bytes, k->count.bytes - k->swept.bytes);
}

static bool is_unwanted(const weir_kept *k, sqlite3_stmt *walk, int64_t horizon_ns) {
    const weir_keep_limits *l = &k->setting.limits;
    if (k->by_count && l->rows && k->count.rows - k->swept.rows > l->rows) return true;
    if (k->by_count && l->bytes && k->count.bytes - k->swept.bytes > l->bytes) return true;
    return is_older(walk, horizon_ns);
}

/* Choose a piece of rows, from the oldest on. *to: the last of them. Returns SQLite's code. */
static int choose_rows(weir_kept *k, sqlite3_stmt *walk, int64_t horizon_ns, int64_t *to,
                       int *count) {
    int code;
    *count = 0;
    while ((code = sqlite3_step(walk)) == SQLITE_ROW && is_unwanted(k, walk, horizon_ns)) {
        *to = sqlite3_column_int64(walk, 0);
        if (*to < k->count.from) uncount(k, 1, bytes_of_row(walk));
        if (++*count == PIECE) break;
    }
    (void)sqlite3_reset(walk); /* repeats the step's code */
    return code;
}

/* Triggers and foreign keys may delete other rows of the table besides. How many is not known, but
 * no more than they have changed in all, and rows are taken to be of the usual size. */
static void uncount_besides(weir_kept *k, uint64_t besides) {
    uint64_t usual = k->count.rows ? k->count.bytes / k->count.rows : 0;
    if (!k->table.steady && besides) uncount(k, besides, usual * at_most(besides, UINT32_MAX));
}

static int delete_rows(weir_kept *k, sqlite3_stmt *delete, int64_t from, int64_t to,
                       uint64_t *deleted, weir_error *error) {
    sqlite3 *db = sqlite3_db_handle(delete);
    int64_t before = sqlite3_total_changes64(db);
    int code = bind_range(delete, from, to) ? sqlite3_step(delete) : SQLITE_NOMEM;
    int64_t changes = code == SQLITE_DONE ? sqlite3_changes64(db) : 0;
    int status = code == SQLITE_DONE ? WEIR_OK : sweep_failed(k, db, error);
    (void)sqlite3_reset(delete); /* repeats the step's code */
    if (status != WEIR_OK) return status;
    if (changes == 0)
        return weir_fail(error, WEIR_SCHEMA,
                         "table %s: a trigger of the table keeps its old rows (RAISE(IGNORE))",
                         k->setting.table);
    *deleted += (uint64_t)changes;
    uncount_besides(k, (uint64_t)(sqlite3_total_changes64(db) - before - changes));
    return WEIR_OK;
}

/* Pages that are free, or SQLite's status. */
static int ask_free_pages(sqlite3_stmt *s, int64_t *pages, weir_error *error) {
    bool answered = sqlite3_step(s) == SQLITE_ROW;
    *pages = answered ? sqlite3_column_int64(s, 0) : 0;
    int status =
        answered ? WEIR_OK : weir_sqlite_fail(sqlite3_db_handle(s), "reading the freelist", error);
    (void)sqlite3_reset(s); /* repeats the step's code */
    return status;
}

/* The statements of one transaction. */
typedef struct sweep {
    weir_kept *k;
    sqlite3_stmt *walk, *delete, *free_pages;
    int64_t horizon_ns, last;
    uint64_t most;             /* rows */
    int64_t pages, page_bytes; /* free when it began */
} sweep;

static int prepare_sweep(sweep *s, sqlite3 *db, weir_error *error) {
    int status = find_last(s->k, db, &s->last, error);
    if (status == WEIR_OK) status = prepare_walk(s->k, db, &s->walk, error);
    if (status == WEIR_OK) status = prepare_delete(s->k, db, &s->delete, error);
    if (status == WEIR_OK)
        status = weir_sqlite_prepare(db, "PRAGMA main.freelist_count", &s->free_pages, error);
    if (status == WEIR_OK)
        status = weir_sqlite_ask(db, "PRAGMA main.page_size", NULL, 4096, &s->page_bytes, error);
    return status == WEIR_OK ? ask_free_pages(s->free_pages, &s->pages, error) : status;
}

static int sweep_piece(sweep *s, int64_t *from, uint64_t *deleted, weir_error *error) {
    int count = 0;
    int64_t to = *from;
    int code = bind_range(s->walk, *from, s->last)
                   ? choose_rows(s->k, s->walk, s->horizon_ns, &to, &count)
                   : SQLITE_NOMEM;
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return sweep_failed(s->k, sqlite3_db_handle(s->walk), error);
    s->k->swept.finished = count < PIECE;
    int status = count ? delete_rows(s->k, s->delete, *from, to, deleted, error) : WEIR_OK;
    *from = to + 1; /* at most HIGHEST: the newest row is above all that are deleted */
    return status;
}

static int sweep_pieces(sweep *s, uint64_t *deleted, weir_error *error) {
    int64_t from = LOWEST, pages = s->pages;
    int status = WEIR_OK;
    while (status == WEIR_OK && !s->k->swept.finished && *deleted < s->most &&
           (pages - s->pages) * s->page_bytes < PART_BYTES) {
        status = sweep_piece(s, &from, deleted, error);
        if (status == WEIR_OK) status = ask_free_pages(s->free_pages, &pages, error);
    }
    return status;
}

int weir_kept_sweep(weir_kept *k, const weir_os *os, sqlite3 *db, uint64_t most, uint64_t *deleted,
                    weir_error *error) {
    sweep s = {.k = k, .horizon_ns = horizon(k, os, 0), .most = most};
    *deleted = 0;
    int status = prepare_sweep(&s, db, error);
    if (status == WEIR_OK) status = sweep_pieces(&s, deleted, error);
    (void)sqlite3_finalize(s.walk);       /* repeats the last step's code */
    (void)sqlite3_finalize(s.delete);     /* likewise */
    (void)sqlite3_finalize(s.free_pages); /* likewise */
    return status;
}
