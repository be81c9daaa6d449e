/* retention_state.h - a table that is kept within limits, and the rows of it: counting, looking at the
 * oldest, deleting. Private to this folder. */
#ifndef WEIR_RETENTION_STATE_H
#define WEIR_RETENTION_STATE_H

#include "retention.h"

/* The rows from the first up to from, which is excluded. */
typedef struct weir_kept_count {
    uint64_t rows, bytes;
    int64_t from;
    bool behind;     /* the last slice ended before the last row */
    bool whole;      /* the last row has been reached once; from then on only new rows come */
    bool suspect;    /* rows that were counted may be gone */
    int64_t version; /* of the database, which other connections change */
    uint64_t began, recount_at;
} weir_kept_count;

struct weir_kept {
    weir_keep_setting setting; /* its texts are copies */
    bool suspended;            /* until weir_keep is called again */
    uint64_t next;             /* when to look */
    unsigned failures;         /* in a row, that may pass */
    weir_keep_table table;     /* as of the last look */
    weir_kept_count count;     /* only where rows or bytes are limited */
    bool sweeping;
    bool by_count; /* the sweep goes by the count too */
    struct {
        uint64_t rows, bytes; /* of the count, that the transaction deletes */
        bool finished;        /* the sweep ends with it */
    } swept;
    weir_kept *after;
};

/* What the oldest row that may be deleted is. */
typedef enum weir_kept_oldest {
    WEIR_OLDEST_ABSENT, /* no row may be deleted */
    WEIR_OLDEST_YOUNG,
    WEIR_OLDEST_OLD, /* older than the age limit allows */
} weir_kept_oldest;

static inline uint64_t weir_kept_now(const weir_os *os) { return os->now(os->self); }

void weir_kept_count_anew(weir_kept *k, const weir_os *os);

/* Between transactions. Count up to most rows more, fewer where they are large; k->table is of the
 * same look. */
int weir_kept_count_on(weir_kept *k, const weir_os *os, sqlite3 *db, uint64_t most,
                       weir_error *error);

/* slack_ns is added to the limit. */
int weir_kept_look_at_oldest(const weir_kept *k, const weir_os *os, sqlite3 *db, uint64_t slack_ns,
                             weir_kept_oldest *out, weir_error *error);

/* As weir_retention_sweep; fills k->swept. */
int weir_kept_sweep(weir_kept *k, const weir_os *os, sqlite3 *db, uint64_t most, uint64_t *deleted,
                    weir_error *error);

#endif
