/* load.c - rows of blocks into tables of SQLite, in bulk, and exactly.
 *
 * Rows of the plainest tables are transferred (transfer.h), which goes well for all of a transaction or
 * is done again without. The others are fed.
 *
 * Rows to feed are gathered into windows, a window into groups of one table, and a group is one
 * statement. While a table takes all that it is fed, that is all there is to it: should it refuse a
 * row, the transaction is rolled back, and from then on each of its groups is fed in a savepoint,
 * for which SQLite copies every page that changes. There all rows of a group go in, or it is undone
 * and halved, down to the row that is refused. What a statement leaves behind when it fails (ON
 * CONFLICT FAIL keeps the rows before) is undone with it, so halving never doubles a row. Rows that
 * the table itself drops (IGNORE) show as changes that are missing. */
#include "load.h"

#include <stdlib.h>

#include "schema.h"
#include "sqlite_error.h"

enum {
    WINDOW_ROWS = 32768,
    EXPECTED_ROWS = 1024,   /* fewer in a block cost less to feed than their tables to look at */
    WINDOW_BYTES = 8 << 20, /* a savepoint keeps what it changed; more rows in one gain nothing */
    LARGE_ROW = 1 << 20,    /* want of memory is never the fault of a smaller one */
    FULL_TIMES = 3,
    STARVED_TIMES = 8, /* so often it is tried, with the applier's pauses: some ten seconds */
};
#define PLACED ((size_t)1 << 63) /* in pending, while the window is sorted */

struct weir_load_table {
    weir_declaration *declaration;
    weir_feed *feed;
    sqlite3_stmt *insert;
    weir_traits traits;
    bool ready;     /* it fits the schema as it stands now */
    bool expected;  /* it was looked at before a transaction, as the schema stood */
    bool offered;   /* to transfer, as the schema stands now */
    int slot;       /* that its rows are transferred by; -1: they are fed */
    size_t pending; /* rows in the window, and then the place of the next in the sorted one */

    /* A table whose declaration grew has several, each with a number, and their rows may come
     * mixed. What concerns the table itself stands with the one that all of them call first. */
    uint16_t first;
    bool transferred; /* one of them has a slot */
    bool refuses;     /* it has refused a row */
    uint64_t window;  /* the last that had rows of one of them */
};

/* ---- tables ---------------------------------------------------------------------------------- */

static void free_table(weir_load_table *t) {
    if (!t) return;
    (void)sqlite3_finalize(t->insert); /* nothing hangs on it any more */
    weir_declaration_free(t->declaration);
    free(t);
}

static bool feeds_at_once(const weir_load *l, const weir_load_table *t) {
    return !l->tables[t->first]->refuses;
}

/* A statement that can be undone alone copies every page that it changes, as a savepoint does. With
 * OR ROLLBACK it cannot; that this overrules what the schema says of conflicts changes no result,
 * since all begins again without it when there is one. */
static const char *insert_verb(const weir_load *l, const weir_load_table *t) {
    return feeds_at_once(l, t) ? "INSERT OR ROLLBACK" : "INSERT";
}

static char *insert_text(const weir_declaration *d, const char *verb) {
    sqlite3_str *sql = sqlite3_str_new(NULL);
    sqlite3_str_appendf(sql, "%s INTO main.\"%w\"", verb, d->name);
    for (int i = 0; i < d->columns; i++)
        sqlite3_str_appendf(sql, "%s\"%w\"", i ? "," : "(", d->column[i].name);
    sqlite3_str_appendall(sql, ") SELECT ");
    for (int i = 0; i < d->columns; i++)
        sqlite3_str_appendf(sql, "%sc%d", i ? "," : "", i);
    /* The parentheses make it an error if an ordinary table has this name. */
    sqlite3_str_appendf(sql, " FROM weir_feed_%u()", d->table);
    return sqlite3_str_finish(sql);
}

static int prepare_insert(weir_load *l, const weir_load_table *t, sqlite3_stmt **out,
                          weir_error *error) {
    const weir_declaration *d = t->declaration;
    char *sql = insert_text(d, insert_verb(l, t));
    *out = NULL;
    if (!sql)
        return weir_fail(error, WEIR_NO_MEMORY, "table %s: no memory for its statement", d->name);
    int code = sqlite3_prepare_v3(l->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
    sqlite3_free(sql);
    if (code == SQLITE_OK) return WEIR_OK;
    char doing[200];
    (void)sqlite3_snprintf(sizeof doing, doing, "table %s cannot take rows as it is", d->name);
    return weir_sqlite_fail(l->db, doing, error);
}

/* This declaration may change the table: rows of another one go in while it stands as it does. */
static int end_transfers(weir_load *l, const weir_load_table *t, weir_error *error) {
    if (!l->tables[t->first]->transferred) return WEIR_OK;
    int status = weir_load_end(l, error);
    weir_load_forget(l);
    return status;
}

/* The table fits, as t->traits say. */
static int prepare_table(weir_load *l, weir_load_table *t, weir_error *error) {
    const weir_declaration *d = t->declaration;
    int status = t->feed ? WEIR_OK : weir_feed_make(l->db, d->table, d->columns, &t->feed, error);
    if (status != WEIR_OK) return status;
    (void)sqlite3_finalize(t->insert); /* it was made for an older schema */
    status = prepare_insert(l, t, &t->insert, error);
    t->ready = status == WEIR_OK;
    l->unoffered |= t->ready;
    l->indexed |= t->ready && t->traits.indexed;
    return status;
}

/* A declaration makes what is missing, and stands before its rows. What its rows then miss was there:
 * somebody has renamed or dropped it. The first of a transaction is told. */
static void note_mended(weir_load *l, const weir_declaration *d, uint16_t added) {
    if (added == 0 || l->counts.mended) return;
    if (added == d->columns)
        (void)sqlite3_snprintf(sizeof l->mended, l->mended, "table %s was gone and is made anew",
                               d->name);
    else
        (void)sqlite3_snprintf(sizeof l->mended, l->mended,
                               "column %s of table %s was gone and is added again, empty",
                               d->column[d->columns - added].name, d->name);
    l->counts.mended = l->mended;
}

typedef enum occasion { DECLARED, HAS_ROWS } occasion;

static int make_ready(weir_load *l, weir_load_table *t, occasion why, weir_error *error) {
    uint16_t added;
    if (t->ready) return WEIR_OK;
    int status = end_transfers(l, t, error);
    if (status == WEIR_OK)
        status = weir_schema_ensure(l->db, t->declaration, &t->traits, &added, error);
    if (status != WEIR_OK) return status;
    if (why == HAS_ROWS) {
        note_mended(l, t->declaration, added);
        return prepare_table(l, t, error);
    }
    /* A trigger may need a table that is declared next: what fails is met again with the rows. */
    (void)prepare_table(l, t, NULL);
    return WEIR_OK;
}

static void offer(weir_load *l, weir_load_table *t) {
    if (!t || !t->ready || t->offered) return;
    weir_load_table *first = l->tables[t->first];
    bool plain = !t->traits.ordered && !t->traits.one_by_one && !first->transferred;
    t->slot = plain ? weir_transfer_offer(l->transfer, t->declaration) : -1;
    first->transferred |= t->slot >= 0;
    t->offered = true;
}

static uint16_t find_first(const weir_load *l, const weir_declaration *d) {
    for (size_t i = 0; i <= WEIR_TABLES_MAX; i++)
        if (l->tables[i] && sqlite3_stricmp(l->tables[i]->declaration->name, d->name) == 0)
            return l->tables[i]->first;
    return d->table;
}

static int remember(weir_load *l, const weir_declaration *d, weir_error *error) {
    weir_load_table *t = calloc(1, sizeof *t);
    if (!t) return weir_fail(error, WEIR_NO_MEMORY, "table %s: no memory to remember it", d->name);
    int status =
        weir_declaration_make(d->table, d->name, d->column, d->columns, &t->declaration, error);
    if (status != WEIR_OK) {
        free(t);
        return status;
    }
    t->slot = -1;
    t->first = find_first(l, d);
    free_table(l->tables[d->table]);
    l->tables[d->table] = t;
    return WEIR_OK;
}

int weir_load_declare(weir_load *l, const weir_declaration *d, bool now, weir_error *error) {
    if (d->table == 0 || d->table > WEIR_TABLES_MAX)
        return weir_fail(error, WEIR_DAMAGED,
                         "table %s: declared as number %u, which no journal gives", d->name,
                         d->table);
    weir_load_table *t = l->tables[d->table];
    bool known = t && weir_declaration_equal(t->declaration, d);
    int status = known || !t ? WEIR_OK : end_transfers(l, t, error); /* as they were declared */
    if (status == WEIR_OK && !known) status = remember(l, d, error);
    return status == WEIR_OK && now ? make_ready(l, l->tables[d->table], DECLARED, error) : status;
}

/* ---- one statement --------------------------------------------------------------------------- */

static int step(weir_load *l, sqlite3_stmt *s, weir_error *error) {
    int code = sqlite3_step(s);
    int status = code == SQLITE_DONE ? WEIR_OK : weir_sqlite_fail(l->db, sqlite3_sql(s), error);
    (void)sqlite3_reset(s); /* repeats the step's code */
    return status;
}

static bool keys_are_open(weir_load *l) {
    int open = 0, most = 0;
    return sqlite3_db_status(l->db, SQLITE_DBSTATUS_DEFERRED_FKS, &open, &most, 0) == SQLITE_OK &&
           open;
}

/* An expression can fail for a value (json(x) in a CHECK), and says SQLITE_ERROR, which is also
 * what a statement says that the schema no longer allows: only the latter cannot be prepared. */
static bool still_prepares(weir_load *l, const weir_load_table *t) {
    sqlite3_stmt *again;
    int status = prepare_insert(l, t, &again, NULL);
    (void)sqlite3_finalize(again); /* never stepped */
    return status == WEIR_OK;
}

/* Has the row failed so often before, each time alone? Between two times the writer pauses. */
static bool failed_often(weir_load *l, uint64_t number, unsigned times) {
    if (l->failed.row != number) {
        l->failed.row = number;
        l->failed.times = 0;
    }
    return ++l->failed.times > times;
}

/* Nothing else can be at fault: no smaller transaction is left to try. */
static bool stands_alone(const weir_load *l) { return l->counts.rows == 0 && l->count == 1; }

/* SQLite says SQLITE_FULL of a disk, and of AUTOINCREMENT that has no number left. What took the last
 * one may have been undone with the statement or the transaction: that shows when fewer rows go in. A
 * row may also take it and want another, in a trigger: it is refused when it has failed for a while,
 * which takes as much of the disk as the row. */
static bool is_for_want_of_numbers(weir_load *l, const weir_load_table *t,
                                   const weir_feed_row *rows, size_t count) {
    switch (weir_schema_sequences(l->db, t->declaration)) {
    case WEIR_SEQUENCES_SPENT: return true;
    case WEIR_SEQUENCES_LEFT:
        return count > 1 || (sqlite3_get_autocommit(l->db) && !stands_alone(l)) ||
               failed_often(l, l->first + rows->index, FULL_TIMES);
    default: return false;
    }
}

static bool is_starved(weir_load *l, const weir_feed_row *row) {
    return row->length >= LARGE_ROW && failed_often(l, l->first + row->index, STARVED_TIMES);
}

/* Want of memory passes; but a large row that failed for it alone, again and again, is not to keep all
 * others waiting. */
static bool is_too_large(weir_load *l, const weir_feed_row *rows, size_t count) {
    size_t large = 0;
    for (size_t i = 0; i < count; i++)
        large += rows[i].length >= LARGE_ROW;
    if (large == 0) return false;
    if (count > 1 || (sqlite3_get_autocommit(l->db) && !stands_alone(l))) return true;
    return is_starved(l, rows);
}

static bool is_rows_fault(weir_load *l, const weir_load_table *t, const weir_feed_row *rows,
                          size_t count, int code) {
    switch (code & 0xFF) {
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG: return true;
    case SQLITE_ERROR: return still_prepares(l, t);
    case SQLITE_FULL: return is_for_want_of_numbers(l, t, rows, count);
    case SQLITE_NOMEM: return is_too_large(l, rows, count);
    case SQLITE_IOERR: return code == SQLITE_IOERR_NOMEM && is_too_large(l, rows, count);
    default: return false;
    }
}

static void note_refusal(weir_load *l, weir_refusal *why) {
    why->code = sqlite3_extended_errcode(l->db);
    (void)sqlite3_snprintf(sizeof why->message, why->message, "%s", sqlite3_errmsg(l->db));
}

/* The statement stopped with an error: whose fault is it? */
static int judge_row(weir_load *l, weir_load_table *t, const weir_feed_row *rows, size_t count,
                     weir_refusal *why, weir_error *error) {
    note_refusal(l, why);
    int status = weir_sqlite_fail(l->db, t->declaration->name, error);
    (void)sqlite3_reset(t->insert); /* repeats the step's code */
    if (weir_feed_damaged(t->feed))
        return weir_fail(error, WEIR_DAMAGED, "a row of block %llu does not parse",
                         (unsigned long long)l->header->block);
    if (!is_rows_fault(l, t, rows, count, why->code)) return status;
    return sqlite3_get_autocommit(l->db) ? WEIR_SINK_AGAIN : WEIR_REJECTED;
}

/* What statements before this one left behind depends on where transactions end, so each row finds
 * what a connection says that has changed nothing yet. Of total_changes() SQLite cannot take anything
 * back. */
static int forget_counters(weir_load *l, weir_error *error) {
    int status = WEIR_OK;
    if (!l->no_change)
        status = weir_sqlite_prepare(l->db, "DELETE FROM main.weir_position WHERE 0", &l->no_change,
                                     error);
    if (status == WEIR_OK) status = step(l, l->no_change, error);
    sqlite3_set_last_insert_rowid(l->db, 0);
    return status;
}

static int run_insert(weir_load *l, weir_load_table *t, const weir_feed_row *rows, size_t count,
                      weir_refusal *why, weir_error *error) {
    int status = t->traits.counting ? forget_counters(l, error) : WEIR_OK;
    if (status != WEIR_OK) return status;
    weir_feed_give(t->feed, rows, count);
    if (sqlite3_step(t->insert) != SQLITE_DONE) return judge_row(l, t, rows, count, why, error);
    (void)sqlite3_reset(t->insert); /* it is done */
    if (!keys_are_open(l)) return WEIR_OK;
    /* A deferred key would be judged at COMMIT, by rows that come later and by where a transaction
     * happens to end; judged here, every replay comes to the same. */
    *why = (weir_refusal){SQLITE_CONSTRAINT_FOREIGNKEY, "FOREIGN KEY constraint failed"};
    return WEIR_REJECTED;
}

static void count_ignored(weir_load *l, size_t count) {
    uint64_t changes = (uint64_t)sqlite3_changes64(l->db);
    l->counts.ignored += changes < count ? count - changes : 0;
}

/* All the rows or none. WEIR_REJECTED: none, for why; WEIR_SINK_AGAIN: the transaction is gone. */
static int try_rows(weir_load *l, weir_load_table *t, const weir_feed_row *rows, size_t count,
                    weir_refusal *why, weir_error *error) {
    int status = step(l, l->savepoint, error);
    if (status != WEIR_OK) return status;
    status = run_insert(l, t, rows, count, why, error);
    if (status == WEIR_OK) {
        count_ignored(l, count);
        return step(l, l->release, error);
    }
    if (status != WEIR_REJECTED) return status; /* the caller rolls back */
    int undone = step(l, l->undo, error);
    if (undone == WEIR_OK) undone = step(l, l->release, error);
    return undone == WEIR_OK ? status : undone;
}

/* Whatever it is that a row is refused for, its transaction begins again with savepoints. */
static int try_at_once(weir_load *l, weir_load_table *t, const weir_feed_row *rows, size_t count,
                       weir_error *error) {
    weir_refusal why;
    int status = run_insert(l, t, rows, count, &why, error);
    if (status == WEIR_OK) count_ignored(l, count);
    if (status != WEIR_REJECTED && status != WEIR_SINK_AGAIN) return status;
    l->tables[t->first]->refuses = true;
    return WEIR_SINK_AGAIN;
}

/* ---- groups of rows of one table ------------------------------------------------------------- */

static int reject(weir_load *l, const weir_load_table *t, const weir_feed_row *row,
                  const weir_refusal *why, weir_error *error) {
    if (!l->reject_ready) {
        (void)sqlite3_finalize(l->reject); /* it was made for an older schema */
        int status = weir_reject_prepare(l->db, &l->reject, error);
        if (status != WEIR_OK) return status;
        l->reject_ready = true;
    }
    uint64_t number = l->first + row->index;
    weir_refused refused = {l->header, number, t->declaration->name, row->bytes, row->length};
    weir_reject_kept kept = number == l->shortened ? WEIR_REJECT_SHORT : WEIR_REJECT_WHOLE;
    int status = weir_reject_insert(l->reject, &refused, why, kept, error);
    if (status == WEIR_OK) l->counts.rejected++;
    bool too_large = status == WEIR_TOO_BIG || (status == WEIR_NO_MEMORY && is_starved(l, row));
    if (kept == WEIR_REJECT_SHORT || !too_large) return status;
    l->shortened = number; /* the transaction may be gone */
    return WEIR_SINK_AGAIN;
}

static int load_one(weir_load *l, weir_load_table *t, const weir_feed_row *row, weir_error *error) {
    weir_refusal why;
    uint64_t number = l->first + row->index;
    if (number == l->doomed) return reject(l, t, row, &l->doomed_by, error);
    int status = try_rows(l, t, row, 1, &why, error);
    if (status == WEIR_REJECTED) return reject(l, t, row, &why, error);
    if (status == WEIR_SINK_AGAIN) {
        l->doomed = number;
        l->doomed_by = why;
    }
    return status;
}

static int load_each(weir_load *l, weir_load_table *t, const weir_feed_row *rows, size_t count,
                     weir_error *error) {
    int status = WEIR_OK;
    for (size_t i = 0; i < count && status == WEIR_OK; i++)
        status = feeds_at_once(l, t) ? try_at_once(l, t, &rows[i], 1, error)
                                     : load_one(l, t, &rows[i], error);
    return status;
}

/* Halves go in order, so that rows keep theirs. The depth is the logarithm of a window. */
static int load_group(weir_load *l, weir_load_table *t, const weir_feed_row *rows, size_t count,
                      weir_error *error) {
    if (count == 1 || t->traits.one_by_one) return load_each(l, t, rows, count, error);
    if (feeds_at_once(l, t)) return try_at_once(l, t, rows, count, error);
    weir_refusal why;
    int status = try_rows(l, t, rows, count, &why, error);
    if (status != WEIR_REJECTED) return status;
    status = load_group(l, t, rows, count / 2, error);
    return status == WEIR_OK ? load_group(l, t, rows + count / 2, count - count / 2, error)
                             : status;
}

/* ---- windows --------------------------------------------------------------------------------- */

/* Count the rows of each table, and see whether their order across tables matters. */
static int survey_schema(weir_load *l, bool *ordered, size_t *tables, weir_error *error) {
    *ordered = false;
    *tables = 0;
    l->windows++;
    for (size_t i = 0; i < l->count; i++)
        l->tables[l->window[i].table]->pending = 0;
    for (size_t i = 0; i < l->count; i++) {
        weir_load_table *t = l->tables[l->window[i].table];
        if (t->pending++ > 0) continue;
        int status = make_ready(l, t, HAS_ROWS, error);
        if (status != WEIR_OK) return status;
        weir_load_table *first = l->tables[t->first];
        *ordered |= t->traits.ordered || first->window == l->windows;
        first->window = l->windows;
        ++*tables;
    }
    return WEIR_OK;
}

static bool is_asked(const weir_load *l, const weir_feed_row *row) {
    return l->asked && weir_outcomes_asked(l->outcomes, row->bytes, row->length);
}

/* Rows of one table, but a row that somebody asks for alone: only then do the counts tell of it. */
static size_t run_length(const weir_load *l, const weir_feed_row *rows, size_t most) {
    size_t n = 1;
    if (is_asked(l, rows)) return 1;
    while (n < most && rows[n].table == rows[0].table && !is_asked(l, &rows[n]))
        n++;
    return n;
}

/* The first row, which the counts tell of since before. The transaction may yet fail: then the row is
 * fed again, and what is told then counts. */
static void tell_outcome(weir_load *l, const weir_feed_row *row, const weir_sink_counts *before) {
    weir_outcome outcome = l->counts.rejected > before->rejected ? WEIR_OUTCOME_REJECTED
                           : l->counts.ignored > before->ignored ? WEIR_OUTCOME_IGNORED
                                                                 : WEIR_OUTCOME_INSERTED;
    weir_outcomes_tell(l->outcomes, row->bytes, row->length, outcome);
}

static int load_runs(weir_load *l, const weir_feed_row *rows, weir_error *error) {
    int status = WEIR_OK;
    for (size_t at = 0, count; at < l->count && status == WEIR_OK; at += count) {
        weir_sink_counts before = l->counts;
        count = run_length(l, &rows[at], l->count - at);
        status = load_group(l, l->tables[rows[at].table], &rows[at], count, error);
        if (status == WEIR_OK && is_asked(l, &rows[at])) tell_outcome(l, &rows[at], &before);
    }
    return status;
}

/* A stable counting sort: tables in the order of their first row, rows in the order of their
 * numbers. */
static void sort_by_table(weir_load *l) {
    size_t place = 0;
    for (size_t i = 0; i < l->count; i++) {
        weir_load_table *t = l->tables[l->window[i].table];
        if (t->pending & PLACED) continue;
        size_t rows = t->pending;
        t->pending = place | PLACED;
        place += rows;
    }
    for (size_t i = 0; i < l->count; i++) {
        weir_load_table *t = l->tables[l->window[i].table];
        l->sorted[t->pending++ & ~PLACED] = l->window[i];
    }
}

static int load_window(weir_load *l, weir_error *error) {
    bool ordered;
    size_t tables;
    if (l->count == 0) return WEIR_OK;
    int status = survey_schema(l, &ordered, &tables, error);
    if (status != WEIR_OK) return status;
    bool sort = tables > 1 && !ordered;
    if (sort) sort_by_table(l);
    status = load_runs(l, sort ? l->sorted : l->window, error);
    l->counts.rows += l->count;
    l->count = 0;
    return status;
}

/* Rows of other tables may go before what waits to be transferred, unless they depend on it, or are
 * of a table that may have rows waiting. */
static int feed_row(weir_load *l, weir_load_table *t, uint64_t number, const uint8_t *bytes,
                    size_t length, weir_error *error) {
    int status = make_ready(l, t, HAS_ROWS, error);
    if (status == WEIR_OK && (t->traits.ordered || l->tables[t->first]->transferred))
        status = weir_load_end(l, error);
    if (status != WEIR_OK) return status;
    if (l->count == 0) l->first = number;
    uint16_t table = t->declaration->table;
    l->window[l->count] =
        (weir_feed_row){bytes, (uint32_t)length, table, (uint16_t)(number - l->first)};
    l->count++;
    return WEIR_OK;
}

static int add_row(weir_load *l, uint64_t number, const uint8_t *bytes, size_t length,
                   weir_error *error) {
    weir_cursor c = weir_cursor_over(bytes, length);
    uint16_t table = weir_take_u16(&c);
    if (!weir_cursor_ok(&c) || table > WEIR_TABLES_MAX || !l->tables[table])
        return weir_fail(error, WEIR_DAMAGED,
                         "row %llu (block %llu) belongs to table number %u, which the "
                         "journal never declared",
                         (unsigned long long)number, (unsigned long long)l->header->block, table);
    weir_load_table *t = l->tables[table];
    if (t->slot < 0) return feed_row(l, t, number, bytes, length, error);
    if (!weir_transfer_take(l->transfer, t->slot, bytes, length)) {
        /* Most of all because its key is not the greatest yet. */
        l->jumps += weir_declaration_key(t->declaration) >= 0;
        return feed_row(l, t, number, bytes, length, error);
    }
    l->counts.rows++;
    if (l->asked) weir_outcomes_tell(l->outcomes, bytes, length, WEIR_OUTCOME_INSERTED);
    return WEIR_OK;
}

static bool window_is_full(const weir_load *l, uint64_t number, size_t bytes) {
    return l->count &&
           (l->count == WINDOW_ROWS || bytes >= WINDOW_BYTES || number - l->first == UINT16_MAX);
}

/* Windows end by rows or by bytes; a row of any size is a window at least. */
static int load_body(weir_load *l, weir_cursor body, weir_row_range range, weir_error *error) {
    const uint8_t *row;
    size_t length, bytes = 0;
    int more = 1, status = WEIR_OK;
    uint64_t number = l->header->first_row;
    for (; number <= range.last && status == WEIR_OK; number++) {
        if ((more = weir_payload_next_row(&body, &row, &length)) != 1) break;
        if (number < range.first) continue;
        status = add_row(l, number, row, length, error);
        bytes = l->count ? bytes + length : 0; /* of rows that are fed */
        if (status == WEIR_OK && window_is_full(l, number, bytes)) {
            status = load_window(l, error);
            bytes = 0;
        }
    }
    if (status == WEIR_OK && more < 0)
        return weir_fail(error, WEIR_DAMAGED, "row %llu (block %llu) is not valid",
                         (unsigned long long)number, (unsigned long long)l->header->block);
    return status == WEIR_OK ? load_window(l, error) : status;
}

int weir_load_rows(weir_load *l, const weir_block_header *header, weir_cursor body,
                   weir_row_range range, weir_error *error) {
    l->header = header;
    l->count = 0;
    l->asked = weir_outcomes_any(l->outcomes);
    return load_body(l, body, range, error);
}

/* ---- making ---------------------------------------------------------------------------------- */

int weir_load_make(weir_load *l, sqlite3 *db, weir_transfer *transfer, weir_error *error) {
    l->db = db;
    l->transfer = transfer;
    l->window = malloc(WINDOW_ROWS * sizeof *l->window);
    l->sorted = malloc(WINDOW_ROWS * sizeof *l->sorted);
    if (!l->window || !l->sorted)
        return weir_fail(error, WEIR_NO_MEMORY, "no memory for the writer");
    int status = weir_sqlite_prepare(db, "SAVEPOINT weir_feed", &l->savepoint, error);
    if (status == WEIR_OK)
        status = weir_sqlite_prepare(db, "RELEASE weir_feed", &l->release, error);
    return status == WEIR_OK ? weir_sqlite_prepare(db, "ROLLBACK TO weir_feed", &l->undo, error)
                             : status;
}

void weir_load_free(weir_load *l) {
    for (size_t i = 0; i <= WEIR_TABLES_MAX; i++)
        free_table(l->tables[i]);
    sqlite3_stmt *statements[] = {l->savepoint, l->release, l->undo, l->reject, l->no_change};
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
        (void)sqlite3_finalize(statements[i]); /* nothing hangs on it any more */
    free(l->window);
    free(l->sorted);
}

/* What does not fit, or fails, is met again inside the transaction, and told there. A table with
 * several numbers waits for that too: they are made ready in the order of their rows. */
static void look_ahead(weir_load *l, weir_load_table *t) {
    bool fits;
    if (!t || t->ready || t->expected) return;
    t->expected = true;
    if (t->first != t->declaration->table) return;
    if (weir_schema_look(l->db, t->declaration, &fits, &t->traits, NULL) == WEIR_OK && fits)
        (void)prepare_table(l, t, NULL); /* begin offers it */
}

void weir_load_expect(weir_load *l, const weir_block_header *header, weir_cursor body) {
    const uint8_t *row;
    size_t length;
    if (header->rows < EXPECTED_ROWS) return;
    while (weir_payload_next_row(&body, &row, &length) == 1) {
        weir_cursor c = weir_cursor_over(row, length);
        uint16_t table = weir_take_u16(&c);
        if (weir_cursor_ok(&c) && table <= WEIR_TABLES_MAX) look_ahead(l, l->tables[table]);
    }
}

bool weir_load_scatters(const weir_load *l) { return l->indexed || l->jumping; }

void weir_load_begin(weir_load *l) {
    if (l->counts.rows)
        l->jumping = l->jumps > l->counts.rows / 4; /* else nothing was to be seen */
    l->jumps = 0;
    l->counts = (weir_sink_counts){0};
    for (size_t i = 0; l->unoffered && i <= WEIR_TABLES_MAX; i++)
        offer(l, l->tables[i]);
    l->unoffered = false;
    weir_transfer_begin(l->transfer);
}

/* What may be over by the next time is told as it is. Anything else is judged by feeding the rows,
 * which is how the next transaction goes: a rollback forgets what was offered. */
int weir_load_end(weir_load *l, weir_error *error) {
    int code = weir_transfer_run(l->transfer);
    if (code == SQLITE_OK) return WEIR_OK;
    int status = weir_sqlite_status(code);
    if (status == WEIR_BUSY || status == WEIR_IO || status == WEIR_NO_SPACE ||
        status == WEIR_NO_MEMORY)
        return weir_sqlite_fail(l->db, "copying rows", error);
    return WEIR_SINK_AGAIN;
}

void weir_load_forget(weir_load *l) {
    l->reject_ready = l->indexed = false;
    weir_transfer_forget(l->transfer);
    for (size_t i = 0; i <= WEIR_TABLES_MAX; i++) {
        weir_load_table *t = l->tables[i];
        if (!t) continue;
        t->ready = t->expected = t->offered = t->transferred = false;
        t->slot = -1;
    }
}
