/* retention.h - which rows of which tables are to be deleted, and deleting them, a part at a time.
 *
 * Each table that has limits is looked at once a second. When it exceeds one of them by a sixteenth
 * (the age: by a minute at most), a sweep begins: the oldest rows are deleted, in as many
 * transactions as it takes, until no limit is exceeded. The oldest row is the one with the lowest
 * rowid. A sweep ends at the first row that no limit wants gone, so it reads no row that stays.
 *
 * Rows and bytes have to be counted, since SQLite keeps no count. Each table is counted once from
 * its first row to its last, a slice at a time; after that only new rows are. What may have changed
 * behind the count (by other connections, by triggers, by REPLACE) makes it suspect, and no row is
 * deleted by a suspect count: the table is counted anew first.
 *
 * The row with the greatest rowid below 2^63 - 1 always stays: rowids and keys are chosen above it,
 * and one that was given is not given again. For the writer thread only. */
#ifndef WEIR_RETENTION_H
#define WEIR_RETENTION_H

#include "../../lib/base/os.h"
#include "../apply/sink.h"
#include "keep_settings.h"
#include "keep_table.h"

enum {
    WEIR_RETENTION_ROWS = 4096,   /* so many are deleted by one transaction when few are added */
    WEIR_RETENTION_SLICE = 16384, /* so many are counted at once when few are added */
    WEIR_RETENTION_TRIES = 30,    /* so many in a row fail before it is told */
};

typedef struct weir_kept weir_kept;

typedef struct weir_retention {
    const weir_os *os;
    weir_keep_settings *settings; /* the caller's; NULL: there are none */
    uint64_t version;             /* of the settings that were taken over */
    weir_kept *first;
    weir_kept *at;  /* that weir_retention_look has chosen */
    uint64_t added; /* rows by the last transaction: the next part is larger than that */
    char text[700];
} weir_retention;

void weir_retention_free(weir_retention *r);
/* The database was opened anew: what was counted means nothing. */
void weir_retention_forget(weir_retention *r);

/* Nanoseconds until there is something to do; 0: there is; UINT64_MAX: nothing. */
uint64_t weir_retention_pause(weir_retention *r);

/* What follows is one visit to a table, once the pause is 0. First, between transactions: look at
 * the table that has waited longest, and count a slice of it. *sweep: out, rows are to be
 * deleted. */
int weir_retention_look(weir_retention *r, sqlite3 *db, bool *sweep, weir_error *error);
/* If so, inside a write transaction: delete a part of them. *deleted: out. */
int weir_retention_sweep(weir_retention *r, sqlite3 *db, uint64_t *deleted, weir_error *error);
/* In any case, at last: status is that of the visit, and of the commit if there was one; why: the
 * words for one that failed, without the database's name. Fills out->pause_ns, trouble and
 * suspended. */
void weir_retention_end(weir_retention *r, int status, const char *why, weir_sink_retained *out);

#endif
