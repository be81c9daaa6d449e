/* load_group.c - rows of one table by one INSERT, and the search for the row that it refuses. */
#include "load_group.h"

#include "sqlite_error.h"

enum {
    LARGE_ROW = 1 << 20, /* a lack of memory is never the fault of a smaller one */
    FULL_TIMES = 3,
    STARVED_TIMES = 8, /* with the applier's pauses, some ten seconds */
};

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

/* An expression that fails for a value (json(x) in a CHECK) returns SQLITE_ERROR. So does a
 * statement that the schema no longer allows; but that one cannot be prepared any more. */
static bool still_prepares(weir_load *l, const weir_load_table *t) {
    sqlite3_stmt *again;
    int status = weir_load_prepare_insert(l, t, &again, NULL);
    (void)sqlite3_finalize(again); /* never stepped */
    return status == WEIR_OK;
}

/* Has the row failed so often before, each time alone? The writer pauses between the attempts. */
static bool failed_often(weir_load *l, uint64_t number, unsigned times) {
    if (l->failed.row != number) {
        l->failed.row = number;
        l->failed.times = 0;
    }
    return ++l->failed.times > times;
}

/* The transaction has only this row, so nothing else can be at fault. */
static bool stands_alone(const weir_load *l) { return l->counts.rows == 0 && l->count == 1; }

/* SQLITE_FULL means a full disk, or an AUTOINCREMENT that has no number left. The row that took the
 * last number may have been undone with the statement or the transaction; that shows when fewer
 * rows go in. Or one row takes the last number and then needs another, in a trigger: such a row is
 * refused after it has failed for a while. Keeping a refused row takes as much of the disk as the
 * row itself. */
static bool is_for_want_of_numbers(weir_load *l, const weir_load_table *t,
                                   const weir_row_vtab_row *rows, size_t count) {
    switch (weir_schema_sequences(l->db, t->declaration)) {
    case WEIR_SEQUENCES_SPENT: return true;
    case WEIR_SEQUENCES_LEFT:
        return count > 1 || (sqlite3_get_autocommit(l->db) && !stands_alone(l)) ||
               failed_often(l, l->first + rows->index, FULL_TIMES);
    default: return false;
    }
}

static bool is_starved(weir_load *l, const weir_row_vtab_row *row) {
    return row->length >= LARGE_ROW && failed_often(l, l->first + row->index, STARVED_TIMES);
}

/* A lack of memory passes. But a large row that failed for it alone, again and again, must not keep
 * all others waiting. */
static bool is_too_large(weir_load *l, const weir_row_vtab_row *rows, size_t count) {
    size_t large = 0;
    for (size_t i = 0; i < count; i++)
        large += rows[i].length >= LARGE_ROW;
    if (large == 0) return false;
    if (count > 1 || (sqlite3_get_autocommit(l->db) && !stands_alone(l))) return true;
    return is_starved(l, rows);
}

static bool is_rows_fault(weir_load *l, const weir_load_table *t, const weir_row_vtab_row *rows,
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

/* The statement failed: because of a row, or for another reason? */
static int judge_row(weir_load *l, weir_load_table *t, const weir_row_vtab_row *rows, size_t count,
                     weir_refusal *why, weir_error *error) {
    note_refusal(l, why);
    int status = weir_sqlite_fail(l->db, t->declaration->name, error);
    (void)sqlite3_reset(t->insert); /* repeats the step's code */
    if (weir_row_vtab_damaged(t->feed))
        return weir_fail(error, WEIR_DAMAGED, "a row of block %llu does not parse",
                         (unsigned long long)l->header->block);
    if (!is_rows_fault(l, t, rows, count, why->code)) return status;
    return sqlite3_get_autocommit(l->db) ? WEIR_SINK_AGAIN : WEIR_REJECTED;
}

/* What earlier statements left in changes() and last_insert_rowid() depends on where transactions
 * end. So each row finds in them what a connection returns that has changed nothing yet. SQLite
 * cannot reset total_changes(). */
static int forget_counters(weir_load *l, weir_error *error) {
    int status = WEIR_OK;
    if (!l->no_change)
        status = weir_sqlite_prepare(l->db, "DELETE FROM main.weir_position WHERE 0", &l->no_change,
                                     error);
    if (status == WEIR_OK) status = step(l, l->no_change, error);
    sqlite3_set_last_insert_rowid(l->db, 0);
    return status;
}

static int run_insert(weir_load *l, weir_load_table *t, const weir_row_vtab_row *rows, size_t count,
                      weir_refusal *why, weir_error *error) {
    int status = t->traits.counting ? forget_counters(l, error) : WEIR_OK;
    if (status != WEIR_OK) return status;
    weir_row_vtab_give(t->feed, rows, count);
    if (sqlite3_step(t->insert) != SQLITE_DONE) return judge_row(l, t, rows, count, why, error);
    (void)sqlite3_reset(t->insert); /* it is done */
    if (!keys_are_open(l)) return WEIR_OK;
    /* At COMMIT, the result for a deferred key would depend on later rows, and on where a
     * transaction happens to end. Judged here, it is the same in every replay. */
    *why = (weir_refusal){SQLITE_CONSTRAINT_FOREIGNKEY, "FOREIGN KEY constraint failed"};
    return WEIR_REJECTED;
}

static void count_ignored(weir_load *l, size_t count) {
    uint64_t changes = (uint64_t)sqlite3_changes64(l->db);
    l->counts.ignored += changes < count ? count - changes : 0;
}

/* Insert all the rows or none. WEIR_REJECTED: none, and why says the reason; WEIR_SINK_AGAIN: the
 * transaction is gone. */
static int try_rows(weir_load *l, weir_load_table *t, const weir_row_vtab_row *rows, size_t count,
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

/* Insert without a savepoint. When a row is refused, the transaction begins again with
 * savepoints. */
static int try_at_once(weir_load *l, weir_load_table *t, const weir_row_vtab_row *rows,
                       size_t count, weir_error *error) {
    weir_refusal why;
    int status = run_insert(l, t, rows, count, &why, error);
    if (status == WEIR_OK) count_ignored(l, count);
    if (status != WEIR_REJECTED && status != WEIR_SINK_AGAIN) return status;
    l->tables[t->first]->refuses = true;
    return WEIR_SINK_ANEW;
}

/* ---- groups of rows of one table ------------------------------------------------------------- */

static int reject(weir_load *l, const weir_load_table *t, const weir_row_vtab_row *row,
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
    l->shortened = number; /* for the next attempt: the transaction may be gone */
    return WEIR_SINK_AGAIN;
}

static int load_one(weir_load *l, weir_load_table *t, const weir_row_vtab_row *row,
                    weir_error *error) {
    weir_refusal why;
    uint64_t number = l->first + row->index;
    if (number == l->poison_row) return reject(l, t, row, &l->poison_why, error);
    int status = try_rows(l, t, row, 1, &why, error);
    if (status == WEIR_REJECTED) return reject(l, t, row, &why, error);
    if (status == WEIR_SINK_AGAIN) {
        l->poison_row = number;
        l->poison_why = why;
    }
    return status;
}

static int load_each(weir_load *l, weir_load_table *t, const weir_row_vtab_row *rows, size_t count,
                     weir_error *error) {
    int status = WEIR_OK;
    for (size_t i = 0; i < count && status == WEIR_OK; i++)
        status = weir_load_feeds_at_once(l, t) ? try_at_once(l, t, &rows[i], 1, error)
                                               : load_one(l, t, &rows[i], error);
    return status;
}

/* The halves go in order, so that rows keep their order. The recursion is as deep as the logarithm
 * of the window's rows. */
int weir_load_group(weir_load *l, weir_load_table *t, const weir_row_vtab_row *rows, size_t count,
                    weir_error *error) {
    if (count == 1 || t->traits.one_by_one) return load_each(l, t, rows, count, error);
    if (weir_load_feeds_at_once(l, t)) return try_at_once(l, t, rows, count, error);
    weir_refusal why;
    int status = try_rows(l, t, rows, count, &why, error);
    if (status != WEIR_REJECTED) return status;
    status = weir_load_group(l, t, rows, count / 2, error);
    return status == WEIR_OK ? weir_load_group(l, t, rows + count / 2, count - count / 2, error)
                             : status;
}
