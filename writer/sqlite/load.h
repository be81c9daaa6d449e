/* load.h - rows of blocks into tables of SQLite, in bulk, and exactly. */
#ifndef WEIR_LOAD_H
#define WEIR_LOAD_H

#include "../apply/sink.h"
#include "../copy/record_copy.h"
#include "outcomes.h"
#include "reject.h"
#include "row_vtab.h"

typedef struct weir_load_table weir_load_table;

typedef struct weir_load {
    sqlite3 *db;
    weir_load_table *tables[WEIR_TABLES_MAX + 1]; /* by number; NULL: never declared */
    weir_record_copy *transfer;                   /* the caller's */
    bool indexed;   /* a table with indexes is ready, as the schema is now */
    bool jumping;   /* the last transaction had many rows whose keys came in no order */
    uint64_t jumps; /* rows of this transaction that may be such */
    bool unoffered; /* tables have become ready that were not offered to the transfer */
    sqlite3_stmt *savepoint, *release, *undo, *reject;
    sqlite3_stmt *no_change; /* leaves changes() at zero; made when it is needed */
    bool reject_ready;
    weir_sink_counts counts;
    char mended[300]; /* what counts.mended points to */

    const weir_block_header *header; /* of the block at hand */
    uint64_t first;                  /* number of the first row in the window */
    uint64_t windows;                /* so far, with this one */
    weir_row_vtab_row *window, *sorted;
    size_t count;

    weir_outcomes *outcomes; /* NULL: nobody asks */
    bool asked;              /* there is a question for a row that may be in the block at hand */

    struct {
        uint64_t row;   /* number of the last that failed alone for what may pass; 0: none */
        unsigned times; /* how often it did */
    } failed;
    uint64_t shortened; /* number of a row that cannot be kept whole; 0: none */
    uint64_t
        poison_row; /* number of a row that ended a transaction in which it was alone; 0: none */
    weir_refusal poison_why;
} weir_load;

int weir_load_make(weir_load *l, sqlite3 *db, weir_record_copy *transfer, weir_error *error);
void weir_load_free(weir_load *l);

/* Between transactions, before weir_load_begin: rows of this block come next. Tables that are in
 * the database as they were declared can then be copied into from their first row on. */
void weir_load_expect(weir_load *l, const weir_block_header *header, weir_cursor body);
void weir_load_begin(weir_load *l); /* between transactions, before BEGIN: counts from zero */
/* Do rows change pages all over the file, through indexes or keys in no order? As far as was known
 * at weir_load_begin. */
bool weir_load_has_random_keys(const weir_load *l);
/* Before COMMIT: copy the rows that still wait in the transfer. Returns what weir_sink's apply
 * may. */
int weir_load_end(weir_load *l, weir_error *error);
/* The schema may have changed: look at each table again before its next row. */
void weir_load_forget(weir_load *l);

/* As declare and apply of weir_sink. */
int weir_load_declare(weir_load *l, const weir_declaration *d, weir_declare_when when,
                      weir_error *error);
int weir_load_rows(weir_load *l, const weir_block_header *header, weir_cursor body,
                   weir_row_range range, weir_error *error);

#endif
