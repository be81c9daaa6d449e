/* copy_rows.c - the rows of one table that can be read.
 *
 * They are read by ascending rowid. Where SQLite meets a damaged page, the next rowid is sought at
 * which it can read again: at growing distances, then between the last two. */
#include "copy_rows.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GAPS_MOST = 10000 }; /* of one table */

typedef struct row_copy {
    sqlite3 *from, *to;
    const char *table, *file;
    weir_unread *unread;
    sqlite3_stmt *read, *insert; /* read: the rowid, then the columns, from a rowid on */
    int columns;
    bool has_rowid;
    uint64_t rows;
    size_t gaps;
} row_copy;

static void note_gap(row_copy *c, int64_t first, int64_t last, const char *why) {
    weir_unread_part part = {.file = (char *)c->file,
                             .table = (char *)c->table,
                             .first_rowid = first,
                             .last_rowid = last,
                             .has_rowids = c->has_rowid};
    (void)snprintf(part.why, sizeof part.why, "%s", why); /* a cut text is still a text */
    weir_unread_add(c->unread, &part);
    c->gaps++;
}

/* "a","b" of the columns that hold values of their own, or NULL. */
static char *column_list(sqlite3 *db, const char *table, int *count) {
    sqlite3_stmt *s = NULL;
    sqlite3_str *text = sqlite3_str_new(db);
    *count = 0;
    int code = sqlite3_prepare_v2(db, "SELECT name FROM pragma_table_xinfo(?1) WHERE hidden = 0",
                                  -1, &s, NULL);
    if (code == SQLITE_OK) code = sqlite3_bind_text(s, 1, table, -1, SQLITE_STATIC);
    while (code == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
        sqlite3_str_appendf(text, "%s\"%w\"", (*count)++ ? "," : "", sqlite3_column_text(s, 0));
    (void)sqlite3_finalize(s); /* no column, or fewer: then preparing with them fails or says so */
    return sqlite3_str_finish(text);
}

static int prepare_text(sqlite3 *db, char *sql, sqlite3_stmt **out) {
    int code = sql ? sqlite3_prepare_v2(db, sql, -1, out, NULL) : SQLITE_NOMEM;
    sqlite3_free(sql);
    return code;
}

static int prepare_insert(row_copy *c, const char *columns) {
    sqlite3_str *text = sqlite3_str_new(c->to);
    sqlite3_str_appendf(text, "INSERT OR IGNORE INTO \"%w\"(%s%s) VALUES(", c->table,
                        c->has_rowid ? "_rowid_," : "", columns);
    for (int i = 0; i < c->columns + (c->has_rowid ? 1 : 0); i++)
        sqlite3_str_appendf(text, "%s?", i ? "," : "");
    sqlite3_str_appendf(text, ")");
    return prepare_text(c->to, sqlite3_str_finish(text), &c->insert);
}

/* A table WITHOUT ROWID is read once, in its own order, up to the first damage. */
static int prepare_reading(row_copy *c) {
    char *columns = column_list(c->to, c->table, &c->columns);
    if (!columns) return SQLITE_NOMEM;
    c->has_rowid = true;
    int code = prepare_text(
        c->from,
        sqlite3_mprintf("SELECT _rowid_,%s FROM \"%w\" WHERE _rowid_ >= ?1 ORDER BY _rowid_",
                        columns, c->table),
        &c->read);
    if (code == SQLITE_ERROR) {
        c->has_rowid = false;
        code = prepare_text(c->from, sqlite3_mprintf("SELECT 0,%s FROM \"%w\"", columns, c->table),
                            &c->read);
    }
    if (code == SQLITE_OK) code = prepare_insert(c, columns);
    sqlite3_free(columns);
    return code;
}

static bool insert_row(row_copy *c) {
    int from = c->has_rowid ? 0 : 1, count = c->columns + 1 - from, code = SQLITE_OK;
    for (int i = 0; code == SQLITE_OK && i < count; i++)
        code = sqlite3_bind_value(c->insert, i + 1, sqlite3_column_value(c->read, from + i));
    if (code == SQLITE_OK) code = sqlite3_step(c->insert);
    bool done = code == SQLITE_DONE && sqlite3_changes(c->to) > 0;
    (void)sqlite3_reset(c->insert); /* repeats what step has said */
    return done;
}

/* The first rowid from there on that can be read; false: SQLite cannot read on. *end: there is none. */
static bool probe(row_copy *c, int64_t from, int64_t *rowid, bool *end) {
    (void)sqlite3_reset(c->read); /* repeats what the last step has said */
    int code = sqlite3_bind_int64(c->read, 1, from);
    if (code == SQLITE_OK) code = sqlite3_step(c->read);
    *end = code == SQLITE_DONE;
    if (code == SQLITE_ROW) *rowid = sqlite3_column_int64(c->read, 0);
    return code == SQLITE_ROW || *end;
}

/* From bad on nothing can be read: where can it again? False: nowhere. */
static bool find_after_gap(row_copy *c, int64_t bad, int64_t *rowid, bool *end) {
    int64_t low = bad, high = bad;
    bool found = false;
    for (int64_t step = 1; !found; step *= 2) {
        low = high;
        if (__builtin_add_overflow(bad, step, &high)) return false;
        found = probe(c, high, rowid, end);
        if (step > INT64_MAX / 2) break;
    }
    while (found && high - low > 1) {
        int64_t middle = low + (high - low) / 2, at = 0;
        bool ends;
        if (probe(c, middle, &at, &ends)) {
            high = middle;
            *rowid = at;
            *end = ends;
        } else {
            low = middle;
        }
    }
    return found;
}

/* Rows from there on, up to the end (SQLITE_DONE) or to what cannot be read. */
static int copy_run(row_copy *c, int64_t from, int64_t *last) {
    (void)sqlite3_reset(c->read); /* repeats what the last step has said */
    int code = c->has_rowid ? sqlite3_bind_int64(c->read, 1, from) : SQLITE_OK;
    if (code != SQLITE_OK) return code;
    while ((code = sqlite3_step(c->read)) == SQLITE_ROW) {
        *last = sqlite3_column_int64(c->read, 0);
        if (insert_row(c))
            c->rows++;
        else
            note_gap(c, *last, *last, "it does not fit the new table");
    }
    return code;
}

static void copy_runs(row_copy *c) {
    int64_t from = INT64_MIN;
    bool end = false;
    while (!end) {
        int64_t last = from, rowid = 0;
        uint64_t before = c->rows;
        size_t gaps = c->gaps;
        if (copy_run(c, from, &last) == SQLITE_DONE) return;
        bool any = c->rows > before || c->gaps > gaps;
        char why[128];
        (void)snprintf(why, sizeof why, "%s", sqlite3_errmsg(c->from)); /* a cut text is a text */
        int64_t bad = any ? last + 1 : from;
        bool goes_on = c->has_rowid && c->gaps < GAPS_MOST && last < INT64_MAX &&
                       find_after_gap(c, bad < 0 ? 0 : bad, &rowid, &end);
        note_gap(c, bad, goes_on && !end ? rowid - 1 : INT64_MAX, why);
        if (!goes_on) return;
        from = rowid;
    }
}

uint64_t weir_copy_rows(sqlite3 *from, sqlite3 *to, const char *table, const char *file,
                        weir_unread *unread) {
    row_copy c = {.from = from, .to = to, .table = table, .file = file, .unread = unread};
    int code = prepare_reading(&c);
    if (code == SQLITE_OK)
        copy_runs(&c);
    else
        note_gap(&c, 0, INT64_MAX, sqlite3_errstr(code));
    (void)sqlite3_finalize(c.read); /* repeat what step has said */
    (void)sqlite3_finalize(c.insert);
    return c.rows;
}
